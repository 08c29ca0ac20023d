#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "authz.h"
#include "base64.h"
#include "crypto.h"
#include "json.h"
#include "url.h"

static const struct wf_provider_conf conf = {
    .name = "acme",
    .url = "https://acme.my.workfront.com",
    .client_id = "id&x",
    .redirect_uri = "https://login.acme.example/code?x=1",
    .scope = NULL,
};
static const char authorize[] = "https://acme.my.workfront.com/integrations/oauth2/authorize";
static const struct wf_authz_hint hint = {"host.example", "sshd", "alice"};

static struct wf_authz *begin(const struct wf_authz_hint *h)
{
    struct wf_authz *authz = NULL;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(wf_authz_new(&conf, authorize, h, false, &authz, &err), WF_OK);
    return authz;
}

/* The decoded value of a parameter of the sign-in address; the caller frees. */
static char *parameter(const struct wf_authz *authz, const char *name)
{
    const char *address = wf_authz_address_borrow(authz);
    const char *query = strchr(address, '?');
    struct wf_span raw;
    struct wf_buf out = WF_BUF_INIT(2048);

    assert_non_null(query);
    assert_int_equal(
        wf_form_find((struct wf_span){query + 1, strlen(query + 1)}, name, &raw), WF_OK);
    if (raw.ptr == NULL)
        return NULL;
    assert_int_equal(wf_form_decode(&out, raw), WF_OK);
    return wf_buf_steal(&out, NULL);
}

static void assert_parameter(const struct wf_authz *authz, const char *name, const char *expected)
{
    char *value = parameter(authz, name);

    assert_non_null(value);
    assert_string_equal(value, expected);
    free(value);
}

static void test_address(void **state)
{
    (void)state;
    struct wf_authz *authz = begin(&hint);
    struct wf_span verifier = wf_secret_borrow(wf_authz_verifier_borrow(authz));
    struct wf_buf challenge = WF_BUF_INIT(64);
    uint8_t hash[WF_SHA256_LEN];

    assert_memory_equal(wf_authz_address_borrow(authz), authorize, strlen(authorize));
    assert_parameter(authz, "client_id", "id&x");
    assert_parameter(authz, "redirect_uri", conf.redirect_uri);
    assert_parameter(authz, "response_type", "code");
    assert_parameter(authz, "code_challenge_method", "S256");
    assert_null(parameter(authz, "scope"));
    /* RFC 7636 §4.1: 43 characters at least; the challenge is the hash of the verifier */
    assert_int_equal(verifier.len, 43);
    assert_int_equal(wf_crypto_sha256(verifier.ptr, verifier.len, hash, NULL), WF_OK);
    wf_base64url_encode(&challenge, hash, sizeof(hash));
    assert_parameter(authz, "code_challenge", wf_buf_text_borrow(&challenge));
    /* The verifier itself is not in the address */
    assert_null(strstr(wf_authz_address_borrow(authz), verifier.ptr));
    wf_buf_done(&challenge);
    wf_authz_free(authz);
}

static void test_no_two_alike(void **state)
{
    (void)state;
    struct wf_authz *a = begin(&hint);
    struct wf_authz *b = begin(&hint);
    char *state_a = parameter(a, "state");
    char *state_b = parameter(b, "state");

    assert_string_not_equal(state_a, state_b);
    assert_false(wf_secret_equals(wf_authz_verifier_borrow(a), wf_authz_verifier_borrow(b)));
    free(state_a);
    free(state_b);
    wf_authz_free(a);
    wf_authz_free(b);
}

