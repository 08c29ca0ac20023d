/* The helper from outside: what the host program checks, bears, and must not notice. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "failalloc.h"
#include "helper_case.h"
#include "http_frame.h"
#include "within.h"

/* For this test alone */
static const char p256_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglEF2fL34edJE/buF\n"
    "pKq8TpOhjTe/8cst2Af5T21kwNmhRANCAAQ3VJZYK5lxrWGAi9bXBwqrF3T+4b2k\n"
    "rOVWr4qiUQWHe6WrM0j1R7AkReRfj8s8vswgYzcLNR1lFbGvN/CsRzpd\n"
    "-----END PRIVATE KEY-----\n";

/* The program file */

static const struct {
    const char *name;
    mode_t mode; /* 0: no file */
    bool link;
    uid_t owner; /* 0: ours */
    const char *text;
} programs[] = {
    {"absent", 0, false, 0, "No such file"},
    {"written by the group", 0775, false, 0, "chmod go-w"},
    {"written by others", 0757, false, 0, "chmod go-w"},
    {"not executable", 0644, false, 0, "cannot start"},
    {"no program", 0755, false, 0, "Exec format error"},
    {"link", 0755, true, 0, "not a regular file"},
    {"somebody's", 0755, false, 2, "belongs to user 2"},
};

static void test_program(void **state)
{
    char path[4100];

    (void)state;
    snprintf(path, sizeof(path), "%s/program", scratch);
    for (size_t i = 0; i < WF_ARRAY_LEN(programs); i++) {
        struct wf_err err = WF_ERR_INIT;
        if (programs[i].owner != 0 && geteuid() != 0)
            continue;
        if (programs[i].link)
            assert_int_equal(symlink(helper, path), 0);
        else if (programs[i].mode != 0) {
            FILE *file = fopen(path, "w");
            assert_non_null(file);
            fputs("hello\n", file);
            fclose(file);
            assert_int_equal(chmod(path, programs[i].mode), 0);
        }
        if (programs[i].owner != 0)
            assert_int_equal(chown(path, programs[i].owner, 0), 0);
        struct wf_http *http = wf_http_helper_new(path, USER);
        enum wf_reason reason = get(http, "/ok", &err);
        if (reason != WF_CONFIG || strstr(err.text, programs[i].text) == NULL)
            fail_msg("%s: %s: %s", programs[i].name, wf_reason_name(reason), err.text);
        wf_http_free(http);
        unlink(path);
    }
    /* It is there, seen from here; but where the host stands is not ours to say */
    struct wf_err err = WF_ERR_INIT;
    snprintf(path, sizeof(path), "%s/wfauth-http", strrchr(scratch, '/') + 1);
    assert_int_equal(access(path, X_OK), 0);
    struct wf_http *http = wf_http_helper_new(path, USER);
    assert_int_equal(get(http, "/ok", &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "not an absolute path"));
    wf_http_free(http);
}

/* Of an answer without headers, for printf */
#define ZEROS "\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0"

/* A helper that was taken over or is of another version: shell scripts that answer on the socket
 * when they are asked. The host refuses what it says and starts another one for the next request. */
static const struct {
    const char *name;
    const char *script;
    enum wf_reason reason;
    const char *text;
} impostors[] = {
    {"answer", "printf '\\3\\2\\0\\0\\0\\24\\0\\310" ZEROS "\\0\\0\\0' >&0",
     WF_INTERNAL, "does not parse"},
    {"good answer", "printf '\\3\\2\\0\\0\\0\\25\\0\\310" ZEROS "\\0\\0\\0' >&0",
     WF_OK, ""},
    {"good refusal", "printf '\\3\\3\\0\\0\\0\\6\\0\\0\\2no\\0' >&0", WF_UNREACHABLE, "no"},
    {"refusal of a new kind", "printf '\\3\\3\\0\\0\\0\\6\\3\\0\\2no\\0' >&0", WF_INTERNAL,
     "does not parse"},
    {"another version", "printf '\\1\\3\\0\\0\\0\\6\\0\\0\\2no\\0' >&0", WF_INTERNAL,
     "frame of version 1"},
    {"a request", "printf '\\3\\1\\0\\0\\0\\0' >&0", WF_INTERNAL, "a frame of kind 1"},
    {"too long", "printf '\\3\\2\\377\\0\\0\\0' >&0", WF_INTERNAL, "too long"},
    {"text", "echo 'cannot open shared object' >&0", WF_INTERNAL, "frame of version"},
    {"half an answer", "printf '\\3\\2\\0\\0' >&0", WF_INTERNAL, "helper /"},
    {"nothing", "exit 127", WF_INTERNAL, "helper /"},
};

