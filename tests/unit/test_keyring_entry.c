/* What is kept of a provider's keys, and of its failures: to an entry and back. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failalloc.h"
#include "keycase.h"
#include "keyring_entry.h"
#include "mint.h"

static const struct wf_provider_conf conf = {.name = "mail", .url = ISSUER};

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

char *__real_strndup(const char *text, size_t n);
char *__wrap_strndup(const char *text, size_t n);
char *__wrap_strndup(const char *text, size_t n)
{
    return fail_alloc_now() ? NULL : __real_strndup(text, n);
}

/* jansson's own memory is out of reach: what stands before it fails instead. */
struct json_t *__real_wf_json_new(void);
struct json_t *__wrap_wf_json_new(void);
struct json_t *__wrap_wf_json_new(void)
{
    return fail_alloc_now() ? NULL : __real_wf_json_new();
}

bool __real_wf_json_set_text(struct json_t *object, const char *name, struct wf_span value);
bool __wrap_wf_json_set_text(struct json_t *object, const char *name, struct wf_span value);
bool __wrap_wf_json_set_text(struct json_t *object, const char *name, struct wf_span value)
{
    return !fail_alloc_now() && __real_wf_json_set_text(object, name, value);
}

bool __real_wf_json_set_number(struct json_t *object, const char *name, int64_t value);
bool __wrap_wf_json_set_number(struct json_t *object, const char *name, int64_t value);
bool __wrap_wf_json_set_number(struct json_t *object, const char *name, int64_t value)
{
    return !fail_alloc_now() && __real_wf_json_set_number(object, name, value);
}

bool __real_wf_json_write(const struct json_t *object, struct wf_buf *out);
bool __wrap_wf_json_write(const struct json_t *object, struct wf_buf *out);
bool __wrap_wf_json_write(const struct json_t *object, struct wf_buf *out)
{
    return !fail_alloc_now() && __real_wf_json_write(object, out);
}

static struct wf_span span(const char *text)
{
    return (struct wf_span){text, strlen(text)};
}

static struct wf_keys_parts parts_of(const char *keys, const char *etag)
{
    return (struct wf_keys_parts){
        .text = span(keys),
        .jwks_uri = span(ISSUER "/jwks"),
        .etag = span(etag),
        .fetched = 1000,
        .fresh_until = 1300,
        .discovered = 900,
    };
}

static struct wf_keys *keys_of(const char *text, const char *etag)
{
    const struct wf_keys_parts parts = parts_of(text, etag);
    struct wf_keys *keys = NULL;

    assert_int_equal(wf_keys_new(&parts, NULL, &keys, NULL, NULL), WF_OK);
    return keys;
}

/* The entry's text, kept. */
static const char *entry_of(const char *text, const char *etag)
{
    struct wf_keys *keys = keys_of(text, etag);
    struct wf_buf out = WF_BUF_INIT(WF_HTTP_BODY_MAX);

    assert_true(wf_keys_write(keys, &conf, &out));
    const char *entry = mint_text("%s", wf_buf_text_borrow(&out));
    wf_buf_done(&out);
    wf_keys_free(keys);
    return entry;
}

static void test_round_trip(void **state)
{
    const char *etags[] = {"\"t\"", ""};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(etags); i++) {
        const char *entry = entry_of(KEYS_AB, etags[i]);
        struct wf_keys *keys = NULL;
        struct wf_err err = WF_ERR_INIT;
        if (wf_keys_read(&conf, span(entry), NULL, &keys, &err) != WF_OK)
            fail_msg("%s", err.text);
        assert_int_equal(keys->fetched, 1000);
        assert_int_equal(keys->fresh_until, 1300);
        assert_int_equal(keys->discovered, 0);
        assert_int_equal(wf_jwks_count(keys->set), 2);
        assert_string_equal(keys->etag, etags[i]);
        assert_string_equal(keys->jwks_uri, ISSUER "/jwks");
        assert_string_equal(keys->text, KEYS_AB);
        assert_int_equal(keys->len, strlen(KEYS_AB));
        wf_keys_free(keys);
    }
}

/* The hash is the one that everybody else makes of the text. */
static void test_hash(void **state)
{
    const char *entry = entry_of("{\"keys\":[]}", "");
    const char *found = strstr(entry, "\"sha256\":\"");

    (void)state;
    assert_non_null(found);
    assert_memory_equal(found + 10,
                        "9638d11914735d0072002dd4d67c734a94ee7a0cd845e6dcbc984ee7581860a7\"", 65);
}

