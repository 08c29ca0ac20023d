/* Anchors: what a /proc of the test's own says of them. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "anchor.h"
#include "keycase.h"

/* Wrapped calls: a /proc of our own, and what happens while it is read */

static char fake[64];
static long fake_magic = PROC_SUPER_MAGIC; /* 0: it cannot be told */
static bool no_proc;
static bool is_high; /* its descriptor is not the lowest: the next one is 0 */

int __real_close(int fd);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    assert_string_equal(path, "/proc");
    errno = ENOENT;
    if (no_proc || !is_high)
        return no_proc ? -1 : __real_open(fake, flags);
    int fd = __real_open(fake, flags);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 20);
    assert_int_equal(__real_close(fd), 0);
    return high;
}

int __real_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs(int fd, struct statfs *ret)
{
    int rc = __real_fstatfs(fd, ret);

    ret->f_type = fake_magic == 0 ? PROC_SUPER_MAGIC : fake_magic;
    if (fake_magic == 0)
        rc = -1;
    return rc;
}

/* When a file is read for the how-manieth time, and what happens then */
static unsigned reads_left;
static void (*between)(void);
static int read_errno;
static bool reads_slowly; /* a byte at a time */
static bool interrupted;
ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size)
{
    if (between != NULL && reads_left > 0 && --reads_left == 0)
        between();
    if (read_errno != 0) {
        errno = read_errno;
        return -1;
    }
    /* Every other call is disturbed by a signal */
    interrupted = !interrupted;
    if (interrupted) {
        errno = EINTR;
        return -1;
    }
    return __real_read(fd, data, reads_slowly && size > 1 ? 1 : size);
}

static bool is_root;
uid_t __wrap_getuid(void);
uid_t __wrap_getuid(void)
{
    return is_root ? 0 : 777;
}

/* Descriptors closed that were not open */
static unsigned misuses;
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int rc = __real_close(fd);

    misuses += rc != 0;
    errno = EXDEV; /* which is no news of what was read */
    return rc;
}

/* A /proc of our own: we are 100, started by 90, started by 80, started by 1. */

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"

