#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "failcrypto.h"
#include "jwkcase.h"
#include "mint.h"

static const char *const alg_names[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                        "PS512", "ES256", "ES384", "ES512", "EdDSA"};

#define MESSAGE "eyJhbGciOiJub25lIn0.e30"
static const struct wf_span message = {MESSAGE, sizeof(MESSAGE) - 1};

static enum wf_reason verify(const struct wf_jwk *key, enum wf_alg alg, struct mint_bytes signature)
{
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_jwk_verify(key, alg, message, signature.ptr, signature.len, &err);

    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(reason == WF_OK, err.text[0] == '\0');
    return reason;
}

/* Which key may verify which algorithm, and does. */
static void test_matrix(void **state)
{
    static const struct {
        enum mint_key key;
        unsigned algs;
    } rows[] = {
        {MINT_RSA, RSA_ALGS}, {MINT_RSA_3072, RSA_ALGS}, {MINT_P256, ES256},
        {MINT_P384, ES384},   {MINT_P521, ES512},        {MINT_ED25519, EDDSA},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_jwk *key = key_of(mint_jwk(rows[i].key, ""));
        for (unsigned alg = 0; alg < WF_ALG_COUNT; alg++) {
            bool allowed = (rows[i].algs >> alg & 1) != 0;
            struct mint_bytes signature = mint_copy("\1\2\3", 3);
            if (allowed)
                signature = mint_sign(alg_names[alg], rows[i].key, MESSAGE);
            assert_int_equal(verify(key, (enum wf_alg)alg, signature), allowed ? WF_OK : WF_KEY);
        }
        wf_jwk_free(key);
    }
}

static struct mint_bytes flipped(struct mint_bytes good, size_t at)
{
    uint8_t copy[MINT_SIGNATURE_MAX];

    memcpy(copy, good.ptr, good.len);
    copy[at] ^= 1;
    return mint_copy(copy, good.len);
}

static struct mint_bytes filled(uint8_t byte, size_t len)
{
    uint8_t bytes[MINT_SIGNATURE_MAX];

    memset(bytes, byte, sizeof(bytes));
    return mint_copy(bytes, len);
}

static struct mint_bytes with_zero(struct mint_bytes good, bool front)
{
    uint8_t copy[MINT_SIGNATURE_MAX] = {0};

    memcpy(copy + (front ? 1 : 0), good.ptr, good.len);
    return mint_copy(copy, good.len + 1);
}

/* r and s in 33 bytes each, the value unchanged. */
static struct mint_bytes wide(struct mint_bytes good)
{
    uint8_t copy[66] = {0};

    memcpy(copy + 1, good.ptr, 32);
    memcpy(copy + 34, good.ptr + 32, 32);
    return mint_copy(copy, sizeof(copy));
}

/* Every way to be wrong that a verifier has been seen to overlook. */
struct forged {
    const char *name;
    const struct wf_jwk *key;
    enum wf_alg alg;
    struct mint_bytes signature;
};

static void check_forged(const struct forged *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum wf_reason reason = verify(rows[i].key, rows[i].alg, rows[i].signature);
        if (reason != WF_SIGNATURE)
            fail_msg("%s: %s, expected signature", rows[i].name, wf_reason_name(reason));
    }
}

