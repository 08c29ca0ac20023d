#include "config.h"

#include "http_frame.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "http_cache.h"
#include "url.h"

_Static_assert(WF_FRAME_PAYLOAD_MAX >=
                   2 + 4 + 1 + 4 + 2 + WF_HTTP_ETAG_SIZE + 2 + 128 + 4 + WF_HTTP_BODY_MAX,
               "the largest answer fits");
_Static_assert(WF_FRAME_PAYLOAD_MAX >=
                   10 + 3 + WF_URL_MAX + 3 + WF_HTTP_CA_FILE_MAX + 3 + WF_URL_MAX + 1 +
                       WF_HTTP_HEADERS_MAX *
                           (3 + WF_HTTP_HEADER_NAME_MAX + 3 + WF_HTTP_HEADER_VALUE_MAX) +
                       4 + WF_HTTP_REQUEST_BODY_MAX,
               "the largest request fits");

/* Writing */

static void put_number(struct wf_buf *out, size_t width, uint32_t value)
{
    for (size_t i = width; i > 0; i--)
        wf_buf_append_byte(out, (uint8_t)(value >> 8 * (i - 1)));
}

static void put_text(struct wf_buf *out, const char *ptr, size_t len)
{
    put_number(out, 2, (uint32_t)len);
    wf_buf_append(out, ptr, len);
    wf_buf_append_byte(out, 0);
}

static void put_string(struct wf_buf *out, const char *text)
{
    put_text(out, text, text == NULL ? 0 : strlen(text));
}

static void put_bytes(struct wf_buf *out, const void *ptr, size_t len)
{
    put_number(out, 4, (uint32_t)len);
    wf_buf_append(out, ptr, len);
}

/* Begin a frame; the result is where it starts. */
static size_t put_head(struct wf_buf *out, enum wf_frame_kind kind)
{
    size_t start = out->len;

    wf_buf_append_byte(out, WF_FRAME_VERSION);
    wf_buf_append_byte(out, (uint8_t)kind);
    put_number(out, 4, 0);
    return start;
}

/* The payload is complete: write its length into the head. */
static void put_length(struct wf_buf *out, size_t start)
{
    if (!wf_buf_ok(out))
        return;
    size_t len = out->len - start - WF_FRAME_HEAD;
    for (size_t i = 0; i < 4; i++)
        out->data[start + 2 + i] = (uint8_t)(len >> 8 * (3 - i));
}

void wf_frame_put_request(struct wf_buf *out, const struct wf_http_request *request)
{
    size_t start = put_head(out, WF_FRAME_HTTP_REQUEST);

    put_number(out, 1, strcmp(request->method, "POST") == 0);
    put_number(out, 1, request->http_loopback);
    put_number(out, 4, request->timeout_ms);
    put_number(out, 4, (uint32_t)request->max_body);
    put_string(out, request->url);
    put_string(out, request->ca_file);
    put_string(out, request->proxy);
    put_number(out, 1, (uint32_t)request->header_count);
    for (size_t i = 0; i < request->header_count; i++) {
        put_string(out, request->headers[i].name);
        put_text(out, request->headers[i].value.ptr, request->headers[i].value.len);
    }
    put_bytes(out, request->body.ptr, request->body.len);
    put_length(out, start);
}

void wf_frame_put_answer(struct wf_buf *out, const struct wf_http_response *response)
{
    size_t start = put_head(out, WF_FRAME_HTTP_ANSWER);

    put_number(out, 2, (uint32_t)response->status);
    put_number(out, 4, response->retry_after);
    put_number(out, 1, response->has_max_age);
    put_number(out, 4, response->has_max_age ? response->max_age : 0);
    put_string(out, response->etag);
    put_string(out, response->content_type);
    put_bytes(out, response->body.data, response->body.len);
    put_length(out, start);
}

/* 0, 1, 2: not the reasons' own numbers, which may change between two versions. */
static uint32_t refusal_code(enum wf_reason reason)
{
    if (reason == WF_UNREACHABLE || reason == WF_CONFIG)
        return (uint32_t)reason - WF_UNREACHABLE;
    return WF_INTERNAL - WF_UNREACHABLE;
}
_Static_assert(WF_UNREACHABLE + 1 == WF_CONFIG && WF_CONFIG + 1 == WF_INTERNAL,
               "the reasons a refusal may have are neighbours");

