/* The PAM module's session phase: where there is a login, what the core is told, and what the
 * person's session learns. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pamcore.h"

#define TOKEN_FILE "WFAUTH_TOKEN_FILE"

static int open_session(int flags)
{
    return pam_sm_open_session(the_handle, flags, 0, NULL);
}

static int close_session(int flags)
{
    return pam_sm_close_session(the_handle, flags, 0, NULL);
}

/* Where sudo and su open sessions nothing is done, and nothing can go wrong. */
static void test_no_login(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uid_t uid;
        const char *ruser;
        bool login;
    } rows[] = {
        {"root's own program", 0, NULL, true},
        {"that names nobody", 0, "", true},
        {"for somebody", 0, "alice", false},
        {"another's program", 1000, NULL, false},
        {"set-user-id", 1000, "alice", false},
    };
    static const char *argv[] = {"nonsense"};

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        pam_core_start(NULL);
        pam_real_uid = rows[i].uid;
        if (rows[i].ruser != NULL)
            assert_int_equal(pam_set_item(the_handle, PAM_RUSER, rows[i].ruser), PAM_SUCCESS);
        assert_int_equal(open_session(0), PAM_SUCCESS);
        assert_int_equal(close_session(0), PAM_SUCCESS);
        if (strcmp(seen.trace, rows[i].login ? "context visit context leave" : "") != 0)
            fail_msg("%s: \"%s\"", rows[i].name, seen.trace);
        int code = rows[i].login ? PAM_SERVICE_ERR : PAM_SUCCESS;
        assert_int_equal(pam_sm_open_session(the_handle, 0, 1, argv), code);
        assert_int_equal(pam_sm_close_session(the_handle, 0, 1, argv), code);
        pam_core_end();
    }
}

/* The mark of this login's sign-in, once; and the session's runtime directory. */
static void test_mark(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *tty;
        const char *mark;
        const char *variable; /* the person's own; NULL: none */
        const char *runtime;
        const char *found;
    } rows[] = {
        {"sshd", "ssh", MARK, NULL, "/run/user/1", MARK},
        {"login", "/dev/tty1", MARK, NULL, "/run/user/1", MARK},
        {"no runtime directory", "ssh", MARK, NULL, NULL, MARK},
        {"no mark", "ssh", NULL, NULL, "/run/user/1", "(none)"},
        {"a word of the person's", "ssh", NULL, "WFAUTH_SIGN_IN=x", "/run/user/1", "(none)"},
        {"none, and no directory", "/dev/tty1", NULL, NULL, NULL, "(none)"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        char variable[64];
        pam_core_start(rows[i].tty);
        core.mark = rows[i].mark;
        assert_int_equal(pam_sm_authenticate(the_handle, 0, 0, NULL), PAM_SUCCESS);
        if (rows[i].variable != NULL)
            assert_int_equal(pam_putenv(the_handle, rows[i].variable), PAM_SUCCESS);
        (void)snprintf(variable, sizeof(variable), "XDG_RUNTIME_DIR=%s", rows[i].runtime);
        if (rows[i].runtime != NULL)
            assert_int_equal(pam_putenv(the_handle, variable), PAM_SUCCESS);
        assert_int_equal(open_session(0), PAM_SUCCESS);
        if (strcmp(seen.mark, rows[i].found) != 0)
            fail_msg("%s: %s", rows[i].name, seen.mark);
        assert_string_equal(seen.runtime, rows[i].runtime == NULL ? "(none)" : rows[i].runtime);
        assert_null(pam_getenv(the_handle, "WFAUTH_SIGN_IN"));
        assert_null(pam_getenv(the_handle, TOKEN_FILE));
        assert_int_equal(open_session(0), PAM_SUCCESS);
        assert_string_equal(seen.mark, "(none)");
        pam_core_end();
    }
}

