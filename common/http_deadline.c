#include "config.h"

#include "http_deadline.h"

#include "http_frame.h"

static enum wf_reason deadline_send(struct wf_http *http, const struct wf_http_request *request,
                                    struct wf_http_response *ret, struct wf_err *err)
{
    struct wf_http_deadline *self = (struct wf_http_deadline *)http;
    struct wf_http_request bounded = *request;
    int64_t now = wf_frame_now();

    if (self->deadline == 0)
        self->deadline = now + self->budget_ms;
    int64_t left = self->deadline - now;
    if (left <= 0)
        return wf_fail(err, WF_UNREACHABLE,
                       "the answers so far took more than %u s: raise timeout if that is usual",
                       (unsigned)(self->budget_ms / 1000));
    if (left < bounded.timeout_ms)
        bounded.timeout_ms = (uint32_t)left;
    return wf_http_send(self->inner, &bounded, ret, err);
}

static enum wf_reason deadline_sign(struct wf_http *http, const struct wf_assertion *assertion,
                                    struct wf_buf *out, struct wf_err *err)
{
    struct wf_http_deadline *self = (struct wf_http_deadline *)http;

    return wf_http_sign(self->inner, assertion, out, err);
}

/* It is the caller's. */
static void deadline_free(struct wf_http *http)
{
    (void)http;
}

void wf_http_deadline_init(struct wf_http_deadline *door, struct wf_http *inner, uint32_t budget_ms)
{
    static const struct wf_http_ops ops = {deadline_send, deadline_free, deadline_sign};

    *door = (struct wf_http_deadline){{&ops}, inner, budget_ms, 0};
}
