#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "failalloc.h"
#include "file.h"

/* Who the reader is and whose the file is, as the code under test sees it: so the rules are
 * tested by any user. */
static uid_t fake_euid;
static gid_t fake_egid;
static bool fake_owner;
static bool no_fstat;
static uid_t owner;
static gid_t group;

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
    return fake_euid;
}

gid_t __wrap_getegid(void);
gid_t __wrap_getegid(void)
{
    return fake_egid;
}

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
    int rc = __real_fstat(fd, st);

    if (no_fstat) {
        errno = EIO;
        return -1;
    }
    if (fake_owner) {
        st->st_uid = owner;
        st->st_gid = group;
    }
    return rc;
}

/* What the next read does, and the ones after it. */
static enum {
    READ_ALL,
    READ_A_BYTE,      /* each time */
    READ_INTERRUPTED, /* once */
    READ_BROKEN,
} how;
ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len)
{
    assert_non_null(data);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    if (how == READ_INTERRUPTED || how == READ_BROKEN) {
        errno = how == READ_INTERRUPTED ? EINTR : EIO;
        how = how == READ_INTERRUPTED ? READ_ALL : how;
        return -1;
    }
    ssize_t n = __real_read(fd, data, how == READ_A_BYTE && len > 1 ? 1 : len);
    /* A call that succeeds may leave anything there */
    errno = EINTR;
    return n;
}

static char folder[] = "/tmp/wf-test-file.XXXXXX";
static char path[100];

static int set_up(void **state)
{
    (void)state;
    /* Where a host has closed its standard input, 0 is a descriptor like any other */
    (void)close(STDIN_FILENO);
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    fake_owner = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static size_t open_files;

static size_t count_open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

static int count(void **state)
{
    (void)state;
    open_files = count_open_files();
    return 0;
}

/* Whatever happened, no descriptor is left behind. */
static int closed(void **state)
{
    (void)state;
    return count_open_files() == open_files ? 0 : -1;
}

static void make(mode_t mode, size_t len)
{
    /* Never through a link that a failed test left behind: the tests may run as root */
    (void)unlink(path);
    FILE *file = fopen(path, "wx");

    assert_non_null(file);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(fputc('a' + (int)(i % 26), file), 'a' + (int)(i % 26));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static const struct {
    const char *name;
    enum wf_file_kind kind;
    uid_t reader;
    gid_t reader_group;
    uid_t owner;
    gid_t group;
    mode_t mode;
    const char *says; /* NULL: accepted */
} rows[] = {
    {"public", WF_FILE_PUBLIC, 7, 7, 0, 0, 0644, NULL},
    {"public, one's own", WF_FILE_PUBLIC, 7, 7, 7, 7, 0644, NULL},
    {"public, somebody else's", WF_FILE_PUBLIC, 7, 7, 8, 0, 0644, "belongs to user 8"},
    {"public, somebody else's for root", WF_FILE_PUBLIC, 0, 0, 8, 0, 0644, "belongs to user 8"},
    {"public, group may write", WF_FILE_PUBLIC, 7, 7, 0, 7, 0664, "can be written"},
    {"public, others may write", WF_FILE_PUBLIC, 7, 7, 0, 0, 0646, "can be written"},
    {"secret", WF_FILE_SECRET, 7, 7, 7, 7, 0600, NULL},
    {"secret, another group's, not for it", WF_FILE_SECRET, 7, 7, 7, 8, 0600, NULL},
    {"secret for the reader's group", WF_FILE_SECRET, 7, 7, 0, 7, 0640, NULL},
    {"secret for another group", WF_FILE_SECRET, 7, 7, 0, 8, 0640, "read by group 8"},
    {"secret for another group, run", WF_FILE_SECRET, 7, 7, 0, 8, 0610, "read by group 8"},
    {"secret, others may read", WF_FILE_SECRET, 7, 7, 0, 0, 0604, "read by others"},
    {"secret, others may run", WF_FILE_SECRET, 7, 7, 0, 0, 0601, "read by others"},
    {"secret, group may write", WF_FILE_SECRET, 7, 7, 0, 7, 0660, "can be written"},
    {"secret, somebody else's", WF_FILE_SECRET, 7, 7, 8, 7, 0600, "or do this as that user"},
    {"secret, somebody else's, others may read", WF_FILE_SECRET, 0, 0, 8, 8, 0604, "chmod o-rwx"},
};

static void test_owner_and_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_buf out = WF_BUF_INIT(100);
        struct wf_err err = WF_ERR_INIT;
        fake_euid = rows[i].reader;
        fake_egid = rows[i].reader_group;
        owner = rows[i].owner;
        group = rows[i].group;
        make(rows[i].mode | 0400, 3);
        enum wf_reason reason = wf_file_read(path, rows[i].kind, &out, &err);
        if (reason != (rows[i].says == NULL ? WF_OK : WF_CONFIG))
            fail_msg("%s: %s", rows[i].name, err.text);
        if (rows[i].says == NULL)
            assert_string_equal(wf_buf_text_borrow(&out), "abc");
        else if (strstr(err.text, rows[i].says) == NULL || strstr(err.text, path) == NULL)
            fail_msg("%s: %s", rows[i].name, err.text);
        assert_true(rows[i].says == NULL || out.len == 0);
        wf_buf_done(&out);
    }
}

