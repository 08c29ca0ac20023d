/* The module's arguments, and what each reason returns to libpam. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <security/pam_modules.h>

#include "args.h"
#include "code.h"

static const struct {
    const char *name;
    const char *argv[7];
    struct wf_args args;
} good[] = {
    {"none", {NULL}, {.config = NULL}},
    {"a configuration", {"config=/c"}, {.config = "/c"}},
    {"a folder", {"state=/s"}, {.state = "/s"}},
    {"another service", {"service=s"}, {.service = "s"}},
    {"debug", {"debug"}, {.debug = true}},
    {"use_first_pass", {"use_first_pass"}, {.use_first_pass = true}},
    {"try_first_pass", {"try_first_pass"}, {.try_first_pass = true}},
    {"a value with an equals sign", {"service=a=b"}, {.service = "a=b"}},
    {"the last one counts", {"config=/c", "config=/d"}, {.config = "/d"}},
    {"all",
     {"try_first_pass", "use_first_pass", "debug", "service=s", "state=/s", "config=/c"},
     {.config = "/c",
      .state = "/s",
      .service = "s",
      .debug = true,
      .use_first_pass = true,
      .try_first_pass = true}},
};

static const struct {
    const char *name;
    const char *argv[7];
    const char *text;
} bad[] = {
    {"an unknown word", {"nullok"}, "\"nullok\""},
    {"an empty word", {""}, "\"\""},
    {"behind a good one", {"debug", "nullok"}, "\"nullok\""},
    {"before a good one", {"nullok", "debug"}, "\"nullok\""},
    {"capitals", {"DEBUG"}, "\"DEBUG\""},
    {"a longer word", {"debugging"}, "\"debugging\""},
    {"a shorter word", {"debu"}, "\"debu\""},
    {"a value for none", {"debug=yes"}, "\"debug=yes\""},
    {"a longer one with a value", {"use_first_pass=no"}, "\"use_first_pass=no\""},
    {"no value", {"config="}, "\"config=\""},
    {"no value and no sign", {"config"}, "\"config\""},
    {"no folder", {"state="}, "\"state=\""},
    {"no service", {"service="}, "\"service=\""},
    {"a blank before the value's sign", {"service =s"}, "\"service =s\""},
    {"a relative path", {"config=c"}, "config=c: expected an absolute path"},
    {"a relative folder", {"state=s"}, "state=s: expected an absolute path"},
};

static int count(const char *const argv[])
{
    int n = 0;

    while (argv[n] != NULL)
        n++;
    return n;
}

static void assert_same(const char *name, const char *found, const char *expected)
{
    if ((found == NULL) != (expected == NULL) || (found != NULL && strcmp(found, expected) != 0))
        fail_msg("%s: %s", name, found == NULL ? "nothing" : found);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(good); i++) {
        struct wf_args args = {.config = "/before", .debug = true};
        const char *argv[7];
        memcpy(argv, good[i].argv, sizeof(argv));
        assert_int_equal(wf_args_parse(count(argv), argv, &args, NULL), WF_OK);
        assert_same(good[i].name, args.config, good[i].args.config);
        assert_same(good[i].name, args.state, good[i].args.state);
        assert_same(good[i].name, args.service, good[i].args.service);
        if (args.debug != good[i].args.debug ||
            args.use_first_pass != good[i].args.use_first_pass ||
            args.try_first_pass != good[i].args.try_first_pass)
            fail_msg("%s: another switch", good[i].name);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_args args = {.config = "/before"};
        const char *argv[7];
        memcpy(argv, bad[i].argv, sizeof(argv));
        enum wf_reason reason = wf_args_parse(count(argv), argv, &args, &err);
        if (reason != WF_CONFIG || strstr(err.text, bad[i].text) == NULL)
            fail_msg("%s: %s: %s", bad[i].name, wf_reason_name(reason), err.text);
        assert_string_equal(args.config, "/before");
    }
}

/* What service files are written by, as the manual page says it. */
static void test_codes(void **state)
{
    static const struct {
        enum wf_reason reason;
        int code;
    } rows[] = {
        {WF_OK, PAM_SUCCESS},
        {WF_TOO_LARGE, PAM_AUTH_ERR},
        {WF_MALFORMED, PAM_AUTH_ERR},
        {WF_ALGORITHM, PAM_AUTH_ERR},
        {WF_ISSUER, PAM_AUTH_ERR},
        {WF_KEY, PAM_AUTH_ERR},
        {WF_SIGNATURE, PAM_AUTH_ERR},
        {WF_TYPE, PAM_AUTH_ERR},
        {WF_EXPIRED, PAM_AUTH_ERR},
        {WF_NOT_YET_VALID, PAM_AUTH_ERR},
        {WF_AUDIENCE, PAM_AUTH_ERR},
        {WF_SCOPE, PAM_AUTH_ERR},
        {WF_INACTIVE, PAM_ACCT_EXPIRED},
        {WF_IDENTITY, PAM_AUTH_ERR},
        {WF_DENIED, PAM_PERM_DENIED},
        {WF_PENDING, PAM_AUTHINFO_UNAVAIL},
        {WF_UNREACHABLE, PAM_AUTHINFO_UNAVAIL},
        {WF_CONFIG, PAM_SERVICE_ERR},
        {WF_INTERNAL, PAM_SERVICE_ERR},
        /* None of them: nothing fails open */
        {WF_REASON_COUNT, PAM_SERVICE_ERR},
        {(enum wf_reason)(WF_REASON_COUNT + 1), PAM_SERVICE_ERR},
        {(enum wf_reason)-1, PAM_SERVICE_ERR},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        assert_int_equal(rows[i].reason, i < WF_REASON_COUNT ? i : rows[i].reason);
        assert_int_equal(wf_pam_code(rows[i].reason), rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests_name("pam_args", tests, NULL, NULL);
}
