/* Refresh where something is short, locked, broken, or done by somebody else at that very moment:
 * who asks hears why, and no session is lost, kept half or refreshed twice. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failallocs.h"
#include "refreshcase.h"

/* Descriptors closed that were not open: in a host with threads, somebody else's. */
static unsigned misuses;
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int rc = __real_close(fd);

    misuses += rc != 0;
    return rc;
}

/* How a lock ends, and what somebody else does before we have it; for one lock. */
static enum wf_reason lock_reason;
static void (*meanwhile)(void);
static unsigned locks;
static unsigned lock_wait;

enum wf_reason __real_wf_store_lock(const struct wf_store *from, const char *provider,
                                    const char *user, unsigned wait_ms, int *ret,
                                    struct wf_err *err);
enum wf_reason __wrap_wf_store_lock(const struct wf_store *from, const char *provider,
                                    const char *user, unsigned wait_ms, int *ret,
                                    struct wf_err *err);
enum wf_reason __wrap_wf_store_lock(const struct wf_store *from, const char *provider,
                                    const char *user, unsigned wait_ms, int *ret,
                                    struct wf_err *err)
{
    void (*act)(void) = meanwhile;

    locks++;
    lock_wait = wait_ms;
    meanwhile = NULL;
    enum wf_reason reason = lock_reason != WF_OK
                                ? wf_fail(err, lock_reason, "scripted lock")
                                : __real_wf_store_lock(from, provider, user, wait_ms, ret, err);
    if (act != NULL)
        act();
    return reason;
}

/* What somebody else does */

static void write_record(const struct wf_record *record)
{
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
}

static void refresh_it(void)
{
    struct wf_record *record = kept();

    wf_secret_free(record->access);
    record->access = wf_secret_new("a9", 2);
    record->obtained = now;
    record->access_expires = now + 3600;
    write_record(record);
    wf_record_free(record);
}

static void end_it(void)
{
    struct wf_record *record = kept();

    assert_true(wf_record_end(record, now, "scripted end"));
    write_record(record);
    wf_record_free(record);
}

static void fail_it(void)
{
    struct wf_record *record = kept();

    assert_true(wf_record_fail(record, now, WF_UNREACHABLE, 0, "scripted outage"));
    write_record(record);
    wf_record_free(record);
}

static void warn_of_it(void)
{
    struct wf_record *record = kept();

    record->warned = now;
    write_record(record);
    wf_record_free(record);
}

static void remove_it(void)
{
    bool existed = false;
    assert_int_equal(wf_store_remove(store, "acme", "alice", &existed, NULL), WF_OK);
}

static void open_folder(void)
{
    assert_int_equal(chmod(folder, 0755), 0);
}

static void close_folder(void)
{
    assert_int_equal(chmod(folder, 0700), 0);
}

static void move_clock(void)
{
    now++;
}

static int reset(void **state)
{
    (void)state;
    close_folder();
    conf = standard;
    lock_reason = WF_OK;
    meanwhile = NULL;
    locks = 0;
    misuses = 0;
    fsyncs_left = 1000;
    fail_alloc_at = 0;
    return 0;
}

static int check(void **state)
{
    (void)state;
    /* Standard input is a descriptor, too, but none of ours */
    return misuses != 0 || fcntl(STDIN_FILENO, F_GETFD) < 0;
}

/* Where the lock is not to be had nothing is sent, changed or told. */
static void test_no_lock(void **state)
{
    struct wf_tokens tokens = {.access = wf_secret_new("a5", 2), .expires_in = 9};
    struct wf_refresh refresh = make_refresh(NULL);
    struct wf_err err = WF_ERR_INIT;
    char token[32];
    bool told = false;

    (void)state;
    begin(1000, 1000);
    lock_reason = WF_UNREACHABLE;
    /* Two requests of 30 s each, one for the endpoint's address, and the grace */
    lock_wait = 0;
    assert_int_equal(ask(NULL, &rotated, 1, token, &err), WF_UNREACHABLE);
    assert_string_equal(err.text, "scripted lock");
    assert_int_equal(lock_wait, 95000);
    assert_int_equal(wf_refresh_keep(&refresh, "alice", "x", &tokens, NULL), WF_UNREACHABLE);
    assert_int_equal(lock_wait, 95000);
    assert_int_equal(wf_refresh_expire(&refresh, "alice", NULL, NULL), WF_UNREACHABLE);
    assert_int_equal(lock_wait, 95000);
    refresh.http = fake_door_new(NULL);
    assert_int_equal(wf_refresh_forget(&refresh, "alice", &told, NULL), WF_UNREACHABLE);
    assert_int_equal(lock_wait, 95000);
    assert_int_equal(fake_door_count(), 0);
    assert_false(told);
    struct wf_record *record = kept();
    assert_true(holds(record->access, "a0"));
    assert_int_equal(record->access_expires, START);
    wf_record_free(record);
    wf_http_free(refresh.http);
    wf_tokens_done(&tokens);
}

