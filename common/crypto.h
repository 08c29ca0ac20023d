/* Hashes and random bytes, from OpenSSL's libcrypto. Only this file, jwk and jws include it. */
#ifndef WF_CRYPTO_H
#define WF_CRYPTO_H

#include <stdint.h>

#include "err.h"
#include "text.h"

#define WF_SHA256_LEN 32
/* "1a2b3c4d" and a NUL */
#define WF_FINGERPRINT_SIZE 9

/* Make OpenSSL ready without its atexit handler, which does not survive being dlclosed inside a
 * host program. Idempotent; call before any other use. Any thread. */
enum wf_reason wf_crypto_init(struct wf_err *err) WF_MUST_USE;

/* SHA-256 of len bytes. WF_INTERNAL if OpenSSL fails. Any thread. */
enum wf_reason wf_crypto_sha256(const void *data, size_t len, uint8_t ret[WF_SHA256_LEN],
                                struct wf_err *err) WF_MUST_USE;

/* The same over several parts, one behind the other. */
enum wf_reason wf_crypto_sha256_parts(const struct wf_span *parts, size_t n,
                                      uint8_t ret[WF_SHA256_LEN],
                                      struct wf_err *err) WF_MUST_USE;

/* Fill with bytes that nobody can predict (getrandom(2), which cannot be short for 256 bytes or
 * less). len: 1..256. WF_INTERNAL otherwise or if the kernel refuses. Any thread. */
enum wf_reason wf_crypto_random(void *ret, size_t len, struct wf_err *err) WF_MUST_USE;

/* The bytes as 2 * len lower-case hex digits and a NUL. */
void wf_crypto_hex(const uint8_t *bytes, size_t len, char *ret);

/* How a token appears in a log: the first 8 hex digits of its SHA-256; "????????" if hashing
 * fails. */
void wf_crypto_fingerprint(const void *data, size_t len, char ret[WF_FINGERPRINT_SIZE]);

#endif
