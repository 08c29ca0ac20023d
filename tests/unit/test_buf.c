#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "failalloc.h"

/* Blocks that were given back: what they held at that moment. */
static size_t freed_count;
static bool freed_dirty;
static size_t watched_size;

void __real_free(void *ptr);
void __wrap_free(void *ptr);
void __wrap_free(void *ptr)
{
    const uint8_t *bytes = ptr;

    if (bytes != NULL && watched_size > 0) {
        freed_count++;
        for (size_t i = 0; i < watched_size; i++)
            freed_dirty = freed_dirty || bytes[i] == 's';
    }
    __real_free(ptr);
}

static void test_append(void **state)
{
    (void)state;
    struct wf_buf buf = WF_BUF_INIT(1000);

    assert_string_equal(wf_buf_text_borrow(&buf), "");
    wf_buf_append(&buf, "ab", 2);
    wf_buf_append(&buf, NULL, 0);
    wf_buf_append_byte(&buf, 'c');
    wf_buf_append_text(&buf, "de");
    wf_buf_append_format(&buf, "%d%s", 4, "f");
    assert_string_equal(wf_buf_text_borrow(&buf), "abcde4f");
    assert_int_equal(buf.len, 7);
    wf_buf_reset(&buf);
    assert_string_equal(wf_buf_text_borrow(&buf), "");
    wf_buf_done(&buf);
    wf_buf_done(&buf);
    wf_buf_done(NULL);
}

static void test_maximum(void **state)
{
    (void)state;
    struct wf_buf buf = WF_BUF_INIT(3);

    wf_buf_append_text(&buf, "abc");
    assert_string_equal(wf_buf_text_borrow(&buf), "abc");
    wf_buf_append_byte(&buf, 'd');
    assert_false(wf_buf_ok(&buf));
    wf_buf_reset(&buf);
    assert_true(wf_buf_ok(&buf));
    wf_buf_append_text(&buf, "abcd");
    assert_false(wf_buf_ok(&buf));
    /* Sticky: what would fit fails too, and nothing can be read */
    wf_buf_append_byte(&buf, 'a');
    assert_int_equal(buf.len, 0);
    assert_null(wf_buf_text_borrow(&buf));
    assert_null(wf_buf_steal(&buf, NULL));
    assert_null(wf_buf_room(&buf, 1));
    wf_buf_done(&buf);
    assert_true(wf_buf_ok(&buf));
}

static void test_lengths_do_not_wrap(void **state)
{
    (void)state;
    struct wf_buf buf = WF_BUF_INIT(SIZE_MAX);

    wf_buf_append_byte(&buf, 'a');
    assert_null(wf_buf_room(&buf, SIZE_MAX - 1));
    assert_false(wf_buf_ok(&buf));
    wf_buf_reset(&buf);
    wf_buf_append_byte(&buf, 'a');
    assert_null(wf_buf_room(&buf, SIZE_MAX));
    assert_false(wf_buf_ok(&buf));
    wf_buf_done(&buf);
}

static void test_room(void **state)
{
    (void)state;
    struct wf_buf buf = WF_BUF_INIT(4);
    uint8_t *room = wf_buf_room(&buf, 4);

    assert_non_null(room);
    memcpy(room, "abcd", 4);
    wf_buf_added(&buf, 3);
    assert_string_equal(wf_buf_text_borrow(&buf), "abc");
    /* The block has room for more, the maximum has not */
    wf_buf_added(&buf, 2);
    assert_false(wf_buf_ok(&buf));
    wf_buf_done(&buf);
    wf_buf_added(&buf, 1);
    assert_false(wf_buf_ok(&buf));
    wf_buf_done(&buf);
}

static void test_format_is_never_cut(void **state)
{
    (void)state;
    char text[1025];
    struct wf_buf buf = WF_BUF_INIT(5000);

    memset(text, 'a', 1024);
    text[1024] = '\0';
    wf_buf_append_format(&buf, "%s", text + 1);
    assert_true(wf_buf_ok(&buf));
    assert_int_equal(buf.len, 1023);
    wf_buf_append_format(&buf, "%s", text);
    assert_false(wf_buf_ok(&buf));
    wf_buf_done(&buf);
}

static void test_steal(void **state)
{
    (void)state;
    struct wf_buf buf = WF_BUF_INIT(10);
    size_t len = 77;

    wf_buf_append(&buf, "a\0b", 3);
    char *text = wf_buf_steal(&buf, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(text, "a\0b", 4);
    free(text);
    wf_buf_append_text(&buf, "new");
    assert_string_equal(wf_buf_text_borrow(&buf), "new");
    wf_buf_done(&buf);
}

static void test_wipes(void **state)
{
    (void)state;
    char secret[300];
    struct wf_buf buf = WF_BUF_INIT(10000);

    memset(secret, 's', sizeof(secret));
    freed_count = 0;
    freed_dirty = false;
    watched_size = 200;
    wf_buf_append(&buf, secret, 200);
    wf_buf_append(&buf, secret, 300); /* moves */
    assert_int_equal(freed_count, 1);
    wf_buf_reset(&buf);
    assert_int_equal(buf.data[0], 0);
    assert_int_equal(buf.data[499], 0);
    wf_buf_append(&buf, secret, 300);
    wf_buf_done(&buf);
    watched_size = 0;
    assert_int_equal(freed_count, 2);
    assert_false(freed_dirty);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct wf_buf buf = WF_BUF_INIT(10000);

    fail_alloc_at = 1;
    wf_buf_append_text(&buf, "a");
    assert_false(wf_buf_ok(&buf));
    wf_buf_reset(&buf);
    wf_buf_append_text(&buf, "kept");
    fail_alloc_at = 1;
    assert_null(wf_buf_room(&buf, 5000));
    assert_false(wf_buf_ok(&buf));
    assert_int_equal(buf.len, 4);
    assert_memory_equal(buf.data, "kept", 4);
    wf_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_lengths_do_not_wrap),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_format_is_never_cut),
        cmocka_unit_test(test_steal),
        cmocka_unit_test(test_wipes),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