void wf_frame_put_refusal(struct wf_buf *out, enum wf_reason reason, const char *text)
{
    size_t start = put_head(out, WF_FRAME_REFUSAL);

    put_number(out, 1, refusal_code(reason));
    put_text(out, text, strnlen(text, WF_ERR_TEXT_MAX - 1));
    put_length(out, start);
}

void wf_frame_put_assertion(struct wf_buf *out, const struct wf_assertion *assertion)
{
    size_t start = put_head(out, WF_FRAME_ASSERTION);

    put_number(out, 4, (uint32_t)((uint64_t)assertion->issued >> 32));
    put_number(out, 4, (uint32_t)((uint64_t)assertion->issued & UINT32_MAX));
    put_number(out, 4, assertion->lifetime);
    put_string(out, assertion->algorithm);
    put_string(out, assertion->issuer);
    put_string(out, assertion->subject);
    put_string(out, assertion->audience);
    put_bytes(out, assertion->key.ptr, assertion->key.len);
    put_length(out, start);
}

void wf_frame_put_signed(struct wf_buf *out, const struct wf_buf *jwt)
{
    size_t start = put_head(out, WF_FRAME_SIGNED);

    put_text(out, (const char *)jwt->data, jwt->len);
    put_length(out, start);
}

/* Reading. Failure is sticky: a function reads all its fields and asks once. */
struct reader {
    const uint8_t *ptr;
    size_t left;
    bool failed;
};

static const uint8_t *get_raw(struct reader *in, size_t len)
{
    if (in->failed || len > in->left) {
        in->failed = true;
        return NULL;
    }
    const uint8_t *ptr = in->ptr;
    in->ptr += len;
    in->left -= len;
    return ptr;
}

static uint32_t get_number(struct reader *in, size_t width, uint32_t min, uint32_t max)
{
    const uint8_t *ptr = get_raw(in, width);
    uint32_t value = 0;

    if (ptr == NULL)
        return 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | ptr[i];
    if (value < min || value > max) {
        in->failed = true;
        return 0;
    }
    return value;
}

/* A text of at most max bytes, in place; ptr is NULL after a failure only. */
static struct wf_span get_text(struct reader *in, size_t min, size_t max)
{
    size_t len = get_number(in, 2, (uint32_t)min, (uint32_t)max);
    const uint8_t *ptr = get_raw(in, len + 1);

    if (ptr != NULL && memchr(ptr, 0, len + 1) != ptr + len)
        in->failed = true;
    if (in->failed)
        return (struct wf_span){NULL, 0};
    return (struct wf_span){(const char *)ptr, len};
}

/* The same, where an empty one stands for none. */
static const char *get_optional(struct reader *in, size_t max)
{
    struct wf_span text = get_text(in, 0, max);

    return text.len == 0 ? NULL : text.ptr;
}

static struct wf_span get_bytes(struct reader *in, size_t max)
{
    size_t len = get_number(in, 4, 0, (uint32_t)max);

    return (struct wf_span){(const char *)get_raw(in, len), len};
}

static bool is_complete(const struct reader *in)
{
    return !in->failed && in->left == 0;
}

enum wf_reason wf_frame_get_head(const uint8_t head[WF_FRAME_HEAD], enum wf_frame_kind *ret_kind,
                                 size_t *ret_len, struct wf_err *err)
{
    struct reader in = {head + 1, WF_FRAME_HEAD - 1, false};

    if (head[0] != WF_FRAME_VERSION)
        return wf_fail(err, WF_MALFORMED, "frame of version %u, expected %u", head[0],
                       WF_FRAME_VERSION);
    uint32_t kind = get_number(&in, 1, WF_FRAME_HTTP_REQUEST, WF_FRAME_SIGNED);
    uint32_t len = get_number(&in, 4, 0, WF_FRAME_PAYLOAD_MAX);
    if (!is_complete(&in))
        return wf_fail(err, WF_MALFORMED, "frame of unknown kind %u or too long", head[1]);
    *ret_kind = (enum wf_frame_kind)kind;
    *ret_len = len;
    return WF_OK;
}

enum wf_reason wf_frame_get_request(const uint8_t *payload, size_t len,
                                    struct wf_http_request *ret, struct wf_err *err)
{
    struct reader in = {payload, len, false};
    struct wf_http_request request = {0};

