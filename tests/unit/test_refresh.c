/* When a session is refreshed, what becomes of it, and that one request serves all who ask. */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "refreshcase.h"

static const struct {
    const char *name;
    int64_t age;
    int64_t life;
    const char *refused;
    unsigned skew;
    bool due;
} dues[] = {
    {"new", 0, 3600, NULL, 60, false},
    {"a second before the skew", 3539, 3600, NULL, 60, false},
    {"within the skew", 3540, 3600, NULL, 60, true},
    {"without a skew", 3599, 3600, NULL, 0, false},
    {"expired", 3600, 3600, NULL, 0, true},
    {"shorter than the skew", 14, 30, NULL, 60, false},
    {"half of one that is shorter", 15, 30, NULL, 60, true},
    {"refused", 0, 3600, "a0", 60, true},
    {"another one was refused", 0, 3600, "a", 60, false},
    {"of unknown life", 1799, 0, NULL, 60, false},
    {"of unknown life, old", 1800, 0, NULL, 60, true},
    {"of unknown life, refused", 0, 0, "a0", 60, true},
    {"a clock that is a little off", -300, 3600, NULL, 60, false},
    {"a clock that jumped back", -301, 3600, NULL, 60, true},
};

static void test_due(void **state)
{
    char token[32];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(dues); i++) {
        struct wf_err err = WF_ERR_INIT;
        begin(dues[i].age, dues[i].life);
        conf.refresh_skew = dues[i].skew;
        enum wf_reason reason = ask(dues[i].refused, &rotated, 1, token, &err);
        if (reason != WF_OK || fake_door_count() != dues[i].due ||
            strcmp(token, dues[i].due ? "a1" : "a0") != 0)
            fail_msg("%s: %zu requests, %s, %s", dues[i].name, fake_door_count(), token, err.text);
        /* And not again */
        if (ask(dues[i].refused, NULL, 0, token, &err) != WF_OK || fake_door_count() != 0)
            fail_msg("%s, again: %s", dues[i].name, err.text);
    }
    conf.refresh_skew = 60;
}

static const struct {
    const char *name;
    struct fake_answer answer;
    enum wf_reason reason;
    const char *refresh; /* what is kept then */
    const char *access;
    int64_t access_expires;
    int64_t idle_expires;
} outcomes[] = {
    {"rotated", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"r1\",\"expires_in\":3600}"}, WF_OK, "r1", "a1", START + 3600, START + 1000},
    {"the same one", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"r0\",\"expires_in\":3600}"}, WF_OK, "r0", "a1", START + 3600, START + 1000},
    {"none", {.status = 200, .body = "{" TOKENS ",\"expires_in\":3600}"}, WF_OK, "r0", "a1", START + 3600, START + 1000},
    {"as long as a session", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"r1\",\"expires_in\":0}"}, WF_OK, "r1", "a1", 0, START + 1000},
    {"a life of its own", {.status = 200, .body = "{" TOKENS ",\"refresh_token\":\"r1\",\"refresh_expires_in\":77}"}, WF_OK, "r1", "a1", 0, START + 77},
    {"over", {.status = 400, .body = "{\"error\":\"invalid_grant\"}"}, WF_EXPIRED, NULL, NULL, START, START},
    {"out of order", {.status = 503, .body = ""}, WF_UNREACHABLE, "r0", "a0", START, START},
    {"nobody there", {.reason = WF_UNREACHABLE}, WF_UNREACHABLE, "r0", "a0", START, START},
    {"another error", {.status = 400, .body = "{\"error\":\"invalid_request\"}"}, WF_UNREACHABLE, "r0", "a0", START, START},
    {"the client", {.status = 401, .body = "{\"error\":\"invalid_client\"}"}, WF_CONFIG, "r0", "a0", START, START},
    {"broken", {.status = 200, .body = "{"}, WF_UNREACHABLE, "r0", "a0", START, START},
};

