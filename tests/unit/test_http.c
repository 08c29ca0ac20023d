/* What comes of the answers of servers, good and bad ones, through both implementations. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "http_both.h"
#include "within.h"

#define SHORT_MS 600
#define OK "HTTP/1.1 200 OK\r\n"
#define JSON "Content-Type: application/json\r\n"
#define BODY "Content-Length: 2\r\n\r\n{}"

static struct httpd *server;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Answers. Each refused row is an accepted one with one thing wrong. */
#define ANSWER(status_, type_, wait_, len_)                                                        \
    .reason = WF_OK, .status = (status_), .type = (type_), .retry_after = (wait_),                 \
    .body_len = (len_)
#define REFUSED(text_) .reason = WF_UNREACHABLE, .text = (text_)
#define BAD_TYPE REFUSED("Content-Type is invalid or given twice")
#define LONG_HEADER REFUSED("a header is too long")
#define NO_STATUS REFUSED("no valid status")
#define TOO_LARGE REFUSED("larger than 1000 bytes")
#define MAY_BE_CUT REFUSED("neither Content-Length nor chunks")
#define CUT_OFF REFUSED("the answer is cut off")
#define TOO_LATE REFUSED("no answer in time"), .timeout_ms = SHORT_MS
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"
#define HINTS                                                                                      \
    "Content-Type: text/x\r\nRetry-After: 9\r\nCache-Control: max-age=9\r\nETag: \"x\"\r\n"
#define KEPT "Cache-Control: public, max-age=300\r\nAge: 100\r\nETag: \"a\"\r\n"
#define TEN(s) s s s s s s s s s s
#define DIGITS_125                                                                                 \
    "12345678901234567890123456789012345678901234567890123456789012"                               \
    "345678901234567890123456789012345678901234567890123456789012345"
