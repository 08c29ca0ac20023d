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
#include <sys/socket.h>

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

/* The program without ours in front of it */

static int sockets[2];
static char *const *program_args;

static int as_program(void)
{
    char *const envp[] = {NULL};
    int null = open("/dev/null", O_RDWR);

    if (dup2(sockets[1], 0) != 0 || dup2(null, 1) != 1 || dup2(null, 2) != 2)
        return 99;
    (void)close(sockets[0]);
    (void)execve(export_program, program_args, envp);
    return 98;
}

/* What it answers to len bytes, with a NUL, and how it exits. */
static int exchange(char *const args[], const char *data, size_t len, char ret[300])
{
    size_t used = 0;
    int status = 0;
    ssize_t n;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    program_args = args;
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(as_program());
    (void)close(sockets[1]);
    for (size_t sent = 0; sent < len; sent += (size_t)n) {
        n = send(sockets[0], data + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
    }
    (void)shutdown(sockets[0], SHUT_WR);
    while ((n = read(sockets[0], ret + used, 299 - used)) > 0)
        used += (size_t)n;
    ret[used] = '\0';
    (void)close(sockets[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#define NO_PATH "is no path of a token"

/* What it is asked for: nothing but a token's file, in a folder of ours. */
static void test_requests(void **state)
{
    static char more[WF_EXPORT_TOKEN_MAX + 1];
    const struct {
        const char *what;
        const char *path; /* behind the runtime directory's parent, or absolute */
        bool absolute;
        size_t len;
        const char *answer; /* NULL: done */
    } rows[] = {
        {"write", "run/wfauth/acme", false, 2, NULL},
        {"write", "run/wfauth/a", false, WF_EXPORT_TOKEN_MAX, NULL},
        {"write", "run/wfauth/acme", false, WF_EXPORT_TOKEN_MAX + 1, "what came is no token"},
        {"remove", "run/wfauth/acme", false, WF_EXPORT_TOKEN_MAX + 1, "what came is no token"},
        {"erase", "run/wfauth/acme", false, 2, "asked to do something else"},
        {"", "run/wfauth/acme", false, 2, "asked to do something else"},
        {"write", "run/wfauth/", false, 2, NO_PATH},
        {"write", "run/wfauth", false, 2, NO_PATH},
        {"write", "run/wfauthx/acme", false, 2, NO_PATH},
        {"write", "run/xwfauth/acme", false, 2, NO_PATH},
        {"write", "run/wfauth/x/acme", false, 2, NO_PATH},
        {"write", "/wfauth/acme", true, 2, NO_PATH},
        {"write", "/acme", true, 2, NO_PATH},
        {"write", "/", true, 2, NO_PATH},
        {"write", "", true, 2, NO_PATH},
        {"write", "acme", true, 2, NO_PATH},
        {"write", "run/wfauth/acme", true, 2, NO_PATH},
        {"remove", "run/wfauth/acme", true, 2, NO_PATH},
    };

    (void)state;
    memset(more, 'x', sizeof(more));
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        char name[] = "wfauth-export";
        char what[16];
        char path[200];
        char answer[300];
        char *const args[] = {name, what, export_person.pw_name, path, NULL};
        export_reset();
        (void)snprintf(what, sizeof(what), "%s", rows[i].what);
        (void)snprintf(path, sizeof(path), "%s%s%s", rows[i].absolute ? "" : export_base,
                       rows[i].absolute ? "" : "/", rows[i].path);
        assert_int_equal(exchange(args, more, rows[i].len, answer), 0);
        /* The token stays where it is */
        if (rows[i].answer == NULL ? strcmp(answer, "+") != 0
                                   : answer[0] != '-' || strstr(answer, rows[i].answer) == NULL)
            fail_msg("%s %s: %s", rows[i].what, rows[i].path, answer);
        assert_int_equal(export_is_there(export_folder), rows[i].answer == NULL);
    }
}

/* The longest path, and one byte more. */
static void test_long_path(void **state)
{
    char name[] = "wfauth-export";
    char what[] = "write";
    char path[WF_EXPORT_PATH_SIZE + 1];
    char answer[300];
    char *const args[] = {name, what, export_person.pw_name, path, NULL};

    (void)state;
    for (size_t len = WF_EXPORT_PATH_SIZE - 1; len <= WF_EXPORT_PATH_SIZE; len++) {
        memset(path, 'p', len);
        path[len] = '\0';
        memcpy(path, export_file, strlen(export_file));
        assert_int_equal(exchange(args, "t", 1, answer), 0);
        if (len < WF_EXPORT_PATH_SIZE)
            assert_string_equal(answer, "+");
        else
            assert_non_null(strstr(answer, NO_PATH));
    }
}

/* By hand it does nothing, nor with other arguments than ours. */
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
    char *words[] = {(char[]){"wfauth-export"}, (char[]){"write"}, export_person.pw_name,
                     export_file, (char[]){"more"}, NULL};
    char answer[300];

    (void)state;
    assert_int_equal(in_child(by_hand), 2);
    assert_false(export_is_there(export_folder));
    assert_int_equal(exchange(words, "t", 1, answer), 2);
    assert_string_equal(answer, "");
    for (size_t n = 3; n > 0; n--) {
        words[n] = NULL;
        assert_int_equal(exchange(words, "t", 1, answer), 2);
        assert_string_equal(answer, "");
    }
    assert_false(export_is_there(export_folder));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, reset, check_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_recv),     CASE(test_memory),          CASE(test_people),  CASE(test_person),
        CASE(test_programs), CASE(test_sigchld_ignored), CASE(test_requests),
        CASE(test_long_path), CASE(test_by_hand),
    };
    return cmocka_run_group_tests_name("export_program", tests, export_setup, export_teardown);
}
