/*
 * What a sign-in leaves on this host: the pin of the name, the session, the stamp; and what it does
 * not leave where nobody has a use for it, where it was refused, or where the disk is full.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fulldisk.h"
#include "json.h"
#include "keep.h"
#include "past.h"
#include "pin.h"
#include "stamp.h"
#include "stateful.h"
#include "wfauth.h"

#define KEEPS "[service sudo]\nflow = refresh, code\nmax_age = 15m\n[service sshd]\nqr = no\n"
#define NOTHING "[service sshd]\nqr = no\n"
#define ALICE STATEFUL_PERSON("id-1", "alice", "true")
#define TOKENS STATEFUL_TOKENS("a1", "r1")

/* A /proc that is not there */
static bool proc_is_gone;
enum wf_reason __real_wf_anchor_terminal(struct wf_anchor *ret, struct wf_err *err);
enum wf_reason __wrap_wf_anchor_terminal(struct wf_anchor *ret, struct wf_err *err);
enum wf_reason __wrap_wf_anchor_terminal(struct wf_anchor *ret, struct wf_err *err)
{
    if (proc_is_gone)
        return wf_fail(err, WF_INTERNAL, "/proc does not tell");
    return __real_wf_anchor_terminal(ret, err);
}

/* A text for which there is no memory */
static bool memory_is_short;
char *__real_wf_json_dump(const struct json_t *object);
char *__wrap_wf_json_dump(const struct json_t *object);
char *__wrap_wf_json_dump(const struct json_t *object)
{
    return memory_is_short ? NULL : __real_wf_json_dump(object);
}

/* No room for what was replaced */
static bool past_fails;
enum wf_reason __real_wf_past_keep(const struct wf_store *store, const struct wf_record *record,
                                   struct wf_err *err);
enum wf_reason __wrap_wf_past_keep(const struct wf_store *store, const struct wf_record *record,
                                   struct wf_err *err);
enum wf_reason __wrap_wf_past_keep(const struct wf_store *store, const struct wf_record *record,
                                   struct wf_err *err)
{
    return past_fails ? wf_fail(err, WF_CONFIG, "no room") : __real_wf_past_keep(store, record, err);
}

/* A user without root's rights */
static bool is_person;
uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
    return is_person ? 4242 : __real_geteuid();
}

static const struct wf_request ssh = {
    .service = "sshd", .user = "alice", .rhost = "192.0.2.1", .pins = true};

static void start(const char *more)
{
    disk_is_full = false;
    is_person = false;
    key_folder_empty(state_folder);
    state_load(more);
}

/* One sign-in by code; the prompt's address is put into ret_address where that is not NULL. */
static enum wf_reason sign_in(const struct wf_request *request, const struct fake_answer *script,
                              size_t n, struct wf_result *ret, char ret_address[4096])
{
    struct wf_login *login = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_login_begin(state_context, request, &login, &err) != WF_OK)
        fail_msg("%s", err.text);
    fake_door_script(script, n);
    if (ret_address != NULL)
        (void)snprintf(ret_address, 4096, "%s", wf_login_prompt_borrow(login));
    enum wf_reason reason = wf_login_answer(login, "the-code", 8, ret, &err);
    wf_login_free(login);
    return reason;
}

