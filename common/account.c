#include "config.h"

#include <string.h>

#include "context.h"
#include "identity.h"
#include "resume.h"
#include "wfauth.h"

static bool is_about(const struct wf_result *found, const char *user)
{
    return found != NULL && found->user[0] != '\0' && strcmp(found->user, user) == 0;
}

/* What the sign-in of the same dialogue found counts even if another module then let the person
 * in: an inactive account must not come in by its Unix password. */
static enum wf_reason judge_found(const struct wf_policy *policy, const struct wf_request *request,
                                  const struct wf_result *found, struct wf_err *err)
{
    if (found->reason == WF_INACTIVE)
        return wf_fail(err, WF_INACTIVE, "the sign-in found the account inactive");
    if (found->reason == WF_DENIED)
        return wf_fail(err, WF_DENIED, "the sign-in found the person not allowed");
    if (found->reason != WF_OK)
        return wf_fail(err, WF_IDENTITY, "the sign-in of this user was refused");
    return wf_identity_check_user(policy, request->user, err);
}

/* Whoever the provider cannot know, since no sign-in of theirs would ever be accepted here, is none
 * of its people: root, system accounts. */
static enum wf_reason is_person(const struct wf_policy *policy, const char *user, bool *ret,
                                struct wf_err *err)
{
    enum wf_reason reason = wf_identity_check_user(policy, user, err);

    *ret = reason == WF_OK;
    return reason == WF_IDENTITY ? WF_OK : reason;
}

/* Nothing was found in this dialogue: the person came in another way. */
static enum wf_reason ask_provider(const struct wf_resume *resume, struct wf_result *ret_found,
                                   bool *ret_opinion, struct wf_err *err)
{
    bool known = false;
    enum wf_reason reason = is_person(resume->policy, resume->request->user, ret_opinion, err);

    if (!*ret_opinion)
        return reason;
    reason = wf_resume_confirm(resume, ret_found, &known, err);
    if (reason != WF_EXPIRED)
        return reason;
    /* No session, or one that has ended: that the account is open nobody says */
    *ret_opinion = known || resume->policy->account_check != WF_ACCOUNT_CHECK_KNOWN;
    return !*ret_opinion ? WF_OK : known ? WF_INACTIVE : WF_DENIED;
}

static enum wf_reason check_person(const struct wf_context *context, const struct wf_policy *policy,
                                   const struct wf_request *request, struct wf_result *ret_found,
                                   bool *ret_opinion, struct wf_err *err)
{
    struct wf_resume resume = {.context = context, .policy = policy, .request = request};
    struct wf_store *store = NULL;

    if (policy->account_check == WF_ACCOUNT_CHECK_NO)
        return WF_OK;
    enum wf_reason reason = wf_context_store(context, &store, err);
    resume.store = store;
    if (reason == WF_OK)
        reason = ask_provider(&resume, ret_found, ret_opinion, err);
    wf_store_free(store);
    return reason;
}

enum wf_reason wf_account_check(const struct wf_context *context, const struct wf_request *request,
                                const struct wf_result *found, bool *ret_opinion,
                                struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    const struct wf_policy *policy = NULL;
    struct wf_result about = {.user = ""};
    struct wf_err own = WF_ERR_INIT;
    bool known = is_about(found, request->user);
    bool opinion = known;

    if (known)
        about = *found;
    reason = wf_conf_policy(wf_context_conf_borrow(context), request->service, &policy, &own);
    if (reason == WF_OK)
        reason = wf_identity_check_name(policy, request->user, &own);
    if (reason == WF_OK && known)
        reason = judge_found(policy, request, found, &own);
    else if (reason == WF_OK)
        reason = check_person(context, policy, request, &about, &opinion, &own);
    *ret_opinion = opinion || reason != WF_OK;
    if (*ret_opinion)
        wf_context_audit(context, "account", request, &about, reason, &own);
    if (err != NULL)
        *err = own;
    return reason;
}
