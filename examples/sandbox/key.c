#include "config.h"

#include "key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto.h"
#include "db.h"
#include "text.h"

/* A public key, as itself or in a certificate; NULL for anything else. */
static EVP_PKEY *parse(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (key)
        return key;
    bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    key = cert ? X509_get_pubkey(cert) : NULL;
    X509_free(cert);
    return key;
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

static const char *problem_of(EVP_PKEY *key)
{
    if (!key)
        return "no public key and no certificate (PEM)";
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return "no RSA key, and RS256 needs one";
    if (EVP_PKEY_get_bits(key) < SB_KEY_BITS_MIN)
        return "a key of less than 2048 bits";
    return NULL;
}

/* New string: the ID. */
static char *store(sqlite3 *db, const char *client_id, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    char *pem = bio_text(bio);
    char *id = sb_random_hex(16);
    sb_db_run(db, "INSERT INTO public_key (id, client_id, pem, created) VALUES (?, ?, ?, ?)",
              "ttti", id, client_id, pem, sb_now());
    free(pem);
    return id;
}

static bool has_already(sqlite3 *db, const char *client_id, EVP_PKEY *key)
{
    sqlite3_stmt *st =
        sb_db_query(db, "SELECT pem FROM public_key WHERE client_id = ?", "t", client_id);
    bool found = false;
    while (!found && sb_db_row(st)) {
        EVP_PKEY *other = parse((const char *)sqlite3_column_text(st, 0));
        found = other && EVP_PKEY_eq(key, other) == 1;
        EVP_PKEY_free(other);
    }
    sqlite3_finalize(st);
    return found;
}

char *sb_key_add(sqlite3 *db, const char *client_id, const char *pem, const char **ret_problem)
{
    EVP_PKEY *key = parse(pem);
    const char *problem = problem_of(key);
    char *id = NULL;
    if (!problem && has_already(db, client_id, key))
        problem = "a key that the application has already";
    if (!problem)
        id = store(db, client_id, key);
    else
        *ret_problem = problem;
    EVP_PKEY_free(key);
    return id;
}

char *sb_key_generate(sqlite3 *db, const char *client_id, char **ret_id)
{
    EVP_PKEY *key = EVP_RSA_gen(SB_KEY_BITS_MIN);
    if (!key)
        sb_crypto_failed("EVP_RSA_gen");
    *ret_id = store(db, client_id, key);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    EVP_PKEY_free(key);
    return bio_text(bio);
}

char *sb_key_fingerprint(const char *pem)
{
    EVP_PKEY *key = parse(pem);
    unsigned char *der = NULL;
    int n = key ? i2d_PUBKEY(key, &der) : -1;
    char *fingerprint = n > 0 ? sb_sha256_hex((const char *)der, (size_t)n) : sb_dup("?");
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return fingerprint;
}

long long sb_key_count(sqlite3 *db, const char *client_id)
{
    return sb_db_number(db, 0, "SELECT count(*) FROM public_key WHERE client_id = ?", "t",
                        client_id);
}

static bool verify(EVP_PKEY *key, const char *text, size_t n, const char *signature,
                   size_t signature_n)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(context, (const unsigned char *)signature, signature_n,
                               (const unsigned char *)text, n) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

bool sb_key_verify(sqlite3 *db, const char *client_id, const char *text, size_t n,
                   const char *signature, size_t signature_n)
{
    sqlite3_stmt *st =
        sb_db_query(db, "SELECT pem FROM public_key WHERE client_id = ?", "t", client_id);
    bool ok = false;
    while (!ok && sb_db_row(st)) {
        EVP_PKEY *key = parse((const char *)sqlite3_column_text(st, 0));
        ok = key && verify(key, text, n, signature, signature_n);
        EVP_PKEY_free(key);
    }
    sqlite3_finalize(st);
    return ok;
}
