/*
 * Secrets: tokens, codes, verifiers, client secrets. Opaque, so that no "%s" prints one by
 * accident; wiped when freed; compared in constant time. Immutable once made, so any thread may
 * read one.
 */
#ifndef WF_SECRET_H
#define WF_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "macros.h"
#include "text.h"

struct wf_secret;

/* A copy of len bytes; NULL if memory is short or len is over 1 MiB. The caller wipes the
 * original. */
struct wf_secret *wf_secret_new(const void *data, size_t len);
/* Wipe and free. NULL is fine. */
void wf_secret_free(struct wf_secret *secret);
/* The bytes, with a NUL behind them that is not counted; borrowed as long as the secret lives.
 * {NULL, 0} for NULL. */
struct wf_span wf_secret_borrow(const struct wf_secret *secret);
/* Equal length and bytes, in time that depends on the length alone. NULL equals nothing. */
bool wf_secret_equals(const struct wf_secret *a, const struct wf_secret *b) WF_MUST_USE;
/* The same for plain memory. */
bool wf_secret_equals_bytes(const void *a, const void *b, size_t len) WF_MUST_USE;

#endif
