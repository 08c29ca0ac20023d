#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failalloc.h"
#include "jwks.h"
#include "mint.h"

static struct wf_jwks *set_of(const char *text)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_jwks *set = NULL;

    if (wf_jwks_parse(text, strlen(text), &set, NULL, &err) != WF_OK)
        fail_msg("%.200s: %s", text, err.text);
    return set;
}

/* So many keys of which the last is this one. */
static const char *many(size_t count, const char *last)
{
    return mint_repeat("{\"keys\":[", mint_text("%s,", mint_jwk(MINT_ED25519, "")), count - 1,
                       mint_text("%s]}", last));
}

static void test_parse(void **state)
{
    (void)state;
    const char *rsa = mint_jwk(MINT_RSA, "\"kid\":\"a\"");
    const char *ec = mint_jwk(MINT_P256, "\"kid\":\"b\"");
    const struct {
        const char *name;
        const char *text;
        size_t count;
        size_t skipped;
    } good[] = {
        {"empty", "{\"keys\":[]}", 0, 0},
        {"one", mint_jwks(rsa, NULL), 1, 0},
        {"two", mint_jwks(rsa, ec, NULL), 2, 0},
        {"the same twice", mint_jwks(rsa, rsa, NULL), 2, 0},
        {"foreign members", mint_text("{\"a\":1,\"keys\":[%s],\"b\":[]}", rsa), 1, 0},
        {"the most", many(WF_JWKS_KEYS_MAX, rsa), WF_JWKS_KEYS_MAX, 0},
        {"a bad one first", mint_jwks("{}", ec, NULL), 1, 1},
        {"a bad one last", mint_jwks(rsa, "{\"kty\":\"oct\",\"k\":\"AAAA\"}", NULL), 1, 1},
        {"one for encryption", mint_jwks(mint_jwk(MINT_RSA, "\"use\":\"enc\""), ec, NULL), 1, 1},
        {"a private one", mint_jwks(mint_jwk(MINT_RSA, "\"d\":\"AQAB\""), ec, NULL), 1, 1},
        {"bad ones alone", mint_jwks("{}", "{\"kty\":1}", mint_jwk(MINT_RSA_1024, ""), NULL), 0,
         3},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(good); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_jwks *set = NULL;
        size_t skipped = 4711;
        if (wf_jwks_parse(good[i].text, strlen(good[i].text), &set, &skipped, &err) != WF_OK)
            fail_msg("%s: %s", good[i].name, err.text);
        if (wf_jwks_count(set) != good[i].count || skipped != good[i].skipped)
            fail_msg("%s: %zu keys, %zu skipped", good[i].name, wf_jwks_count(set), skipped);
        wf_jwks_unref(set);
    }
    wf_jwks_unref(NULL);
}

static void test_bad(void **state)
{
    (void)state;
    const char *rsa = mint_jwk(MINT_RSA, "");
    const struct {
        const char *name;
        const char *text;
        const char *why;
    } bad[] = {
        {"nothing", "", "JSON"},
        {"no JSON", "<html>", "JSON"},
        {"an array", mint_text("[%s]", rsa), "not an object"},
        {"a key alone", rsa, "\"keys\" is missing"},
        {"no keys", "{}", "\"keys\" is missing"},
        {"keys null", "{\"keys\":null}", "\"keys\" is missing"},
        {"keys an object", mint_text("{\"keys\":{\"a\":%s}}", rsa), "\"keys\" is not an array"},
        {"keys a string", "{\"keys\":\"a\"}", "\"keys\" is not an array"},
        {"keys twice", mint_text("{\"keys\":[],\"keys\":[%s]}", rsa), "JSON"},
        {"a string among them", mint_jwks(rsa, "\"a\"", NULL), "element 1"},
        {"null among them", mint_jwks("null", rsa, NULL), "element 0"},
        {"a name twice in a key", mint_jwks("{\"kty\":\"RSA\",\"kty\":\"EC\"}", NULL), "JSON"},
        {"one too many", many(WF_JWKS_KEYS_MAX + 1, rsa), "201 keys"},
        {"10,000", mint_repeat("{\"keys\":[", "{},", 9999, "{}]}"), "10000 keys"},
        {"cut", mint_text("{\"keys\":[%s", rsa), "JSON"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_jwks *set = NULL;
        size_t skipped = 4711;
        enum wf_reason reason =
            wf_jwks_parse(bad[i].text, strlen(bad[i].text), &set, &skipped, &err);
        if (reason != WF_MALFORMED)
            fail_msg("%s: %s", bad[i].name, wf_reason_name(reason));
        if (strstr(err.text, bad[i].why) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].name, err.text, bad[i].why);
        assert_null(set);
        assert_int_equal(skipped, 4711);
    }
}

