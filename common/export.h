/*
 * A person's token in a file for their own tools: RUNTIME_DIR/wfauth/PROVIDER.
 *
 * The folder is theirs, and whoever walks a path that somebody else can change while being root can
 * be led anywhere. So the file is written and removed by a program of its own, wfauth-export, which
 * has become the person; a fork of the host would take the host's memory (sshd's keys) along. It
 * gets the token through a socket, has no descriptor of the host's, and does not outlive its time:
 * a folder that hangs must not hang a log-in.
 *
 *   request  = token                     until the end; empty where the file is removed
 *   answer   = "+" held / "-" text       until the end; held: what a removed file had in it
 */
#ifndef WF_EXPORT_H
#define WF_EXPORT_H

#include "buf.h"
#include "err.h"
#include "secret.h"

/* Bytes of a path, with the NUL. */
#define WF_EXPORT_PATH_SIZE 256
/* Bytes of a token, and of the file, which has a newline behind it. */
#define WF_EXPORT_TOKEN_MAX ((size_t)64 * 1024)
#define WF_EXPORT_FILE_MAX (WF_EXPORT_TOKEN_MAX + 1)
/* What the program may take at most, in milliseconds. */
#define WF_EXPORT_MS 5000

/* Where the file of this provider is. WF_CONFIG if runtime_dir is NULL, no absolute path of clean
 * text, or too long. */
enum wf_reason wf_export_path(const char *runtime_dir, const char *provider,
                              char ret[WF_EXPORT_PATH_SIZE], struct wf_err *err) WF_MUST_USE;

/* Replace the file, mode 0600, in a folder of mode 0700 that is made where it is missing. The
 * runtime directory must be there, be the person's, and be writable by nobody else, and no symbolic
 * link leads to it. user: a local user. token: at most WF_EXPORT_TOKEN_MAX bytes. WF_CONFIG if that
 * is not so, or the file cannot be written; WF_UNREACHABLE if it takes too long; WF_INTERNAL.
 * Blocks for WF_EXPORT_MS at most, and a second for the program to go. Any thread. */
enum wf_reason wf_export_write(const char *user, const char *path, const struct wf_secret *token,
                               struct wf_err *err) WF_MUST_USE;

/* Remove it, and the folder if nothing else is in it. *ret_held: the token that it had, new,
 * wf_secret_free; NULL, and WF_OK, where there was none, or something else was in it. Reasons as
 * above. */
enum wf_reason wf_export_remove(const char *user, const char *path, struct wf_secret **ret_held,
                                struct wf_err *err) WF_MUST_USE;

#endif
