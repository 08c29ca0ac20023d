/* The configuration of silent sign-ins: what is kept of a sign-in by code, who is asked about it,
 * and what goes together. */
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

#define WORKFRONT                                                                                  \
    "[provider acme]\ntype = workfront\nurl = https://acme.example\nclient_id = 2f1c\n"            \
    "redirect_uri = https://login.example/code\n"
#define SSO "[provider sso]\ntype = oidc\nurl = https://sso.example\n"
#define MACHINE                                                                                    \
    "[provider relay]\ntype = workfront\nurl = https://acme.example\nclient_id = m2m\n"            \
    "client_secret_file = /s\nprivate_key_file = /k\ncustomer_id = c1\nuser_id = u1\n"

/* The good files that the rows change in one place: '#' is room for keys of the service. */
static const char plain[] = WORKFRONT "[service sudo]\n"
                                      "#\n";
static const char silent[] = WORKFRONT "[service sudo]\n"
                                       "flow = refresh, code\n"
                                       "max_age = 15m\n"
                                       "#\n";
static const char mixed[] = WORKFRONT SSO MACHINE "[service x]\n"
                                                  "provider = acme\n"
                                                  "#\n";

#define S "f.conf:7: [service sudo] "
#define S1 "f.conf:6: [service sudo] "
#define W1 "f.conf:1: [provider acme] "
#define TWO                                                                                        \
    ", expected code, token, or \"refresh, code\" (silently from the session that is kept, where " \
    "the host has proven the person, else by code)"