static void put(const char *name, const char *text)
{
    char path[160];

    (void)snprintf(path, sizeof(path), "%s/%s", fake, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void put_process(unsigned pid, const char *rest)
{
    char name[160];
    char text[400];

    (void)snprintf(name, sizeof(name), "%s/%u", fake, pid);
    (void)mkdir(name, 0700);
    (void)snprintf(name, sizeof(name), "%u/stat", pid);
    (void)snprintf(text, sizeof(text), "%u %s\n", pid, rest);
    put(name, text);
}

/* STATE PARENT GROUP SESSION TTY …: 14 fields that do not count, and the start. */
#define STAT(state, parent, session, tty, start)                                                   \
    "(sh) " state " " parent " 7 " session " " tty " -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 " start   \
    " 999 -1 0"

static void set_tree(void)
{
    put_process(100, STAT("R", "90", "80", "34816", "400"));
    put_process(90, STAT("S", "80", "80", "34816", "300"));
    put_process(80, STAT("S", "1", "80", "34816", "200"));
    put_process(1, STAT("S", "0", "1", "0", "1"));
    put("100/status", "Name:\tsudo\nUid:\t0\t0\t0\t0\n");
    put("90/status", "Name:\tsh\nUmask:\t0022\nUid:\t1000\t0\t0\t0\nGroups:\t1\n");
    put("sys/kernel/random/boot_id", BOOT "\n");
    fake_magic = PROC_SUPER_MAGIC;
    between = NULL;
    read_errno = 0;
    interrupted = false;
}

static size_t open_files;

static int close_input(void **state)
{
    (void)state;
    return __real_close(STDIN_FILENO);
}

static int set_up(void **state)
{
    char path[160];

    (void)state;
    (void)snprintf(fake, sizeof(fake), "/tmp/wf-test-proc.XXXXXX");
    assert_non_null(mkdtemp(fake));
    const char *const folders[] = {"sys", "sys/kernel", "sys/kernel/random"};
    for (size_t i = 0; i < WF_ARRAY_LEN(folders); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", fake, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    (void)snprintf(path, sizeof(path), "%s/self", fake);
    assert_int_equal(symlink("100", path), 0);
    set_tree();
    misuses = 0;
    open_files = key_open_files();
    return 0;
}

static int tear_down(void **state)
{
    char path[160];
    const char *const names[] = {"sys/kernel/random", "sys/kernel", "sys", "."};

    (void)state;
    is_root = false;
    is_high = false;
    reads_slowly = false;
    between = NULL;
    read_errno = 0;
    for (unsigned pid = 1; pid < 400; pid++) {
        (void)snprintf(path, sizeof(path), "%s/%u", fake, pid);
        if (access(path, F_OK) == 0)
            key_folder_empty(path);
        (void)rmdir(path);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", fake, names[i]);
        key_folder_empty(path);
        (void)rmdir(path);
    }
    (void)rmdir(fake);
    /* A host's own descriptors are left alone: 0 is one like any other */
    return misuses == 0 && key_open_files() == open_files ? 0 : -1;
}

static const struct wf_anchor of_80 = {
    .kind = WF_ANCHOR_PROCESS, .pid = 80, .start = 200, .boot = BOOT};
static const struct wf_anchor of_90 = {
    .kind = WF_ANCHOR_PROCESS, .pid = 90, .start = 350, .boot = BOOT};
static const struct wf_anchor of_tty = {
    .kind = WF_ANCHOR_TERMINAL, .pid = 80, .start = 200, .tty = 34816, .boot = BOOT};

/* Rows that change one process of the good tree. */
static const struct {
    const char *name;
    unsigned pid; /* 0: none */
    const char *rest;
    bool process;            /* 80 still holds us */
    bool terminal;           /* its terminal still does */
    enum wf_reason reason;   /* of an anchor of our terminal */
} trees[] = {
    {"good", 0, NULL, true, true, WF_OK},
    {"a parent's name with everything", 90,
     "(a) R 1 (b)\n) 7 (\xff) S 80 7 80 34816 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 300", true, true,
     WF_OK},
    {"our name with everything", 100,
     "() ( ) Z 1 1 1 1) R 90 7 80 34816 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 400", true, true, WF_OK},
    {"another parent", 90, STAT("S", "1", "80", "34816", "300"), false, true, WF_OK},
    {"no parent", 90, STAT("S", "0", "80", "34816", "300"), false, true, WF_OK},
    {"a parent that started with it", 90, STAT("S", "1", "80", "34816", "200"), false, true, WF_OK},
    {"a parent as old as its child", 90, STAT("S", "80", "80", "34816", "400"), true, true, WF_OK},
    {"a parent younger than its child", 90, STAT("S", "80", "80", "34816", "401"), false, true, WF_OK},
    {"started at another time", 80, STAT("S", "1", "80", "34816", "201"), false, false, WF_OK},
    {"a zombie", 80, STAT("Z", "1", "80", "34816", "200"), false, false, WF_PENDING},
    {"dead", 80, STAT("X", "1", "80", "34816", "200"), false, false, WF_PENDING},
    {"stopped", 80, STAT("T", "1", "80", "34816", "200"), true, true, WF_OK},
    {"our session is another", 100, STAT("R", "90", "90", "34816", "400"), true, false, WF_OK},
    {"our session's leader is outside", 100, STAT("R", "90", "0", "34816", "400"), true, false, WF_PENDING},
    {"our session's leader has gone", 100, STAT("R", "90", "77", "34816", "400"), true, false, WF_PENDING},
    {"our terminal is another", 100, STAT("R", "90", "80", "34817", "400"), true, false, WF_OK},
    {"our session's leader is the first process", 100, STAT("R", "90", "1", "34816", "400"), true, false, WF_OK},
    {"no terminal", 100, STAT("R", "90", "80", "0", "400"), true, false, WF_PENDING},
    {"a terminal that is none", 100, STAT("R", "90", "80", "-5", "400"), false, false, WF_INTERNAL},
    {"a start that is none", 100, STAT("R", "90", "80", "34816", "4x0"), false, false, WF_INTERNAL},
    {"a start that is too large", 100, STAT("R", "90", "80", "34816", "9223372036854775808"), false, false, WF_INTERNAL},
    {"a parent that is none", 100, STAT("R", "-1", "80", "34816", "400"), false, false, WF_INTERNAL},
    {"a parent that is too large", 100, STAT("R", "2147483648", "80", "34816", "400"), false, false, WF_INTERNAL},
    {"a session that is none", 100, STAT("R", "90", "", "34816", "400"), false, false, WF_INTERNAL},
    {"no start", 100, "(sh) R 90 7 80 34816 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0", false, false, WF_INTERNAL},
    {"no name", 100, "sh R 90 7 80 34816 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 400", false, false, WF_INTERNAL},
    {"half a name", 100, "(sh R 90 7 80 34816 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 400", false, false, WF_INTERNAL},
    {"the other half", 100, "sh) R 90 7 80 34816 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 400", false, false, WF_INTERNAL},
    {"nothing", 100, "", false, false, WF_INTERNAL},
    {"a leader whose text is none", 80, "()", false, false, WF_INTERNAL},
    {"a dead leader whose text is none", 80, "(sh) Z 1", false, false, WF_INTERNAL},
};

static void test_trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(trees); i++) {
        struct wf_anchor anchor = {.pid = 5};
        struct wf_err err = WF_ERR_INIT;
        size_t files = key_open_files();
        set_tree();
        if (trees[i].pid != 0)
            put_process(trees[i].pid, trees[i].rest);
        if (wf_anchor_holds_us(&of_80) != trees[i].process)
            fail_msg("%s: process", trees[i].name);
        if (wf_anchor_holds_us(&of_tty) != trees[i].terminal)
            fail_msg("%s: terminal", trees[i].name);
        /* What cannot be read may live */
        if (wf_anchor_has_gone(&of_80) !=
            (trees[i].pid == 80 && !trees[i].process && trees[i].reason != WF_INTERNAL))
            fail_msg("%s: gone", trees[i].name);
        enum wf_reason reason = wf_anchor_terminal(&anchor, &err);
        if (reason != trees[i].reason || (reason != WF_OK) != (err.text[0] != '\0') ||
            (reason != WF_OK && anchor.pid != 5))
            fail_msg("%s: %s, %s", trees[i].name, wf_reason_name(reason), err.text);
        assert_int_equal(files, key_open_files());
    }
}

static void check_anchors(void)
{
    struct wf_anchor anchor;
    struct wf_err err = WF_ERR_INIT;
    char boot[WF_BOOT_SIZE];

    set_tree();
    assert_int_equal(wf_anchor_boot(boot, NULL), WF_OK);
    assert_string_equal(boot, BOOT);
    assert_true(wf_anchor_lives(&of_80) && wf_anchor_holds_us(&of_80));
    assert_int_equal(wf_anchor_caller(), is_root ? 1000 : 777);
    assert_int_equal(wf_anchor_terminal(&anchor, NULL), WF_OK);
    assert_true(wf_anchor_equals(&anchor, &of_tty));
    assert_int_equal(wf_anchor_process(&anchor, NULL), WF_OK);
    assert_true(anchor.pid == 100 && anchor.start == 400 && anchor.tty == 0);
    /* The number in the file: that of this /proc, whichever namespace it is of; to its last byte */
    put("100/stat", "55 (sh) R 90 7 80 34816 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 400");
    assert_int_equal(wf_anchor_process(&anchor, NULL), WF_OK);
    assert_true(anchor.pid == 55 && anchor.start == 400);
    /* Two without a terminal are not at the same one */
    struct wf_anchor none = of_tty;
    none.tty = 0;
    put_process(100, STAT("R", "90", "80", "0", "400"));
    assert_false(wf_anchor_holds_us(&none));
    const char *const texts[] = {"0 " STAT("R", "90", "80", "34816", "400"), ""};
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        put("100/stat", texts[i]);
        assert_int_equal(wf_anchor_process(&anchor, &err), WF_INTERNAL);
        assert_non_null(strstr(err.text, "Protocol error"));
        assert_int_equal(wf_anchor_caller(), is_root ? (uid_t)-1 : 777);
    }
}

