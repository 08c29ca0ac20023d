/* Reading the files that we trust: configuration, secrets, map files. */
#ifndef WF_FILE_H
#define WF_FILE_H

#include "buf.h"
#include "err.h"

enum wf_file_kind {
    WF_FILE_PUBLIC, /* may be read by all, written by its owner alone */
    WF_FILE_SECRET, /* no permission for others, nor for a group that is not the reader's */
};

/* Append the whole of a regular file to out, up to out's maximum. The path is absolute; its last
 * part is no symbolic link; the file belongs to root or to the effective user and only its owner
 * may write it; all judged on the open descriptor. WF_CONFIG, with path, finding and the command
 * that mends it, otherwise; WF_INTERNAL if memory is short. Blocks for the disk alone (a FIFO or
 * device is refused without waiting). Any thread. */
enum wf_reason wf_file_read(const char *path, enum wf_file_kind kind, struct wf_buf *out,
                            struct wf_err *err) WF_MUST_USE;

#endif
