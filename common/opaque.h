/*
 * Whose an opaque token is: introspection (RFC 7662), userinfo (OpenID Connect Core §5.3), or
 * Workfront's user look-up, with answers kept in memory and on disk.
 *
 * Only a string that matches the provider's token_pattern as a whole comes here: a password typed
 * at the wrong prompt must not travel.
 *
 * A forked child asks for itself, whatever the parent's threads were waiting for.
 */
#ifndef WF_OPAQUE_H
#define WF_OPAQUE_H

#include <stdint.h>

#include "endpoint.h"
#include "err.h"
#include "rules.h"

struct json_t;
struct wf_opaque;

/* One provider's look-ups; no request is sent. provider and what host names: borrowed as long as
 * they live, the provider with a token_pattern. Workfront is asked by its user look-up; an OIDC
 * provider by introspection or by userinfo, as the configuration says. *ret: new, wf_opaque_free.
 * WF_CONFIG for a pattern that does not compile, or a provider with no way to look a token up.
 * WF_INTERNAL. */
enum wf_reason wf_opaque_new(const struct wf_provider_conf *provider,
                             const struct wf_endpoint_host *host, struct wf_opaque **ret,
                             struct wf_err *err) WF_MUST_USE;
void wf_opaque_free(struct wf_opaque *opaque);

/* True if the token matches token_pattern as a whole, and is 1..WF_TOKEN_MAX bytes of printable
 * ASCII without blanks. False, too, if memory is short. Any thread. */
bool wf_opaque_matches(const struct wf_opaque *opaque, const char *token, size_t len);

/* Ask, or remember, whose it is. key: SHA-256 over token, policy and how it was obtained; with the
 * provider it is what the answer is kept under: for WF_REPLIES_ACCEPTED seconds at most and never
 * beyond the token's exp, a refusal for WF_REPLIES_REFUSED. Threads that ask for the same key at
 * once share one look-up. rhost: who is asking, NULL for local; now: seconds since 1970, UTC.
 * Look-ups that need the network are bounded (bounds.h), above which, and for a while after an
 * answer that did not come, the verdict is WF_UNREACHABLE at once.
 *
 * WF_OK: *ret_claims new (wf_json_free), of the types that the rules read; *ret_source says where
 * they come from, *ret_until until when they may be kept (the second from which on they may not;
 * at or before now where the token's exp has passed). The rules have not judged them yet.
 * WF_MALFORMED: the token does not match; nothing is sent. WF_ISSUER, WF_TYPE, WF_INACTIVE,
 * WF_IDENTITY (not one user): the token is refused. WF_CONFIG: the provider refuses this client, or
 * discovery is wrong. WF_UNREACHABLE, WF_INTERNAL. Blocks up to twice the provider's time-out,
 * where another process is just discovering its endpoints as long again for that, or as long as
 * another thread's look-up takes. Any thread. */
enum wf_reason wf_opaque_look_up(struct wf_opaque *opaque, const char *token, size_t len,
                                 const uint8_t key[32], const char *rhost, int64_t now,
                                 struct json_t **ret_claims, enum wf_source *ret_source,
                                 int64_t *ret_until, struct wf_err *err) WF_MUST_USE;

#endif
