#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failalloc.h"
#include "json.h"
#include "jws.h"
#include "mint.h"

#define HEADER "{\"alg\":\"RS256\",\"kid\":\"a\",\"typ\":\"JWT\"}"
#define PAYLOAD "{\"sub\":\"ann\"}"
#define H "eyJhbGciOiJSUzI1NiJ9" /* {"alg":"RS256"} */
#define P "eyJzdWIiOiJhIn0"      /* {"sub":"a"} */
#define S "AAAA"

static enum wf_reason parse(const char *token, size_t len, struct wf_err *err)
{
    struct wf_jws jws = {.signature_len = 4711};
    enum wf_reason reason = wf_jws_parse(token, len, &jws, err);

    if (reason == WF_OK) {
        assert_non_null(jws.header);
        assert_non_null(jws.payload);
        wf_jws_done(&jws);
    }
    assert_null(jws.header);
    assert_null(jws.payload);
    assert_int_equal(reason == WF_OK, jws.signature_len != 4711);
    return reason;
}

static const char *head(const char *header)
{
    return mint_text("%s.%s.%s", mint_base64url_text(header), P, S);
}

static const char *body(const char *payload)
{
    return mint_text("%s.%s.%s", H, mint_base64url_text(payload), S);
}

static const char *head_with(const char *name, const char *value)
{
    return head(mint_change("{\"alg\":\"RS256\"}", name, value, NULL));
}

static const char *signature_of(size_t bytes)
{
    uint8_t data[1100] = {1};

    return mint_text("%s.%s.%s", H, P, mint_base64url(data, bytes));
}

static void test_parts(void **state)
{
    struct wf_jws jws;
    struct wf_jws_header header;
    const char *token = mint_text("%s.%s.%s", mint_base64url_text(HEADER),
                                  mint_base64url_text(PAYLOAD), "AQID");

    (void)state;
    assert_int_equal(wf_jws_parse(token, strlen(token), &jws, NULL), WF_OK);
    assert_ptr_equal(jws.header_text.ptr, token);
    assert_int_equal(jws.header_text.len, strlen(mint_base64url_text(HEADER)));
    assert_ptr_equal(jws.signing_input.ptr, token);
    assert_int_equal(jws.signing_input.len, strlen(token) - strlen(".AQID"));
    assert_int_equal(jws.signature_len, 3);
    assert_memory_equal(jws.signature, "\1\2\3", 3);
    assert_true(wf_span_equals(wf_json_text(jws.payload, "sub"), "ann"));
    assert_int_equal(wf_jws_header(&jws, &header, NULL), WF_OK);
    assert_int_equal(header.alg, WF_ALG_RS256);
    assert_true(wf_span_equals(header.kid, "a"));
    assert_true(wf_span_equals(header.typ, "JWT"));
    wf_jws_done(&jws);
    wf_jws_done(&jws);
}

static void test_good(void **state)
{
    (void)state;
    const struct {
        const char *name;
        const char *token;
    } rows[] = {
        {"small", H "." P "." S},
        {"an empty payload", body("{}")},
        {"blanks in the header", head("{ \t\"alg\" :\r\n\"RS256\" } ")},
        {"depth of 16", body(mint_repeat("{\"a\":", "[", 15, mint_repeat("", "]", 15, "}")))},
        {"kid that is a path", head_with("kid", "\"../../../etc/passwd\"")},
        {"kid empty", head_with("kid", "\"\"")},
        {"kid null", head_with("kid", "null")},
        {"kid of 10 KB", head_with("kid", mint_repeat("\"", "k", 10240, "\""))},
        {"kid of other letters", head_with("kid", "\"\\u00fc\\ud83d\\ude00\"")},
        {"a key in the header", head_with("jwk", mint_jwk(MINT_RSA_OTHER, ""))},
        {"an address in the header", head_with("jku", "\"https://evil.example/jwks\"")},
        {"another address", head_with("x5u", "\"https://evil.example/cert\"")},
        {"certificates", head_with("x5c", "[\"AAAA\"]")},
        {"cty json", head_with("cty", "\"json\"")},
        {"crit null", head_with("crit", "null")},
        {"one byte of signature", signature_of(1)},
        {"1024 bytes of signature", signature_of(1024)},
        {"a dead name twice, deeper", body("{\"a\":{\"b\":1},\"c\":{\"b\":1}}")},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_err err = WF_ERR_INIT;
        if (parse(rows[i].token, strlen(rows[i].token), &err) != WF_OK)
            fail_msg("%s: refused: %s", rows[i].name, err.text);
        assert_string_equal(err.text, "");
        assert_true(wf_jws_is_plausible(rows[i].token, strlen(rows[i].token)));
    }
}

