/*
 * What a sign-in is bound to on this host: a process in whose session the person sits, as /proc
 * tells it. A process is known by its id, the moment it started and the boot, so that a number that
 * is used again is another process. Nothing here is kept; all functions: any thread, and after a
 * fork, too. They block for /proc alone.
 */
#ifndef WF_ANCHOR_H
#define WF_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/* /proc/sys/kernel/random/boot_id, with its NUL */
#define WF_BOOT_SIZE 37

enum wf_anchor_kind {
    WF_ANCHOR_PROCESS,  /* whatever descends from this process */
    WF_ANCHOR_TERMINAL, /* whatever has this session leader and this terminal, as sudo binds its
                         * time stamps with timestamp_type = tty */
};

struct wf_anchor {
    enum wf_anchor_kind kind;
    pid_t pid;      /* the process, or the leader of the terminal's session (setsid(2)) */
    uint64_t start; /* when it started, in clock ticks since boot */
    uint64_t tty;   /* device number of the controlling terminal; 0 with WF_ANCHOR_PROCESS */
    char boot[WF_BOOT_SIZE];
};

/* This very process. WF_INTERNAL where /proc does not tell. */
enum wf_reason wf_anchor_process(struct wf_anchor *ret, struct wf_err *err) WF_MUST_USE;
/* The terminal at which this process runs. WF_PENDING if it has none, or its session's leader has
 * gone: nothing to bind to. WF_INTERNAL. */
enum wf_reason wf_anchor_terminal(struct wf_anchor *ret, struct wf_err *err) WF_MUST_USE;

/* The running boot. WF_INTERNAL. */
enum wf_reason wf_anchor_boot(char ret[WF_BOOT_SIZE], struct wf_err *err) WF_MUST_USE;

/* True if both are the same in every part. */
bool wf_anchor_equals(const struct wf_anchor *a, const struct wf_anchor *b);
/* True if the process is still the one that it was, and runs; false also where /proc does not tell.
 */
bool wf_anchor_lives(const struct wf_anchor *anchor);
/* True if it is certain that it does not run any more; false also where /proc does not tell, as
 * where descriptors are short. */
bool wf_anchor_has_gone(const struct wf_anchor *anchor);
/* True if it lives and this process is in its session: descends from it (or is it), or sits at that
 * terminal. False wherever /proc does not tell. */
bool wf_anchor_holds_us(const struct wf_anchor *anchor);

/* The user who runs this program: the real user id, and where that is 0, since programs such as
 * sudo change it before they ask PAM, the parent's. (uid_t)-1 where it cannot be told. */
uid_t wf_anchor_caller(void);

#endif
