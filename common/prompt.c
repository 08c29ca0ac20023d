#include "config.h"

#include "prompt.h"

#include <string.h>

#include "qr.h"
#include "text.h"

static void append_clean(struct wf_buf *out, const char *text)
{
    char clean[65];

    wf_text_sanitise(clean, sizeof(clean), text, strlen(text));
    wf_buf_append_text(out, clean);
}

static void append_qr(struct wf_buf *out, const struct wf_prompt *prompt)
{
    struct wf_span address = {prompt->address, strlen(prompt->address)};

    switch (prompt->qr) {
    case WF_QR_AUTO:
    case WF_QR_NO:
        break;
    case WF_QR_UTF8:
    case WF_QR_ASCII:
        /* A code that does not fit is left out: the address above says the same */
        if (wf_qr_append(out, address, prompt->qr == WF_QR_UTF8))
            wf_buf_append_byte(out, '\n');
        break;
    }
}

void wf_prompt_append(struct wf_buf *out, const struct wf_prompt *prompt)
{
    if (prompt->problem != NULL) {
        wf_buf_append_text(out, prompt->problem);
        wf_buf_append_text(out, "\n\n");
    }
    wf_buf_append_text(out, "Sign in as ");
    append_clean(out, prompt->user);
    wf_buf_append_text(out, " on ");
    append_clean(out, prompt->host);
    wf_buf_append_text(out, " (");
    append_clean(out, prompt->service);
    wf_buf_append_text(out, ") with ");
    append_clean(out, prompt->title);
    wf_buf_append_text(out, ".\nOpen this address in a browser:\n\n");
    wf_buf_append_text(out, prompt->address);
    wf_buf_append_text(out, "\n\n");
    append_qr(out, prompt);
    wf_buf_append_text(out, "You get a code, which is good for 2 minutes and for once.\n"
                            "Paste the code or the address you end at: ");
}
