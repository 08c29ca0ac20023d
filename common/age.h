/*
 * How old is what was written down with its time: on disk, by another process, under a clock that
 * may have been set since.
 */
#ifndef WF_AGE_H
#define WF_AGE_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds by which a time may be ahead of `now`: who reads the clock and then waits for a lock
 * finds what others have done meanwhile, and clocks are set by a little. More means that a clock
 * was wrong then or is now, and nothing that follows from such a time is believed. */
#define WF_AGE_SLACK 300

/* True if `then` is not from the future: WF_AGE_SLACK ahead of now at most. Both in seconds since
 * 1970; `then` may be any number, now a clock's. Any thread. */
bool wf_age_is_past(int64_t then, int64_t now);

/* True if it is not, and less than `life` seconds (0..2^53) ago. */
bool wf_age_is_below(int64_t then, int64_t now, int64_t life);

#endif
