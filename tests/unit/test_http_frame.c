/* The frames between host and helper: what is written is read back, anything else is refused. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_frame.h"
#include "within.h"

static const struct wf_http_request good = {
    .method = "POST",
    .url = "https://acme.example/x?y",
    .headers = {{"A", {"1", 1}}, {"B-C", {"22", 2}}},
    .header_count = 2,
    .body = {"a\0b", 3},
    .timeout_ms = 0x0304,
    .max_body = 1000,
    .ca_file = "/ca",
    .proxy = "http://p:1",
    .http_loopback = true,
};

static enum wf_reason read_request(const struct wf_buf *frame, struct wf_http_request *ret)
{
    return wf_frame_get_request(frame->data + WF_FRAME_HEAD, frame->len - WF_FRAME_HEAD, ret,
                                NULL);
}

static void test_request(void **state)
{
    struct wf_buf out = WF_FRAME_BUF_INIT;
    struct wf_http_request back;
    enum wf_frame_kind kind;
    size_t len;

    (void)state;
    wf_frame_put_request(&out, &good);
    assert_true(wf_buf_ok(&out));
    assert_int_equal(wf_frame_get_head(out.data, &kind, &len, NULL), WF_OK);
    assert_int_equal(kind, WF_FRAME_HTTP_REQUEST);
    assert_int_equal(len, out.len - WF_FRAME_HEAD);
    assert_int_equal(read_request(&out, &back), WF_OK);
    assert_string_equal(back.method, "POST");
    assert_string_equal(back.url, good.url);
    assert_string_equal(back.ca_file, "/ca");
    assert_string_equal(back.proxy, "http://p:1");
    assert_true(back.http_loopback);
    assert_int_equal(back.timeout_ms, good.timeout_ms);
    assert_int_equal(back.max_body, 1000);
    assert_int_equal(back.header_count, 2);
    assert_string_equal(back.headers[1].name, "B-C");
    assert_int_equal(back.headers[1].value.len, 2);
    assert_memory_equal(back.headers[1].value.ptr, "22", 2);
    assert_int_equal(back.body.len, 3);
    assert_memory_equal(back.body.ptr, "a\0b", 3);

    struct wf_http_request plain = {
        .method = "GET", .url = "https://a/", .timeout_ms = 1, .max_body = 1};
    wf_buf_reset(&out);
    wf_frame_put_request(&out, &plain);
    assert_int_equal(read_request(&out, &back), WF_OK);
    assert_string_equal(back.method, "GET");
    assert_null(back.ca_file);
    assert_null(back.proxy);
    assert_false(back.http_loopback);
    assert_int_equal(back.body.len, 0);
    wf_buf_done(&out);
}

/* Where the good request's fields begin, in its payload. */
enum {
    METHOD = 0,
    LOOPBACK = 1,
    TIMEOUT = 2,
    MAX_BODY = 6,
    URL = 10,
    CA_FILE = URL + 2 + 24 + 1,
    PROXY = CA_FILE + 2 + 3 + 1,
    COUNT = PROXY + 2 + 10 + 1,
    NAME = COUNT + 1,
    VALUE = NAME + 2 + 1 + 1,
    NAME_2 = VALUE + 2 + 1 + 1,
    VALUE_2 = NAME_2 + 2 + 3 + 1,
    BODY = VALUE_2 + 2 + 2 + 1,
    END = BODY + 4 + 3,
};

/* One byte of the good request is another. */
static const struct {
    const char *name;
    size_t at;
    uint8_t byte;
    enum wf_reason reason;
} request_rows[] = {
    {"another letter", URL + 2 + 8, 'z', WF_OK},
    {"method", METHOD, 2, WF_MALFORMED},
    {"loopback", LOOPBACK, 2, WF_MALFORMED},
    {"time-out too long", TIMEOUT, 1, WF_MALFORMED},
    {"answer too large", MAX_BODY, 1, WF_MALFORMED},
    {"NUL in the address", URL + 2, 0, WF_MALFORMED},
    {"address does not end", URL + 2 + 24, 'x', WF_MALFORMED},
    {"address too short", URL + 1, 23, WF_MALFORMED},
    {"address too long", URL, 0x10, WF_MALFORMED},
    {"NUL in the ca_file", CA_FILE + 2, 0, WF_MALFORMED},
    {"ca_file too long", CA_FILE, 0x10, WF_MALFORMED},
    {"NUL in the proxy", PROXY + 2, 0, WF_MALFORMED},
    {"too many headers", COUNT, 9, WF_MALFORMED},
    {"a header behind the last", COUNT, 1, WF_MALFORMED},
    {"NUL in a name", NAME + 2, 0, WF_MALFORMED},
    {"name too long", NAME + 1, 65, WF_MALFORMED},
    {"NUL in a value", VALUE_2 + 2, 0, WF_MALFORMED},
    {"value too long", VALUE_2, 0x50, WF_MALFORMED},
    {"body longer than the frame", BODY + 3, 4, WF_MALFORMED},
    {"byte behind the body", BODY + 3, 2, WF_MALFORMED},
    {"body too large", BODY, 1, WF_MALFORMED},
};