    request.method = get_number(&in, 1, 0, 1) == 1 ? "POST" : "GET";
    request.http_loopback = get_number(&in, 1, 0, 1) == 1;
    request.timeout_ms = get_number(&in, 4, 1, WF_HTTP_TIMEOUT_MAX_MS);
    request.max_body = get_number(&in, 4, 1, WF_HTTP_BODY_MAX);
    request.url = get_text(&in, 1, WF_URL_MAX).ptr;
    request.ca_file = get_optional(&in, WF_HTTP_CA_FILE_MAX);
    request.proxy = get_optional(&in, WF_URL_MAX);
    request.header_count = get_number(&in, 1, 0, WF_HTTP_HEADERS_MAX);
    for (size_t i = 0; i < request.header_count; i++) {
        request.headers[i].name = get_text(&in, 1, WF_HTTP_HEADER_NAME_MAX).ptr;
        request.headers[i].value = get_text(&in, 1, WF_HTTP_HEADER_VALUE_MAX);
    }
    request.body = get_bytes(&in, WF_HTTP_REQUEST_BODY_MAX);
    if (!is_complete(&in))
        return wf_fail(err, WF_MALFORMED, "request frame of %zu bytes does not parse", len);
    *ret = request;
    return WF_OK;
}

/* What wf_http_response promises of content_type. */
static bool is_content_type(struct wf_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c <= 0x20 || c > 0x7e || (c >= 'A' && c <= 'Z') || c == ';')
            return false;
    }
    return true;
}

enum wf_reason wf_frame_get_answer(const uint8_t *payload, size_t len, size_t max_body,
                                   struct wf_http_response *ret, struct wf_err *err)
{
    struct reader in = {payload, len, false};
    uint32_t status = get_number(&in, 2, 200, 599);
    uint32_t retry_after = get_number(&in, 4, 0, WF_HTTP_RETRY_AFTER_MAX);
    bool has_max_age = get_number(&in, 1, 0, 1) == 1;
    uint32_t max_age = get_number(&in, 4, 0, has_max_age ? WF_HTTP_MAX_AGE_MAX : 0);
    struct wf_span etag = get_text(&in, 0, sizeof(ret->etag) - 1);
    struct wf_span type = get_text(&in, 0, sizeof(ret->content_type) - 1);
    struct wf_span body = get_bytes(&in, max_body < WF_HTTP_BODY_MAX ? max_body : WF_HTTP_BODY_MAX);

    if (!is_complete(&in) || !is_content_type(type) ||
        (etag.len > 0 && !wf_http_etag_is_valid(etag)))
        return wf_fail(err, WF_MALFORMED, "answer frame of %zu bytes does not parse", len);
    wf_buf_append(&ret->body, body.ptr, body.len);
    if (!wf_buf_ok(&ret->body)) {
        wf_buf_done(&ret->body);
        return wf_fail(err, WF_INTERNAL, "out of memory for an answer of %zu bytes", body.len);
    }
    ret->status = (int)status;
    ret->retry_after = retry_after;
    ret->has_max_age = has_max_age;
    ret->max_age = max_age;
    memcpy(ret->etag, etag.ptr, etag.len + 1);
    memcpy(ret->content_type, type.ptr, type.len + 1);
    return WF_OK;
}

enum wf_reason wf_frame_get_refusal(const uint8_t *payload, size_t len, struct wf_err *err)
{
    struct reader in = {payload, len, false};
    uint32_t code = get_number(&in, 1, 0, WF_INTERNAL - WF_UNREACHABLE);
    struct wf_span text = get_text(&in, 0, WF_ERR_TEXT_MAX - 1);

    if (!is_complete(&in))
        return wf_fail(err, WF_MALFORMED, "refusal frame of %zu bytes does not parse", len);
    return wf_fail(err, (enum wf_reason)(WF_UNREACHABLE + code), "%s", text.ptr);
}

enum wf_reason wf_frame_get_assertion(const uint8_t *payload, size_t len, struct wf_assertion *ret,
                                      struct wf_err *err)
{
    struct reader in = {payload, len, false};
    struct wf_assertion assertion = {.issuer = NULL};

