/* A person's own sessions: what is asked, what is kept, what is told to the provider at the end.
 * passwd and the folder are this file's own. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sessioncase.h"

static char machine[1024];

static void test_prompt(void **state)
{
    (void)state;
    struct wf_session *session = begin();
    const char *prompt = wf_session_prompt_borrow(session, true);

    assert_non_null(strstr(prompt, "Sign in as alice on "));
    assert_non_null(strstr(prompt, "(wfauth)"));
    assert_non_null(strstr(prompt, "scope=offline_access"));
    assert_non_null(strstr(prompt, wf_session_address_borrow(session)));
#ifdef HAVE_QRENCODE
    assert_non_null(strstr(prompt, "\xe2\x96\x88"));
#endif
    assert_null(strstr(wf_session_prompt_borrow(session, false), "\xe2\x96\x88"));
    wf_session_free(session);
    load(ACME "[service wfauth]\nprovider = acme\nqr = no\n");
    session = begin();
    assert_null(strstr(wf_session_prompt_borrow(session, true), "\xe2\x96\x88"));
    wf_session_free(session);
    assert_int_equal(fake_door_count(), 0);
}

static const struct {
    const char *name;
    const char *answer;
    struct fake_answer answers[3];
    enum wf_reason reason;
    size_t requests;
    bool full;
    bool lasting;
    bool open;
} outcomes[] = {
    {"good", "code", {GOOD, USER("true")}, WF_OK, 2, false, true, false},
    {"no refresh token",
     "code",
     {{.status = 200, .body = "{" TOKENS "}"}, USER("true")},
     WF_OK,
     2,
     false,
     false,
     false},
    {"no answer", "", {GOOD}, WF_MALFORMED, 0, false, false, true},
    {"a code that is no good",
     "code",
     {{.status = 400, .body = "{\"error\":\"invalid_grant\"}"}},
     WF_EXPIRED,
     1,
     false,
     false,
     true},
    {"the client",
     "code",
     {{.status = 401, .body = "{\"error\":\"invalid_client\"}"}},
     WF_CONFIG,
     1,
     false,
     false,
     false},
    {"out of order", "code", {{.status = 503, .body = ""}}, WF_UNREACHABLE, 1, false, false, false},
    {"not active", "code", {GOOD, USER("false")}, WF_INACTIVE, 2, false, false, false},
    {"no look-up: given back",
     "code",
     {GOOD, {.status = 503, .body = ""}, LOGGED_OUT},
     WF_UNREACHABLE,
     3,
     false,
     false,
     false},
    {"a full disk: given back",
     "code",
     {GOOD, USER("true"), LOGGED_OUT},
     WF_CONFIG,
     3,
     true,
     false,
     false},
};

static void test_outcomes(void **state)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(outcomes); i++) {
        struct wf_session_info info = {.lasting = false};
        struct wf_err err = WF_ERR_INIT;
        (void)reset(state);
        struct wf_session *session = begin();
        fake_door_script(outcomes[i].answers, WF_ARRAY_LEN(outcomes[i].answers));
        disk_is_full = outcomes[i].full;
        enum wf_reason reason =
            wf_session_answer(session, outcomes[i].answer, strlen(outcomes[i].answer), &info, &err);
        disk_is_full = false;
        struct wf_record *record = kept();
        if (reason != outcomes[i].reason || fake_door_count() != outcomes[i].requests)
            fail_msg("%s: %s after %zu requests (%s)", outcomes[i].name, wf_reason_name(reason),
                     fake_door_count(), err.text);
        if ((record != NULL) != (reason == WF_OK) || info.lasting != outcomes[i].lasting ||
            wf_session_is_open(session) != outcomes[i].open)
            fail_msg("%s: something else is kept", outcomes[i].name);
        const char *line = reason == WF_OK ? "own-sign-in service=\"wfauth\" user=\"alice\" "
                                             "provider=\"acme\" subject=\"5f0e\" verdict=accept"
                                           : "verdict=refuse reason=";
        if (strstr(key_log, line) == NULL || (reason != WF_OK && err.text[0] == '\0') ||
            (outcomes[i].requests < 2 && strstr(key_log, "subject") != NULL))
            fail_msg("%s: another audit line: %s", outcomes[i].name, key_log);
        if (reason == WF_OK) {
            assert_string_equal(info.name, "al@acme.example");
            assert_string_equal(record->subject, "5f0e");
            assert_true(wf_span_equals(wf_secret_borrow(record->access), "a1"));
        }
        if (outcomes[i].requests == 3)
            assert_non_null(strstr(fake_door_request(2)->url, "/logout"));
        wf_record_free(record);
        wf_session_free(session);
    }
}

static void count(void *ctx, const char *name, const struct wf_record *record, const char *fault)
{
    unsigned *found = ctx;

    (void)name;
    (void)fault;
    (*found)++;
    assert_non_null(record);
    assert_string_equal(record->user, "alice");
}

/* Who has no username there is called by their ID. */
static void test_nameless(void **state)
{
    const struct fake_answer answers[] = {
        GOOD, {.status = 200, .body = "{\"data\":[{\"ID\":\"5f0e\",\"isActive\":true}]}"}};
    struct wf_session *session = begin();
    struct wf_session_info info;

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    assert_int_equal(wf_session_answer(session, "code", 4, &info, NULL), WF_OK);
    assert_string_equal(info.name, "5f0e");
    wf_session_free(session);
}