static void test_kept(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {TOKENS, ALICE};
    char address[4096];
    struct wf_result result;
    struct wf_stamp stamp;

    start(KEEPS);
    assert_int_equal(sign_in(&ssh, script, 2, &result, address), WF_OK);
    assert_non_null(strstr(address, "offline_access"));
    struct wf_record *record = state_record();
    assert_non_null(record);
    assert_string_equal(record->subject, "id-1");
    assert_int_equal(record->signed_in, STATEFUL_NOW);
    assert_int_equal(record->uid, 1000);
    assert_true(wf_span_equals(wf_secret_borrow(record->refresh), "r1"));
    assert_null(record->claims);
    wf_record_free(record);
    assert_int_equal(fake_door_count(), 2);
    /* The session that is opened next is this person's, once */
    struct wf_store *store = state_store();
    assert_int_equal(strlen(result.mark), WF_MARK_SIZE - 1);
    assert_int_equal(wf_stamp_claim(store, "acme", "bob", result.mark, state_now, &stamp, NULL),
                     WF_EXPIRED);
    assert_int_equal(wf_stamp_claim(store, "acme", "alice", result.mark, state_now, &stamp, NULL),
                     WF_OK);
    assert_int_equal(stamp.signed_in, STATEFUL_NOW);
    assert_int_equal(wf_stamp_claim(store, "acme", "alice", result.mark, state_now, &stamp, NULL),
                     WF_EXPIRED);
    wf_store_free(store);
    assert_null(strstr(key_log, result.mark));
    assert_null(strstr(key_log, "it is not kept"));
}

/* The session of before is open at the provider; what is known of it waits. */
static void test_replaced(void **state)
{
    (void)state;
    static const struct fake_answer second[] = {STATEFUL_TOKENS("a2", "r2"), ALICE};
    static const struct fake_answer first[] = {TOKENS, ALICE};
    struct wf_result result;
    struct wf_record *past = NULL;

    start(KEEPS);
    assert_int_equal(sign_in(&ssh, first, 2, &result, NULL), WF_OK);
    struct wf_store *store = state_store();
    assert_int_equal(wf_past_take(store, state_acme(), "alice", &past, NULL), WF_OK);
    assert_null(past);
    /* The very same token is not replaced */
    assert_int_equal(sign_in(&ssh, first, 2, &result, NULL), WF_OK);
    assert_int_equal(wf_past_take(store, state_acme(), "alice", &past, NULL), WF_OK);
    assert_null(past);
    assert_int_equal(sign_in(&ssh, second, 2, &result, NULL), WF_OK);
    assert_int_equal(fake_door_count(), 2);
    assert_int_equal(wf_past_take(store, state_acme(), "alice", &past, NULL), WF_OK);
    assert_non_null(past);
    assert_true(wf_span_equals(wf_secret_borrow(past->access), "a1"));
    wf_record_free(past);
    /* What is not kept has replaced nothing, and what cannot be told is an error of nobody's */
    disk_is_full = true;
    assert_int_equal(sign_in(&ssh, first, 2, &result, NULL), WF_OK);
    assert_null(strstr(key_log, "session of before"));
    disk_is_full = false;
    past_fails = true;
    assert_int_equal(sign_in(&ssh, first, 2, &result, NULL), WF_OK);
    past_fails = false;
    assert_non_null(strstr(key_log, "will not be told that the session of before of alice is over"));
    assert_string_not_equal(result.mark, "");
    past = NULL;
    assert_int_equal(wf_past_take(store, state_acme(), "alice", &past, NULL), WF_OK);
    assert_null(past);
    wf_store_free(store);
}

/* An account that was made anew inherits no session; without an id nothing is asked. */
static void test_account(void **state)
{
    static const struct {
        const char *user;
        int64_t uid;
        int number; /* what passwd fails with */
        enum wf_reason reason;
        unsigned calls;
    } cases[] = {
        {"alice", 1000, 0, WF_OK, 1},       {"alice", 1001, 0, WF_EXPIRED, 1},
        {"alice", 999, 0, WF_EXPIRED, 1},   {"alice", 0, 0, WF_OK, 0},
        {"mallory", 0, 0, WF_OK, 0},        {"mallory", 1, 0, WF_EXPIRED, 1},
        {"carol", 1002, 0, WF_IDENTITY, 1}, {"alice", 1000, EIO, WF_UNREACHABLE, 1},
        {"mallory", (uid_t)-1, 0, WF_EXPIRED, 1},
    };

    (void)state;
    start(KEEPS);
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_record *record = wf_record_new(state_acme(), cases[i].user, "id-1");
        record->uid = cases[i].uid;
        fake_passwd_number = cases[i].number;
        fake_passwd_calls = 0;
        enum wf_reason reason = wf_keep_check_account(record, &err);
        fake_passwd_number = 0;
        if (reason != cases[i].reason || fake_passwd_calls != cases[i].calls)
            fail_msg("%zu: %s, %u calls", i, wf_reason_name(reason), fake_passwd_calls);
        if (reason == WF_EXPIRED)
            assert_non_null(strstr(err.text, "wfauth unpin "));
        wf_record_free(record);
    }
}

