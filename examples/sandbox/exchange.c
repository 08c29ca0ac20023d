#include "config.h"

#include "exchange.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <jansson.h>

#include "db.h"

/* --- reading --- */

static enum MHD_Result add_query(void *cls, enum MHD_ValueKind kind, const char *key,
                                 size_t key_size, const char *value, size_t value_size)
{
    (void)kind;
    (void)key_size;
    sb_params_add(cls, key, value ? value : "", value ? value_size : 0);
    return MHD_YES;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

void sb_exchange_read(struct MHD_Connection *connection, struct sb_request *rq)
{
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, add_query, &rq->query);
    rq->authorization = header(connection, "Authorization");
    rq->session_id = header(connection, "sessionID");
    rq->cookie = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, "__Host-sandbox");
}

static enum MHD_Result add_form(void *cls, enum MHD_ValueKind kind, const char *key,
                                const char *filename, const char *content_type,
                                const char *encoding, const char *data, uint64_t offset,
                                size_t size)
{
    (void)kind;
    (void)filename;
    (void)content_type;
    (void)encoding;
    /* A value comes in pieces; offset 0 begins one. */
    if (offset == 0)
        sb_params_add(cls, key, data ? data : "", data ? size : 0);
    else
        sb_params_append(cls, data, size);
    return MHD_YES;
}

static enum sb_body read_form(struct MHD_Connection *connection, struct sb_request *rq,
                              const struct sb_str *body)
{
    struct MHD_PostProcessor *post =
        MHD_create_post_processor(connection, 4096, add_form, &rq->form);
    if (!post)
        return SB_BODY_BAD;
    bool ok = MHD_post_process(post, sb_str_text(body), body->len) == MHD_YES;
    ok = MHD_destroy_post_processor(post) == MHD_YES && ok;
    return ok ? SB_BODY_FORM : SB_BODY_BAD;
}

/* An object of strings; everything else is bad. */
static enum sb_body read_json(struct sb_request *rq, const struct sb_str *body)
{
    json_t *object =
        json_loadb(sb_str_text(body), body->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    enum sb_body kind = json_is_object(object) ? SB_BODY_JSON : SB_BODY_BAD;
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (json_is_string(value))
            sb_params_add(&rq->form, name, json_string_value(value), json_string_length(value));
        else
            kind = SB_BODY_BAD;
    }
    json_decref(object);
    return kind;
}

/* Whether a Content-Type names this media type, whatever parameters follow. */
static bool media_is(const char *type, const char *wanted)
{
    size_t n = strlen(wanted);
    return type && strncasecmp(type, wanted, n) == 0 && (!type[n] || strchr("; \t", type[n]));
}

void sb_exchange_read_body(struct MHD_Connection *connection, struct sb_request *rq,
                           const struct sb_str *body)
{
    const char *type = header(connection, "Content-Type");
    if (!body->len)
        rq->body = SB_BODY_NONE;
    else if (media_is(type, "application/x-www-form-urlencoded"))
        rq->body = read_form(connection, rq, body);
    else if (media_is(type, "application/json"))
        rq->body = read_json(rq, body);
    else
        rq->body = SB_BODY_BAD;
}

/* --- faults --- */

bool sb_exchange_wait(struct MHD_Connection *connection, const atomic_bool *stopping, long long ms)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd fd = {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP};
    const int slice = 50; /* ms: how soon a stop is noticed */
    for (long long waited = 0; ms < 0 || waited < ms; waited += slice) {
        long long left = ms < 0 ? slice : ms - waited;
        if (atomic_load(stopping))
            return false;
        if (poll(&fd, 1, left < slice ? (int)left : slice) > 0)
            return false;
    }
    return true;
}

static long long arg_number(const struct sb_fault *fault, long long otherwise)
{
    long long number = otherwise;
    sb_number(fault->arg, 0, 1LL << 40, &number);
    return number;
}