/* The same text shares the set, another does not; an ETag that does not fit is forgotten. */
static void test_new(void **state)
{
    const char *longest = mint_repeat("\"", "t", WF_HTTP_ETAG_SIZE - 3, "\"");
    const char *too_long = mint_repeat("\"", "t", WF_HTTP_ETAG_SIZE - 2, "\"");
    struct wf_keys *first = keys_of(KEYS_A, longest);
    struct wf_keys *second = NULL;
    struct wf_keys_parts parts = parts_of(KEYS_A, too_long);

    (void)state;
    assert_string_equal(first->etag, longest);
    assert_int_equal(first->discovered, 900);
    assert_int_equal(wf_keys_new(&parts, first, &second, NULL, NULL), WF_OK);
    assert_ptr_equal(first->set, second->set);
    assert_string_equal(second->etag, "");
    wf_keys_free(second);
    parts = parts_of(KEYS_B, "");
    assert_int_equal(wf_keys_new(&parts, first, &second, NULL, NULL), WF_OK);
    assert_ptr_not_equal(first->set, second->set);
    wf_keys_free(second);
    parts = parts_of("[]", "");
    assert_int_equal(wf_keys_new(&parts, first, &second, NULL, NULL), WF_MALFORMED);
    wf_keys_free(first);
    wf_keys_free(NULL);
}

static void test_bad(void **state)
{
    (void)state;
    const char *good = entry_of(KEYS_A, "\"t\"");
    const struct {
        const char *name;
        const char *entry;
        enum wf_reason reason;
    } rows[] = {
        {"good", good, WF_OK},
        {"the shortest life", mint_change(good, "until", "1060", NULL), WF_OK},
        {"the longest life", mint_change(good, "until", "87400", NULL), WF_OK},
        {"no ETag", mint_change(good, "etag", NULL, NULL), WF_OK},
        {"no JSON", "x", WF_MALFORMED},
        {"empty", "", WF_MALFORMED},
        {"cut", mint_text("%.*s", (int)strlen(good) - 1, good), WF_MALFORMED},
        {"no version", mint_change(good, "v", NULL, NULL), WF_MALFORMED},
        {"a later version", mint_change(good, "v", "3", NULL), WF_MALFORMED},
        {"an earlier version", mint_change(good, "v", "1", NULL), WF_MALFORMED},
        {"no provider", mint_change(good, "bound", NULL, NULL), WF_MALFORMED},
        {"another provider", mint_change(good, "bound", "\"" ISSUER "/\"", NULL), WF_EXPIRED},
        {"no date", mint_change(good, "fetched", NULL, NULL), WF_MALFORMED},
        {"no end", mint_change(good, "until", NULL, NULL), WF_MALFORMED},
        {"too short a life", mint_change(good, "until", "1059", NULL), WF_MALFORMED},
        {"too long a life", mint_change(good, "until", "87401", NULL), WF_MALFORMED},
        {"an ETag that is none", mint_change(good, "etag", "\"t\"", NULL), WF_MALFORMED},
        {"an ETag of one byte", mint_change(good, "etag", "\"\\\"\"", NULL), WF_MALFORMED},
        {"no address", mint_change(good, "jwks_uri", NULL, NULL), WF_MALFORMED},
        {"no hash", mint_change(good, "sha256", NULL, NULL), WF_MALFORMED},
        {"another hash", mint_change(good, "sha256", "\"00\"", NULL), WF_MALFORMED},
        {"no keys", mint_change(good, "jwks", NULL, NULL), WF_MALFORMED},
        {"other keys", mint_change(good, "jwks", "\"{\\\"keys\\\":[]}\"", NULL), WF_MALFORMED},
        {"keys that are none", mint_change(good, "jwks", "\"x\"", NULL), WF_MALFORMED},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_keys *keys = NULL;
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = wf_keys_read(&conf, span(rows[i].entry), NULL, &keys, &err);
        if (reason != rows[i].reason || (keys != NULL) != (reason == WF_OK))
            fail_msg("%s: %s, %s", rows[i].name, wf_reason_name(reason), err.text);
        wf_keys_free(keys);
    }
}

static const char *failure_entry(enum wf_reason reason, int64_t rest)
{
    const struct wf_entry failure = {
        .reason = reason, .fetched = 1000, .until = 1000 + rest, .text = "why"};
    struct wf_buf out = WF_BUF_INIT(4096);

    assert_true(wf_keys_failure_write(&failure, &conf, &out));
    const char *entry = mint_text("%s", wf_buf_text_borrow(&out));
    wf_buf_done(&out);
    return entry;
}

