/* The token endpoint and the user look-up, as the provider `workfront` uses them: every answer
 * that they may get, good and broken. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakedoor.h"
#include "json.h"
#include "provider.h"

static struct wf_provider_conf conf = {
    .name = "acme",
    .type = WF_PROVIDER_WORKFRONT,
    .url = "https://acme.my.workfront.com",
    .client_id = "cl:i ent",
    .redirect_uri = "https://login.acme.example/code",
    .api_version = "v20.0",
    .timeout = 10,
};

static enum wf_reason redeem(const struct fake_answer *answer, struct wf_tokens *ret,
                             struct wf_err *err)
{
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_endpoint endpoint = {&conf, http};
    struct wf_secret *code = wf_secret_new("the+code", 8);
    struct wf_secret *verifier = wf_secret_new("the-verifier", 12);

    fake_door_script(answer, 1);
    enum wf_reason reason = wf_provider_redeem(&endpoint, code, verifier, ret, err);
    wf_secret_free(code);
    wf_secret_free(verifier);
    wf_http_free(http);
    return reason;
}

#define TOKENS "\"token_type\":\"sessionID\",\"access_token\":\"0a1b\""
static const struct {
    const char *name;
    struct fake_answer answer;
    enum wf_reason reason;
} answers[] = {
    {"Workfront's own", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"r\",\"expires_in\":0,\"wid\":\"x\"}"}, WF_OK},
    {"as the PKCE page shows it", {.status = 200, .body = "{\"token_type\":\"Bearer\",\"access_token\":\"0a1b\",\"expires_in\":3600}"}, WF_OK},
    {"lower case", {.status = 200, .body = "{\"token_type\":\"bearer\",\"access_token\":\"0a1b\"}"}, WF_OK},
    {"null members", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":null,\"expires_in\":null}"}, WF_OK},
    {"negative expiry", {.status = 200, .body = "{" TOKENS ",\"expires_in\":-5}"}, WF_OK},
    {"absurd expiry", {.status = 200, .body = "{" TOKENS ",\"expires_in\":99999999999999}"}, WF_OK},
    {"expiry beyond 64 bits", {.status = 200, .body = "{" TOKENS ",\"expires_in\":99999999999999999999}"}, WF_UNREACHABLE},
    {"expiry as a text", {.status = 200, .body = "{" TOKENS ",\"expires_in\":\"0\"}"}, WF_OK},
    {"no token", {.status = 200, .body = "{\"token_type\":\"sessionID\"}"}, WF_UNREACHABLE},
    {"empty token", {.status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"\"}"}, WF_UNREACHABLE},
    {"token is null", {.status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":null}"}, WF_UNREACHABLE},
    {"token is a number", {.status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":5}"}, WF_UNREACHABLE},
    {"token with a newline", {.status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"a\\nb: c\"}"}, WF_UNREACHABLE},
    {"token with a blank", {.status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"a b\"}"}, WF_UNREACHABLE},
    {"token with NUL", {.status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"a\\u0000b\"}"}, WF_UNREACHABLE},
    {"refresh token with a newline", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"a\\nb\"}"}, WF_UNREACHABLE},
    {"type missing", {.status = 200, .body = "{\"access_token\":\"0a1b\"}"}, WF_UNREACHABLE},
    {"type unknown", {.status = 200, .body = "{\"token_type\":\"mac\",\"access_token\":\"0a1b\"}"}, WF_UNREACHABLE},
    {"token twice", {.status = 200, .body = "{" TOKENS ",\"access_token\":\"b\"}"}, WF_UNREACHABLE},
    {"an array", {.status = 200, .body = "[{" TOKENS "}]"}, WF_UNREACHABLE},
    {"cut off", {.status = 200, .body = "{" TOKENS}, WF_UNREACHABLE},
    {"two values", {.status = 200, .body = "{" TOKENS "}{}"}, WF_UNREACHABLE},
    {"not JSON", {.status = 200, .body = "hello"}, WF_UNREACHABLE},
    {"empty", {.status = 200, .body = NULL}, WF_UNREACHABLE},
    {"JSON called HTML", {.status = 200, .type = "text/html", .body = "{" TOKENS "}"}, WF_UNREACHABLE},
    {"no content type", {.status = 200, .type = "", .body = "{" TOKENS "}"}, WF_UNREACHABLE},
    {"an error with 200", {.status = 200, .body = "{\"error\":\"invalid_grant\"}"}, WF_UNREACHABLE},
    {"201", {.status = 201, .body = "{" TOKENS "}"}, WF_UNREACHABLE},
    {"204", {.status = 204, .type = "", .body = NULL}, WF_UNREACHABLE},
    {"302", {.status = 302, .body = "{" TOKENS "}"}, WF_UNREACHABLE},
    {"wrong code", {.status = 400, .body = "{\"error\":\"invalid_grant\",\"error_description\":\"x\"}"}, WF_EXPIRED},
    {"wrong code, other word", {.status = 400, .body = "{\"error\":\"invalid_request\"}"}, WF_EXPIRED},
    {"wrong secret", {.status = 401, .body = "{\"error\":\"invalid_client\"}"}, WF_CONFIG},
    {"wrong secret with 400", {.status = 400, .body = "{\"error\":\"invalid_client\"}"}, WF_CONFIG},
    {"client may not", {.status = 400, .body = "{\"error\":\"unauthorized_client\"}"}, WF_CONFIG},
    {"401 without a body", {.status = 401, .type = "", .body = NULL}, WF_CONFIG},
    {"404", {.status = 404, .type = "text/html", .body = "<html>"}, WF_CONFIG},
    {"400 without JSON", {.status = 400, .type = "text/html", .body = "<html>"}, WF_UNREACHABLE},
    {"400 with another JSON", {.status = 400, .body = "{\"message\":\"x\"}"}, WF_UNREACHABLE},
    {"409", {.status = 409, .body = "{\"error\":\"invalid_grant\"}"}, WF_UNREACHABLE},
    {"429", {.status = 429, .body = "{\"error\":\"invalid_grant\"}"}, WF_UNREACHABLE},
    {"500", {.status = 500, .body = "{" TOKENS "}"}, WF_UNREACHABLE},
    {"503", {.status = 503, .body = "{\"error\":\"invalid_grant\"}"}, WF_UNREACHABLE},
    {"no answer", {.reason = WF_UNREACHABLE}, WF_UNREACHABLE},
    {"no helper user", {.reason = WF_CONFIG}, WF_CONFIG},
};

static void test_token_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(answers); i++) {
        struct wf_tokens tokens = WF_TOKENS_INIT;
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = redeem(&answers[i].answer, &tokens, &err);
        if (reason != answers[i].reason)
            fail_msg("%s: %s (%s)", answers[i].name, wf_reason_name(reason), err.text);
        if (reason == WF_OK && !wf_span_equals(wf_secret_borrow(tokens.access), "0a1b"))
            fail_msg("%s: not the token", answers[i].name);
        if (reason == WF_OK && (tokens.expires_in < 0 || tokens.expires_in > 3600))
            fail_msg("%s: expires in %lld", answers[i].name, (long long)tokens.expires_in);
        if (reason != WF_OK &&
            (tokens.access != NULL || tokens.refresh != NULL || err.text[0] == '\0'))
            fail_msg("%s: tokens, or no text", answers[i].name);
        wf_tokens_done(&tokens);
    }
}

static void test_hostile_error_text(void **state)
{
    (void)state;
    const struct fake_answer answer = {
        .status = 400, .body = "{\"error\":\"x\\u001b[2J\\ny\\u202e\",\"error_description\":\"z\"}"};
    struct wf_tokens tokens = WF_TOKENS_INIT;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(redeem(&answer, &tokens, &err), WF_EXPIRED);
    assert_true(wf_text_is_clean(err.text, strlen(err.text)));
}

static void test_public_client_request(void **state)
{
    (void)state;
    struct wf_tokens tokens = WF_TOKENS_INIT;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(redeem(&answers[0].answer, &tokens, &err), WF_OK);
    wf_tokens_done(&tokens);
    const struct fake_request *request = fake_door_request(0);
    assert_string_equal(request->method, "POST");
    assert_string_equal(request->url,
                        "https://acme.my.workfront.com/integrations/oauth2/api/v1/token");
    assert_string_equal(request->body,
                        "grant_type=authorization_code&code=the%2Bcode&redirect_uri=https%3A%2F%"
                        "2Flogin.acme.example%2Fcode&code_verifier=the-verifier&client_id=cl%3Ai%"
                        "20ent");
    assert_string_equal(request->headers, "Content-Type: application/x-www-form-urlencoded\n");
}

static void test_secret_client_request(void **state)
{
    (void)state;
    char path[] = "/tmp/wfauth-test-XXXXXX";
    struct wf_tokens tokens = WF_TOKENS_INIT;
    struct wf_err err = WF_ERR_INIT;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "s:cret\n", 7), 7);
    conf.client_secret_file = path;
    enum wf_reason reason = redeem(&answers[0].answer, &tokens, &err);
    conf.client_secret_file = NULL;
    (void)close(fd);
    (void)unlink(path);
    if (reason != WF_OK)
        fail_msg("%s", err.text);
    wf_tokens_done(&tokens);
    /* base64("cl%3Ai%20ent:s%3Acret"): both halves urlencoded, RFC 6749 §2.3.1; no client_id in the
     * body, but the verifier is */
    assert_non_null(strstr(fake_door_request(0)->headers,
                           "Authorization: Basic Y2wlM0FpJTIwZW50OnMlM0FjcmV0\n"));
    assert_null(strstr(fake_door_request(0)->body, "client_id"));
    assert_non_null(strstr(fake_door_request(0)->body, "code_verifier=the-verifier"));
}

