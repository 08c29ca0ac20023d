/* What cachedir and store do not share of a folder: what is durable, what is private, and where it
 * is. The rest is tested with them. */
#include "config.h"

#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "cachecase.h"
#include "folder.h"
#include "store.h"

/* Wrapped calls */

static char trace[256]; /* what makes a file durable, in order */
static void note(const char *what)
{
    size_t used = strlen(trace);

    (void)snprintf(trace + used, sizeof(trace) - used, "%s ", what);
}

static ino_t synced;
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (fault_now("fsync", fault_what(fd)))
        return -1;
    struct stat st;
    note(fault_what(fd));
    assert_int_equal(fstat(fd, &st), 0);
    synced = st.st_ino;
    return __real_fsync(fd);
}

int __real_renameat(int from_in, const char *from, int to_in, const char *to);
int __wrap_renameat(int from_in, const char *from, int to_in, const char *to);
int __wrap_renameat(int from_in, const char *from, int to_in, const char *to)
{
    if (fault_now("renameat", to))
        return -1;
    note("rename");
    return __real_renameat(from_in, from, to_in, to);
}

int __real_unlinkat(int in, const char *name, int flags);
int __wrap_unlinkat(int in, const char *name, int flags);
int __wrap_unlinkat(int in, const char *name, int flags)
{
    return fault_now("unlinkat", name) ? -1 : __real_unlinkat(in, name, flags);
}

int __real_linkat(int from_in, const char *from, int to_in, const char *to, int flags);
int __wrap_linkat(int from_in, const char *from, int to_in, const char *to, int flags);
int __wrap_linkat(int from_in, const char *from, int to_in, const char *to, int flags)
{
    return fault_now("linkat", to) ? -1 : __real_linkat(from_in, from, to_in, to, flags);
}

static const char *user_home = "/home/u";
int __wrap_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, struct passwd **ret);
int __wrap_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, struct passwd **ret)
{
    int n = snprintf(buf, size, "u");

    (void)snprintf(buf + n + 1, size - (size_t)n - 1, "%s", user_home);
    *pw = (struct passwd){.pw_name = buf, .pw_uid = uid, .pw_dir = buf + n + 1};
    *ret = pw;
    return 0;
}

/* Files */

static const struct {
    const char *name;
    bool durable;
    struct fault fault;
    const char *says;  /* NULL: done */
    const char *trace;
    const char *after; /* what stands then */
} rows[] = {
    {"quick", false, {NULL, NULL, 0}, NULL, "rename ", "new"},
    {"durable", true, {NULL, NULL, 0}, NULL, "file rename folder ", "new"},
    {"quick, no sync", false, {"fsync", NULL, EIO}, NULL, "rename ", "new"},
    {"file not synced", true, {"fsync", "file", EIO}, "Input/output error", "", "old"},
    {"not renamed", true, {"renameat", "a", EROFS}, "Read-only", "file ", "old"},
    {"folder not synced", true, {"fsync", "folder", EIO}, "Input/output error", "file rename ", "new"},
};

static void test_replace(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_buf out = WF_BUF_INIT(100);
        int in = wf_folder_walk(folder, 0, NULL);
        assert_true(in >= 0);
        assert_null(wf_folder_replace(in, "a", "old", 3, false));
        trace[0] = '\0';
        faults[0] = rows[i].fault;
        const char *fault = wf_folder_replace(in, "a", "new", 3, rows[i].durable);
        memset(faults, 0, sizeof(faults));
        if ((fault != NULL) != (rows[i].says != NULL) ||
            (fault != NULL && strstr(fault, rows[i].says) == NULL) ||
            strcmp(trace, rows[i].trace) != 0)
            fail_msg("%s: %s, %s", rows[i].name, fault, trace);
        assert_null(wf_folder_read(in, "a", WF_FOLDER_PRIVATE, &out));
        if (strcmp(wf_buf_text_borrow(&out), rows[i].after) != 0)
            fail_msg("%s: %s", rows[i].name, wf_buf_text_borrow(&out));
        wf_buf_done(&out);
        wf_folder_shut(in);
    }
}

static void test_remove(void **state)
{
    int in = wf_folder_walk(folder, 0, NULL);
    bool existed = false;

    (void)state;
    plant("a", "x", 0600);
    faults[0] = (struct fault){"unlinkat", "a", EROFS};
    assert_string_equal(wf_folder_remove(in, "a", true, &existed), "Read-only file system");
    assert_false(existed);
    faults[0] = (struct fault){"fsync", "folder", EIO};
    assert_string_equal(wf_folder_remove(in, "a", true, &existed), "Input/output error");
    /* Gone, but not for sure */
    assert_true(existed);
    assert_null(wf_folder_remove(in, "a", true, &existed));
    assert_false(existed);
    faults[0] = (struct fault){"openat", ".", EMFILE};
    plant("b", "x", 0600);
    assert_string_equal(wf_folder_remove(in, "b", true, &existed), "Too many open files");
    plant("b", "x", 0600);
    trace[0] = '\0';
    assert_null(wf_folder_remove(in, "b", false, &existed));
    assert_true(existed);
    assert_string_equal(trace, "");
    memset(faults, 0, sizeof(faults));
    plant("c", "x", 0600);
    assert_null(wf_folder_remove(in, "c", true, &existed));
    assert_string_equal(trace, "folder ");
    wf_folder_shut(in);
}

