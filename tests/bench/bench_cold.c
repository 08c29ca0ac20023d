/*
 * Many processes that start at once and know no keys yet, before a provider that counts. Each is
 * a fresh program that judges one token with libcurl in its own process, as `wfauth verify` does.
 */
#include "config.h"

#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "http.h"
#include "httpd.h"

#define PROCESSES_MAX 1000
#define NOBODY 65534

static struct wf_http *door_new(const char *helper_user)
{
    (void)helper_user;
    return wf_http_curl_new();
}

/* In a fresh process */
static int judge_one(const char *config, char *text)
{
    const struct bench_token token = {.text = text, .len = strlen(text)};
    struct wf_host host = bench_host(config);
    struct wf_context *context = NULL;
    struct wf_err err = WF_ERR_INIT;

    host.http_new = door_new;
    if (wf_context_new(&host, &context, &err) != WF_OK)
        bench_need(false, err.text);
    bench_verify(context, &token);
    wf_context_free(context);
    return 0;
}

/* libcurl is not for privileged processes. */
static void drop_privileges(void)
{
    if (geteuid() == 0)
        bench_need(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0,
                   "cannot become nobody");
}

/* The number of those that were refused; only a single one may say why. */
static size_t run(char *self, size_t count, const struct bench_pool *pool)
{
    static pid_t pids[PROCESSES_MAX];
    char *none[] = {NULL};
    posix_spawn_file_actions_t actions;
    char config[128];
    size_t refused = 0;

    (void)snprintf(config, sizeof(config), "%s", bench_path("wfauth.conf"));
    bench_need(posix_spawn_file_actions_init(&actions) == 0 &&
                   (count == 1 || posix_spawn_file_actions_addopen(&actions, 2, "/dev/null",
                                                                   O_WRONLY, 0) == 0),
               "no memory");
    for (size_t i = 0; i < count; i++) {
        char *argv[] = {self, config, pool->tokens[i % pool->count].text, NULL};
        bench_need(posix_spawn(&pids[i], "/proc/self/exe", &actions, NULL, argv, none) == 0,
                   "no process");
    }
    for (size_t i = 0; i < count; i++) {
        int status = 0;
        bench_need(waitpid(pids[i], &status, 0) == pids[i], "a process is lost");
        refused += status != 0;
    }
    posix_spawn_file_actions_destroy(&actions);
    return refused;
}

/* The provider, its script filled in once its port is known. */
static struct httpd *provider_start(void)
{
    static struct httpd_reply replies[2];
    static char document[1024];
    static char keys[2048];
    struct httpd *httpd = httpd_start(HTTPD_GOOD, replies, 2);

    bench_issuer = mint_text("https://127.0.0.1:%d/realms/staff", httpd_port(httpd));
    const char *body = mint_text("{\"issuer\":\"%s\",\"jwks_uri\":\"%s/certs\"}", bench_issuer,
                                 bench_issuer);
    const char *jwks = bench_jwks(MINT_RSA, 2);
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                               "Cache-Control: max-age=3600\r\nContent-Length: %zu\r\n\r\n%s";
    (void)snprintf(document, sizeof(document), head, strlen(body), body);
    (void)snprintf(keys, sizeof(keys), head, strlen(jwks), jwks);
    replies[0] = (struct httpd_reply){
        .path = "/realms/staff/.well-known/openid-configuration", .bytes = document};
    replies[1] = (struct httpd_reply){.path = "/realms/staff/certs", .bytes = keys};
    return httpd;
}

static size_t count_of(struct httpd *httpd, size_t from, const char *end)
{
    size_t found = 0;

    for (size_t i = from; i < httpd_request_count(httpd); i++)
        found += strstr(httpd_request(httpd, i)->target, end) != NULL;
    return found;
}

int main(int argc, char **argv)
{
    struct bench_pool pool;

    if (argc == 3)
        return judge_one(argv[1], argv[2]);
    drop_privileges();
    struct httpd *httpd = provider_start();
    bench_pool_init(&pool, "RS256", MINT_RSA, 900, 16);
    printf("Processes that start at once without keys, and what the provider (HTTPS) saw; "
           "wanted: one\nrequest for its document and one for its keys.\n\n"
           "  processes   seconds   accepted   document   keys\n");
    for (size_t count = 1; count <= PROCESSES_MAX; count = count == 1 ? 100 : count * 10) {
        size_t before = httpd_request_count(httpd);
        const char *cache = bench_path(mint_text("cache-%zu", count));
        bench_write("wfauth.conf",
                    bench_config(mint_text("cache_dir = %s\nca_file = %s\n", cache,
                                           httpd_ca_file()),
                                 ""));
        double start = bench_wall_seconds();
        size_t refused = run(argv[0], count, &pool);
        printf("%11zu %9.2f %10zu %10zu %6zu\n", count, bench_wall_seconds() - start,
               count - refused, count_of(httpd, before, "openid-configuration"),
               count_of(httpd, before, "/certs"));
        (void)fflush(stdout);
    }
    httpd_stop(httpd);
    httpd_ca_remove();
    bench_pool_done(&pool);
    bench_folder_remove();
    mint_done();
    return 0;
}
