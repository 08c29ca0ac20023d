/* What a token endpoint gives tokens for: a code (RFC 6749 §4.1.3 with RFC 7636, PKCE), a refresh
 * token (§6), an assertion (RFC 7523 §2.1, and Workfront's JWT exchange); and RFC 7009, which takes
 * back what it gave. */
#ifndef WF_GRANT_H
#define WF_GRANT_H

#include "endpoint.h"

/* Bytes of a token that are accepted from a provider. */
#define WF_TOKEN_MAX ((size_t)16 * 1024)

/* True if it is 1..WF_TOKEN_MAX bytes of printable ASCII without blanks: RFC 6750 §2.1 allows fewer,
 * and a Workfront session has hex digits alone. Anything else must not get into a header. */
bool wf_grant_is_token(const struct wf_secret *token);

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

/* Exchange a signed assertion (1..WF_ASSERTION_MAX bytes, compact) for an access token at url.
 * exchange: Workfront's way, with client_id, client_secret and jwt_token in a form; else RFC 7523's,
 * with the provider's scope, where the client proves itself as wf_client_post says.
 * WF_OK: *ret holds the access token; wf_tokens_done. WF_EXPIRED: the provider does not take the
 * assertion (the key is not there any more, or issuer, subject, audience or this host's clock are
 * wrong: it does not say which). WF_CONFIG, WF_UNREACHABLE, WF_INTERNAL as wf_grant_code. Blocks up
 * to the provider's time-out. */
enum wf_reason wf_grant_assertion(const struct wf_endpoint *endpoint, const char *url,
                                  bool exchange, struct wf_span assertion, struct wf_tokens *ret,
                                  struct wf_err *err) WF_MUST_USE;

#endif
