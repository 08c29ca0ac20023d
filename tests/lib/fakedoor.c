#include "config.h"

#include "fakedoor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fake_answer *script;
static size_t script_len;
static size_t count;
static struct fake_request requests[FAKE_ANSWERS_MAX];

void fake_door_script(const struct fake_answer *answers, size_t n)
{
    script = answers;
    script_len = n;
    count = 0;
    memset(requests, 0, sizeof(requests));
}

size_t fake_door_count(void)
{
    return count;
}

const struct fake_request *fake_door_request(size_t i)
{
    return i < count ? &requests[i] : NULL;
}

static void record(const struct wf_http_request *request)
{
    struct fake_request *to = &requests[count % FAKE_ANSWERS_MAX];
    size_t used = 0;

    (void)snprintf(to->method, sizeof(to->method), "%s", request->method);
    (void)snprintf(to->url, sizeof(to->url), "%s", request->url);
    (void)snprintf(to->body, sizeof(to->body), "%.*s", (int)request->body.len,
                   request->body.ptr == NULL ? "" : request->body.ptr);
    for (size_t i = 0; i < request->header_count && used < sizeof(to->headers); i++)
        used += (size_t)snprintf(to->headers + used, sizeof(to->headers) - used, "%s: %.*s\n",
                                 request->headers[i].name, (int)request->headers[i].value.len,
                                 request->headers[i].value.ptr);
}

static enum wf_reason fake_send(struct wf_http *http, const struct wf_http_request *request,
                                struct wf_http_response *ret, struct wf_err *err)
{
    (void)http;
    record(request);
    const struct fake_answer *answer = count < script_len ? &script[count] : NULL;
    count++;
    if (answer == NULL)
        return wf_fail(err, WF_UNREACHABLE, "the script has no more answers");
    if (answer->reason != WF_OK)
        return wf_fail(err, answer->reason, "scripted failure");
    ret->status = answer->status;
    (void)snprintf(ret->content_type, sizeof(ret->content_type), "%s",
                   answer->type == NULL ? "application/json" : answer->type);
    (void)snprintf(ret->etag, sizeof(ret->etag), "%s", answer->etag == NULL ? "" : answer->etag);
    ret->has_max_age = answer->has_max_age;
    ret->max_age = answer->max_age;
    ret->retry_after = answer->retry_after;
    if (answer->body != NULL)
        wf_buf_append(&ret->body, answer->body,
                      answer->len != 0 ? answer->len : strlen(answer->body));
    return wf_buf_ok(&ret->body) ? WF_OK
                                 : wf_fail(err, WF_INTERNAL, "no room for the scripted answer");
}

static enum wf_reason fake_sign(struct wf_http *http, const struct wf_assertion *assertion,
                                struct wf_buf *out, struct wf_err *err)
{
    (void)http;
    if (memchr(assertion->key.ptr, '!', assertion->key.len) != NULL)
        return wf_fail(err, WF_CONFIG, "scripted: a bad key");
    wf_buf_append_format(out, "signed.%s.%s.%s.%u", assertion->issuer, assertion->subject,
                         assertion->audience == NULL ? "-" : assertion->audience,
                         assertion->lifetime);
    if (assertion->algorithm != NULL)
        wf_buf_append_format(out, ".%s", assertion->algorithm);
    return wf_buf_ok(out) ? WF_OK : WF_INTERNAL;
}

static void fake_free(struct wf_http *http)
{
    free(http);
}

struct wf_http *fake_door_new(const char *helper_user)
{
    static const struct wf_http_ops ops = {fake_send, fake_free, fake_sign};
    struct wf_http *http = malloc(sizeof(*http));

    (void)helper_user;
    if (http != NULL)
        http->ops = &ops;
    return http;
}