/* It does not stay where the session cannot be opened, either. */
static void test_mark_of_nothing(void **state)
{
    (void)state;
    pam_core_start("ssh");
    core.mark = MARK;
    assert_int_equal(pam_sm_authenticate(the_handle, 0, 0, NULL), PAM_SUCCESS);
    core.context = WF_CONFIG;
    assert_int_equal(open_session(0), PAM_SERVICE_ERR);
    assert_null(pam_getenv(the_handle, "WFAUTH_SIGN_IN"));
    pam_core_end();
}

/* The path of the token's file is told to the session, however long a path of Linux is. */
static void test_path(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        bool told;
    } rows[] = {{2, true}, {4095, true}, {4096, true}, {4097, false}, {5000, false}};

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        char path[5001] = "/";
        pam_core_start(NULL);
        memset(path + 1, 'p', rows[i].len - 1);
        core.path = path;
        assert_int_equal(open_session(0), PAM_SUCCESS);
        const char *found = pam_getenv(the_handle, TOKEN_FILE);
        assert_int_equal(found != NULL, rows[i].told);
        if (found != NULL)
            assert_string_equal(found, path);
        assert_int_equal(strstr(seen.log, "not told of its token file") == NULL, rows[i].told);
        assert_string_equal(person.shown, "");
        pam_core_end();
    }
}

/* Where libpam or we have no memory for the path the session opens without it, and the log says so;
 * for all else it does not open. */
static void test_memory(void **state)
{
    (void)state;
    bool failed = true;

    for (unsigned n = 1; failed; n++) {
        pam_core_start(NULL);
        core.path = "/run/user/1/wfauth/acme";
        fail_alloc_at = n;
        int code = open_session(0);
        failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        bool untold = strstr(seen.log, "<4>the session is not told of its token file") != NULL;
        bool told = pam_getenv(the_handle, TOKEN_FILE) != NULL;
        bool written = strstr(seen.trace, "visit") != NULL;
        if (code != (written ? PAM_SUCCESS : PAM_SERVICE_ERR))
            fail_msg("allocation %u: %d", n, code);
        assert_int_equal(told, !failed);
        assert_int_equal(untold, written && failed);
        pam_core_end();
    }
    pam_core_start(NULL);
    core.path = "/run/user/1/wfauth/acme";
    putenv_fails = true;
    assert_int_equal(open_session(0), PAM_SUCCESS);
    putenv_fails = false;
    assert_non_null(strstr(seen.log, "<4>the session is not told of its token file"));
    pam_core_end();
}

/* What the core refuses is refused, said and logged, in both ends. */
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        enum wf_reason reason;
        int code;
    } rows[] = {
        {WF_OK, PAM_SUCCESS},
        {WF_CONFIG, PAM_SERVICE_ERR},
        {WF_INTERNAL, PAM_SERVICE_ERR},
        {WF_DENIED, PAM_PERM_DENIED},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows) * 4; i++) {
        enum wf_reason reason = rows[i / 4].reason;
        bool opens = i % 2 == 0;
        int flags = i % 4 < 2 ? 0 : PAM_SILENT;
        char line[512];
        pam_core_start(NULL);
        core.visit_begin = opens ? reason : WF_OK;
        core.visit_end = opens ? WF_OK : reason;
        assert_int_equal(opens ? open_session(flags) : close_session(flags), rows[i / 4].code);
        assert_string_equal(seen.trace, opens ? "context visit" : "context leave");
        (void)snprintf(line, sizeof(line), "%s\n", wf_reason_advice(reason));
        assert_string_equal(person.shown, reason == WF_OK || flags != 0 ? "" : line);
        (void)snprintf(line, sizeof(line),
                       "<4>session service=\"wfauth-test\" user=\"alice\" verdict=refuse reason=%s "
                       "text=\"the core says so\"",
                       wf_reason_name(reason));
        assert_int_equal(strstr(seen.log, line) != NULL, reason != WF_OK);
        assert_int_equal(strstr(seen.log, "session") != NULL, reason != WF_OK);
        pam_core_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_login), cmocka_unit_test(test_mark),
        cmocka_unit_test(test_mark_of_nothing), cmocka_unit_test(test_path),
        cmocka_unit_test(test_memory),   cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("pam_session", tests, pam_case_setup, pam_case_teardown);
}
