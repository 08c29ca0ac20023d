#include "config.h"

#include "store.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto.h"
#include "file.h"
#include "folder.h"
#include "json.h"

#define RECORD_VERSION 1
#define PREFIX "session-"
#define MACHINE_ID "/etc/machine-id"
/* Hex digits of a hash: of user and provider, where a collision would be another's record, and of
 * the host, where it takes two hosts that share a home. */
#define PERSON_DIGITS 40
#define HOST_DIGITS 16
#define NAME_SIZE (sizeof(PREFIX) + PERSON_DIGITS + 1 + HOST_DIGITS)
_Static_assert(NAME_SIZE <= WF_FOLDER_NAME_MAX + 1, "a record's name is a file's");

struct wf_store {
    const struct wf_log *log;
    char *path;
    char host[HOST_DIGITS + 1];
};

/* Records */

/* What a record holds, by its names on disk. */
static const struct {
    const char *name;
    enum wf_json_type type;
    size_t offset; /* in struct wf_record */
    bool required;
} members[] = {
    {"provider", WF_JSON_TEXT, offsetof(struct wf_record, provider), true},
    {"user", WF_JSON_TEXT, offsetof(struct wf_record, user), true},
    {"url", WF_JSON_TEXT, offsetof(struct wf_record, url), true},
    {"client_id", WF_JSON_TEXT, offsetof(struct wf_record, client_id), true},
    {"subject", WF_JSON_TEXT, offsetof(struct wf_record, subject), true},
    {"refresh_token", WF_JSON_SECRET, offsetof(struct wf_record, refresh), false},
    {"access_token", WF_JSON_SECRET, offsetof(struct wf_record, access), false},
    {"obtained", WF_JSON_NUMBER, offsetof(struct wf_record, obtained), false},
    {"access_expires", WF_JSON_NUMBER, offsetof(struct wf_record, access_expires), false},
    {"signed_in", WF_JSON_NUMBER, offsetof(struct wf_record, signed_in), true},
    {"absolute_expires", WF_JSON_NUMBER, offsetof(struct wf_record, absolute_expires), false},
    {"idle_expires", WF_JSON_NUMBER, offsetof(struct wf_record, idle_expires), false},
    {"warned", WF_JSON_NUMBER, offsetof(struct wf_record, warned), false},
    {"refreshing", WF_JSON_NUMBER, offsetof(struct wf_record, refreshing), false},
    {"failed", WF_JSON_NUMBER, offsetof(struct wf_record, failed), false},
    {"failure", WF_JSON_TEXT, offsetof(struct wf_record, failure), false},
    {"ended", WF_JSON_NUMBER, offsetof(struct wf_record, ended), false},
    {"why", WF_JSON_TEXT, offsetof(struct wf_record, why), false},
};
enum { MEMBER_COUNT = WF_ARRAY_LEN(members) };

static void *member(struct wf_record *record, size_t i)
{
    return (char *)record + members[i].offset;
}

static char *get_text(const struct wf_record *record, size_t i)
{
    char *text = NULL;

    memcpy(&text, (const char *)record + members[i].offset, sizeof(text));
    return text;
}

static struct wf_secret *get_secret(const struct wf_record *record, size_t i)
{
    struct wf_secret *secret = NULL;

    memcpy(&secret, (const char *)record + members[i].offset, sizeof(secret));
    return secret;
}

static int64_t get_number(const struct wf_record *record, size_t i)
{
    int64_t number = 0;

    memcpy(&number, (const char *)record + members[i].offset, sizeof(number));
    return number;
}

struct wf_record *wf_record_new(const struct wf_provider_conf *provider, const char *user,
                                const char *subject)
{
    struct wf_record *record = calloc(1, sizeof(*record));

    if (record == NULL)
        return NULL;
    record->provider = strdup(provider->name);
    record->user = strdup(user);
    record->url = strdup(provider->url);
    record->client_id = strdup(provider->client_id == NULL ? "-" : provider->client_id);
    record->subject = strdup(subject);
    if (record->provider == NULL || record->user == NULL || record->url == NULL ||
        record->client_id == NULL || record->subject == NULL) {
        wf_record_free(record);
        return NULL;
    }
    return record;
}