static void test_request_bytes(void **state)
{
    struct wf_buf out = WF_FRAME_BUF_INIT;
    struct wf_http_request back;

    (void)state;
    wf_frame_put_request(&out, &good);
    assert_int_equal(out.len, WF_FRAME_HEAD + END);
    for (size_t i = 0; i < WF_ARRAY_LEN(request_rows); i++) {
        uint8_t *byte = out.data + WF_FRAME_HEAD + request_rows[i].at;
        uint8_t old = *byte;
        *byte = request_rows[i].byte;
        if (read_request(&out, &back) != request_rows[i].reason)
            fail_msg("%s", request_rows[i].name);
        *byte = old;
    }
    /* Zero is below the range of these */
    for (size_t at = TIMEOUT; at < URL; at += 4) {
        uint8_t old[4];
        memcpy(old, out.data + WF_FRAME_HEAD + at, 4);
        memset(out.data + WF_FRAME_HEAD + at, 0, 4);
        assert_int_equal(read_request(&out, &back), WF_MALFORMED);
        memcpy(out.data + WF_FRAME_HEAD + at, old, 4);
    }
    for (size_t len = 0; len < END; len++)
        assert_int_equal(wf_frame_get_request(out.data + WF_FRAME_HEAD, len, &back, NULL),
                         WF_MALFORMED);
    wf_buf_append_byte(&out, 0);
    assert_int_equal(read_request(&out, &back), WF_MALFORMED);
    wf_buf_done(&out);
}

static const struct {
    const char *name;
    uint8_t head[WF_FRAME_HEAD];
    enum wf_reason reason;
} heads[] = {
    {"request", {3, 1, 0, 0, 1, 0}, WF_OK},
    {"refusal", {3, 3, 0, 0, 1, 0}, WF_OK},
    {"longest", {3, 2, 0, 4, 4, 0}, WF_OK},
    {"longer", {3, 2, 0, 4, 4, 1}, WF_MALFORMED},
    {"longest of all", {3, 2, 0xff, 0xff, 0xff, 0xff}, WF_MALFORMED},
    {"version 0", {0, 1, 0, 0, 1, 0}, WF_MALFORMED},
    {"version 1", {1, 1, 0, 0, 1, 0}, WF_MALFORMED},
    {"version 2", {2, 1, 0, 0, 1, 0}, WF_MALFORMED},
    {"kind 0", {3, 0, 0, 0, 1, 0}, WF_MALFORMED},
    {"signed", {3, 5, 0, 0, 1, 0}, WF_OK},
    {"kind 6", {3, 6, 0, 0, 1, 0}, WF_MALFORMED},
};

static void test_heads(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(heads); i++) {
        enum wf_frame_kind kind;
        size_t len;
        if (wf_frame_get_head(heads[i].head, &kind, &len, NULL) != heads[i].reason)
            fail_msg("%s", heads[i].name);
    }
    assert_int_equal(WF_FRAME_PAYLOAD_MAX, 0x40400);
}

/* What to sign, and what was signed. */

static const struct wf_assertion order = {
    .key = {"k\0y", 3},
    .algorithm = "ES384",
    .issuer = "ii",
    .subject = "sss",
    .audience = "a",
    .issued = 0x123456789a,
    .lifetime = 120,
};

/* Where its fields begin. */
enum {
    LIFETIME = 8,
    ALGORITHM = 12,
    ISSUER = 20,
    SUBJECT = 25,
    AUDIENCE = 31,
    KEY = 35,
    ORDER_END = 42
};