/* Whichever descriptors there are, and however /proc is read. */
static void test_anchors(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        is_high = (i & 1) != 0;
        reads_slowly = (i & 2) != 0;
        is_root = (i & 4) != 0;
        check_anchors();
    }
}

/* It dies while it is looked at: what is in its folder goes first. */
static void test_gone(void **state)
{
    struct wf_anchor anchor;
    char path[160];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/80/stat", fake);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(wf_anchor_terminal(&anchor, NULL), WF_PENDING);
    assert_false(wf_anchor_lives(&of_80) || wf_anchor_holds_us(&of_tty));
    assert_true(wf_anchor_has_gone(&of_80));
}

static void gone_now(void)
{
    read_errno = ESRCH;
}

/* What was still there when it was opened. */
static void test_gone_now(void **state)
{
    struct wf_anchor anchor;

    (void)state;
    for (unsigned n = 1; n <= 4 + 3; n++) {
        set_tree();
        reads_left = n;
        between = gone_now;
        /* Four reads of the boot come first, which must be known */
        assert_int_equal(wf_anchor_has_gone(&of_80), n > 4);
    }
    set_tree();
    read_errno = ESRCH;
    assert_int_equal(wf_anchor_process(&anchor, NULL), WF_INTERNAL);
}

/* Whatever comes behind what counts. */
static void test_long(void **state)
{
    char rest[4000];

    (void)state;
    memset(rest, '7', sizeof(rest) - 1);
    rest[sizeof(rest) - 1] = '\0';
    memcpy(rest, STAT("S", "80", "80", "34816", "300") " ",
           strlen(STAT("S", "80", "80", "34816", "300") " "));
    char text[4100];
    (void)snprintf(text, sizeof(text), "90 %s\n", rest);
    put("90/stat", text);
    assert_true(wf_anchor_holds_us(&of_80));
}

