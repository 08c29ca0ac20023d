#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anchor.h"
#include "context.h"
#include "export.h"
#include "http.h"
#include "keep.h"
#include "past.h"
#include "provider.h"
#include "resume.h"
#include "stamp.h"
#include "wfauth.h"

_Static_assert(WF_EXPORT_PATH_SIZE <= WF_STAMP_PATH_SIZE, "a stamp holds the path of a token");

struct visit {
    const struct wf_context *context;
    const struct wf_log *log;
    const struct wf_request *request;
    const struct wf_policy *policy;
    const struct wf_provider_conf *provider; /* where people sign in */
    struct wf_store *store;                  /* NULL: nothing is kept, so there is nothing to do */
};

/* The service's policy, and where its sessions are kept. A folder that cannot be used must keep
 * nobody out: a line in the log is all. */
static enum wf_reason open_visit(struct visit *visit, struct wf_err *err)
{
    const struct wf_conf *conf = wf_context_conf_borrow(visit->context);
    struct wf_err why = WF_ERR_INIT;
    enum wf_reason reason = wf_conf_policy(conf, visit->request->service, &visit->policy, err);

    if (reason != WF_OK)
        return reason;
    visit->log = wf_context_log_borrow(visit->context);
    visit->provider = wf_resume_at(visit->policy)->provider;
    /* A longer name than any that signs in has no stamp */
    if (!wf_conf_keeps_sessions(conf, visit->provider) ||
        strlen(visit->request->user) >= WF_NAME_SIZE)
        return WF_OK;
    if (wf_context_store(visit->context, &visit->store, &why) != WF_OK)
        wf_log(visit->log, WF_LOG_WARNING, "nothing is known of %s's sign-in here: %s",
               visit->request->user, why.text);
    return WF_OK;
}

static void prepare(const struct visit *visit, struct wf_refresh *ret)
{
    wf_context_refresh(visit->context, ret);
    ret->provider = visit->provider;
    ret->store = visit->store;
}

/* For another session of this user that begins: it may refresh, and write; or ends. */
static enum wf_reason lock_stamps(const struct visit *visit, int *ret, struct wf_err *err)
{
    unsigned wait_ms = wf_endpoint_budget_ms(visit->provider) + visit->provider->timeout * 1000 +
                       5000 + WF_EXPORT_MS;

    return wf_stamp_lock(visit->store, visit->provider->name, visit->request->user, wait_ms, ret,
                         err);
}

/* Beginning */

/* True if somebody has signed in for this session by code, or silently: then *stamp says when. */
static bool claim(const struct visit *visit, const char *mark, struct wf_stamp *stamp)
{
    struct wf_err err = WF_ERR_INIT;

    if (mark == NULL)
        return false;
    if (wf_stamp_claim(visit->store, visit->provider->name, visit->request->user, mark,
                       wf_context_now(visit->context), stamp, &err) == WF_OK)
        return true;
    wf_log(visit->log, WF_LOG_WARNING, "this session of %s is not bound to its sign-in: %s",
           visit->request->user, err.text);
    return false;
}

/* What is to be exported, and where, in *stamp. */
static enum wf_reason choose_token(const struct visit *visit, const char *runtime_dir,
                                   bool signed_in, struct wf_stamp *stamp,
                                   struct wf_record **ret_record, struct wf_err *err)
{
    struct wf_refresh refresh;
    struct wf_record *record = NULL;
    char path[WF_EXPORT_PATH_SIZE];
    enum wf_reason reason = wf_export_path(runtime_dir, visit->provider->name, path, err);

