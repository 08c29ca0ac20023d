/*
 * When keys are fetched, kept, shared and given up: scenarios over a scripted provider and a clock
 * that is a parameter.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "cachefolder.h"
#include "fakedoor.h"
#include "keyring.h"
#include "keyring_entry.h"

#define T0 1700000000

static struct wf_provider_conf conf = {
    .name = "mail",
    .type = WF_PROVIDER_OIDC,
    .url = ISSUER,
    .timeout = 1,
    .stale_keys = 3600,
};

/* clang-format off */
#define FOUND {.status = 200, .body = DOCUMENT}
#define GIVES(keys) {.status = 200, .body = (keys)}
#define GIVES_FOR(keys, seconds) \
    {.status = 200, .body = (keys), .has_max_age = true, .max_age = (seconds)}
#define TAGGED(keys, tag) {.status = 200, .body = (keys), .etag = (tag)}
#define STATUS(number) {.status = (number), .body = "{}"}
#define SAYS(document) {.status = 200, .body = (document)}
#define DOWN {.reason = WF_UNREACHABLE}
/* clang-format on */

enum who {
    SAME,   /* process */
    OTHER,  /* a new one, with what is on disk */
    ALONE,  /* a new one, without a folder */
    JAIL,   /* a new one, that prepares for a jail */
};

