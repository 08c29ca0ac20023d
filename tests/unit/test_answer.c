/* What one process asks and all use: when it is asked, what is kept and for how long, and what lies
 * on the disk in its place. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "answer.h"
#include "cachefolder.h"
#include "json.h"

#define T0 1700000000
#define NAME "number"

static const struct wf_provider_conf conf = {.name = "mail", .url = ISSUER, .timeout = 1};

/* Clocks: of the lock, which is waited for without waiting, and of the requests. */
static int64_t lock_step; /* seconds by which it goes on with each look */
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
    static int64_t ahead;

    ahead += lock_step;
    int rc = __real_clock_gettime(clock, ret);
    ret->tv_sec += (time_t)ahead;
    return rc;
}

static int64_t request_step; /* milliseconds */
int64_t __wrap_wf_frame_now(void);
int64_t __wrap_wf_frame_now(void)
{
    static int64_t now = 1;

    now += request_step;
    return now;
}

/* jansson's own memory is out of reach: what stands before it fails instead. */
static bool no_memory;
struct json_t *__real_wf_json_new(void);
struct json_t *__wrap_wf_json_new(void);
struct json_t *__wrap_wf_json_new(void)
{
    return no_memory ? NULL : __real_wf_json_new();
}

/* A number, which the provider makes one more of each time that it is asked; 0: none */
static struct {
    unsigned asked;
    enum wf_reason reason;
    int64_t hold; /* -1: as long as may be */
} provider;

static enum wf_reason ask_number(void *value, int64_t *hold, struct wf_err *err)
{
    assert_int_equal(*(int64_t *)value, 0);
    assert_int_equal(*hold, 1000);
    provider.asked++;
    if (provider.hold >= 0)
        *hold = provider.hold;
    if (provider.reason != WF_OK)
        return wf_fail(err, provider.reason, "refusal %u", provider.asked);
    *(int64_t *)value = provider.asked;
    return WF_OK;
}

static bool write_number(const void *value, struct json_t *entry)
{
    assert_int_not_equal(*(const int64_t *)value, 0);
    return wf_json_set_number(entry, "number", *(const int64_t *)value);
}

static enum wf_reason read_number(void *value, const struct json_t *entry, struct wf_err *err)
{
    const struct wf_json_field fields[] = {{"number", WF_JSON_NUMBER, value, true}};

    assert_int_equal(*(int64_t *)value, 0);
    return wf_json_read(entry, fields, WF_ARRAY_LEN(fields), err);
}

static const struct wf_answer_kind kind = {
    .what = "number",
    .max = 1024,
    .life = 1000,
    .rest = 10,
    .grace_ms = 100,
    .ask = ask_number,
    .write = write_number,
    .read = read_number,
};

static struct wf_answer answer_at(struct wf_cachedir *in, int64_t at)
{
    return (struct wf_answer){&kind, &conf, in, &key_log_sink, NAME, "b", T0 + at};
}

static void script(enum wf_reason reason, int64_t hold)
{
    provider.asked = 0;
    provider.reason = reason;
    provider.hold = hold;
    wf_cachedir_remove(dir, NAME);
}

/* The number; 0 for a failure, whose reason and text are checked to be those of `number`. */
static int64_t get(int64_t at)
{
    const struct wf_answer answer = answer_at(dir, at);
    struct wf_err err = WF_ERR_INIT;
    int64_t number = 0;

    key_log[0] = '\0';
    enum wf_reason reason = wf_answer_get(&answer, &number, &err);
    assert_int_equal(reason, provider.reason);
    assert_int_equal(reason == WF_OK, number != 0);
    if (reason != WF_OK) {
        char text[32];
        (void)snprintf(text, sizeof(text), "refusal %u", provider.asked);
        assert_string_equal(err.text, text);
    }
    return number;
}

/* True if the folder has an entry whose end this is. */
static bool is_kept(const char *end)
{
    struct wf_buf text = WF_BUF_INIT(1024);

    assert_true(wf_cachedir_read(dir, NAME, &text));
    size_t len = strlen(end);
    bool kept = text.len > 0 && text.len >= len &&
                memcmp(text.data + text.len - len, end, len) == 0;
    wf_buf_done(&text);
    return kept;
}

/* For how long what is found out is everybody's. */
static const struct {
    const char *name;
    enum wf_reason reason;
    int64_t hold;
    int64_t step;  /* milliseconds that asking takes */
    int64_t until; /* seconds from the begin; 0: nobody else's */
} lives[] = {
    {"as long as may be", WF_OK, -1, 0, 1000},
    {"longer than may be", WF_OK, 1001, 0, 1000},
    {"a while", WF_OK, 30, 0, 30},
    {"a second", WF_OK, 1, 0, 1},
    {"for nobody else", WF_OK, 0, 0, 0},
    {"asked for long", WF_OK, 30, 20000, 30},
    {"unreachable", WF_UNREACHABLE, -1, 0, 10},
    {"refused", WF_EXPIRED, -1, 0, 10},
    {"misconfigured", WF_CONFIG, -1, 0, 10},
    {"a short rest", WF_UNREACHABLE, 3, 0, 3},
    {"no rest", WF_CONFIG, 0, 0, 0},
    {"a time-out", WF_UNREACHABLE, -1, 20000, 30},
    {"no memory", WF_INTERNAL, -1, 0, 0},
};

