/*
 * The whole sign-in above the door to the network: what the person sees, what the provider gets
 * asked, what the log says, who gets in. passwd and the clock's sleep are this file's own, so that
 * no account of the machine counts and no test waits.
 */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakedoor.h"
#include "wfauth.h"

/* passwd */
static bool passwd_is_down;
static const struct {
    const char *name;
    uid_t uid;
} accounts[] = {{"alice", 1001}, {"bob", 1002}, {"root", 0}, {"www-data", 33}};

int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, struct passwd **ret)
{
    *ret = NULL;
    if (passwd_is_down)
        return EIO;
    for (size_t i = 0; i < WF_ARRAY_LEN(accounts); i++) {
        if (strcmp(accounts[i].name, name) != 0)
            continue;
        (void)snprintf(buf, size, "%s", name);
        *pw = (struct passwd){.pw_name = buf, .pw_uid = accounts[i].uid, .pw_gid = 1};
        *ret = pw;
    }
    return 0;
}

/* The clock */
static unsigned sleeps;
static int64_t slept_until;

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *rest)
{
    (void)rest;
    assert_int_equal(clock, CLOCK_MONOTONIC);
    assert_int_equal(flags, TIMER_ABSTIME);
    slept_until = until->tv_sec;
    /* Interrupted once: a host has signals */
    return sleeps++ % 2 == 0 ? EINTR : 0;
}

/* The log */
static char logged[16384];
static unsigned audits;

static void write_log(void *ctx, enum wf_level level, const char *line)
{
    size_t used = strlen(logged);

    (void)ctx;
    (void)level;
    (void)snprintf(logged + used, sizeof(logged) - used, "%s\n", line);
    if (strstr(line, " verdict=") != NULL)
        audits++;
}

static char dir[] = "/tmp/wfauth-test-XXXXXX";
static char config_path[64];

static void write_config(const char *more)
{
    FILE *file = fopen(config_path, "w");

    assert_non_null(file);
    fprintf(file,
            "[provider acme]\ntype = workfront\nurl = https://acme.my.workfront.com\n"
            "client_id = cid\nredirect_uri = https://login.acme.example/code\n"
            "strip_domain = acme.example\n[service *]\nprovider = acme\n%s",
            more);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(config_path, 0600), 0);
}

/* One sign-in */
struct session {
    struct wf_context *context;
    struct wf_request request;
    struct wf_login *login;
    struct wf_result result;
    struct wf_err err;
};

static enum wf_reason start(struct session *s, const char *user, bool hides, const char *more)
{
    const struct wf_host host = {
        .config = config_path, .log = {.write = write_log, .debug = true}, .http_new = fake_door_new};

    *s = (struct session){.request = {.service = "sshd",
                                      .user = user,
                                      .rhost = "192.0.2.1",
                                      .hides_users = hides}};
    sleeps = 0;
    audits = 0;
    passwd_is_down = false;
    memset(logged, 0, sizeof(logged));
    write_config(more);
    if (wf_context_new(&host, &s->context, &s->err) != WF_OK)
        fail_msg("%s\n%s", s->err.text, logged);
    return wf_login_begin(s->context, &s->request, &s->login, &s->err);
}

static void begin(struct session *s, const char *user, bool hides, const char *more)
{
    if (start(s, user, hides, more) != WF_OK)
        fail_msg("%s", s->err.text);
}

static void finish(struct session *s)
{
    wf_login_free(s->login);
    wf_context_free(s->context);
}

static enum wf_reason answer(struct session *s, const char *text)
{
    return wf_login_answer(s->login, text, strlen(text), &s->result, &s->err);
}

static const char *prompt(struct session *s)
{
    const char *text = wf_login_prompt_borrow(s->login);

    assert_non_null(text);
    return text;
}

/* The address of the prompt; static storage. */
static const char *address(struct session *s)
{
    static char copy[2100];
    const char *at = strstr(prompt(s), "https://acme.my.workfront.com/integrations/oauth2/authorize?");

    assert_non_null(at);
    (void)snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(at, "\n"), at);
    return copy;
}