/* What the callback page reads out of `state`. */
static void test_hint(void **state)
{
    (void)state;
    const struct wf_authz_hint hostile = {"h\"},{\x1b[2J", "s\n", "u\xff\xe2\x80\xae</script>"};
    const struct {
        const struct wf_authz_hint *hint;
        const char *expected;
    } rows[] = {
        {&hint, "{\"h\":\"host.example\",\"s\":\"sshd\",\"u\":\"alice\"}"},
        {&hostile, "{\"h\":\"h\\\"},{?[2J\",\"s\":\"s?\",\"u\":\"u?\?</script>\"}"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_authz *authz = begin(rows[i].hint);
        char *value = parameter(authz, "state");
        struct wf_buf json = WF_BUF_INIT(1024);
        const char *dot = strchr(value, '.');
        assert_non_null(dot);
        assert_int_equal(dot - value, 22);
        assert_int_equal(wf_base64url_decode(&json, dot + 1, strlen(dot + 1)), WF_OK);
        assert_string_equal(wf_buf_text_borrow(&json), rows[i].expected);
        wf_buf_done(&json);
        free(value);
        wf_authz_free(authz);
    }
}

static const struct {
    const char *configured;
    bool offline;
    const char *scope; /* NULL: none */
} scopes[] = {
    {NULL, false, NULL},
    {NULL, true, "offline_access"},
    {"mail", false, "mail"},
    {"mail", true, "mail offline_access"},
    {"offline_access", true, "offline_access"},
    {"mail offline_access", true, "mail offline_access"},
    {"offline_access mail", true, "offline_access mail"},
    {"offline_accesses", true, "offline_accesses offline_access"},
    {"xoffline_access", true, "xoffline_access offline_access"},
};

/* A refresh token is asked for where it is wanted, and no word comes twice. */
static void test_offline(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(scopes); i++) {
        struct wf_provider_conf other = conf;
        struct wf_authz *authz = NULL;
        other.scope = scopes[i].configured;
        assert_int_equal(wf_authz_new(&other, authorize, &hint, scopes[i].offline, &authz, NULL),
                         WF_OK);
        if (scopes[i].scope != NULL) {
            assert_parameter(authz, "scope", scopes[i].scope);
        } else {
            char *none = parameter(authz, "scope");
            assert_null(none);
        }
        wf_authz_free(authz);
    }
}

static void test_scope_and_length(void **state)
{
    (void)state;
    struct wf_provider_conf other = conf;
    struct wf_authz *authz = NULL;
    struct wf_err err = WF_ERR_INIT;
    char *long_scope = calloc(1, 3001);

    assert_non_null(long_scope);
    other.scope = "offline_access x";
    assert_int_equal(wf_authz_new(&other, authorize, &hint, false, &authz, &err), WF_OK);
    assert_parameter(authz, "scope", "offline_access x");
    wf_authz_free(authz);
    memset(long_scope, 'x', 3000);
    other.scope = long_scope;
    assert_int_equal(wf_authz_new(&other, authorize, &hint, false, &authz, &err), WF_CONFIG);
    free(long_scope);
}

/* %STATE% is replaced by the sign-in's own state, urlencoded. */
#define HERE "https://login.acme.example/code?x=1&"
static const struct {
    const char *name;
    const char *paste;
    enum wf_reason reason;
    const char *code;
} pastes[] = {
    {"bare code", "abc123", WF_OK, "abc123"},
    {"bare code, all of RFC 6749's bytes that may stand alone", "a=b/c?d&e#f%41+~", WF_OK,
     "a=b/c?d&e#f%41+~"},
    {"blanks around", " \t abc123 \r\n", WF_OK, "abc123"},
    {"blank inside", "abc 123", WF_MALFORMED, NULL},
    {"empty", "", WF_MALFORMED, NULL},
    {"blanks alone", "   ", WF_MALFORMED, NULL},
    {"escape sequence", "abc\x1b[2J", WF_MALFORMED, NULL},
    {"high bytes", "abc\xc3\xa4", WF_MALFORMED, NULL},
    {"what sshd makes of an unknown user's answer", "\b\n\r\177INCORRECT\b\n\r\177INCO",
     WF_MALFORMED, NULL},
    {"address", HERE "code=abc123&state=%STATE%", WF_OK, "abc123"},
    {"address, state first", HERE "state=%STATE%&code=abc123&domain=acme&lane=preview", WF_OK,
     "abc123"},
    {"address with a fragment", HERE "code=abc123&state=%STATE%#top", WF_OK, "abc123"},
    {"code escaped in the address", HERE "code=a%2Bb%3d+c&state=%STATE%", WF_OK, "a+b= c"},
    {"query alone", "code=abc123&state=%STATE%", WF_OK, "abc123"},
    {"address of another host, our state", "https://x.example/?code=abc123&state=%STATE%", WF_OK,
     "abc123"},
    {"address without state", HERE "code=abc123", WF_MALFORMED, NULL},
    {"state of another sign-in", HERE "code=abc123&state=AAAAAAAAAAAAAAAAAAAAAA", WF_MALFORMED,
     NULL},
    {"state with a byte more", HERE "code=abc123&state=%STATE%x", WF_MALFORMED, NULL},
    {"state empty", HERE "code=abc123&state=", WF_MALFORMED, NULL},
    {"state twice", HERE "code=abc123&state=%STATE%&state=%STATE%", WF_MALFORMED, NULL},
    {"state twice, query alone", "code=abc123&state=%STATE%&state=%STATE%", WF_MALFORMED, NULL},
    {"code twice", HERE "code=abc123&code=abc123&state=%STATE%", WF_MALFORMED, NULL},
    {"code empty", HERE "code=&state=%STATE%", WF_MALFORMED, NULL},
    {"code missing", HERE "state=%STATE%", WF_MALFORMED, NULL},
    {"code with a broken escape", HERE "code=abc%2&state=%STATE%", WF_MALFORMED, NULL},
    {"code with an escaped NUL", HERE "code=abc%00d&state=%STATE%", WF_MALFORMED, NULL},
    {"code with an escaped newline", HERE "code=abc%0ad&state=%STATE%", WF_MALFORMED, NULL},
    {"address without a query", "https://login.acme.example/code", WF_MALFORMED, NULL},
    {"the sign-in address itself", "https://a.example/authorize?client_id=x&state=%STATE%",
     WF_MALFORMED, NULL},
    {"iss is ours", HERE "code=abc123&state=%STATE%&iss=https%3A%2F%2Facme.my.workfront.com",
     WF_OK, "abc123"},
    {"iss is another's", HERE "code=abc123&state=%STATE%&iss=https%3A%2F%2Fevil.example",
     WF_ISSUER, NULL},
    {"iss is another's, in an error", HERE "error=x&state=%STATE%&iss=https%3A%2F%2Fevil.example",
     WF_ISSUER, NULL},
    {"iss is a prefix of ours", HERE "code=abc123&state=%STATE%&iss=https%3A%2F%2Facme.my",
     WF_ISSUER, NULL},
    {"denied", HERE "error=access_denied&state=%STATE%", WF_DENIED, NULL},
    {"denied, with a code beside it", HERE "error=access_denied&code=abc&state=%STATE%",
     WF_DENIED, NULL},
    {"denied, of another sign-in", HERE "error=access_denied&state=x", WF_MALFORMED, NULL},
    {"another error", HERE "error=server_error&state=%STATE%", WF_EXPIRED, NULL},
};

