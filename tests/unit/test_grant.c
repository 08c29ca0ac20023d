/* Refresh, revocation and log-out: what is asked, and what each answer means. The other answers of
 * a token endpoint are in test_workfront.c. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fakedoor.h"
#include "grant.h"
#include "keycase.h"
#include "provider.h"

static char folder[64];
static struct wf_provider_conf workfront = {
    .name = "acme",
    .type = WF_PROVIDER_WORKFRONT,
    .url = "https://acme.my.workfront.com",
    .client_id = "client",
    .redirect_uri = "https://login.acme.example/code",
    .api_version = "v20.0",
    .timeout = 10,
};
static struct wf_provider_conf oidc = {
    .name = "sso",
    .type = WF_PROVIDER_OIDC,
    .url = "https://sso.example",
    .client_id = "client",
    .redirect_uri = "https://login.acme.example/code",
    .timeout = 10,
    .cache_dir = folder,
};

static enum wf_reason refresh(const struct wf_provider_conf *conf,
                              const struct fake_answer *answers, size_t n, struct wf_tokens *ret,
                              struct wf_err *err)
{
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_endpoint endpoint = {conf, http};
    struct wf_secret *token = wf_secret_new("the+refresh", 11);

    fake_door_script(answers, n);
    enum wf_reason reason = wf_provider_refresh(&endpoint, NULL, token, ret, err);
    wf_secret_free(token);
    wf_http_free(http);
    return reason;
}

#define TOKENS "\"token_type\":\"sessionID\",\"access_token\":\"0a1b\""
static const struct {
    const char *name;
    struct fake_answer answer;
    enum wf_reason reason;
    const char *refresh; /* NULL: none came */
    int64_t expires_in;
    int64_t refresh_expires_in;
} answers[] = {
    {"rotated", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"new\",\"expires_in\":60}"}, WF_OK, "new", 60, 0},
    {"the same one", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"the+refresh\"}"}, WF_OK, "the+refresh", 0, 0},
    {"none", {.status = 200, .body = "{" TOKENS ",\"expires_in\":0}"}, WF_OK, NULL, 0, 0},
    {"null", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":null}"}, WF_OK, NULL, 0, 0},
    {"an empty one", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"\"}"}, WF_UNREACHABLE, NULL, 0, 0},
    {"its own life", {.status = 200, .body = "{" TOKENS ",\"refresh_expires_in\":1800}"}, WF_OK, NULL, 0, 1800},
    {"its own life, other name", {.status = 200, .body = "{" TOKENS ",\"refresh_token_expires_in\":1800}"}, WF_OK, NULL, 0, 1800},
    {"the longest life", {.status = 200, .body = "{" TOKENS ",\"refresh_expires_in\":316224000}"}, WF_OK, NULL, 0, 316224000},
    {"an absurd life", {.status = 200, .body = "{" TOKENS ",\"refresh_expires_in\":316224001}"}, WF_OK, NULL, 0, 0},
    {"a negative life", {.status = 200, .body = "{" TOKENS ",\"refresh_expires_in\":-1}"}, WF_OK, NULL, 0, 0},
    {"a life as a text", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"new\",\"expires_in\":\"3600\",\"refresh_expires_in\":\"1800\"}"}, WF_OK, "new", 3600, 1800},
    {"with a fraction", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"new\",\"expires_in\":3599.9}"}, WF_OK, "new", 3599, 0},
    {"in words", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"new\",\"expires_in\":\"an hour\",\"refresh_expires_in\":\"-1\"}"}, WF_OK, "new", 0, 0},
    {"absurd, as a text", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"new\",\"expires_in\":\"316224001\"}"}, WF_OK, "new", 0, 0},
    {"beyond every clock", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"new\",\"expires_in\":1e300}"}, WF_OK, "new", 0, 0},
    {"no number at all", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"new\",\"expires_in\":[],\"refresh_expires_in\":true}"}, WF_OK, "new", 0, 0},
    {"negative", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"new\",\"expires_in\":-5}"}, WF_OK, "new", 0, 0},
    {"over", {.status = 400, .body = "{\"error\":\"invalid_grant\"}"}, WF_EXPIRED, NULL, 0, 0},
    {"over, with another status", {.status = 409, .body = "{\"error\":\"invalid_grant\"}"}, WF_UNREACHABLE, NULL, 0, 0},
    {"over, out of order", {.status = 500, .body = "{\"error\":\"invalid_grant\"}"}, WF_UNREACHABLE, NULL, 0, 0},
    {"over, not as JSON", {.status = 400, .type = "text/html", .body = "{\"error\":\"invalid_grant\"}"}, WF_UNREACHABLE, NULL, 0, 0},
    {"a mistake in the request", {.status = 400, .body = "{\"error\":\"invalid_request\"}"}, WF_UNREACHABLE, NULL, 0, 0},
    {"the client", {.status = 400, .body = "{\"error\":\"invalid_client\"}"}, WF_CONFIG, NULL, 0, 0},
    {"the client's right", {.status = 400, .body = "{\"error\":\"unauthorized_client\"}"}, WF_CONFIG, NULL, 0, 0},
    {"401", {.status = 401, .body = "{\"error\":\"invalid_grant\"}"}, WF_CONFIG, NULL, 0, 0},
    {"404", {.status = 404, .type = "text/html", .body = "<html>"}, WF_CONFIG, NULL, 0, 0},
    {"429", {.status = 429, .body = "{\"error\":\"invalid_grant\"}"}, WF_UNREACHABLE, NULL, 0, 0},
    {"no answer", {.reason = WF_UNREACHABLE}, WF_UNREACHABLE, NULL, 0, 0},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(answers); i++) {
        struct wf_tokens tokens = WF_TOKENS_INIT;
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = refresh(&workfront, &answers[i].answer, 1, &tokens, &err);
        if (reason != answers[i].reason || fake_door_count() != 1)
            fail_msg("%s: %s (%s)", answers[i].name, wf_reason_name(reason), err.text);
        if ((tokens.refresh != NULL) != (answers[i].refresh != NULL) ||
            (tokens.refresh != NULL &&
             !wf_span_equals(wf_secret_borrow(tokens.refresh), answers[i].refresh)))
            fail_msg("%s: another refresh token", answers[i].name);
        if (tokens.expires_in != answers[i].expires_in ||
            tokens.refresh_expires_in != answers[i].refresh_expires_in)
            fail_msg("%s: other times", answers[i].name);
        if (strstr(err.text, "the+refresh") != NULL)
            fail_msg("%s: %s", answers[i].name, err.text);
        wf_tokens_done(&tokens);
    }
}

