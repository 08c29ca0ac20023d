/* What another process says about a refresh: read as it was written, and nothing else believed. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_frame.h"
#include "report.h"
#include "within.h"

/* Nobody answers: how long a test waits for that, in milliseconds. */
#define SHORT 20

static int pair[2]; /* written to, read from */
static char said[8192];
static unsigned levels;

/* How the next call fails; 0: it does not. */
static int poll_errno;
static int recv_errno;

static bool fails(int *number)
{
    if (*number == 0)
        return false;
    errno = *number;
    *number = 0;
    return true;
}

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    return fails(&poll_errno) ? -1 : __real_poll(fds, n, timeout);
}

ssize_t __real_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
    assert_true((flags & MSG_DONTWAIT) != 0);
    return fails(&recv_errno) ? -1 : __real_recv(fd, buf, len, flags);
}

static void write_log(void *ctx, enum wf_level level, const char *line)
{
    size_t used = strlen(said);

    (void)ctx;
    levels = levels * 10 + (unsigned)level;
    (void)snprintf(said + used, sizeof(said) - used, "%s\n", line);
}

static const struct wf_log sink = {.write = write_log, .debug = true};

static int set_up(void **state)
{
    (void)state;
    said[0] = '\0';
    levels = 0;
    poll_errno = 0;
    recv_errno = 0;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int tear_down(void **state)
{
    (void)state;
    if (pair[0] >= 0)
        (void)close(pair[0]);
    return close(pair[1]);
}

static void write_text(const char *text)
{
    assert_int_equal(write(pair[0], text, strlen(text)), (ssize_t)strlen(text));
}

/* Nobody writes any more. */
static void end_writing(void)
{
    assert_int_equal(close(pair[0]), 0);
    pair[0] = -1;
}

static enum wf_reason receive(struct wf_err *err)
{
    return wf_report_receive(pair[1], wf_frame_now() + SHORT, &sink, err);
}

/* Both ends of it agree. */
static void test_both_ways(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WF_REASON_COUNT; i++) {
        struct wf_err err = WF_ERR_INIT;
        if (i == WF_PENDING)
            continue;
        said[0] = '\0';
        levels = 0;
        wf_report_log(pair[0], WF_LOG_ERROR, "an error");
        wf_report_log(pair[0], WF_LOG_WARNING, "a warning");
        wf_report_log(pair[0], WF_LOG_INFO, " two  blanks ");
        wf_report_log(pair[0], WF_LOG_DEBUG, "");
        wf_report_end(pair[0], (enum wf_reason)i, "how it went");
        assert_int_equal(receive(&err), i);
        assert_string_equal(err.text, i == WF_OK ? "" : "how it went");
        assert_int_equal(levels, WF_LOG_ERROR * 1000 + WF_LOG_WARNING * 100 + WF_LOG_INFO * 10 +
                                     WF_LOG_DEBUG);
        assert_string_equal(said, "an error\na warning\ntwo  blanks\n\n");
    }
}

static const struct {
    const char *name;
    const char *text;
    enum wf_reason reason;
    const char *says; /* err, or the log where all is well */
} reports[] = {
    {"all is well", "R0\n", WF_OK, ""},
    {"and its blank", "R0 \n", WF_OK, ""},
    {"over", "R8 it is over\n", WF_EXPIRED, "it is over"},
    {"two digits", "R18 x\n", WF_INTERNAL, "x"},
    {"a line before it", "L1 hello\nR0\n", WF_OK, "hello"},
    {"nothing behind it counts", "R8 x\nR0\nL1 y\n", WF_EXPIRED, "x"},
    {"not finished is no end", "R15\nR8 x\n", WF_EXPIRED, "x"},
    {"an escape", "L1 \033[2J\nR0\n", WF_OK, "?[2J"},
    {"a number behind the last reason", "R19 x\n", WF_INTERNAL, "something else"},
    {"no number", "R x\n", WF_INTERNAL, "something else"},
    {"the letter alone", "R\n", WF_INTERNAL, "something else"},
    {"half a number", "R0x\n", WF_INTERNAL, "something else"},
    {"a leading zero", "R08 x\n", WF_INTERNAL, "something else"},
    {"a sign", "R-1 x\n", WF_INTERNAL, "something else"},
    {"a number behind the last level", "L4 x\nR0\n", WF_INTERNAL, "something else"},
    {"a level that is none", "L x\nR0\n", WF_INTERNAL, "something else"},
    {"another letter", "S0\n", WF_INTERNAL, "something else"},
    {"another case", "r0\n", WF_INTERNAL, "something else"},
    {"a blank before it", " R0\n", WF_INTERNAL, "something else"},
    {"an empty line", "\nR0\n", WF_INTERNAL, "something else"},
    {"an HTTP answer", "HTTP/1.1 200 OK\n\n", WF_INTERNAL, "something else"},
    {"nothing", "", WF_INTERNAL, "without a word"},
    {"no newline", "R0", WF_INTERNAL, "without a word"},
    {"lines and no end", "L1 x\nL1 y\n", WF_INTERNAL, "without a word"},
};

