#include "config.h"

#include "http_curl.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "crypto.h"
#include "file.h"
#include "http_cache.h"
#include "url.h"

/* Real answers have 10 to 40 header lines, with long cookies and policies among them. libcurl
 * bounds a line (100 KB), not their number. */
#define HEADER_LINES_MAX 200
#define HEADER_BYTES_MAX ((size_t)64 * 1024)
/* A bundle of all public authorities is 220 KB. */
#define CA_FILE_MAX ((size_t)1024 * 1024)
/* Request headers as lines: each with ": " and a NUL, and one of our own. */
#define LINES_MAX                                                                                  \
    (WF_HTTP_HEADERS_MAX * (WF_HTTP_HEADER_NAME_MAX + WF_HTTP_HEADER_VALUE_MAX + 3) + 256)

struct wf_http_curl {
    struct wf_http base;
    CURLM *multi; /* holds the kept connections */
    CURL *easy;
    pid_t owner; /* the process that made the handles */
    bool in_helper;
    int watch_fd;
    void (*gone)(void);
};

/* One request on its way. */
struct transfer {
    const struct wf_http_request *request;
    struct wf_http_response *response;
    /* Why a callback of ours ended the transfer; NULL: it did not */
    const char *finding;
    enum wf_reason finding_reason;
    bool too_large;
    size_t header_bytes;
    size_t header_lines;
    bool head_done; /* what follows are trailers */
    bool type_seen;
    bool length_seen;
    bool chunked;
    struct wf_http_cache cache;
    struct wf_buf ca;
    /* Request headers. libcurl's own lists would copy them and not wipe the copies. */
    struct wf_buf lines;
    struct curl_slist list[WF_HTTP_HEADERS_MAX + 1];
    size_t list_count;
    char words[CURL_ERROR_SIZE];
};

/* Process-wide: libcurl is initialised once and never ended, since the host may use it too. A fork
 * inherits the result, which holds no descriptors. */
static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static CURLcode init_result = CURLE_FAILED_INIT;

/* A libcurl of another TLS library would give its callback something else. */
static bool has_openssl;

static void init_libcurl(void)
{
    const char *tls = curl_version_info(CURLVERSION_NOW)->ssl_version;

    has_openssl = tls != NULL && strncmp(tls, "OpenSSL/", strlen("OpenSSL/")) == 0;
    /* First, so that OpenSSL comes up without its atexit handler */
    if (wf_crypto_init(NULL) == WF_OK)
        init_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Callbacks */

static size_t stop(struct transfer *t, enum wf_reason reason, const char *finding)
{
    if (t->finding == NULL) {
        t->finding = finding;
        t->finding_reason = reason;
    }
    return 0;
}

/* Close-on-exec: the host may start other programs meanwhile. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)ctx;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* OpenSSL takes an answer apart in a buffer that it gives back as it is, in a process that may live
 * for months after; then the tokens in it are wiped. */
static CURLcode wipe_plaintext(CURL *easy, void *context, void *ctx)
{
    (void)easy;
    (void)ctx;
    (void)SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
    return CURLE_OK;
}

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    struct wf_buf *body = &t->response->body;

    (void)size; /* always 1 */
    if (n > t->request->max_body - body->len) {
        t->too_large = true;
        return 0;
    }
    wf_buf_append(body, data, n);
    if (!wf_buf_ok(body))
        return stop(t, WF_INTERNAL, "out of memory");
    return n;
}

static bool take_content_type(struct transfer *t, struct wf_span value)
{
    const char *semicolon = value.len == 0 ? NULL : memchr(value.ptr, ';', value.len);
    struct wf_span type = value;
    char *out = t->response->content_type;

    if (semicolon != NULL)
        type = wf_text_trim(value.ptr, (size_t)(semicolon - value.ptr));
    if (t->type_seen || type.len >= sizeof(t->response->content_type) ||
        !wf_text_is_printable(type.ptr, type.len) || memchr(type.ptr, ' ', type.len) != NULL)
        return false;
    t->type_seen = true;
    memcpy(out, type.ptr, type.len);
    out[type.len] = '\0';
    wf_text_fold(out, type.len);
    return true;
}

