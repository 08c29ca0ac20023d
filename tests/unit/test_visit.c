/*
 * Sessions of the host: what binds one to its sign-in, the token file that it has, and its end. The
 * program that writes the file is the real one; the provider is the test's door.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stamp.h"
#include "visit_case.h"

/* The stamp of the session that this process is in. False: none. */
static bool find(struct wf_stamp *ret)
{
    struct wf_store *store = state_store();
    enum wf_reason reason = wf_stamp_find(store, "acme", "alice", ret, NULL);

    wf_store_free(store);
    return reason == WF_OK;
}

/* The one that this process has made, whatever it says. False: none. */
static bool made(struct wf_stamp *ret)
{
    struct wf_store *store = state_store();
    struct wf_anchor anchor;
    unsigned left = 0;

    assert_int_equal(wf_anchor_process(&anchor, NULL), WF_OK);
    bool found = wf_stamp_remove(store, "acme", "alice", &anchor, ret, &left, NULL) == WF_OK;
    if (found)
        assert_int_equal(wf_stamp_put(store, ret, NULL), WF_OK);
    wf_store_free(store);
    return found;
}

/* What wf_visit_begin gave, which must be WF_OK: true if there is a token file, and then it is
 * that of `access`. */
static bool begin(const char *mark, const char *access)
{
    struct wf_err err = WF_ERR_INIT;
    char *path = NULL;
    char content[64];

    if (wf_visit_begin(state_context, &ssh, mark, export_runtime, &path, &err) != WF_OK)
        fail_msg("%s", err.text);
    if (path == NULL)
        return false;
    assert_string_equal(path, export_file);
    (void)snprintf(content, sizeof(content), "%s\n", access);
    assert_string_equal(export_content(path), content);
    free(path);
    return true;
}

static void end(void)
{
    struct wf_err err = WF_ERR_INIT;

    if (wf_visit_end(state_context, &ssh, &err) != WF_OK)
        fail_msg("%s", err.text);
}

static void logged(const char *text)
{
    if (strstr(key_log, text) == NULL)
        fail_msg("the log lacks \"%s\":\n%s", text, key_log);
}

/* The i-th request ends this token. */
static void check_logout(size_t i, const char *access)
{
    const struct fake_request *request = fake_door_request(i);
    char header[64];

    assert_non_null(request);
    assert_non_null(strstr(request->url, "/logout"));
    (void)snprintf(header, sizeof(header), "sessionID: %s\n", access);
    if (strstr(request->headers, header) == NULL)
        fail_msg("%s\n%s\n%s", request->url, request->headers, request->body);
}

/* Binding */

static void test_bound(void **state)
{
    struct wf_stamp stamp;

    (void)state;
    state_load(BINDS);
    const char *mark = pend("alice", "id-1");
    assert_false(begin(mark, NULL));
    assert_true(find(&stamp));
    assert_string_equal(stamp.subject, "id-1");
    assert_int_equal(stamp.signed_in, STATEFUL_NOW - 600);
    assert_int_equal(stamp.anchor.kind, WF_ANCHOR_PROCESS);
    assert_int_equal(stamp.anchor.pid, getpid());
    assert_string_equal(stamp.exported, "");
    end();
    assert_false(find(&stamp));
    assert_int_equal(fake_door_count(), 0);
    assert_string_equal(key_log, "");
    /* Nothing was begun */
    end();
    assert_string_equal(key_log, "");
}

static void test_not_bound(void **state)
{
    static const struct {
        const char *name;
        const char *mark; /* NULL: of user and age */
        const char *user;
        int64_t later;
        bool bound;
    } cases[] = {
        {"good", NULL, "alice", 0, true},
        {"another user's", NULL, "bob", 0, false},
        {"too late", NULL, "alice", WF_STAMP_PENDING + 1, false},
        {"forged", "0123456789abcdef0123456789abcdef", "alice", 0, false},
        {"short", "0123", "alice", 0, false},
        {"empty", "", "alice", 0, false},
        {"a path", "../../../../../../etc/passwd0000", "alice", 0, false},
    };
    struct wf_stamp stamp;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        clear_all();
        state_load(BINDS);
        const char *mark = pend(cases[i].user, "id-1");
        state_now += cases[i].later;
        assert_false(begin(cases[i].mark == NULL ? mark : cases[i].mark, NULL));
        if (find(&stamp) != cases[i].bound || made(&stamp) != cases[i].bound)
            fail_msg("%s", cases[i].name);
        if (!cases[i].bound) {
            logged("this session of alice is not bound to its sign-in: ");
            assert_int_equal(strchr(key_log, '\n')[1], '\0');
        }
        end();
    }
    /* Good once */
    state_load(BINDS);
    const char *mark = pend("alice", "id-1");
    assert_false(begin(mark, NULL));
    end();
    assert_false(begin(mark, NULL));
    assert_false(find(&stamp));
}

