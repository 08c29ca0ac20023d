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
#include <openssl/rsa.h>

#include <cmocka.h>

#include "assertion.h"
#include "json.h"
#include "jws.h"
#include "pem.h"

static EVP_PKEY *make(const char *kind)
{
    if (strcmp(kind, "P-256") == 0 || strcmp(kind, "P-384") == 0)
        return EVP_EC_gen(kind);
    if (strcmp(kind, "ED25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_RSA_gen((unsigned)strtoul(kind, NULL, 10));
}

enum form { PRIVATE, PUBLIC, ENCRYPTED, TRADITIONAL };

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
    enum wf_pem_alg pem_alg;
    struct json_t *json = NULL;
    struct wf_jwk *key = NULL;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(wf_pem_to_jwk((struct wf_span){pem, strlen(pem)}, &jwk, &pem_alg, NULL),
                     WF_OK);
    assert_int_equal(pem_alg, alg == WF_ALG_RS256 ? WF_PEM_RS256 : WF_PEM_ES256);
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

static void sign_and_check(const char *kind, enum form form, enum wf_alg alg)
{
    EVP_PKEY *key = make(kind);
    char *pem = pem_of(key, form);
    struct wf_buf first = WF_BUF_INIT(WF_ASSERTION_MAX);
    struct wf_buf second = WF_BUF_INIT(WF_ASSERTION_MAX);
    struct wf_err err = WF_ERR_INIT;
    struct wf_jws jws;
    struct wf_jws other;
    struct wf_jws_header header;

    if (sign(&plain, pem, &first, &err) != WF_OK || sign(&plain, pem, &second, &err) != WF_OK)
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
    sign_and_check("2048", PRIVATE, WF_ALG_RS256);
    sign_and_check("2048", TRADITIONAL, WF_ALG_RS256);
    sign_and_check("3072", PRIVATE, WF_ALG_RS256);
    sign_and_check("P-256", PRIVATE, WF_ALG_ES256);
    sign_and_check("P-256", TRADITIONAL, WF_ALG_ES256);
}

static const struct {
    const char *kind;
    enum form form;
    const char *text;
} bad_keys[] = {
    {"2048", PUBLIC, "no unencrypted private key"},
    {"2048", ENCRYPTED, "no unencrypted private key"},
    {"1024", PRIVATE, "RSA key of 1024 bits"},
    {"P-384", PRIVATE, "EC key on secp384r1"},
    {"ED25519", PRIVATE, "another type"},
};

static void test_bad_keys(void **state)
{
    struct wf_buf out = WF_BUF_INIT(WF_ASSERTION_MAX);

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad_keys); i++) {
        EVP_PKEY *key = make(bad_keys[i].kind);
        char *pem = pem_of(key, bad_keys[i].form);
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = sign(&plain, pem, &out, &err);
        if (reason != WF_CONFIG || strstr(err.text, bad_keys[i].text) == NULL || out.len != 0)
            fail_msg("%s: %s: %s", bad_keys[i].kind, wf_reason_name(reason), err.text);
        free(pem);
        EVP_PKEY_free(key);
    }
    assert_int_equal(sign(&plain, NULL, &out, NULL), WF_CONFIG);
    assert_int_equal(sign(&plain, "s:cret\n", &out, NULL), WF_CONFIG);
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
    enum wf_pem_alg alg;
    struct json_t *json = NULL;
    EVP_PKEY *key = make("2048");
    char *text = pem_of(key, PRIVATE);

    (void)state;
    assert_int_equal(wf_pem_to_jwk((struct wf_span){pem, sizeof(pem) - 1}, &out, &alg, NULL),
                     WF_OK);
    assert_int_equal(wf_json_parse((const char *)out.data, out.len, &json, NULL), WF_OK);
    for (size_t i = 0; i < WF_ARRAY_LEN(members); i++)
        assert_int_equal(wf_json_text(json, members[i].name).len, members[i].len);
    wf_json_free(json);
    wf_buf_reset(&out);
    assert_int_equal(wf_pem_to_jwk((struct wf_span){text, strlen(text)}, &out, &alg, NULL), WF_OK);
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
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_bad_claims),
        cmocka_unit_test(test_jwk),
    };
    return cmocka_run_group_tests_name("assertion", tests, NULL, NULL);
}
