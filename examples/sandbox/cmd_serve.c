#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cert.h"
#include "cli.h"
#include "db.h"
#include "file.h"
#include "server.h"
#include "text.h"

#define PAGE_MAX (256 * 1024)
#define BEARER_SECONDS 3600
/* "As long as a regular session". */
#define SESSION_SECONDS (8 * 3600)

struct serve_options {
    struct sb_settings settings;
    const char *callback; /* NULL: look beside */
    uint16_t port;
};

static struct serve_options read_options(struct sb_cli *cli)
{
    static const struct option options[] = {{"port", required_argument, NULL, 'p'},
                                            {"domain", required_argument, NULL, 'd'},
                                            {"lane", required_argument, NULL, 'l'},
                                            {"callback", required_argument, NULL, 'c'},
                                            {"code-lifetime", required_argument, NULL, 'C'},
                                            {"session-lifetime", required_argument, NULL, 'S'},
                                            {"bearer-style", no_argument, NULL, 'b'},
                                            {"lenient-inactive", no_argument, NULL, 'i'},
                                            {"lenient-jwt", no_argument, NULL, 'j'},
                                            {"lenient-rotation", no_argument, NULL, 'r'},
                                            {"absolute-per-token", no_argument, NULL, 'a'},
                                            {NULL, 0, NULL, 0}};
    struct serve_options got = {
        .settings = {.domain = "acme", .lane = "production", .code_lifetime = 120}};
    struct sb_settings *settings = &got.settings;
    int option;
    while ((option = sb_cli_option(cli, options)) != -1) {
        if (option == 'p')
            got.port = (uint16_t)sb_cli_number(optarg, "--port", 0, 65535);
        else if (option == 'd')
            settings->domain = optarg;
        else if (option == 'l')
            settings->lane = optarg;
        else if (option == 'c')
            got.callback = optarg;
        else if (option == 'C')
            settings->code_lifetime = sb_cli_duration(optarg, "--code-lifetime", 0, 86400);
        else if (option == 'S')
            settings->session_lifetime = sb_cli_duration(optarg, "--session-lifetime", 0, 31536000);
        else if (option == 'b')
            settings->bearer_style = true;
        else if (option == 'i')
            settings->lenient_inactive = true;
        else if (option == 'j')
            settings->lenient_jwt = true;
        else if (option == 'r')
            settings->lenient_rotation = true;
        else if (option == 'a')
            settings->absolute_per_token = true;
        if (option == 'S' && settings->session_lifetime == 0)
            settings->session_lifetime = -1; /* dead at once; 0 still means "not given" here */
    }
    sb_cli_end(cli);
    if (settings->session_lifetime == 0)
        settings->session_lifetime = settings->bearer_style ? BEARER_SECONDS : SESSION_SECONDS;
    return got;
}

/* The callback page: the file that was named; else the one beside this program's folder (a build
 * inside the sources), else the one in the sources it was built from. New string, or NULL. */
static char *find_callback(const char *named)
{
    if (named) {
        char *page = sb_file_read(named, PAGE_MAX, NULL);
        if (!page)
            sb_cli_fail("cannot read the callback page %s: %m", named);
        return page;
    }
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    char *beside = sb_format("%s/../callback/index.html", self);
    char *page = sb_file_read(beside, PAGE_MAX, NULL);
    free(beside);
    if (!page)
        page = sb_file_read(SB_CALLBACK_PAGE, PAGE_MAX, NULL);
    if (!page)
        fprintf(stderr, "wfauth-sandbox: no callback page found; name one with --callback\n");
    return page;
}

/* One server per state directory. The lock goes with the process. */
static void take_lock(const char *dir)
{
    char *path = sb_format("%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
        sb_cli_fail(
            errno == EWOULDBLOCK ? "a server is running in %s already" : "cannot lock %s: %m", dir);
    free(path);
}

static uint16_t last_port(sqlite3 *db)
{
    long long port = 0;
    char *text = sb_db_text(db, "SELECT value FROM meta WHERE name = 'port'", "");
    sb_number(text, 1, 65535, &port);
    free(text);
    return (uint16_t)port;
}

/* Tell the world where the server is: port kept for the next start, files, one line. `user edit`
 * asks how the server treats deactivated users. */
static void announce(struct sb_cli *cli, const struct sb_server *server,
                     const struct sb_settings *settings)
{
    char *port = sb_format("%u", (unsigned)sb_server_port(server));
    sb_db_run(cli->db, "INSERT OR REPLACE INTO meta (name, value) VALUES ('port', ?)", "t", port);
    sb_db_run(cli->db, "INSERT OR REPLACE INTO meta (name, value) VALUES ('lenient_inactive', ?)",
              "t", settings->lenient_inactive ? "yes" : "no");
    char *url_path = sb_format("%s/url", cli->dir);
    char *pid_path = sb_format("%s/pid", cli->dir);
    char *url = sb_format("https://127.0.0.1:%s\n", port);
    char *pid = sb_format("%ld\n", (long)getpid());
    sb_file_replace(pid_path, pid);
    sb_file_replace(url_path, url);
    printf("ready %s", url);
    fflush(stdout);
    free(pid);
    free(url);
    free(pid_path);
    free(url_path);
    free(port);
}

static void withdraw(const char *dir)
{
    static const char *const names[] = {"url", "pid"};
    for (size_t i = 0; i < SB_ARRAY_LEN(names); i++) {
        char *path = sb_format("%s/%s", dir, names[i]);
        unlink(path);
        free(path);
    }
}

int sb_cmd_serve(struct sb_cli *cli)
{
    struct serve_options options = read_options(cli);
    take_lock(cli->dir);
    options.settings.callback_page = find_callback(options.callback);
    /* Blocked before any thread is made, so that only sigwait below sees them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    struct sb_cert cert = sb_cert_get(cli->dir);
    struct sb_server *server =
        sb_server_start(&options.settings, cli->db, &cert, options.port, last_port(cli->db));
    if (!server)
        exit(1);
    announce(cli, server, &options.settings);
    int caught = 0;
    while (sigwait(&signals, &caught) != 0)
        continue;
    sb_server_stop(server);
    withdraw(cli->dir);
    sb_cert_done(&cert);
    free(options.settings.callback_page);
    return 0;
}
