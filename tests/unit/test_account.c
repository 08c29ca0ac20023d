/*
 * The account phase where people come in by a key: what is asked about them, and who is refused.
 * Each row differs in one thing from one that passes.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>

#include "folder.h"
#include "stateful.h"
#include "wfauth.h"

#define YES "[service sshd]\naccount_check = yes\n"
#define KNOWN "[service sshd]\naccount_check = known\n"
#define NO "[service sshd]\naccount_check = no\n"
#define GRACE YES "grace = 1h\n"
#define CLAIMS "{\"ID\":\"id-1\",\"username\":\"alice@acme.example\"}"
#define ALICE STATEFUL_PERSON("id-1", "alice", "true")
#define CLOSED STATEFUL_PERSON("id-1", "alice", "false")
#define DOWN {.reason = WF_UNREACHABLE}

#define FOUND(verdict)                                                                             \
    (const struct wf_result)                                                                       \
    {                                                                                              \
        .reason = (verdict), .user = "alice", .provider = "acme", .subject = "found"               \
    }

enum kept {
    SESSION,
    NONE,
    ANOTHER, /* a session of an account that was made anew since */
    TOMBSTONE,
};

static const struct {
    const char *name;
    const char *more;
    enum kept kept;
    const char *user;
    const struct wf_result *found;
    struct fake_answer script[3];
    enum wf_reason reason;
    bool opinion;
    size_t requests;
    enum kept after;
} rows[] = {
    {"active", YES, SESSION, "alice", NULL, {ALICE}, WF_OK, true, 1, SESSION},
    {"active and known", KNOWN, SESSION, "alice", NULL, {ALICE}, WF_OK, true, 1, SESSION},
    {"not asked about", NO, SESSION, "alice", NULL, {ALICE}, WF_OK, false, 0, SESSION},
    {"never signed in", YES, NONE, "alice", NULL, {ALICE}, WF_DENIED, true, 0, NONE},
    {"never signed in, and that may be", KNOWN, NONE, "alice", NULL, {ALICE}, WF_OK, false, 0, NONE},
    {"never signed in, not asked about", NO, NONE, "alice", NULL, {ALICE}, WF_OK, false, 0, NONE},
    {"a tombstone", YES, TOMBSTONE, "alice", NULL, {ALICE}, WF_INACTIVE, true, 0, TOMBSTONE},
    {"known by a tombstone", KNOWN, TOMBSTONE, "alice", NULL, {ALICE}, WF_INACTIVE, true, 0, TOMBSTONE},
    {"inactive", YES, SESSION, "alice", NULL, {CLOSED}, WF_INACTIVE, true, 1, TOMBSTONE},
    {"known, and inactive", KNOWN, SESSION, "alice", NULL, {CLOSED}, WF_INACTIVE, true, 1, TOMBSTONE},
    {"ended", YES, SESSION, "alice", NULL, {STATEFUL_DEAD, STATEFUL_GRANT_ENDED}, WF_INACTIVE, true, 2, TOMBSTONE},
    {"known, and ended", KNOWN, SESSION, "alice", NULL, {STATEFUL_DEAD, STATEFUL_GRANT_ENDED}, WF_INACTIVE, true, 2, TOMBSTONE},
    {"another person's by now", YES, SESSION, "alice", NULL, {STATEFUL_PERSON("id-2", "alice", "true")}, WF_IDENTITY, true, 1, SESSION},
    {"renamed", YES, SESSION, "alice", NULL, {STATEFUL_PERSON("id-1", "alicia", "true")}, WF_IDENTITY, true, 1, SESSION},
    {"an account made anew", YES, ANOTHER, "alice", NULL, {ALICE}, WF_INACTIVE, true, 0, SESSION},
    {"known, an account made anew", KNOWN, ANOTHER, "alice", NULL, {ALICE}, WF_INACTIVE, true, 0, SESSION},
    {"not allowed", YES "require = homeGroupID:g1\n", SESSION, "alice", NULL, {ALICE}, WF_DENIED, true, 1, SESSION},
    {"denied by name: nobody is asked", YES "deny_users = alice\n", SESSION, "alice", NULL, {ALICE}, WF_DENIED, true, 0, SESSION},
    {"no answer", YES, SESSION, "alice", NULL, {DOWN}, WF_UNREACHABLE, true, 1, SESSION},
    {"known, no answer", KNOWN, SESSION, "alice", NULL, {DOWN}, WF_UNREACHABLE, true, 1, SESSION},
    {"no answer, in grace", GRACE, SESSION, "alice", NULL, {DOWN}, WF_OK, true, 1, SESSION},
    /* Who could never sign in here is none of the provider's people */
    {"root", YES, NONE, "root", NULL, {ALICE}, WF_OK, false, 0, NONE},
    {"root, with the bounds open", YES "min_uid = 0\n", NONE, "root", NULL, {ALICE}, WF_DENIED, true, 0, NONE},
    {"a system account", YES, NONE, "cyrus", NULL, {ALICE}, WF_OK, false, 0, NONE},
    {"nobody's name", YES, NONE, "mallory", NULL, {ALICE}, WF_OK, false, 0, NONE},
    /* What the sign-in of the same dialogue found is not asked for again */
    {"found good", YES, NONE, "alice", &FOUND(WF_OK), {ALICE}, WF_OK, true, 0, NONE},
    {"found inactive", YES, SESSION, "alice", &FOUND(WF_INACTIVE), {ALICE}, WF_INACTIVE, true, 0, SESSION},
    {"found denied", YES, SESSION, "alice", &FOUND(WF_DENIED), {ALICE}, WF_DENIED, true, 0, SESSION},
    {"found no answer", YES, SESSION, "alice", &FOUND(WF_UNREACHABLE), {ALICE}, WF_IDENTITY, true, 0, SESSION},
    {"no name, and found nobody", YES, NONE, "", &(const struct wf_result){.reason = WF_EXPIRED}, {ALICE}, WF_OK, false, 0, NONE},
    {"found good, a name of one letter that has gone", YES, NONE, "b", &(const struct wf_result){.reason = WF_OK, .user = "b", .provider = "acme", .subject = "found"}, {ALICE}, WF_IDENTITY, true, 0, NONE},
    {"found nothing about this user", YES, SESSION, "alice", &(const struct wf_result){.reason = WF_OK, .user = "bob"}, {CLOSED}, WF_INACTIVE, true, 1, TOMBSTONE},
    {"found nobody", YES, SESSION, "alice", &(const struct wf_result){.reason = WF_EXPIRED}, {ALICE}, WF_OK, true, 1, SESSION},
};

