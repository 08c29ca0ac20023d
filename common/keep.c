#include "config.h"

#include "keep.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "past.h"
#include "pin.h"
#include "provider.h"
#include "stamp.h"
#include "user.h"

/* Bytes of a person's claims that a record has room for, every one escaped. */
#define CLAIMS_MAX ((size_t)16 * 1024)

/* Whoever has no folder of their own has never had a pin either. */
static bool does_without(const struct wf_context *context, const struct wf_err *err)
{
    if (geteuid() == 0)
        return false;
    wf_log(wf_context_log_borrow(context), WF_LOG_WARNING,
           "names are not pinned to persons here: %s", err->text);
    return true;
}

/* A provider that gives no permanent ID cannot have pinned the name. */
static enum wf_reason refuse_pinned(const struct wf_store *store, const char *user,
                                    const char *provider, struct wf_err *err)
{
    bool pinned = false;
    enum wf_reason reason = wf_pin_exists(store, user, &pinned, err);

    if (pinned)
        reason = wf_fail(err, WF_IDENTITY,
                         "%s is pinned to a person, and provider %s does not say who this is", user,
                         provider);
    return reason;
}

enum wf_reason wf_keep_pin(const struct wf_context *context, const struct wf_request *request,
                           const struct wf_provider_conf *provider, const struct json_t *claims,
                           struct wf_err *err)
{
    struct wf_span subject = wf_json_text(claims, wf_provider_subject_claim(provider));
    struct wf_err own = WF_ERR_INIT;
    struct wf_store *store = NULL;

    if (!request->pins)
        return WF_OK;
    enum wf_reason reason = wf_context_store(context, &store, &own);
    if (reason == WF_CONFIG && does_without(context, &own))
        return WF_OK;
    if (reason == WF_OK && subject.len == 0)
        reason = refuse_pinned(store, request->user, provider->name, &own);
    else if (reason == WF_OK)
        reason =
            wf_pin_hold(store, provider, request->user, subject, wf_context_now(context), &own);
    if (reason != WF_OK)
        reason = wf_fail(err, reason, "%s", own.text);
    wf_store_free(store);
    return reason;
}

/* At once where the person's own session is at hand; else it waits for the host's to be opened. */
enum wf_reason wf_keep_stamp(const struct wf_context *context, const struct wf_store *store,
                             const struct wf_request *request, int64_t signed_in,
                             struct wf_result *ret_result, struct wf_err *err)
{
    struct wf_stamp stamp = {.signed_in = signed_in};
    enum wf_reason reason = WF_OK;
    _Static_assert(sizeof(stamp.provider) == sizeof(ret_result->provider) &&
                       sizeof(stamp.user) == sizeof(ret_result->user) &&
                       sizeof(stamp.subject) == sizeof(ret_result->subject),
                   "a stamp holds what a result holds");

    memcpy(stamp.provider, ret_result->provider, sizeof(stamp.provider));
    memcpy(stamp.user, ret_result->user, sizeof(stamp.user));
    memcpy(stamp.subject, ret_result->subject, sizeof(stamp.subject));
    if (request->proof != WF_PROOF_CALLER)
        return wf_stamp_pend(store, &stamp, wf_context_now(context), ret_result->mark, err);
    reason = wf_anchor_terminal(&stamp.anchor, err);
    /* Without a terminal there is nothing that a later sudo could be found in */
    if (reason == WF_PENDING)
        return WF_OK;
    if (reason == WF_OK)
        reason = wf_stamp_put(store, &stamp, err);
    return reason;
}

static bool has_grace(const struct wf_conf *conf, const struct wf_provider_conf *provider)
{
    const struct wf_policy *policy = NULL;

    for (size_t i = 0; (policy = wf_conf_policy_at(conf, i)) != NULL; i++) {
        if (policy->grace != 0 && policy->accepted[0].provider == provider)
            return true;
    }
    return false;
}