/* The id that passwd does not tell is not kept. */
static void test_no_account(void **state)
{
    static const struct {
        const char *user;
        int number; /* what passwd fails with */
        int64_t uid;
    } cases[] = {{"alice", 0, 1000}, {"alice", EIO, 0}, {"mallory", 0, 0}};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        struct wf_request request = ssh;
        struct wf_result result = {.user = "", .subject = "id-1"};
        struct wf_tokens tokens = {.access = wf_secret_new("a1", 2)};
        struct wf_record *record = NULL;

        start(KEEPS);
        request.user = cases[i].user;
        fake_passwd_number = cases[i].number;
        wf_keep_sign_in(state_context, &request, state_acme(), &tokens, NULL, &result);
        fake_passwd_number = 0;
        wf_tokens_done(&tokens);
        struct wf_store *store = state_store();
        assert_int_equal(wf_store_read(store, state_acme(), cases[i].user, &record, NULL), WF_OK);
        wf_store_free(store);
        assert_non_null(record);
        assert_int_equal(record->uid, cases[i].uid);
        wf_record_free(record);
    }
}

static void test_nothing_kept(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {TOKENS, ALICE};
    char address[4096];
    struct wf_result result;

    start(NOTHING);
    assert_int_equal(sign_in(&ssh, script, 2, &result, address), WF_OK);
    assert_null(strstr(address, "offline_access"));
    assert_null(state_record());
    assert_string_equal(result.mark, "");
    assert_int_equal(fake_door_count(), 2);
}

/* What was refused is not kept, and what was asked for does not stay open. */
static const struct {
    const char *name;
    const char *more;
    struct fake_answer script[3];
    enum wf_reason reason;
    size_t requests;
    const char *last;
} refusals[] = {
    {"somebody else", KEEPS, {TOKENS, STATEFUL_PERSON("id-2", "bob", "true"), STATEFUL_OK}, WF_IDENTITY, 3, "/logout"},
    {"denied", KEEPS "deny_users = alice\n", {TOKENS, ALICE, STATEFUL_OK}, WF_DENIED, 3, "/logout"},
    {"the log-out fails", KEEPS "deny_users = alice\n", {TOKENS, ALICE, {.status = 500}}, WF_DENIED, 3, "/logout"},
    {"somebody else, and nothing was to be kept", NOTHING, {TOKENS, STATEFUL_PERSON("id-2", "bob", "true")}, WF_IDENTITY, 2, "user/search"},
    {"inactive", KEEPS, {TOKENS, STATEFUL_PERSON("id-1", "alice", "false")}, WF_INACTIVE, 2, "user/search"},
    {"a wrong code", KEEPS, {STATEFUL_GRANT_ENDED}, WF_EXPIRED, 1, "/token"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(refusals); i++) {
        struct wf_result result;
        start(refusals[i].more);
        enum wf_reason reason = sign_in(&ssh, refusals[i].script, 3, &result, NULL);
        if (reason != refusals[i].reason || fake_door_count() != refusals[i].requests)
            fail_msg("%s: %s, %zu requests", refusals[i].name, wf_reason_name(reason),
                     fake_door_count());
        if (strstr(fake_door_request(refusals[i].requests - 1)->url, refusals[i].last) == NULL)
            fail_msg("%s: last request %s", refusals[i].name,
                     fake_door_request(refusals[i].requests - 1)->url);
        assert_null(state_record());
        assert_string_equal(result.mark, "");
        struct wf_store *store = state_store();
        bool pinned = true;
        assert_int_equal(wf_pin_exists(store, "alice", &pinned, NULL), WF_OK);
        wf_store_free(store);
        if (pinned)
            fail_msg("%s: pinned", refusals[i].name);
    }
}

