/*
 * A program of ours, started beside the host process, with a socket pair between them.
 *
 * The host may be anybody's: its signals, its children and its descriptors are not ours. So the
 * program starts with an empty environment, a session of its own, every signal's default action and
 * no descriptor of the host's; whether it still runs is asked through a pidfd; and that somebody
 * has closed or reused our descriptor is noticed. While it lives, the process has one more child
 * and gets SIGCHLD when that ends, whatever its disposition is.
 */
#ifndef WF_CHILD_H
#define WF_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

/* In the caller's storage; WF_CHILD_INIT: none. */
struct wf_child {
    int fd;       /* our end of the socket pair; -1: no child */
    ino_t socket; /* its inode: a host may close descriptors that are not its own */
    int pidfd;    /* -1 where the kernel has none */
    pid_t pid;
    pid_t owner; /* the process that started it */
};
/* clang-format off */
#define WF_CHILD_INIT {-1, 0, -1, 0, 0}
/* clang-format on */

/* The descriptor that `pass` becomes there; standard input is the socket. */
#define WF_CHILD_PASSED 3

/* Start the program at `path`: absolute, a regular file of root's or of the effective user's, that
 * nobody else can write. argv: as it sees it, argv[0] included. pass: a descriptor that it gets,
 * too, or -1; it stays the caller's. WF_CONFIG for a program that is not there or not to be trusted;
 * WF_INTERNAL where the machine is short of something. *ret, WF_CHILD_INIT before, is written on
 * success alone. Any thread; after a fork, too. */
enum wf_reason wf_child_start(const char *path, char *const argv[], int pass, struct wf_child *ret,
                              struct wf_err *err) WF_MUST_USE;

/* True if there is a child that this process started, and our end is still what it was. */
bool wf_child_is_ours(const struct wf_child *child);

/* Kill it, so that no zombie stays, and forget it. In a forked process it is the parent's: only our
 * copies are closed. Waits a second at most. Without a child nothing happens. */
void wf_child_kill(struct wf_child *child);
/* Forget it, but let it finish what it does; it is waited for a second at most, so that no zombie
 * stays of one that has ended. */
void wf_child_leave(struct wf_child *child);

/* In the program: true if it was started so, and not by hand. */
bool wf_child_has_socket(void);

#endif
