/*
 * A door that has so much time for all that goes through it: a look-up may be three requests, each
 * with its own time-out, but whoever signs in waits for the sum.
 */
#ifndef WF_HTTP_DEADLINE_H
#define WF_HTTP_DEADLINE_H

#include <stdint.h>

#include "http.h"

/* In the caller's storage; wf_http_free leaves both doors alone. */
struct wf_http_deadline {
    struct wf_http base;
    struct wf_http *inner;
    uint32_t budget_ms;
    int64_t deadline; /* 0: no request yet; else of the monotonic clock, ms */
};

/* All requests together end budget_ms after the first one began: each gets its own time-out or what
 * is left, whichever is less, and none is sent, with WF_UNREACHABLE, where nothing is. inner:
 * borrowed; NULL makes each request WF_INTERNAL. One thread at a time. */
void wf_http_deadline_init(struct wf_http_deadline *door, struct wf_http *inner,
                           uint32_t budget_ms);

#endif
