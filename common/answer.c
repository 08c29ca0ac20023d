#include "config.h"

#include "answer.h"

#include <string.h>

#include "age.h"
#include "endpoint.h"
#include "http_frame.h"
#include "json.h"

/* Keeping */

/* Seconds for which what came of it is kept at most. */
static int64_t most_of(const struct wf_answer *answer, const struct wf_entry *entry)
{
    return entry->reason == WF_OK ? answer->kind->life : answer->kind->rest;
}

/* What a wrong clock wrote is seen by its time, or by how long it holds. */
static bool holds(const struct wf_answer *answer, const struct wf_entry *entry)
{
    return entry->until > answer->now && wf_age_is_past(entry->fetched, answer->now) &&
           entry->until <= entry->fetched + most_of(answer, entry);
}

enum wf_reason wf_answer_read(const struct wf_answer *answer, struct wf_span text, void *value,
                              struct wf_entry *ret, struct wf_err *err)
{
    struct json_t *json = NULL;
    struct wf_entry entry;
    enum wf_reason reason = wf_entry_read(text, answer->bound, &entry, &json, err);

    if (reason == WF_OK && !holds(answer, &entry))
        reason = WF_EXPIRED;
    if (reason == WF_OK && entry.reason == WF_OK)
        reason = answer->kind->read(value, json, err);
    if (reason == WF_OK)
        *ret = entry;
    wf_json_free(json);
    return reason;
}

/* True if the folder says what there is. */
static bool load(const struct wf_answer *answer, const struct wf_log *log, void *value,
                 struct wf_entry *ret)
{
    struct wf_buf text = WF_BUF_INIT(answer->kind->max);
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = WF_EXPIRED;

    if (wf_cachedir_read(answer->dir, answer->name, &text) && text.len > 0)
        reason = wf_answer_read(answer, (struct wf_span){(const char *)text.data, text.len}, value,
                                ret, &err);
    if (reason != WF_OK && reason != WF_EXPIRED)
        wf_log(log, WF_LOG_WARNING, "kept %s of provider %s is ignored: %s", answer->kind->what,
               answer->conf->name, err.text);
    wf_buf_done(&text);
    return reason == WF_OK;
}

/* Best effort: what is not kept is asked for again. */
static void save(const struct wf_answer *answer, const void *value, const struct wf_entry *entry)
{
    struct wf_buf text = WF_BUF_INIT(answer->kind->max);
    struct json_t *json = wf_entry_new(entry, answer->bound);

    if (json != NULL && (entry->reason != WF_OK || answer->kind->write(value, json)) &&
        wf_json_write(json, &text))
        (void)wf_cachedir_replace(answer->dir, answer->name, text.data, text.len);
    wf_json_free(json);
    wf_buf_done(&text);
}

/* Ask, and tell the others. */
static void ask(const struct wf_answer *answer, void *value, struct wf_entry *ret)
{
    int64_t hold = answer->kind->life;
    int64_t start = wf_frame_now();
    struct wf_err err = WF_ERR_INIT;

    ret->reason = answer->kind->ask(value, &hold, &err);
    ret->fetched = answer->now;
    if (ret->reason != WF_OK) {
        memcpy(ret->text, err.text, sizeof(ret->text));
        /* Who has come meanwhile waits for this, however long it took */
        ret->fetched += (wf_frame_now() - start) / 1000;
    }
    int64_t most = most_of(answer, ret);
    ret->until = ret->fetched + (hold < most ? hold : most);
    if (hold > 0 && ret->reason != WF_INTERNAL)
        save(answer, value, ret);
}

enum wf_reason wf_answer_get(const struct wf_answer *answer, void *value, struct wf_err *err)
{
    struct wf_entry entry = {.reason = WF_INTERNAL};
    int lock = -1;

    if (!load(answer, answer->log, value, &entry)) {
        /* Without the lock after so long a time somebody hangs, who must not keep everybody
         * waiting. What is wrong with the entry has been said. */
        unsigned wait_ms = wf_endpoint_budget_ms(answer->conf) + answer->kind->grace_ms;
        if (!wf_cachedir_lock(answer->dir, answer->name, wait_ms, &lock) ||
            !load(answer, NULL, value, &entry))
            ask(answer, value, &entry);
        wf_cachedir_unlock(lock);
    }
    return entry.reason == WF_OK ? WF_OK : wf_fail(err, entry.reason, "%s", entry.text);
}

bool wf_answer_kept(const struct wf_answer *answer, void *value)
{
    struct wf_entry entry = {.reason = WF_INTERNAL};

    return load(answer, NULL, value, &entry) && entry.reason == WF_OK;
}
