/* Asking the person: lines that the host cuts or refuses, pieces, and what is left of a line. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conv.h"
#include "failallocs.h"
#include "pamcase.h"

/* Blocks of memory are looked at before they go. */
static struct {
    const char *block;
    size_t len;
    bool held; /* it still did hold something */
} watched;
void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
    for (size_t i = 0; block != NULL && block == watched.block && i < watched.len; i++)
        watched.held = watched.held || watched.block[i] != '\0';
    __real_free(block);
}

/* What the host program does at each prompt: gives a line, fails, or both; and what it was asked. */
#define LINES_MAX 16
struct line {
    int code;
    const char *text; /* NULL: none */
};
static struct {
    const struct line *lines;
    size_t asked;
    bool hidden;
    char prompts[LINES_MAX + 1]; /* q: the question, f, s, n: the first, same, next piece */
    const char *told;
} host;

static char kind_of(const char *prompt)
{
    if (strncmp(prompt, "\nThat is too long for one line here.", 36) == 0)
        return 'f';
    if (strcmp(prompt, "Piece: ") == 0)
        return 's';
    if (strcmp(prompt, "Next piece (or an empty line to end): ") == 0)
        return 'n';
    return strcmp(prompt, "Code 100%: ") == 0 ? 'q' : '?';
}

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
    static char told[256];

    (void)data;
    assert_int_equal(n, 1);
    *resp = NULL;
    if (msg[0]->msg_style == PAM_ERROR_MSG) {
        (void)snprintf(told, sizeof(told), "%s", msg[0]->msg);
        host.told = told;
        return PAM_SUCCESS;
    }
    assert_true(host.asked < LINES_MAX);
    assert_int_equal(msg[0]->msg_style, host.hidden ? PAM_PROMPT_ECHO_OFF : PAM_PROMPT_ECHO_ON);
    const struct line *line = &host.lines[host.asked];
    host.prompts[host.asked++] = kind_of(msg[0]->msg);
    if (line->text != NULL) {
        *resp = __real_calloc(1, sizeof(**resp));
        assert_non_null(*resp);
        (*resp)->resp = __real_strdup(line->text);
        watched.block = (*resp)->resp;
        watched.len = strlen(line->text);
    }
    return line->code;
}

static int ask(const struct line *lines, bool hidden, bool cuts, struct wf_answer *answer)
{
    static const struct pam_conv conv = {converse, NULL};
    const struct wf_question question = {
        .prompt = "Code 100%: ", .hidden = hidden, .cuts_silently = cuts};
    pam_handle_t *pamh = pam_case_start(&conv);

    memset(&host, 0, sizeof(host));
    memset(&watched, 0, sizeof(watched));
    host.lines = lines;
    host.hidden = hidden;
    int code = wf_conv_ask(pamh, &question, answer);
    pam_case_end(pamh);
    return code;
}

static char a511[512], a512[513], a1022[1023], a1023[1024], a4095[4096];
static char most[WF_ANSWER_MAX + 200];                        /* as many as a test needs */
static char rest_fits[5537], rest_is_longer[5538], a60000[60001]; /* together the most, or more */

#define OK(text)                                                                                   \
    {                                                                                              \
        PAM_SUCCESS, text                                                                          \
    }
#define FAILS                                                                                      \
    {                                                                                              \
        PAM_CONV_ERR, NULL                                                                         \
    }