static void test_bad_rsa(void **state)
{
    (void)state;
    struct wf_jwk *rsa = key_of(mint_jwk(MINT_RSA, ""));
    struct mint_bytes rs = mint_sign("RS256", MINT_RSA, MESSAGE);
    const struct forged rows[] = {
        {"RS256, first bit", rsa, WF_ALG_RS256, flipped(rs, 0)},
        {"RS256, last bit", rsa, WF_ALG_RS256, flipped(rs, rs.len - 1)},
        {"RS256, cut", rsa, WF_ALG_RS256, {rs.ptr, rs.len - 1}},
        {"RS256, a zero in front", rsa, WF_ALG_RS256, with_zero(rs, true)},
        {"RS256, a zero behind", rsa, WF_ALG_RS256, with_zero(rs, false)},
        {"RS256, zeros", rsa, WF_ALG_RS256, filled(0, rs.len)},
        {"RS256, ones", rsa, WF_ALG_RS256, filled(0xff, rs.len)},
        {"RS256, empty", rsa, WF_ALG_RS256, {rs.ptr, 0}},
        {"RS256 of another key", rsa, WF_ALG_RS256, mint_sign("RS256", MINT_RSA_OTHER, MESSAGE)},
        {"RS256 of a longer key", rsa, WF_ALG_RS256, mint_sign("RS256", MINT_RSA_3072, MESSAGE)},
        {"RS256 of another text", rsa, WF_ALG_RS256, mint_sign("RS256", MINT_RSA, MESSAGE "x")},
        {"RS256 as RS384", rsa, WF_ALG_RS384, rs},
        {"RS256 as PS256", rsa, WF_ALG_PS256, rs},
        {"PS256 as RS256", rsa, WF_ALG_RS256, mint_sign("PS256", MINT_RSA, MESSAGE)},
        {"PS256 as PS384", rsa, WF_ALG_PS384, mint_sign("PS256", MINT_RSA, MESSAGE)},
        {"PS256, no salt", rsa, WF_ALG_PS256, mint_sign_salt("PS256", MINT_RSA, MESSAGE, 0)},
        {"PS256, salt of 20", rsa, WF_ALG_PS256, mint_sign_salt("PS256", MINT_RSA, MESSAGE, 20)},
        {"PS256, longest salt", rsa, WF_ALG_PS256, mint_sign_salt("PS256", MINT_RSA, MESSAGE, 222)},
    };

    assert_int_equal(verify(rsa, WF_ALG_RS256, rs), WF_OK);
    check_forged(rows, WF_ARRAY_LEN(rows));
    wf_jwk_free(rsa);
}

static void test_bad_ecdsa(void **state)
{
    (void)state;
    struct wf_jwk *ec = key_of(mint_jwk(MINT_P256, ""));
    struct wf_jwk *p521 = key_of(mint_jwk(MINT_P521, ""));
    struct mint_bytes es = mint_sign("ES256", MINT_P256, MESSAGE);
    uint8_t half_zero[64];
    memcpy(half_zero, es.ptr, 32);
    memset(half_zero + 32, 0, 32);
    const struct forged rows[] = {
        {"ES256 in DER", ec, WF_ALG_ES256, mint_sign_der("ES256", MINT_P256, MESSAGE)},
        {"ES256, r and s of 33 bytes", ec, WF_ALG_ES256, wide(es)},
        {"ES256, zeros", ec, WF_ALG_ES256, filled(0, 64)},
        {"ES256, s zero", ec, WF_ALG_ES256, mint_copy(half_zero, 64)},
        {"ES256, ones", ec, WF_ALG_ES256, filled(0xff, 64)},
        {"ES256, empty", ec, WF_ALG_ES256, {es.ptr, 0}},
        {"ES256, cut", ec, WF_ALG_ES256, {es.ptr, 63}},
        {"ES256, a zero behind", ec, WF_ALG_ES256, with_zero(es, false)},
        {"ES256, r changed", ec, WF_ALG_ES256, flipped(es, 0)},
        {"ES256, s changed", ec, WF_ALG_ES256, flipped(es, 63)},
        {"ES256 of another key", ec, WF_ALG_ES256, mint_sign("ES256", MINT_P256_OTHER, MESSAGE)},
        {"ES256 of another curve", ec, WF_ALG_ES256, mint_sign("ES256", MINT_P384, MESSAGE)},
        {"ES256 with SHA-512", ec, WF_ALG_ES256, mint_sign("ES512", MINT_P256, MESSAGE)},
        {"ES512 with SHA-256", p521, WF_ALG_ES512, mint_sign("ES256", MINT_P521, MESSAGE)},
        {"ES512, zeros", p521, WF_ALG_ES512, filled(0, 132)},
        {"ES512, ones", p521, WF_ALG_ES512, filled(0xff, 132)},
    };

    assert_int_equal(verify(ec, WF_ALG_ES256, es), WF_OK);
    check_forged(rows, WF_ARRAY_LEN(rows));
    wf_jwk_free(ec);
    wf_jwk_free(p521);
}

