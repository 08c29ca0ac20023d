#include "config.h"

#include "endpoint.h"

#include <string.h>

#include "json.h"

void wf_tokens_done(struct wf_tokens *tokens)
{
    wf_secret_free(tokens->access);
    wf_secret_free(tokens->refresh);
    *tokens = (struct wf_tokens)WF_TOKENS_INIT;
}

void wf_endpoint_prepare(const struct wf_endpoint *endpoint, const char *method, const char *url,
                         struct wf_http_request *ret_request)
{
    *ret_request = (struct wf_http_request){
        .method = method,
        .url = url,
        .timeout_ms = endpoint->conf->timeout * 1000,
        .max_body = WF_HTTP_BODY_MAX,
        .ca_file = endpoint->conf->ca_file,
        .proxy = endpoint->conf->proxy,
        .http_loopback = endpoint->conf->allow_http_loopback,
    };
}

uint32_t wf_endpoint_budget_ms(const struct wf_provider_conf *conf)
{
    return 2 * conf->timeout * 1000;
}

enum wf_reason wf_endpoint_status(const struct wf_http_response *response, const char *what,
                                  struct wf_err *err)
{
    int status = response->status;

    if (status == 429 && response->retry_after > 0)
        return wf_fail(err, WF_UNREACHABLE, "%s answers 429, too many requests: again in %u s",
                       what, (unsigned)response->retry_after);
    if (status == 429 || status >= 500)
        return wf_fail(err, WF_UNREACHABLE, "%s is out of order: status %d", what, status);
    if (status < 200 || (status >= 300 && status < 400))
        return wf_fail(err, WF_UNREACHABLE,
                       "%s answers with status %d; redirects are not followed: check url", what,
                       status);
    if (status != 200 && status < 400)
        return wf_fail(err, WF_UNREACHABLE, "%s answers with status %d, expected 200", what,
                       status);
    return WF_OK;
}

enum wf_reason wf_endpoint_json(const struct wf_http_response *response, const char *what,
                                struct json_t **ret, struct wf_err *err)
{
    if (strcmp(response->content_type, "application/json") != 0) {
        return wf_fail(err, WF_UNREACHABLE, "%s answers status %d with \"%s\", expected JSON", what,
                       response->status, response->content_type);
    }
    enum wf_reason reason =
        wf_json_parse((const char *)response->body.data, response->body.len, ret, err);
    if (reason == WF_OK)
        return reason;
    wf_err_context(err, "%s, status %d", what, response->status);
    return reason == WF_MALFORMED ? WF_UNREACHABLE : reason;
}
