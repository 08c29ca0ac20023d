#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "context.h"
#include "delay.h"
#include "identity.h"
#include "json.h"
#include "judge.h"
#include "keep.h"
#include "provider.h"
#include "verdict.h"
#include "wfauth.h"

static void copy_text(char *dst, size_t size, struct wf_span text)
{
    wf_text_sanitise(dst, size, text.ptr == NULL ? "" : text.ptr, text.len);
}

static struct wf_span span_of(const char *text)
{
    return (struct wf_span){text, strlen(text)};
}

/* What is known of the bearer once the token is genuine. */
static enum wf_reason judge_bearer(const struct wf_context *context, const struct wf_policy *policy,
                                   const struct wf_request *request,
                                   const struct wf_verdict *verdict, enum wf_passwd passwd,
                                   struct wf_result *result, struct wf_err *err)
{
    const struct wf_provider_conf *provider = verdict->accepted->provider;

    copy_text(result->provider, sizeof(result->provider), span_of(provider->name));
    copy_text(result->subject, sizeof(result->subject),
              wf_json_text(verdict->claims, wf_provider_subject_claim(provider)));
    result->expires = verdict->until;
    enum wf_reason reason = wf_identity_judge(policy, &verdict->accepted->naming, verdict->claims,
                                              request->user, passwd, result->user, err);
    if (reason == WF_OK)
        reason = wf_keep_pin(context, request, provider, verdict->claims, err);
    if (reason == WF_IDENTITY)
        result->user[0] = '\0';
    return reason;
}

enum wf_reason wf_verify(struct wf_context *context, const struct wf_request *request,
                         const char *token, size_t len, enum wf_passwd passwd,
                         struct wf_result *ret_result, char **ret_claims, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    const struct wf_policy *policy = NULL;
    struct wf_judge *judge = NULL;
    struct wf_verdict *verdict = NULL;
    struct wf_err own = WF_ERR_INIT;
    struct timespec start;

    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    *ret_result = (struct wf_result){.reason = WF_INTERNAL};
    if (ret_claims != NULL)
        *ret_claims = NULL;
    reason = wf_conf_policy(wf_context_conf_borrow(context), request->service, &policy, &own);
    if (reason != WF_OK)
        goto out;
    reason = wf_context_judge(context, &judge, &own);
    if (reason != WF_OK)
        goto out;
    reason = wf_judge_token(judge, policy, request->rhost, token, len, wf_context_now(context),
                            &verdict, &own);
    if (reason != WF_OK)
        goto out;
    reason = judge_bearer(context, policy, request, verdict, passwd, ret_result, &own);
    if (ret_claims != NULL) {
        *ret_claims = wf_json_dump(verdict->claims);
        if (*ret_claims == NULL)
            reason = wf_fail(&own, WF_INTERNAL, "out of memory");
    }
out:
    wf_verdict_unref(verdict);
    ret_result->reason = reason;
    wf_context_audit(context, "token", request, ret_result, reason, &own);
    if (err != NULL)
        *err = own;
    if (request->hides_users && reason != WF_OK && !wf_reason_is_outage(reason))
        wf_delay_until(&start);
    return reason;
}

const char *wf_token_advice(enum wf_reason reason)
{
    static const struct {
        enum wf_reason reason;
        const char *text;
    } texts[] = {
        {WF_TOO_LARGE, "What you entered is too long for a token."},
        {WF_MALFORMED, "That is not an access token."},
        {WF_ISSUER,
         "The token comes from another sign-in service. Get one from the right service."},
        {WF_EXPIRED, "The token has expired, or the sign-in is too long ago. Get a new one."},
        {WF_INACTIVE, "The token or the account is not active. Sign in again to get a new one."},
        {WF_IDENTITY, "The token is of somebody else than the user asked for."},
        {WF_PENDING, "Nobody entered a token."},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        if (texts[i].reason == reason)
            return texts[i].text;
    }
    return wf_reason_advice(reason);
}