/* A token by this key under this header, and what a set makes of it. */
static enum wf_reason judge(const char *set_text, const char *header_text, const char *alg,
                            enum mint_key key, bool *ret_fits)
{
    struct wf_jwks *set = set_of(set_text);
    const char *token = mint_token(alg, key, header_text, "{\"sub\":\"a\"}");
    struct wf_jws jws;
    struct wf_jws_header header;

    assert_int_equal(wf_jws_parse(token, strlen(token), &jws, NULL), WF_OK);
    assert_int_equal(wf_jws_header(&jws, &header, NULL), WF_OK);
    *ret_fits = wf_jwks_fits(set, &header);
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_jwks_verify(set, &header, &jws, &err);
    if (reason != WF_OK)
        assert_true(err.text[0] != '\0');
    wf_jws_done(&jws);
    wf_jwks_unref(set);
    return reason;
}

#define RS256(kid) "{\"alg\":\"RS256\",\"kid\":\"" kid "\"}"
#define RS256_BARE "{\"alg\":\"RS256\"}"

struct choice {
    const char *name;
    const char *set;
    const char *header;
    const char *alg;
    enum mint_key key;
    enum wf_reason reason;
    bool fits;
};

static void check_choice(const struct choice *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool fits = false;
        enum wf_reason reason =
            judge(rows[i].set, rows[i].header, rows[i].alg, rows[i].key, &fits);
        if (reason != rows[i].reason)
            fail_msg("%s: %s, expected %s", rows[i].name, wf_reason_name(reason),
                     wf_reason_name(rows[i].reason));
        if (fits != rows[i].fits)
            fail_msg("%s: fits: %d", rows[i].name, fits);
    }
}

static void test_kid(void **state)
{
    (void)state;
    const char *a = mint_jwk(MINT_RSA, "\"kid\":\"a\"");
    const char *bare = mint_jwk(MINT_RSA, "");
    const char *other_b = mint_jwk(MINT_RSA_OTHER, "\"kid\":\"b\"");
    const char *long_kid = mint_repeat("\"kid\":\"", "k", 1024, "\"");
    const struct choice rows[] = {
        {"its kid", mint_jwks(a, NULL), RS256("a"), "RS256", MINT_RSA, WF_OK, true},
        {"its kid, second", mint_jwks(other_b, a, NULL), RS256("a"), "RS256", MINT_RSA, WF_OK,
         true},
        {"kid unknown", mint_jwks(a, NULL), RS256("b"), "RS256", MINT_RSA, WF_KEY, false},
        {"kid in capitals", mint_jwks(a, NULL), RS256("A"), "RS256", MINT_RSA, WF_KEY, false},
        {"kid longer", mint_jwks(a, NULL), RS256("aa"), "RS256", MINT_RSA, WF_KEY, false},
        {"kid empty", mint_jwks(a, NULL), RS256(""), "RS256", MINT_RSA, WF_KEY, false},
        {"both empty", mint_jwks(mint_jwk(MINT_RSA, "\"kid\":\"\""), NULL), RS256(""), "RS256",
         MINT_RSA, WF_OK, true},
        {"kid empty, key has none", mint_jwks(bare, NULL), RS256(""), "RS256", MINT_RSA, WF_KEY,
         false},
        {"kid, key has none", mint_jwks(bare, NULL), RS256("a"), "RS256", MINT_RSA, WF_KEY, false},
        {"kid a path", mint_jwks(a, NULL), RS256("../a"), "RS256", MINT_RSA, WF_KEY, false},
        {"kid of 1024", mint_jwks(mint_jwk(MINT_RSA, long_kid), NULL),
         mint_text("{\"alg\":\"RS256\",%s}", long_kid), "RS256", MINT_RSA, WF_OK, true},
        {"kid of 10 KB", mint_jwks(a, NULL),
         mint_repeat("{\"alg\":\"RS256\",\"kid\":\"", "k", 10240, "\"}"), "RS256", MINT_RSA,
         WF_KEY, false},
        {"no kid", mint_jwks(a, NULL), RS256_BARE, "RS256", MINT_RSA, WF_OK, true},
        {"no kid, the right key second", mint_jwks(other_b, a, NULL), RS256_BARE, "RS256",
         MINT_RSA, WF_OK, true},
    };

    check_choice(rows, WF_ARRAY_LEN(rows));
}