/* {"padding":"xxx…"} of about this many bytes. */
static void add_padding(struct sb_str *body, long long bytes)
{
    static const char x[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    sb_str_add(body, "{\"padding\":\"");
    for (long long left = bytes; left > 0; left -= (long long)sizeof x - 1)
        sb_str_add(body, x);
    sb_str_add(body, "\"}");
}

/* The answer of a fault in Workfront's words for API requests, in OAuth's for the others. */
static void say(struct sb_request *rq, int status, const char *text)
{
    if (rq->endpoint == SB_EP_SEARCH || rq->endpoint == SB_EP_LOGOUT)
        sb_reply_api_error(rq, status,
                           status == 401 ? "com.attask.common.AuthenticationException"
                                         : "com.attask.common.InternalException",
                           text, "fault");
    else
        sb_reply_oauth_error(rq, status, status == 401 ? "invalid_client" : "server_error", text);
}

bool sb_exchange_canned(struct sb_request *rq, const struct sb_fault *fault)
{
    switch (fault->kind) {
    case SB_FAULT_401:
        say(rq, 401, "not authenticated (fault)");
        break;
    case SB_FAULT_429:
        say(rq, 429, "too many concurrent requests (fault)");
        if (!fault->arg || strcmp(fault->arg, "none") != 0)
            sb_reply_header(&rq->reply, "Retry-After", fault->arg ? fault->arg : "1");
        break;
    case SB_FAULT_500:
        say(rq, 500, "internal error (fault)");
        break;
    case SB_FAULT_503:
        say(rq, 503, "under maintenance (fault)");
        if (fault->arg)
            sb_reply_header(&rq->reply, "Retry-After", fault->arg);
        break;
    case SB_FAULT_OVERSIZED:
        sb_reply_json(rq, 200, "", "fault");
        add_padding(&rq->reply.body, arg_number(fault, 8 * 1024 * 1024));
        break;
    case SB_FAULT_NOT_JSON:
        sb_reply_json(rq, 200, fault->arg ? fault->arg : "<html>Service page</html>", "fault");
        break;
    case SB_FAULT_EMPTY:
    case SB_FAULT_ENDLESS:
        sb_reply_json(rq, 200, "", "fault");
        break;
    case SB_FAULT_REDIRECT:
        sb_reply_start(&rq->reply, 302, "text/plain");
        sb_reply_header(&rq->reply, "Location", fault->arg ? fault->arg : "/callback/");
        break;
    case SB_FAULT_JSON:
        sb_reply_json(rq, 200, fault->arg ? fault->arg : "{}", "fault");
        break;
    case SB_FAULT_NONE:
    case SB_FAULT_DELAY:
    case SB_FAULT_HANG:
    case SB_FAULT_TRUNCATED:
    case SB_FAULT_DRIP:
    case SB_FAULT_WRONG_TYPE:
    case SB_FAULT_DROP:
    case SB_FAULT_LOST:
        return false;
    }
    if (fault->status)
        rq->reply.status = fault->status;
    rq->result = "fault";
    return true;
}

/* --- sending --- */

/* A body that comes in a way of its own. */
struct source {
    char *bytes;
    size_t n;
    enum sb_fault_kind kind;
    long long ms;
    const atomic_bool *stopping;
};

static ssize_t pull(void *cls, uint64_t position, char *buffer, size_t max)
{
    struct source *source = cls;
    if (atomic_load(source->stopping))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (source->kind == SB_FAULT_ENDLESS) {
        memset(buffer, ' ', max); /* blanks: JSON may go on, whoever parses while reading */
        return (ssize_t)max;
    }
    if (position >= source->n)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = source->n - (size_t)position;
    if (source->kind == SB_FAULT_DRIP) {
        struct timespec pause = {.tv_sec = (time_t)(source->ms / 1000),
                                 .tv_nsec = (long)(source->ms % 1000) * 1000000};
        nanosleep(&pause, NULL);
        n = 1;
    }
    if (n > max)
        n = max;
    memcpy(buffer, source->bytes + position, n);
    return (ssize_t)n;
}

static void source_free(void *cls)
{
    struct source *source = cls;
    free(source->bytes);
    free(source);
}

static struct MHD_Response *make_response(struct sb_request *rq, const struct sb_fault *fault,
                                          const atomic_bool *stopping)
{
    const struct sb_str *body = &rq->reply.body;
    bool pulled = fault->kind == SB_FAULT_TRUNCATED || fault->kind == SB_FAULT_DRIP ||
                  fault->kind == SB_FAULT_ENDLESS;
    if (!pulled)
        return MHD_create_response_from_buffer(body->len, body->at, MHD_RESPMEM_MUST_COPY);
    struct source *source = sb_alloc(sizeof *source);
    source->bytes = sb_dupn(sb_str_text(body), body->len);
    source->n = fault->kind == SB_FAULT_TRUNCATED ? body->len / 2 : body->len;
    source->kind = fault->kind;
    source->ms = arg_number(fault, 100);
    source->stopping = stopping;
    return MHD_create_response_from_callback(fault->kind == SB_FAULT_ENDLESS ? MHD_SIZE_UNKNOWN
                                                                             : body->len,
                                             4096, pull, source, source_free);
}

enum MHD_Result sb_exchange_send(struct MHD_Connection *connection, struct sb_request *rq,
                                 const struct sb_fault *fault, const atomic_bool *stopping)
{
    struct MHD_Response *response = make_response(rq, fault, stopping);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type",
                            fault->kind == SB_FAULT_WRONG_TYPE ? "text/html; charset=utf-8"
                                                               : rq->reply.type);
    for (size_t i = 0; i < rq->reply.headers_n; i++)
        MHD_add_response_header(response, rq->reply.headers[i].name, rq->reply.headers[i].value);
    enum MHD_Result sent = MHD_queue_response(connection, (unsigned)rq->reply.status, response);
    MHD_destroy_response(response);
    return sent;
}
