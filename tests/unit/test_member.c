/* Members: what is written comes back, and what is no good leaves nothing behind. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "member.h"
#include "secret.h"

struct thing {
    char *text;
    char before; /* bytes beside a word, which are not its own */
    char word[6];
    char after;
    struct wf_secret *secret;
    int64_t number;
    int64_t needed;
};

#define AT(member) WF_MEMBER_AT(struct thing, member)
static const struct wf_member members[] = {
    {"secret", WF_MEMBER_SECRET, AT(secret), false},
    {"text", WF_MEMBER_TEXT, AT(text), true},
    {"word", WF_MEMBER_WORD, AT(word), false},
    {"number", WF_MEMBER_NUMBER, AT(number), false},
    {"needed", WF_MEMBER_NUMBER, AT(needed), true},
};
static const struct thing empty = {.text = NULL};

static char *write_thing(const struct thing *thing)
{
    struct json_t *object = wf_json_new();

    assert_true(wf_members_write(members, WF_ARRAY_LEN(members), thing, object));
    char *text = wf_json_dump(object);
    wf_json_free(object);
    assert_non_null(text);
    return text;
}

static void test_write(void **state)
{
    char all[] = "t\"";
    struct thing thing = {.text = all, .before = '<', .word = "abcde", .after = '>', .number = -5};
    struct json_t *object = wf_json_new();

    (void)state;
    thing.secret = wf_secret_new("s", 1);
    char *text = write_thing(&thing);
    assert_string_equal(text, "{\"secret\":\"s\",\"text\":\"t\\\"\",\"word\":\"abcde\","
                              "\"number\":-5,\"needed\":0}");
    free(text);
    wf_secret_free(thing.secret);
    /* What is absent is not written, but for a number that must be there */
    text = write_thing(&empty);
    assert_string_equal(text, "{\"needed\":0}");
    free(text);
    memcpy(thing.word, "\xff", 2);
    thing.secret = NULL;
    assert_false(wf_members_write(members, WF_ARRAY_LEN(members), &thing, object));
    wf_json_free(object);
}

static const struct {
    const char *json;
    const char *says; /* NULL: it is read, and written again it is the same */
} rows[] = {
    {"{\"secret\":\"s\",\"text\":\"t\",\"word\":\"abcde\",\"number\":7,\"needed\":8}", NULL},
    {"{\"text\":\"t\",\"needed\":0}", NULL},
    {"{\"text\":\"t\",\"word\":\"\xc3\xa4\xc3\xb6\",\"needed\":-9223372036854775808}", NULL},
    {"{\"text\":\"t\"}", "needed"},
    {"{\"needed\":1}", "text"},
    {"{\"text\":\"\",\"needed\":1}", "text"},
    {"{\"text\":5,\"needed\":1}", "text"},
    {"{\"text\":\"t\",\"needed\":\"1\"}", "needed"},
    {"{\"text\":\"t\",\"needed\":1,\"secret\":5}", "secret"},
    {"{\"text\":\"t\",\"needed\":1,\"word\":\"abcdef\"}", "word has 6 bytes, expected at most 5"},
    {"{\"secret\":\"s\",\"text\":\"t\",\"needed\":1,\"word\":\"abcdef\"}", "word has 6"},
    {"{\"text\":\"t\",\"needed\":1,\"word\":\"a\\u001b\"}", "word has characters"},
    {"{\"text\":\"t\",\"needed\":1,\"word\":\"\\u200b\"}", "word has characters"},
};

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct thing thing;
        struct thing clean;
        struct json_t *object = NULL;
        struct wf_err err = WF_ERR_INIT;
        /* With what is between members, too */
        memset(&clean, 0, sizeof(clean));
        clean.before = '<';
        clean.after = '>';
        memcpy(&thing, &clean, sizeof(thing));
        assert_int_equal(wf_json_parse(rows[i].json, strlen(rows[i].json), &object, NULL), WF_OK);
        enum wf_reason reason =
            wf_members_read(members, WF_ARRAY_LEN(members), object, &thing, &err);
        wf_json_free(object);
        if (reason != (rows[i].says == NULL ? WF_OK : WF_MALFORMED) ||
            (rows[i].says != NULL && strstr(err.text, rows[i].says) == NULL))
            fail_msg("%s: %s", rows[i].json, err.text);
        if (rows[i].says == NULL) {
            char *again = write_thing(&thing);
            assert_string_equal(again, rows[i].json);
            free(again);
            wf_members_done(members, WF_ARRAY_LEN(members), &thing);
        }
        /* All empty, and nothing beside it touched */
        assert_memory_equal(&thing, &clean, sizeof(thing));
    }
}

static void test_many(void **state)
{
    struct wf_member many[WF_MEMBERS_MAX + 1];
    struct thing thing = empty;
    struct json_t *object = wf_json_new();

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(many); i++)
        many[i] = (struct wf_member){"number", WF_MEMBER_NUMBER, AT(number), false};
    assert_true(wf_json_set_number(object, "number", 3));
    assert_int_equal(wf_members_read(many, WF_MEMBERS_MAX, object, &thing, NULL), WF_OK);
    assert_int_equal(thing.number, 3);
    thing = empty;
    assert_int_equal(wf_members_read(many, WF_MEMBERS_MAX + 1, object, &thing, NULL), WF_INTERNAL);
    assert_int_equal(thing.number, 0);
    wf_json_free(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
