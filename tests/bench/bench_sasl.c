/*
 * What a SASL exchange costs above the verdict on its token: the plug-in as the real libsasl loads
 * it, against wf_verify on the same token, both seen before. They take turns in short rounds, and
 * medians are printed. The audit line is made, and dropped, by both.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <sasl/sasl.h>

#include "bench.h"

#define ROUNDS 41
#define TURNS 200

typedef int (*callback)(void);
/* A function of SASL's many types in the one that its tables have. */
#define CALLBACK(function) ((callback)(void (*)(void))(function))

static const char *config;

static int get_option(void *context, const char *plugin, const char *option, const char **result,
                      unsigned *len)
{
    (void)context;
    (void)plugin;
    if (strcmp(option, "oauthbearer_config") != 0)
        return SASL_FAIL;
    *result = config;
    if (len != NULL)
        *len = (unsigned)strlen(config);
    return SASL_OK;
}

static int get_path(void *context, const char **path)
{
    (void)context;
    *path = BENCH_PLUGINS;
    return SASL_OK;
}

static int drop(void *context, int level, const char *message)
{
    (void)context;
    (void)level;
    (void)message;
    return SASL_OK;
}

static const sasl_callback_t callbacks[] = {
    {SASL_CB_GETOPT, CALLBACK(get_option), NULL},
    {SASL_CB_GETPATH, CALLBACK(get_path), NULL},
    {SASL_CB_LOG, CALLBACK(drop), NULL},
    {SASL_CB_LIST_END, NULL, NULL},
};

static sasl_conn_t *conn_new(void)
{
    sasl_conn_t *conn = NULL;

    bench_need(sasl_server_new("imap", "imap.acme.example", NULL, "127.0.0.1;143",
                               "192.0.2.7;40000", NULL, 0, &conn) == SASL_OK,
               "sasl_server_new");
    return conn;
}

static void exchange(sasl_conn_t *conn, const char *message)
{
    const char *out = NULL;
    unsigned len = 0;

    bench_need(sasl_server_start(conn, "OAUTHBEARER", message, (unsigned)strlen(message), &out,
                                 &len) == SASL_OK,
               "an accepted token");
}

/* The verdict as a mail server asks for it: passwd is looked at, where it knows the name. Seconds
 * of one. */
static double time_verify(struct wf_context *context, const struct bench_token *token,
                          enum wf_passwd passwd)
{
    const struct wf_request request = {.service = "imap", .rhost = "192.0.2.7"};
    struct wf_result result;
    double start = bench_thread_seconds();

    for (size_t i = 0; i < TURNS; i++)
        bench_need(wf_verify(context, &request, token->text, token->len, passwd, &result, NULL,
                             NULL) == WF_OK,
                   "an accepted token");
    return (bench_thread_seconds() - start) / TURNS;
}

static double time_exchange(const char *message)
{
    sasl_conn_t *conns[TURNS];

    for (size_t i = 0; i < TURNS; i++)
        conns[i] = conn_new();
    double start = bench_thread_seconds();
    for (size_t i = 0; i < TURNS; i++)
        exchange(conns[i], message);
    double seconds = (bench_thread_seconds() - start) / TURNS;
    for (size_t i = 0; i < TURNS; i++)
        sasl_dispose(&conns[i]);
    return seconds;
}

static double time_connection(const char *message)
{
    double start = bench_thread_seconds();

    for (size_t i = 0; i < TURNS; i++) {
        sasl_conn_t *conn = conn_new();
        exchange(conn, message);
        sasl_dispose(&conn);
    }
    return (bench_thread_seconds() - start) / TURNS;
}

static void compare(struct wf_context *context, const struct bench_token *token,
                    const char *message)
{
    double alone[ROUNDS];
    double verify[ROUNDS];
    double above[ROUNDS];
    double whole[ROUNDS];

    for (size_t i = 0; i < ROUNDS; i++) {
        alone[i] = time_verify(context, token, WF_PASSWD_IGNORE);
        verify[i] = time_verify(context, token, WF_PASSWD_IF_KNOWN);
        above[i] = time_exchange(message) - verify[i];
        whole[i] = time_connection(message);
    }
    double connection = bench_median(whole, ROUNDS);
    printf("%5zu %9.2f %9.2f %9.2f %12.2f %12.0f\n", token->len, bench_median(alone, ROUNDS) * 1e6,
           bench_median(verify, ROUNDS) * 1e6, bench_median(above, ROUNDS) * 1e6, connection * 1e6,
           1 / connection);
}

int main(void)
{
    static const size_t sizes[] = {900, 2048, 4096, 8192};
    size_t before = bench_resident();

    /* The audit line is made and goes nowhere, as wf_verify's does here */
    (void)setlogmask(LOG_MASK(LOG_EMERG));
    bench_write("jwks.json", bench_jwks(MINT_RSA, 2));
    bench_write("sasl.conf",
                bench_config(mint_text("jwks_file = %s\n", bench_path("jwks.json")), ""));
    config = bench_path("sasl.conf");
    bench_need(sasl_server_init(callbacks, "bench") == SASL_OK, "sasl_server_init");
    struct wf_context *context = bench_context(MINT_RSA, 2);
    printf(
        "An exchange of OAUTHBEARER, microseconds; wanted: 5 above the verdict at most. With its\n"
        "connection: sasl_server_new and sasl_dispose, too, which any mechanism takes.\n\n"
        "                  with\n"
        "bytes   verdict   passwd     above   connection   of them per second and core\n");
    for (size_t i = 0; i < WF_ARRAY_LEN(sizes); i++) {
        struct bench_pool pool;
        bench_pool_init(&pool, "RS256", MINT_RSA, sizes[i], 1);
        compare(context, &pool.tokens[0],
                mint_text("n,,\001auth=Bearer %s\001\001", pool.tokens[0].text));
        bench_pool_done(&pool);
    }
    printf("\nMemory of the process, with libsasl, the plug-in and all that it loads: %.1f MB more "
           "than without\n",
           (double)(bench_resident() - before) / 1e6);
    wf_context_free(context);
    sasl_server_done();
    bench_folder_remove();
    mint_done();
    return 0;
}
