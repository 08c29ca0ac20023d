/*
 * Who needs a token: what tests/e2e/refresh.py starts, in numbers, and kills.
 *
 *   refresher CONFIG FOLDER PROVIDER USER keep REFRESH ACCESS LIFE
 *   refresher CONFIG FOLDER PROVIDER USER get THREADS [REFUSED]
 *
 * `keep` begins a session. `get` asks for its access token in so many threads at once; each prints
 * "token TOKEN" or "REASON: TEXT". Exit status 0 if all got one.
 */
#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto.h"
#include "refresh.h"

#define THREADS_MAX 64

static int64_t system_clock(void)
{
    return time(NULL);
}

static void log_line(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)fprintf(stderr, "%s\n", line);
}

static struct wf_refresh job;
static const char *user;
static struct wf_secret *refused;

static void *get(void *ctx)
{
    struct wf_record *record = NULL;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_refresh_session(&job, user, refused, &record, &err);

    (void)ctx;
    if (reason == WF_OK)
        (void)printf("token %s\n", wf_secret_borrow(record->access).ptr);
    else
        (void)printf("%s: %s\n", wf_reason_name(reason), err.text);
    wf_record_free(record);
    return reason == WF_OK ? NULL : &job;
}

static int get_all(unsigned count)
{
    pthread_t threads[THREADS_MAX];
    int status = 0;

    if (count > THREADS_MAX)
        return 2;
    for (unsigned i = 1; i < count; i++) {
        if (pthread_create(&threads[i], NULL, get, NULL) != 0)
            return 2;
    }
    status |= get(NULL) != NULL;
    for (unsigned i = 1; i < count; i++) {
        void *bad = NULL;
        status |= pthread_join(threads[i], &bad) != 0 || bad != NULL;
    }
    return status;
}

static int keep(char **args)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_tokens tokens = {.refresh = wf_secret_new(args[0], strlen(args[0])),
                               .access = wf_secret_new(args[1], strlen(args[1])),
                               .expires_in = strtol(args[2], NULL, 10)};
    enum wf_reason reason = wf_refresh_keep(&job, user, "subject", &tokens, &err);

    wf_tokens_done(&tokens);
    if (reason != WF_OK)
        (void)printf("%s: %s\n", wf_reason_name(reason), err.text);
    return reason != WF_OK;
}

int main(int argc, char **argv)
{
    const struct wf_log log = {.write = log_line};
    struct wf_err err = WF_ERR_INIT;
    struct wf_conf *conf = NULL;
    struct wf_store *store = NULL;
    int status = 2;

    if (argc < 7 || wf_crypto_init(&err) != WF_OK ||
        wf_conf_load(argv[1], NULL, NULL, &conf, &err) != WF_OK ||
        wf_store_open(argv[2], &log, &store, &err) != WF_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        goto out;
    }
    job = (struct wf_refresh){.provider = wf_conf_provider(conf, argv[3]),
                              .store = store,
                              .log = &log,
                              .clock = system_clock,
                              .config = argv[1]};
    user = argv[4];
    if (strcmp(argv[5], "keep") == 0 && argc == 9) {
        status = keep(argv + 6);
    } else if (strcmp(argv[5], "get") == 0) {
        refused = argc == 8 ? wf_secret_new(argv[7], strlen(argv[7])) : NULL;
        status = get_all((unsigned)strtoul(argv[6], NULL, 10));
    }
out:
    wf_secret_free(refused);
    wf_store_free(store);
    wf_conf_free(conf);
    return status;
}