struct bad {
    const char *name;
    const char *token;
    const char *why; /* what the message has */
    bool plausible;
};

static void check_bad(const struct bad *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = parse(rows[i].token, strlen(rows[i].token), &err);
        if (reason != WF_MALFORMED)
            fail_msg("%s: %s, expected malformed", rows[i].name, wf_reason_name(reason));
        if (strstr(err.text, rows[i].why) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].name, err.text, rows[i].why);
        if (wf_jws_is_plausible(rows[i].token, strlen(rows[i].token)) != rows[i].plausible)
            fail_msg("%s: plausible: %d", rows[i].name, !rows[i].plausible);
    }
}

static void test_bad_form(void **state)
{
    (void)state;
    const struct bad rows[] = {
        {"empty", "", "three parts", false},
        {"one part", H, "three parts", false},
        {"two parts", H "." P, "three parts", false},
        {"four parts", H "." P "." S "." S, "three parts", false},
        {"five parts (JWE)", H "." P "." S "." S "." S, "three parts", false},
        {"six parts", H "." P "." S "." S "." S "." S, "three parts", false},
        {"a dot behind", H "." P "." S ".", "three parts", false},
        {"a dot in front", "." H "." P "." S, "three parts", false},
        {"two dots", "..", "header", false},
        {"header empty", "." P "." S, "header", false},
        {"payload empty", H ".." S, "payload", false},
        {"signature empty", H "." P ".", "signature", false},
        {"header padded", H "=." P "." S, "header: it is not base64url", false},
        {"payload padded", H "." P "=." S, "payload: it is not base64url", false},
        {"signature padded", H "." P "." "AA==", "signature", false},
        {"a blank in front", " " H "." P "." S, "header", false},
        {"a blank behind", H "." P "." S " ", "signature", false},
        {"a newline in the payload", H "." "eyJz\ndWIiOiJhIn0" "." S, "payload", false},
        {"classic base64", H "." P "." "+/AA", "signature", false},
        {"a high byte", H "." P "." "AA\xc3\xbc", "signature", false},
        {"loose bits in the header", mint_text("%s.%s.%s", "eyJhbGciOiJSUzI1NiIgfR", P, S),
         "header: it is not base64url", true},
        {"loose bits in the payload", H "." "eyJzdWIiOiJhIn1" "." S,
         "payload: it is not base64url", true},
        {"loose bits in the signature", H "." P "." "AB", "signature", true},
        {"a length that cannot be, header", H "A." P "." S, "header", true},
        {"a length that cannot be, signature", H "." P "." "AAAAA", "signature", true},
        {"1025 bytes of signature", signature_of(1025), "signature", true},
        {"1 MB", mint_repeat(H "." P ".", "AAAA", 250000, ""), "signature", true},
        {"1 MB of dots", mint_repeat("", ".", 1000000, ""), "three parts", false},
        {"JSON serialisation", "{\"payload\":\"" P "\",\"protected\":\"" H "\",\"signature\":\"" S
                               "\"}", "three parts", false},
    };

    check_bad(rows, WF_ARRAY_LEN(rows));
}

