/* What a provider says of itself: which documents are believed, where they are asked for, and for
 * how long they are kept. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cachefolder.h"
#include "fakedoor.h"
#include "oidc.h"

#define T0 1700000000
#define DOC(more) "{\"issuer\":\"" ISSUER "\"" more "}"

static struct wf_provider_conf conf = {
    .name = "mail", .type = WF_PROVIDER_OIDC, .url = ISSUER, .timeout = 1};

static bool no_memory;
char *__real_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len)
{
    return no_memory ? NULL : __real_strndup(text, len);
}

static const struct {
    const char *name;
    const char *text;
    enum wf_reason reason;
    const char *says; /* of a refusal; else the jwks_uri, NULL for none */
} rows[] = {
    {"plain", DOC(",\"jwks_uri\":\"https://keys.example/k\""), WF_OK, "https://keys.example/k"},
    {"without keys", DOC(""), WF_OK, NULL},
    {"keys null", DOC(",\"jwks_uri\":null"), WF_OK, NULL},
    {"keys empty", DOC(",\"jwks_uri\":\"\""), WF_OK, NULL},
    {"members that nobody knows", DOC(",\"x\":[1,{}]"), WF_OK, NULL},
    {"no issuer", "{}", WF_MALFORMED, "issuer"},
    {"issuer null", "{\"issuer\":null}", WF_MALFORMED, "issuer"},
    {"issuer empty", "{\"issuer\":\"\"}", WF_MALFORMED, "issuer"},
    {"issuer a number", "{\"issuer\":1}", WF_MALFORMED, "issuer"},
    {"issuer with a slash", "{\"issuer\":\"" ISSUER "/\"}", WF_CONFIG,
     "calls itself \"https://sso.example/\", but url is \"https://sso.example\""},
    {"issuer in capitals", "{\"issuer\":\"https://SSO.example\"}", WF_CONFIG, "calls itself"},
    {"issuer with a port", "{\"issuer\":\"" ISSUER ":443\"}", WF_CONFIG, "calls itself"},
    {"issuer shorter", "{\"issuer\":\"https://sso.exampl\"}", WF_CONFIG, "calls itself"},
    {"issuer with an escape", "{\"issuer\":\"\\u001b[31m\"}", WF_CONFIG, "calls itself \"?[31m\""},
    {"issuer twice", "{\"issuer\":\"" ISSUER "\",\"issuer\":\"" ISSUER "\"}", WF_MALFORMED, ""},
    {"keys a number", DOC(",\"jwks_uri\":1"), WF_MALFORMED, "jwks_uri"},
    {"keys by http", DOC(",\"jwks_uri\":\"http://sso.example/k\""), WF_CONFIG, "jwks_uri of"},
    {"keys on this machine", DOC(",\"jwks_uri\":\"http://127.0.0.1/k\""), WF_CONFIG, "jwks_uri of"},
    {"keys from a file", DOC(",\"jwks_uri\":\"file:///etc/k\""), WF_CONFIG, "jwks_uri of"},
    {"introspection by http", DOC(",\"introspection_endpoint\":\"http://sso.example/i\""),
     WF_CONFIG, "introspection_endpoint of"},
    {"userinfo by http", DOC(",\"userinfo_endpoint\":\"http://sso.example/u\""), WF_CONFIG,
     "userinfo_endpoint of"},
    {"keys, and userinfo by http",
     DOC(",\"jwks_uri\":\"https://a.example/j\",\"userinfo_endpoint\":\"http://sso.example/u\""),
     WF_CONFIG, "userinfo_endpoint of"},
    {"token by http", DOC(",\"token_endpoint\":\"http://sso.example/t\""), WF_CONFIG,
     "token_endpoint of"},
    {"userinfo a list", DOC(",\"userinfo_endpoint\":[]"), WF_MALFORMED, "userinfo_endpoint"},
    {"no object", "[]", WF_MALFORMED, ""},
    {"nothing", "", WF_MALFORMED, ""},
};

