/* What the host program has proven, by PAM's items and environment as libpam keeps them. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <security/pam_appl.h>

#include "fakepasswd.h"
#include "proof.h"

static char dir[] = "/tmp/wfauth-test-XXXXXX";
static uid_t real_uid;
static uid_t caller;

uid_t __wrap_getuid(void);
uid_t __wrap_getuid(void)
{
    return real_uid;
}

uid_t __wrap_wf_anchor_caller(void);
uid_t __wrap_wf_anchor_caller(void)
{
    return caller;
}

#define NOBODY ((uid_t)-1)
#define KEY "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\n"

/* Each row that proves nothing differs in one thing from one that does. */
static const struct {
    const char *name;
    const char *user;
    const char *ruser; /* NULL: not set */
    const char *tty;   /* NULL: not set */
    const char *info;  /* SSH_AUTH_INFO_0 in the PAM environment; NULL: not set */
    uid_t uid;
    uid_t caller;
    enum wf_proof proof;
    bool login;
} rows[] = {
    {"sudo", "alice", "alice", "/dev/pts/1", NULL, 1000, 1000, WF_PROOF_CALLER, false},
    {"sudo without a terminal", "alice", "alice", NULL, NULL, 1000, 1000, WF_PROOF_CALLER, false},
    {"sudo that has become root", "alice", "alice", NULL, NULL, 0, 1000, WF_PROOF_CALLER, false},
    {"sudo as another user", "alice", "bob", "/dev/pts/1", NULL, 1000, 1000, WF_PROOF_NONE, false},
    {"sudo that names nobody", "alice", NULL, "/dev/pts/1", NULL, 1000, 1000, WF_PROOF_NONE, false},
    {"sudo that names \"\"", "alice", "", "/dev/pts/1", NULL, 1000, 1000, WF_PROOF_NONE, false},
    {"sudo by somebody else", "alice", "alice", "/dev/pts/1", NULL, 1000, 1001, WF_PROOF_NONE, false},
    {"sudo by root", "alice", "alice", "/dev/pts/1", NULL, 1000, 0, WF_PROOF_NONE, false},
    {"a caller who cannot be told", "alice", "alice", NULL, NULL, 1000, NOBODY, WF_PROOF_NONE, false},
    {"an unknown user", "dora", "dora", NULL, NULL, 1000, 1000, WF_PROOF_NONE, false},
    {"an unknown user by root", "dora", "dora", NULL, NULL, 0, 0, WF_PROOF_NONE, false},
    {"a user id of -1", "minusone", "minusone", NULL, NULL, 1000, NOBODY, WF_PROOF_NONE, false},
    {"a terminal that is called ssh", "alice", "alice", "ssh", NULL, 1000, 1000, WF_PROOF_NONE, false},

    {"ssh by key", "alice", NULL, "ssh", KEY, 0, 0, WF_PROOF_METHOD, true},
    {"ssh by password", "alice", NULL, "ssh", "password\n", 0, 0, WF_PROOF_METHOD, true},
    {"ssh by Kerberos", "alice", NULL, "ssh", "gssapi-with-mic alice@ACME\n", 0, 0, WF_PROOF_METHOD, true},
    {"ssh by its key exchange", "alice", NULL, "ssh", "gssapi-keyex alice@ACME\n", 0, 0, WF_PROOF_METHOD, true},
    {"ssh by host", "alice", NULL, "ssh", "hostbased a b c\n", 0, 0, WF_PROOF_METHOD, true},
    {"ssh by key, without a newline", "alice", NULL, "ssh", "publickey", 0, 0, WF_PROOF_METHOD, true},
    {"the second of two", "alice", NULL, "ssh", "keyboard-interactive/pam\n" KEY, 0, 0, WF_PROOF_METHOD, true},
    {"ssh, PAM_RUSER empty", "alice", "", "ssh", KEY, 0, 0, WF_PROOF_METHOD, true},
    {"ssh alone", "alice", NULL, "ssh", "", 0, 0, WF_PROOF_NONE, true},
    {"ssh that says nothing", "alice", NULL, "ssh", NULL, 0, 0, WF_PROOF_NONE, true},
    {"ssh by our own method", "alice", NULL, "ssh", "keyboard-interactive/pam\n", 0, 0, WF_PROOF_NONE, true},
    {"ssh by no method", "alice", NULL, "ssh", "none\n", 0, 0, WF_PROOF_NONE, true},
    {"a longer word", "alice", NULL, "ssh", "publickeys x\n", 0, 0, WF_PROOF_NONE, true},
    {"a shorter word", "alice", NULL, "ssh", "publicke y\n", 0, 0, WF_PROOF_NONE, true},
    {"behind a blank", "alice", NULL, "ssh", " publickey x\n", 0, 0, WF_PROOF_NONE, true},
    {"in the second place", "alice", NULL, "ssh", "none publickey\n", 0, 0, WF_PROOF_NONE, true},
    {"empty lines", "alice", NULL, "ssh", "\n\n\n", 0, 0, WF_PROOF_NONE, true},
    {"not sshd's terminal", "alice", NULL, "/dev/pts/1", KEY, 0, 0, WF_PROOF_NONE, true},
    {"not root's program", "alice", NULL, "ssh", KEY, 1000, 1000, WF_PROOF_NONE, false},
    {"on behalf of somebody", "alice", "alice", "ssh", KEY, 0, 1000, WF_PROOF_NONE, false},

    {"login", "alice", NULL, "/dev/tty1", NULL, 0, 0, WF_PROOF_NONE, true},
    {"su by root", "alice", "root", "/dev/pts/1", NULL, 0, 0, WF_PROOF_NONE, false},
    {"not root's program, no caller", "alice", NULL, "/dev/tty1", NULL, 1000, 1000, WF_PROOF_NONE, false},
};

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
    (void)n;
    (void)msg;
    (void)resp;
    (void)data;
    return PAM_CONV_ERR;
}

