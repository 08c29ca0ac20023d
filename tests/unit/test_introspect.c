/* What an introspection or userinfo endpoint is asked, and what is made of its answer. Each
 * refused row differs from an accepted one in one thing. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakedoor.h"
#include "introspect.h"
#include "json.h"

#define URL "https://sso.acme.example/introspect"
#define JWT "application/jwt"

static struct wf_provider_conf conf = {
    .name = "mail",
    .type = WF_PROVIDER_OIDC,
    .url = "https://sso.acme.example/realms/staff",
    .client_id = "cl:i ent",
    .timeout = 10,
    .introspection = true,
};

typedef enum wf_reason asker(const struct wf_endpoint *, const char *, const struct wf_secret *,
                             struct json_t **, struct wf_err *);

static enum wf_reason ask(asker *how, const struct fake_answer *answer, const char *token,
                          struct json_t **ret, struct wf_err *err)
{
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_endpoint endpoint = {&conf, http};
    struct wf_secret *secret = wf_secret_new(token, strlen(token));

    fake_door_script(answer, 1);
    enum wf_reason reason = how(&endpoint, URL, secret, ret, err);
    wf_secret_free(secret);
    wf_http_free(http);
    return reason;
}

struct row {
    const char *name;
    struct fake_answer answer;
    enum wf_reason reason;
};

static void try_rows(asker *how, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct json_t *claims = NULL;
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = ask(how, &rows[i].answer, "0a1b", &claims, &err);
        if (reason != rows[i].reason)
            fail_msg("%s: %s (%s)", rows[i].name, wf_reason_name(reason), err.text);
        if ((claims != NULL) != (reason == WF_OK))
            fail_msg("%s: claims %s", rows[i].name, claims == NULL ? "missing" : "given");
        if (reason != WF_OK && err.text[0] == '\0')
            fail_msg("%s: no text", rows[i].name);
        if (strstr(err.text, "0a1b") != NULL || !wf_text_is_clean(err.text, strlen(err.text)))
            fail_msg("%s: %s", rows[i].name, err.text);
        wf_json_free(claims);
    }
}

#define ISS "https://sso.acme.example/realms/staff"
#define ACTIVE "{\"active\":true,\"sub\":\"u1\""
/* clang-format off */
static const struct row introspections[] = {
    {"the least", {.status = 200, .body = "{\"active\":true}"}, WF_OK},
    {"much", {.status = 200, .body = ACTIVE ",\"iss\":\"" ISS "\",\"aud\":[\"urn:mail\"],\"exp\":1700000000,\"scope\":\"a b\",\"client_id\":\"c\",\"token_type\":\"Bearer\",\"username\":\"alice\"}"}, WF_OK},
    {"nulls", {.status = 200, .body = ACTIVE ",\"iss\":null,\"aud\":null,\"exp\":null,\"token_type\":null,\"tokenName\":null,\"at_hash\":null,\"typ\":null,\"scope\":null}"}, WF_OK},
    {"not active", {.status = 200, .body = "{\"active\":false}"}, WF_INACTIVE},
    {"not active, but said to be a user's", {.status = 200, .body = "{\"active\":false,\"sub\":\"u1\",\"iss\":\"x\"}"}, WF_INACTIVE},
    {"active is a text", {.status = 200, .body = "{\"active\":\"true\"}"}, WF_UNREACHABLE},
    {"active is a number", {.status = 200, .body = "{\"active\":1}"}, WF_UNREACHABLE},
    {"active is null", {.status = 200, .body = "{\"active\":null}"}, WF_UNREACHABLE},
    {"active is missing", {.status = 200, .body = "{\"sub\":\"u1\"}"}, WF_UNREACHABLE},
    {"active twice", {.status = 200, .body = "{\"active\":false,\"active\":true}"}, WF_UNREACHABLE},
    {"sub twice", {.status = 200, .body = ACTIVE ",\"sub\":\"u2\"}"}, WF_UNREACHABLE},
    {"another's issuer", {.status = 200, .body = ACTIVE ",\"iss\":\"" ISS "/\"}"}, WF_ISSUER},
    {"empty issuer", {.status = 200, .body = ACTIVE ",\"iss\":\"\"}"}, WF_ISSUER},
    {"issuer is a list", {.status = 200, .body = ACTIVE ",\"iss\":[\"" ISS "\"]}"}, WF_UNREACHABLE},
    {"sub is a number", {.status = 200, .body = "{\"active\":true,\"sub\":7}"}, WF_UNREACHABLE},
    {"exp is a text", {.status = 200, .body = ACTIVE ",\"exp\":\"1700000000\"}"}, WF_UNREACHABLE},
    {"exp is huge", {.status = 200, .body = ACTIVE ",\"exp\":1e300}"}, WF_UNREACHABLE},
    {"aud is a number", {.status = 200, .body = ACTIVE ",\"aud\":7}"}, WF_UNREACHABLE},
    {"aud holds a number", {.status = 200, .body = ACTIVE ",\"aud\":[\"a\",7]}"}, WF_UNREACHABLE},
    {"scope is an object", {.status = 200, .body = ACTIVE ",\"scope\":{}}"}, WF_UNREACHABLE},
    {"lower case bearer", {.status = 200, .body = ACTIVE ",\"token_type\":\"bearer\"}"}, WF_OK},
    {"glewlwyd's access token", {.status = 200, .body = ACTIVE ",\"token_type\":\"access_token\"}"}, WF_OK},
    {"glewlwyd's refresh token", {.status = 200, .body = ACTIVE ",\"token_type\":\"refresh_token\"}"}, WF_TYPE},
    {"glewlwyd's ID token", {.status = 200, .body = ACTIVE ",\"token_type\":\"id_token\"}"}, WF_TYPE},
    {"bound by DPoP", {.status = 200, .body = ACTIVE ",\"token_type\":\"DPoP\"}"}, WF_TYPE},
    {"no token type at all", {.status = 200, .body = ACTIVE ",\"token_type\":\"N_A\"}"}, WF_TYPE},
    {"empty token type", {.status = 200, .body = ACTIVE ",\"token_type\":\"\"}"}, WF_TYPE},
    {"bearer and more", {.status = 200, .body = ACTIVE ",\"token_type\":\"Bearer refresh\"}"}, WF_TYPE},
    {"token_type is a list", {.status = 200, .body = ACTIVE ",\"token_type\":[\"Bearer\"]}"}, WF_UNREACHABLE},
    {"tokenName access", {.status = 200, .body = ACTIVE ",\"tokenName\":\"access_token\"}"}, WF_OK},
    {"tokenName refresh", {.status = 200, .body = ACTIVE ",\"tokenName\":\"refresh_token\"}"}, WF_TYPE},
    {"at_hash", {.status = 200, .body = ACTIVE ",\"at_hash\":\"x\"}"}, WF_TYPE},
    {"c_hash", {.status = 200, .body = ACTIVE ",\"c_hash\":\"x\"}"}, WF_TYPE},
    {"signed (RFC 9701)", {.status = 200, .type = "application/token-introspection+jwt", .body = "e30.e30."}, WF_UNREACHABLE},
    {"signed, as a JWT", {.status = 200, .type = JWT, .body = "{\"active\":true}"}, WF_UNREACHABLE},
    {"HTML", {.status = 200, .type = "text/html", .body = "{\"active\":true}"}, WF_UNREACHABLE},
    {"a list", {.status = 200, .body = "[{\"active\":true}]"}, WF_UNREACHABLE},
    {"nothing", {.status = 200, .body = ""}, WF_UNREACHABLE},
    {"cut off", {.status = 200, .body = "{\"active\":true"}, WF_UNREACHABLE},
    {"NUL in a claim", {.status = 200, .body = "{\"active\":true,\"sub\":\"u\\u00001\"}"}, WF_UNREACHABLE},
    {"201", {.status = 201, .body = "{\"active\":true}"}, WF_UNREACHABLE},
    {"redirect", {.status = 307, .body = "{\"active\":true}"}, WF_UNREACHABLE},
    {"client unknown", {.status = 401, .body = "{\"error\":\"invalid_client\"}"}, WF_CONFIG},
    {"client unknown, empty", {.status = 401, .type = "", .body = ""}, WF_CONFIG},
    {"client not allowed", {.status = 403, .body = "{\"active\":true}"}, WF_CONFIG},
    {"client refused with 400", {.status = 400, .body = "{\"error\":\"unauthorized_client\"}"}, WF_CONFIG},
    {"bad request", {.status = 400, .body = "{\"error\":\"invalid_request\"}"}, WF_UNREACHABLE},
    {"hostile error", {.status = 400, .body = "{\"error\":\"x\\u001b[2J\\u202e\"}"}, WF_UNREACHABLE},
    {"no such endpoint", {.status = 404, .body = "{}"}, WF_CONFIG},
    {"no POST", {.status = 405, .body = "{}"}, WF_CONFIG},
    {"429", {.status = 429, .body = "{\"active\":true}"}, WF_UNREACHABLE},
    {"500", {.status = 500, .body = "{\"active\":false}"}, WF_UNREACHABLE},
    {"no answer", {.reason = WF_UNREACHABLE}, WF_UNREACHABLE},
    {"no helper user", {.reason = WF_CONFIG}, WF_CONFIG},
};