static void test_lives(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(lives); i++) {
        unsigned wanted = lives[i].until > 0 ? 1 : 2;
        script(lives[i].reason, lives[i].hold);
        request_step = lives[i].step;
        (void)get(0);
        request_step = 0;
        (void)get(0);
        if (provider.asked != wanted)
            fail_msg("%s: asked %u times", lives[i].name, provider.asked);
        if (lives[i].until == 0) {
            assert_false(is_kept(""));
            continue;
        }
        (void)get(lives[i].until - 1);
        assert_int_equal(provider.asked, 1);
        (void)get(lives[i].until);
        if (provider.asked != 2)
            fail_msg("%s: it holds for too long", lives[i].name);
    }
}

#define ENTRY(v, bound, fetched, until, rest)                                                      \
    "{\"v\":" v ",\"bound\":\"" bound "\",\"fetched\":" fetched ",\"until\":" until "," rest "}"
#define HOLDS(fetched, until) ENTRY("2", "b", fetched, until, "\"number\":7")
#define FAILED(fetched, until, name)                                                               \
    ENTRY("2", "b", fetched, until, "\"failure\":" name ",\"text\":\"it is\\u001b down\"")
#define NOT WF_MALFORMED, WF_OK
static const struct {
    const char *name;
    const char *text;
    enum wf_reason reason;
    enum wf_reason kept;
} entries[] = {
    {"good", HOLDS("1700000000", "1700000001"), WF_OK, WF_OK},
    {"over", HOLDS("1699999990", "1700000000"), WF_EXPIRED, WF_OK},
    {"longest", HOLDS("1700000000", "1700001000"), WF_OK, WF_OK},
    {"too long", HOLDS("1700000000", "1700001001"), WF_EXPIRED, WF_OK},
    {"a little ahead", HOLDS("1700000300", "1700000400"), WF_OK, WF_OK},
    {"from the future", HOLDS("1700000301", "1700000400"), WF_EXPIRED, WF_OK},
    {"unreachable", FAILED("1700000000", "1700000010", "\"unreachable\""), WF_OK, WF_UNREACHABLE},
    {"config", FAILED("1700000000", "1700000010", "\"config\""), WF_OK, WF_CONFIG},
    {"expired", FAILED("1700000000", "1700000010", "\"expired\""), WF_OK, WF_EXPIRED},
    {"a failure that is over", FAILED("1699999990", "1700000000", "\"config\""), WF_EXPIRED, WF_OK},
    {"a failure for too long", FAILED("1700000000", "1700000011", "\"config\""), WF_EXPIRED, WF_OK},
    {"a failure of another kind", FAILED("1700000000", "1700000010", "\"internal\""), NOT},
    {"a number", FAILED("1700000000", "1700000010", "1"), NOT},
    {"a failure of one letter",
     ENTRY("2", "b", "1700000000", "1700000010", "\"failure\":\"x\",\"number\":7"), NOT},
    {"a failure before a value",
     ENTRY("2", "b", "1700000000", "1700000010", "\"failure\":\"config\",\"number\":7"), WF_OK,
     WF_CONFIG},
    {"an older version", ENTRY("1", "b", "1700000000", "1700000010", "\"number\":7"), NOT},
    {"another's", ENTRY("2", "c", "1700000000", "1700000010", "\"number\":7"), WF_EXPIRED, WF_OK},
    {"nobody's", ENTRY("2", "", "1700000000", "1700000010", "\"number\":7"), NOT},
    {"no version", "{\"bound\":\"b\",\"fetched\":1700000000,\"until\":1700000010,\"number\":7}", NOT},
    {"no begin", "{\"v\":2,\"bound\":\"b\",\"until\":1700000010,\"number\":7}", NOT},
    {"no end", "{\"v\":2,\"bound\":\"b\",\"fetched\":1700000000,\"number\":7}", NOT},
    {"no value", ENTRY("2", "b", "1700000000", "1700000010", "\"n\":7"), NOT},
    {"half", "{\"v\":2,\"bound\":\"b\"", NOT},
    {"nothing", "", NOT},
};

/* What all have in common, and nothing where it is no good. */
static void check_head(const char *name, struct wf_span text)
{
    struct wf_entry entry = {.reason = WF_DENIED};
    struct json_t *json = NULL;
    enum wf_reason reason = wf_entry_read(text, "b", &entry, &json, NULL);

    if ((reason == WF_OK) != (json != NULL) || (reason == WF_OK) != (entry.reason != WF_DENIED))
        fail_msg("%s: %s", name, wf_reason_name(reason));
    wf_json_free(json);
}