/* Making a file where there may be one: rows as above. */
static const struct {
    const char *name;
    bool there;
    struct fault fault;
    const char *says; /* NULL: done */
    const char *trace;
    const char *after; /* what stands then; NULL: nothing */
} creations[] = {
    {"new", false, {NULL, NULL, 0}, NULL, "file folder ", "new"},
    {"there", true, {NULL, NULL, 0}, NULL, "file ", "old"},
    {"file not synced", false, {"fsync", "file", EIO}, "Input/output error", "", NULL},
    {"no place", false, {"linkat", "a", ENOSPC}, "No space left", "file ", NULL},
    {"folder not synced", false, {"fsync", "folder", EIO}, "Input/output error", "file ", "new"},
};

static void test_create(void **state)
{
    char left[512];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(creations); i++) {
        struct wf_buf out = WF_BUF_INIT(100);
        int in = wf_folder_walk(folder, 0, NULL);
        bool existed = false;
        (void)unlink(in_folder("a"));
        if (creations[i].there)
            plant("a", "old", 0600);
        trace[0] = '\0';
        faults[0] = creations[i].fault;
        const char *fault = wf_folder_create(in, "a", "new", 3, &existed);
        memset(faults, 0, sizeof(faults));
        if ((fault != NULL) != (creations[i].says != NULL) ||
            (fault != NULL && strstr(fault, creations[i].says) == NULL) ||
            strcmp(trace, creations[i].trace) != 0 || existed != creations[i].there)
            fail_msg("%s: %s, %s", creations[i].name, fault, trace);
        assert_null(wf_folder_read(in, "a", WF_FOLDER_PRIVATE, &out));
        if (creations[i].after == NULL ? out.len > 0
                                       : strcmp(wf_buf_text_borrow(&out), creations[i].after) != 0)
            fail_msg("%s: %s", creations[i].name, wf_buf_text_borrow(&out));
        key_folder_find(folder, ".tmp-", left, sizeof(left));
        assert_string_equal(left, "");
        wf_buf_done(&out);
        wf_folder_shut(in);
    }
    /* A link that leads nowhere is there, too */
    struct stat st;
    bool existed = false;
    int in = wf_folder_walk(folder, 0, NULL);
    assert_int_equal(symlink("nowhere", in_folder("l")), 0);
    assert_null(wf_folder_create(in, "l", "new", 3, &existed));
    assert_true(existed);
    assert_int_equal(stat(in_folder("nowhere"), &st), -1);
    wf_folder_shut(in);
}

/* A folder that is made is kept by the one that it is in. */
static void test_new_folder(void **state)
{
    static const struct fault unsynced[] = {{"fsync", "folder", EIO}, {"openat", ".", EACCES}};
    struct stat st;
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/new", folder);
    assert_int_equal(stat(folder, &st), 0);
    trace[0] = '\0';
    for (int i = 0; i < 2; i++) {
        int fd = wf_folder_walk(path, 0700, NULL);
        assert_true(fd >= 0);
        assert_string_equal(trace, "folder ");
        assert_int_equal(synced, st.st_ino);
        wf_folder_shut(fd);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(unsynced); i++) {
        assert_int_equal(rmdir(path), 0);
        faults[0] = unsynced[i];
        int fd = wf_folder_walk(path, 0700, NULL);
        memset(faults, 0, sizeof(faults));
        assert_true(fd >= 0);
        wf_folder_shut(fd);
    }
    assert_int_equal(rmdir(path), 0);
    assert_true(wf_folder_walk(path, 0, NULL) < 0);
}

static const struct {
    mode_t mode;
    const char *writable; /* what is wrong with it where others must not write */
    const char *private;  /* and where they must not even read */
} modes[] = {
    {0600, NULL, NULL},
    {0400, NULL, NULL},
    {0640, NULL, "it is open to others"},
    {0604, NULL, "it is open to others"},
    {0610, NULL, "it is open to others"},
    {0601, NULL, "it is open to others"},
    {0620, "it can be written by others", "it can be written by others"},
    {0602, "it can be written by others", "it can be written by others"},
};

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void test_modes(void **state)
{
    int in = wf_folder_walk(folder, 0, NULL);

    (void)state;
    plant("a", "x", 0600);
    for (size_t i = 0; i < WF_ARRAY_LEN(modes); i++) {
        struct wf_buf out = WF_BUF_INIT(100);
        assert_int_equal(chmod(in_folder("a"), modes[i].mode), 0);
        if (!is_same(wf_folder_read(in, "a", WF_FOLDER_NOT_WRITABLE, &out), modes[i].writable) ||
            !is_same(wf_folder_read(in, "a", WF_FOLDER_PRIVATE, &out), modes[i].private))
            fail_msg("%o", modes[i].mode);
        if (modes[i].private != NULL)
            assert_int_equal(errno, 0);
        wf_buf_done(&out);
    }
    wf_folder_shut(in);
}

