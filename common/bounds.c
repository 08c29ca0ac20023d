#include "config.h"

#include "bounds.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "forksafe.h"

/* Addresses that are remembered. One whose bucket is full again is as good as forgotten, and the
 * host lets at most 100 + 10 * 10 look-ups in within the 10 s that a bucket needs to fill: so there
 * always is a slot that may be taken. */
#define SLOTS 256
_Static_assert(SLOTS >= WF_BOUNDS_HOST +
                            WF_BOUNDS_HOST_RATE * WF_BOUNDS_ADDRESS / WF_BOUNDS_ADDRESS_RATE,
               "nobody is forgotten before their time");

/* Bytes of a hash that tell who knocks. */
#define WHO_SIZE 16
#define LOCK_WAIT_MS 200

/* A bucket that fills by itself: `left` look-ups at the second `at`. */
struct bucket {
    int64_t at;
    int32_t left;
    uint32_t unused;
};

struct slot {
    uint8_t who[WHO_SIZE];
    struct bucket bucket;
};
_Static_assert(sizeof(struct slot) == WHO_SIZE + sizeof(struct bucket), "no holes");

/* What is counted; in memory and, as it is, in the file: which never leaves this machine. */
struct state {
    char magic[8];
    int64_t cool_until;
    uint32_t failures;
    uint32_t number;
    struct bucket host;
    struct slot slots[SLOTS];
};
_Static_assert(sizeof(struct state) == 8 + 8 + 4 + 4 + 16 + SLOTS * 32, "no holes");
static const char magic[8] = {'w', 'f', 'b', 'o', 'u', 'n', 'd', '1'};

struct wf_bounds {
    struct wf_cachedir *dir;
    const char *name;
    unsigned patience;
    struct wf_forksafe *lock; /* of memory */
    struct state memory;
};

/* Nobody has ever been here: empty buckets that have been filling since 1970. */
static void reset(struct state *state)
{
    memset(state, 0, sizeof(*state));
    memcpy(state->magic, magic, sizeof(magic));
}

struct wf_bounds *wf_bounds_new(struct wf_cachedir *dir, const char *name, unsigned patience)
{
    struct wf_bounds *bounds = calloc(1, sizeof(*bounds));

    if (bounds == NULL)
        return NULL;
    bounds->dir = dir;
    bounds->name = name;
    bounds->patience = patience;
    bounds->lock = wf_forksafe_new();
    if (bounds->lock == NULL) {
        free(bounds);
        return NULL;
    }
    return bounds;
}

void wf_bounds_free(struct wf_bounds *bounds)
{
    if (bounds == NULL)
        return;
    wf_forksafe_free(bounds->lock);
    free(bounds);
}

/* A forked child counts anew: what it has of its parent may be half of a change. */
static void lock_memory(struct wf_bounds *bounds)
{
    if (wf_forksafe_lock(bounds->lock))
        reset(&bounds->memory);
}

/* Who knocks: the hash of a name, or of an address as it is written by inet_ntop, which no name is;
 * nothing is this host. */
static enum wf_reason who_is(const char *rhost, uint8_t ret[WF_SHA256_LEN], struct wf_err *err)
{
    char text[NI_MAXHOST];
    struct in6_addr address;
    const char *who = rhost == NULL ? "" : rhost;

    /* fe80::1%eth0: the zone is no part of the address; and one that is cut is none */
    (void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(who, "%"), who);
    if (inet_pton(AF_INET6, text, &address) == 1) {
        /* ::ffff:192.0.2.1 is 192.0.2.1 seen through a socket of IPv6; of others the /64 counts */
        if (IN6_IS_ADDR_V4MAPPED(&address)) {
            who = inet_ntop(AF_INET, &address.s6_addr[12], text, sizeof(text));
        } else {
            memset(&address.s6_addr[8], 0, 8);
            who = inet_ntop(AF_INET6, &address, text, sizeof(text));
        }
    }
    return wf_crypto_sha256(who, strlen(who), ret, err);
}

/* A clock that went back fills nothing, and takes nothing away. */
static void fill(struct bucket *bucket, int64_t now, int32_t rate, int32_t size)
{
    int64_t seconds = now > bucket->at ? now - bucket->at : 0;

    if (seconds > size)
        seconds = size;
    bucket->left += (int32_t)seconds * rate;
    if (bucket->left > size)
        bucket->left = size;
    bucket->at = now;
}