static const struct row rows[] = {
    /* values */
    {"refresh alone", silent, "refresh, code", "refresh,code", "refresh",
     S "flow: found \"refresh\"" TWO},
    {"the other way round", silent, "refresh, code", "refresh ,  code", "code, refresh",
     S "flow: found \"code, refresh\"" TWO},
    {"refresh with token", silent, "refresh, code", "refresh ,code", "refresh, token",
     S "flow: found \"refresh, token\"" TWO},
    {"three ways", silent, "refresh, code", "refresh,\tcode", "refresh, code, token",
     S "flow: found \"refresh, code, token\"" TWO},
    {"refresh twice", silent, "refresh, code", "refresh, code", "refresh, refresh",
     S "flow: found \"refresh, refresh\"" TWO},
    {"nothing behind the comma", silent, "refresh, code", "refresh, code", "refresh,",
     S "flow: found \"refresh,\"" TWO},
    {"nothing behind code", silent, "refresh, code", "code", "code,", S "flow: found \"code,\"*"},
    {"a blank for the comma", silent, "refresh, code", "refresh, code", "refresh code",
     S "flow: found \"refresh code\"" TWO},
    {"capitals", silent, "refresh, code", "refresh, code", "Refresh, code",
     S "flow: found \"Refresh, code\"" TWO},
    {"account_check", plain, "#", "account_check = known", "account_check = maybe",
     S "account_check: found \"maybe\", expected no, known or yes"},
    {"token_export", plain, "#", "token_export = no", "token_export = 1",
     S "token_export: found \"1\", expected yes or no"},
    {"grace low", silent, "#", "grace = 1s", "grace = 0",
     "f.conf:9: [service sudo] grace: found \"0\", expected 1s to 7d"},
    {"grace high", silent, "#", "grace = 7d", "grace = 604801",
     "f.conf:9: [service sudo] grace: found \"604801\", expected 1s to 7d"},
    {"at a provider", plain, "[service sudo]\n", "timeout = 9\n[service sudo]\n",
     "account_check = yes\n[service sudo]\n",
     "f.conf:6: [provider acme] account_check: found in a provider section, expected in a service "
     "section alone"},
    /* max_age of the very section */
    {"silent for ever", silent, "max_age = 15m\n", "max_age = 1s\n", "",
     S1 "max_age: missing, expected 1s to 3650d, since flow = refresh, code needs one in this very "
        "section"},
    {"an inherited age", silent, "max_age = 15m\n", "max_age = 15m\n[service *]\nmax_age = 15m\n",
     "[service *]\nmax_age = 15m\n", S1 "max_age: missing, expected 1s to 3650d*"},
    {"a refused age is not missed", silent, "15m", "15d", "15 m",
     "f.conf:8: [service sudo] max_age: found \"15 m\", expected 1s to 3650d"},
    {"a refused flow asks for no age", plain, "#", "flow = code", "flow = refresh",
     S "flow: found*"},
    /* never inherited */
    {"silent for all", plain, "#", "[service *]\nflow = code\nmax_age = 9",
     "[service *]\nflow = refresh, code\nmax_age = 9",
     "f.conf:8: [service *] flow: found in [service *], expected in a [service NAME] alone: it "
     "lets people in without asking them anything, which no service may inherit"},
    {"silent for all, without an age", plain, "#", "[service *]\nflow = code",
     "[service *]\nflow = refresh, code", "f.conf:8: [service *] flow: found in [service *]*"},
    {"grace for all", plain, "#", "[service *]\naccount_check = yes",
     "[service *]\naccount_check = yes\ngrace = 1h",
     "f.conf:9: [service *] grace: found in [service *], expected in a [service NAME] alone: it "
     "lets people in of whom nobody knows whether they are active, which no service may inherit"},
    {"grace for all, and no check", plain, "#", "[service *]\nqr = no", "[service *]\ngrace = 1h",
     "f.conf:8: [service *] grace: found in [service *]*"},
    {"export for all", plain, "#", "[service *]\nqr = no", "[service *]\ntoken_export = yes",
     "f.conf:8: [service *] token_export: found in [service *], expected in a [service NAME] "
     "alone: it gives tokens to whatever runs in a session, which no service may inherit"},
    {"no export for all", plain, "#", "[service *]\nqr = no", "[service *]\ntoken_export = no",
     "f.conf:8: [service *] token_export: found in [service *]*"},
    /* grace of what asks anew */
    {"grace of nothing", plain, "#", "account_check = known\ngrace = 1h", "grace = 1h",
     S "grace: found without flow = refresh, code and without account_check, expected one of them: "
       "nothing else asks the provider anew"},
    {"grace of a check that is not", plain, "#", "grace = 1h\naccount_check = yes",
     "grace = 1h\naccount_check = no", S "grace: found without*"},
    {"grace of an inherited check", plain, "#", "grace = 1h\n[service *]\naccount_check = yes",
     "grace = 1h\n[service *]\naccount_check = no", S "grace: found without*"},
    {"grace of the silent flow", silent, "refresh, code\nmax_age = 15m\n",
     "refresh, code\nmax_age = 1h\ngrace = 1h\n", "code\nmax_age = 1h\ngrace = 1h\n",
     "f.conf:9: [service sudo] grace: found without*"},
    {"grace of tokens", plain, "#", "flow = token\naudience = a\naccount_check = yes\ngrace = 1h",
     "flow = token\naudience = a\ngrace = 1h", "f.conf:9: [service sudo] grace: found without*"},
    {"grace beside a refused check", plain, "#", "grace = 1h\naccount_check = yes",
     "grace = 1h\naccount_check = all", "f.conf:8: [service sudo] account_check: found*"},
    {"grace beside a refused flow", plain, "#", "grace = 1h\nmax_age = 9\nflow = refresh, code",
     "grace = 1h\nmax_age = 9\nflow = refresh", "f.conf:9: [service sudo] flow: found*"},
    /* where people sign in by code */
    {"silent with oidc", mixed, "provider = acme\n#",
     "provider = acme\nflow = refresh,code\nmax_age = 9",
     "provider = sso\nflow = refresh,code\nmax_age = 9",
     "f.conf:19: [service x] flow: flow = refresh,code with an oidc provider is not available in "
     "this version"},
    {"checks with oidc", mixed, "provider = acme\n#", "provider = sso\naccount_check = no",
     "provider = sso\naccount_check = known",
     "f.conf:19: [service x] account_check: account_check = known with an oidc provider is not "
     "available in this version"},
    {"export with oidc", mixed, "provider = acme\n#", "provider = sso\ntoken_export = no",
     "provider = sso\ntoken_export = yes",
     "f.conf:19: [service x] token_export: token_export = yes with an oidc provider is not "
     "available in this version"},
    {"silent at a machine", mixed, "provider = acme\n#",
     "provider = acme\nflow = refresh, code\nmax_age = 9",
     "provider = relay\nflow = refresh, code\nmax_age = 9",
     "f.conf:19: [service x] flow: found refresh, code, but nobody signs in at [provider relay], a "
     "Machine to Machine application; expected another provider, a Web or Single Page Web "
     "Application, or token"},
    {"checks at a machine", mixed, "provider = acme\n#", "provider = relay\naccount_check = no",
     "provider = relay\naccount_check = yes",
     "f.conf:19: [service x] account_check: found yes, but nobody signs in at [provider relay], a "
     "Machine to Machine application; expected another provider, a Web or Single Page Web "
     "Application, or no"},
    {"export at a machine", mixed, "provider = acme\n#", "provider = relay\ntoken_export = no",
     "provider = relay\ntoken_export = yes",
     "f.conf:19: [service x] token_export: found yes, but nobody signs in*"},
    {"silent without client", silent, "client_id = 2f1c\n", "client_id = 1\n", "",
     W1 "client_id: missing, expected the application's client ID, 1 to 128 bytes of printable "
        "ASCII without blanks, since the flow of [service sudo] is refresh, code"},
    {"silent without redirect", silent, "redirect_uri = https://login.example/code\n",
     "redirect_uri = https://a\n", "", W1 "redirect_uri: missing, expected a redirect URL*"},
};