/* A folder that others can read, and a passwd that is down: each operation says so. */
static void test_no_place(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        enum wf_reason wanted = i == 0 ? WF_CONFIG : WF_UNREACHABLE;
        struct wf_secret *token = NULL;
        struct wf_err err = WF_ERR_INIT;
        bool existed = false;
        bool told = false;
        unsigned found = 0;
        assert_int_equal(chmod(folder, i == 0 ? 0755 : 0700), 0);
        passwd_number = i == 0 ? 0 : EIO;
        assert_int_equal(wf_token(context, "acme", &token, &err), wanted);
        assert_null(strstr(err.text, "wfauth login"));
        assert_int_equal(wf_session_end(context, "acme", NULL, &existed, &told, &err), wanted);
        assert_int_equal(wf_session_end(context, "gone", NULL, &existed, &told, &err), wanted);
        assert_false(existed || told);
        if (i == 0)
            assert_int_equal(wf_session_list(context, count, &found, &err), WF_CONFIG);
        assert_int_equal(wf_token_forget(context, "acme", &err), wanted);
        token = wf_secret_new("a", 1);
        key_log[0] = '\0';
        wf_token_refused(context, "acme", token);
        assert_true(key_log[0] != '\0');
        wf_secret_free(token);
        assert_int_equal(fake_door_count(), 0);
    }
    passwd_number = 0;
    key_log[0] = '\0';
    assert_int_equal(wf_token_forget(context, "acme", NULL), WF_OK);
    assert_string_equal(key_log, "");
}

static void test_three_tries(void **state)
{
    struct wf_session_info info;
    struct wf_session *session = begin();
    char *first = strdup(wf_session_address_borrow(session));

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(wf_session_is_open(session));
        assert_int_equal(wf_session_answer(session, "a b", 3, &info, NULL), WF_MALFORMED);
    }
    assert_false(wf_session_is_open(session));
    assert_string_not_equal(first, wf_session_address_borrow(session));
    assert_int_equal(wf_session_answer(session, "code", 4, &info, NULL), WF_INTERNAL);
    assert_int_equal(fake_door_count(), 0);
    free(first);
    wf_session_free(session);
}

static void test_token(void **state)
{
    struct wf_secret *token = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_int_equal(wf_token(context, "acme", &token, &err), WF_EXPIRED);
    assert_non_null(strstr(err.text, "wfauth login acme"));
    assert_null(token);
    sign_in();
    assert_int_equal(wf_token(context, "acme", &token, &err), WF_OK);
    assert_true(wf_span_equals(wf_secret_borrow(token), "a1"));
    assert_int_equal(fake_door_count(), 0);
    /* Not the one that a server refused */
    struct wf_secret *old = wf_secret_new("a0", 2);
    wf_token_refused(context, "acme", old);
    struct wf_record *record = kept();
    assert_int_not_equal(record->access_expires, record->obtained);
    wf_record_free(record);
    wf_token_refused(context, "acme", token);
    record = kept();
    assert_int_equal(record->access_expires, record->obtained);
    wf_record_free(record);
    wf_secret_free(old);
    wf_secret_free(token);
    assert_int_equal(wf_token_forget(context, "acme", NULL), WF_OK);
    record = kept();
    assert_int_equal(record->access_expires, record->obtained);
    assert_non_null(record->refresh);
    wf_record_free(record);
    key_folder_empty(folder);
    assert_int_equal(wf_token_forget(context, "acme", NULL), WF_OK);
    assert_null(kept());
}