#define TOKENS                                                                                     \
    {                                                                                              \
        .status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"0a1btoken\"}"     \
    }
#define WRONG_CODE                                                                                 \
    {                                                                                              \
        .status = 400, .body = "{\"error\":\"invalid_grant\"}"                                     \
    }
#define PERSON(name, active)                                                                       \
    {                                                                                              \
        .status = 200, .body = "{\"data\":[{\"ID\":\"wf-id-1\",\"username\":\"" name               \
                               "@acme.example\",\"isActive\":" active "}]}"                        \
    }
#define GOOD(name) TOKENS, PERSON(name, "true")

static void script(const struct fake_answer *answers, size_t n)
{
    fake_door_script(answers, n);
}
#define SCRIPT(...)                                                                                \
    static const struct fake_answer scripted[] = {__VA_ARGS__};                                    \
    script(scripted, WF_ARRAY_LEN(scripted))

static void test_good(void **state)
{
    (void)state;
    struct session s;
    SCRIPT(GOOD("Alice"));

    begin(&s, "alice", false, "qr = no\n");
    assert_non_null(strstr(prompt(&s), "Sign in as alice on "));
    assert_non_null(strstr(prompt(&s), "(sshd) with Adobe Workfront"));
    assert_non_null(strstr(prompt(&s), "2 minutes"));
    assert_non_null(address(&s));
    assert_string_equal(prompt(&s) + strlen(prompt(&s)) - 2, ": ");
    assert_int_equal(fake_door_count(), 0);
    assert_int_equal(answer(&s, " the-code\n"), WF_OK);
    assert_int_equal(fake_door_count(), 2);
    assert_non_null(strstr(fake_door_request(0)->body, "code=the-code&"));
    assert_non_null(strstr(fake_door_request(1)->headers, "sessionID: 0a1btoken\n"));
    assert_string_equal(s.result.user, "alice");
    assert_string_equal(s.result.provider, "acme");
    assert_string_equal(s.result.subject, "wf-id-1");
    assert_int_equal(s.result.reason, WF_OK);
    assert_false(wf_login_is_open(s.login));
    assert_int_equal(audits, 1);
    assert_non_null(strstr(logged, "sign-in service=\"sshd\" user=\"alice\" rhost=\"192.0.2.1\" "
                                   "provider=\"acme\" subject=\"wf-id-1\" verdict=accept\n"));
    assert_null(strstr(logged, "the-code"));
    assert_null(strstr(logged, "0a1btoken"));
    /* Closed means closed: the same answer again gets nobody in and asks nobody */
    assert_int_equal(answer(&s, "the-code"), WF_INTERNAL);
    assert_int_equal(fake_door_count(), 2);
    finish(&s);
}

static void test_wrong_then_right(void **state)
{
    (void)state;
    struct session s;
    char first[2100];
    SCRIPT(WRONG_CODE, GOOD("alice"));

    begin(&s, "alice", false, "");
    (void)snprintf(first, sizeof(first), "%s", address(&s));
    assert_int_equal(answer(&s, "wrong"), WF_EXPIRED);
    assert_true(wf_login_is_open(s.login));
    assert_string_not_equal(address(&s), first);
    const char *advice = wf_reason_advice(WF_EXPIRED);
    assert_memory_equal(prompt(&s), advice, strlen(advice));
    assert_int_equal(answer(&s, "right"), WF_OK);
    /* Each code goes with the verifier of its own address */
    assert_string_not_equal(strstr(fake_door_request(0)->body, "code_verifier="),
                            strstr(fake_door_request(1)->body, "code_verifier="));
    assert_int_equal(audits, 2);
    finish(&s);
}