static const struct {
    const char *name;
    size_t at;
    uint8_t bytes[2];
    enum wf_reason reason;
} orders[] = {
    {"another year", 0, {0, 1}, WF_OK},
    {"before 1970", 0, {0x80, 0}, WF_MALFORMED},
    {"no lifetime", LIFETIME + 2, {0, 0}, WF_MALFORMED},
    {"longest", LIFETIME + 2, {600 >> 8, 600 & 0xff}, WF_OK},
    {"longer", LIFETIME + 2, {601 >> 8, 601 & 0xff}, WF_MALFORMED},
    {"algorithm of nothing", ALGORITHM, {0, 0}, WF_MALFORMED},
    {"algorithm too long", ALGORITHM, {0, 17}, WF_MALFORMED},
    {"NUL in the algorithm", ALGORITHM + 2, {0, 'x'}, WF_MALFORMED},
    {"empty issuer", ISSUER, {0, 0}, WF_MALFORMED},
    {"issuer does not end", ISSUER + 4, {'x', 0}, WF_MALFORMED},
    {"NUL in the issuer", ISSUER + 2, {0, 'x'}, WF_MALFORMED},
    {"issuer too long", ISSUER, {4, 1}, WF_MALFORMED},
    {"empty subject", SUBJECT, {0, 0}, WF_MALFORMED},
    {"NUL in the subject", SUBJECT + 2, {0, 'x'}, WF_MALFORMED},
    {"audience of nothing", AUDIENCE, {0, 0}, WF_MALFORMED},
    {"key longer than the frame", KEY + 2, {0, 4}, WF_MALFORMED},
    {"key shorter than the frame", KEY + 2, {0, 2}, WF_MALFORMED},
};

static void test_orders(void **state)
{
    struct wf_buf out = WF_FRAME_BUF_INIT;
    struct wf_assertion back = {.issuer = NULL};
    struct wf_assertion bare = order;

    (void)state;
    wf_frame_put_assertion(&out, &order);
    assert_true(wf_buf_ok(&out));
    assert_int_equal(out.len, WF_FRAME_HEAD + ORDER_END);
    uint8_t *payload = out.data + WF_FRAME_HEAD;
    assert_int_equal(wf_frame_get_assertion(payload, ORDER_END, &back, NULL), WF_OK);
    assert_true(back.issued == order.issued);
    assert_int_equal(back.lifetime, 120);
    assert_string_equal(back.algorithm, "ES384");
    assert_string_equal(back.issuer, "ii");
    assert_string_equal(back.subject, "sss");
    assert_string_equal(back.audience, "a");
    assert_int_equal(back.key.len, 3);
    assert_memory_equal(back.key.ptr, "k\0y", 3);
    for (size_t i = 0; i < WF_ARRAY_LEN(orders); i++) {
        uint8_t old[2];
        memcpy(old, payload + orders[i].at, 2);
        memcpy(payload + orders[i].at, orders[i].bytes, 2);
        if (wf_frame_get_assertion(payload, ORDER_END, &back, NULL) != orders[i].reason)
            fail_msg("%s", orders[i].name);
        memcpy(payload + orders[i].at, old, 2);
    }
    for (size_t len = 0; len < ORDER_END; len++)
        assert_int_equal(wf_frame_get_assertion(payload, len, &back, NULL), WF_MALFORMED);
    wf_buf_append_byte(&out, 0);
    assert_int_equal(
        wf_frame_get_assertion(out.data + WF_FRAME_HEAD, ORDER_END + 1, &back, NULL),
        WF_MALFORMED);
    wf_buf_reset(&out);
    bare.audience = NULL;
    bare.algorithm = NULL;
    wf_frame_put_assertion(&out, &bare);
    assert_int_equal(
        wf_frame_get_assertion(out.data + WF_FRAME_HEAD, out.len - WF_FRAME_HEAD, &back, NULL),
        WF_OK);
    assert_null(back.audience);
    assert_null(back.algorithm);
    wf_buf_done(&out);
}

static const struct {
    const char *text;
    enum wf_reason reason;
} signed_texts[] = {
    {"aZ.0-_.x", WF_OK},       {"", WF_MALFORMED},      {"a.b", WF_MALFORMED},
    {"a.b.", WF_MALFORMED},    {".b.c", WF_MALFORMED},  {"a..c", WF_MALFORMED},
    {"a.b.c.d", WF_MALFORMED}, {"a.b.c&", WF_MALFORMED}, {"a.b.c=", WF_MALFORMED},
    {"a.b c.d", WF_MALFORMED}, {"a.b.c\n", WF_MALFORMED},
};

