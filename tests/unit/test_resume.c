/*
 * Silent sign-in: who is let in without a prompt, who is asked, who is refused. A session, a time
 * stamp and the provider's answers are given; each row differs in one thing from one that is let
 * in. What is bound to a process is bound to this test's own, or to one that is not above it.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fulldisk.h"
#include "pin.h"
#include "stateful.h"
#include "stamp.h"
#include "wfauth.h"

#define MAX_AGE 900
#define SUDO "[service sudo]\nflow = refresh, code\nmax_age = 15m\n"
#define GRACE SUDO "grace = 1h\n"

/* The effective user, as this process pretends */
static bool is_person;
uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
    return is_person ? 1000 : __real_geteuid();
}

/* How many more times passwd does not answer */
static unsigned passwd_fails;
enum wf_reason __real_wf_user_find(const char *name, bool *ret_known, uid_t *ret_uid,
                                   struct wf_err *err);
enum wf_reason __wrap_wf_user_find(const char *name, bool *ret_known, uid_t *ret_uid,
                                   struct wf_err *err);
enum wf_reason __wrap_wf_user_find(const char *name, bool *ret_known, uid_t *ret_uid,
                                   struct wf_err *err)
{
    if (passwd_fails > 0) {
        passwd_fails--;
        return wf_fail(err, WF_UNREACHABLE, "the name service fails");
    }
    return __real_wf_user_find(name, ret_known, ret_uid, err);
}

/* So is the stamp's */
enum wf_reason __real_wf_keep_stamp(const struct wf_context *context, const struct wf_store *store,
                                    const struct wf_request *request, int64_t signed_in,
                                    struct wf_result *ret_result, struct wf_err *err);
enum wf_reason __wrap_wf_keep_stamp(const struct wf_context *context, const struct wf_store *store,
                                    const struct wf_request *request, int64_t signed_in,
                                    struct wf_result *ret_result, struct wf_err *err);
enum wf_reason __wrap_wf_keep_stamp(const struct wf_context *context, const struct wf_store *store,
                                    const struct wf_request *request, int64_t signed_in,
                                    struct wf_result *ret_result, struct wf_err *err)
{
    if (disk_is_full)
        return wf_fail(err, WF_CONFIG, "No space left on device for a stamp");
    return __real_wf_keep_stamp(context, store, request, signed_in, ret_result, err);
}

enum stamped {
    HERE,
    ELSEWHERE, /* in the session of a process that lives, and that this one does not descend from */
    NOWHERE,
};

/* The host before somebody knocks; what is 0 is as in a host that lets alice in. */
struct host {
    const char *more;        /* configuration */
    enum stamped stamped;
    int64_t age;             /* of the stamp, in seconds */
    const char *stamp_of;    /* the stamp's subject */
    bool no_session;
    bool ended;              /* the session has */
    const char *session_of;  /* the session's subject */
    int64_t session_age;     /* since the person signed in by themselves */
    int64_t token_age;       /* since the access token came; it is good for an hour */
    bool no_refresh;         /* the session has no refresh token */
    int64_t confirmed;       /* seconds ago; with claims */
    const char *claims;
    int64_t idle_expires;    /* seconds from now; -1: just now */
    int64_t absolute_expires;
    int64_t uid;
    int64_t refreshing;      /* seconds ago: an answer was lost */
    const char *pinned_to;
};

static void put_session(const struct host *host)
{
    struct wf_store *store = state_store();
    struct wf_record *record = wf_record_new(state_acme(), "alice",
                                             host->session_of == NULL ? "id-1" : host->session_of);

    assert_non_null(record);
    record->access = wf_secret_new("a1", 2);
    record->refresh = host->no_refresh ? NULL : wf_secret_new("r1", 2);
    record->signed_in = state_now - host->session_age;
    record->uid = host->uid;
    record->obtained = state_now - host->token_age;
    record->access_expires = record->obtained + 3600;
    record->idle_expires = host->idle_expires == 0 ? 0 : state_now + 1 + host->idle_expires;
    record->refreshing = host->refreshing == 0 ? 0 : state_now - host->refreshing;
    record->absolute_expires = host->absolute_expires == 0 ? 0 : state_now + 1 + host->absolute_expires;
    record->claims = host->claims == NULL ? NULL : strdup(host->claims);
    record->confirmed = state_now - host->confirmed;
    if (host->ended)
        assert_true(wf_record_end(record, state_now, "invalid_grant"));
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    wf_record_free(record);
    wf_store_free(store);
}

