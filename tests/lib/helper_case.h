/*
 * What tests of the helper program share: a server, a copy of the program whose owner is whoever
 * runs the test, requests through it.
 */
#ifndef WF_TEST_HELPER_CASE_H
#define WF_TEST_HELPER_CASE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http_helper_internal.h"
#include "httpd.h"

#define USER "daemon" /* on every system; its ids are 1 on Debian */
#define TIMEOUT_MS 30000

static const struct httpd_reply replies[] = {
    {.path = "/ok", .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
    {.path = "/hang", .bytes = "HTTP/1.1 200 OK\r\n", .end = HTTPD_HANG}};
static struct httpd *server;
static char scratch[4000];
static char helper[4100]; /* our own copy of the program, so that its owner is us */

static enum wf_reason get_within(struct wf_http *http, const char *path, uint32_t timeout_ms,
                                 struct wf_err *err)
{
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    char url[200];
    struct wf_http_request request = {.method = "GET",
                                      .url = url,
                                      .timeout_ms = timeout_ms,
                                      .max_body = 1000,
                                      .ca_file = httpd_ca_file()};

    snprintf(url, sizeof(url), "https://localhost:%d%s", httpd_port(server), path);
    enum wf_reason reason = wf_http_send(http, &request, &answer, err);
    wf_http_response_done(&answer);
    return reason;
}

static enum wf_reason get(struct wf_http *http, const char *path, struct wf_err *err)
{
    return get_within(http, path, TIMEOUT_MS, err);
}

static void get_ok(struct wf_http *http)
{
    struct wf_err err = WF_ERR_INIT;
    if (get(http, "/ok", &err) != WF_OK)
        fail_msg("%s", err.text);
}

static pid_t pid_of(const struct wf_http *http)
{
    return ((const struct wf_http_helper *)http)->child.pid;
}

/* In a child with one thread: the function's result is its exit status. The function must not use
 * cmocka's assertions, which would go on with the next test there. */
static int in_child(int (*function)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(function());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void copy_helper(void)
{
    char buffer[65536];
    size_t n;
    FILE *from = fopen(TEST_HELPER, "rb");
    FILE *to = fopen(helper, "wb");

    assert_non_null(from);
    assert_non_null(to);
    while ((n = fread(buffer, 1, sizeof(buffer), from)) > 0)
        assert_int_equal(fwrite(buffer, 1, n, to), n);
    fclose(from);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(chmod(helper, 0755), 0);
}

static int set_up(void **state)
{
    char here[3900];

    (void)state;
    assert_non_null(getcwd(here, sizeof(here)));
    /* Programs may not be started in /tmp everywhere, nor everywhere files be made here */
    snprintf(scratch, sizeof(scratch), "%s/test_http_helper.XXXXXX", here);
    if (mkdtemp(scratch) == NULL) {
        snprintf(scratch, sizeof(scratch), "/tmp/wf-test-program.XXXXXX");
        assert_non_null(mkdtemp(scratch));
    }
    assert_int_equal(chmod(scratch, 0755), 0);
    snprintf(helper, sizeof(helper), "%s/wfauth-http", scratch);
    copy_helper();
    server = httpd_start(HTTPD_GOOD, replies, WF_ARRAY_LEN(replies));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    httpd_stop(server);
    httpd_ca_remove();
    unlink(helper);
    rmdir(scratch);
    return 0;
}

#endif
