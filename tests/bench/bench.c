#include "config.h"

#include "bench.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"

const char *bench_issuer = "https://sso.acme.example/realms/staff";
static char folder[] = "/tmp/wfauth-bench.XXXXXX";
static bool folder_made;

void bench_need(bool condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;

    bench_need(clock_gettime(clock, &now) == 0, "no clock");
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double bench_thread_seconds(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double bench_wall_seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof(values[0]), compare);
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

size_t bench_resident(void)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    bench_need(file != NULL && fscanf(file, "%lu %lu", &size, &resident) == 2, "no /proc");
    (void)fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Files */

const char *bench_folder(void)
{
    if (!folder_made)
        bench_need(mkdtemp(folder) != NULL, "cannot make a folder");
    folder_made = true;
    return folder;
}

const char *bench_path(const char *name)
{
    return mint_text("%s/%s", bench_folder(), name);
}

void bench_write(const char *name, const char *text)
{
    const char *path = bench_path(name);
    FILE *file = fopen(path, "w");

    bench_need(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 &&
                   chmod(path, 0600) == 0,
               "cannot write a file");
}

static void remove_all(const char *path)
{
    struct dirent *entry;
    DIR *dir = opendir(path);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const char *inner = mint_text("%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR)
            remove_all(inner);
        else
            (void)unlink(inner);
    }
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(path);
}

void bench_folder_remove(void)
{
    if (folder_made)
        remove_all(folder);
    folder_made = false;
}

/* Configuration */

const char *bench_jwks(enum mint_key key, size_t count)
{
    struct wf_buf list = WF_BUF_INIT((size_t)1 << 20);

    wf_buf_append_text(&list, "{\"keys\":[");
    for (size_t i = 0; i < count; i++) {
        const char *kid = i + 1 == count ? BENCH_KID : mint_text("another-key-%zu", i);
        const char *more = mint_text("\"use\":\"sig\",\"kid\":\"%s\"", kid);
        wf_buf_append_text(&list, mint_text("%s%s", i == 0 ? "" : ",", mint_jwk(key, more)));
    }
    wf_buf_append_text(&list, "]}");
    const char *text = wf_buf_text_borrow(&list);
    bench_need(text != NULL, "no memory for keys");
    text = mint_text("%s", text);
    wf_buf_done(&list);
    return text;
}

const char *bench_config(const char *provider_lines, const char *service_lines)
{
    return mint_text("[provider mail]\n"
                     "type = oidc\n"
                     "url = %s\n"
                     "%s"
                     "\n"
                     "[service *]\n"
                     "provider = mail\n"
                     "username = preferred_username\n"
                     "max_token = 65536\n"
                     "\n"
                     "[service imap]\n"
                     "flow = token\n"
                     "audience = urn:mail\n"
                     "required_scope = mail\n"
                     "%s",
                     bench_issuer, provider_lines, service_lines);
}

static void write_nowhere(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

struct wf_host bench_host(const char *config)
{
    return (struct wf_host){.config = config, .log = {.write = write_nowhere}};
}

struct wf_context *bench_context(enum mint_key key, size_t keys)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_context *context = NULL;

    bench_write("jwks.json", bench_jwks(key, keys));
    bench_write("wfauth.conf",
                bench_config(mint_text("jwks_file = %s\ncache_dir = %s\n", bench_path("jwks.json"),
                                       bench_path("cache")),
                             ""));
    const struct wf_host host = bench_host(bench_path("wfauth.conf"));
    enum wf_reason reason = wf_context_new(&host, &context, &err);
    bench_need(reason == WF_OK, mint_text("no context: %s", err.text));
    return context;
}

void bench_verify(struct wf_context *context, const struct bench_token *token)
{
    const struct wf_request request = {.service = "imap"};
    struct wf_result result;
    struct wf_err err = WF_ERR_INIT;

    if (wf_verify(context, &request, token->text, token->len, WF_PASSWD_IGNORE, &result, NULL,
                  &err) != WF_OK)
        bench_need(false, err.text);
}
