/*
 * What all entries of the cache folder (cachedir.h) that keep an answer of a provider have in
 * common: an object that says when that was fetched, until when it holds, and what must be as it
 * was; and of an answer that did not come, why. The rest of its members are the answer's own.
 *
 * The folder's files are ours, but a disk can be full or broken: what is not whole, or has anything
 * in it that we do not write, is WF_MALFORMED, with what is wrong.
 */
#ifndef WF_ENTRY_H
#define WF_ENTRY_H

#include <stdint.h>

#include "err.h"
#include "text.h"

struct json_t;

/* Plain data. */
struct wf_entry {
    enum wf_reason reason; /* WF_OK: there is an answer; WF_EXPIRED, WF_UNREACHABLE, WF_CONFIG */
    int64_t fetched;       /* seconds since 1970: when it came, or did not */
    int64_t until;         /* the second from which on it does not hold any more */
    char text[WF_ERR_TEXT_MAX]; /* why there is none */
};

/* An object with that alone, to which the answer is added; NULL if memory is short. bound: 1..
 * bytes, and a NUL. wf_json_free. */
struct json_t *wf_entry_new(const struct wf_entry *entry, const char *bound) WF_MUST_USE;

/* Read one; whether it still holds is the caller's to say. *ret_json: new, wf_json_free.
 * WF_EXPIRED: it is bound to something else. WF_MALFORMED, also for another version; WF_INTERNAL.
 * Never blocks; any thread. */
enum wf_reason wf_entry_read(struct wf_span text, const char *bound, struct wf_entry *ret,
                             struct json_t **ret_json, struct wf_err *err) WF_MUST_USE;

#endif