static const struct {
    const char *name;
    void (*act)(void);
    enum wf_reason reason;
    const char *token; /* or what err says */
    size_t requests;
} events[] = {
    {"nothing", NULL, WF_OK, "a1", 1},
    {"refreshed", refresh_it, WF_OK, "a9", 0},
    {"ended", end_it, WF_EXPIRED, "scripted end", 0},
    {"removed", remove_it, WF_EXPIRED, "has no session", 0},
    {"tried in vain", fail_it, WF_UNREACHABLE, "has just failed: scripted outage", 0},
    {"the folder opened to others", open_folder, WF_CONFIG, "open to others", 0},
};

static void test_meanwhile(void **state)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(events); i++) {
        struct wf_err err = WF_ERR_INIT;
        char token[32];
        (void)reset(state);
        begin(1000, 1000);
        meanwhile = events[i].act;
        enum wf_reason reason = ask(NULL, &rotated, 1, token, &err);
        if (reason != events[i].reason || fake_door_count() != events[i].requests ||
            strstr(reason == WF_OK ? token : err.text, events[i].token) == NULL)
            fail_msg("%s: %s (%s)", events[i].name, wf_reason_name(reason), err.text);
    }
}

/* Whom the log warned a moment ago it need not warn again, and one who has gone not at all. */
static void test_meanwhile_said(void **state)
{
    char token[32];

    (void)state;
    conf.refresh_absolute = 1000;
    begin(800, 3600);
    lock_wait = 1;
    meanwhile = warn_of_it;
    assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
    assert_int_equal(locks, 2);
    assert_int_equal(lock_wait, 0);
    assert_string_equal(key_log, "");
    begin(800, 3600);
    meanwhile = remove_it;
    assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
    assert_string_equal(key_log, "");
    begin(800, 3600);
    lock_reason = WF_UNREACHABLE;
    size_t files = key_open_files();
    assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
    assert_string_equal(key_log, "");
    lock_reason = WF_OK;
    assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
    assert_non_null(strstr(key_log, "in 3 minutes: sign in again before\n"));
    assert_null(strstr(key_log, "could not be kept"));
    assert_int_equal(key_open_files(), files);
    /* What cannot be kept is said again */
    begin(800, 3600);
    fsyncs_left = 0;
    assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
    assert_non_null(strstr(key_log, "could not be kept"));
    /* Where there is nothing to say nobody is kept waiting, and nothing is written */
    fsyncs_left = 1000;
    begin(0, 3600);
    locks = 0;
    assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
    assert_int_equal(locks, 0);
    /* Somebody has said it, so that there is nothing to keep */
    begin(800, 3600);
    meanwhile = warn_of_it;
    fsyncs_left = 1000;
    assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
    unsigned once = 1000 - fsyncs_left;
    fsyncs_left = 1000;
    warn_of_it();
    assert_int_equal(once, 1000 - fsyncs_left);
}

/* The moment decides in which it is judged whether a token may serve on. */
static void test_going_on(void **state)
{
    char token[32];

    (void)state;
    for (int i = 0; i < 3; i++) {
        lock_reason = WF_OK;
        begin(i == 0 ? -301 : 999, 1000);
        lock_reason = WF_UNREACHABLE;
        meanwhile = i == 1 ? NULL : move_clock;
        assert_int_equal(ask(NULL, NULL, 0, token, NULL), i == 2 ? WF_UNREACHABLE : WF_OK);
        assert_int_equal(strstr(key_log, "token of before: no answer") != NULL, i != 2);
    }
}

/* A folder that others can read: nobody uses what is in it, or adds to it. */
static void test_open_folder(void **state)
{
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_refresh refresh = make_refresh(http);
    struct wf_err err = WF_ERR_INIT;
    char token[32];
    bool told = false;

    (void)state;
    begin(0, 3600);
    fake_door_script(NULL, 0);
    meanwhile = open_folder;
    assert_int_equal(wf_refresh_expire(&refresh, "alice", NULL, NULL), WF_CONFIG);
    close_folder();
    meanwhile = open_folder;
    assert_int_equal(wf_refresh_forget(&refresh, "alice", &told, &err), WF_CONFIG);
    assert_false(told);
    assert_int_equal(ask(NULL, NULL, 0, token, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "open to others"));
    assert_int_equal(wf_refresh_use(&refresh, "alice", &err), WF_CONFIG);
    assert_int_equal(fake_door_count(), 0);
    close_folder();
    struct wf_record *record = kept();
    assert_int_equal(record->access_expires, START + 3600);
    wf_record_free(record);
    wf_http_free(http);
}

