/* Assertions: which keys sign, what is in them, and that the signature is the key's. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cmocka.h>

#include "assertion.h"
#include "json.h"
#include "jws.h"
#include "mint.h"
#include "pem.h"

/* Small, and its primes are known, for speed: what it is refused for is its type. */
static EVP_PKEY *make_dsa(void)
{
    static const char pem[] =
        "-----BEGIN DSA PARAMETERS-----\n"
        "MIIBJgKBgQDzbgKlI0DrS4VUNVqZnZ6OoV/05jgvtiRs7dArvww8y+0gBCDUrI8s\n"
        "v5EvDwJLuvNiIXB6FNc81qemPtq5tyV2PQ7mO6e4Q8cbG/9OqXEPYnZP5PfSDAtw\n"
        "KBxTj2TD8dzVeylTt8lOoQDFEj24HglhjFQSfN0dCiNbc9F1/N8huwIdAJZyE6XL\n"
        "f8RsDfBuf8Ui9N6zxnWX2R1+CgTkS5cCgYBOYRV69NryL5QVR5Q4aTZNyCtDMUvE\n"
        "yHnJzfz/MZjdAFgzsGSSQ10bUDjdRcJc+6qpRNjJEr9WnX97tAoM5NFrkASYJUxq\n"
        "Y7/N2r+zbWNS1Ra505zBInlIaW/GshRQR6k+9beopgnKOAznTSPs/nkZsflaY0Sn\n"
        "o6yfIdHXxMuyPw==\n"
        "-----END DSA PARAMETERS-----\n";
    BIO *bio = BIO_new_mem_buf(pem, sizeof(pem) - 1);
    EVP_PKEY *params = PEM_read_bio_Parameters(bio, NULL);
    EVP_PKEY *key = NULL;

    BIO_free(bio);
    assert_non_null(params);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(params);
    return key;
}

/* RSA keys are the mint's: valgrind takes seconds to find primes. */
static EVP_PKEY *make(const char *kind)
{
    static const struct {
        const char *bits;
        enum mint_key key;
    } rsa[] = {{"1024", MINT_RSA_1024}, {"2048", MINT_RSA}, {"3072", MINT_RSA_3072}};

    if (kind[0] == 'P')
        return EVP_EC_gen(kind);
    if (strcmp(kind, "secp256k1") == 0)
        return EVP_EC_gen(kind);
    if (strcmp(kind, "ED25519") == 0 || strcmp(kind, "ED448") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, kind);
    if (strcmp(kind, "DSA") == 0)
        return make_dsa();
    for (size_t i = 0; i < WF_ARRAY_LEN(rsa); i++)
        if (strcmp(kind, rsa[i].bits) == 0 && EVP_PKEY_up_ref(mint_key(rsa[i].key)) == 1)
            return mint_key(rsa[i].key);
    fail_msg("no key %s", kind);
    return NULL;
}

enum form { PRIVATE, PUBLIC, ENCRYPTED, TRADITIONAL, ENCRYPTED_TRADITIONAL };

/* The key as PEM; free it. */
static char *pem_of(EVP_PKEY *key, enum form form)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    int rc = 0;

    if (form == PUBLIC)
        rc = PEM_write_bio_PUBKEY(bio, key);
    else if (form == TRADITIONAL)
        rc = PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
    else if (form == ENCRYPTED_TRADITIONAL)
        rc = PEM_write_bio_PrivateKey_traditional(bio, key, EVP_aes_128_cbc(),
                                                  (const unsigned char *)"pw", 2, NULL, NULL);
    else
        rc = PEM_write_bio_PrivateKey(bio, key, form == ENCRYPTED ? EVP_aes_128_cbc() : NULL,
                                      (const unsigned char *)"pw", form == ENCRYPTED ? 2 : 0, NULL,
                                      NULL);
    assert_int_equal(rc, 1);
    long len = BIO_get_mem_data(bio, &data);
    /* The bytes of a BIO have no NUL behind them */
    char *copy = calloc(1, (size_t)len + 1);
    assert_non_null(copy);
    memcpy(copy, data, (size_t)len);
    BIO_free(bio);
    return copy;
}

static char *make_pem(const char *kind, enum form form)
{
    EVP_PKEY *key = make(kind);
    char *pem = pem_of(key, form);

    EVP_PKEY_free(key);
    return pem;
}

static const struct wf_assertion plain = {
    .issuer = "client",
    .subject = "cli\"ent",
    .audience = "https://sso.acme.example",
    .issued = 1700000000,
    .lifetime = 120,
};

