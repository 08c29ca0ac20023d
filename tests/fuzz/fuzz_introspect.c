/* Answers about opaque tokens: the first byte picks the endpoint, the status and the content type,
 * the rest is the body. What is accepted is active and of the types that the rules read; a refusal
 * brings no claims, and no text of the answer gets out unclean. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "fakedoor.h"
#include "introspect.h"
#include "json.h"
#include "rules.h"

static const struct wf_provider_conf conf = {
    .name = "mail",
    .type = WF_PROVIDER_OIDC,
    .url = "https://sso.acme.example",
    .client_id = "c",
    .timeout = 10,
};

static void claim_good(const struct json_t *claims, bool introspection)
{
    bool active = false;
    const struct wf_json_field field = {"active", WF_JSON_BOOL, &active, true};
    struct wf_span iss = wf_json_text(claims, "iss");
    struct wf_span type = wf_json_text(claims, "token_type");

    FUZZ_CLAIM(wf_rules_check_types(claims, NULL) == WF_OK);
    FUZZ_CLAIM(iss.ptr == NULL || wf_span_equals(iss, conf.url));
    if (!introspection) {
        FUZZ_CLAIM(wf_json_text(claims, "sub").len > 0);
        return;
    }
    FUZZ_CLAIM(wf_json_read(claims, &field, 1, NULL) == WF_OK && active);
    FUZZ_CLAIM(type.ptr == NULL || wf_span_equals_fold(type, "Bearer") ||
               wf_span_equals_fold(type, "access_token"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 400, 401, 200, 500, 403, 404, 429};
    static const char *const types[] = {NULL, NULL, "application/jwt", "text/html"};
    uint8_t first = size == 0 ? 0 : data[0];
    bool introspection = (first & 1) == 0;
    const struct fake_answer answer = {
        .status = statuses[(first >> 1) % 8],
        .type = types[(first >> 4) % 4],
        .body = size > 1 ? (const char *)data + 1 : NULL,
        .len = size > 1 ? size - 1 : 0,
    };
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_endpoint endpoint = {&conf, http};
    struct wf_secret *token = wf_secret_new("0a1b", 4);
    struct json_t *claims = NULL;
    struct wf_err err = WF_ERR_INIT;

    fake_door_script(&answer, 1);
    enum wf_reason reason =
        introspection ? wf_introspect(&endpoint, "https://sso.acme.example/i", token, &claims, &err)
                      : wf_userinfo(&endpoint, "https://sso.acme.example/u", token, &claims, &err);
    FUZZ_CLAIM((reason == WF_OK) == (claims != NULL));
    FUZZ_CLAIM(reason == WF_OK || reason == WF_ISSUER || reason == WF_TYPE ||
               reason == WF_INACTIVE || reason == WF_UNREACHABLE || reason == WF_CONFIG ||
               reason == WF_INTERNAL);
    FUZZ_CLAIM(reason != WF_OK || answer.status == 200);
    FUZZ_CLAIM(wf_text_is_clean(err.text, strlen(err.text)));
    if (reason == WF_OK)
        claim_good(claims, introspection);
    wf_json_free(claims);
    wf_secret_free(token);
    wf_http_free(http);
    return 0;
}
