/* Who may ask how often, by an injected clock; in memory and through the shared file. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bounds.h"

#define NOW 1700000000
#define PATIENCE 31

static char folder[] = "/tmp/wfauth-test-XXXXXX";
static struct wf_cachedir *dir;

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || wf_cachedir_open(folder, NULL, &dir, NULL) != WF_OK;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    wf_cachedir_free(dir);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static bool enter(struct wf_bounds *bounds, const char *rhost, int64_t now)
{
    struct wf_bounds_pass pass;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_bounds_enter(bounds, rhost, now, &pass, &err);

    if (reason != WF_OK && (reason != WF_UNREACHABLE || err.text[0] == '\0'))
        fail_msg("%s: %s", wf_reason_name(reason), err.text);
    return reason == WF_OK;
}

/* How many of `tries` get in. */
static unsigned entered(struct wf_bounds *bounds, const char *rhost, int64_t now, unsigned tries)
{
    unsigned n = 0;

    for (unsigned i = 0; i < tries; i++)
        n += enter(bounds, rhost, now);
    return n;
}

/* The same of that many addresses, once each. */
static unsigned entered_many(struct wf_bounds *bounds, unsigned first, unsigned n, int64_t now)
{
    unsigned in = 0;
    char rhost[32];

    for (unsigned i = first; i < first + n; i++) {
        snprintf(rhost, sizeof(rhost), "198.51.%u.%u", i / 256, i % 256);
        in += enter(bounds, rhost, now);
    }
    return in;
}

static void test_address(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);

    (void)state;
    assert_int_equal(entered(bounds, "192.0.2.1", NOW, 50), 10);
    assert_int_equal(entered(bounds, "192.0.2.2", NOW, 50), 10);
    assert_int_equal(entered(bounds, "192.0.2.1", NOW + 1, 50), 1);
    assert_int_equal(entered(bounds, "192.0.2.1", NOW + 4, 50), 3);
    assert_int_equal(entered(bounds, "192.0.2.1", NOW + 14, 50), 10);
    assert_int_equal(entered(bounds, "192.0.2.1", NOW + 10000, 50), 10);
    /* A clock that goes back neither gives nor takes */
    assert_int_equal(entered(bounds, "192.0.2.1", NOW, 50), 0);
    assert_int_equal(entered(bounds, "192.0.2.1", NOW + 2, 50), 2);
    wf_bounds_free(bounds);
}

static const struct {
    const char *a;
    const char *b;
    bool same;
} addresses[] = {
    {"192.0.2.1", "192.0.2.2", false},
    {"192.0.2.1", "::ffff:192.0.2.1", true},
    {"192.0.2.1", "::192.0.2.1", false},
    {"2001:db8::1", "2001:db8::1:0:0:1", true},
    {"2001:db8::1", "2001:DB8:0:0:ffff::", true},
    {"2001:db8::1", "2001:db8:0:1::1", false},
    {"fe80::1%eth0", "fe80::2", true},
    {NULL, "", true},
    {NULL, "127.0.0.1", false},
    {NULL, "localhost", false},
    {NULL, "local", false},
    {"a.acme.example", "b.acme.example", false},
    {"a-name-that-is-longer-than-any-address-could-ever-be.acme.example",
     "a-name-that-is-longer-than-any-address-could-ever-be.acme.exampl", false},
    {"%", "", false},
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(addresses); i++) {
        struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);
        assert_int_equal(entered(bounds, addresses[i].a, NOW, 10), 10);
        if (enter(bounds, addresses[i].b, NOW) == addresses[i].same)
            fail_msg("row %zu", i);
        wf_bounds_free(bounds);
    }
}

static void test_host(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);

    (void)state;
    /* A flood from one address uses up its own share alone */
    assert_int_equal(entered(bounds, "192.0.2.1", NOW, 1000), 10);
    assert_int_equal(entered_many(bounds, 0, 200, NOW), 90);
    assert_int_equal(entered_many(bounds, 200, 50, NOW + 1), 10);
    /* Those whom the host turned away have not used up their own */
    assert_int_equal(entered(bounds, "198.51.0.95", NOW + 100, 50), 10);
    wf_bounds_free(bounds);
}

static void test_nobody_is_forgotten(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);

    (void)state;
    assert_int_equal(entered(bounds, "192.0.2.1", NOW, 10), 10);
    for (unsigned i = 0; i < 10; i++)
        (void)entered_many(bounds, i * 200, 200, NOW + i);
    assert_int_equal(entered(bounds, "192.0.2.1", NOW + 10, 5), 5);
    (void)entered_many(bounds, 3000, 2000, NOW + 10);
    /* 10 s later it would be full again, now it has 5 */
    (void)entered_many(bounds, 6000, 100, NOW + 11);
    assert_int_equal(entered(bounds, "192.0.2.1", NOW + 12, 50), 7);
    wf_bounds_free(bounds);
}

/* All slots are in use and have just been looked at, most of them by addresses that are full again
 * and were turned away for the host's sake: a new one takes one of those, not the flooder's. */