/* What /proc does not tell holds nobody, and takes nobody away. */
static void test_silent(void **state)
{
    const char *const boots[] = {"", "0123", BOOT "0", BOOT " 0",
                                 "01234567-89ab-cdef-0123-45678\tabcdef"};
    struct wf_anchor anchor;
    struct wf_err err = WF_ERR_INIT;
    char boot[WF_BOOT_SIZE];
    char path[160];

    (void)state;
    for (size_t i = 0; i < 2 * WF_ARRAY_LEN(boots); i++) {
        set_tree();
        reads_slowly = i % 2 == 1;
        put("sys/kernel/random/boot_id", boots[i / 2]);
        assert_int_equal(wf_anchor_boot(boot, &err), WF_INTERNAL);
        assert_int_equal(wf_anchor_process(&anchor, &err), WF_INTERNAL);
        assert_false(wf_anchor_lives(&of_80) || wf_anchor_holds_us(&of_80));
        assert_false(wf_anchor_has_gone(&of_80));
    }
    /* A folder of this name that is not the kernel's */
    set_tree();
    reads_slowly = false;
    fake_magic = TMPFS_MAGIC;
    is_root = true;
    assert_int_equal(wf_anchor_boot(boot, &err), WF_INTERNAL);
    assert_int_equal(wf_anchor_process(&anchor, &err), WF_INTERNAL);
    assert_non_null(strstr(err.text, "Function not implemented"));
    assert_false(wf_anchor_lives(&of_80) || wf_anchor_holds_us(&of_80));
    assert_false(wf_anchor_has_gone(&of_80));
    assert_int_equal(wf_anchor_caller(), (uid_t)-1);
    set_tree();
    fake_magic = 0;
    assert_int_equal(wf_anchor_boot(boot, &err), WF_INTERNAL);
    assert_false(wf_anchor_lives(&of_80) || wf_anchor_holds_us(&of_80));
    assert_false(wf_anchor_has_gone(&of_80));
    set_tree();
    no_proc = true;
    assert_int_equal(wf_anchor_boot(boot, &err), WF_INTERNAL);
    assert_int_equal(wf_anchor_process(&anchor, &err), WF_INTERNAL);
    assert_non_null(strstr(err.text, "No such file"));
    assert_false(wf_anchor_lives(&of_80) || wf_anchor_holds_us(&of_80));
    assert_false(wf_anchor_has_gone(&of_80));
    assert_int_equal(wf_anchor_caller(), (uid_t)-1);
    no_proc = false;
    (void)snprintf(path, sizeof(path), "%s/sys/kernel/random/boot_id", fake);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(wf_anchor_boot(boot, &err), WF_INTERNAL);
    set_tree();
    read_errno = EIO;
    assert_int_equal(wf_anchor_boot(boot, &err), WF_INTERNAL);
    assert_int_equal(wf_anchor_terminal(&anchor, &err), WF_INTERNAL);
    assert_non_null(strstr(err.text, "Input/output error"));
    assert_false(wf_anchor_lives(&of_80) || wf_anchor_holds_us(&of_80));
    assert_false(wf_anchor_has_gone(&of_80));
    assert_int_equal(wf_anchor_caller(), (uid_t)-1);
}