static void test_bad_eddsa(void **state)
{
    (void)state;
    struct wf_jwk *ed = key_of(mint_jwk(MINT_ED25519, ""));
    struct mint_bytes eddsa = mint_sign("EdDSA", MINT_ED25519, MESSAGE);
    const struct forged rows[] = {
        {"EdDSA, zeros", ed, WF_ALG_EDDSA, filled(0, 64)},
        {"EdDSA, empty", ed, WF_ALG_EDDSA, {eddsa.ptr, 0}},
        {"EdDSA, cut", ed, WF_ALG_EDDSA, {eddsa.ptr, 63}},
        {"EdDSA, a zero behind", ed, WF_ALG_EDDSA, with_zero(eddsa, false)},
        {"EdDSA of another key", ed, WF_ALG_EDDSA, mint_sign("EdDSA", MINT_ED25519_OTHER, MESSAGE)},
    };

    assert_int_equal(verify(ed, WF_ALG_EDDSA, eddsa), WF_OK);
    check_forged(rows, WF_ARRAY_LEN(rows));
    wf_jwk_free(ed);
}

/* Short r or s: one signature in 256 has a zero byte in front. */
static void test_short_halves(void **state)
{
    struct wf_jwk *ec = key_of(mint_jwk(MINT_P256, ""));
    bool short_r = false;
    bool short_s = false;

    (void)state;
    for (size_t i = 0; i < 20000 && !(short_r && short_s); i++) {
        struct mint_bytes es = mint_sign("ES256", MINT_P256, MESSAGE);
        if (es.ptr[0] != 0 && es.ptr[32] != 0)
            continue;
        short_r = short_r || es.ptr[0] == 0;
        short_s = short_s || es.ptr[32] == 0;
        assert_int_equal(verify(ec, WF_ALG_ES256, es), WF_OK);
    }
    assert_true(short_r && short_s);
    wf_jwk_free(ec);
}

/* A key narrowed by its alg refuses the others of its type. */
static void test_narrowed(void **state)
{
    struct wf_jwk *key = key_of(mint_jwk(MINT_RSA, "\"alg\":\"PS256\""));

    (void)state;
    assert_int_equal(verify(key, WF_ALG_PS256, mint_sign("PS256", MINT_RSA, MESSAGE)), WF_OK);
    assert_int_equal(verify(key, WF_ALG_RS256, mint_sign("RS256", MINT_RSA, MESSAGE)), WF_KEY);
    assert_int_equal(verify(key, WF_ALG_PS384, mint_sign("PS384", MINT_RSA, MESSAGE)), WF_KEY);
    wf_jwk_free(key);
}

static void test_no_memory(void **state)
{
    static const struct {
        enum mint_key key;
        const char *alg;
    } rows[] = {{MINT_RSA, "RS256"}, {MINT_RSA, "PS256"}, {MINT_P256, "ES256"},
                {MINT_ED25519, "EdDSA"}};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_jwk *key = key_of(mint_jwk(rows[i].key, ""));
        struct mint_bytes good = mint_sign(rows[i].alg, rows[i].key, MESSAGE);
        struct mint_bytes bad = flipped(good, good.len - 1);
        enum wf_alg alg;
        bool over = false;
        assert_true(wf_alg_find((struct wf_span){rows[i].alg, strlen(rows[i].alg)}, &alg));
        for (unsigned n = 1; !over; n++) {
            fail_alloc_at = n;
            assert_int_not_equal(verify(key, alg, bad), WF_OK);
            fail_alloc_at = n;
            enum wf_reason reason = verify(key, alg, good);
            over = fail_alloc_at > 0;
            fail_alloc_at = 0;
            /* Within its own arithmetic OpenSSL does not tell a lack of memory from a forgery */
            assert_true(reason == WF_OK || reason == WF_INTERNAL ||
                        (reason == WF_SIGNATURE && n > 3));
            assert_true(!over || reason == WF_OK);
        }
        wf_jwk_free(key);
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
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_bad_rsa),
        cmocka_unit_test(test_bad_ecdsa),
        cmocka_unit_test(test_bad_eddsa),
        cmocka_unit_test(test_short_halves),
        cmocka_unit_test(test_narrowed),
        cmocka_unit_test(test_no_memory),
    };
    if (!fail_crypto())
        return 1;
    return cmocka_run_group_tests_name("jwk, signatures", tests, NULL, done);
}
