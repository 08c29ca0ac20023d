/*
 * How a program gives up its privileges, by a kernel that refuses a step, or says that it has done
 * one and has not. The real kernel stands in test_drop.c.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drop.h"
#include "dropcase.h"

/* The limits, soft and hard; NPROC is a person's own where the user does not change. */
static void check_limits(rlim_t file_max, bool root)
{
    assert_int_equal(now.limits[RLIMIT_CORE].rlim_max, 0);
    assert_int_equal(now.limits[RLIMIT_FSIZE].rlim_max, file_max);
    assert_int_equal(now.limits[RLIMIT_NOFILE].rlim_max, 64);
    assert_int_equal(now.limits[RLIMIT_CPU].rlim_max, 30);
    assert_true(now.limits[RLIMIT_NPROC].rlim_max == (root ? 1024 : RLIM_INFINITY));
    rlim_t data = now.limits[RLIMIT_DATA].rlim_max - 6 * (rlim_t)sysconf(_SC_PAGESIZE);
    assert_true(data == 64 * MIB || data == 1024 * MIB); /* with sanitizers */
    assert_int_equal(now.stack, MIB);
}

static void check_dropped(uid_t uid, gid_t gid)
{
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(now.uid[i], uid);
        assert_int_equal(now.gid[i], gid);
    }
    assert_int_equal(now.dumpable, 0);
    assert_int_equal(now.no_new_privs, 1);
    assert_false(now.capable);
    assert_true(now.at_root);
    assert_int_equal(now.mask, 077);
    assert_int_equal(now.attrs, 0);
    for (int fd = 0; fd < 64; fd++)
        assert_int_equal(now.closed[fd], fd >= 3 || fd == 0); /* 0 is /proc's here */
}

static void test_good(void **state)
{
    (void)state;
    for (size_t person = 0; person < 2; person++) {
        start(0, 0);
        assert_int_equal(person ? wf_drop_to_person("helper", 500, NULL) : wf_drop("helper", NULL),
                         WF_OK);
        check_dropped(101, 102);
        check_limits(person ? 500 : 0, true);
        assert_int_equal(now.groups, 0);
        /* Not only in the end: a core of root's memory could be had between */
        assert_true(now.dumpable_before_ids);
    }
    /* Who is not root stays who they are, and needs no user */
    start(1000, 1000);
    assert_int_equal(wf_drop("nobody-knows", NULL), WF_OK);
    check_dropped(1000, 1000);
    check_limits(0, false);
    assert_int_equal(now.looked_up, 0);
    assert_int_equal(now.groups, 2);
    /* Root's group is nothing to go back to for who is in it */
    start(1000, 0);
    assert_int_equal(wf_drop("nobody-knows", NULL), WF_OK);
    start(101, 102);
    assert_int_equal(wf_drop_to_person("helper", 500, NULL), WF_OK);
    check_dropped(101, 102);
    check_limits(500, false);
    assert_int_equal(now.groups, 2);
}

static void test_broken(void **state)
{
    (void)state;
    static const struct {
        enum call call;
        enum kind how;
        const char *text;
    } rows[] = {
        {NOT_DUMPABLE, FAILS, "cannot shut the process off"},
        {NO_NEW_PRIVS, FAILS, "cannot shut the process off"},
        {NO_NEW_PRIVS, LIES, "can be traced or gain privileges"},
        {CHDIR, FAILS, "cannot shut the process off"},
        {SETRLIMIT, FAILS, "setrlimit: Operation not permitted"},
        {ATTR_INIT, FAILS, "threads' stacks: Cannot allocate memory"},
        {ATTR_SIZE, FAILS, "threads' stacks: Invalid argument"},
        {ATTR_DEFAULT, FAILS, "threads' stacks: Cannot allocate memory"},
        {SETGROUPS, FAILS, "cannot become user helper: Operation not permitted"},
        {SETGROUPS, LIES, "did not become user helper"},
        {SETRESGID, FAILS, "cannot become user helper: Operation not permitted"},
        {SETRESGID, LIES, "did not become user helper"},
        {SETRESUID, FAILS, "cannot become user helper: Operation not permitted"},
        {SETRESUID, LIES, "did not become user helper"},
        {GETGROUPS, FAILS, "did not become user helper"},
        {GETRESUID, FAILS, "did not become user helper"},
        {GETRESGID, FAILS, "did not become user helper"},
        {CAPSET, FAILS, "capabilities remain: Operation not permitted"},
        {CAPSET, LIES, "capabilities remain"},
        {CAPGET, FAILS, "capabilities remain: Operation not permitted"},
        {CAPGET, LIES, "capabilities remain"},
        {NOT_DUMPABLE_AGAIN, FAILS, "PR_SET_DUMPABLE: Operation not permitted"},
        {NOT_DUMPABLE_AGAIN, LIES, "can be traced or gain privileges"},
        {BACK_BY_SAVED_ID, LIES, "the way back to root is open"},
        {BACK_BY_UID, LIES, "the way back to root is open"},
        {BACK_BY_GID, LIES, "the way back to root is open"},
    };

    for (size_t i = 0; i < 2 * WF_ARRAY_LEN(rows); i++) {
        struct wf_err err = WF_ERR_INIT;
        bool person = i % 2 == 1;
        start(0, 0);
        broken = rows[i / 2].call;
        how = rows[i / 2].how;
        enum wf_reason reason =
            person ? wf_drop_to_person("helper", 1, &err) : wf_drop("helper", &err);
        if (reason != WF_INTERNAL || strstr(err.text, rows[i / 2].text) == NULL)
            fail_msg("%zu: %s: %s, not %s", i, wf_reason_name(reason), err.text, rows[i / 2].text);
        assert_int_equal(now.attrs, 0);
    }
    /* Each of the three ids counts */
    for (int i = 0; i < 6; i++) {
        struct wf_err err = WF_ERR_INIT;
        start(0, 0);
        odd_uid = i < 3 ? i : -1;
        odd_gid = i < 3 ? -1 : i - 3;
        assert_int_equal(wf_drop("helper", &err), WF_INTERNAL);
        assert_string_equal(err.text, "did not become user helper");
        start(1000, 1000);
        odd_uid = i < 3 ? i : -1;
        odd_gid = i < 3 ? -1 : i - 3;
        assert_int_equal(wf_drop("helper", &err), WF_CONFIG);
        assert_non_null(strstr(err.text, "user 1000 has changed ids"));
    }
}