/* Where nothing is kept nothing is looked at, and nobody is told to sign in. */
static void test_nothing(void **state)
{
    char *path = NULL;
    char text[200];
    struct stat st;
    struct wf_request request = ssh;
    char longer[WF_NAME_SIZE + 1];

    (void)state;
    state_load(NOTHING);
    assert_int_equal(rmdir(state_folder), 0);
    assert_false(begin("0123456789abcdef0123456789abcdef", NULL));
    end();
    assert_int_equal(lstat(state_folder, &st), -1);
    assert_int_equal(mkdir(state_folder, 0700), 0);
    assert_string_equal(key_log, "");
    /* A name that no stamp can have, and the longest one */
    state_load(EXPORTS);
    memset(longer, 'a', sizeof(longer));
    longer[WF_NAME_SIZE] = '\0';
    request.user = longer;
    assert_int_equal(wf_visit_begin(state_context, &request, NULL, export_runtime, &path, NULL),
                     WF_OK);
    assert_null(path);
    assert_int_equal(wf_visit_end(state_context, &request, NULL), WF_OK);
    assert_string_equal(key_log, "");
    request.user = longer + 1;
    assert_int_equal(wf_visit_begin(state_context, &request, NULL, export_runtime, &path, NULL),
                     WF_OK);
    logged("has no session at provider acme");
    /* A faulty configuration is another matter */
    (void)snprintf(text, sizeof(text), "%s", "");
    request = ssh;
    FILE *file = fopen(state_config, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "[provider acme]\ntype = workfront\nurl = https://a\nclient_id = c\n"
                              "redirect_uri = https://a/b\n[service sudo]\nqr = no\n") > 0);
    assert_int_equal(fclose(file), 0);
    wf_context_free(state_context);
    state_context = NULL;
    const struct wf_host host = {.config = state_config, .log = key_log_sink};
    assert_int_equal(wf_context_new(&host, &state_context, NULL), WF_OK);
    path = text;
    assert_int_equal(wf_visit_begin(state_context, &ssh, NULL, export_runtime, &path, NULL),
                     WF_CONFIG);
    assert_ptr_equal(path, text);
    assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_CONFIG);
}

/* A folder that is no good keeps nobody out. */
static void test_no_folder(void **state)
{
    (void)state;
    state_load(EXPORTS);
    assert_int_equal(chmod(state_folder, 0777), 0);
    assert_false(begin(NULL, NULL));
    logged("can be written by others");
    key_log[0] = '\0';
    end();
    logged("can be written by others");
    assert_int_equal(chmod(state_folder, 0700), 0);
}

/* The token */

static void test_exported(void **state)
{
    struct wf_stamp stamp;

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    assert_true(begin(pend("alice", "id-1"), "a1"));
    assert_true(find(&stamp));
    assert_string_equal(stamp.exported, export_file);
    assert_string_equal(stamp.subject, "id-1");
    assert_int_equal(stamp.signed_in, STATEFUL_NOW - 600);
    assert_int_equal(fake_door_count(), 0);
    fake_door_script(logout, 1);
    end();
    assert_false(export_is_there(export_folder));
    assert_false(find(&stamp));
    assert_int_equal(fake_door_count(), 1);
    check_logout(0, "a1");
    check_retired("a1");
    assert_string_equal(key_log, "");
}

/* Who comes by key has not signed in with us: the stamp says so. */
static void test_by_key(void **state)
{
    struct wf_stamp stamp;

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    assert_true(begin(NULL, "a1"));
    assert_false(find(&stamp));
    assert_true(made(&stamp));
    assert_string_equal(stamp.subject, "id-1");
    assert_int_equal(stamp.signed_in, 0);
    fake_door_script(logout, 1);
    end();
    check_logout(0, "a1");
}

/* A token that is at its end is renewed first; so is one that another session's end has ended. */
static void test_renewed(void **state)
{
    static const struct fake_answer script[] = {TOKENS_2};

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    assert_true(begin(NULL, "a1"));
    fake_door_script(logout, 1);
    end();
    fake_door_script(script, 1);
    assert_true(begin(NULL, "a2"));
    assert_int_equal(fake_door_count(), 1);
    fake_door_script(logout, 1);
    end();
    check_logout(0, "a2");
}