static void test_impostors(void **state)
{
    char path[4100];

    (void)state;
    snprintf(path, sizeof(path), "%s/impostor", scratch);
    for (size_t i = 0; i < WF_ARRAY_LEN(impostors); i++) {
        struct wf_err err = WF_ERR_INIT;
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "#!/bin/sh\nhead -c 6 >/dev/null\n%s\n", impostors[i].script);
        fclose(file);
        assert_int_equal(chmod(path, 0755), 0);
        struct wf_http *http = wf_http_helper_new(path, USER);
        for (size_t twice = 0; twice < 2; twice++) {
            enum wf_reason reason = get(http, "/ok", &err);
            if (reason != impostors[i].reason || strstr(err.text, impostors[i].text) == NULL)
                fail_msg("%s: %s: %s", impostors[i].name, wf_reason_name(reason), err.text);
            /* It ends after its answer: not before the next request is sent, or that fails */
            while (reason == WF_OK || reason == WF_UNREACHABLE) {
                siginfo_t info = {0};
                if (waitid(P_PID, (id_t)pid_of(http), &info, WEXITED | WNOWAIT) == 0 ||
                    errno == ECHILD)
                    break;
            }
        }
        wf_http_free(http);
        unlink(path);
    }
}

/* Each allocation of ours fails once: refused as internal, and nothing is left behind. */
static void test_no_memory(void **state)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);
    enum wf_reason reason = WF_INTERNAL;
    unsigned n = 0;

    (void)state;
    while (reason == WF_INTERNAL && n < 20) {
        fail_alloc_at = ++n;
        reason = get(http, "/ok", NULL);
    }
    fail_alloc_at = 0;
    assert_int_equal(reason, WF_OK);
    /* Request, answer, body */
    assert_true(n > 3);
    wf_http_free(http);
}

/* What the host notices */

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

static void test_no_zombie(void **state)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);

    (void)state;
    get_ok(http);
    pid_t pid = pid_of(http);
    int64_t start = wf_frame_now();
    wf_http_free(http);
    assert_true(is_gone(pid));
    assert_within(wf_frame_now() - start, 0, 500);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void reap_all(int number)
{
    int saved = errno;
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    errno = saved;
}

static void test_sigchld(void **state)
{
    void (*const dispositions[])(int) = {SIG_IGN, reap_all};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(dispositions); i++) {
        struct sigaction action = {.sa_handler = dispositions[i]}; /* no SA_RESTART */
        struct sigaction old;
        struct sigaction after;
        assert_int_equal(sigaction(SIGCHLD, &action, &old), 0);
        struct wf_http *http = wf_http_helper_new(helper, USER);
        get_ok(http);
        get_ok(http);
        pid_t pid = pid_of(http);
        int64_t start = wf_frame_now();
        wf_http_free(http);
        assert_within(wf_frame_now() - start, 0, 500);
        assert_true(is_gone(pid));
        assert_int_equal(sigaction(SIGCHLD, &old, &after), 0);
        assert_ptr_equal(after.sa_handler, dispositions[i]);
    }
}

/* A timer that fires all the time interrupts every call. */
static void nothing(int number)
{
    (void)number;
}

static void test_interruptions(void **state)
{
    struct sigaction action = {.sa_handler = nothing}; /* no SA_RESTART */
    struct itimerspec every = {{0, 1000000}, {0, 1000000}};
    struct itimerspec never = {{0, 0}, {0, 0}};
    timer_t timer;
    struct wf_http *http = wf_http_helper_new(helper, USER);

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &every, NULL), 0);
    for (size_t i = 0; i < 3; i++)
        get_ok(http);
    assert_int_equal(get_within(http, "/hang", 100, NULL), WF_UNREACHABLE);
    wf_http_free(http);
    assert_int_equal(timer_settime(timer, 0, &never, NULL), 0);
    timer_delete(timer);
    (void)signal(SIGALRM, SIG_DFL);
}

/* Killed between two requests: the next one starts another. SIGPIPE would end this test. */
static void test_killed_idle(void **state)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);
    siginfo_t info;

    (void)state;
    (void)signal(SIGPIPE, SIG_DFL);
    get_ok(http);
    pid_t pid = pid_of(http);
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    get_ok(http);
    assert_int_not_equal(pid_of(http), pid);
    assert_true(is_gone(pid));
    wf_http_free(http);
}

struct killer {
    pid_t pid;
    size_t requests;
    int signal;
};

static void *kill_helper(void *ctx)
{
    const struct killer *k = ctx;
    if (httpd_wait(server, k->requests))
        kill(k->pid, k->signal);
    return NULL;
}

static void test_killed_busy(void **state)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);
    struct wf_err err = WF_ERR_INIT;
    pthread_t thread;

    (void)state;
    get_ok(http);
    struct killer killer = {pid_of(http), httpd_request_count(server) + 1, SIGKILL};
    assert_int_equal(pthread_create(&thread, NULL, kill_helper, &killer), 0);
    int64_t start = wf_frame_now();
    assert_int_equal(get(http, "/hang", &err), WF_INTERNAL);
    assert_within(wf_frame_now() - start, 0, 20000);
    assert_non_null(strstr(err.text, "GET localhost:"));
    assert_non_null(strstr(err.text, helper));
    pthread_join(thread, NULL);
    get_ok(http);
    wf_http_free(http);
}