static char *fill_in(const char *paste, const char *value)
{
    struct wf_buf out = WF_BUF_INIT(8192);
    const char *mark;

    while ((mark = strstr(paste, "%STATE%")) != NULL) {
        wf_buf_append(&out, paste, (size_t)(mark - paste));
        wf_url_encode(&out, (struct wf_span){value, strlen(value)});
        paste = mark + strlen("%STATE%");
    }
    wf_buf_append_text(&out, paste);
    return wf_buf_steal(&out, NULL);
}

static void test_pastes(void **state)
{
    (void)state;
    struct wf_authz *authz = begin(&hint);
    char *value = parameter(authz, "state");

    for (size_t i = 0; i < WF_ARRAY_LEN(pastes); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_secret *code = NULL;
        char *paste = fill_in(pastes[i].paste, value);
        enum wf_reason reason = wf_authz_parse(authz, paste, strlen(paste), &code, &err);
        if (reason != pastes[i].reason)
            fail_msg("%s: %s (%s)", pastes[i].name, wf_reason_name(reason), err.text);
        if (reason == WF_OK && !wf_span_equals(wf_secret_borrow(code), pastes[i].code))
            fail_msg("%s: code is %s", pastes[i].name, wf_secret_borrow(code).ptr);
        if (reason != WF_OK && (code != NULL || err.text[0] == '\0'))
            fail_msg("%s: a code, or no text", pastes[i].name);
        /* A refused paste may be a password: it must not get into the log */
        if (reason != WF_OK && strstr(err.text, "abc") != NULL)
            fail_msg("%s: echoes the paste: %s", pastes[i].name, err.text);
        wf_secret_free(code);
        free(paste);
    }
    free(value);
    wf_authz_free(authz);
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        enum wf_reason reason;
    } rows[] = {
        {1, WF_OK},
        {500, WF_OK},
        {WF_CODE_MAX, WF_OK},
        {WF_CODE_MAX + 1, WF_TOO_LARGE},
        {WF_PASTE_MAX, WF_TOO_LARGE},
        {WF_PASTE_MAX + 1, WF_TOO_LARGE},
        {5000, WF_TOO_LARGE},
    };
    struct wf_authz *authz = begin(&hint);
    char text[5000];

    memset(text, 'c', sizeof(text));
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_secret *code = NULL;
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(wf_authz_parse(authz, text, rows[i].len, &code, &err), rows[i].reason);
        wf_secret_free(code);
    }
    /* A NUL is a byte like others: refused, not the end */
    text[3] = '\0';
    struct wf_secret *code = NULL;
    assert_int_equal(wf_authz_parse(authz, text, 10, &code, NULL), WF_MALFORMED);
    wf_authz_free(authz);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address), cmocka_unit_test(test_no_two_alike),
        cmocka_unit_test(test_hint),    cmocka_unit_test(test_offline),
        cmocka_unit_test(test_scope_and_length),
        cmocka_unit_test(test_pastes),  cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests_name("authz", tests, NULL, NULL);
}
