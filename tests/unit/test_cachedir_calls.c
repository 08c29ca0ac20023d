/* System calls that fail, the clock that a lock is waited for by, ages: what the user sees. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "cachecase.h"
#include "cachedir.h"
#include "crypto.h"

/* Calls that fail as the faults say. */

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
    return fault_now("fstat", fault_what(fd)) ? -1 : __real_fstat(fd, st);
}

int __real_mkdirat(int in, const char *name, mode_t mode);
int __wrap_mkdirat(int in, const char *name, mode_t mode);
int __wrap_mkdirat(int in, const char *name, mode_t mode)
{
    return fault_now("mkdirat", name) ? -1 : __real_mkdirat(in, name, mode);
}

int __real_fchmodat(int in, const char *name, mode_t mode, int flags);
int __wrap_fchmodat(int in, const char *name, mode_t mode, int flags);
int __wrap_fchmodat(int in, const char *name, mode_t mode, int flags)
{
    return fault_now("fchmodat", name) ? -1 : __real_fchmodat(in, name, mode, flags);
}

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
    return fault_now("fchmod", "") ? -1 : __real_fchmod(fd, mode);
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    if (!fault_now("write", ""))
        return __real_write(fd, data, len);
    /* Nothing taken is no error, and says nothing of errno, which may stand from before */
    return errno == EINTR ? 0 : -1;
}

int __real_renameat(int in, const char *from, int to_in, const char *to);
int __wrap_renameat(int in, const char *from, int to_in, const char *to);
int __wrap_renameat(int in, const char *from, int to_in, const char *to)
{
    return fault_now("renameat", from) ? -1 : __real_renameat(in, from, to_in, to);
}

int __real_getrlimit(__rlimit_resource_t what, struct rlimit *limit);
int __wrap_getrlimit(__rlimit_resource_t what, struct rlimit *limit);
int __wrap_getrlimit(__rlimit_resource_t what, struct rlimit *limit)
{
    *limit = (struct rlimit){0, 0};
    return fault_now("getrlimit", "") ? -1 : __real_getrlimit(what, limit);
}

DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd)
{
    return fault_now("fdopendir", "") ? NULL : __real_fdopendir(fd);
}

enum wf_reason __real_wf_crypto_random(void *out, size_t len, struct wf_err *err);
enum wf_reason __wrap_wf_crypto_random(void *out, size_t len, struct wf_err *err);
enum wf_reason __wrap_wf_crypto_random(void *out, size_t len, struct wf_err *err)
{
    return fault_now("wf_crypto_random", "") ? WF_INTERNAL : __real_wf_crypto_random(out, len, err);
}

/* A clock that stands unless somebody waits. */

static struct timespec clock_now; /* {0, 0}: the real one */
static unsigned clock_held;       /* times that somebody else has the lock */
static unsigned clock_interrupts; /* times that a signal comes */
static char clock_pauses[400];    /* what was waited, in ms */

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    if (clock_now.tv_sec == 0)
        return __real_clock_gettime(id, ret);
    *ret = clock_now;
    errno = ENOSYS; /* a call that succeeds may leave anything there */
    return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int ms)
{
    size_t used = strlen(clock_pauses);

    assert_null(fds);
    assert_int_equal(count, 0);
    (void)snprintf(clock_pauses + used, sizeof(clock_pauses) - used, "%d ", ms);
    clock_now.tv_nsec += (long)ms * 1000000;
    clock_now.tv_sec += clock_now.tv_nsec / 1000000000;
    clock_now.tv_nsec %= 1000000000;
    errno = 0;
    return 0;
}

int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);
int __wrap_flock(int fd, int how)
{
    if (fault_now("flock", ""))
        return -1;
    if (how == LOCK_UN)
        return __real_flock(fd, how);
    assert_int_equal(how, LOCK_EX | LOCK_NB);
    errno = clock_interrupts > 0 ? EINTR : EWOULDBLOCK;
    if (clock_interrupts > 0)
        return clock_interrupts--, -1;
    return clock_held > 0 ? (clock_held--, -1) : __real_flock(fd, how);
}

/* What each operation leads to, in a word. */

static struct wf_cachedir *dir;

