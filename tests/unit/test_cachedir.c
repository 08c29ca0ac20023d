/* The cache folder: which one is trusted, what is read from it, and that nothing else is touched. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "cachedir.h"
#include "keycase.h"

static char folder[64];
static struct wf_cachedir *dir;

/* Wrapped calls */

static uid_t other_user; /* what the code takes itself for, if not 0 */
uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
    return other_user != 0 ? other_user : __real_geteuid();
}

static int write_errno; /* of the next write that is not the first */
static int write_calls;
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    if (write_errno != 0 && write_calls++ > 0) {
        errno = write_errno;
        write_errno = write_errno == EINTR ? 0 : write_errno;
        return -1;
    }
    /* In pieces, as a full disk takes them */
    return __real_write(fd, data, write_errno != 0 && len > 1 ? len / 2 : len);
}

static bool no_memory;
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return no_memory ? NULL : __real_calloc(n, size);
}

static const char *in_folder(const char *name)
{
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void plant(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(in_folder(name), "wx");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(in_folder(name), mode), 0);
}

static void expect(const char *row, const char *name, const char *text, const char *says)
{
    struct wf_buf out = WF_BUF_INIT(100);

    key_log[0] = '\0';
    wf_buf_append_text(&out, "left over");
    assert_true(wf_cachedir_read(dir, name, &out));
    if (out.len != strlen(text) || memcmp(wf_buf_text_borrow(&out), text, out.len) != 0)
        fail_msg("%s: \"%s\"", row, wf_buf_text_borrow(&out));
    if (says == NULL ? key_log[0] != '\0' : strstr(key_log, says) == NULL)
        fail_msg("%s: %s", row, key_log);
    wf_buf_done(&out);
}

static void test_entries(void **state)
{
    char longest[WF_CACHEDIR_NAME_MAX + 2];
    struct stat st;

    (void)state;
    expect("absent", "keys-1", "", NULL);
    assert_true(wf_cachedir_replace(dir, "keys-1", "one", 3));
    expect("written", "keys-1", "one", NULL);
    assert_int_equal(stat(in_folder("keys-1"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(wf_cachedir_replace(dir, "keys-1", "two", 3));
    expect("replaced", "keys-1", "two", NULL);
    wf_cachedir_remove(dir, "keys-1");
    expect("removed", "keys-1", "", NULL);
    wf_cachedir_remove(dir, "keys-1");
    assert_true(wf_cachedir_replace(dir, "keys-1", "", 0));
    expect("empty", "keys-1", "", "it is empty");
    memset(longest, 'x', sizeof(longest));
    longest[WF_CACHEDIR_NAME_MAX] = '\0';
    assert_true(wf_cachedir_replace(dir, longest, "one", 3));
    expect("longest name", longest, "one", NULL);
    char *large = calloc(1, WF_CACHEDIR_ENTRY_MAX + 1);
    assert_true(wf_cachedir_replace(dir, "large", large, WF_CACHEDIR_ENTRY_MAX));
    assert_false(wf_cachedir_replace(dir, "large", large, WF_CACHEDIR_ENTRY_MAX + 1));
    free(large);
}

static const char *const bad_names[] = {
    "", ".", "..", ".hidden", "a/b", "../x", "a b", "a_b", "\xc3\xa9", "a\n",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", /* 81 */
};

static void test_bad_names(void **state)
{
    int lock = 5;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad_names); i++) {
        expect(bad_names[i], bad_names[i], "", NULL);
        if (wf_cachedir_replace(dir, bad_names[i], "x", 1))
            fail_msg("\"%s\"", bad_names[i]);
        wf_cachedir_remove(dir, bad_names[i]);
        assert_true(wf_cachedir_lock(dir, bad_names[i], 0, &lock));
        assert_int_equal(lock, -1);
    }
}

/* What somebody else has put where an entry should be. */
static void test_planted(void **state)
{
    char target[300];

    (void)state;
    plant("good", "text", 0644);
    expect("readable by all", "good", "text", NULL);
    plant("group", "text", 0620);
    expect("group", "group", "", "written by others");
    plant("others", "text", 0602);
    expect("others", "others", "", "written by others");
    (void)snprintf(target, sizeof(target), "%s", in_folder("good"));
    assert_int_equal(symlink(target, in_folder("link")), 0);
    expect("link", "link", "", "symbolic link");
    assert_int_equal(mkdir(in_folder("folder"), 0700), 0);
    expect("folder", "folder", "", "no regular file");
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    expect("fifo", "fifo", "", "no regular file");
    plant("long", "0123456789012345678901234567890123456789012345678901234567890123456789"
                  "01234567890123456789012345678901", 0600);
    expect("larger than the reader takes", "long", "", "too large");
    if (__real_geteuid() == 0) {
        plant("theirs", "text", 0600);
        assert_int_equal(chown(in_folder("theirs"), 4242, 4242), 0);
        expect("theirs", "theirs", "", "belongs to somebody else");
    }
    /* A link, a FIFO, a file of another's: replaced, and what the link names stays */
    assert_true(wf_cachedir_replace(dir, "link", "new", 3));
    expect("link, replaced", "link", "new", NULL);
    expect("what it named", "good", "text", NULL);
    assert_true(wf_cachedir_replace(dir, "fifo", "new", 3));
    expect("fifo, replaced", "fifo", "new", NULL);
    key_log[0] = '\0';
    assert_false(wf_cachedir_replace(dir, "folder", "new", 3));
    assert_non_null(strstr(key_log, "cannot write"));
    assert_int_equal(rmdir(in_folder("folder")), 0);
}

/* Whatever goes wrong, the old entry stands and no temporary file stays. */
static const struct {
    const char *name;
    int number;
    bool done;
    const char *says;
} writes[] = {
    {"in pieces, interrupted", EINTR, true, NULL},
    {"full disk", ENOSPC, false, "No space left"},
    {"broken disk", EIO, false, "Input/output error"},
};

static void test_writes(void **state)
{
    char left[512];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(writes); i++) {
        assert_true(wf_cachedir_replace(dir, "entry", "old", 3));
        key_log[0] = '\0';
        write_errno = writes[i].number;
        write_calls = 0;
        bool done = wf_cachedir_replace(dir, "entry", "new one", 7);
        write_errno = 0;
        if (done != writes[i].done ||
            (writes[i].says != NULL && strstr(key_log, writes[i].says) == NULL))
            fail_msg("%s: %s", writes[i].name, key_log);
        expect(writes[i].name, "entry", done ? "new one" : "old", NULL);
        key_folder_find(folder, ".tmp-", left, sizeof(left));
        assert_string_equal(left, "");
    }
}

