/* The way from a string to claims: where a token is sent, what is remembered, and for whom. */
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

#include "failcrypto.h"
#include "fakedoor.h"
#include "judge.h"
#include "mint.h"

#define NOW INT64_C(1800000000)
#define ISSUER "https://sso.example"
#define OPAQUE_ISSUER "https://opaque.example"
#define WORKFRONT "https://acme.my.workfront.com"

static char folder[] = "/tmp/wfauth-judge.XXXXXX";

static void write_file(const char *name, const char *text)
{
    const char *path = mint_text("%s/%s", folder, name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fputs(text, f) < 0, 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static struct wf_conf *conf_new(void)
{
    const char *text = mint_text("[provider jwt]\n"
                                 "type = oidc\n"
                                 "url = " ISSUER "\n"
                                 "jwks_file = %s/keys.json\n"
                                 "cache_dir = %s\n"
                                 "username = sub\n"
                                 "[provider opaque]\n"
                                 "type = oidc\n"
                                 "url = " OPAQUE_ISSUER "\n"
                                 "client_id = c\n"
                                 "client_secret_file = %s/secret\n"
                                 "introspection = yes\n"
                                 "token_pattern = [a-zA-Z0-9._-]+\n"
                                 "cache_dir = %s\n"
                                 "username = sub\n"
                                 "[provider acme]\n"
                                 "type = workfront\n"
                                 "url = " WORKFRONT "\n"
                                 "client_id = c\n"
                                 "redirect_uri = https://login.acme.example/code\n"
                                 "cache_dir = %s\n"
                                 "username = username\n"
                                 "[service *]\n"
                                 "audience = urn:mail\n"
                                 "provider = jwt\n"
                                 "[service a]\n"
                                 "provider = jwt, opaque\n"
                                 "[service ab]\n"
                                 "provider = opaque\n"
                                 "[service acme]\n"
                                 "provider = acme, jwt\n",
                                 folder, folder, folder, folder, folder);
    struct wf_conf *conf = NULL;
    struct wf_err err = WF_ERR_INIT;

    write_file("secret", "hush\n");
    write_file("keys.json", mint_jwks(mint_jwk(MINT_P256, "\"kid\":\"a\""), NULL));
    if (wf_conf_parse("test", text, strlen(text), NULL, NULL, &conf, &err) != WF_OK)
        fail_msg("%s", err.text);
    return conf;
}

static enum wf_reason try_judge_new(const struct wf_conf *conf, struct wf_judge **ret,
                                    struct wf_err *err)
{
    const struct wf_judge_host host = {.conf = conf, .http_new = fake_door_new};

    return wf_judge_new(&host, ret, err);
}

static struct wf_judge *judge_new(const struct wf_conf *conf)
{
    struct wf_judge *judge = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (try_judge_new(conf, &judge, &err) != WF_OK)
        fail_msg("%s", err.text);
    return judge;
}

static enum wf_reason judge_at(struct wf_judge *judge, const struct wf_conf *conf,
                               const char *service, const char *token, int64_t now,
                               struct wf_verdict **ret, struct wf_err *err)
{
    const struct wf_policy *policy = NULL;

    assert_int_equal(wf_conf_policy(conf, service, &policy, NULL), WF_OK);
    return wf_judge_token(judge, policy, "192.0.2.1", token, strlen(token), now, ret, err);
}

/* The reason alone; and that a verdict comes with success and with nothing else. */
static enum wf_reason judge_once(struct wf_judge *judge, const struct wf_conf *conf,
                                 const char *service, const char *token)
{
    struct wf_verdict *verdict = NULL;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = judge_at(judge, conf, service, token, NOW, &verdict, &err);

    assert_int_equal(reason == WF_OK, verdict != NULL);
    wf_verdict_unref(verdict);
    return reason;
}

static const char *jwt_until(const char *issuer, int64_t exp)
{
    return mint_token("ES256", MINT_P256, "{\"alg\":\"ES256\",\"kid\":\"a\"}",
                      mint_text("{\"iss\":\"%s\",\"sub\":\"ann\",\"aud\":\"urn:mail\","
                                "\"exp\":%lld}",
                                issuer, (long long)exp));
}

static const char *jwt_of(const char *issuer)
{
    return jwt_until(issuer, NOW + 300);
}

#define DISCOVERY                                                                                  \
    {.status = 200,                                                                                \
     .body = "{\"issuer\":\"" OPAQUE_ISSUER "\",\"jwks_uri\":\"" OPAQUE_ISSUER "/k\","             \
             "\"introspection_endpoint\":\"" OPAQUE_ISSUER "/i\"}"}
#define ACTIVE(exp)                                                                                \
    {.status = 200,                                                                                \
     .body = "{\"active\":true,\"sub\":\"ann\",\"aud\":\"urn:mail\",\"exp\":" exp "}"}
#define INACTIVE {.status = 200, .body = "{\"active\":false}"}

/* The same verdict again, not a second judgement. */
static void test_remembered(void **state)
{
    struct wf_conf *conf = conf_new();
    struct wf_judge *judge = judge_new(conf);
    const char *token = jwt_of(ISSUER);
    struct wf_verdict *first = NULL;
    struct wf_verdict *second = NULL;

    (void)state;
    fake_door_script(NULL, 0);
    assert_int_equal(judge_at(judge, conf, "a", token, NOW, &first, NULL), WF_OK);
    assert_int_equal(judge_at(judge, conf, "a", token, NOW + 1, &second, NULL), WF_OK);
    assert_ptr_equal(first, second);
    assert_int_equal(first->source, WF_SOURCE_JWT);
    assert_int_equal(first->judged, NOW);
    assert_int_equal(first->until, NOW + 360);
    assert_string_equal(first->accepted->provider->name, "jwt");
    assert_int_equal(fake_door_count(), 0);
    wf_verdict_unref(first);
    wf_verdict_unref(second);
    /* Keys of a file set no bound: the file is looked at again and again */
    assert_int_equal(judge_at(judge, conf, "a", jwt_until(ISSUER, NOW + 1000000), NOW, &first,
                              NULL),
                     WF_OK);
    assert_int_equal(first->until, NOW + 1000060);
    wf_verdict_unref(first);
    wf_judge_free(judge);
    wf_judge_free(NULL);
    wf_conf_free(conf);
}

static void test_opaque(void **state)
{
    static const struct fake_answer answers[] = {DISCOVERY, ACTIVE("1800000300"),
                                                 ACTIVE("1800000010")};
    struct wf_conf *conf = conf_new();
    struct wf_judge *judge = judge_new(conf);
    struct wf_verdict *first = NULL;
    struct wf_verdict *second = NULL;

    (void)state;
    fake_door_script(answers, 3);
    assert_int_equal(judge_at(judge, conf, "a", "opaque", NOW, &first, NULL), WF_OK);
    assert_int_equal(fake_door_count(), 2);
    assert_int_equal(first->source, WF_SOURCE_INTROSPECTION);
    assert_null(first->keys);
    /* An answer is kept for a minute, however long the token lives; a dying token for less */
    assert_int_equal(first->until, NOW + 60);
    assert_int_equal(judge_at(judge, conf, "a", "opaque", NOW + 59, &second, NULL), WF_OK);
    assert_ptr_equal(first, second);
    assert_int_equal(fake_door_count(), 2);
    wf_verdict_unref(second);
    assert_int_equal(judge_at(judge, conf, "a", "another", NOW, &second, NULL), WF_OK);
    assert_int_equal(second->until, NOW + 10);
    wf_verdict_unref(first);
    wf_verdict_unref(second);
    wf_judge_free(judge);
    wf_conf_free(conf);
}

/* Where a string goes: nowhere, or to the one provider that takes it. */
static void test_way(void **state)
{
    (void)state;
    const struct {
        const char *name;
        const char *service;
        const char *token;
        enum wf_reason reason;
        size_t requests;
    } rows[] = {
        {"a JWT of the first provider", "a", jwt_of(ISSUER), WF_OK, 0},
        {"a JWT of nobody", "a", jwt_of("https://evil.example"), WF_ISSUER, 0},
        {"what looks like a JWT", "a", "eyJh.eyJz.AAAA", WF_MALFORMED, 0},
        {"what has two dots, but is no JWT", "a", "ya29.b.c", WF_INACTIVE, 2},
        {"a word", "a", "word", WF_INACTIVE, 2},
        {"a password with a blank", "a", "pass word", WF_MALFORMED, 0},
        {"a word where no opaque token is taken", "*", "word", WF_MALFORMED, 0},
        {"a JWT of Workfront's", "acme", jwt_of(WORKFRONT), WF_ISSUER, 0},
        {"a word for Workfront, without a pattern", "acme", "word", WF_MALFORMED, 0},
        {"a JWT beside Workfront", "acme", jwt_of(ISSUER), WF_OK, 0},
        {"a JWT of a provider of another service", "ab", jwt_of(ISSUER), WF_ISSUER, 0},
    };
    static const struct fake_answer answers[] = {DISCOVERY, INACTIVE};

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_conf *conf = conf_new();
        struct wf_judge *judge = judge_new(conf);
        assert_int_equal(system(mint_text("rm -f %s/*-*", folder)), 0);
        fake_door_script(answers, 2);
        enum wf_reason reason = judge_once(judge, conf, rows[i].service, rows[i].token);
        if (reason != rows[i].reason || fake_door_count() != rows[i].requests)
            fail_msg("%s: %s, %zu requests", rows[i].name, wf_reason_name(reason),
                     fake_door_count());
        wf_judge_free(judge);
        wf_conf_free(conf);
    }
}

/* Service "a" with token "bcd" is not service "ab" with "cd". */
static void test_services_apart(void **state)
{
    static const struct fake_answer answers[] = {DISCOVERY, ACTIVE("1800000300"), INACTIVE,
                                                 INACTIVE};
    struct wf_conf *conf = conf_new();
    struct wf_judge *judge = judge_new(conf);

    (void)state;
    assert_int_equal(system(mint_text("rm -f %s/*-*", folder)), 0);
    fake_door_script(answers, 4);
    assert_int_equal(judge_once(judge, conf, "a", "bcd"), WF_OK);
    assert_int_equal(judge_once(judge, conf, "ab", "cd"), WF_INACTIVE);
    assert_int_equal(judge_once(judge, conf, "ab", "bcd"), WF_INACTIVE);
    assert_int_equal(judge_once(judge, conf, "a", "bcd"), WF_OK);
    wf_judge_free(judge);
    wf_conf_free(conf);
}

static void test_texts(void **state)
{
    struct wf_conf *conf = conf_new();
    struct wf_judge *judge = judge_new(conf);
    struct wf_err err = WF_ERR_INIT;
    struct wf_verdict *verdict = NULL;
    const char *none = mint_token("ES256", MINT_P256, "{\"alg\":\"ES256\",\"kid\":\"a\"}", "{}");

    (void)state;
    assert_int_equal(judge_at(judge, conf, "a", none, NOW, &verdict, &err), WF_ISSUER);
    assert_non_null(strstr(err.text, "no iss"));
    assert_int_equal(judge_at(judge, conf, "a", jwt_of("https://evil.example"), NOW, &verdict,
                              &err),
                     WF_ISSUER);
    assert_non_null(strstr(err.text, "\"https://evil.example\""));
    assert_null(verdict);
    wf_judge_free(judge);
    wf_conf_free(conf);
}

/* Without memory for one thing or another: said so, and no verdict. */
static void test_no_memory_new(void **state)
{
    struct wf_conf *conf = conf_new();
    bool over = false;

    (void)state;
    for (unsigned n = 1; !over; n++) {
        struct wf_judge *judge = NULL;
        struct wf_err err = WF_ERR_INIT;
        fail_alloc_at = n;
        enum wf_reason reason = try_judge_new(conf, &judge, &err);
        over = fail_alloc_at > 0;
        fail_alloc_at = 0;
        if (reason != (over ? WF_OK : WF_INTERNAL) || (judge != NULL) != over ||
            (err.text[0] == '\0') != over)
            fail_msg("allocation %u: %s, \"%s\"", n, wf_reason_name(reason), err.text);
        wf_judge_free(judge);
    }
    wf_conf_free(conf);
}

static void test_no_memory_judge(void **state)
{
    struct wf_conf *conf = conf_new();
    const char *good = jwt_of(ISSUER);
    const char *bad = mint_join(mint_input("{\"alg\":\"ES256\",\"kid\":\"a\"}", "{}"),
                                mint_sign("ES256", MINT_P256_OTHER, "x"));
    bool over = false;

    (void)state;
    for (unsigned n = 1; !over; n++) {
        struct wf_judge *judge = judge_new(conf);
        struct wf_verdict *verdict = NULL;
        fail_alloc_at = n;
        assert_int_not_equal(judge_at(judge, conf, "a", bad, NOW, &verdict, NULL), WF_OK);
        fail_alloc_at = 0;
        wf_judge_free(judge);
        judge = judge_new(conf);
        fail_alloc_at = n;
        enum wf_reason reason = judge_at(judge, conf, "a", good, NOW, &verdict, NULL);
        over = fail_alloc_at > 0;
        fail_alloc_at = 0;
        assert_int_equal(reason == WF_OK, verdict != NULL);
        /* The first allocation is for the hash under which a verdict is kept */
        if (n == 1)
            assert_int_equal(reason, WF_INTERNAL);
        assert_true(!over || reason == WF_OK);
        wf_verdict_unref(verdict);
        wf_judge_free(judge);
    }
    wf_conf_free(conf);
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

/* What is said while keys are prepared. */
struct said {
    unsigned lines;
    char last[WF_LOG_LINE_MAX];
};

static void hear(void *ctx, enum wf_level level, const char *line)
{
    struct said *said = ctx;

    assert_int_equal(level, WF_LOG_WARNING);
    said->lines++;
    (void)snprintf(said->last, sizeof(said->last), "%s", line);
}

/* Two providers that must be asked, at http://NAME.example/N, and one between them that has no keys. */
static struct wf_conf *conf_of_two(const char *name)
{
    const char *text =
        mint_text("[provider one]\ntype = oidc\nurl = https://%s.example/1\ncache_dir = %s\n"
                  "[provider acme]\ntype = workfront\nurl = " WORKFRONT "\nclient_id = c\n"
                  "redirect_uri = https://login.acme.example/code\ncache_dir = %s\n"
                  "username = username\n"
                  "[provider two]\ntype = oidc\nurl = https://%s.example/2\ncache_dir = %s\n"
                  "username = sub\n"
                  "[service *]\naudience = urn:mail\nprovider = two\n",
                  name, folder, folder, name, folder);
    struct wf_conf *conf = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_conf_parse("test", text, strlen(text), NULL, NULL, &conf, &err) != WF_OK)
        fail_msg("%s", err.text);
    return conf;
}

static const char *document(const char *issuer)
{
    return mint_text("{\"issuer\":\"%s\",\"jwks_uri\":\"%s/k\"}", issuer, issuer);
}

/* Before a jail closes: the keys of all, and no request any more behind it. What cannot be had is
 * said, for each. */
static void test_prepare(void **state)
{
    const char *keys = mint_jwks(mint_jwk(MINT_P256, "\"kid\":\"a\""), NULL);
    const struct fake_answer answers[] = {
        {.status = 200, .body = document("https://up.example/1")},
        {.status = 200, .body = keys},
        {.status = 200, .body = document("https://up.example/2")},
        {.status = 200, .body = keys},
    };
    static const char *const names[] = {"up", "down"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        struct said said = {.lines = 0};
        const struct wf_log log = {.write = hear, .ctx = &said};
        struct wf_conf *conf = conf_of_two(names[i]);
        const struct wf_judge_host host = {.conf = conf, .log = &log, .http_new = fake_door_new};
        struct wf_judge *judge = NULL;
        assert_int_equal(wf_judge_new(&host, &judge, NULL), WF_OK);
        fake_door_script(answers, i == 0 ? WF_ARRAY_LEN(answers) : 0);
        wf_judge_prepare(judge, NOW);
        assert_int_equal(said.lines, i == 0 ? 0 : 2);
        if (i == 0) {
            assert_int_equal(fake_door_count(), WF_ARRAY_LEN(answers));
            assert_string_equal(fake_door_request(3)->url, "https://up.example/2/k");
            assert_int_equal(judge_once(judge, conf, "*", jwt_of("https://up.example/2")), WF_OK);
            assert_int_equal(fake_door_count(), WF_ARRAY_LEN(answers));
        } else {
            assert_non_null(strstr(said.last, "two"));
        }
        wf_judge_free(judge);
        wf_conf_free(conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remembered),    cmocka_unit_test(test_opaque),
        cmocka_unit_test(test_way),           cmocka_unit_test(test_services_apart),
        cmocka_unit_test(test_texts),         cmocka_unit_test(test_no_memory_new),
        cmocka_unit_test(test_no_memory_judge), cmocka_unit_test(test_prepare),
    };
    if (!fail_crypto())
        return 1;
    return cmocka_run_group_tests_name("judge", tests, make_folder, done);
}
