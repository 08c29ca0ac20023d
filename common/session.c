#include "config.h"

#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dialogue.h"
#include "http.h"
#include "json.h"
#include "provider.h"
#include "refresh.h"

/* The name by which the command stands in prompts, and the service whose `qr` counts */
#define SERVICE "wfauth"
/* How long the end of a session waits for a refresh under way, where no time-out is known */
#define LOCK_WAIT_MS 60000

/* Where a session is kept. */
struct place {
    struct wf_store *store;
    char user[WF_USER_MAX + 1];
    struct wf_refresh refresh;
};

struct wf_session {
    const struct wf_context *context;
    struct place place;
    struct wf_dialogue dialogue;
};

/* user: NULL: the effective user. */
static enum wf_reason find_place(const struct wf_context *context,
                                 const struct wf_provider_conf *provider, const char *user,
                                 struct place *ret, struct wf_err *err)
{
    enum wf_reason reason = WF_OK;

    if (user == NULL)
        reason = wf_user_name(geteuid(), ret->user, err);
    else if (!wf_user_is_valid((struct wf_span){user, strlen(user)}))
        reason = wf_fail(err, WF_CONFIG, "\"%.40s\" is no user's name", user);
    else
        (void)snprintf(ret->user, sizeof(ret->user), "%s", user);
    if (reason == WF_OK)
        reason = wf_store_open(NULL, wf_context_log_borrow(context), &ret->store, err);
    if (reason != WF_OK)
        return reason;
    wf_context_refresh(context, &ret->refresh);
    ret->refresh.provider = provider;
    ret->refresh.store = ret->store;
    return WF_OK;
}

/* Choosing */

bool wf_session_is_for(const struct wf_provider_conf *provider)
{
    return provider->type == WF_PROVIDER_WORKFRONT && !wf_conf_is_machine(provider);
}

/* The only one, NULL if there are none or several. */
static const struct wf_provider_conf *only(const struct wf_conf *conf, bool people)
{
    const struct wf_provider_conf *found = NULL;
    const struct wf_provider_conf *provider = NULL;

    for (size_t i = 0; (provider = wf_conf_provider_at(conf, i)) != NULL; i++) {
        if (people && !wf_session_is_for(provider))
            continue;
        if (found != NULL)
            return NULL;
        found = provider;
    }
    return found;
}

static enum wf_reason ask_for_name(const struct wf_conf *conf, struct wf_err *err)
{
    struct wf_buf names = WF_BUF_INIT(WF_CONF_FILE_MAX);
    const struct wf_provider_conf *provider = NULL;

    for (size_t i = 0; (provider = wf_conf_provider_at(conf, i)) != NULL; i++) {
        wf_buf_append_text(&names, i == 0 ? "" : ", ");
        wf_buf_append_text(&names, provider->name);
    }
    const char *text = wf_buf_text_borrow(&names);
    enum wf_reason reason = wf_fail(err, WF_CONFIG, "which provider is meant? There are: %s",
                                    text == NULL ? "many" : text);
    wf_buf_done(&names);
    return reason;
}

enum wf_reason wf_session_provider(const struct wf_context *context, const char *name,
                                   const struct wf_provider_conf **ret, struct wf_err *err)
{
    const struct wf_conf *conf = wf_context_conf_borrow(context);
    const struct wf_provider_conf *found = NULL;

    if (name != NULL) {
        found = wf_conf_provider(conf, name);
        if (found == NULL)
            return wf_fail(err, WF_CONFIG, "there is no section [provider %.40s]", name);
    } else {
        found = only(conf, true);
        if (found == NULL)
            found = only(conf, false);
        if (found == NULL)
            return ask_for_name(conf, err);
    }
    *ret = found;
    return WF_OK;
}

/* Signing in */

/* The configuration asks for these only where a service signs people in. */
static enum wf_reason check(const struct wf_provider_conf *provider, struct wf_err *err)
{
    if (wf_session_is_for(provider) &&
        (provider->client_id == NULL || provider->redirect_uri == NULL))
        return wf_fail(err, WF_CONFIG, "provider %s has no %s, without which nobody signs in",
                       provider->name, provider->client_id == NULL ? "client_id" : "redirect_uri");
    return WF_OK;
}

/* What cannot be kept is not asked for: a folder that is read-only shows at the lock. A refresh that
 * holds it will be done before the person is. */
static enum wf_reason try_place(const struct place *place, const char *provider, struct wf_err *err)
{
    int lock = -1;
    enum wf_reason reason = wf_store_lock(place->store, provider, place->user, 0, &lock, err);

    wf_store_unlock(lock);
    return reason == WF_UNREACHABLE ? WF_OK : reason;
}

enum wf_reason wf_session_begin(const struct wf_context *context,
                                const struct wf_provider_conf *provider, struct wf_session **ret,
                                struct wf_err *err)
{
    struct wf_session *session = calloc(1, sizeof(*session));

