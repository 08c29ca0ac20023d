/* Talking to the person through the host program's conversation function. */
#ifndef WF_CONV_H
#define WF_CONV_H

#include <stdbool.h>
#include <stddef.h>

#include <security/pam_modules.h>

#include "wfauth.h"

/* What the person answered: len bytes, WF_ANSWER_MAX + 1 of them where it was longer than can be
 * judged. In the caller's storage, empty to begin with; wf_answer_done after use. */
struct wf_answer {
    char *text; /* room for WF_ANSWER_MAX bytes; NULL: empty */
    size_t len;
};
/* Wipes and frees; the answer is empty again. */
void wf_answer_done(struct wf_answer *answer);

/* How to ask. */
struct wf_question {
    const char *prompt;
    bool hidden; /* the answer is not shown while it is typed */
    /* The host cuts a long line (ssh); a PAM_CONV_ERR then means that nobody is there. Else it may
     * have refused the line for its length (sudo, from 512 bytes on). */
    bool cuts_silently;
};

/* Ask, and read one answer. Where it filled the host's line, so that it was or may have been cut,
 * or where the host may have refused it for its length, it is asked for again in pieces.
 * PAM_SUCCESS, or PAM_CONV_ERR, PAM_BUF_ERR with *ret empty. Blocks until the person answers. */
int wf_conv_ask(pam_handle_t *pamh, const struct wf_question *question, struct wf_answer *ret);

/* Show a line, unless flags hold PAM_SILENT. */
void wf_conv_tell(pam_handle_t *pamh, int flags, const char *text);

#endif
