/*
 * Refresh that does not lose a session (RFC 6749 §6, RFC 9700 §4.14).
 *
 * A refresh token that rotates is good for one use, and its second use ends the session. So one
 * process of all that ask at once does it, under the lock of the record, and keeps the answer
 * durably before anybody uses it; the others wait, and find it.
 *
 * Who asks may be killed at any moment: Ctrl-C, a time-out of the host's, a service that is
 * stopped. Therefore the request and the keeping of its answer are the business of a program of
 * their own, wfauth-refresh, which gets the lock as it is held, has a session of its own, leaves
 * signals that ask it to end alone, and keeps the answer itself; the caller only hears how it went.
 *
 * What no client can close is the window between the provider's turning of the token and the new
 * one's being on the disk here: a connection that breaks, a machine that stops or a SIGKILL to
 * that very program, there, loses the new token, and the provider takes the old one no longer (some
 * do for a while). The record says that an answer was missing, the next refresh tries the old token
 * all the same, and where that is refused the tombstone names the cause.
 */
#ifndef WF_REFRESH_H
#define WF_REFRESH_H

#include "endpoint.h"
#include "log.h"
#include "store.h"

/* For how long an access token whose expiry the provider does not say is used without asking:
 * sessions of Workfront's live for hours, and who is refused sooner says so. Seconds. */
#define WF_REFRESH_UNKNOWN 1800

/* All borrowed for the call. */
struct wf_refresh {
    const struct wf_provider_conf *provider;
    const struct wf_store *store;
    const struct wf_log *log; /* may be NULL */
    int64_t (*clock)(void);   /* seconds since 1970, UTC */
    /* The program, and the configuration that it reads: both absolute. */
    const char *program; /* NULL: as it was installed */
    const char *config;
    int64_t uid; /* the user's, for wf_refresh_keep; 0: it is not kept */
    /* Instead of the program: this process sends the request by this door. For wfauth-refresh
     * itself, and for tests. */
    struct wf_http *http;
};

/* Keep what a sign-in gave, in place of whatever session this user had at the provider. WF_CONFIG
 * if it cannot be kept, WF_UNREACHABLE if a refresh under way does not end, WF_INTERNAL. Blocks for
 * the disk, and for a refresh under way. */
enum wf_reason wf_refresh_keep(const struct wf_refresh *refresh, const char *user,
                               const char *subject, const struct wf_tokens *tokens,
                               struct wf_err *err) WF_MUST_USE;

/* The user's session with an access token that is good for a while: as it is kept, or refreshed if
 * it expires within refresh_skew, or is the one that the provider has just `refused` (NULL: none
 * is). *ret: new, wf_record_free.
 * WF_EXPIRED: there is no session, or it is over: sign in again. WF_UNREACHABLE: no answer, now or
 * a moment ago: the session stays (and as long as its access token is not known to be dead, that
 * serves on instead). WF_CONFIG: the provider does not take this client; the record
 * cannot be kept, or the program not be started: nothing was sent then. WF_INTERNAL.
 * Warns in the log, once a day at most, when the refresh token is near its end. No request where
 * none is needed; then it reads one file. Else it blocks up to three of the provider's time-outs
 * and some seconds, as long again for somebody else's refresh. Any thread. */
enum wf_reason wf_refresh_session(const struct wf_refresh *refresh, const char *user,
                                  const struct wf_secret *refused, struct wf_record **ret,
                                  struct wf_err *err) WF_MUST_USE;

/* End the user's session: at the provider, as far as that can be told (wf_provider_revoke), and
 * here in any case. refresh->http is set. That the provider did not hear of it is a line in the
 * log, and false in *ret_told. WF_OK also where there is no session; then *ret_told is true.
 * WF_CONFIG if the record cannot be removed, WF_UNREACHABLE if a refresh under way does not end,
 * WF_INTERNAL. Blocks for a request or two, and for a refresh under way. */
enum wf_reason wf_refresh_forget(const struct wf_refresh *refresh, const char *user, bool *ret_told,
                                 struct wf_err *err) WF_MUST_USE;

/* The session's access token is of no use any more, whoever said so: the next wf_refresh_session
 * refreshes. token: the one that was refused; if another one is kept by now, that stays. NULL:
 * whichever is kept. WF_OK also where there is no session. WF_UNREACHABLE if a refresh under way does
 * not end, WF_CONFIG, WF_INTERNAL. Blocks for the disk, and for a refresh under way. */
enum wf_reason wf_refresh_expire(const struct wf_refresh *refresh, const char *user,
                                 const struct wf_secret *token, struct wf_err *err) WF_MUST_USE;

/* The account behind the session is closed: a tombstone, unless the session has another access
 * token by now. WF_OK also where there is none. Reasons as wf_refresh_expire. */
enum wf_reason wf_refresh_end(const struct wf_refresh *refresh, const char *user,
                              const struct wf_secret *access, const char *why,
                              struct wf_err *err) WF_MUST_USE;

/* End what others may hold of the session: its access token counts as expired from here on, and
 * *ret is that token (new, wf_secret_free), for the provider to be told (wf_provider_revoke). *ret
 * is NULL where there is no session, or where that is so already. Reasons as wf_refresh_expire. */
enum wf_reason wf_refresh_retire(const struct wf_refresh *refresh, const char *user,
                                 struct wf_secret **ret, struct wf_err *err) WF_MUST_USE;

/* The provider has just said of the person of this subject what `claims` hold (JSON): kept in the
 * user's session, if that is still theirs. Reasons as wf_refresh_expire. */
enum wf_reason wf_refresh_confirm(const struct wf_refresh *refresh, const char *user,
                                  const char *subject, const char *claims,
                                  struct wf_err *err) WF_MUST_USE;

/* What wfauth-refresh does: use the refresh token and keep what comes. The caller holds the lock
 * and has seen that it is needed; refresh->http is set. WF_OK: new tokens are on the disk.
 * WF_EXPIRED: a tombstone is. Other reasons as above. */
enum wf_reason wf_refresh_use(const struct wf_refresh *refresh, const char *user,
                              struct wf_err *err) WF_MUST_USE;

#endif
