/* Time stamps of sessions: found in their own session alone, gone when it is over. */
#include "config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "stampcase.h"

static void test_find(void **state)
{
    struct wf_stamp stamp = stamp_of(100, 900);
    struct stat st;

    (void)state;
    assert_int_equal(found(), 0);
    put(&stamp);
    assert_int_equal(found(), 900);
    assert_int_equal(stat(find_file("stamp-"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_null(strstr(find_file("stamp-"), "alice"));
    /* In the place of the one before */
    stamp.signed_in = 800;
    put(&stamp);
    assert_int_equal(count_files("stamp-"), 1);
    assert_int_equal(found(), 800);
    /* The latest of those that hold us */
    stamp = stamp_of(101, 950);
    put(&stamp);
    stamp = stamp_of(102, 999);
    put(&stamp);
    stamp = stamp_of(103, 0);
    put(&stamp);
    outside[0] = 102;
    assert_int_equal(count_files("stamp-"), 4);
    assert_int_equal(found(), 950);
    outside[1] = 101;
    assert_int_equal(found(), 800);
    outside[2] = 100;
    /* With us, but not signed in by themselves */
    assert_int_equal(found(), 0);
    memset(outside, 0, sizeof(outside));
    /* Everything that makes another session makes another stamp */
    stamp = stamp_of(100, 1);
    stamp.anchor.start++;
    put(&stamp);
    stamp.anchor.kind = WF_ANCHOR_TERMINAL;
    stamp.anchor.tty = 34816;
    put(&stamp);
    stamp.anchor.tty++;
    put(&stamp);
    assert_int_equal(count_files("stamp-"), 7);
    assert_int_equal(found(), 999);
    assert_string_equal(key_log, "");
}

static void test_others(void **state)
{
    struct wf_stamp stamp = stamp_of(100, 900);
    struct wf_store *mine = store;
    struct wf_store *other = open_elsewhere();
    struct wf_stamp out;

    (void)state;
    memcpy(stamp.user, "bob\0\0", 6);
    put(&stamp);
    assert_int_equal(found(), 0);
    stamp = stamp_of(100, 900);
    memcpy(stamp.provider, "acne", 5);
    put(&stamp);
    assert_int_equal(found(), 0);
    stamp = stamp_of(100, 900);
    put(&stamp);
    assert_int_equal(wf_stamp_find(store, "acme", "bob", &out, NULL), WF_OK);
    assert_int_equal(wf_stamp_find(store, "acme", "carol", &out, NULL), WF_PENDING);
    assert_int_equal(wf_stamp_find(store, "acm", "ealice", &out, NULL), WF_PENDING);
    store = other;
    assert_int_equal(found(), 0);
    store = mine;
    /* Another boot, with the same numbers */
    boot[0] = 'f';
    assert_int_equal(found(), 0);
    boot[0] = BOOT[0];
    assert_int_equal(found(), 900);
    wf_store_free(other);
    assert_string_equal(key_log, "");
}

static const struct {
    const char *name;
    const char *from;
    const char *to;
    const char *says; /* NULL: it stays a good one */
} rows[] = {
    {"good", "", "", NULL},
    {"another version", "\"version\":1", "\"version\":2", "its version is 2"},
    {"another host", "\"host\":\"", "\"host\":\"0", "another host"},
    {"another user", "\"user\":\"alice", "\"user\":\"bob", "somebody else's"},
    {"another provider", "\"provider\":\"acme", "\"provider\":\"acne", "somebody else's"},
    {"no subject", "\"subject\"", "\"x\"", "subject"},
    {"no session", "\"kind\"", "\"x\"", "kind"},
    {"another kind of session", "\"kind\":\"process", "\"kind\":\"window", "no kind of session"},
    {"a terminal's without one", "\"kind\":\"process", "\"kind\":\"terminal", "cannot be"},
    {"a process's with a terminal", "{", "{\"tty\":5,", "cannot be"},
    {"no process", "\"pid\"", "\"x\"", "pid"},
    {"process 0", "\"pid\":100", "\"pid\":0", "cannot be"},
    {"process -1", "\"pid\":100", "\"pid\":-1", "cannot be"},
    {"a process too large", "\"pid\":100", "\"pid\":4294967396", "cannot be"},
    {"a process too large by one", "\"pid\":100", "\"pid\":2147483648", "cannot be"},
    {"a start a tick before the boot", "\"start\":77", "\"start\":-1", "cannot be"},
    {"a terminal of number -1", "\"kind\":\"process\"", "\"kind\":\"terminal\",\"tty\":-1", "cannot be"},
    {"no start", "\"start\"", "\"x\"", "start"},
    {"no boot", "\"boot\"", "\"x\"", "boot"},
    {"half a boot", "\"boot\":\"", "\"boot\":\"0\",\"x\":\"", "cannot be"},
    {"a boot too many", "\"boot\":\"", "\"boot\":\"0", "boot has 37"},
    {"something behind it", "{", "{} {", ""},
};

static void test_files(void **state)
{
    struct wf_stamp stamp = stamp_of(100, 900);
    char good[4096];
    char bad[8192];

    (void)state;
    put(&stamp);
    size_t len = key_file_read(find_file("stamp-"), good, sizeof(good));
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        const char *at = strstr(good, rows[i].from);
        if (at == NULL)
            fail_msg("%s: nothing to replace", rows[i].name);
        (void)snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - good), good, rows[i].to,
                       at + strlen(rows[i].from));
        key_file_write(find_file("stamp-"), bad, strlen(bad));
        key_log[0] = '\0';
        if ((found() == 0) != (rows[i].says != NULL))
            fail_msg("%s: %s", rows[i].name, key_log);
        if (rows[i].says == NULL ? key_log[0] != '\0' : strstr(key_log, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].name, key_log);
    }
    for (size_t n = 0; n < len; n++) {
        key_file_write(find_file("stamp-"), good, n);
        assert_int_equal(found(), 0);
    }
    key_file_write(find_file("stamp-"), good, len);
    assert_int_equal(chmod(find_file("stamp-"), 0644), 0);
    assert_int_equal(found(), 0);
    assert_int_equal(chmod(find_file("stamp-"), 0600), 0);
    /* One that is bad does not hide one that is good */
    stamp = stamp_of(101, 950);
    put(&stamp);
    assert_int_equal(found(), 950);
    assert_int_equal(chmod(folder, 0701), 0);
    assert_int_equal(wf_stamp_find(store, "acme", "alice", &stamp, NULL), WF_CONFIG);
    assert_int_equal(wf_stamp_put(store, &stamp, NULL), WF_CONFIG);
    assert_int_equal(wf_stamp_pend(store, &stamp, NOW, mark, NULL), WF_CONFIG);
    assert_int_equal(chmod(folder, 0700), 0);
}

