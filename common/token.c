#include "config.h"

#include <string.h>

#include "cachedir.h"
#include "context.h"
#include "http.h"
#include "machine.h"
#include "session.h"
#include "wfauth.h"

static enum wf_reason find(const struct wf_context *context, const char *name,
                           const struct wf_provider_conf **ret, struct wf_err *err)
{
    *ret = wf_conf_provider(wf_context_conf_borrow(context), name);
    if (*ret == NULL)
        return wf_fail(err, WF_CONFIG, "there is no section [provider %.40s]", name);
    return WF_OK;
}

/* By assertion. */
static enum wf_reason exchange(const struct wf_context *context,
                               const struct wf_provider_conf *conf, struct wf_secret **ret,
                               struct wf_err *err)
{
    const struct wf_log *log = wf_context_log_borrow(context);
    struct wf_endpoint endpoint = {conf, NULL};
    struct wf_cachedir *dir = NULL;
    enum wf_reason reason = wf_context_http_new(context, conf, &endpoint.http, err);

    if (reason == WF_OK)
        reason = wf_cachedir_open(conf->cache_dir, log, &dir, err);
    if (reason == WF_OK)
        reason = wf_machine_token(&endpoint, dir, log, wf_context_now(context), ret, err);
    wf_cachedir_free(dir);
    wf_http_free(endpoint.http);
    return reason;
}

/* Every way to a token, by what the provider's section says. */
static enum wf_reason obtain(const struct wf_context *context, const struct wf_provider_conf *conf,
                             struct wf_secret **ret, struct wf_err *err)
{
    if (wf_conf_is_machine(conf))
        return exchange(context, conf, ret, err);
    if (wf_session_is_for(conf))
        return wf_session_token(context, conf, ret, err);
    return wf_fail(err, WF_CONFIG,
                   "provider %s has no way to a token with nobody present, expected "
                   "grant = jwt_bearer",
                   conf->name);
}

static void audit(const struct wf_context *context, const char *provider,
                  const struct wf_provider_conf *conf, enum wf_reason reason,
                  const struct wf_err *err)
{
    const struct wf_audit line = {
        .action = "own-token",
        .provider = provider,
        .subject = conf == NULL            ? NULL
                   : conf->user_id != NULL ? conf->user_id
                                           : conf->assertion_subject,
        .reason = reason,
        .text = err->text,
    };

    wf_log_audit(wf_context_log_borrow(context), &line);
}

enum wf_reason wf_token(const struct wf_context *context, const char *provider,
                        struct wf_secret **ret, struct wf_err *err)
{
    const struct wf_provider_conf *conf = NULL;
    struct wf_err own = WF_ERR_INIT;
    enum wf_reason reason = find(context, provider, &conf, &own);

    if (reason == WF_OK)
        reason = obtain(context, conf, ret, &own);
    audit(context, provider, conf, reason, &own);
    if (err != NULL)
        *err = own;
    return reason;
}

/* token NULL: whatever is kept. */
static enum wf_reason forget(const struct wf_context *context, const char *provider,
                             const struct wf_secret *token, struct wf_err *err)
{
    const struct wf_provider_conf *conf = NULL;
    struct wf_cachedir *dir = NULL;
    enum wf_reason reason = find(context, provider, &conf, err);

    if (reason != WF_OK)
        return reason;
    if (wf_session_is_for(conf)) {
        reason = wf_session_renew(context, conf, token, err);
    } else if (wf_conf_is_machine(conf)) {
        reason = wf_cachedir_open(conf->cache_dir, wf_context_log_borrow(context), &dir, err);
        if (reason == WF_OK && token == NULL)
            reason = wf_machine_forget(conf, dir, err);
        else if (reason == WF_OK)
            wf_machine_refused(conf, dir, wf_context_now(context), token);
    }
    wf_cachedir_free(dir);
    return reason;
}

enum wf_reason wf_token_forget(const struct wf_context *context, const char *provider,
                               struct wf_err *err)
{
    return forget(context, provider, NULL, err);
}

void wf_token_refused(const struct wf_context *context, const char *provider,
                      const struct wf_secret *token)
{
    struct wf_err err = WF_ERR_INIT;

    if (token != NULL && forget(context, provider, token, &err) != WF_OK)
        wf_log(wf_context_log_borrow(context), WF_LOG_WARNING, "%s", err.text);
}

enum wf_reason wf_assert(const struct wf_context *context, const char *provider,
                         struct wf_secret **ret, struct wf_err *err)
{
    struct wf_endpoint endpoint = {NULL, NULL};
    struct wf_buf assertion = WF_BUF_INIT(WF_ASSERTION_MAX);
    enum wf_reason reason = find(context, provider, &endpoint.conf, err);

    if (reason != WF_OK)
        goto out;
    reason = wf_context_http_new(context, endpoint.conf, &endpoint.http, err);
    if (reason != WF_OK)
        goto out;
    reason = wf_machine_sign(&endpoint, wf_context_now(context), &assertion, err);
    if (reason != WF_OK)
        goto out;
    *ret = wf_secret_new(assertion.data, assertion.len);
    reason = *ret != NULL ? WF_OK : wf_fail(err, WF_INTERNAL, "out of memory for an assertion");
out:
    wf_buf_done(&assertion);
    wf_http_free(endpoint.http);
    return reason;
}
