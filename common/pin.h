/*
 * Pins: to whom a local name belongs for good. The first sign-in of a name through PAM pins it to
 * the provider's address and the person's permanent ID there; whoever comes later under that name,
 * since an account was renamed, or deleted and made anew, is refused until an administrator clears
 * the pin (`wfauth unpin`).
 *
 * They lie beside the sessions (store.h), one file for a name, and hold on every host that has the
 * folder. A pin that is there and no good refuses: fail closed.
 */
#ifndef WF_PIN_H
#define WF_PIN_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "err.h"
#include "store.h"

/* Texts are clean, and owned by whoever gives them. */
struct wf_pin {
    const char *user;
    const char *provider; /* what its section was called */
    const char *url;
    const char *subject; /* the provider's permanent ID; a very long one is cut here, not in what is
                          * compared */
    int64_t since;       /* seconds since 1970, UTC */
};

/* See that `user` belongs to the person of this subject (the claim's bytes, not empty) at this
 * provider, from now on if to nobody yet; then it is on the disk before this returns. WF_IDENTITY
 * if to somebody else: the text says to whom, and what to type. WF_CONFIG if a pin cannot be read,
 * or a new one not be kept. WF_INTERNAL. Of two who come first at once, one wins. Any thread. */
enum wf_reason wf_pin_hold(const struct wf_store *store, const struct wf_provider_conf *provider,
                           const char *user, struct wf_span subject, int64_t now,
                           struct wf_err *err) WF_MUST_USE;

/* True in *ret if the name is pinned to anybody; for somebody whose provider gives no permanent
 * ID. WF_CONFIG, WF_INTERNAL. */
enum wf_reason wf_pin_exists(const struct wf_store *store, const char *user, bool *ret,
                             struct wf_err *err) WF_MUST_USE;

/* Clear it, durably, whatever is in it. *ret_existed. WF_CONFIG, WF_INTERNAL. */
enum wf_reason wf_pin_remove(const struct wf_store *store, const char *user, bool *ret_existed,
                             struct wf_err *err) WF_MUST_USE;

/* Who looks at a pin, borrowed for the call; or at NULL, and what is wrong with the file of this
 * name. */
typedef void wf_pin_see(void *ctx, const char *name, const struct wf_pin *pin, const char *fault);

/* Call `each` for the pin of this user, if there is one. WF_CONFIG, WF_INTERNAL. */
enum wf_reason wf_pin_show(const struct wf_store *store, const char *user, wf_pin_see *each,
                           void *ctx, struct wf_err *err) WF_MUST_USE;
/* The same for every pin, in no order. */
enum wf_reason wf_pin_list(const struct wf_store *store, wf_pin_see *each, void *ctx,
                           struct wf_err *err) WF_MUST_USE;

#endif
