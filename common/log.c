#include "config.h"

#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* Bytes of what a field of an audit line says, its NUL included */
#define FIELD_SIZE 81

/* Where audit lines go. */
static bool takes_audit(const struct wf_log *log)
{
    return log != NULL && (log->audit != NULL || log->write != NULL);
}

void wf_log(const struct wf_log *log, enum wf_level level, const char *fmt, ...)
{
    char line[WF_LOG_LINE_MAX];
    va_list args;

    if (log == NULL || log->write == NULL || (level == WF_LOG_DEBUG && !log->debug))
        return;
    va_start(args, fmt);
    wf_text_format(line, sizeof(line), fmt, args);
    va_end(args);
    log->write(log->ctx, level, line);
}

/* Append ` name="value"`, at most size - 1 bytes of the value: quotes and backslashes escaped, so
 * that a value cannot end its quotes and forge a field. */
static size_t add_field(char *line, size_t used, const char *name, const char *value, size_t size)
{
    char clean[WF_ERR_TEXT_MAX];

    if (value == NULL)
        return used;
    wf_text_sanitise(clean, size, value, strlen(value));
    int n = snprintf(line + used, WF_LOG_LINE_MAX - used, " %s=\"", name);
    if (n < 0 || (size_t)n >= WF_LOG_LINE_MAX - used)
        return used;
    size_t at = used + (size_t)n;
    for (size_t i = 0; clean[i] != '\0' && at < WF_LOG_LINE_MAX - 3; i++) {
        if (clean[i] == '"' || clean[i] == '\\')
            line[at++] = '\\';
        line[at++] = clean[i];
    }
    line[at++] = '"';
    line[at] = '\0';
    return at;
}

void wf_log_audit(const struct wf_log *log, const struct wf_audit *audit)
{
    /* Starts empty: after a failed snprintf the line just lacks that part */
    char line[WF_LOG_LINE_MAX] = "";
    const struct {
        const char *name;
        const char *value;
    } fields[] = {{"service", audit->service},
                  {"user", audit->user},
                  {"rhost", audit->rhost},
                  {"provider", audit->provider},
                  {"subject", audit->subject}};

    if (!takes_audit(log))
        return;
    int n =
        snprintf(line, sizeof(line), "%.32s", audit->action == NULL ? "verdict" : audit->action);
    size_t used = n < 0 ? 0 : (size_t)n;
    /* Short enough that all five, escaped, leave room for the verdict */
    for (size_t i = 0; i < WF_ARRAY_LEN(fields); i++)
        used = add_field(line, used, fields[i].name, fields[i].value, FIELD_SIZE);
    if (audit->reason == WF_OK)
        n = snprintf(line + used, sizeof(line) - used, " verdict=accept");
    else
        n = snprintf(line + used, sizeof(line) - used, " verdict=refuse reason=%s",
                     wf_reason_name(audit->reason));
    used += n < 0 ? 0 : (size_t)n;
    if (audit->reason != WF_OK && audit->text != NULL && audit->text[0] != '\0')
        (void)add_field(line, used, "text", audit->text, WF_ERR_TEXT_MAX);
    const struct wf_log to = {log->audit != NULL ? log->audit : log->write, log->ctx, false, NULL};
    wf_log(&to, audit->reason == WF_OK ? WF_LOG_INFO : WF_LOG_WARNING, "%s", line);
}
