/* A QR code in text, for an address that a phone is to open. libqrencode is included in qr.c
 * alone; without it (HAVE_QRENCODE) no code is ever shown. */
#ifndef WF_QR_H
#define WF_QR_H

#include <stdbool.h>

#include "buf.h"
#include "text.h"

/* Columns that a terminal is expected to have; a wider code would break and is not shown. */
#define WF_QR_COLUMNS_MAX 80

/* Append lines, each ending in '\n', with a quiet zone of two modules: UTF-8 half blocks (two
 * modules a character, light on dark made explicit by drawing the light modules, so that it reads
 * on dark and on light terminals alike as far as that is possible without escape sequences), or
 * ASCII ("##" and blanks). False, and nothing appended, if the address does not fit in
 * WF_QR_COLUMNS_MAX columns, libqrencode is absent, or memory is short. Any thread. */
bool wf_qr_append(struct wf_buf *out, struct wf_span address, bool utf8) WF_MUST_USE;

#endif
