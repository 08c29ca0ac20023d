#include "config.h"

#include "context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto.h"
#include "forksafe.h"
#include "http.h"

#define DEFAULT_CONFIG WF_SYSCONFDIR "/wfauth/wfauth.conf"

struct wf_context {
    struct wf_conf *conf;
    char *path;  /* the configuration's */
    char *state; /* the folder of sessions; NULL: the default */
    struct wf_log log;
    struct wf_http *(*http_new)(const char *helper_user);
    int64_t (*clock)(void);
    /* Made at the first token: a sign-in by code needs none of it */
    struct wf_forksafe *lock;
    struct wf_judge *judge;
};

static void report(void *ctx, const char *line)
{
    const struct wf_log *log = ctx;

    wf_log(log, WF_LOG_ERROR, "%s", line);
}

bool wf_is_configured(const char *config)
{
    struct stat st;

    return stat(config == NULL ? DEFAULT_CONFIG : config, &st) == 0 ||
           (errno != ENOENT && errno != ENOTDIR);
}

static int64_t system_clock(void)
{
    return time(NULL);
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
    context->clock = host->clock == NULL ? system_clock : host->clock;
    context->path = strdup(host->config == NULL ? DEFAULT_CONFIG : host->config);
    context->state = host->state == NULL ? NULL : strdup(host->state);
    context->lock = wf_forksafe_new();
    reason = context->lock == NULL || context->path == NULL ||
                     (host->state != NULL && context->state == NULL)
                 ? wf_fail(err, WF_INTERNAL, "out of memory")
                 : wf_crypto_init(err);
    if (reason != WF_OK)
        goto out;
    reason = wf_conf_load(context->path, report, &context->log, &context->conf, err);
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
    wf_judge_free(context->judge);
    wf_conf_free(context->conf);
    wf_forksafe_free(context->lock);
    free(context->path);
    free(context->state);
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

enum wf_reason wf_context_store(const struct wf_context *context, struct wf_store **ret,
                                struct wf_err *err)
{
    return wf_store_open(context->state, &context->log, ret, err);
}

void wf_context_refresh(const struct wf_context *context, struct wf_refresh *ret)
{
    *ret = (struct wf_refresh){
        .log = &context->log,
        .clock = context->clock,
        .config = context->path,
    };
}

static const char *null_if_empty(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

void wf_context_audit(const struct wf_context *context, const char *action,
                      const struct wf_request *request, const struct wf_result *result,
                      enum wf_reason reason, const struct wf_err *err)
{
    const struct wf_audit line = {
        .action = action,
        .service = request->service,
        .user = request->user != NULL ? request->user : null_if_empty(result->user),
        .rhost = request->rhost,
        .provider = null_if_empty(result->provider),
        .subject = null_if_empty(result->subject),
        .reason = reason,
        .text = err->text,
    };

    wf_log_audit(&context->log, &line);
}

int64_t wf_context_now(const struct wf_context *context)
{
    return context->clock();
}

enum wf_reason wf_context_judge(struct wf_context *context, struct wf_judge **ret,
                                struct wf_err *err)
{
    const struct wf_judge_host host = {context->conf, &context->log, context->http_new};
    enum wf_reason reason = WF_OK;

    /* One pointer, which is whole in a forked child, too */
    (void)!wf_forksafe_lock(context->lock);
    if (context->judge == NULL)
        reason = wf_judge_new(&host, &context->judge, err);
    if (reason == WF_OK)
        *ret = context->judge;
    wf_forksafe_unlock(context->lock);
    return reason;
}

void wf_context_prepare(struct wf_context *context)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_judge *judge = NULL;

    if (wf_context_judge(context, &judge, &err) == WF_OK)
        wf_judge_prepare(judge, context->clock());
    else
        wf_log(&context->log, WF_LOG_ERROR, "%s", err.text);
}

bool wf_wants_token(const struct wf_context *context, const char *service)
{
    const struct wf_policy *policy = NULL;

    return wf_conf_policy(context->conf, service, &policy, NULL) == WF_OK &&
           policy->flow == WF_FLOW_TOKEN;
}
