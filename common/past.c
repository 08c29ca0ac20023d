#include "config.h"

#include "past.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "storefile.h"

/* past-PERSON-HOST-TOKEN */
#define PREFIX "past-"
#define PERSON_SIZE (sizeof(PREFIX) + WF_STOREFILE_DIGITS + 1 + WF_STOREFILE_FEW_DIGITS + 1)
#define TOKEN_SIZE (2 * WF_SHA256_LEN + 1)
_Static_assert(PERSON_SIZE + WF_STOREFILE_FEW_DIGITS <= WF_STOREFILE_NAME_SIZE,
               "it is a file's name");

static const struct wf_storefile_kind past = {
    .what = "session that was replaced",
    .version = 1,
    .of_host = true,
    .max = WF_STORE_RECORD_MAX,
    .members = wf_record_members,
    .count = WF_RECORD_MEMBERS,
};

/* How the names of a person's begin. */
static enum wf_reason name_person(const struct wf_store *store, const char *provider,
                                  const char *user, char ret[WF_STOREFILE_NAME_SIZE],
                                  struct wf_err *err)
{
    char person[WF_STOREFILE_DIGITS + 1] = "";
    enum wf_reason reason = wf_storefile_hash(provider, user, WF_STOREFILE_DIGITS, person, err);

    (void)snprintf(ret, WF_STOREFILE_NAME_SIZE, PREFIX "%s-%s-", person, store->host);
    return reason;
}

/* The folder, and the names in it. */
static enum wf_reason enter(const struct wf_store *store, const char *prefix, int *ret,
                            struct wf_buf *list, struct wf_err *err)
{
    enum wf_reason reason = wf_storefile_enter(store, ret, err);
    const char *fault = reason == WF_OK ? wf_folder_list(*ret, prefix, list) : NULL;

    if (fault != NULL)
        reason = wf_fail(err, WF_INTERNAL, "cannot list %s: %s", store->path, fault);
    return reason;
}

#define LIST_INIT WF_BUF_INIT((size_t)1024 * sizeof(struct wf_folder_entry))

enum wf_reason wf_past_keep(const struct wf_store *store, const struct wf_record *record,
                            struct wf_err *err)
{
    struct wf_buf list = LIST_INIT;
    char name[WF_STOREFILE_NAME_SIZE];
    char token[TOKEN_SIZE];
    uint8_t hash[WF_SHA256_LEN];
    bool existed = false;
    int in = -1;

    if (record->ended != 0)
        return WF_OK;
    const struct wf_span access = wf_secret_borrow(record->access);
    enum wf_reason reason = name_person(store, record->provider, record->user, name, err);
    if (reason == WF_OK)
        reason = wf_crypto_sha256_parts(&access, 1, hash, err);
    if (reason == WF_OK)
        reason = enter(store, name, &in, &list, err);
    if (reason != WF_OK)
        goto out;
    const struct wf_folder_entry *all = (const struct wf_folder_entry *)(void *)list.data;
    /* What cannot be removed is one too many until the next time */
    for (size_t n = list.len / sizeof(all[0]); n >= WF_PAST_MAX; n--)
        (void)!wf_storefile_remove(store, in, all[n - 1].name, false, &existed, NULL);
    wf_crypto_hex(hash, sizeof(hash), token);
    size_t len = strlen(name);
    (void)snprintf(name + len, sizeof(name) - len, "%.*s", WF_STOREFILE_FEW_DIGITS, token);
    reason = wf_storefile_write(store, &past, in, name, record, false, err);
out:
    wf_folder_shut(in);
    wf_buf_done(&list);
    return reason;
}

/* Take out this one; *ret stays NULL for one that is no good, or that somebody else has taken. */
static enum wf_reason take(const struct wf_store *store, int in, const char *name,
                           const struct wf_provider_conf *provider, const char *user,
                           struct wf_record **ret, struct wf_err *err)
{
    struct wf_record *record = calloc(1, sizeof(*record));
    struct wf_err why = WF_ERR_INIT;
    bool found = false;
    bool existed = false;

    if (record == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for a session");
    enum wf_reason reason = wf_storefile_read(store, &past, in, name, record, &found, &why);
    if (found)
        reason = wf_record_check(record, &why);
    /* To whom else a token were shown could use it */
    bool good = reason == WF_OK && found && wf_record_fault(record, provider, user) == NULL;
    if (reason == WF_OK || reason == WF_MALFORMED)
        reason = wf_storefile_remove(store, in, name, false, &existed, err);
    else
        reason = wf_fail(err, reason, "%s", why.text);
    if (good && existed) {
        *ret = record;
        record = NULL;
    }
    wf_record_free(record);
    return reason;
}

enum wf_reason wf_past_take(const struct wf_store *store, const struct wf_provider_conf *provider,
                            const char *user, struct wf_record **ret, struct wf_err *err)
{
    struct wf_buf list = LIST_INIT;
    struct wf_record *record = NULL;
    char prefix[WF_STOREFILE_NAME_SIZE];
    int in = -1;
    enum wf_reason reason = name_person(store, provider->name, user, prefix, err);

    if (reason == WF_OK)
        reason = enter(store, prefix, &in, &list, err);
    const struct wf_folder_entry *all = (const struct wf_folder_entry *)(void *)list.data;
    for (size_t i = 0; reason == WF_OK && record == NULL && i < list.len / sizeof(all[0]); i++)
        reason = take(store, in, all[i].name, provider, user, &record, err);
    if (reason == WF_OK)
        *ret = record;
    wf_folder_shut(in);
    wf_buf_done(&list);
    return reason;
}
