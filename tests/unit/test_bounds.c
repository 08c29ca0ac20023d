/* Who may ask how often, by an injected clock, as far as one process counts. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boundscase.h"

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
    {"0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255", true},
    {"0000:0000:0000:0000:0000:ffff:255.255.255.2555", "255.255.255.255", false},
    {"::ffff:0:192.0.2.1", "192.0.2.1", false},
    {"2001:db8::1%eth0", "2001:db8::", true},
    {"192.0.2.1", "192.0.2.01", false},
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

/* However often nobody answered, the wait is bounded, and it is known that nobody did. */
static void test_always_silent(void **state)
{
    (void)state;
    for (uint32_t less = 0; less < 2; less++) {
        struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);
        const struct wf_bounds_pass pass = {UINT32_MAX - less, 1};
        wf_bounds_silent(bounds, &pass, 0, NOW);
        assert_false(enter(bounds, NULL, NOW + WF_BOUNDS_COOL_MAX - 1));
        assert_int_equal(get_pass(bounds, NOW + WF_BOUNDS_COOL_MAX).failures, UINT32_MAX);
        wf_bounds_free(bounds);
    }
}

/* Wherever in memory an address is kept, it is found there. */
static void test_last_place(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);

    (void)state;
    /* Of 256 places the last one is free */
    for (unsigned i = 0; i < 51; i++)
        assert_int_equal(entered_many(bounds, i * 5, 5, NOW + i), 5);
    assert_int_equal(entered(bounds, "192.0.2.1", NOW + 51, 50), 10);
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
    /* And so does the longest wait; but what is further ahead was never set */
    for (int i = 0; i < 2; i++) {
        bounds = wf_bounds_new(NULL, "x", PATIENCE);
        pass = get_pass(bounds, NOW);
        wf_bounds_silent(bounds, &pass, WF_BOUNDS_COOL_MAX, NOW);
        assert_int_equal(enter(bounds, NULL, NOW - PATIENCE - i), i);
        wf_bounds_free(bounds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_full_ones_are_forgotten_first),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_nobody_is_forgotten),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_lost_try),
        cmocka_unit_test(test_silences_at_once),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_always_silent),
        cmocka_unit_test(test_last_place),
        cmocka_unit_test(test_clock_back),
    };
    return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
