/* Anchors: who is in a session and who is not, with real processes and terminals. */
#include "config.h"

#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "anchor.h"

static bool is_root;
uid_t __real_getuid(void);
uid_t __wrap_getuid(void);
uid_t __wrap_getuid(void)
{
    return is_root ? 0 : __real_getuid();
}

/* Real processes. A check fails by its number, which the parent reports. */

static struct wf_anchor *shared; /* between processes */

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            _exit(__LINE__ % 250 + 1);                                                             \
    } while (0)

/* A child that waits for what does not come ends all the same, whatever has become of the test. */
static pid_t fork_child(void)
{
    pid_t pid = fork();

    if (pid == 0)
        (void)alarm(120);
    return pid;
}

static void wait_for(pid_t pid)
{
    int status = -1;

    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        fail_msg("line %d (modulo 250), signal %d", WEXITSTATUS(status) - 1, WTERMSIG(status));
}

static int child_status(pid_t pid)
{
    int status = -1;

    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static void test_process(void **state)
{
    struct wf_anchor anchor;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_int_equal(wf_anchor_process(&anchor, &err), WF_OK);
    assert_int_equal(anchor.kind, WF_ANCHOR_PROCESS);
    assert_int_equal(anchor.pid, getpid());
    assert_int_equal(anchor.tty, 0);
    assert_int_equal(strlen(anchor.boot), WF_BOOT_SIZE - 1);
    char boot[WF_BOOT_SIZE];
    assert_int_equal(wf_anchor_boot(boot, NULL), WF_OK);
    assert_string_equal(boot, anchor.boot);
    assert_true(wf_anchor_lives(&anchor) && wf_anchor_holds_us(&anchor));
    pid_t pid = fork_child();
    if (pid == 0) {
        CHECK(wf_anchor_holds_us(&anchor));
        pid_t next = fork_child();
        if (next == 0) {
            CHECK(wf_anchor_holds_us(&anchor));
            /* A session of its own makes it no stranger */
            CHECK(setsid() > 0 && wf_anchor_holds_us(&anchor));
            _exit(0);
        }
        CHECK(child_status(next) == 0);
        /* Who stands beside or above is not in it */
        CHECK(wf_anchor_process(shared, NULL) == WF_OK && wf_anchor_holds_us(shared));
        next = fork_child();
        CHECK(next != 0 || wf_anchor_holds_us(shared));
        _exit(next == 0 ? 0 : child_status(next));
    }
    wait_for(pid);
    assert_false(wf_anchor_holds_us(shared));
    assert_false(wf_anchor_lives(shared));
}

/* Rows that change one thing of an anchor that holds us. */
static void test_another(void **state)
{
    struct wf_anchor anchor;
    struct wf_anchor other;

    (void)state;
    assert_int_equal(wf_anchor_process(&anchor, NULL), WF_OK);
    assert_true(wf_anchor_equals(&anchor, &anchor));
    for (int row = 0; row < 6; row++) {
        other = anchor;
        other.start += row == 0 ? 1 : 0;
        other.start -= row == 1 ? 1 : 0;
        other.boot[3] = row == 2 ? 'g' : other.boot[3];
        other.pid = row == 3 ? 0 : other.pid;
        other.pid = row == 4 ? -other.pid : other.pid;
        other.boot[0] = row == 5 ? '\0' : other.boot[0];
        assert_false(wf_anchor_lives(&other) || wf_anchor_holds_us(&other));
        assert_true(wf_anchor_has_gone(&other) && !wf_anchor_has_gone(&anchor));
        assert_false(wf_anchor_equals(&anchor, &other));
    }
    other = anchor;
    other.kind = WF_ANCHOR_TERMINAL;
    assert_false(wf_anchor_holds_us(&other) || wf_anchor_equals(&anchor, &other));
    other = anchor;
    other.tty = 1;
    assert_false(wf_anchor_equals(&anchor, &other));
    /* Nobody has it */
    other = anchor;
    pid_t pid = fork_child();
    if (pid == 0)
        _exit(0);
    other.pid = pid;
    wait_for(pid);
    assert_false(wf_anchor_lives(&other) || wf_anchor_holds_us(&other));
}

static void test_zombie(void **state)
{
    struct wf_anchor anchor = {.pid = 0};
    siginfo_t info;

    (void)state;
    pid_t pid = fork_child();
    if (pid == 0)
        _exit(wf_anchor_process(shared, NULL) == WF_OK && wf_anchor_lives(shared) ? 0 : 1);
    /* Dead, and its number still taken */
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    anchor = *shared;
    assert_int_equal(anchor.pid, pid);
    assert_false(wf_anchor_lives(&anchor));
    wait_for(pid);
    assert_false(wf_anchor_lives(&anchor));
}

/* One byte from one process to another. */
static bool tell(const int pipe[2], char byte)
{
    return write(pipe[1], &byte, 1) == 1;
}

static char hear(const int pipe[2])
{
    char byte = '?';

    return read(pipe[0], &byte, 1) == 1 ? byte : '?';
}

static int go[2];
static int told[2];

static int set_up_pipes(void **state)
{
    (void)state;
    return pipe(go) == 0 && pipe(told) == 0 ? 0 : -1;
}

static int tear_down_pipes(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        if (close(go[i]) != 0 || close(told[i]) != 0)
            return -1;
    }
    return 0;
}