    uint64_t high = get_number(&in, 4, 0, INT32_MAX);
    assertion.issued = (int64_t)(high << 32 | get_number(&in, 4, 0, UINT32_MAX));
    assertion.lifetime = get_number(&in, 4, 1, WF_ASSERTION_LIFETIME_MAX);
    assertion.algorithm = get_optional(&in, WF_ASSERTION_ALGORITHM_MAX);
    assertion.issuer = get_text(&in, 1, WF_ASSERTION_TEXT_MAX).ptr;
    assertion.subject = get_text(&in, 1, WF_ASSERTION_TEXT_MAX).ptr;
    assertion.audience = get_optional(&in, WF_ASSERTION_TEXT_MAX);
    assertion.key = get_bytes(&in, WF_ASSERTION_KEY_MAX);
    if (!is_complete(&in))
        return wf_fail(err, WF_MALFORMED, "assertion frame of %zu bytes does not parse", len);
    *ret = assertion;
    return WF_OK;
}

/* Three parts of base64url, none empty. */
static bool is_compact(struct wf_span jwt)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t parts = 0;

    while (parts < 3) {
        size_t len = strspn(jwt.ptr, alphabet);
        parts++;
        if (len == 0 || jwt.ptr[len] != (parts < 3 ? '.' : '\0'))
            return false;
        jwt.ptr += len + 1;
    }
    return true;
}

enum wf_reason wf_frame_get_signed(const uint8_t *payload, size_t len, struct wf_buf *out,
                                   struct wf_err *err)
{
    struct reader in = {payload, len, false};
    struct wf_span jwt = get_text(&in, 1, WF_ASSERTION_MAX);

    if (!is_complete(&in) || !is_compact(jwt))
        return wf_fail(err, WF_MALFORMED, "signature frame of %zu bytes does not parse", len);
    wf_buf_append(out, jwt.ptr, jwt.len);
    if (!wf_buf_ok(out))
        return wf_fail(err, WF_INTERNAL, "no room for an assertion");
    return WF_OK;
}

/* The socket */

int64_t wf_frame_now(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum wf_reason wf_frame_wait(int fd, short events, int64_t deadline, struct wf_err *err)
{
    for (;;) {
        struct pollfd pfd = {fd, events, 0};
        int64_t left = deadline - wf_frame_now();
        if (left <= 0)
            return wf_fail(err, WF_UNREACHABLE, "no answer in time");
        int n = poll(&pfd, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (n > 0)
            return WF_OK;
        if (n < 0 && errno != EINTR)
            return wf_fail(err, WF_INTERNAL, "poll: %s", wf_errno_text(errno));
    }
}

enum wf_reason wf_frame_send(int fd, const struct wf_buf *frame, int64_t deadline,
                             struct wf_err *err)
{
    size_t done = 0;

    while (done < frame->len) {
        ssize_t n = send(fd, frame->data + done, frame->len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            enum wf_reason reason = wf_frame_wait(fd, POLLOUT, deadline, err);
            if (reason != WF_OK)
                return reason;
        } else if (n == 0 || errno != EINTR) {
            return wf_fail(err, WF_INTERNAL, "cannot send: %s",
                           n == 0 ? "nothing taken" : wf_errno_text(errno));
        }
    }
    return WF_OK;
}

/* Append exactly len bytes. */
static enum wf_reason receive_bytes(int fd, struct wf_buf *frame, size_t len, int64_t deadline,
                                    struct wf_err *err)
{
    uint8_t *room = wf_buf_room(frame, len);
    size_t done = 0;

    if (room == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for a frame of %zu bytes", len);
    while (done < len) {
        ssize_t n = recv(fd, room + done, len - done, MSG_DONTWAIT);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0) {
            return wf_fail(err, WF_INTERNAL, "the other side has ended");
        } else if (errno == EAGAIN) {
            enum wf_reason reason = wf_frame_wait(fd, POLLIN, deadline, err);
            if (reason != WF_OK)
                return reason;
        } else if (errno != EINTR) {
            return wf_fail(err, WF_INTERNAL, "cannot receive: %s", wf_errno_text(errno));
        }
    }
    wf_buf_added(frame, len);
    return WF_OK;
}

enum wf_reason wf_frame_receive(int fd, struct wf_buf *frame, enum wf_frame_kind *ret_kind,
                                int64_t deadline, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    enum wf_frame_kind kind;
    size_t len;

    wf_buf_reset(frame);
    reason = receive_bytes(fd, frame, WF_FRAME_HEAD, deadline, err);
    if (reason == WF_OK)
        reason = wf_frame_get_head(frame->data, &kind, &len, err);
    if (reason == WF_OK)
        reason = receive_bytes(fd, frame, len, deadline, err);
    if (reason == WF_OK)
        *ret_kind = kind;
    return reason;
}