/* wfauth-refresh itself judges again: whoever starts it may be mistaken. */
static void test_use(void **state)
{
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_refresh refresh = make_refresh(http);
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    begin(0, 3600);
    fake_door_script(&rotated, 1);
    assert_int_equal(wf_refresh_use(&refresh, "bob", &err), WF_EXPIRED);
    assert_non_null(strstr(err.text, "bob has no session"));
    end_it();
    assert_int_equal(wf_refresh_use(&refresh, "alice", &err), WF_EXPIRED);
    assert_non_null(strstr(err.text, "scripted end"));
    assert_int_equal(fake_door_count(), 0);
    begin(0, 3600);
    assert_int_equal(wf_refresh_use(&refresh, "alice", NULL), WF_OK);
    assert_int_equal(fake_door_count(), 1);
    wf_http_free(http);
}

/* A disk that fills up between the request and its answer's keeping. */
static void test_full_disk(void **state)
{
    const struct fake_answer over = {.status = 400, .body = "{\"error\":\"invalid_grant\"}"};
    const struct fake_answer down = {.status = 503, .body = ""};
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_refresh refresh = make_refresh(http);
    char token[32];
    bool told = true;

    (void)state;
    for (unsigned full = 0; full < 2; full++) {
        for (unsigned i = 0; i < 2; i++) {
            fsyncs_left = 1000;
            begin(1000, 1000);
            fsyncs_left = full ? 2 : 1000;
            assert_int_equal(ask(NULL, i == 0 ? &over : &down, 1, token, NULL),
                             i == 0 ? WF_EXPIRED : WF_UNREACHABLE);
            assert_int_equal(strstr(key_log, "cannot write") != NULL, full);
            struct wf_record *record = kept();
            assert_int_equal(record->ended != 0, i == 0 && !full);
            assert_int_equal(record->failure != NULL, i == 1 && !full);
            wf_record_free(record);
        }
    }
    fsyncs_left = 0;
    fake_door_script(NULL, 0);
    assert_int_equal(wf_refresh_forget(&refresh, "alice", &told, NULL), WF_CONFIG);
    assert_true(told);
    wf_http_free(http);
}

