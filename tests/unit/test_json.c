#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failalloc.h"
#include "json.h"

#define SPAN(literal) ((struct wf_span){(literal), sizeof(literal) - 1})

static struct json_t *parse(const char *text)
{
    struct json_t *object = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_json_parse(text, strlen(text), &object, &err) != WF_OK)
        fail_msg("%s: %s", text, err.text);
    return object;
}

static const struct {
    const char *name;
    struct wf_span text;
    enum wf_reason reason;
} texts[] = {
    {"empty object", SPAN("{}"), WF_OK},
    {"blanks around", SPAN(" \n{\"a\": 1}\n"), WF_OK},
    {"same name in two objects", SPAN("{\"a\":{\"b\":1},\"c\":{\"b\":1}}"), WF_OK},
    {"brackets in a string", SPAN("{\"a\":\"[[\\\"[[[[[[[[[[[[[[[[[[[[\"}"), WF_OK},
    {"16 deep", SPAN("{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}"), WF_OK},
    {"many side by side", SPAN("{\"a\":[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]}"),
     WF_OK},
    {"17 deep", SPAN("{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"), WF_MALFORMED},
    {"nothing", SPAN(""), WF_MALFORMED},
    {"array", SPAN("[]"), WF_MALFORMED},
    {"string", SPAN("\"a\""), WF_MALFORMED},
    {"duplicate", SPAN("{\"a\":1,\"a\":1}"), WF_MALFORMED},
    {"duplicate inside", SPAN("{\"b\":{\"a\":1,\"a\":1}}"), WF_MALFORMED},
    {"duplicate by escape", SPAN("{\"a\":1,\"\\u0061\":1}"), WF_MALFORMED},
    {"two values", SPAN("{}{}"), WF_MALFORMED},
    {"behind it", SPAN("{} x"), WF_MALFORMED},
    {"NUL behind it", SPAN("{}\0"), WF_MALFORMED},
    {"NUL by escape", SPAN("{\"a\":\"\\u0000\"}"), WF_MALFORMED},
    {"NUL as it is", SPAN("{\"a\":\"\0\"}"), WF_MALFORMED},
    {"NUL in a name", SPAN("{\"\\u0000\":1}"), WF_MALFORMED},
    {"bad UTF-8", SPAN("{\"a\":\"\xc3\"}"), WF_MALFORMED},
    {"newline in a string", SPAN("{\"a\":\"\n\"}"), WF_MALFORMED},
    {"half a surrogate", SPAN("{\"a\":\"\\ud800\"}"), WF_MALFORMED},
    {"cut short", SPAN("{\"a\":1"), WF_MALFORMED},
    {"backslash at the end", SPAN("{\"a\":\"\\"), WF_MALFORMED},
    {"integer too large", SPAN("{\"a\":9223372036854775808}"), WF_MALFORMED},
    {"a real beyond all numbers", SPAN("{\"a\":1e999}"), WF_MALFORMED},
    {"smallest and largest integer", SPAN("{\"a\":-9223372036854775808,\"b\":9223372036854775807}"), WF_OK},
    {"integer too small", SPAN("{\"a\":-9223372036854775809}"), WF_MALFORMED},
    {"zeros", SPAN("{\"a\":[0,-0,0.0,0e0,-0.5E+1,1e-1]}"), WF_OK},
    {"zero in front", SPAN("{\"a\":01}"), WF_MALFORMED},
    {"plus in front", SPAN("{\"a\":+1}"), WF_MALFORMED},
    {"minus alone", SPAN("{\"a\":-}"), WF_MALFORMED},
    {"no digit behind the point", SPAN("{\"a\":1.}"), WF_MALFORMED},
    {"no digit in front of the point", SPAN("{\"a\":.1}"), WF_MALFORMED},
    {"no digit in the exponent", SPAN("{\"a\":1e+}"), WF_MALFORMED},
    {"NUL behind a number", SPAN("{\"a\":1\0}"), WF_MALFORMED},
    {"NUL in front", SPAN("\0{}"), WF_MALFORMED},
    {"all blanks", SPAN("\t\n\r {\t\n\r \"a\"\t\n\r :\t\n\r [\t\n\r ]\t\n\r }\t\n\r "), WF_OK},
    {"a form feed", SPAN("\f{}"), WF_MALFORMED},
    {"true, false, null", SPAN("{\"a\":[true,false,null]}"), WF_OK},
    {"a word in capitals", SPAN("{\"a\":True}"), WF_MALFORMED},
    {"a word with more behind", SPAN("{\"a\":nullx}"), WF_MALFORMED},
    {"half a word", SPAN("{\"a\":tru"), WF_MALFORMED},
    {"comma at the end of an array", SPAN("{\"a\":[1,]}"), WF_MALFORMED},
    {"comma at the end of an object", SPAN("{\"a\":1,}"), WF_MALFORMED},
    {"comma alone", SPAN("{,}"), WF_MALFORMED},
    {"two commas", SPAN("{\"a\":[1,,1]}"), WF_MALFORMED},
    {"no comma", SPAN("{\"a\":[1 1]}"), WF_MALFORMED},
    {"no colon", SPAN("{\"a\" 1}"), WF_MALFORMED},
    {"no value", SPAN("{\"a\":}"), WF_MALFORMED},
    {"a name that is no string", SPAN("{1:1}"), WF_MALFORMED},
    {"the other bracket", SPAN("{\"a\":[1}}"), WF_MALFORMED},
    {"array left open", SPAN("{\"a\":[1"), WF_MALFORMED},
    {"string left open", SPAN("{\"a\":\"b"), WF_MALFORMED},
    {"unknown escape", SPAN("{\"a\":\"\\x\"}"), WF_MALFORMED},
    {"escape of NUL", SPAN("{\"a\":\"\\\0\"}"), WF_MALFORMED},
    {"three digits", SPAN("{\"a\":\"\\u00e\"}"), WF_MALFORMED},
    {"a digit that is none", SPAN("{\"a\":\"\\u00eg\"}"), WF_MALFORMED},
    {"the other half of a surrogate", SPAN("{\"a\":\"\\udc00\"}"), WF_MALFORMED},
    {"two first halves", SPAN("{\"a\":\"\\ud800\\ud800\"}"), WF_MALFORMED},
    {"half and a letter", SPAN("{\"a\":\"\\ud800\\u0041\"}"), WF_MALFORMED},
    {"half and another escape", SPAN("{\"a\":\"\\ud800\\n\"}"), WF_MALFORMED},
    {"a surrogate as UTF-8", SPAN("{\"a\":\"\xed\xa0\x80\"}"), WF_MALFORMED},
    {"a longer form of a slash", SPAN("{\"a\":\"\xc0\xaf\"}"), WF_MALFORMED},
    {"above U+10FFFF", SPAN("{\"a\":\"\xf4\x90\x80\x80\"}"), WF_MALFORMED},
    {"bad UTF-8 in a name", SPAN("{\"\xc3\":1}"), WF_MALFORMED},
    {"byte order mark", SPAN("\xef\xbb\xbf{}"), WF_MALFORMED},
    {"comment", SPAN("{/**/}"), WF_MALFORMED},
    {"NaN", SPAN("{\"a\":NaN}"), WF_MALFORMED},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        struct json_t *object = NULL;
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = wf_json_parse(texts[i].text.ptr, texts[i].text.len, &object, &err);
        if (reason != texts[i].reason)
            fail_msg("%s: %s %s", texts[i].name, wf_reason_name(reason), err.text);
        assert_int_equal(object != NULL, reason == WF_OK);
        wf_json_free(object);
    }
    wf_json_free(NULL);
}

