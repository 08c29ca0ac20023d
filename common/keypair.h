/* Key pairs for assertions: a private key, and a certificate that carries the public one to where
 * providers take it. For the command alone. */
#ifndef WF_KEYPAIR_H
#define WF_KEYPAIR_H

#include <stdint.h>

#include "buf.h"
#include "err.h"

/* Days for which the certificate says that it is valid. Nobody trusts it by its dates: it carries a
 * key, which is good until it is removed at the provider. */
#define WF_KEYPAIR_DAYS 3650
/* Bytes of each of the two in PEM: RSA of 4096 bits has 3.3 KB. */
#define WF_KEYPAIR_MAX ((size_t)16 * 1024)

/* The kinds, for messages: "rsa2048, rsa3072, …". */
#define WF_KEYPAIR_KINDS "rsa2048, rsa3072, rsa4096, p256, p384, p521, ed25519"

/* Make a pair. kind: one of WF_KEYPAIR_KINDS. name: the certificate's common name, 1..64 bytes of
 * printable ASCII. now: seconds since 1970, when its validity begins. ret_key: PKCS #8 in PEM,
 * secret; ret_cert: X.509 in PEM, self-signed; both appended to. WF_CONFIG: another kind or name.
 * WF_INTERNAL: OpenSSL fails. Takes up to seconds for long RSA keys. Any thread. */
enum wf_reason wf_keypair_make(const char *kind, const char *name, int64_t now,
                               struct wf_buf *ret_key, struct wf_buf *ret_cert,
                               struct wf_err *err) WF_MUST_USE;

#endif
