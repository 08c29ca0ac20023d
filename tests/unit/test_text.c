#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

#define SPAN(literal) ((struct wf_span){(literal), sizeof(literal) - 1})

/* What stays and what becomes '?'. clean: whether wf_text_is_clean() takes it as it is. */
static const struct {
    const char *name;
    struct wf_span in;
    const char *out;
} sanitised[] = {
    {"empty", SPAN(""), ""},
    {"ASCII", SPAN("a ~"), "a ~"},
    {"two bytes", SPAN("\xc3\xbc"), "\xc3\xbc"},
    {"three bytes", SPAN("\xe2\x82\xac"), "\xe2\x82\xac"},
    {"four bytes", SPAN("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80"},
    {"highest", SPAN("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf"},
    {"NUL", SPAN("a\0b"), "a?b"},
    {"newline", SPAN("a\nb"), "a?b"},
    {"escape", SPAN("\033[2J"), "?[2J"},
    {"DEL", SPAN("\x7f"), "?"},
    {"C1: CSI", SPAN("\xc2\x9b"), "?"},
    {"behind C1", SPAN("\xc2\xa0"), "\xc2\xa0"},
    {"soft hyphen", SPAN("\xc2\xad"), "?"},
    {"Arabic letter mark", SPAN("\xd8\x9c"), "?"},
    {"Mongolian vowel separator", SPAN("\xe1\xa0\x8e"), "?"},
    {"before the widthless", SPAN("\xe2\x80\x8a"), "\xe2\x80\x8a"},
    {"no width", SPAN("\xe2\x80\x8b"), "?"},
    {"right-to-left mark", SPAN("\xe2\x80\x8f"), "?"},
    {"line separator", SPAN("\xe2\x80\xa8"), "?"},
    {"right-to-left override", SPAN("\xe2\x80\xae"), "?"},
    {"word joiner", SPAN("\xe2\x81\xa0"), "?"},
    {"isolate", SPAN("\xe2\x81\xa9"), "?"},
    {"byte order mark", SPAN("\xef\xbb\xbf"), "?"},
    {"tag letter", SPAN("\xf3\xa0\x81\xa1"), "?"},
    {"continuation alone", SPAN("\x80"), "?"},
    {"cut short", SPAN("\xe2\x82"), "??"},
    {"broken off", SPAN("\xe2(\xac"), "?(?"},
    {"overlong /", SPAN("\xc0\xaf"), "??"},
    {"overlong in three", SPAN("\xe0\x80\xaf"), "???"},
    {"overlong in four", SPAN("\xf0\x82\x82\xac"), "????"},
    {"surrogate", SPAN("\xed\xa0\x80"), "???"},
    {"beyond Unicode", SPAN("\xf4\x90\x80\x80"), "????"},
    {"0xff", SPAN("\xff"), "?"},
};

static void test_sanitise(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(sanitised); i++) {
        char out[64];
        struct wf_span in = sanitised[i].in;
        wf_text_sanitise(out, sizeof(out), in.ptr, in.len);
        if (strcmp(out, sanitised[i].out) != 0)
            fail_msg("%s: got \"%s\"", sanitised[i].name, out);
        bool same = in.len == strlen(out) && memcmp(in.ptr, out, in.len) == 0;
        if (wf_text_is_clean(in.ptr, in.len) != same)
            fail_msg("%s: the two functions disagree", sanitised[i].name);
    }
}

static void test_sanitise_each_byte(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const char in = (char)byte;
        char out[2];
        wf_text_sanitise(out, sizeof(out), &in, 1);
        assert_int_equal(out[0], byte >= 0x20 && byte < 0x7f ? in : '?');
        assert_int_equal(out[1], '\0');
    }
}

static void test_sanitise_cuts_between_characters(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *out;
    } rows[] = {{1, ""}, {2, "a"}, {3, "a"}, {4, "a"}, {5, "a\xe2\x82\xac"}, {6, "a\xe2\x82\xac?"}};

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        char out[8];
        memset(out, 'x', sizeof(out));
        wf_text_sanitise(out, rows[i].size, "a\xe2\x82\xac\n", 5);
        assert_string_equal(out, rows[i].out);
        assert_int_equal(out[rows[i].size], 'x');
    }
}

static void test_printable(void **state)
{
    (void)state;
    assert_true(wf_text_is_printable("", 0));
    assert_true(wf_text_is_printable(" ~", 2));
    assert_false(wf_text_is_printable("\x1f", 1));
    assert_false(wf_text_is_printable("\x7f", 1));
    assert_false(wf_text_is_printable("\x80", 1));
    assert_false(wf_text_is_printable("a\0b", 3));
}

