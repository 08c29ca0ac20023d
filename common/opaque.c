#include "config.h"

#include "opaque.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "crypto.h"
#include "forksafe.h"
#include "grant.h"
#include "http_deadline.h"
#include "http_frame.h"
#include "introspect.h"
#include "json.h"
#include "oidc.h"
#include "replies.h"
#include "workfront.h"

/* Seconds for which a process remembers where the endpoint is; the folder remembers longer. */
#define ENDPOINT_SECONDS 3600
/* One look-up in so many tidies the folder up. */
#define TRIM_EVERY 64

/* A look-up that is under way, for all threads that want its answer. On the board while it is;
 * freed by the last that leaves. */
struct flight {
    struct flight *next;
    unsigned aboard;
    bool landed;
    uint8_t key[WF_REPLIES_KEY_SIZE];
    struct wf_reply answer; /* any reason; the text is the body */
};

/* Where to ask. Immutable once made, so that one pointer says it all, in a forked child, too. */
struct place {
    int64_t until;
    char url[];
};

struct wf_opaque {
    const struct wf_provider_conf *conf;
    struct wf_endpoint_host host;
    enum wf_source source;
    regex_t pattern;
    char bounds_name[WF_OIDC_ENTRY_SIZE];
    struct wf_bounds *bounds;
    struct wf_replies *replies;
    struct wf_forksafe *lock; /* of all below */
    struct flight *board;
    struct place *place; /* NULL: not known yet */
};

static void lock(struct wf_opaque *opaque)
{
    /* Who flies stayed in the parent: those flights never land */
    if (wf_forksafe_lock(opaque->lock))
        opaque->board = NULL;
}

static void unlock(struct wf_opaque *opaque)
{
    wf_forksafe_unlock(opaque->lock);
}

/* The pattern */

static enum wf_reason choose_source(const struct wf_provider_conf *conf, enum wf_source *ret,
                                    struct wf_err *err)
{
    switch (conf->type) {
    case WF_PROVIDER_WORKFRONT:
        *ret = WF_SOURCE_SESSION;
        return WF_OK;
    case WF_PROVIDER_OIDC:
        if (!conf->introspection && !conf->userinfo)
            break;
        *ret = conf->introspection ? WF_SOURCE_INTROSPECTION : WF_SOURCE_USERINFO;
        return WF_OK;
    }
    return wf_fail(err, WF_CONFIG,
                   "provider %s has token_pattern, but neither introspection nor userinfo",
                   conf->name);
}

static enum wf_reason compile(struct wf_opaque *opaque, struct wf_err *err)
{
    const char *pattern = opaque->conf->token_pattern;

    if (pattern == NULL)
        return wf_fail(err, WF_CONFIG, "provider %s has no token_pattern", opaque->conf->name);
    locale_t plain = wf_text_locale();
    if (plain == (locale_t)0)
        return wf_fail(err, WF_INTERNAL, "out of memory for a locale");
    /* The thread's for this call: what it matches must not depend on who started the host */
    locale_t before = uselocale(plain);
    int rc = regcomp(&opaque->pattern, pattern, REG_EXTENDED);
    (void)uselocale(before);
    if (rc == REG_ESPACE)
        return wf_fail(err, WF_INTERNAL, "out of memory compiling token_pattern");
    if (rc != 0)
        return wf_fail(err, WF_CONFIG,
                       "token_pattern \"%.64s\" is no POSIX extended regular expression", pattern);
    return WF_OK;
}

/* A copy of the token if it matches as a whole; NULL if it does not, and if memory is short. POSIX
 * takes the longest of the leftmost matches, so the whole matches if that one is it. */
static struct wf_secret *matching(const struct wf_opaque *opaque, const char *token, size_t len)
{
    regmatch_t match = {-1, -1};

