#include "config.h"

#include "report.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "http_frame.h"
#include "text.h"

/* "R12 ", a text of either kind, a newline. */
#define LINE_MAX_BYTES ((size_t)WF_LOG_LINE_MAX + 8)
/* All of a report: a handful of lines, unless something is wrong over there. */
#define REPORT_MAX (32 * LINE_MAX_BYTES)

static void send_line(int fd, const char *head, const char *text)
{
    char line[LINE_MAX_BYTES];
    char clean[WF_LOG_LINE_MAX];

    wf_text_sanitise(clean, sizeof(clean), text, strlen(text));
    int n = snprintf(line, sizeof(line), "%s %s\n", head, clean);
    if (n > 0 && (size_t)n < sizeof(line))
        (void)!send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void wf_report_log(int fd, enum wf_level level, const char *text)
{
    char head[8];

    (void)snprintf(head, sizeof(head), "L%u", (unsigned)level % 10);
    send_line(fd, head, text);
}

void wf_report_end(int fd, enum wf_reason reason, const char *text)
{
    char head[8];

    (void)snprintf(head, sizeof(head), "R%02u", (unsigned)reason % 100);
    send_line(fd, head, text);
}

/* One line without its newline. True if it is the last one: then *ret is the verdict. */
static bool read_line(struct wf_span line, const struct wf_log *log, enum wf_reason *ret,
                      struct wf_err *err)
{
    uint64_t reason = 0;
    int text_len = (int)line.len - 3;

    if (line.len >= 3 && line.ptr[0] == 'L' && line.ptr[1] >= '0' && line.ptr[2] == ' ' &&
        line.ptr[1] <= '0' + WF_LOG_DEBUG) {
        wf_log(log, (enum wf_level)(line.ptr[1] - '0'), "%.*s", text_len, line.ptr + 3);
        return false;
    }
    if (line.len < 4 || line.ptr[0] != 'R' || line.ptr[3] != ' ') {
        *ret = wf_fail(err, WF_INTERNAL, "wfauth-refresh says something else than how it went");
        return true;
    }
    /* "07": wf_text_number takes no leading zero */
    struct wf_span digits = {line.ptr + (line.ptr[1] == '0' ? 2 : 1), line.ptr[1] == '0' ? 1 : 2};
    if (!wf_text_number(digits, 0, WF_INTERNAL, &reason))
        *ret = wf_fail(err, WF_INTERNAL, "wfauth-refresh gives a reason that there is not");
    else if (reason == WF_OK)
        *ret = WF_OK;
    else
        *ret = wf_fail(err, (enum wf_reason)reason, "%.*s", text_len - 1, line.ptr + 4);
    return true;
}

/* True if a whole line is there, which is taken off the front by moving *at. */
static bool next_line(const struct wf_buf *in, size_t *at, struct wf_span *ret)
{
    const char *start = (const char *)in->data + *at;
    const char *end = in->len > *at ? memchr(start, '\n', in->len - *at) : NULL;

    if (end == NULL)
        return false;
    *ret = (struct wf_span){start, (size_t)(end - start)};
    *at += ret->len + 1;
    return true;
}

/* Wait for more. WF_OK if some came. */
static enum wf_reason receive_more(int fd, int64_t deadline, struct wf_buf *in, struct wf_err *err)
{
    int64_t left = deadline - wf_frame_now();
    struct pollfd pfd = {fd, POLLIN, 0};

    if (left <= 0)
        return wf_fail(err, WF_UNREACHABLE,
                       "wfauth-refresh takes too long; it goes on, and keeps what it gets");
    int ready = poll(&pfd, 1, (int)left);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return WF_OK;
    uint8_t *room = wf_buf_room(in, LINE_MAX_BYTES);
    if (room == NULL)
        return wf_fail(err, WF_INTERNAL, "wfauth-refresh says too much");
    ssize_t n = recv(fd, room, LINE_MAX_BYTES, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        return wf_fail(err, WF_INTERNAL, "wfauth-refresh ended without a word: was it killed?");
    wf_buf_added(in, n > 0 ? (size_t)n : 0);
    return WF_OK;
}

enum wf_reason wf_report_receive(int fd, int64_t deadline, const struct wf_log *log,
                                 struct wf_err *err)
{
    struct wf_buf in = WF_BUF_INIT(REPORT_MAX);
    struct wf_span line = {NULL, 0};
    enum wf_reason reason = WF_OK;
    size_t at = 0;
    bool done = false;

    while (!done && reason == WF_OK) {
        if (next_line(&in, &at, &line))
            done = read_line(line, log, &reason, err);
        else
            reason = receive_more(fd, deadline, &in, err);
    }
    wf_buf_done(&in);
    return reason;
}