static void test_outcomes(void **state)
{
    char token[32];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(outcomes); i++) {
        struct wf_err err = WF_ERR_INIT;
        conf.refresh_inactivity = 1000;
        begin(1000, 1000);
        enum wf_reason reason = ask(NULL, &outcomes[i].answer, 1, token, &err);
        struct wf_record *record = kept();
        if (reason != outcomes[i].reason || fake_door_count() != 1)
            fail_msg("%s: %s (%s)", outcomes[i].name, wf_reason_name(reason), err.text);
        if (!holds(record->refresh, outcomes[i].refresh) ||
            !holds(record->access, outcomes[i].access) ||
            record->access_expires != outcomes[i].access_expires ||
            record->idle_expires != outcomes[i].idle_expires)
            fail_msg("%s: something else is kept", outcomes[i].name);
        if (record->signed_in != START - 1000 || strcmp(record->subject, "5f0e") != 0)
            fail_msg("%s: who and when is lost", outcomes[i].name);
        if ((record->ended != 0) != (reason == WF_EXPIRED) ||
            (record->refreshing != 0) != (reason == WF_UNREACHABLE) ||
            (record->failure != NULL) != (reason == WF_UNREACHABLE || reason == WF_CONFIG))
            fail_msg("%s: wrong marks", outcomes[i].name);
        if (reason == WF_EXPIRED && strstr(err.text, "sign in again") == NULL)
            fail_msg("%s: %s", outcomes[i].name, err.text);
        wf_record_free(record);
    }
    conf.refresh_inactivity = 0;
}

/* Whoever waited for a refresh that failed, and whoever comes right after it, hears so. */
static void test_rest(void **state)
{
    const struct fake_answer down = {.reason = WF_UNREACHABLE};
    const struct fake_answer over = {.status = 400, .body = "{\"error\":\"invalid_grant\"}"};
    struct wf_err err = WF_ERR_INIT;
    char token[32];

    (void)state;
    begin(1000, 1000);
    assert_int_equal(ask(NULL, &down, 1, token, &err), WF_UNREACHABLE);
    for (now = START; now < START + 5; now += 4) {
        assert_int_equal(ask(NULL, &rotated, 1, token, &err), WF_UNREACHABLE);
        assert_int_equal(fake_door_count(), 0);
        assert_non_null(strstr(err.text, "scripted failure"));
    }
    now = START - 1;
    assert_int_equal(ask("a0", &down, 1, token, &err), WF_UNREACHABLE);
    assert_int_equal(fake_door_count(), 1);
    now = START + 4;
    assert_int_equal(ask(NULL, &over, 1, token, &err), WF_EXPIRED);
    assert_int_equal(fake_door_count(), 1);
    assert_non_null(strstr(err.text, "was lost"));
    assert_int_equal(ask(NULL, &rotated, 1, token, &err), WF_EXPIRED);
    assert_int_equal(fake_door_count(), 0);
    key_folder_empty(folder);
    assert_int_equal(ask(NULL, &rotated, 1, token, &err), WF_EXPIRED);
    assert_int_equal(fake_door_count(), 0);
    assert_non_null(strstr(err.text, "alice has no session"));
    /* What went well since then counts */
    begin(1000, 1000);
    assert_int_equal(ask(NULL, &down, 1, token, &err), WF_UNREACHABLE);
    now = START - 1;
    assert_int_equal(ask("a0", &rotated, 1, token, &err), WF_OK);
    now = START + 1;
    assert_int_equal(ask("a1", &rotated, 1, token, &err), WF_OK);
    assert_int_equal(fake_door_count(), 1);
}

/* Longer where the provider says so, but not for good. */
static void test_wanted_rest(void **state)
{
    static const struct {
        struct fake_answer answer;
        int64_t rest;
    } cases[] = {
        {{.status = 429, .body = "", .retry_after = 4}, 5},
        {{.status = 429, .body = "", .retry_after = 60}, 60},
        {{.status = 503, .body = "", .retry_after = 3599}, 3599},
        {{.status = 503, .body = "", .retry_after = 3601}, 3600},
    };
    struct wf_err err = WF_ERR_INIT;
    char token[32];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        begin(1000, 1000);
        assert_int_equal(ask(NULL, &cases[i].answer, 1, token, &err), WF_UNREACHABLE);
        now = START + cases[i].rest - 1;
        assert_int_equal(ask(NULL, &rotated, 1, token, &err), WF_UNREACHABLE);
        assert_int_equal(fake_door_count(), 0);
        now = START + cases[i].rest;
        assert_int_equal(ask(NULL, &rotated, 1, token, &err), WF_OK);
        assert_string_equal(token, "a1");
    }
}

/* What is wrong here is so for the next one, too: nobody may go on, or get in, as in an outage. */
static void test_rest_of_ours(void **state)
{
    const struct fake_answer client = {.status = 401, .body = "{\"error\":\"invalid_client\"}"};
    const struct fake_answer broken = {.reason = WF_INTERNAL};
    struct wf_err err = WF_ERR_INIT;
    char token[32];

    (void)state;
    for (int i = 0; i < 2; i++) {
        enum wf_reason wanted = i == 0 ? WF_CONFIG : WF_INTERNAL;
        begin(950, 1000);
        assert_int_equal(ask(NULL, i == 0 ? &client : &broken, 1, token, &err), wanted);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(ask(NULL, &rotated, 1, token, &err), wanted);
            assert_int_equal(fake_door_count(), 0);
            assert_non_null(strstr(err.text, "has just failed"));
        }
        now = START + 5;
        assert_int_equal(ask(NULL, &rotated, 1, token, &err), WF_OK);
    }
}

