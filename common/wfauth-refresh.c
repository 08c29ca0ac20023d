/*
 * wfauth-refresh: one refresh of one session, by a process that nobody's Ctrl-C or time-out ends
 * (refresh.h says why). Whoever needs a token starts it with a socket as standard input, the lock
 * of the session's record as descriptor 3, and an empty environment. It sends the request, by
 * whatever door is right for its user, keeps the answer, gives the lock back and says how it went.
 *
 * Usage: wfauth-refresh CONFIG FOLDER PROVIDER USER. Not for people. It is not set-user-id: started
 * by somebody else it can do no more than that person.
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "crypto.h"
#include "refresh.h"
#include "report.h"
#include "rlimits.h"
#include "wfauth.h"

#define SOCKET STDIN_FILENO

static void log_line(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    wf_report_log(SOCKET, level, line);
}

static void report_mistake(void *ctx, const char *line)
{
    (void)ctx;
    wf_report_log(SOCKET, WF_LOG_ERROR, line);
}

static int64_t system_clock(void)
{
    return time(NULL);
}

static enum wf_reason refresh(char **args, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    const struct wf_log log = {.write = log_line};
    struct wf_conf *conf = NULL;
    struct wf_store *store = NULL;
    struct wf_refresh job = {.log = &log, .clock = system_clock};

    reason = wf_rlimits_raise(WF_STORE_RECORD_MAX, err);
    if (reason == WF_OK)
        reason = wf_crypto_init(err);
    if (reason == WF_OK)
        reason = wf_conf_load(args[0], report_mistake, NULL, &conf, err);
    if (reason == WF_OK)
        reason = wf_store_open(args[1], &log, &store, err);
    if (reason != WF_OK)
        goto out;
    job.store = store;
    job.provider = wf_conf_provider(conf, args[2]);
    if (job.provider == NULL) {
        reason = wf_fail(err, WF_CONFIG, "%s has no provider %s any more", args[0], args[2]);
        goto out;
    }
    job.http = wf_http_choose_new(job.provider->helper_user);
    if (job.http == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for the door to the network");
        goto out;
    }
    reason = wf_refresh_use(&job, args[3], err);
out:
    wf_http_free(job.http);
    wf_store_free(store);
    wf_conf_free(conf);
    return reason;
}

/* A service that is stopped ends all its processes by some of these, a limit by others; the answer
 * that is on its way must be kept first, and the request has a time-out. Under su the real user id
 * is that of a person who could end us by SIGKILL, with somebody else's session. */
static void stay(void)
{
    static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                  SIGPIPE, SIGALRM, SIGXFSZ, SIGXCPU};

    if (geteuid() == 0)
        (void)!setresuid(0, 0, 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(signals); i++)
        (void)signal(signals[i], SIG_IGN);
}

/* Tokens are in here: no core file, and no tracing by others. */
static void shut_off(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
    struct wf_err err = WF_ERR_INIT;

    if (argc != 5 || !wf_child_has_socket() || fcntl(WF_CHILD_PASSED, F_GETFD) < 0) {
        (void)fprintf(stderr,
                      "wfauth-refresh is started by wfauth and pam_workfront, not by hand\n");
        return 2;
    }
    stay();
    shut_off();
    enum wf_reason reason = refresh(argv + 1, &err);
    wf_store_unlock(WF_CHILD_PASSED);
    wf_report_end(SOCKET, reason, err.text);
    /* Destructors of the libraries have nothing to add */
    _exit(0);
}