static void test_remove(void **state)
{
    struct wf_stamp stamp;
    int64_t signed_in = 0;
    unsigned left = 99;

    (void)state;
    assert_int_equal(take(100, &signed_in, &left), WF_EXPIRED);
    assert_int_equal(left, 0);
    for (pid_t pid = 100; pid < 105; pid++) {
        stamp = stamp_of(pid, 900 + pid);
        if (pid != 104)
            (void)snprintf(stamp.exported, sizeof(stamp.exported), "/%d", (int)pid);
        if (pid == 102)
            memcpy(stamp.exported, "/", 2);
        put(&stamp);
    }
    stamp = stamp_of(105, 1);
    memcpy(stamp.user, "bob\0\0", 6);
    memcpy(stamp.exported, "/x", 3);
    put(&stamp);
    ended[0] = 103;
    assert_int_equal(take(100, &signed_in, &left), WF_OK);
    assert_int_equal(signed_in, 1000);
    /* 101 and 102: 103 is over, 104 has none, and 105 is bob's */
    assert_int_equal(left, 2);
    assert_int_equal(take(100, &signed_in, &left), WF_EXPIRED);
    assert_int_equal(signed_in, -1);
    assert_int_equal(left, 2);
    assert_int_equal(take(104, &signed_in, &left), WF_OK);
    assert_int_equal(take(101, &signed_in, &left), WF_OK);
    assert_int_equal(take(102, &signed_in, &left), WF_OK);
    assert_int_equal(left, 0);
    struct wf_anchor anchor = stamp.anchor;
    assert_int_equal(wf_stamp_remove(store, "acme", "bob", &anchor, &stamp, &left, NULL), WF_OK);
    assert_string_equal(stamp.exported, "/x");
    assert_string_equal(key_log, "");
}

