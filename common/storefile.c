#include "config.h"

#include "storefile.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto.h"
#include "json.h"

enum wf_reason wf_storefile_hash(const char *first, const char *second, size_t digits, char *ret,
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

enum wf_reason wf_storefile_enter(const struct wf_store *store, int *ret, struct wf_err *err)
{
    struct stat st;
    int in = wf_folder_walk(store->path, 0, err);

    if (in < 0)
        return WF_CONFIG;
    if (fstat(in, &st) != 0 || (st.st_mode & WF_FOLDER_PRIVATE) != 0) {
        wf_folder_shut(in);
        return wf_fail(err, WF_CONFIG,
                       "%s is open to others, expected a folder for this alone; if it is one: "
                       "chmod 700 %s",
                       store->path, store->path);
    }
    *ret = in;
    return WF_OK;
}

/* Reading */

enum wf_reason wf_storefile_parse(const struct wf_store *store,
                                  const struct wf_storefile_kind *kind, const char *text,
                                  size_t len, void *to, struct wf_err *err)
{
    struct json_t *json = NULL;
    struct wf_span host = {NULL, 0};
    int64_t version = 0;
    const struct wf_json_field head[] = {
        {"version", WF_JSON_NUMBER, &version, true},
        {"host", WF_JSON_TEXT, &host, kind->of_host},
    };

    enum wf_reason reason = wf_json_parse(text, len, &json, err);
    if (reason == WF_OK)
        reason = wf_json_read(json, head, WF_ARRAY_LEN(head), err);
    if (reason == WF_OK && version != kind->version)
        reason = wf_fail(err, WF_MALFORMED, "its version is %lld, expected %d", (long long)version,
                         kind->version);
    if (reason == WF_OK && kind->of_host && !wf_span_equals(host, store->host))
        reason = wf_fail(err, WF_MALFORMED, "it was written on another host");
    if (reason == WF_OK)
        reason = wf_members_read(kind->members, kind->count, json, to, err);
    wf_json_free(json);
    return reason;
}

enum wf_reason wf_storefile_read(const struct wf_store *store,
                                 const struct wf_storefile_kind *kind, int in, const char *name,
                                 void *to, bool *ret_found, struct wf_err *err)
{
    struct wf_buf text = WF_BUF_INIT(kind->max);
    enum wf_reason reason = WF_OK;
    const char *fault = wf_folder_read(in, name, WF_FOLDER_PRIVATE, &text);
    /* What is there and cannot be read now must not seem to be no good, or not to be there: of whom
     * nothing is known the account phase may say nothing */
    bool good = fault == NULL || errno == 0;
    bool found = text.len > 0;

    if (!good)
        reason = wf_fail(err, WF_INTERNAL, "cannot read %s/%s: %s", store->path, name, fault);
    else if (fault != NULL)
        reason = wf_fail(err, WF_MALFORMED, "%s", fault);
    else if (!wf_buf_ok(&text))
        reason = wf_fail(err, WF_INTERNAL, "out of memory for a %s", kind->what);
    else if (found)
        reason = wf_storefile_parse(store, kind, (const char *)text.data, text.len, to, err);
    if (reason == WF_OK)
        *ret_found = found;
    wf_buf_done(&text);
    return reason;
}

/* Writing */

static enum wf_reason format(const struct wf_store *store, const struct wf_storefile_kind *kind,
                             const void *from, struct wf_buf *out, struct wf_err *err)
{
    struct json_t *json = wf_json_new();
    bool done = json != NULL && wf_json_set_number(json, "version", kind->version) &&
                wf_json_set_string(json, "host", kind->of_host ? store->host : NULL) &&
                wf_members_write(kind->members, kind->count, from, json) &&
                wf_json_write(json, out);

    wf_json_free(json);
    return done ? WF_OK : wf_fail(err, WF_INTERNAL, "no room for a %s", kind->what);
}

static enum wf_reason tell(const struct wf_store *store, const char *what, const char *name,
                           const char *fault, struct wf_err *err)
{
    return fault == NULL ? WF_OK
                         : wf_fail(err, WF_CONFIG, "cannot %s %s/%s: %s", what, store->path, name,
                                   fault);
}

enum wf_reason wf_storefile_write(const struct wf_store *store,
                                  const struct wf_storefile_kind *kind, int in, const char *name,
                                  const void *from, bool durable, struct wf_err *err)
{
    struct wf_buf text = WF_BUF_INIT(kind->max);
    enum wf_reason reason = format(store, kind, from, &text, err);

    if (reason == WF_OK)
        reason = tell(store, "write", name,
                      wf_folder_replace(in, name, text.data, text.len, durable), err);
    wf_buf_done(&text);
    return reason;
}

enum wf_reason wf_storefile_create(const struct wf_store *store,
                                   const struct wf_storefile_kind *kind, int in, const char *name,
                                   const void *from, bool *ret_existed, struct wf_err *err)
{
    struct wf_buf text = WF_BUF_INIT(kind->max);
    enum wf_reason reason = format(store, kind, from, &text, err);

    if (reason == WF_OK)
        reason = tell(store, "write", name,
                      wf_folder_create(in, name, text.data, text.len, ret_existed), err);
    wf_buf_done(&text);
    return reason;
}

enum wf_reason wf_storefile_remove(const struct wf_store *store, int in, const char *name,
                                   bool durable, bool *ret_existed, struct wf_err *err)
{
    return tell(store, "remove", name, wf_folder_remove(in, name, durable, ret_existed), err);
}

/* Locks */

enum wf_reason wf_storefile_lock(const struct wf_store *store, int in, const char *name,
                                 unsigned wait_ms, int *ret, struct wf_err *err)
{
    const char *fault = NULL;
    int lock = wf_folder_lock_open(in, name, &fault);

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
        return wf_fail(err, WF_UNREACHABLE, "somebody else is at %s/%s and takes too long",
                       store->path, name);
    return wf_fail(err, WF_CONFIG, "no lock for %s/%s: %s", store->path, name,
                   wf_errno_text(number));
}