/* RFC 9110 §10.2.3. A date counts as absent. Of several the longest wait counts. */
static void take_retry_after(struct transfer *t, struct wf_span value)
{
    uint32_t seconds = 0;

    if (wf_http_seconds(value, WF_HTTP_RETRY_AFTER_MAX, &seconds) &&
        seconds > t->response->retry_after)
        t->response->retry_after = seconds;
}

/* One line of the head, CR LF included, of the answer or of a 1xx before it. */
static size_t take_header(char *data, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    struct wf_span line = wf_text_trim(data, n);

    (void)size; /* always 1 */
    t->header_lines++;
    t->header_bytes += n;
    if (t->header_lines > HEADER_LINES_MAX || t->header_bytes > HEADER_BYTES_MAX)
        return stop(t, WF_UNREACHABLE, "the answer has too many headers");
    if (line.len >= 5 && memcmp(line.ptr, "HTTP/", 5) == 0 && t->response->body.len == 0) {
        t->head_done = false;
        t->type_seen = false;
        t->length_seen = false;
        t->chunked = false;
        t->cache = (struct wf_http_cache){0};
        t->response->content_type[0] = '\0';
        t->response->retry_after = 0;
        t->response->etag[0] = '\0';
        return n;
    }
    if (line.len == 0)
        t->head_done = true;
    const char *colon = line.len == 0 ? NULL : memchr(line.ptr, ':', line.len);
    if (t->head_done || colon == NULL)
        return n;
    struct wf_span name = {line.ptr, (size_t)(colon - line.ptr)};
    struct wf_span value = wf_text_trim(colon + 1, line.len - name.len - 1);
    if (wf_span_equals_fold(name, "content-type") && !take_content_type(t, value))
        return stop(t, WF_UNREACHABLE, "the answer's Content-Type is invalid or given twice");
    if (wf_span_equals_fold(name, "content-length")) {
        /* Two readers could disagree on where the next answer begins */
        if (t->length_seen)
            return stop(t, WF_UNREACHABLE, "the answer's Content-Length is given twice");
        t->length_seen = true;
    }
    if (wf_span_equals_fold(name, "transfer-encoding"))
        t->chunked = wf_span_equals_fold(value, "chunked");
    if (wf_span_equals_fold(name, "retry-after"))
        take_retry_after(t, value);
    wf_http_cache_take(&t->cache, name, value, t->response);
    return n;
}

/* Setting up */

static void add_line(struct transfer *t, const char *name, struct wf_span value)
{
    wf_buf_append_text(&t->lines, name);
    wf_buf_append(&t->lines, ": ", 2);
    wf_buf_append(&t->lines, value.ptr, value.len);
    wf_buf_append_byte(&t->lines, 0);
    t->list_count++;
}

static bool has_header(const struct wf_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const char *given = request->headers[i].name;
        if (wf_span_equals_fold((struct wf_span){given, strlen(given)}, name))
            return true;
    }
    return false;
}

/* The request's headers and ours, linked up for libcurl in place. */
static bool make_headers(struct transfer *t)
{
    const struct wf_http_request *request = t->request;

    if (!has_header(request, "accept"))
        add_line(t, "Accept", (struct wf_span){"application/json", 16});
    for (size_t i = 0; i < request->header_count; i++)
        add_line(t, request->headers[i].name, request->headers[i].value);
    if (!wf_buf_ok(&t->lines))
        return false;
    char *line = (char *)t->lines.data;
    for (size_t i = 0; i < t->list_count; i++) {
        t->list[i].data = line;
        t->list[i].next = i + 1 < t->list_count ? &t->list[i + 1] : NULL;
        line += strlen(line) + 1;
    }
    return true;
}

/* True if OpenSSL finds certificates by their names' hashes in the directory. */
static bool has_hashes(const char *path)
{
    DIR *dir = opendir(path);
    bool found = false;

    if (dir == NULL)
        return false;
    for (const struct dirent *e = readdir(dir); e != NULL && !found; e = readdir(dir))
        found = strspn(e->d_name, "0123456789abcdef") == 8 && e->d_name[8] == '.';
    (void)closedir(dir);
    return found;
}

/* A ca_file is read here, under the rules for files that we trust, and handed over as bytes. The
 * system's hashed directory comes before the bundle, whose loading costs 20 ms. */
