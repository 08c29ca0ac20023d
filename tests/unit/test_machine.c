/* Tokens of a host's own: what is asked of the provider, what its answers mean, and for how long
 * they are kept for whom. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakedoor.h"
#include "machine.h"

#define T0 1700000000

static char folder[64];
static char key_path[96];
static char secret_path[96];
static char cache_path[96];
static struct wf_cachedir *dir;
static char logged[WF_LOG_LINE_MAX];

static const struct wf_provider_conf workfront = {
    .name = "relay",
    .type = WF_PROVIDER_WORKFRONT,
    .url = "https://acme.example",
    .client_id = "m 2",
    .client_secret_file = secret_path,
    .private_key_file = key_path,
    .customer_id = "c1",
    .user_id = "u1",
    .timeout = 1,
};
static const struct wf_provider_conf oidc = {
    .name = "sso",
    .type = WF_PROVIDER_OIDC,
    .url = "https://sso.example",
    .client_id = "relay",
    .private_key_file = key_path,
    .grant = WF_GRANT_JWT_BEARER,
    .assertion_subject = "r@acme.example",
    .scope = "mail send",
    .timeout = 1,
};

static void keep_log(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)snprintf(logged, sizeof(logged), "%s", line);
}
static const struct wf_log log_kept = {.write = keep_log};

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
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/test_machine.XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(key_path, sizeof(key_path), "%s/key", folder);
    (void)snprintf(secret_path, sizeof(secret_path), "%s/secret", folder);
    (void)snprintf(cache_path, sizeof(cache_path), "%s/cache", folder);
    write_file(key_path, "the key");
    write_file(secret_path, "s:cret\n");
    logged[0] = '\0';
    return wf_cachedir_open(cache_path, &log_kept, &dir, NULL) == WF_OK && dir != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    wf_cachedir_free(dir);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

/* The only entry of the cache folder whose name begins with "token-" and is no lock. */
static void entry_path(char *ret, size_t size)
{
    char command[160];

    (void)snprintf(command, sizeof(command), "ls -d %s/token-* | grep -v lock", cache_path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(ret, (int)size, pipe));
    ret[strcspn(ret, "\n")] = '\0';
    (void)pclose(pipe);
    /* "token-" and a whole SHA-256 */
    assert_int_equal(strlen(strrchr(ret, '/') + 1), 6 + 64);
}

static bool has_entry(void)
{
    char command[160];

    (void)snprintf(command, sizeof(command), "ls %s | grep -q ^token-", cache_path);
    return system(command) == 0;
}

/* Ask once; "" in token if that failed. */
static enum wf_reason get(const struct wf_provider_conf *conf, struct wf_cachedir *in, int64_t now,
                          char token[64], struct wf_err *err)
{
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_endpoint endpoint = {conf, http};
    struct wf_secret *secret = NULL;
    enum wf_reason reason = wf_machine_token(&endpoint, in, &log_kept, now, &secret, err);

    assert_int_equal(reason == WF_OK, secret != NULL);
    (void)snprintf(token, 64, "%s", secret == NULL ? "" : wf_secret_borrow(secret).ptr);
    wf_secret_free(secret);
    wf_http_free(http);
    return reason;
}

static void expect_token(const struct wf_provider_conf *conf, int64_t now, const char *wanted,
                         size_t requests)
{
    char token[64];
    struct wf_err err = WF_ERR_INIT;

    if (get(conf, dir, now, token, &err) != WF_OK)
        fail_msg("%s", err.text);
    assert_string_equal(token, wanted);
    assert_int_equal(fake_door_count(), requests);
}

#define TOKEN(token, seconds)                                                                      \
    {                                                                                              \
        .status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"" token "\","     \
                               "\"expires_in\":" #seconds "}"                                      \
    }
#define DOCUMENT                                                                                   \
    {                                                                                              \
        .status = 200, .body = "{\"issuer\":\"https://sso.example\","                              \
                               "\"token_endpoint\":\"https://sso.example/t\"}"                     \
    }

static void test_exchange(void **state)
{
    const struct fake_answer answers[] = {TOKEN("t1", 3600)};

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    expect_token(&workfront, T0, "t1", 1);
    const struct fake_request *request = fake_door_request(0);
    assert_string_equal(request->method, "POST");
    assert_string_equal(request->url,
                        "https://acme.example/integrations/oauth2/api/v1/jwt/exchange");
    assert_string_equal(
        request->body, "jwt_token=signed.c1.u1.-.120.RS256&client_id=m%202&client_secret=s%3Acret");
    assert_null(strstr(request->headers, "Authorization"));
    /* A first token is nothing to warn of */
    assert_string_equal(logged, "");
    expect_token(&workfront, T0, "t1", 1);
}