void wf_record_free(struct wf_record *record)
{
    if (record == NULL)
        return;
    wf_secret_free(record->refresh);
    wf_secret_free(record->access);
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (members[i].type == WF_JSON_TEXT)
            free(get_text(record, i));
    }
    free(record);
}

/* Clean words of our own in place of those that stand there. False if memory is short. */
static bool replace_words(char **words, const char *text)
{
    char clean[WF_STORE_WHY_MAX];

    wf_text_sanitise(clean, sizeof(clean), text, strlen(text));
    char *copy = strdup(clean[0] == '\0' ? "-" : clean);
    if (copy == NULL)
        return false;
    free(*words);
    *words = copy;
    return true;
}

bool wf_record_fail(struct wf_record *record, int64_t now, const char *text)
{
    if (!replace_words(&record->failure, text))
        return false;
    record->failed = now;
    return true;
}

bool wf_record_end(struct wf_record *record, int64_t now, const char *why)
{
    if (!replace_words(&record->why, why))
        return false;
    record->ended = now;
    record->refreshing = 0;
    wf_secret_free(record->refresh);
    wf_secret_free(record->access);
    record->refresh = NULL;
    record->access = NULL;
    return true;
}

static bool put_member(const struct wf_record *record, size_t i, struct json_t *json)
{
    struct wf_span span = {NULL, 0};
    int64_t number = 0;

    if (members[i].type == WF_JSON_NUMBER) {
        number = get_number(record, i);
        return (number == 0 && !members[i].required) ||
               wf_json_set_number(json, members[i].name, number);
    }
    if (members[i].type == WF_JSON_SECRET) {
        span = wf_secret_borrow(get_secret(record, i));
    } else {
        const char *text = get_text(record, i);
        span = (struct wf_span){text, text == NULL ? 0 : strlen(text)};
    }
    return span.ptr == NULL || wf_json_set_text(json, members[i].name, span);
}

static bool put_record(const struct wf_store *store, const struct wf_record *record,
                       struct wf_buf *out)
{
    struct json_t *json = wf_json_new();
    bool done = json != NULL && wf_json_set_number(json, "version", RECORD_VERSION) &&
                wf_json_set_string(json, "host", store->host);

    for (size_t i = 0; done && i < MEMBER_COUNT; i++)
        done = put_member(record, i, json);
    done = done && wf_json_write(json, out);
    wf_json_free(json);
    return done;
}

/* Copies of the texts that were found. */
static bool keep_texts(struct wf_record *record, const struct wf_span texts[MEMBER_COUNT])
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (members[i].type != WF_JSON_TEXT || texts[i].ptr == NULL)
            continue;
        char *copy = strndup(texts[i].ptr, texts[i].len);
        if (copy == NULL)
            return false;
        memcpy(member(record, i), &copy, sizeof(copy));
    }
    return true;
}

/* WF_MALFORMED if it is none of ours. */
static enum wf_reason get_record(const struct json_t *json, struct wf_record **ret,
                                 struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_record *record = calloc(1, sizeof(*record));
    struct wf_span texts[MEMBER_COUNT] = {{NULL, 0}};
    struct wf_json_field fields[MEMBER_COUNT];

    if (record == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for a session");
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        fields[i] = (struct wf_json_field){members[i].name, members[i].type,
                                           members[i].type == WF_JSON_TEXT ? (void *)&texts[i]
                                                                           : member(record, i),
                                           members[i].required};
    reason = wf_json_read(json, fields, MEMBER_COUNT, err);
    if (reason != WF_OK)
        goto out;
    if (!keep_texts(record, texts)) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for a session");
        goto out;
    }
    if ((record->ended != 0) != (record->why != NULL) ||
        (record->ended != 0) != (record->access == NULL)) {
        reason = wf_fail(err, WF_MALFORMED, "it is neither a session nor the end of one");
        goto out;
    }
    *ret = record;
    record = NULL;
out:
    wf_record_free(record);
    return reason;
}

