/* The session phase: where it is a login, the sign-in's time stamp is bound to the session, and the
 * access token exported to it. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <security/pam_modules.h>

#include "call.h"
#include "code.h"
#include "conv.h"
#include "mark.h"
#include "proof.h"
#include "wfauth.h"

#define TOKEN_FILE "WFAUTH_TOKEN_FILE"

/* Where the person's tools find the token: of the session, its file's path alone. Without it the
 * file serves the other sessions, and this one goes on. */
static void tell_path(const struct wf_call *call, const char *path)
{
    const struct wf_log log = wf_call_log(call);
    struct wf_buf text = WF_BUF_INIT(sizeof(TOKEN_FILE) + 4096);

    wf_buf_append_text(&text, TOKEN_FILE "=");
    wf_buf_append_text(&text, path);
    const char *whole = wf_buf_text_borrow(&text);
    if (whole == NULL || pam_putenv(call->pamh, whole) != PAM_SUCCESS)
        wf_log(&log, WF_LOG_WARNING, "the session is not told of its token file: out of memory");
    wf_buf_done(&text);
}

static int conclude(const struct wf_call *call, enum wf_reason reason, const struct wf_err *err)
{
    if (reason != WF_OK) {
        wf_call_audit(call, "session", reason, err);
        wf_conv_tell(call->pamh, call->flags, wf_reason_advice(reason));
    }
    return wf_pam_code(reason);
}

WF_EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_call call;
    char mark[WF_MARK_SIZE];
    char *path = NULL;

    if (!wf_proof_is_login(pamh))
        return PAM_SUCCESS;
    /* Whatever happens: it must not stay */
    bool marked = wf_mark_take(pamh, mark);
    enum wf_reason reason = wf_call_begin(&call, pamh, flags, argc, argv, &err);
    if (reason == WF_OK)
        reason = wf_visit_begin(call.context, &call.request, marked ? mark : NULL,
                                pam_getenv(pamh, "XDG_RUNTIME_DIR"), &path, &err);
    if (path != NULL)
        tell_path(&call, path);
    int code = conclude(&call, reason, &err);
    explicit_bzero(mark, sizeof(mark));
    free(path);
    wf_call_end(&call);
    return code;
}

WF_EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_call call;

    if (!wf_proof_is_login(pamh))
        return PAM_SUCCESS;
    enum wf_reason reason = wf_call_begin(&call, pamh, flags, argc, argv, &err);
    if (reason == WF_OK)
        reason = wf_visit_end(call.context, &call.request, &err);
    int code = conclude(&call, reason, &err);
    wf_call_end(&call);
    return code;
}