static enum wf_reason sign(const struct wf_assertion *like, const char *pem, struct wf_buf *out,
                           struct wf_err *err)
{
    struct wf_assertion assertion = *like;

    assertion.key = (struct wf_span){pem, pem == NULL ? 0 : strlen(pem)};
    return wf_assertion_sign(&assertion, out, err);
}

/* The public half of a private JWK verifies what libjwt signed: wf_jwk_new knows no private
 * members, so they are cut off first. */
static void verify(const char *pem, const struct wf_jws *jws, enum wf_alg alg)
{
    struct wf_buf jwk = WF_BUF_INIT(WF_ASSERTION_KEY_MAX);
    const char *name = NULL;
    struct json_t *json = NULL;
    struct wf_jwk *key = NULL;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(
        wf_pem_to_jwk((struct wf_span){pem, strlen(pem)}, wf_alg_name(alg), &jwk, &name, NULL),
        WF_OK);
    assert_string_equal(name, wf_alg_name(alg));
    char *text = strdup(wf_buf_text_borrow(&jwk));
    char *private = strstr(text, ",\"d\":");
    assert_non_null(private);
    private[0] = '}';
    private[1] = '\0';
    if (wf_json_parse(text, strlen(text), &json, &err) != WF_OK)
        fail_msg("%s: %s", text, err.text);
    if (wf_jwk_new(json, &key, &err) != WF_OK)
        fail_msg("%s: %s", text, err.text);
    if (wf_jwk_verify(key, alg, jws->signing_input, jws->signature, jws->signature_len, &err) !=
        WF_OK)
        fail_msg("%s", err.text);
    wf_jwk_free(key);
    wf_json_free(json);
    free(text);
    wf_buf_done(&jwk);
}

static void check_claims(const struct json_t *claims)
{
    int64_t iat = 0;
    int64_t exp = 0;
    const struct wf_json_field dates[] = {{"iat", WF_JSON_NUMBER, &iat, true},
                                          {"exp", WF_JSON_NUMBER, &exp, true}};

    assert_int_equal(wf_json_read(claims, dates, WF_ARRAY_LEN(dates), NULL), WF_OK);
    assert_int_equal(iat, 1700000000);
    assert_int_equal(exp, 1700000120);
    assert_true(wf_span_equals(wf_json_text(claims, "iss"), "client"));
    assert_true(wf_span_equals(wf_json_text(claims, "sub"), "cli\"ent"));
    assert_true(wf_span_equals(wf_json_text(claims, "aud"), "https://sso.acme.example"));
    assert_int_equal(wf_json_text(claims, "jti").len, 32);
}

static void sign_and_check(const char *kind, enum form form, const char *wanted, enum wf_alg alg)
{
    EVP_PKEY *key = make(kind);
    char *pem = pem_of(key, form);
    struct wf_assertion what = plain;
    struct wf_buf first = WF_BUF_INIT(WF_ASSERTION_MAX);
    struct wf_buf second = WF_BUF_INIT(WF_ASSERTION_MAX);
    struct wf_err err = WF_ERR_INIT;
    struct wf_jws jws;
    struct wf_jws other;
    struct wf_jws_header header;

    what.algorithm = wanted;
    if (sign(&what, pem, &first, &err) != WF_OK || sign(&what, pem, &second, &err) != WF_OK)
        fail_msg("%s: %s", kind, err.text);
    assert_int_equal(wf_jws_parse((const char *)first.data, first.len, &jws, &err), WF_OK);
    assert_int_equal(wf_jws_parse((const char *)second.data, second.len, &other, &err), WF_OK);
    assert_int_equal(wf_jws_header(&jws, &header, &err), WF_OK);
    assert_int_equal(header.alg, alg);
    check_claims(jws.payload);
    verify(pem, &jws, alg);
    /* Each is good once */
    assert_false(wf_json_has(jws.payload, "jti", wf_json_text(other.payload, "jti")));
    wf_jws_done(&jws);
    wf_jws_done(&other);
    wf_buf_done(&first);
    wf_buf_done(&second);
    free(pem);
    EVP_PKEY_free(key);
}

static void test_signs(void **state)
{
    (void)state;
    sign_and_check("2048", PRIVATE, NULL, WF_ALG_RS256);
    sign_and_check("2048", TRADITIONAL, NULL, WF_ALG_RS256);
    sign_and_check("3072", PRIVATE, "RS256", WF_ALG_RS256);
    sign_and_check("2048", PRIVATE, "RS384", WF_ALG_RS384);
    sign_and_check("2048", PRIVATE, "RS512", WF_ALG_RS512);
    sign_and_check("P-256", PRIVATE, NULL, WF_ALG_ES256);
    sign_and_check("P-256", TRADITIONAL, "ES256", WF_ALG_ES256);
    sign_and_check("P-384", PRIVATE, NULL, WF_ALG_ES384);
    sign_and_check("P-521", PRIVATE, NULL, WF_ALG_ES512);
}

