/* The token endpoint's grants: RFC 6749 §4.1.3 with RFC 7636 (PKCE). Refresh and assertion grants
 * belong here too. */
#ifndef WF_GRANT_H
#define WF_GRANT_H

#include "endpoint.h"

/* Bytes of a token that are accepted from a provider. */
#define WF_TOKEN_MAX ((size_t)16 * 1024)

/* Redeem an authorization code at token_url. The client proves itself as wf_client_post says. The
 * verifier is always sent.
 * WF_OK: *ret holds the tokens, wf_tokens_done. WF_EXPIRED: the provider does not take the code
 * (wrong, used, expired, of another client or address: it does not say which). WF_CONFIG: it does
 * not take this client, or the secret's file is bad. WF_UNREACHABLE: no usable answer. Blocks up
 * to the provider's time-out. */
enum wf_reason wf_grant_code(const struct wf_endpoint *endpoint, const char *token_url,
                             const struct wf_secret *code, const struct wf_secret *verifier,
                             struct wf_tokens *ret, struct wf_err *err) WF_MUST_USE;

#endif