static void expect_refusal(const char *name, const char *says)
{
    struct wf_buf out = WF_BUF_INIT(100);
    struct wf_err err = WF_ERR_INIT;

    owner = fake_euid;
    assert_int_equal(wf_file_read(name, WF_FILE_PUBLIC, &out, &err), WF_CONFIG);
    if (strstr(err.text, says) == NULL)
        fail_msg("%s: %s", name, err.text);
    wf_buf_done(&out);
}

static void test_kinds_of_files(void **state)
{
    (void)state;
    (void)unlink(path);
    expect_refusal(path, "No such file");
    expect_refusal(folder, "not a regular file");
    expect_refusal("/dev/null", "not a regular file");
    expect_refusal("etc/passwd", "absolute");
    expect_refusal("", "absolute");
    assert_int_equal(symlink(".", path), 0);
    expect_refusal(path, "is a symbolic link: name the file itself");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refusal(path, "not a regular file"); /* without waiting for a writer */
    assert_int_equal(unlink(path), 0);
}

/* Sizes around what is read at once. Reasons and bytes, whatever the pieces they come in. */
static const size_t sizes[] = {1, 2, 4095, 4096, 4097, 8192, 10000};

static void check_size(size_t max, size_t len)
{
    struct wf_buf out = WF_BUF_INIT(max);
    struct wf_err err = WF_ERR_INIT;
    char says[50];

    make(0600, len);
    enum wf_reason reason = wf_file_read(path, WF_FILE_SECRET, &out, &err);
    (void)snprintf(says, sizeof(says), "larger than %zu bytes", max);
    if (len > max && (reason != WF_CONFIG || strstr(err.text, says) == NULL))
        fail_msg("%zu of %zu: %d %s", len, max, (int)reason, err.text);
    if (len <= max && (reason != WF_OK || out.len != len))
        fail_msg("%zu of %zu: %d %s", len, max, (int)reason, err.text);
    for (size_t i = 0; len <= max && i < len; i++)
        assert_int_equal(out.data[i], 'a' + i % 26);
    wf_buf_done(&out);
}

static void test_size(void **state)
{
    (void)state;
    owner = fake_euid;
    for (size_t i = 0; i < WF_ARRAY_LEN(sizes); i++) {
        check_size(sizes[i], sizes[i] - 1);
        check_size(sizes[i], sizes[i]);
        check_size(sizes[i], sizes[i] + 1);
        check_size(sizes[i], sizes[i] + 100);
    }
    how = READ_A_BYTE;
    check_size(100, 99);
    check_size(100, 100);
    check_size(100, 101);
    how = READ_INTERRUPTED;
    check_size(100, 99);
    assert_int_equal(how, READ_ALL);
}

static void test_appends(void **state)
{
    struct wf_buf out = WF_BUF_INIT(10);

    (void)state;
    owner = fake_euid;
    wf_buf_append_text(&out, "before");
    make(0600, 0);
    assert_int_equal(wf_file_read(path, WF_FILE_SECRET, &out, NULL), WF_OK);
    assert_string_equal(wf_buf_text_borrow(&out), "before");
    make(0600, 4);
    assert_int_equal(wf_file_read(path, WF_FILE_SECRET, &out, NULL), WF_OK);
    assert_string_equal(wf_buf_text_borrow(&out), "beforeabcd");
    wf_buf_done(&out);
}

static void test_failures(void **state)
{
    (void)state;
    make(0600, 3);
    no_fstat = true;
    expect_refusal(path, "cannot examine");
    expect_refusal(path, "Input/output error");
    no_fstat = false;
    how = READ_BROKEN;
    expect_refusal(path, "cannot read");
    expect_refusal(path, "Input/output error");
    how = READ_ALL;
}

static void test_no_memory(void **state)
{
    struct wf_buf out = WF_BUF_INIT(10000);

    (void)state;
    owner = fake_euid;
    make(0600, 10000);
    for (unsigned n = 1; n <= 2; n++) {
        fail_alloc_at = n;
        assert_int_equal(wf_file_read(path, WF_FILE_SECRET, &out, NULL), WF_INTERNAL);
        wf_buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_owner_and_mode, count, closed),
        cmocka_unit_test_setup_teardown(test_kinds_of_files, count, closed),
        cmocka_unit_test_setup_teardown(test_size, count, closed),
        cmocka_unit_test_setup_teardown(test_appends, count, closed),
        cmocka_unit_test_setup_teardown(test_failures, count, closed),
        cmocka_unit_test_setup_teardown(test_no_memory, count, closed),
    };
    return cmocka_run_group_tests_name("file", tests, set_up, tear_down);
}