/* 90 dies, its number goes to a child of 80's, and we go to 1: while we look. */
static void reuse(void)
{
    put_process(100, STAT("R", "1", "80", "34816", "400"));
}

static void garble(void)
{
    put("100/stat", "");
}

static void test_reuse(void **state)
{
    (void)state;
    is_root = true;
    for (unsigned n = 0; n <= 10; n++) {
        set_tree();
        put_process(90, STAT("S", "80", "80", "34816", "350"));
        /* Four reads to a file, of which two are disturbed: before the second look at us is over */
        reads_left = n;
        between = reuse;
        if (wf_anchor_holds_us(&of_80) != (n == 0))
            fail_msg("%u", n);
        /* Nor does whoever has the number now hold us */
        set_tree();
        put_process(90, STAT("S", "80", "80", "34816", "350"));
        reads_left = n;
        between = reuse;
        if (wf_anchor_holds_us(&of_90) != (n == 0))
            fail_msg("%u", n);
        set_tree();
        reads_left = n;
        between = garble;
        if (wf_anchor_holds_us(&of_80) != (n == 0))
            fail_msg("%u", n);
        set_tree();
        reads_left = n;
        between = reuse;
        if (wf_anchor_caller() != (n == 0 ? 1000 : (uid_t)-1))
            fail_msg("%u", n);
    }
}

static const struct {
    const char *name;
    const char *status;
    uid_t user;
} statuses[] = {
    {"good", "Name:\tsh\nUid:\t1000\t0\t0\t0\n", 1000},
    {"root", "Name:\tsh\nUid:\t0\t0\t0\t0\n", 0},
    {"the largest", "Name:\tsh\nUid:\t4294967294\t0\t0\t0\n", 4294967294U},
    {"nobody's", "Name:\tsh\nUid:\t4294967295\t0\t0\t0\n", (uid_t)-1},
    {"no number", "Name:\tsh\nUid:\t-1\t0\t0\t0\n", (uid_t)-1},
    {"no line", "Name:\tUid:\t5\n", (uid_t)-1},
    {"nothing", "", (uid_t)-1},
};

static void test_users(void **state)
{
    (void)state;
    is_root = true;
    for (size_t i = 0; i < WF_ARRAY_LEN(statuses); i++) {
        set_tree();
        put("90/status", statuses[i].status);
        if (wf_anchor_caller() != statuses[i].user)
            fail_msg("%s: %u", statuses[i].name, (unsigned)wf_anchor_caller());
    }
    is_root = false;
    assert_int_equal(wf_anchor_caller(), 777);
    is_root = true;
    /* Not who is above the parent */
    set_tree();
    put_process(100, STAT("R", "0", "80", "34816", "400"));
    assert_int_equal(wf_anchor_caller(), (uid_t)-1);
    put_process(100, STAT("R", "77", "80", "34816", "400"));
    assert_int_equal(wf_anchor_caller(), (uid_t)-1);
}

/* A chain of n processes, from 100 up to 100 + n, above which 80 is. */
static bool is_held_through(unsigned n)
{
    char rest[200];

    set_tree();
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(rest, sizeof(rest), STAT("R", "%u", "80", "0", "400"),
                       i + 1 == n ? 80 : 101 + i);
        put_process(100 + i, rest);
    }
    return wf_anchor_holds_us(&of_80);
}

/* The walk ends, also where a chain would not. */
static void test_depth(void **state)
{
    (void)state;
    assert_true(is_held_through(1));
    assert_true(is_held_through(128));
    assert_false(is_held_through(129));
    set_tree();
    put_process(90, STAT("S", "100", "80", "0", "400"));
    assert_false(wf_anchor_holds_us(&of_80));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_trees, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_anchors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gone_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reuse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_depth, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, close_input, NULL);
}
