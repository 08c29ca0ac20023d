/*
 * The way of a sign-in's mark (wfauth.h) from the authentication phase to the session phase. It is
 * a secret, and must be in nobody's environment once the session is open.
 */
#ifndef WF_MARK_H
#define WF_MARK_H

#include <stdbool.h>

#include <security/pam_modules.h>

#include "call.h"

/* Leave the mark of a sign-in for the session phase, and wipe it in the result; nothing where there
 * is none, or no session will be opened by this handle. WF_INTERNAL. */
enum wf_reason wf_mark_leave(const struct wf_call *call, struct wf_result *result,
                             struct wf_err *err) WF_MUST_USE;

/* Take it out again. False, and ret is "", if there is none. */
bool wf_mark_take(pam_handle_t *pamh, char ret[WF_MARK_SIZE]);

/* Called in the credential phase: sshd has a second one, behind the session phase, in the process
 * that then gives the PAM environment to the person's shell. A mark that no session line of ours
 * has taken until then goes away. */
void wf_mark_drop_late(pam_handle_t *pamh);

#endif
