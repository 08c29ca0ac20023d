#include "config.h"

#include "resume.h"

#include <string.h>
#include <unistd.h>

#include "age.h"
#include "http.h"
#include "identity.h"
#include "json.h"
#include "keep.h"
#include "provider.h"
#include "stamp.h"

const struct wf_accepted *wf_resume_at(const struct wf_policy *policy)
{
    return &policy->accepted[0];
}

static const struct wf_log *log_of(const struct wf_resume *resume)
{
    return wf_context_log_borrow(resume->context);
}

static void prepare(const struct wf_resume *resume, struct wf_refresh *ret)
{
    wf_context_refresh(resume->context, ret);
    ret->provider = wf_resume_at(resume->policy)->provider;
    ret->store = resume->store;
}

/* Who the claims are about, and whether they may; the same as at a sign-in, and in addition the
 * person whose session it was. */
static enum wf_reason judge(const struct wf_resume *resume, const struct wf_record *record,
                            const struct json_t *claims, struct wf_result *result,
                            struct wf_err *err)
{
    const struct wf_accepted *accepted = wf_resume_at(resume->policy);
    char subject[WF_SUBJECT_SIZE];
    struct wf_span found = wf_json_text(claims, wf_provider_subject_claim(accepted->provider));

    wf_text_sanitise(subject, sizeof(subject), found.ptr, found.len);
    if (strcmp(subject, record->subject) != 0)
        return wf_fail(err, WF_IDENTITY,
                       "the kept session of %s was one of %.40s, and is one of "
                       "%.40s now",
                       resume->request->user, record->subject, subject);
    enum wf_reason reason =
        wf_identity_judge(resume->policy, &accepted->naming, claims, resume->request->user,
                          WF_PASSWD_REQUIRED, result->user, err);
    if (reason != WF_OK)
        return reason;
    reason = wf_keep_pin(resume->context, resume->request, accepted->provider, claims, err);
    if (reason != WF_OK)
        result->user[0] = '\0';
    return reason;
}

/* Ask whose session this is. WF_INACTIVE with claims: the account; without: the session is dead. */
static enum wf_reason look_up(const struct wf_endpoint *endpoint, struct wf_record *record,
                              struct json_t **ret_claims, struct wf_err *err)
{
    struct wf_tokens tokens = WF_TOKENS_INIT;

    tokens.access = record->access;
    return wf_provider_claims(endpoint, &tokens, ret_claims, err);
}

/* The provider's word on the person, from a session that lives. *ret_record is the one that was
 * asked with, at the end. */
static enum wf_reason ask(const struct wf_resume *resume, const struct wf_refresh *refresh,
                          struct wf_record **ret_record, struct json_t **ret_claims,
                          struct wf_err *err)
{
    const char *user = resume->request->user;
    struct wf_endpoint endpoint = {refresh->provider, NULL};
    struct wf_record *first = NULL;
    enum wf_reason reason = wf_refresh_session(refresh, user, NULL, ret_record, err);

    if (reason == WF_OK)
        reason = wf_context_http_new(resume->context, refresh->provider, &endpoint.http, err);
    if (reason == WF_OK)
        reason = look_up(&endpoint, *ret_record, ret_claims, err);
    /* Sessions may die before their time: logged out, or lost by the provider */
    if (reason == WF_INACTIVE && *ret_claims == NULL) {
        first = *ret_record;
        *ret_record = NULL;
        reason = wf_refresh_session(refresh, user, first->access, ret_record, err);
        if (reason == WF_OK)
            reason = look_up(&endpoint, *ret_record, ret_claims, err);
    }
    wf_record_free(first);
    wf_http_free(endpoint.http);
    return reason;
}

/* True if the provider was asked and did not answer: by us, with *asked, or in a refresh of which the
 * record says so, since `began`. Without that somebody only had the record to themselves for too
 * long, as a person has who stops a sudo of theirs in the middle: no reason to go by old words. */
static bool is_outage(const struct wf_resume *resume, const struct wf_refresh *refresh,
                      const struct wf_record *asked, int64_t began)
{
    struct wf_record *now = NULL;

    if (asked != NULL)
        return true;
    bool failed = wf_store_read(refresh->store, refresh->provider, resume->request->user, &now,
                                NULL) == WF_OK &&
                  now != NULL && now->failure != NULL && now->failed >= began - wf_record_rest(now) &&
                  wf_record_failure(now) == WF_UNREACHABLE;
    wf_record_free(now);
    return failed;
}

/* What the provider said last, while it says nothing: for the time that the service allows. The
 * service's own rules count as they are now. */
