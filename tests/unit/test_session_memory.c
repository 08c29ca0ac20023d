/*
 * Everything that the command does with tokens, on an allocator of this file's own: whichever
 * allocation fails, no session is lost or invented, nothing leaks, and no block is given back with
 * a secret in it. passwd and the folder are this file's own.
 */
#include "config.h"

#include <limits.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "fakedoor.h"
#include "keycase.h"
#include "leftover.h"
#include "refresh.h"
#include "session.h"

#define CODE "c0de-5ecret-of-the-per5on-C"
#define ACCESS "acce55-token-of-the-se55ion-A"
#define REFRESH "refre5h-token-of-the-se55ion-R"
#define NEW_ACCESS "a-new-acce55-token-of-it-B"
#define NEW_REFRESH "a-new-refre5h-token-of-it-S"
#define MACHINE "acce55-token-of-the-5ervice-M"
#define SECRET "client-5ecret-of-the-w3b-App"
#define KEY "the-private-key-of-the-5ervice-K"

static char folder[64];
static char cache[80];
static char config_path[96];
static char secret_path[96];
static char key_path[96];
static char verifier[64];
static struct wf_context *context;
static const struct wf_provider_conf *acme;

int getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, struct passwd **ret)
{
    (void)snprintf(buf, size, "alice");
    *pw = (struct passwd){.pw_name = buf, .pw_uid = uid};
    *ret = pw;
    return 0;
}

enum wf_reason __real_wf_store_open(const char *configured, const struct wf_log *log,
                                    struct wf_store **ret, struct wf_err *err);
enum wf_reason __wrap_wf_store_open(const char *configured, const struct wf_log *log,
                                    struct wf_store **ret, struct wf_err *err);
enum wf_reason __wrap_wf_store_open(const char *configured, const struct wf_log *log,
                                    struct wf_store **ret, struct wf_err *err)
{
    (void)configured;
    return __real_wf_store_open(folder, log, ret, err);
}

/* A disk that is fast: nothing here is about what is durable. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd;
    return 0;
}

#define ANSWER(text)                                                                               \
    {                                                                                              \
        .status = 200, .body = text                                                                \
    }
static const struct fake_answer sign_in_answers[] = {
    ANSWER("{\"token_type\":\"sessionID\",\"access_token\":\"" ACCESS
           "\",\"refresh_token\":\"" REFRESH "\",\"expires_in\":3600}"),
    ANSWER("{\"data\":[{\"ID\":\"5f0e\",\"username\":\"al@acme.example\",\"isActive\":true}]}"),
    ANSWER("{}"), /* a session that cannot be kept is given back */
};
static const struct fake_answer refresh_answers[] = {
    ANSWER("{\"token_type\":\"sessionID\",\"access_token\":\"" NEW_ACCESS
           "\",\"refresh_token\":\"" NEW_REFRESH "\",\"expires_in\":3600}"),
};
static const struct fake_answer over_answers[] = {
    {.status = 400, .body = "{\"error\":\"invalid_grant\"}"},
};
static const struct fake_answer machine_answers[] = {
    ANSWER("{\"token_type\":\"sessionID\",\"access_token\":\"" MACHINE "\",\"expires_in\":3600}"),
};
static const struct fake_answer end_answers[] = {ANSWER("{}")};

/* What is done; each gives all back that it got */

/* Only the request shows it; the session still has it. */
static void learn_verifier(void)
{
    const struct fake_request *first = fake_door_request(0);
    const char *at = first == NULL ? NULL : strstr(first->body, "code_verifier=");

    if (at != NULL)
        (void)snprintf(verifier, sizeof(verifier), "%.43s", at + strlen("code_verifier="));
}

static enum wf_reason do_sign_in(void)
{
    struct wf_session *session = NULL;
    struct wf_session_info info;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_session_begin(context, acme, &session, &err);

    if (reason == WF_OK)
        reason = wf_session_prompt_borrow(session, true) == NULL
                     ? WF_INTERNAL
                     : wf_session_answer(session, CODE "\n", strlen(CODE) + 1, &info, &err);
    learn_verifier();
    wf_session_free(session);
    return reason;
}

static enum wf_reason get(const char *provider)
{
    struct wf_secret *token = NULL;
    enum wf_reason reason = wf_token(context, provider, &token, NULL);

    wf_secret_free(token);
    return reason;
}

static enum wf_reason do_token(void)
{
    return get("acme");
}

static enum wf_reason do_machine(void)
{
    return get("relay");
}

static enum wf_reason do_assert(void)
{
    struct wf_secret *assertion = NULL;
    enum wf_reason reason = wf_assert(context, "relay", &assertion, NULL);

    wf_secret_free(assertion);
    return reason;
}

static enum wf_reason do_renew(void)
{
    (void)!wf_token_forget(context, "acme", NULL);
    return WF_OK;
}