static void test_missing_secret_sends_nothing(void **state)
{
    (void)state;
    struct wf_tokens tokens = WF_TOKENS_INIT;
    struct wf_err err = WF_ERR_INIT;

    conf.client_secret_file = "/nonexistent/secret";
    assert_int_equal(redeem(&answers[0].answer, &tokens, &err), WF_CONFIG);
    conf.client_secret_file = NULL;
    assert_int_equal(fake_door_count(), 0);
}

/* The look-up. A refused row differs from the first in one thing. */
#define USER "\"ID\":\"u1\",\"username\":\"alice@acme.example\",\"isActive\":true"
#define MORE ",\"emailAddr\":\"a@acme.example\",\"accessLevelID\":\"l1\",\"accessLevel\":{\"ID\":\"l1\",\"name\":\"Admin\"},\"homeGroupID\":\"g1\",\"homeGroup\":{\"ID\":\"g1\",\"name\":\"Ops\"},\"homeTeamID\":null,\"homeTeam\":null,\"roles\":[{\"ID\":\"r1\",\"name\":\"Dev\"},{\"ID\":\"r2\",\"name\":null}]"
static const struct {
    const char *name;
    struct fake_answer answer;
    enum wf_reason reason;
    bool claims;
} lookups[] = {
    {"good", {.status = 200, .body = "{\"data\":[{" USER MORE "}]}"}, WF_OK, true},
    {"the least", {.status = 200, .body = "{\"data\":[{" USER "}]}"}, WF_OK, true},
    {"inactive", {.status = 200, .body = "{\"data\":[{\"ID\":\"u1\",\"username\":\"a\",\"isActive\":false}]}"}, WF_INACTIVE, true},
    {"isActive missing", {.status = 200, .body = "{\"data\":[{\"ID\":\"u1\",\"username\":\"a\"}]}"}, WF_UNREACHABLE, false},
    {"isActive is a text", {.status = 200, .body = "{\"data\":[{\"ID\":\"u1\",\"username\":\"a\",\"isActive\":\"true\"}]}"}, WF_UNREACHABLE, false},
    {"isActive is a number", {.status = 200, .body = "{\"data\":[{\"ID\":\"u1\",\"username\":\"a\",\"isActive\":1}]}"}, WF_UNREACHABLE, false},
    {"ID missing", {.status = 200, .body = "{\"data\":[{\"username\":\"a\",\"isActive\":true}]}"}, WF_UNREACHABLE, false},
    {"ID empty", {.status = 200, .body = "{\"data\":[{\"ID\":\"\",\"username\":\"a\",\"isActive\":true}]}"}, WF_UNREACHABLE, false},
    {"username is a list", {.status = 200, .body = "{\"data\":[{\"ID\":\"u1\",\"username\":[\"a\"],\"isActive\":true}]}"}, WF_UNREACHABLE, false},
    {"group is a text", {.status = 200, .body = "{\"data\":[{" USER ",\"homeGroup\":\"Ops\"}]}"}, WF_UNREACHABLE, false},
    {"roles hold texts", {.status = 200, .body = "{\"data\":[{" USER ",\"roles\":[\"r1\"]}]}"}, WF_UNREACHABLE, false},
    {"no user", {.status = 200, .body = "{\"data\":[]}"}, WF_IDENTITY, false},
    {"two users", {.status = 200, .body = "{\"data\":[{" USER "},{" USER "}]}"}, WF_IDENTITY, false},
    {"user is a text", {.status = 200, .body = "{\"data\":[\"u1\"]}"}, WF_UNREACHABLE, false},
    {"data is an object", {.status = 200, .body = "{\"data\":{" USER "}}"}, WF_UNREACHABLE, false},
    {"data missing", {.status = 200, .body = "{" USER "}"}, WF_UNREACHABLE, false},
    {"ID twice", {.status = 200, .body = "{\"data\":[{" USER ",\"ID\":\"u2\"}]}"}, WF_UNREACHABLE, false},
    {"an error with 200", {.status = 200, .body = "{\"error\":{\"class\":\"x\",\"message\":\"y\"}}"}, WF_UNREACHABLE, false},
    {"dead session", {.status = 401, .body = "{\"error\":{\"class\":\"x\",\"message\":\"y\"}}"}, WF_INACTIVE, false},
    {"no such version", {.status = 404, .body = "{}"}, WF_CONFIG, false},
    {"HTML", {.status = 200, .type = "text/html", .body = "{\"data\":[{" USER "}]}"}, WF_UNREACHABLE, false},
    {"429", {.status = 429, .body = "{\"data\":[{" USER "}]}"}, WF_UNREACHABLE, false},
    {"502", {.status = 502, .body = "{\"data\":[{" USER "}]}"}, WF_UNREACHABLE, false},
    {"redirect", {.status = 307, .body = "{\"data\":[{" USER "}]}"}, WF_UNREACHABLE, false},
    {"no answer", {.reason = WF_UNREACHABLE}, WF_UNREACHABLE, false},
};