static void test_several(void **state)
{
    (void)state;
    const char *a = mint_jwk(MINT_RSA, "\"kid\":\"a\"");
    const char *other_a = mint_jwk(MINT_RSA_OTHER, "\"kid\":\"a\"");
    const char *other_b = mint_jwk(MINT_RSA_OTHER, "\"kid\":\"b\"");
    const char *ec_a = mint_jwk(MINT_P256, "\"kid\":\"a\"");
    const char *ec = mint_jwk(MINT_P256, "");
    const char *enc_a = mint_jwk(MINT_RSA, "\"kid\":\"a\",\"use\":\"enc\"");
    const struct choice rows[] = {
        {"kid twice, the right key second", mint_jwks(other_a, a, NULL), RS256("a"), "RS256",
         MINT_RSA, WF_OK, true},
        {"kid twice, the right key first", mint_jwks(a, other_a, NULL), RS256("a"), "RS256",
         MINT_RSA, WF_OK, true},
        {"kid twice, neither", mint_jwks(other_a, other_a, NULL), RS256("a"), "RS256", MINT_RSA,
         WF_SIGNATURE, true},
        {"kid of two types", mint_jwks(ec_a, a, NULL), RS256("a"), "RS256", MINT_RSA, WF_OK, true},
        {"another key's kid", mint_jwks(a, other_b, NULL), RS256("b"), "RS256", MINT_RSA,
         WF_SIGNATURE, true},
        {"wrong key", mint_jwks(other_a, NULL), RS256("a"), "RS256", MINT_RSA, WF_SIGNATURE, true},
        {"wrong type", mint_jwks(ec_a, NULL), RS256("a"), "RS256", MINT_RSA, WF_KEY, false},
        {"wrong type, no kid", mint_jwks(ec, NULL), RS256_BARE, "RS256", MINT_RSA, WF_KEY, false},
        {"wrong use", mint_jwks(enc_a, NULL), RS256("a"), "RS256", MINT_RSA, WF_KEY, false},
        {"ES256 with an RSA key", mint_jwks(a, NULL), "{\"alg\":\"ES256\",\"kid\":\"a\"}", "ES256",
         MINT_P256, WF_KEY, false},
        {"ES256 with P-384", mint_jwks(mint_jwk(MINT_P384, ""), NULL), "{\"alg\":\"ES256\"}",
         "ES256", MINT_P384, WF_KEY, false},
        {"too short", mint_jwks(mint_jwk(MINT_RSA_1024, ""), NULL), RS256_BARE, "RS256",
         MINT_RSA_1024, WF_KEY, false},
    };

    check_choice(rows, WF_ARRAY_LEN(rows));
}

