#ifndef SB_KEY_H
#define SB_KEY_H
/* Public keys of Machine to Machine applications: RSA, several of them, removable. */

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

/* RFC 7518 §3.3: RS256 needs 2048 bits or more. */
#define SB_KEY_BITS_MIN 2048

/* Store a key for an application: PEM text of a public key, or of a certificate (only its key
 * counts). New string: the key's ID; or NULL, with ret_problem (static) saying why. */
char *sb_key_add(sqlite3 *db, const char *client_id, const char *pem, const char **ret_problem);
/* Make a pair and keep its public half. ret_id: new string. New string: the private half as PEM
 * (PKCS #8), which is nowhere else. */
char *sb_key_generate(sqlite3 *db, const char *client_id, char **ret_id);
/* A stored key's SHA-256, over SubjectPublicKeyInfo in DER, as hexadecimal digits. New string. */
char *sb_key_fingerprint(const char *pem);

/* How many keys the application has. */
long long sb_key_count(sqlite3 *db, const char *client_id);
/* Whether one of the application's keys made the signature over the text: RS256, RSASSA-PKCS1-v1_5
 * with SHA-256 (RFC 7518 §3.3). */
bool sb_key_verify(sqlite3 *db, const char *client_id, const char *text, size_t n,
                   const char *signature, size_t signature_n);

#endif
