#include "config.h"

#include "store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "folder.h"
#include "storefile.h"

#define PREFIX "session-"
#define MACHINE_ID "/etc/machine-id"
/* A refresh takes less. Milliseconds. */
#define END_WAIT_MS 30000
#define NAME_SIZE (sizeof(PREFIX) + WF_STOREFILE_DIGITS + 1 + WF_STOREFILE_FEW_DIGITS)
_Static_assert(NAME_SIZE <= WF_STOREFILE_NAME_SIZE, "a record's name is a file's");

static const struct wf_storefile_kind session = {
    .what = "session",
    .version = 1,
    .of_host = true,
    .max = WF_STORE_RECORD_MAX,
    .members = wf_record_members,
    .count = WF_RECORD_MEMBERS,
};

/* Where there is such a file it counts, and one that cannot be read, for want of memory or of
 * descriptors, must not make another host of this one: its sessions would seem not to be there. */
static bool has_machine_id(void)
{
    struct stat st;

    return lstat(MACHINE_ID, &st) != 0 ? errno != ENOENT : S_ISREG(st.st_mode);
}

/* machine-id(5) asks not to show it to others as it is. */
static enum wf_reason learn_host(char ret[WF_STOREFILE_FEW_DIGITS + 1], struct wf_err *err)
{
    struct wf_buf id = WF_BUF_INIT(256);
    char name[HOST_NAME_MAX + 1] = "";
    const char *text = name;
    enum wf_reason reason = WF_OK;

    if (has_machine_id())
        reason = wf_file_read(MACHINE_ID, WF_FILE_PUBLIC, &id, err);
    if (reason != WF_OK)
        goto out;
    if (id.len > 0)
        text = wf_buf_text_borrow(&id);
    else if (gethostname(name, sizeof(name) - 1) != 0)
        text = NULL;
    reason = text == NULL
                 ? wf_fail(err, WF_INTERNAL, "this host has no name")
                 : wf_storefile_hash("wfauth host", text, WF_STOREFILE_FEW_DIGITS, ret, err);
out:
    wf_buf_done(&id);
    return reason;
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
    reason = wf_storefile_enter(store, &in, err);
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
    char person[WF_STOREFILE_DIGITS + 1];
    enum wf_reason reason = wf_storefile_hash(provider, user, WF_STOREFILE_DIGITS, person, err);

    if (reason != WF_OK)
        return reason;
    (void)snprintf(name, NAME_SIZE, PREFIX "%s-%s", person, store->host);
    return wf_storefile_enter(store, ret, err);
}

/* One file to a record. WF_MALFORMED, and why, for one that must be ignored; *ret NULL for none. */
static enum wf_reason load(const struct wf_store *store, int in, const char *name,
                           struct wf_record **ret, struct wf_err *err)
{
    struct wf_record *record = calloc(1, sizeof(*record));
    bool found = false;

