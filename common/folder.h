/*
 * Folders of this user's own on this host, for what is kept there: files that are replaced at once
 * for all readers, and locks.
 *
 * Whatever leads to a folder is judged part by part on descriptors, at each use anew: no descriptor
 * is kept that a host could close or a child inherit. Names of files are made by us, from hashes.
 * Nothing here logs. All functions: any thread, and after a fork, too; they block for the disk.
 */
#ifndef WF_FOLDER_H
#define WF_FOLDER_H

#include <sys/stat.h>
#include <time.h>

#include "buf.h"
#include "err.h"

/* Bytes of a file's name: letters, digits, '-' and '.', which is not first. */
#define WF_FOLDER_NAME_MAX 80
/* Files that are looked at when a folder is listed: 700 KB of names. */
#define WF_FOLDER_LIST_MAX 8192

/* Permissions that a file must not have. */
#define WF_FOLDER_NOT_WRITABLE ((mode_t)(S_IWGRP | S_IWOTH))
#define WF_FOLDER_PRIVATE ((mode_t)(S_IRWXG | S_IRWXO))

/* Which folder it is where none is configured. */
struct wf_folder_default {
    const char *root_part; /* root's: LOCALSTATEDIR + this + "/wfauth" */
    mode_t root_mode;
    bool services;        /* a service's user has a folder in root's, if an administrator made one */
    const char *variable; /* people's: what this says, + "/wfauth"; */
    const char *home_part; /* else what passwd says is their home, + this + "/wfauth" */
};

/* Choose and make: `configured`, else the default for the effective user; mode 0700 but for
 * root_mode. The environment counts only where the process is no more than its caller. NULL if no
 * folder can be named, or memory is short. What could not be made shows when it is opened. New,
 * the caller frees. Blocks for passwd, too. */
char *wf_folder_choose(const char *configured, const struct wf_folder_default *standard);

/* Open a folder for one operation. It must belong to the effective user and nobody else may write
 * it; no symbolic link and no part that others may write, unless it has the sticky bit, leads to
 * it. The last part is made with this mode where it is missing and mode is not 0. The descriptor
 * is good for the …at calls alone; -1, and what is wrong in err. */
int wf_folder_walk(const char *path, mode_t mode, struct wf_err *err);
/* -1 is fine. */
void wf_folder_shut(int fd);

/* True for a name that a file of ours can have. */
bool wf_folder_name_is_valid(const char *name);

/* Append a file to out. NULL, or why it is ignored, in words for the log: it is foreign-owned, has a
 * forbidden permission, is a link, no regular file, too large for out, empty, or cannot be read;
 * then out holds nothing of it. With a fault errno is 0 where it is the file that is no good, and
 * else the number of what failed (descriptors, the disk): of the file that says nothing. Where there
 * is none: NULL, and nothing appended. Lack of memory shows in wf_buf_ok(out). */
const char *wf_folder_read(int in, const char *name, mode_t forbidden, struct wf_buf *out);

/* Replace a file (mode 0600) at once for all readers: temporary file, rename. durable: it is on the
 * disk, and so is its name, before this returns; else a machine that stops may leave the old one,
 * none or an empty one. NULL, or what went wrong; then the old one stands, unless what failed is
 * the very last step, after which either may. */
const char *wf_folder_replace(int in, const char *name, const void *data, size_t len, bool durable);

/* Make a file (mode 0600), durably, unless there is one of this name, whatever it is: of several who
 * do so at once one makes it. *ret_existed: it was there, and stands. NULL, or what went wrong; then
 * there is none of ours, unless what failed is the very last step, after which it may stand. */
const char *wf_folder_create(int in, const char *name, const void *data, size_t len,
                             bool *ret_existed);

/* Remove a file. durable: it does not come back when the machine stops. *ret_existed: this call has
 * removed it; of several who do so at once that is true for one. NULL, also where there is none, or
 * what went wrong. */
const char *wf_folder_remove(int in, const char *name, bool durable, bool *ret_existed);

/* Open the file that is the lock of this name. -1, and why it is no lock. Lock files stay, so their
 * names must be few. Each call opens it anew, so that flock(2) works between threads, too. */
int wf_folder_lock_open(int in, const char *name, const char **ret_fault);
/* Wait at most wait_ms for it; 0: try once. 0 if it is ours now; EWOULDBLOCK if somebody else still
 * has it; else an errno value: no locks here. The kernel releases it when the last process that
 * has this descriptor dies. */
int wf_folder_lock_wait(int lock, unsigned wait_ms);
/* Give it back, in the name of all who have the descriptor, and close it. -1 is fine. */
void wf_folder_unlock(int lock);

struct wf_folder_entry {
    struct timespec age; /* when it was written */
    char name[WF_FOLDER_NAME_MAX + 1];
};
/* Append a struct wf_folder_entry for each file of ours whose name begins with prefix, in no order,
 * up to list's maximum. What a process left that died while writing is removed. NULL, or why some
 * or all are missing from the list: too many, no memory, no descriptor. */
const char *wf_folder_list(int in, const char *prefix, struct wf_buf *list);

#endif
