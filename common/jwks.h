/*
 * A set of public keys (RFC 7517 §5): parsed once, immutable, shared by reference. Where sets come
 * from and how long they are kept is keyring's.
 */
#ifndef WF_JWKS_H
#define WF_JWKS_H

#include "err.h"
#include "jws.h"

/* Keys of one set: real providers publish 2 to 10. More than this is no key set but an attempt to
 * keep us busy. */
#define WF_JWKS_KEYS_MAX 200
/* Keys that are tried on one token that names none, or a name that several share: each costs a
 * verification. */
#define WF_JWKS_TRIES_MAX 4

struct wf_jwks;

/* Parse {"keys":[…]}. Keys that must not verify (wf_jwk_new) are left out, as RFC 7517 §5 wants;
 * ret_skipped, if not NULL, tells how many, and err the last one's fault. WF_MALFORMED for
 * anything but a JSON object with an array of at most WF_JWKS_KEYS_MAX objects; an empty set is
 * valid and verifies nothing. WF_INTERNAL if memory is short. *ret: new reference,
 * wf_jwks_unref. */
enum wf_reason wf_jwks_parse(const char *text, size_t len, struct wf_jwks **ret,
                             size_t *ret_skipped, struct wf_err *err) WF_MUST_USE;

/* One more reference; any thread. */
struct wf_jwks *wf_jwks_ref(struct wf_jwks *set);
/* One reference less; frees with the last. NULL is fine. Any thread. */
void wf_jwks_unref(struct wf_jwks *set);

size_t wf_jwks_count(const struct wf_jwks *set);

/* True if a key of the set fits the header: may verify its alg and has its kid, or any key that
 * may where the header has none. */
bool wf_jwks_fits(const struct wf_jwks *set, const struct wf_jws_header *header);

/* Verify with the keys that fit, at most WF_JWKS_TRIES_MAX. WF_KEY if none fits or too many do;
 * WF_SIGNATURE; WF_INTERNAL. Any thread. */
enum wf_reason wf_jwks_verify(const struct wf_jwks *set, const struct wf_jws_header *header,
                              const struct wf_jws *jws, struct wf_err *err) WF_MUST_USE;

#endif