static enum wf_reason set_authorities(CURL *easy, struct transfer *t, struct wf_err *err)
{
    static const char directory[] = "/etc/ssl/certs";
    static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                          "/etc/pki/tls/certs/ca-bundle.crt"};
    const char *ca_file = t->request->ca_file;
    const char *bundle = NULL;
    const char *hashed = NULL;
    struct curl_blob blob = {NULL, 0, CURL_BLOB_NOCOPY};

    if (ca_file != NULL) {
        enum wf_reason reason = wf_file_read(ca_file, WF_FILE_PUBLIC, &t->ca, err);
        if (reason != WF_OK) {
            wf_err_context(err, "ca_file, read as user %u", (unsigned)geteuid());
            return reason;
        }
        if (t->ca.len == 0)
            return wf_fail(err, WF_CONFIG, "ca_file holds no certificate: %s is empty", ca_file);
        blob.data = t->ca.data;
        blob.len = t->ca.len;
    } else if (has_hashes(directory)) {
        hashed = directory;
    } else {
        for (size_t i = 0; i < WF_ARRAY_LEN(bundles) && bundle == NULL; i++)
            bundle = access(bundles[i], R_OK) == 0 ? bundles[i] : NULL;
        if (bundle == NULL)
            return wf_fail(err, WF_CONFIG,
                           "no CA certificates in %s: apt-get install ca-certificates, or set "
                           "ca_file",
                           directory);
    }
    if (curl_easy_setopt(easy, CURLOPT_CAINFO, bundle) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_CAPATH, hashed) != CURLE_OK ||
        (blob.len > 0 && curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob) != CURLE_OK))
        return wf_fail(err, WF_INTERNAL, "libcurl does not take the CA certificates");
    return WF_OK;
}

static bool set_numbers(CURL *easy, const struct wf_http_request *request)
{
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1}, /* no SIGALRM, and SIGPIPE's handler stays the host's */
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        /* HTTP/2 pays where many requests share a connection; we send two, one after the other */
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_NETRC, CURL_NETRC_IGNORED},
        /* The proxy gets none of our headers, and its answer to CONNECT is not the server's */
        {CURLOPT_HEADEROPT, CURLHEADER_SEPARATE},
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
        /* A look-up that hangs does not hold up the answer: its thread ends when it likes */
        {CURLOPT_QUICK_EXIT, 1},
        {CURLOPT_TIMEOUT_MS, (long)request->timeout_ms},
        /* Something is left to answer in; and of the usual 10 s more than the 5 s after which a
         * resolver gives up on its first name server */
        {CURLOPT_CONNECTTIMEOUT_MS, (long)(request->timeout_ms / 4 * 3 + 1)},
        {CURLOPT_MAXFILESIZE, (long)request->max_body},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(numbers); i++) {
        if (curl_easy_setopt(easy, numbers[i].option, numbers[i].value) != CURLE_OK)
            return false;
    }
    return true;
}

static bool set_texts(CURL *easy, const struct transfer *t)
{
    const struct wf_http_request *request = t->request;
    bool http = strncmp(request->url, "http://", 7) == 0;
    const struct {
        CURLoption option;
        const char *value;
    } texts[] = {
        {CURLOPT_URL, request->url},
        {CURLOPT_PROTOCOLS_STR, http ? "http" : "https"},
        /* Empty is not the same as unset, which asks the environment */
        {CURLOPT_PROXY, request->proxy == NULL ? "" : request->proxy},
        {CURLOPT_NOPROXY, ""},
        {CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        if (curl_easy_setopt(easy, texts[i].option, texts[i].value) != CURLE_OK)
            return false;
    }
    if (strcmp(request->method, "POST") != 0)
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request->body.len) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                            request->body.len == 0 ? "" : request->body.ptr) == CURLE_OK;
}

static bool set_callbacks(CURL *easy, struct transfer *t)
{
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
                            t->list_count == 0 ? NULL : t->list) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->words) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           (!has_openssl ||
            curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, wipe_plaintext) == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, t) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, t) == CURLE_OK;
}

static enum wf_reason set_up(CURL *easy, struct transfer *t, struct wf_err *err)
{
    if (!make_headers(t) || !set_numbers(easy, t->request) || !set_texts(easy, t) ||
        !set_callbacks(easy, t))
        return wf_fail(err, WF_INTERNAL, "libcurl does not take the request");
    return set_authorities(easy, t, err);
}

