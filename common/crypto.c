#include "config.h"

#include "crypto.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

enum wf_reason wf_crypto_init(struct wf_err *err)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
        return wf_fail(err, WF_INTERNAL, "OpenSSL does not initialise");
    return WF_OK;
}

/* Looking a digest up by name takes as long as hashing a token: done once. Never freed: the
 * library that it belongs to is not unloaded, and a fork inherits it whole. */
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

enum wf_reason wf_crypto_sha256_parts(const struct wf_span *parts, size_t n,
                                      uint8_t ret[WF_SHA256_LEN], struct wf_err *err)
{
    unsigned int len = 0;

    /* The queue of errors is the thread's, and the host may be about to read its own */
    (void)ERR_set_mark();
    bool fine = pthread_once(&fetch_once, fetch) == 0 && sha256 != NULL;
    EVP_MD_CTX *ctx = fine ? EVP_MD_CTX_new() : NULL;
    fine = ctx != NULL && EVP_DigestInit_ex2(ctx, sha256, NULL) == 1;
    for (size_t i = 0; fine && i < n; i++)
        fine = EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len) == 1;
    fine = fine && EVP_DigestFinal_ex(ctx, ret, &len) == 1 && len == WF_SHA256_LEN;
    EVP_MD_CTX_free(ctx);
    (void)ERR_pop_to_mark();
    return fine ? WF_OK : wf_fail(err, WF_INTERNAL, "OpenSSL cannot compute SHA-256");
}

enum wf_reason wf_crypto_sha256(const void *data, size_t len, uint8_t ret[WF_SHA256_LEN],
                                struct wf_err *err)
{
    const struct wf_span part = {data, len};

    return wf_crypto_sha256_parts(&part, 1, ret, err);
}

enum wf_reason wf_crypto_random(void *ret, size_t len, struct wf_err *err)
{
    ssize_t n;

    if (len == 0 || len > 256)
        return wf_fail(err, WF_INTERNAL, "%zu random bytes asked for, expected 1 to 256", len);
    do {
        n = getrandom(ret, len, 0);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)len)
        return wf_fail(err, WF_INTERNAL, "the kernel gives no random bytes: %s",
                       wf_errno_text(errno));
    return WF_OK;
}

void wf_crypto_hex(const uint8_t *bytes, size_t len, char *ret)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = digits[bytes[i] >> 4];
        ret[2 * i + 1] = digits[bytes[i] & 0xf];
    }
    ret[2 * len] = '\0';
}

void wf_crypto_fingerprint(const void *data, size_t len, char ret[WF_FINGERPRINT_SIZE])
{
    uint8_t hash[WF_SHA256_LEN];

    if (wf_crypto_sha256(data, len, hash, NULL) != WF_OK)
        (void)snprintf(ret, WF_FINGERPRINT_SIZE, "????????");
    else
        wf_crypto_hex(hash, WF_FINGERPRINT_SIZE / 2, ret);
}