static enum wf_reason bridge(const struct wf_resume *resume, const struct wf_record *kept,
                             struct wf_result *result, struct wf_err *err)
{
    int64_t now = wf_context_now(resume->context);
    struct json_t *claims = NULL;

    if (kept->claims == NULL || !wf_age_is_below(kept->confirmed, now, resume->policy->grace))
        return WF_UNREACHABLE;
    wf_log(log_of(resume), WF_LOG_WARNING,
           "no answer about %s, and grace goes by what provider %s said %lld s ago: %s",
           resume->request->user, kept->provider, (long long)(now - kept->confirmed), err->text);
    enum wf_reason reason = wf_json_parse(kept->claims, strlen(kept->claims), &claims, err);
    if (reason == WF_OK)
        reason = judge(resume, kept, claims, result, err);
    wf_json_free(claims);
    return reason == WF_MALFORMED ? WF_UNREACHABLE : reason;
}

/* Keep what the answer means for the next one who asks. Without an answer there is no record. A word
 * by which the person may not, too: in an outage an older and better one must not count. */
static void note(const struct wf_resume *resume, const struct wf_refresh *refresh,
                 enum wf_reason reason, const struct json_t *claims, const struct wf_record *record,
                 const struct wf_err *why)
{
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason kept = WF_OK;

    if (reason == WF_INACTIVE)
        kept = wf_refresh_end(refresh, resume->request->user, record->access, why->text, &err);
    else if (claims != NULL)
        kept = wf_keep_word(resume->context, refresh, resume->request->user, record->subject,
                            claims, &err);
    if (kept != WF_OK)
        wf_log(log_of(resume), WF_LOG_WARNING, "%s", err.text);
}

/* The session ended just now. One that had reached the end of its life is over; one that had not
 * was ended by somebody, as it is when an account is closed. */
static enum wf_reason tell_end(const struct wf_resume *resume, const struct wf_record *kept,
                               struct wf_err *err)
{
    int64_t now = wf_context_now(resume->context);
    bool lived = (kept->absolute_expires != 0 && now >= kept->absolute_expires) ||
                 (kept->idle_expires != 0 && now >= kept->idle_expires) || kept->refresh == NULL ||
                 kept->refreshing != 0;

    if (lived)
        return WF_EXPIRED;
    wf_err_context(err, "the provider has ended the session before its time");
    return WF_INACTIVE;
}

static enum wf_reason confirm(const struct wf_resume *resume, const struct wf_record *kept,
                              struct wf_result *result, struct wf_err *err)
{
    struct wf_refresh refresh;
    struct wf_record *record = NULL;
    struct json_t *claims = NULL;
    int64_t began = wf_context_now(resume->context);

    prepare(resume, &refresh);
    enum wf_reason reason = ask(resume, &refresh, &record, &claims, err);
    if (reason == WF_OK)
        reason = judge(resume, kept, claims, result, err);
    note(resume, &refresh, reason, claims, record, err);
    if (reason == WF_EXPIRED)
        reason = tell_end(resume, kept, err);
    /* With claims the provider has answered, and it is passwd that does not */
    else if (reason == WF_UNREACHABLE && claims == NULL &&
             is_outage(resume, &refresh, record, began))
        reason = bridge(resume, kept, result, err);
    /* Whose it is was judged when they signed in: the account phase refuses the same user, however
     * they get past authentication */
    if (reason == WF_INACTIVE)
        wf_text_sanitise(result->user, sizeof(result->user), kept->user, strlen(kept->user));
    wf_json_free(claims);
    wf_record_free(record);
    return reason;
}

enum wf_reason wf_resume_confirm(const struct wf_resume *resume, struct wf_result *ret_result,
                                 bool *ret_known, struct wf_err *err)
{
    const struct wf_provider_conf *provider = wf_resume_at(resume->policy)->provider;
    const char *user = resume->request->user;
    struct wf_record *kept = NULL;
    struct wf_err own = WF_ERR_INIT;
    enum wf_reason reason = wf_store_read(resume->store, provider, user, &kept, &own);

    wf_text_sanitise(ret_result->provider, sizeof(ret_result->provider), provider->name,
                     strlen(provider->name));
    if (reason != WF_OK)
        goto out;
    *ret_known = kept != NULL;
    if (kept == NULL) {
        reason = wf_fail(&own, WF_EXPIRED, "nobody has signed in as %s at provider %s here", user,
                         provider->name);
        goto out;
    }
    wf_text_sanitise(ret_result->subject, sizeof(ret_result->subject), kept->subject,
                     strlen(kept->subject));
    if (kept->ended == 0)
        reason = wf_keep_check_account(kept, &own);
    if (reason == WF_OK)
        reason = confirm(resume, kept, ret_result, &own);
out:
    if (reason != WF_OK)
        reason = wf_fail(err, reason, "%s", own.text);
    wf_record_free(kept);
    return reason;
}

