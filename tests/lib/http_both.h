/*
 * Run a group of tests through both implementations of the door: libcurl in this process, and the
 * helper. As root the first runs in a child that has become nobody, since libcurl refuses to run as
 * root; the helper becomes "daemon", which every system has.
 */
#ifndef WF_TEST_HTTP_BOTH_H
#define WF_TEST_HTTP_BOTH_H

#include <grp.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http.h"
#include "httpd.h"

#define TIMEOUT_MS 30000
#define MAX_BODY 1000

static bool with_helper;

static struct wf_http *make(void)
{
    return with_helper ? wf_http_helper_new(TEST_HELPER, "daemon") : wf_http_curl_new();
}

static struct wf_http_request request_to(const char *scheme, const char *host, int port,
                                         const char *path)
{
    static char url[4096];
    snprintf(url, sizeof(url), "%s://%s:%d%s", scheme, host, port, path);
    return (struct wf_http_request){.method = "GET",
                                    .url = url,
                                    .timeout_ms = TIMEOUT_MS,
                                    .max_body = MAX_BODY,
                                    .ca_file = httpd_ca_file()};
}

/* Root: the in-process rows run as nobody. */
static int run_in_process(int (*run)(const char *name), const char *name)
{
    int status = 0;
    char full[100];

    (void)snprintf(full, sizeof(full), "%s, in process", name);
    if (geteuid() != 0)
        return run(full);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 ||
            setresuid(65534, 65534, 65534) != 0)
            _exit(99);
        int failed = run(full);
        fflush(NULL);
        _exit(failed);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* run: a group of tests; the result is a program's exit status. */
static int run_both(int (*run)(const char *name), const char *name)
{
    char full[100];

    (void)httpd_ca_file();
    int failed = run_in_process(run, name);
    with_helper = true;
    (void)snprintf(full, sizeof(full), "%s, by the helper", name);
    failed += run(full);
    httpd_ca_remove();
    return failed == 0 ? 0 : 1;
}

#endif