/* A helper that stands still: the host's own deadline holds, two seconds behind the request's. */
static void test_stopped(void **state)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);

    (void)state;
    get_ok(http);
    pid_t pid = pid_of(http);
    kill(pid, SIGSTOP);
    int64_t start = wf_frame_now();
    assert_int_equal(get_within(http, "/ok", 200, NULL), WF_UNREACHABLE);
    assert_within(wf_frame_now() - start, 2199, 20000);
    assert_true(is_gone(pid));
    get_ok(http);
    wf_http_free(http);
}

/* The host ends in the middle of a request: so does the helper, at once. */
static void test_host_dies(void **state)
{
    size_t before = httpd_request_count(server);

    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct wf_http *http = wf_http_helper_new(helper, USER);
        (void)get_within(http, "/hang", 60000, NULL);
        _exit(1);
    }
    assert_true(httpd_wait(server, before + 1));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    int64_t start = wf_frame_now();
    assert_true(httpd_wait_closed(server));
    assert_within(wf_frame_now() - start, 0, 20000);
}

/* The host forks: the child ends what it started, the parent's helper stays. */
static struct wf_http *shared;

static int use_shared(void)
{
    pid_t old = pid_of(shared);
    bool ok = get(shared, "/ok", NULL) == WF_OK && pid_of(shared) != old;
    wf_http_free(shared);
    return ok ? 0 : 1;
}

static int free_shared(void)
{
    wf_http_free(shared);
    return 0;
}

static void test_fork(void **state)
{
    (void)state;
    shared = wf_http_helper_new(helper, USER);
    get_ok(shared);
    pid_t pid = pid_of(shared);
    assert_int_equal(in_child(use_shared), 0);
    assert_int_equal(in_child(free_shared), 0);
    get_ok(shared);
    assert_int_equal(pid_of(shared), pid);
    wf_http_free(shared);
}

/* A host without standard descriptors: ours do not take their place. */
static int without_standard(void)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);

    for (int fd = 0; fd < 3; fd++)
        close(fd);
    for (size_t i = 0; i < 2; i++) {
        if (get(http, "/ok", NULL) != WF_OK)
            return 1;
    }
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) != -1)
            return 2;
    }
    wf_http_free(http);
    return 0;
}

/* A host that closes what it does not know, and opens something else there. */
static int close_all(void)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);
    char bytes[1] = {0};

    if (get(http, "/ok", NULL) != WF_OK)
        return 1;
    int fd = ((struct wf_http_helper *)http)->child.fd;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || dup2(pair[0], fd) != fd)
        return 2;
    if (get(http, "/ok", NULL) != WF_OK)
        return 3;
    /* Still the host's, still open, and nothing was written to it */
    if (fcntl(fd, F_GETFD) == -1 || recv(pair[1], bytes, 1, MSG_DONTWAIT) != -1)
        return 4;
    wf_http_free(http);
    return fcntl(fd, F_GETFD) == -1 ? 5 : 0;
}

static void test_host_descriptors(void **state)
{
    (void)state;
    assert_int_equal(in_child(without_standard), 0);
    assert_int_equal(in_child(close_all), 0);
}

/* An assertion is signed over there; afterwards the same helper speaks HTTP. */
static void test_sign(void **state)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);
    struct wf_buf jwt = WF_BUF_INIT(WF_ASSERTION_MAX);
    struct wf_err err = WF_ERR_INIT;
    struct wf_assertion assertion = {.key = {p256_key, sizeof(p256_key) - 1},
                                     .issuer = "i",
                                     .subject = "s",
                                     .audience = "a",
                                     .issued = 1700000000,
                                     .lifetime = 120};

    (void)state;
    if (wf_http_sign(http, &assertion, &jwt, &err) != WF_OK)
        fail_msg("%s", err.text);
    assert_within(jwt.len, 150, 400);
    assert_memory_equal(jwt.data, "eyJ", 3);
    pid_t pid = pid_of(http);
    get_ok(http);
    assert_int_equal(pid_of(http), pid);
    assertion.key = (struct wf_span){"s:cret", 6};
    wf_buf_reset(&jwt);
    assert_int_equal(wf_http_sign(http, &assertion, &jwt, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "it holds no private key"));
    assert_null(strstr(err.text, "s:cret"));
    assert_int_equal(jwt.len, 0);
    get_ok(http);
    wf_buf_done(&jwt);
    wf_http_free(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_impostors),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_zombie),
        cmocka_unit_test(test_sigchld),
        cmocka_unit_test(test_interruptions),
        cmocka_unit_test(test_killed_idle),
        cmocka_unit_test(test_killed_busy),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_host_dies),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_host_descriptors),
        cmocka_unit_test(test_sign),
    };
    return cmocka_run_group_tests_name("http helper", tests, set_up, tear_down);
}
