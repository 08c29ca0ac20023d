/*
 * One provider's keys, kept: in memory, on disk for all processes of this user, fetched when they
 * must be (RFC 8414, OpenID Connect Discovery, RFC 7517).
 *
 * A set is fresh for its HTTP lifetime (Cache-Control max-age, bounded to 1 minute .. 1 day; 5
 * minutes where the answer names none), then fetched again, with If-None-Match. While the provider
 * is down, or answers with what is no set, or with one without keys where there were some, it
 * serves for stale_keys more, and the log says so. A kid that no key has makes one fetch, at most
 * once per cool-down of 30 s on this host: whoever sends tokens cannot make us ask. A fetch that
 * fails makes all processes of this user rest, 5 s at first, doubled up to a minute, in which they
 * get stale keys or WF_UNREACHABLE at once.
 *
 * A jwks_file is read instead, at most every 10 s, and is never stale: what is no longer in it
 * does not verify, and without it nothing does.
 *
 * A forked child goes on with the keys that are known, whatever the parent's threads were doing.
 */
#ifndef WF_KEYRING_H
#define WF_KEYRING_H

#include <stdint.h>

#include "endpoint.h"
#include "err.h"
#include "jwks.h"

struct wf_keyring;

/* No request is sent. provider and what host names: borrowed as long as the keyring lives. *ret:
 * new, wf_keyring_free. WF_INTERNAL. */
enum wf_reason wf_keyring_new(const struct wf_provider_conf *provider,
                              const struct wf_endpoint_host *host, struct wf_keyring **ret,
                              struct wf_err *err) WF_MUST_USE;
void wf_keyring_free(struct wf_keyring *ring);

/* The set to verify a token with this header with at the second `now`; header NULL:
 * whichever. Memory, then disk, then the network; of many threads and processes that need a fetch one does it, and those that have a
 * stale set go on with that.
 * WF_OK: *ret is a new reference (wf_jwks_unref), *ret_until the second from which on it must not
 * be used any more (its stale bound). WF_KEY: fresh keys, none fits the header. WF_UNREACHABLE: no
 * keys to be had now, or stale ones that do not fit, or fresh ones that do not and no answer to
 * whether there are others. WF_CONFIG: jwks_file or discovery is wrong (an issuer that differs, an
 * endpoint that is no https). WF_INTERNAL. Blocks as long as a fetch takes, ours or another
 * thread's or process's: one request as a rule, two or three where the provider must be discovered,
 * together up to twice its time-out, and as long again where another process is just discovering
 * it; and not at all, but for a mutex that is held for some instructions, while fresh keys fit. Any
 * thread. */
enum wf_reason wf_keyring_find(struct wf_keyring *ring, const struct wf_jws_header *header,
                               int64_t now, struct wf_jwks **ret, int64_t *ret_until,
                               struct wf_err *err) WF_MUST_USE;

/* Before a jail closes (chroot, another user): have keys in memory, and none from before the
 * cool-down of 30 s, since in there nobody can be asked for a kid that they do not have. Processes
 * that find another one fetching go on with what they have. Reasons and blocking as of
 * wf_keyring_find. */
enum wf_reason wf_keyring_prepare(struct wf_keyring *ring, int64_t now,
                                  struct wf_err *err) WF_MUST_USE;

/* True if `set` is still the one that wf_keyring_find would answer with at the second `now` without
 * asking or reading anything: a verdict that was reached with it may be used again. False as soon
 * as somebody should look for newer keys, so that who only sees known tokens learns of a withdrawn
 * key, too; if there are none, wf_keyring_find gives the same set again. Never blocks for long. Any
 * thread. */
bool wf_keyring_is_current(struct wf_keyring *ring, const struct wf_jwks *set, int64_t now);

#endif