static const char *content(const char *name)
{
    static char text[100];
    FILE *file = fopen(in_folder(name), "re");

    text[0] = '\0';
    if (file != NULL) {
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        (void)fclose(file);
    }
    return text;
}

static const char *do_open(void)
{
    struct wf_cachedir *found = NULL;

    assert_int_equal(wf_cachedir_open(in_folder("new"), &key_log_sink, &found, NULL), WF_OK);
    bool made = rmdir(in_folder("new")) == 0;
    bool opened = found != NULL;
    wf_cachedir_free(found);
    return opened ? "opened" : made ? "left" : "none";
}

static const char *do_read(void)
{
    static char text[100];
    struct wf_buf out = WF_BUF_INIT(sizeof(text) - 1);

    assert_true(wf_cachedir_read(dir, "entry", &out));
    (void)snprintf(text, sizeof(text), "%s", wf_buf_text_borrow(&out));
    wf_buf_done(&out);
    return text;
}

static const char *do_replace(void)
{
    char left[512];
    bool done = wf_cachedir_replace(dir, "entry", "new", 3);
    const char *text = content("entry");

    key_folder_find(folder, ".tmp-", left, sizeof(left));
    assert_string_equal(left, "");
    return done == (strcmp(text, "new") == 0) ? text : "a wrong answer";
}

static const char *do_remove(void)
{
    wf_cachedir_remove(dir, "entry");
    return content("entry");
}

static const char *do_lock(void)
{
    int lock = 5;

    if (!wf_cachedir_lock(dir, "entry", 0, &lock))
        return lock == -1 ? "held" : "a wrong answer";
    bool ours = lock >= 0;
    assert_true(ours || lock == -1);
    wf_cachedir_unlock(lock);
    return ours ? "ours" : "none";
}

static const char *do_trim(void)
{
    wf_cachedir_trim(dir, "entr", 0);
    return content("entry");
}

static const struct {
    const char *name;
    const char *(*run)(void);
    struct fault fault;
    const char *result;
    const char *says; /* NULL: nothing */
} rows[] = {
    {"open", do_open, {0}, "opened", NULL},
    {"no root", do_open, {"openat", "/", EMFILE}, "none", "cannot open folder /: Too many open"},
    {"no folder", do_open, {"openat", "new", EMFILE}, "none", "/new: Too many open"},
    {"not made", do_open, {"mkdirat", NULL, EROFS}, "none", "/new: No such file"},
    {"not its mode", do_open, {"fchmodat", NULL, EPERM}, "none", "/new: No such file"},
    {"not seen", do_open, {"fstat", NULL, EIO}, "none", "cannot examine /: Input/output"},

    {"read", do_read, {0}, "old", NULL},
    {"no root", do_read, {"openat", "/", EMFILE}, "", "cannot open folder /: Too many open"},
    {"no file", do_read, {"openat", "entry", EACCES}, "", "entry is ignored: Permission denied"},
    {"gone", do_read, {"openat", "entry", ENOENT}, "", NULL},
    {"link", do_read, {"openat", "entry", ELOOP}, "", "entry is ignored: it is a symbolic link"},
    {"not seen", do_read, {"fstat", "file", EIO}, "", "entry is ignored: it cannot be examined"},

    {"replace", do_replace, {0}, "new", NULL},
    {"no root", do_replace, {"openat", "/", EMFILE}, "old", "cannot open folder /: Too many open"},
    {"no file", do_replace, {"openat", ".tmp-", EROFS}, "old", "entry: Read-only file system"},
    {"no name", do_replace, {"wf_crypto_random", NULL, 0}, "old", "entry: no random name"},
    {"no limit", do_replace, {"getrlimit", NULL, EINVAL}, "new", NULL},
    {"not its mode", do_replace, {"fchmod", NULL, EPERM}, "old", "entry: Operation not permitted"},
    {"not written", do_replace, {"write", NULL, ENOSPC}, "old", "entry: No space left"},
    {"nothing taken", do_replace, {"write", NULL, EINTR}, "old", "entry: nothing taken"},
    {"not closed", do_replace, {"close", "file", EDQUOT}, "old", "entry: Disk quota exceeded"},
    {"not renamed", do_replace, {"renameat", NULL, EIO}, "old", "entry: Input/output error"},

    {"remove", do_remove, {0}, "", NULL},
    {"no root", do_remove, {"openat", "/", EMFILE}, "old", "cannot open folder /: Too many open"},

    {"lock", do_lock, {0}, "ours", NULL},
    {"no root", do_lock, {"openat", "/", EMFILE}, "none", "cannot open folder /: Too many open"},
    {"no file", do_lock, {"openat", ".lock-", EROFS}, "none", "is no lock: Read-only file system"},
    {"gone", do_lock, {"openat", ".lock-", ENOENT}, "none", NULL},
    {"not seen", do_lock, {"fstat", "file", EIO}, "none", "is no lock: it cannot be examined"},
    {"no locks", do_lock, {"flock", NULL, ENOLCK}, "none", "no locks in /tmp"},
    {"held", do_lock, {"flock", NULL, EWOULDBLOCK}, "held", NULL},

    {"trim", do_trim, {0}, "", NULL},
    {"no root", do_trim, {"openat", "/", EMFILE}, "old", "cannot open folder /: Too many open"},
    {"no list", do_trim, {"openat", ".", EMFILE}, "old", NULL},
    {"no stream", do_trim, {"fdopendir", NULL, ENOMEM}, "old", NULL},
};

