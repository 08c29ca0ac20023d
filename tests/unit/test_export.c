/*
 * Token files: what is written, as whom and where; what is in the way; and programs that hang, die
 * or say something else. The real program does it. What needs root is skipped without.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sched.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "export_file.h"

#define LONG50 "/2345678901234567890123456789012345678901234567890"

static void test_paths(void **state)
{
    static const struct {
        const char *runtime;
        const char *path; /* NULL: refused */
        const char *text;
    } cases[] = {
        {"/run/user/1000", "/run/user/1000/wfauth/acme", NULL},
        {NULL, NULL, "pam_systemd must stand above"},
        {"", NULL, "no absolute path"},
        {"run/user/1000", NULL, "no absolute path"},
        {"/run/us\ner", NULL, "no absolute path"},
        {"/run/us\x1b[1mer", NULL, "no absolute path"},
        {"/run/\xff", NULL, "no absolute path"},
        /* 243 and the 12 of "/wfauth/acme": with the NUL there is just room */
        {LONG50 LONG50 LONG50 LONG50 "/2345678901234567890123456789012345678901",
         LONG50 LONG50 LONG50 LONG50 "/2345678901234567890123456789012345678901/wfauth/acme", NULL},
        {LONG50 LONG50 LONG50 LONG50 "/234567890123456789012345678901234567890123456789", NULL,
         "too long"},
    };
    char path[WF_EXPORT_PATH_SIZE];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = wf_export_path(cases[i].runtime, "acme", path, &err);
        if (cases[i].path != NULL) {
            assert_int_equal(reason, WF_OK);
            assert_string_equal(path, cases[i].path);
        } else if (reason != WF_CONFIG || strstr(err.text, cases[i].text) == NULL) {
            fail_msg("%zu: %s: %s", i, wf_reason_name(reason), err.text);
        }
    }
    /* One byte more than there is room for */
    char runtime[WF_EXPORT_PATH_SIZE];
    memset(runtime, 'r', sizeof(runtime));
    runtime[0] = '/';
    runtime[sizeof(path) - 1 - strlen("/wfauth/acme")] = '\0';
    assert_int_equal(wf_export_path(runtime, "acme", path, NULL), WF_OK);
    assert_int_equal(wf_export_path(runtime, "acmes", path, NULL), WF_CONFIG);
}

static void check_mode(const char *path, mode_t mode)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_uid, export_person.pw_uid);
    assert_int_equal(st.st_gid, export_person.pw_gid);
    assert_int_equal(st.st_mode & 07777, mode);
}

static void test_written_and_removed(void **state)
{
    struct stat before;
    struct stat after;
    mode_t mask = umask(0777); /* the host's own, which must not decide */

    (void)state;
    put_ok("t");
    put_ok("t1");
    (void)umask(mask);
    assert_string_equal(export_content(export_file), "t1\n");
    check_mode(export_folder, 0700);
    check_mode(export_file, 0600);
    assert_int_equal(stat(export_file, &before), 0);
    put_ok("t2");
    assert_string_equal(export_content(export_file), "t2\n");
    assert_int_equal(stat(export_file, &after), 0);
    assert_true(before.st_ino != after.st_ino); /* replaced, and not written into */
    assert_string_equal(take(), "t2");
    assert_false(export_is_there(export_folder));
    assert_null(take());
    /* systemd was quicker */
    assert_int_equal(rmdir(export_runtime), 0);
    assert_null(take());
}

/* The largest token, and one that is larger. */
static void test_sizes(void **state)
{
    static char text[WF_EXPORT_TOKEN_MAX + 1];
    struct wf_secret *held = NULL;

    (void)state;
    memset(text, 'x', sizeof(text));
    struct wf_secret *largest = wf_secret_new(text, WF_EXPORT_TOKEN_MAX);
    struct wf_secret *larger = wf_secret_new(text, WF_EXPORT_TOKEN_MAX + 1);
    struct wf_secret *none = wf_secret_new(text, 0);
    assert_int_equal(wf_export_write("alice", export_file, largest, NULL), WF_OK);
    assert_int_equal(wf_export_write("alice", export_file, larger, NULL), WF_INTERNAL);
    assert_int_equal(wf_export_write("alice", export_file, none, NULL), WF_INTERNAL);
    assert_int_equal(wf_export_remove("alice", export_file, &held, NULL), WF_OK);
    assert_true(wf_secret_equals(held, largest));
    wf_secret_free(held);
    wf_secret_free(largest);
    wf_secret_free(larger);
    wf_secret_free(none);
}