static void test_three_tries(void **state)
{
    (void)state;
    struct session s;
    SCRIPT(WRONG_CODE, WRONG_CODE, WRONG_CODE, GOOD("alice"));

    begin(&s, "alice", false, "");
    assert_int_equal(answer(&s, "a"), WF_EXPIRED);
    assert_int_equal(answer(&s, "b"), WF_EXPIRED);
    assert_true(wf_login_is_open(s.login));
    assert_int_equal(answer(&s, "c"), WF_EXPIRED);
    assert_false(wf_login_is_open(s.login));
    assert_int_equal(answer(&s, "d"), WF_INTERNAL);
    assert_int_equal(fake_door_count(), 3);
    finish(&s);
}

/* What one answer leads to where users are not hidden: which reason, whether another answer may
 * follow, whose name is proven, how many requests were sent. */
#define PASSWORD "correct horse"
static const struct {
    const char *name;
    const char *user;
    const char *more;
    const char *answer;
    struct fake_answer script[2];
    enum wf_reason reason;
    bool open;
    const char *proven;
    size_t requests;
} outcomes[] = {
    {"good", "alice", "", "c", {GOOD("alice")}, WF_OK, false, "alice", 2},
    {"somebody else", "bob", "", "c", {GOOD("alice")}, WF_IDENTITY, true, "", 2},
    {"other domain", "alice", "[service sshd]\nstrip_domain = evil.example\n", "c", {GOOD("alice")}, WF_IDENTITY, true, "", 2},
    {"a name that is no name", "alice", "", "c", {GOOD("al\\nice")}, WF_IDENTITY, true, "", 2},
    {"inactive", "alice", "", "c", {TOKENS, PERSON("alice", "false")}, WF_INACTIVE, false, "alice", 2},
    {"somebody else, inactive", "bob", "", "c", {TOKENS, PERSON("alice", "false")}, WF_INACTIVE, false, "", 2},
    {"denied by name", "alice", "deny_users = alice\n", "c", {GOOD("alice")}, WF_DENIED, false, "alice", 2},
    {"not among the allowed", "alice", "allow_users = bob\n", "c", {GOOD("alice")}, WF_DENIED, false, "alice", 2},
    {"required group absent", "alice", "require = homeGroupID:g1\n", "c", {GOOD("alice")}, WF_DENIED, false, "alice", 2},
    {"dead session", "alice", "", "c", {TOKENS, {.status = 401, .body = "{}"}}, WF_INACTIVE, false, "", 2},
    {"wrong code", "alice", "", "c", {WRONG_CODE}, WF_EXPIRED, true, "", 1},
    {"client refused", "alice", "", "c", {{.status = 401, .body = "{}"}}, WF_CONFIG, false, "", 1},
    {"429", "alice", "", "c", {{.status = 429, .body = ""}}, WF_UNREACHABLE, false, "", 1},
    {"look-up 500", "alice", "", "c", {TOKENS, {.status = 500, .body = ""}}, WF_UNREACHABLE, false, "", 2},
    {"provider down", "alice", "", "c", {{.reason = WF_UNREACHABLE}}, WF_UNREACHABLE, false, "", 1},
    {"empty answer", "alice", "", "", {GOOD("alice")}, WF_MALFORMED, true, "", 0},
    {"a password with blanks", "alice", "", PASSWORD, {GOOD("alice")}, WF_MALFORMED, true, "", 0},
    {"another sign-in's address", "alice", "", "https://x.example/?code=c&state=s", {GOOD("alice")}, WF_MALFORMED, true, "", 0},
    {"unknown user", "carol", "", "c", {GOOD("carol")}, WF_IDENTITY, true, "", 1},
    {"root", "root", "", "c", {GOOD("root")}, WF_IDENTITY, true, "", 1},
    {"root, with the bounds open", "root", "min_uid = 0\n", "c", {GOOD("root")}, WF_IDENTITY, true, "", 2},
    {"system account", "www-data", "", "c", {GOOD("www-data")}, WF_IDENTITY, true, "", 1},
    {"a user name that is none", "../x", "", "c", {GOOD("../x")}, WF_IDENTITY, true, "", 1},
};

