#include "config.h"

#include "pin.h"

#include <stdio.h>
#include <string.h>

#include "crypto.h"
#include "folder.h"
#include "storefile.h"
#include "user.h"

#define PREFIX "pin-"
#define NAME_SIZE (sizeof(PREFIX) + WF_STOREFILE_DIGITS)
#define PERSON_SIZE (2 * WF_SHA256_LEN + 1)

/* A pin on disk. What is shown is cut and made clean; what is compared is a hash of all bytes. */
struct kept {
    char user[WF_USER_MAX + 1];
    char provider[65];
    char url[257];
    char subject[129];
    char person[PERSON_SIZE];
    int64_t since;
};

#define AT(member) WF_MEMBER_AT(struct kept, member)
static const struct wf_member members[] = {
    {"user", WF_MEMBER_WORD, AT(user), true},
    {"provider", WF_MEMBER_WORD, AT(provider), true},
    {"url", WF_MEMBER_WORD, AT(url), true},
    {"subject", WF_MEMBER_WORD, AT(subject), true},
    {"person", WF_MEMBER_WORD, AT(person), true},
    {"since", WF_MEMBER_NUMBER, AT(since), true},
};
static const struct wf_storefile_kind kind = {
    .what = "pin",
    .version = 1,
    .of_host = false, /* a name belongs to somebody wherever this folder goes */
    .max = 4096,
    .members = members,
    .count = WF_ARRAY_LEN(members),
};

static enum wf_reason name_of(const char *user, char ret[NAME_SIZE], struct wf_err *err)
{
    (void)snprintf(ret, NAME_SIZE, PREFIX);
    return wf_storefile_hash("wfauth pin", user, WF_STOREFILE_DIGITS, ret + strlen(PREFIX), err);
}

/* The folder, and what the pin is called in it. */
static enum wf_reason enter_for(const struct wf_store *store, const char *user, int *ret,
                                char name[NAME_SIZE], struct wf_err *err)
{
    enum wf_reason reason = name_of(user, name, err);

    return reason == WF_OK ? wf_storefile_enter(store, ret, err) : reason;
}

static enum wf_reason hash_person(const char *url, struct wf_span subject, char ret[PERSON_SIZE],
                                  struct wf_err *err)
{
    /* With the NUL, so that no two pairs look alike */
    const struct wf_span parts[] = {{url, strlen(url) + 1}, subject};
    uint8_t hash[WF_SHA256_LEN];
    enum wf_reason reason = wf_crypto_sha256_parts(parts, WF_ARRAY_LEN(parts), hash, err);

    if (reason == WF_OK)
        wf_crypto_hex(hash, sizeof(hash), ret);
    return reason;
}

static enum wf_reason make(const struct wf_provider_conf *provider, const char *user,
                           struct wf_span subject, int64_t now, struct kept *ret,
                           struct wf_err *err)
{
    if (!wf_user_is_valid((struct wf_span){user, strlen(user)}) || subject.len == 0)
        return wf_fail(err, WF_INTERNAL, "a pin takes a user's name and a person");
    wf_text_sanitise(ret->user, sizeof(ret->user), user, strlen(user));
    wf_text_sanitise(ret->provider, sizeof(ret->provider), provider->name, strlen(provider->name));
    wf_text_sanitise(ret->url, sizeof(ret->url), provider->url, strlen(provider->url));
    wf_text_sanitise(ret->subject, sizeof(ret->subject), subject.ptr, subject.len);
    ret->since = now;
    return hash_person(provider->url, subject, ret->person, err);
}

/* WF_MALFORMED: it is no pin of this file's name. */
static enum wf_reason read_file(const struct wf_store *store, int in, const char *name,
                                struct kept *ret, bool *ret_found, struct wf_err *err)
{
    char expected[NAME_SIZE] = "";
    bool found = false;
    enum wf_reason reason = wf_storefile_read(store, &kind, in, name, ret, &found, err);

    *ret_found = found;
    if (!found)
        return reason;
    if (strlen(ret->person) != PERSON_SIZE - 1)
        return wf_fail(err, WF_MALFORMED, "person is no hash");
    reason = name_of(ret->user, expected, err);
    if (reason == WF_OK && strcmp(expected, name) != 0)
        reason = wf_fail(err, WF_MALFORMED, "it is another user's");
    return reason;
}

/* A pin that is there and no good refuses. */
static enum wf_reason load(const struct wf_store *store, int in, const char *name,
                           const char *user, struct kept *ret, bool *ret_found,
                           struct wf_err *err)
{
    struct wf_err why = WF_ERR_INIT;
    enum wf_reason reason = read_file(store, in, name, ret, ret_found, &why);

    if (reason == WF_MALFORMED)
        return wf_fail(err, WF_CONFIG,
                       "to whom %s is pinned cannot be read: %s/%s: %s. To whoever signs in next: "
                       "wfauth unpin %s",
                       user, store->path, name, why.text, user);
    return reason == WF_OK ? WF_OK : wf_fail(err, reason, "%s", why.text);
}

