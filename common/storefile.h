/*
 * The files in the folder of a store (store.h): one for each thing that is kept, a JSON object that
 * a table of members describes, with its version and, where it holds on one host alone, the host.
 * Names are made from hashes, so that whatever is in a user's name a file can have it.
 *
 * All functions: any thread; they block for the disk.
 */
#ifndef WF_STOREFILE_H
#define WF_STOREFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "folder.h"
#include "log.h"
#include "member.h"

/* Hex digits of a hash that names a file: of a person, where a collision would be another's, and of
 * a host or a session, where it takes two that share a folder or a person. */
#define WF_STOREFILE_DIGITS 40
#define WF_STOREFILE_FEW_DIGITS 16
#define WF_STOREFILE_NAME_SIZE (WF_FOLDER_NAME_MAX + 1)
/* Bytes of a list of files, one for each person of a large site: 13 MB for 128 Ki of them. */
#define WF_STOREFILE_LIST_MAX ((size_t)128 * 1024 * sizeof(struct wf_folder_entry))

struct wf_store {
    const struct wf_log *log;
    char *path;
    char host[WF_STOREFILE_FEW_DIGITS + 1]; /* a hash: machine-id(5) asks not to show it as it is */
};

/* A kind of thing that is kept. */
struct wf_storefile_kind {
    const char *what; /* "session" */
    int version;
    bool of_host; /* it holds on the host that wrote it */
    size_t max;   /* bytes of a file */
    const struct wf_member *members;
    size_t count;
};

/* Digits (even, at most 64) of a hash of two texts, no two pairs of which look alike, and a NUL.
 * WF_INTERNAL. */
enum wf_reason wf_storefile_hash(const char *first, const char *second, size_t digits, char *ret,
                                 struct wf_err *err) WF_MUST_USE;

/* The folder, for one operation: wf_folder_shut. WF_CONFIG if it is not there or not private. */
enum wf_reason wf_storefile_enter(const struct wf_store *store, int *ret,
                                  struct wf_err *err) WF_MUST_USE;

/* The same from memory: what tests and fuzzing call. */
enum wf_reason wf_storefile_parse(const struct wf_store *store,
                                  const struct wf_storefile_kind *kind, const char *text,
                                  size_t len, void *to, struct wf_err *err) WF_MUST_USE;
/* Fill in `to`, whose members are empty, from a file. On success where *ret_found
 * wf_members_done; else they are empty. WF_MALFORMED, and why, for one that must not be used: of
 * another owner, open to others, truncated, of another version or host. WF_INTERNAL, also for one
 * that cannot be read: descriptors are short, or the disk fails. */
enum wf_reason wf_storefile_read(const struct wf_store *store,
                                 const struct wf_storefile_kind *kind, int in, const char *name,
                                 void *to, bool *ret_found, struct wf_err *err) WF_MUST_USE;

/* Replace a file at once for all readers; durable: as wf_folder_replace. WF_CONFIG if that cannot
 * be, WF_INTERNAL. */
enum wf_reason wf_storefile_write(const struct wf_store *store,
                                  const struct wf_storefile_kind *kind, int in, const char *name,
                                  const void *from, bool durable, struct wf_err *err) WF_MUST_USE;
/* Make a file unless it is there, as wf_folder_create. WF_CONFIG if that cannot be, WF_INTERNAL. */
enum wf_reason wf_storefile_create(const struct wf_store *store,
                                   const struct wf_storefile_kind *kind, int in, const char *name,
                                   const void *from, bool *ret_existed,
                                   struct wf_err *err) WF_MUST_USE;
/* Remove a file, as wf_folder_remove. WF_CONFIG if that cannot be. */
enum wf_reason wf_storefile_remove(const struct wf_store *store, int in, const char *name,
                                   bool durable, bool *ret_existed,
                                   struct wf_err *err) WF_MUST_USE;

/* Wait at most wait_ms for the lock of this name: *ret: wf_store_unlock. WF_UNREACHABLE if somebody
 * else still has it; WF_CONFIG where there are no locks. */
enum wf_reason wf_storefile_lock(const struct wf_store *store, int in, const char *name,
                                 unsigned wait_ms, int *ret, struct wf_err *err) WF_MUST_USE;

#endif