/* What libjwt 3 has and 1.10 has not: there the words are clear. */
static void test_new_algorithms(void **state)
{
    static const struct {
        const char *kind;
        const char *wanted;
        enum wf_alg alg;
    } rows[] = {
        {"2048", "PS256", WF_ALG_PS256},    {"2048", "PS384", WF_ALG_PS384},
        {"2048", "PS512", WF_ALG_PS512},    {"ED25519", NULL, WF_ALG_EDDSA},
        {"ED25519", "EdDSA", WF_ALG_EDDSA},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
#ifdef HAVE_JWT_BUILDER_NEW
        sign_and_check(rows[i].kind, PRIVATE, rows[i].wanted, rows[i].alg);
#else
        struct wf_assertion what = plain;
        struct wf_buf out = WF_BUF_INIT(WF_ASSERTION_MAX);
        struct wf_err err = WF_ERR_INIT;
        char *pem = make_pem(rows[i].kind, PRIVATE);
        char told[40];
        what.algorithm = rows[i].wanted;
        (void)snprintf(told, sizeof(told), "does not sign with %s", wf_alg_name(rows[i].alg));
        if (sign(&what, pem, &out, &err) != WF_CONFIG || strstr(err.text, told) == NULL)
            fail_msg("%s: %s", rows[i].kind, err.text);
        assert_int_equal(out.len, 0);
        wf_buf_done(&out);
        free(pem);
#endif
    }
}

static const struct {
    const char *kind;
    enum form form;
    const char *wanted;
    const char *text;
} bad_keys[] = {
    {"2048", PUBLIC, NULL, "it is a public key"},
    {"2048", ENCRYPTED, NULL, "it is encrypted"},
    {"2048", ENCRYPTED_TRADITIONAL, NULL, "it is encrypted"},
    {"1024", PRIVATE, NULL, "it is an RSA key of 1024 bits, expected 2048 to 8192"},
    {"DSA", PRIVATE, NULL, "it is a key of type DSA"},
    {"ED448", PRIVATE, NULL, "it is a key of type ED448"},
    {"secp256k1", PRIVATE, NULL, "it is an EC key on secp256k1"},
    {"2048", PRIVATE, "ES256", "it is an RSA key, which signs with RS256; ES256 needs an EC key on"},
    {"P-256", PRIVATE, "RS256", "it is an EC key on P-256, which signs with ES256; RS256 needs an"},
    {"P-256", PRIVATE, "ES384", "it is an EC key on P-256, which signs with ES256; ES384 needs an"},
    {"ED25519", PRIVATE, "RS256", "it is an Ed25519 key, which signs with EdDSA"},
    {"2048", PRIVATE, "HS256", "there is no algorithm \"HS256\""},
    {"2048", PRIVATE, "none", "there is no algorithm \"none\""},
};

static const struct {
    const char *pem;
    const char *text;
} no_keys[] = {
    {NULL, "but 0 bytes"},
    {"s:cret\n", "it holds no private key in PEM"},
    {"-----BEGIN CERTIFICATE-----\ns:cret\n-----END CERTIFICATE-----\n", "it is a certificate"},
    {"-----BEGIN OPENSSH PRIVATE KEY-----\ns:cret\n", "OpenSSH's own format"},
    {"-----BEGIN PRIVATE KEY-----\ns:cret\n-----END PRIVATE KEY-----\n", "it holds no private"},
};

static void test_bad_keys(void **state)
{
    struct wf_buf out = WF_BUF_INIT(WF_ASSERTION_MAX);

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad_keys); i++) {
        char *pem = make_pem(bad_keys[i].kind, bad_keys[i].form);
        struct wf_assertion what = plain;
        struct wf_err err = WF_ERR_INIT;
        what.algorithm = bad_keys[i].wanted;
        enum wf_reason reason = sign(&what, pem, &out, &err);
        if (reason != WF_CONFIG || strstr(err.text, bad_keys[i].text) == NULL || out.len != 0)
            fail_msg("%s: %s: %s", bad_keys[i].kind, wf_reason_name(reason), err.text);
        free(pem);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(no_keys); i++) {
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = sign(&plain, no_keys[i].pem, &out, &err);
        if (reason != WF_CONFIG || strstr(err.text, no_keys[i].text) == NULL ||
            strstr(err.text, "s:cret") != NULL)
            fail_msg("%zu: %s: %s", i, wf_reason_name(reason), err.text);
    }
    assert_int_equal(out.len, 0);
    wf_buf_done(&out);
}

