/* The configuration of tokens that a host gets by itself: Machine to Machine applications of
 * Workfront's, RFC 7523's grant, and what goes together with them. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "conf_case.h"

/* The good files that the rows change in one place. '#' is room for keys of the provider. */
static const char machine[] = "[provider acme]\n"
                              "type = workfront\n"
                              "url = https://acme.example\n"
                              "client_id = m2m\n"
                              "client_secret_file = /s\n"
                              "private_key_file = /k\n"
                              "customer_id = c1\n"
                              "user_id = u1\n"
                              "#\n";
static const char served[] = "[provider acme]\n"
                             "type = workfront\n"
                             "url = https://acme.example\n"
                             "client_id = m2m\n"
                             "client_secret_file = /s\n"
                             "private_key_file = /k\n"
                             "customer_id = c1\n"
                             "user_id = u1\n"
                             "#\n"
                             "[service sshd]\n"
                             ";\n";
static const char bearer[] = "[provider sso]\n"
                             "type = oidc\n"
                             "url = https://sso.example\n"
                             "client_id = relay\n"
                             "private_key_file = /k\n"
                             "grant = jwt_bearer\n"
                             "assertion_subject = relay@acme.example\n"
                             "#\n";
static const char plain[] = "[provider sso]\n"
                            "type = oidc\n"
                            "url = https://sso.example\n"
                            "#\n";

#define M "f.conf:9: [provider acme] "
#define M1 "f.conf:1: [provider acme] "
#define S "f.conf:11: [service sshd] "
#define J "f.conf:8: [provider sso] "
#define J1 "f.conf:1: [provider sso] "
#define P "f.conf:4: [provider sso] "
#define SINCE                                                                                      \
    ", since private_key_file, customer_id and user_id make this a Machine to Machine application"
#define LONG32 "0123456789abcdef0123456789abcdef"
#define LONG128 LONG32 LONG32 LONG32 LONG32
#define LONG160 LONG128 LONG32

