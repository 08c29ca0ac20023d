#include "config.h"

#include "keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "age.h"
#include "file.h"
#include "forksafe.h"
#include "http.h"
#include "keyring_entry.h"
#include "keyring_fetch.h"
#include "oidc.h"

/* Seconds after a fetch during which an unknown kid makes no other one, in any process: `fetched`
 * travels with the keys. */
#define UNKNOWN_REST 30
/* Seconds between two looks at a jwks_file. */
#define FILE_FRESH 10
/* Seconds between two lines of the log that say stale. */
#define STALE_SAID 60
/* While another process fetches we go on with what we have for so many seconds. */
#define OTHER_REST 1
/* Milliseconds that the holder of the lock may take beyond its requests. */
#define LOCK_GRACE_MS 4000

struct wf_keyring {
    const struct wf_provider_conf *conf;
    struct wf_endpoint_host host;
    struct wf_forksafe *shared; /* held for some instructions at a time */
    char keys_name[WF_OIDC_ENTRY_SIZE];
    char down_name[WF_OIDC_ENTRY_SIZE];
    /* Guarded by the lock, but keys and failure are read freely by the one thread that fetches */
    bool fetching; /* a thread is at it, and it alone replaces keys and failure */
    struct wf_keys *keys; /* NULL: none yet */
    struct wf_entry failure;
    int64_t stale_said;
    bool bound_said;
};

enum standing {
    STANDING_NONE, /* no keys, or none that may be used */
    STANDING_STALE,
    STANDING_FRESH,
};

/* What was true at one moment. */
struct view {
    enum standing standing;
    struct wf_jwks *set; /* a reference, unless STANDING_NONE: NULL */
    int64_t fetched;
    int64_t until;  /* the set must not be used from here on */
    bool resting;   /* a fetch failed a short while ago */
    bool fetching;
    bool bound_passed;
};

/* Stands for a token that no key fits: who has it looks for newer keys (wf_keyring_prepare). */
static const struct wf_jws_header newer;

/* Shared state */

static void lock(struct wf_keyring *ring)
{
    if (wf_forksafe_lock(ring->shared)) {
        /* Who was at it stayed in the parent. The keys are behind one pointer, which is whole. */
        ring->fetching = false;
        ring->failure = (struct wf_entry){.reason = WF_OK};
    }
}

static void unlock(struct wf_keyring *ring)
{
    wf_forksafe_unlock(ring->shared);
}

static bool is_file(const struct wf_keyring *ring)
{
    return ring->conf->jwks_file != NULL;
}

static int64_t bound_of(const struct wf_keyring *ring)
{
    /* A file is looked at again, not trusted for longer; wf_keyring_is_current says when */
    return is_file(ring) ? INT64_MAX
                         : ring->keys->fresh_until + (int64_t)ring->conf->stale_keys;
}

static enum standing standing_of(const struct wf_keyring *ring, int64_t now)
{
    const struct wf_keys *keys = ring->keys;

    if (keys == NULL || !wf_age_is_past(keys->fetched, now))
        return STANDING_NONE;
    if (now < keys->fresh_until)
        return STANDING_FRESH;
    return !is_file(ring) && now < bound_of(ring) ? STANDING_STALE : STANDING_NONE;
}

/* A clock that was set back must not make a rest of it that lasts for years. */
static bool is_resting(const struct wf_entry *failure, int64_t now)
{
    return now < failure->until && wf_age_is_past(failure->until - WF_KEYS_REST_MAX, now);
}

static void look(struct wf_keyring *ring, int64_t now, struct view *ret)
{
    *ret = (struct view){0};
    lock(ring);
    ret->standing = standing_of(ring, now);
    ret->resting = is_resting(&ring->failure, now);
    ret->fetching = ring->fetching;
    ret->bound_passed = ring->keys != NULL && now >= bound_of(ring);
    if (ret->standing != STANDING_NONE) {
        ret->set = wf_jwks_ref(ring->keys->set);
        ret->fetched = ring->keys->fetched;
        ret->until = bound_of(ring);
    }
    unlock(ring);
}

/* Keys take the place of the old ones; it went well. */
static void publish_take(struct wf_keyring *ring, struct wf_keys *keys)
{
    lock(ring);
    struct wf_keys *old = ring->keys;
    ring->keys = keys;
    ring->failure = (struct wf_entry){.reason = WF_OK};
    ring->bound_said = false;
    unlock(ring);
    wf_keys_free(old);
}

static void set_failure(struct wf_keyring *ring, const struct wf_entry *failure)
{
    lock(ring);
    ring->failure = *failure;
    unlock(ring);
}