static void put_stamp(const struct host *host)
{
    struct wf_store *store = state_store();
    struct wf_stamp stamp = {.provider = "acme", .user = "alice"};

    stamp.signed_in = state_now - host->age;
    (void)snprintf(stamp.subject, sizeof(stamp.subject), "%s",
                   host->stamp_of == NULL ? "id-1" : host->stamp_of);
    assert_int_equal(wf_anchor_process(&stamp.anchor, NULL), WF_OK);
    if (host->stamped == ELSEWHERE)
        stamp.anchor.start++;
    assert_int_equal(wf_stamp_put(store, &stamp, NULL), WF_OK);
    wf_store_free(store);
}

static void put_pin(const char *subject)
{
    struct wf_store *store = state_store();
    struct wf_span span = {subject, strlen(subject)};

    assert_int_equal(wf_pin_hold(store, state_acme(), "alice", span, state_now, NULL), WF_OK);
    wf_store_free(store);
}

static void prepare(const struct host *host)
{
    is_person = false;
    disk_is_full = false;
    key_folder_empty(state_folder);
    state_load(host->more == NULL ? SUDO : host->more);
    if (!host->no_session)
        put_session(host);
    if (host->stamped != NOWHERE)
        put_stamp(host);
    if (host->pinned_to != NULL)
        put_pin(host->pinned_to);
}

#define ALICE STATEFUL_PERSON("id-1", "alice", "true")
#define CLOSED STATEFUL_PERSON("id-1", "alice", "false")
#define OTHER STATEFUL_PERSON("id-2", "alice", "true")
#define RENAMED STATEFUL_PERSON("id-1", "alicia", "true")
#define NEW STATEFUL_TOKENS("a2", "r2")
#define DOWN {.reason = WF_UNREACHABLE}
#define CLAIMS "{\"ID\":\"id-1\",\"username\":\"alice@acme.example\"}"

