/* Entries and locks of the cache folder: what is read, and that nothing else is touched. */
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

#include "cachecase.h"
#include "cachedir.h"
#include "failalloc.h"

static struct wf_cachedir *dir;

/* Wrapped calls */

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

static int read_errno; /* of the next read that is not the first; -1: the file ends */
static int read_calls;
ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len)
{
    bool first = read_calls++ == 0;

    assert_non_null(data);
    if (read_errno == 0)
        return __real_read(fd, data, len);
    if (first)
        return __real_read(fd, data, len / 2);
    int number = read_errno;
    read_errno = 0;
    /* The end of a file says nothing of errno, which may stand from before */
    errno = number < 0 ? EINTR : number;
    return number < 0 ? 0 : -1;
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
    assert_true(wf_cachedir_remove(dir, "keys-1"));
    expect("removed", "keys-1", "", NULL);
    assert_true(wf_cachedir_remove(dir, "keys-1"));
    assert_string_equal(key_log, "");
    assert_int_equal(mkdir(in_folder("keys-1"), 0700), 0);
    assert_false(wf_cachedir_remove(dir, "keys-1"));
    assert_non_null(strstr(key_log, "cannot remove"));
    assert_int_equal(rmdir(in_folder("keys-1")), 0);
    key_log[0] = '\0';
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
    static const char *const others[] = {".hidden", "a b", "a_b"};
    int lock = 5;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(others); i++)
        plant(others[i], "x", 0600);
    for (size_t i = 0; i < WF_ARRAY_LEN(bad_names); i++) {
        expect(bad_names[i], bad_names[i], "", NULL);
        if (wf_cachedir_replace(dir, bad_names[i], "x", 1))
            fail_msg("\"%s\"", bad_names[i]);
        wf_cachedir_remove(dir, bad_names[i]);
        assert_true(wf_cachedir_lock(dir, bad_names[i], 0, &lock));
        assert_int_equal(lock, -1);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(others); i++)
        assert_int_equal(unlink(in_folder(others[i])), 0);
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
    expect("link", "link", "", "it is a symbolic link");
    assert_int_equal(mkdir(in_folder("folder"), 0700), 0);
    expect("folder", "folder", "", "no regular file");
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    expect("fifo", "fifo", "", "no regular file");
    plant("long", "0123456789012345678901234567890123456789012345678901234567890123456789"
                  "01234567890123456789012345678901", 0600);
    expect("larger than the reader takes", "long", "", "too large");
    if (geteuid() == 0) {
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

/* What is not read to its end is not read. */
static void test_reads(void **state)
{
    static const struct {
        const char *name;
        int number;
        const char *text;
        const char *says;
    } reads[] = {
        {"in pieces, interrupted", EINTR, "0123456789", NULL},
        {"broken disk", EIO, "", "Input/output error"},
        {"became shorter", -1, "", "shorter"},
    };
    char text[101];

    (void)state;
    assert_true(wf_cachedir_replace(dir, "entry", "0123456789", 10));
    for (size_t i = 0; i < WF_ARRAY_LEN(reads); i++) {
        read_errno = reads[i].number;
        read_calls = 0;
        expect(reads[i].name, "entry", reads[i].text, reads[i].says);
        assert_int_equal(read_errno, 0);
    }
    memset(text, 'x', sizeof(text));
    text[100] = '\0';
    assert_true(wf_cachedir_replace(dir, "entry", text, 100));
    read_calls = 0;
    expect("as much as the reader takes", "entry", text, NULL);
    assert_int_equal(read_calls, 1);
}

static void test_memory(void **state)
{
    struct wf_buf out = WF_BUF_INIT(100);

    (void)state;
    plant("entry", "old", 0600);
    fail_alloc_at = 1;
    assert_false(wf_cachedir_read(dir, "entry", &out));
    assert_int_equal(fail_alloc_at, 0);
    assert_int_equal(out.len, 0);
    assert_true(wf_cachedir_read(dir, "entry", &out));
    assert_int_equal(out.len, 3);
    wf_buf_done(&out);
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
    int lock = -1;
    old = umask(0777);
    done = wf_cachedir_lock(dir, "entry", 0, &lock);
    assert_int_equal(umask(old), 0777);
    assert_true(done && lock >= 0);
    assert_int_equal(fstat(lock, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    wf_cachedir_unlock(lock);
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
    assert_true(ms >= 29 && ms < 20000);
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
    assert_true(wf_cachedir_lock(dir, "a", 60000, &second));
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
    assert_true(wf_cachedir_remove(NULL, "a"));
    wf_cachedir_trim(NULL, "a", 0);
    assert_true(wf_cachedir_lock(NULL, "a", 0, &lock));
    assert_int_equal(lock, -1);
    wf_cachedir_free(NULL);
    wf_buf_done(&out);
}

static int set_up(void **state)
{
    if (folder_set_up(state) != 0)
        return -1;
    return wf_cachedir_open(folder, &key_log_sink, &dir, NULL) == WF_OK && dir != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    wf_cachedir_free(dir);
    return folder_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_entries, empty, closed),
        cmocka_unit_test_setup_teardown(test_bad_names, empty, closed),
        cmocka_unit_test_setup_teardown(test_planted, empty, closed),
        cmocka_unit_test_setup_teardown(test_reads, empty, closed),
        cmocka_unit_test_setup_teardown(test_memory, empty, closed),
        cmocka_unit_test_setup_teardown(test_writes, empty, closed),
        cmocka_unit_test_setup_teardown(test_file_limit, empty, closed),
        cmocka_unit_test_setup_teardown(test_umask, empty, closed),
        cmocka_unit_test_setup_teardown(test_locks, empty, closed),
        cmocka_unit_test_setup_teardown(test_dead_holder, empty, closed),
        cmocka_unit_test_setup_teardown(test_wait, empty, closed),
        cmocka_unit_test_setup_teardown(test_planted_locks, empty, closed),
        cmocka_unit_test_setup_teardown(test_none, empty, closed),
    };

    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    deep = true;
    return failed + cmocka_run_group_tests(tests, set_up, tear_down);
}