static const struct row {
    const char *name;
    const char *path;
    const char *bytes;
    size_t fill;
    const char *tail;
    const char *repeat;
    int delay_ms;
    enum httpd_end end;
    uint32_t timeout_ms; /* 0: TIMEOUT_MS */
    enum wf_reason reason;
    const char *text; /* part of the error */
    int status;
    const char *type;
    uint32_t retry_after;
    size_t body_len;
    uint32_t max_age; /* 0: none was said */
    const char *etag;
} rows[] = {
    {"length", "/length", OK JSON BODY, ANSWER(200, "application/json", 0, 2)},
    {"chunked", "/chunked", OK JSON CHUNKED "2\r\n{}\r\n0\r\n\r\n",
     ANSWER(200, "application/json", 0, 2)},
    {"until the end", "/end", OK JSON "\r\n{}", .end = HTTPD_CLOSE, MAY_BE_CUT},
    {"until the end, cut", "/endcut", OK JSON "\r\n{}", .end = HTTPD_CUT,
     /* Newer libraries find it themselves */
     REFUSED("cut off: ")},
    {"unknown coding", "/coding", OK JSON "Transfer-Encoding: identity\r\n\r\n{}",
     .end = HTTPD_CLOSE, MAY_BE_CUT},
    {"no body until the end", "/endempty", OK JSON "\r\n", .end = HTTPD_CLOSE,
     ANSWER(200, "application/json", 0, 0)},
    {"no body", "/204", "HTTP/1.1 204 No Content\r\n\r\n", ANSWER(204, "", 0, 0)},
    {"401 with a body", "/401", "HTTP/1.1 401 Unauthorized\r\n" JSON BODY,
     ANSWER(401, "application/json", 0, 2)},
    {"redirect", "/302", "HTTP/1.1 302 Found\r\nLocation: /length\r\nContent-Length: 0\r\n\r\n",
     ANSWER(302, "", 0, 0)},

    {"type with parameters", "/type1", OK "Content-Type: Text/HTML ; charset=utf-8\r\n" BODY,
     ANSWER(200, "text/html", 0, 2)},
    {"type twice", "/type2", OK JSON JSON BODY, BAD_TYPE},
    {"type with a blank", "/type3", OK "Content-Type: text html\r\n" BODY, BAD_TYPE},
    {"type with a control byte", "/type4", OK "Content-Type: text\x1b/html\r\n" BODY, BAD_TYPE},
    {"type of 127 bytes", "/type5", OK "Content-Type: xx" DIGITS_125 "\r\n" BODY,
     ANSWER(200, "xx" DIGITS_125, 0, 2)},
    {"type of 128 bytes", "/type6", OK "Content-Type: xx" DIGITS_125 "x\r\n" BODY, BAD_TYPE},
    {"type in a 1xx", "/103", "HTTP/1.1 103 Hints\r\n" HINTS "\r\n" OK JSON BODY,
     ANSWER(200, "application/json", 0, 2)},
    {"type in a 1xx alone", "/102", "HTTP/1.1 103 Hints\r\n" HINTS "\r\n" OK BODY,
     ANSWER(200, "", 0, 2)},
    {"type in a trailer", "/trailer", OK CHUNKED "2\r\n{}\r\n0\r\n" HINTS "\r\n",
     ANSWER(200, "", 0, 2)},

    {"to be kept", "/kept", OK JSON KEPT BODY, ANSWER(200, "application/json", 0, 2),
     .max_age = 200, .etag = "\"a\""},
    {"as it was", "/304", "HTTP/1.1 304 Not Modified\r\n" KEPT "\r\n", ANSWER(304, "", 0, 0),
     .max_age = 200, .etag = "\"a\""},
    {"wait", "/429", "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\n" BODY, ANSWER(429, "", 7, 2)},
    {"wait with zeros", "/503", "HTTP/1.1 503 Busy\r\nretry-after:\t007 \r\n" BODY,
     ANSWER(503, "", 7, 2)},
    {"wait twice", "/retry2", OK "Retry-After: 7\r\nRetry-After: 60\r\nRetry-After: 5\r\n" BODY,
     ANSWER(200, "", 60, 2)},
    {"wait for a date", "/retry3", OK "Retry-After: Fri, 31 Dec 2027 23:59:59 GMT\r\n" BODY,
     ANSWER(200, "", 0, 2)},
    {"wait negative", "/retry4", OK "Retry-After: -7\r\n" BODY, ANSWER(200, "", 0, 2)},
    {"wait a day", "/retry5", OK "Retry-After: 86400\r\n" BODY, ANSWER(200, "", 86400, 2)},
    {"wait over a day", "/retry6", OK "Retry-After: 86401\r\n" BODY, ANSWER(200, "", 86400, 2)},
    {"wait for ever", "/retry7", OK "Retry-After: 99999999999999999999999\r\n" BODY,
     ANSWER(200, "", 86400, 2)},

    {"largest", "/max1", OK "Content-Length: 1000\r\n\r\n", .fill = 1000, ANSWER(200, "", 0, 1000)},
    {"too large, announced", "/max2", OK "Content-Length: 1001\r\n\r\n", .end = HTTPD_HANG,
     TOO_LARGE},
    {"largest, chunked", "/max3", OK CHUNKED "3e8\r\n",
     .fill = 1000, .tail = "\r\n0\r\n\r\n", ANSWER(200, "", 0, 1000)},
    {"too large, chunked", "/max4", OK CHUNKED "3e9\r\n", .fill = 1001, TOO_LARGE},
    {"endless", "/endless", OK "\r\n", .repeat = "0123456789", TOO_LARGE},
    {"many headers", "/many", OK TEN(TEN("X: y\r\n")) BODY, ANSWER(200, "", 0, 2)},
    {"too many headers", "/toomany", OK TEN(TEN("X: y\r\n")) TEN(TEN("X: y\r\n")) BODY,
     REFUSED("too many headers")},
    {"endless headers", "/headers", OK, .repeat = "X: y\r\n", REFUSED("too many headers")},
    {"endless 1xx", "/100s", "",
     .repeat = "HTTP/1.1 100 Continue\r\n\r\n", REFUSED("too many headers")},
    {"endless header", "/header", OK "X: ",
     .repeat = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", LONG_HEADER},
    {"large headers", "/kilos", OK "X: ",
     .fill = 65536, .tail = "\r\n" BODY, REFUSED("too many headers")},

    {"length twice", "/twice", OK "Content-Length: 2\r\n" BODY,
     REFUSED("Content-Length is given twice")},
    {"cut in the body", "/cut1", OK "Content-Length: 3\r\n\r\n{}", .end = HTTPD_CLOSE, CUT_OFF},
    {"cut in a chunk", "/cut2", OK CHUNKED "3\r\n{}", .end = HTTPD_CLOSE, CUT_OFF},
    {"cut behind a chunk", "/cut3", OK CHUNKED "2\r\n{}\r\n", .end = HTTPD_CLOSE, CUT_OFF},
    {"cut in the head", "/cut4", "HTTP/1.1 200 OK\r\nConte", .end = HTTPD_CUT, CUT_OFF},
    {"nothing", "/nothing", "", .end = HTTPD_CLOSE, REFUSED("closed without an answer")},
    {"not HTTP", "/ssh", "SSH-2.0-OpenSSH_9.2\r\n",
     .end = HTTPD_CLOSE, REFUSED("the answer is not HTTP")},
    {"status 103", "/only103", "HTTP/1.1 103 Hints\r\n\r\n", .end = HTTPD_CLOSE,
     REFUSED("closed without an answer")},
    {"status 600", "/600", "HTTP/1.1 600 What\r\n" BODY, NO_STATUS},

    {"hangs", "/hang1", "", .end = HTTPD_HANG, TOO_LATE},
    {"hangs in the body", "/hang2", OK "Content-Length: 3\r\n\r\n{}", .end = HTTPD_HANG, TOO_LATE},
    {"drips", "/drip", OK "\r\n", .repeat = "x", .delay_ms = 20, TOO_LATE},
};

static struct httpd_reply replies[WF_ARRAY_LEN(rows)];

static void judge(const struct row *row, enum wf_reason reason,
                  const struct wf_http_response *answer, const struct wf_err *err)
{
    if (reason != row->reason)
        fail_msg("%s: %s, expected %s: %s", row->name, wf_reason_name(reason),
                 wf_reason_name(row->reason), err->text);
    if (row->text != NULL && strstr(err->text, row->text) == NULL)
        fail_msg("%s: \"%s\" lacks \"%s\"", row->name, err->text, row->text);
    if (reason != WF_OK && strstr(err->text, row->path) == NULL)
        fail_msg("%s: \"%s\" does not say what was attempted", row->name, err->text);
    if (strstr(err->text, "secret") != NULL)
        fail_msg("%s: \"%s\" shows the query", row->name, err->text);
    if (answer->status != row->status ||
        strcmp(answer->content_type, row->type == NULL ? "" : row->type) != 0 ||
        answer->retry_after != row->retry_after || answer->body.len != row->body_len ||
        answer->has_max_age != (row->max_age != 0) || answer->max_age != row->max_age ||
        strcmp(answer->etag, row->etag == NULL ? "" : row->etag) != 0)
        fail_msg("%s: %d \"%s\" %u %zu %u %s", row->name, answer->status, answer->content_type,
                 answer->retry_after, answer->body.len, answer->max_age, answer->etag);
}

static void test_answers(void **state)
{
    struct wf_http *http = make();

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
        struct wf_err err = WF_ERR_INIT;
        char path[100];
        snprintf(path, sizeof(path), "%s?code=secret", rows[i].path);
        struct wf_http_request request =
            request_to("https", "localhost", httpd_port(server), path);
        size_t before = httpd_request_count(server);
        if (rows[i].timeout_ms != 0)
            request.timeout_ms = rows[i].timeout_ms;
        int64_t start = now_ms();
        enum wf_reason reason = wf_http_send(http, &request, &answer, &err);
        int64_t took = now_ms() - start;
        judge(&rows[i], reason, &answer, &err);
        assert_int_equal(httpd_request_count(server), before + 1);
        if (rows[i].timeout_ms != 0 && (took < SHORT_MS - 1 || took > SHORT_MS + 20000))
            fail_msg("%s: took %lld ms", rows[i].name, (long long)took);
        wf_http_response_done(&answer);
    }
    wf_http_free(http);
}