static const struct row rows[] = {
    /* values */
    {"customer_id blank", machine, "= c1", "= c:1", "= c 1",
     "f.conf:7: [provider acme] customer_id: found \"c 1\", expected the organisation's Customer "
     "ID, 1 to 128 bytes of printable ASCII without blanks"},
    {"customer_id long", machine, "= c1", "= " LONG128, "= " LONG128 "0",
     "f.conf:7: [provider acme] customer_id: found*"},
    {"user_id empty", machine, "= u1", "= u", "=", "f.conf:8: [provider acme] user_id: found*"},
    {"user_id long", machine, "= u1", "= " LONG128, "= " LONG128 "0",
     "f.conf:8: [provider acme] user_id: found \"*"},
    {"grant", bearer, "grant = jwt_bearer", "grant = jwt_bearer", "grant = JWT",
     "f.conf:6: [provider sso] grant: found \"JWT\", expected none or jwt_bearer"},
    {"assertion_issuer long", bearer, "#", "assertion_issuer = " LONG160,
     "assertion_issuer = " LONG160 "0", J "assertion_issuer: found*"},
    {"assertion_subject long", bearer, "= relay@acme.example", "= " LONG160, "= " LONG160 "0",
     "f.conf:7: [provider sso] assertion_subject: found*"},
    {"assertion_audience long", bearer, "#", "assertion_audience = " LONG160,
     "assertion_audience = " LONG160 "0", J "assertion_audience: found*"},
    {"assertion_algorithm HMAC", bearer, "#", "assertion_algorithm = ES384",
     "assertion_algorithm = HS256",
     J "assertion_algorithm: found \"HS256\", expected one of RS256, RS384, RS512, PS256, PS384, "
       "PS512, ES256, ES384, ES512, EdDSA"},
    {"assertion_algorithm none", bearer, "#", "assertion_algorithm = ES512",
     "assertion_algorithm = none", J "assertion_algorithm: found*"},
    {"several algorithms", bearer, "#", "assertion_algorithm = RS512",
     "assertion_algorithm = RS256, ES256", J "assertion_algorithm: found*"},
#ifndef HAVE_JWT_BUILDER_NEW
    {"PS needs libjwt 3", bearer, "#", "assertion_algorithm = RS384", "assertion_algorithm = PS384",
     J "assertion_algorithm: found \"PS384\", which this wfauth cannot sign with, since it was "
       "built with a libjwt older than version 3; expected RS256, RS384, RS512, ES256, ES384 or "
       "ES512"},
    {"EdDSA needs libjwt 3", bearer, "#", "assertion_algorithm = ES256",
     "assertion_algorithm = EdDSA", J "assertion_algorithm: found \"EdDSA\", which*"},
#endif
    /* of one type */
    {"customer_id of oidc", plain, "#", "timeout = 9", "customer_id = c",
     P "customer_id: found with type = oidc, expected with type = workfront alone"},
    {"user_id of oidc", plain, "#", "timeout = 9", "user_id = u", P "user_id: found with*"},
    {"grant of workfront", machine, "#", "timeout = 9", "grant = jwt_bearer",
     M "grant: found with type = workfront, expected with type = oidc alone"},
    {"assertion_issuer of workfront", machine, "#", "timeout = 9", "assertion_issuer = a",
     M "assertion_issuer: found with*"},
    {"assertion_subject of workfront", machine, "#", "timeout = 9", "assertion_subject = a",
     M "assertion_subject: found with*"},
    {"assertion_audience of workfront", machine, "#", "timeout = 9", "assertion_audience = a",
     M "assertion_audience: found with*"},
    {"assertion_algorithm of workfront", machine, "#", "timeout = 9", "assertion_algorithm = RS256",
     M "assertion_algorithm: found with*"},
    /* what goes together */
    {"exchange without client", machine, "client_id = m2m\n", "client_id = 1\n", "",
     M1 "client_id: missing, expected the application's client ID, 1 to 128 bytes of printable "
        "ASCII without blanks" SINCE},
    {"exchange without secret", machine, "client_secret_file = /s\n", "client_secret_file = /t\n",
     "",
     M1 "client_secret_file: missing, expected an absolute path of a file that holds the "
        "client secret" SINCE},
    {"exchange without key", machine, "private_key_file = /k\n", "private_key_file = /l\n", "",
     M1 "private_key_file: missing*"},
    {"exchange without customer", machine, "customer_id = c1\n", "customer_id = 0\n", "",
     M1 "customer_id: missing, expected the organisation's Customer ID*"},
    {"exchange without user", machine, "user_id = u1\n", "user_id = 0\n", "",
     M1 "user_id: missing, expected the ID of the user as whom this host acts*"},
    {"grant without client", bearer, "client_id = relay\n", "client_id = a\n", "",
     J1 "client_id: missing, expected the application's client ID, 1 to 128 bytes of printable "
        "ASCII without blanks, since grant = jwt_bearer"},
    {"grant without key", bearer, "private_key_file = /k\n", "private_key_file = /l\n", "",
     J1 "private_key_file: missing*"},
    {"grant without subject", bearer, "assertion_subject = relay@acme.example\n",
     "assertion_subject = a\n", "", J1 "assertion_subject: missing, expected as whom this host*"},
    {"issuer without grant", plain, "#", "grant = none", "assertion_issuer = a",
     P "assertion_issuer: found without grant = jwt_bearer, expected it in the same section"},
    {"subject without grant", plain, "#", "timeout = 9", "assertion_subject = a",
     P "assertion_subject: found without*"},
    {"audience without grant", plain, "#", "timeout = 9", "assertion_audience = a",
     P "assertion_audience: found without*"},
    {"a refused grant asks for nothing", plain, "#", "timeout = 9",
     "grant = on\nassertion_audience = a", P "grant: found \"on\"*"},
    /* people do not sign in there */
    {"code at a machine", served, ";", "min_uid = 1000", "flow = code",
     S "flow: found code, but nobody signs in at [provider acme], a Machine to Machine "
       "application; expected another provider, a Web or Single Page Web Application, or token"},
    {"tokens at a machine", served, ";", "flow = token\naudience = urn:a", "flow = token",
     S "flow: found token, and neither*"},
};

static void test_rows(void **state)
{
    (void)state;
    try_rows(rows, WF_ARRAY_LEN(rows));
}

/* Each of the three by itself makes it one, and the four others are missed. */
static void test_one_key(void **state)
{
    static const char *const keys[] = {"private_key_file = /k", "customer_id = c1", "user_id = u1"};
    char text[300];
    struct lines lines;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++) {
        struct wf_conf *conf = NULL;
        (void)snprintf(text, sizeof(text),
                       "[provider acme]\ntype = workfront\nurl = https://a\n%s\n", keys[i]);
        assert_int_equal(parse(text, &lines, &conf, &err), WF_CONFIG);
        assert_int_equal(lines.count, 4);
        for (size_t j = 0; j < 4; j++)
            assert_non_null(strstr(lines.text[j], SINCE));
    }
}