/* WF_MALFORMED: it must be ignored, and why. */
static enum wf_reason parse(const struct wf_store *store, const struct wf_buf *text,
                            struct wf_record **ret, struct wf_err *err)
{
    struct json_t *json = NULL;
    struct wf_span host = {NULL, 0};
    int64_t version = 0;
    const struct wf_json_field head[] = {
        {"version", WF_JSON_NUMBER, &version, true},
        {"host", WF_JSON_TEXT, &host, true},
    };

    enum wf_reason reason = wf_json_parse((const char *)text->data, text->len, &json, err);
    if (reason == WF_OK)
        reason = wf_json_read(json, head, WF_ARRAY_LEN(head), err);
    if (reason == WF_OK && version != RECORD_VERSION)
        reason = wf_fail(err, WF_MALFORMED, "its version is %lld, expected %d", (long long)version,
                         RECORD_VERSION);
    if (reason == WF_OK && !wf_span_equals(host, store->host))
        reason = wf_fail(err, WF_MALFORMED, "it was written on another host");
    if (reason == WF_OK)
        reason = get_record(json, ret, err);
    wf_json_free(json);
    return reason;
}

/* The folder */

static enum wf_reason hash_text(const char *first, const char *second, size_t digits, char *ret,
                                struct wf_err *err)
{
    /* Each with its NUL, so that no two pairs look alike */
    const struct wf_span parts[] = {{first, strlen(first) + 1}, {second, strlen(second) + 1}};
    uint8_t hash[WF_SHA256_LEN];
    enum wf_reason reason = wf_crypto_sha256_parts(parts, WF_ARRAY_LEN(parts), hash, err);

    if (reason == WF_OK)
        wf_crypto_hex(hash, digits / 2, ret);
    return reason;
}

/* machine-id(5) asks not to show it to others as it is. */
static enum wf_reason learn_host(char ret[HOST_DIGITS + 1], struct wf_err *err)
{
    struct wf_buf id = WF_BUF_INIT(256);
    char name[HOST_NAME_MAX + 1] = "";
    const char *text = NULL;

    enum wf_reason reason = wf_file_read(MACHINE_ID, WF_FILE_PUBLIC, &id, NULL);
    if (reason == WF_OK && id.len > 0)
        text = wf_buf_text_borrow(&id);
    /* Not where memory is short: under another name nothing would be found again */
    else if (reason != WF_INTERNAL && gethostname(name, sizeof(name) - 1) == 0)
        text = name;
    reason = text == NULL ? wf_fail(err, WF_INTERNAL, "this host has no name")
                          : hash_text("wfauth host", text, HOST_DIGITS, ret, err);
    wf_buf_done(&id);
    return reason;
}

/* The folder for one operation; -1, and what is wrong. */
static enum wf_reason enter(const struct wf_store *store, int *ret, struct wf_err *err)
{
    struct stat st;
    int in = wf_folder_walk(store->path, 0, err);

    if (in < 0)
        return WF_CONFIG;
    if (fstat(in, &st) != 0 || (st.st_mode & WF_FOLDER_PRIVATE) != 0) {
        wf_folder_shut(in);
        return wf_fail(err, WF_CONFIG, "%s is open to others: chmod 700 %s", store->path,
                       store->path);
    }
    *ret = in;
    return WF_OK;
}

enum wf_reason wf_store_open(const char *configured, const struct wf_log *log,
                             struct wf_store **ret, struct wf_err *err)
{
    static const struct wf_folder_default standard = {"/lib", 0700, false, "XDG_STATE_HOME",
                                                      "/.local/state"};
    enum wf_reason reason = WF_INTERNAL;
    struct wf_store *store = calloc(1, sizeof(*store));
    int in = -1;

