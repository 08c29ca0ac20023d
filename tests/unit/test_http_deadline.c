/* A door with so much time for all requests: each gets what is left. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http_deadline.h"

static int64_t now;
int64_t __wrap_wf_frame_now(void);
int64_t __wrap_wf_frame_now(void)
{
    return now;
}

/* The door behind it: notes the time-out it is given, and takes its time. */
static uint32_t given;
static unsigned asked;
static int64_t takes;

static enum wf_reason inner_send(struct wf_http *http, const struct wf_http_request *request,
                                 struct wf_http_response *ret, struct wf_err *err)
{
    (void)http;
    (void)err;
    asked++;
    given = request->timeout_ms;
    now += takes;
    ret->status = 204;
    return WF_OK;
}

static enum wf_reason inner_sign(struct wf_http *http, const struct wf_assertion *assertion,
                                 struct wf_buf *out, struct wf_err *err)
{
    (void)http;
    (void)assertion;
    (void)err;
    wf_buf_append_text(out, "signed");
    return wf_buf_ok(out) ? WF_OK : WF_INTERNAL;
}

static const struct wf_http_ops inner_ops = {inner_send, NULL, inner_sign};

static enum wf_reason send_one(struct wf_http_deadline *door, uint32_t timeout_ms)
{
    const struct wf_http_request request = {
        .method = "GET", .url = "https://a.example/", .timeout_ms = timeout_ms, .max_body = 100};
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;

    enum wf_reason reason = wf_http_send(&door->base, &request, &response, NULL);
    assert_int_equal(response.status, reason == WF_OK ? 204 : 0);
    wf_http_response_done(&response);
    return reason;
}

/* Three requests of a door that has 20 s, at most 10 s each. */
static const struct {
    const char *name;
    int64_t start; /* of the monotonic clock: when the first one begins */
    int64_t takes;
    uint32_t given[3]; /* 0: not sent */
} rows[] = {
    {"quick", 5, 100, {10000, 10000, 10000}},
    {"late", INT64_C(1) << 40, 100, {10000, 10000, 10000}},
    {"half", 5, 5000, {10000, 10000, 10000}},
    {"slow", 5, 7000, {10000, 10000, 6000}},
    {"almost all", 5, 9999, {10000, 10000, 2}},
    {"all but a millisecond", 5, 19999, {10000, 1, 0}},
    {"all", 5, 10000, {10000, 10000, 0}},
};

static void test_deadline(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_http inner = {&inner_ops};
        struct wf_http_deadline door;
        wf_http_deadline_init(&door, &inner, 20000);
        now = rows[i].start;
        takes = rows[i].takes;
        for (size_t k = 0; k < 3; k++) {
            asked = 0;
            given = 0;
            enum wf_reason reason = send_one(&door, 10000);
            bool sent = rows[i].given[k] != 0;
            if (reason != (sent ? WF_OK : WF_UNREACHABLE) || asked != (sent ? 1 : 0) ||
                given != rows[i].given[k])
                fail_msg("%s: %zu: %s, %u ms", rows[i].name, k, wf_reason_name(reason), given);
        }
        wf_http_free(&door.base);
    }
}

static void test_the_rest(void **state)
{
    struct wf_http inner = {&inner_ops};
    struct wf_http_deadline door;
    struct wf_buf out = WF_BUF_INIT(100);

    (void)state;
    wf_http_deadline_init(&door, &inner, 20000);
    assert_int_equal(wf_http_sign(&door.base, NULL, &out, NULL), WF_OK);
    assert_int_equal(out.len, strlen("signed"));
    wf_buf_done(&out);
    /* No door: memory was short */
    wf_http_deadline_init(&door, NULL, 20000);
    assert_int_equal(send_one(&door, 1), WF_INTERNAL);
    assert_int_equal(wf_http_sign(&door.base, NULL, &out, NULL), WF_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
