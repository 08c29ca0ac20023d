#include "config.h"

#include "replies.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "forksafe.h"

#define CHAINS 1024
_Static_assert(WF_REPLIES_BODY_MAX <= WF_REPLIES_BYTES_MAX, "there is room for one");

/* One reply in memory: in the chain of its key's first bits, and in the queue of all by age. */
struct entry {
    struct entry *next; /* in its chain */
    struct entry *older;
    struct entry *newer;
    uint8_t key[WF_REPLIES_KEY_SIZE];
    enum wf_reason reason;
    int64_t stored;
    int64_t until;
    size_t len;
    char body[];
};

struct wf_replies {
    struct wf_cachedir *dir;
    struct wf_forksafe *lock; /* of all below */
    size_t count;
    size_t bytes;
    struct entry *oldest;
    struct entry *newest;
    struct entry *chains[CHAINS];
};

/* Refusals that are remembered, in the order of their codes on disk: the reasons' own numbers may
 * change between two versions. */
static const enum wf_reason kept[] = {WF_OK, WF_ISSUER, WF_TYPE, WF_INACTIVE, WF_IDENTITY};

static bool code_of(enum wf_reason reason, uint8_t *ret)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(kept); i++) {
        if (kept[i] == reason) {
            *ret = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static int64_t life_of(enum wf_reason reason)
{
    return reason == WF_OK ? WF_REPLIES_ACCEPTED : WF_REPLIES_REFUSED;
}

/* Whatever memory or disk says, nothing holds for longer than its kind may. Any numbers will do. */
static bool holds(enum wf_reason reason, int64_t stored, int64_t until, int64_t now)
{
    return stored <= now && now < until && until <= stored + life_of(reason);
}

void wf_reply_done(struct wf_reply *reply)
{
    wf_buf_done(&reply->body);
    reply->reason = WF_INTERNAL;
    reply->until = 0;
}

struct wf_replies *wf_replies_new(struct wf_cachedir *dir)
{
    struct wf_replies *replies = calloc(1, sizeof(*replies));

    if (replies == NULL)
        return NULL;
    replies->dir = dir;
    replies->lock = wf_forksafe_new();
    if (replies->lock == NULL) {
        free(replies);
        return NULL;
    }
    return replies;
}

/* Memory. The lock is held. */

/* Chains that another thread was mending when the process was forked lead anywhere: a child begins
 * with none. What they held is left to the parent. */
static void lock(struct wf_replies *replies)
{
    if (!wf_forksafe_lock(replies->lock))
        return;
    replies->count = 0;
    replies->bytes = 0;
    replies->oldest = NULL;
    replies->newest = NULL;
    memset(replies->chains, 0, sizeof(replies->chains));
}

static struct entry **chain_of(struct wf_replies *replies, const uint8_t key[WF_REPLIES_KEY_SIZE])
{
    return &replies->chains[(key[0] | (size_t)key[1] << 8) % CHAINS];
}

static struct entry *find(struct wf_replies *replies, const uint8_t key[WF_REPLIES_KEY_SIZE])
{
    struct entry *entry = *chain_of(replies, key);

    while (entry != NULL && memcmp(entry->key, key, WF_REPLIES_KEY_SIZE) != 0)
        entry = entry->next;
    return entry;
}

static void drop(struct wf_replies *replies, struct entry *entry)
{
    struct entry **link = chain_of(replies, entry->key);

    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    *(entry->older == NULL ? &replies->oldest : &entry->older->newer) = entry->newer;
    *(entry->newer == NULL ? &replies->newest : &entry->newer->older) = entry->older;
    replies->count--;
    replies->bytes -= entry->len;
    explicit_bzero(entry->body, entry->len);
    free(entry);
}

static void add(struct wf_replies *replies, struct entry *entry)
{
    struct entry **chain = chain_of(replies, entry->key);

    entry->next = *chain;
    *chain = entry;
    entry->newer = NULL;
    entry->older = replies->newest;
    *(replies->newest == NULL ? &replies->oldest : &replies->newest->newer) = entry;
    replies->newest = entry;
    replies->count++;
    replies->bytes += entry->len;
}

static void remember(struct wf_replies *replies, const uint8_t key[WF_REPLIES_KEY_SIZE],
                     int64_t stored, const struct wf_reply *reply)
{
    size_t len = reply->body.len;
    struct entry *entry = malloc(sizeof(*entry) + len);

    lock(replies);
    struct entry *old = find(replies, key);
    if (old != NULL)
        drop(replies, old);
    if (entry != NULL) {
        memcpy(entry->key, key, WF_REPLIES_KEY_SIZE);
        entry->reason = reply->reason;
        entry->stored = stored;
        entry->until = reply->until;
        entry->len = len;
        memcpy(entry->body, reply->body.data, len);
        while (replies->count >= WF_REPLIES_MAX || replies->bytes + len > WF_REPLIES_BYTES_MAX)
            drop(replies, replies->oldest);
        add(replies, entry);
    }
    wf_forksafe_unlock(replies->lock);
}

static bool recall(struct wf_replies *replies, const uint8_t key[WF_REPLIES_KEY_SIZE], int64_t now,
                   struct wf_reply *ret)
{
    bool found = false;

    lock(replies);
    struct entry *entry = find(replies, key);
    if (entry != NULL && !holds(entry->reason, entry->stored, entry->until, now)) {
        drop(replies, entry);
        entry = NULL;
    }
    if (entry != NULL) {
        wf_buf_append(&ret->body, entry->body, entry->len);
        ret->reason = entry->reason;
        ret->until = entry->until;
        found = wf_buf_ok(&ret->body);
    }
    wf_forksafe_unlock(replies->lock);
    return found;
}

void wf_replies_free(struct wf_replies *replies)
{
    if (replies == NULL)
        return;
    lock(replies);
    while (replies->oldest != NULL)
        drop(replies, replies->oldest);
    wf_forksafe_unlock(replies->lock);
    wf_forksafe_free(replies->lock);
    free(replies);
}

/* Disk:
 *
 *   entry = magic(8) check(32) stored(8) until(8) code(1) body
 *   check = SHA-256(key, all behind it)
 *
 * Numbers are big endian. The check finds torn files, and entries under another one's name. */

static const char magic[8] = {'w', 'f', 'r', 'e', 'p', 'l', 'y', '1'};
static const char prefix[] = "opaque-";
#define NAME_SIZE (sizeof(prefix) + 2 * WF_REPLIES_KEY_SIZE)
#define HEAD (sizeof(magic) + WF_SHA256_LEN)
#define FIXED (HEAD + 8 + 8 + 1)

static void name_of(const uint8_t key[WF_REPLIES_KEY_SIZE], char ret[NAME_SIZE])
{
    size_t used = sizeof(prefix) - 1;

    memcpy(ret, prefix, used);
    wf_crypto_hex(key, WF_REPLIES_KEY_SIZE, ret + used);
}

static bool check_of(const uint8_t key[WF_REPLIES_KEY_SIZE], const uint8_t *rest, size_t len,
                     uint8_t ret[WF_SHA256_LEN])
{
    const struct wf_span parts[] = {{(const char *)key, WF_REPLIES_KEY_SIZE},
                                    {(const char *)rest, len}};

    return wf_crypto_sha256_parts(parts, WF_ARRAY_LEN(parts), ret, NULL) == WF_OK;
}

static void put_second(struct wf_buf *out, int64_t second)
{
    uint64_t value = htobe64((uint64_t)second);

    wf_buf_append(out, &value, sizeof(value));
}

static int64_t get_second(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return (int64_t)be64toh(value);
}

static void save(const struct wf_replies *replies, const uint8_t key[WF_REPLIES_KEY_SIZE],
                 int64_t stored, uint8_t code, const struct wf_reply *reply)
{
    struct wf_buf out = WF_BUF_INIT(FIXED + WF_REPLIES_BODY_MAX);
    struct wf_buf rest = WF_BUF_INIT(FIXED + WF_REPLIES_BODY_MAX);
    uint8_t check[WF_SHA256_LEN];
    char name[NAME_SIZE];

    name_of(key, name);
    put_second(&rest, stored);
    put_second(&rest, reply->until);
    wf_buf_append_byte(&rest, code);
    wf_buf_append(&rest, reply->body.data, reply->body.len);
    if (wf_buf_ok(&rest) && check_of(key, rest.data, rest.len, check)) {
        wf_buf_append(&out, magic, sizeof(magic));
        wf_buf_append(&out, check, sizeof(check));
        wf_buf_append(&out, rest.data, rest.len);
        if (wf_buf_ok(&out))
            (void)wf_cachedir_replace(replies->dir, name, out.data, out.len);
    }
    wf_buf_done(&rest);
    wf_buf_done(&out);
}

static bool read_entry(const struct wf_buf *in, const uint8_t key[WF_REPLIES_KEY_SIZE], int64_t now,
                       int64_t *ret_stored, struct wf_reply *ret)
{
    uint8_t check[WF_SHA256_LEN];

    if (in->len <= FIXED || in->len > FIXED + WF_REPLIES_BODY_MAX ||
        memcmp(in->data, magic, sizeof(magic)) != 0 ||
        !check_of(key, in->data + HEAD, in->len - HEAD, check) ||
        memcmp(in->data + sizeof(magic), check, sizeof(check)) != 0)
        return false;
    int64_t stored = get_second(in->data + HEAD);
    int64_t until = get_second(in->data + HEAD + 8);
    uint8_t code = in->data[HEAD + 16];
    if (code >= WF_ARRAY_LEN(kept) || !holds(kept[code], stored, until, now))
        return false;
    wf_buf_append(&ret->body, in->data + FIXED, in->len - FIXED);
    ret->reason = kept[code];
    ret->until = until;
    *ret_stored = stored;
    return wf_buf_ok(&ret->body);
}

static bool fetch(struct wf_replies *replies, const uint8_t key[WF_REPLIES_KEY_SIZE], int64_t now,
                  struct wf_reply *ret)
{
    struct wf_buf in = WF_BUF_INIT(WF_CACHEDIR_ENTRY_MAX);
    char name[NAME_SIZE];
    int64_t stored = 0;

    name_of(key, name);
    bool found =
        wf_cachedir_read(replies->dir, name, &in) && read_entry(&in, key, now, &stored, ret);
    wf_buf_done(&in);
    if (found)
        remember(replies, key, stored, ret);
    return found;
}

bool wf_replies_get(struct wf_replies *replies, const uint8_t key[WF_REPLIES_KEY_SIZE], int64_t now,
                    bool disk, struct wf_reply *ret)
{
    if (recall(replies, key, now, ret))
        return true;
    wf_reply_done(ret);
    if (disk && fetch(replies, key, now, ret))
        return true;
    wf_reply_done(ret);
    return false;
}

void wf_replies_put(struct wf_replies *replies, const uint8_t key[WF_REPLIES_KEY_SIZE], int64_t now,
                    const struct wf_reply *reply)
{
    int64_t last = now + life_of(reply->reason);
    struct wf_reply bounded = *reply; /* borrows the body */
    uint8_t code;

    if (bounded.until > last)
        bounded.until = last;
    if (!code_of(reply->reason, &code) || bounded.until <= now || reply->body.len == 0 ||
        reply->body.len > WF_REPLIES_BODY_MAX)
        return;
    remember(replies, key, now, &bounded);
    save(replies, key, now, code, &bounded);
}

void wf_replies_trim(struct wf_replies *replies)
{
    wf_cachedir_trim(replies->dir, prefix, WF_REPLIES_MAX);
}