/* However much the provider says, the tombstone names the cause. */
static void test_long_words(void **state)
{
    char body[500];
    const struct fake_answer over = {.status = 400, .body = body};
    const struct fake_answer down = {.reason = WF_UNREACHABLE};
    struct wf_err err = WF_ERR_INIT;
    char token[32];

    (void)state;
    (void)snprintf(body, sizeof(body), "{\"error\":\"invalid_grant\",\"error_description\":\"%0400d\"}",
                   0);
    begin(1000, 1000);
    assert_int_equal(ask(NULL, &over, 1, token, &err), WF_EXPIRED);
    assert_null(strstr(err.text, "was lost"));
    begin(1000, 1000);
    assert_int_equal(ask(NULL, &down, 1, token, &err), WF_UNREACHABLE);
    now = START + 10;
    assert_int_equal(ask(NULL, &over, 1, token, &err), WF_EXPIRED);
    assert_non_null(strstr(err.text, "refresh begun 10 s ago was lost"));
    assert_non_null(strstr(err.text, "ended 0 s ago"));
    /* A clock that went back: nothing is ahead of us that is over */
    now = START;
    assert_int_equal(ask(NULL, &over, 1, token, &err), WF_EXPIRED);
    assert_non_null(strstr(err.text, "ended 0 s ago"));
}

/* What is not known to be dead serves on while there is no answer. */
static void test_going_on(void **state)
{
    const struct fake_answer down = {.reason = WF_UNREACHABLE};
    const struct fake_answer client = {.status = 401, .body = "{\"error\":\"invalid_client\"}"};
    char token[32];

    (void)state;
    begin(950, 1000);
    assert_int_equal(ask(NULL, &down, 1, token, NULL), WF_OK);
    assert_string_equal(token, "a0");
    assert_non_null(strstr(key_log, "going on"));
    begin(950, 1000);
    assert_int_equal(ask("a0", &down, 1, token, NULL), WF_UNREACHABLE);
    begin(950, 1000);
    assert_int_equal(ask(NULL, &client, 1, token, NULL), WF_CONFIG);
    begin(5000, 0);
    assert_int_equal(ask(NULL, &down, 1, token, NULL), WF_OK);
    begin(-301, 1000);
    assert_int_equal(ask(NULL, &down, 1, token, NULL), WF_UNREACHABLE);
}

/* A disk that is full before the request: no token is used up. After it: it is said what is lost. */
static void test_full_disk(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    char token[32];

    (void)state;
    begin(1000, 1000);
    fsyncs_left = 0;
    assert_int_equal(ask(NULL, &rotated, 1, token, &err), WF_CONFIG);
    assert_int_equal(fake_door_count(), 0);
    fsyncs_left = 2;
    assert_int_equal(ask(NULL, &rotated, 1, token, &err), WF_CONFIG);
    assert_int_equal(fake_door_count(), 1);
    assert_non_null(strstr(err.text, "is lost"));
    fsyncs_left = 1000;
    struct wf_record *record = kept();
    assert_true(holds(record->refresh, "r0"));
    assert_int_equal(record->refreshing, START);
    wf_record_free(record);
}

static void test_without_token(void **state)
{
    struct wf_tokens tokens = {.access = wf_secret_new("a0", 2), .expires_in = 10};
    const struct wf_refresh refresh = make_refresh(NULL);
    struct wf_err err = WF_ERR_INIT;
    char token[32];

    (void)state;
    key_folder_empty(folder);
    conf.refresh_absolute = 500;
    assert_int_equal(wf_refresh_keep(&refresh, "alice", "s", &tokens, &err), WF_OK);
    conf.refresh_absolute = 0;
    struct wf_record *record = kept();
    assert_int_equal(record->absolute_expires, now + 500);
    assert_int_equal(record->signed_in, now);
    wf_record_free(record);
    wf_tokens_done(&tokens);
    assert_int_equal(ask(NULL, NULL, 0, token, &err), WF_OK);
    assert_int_equal(ask("a0", &rotated, 1, token, &err), WF_EXPIRED);
    assert_int_equal(fake_door_count(), 0);
    assert_non_null(strstr(err.text, "no refresh token"));
}