static void test_reports(void **state)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(reports); i++) {
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(set_up(state), 0);
        write_text(reports[i].text);
        end_writing();
        /* No error of before counts as one of now */
        errno = EAGAIN;
        enum wf_reason reason = receive(&err);
        if (reason != reports[i].reason ||
            strstr(reason == WF_OK ? said : err.text, reports[i].says) == NULL)
            fail_msg("%s: %s (%s)", reports[i].name, wf_reason_name(reason), err.text);
        assert_int_equal(tear_down(state), 0);
    }
    assert_int_equal(set_up(state), 0);
}

/* Reads are cut wherever it may be, and may find nothing after all. */
static void test_pieces(void **state)
{
    static const char text[] = "L1 one\nL2 two\nR8 three\n";
    struct wf_err err = WF_ERR_INIT;

    for (size_t i = 0; i < strlen(text); i++) {
        assert_int_equal(write(pair[0], text, i), (ssize_t)i);
        errno = 0;
        assert_int_equal(wf_report_receive(pair[1], wf_frame_now() + 1, &sink, &err),
                         WF_UNREACHABLE);
        assert_non_null(strstr(err.text, "goes on, and keeps what it gets: no answer in time"));
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
    write_text(text);
    poll_errno = EINTR;
    recv_errno = EAGAIN;
    assert_int_equal(receive(&err), WF_EXPIRED);
    assert_string_equal(err.text, "three");
    assert_string_equal(said, "one\ntwo\n");
}

static void test_deadline(void **state)
{
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    /* Over before it began: what has come is not looked at */
    write_text("R0\n");
    assert_int_equal(wf_report_receive(pair[1], wf_frame_now(), &sink, &err), WF_UNREACHABLE);
    assert_int_equal(receive(&err), WF_OK);
    /* Lines do not put it off */
    int64_t start = wf_frame_now();
    write_text("L1 x\n");
    assert_int_equal(wf_report_receive(pair[1], start + SHORT, &sink, &err), WF_UNREACHABLE);
    int64_t took = wf_frame_now() - start;
    assert_within((uintmax_t)took, SHORT, SHORT + 20000);
}

static void test_faults(void **state)
{
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    write_text("R0\n");
    poll_errno = ENOMEM;
    assert_int_equal(receive(&err), WF_INTERNAL);
    recv_errno = ECONNRESET;
    assert_int_equal(receive(&err), WF_INTERNAL);
    assert_non_null(strstr(err.text, "without a word"));
    assert_int_equal(receive(NULL), WF_OK);
}

/* A program that has gone mad fills no memory. */
static void test_too_much(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    char text[1001];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 30; i++)
        write_text(text);
    write_text("\n");
    assert_int_equal(receive(&err), WF_INTERNAL);
    assert_non_null(strstr(err.text, "something else"));
    for (int i = 0; i < 40; i++)
        write_text(text);
    assert_int_equal(receive(&err), WF_INTERNAL);
    assert_non_null(strstr(err.text, "too much"));
}

/* No text makes two lines of one, and the longest ones fit. */
static void test_texts(void **state)
{
    char text[WF_LOG_LINE_MAX + 100];
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    wf_report_log(pair[0], WF_LOG_INFO, "one\nR0 \n");
    wf_report_log(pair[0], WF_LOG_INFO, text);
    wf_report_end(pair[0], WF_DENIED, text);
    assert_int_equal(receive(&err), WF_DENIED);
    assert_int_equal(strlen(err.text), WF_ERR_TEXT_MAX - 1);
    assert_memory_equal(said, "one?R0 ?\nx", 10);
    assert_int_equal(strlen(said), 9 + WF_LOG_LINE_MAX);
}

/* Who has gone, or does not read, neither ends nor stops the program. */
static void test_nobody_reads(void **state)
{
    char text[WF_LOG_LINE_MAX];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 1000; i++)
        wf_report_log(pair[0], WF_LOG_INFO, text);
    assert_int_equal(close(pair[1]), 0);
    wf_report_log(pair[0], WF_LOG_INFO, text);
    wf_report_end(pair[0], WF_OK, "");
    end_writing();
    assert_int_equal(set_up(state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_ways, set_up, tear_down),
        cmocka_unit_test(test_reports),
        cmocka_unit_test_setup_teardown(test_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_faults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_much, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_reads, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
