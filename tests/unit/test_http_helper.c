/*
 * The helper as a process: what it may not see, what it must not keep, and what a host program
 * must not notice of it. What needs root is skipped without.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_frame.h"
#include "http_helper_internal.h"
#include "httpd.h"

#define USER "daemon" /* on every system; its ids are 1 on Debian */
#define TIMEOUT_MS 5000

static const struct httpd_reply replies[] = {
    {.path = "/ok", .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
    {.path = "/hang", .bytes = "HTTP/1.1 200 OK\r\n", .end = HTTPD_HANG}};
static struct httpd *server;
static char scratch[200];
static char helper[300]; /* our own copy of the program, so that its owner is us */

static enum wf_reason get_within(struct wf_http *http, const char *path, uint32_t timeout_ms,
                                 struct wf_err *err)
{
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    char url[200];
    struct wf_http_request request = {.method = "GET",
                                      .url = url,
                                      .timeout_ms = timeout_ms,
                                      .max_body = 1000,
                                      .ca_file = httpd_ca_file()};

    snprintf(url, sizeof(url), "https://localhost:%d%s", httpd_port(server), path);
    enum wf_reason reason = wf_http_send(http, &request, &answer, err);
    wf_http_response_done(&answer);
    return reason;
}

static enum wf_reason get(struct wf_http *http, const char *path, struct wf_err *err)
{
    return get_within(http, path, TIMEOUT_MS, err);
}

static void get_ok(struct wf_http *http)
{
    struct wf_err err = WF_ERR_INIT;
    if (get(http, "/ok", &err) != WF_OK)
        fail_msg("%s", err.text);
}

static pid_t pid_of(const struct wf_http *http)
{
    return ((const struct wf_http_helper *)http)->pid;
}

static void need_root(void)
{
    if (geteuid() != 0)
        skip();
}

/* /proc/PID/NAME, or its line that begins with `key`. */
static const char *proc(pid_t pid, const char *name, const char *key)
{
    static char text[8192];
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    if (key == NULL)
        return text;
    char *value = strstr(text, key);
    if (value == NULL)
        fail_msg("%s has no %s", path, key);
    value += strlen(key);
    value[strcspn(value, "\n")] = '\0';
    return value;
}

/* In a child with one thread: the function's result is its exit status. The function must not use
 * cmocka's assertions, which would go on with the next test there. */
static int in_child(int (*function)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(function());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

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
    {"not executable", 0644, false, 0, "cannot start helper"},
    {"no program", 0755, false, 0, "Exec format error"},
    {"link", 0755, true, 0, "not a regular file"},
    {"somebody's", 0755, false, 2, "belongs to user 2"},
};

static void test_program(void **state)
{
    char path[300];

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
    struct wf_http *http = wf_http_helper_new("wfauth-http", USER);
    assert_int_equal(get(http, "/ok", NULL), WF_CONFIG);
    wf_http_free(http);
}

/* A helper that was taken over or is of another version: shell scripts that answer on the socket
 * when they are asked. The host refuses what it says and starts another one for the next request. */
static const struct {
    const char *name;
    const char *script;
    enum wf_reason reason;
    const char *text;
} impostors[] = {
    {"answer", "printf '\\1\\2\\0\\0\\0\\14\\0\\310\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' >&0",
     WF_INTERNAL, "does not parse"},
    {"good answer", "printf '\\1\\2\\0\\0\\0\\15\\0\\310\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' >&0",
     WF_OK, ""},
    {"good refusal", "printf '\\1\\3\\0\\0\\0\\6\\0\\0\\2no\\0' >&0", WF_UNREACHABLE, "no"},
    {"refusal of a new kind", "printf '\\1\\3\\0\\0\\0\\6\\3\\0\\2no\\0' >&0", WF_INTERNAL,
     "does not parse"},
    {"another version", "printf '\\2\\3\\0\\0\\0\\6\\0\\0\\2no\\0' >&0", WF_INTERNAL,
     "frame of version 2"},
    {"a request", "printf '\\1\\1\\0\\0\\0\\0' >&0", WF_INTERNAL, "a request instead"},
    {"too long", "printf '\\1\\2\\377\\0\\0\\0' >&0", WF_INTERNAL, "too long"},
    {"text", "echo 'cannot open shared object' >&0", WF_INTERNAL, "frame of version"},
    {"half an answer", "printf '\\1\\2\\0\\0' >&0", WF_UNREACHABLE, "helper /"},
    {"nothing", "exit 127", WF_UNREACHABLE, "helper /"},
};

static void test_impostors(void **state)
{
    char path[300];

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

/* Who it becomes */

static const struct {
    const char *user;
    const char *text;
} users[] = {
    {"wfauth-no-such-user", "useradd --system --no-create-home --shell /usr/sbin/nologin "
                            "wfauth-no-such-user"},
    {"root", "is root"},
    {"nobody", "other daemons use"},
};

static void test_users(void **state)
{
    (void)state;
    need_root();
    for (size_t i = 0; i < WF_ARRAY_LEN(users); i++) {
        struct wf_http *http = wf_http_helper_new(helper, users[i].user);
        struct wf_err err = WF_ERR_INIT;
        for (size_t twice = 0; twice < 2; twice++) {
            enum wf_reason reason = get(http, "/ok", &err);
            if (reason != WF_CONFIG || strstr(err.text, users[i].text) == NULL)
                fail_msg("%s: %s: %s", users[i].user, wf_reason_name(reason), err.text);
        }
        wf_http_free(http);
    }
}

static void check_privileges(pid_t pid, bool root)
{
    static const char *const capabilities[] = {"CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapAmb:\t"};
    struct stat st;
    char path[64];

    if (root) {
        assert_string_equal(proc(pid, "status", "\nUid:\t"), "1\t1\t1\t1");
        assert_string_equal(proc(pid, "status", "\nGid:\t"), "1\t1\t1\t1");
        assert_string_equal(proc(pid, "status", "\nGroups:\t"), " ");
        /* Not dumpable: its files in /proc are root's */
        snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_uid, 0);
        assert_string_equal(proc(pid, "environ", NULL), "");
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(capabilities); i++)
        assert_string_equal(proc(pid, "status", capabilities[i]), "0000000000000000");
    assert_string_equal(proc(pid, "status", "NoNewPrivs:\t"), "1");
    assert_string_equal(proc(pid, "status", "Umask:\t"), "0077");
    assert_string_equal(proc(pid, "status", "SigBlk:\t"), "0000000000000000");
    assert_non_null(strstr(proc(pid, "limits", "Max core file size "), " 0 "));
    assert_non_null(strstr(proc(pid, "limits", "Max file size "), " 0 "));
    assert_non_null(strstr(proc(pid, "limits", "Max open files "), " 64 "));
    assert_null(strstr(proc(pid, "limits", "Max data size "), "unlimited"));
    assert_null(strstr(proc(pid, "limits", "Max cpu time "), "unlimited"));
    assert_int_equal(getsid(pid), pid);
}

static void test_privileges(void **state)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);

    (void)state;
    get_ok(http);
    check_privileges(pid_of(http), geteuid() == 0);
    wf_http_free(http);
}

