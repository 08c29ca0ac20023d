/*
 * Sessions of the person who runs the command (or of the service's user, who runs it by hand): sign
 * in by code, use, sign out, list. They are kept in the effective user's own store and open no
 * door of this host: whom the provider calls that person is not compared with anybody here.
 */
#ifndef WF_SESSION_H
#define WF_SESSION_H

#include "context.h"
#include "store.h"

struct wf_session; /* a sign-in under way */

/* What a sign-in found out; clean text. */
struct wf_session_info {
    char name[WF_SUBJECT_SIZE]; /* what the provider calls the person; their subject if nothing */
    char subject[WF_SUBJECT_SIZE]; /* the provider's permanent ID */
    bool lasting;                  /* a refresh token came with it */
};

/* True where people sign in and keep sessions. Any thread. */
bool wf_session_is_for(const struct wf_provider_conf *provider);

/* The provider that is meant by this name, or by none (NULL): the only one where people sign in, or
 * the only one there is. WF_CONFIG, and which there are, if that is not one. Borrowed. */
enum wf_reason wf_session_provider(const struct wf_context *context, const char *name,
                                   const struct wf_provider_conf **ret,
                                   struct wf_err *err) WF_MUST_USE;

/* Begin a sign-in; the folder of sessions is made, so that what cannot be kept is not asked for.
 * WF_CONFIG, WF_UNREACHABLE (the host's name service), WF_INTERNAL. No request is sent. *ret: new,
 * wf_session_free; the context must outlive it. */
enum wf_reason wf_session_begin(const struct wf_context *context,
                                const struct wf_provider_conf *provider, struct wf_session **ret,
                                struct wf_err *err) WF_MUST_USE;
/* Wipes, ends the helper, frees. NULL is fine. */
void wf_session_free(struct wf_session *session);

/* The address to open, and the whole prompt with it as wf_login_prompt_borrow has. code: whether a QR
 * code is of use, where `qr` does not decide. Borrowed until the next call on session. */
const char *wf_session_address_borrow(const struct wf_session *session);
const char *wf_session_prompt_borrow(struct wf_session *session, bool code);

/* Judge what the person answered; a session is kept, durably, in place of the one before. Three
 * requests at most. Writes one audit line. WF_TOO_LARGE, WF_MALFORMED, WF_ISSUER, WF_EXPIRED: the
 * answer is at fault; WF_INACTIVE, WF_DENIED, WF_IDENTITY: the person is; WF_UNREACHABLE,
 * WF_CONFIG, WF_INTERNAL: neither, and nothing is kept. Blocks up to three of the provider's
 * time-outs. */
enum wf_reason wf_session_answer(struct wf_session *session, const char *answer, size_t len,
                                 struct wf_session_info *ret, struct wf_err *err) WF_MUST_USE;
/* True while an answer is expected: at the beginning, and after a refused one, three times in all.
 */
bool wf_session_is_open(const struct wf_session *session);

/* A good access token of the effective user's session, as wf_refresh_session. Its reasons; the text
 * of WF_EXPIRED says what to type. *ret: new, wf_secret_free. Any thread. */
enum wf_reason wf_session_token(const struct wf_context *context,
                                const struct wf_provider_conf *provider, struct wf_secret **ret,
                                struct wf_err *err) WF_MUST_USE;
/* The next wf_session_token refreshes. token: only if this is still the one that it would give;
 * NULL: whatever it would. Why it would not: WF_CONFIG, WF_UNREACHABLE, WF_INTERNAL. Blocks for the
 * disk, and for a refresh under way. */
enum wf_reason wf_session_renew(const struct wf_context *context,
                                const struct wf_provider_conf *provider,
                                const struct wf_secret *token, struct wf_err *err) WF_MUST_USE;

/* Tell the provider that the session is over, and forget it, whatever the provider says
 * (wf_refresh_forget). provider: a section's name, which need not be there any more: nobody is told
 * then. user: whose, in the effective user's store; NULL: the effective user's own. *ret_existed: a
 * session or its tombstone was there, be it one that cannot be used. *ret_told: nobody is left who
 * should know; else the log says why. Why it cannot be forgotten: WF_CONFIG, WF_UNREACHABLE, WF_INTERNAL. Writes an audit line
 * where there was one. Blocks up to two of the provider's time-outs, and for a refresh under way.
 */
enum wf_reason wf_session_end(const struct wf_context *context, const char *provider,
                              const char *user, bool *ret_existed, bool *ret_told,
                              struct wf_err *err) WF_MUST_USE;

/* wf_store_list of the effective user's store. */
enum wf_reason wf_session_list(const struct wf_context *context,
                               void (*each)(void *ctx, const char *name,
                                            const struct wf_record *record, const char *fault),
                               void *ctx, struct wf_err *err) WF_MUST_USE;

#endif