static const struct {
    const char *name;
    struct host host;
    struct fake_answer script[4];
    enum wf_proof proof;
    const char *service;
    const char *user;
    enum wf_reason reason;
    size_t requests;
    bool tombstone; /* afterwards */
} rows[] = {
    {"sudo, in the session that signed in", {0}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_OK, 1, false},
    {"ssh, behind a key", {.stamped = NOWHERE}, {ALICE}, WF_PROOF_METHOD, "sudo", "alice", WF_OK, 1, false},
    /* Nobody is let in by a stored token alone: ask */
    {"no proof", {0}, {ALICE}, WF_PROOF_NONE, "sudo", "alice", WF_PENDING, 0, false},
    {"no stamp", {.stamped = NOWHERE}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, false},
    {"another session's stamp", {.stamped = ELSEWHERE}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, false},
    {"another person's stamp", {.stamp_of = "id-2"}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, false},
    {"another person's session", {.session_of = "id-2"}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, false},
    {"another user", {0}, {ALICE}, WF_PROOF_CALLER, "sudo", "bob", WF_PENDING, 0, false},
    {"no session", {.no_session = true}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, false},
    {"a tombstone", {.ended = true}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, true},
    {"a service without it", {0}, {ALICE}, WF_PROOF_CALLER, "su", "alice", WF_PENDING, 0, false},
    {"a service of another flow", {.more = SUDO "[service su]\nflow = code\nmax_age = 15m\n"}, {ALICE}, WF_PROOF_CALLER, "su", "alice", WF_PENDING, 0, false},
    /* max_age: of the stamp under sudo, of the sign-in behind a key */
    {"a second before max_age", {.age = MAX_AGE - 1}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_OK, 1, false},
    {"at max_age", {.age = MAX_AGE}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, false},
    {"stamped by a clock that was ahead a little", {.age = -300}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_OK, 1, false},
    {"stamped by a clock that was ahead", {.age = -301}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, false},
    {"sudo goes by the stamp", {.session_age = 9 * MAX_AGE}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_OK, 1, false},
    {"ssh a second before max_age", {.session_age = MAX_AGE - 1}, {ALICE}, WF_PROOF_METHOD, "sudo", "alice", WF_OK, 1, false},
    {"ssh at max_age", {.session_age = MAX_AGE}, {ALICE}, WF_PROOF_METHOD, "sudo", "alice", WF_PENDING, 0, false},
    {"ssh, no session", {.no_session = true}, {ALICE}, WF_PROOF_METHOD, "sudo", "alice", WF_PENDING, 0, false},
    /* What the provider says */
    {"inactive", {0}, {CLOSED}, WF_PROOF_CALLER, "sudo", "alice", WF_INACTIVE, 1, true},
    {"dead before its time, and refreshed", {0}, {STATEFUL_DEAD, NEW, ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_OK, 3, false},
    {"dead before its time, and for good", {0}, {STATEFUL_DEAD, STATEFUL_GRANT_ENDED}, WF_PROOF_CALLER, "sudo", "alice", WF_INACTIVE, 2, true},
    {"dead, refreshed, dead", {0}, {STATEFUL_DEAD, NEW, STATEFUL_DEAD}, WF_PROOF_CALLER, "sudo", "alice", WF_INACTIVE, 3, true},
    {"dead, refreshed, inactive", {0}, {STATEFUL_DEAD, NEW, CLOSED}, WF_PROOF_CALLER, "sudo", "alice", WF_INACTIVE, 3, true},
    {"token due", {.token_age = 3590}, {NEW, ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_OK, 2, false},
    {"token due, ended by somebody", {.token_age = 3590}, {STATEFUL_GRANT_ENDED}, WF_PROOF_CALLER, "sudo", "alice", WF_INACTIVE, 1, true},
    {"ended by somebody, some time before its own end", {.token_age = 3590, .idle_expires = 60}, {STATEFUL_GRANT_ENDED}, WF_PROOF_CALLER, "sudo", "alice", WF_INACTIVE, 1, true},
    {"token due, and the session has had its time", {.token_age = 3590, .idle_expires = -1}, {STATEFUL_GRANT_ENDED}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 1, true},
    {"a second before its end", {.token_age = 3590, .idle_expires = 0 + 1}, {STATEFUL_GRANT_ENDED}, WF_PROOF_CALLER, "sudo", "alice", WF_INACTIVE, 1, true},
    {"token due, and the session has had all its time", {.token_age = 3590, .absolute_expires = -1}, {STATEFUL_GRANT_ENDED}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 1, true},
    {"some time before all its time", {.token_age = 3590, .absolute_expires = 60}, {STATEFUL_GRANT_ENDED}, WF_PROOF_CALLER, "sudo", "alice", WF_INACTIVE, 1, true},
    {"token due, and an answer was lost before", {.token_age = 3590, .refreshing = 60}, {STATEFUL_GRANT_ENDED}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 1, true},
    {"token over, and none to refresh it", {.token_age = 3601, .no_refresh = true}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, false},
    {"client refused", {.token_age = 3590}, {STATEFUL_DEAD}, WF_PROOF_CALLER, "sudo", "alice", WF_CONFIG, 1, false},
    {"somebody else's session by now", {0}, {OTHER}, WF_PROOF_CALLER, "sudo", "alice", WF_IDENTITY, 1, false},
    {"renamed", {0}, {RENAMED}, WF_PROOF_CALLER, "sudo", "alice", WF_IDENTITY, 1, false},
    {"denied", {.more = SUDO "deny_users = alice\n"}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_DENIED, 1, false},
    {"group required", {.more = SUDO "require = homeGroupID:g1\n"}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_DENIED, 1, false},
    {"uid out of bounds", {.more = SUDO "min_uid = 1001\n"}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_IDENTITY, 1, false},
    {"pinned to this person", {.pinned_to = "id-1"}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_OK, 1, false},
    {"pinned to somebody else", {.pinned_to = "id-2"}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_IDENTITY, 1, false},
    /* Outages */
    {"the same account", {.uid = 1000}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_OK, 1, false},
    {"an account made anew", {.uid = 1001}, {ALICE}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, false},
    {"an account made anew, behind a key", {.uid = 999}, {ALICE}, WF_PROOF_METHOD, "sudo", "alice", WF_PENDING, 0, false},
    {"no answer", {0}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_UNREACHABLE, 1, false},
    {"500", {0}, {{.status = 500}}, WF_PROOF_CALLER, "sudo", "alice", WF_UNREACHABLE, 1, false},
    {"429", {0}, {{.status = 429}}, WF_PROOF_CALLER, "sudo", "alice", WF_UNREACHABLE, 1, false},
    {"no answer to a refresh", {.token_age = 3601}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_UNREACHABLE, 1, false},
    {"no answer, words of before, no grace", {.claims = CLAIMS}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_UNREACHABLE, 1, false},
    {"no answer, in grace", {.more = GRACE, .claims = CLAIMS, .confirmed = 3599}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_OK, 1, false},
    {"no answer to a refresh, in grace", {.more = GRACE, .claims = CLAIMS, .token_age = 3601}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_OK, 1, false},
    {"no answer, after grace", {.more = GRACE, .claims = CLAIMS, .confirmed = 3600}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_UNREACHABLE, 1, false},
    {"no answer, words of the future", {.more = GRACE, .claims = CLAIMS, .confirmed = -301}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_UNREACHABLE, 1, false},
    {"no answer, grace, no words", {.more = GRACE}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_UNREACHABLE, 1, false},
    {"no answer, grace, broken words", {.more = GRACE, .claims = "{"}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_UNREACHABLE, 1, false},
    {"no answer, grace, not allowed any more", {.more = GRACE "deny_users = alice\n", .claims = CLAIMS}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_DENIED, 1, false},
    {"no answer, grace, pinned to somebody else", {.more = GRACE, .claims = CLAIMS, .pinned_to = "id-2"}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_IDENTITY, 1, false},
    {"inactive, whatever the grace", {.more = GRACE, .claims = CLAIMS}, {CLOSED}, WF_PROOF_CALLER, "sudo", "alice", WF_INACTIVE, 1, true},
    {"ended, whatever the grace", {.more = GRACE, .claims = CLAIMS}, {STATEFUL_DEAD, STATEFUL_GRANT_ENDED}, WF_PROOF_CALLER, "sudo", "alice", WF_INACTIVE, 2, true},
    {"in grace, but too old", {.more = GRACE, .claims = CLAIMS, .age = MAX_AGE}, {DOWN}, WF_PROOF_CALLER, "sudo", "alice", WF_PENDING, 0, false},
};

static enum wf_reason resume(const char *service, const char *user, enum wf_proof proof,
                             struct wf_result *ret, struct wf_err *err)
{
    const struct wf_request request = {
        .service = service, .user = user, .rhost = "192.0.2.1", .proof = proof, .pins = true};

    return wf_resume(state_context, &request, ret, err);
}

#define LINE                                                                                       \
    "silent-sign-in service=\"sudo\" user=\"alice\" rhost=\"192.0.2.1\" provider=\"acme\" "            \
    "subject=\"id-"

static unsigned count(const char *text)
{
    unsigned n = 0;

    for (const char *at = strstr(key_log, text); at != NULL; at = strstr(at + 1, text))
        n++;
    return n;
}

static void test_rows(void **state)
{
    (void)state;
    if (__real_geteuid() != 0)
        skip(); /* root's folder alone counts */
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_result result;
        prepare(&rows[i].host);
        fake_door_script(rows[i].script, 4);
        enum wf_reason reason =
            resume(rows[i].service, rows[i].user, rows[i].proof, &result, &err);
        if (reason != rows[i].reason || result.reason != reason)
            fail_msg("%s: %s (%s)\n%s", rows[i].name, wf_reason_name(reason), err.text, key_log);
        if (fake_door_count() != rows[i].requests)
            fail_msg("%s: %zu requests", rows[i].name, fake_door_count());
        if (count(" verdict=") != (reason == WF_PENDING ? 0 : 1))
            fail_msg("%s: audit lines:\n%s", rows[i].name, key_log);
        bool proven = reason == WF_OK || reason == WF_INACTIVE || reason == WF_DENIED;
        if (strcmp(result.user, proven ? "alice" : "") != 0)
            fail_msg("%s: user \"%s\"", rows[i].name, result.user);
        if (reason != WF_OK && err.text[0] == '\0')
            fail_msg("%s: says \"%s\"", rows[i].name, err.text);
        if (reason != WF_PENDING && strstr(key_log, LINE) == NULL)
            fail_msg("%s: audit line:\n%s", rows[i].name, key_log);
        if ((result.mark[0] != '\0') != (reason == WF_OK && rows[i].proof == WF_PROOF_METHOD))
            fail_msg("%s: mark \"%s\"", rows[i].name, result.mark);
        struct wf_record *record = state_record();
        if ((record != NULL && record->ended != 0) != rows[i].tombstone)
            fail_msg("%s: tombstone", rows[i].name);
        wf_record_free(record);
        if (strstr(key_log, "a1") != NULL || strstr(key_log, "r1") != NULL)
            fail_msg("%s: a token in the log:\n%s", rows[i].name, key_log);
    }
}

#define IN_GROUP                                                                                   \
    "{\"ID\":\"id-1\",\"username\":\"alice@acme.example\",\"homeGroupID\":\"g1\"}"

/* The last word is the one that holds in an outage, also where it is a worse one. */
static void test_worse_word(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        struct fake_answer script[2];
        enum wf_reason reason;
    } words[] = {
        {GRACE "require = homeGroupID:g1\n", {ALICE, DOWN}, WF_DENIED},
        {GRACE, {RENAMED, DOWN}, WF_IDENTITY},
        {GRACE, {OTHER, DOWN}, WF_IDENTITY},
    };
    static const struct fake_answer down[] = {DOWN};
    struct wf_result result;

    if (__real_geteuid() != 0)
        skip();
    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
        const struct host host = {.more = words[i].more, .claims = IN_GROUP};
        prepare(&host);
        fake_door_script(down, 1);
        assert_int_equal(resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL), WF_OK);
        prepare(&host);
        fake_door_script(words[i].script, 2);
        for (int time = 0; time < 2; time++)
            assert_int_equal(resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL),
                             words[i].reason);
        assert_int_equal(fake_door_count(), 2);
    }
}