    if (len == 0 || len > WF_TOKEN_MAX || !wf_text_is_printable(token, len) ||
        memchr(token, ' ', len) != NULL)
        return NULL;
    /* With a NUL behind it */
    struct wf_secret *copy = wf_secret_new(token, len);
    if (copy == NULL)
        return NULL;
    locale_t before = uselocale(wf_text_locale());
    int rc = regexec(&opaque->pattern, wf_secret_borrow(copy).ptr, 1, &match, 0);
    (void)uselocale(before);
    if (rc == 0 && match.rm_so == 0 && (size_t)match.rm_eo == len)
        return copy;
    wf_secret_free(copy);
    return NULL;
}

bool wf_opaque_matches(const struct wf_opaque *opaque, const char *token, size_t len)
{
    struct wf_secret *copy = matching(opaque, token, len);

    wf_secret_free(copy);
    return copy != NULL;
}

/* Its life */

/* Seconds after which a look-up has surely ended: another one's discovery, its own requests, what
 * locks take, and what a second is rounded by. */
static unsigned patience(const struct wf_provider_conf *conf)
{
    return 2 * wf_endpoint_budget_ms(conf) / 1000 + 4;
}

enum wf_reason wf_opaque_new(const struct wf_provider_conf *provider,
                             const struct wf_endpoint_host *host, struct wf_opaque **ret,
                             struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_opaque *opaque = calloc(1, sizeof(*opaque));

    if (opaque == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory");
    opaque->conf = provider;
    opaque->host = *host;
    reason = choose_source(provider, &opaque->source, err);
    if (reason == WF_OK)
        reason = compile(opaque, err);
    if (reason != WF_OK) {
        free(opaque);
        return reason;
    }
    reason = wf_oidc_entry_name(provider, "bounds", opaque->bounds_name, err);
    if (reason != WF_OK)
        goto out;
    opaque->replies = wf_replies_new(host->dir);
    opaque->bounds = wf_bounds_new(host->dir, opaque->bounds_name, patience(provider));
    opaque->lock = wf_forksafe_new();
    if (opaque->replies == NULL || opaque->bounds == NULL || opaque->lock == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
        goto out;
    }
    *ret = opaque;
    opaque = NULL;
    reason = WF_OK;
out:
    wf_opaque_free(opaque);
    return reason;
}

void wf_opaque_free(struct wf_opaque *opaque)
{
    if (opaque == NULL)
        return;
    regfree(&opaque->pattern);
    wf_bounds_free(opaque->bounds);
    wf_replies_free(opaque->replies);
    wf_forksafe_free(opaque->lock);
    free(opaque->place);
    free(opaque);
}

/* A door that notes what becomes of what goes through it: whether the provider is there is not to
 * be told from the reason alone, which is WF_UNREACHABLE for an answer that is no use, too. */
struct watched {
    struct wf_http base;
    struct wf_http_deadline inner;
    bool used;
    bool silent;          /* no answer at all to the last request, or one that says "not now" */
    uint32_t retry_after; /* seconds */
};

static enum wf_reason watched_send(struct wf_http *http, const struct wf_http_request *request,
                                   struct wf_http_response *ret, struct wf_err *err)
{
    struct watched *self = (struct watched *)http;
    enum wf_reason reason = wf_http_send(&self->inner.base, request, ret, err);

    self->used = true;
    self->silent = reason == WF_UNREACHABLE || ret->status == 429 || ret->status == 503;
    self->retry_after = ret->retry_after;
    return reason;
}

static enum wf_reason watched_sign(struct wf_http *http, const struct wf_assertion *assertion,
                                   struct wf_buf *out, struct wf_err *err)
{
    struct watched *self = (struct watched *)http;

    return wf_http_sign(&self->inner.base, assertion, out, err);
}

/* It lives on its user's stack. */
static void watched_free(struct wf_http *http)
{
    (void)http;
}

static const struct wf_http_ops watched_ops = {watched_send, watched_free, watched_sign};

/* Where to ask */

static char *known_endpoint(struct wf_opaque *opaque, int64_t now)
{
    char *copy = NULL;

    lock(opaque);
    const struct place *place = opaque->place;
    /* From further ahead than one is ever kept: the clock went back */
    if (place != NULL && now < place->until && place->until <= now + ENDPOINT_SECONDS)
        copy = strdup(place->url);
    unlock(opaque);
    return copy;
}

/* NULL if memory is short: then it is looked for again. */
static struct place *place_new(const char *url, int64_t now)
{
    size_t size = strlen(url) + 1;
    struct place *place = malloc(sizeof(*place) + size);

    if (place == NULL)
        return NULL;
    place->until = now + ENDPOINT_SECONDS;
    memcpy(place->url, url, size);
    return place;
}

/* NULL forgets. */
static void note_place_take(struct wf_opaque *opaque, struct place *place)
{
    lock(opaque);
    struct place *old = opaque->place;
    opaque->place = place;
    unlock(opaque);
    free(old);
}

static enum wf_reason find_endpoint(struct wf_opaque *opaque, const struct wf_endpoint *endpoint,
                                    int64_t now, char **ret, struct wf_err *err)
{
    bool introspection = opaque->source == WF_SOURCE_INTROSPECTION;
    struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
    char *url = known_endpoint(opaque, now);

    if (url != NULL) {
        *ret = url;
        return WF_OK;
    }
    enum wf_reason reason =
        wf_oidc_find(endpoint, opaque->host.dir, opaque->host.log, now, &metadata, err);
    if (reason != WF_OK)
        return reason;
    char **found = introspection ? &metadata.introspection_endpoint : &metadata.userinfo_endpoint;
    if (*found == NULL) {
        reason = wf_fail(err, WF_CONFIG, "provider %s names no %s in its discovery document",
                         opaque->conf->name,
                         introspection ? "introspection_endpoint" : "userinfo_endpoint");
    } else {
        note_place_take(opaque, place_new(*found, now));
        *ret = *found;
        *found = NULL;
    }
    wf_oidc_metadata_done(&metadata);
    return reason;
}

static enum wf_reason ask_oidc(struct wf_opaque *opaque, const struct wf_endpoint *endpoint,
                               const struct wf_secret *token, int64_t now,
                               struct json_t **ret_claims, struct wf_err *err)
{
    char *url = NULL;
    enum wf_reason reason = find_endpoint(opaque, endpoint, now, &url, err);

    if (reason != WF_OK)
        return reason;
    reason = opaque->source == WF_SOURCE_INTROSPECTION
                 ? wf_introspect(endpoint, url, token, ret_claims, err)
                 : wf_userinfo(endpoint, url, token, ret_claims, err);
    free(url);
    /* The endpoint may have moved */
    if (reason == WF_CONFIG || reason == WF_UNREACHABLE) {
        note_place_take(opaque, NULL);
        wf_oidc_forget(opaque->conf, opaque->host.dir);
    }
    return reason;
}

static enum wf_reason ask_workfront(const struct wf_endpoint *endpoint,
                                    const struct wf_secret *token, struct json_t **ret_claims,
                                    struct wf_err *err)
{
    struct json_t *claims = NULL;
    enum wf_reason reason = wf_workfront_lookup(endpoint, token, &claims, err);

    if (reason == WF_OK) {
        *ret_claims = claims;
        return WF_OK;
    }
    /* Those of an account that is not active are of no use here */
    wf_json_free(claims);
    return reason;
}

/* One look-up */

/* Claims become the answer's body; exp bounds its life. */
static enum wf_reason keep_claims(const struct json_t *claims, int64_t now, struct wf_reply *answer,
                                  struct wf_err *err)
{
    int64_t exp = INT64_MAX;
    const struct wf_json_field field = {"exp", WF_JSON_DATE, &exp, false};
    enum wf_reason reason = wf_json_read(claims, &field, 1, err);

    if (reason != WF_OK)
        return reason;
    if (!wf_json_write(claims, &answer->body))
        return wf_fail(err, WF_INTERNAL, "no memory for the claims");
    int64_t last = now + WF_REPLIES_ACCEPTED;
    answer->until = exp < last ? exp : last;
    return WF_OK;
}

static enum wf_reason ask(struct wf_opaque *opaque, struct wf_http *door,
                          const struct wf_secret *token, int64_t now, struct wf_reply *answer,
                          struct wf_err *err)
{
    const struct wf_endpoint endpoint = {opaque->conf, door};
    struct json_t *claims = NULL;
    enum wf_reason reason = opaque->source == WF_SOURCE_SESSION
                                ? ask_workfront(&endpoint, token, &claims, err)
                                : ask_oidc(opaque, &endpoint, token, now, &claims, err);

    if (reason == WF_OK)
        reason = keep_claims(claims, now, answer, err);
    wf_json_free(claims);
    return reason;
}

/* Through the bounds and the door. */
static enum wf_reason ask_provider(struct wf_opaque *opaque, const struct wf_secret *token,
                                   const char *rhost, int64_t now, struct wf_reply *answer,
                                   struct wf_err *err)
{
    struct wf_bounds_pass pass;
    struct watched door = {.base = {&watched_ops}};
    enum wf_reason reason = wf_bounds_enter(opaque->bounds, rhost, now, &pass, err);

    if (reason != WF_OK)
        return reason;
    int64_t start = wf_frame_now();
    struct wf_http *http = opaque->host.http_new(opaque->conf->helper_user);
    wf_http_deadline_init(&door.inner, http, wf_endpoint_budget_ms(opaque->conf));
    reason = ask(opaque, &door.base, token, now, answer, err);
    wf_http_free(http);
    /* Nothing was sent: another process has found out just now that there is no answer */
    bool silent = door.silent || (!door.used && reason == WF_UNREACHABLE);
    if (silent)
        wf_bounds_silent(opaque->bounds, &pass, door.retry_after,
                         now + (wf_frame_now() - start) / 1000);
    else
        wf_bounds_answered(opaque->bounds, &pass);
    if (pass.number % TRIM_EVERY == 0)
        wf_replies_trim(opaque->replies);
    return reason;
}

static void fly(struct wf_opaque *opaque, struct flight *flight, const struct wf_secret *token,
                const char *rhost, int64_t now)
{
    struct wf_reply *answer = &flight->answer;
    struct wf_err err = WF_ERR_INIT;

    if (wf_replies_get(opaque->replies, flight->key, now, true, answer))
        return;
    enum wf_reason reason = ask_provider(opaque, token, rhost, now, answer, &err);
    if (reason != WF_OK) {
        wf_buf_reset(&answer->body);
        wf_buf_append(&answer->body, err.text, strnlen(err.text, sizeof(err.text)));
        answer->until = now + WF_REPLIES_REFUSED;
    }
    answer->reason = reason;
    wf_replies_put(opaque->replies, flight->key, now, answer);
}

/* The flight for this key: one that is under way, or a new one, which the caller must fly. NULL if
 * memory is short. */
static struct flight *board(struct wf_opaque *opaque, const uint8_t key[WF_REPLIES_KEY_SIZE],
                            bool *ret_pilot)
{
    static const struct wf_reply empty = WF_REPLY_INIT;

    lock(opaque);
    struct flight *flight = opaque->board;
    while (flight != NULL && memcmp(flight->key, key, WF_REPLIES_KEY_SIZE) != 0)
        flight = flight->next;
    *ret_pilot = flight == NULL;
    if (flight == NULL) {
        flight = calloc(1, sizeof(*flight));
        if (flight != NULL) {
            memcpy(flight->key, key, WF_REPLIES_KEY_SIZE);
            flight->answer = empty;
            flight->next = opaque->board;
            opaque->board = flight;
        }
    }
    if (flight != NULL)
        flight->aboard++;
    unlock(opaque);
    return flight;
}

static void land(struct wf_opaque *opaque, struct flight *flight)
{
    lock(opaque);
    struct flight **link = &opaque->board;
    while (*link != flight)
        link = &(*link)->next;
    *link = flight->next;
    flight->landed = true;
    wf_forksafe_wake(opaque->lock);
    unlock(opaque);
}

static void await(struct wf_opaque *opaque, const struct flight *flight)
{
    lock(opaque);
    while (!flight->landed)
        wf_forksafe_wait(opaque->lock);
    unlock(opaque);
}

static void leave(struct wf_opaque *opaque, struct flight *flight)
{
    lock(opaque);
    bool last = --flight->aboard == 0;
    unlock(opaque);
    if (last) {
        wf_reply_done(&flight->answer);
        free(flight);
    }
}

/* From an answer, fresh or remembered, to claims: on one path, so that they cannot differ. What
 * was on disk may be anything. */
static enum wf_reason read_answer(const struct wf_opaque *opaque, const struct wf_reply *answer,
                                  struct json_t **ret_claims, enum wf_source *ret_source,
                                  int64_t *ret_until, struct wf_err *err)
{
    struct json_t *claims = NULL;

    if (answer->reason != WF_OK)
        return wf_fail(err, answer->reason, "%.*s", (int)answer->body.len,
                       answer->body.data == NULL ? "" : (const char *)answer->body.data);
    enum wf_reason reason =
        wf_json_parse((const char *)answer->body.data, answer->body.len, &claims, err);
    if (reason == WF_OK)
        reason = wf_rules_check_types(claims, err);
    if (reason != WF_OK) {
        wf_json_free(claims);
        wf_err_context(err, "what provider %s answered", opaque->conf->name);
        return reason == WF_MALFORMED ? WF_UNREACHABLE : reason;
    }
    *ret_claims = claims;
    *ret_source = opaque->source;
    *ret_until = answer->until;
    return WF_OK;
}

/* A text with its NUL, so that no two lists of texts look alike; NULL is as good as "". */
static struct wf_span whole(const char *text)
{
    if (text == NULL)
        text = "";
    return (struct wf_span){text, strlen(text) + 1};
}

/* The caller's key and everything of the provider that decides what is asked, and of whom. */
static enum wf_reason make_key(const struct wf_opaque *opaque, const uint8_t key[32],
                               uint8_t ret[WF_REPLIES_KEY_SIZE], struct wf_err *err)
{
    const struct wf_provider_conf *conf = opaque->conf;
    const uint8_t source = (uint8_t)opaque->source;
    const struct wf_span parts[] = {
        {(const char *)key, WF_REPLIES_KEY_SIZE},
        {(const char *)&source, 1},
        whole(conf->name),
        whole(conf->url),
        whole(conf->client_id),
        whole(conf->api_version),
    };

    return wf_crypto_sha256_parts(parts, WF_ARRAY_LEN(parts), ret, err);
}

enum wf_reason wf_opaque_look_up(struct wf_opaque *opaque, const char *token, size_t len,
                                 const uint8_t key[32], const char *rhost, int64_t now,
                                 struct json_t **ret_claims, enum wf_source *ret_source,
                                 int64_t *ret_until, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct flight *flight = NULL;
    uint8_t own[WF_REPLIES_KEY_SIZE];
    bool pilot = false;
    struct wf_secret *secret = matching(opaque, token, len);

    if (secret == NULL) {
        reason = wf_fail(err, WF_MALFORMED, "the token does not match token_pattern");
        goto out;
    }
    reason = make_key(opaque, key, own, err);
    if (reason != WF_OK)
        goto out;
    flight = board(opaque, own, &pilot);
    if (flight == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for a look-up");
        goto out;
    }
    if (pilot) {
        fly(opaque, flight, secret, rhost, now);
        land(opaque, flight);
    } else {
        await(opaque, flight);
    }
    reason = read_answer(opaque, &flight->answer, ret_claims, ret_source, ret_until, err);
    leave(opaque, flight);
out:
    wf_secret_free(secret);
    return reason;
}