    if (reason != WF_OK)
        return reason;
    prepare(visit, &refresh);
    reason = wf_refresh_session(&refresh, visit->request->user, NULL, &record, err);
    if (reason == WF_OK)
        reason = wf_keep_check_account(record, err);
    if (reason != WF_OK) {
        wf_record_free(record);
        return reason;
    }
    if (signed_in && strcmp(stamp->subject, record->subject) != 0) {
        wf_record_free(record);
        return wf_fail(err, WF_IDENTITY, "the session that is kept is another person's");
    }
    (void)snprintf(stamp->subject, sizeof(stamp->subject), "%s", record->subject);
    memcpy(stamp->exported, path, sizeof(path));
    *ret_record = record;
    return WF_OK;
}

/* No file, so nothing that would have to go at the end. */
static void forget_export(const struct visit *visit, struct wf_stamp *stamp)
{
    struct wf_stamp was = {.signed_in = 0};
    struct wf_err err = WF_ERR_INIT;
    unsigned left = 0;
    enum wf_reason reason = wf_stamp_remove(visit->store, stamp->provider, stamp->user,
                                            &stamp->anchor, &was, &left, &err);

    stamp->exported[0] = '\0';
    if (reason != WF_OK && reason != WF_EXPIRED)
        wf_log(visit->log, WF_LOG_WARNING, "%s", err.text);
}

/* The stamp comes first: a file of which nobody knows would stay. */
static enum wf_reason write_token(const struct visit *visit, const struct wf_record *record,
                                  struct wf_stamp *stamp, struct wf_err *err)
{
    enum wf_reason reason = wf_stamp_put(visit->store, stamp, err);

    if (reason != WF_OK) {
        stamp->exported[0] = '\0';
        return reason;
    }
    reason = wf_export_write(visit->request->user, stamp->exported, record->access, err);
    /* Otherwise it was stopped, and perhaps when it was done */
    if (reason == WF_CONFIG)
        forget_export(visit, stamp);
    return reason;
}

static enum wf_reason export_token(const struct visit *visit, const char *runtime_dir,
                                   bool signed_in, struct wf_stamp *stamp, char **ret_path,
                                   struct wf_err *err)
{
    struct wf_record *record = NULL;
    char *path = NULL;
    int lock = -1;
    enum wf_reason reason = lock_stamps(visit, &lock, err);

    if (reason == WF_OK)
        reason = choose_token(visit, runtime_dir, signed_in, stamp, &record, err);
    if (reason != WF_OK)
        goto out;
    path = strdup(stamp->exported);
    if (path == NULL) {
        stamp->exported[0] = '\0';
        reason = wf_fail(err, WF_INTERNAL, "out of memory for a path");
        goto out;
    }
    reason = write_token(visit, record, stamp, err);
    if (reason != WF_OK)
        goto out;
    *ret_path = path;
    path = NULL;
out:
    wf_store_unlock(lock);
    free(path);
    wf_record_free(record);
    return reason;
}

static void begin(const struct visit *visit, const char *mark, const char *runtime_dir,
                  char **ret_path)
{
    struct wf_stamp stamp = {.signed_in = 0};
    struct wf_err err = WF_ERR_INIT;
    bool signed_in = claim(visit, mark, &stamp);

    (void)snprintf(stamp.provider, sizeof(stamp.provider), "%s", visit->provider->name);
    (void)snprintf(stamp.user, sizeof(stamp.user), "%s", visit->request->user);
    enum wf_reason bound = wf_anchor_process(&stamp.anchor, &err);
    if (bound == WF_OK && visit->policy->token_export) {
        enum wf_reason reason = export_token(visit, runtime_dir, signed_in, &stamp, ret_path, &err);
        /* That there is no session may well be, as where somebody comes by key for the first time
         */
        if (reason != WF_OK)
            wf_log(visit->log, reason == WF_EXPIRED ? WF_LOG_INFO : WF_LOG_WARNING,
                   "this session of %s gets no token: %s", visit->request->user, err.text);
    }
    if (bound == WF_OK && signed_in && stamp.exported[0] == '\0')
        bound = wf_stamp_put(visit->store, &stamp, &err);
    if (bound != WF_OK)
        wf_log(visit->log, WF_LOG_WARNING, "this session of %s is not bound to its sign-in: %s",
               visit->request->user, err.text);
}