static const char *failure;
static int64_t failed;
static enum wf_reason failed_as;
static int64_t rest;

static void note_failure(void)
{
    struct wf_record *record = state_record();
    struct wf_store *store = state_store();

    record->failure = failure == NULL ? NULL : strdup(failure);
    record->failed = failed;
    record->failed_as = failed_as;
    record->rest = rest;
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    wf_record_free(record);
    wf_store_free(store);
}

static void forget(void)
{
    struct wf_store *store = state_store();
    bool existed = false;

    assert_int_equal(wf_store_remove(store, "acme", "alice", &existed, NULL), WF_OK);
    wf_store_free(store);
}

/* That somebody has the record to themselves is no outage of the provider's, unless they met one. */
static void test_busy(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*meanwhile)(void);
        const char *failure;
        int64_t age; /* of the failure, in seconds */
        enum wf_reason failed_as;
        enum wf_reason reason;
        int64_t rest;
    } cases[] = {
        {"no failure", note_failure, NULL, STATEFUL_NOW, WF_OK, WF_UNREACHABLE, 0},
        {"one that was got over", note_failure, NULL, 0, WF_UNREACHABLE, WF_UNREACHABLE, 0},
        {"one meanwhile", note_failure, "timed out", 0, WF_UNREACHABLE, WF_OK, 0},
        {"one of just before", note_failure, "timed out", WF_RECORD_REST, WF_UNREACHABLE, WF_OK, 0},
        {"an old one", note_failure, "timed out", WF_RECORD_REST + 1, WF_UNREACHABLE, WF_UNREACHABLE, 0},
        {"in a longer rest", note_failure, "timed out", 60, WF_UNREACHABLE, WF_OK, 60},
        {"after it", note_failure, "timed out", 61, WF_UNREACHABLE, WF_UNREACHABLE, 60},
        {"a fault of ours", note_failure, "timed out", 0, WF_CONFIG, WF_UNREACHABLE, 0},
        {"the session is forgotten", forget, NULL, 0, WF_OK, WF_UNREACHABLE, 0},
    };
    struct wf_result result;

    if (__real_geteuid() != 0)
        skip();
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        prepare(&(struct host){.more = GRACE, .claims = CLAIMS});
        failure = cases[i].failure;
        failed = state_now - cases[i].age;
        failed_as = cases[i].failed_as;
        rest = cases[i].rest;
        state_busy = cases[i].meanwhile;
        if (resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL) != cases[i].reason)
            fail_msg("%s: %s", cases[i].name, key_log);
        assert_int_equal(count("grace goes by"), cases[i].reason == WF_OK);
        assert_int_equal(fake_door_count(), 0);
    }
    state_busy = NULL;
}

