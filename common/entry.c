#include "config.h"

#include "entry.h"

#include "json.h"

/* Of all entries: what another version wrote is ignored. */
#define ENTRY_VERSION 2

struct json_t *wf_entry_new(const struct wf_entry *entry, const char *bound)
{
    bool failed = entry->reason != WF_OK;
    struct json_t *json = wf_json_new();

    if (json != NULL && wf_json_set_number(json, "v", ENTRY_VERSION) &&
        wf_json_set_string(json, "bound", bound) &&
        wf_json_set_number(json, "fetched", entry->fetched) &&
        wf_json_set_number(json, "until", entry->until) &&
        wf_json_set_string(json, "failure", failed ? wf_reason_name(entry->reason) : NULL) &&
        wf_json_set_string(json, "text", failed ? entry->text : NULL))
        return json;
    wf_json_free(json);
    return NULL;
}

/* Reasons that are kept, by their names. Lack of memory is our own. */
static const enum wf_reason kept_reasons[] = {WF_EXPIRED, WF_UNREACHABLE, WF_CONFIG};

static enum wf_reason read_failure(struct wf_span name, enum wf_reason *ret, struct wf_err *err)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(kept_reasons); i++) {
        if (wf_span_equals(name, wf_reason_name(kept_reasons[i]))) {
            *ret = kept_reasons[i];
            return WF_OK;
        }
    }
    return wf_fail(err, WF_MALFORMED, "its reason is none that is kept");
}

static enum wf_reason read_head(const struct json_t *json, const char *bound, struct wf_entry *ret,
                                struct wf_err *err)
{
    struct wf_entry entry = {.reason = WF_OK};
    int64_t version = 0;
    struct wf_span was = {NULL, 0};
    struct wf_span failure = {NULL, 0};
    struct wf_span text = {"", 0};
    const struct wf_json_field fields[] = {
        {"v", WF_JSON_NUMBER, &version, true},
        {"bound", WF_JSON_TEXT, &was, true},
        {"fetched", WF_JSON_DATE, &entry.fetched, true},
        {"until", WF_JSON_DATE, &entry.until, true},
        {"failure", WF_JSON_TEXT, &failure, false},
        {"text", WF_JSON_TEXT, &text, false},
    };
    enum wf_reason reason = wf_json_read(json, fields, WF_ARRAY_LEN(fields), err);

    if (reason == WF_OK && version != ENTRY_VERSION)
        reason = wf_fail(err, WF_MALFORMED, "it is of version %lld", (long long)version);
    if (reason == WF_OK && !wf_span_equals(was, bound))
        reason = wf_fail(err, WF_EXPIRED, "it is bound to something else");
    if (reason == WF_OK && failure.len > 0)
        reason = read_failure(failure, &entry.reason, err);
    if (reason == WF_OK) {
        wf_text_sanitise(entry.text, sizeof(entry.text), text.ptr, text.len);
        *ret = entry;
    }
    return reason;
}

enum wf_reason wf_entry_read(struct wf_span text, const char *bound, struct wf_entry *ret,
                             struct json_t **ret_json, struct wf_err *err)
{
    struct json_t *json = NULL;
    enum wf_reason reason = wf_json_parse(text.ptr, text.len, &json, err);

    if (reason == WF_OK)
        reason = read_head(json, bound, ret, err);
    if (reason == WF_OK)
        *ret_json = json;
    else
        wf_json_free(json);
    return reason;
}
