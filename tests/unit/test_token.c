/* A token of the host's own as its callers get it: from the configuration to the audit line; and
 * what happens when memory is short anywhere on the way. */
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
#include "wfauth.h"
#include "within.h"

#define T0 1700000000

/* Memory: the n-th allocation from now fails. */
static unsigned countdown;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return countdown != 0 && --countdown == 0 ? NULL : __real_malloc(size);
}
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return countdown != 0 && --countdown == 0 ? NULL : __real_calloc(n, size);
}

static char folder[64];
static struct wf_context *context;
static char audit[WF_LOG_LINE_MAX];

static void keep_log(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    (void)level;
    if (strstr(line, " verdict=") != NULL)
        (void)snprintf(audit, sizeof(audit), "%s", line);
}

static int64_t stopped(void)
{
    return T0;
}

static void write_file(const char *name, const char *text)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '@')
            (void)fputs(folder, file);
        else
            (void)fputc(*at, file);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static const char configuration[] = "[provider relay]\n"
                                    "type = workfront\n"
                                    "url = https://acme.example\n"
                                    "client_id = m\n"
                                    "client_secret_file = @/secret\n"
                                    "private_key_file = @/key\n"
                                    "customer_id = c1\n"
                                    "user_id = u1\n"
                                    "cache_dir = @/cache\n"
                                    "[provider sso]\n"
                                    "type = oidc\n"
                                    "url = https://sso.example\n"
                                    "[provider acme]\n"
                                    "type = workfront\n"
                                    "url = https://acme.example\n"
                                    "client_id = w\n"
                                    "redirect_uri = https://a.example/\n"
                                    "[service *]\n"
                                    "provider = acme\n";

static int set_up(void **state)
{
    char path[128];
    struct wf_host host = {
        .log = {.write = keep_log}, .http_new = fake_door_new, .clock = stopped};
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/test_token.XXXXXX");
    assert_non_null(mkdtemp(folder));
    write_file("key", "the key");
    write_file("secret", "s:cret");
    write_file("conf", configuration);
    (void)snprintf(path, sizeof(path), "%s/conf", folder);
    host.config = path;
    audit[0] = '\0';
    if (wf_context_new(&host, &context, &err) != WF_OK)
        fail_msg("%s", err.text);
    return 0;
}

static int tear_down(void **state)
{
    char command[96];

    (void)state;
    wf_context_free(context);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

#define TOKEN(token)                                                                               \
    {                                                                                              \
        .status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"" token "\"}"     \
    }

static void expect_token(const char *wanted)
{
    struct wf_secret *token = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_token(context, "relay", &token, &err) != WF_OK)
        fail_msg("%s", err.text);
    assert_string_equal(wf_secret_borrow(token).ptr, wanted);
    assert_string_equal(audit, "own-token provider=\"relay\" subject=\"u1\" verdict=accept");
    wf_secret_free(token);
}

static void test_token(void **state)
{
    const struct fake_answer answers[] = {TOKEN("one"), TOKEN("two")};

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    expect_token("one");
    expect_token("one");
    assert_int_equal(fake_door_count(), 1);
    assert_int_equal(wf_token_forget(context, "relay", NULL), WF_OK);
    expect_token("two");
    assert_int_equal(fake_door_count(), 2);
    assert_int_equal(wf_token_forget(context, "nobody", NULL), WF_CONFIG);
    assert_int_equal(wf_token_forget(context, "sso", NULL), WF_OK);
}

static void expect_refusal(const char *refused, const char *next, unsigned requests)
{
    struct wf_secret *token = wf_secret_new(refused, strlen(refused));

    assert_non_null(token);
    wf_token_refused(context, "relay", token);
    wf_secret_free(token);
    expect_token(next);
    assert_int_equal(fake_door_count(), requests);
}