/* That passwd does not answer is no outage of the provider's: it has just given its word. */
static void test_no_passwd(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {ALICE};
    struct wf_result result;

    if (__real_geteuid() != 0)
        skip();
    prepare(&(struct host){.more = GRACE, .claims = IN_GROUP});
    fake_door_script(script, 1);
    passwd_fails = 1;
    assert_int_equal(resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL), WF_UNREACHABLE);
    assert_int_equal(passwd_fails, 0);
}

/* The provider's word counts, whether it can be kept or not. */
static void test_full_disk(void **state)
{
    (void)state;
    static const struct fake_answer open[] = {ALICE};
    static const struct fake_answer closed[] = {CLOSED};
    struct wf_result result;

    if (__real_geteuid() != 0)
        skip();
    for (int i = 0; i < 2; i++) {
        prepare(&(struct host){.more = GRACE, .stamped = NOWHERE, .pinned_to = "id-1"});
        fake_door_script(i == 0 ? open : closed, 1);
        disk_is_full = true;
        assert_int_equal(resume("sudo", "alice", WF_PROOF_METHOD, &result, NULL),
                         i == 0 ? WF_OK : WF_INACTIVE);
        disk_is_full = false;
        /* Of an open account neither the word nor the stamp, of a closed one no tombstone */
        assert_int_equal(count("No space left on device"), i == 0 ? 2 : 1);
        assert_string_equal(result.mark, "");
    }
    prepare(&(struct host){.more = GRACE});
    fake_door_script(open, 1);
    assert_int_equal(resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL), WF_OK);
    assert_int_equal(count("cannot"), 0);
}

