#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "authz.h"
#include "cmd.h"
#include "qr.h"
#include "session.h"

/* A paste of the largest size, its newline, and one byte more, so that a larger one is refused */
#define ANSWER_SIZE (WF_PASTE_MAX + 2)

/* Signals that end the program are asked for while it waits for the person, and held back while it
 * waits for the provider: what comes then is kept whole, or given back. */
struct guard {
    sigset_t held;
    sigset_t before;
    int fd; /* a signalfd */
    int caught;
};

static bool guard_begin(struct guard *guard)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

    guard->caught = 0;
    (void)sigemptyset(&guard->held);
    for (size_t i = 0; i < WF_ARRAY_LEN(signals); i++) {
        struct sigaction now;
        /* One that is ignored, as nohup has it, stays ignored */
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            (void)sigaddset(&guard->held, signals[i]);
    }
    guard->fd = signalfd(-1, &guard->held, SFD_CLOEXEC | SFD_NONBLOCK);
    return guard->fd >= 0 && sigprocmask(SIG_BLOCK, &guard->held, &guard->before) == 0;
}

static bool guard_caught(struct guard *guard)
{
    struct signalfd_siginfo info;

    if (guard->caught == 0 && read(guard->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        guard->caught = (int)info.ssi_signo;
    return guard->caught != 0;
}

/* Ends the program by the signal that was caught, as its shell expects. */
static void guard_end(struct guard *guard)
{
    if (guard->fd < 0)
        return;
    (void)guard_caught(guard);
    (void)close(guard->fd);
    (void)sigprocmask(SIG_SETMASK, &guard->before, NULL);
    if (guard->caught != 0)
        (void)raise(guard->caught);
}

/* The browser */

static bool has_screen(void)
{
    const char *x11 = secure_getenv("DISPLAY");
    const char *wayland = secure_getenv("WAYLAND_DISPLAY");

    /* Not root's; and a set-user-id program, which would start it for somebody, is told of none */
    return geteuid() != 0 &&
           ((x11 != NULL && x11[0] != '\0') || (wayland != NULL && wayland[0] != '\0'));
}

/* True if a QR code would be one there, where `qr` does not decide: the terminal shows UTF-8, and is
 * not known to be narrower than any code. */
static bool shows_code(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *locale = NULL;
    struct winsize size;

    /* As setlocale(3) chooses */
    for (size_t i = 0; i < WF_ARRAY_LEN(variables) && (locale == NULL || locale[0] == '\0'); i++)
        locale = secure_getenv(variables[i]);
    if (locale == NULL || (strcasestr(locale, "UTF-8") == NULL && strcasestr(locale, "utf8") == NULL))
        return false;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ||
           size.ws_col >= WF_QR_SIDE_MAX;
}

/* It gets a session of its own, so that Ctrl-C here does not end it, and nothing of ours. False if
 * it could not be started. */
static bool open_browser(const char *address, const struct guard *guard)
{
    char program[] = "xdg-open";
    char *copy = strdup(address);
    char *const argv[] = {program, copy, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    pid_t pid = 0;
    int number = ENOMEM;

    if (copy == NULL || posix_spawn_file_actions_init(&files) != 0)
        goto out;
    if (posix_spawnattr_init(&attributes) == 0) {
        for (int fd = 0; fd <= 2; fd++)
            (void)posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
        (void)posix_spawn_file_actions_addclosefrom_np(&files, 3);
        (void)posix_spawnattr_setsigmask(&attributes, &guard->before);
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
        number = posix_spawnp(&pid, program, &files, &attributes, argv, environ);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&files);
out:
    free(copy);
    return number == 0;
}

/* Browsers that have ended leave no zombie. */
static void collect(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

/* The person */

/* One line; its length, 0 at the end of input or after a signal. */
static size_t read_answer(struct guard *guard, char answer[ANSWER_SIZE])
{
    struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {guard->fd, POLLIN, 0}};
    size_t used = 0;

    while (used < ANSWER_SIZE && (used == 0 || answer[used - 1] != '\n')) {
        int ready = poll(fds, WF_ARRAY_LEN(fds), -1);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0 || guard_caught(guard))
            return 0;
        if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0)
            continue;
        ssize_t n = read(STDIN_FILENO, answer + used, ANSWER_SIZE - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        used += (size_t)n;
    }
    /* The rest of what is too long is no second answer */
    if (answer[used - 1] != '\n')
        (void)tcflush(STDIN_FILENO, TCIFLUSH);
    return used;
}

/* Up to three answers. WF_PENDING if none was given. */
static enum wf_reason talk(struct wf_session *session, bool browser, struct guard *guard,
                           struct wf_session_info *ret, struct wf_err *err)
{
    enum wf_reason reason = wf_fail(err, WF_PENDING, "no answer was given");
    char answer[ANSWER_SIZE];

    while (wf_session_is_open(session)) {
        struct wf_cmd_ticker ticker;
        bool shown = browser && open_browser(wf_session_address_borrow(session), guard);
        const char *prompt = wf_session_prompt_borrow(session, !shown && shows_code());
        if (prompt == NULL)
            return wf_fail(err, WF_INTERNAL, "out of memory for a prompt");
        (void)fprintf(stderr, "%s%s", shown ? "Your browser is being opened.\n" : "", prompt);
        size_t len = read_answer(guard, answer);
        if (len == 0) {
            explicit_bzero(answer, sizeof(answer));
            (void)fputc('\n', stderr);
            return wf_fail(err, WF_PENDING, "no answer was given");
        }
        wf_cmd_ticker_begin(&ticker, true);
        reason = wf_session_answer(session, answer, len, ret, err);
        wf_cmd_ticker_end(&ticker);
        explicit_bzero(answer, sizeof(answer));
        if (reason == WF_OK || guard_caught(guard))
            break;
    }
    return reason;
}

/* The commands */

static int report(const char *provider, enum wf_reason reason, const struct wf_session_info *info,
                  const struct wf_err *err)
{
    if (reason != WF_OK)
        (void)fprintf(stderr, "%s: %s\n", wf_reason_name(reason), err->text);
    else if (printf("Signed in at %s as %s.\n", provider, info->name) < 0)
        return WF_EXIT_USAGE;
    if (reason == WF_OK && !info->lasting)
        wf_cmd_complain("%s gave no refresh token: the session ends with its access token",
                        provider);
    return wf_exit_of(reason);
}

static int sign_in(const struct wf_context *context, const char *name, bool browser)
{
    const struct wf_provider_conf *provider = NULL;
    struct wf_session *session = NULL;
    struct wf_session_info info = {.lasting = false};
    struct wf_err err = WF_ERR_INIT;
    struct guard guard = {.fd = -1};
    enum wf_reason reason = wf_session_provider(context, name, &provider, &err);

    if (reason == WF_OK)
        reason = wf_session_begin(context, provider, &session, &err);
    if (reason == WF_OK && !guard_begin(&guard))
        reason = wf_fail(&err, WF_INTERNAL, "signals cannot be held back");
    if (reason == WF_OK)
        reason = talk(session, browser && has_screen(), &guard, &info, &err);
    if (reason == WF_OK && guard_caught(&guard)) {
        /* Who pressed Ctrl-C meanwhile does not want it */
        bool existed = false;
        bool told = false;
        reason = wf_session_end(context, provider->name, NULL, &existed, &told, &err);
        if (reason == WF_OK)
            reason = wf_fail(&err, WF_PENDING, "interrupted: signed out again");
    }
    wf_session_free(session);
    collect();
    int status = report(provider == NULL ? "" : provider->name, reason, &info, &err);
    guard_end(&guard);
    return status;
}

static int login_usage(void)
{
    (void)fprintf(stderr, "usage: wfauth [-c FILE] login [--no-browser] [PROVIDER]\n");
    return WF_EXIT_USAGE;
}

int wf_cmd_login(const struct wf_cmd_global *global, int argc, char **argv)
{
    static const struct option longs[] = {
        {"no-browser", no_argument, NULL, 'B'},
        {NULL, 0, NULL, 0},
    };
    bool browser = true;
    int status = WF_EXIT_USAGE;
    int c;

    optind = 0;
    while ((c = getopt_long(argc, argv, "+B", longs, NULL)) != -1) {
        if (c != 'B')
            return login_usage();
        browser = false;
    }
    if (optind + 1 < argc)
        return login_usage();
    /* A code is of the address that was shown: there is nothing to be prepared in a file */
    if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
        wf_cmd_complain(
            "login asks a person: standard input and standard error must be a terminal");
        return WF_EXIT_USAGE;
    }
    struct wf_context *context = wf_cmd_context(global, &status);
    if (context == NULL)
        return status;
    status = sign_in(context, argv[optind], browser);
    wf_context_free(context);
    return status;
}

static int sign_out(const struct wf_context *context, const char *name, const char *user)
{
    const struct wf_provider_conf *provider = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_cmd_ticker ticker;
    enum wf_reason reason = WF_OK;
    bool existed = false;
    bool told = false;

    /* One that is named need not be configured any more */
    if (name == NULL) {
        reason = wf_session_provider(context, NULL, &provider, &err);
        name = reason == WF_OK ? provider->name : "";
    }
    wf_cmd_ticker_begin(&ticker, false);
    if (reason == WF_OK)
        reason = wf_session_end(context, name, user, &existed, &told, &err);
    wf_cmd_ticker_end(&ticker);
    provider = wf_conf_provider(wf_context_conf_borrow(context), name);
    bool machine = provider != NULL && user == NULL && wf_conf_is_machine(provider);
    if (reason == WF_OK && machine)
        reason = wf_token_forget(context, name, &err);
    if (reason != WF_OK) {
        (void)fprintf(stderr, "%s: %s\n", wf_reason_name(reason), err.text);
        return wf_exit_of(reason);
    }
    /* Why it was not told has been said by the log */
    if (!told)
        (void)fprintf(stderr, "%s: the session is forgotten here, but %s was not told\n",
                      wf_reason_name(WF_UNREACHABLE), name);
    else if (existed)
        wf_cmd_say("Signed out at %s.", name);
    else if (machine)
        wf_cmd_say("No token of %s is kept any more; it ends there by itself.", name);
    else
        wf_cmd_say("No session at %s is kept.", name);
    return told ? WF_EXIT_DONE : WF_EXIT_UNREACHABLE;
}

static int logout_usage(void)
{
    (void)fprintf(stderr, "usage: wfauth [-c FILE] logout [-u USER] [PROVIDER]\n");
    return WF_EXIT_USAGE;
}

int wf_cmd_logout(const struct wf_cmd_global *global, int argc, char **argv)
{
    static const struct option longs[] = {
        {"user", required_argument, NULL, 'u'},
        {NULL, 0, NULL, 0},
    };
    const char *user = NULL;
    int status = WF_EXIT_USAGE;
    int c;

    optind = 0;
    while ((c = getopt_long(argc, argv, "+u:", longs, NULL)) != -1) {
        if (c != 'u')
            return logout_usage();
        user = optarg;
    }
    if (optind + 1 < argc)
        return logout_usage();
    struct wf_context *context = wf_cmd_context(global, &status);
    if (context == NULL)
        return status;
    status = sign_out(context, argv[optind], user);
    wf_context_free(context);
    return status;
}
