#include "config.h"

#include "crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "text.h"

#define SALT_BYTES 16
#define HASH_BYTES 32
/* About 10 ms and 4 MiB: the passwords in here are made up, and tests sign in often. */
#define SCRYPT_N 4096
#define SCRYPT_R 8
#define SCRYPT_P 1

void sb_crypto_failed(const char *what)
{
    fprintf(stderr, "wfauth-sandbox: OpenSSL: %s failed\n", what);
    exit(1);
}

static void random_bytes(unsigned char *out, size_t n)
{
    if (RAND_bytes(out, (int)n) != 1)
        sb_crypto_failed("RAND_bytes");
}

static char *hex(const unsigned char *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char *out = sb_alloc(2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return out;
}

char *sb_base64(const void *bytes, size_t n)
{
    char *out = sb_alloc((n + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)n);
    return out;
}

/* RFC 4648 §5: '-' and '_' for '+' and '/', no padding. */
static char *base64url(const unsigned char *bytes, size_t n)
{
    char *out = sb_base64(bytes, n);
    for (char *c = out; *c; c++) {
        if (*c == '+')
            *c = '-';
        else if (*c == '/')
            *c = '_';
        else if (*c == '=')
            *c = '\0';
    }
    return out;
}

char *sb_base64_decode(const char *text, size_t n, size_t *ret_n)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t padding = 0;
    /* EVP_DecodeBlock forgives blanks and padding in odd places: look first. */
    while (padding < 2 && padding < n && text[n - 1 - padding] == '=')
        padding++;
    if (n == 0 || n % 4 || n > 65536)
        return NULL;
    for (size_t i = 0; i < n - padding; i++) {
        if (!memchr(alphabet, text[i], sizeof alphabet - 1))
            return NULL;
    }
    char *out = sb_alloc(n / 4 * 3 + 1);
    if (EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)n) < 0) {
        free(out);
        return NULL;
    }
    *ret_n = n / 4 * 3 - padding;
    out[*ret_n] = '\0';
    return out;
}

char *sb_base64url_decode(const char *text, size_t n, size_t *ret_n)
{
    struct sb_str padded = {0};
    sb_str_addn(&padded, text, n);
    for (size_t i = 0; i < padded.len; i++) {
        char *c = &padded.at[i];
        *c = (char)(*c == '-' ? '+' : *c == '_' ? '/' : *c);
    }
    while (padded.len % 4)
        sb_str_add(&padded, "=");
    char *bytes = sb_base64_decode(sb_str_text(&padded), padded.len, ret_n);
    sb_str_done(&padded);
    /* The other alphabet, padding, bits behind the last byte: all of that comes back otherwise. */
    char *again = bytes ? base64url((unsigned char *)bytes, *ret_n) : NULL;
    bool same = again && strlen(again) == n && memcmp(again, text, n) == 0;
    free(again);
    if (same)
        return bytes;
    free(bytes);
    return NULL;
}

char *sb_random_hex(size_t n)
{
    unsigned char *bytes = sb_alloc(n);
    random_bytes(bytes, n);
    char *out = hex(bytes, n);
    free(bytes);
    return out;
}

char *sb_random_token(size_t n)
{
    unsigned char *bytes = sb_alloc(n);
    random_bytes(bytes, n);
    char *out = base64url(bytes, n);
    free(bytes);
    return out;
}

char *sb_random_secret(bool special)
{
    char *secret = sb_random_hex(24);
    if (!special)
        return secret;
    char *longer = sb_format("%s:%%41+&= /?#\"\\\xc3\xa9", secret);
    free(secret);
    return longer;
}

char *sb_sha256_hex(const char *bytes, size_t n)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)bytes, n, hash);
    return hex(hash, sizeof hash);
}

char *sb_sha256_base64url(const char *bytes, size_t n)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)bytes, n, hash);
    return base64url(hash, sizeof hash);
}

char *sb_sha256_base64(const char *bytes, size_t n)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)bytes, n, hash);
    return sb_base64(hash, sizeof hash);
}

static char *scrypt_hex(const char *password, size_t n, const char *salt)
{
    unsigned char hash[HASH_BYTES];
    if (EVP_PBE_scrypt(password, n, (const unsigned char *)salt, strlen(salt), SCRYPT_N, SCRYPT_R,
                       SCRYPT_P, 0, hash, sizeof hash) != 1)
        sb_crypto_failed("scrypt");
    return hex(hash, sizeof hash);
}

char *sb_password_hash(const char *password, size_t n)
{
    char *salt = sb_random_hex(SALT_BYTES);
    char *hash = scrypt_hex(password, n, salt);
    char *out = sb_format("scrypt$%s$%s", salt, hash);
    free(hash);
    free(salt);
    return out;
}

bool sb_password_check(const char *hash, const char *password, size_t n)
{
    static const char prefix[] = "scrypt$";
    size_t start = sizeof prefix - 1;
    bool known = hash && strncmp(hash, prefix, start) == 0 &&
                 strlen(hash) == start + (SALT_BYTES + HASH_BYTES) * 2 + 1;
    char *salt = known ? sb_dupn(hash + start, SALT_BYTES * 2) : sb_random_hex(SALT_BYTES);
    char *found = scrypt_hex(password, n, salt);
    bool same = known && sb_equal(found, hash + start + SALT_BYTES * 2 + 1);
    free(found);
    free(salt);
    return same;
}

bool sb_equal(const char *a, const char *b)
{
    size_t n = strlen(a);
    return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}