static const struct scenario {
    const char *name;
    struct fake_answer answers[8];
    struct step {
        int at; /* seconds since T0 */
        const char *kid;
        enum wf_reason reason;
        unsigned requests; /* so far */
        const char *says;  /* part of the log or the error; NULL: the log is empty */
        enum who who;
    } steps[16]; /* the last one has no kid */
} scenarios[] = {
    {"fetched once", {FOUND, GIVES(KEYS_A), GIVES(KEYS_A)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {1, "a", WF_OK, 2, NULL, SAME},
      {299, "a", WF_OK, 2, NULL, SAME}, {300, "a", WF_OK, 3, NULL, SAME},
      {599, "a", WF_OK, 3, NULL, SAME}}},
    {"as long as they say", {FOUND, GIVES_FOR(KEYS_A, 1000), GIVES(KEYS_A)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {999, "a", WF_OK, 2, NULL, SAME},
      {1000, "a", WF_OK, 3, NULL, SAME}}},
    {"a minute at least", {FOUND, GIVES_FOR(KEYS_A, 59), GIVES(KEYS_A)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {59, "a", WF_OK, 2, NULL, SAME},
      {60, "a", WF_OK, 3, NULL, SAME}}},
    {"a day at most", {FOUND, GIVES_FOR(KEYS_A, 86401), FOUND, GIVES(KEYS_A)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {86399, "a", WF_OK, 2, NULL, SAME},
      {86400, "a", WF_OK, 4, NULL, SAME}}},
    {"discovered once a day", {FOUND, GIVES_FOR(KEYS_A, 86399), GIVES(KEYS_A), FOUND, GIVES(KEYS_A)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {86399, "a", WF_OK, 3, NULL, SAME},
      {86699, "a", WF_OK, 5, NULL, SAME}}},
    {"unknown kid", {FOUND, GIVES(KEYS_A), GIVES(KEYS_AB), GIVES(KEYS_AB)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {29, "b", WF_KEY, 2, "no key of provider mail", SAME},
      {30, "b", WF_OK, 3, NULL, SAME}, {30, "c", WF_KEY, 3, NULL, SAME},
      {59, "c", WF_KEY, 3, NULL, SAME}, {60, "c", WF_KEY, 4, NULL, SAME}}},
    {"unknown kid at once", {FOUND, GIVES(KEYS_A)},
     {{0, "b", WF_KEY, 2, NULL, SAME}, {1, "b", WF_KEY, 2, NULL, SAME}}},
    {"unknown kid, for all processes", {FOUND, GIVES(KEYS_A), GIVES(KEYS_AB)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {29, "b", WF_KEY, 2, NULL, OTHER},
      {30, "b", WF_OK, 3, NULL, OTHER}, {31, "c", WF_KEY, 3, NULL, OTHER}}},
    {"unknown kid, fetched by another", {FOUND, GIVES(KEYS_A), GIVES(KEYS_AB)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {40, "b", WF_OK, 3, NULL, SAME},
      {41, "b", WF_OK, 3, NULL, OTHER}}},
    {"no kid", {FOUND, GIVES(KEYS_A)}, {{0, NULL, WF_OK, 2, NULL, SAME}}},
    {"a key is withdrawn", {FOUND, GIVES(KEYS_AB), GIVES(KEYS_A)},
     {{0, "b", WF_OK, 2, NULL, SAME}, {299, "b", WF_OK, 2, NULL, SAME},
      {300, "b", WF_KEY, 3, NULL, SAME}, {300, "a", WF_OK, 3, NULL, SAME}}},
    {"from the disk", {FOUND, GIVES(KEYS_A), GIVES(KEYS_A)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {299, "a", WF_OK, 2, NULL, OTHER},
      {300, "a", WF_OK, 3, NULL, OTHER}}},
    {"without a disk", {FOUND, GIVES(KEYS_A), FOUND, GIVES(KEYS_A), GIVES(KEYS_A)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {1, "a", WF_OK, 4, NULL, ALONE},
      {2, "a", WF_OK, 4, NULL, SAME}, {301, "a", WF_OK, 5, NULL, SAME}}},
    {"down, stale, gone", {FOUND, GIVES(KEYS_A)},
     {{0, "a", WF_OK, 2, NULL, SAME},
      {300, "a", WF_OK, 3, "stale keys of provider mail are used, for 3600 s", SAME},
      {304, "a", WF_OK, 3, NULL, SAME}, {305, "a", WF_OK, 4, NULL, SAME},
      {314, "a", WF_OK, 4, NULL, SAME}, {315, "a", WF_OK, 5, NULL, SAME},
      {315, "b", WF_UNREACHABLE, 5, "the script has no more answers", SAME},
      {3899, "a", WF_OK, 6, "stale keys", SAME},
      {3900, "a", WF_UNREACHABLE, 6, "older than stale_keys (3600 s)", SAME}}},
    {"down, stale, gone, from the disk", {FOUND, GIVES(KEYS_A)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {3899, "a", WF_OK, 3, "stale keys", OTHER},
      {3900, "a", WF_UNREACHABLE, 3, "not used any more", OTHER},
      {3910, "a", WF_UNREACHABLE, 4, "not used any more", OTHER}}},
    {"down from the first", {DOWN},
     {{0, "a", WF_UNREACHABLE, 1, "provider mail: ", SAME}, {4, "a", WF_UNREACHABLE, 1, NULL, SAME},
      {5, "a", WF_UNREACHABLE, 2, NULL, SAME}, {14, "a", WF_UNREACHABLE, 2, NULL, SAME},
      {15, "a", WF_UNREACHABLE, 3, NULL, SAME}, {34, "a", WF_UNREACHABLE, 3, NULL, SAME},
      {35, "a", WF_UNREACHABLE, 4, NULL, SAME}, {74, "a", WF_UNREACHABLE, 4, NULL, SAME},
      {75, "a", WF_UNREACHABLE, 5, NULL, SAME}, {134, "a", WF_UNREACHABLE, 5, NULL, SAME},
      {135, "a", WF_UNREACHABLE, 6, NULL, SAME}, {194, "a", WF_UNREACHABLE, 6, NULL, SAME},
      {195, "a", WF_UNREACHABLE, 7, NULL, SAME}}},
    {"down, for all processes", {DOWN},
     {{0, "a", WF_UNREACHABLE, 1, NULL, SAME}, {4, "a", WF_UNREACHABLE, 1, "scripted", OTHER},
      {5, "a", WF_UNREACHABLE, 2, NULL, OTHER}, {14, "a", WF_UNREACHABLE, 2, NULL, OTHER},
      {15, "a", WF_UNREACHABLE, 3, NULL, OTHER}}},
    {"up again, known to all", {DOWN, FOUND, GIVES(KEYS_A), DOWN, DOWN},
     {{0, "a", WF_UNREACHABLE, 1, NULL, SAME}, {5, "a", WF_OK, 3, NULL, SAME},
      {6, "a", WF_OK, 3, NULL, OTHER}, {305, "a", WF_OK, 4, "stale", SAME},
      {309, "a", WF_OK, 4, NULL, SAME}, {310, "a", WF_OK, 5, NULL, SAME}}},
    {"rests begin anew", {DOWN, FOUND, GIVES(KEYS_A), DOWN},
     {{0, "a", WF_UNREACHABLE, 1, NULL, SAME}, {5, "a", WF_OK, 3, NULL, SAME},
      {305, "a", WF_OK, 4, "stale", SAME}, {309, "a", WF_OK, 4, NULL, SAME},
      {310, "a", WF_OK, 5, NULL, SAME}}},
    {"too old twice", {FOUND, GIVES(KEYS_A), DOWN, FOUND, GIVES(KEYS_A), DOWN, DOWN},
     {{0, "a", WF_OK, 2, NULL, SAME}, {3900, "a", WF_UNREACHABLE, 3, "not used any more", SAME},
      {3905, "a", WF_OK, 5, NULL, SAME}, {7805, "a", WF_UNREACHABLE, 6, "not used any more", SAME},
      {7810, "a", WF_UNREACHABLE, 7, NULL, SAME}}},
    {"short of memory, which is nobody else's matter", {{.reason = WF_INTERNAL}, FOUND, GIVES(KEYS_A)},
     {{0, "a", WF_INTERNAL, 1, NULL, SAME}, {1, "a", WF_INTERNAL, 1, NULL, SAME},
      {1, "a", WF_OK, 3, NULL, OTHER}}},
    {"may have moved", {FOUND, GIVES(KEYS_A), STATUS(404), FOUND, GIVES(KEYS_B)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {300, "a", WF_OK, 3, "status 404", SAME},
      {305, "b", WF_OK, 5, NULL, SAME}, {305, "a", WF_KEY, 5, NULL, SAME}}},
    {"unknown kid, provider down", {FOUND, GIVES(KEYS_A), DOWN, FOUND, GIVES(KEYS_B)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {30, "b", WF_UNREACHABLE, 3, "scripted", SAME},
      {34, "b", WF_UNREACHABLE, 3, NULL, SAME}, {34, "a", WF_OK, 3, NULL, SAME},
      {35, "b", WF_OK, 5, NULL, SAME}}},
    {"another issuer", {SAYS("{\"issuer\":\"" ISSUER "/\",\"jwks_uri\":\"" ISSUER "/jwks\"}")},
     {{0, "a", WF_CONFIG, 1, "calls itself \"https://sso.example/\"", SAME},
      {1, "a", WF_CONFIG, 1, "calls itself", OTHER}}},
    {"keys by http", {SAYS("{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"http://sso.example/jwks\"}")},
     {{0, "a", WF_CONFIG, 1, "jwks_uri of provider mail", SAME}}},
    {"no keys at all", {SAYS("{\"issuer\":\"" ISSUER "\"}")},
     {{0, "a", WF_CONFIG, 1, "no jwks_uri: set jwks_file", SAME}}},
    {"some keys left out", {FOUND, GIVES(KEYS(RSA_KEY("a") ",{\"kty\":\"oct\"}"))},
     {{0, "a", WF_OK, 2, "1 keys left out, 1 are used", SAME}}},
    {"no JSON", {FOUND, GIVES(KEYS_A), GIVES("<html>")},
     {{0, "a", WF_OK, 2, NULL, SAME}, {300, "a", WF_OK, 3, "stale", SAME}}},
    {"no JWKS", {FOUND, GIVES(KEYS_A), GIVES("{}")},
     {{0, "a", WF_OK, 2, NULL, SAME}, {300, "a", WF_OK, 3, "stale", SAME}}},
    {"no keys any more", {FOUND, GIVES(KEYS_A), GIVES(KEYS(""))},
     {{0, "a", WF_OK, 2, NULL, SAME}, {300, "a", WF_OK, 3, "no usable key any more", SAME}}},
    {"no keys from the first", {FOUND, GIVES(KEYS(""))},
     {{0, "a", WF_KEY, 2, NULL, SAME}, {1, "a", WF_KEY, 2, NULL, SAME}}},
    {"still no keys", {FOUND, GIVES(KEYS("")), GIVES(KEYS(""))},
     {{0, "a", WF_KEY, 2, NULL, SAME}, {300, "a", WF_KEY, 3, NULL, SAME}}},
    {"no JSON from the first", {FOUND, GIVES("<html>")},
     {{0, "a", WF_UNREACHABLE, 2, "provider mail: " ISSUER "/jwks: ", SAME}}},
    {"out of order", {FOUND, GIVES(KEYS_A), STATUS(500)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {300, "a", WF_OK, 3, "status 500", SAME}}},
    {"a redirect", {FOUND, GIVES(KEYS_A), STATUS(302)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {300, "a", WF_OK, 3, "status 302", SAME}}},
    {"unchanged, unasked", {FOUND, GIVES(KEYS_A), STATUS(304)},
     {{0, "a", WF_OK, 2, NULL, SAME}, {300, "a", WF_OK, 3, "status 304", SAME}}},
    {"unchanged, at first", {FOUND, STATUS(304)}, {{0, "a", WF_UNREACHABLE, 2, "304", SAME}}},
    {"unchanged", {FOUND, TAGGED(KEYS_A, "\"t\""), STATUS(304), STATUS(304), DOWN},
     {{0, "a", WF_OK, 2, NULL, SAME}, {300, "a", WF_OK, 3, NULL, SAME},
      {599, "a", WF_OK, 3, NULL, SAME}, {600, "a", WF_OK, 4, NULL, OTHER},
      {899, "a", WF_OK, 4, NULL, SAME}, {900, "a", WF_OK, 5, "stale", SAME}}},
    {"before a jail", {FOUND, GIVES(KEYS_A), GIVES(KEYS_AB), DOWN},
     {{0, "a", WF_OK, 2, NULL, JAIL}, {29, "b", WF_KEY, 2, NULL, JAIL},
      {30, "b", WF_OK, 3, NULL, JAIL}, {60, "b", WF_OK, 4, NULL, JAIL},
      {64, "b", WF_OK, 4, NULL, JAIL}}},
    {"before a jail, stale", {FOUND, GIVES(KEYS_A), DOWN},
     {{0, "a", WF_OK, 2, NULL, SAME}, {300, "a", WF_OK, 3, "stale", JAIL}}},
    {"before a jail, down", {DOWN},
     {{0, "a", WF_UNREACHABLE, 1, "scripted", JAIL}, {4, "a", WF_UNREACHABLE, 1, "scripted", JAIL}}},
    {"a clock that is a little behind", {FOUND, GIVES(KEYS_A)},
     {{400, "a", WF_OK, 2, NULL, SAME}, {100, "a", WF_OK, 2, NULL, SAME},
      {100, "a", WF_OK, 2, NULL, OTHER}}},
    {"a clock that was ahead", {FOUND, GIVES(KEYS_A), FOUND, GIVES(KEYS_A)},
     {{400, "a", WF_OK, 2, NULL, SAME}, {99, "a", WF_OK, 4, NULL, SAME}}},
    {"a clock that was ahead, on disk", {FOUND, GIVES(KEYS_A), FOUND, GIVES(KEYS_A)},
     {{400, "a", WF_OK, 2, NULL, SAME}, {99, "a", WF_OK, 4, NULL, OTHER}}},
    {"a clock that was ahead, down", {FOUND, GIVES(KEYS_A)},
     {{400, "a", WF_OK, 2, NULL, SAME}, {99, "a", WF_UNREACHABLE, 3, NULL, SAME}}},
    {"a clock that was ahead, on disk, down", {FOUND, GIVES(KEYS_A)},
     {{999, "a", WF_OK, 2, NULL, SAME}, {99, "a", WF_UNREACHABLE, 3, NULL, OTHER},
      {104, "a", WF_UNREACHABLE, 4, NULL, SAME}, {113, "a", WF_UNREACHABLE, 4, NULL, SAME},
      {114, "a", WF_UNREACHABLE, 5, NULL, SAME}}},
    {"a rest that is over, and a clock that is a little behind", {DOWN, FOUND, GIVES(KEYS_A)},
     {{0, "a", WF_UNREACHABLE, 1, NULL, SAME}, {5, "a", WF_OK, 3, NULL, SAME},
      {4, "b", WF_KEY, 3, NULL, SAME}}},
    {"a rest in the future", {DOWN, FOUND, GIVES(KEYS_A)},
     {{1000, "a", WF_UNREACHABLE, 1, NULL, SAME}, {0, "a", WF_OK, 3, NULL, SAME}}},
    {"a rest that may be", {DOWN, FOUND, GIVES(KEYS_A)},
     {{360, "a", WF_UNREACHABLE, 1, NULL, SAME}, {5, "a", WF_UNREACHABLE, 1, NULL, SAME},
      {4, "a", WF_OK, 3, NULL, SAME}}},
    {"a rest that may be, on disk", {DOWN, FOUND, GIVES(KEYS_A)},
     {{301, "a", WF_UNREACHABLE, 1, NULL, SAME}, {1, "a", WF_UNREACHABLE, 1, NULL, OTHER},
      {0, "a", WF_OK, 3, NULL, OTHER}}},
    {"a rest in the future, on disk", {DOWN, FOUND, GIVES(KEYS_A)},
     {{1000, "a", WF_UNREACHABLE, 1, NULL, SAME}, {0, "a", WF_OK, 3, NULL, OTHER}}},
};

static struct wf_keyring *new_ring(bool alone)
{
    const struct wf_endpoint_host host = {alone ? NULL : dir, &key_log_sink, fake_door_new};
    struct wf_keyring *ring = NULL;

    assert_int_equal(wf_keyring_new(&conf, &host, &ring, NULL), WF_OK);
    return ring;
}

static void run(const struct scenario *s)
{
    struct wf_keyring *ring = new_ring(false);

    key_folder_empty(folder);
    fake_door_script(s->answers, WF_ARRAY_LEN(s->answers));
    size_t script = 0;
    while (script < WF_ARRAY_LEN(s->answers) &&
           (s->answers[script].status != 0 || s->answers[script].reason != WF_OK))
        script++;
    fake_door_script(s->answers, script);
    for (size_t i = 0; i < WF_ARRAY_LEN(s->steps) && s->steps[i].requests > 0; i++) {
        const struct step *step = &s->steps[i];
        struct wf_jws_header header = key_header(step->kid);
        struct wf_jwks *set = NULL;
        struct wf_err err = WF_ERR_INIT;
        int64_t until = 0;
        if (step->who != SAME) {
            wf_keyring_free(ring);
            ring = new_ring(step->who == ALONE);
        }
        key_log[0] = '\0';
        enum wf_reason reason =
            step->who == JAIL ? wf_keyring_prepare(ring, T0 + step->at, &err) : WF_OK;
        if (reason == WF_OK)
            reason = wf_keyring_find(ring, &header, T0 + step->at, &set, &until, &err);
        if (reason != step->reason || fake_door_count() != step->requests ||
            (step->says == NULL ? key_log[0] != '\0'
                                : strstr(key_log, step->says) == NULL &&
                                      strstr(err.text, step->says) == NULL))
            fail_msg("%s, step %zu: %s (%s), %zu requests, log: %s", s->name, i,
                     wf_reason_name(reason), err.text, fake_door_count(), key_log);
        assert_true((reason == WF_OK) == (set != NULL));
        if (reason == WF_OK && until <= T0 + step->at)
            fail_msg("%s, step %zu: already over", s->name, i);
        if (set != NULL && !wf_keyring_is_current(ring, set, T0 + step->at))
            fail_msg("%s, step %zu: not current", s->name, i);
        wf_jwks_unref(set);
    }
    wf_keyring_free(ring);
}

static void test_scenarios(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(scenarios); i++)
        run(&scenarios[i]);
}

static struct wf_jwks *find(struct wf_keyring *ring, const char *kid, int at, int64_t *ret_until)
{
    struct wf_jws_header header = key_header(kid);
    struct wf_jwks *set = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_keyring_find(ring, &header, T0 + at, &set, ret_until, &err) != WF_OK)
        fail_msg("%s", err.text);
    return set;
}

