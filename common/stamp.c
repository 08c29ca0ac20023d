#include "config.h"

#include "stamp.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "age.h"
#include "crypto.h"
#include "folder.h"
#include "secret.h"
#include "storefile.h"

/* stamp-HOST-PERSON-SESSION, pending-HOST-MARK: what is of this host, and of a person on it, is
 * found by the beginning of its name. */
#define STAMP_PREFIX "stamp-"
#define PENDING_PREFIX "pending-"
#define MARK_BYTES 16
#define MARK_HASH_SIZE (2 * WF_SHA256_LEN + 1)
_Static_assert(WF_MARK_SIZE == 2 * MARK_BYTES + 1, "a mark is hex digits");
_Static_assert(sizeof(STAMP_PREFIX) + WF_STOREFILE_FEW_DIGITS + 1 + WF_STOREFILE_DIGITS + 1 +
                       WF_STOREFILE_FEW_DIGITS <=
                   WF_STOREFILE_NAME_SIZE,
               "a stamp's name is a file's");

/* Stamps of one person on this host that are looked at: each is a session that is open, or whose end
 * nobody has noticed yet. */
#define MINE_MAX 1024
/* Stamps that one call looks at for those whose time is over: a few file reads each. */
#define CLEAN_MAX 64

/* On disk. Of the first four none is empty, but where it says so. */
struct kept {
    char provider[WF_NAME_SIZE];
    char user[WF_NAME_SIZE];
    char subject[WF_SUBJECT_SIZE];
    char boot[WF_BOOT_SIZE];
    int64_t signed_in;                 /* may be 0 */
    char exported[WF_STAMP_PATH_SIZE]; /* may be "" */
    /* Of a session */
    char kind[16];
    int64_t pid;
    int64_t start;
    int64_t tty;
    /* Of one that waits */
    char mark[MARK_HASH_SIZE];
    int64_t since;
};

#define AT(member) WF_MEMBER_AT(struct kept, member)
#define COMMON                                                                                     \
    {"provider", WF_MEMBER_WORD, AT(provider), true}, {"user", WF_MEMBER_WORD, AT(user), true},    \
        {"subject", WF_MEMBER_WORD, AT(subject), true}, {"boot", WF_MEMBER_WORD, AT(boot), true},  \
        {"signed_in", WF_MEMBER_NUMBER, AT(signed_in), false},                                     \
        {"exported", WF_MEMBER_WORD, AT(exported), false}
static const struct wf_member stamp_members[] = {
    COMMON,
    {"kind", WF_MEMBER_WORD, AT(kind), true},
    {"pid", WF_MEMBER_NUMBER, AT(pid), true},
    {"start", WF_MEMBER_NUMBER, AT(start), true},
    {"tty", WF_MEMBER_NUMBER, AT(tty), false},
};
static const struct wf_member pending_members[] = {
    COMMON,
    {"mark", WF_MEMBER_WORD, AT(mark), true},
    {"since", WF_MEMBER_NUMBER, AT(since), true},
};
static const struct wf_storefile_kind stamps = {
    .what = "time stamp",
    .version = 1,
    .of_host = true,
    .max = 4096,
    .members = stamp_members,
    .count = WF_ARRAY_LEN(stamp_members),
};
static const struct wf_storefile_kind pendings = {
    .what = "time stamp that waits",
    .version = 1,
    .of_host = true,
    .max = 4096,
    .members = pending_members,
    .count = WF_ARRAY_LEN(pending_members),
};

/* As they stand in files */
static const char *const anchor_kinds[] = {
    [WF_ANCHOR_PROCESS] = "process",
    [WF_ANCHOR_TERMINAL] = "terminal",
};

/* Struct and file */

static void keep(const struct wf_stamp *stamp, struct kept *ret)
{
    memcpy(ret->provider, stamp->provider, sizeof(ret->provider));
    memcpy(ret->user, stamp->user, sizeof(ret->user));
    memcpy(ret->subject, stamp->subject, sizeof(ret->subject));
    memcpy(ret->exported, stamp->exported, sizeof(ret->exported));
    ret->signed_in = stamp->signed_in;
}

