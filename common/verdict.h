/*
 * Tokens that have been judged, remembered: in memory, bounded, shared by threads. What is kept is
 * what a token says and that it is genuine; whom it makes and what they may do is judged anew each
 * time, since map files, passwd and groups change. A forked child begins with none.
 */
#ifndef WF_VERDICT_H
#define WF_VERDICT_H

#include <stdint.h>

#include "conf.h"
#include "err.h"
#include "jwks.h"
#include "rules.h"

struct json_t;

/* SHA-256 over token, policy and how it was obtained */
#define WF_VERDICT_KEY_SIZE 32
/* Verdicts that one process keeps: some 5 KiB each. A mail server that sees more people than this
 * within a token's life judges some of them again, for some 20 µs. */
#define WF_VERDICTS_MAX 1024

/* Immutable once made. */
struct wf_verdict {
    const struct wf_accepted *accepted; /* borrowed from the configuration */
    enum wf_source source;
    struct json_t *claims; /* its own */
    struct wf_jwks *keys;  /* its own reference: the set that verified it; NULL: none did */
    int64_t judged;        /* the second of the judgement */
    int64_t until;         /* the second from which on it does not hold */
};

/* Take claims and keys over, whatever the result. *ret: new reference, wf_verdict_unref.
 * WF_INTERNAL. */
enum wf_reason wf_verdict_new_take(const struct wf_verdict *from, struct wf_verdict **ret,
                                   struct wf_err *err) WF_MUST_USE;
/* NULL is fine. Any thread. */
void wf_verdict_unref(struct wf_verdict *verdict);

struct wf_verdicts;

/* A table for `max` verdicts at most; nothing is allocated for them yet. NULL if memory is short. */
struct wf_verdicts *wf_verdicts_new(size_t max);
void wf_verdicts_free(struct wf_verdicts *table);

/* A new reference to what is kept under the key and holds at the second `now`; NULL otherwise. A
 * clock that went back by more than a minute spoils it. Any thread. */
struct wf_verdict *wf_verdicts_get(struct wf_verdicts *table,
                                   const uint8_t key[WF_VERDICT_KEY_SIZE], int64_t now);
/* Keep one more, in place of the one that was least used of those beside it. Nothing is kept if
 * memory is short. Any thread. */
void wf_verdicts_put(struct wf_verdicts *table, const uint8_t key[WF_VERDICT_KEY_SIZE],
                     struct wf_verdict *verdict);

#endif
