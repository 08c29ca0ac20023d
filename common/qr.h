/* A QR code in text, for an address that a phone is to open. libqrencode is included in qr.c
 * alone; without it (HAVE_QRENCODE) no code is ever shown. ISO/IEC 18004. */
#ifndef WF_QR_H
#define WF_QR_H

#include <stdbool.h>

#include "buf.h"
#include "text.h"

/* Columns that a terminal is expected to have; a wider code would break and is not shown. */
#define WF_QR_COLUMNS_MAX 80

/* Append lines, each ending in '\n', with a quiet zone of two modules; error correction level L,
 * smallest version. Light modules are drawn and dark ones left blank, so that the code has its
 * right colours on a dark terminal; on a light one it is inverted, which readers of today take.
 * utf8: half blocks, two modules a character: 1..458 bytes of address (more where they are digits
 * or capitals) become 13..39 lines of 25..77 columns, 10 kB at most. Else ASCII, "##" and blanks,
 * one line a row of modules, 25..37 of them: 1..78 bytes of address.
 * False, and nothing appended, if the address is not printable ASCII, does not fit in
 * WF_QR_COLUMNS_MAX columns or in out's maximum, libqrencode is absent, or memory is short. Only
 * in the last case out may have failed. Any thread. */
bool wf_qr_append(struct wf_buf *out, struct wf_span address, bool utf8) WF_MUST_USE;

#endif