static const struct row userinfos[] = {
    {"the least", {.status = 200, .body = "{\"sub\":\"u1\"}"}, WF_OK},
    {"much", {.status = 200, .body = "{\"sub\":\"u1\",\"email\":\"a@acme.example\",\"email_verified\":true,\"iss\":\"" ISS "\",\"aud\":null}"}, WF_OK},
    {"no sub", {.status = 200, .body = "{\"email\":\"a@acme.example\"}"}, WF_UNREACHABLE},
    {"sub is null", {.status = 200, .body = "{\"sub\":null}"}, WF_UNREACHABLE},
    {"sub is empty", {.status = 200, .body = "{\"sub\":\"\"}"}, WF_UNREACHABLE},
    {"sub is a number", {.status = 200, .body = "{\"sub\":1}"}, WF_UNREACHABLE},
    {"sub twice", {.status = 200, .body = "{\"sub\":\"u1\",\"sub\":\"u2\"}"}, WF_UNREACHABLE},
    {"aud is a number", {.status = 200, .body = "{\"sub\":\"u1\",\"aud\":7}"}, WF_UNREACHABLE},
    {"another's issuer", {.status = 200, .body = "{\"sub\":\"u1\",\"iss\":\"https://evil.example\"}"}, WF_ISSUER},
    {"signed", {.status = 200, .type = JWT, .body = "e30.e30.x"}, WF_UNREACHABLE},
    {"HTML", {.status = 200, .type = "text/html", .body = "{\"sub\":\"u1\"}"}, WF_UNREACHABLE},
    {"401", {.status = 401, .body = "{\"sub\":\"u1\"}"}, WF_INACTIVE},
    {"401, empty", {.status = 401, .type = "", .body = ""}, WF_INACTIVE},
    {"403", {.status = 403, .body = "{\"error\":\"insufficient_scope\"}"}, WF_INACTIVE},
    {"400 for the token", {.status = 400, .body = "{\"error\":\"invalid_token\"}"}, WF_INACTIVE},
    {"400 for the request", {.status = 400, .body = "{\"error\":\"invalid_request\"}"}, WF_UNREACHABLE},
    {"404", {.status = 404, .body = "{\"sub\":\"u1\"}"}, WF_CONFIG},
    {"405", {.status = 405, .body = "{\"sub\":\"u1\"}"}, WF_CONFIG},
    {"503", {.status = 503, .body = "{\"sub\":\"u1\"}"}, WF_UNREACHABLE},
    {"redirect", {.status = 302, .body = "{\"sub\":\"u1\"}"}, WF_UNREACHABLE},
    {"no answer", {.reason = WF_UNREACHABLE}, WF_UNREACHABLE},
};
/* clang-format on */