static void test_algorithm(void **state)
{
    (void)state;
    const char *bare = mint_jwk(MINT_RSA, "");
    const char *other = mint_jwk(MINT_RSA_OTHER, "");
    const char *ec = mint_jwk(MINT_P256, "");
    const struct choice rows[] = {
        {"PS256 by a key without alg", mint_jwks(bare, NULL), "{\"alg\":\"PS256\"}", "PS256",
         MINT_RSA, WF_OK, true},
        {"PS256 by a key for RS256", mint_jwks(mint_jwk(MINT_RSA, "\"alg\":\"RS256\""), NULL),
         "{\"alg\":\"PS256\"}", "PS256", MINT_RSA, WF_KEY, false},
        {"signed by PS256, said RS256", mint_jwks(bare, NULL), RS256_BARE, "PS256", MINT_RSA,
         WF_SIGNATURE, true},
        {"Ed25519 for EdDSA", mint_jwks(mint_jwk(MINT_ED25519, "\"alg\":\"Ed25519\""), NULL),
         "{\"alg\":\"EdDSA\"}", "EdDSA", MINT_ED25519, WF_OK, true},
        {"EdDSA for Ed25519", mint_jwks(mint_jwk(MINT_ED25519, "\"alg\":\"EdDSA\""), NULL),
         "{\"alg\":\"Ed25519\"}", "EdDSA", MINT_ED25519, WF_OK, true},
        {"no keys", "{\"keys\":[]}", RS256_BARE, "RS256", MINT_RSA, WF_KEY, false},
        {"the fourth that fits", mint_jwks(other, other, other, bare, NULL), RS256_BARE, "RS256",
         MINT_RSA, WF_OK, true},
        {"the fourth, others between", mint_jwks(ec, other, ec, other, other, ec, bare, NULL),
         RS256_BARE, "RS256", MINT_RSA, WF_OK, true},
        {"the fifth that fits", mint_jwks(other, other, other, other, bare, NULL), RS256_BARE,
         "RS256", MINT_RSA, WF_KEY, true},
        {"four wrong ones", mint_jwks(other, other, other, other, NULL), RS256_BARE, "RS256",
         MINT_RSA, WF_SIGNATURE, true},
    };

    check_choice(rows, WF_ARRAY_LEN(rows));
}

/* A reference keeps the set, the last one frees it (under a sanitizer: exactly once). */
static void test_references(void **state)
{
    struct wf_jwks *set = set_of(mint_jwks(mint_jwk(MINT_RSA, ""), NULL));

    (void)state;
    assert_ptr_equal(wf_jwks_ref(set), set);
    wf_jwks_unref(set);
    assert_int_equal(wf_jwks_count(set), 1);
    wf_jwks_unref(set);
}

/* Not text: bytes with a length. */
static void test_length(void **state)
{
    const char *text = "{\"keys\":[]}x";
    struct wf_jwks *set = NULL;

    (void)state;
    assert_int_equal(wf_jwks_parse(text, strlen(text), &set, NULL, NULL), WF_MALFORMED);
    assert_int_equal(wf_jwks_parse(text, strlen(text) - 1, &set, NULL, NULL), WF_OK);
    wf_jwks_unref(set);
}

static size_t frees;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
    frees += block != NULL;
    __real_free(block);
}

static void test_no_memory(void **state)
{
    const char *text = mint_jwks(mint_jwk(MINT_RSA, "\"kid\":\"a\""),
                                 mint_jwk(MINT_P256, "\"kid\":\"b\""), NULL);
    bool over = false;

    (void)state;
    for (unsigned n = 1; !over; n++) {
        struct wf_jwks *set = NULL;
        size_t skipped = 4711;
        fail_alloc_at = n;
        enum wf_reason reason = wf_jwks_parse(text, strlen(text), &set, &skipped, NULL);
        over = fail_alloc_at > 0;
        fail_alloc_at = 0;
        assert_int_equal(reason, over ? WF_OK : WF_INTERNAL);
        assert_int_equal(set != NULL, over);
        assert_int_equal(skipped, over ? 0 : 4711);
        if (over) {
            /* Two keys, their two kids, the set */
            frees = 0;
            wf_jwks_unref(set);
            assert_int_equal(frees, 5);
        }
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
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_bad),
        cmocka_unit_test(test_kid),        cmocka_unit_test(test_several),
        cmocka_unit_test(test_algorithm),  cmocka_unit_test(test_references),
        cmocka_unit_test(test_length),     cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("jwks", tests, NULL, done);
}
