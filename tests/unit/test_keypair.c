/* Key pairs: each kind signs an assertion, and its certificate carries the key that verifies. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

#include "keypair.h"
#include "pem.h"
#include "within.h"

#define T0 1700000000

static X509 *read_cert(const struct wf_buf *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    assert_non_null(cert);
    return cert;
}

static EVP_PKEY *read_key(const struct wf_buf *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    assert_non_null(key);
    return key;
}

static void check_cert(X509 *cert, EVP_PKEY *key)
{
    char name[80];
    int days = 0;
    int seconds = 0;

    assert_int_equal(X509_check_private_key(cert, key), 1);
    assert_int_equal(X509_verify(cert, key), 1);
    assert_int_equal(X509_check_ca(cert), 0);
    assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_version(cert), X509_VERSION_3);
    assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name,
                                          sizeof(name)) > 0);
    assert_string_equal(name, "relay@host");
    assert_int_equal(X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)), 0);
    time_t begin = T0;
    assert_int_equal(X509_cmp_time(X509_get0_notBefore(cert), &begin), -1);
    assert_int_equal(
        ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert), X509_get0_notAfter(cert)), 1);
    assert_int_equal(days, WF_KEYPAIR_DAYS);
}

static const struct {
    const char *kind;
    const char *alg;
    int bits;
} kinds[] = {
    {"rsa2048", "RS256", 2048}, {"rsa3072", "RS256", 3072}, {"rsa4096", "RS256", 4096},
    {"p256", "ES256", 256},     {"p384", "ES384", 384},     {"p521", "ES512", 521},
    {"ed25519", "EdDSA", 256},
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        struct wf_buf key = WF_BUF_INIT(WF_KEYPAIR_MAX);
        struct wf_buf cert = WF_BUF_INIT(WF_KEYPAIR_MAX);
        struct wf_buf jwk = WF_BUF_INIT(WF_KEYPAIR_MAX);
        struct wf_err err = WF_ERR_INIT;
        const char *alg = NULL;
        if (wf_keypair_make(kinds[i].kind, "relay@host", T0, &key, &cert, &err) != WF_OK)
            fail_msg("%s: %s", kinds[i].kind, err.text);
        /* PKCS #8, and not encrypted */
        assert_int_equal(memcmp(key.data, "-----BEGIN PRIVATE KEY-----\n", 28), 0);
        assert_int_equal(memcmp(cert.data, "-----BEGIN CERTIFICATE-----\n", 28), 0);
        if (wf_pem_to_jwk((struct wf_span){(const char *)key.data, key.len}, NULL, &jwk, &alg,
                          &err) != WF_OK)
            fail_msg("%s: %s", kinds[i].kind, err.text);
        assert_string_equal(alg, kinds[i].alg);
        EVP_PKEY *private = read_key(&key);
        X509 *public = read_cert(&cert);
        assert_within(EVP_PKEY_get_bits(private), kinds[i].bits - 3, kinds[i].bits);
        check_cert(public, private);
        X509_free(public);
        EVP_PKEY_free(private);
        wf_buf_done(&jwk);
        wf_buf_done(&cert);
        wf_buf_done(&key);
    }
}

static const struct {
    const char *kind;
    const char *name;
    enum wf_reason reason;
    const char *text;
} refused[] = {
    {"p256", "x", WF_OK, ""},
    {"rsa1024", "x", WF_CONFIG, "no kind of key \"rsa1024\", expected one of rsa2048, rsa3072"},
    {"", "x", WF_CONFIG, "no kind of key"},
    {"p256", "", WF_CONFIG, "expected a name of 1 to 64 bytes"},
    {"p256", "a\nb", WF_CONFIG, "expected a name"},
    {"p256", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", WF_OK, ""},
    {"p256", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", WF_CONFIG,
     "expected a name"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(refused); i++) {
        struct wf_buf key = WF_BUF_INIT(WF_KEYPAIR_MAX);
        struct wf_buf cert = WF_BUF_INIT(WF_KEYPAIR_MAX);
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason =
            wf_keypair_make(refused[i].kind, refused[i].name, T0, &key, &cert, &err);
        if (reason != refused[i].reason || strstr(err.text, refused[i].text) == NULL ||
            (reason == WF_OK) != (key.len > 0) || (reason == WF_OK) != (cert.len > 0))
            fail_msg("%s, %s: %s, %s", refused[i].kind, refused[i].name, wf_reason_name(reason),
                     err.text);
        wf_buf_done(&cert);
        wf_buf_done(&key);
    }
}

static void test_no_room(void **state)
{
    struct wf_buf key = WF_BUF_INIT(WF_KEYPAIR_MAX);
    struct wf_buf small = WF_BUF_INIT(16);
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_int_equal(wf_keypair_make("p256", "x", T0, &small, &key, &err), WF_INTERNAL);
    wf_buf_reset(&small);
    wf_buf_reset(&key);
    assert_int_equal(wf_keypair_make("p256", "x", T0, &key, &small, &err), WF_INTERNAL);
    wf_buf_done(&small);
    wf_buf_done(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests_name("keypair", tests, NULL, NULL);
}
