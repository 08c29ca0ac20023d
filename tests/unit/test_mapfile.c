#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "buf.h"
#include "failalloc.h"
#include "mapfile.h"

/* Some compilers make one of malloc and what clears the memory */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

#define SPAN(literal) ((struct wf_span){(literal), sizeof(literal) - 1})
/* WF_CLAIM_MAX bytes */
#define LONGEST                                                                                    \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789"             \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789"             \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789"             \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789"

/* Each map is asked for ann@acme.example. */
static const struct {
    const char *name;
    struct wf_span text;
    const char *found; /* NULL: no line */
} good[] = {
    {"one line", SPAN("ann@acme.example ann\n"), "ann"},
    {"no newline at the end", SPAN("ann@acme.example ann"), "ann"},
    {"blanks and tabs", SPAN("  ann@acme.example \t ann\t \n"), "ann"},
    {"CR LF", SPAN("ann@acme.example ann\r\n"), "ann"},
    {"upper case", SPAN("Ann@ACME.example ann\n"), "ann"},
    {"special name", SPAN("ann@acme.example root\n"), "root"},
    {"service name", SPAN("ann@acme.example _apt\n"), "_apt"},
    {"nobody", SPAN("ann@acme.example -\n"), ""},
    {"first of several", SPAN("ann@acme.example ann\nbob b\nzoe z\n"), "ann"},
    {"last of several", SPAN("aaa a\nabc b\nann@acme.example ann\n"), "ann"},
    {"middle of several", SPAN("zoe z\nann@acme.example ann\naaa a\n"), "ann"},
    {"comments and empty lines", SPAN("# a\n\n \t\n  # ann@acme.example x y\nann@acme.example ann"),
     "ann"},
    {"any bytes in a comment", SPAN("#\xff\x01\nann@acme.example ann"), "ann"},
    {"# inside the value", SPAN("a#b x\nann@acme.example ann"), "ann"},
    {"two people, one user", SPAN("bob ann\nann@acme.example ann"), "ann"},
    {"longest value", SPAN(LONGEST " a\nann@acme.example ann"), "ann"},
    {"empty file", SPAN(""), NULL},
    {"only a comment", SPAN("# ann@acme.example ann\n"), NULL},
    {"a beginning", SPAN("ann@acme.exampl ann\n"), NULL},
    {"a longer one", SPAN("ann@acme.examples ann\n"), NULL},
    {"another", SPAN("bnn@acme.example ann\n"), NULL},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(good); i++) {
        struct wf_mapfile *map = NULL;
        struct wf_err err = WF_ERR_INIT;
        struct wf_span name = SPAN("kept");
        if (wf_mapfile_parse("map", good[i].text, &map, &err) != WF_OK)
            fail_msg("%s: %s", good[i].name, err.text);
        bool found = wf_mapfile_find(map, SPAN("ann@acme.example"), &name);
        if (found != (good[i].found != NULL) ||
            !wf_span_equals(name, found ? good[i].found : "kept"))
            fail_msg("%s", good[i].name);
        wf_mapfile_free(map);
    }
}