/* The same keys are the same object, so that what was verified with them stays so. */
static void test_current(void **state)
{
    static const struct fake_answer answers[] = {
        FOUND, TAGGED(KEYS_A, "\"1\""), GIVES(KEYS_A), GIVES(KEYS_AB), DOWN};
    struct wf_keyring *ring = new_ring(false);
    int64_t until = 0;

    (void)state;
    key_folder_empty(folder);
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    struct wf_jwks *first = find(ring, "a", 0, &until);
    assert_int_equal(until, T0 + 300 + 3600);
    assert_true(wf_keyring_is_current(ring, first, T0 + 299));
    /* Somebody must ask now, so nobody may go on without */
    assert_false(wf_keyring_is_current(ring, first, T0 + 300));
    struct wf_jwks *second = find(ring, "a", 300, &until);
    assert_ptr_equal(first, second);
    assert_non_null(strstr(fake_door_request(2)->headers, "If-None-Match: \"1\"\n"));
    assert_string_equal(fake_door_request(2)->url, ISSUER "/jwks");
    assert_true(wf_keyring_is_current(ring, first, T0 + 300));
    wf_jwks_unref(second);
    struct wf_keyring *other = new_ring(false);
    assert_false(wf_keyring_is_current(other, first, T0 + 301));
    struct wf_jwks *third = find(other, "a", 301, &until);
    assert_ptr_not_equal(first, third);
    assert_false(wf_keyring_is_current(ring, third, T0 + 301));
    wf_jwks_unref(third);
    wf_keyring_free(other);
    /* Other keys are another set */
    struct wf_jwks *fourth = find(ring, "a", 600, &until);
    assert_ptr_not_equal(first, fourth);
    assert_false(wf_keyring_is_current(ring, first, T0 + 600));
    assert_true(wf_keyring_is_current(ring, fourth, T0 + 600));
    /* Stale ones count while nobody asks */
    struct wf_jwks *fifth = find(ring, "a", 900, &until);
    assert_ptr_equal(fourth, fifth);
    assert_int_equal(until, T0 + 900 + 3600);
    assert_true(wf_keyring_is_current(ring, fourth, T0 + 904));
    assert_false(wf_keyring_is_current(ring, fourth, T0 + 905));
    assert_false(wf_keyring_is_current(ring, fourth, T0 + 900 + 3600));
    wf_jwks_unref(fifth);
    wf_jwks_unref(fourth);
    wf_jwks_unref(first);
    wf_keyring_free(ring);
}