#define GRANT "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
static void test_bearer(void **state)
{
    const struct fake_answer answers[] = {DOCUMENT, TOKEN("t1", 3600), TOKEN("t2", 3600)};
    struct wf_provider_conf named = oidc;

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    expect_token(&oidc, T0, "t1", 2);
    assert_string_equal(fake_door_request(1)->url, "https://sso.example/t");
    assert_string_equal(fake_door_request(1)->body,
                        GRANT "signed.relay.r%40acme.example.https%3A%2F%2Fsso.example.120"
                              "&scope=mail%20send&client_id=relay");
    expect_token(&oidc, T0, "t1", 2);
    /* Others, and the client proves itself by the same key */
    named.assertion_issuer = "i";
    named.assertion_audience = "a";
    named.scope = NULL;
    named.client_auth = WF_CLIENT_AUTH_PRIVATE_KEY_JWT;
    expect_token(&named, T0, "t2", 3);
    const char *body = fake_door_request(2)->body;
    assert_non_null(strstr(body, GRANT "signed.i.r%40acme.example.a.120&client_id=relay&"));
    assert_non_null(strstr(body, "client_assertion=signed.relay.relay.https%3A%2F%2Fsso"));
}

static void test_no_endpoint(void **state)
{
    const struct fake_answer answers[] = {
        {.status = 200, .body = "{\"issuer\":\"https://sso.example\"}"}};
    struct wf_err err = WF_ERR_INIT;
    char token[64];

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    assert_int_equal(get(&oidc, dir, T0, token, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "names no token endpoint"));
}

static void test_no_discovery(void **state)
{
    const struct fake_answer answers[] = {{.status = 500, .body = "{}"}};
    struct wf_err err = WF_ERR_INIT;
    char token[64];

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    assert_int_equal(get(&oidc, dir, T0, token, &err), WF_UNREACHABLE);
    assert_non_null(strstr(err.text, "status 500"));
}

/* An endpoint that is not there any more is looked for anew, one that refuses is not. */
static void test_moved(void **state)
{
    const struct fake_answer answers[] = {DOCUMENT,
                                          {.status = 404, .body = "{}"},
                                          DOCUMENT,
                                          {.status = 400, .body = "{\"error\":\"x\"}"},
                                          TOKEN("t", 600)};
    char token[64];

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    assert_int_equal(get(&oidc, dir, T0, token, NULL), WF_CONFIG);
    assert_int_equal(get(&oidc, dir, T0 + 5, token, NULL), WF_EXPIRED);
    assert_int_equal(fake_door_count(), 4);
    expect_token(&oidc, T0 + 10, "t", 5);
}

/* For how long a token is kept. */
static void test_lifetimes(void **state)
{
    static const struct {
        struct fake_answer answer;
        int64_t kept;
    } rows[] = {
        {TOKEN("a", 0), 300},       {TOKEN("b", 3600), 3540}, {TOKEN("c", 3660), 3600},
        {TOKEN("d", 100000), 3600}, {TOKEN("e", 120), 60},    {TOKEN("f", 119), 60},
        {TOKEN("g", 10), 5},        {TOKEN("h", 1), 1},       {TOKEN("i", 150), 90},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        const struct fake_answer answers[] = {rows[i].answer, TOKEN("next", 0)};
        char first[2] = {(char)('a' + i), '\0'};
        assert_int_equal(wf_machine_forget(&workfront, dir, NULL), WF_OK);
        fake_door_script(answers, WF_ARRAY_LEN(answers));
        expect_token(&workfront, T0, first, 1);
        expect_token(&workfront, T0 + rows[i].kept - 1, first, 1);
        expect_token(&workfront, T0 + rows[i].kept, "next", 2);
    }
}

