/* The entry points of authentication and account: collect what PAM offers, call one operation of
 * the core, map the reason. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <security/pam_modules.h>

#include "call.h"
#include "code.h"
#include "conv.h"
#include "mark.h"
#include "wfauth.h"

/* Where the account phase finds what the authentication of the same handle found out */
#define RESULT_KEY "pam_workfront_result"

/* Whoever PAM would now take to be signed in is the user whose sign-in it was. */
static enum wf_reason check_user(const struct wf_call *call, struct wf_err *err)
{
    const char *user = wf_call_item(call->pamh, PAM_USER);

    if (user != NULL && strcmp(user, call->user) == 0)
        return WF_OK;
    return wf_fail(err, WF_IDENTITY, "\"%.64s\" signed in, but PAM_USER has become \"%.64s\"",
                   call->user, user == NULL ? "" : user);
}

static void free_result(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    free(data);
}

/* Keep what was found for the account phase; without memory the account phase knows nothing. */
static enum wf_reason remember(pam_handle_t *pamh, const struct wf_result *result,
                               struct wf_err *err)
{
    struct wf_result *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory");
    *copy = *result;
    if (pam_set_data(pamh, RESULT_KEY, copy, free_result) != PAM_SUCCESS) {
        free(copy);
        return wf_fail(err, WF_INTERNAL, "libpam does not keep what the sign-in found");
    }
    return WF_OK;
}

/* Prompt, judge, and again while another answer may be given. *ret_code is PAM_SUCCESS, or the
 * conversation's own failure. */
static enum wf_reason ask_and_judge(struct wf_call *call, struct wf_login *login,
                                    struct wf_result *result, int *ret_code, struct wf_err *err)
{
    enum wf_reason reason = WF_PENDING;
    struct wf_answer answer = {NULL, 0};

    while (wf_login_is_open(login)) {
        const struct wf_question question = {
            .prompt = wf_login_prompt_borrow(login),
            .cuts_silently = call->over_ssh,
        };
        *ret_code =
            question.prompt == NULL ? PAM_BUF_ERR : wf_conv_ask(call->pamh, &question, &answer);
        if (*ret_code != PAM_SUCCESS) {
            wf_login_abandon(login);
            break;
        }
        reason = wf_login_answer(login, answer.text, answer.len, result, err);
        wf_answer_done(&answer);
    }
    return reason;
}

static enum wf_reason sign_in_by_code(struct wf_call *call, struct wf_result *result, int *ret_code,
                                      struct wf_err *err)
{
    struct wf_login *login = NULL;
    enum wf_reason reason = wf_login_begin(call->context, &call->request, &login, err);

    if (reason == WF_OK)
        reason = ask_and_judge(call, login, result, ret_code, err);
    else
        wf_call_audit(call, "sign-in", reason, err);
    if (reason != WF_OK && *ret_code == PAM_SUCCESS)
        wf_conv_tell(call->pamh, call->flags, wf_login_advice(login, reason));
    wf_login_free(login);
    return reason;
}

/* The token: what an earlier module asked for as a password, or our own question's answer.
 * *ret_token is borrowed from PAM, or from answer. */
static int get_token(const struct wf_call *call, struct wf_answer *answer, const char **ret_token,
                     size_t *ret_len)
{
    const struct wf_question question = {
        .prompt = "Access token: ", .hidden = true, .cuts_silently = call->over_ssh};
    const char *given = NULL;

    if (call->args.use_first_pass || call->args.try_first_pass)
        given = wf_call_item(call->pamh, PAM_AUTHTOK);
    if (given != NULL) {
        *ret_token = given;
        *ret_len = strlen(given);
        return PAM_SUCCESS;
    }
    if (call->args.use_first_pass)
        return PAM_AUTH_ERR;
    int code = wf_conv_ask(call->pamh, &question, answer);
    *ret_token = answer->text;
    *ret_len = answer->len;
    return code;
}

/* An answer that is no token serves later modules as a password, so that nobody is asked twice. A
 * token does not: it would be tried as a password, and nobody asked for one. */
