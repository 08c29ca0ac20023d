#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failalloc.h"
#include "secret.h"

static bool watching;
static bool freed_dirty;

void __real_free(void *ptr);
void __wrap_free(void *ptr);
void __wrap_free(void *ptr)
{
    if (watching && ptr != NULL)
        freed_dirty = memchr(ptr, 's', sizeof(size_t) + 20) != NULL;
    __real_free(ptr);
}

static void test_new_and_borrow(void **state)
{
    (void)state;
    struct wf_secret *secret = wf_secret_new("a\0b", 3);
    struct wf_span span = wf_secret_borrow(secret);

    assert_int_equal(span.len, 3);
    assert_memory_equal(span.ptr, "a\0b", 4);
    wf_secret_free(secret);
    secret = wf_secret_new(NULL, 0);
    assert_string_equal(wf_secret_borrow(secret).ptr, "");
    wf_secret_free(secret);
    wf_secret_free(NULL);
    assert_null(wf_secret_borrow(NULL).ptr);
    assert_int_equal(wf_secret_borrow(NULL).len, 0);
}

static void test_equals(void **state)
{
    (void)state;
    struct wf_secret *a = wf_secret_new("abc", 3);
    struct wf_secret *same = wf_secret_new("abc", 3);
    struct wf_secret *first = wf_secret_new("xbc", 3);
    struct wf_secret *last = wf_secret_new("abx", 3);
    struct wf_secret *shorter = wf_secret_new("ab", 2);

    assert_true(wf_secret_equals(a, same));
    assert_false(wf_secret_equals(a, first));
    assert_false(wf_secret_equals(a, last));
    assert_false(wf_secret_equals(a, shorter));
    assert_false(wf_secret_equals(shorter, a));
    assert_false(wf_secret_equals(a, NULL));
    assert_false(wf_secret_equals(NULL, a));
    assert_false(wf_secret_equals(NULL, NULL));
    assert_true(wf_secret_equals_bytes("\x80", "\x80", 1));
    /* Two differences must not cancel each other */
    assert_false(wf_secret_equals_bytes("\x01\x01", "\x02\x02", 2));
    wf_secret_free(a);
    wf_secret_free(same);
    wf_secret_free(first);
    wf_secret_free(last);
    wf_secret_free(shorter);
}

static void test_bounds(void **state)
{
    (void)state;
    size_t max = (size_t)1 << 20;
    char *bytes = malloc(max + 1);

    assert_non_null(bytes);
    memset(bytes, 'a', max + 1);
    struct wf_secret *largest = wf_secret_new(bytes, max);
    assert_non_null(largest);
    assert_null(wf_secret_new(bytes, max + 1));
    assert_null(wf_secret_new(bytes, SIZE_MAX));
    wf_secret_free(largest);
    fail_alloc_at = 1;
    assert_null(wf_secret_new(bytes, 1));
    free(bytes);
}

static void test_wiped(void **state)
{
    (void)state;
    struct wf_secret *secret = wf_secret_new("ssssssssssssssssssss", 20);

    freed_dirty = true;
    watching = true;
    wf_secret_free(secret);
    watching = false;
    assert_false(freed_dirty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_and_borrow),
        cmocka_unit_test(test_equals),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_wiped),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
