/* Addresses and form bodies: building, taking apart, and the one check that decides where the
 * core may connect. RFC 3986, and WHATWG's application/x-www-form-urlencoded. */
#ifndef WF_URL_H
#define WF_URL_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "text.h"

/* The longest address that is accepted or built. Servers and browsers agree on 2,000 and a bit. */
#define WF_URL_MAX 2048

/* Decide whether an address may be connected to: https://host[:port][/path][?query], printable
 * ASCII, no user information, no fragment, no backslash, at most WF_URL_MAX bytes. Plain http
 * passes only to 127.0.0.1, [::1] or localhost, and only where http_loopback is true.
 * WF_CONFIG otherwise. Any thread. */
enum wf_reason wf_url_check(const char *url, bool http_loopback, struct wf_err *err) WF_MUST_USE;

/* Append data, every byte but A-Z a-z 0-9 - . _ ~ as %XX. */
void wf_url_encode(struct wf_buf *out, struct wf_span data);

/* Append "name=value", encoded, with '&' before it unless out is empty or ends in '?' or '&'. */
void wf_form_append(struct wf_buf *out, const char *name, struct wf_span value);
/* The same for a text; nothing is appended if it is NULL. */
void wf_form_append_text(struct wf_buf *out, const char *name, const char *value);

/* Append the decoded form value ('+' is a blank). WF_MALFORMED for a broken escape or a NUL;
 * WF_INTERNAL if out has no room. On failure out holds what it held or more of the value. */
enum wf_reason wf_form_decode(struct wf_buf *out, struct wf_span value) WF_MUST_USE;

/* Find the value (still encoded, borrowed) of a parameter in a query "a=1&b=2". WF_OK with a span
 * whose ptr is NULL if it is absent; WF_MALFORMED if it stands twice (RFC 6749 §3.1). */
enum wf_reason wf_form_find(struct wf_span query, const char *name,
                            struct wf_span *ret_value) WF_MUST_USE;

#endif
