/*
 * What libcurl is told to send and to trust, through both implementations: requests as the server
 * sees them, proxies, authorities, the environment, a fork.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "http_both.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define JSON "Content-Type: application/json\r\n"
#define BODY "Content-Length: 2\r\n\r\n{}"

static const struct httpd_reply replies[] = {{.path = "/length", .bytes = OK JSON BODY}};
static struct httpd *server;

/* What is sent. */

static const char *sent(size_t i, const char *name)
{
    static char value[20000];
    return httpd_header(httpd_request(server, i), name, value, sizeof(value));
}

static void test_request(void **state)
{
    static char body[WF_HTTP_REQUEST_BODY_MAX];
    struct wf_http *http = make();
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request =
        request_to("https", "localhost", httpd_port(server), "/length?a=b");
    size_t at = httpd_request_count(server);

    (void)state;
    memset(body, 'b', sizeof(body));
    request.headers[0] = (struct wf_http_header){"sessionID", {"s3cret\xc3\xa9", 8}};
    request.header_count = 1;
    assert_int_equal(wf_http_send(http, &request, &answer, NULL), WF_OK);
    assert_string_equal(httpd_request(server, at)->method, "GET");
    assert_string_equal(httpd_request(server, at)->target, "/length?a=b");
    assert_string_equal(sent(at, "sessionid"), "s3cret\xc3\xa9");
    assert_string_equal(sent(at, "user-agent"), "wfauth/" PACKAGE_VERSION);
    assert_string_equal(sent(at, "accept"), "application/json");
    assert_null(sent(at, "accept-encoding"));
    assert_null(sent(at, "cookie"));
    assert_null(sent(at, "authorization"));
    assert_non_null(strstr(httpd_request(server, at)->head, " HTTP/1.1\r\n"));

    request.method = "POST";
    request.body = (struct wf_span){body, sizeof(body)};
    request.headers[0] = (struct wf_http_header){"Accept", {"text/x", 6}};
    assert_int_equal(wf_http_send(http, &request, &answer, NULL), WF_OK);
    assert_string_equal(httpd_request(server, at + 1)->method, "POST");
    assert_int_equal(httpd_request(server, at + 1)->body_len, sizeof(body));
    assert_memory_equal(httpd_request(server, at + 1)->body, body, sizeof(body));
    assert_string_equal(sent(at + 1, "accept"), "text/x");
    assert_string_equal(sent(at + 1, "content-type"), "application/x-www-form-urlencoded");
    assert_null(sent(at + 1, "expect"));
    assert_null(sent(at + 1, "sessionid"));

    request.body = (struct wf_span){NULL, 0};
    request.headers[0] = (struct wf_http_header){"content-type", {"application/json", 16}};
    assert_int_equal(wf_http_send(http, &request, &answer, NULL), WF_OK);
    assert_int_equal(httpd_request(server, at + 2)->body_len, 0);
    assert_string_equal(sent(at + 2, "content-length"), "0");
    assert_string_equal(sent(at + 2, "content-type"), "application/json");
    /* One connection served all three */
    assert_int_equal(httpd_request(server, at)->connection,
                     httpd_request(server, at + 2)->connection);
    wf_http_response_done(&answer);
    wf_http_free(http);
}

/* Many large headers fit, and a body with NUL bytes. */
static void test_largest_request(void **state)
{
    static char value[WF_HTTP_HEADER_VALUE_MAX];
    struct wf_http *http = make();
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request =
        request_to("https", "localhost", httpd_port(server), "/length");
    struct wf_err err = WF_ERR_INIT;
    size_t at = httpd_request_count(server);

    (void)state;
    memset(value, 'v', sizeof(value));
    for (size_t i = 0; i < 3; i++)
        request.headers[i] = (struct wf_http_header){"X-Large", {value, sizeof(value)}};
    request.header_count = 3;
    request.method = "POST";
    request.body = (struct wf_span){"a\0b", 3};
    if (wf_http_send(http, &request, &answer, &err) != WF_OK)
        fail_msg("%s", err.text);
    assert_memory_equal(httpd_request(server, at)->body, "a\0b", 3);
    assert_int_equal(strlen(sent(at, "x-large")), sizeof(value));
    wf_http_response_done(&answer);
    wf_http_free(http);
}