    if (store == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for the folder of sessions");
    store->log = log;
    store->path = wf_folder_choose(configured, &standard);
    if (store->path == NULL) {
        reason =
            wf_fail(err, WF_CONFIG, "user %u has no home to keep sessions in", (unsigned)geteuid());
        goto out;
    }
    reason = learn_host(store->host, err);
    if (reason != WF_OK)
        goto out;
    reason = enter(store, &in, err);
    if (reason != WF_OK)
        goto out;
    *ret = store;
    store = NULL;
out:
    wf_folder_shut(in);
    wf_store_free(store);
    return reason;
}

void wf_store_free(struct wf_store *store)
{
    if (store == NULL)
        return;
    free(store->path);
    free(store);
}

const char *wf_store_path_borrow(const struct wf_store *store)
{
    return store->path;
}

/* The folder, and what the record is called in it. */
static enum wf_reason enter_for(const struct wf_store *store, const char *provider,
                                const char *user, int *ret, char name[NAME_SIZE],
                                struct wf_err *err)
{
    char person[PERSON_DIGITS + 1];
    enum wf_reason reason = hash_text(provider, user, PERSON_DIGITS, person, err);

    if (reason != WF_OK)
        return reason;
    (void)snprintf(name, NAME_SIZE, PREFIX "%s-%s", person, store->host);
    return enter(store, ret, err);
}

/* One file to a record. WF_MALFORMED, and why, for one that must be ignored; *ret NULL for none. */
static enum wf_reason load(const struct wf_store *store, int in, const char *name,
                           struct wf_record **ret, struct wf_err *err)
{
    struct wf_buf text = WF_BUF_INIT(WF_STORE_RECORD_MAX);
    enum wf_reason reason = WF_OK;
    const char *fault = wf_folder_read(in, name, WF_FOLDER_PRIVATE, &text);

    if (fault != NULL)
        reason = wf_fail(err, WF_MALFORMED, "%s", fault);
    else if (!wf_buf_ok(&text))
        reason = wf_fail(err, WF_INTERNAL, "out of memory for a session");
    else if (text.len > 0)
        reason = parse(store, &text, ret, err);
    wf_buf_done(&text);
    return reason;
}

/* A person who signed in on another host, and shares the home with this one, wonders. */
static void say_others(const struct wf_store *store, int in, const char *name)
{
    struct wf_buf list = WF_BUF_INIT(WF_FOLDER_LIST_MAX * sizeof(struct wf_folder_entry));
    char prefix[NAME_SIZE];

    (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(sizeof(PREFIX) + PERSON_DIGITS), name);
    wf_folder_list(in, prefix, &list);
    if (list.len > 0)
        wf_log(store->log, WF_LOG_INFO, "%s/%s* is ignored: it was written on another host",
               store->path, prefix);
    wf_buf_done(&list);
}

/* NULL, or why a record is not of this user and provider as configured now. */
static const char *find_fault(const struct wf_record *record,
                              const struct wf_provider_conf *provider, const char *user)
{
    const char *client_id = provider->client_id == NULL ? "-" : provider->client_id;

    if (strcmp(record->provider, provider->name) != 0 || strcmp(record->user, user) != 0)
        return "it is somebody else's";
    if (strcmp(record->url, provider->url) != 0)
        return "it is of another url of the provider's";
    if (strcmp(record->client_id, client_id) != 0)
        return "it is of another client_id of ours";
    return NULL;
}

enum wf_reason wf_store_read(const struct wf_store *store, const struct wf_provider_conf *provider,
                             const char *user, struct wf_record **ret, struct wf_err *err)
{
    struct wf_record *record = NULL;
    struct wf_err why = WF_ERR_INIT;
    char name[NAME_SIZE];
    int in = -1;
    enum wf_reason reason = enter_for(store, provider->name, user, &in, name, err);

    if (reason != WF_OK)
        return reason;
    reason = load(store, in, name, &record, &why);
    const char *fault = record == NULL ? NULL : find_fault(record, provider, user);
    if (fault != NULL)
        reason = wf_fail(&why, WF_MALFORMED, "%s", fault);
    if (reason == WF_MALFORMED) {
        wf_log(store->log, WF_LOG_WARNING, "%s/%s is ignored: %s", store->path, name, why.text);
        wf_record_free(record);
        record = NULL;
        reason = WF_OK;
    } else if (reason == WF_OK && record == NULL) {
        say_others(store, in, name);
    }
    if (reason == WF_OK)
        *ret = record;
    else
        reason = wf_fail(err, reason, "%s", why.text);
    wf_folder_shut(in);
    return reason;
}

enum wf_reason wf_store_write(const struct wf_store *store, const struct wf_record *record,
                              struct wf_err *err)
{
    struct wf_buf text = WF_BUF_INIT(WF_STORE_RECORD_MAX);
    char name[NAME_SIZE];
    int in = -1;
    enum wf_reason reason = enter_for(store, record->provider, record->user, &in, name, err);