static const struct {
    const char *name;
    struct fake_answer answer;
    enum wf_reason reason;
    const char *text;
} refusals[] = {
    {"the key is gone",
     {.status = 400, .body = "{\"error\":\"invalid_grant\"}"},
     WF_EXPIRED,
     "refuses the assertion signed with /tmp/test_machine"},
    {"an error of its own",
     {.status = 400, .body = "{\"error\":\"x\\u001b\"}"},
     WF_EXPIRED,
     "this host's clock right?): x"},
    {"client",
     {.status = 401, .body = "{\"error\":\"invalid_client\"}"},
     WF_CONFIG,
     "refuses this client: status 401 invalid_client: check url, client_id, client_secret_file"},
    {"client, 400",
     {.status = 400, .body = "{\"error\":\"unauthorized_client\"}"},
     WF_CONFIG,
     "refuses this client"},
    {"401", {.status = 401, .type = "text/html", .body = "x"}, WF_CONFIG, "refuses this client"},
    {"403", {.status = 403, .body = "{}"}, WF_CONFIG, "refuses this client"},
    {"404", {.status = 404, .body = "{}"}, WF_CONFIG, "refuses this client: status 404"},
    {"400 of a proxy",
     {.status = 400, .type = "text/html", .body = "x"},
     WF_UNREACHABLE,
     "expected an OAuth2 error"},
    {"409", {.status = 409, .body = "{\"error\":\"x\"}"}, WF_UNREACHABLE, "expected an OAuth2"},
    {"429", {.status = 429, .body = "{}"}, WF_UNREACHABLE, ""},
    {"500", {.status = 500, .body = "{}"}, WF_UNREACHABLE, ""},
    {"302", {.status = 302, .body = "{}"}, WF_UNREACHABLE, ""},
    {"no token",
     {.status = 200, .body = "{\"token_type\":\"sessionID\"}"},
     WF_UNREACHABLE,
     "access_token"},
    {"no answer", {.reason = WF_UNREACHABLE}, WF_UNREACHABLE, ""},
};

/* Each is everybody's for a moment; the token that was kept before is gone. */
static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(refusals); i++) {
        const struct fake_answer answers[] = {TOKEN("old", 600), refusals[i].answer,
                                              TOKEN("new", 600)};
        struct wf_err err = WF_ERR_INIT;
        struct wf_err again = WF_ERR_INIT;
        char token[64];
        assert_int_equal(wf_machine_forget(&workfront, dir, NULL), WF_OK);
        fake_door_script(answers, WF_ARRAY_LEN(answers));
        expect_token(&workfront, T0, "old", 1);
        enum wf_reason reason = get(&workfront, dir, T0 + 540, token, &err);
        if (reason != refusals[i].reason || strstr(err.text, refusals[i].text) == NULL)
            fail_msg("%s: %s, %s", refusals[i].name, wf_reason_name(reason), err.text);
        assert_null(strstr(err.text, "s:cret"));
        assert_null(strchr(err.text, '\033'));
        /* A clock that goes back does not bring it back */
        assert_int_equal(get(&workfront, dir, T0 + 539, token, &again), refusals[i].reason);
        assert_int_equal(get(&workfront, dir, T0 + 544, token, &again), refusals[i].reason);
        assert_string_equal(again.text, err.text);
        assert_int_equal(fake_door_count(), 2);
        expect_token(&workfront, T0 + 545, "new", 3);
    }
}

/* Longer where the provider says so, but not for good. */
static void test_wanted_rest(void **state)
{
    static const uint32_t wanted[][2] = {{4, 5}, {60, 60}, {3601, 3600}};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(wanted); i++) {
        const struct fake_answer answers[] = {
            {.status = 429, .body = "{}", .retry_after = wanted[i][0]}, TOKEN("new", 600)};
        struct wf_err err = WF_ERR_INIT;
        char token[64];
        assert_int_equal(wf_machine_forget(&workfront, dir, NULL), WF_OK);
        fake_door_script(answers, WF_ARRAY_LEN(answers));
        assert_int_equal(get(&workfront, dir, T0, token, &err), WF_UNREACHABLE);
        assert_int_equal(get(&workfront, dir, T0 + wanted[i][1] - 1, token, &err), WF_UNREACHABLE);
        assert_int_equal(fake_door_count(), 1);
        expect_token(&workfront, T0 + wanted[i][1], "new", 2);
    }
}