/* As under sudo: the real user is somebody else. And where ids do not take capabilities along. The
 * child stops while its helper is looked at. */
static pid_t *child_helper;

static int sudo_like(void)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);
    gid_t group = 2;

    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0 || setgroups(1, &group) != 0 ||
        setresgid(2, 0, 0) != 0 || setresuid(2, 0, 0) != 0)
        return 1;
    if (get(http, "/ok", NULL) != WF_OK)
        return 2;
    *child_helper = pid_of(http);
    raise(SIGSTOP);
    wf_http_free(http);
    return 0;
}

static void test_sudo(void **state)
{
    int status = 0;

    (void)state;
    need_root();
    child_helper = mmap(NULL, sizeof(*child_helper), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(child_helper, MAP_FAILED);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(sudo_like());
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    check_privileges(*child_helper, true);
    kill(pid, SIGCONT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    munmap(child_helper, sizeof(*child_helper));
}

/* Neither root nor one user: nothing to be trusted with. */
static int mixed_ids(void)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);
    struct wf_err err = WF_ERR_INIT;

    if (setresuid(2, 1, 1) != 0)
        return 1;
    if (eaccess(helper, X_OK) != 0)
        return 77;
    enum wf_reason reason = get(http, "/ok", &err);
    wf_http_free(http);
    return reason == WF_CONFIG && strstr(err.text, "changed ids") != NULL ? 0 : 2;
}

static void test_mixed_ids(void **state)
{
    (void)state;
    need_root();
    int status = in_child(mixed_ids);
    if (status == 77)
        skip(); /* built where others cannot reach it */
    assert_int_equal(status, 0);
}

static void test_curl_refuses_root(void **state)
{
    struct wf_http *http = wf_http_curl_new();
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    need_root();
    assert_int_equal(get(http, "/ok", &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "use the helper"));
    wf_http_free(http);
}

/* What it sees */