static void test_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason =
            wf_oidc_parse(&conf, rows[i].text, strlen(rows[i].text), &metadata, &err);
        if (reason != rows[i].reason ||
            (reason != WF_OK && strstr(err.text, rows[i].says) == NULL))
            fail_msg("%s: %s, %s", rows[i].name, wf_reason_name(reason), err.text);
        if (reason == WF_OK && (rows[i].says == NULL) != (metadata.jwks_uri == NULL))
            fail_msg("%s", rows[i].name);
        if (metadata.jwks_uri != NULL && reason == WF_OK)
            assert_string_equal(metadata.jwks_uri, rows[i].says);
        if (reason != WF_OK && (metadata.jwks_uri != NULL || metadata.token_endpoint != NULL))
            fail_msg("%s: there is something", rows[i].name);
        wf_oidc_metadata_done(&metadata);
        assert_null(metadata.jwks_uri);
    }
}

static void test_memory(void **state)
{
    struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;

    (void)state;
    no_memory = true;
    enum wf_reason reason = wf_oidc_parse(&conf, DOCUMENT, strlen(DOCUMENT), &metadata, NULL);
    no_memory = false;
    assert_int_equal(reason, WF_INTERNAL);
    assert_null(metadata.jwks_uri);
}

static void test_all_endpoints(void **state)
{
    static const char text[] =
        DOC(",\"jwks_uri\":\"https://a.example/j\",\"introspection_endpoint\":"
            "\"https://a.example/i\",\"userinfo_endpoint\":\"https://a.example/u\","
            "\"token_endpoint\":\"http://127.0.0.1:8080/t\"");
    struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;

    (void)state;
    conf.allow_http_loopback = true;
    assert_int_equal(wf_oidc_parse(&conf, text, strlen(text), &metadata, NULL), WF_OK);
    conf.allow_http_loopback = false;
    assert_string_equal(metadata.jwks_uri, "https://a.example/j");
    assert_string_equal(metadata.introspection_endpoint, "https://a.example/i");
    assert_string_equal(metadata.userinfo_endpoint, "https://a.example/u");
    assert_string_equal(metadata.token_endpoint, "http://127.0.0.1:8080/t");
    wf_oidc_metadata_done(&metadata);
}

#define OPENID "/.well-known/openid-configuration"
#define OAUTH "/.well-known/oauth-authorization-server"
static const struct {
    const char *url;
    const char *openid;
    const char *oauth;
} addresses[] = {
    {"https://a.example", "https://a.example" OPENID, "https://a.example" OAUTH},
    {"https://a.example/", "https://a.example" OPENID, "https://a.example" OAUTH},
    {"https://a.example:8443/", "https://a.example:8443" OPENID, "https://a.example:8443" OAUTH},
    {"https://a.example/realms/staff", "https://a.example/realms/staff" OPENID,
     "https://a.example" OAUTH "/realms/staff"},
    {"https://a.example/realms/staff/", "https://a.example/realms/staff" OPENID,
     "https://a.example" OAUTH "/realms/staff"},
};

static void test_addresses(void **state)
{
    static const struct fake_answer answers[] = {{.status = 404, .body = ""},
                                                 {.status = 404, .body = ""}};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(addresses); i++) {
        struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
        struct wf_err err = WF_ERR_INIT;
        struct wf_endpoint endpoint = {&conf, fake_door_new(NULL)};
        conf.url = addresses[i].url;
        fake_door_script(answers, WF_ARRAY_LEN(answers));
        assert_int_equal(wf_oidc_discover(&endpoint, &metadata, &err), WF_UNREACHABLE);
        assert_int_equal(fake_door_count(), 2);
        assert_string_equal(fake_door_request(0)->url, addresses[i].openid);
        assert_string_equal(fake_door_request(1)->url, addresses[i].oauth);
        assert_string_equal(fake_door_request(1)->method, "GET");
        assert_non_null(strstr(err.text, "status 404: is url right?"));
        wf_http_free(endpoint.http);
    }
    conf.url = ISSUER;
}

