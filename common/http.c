#include "config.h"

#include "http.h"

#include <stdio.h>
#include <string.h>

#include "url.h"

void wf_http_response_done(struct wf_http_response *response)
{
    if (response == NULL)
        return;
    wf_buf_done(&response->body);
    response->status = 0;
    response->content_type[0] = '\0';
    response->retry_after = 0;
    response->has_max_age = false;
    response->max_age = 0;
    response->etag[0] = '\0';
}

void wf_http_describe(const struct wf_http_request *request, char dst[WF_HTTP_DESCRIPTION_MAX])
{
    const char *start = strstr(request->url, "://");

    start = start == NULL ? request->url : start + 3;
    size_t host_len = strcspn(start, "/?#");
    size_t path_len = strcspn(start + host_len, "?#");
    /* A colon behind the last bracket is a port's */
    const char *port = memrchr(start, ':', host_len);
    const char *bracket = memrchr(start, ']', host_len);
    bool has_port = port != NULL && (bracket == NULL || port > bracket);
    const char *assumed = strncmp(request->url, "http://", 7) == 0 ? ":80" : ":443";
    (void)snprintf(dst, WF_HTTP_DESCRIPTION_MAX, "%.8s %.*s%s %.*s", request->method,
                   (int)(host_len < 120 ? host_len : 120), start, has_port ? "" : assumed,
                   (int)(path_len < 100 ? path_len : 100), start + host_len);
}

static enum wf_reason check_header(const struct wf_http_header *header, struct wf_err *err)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = strlen(header->name);

    if (len == 0 || len > WF_HTTP_HEADER_NAME_MAX || strspn(header->name, allowed) != len)
        return wf_fail(err, WF_INTERNAL, "\"%.64s\" cannot name a request header", header->name);
    /* libcurl takes an empty value as "send no such header" */
    if (header->value.len == 0 || header->value.len > WF_HTTP_HEADER_VALUE_MAX)
        return wf_fail(err, WF_INTERNAL, "the request header %s has %zu bytes, expected 1 to %zu",
                       header->name, header->value.len, WF_HTTP_HEADER_VALUE_MAX);
    for (size_t i = 0; i < header->value.len; i++) {
        unsigned char c = (unsigned char)header->value.ptr[i];
        if (c < 0x20 || c == 0x7f)
            return wf_fail(err, WF_INTERNAL, "the request header %s holds a control byte",
                           header->name);
    }
    return WF_OK;
}

/* http://host:port and nothing else: what travels through the tunnel has its own TLS. */
static enum wf_reason check_proxy(const struct wf_http_request *request, struct wf_err *err)
{
    static const char scheme[] = "http://";
    const char *proxy = request->proxy;
    char https[WF_URL_MAX + 1];

    if (proxy == NULL)
        return WF_OK;
    if (strncmp(proxy, scheme, strlen(scheme)) != 0 || strpbrk(proxy + strlen(scheme), "/?") != NULL)
        return wf_fail(err, WF_CONFIG, "proxy is \"%.100s\", expected http://host:port", proxy);
    int n = snprintf(https, sizeof(https), "https://%s", proxy + strlen(scheme));
    if (n < 0 || (size_t)n >= sizeof(https) || wf_url_check(https, false, NULL) != WF_OK)
        return wf_fail(err, WF_CONFIG, "proxy is \"%.100s\", expected http://host:port", proxy);
    /* A proxy would see, and another machine might get, what may only go to loopback */
    if (strncmp(request->url, scheme, strlen(scheme)) == 0)
        return wf_fail(err, WF_CONFIG, "\"%.100s\" is plain http, which cannot go through a proxy",
                       request->url);
    return WF_OK;
}

static enum wf_reason check_sizes(const struct wf_http_request *request, struct wf_err *err)
{
    bool post = strcmp(request->method, "POST") == 0;

    if (!post && strcmp(request->method, "GET") != 0)
        return wf_fail(err, WF_INTERNAL, "the method is %.8s, expected GET or POST",
                       request->method);
    if (request->body.len > (post ? WF_HTTP_REQUEST_BODY_MAX : 0))
        return wf_fail(err, WF_INTERNAL, "the request's body has %zu bytes, expected %zu at most",
                       request->body.len, post ? WF_HTTP_REQUEST_BODY_MAX : 0);
    if (request->timeout_ms < 1 || request->timeout_ms > WF_HTTP_TIMEOUT_MAX_MS)
        return wf_fail(err, WF_INTERNAL, "the time-out is %u ms, expected 1 to %u",
                       request->timeout_ms, WF_HTTP_TIMEOUT_MAX_MS);
    if (request->max_body < 1 || request->max_body > WF_HTTP_BODY_MAX)
        return wf_fail(err, WF_INTERNAL, "the answer's limit is %zu bytes, expected 1 to %zu",
                       request->max_body, WF_HTTP_BODY_MAX);
    if (request->header_count > WF_HTTP_HEADERS_MAX)
        return wf_fail(err, WF_INTERNAL, "%zu request headers, expected %d at most",
                       request->header_count, WF_HTTP_HEADERS_MAX);
    return WF_OK;
}

static enum wf_reason check_request(const struct wf_http_request *request, struct wf_err *err)
{
    enum wf_reason reason = check_sizes(request, err);

    for (size_t i = 0; reason == WF_OK && i < request->header_count; i++)
        reason = check_header(&request->headers[i], err);
    if (reason == WF_OK)
        reason = wf_url_check(request->url, request->http_loopback, err);
    if (reason == WF_OK)
        reason = check_proxy(request, err);
    if (reason == WF_OK && request->ca_file != NULL &&
        (request->ca_file[0] != '/' || strlen(request->ca_file) > WF_HTTP_CA_FILE_MAX))
        reason = wf_fail(err, WF_CONFIG, "ca_file is \"%.100s\", expected an absolute path",
                         request->ca_file);
    return reason;
}

enum wf_reason wf_http_send(struct wf_http *http, const struct wf_http_request *request,
                            struct wf_http_response *ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;

    wf_http_response_done(ret);
    if (http == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for the HTTP client");
    reason = check_request(request, err);
    if (reason == WF_OK)
        reason = http->ops->send(http, request, ret, err);
    if (reason != WF_OK)
        wf_http_response_done(ret);
    return reason;
}

enum wf_reason wf_http_sign(struct wf_http *http, const struct wf_assertion *assertion,
                            struct wf_buf *out, struct wf_err *err)
{
    if (http == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for what signs assertions");
    if (http->ops->sign == NULL)
        return wf_fail(err, WF_CONFIG, "no assertion can be signed here");
    return http->ops->sign(http, assertion, out, err);
}

void wf_http_free(struct wf_http *http)
{
    if (http != NULL)
        http->ops->free(http);
}
