/* Time stamps where the disk, or the kernel, refuses something. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stampcase.h"

static enum wf_reason do_put(void)
{
    struct wf_stamp stamp = stamp_of(100, 900);

    return wf_stamp_put(store, &stamp, &last);
}

static enum wf_reason do_pend(void)
{
    struct wf_stamp stamp = stamp_of(0, 900);
    char unused[WF_MARK_SIZE] = "untouched";
    enum wf_reason reason = wf_stamp_pend(store, &stamp, NOW, unused, &last);

    assert_true(reason == WF_OK || strcmp(unused, "untouched") == 0);
    return reason;
}

static enum wf_reason do_take(void)
{
    int64_t signed_in;
    unsigned left;

    return take(100, &signed_in, &left);
}

static const struct {
    const char *name;
    struct fault fault;
    enum wf_reason (*call)(void);
    enum wf_reason reason;
} failures[] = {
    {"full disk", {"write", "file", ENOSPC}, do_put, WF_CONFIG},
    {"full disk, seen last", {"close", "file", ENOSPC}, do_put, WF_CONFIG},
    {"read-only folder", {"openat", ".tmp-", EROFS}, do_put, WF_CONFIG},
    {"full disk, waiting", {"write", "file", ENOSPC}, do_pend, WF_CONFIG},
    {"read-only folder, waiting", {"openat", ".tmp-", EROFS}, do_pend, WF_CONFIG},
    {"not claimed once", {"unlinkat", "pending-", EROFS}, claim, WF_CONFIG},
    {"not to be read", {"openat", "pending-", EMFILE}, claim, WF_INTERNAL},
    {"not removed", {"unlinkat", "stamp-", EROFS}, do_take, WF_CONFIG},
};

static void test_failures(void **state)
{
    char path[512];

    (void)state;
    assert_int_equal(do_put(), WF_OK);
    pend();
    for (size_t i = 0; i < WF_ARRAY_LEN(failures); i++) {
        faults[0] = failures[i].fault;
        enum wf_reason reason = failures[i].call();
        memset(faults, 0, sizeof(faults));
        if (reason != failures[i].reason || last.text[0] == '\0')
            fail_msg("%s: %s, %s", failures[i].name, wf_reason_name(reason), last.text);
        key_folder_find(folder, ".tmp-", path, sizeof(path));
        assert_string_equal(path, "");
    }
    boot[0] = '\0';
    assert_int_equal(do_pend(), WF_INTERNAL);
    assert_int_equal(claim(), WF_INTERNAL);
    boot[0] = BOOT[0];
    /* What was not taken is still there */
    assert_int_equal(found(), 900);
    assert_int_equal(claim(), WF_OK);
    /* A name that no file of JSON holds */
    struct wf_stamp stamp = stamp_of(100, 900);
    memcpy(stamp.subject, "\xff", 2);
    assert_int_equal(wf_stamp_put(store, &stamp, &last), WF_INTERNAL);
}

/* Of several stamps the one that cannot be read may be the one that counts: it is not passed over,
 * wherever in the list it stands. */
static void test_one_of_several(void **state)
{
    char names[3][256];

    (void)state;
    for (pid_t pid = 100; pid < 103; pid++) {
        struct wf_stamp stamp = stamp_of(pid, 900 + pid);
        memcpy(stamp.exported, "/x", 3);
        put(&stamp);
    }
    DIR *dir = opendir(folder);
    unsigned count = 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strncmp(e->d_name, "stamp-", 6) == 0 && count < 3)
            (void)snprintf(names[count++], sizeof(names[0]), "%s", e->d_name);
    }
    (void)closedir(dir);
    assert_int_equal(count, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct wf_stamp stamp = {.signed_in = -1};
        faults[0] = (struct fault){"openat", names[i], EMFILE};
        enum wf_reason reason = wf_stamp_find(store, "acme", "alice", &stamp, &last);
        memset(faults, 0, sizeof(faults));
        assert_int_equal(reason, WF_INTERNAL);
        assert_int_equal(stamp.signed_in, -1);
    }
    assert_int_equal(found(), 1002);
    /* Nor is it none that has an exported token: that would be ended while it is in use */
    for (unsigned i = 0; i < 3; i++) {
        int64_t signed_in = 0;
        unsigned left = 99;
        struct wf_stamp other = stamp_of(200, 1200);
        put(&other);
        faults[0] = (struct fault){"openat", names[i], EMFILE};
        enum wf_reason reason = take(200, &signed_in, &left);
        memset(faults, 0, sizeof(faults));
        assert_int_equal(reason, WF_INTERNAL);
        assert_int_equal(left, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_failures, begin, closed),
        cmocka_unit_test_setup_teardown(test_one_of_several, begin, closed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