static void test_signed(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(signed_texts); i++) {
        struct wf_buf jwt = WF_BUF_INIT(100);
        struct wf_buf back = WF_BUF_INIT(100);
        struct wf_buf out = WF_FRAME_BUF_INIT;
        wf_buf_append_text(&jwt, signed_texts[i].text);
        wf_frame_put_signed(&out, &jwt);
        enum wf_reason reason = wf_frame_get_signed(out.data + WF_FRAME_HEAD,
                                                    out.len - WF_FRAME_HEAD, &back, NULL);
        if (reason != signed_texts[i].reason || back.len != (reason == WF_OK ? jwt.len : 0))
            fail_msg("%s: %s", signed_texts[i].text, wf_reason_name(reason));
        wf_buf_done(&out);
        wf_buf_done(&back);
        wf_buf_done(&jwt);
    }
}

/* status, retry_after, type, body length; each refused row differs from "plain" in one. */
static const struct {
    const char *name;
    int status;
    uint32_t retry_after;
    const char *type;
    size_t body_len;
    enum wf_reason reason;
    bool has_max_age;
    uint32_t max_age;
    const char *etag; /* NULL: none */
} answers[] = {
    {"plain", 200, 0, "application/json", 10, WF_OK, false, 0, NULL},
    {"no type, no body", 204, 0, "", 0, WF_OK, false, 0, NULL},
    {"status 199", 199, 0, "application/json", 10, WF_MALFORMED, false, 0, NULL},
    {"status 599", 599, 0, "application/json", 10, WF_OK, false, 0, NULL},
    {"status 600", 600, 0, "application/json", 10, WF_MALFORMED, false, 0, NULL},
    {"a day", 200, 86400, "application/json", 10, WF_OK, false, 0, NULL},
    {"over a day", 200, 86401, "application/json", 10, WF_MALFORMED, false, 0, NULL},
    {"upper case", 200, 0, "application/JSON", 10, WF_MALFORMED, false, 0, NULL},
    {"parameters", 200, 0, "application/json;a=b", 10, WF_MALFORMED, false, 0, NULL},
    {"blank", 200, 0, "application json", 10, WF_MALFORMED, false, 0, NULL},
    {"escape", 200, 0, "application/\x1bjson", 10, WF_MALFORMED, false, 0, NULL},
    {"high byte", 200, 0, "application/\xc3\xa9", 10, WF_MALFORMED, false, 0, NULL},
    {"largest body", 200, 0, "application/json", 1000, WF_OK, false, 0, NULL},
    {"larger body", 200, 0, "application/json", 1001, WF_MALFORMED, false, 0, NULL},
    {"must not be kept", 200, 0, "application/json", 10, WF_OK, true, 0, NULL},
    {"a year", 200, 0, "application/json", 10, WF_OK, true, WF_HTTP_MAX_AGE_MAX, NULL},
    {"over a year", 200, 0, "application/json", 10, WF_MALFORMED, true, WF_HTTP_MAX_AGE_MAX + 1,
     NULL},
    {"tag", 200, 0, "application/json", 10, WF_OK, true, 300, "\"a\""},
    {"weak tag", 200, 0, "application/json", 10, WF_OK, true, 300, "W/\"a\""},
    {"tag without quotes", 200, 0, "application/json", 10, WF_MALFORMED, true, 300, "a"},
    {"tag with a newline", 200, 0, "application/json", 10, WF_MALFORMED, true, 300, "\"\n\""},
};

