#include "config.h"

#include "http_helper_internal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "http_frame.h"

/* What the helper may take beyond the request's own time-out, which it keeps itself: to start on
 * a busy machine, and to answer. */
#define GRACE_MS 2000
/* To start and sign once, with the largest key on a slow machine. */
#define SIGN_MS 5000

static enum wf_reason start_helper(struct wf_http_helper *self, struct wf_err *err)
{
    char name[] = "wfauth-http";
    char *argv[] = {name, self->user, NULL};

    enum wf_reason reason = wf_child_start(self->path, argv, -1, &self->child, err);
    if (reason != WF_OK)
        wf_err_context(err, "helper");
    return reason;
}

/* True if the helper that was started earlier still listens. It leaves when it has been idle for
 * long; found out before the request is sent, that is no failure. */
static bool is_usable(const struct wf_http_helper *self)
{
    struct pollfd pfd = {self->child.fd, POLLIN, 0};

    return wf_child_is_ours(&self->child) && poll(&pfd, 1, 0) == 0;
}

/* Send the frame, receive the one that answers it. */
static enum wf_reason exchange(const struct wf_http_helper *self, const struct wf_buf *request,
                               int64_t deadline, struct wf_buf *answer,
                               enum wf_frame_kind *ret_kind, struct wf_err *err)
{
    enum wf_reason reason = wf_frame_send(self->child.fd, request, deadline, err);

    if (reason == WF_OK)
        reason = wf_frame_receive(self->child.fd, answer, ret_kind, deadline, err);
    return reason;
}

/* Where the answer to a request goes, according to its kind. */
struct wanted {
    enum wf_frame_kind kind; /* WF_FRAME_HTTP_ANSWER or WF_FRAME_SIGNED */
    size_t max_body;
    struct wf_http_response *response;
    struct wf_buf *assertion;
};

static enum wf_reason read_answer(const struct wf_buf *frame, enum wf_frame_kind kind,
                                  const struct wanted *wanted, struct wf_err *err)
{
    const uint8_t *payload = frame->data + WF_FRAME_HEAD;
    size_t len = frame->len - WF_FRAME_HEAD;

    if (kind == WF_FRAME_REFUSAL)
        return wf_frame_get_refusal(payload, len, err);
    if (kind != wanted->kind)
        return wf_fail(err, WF_MALFORMED, "a frame of kind %d, expected %d", (int)kind,
                       (int)wanted->kind);
    if (kind == WF_FRAME_SIGNED)
        return wf_frame_get_signed(payload, len, wanted->assertion, err);
    return wf_frame_get_answer(payload, len, wanted->max_body, wanted->response, err);
}

/* Send a finished frame to a helper that runs, or to a new one, and read what it answers. what:
 * names the request in messages. */
static enum wf_reason ask(struct wf_http_helper *self, const struct wf_buf *frame, int64_t deadline,
                          const struct wanted *wanted, const char *what, struct wf_err *err)
{
    struct wf_buf answer = WF_FRAME_BUF_INIT;
    enum wf_frame_kind kind = WF_FRAME_REFUSAL;
    enum wf_reason reason = WF_INTERNAL;

    if (!wf_buf_ok(frame)) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for a request");
        goto out;
    }
    if (!is_usable(self)) {
        wf_child_kill(&self->child);
        reason = start_helper(self, err);
        if (reason != WF_OK)
            goto out;
    }
    reason = exchange(self, frame, deadline, &answer, &kind, err);
    bool broken = reason != WF_OK;
    if (!broken) {
        reason = read_answer(&answer, kind, wanted, err);
        broken = reason == WF_MALFORMED;
    }
    if (broken) {
        reason = reason == WF_MALFORMED ? WF_INTERNAL : reason;
        wf_err_context(err, "%s: helper %s", what, self->path);
    }
    /* What it says late must not pass for the next request's answer; and one that could not become
     * its user leaves by itself. A new one costs milliseconds. */
    if (broken || (reason != WF_OK && reason != WF_UNREACHABLE))
        wf_child_kill(&self->child);
out:
    wf_buf_done(&answer);
    return reason;
}

static enum wf_reason helper_send(struct wf_http *http, const struct wf_http_request *request,
                                  struct wf_http_response *ret, struct wf_err *err)
{
    int64_t deadline = wf_frame_now() + request->timeout_ms + GRACE_MS;
    const struct wanted wanted = {WF_FRAME_HTTP_ANSWER, request->max_body, ret, NULL};
    struct wf_buf frame = WF_FRAME_BUF_INIT;
    char what[WF_HTTP_DESCRIPTION_MAX];

    wf_http_describe(request, what);
    wf_frame_put_request(&frame, request);
    enum wf_reason reason =
        ask((struct wf_http_helper *)http, &frame, deadline, &wanted, what, err);
    wf_buf_done(&frame);
    return reason;
}

static enum wf_reason helper_sign(struct wf_http *http, const struct wf_assertion *assertion,
                                  struct wf_buf *out, struct wf_err *err)
{
    int64_t deadline = wf_frame_now() + SIGN_MS;
    const struct wanted wanted = {WF_FRAME_SIGNED, 0, NULL, out};
    struct wf_buf frame = WF_FRAME_BUF_INIT;

    wf_frame_put_assertion(&frame, assertion);
    enum wf_reason reason =
        ask((struct wf_http_helper *)http, &frame, deadline, &wanted, "signing an assertion", err);
    wf_buf_done(&frame);
    return reason;
}

static void helper_free(struct wf_http *http)
{
    struct wf_http_helper *self = (struct wf_http_helper *)http;

    wf_child_kill(&self->child);
    free(self->path);
    free(self->user);
    free(self);
}

struct wf_http *wf_http_helper_new(const char *path, const char *user)
{
    static const struct wf_http_ops ops = {helper_send, helper_free, helper_sign};
    struct wf_http_helper *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return NULL;
    self->base.ops = &ops;
    self->child = (struct wf_child)WF_CHILD_INIT;
    self->path = strdup(path);
    self->user = strdup(user);
    if (self->path == NULL || self->user == NULL) {
        helper_free(&self->base);
        return NULL;
    }
    return &self->base;
}
