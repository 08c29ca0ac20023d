/* The grammar of OAUTHBEARER and XOAUTH2, both ways: every row that is refused differs from an
 * accepted one in one thing. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "code.h"
#include "message.h"

#define SEP "\x01"
/* A text and its length: there may be a NUL in it. */
#define TEXT(text) text, sizeof(text) - 1

struct row {
    const char *name;
    const char *text;
    size_t len;
    const char *authzid; /* NULL: refused */
    const char *token;
    const char *host;
    unsigned port;
    const char *error; /* what the refusal's text must name */
};

#define GOOD(name, text, ...)                                                                      \
    {                                                                                              \
        name, TEXT(text), __VA_ARGS__                                                              \
    }
#define BAD(name, text, why)                                                                       \
    {                                                                                              \
        name, TEXT(text), NULL, NULL, NULL, 0, why                                                 \
    }

static const struct row oauthbearer_rows[] = {
    GOOD("plain", "n,," SEP "auth=Bearer tok" SEP SEP, "", "tok", NULL, 0, NULL),
    GOOD("y", "y,," SEP "auth=Bearer tok" SEP SEP, "", "tok", NULL, 0, NULL),
    GOOD("authzid", "n,a=ann@x.example," SEP "auth=Bearer tok" SEP SEP, "ann@x.example", "tok",
         NULL, 0, NULL),
    GOOD("a short authzid", "n,a=x," SEP "auth=Bearer tok" SEP SEP, "x", "tok", NULL, 0, NULL),
    GOOD("escapes", "n,a=a=2Cb=3Dc," SEP "auth=Bearer tok" SEP SEP, "a,b=c", "tok", NULL, 0, NULL),
    GOOD("only escapes", "n,a==2C=3D," SEP "auth=Bearer tok" SEP SEP, ",=", "tok", NULL, 0, NULL),
    GOOD("UTF-8", "n,a=\xc3\xa4," SEP "auth=Bearer tok" SEP SEP, "\xc3\xa4", "tok", NULL, 0, NULL),
    GOOD("scheme in any case", "n,," SEP "auth=bEARER tok" SEP SEP, "", "tok", NULL, 0, NULL),
    GOOD("blanks", "n,," SEP "auth=Bearer   tok" SEP SEP, "", "tok", NULL, 0, NULL),
    GOOD("host and port", "n,," SEP "host=h" SEP "port=143" SEP "auth=Bearer tok" SEP SEP, "",
         "tok", "h", 143, NULL),
    GOOD("any order", "n,," SEP "auth=Bearer tok" SEP "port=65535" SEP "host=h" SEP SEP, "", "tok",
         "h", 65535, NULL),
    GOOD("other keys",
         "n,," SEP "mthd=POST" SEP "qs=a b\t\r\n~" SEP "x=" SEP "auth=Bearer tok" SEP SEP, "",
         "tok", NULL, 0, NULL),
    GOOD("other keys twice", "n,," SEP "x=" SEP "x=" SEP "auth=Bearer tok" SEP SEP, "", "tok", NULL,
         0, NULL),
    GOOD("letters to the last", "n,," SEP "zZaA=" SEP "port=1" SEP "auth=Bearer tok" SEP SEP, "",
         "tok", NULL, 1, NULL),
    GOOD("discovery", "n,," SEP "auth=" SEP SEP, "", "", NULL, 0, NULL),
    GOOD("a token of signs", "n,," SEP "auth=Bearer !-._~+/:=" SEP SEP, "", "!-._~+/:=", NULL, 0,
         NULL),
    BAD("empty", "", "byte 0: expected n or y"),
    BAD("the answer to an error", SEP, "byte 0: expected n or y"),
    BAD("p", "p=tls-unique,," SEP "auth=Bearer tok" SEP SEP, "no channel binding"),
    BAD("nonstandard flag", "F,n,," SEP "auth=Bearer tok" SEP SEP, "byte 0: expected n or y"),
    BAD("upper case flag", "N,," SEP "auth=Bearer tok" SEP SEP, "byte 0: expected n or y"),
    BAD("no flag", ",," SEP "auth=Bearer tok" SEP SEP, "byte 0: expected n or y"),
    BAD("no comma behind the flag", "n" SEP "auth=Bearer tok" SEP SEP, "byte 0: expected n or y"),
    BAD("one comma", "n," SEP "auth=Bearer tok" SEP SEP, "byte 2: expected a= or a comma"),
    BAD("three commas", "n,,," SEP "auth=Bearer tok" SEP SEP, "byte 3: expected %x01"),
    BAD("a name without a=", "n,ann," SEP "auth=Bearer tok" SEP SEP, "byte 2: expected a="),
    BAD("an empty name", "n,a=," SEP "auth=Bearer tok" SEP SEP, "byte 5: expected a name"),
    BAD("no comma behind the name", "n,a=ann" SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("a bare =", "n,a=a=b," SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("an unknown escape", "n,a=a=41," SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("an escape in lower case", "n,a=a=2c," SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("half an escape", "n,a=a=2," SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("a = at the end", "n,a=a=," SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("a NUL in the name", "n,a=a\0b," SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("a newline in the name", "n,a=a\nb," SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("a separator in the name", "n,a=a" SEP "b," SEP "auth=Bearer tok" SEP SEP,
        "expected a name"),
    BAD("overlong UTF-8", "n,a=\xc0\xaf," SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("half a character", "n,a=\xc3," SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("text that turns round", "n,a=\xe2\x80\xae," SEP "auth=Bearer tok" SEP SEP,
        "expected a name"),
    BAD("no separator behind the header", "n,,auth=Bearer tok" SEP SEP, "byte 3: expected %x01"),
    BAD("two separators behind the header", "n,," SEP SEP "auth=Bearer tok" SEP SEP,
        "byte 5: expected nothing more"),
    BAD("no pairs", "n,," SEP SEP, "expected auth="),
    BAD("nothing behind the header", "n,,", "byte 3: expected %x01"),
    BAD("no end", "n,," SEP "auth=Bearer tok" SEP, "byte 20: expected a key"),
    BAD("no separator at the end", "n,," SEP "auth=Bearer tok", "byte 9: expected a value"),
    BAD("trailing bytes", "n,," SEP "auth=Bearer tok" SEP SEP "x",
        "byte 21: expected nothing more"),
    BAD("a trailing NUL", "n,," SEP "auth=Bearer tok" SEP SEP "\0", "expected nothing more"),
    BAD("a trailing separator", "n,," SEP "auth=Bearer tok" SEP SEP SEP, "expected nothing more"),
    BAD("doubled separator", "n,," SEP "host=h" SEP SEP "auth=Bearer tok" SEP SEP,
        "expected nothing more"),
    BAD("a key without letters", "n,," SEP "=x" SEP "auth=Bearer tok" SEP SEP, "expected a key"),
    BAD("a digit in a key", "n,," SEP "a1=x" SEP "auth=Bearer tok" SEP SEP, "expected a key"),
    BAD("a blank in a key", "n,," SEP "a b=x" SEP "auth=Bearer tok" SEP SEP, "expected a key"),
    BAD("a bracket in a key", "n,," SEP "a[=x" SEP "auth=Bearer tok" SEP SEP, "expected a key"),
    BAD("an at in a key", "n,," SEP "@=x" SEP "auth=Bearer tok" SEP SEP, "expected a key"),
    BAD("a backquote in a key", "n,," SEP "`=x" SEP "auth=Bearer tok" SEP SEP, "expected a key"),
    BAD("a brace in a key", "n,," SEP "{=x" SEP "auth=Bearer tok" SEP SEP, "expected a key"),
    BAD("a pair without =", "n,," SEP "host" SEP "auth=Bearer tok" SEP SEP, "expected a key"),
    BAD("UTF-8 in a value", "n,," SEP "x=\xc3\xa4" SEP "auth=Bearer tok" SEP SEP,
        "expected a value"),
    BAD("a NUL in a value", "n,," SEP "x=\0" SEP "auth=Bearer tok" SEP SEP, "expected a value"),
    BAD("DEL in a value", "n,," SEP "x=\x7f" SEP "auth=Bearer tok" SEP SEP, "expected a value"),
    BAD("a control byte in a value", "n,," SEP "x=\x1f" SEP "auth=Bearer tok" SEP SEP,
        "expected a value"),
    BAD("no auth", "n,," SEP "host=h" SEP SEP, "expected auth="),
    BAD("auth in upper case", "n,," SEP "AUTH=Bearer tok" SEP SEP, "expected auth="),
    BAD("two auths", "n,," SEP "auth=Bearer tok" SEP "auth=Bearer tok" SEP SEP, "no key twice"),
    BAD("an empty auth and one", "n,," SEP "auth=" SEP "auth=Bearer tok" SEP SEP, "no key twice"),
    BAD("two hosts", "n,," SEP "host=h" SEP "host=h" SEP "auth=Bearer tok" SEP SEP, "no key twice"),
    BAD("two ports", "n,," SEP "port=1" SEP "port=1" SEP "auth=Bearer tok" SEP SEP, "no key twice"),
    BAD("Basic", "n,," SEP "auth=Basic tok" SEP SEP, "auth=Bearer"),
    BAD("another of six letters", "n,," SEP "auth=Digest tok" SEP SEP, "auth=Bearer"),
    BAD("one byte", "n,," SEP "auth=x" SEP SEP, "auth=Bearer"),
    BAD("a longer scheme", "n,," SEP "auth=Bearers tok" SEP SEP, "auth=Bearer"),
    BAD("the scheme alone", "n,," SEP "auth=Bearer" SEP SEP, "auth=Bearer"),
    BAD("no token", "n,," SEP "auth=Bearer " SEP SEP, "auth=Bearer"),
    BAD("a tab for a blank", "n,," SEP "auth=Bearer\ttok" SEP SEP, "auth=Bearer"),
    BAD("a blank in front", "n,," SEP "auth= Bearer tok" SEP SEP, "auth=Bearer"),
    BAD("a blank behind", "n,," SEP "auth=Bearer tok " SEP SEP, "auth=Bearer"),
    BAD("two tokens", "n,," SEP "auth=Bearer tok tok" SEP SEP, "auth=Bearer"),
    BAD("a newline in the token", "n,," SEP "auth=Bearer t\nok" SEP SEP, "auth=Bearer"),
    BAD("DEL in the token", "n,," SEP "auth=Bearer t\x7fk" SEP SEP, "auth=Bearer"),
    BAD("DEL at the token's beginning", "n,," SEP "auth=Bearer \x7fk" SEP SEP, "auth=Bearer"),
    BAD("UTF-8 in the token", "n,," SEP "auth=Bearer \xc3\xa4" SEP SEP, "auth=Bearer"),
    BAD("a NUL in the token", "n,," SEP "auth=Bearer t\0k" SEP SEP, "auth=Bearer"),
    BAD("no number", "n,," SEP "port=imap" SEP "auth=Bearer tok" SEP SEP, "port="),
    BAD("port zero", "n,," SEP "port=0" SEP "auth=Bearer tok" SEP SEP, "port="),
    BAD("a high port", "n,," SEP "port=65536" SEP "auth=Bearer tok" SEP SEP, "port="),
    BAD("an empty port", "n,," SEP "port=" SEP "auth=Bearer tok" SEP SEP, "port="),
    BAD("an empty host", "n,," SEP "host=" SEP "auth=Bearer tok" SEP SEP, "host="),
};

static const struct row xoauth2_rows[] = {
    GOOD("plain", "user=ann" SEP "auth=Bearer tok" SEP SEP, "ann", "tok", NULL, 0, NULL),
    GOOD("an address", "user=a,b=c@x.example" SEP "auth=bearer tok" SEP SEP, "a,b=c@x.example",
         "tok", NULL, 0, NULL),
    GOOD("nobody", "user=" SEP "auth=Bearer tok" SEP SEP, "", "tok", NULL, 0, NULL),
    GOOD("no token", "user=ann" SEP "auth=" SEP SEP, "ann", "", NULL, 0, NULL),
    BAD("empty", "", "byte 0: expected user="),
    BAD("no user", "auth=Bearer tok" SEP SEP, "byte 0: expected user="),
    BAD("upper case", "USER=ann" SEP "auth=Bearer tok" SEP SEP, "byte 0: expected user="),
    BAD("no separator", "user=annauth=Bearer tok", "byte 5: expected a name"),
    BAD("a NUL in the name", "user=a\0b" SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("bad UTF-8", "user=\xff" SEP "auth=Bearer tok" SEP SEP, "expected a name"),
    BAD("no auth", "user=ann" SEP SEP, "byte 9: expected auth="),
    BAD("another key", "user=ann" SEP "host=h" SEP "auth=Bearer tok" SEP SEP, "expected auth="),
    BAD("Basic", "user=ann" SEP "auth=Basic tok" SEP SEP, "expected Bearer"),
    BAD("one byte", "user=ann" SEP "auth=x" SEP SEP, "expected Bearer"),
    BAD("no blank", "user=ann" SEP "auth=Bearertok" SEP SEP, "expected Bearer"),
    BAD("a NUL in the token", "user=ann" SEP "auth=Bearer t\0k" SEP SEP, "expected Bearer"),
    BAD("no end", "user=ann" SEP "auth=Bearer tok" SEP, "expected one %x01 more"),
    BAD("no separator at the end", "user=ann" SEP "auth=Bearer tok", "expected Bearer"),
    BAD("trailing bytes", "user=ann" SEP "auth=Bearer tok" SEP SEP "x", "nothing behind it"),
    BAD("three separators", "user=ann" SEP "auth=Bearer tok" SEP SEP SEP, "nothing behind it"),
};

typedef enum wf_reason reader(const char *text, size_t len, struct wf_message *ret,
                              struct wf_err *err);

static bool same(struct wf_span span, const char *text)
{
    return text == NULL ? span.ptr == NULL : wf_span_equals(span, text);
}

static void check_row(const struct row *row, reader *read)
{
    struct wf_message message = {.port = 4711};
    struct wf_err err = WF_ERR_INIT;
    /* A copy to the byte: what reads beyond it is seen */
    char *text = malloc(row->len + 1);

    assert_non_null(text);
    memcpy(text, row->text, row->len);
    char *exact = realloc(text, row->len == 0 ? 1 : row->len);
    enum wf_reason reason = read(exact, row->len, &message, &err);
    if (reason != (row->authzid == NULL ? WF_MALFORMED : WF_OK))
        fail_msg("%s: %s %s", row->name, wf_reason_name(reason), err.text);
    if (reason == WF_OK) {
        assert_string_equal(message.authzid, row->authzid);
        if (!(row->token[0] == '\0' ? message.token.len == 0 : same(message.token, row->token)) ||
            !same(message.host, row->host) || message.port != row->port)
            fail_msg("%s: other parts", row->name);
    } else {
        assert_int_equal(message.port, 4711);
        if (strstr(err.text, row->error) == NULL)
            fail_msg("%s: %s", row->name, err.text);
    }
    free(exact);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(oauthbearer_rows); i++)
        check_row(&oauthbearer_rows[i], wf_message_read_oauthbearer);
    for (size_t i = 0; i < WF_ARRAY_LEN(xoauth2_rows); i++)
        check_row(&xoauth2_rows[i], wf_message_read_xoauth2);
}

/* A message of `total` bytes: "before", filled, "after". */
static char *filled(const char *before, size_t total, const char *after)
{
    size_t head = strlen(before);
    size_t tail = strlen(after);
    char *text = malloc(total + 1);

    assert_non_null(text);
    memset(text, 'x', total);
    memcpy(text, before, head);
    memcpy(text + total - tail, after, tail + 1);
    return text;
}

static void test_sizes(void **state)
{
    static const struct {
        const char *before;
        size_t total;
        const char *after;
        reader *read;
        enum wf_reason reason;
    } rows[] = {
        {"n,," SEP "auth=Bearer ", WF_MESSAGE_MAX, SEP SEP, wf_message_read_oauthbearer, WF_OK},
        {"n,," SEP "auth=Bearer ", WF_MESSAGE_MAX + 1, SEP SEP, wf_message_read_oauthbearer,
         WF_TOO_LARGE},
        {"user=u" SEP "auth=Bearer ", WF_MESSAGE_MAX, SEP SEP, wf_message_read_xoauth2, WF_OK},
        {"user=u" SEP "auth=Bearer ", WF_MESSAGE_MAX + 1, SEP SEP, wf_message_read_xoauth2,
         WF_TOO_LARGE},
        {"n,a=", 4 + 320 + 19, "," SEP "auth=Bearer tok" SEP SEP, wf_message_read_oauthbearer,
         WF_OK},
        {"n,a=", 4 + 321 + 19, "," SEP "auth=Bearer tok" SEP SEP, wf_message_read_oauthbearer,
         WF_MALFORMED},
        {"n,a==2C", 4 + 3 + 319 + 19, "," SEP "auth=Bearer tok" SEP SEP,
         wf_message_read_oauthbearer, WF_OK},
        {"user=", 5 + 320 + 18, SEP "auth=Bearer tok" SEP SEP, wf_message_read_xoauth2, WF_OK},
        {"user=", 5 + 321 + 18, SEP "auth=Bearer tok" SEP SEP, wf_message_read_xoauth2,
         WF_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_message message;
        struct wf_err err = WF_ERR_INIT;
        char *text = filled(rows[i].before, rows[i].total, rows[i].after);
        enum wf_reason reason = rows[i].read(text, rows[i].total, &message, &err);
        if (reason != rows[i].reason)
            fail_msg("row %zu: %s %s", i, wf_reason_name(reason), err.text);
        free(text);
    }
}

/* Sixteen pairs, and not one more. */
static void test_pairs(void **state)
{
    char text[200];
    struct wf_message message;

    (void)state;
    for (size_t n = 15; n <= 17; n++) {
        memcpy(text, "n,," SEP, 4);
        size_t len = 4;
        for (size_t i = 0; i < n - 1; i++, len += 4)
            memcpy(text + len, "xy=" SEP, 4);
        memcpy(text + len, "auth=Bearer t" SEP SEP, 15);
        len += 15;
        assert_int_equal(wf_message_read_oauthbearer(text, len, &message, NULL),
                         n <= 16 ? WF_OK : WF_MALFORMED);
    }
}

static void test_written(void **state)
{
    static const struct {
        const char *authzid;
        const char *host;
        unsigned port;
        const char *text;
    } rows[] = {
        {"", "", 0, "n,," SEP "auth=Bearer tok" SEP SEP},
        {"a,b=c", "", 0, "n,a=a=2Cb=3Dc," SEP "auth=Bearer tok" SEP SEP},
        {"ann", "h.example", 993,
         "n,a=ann," SEP "host=h.example" SEP "port=993" SEP "auth=Bearer tok" SEP SEP},
        {"a\x01", "", 0, NULL},
        {"a\n", "", 0, NULL},
        {"\xff", "", 0, NULL},
        {"ann", "h\x01x", 0, NULL},
    };
    struct wf_span token = {"tok", 3};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_buf out = WF_BUF_INIT(1000);
        bool written =
            wf_message_write_oauthbearer(&out, rows[i].authzid, rows[i].host, rows[i].port, token);
        assert_int_equal(written, rows[i].text != NULL);
        if (written)
            assert_string_equal(wf_buf_text_borrow(&out), rows[i].text);
        wf_buf_done(&out);
    }
    struct wf_buf out = WF_BUF_INIT(1000);
    assert_true(wf_message_write_xoauth2(&out, "ann@x.example", token));
    assert_string_equal(wf_buf_text_borrow(&out),
                        "user=ann@x.example" SEP "auth=Bearer tok" SEP SEP);
    assert_false(wf_message_write_xoauth2(&out, "a" SEP "auth=Bearer other", token));
    wf_buf_done(&out);
    struct wf_buf small = WF_BUF_INIT(10);
    assert_false(wf_message_write_oauthbearer(&small, "", "", 0, token));
    wf_buf_reset(&small);
    assert_false(wf_message_write_xoauth2(&small, "", token));
    wf_buf_reset(&small);
    assert_false(wf_message_error_oauthbearer(&small, "invalid_token", "", ""));
    wf_buf_reset(&small);
    assert_false(wf_message_error_xoauth2(&small, "401", ""));
    wf_buf_done(&small);
}

static void test_errors(void **state)
{
    struct wf_buf out = WF_BUF_INIT(WF_MESSAGE_ERROR_MAX);

    (void)state;
    assert_true(wf_message_error_oauthbearer(&out, "invalid_token", "", ""));
    assert_string_equal(wf_buf_text_borrow(&out), "{\"status\":\"invalid_token\"}");
    wf_buf_reset(&out);
    assert_true(wf_message_error_oauthbearer(&out, "a\"\\\n\x1f\x7f\xff ~", "s t", "https://x"));
    assert_string_equal(wf_buf_text_borrow(&out),
                        "{\"status\":\"a\\\"\\\\\\u000a\\u001f\\u007f\\u00ff ~\",\"scope\":\"s t\","
                        "\"openid-configuration\":\"https://x\"}");
    wf_buf_reset(&out);
    assert_true(wf_message_error_xoauth2(&out, "401", "mail"));
    assert_string_equal(wf_buf_text_borrow(&out),
                        "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}");
    wf_buf_done(&out);
}

static void test_dummy(void **state)
{
    (void)state;
    assert_true(wf_message_is_dummy(NULL, 0));
    assert_true(wf_message_is_dummy(SEP, 1));
    assert_false(wf_message_is_dummy(SEP SEP, 2));
    assert_false(wf_message_is_dummy("x", 1));
    assert_false(wf_message_is_dummy("\0", 1));
}

/* An outage is never the token's fault; what is, is told. */
static void test_codes(void **state)
{
    static const struct {
        enum wf_reason reason;
        int code;
        const char *oauthbearer;
        const char *xoauth2;
    } rows[] = {
        {WF_OK, 0, NULL, NULL},
        {WF_TOO_LARGE, -13, "invalid_token", "401"},
        {WF_MALFORMED, -13, "invalid_token", "401"},
        {WF_SIGNATURE, -13, "invalid_token", "401"},
        {WF_EXPIRED, -13, "invalid_token", "401"},
        {WF_AUDIENCE, -13, "invalid_token", "401"},
        {WF_SCOPE, -13, "insufficient_scope", "403"},
        {WF_INACTIVE, -13, "invalid_token", "401"},
        {WF_IDENTITY, -13, "invalid_token", "401"},
        {WF_DENIED, -13, "invalid_token", "401"},
        {WF_PENDING, -24, NULL, NULL},
        {WF_UNREACHABLE, -24, NULL, NULL},
        {WF_CONFIG, -1, NULL, NULL},
        {WF_INTERNAL, -1, NULL, NULL},
        {(enum wf_reason)WF_REASON_COUNT, -1, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        const char *texts[] = {wf_sasl_status(rows[i].reason, false),
                               wf_sasl_status(rows[i].reason, true)};
        assert_int_equal(wf_sasl_code(rows[i].reason), rows[i].code);
        assert_int_equal(texts[0] == NULL, rows[i].oauthbearer == NULL);
        if (texts[0] != NULL) {
            assert_string_equal(texts[0], rows[i].oauthbearer);
            assert_string_equal(texts[1], rows[i].xoauth2);
        } else {
            assert_null(texts[1]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_sizes),  cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_written), cmocka_unit_test(test_errors), cmocka_unit_test(test_dummy),
        cmocka_unit_test(test_codes),
    };

    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
