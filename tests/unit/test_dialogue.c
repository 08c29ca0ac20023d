/* The dialogue of a sign-in: its prompt, its tries, the host it names, and what ends it. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialogue.h"

static const struct wf_provider_conf conf = {
    .name = "acme",
    .type = WF_PROVIDER_WORKFRONT,
    .url = "https://acme.my.workfront.com",
    .client_id = "cid",
    .redirect_uri = "https://login.acme.example/code",
};
static const struct wf_provider_conf oidc = {
    .name = "mail", .type = WF_PROVIDER_OIDC, .url = "https://sso.example"};

/* What the host is called; NULL: it does not say, after it has written something. */
static const char *host_name;
int __wrap_gethostname(char *name, size_t size);
int __wrap_gethostname(char *name, size_t size)
{
    if (host_name != NULL && strlen(host_name) < size) {
        memcpy(name, host_name, strlen(host_name) + 1);
        return 0;
    }
    memset(name, 'x', size);
    errno = host_name == NULL ? EFAULT : ENAMETOOLONG;
    return -1;
}

static bool no_authz;
enum wf_reason __real_wf_authz_new(const struct wf_provider_conf *provider, const char *url,
                                   const struct wf_authz_hint *hint, bool offline,
                                   struct wf_authz **ret, struct wf_err *err);
enum wf_reason __wrap_wf_authz_new(const struct wf_provider_conf *provider, const char *url,
                                   const struct wf_authz_hint *hint, bool offline,
                                   struct wf_authz **ret, struct wf_err *err);
enum wf_reason __wrap_wf_authz_new(const struct wf_provider_conf *provider, const char *url,
                                   const struct wf_authz_hint *hint, bool offline,
                                   struct wf_authz **ret, struct wf_err *err)
{
    return no_authz ? wf_fail(err, WF_INTERNAL, "scripted: no randomness")
                    : __real_wf_authz_new(provider, url, hint, offline, ret, err);
}

static int reset(void **state)
{
    (void)state;
    host_name = "host";
    no_authz = false;
    return 0;
}

static struct wf_dialogue make(const struct wf_provider_conf *provider)
{
    struct wf_dialogue dialogue = WF_DIALOGUE_INIT;

    dialogue.endpoint.conf = provider;
    dialogue.service = "sshd";
    dialogue.user = "alice";
    return dialogue;
}

/* 64 bytes are the most that a host of Linux may be called. */
#define LONG_NAME "a234567890123456789012345678901234567890123456789012345678901234"
static const struct {
    const char *name;
    const char *host;
    const char *shown;
} hosts[] = {
    {"known", "host.acme.example", "on host.acme.example (sshd)"},
    {"as long as may be", LONG_NAME, "on " LONG_NAME " (sshd)"},
    {"with an escape", "h\033[2J", "on h?[2J (sshd)"},
    {"unknown", NULL, "on  (sshd)"},
};

static void test_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(hosts); i++) {
        struct wf_dialogue dialogue = make(&conf);
        host_name = hosts[i].host;
        assert_int_equal(wf_dialogue_begin(&dialogue, NULL), WF_OK);
        assert_true(dialogue.open);
        const char *prompt = wf_dialogue_prompt_borrow(&dialogue, WF_QR_NO);
        if (strstr(prompt, hosts[i].shown) == NULL)
            fail_msg("%s: %s", hosts[i].name, prompt);
        wf_dialogue_done(&dialogue);
    }
}

/* A new address for each of three answers, and what was wrong with the one before. */
static void test_tries(void **state)
{
    struct wf_dialogue dialogue = make(&conf);

    (void)state;
    assert_int_equal(wf_dialogue_begin(&dialogue, NULL), WF_OK);
    for (int i = 0; i < 3; i++) {
        char *old = strdup(wf_authz_address_borrow(dialogue.authz));
        assert_true(dialogue.open);
        wf_dialogue_go_on(&dialogue, true, "That was wrong.");
        assert_int_equal(strcmp(old, wf_authz_address_borrow(dialogue.authz)) == 0, i == 2);
        assert_non_null(
            strstr(wf_dialogue_prompt_borrow(&dialogue, WF_QR_NO), "That was wrong.\n\nSign in"));
        free(old);
    }
    assert_false(dialogue.open);
    wf_dialogue_done(&dialogue);
    dialogue = make(&conf);
    assert_int_equal(wf_dialogue_begin(&dialogue, NULL), WF_OK);
    wf_dialogue_go_on(&dialogue, false, NULL);
    assert_false(dialogue.open);
    wf_dialogue_done(&dialogue);
}

/* Where there is no new address the old one is shown, but no answer to it is expected. */
static void test_no_address(void **state)
{
    struct wf_dialogue dialogue = make(&conf);
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_int_equal(wf_dialogue_begin(&dialogue, NULL), WF_OK);
    no_authz = true;
    wf_dialogue_go_on(&dialogue, true, NULL);
    assert_false(dialogue.open);
    assert_non_null(strstr(wf_dialogue_prompt_borrow(&dialogue, WF_QR_NO), "https://acme.my"));
    wf_dialogue_done(&dialogue);
    dialogue = make(&conf);
    assert_int_equal(wf_dialogue_begin(&dialogue, &err), WF_INTERNAL);
    assert_string_equal(err.text, "scripted: no randomness");
    assert_false(dialogue.open);
    wf_dialogue_done(&dialogue);
    dialogue = make(&oidc);
    no_authz = false;
    assert_int_equal(wf_dialogue_begin(&dialogue, &err), WF_CONFIG);
    assert_false(dialogue.open);
    assert_null(dialogue.authz);
    wf_dialogue_done(&dialogue);
}

/* Only what the person can do better is asked for again. */
static void test_mendable(void **state)
{
    (void)state;
    for (int i = 0; i < WF_REASON_COUNT; i++) {
        enum wf_reason reason = (enum wf_reason)i;
        bool mendable = reason == WF_TOO_LARGE || reason == WF_MALFORMED || reason == WF_ISSUER ||
                        reason == WF_EXPIRED || reason == WF_IDENTITY;
        if (wf_dialogue_is_mendable(reason) != mendable)
            fail_msg("%s", wf_reason_name(reason));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_hosts, reset),
        cmocka_unit_test_setup(test_tries, reset),
        cmocka_unit_test_setup(test_no_address, reset),
        cmocka_unit_test_setup(test_mendable, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
