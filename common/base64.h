/* base64url without padding (RFC 4648 §5, RFC 7515 §2), strict in both directions; and classic
 * base64 for HTTP Basic (RFC 4648 §4), which only encodes. No lookup depends on secret bytes'
 * validity beyond their length; not constant time. */
#ifndef WF_BASE64_H
#define WF_BASE64_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

/* Append the encoding of len bytes to out; failure shows in wf_buf_ok(out). */
void wf_base64url_encode(struct wf_buf *out, const void *data, size_t len);
/* The same with the classic alphabet and '=' padding. */
void wf_base64_encode(struct wf_buf *out, const void *data, size_t len);

/* Append the decoding of exactly one base64url text. WF_MALFORMED for padding, blanks, any other
 * byte, an impossible length or bits set behind the last byte (so each value has one spelling);
 * WF_INTERNAL if out has no room. On failure out holds what it held. An empty text is valid. */
enum wf_reason wf_base64url_decode(struct wf_buf *out, const char *text, size_t len) WF_MUST_USE;

/* True if every byte is of base64url's alphabet: what it may look like, whether or not it decodes.
 * An empty text is. */
bool wf_base64url_has_form(const char *text, size_t len);

#endif