/* A recycled name does not inherit the account, whatever the service keeps. */
static void test_pinned(void **state)
{
    (void)state;
    static const struct fake_answer first[] = {TOKENS, ALICE};
    static const struct fake_answer second[] = {TOKENS, STATEFUL_PERSON("id-2", "alice", "true"),
                                                STATEFUL_OK};
    static const char *const kinds[] = {KEEPS, NOTHING};
    struct wf_request unpinned = ssh;
    struct wf_result result;
    bool existed = false;

    unpinned.pins = false;
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        start(kinds[i]);
        assert_int_equal(sign_in(&ssh, first, 2, &result, NULL), WF_OK);
        assert_int_equal(sign_in(&ssh, second, 3, &result, NULL), WF_IDENTITY);
        assert_string_equal(result.user, "");
        assert_non_null(strstr(key_log, "unpin alice"));
        assert_int_equal(sign_in(&ssh, first, 2, &result, NULL), WF_OK);
        /* Names that are no accounts are pinned to nobody */
        assert_int_equal(sign_in(&unpinned, second, 3, &result, NULL), WF_OK);
        struct wf_store *store = state_store();
        assert_int_equal(wf_pin_remove(store, "alice", &existed, NULL), WF_OK);
        assert_true(existed);
        wf_store_free(store);
        assert_int_equal(sign_in(&ssh, second, 3, &result, NULL), WF_OK);
        assert_int_equal(sign_in(&ssh, first, 2, &result, NULL), WF_IDENTITY);
    }
}

/* A full disk keeps nobody out who is pinned, and lets nobody in who cannot be. */
static void test_full_disk(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {TOKENS, ALICE};
    struct wf_result result;

    start(KEEPS);
    disk_is_full = true;
    assert_int_equal(sign_in(&ssh, script, 2, &result, NULL), WF_CONFIG);
    assert_non_null(strstr(key_log, "No space left on device"));
    disk_is_full = false;
    assert_int_equal(sign_in(&ssh, script, 2, &result, NULL), WF_OK);
    disk_is_full = true;
    key_log[0] = '\0';
    assert_int_equal(sign_in(&ssh, script, 2, &result, NULL), WF_OK);
    assert_non_null(strstr(key_log, "the sign-in of alice is good, but it is not kept"));
    assert_string_equal(result.mark, "");
}

/* A folder that others may change holds no pin that could be believed. */
static void test_open_folder(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {TOKENS, ALICE};
    struct wf_result result;

    start(NOTHING);
    assert_int_equal(chmod(state_folder, 0777), 0);
    enum wf_reason reason = sign_in(&ssh, script, 2, &result, NULL);
    if (__real_geteuid() == 0) {
        struct json_t *nobody = wf_json_new();
        assert_int_equal(reason, WF_CONFIG);
        assert_int_equal(wf_keep_pin(state_context, &ssh, state_acme(), nobody, NULL), WF_CONFIG);
        wf_json_free(nobody);
    }
    /* Where names are pinned to nobody the sign-in is good, and is not kept */
    struct wf_request unpinned = ssh;
    unpinned.pins = false;
    state_load(KEEPS);
    assert_int_equal(sign_in(&unpinned, script, 2, &result, NULL), WF_OK);
    assert_non_null(strstr(key_log, "the sign-in of alice is good, but it is not kept"));
    /* A user without a folder has never pinned anybody */
    is_person = true;
    assert_int_equal(sign_in(&ssh, script, 2, &result, NULL), WF_OK);
    assert_non_null(strstr(key_log, "names are not pinned to persons here"));
    is_person = false;
    assert_int_equal(chmod(state_folder, 0700), 0);
}