static void take_first(void)
{
    assert_int_equal(unlink(find_file("stamp-")), 0);
}

/* Of two who end a session one does. */
static void test_remove_once(void **state)
{
    struct wf_stamp stamp = stamp_of(100, 900);
    int64_t signed_in = 0;
    unsigned left = 99;

    (void)state;
    put(&stamp);
    before_unlink = take_first;
    assert_int_equal(take(100, &signed_in, &left), WF_EXPIRED);
    assert_int_equal(signed_in, -1);
}

/* More than anybody has are not looked at. */
static void test_too_many(void **state)
{
    struct wf_stamp stamp = stamp_of(100, 900);
    char person[80];
    char name[100];

    (void)state;
    put(&stamp);
    (void)snprintf(person, sizeof(person), "%.63s", strrchr(find_file("stamp-"), '/') + 1);
    for (unsigned i = 1; i < 1024; i++) {
        (void)snprintf(name, sizeof(name), "%s-%u", person, i);
        plant(name, "x", 0600);
    }
    assert_int_equal(wf_stamp_find(store, "acme", "alice", &stamp, NULL), WF_OK);
    (void)snprintf(name, sizeof(name), "%s-last", person);
    plant(name, "x", 0600);
    assert_int_equal(wf_stamp_find(store, "acme", "alice", &stamp, &last), WF_INTERNAL);
    assert_non_null(strstr(last.text, "too many"));
}

/* What is no good is nobody's stamp, and goes. */
static void test_remove_bad(void **state)
{
    struct wf_stamp stamp = stamp_of(100, 900);
    int64_t signed_in = 0;
    unsigned left = 99;

    (void)state;
    put(&stamp);
    key_file_write(find_file("stamp-"), "{}", 2);
    assert_int_equal(take(100, &signed_in, &left), WF_EXPIRED);
    assert_non_null(strstr(key_log, "is ignored"));
    assert_int_equal(count_files("stamp-"), 0);
    /* Another session's, under the name of this one */
    stamp = stamp_of(101, 950);
    put(&stamp);
    char path[512];
    (void)snprintf(path, sizeof(path), "%s", find_file("stamp-"));
    assert_int_equal(rename(path, in_folder("kept")), 0);
    stamp = stamp_of(100, 900);
    put(&stamp);
    assert_int_equal(rename(in_folder("kept"), find_file("stamp-")), 0);
    assert_int_equal(take(100, &signed_in, &left), WF_EXPIRED);
    assert_non_null(strstr(key_log, "somebody else's"));
    assert_int_equal(chmod(folder, 0701), 0);
    assert_int_equal(take(100, &signed_in, &left), WF_CONFIG);
    assert_int_equal(chmod(folder, 0700), 0);
}

/* Cleaning */

static void test_clean(void **state)
{
    struct wf_stamp stamp;

    (void)state;
    for (pid_t pid = 100; pid < 104; pid++) {
        stamp = stamp_of(pid, 900);
        put(&stamp);
    }
    pend();
    plant("stamp-other", "x", 0600);
    ended[0] = 101;
    ended[1] = 103;
    stamp = stamp_of(104, 900);
    put(&stamp);
    /* 100, 102, 104, and what is none of ours */
    assert_int_equal(count_files("stamp-"), 4);
    ended[2] = 102;
    boot[0] = 'f';
    pend();
    /* Of another boot all are over, also those that wait */
    assert_int_equal(count_files("stamp-"), 1);
    assert_int_equal(count_files("pending-"), 1);
    stamp = stamp_of(0, 1);
    assert_int_equal(wf_stamp_pend(store, &stamp, NOW + WF_STAMP_PENDING - 1, mark, NULL), WF_OK);
    assert_int_equal(count_files("pending-"), 2);
    assert_int_equal(wf_stamp_pend(store, &stamp, NOW + WF_STAMP_PENDING, mark, NULL), WF_OK);
    assert_int_equal(count_files("pending-"), 2);
    boot[0] = BOOT[0];
    assert_string_equal(key_log, "");
}

