/* Look-ups of opaque tokens: what is sent at all, and what becomes of the answer. */
#include "config.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto.h"
#include "grant.h"
#include "opaque_case.h"

/* Wrapped calls */

static bool no_locale;
locale_t __real_wf_text_locale(void);
locale_t __wrap_wf_text_locale(void);
locale_t __wrap_wf_text_locale(void)
{
    return no_locale ? (locale_t)0 : __real_wf_text_locale();
}

static bool no_room;
int __real_regcomp(regex_t *regex, const char *pattern, int flags);
int __wrap_regcomp(regex_t *regex, const char *pattern, int flags);
int __wrap_regcomp(regex_t *regex, const char *pattern, int flags)
{
    return no_room ? REG_ESPACE : __real_regcomp(regex, pattern, flags);
}

static bool no_hash; /* once */
enum wf_reason __real_wf_crypto_sha256_parts(const struct wf_span *parts, size_t n,
                                             uint8_t ret[WF_SHA256_LEN], struct wf_err *err);
enum wf_reason __wrap_wf_crypto_sha256_parts(const struct wf_span *parts, size_t n,
                                             uint8_t ret[WF_SHA256_LEN], struct wf_err *err);
enum wf_reason __wrap_wf_crypto_sha256_parts(const struct wf_span *parts, size_t n,
                                             uint8_t ret[WF_SHA256_LEN], struct wf_err *err)
{
    bool fails = no_hash;

    no_hash = false;
    return fails ? wf_fail(err, WF_INTERNAL, "no hash")
                 : __real_wf_crypto_sha256_parts(parts, n, ret, err);
}

/* What is sent at all. */
static const struct {
    const char *name;
    const char *token;
    bool fits;
} tokens[] = {
    {"fits", TOKEN, true},
    {"a password", "correct horse battery staple", false},
    {"empty", "", false},
    {"something before it", "xtok_00", false},
    {"something behind it", "tok_00x", false},
    {"a line before it", "x\ntok_00", false},
    {"a line behind it", "tok_00\n", false},
    {"a blank behind it", "tok_00 ", false},
    {"a part of it", "tok_", false},
    {"capitals", "TOK_00", false},
    {"a high byte", "tok_00\xff", false},
};

static void test_pattern(void **state)
{
    struct wf_opaque *opaque = make(&oidc, NULL);

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(tokens); i++) {
        int64_t until = 0;
        answer(WF_OK, 200, "{\"active\":true}");
        bool fits = wf_opaque_matches(opaque, tokens[i].token, strlen(tokens[i].token));
        enum wf_reason reason =
            look_up_as(opaque, tokens[i].token, (unsigned)i, NULL, NOW, &until, NULL);
        if (fits != tokens[i].fits || reason != (fits ? WF_OK : WF_MALFORMED) ||
            door.asked != (fits ? 1 : 0) || (!fits && door.discovered != 0))
            fail_msg("%s: %d, %s, asked %u", tokens[i].name, fits, wf_reason_name(reason),
                     door.asked);
    }
    /* A NUL does not end it */
    assert_true(wf_opaque_matches(opaque, "tok_00", 6));
    assert_false(wf_opaque_matches(opaque, "tok_00\0", 7));
    wf_opaque_free(opaque);
}

/* Alternatives and anchors of its own change nothing: the whole must match. */
static void test_patterns(void **state)
{
    static const struct {
        const char *pattern;
        const char *token;
        bool fits;
    } rows[] = {
        {"a|ab", "ab", true}, {"a|ab", "abc", false}, {"^a$", "a", true},
        {"a*", "aaaa", true}, {"a*", "b", false},     {"[a-z]+", "a b", false},
        {".*", "a b", false}, {".*", "ab", true},     {".*", "a\tb", false},
        {"a*", "", false},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_provider_conf conf = oidc;
        conf.token_pattern = rows[i].pattern;
        struct wf_opaque *opaque = make(&conf, NULL);
        if (wf_opaque_matches(opaque, rows[i].token, strlen(rows[i].token)) != rows[i].fits)
            fail_msg("row %zu", i);
        wf_opaque_free(opaque);
    }
}

