#include "config.h"

#include "cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "file.h"
#include "text.h"

#define DAY (24L * 3600)
#define LIFETIME (10 * 365 * DAY)

static _Noreturn void cert_failed(const char *what)
{
    fprintf(stderr, "wfauth-sandbox: certificate: %s failed\n", what);
    exit(1);
}

static EVP_PKEY *make_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key)
        cert_failed("making a key");
    return key;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (!extension || X509_add_ext(cert, extension, -1) != 1)
        cert_failed(value);
    X509_EXTENSION_free(extension);
}

/* A certificate with name, key and lifetime, still without extensions and signature. */
static X509 *make_cert(const char *name, EVP_PKEY *key, const X509_NAME *issuer)
{
    X509 *cert = X509_new();
    unsigned char serial[8];
    if (!cert || RAND_bytes(serial, sizeof serial) != 1)
        cert_failed("making a certificate");
    serial[0] &= 0x7f; /* RFC 5280 §4.1.2.2: positive */
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    X509_set_version(cert, X509_VERSION_3);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(cert, issuer ? issuer : subject);
    /* From a day ago: a virtual machine's clock may jump. */
    X509_gmtime_adj(X509_getm_notBefore(cert), -DAY);
    X509_gmtime_adj(X509_getm_notAfter(cert), LIFETIME);
    X509_set_pubkey(cert, key);
    return cert;
}

static X509 *make_ca(EVP_PKEY *key)
{
    X509 *ca = make_cert("wfauth sandbox CA", key, NULL);
    add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca, ca, NID_subject_key_identifier, "hash");
    if (!X509_sign(ca, key, EVP_sha256()))
        cert_failed("signing the CA");
    return ca;
}

static X509 *make_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key)
{
    X509 *cert = make_cert("wfauth sandbox", key, X509_get_subject_name(ca));
    add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(cert, ca, NID_key_usage, "critical,digitalSignature");
    add_extension(cert, ca, NID_ext_key_usage, "serverAuth");
    add_extension(cert, ca, NID_subject_alt_name, "IP:127.0.0.1,IP:::1,DNS:localhost");
    add_extension(cert, ca, NID_subject_key_identifier, "hash");
    add_extension(cert, ca, NID_authority_key_identifier, "keyid");
    if (!X509_sign(cert, ca_key, EVP_sha256()))
        cert_failed("signing the certificate");
    return cert;
}

/* The text in a memory BIO, which is freed. New string. */
static char *bio_text(BIO *bio)
{
    char *at = NULL;
    long n = BIO_get_mem_data(bio, &at);
    char *text = sb_dupn(at, n > 0 ? (size_t)n : 0);
    BIO_free(bio);
    return text;
}

static char *cert_pem(X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || !PEM_write_bio_X509(bio, cert))
        cert_failed("writing a certificate");
    return bio_text(bio);
}

static char *key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        cert_failed("writing a key");
    return bio_text(bio);
}

static void make(const char *ca_path, const char *cert_path, const char *key_path)
{
    EVP_PKEY *ca_key = make_key();
    EVP_PKEY *key = make_key();
    X509 *ca = make_ca(ca_key);
    X509 *cert = make_server(key, ca, ca_key);
    char *ca_text = cert_pem(ca);
    char *cert_text = cert_pem(cert);
    char *key_text = key_pem(key);
    sb_file_replace(key_path, key_text);
    sb_file_replace(cert_path, cert_text);
    /* Last: where it exists, the other two do. */
    sb_file_replace(ca_path, ca_text);
    OPENSSL_cleanse(key_text, strlen(key_text));
    free(key_text);
    free(cert_text);
    free(ca_text);
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
}

struct sb_cert sb_cert_get(const char *dir)
{
    char *ca_path = sb_format("%s/ca.pem", dir);
    char *cert_path = sb_format("%s/server.pem", dir);
    char *key_path = sb_format("%s/server.key", dir);
    if (access(ca_path, R_OK) != 0)
        make(ca_path, cert_path, key_path);
    struct sb_cert cert = {.key = sb_file_read(key_path, 65536, NULL),
                           .chain = sb_file_read(cert_path, 65536, NULL)};
    if (!cert.key || !cert.chain) {
        fprintf(stderr,
                "wfauth-sandbox: %s or %s cannot be read; remove %s to have all three made anew\n",
                key_path, cert_path, ca_path);
        exit(1);
    }
    free(key_path);
    free(cert_path);
    free(ca_path);
    return cert;
}

void sb_cert_done(struct sb_cert *cert)
{
    free(cert->key);
    free(cert->chain);
    *cert = (struct sb_cert){0};
}