static void test_request(void **state)
{
    struct wf_tokens tokens = WF_TOKENS_INIT;

    (void)state;
    assert_int_equal(refresh(&workfront, &answers[0].answer, 1, &tokens, NULL), WF_OK);
    wf_tokens_done(&tokens);
    assert_string_equal(fake_door_request(0)->method, "POST");
    assert_string_equal(fake_door_request(0)->url,
                        "https://acme.my.workfront.com/integrations/oauth2/api/v1/token");
    assert_string_equal(fake_door_request(0)->body,
                        "grant_type=refresh_token&refresh_token=the%2Brefresh&redirect_uri=https%3A"
                        "%2F%2Flogin.acme.example%2Fcode&client_id=client");
}

#define METADATA(more) \
    {.status = 200, .body = "{\"issuer\":\"https://sso.example\",\"jwks_uri\":\"https://sso.example/k\"" more "}"}

/* The endpoint is asked for once, then known. */
static void test_oidc(void **state)
{
    const struct fake_answer first[] = {
        METADATA(",\"token_endpoint\":\"https://sso.example/t\",\"revocation_endpoint\":"
                 "\"https://sso.example/r\""),
        answers[0].answer};
    const struct fake_answer none[] = {METADATA("")};
    struct wf_tokens tokens = WF_TOKENS_INIT;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_int_equal(refresh(&oidc, none, 1, &tokens, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "token_endpoint"));
    key_folder_empty(folder);
    assert_int_equal(refresh(&oidc, first, 2, &tokens, &err), WF_OK);
    wf_tokens_done(&tokens);
    assert_string_equal(fake_door_request(1)->url, "https://sso.example/t");
    assert_string_equal(fake_door_request(1)->body,
                        "grant_type=refresh_token&refresh_token=the%2Brefresh&client_id=client");
    assert_int_equal(refresh(&oidc, first + 1, 1, &tokens, &err), WF_OK);
    wf_tokens_done(&tokens);
    key_folder_empty(folder);
}

