/*
 * Several sessions of one user: they share a token file, and the last one that ends takes it along.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <signal.h>

#include <cmocka.h>

#include "visit_case.h"

/* A process that begins and ends when it is told to. */
struct visitor {
    pid_t pid;
    int to;
    int from;
};

/* What it does; the byte that it answers is the verdict of each step. It must not use cmocka's
 * assertions. */
static int visit(int in, int out)
{
    char *path = NULL;
    char byte = 0;

    fake_door_script(logout, 2);
    bool good = wf_visit_begin(state_context, &ssh, NULL, export_runtime, &path, NULL) == WF_OK &&
                path != NULL && export_is_there(export_file);
    free(path);
    if (write(out, good ? "+" : "-", 1) != 1 || read(in, &byte, 1) != 1)
        return 1;
    good = export_is_there(export_file) && wf_visit_end(state_context, &ssh, NULL) == WF_OK;
    byte = (char)('0' + (good ? (char)fake_door_count() : 9));
    return write(out, &byte, 1) == 1 ? 0 : 1;
}

static void visitor_start(struct visitor *ret)
{
    int to[2];
    int from[2];

    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    (void)fflush(NULL);
    ret->pid = fork();
    assert_true(ret->pid >= 0);
    if (ret->pid == 0) {
        (void)close(to[1]);
        (void)close(from[0]);
        _exit(visit(to[0], from[1]));
    }
    (void)close(to[0]);
    (void)close(from[1]);
    ret->to = to[1];
    ret->from = from[0];
}

static char visitor_heard(const struct visitor *visitor)
{
    char byte = 'x';

    assert_int_equal(read(visitor->from, &byte, 1), 1);
    return byte;
}

/* How many tokens it has ended at the provider. */
static char visitor_end(struct visitor *visitor)
{
    int status = 0;

    assert_int_equal(write(visitor->to, "e", 1), 1);
    char said = visitor_heard(visitor);
    assert_int_equal(waitpid(visitor->pid, &status, 0), visitor->pid);
    assert_int_equal(status, 0);
    (void)close(visitor->to);
    (void)close(visitor->from);
    return said;
}

/* One that is killed, and whose end is noticed by nobody of theirs. */
static void visitor_kill(struct visitor *visitor)
{
    assert_int_equal(kill(visitor->pid, SIGKILL), 0);
    assert_int_equal(waitpid(visitor->pid, NULL, 0), visitor->pid);
    (void)close(visitor->to);
    (void)close(visitor->from);
}

static void test_the_last_one(void **state)
{
    struct visitor visitors[3];

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    for (size_t i = 0; i < 3; i++) {
        visitor_start(&visitors[i]);
        assert_int_equal(visitor_heard(&visitors[i]), '+');
    }
    assert_int_equal(visitor_end(&visitors[1]), '0');
    assert_string_equal(export_content(export_file), "a1\n");
    assert_int_equal(visitor_end(&visitors[0]), '0');
    assert_string_equal(export_content(export_file), "a1\n");
    assert_int_equal(visitor_end(&visitors[2]), '1');
    assert_false(export_is_there(export_folder));
    check_retired("a1");
}

/* A session that was replaced is open as long as somebody may use its token. */
static void test_replaced(void **state)
{
    struct visitor visitors[2];

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    for (size_t i = 0; i < 2; i++) {
        visitor_start(&visitors[i]);
        assert_int_equal(visitor_heard(&visitors[i]), '+');
    }
    replace("p1");
    assert_int_equal(visitor_end(&visitors[0]), '0');
    /* Nor does the end of one that had no token at all */
    fake_door_script(logout, 2);
    assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
    assert_int_equal(fake_door_count(), 0);
    assert_int_equal(visitor_end(&visitors[1]), '2');
}

/* One that was killed has not ended anything, but does not count any more. */
static void test_killed(void **state)
{
    struct visitor killed;
    struct visitor other;

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    visitor_start(&killed);
    assert_int_equal(visitor_heard(&killed), '+');
    visitor_start(&other);
    assert_int_equal(visitor_heard(&other), '+');
    visitor_kill(&killed);
    assert_int_equal(visitor_end(&other), '1');
    assert_false(export_is_there(export_folder));
}

/* Somebody else's session ends: how many tokens are ended at the provider. */
static size_t bob_ends(void)
{
    struct wf_request bob = ssh;

    bob.user = "bob";
    fake_door_script(logout, 2);
    assert_int_equal(wf_visit_end(state_context, &bob, NULL), WF_OK);
    return fake_door_count();
}

static size_t stamps(void)
{
    char path[400];

    key_folder_find(state_folder, "stamp-", path, sizeof(path));
    return path[0] != '\0';
}

/* Whoever's session ends next does it in their stead, once. */
static void test_left(void **state)
{
    struct visitor killed;

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    assert_int_equal(bob_ends(), 0);
    visitor_start(&killed);
    assert_int_equal(visitor_heard(&killed), '+');
    /* It lives */
    assert_int_equal(bob_ends(), 0);
    assert_string_equal(export_content(export_file), "a1\n");
    visitor_kill(&killed);
    assert_int_equal(bob_ends(), 1);
    assert_non_null(strstr(key_log, "a session of alice has ended without a word"));
    assert_false(export_is_there(export_folder));
    check_retired("a1");
    assert_int_equal(stamps(), 0);
    key_log[0] = '\0';
    assert_int_equal(bob_ends(), 0);
    assert_string_equal(key_log, "");
}

