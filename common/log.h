/*
 * Where log lines and audit lines go: a function of the host's (syslog through PAM or SASL,
 * standard error of the command). The core formats first and hands over one finished, sanitised
 * line without a newline. Nothing here allocates.
 */
#ifndef WF_LOG_H
#define WF_LOG_H

#include <stdbool.h>

#include "err.h"

enum wf_level {
    WF_LOG_ERROR,
    WF_LOG_WARNING,
    WF_LOG_INFO,  /* the audit lines of what was accepted; refusals are warnings */
    WF_LOG_DEBUG, /* written only where the host asked for it */
};

/* Bytes of one line, its NUL included; a longer line is cut. */
#define WF_LOG_LINE_MAX 1024

/* Plain data in the caller's storage. write may be NULL: nothing is logged. audit may be NULL:
 * then write gets the audit lines, too. */
struct wf_log {
    void (*write)(void *ctx, enum wf_level level, const char *line);
    void *ctx;
    bool debug;
    void (*audit)(void *ctx, enum wf_level level, const char *line);
};

/* Write one line. log may be NULL. As thread-safe as the host's write function. */
void wf_log(const struct wf_log *log, enum wf_level level, const char *fmt, ...) WF_PRINTF(3, 4);

/* What an audit line says. Every member may be NULL or come from outside unchecked: values are
 * quoted and sanitised. Members that are NULL are left out. */
struct wf_audit {
    const char *action; /* "sign-in", "account" */
    const char *service;
    const char *user;
    const char *rhost;
    const char *provider;
    const char *subject;
    enum wf_reason reason; /* WF_OK: verdict=accept, else verdict=refuse reason=NAME */
    const char *text;      /* the administrator's text of a refusal */
};

/* One line: `sign-in service="sshd" user="alice" … verdict=refuse reason=expired text="…"`. */
void wf_log_audit(const struct wf_log *log, const struct wf_audit *audit);

#endif