static void test_outcomes(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(outcomes); i++) {
        struct session s;
        begin(&s, outcomes[i].user, false, outcomes[i].more);
        script(outcomes[i].script, 2);
        enum wf_reason reason = answer(&s, outcomes[i].answer);
        if (reason != outcomes[i].reason)
            fail_msg("%s: %s (%s)", outcomes[i].name, wf_reason_name(reason), s.err.text);
        if (wf_login_is_open(s.login) != outcomes[i].open)
            fail_msg("%s: open is %d", outcomes[i].name, wf_login_is_open(s.login));
        if (strcmp(s.result.user, outcomes[i].proven) != 0)
            fail_msg("%s: proven is \"%s\"", outcomes[i].name, s.result.user);
        if (fake_door_count() != outcomes[i].requests)
            fail_msg("%s: %zu requests", outcomes[i].name, fake_door_count());
        if (audits != 1 || s.result.reason != reason)
            fail_msg("%s: %u audit lines\n%s", outcomes[i].name, audits, logged);
        if (strstr(logged, "0a1btoken") != NULL || strstr(logged, PASSWORD) != NULL)
            fail_msg("%s: a secret in the log:\n%s", outcomes[i].name, logged);
        if (sleeps != 0)
            fail_msg("%s: slept", outcomes[i].name);
        finish(&s);
    }
}

/* A user who cannot sign in: the answer must not travel, and the words are those of a wrong
 * code. */
static void test_unknown_user(void **state)
{
    (void)state;
    for (int hides = 0; hides < 2; hides++) {
        struct session s;
        SCRIPT(GOOD("carol"), GOOD("carol"));
        begin(&s, "carol", hides, "");
        assert_int_equal(answer(&s, "a-real-code"), WF_IDENTITY);
        assert_null(strstr(fake_door_request(0)->body, "a-real-code"));
        assert_non_null(strstr(fake_door_request(0)->body, "grant_type=authorization_code&code="));
        if (!hides)
            assert_string_equal(wf_login_advice(s.login, WF_IDENTITY),
                                wf_reason_advice(WF_EXPIRED));
        finish(&s);
    }
}

/* Where users are hidden, all that the person sees is the same: text, number of prompts, delay,
 * number of requests for a bad answer. Only the log knows better. */
static const struct {
    const char *name;
    const char *user;
    const char *answer;
    struct fake_answer script[2];
    enum wf_reason reason;
} hidden[] = {
    {"wrong code", "alice", "c", {WRONG_CODE}, WF_EXPIRED},
    {"empty", "alice", "", {WRONG_CODE}, WF_MALFORMED},
    {"unprintable", "alice", "\b\n\r\177INCORRECT", {WRONG_CODE}, WF_MALFORMED},
    {"another sign-in", "alice", "code=c&state=s", {WRONG_CODE}, WF_MALFORMED},
    {"unknown user", "carol", "c", {WRONG_CODE}, WF_IDENTITY},
    {"unknown user, unprintable", "carol", "\b\n\r\177INCORRECT", {WRONG_CODE}, WF_IDENTITY},
    {"root", "root", "c", {WRONG_CODE}, WF_IDENTITY},
    {"system account", "www-data", "c", {WRONG_CODE}, WF_IDENTITY},
    {"inactive", "alice", "c", {TOKENS, PERSON("alice", "false")}, WF_INACTIVE},
    {"somebody else", "bob", "c", {GOOD("alice")}, WF_IDENTITY},
};

static void test_hidden_users(void **state)
{
    (void)state;
    const char *said = NULL;

    for (size_t i = 0; i < WF_ARRAY_LEN(hidden); i++) {
        struct session s;
        begin(&s, hidden[i].user, true, "");
        script(hidden[i].script, 2);
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        enum wf_reason reason = answer(&s, hidden[i].answer);
        if (reason != hidden[i].reason)
            fail_msg("%s: %s (%s)", hidden[i].name, wf_reason_name(reason), s.err.text);
        if (!wf_login_is_open(s.login))
            fail_msg("%s: closed", hidden[i].name);
        const char *advice = wf_login_advice(s.login, reason);
        if (said != NULL && strcmp(said, advice) != 0)
            fail_msg("%s: says %s", hidden[i].name, advice);
        said = advice;
        assert_memory_equal(prompt(&s), advice, strlen(advice));
        if (sleeps != 2 || slept_until < now.tv_sec + 2)
            fail_msg("%s: %u sleeps", hidden[i].name, sleeps);
        if (fake_door_count() == 0)
            fail_msg("%s: no request", hidden[i].name);
        finish(&s);
    }
}

