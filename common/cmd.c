#include "config.h"

#include "cmd.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

static const int exits[] = {
    [WF_OK] = WF_EXIT_DONE,
    [WF_TOO_LARGE] = WF_EXIT_REFUSED,
    [WF_MALFORMED] = WF_EXIT_REFUSED,
    [WF_ALGORITHM] = WF_EXIT_REFUSED,
    [WF_ISSUER] = WF_EXIT_REFUSED,
    [WF_KEY] = WF_EXIT_REFUSED,
    [WF_SIGNATURE] = WF_EXIT_REFUSED,
    [WF_TYPE] = WF_EXIT_REFUSED,
    [WF_EXPIRED] = WF_EXIT_REFUSED,
    [WF_NOT_YET_VALID] = WF_EXIT_REFUSED,
    [WF_AUDIENCE] = WF_EXIT_REFUSED,
    [WF_SCOPE] = WF_EXIT_REFUSED,
    [WF_INACTIVE] = WF_EXIT_REFUSED,
    [WF_IDENTITY] = WF_EXIT_REFUSED,
    [WF_DENIED] = WF_EXIT_REFUSED,
    [WF_PENDING] = WF_EXIT_REFUSED,
    [WF_UNREACHABLE] = WF_EXIT_UNREACHABLE,
    [WF_CONFIG] = WF_EXIT_USAGE,
    [WF_INTERNAL] = WF_EXIT_USAGE,
};
_Static_assert(WF_ARRAY_LEN(exits) == WF_REASON_COUNT, "every reason has its exit status");

int wf_exit_of(enum wf_reason reason)
{
    return (unsigned)reason < WF_REASON_COUNT ? exits[reason] : WF_EXIT_USAGE;
}

void wf_cmd_complain(const char *fmt, ...)
{
    char line[WF_LOG_LINE_MAX];
    va_list args;

    va_start(args, fmt);
    wf_text_format(line, sizeof(line), fmt, args);
    va_end(args);
    (void)fprintf(stderr, "wfauth: %s\n", line);
}

void wf_cmd_say(const char *fmt, ...)
{
    char line[WF_LOG_LINE_MAX];
    va_list args;

    va_start(args, fmt);
    wf_text_format(line, sizeof(line), fmt, args);
    va_end(args);
    (void)puts(line);
}

void wf_cmd_time(int64_t seconds, char ret[WF_CMD_TIME_SIZE])
{
    time_t at = (time_t)seconds;
    struct tm parts;

    if (gmtime_r(&at, &parts) == NULL ||
        strftime(ret, WF_CMD_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        (void)snprintf(ret, WF_CMD_TIME_SIZE, "?");
}

static void show(struct wf_cmd_ticker *ticker)
{
    (void)fprintf(stderr, ticker->shown ? "." : "Asking the provider ...");
    ticker->shown = true;
}

static void *tick(void *ctx)
{
    struct wf_cmd_ticker *ticker = ctx;
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    for (;;) {
        until.tv_sec++;
        int result;
        while ((result = sem_clockwait(&ticker->stop, CLOCK_MONOTONIC, &until)) != 0 &&
               errno == EINTR)
            continue;
        if (result == 0)
            return NULL;
        show(ticker);
    }
}

void wf_cmd_ticker_begin(struct wf_cmd_ticker *ticker, bool at_once)
{
    ticker->shown = false;
    if (at_once)
        show(ticker);
    ticker->runs = isatty(STDERR_FILENO) && sem_init(&ticker->stop, 0, 0) == 0 &&
                   pthread_create(&ticker->thread, NULL, tick, ticker) == 0;
}

void wf_cmd_ticker_end(struct wf_cmd_ticker *ticker)
{
    if (ticker->runs) {
        (void)sem_post(&ticker->stop);
        (void)pthread_join(ticker->thread, NULL);
        (void)sem_destroy(&ticker->stop);
    }
    if (ticker->shown)
        (void)fputc('\n', stderr);
}

/* The verdict is this program's own output: of the log only what is out of order is shown. */
static void write_log(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    switch (level) {
    case WF_LOG_ERROR:
    case WF_LOG_WARNING:
        if (strstr(line, " verdict=") == NULL)
            (void)fprintf(stderr, "wfauth: %s\n", line);
        break;
    case WF_LOG_INFO:
    case WF_LOG_DEBUG:
        break;
    }
}

/* A program that is started for a refresh reads it, too, and stands elsewhere. False if it is too
 * long, or this is no place. */
static bool make_absolute(const char *path, char ret[PATH_MAX])
{
    char here[PATH_MAX];
    int n = -1;

    if (path[0] == '/')
        n = snprintf(ret, PATH_MAX, "%s", path);
    else if (getcwd(here, sizeof(here)) != NULL)
        n = snprintf(ret, PATH_MAX, "%s/%s", here, path);
    return n > 0 && n < PATH_MAX;
}

struct wf_context *wf_cmd_context(const struct wf_cmd_global *global, int *ret_exit)
{
    char path[PATH_MAX];
    const struct wf_host host = {
        .config = global->config == NULL ? NULL : path,
        .log = {.write = write_log},
        .http_new = wf_http_choose_new,
    };
    struct wf_context *context = NULL;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = WF_CONFIG;

    if (global->config == NULL || make_absolute(global->config, path))
        reason = wf_context_new(&host, &context, &err);
    else
        (void)wf_fail(&err, reason, "cannot find %s: its path is too long", global->config);
    if (reason != WF_OK) {
        wf_cmd_complain("%s: %s", wf_reason_name(reason), err.text);
        *ret_exit = wf_exit_of(reason);
    }
    return context;
}
