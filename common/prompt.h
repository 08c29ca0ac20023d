/* The one prompt of a sign-in: sshd holds other messages back until the next prompt, so all that
 * the person must know travels in it. */
#ifndef WF_PROMPT_H
#define WF_PROMPT_H

#include "buf.h"
#include "conf.h"

/* A prompt with the largest QR code and an address of WF_URL_MAX fits. Also sshd's bound on
 * one message is far above it. */
#define WF_PROMPT_MAX ((size_t)32 * 1024)

struct wf_prompt {
    const char *problem;  /* what was wrong with the last answer; NULL: nothing yet */
    const char *title;    /* the provider's */
    const char *host;     /* this machine's name */
    const char *service;
    const char *user;     /* comes from outside: sanitised here */
    const char *address;
    enum wf_qr qr;        /* resolved: not WF_QR_AUTO, which is no code */
};

/* Append the prompt; failure shows in wf_buf_ok(out). Any thread. */
void wf_prompt_append(struct wf_buf *out, const struct wf_prompt *prompt);

#endif
