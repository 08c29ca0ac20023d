#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base64.h"
#include "failalloc.h"

static const struct {
    const char *plain;
    const char *url;
    const char *classic;
} good[] = {
    {"", "", ""},
    {"f", "Zg", "Zg=="},
    {"fo", "Zm8", "Zm8="},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg", "Zm9vYg=="},
    {"fooba", "Zm9vYmE", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "-__-", "+//+"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(good); i++) {
        struct wf_buf out = WF_BUF_INIT(100);
        wf_base64url_encode(&out, good[i].plain, strlen(good[i].plain));
        assert_string_equal(wf_buf_text_borrow(&out), good[i].url);
        wf_buf_reset(&out);
        wf_base64_encode(&out, good[i].plain, strlen(good[i].plain));
        assert_string_equal(wf_buf_text_borrow(&out), good[i].classic);
        wf_buf_reset(&out);
        assert_int_equal(wf_base64url_decode(&out, good[i].url, strlen(good[i].url)), WF_OK);
        assert_string_equal(wf_buf_text_borrow(&out), good[i].plain);
        wf_buf_done(&out);
    }
}

/* Each row is a good text with one thing wrong. */
static const struct {
    const char *name;
    const char *text;
} bad[] = {
    {"padding", "Zg=="},           {"classic plus", "+__-"},    {"classic slash", "-//-"},
    {"one character", "Z"},        {"five characters", "Zm9vY"}, {"blank inside", "Zm 9v"},
    {"newline at the end", "Zm8\n"}, {"bits behind one byte", "Zh"}, {"bits behind two", "Zm9"},
    {"high byte", "Zm9\xc3"},      {"dot", "Zm.v"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        struct wf_buf out = WF_BUF_INIT(100);
        wf_buf_append_text(&out, "kept");
        if (wf_base64url_decode(&out, bad[i].text, strlen(bad[i].text)) != WF_MALFORMED)
            fail_msg("%s: accepted", bad[i].name);
        assert_string_equal(wf_buf_text_borrow(&out), "kept");
        wf_buf_done(&out);
    }
}

static void test_every_byte_value(void **state)
{
    (void)state;
    uint8_t all[256];
    struct wf_buf text = WF_BUF_INIT(1000);
    struct wf_buf back = WF_BUF_INIT(256);

    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)i;
    wf_base64url_encode(&text, all, sizeof(all));
    assert_int_equal(wf_base64url_decode(&back, (const char *)text.data, text.len), WF_OK);
    assert_int_equal(back.len, sizeof(all));
    assert_memory_equal(back.data, all, sizeof(all));
    wf_buf_done(&text);
    wf_buf_done(&back);
}

/* Each byte at each place of a group and of what is left behind the last group */
static void test_every_character(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        const char *at = c == 0 ? NULL : strchr(alphabet, (int)c);
        for (size_t place = 0; place < 7; place++) {
            char text[] = "Zm9vZmA";
            const size_t len = sizeof(text) - 1;
            struct wf_buf out = WF_BUF_INIT(100);
            text[place] = (char)c;
            assert_int_equal(wf_base64url_has_form(text, len), at != NULL);
            /* The last character has two bits that belong to no byte */
            bool decodes = at != NULL && (place < 6 || (at - alphabet) % 4 == 0);
            if (wf_base64url_decode(&out, text, len) != (decodes ? WF_OK : WF_MALFORMED))
                fail_msg("byte %u at place %zu", c, place);
            wf_buf_done(&out);
        }
    }
    assert_true(wf_base64url_has_form("", 0));
}

/* What lies behind the bytes does not show. */
static void test_neighbours(void **state)
{
    struct wf_buf out = WF_BUF_INIT(100);

    (void)state;
    wf_base64url_encode(&out, "f\xff\xff", 1);
    wf_base64url_encode(&out, "fo\xff", 2);
    assert_string_equal(wf_buf_text_borrow(&out), "ZgZm8");
    wf_buf_done(&out);
}

/* Too long for the buffer is not the same as no memory: the buffer stays in order. */
static void test_no_room(void **state)
{
    (void)state;
    struct wf_buf out = WF_BUF_INIT(2);
    struct wf_buf large = WF_BUF_INIT(3);

    assert_int_equal(wf_base64url_decode(&out, "Zm9v", 4), WF_INTERNAL);
    assert_true(wf_buf_ok(&out));
    assert_int_equal(wf_base64url_decode(&out, "Zm8", 3), WF_OK);
    wf_buf_done(&out);
    fail_alloc_at = 1;
    assert_int_equal(wf_base64url_decode(&large, "Zm9v", 4), WF_INTERNAL);
    assert_false(wf_buf_ok(&large));
    wf_buf_done(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_every_byte_value),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
