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
#include "secret.h"

/* Bytes of a record: two tokens of 16 KiB, every byte escaped, and the rest. */
#define WF_STORE_RECORD_MAX ((size_t)128 * 1024)
/* Bytes of the reason of an end. */
#define WF_STORE_WHY_MAX 200

/* Times are seconds since 1970, UTC; 0: unknown, or not so. Texts are owned by the record. */
struct wf_record {
    char *provider;  /* section name */
    char *user;      /* local user */
    char *url;       /* the provider's */
    char *client_id; /* ours there */
    char *subject;   /* the provider's permanent ID of the person */
    struct wf_secret *refresh; /* NULL: none was given; or ended */
    struct wf_secret *access;  /* NULL: ended */
    int64_t obtained;         /* when the tokens came */
    int64_t access_expires;   /* 0: the provider did not say */
    int64_t signed_in;        /* when the person last proved who they are */
    int64_t absolute_expires; /* of the refresh token, whatever happens */
    int64_t idle_expires;     /* of the refresh token, if it is not used before */
    int64_t warned;           /* when the log last said that one of the two is near */
    int64_t refreshing; /* when a refresh began whose answer is not in this record: it is under way,
                         * or was lost, perhaps with a new refresh token in it */
    int64_t failed;     /* when a refresh last failed for want of an answer */
    char *failure;      /* in clean words; NULL if none failed since the tokens came */
    /* When the provider last said that the person is active, and all that it said of them then: a
     * JSON object. 0 and NULL: never since the sign-in, or too much to keep. */
    int64_t confirmed;
    char *claims;
    /* A tombstone: the session is over, and everything but the tokens is still known. */
    int64_t ended;
    char *why; /* clean text; NULL before the end */
};

/* A new record for this user and provider without tokens. NULL if memory is short. */
struct wf_record *wf_record_new(const struct wf_provider_conf *provider, const char *user,
                                const char *subject);
/* Wipes the tokens. NULL is fine. */
void wf_record_free(struct wf_record *record);
/* Note why there was no answer. False, and nothing changed, if memory is short. */
bool wf_record_fail(struct wf_record *record, int64_t now, const char *text) WF_MUST_USE;
/* Make it a tombstone: the tokens are wiped. False, and nothing changed, if memory is short. */
bool wf_record_end(struct wf_record *record, int64_t now, const char *why) WF_MUST_USE;

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
 * says which. WF_CONFIG if the folder cannot be used, WF_INTERNAL. */
enum wf_reason wf_store_read(const struct wf_store *store, const struct wf_provider_conf *provider,
                             const char *user, struct wf_record **ret,
                             struct wf_err *err) WF_MUST_USE;

/* Replace the record of record's user and provider, durably. The caller holds its lock. WF_CONFIG
 * if that fails (a full disk, a folder that cannot be written): the old one stands. WF_INTERNAL. */
enum wf_reason wf_store_write(const struct wf_store *store, const struct wf_record *record,
                              struct wf_err *err) WF_MUST_USE;

/* Forget the record of this user at the provider of this name, durably; WF_OK also where there is
 * none. The caller holds its lock. WF_CONFIG, WF_INTERNAL. */
enum wf_reason wf_store_remove(const struct wf_store *store, const char *provider,
                               const char *user, struct wf_err *err) WF_MUST_USE;

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