/* Memory and files */

static void warn_ignored(const struct wf_keyring *ring, const struct wf_err *err)
{
    wf_log(ring->host.log, WF_LOG_WARNING, "kept keys of provider %s are ignored: %s",
           ring->conf->name, err->text);
}

/* Take over what another process has fetched since. */
static void load_keys(struct wf_keyring *ring, int64_t now)
{
    struct wf_buf entry = WF_BUF_INIT(WF_CACHEDIR_ENTRY_MAX);
    struct wf_keys *keys = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_cachedir_read(ring->host.dir, ring->keys_name, &entry) && entry.len > 0 &&
        wf_keys_read(ring->conf, (struct wf_span){(const char *)entry.data, entry.len}, ring->keys,
                     &keys, &err) != WF_OK)
        warn_ignored(ring, &err);
    /* The later one counts, but for one whose clock ran ahead */
    if (keys != NULL && wf_age_is_past(keys->fetched, now) &&
        (ring->keys == NULL || keys->fetched > ring->keys->fetched ||
         !wf_age_is_past(ring->keys->fetched, now))) {
        publish_take(ring, keys);
        keys = NULL;
    }
    wf_keys_free(keys);
    wf_buf_done(&entry);
}

/* And that another process got no answer. */
static void load_failure(struct wf_keyring *ring, int64_t now)
{
    struct wf_buf entry = WF_BUF_INIT(2 * WF_ERR_TEXT_MAX + WF_HTTP_DESCRIPTION_MAX + 4096);
    struct wf_entry failure;
    struct wf_err err = WF_ERR_INIT;

    if (wf_cachedir_read(ring->host.dir, ring->down_name, &entry) && entry.len > 0) {
        if (wf_keys_failure_read(ring->conf,
                                 (struct wf_span){(const char *)entry.data, entry.len}, &failure,
                                 &err) != WF_OK)
            warn_ignored(ring, &err);
        else if (wf_age_is_past(failure.fetched, now) &&
                 (ring->keys == NULL || failure.fetched >= ring->keys->fetched))
            set_failure(ring, &failure);
    }
    wf_buf_done(&entry);
}

static void save_keys(struct wf_keyring *ring)
{
    struct wf_buf entry = WF_BUF_INIT(WF_CACHEDIR_ENTRY_MAX);

    if (ring->host.dir != NULL && wf_keys_write(ring->keys, ring->conf, &entry))
        (void)wf_cachedir_replace(ring->host.dir, ring->keys_name, entry.data, entry.len);
    wf_cachedir_remove(ring->host.dir, ring->down_name);
    wf_buf_done(&entry);
}

/* No answer that is worth anything: rest, longer each time, and let the others know. */
static void fail(struct wf_keyring *ring, int64_t now, enum wf_reason reason,
                 const struct wf_err *err)
{
    struct wf_buf entry = WF_BUF_INIT(WF_CACHEDIR_ENTRY_MAX);
    struct wf_entry failure = {.reason = reason, .fetched = now};
    int64_t rest = (ring->failure.until - ring->failure.fetched) * 2;

    if (rest < WF_KEYS_REST_MIN)
        rest = WF_KEYS_REST_MIN;
    if (rest > WF_KEYS_REST_MAX)
        rest = WF_KEYS_REST_MAX;
    failure.until = now + rest;
    (void)snprintf(failure.text, sizeof(failure.text), "%s", err->text);
    set_failure(ring, &failure);
    if (!is_file(ring) && ring->host.dir != NULL && reason != WF_INTERNAL &&
        wf_keys_failure_write(&failure, ring->conf, &entry))
        (void)wf_cachedir_replace(ring->host.dir, ring->down_name, entry.data, entry.len);
    wf_buf_done(&entry);
}

/* Fetching */

static void log_skipped(const struct wf_keyring *ring, const struct wf_keys *keys, size_t skipped,
                        const struct wf_err *err)
{
    if (skipped > 0)
        wf_log(ring->host.log, WF_LOG_INFO,
               "provider %s: %zu keys left out, %zu are used; the last one: %s", ring->conf->name,
               skipped, wf_jwks_count(keys->set), err->text);
}

