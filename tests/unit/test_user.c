#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failalloc.h"
#include "fakepasswd.h"
#include "user.h"

#define SPAN(literal) ((struct wf_span){(literal), sizeof(literal) - 1})

/* Blocks of passwd that were given back with what they held. */
static bool watching;
static size_t freed_dirty;

void __real_free(void *ptr);
void __wrap_free(void *ptr);
void __wrap_free(void *ptr)
{
    if (watching && ptr != NULL && ptr == fake_passwd_buffer && memchr(ptr, 'h', 1024) != NULL)
        freed_dirty++;
    __real_free(ptr);
}

static const struct {
    struct wf_span name;
    bool valid;
} names[] = {
    {SPAN("a"), true},
    {SPAN("alice"), true},
    {SPAN("_alice"), true},
    {SPAN("a.b-c_d9"), true},
    {SPAN("a_"), true},
    {SPAN("abcdefghijklmnopqrstuvwxyz.23456"), true},
    {SPAN("abcdefghijklmnopqrstuvwxyz.234567"), false},
    {SPAN(""), false},
    {{&"alice"[1], 0}, false}, /* its neighbours do not count */
    {SPAN("9alice"), false},
    {SPAN("1000"), false},
    {SPAN("-alice"), false},
    {SPAN(".alice"), false},
    {SPAN("alice."), false},
    {SPAN("alice-"), false},
    {SPAN("Alice"), false},
    {SPAN("alicE"), false},
    {SPAN("ali ce"), false},
    {SPAN("alice "), false},
    {SPAN("alice\n"), false},
    {SPAN("alice\0"), false},
    {SPAN("ali/ce"), false},
    {SPAN("alice@acme"), false},
    {SPAN("alice:x"), false},
    {SPAN("alice$"), false},
    {SPAN("alice~"), false},
    {SPAN("al+ice"), false},
    {SPAN("*"), false},
    {SPAN("group:staff"), false},
    {SPAN("al`ice"), false},
    {SPAN("al{ice"), false},
    {SPAN("alic\xc3\xa9"), false},
};

static void test_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        if (wf_user_is_valid(names[i].name) != names[i].valid)
            fail_msg("\"%s\"", names[i].name.ptr);
    }
}

static void test_special(void **state)
{
    (void)state;
    static const char *const special[] = {
        "root",       "daemon",        "bin",       "sys",       "nobody",   "cyrus",
        "admin",      "administrator", "anyone",    "anonymous", "mail",     "mailer-daemon",
        "postmaster", "hostmaster",    "webmaster", "operator",  "toor",     "sudo",
        "wheel",      "_wfauth",       "_",         "_apt",      "systemd-", "systemd-resolve",
    };
    static const char *const plain[] = {"alice",     "rooty", "roo",    "a_b",   "systemd",
                                        "asystemd-", "",      "admins", "mailer"};

    for (size_t i = 0; i < WF_ARRAY_LEN(special); i++) {
        if (!wf_user_is_special(special[i]))
            fail_msg("%s is not special", special[i]);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(plain); i++) {
        if (wf_user_is_special(plain[i]))
            fail_msg("%s is special", plain[i]);
    }
}

static const struct {
    const char *name;
    const char *user;
    int number; /* what getpwnam_r returns; 0: it looks */
    enum wf_reason reason;
    bool known;
    const char *says;
} finds[] = {
    {"there", "alice", 0, WF_OK, true, NULL},
    {"not there", "zoe", 0, WF_OK, false, NULL},
    {"not there, by ENOENT", "alice", ENOENT, WF_OK, false, NULL},
    {"not there, by ESRCH", "alice", ESRCH, WF_OK, false, NULL},
    {"name service fails", "alice", EIO, WF_UNREACHABLE, false, "Input/output error"},
    {"no descriptors", "alice", EMFILE, WF_UNREACHABLE, false, "Too many open files"},
    {"interrupted", "alice", EINTR, WF_UNREACHABLE, false, "Interrupted"},
    {"no memory", "alice", ENOMEM, WF_INTERNAL, false, "out of memory"},
    {"never enough room", "alice", ERANGE, WF_UNREACHABLE, false, "out of range"},
    {"another name", "carol", 0, WF_IDENTITY, false, "\"Carol\" for \"carol\""},
};

static void test_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(finds); i++) {
        struct wf_err err = WF_ERR_INIT;
        bool known = !finds[i].known;
        uid_t uid = 77;
        fake_passwd_number = finds[i].number;
        enum wf_reason reason = wf_user_find(finds[i].user, &known, &uid, &err);
        fake_passwd_number = 0;
        if (reason != finds[i].reason)
            fail_msg("%s: %s %s", finds[i].name, wf_reason_name(reason), err.text);
        if (finds[i].says != NULL && strstr(err.text, finds[i].says) == NULL)
            fail_msg("%s: %s", finds[i].name, err.text);
        assert_int_equal(known, reason == WF_OK ? finds[i].known : !finds[i].known);
        assert_int_equal(uid, finds[i].known ? 1000 : 77);
    }
}

static void test_large_entries(void **state)
{
    (void)state;
    bool known = false;
    uid_t uid = 77;

    fake_passwd_need = (size_t)1 << 20;
    fake_passwd_calls = 0;
    assert_int_equal(wf_user_find("alice", &known, &uid, NULL), WF_OK);
    assert_int_equal(fake_passwd_calls, 11);
    assert_true(known);
    assert_int_equal(uid, 1000);
    fake_passwd_need++;
    assert_int_equal(wf_user_find("alice", &known, &uid, NULL), WF_UNREACHABLE);
    fake_passwd_need = 2000;
    for (unsigned n = 1; n <= 2; n++) {
        fail_alloc_at = n;
        assert_int_equal(wf_user_find("alice", &known, &uid, NULL), WF_INTERNAL);
    }
    fake_passwd_need = 0;
}

static void test_entry_is_wiped(void **state)
{
    (void)state;
    bool known = false;
    uid_t uid = 77;

    watching = true;
    assert_int_equal(wf_user_find("alice", &known, &uid, NULL), WF_OK);
    watching = false;
    assert_int_equal(freed_dirty, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),          cmocka_unit_test(test_special),
        cmocka_unit_test(test_find),           cmocka_unit_test(test_large_entries),
        cmocka_unit_test(test_entry_is_wiped),
    };
    return cmocka_run_group_tests_name("user", tests, NULL, NULL);
}