/* A token of no use is replaced; but an end stays as it was, and so does a token that came since. */
static void test_expire(void **state)
{
    const struct wf_refresh refresh = make_refresh(NULL);
    char token[32];

    (void)state;
    begin(0, 3600);
    assert_int_equal(wf_refresh_expire(&refresh, "alice", NULL, NULL), WF_OK);
    assert_int_equal(ask(NULL, &rotated, 1, token, NULL), WF_OK);
    assert_string_equal(token, "a1");
    struct wf_secret *refused = wf_secret_new("a0", 2);
    for (int i = 0; i < 2; i++) {
        begin(0, 3600);
        meanwhile = i == 0 ? refresh_it : NULL;
        assert_int_equal(wf_refresh_expire(&refresh, "alice", refused, NULL), WF_OK);
        assert_int_equal(ask(NULL, &rotated, 1, token, NULL), WF_OK);
        assert_string_equal(token, i == 0 ? "a9" : "a1");
    }
    wf_secret_free(refused);
    begin(0, 3600);
    end_it();
    assert_int_equal(wf_refresh_expire(&refresh, "alice", NULL, NULL), WF_OK);
    struct wf_record *record = kept();
    assert_int_equal(record->access_expires, START + 3600);
    wf_record_free(record);
    remove_it();
    assert_int_equal(wf_refresh_expire(&refresh, "alice", NULL, NULL), WF_OK);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* The program has the lock: it is not given back by us, too. */
static void test_program(void **state)
{
    struct wf_refresh refresh = make_refresh(NULL);
    struct wf_record *record = NULL;
    struct wf_err err = WF_ERR_INIT;
    char path[128];

    (void)state;
    begin(1000, 1000);
    (void)snprintf(path, sizeof(path), "%s/program", folder);
    write_file(path, "#!/bin/sh\nprintf 'R8 over\\n' >&0\n", 0700);
    refresh.program = path;
    assert_int_equal(wf_refresh_session(&refresh, "alice", NULL, &record, &err), WF_EXPIRED);
    assert_string_equal(err.text, "over");
    /* It finds no configuration, or is not installed */
    refresh.program = NULL;
    assert_int_equal(wf_refresh_session(&refresh, "alice", NULL, &record, &err), WF_CONFIG);
    assert_null(record);
}

/* A session that ends between the refresh and our look at it is no session. */
static void test_ends_behind(void **state)
{
    struct wf_refresh refresh = make_refresh(NULL);
    struct wf_record *record = NULL;
    struct wf_err err = WF_ERR_INIT;
    char name[512];
    char path[128];
    char text[2048] = "";

    (void)state;
    begin(1000, 1000);
    key_folder_find(folder, "session-", name, sizeof(name));
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    assert_int_equal(fclose(file), 0);
    end_it();
    (void)snprintf(path, sizeof(path), "%s/end", folder);
    assert_int_equal(rename(name, path), 0);
    write_file(name, text, 0600);
    (void)snprintf(text, sizeof(text), "#!/bin/sh\nmv '%s' '%s'; printf 'R0\\n' >&0\n", path, name);
    (void)snprintf(path, sizeof(path), "%s/program", folder);
    write_file(path, text, 0700);
    refresh.program = path;
    assert_int_equal(wf_refresh_session(&refresh, "alice", NULL, &record, &err), WF_EXPIRED);
    assert_non_null(strstr(err.text, "scripted end"));
    assert_null(record);
}

/* Memory */

static const struct {
    const char *name;
    bool keep; /* the tokens of a sign-in; else refresh */
    struct fake_answer answer;
    enum wf_reason reason;
} jobs[] = {
    {"kept", true, {.status = 200}, WF_OK},
    {"rotated", false, {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"r1\"}"}, WF_OK},
    {"over", false, {.status = 400, .body = "{\"error\":\"invalid_grant\"}"}, WF_EXPIRED},
    {"out of order", false, {.status = 503, .body = ""}, WF_UNREACHABLE},
};

/* True if the nth allocation of the job failed; with what came of it. */
static bool run_short(size_t i, unsigned nth, enum wf_reason *ret, struct wf_err *err)
{
    struct wf_tokens tokens = {
        .access = wf_secret_new("a5", 2), .refresh = wf_secret_new("r5", 2), .expires_in = 3600};
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_refresh refresh = make_refresh(http);
    struct wf_record *record = NULL;

    begin(1000, 1000);
    fake_door_script(&jobs[i].answer, 1);
    fail_alloc_at = nth;
    *ret = jobs[i].keep ? wf_refresh_keep(&refresh, "alice", "5f0e", &tokens, err)
                        : wf_refresh_session(&refresh, "alice", NULL, &record, err);
    bool failed = fail_alloc_at == 0;
    fail_alloc_at = 0;
    wf_record_free(record);
    wf_tokens_done(&tokens);
    wf_http_free(http);
    return failed;
}

static void test_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(jobs); i++) {
        for (unsigned nth = 1;; nth++) {
            struct wf_err err = WF_ERR_INIT;
            enum wf_reason reason = WF_OK;
            bool failed = run_short(i, nth, &reason, &err);
            struct wf_record *record = kept();
            /* What only could not be kept does not change what the provider has said */
            bool said = reason != WF_OK && reason == jobs[i].reason;
            if (failed && (err.text[0] == '\0' || (reason != WF_INTERNAL && !said)))
                fail_msg("%s, %u: %s (%s)", jobs[i].name, nth, wf_reason_name(reason), err.text);
            if (failed && jobs[i].keep && !holds(record->access, "a0"))
                fail_msg("%s, %u: something is kept", jobs[i].name, nth);
            wf_record_free(record);
            if (!failed) {
                assert_int_equal(reason, jobs[i].reason);
                break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_lock, reset, check),
        cmocka_unit_test_setup_teardown(test_meanwhile, reset, check),
        cmocka_unit_test_setup_teardown(test_meanwhile_said, reset, check),
        cmocka_unit_test_setup_teardown(test_going_on, reset, check),
        cmocka_unit_test_setup_teardown(test_open_folder, reset, check),
        cmocka_unit_test_setup_teardown(test_use, reset, check),
        cmocka_unit_test_setup_teardown(test_full_disk, reset, check),
        cmocka_unit_test_setup_teardown(test_expire, reset, check),
        cmocka_unit_test_setup_teardown(test_program, reset, check),
        cmocka_unit_test_setup_teardown(test_ends_behind, reset, check),
        cmocka_unit_test_setup_teardown(test_memory, reset, check),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