/* A sudo that was silent is no new sign-in: its terminal has no stamp of its own. */
static bool is_silent(void)
{
    static const struct fake_answer script[] = {ALICE};
    char first[512];
    char last[512];
    struct wf_result result;

    fake_door_script(script, 1);
    if (resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL) != WF_OK)
        return false;
    key_folder_find(state_folder, "stamp-", last, sizeof(last));
    (void)snprintf(first, sizeof(first), "%s", last);
    assert_int_equal(unlink(first), 0);
    key_folder_find(state_folder, "stamp-", last, sizeof(last));
    return last[0] == '\0';
}

static void test_terminal(void **state)
{
    (void)state;
    if (__real_geteuid() != 0)
        skip();
    prepare(&(struct host){0});
    assert_true(state_at_terminal(is_silent));
}

static void test_no_service(void **state)
{
    (void)state;
    struct wf_result result = {.reason = WF_OK, .user = "alice", .mark = "x"};

    state_load_whole(STATEFUL_PROVIDER, SUDO);
    assert_int_equal(resume("su", "alice", WF_PROOF_CALLER, &result, NULL), WF_CONFIG);
    assert_string_equal(result.user, "");
    assert_string_equal(result.mark, "");
}

/* A process without root's rights believes no stamp: whoever it runs as could have written it. */
static void test_person(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {ALICE};
    struct wf_result result;

    if (__real_geteuid() != 0)
        skip();
    prepare(&(struct host){0});
    fake_door_script(script, 1);
    is_person = true;
    assert_int_equal(resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL), WF_PENDING);
    assert_int_equal(fake_door_count(), 0);
    is_person = false;
    assert_int_equal(resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL), WF_OK);
}