static void check_row(size_t i, struct fault second, const char *says)
{
    key_folder_empty(folder);
    plant("entry", "old", 0600);
    key_log[0] = '\0';
    assert_int_equal(wf_cachedir_open(folder, &key_log_sink, &dir, NULL), WF_OK);
    assert_non_null(dir);
    faults[0] = rows[i].fault;
    faults[1] = second;
    const char *result = rows[i].run();
    faults[0] = faults[1] = (struct fault){0};
    wf_cachedir_free(dir);
    if (strcmp(result, rows[i].result) != 0)
        fail_msg("%s, row %zu: \"%s\": %s", rows[i].name, i, result, key_log);
    if (says == NULL ? key_log[0] != '\0' : strstr(key_log, says) == NULL)
        fail_msg("%s, row %zu: %s", rows[i].name, i, key_log);
    if (key_open_files() != open_files || misuses != 0)
        fail_msg("%s, row %zu: %u misuses", rows[i].name, i, misuses);
}

static void test_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++)
        check_row(i, (struct fault){0}, rows[i].says);
    /* Where two calls fail it is the first that says why */
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (rows[i].fault.call != NULL && strcmp(rows[i].fault.call, "write") == 0)
            check_row(i, (struct fault){"close", "file", EDQUOT}, rows[i].says);
    }
}

#define FOREVER 1000
static const struct {
    const char *name;
    unsigned wait_ms;
    unsigned interrupts;
    unsigned held;
    bool ours;
    const char *pauses;
} waits[] = {
    {"free", 100, 0, 0, true, ""},
    {"held, tried once", 0, 0, FOREVER, false, ""},
    {"held, 1 ms", 1, 0, FOREVER, false, "1 "},
    {"held, 2 ms", 2, 0, FOREVER, false, "1 1 "},
    {"held, 100 ms", 100, 0, FOREVER, false, "1 2 4 8 16 20 20 20 9 "},
    {"free in the end", 2, 0, 2, true, "1 1 "},
    {"free after some tries", 5000, 0, 7, true, "1 2 4 8 16 20 20 "},
    {"a signal", 100, 1, 0, true, "1 "},
    {"signals, tried once", 0, FOREVER, 0, false, ""},
};

static void check_wait(size_t i, long nanoseconds)
{
    int lock = -1;

    clock_now = (struct timespec){1000000, nanoseconds};
    clock_pauses[0] = '\0';
    clock_interrupts = waits[i].interrupts;
    clock_held = waits[i].held;
    bool done = wf_cachedir_lock(dir, "a", waits[i].wait_ms, &lock);
    if (done != waits[i].ours || (lock >= 0) != done || strcmp(clock_pauses, waits[i].pauses) != 0)
        fail_msg("%s, %ld: %d, %s", waits[i].name, nanoseconds, done, clock_pauses);
    wf_cachedir_unlock(lock);
}