static void test_hidden_outage(void **state)
{
    (void)state;
    static const struct {
        const char *user;
        const char *answer;
    } rows[] = {{"alice", "c"}, {"alice", ""}, {"carol", "c"}, {"root", "\177INCORRECT"}};
    static const struct fake_answer down[] = {{.status = 503, .body = ""}};

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct session s;
        begin(&s, rows[i].user, true, "");
        script(down, 1);
        assert_int_equal(answer(&s, rows[i].answer), WF_UNREACHABLE);
        assert_false(wf_login_is_open(s.login));
        assert_int_equal(sleeps, 0);
        assert_string_equal(wf_login_advice(s.login, WF_UNREACHABLE),
                            wf_reason_advice(WF_UNREACHABLE));
        finish(&s);
    }
}

static void test_hidden_good(void **state)
{
    (void)state;
    struct session s;
    SCRIPT(GOOD("alice"));

    begin(&s, "alice", true, "");
    assert_int_equal(answer(&s, "c"), WF_OK);
    assert_int_equal(sleeps, 0);
    finish(&s);
}

static void test_abandoned(void **state)
{
    (void)state;
    struct session s;
    SCRIPT(GOOD("alice"));

    begin(&s, "alice", false, "");
    wf_login_abandon(s.login);
    wf_login_abandon(s.login);
    assert_int_equal(audits, 1);
    assert_non_null(strstr(logged, "verdict=refuse reason=pending"));
    assert_false(wf_login_is_open(s.login));
    assert_int_equal(answer(&s, "c"), WF_INTERNAL);
    assert_int_equal(fake_door_count(), 0);
    finish(&s);
}

static void test_begin_refusals(void **state)
{
    (void)state;
    struct session s;
    const struct wf_host host = {.config = "/nonexistent/wfauth.conf"};

    begin(&s, "alice", false, "");
    wf_login_free(s.login);
    s.login = NULL;
    passwd_is_down = true;
    assert_int_equal(wf_login_begin(s.context, &s.request, &s.login, &s.err), WF_UNREACHABLE);
    assert_null(s.login);
    finish(&s);
    s.context = NULL;
    assert_int_equal(wf_context_new(&host, &s.context, &s.err), WF_CONFIG);
    assert_null(s.context);
}

static void test_faulty_configuration(void **state)
{
    (void)state;
    struct wf_context *context = NULL;
    struct wf_err err = WF_ERR_INIT;
    const struct wf_host host = {
        .config = config_path, .log = {.write = write_log}, .http_new = fake_door_new};

    memset(logged, 0, sizeof(logged));
    write_config("nonsense = 1\nmin_uid = x\n");
    assert_int_equal(wf_context_new(&host, &context, &err), WF_CONFIG);
    assert_non_null(strstr(logged, "wfauth.conf:9:"));
    assert_non_null(strstr(logged, "wfauth.conf:10:"));
    write_config("");
    assert_int_equal(chmod(config_path, 0666), 0);
    assert_int_equal(wf_context_new(&host, &context, &err), WF_CONFIG);
    assert_null(context);
}

static void test_prompt_is_clean(void **state)
{
    (void)state;
    struct session s;

    begin(&s, "x\x1b[2J\ny", false, "qr = no\n");
    assert_null(strchr(prompt(&s), '\x1b'));
    assert_non_null(strstr(prompt(&s), "Sign in as x?[2J?y on "));
    finish(&s);
}