static void keep_anchor(const struct wf_anchor *anchor, struct kept *ret)
{
    (void)snprintf(ret->kind, sizeof(ret->kind), "%s", anchor_kinds[anchor->kind]);
    memcpy(ret->boot, anchor->boot, sizeof(ret->boot));
    ret->pid = anchor->pid;
    ret->start = (int64_t)anchor->start;
    ret->tty = (int64_t)anchor->tty;
}

static void give(const struct kept *kept, struct wf_stamp *ret)
{
    *ret = (struct wf_stamp){.signed_in = kept->signed_in};
    memcpy(ret->provider, kept->provider, sizeof(ret->provider));
    memcpy(ret->user, kept->user, sizeof(ret->user));
    memcpy(ret->subject, kept->subject, sizeof(ret->subject));
    memcpy(ret->exported, kept->exported, sizeof(ret->exported));
}

static enum wf_reason give_anchor(const struct kept *kept, struct wf_anchor *ret,
                                  struct wf_err *err)
{
    bool terminal = strcmp(kept->kind, anchor_kinds[WF_ANCHOR_TERMINAL]) == 0;

    if (!terminal && strcmp(kept->kind, anchor_kinds[WF_ANCHOR_PROCESS]) != 0)
        return wf_fail(err, WF_MALFORMED, "it is of no kind of session");
    if (kept->pid < 1 || kept->pid > INT_MAX || kept->start < 0 || kept->tty < 0 ||
        (kept->tty != 0) != terminal || strlen(kept->boot) != WF_BOOT_SIZE - 1)
        return wf_fail(err, WF_MALFORMED, "it is of a session that cannot be");
    ret->kind = terminal ? WF_ANCHOR_TERMINAL : WF_ANCHOR_PROCESS;
    ret->pid = (pid_t)kept->pid;
    ret->start = (uint64_t)kept->start;
    ret->tty = (uint64_t)kept->tty;
    memcpy(ret->boot, kept->boot, sizeof(ret->boot));
    return WF_OK;
}

static bool is_of(const struct kept *kept, const char *provider, const char *user)
{
    return strcmp(kept->provider, provider) == 0 && strcmp(kept->user, user) == 0;
}

/* Names */

static enum wf_reason name_person(const struct wf_store *store, const char *provider,
                                  const char *user, char ret[WF_STOREFILE_NAME_SIZE],
                                  struct wf_err *err)
{
    char person[WF_STOREFILE_DIGITS + 1] = "";
    enum wf_reason reason = wf_storefile_hash(provider, user, WF_STOREFILE_DIGITS, person, err);

    (void)snprintf(ret, WF_STOREFILE_NAME_SIZE, STAMP_PREFIX "%s-%s", store->host, person);
    return reason;
}

static enum wf_reason name_stamp(const struct wf_store *store, const char *provider,
                                 const char *user, const struct wf_anchor *anchor,
                                 char ret[WF_STOREFILE_NAME_SIZE], struct wf_err *err)
{
    char text[80 + WF_BOOT_SIZE];
    char session[WF_STOREFILE_FEW_DIGITS + 1] = "";
    enum wf_reason reason = name_person(store, provider, user, ret, err);
    size_t len = strlen(ret);

    (void)snprintf(text, sizeof(text), "%s %lld %llu %llu %s", anchor_kinds[anchor->kind],
                   (long long)anchor->pid, (unsigned long long)anchor->start,
                   (unsigned long long)anchor->tty, anchor->boot);
    if (reason == WF_OK)
        reason =
            wf_storefile_hash("wfauth session", text, WF_STOREFILE_FEW_DIGITS, session, err);
    (void)snprintf(ret + len, WF_STOREFILE_NAME_SIZE - len, "-%s", session);
    return reason;
}

/* A mark is a secret: neither it nor what it is compared by is in the name. */
static enum wf_reason name_pending(const struct wf_store *store, const char *mark,
                                   char ret[WF_STOREFILE_NAME_SIZE],
                                   char ret_hash[MARK_HASH_SIZE], struct wf_err *err)
{
    char name[WF_STOREFILE_DIGITS + 1] = "";
    enum wf_reason reason =
        wf_storefile_hash("wfauth mark's file", mark, WF_STOREFILE_DIGITS, name, err);

    (void)snprintf(ret, WF_STOREFILE_NAME_SIZE, PENDING_PREFIX "%s-%s", store->host, name);
    if (reason == WF_OK)
        reason = wf_storefile_hash("wfauth mark", mark, MARK_HASH_SIZE - 1, ret_hash, err);
    return reason;
}