static void test_introspection(void **state)
{
    (void)state;
    try_rows(wf_introspect, introspections, WF_ARRAY_LEN(introspections));
}

static void test_userinfo(void **state)
{
    (void)state;
    try_rows(wf_userinfo, userinfos, WF_ARRAY_LEN(userinfos));
}

/* Which tokens are sent at all. */
static const struct {
    const char *name;
    const char *token;
    bool introspect;
    bool userinfo;
} tokens[] = {
    {"hex", "0a1b", true, true},
    {"all that RFC 6750 has", "aZ09-._~+/==", true, true},
    {"empty", "", false, false},
    {"equals signs first", "=a", true, false},
    {"equals signs between", "a=b", true, false},
    {"equals signs alone", "==", true, false},
    {"a blank", "a b", false, false},
    {"a newline", "a\nb", false, false},
    {"a header", "a\r\nX: y", false, false},
    {"DEL", "a\x7f", false, false},
    {"a high byte", "a\xc3\xa9", false, false},
    {"a comma", "a,b", true, false},
    {"a colon", "a:b", true, false},
};

static void test_tokens(void **state)
{
    static const struct fake_answer good = {.status = 200,
                                            .body = "{\"active\":true,\"sub\":\"u1\"}"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(tokens); i++) {
        for (size_t how = 0; how < 2; how++) {
            struct json_t *claims = NULL;
            bool fine = how == 0 ? tokens[i].introspect : tokens[i].userinfo;
            enum wf_reason reason =
                ask(how == 0 ? wf_introspect : wf_userinfo, &good, tokens[i].token, &claims, NULL);
            if (reason != (fine ? WF_OK : WF_MALFORMED) || fake_door_count() != (fine ? 1 : 0))
                fail_msg("%s, %zu: %s", tokens[i].name, how, wf_reason_name(reason));
            wf_json_free(claims);
        }
    }
}

