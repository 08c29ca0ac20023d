/* What every type of provider can do, chosen by its type: the one place that knows which module
 * serves which. */
#ifndef WF_PROVIDER_H
#define WF_PROVIDER_H

#include "endpoint.h"
#include "log.h"

struct json_t;

/* Where a browser is sent: new, the caller frees. WF_INTERNAL if memory is short. */
enum wf_reason wf_provider_authorize_url(const struct wf_endpoint *endpoint, char **ret,
                                         struct wf_err *err) WF_MUST_USE;

/* Redeem a code: wf_grant_code at this provider's token endpoint. One request. */
enum wf_reason wf_provider_redeem(const struct wf_endpoint *endpoint, const struct wf_secret *code,
                                  const struct wf_secret *verifier, struct wf_tokens *ret,
                                  struct wf_err *err) WF_MUST_USE;

/* Use a refresh token: wf_grant_refresh at this provider's token endpoint. One request; with oidc
 * one or two more where the endpoint is not known yet. */
enum wf_reason wf_provider_refresh(const struct wf_endpoint *endpoint, const struct wf_log *log,
                                   const struct wf_secret *refresh, struct wf_tokens *ret,
                                   struct wf_err *err) WF_MUST_USE;

/* Tell the provider that a session is over: Workfront logs the access token's session out, and has
 * no way to revoke a refresh token; oidc: wf_grant_revoke of the refresh token where there is one,
 * else of the access token. Either token may be NULL. WF_CONFIG where the provider cannot do
 * that. */
enum wf_reason wf_provider_revoke(const struct wf_endpoint *endpoint, const struct wf_log *log,
                                  const struct wf_secret *refresh, const struct wf_secret *access,
                                  struct wf_err *err) WF_MUST_USE;

/* Whose tokens these are: the claims, new, wf_json_free. One request at most. WF_INACTIVE may
 * come with claims, else *ret_claims is NULL after a failure. Further reasons:
 * wf_workfront_lookup. */
enum wf_reason wf_provider_claims(const struct wf_endpoint *endpoint,
                                  const struct wf_tokens *tokens, struct json_t **ret_claims,
                                  struct wf_err *err) WF_MUST_USE;

/* The claim that names a person for good, whatever they are called: Workfront's ID. Static. */
const char *wf_provider_subject_claim(const struct wf_provider_conf *conf);

/* What people call it in a prompt: "Adobe Workfront". Static. */
const char *wf_provider_title(const struct wf_provider_conf *conf);

#endif