enum wf_reason wf_visit_begin(const struct wf_context *context, const struct wf_request *request,
                              const char *mark, const char *runtime_dir, char **ret_path,
                              struct wf_err *err)
{
    struct visit visit = {.context = context, .request = request};
    char *path = NULL;
    enum wf_reason reason = open_visit(&visit, err);

    if (visit.store != NULL)
        begin(&visit, mark, runtime_dir, &path);
    if (reason == WF_OK)
        *ret_path = path;
    wf_store_free(visit.store);
    return reason;
}

/* Ending */

/* What the provider has to be told; nobody else gets any of it any more. */
struct ending {
    struct wf_secret *held;   /* what the file held */
    struct wf_secret *access; /* what the session has: a refresh may have come between */
    struct wf_record *past[WF_PAST_MAX]; /* sessions that were replaced */
    size_t past_count;
};

static void ending_done(struct ending *ending)
{
    wf_secret_free(ending->held);
    wf_secret_free(ending->access);
    for (size_t i = 0; i < ending->past_count; i++)
        wf_record_free(ending->past[i]);
}

/* Tell the provider that a session, or a token alone, is over. False if it does not answer. */
static bool revoke(const struct visit *visit, const struct wf_secret *refresh,
                   const struct wf_secret *access)
{
    struct wf_endpoint endpoint = {visit->provider, NULL};
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason =
        wf_context_http_new(visit->context, visit->provider, &endpoint.http, &err);

    if (reason == WF_OK)
        reason = wf_provider_revoke(&endpoint, visit->log, refresh, access, &err);
    if (reason != WF_OK)
        wf_log(visit->log, WF_LOG_WARNING,
               "provider %s does not know that a token of %s is over: %s", visit->provider->name,
               visit->request->user, err.text);
    wf_http_free(endpoint.http);
    return reason != WF_UNREACHABLE;
}

/* Without a lock. A provider that does not answer is not waited for again and again: what can be
 * kept is for the next one. */
static void tell(const struct visit *visit, const struct ending *ending)
{
    bool answers = true;

    if (ending->access != NULL)
        answers = revoke(visit, NULL, ending->access);
    if (answers && ending->held != NULL && !wf_secret_equals(ending->held, ending->access))
        answers = revoke(visit, NULL, ending->held);
    for (size_t i = 0; i < ending->past_count; i++) {
        const struct wf_record *past = ending->past[i];
        if (answers)
            answers = revoke(visit, past->refresh, past->access);
        if (!answers && wf_past_keep(visit->store, past, NULL) != WF_OK)
            wf_log(visit->log, WF_LOG_WARNING, "nobody will tell of it again");
    }
}

/* The file goes, and from here on the next session gets another token. */
static void take_back(const struct visit *visit, const char *path, struct ending *ending)
{
    struct wf_refresh refresh;
    struct wf_err err = WF_ERR_INIT;

    prepare(visit, &refresh);
    if (wf_export_remove(visit->request->user, path, &ending->held, &err) != WF_OK)
        wf_log(visit->log, WF_LOG_WARNING, "the token of %s may be left in %s: %s",
               visit->request->user, path, err.text);
    if (wf_refresh_retire(&refresh, visit->request->user, &ending->access, &err) != WF_OK)
        wf_log(visit->log, WF_LOG_WARNING, "the token of %s stays in use: %s", visit->request->user,
               err.text);
}

/* No file has a token of theirs any more. */
static void take_past(const struct visit *visit, struct ending *ending)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_record *past = NULL;

    while (ending->past_count < WF_PAST_MAX) {
        past = NULL;
        if (wf_past_take(visit->store, visit->provider, visit->request->user, &past, &err) != WF_OK)
            wf_log(visit->log, WF_LOG_WARNING, "%s", err.text);
        if (past == NULL)
            break;
        ending->past[ending->past_count++] = past;
    }
}