static enum wf_reason compare(const struct kept *kept, const struct kept *now, struct wf_err *err)
{
    if (strcmp(kept->person, now->person) == 0)
        return WF_OK;
    return wf_fail(err, WF_IDENTITY,
                   "%s is pinned to %s at provider %s (%s), and this is %s at %s. If the name is "
                   "theirs now: wfauth unpin %s",
                   now->user, kept->subject, kept->provider, kept->url, now->subject, now->url,
                   now->user);
}

enum wf_reason wf_pin_hold(const struct wf_store *store, const struct wf_provider_conf *provider,
                           const char *user, struct wf_span subject, int64_t now,
                           struct wf_err *err)
{
    struct kept mine = {.user = ""};
    struct kept kept = {.user = ""};
    char name[NAME_SIZE];
    bool found = false;
    int in = -1;
    enum wf_reason reason = make(provider, user, subject, now, &mine, err);

    if (reason == WF_OK)
        reason = enter_for(store, user, &in, name, err);
    if (reason == WF_OK)
        reason = load(store, in, name, user, &kept, &found, err);
    if (reason == WF_OK && !found) {
        bool existed = false;
        reason = wf_storefile_create(store, &kind, in, name, &mine, &existed, err);
        /* Whose it is now is what the disk says: somebody else may have been quicker */
        if (reason == WF_OK)
            reason = load(store, in, name, user, &kept, &found, err);
        if (reason == WF_OK && !found)
            reason = wf_fail(err, WF_CONFIG, "the pin of %s comes and goes", user);
    }
    if (reason == WF_OK)
        reason = compare(&kept, &mine, err);
    wf_folder_shut(in);
    return reason;
}

enum wf_reason wf_pin_exists(const struct wf_store *store, const char *user, bool *ret,
                             struct wf_err *err)
{
    struct kept kept = {.user = ""};
    char name[NAME_SIZE];
    bool found = false;
    int in = -1;
    enum wf_reason reason = enter_for(store, user, &in, name, err);

    if (reason == WF_OK)
        reason = load(store, in, name, user, &kept, &found, err);
    if (reason == WF_OK)
        *ret = found;
    wf_folder_shut(in);
    return reason;
}

enum wf_reason wf_pin_remove(const struct wf_store *store, const char *user, bool *ret_existed,
                             struct wf_err *err)
{
    char name[NAME_SIZE];
    bool existed = false;
    int in = -1;
    enum wf_reason reason = enter_for(store, user, &in, name, err);

    if (reason == WF_OK)
        reason = wf_storefile_remove(store, in, name, true, &existed, err);
    if (reason == WF_OK)
        *ret_existed = existed;
    wf_folder_shut(in);
    return reason;
}

static enum wf_reason show(const struct wf_store *store, int in, const char *name,
                           wf_pin_see *each, void *ctx, struct wf_err *err)
{
    struct kept kept = {.user = ""};
    struct wf_err why = WF_ERR_INIT;
    bool found = false;
    enum wf_reason reason = read_file(store, in, name, &kept, &found, &why);
    const struct wf_pin pin = {kept.user, kept.provider, kept.url, kept.subject, kept.since};

    if (reason == WF_MALFORMED)
        each(ctx, name, NULL, why.text);
    else if (reason != WF_OK)
        return wf_fail(err, reason, "%s", why.text);
    else if (found)
        each(ctx, name, &pin, NULL);
    return WF_OK;
}

enum wf_reason wf_pin_show(const struct wf_store *store, const char *user, wf_pin_see *each,
                           void *ctx, struct wf_err *err)
{
    char name[NAME_SIZE];
    int in = -1;
    enum wf_reason reason = enter_for(store, user, &in, name, err);

    if (reason == WF_OK)
        reason = show(store, in, name, each, ctx, err);
    wf_folder_shut(in);
    return reason;
}

enum wf_reason wf_pin_list(const struct wf_store *store, wf_pin_see *each, void *ctx,
                           struct wf_err *err)
{
    struct wf_buf list = WF_BUF_INIT(WF_STOREFILE_LIST_MAX);
    int in = -1;
    enum wf_reason reason = wf_storefile_enter(store, &in, err);

    const char *fault = reason == WF_OK ? wf_folder_list(in, PREFIX, &list) : NULL;
    if (fault != NULL)
        reason = wf_fail(err, WF_INTERNAL, "cannot list %s: %s", store->path, fault);
    const struct wf_folder_entry *all = (const struct wf_folder_entry *)(void *)list.data;
    for (size_t i = 0; reason == WF_OK && i < list.len / sizeof(all[0]); i++)
        reason = show(store, in, all[i].name, each, ctx, err);
    wf_folder_shut(in);
    wf_buf_done(&list);
    return reason;
}