/* What must be as it was for a kept token to serve; and two that differ do not share one. */
static void test_bound(void **state)
{
    const struct fake_answer answers[] = {TOKEN("a", 600), TOKEN("b", 600), TOKEN("c", 600),
                                          TOKEN("d", 600), TOKEN("e", 600), TOKEN("f", 600),
                                          TOKEN("g", 600), TOKEN("h", 600), TOKEN("i", 600)};
    struct wf_provider_conf other = workfront;

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    expect_token(&workfront, T0, "a", 1);
    write_file(key_path, "another key");
    expect_token(&workfront, T0, "b", 2);
    write_file(secret_path, "another");
    expect_token(&workfront, T0, "c", 3);
    other.ca_file = "/ca";
    expect_token(&other, T0, "d", 4);
    other = workfront;
    other.user_id = "u2";
    expect_token(&other, T0, "e", 5);
    expect_token(&other, T0, "e", 5);
    other.user_id = "u1";
    other.client_id = "m";
    expect_token(&other, T0, "f", 6);
    expect_token(&other, T0, "f", 6);
    /* Where one text ends and the next begins counts, too */
    other.client_id = "mc";
    other.customer_id = "1";
    expect_token(&other, T0, "g", 7);
    other.ca_file = "/a";
    expect_token(&other, T0, "h", 8);
    other.ca_file = NULL;
    other.proxy = "http://a:1";
    expect_token(&other, T0, "i", 9);
}

static void test_files(void **state)
{
    const struct fake_answer answers[] = {TOKEN("a", 600)};
    struct wf_err err = WF_ERR_INIT;
    char token[64];
    struct stat st;
    char path[200];

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    write_file(key_path, "a bad key!");
    assert_int_equal(get(&workfront, dir, T0, token, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "signing with /tmp/"));
    assert_non_null(strstr(err.text, "scripted: a bad key"));
    assert_int_equal(unlink(key_path), 0);
    assert_int_equal(get(&workfront, dir, T0, token, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "No such file"));
    write_file(key_path, "the key");
    assert_int_equal(chmod(key_path, 0644), 0);
    assert_int_equal(get(&workfront, dir, T0, token, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "chmod"));
    assert_int_equal(chmod(key_path, 0600), 0);
    assert_int_equal(chmod(secret_path, 0604), 0);
    assert_int_equal(get(&workfront, dir, T0, token, &err), WF_CONFIG);
    assert_int_equal(chmod(secret_path, 0600), 0);
    assert_int_equal(fake_door_count(), 0);
    assert_false(has_entry());
    expect_token(&workfront, T0, "a", 1);
    entry_path(path, sizeof(path));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    /* A key that is gone takes the token with it */
    assert_int_equal(unlink(key_path), 0);
    assert_int_equal(get(&workfront, dir, T0, token, &err), WF_CONFIG);
    struct wf_provider_conf none = workfront;
    none.private_key_file = NULL;
    assert_int_equal(get(&none, dir, T0, token, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "provider relay has no private_key_file"));
}

/* What lies in the entry's place; `said`: the log's word, NULL: it just does not hold. */
static void test_entries(void **state)
{
    static const struct {
        const char *name;
        const char *from;
        const char *to;
        bool holds;
        bool said;
    } rows[] = {
        {"as it is", "\"v\":2", "\"v\":2", true, false},
        {"another key", "\"bound\":\"", "\"bound\":\"0", false, false},
        {"longer than is kept", "\"fetched\":1700000000", "\"fetched\":1699996939", false, false},
        {"longest", "\"fetched\":1700000000", "\"fetched\":1699996940", true, false},
        {"no token", "\"token\":\"kept\"", "\"x\":1", false, true},
        {"a token of two lines", "\"token\":\"kept\"", "\"token\":\"ke\\nept\"", false, true},
        {"an empty token", "\"token\":\"kept\"", "\"token\":\"\"", false, true},
        {"token a number", "\"token\":\"kept\"", "\"token\":1", false, true},
        {"cut off", "\"until\"", "", false, true},
    };
    const struct fake_answer answers[] = {TOKEN("kept", 600), TOKEN("new", 600)};
    char path[200];
    char text[2000];
    char changed[2100];

    (void)state;
    fake_door_script(answers, 1);
    expect_token(&workfront, T0, "kept", 1);
    entry_path(path, sizeof(path));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        const char *place = strstr(text, rows[i].from);
        assert_non_null(place);
        (void)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(place - text), text, rows[i].to,
                       rows[i].to[0] == '\0' ? "" : place + strlen(rows[i].from));
        write_file(path, changed);
        logged[0] = '\0';
        fake_door_script(answers + 1, 1);
        char token[64];
        if (get(&workfront, dir, T0, token, NULL) != WF_OK ||
            strcmp(token, rows[i].holds ? "kept" : "new") != 0 ||
            (strstr(logged, "kept token of provider relay is ignored") != NULL) != rows[i].said)
            fail_msg("%s: %s, %s", rows[i].name, token, logged);
        assert_null(strstr(logged, "kept\""));
    }
}

