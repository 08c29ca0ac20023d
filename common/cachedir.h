/*
 * A folder of this user's on this host for what can be fetched again: keys and answers of
 * providers. It saves requests, it never decides: whatever is wrong with the folder or a file in
 * it is said once in the log, and life goes on without.
 */
#ifndef WF_CACHEDIR_H
#define WF_CACHEDIR_H

#include "buf.h"
#include "err.h"
#include "log.h"

/* Bytes of one entry: a set of keys and what is known about it. */
#define WF_CACHEDIR_ENTRY_MAX ((size_t)520 * 1024)
/* Bytes of an entry's name: letters, digits, '-' and '.', not first. Made from hashes, never from
 * what a token or provider says. */
#define WF_CACHEDIR_NAME_MAX 80

struct wf_cachedir;

/* Choose the folder, and make it (mode 0700) where it is missing and its parent is ours:
 * `configured`, else LOCALSTATEDIR/cache/wfauth for effective user 0 (mode 0711: service users have
 * theirs in it), LOCALSTATEDIR/cache/wfauth/USER where that exists and is this user's,
 * $XDG_CACHE_HOME/wfauth or ~/.cache/wfauth (from passwd, not from the environment, in a
 * set-user-id process) for people. The folder must belong to the effective user and nobody else
 * may write it; no symbolic link and no part that others may write, unless it has the sticky bit,
 * leads to it. All that is judged on descriptors, and again for each operation: no descriptor is
 * kept that a host could close or a child inherit, and a process that changes its user afterwards
 * has no folder, which is no news to it and not logged.
 * WF_OK with *ret NULL where there is none to be had, after a line in the log. WF_INTERNAL if
 * memory is short. log: borrowed as long as *ret lives, may be NULL. *ret: new, wf_cachedir_free.
 * Blocks for the disk and for passwd. Immutable: any thread, and after a fork, too. */
enum wf_reason wf_cachedir_open(const char *configured, const struct wf_log *log,
                                struct wf_cachedir **ret, struct wf_err *err) WF_MUST_USE;
/* NULL is fine. */
void wf_cachedir_free(struct wf_cachedir *dir);

/* Append an entry to out (emptied first). Absent, foreign-owned, writable by others, a link, no
 * regular file, too large, empty: out stays empty, with a line in the log for all but the first. dir NULL:
 * empty. False only if memory is short. */
bool wf_cachedir_read(struct wf_cachedir *dir, const char *name, struct wf_buf *out) WF_MUST_USE;

/* Replace an entry at once for all readers: temporary file, rename; no fsync, since a lost entry is
 * fetched again and a torn one is found by its reader's own check. False, and a line in the log,
 * if that fails; the old entry then stands. dir NULL: false. */
bool wf_cachedir_replace(struct wf_cachedir *dir, const char *name, const void *data, size_t len);
/* Forget an entry. False, and a line in the log, if it is still there. */
bool wf_cachedir_remove(struct wf_cachedir *dir, const char *name);

/* Wait at most wait_ms for the lock of this name among all processes of this user on this host,
 * and threads of this one; 0: try once. True if it is ours now, and also, with *ret -1, where no
 * lock is to be had (dir NULL, a folder that cannot be used, which the log says): a broken lock
 * must not keep anybody from working. False if somebody else still has it. Either way *ret may go
 * to wf_cachedir_unlock. The kernel releases it when the process dies. Lock files stay, so their
 * names must be few: one for a provider, not one for a token. */
bool wf_cachedir_lock(struct wf_cachedir *dir, const char *name, unsigned wait_ms,
                      int *ret) WF_MUST_USE;
/* -1 is fine. */
void wf_cachedir_unlock(int lock);

/* Remove the oldest entries whose names begin with prefix until at most `most` are left. Called
 * now and then by who adds entries. */
void wf_cachedir_trim(struct wf_cachedir *dir, const char *prefix, size_t most);

#endif
