/* The rules of a request, which hold before either implementation sees it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http.h"
#include "url.h"

static unsigned reached;
static enum wf_reason verdict;

static enum wf_reason stub_send(struct wf_http *http, const struct wf_http_request *request,
                                struct wf_http_response *ret, struct wf_err *err)
{
    (void)http;
    (void)request;
    (void)err;
    reached++;
    ret->status = 200;
    wf_buf_append_text(&ret->body, "secret");
    return verdict;
}

static void stub_free(struct wf_http *http)
{
    (void)http;
    reached++;
}

static const struct wf_http_ops ops = {stub_send, stub_free, NULL};

static char large[WF_HTTP_REQUEST_BODY_MAX + 1];
static char name_64[] = "X234567890123456789012345678901234567890123456789012345678901234";
static char name_65[] = "X2345678901234567890123456789012345678901234567890123456789012345";
static char path_max[WF_HTTP_CA_FILE_MAX + 1];
static char path_over[WF_HTTP_CA_FILE_MAX + 2];

/* What is not set stays as in the good request below; ZERO sets a number to 0. */
#define ZERO (-1L)
#define VALUE(text) (text), sizeof(text) - 1
static const struct {
    const char *name;
    enum wf_reason reason;
    const char *text; /* part of the error */
    const char *method;
    const char *url;
    const char *proxy;
    const char *ca_file;
    const char *header;
    const char *value;
    size_t value_len;
    size_t headers;
    size_t body_len;
    long timeout_ms;
    long max_body;
} rows[] = {
    {"GET", WF_OK, NULL, .method = "GET"},
    {"POST", WF_OK, NULL, .method = "POST"},
    {"PUT", WF_INTERNAL, "the method is PUT", .method = "PUT"},
    {"get", WF_INTERNAL, "the method is get", .method = "get"},
    {"GET with a body", WF_INTERNAL, "expected 0 at most", .method = "GET", .body_len = 1},
    {"largest body", WF_OK, NULL, .body_len = WF_HTTP_REQUEST_BODY_MAX},
    {"larger body", WF_INTERNAL, "65537 bytes", .body_len = WF_HTTP_REQUEST_BODY_MAX + 1},
    {"no time", WF_INTERNAL, "the time-out is 0", .timeout_ms = ZERO},
    {"little time", WF_OK, NULL, .timeout_ms = 1},
    {"most time", WF_OK, NULL, .timeout_ms = 120000},
    {"more time", WF_INTERNAL, "the time-out is 120001", .timeout_ms = 120001},
    {"no answer", WF_INTERNAL, "the answer's limit is 0", .max_body = ZERO},
    {"smallest answer", WF_OK, NULL, .max_body = 1},
    {"largest answer", WF_OK, NULL, .max_body = WF_HTTP_BODY_MAX},
    {"larger answer", WF_INTERNAL, "the answer's limit", .max_body = WF_HTTP_BODY_MAX + 1},
    {"most headers", WF_OK, NULL, .headers = WF_HTTP_HEADERS_MAX},
    {"more headers", WF_INTERNAL, "9 request headers", .headers = WF_HTTP_HEADERS_MAX + 1},

    {"header", WF_OK, NULL, .header = "X-Y-9", VALUE("a b\xc3\xa9")},
    {"longest name", WF_OK, NULL, .header = name_64, VALUE("a")},
    {"longer name", WF_INTERNAL, "cannot name", .header = name_65, VALUE("a")},
    {"no name", WF_INTERNAL, "cannot name", .header = "", VALUE("a")},
    {"name with a colon", WF_INTERNAL, "cannot name", .header = "X:", VALUE("a")},
    {"name with a blank", WF_INTERNAL, "cannot name", .header = "X ", VALUE("a")},
    {"name with a newline", WF_INTERNAL, "cannot name", .header = "X\n", VALUE("a")},
    {"no value", WF_INTERNAL, "has 0 bytes", .header = "X", VALUE("")},
    {"longest value", WF_OK, NULL, .header = "X", large, WF_HTTP_HEADER_VALUE_MAX},
    {"longer value", WF_INTERNAL, "16385 bytes", .header = "X", large,
     WF_HTTP_HEADER_VALUE_MAX + 1},
    {"value with CR", WF_INTERNAL, "X holds a control byte", .header = "X", VALUE("a\rb")},
    {"value with LF", WF_INTERNAL, "X holds a control byte", .header = "X", VALUE("a\nb")},
    {"value with NUL", WF_INTERNAL, "X holds a control byte", .header = "X", VALUE("a\0b")},
    {"value with DEL", WF_INTERNAL, "X holds a control byte", .header = "X", VALUE("a\x7f")},

    {"plain http", WF_CONFIG, "plain http", .url = "http://other.example/"},
    {"plain http to loopback", WF_OK, NULL, .url = "http://127.0.0.1/"},
    {"ftp", WF_CONFIG, "begin with https", .url = "ftp://other.example/"},
    {"proxy", WF_OK, NULL, .proxy = "http://proxy.example:3128"},
    {"proxy by address", WF_OK, NULL, .proxy = "http://[::1]:3128"},
    {"proxy with a path", WF_CONFIG, "expected http://host:port", .proxy = "http://p:1/"},
    {"proxy with a query", WF_CONFIG, "expected http://host:port", .proxy = "http://p:1?a"},
    {"proxy with a user", WF_CONFIG, "expected http://host:port", .proxy = "http://u@p:1"},
    {"proxy with a bad port", WF_CONFIG, "expected http://host:port", .proxy = "http://p:x"},
    {"proxy without a scheme", WF_CONFIG, "expected http://host:port", .proxy = "p:3128"},
    {"socks proxy", WF_CONFIG, "expected http://host:port", .proxy = "socks5://p:1"},
    {"empty proxy", WF_CONFIG, "expected http://host:port", .proxy = ""},
    {"endless proxy", WF_CONFIG, "expected http://host:port", .proxy = large},
    {"plain http by a proxy", WF_CONFIG, "cannot go through a proxy",
     .url = "http://127.0.0.1/", .proxy = "http://p:1"},
    {"ca_file", WF_OK, NULL, .ca_file = "/x"},
    {"relative ca_file", WF_CONFIG, "expected an absolute path", .ca_file = "x"},
    {"empty ca_file", WF_CONFIG, "expected an absolute path", .ca_file = ""},
    {"longest ca_file", WF_OK, NULL, .ca_file = path_max},
    {"longer ca_file", WF_CONFIG, "expected an absolute path", .ca_file = path_over},
};

