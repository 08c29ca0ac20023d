#include "config.h"

#include "proof.h"

#include <string.h>
#include <unistd.h>

#include "call.h"

/*
 * What the programs set, as seen on Debian 12 (OpenSSH 9.2, sudo 1.9.13, su and login of util-linux
 * 2.38 and shadow 4.13) when they authenticate:
 *
 *          real uid  PAM_RUSER  PAM_USER                PAM_TTY
 *   sshd   0         none       who signs in            "ssh"
 *   login  0         none       who signs in            the terminal
 *   sudo   caller's  caller     caller; with rootpw     the terminal, or none
 *                               or targetpw the target
 *   su     caller's  caller     target                  the terminal, or none
 *
 * sudo and su take PAM_RUSER from passwd by the real uid, whatever the caller's environment says.
 *
 * The PAM environment begins empty, and nothing of the process environment gets into it. sshd puts
 * SSH_AUTH_INFO_0 there before keyboard-interactive begins: a line "METHOD DETAILS" for each method
 * that has succeeded, "" where none has; "keyboard-interactive/pam" is added behind its own
 * success. SendEnv, ~/.ssh/environment and sudo's VAR=value do not reach it. pam_env's user_readenv
 * does, but in the credential and session phases, when we have been asked already.
 */

/* By sshd's names; without "none", and without keyboard-interactive, which is where we are asked.
 */
static const char *const methods[] = {"publickey", "password", "gssapi-with-mic", "gssapi-keyex",
                                      "hostbased"};

static bool is_method(const char *line, size_t len)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(methods); i++) {
        if (strlen(methods[i]) == len && strncmp(line, methods[i], len) == 0)
            return true;
    }
    return false;
}

/* Whether a line of sshd's list begins with the name of a method that proves who is there. */
static bool names_method(const char *list)
{
    while (*list != '\0') {
        size_t line = strcspn(list, "\n");
        size_t word = strcspn(list, " \n");
        if (is_method(list, word))
            return true;
        list += line + (list[line] == '\n');
    }
    return false;
}

/* Nobody else's program: one that is set-user-id runs with the caller's real user id. */
static bool is_roots_own(pam_handle_t *pamh)
{
    const char *ruser = wf_call_item(pamh, PAM_RUSER);

    return getuid() == 0 && (ruser == NULL || ruser[0] == '\0');
}

bool wf_proof_is_over_ssh(pam_handle_t *pamh)
{
    const char *tty = wf_call_item(pamh, PAM_TTY);

    return tty != NULL && strcmp(tty, "ssh") == 0;
}

bool wf_proof_is_login(pam_handle_t *pamh)
{
    return is_roots_own(pamh);
}

/* The host program says that this user runs it, and the kernel says so, too. */
static bool is_caller(pam_handle_t *pamh, const char *user)
{
    const char *ruser = wf_call_item(pamh, PAM_RUSER);
    bool known = false;
    uid_t uid = 0;

    return ruser != NULL && strcmp(ruser, user) == 0 &&
           wf_user_find(user, &known, &uid, NULL) == WF_OK && known && uid != (uid_t)-1 &&
           wf_anchor_caller() == uid;
}

enum wf_proof wf_proof_find(pam_handle_t *pamh, const char *user)
{
    if (!wf_proof_is_over_ssh(pamh))
        return is_caller(pamh, user) ? WF_PROOF_CALLER : WF_PROOF_NONE;
    const char *succeeded = pam_getenv(pamh, "SSH_AUTH_INFO_0");
    if (is_roots_own(pamh) && succeeded != NULL && names_method(succeeded))
        return WF_PROOF_METHOD;
    return WF_PROOF_NONE;
}
