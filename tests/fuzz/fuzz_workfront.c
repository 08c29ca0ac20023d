/* Provider answers: the first byte picks the endpoint and the status, the rest is the body. No
 * answer yields tokens or claims together with a refusal, and no text of it gets out unclean. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "fakedoor.h"
#include "json.h"
#include "provider.h"

static const struct wf_provider_conf conf = {
    .name = "acme",
    .type = WF_PROVIDER_WORKFRONT,
    .url = "https://acme.my.workfront.com",
    .client_id = "c",
    .redirect_uri = "https://login.acme.example/code",
    .api_version = "v20.0",
    .timeout = 10,
};

static void redeem(const struct wf_endpoint *endpoint)
{
    struct wf_tokens tokens = WF_TOKENS_INIT;
    struct wf_err err = WF_ERR_INIT;
    struct wf_secret *code = wf_secret_new("c", 1);
    struct wf_secret *verifier = wf_secret_new("v", 1);

    if (wf_provider_redeem(endpoint, code, verifier, &tokens, &err) == WF_OK) {
        struct wf_span token = wf_secret_borrow(tokens.access);
        FUZZ_CLAIM(token.len > 0 && wf_text_is_printable(token.ptr, token.len));
        FUZZ_CLAIM(tokens.expires_in >= 0);
    } else {
        FUZZ_CLAIM(tokens.access == NULL && tokens.refresh == NULL && err.text[0] != '\0');
        FUZZ_CLAIM(wf_text_is_clean(err.text, strlen(err.text)));
    }
    wf_tokens_done(&tokens);
    wf_secret_free(code);
    wf_secret_free(verifier);
}

static void look_up(const struct wf_endpoint *endpoint)
{
    struct wf_tokens tokens = WF_TOKENS_INIT;
    struct json_t *claims = NULL;
    struct wf_err err = WF_ERR_INIT;

    tokens.access = wf_secret_new("0a1b", 4);
    enum wf_reason reason = wf_provider_claims(endpoint, &tokens, &claims, &err);

    FUZZ_CLAIM(reason == WF_INACTIVE || (reason == WF_OK) == (claims != NULL));
    FUZZ_CLAIM(wf_text_is_clean(err.text, strlen(err.text)));
    if (reason == WF_OK)
        FUZZ_CLAIM(wf_json_text(claims, "ID").len > 0);
    wf_json_free(claims);
    wf_tokens_done(&tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 400, 401, 200, 500, 200, 302, 429};
    static const char *const types[] = {NULL, "text/html"};
    uint8_t first = size == 0 ? 0 : data[0];
    struct fake_answer answer = {
        .status = statuses[(first >> 1) % 8],
        .type = types[(first >> 4) % 2],
        .body = size > 1 ? (const char *)data + 1 : NULL,
        .len = size > 1 ? size - 1 : 0,
    };
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_endpoint endpoint = {&conf, http};

    fake_door_script(&answer, 1);
    if ((first & 1) == 0)
        redeem(&endpoint);
    else
        look_up(&endpoint);
    wf_http_free(http);
    return 0;
}
