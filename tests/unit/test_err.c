#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "text.h"

/* The names are an interface: logs, the command and administrators' filters use them. */
static const char *const names[WF_REASON_COUNT] = {
    "ok",     "too-large", "malformed",     "algorithm", "issuer",  "key",      "signature",
    "type",   "expired",   "not-yet-valid", "audience",  "scope",   "inactive", "identity",
    "denied", "pending",   "unreachable",   "config",    "internal"};

static void test_tables(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WF_REASON_COUNT; i++) {
        const char *advice = wf_reason_advice((enum wf_reason)i);
        assert_string_equal(wf_reason_name((enum wf_reason)i), names[i]);
        assert_true(wf_text_is_printable(advice, strlen(advice)));
        assert_int_equal(advice[strlen(advice) - 1], '.');
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(advice, wf_reason_advice((enum wf_reason)k));
    }
    assert_string_equal(wf_reason_name((enum wf_reason)WF_REASON_COUNT), "internal");
    assert_string_equal(wf_reason_name((enum wf_reason) - 1), "internal");
    assert_string_equal(wf_reason_advice((enum wf_reason)WF_REASON_COUNT),
                        wf_reason_advice(WF_INTERNAL));
}

static void test_fail(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(wf_fail(&err, WF_SCOPE, "%s is %d", "a\nb\033c", 7), WF_SCOPE);
    assert_string_equal(err.text, "a?b?c is 7");
    /* A text may be made from the old one */
    assert_int_equal(wf_fail(&err, WF_KEY, "was: %s", err.text), WF_KEY);
    assert_string_equal(err.text, "was: a?b?c is 7");
    assert_int_equal(wf_fail(NULL, WF_KEY, "unheard"), WF_KEY);
    /* Nobody can turn a failure into a success */
    assert_int_equal(wf_fail(&err, WF_OK, "mistake"), WF_INTERNAL);
    assert_int_equal(wf_fail(NULL, WF_OK, "mistake"), WF_INTERNAL);
}

static void test_long_texts_are_cut(void **state)
{
    (void)state;
    char text[3000];
    struct wf_err err = WF_ERR_INIT;

    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(wf_fail(&err, WF_KEY, "%s", text), WF_KEY);
    assert_int_equal(strlen(err.text), WF_ERR_TEXT_MAX - 1);
    wf_err_context(&err, "here");
    assert_int_equal(strlen(err.text), WF_ERR_TEXT_MAX - 1);
    assert_memory_equal(err.text, "here: aaa", 9);
    wf_err_context(&err, "%s", text);
    assert_int_equal(strlen(err.text), WF_ERR_TEXT_MAX - 1);
}

static void test_context(void **state)
{
    (void)state;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(wf_fail(&err, WF_KEY, "no key"), WF_KEY);
    wf_err_context(&err, "provider %s", "a\rb");
    assert_string_equal(err.text, "provider a?b: no key");
    wf_err_context(NULL, "unheard");
}

static void test_errno(void **state)
{
    (void)state;
    assert_string_equal(wf_errno_text(ENOENT), "No such file or directory");
    assert_string_equal(wf_errno_text(99999), "unknown error");
    assert_string_equal(wf_errno_text(-1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_fail),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_errno),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