static const struct {
    const char *name;
    bool hidden;
    bool cuts;
    struct line lines[LINES_MAX];
    int code;
    const char *prompts;
    const char *text; /* NULL: longer than can be judged */
} rows[] = {
    {"a line", false, false, {OK("c")}, PAM_SUCCESS, "q", "c"},
    {"a hidden line", true, true, {OK("c")}, PAM_SUCCESS, "q", "c"},
    {"an empty line", false, false, {OK("")}, PAM_SUCCESS, "q", ""},
    {"512 bytes", false, false, {OK(a512)}, PAM_SUCCESS, "q", a512},
    {"1022 bytes", false, true, {OK(a1022)}, PAM_SUCCESS, "q", a1022},

    {"nobody, over ssh", false, true, {FAILS}, PAM_CONV_ERR, "q", ""},
    {"no memory there", false, false, {{PAM_BUF_ERR, NULL}}, PAM_BUF_ERR, "q", ""},
    {"no memory there, and a line", false, true, {{PAM_BUF_ERR, "c"}}, PAM_BUF_ERR, "q", ""},
    {"no line, over ssh", false, true, {OK(NULL)}, PAM_CONV_ERR, "q", ""},

    {"refused, and in pieces", false, false, {FAILS, OK("a"), OK("b"), OK("")}, PAM_SUCCESS, "qfnn",
     "ab"},
    {"the same, hidden", true, false, {FAILS, OK("a"), OK("b"), OK("")}, PAM_SUCCESS, "qfnn", "ab"},
    {"no line, and in pieces", false, false, {OK(NULL), OK("a"), OK("")}, PAM_SUCCESS, "qfn", "a"},
    {"three leftovers that are refused", false, false,
     {FAILS, FAILS, FAILS, FAILS, OK("a"), OK("")}, PAM_SUCCESS, "qfsssn", "a"},
    {"four", false, false, {FAILS, FAILS, FAILS, FAILS, FAILS, OK("a")}, PAM_CONV_ERR, "qfsss", ""},
    {"an empty leftover", false, false, {FAILS, OK(""), OK("a"), OK("")}, PAM_SUCCESS, "qfsn", "a"},
    {"two", false, false, {FAILS, OK(""), OK(""), OK("a")}, PAM_SUCCESS, "qfs", ""},
    {"all leftovers", false, false, {FAILS, FAILS, OK(""), FAILS, FAILS, OK("a"), OK("")},
     PAM_SUCCESS, "qfssssn", "a"},
    {"no memory for a piece", false, false, {FAILS, {PAM_BUF_ERR, NULL}, OK("a")}, PAM_BUF_ERR,
     "qf", ""},
    {"nobody behind a piece", false, false, {FAILS, OK("a"), FAILS, OK("b")}, PAM_CONV_ERR, "qfn",
     ""},

    {"cut by sudo", false, false, {OK(a511), OK("a"), OK("b"), OK("")}, PAM_SUCCESS, "qfnn", "ab"},
    {"cut by ssh", false, true, {OK(a1023), OK("a"), OK("b"), OK("")}, PAM_SUCCESS, "qfnn", "ab"},
    {"cut by a terminal", true, true, {OK(a4095), OK("a"), OK("")}, PAM_SUCCESS, "qfn", "a"},
    {"cut, and no piece", false, false, {OK(a511), OK(""), OK("a")}, PAM_SUCCESS, "qf", ""},
    {"cut, and nobody", false, false, {OK(a511), FAILS, OK("a")}, PAM_CONV_ERR, "qf", ""},
    {"cut, and nobody then", false, true, {OK(a511), OK("a"), FAILS}, PAM_CONV_ERR, "qfn", ""},
    {"a piece that is cut", false, true, {OK(a511), OK("a"), OK(a511), OK("b"), OK("")},
     PAM_SUCCESS, "qfnnn", NULL},
    {"a first piece that is cut", false, true, {OK(a511), OK(a1023), OK("")}, PAM_SUCCESS, "qfn",
     NULL},
    {"a hidden one", true, true, {OK(a511), OK(a511), OK("b")}, PAM_SUCCESS, "qf", NULL},
    {"a piece that is nearly cut", true, true, {OK(a511), OK(a512), OK("")}, PAM_SUCCESS, "qfn",
     a512},

    {"the most in pieces", false, true, {OK(a511), OK(a60000), OK(rest_fits), OK("")}, PAM_SUCCESS,
     "qfnn", most},
    {"one byte more", false, true, {OK(a511), OK(a60000), OK(rest_is_longer), OK("")}, PAM_SUCCESS,
     "qfnn", NULL},
    {"much more", false, true,
     {OK(a511), OK(a60000), OK(a60000), OK("b"), OK(a60000), OK(rest_fits), OK("")}, PAM_SUCCESS,
     "qfnnnnn", NULL},
};

static void fill(char *text, size_t size)
{
    memset(text, 'a', size - 1);
    text[size - 1] = '\0';
}

