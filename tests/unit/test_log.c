#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "log.h"

struct seen {
    char line[WF_LOG_LINE_MAX + 1];
    enum wf_level level;
    unsigned count;
};

static void note(void *ctx, enum wf_level level, const char *line)
{
    struct seen *seen = ctx;

    assert_true(strlen(line) < WF_LOG_LINE_MAX);
    memcpy(seen->line, line, strlen(line) + 1);
    seen->level = level;
    seen->count++;
}

static void test_log(void **state)
{
    (void)state;
    struct seen seen = {.count = 0};
    struct wf_log log = {.write = note, .ctx = &seen};
    char text[2000];

    wf_log(&log, WF_LOG_ERROR, "a %s", "b\nc\033");
    assert_string_equal(seen.line, "a b?c?");
    assert_int_equal(seen.level, WF_LOG_ERROR);
    wf_log(&log, WF_LOG_DEBUG, "hidden");
    assert_int_equal(seen.count, 1);
    log.debug = true;
    wf_log(&log, WF_LOG_DEBUG, "shown");
    assert_int_equal(seen.count, 2);
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    wf_log(&log, WF_LOG_INFO, "%s", text);
    assert_int_equal(strlen(seen.line), WF_LOG_LINE_MAX - 1);
    log.write = NULL;
    wf_log(&log, WF_LOG_ERROR, "nowhere");
    wf_log(NULL, WF_LOG_ERROR, "nowhere");
    assert_int_equal(seen.count, 3);
}

static const struct {
    const char *name;
    struct wf_audit audit;
    enum wf_level level;
    const char *line;
} audits[] = {
    {"accepted",
     {.action = "sign-in",
      .service = "sshd",
      .user = "alice",
      .rhost = "192.0.2.1",
      .provider = "acme",
      .subject = "4c78",
      .reason = WF_OK,
      .text = "not shown"},
     WF_LOG_INFO,
     "sign-in service=\"sshd\" user=\"alice\" rhost=\"192.0.2.1\" provider=\"acme\" "
     "subject=\"4c78\" verdict=accept"},
    {"refused",
     {.action = "account", .user = "alice", .reason = WF_EXPIRED, .text = "too old"},
     WF_LOG_WARNING,
     "account user=\"alice\" verdict=refuse reason=expired text=\"too old\""},
    {"no text",
     {.action = "account", .reason = WF_EXPIRED, .text = ""},
     WF_LOG_WARNING,
     "account verdict=refuse reason=expired"},
    {"nothing known",
     {.reason = WF_INTERNAL},
     WF_LOG_WARNING,
     "verdict verdict=refuse reason=internal"},
    {"forged field",
     {.action = "sign-in", .user = "x\" verdict=accept \"", .reason = WF_DENIED},
     WF_LOG_WARNING,
     "sign-in user=\"x\\\" verdict=accept \\\"\" verdict=refuse reason=denied"},
    {"backslash before the end",
     {.action = "sign-in", .user = "x\\", .reason = WF_DENIED},
     WF_LOG_WARNING,
     "sign-in user=\"x\\\\\" verdict=refuse reason=denied"},
    {"control bytes",
     {.action = "sign-in", .user = "a\nb", .reason = WF_DENIED, .text = "\033[2J"},
     WF_LOG_WARNING,
     "sign-in user=\"a?b\" verdict=refuse reason=denied text=\"?[2J\""},
};

static void test_audit(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(audits); i++) {
        struct seen seen = {.count = 0};
        struct wf_log log = {.write = note, .ctx = &seen};
        wf_log_audit(&log, &audits[i].audit);
        if (strcmp(seen.line, audits[i].line) != 0)
            fail_msg("%s: %s", audits[i].name, seen.line);
        assert_int_equal(seen.level, audits[i].level);
        assert_int_equal(seen.count, 1);
    }
}

/* However long and full of quotes the values are, verdict and reason are there. */
static void test_audit_keeps_the_verdict(void **state)
{
    (void)state;
    char long_text[3000];
    struct seen seen = {.count = 0};
    struct wf_log log = {.write = note, .ctx = &seen};

    memset(long_text, '"', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    struct wf_audit audit = {.action = long_text,
                             .service = long_text,
                             .user = long_text,
                             .rhost = long_text,
                             .provider = long_text,
                             .subject = long_text,
                             .reason = WF_NOT_YET_VALID,
                             .text = long_text};
    wf_log_audit(&log, &audit);
    assert_non_null(strstr(seen.line, " verdict=refuse reason=not-yet-valid text=\"\\\""));
    assert_int_equal(seen.line[strlen(seen.line) - 1], '"');
    audit.reason = WF_OK;
    wf_log_audit(&log, &audit);
    assert_non_null(strstr(seen.line, " verdict=accept"));
    wf_log_audit(NULL, &audit);
    assert_int_equal(seen.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_audit),
        cmocka_unit_test(test_audit_keeps_the_verdict),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