/* A failure leaves nothing of the answer that was there before. */
static void test_empty_after_failure(void **state)
{
    struct wf_http *http = make();
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request =
        request_to("https", "localhost", httpd_port(server), "/kept");

    (void)state;
    assert_int_equal(wf_http_send(http, &request, &answer, NULL), WF_OK);
    answer.retry_after = 1;
    request.method = "PUT";
    assert_int_equal(wf_http_send(http, &request, &answer, NULL), WF_INTERNAL);
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.retry_after, 0);
    assert_false(answer.has_max_age);
    assert_int_equal(answer.max_age, 0);
    assert_string_equal(answer.etag, "");
    assert_int_equal(answer.body.len, 0);
    wf_http_response_done(&answer);
    wf_http_free(http);
}

/* Who answers. */
#define NOT_ACCEPTED WF_UNREACHABLE, "certificate is not accepted"
#define NO_TLS WF_UNREACHABLE, "no TLS connection"
static const struct {
    const char *name;
    enum httpd_identity identity;
    const char *scheme;
    const char *host;
    bool http_loopback;
    enum wf_reason reason;
    const char *text; /* "A|B": newer libraries find B */
} servers[] = {
    {"right", HTTPD_GOOD, "https", "localhost", false, WF_OK, ""},
    {"right, by address", HTTPD_GOOD, "https", "127.0.0.1", false, WF_OK, ""},
    {"expired", HTTPD_EXPIRED, "https", "localhost", false, NOT_ACCEPTED},
    {"wrong host", HTTPD_WRONG_HOST, "https", "localhost", false, NOT_ACCEPTED},
    {"unknown authority", HTTPD_UNKNOWN_CA, "https", "localhost", false, NOT_ACCEPTED},
    {"false authority", HTTPD_FALSE_CA, "https", "localhost", false,
     WF_UNREACHABLE, "no TLS connection|certificate is not accepted"},
    {"old TLS", HTTPD_OLD_TLS, "https", "localhost", false, NO_TLS},
    {"no TLS", HTTPD_PLAIN, "https", "localhost", false, NO_TLS},
    {"silent", HTTPD_SILENT, "https", "localhost", false, WF_UNREACHABLE, "no answer in time"},
    {"no such host", HTTPD_GOOD, "https", "wfauth.invalid", false, WF_UNREACHABLE,
     "cannot resolve the host"},
    {"plain", HTTPD_PLAIN, "http", "localhost", true, WF_OK, ""},
    {"plain, not allowed", HTTPD_PLAIN, "http", "localhost", false, WF_CONFIG, "plain http"},
};

