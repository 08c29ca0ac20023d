/* What the commands of the program wfauth share. */
#ifndef WF_CMD_H
#define WF_CMD_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "wfauth.h"

/* Exit statuses, a contract with scripts. */
enum wf_exit {
    WF_EXIT_DONE = 0,        /* done, or accepted */
    WF_EXIT_REFUSED = 1,     /* refused */
    WF_EXIT_USAGE = 2,       /* usage, configuration, or an internal failure */
    WF_EXIT_UNREACHABLE = 3, /* the provider, or what else must answer */
};

/* What stands before the command's name. */
struct wf_cmd_global {
    const char *config; /* -c FILE; NULL: the default */
};

int wf_exit_of(enum wf_reason reason);

/* Load the configuration; what is wrong goes to standard error, and *ret_exit says how to end. NULL
 * then. */
struct wf_context *wf_cmd_context(const struct wf_cmd_global *global, int *ret_exit);

/* One message on standard error, "wfauth: …". */
void wf_cmd_complain(const char *fmt, ...) WF_PRINTF(1, 2);

/* One line on standard output, what is foreign in it made harmless. */
void wf_cmd_say(const char *fmt, ...) WF_PRINTF(1, 2);

/* "2026-11-24T10:00:00Z" */
#define WF_CMD_TIME_SIZE 32
void wf_cmd_time(int64_t seconds, char ret[WF_CMD_TIME_SIZE]);

/* Says on standard error that the provider is asked, and then a dot a second, where that is a
 * terminal. at_once: from the beginning on, for who has just answered; else after a second, since
 * most waiting is shorter. The two calls belong together. */
struct wf_cmd_ticker {
    sem_t stop;
    pthread_t thread;
    bool runs;
    bool shown;
};
void wf_cmd_ticker_begin(struct wf_cmd_ticker *ticker, bool at_once);
void wf_cmd_ticker_end(struct wf_cmd_ticker *ticker);

/* The commands: argv[0] is the command's name. They return an exit status. */
int wf_cmd_verify(const struct wf_cmd_global *global, int argc, char **argv);
int wf_cmd_login(const struct wf_cmd_global *global, int argc, char **argv);
int wf_cmd_logout(const struct wf_cmd_global *global, int argc, char **argv);
int wf_cmd_token(const struct wf_cmd_global *global, int argc, char **argv);
int wf_cmd_assert(const struct wf_cmd_global *global, int argc, char **argv);
int wf_cmd_pins(const struct wf_cmd_global *global, int argc, char **argv);
int wf_cmd_unpin(const struct wf_cmd_global *global, int argc, char **argv);
int wf_cmd_keygen(const struct wf_cmd_global *global, int argc, char **argv);

#endif