static void test_other_provider(void **state)
{
    char other[128];

    (void)state;
    put_ok("t1");
    (void)snprintf(other, sizeof(other), "%s/other", export_folder);
    export_write_file(other, "t2\n", 0600);
    assert_string_equal(take(), "t1");
    assert_string_equal(export_content(other), "t2\n");
}

/* What the person has put in the file's place is none of ours: it goes, and is not sent. */
static void test_held(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        mode_t mode;
        const char *held;
    } cases[] = {
        {"a token", "abc", 0600, "abc"},
        {"of one byte", "a", 0600, "a"},
        {"newlines around it", "\n abc\r\n", 0600, "abc"},
        {"nothing", "", 0600, NULL},
        {"a newline alone", "\n", 0600, NULL},
        {"two words", "abc def\n", 0600, NULL},
        {"two lines", "abc\ndef\n", 0600, NULL},
        {"an escape", "abc\x1b[1m\n", 0600, NULL},
        {"not ASCII", "\xc3\xa4\n", 0600, NULL},
        {"open to others", "abc\n", 0644, NULL},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        put_ok("t1");
        export_write_file(export_file, cases[i].text, cases[i].mode);
        const char *held = take();
        if ((held == NULL) != (cases[i].held == NULL) ||
            (held != NULL && strcmp(held, cases[i].held) != 0))
            fail_msg("%s: %s", cases[i].name, held == NULL ? "nothing" : held);
        assert_false(export_is_there(export_folder));
    }
}

/* What stands in the way */

static char victim[128]; /* a folder or a file elsewhere */

static void make_victim_folder(mode_t mode)
{
    export_clear(victim);
    export_make_folder(victim, mode);
}

static void no_runtime(void)
{
    assert_int_equal(rmdir(export_runtime), 0);
}

static void no_runtime_that_we_could_make(void)
{
    no_runtime();
    export_own(export_base);
}

static void runtime_is_closed(void)
{
    assert_int_equal(chmod(export_runtime, 0), 0);
}

static void runtime_is_a_file(void)
{
    no_runtime();
    export_write_file(export_runtime, "", 0600);
    export_own(export_runtime);
}

static void runtime_is_roots(void)
{
    assert_int_equal(chown(export_runtime, 0, 0), 0);
    assert_int_equal(chmod(export_runtime, 0777), 0);
}

static void runtime_is_anothers(void)
{
    assert_int_equal(chown(export_runtime, 2, 2), 0);
    assert_int_equal(chmod(export_runtime, 0777), 0);
}

static void runtime_for_the_group(void)
{
    assert_int_equal(chmod(export_runtime, 0770), 0);
}

static void runtime_for_all(void)
{
    assert_int_equal(chmod(export_runtime, 01777), 0);
}

static void runtime_is_a_link(void)
{
    make_victim_folder(0700);
    no_runtime();
    assert_int_equal(symlink(victim, export_runtime), 0);
}

static void folder_is_a_link(void)
{
    make_victim_folder(0700);
    assert_int_equal(symlink(victim, export_folder), 0);
}

static void folder_is_a_file(void)
{
    export_write_file(export_folder, "", 0600);
    export_own(export_folder);
}

static void folder_is_roots(void)
{
    export_make_folder(export_folder, 0777);
    assert_int_equal(chown(export_folder, 0, 0), 0);
}

static void folder_for_the_group(void)
{
    export_make_folder(export_folder, 0770);
}

static void file_is_a_folder(void)
{
    export_make_folder(export_folder, 0700);
    export_make_folder(export_file, 0700);
}

static void folder_cannot_be_written(void)
{
    export_make_folder(export_folder, 0500);
}

