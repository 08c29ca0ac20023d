#include "config.h"

#include "report.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "buf.h"
#include "http_frame.h"
#include "text.h"

/* A letter, a number, a blank, a text of either kind, a newline, a NUL. */
#define LINE_MAX_BYTES ((size_t)WF_LOG_LINE_MAX + 16)
/* All of a report: a handful of lines, unless something is wrong over there. */
#define REPORT_MAX (32 * LINE_MAX_BYTES)

static void send_line(int fd, char kind, unsigned number, const char *text)
{
    char line[LINE_MAX_BYTES];
    char clean[WF_LOG_LINE_MAX];

    wf_text_sanitise(clean, sizeof(clean), text, strlen(text));
    (void)snprintf(line, sizeof(line), "%c%u %s\n", kind, number, clean);
    (void)!send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void wf_report_log(int fd, enum wf_level level, const char *text)
{
    send_line(fd, 'L', (unsigned)level, text);
}

void wf_report_end(int fd, enum wf_reason reason, const char *text)
{
    send_line(fd, 'R', (unsigned)reason, text);
}

/* One line without its newline, which follows it in memory. WF_PENDING if it is not the last one.
 */
static enum wf_reason read_line(struct wf_span line, const struct wf_log *log, struct wf_err *err)
{
    const char *blank = memchr(line.ptr, ' ', line.len);
    size_t head = blank == NULL ? line.len : (size_t)(blank - line.ptr);
    struct wf_span text = wf_text_trim(line.ptr + head, line.len - head);
    struct wf_span digits = {line.ptr + 1, head - 1};
    uint64_t number;

    if (line.ptr[0] == 'L' && wf_text_number(digits, 0, WF_LOG_DEBUG, &number)) {
        wf_log(log, (enum wf_level)number, "%.*s", (int)text.len, text.ptr);
        return WF_PENDING;
    }
    if (line.ptr[0] != 'R' || !wf_text_number(digits, 0, WF_INTERNAL, &number))
        return wf_fail(err, WF_INTERNAL, "wfauth-refresh says something else than how it went");
    if (number == WF_OK)
        return WF_OK;
    return wf_fail(err, (enum wf_reason)number, "%.*s", (int)text.len, text.ptr);
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

/* Wait for more. WF_PENDING if some may have come. */
static enum wf_reason receive_more(int fd, int64_t deadline, struct wf_buf *in, struct wf_err *err)
{
    enum wf_reason reason = wf_frame_wait(fd, POLLIN, deadline, err);

    if (reason != WF_OK) {
        wf_err_context(err, "wfauth-refresh goes on, and keeps what it gets");
        return reason;
    }
    uint8_t *room = wf_buf_room(in, LINE_MAX_BYTES);
    if (room == NULL)
        return wf_fail(err, WF_INTERNAL, "wfauth-refresh says too much");
    ssize_t n = recv(fd, room, LINE_MAX_BYTES, MSG_DONTWAIT);
    if (n > 0)
        wf_buf_added(in, (size_t)n);
    else if (n == 0 || errno != EAGAIN)
        return wf_fail(err, WF_INTERNAL, "wfauth-refresh ended without a word: was it killed?");
    return WF_PENDING;
}

enum wf_reason wf_report_receive(int fd, int64_t deadline, const struct wf_log *log,
                                 struct wf_err *err)
{
    struct wf_buf in = WF_BUF_INIT(REPORT_MAX);
    enum wf_reason reason = WF_PENDING;
    struct wf_span line;
    size_t at = 0;

    while (reason == WF_PENDING) {
        if (next_line(&in, &at, &line))
            reason = read_line(line, log, err);
        else
            reason = receive_more(fd, deadline, &in, err);
    }
    wf_buf_done(&in);
    return reason;
}
