/* The entry points: collect what PAM offers, call one operation of the core, map the reason. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "args.h"
#include "code.h"
#include "conv.h"
#include "wfauth.h"

#define EXPORT __attribute__((visibility("default")))
/* Where the account phase finds what the authentication of the same handle found out */
#define RESULT_KEY "pam_workfront_result"

/* One call of an entry point. */
struct call {
    pam_handle_t *pamh;
    struct wf_args args;
    struct wf_context *context;
    struct wf_request request;
    bool over_ssh;
};

static void write_log(void *ctx, enum wf_level level, const char *line)
{
    static const int priorities[] = {
        [WF_LOG_ERROR] = LOG_ERR,
        [WF_LOG_WARNING] = LOG_WARNING,
        [WF_LOG_INFO] = LOG_INFO,
        [WF_LOG_DEBUG] = LOG_DEBUG,
    };

    pam_syslog(ctx, priorities[level], "%s", line);
}

/* A PAM item as text; NULL if it is not set. */
static const char *item(pam_handle_t *pamh, int type)
{
    const void *value = NULL;

    if (pam_get_item(pamh, type, &value) != PAM_SUCCESS)
        return NULL;
    return value;
}

static enum wf_reason read_items(struct call *call, struct wf_err *err)
{
    const char *tty = item(call->pamh, PAM_TTY);
    const char *service = item(call->pamh, PAM_SERVICE);
    const char *user = NULL;

    if (pam_get_user(call->pamh, &user, NULL) != PAM_SUCCESS || user == NULL)
        return wf_fail(err, WF_PENDING, "the host program names no user");
    if (call->args.service != NULL)
        service = call->args.service;
    if (service == NULL)
        return wf_fail(err, WF_INTERNAL, "the host program names no PAM service");
    /* sshd sets this in place of a terminal's name */
    call->over_ssh = tty != NULL && strcmp(tty, "ssh") == 0;
    call->request = (struct wf_request){
        .service = service,
        .user = user,
        .rhost = item(call->pamh, PAM_RHOST),
        .hides_users = call->over_ssh,
    };
    return WF_OK;
}

static enum wf_reason begin(struct call *call, pam_handle_t *pamh, int argc, const char **argv,
                            struct wf_err *err)
{
    enum wf_reason reason;

    *call = (struct call){.pamh = pamh};
    reason = wf_args_parse(argc, argv, &call->args, err);
    if (reason != WF_OK)
        return reason;
    reason = read_items(call, err);
    if (reason != WF_OK)
        return reason;
    const struct wf_host host = {
        .config = call->args.config,
        .log = {write_log, pamh, call->args.debug},
    };
    return wf_context_new(&host, &call->context, err);
}

static void end(struct call *call)
{
    wf_context_free(call->context);
}

static void free_result(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    free(data);
}

/* Keep what was found for the account phase; without memory the account phase knows nothing. */
static enum wf_reason remember(pam_handle_t *pamh, const struct wf_result *result)
{
    struct wf_result *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return WF_INTERNAL;
    *copy = *result;
    if (pam_set_data(pamh, RESULT_KEY, copy, free_result) != PAM_SUCCESS) {
        free(copy);
        return WF_INTERNAL;
    }
    return WF_OK;
}

/* Prompt, judge, and again while another answer may be given. *ret_code is PAM_SUCCESS, or the
 * conversation's own failure. */
static enum wf_reason ask_and_judge(struct call *call, struct wf_login *login,
                                    struct wf_result *result, int *ret_code, struct wf_err *err)
{
    enum wf_reason reason = WF_PENDING;
    struct wf_answer answer;

    while (wf_login_is_open(login)) {
        const char *prompt = wf_login_prompt_borrow(login);
        *ret_code = prompt == NULL ? PAM_BUF_ERR
                                   : wf_conv_ask(call->pamh, prompt, call->over_ssh, &answer);
        if (*ret_code != PAM_SUCCESS) {
            wf_login_abandon(login);
            break;
        }
        reason = wf_login_answer(login, answer.text, answer.len, result, err);
        wf_answer_wipe(&answer);
    }
    return reason;
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_login *login = NULL;
    struct wf_result result = {.reason = WF_INTERNAL};
    struct call call;
    int code = PAM_SUCCESS;
    enum wf_reason reason = begin(&call, pamh, argc, argv, &err);

    if (reason == WF_OK)
        reason = wf_login_begin(call.context, &call.request, &login, &err);
    if (reason != WF_OK) {
        pam_syslog(pamh, LOG_ERR, "%s: %s", wf_reason_name(reason), err.text);
    } else {
        reason = ask_and_judge(&call, login, &result, &code, &err);
        if (code == PAM_SUCCESS && remember(pamh, &result) != WF_OK)
            reason = WF_INTERNAL;
    }
    if (reason != WF_OK && code == PAM_SUCCESS)
        wf_conv_tell(pamh, flags, wf_login_advice(login, reason));
    wf_login_free(login);
    end(&call);
    return code == PAM_SUCCESS ? wf_pam_code(reason) : code;
}

/* There are no credentials to set: success, so that the stack's other modules decide. */
EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct wf_err err = WF_ERR_INIT;
    const void *found = NULL;
    struct call call;
    bool opinion = true;
    enum wf_reason reason = begin(&call, pamh, argc, argv, &err);

    if (reason != WF_OK) {
        pam_syslog(pamh, LOG_ERR, "%s: %s", wf_reason_name(reason), err.text);
    } else {
        if (pam_get_data(pamh, RESULT_KEY, &found) != PAM_SUCCESS)
            found = NULL;
        reason = wf_account_check(call.context, &call.request, found, &opinion, &err);
    }
    if (reason != WF_OK)
        wf_conv_tell(pamh, flags, wf_reason_advice(reason));
    end(&call);
    return opinion ? wf_pam_code(reason) : PAM_IGNORE;
}
