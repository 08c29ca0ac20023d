/*
 * The program that writes token files: whom it becomes, and programs in its place that hang, die or
 * say something else. What needs root is skipped without.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "drop.h"
#include "export_file.h"
#include "failalloc.h"
#include "http_frame.h"
#include "user.h"

/* Time that runs ahead, so that nobody waits for a program that hangs. */
static int64_t haste;
int64_t __real_wf_frame_now(void);
int64_t __wrap_wf_frame_now(void);
int64_t __wrap_wf_frame_now(void)
{
    static int64_t ahead;

    ahead += haste;
    return __real_wf_frame_now() + ahead;
}

/* People */

/* What the next calls of recv(2) fail with; 0: they do not. */
static int recv_number;
static unsigned recv_failures;
ssize_t __real_recv(int fd, void *data, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
    if (recv_failures == 0)
        return __real_recv(fd, data, len, flags);
    recv_failures--;
    errno = recv_number;
    return -1;
}

static void test_recv(void **state)
{
    static const struct {
        int number;
        enum wf_reason reason;
    } cases[] = {{EINTR, WF_OK}, {EAGAIN, WF_OK}, {EIO, WF_INTERNAL}};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        recv_number = cases[i].number;
        recv_failures = 3;
        assert_int_equal(put("t1", &err), cases[i].reason);
        if (cases[i].reason != WF_OK)
            assert_non_null(strstr(err.text, "it cannot be heard: Input/output error"));
        recv_failures = 0;
    }
}

/* Every allocation fails in turn. */
static void test_memory(void **state)
{
    (void)state;
    for (unsigned n = 1, failed = 1; failed; n++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_secret *token = wf_secret_new("t1", 2);
        fail_alloc_at = n;
        enum wf_reason reason = wf_export_write("alice", export_file, token, &err);
        failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        wf_secret_free(token);
        assert_int_equal(reason, failed ? WF_INTERNAL : WF_OK);
        assert_true(!failed || strstr(err.text, "memory") != NULL);
    }
    for (unsigned n = 1, failed = 1; failed; n++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_secret *before = wf_secret_new("before", 6);
        struct wf_secret *held = before;
        put_ok("t1");
        fail_alloc_at = n;
        enum wf_reason reason = wf_export_remove("alice", export_file, &held, &err);
        failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        assert_int_equal(reason, failed ? WF_INTERNAL : WF_OK);
        assert_int_equal(held == before, failed);
        assert_true(!failed || strstr(err.text, "memory") != NULL);
        if (!failed)
            wf_secret_free(held);
        wf_secret_free(before);
    }
}

static void test_people(void **state)
{
    static const struct {
        const char *user;
        const char *text;
    } cases[] = {
        {"root", "is root"},
        {"wfauth-no-such-user", "does not exist"},
        {"bin", "belongs to user"}, /* as root; else it is not us */
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        const char *text =
            i == 2 && geteuid() != 0 ? "run as that user, or as root" : cases[i].text;
        export_user = cases[i].user;
        enum wf_reason reason = put("t1", &err);
        if (reason != WF_CONFIG || strstr(err.text, text) == NULL)
            fail_msg("%s: %s: %s", cases[i].user, wf_reason_name(reason), err.text);
    }
    assert_false(export_is_there(export_folder));
    /* A name or a path that is no argument of the program's */
    struct wf_secret *token = wf_secret_new("t1", 2);
    char longer[300];
    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    for (size_t i = 0; i < 2; i++) {
        struct wf_err err = WF_ERR_INIT;
        longer[0] = i == 0 ? 'a' : '/';
        longer[i == 0 ? WF_USER_MAX + 1 : WF_EXPORT_PATH_SIZE] = '\0';
        assert_int_equal(
            wf_export_write(i == 0 ? longer : "alice", i == 0 ? export_file : longer, token, &err),
            WF_CONFIG);
        assert_string_equal(err.text, "wfauth-export: the name or the path is too long");
        memset(longer, 'a', sizeof(longer) - 1);
    }
    wf_secret_free(token);
}