/* What escapes and bytes come to. */
static const struct {
    const char *text; /* behind the opening mark */
    const char *value;
} strings[] = {
    {"\"", ""},
    {"plain\"", "plain"},
    {"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
    {"a\\u0041\\u00e9\\u00E9b\"", "aA\xc3\xa9\xc3\xa9""b"},
    {"\\u0001\\u007f\\u0080\\u07ff\\u0800\\uffff\"", "\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
    {"\\ud800\\udc00\\ud83d\\ude00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f"},
};

static void test_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(strings); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "{\"a\":\"%s}", strings[i].text);
        struct json_t *object = parse(text);
        if (!wf_span_equals(wf_json_text(object, "a"), strings[i].value))
            fail_msg("%s: \"%s\"", text, wf_json_text(object, "a").ptr);
        wf_json_free(object);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } numbers[] = {{"0", 0}, {"-0", 0}, {"-1", -1}, {"3600", 3600},
                   {"9223372036854775807", INT64_MAX}, {"-9223372036854775807", -INT64_MAX},
                   {"-9223372036854775808", INT64_MIN}};

    for (size_t i = 0; i < WF_ARRAY_LEN(numbers); i++) {
        char text[64];
        int64_t value = 77;
        const struct wf_json_field field = {"a", WF_JSON_NUMBER, &value, true};
        (void)snprintf(text, sizeof(text), "{\"a\":%s}", numbers[i].text);
        struct json_t *object = parse(text);
        assert_int_equal(wf_json_read(object, &field, 1, NULL), WF_OK);
        if (value != numbers[i].value)
            fail_msg("%s is %lld", numbers[i].text, (long long)value);
        wf_json_free(object);
    }
}

