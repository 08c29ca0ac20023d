/*
 * What wfauth-refresh tells whoever started it, over the socket pair: lines for the log, then one
 * that says how it went.
 *
 *   report = *( "L" number [ SP text ] LF ) "R" number [ SP text ] LF
 *
 * The numbers, decimal, are an enum wf_level and an enum wf_reason: both programs are of one build.
 * No token is among it: those lie in the store.
 */
#ifndef WF_REPORT_H
#define WF_REPORT_H

#include <stdint.h>

#include "err.h"
#include "log.h"

/* Write one line of the log, and the last line: any reason but WF_PENDING. They do not wait, and
 * raise no SIGPIPE: where nobody listens any more nothing happens. */
void wf_report_log(int fd, enum wf_level level, const char *text);
void wf_report_end(int fd, enum wf_reason reason, const char *text);

/* Pass on what comes to log (may be NULL), at most until the deadline, a point of wf_frame_now.
 * Returns the reason of the last line, its text in err; WF_UNREACHABLE if it does not come in time;
 * WF_INTERNAL if the other side has gone without it, or speaks otherwise. Any thread. */
enum wf_reason wf_report_receive(int fd, int64_t deadline, const struct wf_log *log,
                                 struct wf_err *err) WF_MUST_USE;

#endif
