/*
 * Locks that a forked child finds open.
 *
 * Our hosts fork whenever they like, while another thread may be inside of us: the child then has
 * that thread's locks without the thread that would open them. So our locks lie on pages that the
 * kernel zeroes in a child (MADV_WIPEONFORK), and zero means open, with nobody waiting. A child
 * starts right without noticing anything, at no cost: getpid() on each call would double the price
 * of finding a key.
 *
 * What such a lock guards is copied to the child in the middle of a change, perhaps. Therefore
 * wf_forksafe_lock says when a process comes here for the first time, and whoever called puts that
 * state in order before anything else: forgets it, unless it is a single pointer, which is always
 * whole.
 */
#ifndef WF_FORKSAFE_H
#define WF_FORKSAFE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "macros.h"

/* A lock, and a way to wait for what it guards. Two that different threads use at once do not share
 * a line of the cache. */
struct wf_forksafe {
    _Alignas(64) pthread_mutex_t mutex;
    pthread_cond_t changed;
    pid_t owner; /* 0, or, on kernels before 4.14, the process that the rest is right for */
    bool entered;
};

#define WF_FORKSAFE_MAX 16

/* A page of WF_FORKSAFE_MAX locks, all open, to use as many of as are needed. NULL if memory is
 * short, and with a C library whose locks are not zero when they are open. */
struct wf_forksafe *wf_forksafe_new(void) WF_MUST_USE;
/* All at once. Nobody holds one or waits. NULL is fine. */
void wf_forksafe_free(struct wf_forksafe *locks);

/* True in each process that first takes this lock, its maker included: nothing may be believed of
 * what it guards. Hold it for some instructions at a time. Any thread; on kernels before 4.14 one
 * alone for the first time in a child. */
bool wf_forksafe_lock(struct wf_forksafe *lock) WF_MUST_USE;
void wf_forksafe_unlock(struct wf_forksafe *lock);

/* Open the lock, wait until somebody calls wf_forksafe_wake, or for no reason, and take it again.
 */
void wf_forksafe_wait(struct wf_forksafe *lock);
/* All who wait. The lock is held. */
void wf_forksafe_wake(struct wf_forksafe *lock);

#endif