static enum wf_reason look_up(const struct fake_answer *answer, struct json_t **ret,
                              struct wf_err *err)
{
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_endpoint endpoint = {&conf, http};
    struct wf_tokens tokens = {.access = wf_secret_new("0a1b", 4)};

    fake_door_script(answer, 1);
    enum wf_reason reason = wf_provider_claims(&endpoint, &tokens, ret, err);
    wf_tokens_done(&tokens);
    wf_http_free(http);
    return reason;
}

static void test_lookup_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(lookups); i++) {
        struct json_t *claims = NULL;
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = look_up(&lookups[i].answer, &claims, &err);
        if (reason != lookups[i].reason)
            fail_msg("%s: %s (%s)", lookups[i].name, wf_reason_name(reason), err.text);
        if ((claims != NULL) != lookups[i].claims)
            fail_msg("%s: claims %s", lookups[i].name, claims == NULL ? "missing" : "given");
        wf_json_free(claims);
    }
}

static void test_lookup_claims(void **state)
{
    (void)state;
    static const struct {
        const char *claim;
        const char *value;
    } expected[] = {{"ID", "u1"},          {"username", "alice@acme.example"},
                    {"emailAddr", "a@acme.example"}, {"accessLevelID", "l1"},
                    {"accessLevel", "Admin"}, {"homeGroupID", "g1"},
                    {"homeGroup", "Ops"},  {"roleIDs", "r1"},
                    {"roleIDs", "r2"},     {"roles", "Dev"}};
    struct json_t *claims = NULL;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(look_up(&lookups[0].answer, &claims, &err), WF_OK);
    for (size_t i = 0; i < WF_ARRAY_LEN(expected); i++) {
        const char *value = expected[i].value;
        if (!wf_json_has(claims, expected[i].claim, (struct wf_span){value, strlen(value)}))
            fail_msg("%s is not %s", expected[i].claim, value);
    }
    assert_false(wf_json_present(claims, "homeTeam"));
    wf_json_free(claims);
    const struct fake_request *request = fake_door_request(0);
    assert_string_equal(request->method, "GET");
    assert_string_equal(
        request->url,
        "https://acme.my.workfront.com/attask/api/v20.0/user/search?ID=%24%24USER.ID&ID_Mod=eq&"
        "fields=ID%2Cusername%2CemailAddr%2CisActive%2CaccessLevelID%2CaccessLevel%3Aname%2C"
        "homeGroupID%2ChomeGroup%3Aname%2ChomeTeamID%2ChomeTeam%3Aname%2Croles%3AID%2Croles%"
        "3Aname");
    assert_string_equal(request->headers, "sessionID: 0a1b\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_answers),
        cmocka_unit_test(test_hostile_error_text),
        cmocka_unit_test(test_public_client_request),
        cmocka_unit_test(test_secret_client_request),
        cmocka_unit_test(test_missing_secret_sends_nothing),
        cmocka_unit_test(test_lookup_answers),
        cmocka_unit_test(test_lookup_claims),
    };
    return cmocka_run_group_tests_name("workfront", tests, NULL, NULL);
}
