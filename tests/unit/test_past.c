/*
 * Sessions that another sign-in has replaced: who gets them back, how many there can be, and what
 * is no good.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "crypto.h"
#include "past.h"
#include "stateful.h"
#include "storefile.h"

static const char *fault;
static bool once; /* it fails once alone */

static bool fails(const char *name)
{
    bool now = fault != NULL && strcmp(fault, name) == 0;

    if (now && once)
        fault = NULL;
    return now;
}

#define FAULTY(name, kinds, args)                                                                  \
    const char *__real_wf_folder_##name kinds;                                                     \
    const char *__wrap_wf_folder_##name kinds;                                                     \
    const char *__wrap_wf_folder_##name kinds                                                      \
    {                                                                                              \
        errno = EIO;                                                                               \
        return fails(#name) ? "Input/output error" : __real_wf_folder_##name args;                 \
    }
FAULTY(list, (int in, const char *prefix, struct wf_buf *list), (in, prefix, list))
const char *__real_wf_folder_remove(int in, const char *name, bool durable, bool *ret_existed);
const char *__wrap_wf_folder_remove(int in, const char *name, bool durable, bool *ret_existed);
const char *__wrap_wf_folder_remove(int in, const char *name, bool durable, bool *ret_existed)
{
    if (fails("remove"))
        return "Input/output error";
    if (fails("quicker"))
        assert_null(__real_wf_folder_remove(in, name, durable, ret_existed));
    return __real_wf_folder_remove(in, name, durable, ret_existed);
}
FAULTY(replace, (int in, const char *name, const void *data, size_t len, bool durable),
       (in, name, data, len, durable))
const char *__real_wf_folder_read(int in, const char *name, mode_t forbidden, struct wf_buf *out);
const char *__wrap_wf_folder_read(int in, const char *name, mode_t forbidden, struct wf_buf *out);
const char *__wrap_wf_folder_read(int in, const char *name, mode_t forbidden, struct wf_buf *out)
{
    bool existed = false;

    errno = EIO;
    if (fails("read"))
        return "Input/output error";
    if (fails("much quicker"))
        assert_null(__real_wf_folder_remove(in, name, false, &existed));
    return __real_wf_folder_read(in, name, forbidden, out);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fails("memory") ? NULL : __real_calloc(n, size);
}

enum wf_reason __real_wf_crypto_sha256_parts(const struct wf_span *parts, size_t count,
                                             uint8_t hash[WF_SHA256_LEN], struct wf_err *err);
enum wf_reason __wrap_wf_crypto_sha256_parts(const struct wf_span *parts, size_t count,
                                             uint8_t hash[WF_SHA256_LEN], struct wf_err *err);
enum wf_reason __wrap_wf_crypto_sha256_parts(const struct wf_span *parts, size_t count,
                                             uint8_t hash[WF_SHA256_LEN], struct wf_err *err)
{
    /* Of a name two parts, of a token one */
    if (fails(count == 1 ? "token" : "name"))
        return wf_fail(err, WF_INTERNAL, "no hash");
    return __real_wf_crypto_sha256_parts(parts, count, hash, err);
}

static struct wf_store *store;

static int reset(void **state)
{
    (void)state;
    fault = NULL;
    once = false;
    key_folder_empty(state_folder);
    state_load("[service sudo]\nflow = refresh, code\nmax_age = 15m\n");
    store = state_store();
    return 0;
}

static int done(void **state)
{
    (void)state;
    wf_store_free(store);
    return 0;
}

static enum wf_reason put_of(const struct wf_provider_conf *provider, const char *user,
                             const char *access, bool ended)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_record *record = wf_record_new(provider, user, "id-1");

    record->access = wf_secret_new(access, strlen(access));
    record->refresh = wf_secret_new("r1", 2);
    record->obtained = record->signed_in = STATEFUL_NOW;
    if (ended)
        assert_true(wf_record_end(record, STATEFUL_NOW, "over"));
    const char *was = fault;
    enum wf_reason reason = wf_past_keep(store, record, &err);
    fault = NULL;
    if (reason != WF_OK)
        assert_string_not_equal(err.text, "");
    wf_record_free(record);
    fault = was;
    return reason;
}

static enum wf_reason put(const char *access)
{
    return put_of(state_acme(), "alice", access, false);
}

/* Whether one of this user's comes; with a token that begins like this. */
static bool take(const char *user, const char *access)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_record *record = NULL;

    if (wf_past_take(store, state_acme(), user, &record, &err) != WF_OK)
        fail_msg("%s", err.text);
    if (record == NULL)
        return false;
    struct wf_span found = wf_secret_borrow(record->access);
    assert_true(found.len >= strlen(access) && memcmp(found.ptr, access, strlen(access)) == 0);
    assert_true(wf_span_equals(wf_secret_borrow(record->refresh), "r1"));
    wf_record_free(record);
    return true;
}

static size_t files(void)
{
    struct wf_buf list = WF_BUF_INIT((size_t)64 * sizeof(struct wf_folder_entry));
    int in = -1;

    assert_int_equal(wf_storefile_enter(store, &in, NULL), WF_OK);
    assert_null(wf_folder_list(in, "past-", &list));
    size_t n = list.len / sizeof(struct wf_folder_entry);
    wf_buf_done(&list);
    wf_folder_shut(in);
    return n;
}