static void test_full_ones_are_forgotten_first(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);

    (void)state;
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(entered_many(bounds, i * 10, 10, NOW + i), 10);
    assert_int_equal(entered(bounds, "192.0.2.1", NOW + 100, 20), 10);
    assert_int_equal(entered_many(bounds, 345, 255, NOW + 100), 90);
    assert_int_equal(entered_many(bounds, 345, 255, NOW + 101), 10);
    assert_true(enter(bounds, "203.0.113.1", NOW + 102));
    assert_int_equal(entered(bounds, "192.0.2.1", NOW + 102, 5), 2);
    wf_bounds_free(bounds);
}

static struct wf_bounds_pass get_pass(struct wf_bounds *bounds, int64_t now)
{
    struct wf_bounds_pass pass = {0, 0};

    assert_int_equal(wf_bounds_enter(bounds, "192.0.2.9", now, &pass, NULL), WF_OK);
    return pass;
}

static void test_silence(void **state)
{
    static const int waits[] = {5, 10, 20, 40, 60, 60};
    struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);
    int64_t now = NOW;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(waits); i++) {
        struct wf_bounds_pass pass = get_pass(bounds, now);
        /* One tries, at first all */
        assert_int_equal(enter(bounds, "192.0.2.8", now), i == 0);
        assert_int_equal(enter(bounds, "192.0.2.8", now + PATIENCE - 1), i == 0);
        now += 10;
        wf_bounds_silent(bounds, &pass, 0, now);
        assert_false(enter(bounds, "192.0.2.8", now));
        now += waits[i];
        if (enter(bounds, "192.0.2.8", now - 1))
            fail_msg("%zu: too early", i);
    }
    struct wf_bounds_pass pass = get_pass(bounds, now);
    wf_bounds_answered(bounds, &pass);
    assert_int_equal(entered(bounds, "192.0.2.8", now, 50), 10);
    /* From the start again */
    wf_bounds_silent(bounds, &(struct wf_bounds_pass){0, 0}, 0, now);
    assert_false(enter(bounds, "192.0.2.9", now + 4));
    assert_true(enter(bounds, "192.0.2.9", now + 5));
    wf_bounds_free(bounds);
}

/* One that tries and dies keeps the others waiting as long as it could have taken, no longer. */
static void test_lost_try(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);
    struct wf_bounds_pass pass = get_pass(bounds, NOW);

    (void)state;
    wf_bounds_silent(bounds, &pass, 0, NOW);
    assert_true(enter(bounds, NULL, NOW + 5));
    assert_false(enter(bounds, NULL, NOW + 5 + PATIENCE - 1));
    assert_true(enter(bounds, NULL, NOW + 5 + PATIENCE));
    wf_bounds_free(bounds);
}

static void test_silences_at_once(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);
    struct wf_bounds_pass passes[4];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(passes); i++)
        passes[i] = get_pass(bounds, NOW);
    for (size_t i = 0; i < WF_ARRAY_LEN(passes); i++)
        wf_bounds_silent(bounds, &passes[i], 0, NOW);
    assert_false(enter(bounds, NULL, NOW + 4));
    struct wf_bounds_pass pass = get_pass(bounds, NOW + 5);
    assert_int_equal(pass.failures, 1);
    assert_int_equal(pass.number, 5);
    wf_bounds_silent(bounds, &pass, 0, NOW + 5);
    /* One that was under way all the time changes nothing */
    wf_bounds_silent(bounds, &passes[0], 0, NOW + 5);
    assert_false(enter(bounds, NULL, NOW + 14));
    assert_true(enter(bounds, NULL, NOW + 15));
    wf_bounds_free(bounds);
}

static const struct {
    uint32_t retry_after;
    int wait;
} retries[] = {{0, 5}, {4, 5}, {30, 30}, {60, 60}, {61, 60}, {86400, 60}};

static void test_retry_after(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(retries); i++) {
        struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);
        struct wf_bounds_pass pass = get_pass(bounds, NOW);
        wf_bounds_silent(bounds, &pass, retries[i].retry_after, NOW);
        if (enter(bounds, NULL, NOW + retries[i].wait - 1) ||
            !enter(bounds, NULL, NOW + retries[i].wait))
            fail_msg("row %zu", i);
        wf_bounds_free(bounds);
    }
}

static void test_clock_back(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);
    struct wf_bounds_pass pass = get_pass(bounds, NOW);

    (void)state;
    wf_bounds_silent(bounds, &pass, 0, NOW);
    /* What was set when a request ended holds for one that began with it */
    assert_false(enter(bounds, NULL, NOW - PATIENCE));
    assert_true(enter(bounds, NULL, NOW - 1000));
    wf_bounds_free(bounds);
}