static void test_bad_claims(void **state)
{
    static char long_text[WF_ASSERTION_TEXT_MAX + 2];
    struct wf_buf out = WF_BUF_INIT(WF_ASSERTION_MAX);
    EVP_PKEY *key = make("P-256");
    char *pem = pem_of(key, PRIVATE);

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    const struct wf_assertion bad[] = {
        {.issuer = "", .subject = "s", .issued = 1, .lifetime = 1},
        {.issuer = "i", .subject = "", .issued = 1, .lifetime = 1},
        {.issuer = "i", .subject = "s", .audience = "", .issued = 1, .lifetime = 1},
        {.issuer = long_text, .subject = "s", .issued = 1, .lifetime = 1},
        {.issuer = "i\n", .subject = "s", .issued = 1, .lifetime = 1},
        {.issuer = "i", .subject = "s", .issued = 1, .lifetime = 0},
        {.issuer = "i", .subject = "s", .issued = 1, .lifetime = 601},
        {.issuer = "i", .subject = "s", .issued = -1, .lifetime = 1},
    };
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        if (sign(&bad[i], pem, &out, NULL) != WF_INTERNAL || out.len != 0)
            fail_msg("row %zu", i);
    }
    long_text[WF_ASSERTION_TEXT_MAX] = '\0';
    const struct wf_assertion shortest = {.issuer = "i", .subject = "s", .lifetime = 1};
    assert_int_equal(sign(&shortest, pem, &out, NULL), WF_OK);
    wf_buf_reset(&out);
    const struct wf_assertion extremes = {.issuer = long_text, .subject = "s", .lifetime = 600};
    struct wf_err err = WF_ERR_INIT;
    struct wf_jws jws;
    if (sign(&extremes, pem, &out, &err) != WF_OK)
        fail_msg("%s", err.text);
    assert_int_equal(wf_jws_parse((const char *)out.data, out.len, &jws, NULL), WF_OK);
    assert_false(wf_json_present(jws.payload, "aud"));
    wf_jws_done(&jws);
    wf_buf_done(&out);
    free(pem);
    EVP_PKEY_free(key);
}

/* What libjwt 3 gets: a whole JWK; numbers of the curve's length, whatever their value. One of
 * this key's coordinates begins with a zero. */
static void test_jwk(void **state)
{
    static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglH0gHpTnwajq9P1c\n"
                              "6ILchVprVdYTXjl26u1uTdmQX8ahRANCAASlTtpfOOTzHauSo4AqPa005cHkdUxj\n"
                              "6OQbj/AIwhdGXwAYl4+p02RFZzE2LKJckv3Fc4VKkVWr4CJ20NWXz5zk\n"
                              "-----END PRIVATE KEY-----\n";
    static const struct {
        const char *name;
        size_t len;
    } members[] = {{"x", 43}, {"y", 43}, {"d", 43}};
    static const char *const rsa[] = {"n", "e", "d", "p", "q", "dp", "dq", "qi"};
    struct wf_buf out = WF_BUF_INIT(WF_ASSERTION_KEY_MAX);
    const char *alg = NULL;
    struct json_t *json = NULL;
    EVP_PKEY *key = make("2048");
    char *text = pem_of(key, PRIVATE);

    (void)state;
    assert_int_equal(wf_pem_to_jwk((struct wf_span){pem, sizeof(pem) - 1}, NULL, &out, &alg, NULL),
                     WF_OK);
    assert_int_equal(wf_json_parse((const char *)out.data, out.len, &json, NULL), WF_OK);
    for (size_t i = 0; i < WF_ARRAY_LEN(members); i++)
        assert_int_equal(wf_json_text(json, members[i].name).len, members[i].len);
    wf_json_free(json);
    wf_buf_reset(&out);
    assert_int_equal(wf_pem_to_jwk((struct wf_span){text, strlen(text)}, NULL, &out, &alg, NULL),
                     WF_OK);
    assert_int_equal(wf_json_parse((const char *)out.data, out.len, &json, NULL), WF_OK);
    for (size_t i = 0; i < WF_ARRAY_LEN(rsa); i++)
        assert_true(wf_json_text(json, rsa[i]).len > 0);
    wf_json_free(json);
    wf_buf_done(&out);
    free(text);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signs),
        cmocka_unit_test(test_new_algorithms),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_bad_claims),
        cmocka_unit_test(test_jwk),
    };
    int failed = cmocka_run_group_tests_name("assertion", tests, NULL, NULL);
    mint_done();
    return failed;
}