/* A host with a small RLIMIT_FSIZE would be killed by SIGXFSZ. */
static void test_file_limit(void **state)
{
    int status = 0;

    (void)state;
    assert_true(wf_cachedir_replace(dir, "entry", "old", 3));
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {5, 5};
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        bool fits = wf_cachedir_replace(dir, "five", "12345", 5);
        bool more = wf_cachedir_replace(dir, "entry", "123456", 6);
        _exit(fits && !more && strstr(key_log, "RLIMIT_FSIZE") != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    expect("old", "entry", "old", NULL);
    expect("small", "five", "12345", NULL);
}

/* The umask of the host decides nothing, and stays. */
static void test_umask(void **state)
{
    struct stat st;

    (void)state;
    mode_t old = umask(0777);
    bool done = wf_cachedir_replace(dir, "entry", "x", 1);
    assert_int_equal(umask(old), 0777);
    assert_true(done);
    assert_int_equal(stat(in_folder("entry"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* Locks */

static void test_locks(void **state)
{
    int first = -1;
    int second = -1;
    struct timespec before;
    struct timespec after;

    (void)state;
    assert_true(wf_cachedir_lock(dir, "a", 0, &first));
    assert_true(first >= 0);
    assert_true((fcntl(first, F_GETFD) & FD_CLOEXEC) != 0);
    assert_false(wf_cachedir_lock(dir, "a", 0, &second));
    assert_int_equal(second, -1);
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_false(wf_cachedir_lock(dir, "a", 30, &second));
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    assert_true(ms >= 29 && ms < 5000);
    /* Another name is another lock */
    assert_true(wf_cachedir_lock(dir, "b", 0, &second));
    wf_cachedir_unlock(second);
    wf_cachedir_unlock(first);
    assert_true(wf_cachedir_lock(dir, "a", 0, &first));
    /* A child that was forked meanwhile has a copy, which holds nothing */
    pid_t child = fork();
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    wf_cachedir_unlock(first);
    assert_true(wf_cachedir_lock(dir, "a", 0, &first));
    wf_cachedir_unlock(first);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    wf_cachedir_unlock(-1);
}

/* The lock of a process that dies is free. */
static void test_dead_holder(void **state)
{
    int lock = -1;

    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(wf_cachedir_lock(dir, "a", 0, &lock) && lock >= 0 ? 0 : 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(wf_cachedir_lock(dir, "a", 0, &lock));
    assert_true(lock >= 0);
    wf_cachedir_unlock(lock);
}

static void *release_later(void *arg)
{
    (void)usleep(30000);
    wf_cachedir_unlock(*(int *)arg);
    return NULL;
}

static void test_wait(void **state)
{
    int first = -1;
    int second = -1;
    pthread_t thread;

    (void)state;
    assert_true(wf_cachedir_lock(dir, "a", 0, &first));
    assert_int_equal(pthread_create(&thread, NULL, release_later, &first), 0);
    assert_true(wf_cachedir_lock(dir, "a", 10000, &second));
    assert_true(second >= 0);
    wf_cachedir_unlock(second);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* A lock that cannot be had keeps nobody from working. */
static void test_planted_locks(void **state)
{
    static const char *const names[] = {"link", "folder", "fifo", "others"};
    char target[300];
    int lock = 5;

    (void)state;
    plant("target", "text", 0600);
    (void)snprintf(target, sizeof(target), "%s", in_folder("target"));
    assert_int_equal(symlink(target, in_folder(".lock-link")), 0);
    assert_int_equal(mkdir(in_folder(".lock-folder"), 0700), 0);
    assert_int_equal(mkfifo(in_folder(".lock-fifo"), 0600), 0);
    plant(".lock-others", "", 0602);
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        key_log[0] = '\0';
        if (!wf_cachedir_lock(dir, names[i], 0, &lock) || lock != -1 ||
            strstr(key_log, "is no lock") == NULL)
            fail_msg("%s: %d %s", names[i], lock, key_log);
    }
}

static void test_none(void **state)
{
    struct wf_buf out = WF_BUF_INIT(100);
    int lock = 5;

    (void)state;
    wf_buf_append_text(&out, "left over");
    assert_true(wf_cachedir_read(NULL, "a", &out));
    assert_int_equal(out.len, 0);
    assert_false(wf_cachedir_replace(NULL, "a", "x", 1));
    wf_cachedir_remove(NULL, "a");
    wf_cachedir_trim(NULL, "a", 0);
    assert_true(wf_cachedir_lock(NULL, "a", 0, &lock));
    assert_int_equal(lock, -1);
    wf_cachedir_free(NULL);
    wf_buf_done(&out);
}

static void set_age(const char *name, time_t seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct timespec times[2] = {{now.tv_sec - seconds, 0}, {now.tv_sec - seconds, 0}};

    assert_int_equal(utimensat(AT_FDCWD, in_folder(name), times, 0), 0);
}

static void test_trim(void **state)
{
    static const char *const names[] = {"t-1", "t-2", "t-3", "t-4", "u-1", ".tmp-old", ".tmp-new"};
    static const time_t ages[] = {10, 40, 20, 30, 50, 3700, 10};
    static const bool stay[] = {true, false, true, false, true, false, true};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        plant(names[i], "x", 0600);
        set_age(names[i], ages[i]);
    }
    wf_cachedir_trim(dir, "t-", 4);
    assert_int_equal(access(in_folder("t-2"), F_OK), 0);
    wf_cachedir_trim(dir, "t-", 2);
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        if ((access(in_folder(names[i]), F_OK) == 0) != stay[i])
            fail_msg("%s", names[i]);
    }
}

/* Which folder */

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
    (void)snprintf(path, sizeof(path), "%s/../real", target);
    check_folder("dots", path, "a part that no folder can have");
    (void)snprintf(path, sizeof(path), "%s//.///", target);
    check_folder("slashes", path, NULL);
    check_folder("relative", "real", "not an absolute path");
    check_folder("nowhere", "/nonexistent/folder", "No such file");
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
    assert_int_equal(chmod(in_folder("f"), 0777), 0);
    key_log[0] = '\0';
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
    wf_cachedir_free(other);
    wf_buf_done(&out);
}

static void test_memory(void **state)
{
    struct wf_cachedir *found = NULL;

    (void)state;
    no_memory = true;
    enum wf_reason reason = wf_cachedir_open(folder, &key_log_sink, &found, NULL);
    no_memory = false;
    assert_int_equal(reason, WF_INTERNAL);
    assert_null(found);
}

static int empty(void **state)
{
    (void)state;
    key_folder_empty(folder);
    key_log[0] = '\0';
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    key_folder_make(folder, sizeof(folder));
    return wf_cachedir_open(folder, &key_log_sink, &dir, NULL) == WF_OK && dir != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    key_folder_empty(folder);
    wf_cachedir_free(dir);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_entries, empty),
        cmocka_unit_test_setup(test_bad_names, empty),
        cmocka_unit_test_setup(test_planted, empty),
        cmocka_unit_test_setup(test_writes, empty),
        cmocka_unit_test_setup(test_file_limit, empty),
        cmocka_unit_test_setup(test_umask, empty),
        cmocka_unit_test_setup(test_locks, empty),
        cmocka_unit_test_setup(test_dead_holder, empty),
        cmocka_unit_test_setup(test_wait, empty),
        cmocka_unit_test_setup(test_planted_locks, empty),
        cmocka_unit_test_setup(test_none, empty),
        cmocka_unit_test_setup(test_trim, empty),
        cmocka_unit_test_setup(test_folders, empty),
        cmocka_unit_test_setup(test_odd_folders, empty),
        cmocka_unit_test_setup(test_gone_bad, empty),
        cmocka_unit_test_setup(test_memory, empty),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