/* clang-format off */
#define OK_DOC {.status = 200, .body = DOC("")}
/* clang-format on */
static const struct {
    const char *name;
    struct fake_answer answers[2];
    size_t requests;
    enum wf_reason reason;
    const char *says;
} discoveries[] = {
    {"the first", {OK_DOC, OK_DOC}, 1, WF_OK, ""},
    {"the second", {{.status = 404}, OK_DOC}, 2, WF_OK, ""},
    {"forbidden", {{.status = 403}, OK_DOC}, 1, WF_UNREACHABLE, "status 403"},
    {"out of order", {{.status = 500}, OK_DOC}, 1, WF_UNREACHABLE, "status 500"},
    {"a redirect", {{.status = 302}, OK_DOC}, 1, WF_UNREACHABLE, "redirects are not followed"},
    {"down", {{.reason = WF_UNREACHABLE}, OK_DOC}, 1, WF_UNREACHABLE, "scripted"},
    {"the second is down", {{.status = 404}, {.reason = WF_UNREACHABLE}}, 2, WF_UNREACHABLE,
     "scripted"},
    {"HTML", {{.status = 200, .type = "text/html", .body = "<p>"}, OK_DOC}, 1, WF_UNREACHABLE,
     "expected JSON"},
    {"no JSON", {{.status = 200, .body = "<p>"}, OK_DOC}, 1, WF_UNREACHABLE, OPENID},
    {"no issuer", {{.status = 200, .body = "{}"}, OK_DOC}, 1, WF_UNREACHABLE, "issuer"},
    {"other issuer", {{.status = 200, .body = "{\"issuer\":\"x\"}"}, OK_DOC}, 1, WF_CONFIG,
     "openid-configuration: the provider calls itself \"x\""},
};

static void test_discovery(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(discoveries); i++) {
        struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
        struct wf_err err = WF_ERR_INIT;
        struct wf_endpoint endpoint = {&conf, fake_door_new(NULL)};
        fake_door_script(discoveries[i].answers, WF_ARRAY_LEN(discoveries[i].answers));
        enum wf_reason reason = wf_oidc_discover(&endpoint, &metadata, &err);
        if (reason != discoveries[i].reason || fake_door_count() != discoveries[i].requests ||
            (reason != WF_OK && strstr(err.text, discoveries[i].says) == NULL))
            fail_msg("%s: %s, %s, %zu requests", discoveries[i].name, wf_reason_name(reason),
                     err.text, fake_door_count());
        wf_oidc_metadata_done(&metadata);
        wf_http_free(endpoint.http);
    }
}

/* Kept for a day */

static size_t find(int at)
{
    struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
    struct wf_endpoint endpoint = {&conf, fake_door_new(NULL)};

    key_log[0] = '\0';
    assert_int_equal(
        wf_oidc_find(&endpoint, dir, &key_log_sink, T0 + at, &metadata, NULL), WF_OK);
    assert_string_equal(metadata.jwks_uri, ISSUER "/jwks");
    wf_oidc_metadata_done(&metadata);
    wf_http_free(endpoint.http);
    return fake_door_count();
}

static void write_entry(const char *text)
{
    char name[WF_OIDC_ENTRY_SIZE];

    assert_int_equal(wf_oidc_entry_name(&conf, "meta", name, NULL), WF_OK);
    assert_true(wf_cachedir_replace(dir, name, text, strlen(text)));
}

#define KEPT(issuer, rest)                                                                         \
    "{\"v\":2,\"bound\":\"" ISSUER "\",\"fetched\":1700000000,\"until\":1700086400,"                   \
    "\"issuer\":\"" issuer "\",\"jwks_uri\":\"https://sso.example/jwks\"" rest
static const struct {
    const char *name;
    const char *text;
    size_t requests;
    const char *says;
} kept[] = {
    {"good", KEPT(ISSUER, "}"), 0, NULL},
    {"half", KEPT(ISSUER, ""), 1, "kept metadata of provider mail is ignored"},
    {"endpoint by http", KEPT(ISSUER, ",\"token_endpoint\":\"http://x/\"}"), 1, "token_endpoint"},
    {"other issuer", KEPT("x", "}"), 1, "calls itself"},
    {"empty", "", 1, "it is empty"},
};