static void test_rows(void **state)
{
    (void)state;
    try_rows(rows, WF_ARRAY_LEN(rows));
}

/* Tokens of people who sign in elsewhere by code: the provider must be one where that can be. */
static void test_checks_of_tokens(void **state)
{
    static const char base[] = "[provider acme]\ntype = workfront\nurl = https://acme.example\n"
                               "[service ftp]\nflow = token\naudience = a\n#\n";
    static const struct row own[] = {
        {"checks", base, "#", "account_check = no", "account_check = yes",
         W1 "client_id: missing, expected the application's client ID, 1 to 128 bytes of printable "
            "ASCII without blanks, since the account_check of [service ftp] is yes"},
        {"export", base, "#", "token_export = no", "token_export = yes",
         W1 "client_id: missing, expected the application's client ID, 1 to 128 bytes of printable "
            "ASCII without blanks, since the token_export of [service ftp] is yes"},
        {"inherited checks", base, "#",
         "[service *]\nflow = token\naudience = a\naccount_check = no",
         "[service *]\nflow = token\naudience = a\naccount_check = known",
         W1 "client_id: missing, expected the application's client ID, 1 to 128 bytes of printable "
            "ASCII without blanks, since the account_check of [service ftp] is known"},
    };
    char text[2000];
    struct lines lines;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    /* Both keys are missed */
    for (size_t i = 0; i < WF_ARRAY_LEN(own); i++) {
        struct wf_conf *conf = NULL;
        substitute(text, sizeof(text), base, "#", own[i].good);
        wf_conf_free(good(text));
        substitute(text, sizeof(text), base, "#", own[i].bad);
        assert_int_equal(parse(text, &lines, &conf, &err), WF_CONFIG);
        assert_int_equal(lines.count, 2);
        assert_string_equal(lines.text[0], own[i].told);
        assert_true(told(lines.text[1], W1 "redirect_uri: missing*"));
    }
}

static const struct wf_policy *policy_of(const struct wf_conf *conf, const char *service)
{
    const struct wf_policy *policy = NULL;

    assert_int_equal(wf_conf_policy(conf, service, &policy, NULL), WF_OK);
    return policy;
}

