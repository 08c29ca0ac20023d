#include "config.h"

#include "mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proof.h"

/* In the PAM environment: all that sshd brings from the process that authenticates to the one that
 * opens the session */
#define VARIABLE "WFAUTH_SIGN_IN"
/* In every other program, where one process does both */
#define MARK_KEY "pam_workfront_mark"
#define CREDENTIALS_KEY "pam_workfront_credentials"

static void free_mark(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    explicit_bzero(data, WF_MARK_SIZE);
    free(data);
}

static int put_in_environment(pam_handle_t *pamh, const char *mark)
{
    char text[sizeof(VARIABLE) + WF_MARK_SIZE];

    (void)snprintf(text, sizeof(text), VARIABLE "=%s", mark);
    int code = pam_putenv(pamh, text);
    explicit_bzero(text, sizeof(text));
    return code;
}

static int put_in_handle(pam_handle_t *pamh, const char *mark)
{
    char *copy = calloc(1, WF_MARK_SIZE);

    if (copy == NULL)
        return PAM_BUF_ERR;
    memcpy(copy, mark, WF_MARK_SIZE);
    int code = pam_set_data(pamh, MARK_KEY, copy, free_mark);
    if (code != PAM_SUCCESS)
        free_mark(pamh, copy, code);
    return code;
}

enum wf_reason wf_mark_leave(const struct wf_call *call, struct wf_result *result,
                             struct wf_err *err)
{
    int code = PAM_SUCCESS;

    if (result->mark[0] != '\0' && wf_proof_is_login(call->pamh))
        code = call->over_ssh ? put_in_environment(call->pamh, result->mark)
                              : put_in_handle(call->pamh, result->mark);
    explicit_bzero(result->mark, sizeof(result->mark));
    if (code != PAM_SUCCESS)
        return wf_fail(err, WF_INTERNAL, "libpam does not keep the mark of the sign-in");
    return WF_OK;
}

/* libpam complains in the log where there is none. */
static void drop(pam_handle_t *pamh)
{
    if (pam_getenv(pamh, VARIABLE) != NULL)
        (void)pam_putenv(pamh, VARIABLE);
}

bool wf_mark_take(pam_handle_t *pamh, char ret[WF_MARK_SIZE])
{
    const void *kept = NULL;
    const char *mark = NULL;

    ret[0] = '\0';
    /* pam_env may have put anything into the environment that the person wrote */
    if (pam_get_data(pamh, MARK_KEY, &kept) == PAM_SUCCESS)
        mark = kept;
    if (mark == NULL)
        mark = pam_getenv(pamh, VARIABLE);
    if (mark != NULL && strlen(mark) == WF_MARK_SIZE - 1)
        memcpy(ret, mark, WF_MARK_SIZE);
    drop(pamh);
    (void)pam_set_data(pamh, MARK_KEY, NULL, NULL);
    return ret[0] != '\0';
}

void wf_mark_drop_late(pam_handle_t *pamh)
{
    const void *before = NULL;

    if (pam_get_data(pamh, CREDENTIALS_KEY, &before) == PAM_SUCCESS)
        drop(pamh);
    else
        (void)pam_set_data(pamh, CREDENTIALS_KEY, pamh, NULL);
}