static void test_lengths(void **state)
{
    static char token[16 * 1024 + 2];
    static const struct fake_answer good = {.status = 200,
                                            .body = "{\"active\":true,\"sub\":\"u1\"}"};
    struct json_t *claims = NULL;

    (void)state;
    memset(token, 'a', 16 * 1024);
    assert_int_equal(ask(wf_introspect, &good, token, &claims, NULL), WF_OK);
    wf_json_free(claims);
    assert_int_equal(ask(wf_userinfo, &good, token, &claims, NULL), WF_MALFORMED);
    token[16 * 1024 - 7] = '\0';
    assert_int_equal(ask(wf_userinfo, &good, token, &claims, NULL), WF_OK);
    wf_json_free(claims);
    memset(token, 'a', 16 * 1024 + 1);
    assert_int_equal(ask(wf_introspect, &good, token, &claims, NULL), WF_MALFORMED);
    assert_int_equal(fake_door_count(), 0);
}

/* How the client proves itself. */
#define FORM "token=0a1b&token_type_hint=access_token"
static const struct {
    const char *name;
    enum wf_client_auth how;
    bool secret;
    bool key;
    const char *body; /* NULL: nothing is sent, the configuration is wrong */
    const char *headers;
} proofs[] = {
    {"basic", WF_CLIENT_AUTH_BASIC, true, false, FORM,
     "Content-Type: application/x-www-form-urlencoded\n"
     "Authorization: Basic Y2wlM0FpJTIwZW50OnMlM0FjcmV0\n"},
    {"body", WF_CLIENT_AUTH_BODY, true, false,
     FORM "&client_id=cl%3Ai%20ent&client_secret=s%3Acret",
     "Content-Type: application/x-www-form-urlencoded\n"},
    {"public", WF_CLIENT_AUTH_BASIC, false, false, FORM "&client_id=cl%3Ai%20ent",
     "Content-Type: application/x-www-form-urlencoded\n"},
    {"public, body", WF_CLIENT_AUTH_BODY, false, false, FORM "&client_id=cl%3Ai%20ent",
     "Content-Type: application/x-www-form-urlencoded\n"},
    {"key", WF_CLIENT_AUTH_PRIVATE_KEY_JWT, false, true,
     FORM "&client_id=cl%3Ai%20ent&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-"
          "assertion-type%3Ajwt-bearer&client_assertion=signed.cl%3Ai%20ent.cl%3Ai%20ent.https%3A%"
          "2F%2Fsso.acme.example%2Frealms%2Fstaff.120",
     "Content-Type: application/x-www-form-urlencoded\n"},
    {"a key that is not used", WF_CLIENT_AUTH_BASIC, true, true, FORM,
     "Content-Type: application/x-www-form-urlencoded\n"
     "Authorization: Basic Y2wlM0FpJTIwZW50OnMlM0FjcmV0\n"},
    {"no key", WF_CLIENT_AUTH_PRIVATE_KEY_JWT, true, false, NULL, NULL},
};

