/*
 * What an answer's headers say about keeping it: Cache-Control and Age (RFC 9111 §5), ETag (RFC
 * 9110 §8.8.3). Expires is not read: whoever publishes keys or metadata sends max-age.
 */
#ifndef WF_HTTP_CACHE_H
#define WF_HTTP_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "http.h"
#include "text.h"

/* Collected header by header; zero at first. */
struct wf_http_cache {
    bool has_max_age;
    uint32_t max_age;
    uint32_t age;
    bool etag_seen;
};

/* One header of the answer; values are trimmed. Those that are none of these three, and what does
 * not parse, are ignored: the answer is kept a shorter time, nothing worse. Of several values the
 * one counts that keeps the answer the shortest; two ETags are none. */
void wf_http_cache_take(struct wf_http_cache *cache, struct wf_span name, struct wf_span value,
                        struct wf_http_response *response);

/* All headers are in: has_max_age and max_age of the response. */
void wf_http_cache_finish(const struct wf_http_cache *cache, struct wf_http_response *response);

/* True for [W/]"…" of printable ASCII, what wf_http_response promises of a tag that is not "". */
bool wf_http_etag_is_valid(struct wf_span tag);

/* Read digits alone, leading zeros allowed; more than max counts as max (RFC 9111 §1.2.2). False,
 * nothing written, for anything else. */
bool wf_http_seconds(struct wf_span value, uint32_t max, uint32_t *ret) WF_MUST_USE;

#endif