/* Whoever has proven nothing does not make root's folder be looked at. */
static void test_knock(void **state)
{
    (void)state;
    struct wf_result result;

    if (__real_geteuid() != 0)
        skip();
    prepare(&(struct host){0});
    assert_int_equal(chmod(state_folder, 0755), 0);
    assert_int_equal(resume("sudo", "alice", WF_PROOF_NONE, &result, NULL), WF_PENDING);
    assert_int_equal(resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL), WF_CONFIG);
    assert_int_equal(chmod(state_folder, 0700), 0);
}

/* The session that sshd opens next is one of the person who signed in then, and no later. */
static void test_mark(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {ALICE};
    struct wf_result result;
    struct wf_stamp stamp;

    if (__real_geteuid() != 0)
        skip();
    prepare(&(struct host){.stamped = NOWHERE, .session_age = 100});
    fake_door_script(script, 1);
    assert_int_equal(resume("sudo", "alice", WF_PROOF_METHOD, &result, NULL), WF_OK);
    assert_int_equal(strlen(result.mark), WF_MARK_SIZE - 1);
    assert_null(strstr(key_log, result.mark));
    struct wf_store *store = state_store();
    assert_int_equal(
        wf_stamp_claim(store, "acme", "alice", result.mark, state_now, &stamp, NULL), WF_OK);
    assert_int_equal(stamp.signed_in, STATEFUL_NOW - 100);
    assert_string_equal(stamp.subject, "id-1");
    wf_store_free(store);
}

/* A word that the provider gives is there for the next outage, where a service has grace. */
static void test_word(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {ALICE, DOWN};
    struct wf_result result;

    if (__real_geteuid() != 0)
        skip();
    prepare(&(struct host){.more = GRACE, .age = 0});
    fake_door_script(script, 2);
    assert_int_equal(resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL), WF_OK);
    state_now += 60;
    assert_int_equal(resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL), WF_OK);
    assert_non_null(strstr(key_log, "60 s ago"));
    /* Two verdicts and a warning */
    assert_int_equal(count("\n"), 3);
    /* And is not kept for nothing */
    prepare(&(struct host){0});
    fake_door_script(script, 1);
    assert_int_equal(resume("sudo", "alice", WF_PROOF_CALLER, &result, NULL), WF_OK);
    struct wf_record *record = state_record();
    assert_null(record->claims);
    wf_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_worse_word),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_no_passwd), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_terminal),  cmocka_unit_test(test_no_service),
        cmocka_unit_test(test_person),
        cmocka_unit_test(test_knock),
        cmocka_unit_test(test_mark),
        cmocka_unit_test(test_word),
    };

    return cmocka_run_group_tests(tests, state_setup, state_teardown);
}
