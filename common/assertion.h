/*
 * Signed assertions: a JWT by which this client, or a service of ours, proves who it is
 * (RFC 7523 §3; Workfront's JWT exchange). libjwt signs; assertion.c alone includes it, in a
 * library of its own that no module of root's links: those ask the door (wf_http_sign), behind
 * which the helper program does it.
 */
#ifndef WF_ASSERTION_H
#define WF_ASSERTION_H

#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "text.h"

/* Bytes of a PEM private key: one of RSA 8192 has 6.4 KiB. */
#define WF_ASSERTION_KEY_MAX ((size_t)16 * 1024)
/* Bytes of each of its texts. */
#define WF_ASSERTION_TEXT_MAX ((size_t)1024)
/* Bytes of an algorithm's name. */
#define WF_ASSERTION_ALGORITHM_MAX ((size_t)16)
/* Bytes of a signed assertion: the texts in base64url, and a signature of RSA 8192. */
#define WF_ASSERTION_MAX ((size_t)8 * 1024)
/* Seconds: longer ones are refused by providers, and worth stealing. */
#define WF_ASSERTION_LIFETIME_MAX 600U

/* What is asserted. Borrowed for the call. The texts: 1..WF_ASSERTION_TEXT_MAX bytes of printable
 * ASCII. */
struct wf_assertion {
    struct wf_span key;    /* PEM; secret */
    const char *algorithm; /* "ES384"; NULL: what suits the key. wf_pem_to_jwk says which there are */
    const char *issuer;
    const char *subject;
    const char *audience; /* NULL: no aud, as Workfront wants it */
    int64_t issued;       /* seconds since 1970, UTC: iat */
    unsigned lifetime;    /* seconds: exp is issued + lifetime. 1..WF_ASSERTION_LIFETIME_MAX */
};

/* Sign; jti is 128 random bits in hex. Appends the compact form to out. WF_CONFIG: the key is none
 * that signs, or not with this algorithm (wf_pem_to_jwk's words), or this libjwt has no such
 * algorithm: PS and EdDSA need version 3. WF_INTERNAL: a breach of the ranges above, or memory is
 * short. The key is in no message. Never blocks; any thread. Link libwfjwt. */
enum wf_reason wf_assertion_sign(const struct wf_assertion *assertion, struct wf_buf *out,
                                 struct wf_err *err) WF_MUST_USE;

#endif
