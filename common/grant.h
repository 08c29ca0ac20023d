/* The token endpoint's grants: RFC 6749 §4.1.3 with RFC 7636 (PKCE), RFC 6749 §6 (refresh); and
 * RFC 7009, which takes back what they gave. Assertion grants belong here, too. */
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

/* Use a refresh token (RFC 6749 §6): once, where it rotates. Workfront wants redirect_uri, too.
 * WF_OK: *ret holds the tokens, wf_tokens_done; its refresh token is NULL where the provider sends
 * none, and the old one stays good. WF_EXPIRED: invalid_grant: the session is over for good.
 * WF_CONFIG and WF_UNREACHABLE as above: the refresh token may be good, and whether the provider
 * has seen it is not known where no answer came. Blocks up to the provider's time-out. */
enum wf_reason wf_grant_refresh(const struct wf_endpoint *endpoint, const char *token_url,
                                const struct wf_secret *refresh, struct wf_tokens *ret,
                                struct wf_err *err) WF_MUST_USE;

/* Have a token revoked (RFC 7009 §2). hint: "refresh_token" or "access_token". WF_OK also where the
 * provider no longer knows it. WF_CONFIG: it does not take this client, or this kind of token.
 * WF_UNREACHABLE: no usable answer. Blocks up to the provider's time-out. */
enum wf_reason wf_grant_revoke(const struct wf_endpoint *endpoint, const char *revocation_url,
                               const struct wf_secret *token, const char *hint,
                               struct wf_err *err) WF_MUST_USE;

#endif
