#include "config.h"

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

    if (fake_owner) {
        st->st_uid = owner;
        st->st_gid = group;
    }
    return rc;
}

static char folder[] = "/tmp/wf-test-file.XXXXXX";
static char path[100];

static int set_up(void **state)
{
    (void)state;
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
    {"secret for the reader's group", WF_FILE_SECRET, 7, 7, 0, 7, 0640, NULL},
    {"secret for another group", WF_FILE_SECRET, 7, 7, 0, 8, 0640, "read by group 8"},
    {"secret for another group, run", WF_FILE_SECRET, 7, 7, 0, 8, 0610, "read by group 8"},
    {"secret, others may read", WF_FILE_SECRET, 7, 7, 0, 0, 0604, "read by others"},
    {"secret, others may run", WF_FILE_SECRET, 7, 7, 0, 0, 0601, "read by others"},
    {"secret, group may write", WF_FILE_SECRET, 7, 7, 0, 7, 0660, "can be written"},
    {"secret, somebody else's", WF_FILE_SECRET, 7, 7, 8, 7, 0600, "belongs to user 8"},
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
    expect_refusal(path, "symbolic link");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refusal(path, "not a regular file"); /* without waiting for a writer */
    assert_int_equal(unlink(path), 0);
}

static void test_size(void **state)
{
    (void)state;
    struct wf_buf out = WF_BUF_INIT(10000);
    struct wf_err err = WF_ERR_INIT;

    owner = fake_euid;
    make(0600, 10000);
    assert_int_equal(wf_file_read(path, WF_FILE_SECRET, &out, &err), WF_OK);
    assert_int_equal(out.len, 10000);
    assert_int_equal(out.data[9999], 'a' + 9999 % 26);
    wf_buf_done(&out);
    make(0600, 10001);
    assert_int_equal(wf_file_read(path, WF_FILE_SECRET, &out, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "larger than 10000 bytes"));
    wf_buf_done(&out);
    make(0600, 0);
    wf_buf_append_text(&out, "before");
    assert_int_equal(wf_file_read(path, WF_FILE_SECRET, &out, &err), WF_OK);
    assert_string_equal(wf_buf_text_borrow(&out), "before");
    wf_buf_done(&out);
}

static void test_no_memory_and_no_leak(void **state)
{
    (void)state;
    struct wf_buf out = WF_BUF_INIT(10000);
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(before >= 0);
    assert_int_equal(close(before), 0);
    owner = fake_euid;
    make(0600, 10000);
    for (unsigned n = 1; n <= 2; n++) {
        fail_alloc_at = n;
        assert_int_equal(wf_file_read(path, WF_FILE_SECRET, &out, NULL), WF_INTERNAL);
        wf_buf_done(&out);
    }
    owner = fake_euid + 1;
    assert_int_equal(wf_file_read(path, WF_FILE_SECRET, &out, NULL), WF_CONFIG);
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(close(after), 0);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner_and_mode),
        cmocka_unit_test(test_kinds_of_files),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_no_memory_and_no_leak),
    };
    return cmocka_run_group_tests_name("file", tests, set_up, tear_down);
}
