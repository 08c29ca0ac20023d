/* What others than a refresh change in a session that is kept: its end, a token that no longer counts,
 * what the provider has confirmed. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failallocs.h"
#include "refreshcase.h"

static int reset(void **state)
{
    (void)state;
    fsyncs_left = 1000;
    fail_alloc_at = 0;
    return 0;
}

static enum wf_reason end_session(const char *token, struct wf_err *err)
{
    const struct wf_refresh refresh = make_refresh(NULL);
    struct wf_secret *access = wf_secret_new(token, strlen(token));

    assert_non_null(access);
    enum wf_reason reason = wf_refresh_end(&refresh, "alice", access, "the account is closed", err);
    wf_secret_free(access);
    return reason;
}

/* A closed account ends the session that it was seen by, and no later one. */
static void test_end(void **state)
{
    (void)state;
    begin(0, 3600);
    assert_int_equal(end_session("a9", NULL), WF_OK);
    struct wf_record *record = kept();
    assert_int_equal(record->ended, 0);
    assert_true(holds(record->access, "a0"));
    wf_record_free(record);
    now = START + 7;
    assert_int_equal(end_session("a0", NULL), WF_OK);
    record = kept();
    assert_int_equal(record->ended, START + 7);
    assert_string_equal(record->why, "the account is closed");
    assert_null(record->access);
    wf_record_free(record);
    /* Once */
    now = START + 8;
    assert_int_equal(end_session("a0", NULL), WF_OK);
    record = kept();
    assert_int_equal(record->ended, START + 7);
    wf_record_free(record);
    key_folder_empty(folder);
    assert_int_equal(end_session("a0", NULL), WF_OK);
    begin(0, 3600);
    fsyncs_left = 0;
    assert_int_equal(end_session("a0", NULL), WF_CONFIG);
}

/* The token that others may hold is given out once more, to be revoked, and used no longer here. */
static void test_retire(void **state)
{
    const struct wf_refresh refresh = make_refresh(NULL);
    struct wf_secret *mine = wf_secret_new("mine", 4);
    struct wf_secret *token = mine;

    (void)state;
    begin(0, 3600);
    fsyncs_left = 0;
    assert_int_equal(wf_refresh_retire(&refresh, "alice", &token, NULL), WF_CONFIG);
    assert_ptr_equal(token, mine);
    fsyncs_left = 1000;
    assert_int_equal(wf_refresh_retire(&refresh, "alice", &token, NULL), WF_OK);
    assert_true(holds(token, "a0"));
    wf_secret_free(token);
    struct wf_record *record = kept();
    assert_int_equal(record->access_expires, record->obtained);
    assert_true(holds(record->refresh, "r0"));
    wf_record_free(record);
    token = mine;
    key_folder_empty(folder);
    assert_int_equal(wf_refresh_retire(&refresh, "alice", &token, NULL), WF_OK);
    assert_null(token);
    wf_secret_free(mine);
}

/* What the provider says of a person is kept in their session alone. */
static void test_confirm(void **state)
{
    const struct wf_refresh refresh = make_refresh(NULL);

    (void)state;
    begin(0, 3600);
    now = START + 3;
    assert_int_equal(wf_refresh_confirm(&refresh, "alice", "5f0f", "{}", NULL), WF_OK);
    struct wf_record *record = kept();
    assert_null(record->claims);
    assert_int_equal(record->confirmed, 0);
    wf_record_free(record);
    for (int i = 0; i < 2; i++) {
        const char *claims = i == 0 ? "{\"ID\":\"5f0e\"}" : "{}";
        now = START + 4 + i;
        assert_int_equal(wf_refresh_confirm(&refresh, "alice", "5f0e", claims, NULL), WF_OK);
        record = kept();
        assert_string_equal(record->claims, claims);
        assert_int_equal(record->confirmed, START + 4 + i);
        wf_record_free(record);
    }
    fsyncs_left = 0;
    assert_int_equal(wf_refresh_confirm(&refresh, "alice", "5f0e", "{}", NULL), WF_CONFIG);
}

/* Memory that is short is said, and nothing is changed by half. */
static void test_memory(void **state)
{
    const struct wf_refresh refresh = make_refresh(NULL);

    (void)state;
    for (int job = 0; job < 3; job++) {
        bool failed = true;
        for (unsigned n = 1; failed; n++) {
            struct wf_secret *access = wf_secret_new("a0", 2);
            struct wf_secret *token = NULL;
            struct wf_err err = WF_ERR_INIT;
            begin(0, 3600);
            fail_alloc_at = n;
            enum wf_reason reason =
                job == 0   ? wf_refresh_end(&refresh, "alice", access, "why", &err)
                : job == 1 ? wf_refresh_retire(&refresh, "alice", &token, &err)
                           : wf_refresh_confirm(&refresh, "alice", "5f0e", "{}", &err);
            failed = fail_alloc_at == 0;
            fail_alloc_at = 0;
            if (failed ? reason != WF_INTERNAL || err.text[0] == '\0' || token != NULL
                       : reason != WF_OK)
                fail_msg("%d, %u: %s (%s)", job, n, wf_reason_name(reason), err.text);
            struct wf_record *record = kept();
            bool changed = record->ended != 0 || record->access_expires != START + 3600 ||
                           record->claims != NULL;
            if (changed == failed)
                fail_msg("%d, %u: %s", job, n, failed ? "changed" : "not changed");
            wf_record_free(record);
            wf_secret_free(token);
            wf_secret_free(access);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_end, reset),
        cmocka_unit_test_setup(test_retire, reset),
        cmocka_unit_test_setup(test_confirm, reset),
        cmocka_unit_test_setup(test_memory, reset),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