static void test_entries(void **state)
{
    const struct wf_answer answer = answer_at(dir, 0);

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(entries); i++) {
        struct wf_entry entry = {.reason = WF_OK};
        struct wf_err err = WF_ERR_INIT;
        int64_t number = 0;
        const struct wf_span text = {entries[i].text, strlen(entries[i].text)};
        enum wf_reason reason = wf_answer_read(&answer, text, &number, &entry, &err);
        bool there = reason == WF_OK && entries[i].kept == WF_OK;
        if (reason != entries[i].reason || entry.reason != entries[i].kept ||
            number != (there ? 7 : 0) ||
            (reason == WF_MALFORMED && err.text[0] == '\0'))
            fail_msg("%s: %s, %s, %s", entries[i].name, wf_reason_name(reason),
                     wf_reason_name(entry.reason), err.text);
        bool has_text = reason == WF_OK && strstr(entries[i].text, "text") != NULL;
        assert_string_equal(entry.text, has_text ? "it is? down" : "");
        check_head(entries[i].name, text);
    }
}

static void put(const char *text)
{
    assert_true(wf_cachedir_replace(dir, NAME, text, strlen(text)));
}

/* What lies there: used, quietly passed over, or passed over and said, once. */
static void test_folder(void **state)
{
    (void)state;
    script(WF_OK, -1);
    put(HOLDS("1700000000", "1700000100"));
    assert_int_equal(get(0), 7);
    assert_string_equal(key_log, "");
    assert_int_equal(get(100), 1);
    assert_string_equal(key_log, "");
    assert_true(is_kept(ENTRY("2", "b", "1700000100", "1700001100", "\"number\":1")));
    put("{");
    assert_int_equal(get(0), 2);
    const char *said = strstr(key_log, "kept number of provider mail is ignored: ");
    assert_non_null(said);
    assert_null(strstr(said + 1, "kept number"));
    assert_int_equal(get(0), 2);
    put("");
    assert_int_equal(get(0), 3);
    assert_non_null(strstr(key_log, "it is empty"));
}

/* Who only looks never asks, and hears of values alone. */
static void test_kept(void **state)
{
    const struct wf_answer answer = answer_at(dir, 0);
    const struct wf_answer nowhere = answer_at(NULL, 0);
    int64_t number = 0;

    (void)state;
    script(WF_OK, -1);
    assert_false(wf_answer_kept(&answer, &number));
    put(FAILED("1700000000", "1700000010", "\"config\""));
    assert_false(wf_answer_kept(&answer, &number));
    put("{");
    key_log[0] = '\0';
    assert_false(wf_answer_kept(&answer, &number));
    assert_string_equal(key_log, "");
    put(HOLDS("1700000000", "1700000100"));
    assert_false(wf_answer_kept(&nowhere, &number));
    assert_int_equal(number, 0);
    assert_true(wf_answer_kept(&answer, &number));
    assert_int_equal(number, 7);
    assert_int_equal(provider.asked, 0);
}

/* Where nothing can be kept everybody asks, and has an answer all the same. */
static void test_not_kept(void **state)
{
    const struct wf_answer nowhere = answer_at(NULL, 0);
    int64_t number = 0;

    (void)state;
    script(WF_OK, -1);
    assert_int_equal(wf_answer_get(&nowhere, &number, NULL), WF_OK);
    assert_int_equal(number, 1);
    no_memory = true;
    assert_int_equal(get(0), 2);
    no_memory = false;
    assert_int_equal(get(0), 3);
    assert_int_equal(get(0), 3);
    provider.reason = WF_CONFIG;
    number = 0;
    assert_int_equal(wf_answer_get(&nowhere, &number, NULL), WF_CONFIG);
}

/* Somebody who hangs with the lock does not keep the others from asking; who has it is waited for. */
static void test_hung_lock(void **state)
{
    int lock = -1;

    (void)state;
    script(WF_OK, -1);
    assert_true(wf_cachedir_lock(dir, NAME, 0, &lock));
    lock_step = 1;
    assert_int_equal(get(0), 1);
    lock_step = 0;
    wf_cachedir_unlock(lock);
    assert_int_equal(get(1), 1);
    /* And it is given back */
    assert_true(wf_cachedir_lock(dir, NAME, 0, &lock));
    wf_cachedir_unlock(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives),    cmocka_unit_test(test_entries),
        cmocka_unit_test(test_folder),   cmocka_unit_test(test_kept),
        cmocka_unit_test(test_not_kept), cmocka_unit_test(test_hung_lock),
    };

    return cmocka_run_group_tests_name("answer", tests, cache_set_up, cache_tear_down);
}
