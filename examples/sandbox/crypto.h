#ifndef SB_CRYPTO_H
#define SB_CRYPTO_H
/* Random values, hashes and passwords. Every failure of the library ends the program. */

#include <stdbool.h>
#include <stddef.h>

/* n random bytes as lower-case hexadecimal digits, as Workfront writes IDs and sessions.
 * New string. */
char *sb_random_hex(size_t n);
/* n random bytes in base64url without padding. New string. */
char *sb_random_token(size_t n);
/* A client secret, 48 hexadecimal digits; with `special`, one that needs encoding in every place
 * where a secret can stand: for tests of RFC 6749 §2.3.1. New string. */
char *sb_random_secret(bool special);

/* SHA-256 as hexadecimal digits, as base64url without padding, as base64 with padding (for a
 * Content-Security-Policy). New strings. */
char *sb_sha256_hex(const char *bytes, size_t n);
char *sb_sha256_base64url(const char *bytes, size_t n);
char *sb_sha256_base64(const char *bytes, size_t n);

/* Standard base64 of n bytes. New string. */
char *sb_base64(const void *bytes, size_t n);
/* Undo standard base64, strictly (length a multiple of 4, padding only at the end). New bytes
 * with a NUL behind them and their number, or NULL. */
char *sb_base64_decode(const char *text, size_t n, size_t *ret_n);
/* Undo base64url without padding (RFC 7515 §2), strictly: one text only for the same bytes. New
 * bytes with a NUL behind them and their number, or NULL. */
char *sb_base64url_decode(const char *text, size_t n, size_t *ret_n);

/* A password as `scrypt$SALT$HASH`. New string. */
char *sb_password_hash(const char *password, size_t n);
/* Whether the password is the one in the hash. A hash of NULL fits nothing, but takes as long
 * as one that does not fit, so that the sign-in page does not tell which names exist. */
bool sb_password_check(const char *hash, const char *password, size_t n);

/* Say which step failed, and end the program. */
_Noreturn void sb_crypto_failed(const char *what);

/* Whether two strings are equal, in a time that tells only their lengths. */
bool sb_equal(const char *a, const char *b);

#endif