static void test_kept(void **state)
{
    static const struct fake_answer answers[] = {
        {.status = 200, .body = DOCUMENT}, {.status = 200, .body = DOCUMENT},
        {.status = 200, .body = DOCUMENT}, {.status = 200, .body = DOCUMENT}};

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    assert_int_equal(find(0), 1);
    assert_int_equal(find(86399), 1);
    assert_int_equal(find(86400), 2);
    assert_int_equal(find(86401), 2);
    wf_oidc_forget(&conf, dir);
    assert_int_equal(find(86401), 3);
    for (size_t i = 0; i < WF_ARRAY_LEN(kept); i++) {
        fake_door_script(answers, WF_ARRAY_LEN(answers));
        write_entry(kept[i].text);
        size_t requests = find(0);
        if (requests != kept[i].requests ||
            (kept[i].says == NULL ? key_log[0] != '\0' : strstr(key_log, kept[i].says) == NULL))
            fail_msg("%s: %zu requests, %s", kept[i].name, requests, key_log);
    }
}

/* What came of it when nobody had an answer is kept for a short while. */

static enum wf_reason try_find(int at, struct wf_err *err)
{
    struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
    struct wf_endpoint endpoint = {&conf, fake_door_new(NULL)};

    key_log[0] = '\0';
    enum wf_reason reason = wf_oidc_find(&endpoint, dir, &key_log_sink, T0 + at, &metadata, err);
    assert_true(reason == WF_OK || metadata.jwks_uri == NULL);
    wf_oidc_metadata_done(&metadata);
    wf_http_free(endpoint.http);
    return reason;
}

static const struct {
    const char *name;
    struct fake_answer answer;
    enum wf_reason reason;
    bool kept;
} failures[] = {
    {"down", {.reason = WF_UNREACHABLE}, WF_UNREACHABLE, true},
    {"out of order", {.status = 500}, WF_UNREACHABLE, true},
    {"other issuer", {.status = 200, .body = "{\"issuer\":\"x\"}"}, WF_CONFIG, true},
    {"no memory", {.reason = WF_INTERNAL}, WF_INTERNAL, false},
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(failures); i++) {
        const struct fake_answer answers[] = {failures[i].answer, failures[i].answer,
                                              {.status = 200, .body = DOCUMENT},
                                              {.status = 200, .body = DOCUMENT}};
        struct wf_err first = WF_ERR_INIT;
        struct wf_err second = WF_ERR_INIT;
        wf_oidc_forget(&conf, dir);
        fake_door_script(answers, WF_ARRAY_LEN(answers));
        if (try_find(0, &first) != failures[i].reason || try_find(4, &second) != failures[i].reason)
            fail_msg("%s", failures[i].name);
        assert_string_equal(first.text, second.text);
        if (fake_door_count() != (failures[i].kept ? 1 : 2))
            fail_msg("%s: %zu requests", failures[i].name, fake_door_count());
        /* Then another one tries, and if it knows better, or is told to forget, so do all */
        (void)try_find(5, NULL);
        wf_oidc_forget(&conf, dir);
        assert_int_equal(try_find(6, NULL), WF_OK);
        assert_int_equal(try_find(7, NULL), WF_OK);
        assert_int_equal(fake_door_count(), failures[i].kept ? 3 : 4);
    }
}

/* Another address, authority or proxy is another provider. */
static void test_names(void **state)
{
    static const struct {
        const char *url;
        const char *ca_file;
        const char *proxy;
    } others[] = {
        {ISSUER, NULL, NULL},    {ISSUER "/", NULL, NULL},     {ISSUER, "/ca", NULL},
        {ISSUER, NULL, "/ca"},   {ISSUER, "/ca", "http://p:1"}, {ISSUER, "/c", "ahttp://p:1"},
        {ISSUER "/ca", NULL, NULL},
    };
    char names[WF_ARRAY_LEN(others)][WF_OIDC_ENTRY_SIZE];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(others); i++) {
        const struct wf_provider_conf other = {
            .url = others[i].url, .ca_file = others[i].ca_file, .proxy = others[i].proxy};
        assert_int_equal(wf_oidc_entry_name(&other, "keys", names[i], NULL), WF_OK);
        assert_int_equal(strlen(names[i]), 5 + 64);
        assert_memory_equal(names[i], "keys-", 5);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents), cmocka_unit_test(test_all_endpoints),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_discovery),
        cmocka_unit_test(test_memory),    cmocka_unit_test(test_kept),      cmocka_unit_test(test_names),
        cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, cache_set_up, cache_tear_down);
}
