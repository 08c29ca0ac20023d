#include "config.h"

#include "refresh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "age.h"
#include "child.h"
#include "http_frame.h"
#include "provider.h"
#include "report.h"

/* What wfauth-refresh may take beyond its requests: to start, to write, to start its own helper. */
#define GRACE_MS 5000
/* Warnings: in the last quarter of a refresh token's life, within a week, once a day. Seconds. */
#define WARN_BEFORE ((int64_t)7 * 86400)
#define WARN_EVERY ((int64_t)86400)

/* How long one refresh takes at most: an oidc provider's endpoint may have to be asked for. */
static unsigned budget_ms(const struct wf_refresh *refresh)
{
    return wf_endpoint_budget_ms(refresh->provider) + refresh->provider->timeout * 1000 + GRACE_MS;
}

/* What a record says */

/* Seconds, for people: nothing has happened in the future, whatever a clock says. */
static long long ago(const struct wf_refresh *refresh, int64_t at)
{
    int64_t now = refresh->clock();

    return now > at ? now - at : 0;
}

/* WF_EXPIRED unless there is a session. */
static enum wf_reason judge(const struct wf_refresh *refresh, const char *user,
                            const struct wf_record *record, struct wf_err *err)
{
    if (record == NULL)
        return wf_fail(err, WF_EXPIRED, "%s has no session at provider %s: sign in again", user,
                       refresh->provider->name);
    if (record->ended != 0)
        return wf_fail(err, WF_EXPIRED,
                       "the session of %s at provider %s ended %lld s ago: %s: sign in again", user,
                       refresh->provider->name, ago(refresh, record->ended),
                       record->why);
    return WF_OK;
}

/* True if the access token must not be used any more. */
static bool is_due(const struct wf_refresh *refresh, const struct wf_record *record,
                   const struct wf_secret *refused)
{
    int64_t now = refresh->clock();
    int64_t skew = refresh->provider->refresh_skew;

    if (wf_secret_equals(record->access, refused))
        return true;
    if (!wf_age_is_past(record->obtained, now))
        return true;
    if (record->access_expires == 0)
        return now >= record->obtained + WF_REFRESH_UNKNOWN;
    /* A token that lives no longer than the skew would be refreshed by everybody who waited for it
     */
    int64_t half = (record->access_expires - record->obtained) / 2;
    return now + (skew < half ? skew : half) >= record->access_expires;
}

/* True if somebody has just tried: whoever waited for that has its result. */
static bool has_just_failed(const struct wf_refresh *refresh, const struct wf_record *record)
{
    int64_t now = refresh->clock();

    return record->failure != NULL && record->failed <= now &&
           now < record->failed + wf_record_rest(record);
}

/* True if `expires` is in the last quarter of a life that began at `start`, and within a week. */
static bool is_near(int64_t expires, int64_t start, int64_t now)
{
    int64_t quarter = (expires - start) / 4;

    return expires != 0 && now >= expires - (quarter < WARN_BEFORE ? quarter : WARN_BEFORE);
}

static bool must_warn(const struct wf_record *record, int64_t now)
{
    bool said = record->warned <= now && now < record->warned + WARN_EVERY;

    return !said && record->refresh != NULL &&
           (is_near(record->absolute_expires, record->signed_in, now) ||
            is_near(record->idle_expires, record->obtained, now));
}

/* True if the record must be kept because of what was said. */
static bool warn(const struct wf_refresh *refresh, struct wf_record *record)
{
    int64_t now = refresh->clock();

    if (!must_warn(record, now))
        return false;
    bool absolute = is_near(record->absolute_expires, record->signed_in, now);
    int64_t left = (absolute ? record->absolute_expires : record->idle_expires) - now;
    wf_log(refresh->log, WF_LOG_WARNING,
           "the session of %s at provider %s ends in %lld minutes%s: sign in again before",
           record->user, record->provider, (long long)(left > 0 ? left / 60 : 0),
           absolute ? "" : " unless it is refreshed");
    record->warned = now;
    return true;
}

/* Keeping */

