/*
 * What a sign-in with a bearer token takes from pam_start to pam_end in a fresh process, by the
 * clock on the wall, and what of: loading the module, the configuration, keys, the token. Keys lie
 * on disk, once where an earlier process has kept them, once in a jwks_file.
 */
#include "config.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "fakedoor.h"
#include "user.h"

#define ROUNDS 101
#define FIELDS_MAX 3

static const char *user;

/* Medians of what a program prints: so many numbers on one line. */
static void measure(const char *command, size_t fields, double medians[FIELDS_MAX])
{
    static double values[FIELDS_MAX][ROUNDS];

    for (size_t round = 0; round < ROUNDS; round++) {
        FILE *pipe = popen(command, "r");
        bench_need(pipe != NULL, "no pipe");
        for (size_t i = 0; i < fields; i++)
            bench_need(fscanf(pipe, "%lf", &values[i][round]) == 1, command);
        bench_need(pclose(pipe) == 0, command);
    }
    for (size_t i = 0; i < fields; i++)
        medians[i] = bench_median(values[i], ROUNDS);
}

/* Somebody who may sign in, and whose name needs no map file. */
static void choose_user(void)
{
    struct passwd *entry;

    setpwent();
    while (user == NULL && (entry = getpwent()) != NULL) {
        struct wf_span name = {entry->pw_name, strlen(entry->pw_name)};
        if (entry->pw_uid != 0 && entry->pw_uid != 65534 && wf_user_is_valid(name) &&
            !wf_user_is_special(entry->pw_name))
            user = mint_text("%s", entry->pw_name);
    }
    endpwent();
    bench_need(user != NULL, "no user in passwd");
}

/* The configuration, and a service file for libpam. */
static void write_files(const char *keys_from)
{
    const char *service = mint_text("min_uid = 1\nmap_file = %s\n", bench_path("map"));

    bench_write("map", mint_text("ann %s\n", user));
    bench_write("wfauth.conf", bench_config(keys_from, service));
    bench_write("imap", mint_text("auth required %s config=%s state=%s\n", BENCH_MODULE,
                                  bench_path("wfauth.conf"), bench_path("sessions")));
}

/* An earlier process: fetches the keys and keeps them. */
static void fetch_keys(const struct bench_token *token)
{
    const char *document = mint_text("{\"issuer\":\"%s\",\"jwks_uri\":\"%s/certs\"}",
                                     bench_issuer, bench_issuer);
    const struct fake_answer answers[] = {{WF_OK, 200, NULL, document, 0, NULL, false, 0},
                                          {WF_OK, 200, NULL, bench_jwks(MINT_RSA, 2), 0, NULL,
                                           true, 86400}};
    struct wf_host host = bench_host(bench_path("wfauth.conf"));
    struct wf_context *context = NULL;
    struct wf_err err = WF_ERR_INIT;

    host.http_new = fake_door_new;
    fake_door_script(answers, 2);
    if (wf_context_new(&host, &context, &err) != WF_OK)
        bench_need(false, err.text);
    bench_verify(context, token);
    wf_context_free(context);
}

/* In a fresh process, without PAM: "CONFIGURATION FIRST SECOND" token. */
static int stages(char **argv)
{
    struct bench_token tokens[2] = {{.text = argv[3]}, {.text = argv[4]}};
    struct wf_host host = bench_host(argv[2]);
    struct wf_context *context = NULL;
    struct wf_err err = WF_ERR_INIT;
    double at[4];

    at[0] = bench_wall_seconds();
    if (wf_context_new(&host, &context, &err) != WF_OK)
        bench_need(false, err.text);
    at[1] = bench_wall_seconds();
    for (size_t i = 0; i < 2; i++) {
        tokens[i].len = strlen(tokens[i].text);
        bench_verify(context, &tokens[i]);
        at[2 + i] = bench_wall_seconds();
    }
    printf("%.9f %.9f %.9f\n", at[1] - at[0], at[2] - at[1], at[3] - at[2]);
    wf_context_free(context);
    return 0;
}

static void print_row(const char *name, const char *self, const struct bench_pool *pool)
{
    double pam[FIELDS_MAX];
    double load[FIELDS_MAX];
    double stage[FIELDS_MAX];

    measure(mint_text("%s/pam_child dlopen %s", BENCH_FOLDER, BENCH_MODULE), 2, load);
    measure(mint_text("%s/pam_child sign-in %s %s <%s", BENCH_FOLDER, bench_folder(), user,
                      bench_path("token")),
            3, pam);
    measure(mint_text("%s stages %s %s %s", self, bench_path("wfauth.conf"),
                      pool->tokens[0].text, pool->tokens[1].text),
            3, stage);
    printf("%-14s %6.2f | %9.2f %6.2f %5.2f | %7.2f %6.2f %7.2f %7.2f | %6.2f\n", name,
           (pam[0] + pam[1] + pam[2]) * 1e3, pam[0] * 1e3, pam[1] * 1e3, pam[2] * 1e3,
           load[0] * 1e3, stage[0] * 1e3, (stage[1] - stage[2]) * 1e3, stage[2] * 1e3,
           load[1] / 1e6);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    struct bench_pool pool;

    if (argc == 5 && strcmp(argv[1], "stages") == 0)
        return stages(argv);
    choose_user();
    bench_pool_init(&pool, "RS256", MINT_RSA, 900, 2);
    bench_write("token", pool.tokens[0].text);
    printf("A sign-in in a fresh process, medians of %d, ms by the clock on the wall; wanted: 4.0 "
           "in all,\nof them 1.3 for dlopen, which adds 2.2 MB at most. Standing alone: dlopen, "
           "configuration,\nkeys (what the first token takes more than the second), token.\n\n"
           "keys from        total | pam_start   auth   end |  dlopen  conf.    keys   token |     MB\n",
           ROUNDS);
    write_files(mint_text("cache_dir = %s\n", bench_path("cache")));
    fetch_keys(&pool.tokens[0]);
    print_row("an earlier one", argv[0], &pool);
    bench_write("jwks.json", bench_jwks(MINT_RSA, 2));
    write_files(mint_text("jwks_file = %s\n", bench_path("jwks.json")));
    print_row("jwks_file", argv[0], &pool);
    bench_pool_done(&pool);
    bench_folder_remove();
    mint_done();
    return 0;
}