static void test_bad_json(void **state)
{
    (void)state;
    const struct bad rows[] = {
        {"header no JSON", head("alg"), "header: no valid JSON", false},
        {"header an array", head("[\"RS256\"]"), "header: JSON, but not an object", false},
        {"header a string", head("\"RS256\""), "header: JSON, but not an object", false},
        {"payload no JSON", body("sub"), "payload: no valid JSON", true},
        {"payload an array", body("[]"), "payload: JSON, but not an object", true},
        {"payload null", body("null"), "payload: JSON, but not an object", true},
        {"something behind the header", head("{\"alg\":\"RS256\"}{}"), "header: no valid", true},
        {"something behind the payload", body("{\"sub\":\"a\"}x"), "payload: no valid", true},
        {"alg twice", head("{\"alg\":\"RS256\",\"alg\":\"RS256\"}"), "header: no valid", true},
        {"alg twice, once escaped", head("{\"alg\":\"none\",\"\\u0061lg\":\"RS256\"}"),
         "header: no valid", true},
        {"sub twice", body("{\"sub\":\"a\",\"sub\":\"b\"}"), "payload: no valid", true},
        {"a name twice inside", body("{\"a\":{\"b\":1,\"b\":1}}"), "payload: no valid", true},
        {"depth of 17", body(mint_repeat("{\"a\":", "[", 16, mint_repeat("", "]", 16, "}"))),
         "payload: no valid", true},
        {"depth of 10,000", body(mint_repeat("", "{\"a\":", 10000, "")), "payload", true},
        {"UTF-8 overlong", body("{\"sub\":\"\xc0\xae\"}"), "payload: no valid", true},
        {"UTF-8 surrogate", body("{\"sub\":\"\xed\xa0\x80\"}"), "payload: no valid", true},
        {"UTF-8 cut", body("{\"sub\":\"\xc3\"}"), "payload: no valid", true},
        {"half a pair", body("{\"sub\":\"\\ud83d\"}"), "payload: no valid", true},
        {"NUL escaped", body("{\"sub\":\"a\\u0000b\"}"), "payload: no valid", true},
        {"NUL in a name", body("{\"sub\\u0000\":\"a\"}"), "payload: no valid", true},
        {"single quotes", body("{'sub':'a'}"), "payload: no valid", true},
        {"a comma behind", body("{\"sub\":\"a\",}"), "payload: no valid", true},
        {"NaN", body("{\"exp\":NaN}"), "payload: no valid", true},
        {"infinite", body("{\"exp\":1e999}"), "payload: no valid", true},
        {"a huge number", body("{\"exp\":99999999999999999999}"), "payload: no valid", true},
        {"byte order mark", body("\xef\xbb\xbf{\"sub\":\"a\"}"), "payload: no valid", true},
    };

    check_bad(rows, WF_ARRAY_LEN(rows));
}

static void test_bad_header(void **state)
{
    (void)state;
    const struct bad rows[] = {
        {"crit", head_with("crit", "[\"exp\"]"), "has \"crit\"", true},
        {"crit empty", head_with("crit", "[]"), "has \"crit\"", true},
        {"b64", head_with("b64", "false"), "has \"b64\"", true},
        {"b64 true", head_with("b64", "true"), "has \"b64\"", true},
        {"zip", head_with("zip", "\"DEF\""), "has \"zip\"", true},
        {"enc", head_with("enc", "\"A256GCM\""), "has \"enc\"", true},
        {"nested", head_with("cty", "\"JWT\""), "cty", true},
        {"nested, lower case", head_with("cty", "\"jwt\""), "cty", true},
        {"nested, in full", head_with("cty", "\"application/JWT\""), "cty", true},
        {"cty a number", head_with("cty", "1"), "\"cty\" is not a string", true},
        {"alg a number", head_with("alg", "256"), "\"alg\" is not a string", true},
        {"alg a list", head_with("alg", "[\"RS256\"]"), "\"alg\" is not a string", true},
        {"kid a number", head_with("kid", "1"), "\"kid\" is not a string", true},
        {"kid an object", head_with("kid", "{}"), "\"kid\" is not a string", true},
        {"typ a list", head_with("typ", "[\"JWT\"]"), "\"typ\" is not a string", true},
    };

    check_bad(rows, WF_ARRAY_LEN(rows));
}

/* Bytes that a C string cannot hold. */
static void test_nul(void **state)
{
    static const char inside[] = H "." P "\0." S;
    static const char behind[] = H "." P "." S "\0";
    static const char payload[] = "{\"sub\":\"a\0b\"}";
    const char *raw = mint_text("%s.%s.%s", H, mint_base64url(payload, sizeof(payload) - 1), S);

    (void)state;
    assert_int_equal(parse(inside, sizeof(inside) - 1, NULL), WF_MALFORMED);
    assert_int_equal(parse(behind, sizeof(behind) - 2, NULL), WF_OK);
    assert_int_equal(parse(behind, sizeof(behind) - 1, NULL), WF_MALFORMED);
    assert_int_equal(parse(raw, strlen(raw), NULL), WF_MALFORMED);
    assert_false(wf_jws_is_plausible(inside, sizeof(inside) - 1));
    assert_false(wf_jws_is_plausible(behind, sizeof(behind) - 1));
}

/* Each character of each part; what lies just outside the alphabet's ranges, too. */
static void test_plausible(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        bool good = c != 0 && strchr(alphabet, (int)c) != NULL;
        for (size_t at = 2; at < 7; at += 2) {
            char token[] = "eyJ.y.z";
            token[at] = (char)c;
            if (wf_jws_is_plausible(token, 7) != good)
                fail_msg("byte %02x at %zu: %d", c, at, !good);
        }
    }
}