/* A cookie that was set does not come back, and a redirect asks nobody else. */
static void test_nothing_is_remembered(void **state)
{
    static const struct httpd_reply cookie[] = {
        {.path = "/c", .bytes = OK "Set-Cookie: a=b; Path=/\r\nStrict-Transport-Security: "
                                   "max-age=9\r\nAlt-Svc: h2=\":1\"\r\n" BODY}};
    struct httpd *httpd = httpd_start(HTTPD_GOOD, cookie, 1);
    struct wf_http *http = make();
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request = request_to("https", "localhost", httpd_port(httpd), "/c");
    char value[100];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(wf_http_send(http, &request, &answer, NULL), WF_OK);
        assert_null(httpd_header(httpd_request(httpd, i), "cookie", value, sizeof(value)));
    }
    wf_http_response_done(&answer);
    wf_http_free(http);
    httpd_stop(httpd);
}

static void test_proxy(void **state)
{
    static const struct httpd_reply tunnel[] = {
        {.path = "/length", .bytes = OK JSON BODY},
        {.bytes = OK JSON JSON "\r\n", .end = HTTPD_TUNNEL}};
    static const struct httpd_reply refusal[] = {
        {.bytes = "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"}};
    struct httpd *proxy = httpd_start(HTTPD_PLAIN, tunnel, 2);
    struct httpd *closed = httpd_start(HTTPD_PLAIN, refusal, 1);
    struct wf_http *http = make();
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request = request_to("https", "localhost", 1, "/length");
    struct wf_err err = WF_ERR_INIT;
    char at[100];
    char value[100];

    (void)state;
    snprintf(at, sizeof(at), "http://127.0.0.1:%d", httpd_port(proxy));
    request.proxy = at;
    request.headers[0] = (struct wf_http_header){"sessionID", {"secret", 6}};
    request.header_count = 1;
    if (wf_http_send(http, &request, &answer, &err) != WF_OK)
        fail_msg("%s", err.text);
    assert_string_equal(answer.content_type, "application/json");
    assert_int_equal(httpd_request_count(proxy), 2);
    assert_string_equal(httpd_request(proxy, 0)->method, "CONNECT");
    assert_string_equal(httpd_request(proxy, 0)->target, "localhost:1");
    assert_null(strstr(httpd_request(proxy, 0)->head, "secret"));
    assert_non_null(
        httpd_header(httpd_request(proxy, 1), "sessionid", value, sizeof(value)));

    snprintf(at, sizeof(at), "http://127.0.0.1:%d", httpd_port(closed));
    assert_int_equal(wf_http_send(http, &request, &answer, &err), WF_UNREACHABLE);
    assert_non_null(strstr(err.text, "407"));
    wf_http_response_done(&answer);
    wf_http_free(http);
    httpd_stop(proxy);
    httpd_stop(closed);
}

/* A ca_file that cannot be used: WF_CONFIG, with its name. */
static void test_ca_file(void **state)
{
    char dir[] = "/tmp/wfauth-test.XXXXXX";
    char path[100];
    char wanted[200];
    static const struct {
        const char *name;
        const char *text; /* NULL: no file */
        mode_t mode;
        const char *finding;
    } files[] = {
        {"absent", NULL, 0, "No such file"},
        {"not readable", "x", 0000, "Permission denied"},
        {"writable by all", "x", 0666, "can be written by others"},
        {"not a certificate", "hello\n", 0644, "ca_file holds no certificate"},
        {"empty", "", 0644, "ca_file holds no certificate"},
    };

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0755), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(files); i++) {
        struct wf_http *http = make();
        struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
        struct wf_http_request request =
            request_to("https", "localhost", httpd_port(server), "/length");
        struct wf_err err = WF_ERR_INIT;
        snprintf(path, sizeof(path), "%s/%zu", dir, i);
        if (files[i].text != NULL) {
            FILE *file = fopen(path, "w");
            assert_non_null(file);
            fputs(files[i].text, file);
            fclose(file);
            assert_int_equal(chmod(path, files[i].mode), 0);
        }
        request.ca_file = path;
        enum wf_reason reason = wf_http_send(http, &request, &answer, &err);
        snprintf(wanted, sizeof(wanted), "%s", files[i].finding);
        if (reason != WF_CONFIG || strstr(err.text, wanted) == NULL)
            fail_msg("%s: %s: %s", files[i].name, wf_reason_name(reason), err.text);
        unlink(path);
        wf_http_free(http);
    }
    rmdir(dir);
}

