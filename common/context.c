#include "config.h"

#include "context.h"

#include <stdlib.h>

#include "crypto.h"
#include "http.h"

#define DEFAULT_CONFIG WF_SYSCONFDIR "/wfauth/wfauth.conf"

struct wf_context {
    struct wf_conf *conf;
    struct wf_log log;
    struct wf_http *(*http_new)(const char *helper_user);
};

static void report(void *ctx, const char *line)
{
    const struct wf_log *log = ctx;

    wf_log(log, WF_LOG_ERROR, "%s", line);
}

static struct wf_http *helper_new(const char *helper_user)
{
    return wf_http_helper_new(WF_HELPER_PATH, helper_user);
}

enum wf_reason wf_context_new(const struct wf_host *host, struct wf_context **ret,
                              struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_context *context = calloc(1, sizeof(*context));

    if (context == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory");
    context->log = host->log;
    context->http_new = host->http_new == NULL ? helper_new : host->http_new;
    reason = wf_crypto_init(err);
    if (reason != WF_OK)
        goto out;
    reason = wf_conf_load(host->config == NULL ? DEFAULT_CONFIG : host->config, report,
                          &context->log, &context->conf, err);
    if (reason != WF_OK)
        goto out;
    *ret = context;
    context = NULL;
out:
    wf_context_free(context);
    return reason;
}

void wf_context_free(struct wf_context *context)
{
    if (context == NULL)
        return;
    wf_conf_free(context->conf);
    free(context);
}

const struct wf_conf *wf_context_conf_borrow(const struct wf_context *context)
{
    return context->conf;
}

const struct wf_log *wf_context_log_borrow(const struct wf_context *context)
{
    return &context->log;
}

enum wf_reason wf_context_http_new(const struct wf_context *context,
                                   const struct wf_provider_conf *provider, struct wf_http **ret,
                                   struct wf_err *err)
{
    struct wf_http *http = context->http_new(provider->helper_user);

    if (http == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for the door to the network");
    *ret = http;
    return WF_OK;
}