static void test_qr(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        bool hides;
        bool shown;
    } rows[] = {{"", true, false},         {"", false, true},          {"qr = no\n", false, false},
                {"qr = utf8\n", true, true}, {"qr = utf8\n", false, true}};

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct session s;
        begin(&s, "alice", rows[i].hides, rows[i].more);
        /* U+2580..U+259F are the block elements */
        bool shown = strstr(prompt(&s), "\xe2\x96") != NULL;
#ifdef HAVE_QRENCODE
        assert_int_equal(shown, rows[i].shown);
#else
        assert_false(shown);
#endif
        finish(&s);
    }
}

/* The account phase. */
static const struct {
    const char *name;
    const char *user;
    const char *more;
    struct wf_result found; /* user "" means that nothing was found */
    enum wf_reason reason;
    bool opinion;
} account_rows[] = {
    {"nothing known", "alice", "", {.reason = WF_OK}, WF_OK, false},
    {"root by key", "root", "", {.reason = WF_OK}, WF_OK, false},
    {"signed in", "alice", "", {WF_OK, "alice", "acme", "wf-id-1", 0, ""}, WF_OK, true},
    {"signed in, then PAM_USER changed", "bob", "", {WF_OK, "alice", "acme", "wf-id-1", 0, ""}, WF_OK, false},
    {"inactive", "alice", "", {WF_INACTIVE, "alice", "acme", "wf-id-1", 0, ""}, WF_INACTIVE, true},
    {"denied at sign-in", "alice", "", {WF_DENIED, "alice", "acme", "wf-id-1", 0, ""}, WF_DENIED, true},
    {"somebody's refusal", "alice", "", {WF_INACTIVE, "", "acme", "wf-id-1", 0, ""}, WF_OK, false},
    {"denied by name", "alice", "deny_users = alice\n", {.reason = WF_OK}, WF_DENIED, true},
    {"denied by name after signing in", "alice", "deny_users = alice\n", {WF_OK, "alice", "acme", "x", 0, ""}, WF_DENIED, true},
    {"not among the allowed", "alice", "allow_users = bob\n", {.reason = WF_OK}, WF_DENIED, true},
    {"may be allowed by a group that is not known here", "alice", "allow_users = bob, homeGroupID:g1\n", {.reason = WF_OK}, WF_OK, false},
    {"uid out of bounds by now", "alice", "min_uid = 2000\n", {WF_OK, "alice", "acme", "x", 0, ""}, WF_IDENTITY, true},
    {"account gone by now", "carol", "", {WF_OK, "carol", "acme", "x", 0, ""}, WF_IDENTITY, true},
};

static void test_account(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(account_rows); i++) {
        struct session s;
        bool opinion = false;
        const struct wf_result *found = &account_rows[i].found;
        begin(&s, account_rows[i].user, false, account_rows[i].more);
        enum wf_reason reason = wf_account_check(
            s.context, &s.request, found->provider[0] == '\0' ? NULL : found, &opinion, &s.err);
        if (reason != account_rows[i].reason || opinion != account_rows[i].opinion)
            fail_msg("%s: %s, opinion %d (%s)", account_rows[i].name, wf_reason_name(reason),
                     opinion, s.err.text);
        if (audits != (opinion ? 1U : 0U))
            fail_msg("%s: %u audit lines", account_rows[i].name, audits);
        finish(&s);
    }
}

static int make_dir(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(config_path, sizeof(config_path), "%s/wfauth.conf", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(config_path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_wrong_then_right),
        cmocka_unit_test(test_three_tries),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_unknown_user),
        cmocka_unit_test(test_hidden_users),
        cmocka_unit_test(test_hidden_outage),
        cmocka_unit_test(test_hidden_good),
        cmocka_unit_test(test_abandoned),
        cmocka_unit_test(test_begin_refusals),
        cmocka_unit_test(test_faulty_configuration),
        cmocka_unit_test(test_prompt_is_clean),
        cmocka_unit_test(test_qr),
        cmocka_unit_test(test_account),
    };
    return cmocka_run_group_tests_name("login", tests, make_dir, remove_dir);
}
