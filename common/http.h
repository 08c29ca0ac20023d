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

#include "assertion.h"
#include "buf.h"
#include "err.h"
#include "text.h"

/* Answers of Workfront and OpenID providers stay below 64 KiB; a JWKS of many keys needs more. */
#define WF_HTTP_BODY_MAX ((size_t)256 * 1024)
/* What we send: a code or assertion of at most 16 KiB, urlencoded, and the rest. */
#define WF_HTTP_REQUEST_BODY_MAX ((size_t)64 * 1024)
#define WF_HTTP_HEADERS_MAX 8
#define WF_HTTP_HEADER_NAME_MAX ((size_t)64)
/* An access token, or the Basic form of a client's id and secret. */
#define WF_HTTP_HEADER_VALUE_MAX ((size_t)16 * 1024)
#define WF_HTTP_TIMEOUT_MAX_MS 120000U
/* A longer Retry-After counts as this: a day. */
#define WF_HTTP_RETRY_AFTER_MAX 86400U
/* Seconds for which an answer may call itself fresh; more counts as this: a year. */
#define WF_HTTP_MAX_AGE_MAX 31536000U
/* Bytes of an ETag, its NUL included; a longer one is as good as none. */
#define WF_HTTP_ETAG_SIZE 128
/* Bytes of ca_file, its NUL not counted: what Linux takes as a path. */
#define WF_HTTP_CA_FILE_MAX ((size_t)4095)
/* Bytes of what wf_http_describe() writes, its NUL included. */
#define WF_HTTP_DESCRIPTION_MAX 256

/* One request header: the name of letters, digits and '-', 1..WF_HTTP_HEADER_NAME_MAX bytes; the
 * value without control bytes, 1..WF_HTTP_HEADER_VALUE_MAX bytes. */
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
    struct wf_span body; /* POST: at most WF_HTTP_REQUEST_BODY_MAX bytes; GET: none */
    uint32_t timeout_ms; /* for the whole request, connecting included: 1..120000 */
    size_t max_body;     /* of the answer: 1..WF_HTTP_BODY_MAX */
    const char *ca_file; /* NULL: the system's. Absolute; wf_file_read's rules; it is read by the
                          * user that speaks HTTP: the helper's, where the helper does */
    const char *proxy;   /* NULL: none. "http://host:port", a tunnel is asked of it */
    bool http_loopback;
};

/* A POST is sent as application/x-www-form-urlencoded and every request with "Accept:
 * application/json", unless headers[] says otherwise. */

/* In the caller's storage: WF_HTTP_RESPONSE_INIT, then wf_http_response_done after use. */
struct wf_http_response {
    int status;             /* 200..599 */
    char content_type[128]; /* lower case, parameters cut off; "" if absent */
    uint32_t retry_after;   /* seconds, 0..WF_HTTP_RETRY_AFTER_MAX; 0 if absent or a date */
    /* What http_cache.h reads: may it be kept, and what to ask with next time */
    bool has_max_age;
    uint32_t max_age; /* seconds from now, 0..WF_HTTP_MAX_AGE_MAX; 0: must not be kept, or not said */
    char etag[WF_HTTP_ETAG_SIZE]; /* with its quotes, for If-None-Match; "" if absent */
    struct wf_buf body;     /* wiped when freed */
};
/* clang-format off */
#define WF_HTTP_RESPONSE_INIT {0, "", 0, false, 0, "", WF_BUF_INIT(WF_HTTP_BODY_MAX)}
/* clang-format on */
void wf_http_response_done(struct wf_http_response *response);

struct wf_http;

/* How an implementation looks inside; callers use the functions below. */
struct wf_http_ops {
    enum wf_reason (*send)(struct wf_http *http, const struct wf_http_request *request,
                           struct wf_http_response *ret, struct wf_err *err);
    void (*free)(struct wf_http *http);
    /* NULL: this door cannot sign */
    enum wf_reason (*sign)(struct wf_http *http, const struct wf_assertion *assertion,
                           struct wf_buf *out, struct wf_err *err);
};
struct wf_http {
    const struct wf_http_ops *ops;
};

/* Write "POST host:port /path" to dst, for messages: never the query or the body, where secrets
 * stand. A long path is cut. The request need not have been checked. Never fails; any thread. */
void wf_http_describe(const struct wf_http_request *request, char dst[WF_HTTP_DESCRIPTION_MAX]);

/* Check the request, send it and wait for the answer, at most timeout_ms (the helper: and 2 s more
 * to start and end). WF_OK with any HTTP status; WF_UNREACHABLE with what failed and against what
 * (resolve, connect, certificate, time-out, cut off, more than max_body); WF_CONFIG for an
 * address, CA file, proxy or helper that cannot be used; WF_INTERNAL for any other breach of the
 * request's rules, and if memory is short (also if http is NULL). What *ret held before is
 * forgotten; after a failure it is empty. One thread at a time per object. A fork is noticed: the
 * child's first request opens its own connection. */
enum wf_reason wf_http_send(struct wf_http *http, const struct wf_http_request *request,
                            struct wf_http_response *ret, struct wf_err *err) WF_MUST_USE;

/* Have an assertion signed where the signing library is: in this process beside libcurl, or in the
 * helper. Appends to out. Reasons as wf_assertion_sign, and WF_UNREACHABLE where the helper does
 * not answer within 5 s. Nothing goes over the network. One thread at a time per object. */
enum wf_reason wf_http_sign(struct wf_http *http, const struct wf_assertion *assertion,
                            struct wf_buf *out, struct wf_err *err) WF_MUST_USE;

/* Close the connection, end the helper. NULL is fine. */
void wf_http_free(struct wf_http *http);

/* libcurl in this process (link libwfcurl). libcurl is initialised at the first request. Not for a
 * process with effective user id 0 or of a set-user-id program, since libcurl and OpenSSL read the
 * environment: every request is then refused with WF_CONFIG. NULL if memory is short. */
struct wf_http *wf_http_curl_new(void);

/* The helper program at `path` (absolute; a regular file of root's, or of the effective user's,
 * that nobody else can write), becoming `user` where the caller is root. It is started at the
 * first request and ends with wf_http_free or when this process ends. While it lives, the process
 * has one more child and gets SIGCHLD when that ends, whatever its disposition is. NULL if memory
 * is short. path and user are copied. */
struct wf_http *wf_http_helper_new(const char *path, const char *user);

#endif