/* A tag stays until another one comes, or keys without one. */
static void test_tags(void **state)
{
    static const struct fake_answer answers[] = {
        FOUND,
        TAGGED(KEYS_A, "\"1\""),
        STATUS(304),
        {.status = 304, .etag = "\"2\""},
        STATUS(304),
        GIVES(KEYS_A),
        GIVES(KEYS_A),
    };
    static const char *const asked[] = {NULL, NULL, "\"1\"", "\"1\"", "\"2\"", "\"2\"", NULL};
    struct wf_keyring *ring = new_ring(false);
    char line[64];
    int64_t until = 0;

    (void)state;
    key_folder_empty(folder);
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    for (int i = 0; i < 6; i++)
        wf_jwks_unref(find(ring, "a", i * 300, &until));
    assert_int_equal(fake_door_count(), WF_ARRAY_LEN(answers));
    for (size_t i = 0; i < WF_ARRAY_LEN(asked); i++) {
        const char *headers = fake_door_request(i)->headers;
        (void)snprintf(line, sizeof(line), "If-None-Match: %s\n", asked[i] == NULL ? "" : asked[i]);
        if ((strstr(headers, "If-None-Match") != NULL) != (asked[i] != NULL) ||
            (asked[i] != NULL && strstr(headers, line) == NULL))
            fail_msg("request %zu: %s", i, headers);
    }
    assert_non_null(strstr(fake_door_request(1)->headers,
                           "Accept: application/jwk-set+json, application/json\n"));
    wf_keyring_free(ring);
}