/* Who may be become, as the helper and as a person. */
static const struct {
    const char *name;
    uid_t uid;
    gid_t gid;
    int number; /* what the look-up leaves in errno; -1: what was there */
    bool exists;
    const char *helper; /* NULL: may be; else the text */
    const char *person;
} users[] = {
    {"helper", 101, 102, -1, true, NULL, NULL},
    {"helper", 101, 102, EIO, true, NULL, NULL},
    {"helper", 0, 102, -1, true, "is helper, which is root or of its group", "helper is root"},
    {"helper", 101, 0, -1, true, "is helper, which is root or of its group", NULL},
    {"helper", 1, 102, -1, true, NULL, NULL},
    {"helper", 101, 1, -1, true, NULL, NULL},
    {"nobody", 101, 102, -1, true, "is nobody, which other daemons use too", NULL},
    {"helper", 65533, 102, -1, true, NULL, NULL},
    {"helper", 65534, 102, -1, true, "is helper, which other daemons use too", NULL},
    {"helper", 65535, 102, -1, true, NULL, NULL},
    {"helper", 101, 65534, -1, true, NULL, NULL},
    {"helper", 101, 102, -1, false, "helper does not exist", "helper does not exist"},
    {"helper", 101, 102, 0, false, "helper does not exist", "helper does not exist"},
    {"helper", 101, 102, ENOENT, false, "helper does not exist", "helper does not exist"},
    {"helper", 101, 102, EIO, false, "cannot look up user helper: Input/output error",
     "cannot look up user helper: Input/output error"},
    {"helper", 101, 102, EPERM, false, "cannot look up user helper: Operation not permitted",
     "cannot look up user helper: Operation not permitted"},
};

static void test_users(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * WF_ARRAY_LEN(users); i++) {
        const char *text = i % 2 == 1 ? users[i / 2].person : users[i / 2].helper;
        const char *name = users[i / 2].name;
        const struct passwd user = {.pw_name = (char *)(uintptr_t)name,
                                    .pw_uid = users[i / 2].uid,
                                    .pw_gid = users[i / 2].gid};
        struct wf_err err = WF_ERR_INIT;
        start(0, 0);
        found = users[i / 2].exists ? &user : NULL;
        look_up_errno = users[i / 2].number;
        enum wf_reason reason = i % 2 == 1 ? wf_drop_to_person(name, 1, &err) : wf_drop(name, &err);
        if (reason != (text == NULL ? WF_OK : WF_CONFIG) ||
            (text != NULL && strstr(err.text, text) == NULL))
            fail_msg("%zu: %s: %s", i, wf_reason_name(reason), err.text);
        if (text == NULL)
            check_dropped(user.pw_uid, user.pw_gid);
        else
            assert_int_equal(now.uid[1], 0);
    }
}