static int64_t now(void)
{
    return time(NULL);
}

/* In this process, as wfauth-refresh does it. */
static enum wf_reason do_refresh(void)
{
    struct wf_refresh job = {.provider = acme, .log = &key_log_sink, .clock = now};
    struct wf_store *store = NULL;
    struct wf_record *record = NULL;
    struct wf_secret *refused = wf_secret_new(ACCESS, strlen(ACCESS));
    enum wf_reason reason = refused == NULL ? WF_INTERNAL : WF_OK;

    if (reason == WF_OK)
        reason = wf_store_open(NULL, &key_log_sink, &store, NULL);
    job.store = store;
    job.http = fake_door_new(NULL);
    if (reason == WF_OK && job.http == NULL)
        reason = WF_INTERNAL;
    if (reason == WF_OK)
        reason = wf_refresh_session(&job, "alice", refused, &record, NULL);
    wf_record_free(record);
    wf_http_free(job.http);
    wf_store_free(store);
    wf_secret_free(refused);
    return reason;
}

static enum wf_reason do_end(void)
{
    bool existed = false;
    bool told = false;

    return wf_session_end(context, "acme", NULL, &existed, &told, NULL);
}

static void each(void *ctx, const char *name, const struct wf_record *record, const char *fault)
{
    (void)ctx;
    (void)name;
    (void)record;
    (void)fault;
}

static enum wf_reason do_list(void)
{
    return wf_session_list(context, each, NULL, NULL);
}

enum before { NOTHING, SESSION, TOKEN };

static const struct {
    const char *name;
    enum wf_reason (*run)(void);
    enum before before;
    const struct fake_answer *script;
    size_t n;
    enum wf_reason reason;
    const char *kept; /* the refresh token afterwards, where it came to its end; NULL: none */
} rows[] = {
    {"a sign-in", do_sign_in, NOTHING, sign_in_answers, 3, WF_OK, REFRESH},
    {"another sign-in", do_sign_in, SESSION, sign_in_answers, 3, WF_OK, REFRESH},
    {"a kept token", do_token, SESSION, NULL, 0, WF_OK, REFRESH},
    {"no session", do_token, NOTHING, NULL, 0, WF_EXPIRED, NULL},
    {"a token that is no good", do_renew, SESSION, NULL, 0, WF_OK, REFRESH},
    {"a refresh", do_refresh, SESSION, refresh_answers, 1, WF_OK, NEW_REFRESH},
    {"a refresh without an answer", do_refresh, SESSION, NULL, 0, WF_UNREACHABLE, REFRESH},
    {"a refresh that is refused", do_refresh, SESSION, over_answers, 1, WF_EXPIRED, NULL},
    {"the end", do_end, SESSION, end_answers, 1, WF_OK, NULL},
    {"an end that nobody hears", do_end, SESSION, NULL, 0, WF_OK, NULL},
    {"a list", do_list, SESSION, NULL, 0, WF_OK, REFRESH},
    {"a service's token", do_machine, NOTHING, machine_answers, 1, WF_OK, NULL},
    {"a service's kept token", do_machine, TOKEN, NULL, 0, WF_OK, NULL},
    {"no token for a service", do_machine, NOTHING, over_answers, 1, WF_EXPIRED, NULL},
    {"an assertion", do_assert, NOTHING, NULL, 0, WF_OK, NULL},
};

static struct wf_record *kept(void)
{
    struct wf_store *store = NULL;
    struct wf_record *record = NULL;

    assert_int_equal(wf_store_open(NULL, NULL, &store, NULL), WF_OK);
    assert_int_equal(wf_store_read(store, acme, "alice", &record, NULL), WF_OK);
    wf_store_free(store);
    return record;
}

static void prepare(size_t row)
{
    key_folder_empty(cache);
    key_folder_empty(folder);
    if (rows[row].before == SESSION) {
        fake_door_script(sign_in_answers, 2);
        assert_int_equal(do_sign_in(), WF_OK);
    } else if (rows[row].before == TOKEN) {
        fake_door_script(machine_answers, 1);
        assert_int_equal(do_machine(), WF_OK);
    }
    fake_door_script(rows[row].script, rows[row].n);
}

static enum wf_reason play(size_t row, unsigned long from, unsigned long to)
{
    prepare(row);
    key_log[0] = '\0';
    verifier[0] = '\0';
    leftover_begin(from, to);
    enum wf_reason reason = rows[row].run();
    leftover_end();
    if (leftover_blocks != 0)
        fail_msg("%s: allocation %lu: %ld blocks leak", rows[row].name, from, leftover_blocks);
    if (left_behind != NULL)
        fail_msg("%s: allocation %lu: \"%s\" left behind", rows[row].name, from, left_behind);
    return reason;
}

