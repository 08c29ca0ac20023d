/* What a client needs to know of the person: by the application's callbacks, or, where it has none
 * that answers, by SASL's interactions. */
#ifndef WF_ASK_H
#define WF_ASK_H

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include "wfauth.h"

/* Names are bounded as those of a message. */
#define WF_ASK_NAME_SIZE 321

struct wf_asked {
    char authname[WF_ASK_NAME_SIZE]; /* SASL_CB_AUTHNAME */
    char user[WF_ASK_NAME_SIZE];     /* SASL_CB_USER; "": nobody else */
    struct wf_secret *password;      /* SASL_CB_PASS; NULL: not known yet */
};

/* Ask. prompts: the application's, as mech_step gets it, where the answers to an earlier call's
 * questions are found. SASL_OK: *ret is complete. SASL_INTERACT: *prompts is an array of questions,
 * for wf_ask_done or the next call. Other codes are the callbacks' or SASL_NOMEM, SASL_BADPARAM (no
 * answer, a name too long). *ret: wf_asked_done. */
int wf_ask(const sasl_utils_t *utils, sasl_interact_t **prompts, struct wf_asked *ret);
void wf_asked_done(struct wf_asked *asked);

#endif