static void test_proofs(void **state)
{
    static const struct fake_answer good = {.status = 200, .body = "{\"active\":true}"};
    char secret[] = "/tmp/wfauth-test-XXXXXX";
    int fd = mkstemp(secret);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "s:cret\n", 7), 7);
    (void)close(fd);
    for (size_t i = 0; i < WF_ARRAY_LEN(proofs); i++) {
        struct json_t *claims = NULL;
        struct wf_err err = WF_ERR_INIT;
        conf.client_auth = proofs[i].how;
        conf.client_secret_file = proofs[i].secret ? secret : NULL;
        conf.private_key_file = proofs[i].key ? secret : NULL;
        enum wf_reason reason = ask(wf_introspect, &good, "0a1b", &claims, &err);
        wf_json_free(claims);
        if (reason != (proofs[i].body == NULL ? WF_CONFIG : WF_OK))
            fail_msg("%s: %s", proofs[i].name, err.text);
        if (proofs[i].body == NULL) {
            assert_int_equal(fake_door_count(), 0);
            continue;
        }
        const struct fake_request *request = fake_door_request(0);
        assert_string_equal(request->method, "POST");
        assert_string_equal(request->url, URL);
        assert_string_equal(request->body, proofs[i].body);
        assert_string_equal(request->headers, proofs[i].headers);
    }
    /* A key that does not sign */
    struct json_t *none = NULL;
    struct wf_err text = WF_ERR_INIT;
    fd = open(secret, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "s:cr!et", 7), 7);
    (void)close(fd);
    conf.client_auth = WF_CLIENT_AUTH_PRIVATE_KEY_JWT;
    conf.private_key_file = secret;
    assert_int_equal(ask(wf_introspect, &good, "0a1b", &none, &text), WF_CONFIG);
    assert_int_equal(fake_door_count(), 0);
    assert_non_null(strstr(text.text, secret));
    assert_null(strstr(text.text, "s:cr"));
    (void)unlink(secret);
    /* A file that is gone sends nothing */
    static const enum wf_client_auth ways[] = {WF_CLIENT_AUTH_BASIC, WF_CLIENT_AUTH_BODY,
                                               WF_CLIENT_AUTH_PRIVATE_KEY_JWT};
    for (size_t i = 0; i < WF_ARRAY_LEN(ways); i++) {
        struct json_t *claims = NULL;
        conf.client_auth = ways[i];
        conf.client_secret_file = secret;
        conf.private_key_file = secret;
        assert_int_equal(ask(wf_introspect, &good, "0a1b", &claims, NULL), WF_CONFIG);
        assert_int_equal(fake_door_count(), 0);
    }
    conf.client_auth = WF_CLIENT_AUTH_BASIC;
    conf.client_secret_file = NULL;
    conf.private_key_file = NULL;
}

static void test_userinfo_request(void **state)
{
    static const struct fake_answer good = {.status = 200, .body = "{\"sub\":\"u1\"}"};
    struct json_t *claims = NULL;

    (void)state;
    assert_int_equal(ask(wf_userinfo, &good, "0a1b", &claims, NULL), WF_OK);
    wf_json_free(claims);
    const struct fake_request *request = fake_door_request(0);
    assert_string_equal(request->method, "GET");
    assert_string_equal(request->url, URL);
    assert_string_equal(request->headers, "Authorization: Bearer 0a1b\n");
    assert_string_equal(request->body, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_introspection), cmocka_unit_test(test_userinfo),
        cmocka_unit_test(test_tokens),        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_proofs),        cmocka_unit_test(test_userinfo_request),
    };
    return cmocka_run_group_tests_name("introspect", tests, NULL, NULL);
}
