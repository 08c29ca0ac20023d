/*
 * Adobe Workfront: where its OAuth2 endpoints are, and whose session a token is. There is no
 * discovery: all paths are fixed below the organisation's host.
 */
#ifndef WF_WORKFRONT_H
#define WF_WORKFRONT_H

#include "endpoint.h"
#include "grant.h"

struct json_t;

/* "URL/integrations/oauth2/authorize", "…/api/v1/token" and "…/api/v1/jwt/exchange": new, the caller
 * frees; NULL if memory is short. */
char *wf_workfront_authorize_url(const struct wf_provider_conf *conf);
char *wf_workfront_token_url(const struct wf_provider_conf *conf);
char *wf_workfront_exchange_url(const struct wf_provider_conf *conf);

/* Ask the API whose session this is. *ret_claims: ID, username, emailAddr, accessLevelID,
 * accessLevel, homeGroupID, homeGroup, homeTeamID, homeTeam (texts), roleIDs, roles (lists of
 * texts), each only where Workfront answered it; new, wf_json_free.
 * WF_INACTIVE: a dead session, or isActive is false (*ret_claims is set then too, so that the
 * caller can tell whose account it is; NULL otherwise). WF_IDENTITY: none or several users.
 * WF_UNREACHABLE: no usable answer. WF_CONFIG: no such API version. Blocks up to the provider's
 * time-out. */
enum wf_reason wf_workfront_lookup(const struct wf_endpoint *endpoint,
                                   const struct wf_secret *session, struct json_t **ret_claims,
                                   struct wf_err *err) WF_MUST_USE;

/* End a session at Workfront. WF_OK also where it is over already. WF_CONFIG: no such API version.
 * WF_UNREACHABLE, WF_INTERNAL. Blocks up to the provider's time-out. */
enum wf_reason wf_workfront_logout(const struct wf_endpoint *endpoint,
                                   const struct wf_secret *session,
                                   struct wf_err *err) WF_MUST_USE;

#endif
