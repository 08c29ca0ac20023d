/* wfauth: what the plug-ins do, by hand. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd.h"

static const struct {
    const char *name;
    int (*run)(const struct wf_cmd_global *global, int argc, char **argv);
    const char *summary;
} commands[] = {
    {"verify", wf_cmd_verify, "judge the bearer token on standard input"},
    {"login", wf_cmd_login, "sign in and keep the session"},
    {"token", wf_cmd_token, "print a fresh access token"},
    {"logout", wf_cmd_logout, "end a session and forget it"},
    {"assert", wf_cmd_assert, "print a signed assertion"},
    {"pins", wf_cmd_pins, "list to whom local names belong"},
    {"unpin", wf_cmd_unpin, "let a local name belong to whoever signs in next"},
    {"keygen", wf_cmd_keygen, "make a key pair for a Machine to Machine application"},
};

static int usage(FILE *out, int status)
{
    (void)fprintf(out, "usage: wfauth [-c FILE] COMMAND [OPTION...]\n\ncommands:\n");
    for (size_t i = 0; i < WF_ARRAY_LEN(commands); i++)
        (void)fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    (void)fprintf(out, "\nSee wfauth(1).\n");
    return status;
}

/* Tokens pass through: no core file, no debugger of the same user's other programs. */
static void shut_off(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Where one of these is closed, the next file that is opened would take its place, and what is
 * printed would go into that. Nothing can be written to what stands there now. */
static void keep_standard(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        (void)close(fd);
}

/* Where tokens stand on their way in and out. The C library's own buffers would keep them. */
static char incoming[BUFSIZ];
static char outgoing[BUFSIZ];

static void buffer(void)
{
    (void)setvbuf(stdin, incoming, _IOFBF, sizeof(incoming));
    (void)setvbuf(stdout, outgoing, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof(outgoing));
}

/* At the very end. An errno if output was not written: a full disk must not look like a verdict. */
static int wipe(void)
{
    /* A line that went to a terminal, or did not, was written before */
    int number = fflush(stdout) != 0 ? errno : ferror(stdout) ? EIO : 0;

    explicit_bzero(incoming, sizeof(incoming));
    explicit_bzero(outgoing, sizeof(outgoing));
    return number;
}

static int dispatch(const struct wf_cmd_global *global, int argc, char **argv)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(commands); i++) {
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(global, argc, argv);
    }
    wf_cmd_complain("no command \"%s\"", argv[0]);
    return usage(stderr, WF_EXIT_USAGE);
}

int main(int argc, char **argv)
{
    struct wf_cmd_global global = {NULL};
    int c;

    shut_off();
    keep_standard();
    buffer();
    while ((c = getopt(argc, argv, "+c:hV")) != -1) {
        switch (c) {
        case 'c':
            global.config = optarg;
            break;
        case 'h':
            return usage(stdout, WF_EXIT_DONE);
        case 'V':
            (void)puts(PACKAGE_STRING);
            return WF_EXIT_DONE;
        default:
            return usage(stderr, WF_EXIT_USAGE);
        }
    }
    if (optind == argc)
        return usage(stderr, WF_EXIT_USAGE);
    int status = dispatch(&global, argc - optind, argv + optind);
    int number = wipe();
    if (number != 0) {
        wf_cmd_complain("standard output could not be written: %s", wf_errno_text(number));
        status = status == WF_EXIT_DONE ? WF_EXIT_USAGE : status;
    }
    return status;
}