/* True if this may be kept after a row in which something failed: without a request nothing has
 * changed, and a session that was reported is there. */
static bool is_possible(size_t row, enum wf_reason reason, struct wf_span token)
{
    if (rows[row].before == SESSION && fake_door_count() == 0 && rows[row].run != do_end)
        return wf_span_equals(token, REFRESH);
    if (rows[row].before == NOTHING && rows[row].run == do_sign_in)
        return (reason == WF_OK) == (token.ptr != NULL);
    return token.ptr == NULL || wf_span_equals(token, REFRESH) ||
           wf_span_equals(token, NEW_REFRESH);
}

static void check_kept(size_t row, unsigned long from, enum wf_reason reason)
{
    struct wf_record *record = kept();
    struct wf_span token = wf_secret_borrow(record == NULL ? NULL : record->refresh);
    bool fits = is_possible(row, reason, token);

    if (from == 0)
        fits = rows[row].kept == NULL ? token.ptr == NULL : wf_span_equals(token, rows[row].kept);
    if (!fits)
        fail_msg("%s: allocation %lu: %s, and \"%.*s\" is kept", rows[row].name, from,
                 wf_reason_name(reason), (int)token.len, token.ptr == NULL ? "" : token.ptr);
    wf_record_free(record);
}

static void test_nothing_left_behind(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        enum wf_reason reason = play(i, 0, 0);
        if (reason != rows[i].reason)
            fail_msg("%s: %s: %s", rows[i].name, wf_reason_name(reason), key_log);
        check_kept(i, 0, reason);
    }
}

static void test_short_of_memory(void **state)
{
    (void)state;
    if (!LEFTOVER_REPLACED)
        skip();
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        (void)play(i, 0, 0);
        unsigned long all = leftover_calls;
        assert_true(all > 2);
        for (unsigned long at = 1; at <= 2 * all; at++) {
            unsigned long from = (at + 1) / 2;
            enum wf_reason reason = play(i, from, at % 2 == 1 ? from : ULONG_MAX);
            /* An answer that cannot be read says nothing of the session */
            bool unread = reason == WF_UNREACHABLE && fake_door_count() > 0;
            if (reason != rows[i].reason && reason != WF_INTERNAL && reason != WF_CONFIG && !unread)
                fail_msg("%s: allocation %lu: %s: %s", rows[i].name, from, wf_reason_name(reason),
                         key_log);
            check_kept(i, from, reason);
        }
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static int set_up(void **state)
{
    const struct wf_host host = {
        .config = config_path, .log = key_log_sink, .http_new = fake_door_new};
    static const char *const secrets[] = {CODE,    ACCESS, REFRESH, NEW_ACCESS, NEW_REFRESH,
                                          MACHINE, SECRET, KEY,     verifier};
    char text[2048];

    (void)state;
    memcpy(leftover_secrets, secrets, sizeof(secrets));
    key_folder_make(folder, sizeof(folder));
    (void)snprintf(cache, sizeof(cache), "%s.cache", folder);
    (void)snprintf(config_path, sizeof(config_path), "%s.conf", folder);
    (void)snprintf(secret_path, sizeof(secret_path), "%s.secret", folder);
    (void)snprintf(key_path, sizeof(key_path), "%s.key", folder);
    write_file(secret_path, SECRET "\n");
    write_file(key_path, KEY);
    (void)snprintf(text, sizeof(text),
                   "[provider acme]\ntype = workfront\nurl = https://acme.my.workfront.com\n"
                   "client_id = cid\nclient_secret_file = %s\n"
                   "redirect_uri = https://login.acme.example/code\n"
                   "[provider relay]\ntype = workfront\nurl = https://acme.my.workfront.com\n"
                   "client_id = m\ncustomer_id = c1\nuser_id = u1\nclient_secret_file = %s\n"
                   "private_key_file = %s\ncache_dir = %s\n"
                   "[service *]\nprovider = acme\nstrip_domain = acme.example\n",
                   secret_path, secret_path, key_path, cache);
    write_file(config_path, text);
    struct wf_err err = WF_ERR_INIT;
    if (wf_context_new(&host, &context, &err) != WF_OK)
        fail_msg("%s", err.text);
    acme = wf_conf_provider(wf_context_conf_borrow(context), "acme");
    /* The first time fills caches of the libraries that stay */
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        prepare(i);
        (void)rows[i].run();
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_context_free(context);
    key_folder_empty(cache);
    key_folder_empty(folder);
    (void)rmdir(cache);
    (void)rmdir(folder);
    (void)unlink(config_path);
    (void)unlink(secret_path);
    (void)unlink(key_path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_left_behind),
        cmocka_unit_test(test_short_of_memory),
    };

    return cmocka_run_group_tests_name("session_memory", tests, set_up, tear_down);
}