static void test_values(void **state)
{
    static const char text[] = WORKFRONT "[service *]\n"
                                         "account_check = known\n"
                                         "[service sshd]\n"
                                         "account_check = yes\n"
                                         "grace = 2h\n"
                                         "token_export = yes\n"
                                         "[service sudo]\n"
                                         "flow = refresh , code\n"
                                         "max_age = 15m\n"
                                         "account_check = no\n"
                                         "[service su]\n"
                                         "qr = no\n";
    struct wf_conf *conf = good(text);
    const struct wf_policy *sshd = policy_of(conf, "sshd");
    const struct wf_policy *sudo = policy_of(conf, "sudo");
    const struct wf_policy *su = policy_of(conf, "su");

    (void)state;
    assert_int_equal(sshd->flow, WF_FLOW_CODE);
    assert_int_equal(sshd->account_check, WF_ACCOUNT_CHECK_YES);
    assert_int_equal(sshd->grace, 7200);
    assert_true(sshd->token_export);
    assert_int_equal(sudo->flow, WF_FLOW_REFRESH_CODE);
    assert_int_equal(sudo->max_age, 900);
    assert_int_equal(sudo->account_check, WF_ACCOUNT_CHECK_NO);
    assert_int_equal(sudo->grace, 0);
    assert_false(sudo->token_export);
    assert_int_equal(su->flow, WF_FLOW_CODE);
    assert_int_equal(su->account_check, WF_ACCOUNT_CHECK_KNOWN);
    wf_conf_free(conf);
    conf = good(WORKFRONT);
    assert_int_equal(policy_of(conf, "sshd")->account_check, WF_ACCOUNT_CHECK_NO);
    assert_int_equal(policy_of(conf, "sshd")->grace, 0);
    assert_false(policy_of(conf, "sshd")->token_export);
    wf_conf_free(conf);
}

/* A mail server has no account phase: what it inherits means nothing there. */
static void test_inherited(void **state)
{
    static const char text[] = WORKFRONT SSO "[service *]\n"
                                             "provider = acme\n"
                                             "account_check = yes\n"
                                             "[service imap]\n"
                                             "provider = sso\n";

    (void)state;
    wf_conf_free(good(text));
}

/* A service may be called like a provider, and stand before it. */
static void test_same_name(void **state)
{
    static const char own[] = "[service acme]\nprovider = acme\nflow = refresh, code\n"
                              "max_age = 9\n" WORKFRONT;

    (void)state;
    struct wf_conf *conf = good(own);
    assert_int_equal(policy_of(conf, "acme")->flow, WF_FLOW_REFRESH_CODE);
    assert_string_equal(policy_of(conf, "acme")->accepted[0].provider->name, "acme");
    wf_conf_free(conf);
}

static void test_keeps_sessions(void **state)
{
    static const struct {
        const char *name;
        const char *services;
        bool acme;
        bool second;
    } cases[] = {
        {"by code alone", "[service *]\nprovider = acme\n", false, false},
        {"silent", "[service sudo]\nprovider = acme\nflow = refresh, code\nmax_age = 1\n", true,
         false},
        {"checked", "[service sshd]\nprovider = acme\naccount_check = yes\n", true, false},
        {"checked where known", "[service sshd]\nprovider = acme\naccount_check = known\n", true,
         false},
        {"exported", "[service sshd]\nprovider = acme\ntoken_export = yes\n", true, false},
        {"not exported", "[service sshd]\nprovider = acme\ntoken_export = no\n", false, false},
        {"for all", "[service *]\nprovider = second\naccount_check = yes\n", false, true},
        {"the first one alone", "[service sshd]\nprovider = second, acme\naccount_check = yes\n",
         false, true},
        {"the last service",
         "[service a]\nprovider = acme\n[service b]\nprovider = second\n"
         "token_export = yes\n",
         false, true},
    };
    static const char base[] =
        "[provider acme]\ntype = workfront\nurl = https://acme.example\nclient_id = 2f1c\n"
        "redirect_uri = https://login.example/code\nusername = ID\n"
        "[provider second]\ntype = workfront\nurl = https://b.example\nclient_id = 3f\n"
        "redirect_uri = https://login.example/code\nusername = ID\n";
    char text[2000];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        (void)snprintf(text, sizeof(text), "%s%s", base, cases[i].services);
        struct wf_conf *conf = good(text);
        if (wf_conf_keeps_sessions(conf, wf_conf_provider(conf, "acme")) != cases[i].acme ||
            wf_conf_keeps_sessions(conf, wf_conf_provider(conf, "second")) != cases[i].second)
            fail_msg("%s", cases[i].name);
        wf_conf_free(conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_checks_of_tokens),
        cmocka_unit_test(test_values),    cmocka_unit_test(test_inherited),
        cmocka_unit_test(test_same_name), cmocka_unit_test(test_keeps_sessions),
    };
    return cmocka_run_group_tests_name("conf_silent", tests, NULL, NULL);
}
