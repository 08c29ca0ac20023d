/* One call of an entry point: what PAM says about it, and the core's context for it. */
#ifndef WF_CALL_H
#define WF_CALL_H

#include <stdbool.h>

#include <security/pam_modules.h>

#include "args.h"
#include "wfauth.h"

/* In the caller's storage; whatever wf_call_begin returns, wf_call_end ends it. */
struct wf_call {
    pam_handle_t *pamh;
    int flags;
    struct wf_args args;
    struct wf_context *context; /* NULL: wf_call_begin failed */
    struct wf_request request;  /* borrows the copies below */
    char *service;
    char *user;
    char *rhost; /* NULL: local */
    bool over_ssh;
};

/* Read the arguments and PAM's items, and load the configuration. WF_CONFIG, WF_INTERNAL;
 * WF_PENDING: the host program names no user. Blocks for the disk and passwd alone. */
enum wf_reason wf_call_begin(struct wf_call *call, pam_handle_t *pamh, int flags, int argc,
                             const char **argv, struct wf_err *err) WF_MUST_USE;
void wf_call_end(struct wf_call *call);

/* The audit line of a verdict that was reached without the core. */
void wf_call_audit(const struct wf_call *call, const char *action, enum wf_reason reason,
                   const struct wf_err *err);
/* Where the core writes; it borrows the call. */
struct wf_log wf_call_log(const struct wf_call *call);

/* A PAM item as text, borrowed from libpam; NULL if it is not set. */
const char *wf_call_item(pam_handle_t *pamh, int type);

#endif