/* One call does not do the work of many, and many do all of it. */
static void test_clean_bounded(void **state)
{
    struct wf_stamp stamp;

    (void)state;
    for (pid_t pid = 5000; pid < 5150; pid++) {
        stamp = stamp_of(pid, 900);
        put(&stamp);
    }
    boot[0] = 'f';
    stamp = stamp_of(1, 1);
    memcpy(stamp.anchor.boot, boot, sizeof(boot));
    put(&stamp);
    assert_int_equal(count_files("stamp-"), 150 - 64 + 1);
    for (unsigned i = 0; i < 60; i++)
        put(&stamp);
    assert_int_equal(count_files("stamp-"), 1);
    boot[0] = BOOT[0];
}

/* Those that live do not hide those that are over: it does not begin at the same one each time. */
static void test_clean_all(void **state)
{
    struct wf_stamp stamp;

    (void)state;
    for (pid_t pid = 5000; pid < 5200; pid++) {
        stamp = stamp_of(pid, 900);
        put(&stamp);
    }
    odd_are_over = true;
    for (unsigned i = 0; i < 60; i++)
        put(&stamp);
    assert_int_equal(count_files("stamp-"), 101);
    odd_are_over = false;
}

/* One that seems to have gone is not removed. */
static void test_clean_gone(void **state)
{
    struct wf_stamp stamp = stamp_of(100, 900);

    (void)state;
    put(&stamp);
    pend();
    stamp = stamp_of(101, 900);
    faults[0] = (struct fault){"openat", "stamp-", ENOENT};
    put(&stamp);
    faults[0] = (struct fault){"openat", "pending-", ENOENT};
    pend();
    memset(faults, 0, sizeof(faults));
    assert_int_equal(count_files("stamp-"), 2);
    assert_int_equal(count_files("pending-"), 2);
}

/* Somebody with few descriptors left must not take everybody's away. */
static void test_clean_silent(void **state)
{
    struct wf_stamp stamp = stamp_of(100, 900);

    (void)state;
    put(&stamp);
    proc_is_silent = true;
    stamp = stamp_of(101, 900);
    put(&stamp);
    pend();
    proc_is_silent = false;
    assert_int_equal(count_files("stamp-"), 2);
}

/* Locks */

static void test_lock(void **state)
{
    int lock = -1;
    int other = -1;

    (void)state;
    assert_int_equal(wf_stamp_lock(store, "acme", "alice", 0, &lock, NULL), WF_OK);
    assert_int_equal(wf_stamp_lock(store, "acme", "alice", 5, &other, &last), WF_UNREACHABLE);
    assert_int_equal(other, -1);
    assert_int_equal(wf_stamp_lock(store, "acme", "bob", 0, &other, NULL), WF_OK);
    wf_store_unlock(other);
    /* Not the lock of the session at the provider: a refresh goes on */
    assert_int_equal(wf_store_lock(store, "acme", "alice", 0, &other, NULL), WF_OK);
    wf_store_unlock(other);
    wf_store_unlock(lock);
    assert_int_equal(wf_stamp_lock(store, "acme", "alice", 0, &lock, NULL), WF_OK);
    wf_store_unlock(lock);
    faults[0] = (struct fault){"openat", ".lock-stamp-", EROFS};
    assert_int_equal(wf_stamp_lock(store, "acme", "alice", 0, &lock, &last), WF_CONFIG);
    assert_non_null(strstr(last.text, "Read-only"));
    memset(faults, 0, sizeof(faults));
    assert_int_equal(chmod(folder, 0701), 0);
    assert_int_equal(wf_stamp_lock(store, "acme", "alice", 0, &lock, NULL), WF_CONFIG);
    assert_int_equal(chmod(folder, 0700), 0);
}

/* With real processes */