static long number(long value, long otherwise)
{
    return value == ZERO ? 0 : value != 0 ? value : otherwise;
}

static void test_rules(void **state)
{
    struct wf_http http = {&ops};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
        struct wf_err err = WF_ERR_INIT;
        struct wf_http_request request = {
            .method = rows[i].method == NULL ? "POST" : rows[i].method,
            .url = rows[i].url == NULL ? "https://acme.example/x" : rows[i].url,
            .proxy = rows[i].proxy,
            .ca_file = rows[i].ca_file,
            .body = {large, rows[i].body_len},
            .timeout_ms = (uint32_t)number(rows[i].timeout_ms, 1000),
            .max_body = (size_t)number(rows[i].max_body, 1000),
            .header_count = rows[i].header == NULL ? rows[i].headers : 1,
            .http_loopback = true};
        for (size_t h = 0; h < WF_HTTP_HEADERS_MAX; h++)
            request.headers[h] = (struct wf_http_header){"X", {"a", 1}};
        if (rows[i].header != NULL)
            request.headers[0] = (struct wf_http_header){
                rows[i].header, {rows[i].value, rows[i].value_len}};
        reached = 0;
        verdict = WF_OK;
        enum wf_reason reason = wf_http_send(&http, &request, &answer, &err);
        if (reason != rows[i].reason)
            fail_msg("%s: %s: %s", rows[i].name, wf_reason_name(reason), err.text);
        if (reached != (reason == WF_OK))
            fail_msg("%s: sent %u times", rows[i].name, reached);
        if (rows[i].text != NULL && strstr(err.text, rows[i].text) == NULL)
            fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].name, err.text, rows[i].text);
        wf_http_response_done(&answer);
    }
}

/* Whatever was there before, or an implementation leaves behind when it fails. */
static void test_nothing_stays(void **state)
{
    struct wf_http http = {&ops};
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request = {
        .method = "GET", .url = "https://acme.example/", .timeout_ms = 1, .max_body = 1};

    (void)state;
    /* Two answers one after the other are two answers */
    verdict = WF_OK;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(wf_http_send(&http, &request, &answer, NULL), WF_OK);
        assert_int_equal(answer.body.len, 6);
    }
    verdict = WF_UNREACHABLE;
    assert_int_equal(wf_http_send(&http, &request, &answer, NULL), WF_UNREACHABLE);
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.body.len, 0);
    wf_http_response_done(&answer);
    wf_http_response_done(NULL);
}

static void test_null(void **state)
{
    struct wf_http http = {&ops};
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request = {0};

    (void)state;
    assert_int_equal(wf_http_send(NULL, &request, &answer, NULL), WF_INTERNAL);
    wf_http_free(NULL);
    reached = 0;
    wf_http_free(&http);
    assert_int_equal(reached, 1);
}

static const struct {
    const char *url;
    const char *expected;
} descriptions[] = {
    {"https://acme.example/a/b?code=secret", "GET acme.example:443 /a/b"},
    {"https://acme.example:8443/a?b", "GET acme.example:8443 /a"},
    {"http://localhost/a", "GET localhost:80 /a"},
    {"https://[::1]/a", "GET [::1]:443 /a"},
    {"https://[::1]:8443/a", "GET [::1]:8443 /a"},
    {"https://acme.example?secret", "GET acme.example:443 "},
    {"nonsense?secret", "GET nonsense:443 "},
    {"", "GET :443 "},
};

static void test_describe(void **state)
{
    char text[WF_HTTP_DESCRIPTION_MAX];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(descriptions); i++) {
        struct wf_http_request request = {.method = "GET", .url = descriptions[i].url};
        wf_http_describe(&request, text);
        assert_string_equal(text, descriptions[i].expected);
    }
    struct wf_http_request request = {.method = large, .url = large};
    wf_http_describe(&request, text);
    assert_true(strlen(text) < sizeof(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_nothing_stays),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_describe),
    };
    memset(large, 'x', sizeof(large) - 1);
    memcpy(large, "http://", 7);
    memset(path_max, '/', sizeof(path_max) - 1);
    memset(path_over, '/', sizeof(path_over) - 1);
    return cmocka_run_group_tests_name("http request", tests, NULL, NULL);
}