static void test_failure(void **state)
{
    (void)state;
    const char *good = failure_entry(WF_UNREACHABLE, 5);
    const struct {
        const char *name;
        const char *entry;
        enum wf_reason reason;
        enum wf_reason kept;
        int64_t until;
    } rows[] = {
        {"good", good, WF_OK, WF_UNREACHABLE, 1005},
        {"misconfigured", failure_entry(WF_CONFIG, 60), WF_OK, WF_CONFIG, 1060},
        {"no JSON", "x", WF_MALFORMED, WF_OK, 0},
        {"another version", mint_change(good, "v", "1", NULL), WF_MALFORMED, WF_OK, 0},
        {"another provider", mint_change(good, "bound", "\"x\"", NULL), WF_EXPIRED, WF_OK, 0},
        {"no date", mint_change(good, "fetched", NULL, NULL), WF_MALFORMED, WF_OK, 0},
        {"no end", mint_change(good, "until", NULL, NULL), WF_MALFORMED, WF_OK, 0},
        {"no reason", mint_change(good, "failure", NULL, NULL), WF_MALFORMED, WF_OK, 0},
        {"another reason", mint_change(good, "failure", "\"key\"", NULL), WF_MALFORMED, WF_OK, 0},
        {"a token's reason", failure_entry(WF_EXPIRED, 5), WF_MALFORMED, WF_OK, 0},
        {"too short a rest", failure_entry(WF_UNREACHABLE, 4), WF_MALFORMED, WF_OK, 0},
        {"too long a rest", failure_entry(WF_UNREACHABLE, 61), WF_MALFORMED, WF_OK, 0},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_entry failure = {.reason = WF_OK};
        enum wf_reason reason = wf_keys_failure_read(&conf, span(rows[i].entry), &failure, NULL);
        if (reason != rows[i].reason || failure.reason != rows[i].kept ||
            failure.until != rows[i].until)
            fail_msg("%s: %s, %s, %lld", rows[i].name, wf_reason_name(reason),
                     wf_reason_name(failure.reason), (long long)failure.until);
        if (reason == WF_OK)
            assert_string_equal(failure.text, "why");
    }
}

/* A block too few, each in turn: said, and nothing half made. */
static void test_no_memory(void **state)
{
    const char *entry = entry_of(KEYS_A, "\"t\"");
    const char *down = failure_entry(WF_CONFIG, 5);
    struct wf_keys *keys = keys_of(KEYS_A, "");
    const struct wf_entry known = {.reason = WF_CONFIG, .until = 5, .text = "why"};
    bool all_over = false;

    (void)state;
    for (unsigned n = 1; !all_over; n++) {
        struct wf_keys *made = NULL;
        struct wf_entry failure = {.reason = WF_OK};
        struct wf_buf out = WF_BUF_INIT(WF_HTTP_BODY_MAX);
        struct wf_buf down_out = WF_BUF_INIT(WF_HTTP_BODY_MAX);
        struct wf_err err = WF_ERR_INIT;
        fail_alloc_at = n;
        enum wf_reason reason = wf_keys_read(&conf, span(entry), NULL, &made, &err);
        bool over = fail_alloc_at > 0;
        fail_alloc_at = n;
        enum wf_reason read = wf_keys_failure_read(&conf, span(down), &failure, NULL);
        bool read_over = fail_alloc_at > 0;
        fail_alloc_at = n;
        bool written = wf_keys_write(keys, &conf, &out);
        bool write_over = fail_alloc_at > 0;
        fail_alloc_at = n;
        bool down_written = wf_keys_failure_write(&known, &conf, &down_out);
        bool down_over = fail_alloc_at > 0;
        fail_alloc_at = 0;
        all_over = over && read_over && write_over && down_over;
        assert_int_equal(reason, over ? WF_OK : WF_INTERNAL);
        assert_int_equal(err.text[0] == '\0', over);
        assert_int_equal(made != NULL, over);
        assert_int_equal(read, read_over ? WF_OK : WF_INTERNAL);
        assert_int_equal(failure.reason, read_over ? WF_CONFIG : WF_OK);
        assert_int_equal(written, write_over);
        assert_int_equal(down_written, down_over);
        wf_keys_free(made);
        wf_buf_done(&out);
        wf_buf_done(&down_out);
    }
    wf_keys_free(keys);
}

/* No room is no entry. */
static void test_no_room(void **state)
{
    struct wf_keys *keys = keys_of(KEYS_A, "");
    const struct wf_entry failure = {.reason = WF_CONFIG, .text = "why"};
    struct wf_buf out = WF_BUF_INIT(20);
    struct wf_buf small = WF_BUF_INIT(20);

    (void)state;
    assert_false(wf_keys_write(keys, &conf, &out));
    assert_false(wf_keys_failure_write(&failure, &conf, &small));
    wf_buf_done(&out);
    wf_buf_done(&small);
    wf_keys_free(keys);
}

static int done(void **state)
{
    (void)state;
    mint_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_hash),
        cmocka_unit_test(test_new),        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_failure),    cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests_name("keyring, entries", tests, NULL, done);
}