/* A refresh came between: what the file had is ended, too. */
static void test_both_ended(void **state)
{
    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    assert_true(begin(NULL, "a1"));
    keep("id-1", "a2", 3600);
    fake_door_script(logout, 2);
    end();
    assert_int_equal(fake_door_count(), 2);
    check_logout(0, "a2");
    check_logout(1, "a1");
    check_retired("a2");
}

/* Who has not answered once is not asked again. */
static void test_both_unanswered(void **state)
{
    static const struct fake_answer down[] = {{.status = 503}, STATEFUL_OK, STATEFUL_OK};

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    assert_true(begin(NULL, "a1"));
    keep("id-1", "a2", 3600);
    replace("p1");
    fake_door_script(down, WF_ARRAY_LEN(down));
    end();
    assert_int_equal(fake_door_count(), 1);
    check_logout(0, "a2");
    fake_door_script(logout, 2);
    end();
    assert_int_equal(fake_door_count(), 1);
    check_logout(0, "p1");
}

/* Sessions that were replaced are told of when the last session with a token ends, or none has one. */
static void test_replaced(void **state)
{
    static const struct fake_answer down[] = {STATEFUL_OK, {.status = 503}, STATEFUL_OK};

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    assert_true(begin(NULL, "a1"));
    replace("p1");
    fake_door_script(logout, 2);
    end();
    assert_int_equal(fake_door_count(), 2);
    check_logout(0, "a1");
    check_logout(1, "p1");
    /* Without a token, too, once, and where nothing was begun */
    state_load(BINDS);
    for (unsigned i = 0; i < 2; i++) {
        replace("p2");
        assert_false(begin(i == 0 ? NULL : pend("alice", "id-1"), NULL));
        fake_door_script(logout, 2);
        end();
        assert_int_equal(fake_door_count(), 1);
        check_logout(0, "p2");
    }
    /* A provider that does not answer is asked no more, and told of the rest by the next one */
    state_load(EXPORTS);
    keep("id-1", "a2", 3600);
    assert_true(begin(NULL, "a2"));
    replace("p3");
    replace("p4");
    fake_door_script(down, 3);
    end();
    assert_int_equal(fake_door_count(), 2);
    check_logout(0, "a2");
    fake_door_script(logout, 2);
    end();
    assert_int_equal(fake_door_count(), 2);
    fake_door_script(logout, 2);
    end();
    assert_int_equal(fake_door_count(), 0);
}

/* At most so many at once, and what is more is for the next one. */
static void test_many_replaced(void **state)
{
    static const struct fake_answer script[WF_PAST_MAX + 1] = {
        STATEFUL_OK, STATEFUL_OK, STATEFUL_OK, STATEFUL_OK, STATEFUL_OK,
        STATEFUL_OK, STATEFUL_OK, STATEFUL_OK, STATEFUL_OK};
    char access[16];
    char path[400];
    char aside[400];

    (void)state;
    state_load(BINDS);
    replace("p0");
    key_folder_find(state_folder, "past-", path, sizeof(path));
    (void)snprintf(aside, sizeof(aside), "%s/aside", state_folder);
    assert_int_equal(rename(path, aside), 0);
    for (unsigned i = 1; i <= WF_PAST_MAX; i++) {
        (void)snprintf(access, sizeof(access), "p%u", i);
        replace(access);
    }
    assert_int_equal(rename(aside, path), 0);
    fake_door_script(script, WF_ARRAY_LEN(script));
    end();
    assert_int_equal(fake_door_count(), WF_PAST_MAX);
    fake_door_script(script, WF_ARRAY_LEN(script));
    end();
    assert_int_equal(fake_door_count(), 1);
    fake_door_script(script, WF_ARRAY_LEN(script));
    end();
    assert_int_equal(fake_door_count(), 0);
    assert_string_equal(key_log, "");
}

/* `wfauth logout` came between: the file's token is all there is. */
static void test_session_gone(void **state)
{
    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    assert_true(begin(NULL, "a1"));
    forget();
    fake_door_script(logout, 2);
    end();
    assert_int_equal(fake_door_count(), 1);
    check_logout(0, "a1");
    assert_false(export_is_there(export_folder));
}

/* Whatever the person has put into the file: it is gone, and the session's own token is ended. */
static void test_file_changed(void **state)
{
    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    assert_true(begin(NULL, "a1"));
    export_write_file(export_file, "no token\n", 0600);
    fake_door_script(logout, 2);
    end();
    assert_int_equal(fake_door_count(), 1);
    check_logout(0, "a1");
    assert_false(export_is_there(export_folder));
}

static void test_provider_down(void **state)
{
    struct wf_stamp stamp;

    (void)state;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    assert_true(begin(NULL, "a1"));
    end();
    logged("provider acme does not know that a token of alice is over");
    assert_false(export_is_there(export_folder));
    assert_false(find(&stamp));
    check_retired("a1");
}

