/*
 * Time stamps, as sudo has them: in which session of this host a person has signed in, and when. A
 * stored refresh token is no proof of who is knocking; a stamp is what tells that the same person
 * has just proven themselves in this very session. The folder is that of the sessions (store.h),
 * root's alone: nobody else can write one.
 *
 * Where the process that signs a person in is not the one that opens their session (sshd has two),
 * the stamp waits under a mark, 128 random bits, until the other process claims it.
 */
#ifndef WF_STAMP_H
#define WF_STAMP_H

#include <stdint.h>

#include "anchor.h"
#include "err.h"
#include "store.h"
#include "wfauth.h"

/* For how long one waits for its session to be opened, in seconds: longer than any login does. */
#define WF_STAMP_PENDING 600
/* Bytes of a path, with the NUL. */
#define WF_STAMP_PATH_SIZE 256

/* Plain data. */
struct wf_stamp {
    char provider[WF_NAME_SIZE];
    char user[WF_NAME_SIZE];
    char subject[WF_SUBJECT_SIZE];
    int64_t signed_in; /* when the person last signed in by themselves, seconds since 1970, UTC; 0:
                        * not with us in this session */
    struct wf_anchor anchor;           /* not of one that waits */
    char exported[WF_STAMP_PATH_SIZE]; /* where this session's token file is; "": none */
};

/* Keep a stamp until it is claimed; ret_mark: under what. Those that nobody has claimed in time,
 * and those of sessions that are over, are removed on the way. WF_CONFIG if it cannot be kept,
 * WF_INTERNAL. */
enum wf_reason wf_stamp_pend(const struct wf_store *store, const struct wf_stamp *stamp,
                             int64_t now, char ret_mark[WF_MARK_SIZE],
                             struct wf_err *err) WF_MUST_USE;
/* Take the one that waits under this mark (any text) for this user at this provider; it can be
 * claimed once. WF_EXPIRED if there is none, or no more. WF_CONFIG, WF_INTERNAL. *ret's anchor is
 * empty. */
enum wf_reason wf_stamp_claim(const struct wf_store *store, const char *provider, const char *user,
                              const char *mark, int64_t now, struct wf_stamp *ret,
                              struct wf_err *err) WF_MUST_USE;

/* The lock of all stamps of this user at this provider; as wf_store_lock, wf_store_unlock. */
enum wf_reason wf_stamp_lock(const struct wf_store *store, const char *provider, const char *user,
                             unsigned wait_ms, int *ret, struct wf_err *err) WF_MUST_USE;

/* Keep a stamp in the place of one with the same anchor, and remove those of sessions that are
 * over, but for those with an exported token (wf_stamp_find_left). WF_CONFIG if it cannot be kept,
 * WF_INTERNAL. */
enum wf_reason wf_stamp_put(const struct wf_store *store, const struct wf_stamp *stamp,
                            struct wf_err *err) WF_MUST_USE;
/* The latest sign-in of this user at this provider in a session that this process is in
 * (wf_anchor_holds_us). WF_PENDING if there is none; stamps that are no good count for nothing, and
 * the log says so. WF_CONFIG; WF_INTERNAL, also where there are more than can be looked at. */
enum wf_reason wf_stamp_find(const struct wf_store *store, const char *provider, const char *user,
                             struct wf_stamp *ret, struct wf_err *err) WF_MUST_USE;
/* Some stamp, of whichever user and provider, of a session that has an exported token and has surely
 * gone without wf_stamp_remove, as where its process was killed; other sessions that are over are
 * removed on the way. Not all are looked at in one call, but each has its turn. WF_PENDING if none
 * is seen. WF_CONFIG. */
enum wf_reason wf_stamp_find_left(const struct wf_store *store, struct wf_stamp *ret,
                                  struct wf_err *err) WF_MUST_USE;
/* Remove the one with this anchor. *ret: what it was; WF_EXPIRED if there was none. *ret_left, with
 * WF_EXPIRED, too: how many sessions of this user at this provider go on, or may, with an exported
 * token. The caller holds wf_stamp_lock. WF_CONFIG, WF_INTERNAL. */
enum wf_reason wf_stamp_remove(const struct wf_store *store, const char *provider, const char *user,
                               const struct wf_anchor *anchor, struct wf_stamp *ret,
                               unsigned *ret_left, struct wf_err *err) WF_MUST_USE;

#endif