#define CHANGED                                                                                    \
    "[provider acme]\ntype = workfront\nurl = https://acme.my.workfront.com\n"                     \
    "client_id = other\nredirect_uri = https://login.acme.example/code\n"

static const struct {
    const char *name;
    struct fake_answer answer;
    bool told;
} ends[] = {
    {"told", LOGGED_OUT, true},
    {"over already", {.status = 401, .body = "{}"}, true},
    {"nobody there", {.reason = WF_UNREACHABLE}, false},
    {"out of order", {.status = 503, .body = ""}, false},
    {"no such version", {.status = 404, .body = ""}, false},
};

static void test_end(void **state)
{
    bool existed = true;
    bool told = false;

    for (size_t i = 0; i < WF_ARRAY_LEN(ends); i++) {
        (void)reset(state);
        sign_in();
        fake_door_script(&ends[i].answer, 1);
        enum wf_reason reason = wf_session_end(context, "acme", NULL, &existed, &told, NULL);
        if (reason != WF_OK || told != ends[i].told || !existed || kept() != NULL ||
            fake_door_count() != 1)
            fail_msg("%s: %s", ends[i].name, wf_reason_name(reason));
        assert_non_null(strstr(key_log, "own-sign-out"));
        /* And again */
        assert_int_equal(wf_session_end(context, "acme", NULL, &existed, &told, NULL), WF_OK);
        assert_false(existed);
        assert_int_equal(fake_door_count(), 1);
    }
    /* A disk that keeps it */
    sign_in();
    fake_door_script(&ends[0].answer, 1);
    disk_is_full = true;
    assert_int_equal(wf_session_end(context, "acme", NULL, &existed, &told, NULL), WF_CONFIG);
    disk_is_full = false;
    /* Whose section has gone */
    (void)reset(state);
    sign_in();
    load(OTHER);
    for (int i = 0; i < 2; i++) {
        key_log[0] = '\0';
        assert_int_equal(wf_session_end(context, "acme", NULL, &existed, &told, NULL), WF_OK);
        assert_true(existed == (i == 0) && told == (i == 1));
        assert_int_equal(strstr(key_log, "no section [provider acme]") != NULL, i == 0);
    }
    assert_int_equal(fake_door_count(), 0);
    load(ACME);
    assert_null(kept());
    /* Whose section speaks of another client now */
    sign_in();
    load(CHANGED);
    assert_null(kept());
    for (int i = 0; i < 2; i++) {
        key_log[0] = '\0';
        assert_int_equal(wf_session_end(context, "acme", NULL, &existed, &told, NULL), WF_OK);
        assert_true(existed == (i == 0) && told == (i == 1));
        assert_int_equal(strstr(key_log, "another client_id") != NULL, i == 0);
    }
    assert_int_equal(fake_door_count(), 0);
    load(ACME);
    assert_null(kept());
    /* Another user's */
    sign_in();
    passwd_name = "root";
    assert_int_equal(wf_session_end(context, "acme", NULL, &existed, &told, NULL), WF_OK);
    assert_false(existed);
    fake_door_script(&ends[0].answer, 1);
    assert_int_equal(wf_session_end(context, "acme", "alice", &existed, &told, NULL), WF_OK);
    assert_true(existed);
    assert_int_equal(wf_session_end(context, "acme", "../x", &existed, &told, NULL), WF_CONFIG);
}

#define TWO "[provider two]\ntype = workfront\nurl = https://two.my.workfront.com\n"
#define SERVICE "[service *]\nprovider = acme\nstrip_domain = acme.example\n"
static const struct {
    const char *name;
    const char *config;
    const char *asked;
    const char *found; /* NULL: WF_CONFIG */
} choices[] = {
    {"the only one", ACME, NULL, "acme"},
    {"the only one for people", OTHER ACME SERVICE, NULL, "acme"},
    {"the only one, though for nobody", OTHER, NULL, "other"},
    {"by name", ACME TWO SERVICE, "two", "two"},
    {"which", ACME TWO SERVICE, NULL, NULL},
    {"unknown", ACME, "two", NULL},
};