/* No file, no stamp of one, and a session all the same. */

static void nobody_signed_in(void)
{
    forget();
}

static void session_ended(void)
{
    struct wf_refresh refresh;
    struct wf_store *store = state_store();
    struct wf_secret *access = wf_secret_new("a1", 2);

    wf_context_refresh(state_context, &refresh);
    refresh.provider = state_acme();
    refresh.store = store;
    assert_int_equal(wf_refresh_end(&refresh, "alice", access, "closed", NULL), WF_OK);
    wf_secret_free(access);
    wf_store_free(store);
}

static void token_at_its_end(void)
{
    state_now += 3600;
}

static void another_person(void)
{
    keep("id-2", "a1", 3600);
}

static void account_made_anew(void)
{
    struct wf_record *record = state_record();
    struct wf_store *store = state_store();

    record->uid = 1001;
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    wf_record_free(record);
    wf_store_free(store);
}

static void runtime_is_missing(void)
{
    assert_int_equal(rmdir(export_runtime), 0);
}

static void runtime_for_all(void)
{
    assert_int_equal(chmod(export_runtime, 0777), 0);
}

static void program_is_missing(void)
{
    export_instead = "/nonexistent/wfauth-export";
}

static void test_not_exported(void **state)
{
    static const struct {
        const char *name;
        void (*make)(void);
        bool marked;
        const char *text;
    } cases[] = {
        {"nobody has signed in", nobody_signed_in, false, "alice has no session at provider acme"},
        {"the session has ended", session_ended, false, "closed"},
        {"the provider is down", token_at_its_end, false, "no more answers"},
        {"another person's session", another_person, true, "another person's"},
        {"an account made anew", account_made_anew, false, "the session that is kept is of user id 1001"},
        {"no runtime directory", runtime_is_missing, false, "No such file"},
        {"and signed in", runtime_is_missing, true, "No such file"},
        {"one that all may write", runtime_for_all, false, "can be written by others"},
        {"no program", program_is_missing, true, "install wfauth again"},
    };
    struct wf_stamp stamp;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        clear_all();
        state_load(EXPORTS);
        keep("id-1", "a1", 3600);
        cases[i].make();
        if (begin(cases[i].marked ? pend("alice", "id-1") : NULL, NULL))
            fail_msg("%s: there is a file", cases[i].name);
        logged("this session of alice gets no token: ");
        logged(cases[i].text);
        if (made(&stamp) != cases[i].marked)
            fail_msg("%s: the stamp", cases[i].name);
        if (cases[i].marked) {
            assert_string_equal(stamp.exported, "");
            assert_string_equal(stamp.subject, "id-1");
        }
        fake_door_script(logout, 2);
        end();
        if (fake_door_count() != 0)
            fail_msg("%s: something was ended", cases[i].name);
    }
    /* The host says of no runtime directory at all */
    clear_all();
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    char *path = NULL;
    assert_int_equal(wf_visit_begin(state_context, &ssh, NULL, NULL, &path, NULL), WF_OK);
    assert_null(path);
    logged("pam_systemd must stand above");
}

/* The program was stopped: perhaps behind its work, so that the end looks after the file. */
static void test_stopped(void **state)
{
    char script[4100];
    struct wf_stamp stamp;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        clear_all();
        state_load(EXPORTS);
        keep("id-1", "a1", 3600);
        (void)snprintf(script, sizeof(script), "%s/instead", export_scratch);
        export_write_file(script, "#!/bin/sh\nkill -9 $$\n", 0755);
        export_instead = script;
        assert_false(begin(i == 0 ? NULL : pend("alice", "id-1"), NULL));
        logged("wfauth-export: ");
        assert_true(made(&stamp));
        assert_string_equal(stamp.exported, export_file);
        export_instead = NULL;
        export_make_folder(export_folder, 0700);
        export_write_file(export_file, "a1\n", 0600);
        export_own(export_file);
        fake_door_script(logout, 1);
        end();
        assert_false(export_is_there(export_folder));
        check_logout(0, "a1");
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, reset, check_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_bound),           CASE(test_not_bound),     CASE(test_nothing),
        CASE(test_no_folder),       CASE(test_exported),      CASE(test_by_key),
        CASE(test_renewed),         CASE(test_both_ended),    CASE(test_both_unanswered),
        CASE(test_replaced),        CASE(test_many_replaced), CASE(test_session_gone),
        CASE(test_file_changed),    CASE(test_provider_down), CASE(test_not_exported),
        CASE(test_stopped),
    };
    return cmocka_run_group_tests_name("visit", tests, set_up, tear_down);
}