/* Which tokens begin like an object: opaque ones have dots, too. */
static void test_begins_an_object(void **state)
{
    static const struct {
        const char *token;
        bool plausible;
    } rows[] = {
        {"ew.c.d", true},     {"ey.c.d", true},     {"e_.c.d", true},  {"e0.c.d", true},
        {"e9.c.d", true},     {"ev.c.d", false},    {"eA.c.d", false}, {"e.c.d", false},
        {"fy.c.d", false},    {"dy.c.d", false},    {"ya29.a0Af.c", false},
        {"y.c.d", false},     {"eyJ.c", false},     {"eyJ.c.d.e", false},
        {"e .c.d", false},    {"eyJ..d", false},    {"", false},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (wf_jws_is_plausible(rows[i].token, strlen(rows[i].token)) != rows[i].plausible)
            fail_msg("%s: %d", rows[i].token, !rows[i].plausible);
    }
    assert_false(wf_jws_is_plausible("e\0.c.d", 6));
    /* memchr(3) must not be given NULL, not even for no bytes */
    assert_false(wf_jws_is_plausible(NULL, 0));
}

static void test_header(void **state)
{
    static const struct {
        const char *name;
        const char *header;
        enum wf_reason reason;
    } rows[] = {
        {"good", "{\"alg\":\"RS256\"}", WF_OK},
        {"Ed25519", "{\"alg\":\"Ed25519\"}", WF_OK},
        {"no alg", "{}", WF_ALGORITHM},
        {"alg null", "{\"alg\":null}", WF_ALGORITHM},
        {"alg empty", "{\"alg\":\"\"}", WF_ALGORITHM},
        {"none", "{\"alg\":\"none\"}", WF_ALGORITHM},
        {"None", "{\"alg\":\"None\"}", WF_ALGORITHM},
        {"NONE", "{\"alg\":\"NONE\"}", WF_ALGORITHM},
        {"nOnE", "{\"alg\":\"nOnE\"}", WF_ALGORITHM},
        {"none and a blank", "{\"alg\":\"none \"}", WF_ALGORITHM},
        {"none escaped", "{\"alg\":\"\\u006eone\"}", WF_ALGORITHM},
        {"HS256", "{\"alg\":\"HS256\"}", WF_ALGORITHM},
        {"HS384", "{\"alg\":\"HS384\"}", WF_ALGORITHM},
        {"HS512", "{\"alg\":\"HS512\"}", WF_ALGORITHM},
        {"lower case", "{\"alg\":\"rs256\"}", WF_ALGORITHM},
        {"ES256K", "{\"alg\":\"ES256K\"}", WF_ALGORITHM},
        {"encryption", "{\"alg\":\"RSA-OAEP\"}", WF_ALGORITHM},
        {"dir", "{\"alg\":\"dir\"}", WF_ALGORITHM},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        const char *token = head(rows[i].header);
        struct wf_jws jws;
        struct wf_jws_header header = {.kid = {"kept", 4}};
        assert_int_equal(wf_jws_parse(token, strlen(token), &jws, NULL), WF_OK);
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = wf_jws_header(&jws, &header, &err);
        if (reason != rows[i].reason)
            fail_msg("%s: %s", rows[i].name, wf_reason_name(reason));
        bool absent = strstr(rows[i].header, "\"alg\":\"") == NULL;
        if (reason != WF_OK && (strstr(err.text, "no alg") != NULL) != absent)
            fail_msg("%s: \"%s\"", rows[i].name, err.text);
        if (reason == WF_OK) {
            assert_null(header.kid.ptr);
            assert_null(header.typ.ptr);
        } else {
            assert_string_equal(header.kid.ptr, "kept");
        }
        wf_jws_done(&jws);
    }
}

static void test_no_memory(void **state)
{
    const char *token = head(HEADER);
    enum wf_reason reason = WF_INTERNAL;

    (void)state;
    for (unsigned n = 1; reason != WF_OK; n++) {
        struct wf_err err = WF_ERR_INIT;
        fail_alloc_at = n;
        reason = parse(token, strlen(token), &err);
        bool over = fail_alloc_at > 0;
        fail_alloc_at = 0;
        assert_int_equal(over, strstr(err.text, "memory") == NULL);
        assert_int_equal(reason == WF_OK, over);
        assert_true(over || reason == WF_INTERNAL);
    }
}

static int done(void **state)
{
    (void)state;
    mint_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),      cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad_form),   cmocka_unit_test(test_bad_json),
        cmocka_unit_test(test_bad_header), cmocka_unit_test(test_nul),
        cmocka_unit_test(test_plausible),  cmocka_unit_test(test_header),
        cmocka_unit_test(test_begins_an_object), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("jws", tests, NULL, done);
}
