/*
 * What travels over the socket pair between a host program and the helper wfauth-http: one frame
 * with a request (for HTTP, or for a signature), one frame with its answer, and so on.
 *
 *   frame    = version(1) kind(1) length(4) payload(length)
 *   request  = method(1) loopback(1) timeout_ms(4) max_body(4) text(url) text(ca_file)
 *              text(proxy) count(1) *(text(name) text(value)) bytes(body)
 *   answer   = status(2) retry_after(4) has_max_age(1) max_age(4) text(etag)
 *              text(content_type) bytes(body)
 *   refusal  = code(1) text(text)         0 unreachable, 1 config, 2 internal
 *   assertion = issued(8) lifetime(4) text(algorithm) text(issuer) text(subject) text(audience)
 *              bytes(key)
 *   signed   = text(assertion)
 *   text     = length(2) *byte NUL        no NUL inside; an absent one is empty
 *   bytes    = length(4) *byte
 *
 * Numbers are big endian. Each value has one spelling, each length a bound, and a payload ends
 * where its last field ends. Neither side trusts the other: the helper is where the network's
 * bytes arrive, and it must not reach what started it.
 *
 * All functions: any thread. Only wf_frame_wait, wf_frame_send and wf_frame_receive block.
 */
#ifndef WF_HTTP_FRAME_H
#define WF_HTTP_FRAME_H

#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "http.h"

#define WF_FRAME_VERSION 3
#define WF_FRAME_HEAD 6

/* The kind of a request says what is asked. */
enum wf_frame_kind {
    WF_FRAME_HTTP_REQUEST = 1,
    WF_FRAME_HTTP_ANSWER = 2,
    WF_FRAME_REFUSAL = 3,
    WF_FRAME_ASSERTION = 4, /* a request to sign one */
    WF_FRAME_SIGNED = 5,
};

/* Payload of any frame: an answer's body is the largest part of any, all others together are
 * smaller than what is added here. */
#define WF_FRAME_PAYLOAD_MAX (WF_HTTP_BODY_MAX + 1024)
/* A buffer that holds any frame, as an initialiser. */
#define WF_FRAME_BUF_INIT WF_BUF_INIT(WF_FRAME_HEAD + WF_FRAME_PAYLOAD_MAX)

/* Append a whole frame; failure shows in wf_buf_ok(out). The request has been checked by
 * wf_http_send. A refusal for any other reason is WF_INTERNAL; its text is cut where wf_err's would
 * be. */
void wf_frame_put_request(struct wf_buf *out, const struct wf_http_request *request);
void wf_frame_put_answer(struct wf_buf *out, const struct wf_http_response *response);
void wf_frame_put_refusal(struct wf_buf *out, enum wf_reason reason, const char *text);
void wf_frame_put_assertion(struct wf_buf *out, const struct wf_assertion *assertion);
void wf_frame_put_signed(struct wf_buf *out, const struct wf_buf *jwt);

/* Judge the first WF_FRAME_HEAD bytes of a frame. WF_MALFORMED for another version, an unknown
 * kind, or a length over WF_FRAME_PAYLOAD_MAX. */
enum wf_reason wf_frame_get_head(const uint8_t head[WF_FRAME_HEAD], enum wf_frame_kind *ret_kind,
                                 size_t *ret_len, struct wf_err *err) WF_MUST_USE;

/* Read a request's payload. *ret points into it. WF_MALFORMED for anything but the grammar; the
 * rest of a request's rules are wf_http_send's. */
enum wf_reason wf_frame_get_request(const uint8_t *payload, size_t len,
                                    struct wf_http_request *ret, struct wf_err *err) WF_MUST_USE;

/* Read an answer's payload into *ret (empty before, and after a failure). WF_MALFORMED for
 * anything but the grammar, a status outside 200..599, a Retry-After over a day, a max_age over
 * its bound or where none was said, an ETag of another form, a content type that is not lower-case
 * printable ASCII, a body over max_body. WF_INTERNAL if memory is short. */
enum wf_reason wf_frame_get_answer(const uint8_t *payload, size_t len, size_t max_body,
                                   struct wf_http_response *ret, struct wf_err *err) WF_MUST_USE;

/* Read a refusal's payload: its text becomes err's, its reason is returned: WF_UNREACHABLE,
 * WF_CONFIG or WF_INTERNAL. WF_MALFORMED for anything but the grammar. */
enum wf_reason wf_frame_get_refusal(const uint8_t *payload, size_t len, struct wf_err *err)
    WF_MUST_USE;

/* Read what to sign. *ret points into the payload. WF_MALFORMED for anything but the grammar; the
 * rest of an assertion's rules are wf_assertion_sign's. */
enum wf_reason wf_frame_get_assertion(const uint8_t *payload, size_t len, struct wf_assertion *ret,
                                      struct wf_err *err) WF_MUST_USE;

/* Append a signed assertion to out. WF_MALFORMED for anything but three parts of base64url, in
 * WF_ASSERTION_MAX bytes: it goes into a request. WF_INTERNAL if out has no room. */
enum wf_reason wf_frame_get_signed(const uint8_t *payload, size_t len, struct wf_buf *out,
                                   struct wf_err *err) WF_MUST_USE;

/* Milliseconds of the monotonic clock, which deadlines are points of. */
int64_t wf_frame_now(void);

/* Wait until fd is ready for events (POLLIN, POLLOUT), or has an error, which the next call on it
 * then reports; at most until the deadline: WF_UNREACHABLE. WF_INTERNAL if the machine is short of
 * something. */
enum wf_reason wf_frame_wait(int fd, short events, int64_t deadline,
                             struct wf_err *err) WF_MUST_USE;

/* Send the bytes over the socket fd, at most until the deadline. Raises no SIGPIPE. WF_UNREACHABLE
 * if the other side does not read in time; WF_INTERNAL if it is gone: both ends are this machine's,
 * and whoever starves the one of them must not pass for the network's failure. */
enum wf_reason wf_frame_send(int fd, const struct wf_buf *frame, int64_t deadline,
                             struct wf_err *err) WF_MUST_USE;

/* Receive one frame from the socket fd into `frame` (WF_FRAME_BUF_INIT; emptied first), at most
 * until the deadline. The payload begins at frame->data + WF_FRAME_HEAD and is all the rest.
 * WF_UNREACHABLE if the other side says nothing in time; WF_MALFORMED for a bad head; WF_INTERNAL
 * if it is gone or memory is short. */
enum wf_reason wf_frame_receive(int fd, struct wf_buf *frame, enum wf_frame_kind *ret_kind,
                                int64_t deadline, struct wf_err *err) WF_MUST_USE;

#endif