/* What type it is was refused, so nothing is said of who signs in there. */
static void test_unknown_type(void **state)
{
    char text[600];
    char typed[600];
    struct lines lines;
    struct wf_err err = WF_ERR_INIT;
    struct wf_conf *conf = NULL;

    (void)state;
    substitute(text, sizeof(text), served, ";", "flow = code");
    substitute(typed, sizeof(typed), text, "type = workfront", "type = workfronts");
    assert_int_equal(parse(typed, &lines, &conf, &err), WF_CONFIG);
    assert_int_equal(lines.count, 1);
    assert_true(told(lines.text[0], "f.conf:2: [provider acme] type: found*"));
}

static void test_machine(void **state)
{
    struct wf_conf *conf = good(machine);
    const struct wf_provider_conf *provider = wf_conf_provider_at(conf, 0);

    (void)state;
    assert_true(wf_conf_is_machine(provider));
    assert_string_equal(provider->customer_id, "c1");
    assert_string_equal(provider->user_id, "u1");
    assert_string_equal(provider->private_key_file, "/k");
    assert_null(provider->assertion_algorithm);
    /* No service and no redirect_uri is needed */
    assert_string_equal(wf_conf_policy_at(conf, 0)->service, "*");
    wf_conf_free(conf);
}

/* What this host is a client of does not change who signs people in. */
static void test_only_provider(void **state)
{
    static const char people[] = "[provider people]\ntype = workfront\nurl = https://b.example\n"
                                 "client_id = c\nredirect_uri = https://b.example/code\n";
    static const char service[] = "[service sshd]\nqr = no\n";
    static const struct {
        const char *name;
        const char *parts[3];
        const char *accepted; /* NULL: provider must be named */
    } files[] = {
        {"alone", {machine, service, ""}, "acme"},
        {"before another", {machine, people, service}, "people"},
        {"behind another", {people, machine, service}, "people"},
        {"beside a client of an OpenID provider", {machine, bearer, service}, "sso"},
        {"two others", {people, bearer, service}, NULL},
    };
    char text[2048];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(files); i++) {
        struct lines lines = {.count = 0};
        struct wf_conf *conf = NULL;
        (void)snprintf(text, sizeof(text), "%s%s%s", files[i].parts[0], files[i].parts[1],
                       files[i].parts[2]);
        enum wf_reason reason = parse(text, &lines, &conf, NULL);
        if ((reason == WF_OK) != (files[i].accepted != NULL))
            fail_msg("%s: %s", files[i].name, lines.text[0]);
        if (reason == WF_OK)
            assert_string_equal(wf_conf_policy_at(conf, 0)->accepted[0].provider->name,
                                files[i].accepted);
        else
            assert_non_null(strstr(lines.text[0], "since there are several"));
        wf_conf_free(conf);
    }
}

static void test_bearer(void **state)
{
    static const char whole[] = "[provider sso]\n"
                                "type = oidc\n"
                                "url = https://sso.example\n"
                                "client_id = relay\n"
                                "private_key_file = /k\n"
                                "grant = jwt_bearer\n"
                                "assertion_issuer = i\n"
                                "assertion_subject = s\n"
                                "assertion_audience = a\n"
                                "assertion_algorithm = ES384\n";
    struct wf_conf *conf = good(bearer);
    const struct wf_provider_conf *provider = wf_conf_provider_at(conf, 0);

    (void)state;
    assert_true(wf_conf_is_machine(provider));
    assert_string_equal(provider->assertion_subject, "relay@acme.example");
    assert_null(provider->assertion_issuer);
    assert_null(provider->assertion_audience);
    assert_null(provider->assertion_algorithm);
    wf_conf_free(conf);
    conf = good(whole);
    provider = wf_conf_provider_at(conf, 0);
    assert_string_equal(provider->assertion_issuer, "i");
    assert_string_equal(provider->assertion_subject, "s");
    assert_string_equal(provider->assertion_audience, "a");
    assert_string_equal(provider->assertion_algorithm, "ES384");
    wf_conf_free(conf);
    conf = good(plain);
    assert_false(wf_conf_is_machine(wf_conf_provider_at(conf, 0)));
    wf_conf_free(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_one_key),
        cmocka_unit_test(test_unknown_type), cmocka_unit_test(test_machine),
        cmocka_unit_test(test_only_provider),
        cmocka_unit_test(test_bearer),
    };
    return cmocka_run_group_tests_name("conf_machine", tests, NULL, NULL);
}
