/*
 * Signed-in sessions on disk: one record for a local user and a provider, which holds what a
 * refresh needs and cannot get again.
 *
 * Root's records lie in LOCALSTATEDIR/lib/wfauth, a person's in $XDG_STATE_HOME/wfauth or
 * ~/.local/state/wfauth (what passwd says is home; in a set-user-id process the variable does not
 * count). The folder is private (0700), so is each file (0600), and both belong to the effective
 * user. A record is replaced at once and is on the disk before wf_store_write returns: whoever
 * reads finds the old one or the new one, whatever stops when.
 *
 * A record holds on the host that wrote it: a refresh token that rotates must not be used by two,
 * and a home that several hosts share has a record for each. (The host is known by a hash of
 * /etc/machine-id, or of its name where it has none.) A file that is no good is ignored and the log
 * says so; nothing in it is used.
 */
#ifndef WF_STORE_H
#define WF_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "err.h"
#include "log.h"
#include "record.h"

struct wf_store;

/* Choose the folder and make it where it is missing and its parent is ours. configured: an absolute
 * path; NULL: the default. WF_CONFIG if there is none to be had, WF_INTERNAL. log: borrowed as long
 * as *ret lives, may be NULL. *ret: new, wf_store_free. Blocks for the disk and for passwd.
 * Immutable, and no descriptor is kept: any thread, and after a fork, too. */
enum wf_reason wf_store_open(const char *configured, const struct wf_log *log,
                             struct wf_store **ret, struct wf_err *err) WF_MUST_USE;
/* NULL is fine. */
void wf_store_free(struct wf_store *store);
/* The folder; borrowed. */
const char *wf_store_path_borrow(const struct wf_store *store);

/* The record of this user at this provider. *ret: new, wf_record_free; NULL, and WF_OK, where there
 * is none, or none that can be used: of another owner, open to others, truncated, of a later
 * version, of another host, of another url or client of the provider's; but for the first the log
 * says which. WF_CONFIG if the folder cannot be used, WF_INTERNAL, also where one is there that
 * cannot be read. */
enum wf_reason wf_store_read(const struct wf_store *store, const struct wf_provider_conf *provider,
                             const char *user, struct wf_record **ret,
                             struct wf_err *err) WF_MUST_USE;

/* Replace the record of record's user and provider, durably. The caller holds its lock. WF_CONFIG
 * if that fails (a full disk, a folder that cannot be written): the old one stands. WF_INTERNAL. */
enum wf_reason wf_store_write(const struct wf_store *store, const struct wf_record *record,
                              struct wf_err *err) WF_MUST_USE;

/* Forget the record of this user at the provider of this name, durably, whatever is in it; WF_OK also
 * where there is none, which *ret_existed says. The caller holds its lock. WF_CONFIG, WF_INTERNAL. */
enum wf_reason wf_store_remove(const struct wf_store *store, const char *provider,
                               const char *user, bool *ret_existed,
                               struct wf_err *err) WF_MUST_USE;

/* End what is kept of this user here, at whatever provider: tombstones (record.h) of `now`, with
 * these words; what is over stays as it is. For whoever takes the name away from a person. Takes the
 * locks. WF_UNREACHABLE if somebody has one for half a minute; WF_CONFIG, WF_INTERNAL. */
enum wf_reason wf_store_end(const struct wf_store *store, const char *user, int64_t now,
                            const char *why, struct wf_err *err) WF_MUST_USE;

/* Wait at most wait_ms for the lock of this record, among all processes of this user on this host
 * and threads of this one. WF_UNREACHABLE if somebody else still has it; WF_CONFIG where there are
 * no locks. *ret: a descriptor; the lock is free when wf_store_unlock is called in any process that
 * has it, or when all of them are dead or have closed it. */
enum wf_reason wf_store_lock(const struct wf_store *store, const char *provider, const char *user,
                             unsigned wait_ms, int *ret, struct wf_err *err) WF_MUST_USE;
/* -1 is fine. */
void wf_store_unlock(int lock);

/* Call `each` for every file that is or should be a record: with the record, borrowed for the call,
 * or with NULL and why it is ignored. Records of other hosts are among the latter. No order.
 * WF_CONFIG, WF_INTERNAL. */
enum wf_reason wf_store_list(const struct wf_store *store,
                             void (*each)(void *ctx, const char *name,
                                          const struct wf_record *record, const char *fault),
                             void *ctx, struct wf_err *err) WF_MUST_USE;

#endif