    if (session == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for a sign-in");
    session->context = context;
    session->dialogue = (struct wf_dialogue)WF_DIALOGUE_INIT;
    enum wf_reason reason = check(provider, err);
    if (reason == WF_OK)
        reason = find_place(context, provider, NULL, &session->place, err);
    if (reason == WF_OK)
        reason = try_place(&session->place, provider->name, err);
    if (reason == WF_OK)
        reason = wf_context_http_new(context, provider, &session->dialogue.endpoint.http, err);
    if (reason != WF_OK)
        goto out;
    session->dialogue.endpoint.conf = provider;
    session->dialogue.service = SERVICE;
    session->dialogue.user = session->place.user;
    session->dialogue.offline = true;
    reason = wf_dialogue_begin(&session->dialogue, err);
    if (reason != WF_OK)
        goto out;
    *ret = session;
    session = NULL;
out:
    wf_session_free(session);
    return reason;
}

void wf_session_free(struct wf_session *session)
{
    if (session == NULL)
        return;
    wf_dialogue_done(&session->dialogue);
    wf_store_free(session->place.store);
    free(session);
}

const char *wf_session_address_borrow(const struct wf_session *session)
{
    return wf_authz_address_borrow(session->dialogue.authz);
}

const char *wf_session_prompt_borrow(struct wf_session *session, bool code)
{
    const struct wf_policy *policy = NULL;
    enum wf_qr qr = WF_QR_AUTO;

    if (wf_conf_policy(wf_context_conf_borrow(session->context), SERVICE, &policy, NULL) == WF_OK)
        qr = policy->qr;
    if (qr == WF_QR_AUTO)
        qr = code ? WF_QR_UTF8 : WF_QR_NO;
    return wf_dialogue_prompt_borrow(&session->dialogue, qr);
}

bool wf_session_is_open(const struct wf_session *session)
{
    return session->dialogue.open;
}

static void copy(char dst[WF_SUBJECT_SIZE], struct wf_span text)
{
    wf_text_sanitise(dst, WF_SUBJECT_SIZE, text.ptr, text.len);
}

/* Whose tokens these are. */
static enum wf_reason look_up(const struct wf_session *session, const struct wf_tokens *tokens,
                              struct wf_session_info *ret, struct wf_err *err)
{
    const struct wf_endpoint *endpoint = &session->dialogue.endpoint;
    struct json_t *claims = NULL;
    enum wf_reason reason = wf_provider_claims(endpoint, tokens, &claims, err);

    struct wf_span subject = wf_json_text(claims, wf_provider_subject_claim(endpoint->conf));
    struct wf_span name = wf_json_text(claims, "username");
    copy(ret->subject, subject);
    copy(ret->name, name.len > 0 ? name : subject);
    wf_json_free(claims);
    return reason;
}

static enum wf_reason redeem(const struct wf_session *session, const struct wf_secret *code,
                             struct wf_session_info *ret, struct wf_err *err)
{
    const struct place *place = &session->place;
    struct wf_tokens tokens = WF_TOKENS_INIT;
    enum wf_reason reason = wf_dialogue_redeem(&session->dialogue, code, &tokens, err);

    if (reason != WF_OK)
        return reason;
    ret->lasting = tokens.refresh != NULL;
    reason = look_up(session, &tokens, ret, err);
    if (reason == WF_OK)
        reason = wf_refresh_keep(&place->refresh, place->user, ret->subject, &tokens, err);
    /* What is not kept must not stay open */
    if (reason != WF_OK && reason != WF_INACTIVE)
        (void)!wf_provider_revoke(&session->dialogue.endpoint,
                                  wf_context_log_borrow(session->context), tokens.refresh,
                                  tokens.access, NULL);
    wf_tokens_done(&tokens);
    return reason;
}

static void audit(const struct wf_context *context, const char *action, const char *user,
                  const char *provider, const char *subject, enum wf_reason reason,
                  const struct wf_err *err)
{
    const struct wf_audit line = {
        .action = action,
        .service = SERVICE,
        .user = user,
        .provider = provider,
        .subject = subject[0] == '\0' ? NULL : subject,
        .reason = reason,
        .text = err->text,
    };

    wf_log_audit(wf_context_log_borrow(context), &line);
}

enum wf_reason wf_session_answer(struct wf_session *session, const char *answer, size_t len,
                                 struct wf_session_info *ret, struct wf_err *err)
{
    struct wf_session_info info = {.lasting = false};
    struct wf_secret *code = NULL;
    struct wf_err own = WF_ERR_INIT;
    enum wf_reason reason = WF_INTERNAL;