static void test_length(void **state)
{
    static char token[WF_TOKEN_MAX + 1];
    struct wf_provider_conf conf = oidc;

    (void)state;
    conf.token_pattern = "a+";
    memset(token, 'a', sizeof(token));
    struct wf_opaque *opaque = make(&conf, NULL);
    assert_true(wf_opaque_matches(opaque, token, WF_TOKEN_MAX));
    assert_false(wf_opaque_matches(opaque, token, WF_TOKEN_MAX + 1));
    wf_opaque_free(opaque);
}

/* Lack of memory says nothing about the configuration. */
static void test_internal(void **state)
{
    const struct wf_endpoint_host host = {NULL, NULL, door_new};
    bool *const faults[] = {&no_locale, &no_room, &no_hash};
    struct wf_opaque *opaque = NULL;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(faults); i++) {
        *faults[i] = true;
        enum wf_reason reason = wf_opaque_new(&oidc, &host, &opaque, NULL);
        *faults[i] = false;
        assert_int_equal(reason, WF_INTERNAL);
        assert_null(opaque);
    }
    /* What has no key may be anybody's */
    opaque = make(&oidc, NULL);
    answer(WF_OK, 200, "{\"active\":true}");
    no_hash = true;
    assert_int_equal(look_up(opaque, NOW), WF_INTERNAL);
    assert_int_equal(door.asked + door.discovered, 0);
    wf_opaque_free(opaque);
}

static void test_bad_conf(void **state)
{
    const struct wf_endpoint_host host = {NULL, NULL, door_new};
    struct wf_opaque *opaque = NULL;
    struct wf_provider_conf conf = oidc;

    (void)state;
    conf.token_pattern = "(";
    assert_int_equal(wf_opaque_new(&conf, &host, &opaque, NULL), WF_CONFIG);
    conf.token_pattern = NULL;
    assert_int_equal(wf_opaque_new(&conf, &host, &opaque, NULL), WF_CONFIG);
    conf = oidc;
    conf.introspection = false;
    assert_int_equal(wf_opaque_new(&conf, &host, &opaque, NULL), WF_CONFIG);
    assert_null(opaque);
}

/* What an answer becomes, and how many requests two look-ups in a row make. */
static const struct {
    const char *name;
    enum wf_reason door;
    int status;
    const char *type;
    const char *body;
    enum wf_reason reason;
    unsigned asked; /* by look-ups at NOW, NOW + 1 */
    int life;       /* seconds for which it is not asked again */
} answers[] = {
    {"active", WF_OK, 200, NULL, "{\"active\":true,\"sub\":\"u1\"}", WF_OK, 1, 60},
    {"dies soon", WF_OK, 200, NULL, "{\"active\":true,\"exp\":1700000005}", WF_OK, 1, 5},
    {"dies late", WF_OK, 200, NULL, "{\"active\":true,\"exp\":1700099999}", WF_OK, 1, 60},
    {"has died", WF_OK, 200, NULL, "{\"active\":true,\"exp\":1700000000}", WF_OK, 2, 0},
    {"inactive", WF_OK, 200, NULL, "{\"active\":false}", WF_INACTIVE, 1, 10},
    {"refresh token", WF_OK, 200, NULL, "{\"active\":true,\"token_type\":\"refresh_token\"}",
     WF_TYPE, 1, 10},
    {"another's", WF_OK, 200, NULL, "{\"active\":true,\"iss\":\"https://x\"}", WF_ISSUER, 1, 10},
    {"not JSON", WF_OK, 200, "text/html", "{\"active\":true}", WF_UNREACHABLE, 2, 0},
    {"broken", WF_OK, 200, NULL, "{\"active\":1}", WF_UNREACHABLE, 2, 0},
    {"500", WF_OK, 500, NULL, "{}", WF_UNREACHABLE, 2, 0},
    {"client refused", WF_OK, 401, NULL, "{}", WF_CONFIG, 2, 0},
    {"helper is not there", WF_CONFIG, 0, NULL, "", WF_CONFIG, 0, 0},
    {"no memory", WF_INTERNAL, 0, NULL, "", WF_INTERNAL, 0, 0},
    {"429", WF_OK, 429, NULL, "{}", WF_UNREACHABLE, 1, 5},
    {"503", WF_OK, 503, NULL, "{}", WF_UNREACHABLE, 1, 5},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(answers); i++) {
        struct wf_opaque *opaque = make(&oidc, NULL);
        answer(answers[i].door, answers[i].status, answers[i].body);
        if (answers[i].type != NULL)
            door.type = answers[i].type;
        enum wf_reason first = look_up(opaque, NOW);
        enum wf_reason second = look_up(opaque, NOW + 1);
        if (first != answers[i].reason || second != first)
            fail_msg("%s: %s, %s", answers[i].name, wf_reason_name(first), wf_reason_name(second));
        if (door.asked != answers[i].asked)
            fail_msg("%s: asked %u", answers[i].name, door.asked);
        if (answers[i].life > 0) {
            (void)look_up(opaque, NOW + answers[i].life - 1);
            assert_int_equal(door.asked, 1);
            (void)look_up(opaque, NOW + answers[i].life);
            if (door.asked != 2)
                fail_msg("%s: remembered for too long", answers[i].name);
        }
        wf_opaque_free(opaque);
    }
}