/* Reading */

/* What is no good counts for nothing, and the log says so. */
static void ignore(const struct wf_store *store, const char *name, const struct wf_err *why)
{
    wf_log(store->log, WF_LOG_WARNING, "%s/%s is ignored: %s", store->path, name, why->text);
}

static enum wf_reason read_stamp(const struct wf_store *store, int in, const char *name,
                                 struct wf_stamp *ret, bool *ret_found, struct wf_err *err)
{
    struct kept kept = {.signed_in = 0};
    struct wf_anchor anchor = {.boot = ""};
    bool found = false;
    enum wf_reason reason = wf_storefile_read(store, &stamps, in, name, &kept, &found, err);

    if (found)
        reason = give_anchor(&kept, &anchor, err);
    if (reason != WF_OK)
        return reason;
    give(&kept, ret);
    ret->anchor = anchor;
    *ret_found = found;
    return WF_OK;
}

/* The same of this person's alone; *ret_found is false for one that is ignored. anchor: of this
 * session alone; NULL: of any. */
static enum wf_reason read_own(const struct wf_store *store, int in, const char *name,
                               const char *provider, const char *user,
                               const struct wf_anchor *anchor, struct wf_stamp *ret,
                               bool *ret_found, struct wf_err *err)
{
    struct wf_err why = WF_ERR_INIT;
    bool found = false;
    enum wf_reason reason = read_stamp(store, in, name, ret, &found, &why);

    if (found &&
        (strcmp(ret->provider, provider) != 0 || strcmp(ret->user, user) != 0 ||
         (anchor != NULL && !wf_anchor_equals(&ret->anchor, anchor))))
        reason = wf_fail(&why, WF_MALFORMED, "it is somebody else's");
    if (reason == WF_MALFORMED) {
        ignore(store, name, &why);
        found = false;
    } else if (reason != WF_OK) {
        return wf_fail(err, reason, "%s", why.text);
    }
    *ret_found = found;
    return WF_OK;
}

static bool is_in_time(const struct kept *kept, const char *boot, int64_t now)
{
    return strcmp(kept->boot, boot) == 0 && wf_age_is_below(kept->since, now, WF_STAMP_PENDING);
}

/* Removing what is over: files that nobody will ever use again. Those that are no good stay; who has
 * a use for one says what is wrong with it, and an administrator may look at it. */

struct cleaning {
    const struct wf_store *store;
    int in;
    const char *prefix;
    bool (*is_over)(const struct cleaning *cleaning, const char *name);
    const char *boot; /* for those that wait */
    int64_t now;
    struct wf_stamp *left; /* where one goes that has left a token file; NULL: nobody asks */
};

static bool pending_is_over(const struct cleaning *cleaning, const char *name)
{
    struct kept kept = {.signed_in = 0};
    bool found = false;

    return wf_storefile_read(cleaning->store, &pendings, cleaning->in, name, &kept, &found,
                             NULL) == WF_OK &&
           found && !is_in_time(&kept, cleaning->boot, cleaning->now);
}

/* Without its stamp nobody would know of a token file that is still there. */
static bool stamp_is_over(const struct cleaning *cleaning, const char *name)
{
    struct wf_stamp stamp;
    bool found = false;
    if (read_stamp(cleaning->store, cleaning->in, name, &stamp, &found, NULL) != WF_OK || !found ||
        !wf_anchor_has_gone(&stamp.anchor))
        return false;
    if (stamp.exported[0] != '\0' && cleaning->left != NULL)
        *cleaning->left = stamp;
    return stamp.exported[0] == '\0';
}

