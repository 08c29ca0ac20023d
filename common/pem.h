/* Private keys for signing assertions: from PEM to what libjwt wants to know of them. */
#ifndef WF_PEM_H
#define WF_PEM_H

#include "buf.h"
#include "err.h"
#include "text.h"

/* Judge a private key, choose the algorithm and write the key as a JWK (RFC 7518 §6.2, §6.3, RFC
 * 8037 §2), which libjwt 3 takes keys as.
 *
 * wanted: the name of an algorithm (RFC 7518 §3.1, "ES384"); NULL: what suits the key, which is
 * RS256 for RSA, ES256, ES384 or ES512 for an EC key by its curve, EdDSA for Ed25519. out: appended
 * to; secret. *ret_alg: the algorithm's name, static.
 *
 * WF_CONFIG, with what was found and what to do, for anything but an unencrypted RSA key of 2048 to
 * 8192 bits, an EC key on P-256, P-384 or P-521, or an Ed25519 key, and for a key that does not
 * sign with what is wanted; WF_INTERNAL if memory is short. Nothing of the key is in a message.
 * Never blocks, never prompts; any thread. */
enum wf_reason wf_pem_to_jwk(struct wf_span pem, const char *wanted, struct wf_buf *out,
                             const char **ret_alg, struct wf_err *err) WF_MUST_USE;

#endif
