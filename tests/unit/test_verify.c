/* The whole way, from the file of the configuration and a string to a local name or a reason. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "mint.h"
#include "vectors.h"
#include "wfauth.h"
#include "within.h"

#define NOW INT64_C(1800000000)

static char folder[] = "/tmp/wfauth-verify.XXXXXX";
static int64_t now = NOW;
static char last_line[2048];

static int64_t clock_now(void)
{
    return now;
}

static void log_write(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)snprintf(last_line, sizeof(last_line), "%s", line);
}

static const char *file(const char *name)
{
    return mint_text("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(file(name), "w");

    assert_non_null(f);
    assert_int_equal(fputs(text, f) < 0, 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(file(name), 0600), 0);
}

static struct wf_context *context_new(const char *config)
{
    const struct wf_host host = {
        .config = file("wfauth.conf"), .log = {.write = log_write}, .clock = clock_now};
    struct wf_context *context = NULL;
    struct wf_err err = WF_ERR_INIT;

    write_file("wfauth.conf", config);
    if (wf_context_new(&host, &context, &err) != WF_OK)
        fail_msg("%s", err.text);
    return context;
}

static struct wf_context *vectors_context(void)
{
    write_file("mail.json", vectors_mail_jwks());
    write_file("strict.json", vectors_strict_jwks());
    return context_new(vectors_config(folder));
}

/* Judge one; the result, the log and the text must all tell the same. */
static const char *judge(struct wf_context *context, const struct vector *v, const char *user,
                         struct wf_result *result, struct wf_err *err)
{
    const struct wf_request request = {.service = v->service, .user = user};
    char *claims = NULL;
    enum wf_reason reason = wf_verify(context, &request, v->token, v->len, WF_PASSWD_IGNORE,
                                      result, &claims, err);
    const char *name = reason == WF_OK ? "accept" : wf_reason_name(reason);

    assert_int_equal(result->reason, reason);
    if (reason == WF_OK)
        assert_non_null(claims);
    else
        assert_true(err->text[0] != '\0');
    if (strstr(last_line, v->service) == NULL || strstr(last_line, name) == NULL)
        fail_msg("%s: the log says %s", v->name, last_line);
    free(claims);
    return name;
}

static void test_vectors(void **state)
{
    struct wf_context *context = vectors_context();
    size_t count = 0;
    const struct vector *list = vectors_make(NOW, &count);

    (void)state;
    assert_within(count, 250, 599);
    /* Twice: what is remembered must not differ */
    for (size_t i = 0; i < 2 * count; i++) {
        const struct vector *v = &list[i % count];
        struct wf_result result;
        struct wf_err err = WF_ERR_INIT;
        const char *reason = judge(context, v, NULL, &result, &err);
        if (strcmp(reason, v->reason) != 0)
            fail_msg("%s at [%s]: %s (%s), expected %s", v->name, v->service, reason, err.text,
                     v->reason);
        assert_string_equal(result.user, v->user == NULL ? "" : v->user);
        if (v->len > 60 && strstr(last_line, v->token + v->len - 30) != NULL)
            fail_msg("%s: the log has the token", v->name);
    }
    wf_context_free(context);
}

/* Nothing that was judged for one service holds for another, or for another user. */
static void test_services(void **state)
{
    struct wf_context *context = vectors_context();
    size_t count = 0;
    struct vector v = vectors_make(NOW, &count)[0];
    struct wf_result result;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_string_equal(judge(context, &v, NULL, &result, &err), "accept");
    assert_string_equal(result.provider, "mail");
    assert_string_equal(result.subject, "4711");
    assert_int_equal(result.expires, NOW + 300 + 60);
    assert_string_equal(judge(context, &v, "ann", &result, &err), "accept");
    assert_string_equal(judge(context, &v, "bob", &result, &err), "identity");
    v.service = "smtp";
    assert_string_equal(judge(context, &v, NULL, &result, &err), "scope");
    v.service = "sudo";
    assert_string_equal(judge(context, &v, NULL, &result, &err), "expired");
    v.service = "imap";
    assert_string_equal(judge(context, &v, NULL, &result, &err), "accept");
    wf_context_free(context);
}

/* What is remembered ends with the token, and a byte more makes another token. */
static void test_remembered(void **state)
{
    struct wf_context *context = vectors_context();
    size_t count = 0;
    struct vector v = vectors_make(NOW, &count)[0];
    struct wf_result result;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    for (now = NOW; now <= NOW + 361; now += 60) {
        const char *reason = judge(context, &v, NULL, &result, &err);
        assert_string_equal(reason, now < NOW + 360 ? "accept" : "expired");
    }
    now = NOW;
    assert_string_equal(judge(context, &v, NULL, &result, &err), "accept");
    v.len--;
    assert_string_not_equal(judge(context, &v, NULL, &result, &err), "accept");
    now = NOW;
    wf_context_free(context);
}

/* A key that is taken out of the file lets nobody in any more, remembered or not. */
static void test_key_withdrawn(void **state)
{
    struct wf_context *context = vectors_context();
    size_t count = 0;
    struct vector v = vectors_make(NOW, &count)[0];
    struct wf_result result;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_string_equal(judge(context, &v, NULL, &result, &err), "accept");
    write_file("mail.json", mint_jwks(mint_jwk(MINT_P256, "\"kid\":\"p256\""), NULL));
    now = NOW + 60;
    assert_string_equal(judge(context, &v, NULL, &result, &err), "key");
    write_file("mail.json", mint_jwks(mint_jwk(MINT_RSA_OTHER, "\"kid\":\"rsa\""), NULL));
    now = NOW + 120;
    assert_string_equal(judge(context, &v, NULL, &result, &err), "signature");
    write_file("mail.json", vectors_mail_jwks());
    now = NOW + 180;
    assert_string_equal(judge(context, &v, NULL, &result, &err), "accept");
    now = NOW;
    wf_context_free(context);
}

static void test_bad_jwks(void **state)
{
    static const char *const texts[] = {"", "{}", "[]", "{\"keys\":{}}", "{\"keys\":[1]}", "x"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        struct wf_context *context = vectors_context();
        size_t count = 0;
        const struct vector *v = vectors_make(NOW, &count);
        struct wf_result result;
        struct wf_err err = WF_ERR_INIT;
        write_file("mail.json", texts[i]);
        assert_string_equal(judge(context, v, NULL, &result, &err), "config");
        wf_context_free(context);
    }
    struct wf_context *context = vectors_context();
    size_t count = 0;
    struct wf_result result;
    struct wf_err err = WF_ERR_INIT;
    write_file("mail.json", "{\"keys\":[]}");
    assert_string_equal(judge(context, vectors_make(NOW, &count), NULL, &result, &err), "key");
    wf_context_free(context);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int done(void **state)
{
    (void)state;
    int status = system(mint_text("rm -rf %s", folder));
    mint_done();
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_services),
        cmocka_unit_test(test_remembered), cmocka_unit_test(test_key_withdrawn),
        cmocka_unit_test(test_bad_jwks),
    };
    return cmocka_run_group_tests_name("verify", tests, make_folder, done);
}