/* What is no good, and what cannot be told to be good, are two things; and why there is no list is
 * said. */
static void test_faults(void **state)
{
    struct wf_buf out = WF_BUF_INIT(100);
    struct wf_buf list = WF_BUF_INIT(1000);
    int in = wf_folder_walk(folder, 0, NULL);

    (void)state;
    plant("a", "x", 0600);
    assert_int_equal(symlink("a", in_folder("s")), 0);
    faults[0] = (struct fault){"openat", "a", EMFILE};
    assert_string_equal(wf_folder_read(in, "a", WF_FOLDER_PRIVATE, &out), wf_errno_text(EMFILE));
    assert_int_equal(errno, EMFILE);
    assert_non_null(wf_folder_read(in, "s", WF_FOLDER_PRIVATE, &out));
    assert_int_equal(errno, 0);
    faults[0] = (struct fault){"openat", ".", EMFILE};
    assert_string_equal(wf_folder_list(in, "a", &list), wf_errno_text(EMFILE));
    memset(faults, 0, sizeof(faults));
    wf_buf_done(&list);
    wf_buf_done(&out);
    wf_folder_shut(in);
}

/* The folders that nobody configured, in a root of our own, as another person where we can be. */
static int default_is(const char *path, const char *root)
{
    struct wf_store *found = NULL;

    fake_root = root;
    enum wf_reason reason = wf_store_open(NULL, NULL, &found, NULL);
    fake_root = NULL;
    int same = reason == WF_OK && strcmp(wf_store_path_borrow(found), path) == 0;
    wf_store_free(found);
    return same;
}

static bool is_private(const char *root, const char *path)
{
    char full[512];
    struct stat st;

    (void)snprintf(full, sizeof(full), "%s%s", root, path);
    return stat(full, &st) == 0 && (st.st_mode & 07777) == 0700;
}

static int choose_as_person(const char *root)
{
    (void)unsetenv("XDG_STATE_HOME");
    if (!default_is("/home/u/.local/state/wfauth", root) || !is_private(root, "/home/u/.local") ||
        !is_private(root, "/home/u/.local/state") ||
        !is_private(root, "/home/u/.local/state/wfauth"))
        return 1;
    (void)setenv("XDG_STATE_HOME", "/home/u/x", 1);
    if (!default_is("/home/u/x/wfauth", root) || !is_private(root, "/home/u/x/wfauth"))
        return 2;
    (void)unsetenv("XDG_STATE_HOME");
    user_home = "";
    return default_is("", root) ? 3 : 0;
}

static void test_defaults(void **state)
{
    char root[128];
    char path[400];
    int status = 0;

    (void)state;
    (void)snprintf(root, sizeof(root), "%s/root", folder);
    assert_int_equal(mkdir(root, 0755), 0);
    (void)snprintf(path, sizeof(path), "mkdir -p '%s/home/u' '%s" WF_LOCALSTATEDIR "'", root, root);
    assert_int_equal(system(path), 0);
    (void)snprintf(path, sizeof(path), "%s/home/u", root);
    uid_t person = geteuid() == 0 ? 4242 : geteuid();
    assert_int_equal(chown(path, person, (gid_t)-1), 0);
    /* A folder that a service has where keys are kept is none for sessions */
    (void)snprintf(path, sizeof(path), "%s" WF_LOCALSTATEDIR "/lib", root);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s" WF_LOCALSTATEDIR "/lib/wfauth", root);
    assert_int_equal(mkdir(path, 0711), 0);
    (void)snprintf(path, sizeof(path), "%s" WF_LOCALSTATEDIR "/lib/wfauth/u", root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chown(path, person, (gid_t)-1), 0);
    assert_int_equal(chmod(folder, 0711), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(geteuid() == 0 && setresuid(person, person, person) != 0 ? 99
                                                                       : choose_as_person(root));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(status, 0);
    (void)snprintf(path, sizeof(path), "rm -rf '%s%s'", root, WF_LOCALSTATEDIR "/lib");
    assert_int_equal(system(path), 0);
    if (geteuid() == 0) {
        assert_true(default_is(WF_LOCALSTATEDIR "/lib/wfauth", root));
        assert_true(is_private(root, WF_LOCALSTATEDIR "/lib/wfauth"));
    }
    (void)snprintf(path, sizeof(path), "rm -rf '%s'", root);
    assert_int_equal(system(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replace, empty, closed),
        cmocka_unit_test_setup_teardown(test_remove, empty, closed),
        cmocka_unit_test_setup_teardown(test_create, empty, closed),
        cmocka_unit_test_setup_teardown(test_new_folder, empty, closed),
        cmocka_unit_test_setup_teardown(test_modes, empty, closed),
        cmocka_unit_test_setup_teardown(test_faults, empty, closed),
        cmocka_unit_test_setup_teardown(test_defaults, empty, closed),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
