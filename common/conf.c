#include "config.h"

#include "conf.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_internal.h"
#include "file.h"

/* Client secrets are some dozens of bytes; nobody's is a kilobyte. */
#define SECRET_MAX 1024

struct wf_conf_block {
    struct wf_conf_block *next;
    max_align_t data[];
};

void *wf_conf_alloc(struct wf_conf_pool *pool, size_t size)
{
    struct wf_conf_block *block = NULL;

    /* Far above what a file of WF_CONF_FILE_MAX bytes can ask for; the sum cannot overflow */
    if (size <= SIZE_MAX / 2)
        block = calloc(1, sizeof(*block) + size);
    if (block == NULL) {
        pool->failed = true;
        return NULL;
    }
    block->next = pool->blocks;
    pool->blocks = block;
    return block->data;
}

char *wf_conf_copy(struct wf_conf_pool *pool, const char *text, size_t len)
{
    char *copy = wf_conf_alloc(pool, len + 1);

    if (copy != NULL && len > 0)
        memcpy(copy, text, len);
    return copy;
}

void wf_conf_pool_done(struct wf_conf_pool *pool)
{
    while (pool->blocks != NULL) {
        struct wf_conf_block *block = pool->blocks;
        pool->blocks = block->next;
        free(block);
    }
}

/* Room for one more text of this line, in the order of lines; NULL if it is behind all that are
 * kept. */
static struct wf_err *make_room(struct wf_conf_mistakes *mistakes, unsigned line)
{
    size_t count = mistakes->count < WF_CONF_MISTAKES_MAX ? mistakes->count : WF_CONF_MISTAKES_MAX;
    size_t at = count;

    while (at > 0 && mistakes->kept[at - 1].line > line)
        at--;
    if (at == WF_CONF_MISTAKES_MAX)
        return NULL;
    if (count == WF_CONF_MISTAKES_MAX)
        count--;
    memmove(&mistakes->kept[at + 1], &mistakes->kept[at], (count - at) * sizeof(mistakes->kept[0]));
    mistakes->kept[at].line = line;
    return &mistakes->kept[at].text;
}

void wf_conf_mistake(struct wf_conf_mistakes *mistakes, struct wf_conf_place place, const char *fmt,
                     ...)
{
    char text[WF_ERR_TEXT_MAX];
    va_list args;
    struct wf_err *err = make_room(mistakes, place.line);

    mistakes->count++;
    if (err == NULL)
        return;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof(text), fmt, args) < 0)
        text[0] = '\0';
    va_end(args);
    bool placed = place.section != NULL;
    (void)wf_fail(err, WF_CONFIG, "%.200s:%u: %s%s%s%s%s%s%s", mistakes->path, place.line,
                  placed ? "[" : "", placed ? place.section : "", placed ? "]" : "",
                  place.key != NULL ? " " : "", place.key != NULL ? place.key : "",
                  placed ? ": " : "", text);
}

enum wf_reason wf_conf_mistakes_report(const struct wf_conf_mistakes *mistakes,
                                       void (*report)(void *ctx, const char *line), void *ctx,
                                       struct wf_err *err)
{
    struct wf_err more = WF_ERR_INIT;

    if (mistakes->count == 0)
        return WF_OK;
    for (size_t i = 0; report != NULL && i < mistakes->count && i < WF_CONF_MISTAKES_MAX; i++)
        report(ctx, mistakes->kept[i].text.text);
    if (report != NULL && mistakes->count > WF_CONF_MISTAKES_MAX) {
        (void)wf_fail(&more, WF_CONFIG, "%.200s: %u more mistakes are not shown", mistakes->path,
                      mistakes->count - WF_CONF_MISTAKES_MAX);
        report(ctx, more.text);
    }
    (void)wf_fail(err, WF_CONFIG, "%s", mistakes->kept[0].text.text);
    if (mistakes->count > 1)
        wf_err_context(err, "%u mistakes, the first", mistakes->count);
    return WF_CONFIG;
}

void wf_conf_free(struct wf_conf *conf)
{
    if (conf == NULL)
        return;
    wf_conf_pool_done(&conf->pool);
    free(conf);
}