/* Each has one mistake, behind or before a line that is fine. */
static const struct {
    const char *name;
    struct wf_span text;
    const char *says;
} bad[] = {
    {"one word", SPAN("ann ann\nbob\n"), "map:2: expected two words"},
    {"three words", SPAN("# x\nann ann x\nbob bob\n"), "map:2: expected two words"},
    {"comment behind", SPAN("ann ann # Ann\n"), "map:1: expected two words"},
    {"name invalid", SPAN("ann ann\n\nbob bob@acme\n"), "map:3: \"bob@acme\" is no valid"},
    {"name in upper case", SPAN("ann Ann\n"), "map:1: \"Ann\" is no valid"},
    {"name overlong", SPAN("ann a23456789012345678901234567890123\n"), "map:1: "},
    {"two dashes", SPAN("ann --\n"), "map:1: \"--\" is no valid"},
    {"NUL in the value", SPAN("a\0n ann\n"), "map:1: VALUE is not printable"},
    {"NUL in the name", SPAN("ann a\0n\n"), "map:1: "},
    {"escape in the value", SPAN("a\033n ann\n"), "map:1: VALUE is not printable"},
    {"beyond ASCII", SPAN("\xc3\xa4nn ann\n"), "map:1: VALUE is not printable"},
    {"byte order mark",
     SPAN("\xef\xbb\xbf"
          "ann ann\n"),
     "map:1: VALUE is not printable"},
    {"value overlong", SPAN(LONGEST "x ann\n"), "map:1: VALUE is not printable"},
    {"duplicate", SPAN("ann a\nbob b\nann c\n"), "map:3: this VALUE stands on line 1"},
    {"duplicate, the same name", SPAN("ann a\nann a\n"), "map:2: this VALUE stands on line 1"},
    {"duplicate by case", SPAN("zoe z\nAnn a\nann c\n"), "map:3: this VALUE stands on line 2"},
    {"duplicate of nobody", SPAN("ann -\nann a\n"), "map:2: this VALUE stands on line 1"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(bad); i++) {
        struct wf_mapfile *map = NULL;
        struct wf_err err = WF_ERR_INIT;
        enum wf_reason reason = wf_mapfile_parse("map", bad[i].text, &map, &err);
        if (reason != WF_CONFIG || strncmp(err.text, bad[i].says, strlen(bad[i].says)) != 0)
            fail_msg("%s: %s %s", bad[i].name, wf_reason_name(reason), err.text);
        assert_null(map);
    }
    wf_mapfile_free(NULL);
}

static void test_many(void **state)
{
    (void)state;
    struct wf_buf text = WF_BUF_INIT(WF_MAPFILE_MAX);
    struct wf_mapfile *map = NULL;
    struct wf_span name;
    char key[20];

    for (unsigned i = 0; i < 20000; i++)
        wf_buf_append_format(&text, "p%u@acme.example user%u\n", i * 7919 % 20000, i);
    assert_true(wf_buf_ok(&text));
    assert_int_equal(
        wf_mapfile_parse("map", (struct wf_span){(const char *)text.data, text.len}, &map, NULL),
        WF_OK);
    for (unsigned i = 0; i < 20000; i++) {
        char value[40];
        (void)snprintf(value, sizeof(value), "p%u@acme.example", i * 7919 % 20000);
        (void)snprintf(key, sizeof(key), "user%u", i);
        assert_true(wf_mapfile_find(map, (struct wf_span){value, strlen(value)}, &name));
        assert_true(wf_span_equals(name, key));
    }
    assert_false(wf_mapfile_find(map, SPAN("p20000@acme.example"), &name));
    wf_mapfile_free(map);
    wf_buf_done(&text);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct wf_mapfile *map = NULL;

    for (unsigned n = 1; n <= 3; n++) {
        fail_alloc_at = n;
        assert_int_equal(wf_mapfile_parse("map", SPAN("ann ann\n"), &map, NULL), WF_INTERNAL);
        assert_null(map);
    }
    fail_alloc_at = 0;
}

static void test_load(void **state)
{
    (void)state;
    char path[] = "/tmp/wf-test-map.XXXXXX";
    struct wf_mapfile *map = NULL;
    struct wf_span name;
    struct wf_err err = WF_ERR_INIT;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "ann a\nbob\n", 10), 10);
    assert_int_equal(wf_mapfile_load(path, &map, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, ":2: expected"));
    assert_int_equal(ftruncate(fd, 6), 0);
    assert_int_equal(wf_mapfile_load(path, &map, &err), WF_OK);
    assert_true(wf_mapfile_find(map, SPAN("ann"), &name));
    wf_mapfile_free(map);
    map = NULL;
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_int_equal(wf_mapfile_load(path, &map, &err), WF_OK);
    wf_mapfile_free(map);
    map = NULL;
    assert_int_equal(fchmod(fd, 0666), 0);
    assert_int_equal(wf_mapfile_load(path, &map, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "can be written by others"));
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_int_equal(ftruncate(fd, WF_MAPFILE_MAX + 1), 0);
    assert_int_equal(wf_mapfile_load(path, &map, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "larger than"));
    fail_alloc_at = 1;
    assert_int_equal(wf_mapfile_load(path, &map, &err), WF_INTERNAL);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(wf_mapfile_load(path, &map, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "No such file"));
    assert_null(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_bad),       cmocka_unit_test(test_many),
        cmocka_unit_test(test_load), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("mapfile", tests, NULL, NULL);
}
