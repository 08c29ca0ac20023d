/*
 * Silent sign-in, the account check and what a sign-in keeps, with memory short at each single
 * allocation of the core's: the verdict is a failure of ours, or what it would have been, and never
 * a better one.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failallocs.h"
#include "json.h"
#include "keep.h"
#include "stamp.h"
#include "stateful.h"
#include "wfauth.h"

#define CONF                                                                                       \
    "[service sudo]\nflow = refresh, code\nmax_age = 15m\ngrace = 1h\naccount_check = known\n"     \
    "[service strict]\nflow = refresh, code\nmax_age = 15m\ndeny_users = alice\n"                  \
    "account_check = yes\n"
#define ALICE STATEFUL_PERSON("id-1", "alice", "true")
#define CLOSED STATEFUL_PERSON("id-1", "alice", "false")
#define DOWN {.reason = WF_UNREACHABLE}

static const struct wf_request sudo = {
    .service = "sudo", .user = "alice", .proof = WF_PROOF_CALLER, .pins = true};
static const struct wf_request strict = {
    .service = "strict", .user = "alice", .proof = WF_PROOF_CALLER, .pins = true};

static enum wf_reason resume(void)
{
    struct wf_result result;

    return wf_resume(state_context, &sudo, &result, NULL);
}

static enum wf_reason resume_strictly(void)
{
    struct wf_result result;

    return wf_resume(state_context, &strict, &result, NULL);
}

static enum wf_reason check(void)
{
    bool opinion = false;
    enum wf_reason reason = wf_account_check(state_context, &sudo, NULL, &opinion, NULL);

    /* "No opinion" would leave it to others */
    assert_true(opinion);
    return reason;
}

static enum wf_reason keep_word(void)
{
    struct wf_store *store = NULL;
    struct wf_refresh refresh;
    unsigned later = fail_alloc_at;
    struct json_t *claims = NULL;

    fail_alloc_at = 0;
    claims = wf_json_new();
    store = state_store();
    assert_true(wf_json_set_string(claims, "ID", "id-1"));
    wf_context_refresh(state_context, &refresh);
    refresh.provider = state_acme();
    refresh.store = store;
    fail_alloc_at = later;
    enum wf_reason reason =
        wf_keep_word(state_context, &refresh, "alice", "id-1", claims, NULL);
    later = fail_alloc_at;
    fail_alloc_at = 0;
    wf_json_free(claims);
    wf_store_free(store);
    fail_alloc_at = later;
    return reason;
}

static const struct {
    const char *name;
    enum wf_reason (*run)(void);
    struct fake_answer script[3];
    enum wf_reason reason;
} rows[] = {
    {"silently", resume, {ALICE}, WF_OK},
    {"silently, refreshed", resume, {STATEFUL_DEAD, STATEFUL_TOKENS("a2", "r2"), ALICE}, WF_OK},
    {"silently, closed", resume, {CLOSED}, WF_INACTIVE},
    {"silently, in grace", resume, {DOWN}, WF_OK},
    {"silently, denied", resume_strictly, {ALICE}, WF_DENIED},
    {"account", check, {ALICE}, WF_OK},
    {"account, closed", check, {CLOSED}, WF_INACTIVE},
    {"account, in grace", check, {DOWN}, WF_OK},
    {"a word to keep", keep_word, {{.status = 200}}, WF_OK},
};

static void put_session(void)
{
    struct wf_store *store = state_store();
    struct wf_record *record = wf_record_new(state_acme(), "alice", "id-1");
    struct wf_stamp stamp = {
        .provider = "acme", .user = "alice", .subject = "id-1", .signed_in = STATEFUL_NOW};

    record->access = wf_secret_new("a1", 2);
    record->refresh = wf_secret_new("r1", 2);
    record->signed_in = state_now;
    record->obtained = state_now;
    record->access_expires = state_now + 3600;
    record->confirmed = state_now;
    record->claims = strdup("{\"ID\":\"id-1\",\"username\":\"alice@acme.example\"}");
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    assert_int_equal(wf_anchor_process(&stamp.anchor, NULL), WF_OK);
    assert_int_equal(wf_stamp_put(store, &stamp, NULL), WF_OK);
    wf_record_free(record);
    wf_store_free(store);
}

/* True if that many allocations were not even asked for. */
static bool fails_well(size_t i, unsigned at)
{
    fail_alloc_at = 0;
    key_folder_empty(state_folder);
    state_load(CONF);
    put_session();
    fake_door_script(rows[i].script, 3);
    fail_alloc_at = at;
    enum wf_reason reason = rows[i].run();
    bool over = fail_alloc_at > 0;
    fail_alloc_at = 0;
    /* A folder that cannot be named, and a door that fails, have reasons of their own */
    bool closed = reason == WF_INTERNAL || reason == WF_CONFIG || reason == WF_UNREACHABLE;
    if (reason != rows[i].reason && !closed)
        fail_msg("%s: allocation %u: %s\n%s", rows[i].name, at, wf_reason_name(reason), key_log);
    if (over && reason != rows[i].reason)
        fail_msg("%s: %s\n%s", rows[i].name, wf_reason_name(reason), key_log);
    return over;
}

static void test_each(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* root's folder alone counts */
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        unsigned at = 1;
        while (!fails_well(i, at))
            at++;
        /* It was short of memory at all */
        assert_true(at > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
    };

    return cmocka_run_group_tests(tests, state_setup, state_teardown);
}