static void test_answers(void **state)
{
    static char body[1001];

    (void)state;
    memset(body, 'x', sizeof(body));
    for (size_t i = 0; i < WF_ARRAY_LEN(answers); i++) {
        struct wf_buf out = WF_FRAME_BUF_INIT;
        struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
        struct wf_http_response back = WF_HTTP_RESPONSE_INIT;
        answer.status = answers[i].status;
        answer.retry_after = answers[i].retry_after;
        answer.has_max_age = answers[i].has_max_age;
        answer.max_age = answers[i].max_age;
        if (answers[i].etag != NULL)
            snprintf(answer.etag, sizeof(answer.etag), "%s", answers[i].etag);
        snprintf(answer.content_type, sizeof(answer.content_type), "%s", answers[i].type);
        wf_buf_append(&answer.body, body, answers[i].body_len);
        wf_frame_put_answer(&out, &answer);
        enum wf_reason reason =
            wf_frame_get_answer(out.data + WF_FRAME_HEAD, out.len - WF_FRAME_HEAD, 1000, &back,
                                NULL);
        if (reason != answers[i].reason)
            fail_msg("%s: %s", answers[i].name, wf_reason_name(reason));
        if (reason == WF_OK) {
            assert_int_equal(back.status, answer.status);
            assert_int_equal(back.retry_after, answer.retry_after);
            assert_string_equal(back.content_type, answer.content_type);
            assert_int_equal(back.has_max_age, answer.has_max_age);
            assert_int_equal(back.max_age, answer.max_age);
            assert_string_equal(back.etag, answer.etag);
        }
        assert_int_equal(back.body.len, reason == WF_OK ? answers[i].body_len : 0);
        for (size_t len = 0; reason == WF_OK && len < out.len - WF_FRAME_HEAD; len++) {
            struct wf_http_response cut = WF_HTTP_RESPONSE_INIT;
            assert_int_equal(
                wf_frame_get_answer(out.data + WF_FRAME_HEAD, len, 1000, &cut, NULL),
                WF_MALFORMED);
            assert_int_equal(cut.body.len, 0);
        }
        wf_http_response_done(&back);
        wf_http_response_done(&answer);
        wf_buf_done(&out);
    }
}

/* Where the fields of an answer begin that say how long it may be kept. */
enum { HAS_MAX_AGE = 6, MAX_AGE = 7, ETAG = 11 };

static const struct {
    const char *name;
    size_t at;
    uint8_t byte;
    enum wf_reason reason;
} answer_rows[] = {
    {"the same", HAS_MAX_AGE, 1, WF_OK},
    {"neither yes nor no", HAS_MAX_AGE, 2, WF_MALFORMED},
    {"a lifetime that was not said", HAS_MAX_AGE, 0, WF_MALFORMED},
    {"another lifetime", MAX_AGE + 3, 1, WF_OK},
    {"a lifetime of centuries", MAX_AGE, 0xff, WF_MALFORMED},
    {"tag too long", ETAG, 0x10, WF_MALFORMED},
    {"tag does not end", ETAG + 2 + 3, 'x', WF_MALFORMED},
    {"tag not quoted", ETAG + 2, 'x', WF_MALFORMED},
};

static void test_answer_bytes(void **state)
{
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_buf out = WF_FRAME_BUF_INIT;

    (void)state;
    answer.status = 200;
    answer.has_max_age = true;
    answer.max_age = 60;
    snprintf(answer.etag, sizeof(answer.etag), "\"a\"");
    wf_frame_put_answer(&out, &answer);
    for (size_t i = 0; i < WF_ARRAY_LEN(answer_rows); i++) {
        struct wf_http_response back = WF_HTTP_RESPONSE_INIT;
        uint8_t *byte = out.data + WF_FRAME_HEAD + answer_rows[i].at;
        uint8_t old = *byte;
        *byte = answer_rows[i].byte;
        if (wf_frame_get_answer(out.data + WF_FRAME_HEAD, out.len - WF_FRAME_HEAD, 1000, &back,
                                NULL) != answer_rows[i].reason)
            fail_msg("%s", answer_rows[i].name);
        *byte = old;
        wf_http_response_done(&back);
    }
    wf_buf_done(&out);
}