/* As many as one call looks at, from a random one on, so that all have their turn. */
static void clean(const struct cleaning *cleaning)
{
    struct wf_buf list = WF_BUF_INIT(WF_FOLDER_LIST_MAX * sizeof(struct wf_folder_entry));
    char beginning[WF_STOREFILE_NAME_SIZE];
    uint32_t random = 0;
    bool existed = false;

    (void)snprintf(beginning, sizeof(beginning), "%s%s-", cleaning->prefix, cleaning->store->host);
    (void)wf_folder_list(cleaning->in, beginning, &list);
    const struct wf_folder_entry *all = (const struct wf_folder_entry *)(void *)list.data;
    size_t count = list.len / sizeof(all[0]);
    (void)!wf_crypto_random(&random, sizeof(random), NULL);
    for (size_t i = 0; i < count && i < CLEAN_MAX; i++) {
        const char *name = all[(random + i) % count].name;
        /* What cannot be removed now is found again by the next one */
        if (cleaning->is_over(cleaning, name))
            (void)wf_folder_remove(cleaning->in, name, false, &existed);
    }
    wf_buf_done(&list);
}

static void clean_stamps(const struct wf_store *store, int in, struct wf_stamp *left)
{
    const struct cleaning cleaning = {.store = store, .in = in, .prefix = STAMP_PREFIX,
                                      .is_over = stamp_is_over, .left = left};

    clean(&cleaning);
}

static void clean_pending(const struct wf_store *store, int in, const char *boot, int64_t now)
{
    const struct cleaning cleaning = {.store = store, .in = in, .prefix = PENDING_PREFIX,
                                      .is_over = pending_is_over, .boot = boot, .now = now};

    clean(&cleaning);
}

/* Waiting for a session */

static enum wf_reason make_mark(char ret[WF_MARK_SIZE], struct wf_err *err)
{
    uint8_t bytes[MARK_BYTES];
    enum wf_reason reason = wf_crypto_random(bytes, sizeof(bytes), err);

    if (reason == WF_OK)
        wf_crypto_hex(bytes, sizeof(bytes), ret);
    explicit_bzero(bytes, sizeof(bytes));
    return reason;
}

enum wf_reason wf_stamp_pend(const struct wf_store *store, const struct wf_stamp *stamp,
                             int64_t now, char ret_mark[WF_MARK_SIZE], struct wf_err *err)
{
    struct kept kept = {.since = now};
    char mark[WF_MARK_SIZE];
    char name[WF_STOREFILE_NAME_SIZE];
    int in = -1;
    enum wf_reason reason = wf_anchor_boot(kept.boot, err);

    keep(stamp, &kept);
    if (reason == WF_OK)
        reason = make_mark(mark, err);
    if (reason == WF_OK)
        reason = name_pending(store, mark, name, kept.mark, err);
    if (reason == WF_OK)
        reason = wf_storefile_enter(store, &in, err);
    if (reason != WF_OK)
        goto out;
    clean_pending(store, in, kept.boot, now);
    clean_stamps(store, in, NULL);
    reason = wf_storefile_write(store, &pendings, in, name, &kept, false, err);
    if (reason == WF_OK)
        memcpy(ret_mark, mark, sizeof(mark));
out:
    explicit_bzero(mark, sizeof(mark));
    wf_folder_shut(in);
    return reason;
}

/* WF_EXPIRED: it is not there, or not for whoever asks. */
static enum wf_reason check_pending(const struct kept *kept, bool found, const char *hash,
                                    const char *provider, const char *user, int64_t now,
                                    struct wf_err *err)
{
    char boot[WF_BOOT_SIZE];

    if (!found)
        return wf_fail(err, WF_EXPIRED, "no sign-in waits under this mark");
    if (!wf_secret_equals_bytes(kept->mark, hash, MARK_HASH_SIZE))
        return wf_fail(err, WF_EXPIRED, "another sign-in waits under this mark");
    if (!is_of(kept, provider, user))
        return wf_fail(err, WF_EXPIRED, "the sign-in of this mark is one of %s at provider %s",
                       kept->user, kept->provider);
    enum wf_reason reason = wf_anchor_boot(boot, err);
    if (reason == WF_OK && !is_in_time(kept, boot, now))
        reason = wf_fail(err, WF_EXPIRED, "the sign-in of this mark waits no longer");
    return reason;
}