/* What the program is once it has become the person: the lines of /proc/self/status, limits. The
 * exit status is the line of the first that is not so. */
static int check_person(void)
{
    struct wf_err err = WF_ERR_INIT;
    struct rlimit limit;
    gid_t groups[1];

    if (wf_drop_to_person(export_person.pw_name, 100, &err) != WF_OK)
        return 1;
    if (getuid() != export_person.pw_uid || geteuid() != export_person.pw_uid ||
        getgid() != export_person.pw_gid)
        return 2;
    if (setuid(0) == 0 || getgroups(1, groups) > 0)
        return 3;
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 4;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_max != 100 ||
        getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0)
        return 5;
    if (umask(0) != 077 || fcntl(3, F_GETFD) != -1)
        return 6;
    return 0;
}

static void test_person(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    int fd = dup(0);
    assert_int_equal(in_child(check_person), 0);
    if (fd >= 0)
        (void)close(fd);
}

/* Programs in its place */

static void use_program(const char *script)
{
    static char path[4100];

    (void)snprintf(path, sizeof(path), "%s/instead", export_scratch);
    export_write_file(path, script, 0755);
    export_instead = path;
}

static void test_programs(void **state)
{
    static const struct {
        const char *name;
        const char *script;
        int64_t haste;
        enum wf_reason reason;
        const char *text;
    } cases[] = {
        {"says nothing", "cat >/dev/null\n", 0, WF_INTERNAL, "without a word"},
        {"says something else", "cat >/dev/null; printf hello >&0\n", 0, WF_INTERNAL,
         "without a word"},
        {"is killed", "kill -9 $$\n", 0, WF_INTERNAL, NULL},
        {"is killed later", "cat >/dev/null; kill -9 $$\n", 0, WF_INTERNAL, "without a word"},
        {"hangs", "exec sleep 30\n", 4990, WF_UNREACHABLE, "does not answer"},
        {"hangs at the end", "printf + >&0; exec sleep 30\n", 4990, WF_UNREACHABLE,
         "does not answer"},
        {"says too much",
         "cat >/dev/null; (printf +; head -c 70000 /dev/zero) >&0; exec sleep 30\n", 0, WF_INTERNAL,
         "too much"},
        {"refuses without a reason", "cat >/dev/null; printf -- - >&0\n", 0, WF_CONFIG, NULL},
        {"refuses", "cat >/dev/null; printf -- '-\\033[1mno' >&0\n", 0, WF_CONFIG, "?[1mno"},
    };
    char script[256];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        (void)snprintf(script, sizeof(script), "#!/bin/sh\n%s", cases[i].script);
        use_program(script);
        haste = cases[i].haste;
        enum wf_reason reason = put("t1", &err);
        if (reason != cases[i].reason ||
            (cases[i].text != NULL && strstr(err.text, cases[i].text) == NULL))
            fail_msg("%s: %s: %s", cases[i].name, wf_reason_name(reason), err.text);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    }
    export_instead = "/nonexistent/wfauth-export";
    assert_int_equal(put("t1", NULL), WF_CONFIG);
}

/* A host that takes no notice of its children. */
static void test_sigchld_ignored(void **state)
{
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);

    (void)state;
    put_ok("t1");
    assert_string_equal(take(), "t1");
    (void)signal(SIGCHLD, before);
}

/* By hand it does nothing. */
static int by_hand(void)
{
    int null = open("/dev/null", O_RDWR);

    if (dup2(null, 0) != 0 || dup2(null, 2) != 2)
        return 99;
    (void)execl(export_program, "wfauth-export", "write", export_person.pw_name, export_file,
                (char *)NULL);
    return 98;
}

static void test_by_hand(void **state)
{
    (void)state;
    assert_int_equal(in_child(by_hand), 2);
    assert_false(export_is_there(export_folder));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, reset, check_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_recv),     CASE(test_memory),          CASE(test_people),  CASE(test_person),
        CASE(test_programs), CASE(test_sigchld_ignored), CASE(test_by_hand),
    };
    return cmocka_run_group_tests_name("export_program", tests, export_setup, export_teardown);
}