/* Ids that are none, and who is not root. */
static void test_other_users(void **state)
{
    (void)state;
    /* For setresuid(2) this is no id */
    char name[] = "helper";
    const struct passwd none = {.pw_name = name, .pw_uid = (uid_t)-1, .pw_gid = 102};
    struct wf_err err = WF_ERR_INIT;
    start(0, 0);
    found = &none;
    assert_int_equal(wf_drop_to_person("helper", 1, &err), WF_INTERNAL);
    assert_string_equal(err.text, "did not become user helper");
    /* Without root it is that person or nobody */
    start(1000, 102);
    assert_int_equal(wf_drop_to_person("helper", 1, &err), WF_CONFIG);
    assert_string_equal(err.text,
                        "user 1000 cannot act for helper: run as that user, or as root");
    /* And what fails first is said */
    start(1000, 102);
    broken = CHDIR;
    assert_int_equal(wf_drop_to_person("helper", 1, &err), WF_INTERNAL);
    assert_int_equal(now.looked_up, 0);
    start(101, 102);
    broken = CAPSET;
    assert_int_equal(wf_drop_to_person("helper", 1, &err), WF_INTERNAL);
}

/* A kernel that knows no close_range(2). */
static void test_descriptors(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;

    start(0, 0);
    broken = CLOSE_RANGE;
    now.limits[RLIMIT_NOFILE] = (struct rlimit){20, 40};
    assert_int_equal(wf_drop("helper", NULL), WF_OK);
    for (int fd = 1; fd < 64; fd++)
        assert_int_equal(now.closed[fd], fd >= 3 && fd < 20);
    /* And tells nothing of limits */
    start(0, 0);
    broken = CLOSE_RANGE;
    silent_limits = true;
    assert_int_equal(wf_drop("helper", &err), WF_INTERNAL);
    assert_non_null(strstr(err.text, "getrlimit: "));
    assert_int_equal(now.no_new_privs, 0);
    silent_limits = false;
}

/* Limits are ours, whatever the caller's; where they may not be raised the lower ones hold. */
static void test_limits(void **state)
{
    (void)state;
    static const struct {
        rlim_t soft, hard;
        bool may_raise;
        int fails; /* the how-manieth call of setrlimit */
        rlim_t expected;
    } rows[] = {
        {100, 100, false, 0, 64}, {64, 64, false, 0, 64}, {10, 100, false, 0, 64},
        {10, 20, false, 0, 20},   {10, 20, true, 0, 64},  {20, 20, false, 0, 20},
        {100, 100, false, 3, 64}, {10, 20, true, 3, 20},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        start(0, 0);
        now.limits[RLIMIT_NOFILE] = (struct rlimit){rows[i].soft, rows[i].hard};
        may_raise = rows[i].may_raise;
        broken = rows[i].fails > 0 ? SETRLIMIT : NONE; /* core, file size, descriptors */
        times = rows[i].fails;
        once = true;
        assert_int_equal(wf_drop("helper", NULL), WF_OK);
        assert_int_equal(now.limits[RLIMIT_NOFILE].rlim_cur, rows[i].expected);
        assert_int_equal(now.limits[RLIMIT_NOFILE].rlim_max, rows[i].expected);
    }
    /* Nothing is known of those that cannot be set */
    struct wf_err err = WF_ERR_INIT;
    start(0, 0);
    now.limits[RLIMIT_NOFILE] = (struct rlimit){10, 20};
    silent_limits = true;
    assert_int_equal(wf_drop("helper", &err), WF_INTERNAL);
    assert_non_null(strstr(err.text, "setrlimit: "));
    silent_limits = false;
}

/* Memory is what there is already, and ours; without /proc a whole. */
static void test_data(void **state)
{
    (void)state;
    static const char *const unknown[] = {NULL, "", "1 2 3 4 5", "1 2 3 4 5 ", "1 2 3 4 5 x 7",
                                          "1 2 3 4 5 0 7", "1 2 3 4 5 -6 7",
                                          "1 2 3 4 5 17592186044416 7"};
    const rlim_t page = (rlim_t)sysconf(_SC_PAGESIZE);
    rlim_t at_one = 0;

    start(0, 0);
    statm = "1 2 3 4 5 1 7\n";
    assert_int_equal(wf_drop("helper", NULL), WF_OK);
    at_one = now.limits[RLIMIT_DATA].rlim_max;
    start(0, 0);
    statm = "1 2 3 4 5 17592186044415 7\n";
    assert_int_equal(wf_drop("helper", NULL), WF_OK);
    assert_true(now.limits[RLIMIT_DATA].rlim_max == at_one + 17592186044414 * page);
    for (size_t i = 0; i <= WF_ARRAY_LEN(unknown); i++) {
        start(0, 0);
        reads = i < WF_ARRAY_LEN(unknown);
        statm = reads ? unknown[i] : "9 9 9 9 9 6 0\n";
        assert_int_equal(wf_drop("helper", NULL), WF_OK);
        assert_int_equal(now.limits[RLIMIT_DATA].rlim_max, 256 * MIB);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_users),       cmocka_unit_test(test_other_users),
        cmocka_unit_test(test_descriptors), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_data),
    };
    return cmocka_run_group_tests_name("drop_calls", tests, NULL, NULL);
}
