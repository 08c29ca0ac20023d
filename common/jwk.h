/*
 * One public key: from a JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037) to something that
 * verifies. The key's own type decides which algorithms it may verify (RFC 8725 §3.1); what a
 * token's header says can only choose among these.
 */
#ifndef WF_JWK_H
#define WF_JWK_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "text.h"

struct json_t;

/* The algorithms that are ever verified. HMAC and "none" have no value here, so nothing can ask
 * for them. */
enum wf_alg {
    WF_ALG_RS256,
    WF_ALG_RS384,
    WF_ALG_RS512,
    WF_ALG_PS256,
    WF_ALG_PS384,
    WF_ALG_PS512,
    WF_ALG_ES256,
    WF_ALG_ES384,
    WF_ALG_ES512,
    WF_ALG_EDDSA,
};
#define WF_ALG_COUNT (WF_ALG_EDDSA + 1)
/* A set of algorithms: bit 1 << alg. */
#define WF_ALG_ALL ((1U << WF_ALG_COUNT) - 1)

/* The algorithm of a JOSE name, compared exactly; "Ed25519" (RFC 9864) is EdDSA's other name.
 * False for every other name, "none" and HMAC included. */
bool wf_alg_find(struct wf_span name, enum wf_alg *ret) WF_MUST_USE;
/* "RS256". Static. */
const char *wf_alg_name(enum wf_alg alg);

/* RSA moduli: shorter ones are refused by RFC 7518 §3.3; longer ones only serve to keep a verifier
 * busy. */
#define WF_RSA_BITS_MIN 2048
#define WF_RSA_BITS_MAX 8192

struct wf_jwk;

/* Make a key of a JWK. WF_KEY, with what is wrong, for one that must not verify: unknown kty or
 * curve, a symmetric key, a private member, a point off the curve or (Ed25519) of small order, an
 * RSA modulus out of bounds or even, an exponent below 3 or even or over 64 bits, `use` other than
 * sig, `key_ops` without verify, an `alg` that is not the type's, members of the wrong type or not
 * strict base64url.
 * WF_INTERNAL if memory is short. *ret: new, wf_jwk_free; immutable, any thread. */
enum wf_reason wf_jwk_new(const struct json_t *json, struct wf_jwk **ret,
                          struct wf_err *err) WF_MUST_USE;
/* NULL is fine. */
void wf_jwk_free(struct wf_jwk *key);

/* The kid; ptr NULL if it has none. Borrowed as long as the key lives. */
struct wf_span wf_jwk_kid_borrow(const struct wf_jwk *key);
/* The set of algorithms that it may verify: its type's, narrowed by its own `alg`. */
unsigned wf_jwk_algs(const struct wf_jwk *key);

/* Verify a JWS signature (RFC 7515 §5.2 step 8) over data; ES signatures are raw r || s of exactly
 * the curve's length (RFC 7518 §3.4), PS uses the hash's length as salt and MGF1 with the same
 * hash (§3.5). WF_OK, WF_KEY if the key may not verify alg, WF_SIGNATURE, WF_INTERNAL. Any
 * thread, the same key included. */
enum wf_reason wf_jwk_verify(const struct wf_jwk *key, enum wf_alg alg, struct wf_span data,
                             const uint8_t *signature, size_t len, struct wf_err *err) WF_MUST_USE;

#endif