/* Two objects stand for two processes. */
static void test_shared(void **state)
{
    struct wf_bounds *one = wf_bounds_new(dir, "bounds-shared", PATIENCE);
    struct wf_bounds *two = wf_bounds_new(dir, "bounds-shared", PATIENCE);
    struct wf_bounds *other = wf_bounds_new(dir, "bounds-other", PATIENCE);
    struct wf_bounds_pass pass;

    (void)state;
    assert_int_equal(entered(one, "192.0.2.1", NOW, 6), 6);
    assert_int_equal(entered(two, "192.0.2.1", NOW, 6), 4);
    assert_int_equal(entered(other, "192.0.2.1", NOW, 6), 6);
    assert_int_equal(wf_bounds_enter(two, NULL, NOW, &pass, NULL), WF_OK);
    assert_int_equal(pass.number, 11);
    wf_bounds_silent(two, &pass, 0, NOW);
    assert_false(enter(one, NULL, NOW + 4));
    assert_true(enter(one, NULL, NOW + 5));
    assert_false(enter(two, NULL, NOW + 6));
    /* Both have heard of the failure, whoever of them gets the answer */
    wf_bounds_answered(one, &(struct wf_bounds_pass){1, 0});
    assert_true(enter(two, "192.0.2.3", NOW + 40));
    assert_int_equal(entered(two, "192.0.2.4", NOW + 40, 5), 5);
    wf_bounds_free(one);
    wf_bounds_free(two);
    wf_bounds_free(other);
}

/* A failure that one process saw doubles the wait of the next one's. */
static void test_shared_silence(void **state)
{
    struct wf_bounds *one = wf_bounds_new(dir, "bounds-silent", PATIENCE);
    struct wf_bounds *two = wf_bounds_new(dir, "bounds-silent", PATIENCE);
    struct wf_bounds_pass pass = get_pass(one, NOW);

    (void)state;
    wf_bounds_silent(one, &pass, 0, NOW);
    pass = get_pass(two, NOW + 5);
    assert_int_equal(pass.failures, 1);
    wf_bounds_silent(two, &pass, 0, NOW + 5);
    assert_false(enter(one, NULL, NOW + 14));
    pass = get_pass(one, NOW + 15);
    assert_int_equal(pass.failures, 2);
    wf_bounds_answered(one, &pass);
    assert_int_equal(entered(two, NULL, NOW + 15, 5), 5);
    wf_bounds_free(one);
    wf_bounds_free(two);
}

/* The file goes away: what each process knows itself holds. */
static void test_lost_file(void **state)
{
    struct wf_bounds *one = wf_bounds_new(dir, "bounds-lost", PATIENCE);
    struct wf_bounds *two = wf_bounds_new(dir, "bounds-lost", PATIENCE);

    (void)state;
    assert_int_equal(entered(one, NULL, NOW, 9), 9);
    struct wf_bounds_pass pass = get_pass(one, NOW);
    wf_cachedir_remove(dir, "bounds-lost");
    assert_int_equal(entered(one, NULL, NOW, 20), 1);
    wf_bounds_silent(one, &pass, 0, NOW);
    assert_true(enter(two, "192.0.2.2", NOW + 5));
    wf_cachedir_remove(dir, "bounds-lost");
    assert_int_equal(entered(one, "192.0.2.2", NOW + 5, 2), 1);
    wf_cachedir_remove(dir, "bounds-lost");
    /* two has heard of the failure: one tries, no more */
    assert_int_equal(entered(two, "192.0.2.2", NOW + 5 + PATIENCE, 2), 1);
    wf_bounds_free(one);
    wf_bounds_free(two);
}

static void flip(const char *name, off_t at)
{
    char path[200];
    unsigned char byte = 0;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void cut(const char *name, off_t len)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(truncate(path, len), 0);
}

/* A file that is torn, or not ours, counts as none. */
static void test_bad_file(void **state)
{
    static const off_t places[] = {0, 31, 32, 40, 100, 4000};

    (void)state;
    for (size_t i = 0; i <= WF_ARRAY_LEN(places); i++) {
        struct wf_bounds *one = wf_bounds_new(dir, "bounds-bad", PATIENCE);
        struct wf_bounds *two = wf_bounds_new(dir, "bounds-bad", PATIENCE);
        wf_cachedir_remove(dir, "bounds-bad");
        assert_int_equal(entered(one, NULL, NOW, 10), 10);
        if (i < WF_ARRAY_LEN(places))
            flip("bounds-bad", places[i]);
        else
            cut("bounds-bad", 4000);
        assert_int_equal(entered(two, NULL, NOW, 20), 10);
        wf_bounds_free(one);
        wf_bounds_free(two);
    }
}

/* Somebody sits on the lock: what this process counts itself holds, and nobody waits long. */
static void test_stuck_lock(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(dir, "bounds-stuck", PATIENCE);
    int lock = -1;

    (void)state;
    assert_true(wf_cachedir_lock(dir, "bounds-stuck", 0, &lock));
    assert_true(enter(bounds, NULL, NOW));
    wf_cachedir_unlock(lock);
    assert_int_equal(entered(bounds, NULL, NOW, 20), 9);
    wf_bounds_free(bounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_full_ones_are_forgotten_first),
        cmocka_unit_test(test_shared_silence),
        cmocka_unit_test(test_lost_file),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_nobody_is_forgotten),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_lost_try),
        cmocka_unit_test(test_silences_at_once),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_clock_back),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_bad_file),
        cmocka_unit_test(test_stuck_lock),
    };
    return cmocka_run_group_tests_name("bounds", tests, set_up, tear_down);
}