enum wf_reason wf_keep_word(const struct wf_context *context, const struct wf_refresh *refresh,
                            const char *user, const char *subject, const struct json_t *claims,
                            struct wf_err *err)
{
    enum wf_reason reason = WF_OK;

    if (!has_grace(wf_context_conf_borrow(context), refresh->provider))
        return WF_OK;
    char *text = wf_json_dump(claims);
    if (text == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for what the provider said");
    if (strlen(text) <= CLAIMS_MAX)
        reason = wf_refresh_confirm(refresh, user, subject, text, err);
    free(text);
    return reason;
}

enum wf_reason wf_keep_check_account(const struct wf_record *record, struct wf_err *err)
{
    bool known = false;
    uid_t uid = 0;

    if (record->uid == 0)
        return WF_OK;
    enum wf_reason reason = wf_user_find(record->user, &known, &uid, err);
    /* Where there is no such account it is 0 still */
    if (reason == WF_OK && (int64_t)uid != record->uid)
        reason = wf_fail(err, WF_EXPIRED,
                         "the session that is kept is of user id %lld, and %s has another one now. "
                         "If it is theirs they sign in by code once, if not: wfauth unpin %s",
                         (long long)record->uid, record->user, record->user);
    return reason;
}

/* 0 if it is not known. */
static uid_t uid_of(const char *user)
{
    bool known = false;
    uid_t uid = 0;

    (void)!wf_user_find(user, &known, &uid, NULL);
    return uid;
}

/* What the session that is kept now has replaced is open at the provider still. */
static void keep_past(const struct wf_context *context, const struct wf_refresh *refresh,
                      const struct wf_record *before, const struct wf_secret *access)
{
    struct wf_err err = WF_ERR_INIT;

    if (before == NULL || wf_secret_equals(before->access, access))
        return;
    if (wf_past_keep(refresh->store, before, &err) != WF_OK)
        wf_log(wf_context_log_borrow(context), WF_LOG_WARNING,
               "provider %s will not be told that the session of before of %s is over: %s",
               before->provider, before->user, err.text);
}

static enum wf_reason keep(const struct wf_context *context, const struct wf_refresh *refresh,
                           const struct wf_request *request, const struct wf_tokens *tokens,
                           const struct json_t *claims, struct wf_result *ret_result,
                           struct wf_err *err)
{
    int64_t now = wf_context_now(context);
    struct wf_record *before = NULL;
    /* One that cannot be read is replaced all the same */
    (void)!wf_store_read(refresh->store, refresh->provider, request->user, &before, NULL);
    enum wf_reason reason =
        wf_refresh_keep(refresh, request->user, ret_result->subject, tokens, err);

    if (reason == WF_OK)
        keep_past(context, refresh, before, tokens->access);
    wf_record_free(before);
    if (reason == WF_OK)
        reason = wf_keep_stamp(context, refresh->store, request, now, ret_result, err);
    if (reason == WF_OK)
        reason = wf_keep_word(context, refresh, request->user, ret_result->subject, claims, err);
    return reason;
}

void wf_keep_sign_in(const struct wf_context *context, const struct wf_request *request,
                     const struct wf_provider_conf *provider, const struct wf_tokens *tokens,
                     const struct json_t *claims, struct wf_result *ret_result)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_refresh refresh;
    struct wf_store *store = NULL;

    if (!wf_conf_keeps_sessions(wf_context_conf_borrow(context), provider))
        return;
    enum wf_reason reason = wf_context_store(context, &store, &err);
    if (reason == WF_OK) {
        wf_context_refresh(context, &refresh);
        refresh.provider = provider;
        refresh.store = store;
        refresh.uid = uid_of(request->user);
        reason = keep(context, &refresh, request, tokens, claims, ret_result, &err);
    }
    if (reason != WF_OK)
        wf_log(wf_context_log_borrow(context), WF_LOG_WARNING,
               "the sign-in of %s is good, but it is not kept: %s", request->user, err.text);
    wf_store_free(store);
}
