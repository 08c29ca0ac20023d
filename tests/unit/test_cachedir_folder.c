/* Which folder is the cache folder: the one that is configured or a default, and never one that
 * somebody else could have put there. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "cachecase.h"
#include "cachedir.h"
#include "failalloc.h"

/* Wrapped calls */

static uid_t other_user; /* what the code takes itself for, if not 0 */
uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
    return other_user != 0 ? other_user : __real_geteuid();
}

static const char *user_home = "/home/u";
static const char *user_name; /* of the effective user; NULL: passwd does not know it */
int __wrap_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, struct passwd **ret);
int __wrap_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, struct passwd **ret)
{
    *ret = NULL;
    if (user_name == NULL)
        return 0;
    int n = snprintf(buf, size, "%s", user_name);
    (void)snprintf(buf + n + 1, size - (size_t)n - 1, "%s", user_home);
    *pw = (struct passwd){.pw_name = buf, .pw_uid = uid, .pw_dir = buf + n + 1};
    *ret = pw;
    return 0;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

/* Rows are made below the test's own folder. "+NAME" is made first, with this mode. */
static const struct {
    const char *name;
    const char *parent; /* NULL: none between */
    mode_t parent_mode;
    mode_t mode; /* 0: not made */
    const char *says; /* NULL: accepted */
} rows[] = {
    {"there", NULL, 0, 0700, NULL},
    {"made", NULL, 0, 0, NULL},
    {"readable", NULL, 0, 0755, NULL},
    {"group may write", NULL, 0, 0770, "can be written by others"},
    {"others may write", NULL, 0, 0707, "can be written by others"},
    {"sticky, but for all", NULL, 0, 01777, "can be written by others"},
    {"in a private one", "p", 0700, 0700, NULL},
    {"in one for all", "p", 0777, 0700, "can be written by others"},
    {"in one for a group", "p", 0775, 0700, "can be written by others"},
    {"in a sticky one", "p", 01777, 0700, NULL},
    {"made in a sticky one", "p", 01777, 0, NULL},
    {"made in one for all", "p", 0777, 0, "can be written by others"},
};

static void check_folder(const char *row, const char *path, const char *says)
{
    struct wf_cachedir *found = NULL;

    key_log[0] = '\0';
    assert_int_equal(wf_cachedir_open(path, &key_log_sink, &found, NULL), WF_OK);
    if ((found != NULL) != (says == NULL) || (says != NULL && strstr(key_log, says) == NULL))
        fail_msg("%s: %s", row, key_log);
    wf_cachedir_free(found);
}

static void test_folders(void **state)
{
    char parent[128];
    char path[256];
    struct stat st;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        (void)snprintf(parent, sizeof(parent), "%s%s%s", folder, rows[i].parent == NULL ? "" : "/",
                       rows[i].parent == NULL ? "" : rows[i].parent);
        (void)snprintf(path, sizeof(path), "%s/f", parent);
        if (rows[i].parent != NULL) {
            assert_int_equal(mkdir(parent, 0700), 0);
            assert_int_equal(chmod(parent, rows[i].parent_mode), 0);
        }
        if (rows[i].mode != 0) {
            assert_int_equal(mkdir(path, 0700), 0);
            assert_int_equal(chmod(path, rows[i].mode), 0);
        }
        check_folder(rows[i].name, path, rows[i].says);
        if (rows[i].says == NULL && rows[i].mode == 0) {
            assert_int_equal(stat(path, &st), 0);
            assert_int_equal(st.st_mode & 07777, 0700);
        }
        (void)rmdir(path);
        if (rows[i].parent != NULL)
            assert_int_equal(rmdir(parent), 0);
    }
}