static bool says(const char *text, const char *words)
{
    const char *bar = strchr(words, '|');
    size_t len = bar == NULL ? strlen(words) : (size_t)(bar - words);

    return memmem(text, strlen(text), words, len) != NULL ||
           (bar != NULL && strstr(text, bar + 1) != NULL);
}

static void test_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(servers); i++) {
        struct httpd *httpd = httpd_start(servers[i].identity, replies, WF_ARRAY_LEN(replies));
        struct wf_http *http = make();
        struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
        struct wf_err err = WF_ERR_INIT;
        struct wf_http_request request =
            request_to(servers[i].scheme, servers[i].host, httpd_port(httpd), "/length");
        request.http_loopback = servers[i].http_loopback;
        request.timeout_ms = servers[i].identity == HTTPD_SILENT ? SHORT_MS : TIMEOUT_MS;
        int64_t start = now_ms();
        enum wf_reason reason = wf_http_send(http, &request, &answer, &err);
        if (reason != servers[i].reason || !says(err.text, servers[i].text))
            fail_msg("%s: %s: %s", servers[i].name, wf_reason_name(reason), err.text);
        assert_int_equal(httpd_request_count(httpd), servers[i].reason == WF_OK);
        if (servers[i].identity == HTTPD_SILENT)
            assert_within(now_ms() - start, SHORT_MS * 3 / 4 - 1, SHORT_MS + 20000);
        wf_http_response_done(&answer);
        wf_http_free(http);
        httpd_stop(httpd);
    }
}

static void test_nobody_listens(void **state)
{
    struct httpd *httpd = httpd_start(HTTPD_GOOD, NULL, 0);
    int port = httpd_port(httpd);
    struct wf_http *http = make();
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    httpd_stop(httpd);
    struct wf_http_request request = request_to("https", "127.0.0.1", port, "/x?secret");
    assert_int_equal(wf_http_send(http, &request, &answer, &err), WF_UNREACHABLE);
    assert_non_null(strstr(err.text, "/x: cannot connect: "));
    assert_null(strstr(err.text, "secret"));
    wf_http_free(http);
}

static int start_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++)
        replies[i] = (struct httpd_reply){.path = rows[i].path,
                                          .bytes = rows[i].bytes,
                                          .fill = rows[i].fill,
                                          .tail = rows[i].tail,
                                          .repeat = rows[i].repeat,
                                          .delay_ms = rows[i].delay_ms,
                                          .end = rows[i].end};
    server = httpd_start(HTTPD_GOOD, replies, WF_ARRAY_LEN(replies));
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    httpd_stop(server);
    return 0;
}

static int run(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_empty_after_failure),
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_nobody_listens),
    };
    return cmocka_run_group_tests_name(name, tests, start_server, stop_server);
}

int main(void)
{
    return run_both(run, "http");
}
