/* What a provider's answer to a request for its keys is worth. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failalloc.h"
#include "fakedoor.h"
#include "keycase.h"
#include "keyring_fetch.h"

#define NOW 1700000000

static const struct wf_provider_conf conf = {
    .name = "mail", .type = WF_PROVIDER_OIDC, .url = ISSUER, .timeout = 1};

static struct wf_span span(const char *text)
{
    return (struct wf_span){text, strlen(text)};
}

/* What we had: one key, tagged, found NOW - age seconds ago at this address. */
static struct wf_keys *old_keys(const char *address, int age)
{
    const struct wf_keys_parts parts = {
        .text = span(KEYS_A),
        .jwks_uri = span(address),
        .etag = span("\"t\""),
        .fetched = NOW - age,
        .fresh_until = NOW - age + 300,
        .discovered = NOW - age,
    };
    struct wf_keys *keys = NULL;

    assert_int_equal(wf_keys_new(&parts, NULL, &keys, NULL, NULL), WF_OK);
    return keys;
}

static enum wf_reason fetch(const struct wf_keys *old, bool rediscover, struct wf_keys **ret,
                            struct wf_err *err)
{
    const struct wf_endpoint_host host = {NULL, &key_log_sink, fake_door_new};
    size_t skipped = 0;

    return wf_keys_fetch(&conf, &host, old, rediscover, NOW, ret, &skipped, err);
}

/* clang-format off */
static const struct {
    const char *name;
    struct fake_answer answers[2];
    bool known; /* there is an old set */
    enum wf_reason reason;
    const char *says;
} rows[] = {
    {"keys", {{.status = 200, .body = DOCUMENT}, {.status = 200, .body = KEYS_A}}, false, WF_OK, ""},
    {"no document", {{.status = 404, .body = ""}}, false, WF_UNREACHABLE, "provider mail"},
    {"404", {{.status = 200, .body = DOCUMENT}, {.status = 404, .body = ""}}, false, WF_UNREACHABLE,
     "address of the keys"},
    {"302", {{.status = 200, .body = DOCUMENT}, {.status = 302, .body = ""}}, false, WF_UNREACHABLE,
     "redirects are not followed"},
    {"304, unasked", {{.status = 200, .body = DOCUMENT}, {.status = 304, .body = ""}}, false,
     WF_UNREACHABLE, "status 304"},
    {"503", {{.status = 200, .body = DOCUMENT}, {.status = 503, .body = ""}}, false, WF_UNREACHABLE,
     "out of order"},
    {"no JWKS", {{.status = 200, .body = DOCUMENT}, {.status = 200, .body = "{}"}}, false,
     WF_UNREACHABLE, "keys"},
    {"no keys any more", {{.status = 200, .body = KEYS("")}}, true, WF_UNREACHABLE,
     "no usable key any more"},
    {"304", {{.status = 304, .body = ""}}, true, WF_OK, ""},
    {"another body", {{.status = 200, .body = KEYS_B}}, true, WF_OK, ""},
    {"a door that has no memory", {{.reason = WF_INTERNAL}}, true, WF_INTERNAL, "scripted"},
};
/* clang-format on */

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_keys *old = rows[i].known ? old_keys(ISSUER "/jwks", 400) : NULL;
        struct wf_keys *keys = NULL;
        struct wf_err err = WF_ERR_INIT;
        fake_door_script(rows[i].answers, WF_ARRAY_LEN(rows[i].answers));
        enum wf_reason reason = fetch(old, false, &keys, &err);
        if (reason != rows[i].reason || strstr(err.text, rows[i].says) == NULL ||
            (reason == WF_OK) != (err.text[0] == '\0'))
            fail_msg("%s: %s, \"%s\"", rows[i].name, wf_reason_name(reason), err.text);
        assert_int_equal(reason == WF_OK, keys != NULL);
        wf_keys_free(keys);
        wf_keys_free(old);
    }
}

/* The tag belongs to the address: keys that have moved are asked for without it. */
static void test_moved(void **state)
{
    static const struct fake_answer answers[] = {{.status = 200, .body = DOCUMENT},
                                                 {.status = 200, .body = KEYS_B}};
    static const struct {
        const char *address;
        bool tagged;
    } cases[] = {{ISSUER "/jwks", true}, {ISSUER "/old", false}};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_keys *old = old_keys(cases[i].address, 400);
        struct wf_keys *keys = NULL;
        fake_door_script(answers, 2);
        assert_int_equal(fetch(old, true, &keys, NULL), WF_OK);
        assert_int_equal(fake_door_count(), 2);
        assert_int_equal(strstr(fake_door_request(1)->headers, "If-None-Match") != NULL,
                         cases[i].tagged);
        assert_int_equal(keys->discovered, NOW);
        wf_keys_free(keys);
        wf_keys_free(old);
    }
}

/* Where the keys are is asked once a day; what comes from the future is not believed. */
static void test_discovered(void **state)
{
    static const struct fake_answer answers[] = {{.status = 200, .body = KEYS_B}};
    static const struct {
        int age;
        bool asks;
    } cases[] = {{0, false}, {86399, false}, {86400, true}, {-1, true}};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_keys *old = old_keys(ISSUER "/jwks", cases[i].age);
        struct wf_keys *keys = NULL;
        fake_door_script(answers, 1);
        enum wf_reason reason = fetch(old, false, &keys, NULL);
        const char *first = fake_door_request(0)->url;
        if ((strstr(first, "/.well-known/") != NULL) != cases[i].asks)
            fail_msg("%d s: %s", cases[i].age, first);
        assert_int_equal(reason == WF_OK, !cases[i].asks);
        if (keys != NULL)
            assert_int_equal(keys->discovered, NOW - cases[i].age);
        wf_keys_free(keys);
        wf_keys_free(old);
    }
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

/* A lack of memory of ours is not the provider's silence, which others would hear of. */
static void test_no_memory(void **state)
{
    static const struct fake_answer answers[] = {{.status = 200, .body = KEYS_B}};
    struct wf_keys *old = old_keys(ISSUER "/jwks", 400);
    bool over = false;

    (void)state;
    for (unsigned n = 1; !over; n++) {
        struct wf_keys *keys = NULL;
        fake_door_script(answers, 1);
        fail_alloc_at = n;
        enum wf_reason reason = fetch(old, false, &keys, NULL);
        over = fail_alloc_at > 0;
        fail_alloc_at = 0;
        if (reason != (over ? WF_OK : WF_INTERNAL))
            fail_msg("allocation %u: %s", n, wf_reason_name(reason));
        wf_keys_free(keys);
    }
    wf_keys_free(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_discovered),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("keyring, fetching", tests, NULL, NULL);
}