/* The umask of the host has no say. */
static void test_umask(void **state)
{
    struct stat st;

    (void)state;
    mode_t old = umask(0777);
    check_folder("umask", in_folder("f"), NULL);
    assert_int_equal(umask(old), 0777);
    assert_int_equal(stat(in_folder("f"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_long_names(void **state)
{
    char path[PATH_MAX + 100];

    (void)state;
    /* Longer than any path of the system's: it is walked part by part */
    memset(path, '/', sizeof(path));
    (void)snprintf(path + PATH_MAX, 100, "%s/f", folder);
    check_folder("long path", path, NULL);
    (void)snprintf(path, sizeof(path), "%s/%0255d", folder, 0);
    check_folder("longest name", path, NULL);
    assert_int_equal(rmdir(path), 0);
    (void)snprintf(path, sizeof(path), "%s/%0256d", folder, 0);
    check_folder("too long a name", path, "a part that no folder can have");
}

/* The effective user decides, not the real one. */
static void check_entry(const char *path, uid_t uid, const char *text, const char *says)
{
    struct wf_cachedir *found = NULL;
    struct wf_buf out = WF_BUF_INIT(100);
    char name[512];

    (void)snprintf(name, sizeof(name), "%s/entry", path);
    assert_int_equal(wf_cachedir_open(path, &key_log_sink, &found, NULL), WF_OK);
    assert_true(wf_cachedir_replace(found, "entry", "x", 1));
    assert_int_equal(chown(name, uid, uid), 0);
    key_log[0] = '\0';
    assert_true(wf_cachedir_read(found, "entry", &out));
    assert_string_equal(wf_buf_text_borrow(&out), text);
    assert_true(says == NULL ? key_log[0] == '\0' : strstr(key_log, says) != NULL);
    assert_int_equal(unlink(name), 0);
    wf_cachedir_free(found);
    wf_buf_done(&out);
}

static void test_odd_folders(void **state)
{
    char target[256];
    char path[512];

    (void)state;
    (void)snprintf(target, sizeof(target), "%s", in_folder("real"));
    assert_int_equal(mkdir(target, 0700), 0);
    assert_int_equal(symlink(target, in_folder("link")), 0);
    check_folder("link", in_folder("link"), "no symbolic links here");
    (void)snprintf(path, sizeof(path), "%s/f", in_folder("link"));
    check_folder("through a link", path, "no symbolic links here");
    check_folder("two letters", in_folder("ab"), NULL);
    (void)snprintf(path, sizeof(path), "%s/../real", target);
    check_folder("dots", path, "a part that no folder can have");
    (void)snprintf(path, sizeof(path), "%s//.///", target);
    check_folder("slashes", path, NULL);
    (void)snprintf(path, sizeof(path), "%s///", in_folder("f"));
    check_folder("made, slashes", path, NULL);
    check_folder("relative", "real", "not an absolute path");
    check_folder("nowhere", "/nonexistent/folder", "No such file");
    other_user = 4242;
    check_folder("root's, for somebody else", "/", "/ belongs to user 0, expected 4242");
    other_user = 0;
    plant("file", "x", 0600);
    check_folder("a file", in_folder("file"), "cannot open folder");
    if (__real_geteuid() == 0) {
        check_folder("root's", target, NULL);
        assert_int_equal(chown(target, 4242, 4242), 0);
        check_folder("theirs", target, "belongs to user 4242, expected 0");
        (void)snprintf(path, sizeof(path), "%s/f", target);
        check_folder("in theirs", path, "belongs to user 4242, expected 0");
        other_user = 4242;
        check_folder("ours", target, NULL);
        check_entry(target, 4242, "x", NULL);
        check_entry(target, 0, "", "it belongs to somebody else");
        other_user = 4343;
        check_folder("another's", target, "belongs to user 4242, expected 4343");
        other_user = 0;
    }
    assert_int_equal(rmdir(target), 0);
}

/* A folder that goes bad later is said once and does no harm. */
static void test_gone_bad(void **state)
{
    struct wf_cachedir *other = NULL;
    struct wf_buf out = WF_BUF_INIT(100);
    int lock = 5;

    (void)state;
    assert_int_equal(wf_cachedir_open(in_folder("f"), &key_log_sink, &other, NULL), WF_OK);
    assert_non_null(other);
    assert_true(wf_cachedir_replace(other, "a", "x", 1));
    key_log[0] = '\0';
    /* A daemon that gave root up has done nothing wrong */
    other_user = 4242;
    assert_true(wf_cachedir_read(other, "a", &out));
    assert_int_equal(out.len, 0);
    assert_false(wf_cachedir_replace(other, "a", "z", 1));
    other_user = 0;
    assert_string_equal(key_log, "");
    assert_int_equal(chmod(in_folder("f"), 0777), 0);
    assert_true(wf_cachedir_read(other, "a", &out));
    assert_int_equal(out.len, 0);
    assert_non_null(strstr(key_log, "can be written by others"));
    key_log[0] = '\0';
    assert_false(wf_cachedir_replace(other, "a", "y", 1));
    assert_true(wf_cachedir_lock(other, "a", 0, &lock));
    assert_int_equal(lock, -1);
    wf_cachedir_trim(other, "a", 0);
    wf_cachedir_remove(other, "a");
    assert_string_equal(key_log, "");
    assert_int_equal(chmod(in_folder("f"), 0700), 0);
    assert_true(wf_cachedir_read(other, "a", &out));
    assert_int_equal(out.len, 1);
    wf_cachedir_remove(other, "a");
    assert_int_equal(rmdir(in_folder("f")), 0);
    /* Who removed it may have had a reason */
    assert_false(wf_cachedir_replace(other, "a", "x", 1));
    assert_int_equal(access(in_folder("f"), F_OK), -1);
    wf_cachedir_free(other);
    wf_buf_done(&out);
}

/* The folders that nobody configured, in a root of our own. */
static char root[128];
static uid_t person; /* whom the child of a test is */

static const char *in_root(const char *path)
{
    static char full[512];

    (void)snprintf(full, sizeof(full), "%s%s", root, path);
    return full;
}

/* All parts of a path; the last one belongs to `uid`. */
static void make_path(const char *path, uid_t uid, mode_t mode)
{
    char part[512];

    for (const char *at = path; at != NULL; at = strchr(at + 1, '/')) {
        (void)snprintf(part, sizeof(part), "%s%.*s", root, (int)(at - path), path);
        assert_true(mkdir(part, 0755) == 0 || errno == EEXIST);
    }
    assert_true(mkdir(in_root(path), mode) == 0 || errno == EEXIST);
    assert_int_equal(chmod(in_root(path), mode), 0);
    if (__real_geteuid() == 0)
        assert_int_equal(chown(in_root(path), uid, uid), 0);
}

/* True if the default is the folder `path`, NULL for none. */
static bool default_is(const char *path)
{
    struct wf_cachedir *found = NULL;
    char mark[256];

    key_log[0] = '\0';
    fake_root = root;
    bool done = wf_cachedir_open(NULL, &key_log_sink, &found, NULL) == WF_OK;
    bool kept = wf_cachedir_replace(found, "mark", "x", 1);
    fake_root = NULL;
    wf_cachedir_free(found);
    if (!done || path == NULL)
        return done && found == NULL && strstr(key_log, "not kept on disk") != NULL;
    (void)snprintf(mark, sizeof(mark), "%s/mark", path);
    done = kept && unlink(in_root(mark)) == 0;
    if (!done)
        (void)fprintf(stderr, "not %s: %s\n", path, key_log);
    return done;
}

static bool has_mode(const char *path, mode_t mode)
{
    struct stat st;

    return stat(in_root(path), &st) == 0 && (st.st_mode & 07777) == mode;
}

#define SERVICES WF_LOCALSTATEDIR "/cache/wfauth"
/* In a child that is that person. Returns the number of the step that failed. */
static int choose_as_person(void)
{
    user_name = "svc";
    (void)unsetenv("XDG_CACHE_HOME");
    if (!default_is("/home/u/.cache/wfauth") || !has_mode("/home/u/.cache", 0700) ||
        !has_mode("/home/u/.cache/wfauth", 0700))
        return 1;
    (void)setenv("XDG_CACHE_HOME", "/home/u/x", 1);
    if (!default_is("/home/u/x/wfauth") || !has_mode("/home/u/x", 0700) ||
        !has_mode("/home/u/x/wfauth", 0700))
        return 2;
    (void)setenv("XDG_CACHE_HOME", "home/u/x", 1);
    if (!default_is("/home/u/.cache/wfauth"))
        return 3;
    (void)unsetenv("XDG_CACHE_HOME");
    user_name = "mail";
    if (!default_is(SERVICES "/mail"))
        return 4;
    /* Not theirs, or not theirs alone: as if it were not there */
    user_name = "loose";
    if (!default_is("/home/u/.cache/wfauth"))
        return 5;
    user_name = "mail/";
    if (!default_is("/home/u/.cache/wfauth"))
        return 6;
    user_name = NULL;
    if (!default_is(NULL) || strstr(key_log, "set cache_dir") == NULL)
        return 7;
    return 0;
}

/* Homes that are none. */
static int refuse_homes(void)
{
    char path[PATH_MAX + 10];

    user_name = "svc";
    (void)unsetenv("XDG_CACHE_HOME");
    user_home = "";
    if (!default_is(NULL) || strstr(key_log, "set cache_dir") == NULL)
        return 11;
    user_home = "home/u";
    if (!default_is(NULL) || strstr(key_log, "set cache_dir") == NULL)
        return 12;
    memset(path, '/', sizeof(path));
    memcpy(path + sizeof(path) - 7, "home/u", 7);
    user_home = path;
    if (!default_is(NULL) || strstr(key_log, "set cache_dir") == NULL)
        return 13;
    (void)setenv("XDG_CACHE_HOME", path, 1);
    user_home = "/home/u";
    return default_is(NULL) ? 0 : 14;
}

static void remove_root(void)
{
    char command[300];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
    assert_int_equal(system(command), 0);
}

static void test_defaults(void **state)
{
    int status = 0;

    (void)state;
    person = __real_geteuid() == 0 ? 4242 : __real_geteuid();
    (void)snprintf(root, sizeof(root), "%s/root", folder);
    assert_int_equal(mkdir(root, 0755), 0);
    make_path("/home/u", person, 0755);
    make_path(SERVICES "/mail", person, 0700);
    make_path(SERVICES "/loose", person, 0770);
    assert_int_equal(chmod(folder, 0711), 0);
    pid_t child = fork();
    if (child == 0) {
        if (__real_geteuid() == 0 && (setresgid(person, person, person) != 0 ||
                                      setresuid(person, person, person) != 0))
            _exit(99);
        int step = choose_as_person();
        if (step == 0)
            step = refuse_homes();
        _exit(step);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(status, 0);
    remove_root();
}

static void test_default_of_root(void **state)
{
    (void)state;
    if (__real_geteuid() != 0)
        skip();
    (void)snprintf(root, sizeof(root), "%s/root", folder);
    assert_int_equal(mkdir(root, 0755), 0);
    make_path(WF_LOCALSTATEDIR, 0, 0755);
    assert_true(default_is(SERVICES));
    assert_true(has_mode(WF_LOCALSTATEDIR "/cache", 0755));
    assert_true(has_mode(SERVICES, 0711));
    remove_root();
    assert_int_equal(mkdir(root, 0755), 0);
    assert_true(default_is(NULL));
    remove_root();
}

/* A service's folder is for an administrator to make, even where the service could. */
static void test_not_made(void **state)
{
    struct wf_cachedir *found = NULL;

    (void)state;
    (void)snprintf(root, sizeof(root), "%s/root", folder);
    assert_int_equal(mkdir(root, 0755), 0);
    person = __real_geteuid() == 0 ? 4242 : __real_geteuid();
    make_path(SERVICES, person, 0755);
    other_user = person;
    user_name = "svc";
    fake_root = root;
    assert_int_equal(wf_cachedir_open(NULL, &key_log_sink, &found, NULL), WF_OK);
    fake_root = NULL;
    other_user = 0;
    wf_cachedir_free(found);
    assert_int_equal(access(in_root(SERVICES "/svc"), F_OK), -1);
    remove_root();
}

/* Whatever allocation fails: there is a folder, or there is none and that is said. */
static void test_memory(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    bool done = false;

    (void)state;
    (void)snprintf(root, sizeof(root), "%s/root", folder);
    assert_int_equal(mkdir(root, 0755), 0);
    person = __real_geteuid() == 0 ? 4242 : __real_geteuid();
    make_path("/home/u/.cache", person, 0700);
    make_path("/home/u/.cache/wfauth", person, 0700);
    (void)unsetenv("XDG_CACHE_HOME");
    other_user = person;
    user_name = "svc";
    fake_root = root;
    for (unsigned n = 1; !done && n < 100; n++) {
        struct wf_cachedir *found = NULL;
        key_log[0] = '\0';
        fail_alloc_at = n;
        enum wf_reason reason = wf_cachedir_open(NULL, &key_log_sink, &found, &err);
        done = fail_alloc_at > 0;
        if (reason == WF_OK ? (found == NULL) == (key_log[0] == '\0')
                            : reason != WF_INTERNAL || found != NULL)
            fail_msg("%u: %s", n, key_log);
        wf_cachedir_free(found);
    }
    fail_alloc_at = 0;
    fake_root = NULL;
    other_user = 0;
    assert_true(done);
    assert_non_null(strstr(err.text, "out of memory"));
    remove_root();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folders, empty, closed),
        cmocka_unit_test_setup_teardown(test_umask, empty, closed),
        cmocka_unit_test_setup_teardown(test_long_names, empty, closed),
        cmocka_unit_test_setup_teardown(test_odd_folders, empty, closed),
        cmocka_unit_test_setup_teardown(test_gone_bad, empty, closed),
        cmocka_unit_test_setup_teardown(test_defaults, empty, closed),
        cmocka_unit_test_setup_teardown(test_default_of_root, empty, closed),
        cmocka_unit_test_setup_teardown(test_not_made, empty, closed),
        cmocka_unit_test_setup_teardown(test_memory, empty, closed),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