static int hand_on(const struct wf_call *call, struct wf_answer *answer)
{
    /* With room for its NUL; a cut one serves nobody */
    if (answer->text == NULL || answer->len >= WF_ANSWER_MAX)
        return PAM_SUCCESS;
    answer->text[answer->len] = '\0';
    return pam_set_item(call->pamh, PAM_AUTHTOK, answer->text);
}

static enum wf_reason sign_in_by_token(struct wf_call *call, struct wf_result *result,
                                       int *ret_code, struct wf_err *err)
{
    struct wf_answer answer = {NULL, 0};
    enum wf_reason reason = WF_PENDING;
    const char *token = NULL;
    size_t len = 0;

    *ret_code = get_token(call, &answer, &token, &len);
    if (*ret_code == PAM_SUCCESS) {
        reason = wf_verify(call->context, &call->request, token, len, WF_PASSWD_REQUIRED, result,
                           NULL, err);
        /* An ordinary password is for the next module, and no news to anybody */
        if (reason == WF_MALFORMED)
            *ret_code = hand_on(call, &answer);
        else if (reason != WF_OK && !call->request.hides_users)
            wf_conv_tell(call->pamh, call->flags, wf_token_advice(reason));
    }
    wf_answer_done(&answer);
    return reason;
}

/* From a session of before where the host has proven the person, else by code. A refusal of the
 * former is the provider's word on this very person, and nobody who is not there reads it. */
static enum wf_reason sign_in(struct wf_call *call, struct wf_result *result, int *ret_code,
                              struct wf_err *err)
{
    enum wf_reason reason = wf_resume(call->context, &call->request, result, err);

    if (reason == WF_PENDING)
        return sign_in_by_code(call, result, ret_code, err);
    if (reason != WF_OK)
        wf_conv_tell(call->pamh, call->flags, wf_reason_advice(reason));
    return reason;
}

/* What the handle learns, and what only it can tell after the core's verdict. */
static enum wf_reason conclude(const struct wf_call *call, struct wf_result *result,
                               enum wf_reason verdict)
{
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_mark_leave(call, result, &err);

    if (reason == WF_OK)
        reason = remember(call->pamh, result, &err);

    if (reason == WF_OK && verdict == WF_OK)
        reason = check_user(call, &err);
    if (reason == WF_OK)
        return verdict;
    wf_call_audit(call, "sign-in", reason, &err);
    return reason;
}

WF_EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_result result = {.reason = WF_INTERNAL};
    struct wf_call call;
    int code = PAM_SUCCESS;
    enum wf_reason reason = wf_call_begin(&call, pamh, flags, argc, argv, &err);

    if (reason != WF_OK) {
        wf_call_audit(&call, "sign-in", reason, &err);
        wf_conv_tell(pamh, flags, wf_reason_advice(reason));
    } else if (wf_wants_token(call.context, call.request.service)) {
        reason = sign_in_by_token(&call, &result, &code, &err);
    } else {
        reason = sign_in(&call, &result, &code, &err);
    }
    if (call.context != NULL && code == PAM_SUCCESS)
        reason = conclude(&call, &result, reason);
    wf_call_end(&call);
    return code == PAM_SUCCESS ? wf_pam_code(reason) : code;
}

/* There are no credentials to set: success, so that the stack's other modules decide. */
WF_EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    wf_mark_drop_late(pamh);
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}

WF_EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct wf_err err = WF_ERR_INIT;
    const void *found = NULL;
    struct wf_call call;
    bool opinion = true;
    enum wf_reason reason = wf_call_begin(&call, pamh, flags, argc, argv, &err);

    if (reason != WF_OK) {
        wf_call_audit(&call, "account", reason, &err);
    } else {
        if (pam_get_data(pamh, RESULT_KEY, &found) != PAM_SUCCESS)
            found = NULL;
        reason = wf_account_check(call.context, &call.request, found, &opinion, &err);
    }
    if (reason != WF_OK)
        wf_conv_tell(pamh, flags, wf_reason_advice(reason));
    wf_call_end(&call);
    return opinion ? wf_pam_code(reason) : PAM_IGNORE;
}
