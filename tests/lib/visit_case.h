/*
 * What tests of wf_visit_begin and wf_visit_end share, beyond stateful.h and export_case.h. Include
 * it once, in the test's file.
 */
#ifndef WF_TEST_VISIT_CASE_H
#define WF_TEST_VISIT_CASE_H

#include "export_case.h"
#include "past.h"
#include "stamp.h"
#include "stateful.h"
#include "wfauth.h"

#define EXPORTS "[service sshd]\ntoken_export = yes\n"
#define BINDS "[service sudo]\nflow = refresh, code\nmax_age = 15m\n[service sshd]\nqr = no\n"
#define NOTHING "[service sshd]\nqr = no\n"
/* A configuration without acme */
#define ANOTHER                                                                                    \
    "[provider another]\ntype = workfront\nurl = https://another.my.workfront.com\n"              \
    "client_id = cid\nredirect_uri = https://login.acme.example/code\n"                           \
    "strip_domain = acme.example\n[service *]\nprovider = another\n"
#define TOKENS_2 STATEFUL_TOKENS("a2", "r2")

static const struct wf_request ssh = {
    .service = "sshd", .user = "alice", .rhost = "192.0.2.1", .pins = true};

static size_t files_before;

static inline void clear_all(void)
{
    export_reset();
    key_folder_empty(state_folder);
}

static inline int reset(void **state)
{
    (void)state;
    clear_all();
    files_before = key_open_files();
    return 0;
}

/* No descriptor and no child is left, whatever happened. */
static inline int check_left(void **state)
{
    (void)state;
    if (key_open_files() != files_before || waitpid(-1, NULL, WNOHANG) != -1) {
        print_error("a descriptor or a child is left\n");
        return -1;
    }
    return 0;
}

/* alice's session at the provider, as a sign-in by code leaves it. */
static inline void keep(const char *subject, const char *access, int64_t expires_in)
{
    struct wf_refresh refresh;
    struct wf_store *store = state_store();
    struct wf_tokens tokens = {.access = wf_secret_new(access, strlen(access)),
                               .refresh = wf_secret_new("r1", 2),
                               .expires_in = expires_in};

    wf_context_refresh(state_context, &refresh);
    refresh.provider = state_acme();
    refresh.store = store;
    assert_int_equal(wf_refresh_keep(&refresh, "alice", subject, &tokens, NULL), WF_OK);
    wf_tokens_done(&tokens);
    wf_store_free(store);
}

/* No session of alice's is kept any more, as after `wfauth logout`. */
static inline void forget(void)
{
    bool existed = false;
    struct wf_store *store = state_store();

    assert_int_equal(wf_store_remove(store, "acme", "alice", &existed, NULL), WF_OK);
    wf_store_free(store);
}

/* A session of alice's that a sign-in has replaced. */
static inline void replace(const char *access)
{
    struct wf_store *store = state_store();
    struct wf_record *record = wf_record_new(state_acme(), "alice", "id-1");

    record->access = wf_secret_new(access, strlen(access));
    record->signed_in = STATEFUL_NOW;
    assert_int_equal(wf_past_keep(store, record, NULL), WF_OK);
    wf_record_free(record);
    wf_store_free(store);
}

/* The mark of a sign-in ten minutes ago. Static storage. */
static inline const char *pend(const char *user, const char *subject)
{
    static char mark[WF_MARK_SIZE];
    struct wf_stamp stamp = {.provider = "acme", .signed_in = STATEFUL_NOW - 600};
    struct wf_store *store = state_store();

    (void)snprintf(stamp.user, sizeof(stamp.user), "%s", user);
    (void)snprintf(stamp.subject, sizeof(stamp.subject), "%s", subject);
    assert_int_equal(wf_stamp_pend(store, &stamp, state_now, mark, NULL), WF_OK);
    wf_store_free(store);
    return mark;
}

static const struct fake_answer logout[] = {STATEFUL_OK, STATEFUL_OK};

static inline void check_retired(const char *access)
{
    struct wf_record *record = state_record();

    assert_non_null(record);
    assert_int_equal(record->ended, 0);
    assert_true(wf_span_equals(wf_secret_borrow(record->access), access));
    assert_int_equal(record->access_expires, record->obtained);
    assert_true(wf_span_equals(wf_secret_borrow(record->refresh), "r1"));
    wf_record_free(record);
}

static inline int set_up(void **state)
{
    return state_setup(state) == 0 ? export_setup(state) : -1;
}

static inline int tear_down(void **state)
{
    (void)export_teardown(state);
    return state_teardown(state);
}

#endif