enum wf_reason wf_stamp_claim(const struct wf_store *store, const char *provider, const char *user,
                              const char *mark, int64_t now, struct wf_stamp *ret,
                              struct wf_err *err)
{
    struct kept kept = {.since = 0};
    struct wf_err own = WF_ERR_INIT;
    char hash[MARK_HASH_SIZE];
    char name[WF_STOREFILE_NAME_SIZE];
    bool found = false;
    int in = -1;
    enum wf_reason reason = name_pending(store, mark, name, hash, &own);

    if (reason == WF_OK)
        reason = wf_storefile_enter(store, &in, &own);
    if (reason == WF_OK)
        reason = wf_storefile_read(store, &pendings, in, name, &kept, &found, &own);
    if (reason == WF_MALFORMED) {
        ignore(store, name, &own);
        reason = WF_OK;
    }
    if (reason == WF_OK)
        reason = check_pending(&kept, found, hash, provider, user, now, &own);
    /* Of several who ask at once the one who removes it has it */
    if (reason == WF_OK)
        reason = wf_storefile_remove(store, in, name, false, &found, &own);
    if (reason == WF_OK && !found)
        reason = wf_fail(&own, WF_EXPIRED, "somebody else has claimed this sign-in");
    if (reason == WF_OK)
        give(&kept, ret);
    else
        reason = wf_fail(err, reason, "%s", own.text);
    explicit_bzero(hash, sizeof(hash));
    wf_folder_shut(in);
    return reason;
}

/* Stamps of sessions */

enum wf_reason wf_stamp_lock(const struct wf_store *store, const char *provider, const char *user,
                             unsigned wait_ms, int *ret, struct wf_err *err)
{
    char name[WF_STOREFILE_NAME_SIZE];
    int in = -1;
    enum wf_reason reason = name_person(store, provider, user, name, err);

    if (reason == WF_OK)
        reason = wf_storefile_enter(store, &in, err);
    if (reason == WF_OK)
        reason = wf_storefile_lock(store, in, name, wait_ms, ret, err);
    wf_folder_shut(in);
    return reason;
}

enum wf_reason wf_stamp_put(const struct wf_store *store, const struct wf_stamp *stamp,
                            struct wf_err *err)
{
    struct kept kept = {.signed_in = 0};
    char name[WF_STOREFILE_NAME_SIZE];
    int in = -1;
    enum wf_reason reason =
        name_stamp(store, stamp->provider, stamp->user, &stamp->anchor, name, err);

    keep(stamp, &kept);
    keep_anchor(&stamp->anchor, &kept);
    if (reason == WF_OK)
        reason = wf_storefile_enter(store, &in, err);
    if (reason == WF_OK) {
        clean_stamps(store, in, NULL);
        reason = wf_storefile_write(store, &stamps, in, name, &kept, false, err);
    }
    wf_folder_shut(in);
    return reason;
}

/* All stamps of a person on this host, one after the other. */
struct walk {
    const struct wf_store *store;
    const char *provider;
    const char *user;
    int in;
    struct wf_buf list;
    size_t next;
};
#define WALK_INIT(store, provider, user)                                                           \
    {                                                                                              \
        store, provider, user, -1, WF_BUF_INIT(MINE_MAX * sizeof(struct wf_folder_entry)), 0       \
    }

static enum wf_reason walk_begin(struct walk *walk, struct wf_err *err)
{
    char name[WF_STOREFILE_NAME_SIZE];
    enum wf_reason reason = name_person(walk->store, walk->provider, walk->user, name, err);

    if (reason == WF_OK)
        reason = wf_storefile_enter(walk->store, &walk->in, err);
    const char *fault = reason == WF_OK ? wf_folder_list(walk->in, name, &walk->list) : NULL;
    /* The one that counts may be among those that are missing */
    if (fault != NULL)
        reason = wf_fail(err, WF_INTERNAL, "cannot list %s: %s", walk->store->path, fault);
    return reason;
}

/* The next good one; *ret_found is false at the end. */
static enum wf_reason walk_next(struct walk *walk, struct wf_stamp *ret, bool *ret_found,
                                struct wf_err *err)
{
    const struct wf_folder_entry *all = (const struct wf_folder_entry *)(void *)walk->list.data;
    enum wf_reason reason = WF_OK;