static void test_error_text_quotes_nothing(void **state)
{
    (void)state;
    struct json_t *object = NULL;
    struct wf_err err = WF_ERR_INIT;
    static const char text[] = "{\"access_token\":hunter2}";

    assert_int_equal(wf_json_parse(text, strlen(text), &object, &err), WF_MALFORMED);
    assert_null(strstr(err.text, "hunter2"));
}

struct values {
    struct wf_span text;
    struct wf_secret *secret;
    int64_t number;
    bool flag;
    const struct json_t *object;
    const struct json_t *array;
};

static enum wf_reason read_values(const char *text, struct json_t **ret_json, struct values *values,
                                  struct wf_err *err)
{
    struct wf_json_field fields[] = {
        {"text", WF_JSON_TEXT, &values->text, true},
        {"secret", WF_JSON_SECRET, &values->secret, false},
        {"number", WF_JSON_NUMBER, &values->number, false},
        {"flag", WF_JSON_BOOL, &values->flag, false},
        {"object", WF_JSON_OBJECT, &values->object, false},
        {"array", WF_JSON_ARRAY, &values->array, false},
    };

    *ret_json = parse(text);
    return wf_json_read(*ret_json, fields, WF_ARRAY_LEN(fields), err);
}

static const struct {
    const char *text;
    const char *says; /* NULL: accepted */
} reads[] = {
    {"{\"text\":\"t\",\"secret\":\"s\",\"number\":-5,\"flag\":true,\"object\":{},\"array\":[]}",
     NULL},
    {"{\"text\":\"t\",\"other\":7}", NULL},
    {"{\"text\":\"t\",\"secret\":null,\"number\":null,\"flag\":null,\"object\":null}", NULL},
    {"{\"text\":\"t\",\"secret\":\"\"}", NULL},
    {"{}", "\"text\" is missing"},
    {"{\"text\":null}", "\"text\" is missing"},
    {"{\"text\":\"\"}", "\"text\" is empty"},
    {"{\"text\":7}", "\"text\" is not a string"},
    {"{\"text\":[\"t\"]}", "\"text\" is not a string"},
    {"{\"Text\":\"t\"}", "\"text\" is missing"},
    {"{\"text\":\"t\",\"secret\":7}", "\"secret\" is not a string"},
    {"{\"text\":\"t\",\"number\":\"5\"}", "\"number\" is not an integer"},
    {"{\"text\":\"t\",\"number\":5.0}", "\"number\" is not an integer"},
    {"{\"text\":\"t\",\"number\":true}", "\"number\" is not an integer"},
    {"{\"text\":\"t\",\"flag\":\"true\"}", "\"flag\" is not true or false"},
    {"{\"text\":\"t\",\"flag\":1}", "\"flag\" is not true or false"},
    {"{\"text\":\"t\",\"object\":[]}", "\"object\" is not an object"},
    {"{\"text\":\"t\",\"array\":{}}", "\"array\" is not an array"},
    {"{\"text\":\"t\",\"secret\":\"s\",\"array\":{}}", "\"array\" is not an array"},
};

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(reads); i++) {
        struct values values = {.number = 77};
        struct json_t *json = NULL;
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = read_values(reads[i].text, &json, &values, &err);
        if (reason != (reads[i].says == NULL ? WF_OK : WF_MALFORMED))
            fail_msg("%s: %s", reads[i].text, err.text);
        if (reads[i].says != NULL) {
            assert_string_equal(err.text, reads[i].says);
            assert_null(values.text.ptr);
            assert_null(values.secret);
        }
        wf_secret_free(values.secret);
        wf_json_free(json);
    }
}

static void test_read_values(void **state)
{
    (void)state;
    struct values values = {.number = 77};
    struct json_t *json = NULL;

    assert_int_equal(read_values(reads[0].text, &json, &values, NULL), WF_OK);
    assert_true(wf_span_equals(values.text, "t"));
    assert_string_equal(wf_secret_borrow(values.secret).ptr, "s");
    assert_int_equal(values.number, -5);
    assert_true(values.flag);
    assert_non_null(values.object);
    assert_non_null(values.array);
    wf_secret_free(values.secret);
    wf_json_free(json);
    values = (struct values){.number = 77};
    assert_int_equal(read_values(reads[2].text, &json, &values, NULL), WF_OK);
    assert_int_equal(values.number, 77);
    assert_null(values.secret);
    wf_json_free(json);
}

