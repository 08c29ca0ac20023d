/*
 * Whose an opaque token is, asked of an OpenID Connect provider: introspection (RFC 7662) and
 * userinfo (OpenID Connect Core §5.3). One request each, nothing remembered: that is opaque's.
 */
#ifndef WF_INTROSPECT_H
#define WF_INTROSPECT_H

#include "endpoint.h"

struct json_t;

/* Ask the introspection endpoint at url (already checked). token: 1..WF_TOKEN_MAX bytes of
 * printable ASCII without blanks (RFC 6749 §A.12), else WF_MALFORMED and nothing is sent.
 *
 * WF_OK: an access token that is active. *ret_claims: new, wf_json_free; of the types that the
 * rules read, whose judgement is still to come. WF_ISSUER: iss is there and not the provider's.
 * WF_TYPE: active, but a refresh token, an ID token or another that is no bearer's: `active` alone
 * says that somebody holds something. WF_INACTIVE. WF_CONFIG: the provider refuses this client, or
 * there is no such endpoint. WF_UNREACHABLE: no usable answer; a signed one (RFC 9701) is none.
 * Blocks up to the provider's time-out. */
enum wf_reason wf_introspect(const struct wf_endpoint *endpoint, const char *url,
                             const struct wf_secret *token, struct json_t **ret_claims,
                             struct wf_err *err) WF_MUST_USE;

/* Ask the userinfo endpoint with the token as bearer. token: RFC 6750 §2.1's b64token of
 * at most WF_HTTP_HEADER_VALUE_MAX bytes, "Bearer " counted, else WF_MALFORMED and nothing is
 * sent: it goes into a header.
 *
 * WF_OK: *ret_claims as above, with sub. WF_INACTIVE: the provider does not take the token (401,
 * 403, invalid_token). WF_ISSUER, WF_CONFIG, WF_UNREACHABLE as above; a signed answer
 * (application/jwt) is unusable here, too. Blocks up to the provider's time-out. */
enum wf_reason wf_userinfo(const struct wf_endpoint *endpoint, const char *url,
                           const struct wf_secret *token, struct json_t **ret_claims,
                           struct wf_err *err) WF_MUST_USE;

#endif
