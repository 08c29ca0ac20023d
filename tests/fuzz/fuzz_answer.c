/* The entry of the cache folder that keeps an answer, here a token: what holds is a token, or a
 * reason and a clean text, for a time within bounds; and it is read back as it is. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "answer.h"
#include "json.h"

#define NOW INT64_C(1700000000)
#define LIFE 3600
#define REST 5

static enum wf_reason read_token(void *value, const struct json_t *entry, struct wf_err *err)
{
    const struct wf_json_field fields[] = {{"token", WF_JSON_SECRET, value, true}};

    return wf_json_read(entry, fields, WF_ARRAY_LEN(fields), err);
}

static enum wf_reason read_at(struct wf_span text, const char *bound, int64_t now,
                              struct wf_secret **token, struct wf_entry *ret, struct wf_err *err)
{
    static const struct wf_answer_kind kind = {
        .what = "token", .max = 1024, .life = LIFE, .rest = REST, .read = read_token};
    const struct wf_answer answer = {.kind = &kind, .bound = bound, .now = now};

    return wf_answer_read(&answer, text, token, ret, err);
}

static void claim_bounds(const struct wf_entry *entry, const struct wf_secret *token)
{
    int64_t most = entry->reason == WF_OK ? LIFE : REST;

    FUZZ_CLAIM(entry->until > NOW && entry->until <= entry->fetched + most);
    FUZZ_CLAIM((entry->reason == WF_OK) == (token != NULL));
    FUZZ_CLAIM(entry->reason == WF_OK || entry->reason == WF_EXPIRED ||
               entry->reason == WF_UNREACHABLE || entry->reason == WF_CONFIG);
    FUZZ_CLAIM(wf_text_is_clean(entry->text, strlen(entry->text)));
}

static void claim_round(const struct wf_entry *entry, const struct wf_secret *token)
{
    struct wf_buf text = WF_BUF_INIT(WF_CACHEDIR_ENTRY_MAX);
    struct wf_entry again = {.reason = WF_INTERNAL};
    struct wf_secret *same = NULL;
    struct json_t *json = wf_entry_new(entry, "b");

    FUZZ_CLAIM(json != NULL);
    FUZZ_CLAIM(token == NULL || wf_json_set_text(json, "token", wf_secret_borrow(token)));
    FUZZ_CLAIM(wf_json_write(json, &text));
    const struct wf_span span = {(const char *)text.data, text.len};
    FUZZ_CLAIM(read_at(span, "another", NOW, &same, &again, NULL) == WF_EXPIRED);
    FUZZ_CLAIM(read_at(span, "b", entry->until, &same, &again, NULL) == WF_EXPIRED);
    FUZZ_CLAIM(read_at(span, "b", NOW, &same, &again, NULL) == WF_OK);
    FUZZ_CLAIM(again.reason == entry->reason && again.fetched == entry->fetched &&
               again.until == entry->until);
    FUZZ_CLAIM(entry->reason == WF_OK || strcmp(again.text, entry->text) == 0);
    FUZZ_CLAIM(token == NULL || wf_secret_equals(same, token));
    wf_json_free(json);
    wf_secret_free(same);
    wf_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_entry entry = {.reason = WF_INTERNAL};
    struct wf_secret *token = NULL;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason =
        read_at((struct wf_span){(const char *)data, size}, "b", NOW, &token, &entry, &err);

    FUZZ_CLAIM(reason == WF_OK || reason == WF_EXPIRED || reason == WF_MALFORMED ||
               reason == WF_TOO_LARGE);
    FUZZ_CLAIM(reason == WF_OK || (entry.reason == WF_INTERNAL && token == NULL));
    if (reason == WF_OK) {
        claim_bounds(&entry, token);
        claim_round(&entry, token);
    }
    wf_secret_free(token);
    return 0;
}