/* What the token endpoint gave, `now` being the moment when it was asked. */
static void take_tokens(const struct wf_refresh *refresh, struct wf_record *record,
                        struct wf_tokens *tokens, int64_t now)
{
    wf_secret_free(record->access);
    record->access = tokens->access;
    tokens->access = NULL;
    /* RFC 6749 §6: without a new one the old one stays good */
    if (tokens->refresh != NULL) {
        wf_secret_free(record->refresh);
        record->refresh = tokens->refresh;
        tokens->refresh = NULL;
    }
    record->obtained = now;
    record->access_expires = tokens->expires_in == 0 ? 0 : now + tokens->expires_in;
    int64_t idle = tokens->refresh_expires_in != 0 ? tokens->refresh_expires_in
                                                   : refresh->provider->refresh_inactivity;
    record->idle_expires = idle == 0 ? 0 : now + idle;
    record->refreshing = 0;
    free(record->failure);
    record->failure = NULL;
}

enum wf_reason wf_refresh_keep(const struct wf_refresh *refresh, const char *user,
                               const char *subject, const struct wf_tokens *tokens,
                               struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    int64_t now = refresh->clock();
    struct wf_record *record = wf_record_new(refresh->provider, user, subject);
    struct wf_span access = wf_secret_borrow(tokens->access);
    struct wf_span token = wf_secret_borrow(tokens->refresh);
    struct wf_tokens copy = {
        .access = wf_secret_new(access.ptr, access.len),
        .refresh = tokens->refresh == NULL ? NULL : wf_secret_new(token.ptr, token.len),
        .expires_in = tokens->expires_in,
        .refresh_expires_in = tokens->refresh_expires_in,
    };
    int lock = -1;

    if (record == NULL || copy.access == NULL ||
        (tokens->refresh != NULL && copy.refresh == NULL)) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for a session");
        goto out;
    }
    take_tokens(refresh, record, &copy, now);
    record->signed_in = now;
    record->uid = refresh->uid;
    if (refresh->provider->refresh_absolute != 0)
        record->absolute_expires = now + refresh->provider->refresh_absolute;
    reason = wf_store_lock(refresh->store, refresh->provider->name, user, budget_ms(refresh), &lock,
                           err);
    if (reason == WF_OK)
        reason = wf_store_write(refresh->store, record, err);
    wf_store_unlock(lock);
out:
    wf_tokens_done(&copy);
    wf_record_free(record);
    return reason;
}

/* Change the session that is kept, if there is one that lives; `change` says whether anything did.
 */
static enum wf_reason
change_kept(const struct wf_refresh *refresh, const char *user,
            enum wf_reason (*change)(const struct wf_refresh *refresh, struct wf_record *record,
                                     const void *how, bool *ret_changed, struct wf_err *err),
            const void *how, struct wf_err *err)
{
    struct wf_record *record = NULL;
    bool changed = false;
    int lock = -1;
    enum wf_reason reason = wf_store_lock(refresh->store, refresh->provider->name, user,
                                          budget_ms(refresh), &lock, err);

    if (reason == WF_OK)
        reason = wf_store_read(refresh->store, refresh->provider, user, &record, err);
    if (record != NULL && record->ended == 0)
        reason = change(refresh, record, how, &changed, err);
    if (changed)
        reason = wf_store_write(refresh->store, record, err);
    wf_record_free(record);
    wf_store_unlock(lock);
    return reason;
}

static enum wf_reason expire(const struct wf_refresh *refresh, struct wf_record *record,
                             const void *how, bool *ret_changed, struct wf_err *err)
{
    const struct wf_secret *token = how;

    (void)refresh;
    (void)err;
    if (token != NULL && !wf_secret_equals(record->access, token))
        return WF_OK;
    /* As if it had never been good */
    record->access_expires = record->obtained;
    *ret_changed = true;
    return WF_OK;
}

enum wf_reason wf_refresh_expire(const struct wf_refresh *refresh, const char *user,
                                 const struct wf_secret *token, struct wf_err *err)
{
    return change_kept(refresh, user, expire, token, err);
}

struct retiring {
    struct wf_secret **access;
};

