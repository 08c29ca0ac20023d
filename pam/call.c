#include "config.h"

#include "call.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>

#include "proof.h"

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

const char *wf_call_item(pam_handle_t *pamh, int type)
{
    const void *value = NULL;

    if (pam_get_item(pamh, type, &value) != PAM_SUCCESS)
        return NULL;
    return value;
}

static enum wf_reason read_items(struct wf_call *call, struct wf_err *err)
{
    const char *service = wf_call_item(call->pamh, PAM_SERVICE);
    const char *user = NULL;

    if (pam_get_user(call->pamh, &user, NULL) != PAM_SUCCESS || user == NULL)
        return wf_fail(err, WF_PENDING, "the host program names no user");
    if (call->args.service != NULL)
        service = call->args.service;
    if (service == NULL)
        return wf_fail(err, WF_INTERNAL, "the host program names no PAM service");
    call->over_ssh = wf_proof_is_over_ssh(call->pamh);
    /* libpam frees an item's text when the host or another module sets it again, which the
     * conversation is free to do while we wait for an answer */
    const char *rhost = wf_call_item(call->pamh, PAM_RHOST);
    call->service = strdup(service);
    call->user = strdup(user);
    call->rhost = rhost == NULL ? NULL : strdup(rhost);
    if (call->service == NULL || call->user == NULL || (rhost != NULL && call->rhost == NULL))
        return wf_fail(err, WF_INTERNAL, "out of memory");
    call->request = (struct wf_request){
        .service = call->service,
        .user = call->user,
        .rhost = call->rhost,
        .hides_users = call->over_ssh,
        .proof = wf_proof_find(call->pamh, call->user),
        .pins = true,
    };
    return WF_OK;
}

enum wf_reason wf_call_begin(struct wf_call *call, pam_handle_t *pamh, int flags, int argc,
                             const char **argv, struct wf_err *err)
{
    enum wf_reason reason;
    enum wf_reason items;

    *call = (struct wf_call){.pamh = pamh, .flags = flags};
    reason = wf_args_parse(argc, argv, &call->args, err);
    /* Even so: the log says at whose sign-in the arguments were found wrong */
    items = read_items(call, reason == WF_OK ? err : NULL);
    if (reason == WF_OK)
        reason = items;
    if (reason != WF_OK)
        return reason;
    const struct wf_host host = {
        .config = call->args.config,
        .state = call->args.state,
        .log = wf_call_log(call),
    };
    return wf_context_new(&host, &call->context, err);
}

void wf_call_end(struct wf_call *call)
{
    wf_context_free(call->context);
    free(call->service);
    free(call->user);
    free(call->rhost);
}

struct wf_log wf_call_log(const struct wf_call *call)
{
    return (struct wf_log){.write = write_log, .ctx = call->pamh, .debug = call->args.debug};
}

void wf_call_audit(const struct wf_call *call, const char *action, enum wf_reason reason,
                   const struct wf_err *err)
{
    const struct wf_log log = wf_call_log(call);
    const struct wf_audit line = {
        .action = action,
        .service = call->request.service,
        .user = call->request.user,
        .rhost = call->request.rhost,
        .reason = reason,
        .text = err->text,
    };

    wf_log_audit(&log, &line);
}