/* A user with a folder of their own has pins of their own. */
static int pins_as_person(void)
{
    static const struct fake_answer first[] = {TOKENS, ALICE};
    static const struct fake_answer second[] = {TOKENS, STATEFUL_PERSON("id-2", "alice", "true")};
    struct wf_result result;

    if (setresuid(4242, 4242, 4242) != 0)
        return 1;
    if (sign_in(&ssh, first, 2, &result, NULL) != WF_OK)
        return 2;
    return sign_in(&ssh, second, 2, &result, NULL) == WF_IDENTITY ? 0 : 3;
}

static void test_person(void **state)
{
    (void)state;
    int status = -1;

    if (__real_geteuid() != 0)
        skip();
    start(NOTHING);
    assert_int_equal(chown(state_folder, 4242, 4242), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(pins_as_person());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(chown(state_folder, 0, 0), 0);
}

/* A provider that names no permanent ID lets nobody in under a name that is pinned. */
static void test_no_subject(void **state)
{
    (void)state;
    struct json_t *anybody = wf_json_new();
    struct json_t *somebody = wf_json_new();
    struct wf_err err = WF_ERR_INIT;

    assert_true(wf_json_set_string(somebody, "ID", "x"));
    start(NOTHING);
    assert_int_equal(wf_keep_pin(state_context, &ssh, state_acme(), anybody, NULL), WF_OK);
    assert_int_equal(wf_keep_pin(state_context, &ssh, state_acme(), somebody, NULL), WF_OK);
    assert_int_equal(wf_keep_pin(state_context, &ssh, state_acme(), anybody, &err), WF_IDENTITY);
    assert_non_null(strstr(err.text, "alice is pinned to a person, and provider acme"));
    assert_int_equal(wf_keep_pin(state_context, &ssh, state_acme(), somebody, NULL), WF_OK);
    wf_json_free(anybody);
    wf_json_free(somebody);
}

static const struct wf_request sudo = {
    .service = "sudo", .user = "alice", .proof = WF_PROOF_CALLER, .pins = true};

/* Whoever signs in at a terminal has a stamp of that terminal, at once and without a mark. */
static bool stamps_terminal(void)
{
    struct wf_store *store = state_store();
    struct wf_result result = {.provider = "acme", .user = "alice", .subject = "id-1"};
    struct wf_stamp stamp = {.signed_in = 0};
    bool done = wf_keep_stamp(state_context, store, &sudo, 1234, &result, NULL) == WF_OK &&
                result.mark[0] == '\0' &&
                wf_stamp_find(store, "acme", "alice", &stamp, NULL) == WF_OK &&
                stamp.signed_in == 1234 && strcmp(stamp.subject, "id-1") == 0 &&
                stamp.anchor.kind == WF_ANCHOR_TERMINAL;

    wf_store_free(store);
    return done;
}

/* Where /proc tells nothing there is nothing to bind to, and nothing is bound. */
static bool fails_without_proc(void)
{
    struct wf_store *store = state_store();
    struct wf_result result = {.provider = "acme", .user = "alice", .subject = "id-1"};
    char left[512];

    proc_is_gone = true;
    bool done = wf_keep_stamp(state_context, store, &sudo, 1234, &result, NULL) == WF_INTERNAL;
    proc_is_gone = false;
    wf_store_free(store);
    key_folder_find(state_folder, "stamp-", left, sizeof(left));
    return done && left[0] == '\0';
}

static bool fails_on_a_full_disk(void)
{
    struct wf_store *store = state_store();
    struct wf_result result = {.provider = "acme", .user = "alice", .subject = "id-1"};

    assert_int_equal(chmod(state_folder, 0777), 0);
    bool done = wf_keep_stamp(state_context, store, &sudo, 1234, &result, NULL) == WF_CONFIG;
    assert_int_equal(chmod(state_folder, 0700), 0);
    wf_store_free(store);
    return done;
}

static bool has_no_terminal(void)
{
    struct wf_store *store = state_store();
    struct wf_result result = {.provider = "acme", .user = "alice", .subject = "id-1"};
    char left[512];

    bool done = wf_keep_stamp(state_context, store, &sudo, 1234, &result, NULL) == WF_OK;
    wf_store_free(store);
    key_folder_find(state_folder, "stamp-", left, sizeof(left));
    return done && left[0] == '\0' && result.mark[0] == '\0';
}

static void test_terminal(void **state)
{
    (void)state;
    start(KEEPS);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(setsid() > 0 && has_no_terminal() ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(state_at_terminal(fails_on_a_full_disk));
    assert_true(state_at_terminal(fails_without_proc));
    assert_true(state_at_terminal(stamps_terminal));
}

/* What the provider said is kept where a service bridges outages with it, and only as far as there
 * is room. */
#define OTHER                                                                                      \
    "[provider other]\ntype = workfront\nurl = https://other.my.workfront.com\n"                   \
    "client_id = cid\nredirect_uri = https://login.acme.example/code\n"
#define GRACE "flow = refresh, code\nmax_age = 15m\ngrace = 1h\n"
static const struct {
    const char *name;
    const char *more;
    size_t bytes; /* of the claims */
    bool kept;
    bool alone; /* there is no other section */
} words[] = {
    {"grace in the only section", "[service sshd]\n" GRACE, 100, true, true},
    {"grace", KEEPS "[service su]\n" GRACE, 100, true, false},
    {"grace of the first section", "[service su]\n" GRACE KEEPS, 100, true, false},
    {"no grace", KEEPS, 100, false, false},
    {"another provider's grace", KEEPS OTHER "[service su]\nprovider = other\n" GRACE, 100, false, false},
    {"the most", KEEPS "[service su]\n" GRACE, 16384, true, false},
    {"too much", KEEPS "[service su]\n" GRACE, 16385, false, false},
};

static void test_words(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {TOKENS, ALICE};
    static char value[16385];
    struct wf_result result;

    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
        struct json_t *claims = wf_json_new();
        struct wf_refresh refresh;
        struct wf_store *store = NULL;
        start(words[i].more);
        if (words[i].alone)
            state_load_whole(STATEFUL_PROVIDER, words[i].more);
        assert_int_equal(sign_in(&ssh, script, 2, &result, NULL), WF_OK);
        store = state_store();
        wf_context_refresh(state_context, &refresh);
        refresh.provider = state_acme();
        refresh.store = store;
        memset(value, 'x', sizeof(value));
        value[words[i].bytes - strlen("{\"ID\":\"\"}")] = '\0';
        assert_true(wf_json_set_string(claims, "ID", value));
        assert_int_equal(
            wf_keep_word(state_context, &refresh, "alice", "id-1", claims, NULL), WF_OK);
        struct wf_record *record = state_record();
        bool kept = record->claims != NULL && strlen(record->claims) == words[i].bytes;
        if (kept != words[i].kept)
            fail_msg("%s: %s", words[i].name, record->claims);
        /* And is what the sign-in heard, to begin with */
        if (strstr(words[i].more, "su]\n" GRACE) != NULL && !words[i].kept &&
            (record->claims == NULL) != (strstr(words[i].more, OTHER) != NULL))
            fail_msg("%s: after the sign-in: %s", words[i].name, record->claims);
        wf_record_free(record);
        memory_is_short = true;
        assert_int_equal(wf_keep_word(state_context, &refresh, "alice", "id-1", claims, NULL),
                         strstr(words[i].name, "no grace") != NULL ||
                                 strstr(words[i].name, "another") != NULL
                             ? WF_OK
                             : WF_INTERNAL);
        memory_is_short = false;
        wf_json_free(claims);
        wf_store_free(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_account),   cmocka_unit_test(test_no_account),
        cmocka_unit_test(test_nothing_kept),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_full_disk), cmocka_unit_test(test_open_folder),
        cmocka_unit_test(test_person),    cmocka_unit_test(test_no_subject), cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, state_setup, state_teardown);
}
