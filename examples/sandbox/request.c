#include "config.h"

#include "request.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

const char *sb_endpoint_word(enum sb_endpoint endpoint)
{
    static const char *const words[SB_ENDPOINTS] = {
        [SB_EP_AUTHORIZE] = "authorize", [SB_EP_SIGN_IN] = "sign-in",   [SB_EP_CONSENT] = "consent",
        [SB_EP_TOKEN] = "token",         [SB_EP_JWT] = "jwt",           [SB_EP_SEARCH] = "search",
        [SB_EP_LOGOUT] = "logout",       [SB_EP_CALLBACK] = "callback", [SB_EP_OTHER] = "other",
    };
    return words[endpoint];
}

void sb_params_add(struct sb_params *params, const char *name, const char *value, size_t len)
{
    if (params->n == SB_PARAMS_MAX) {
        params->too_many = true;
        return;
    }
    params->at[params->n++] =
        (struct sb_param){.name = sb_dup(name), .value = sb_dupn(value, len), .len = len};
}

void sb_params_append(struct sb_params *params, const char *bytes, size_t n)
{
    if (params->n == 0 || params->too_many)
        return;
    struct sb_param *last = &params->at[params->n - 1];
    struct sb_str value = {0};
    sb_str_addn(&value, last->value, last->len);
    sb_str_addn(&value, bytes, n);
    free(last->value);
    last->len = value.len;
    last->value = sb_str_steal(&value);
}

void sb_params_done(struct sb_params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        free(params->at[i].name);
        free(params->at[i].value);
    }
    params->n = 0;
}

const struct sb_param *sb_params_find(const struct sb_params *params, const char *name)
{
    for (size_t i = 0; i < params->n; i++) {
        if (strcmp(params->at[i].name, name) == 0)
            return &params->at[i];
    }
    return NULL;
}

const char *sb_params_text(const struct sb_params *params, const char *name)
{
    const struct sb_param *param = sb_params_find(params, name);
    return param && strlen(param->value) == param->len ? param->value : NULL;
}

bool sb_params_unfit(const struct sb_params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        const struct sb_param *param = &params->at[i];
        if (strlen(param->value) != param->len || sb_params_find(params, param->name) != param)
            return true;
    }
    return params->too_many;
}

void sb_reply_header(struct sb_reply *reply, const char *name, const char *value)
{
    if (reply->headers_n == SB_HEADERS_MAX)
        return;
    reply->headers[reply->headers_n].name = name;
    reply->headers[reply->headers_n].value = sb_dup(value);
    reply->headers_n++;
}

void sb_reply_done(struct sb_reply *reply)
{
    for (size_t i = 0; i < reply->headers_n; i++)
        free(reply->headers[i].value);
    sb_str_done(&reply->body);
    *reply = (struct sb_reply){0};
}

void sb_reply_start(struct sb_reply *reply, int status, const char *type)
{
    sb_reply_done(reply);
    reply->status = status;
    reply->type = type;
}

void sb_reply_json(struct sb_request *rq, int status, const char *json, const char *result)
{
    sb_reply_start(&rq->reply, status, "application/json;charset=UTF-8");
    sb_reply_header(&rq->reply, "Cache-Control", "no-store");
    sb_reply_header(&rq->reply, "Pragma", "no-cache");
    sb_str_add(&rq->reply.body, json);
    rq->result = result;
}

/* Answer with a new JSON value, which is released. */
static void reply_value(struct sb_request *rq, int status, json_t *value, const char *result)
{
    char *text = json_dumps(value, JSON_COMPACT);
    sb_reply_json(rq, status, text ? text : "{}", result);
    free(text);
    json_decref(value);
}

void sb_reply_api_error(struct sb_request *rq, int status, const char *class, const char *message,
                        const char *result)
{
    reply_value(rq, status,
                json_pack("{s:{s:s, s:s}}", "error", "class", class, "message", message), result);
}

void sb_reply_oauth_error(struct sb_request *rq, int status, const char *error,
                          const char *description)
{
    reply_value(rq, status,
                json_pack("{s:s, s:s}", "error", error, "error_description", description), error);
}
