/*
 * A byte buffer that cannot overflow, cannot forget and cannot be half written unnoticed: a
 * maximum travels with it, every growth, reset and free wipes the old bytes, and a failed append
 * makes all later ones fail, so that a caller appends ten times and checks once.
 */
#ifndef WF_BUF_H
#define WF_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "macros.h"

/* In the caller's storage; touch it through the functions alone. */
struct wf_buf {
    uint8_t *data;
    size_t len;
    size_t size;
    size_t max;
    bool failed;
};
/* An empty buffer of at most `maximum` bytes, as an initialiser. Nothing is allocated yet. */
/* clang-format off */
#define WF_BUF_INIT(maximum) {NULL, 0, 0, (maximum), false}
/* clang-format on */

/* Forget all bytes (wiped) and a failure; the maximum stays. */
void wf_buf_reset(struct wf_buf *buf);
/* Wipe and free. The buffer may be used again afterwards. NULL is fine. */
void wf_buf_done(struct wf_buf *buf);

void wf_buf_append(struct wf_buf *buf, const void *data, size_t len);
void wf_buf_append_text(struct wf_buf *buf, const char *text);
void wf_buf_append_byte(struct wf_buf *buf, uint8_t byte);
/* Formats at most 1023 bytes; a longer result is a failure, not a cut. No secrets here: the
 * formatter's own memory is not wiped. */
void wf_buf_append_format(struct wf_buf *buf, const char *fmt, ...) WF_PRINTF(2, 3);

/* Make room for len more bytes and return where they go, NULL on failure; wf_buf_added() then
 * says how many were written (at most len). The pointer is good until the next call on buf. */
uint8_t *wf_buf_room(struct wf_buf *buf, size_t len);
void wf_buf_added(struct wf_buf *buf, size_t len);

/* True if every append since init or reset succeeded. */
bool wf_buf_ok(const struct wf_buf *buf);

/* The bytes with a NUL behind them (not counted in len); NULL after a failure. Borrowed until the
 * next call on buf. */
const char *wf_buf_text_borrow(struct wf_buf *buf);

/* Hand the bytes (malloc'ed, a NUL behind them) to the caller and start empty; NULL after a
 * failure. The caller frees, and wipes if they are secret. */
char *wf_buf_steal(struct wf_buf *buf, size_t *ret_len);

#endif
