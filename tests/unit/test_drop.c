/* Who the helper becomes, what it may do and what it sees. What needs root is skipped without. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "helper_case.h"
#include "http_frame.h"
#include "within.h"

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

/* A limit that nobody can raise again; 0xffff… for "unlimited". */
static uintmax_t limit(pid_t pid, const char *name)
{
    char soft[32];
    char hard[32];
    assert_int_equal(sscanf(proc(pid, "limits", name), "%31s %31s", soft, hard), 2);
    assert_string_equal(soft, hard);
    return strcmp(soft, "unlimited") == 0 ? UINTMAX_MAX : strtoumax(soft, NULL, 10);
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
    assert_int_equal(limit(pid, "Max core file size "), 0);
    assert_int_equal(limit(pid, "Max file size "), 0);
    assert_int_equal(limit(pid, "Max open files "), 64);
    assert_int_equal(limit(pid, "Max cpu time "), 30);
    assert_within(limit(pid, "Max data size "), 1, (uintmax_t)1 << 50);
    if (root)
        assert_within(limit(pid, "Max processes "), 1, 1024);
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
        setresgid(2, 0, 0) != 0 || setresuid(2, 0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) /* it must not outlive a test that fails */
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

/* su hands on the limits of whoever called it: where they keep the helper from starting at all, that
 * must not pass for a provider that cannot be reached. */
static int starved(void)
{
    const struct rlimit limit = {(rlim_t)10 << 20, (rlim_t)10 << 20};
    struct wf_http *http = wf_http_helper_new(helper, USER);
    struct wf_err err = WF_ERR_INIT;

    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 1;
    enum wf_reason reason = get(http, "/ok", &err);
    wf_http_free(http);
    return reason == WF_INTERNAL ? 0 : 2;
}

static void test_starved(void **state)
{
    (void)state;
    need_root();
#ifdef __SANITIZE_ADDRESS__
    skip(); /* it maps terabytes */
#endif
    assert_int_equal(in_child(starved), 0);
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

/* What it sees */

static void check_descriptors(pid_t pid)
{
    char path[100];
    char target[300];
    size_t found = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
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
    assert_true(found >= 3);
    closedir(dir);
}

static void test_descriptors(void **state)
{
    struct wf_http *http = wf_http_helper_new(helper, USER);

    (void)state;
    need_root();
    int leak = open("/dev/zero", O_RDONLY); /* not close-on-exec */
    assert_int_equal(dup2(leak, 900), 900);
    get_ok(http);
    check_descriptors(pid_of(http));
    close(leak);
    close(900);
    wf_http_free(http);
}

/* The helper itself closes them too: not every libc can when it starts a program. */
static void test_leaked_descriptors(void **state)
{
    static const struct wf_http_request request = {
        .method = "GET", .url = "nonsense", .timeout_ms = 1, .max_body = 1};
    struct wf_buf frame = WF_FRAME_BUF_INIT;
    struct wf_err err = WF_ERR_INIT;
    enum wf_frame_kind kind;
    int pair[2];

    (void)state;
    need_root();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char *const argv[] = {helper, (char[]){USER}, NULL};
        char *const envp[] = {NULL};
        int zero = open("/dev/zero", O_RDONLY);
        int null = open("/dev/null", O_WRONLY);
        if (dup2(pair[1], 0) == 0 && dup2(null, 1) == 1 && dup2(null, 2) == 2 &&
            dup2(zero, 900) == 900)
            execve(helper, argv, envp);
        _exit(99);
    }
    close(pair[1]);
    wf_frame_put_request(&frame, &request);
    int64_t deadline = wf_frame_now() + TIMEOUT_MS;
    assert_int_equal(wf_frame_send(pair[0], &frame, deadline, NULL), WF_OK);
    assert_int_equal(wf_frame_receive(pair[0], &frame, &kind, deadline, NULL), WF_OK);
    assert_int_equal(kind, WF_FRAME_REFUSAL);
    assert_int_equal(wf_frame_get_refusal(frame.data + WF_FRAME_HEAD, frame.len - WF_FRAME_HEAD,
                                          &err),
                     WF_CONFIG);
    check_descriptors(pid);
    /* And it leaves when the socket closes */
    close(pair[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    wf_buf_done(&frame);
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
    char dir[4100];
    char value[4200];

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_privileges),
        cmocka_unit_test(test_sudo),
        cmocka_unit_test(test_starved),
        cmocka_unit_test(test_mixed_ids),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_leaked_descriptors),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests_name("drop", tests, set_up, tear_down);
}