static void test_descriptors(void **state)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);
    char path[100];
    char target[300];
    size_t found = 0;

    (void)state;
    need_root();
    int leak = open("/dev/zero", O_RDONLY); /* not close-on-exec */
    assert_int_equal(dup2(leak, 900), 900);
    get_ok(http);
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid_of(http));
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
        if (n < 0)
            continue;
        target[n] = '\0';
        found++;
        bool standard = strcmp(e->d_name, "1") == 0 || strcmp(e->d_name, "2") == 0;
        if (standard ? strcmp(target, "/dev/null") != 0
                     : strncmp(target, "socket:", 7) != 0 && strncmp(target, "pipe:", 5) != 0 &&
                           strncmp(target, "anon_inode:", 11) != 0)
            fail_msg("descriptor %s is %s", e->d_name, target);
    }
    assert_true(found >= 4);
    closedir(dir);
    close(leak);
    close(900);
    wf_http_free(http);
}

static void test_environment(void **state)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY",
                                        "SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR",
                                        "CURL_CA_BUNDLE", "LD_PRELOAD", "LD_LIBRARY_PATH",
                                        "LD_AUDIT", "OPENSSL_CONF", "HOSTALIASES", "RES_OPTIONS",
                                        "MALLOC_TRACE", "GCONV_PATH"};
    struct httpd *trap = httpd_start(HTTPD_PLAIN, NULL, 0);
    struct wf_http *http = wf_http_helper_new(helper, USER);
    char dir[220];
    char value[300];

    (void)state;
    snprintf(dir, sizeof(dir), "%s/traps", scratch);
    assert_int_equal(mkdir(dir, 0777), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        if (i < 4)
            snprintf(value, sizeof(value), "http://127.0.0.1:%d", httpd_port(trap));
        else
            snprintf(value, sizeof(value), "%s/%s", dir, names[i]);
        setenv(names[i], value, 1);
    }
    get_ok(http);
    wf_http_free(http);
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++)
        unsetenv(names[i]);
    assert_int_equal(httpd_connection_count(trap), 0);
    httpd_stop(trap);
    /* Fails if a file has appeared */
    assert_int_equal(rmdir(dir), 0);
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
    assert_in_range(wf_frame_now() - start, 0, 500);
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
        assert_in_range(wf_frame_now() - start, 0, 500);
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
    const struct wf_http *http;
    size_t requests;
    int signal;
};

static void *kill_helper(void *ctx)
{
    const struct killer *k = ctx;
    if (httpd_wait(server, k->requests))
        kill(pid_of(k->http), k->signal);
    return NULL;
}

static void test_killed_busy(void **state)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);
    struct killer killer = {http, httpd_request_count(server) + 1, SIGKILL};
    struct wf_err err = WF_ERR_INIT;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, kill_helper, &killer), 0);
    int64_t start = wf_frame_now();
    assert_int_equal(get(http, "/hang", &err), WF_UNREACHABLE);
    assert_in_range(wf_frame_now() - start, 0, 2000);
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
    assert_in_range(wf_frame_now() - start, 2199, 4000);
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
    assert_in_range(wf_frame_now() - start, 0, 2000);
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
    int fd = ((struct wf_http_helper *)http)->fd;
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

static void copy_helper(void)
{
    char buffer[65536];
    size_t n;
    FILE *from = fopen(TEST_HELPER, "rb");
    FILE *to = fopen(helper, "wb");

    assert_non_null(from);
    assert_non_null(to);
    while ((n = fread(buffer, 1, sizeof(buffer), from)) > 0)
        assert_int_equal(fwrite(buffer, 1, n, to), n);
    fclose(from);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(chmod(helper, 0755), 0);
}

static int set_up(void **state)
{
    char here[100];

    (void)state;
    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(scratch, sizeof(scratch), "%s/test_http_helper.XXXXXX", here);
    assert_non_null(mkdtemp(scratch));
    assert_int_equal(chmod(scratch, 0755), 0);
    snprintf(helper, sizeof(helper), "%s/wfauth-http", scratch);
    copy_helper();
    server = httpd_start(HTTPD_GOOD, replies, WF_ARRAY_LEN(replies));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    httpd_stop(server);
    httpd_ca_remove();
    unlink(helper);
    rmdir(scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_impostors),
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_privileges),
        cmocka_unit_test(test_sudo),
        cmocka_unit_test(test_mixed_ids),
        cmocka_unit_test(test_curl_refuses_root),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_no_zombie),
        cmocka_unit_test(test_sigchld),
        cmocka_unit_test(test_interruptions),
        cmocka_unit_test(test_killed_idle),
        cmocka_unit_test(test_killed_busy),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_host_dies),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_host_descriptors),
    };
    return cmocka_run_group_tests_name("http helper", tests, set_up, tear_down);
}