/* A tag too long to be kept is none. */
static void test_long_tags(void **state)
{
    static const size_t lens[] = {0, 2, WF_HTTP_ETAG_SIZE - 1, WF_HTTP_ETAG_SIZE, 1000};
    char tag[1000];

    (void)state;
    memset(tag, 'x', sizeof(tag));
    for (size_t i = 0; i < WF_ARRAY_LEN(lens); i++) {
        const struct wf_keys_parts parts = {
            .text = {KEYS_A, strlen(KEYS_A)}, .etag = {tag, lens[i]}, .fresh_until = 60};
        struct wf_keys *keys = NULL;
        assert_int_equal(wf_keys_new(&parts, NULL, &keys, NULL, NULL), WF_OK);
        assert_int_equal(strnlen(keys->etag, sizeof(keys->etag)),
                         lens[i] < WF_HTTP_ETAG_SIZE ? lens[i] : 0);
        wf_keys_free(keys);
    }
    wf_keys_free(NULL);
}

/* Said once a minute, and the bound once. */
static void test_said(void **state)
{
    static const struct fake_answer answers[] = {FOUND, GIVES(KEYS_A)};
    static const struct {
        int at;
        bool said;
    } rows[] = {{300, true}, {301, false}, {359, false}, {360, true}, {419, false}, {420, true},
                {420, false}, {400, true}, {459, false}, {460, true}};
    struct wf_jws_header header = key_header("a");
    struct wf_keyring *ring = new_ring(false);
    struct wf_jwks *set = NULL;
    int64_t until = 0;

    (void)state;
    key_folder_empty(folder);
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    struct wf_jwks *kept = find(ring, "a", 0, &until);
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        key_log[0] = '\0';
        wf_jwks_unref(find(ring, "a", rows[i].at, &until));
        if ((strstr(key_log, "stale keys") != NULL) != rows[i].said)
            fail_msg("at %d: %s", rows[i].at, key_log);
    }
    for (int i = 0; i < 3; i++) {
        key_log[0] = '\0';
        assert_int_equal(wf_keyring_find(ring, &header, T0 + 4000 + 100 * i, &set, &until, NULL),
                         WF_UNREACHABLE);
        /* The provider rests, so nobody asks, but it rests in vain */
        assert_false(wf_keyring_is_current(ring, kept, T0 + 4000 + 100 * i));
        assert_true((strstr(key_log, "not used any more") != NULL) == (i == 0));
    }
    wf_jwks_unref(kept);
    wf_keyring_free(ring);
}