    if (!session->dialogue.open)
        return wf_fail(err, WF_INTERNAL, "no answer is expected any more");
    reason = wf_authz_parse(session->dialogue.authz, answer, len, &code, &own);
    if (reason == WF_OK)
        reason = redeem(session, code, &info, &own);
    audit(session->context, "own-sign-in", session->place.user,
          session->dialogue.endpoint.conf->name, info.subject, reason, &own);
    wf_dialogue_go_on(&session->dialogue, wf_dialogue_is_mendable(reason),
                      wf_reason_advice(reason));
    if (reason == WF_OK)
        *ret = info;
    if (err != NULL)
        *err = own;
    wf_secret_free(code);
    return reason;
}

/* Using */

enum wf_reason wf_session_token(const struct wf_context *context,
                                const struct wf_provider_conf *provider, struct wf_secret **ret,
                                struct wf_err *err)
{
    struct place place = {.store = NULL};
    struct wf_record *record = NULL;
    struct wf_err own = WF_ERR_INIT;
    enum wf_reason reason = find_place(context, provider, NULL, &place, &own);

    if (reason == WF_OK)
        reason = wf_refresh_session(&place.refresh, place.user, NULL, &record, &own);
    if (reason == WF_OK) {
        *ret = record->access;
        record->access = NULL;
    } else if (reason == WF_EXPIRED) {
        (void)wf_fail(err, reason, "%s: wfauth login %s", own.text, provider->name);
    } else {
        (void)wf_fail(err, reason, "%s", own.text);
    }
    wf_record_free(record);
    wf_store_free(place.store);
    return reason;
}

enum wf_reason wf_session_renew(const struct wf_context *context,
                                const struct wf_provider_conf *provider,
                                const struct wf_secret *token, struct wf_err *err)
{
    struct place place = {.store = NULL};
    enum wf_reason reason = find_place(context, provider, NULL, &place, err);

    if (reason == WF_OK)
        reason = wf_refresh_expire(&place.refresh, place.user, token, err);
    wf_store_free(place.store);
    return reason;
}

/* Signing out */

/* What is kept under the name of a section that has gone: nobody can be told. */
static enum wf_reason drop(const struct wf_context *context, const struct place *place,
                           const char *provider, bool *ret_existed, struct wf_err *err)
{
    bool existed = false;
    int lock = -1;
    enum wf_reason reason =
        wf_store_lock(place->store, provider, place->user, LOCK_WAIT_MS, &lock, err);

    if (reason == WF_OK)
        reason = wf_store_remove(place->store, provider, place->user, &existed, err);
    wf_store_unlock(lock);
    if (reason == WF_OK)
        *ret_existed = existed;
    if (existed)
        wf_log(wf_context_log_borrow(context), WF_LOG_WARNING,
               "there is no section [provider %s] any more, by which it could be told that the "
               "session of %s is over",
               provider, place->user);
    return reason;
}

static enum wf_reason end(const struct wf_context *context, struct place *place, bool *ret_existed,
                          bool *ret_told, struct wf_err *err)
{
    const struct wf_provider_conf *provider = place->refresh.provider;
    struct wf_record *record = NULL;
    struct wf_http *http = NULL;
    struct wf_err own = WF_ERR_INIT;
    bool told = false;
    enum wf_reason reason = wf_context_http_new(context, provider, &http, &own);

    place->refresh.http = http;
    if (reason == WF_OK)
        reason = wf_store_read(place->store, provider, place->user, &record, &own);
    if (reason == WF_OK)
        reason = wf_refresh_forget(&place->refresh, place->user, &told, &own);
    if (record != NULL)
        audit(context, "own-sign-out", place->user, provider->name, record->subject, reason, &own);
    if (reason == WF_OK) {
        *ret_existed = record != NULL || !told;
        *ret_told = told;
    } else {
        (void)wf_fail(err, reason, "%s", own.text);
    }
    wf_record_free(record);
    wf_http_free(http);
    return reason;
}

enum wf_reason wf_session_end(const struct wf_context *context, const char *provider,
                              const char *user, bool *ret_existed, bool *ret_told,
                              struct wf_err *err)
{
    const struct wf_provider_conf *conf =
        wf_conf_provider(wf_context_conf_borrow(context), provider);
    struct place place = {.store = NULL};
    enum wf_reason reason = find_place(context, conf, user, &place, err);

    if (reason == WF_OK && conf != NULL) {
        reason = end(context, &place, ret_existed, ret_told, err);
    } else if (reason == WF_OK) {
        reason = drop(context, &place, provider, ret_existed, err);
        if (reason == WF_OK)
            *ret_told = !*ret_existed;
    }
    wf_store_free(place.store);
    return reason;
}

enum wf_reason wf_session_list(const struct wf_context *context,
                               void (*each)(void *ctx, const char *name,
                                            const struct wf_record *record, const char *fault),
                               void *ctx, struct wf_err *err)
{
    struct wf_store *store = NULL;
    enum wf_reason reason = wf_store_open(NULL, wf_context_log_borrow(context), &store, err);

    if (reason == WF_OK)
        reason = wf_store_list(store, each, ctx, err);
    wf_store_free(store);
    return reason;
}