static void test_refused(void **state)
{
    static const struct {
        const char *name;
        void (*make)(void);
        bool root;
        const char *text;
    } cases[] = {
        {"no runtime directory", no_runtime, false, "No such file"},
        {"none, and we could make it", no_runtime_that_we_could_make, false, "No such file"},
        {"nobody may look into it", runtime_is_closed, false, "Permission denied"},
        {"a file for it", runtime_is_a_file, false, "no symbolic links here"},
        {"root's", runtime_is_roots, true, "belongs to user 0"},
        {"somebody else's", runtime_is_anothers, true, "belongs to user 2"},
        {"the group may write", runtime_for_the_group, false, "can be written by others"},
        {"all may write", runtime_for_all, false, "can be written by others"},
        {"a link to it", runtime_is_a_link, false, "no symbolic links here"},
        {"a link for the folder", folder_is_a_link, false, "no symbolic links here"},
        {"a file for the folder", folder_is_a_file, false, "no symbolic links here"},
        {"root's folder", folder_is_roots, true, "belongs to user 0"},
        {"the group may write the folder", folder_for_the_group, false, "can be written by others"},
        {"a folder for the file", file_is_a_folder, false, "Is a directory"},
        {"nobody may write the folder", folder_cannot_be_written, false, "Permission denied"},
    };

    (void)state;
    (void)snprintf(victim, sizeof(victim), "%s/victim", export_base);
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        if (cases[i].root && geteuid() != 0)
            continue;
        export_reset();
        cases[i].make();
        enum wf_reason reason = put("t1", &err);
        if (reason != WF_CONFIG || strstr(err.text, cases[i].text) == NULL ||
            strncmp(err.text, "wfauth-export: ", 15) != 0)
            fail_msg("%s: %s: %s", cases[i].name, wf_reason_name(reason), err.text);
        assert_string_equal(export_content(export_file), "");
        if (cases[i].make == no_runtime_that_we_could_make) {
            assert_false(export_is_there(export_runtime));
            assert_int_equal(lchown(export_base, geteuid(), getegid()), 0);
        }
        if (export_is_there(victim))
            assert_int_equal(rmdir(victim), 0);
    }
}

/* The same at the end: a link or another's folder leads nowhere. */
static void test_refused_removal(void **state)
{
    static void (*const makes[])(void) = {runtime_is_a_link, folder_is_a_link,
                                          runtime_for_the_group, runtime_for_all};
    char file[160];

    (void)state;
    (void)snprintf(victim, sizeof(victim), "%s/victim", export_base);
    (void)snprintf(file, sizeof(file), "%s/acme", victim);
    for (size_t i = 0; i < WF_ARRAY_LEN(makes); i++) {
        struct wf_secret *held = NULL;
        make_victim_folder(0700);
        export_reset();
        makes[i]();
        if (i == 0) {
            (void)snprintf(file, sizeof(file), "%s/wfauth", victim);
            export_make_folder(file, 0700);
            (void)snprintf(file, sizeof(file), "%s/wfauth/acme", victim);
        } else if (i == 1) {
            (void)snprintf(file, sizeof(file), "%s/acme", victim);
        } else {
            export_make_folder(export_folder, 0700);
            (void)snprintf(file, sizeof(file), "%s", export_file);
        }
        export_write_file(file, "abc\n", 0600);
        export_own(file);
        assert_int_equal(wf_export_remove("alice", export_file, &held, NULL), WF_CONFIG);
        assert_null(held);
        assert_string_equal(export_content(file), "abc\n");
    }
}

static void file_cannot_be_removed(void)
{
    export_make_folder(export_folder, 0700);
    export_write_file(export_file, "abc\n", 0600);
    export_own(export_file);
    assert_int_equal(chmod(export_folder, 0500), 0);
}