/* Sending */

/* What is found, by libcurl's code. Any other: libcurl's words alone say it. */
static const struct {
    CURLcode code;
    enum wf_reason reason;
    const char *finding;
} findings[] = {
    {CURLE_COULDNT_RESOLVE_HOST, WF_UNREACHABLE, "cannot resolve the host"},
    {CURLE_COULDNT_RESOLVE_PROXY, WF_UNREACHABLE, "cannot resolve the proxy"},
    {CURLE_COULDNT_CONNECT, WF_UNREACHABLE, "cannot connect"},
    {CURLE_OPERATION_TIMEDOUT, WF_UNREACHABLE, "no answer in time"},
    {CURLE_PEER_FAILED_VERIFICATION, WF_UNREACHABLE, "the server's certificate is not accepted"},
    {CURLE_SSL_CONNECT_ERROR, WF_UNREACHABLE, "no TLS connection"},
    {CURLE_PARTIAL_FILE, WF_UNREACHABLE, "the answer is cut off"},
    {CURLE_RECV_ERROR, WF_UNREACHABLE, "the answer is cut off"},
    {CURLE_GOT_NOTHING, WF_UNREACHABLE, "the connection was closed without an answer"},
    {CURLE_SEND_ERROR, WF_UNREACHABLE, "the request is cut off"},
    {CURLE_WEIRD_SERVER_REPLY, WF_UNREACHABLE, "the answer is not HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, WF_UNREACHABLE, "the answer is not HTTP"},
    {CURLE_SSL_CACERT_BADFILE, WF_CONFIG, "ca_file holds no certificate"},
    /* libcurl 7.88 has one code for both, and a server can bring about the first */
    {CURLE_OUT_OF_MEMORY, WF_UNREACHABLE, "a header is too long, or memory is short"},
#if LIBCURL_VERSION_NUM >= 0x080600
    {CURLE_TOO_LARGE, WF_UNREACHABLE, "a header is too long"},
#endif
    {CURLE_FAILED_INIT, WF_INTERNAL, "libcurl does not start"},
};

static enum wf_reason explain(const struct transfer *t, CURLcode code, struct wf_err *err)
{
    const char *words = t->words[0] != '\0' ? t->words : curl_easy_strerror(code);
    enum wf_reason reason = WF_UNREACHABLE;
    const char *finding = "it failed";
    char what[WF_HTTP_DESCRIPTION_MAX];

    wf_http_describe(t->request, what);
    if (t->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return wf_fail(err, WF_UNREACHABLE, "%s: the answer is larger than %zu bytes", what,
                       t->request->max_body);
    if (t->finding != NULL)
        return wf_fail(err, t->finding_reason, "%s: %s", what, t->finding);
    for (size_t i = 0; i < WF_ARRAY_LEN(findings); i++) {
        if (findings[i].code == code) {
            reason = findings[i].reason;
            finding = findings[i].finding;
            break;
        }
    }
    return wf_fail(err, reason, "%s: %s: %s", what, finding, words);
}

/* Run the one transfer to its end, which libcurl's time-out bounds. */
static CURLcode run(struct wf_http_curl *self)
{
    CURLMcode rc = curl_multi_add_handle(self->multi, self->easy);
    CURLcode code = CURLE_FAILED_INIT;
    int running = 1;
    int queued = 0;

    if (rc != CURLM_OK)
        return CURLE_FAILED_INIT;
    while (rc == CURLM_OK && running > 0) {
        struct curl_waitfd watch = {self->watch_fd, CURL_WAIT_POLLIN, 0};
        rc = curl_multi_perform(self->multi, &running);
        if (rc == CURLM_OK && running > 0)
            rc = curl_multi_poll(self->multi, &watch, self->gone == NULL ? 0 : 1, 1000, NULL);
        if (watch.revents != 0)
            self->gone();
    }
    const CURLMsg *message = curl_multi_info_read(self->multi, &queued);
    if (message != NULL && message->msg == CURLMSG_DONE)
        code = message->data.result;
    (void)curl_multi_remove_handle(self->multi, self->easy);
    return code;
}

/* No libcurl where its getenv() would read what an attacker set. */
static bool is_privileged(void)
{
    return geteuid() == 0 || getuid() != geteuid() || getauxval(AT_SECURE) != 0;
}

static void drop_handles(struct wf_http_curl *self)
{
    /* In a forked child the connections are the parent's, and closing them would say good-bye on
     * its behalf: better a leak */
    if (self->owner == getpid()) {
        if (self->easy != NULL)
            curl_easy_cleanup(self->easy);
        if (self->multi != NULL)
            (void)curl_multi_cleanup(self->multi);
    }
    self->easy = NULL;
    self->multi = NULL;
}

static enum wf_reason make_handles(struct wf_http_curl *self, struct wf_err *err)
{
    if (self->owner != getpid())
        drop_handles(self);
    if (self->easy != NULL)
        return WF_OK;
    if (pthread_once(&init_once, init_libcurl) != 0 || init_result != CURLE_OK)
        return wf_fail(err, WF_INTERNAL, "libcurl does not initialise");
    self->owner = getpid();
    self->multi = curl_multi_init();
    self->easy = curl_easy_init();
    if (self->multi == NULL || self->easy == NULL) {
        drop_handles(self);
        return wf_fail(err, WF_INTERNAL, "out of memory for libcurl");
    }
    return WF_OK;
}

/* Judge what came, when libcurl found no fault with it. */
static enum wf_reason finish(CURL *easy, struct transfer *t, struct wf_err *err)
{
    long status = 0;

    if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status < 200 ||
        status > 599)
        (void)stop(t, WF_UNREACHABLE, "the answer has no valid status");
    if (!t->head_done)
        (void)stop(t, WF_UNREACHABLE, "the answer is cut off in its headers");
    /* RFC 9112 §9.8: a body that ends with the connection is whole only if TLS says so, and
     * libcurl does not ask */
    if (t->response->body.len > 0 && !t->length_seen && !t->chunked)
        (void)stop(t, WF_UNREACHABLE,
                   "the answer may be cut off: it has neither Content-Length nor chunks");
    if (t->finding != NULL)
        return explain(t, CURLE_WEIRD_SERVER_REPLY, err);
    t->response->status = (int)status;
    wf_http_cache_finish(&t->cache, t->response);
    return WF_OK;
}

static enum wf_reason curl_send(struct wf_http *http, const struct wf_http_request *request,
                                struct wf_http_response *ret, struct wf_err *err)
{
    struct wf_http_curl *self = (struct wf_http_curl *)http;
    struct transfer t = {.request = request,
                         .response = ret,
                         .ca = WF_BUF_INIT(CA_FILE_MAX),
                         .lines = WF_BUF_INIT(LINES_MAX)};
    enum wf_reason reason = WF_INTERNAL;

    if (!self->in_helper && is_privileged())
        return wf_fail(err, WF_CONFIG,
                       "libcurl does not run inside a privileged process: use the helper");
    reason = make_handles(self, err);
    if (reason != WF_OK)
        return reason;
    reason = set_up(self->easy, &t, err);
    if (reason != WF_OK)
        goto out;
    CURLcode code = run(self);
    reason = code == CURLE_OK ? finish(self->easy, &t, err) : explain(&t, code, err);
out:
    /* It points into what is freed now; the connections stay */
    curl_easy_reset(self->easy);
    wf_buf_done(&t.ca);
    wf_buf_done(&t.lines);
    return reason;
}

static void curl_free_http(struct wf_http *http)
{
    drop_handles((struct wf_http_curl *)http);
    free(http);
}

static enum wf_reason curl_sign(struct wf_http *http, const struct wf_assertion *assertion,
                                struct wf_buf *out, struct wf_err *err)
{
    (void)http;
    return wf_assertion_sign(assertion, out, err);
}

WF_EXPORT struct wf_http *wf_http_curl_new(void)
{
    static const struct wf_http_ops ops = {curl_send, curl_free_http, curl_sign};
    struct wf_http_curl *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return NULL;
    self->base.ops = &ops;
    self->watch_fd = -1;
    return &self->base;
}

struct wf_http *wf_http_curl_new_watching(int fd, void (*gone)(void))
{
    struct wf_http *http = wf_http_curl_new();

    if (http != NULL) {
        struct wf_http_curl *self = (struct wf_http_curl *)http;
        self->in_helper = true;
        self->watch_fd = fd;
        self->gone = gone;
    }
    return http;
}