static void test_forget(void **state)
{
    const struct fake_answer rows[] = {
        {.status = 200, .type = ""}, {.status = 401, .type = ""}, {.status = 503, .type = ""}};
    struct wf_record *record = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_http *http = fake_door_new(NULL);
        const struct wf_refresh refresh = make_refresh(http);
        bool told = i == 2;
        begin(0, 1000);
        fake_door_script(&rows[i], 1);
        assert_int_equal(wf_refresh_forget(&refresh, "alice", &told, &err), WF_OK);
        assert_int_equal(told, i != 2);
        assert_int_equal(strstr(key_log, "does not know") != NULL, i == 2);
        assert_int_equal(fake_door_count(), 1);
        assert_string_equal(fake_door_request(0)->headers, "sessionID: a0\n");
        assert_int_equal(wf_store_read(store, &conf, "alice", &record, NULL), WF_OK);
        assert_null(record);
        told = false;
        assert_int_equal(wf_refresh_forget(&refresh, "alice", &told, &err), WF_OK);
        assert_true(told);
        assert_int_equal(fake_door_count(), 1);
        wf_http_free(http);
    }
}

static unsigned warnings(void)
{
    unsigned count = 0;

    for (const char *at = key_log; (at = strstr(at, "sign in again before")) != NULL; at++)
        count++;
    return count;
}

static const struct {
    const char *name;
    unsigned absolute;
    unsigned inactivity;
    int64_t age;
    unsigned warnings;
} ends[] = {
    {"no end", 0, 0, 900, 0},
    {"far", 1000, 0, 749, 0},
    {"near", 1000, 0, 750, 1},
    {"behind it", 1000, 0, 2000, 1},
    {"unused", 0, 1000, 749, 0},
    {"unused for long", 0, 1000, 750, 1},
    {"a week of many", 4000000, 0, 4000000 - 604801, 0},
    {"within that week", 4000000, 0, 4000000 - 604800, 1},
    {"a quarter that is a second less", 2419196, 0, 2419196 - 604800, 0},
};

static void test_warnings(void **state)
{
    char token[32];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(ends); i++) {
        conf.refresh_absolute = ends[i].absolute;
        conf.refresh_inactivity = ends[i].inactivity;
        begin(ends[i].age, 100000000);
        for (int n = 0; n < 2; n++)
            assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
        if (warnings() != ends[i].warnings)
            fail_msg("%s: %s", ends[i].name, key_log);
        now += 86399;
        assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
        if (ends[i].warnings != 0 && warnings() != 1)
            fail_msg("%s, within a day: %s", ends[i].name, key_log);
        now += 1;
        assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
        if (ends[i].warnings != 0 && warnings() != 2)
            fail_msg("%s, a day later: %s", ends[i].name, key_log);
        /* By a clock that went back it was said in the future, which counts for nothing */
        now -= 1;
        assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
        if (ends[i].warnings != 0 && warnings() != 3)
            fail_msg("%s, by a clock that went back: %s", ends[i].name, key_log);
    }
    /* With a refresh, too */
    conf.refresh_inactivity = 0;
    conf.refresh_absolute = 1000;
    begin(900, 900);
    assert_int_equal(ask(NULL, &rotated, 1, token, NULL), WF_OK);
    assert_int_equal(warnings(), 1);
    assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
    assert_int_equal(warnings(), 1);
    conf.refresh_absolute = 0;
}

/* Which end is near, how near, and what helps. */
static const struct {
    const char *name;
    unsigned absolute;
    unsigned inactivity;
    const char *says;
} words[] = {
    {"absolute", 1200, 0, " acme ends in 5 minutes: sign in again before\n"},
    {"unused", 0, 1200, " acme ends in 5 minutes unless it is refreshed: sign in again before\n"},
    {"unused, the other far", 100000, 1200, " ends in 5 minutes unless it is refreshed: "},
    {"both", 1080, 1200, " ends in 3 minutes: "},
    {"over", 600, 0, " ends in 0 minutes: "},
    {"far", 2000, 2000, NULL},
};

