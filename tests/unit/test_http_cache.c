/* What headers say about keeping an answer. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http_cache.h"

#define NONE (-1)

static const struct {
    const char *name;
    const char *headers; /* "name: value" lines */
    int64_t max_age;     /* NONE: nothing said */
    const char *etag;
} rows[] = {
    {"nothing", "x: y", NONE, ""},
    {"max-age", "cache-control: max-age=300", 300, ""},
    {"in capitals", "Cache-Control: Max-Age=300", 300, ""},
    {"quoted", "cache-control: max-age=\"300\"", 300, ""},
    {"leading zeros", "cache-control: max-age=000300", 300, ""},
    {"zero", "cache-control: max-age=0", 0, ""},
    {"among others", "cache-control: public, max-age=300 , must-revalidate", 300, ""},
    {"a year", "cache-control: max-age=31536000", 31536000, ""},
    {"more than a year", "cache-control: max-age=31536001", 31536000, ""},
    {"more than any number", "cache-control: max-age=99999999999999999999999", 31536000, ""},
    {"negative", "cache-control: max-age=-1", NONE, ""},
    {"no number", "cache-control: max-age=ten", NONE, ""},
    {"a number and more", "cache-control: max-age=300s", NONE, ""},
    {"empty", "cache-control: max-age=", NONE, ""},
    {"no value", "cache-control: max-age", NONE, ""},
    {"half a quote", "cache-control: max-age=\"300", NONE, ""},
    {"one quote", "cache-control: max-age=\"", NONE, ""},
    {"other directive", "cache-control: s-maxage=300", NONE, ""},
    {"no-store", "cache-control: no-store", 0, ""},
    {"no-cache", "cache-control: no-cache", 0, ""},
    {"no-store, whatever else", "cache-control: no-store, max-age=300", 0, ""},
    {"no-store, behind it", "cache-control: max-age=300, no-store", 0, ""},
    {"the shorter of two", "cache-control: max-age=300\ncache-control: max-age=200", 200, ""},
    {"the shorter, first", "cache-control: max-age=200, max-age=300", 200, ""},
    {"older already", "cache-control: max-age=300\nage: 100", 200, ""},
    {"older, said first", "AGE: 100\ncache-control: max-age=300", 200, ""},
    {"the older of two", "age: 100\nage: 200\nage: 50\ncache-control: max-age=300", 100, ""},
    {"as old as that", "age: 300\ncache-control: max-age=300", 0, ""},
    {"too old", "age: 301\ncache-control: max-age=300", 0, ""},
    {"age alone", "age: 100", NONE, ""},
    {"age that is none", "age: x\ncache-control: max-age=300", 300, ""},
    {"tag", "etag: \"a-b\"", NONE, "\"a-b\""},
    {"tag of the last printable byte", "etag: \"~\"", NONE, "\"~\""},
    {"tag and lifetime", "cache-control: max-age=300\netag: \"a\"", 300, "\"a\""},
    {"directives elsewhere", "x: no-store", NONE, ""},
    {"tag in capitals", "ETag: \"a\"", NONE, "\"a\""},
    {"empty tag", "etag: \"\"", NONE, "\"\""},
    {"weak tag", "etag: W/\"a\"", NONE, "W/\"a\""},
    {"weak in small letters", "etag: w/\"a\"", NONE, ""},
    {"not quoted", "etag: a", NONE, ""},
    {"not closed", "etag: \"a", NONE, ""},
    {"not opened", "etag: a\"", NONE, ""},
    {"one quote alone", "etag: \"", NONE, ""},
    {"weak and nothing", "etag: W/", NONE, ""},
    {"no value at all", "etag: ", NONE, ""},
    {"quote inside", "etag: \"a\"b\"", NONE, ""},
    {"blank inside", "etag: \"a b\"", NONE, ""},
    {"control byte", "etag: \"a\x1f\"", NONE, ""},
    {"high byte", "etag: \"\xc3\xa9\"", NONE, ""},
    {"two tags", "etag: \"a\"\netag: \"b\"", NONE, ""},
    {"three tags", "etag: \"a\"\netag: \"b\"\netag: \"c\"", NONE, ""},
};

static void read_headers(const char *text, struct wf_http_response *response)
{
    struct wf_span rest = {text, strlen(text)};
    struct wf_http_cache cache = {0};
    struct wf_span line;

    while (wf_text_next(&rest, '\n', &line)) {
        const char *colon = memchr(line.ptr, ':', line.len);
        struct wf_span name = {line.ptr, (size_t)(colon - line.ptr)};
        struct wf_span value = wf_text_trim(colon + 1, line.len - name.len - 1);
        wf_http_cache_take(&cache, name, value, response);
    }
    wf_http_cache_finish(&cache, response);
}

static void test_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
        read_headers(rows[i].headers, &response);
        if (response.has_max_age != (rows[i].max_age != NONE) ||
            response.max_age != (rows[i].max_age == NONE ? 0 : rows[i].max_age) ||
            strcmp(response.etag, rows[i].etag) != 0)
            fail_msg("%s: %d, %u, \"%s\"", rows[i].name, response.has_max_age, response.max_age,
                     response.etag);
    }
}

static void test_long_tag(void **state)
{
    char tag[WF_HTTP_ETAG_SIZE + 2];

    (void)state;
    for (size_t len = WF_HTTP_ETAG_SIZE - 2; len <= WF_HTTP_ETAG_SIZE; len++) {
        struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
        struct wf_http_cache cache = {0};
        memset(tag, 'x', sizeof(tag));
        tag[0] = '"';
        tag[len - 1] = '"';
        wf_http_cache_take(&cache, (struct wf_span){"etag", 4}, (struct wf_span){tag, len},
                           &response);
        assert_int_equal(strlen(response.etag), len < WF_HTTP_ETAG_SIZE ? len : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_long_tag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
