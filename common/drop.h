/* How a program of ours gives up every privilege, for good. Programs only: all of this changes the
 * whole process. */
#ifndef WF_DROP_H
#define WF_DROP_H

#include <stddef.h>

#include "err.h"

/* In a process with one thread: close every descriptor but 0, 1 and 2; leave the working directory
 * and umask for / and 077; allow no core dump, no tracing by others, no new privileges, no file to
 * be written, and bounded memory, descriptors, processor time and threads.
 *
 * With effective user id 0, become `user` in all user and group ids and without supplementary
 * groups; the real ids too, which under sudo are the caller's. Without it the ids stay as they
 * are, if real, effective and saved ones agree. In the end no capability is left, and the way back
 * to root is tried and must fail.
 *
 * WF_CONFIG if the user does not exist (the text says what to type), is root, has group root or is
 * "nobody", or if the ids of a non-root process do not agree; WF_INTERNAL if the kernel refuses a
 * step. After a failure the process may hold any privilege: report it and end. Blocks in the
 * look-up of the user. */
enum wf_reason wf_drop(const char *user, struct wf_err *err) WF_MUST_USE;

/* The same to act for a person: `user` may be anybody but root, and files of at most file_max bytes
 * may be written. Without effective user id 0 it must be that very user. */
enum wf_reason wf_drop_to_person(const char *user, size_t file_max, struct wf_err *err) WF_MUST_USE;

#endif