    *ret_found = false;
    while (reason == WF_OK && !*ret_found && walk->next < walk->list.len / sizeof(all[0]))
        reason = read_own(walk->store, walk->in, all[walk->next++].name, walk->provider,
                          walk->user, NULL, ret, ret_found, err);
    return reason;
}

static void walk_end(struct walk *walk)
{
    wf_folder_shut(walk->in);
    wf_buf_done(&walk->list);
}

enum wf_reason wf_stamp_find(const struct wf_store *store, const char *provider, const char *user,
                             struct wf_stamp *ret, struct wf_err *err)
{
    struct walk walk = WALK_INIT(store, provider, user);
    struct wf_stamp latest = {.signed_in = 0};
    struct wf_stamp stamp;
    bool found = true;
    enum wf_reason reason = walk_begin(&walk, err);

    while (reason == WF_OK && found) {
        reason = walk_next(&walk, &stamp, &found, err);
        if (found && stamp.signed_in > latest.signed_in && wf_anchor_holds_us(&stamp.anchor))
            latest = stamp;
    }
    if (reason == WF_OK && latest.signed_in == 0)
        reason = wf_fail(err, WF_PENDING, "%s has not signed in at provider %s in this session",
                         user, provider);
    if (reason == WF_OK)
        *ret = latest;
    walk_end(&walk);
    return reason;
}

/* How many sessions of this person go on with an exported token. */
static enum wf_reason count_exports(const struct wf_store *store, const char *provider,
                                    const char *user, unsigned *ret, struct wf_err *err)
{
    struct walk walk = WALK_INIT(store, provider, user);
    struct wf_stamp stamp;
    unsigned count = 0;
    bool found = true;
    enum wf_reason reason = walk_begin(&walk, err);

    while (reason == WF_OK && found) {
        reason = walk_next(&walk, &stamp, &found, err);
        /* In doubt it goes on: what it has is not taken away */
        if (found && stamp.exported[0] != '\0' && !wf_anchor_has_gone(&stamp.anchor))
            count++;
    }
    if (reason == WF_OK)
        *ret = count;
    walk_end(&walk);
    return reason;
}

enum wf_reason wf_stamp_remove(const struct wf_store *store, const char *provider,
                               const char *user, const struct wf_anchor *anchor,
                               struct wf_stamp *ret, unsigned *ret_left, struct wf_err *err)
{
    struct wf_stamp stamp = {.signed_in = 0};
    char name[WF_STOREFILE_NAME_SIZE];
    unsigned left = 0;
    bool found = false;
    bool existed = false;
    int in = -1;
    enum wf_reason reason = name_stamp(store, provider, user, anchor, name, err);

    if (reason == WF_OK)
        reason = wf_storefile_enter(store, &in, err);
    if (reason == WF_OK)
        reason = read_own(store, in, name, provider, user, anchor, &stamp, &found, err);
    /* Of this name, whatever is in it */
    if (reason == WF_OK)
        reason = wf_storefile_remove(store, in, name, false, &existed, err);
    if (reason == WF_OK)
        reason = count_exports(store, provider, user, &left, err);
    if (reason != WF_OK)
        goto out;
    *ret_left = left;
    if (found && existed)
        *ret = stamp;
    else
        reason = wf_fail(err, WF_EXPIRED, "%s had no time stamp of this session", user);
out:
    wf_folder_shut(in);
    return reason;
}

enum wf_reason wf_stamp_find_left(const struct wf_store *store, struct wf_stamp *ret,
                                  struct wf_err *err)
{
    struct wf_stamp left = {.signed_in = 0};
    int in = -1;
    enum wf_reason reason = wf_storefile_enter(store, &in, err);

    if (reason == WF_OK)
        clean_stamps(store, in, &left);
    if (reason == WF_OK && left.user[0] == '\0')
        reason = wf_fail(err, WF_PENDING, "no session has left its token file");
    if (reason == WF_OK)
        *ret = left;
    wf_folder_shut(in);
    return reason;
}
