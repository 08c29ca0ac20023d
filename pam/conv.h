/* Talking to the person through the host program's conversation function. */
#ifndef WF_CONV_H
#define WF_CONV_H

#include <stdbool.h>
#include <stddef.h>

#include <security/pam_modules.h>

#include "wfauth.h"

/* What the person answered. len is WF_ANSWER_MAX + 1 where it was longer than can be judged. In
 * the caller's storage; wf_answer_wipe after use. */
struct wf_answer {
    char text[WF_ANSWER_MAX + 1];
    size_t len;
};
void wf_answer_wipe(struct wf_answer *answer);

/* Show the prompt, which asks for a visible answer, and read one. Where the answer filled the
 * host's line, so that it was or may have been cut, or where the host may have refused it for its
 * length (sudo answers PAM_CONV_ERR to 512 bytes and more), it is asked for again in pieces.
 * cuts_silently: the host cuts (ssh); a PAM_CONV_ERR then means that nobody is there.
 * PAM_SUCCESS, or PAM_CONV_ERR, PAM_BUF_ERR with *ret empty. Blocks until the person answers. */
int wf_conv_ask(pam_handle_t *pamh, const char *prompt, bool cuts_silently, struct wf_answer *ret);

/* Show a line, unless flags hold PAM_SILENT. */
void wf_conv_tell(pam_handle_t *pamh, int flags, const char *text);

#endif