/* Whoever has left the tree has left the session: a daemon goes on when its person has gone. */
static void test_orphan(void **state)
{
    struct wf_anchor anchor;

    (void)state;
    pid_t pid = fork_child();
    if (pid == 0) {
        CHECK(wf_anchor_process(&anchor, NULL) == WF_OK);
        pid_t next = fork_child();
        if (next == 0) {
            CHECK(tell(told, wf_anchor_holds_us(&anchor) ? 'y' : 'n'));
            CHECK(hear(go) == 'x');
            _exit(tell(told, wf_anchor_holds_us(&anchor) ? 'y' : 'n') ? 0 : 1);
        }
        _exit(hear(told) == 'y' ? 0 : 1);
    }
    wait_for(pid);
    assert_true(tell(go, 'x'));
    assert_int_equal(hear(told), 'n');
}

/* Not everywhere where packages are built. */
static bool has_terminals(void)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

static pid_t fork_terminal(int *ret_master)
{
    pid_t pid = forkpty(ret_master, NULL, NULL, NULL);

    if (pid == 0) {
        (void)signal(SIGHUP, SIG_IGN);
        (void)alarm(120);
    }
    return pid;
}

static void test_terminal(void **state)
{
    int master = -1;

    (void)state;
    if (!has_terminals())
        skip();
    pid_t pid = fork_terminal(&master);
    if (pid == 0) {
        struct wf_anchor anchor;
        CHECK(wf_anchor_terminal(&anchor, NULL) == WF_OK);
        CHECK(anchor.kind == WF_ANCHOR_TERMINAL && anchor.pid == getpid() && anchor.tty != 0);
        CHECK(wf_anchor_lives(&anchor) && wf_anchor_holds_us(&anchor));
        *shared = anchor;
        pid_t next = fork_child();
        if (next == 0) {
            struct wf_anchor mine;
            /* In the same session, whoever it descends from */
            CHECK(wf_anchor_terminal(&mine, NULL) == WF_OK && wf_anchor_equals(&mine, &anchor));
            CHECK(wf_anchor_holds_us(&anchor));
            mine.tty++;
            CHECK(!wf_anchor_holds_us(&mine));
            /* A session of its own, without a terminal */
            CHECK(setsid() > 0 && !wf_anchor_holds_us(&anchor));
            CHECK(wf_anchor_terminal(&mine, NULL) == WF_PENDING);
            _exit(0);
        }
        CHECK(child_status(next) == 0);
        /* Another terminal opened inside of this one */
        int other = -1;
        next = fork_terminal(&other);
        if (next == 0) {
            struct wf_anchor mine;
            CHECK(!wf_anchor_holds_us(&anchor) && wf_anchor_lives(&anchor));
            CHECK(wf_anchor_terminal(&mine, NULL) == WF_OK && !wf_anchor_equals(&mine, &anchor));
            _exit(0);
        }
        _exit(child_status(next) == 0 ? 0 : 250);
    }
    wait_for(pid);
    assert_false(wf_anchor_lives(shared) || wf_anchor_holds_us(shared));
    assert_int_equal(close(master), 0);
}

/* When the leader dies its session loses the terminal. */
static void test_leader(void **state)
{
    int master = -1;

    (void)state;
    if (!has_terminals())
        skip();
    pid_t pid = fork_terminal(&master);
    if (pid == 0) {
        pid_t next = fork_child();
        if (next == 0) {
            struct wf_anchor anchor;
            CHECK(wf_anchor_terminal(&anchor, NULL) == WF_OK && wf_anchor_holds_us(&anchor));
            *shared = anchor;
            CHECK(tell(told, 'x') && hear(go) == 'x');
            bool held = wf_anchor_holds_us(&anchor) || wf_anchor_lives(&anchor);
            bool pending = wf_anchor_terminal(&anchor, NULL) == WF_PENDING;
            _exit(tell(told, !held && pending ? 'y' : 'n') ? 0 : 1);
        }
        for (;;)
            (void)pause();
    }
    assert_int_equal(hear(told), 'x');
    assert_true(wf_anchor_lives(shared));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(tell(go, 'x'));
    assert_int_equal(hear(told), 'y');
    assert_int_equal(close(master), 0);
}

/* As sudo: a real user id of 0 below a process of somebody's. */
static void test_caller(void **state)
{
    (void)state;
    assert_int_equal(wf_anchor_caller(), __real_getuid());
    pid_t pid = fork_child();
    if (pid == 0) {
        uid_t mine = __real_getuid();
        is_root = true;
        CHECK(prctl(PR_SET_NAME, "x\nUid:\t9) (", 0, 0, 0) == 0);
        CHECK(wf_anchor_caller() == mine);
        pid_t next = fork_child();
        /* Its parent has that name */
        CHECK(next != 0 || wf_anchor_caller() == mine);
        _exit(next == 0 ? 0 : child_status(next));
    }
    wait_for(pid);
    if (geteuid() != 0)
        return;
    pid = fork_child();
    if (pid == 0) {
        /* The parent's real user id counts, not what it may do or who owns its /proc folder */
        CHECK(setresuid(4242, 0, 0) == 0);
        pid_t next = fork_child();
        if (next == 0) {
            CHECK(setresuid(0, 0, 0) == 0);
            CHECK(wf_anchor_caller() == 4242);
            _exit(0);
        }
        _exit(child_status(next));
    }
    wait_for(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_another),
        cmocka_unit_test(test_zombie),
        cmocka_unit_test_setup_teardown(test_orphan, set_up_pipes, tear_down_pipes),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test_setup_teardown(test_leader, set_up_pipes, tear_down_pipes),
        cmocka_unit_test(test_caller),
    };

    (void)alarm(300);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