static void test_processes(void **state)
{
    struct wf_stamp stamp = stamp_of(0, 900);
    int status = -1;

    (void)state;
    real_anchors = true;
    pid_t pid = fork();
    if (pid == 0) {
        /* A session of its own, and a program in it */
        if (wf_anchor_process(&stamp.anchor, NULL) != WF_OK ||
            wf_stamp_put(store, &stamp, NULL) != WF_OK || found() != 900)
            _exit(1);
        pid_t next = fork();
        if (next == 0)
            _exit(found() == 900 ? 0 : 2);
        _exit(next > 0 && waitpid(next, &status, 0) == next && status == 0 ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(count_files("stamp-"), 1);
    assert_int_equal(found(), 0);
    /* Whose session is over, its stamp goes with the next one that comes */
    pid = fork();
    if (pid == 0)
        _exit(wf_anchor_process(&stamp.anchor, NULL) == WF_OK &&
                      wf_stamp_put(store, &stamp, NULL) == WF_OK
                  ? 0
                  : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(count_files("stamp-"), 1);
    real_anchors = false;
    misuses = 0; /* /proc/self is a link */
}

static void see(void *ctx, const char *name, const struct wf_record *record, const char *fault)
{
    (void)name;
    (void)fault;
    *(unsigned *)ctx += record == NULL ? 100 : 1;
}

/* Sessions at providers lie beside them, and are not disturbed. */
static void test_beside(void **state)
{
    bool existed = false;
    const struct wf_provider_conf conf = {.name = "acme", .url = "https://acme.example"};
    struct wf_record *record = wf_record_new(&conf, "alice", "5f0e");
    struct wf_stamp stamp = stamp_of(100, 900);
    unsigned seen = 0;

    (void)state;
    record->access = wf_secret_new("a", 1);
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    wf_record_free(record);
    put(&stamp);
    pend();
    assert_int_equal(wf_store_list(store, see, &seen, NULL), WF_OK);
    assert_int_equal(seen, 1);
    assert_int_equal(wf_store_remove(store, "acme", "alice", &existed, NULL), WF_OK);
    assert_int_equal(found(), 900);
    assert_int_equal(claim(), WF_OK);
}

/* A session comes back as it was, the first and the last process, and a terminal. */
static void test_sessions(void **state)
{
    static const struct wf_anchor sessions[] = {
        {.kind = WF_ANCHOR_PROCESS, .pid = 1, .start = 0, .boot = BOOT},
        {.kind = WF_ANCHOR_PROCESS, .pid = INT_MAX, .start = INT64_MAX, .boot = BOOT},
        {.kind = WF_ANCHOR_TERMINAL, .pid = 100, .start = 1, .tty = 1, .boot = BOOT},
        {.kind = WF_ANCHOR_TERMINAL, .pid = 100, .start = 1, .tty = 0x8801, .boot = BOOT},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(sessions); i++) {
        struct wf_stamp stamp = stamp_of(0, 900 + (int64_t)i);
        struct wf_stamp seen = {.signed_in = 0};
        stamp.anchor = sessions[i];
        put(&stamp);
        assert_int_equal(wf_stamp_find(store, "acme", "alice", &seen, &last), WF_OK);
        assert_int_equal(seen.signed_in, stamp.signed_in);
        assert_true(wf_anchor_equals(&seen.anchor, &sessions[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_find, begin, closed),
        cmocka_unit_test_setup_teardown(test_others, begin, closed),
        cmocka_unit_test_setup_teardown(test_sessions, begin, closed),
        cmocka_unit_test_setup_teardown(test_files, begin, closed),
        cmocka_unit_test_setup_teardown(test_remove, begin, closed),
        cmocka_unit_test_setup_teardown(test_remove_once, begin, closed),
        cmocka_unit_test_setup_teardown(test_too_many, begin, closed),
        cmocka_unit_test_setup_teardown(test_remove_bad, begin, closed),
        cmocka_unit_test_setup_teardown(test_clean, begin, closed),
        cmocka_unit_test_setup_teardown(test_clean_bounded, begin, closed),
        cmocka_unit_test_setup_teardown(test_clean_all, begin, closed),
        cmocka_unit_test_setup_teardown(test_clean_gone, begin, closed),
        cmocka_unit_test_setup_teardown(test_clean_silent, begin, closed),
        cmocka_unit_test_setup_teardown(test_lock, begin, closed),
        cmocka_unit_test_setup_teardown(test_processes, begin, closed),
        cmocka_unit_test_setup_teardown(test_beside, begin, closed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