static void put_session(enum kept kept)
{
    struct wf_store *store = state_store();
    struct wf_record *record = wf_record_new(state_acme(), "alice", "id-1");

    record->access = wf_secret_new("a1", 2);
    record->refresh = wf_secret_new("r1", 2);
    record->signed_in = state_now - 86400;
    record->obtained = state_now - 60;
    record->access_expires = state_now + 3600;
    record->claims = strdup(CLAIMS);
    record->confirmed = state_now - 60;
    record->uid = kept == ANOTHER ? 1001 : 1000;
    if (kept == TOMBSTONE)
        assert_true(wf_record_end(record, state_now, "invalid_grant"));
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    wf_record_free(record);
    wf_store_free(store);
}

static enum kept what_is_kept(void)
{
    struct wf_record *record = state_record();
    enum kept kept = record == NULL ? NONE : record->ended != 0 ? TOMBSTONE : SESSION;

    wf_record_free(record);
    return kept;
}

/* How the audit line of a row begins: who is meant, and of whom that much is known. */
static const char *line_of(size_t i)
{
    static char line[256];
    bool about = rows[i].found != NULL && rows[i].user[0] != '\0' && strcmp(rows[i].found->user, rows[i].user) == 0;
    bool asked = rows[i].kept != NONE && !about && rows[i].requests > 0;

    (void)snprintf(line, sizeof(line),
                   "account service=\"sshd\" user=\"%s\" rhost=\"192.0.2.1\"%s verdict=%s",
                   rows[i].user,
                   asked   ? " provider=\"acme\" subject=\"id-1\""
                   : about ? " provider=\"acme\" subject=\"found\""
                   : rows[i].kept == TOMBSTONE || rows[i].kept == ANOTHER ? " provider=\"acme\" subject=\"id-1\""
                   : rows[i].kept == NONE      ? " provider=\"acme\""
                                               : "",
                   rows[i].reason == WF_OK ? "accept" : "refuse");
    return line;
}

/* Files that are there and cannot be read */
static bool files_fail;
const char *__real_wf_folder_read(int in, const char *name, mode_t forbidden, struct wf_buf *out);
const char *__wrap_wf_folder_read(int in, const char *name, mode_t forbidden, struct wf_buf *out);
const char *__wrap_wf_folder_read(int in, const char *name, mode_t forbidden, struct wf_buf *out)
{
    if (!files_fail)
        return __real_wf_folder_read(in, name, forbidden, out);
    errno = ENFILE;
    return "scripted: too many open files";
}