static void test_waits(void **state)
{
    (void)state;
    assert_int_equal(wf_cachedir_open(folder, &key_log_sink, &dir, NULL), WF_OK);
    /* Shortly before a second is over, and early or late in a millisecond: all are as long */
    for (size_t i = 0; i < WF_ARRAY_LEN(waits); i++) {
        check_wait(i, 998000500);
        check_wait(i, 998999500);
    }
    assert_string_equal(key_log, "");
    /* What will never do is not waited for */
    int lock = 5;
    clock_pauses[0] = '\0';
    faults[0] = (struct fault){"flock", NULL, ENOLCK};
    assert_true(wf_cachedir_lock(dir, "a", 100, &lock));
    faults[0] = (struct fault){0};
    assert_int_equal(lock, -1);
    assert_string_equal(clock_pauses, "");
    clock_now = (struct timespec){0, 0};
    clock_interrupts = clock_held = 0;
    wf_cachedir_free(dir);
}

/* Oldest first. Those of one second differ in what is less. */
#define NOW 1700000000
static const struct {
    const char *name;
    struct timespec time;
} ages[] = {
    {"t-d", {NOW - 100, 5}}, {"t-b", {NOW - 90, 3}},         {"t-f", {NOW - 90, 4}},
    {"t-a", {NOW - 90, 7}},  {"t-e", {NOW - 80, 999999999}}, {"t-c", {NOW - 79, 0}},
};

static void plant_at(const char *name, struct timespec time)
{
    const struct timespec times[2] = {time, time};

    /* A link has an age of its own, and leads nowhere */
    if (strstr(name, "link") != NULL)
        assert_int_equal(symlink("nowhere", in_folder(name)), 0);
    else
        plant(name, "x", 0600);
    assert_int_equal(utimensat(AT_FDCWD, in_folder(name), times, AT_SYMLINK_NOFOLLOW), 0);
}

static bool is_there(const char *name)
{
    return faccessat(AT_FDCWD, in_folder(name), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_oldest(void **state)
{
    size_t n = WF_ARRAY_LEN(ages);

    (void)state;
    assert_int_equal(wf_cachedir_open(folder, &key_log_sink, &dir, NULL), WF_OK);
    wf_cachedir_trim(dir, "t-", 0);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < n; i++) {
            size_t k = round == 0 ? i : n - 1 - i;
            plant_at(ages[k].name, ages[k].time);
        }
        for (size_t most = n + 1; most-- > 0;) {
            wf_cachedir_trim(dir, "t-", most);
            for (size_t i = 0; i < n; i++) {
                if (is_there(ages[i].name) != (i >= n - most))
                    fail_msg("%s of %zu", ages[i].name, most);
            }
        }
    }
    wf_cachedir_free(dir);
}

static const struct {
    const char *name;
    time_t age;
    bool stays;
} others[] = {
    {"t-old", 3601, false},
    {"t-link", 3601, false},
    {"u-old", 3601, true},
    {"t-_", 3601, true},
    {"t-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 3601,
     true},
    {".lock-t-old", 3601, true},
    {".tmp-0", 3600, true},
    {".tmp-1", 3601, false},
    {".tmp-link", 3601, false},
    {".tmp", 3601, true},
};

/* What is not an entry of this kind stays, but for what a writer left that died an hour ago. */
static void test_others(void **state)
{
    (void)state;
    assert_int_equal(wf_cachedir_open(folder, &key_log_sink, &dir, NULL), WF_OK);
    for (size_t i = 0; i < WF_ARRAY_LEN(others); i++)
        plant_at(others[i].name, (struct timespec){NOW - others[i].age, 0});
    clock_now = (struct timespec){NOW, 0};
    wf_cachedir_trim(dir, "t-", 0);
    clock_now = (struct timespec){0, 0};
    for (size_t i = 0; i < WF_ARRAY_LEN(others); i++) {
        if (is_there(others[i].name) != others[i].stays)
            fail_msg("%s", others[i].name);
    }
    wf_cachedir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_calls, empty, closed),
        cmocka_unit_test_setup_teardown(test_waits, empty, closed),
        cmocka_unit_test_setup_teardown(test_oldest, empty, closed),
        cmocka_unit_test_setup_teardown(test_others, empty, closed),
    };

    int failed = cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
    deep = true;
    return failed + cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