/* WF_EXPIRED: there is nothing that ends. */
static enum wf_reason end_stamp(const struct visit *visit, const struct wf_anchor *anchor,
                                struct ending *ending, struct wf_err *err)
{
    struct wf_stamp was = {.signed_in = 0};
    unsigned left = 0;
    int lock = -1;
    enum wf_reason reason = lock_stamps(visit, &lock, err);

    if (reason == WF_OK)
        reason = wf_stamp_remove(visit->store, visit->provider->name, visit->request->user, anchor,
                                 &was, &left, err);
    if (reason == WF_OK && was.exported[0] != '\0' && left == 0)
        take_back(visit, was.exported, ending);
    if ((reason == WF_OK || reason == WF_EXPIRED) && left == 0)
        take_past(visit, ending);
    wf_store_unlock(lock);
    return reason;
}

/* End the session of this anchor. */
static void end(const struct visit *visit, const struct wf_anchor *anchor)
{
    struct ending ending = {.held = NULL};
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = end_stamp(visit, anchor, &ending, &err);

    if (reason != WF_OK && reason != WF_EXPIRED)
        wf_log(visit->log, WF_LOG_WARNING, "the session of %s ends, and its stamp stays: %s",
               visit->request->user, err.text);
    tell(visit, &ending);
    ending_done(&ending);
}

/* The same at a provider that is not configured any more, so that nobody can be told. */
static void end_unknown(const struct visit *visit, const struct wf_stamp *stamp)
{
    struct wf_stamp was = {.signed_in = 0};
    struct wf_secret *held = NULL;
    struct wf_err err = WF_ERR_INIT;
    unsigned left = 0;
    enum wf_reason reason = wf_stamp_remove(visit->store, stamp->provider, stamp->user,
                                            &stamp->anchor, &was, &left, &err);

    if (reason == WF_OK && left == 0)
        reason = wf_export_remove(stamp->user, was.exported, &held, &err);
    if (reason != WF_OK && reason != WF_EXPIRED)
        wf_log(visit->log, WF_LOG_WARNING, "%s", err.text);
    wf_secret_free(held);
}

/* A session whose process was killed has left its token, in its file and open at the provider; the
 * next one that ends, whoever's it is, does it in its stead. One at a time: nobody's log-out takes
 * longer than two. */
static void end_left(const struct visit *visit)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_stamp stamp;
    enum wf_reason reason = wf_stamp_find_left(visit->store, &stamp, &err);

    if (reason != WF_OK) {
        if (reason != WF_PENDING)
            wf_log(visit->log, WF_LOG_WARNING, "%s", err.text);
        return;
    }
    struct wf_request request = *visit->request;
    struct visit left = *visit;
    request.user = stamp.user;
    left.request = &request;
    left.provider = wf_conf_provider(wf_context_conf_borrow(visit->context), stamp.provider);
    wf_log(visit->log, WF_LOG_INFO, "a session of %s has ended without a word", stamp.user);
    if (left.provider != NULL)
        end(&left, &stamp.anchor);
    else
        end_unknown(&left, &stamp);
}

enum wf_reason wf_visit_end(const struct wf_context *context, const struct wf_request *request,
                            struct wf_err *err)
{
    struct visit visit = {.context = context, .request = request};
    struct wf_anchor anchor;
    struct wf_err why = WF_ERR_INIT;
    enum wf_reason reason = open_visit(&visit, err);

    if (visit.store != NULL) {
        if (wf_anchor_process(&anchor, &why) == WF_OK)
            end(&visit, &anchor);
        else
            wf_log(visit.log, WF_LOG_WARNING, "the session of %s ends, and its stamp stays: %s",
                   request->user, why.text);
        end_left(&visit);
    }
    wf_store_free(visit.store);
    return reason;
}
