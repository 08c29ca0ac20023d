/*
 * What is kept of a service's token (machine.h) as an entry of the cache folder: the token, or why
 * there was none.
 *
 * The folder's files are ours, but a disk can be full or broken: an entry that is not whole or has
 * anything in it that we do not write is WF_MALFORMED, with what is wrong.
 */
#ifndef WF_KEPT_TOKEN_H
#define WF_KEPT_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "secret.h"

/* Bytes of an entry: a token of the largest size, every byte escaped, and the rest. */
#define WF_KEPT_TOKEN_MAX ((size_t)128 * 1024)
/* Seconds for which a token is kept at most, however long it lives: a key that was removed at the
 * provider then stops this host within the hour. */
#define WF_KEPT_TOKEN_LIFE 3600

struct wf_kept_token {
    enum wf_reason reason;      /* WF_OK: the token; WF_EXPIRED, WF_UNREACHABLE, WF_CONFIG */
    struct wf_secret *token;    /* owned; NULL unless WF_OK */
    char text[WF_ERR_TEXT_MAX]; /* of a failure */
    int64_t fetched;            /* seconds since 1970 */
    int64_t until;              /* from then on it does not hold */
};

/* Read an entry. bound: what must be as it was when the token was got. now: seconds. *ret: its
 * token is new, wf_secret_free.
 * WF_EXPIRED: it does not hold any more, or not for this `bound`, or comes from a wrong clock's
 * time. WF_MALFORMED, WF_INTERNAL. Never blocks; any thread. */
enum wf_reason wf_kept_token_read(const struct wf_buf *entry, const char *bound, int64_t now,
                                  struct wf_kept_token *ret, struct wf_err *err) WF_MUST_USE;

/* Append the entry to out, which is secret. False if memory or room is short. */
bool wf_kept_token_write(const struct wf_kept_token *kept, const char *bound,
                         struct wf_buf *out) WF_MUST_USE;

#endif
