#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "url.h"

#define SPAN(literal) ((struct wf_span){(literal), sizeof(literal) - 1})

/* says: a part of the refusal's text, so that a row cannot pass for another row's reason; NULL:
 * accepted. */
static const struct {
    const char *url;
    bool loopback;
    const char *says;
} checks[] = {
    {"https://acme.my.workfront.com", false, NULL},
    {"https://acme.example:8443/a/b?c=d&e=%41", false, NULL},
    {"https://192.0.2.1", false, NULL},
    {"https://[2001:db8::1]:443/", false, NULL},
    {"https://acme.example?a@b", false, NULL},
    {"https://acme.example:65535", false, NULL},
    {"https://acme.example:0", false, "host and port"},
    {"https://acme.example:65536", false, "host and port"},
    {"https://acme.example:", false, "host and port"},
    {"https://acme.example:8a", false, "host and port"},
    {"https://a:1:2", false, "host and port"},
    {"https://", false, "host and port"},
    {"https:///path", false, "host and port"},
    {"https://?q", false, "host and port"},
    {"https://[]", false, "host and port"},
    {"https://[::1", false, "host and port"},
    {"https://::1", false, "host and port"},
    {"https://[::1]x", false, "host and port"},
    {"https://[fe80::1%25eth0]", false, "host and port"},
    {"https://ac%6de.example", false, "host and port"},
    {"https://acme.example;x", false, "host and port"},
    {"https://alice@acme.example", false, "user information"},
    {"https://alice:pass@acme.example/", false, "user information"},
    {"https://acme.example/#part", false, "fragment"},
    {"https://acme.example#@evil.example", false, "fragment"},
    {"https://acme.example\\@evil.example", false, "forbidden"},
    {"https://acme.example/a b", false, "forbidden"},
    {"https://acme.example/a\"b", false, "forbidden"},
    {"https://acme.example/<b>", false, "forbidden"},
    {"https://acme.example/a\n", false, "forbidden"},
    {"https://acm\xc3\xa9.example/", false, "forbidden"},
    {"http://acme.example", false, "plain http"},
    {"http://acme.example", true, "plain http"},
    {"http://127.0.0.1:8080/x", true, NULL},
    {"http://localhost", true, NULL},
    {"http://[::1]:80", true, NULL},
    {"http://127.0.0.1:8080/x", false, "plain http"},
    {"http://127.0.0.1.evil.example", true, "plain http"},
    {"http://127.0.0.2", true, "plain http"},
    {"http://localhost.evil.example", true, "plain http"},
    {"ftp://acme.example", true, "begin with https"},
    {"https:/acme.example", true, "begin with https"},
    {"HTTPS://acme.example", true, "begin with https"},
    {" https://acme.example", true, "begin with https"},
    {"acme.example", true, "begin with https"},
    {"", true, "begin with https"},
};

static void test_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(checks); i++) {
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = wf_url_check(checks[i].url, checks[i].loopback, &err);
        if (reason != (checks[i].says == NULL ? WF_OK : WF_CONFIG))
            fail_msg("%s: %s", checks[i].url, wf_reason_name(reason));
        if (checks[i].says != NULL && strstr(err.text, checks[i].says) == NULL)
            fail_msg("%s: %s", checks[i].url, err.text);
    }
}

static void test_check_length(void **state)
{
    (void)state;
    char url[WF_URL_MAX + 2];
    static const char start[] = "https://acme.example/";

    memset(url, 'a', sizeof(url));
    memcpy(url, start, sizeof(start) - 1);
    url[WF_URL_MAX] = '\0';
    assert_int_equal(wf_url_check(url, false, NULL), WF_OK);
    url[WF_URL_MAX] = 'a';
    url[WF_URL_MAX + 1] = '\0';
    assert_int_equal(wf_url_check(url, false, NULL), WF_CONFIG);
    /* The longest name of a host (RFC 1035 §2.3.4), and one more */
    url[8 + 253] = '\0';
    memset(url + 8, 'a', 253);
    assert_int_equal(wf_url_check(url, false, NULL), WF_OK);
    url[8 + 253] = 'a';
    url[8 + 254] = '\0';
    assert_int_equal(wf_url_check(url, false, NULL), WF_CONFIG);
}

static void test_encode(void **state)
{
    (void)state;
    struct wf_buf out = WF_BUF_INIT(2000);

    wf_url_encode(&out, SPAN("AZaz09-._~ +%&=/?#@\x7f\0\xc3\xff"));
    assert_string_equal(wf_buf_text_borrow(&out),
                        "AZaz09-._~%20%2B%25%26%3D%2F%3F%23%40%7F%00%C3%FF");
    wf_buf_done(&out);
}