static enum wf_reason retire(const struct wf_refresh *refresh, struct wf_record *record,
                             const void *how, bool *ret_changed, struct wf_err *err)
{
    const struct retiring *retiring = how;
    struct wf_span access = wf_secret_borrow(record->access);

    /* It is over already: retired, or refused */
    if (record->access_expires != 0 && record->access_expires <= record->obtained)
        return WF_OK;
    *retiring->access = wf_secret_new(access.ptr, access.len);
    if (*retiring->access == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for a token");
    return expire(refresh, record, NULL, ret_changed, err);
}

enum wf_reason wf_refresh_retire(const struct wf_refresh *refresh, const char *user,
                                 struct wf_secret **ret, struct wf_err *err)
{
    struct wf_secret *access = NULL;
    const struct retiring retiring = {&access};
    enum wf_reason reason = change_kept(refresh, user, retire, &retiring, err);

    if (reason == WF_OK) {
        *ret = access;
        access = NULL;
    }
    wf_secret_free(access);
    return reason;
}

struct ending {
    const struct wf_secret *access;
    const char *why;
};

static enum wf_reason end(const struct wf_refresh *refresh, struct wf_record *record,
                          const void *how, bool *ret_changed, struct wf_err *err)
{
    const struct ending *ending = how;

    if (!wf_secret_equals(record->access, ending->access))
        return WF_OK;
    if (!wf_record_end(record, refresh->clock(), ending->why))
        return wf_fail(err, WF_INTERNAL, "out of memory for the end of a session");
    *ret_changed = true;
    return WF_OK;
}

enum wf_reason wf_refresh_end(const struct wf_refresh *refresh, const char *user,
                              const struct wf_secret *access, const char *why, struct wf_err *err)
{
    const struct ending ending = {access, why};

    return change_kept(refresh, user, end, &ending, err);
}

struct confirmation {
    const char *subject;
    const char *claims;
};

static enum wf_reason confirm(const struct wf_refresh *refresh, struct wf_record *record,
                              const void *how, bool *ret_changed, struct wf_err *err)
{
    const struct confirmation *confirmation = how;

    if (strcmp(record->subject, confirmation->subject) != 0)
        return WF_OK;
    char *copy = strdup(confirmation->claims);
    if (copy == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for a session");
    free(record->claims);
    record->claims = copy;
    record->confirmed = refresh->clock();
    *ret_changed = true;
    return WF_OK;
}

enum wf_reason wf_refresh_confirm(const struct wf_refresh *refresh, const char *user,
                                  const char *subject, const char *claims, struct wf_err *err)
{
    const struct confirmation confirmation = {subject, claims};

    return change_kept(refresh, user, confirm, &confirmation, err);
}

/* Using */

/* The provider has said that the session is over. */
static enum wf_reason bury(const struct wf_refresh *refresh, struct wf_record *record,
                           int64_t missing, struct wf_err *err)
{
    struct wf_err fault = WF_ERR_INIT;
    int64_t now = refresh->clock();

    if (missing != 0)
        wf_err_context(err, "the answer to a refresh begun %lld s ago was lost, and now",
                       ago(refresh, missing));
    if (!wf_record_end(record, now, err->text))
        return wf_fail(err, WF_INTERNAL, "out of memory for the end of a session");
    /* Without a tombstone the next one asks again, and hears the same */
    if (wf_store_write(refresh->store, record, &fault) != WF_OK)
        wf_log(refresh->log, WF_LOG_ERROR, "%s", fault.text);
    return judge(refresh, record->user, record, err);
}

/* No answer, or one that speaks of us: the session may live. */
static enum wf_reason spare(const struct wf_refresh *refresh, struct wf_record *record,
                            enum wf_reason reason, int64_t rest, const struct wf_err *err)
{
    struct wf_err fault = WF_ERR_INIT;

    /* Refused before it was looked at: no answer is missing */
    if (reason == WF_CONFIG)
        record->refreshing = 0;
    if (wf_record_fail(record, refresh->clock(), reason, rest, err->text) &&
        wf_store_write(refresh->store, record, &fault) != WF_OK)
        wf_log(refresh->log, WF_LOG_ERROR, "%s", fault.text);
    return reason;
}

static enum wf_reason use(const struct wf_refresh *refresh, struct wf_record *record,
                          struct wf_err *err)
{
    const struct wf_endpoint endpoint = {refresh->provider, refresh->http};
    struct wf_tokens tokens = WF_TOKENS_INIT;
    int64_t missing = record->refreshing;
    int64_t now = refresh->clock();

    /* Kept before the request: a full disk or a folder that cannot be written is found out while
     * the old token is still good, and after a crash it is known why that one is not */
    record->refreshing = now;
    enum wf_reason reason = wf_store_write(refresh->store, record, err);
    if (reason != WF_OK)
        return reason;
    reason = wf_provider_refresh(&endpoint, refresh->log, record->refresh, &tokens, err);
    if (reason == WF_EXPIRED)
        return bury(refresh, record, missing, err);
    if (reason != WF_OK)
        return spare(refresh, record, reason, tokens.rest, err);
    take_tokens(refresh, record, &tokens, now);
    (void)warn(refresh, record);
    reason = wf_store_write(refresh->store, record, err);
    if (reason != WF_OK)
        wf_err_context(err, "the new refresh token of %s is lost", record->user);
    wf_tokens_done(&tokens);
    return reason;
}

enum wf_reason wf_refresh_use(const struct wf_refresh *refresh, const char *user,
                              struct wf_err *err)
{
    struct wf_record *record = NULL;
    struct wf_err why = WF_ERR_INIT; /* err may be NULL, and what is kept needs the words */
    enum wf_reason reason = wf_store_read(refresh->store, refresh->provider, user, &record, &why);

    if (reason == WF_OK)
        reason = judge(refresh, user, record, &why);
    if (reason == WF_OK && record->refresh == NULL)
        reason = wf_fail(&why, WF_EXPIRED,
                         "the session of %s at provider %s is over, and there is no refresh token: "
                         "sign in again",
                         user, refresh->provider->name);
    if (reason == WF_OK)
        reason = use(refresh, record, &why);
    if (reason != WF_OK)
        reason = wf_fail(err, reason, "%s", why.text);
    wf_record_free(record);
    return reason;
}

/* Asking */

/* Hand the lock over to the program, and hear how it went. */
static enum wf_reason start(const struct wf_refresh *refresh, const char *user, int *lock,
                            struct wf_err *err)
{
    const char *program = refresh->program == NULL ? WF_REFRESH_PATH : refresh->program;
    const char *argv[] = {"wfauth-refresh",
                          refresh->config,
                          wf_store_path_borrow(refresh->store),
                          refresh->provider->name,
                          user,
                          NULL};
    struct wf_child child = WF_CHILD_INIT;
    /* As for execve, which changes nothing in it, either */
    enum wf_reason reason = wf_child_start(program, (char **)argv, *lock, &child, err);

    if (reason == WF_OK) {
        /* Closed, not given back: it is the program's from here on, whatever becomes of us */
        (void)close(*lock);
        *lock = -1;
        reason =
            wf_report_receive(child.fd, wf_frame_now() + budget_ms(refresh), refresh->log, err);
    }
    /* Whatever it says, and however long it takes: it is never killed */
    wf_child_leave(&child);
    return reason;
}

/* The lock is ours: somebody may have done meanwhile what we came for. */
static enum wf_reason refresh_locked(const struct wf_refresh *refresh, const char *user,
                                     const struct wf_secret *refused, int *lock, struct wf_err *err)
{
    struct wf_record *record = NULL;
    enum wf_reason reason = wf_store_read(refresh->store, refresh->provider, user, &record, err);

    if (reason == WF_OK)
        reason = judge(refresh, user, record, err);
    if (reason != WF_OK || !is_due(refresh, record, refused))
        goto out;
    if (has_just_failed(refresh, record))
        /* As what it failed: a fault of ours is no outage, in which grace lets people in */
        reason = wf_fail(err, wf_record_failure(record), "a refresh has just failed: %s",
                         record->failure);
    else if (refresh->http != NULL)
        reason = wf_refresh_use(refresh, user, err);
    else
        reason = start(refresh, user, lock, err);
out:
    wf_record_free(record);
    return reason;
}

/* True if there is no answer, but the access token is not known to be dead: one that is about to
 * expire serves its last minute, and one of unknown life as long as nobody refuses it. */
static bool can_go_on(const struct wf_refresh *refresh, const struct wf_record *record,
                      const struct wf_secret *refused)
{
    int64_t now = refresh->clock();

    return !wf_secret_equals(record->access, refused) && wf_age_is_past(record->obtained, now) &&
           (record->access_expires == 0 || now < record->access_expires);
}

/* In place of *record, which is due, one that is not; whatever stands there after a failure is not
 * to be used. */
static enum wf_reason renew(const struct wf_refresh *refresh, const char *user,
                            const struct wf_secret *refused, struct wf_record **record,
                            struct wf_err *err)
{
    struct wf_record *found = NULL;
    int lock = -1;
    enum wf_reason reason = wf_store_lock(refresh->store, refresh->provider->name, user,
                                          budget_ms(refresh), &lock, err);

    if (reason == WF_OK)
        reason = refresh_locked(refresh, user, refused, &lock, err);
    wf_store_unlock(lock);
    if (reason == WF_UNREACHABLE && can_go_on(refresh, *record, refused)) {
        wf_log(refresh->log, WF_LOG_WARNING, "going on with the access token of before: %s",
               err == NULL ? "no answer" : err->text);
        return WF_OK;
    }
    if (reason == WF_OK)
        reason = wf_store_read(refresh->store, refresh->provider, user, &found, err);
    if (reason == WF_OK)
        reason = judge(refresh, user, found, err);
    wf_record_free(*record);
    *record = found;
    return reason;
}

/* Say that the end is near, and keep that it was said. Nobody waits for that. */
static void say(const struct wf_refresh *refresh, const char *user)
{
    struct wf_record *record = NULL;
    int lock = -1;

    if (wf_store_lock(refresh->store, refresh->provider->name, user, 0, &lock, NULL) != WF_OK)
        return;
    if (wf_store_read(refresh->store, refresh->provider, user, &record, NULL) == WF_OK &&
        record != NULL && warn(refresh, record) &&
        wf_store_write(refresh->store, record, NULL) != WF_OK)
        wf_log(refresh->log, WF_LOG_WARNING, "it could not be kept that this was said");
    wf_record_free(record);
    wf_store_unlock(lock);
}

enum wf_reason wf_refresh_session(const struct wf_refresh *refresh, const char *user,
                                  const struct wf_secret *refused, struct wf_record **ret,
                                  struct wf_err *err)
{
    struct wf_record *record = NULL;
    enum wf_reason reason = wf_store_read(refresh->store, refresh->provider, user, &record, err);

    if (reason == WF_OK)
        reason = judge(refresh, user, record, err);
    if (reason != WF_OK)
        goto out;
    if (is_due(refresh, record, refused))
        reason = renew(refresh, user, refused, &record, err);
    else if (must_warn(record, refresh->clock()))
        say(refresh, user);
    if (reason != WF_OK)
        goto out;
    *ret = record;
    record = NULL;
out:
    wf_record_free(record);
    return reason;
}

enum wf_reason wf_refresh_forget(const struct wf_refresh *refresh, const char *user, bool *ret_told,
                                 struct wf_err *err)
{
    const struct wf_endpoint endpoint = {refresh->provider, refresh->http};
    const char *name = refresh->provider->name;
    struct wf_record *record = NULL;
    struct wf_err why = WF_ERR_INIT;
    bool existed = false;
    bool told = true;
    int lock = -1;
    enum wf_reason reason =
        wf_store_lock(refresh->store, name, user, budget_ms(refresh), &lock, err);

    if (reason == WF_OK)
        reason = wf_store_read(refresh->store, refresh->provider, user, &record, err);
    if (reason != WF_OK)
        goto out;
    if (record != NULL)
        told = wf_provider_revoke(&endpoint, refresh->log, record->refresh, record->access, &why) ==
               WF_OK;
    if (!told)
        wf_log(refresh->log, WF_LOG_WARNING,
               "provider %s does not know that the session of %s is over: %s", name, user,
               why.text);
    reason = wf_store_remove(refresh->store, name, user, &existed, err);
    /* Of one that is ignored nobody was told */
    if (reason == WF_OK)
        *ret_told = told && (record != NULL || !existed);
out:
    wf_record_free(record);
    wf_store_unlock(lock);
    return reason;
}