/* jwks_file */

static char path[128];

static void write_file(const char *text)
{
    (void)unlink(path);
    FILE *file = fopen(path, "wx");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

static const struct {
    const char *name;
    int at;
    const char *text; /* what is in it now; NULL: as before; "": it is gone */
    const char *kid;
    enum wf_reason reason;
    const char *says;
} file_rows[] = {
    {"read", 0, KEYS_A, "a", WF_OK, NULL},
    {"known", 9, KEYS_B, "a", WF_OK, NULL},
    {"changed", 10, NULL, "b", WF_OK, NULL},
    {"withdrawn", 10, NULL, "a", WF_KEY, NULL},
    {"not looked for at once", 11, KEYS_AB, "a", WF_KEY, NULL},
    {"back", 20, NULL, "a", WF_OK, NULL},
    {"broken", 30, "{\"keys\":[", "a", WF_CONFIG, "jwks_file of provider mail: /"},
    {"still", 34, NULL, "a", WF_CONFIG, NULL},
    {"broken again", 35, NULL, "a", WF_CONFIG, "jwks_file of provider mail: /"},
    {"not looked for at once, either", 39, KEYS_A, "a", WF_CONFIG, NULL},
    {"mended", 40, NULL, "a", WF_OK, NULL},
    {"gone", 50, "", "a", WF_CONFIG, "No such file"},
    {"back again", 55, KEYS_A, "a", WF_OK, NULL},
    {"all withdrawn", 65, KEYS(""), "a", WF_KEY, NULL},
};

static void test_file(void **state)
{
    struct wf_keyring *ring;
    char entry[512];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/jwks.json", folder);
    key_folder_empty(folder);
    fake_door_script(NULL, 0);
    conf.jwks_file = path;
    ring = new_ring(false);
    for (size_t i = 0; i < WF_ARRAY_LEN(file_rows); i++) {
        struct wf_jws_header header = key_header(file_rows[i].kid);
        struct wf_jwks *set = NULL;
        struct wf_err err = WF_ERR_INIT;
        int64_t until = 0;
        if (file_rows[i].text != NULL && file_rows[i].text[0] == '\0')
            assert_int_equal(unlink(path), 0);
        else if (file_rows[i].text != NULL)
            write_file(file_rows[i].text);
        enum wf_reason reason =
            wf_keyring_find(ring, &header, T0 + file_rows[i].at, &set, &until, &err);
        if (reason != file_rows[i].reason ||
            (file_rows[i].says != NULL && strstr(err.text, file_rows[i].says) == NULL))
            fail_msg("%s: %s, %s", file_rows[i].name, wf_reason_name(reason), err.text);
        wf_jwks_unref(set);
    }
    assert_int_equal(fake_door_count(), 0);
    /* A file is nothing to tell other processes of */
    key_folder_find(folder, "down-", entry, sizeof(entry));
    assert_string_equal(entry, "");
    wf_keyring_free(ring);
    conf.jwks_file = NULL;
}

/* What is left out of a file is said as of an answer. */
static void test_file_said(void **state)
{
    int64_t until = 0;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/jwks.json", folder);
    conf.jwks_file = path;
    struct wf_keyring *ring = new_ring(false);
    write_file(KEYS(RSA_KEY("a") ",{\"kty\":\"oct\"}"));
    key_log[0] = '\0';
    wf_jwks_unref(find(ring, "a", 0, &until));
    assert_non_null(strstr(key_log, "1 keys left out, 1 are used; the last one: "));
    assert_null(strstr(key_log, path));
    /* Once, not each time that the same file is read */
    key_log[0] = '\0';
    wf_jwks_unref(find(ring, "a", 10, &until));
    assert_string_equal(key_log, "");
    wf_keyring_free(ring);
    conf.jwks_file = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios), cmocka_unit_test(test_current),
        cmocka_unit_test(test_tags),      cmocka_unit_test(test_long_tags),
        cmocka_unit_test(test_said),      cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_said),
    };

    return cmocka_run_group_tests(tests, cache_set_up, cache_tear_down);
}
