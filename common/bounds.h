/*
 * How often a provider is asked about tokens: per address that knocks, for the host as a whole, and
 * not at all for a while after it did not answer. Counted in memory and, since a PAM sign-in is a
 * process of its own, in a small file for all processes of this user. A forked child begins anew in
 * memory.
 *
 * The address's own bound comes first, so whoever floods from one address uses up that one alone.
 */
#ifndef WF_BOUNDS_H
#define WF_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "cachedir.h"
#include "err.h"

/* Look-ups of one address: this many at once, then one a second. A mail client opens 5 to 10
 * connections at once, of which one look-up serves all. An IPv4 address, a /64 of IPv6 (what one
 * subscriber gets), or, where the host gives a name, that name; all local ones are one. */
#define WF_BOUNDS_ADDRESS 10
#define WF_BOUNDS_ADDRESS_RATE 1
/* Look-ups of this host for one provider, whoever knocks: this many at once, then ten a second. */
#define WF_BOUNDS_HOST 100
#define WF_BOUNDS_HOST_RATE 10
/* Seconds of peace after an answer that did not come: the first, doubled each time, the last. */
#define WF_BOUNDS_COOL_MIN 5
#define WF_BOUNDS_COOL_MAX 60

struct wf_bounds;

/* name: of the file in dir, which may be NULL. patience: seconds after which a request has surely
 * ended; 1..600. Both borrowed, dir as long as the bounds live. NULL if memory is short. */
struct wf_bounds *wf_bounds_new(struct wf_cachedir *dir, const char *name, unsigned patience);
/* NULL is fine. */
void wf_bounds_free(struct wf_bounds *bounds);

/* What wf_bounds_enter let in. Plain data. */
struct wf_bounds_pass {
    uint32_t failures; /* how many answers had not come before it */
    uint32_t number;   /* of look-ups let in, by all processes */
};

/* May a look-up for this address be sent at the second `now`? WF_OK: it has been counted; when its
 * fate is known one of the functions below is called with *ret. WF_UNREACHABLE, at once, with the
 * bound that is reached. After an answer that did not come one look-up is let in to try again.
 * rhost: as PAM and SASL have it; NULL or "": local. Blocks for the disk, and at most 0.2 s for
 * its lock; a file that cannot be used is done without. Any thread. */
enum wf_reason wf_bounds_enter(struct wf_bounds *bounds, const char *rhost, int64_t now,
                               struct wf_bounds_pass *ret, struct wf_err *err) WF_MUST_USE;

/* The provider answered, whatever it was. Any thread. */
void wf_bounds_answered(struct wf_bounds *bounds, const struct wf_bounds_pass *pass);

/* It did not, or wants to be left alone for retry_after seconds (0: it did not say): nobody is let
 * in for a while. now: when that became known. Look-ups that were under way at the same time count
 * as one. Any thread. */
void wf_bounds_silent(struct wf_bounds *bounds, const struct wf_bounds_pass *pass,
                      uint32_t retry_after, int64_t now);

#endif