static void test_until(void **state)
{
    struct wf_opaque *opaque = make(&oidc, NULL);
    int64_t until = 0;

    (void)state;
    answer(WF_OK, 200, "{\"active\":true,\"exp\":1700000030}");
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(until, NOW + 30);
    until = 0;
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW + 29, &until, NULL), WF_OK);
    assert_int_equal(until, NOW + 30);
    assert_int_equal(door.asked, 1);
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW + 30, &until, NULL), WF_OK);
    assert_int_equal(until, NOW + 30);
    answer(WF_OK, 200, "{\"active\":true}");
    assert_int_equal(look_up_as(opaque, TOKEN, 2, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(until, NOW + 60);
    wf_opaque_free(opaque);
}

/* The text of a refusal says the same when it is remembered. */
static void test_text(void **state)
{
    struct wf_opaque *opaque = make(&oidc, NULL);
    struct wf_err first = WF_ERR_INIT;
    struct wf_err second = WF_ERR_INIT;
    int64_t until = 0;

    (void)state;
    answer(WF_OK, 200, "{\"active\":false}");
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, &first), WF_INACTIVE);
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, &second), WF_INACTIVE);
    assert_int_equal(door.asked, 1);
    assert_string_equal(first.text, second.text);
    assert_non_null(strstr(first.text, "not active"));
    assert_null(strstr(first.text, TOKEN));
    wf_opaque_free(opaque);
}