static struct bucket *find(struct state *state, const uint8_t who[WHO_SIZE])
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (memcmp(state->slots[i].who, who, WHO_SIZE) == 0)
            return &state->slots[i].bucket;
    }
    return NULL;
}

/* The second from which on an address may be forgotten: its bucket is full. */
static int64_t full_at(const struct bucket *bucket)
{
    return bucket->at + (WF_BOUNDS_ADDRESS - bucket->left) / WF_BOUNDS_ADDRESS_RATE;
}

/* A full bucket for a new address, in place of the one that has been full for longest. */
static struct bucket *take(struct state *state, const uint8_t who[WHO_SIZE], int64_t now)
{
    struct slot *best = &state->slots[0];

    for (size_t i = 1; i < SLOTS; i++) {
        if (full_at(&state->slots[i].bucket) < full_at(&best->bucket))
            best = &state->slots[i];
    }
    memcpy(best->who, who, WHO_SIZE);
    best->bucket = (struct bucket){.at = now, .left = WF_BOUNDS_ADDRESS};
    return &best->bucket;
}

static enum wf_reason check_cool(const struct state *state, unsigned patience, int64_t now,
                                 struct wf_err *err)
{
    /* Further ahead than we ever set it: the clock went back. What was set when a request ended
     * may be ahead by as much as that took of one that began with it. */
    int64_t most = now + patience + WF_BOUNDS_COOL_MAX;

    if (state->failures > 0 && state->cool_until > now && state->cool_until <= most)
        return wf_fail(err, WF_UNREACHABLE,
                       "the provider did not answer lately: it is asked again in %lld s",
                       (long long)(state->cool_until - now));
    return WF_OK;
}

static enum wf_reason count(struct state *state, const uint8_t who[WHO_SIZE], unsigned patience,
                            int64_t now, struct wf_err *err)
{
    enum wf_reason reason = check_cool(state, patience, now, err);

    if (reason != WF_OK)
        return reason;
    struct bucket *bucket = find(state, who);
    if (bucket != NULL)
        fill(bucket, now, WF_BOUNDS_ADDRESS_RATE, WF_BOUNDS_ADDRESS);
    if (bucket != NULL && bucket->left <= 0)
        return wf_fail(err, WF_UNREACHABLE,
                       "too many tokens from this address were looked up: not more than %d at "
                       "once and %d a second",
                       WF_BOUNDS_ADDRESS, WF_BOUNDS_ADDRESS_RATE);
    fill(&state->host, now, WF_BOUNDS_HOST_RATE, WF_BOUNDS_HOST);
    if (state->host.left <= 0)
        return wf_fail(err, WF_UNREACHABLE,
                       "too many tokens were looked up: not more than %d at once and %d a second",
                       WF_BOUNDS_HOST, WF_BOUNDS_HOST_RATE);
    if (bucket == NULL)
        bucket = take(state, who, now);
    bucket->left--;
    state->host.left--;
    state->number++;
    /* After a failure one tries, the others wait for what becomes of it */
    state->cool_until = now + patience;
    return WF_OK;
}

/* The file: SHA-256 of the state, the state. A torn or foreign one counts as none. False if memory
 * is short: what the file says is then not known, and must stay. */
static bool load(const struct wf_bounds *bounds, struct state *ret, bool *ret_known)
{
    struct wf_buf buf = WF_BUF_INIT(WF_CACHEDIR_ENTRY_MAX);
    uint8_t hash[WF_SHA256_LEN];
    bool done = wf_cachedir_read(bounds->dir, bounds->name, &buf);

    *ret_known = buf.len == sizeof(hash) + sizeof(*ret) &&
                 wf_crypto_sha256(buf.data + sizeof(hash), sizeof(*ret), hash, NULL) == WF_OK &&
                 memcmp(buf.data, hash, sizeof(hash)) == 0 &&
                 memcmp(buf.data + sizeof(hash), magic, sizeof(magic)) == 0;
    reset(ret);
    if (*ret_known)
        memcpy(ret, buf.data + sizeof(hash), sizeof(*ret));
    wf_buf_done(&buf);
    return done;
}