static void test_choice(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(choices); i++) {
        const struct wf_provider_conf *provider = NULL;
        struct wf_err err = WF_ERR_INIT;
        load(choices[i].config);
        enum wf_reason reason = wf_session_provider(context, choices[i].asked, &provider, &err);
        if (reason != (choices[i].found == NULL ? WF_CONFIG : WF_OK) ||
            (reason == WF_OK && strcmp(provider->name, choices[i].found) != 0))
            fail_msg("%s: %s", choices[i].name, err.text);
    }
    load(machine);
    struct wf_err err = WF_ERR_INIT;
    const struct wf_provider_conf *two = NULL;
    assert_int_equal(wf_session_provider(context, NULL, &two, &err), WF_OK);
    assert_string_equal(two->name, "acme");
    assert_int_equal(wf_session_provider(context, "relay", &two, &err), WF_OK);
    struct wf_session *session = NULL;
    assert_int_equal(wf_session_begin(context, two, &session, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "Machine to Machine"));
    load(ACME TWO "redirect_uri = https://login.acme.example/code\n" SERVICE);
    assert_int_equal(wf_session_provider(context, NULL, &two, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "There are: acme, two"));
    assert_int_equal(wf_session_provider(context, "two", &two, NULL), WF_OK);
    assert_int_equal(wf_session_begin(context, two, &session, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "no client_id"));
    load(ACME TWO "client_id = cid\n" SERVICE);
    assert_int_equal(wf_session_provider(context, "two", &two, NULL), WF_OK);
    assert_int_equal(wf_session_begin(context, two, &session, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "no redirect_uri"));
    load(OTHER);
    assert_int_equal(wf_session_provider(context, "other", &two, NULL), WF_OK);
    assert_int_equal(wf_session_begin(context, two, &session, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "not available in this version"));
}

static const struct {
    const char *name;
    int number;
    const char *user;
    enum wf_reason reason;
} people[] = {
    {"known", 0, "alice", WF_OK},
    {"32 bytes", 0, "a2345678901234567890123456789012", WF_OK},
    {"33 bytes", 0, "a23456789012345678901234567890123", WF_CONFIG},
    {"unknown", 0, NULL, WF_CONFIG},
    {"unknown, in other words", ENOENT, NULL, WF_CONFIG},
    {"passwd is down", EIO, NULL, WF_UNREACHABLE},
    {"no memory", ENOMEM, NULL, WF_INTERNAL},
    {"never enough room", ERANGE, NULL, WF_UNREACHABLE},
};

static void test_people(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(people); i++) {
        const struct wf_provider_conf *provider = NULL;
        struct wf_session *session = NULL;
        passwd_number = people[i].number;
        passwd_name = people[i].user;
        assert_int_equal(wf_session_provider(context, NULL, &provider, NULL), WF_OK);
        enum wf_reason reason = wf_session_begin(context, provider, &session, NULL);
        if (reason != people[i].reason)
            fail_msg("%s: %s", people[i].name, wf_reason_name(reason));
        wf_session_free(session);
    }
}

static void test_list(void **state)
{
    unsigned found = 0;

    (void)state;
    assert_int_equal(wf_session_list(context, count, &found, NULL), WF_OK);
    assert_int_equal(found, 0);
    sign_in();
    assert_int_equal(wf_session_list(context, count, &found, NULL), WF_OK);
    assert_int_equal(found, 1);
}

/* A Machine to Machine application beside acme. */
static void write_machine(void)
{
    char path[96];

    (void)snprintf(path, sizeof(path), "%s.secret", folder);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs("secret", file) < 0 || fclose(file) != 0 || chmod(path, 0600) != 0)
        perror(path);
    (void)snprintf(machine, sizeof(machine),
                   ACME "[provider relay]\ntype = workfront\n"
                        "url = https://acme.my.workfront.com\nclient_id = m\n"
                        "customer_id = c1\nuser_id = u1\nclient_secret_file = %s\n"
                        "private_key_file = %s\n" SERVICE,
                   path, path);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_prompt, reset),
        cmocka_unit_test_setup(test_outcomes, reset),
        cmocka_unit_test_setup(test_nameless, reset),
        cmocka_unit_test_setup(test_no_place, reset),
        cmocka_unit_test_setup(test_three_tries, reset),
        cmocka_unit_test_setup(test_token, reset),
        cmocka_unit_test_setup(test_end, reset),
        cmocka_unit_test_setup(test_choice, reset),
        cmocka_unit_test_setup(test_people, reset),
        cmocka_unit_test_setup(test_list, reset),
    };

    case_begin();
    write_machine();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    case_end();
    (void)snprintf(config_path, sizeof(config_path), "%s.secret", folder);
    (void)unlink(config_path);
    return failed;
}
