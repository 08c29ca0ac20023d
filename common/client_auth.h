/* How this client proves who it is at the provider's own endpoints: RFC 6749 §2.3, RFC 7523 §2.2.
 */
#ifndef WF_CLIENT_AUTH_H
#define WF_CLIENT_AUTH_H

#include <stdbool.h>

#include "endpoint.h"

/* POST the form in body, with the proof added, and wait for the answer.
 *
 * client_auth says how: basic, the client secret in HTTP Basic with both halves form-urlencoded
 * (RFC 6749 §2.3.1); body, the secret beside client_id in the form; private_key_jwt, an assertion
 * signed with private_key_file, good for 2 minutes and for the issuer (the provider's url) alone:
 * whoever makes us use another endpoint must not be able to use it here (draft-ietf-oauth-
 * rfc7523bis). A provider without a secret's file has a public client, which only names itself.
 *
 * WF_OK with any status. WF_CONFIG: the secret's or the key's file is bad, or this door cannot
 * sign. WF_UNREACHABLE and WF_INTERNAL as wf_http_send. No secret is in any message. body belongs
 * to the caller, who wipes it. Blocks up to the provider's time-out. */
enum wf_reason wf_client_post(const struct wf_endpoint *endpoint, const char *url,
                              struct wf_buf *body, struct wf_http_response *ret,
                              struct wf_err *err) WF_MUST_USE;

/* True for error codes that say that the client is wrong, not what it brought (RFC 6749 §5.2). */
bool wf_client_is_blamed(struct wf_span error);

#endif