static void test_rows(void **state)
{
    (void)state;
    static const struct pam_conv conv = {converse, NULL};

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        pam_handle_t *pamh = NULL;
        char variable[256];
        assert_int_equal(pam_start_confdir("wfauth-test", rows[i].user, &conv, dir, &pamh),
                         PAM_SUCCESS);
        if (rows[i].ruser != NULL)
            assert_int_equal(pam_set_item(pamh, PAM_RUSER, rows[i].ruser), PAM_SUCCESS);
        if (rows[i].tty != NULL)
            assert_int_equal(pam_set_item(pamh, PAM_TTY, rows[i].tty), PAM_SUCCESS);
        (void)snprintf(variable, sizeof(variable), "SSH_AUTH_INFO_0=%s",
                       rows[i].info == NULL ? "" : rows[i].info);
        if (rows[i].info != NULL)
            assert_int_equal(pam_putenv(pamh, variable), PAM_SUCCESS);
        real_uid = rows[i].uid;
        caller = rows[i].caller;
        if (wf_proof_find(pamh, rows[i].user) != rows[i].proof)
            fail_msg("%s: proof %d", rows[i].name, (int)wf_proof_find(pamh, rows[i].user));
        if (wf_proof_is_login(pamh) != rows[i].login)
            fail_msg("%s: a login, or not", rows[i].name);
        assert_int_equal(pam_end(pamh, PAM_SUCCESS), PAM_SUCCESS);
    }
}

/* A name service that fails proves nothing. */
static void test_no_passwd(void **state)
{
    (void)state;
    static const struct pam_conv conv = {converse, NULL};
    pam_handle_t *pamh = NULL;

    real_uid = caller = 1000;
    assert_int_equal(pam_start_confdir("wfauth-test", "alice", &conv, dir, &pamh), PAM_SUCCESS);
    assert_int_equal(pam_set_item(pamh, PAM_RUSER, "alice"), PAM_SUCCESS);
    fake_passwd_number = EIO;
    assert_int_equal(wf_proof_find(pamh, "alice"), WF_PROOF_NONE);
    fake_passwd_number = 0;
    assert_int_equal(wf_proof_find(pamh, "alice"), WF_PROOF_CALLER);
    assert_int_equal(pam_end(pamh, PAM_SUCCESS), PAM_SUCCESS);
}

static int make_dir(void **state)
{
    char path[64];

    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/wfauth-test", dir);
    FILE *file = fopen(path, "w");
    return file == NULL || fputs("auth required pam_deny.so\n", file) < 0 ? -1 : fclose(file);
}

static int remove_dir(void **state)
{
    char path[64];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/wfauth-test", dir);
    (void)unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_no_passwd),
    };
    return cmocka_run_group_tests_name("pam_proof", tests, make_dir, remove_dir);
}