/* Without a folder every call asks. */
static void test_no_folder(void **state)
{
    const struct fake_answer answers[] = {TOKEN("a", 600), TOKEN("b", 600)};
    char token[64];

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    assert_int_equal(get(&workfront, NULL, T0, token, NULL), WF_OK);
    assert_string_equal(token, "a");
    assert_int_equal(get(&workfront, NULL, T0, token, NULL), WF_OK);
    assert_string_equal(token, "b");
    assert_int_equal(wf_machine_forget(&workfront, NULL, NULL), WF_OK);
}

/* What cannot be removed is said: it would be used again. */
static void test_forget(void **state)
{
    const struct fake_answer answers[] = {TOKEN("a", 600)};
    struct wf_err err = WF_ERR_INIT;
    char path[200];

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    expect_token(&workfront, T0, "a", 1);
    entry_path(path, sizeof(path));
    assert_int_equal(wf_machine_forget(&workfront, dir, &err), WF_OK);
    assert_false(has_entry());
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(wf_machine_forget(&workfront, dir, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "cannot be removed"));
}

static void refuse(const char *text, const char *next, unsigned requests)
{
    struct wf_secret *token = wf_secret_new(text, strlen(text));

    assert_non_null(token);
    wf_machine_refused(&workfront, dir, T0, token);
    wf_secret_free(token);
    expect_token(&workfront, T0, next, requests);
}

/* A server refused it: it goes only if it is the one that is kept, and nobody is about to get
 * another. */
static void test_refused(void **state)
{
    const struct fake_answer answers[] = {TOKEN("a", 600), TOKEN("b", 600), TOKEN("c", 600)};
    char path[160];
    int lock = -1;

    (void)state;
    assert_int_equal(wf_machine_forget(&workfront, dir, NULL), WF_OK);
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    wf_machine_refused(&workfront, NULL, T0, NULL);
    expect_token(&workfront, T0, "a", 1);
    refuse("b", "a", 1);
    refuse("a", "b", 2);
    refuse("a", "b", 2);
    entry_path(path, sizeof(path));
    assert_true(wf_cachedir_lock(dir, strrchr(path, '/') + 1, 0, &lock));
    refuse("b", "b", 2);
    wf_cachedir_unlock(lock);
    refuse("b", "c", 3);
}

static void test_sign(void **state)
{
    struct wf_http *http = fake_door_new(NULL);
    struct wf_provider_conf conf = oidc;
    const struct wf_endpoint endpoint = {&conf, http};
    struct wf_buf out = WF_BUF_INIT(WF_ASSERTION_MAX);
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    fake_door_script(NULL, 0);
    assert_int_equal(wf_machine_sign(&endpoint, T0, &out, &err), WF_OK);
    assert_string_equal(wf_buf_text_borrow(&out),
                        "signed.relay.r@acme.example.https://sso.example.120");
    wf_buf_reset(&out);
    /* By which a client proves itself */
    conf.grant = WF_GRANT_NONE;
    conf.assertion_subject = NULL;
    assert_int_equal(wf_machine_sign(&endpoint, T0, &out, &err), WF_OK);
    assert_string_equal(wf_buf_text_borrow(&out), "signed.relay.relay.https://sso.example.120");
    conf.client_id = NULL;
    assert_int_equal(wf_machine_sign(&endpoint, T0, &out, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "provider sso has no client_id"));
    conf.assertion_subject = "s";
    assert_int_equal(wf_machine_sign(&endpoint, T0, &out, &err), WF_CONFIG);
    conf.assertion_subject = NULL;
    conf.assertion_issuer = "i";
    assert_int_equal(wf_machine_sign(&endpoint, T0, &out, &err), WF_CONFIG);
    conf.assertion_subject = "s";
    conf.assertion_algorithm = "ES384";
    wf_buf_reset(&out);
    assert_int_equal(wf_machine_sign(&endpoint, T0, &out, &err), WF_OK);
    assert_string_equal(wf_buf_text_borrow(&out), "signed.i.s.https://sso.example.120.ES384");
    conf.private_key_file = NULL;
    assert_int_equal(wf_machine_sign(&endpoint, T0, &out, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "provider sso has no private_key_file"));
    wf_buf_done(&out);
    wf_http_free(http);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_exchange), CASE(test_bearer),    CASE(test_no_endpoint), CASE(test_no_discovery),
        CASE(test_moved),    CASE(test_lifetimes), CASE(test_refusals),    CASE(test_wanted_rest),
        CASE(test_bound),
        CASE(test_files),    CASE(test_entries),   CASE(test_no_folder),   CASE(test_refused),
        CASE(test_sign),     CASE(test_forget),
    };
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