static void test_rows(void **state)
{
    struct wf_answer answer = {NULL, 0};

    (void)state;
    fill(a511, sizeof(a511));
    fill(a512, sizeof(a512));
    fill(a1022, sizeof(a1022));
    fill(a1023, sizeof(a1023));
    fill(a4095, sizeof(a4095));
    fill(a60000, sizeof(a60000));
    fill(rest_fits, sizeof(rest_fits));
    fill(rest_is_longer, sizeof(rest_is_longer));
    fill(most, WF_ANSWER_MAX + 1);
    /* With one answer for all: what it held before is gone */
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        int code = ask(rows[i].lines, rows[i].hidden, rows[i].cuts, &answer);
        size_t len = rows[i].text == NULL ? WF_ANSWER_MAX + 1 : strlen(rows[i].text);
        if (code != rows[i].code || strcmp(host.prompts, rows[i].prompts) != 0 || answer.len != len)
            fail_msg("%s: %d, %zu bytes, prompts \"%s\"", rows[i].name, code, answer.len,
                     host.prompts);
        if (rows[i].text != NULL && len > 0)
            assert_memory_equal(answer.text, rows[i].text, len);
        if (code != PAM_SUCCESS)
            assert_null(answer.text);
        /* The host's copy of the last line */
        assert_false(watched.held);
    }
    wf_answer_done(&answer);
}

/* One line that is as long as can be judged, or longer. */
static void test_longest(void **state)
{
    (void)state;
    static const size_t lens[] = {WF_ANSWER_MAX - 1, WF_ANSWER_MAX, WF_ANSWER_MAX + 1,
                                  WF_ANSWER_MAX + 2, WF_ANSWER_MAX + 100};
    const struct line lines[] = {OK(most), FAILS};

    for (size_t i = 0; i < WF_ARRAY_LEN(lens); i++) {
        struct wf_answer answer = {NULL, 0};
        fill(most, lens[i] + 1);
        assert_int_equal(ask(lines, false, true, &answer), PAM_SUCCESS);
        assert_int_equal(answer.len, lens[i] <= WF_ANSWER_MAX ? lens[i] : WF_ANSWER_MAX + 1);
        if (lens[i] <= WF_ANSWER_MAX)
            assert_memory_equal(answer.text, most, lens[i]);
        wf_answer_done(&answer);
    }
}

/* Nothing of an answer is left in memory, and it can be used again. */
static void test_done(void **state)
{
    (void)state;
    const struct line lines[] = {OK("code")};
    struct wf_answer answer = {NULL, 0};

    wf_answer_done(&answer);
    assert_int_equal(ask(lines, false, true, &answer), PAM_SUCCESS);
    watched.block = answer.text;
    watched.len = WF_ANSWER_MAX;
    wf_answer_done(&answer);
    assert_false(watched.held);
    assert_null(answer.text);
    assert_int_equal(answer.len, 0);
    wf_answer_done(&answer);
    /* Nor of one that ends in a failure */
    const struct line then_nobody[] = {OK(a511), OK("code"), FAILS};
    assert_int_equal(ask(then_nobody, false, true, &answer), PAM_CONV_ERR);
    assert_null(answer.text);
}

/* Without memory nothing more is asked, whatever was typed. */
static void test_memory(void **state)
{
    (void)state;
    const struct line lines[] = {OK(a511), OK("a"), OK("")};
    struct wf_answer answer = {NULL, 0};

    fail_alloc_at = 1;
    assert_int_equal(ask(lines, false, false, &answer), PAM_BUF_ERR);
    assert_int_equal(fail_alloc_at, 0);
    assert_string_equal(host.prompts, "q");
    assert_null(answer.text);
    assert_int_equal(answer.len, 0);
}

static void test_tell(void **state)
{
    (void)state;
    static const struct pam_conv conv = {converse, NULL};
    pam_handle_t *pamh = pam_case_start(&conv);

    host.told = NULL;
    wf_conv_tell(pamh, PAM_SILENT, "no");
    wf_conv_tell(pamh, (int)(PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK), "no");
    assert_null(host.told);
    wf_conv_tell(pamh, PAM_DISALLOW_NULL_AUTHTOK, "100% so");
    assert_string_equal(host.told, "100% so");
    pam_case_end(pamh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),   cmocka_unit_test(test_longest), cmocka_unit_test(test_done),
        cmocka_unit_test(test_memory), cmocka_unit_test(test_tell),
    };
    return cmocka_run_group_tests_name("pam_conv", tests, pam_case_setup, pam_case_teardown);
}
