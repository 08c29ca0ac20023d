#include "config.h"

#include <string.h>

#include "context.h"
#include "identity.h"
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

enum wf_reason wf_account_check(const struct wf_context *context, const struct wf_request *request,
                                const struct wf_result *found, bool *ret_opinion,
                                struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    const struct wf_policy *policy = NULL;
    struct wf_err own = WF_ERR_INIT;
    bool known = is_about(found, request->user);

    *ret_opinion = true;
    reason = wf_conf_policy(wf_context_conf_borrow(context), request->service, &policy, &own);
    if (reason != WF_OK)
        goto out;
    reason = wf_identity_check_name(policy, request->user, &own);
    if (reason == WF_OK && known)
        reason = judge_found(policy, request, found, &own);
    *ret_opinion = reason != WF_OK || known;
out:
    if (*ret_opinion) {
        const struct wf_audit line = {
            .action = "account",
            .service = request->service,
            .user = request->user,
            .rhost = request->rhost,
            .provider = known ? found->provider : NULL,
            .subject = known && found->subject[0] != '\0' ? found->subject : NULL,
            .reason = reason,
            .text = own.text,
        };
        wf_log_audit(wf_context_log_borrow(context), &line);
    }
    if (err != NULL)
        *err = own;
    return reason;
}