static void test_taken_once(void **state)
{
    (void)state;
    assert_false(take("alice", ""));
    assert_int_equal(put("a1"), WF_OK);
    assert_int_equal(put("a1"), WF_OK);
    assert_int_equal(put("a2"), WF_OK);
    assert_int_equal(files(), 2);
    assert_false(take("bob", ""));
    assert_true(take("alice", "a"));
    assert_int_equal(files(), 1);
    assert_true(take("alice", "a"));
    assert_false(take("alice", ""));
    /* Nothing is open of one that is over */
    assert_int_equal(put_of(state_acme(), "alice", "a3", true), WF_OK);
    assert_int_equal(files(), 0);
}

/* However often somebody signs in. */
static void test_many(void **state)
{
    char text[16];

    (void)state;
    for (unsigned i = 0; i < WF_PAST_MAX + 5; i++) {
        (void)snprintf(text, sizeof(text), "a%u", i);
        assert_int_equal(put(text), WF_OK);
        assert_int_equal(files(), i < WF_PAST_MAX ? i + 1 : WF_PAST_MAX);
    }
    assert_int_equal(put_of(state_acme(), "bob", "b", false), WF_OK);
    assert_int_equal(files(), WF_PAST_MAX + 1);
    for (unsigned i = 0; i < WF_PAST_MAX; i++)
        assert_true(take("alice", "a"));
    assert_false(take("alice", ""));
    assert_true(take("bob", "b"));
}

/* A token is shown to nobody but who gave it. */
static void test_not_theirs(void **state)
{
    struct wf_provider_conf other = *state_acme();
    char path[400];
    char text[400];

    (void)state;
    other.url = "https://evil.example";
    assert_int_equal(put_of(&other, "alice", "a1", false), WF_OK);
    assert_false(take("alice", ""));
    assert_int_equal(files(), 0);
    other.url = state_acme()->url;
    other.client_id = "another";
    assert_int_equal(put_of(&other, "alice", "a1", false), WF_OK);
    assert_false(take("alice", ""));
    assert_int_equal(files(), 0);
    /* No good: cut; and a good one behind or before it comes all the same */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(put("a1"), WF_OK);
        key_folder_find(state_folder, "past-", path, sizeof(path));
        FILE *file = fopen(path, "r");
        assert_non_null(fgets(text, sizeof(text), file));
        assert_int_equal(fclose(file), 0);
        assert_non_null(strstr(text, "\"version\":1,"));
        assert_int_equal(truncate(path, i == 0 ? 20 : 0), 0);
        assert_int_equal(put("a2"), WF_OK);
        assert_true(take("alice", "a2"));
        assert_false(take("alice", ""));
        assert_int_equal(files(), 0);
    }
    /* A record in which something is missing */
    struct wf_record *record = wf_record_new(state_acme(), "alice", "id-1");
    record->refresh = wf_secret_new("r1", 2);
    assert_int_equal(wf_past_keep(store, record, NULL), WF_OK);
    wf_record_free(record);
    assert_false(take("alice", ""));
    assert_int_equal(files(), 0);
}

/* Of several who take at once one has it. */
static void test_quicker(void **state)
{
    static const char *const how[] = {"quicker", "much quicker"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(how); i++) {
        assert_int_equal(put("a1"), WF_OK);
        fault = how[i];
        assert_false(take("alice", ""));
        fault = NULL;
        assert_int_equal(files(), 0);
    }
}

static void test_faults(void **state)
{
    static const struct {
        const char *fault;
        enum wf_reason put;
        enum wf_reason take;
    } cases[] = {
        {"name", WF_INTERNAL, WF_INTERNAL}, {"token", WF_INTERNAL, WF_OK},
        {"list", WF_INTERNAL, WF_INTERNAL}, {"replace", WF_CONFIG, WF_OK},
        {"remove", WF_OK, WF_CONFIG},   {"read", WF_OK, WF_INTERNAL},
        {"memory", WF_OK, WF_INTERNAL},
    };
    char text[16];

    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_record *before = (struct wf_record *)(void *)text;
        struct wf_record *record = before;
        (void)done(state);
        (void)reset(state);
        for (unsigned n = 0; n < WF_PAST_MAX; n++) {
            (void)snprintf(text, sizeof(text), "a%u", n);
            assert_int_equal(put(text), WF_OK);
        }
        fault = cases[i].fault;
        enum wf_reason reason = strcmp(fault, "memory") == 0 ? WF_OK : put("another");
        if (reason != cases[i].put)
            fail_msg("%s: put: %s", cases[i].fault, wf_reason_name(reason));
        once = true;
        reason = wf_past_take(store, state_acme(), "alice", &record, &err);
        fault = NULL;
        if (reason != cases[i].take || (reason != WF_OK && (record != before || err.text[0] == '\0')))
            fail_msg("%s: take: %s", cases[i].fault, wf_reason_name(reason));
        if (reason == WF_OK)
            wf_record_free(record);
        /* One made room, and one was taken */
        assert_true(files() >= WF_PAST_MAX - 2);
    }
    assert_int_equal(chmod(state_folder, 0701), 0);
    assert_int_equal(put("a1"), WF_CONFIG);
    struct wf_record *record = NULL;
    assert_int_equal(wf_past_take(store, state_acme(), "alice", &record, NULL), WF_CONFIG);
    assert_int_equal(chmod(state_folder, 0700), 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, reset, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_taken_once),
        CASE(test_many),
        CASE(test_not_theirs),
        CASE(test_quicker),
        CASE(test_faults),
    };
    return cmocka_run_group_tests_name("past", tests, state_setup, state_teardown);
}