/* Of those who hold the same token the first alone makes all of them get another one. */
static void test_refused_by_servers(void **state)
{
    const struct fake_answer answers[] = {TOKEN("one"), TOKEN("two"), TOKEN("three")};

    (void)state;
    assert_int_equal(wf_token_forget(context, "relay", NULL), WF_OK);
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    expect_token("one");
    expect_refusal("another", "one", 1);
    expect_refusal("one", "two", 2);
    expect_refusal("one", "two", 2);
    expect_refusal("two", "three", 3);
    wf_token_refused(context, "relay", NULL);
    expect_token("three");
    assert_int_equal(fake_door_count(), 3);
}

static void test_refused(void **state)
{
    static const struct {
        const char *provider;
        const char *text;
        const char *line;
    } rows[] = {
        {"nobody", "there is no section [provider nobody]",
         "own-token provider=\"nobody\" verdict=refuse reason=config"},
        {"sso", "expected grant = jwt_bearer",
         "own-token provider=\"sso\" verdict=refuse reason=config"},
        {"relay", "refuses the assertion",
         "own-token provider=\"relay\" subject=\"u1\" verdict=refuse reason=expired"},
    };
    const struct fake_answer answers[] = {{.status = 400, .body = "{\"error\":\"invalid_grant\"}"}};

    (void)state;
    fake_door_script(answers, 1);
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_secret *token = NULL;
        struct wf_err err = WF_ERR_INIT;
        assert_int_not_equal(wf_token(context, rows[i].provider, &token, &err), WF_OK);
        assert_null(token);
        if (strstr(err.text, rows[i].text) == NULL ||
            strncmp(audit, rows[i].line, strlen(rows[i].line)) != 0)
            fail_msg("%s: %s, %s", rows[i].provider, err.text, audit);
    }
    /* Nobody has to want the text */
    struct wf_secret *none = NULL;
    assert_int_equal(wf_token(context, "relay", &none, NULL), WF_EXPIRED);
    assert_int_equal(fake_door_count(), 1);
}

static void test_assert(void **state)
{
    struct wf_secret *assertion = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_int_equal(wf_assert(context, "relay", &assertion, &err), WF_OK);
    assert_string_equal(wf_secret_borrow(assertion).ptr, "signed.c1.u1.-.120.RS256");
    wf_secret_free(assertion);
    assertion = NULL;
    assert_int_equal(wf_assert(context, "nobody", &assertion, &err), WF_CONFIG);
    assert_int_equal(wf_assert(context, "sso", &assertion, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "no private_key_file"));
    assert_null(assertion);
}

/* Whatever is short: a token, or none and a reason; never something else. */
static void test_memory(void **state)
{
    const struct fake_answer answers[] = {TOKEN("one"), TOKEN("one")};
    unsigned n = 0;
    bool whole = false;

    (void)state;
    while (!whole) {
        struct wf_secret *token = NULL;
        struct wf_secret *assertion = NULL;
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(wf_token_forget(context, "relay", NULL), WF_OK);
        fake_door_script(answers, WF_ARRAY_LEN(answers));
        countdown = ++n;
        enum wf_reason reason = wf_token(context, "relay", &token, &err);
        whole = countdown != 0;
        countdown = 0;
        if ((reason != WF_OK && reason != WF_INTERNAL) || (reason == WF_OK) != (token != NULL))
            fail_msg("allocation %u: %s, %s", n, wf_reason_name(reason), err.text);
        if (whole)
            assert_int_equal(reason, WF_OK);
        wf_secret_free(token);
        countdown = n;
        reason = wf_assert(context, "relay", &assertion, &err);
        countdown = 0;
        if ((reason != WF_OK && reason != WF_INTERNAL) || (reason == WF_OK) != (assertion != NULL))
            fail_msg("allocation %u: %s, %s", n, wf_reason_name(reason), err.text);
        wf_secret_free(assertion);
    }
    assert_within(n, 10, 1000);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_token),
        CASE(test_refused_by_servers),
        CASE(test_refused),
        CASE(test_assert),
        CASE(test_memory),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