enum wf_reason wf_conf_policy(const struct wf_conf *conf, const char *service,
                              const struct wf_policy **ret, struct wf_err *err)
{
    const struct wf_policy *found = NULL;

    for (size_t i = 0; i < conf->policy_count; i++) {
        const struct wf_policy *policy = &conf->policies[i];
        if (strcmp(policy->service, service) == 0) {
            found = policy;
            break;
        }
        if (strcmp(policy->service, "*") == 0)
            found = policy;
    }
    if (found == NULL)
        return wf_fail(err, WF_CONFIG,
                       "the configuration has neither [service %.100s] nor [service *]: add one",
                       service);
    *ret = found;
    return WF_OK;
}

const uint8_t *wf_conf_digest_borrow(const struct wf_conf *conf)
{
    return conf->digest;
}

const struct wf_provider_conf *wf_conf_provider(const struct wf_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->provider_count; i++) {
        if (strcmp(conf->providers[i].name, name) == 0)
            return &conf->providers[i];
    }
    return NULL;
}

const struct wf_provider_conf *wf_conf_provider_at(const struct wf_conf *conf, size_t i)
{
    return i < conf->provider_count ? &conf->providers[i] : NULL;
}

const struct wf_policy *wf_conf_policy_at(const struct wf_conf *conf, size_t i)
{
    return i < conf->policy_count ? &conf->policies[i] : NULL;
}

bool wf_conf_is_machine(const struct wf_provider_conf *provider)
{
    switch (provider->type) {
    case WF_PROVIDER_WORKFRONT:
        return provider->customer_id != NULL;
    case WF_PROVIDER_OIDC:
        return provider->grant == WF_GRANT_JWT_BEARER;
    }
    return false;
}

bool wf_conf_keeps_sessions(const struct wf_conf *conf, const struct wf_provider_conf *provider)
{
    for (size_t i = 0; i < conf->policy_count; i++) {
        const struct wf_policy *policy = &conf->policies[i];
        if (policy->accepted_count > 0 && policy->accepted[0].provider == provider &&
            (policy->flow == WF_FLOW_REFRESH_CODE || policy->account_check != WF_ACCOUNT_CHECK_NO ||
             policy->token_export))
            return true;
    }
    return false;
}

enum wf_reason wf_conf_read_secret(const struct wf_provider_conf *provider, struct wf_secret **ret,
                                   struct wf_err *err)
{
    const char *path = provider->client_secret_file;
    /* One byte more for the newline that editors put at the end */
    struct wf_buf text = WF_BUF_INIT(SECRET_MAX + 1);
    struct wf_secret *secret = NULL;
    enum wf_reason reason = WF_INTERNAL;
    size_t len;

    if (path == NULL) {
        *ret = NULL;
        return WF_OK;
    }
    reason = wf_file_read(path, WF_FILE_SECRET, &text, err);
    if (reason != WF_OK)
        goto out;
    len = text.len;
    if (len > 0 && text.data[len - 1] == '\n')
        len--;
    if (len == 0 || len > SECRET_MAX || !wf_text_is_printable((const char *)text.data, len)) {
        reason = wf_fail(err, WF_CONFIG,
                         "%s holds %s, expected the client secret alone: one line of 1 to %d "
                         "bytes of printable ASCII",
                         path,
                         len == 0           ? "nothing"
                         : len > SECRET_MAX ? "more"
                                            : "several lines or other characters",
                         SECRET_MAX);
        goto out;
    }
    secret = wf_secret_new(text.data, len);
    if (secret == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory reading %s", path);
        goto out;
    }
    *ret = secret;
    reason = WF_OK;
out:
    wf_buf_done(&text);
    return reason;
}

enum wf_reason wf_conf_read_private_key(const struct wf_provider_conf *provider,
                                        struct wf_secret **ret, struct wf_err *err)
{
    const char *path = provider->private_key_file;
    struct wf_buf text = WF_BUF_INIT(WF_CONF_PRIVATE_KEY_MAX);
    struct wf_secret *secret = NULL;
    enum wf_reason reason = WF_INTERNAL;

    if (path == NULL) {
        *ret = NULL;
        return WF_OK;
    }
    reason = wf_file_read(path, WF_FILE_SECRET, &text, err);
    if (reason != WF_OK)
        goto out;
    if (text.len == 0) {
        reason = wf_fail(err, WF_CONFIG, "%s holds nothing, expected a private key in PEM", path);
        goto out;
    }
    secret = wf_secret_new(text.data, text.len);
    if (secret == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory reading %s", path);
        goto out;
    }
    *ret = secret;
    reason = WF_OK;
out:
    wf_buf_done(&text);
    return reason;
}
