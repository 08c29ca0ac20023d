/* The way of a mark: in the PAM environment under sshd alone, and in nobody's environment. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failallocs.h"
#include "mark.h"
#include "pamcase.h"

#define MARK "0123456789abcdef0123456789abcdef"
_Static_assert(sizeof(MARK) == WF_MARK_SIZE, "a mark as the core makes them");

/* Blocks of memory are looked at before they go: nobody finds a mark in them. */
static const void *watched;
static bool wiped;
void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
    if (block != NULL && block == watched)
        wiped = memchr(block, 'a', WF_MARK_SIZE) == NULL;
    __real_free(block);
}

/* libpam complains in the log of a variable that it is to remove and is not there. */
int __real_pam_putenv(pam_handle_t *pamh, const char *text);
int __wrap_pam_putenv(pam_handle_t *pamh, const char *text);
int __wrap_pam_putenv(pam_handle_t *pamh, const char *text)
{
    int code = __real_pam_putenv(pamh, text);

    assert_int_equal(code, PAM_SUCCESS);
    return code;
}

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
    (void)n;
    (void)msg;
    (void)resp;
    (void)data;
    return PAM_CONV_ERR;
}

static struct wf_call begin(bool over_ssh, uid_t uid)
{
    static const struct pam_conv conv = {converse, NULL};
    struct wf_call call = {.over_ssh = over_ssh};

    pam_real_uid = uid;
    call.pamh = pam_case_start(&conv);
    return call;
}

static void leave(const struct wf_call *call, const char *mark)
{
    struct wf_result result = {.reason = WF_OK};

    /* What is behind the end of no mark is none */
    memset(result.mark, 'a', sizeof(result.mark));
    memcpy(result.mark, mark, strlen(mark) + 1);
    assert_int_equal(wf_mark_leave(call, &result, NULL), WF_OK);
    assert_int_equal(result.mark[0], '\0');
    assert_null(memchr(result.mark, 'a', sizeof(result.mark)));
}

static const char *variable(const struct wf_call *call)
{
    return pam_getenv(call->pamh, "WFAUTH_SIGN_IN");
}

static void test_way(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool over_ssh;
        uid_t uid;
        const char *mark;
        bool in_environment;
        bool found;
    } rows[] = {
        {"sshd", true, 0, MARK, true, true},
        {"login", false, 0, MARK, false, true},
        {"sshd, no mark", true, 0, "", false, false},
        {"login, no mark", false, 0, "", false, false},
        {"su", false, 1000, MARK, false, false},
        {"no session of sshd's", true, 1000, MARK, false, false},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_call call = begin(rows[i].over_ssh, rows[i].uid);
        char mark[WF_MARK_SIZE];
        leave(&call, rows[i].mark);
        if ((variable(&call) != NULL) != rows[i].in_environment)
            fail_msg("%s: in the environment, or not", rows[i].name);
        if (wf_mark_take(call.pamh, mark) != rows[i].found)
            fail_msg("%s: found, or not", rows[i].name);
        assert_string_equal(mark, rows[i].found ? rows[i].mark : "");
        /* Once */
        assert_null(variable(&call));
        assert_false(wf_mark_take(call.pamh, mark));
        assert_string_equal(mark, "");
        pam_case_end(call.pamh);
    }
}

/* The person's own words in the variable: gone, and not what is claimed unless they could be. */
static void test_forged(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", MARK "0", "0123456789abcdef0123456789abcde",
                                        MARK MARK MARK MARK MARK};
    char text[512];
    char mark[WF_MARK_SIZE];

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        struct wf_call call = begin(true, 0);
        (void)snprintf(text, sizeof(text), "WFAUTH_SIGN_IN=%s", texts[i]);
        assert_int_equal(pam_putenv(call.pamh, text), PAM_SUCCESS);
        assert_false(wf_mark_take(call.pamh, mark));
        assert_string_equal(mark, "");
        assert_null(variable(&call));
        pam_case_end(call.pamh);
    }
}

/* sshd's second call of the credential phase, where no session line has taken the mark. */
static void test_late(void **state)
{
    (void)state;
    struct wf_call call = begin(true, 0);
    char mark[WF_MARK_SIZE];

    leave(&call, MARK);
    wf_mark_drop_late(call.pamh);
    assert_string_equal(variable(&call), MARK);
    wf_mark_drop_late(call.pamh);
    assert_null(variable(&call));
    wf_mark_drop_late(call.pamh);
    assert_false(wf_mark_take(call.pamh, mark));
    pam_case_end(call.pamh);
}

/* A program in which one process does both keeps the mark where no module of the person's reads or
 * writes it: what pam_env finds in their files does not take its place. */
static void test_both(void **state)
{
    (void)state;
    static const char *const texts[] = {"WFAUTH_SIGN_IN=", "WFAUTH_SIGN_IN=x",
                                        "WFAUTH_SIGN_IN=ffffffffffffffffffffffffffffffff"};
    char mark[WF_MARK_SIZE];

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        struct wf_call call = begin(false, 0);
        leave(&call, MARK);
        assert_int_equal(pam_putenv(call.pamh, texts[i]), PAM_SUCCESS);
        assert_true(wf_mark_take(call.pamh, mark));
        assert_string_equal(mark, MARK);
        assert_null(variable(&call));
        assert_false(wf_mark_take(call.pamh, mark));
        pam_case_end(call.pamh);
    }
}

/* When it is taken, when another sign-in of the same handle leaves its own, and at the end. */
static void test_wiped(void **state)
{
    (void)state;
    char mark[WF_MARK_SIZE];

    for (size_t i = 0; i < 3; i++) {
        struct wf_call call = begin(false, 0);
        leave(&call, MARK);
        watched = pam_kept[0].data;
        wiped = false;
        if (i == 0)
            assert_true(wf_mark_take(call.pamh, mark));
        else if (i == 1)
            leave(&call, MARK);
        pam_case_end(call.pamh);
        assert_true(wiped);
        watched = NULL;
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct wf_call call = begin(false, 0);
        struct wf_result result = {.reason = WF_OK, .mark = MARK};
        char mark[WF_MARK_SIZE];
        pam_keeps_nothing = i == 0;
        fail_alloc_at = i == 1 ? 1 : 0;
        assert_int_equal(wf_mark_leave(&call, &result, NULL), WF_INTERNAL);
        assert_int_equal(fail_alloc_at, 0);
        pam_keeps_nothing = false;
        assert_int_equal(result.mark[0], '\0');
        assert_false(wf_mark_take(call.pamh, mark));
        pam_case_end(call.pamh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_way),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_both),
        cmocka_unit_test(test_wiped),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("pam_mark", tests, pam_case_setup, pam_case_teardown);
}
