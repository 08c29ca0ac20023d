/*
 * What providers replied about tokens, remembered for seconds: in memory, and on disk for the
 * other processes of this user. Found under a key that names the token, how it was obtained and
 * for which policy, never by the token itself. A forked child remembers nothing but what is on disk.
 */
#ifndef WF_REPLIES_H
#define WF_REPLIES_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "cachedir.h"
#include "err.h"

#define WF_REPLIES_KEY_SIZE 32
/* Seconds for which an accepted token, and a refused one, is remembered. A token that was revoked
 * keeps working that long at most. */
#define WF_REPLIES_ACCEPTED 60
#define WF_REPLIES_REFUSED 10
/* Bytes of one that is kept: claims of people with a thousand groups fit. */
#define WF_REPLIES_BODY_MAX ((size_t)64 * 1024)
/* How many are kept in memory, and how many on disk. */
#define WF_REPLIES_MAX 4096
/* Bytes of all in memory. */
#define WF_REPLIES_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* Bytes of one that is passed on: what a provider's reply of 256 KiB becomes if each of its bytes
 * must be escaped. */
#define WF_REPLY_BODY_MAX ((size_t)2 * 1024 * 1024)

/* A reply. Plain data in the caller's storage: WF_REPLY_INIT, wf_reply_done. */
struct wf_reply {
    enum wf_reason reason; /* WF_OK, or why the token is refused */
    int64_t until;         /* the second from which on it must be asked for again */
    struct wf_buf body;    /* the claims as JSON, or the administrator's text */
};
/* clang-format off */
#define WF_REPLY_INIT {WF_INTERNAL, 0, WF_BUF_INIT(WF_REPLY_BODY_MAX)}
/* clang-format on */
void wf_reply_done(struct wf_reply *reply);

struct wf_replies;

/* dir: borrowed as long as the replies live; NULL: memory alone. NULL if memory is short. */
struct wf_replies *wf_replies_new(struct wf_cachedir *dir);
/* NULL is fine. */
void wf_replies_free(struct wf_replies *replies);

/* True, with *ret filled (empty before), if a reply is known that holds at the second `now`. A
 * clock that went back behind the reply spoils it. disk: look there, too, where memory has none.
 * False as well if memory is short. Blocks for the disk. Any thread. */
bool wf_replies_get(struct wf_replies *replies, const uint8_t key[WF_REPLIES_KEY_SIZE], int64_t now,
                    bool disk, struct wf_reply *ret) WF_MUST_USE;

/* Remember a reply that was given at the second `now`, in place of one under the same key, for
 * WF_REPLIES_ACCEPTED or WF_REPLIES_REFUSED seconds at most, and never beyond its own `until`.
 * Only WF_OK and refusals that speak of the token are kept: WF_ISSUER, WF_TYPE, WF_INACTIVE,
 * WF_IDENTITY. The oldest make room. Whatever fails, nothing is kept. Blocks for the disk. Any
 * thread. */
void wf_replies_put(struct wf_replies *replies, const uint8_t key[WF_REPLIES_KEY_SIZE], int64_t now,
                    const struct wf_reply *reply);

/* Remove what is too much or too old on disk: called for one look-up in 64. */
void wf_replies_trim(struct wf_replies *replies);

#endif
