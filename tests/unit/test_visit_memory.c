/*
 * Sessions of the host while memory is short: every allocation of the core's fails in turn. Nobody
 * is kept out, and no token file stays of which nobody knows.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failallocs.h"
#include "visit_case.h"

/* More than either has. */
#define CALLS_MAX 2000

static void start(void)
{
    clear_all();
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    fake_door_script(logout, 2);
}

static void test_begin(void **state)
{
    (void)state;
    unsigned files = 0;
    unsigned n = 1;

    for (bool failed = true; failed; n++) {
        char *path = NULL;
        start();
        fail_alloc_at = n;
        enum wf_reason reason =
            wf_visit_begin(state_context, &ssh, NULL, export_runtime, &path, NULL);
        failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        assert_int_equal(reason, WF_OK);
        assert_true(path == NULL || export_is_there(path));
        if (path == NULL && key_log[0] == '\0')
            fail_msg("nobody hears of call %u", n);
        files += path != NULL;
        free(path);
        assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
        if (export_is_there(export_folder))
            fail_msg("the file is left after call %u", n);
        assert_true(n < CALLS_MAX);
    }
    /* Some calls were of no matter */
    assert_true(files >= 1 && files <= n - 2);
}

static void test_end(void **state)
{
    (void)state;
    unsigned removed = 0;
    unsigned n = 1;

    for (bool failed = true; failed; n++) {
        char *path = NULL;
        start();
        assert_int_equal(wf_visit_begin(state_context, &ssh, NULL, export_runtime, &path, NULL),
                         WF_OK);
        assert_non_null(path);
        free(path);
        key_log[0] = '\0';
        fail_alloc_at = n;
        assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
        failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        removed += !export_is_there(export_folder);
        /* Whatever was not done is in the log */
        if ((export_is_there(export_folder) || fake_door_count() != 1) && key_log[0] == '\0')
            fail_msg("nobody hears of call %u: %zu requests", n, fake_door_count());
        assert_true(n < CALLS_MAX);
    }
    assert_true(removed >= 1 && removed <= n - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_begin, reset, check_left),
        cmocka_unit_test_setup_teardown(test_end, reset, check_left),
    };
    return cmocka_run_group_tests_name("visit_memory", tests, set_up, tear_down);
}