/* Silent sign-in */

/* Whether the person at hand is the one who signed in, and recently enough: WF_PENDING if that is
 * not shown. ret_signed_in: when they last did so by themselves. */
static enum wf_reason check_proof(const struct wf_resume *resume, const struct wf_record *kept,
                                  int64_t *ret_signed_in, struct wf_err *err)
{
    const struct wf_request *request = resume->request;
    struct wf_stamp stamp = {.signed_in = 0};
    enum wf_reason reason = WF_PENDING;

    switch (request->proof) {
    case WF_PROOF_NONE: /* wf_resume asks for nobody who comes so */
        break;
    case WF_PROOF_CALLER:
        reason = wf_stamp_find(resume->store, kept->provider, request->user, &stamp, err);
        if (reason == WF_OK && strcmp(stamp.subject, kept->subject) != 0)
            reason = wf_fail(err, WF_PENDING, "this session is of another person's sign-in");
        *ret_signed_in = stamp.signed_in;
        break;
    case WF_PROOF_METHOD:
        *ret_signed_in = kept->signed_in;
        reason = WF_OK;
        break;
    }
    if (reason == WF_OK &&
        !wf_age_is_below(*ret_signed_in, wf_context_now(resume->context), resume->policy->max_age))
        reason = wf_fail(err, WF_PENDING, "the last sign-in is longer ago than max_age");
    return reason;
}

/* All that must hold before anybody is asked. */
static enum wf_reason may_resume(const struct wf_resume *resume, int64_t *ret_signed_in,
                                 struct wf_err *err)
{
    struct wf_record *kept = NULL;
    enum wf_reason reason = wf_store_read(resume->store, wf_resume_at(resume->policy)->provider,
                                          resume->request->user, &kept, err);

    if (reason == WF_OK && kept == NULL)
        reason = wf_fail(err, WF_PENDING, "there is no session");
    if (reason == WF_OK)
        reason = check_proof(resume, kept, ret_signed_in, err);
    wf_record_free(kept);
    return reason;
}

static enum wf_reason resume_in(const struct wf_resume *resume, struct wf_result *result,
                                struct wf_err *err)
{
    struct wf_err fault = WF_ERR_INIT;
    int64_t signed_in = 0;
    bool known = false;
    enum wf_reason reason = may_resume(resume, &signed_in, err);

    if (reason == WF_OK)
        reason = wf_resume_confirm(resume, result, &known, err);
    if (reason == WF_EXPIRED)
        reason = WF_PENDING;
    /* The session that sshd opens now is one of a person who signed in then; a sudo's own has its
     * stamp */
    if (reason == WF_OK && resume->request->proof == WF_PROOF_METHOD &&
        wf_keep_stamp(resume->context, resume->store, resume->request, signed_in, result, &fault) !=
            WF_OK)
        wf_log(log_of(resume), WF_LOG_WARNING, "%s", fault.text);
    return reason;
}

enum wf_reason wf_resume(const struct wf_context *context, const struct wf_request *request,
                         struct wf_result *ret_result, struct wf_err *err)
{
    struct wf_resume resume = {.context = context, .request = request};
    struct wf_store *store = NULL;
    struct wf_err own = WF_ERR_INIT;

    *ret_result = (struct wf_result){.user = ""};
    enum wf_reason reason =
        wf_conf_policy(wf_context_conf_borrow(context), request->service, &resume.policy, &own);
    /* Root's own folder alone says what nobody else could have written. And for somebody who has
     * proven nothing it is not even looked at: the time that takes would tell who has a session */
    if (reason == WF_OK && (resume.policy->flow != WF_FLOW_REFRESH_CODE || geteuid() != 0 ||
                            request->proof == WF_PROOF_NONE))
        reason = wf_fail(&own, WF_PENDING, "nobody signs in silently here");
    if (reason == WF_OK)
        reason = wf_context_store(context, &store, &own);
    if (reason == WF_OK) {
        resume.store = store;
        reason = resume_in(&resume, ret_result, &own);
    }
    ret_result->reason = reason;
    if (reason == WF_PENDING)
        wf_log(wf_context_log_borrow(context), WF_LOG_DEBUG, "not silently: %s", own.text);
    else
        wf_context_audit(context, "silent-sign-in", request, ret_result, reason, &own);
    if (reason != WF_OK)
        reason = wf_fail(err, reason, "%s", own.text);
    wf_store_free(store);
    return reason;
}