/* Whether somebody has a session cannot be told: that is no reason to let them in. */
static void test_not_read(void **state)
{
    static const struct fake_answer script[] = {CLOSED};
    const struct wf_request request = {
        .service = "sshd", .user = "alice", .rhost = "192.0.2.1", .pins = true};
    bool opinion = false;

    (void)state;
    key_folder_empty(state_folder);
    state_load(KNOWN);
    put_session(SESSION);
    fake_door_script(script, 1);
    files_fail = true;
    enum wf_reason reason = wf_account_check(state_context, &request, NULL, &opinion, NULL);
    files_fail = false;
    assert_int_equal(reason, WF_INTERNAL);
    assert_true(opinion);
    assert_int_equal(what_is_kept(), SESSION);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        const struct wf_request request = {
            .service = "sshd", .user = rows[i].user, .rhost = "192.0.2.1", .pins = true};
        struct wf_err err = WF_ERR_INIT;
        bool opinion = !rows[i].opinion;
        key_folder_empty(state_folder);
        state_load(rows[i].more);
        if (rows[i].kept != NONE)
            put_session(rows[i].kept);
        fake_door_script(rows[i].script, 3);
        enum wf_reason reason =
            wf_account_check(state_context, &request, rows[i].found, &opinion, &err);
        if (reason != rows[i].reason || opinion != rows[i].opinion)
            fail_msg("%s: %s, opinion %d (%s)", rows[i].name, wf_reason_name(reason), opinion,
                     err.text);
        if (fake_door_count() != rows[i].requests)
            fail_msg("%s: %zu requests", rows[i].name, fake_door_count());
        if ((strstr(key_log, line_of(i)) != NULL) != rows[i].opinion)
            fail_msg("%s: audit line, not \"%s\":\n%s", rows[i].name, line_of(i), key_log);
        if (reason != WF_OK && err.text[0] == '\0')
            fail_msg("%s: says \"%s\"", rows[i].name, err.text);
        if (what_is_kept() != rows[i].after)
            fail_msg("%s: what is kept", rows[i].name);
        /* A closed account stays out, and nobody is asked again */
        if (reason == WF_INACTIVE && rows[i].found == NULL) {
            fake_door_script(rows[i].script, 3);
            assert_int_equal(wf_account_check(state_context, &request, NULL, &opinion, &err),
                             WF_INACTIVE);
            assert_int_equal(fake_door_count(), 0);
        }
    }
}

/* Whoever's session has ended is told so, whichever account has the name now. */
static void test_ended_and_made_anew(void **state)
{
    const struct wf_request request = {.service = "sshd", .user = "alice", .pins = true};
    struct wf_err err = WF_ERR_INIT;
    bool opinion = false;

    (void)state;
    key_folder_empty(state_folder);
    state_load(YES);
    put_session(TOMBSTONE);
    struct wf_store *store = state_store();
    struct wf_record *record = state_record();
    record->uid = 1001;
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    wf_record_free(record);
    wf_store_free(store);
    assert_int_equal(wf_account_check(state_context, &request, NULL, &opinion, &err), WF_INACTIVE);
    assert_true(opinion);
    assert_non_null(strstr(err.text, "invalid_grant"));
}

/* Where the folder cannot be used nobody knows anything, and that is no "yes". */
static void test_folder(void **state)
{
    (void)state;
    const struct wf_request request = {.service = "sshd", .user = "alice", .pins = true};
    static const struct fake_answer script[] = {ALICE};
    bool opinion = false;

    state_load(KNOWN);
    fake_door_script(script, 1);
    assert_int_equal(chmod(state_folder, 0777), 0);
    assert_int_equal(wf_account_check(state_context, &request, NULL, &opinion, NULL), WF_CONFIG);
    assert_true(opinion);
    assert_int_equal(chmod(state_folder, 0700), 0);
    fake_passwd_number = 5; /* EIO */
    assert_int_equal(wf_account_check(state_context, &request, NULL, &opinion, NULL),
                     WF_UNREACHABLE);
    assert_true(opinion);
}

/* Without a section there is no service, whatever was found. */
static void test_no_service(void **state)
{
    (void)state;
    const struct wf_request request = {.service = "su", .user = "alice", .pins = true};
    struct wf_err err = WF_ERR_INIT;
    bool opinion = false;

    state_load_whole(STATEFUL_PROVIDER, YES);
    assert_int_equal(wf_account_check(state_context, &request, &FOUND(WF_OK), &opinion, &err),
                     WF_CONFIG);
    assert_true(opinion);
    opinion = false;
    assert_int_equal(wf_account_check(state_context, &request, NULL, &opinion, NULL), WF_CONFIG);
    assert_true(opinion);
}

/* Denied by name and found good: the name counts. */
static void test_denied_after_sign_in(void **state)
{
    (void)state;
    const struct wf_request request = {.service = "sshd", .user = "alice", .pins = true};
    bool opinion = false;

    state_load("[service sshd]\ndeny_users = alice\n");
    assert_int_equal(wf_account_check(state_context, &request, &FOUND(WF_OK), &opinion, NULL),
                     WF_DENIED);
    assert_true(opinion);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_not_read),
        cmocka_unit_test(test_ended_and_made_anew),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_no_service),
        cmocka_unit_test(test_denied_after_sign_in),
    };

    return cmocka_run_group_tests(tests, state_setup, state_teardown);
}