static void test_trim(void **state)
{
    (void)state;
    static const struct {
        struct wf_span in;
        const char *out;
    } rows[] = {
        {SPAN(""), ""},    {SPAN("a"), "a"},     {SPAN(" \t\r\n\v\fa b\f\v\n\r\t "), "a b"},
        {SPAN(" \n"), ""}, {SPAN("\ba"), "\ba"}, {SPAN("a\x0e"), "a\x0e"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++)
        assert_true(wf_span_equals(wf_text_trim(rows[i].in.ptr, rows[i].in.len), rows[i].out));
}

static void test_fold_and_equals(void **state)
{
    (void)state;
    char text[] = "@AZ[`az{\xc3\x84";

    wf_text_fold(text, sizeof(text) - 1);
    assert_string_equal(text, "@az[`az{\xc3\x84");
    assert_true(wf_span_equals(SPAN("ab"), "ab"));
    assert_false(wf_span_equals(SPAN("ab"), "aB"));
    assert_false(wf_span_equals(SPAN("ab"), "abc"));
    assert_false(wf_span_equals(SPAN("abc"), "ab"));
    assert_true(wf_span_equals((struct wf_span){NULL, 0}, ""));
    assert_true(wf_span_equals_fold(SPAN("aBZ"), "AbZ"));
    assert_false(wf_span_equals_fold(SPAN("ab"), "ac"));
    assert_false(wf_span_equals_fold(SPAN("ab"), "abc"));
    assert_false(wf_span_equals_fold(SPAN("@"), "`"));
    assert_false(wf_span_equals_fold(SPAN("["), "{"));
}

static void test_number(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct wf_span in;
        uint64_t min;
        uint64_t max;
        bool good;
        uint64_t value;
    } rows[] = {
        {"zero", SPAN("0"), 0, 9, true, 0},
        {"lowest", SPAN("3"), 3, 9, true, 3},
        {"highest", SPAN("9"), 3, 9, true, 9},
        {"too low", SPAN("2"), 3, 9, false, 0},
        {"too high", SPAN("10"), 3, 9, false, 0},
        {"largest of all", SPAN("18446744073709551615"), 0, UINT64_MAX, true, UINT64_MAX},
        {"one more", SPAN("18446744073709551616"), 0, UINT64_MAX, false, 0},
        {"one digit more", SPAN("184467440737095516150"), 0, UINT64_MAX, false, 0},
        {"empty", SPAN(""), 0, 9, false, 0},
        {"leading zero", SPAN("07"), 0, 9, false, 0},
        {"plus", SPAN("+7"), 0, 9, false, 0},
        {"minus", SPAN("-7"), 0, 9, false, 0},
        {"blank", SPAN("7 "), 0, 9, false, 0},
        {"before 0", SPAN("/"), 0, UINT64_MAX, false, 0},
        {"behind 9", SPAN(":"), 0, UINT64_MAX, false, 0},
        {"NUL behind", SPAN("7\0"), 0, 9, false, 0},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        uint64_t value = 77;
        if (wf_text_number(rows[i].in, rows[i].min, rows[i].max, &value) != rows[i].good)
            fail_msg("%s", rows[i].name);
        assert_int_equal(value, rows[i].good ? rows[i].value : 77);
    }
}

static void test_duration(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct wf_span in;
        uint64_t max;
        bool good;
        uint64_t value;
    } rows[] = {
        {"bare", SPAN("90"), 900, true, 90},
        {"seconds", SPAN("90s"), 900, true, 90},
        {"minutes", SPAN("15m"), 900, true, 900},
        {"hours", SPAN("2h"), 90000, true, 7200},
        {"days", SPAN("1d"), 90000, true, 86400},
        {"too long", SPAN("16m"), 900, false, 0},
        {"too short", SPAN("1"), 900, false, 0},
        {"overflow", SPAN("307445734561825861m"), UINT64_MAX, false, 0},
        {"just no overflow", SPAN("307445734561825860m"), UINT64_MAX, true, UINT64_MAX - 15},
        {"unit alone", SPAN("m"), 900, false, 0},
        {"upper case", SPAN("15M"), 900, false, 0},
        {"blank before the unit", SPAN("15 m"), 900, false, 0},
        {"two units", SPAN("1mm"), 900, false, 0},
        {"empty", SPAN(""), 900, false, 0},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        uint64_t value = 77;
        if (wf_text_duration(rows[i].in, 2, rows[i].max, &value) != rows[i].good)
            fail_msg("%s", rows[i].name);
        assert_int_equal(value, rows[i].good ? rows[i].value : 77);
    }
}

static void test_next(void **state)
{
    (void)state;
    struct wf_span rest = SPAN(" a,, b c ,");
    static const char *const fields[] = {"a", "", "b c", ""};
    struct wf_span field = SPAN("kept");

    for (size_t i = 0; i < WF_ARRAY_LEN(fields); i++) {
        assert_true(wf_text_next(&rest, ',', &field));
        assert_true(wf_span_equals(field, fields[i]));
    }
    assert_false(wf_text_next(&rest, ',', &field));
    rest = SPAN("");
    assert_true(wf_text_next(&rest, ',', &field));
    assert_int_equal(field.len, 0);
    assert_false(wf_text_next(&rest, ',', &field));
}

static void test_split_claim(void **state)
{
    (void)state;
    static const struct {
        struct wf_span item;
        const char *claim; /* NULL: a plain name */
        const char *value;
    } rows[] = {
        {SPAN("groups:staff"), "groups", "staff"},
        {SPAN("groups:a:b"), "groups", "a:b"},
        {SPAN("https://acme.example/groups:staff"), "https://acme.example/groups", "staff"},
        {SPAN("groups:/staff"), "groups", "/staff"},
        {SPAN("groups:"), "groups", ""},
        {SPAN(":staff"), "", "staff"},
        {SPAN("alice"), NULL, NULL},
        {SPAN("https://acme.example/groups"), NULL, NULL},
        {SPAN(""), NULL, NULL},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_span claim = SPAN("kept");
        struct wf_span value = SPAN("kept");
        bool split = wf_text_split_claim(rows[i].item, &claim, &value);
        assert_int_equal(split, rows[i].claim != NULL);
        assert_true(wf_span_equals(claim, split ? rows[i].claim : "kept"));
        assert_true(wf_span_equals(value, split ? rows[i].value : "kept"));
    }
    /* The bytes behind the span do not count */
    struct wf_span claim;
    struct wf_span value;
    assert_true(wf_text_split_claim((struct wf_span){"a://b", 3}, &claim, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sanitise),
        cmocka_unit_test(test_sanitise_each_byte),
        cmocka_unit_test(test_sanitise_cuts_between_characters),
        cmocka_unit_test(test_printable),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_fold_and_equals),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_duration),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_split_claim),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