    if (reason != WF_OK)
        return reason;
    if (!put_record(store, record, &text)) {
        reason = wf_fail(err, WF_INTERNAL, "no room for a session's record");
        goto out;
    }
    const char *fault = wf_folder_replace(in, name, text.data, text.len, true);
    if (fault != NULL)
        reason = wf_fail(err, WF_CONFIG, "cannot write %s/%s: %s", store->path, name, fault);
out:
    wf_buf_done(&text);
    wf_folder_shut(in);
    return reason;
}

enum wf_reason wf_store_remove(const struct wf_store *store, const char *provider, const char *user,
                               struct wf_err *err)
{
    char name[NAME_SIZE];
    int in = -1;
    enum wf_reason reason = enter_for(store, provider, user, &in, name, err);

    if (reason != WF_OK)
        return reason;
    const char *fault = wf_folder_remove(in, name);
    if (fault != NULL)
        reason = wf_fail(err, WF_CONFIG, "cannot remove %s/%s: %s", store->path, name, fault);
    wf_folder_shut(in);
    return reason;
}

enum wf_reason wf_store_lock(const struct wf_store *store, const char *provider, const char *user,
                             unsigned wait_ms, int *ret, struct wf_err *err)
{
    const char *fault = NULL;
    char name[NAME_SIZE];
    int in = -1;
    enum wf_reason reason = enter_for(store, provider, user, &in, name, err);

    if (reason != WF_OK)
        return reason;
    int lock = wf_folder_lock_open(in, name, &fault);
    wf_folder_shut(in);
    if (lock < 0)
        return wf_fail(err, WF_CONFIG, "no lock for %s/%s: %s", store->path, name,
                       fault == NULL ? "the folder is gone" : fault);
    int number = wf_folder_lock_wait(lock, wait_ms);
    if (number == 0) {
        *ret = lock;
        return WF_OK;
    }
    wf_folder_shut(lock);
    if (number == EWOULDBLOCK)
        return wf_fail(err, WF_UNREACHABLE, "somebody else refreshes %s/%s and takes too long",
                       store->path, name);
    return wf_fail(err, WF_CONFIG, "no lock for %s/%s: %s", store->path, name,
                   wf_errno_text(number));
}

void wf_store_unlock(int lock)
{
    wf_folder_unlock(lock);
}

enum wf_reason wf_store_list(const struct wf_store *store,
                             void (*each)(void *ctx, const char *name,
                                          const struct wf_record *record, const char *fault),
                             void *ctx, struct wf_err *err)
{
    struct wf_buf list = WF_BUF_INIT(WF_FOLDER_LIST_MAX * sizeof(struct wf_folder_entry));
    int in = -1;
    enum wf_reason reason = enter(store, &in, err);

    if (reason != WF_OK)
        return reason;
    wf_folder_list(in, PREFIX, &list);
    const struct wf_folder_entry *all = (const struct wf_folder_entry *)(void *)list.data;
    for (size_t i = 0; i < list.len / sizeof(all[0]); i++) {
        struct wf_record *record = NULL;
        struct wf_err why = WF_ERR_INIT;
        reason = load(store, in, all[i].name, &record, &why);
        if (reason == WF_MALFORMED || record != NULL)
            each(ctx, all[i].name, record, record == NULL ? why.text : NULL);
        wf_record_free(record);
        if (reason == WF_INTERNAL) {
            reason = wf_fail(err, WF_INTERNAL, "%s", why.text);
            break;
        }
        reason = WF_OK;
    }
    wf_folder_shut(in);
    wf_buf_done(&list);
    return reason;
}