static void test_refusals(void **state)
{
    char longest[2 * WF_ERR_TEXT_MAX];

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    for (int reason = WF_OK; reason < WF_REASON_COUNT; reason++) {
        struct wf_buf out = WF_FRAME_BUF_INIT;
        struct wf_err err = WF_ERR_INIT;
        bool allowed =
            reason == WF_UNREACHABLE || reason == WF_CONFIG || reason == WF_INTERNAL;
        wf_frame_put_refusal(&out, (enum wf_reason)reason, "bad\x1bnews");
        assert_int_equal(wf_frame_get_refusal(out.data + WF_FRAME_HEAD, out.len - WF_FRAME_HEAD,
                                              &err),
                         allowed ? (enum wf_reason)reason : WF_INTERNAL);
        assert_string_equal(err.text, "bad?news");
        out.data[WF_FRAME_HEAD] = 3;
        assert_int_equal(wf_frame_get_refusal(out.data + WF_FRAME_HEAD, out.len - WF_FRAME_HEAD,
                                              &err),
                         WF_MALFORMED);
        wf_buf_done(&out);
    }
    struct wf_buf out = WF_FRAME_BUF_INIT;
    struct wf_err err = WF_ERR_INIT;
    wf_frame_put_refusal(&out, WF_CONFIG, longest);
    assert_int_equal(
        wf_frame_get_refusal(out.data + WF_FRAME_HEAD, out.len - WF_FRAME_HEAD, &err), WF_CONFIG);
    assert_int_equal(strlen(err.text), WF_ERR_TEXT_MAX - 1);
    wf_buf_append_byte(&out, 'x');
    assert_int_equal(
        wf_frame_get_refusal(out.data + WF_FRAME_HEAD, out.len - WF_FRAME_HEAD, &err),
        WF_MALFORMED);
    wf_buf_done(&out);
}

/* The socket */

static int pair[2];

static int open_pair(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int close_pair(void **state)
{
    (void)state;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static enum wf_reason receive(struct wf_buf *frame, int64_t wait, struct wf_err *err)
{
    enum wf_frame_kind kind;
    return wf_frame_receive(pair[1], frame, &kind, wf_frame_now() + wait, err);
}

static void test_socket(void **state)
{
    struct wf_buf out = WF_FRAME_BUF_INIT;
    struct wf_buf in = WF_FRAME_BUF_INIT;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    /* Two at once: each is taken alone */
    wf_frame_put_request(&out, &good);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(wf_frame_send(pair[0], &out, wf_frame_now() + 1000, &err), WF_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(receive(&in, 1000, &err), WF_OK);
        assert_int_equal(in.len, out.len);
        assert_memory_equal(in.data, out.data, out.len);
    }
    /* Half of one, and no more in time; then its end */
    assert_int_equal(send(pair[0], out.data, out.len / 2, 0), out.len / 2);
    assert_int_equal(receive(&in, 20, &err), WF_UNREACHABLE);
    assert_string_equal(err.text, "no answer in time");
    assert_int_equal(send(pair[0], out.data, out.len / 2, 0), out.len / 2);
    shutdown(pair[0], SHUT_WR);
    assert_int_equal(receive(&in, 1000, &err), WF_INTERNAL);
    assert_string_equal(err.text, "the other side has ended");
    wf_buf_done(&in);
    wf_buf_done(&out);
}

static void test_bad_head(void **state)
{
    struct wf_buf in = WF_FRAME_BUF_INIT;

    (void)state;
    assert_int_equal(send(pair[0], "HTTP/1.1 200 OK", 15, 0), 15);
    assert_int_equal(receive(&in, 1000, NULL), WF_MALFORMED);
    wf_buf_done(&in);
}

/* Nobody reads: the deadline holds. Nobody is there: no signal, although its default would end
 * this test. */
static void test_send_fails(void **state)
{
    static char body[WF_HTTP_REQUEST_BODY_MAX];
    struct wf_http_request request = good;
    struct wf_buf out = WF_FRAME_BUF_INIT;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = WF_OK;

    (void)state;
    request.body = (struct wf_span){body, sizeof(body)};
    wf_frame_put_request(&out, &request);
    int64_t start = wf_frame_now();
    for (size_t i = 0; i < 100 && reason == WF_OK; i++)
        reason = wf_frame_send(pair[0], &out, wf_frame_now() + 50, &err);
    assert_int_equal(reason, WF_UNREACHABLE);
    assert_string_equal(err.text, "no answer in time");
    assert_within(wf_frame_now() - start, 50, 20000);
    close(pair[1]);
    pair[1] = dup(pair[0]);
    (void)signal(SIGPIPE, SIG_DFL);
    assert_int_equal(wf_frame_send(pair[0], &out, wf_frame_now() + 1000, &err), WF_INTERNAL);
    wf_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_request_bytes),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_signed),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answer_bytes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test_setup_teardown(test_socket, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_bad_head, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(test_send_fails, open_pair, close_pair),
    };
    return cmocka_run_group_tests_name("http frame", tests, NULL, NULL);
}