static void test_read_without_memory(void **state)
{
    (void)state;
    struct json_t *json = parse("{\"a\":\"1\",\"b\":\"2\"}");

    for (unsigned n = 1; n <= 2; n++) {
        struct wf_secret *a = NULL;
        struct wf_secret *b = NULL;
        struct wf_json_field fields[] = {{"a", WF_JSON_SECRET, &a, true},
                                         {"b", WF_JSON_SECRET, &b, true}};
        fail_alloc_at = n;
        assert_int_equal(wf_json_read(json, fields, WF_ARRAY_LEN(fields), NULL), WF_INTERNAL);
        assert_null(a);
        assert_null(b);
    }
    wf_json_free(json);
}

static void test_look(void **state)
{
    (void)state;
    struct json_t *json = parse("{\"t\":\"x\",\"e\":\"\",\"z\":null,\"n\":1,"
                                "\"l\":[\"a\",7,\"b\",[\"c\"],\"\"],\"o\":[{\"k\":\"v\"},5]}");

    assert_true(wf_span_equals(wf_json_text(json, "t"), "x"));
    assert_non_null(wf_json_text(json, "e").ptr);
    assert_null(wf_json_text(json, "n").ptr);
    assert_null(wf_json_text(json, "z").ptr);
    assert_null(wf_json_text(json, "l").ptr);
    assert_null(wf_json_text(json, "absent").ptr);

    assert_true(wf_json_has(json, "t", SPAN("x")));
    assert_true(wf_json_has(json, "l", SPAN("a")));
    assert_true(wf_json_has(json, "l", SPAN("b")));
    assert_true(wf_json_has(json, "l", SPAN("")));
    assert_true(wf_json_has(json, "e", (struct wf_span){NULL, 0}));
    assert_false(wf_json_has(json, "l", SPAN("c")));
    assert_false(wf_json_has(json, "l", SPAN("A")));
    assert_false(wf_json_has(json, "l", SPAN("a\0")));
    assert_false(wf_json_has(json, "l", SPAN("7")));
    assert_false(wf_json_has(json, "n", SPAN("1")));
    assert_false(wf_json_has(json, "t", SPAN("xy")));
    assert_false(wf_json_has(json, "absent", SPAN("")));
    assert_false(wf_json_has(json, "z", SPAN("")));

    assert_true(wf_json_present(json, "e"));
    assert_true(wf_json_present(json, "n"));
    assert_false(wf_json_present(json, "z"));
    assert_false(wf_json_present(json, "absent"));
    wf_json_free(json);
}

static void test_arrays(void **state)
{
    (void)state;
    struct json_t *json = parse("{\"o\":[{\"k\":\"v\"},5]}");
    const struct json_t *array = NULL;
    const struct wf_json_field field = {"o", WF_JSON_ARRAY, &array, true};

    assert_int_equal(wf_json_read(json, &field, 1, NULL), WF_OK);
    assert_int_equal(wf_json_array_len(array), 2);
    assert_true(wf_json_has(wf_json_array_object(array, 0), "k", SPAN("v")));
    assert_null(wf_json_array_object(array, 1));
    assert_null(wf_json_array_object(array, 2));
    assert_int_equal(wf_json_array_len(json), 0);
    wf_json_free(json);
}

static void test_build(void **state)
{
    (void)state;
    struct json_t *json = wf_json_new();

    assert_true(wf_json_set_text(json, "a", SPAN("old")));
    assert_true(wf_json_set_text(json, "a", SPAN("x\"\n\xc3\xa9")));
    assert_true(wf_json_set_text(json, "e", (struct wf_span){NULL, 0}));
    assert_true(wf_json_set_bool(json, "b", true));
    assert_true(wf_json_append_text(json, "l", SPAN("1")));
    assert_true(wf_json_append_text(json, "l", SPAN("2")));
    assert_false(wf_json_set_text(json, "a", SPAN("x\xc3")));
    assert_false(wf_json_set_text(json, "a", SPAN("x\0y")));
    assert_false(wf_json_append_text(json, "l", SPAN("x\xc3")));
    assert_false(wf_json_append_text(json, "l", SPAN("x\0y")));
    assert_false(wf_json_append_text(json, "a", SPAN("3")));
    char *text = wf_json_dump(json);
    assert_string_equal(text,
                        "{\"a\":\"x\\\"\\n\xc3\xa9\",\"e\":\"\",\"b\":true,\"l\":[\"1\",\"2\"]}");
    free(text);
    wf_json_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_error_text_quotes_nothing),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_values),
        cmocka_unit_test(test_read_without_memory),
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_build),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
