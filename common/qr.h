/* A QR code in text, for an address that a phone is to open. libqrencode is included in qr.c
 * alone; without it (HAVE_QRENCODE) no code is ever shown. ISO/IEC 18004. */
#ifndef WF_QR_H
#define WF_QR_H

#include <stdbool.h>

#include "buf.h"
#include "text.h"

/* Modules a side, quiet zone included, of the largest code that is shown: a terminal has 80 columns
 * for it, one a module. ASCII takes two a module; whoever asks for it has a terminal of 160. */
#define WF_QR_SIDE_MAX 80

/* Append lines, each ending in '\n', with a quiet zone of two modules; error correction level L,
 * smallest version. Light modules are drawn and dark ones left blank, so that the code has its
 * right colours on a dark terminal; on a light one it is inverted, which many readers take, but
 * not all.
 * 1..458 bytes of address (more where they are digits or capitals) become 25..77 modules a side.
 * utf8: half blocks, two modules a character, 13..39 lines of 25..77 columns, 10 kB at most. Else
 * ASCII, "##" and blanks, 25..77 lines of 50..154 columns.
 * False, and nothing appended, if the address is not printable ASCII, does not fit in
 * WF_QR_SIDE_MAX modules or in out's maximum, libqrencode is absent, or memory is short. Only
 * in the last case out may have failed. Any thread. */
bool wf_qr_append(struct wf_buf *out, struct wf_span address, bool utf8) WF_MUST_USE;

#endif