static void store(const struct wf_bounds *bounds, const struct state *state)
{
    struct wf_buf buf = WF_BUF_INIT(WF_SHA256_LEN + sizeof(*state));
    uint8_t hash[WF_SHA256_LEN];

    if (wf_crypto_sha256(state, sizeof(*state), hash, NULL) == WF_OK) {
        wf_buf_append(&buf, hash, sizeof(hash));
        wf_buf_append(&buf, state, sizeof(*state));
        if (wf_buf_ok(&buf))
            (void)wf_cachedir_replace(bounds->dir, bounds->name, buf.data, buf.len);
    }
    wf_buf_done(&buf);
}

/* The lock of the file, for a change; -1 where there is none, or where somebody sits on it: what
 * this process counts itself is left. */
static int lock_shared(const struct wf_bounds *bounds)
{
    int lock = -1;

    (void)!wf_cachedir_lock(bounds->dir, bounds->name, LOCK_WAIT_MS, &lock);
    return lock;
}

/* Count in the file, and take over what it knows of the provider's health. */
static enum wf_reason count_shared(struct wf_bounds *bounds, const uint8_t who[WHO_SIZE],
                                   int64_t now, struct wf_bounds_pass *pass, struct wf_err *err)
{
    struct state shared;
    bool known = false;

    if (!load(bounds, &shared, &known))
        return WF_OK;
    uint32_t failures = shared.failures;
    enum wf_reason reason = count(&shared, who, bounds->patience, now, err);
    if (reason == WF_OK)
        store(bounds, &shared);
    if (!known)
        return reason;
    pass->failures = failures;
    pass->number = shared.number;
    lock_memory(bounds);
    bounds->memory.cool_until = shared.cool_until;
    bounds->memory.failures = shared.failures;
    wf_forksafe_unlock(bounds->lock);
    return reason;
}

enum wf_reason wf_bounds_enter(struct wf_bounds *bounds, const char *rhost, int64_t now,
                               struct wf_bounds_pass *ret, struct wf_err *err)
{
    uint8_t who[WF_SHA256_LEN];
    struct wf_bounds_pass pass;
    enum wf_reason reason = who_is(rhost, who, err);

    if (reason != WF_OK)
        return reason;
    /* A flood is turned away here, without touching the disk */
    lock_memory(bounds);
    pass.failures = bounds->memory.failures;
    reason = count(&bounds->memory, who, bounds->patience, now, err);
    pass.number = bounds->memory.number;
    wf_forksafe_unlock(bounds->lock);
    if (reason != WF_OK)
        return reason;
    int lock = lock_shared(bounds);
    if (lock >= 0)
        reason = count_shared(bounds, who, now, &pass, err);
    wf_cachedir_unlock(lock);
    if (reason == WF_OK)
        *ret = pass;
    return reason;
}

void wf_bounds_answered(struct wf_bounds *bounds, const struct wf_bounds_pass *pass)
{
    struct state shared;
    bool known = false;

    lock_memory(bounds);
    bool news = pass->failures > 0 || bounds->memory.failures > 0;
    bounds->memory.failures = 0;
    wf_forksafe_unlock(bounds->lock);
    if (!news)
        return;
    int lock = lock_shared(bounds);
    if (lock >= 0 && load(bounds, &shared, &known)) {
        shared.failures = 0;
        store(bounds, &shared);
    }
    wf_cachedir_unlock(lock);
}

static bool add_failure(struct state *state, const struct wf_bounds_pass *pass,
                        uint32_t retry_after, int64_t now)
{
    int64_t wait = WF_BOUNDS_COOL_MIN;

    /* Another one that was under way has said so already */
    if (state->failures > pass->failures)
        return false;
    for (uint32_t i = 0; i < pass->failures && wait < WF_BOUNDS_COOL_MAX; i++)
        wait *= 2;
    if (wait < retry_after)
        wait = retry_after;
    if (wait > WF_BOUNDS_COOL_MAX)
        wait = WF_BOUNDS_COOL_MAX;
    state->failures = pass->failures + (pass->failures < UINT32_MAX);
    state->cool_until = now + wait;
    return true;
}

void wf_bounds_silent(struct wf_bounds *bounds, const struct wf_bounds_pass *pass,
                      uint32_t retry_after, int64_t now)
{
    struct state shared;
    bool known = false;

    lock_memory(bounds);
    (void)add_failure(&bounds->memory, pass, retry_after, now);
    wf_forksafe_unlock(bounds->lock);
    int lock = lock_shared(bounds);
    if (lock >= 0 && load(bounds, &shared, &known) && add_failure(&shared, pass, retry_after, now))
        store(bounds, &shared);
    wf_cachedir_unlock(lock);
}
