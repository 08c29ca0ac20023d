#include "config.h"

#include "keypair.h"

#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "text.h"

/* RFC 5280, upper bound of a common name. */
#define NAME_MAX_BYTES 64
#define DAY 86400

static const struct kind {
    const char *name;
    const char *type;
    size_t bits;       /* RSA */
    const char *curve; /* EC */
    bool digest;       /* the certificate's signature hashes with SHA-256; Ed25519 by itself */
} kinds[] = {
    {"rsa2048", "RSA", 2048, NULL, true},   {"rsa3072", "RSA", 3072, NULL, true},
    {"rsa4096", "RSA", 4096, NULL, true},   {"p256", "EC", 0, "P-256", true},
    {"p384", "EC", 0, "P-384", true},       {"p521", "EC", 0, "P-521", true},
    {"ed25519", "ED25519", 0, NULL, false},
};

static EVP_PKEY *make_key(const struct kind *kind)
{
    if (kind->bits != 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, kind->type, kind->bits);
    if (kind->curve != NULL)
        return EVP_PKEY_Q_keygen(NULL, NULL, kind->type, kind->curve);
    return EVP_PKEY_Q_keygen(NULL, NULL, kind->type);
}

/* RFC 5280 §4.1.2.2: positive, unique, at most 20 bytes. */
static bool set_serial(X509 *cert)
{
    uint8_t bytes[16];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return done;
}

/* It signs, and nothing else: no authority, no server. */
static bool add_usage(X509 *cert)
{
    X509_EXTENSION *usage =
        X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, "critical,digitalSignature");
    X509_EXTENSION *basic =
        X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:FALSE");
    bool done = usage != NULL && basic != NULL && X509_add_ext(cert, usage, -1) == 1 &&
                X509_add_ext(cert, basic, -1) == 1;

    X509_EXTENSION_free(usage);
    X509_EXTENSION_free(basic);
    return done;
}

/* NULL on failure; X509_free. */
static X509 *make_cert(const struct kind *kind, EVP_PKEY *key, const char *name, int64_t now)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_NAME_new();
    time_t begin = (time_t)now;
    bool done = cert != NULL && subject != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
                set_serial(cert) &&
                X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name,
                                           -1, -1, 0) == 1 &&
                X509_set_subject_name(cert, subject) == 1 &&
                X509_set_issuer_name(cert, subject) == 1 &&
                X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, &begin) != NULL &&
                X509_time_adj_ex(X509_getm_notAfter(cert), WF_KEYPAIR_DAYS, 0, &begin) != NULL &&
                X509_set_pubkey(cert, key) == 1 && add_usage(cert) &&
                X509_sign(cert, key, kind->digest ? EVP_sha256() : NULL) > 0;

    X509_NAME_free(subject);
    if (done)
        return cert;
    X509_free(cert);
    return NULL;
}

/* Append what a BIO in memory holds, and wipe it there. */
static bool take(BIO *bio, struct wf_buf *out)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);

    if (len <= 0)
        return false;
    wf_buf_append(out, data, (size_t)len);
    explicit_bzero(data, (size_t)len);
    return wf_buf_ok(out);
}

static bool write_pair(EVP_PKEY *key, X509 *cert, struct wf_buf *ret_key, struct wf_buf *ret_cert)
{
    BIO *private = BIO_new(BIO_s_secmem());
    BIO *public = BIO_new(BIO_s_mem());
    bool done = private != NULL && public != NULL &&
                PEM_write_bio_PKCS8PrivateKey(private, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                take(private, ret_key) && PEM_write_bio_X509(public, cert) == 1 &&
                take(public, ret_cert);

    BIO_free(private);
    BIO_free(public);
    return done;
}

enum wf_reason wf_keypair_make(const char *kind, const char *name, int64_t now,
                               struct wf_buf *ret_key, struct wf_buf *ret_cert, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    const struct kind *row = NULL;
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    size_t len = strlen(name);

    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, kind) == 0)
            row = &kinds[i];
    }
    if (row == NULL)
        return wf_fail(err, WF_CONFIG, "there is no kind of key \"%.20s\", expected one of %s",
                       kind, WF_KEYPAIR_KINDS);
    if (len == 0 || len > NAME_MAX_BYTES || !wf_text_is_printable(name, len))
        return wf_fail(err, WF_CONFIG,
                       "found \"%.80s\", expected a name of 1 to %d bytes of printable ASCII", name,
                       NAME_MAX_BYTES);
    key = make_key(row);
    if (key != NULL)
        cert = make_cert(row, key, name, now);
    if (cert == NULL || !write_pair(key, cert, ret_key, ret_cert)) {
        reason = wf_fail(err, WF_INTERNAL, "OpenSSL makes no %s key", kind);
        goto out;
    }
    reason = WF_OK;
out:
    X509_free(cert);
    EVP_PKEY_free(key);
    return reason;
}
