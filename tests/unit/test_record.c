/* What a record says of a session: how a refresh failed, and how the session ended. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store.h"

static struct wf_record *make(void)
{
    static const struct wf_provider_conf conf = {.name = "acme", .url = "https://acme.example"};
    struct wf_record *record = wf_record_new(&conf, "alice", "5f0e");

    assert_non_null(record);
    record->access = wf_secret_new("a", 1);
    record->refresh = wf_secret_new("r", 1);
    return record;
}

static void test_new(void **state)
{
    struct wf_record *record = make();

    (void)state;
    assert_string_equal(record->provider, "acme");
    assert_string_equal(record->user, "alice");
    assert_string_equal(record->url, "https://acme.example");
    assert_string_equal(record->client_id, "-");
    assert_string_equal(record->subject, "5f0e");
    assert_int_equal(wf_record_check(record, NULL), WF_OK);
    wf_record_free(record);
    wf_record_free(NULL);
}

static void test_fail(void **state)
{
    struct wf_record *record = make();

    (void)state;
    assert_true(wf_record_fail(record, 5, WF_UNREACHABLE, 0, "no\nanswer"));
    assert_int_equal(record->failed, 5);
    assert_string_equal(record->failure, "no?answer");
    assert_int_equal(wf_record_failure(record), WF_UNREACHABLE);
    assert_true(wf_record_fail(record, 6, WF_CONFIG, 7, ""));
    assert_int_equal(wf_record_failure(record), WF_CONFIG);
    assert_int_equal(record->failed, 6);
    assert_int_equal(wf_record_rest(record), 7);
    assert_string_equal(record->failure, "-");
    /* Whatever stands in a file, it is none by which anybody gets in, or is over */
    for (int64_t as = -1; as <= WF_REASON_COUNT; as++) {
        record->failed_as = as;
        assert_int_equal(wf_record_failure(record), as == WF_CONFIG     ? WF_CONFIG
                                                    : as == WF_INTERNAL ? WF_INTERNAL
                                                                        : WF_UNREACHABLE);
    }
    assert_int_equal(wf_record_check(record, NULL), WF_OK);
    wf_record_free(record);
}

/* Neither no rest at all, nor one for good */
static void test_bounds_of_rest(void **state)
{
    static const int64_t cases[][2] = {
        {INT64_MIN, 5}, {0, 5}, {5, 5}, {6, 6}, {3599, 3599}, {3600, 3600}, {3601, 3600}, {INT64_MAX, 3600}};
    struct wf_record *record = make();

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        record->rest = cases[i][0];
        assert_int_equal(wf_record_rest(record), cases[i][1]);
    }
    wf_record_free(record);
}

static void test_end(void **state)
{
    struct wf_record *record = make();

    (void)state;
    record->refreshing = 4;
    assert_true(wf_record_end(record, 7, "signed out"));
    assert_int_equal(record->ended, 7);
    assert_int_equal(record->refreshing, 0);
    assert_string_equal(record->why, "signed out");
    assert_true(record->access == NULL && record->refresh == NULL);
    assert_int_equal(wf_record_check(record, NULL), WF_OK);
    wf_record_free(record);
}

/* A session has a token and no end; the end of one has words and no token. */
static const struct {
    const char *name;
    int64_t ended;
    bool words;
    bool token;
    enum wf_reason reason;
} rows[] = {
    {"a session", 0, false, true, WF_OK},
    {"the end of one", 5, true, false, WF_OK},
    {"no token", 0, false, false, WF_MALFORMED},
    {"words, and no end", 0, true, true, WF_MALFORMED},
    {"an end without words", 5, false, false, WF_MALFORMED},
    {"an end with a token", 5, true, true, WF_MALFORMED},
};

static void test_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_record *record = make();
        struct wf_err err = WF_ERR_INIT;
        record->ended = rows[i].ended;
        record->why = rows[i].words ? strdup("x") : NULL;
        if (!rows[i].token) {
            wf_secret_free(record->access);
            record->access = NULL;
        }
        enum wf_reason reason = wf_record_check(record, &err);
        if (reason != rows[i].reason || (reason != WF_OK) != (err.text[0] != '\0'))
            fail_msg("%s: %s", rows[i].name, wf_reason_name(reason));
        wf_record_free(record);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_fail),
        cmocka_unit_test(test_bounds_of_rest),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
