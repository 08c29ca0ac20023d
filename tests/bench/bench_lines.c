/*
 * wfauth verify --lines: so many tokens a second, each on a line of standard input and answered on
 * one, and the memory that it takes meanwhile.
 *
 *   bench_lines WFAUTH [LINES]
 */
#include "config.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/* More than the command remembers, in turns: each is judged anew */
#define POOL 4096

static void write_lines(const struct bench_pool *pool, size_t lines)
{
    FILE *file = fopen(bench_path("lines"), "w");

    bench_need(file != NULL, "no file for lines");
    for (size_t i = 0; i < lines; i++)
        bench_need(fprintf(file, "%s\n", pool->tokens[i % pool->count].text) > 0, "no room");
    bench_need(fclose(file) == 0, "no room");
}

static void count_answers(size_t lines)
{
    FILE *file = fopen(bench_path("answers"), "r");
    char line[128];
    size_t accepted = 0;

    bench_need(file != NULL, "no answers");
    while (fgets(line, sizeof(line), file) != NULL)
        accepted += strcmp(line, "accept ann\n") == 0;
    (void)fclose(file);
    bench_need(accepted == lines, "not every line was answered by accept");
}

static void run(const char *wfauth, size_t lines)
{
    char config[128];
    const char *argv[] = {wfauth, "-c", config, "verify", "-s", "imap", "--lines", NULL};
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    pid_t pid;
    int status = 0;
    double start = bench_wall_seconds();

    (void)snprintf(config, sizeof(config), "%s", bench_path("wfauth.conf"));
    bench_need(posix_spawn_file_actions_init(&actions) == 0 &&
                   posix_spawn_file_actions_addopen(&actions, 0, bench_path("lines"), O_RDONLY,
                                                    0) == 0 &&
                   posix_spawn_file_actions_addopen(&actions, 1, bench_path("answers"),
                                                    O_WRONLY | O_CREAT | O_TRUNC, 0600) == 0 &&
                   posix_spawn(&pid, wfauth, &actions, NULL, (char **)(uintptr_t)argv, environ) == 0,
               "wfauth does not start");
    bench_need(wait4(pid, &status, 0, &usage) == pid && status == 0, "wfauth fails");
    posix_spawn_file_actions_destroy(&actions);
    double wall = bench_wall_seconds() - start;
    double cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
                 (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
    count_answers(lines);
    printf("%11zu %9.2f %12.0f %18.0f %13.1f\n", lines, wall, (double)lines / wall,
           (double)lines / cpu, (double)usage.ru_maxrss * 1024 / 1e6);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    struct bench_pool pool;
    size_t most = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;

    bench_need(argc > 1, "usage: bench_lines WFAUTH [LINES]");
    bench_pool_init(&pool, "RS256", MINT_RSA, 900, POOL);
    wf_context_free(bench_context(MINT_RSA, 1)); /* for its files */
    printf("wfauth verify --lines (RS256, 900 bytes, all new to it):\n"
           "      lines   seconds     tokens/s   per s of its CPU   resident MB\n");
    for (size_t lines = most / 10; lines <= most; lines *= 10) {
        write_lines(&pool, lines);
        run(argv[1], lines);
    }
    bench_pool_done(&pool);
    bench_folder_remove();
    mint_done();
    return 0;
}