static void test_endpoints(void **state)
{
    struct wf_opaque *opaque = make(&oidc, NULL);
    int64_t until = 0;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    answer(WF_OK, 200, "{\"active\":true}");
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(look_up_as(opaque, TOKEN, i, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(door.discovered, 1);
    assert_non_null(strstr(door.last, ISSUER "/introspect\ntoken=" TOKEN "&"));
    /* It has moved: found anew */
    answer(WF_OK, 404, "{}");
    assert_int_equal(look_up_as(opaque, TOKEN, 6, NULL, NOW, &until, NULL), WF_CONFIG);
    answer(WF_OK, 200, "{\"active\":true}");
    assert_int_equal(look_up_as(opaque, TOKEN, 6, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(door.discovered, 1);
    /* Or it does not work any more */
    answer(WF_OK, 500, "{}");
    assert_int_equal(look_up_as(opaque, TOKEN, 7, NULL, NOW, &until, NULL), WF_UNREACHABLE);
    answer(WF_OK, 200, "{\"active\":true}");
    assert_int_equal(look_up_as(opaque, TOKEN, 7, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(door.discovered, 1);
    /* An hour later as well, and when the clock went back */
    assert_int_equal(look_up_as(opaque, TOKEN, 6, NULL, NOW + 3599, &until, NULL), WF_OK);
    assert_int_equal(door.discovered, 1);
    assert_int_equal(look_up_as(opaque, TOKEN, 7, NULL, NOW + 3600, &until, NULL), WF_OK);
    assert_int_equal(door.discovered, 2);
    assert_int_equal(look_up_as(opaque, TOKEN, 7, NULL, NOW + 3599, &until, NULL), WF_OK);
    assert_int_equal(door.discovered, 3);
    wf_opaque_free(opaque);

    /* Nor does what the folder kept outlive the endpoint */
    empty_folder();
    opaque = make(&oidc, dir);
    answer(WF_OK, 404, "{}");
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL), WF_CONFIG);
    answer(WF_OK, 200, "{\"active\":true}");
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(door.discovered, 1);
    wf_opaque_free(opaque);

    opaque = make(&oidc, NULL);
    door.no_endpoints = true;
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, &err), WF_CONFIG);
    door.no_endpoints = false;
    assert_non_null(strstr(err.text, "introspection_endpoint"));
    wf_opaque_free(opaque);
}

static void test_userinfo(void **state)
{
    struct wf_provider_conf conf = oidc;
    uint8_t key[32] = {1};
    struct json_t *claims = NULL;
    enum wf_source source = WF_SOURCE_JWT;
    int64_t until = 0;

    (void)state;
    conf.introspection = false;
    conf.userinfo = true;
    struct wf_opaque *opaque = make(&conf, NULL);
    answer(WF_OK, 200, "{\"sub\":\"u1\",\"email\":\"a@acme.example\"}");
    assert_int_equal(wf_opaque_look_up(opaque, TOKEN, strlen(TOKEN), key, NULL, NOW, &claims,
                                       &source, &until, NULL),
                     WF_OK);
    assert_int_equal(source, WF_SOURCE_USERINFO);
    assert_true(wf_span_equals(wf_json_text(claims, "email"), "a@acme.example"));
    assert_non_null(strstr(door.last, ISSUER "/userinfo\n"));
    assert_non_null(strstr(door.last, "Authorization: Bearer " TOKEN "\n"));
    wf_json_free(claims);
    wf_opaque_free(opaque);
}

static const struct wf_provider_conf workfront = {
    .name = "acme",
    .type = WF_PROVIDER_WORKFRONT,
    .url = "https://acme.my.workfront.com",
    .client_id = "c",
    .api_version = "v20.0",
    .timeout = 10,
    .helper_user = "_wfauth",
    .token_pattern = "[0-9a-f]{32}",
};

static void test_workfront(void **state)
{
    static const char session[] = "0123456789abcdef0123456789abcdef";
    uint8_t key[32] = {1};
    struct json_t *claims = NULL;
    enum wf_source source = WF_SOURCE_JWT;
    int64_t until = 0;
    struct wf_opaque *opaque = make(&workfront, NULL);

    (void)state;
    answer(WF_OK, 200, "{\"data\":[{\"ID\":\"u1\",\"username\":\"alice\",\"isActive\":true}]}");
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(
            wf_opaque_look_up(opaque, session, 32, key, NULL, NOW, &claims, &source, &until, NULL),
            WF_OK);
        assert_int_equal(source, WF_SOURCE_SESSION);
        assert_int_equal(until, NOW + 60);
        assert_true(wf_span_equals(wf_json_text(claims, "ID"), "u1"));
        wf_json_free(claims);
    }
    assert_int_equal(door.asked, 1);
    assert_non_null(strstr(door.last, "sessionID: 0123456789abcdef0123456789abcdef\n"));
    answer(WF_OK, 200, "{\"data\":[{\"ID\":\"u1\",\"username\":\"alice\",\"isActive\":false}]}");
    assert_int_equal(look_up_as(opaque, session, 2, NULL, NOW, &until, NULL), WF_INACTIVE);
    answer(WF_OK, 200, "{\"data\":[]}");
    assert_int_equal(look_up_as(opaque, session, 3, NULL, NOW, &until, NULL), WF_IDENTITY);
    assert_int_equal(look_up_as(opaque, session, 3, NULL, NOW, &until, NULL), WF_IDENTITY);
    assert_int_equal(door.asked, 1);
    wf_opaque_free(opaque);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pattern),   cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_length),    cmocka_unit_test(test_internal),
        cmocka_unit_test(test_bad_conf),  cmocka_unit_test(test_answers),
        cmocka_unit_test(test_until),     cmocka_unit_test(test_text),
        cmocka_unit_test(test_endpoints), cmocka_unit_test(test_userinfo),
        cmocka_unit_test(test_workfront),
    };
    return cmocka_run_group_tests_name("opaque", tests, set_up, tear_down);
}