/* Read anew; parsed only if it says something else than before. */
static void refresh_from_file(struct wf_keyring *ring, int64_t now)
{
    struct wf_buf text = WF_BUF_INIT(WF_HTTP_BODY_MAX);
    struct wf_err err = WF_ERR_INIT;
    struct wf_keys *keys = NULL;
    size_t skipped = 0;

    enum wf_reason reason = wf_file_read(ring->conf->jwks_file, WF_FILE_PUBLIC, &text, &err);
    if (reason == WF_OK) {
        const struct wf_keys_parts parts = {
            .text = {(const char *)text.data, text.len},
            .fetched = now,
            .fresh_until = now + FILE_FRESH,
        };
        reason = wf_keys_new(&parts, ring->keys, &keys, &skipped, &err);
        if (reason == WF_MALFORMED)
            reason = WF_CONFIG;
        if (reason != WF_OK)
            wf_err_context(&err, "%s", ring->conf->jwks_file);
    }
    if (reason == WF_OK) {
        log_skipped(ring, keys, skipped, &err);
        publish_take(ring, keys);
    } else {
        wf_err_context(&err, "jwks_file of provider %s", ring->conf->name);
        /* Forgets the last rest, too: a file is mended by whoever waits for it */
        publish_take(ring, NULL);
        fail(ring, now, reason, &err);
    }
    wf_buf_done(&text);
}

/* Answering */

/* Nothing more can be learnt at this second about a token that this set does not fit. */
static bool is_settled(const struct view *view, bool tried, int64_t now)
{
    return tried || view->resting ||
           (view->standing == STANDING_FRESH && now - view->fetched < UNKNOWN_REST);
}

static bool fits(const struct view *view, const struct wf_jws_header *header)
{
    return view->set != NULL && header != &newer &&
           (header == NULL || wf_jwks_fits(view->set, header));
}

/* What a process or thread that cannot wait for an answer goes on with. */
static bool is_answered(const struct view *view, const struct wf_jws_header *header, bool tried,
                        int64_t now)
{
    /* Stale ones do while somebody asks for others */
    if (fits(view, header) && (view->standing == STANDING_FRESH || view->fetching))
        return true;
    return is_settled(view, tried, now);
}

/* Take over what others have found out. True if that answers. */
static bool load(struct wf_keyring *ring, const struct wf_jws_header *header, int64_t now)
{
    struct view view;

    load_keys(ring, now);
    load_failure(ring, now);
    look(ring, now, &view);
    view.fetching = false; /* that is us */
    bool answered = is_answered(&view, header, false, now);
    wf_jwks_unref(view.set);
    return answered;
}

/* The network's turn: the lock makes one process of all that need it ask. */
static void refresh_from_provider(struct wf_keyring *ring, const struct wf_jws_header *header,
                                  int64_t now)
{
    /* Its own requests, before which it may have waited for others to discover the provider */
    unsigned wait_ms = 2 * wf_endpoint_budget_ms(ring->conf) + LOCK_GRACE_MS;
    struct wf_keys *keys = NULL;
    size_t skipped = 0;
    struct wf_err err = WF_ERR_INIT;
    struct view view;
    int mine = -1;

    if (load(ring, header, now))
        return;
    look(ring, now, &view);
    bool can_go_on = fits(&view, header == &newer ? NULL : header);
    wf_jwks_unref(view.set);
    if (!wf_cachedir_lock(ring->host.dir, ring->keys_name, can_go_on ? 0 : wait_ms, &mine) &&
        can_go_on) {
        const struct wf_entry rest = {
            .reason = WF_UNREACHABLE,
            .fetched = now,
            .until = now + OTHER_REST,
            .text = "another process is fetching the keys",
        };
        set_failure(ring, &rest);
        return;
    }
    /* Without the lock after so long a time somebody hangs, who must not keep everybody waiting */
    if (!load(ring, header, now)) {
        bool failed_before = ring->failure.reason != WF_OK;
        enum wf_reason reason = wf_keys_fetch(ring->conf, &ring->host, ring->keys, failed_before,
                                              now, &keys, &skipped, &err);
        if (reason == WF_OK) {
            log_skipped(ring, keys, skipped, &err);
            publish_take(ring, keys);
            save_keys(ring);
        } else {
            fail(ring, now, reason, &err);
        }
    }
    wf_cachedir_unlock(mine);
}

/* Be the thread that fetches, or wait for the one that does. True if it was us. */
static bool refresh(struct wf_keyring *ring, const struct wf_jws_header *header, int64_t now)
{
    lock(ring);
    bool ours = !ring->fetching;
    ring->fetching = true;
    while (!ours && ring->fetching)
        wf_forksafe_wait(ring->shared);
    unlock(ring);
    if (!ours)
        return false;
    if (is_file(ring))
        refresh_from_file(ring, now);
    else
        refresh_from_provider(ring, header, now);
    lock(ring);
    ring->fetching = false;
    wf_forksafe_wake(ring->shared);
    unlock(ring);
    return true;
}