static void test_form_append(void **state)
{
    (void)state;
    struct wf_buf out = WF_BUF_INIT(2000);

    wf_form_append(&out, "a", SPAN("1&b=2"));
    wf_form_append_text(&out, "c d", "");
    wf_form_append_text(&out, "absent", NULL);
    assert_string_equal(wf_buf_text_borrow(&out), "a=1%26b%3D2&c%20d=");
    wf_buf_reset(&out);
    wf_buf_append_text(&out, "https://acme.example/?");
    wf_form_append_text(&out, "a", "1");
    wf_buf_append_text(&out, "&");
    wf_form_append_text(&out, "b", "2");
    assert_string_equal(wf_buf_text_borrow(&out), "https://acme.example/?a=1&b=2");
    wf_buf_done(&out);
}

static void test_form_decode(void **state)
{
    (void)state;
    static const struct {
        struct wf_span in;
        enum wf_reason reason;
        const char *out;
    } rows[] = {
        {SPAN(""), WF_OK, ""},
        {SPAN("a+b%20c%2b%C3%a9"), WF_OK, "a b c+\xc3\xa9"},
        {SPAN("a%2"), WF_MALFORMED, NULL},
        {SPAN("a%"), WF_MALFORMED, NULL},
        {SPAN("%g0"), WF_MALFORMED, NULL},
        {SPAN("%0g"), WF_MALFORMED, NULL},
        {SPAN("%0G"), WF_MALFORMED, NULL},
        {SPAN("%/0"), WF_MALFORMED, NULL},
        {SPAN("%:0"), WF_MALFORMED, NULL},
        {SPAN("%@0"), WF_MALFORMED, NULL},
        {SPAN("%`0"), WF_MALFORMED, NULL},
        {SPAN("a%00"), WF_MALFORMED, NULL},
        {SPAN("a\0"), WF_MALFORMED, NULL},
        {SPAN("12345678901"), WF_INTERNAL, NULL},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_buf out = WF_BUF_INIT(10);
        assert_int_equal(wf_form_decode(&out, rows[i].in), rows[i].reason);
        if (rows[i].out != NULL)
            assert_string_equal(wf_buf_text_borrow(&out), rows[i].out);
        wf_buf_done(&out);
    }
    /* An escape that the span cuts off is not read past its end */
    struct wf_buf out = WF_BUF_INIT(10);
    assert_int_equal(wf_form_decode(&out, (struct wf_span){"a%41", 3}), WF_MALFORMED);
    wf_buf_done(&out);
}

static void test_form_find(void **state)
{
    (void)state;
    static const struct {
        struct wf_span query;
        enum wf_reason reason;
        const char *value; /* of "a"; NULL: absent */
    } rows[] = {
        {SPAN("a=1"), WF_OK, "1"},
        {SPAN("b=2&a=1&c=3"), WF_OK, "1"},
        {SPAN("a=1=2"), WF_OK, "1=2"},
        {SPAN("a="), WF_OK, ""},
        {SPAN("a"), WF_OK, ""},
        {SPAN("a&b"), WF_OK, ""},
        {SPAN("&&a=1"), WF_OK, "1"},
        {SPAN(""), WF_OK, NULL},
        {SPAN("b=a=1"), WF_OK, NULL},
        {SPAN("aa=1&A=2&=3"), WF_OK, NULL},
        {SPAN("a=1&a=1"), WF_MALFORMED, NULL},
        {SPAN("a&b=2&a=1"), WF_MALFORMED, NULL},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_span value = SPAN("kept");
        assert_int_equal(wf_form_find(rows[i].query, "a", &value), rows[i].reason);
        if (rows[i].reason != WF_OK)
            assert_true(wf_span_equals(value, "kept"));
        else if (rows[i].value == NULL)
            assert_null(value.ptr);
        else
            assert_true(value.ptr != NULL && wf_span_equals(value, rows[i].value));
    }
    struct wf_span value;
    assert_int_equal(wf_form_find((struct wf_span){NULL, 0}, "a", &value), WF_OK);
    assert_null(value.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),       cmocka_unit_test(test_check_length),
        cmocka_unit_test(test_encode),      cmocka_unit_test(test_form_append),
        cmocka_unit_test(test_form_decode), cmocka_unit_test(test_form_find),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
