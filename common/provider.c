#include "config.h"

#include "provider.h"

#include <stdlib.h>
#include <time.h>

#include "cachedir.h"
#include "grant.h"
#include "oidc.h"
#include "workfront.h"

/* The configuration refuses flow = code where it is written; what relies on the default ends
 * here. */
static enum wf_reason no_code_flow(struct wf_err *err)
{
    return wf_fail(err, WF_CONFIG,
                   "flow = code with an oidc provider is not available in this version");
}

enum wf_reason wf_provider_authorize_url(const struct wf_endpoint *endpoint, char **ret,
                                         struct wf_err *err)
{
    char *url = NULL;

    switch (endpoint->conf->type) {
    case WF_PROVIDER_WORKFRONT:
        if (wf_conf_is_machine(endpoint->conf))
            return wf_fail(err, WF_CONFIG,
                           "provider %s is a Machine to Machine application, where nobody signs "
                           "in by code",
                           endpoint->conf->name);
        url = wf_workfront_authorize_url(endpoint->conf);
        break;
    case WF_PROVIDER_OIDC:
        return no_code_flow(err);
    }
    if (url == NULL)
        return wf_fail(err, WF_INTERNAL, "no room for the authorize address");
    *ret = url;
    return WF_OK;
}

enum wf_reason wf_provider_redeem(const struct wf_endpoint *endpoint, const struct wf_secret *code,
                                  const struct wf_secret *verifier, struct wf_tokens *ret,
                                  struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    char *url = NULL;

    switch (endpoint->conf->type) {
    case WF_PROVIDER_WORKFRONT:
        url = wf_workfront_token_url(endpoint->conf);
        break;
    case WF_PROVIDER_OIDC:
        return no_code_flow(err);
    }
    if (url == NULL)
        return wf_fail(err, WF_INTERNAL, "no room for the token endpoint's address");
    reason = wf_grant_code(endpoint, url, code, verifier, ret, err);
    free(url);
    return reason;
}

/* Where an oidc provider's endpoints are, from its cache folder if that knows. */
static enum wf_reason find_endpoints(const struct wf_endpoint *endpoint, const struct wf_log *log,
                                     struct wf_oidc_metadata *ret, struct wf_err *err)
{
    struct wf_cachedir *dir = NULL;
    enum wf_reason reason = wf_cachedir_open(endpoint->conf->cache_dir, log, &dir, err);

    if (reason == WF_OK)
        reason = wf_oidc_find(endpoint, dir, log, time(NULL), ret, err);
    wf_cachedir_free(dir);
    return reason;
}

static enum wf_reason refresh_oidc(const struct wf_endpoint *endpoint, const struct wf_log *log,
                                   const struct wf_secret *refresh, struct wf_tokens *ret,
                                   struct wf_err *err)
{
    struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
    enum wf_reason reason = find_endpoints(endpoint, log, &metadata, err);

    if (reason == WF_OK && metadata.token_endpoint == NULL)
        reason =
            wf_fail(err, WF_CONFIG, "provider %s names no token_endpoint", endpoint->conf->name);
    if (reason == WF_OK)
        reason = wf_grant_refresh(endpoint, metadata.token_endpoint, refresh, ret, err);
    wf_oidc_metadata_done(&metadata);
    return reason;
}

static enum wf_reason refresh_workfront(const struct wf_endpoint *endpoint,
                                        const struct wf_secret *refresh, struct wf_tokens *ret,
                                        struct wf_err *err)
{
    char *url = wf_workfront_token_url(endpoint->conf);

    if (url == NULL)
        return wf_fail(err, WF_INTERNAL, "no room for the token endpoint's address");
    enum wf_reason reason = wf_grant_refresh(endpoint, url, refresh, ret, err);
    free(url);
    return reason;
}

enum wf_reason wf_provider_refresh(const struct wf_endpoint *endpoint, const struct wf_log *log,
                                   const struct wf_secret *refresh, struct wf_tokens *ret,
                                   struct wf_err *err)
{
    switch (endpoint->conf->type) {
    case WF_PROVIDER_WORKFRONT:
        return refresh_workfront(endpoint, refresh, ret, err);
    case WF_PROVIDER_OIDC:
        return refresh_oidc(endpoint, log, refresh, ret, err);
    }
    return wf_fail(err, WF_INTERNAL, "unknown type of provider");
}

static enum wf_reason revoke_oidc(const struct wf_endpoint *endpoint, const struct wf_log *log,
                                  const struct wf_secret *refresh, const struct wf_secret *access,
                                  struct wf_err *err)
{
    struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
    enum wf_reason reason = find_endpoints(endpoint, log, &metadata, err);

    if (reason == WF_OK && metadata.revocation_endpoint == NULL)
        reason = wf_fail(err, WF_CONFIG, "provider %s names no revocation_endpoint",
                         endpoint->conf->name);
    if (reason == WF_OK)
        /* With the refresh token go its access tokens (RFC 7009 §2.1) */
        reason = wf_grant_revoke(endpoint, metadata.revocation_endpoint,
                                 refresh != NULL ? refresh : access,
                                 refresh != NULL ? "refresh_token" : "access_token", err);
    wf_oidc_metadata_done(&metadata);
    return reason;
}

enum wf_reason wf_provider_revoke(const struct wf_endpoint *endpoint, const struct wf_log *log,
                                  const struct wf_secret *refresh, const struct wf_secret *access,
                                  struct wf_err *err)
{
    if (refresh == NULL && access == NULL)
        return WF_OK;
    switch (endpoint->conf->type) {
    case WF_PROVIDER_WORKFRONT:
        return access == NULL ? WF_OK : wf_workfront_logout(endpoint, access, err);
    case WF_PROVIDER_OIDC:
        return revoke_oidc(endpoint, log, refresh, access, err);
    }
    return wf_fail(err, WF_INTERNAL, "unknown type of provider");
}

enum wf_reason wf_provider_claims(const struct wf_endpoint *endpoint,
                                  const struct wf_tokens *tokens, struct json_t **ret_claims,
                                  struct wf_err *err)
{
    switch (endpoint->conf->type) {
    case WF_PROVIDER_WORKFRONT:
        return wf_workfront_lookup(endpoint, tokens->access, ret_claims, err);
    case WF_PROVIDER_OIDC:
        *ret_claims = NULL;
        return no_code_flow(err);
    }
    *ret_claims = NULL;
    return wf_fail(err, WF_INTERNAL, "unknown type of provider");
}

const char *wf_provider_subject_claim(const struct wf_provider_conf *conf)
{
    switch (conf->type) {
    case WF_PROVIDER_WORKFRONT:
        return "ID";
    case WF_PROVIDER_OIDC:
        break;
    }
    return "sub";
}

const char *wf_provider_title(const struct wf_provider_conf *conf)
{
    switch (conf->type) {
    case WF_PROVIDER_WORKFRONT:
        return "Adobe Workfront";
    case WF_PROVIDER_OIDC:
        break;
    }
    return conf->name;
}