/* Said now and then, not for each token. */
static void say_stale(struct wf_keyring *ring, int64_t left, int64_t now)
{
    char why[WF_ERR_TEXT_MAX];

    lock(ring);
    bool due = now - ring->stale_said >= STALE_SAID || now < ring->stale_said;
    if (due)
        ring->stale_said = now;
    memcpy(why, ring->failure.text, sizeof(why));
    unlock(ring);
    if (due)
        wf_log(ring->host.log, WF_LOG_WARNING,
               "stale keys of provider %s are used, for %lld s more at most: %s", ring->conf->name,
               (long long)left, why);
}

static bool may_say_bound(struct wf_keyring *ring)
{
    lock(ring);
    bool due = !ring->bound_said;
    ring->bound_said = true;
    unlock(ring);
    return due;
}

/* There is no set to answer with. */
static enum wf_reason refuse(struct wf_keyring *ring, const struct view *view, struct wf_err *err)
{
    struct wf_entry failure;

    lock(ring);
    failure = ring->failure;
    unlock(ring);
    if (view->standing == STANDING_FRESH && !view->resting)
        return wf_fail(err, WF_KEY, "no key of provider %s fits the token", ring->conf->name);
    if (view->bound_passed && may_say_bound(ring))
        wf_log(ring->host.log, WF_LOG_ERROR,
               "the keys of provider %s are older than stale_keys (%u s) allows: they are not used "
               "any more",
               ring->conf->name, ring->conf->stale_keys);
    if (failure.reason == WF_OK)
        return wf_fail(err, WF_UNREACHABLE, "no keys of provider %s", ring->conf->name);
    return wf_fail(err, view->standing == STANDING_NONE ? failure.reason : WF_UNREACHABLE, "%s",
                   failure.text);
}

static enum wf_reason conclude(struct wf_keyring *ring, struct view *view,
                               const struct wf_jws_header *header, int64_t now,
                               struct wf_jwks **ret, int64_t *ret_until, struct wf_err *err)
{
    if (!fits(view, header)) {
        wf_jwks_unref(view->set);
        return refuse(ring, view, err);
    }
    if (view->standing == STANDING_STALE)
        say_stale(ring, view->until - now, now);
    *ret = view->set;
    *ret_until = view->until;
    return WF_OK;
}

enum wf_reason wf_keyring_find(struct wf_keyring *ring, const struct wf_jws_header *header,
                               int64_t now, struct wf_jwks **ret, int64_t *ret_until,
                               struct wf_err *err)
{
    bool tried = false;
    struct view view;

    look(ring, now, &view);
    while (!is_answered(&view, header, tried, now)) {
        wf_jwks_unref(view.set);
        tried = refresh(ring, header, now);
        look(ring, now, &view);
    }
    return conclude(ring, &view, header, now, ret, ret_until, err);
}

enum wf_reason wf_keyring_prepare(struct wf_keyring *ring, int64_t now, struct wf_err *err)
{
    struct wf_jwks *keys = NULL;
    int64_t until;

    /* No key fits it, so this only looks for newer ones */
    (void)!wf_keyring_find(ring, &newer, now, &keys, &until, NULL);
    enum wf_reason reason = wf_keyring_find(ring, NULL, now, &keys, &until, err);
    wf_jwks_unref(keys);
    return reason;
}

bool wf_keyring_is_current(struct wf_keyring *ring, const struct wf_jwks *set, int64_t now)
{
    lock(ring);
    enum standing standing = standing_of(ring, now);
    bool current = standing != STANDING_NONE && ring->keys->set == set &&
                   (standing == STANDING_FRESH || is_resting(&ring->failure, now) ||
                    ring->fetching);
    unlock(ring);
    return current;
}

/* Life */

enum wf_reason wf_keyring_new(const struct wf_provider_conf *provider,
                              const struct wf_endpoint_host *host, struct wf_keyring **ret,
                              struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_keyring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for keys");
    ring->conf = provider;
    ring->host = *host;
    ring->shared = wf_forksafe_new();
    if (ring->shared == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for keys");
        goto out;
    }
    reason = wf_oidc_entry_name(provider, "keys", ring->keys_name, err);
    if (reason == WF_OK)
        reason = wf_oidc_entry_name(provider, "down", ring->down_name, err);
out:
    if (reason == WF_OK)
        *ret = ring;
    else
        wf_keyring_free(ring);
    return reason;
}

void wf_keyring_free(struct wf_keyring *ring)
{
    if (ring == NULL)
        return;
    wf_forksafe_free(ring->shared);
    wf_keys_free(ring->keys);
    free(ring);
}