static void test_words(void **state)
{
    struct wf_tokens tokens = {.access = wf_secret_new("a0", 2), .expires_in = 100000};
    const struct wf_refresh refresh = make_refresh(NULL);
    char token[32];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
        conf.refresh_absolute = words[i].absolute;
        conf.refresh_inactivity = words[i].inactivity;
        begin(900, 100000);
        assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
        if (words[i].says == NULL ? key_log[0] != '\0' : strstr(key_log, words[i].says) == NULL)
            fail_msg("%s: %s", words[i].name, key_log);
        /* After a refresh one of the two is far again */
        begin(900, 900);
        assert_int_equal(ask(NULL, &rotated, 1, token, NULL), WF_OK);
        if (warnings() != (words[i].absolute != 0 && words[i].absolute < 2000))
            fail_msg("%s, refreshed: %s", words[i].name, key_log);
    }
    /* Where there is no refresh token none can end */
    conf.refresh_absolute = 1200;
    begin(900, 100000);
    key_log[0] = '\0';
    assert_int_equal(wf_refresh_keep(&refresh, "alice", "s", &tokens, NULL), WF_OK);
    now += 1000;
    assert_int_equal(ask(NULL, NULL, 0, token, NULL), WF_OK);
    assert_string_equal(key_log, "");
    wf_tokens_done(&tokens);
    conf.refresh_absolute = 0;
    conf.refresh_inactivity = 0;
}

static void *ask_in_thread(void *ctx)
{
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_refresh refresh = make_refresh(http);
    struct wf_record *record = NULL;

    (void)ctx;
    enum wf_reason reason = wf_refresh_session(&refresh, "alice", NULL, &record, NULL);
    bool good = reason == WF_OK && holds(record->access, "a1");
    wf_record_free(record);
    wf_http_free(http);
    return good ? NULL : (void *)1;
}

static void test_threads(void **state)
{
    pthread_t threads[8];
    void *bad = NULL;

    (void)state;
    begin(1000, 1000);
    fake_door_script(&rotated, 1);
    for (size_t i = 0; i < WF_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_in_thread, NULL), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
    assert_int_equal(fake_door_count(), 1);
}

/* Programs in the place of wfauth-refresh. */
static const struct {
    const char *name;
    const char *script;
    enum wf_reason reason;
    const char *says;
} programs[] = {
    {"all is well", "printf 'R0\\n' >&0", WF_OK, ""},
    {"with a line for the log", "printf 'L1 hello\\nR0\\n' >&0", WF_OK, "hello"},
    {"over", "printf 'R8 it is over\\n' >&0", WF_EXPIRED, "it is over"},
    {"well, but the session is gone", "rm $2/session-*; printf 'R0\\n' >&0", WF_EXPIRED, "no session"},
    {"its arguments", "printf \"R8 $# $1 $3 $4\\n\" >&0", WF_EXPIRED, "4 /nowhere acme alice"},
    {"the lock", "test -e /proc/$$/fd/3 || exit 0; printf 'R8 x\\n' >&0", WF_EXPIRED, "x"},
    {"no descriptor more", "test -e /proc/$$/fd/4 && exit 0; printf 'R8 x\\n' >&0", WF_EXPIRED, "x"},
    {"no environment", "test -z \"$HOME\" || exit 0; printf 'R8 x\\n' >&0", WF_EXPIRED, "x"},
    {"nothing", "exit 0", WF_INTERNAL, "without a word"},
    {"killed", "kill -9 $$", WF_INTERNAL, "without a word"},
    {"something else", "printf 'hello\\n' >&0", WF_INTERNAL, "something else"},
    {"too much", "exec 5>&0; yes 'L3 x' | head -c 100000 >&5", WF_INTERNAL, "too much"},
};

static void write_program(const char *path, const char *script)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    (void)fprintf(file, "#!/bin/sh\n%s\n", script);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
}

static void test_programs(void **state)
{
    struct wf_refresh refresh = make_refresh(NULL);
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/program", folder);
    refresh.program = path;
    for (size_t i = 0; i < WF_ARRAY_LEN(programs); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_record *record = NULL;
        size_t files = key_open_files();
        begin(1000, 1000);
        write_program(path, programs[i].script);
        enum wf_reason reason = wf_refresh_session(&refresh, "alice", NULL, &record, &err);
        if (reason != programs[i].reason ||
            strstr(reason == WF_OK ? key_log : err.text, programs[i].says) == NULL)
            fail_msg("%s: %s (%s)", programs[i].name, wf_reason_name(reason), err.text);
        if (files != key_open_files() || waitpid(-1, NULL, WNOHANG) != -1)
            fail_msg("%s leaves something behind", programs[i].name);
        wf_record_free(record);
    }
    struct wf_err err = WF_ERR_INIT;
    struct wf_record *record = NULL;
    begin(1000, 1000);
    assert_int_equal(wf_refresh_session(&refresh, "alice", NULL, &record, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_wanted_rest),
        cmocka_unit_test(test_rest_of_ours),
        cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_going_on),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_without_token),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_programs),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
