/*
 * Asking the provider whether the person whose session is kept (store.h) is still active and
 * allowed: what silent sign-ins and the account check have in common. It proves nothing about who
 * is knocking.
 */
#ifndef WF_RESUME_H
#define WF_RESUME_H

#include "context.h"
#include "store.h"
#include "wfauth.h"

/* All borrowed for the call. */
struct wf_resume {
    const struct wf_context *context;
    const struct wf_policy *policy;
    const struct wf_request *request;
    const struct wf_store *store;
};

/* The first provider of the service, where people sign in and sessions are kept. */
const struct wf_accepted *wf_resume_at(const struct wf_policy *policy);

/* Ask. The session is refreshed where that is due; an account that is found inactive makes it a
 * tombstone. ret_result: provider, subject, user as far as they are known.
 * WF_EXPIRED: there is no session (*ret_known is false then) or it is over, or
 * another Unix account's (wf_keep_check_account). WF_INACTIVE,
 * WF_IDENTITY, WF_DENIED: the person may not. WF_UNREACHABLE: no answer, and none of before that
 * the service's grace covers; or somebody else has the session to themselves for too long.
 * WF_CONFIG, WF_INTERNAL. Two requests at most, three where a session has died early.
 */
enum wf_reason wf_resume_confirm(const struct wf_resume *resume, struct wf_result *ret_result,
                                 bool *ret_known, struct wf_err *err) WF_MUST_USE;

#endif