static enum wf_reason end_session(const struct wf_provider_conf *conf, const char *refresh_token,
                             const char *access_token, const struct fake_answer *script, size_t n,
                             struct wf_err *err)
{
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_endpoint endpoint = {conf, http};
    struct wf_secret *one =
        refresh_token == NULL ? NULL : wf_secret_new(refresh_token, strlen(refresh_token));
    struct wf_secret *other =
        access_token == NULL ? NULL : wf_secret_new(access_token, strlen(access_token));

    fake_door_script(script, n);
    enum wf_reason reason = wf_provider_revoke(&endpoint, NULL, one, other, err);
    wf_secret_free(one);
    wf_secret_free(other);
    wf_http_free(http);
    return reason;
}

static const struct {
    int status;
    enum wf_reason logout;
    enum wf_reason revocation;
} ends[] = {
    {200, WF_OK, WF_OK},
    {401, WF_OK, WF_CONFIG},
    {400, WF_CONFIG, WF_CONFIG},
    {404, WF_CONFIG, WF_CONFIG},
    {429, WF_UNREACHABLE, WF_UNREACHABLE},
    {503, WF_UNREACHABLE, WF_UNREACHABLE},
    {302, WF_UNREACHABLE, WF_UNREACHABLE},
};

static void test_ends(void **state)
{
    const struct fake_answer metadata = METADATA(",\"revocation_endpoint\":\"https://sso.example/r\"");

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(ends); i++) {
        const struct fake_answer script[] = {metadata, {.status = ends[i].status, .type = ""}};
        struct wf_err err = WF_ERR_INIT;
        key_folder_empty(folder);
        if (end_session(&workfront, "r", "a", script + 1, 1, &err) != ends[i].logout)
            fail_msg("log-out, %d: %s", ends[i].status, err.text);
        assert_string_equal(fake_door_request(0)->url,
                            "https://acme.my.workfront.com/attask/api/v20.0/logout");
        assert_string_equal(fake_door_request(0)->headers, "sessionID: a\n");
        if (end_session(&oidc, "r", "a", script, 2, &err) != ends[i].revocation)
            fail_msg("revocation, %d: %s", ends[i].status, err.text);
        assert_string_equal(fake_door_request(1)->body,
                            "token=r&token_type_hint=refresh_token&client_id=client");
    }
    assert_int_equal(end_session(&oidc, NULL, "a", &(struct fake_answer){.status = 200}, 1, NULL), WF_OK);
    assert_string_equal(fake_door_request(0)->body,
                        "token=a&token_type_hint=access_token&client_id=client");
    key_folder_empty(folder);
    const struct fake_answer none[] = {METADATA("")};
    assert_int_equal(end_session(&oidc, "r", NULL, none, 1, NULL), WF_CONFIG);
    assert_int_equal(end_session(&workfront, "r", NULL, NULL, 0, NULL), WF_OK);
    assert_int_equal(end_session(&oidc, NULL, NULL, NULL, 0, NULL), WF_OK);
    assert_int_equal(fake_door_count(), 0);
}

static int set_up(void **state)
{
    (void)state;
    key_folder_make(folder, sizeof(folder));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    key_folder_empty(folder);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_oidc),
        cmocka_unit_test(test_ends),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
