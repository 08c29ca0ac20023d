#include "config.h"

#include "kept_token.h"

#include "age.h"
#include "grant.h"
#include "json.h"

/* Of what is kept on disk. */
#define ENTRY_VERSION 1

/* Reasons that are kept, by their names. Lack of memory is our own. */
static const enum wf_reason kept_reasons[] = {WF_EXPIRED, WF_UNREACHABLE, WF_CONFIG};

static enum wf_reason read_failure(struct wf_span name, struct wf_span text,
                                   struct wf_kept_token *ret, struct wf_err *err)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(kept_reasons); i++) {
        if (wf_span_equals(name, wf_reason_name(kept_reasons[i]))) {
            ret->reason = kept_reasons[i];
            wf_text_sanitise(ret->text, sizeof(ret->text), text.ptr, text.len);
            return WF_OK;
        }
    }
    return wf_fail(err, WF_MALFORMED, "its reason is none that is kept");
}

static bool holds(const struct wf_kept_token *kept, int64_t now)
{
    return kept->until > now && wf_age_is_past(kept->fetched, now) &&
           kept->until <= kept->fetched + WF_KEPT_TOKEN_LIFE;
}

static enum wf_reason read_json(const struct json_t *json, const char *bound, int64_t now,
                                struct wf_kept_token *ret, struct wf_err *err)
{
    struct wf_kept_token kept = {.reason = WF_OK};
    int64_t version = 0;
    struct wf_span was = {NULL, 0};
    struct wf_span failure = {NULL, 0};
    struct wf_span text = {NULL, 0};
    const struct wf_json_field fields[] = {
        {"v", WF_JSON_NUMBER, &version, true},          {"bound", WF_JSON_TEXT, &was, true},
        {"fetched", WF_JSON_DATE, &kept.fetched, true}, {"until", WF_JSON_DATE, &kept.until, true},
        {"token", WF_JSON_SECRET, &kept.token, false},  {"failure", WF_JSON_TEXT, &failure, false},
        {"text", WF_JSON_TEXT, &text, false},
    };
    enum wf_reason reason = wf_json_read(json, fields, WF_ARRAY_LEN(fields), err);

    if (reason == WF_OK && version != ENTRY_VERSION)
        reason = wf_fail(err, WF_MALFORMED, "it is of version %lld", (long long)version);
    if (reason == WF_OK && (!wf_span_equals(was, bound) || !holds(&kept, now)))
        reason = WF_EXPIRED;
    if (reason == WF_OK && kept.token == NULL)
        reason = read_failure(failure, text, &kept, err);
    else if (reason == WF_OK && !wf_grant_is_token(kept.token))
        reason = wf_fail(err, WF_MALFORMED, "its token has forbidden bytes");
    if (reason == WF_OK) {
        *ret = kept;
        kept.token = NULL;
    }
    wf_secret_free(kept.token);
    return reason;
}

enum wf_reason wf_kept_token_read(const struct wf_buf *entry, const char *bound, int64_t now,
                                  struct wf_kept_token *ret, struct wf_err *err)
{
    struct json_t *json = NULL;
    enum wf_reason reason = wf_json_parse((const char *)entry->data, entry->len, &json, err);

    if (reason == WF_OK)
        reason = read_json(json, bound, now, ret, err);
    wf_json_free(json);
    return reason;
}

bool wf_kept_token_write(const struct wf_kept_token *kept, const char *bound, struct wf_buf *out)
{
    struct json_t *json = wf_json_new();
    bool done = json != NULL && wf_json_set_number(json, "v", ENTRY_VERSION) &&
                wf_json_set_string(json, "bound", bound) &&
                wf_json_set_number(json, "fetched", kept->fetched) &&
                wf_json_set_number(json, "until", kept->until);

    if (done && kept->reason == WF_OK)
        done = wf_json_set_text(json, "token", wf_secret_borrow(kept->token));
    else if (done)
        done = wf_json_set_string(json, "failure", wf_reason_name(kept->reason)) &&
               wf_json_set_string(json, "text", kept->text);
    done = done && wf_json_write(json, out);
    wf_json_free(json);
    return done;
}