    if (record == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for a session");
    enum wf_reason reason = wf_storefile_read(store, &session, in, name, record, &found, err);
    if (found)
        reason = wf_record_check(record, err);
    if (reason == WF_OK && found) {
        *ret = record;
        record = NULL;
    }
    wf_record_free(record);
    return reason;
}

/* A person who signed in on another host, and shares the home with this one, wonders. */
static void say_others(const struct wf_store *store, int in, const char *name)
{
    struct wf_buf list = WF_BUF_INIT(WF_FOLDER_LIST_MAX * sizeof(struct wf_folder_entry));
    char prefix[NAME_SIZE];

    (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(sizeof(PREFIX) + WF_STOREFILE_DIGITS), name);
    (void)wf_folder_list(in, prefix, &list);
    if (list.len > 0)
        wf_log(store->log, WF_LOG_WARNING, "%s/%s* is ignored: it was written on another host",
               store->path, prefix);
    wf_buf_done(&list);
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
    const char *fault = record == NULL ? NULL : wf_record_fault(record, provider, user);
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
    char name[NAME_SIZE];
    int in = -1;
    enum wf_reason reason = enter_for(store, record->provider, record->user, &in, name, err);

    if (reason == WF_OK)
        reason = wf_storefile_write(store, &session, in, name, record, true, err);
    wf_folder_shut(in);
    return reason;
}

enum wf_reason wf_store_remove(const struct wf_store *store, const char *provider, const char *user,
                               bool *ret_existed, struct wf_err *err)
{
    char name[NAME_SIZE];
    bool existed = false;
    int in = -1;
    enum wf_reason reason = enter_for(store, provider, user, &in, name, err);

    if (reason == WF_OK)
        reason = wf_storefile_remove(store, in, name, true, &existed, err);
    if (reason == WF_OK)
        *ret_existed = existed;
    wf_folder_shut(in);
    return reason;
}

enum wf_reason wf_store_lock(const struct wf_store *store, const char *provider, const char *user,
                             unsigned wait_ms, int *ret, struct wf_err *err)
{
    char name[NAME_SIZE];
    int in = -1;
    enum wf_reason reason = enter_for(store, provider, user, &in, name, err);

    if (reason == WF_OK)
        reason = wf_storefile_lock(store, in, name, wait_ms, ret, err);
    wf_folder_shut(in);
    return reason;
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
    struct wf_buf list = WF_BUF_INIT(WF_STOREFILE_LIST_MAX);
    int in = -1;
    enum wf_reason reason = wf_storefile_enter(store, &in, err);

    if (reason != WF_OK)
        return reason;
    const char *missing = wf_folder_list(in, PREFIX, &list);
    if (missing != NULL)
        reason = wf_fail(err, WF_INTERNAL, "cannot list %s: %s", store->path, missing);
    const struct wf_folder_entry *all = (const struct wf_folder_entry *)(void *)list.data;
    for (size_t i = 0; reason == WF_OK && i < list.len / sizeof(all[0]); i++) {
        struct wf_record *record = NULL;
        struct wf_err why = WF_ERR_INIT;
        reason = load(store, in, all[i].name, &record, &why);
        if (reason == WF_MALFORMED || record != NULL)
            each(ctx, all[i].name, record, record == NULL ? why.text : NULL);
        wf_record_free(record);
        reason = reason == WF_INTERNAL ? wf_fail(err, WF_INTERNAL, "%s", why.text) : WF_OK;
    }
    wf_folder_shut(in);
    wf_buf_done(&list);
    return reason;
}

/* Ending */

struct ending {
    const struct wf_store *store;
    const char *user;
    int64_t now;
    const char *why;
    enum wf_reason reason;
    struct wf_err *err;
};

/* A tombstone in its place: nothing that was in it is needed any more but whose it was. */
static enum wf_reason bury(const struct ending *ending, const struct wf_record *record)
{
    struct wf_provider_conf provider = {
        .name = record->provider, .url = record->url, .client_id = record->client_id};
    struct wf_record *end = wf_record_new(&provider, record->user, record->subject);
    enum wf_reason reason = WF_INTERNAL;
    int lock = -1;

    if (end == NULL || !wf_record_end(end, ending->now, ending->why)) {
        reason = wf_fail(ending->err, WF_INTERNAL, "out of memory for the end of a session");
        goto out;
    }
    end->signed_in = record->signed_in;
    reason = wf_store_lock(ending->store, record->provider, record->user, END_WAIT_MS, &lock,
                           ending->err);
    if (reason == WF_OK)
        reason = wf_store_write(ending->store, end, ending->err);
out:
    wf_store_unlock(lock);
    wf_record_free(end);
    return reason;
}

static void end_one(void *ctx, const char *name, const struct wf_record *record, const char *fault)
{
    struct ending *ending = ctx;

    (void)name;
    (void)fault;
    if (ending->reason == WF_OK && record != NULL && record->ended == 0 &&
        strcmp(record->user, ending->user) == 0)
        ending->reason = bury(ending, record);
}

enum wf_reason wf_store_end(const struct wf_store *store, const char *user, int64_t now,
                            const char *why, struct wf_err *err)
{
    struct ending ending = {store, user, now, why, WF_OK, err};
    enum wf_reason reason = wf_store_list(store, end_one, &ending, err);

    return reason == WF_OK ? ending.reason : reason;
}