/* What cannot be removed is said, and nothing else is removed. */
static void test_not_removed(void **state)
{
    static const struct {
        const char *name;
        void (*make)(void);
        const char *text;
    } cases[] = {
        {"nobody may look into the runtime directory", runtime_is_closed, "Permission denied"},
        {"a folder for the file", file_is_a_folder, "cannot remove"},
        {"nobody may write the folder", file_cannot_be_removed, "Permission denied"},
        {"the group may write the folder", folder_for_the_group, "can be written by others"},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_secret *held = NULL;
        struct wf_err err = WF_ERR_INIT;
        export_reset();
        cases[i].make();
        enum wf_reason reason = wf_export_remove("alice", export_file, &held, &err);
        if (reason != WF_CONFIG || strstr(err.text, cases[i].text) == NULL)
            fail_msg("%s: %s: %s", cases[i].name, wf_reason_name(reason), err.text);
        assert_null(held);
        assert_int_equal(chmod(export_runtime, 0700), 0);
        assert_int_equal(export_is_there(export_folder), i > 0);
        assert_int_equal(chmod(export_folder, 0700), i > 0 ? 0 : -1);
        assert_int_equal(export_is_there(export_file), i == 1 || i == 2);
    }
}

/* What was in the file's place is replaced, and where it led to stays as it was. */
static void test_replaced(void **state)
{
    (void)state;
    (void)snprintf(victim, sizeof(victim), "%s/victim", export_base);
    for (size_t i = 0; i < 4; i++) {
        export_reset();
        export_clear(victim);
        export_write_file(victim, "precious", 0600);
        export_own(victim);
        export_make_folder(export_folder, 0700);
        if (i == 0)
            assert_int_equal(symlink(victim, export_file), 0);
        else if (i == 1)
            assert_int_equal(link(victim, export_file), 0);
        else
            export_write_file(export_file, "old", 0666);
        if (i == 3 && geteuid() == 0)
            assert_int_equal(chown(export_file, 0, 0), 0);
        put_ok("t1");
        check_mode(export_file, 0600);
        assert_string_equal(export_content(export_file), "t1\n");
        assert_string_equal(export_content(victim), "precious");
    }
}

/* A process that was stopped while writing left something: it goes when it is old. */
static void test_leftover(void **state)
{
    char left[160];
    const struct timespec times[2] = {{1, 0}, {1, 0}};

    (void)state;
    put_ok("t1");
    (void)snprintf(left, sizeof(left), "%s/.tmp-0123456789abcdef", export_folder);
    export_write_file(left, "token", 0600);
    export_own(left);
    put_ok("t2");
    bool known = export_is_there(left); /* young ones may be at work */
    assert_true(known);
    assert_int_equal(utimensat(AT_FDCWD, left, times, 0), 0);
    put_ok("t3");
    assert_false(export_is_there(left));
}

/* A disk that is full: a file system of its own, where this may be made. */
static int fill_and_write(void)
{
    struct wf_err err = WF_ERR_INIT;
    char options[96];
    char filler[128];
    char block[4096] = {0};

    (void)snprintf(options, sizeof(options), "size=32k,mode=700,uid=%u,gid=%u",
                   (unsigned)export_person.pw_uid, (unsigned)export_person.pw_gid);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", export_runtime, "tmpfs", 0, options) != 0)
        return 77;
    struct wf_secret *token = wf_secret_new("t1", 2);
    if (wf_export_write("alice", export_file, token, &err) != WF_OK)
        return 1;
    (void)snprintf(filler, sizeof(filler), "%s/filler", export_runtime);
    int fd = open(filler, O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, sizeof(block)) > 0)
        continue;
    (void)close(fd);
    enum wf_reason reason = wf_export_write("alice", export_file, token, &err);
    wf_secret_free(token);
    if (reason != WF_CONFIG || strstr(err.text, "No space left") == NULL)
        return 2;
    /* The one before stands */
    return strcmp(export_content(export_file), "t1\n") == 0 ? 0 : 3;
}

static void test_full_disk(void **state)
{
    (void)state;
    int result = in_child(fill_and_write);
    if (result == 77)
        skip();
    assert_int_equal(result, 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, reset, check_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_paths),
        CASE(test_written_and_removed),
        CASE(test_sizes),
        CASE(test_other_provider),
        CASE(test_held),
        CASE(test_refused),
        CASE(test_refused_removal),
        CASE(test_not_removed),
        CASE(test_replaced),
        CASE(test_leftover),
        CASE(test_full_disk),
    };
    return cmocka_run_group_tests_name("export", tests, export_setup, export_teardown);
}
