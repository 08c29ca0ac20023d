/*
 * The one door to the network: send a request, get status, a few headers and a bounded body.
 *
 * Two implementations stand behind the same struct. wf_http_curl_new() runs libcurl in this
 * process. wf_http_helper_new() starts the program wfauth-http, which drops all privileges and
 * does the same for us over a socket pair; pam_workfront.so has this one alone, so that no network
 * code enters a root process. Both: HTTPS with TLS 1.2 and up, certificates always verified,
 * redirects never followed (a 3xx is an answer like any other), nothing taken from the
 * environment, one connection kept between requests.
 */
#ifndef WF_HTTP_H
#define WF_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "text.h"

/* Answers of Workfront and OpenID providers stay below 64 KiB; a JWKS of many keys needs more. */
#define WF_HTTP_BODY_MAX ((size_t)256 * 1024)
/* What we send: a code or assertion of at most 16 KiB, urlencoded, and the rest. */
#define WF_HTTP_REQUEST_BODY_MAX ((size_t)64 * 1024)
#define WF_HTTP_HEADERS_MAX 8

/* One request header; neither part may hold CR, LF or NUL. */
struct wf_http_header {
    const char *name;
    struct wf_span value; /* may be secret: it is wiped from our own copies */
};

/* Borrowed by wf_http_send for the call alone. */
struct wf_http_request {
    const char *method; /* "GET" or "POST" */
    const char *url;    /* checked again by wf_url_check */
    struct wf_http_header headers[WF_HTTP_HEADERS_MAX];
    size_t header_count;
    struct wf_span body; /* POST: at most WF_HTTP_REQUEST_BODY_MAX bytes */
    uint32_t timeout_ms; /* for the whole request, connecting included: 1..120000 */
    size_t max_body;     /* of the answer: 1..WF_HTTP_BODY_MAX */
    const char *ca_file; /* NULL: the system's */
    const char *proxy;   /* NULL: none */
    bool http_loopback;
};

/* In the caller's storage: WF_HTTP_RESPONSE_INIT, then wf_http_response_done after use. */
struct wf_http_response {
    int status;             /* 100..599 */
    char content_type[128]; /* lower case, parameters cut off; "" if absent */
    uint32_t retry_after;   /* seconds; 0 if absent or a date */
    struct wf_buf body;     /* wiped when freed */
};
/* clang-format off */
#define WF_HTTP_RESPONSE_INIT {0, "", 0, WF_BUF_INIT(WF_HTTP_BODY_MAX)}
/* clang-format on */
void wf_http_response_done(struct wf_http_response *response);

struct wf_http;

/* How an implementation looks inside; callers use the functions below. */
struct wf_http_ops {
    enum wf_reason (*send)(struct wf_http *http, const struct wf_http_request *request,
                           struct wf_http_response *ret, struct wf_err *err);
    void (*free)(struct wf_http *http);
};
struct wf_http {
    const struct wf_http_ops *ops;
};

/* Check the request, send it and wait for the answer, at most timeout_ms (the helper: and 2 s more
 * to start and end). WF_OK with any HTTP status; WF_UNREACHABLE with what failed and against what
 * (resolve, connect, certificate, time-out, cut off, more than max_body); WF_CONFIG for an
 * address, CA file or helper that cannot be used; WF_INTERNAL. After a failure *ret is empty. One
 * thread at a time per object. */
enum wf_reason wf_http_send(struct wf_http *http, const struct wf_http_request *request,
                            struct wf_http_response *ret, struct wf_err *err) WF_MUST_USE;

/* Close the connection, end the helper. NULL is fine. */
void wf_http_free(struct wf_http *http);

/* libcurl in this process. Not for a process with effective user id 0 or of a set-user-id program.
 * NULL if memory is short. */
struct wf_http *wf_http_curl_new(void);

/* The helper program at `path` (absolute), becoming `user` where the caller is root. It is started
 * at the first request and ends with wf_http_free or when this process ends. NULL if memory is
 * short. path and user are copied. */
struct wf_http *wf_http_helper_new(const char *path, const char *user);

#endif
