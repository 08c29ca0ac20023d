#include "config.h"

#include "provider.h"

#include <stdlib.h>

#include "grant.h"
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
