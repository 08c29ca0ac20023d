/* A lack of memory in the C library's regular expressions and locales. */
#include "config.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "identity.h"
#include "json.h"
#include "text.h"

static bool regcomp_fails;
static bool regexec_fails;
static bool locale_fails;

locale_t __real_wf_text_locale(void);
locale_t __wrap_wf_text_locale(void);
locale_t __wrap_wf_text_locale(void)
{
    return locale_fails ? (locale_t)0 : __real_wf_text_locale();
}

int __real_regcomp(regex_t *ret, const char *expression, int flags);
int __wrap_regcomp(regex_t *ret, const char *expression, int flags);
int __wrap_regcomp(regex_t *ret, const char *expression, int flags)
{
    return regcomp_fails ? REG_ESPACE : __real_regcomp(ret, expression, flags);
}

int __real_regexec(const regex_t *regex, const char *text, size_t n, regmatch_t *match, int flags);
int __wrap_regexec(const regex_t *regex, const char *text, size_t n, regmatch_t *match, int flags);
int __wrap_regexec(const regex_t *regex, const char *text, size_t n, regmatch_t *match, int flags)
{
    return regexec_fails ? REG_ESPACE : __real_regexec(regex, text, n, match, flags);
}

static void check(const char *says)
{
    static const char text[] = "{\"username\":\"alice\"}";
    static const char *const username[] = {"username"};
    const struct wf_naming naming = {.username = {username, 1}, .username_regex = ".*"};
    const struct wf_policy policy = {.max_uid = 60000};
    char user[WF_USER_MAX + 1] = "stale";
    struct wf_err err = WF_ERR_INIT;
    struct json_t *claims = NULL;

    assert_int_equal(wf_json_parse(text, strlen(text), &claims, NULL), WF_OK);
    assert_int_equal(wf_identity_judge(&policy, &naming, claims, NULL, WF_PASSWD_IGNORE, user,
                                       &err),
                     WF_INTERNAL);
    assert_non_null(strstr(err.text, says));
    assert_string_equal(user, "");
    wf_json_free(claims);
}

/* No memory is no verdict about the person. */
static void test_no_memory(void **state)
{
    (void)state;
    regcomp_fails = true;
    check("memory compiling");
    regcomp_fails = false;
    regexec_fails = true;
    check("memory matching");
    regexec_fails = false;
    locale_fails = true;
    check("memory for a locale");
    locale_fails = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("identity, memory", tests, NULL, NULL);
}