/* Without ca_file the system's authorities count, and ours is not among them. */
static void test_system_authorities(void **state)
{
    struct wf_http *http = make();
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request =
        request_to("https", "localhost", httpd_port(server), "/length");
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) != 0)
        skip();
    request.ca_file = NULL;
    assert_int_equal(wf_http_send(http, &request, &answer, &err), WF_UNREACHABLE);
    assert_non_null(strstr(err.text, "certificate is not accepted"));
    wf_http_free(http);
}

/* Nothing in the environment diverts a connection. */
static void test_environment(void **state)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    struct httpd *trap = httpd_start(HTTPD_PLAIN, NULL, 0);
    struct wf_http *http = make();
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request =
        request_to("https", "localhost", httpd_port(server), "/length");
    char value[100];

    (void)state;
    snprintf(value, sizeof(value), "http://127.0.0.1:%d", httpd_port(trap));
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++)
        setenv(names[i], value, 1);
    assert_int_equal(wf_http_send(http, &request, &answer, NULL), WF_OK);
    assert_int_equal(httpd_connection_count(trap), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++)
        unsetenv(names[i]);
    wf_http_response_done(&answer);
    wf_http_free(http);
    httpd_stop(trap);
}

/* The host forks between two requests: both go on, each with its own connection, and the child's
 * end does not take the parent's away. */
static void test_fork(void **state)
{
    struct wf_http *http = make();
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request =
        request_to("https", "localhost", httpd_port(server), "/length");
    size_t at = httpd_request_count(server);
    int status = 0;

    (void)state;
    assert_int_equal(wf_http_send(http, &request, &answer, NULL), WF_OK);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        bool ok = wf_http_send(http, &request, &answer, NULL) == WF_OK;
        wf_http_response_done(&answer);
        wf_http_free(http);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(wf_http_send(http, &request, &answer, NULL), WF_OK);
    assert_int_not_equal(httpd_request(server, at)->connection,
                         httpd_request(server, at + 1)->connection);
    assert_int_equal(httpd_request(server, at)->connection,
                     httpd_request(server, at + 2)->connection);
    wf_http_response_done(&answer);
    wf_http_free(http);
}

/* Not in a process that somebody else's environment could steer. */
static void test_refuses_root(void **state)
{
    struct wf_http *http = wf_http_curl_new();
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request =
        request_to("https", "localhost", httpd_port(server), "/length");
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    if (geteuid() != 0) {
        wf_http_free(http);
        skip();
    }
    assert_int_equal(wf_http_send(http, &request, &answer, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "use the helper"));
    wf_http_free(http);
}

static int start_server(void **state)
{
    (void)state;
    server = httpd_start(HTTPD_GOOD, replies, WF_ARRAY_LEN(replies));
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    httpd_stop(server);
    return 0;
}

static int run(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_largest_request),
        cmocka_unit_test(test_nothing_is_remembered),
        cmocka_unit_test(test_proxy),
        cmocka_unit_test(test_ca_file),
        cmocka_unit_test(test_system_authorities),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_refuses_root),
    };
    return cmocka_run_group_tests_name(name, tests, start_server, stop_server);
}

int main(void)
{
    return run_both(run, "http curl");
}