/* What a session that lives has is not touched. */
static void test_left_beside_one_that_lives(void **state)
{
    struct visitor killed;
    struct visitor other;

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    visitor_start(&killed);
    assert_int_equal(visitor_heard(&killed), '+');
    visitor_start(&other);
    assert_int_equal(visitor_heard(&other), '+');
    visitor_kill(&killed);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(bob_ends(), 0);
        assert_string_equal(export_content(export_file), "a1\n");
    }
    assert_int_equal(visitor_end(&other), '1');
    assert_false(export_is_there(export_folder));
}

/* Several of one person: the token is ended once. */
static void test_two_left(void **state)
{
    struct visitor visitors[2];

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    for (size_t i = 0; i < 2; i++) {
        visitor_start(&visitors[i]);
        assert_int_equal(visitor_heard(&visitors[i]), '+');
    }
    visitor_kill(&visitors[0]);
    visitor_kill(&visitors[1]);
    assert_int_equal(bob_ends(), 1);
    assert_int_equal(bob_ends(), 0);
    assert_int_equal(stamps(), 0);
}

/* At a provider that is not configured any more: the file goes, and nobody is told. */
static void test_left_at_another(void **state)
{
    struct visitor killed;

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    visitor_start(&killed);
    assert_int_equal(visitor_heard(&killed), '+');
    visitor_kill(&killed);
    state_load_whole(ANOTHER, EXPORTS);
    assert_int_equal(bob_ends(), 0);
    assert_false(export_is_there(export_folder));
    assert_int_equal(stamps(), 0);
}

/* There, too, one that lives keeps its file. */
static void test_left_at_another_beside_one_that_lives(void **state)
{
    struct visitor killed;
    struct visitor other;

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    visitor_start(&killed);
    assert_int_equal(visitor_heard(&killed), '+');
    visitor_start(&other);
    assert_int_equal(visitor_heard(&other), '+');
    visitor_kill(&killed);
    state_load_whole(ANOTHER, EXPORTS);
    assert_int_equal(bob_ends(), 0);
    assert_string_equal(key_log, "a session of alice has ended without a word\n");
    assert_string_equal(export_content(export_file), "a1\n");
    assert_int_equal(visitor_end(&other), '1');
    assert_false(export_is_there(export_folder));
}

/* All at once: whoever is inside has the file, and one ends the token. */
static void test_at_once(void **state)
{
    struct visitor visitors[8];
    unsigned ended = 0;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        clear_all();
        state_load(EXPORTS);
        keep("id-1", "a1", 3600);
        ended = 0;
        for (size_t i = 0; i < WF_ARRAY_LEN(visitors); i++)
            visitor_start(&visitors[i]);
        for (size_t i = 0; i < WF_ARRAY_LEN(visitors); i++)
            assert_int_equal(visitor_heard(&visitors[i]), '+');
        for (size_t i = 0; i < WF_ARRAY_LEN(visitors); i++)
            assert_int_equal(write(visitors[i].to, "e", 1), 1);
        for (size_t i = 0; i < WF_ARRAY_LEN(visitors); i++) {
            char said = visitor_heard(&visitors[i]);
            /* Two that end at once look for the file after the last one has removed it */
            assert_true(said >= '0' && said <= '9');
            ended += said == '1';
            assert_int_equal(waitpid(visitors[i].pid, NULL, 0), visitors[i].pid);
            (void)close(visitors[i].to);
            (void)close(visitors[i].from);
        }
        assert_int_equal(ended, 1);
        assert_false(export_is_there(export_folder));
        check_retired("a1");
    }
}

/* Coming and going: whoever is inside has the file, whoever else goes; tokens that somebody's end
 * has ended are renewed by who comes next. */
#define GUESTS 4
#define TURNS 8

static int come_and_go(void)
{
    static const struct fake_answer script[] = {
        STATEFUL_TOKENS("a2", "r2"), STATEFUL_TOKENS("a3", "r3"), STATEFUL_TOKENS("a4", "r4")};

    for (unsigned turn = 0; turn < TURNS; turn++) {
        char *path = NULL;
        fake_door_script(script, WF_ARRAY_LEN(script));
        if (wf_visit_begin(state_context, &ssh, NULL, export_runtime, &path, NULL) != WF_OK ||
            path == NULL)
            return 1;
        free(path);
        for (unsigned look = 0; look < 3; look++) {
            if (export_content(export_file)[0] != 'a')
                return 2;
            (void)usleep(500 * (turn % 3));
        }
        if (wf_visit_end(state_context, &ssh, NULL) != WF_OK)
            return 3;
    }
    return 0;
}

static void test_coming_and_going(void **state)
{
    pid_t pids[GUESTS];

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    (void)fflush(NULL);
    for (size_t i = 0; i < GUESTS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            _exit(come_and_go());
    }
    for (size_t i = 0; i < GUESTS; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_false(export_is_there(export_folder));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, reset, check_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_last_one),
        CASE(test_replaced),
        CASE(test_killed),
        CASE(test_left),
        CASE(test_left_beside_one_that_lives),
        CASE(test_two_left),
        CASE(test_left_at_another),
        CASE(test_left_at_another_beside_one_that_lives),
        CASE(test_at_once),
        CASE(test_coming_and_going),
    };
    return cmocka_run_group_tests_name("visit_several", tests, set_up, tear_down);
}
