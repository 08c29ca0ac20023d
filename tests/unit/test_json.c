#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
    {"real too large", SPAN("{\"a\":1e999}"), WF_MALFORMED},
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
