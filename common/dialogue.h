/*
 * The dialogue of a sign-in by authorization code: an address, an answer, three tries. Who may sign
 * in and what becomes of the tokens is the business of those above: login.c for services,
 * session.c for people.
 */
#ifndef WF_DIALOGUE_H
#define WF_DIALOGUE_H

#include "authz.h"
#include "buf.h"
#include "endpoint.h"

/* In the caller's storage, WF_DIALOGUE_INIT; one thread at a time. */
struct wf_dialogue {
    struct wf_endpoint endpoint; /* its door is ours */
    const char *service;         /* borrowed, as user is */
    const char *user;
    bool offline; /* ask for a refresh token, too */
    struct wf_authz *authz;
    unsigned answers;
    bool open;           /* an answer is expected */
    const char *problem; /* what was wrong with the last one; static */
    char host[65];
    struct wf_buf prompt;
};
/* clang-format off */
#define WF_DIALOGUE_INIT {.open = false}
/* clang-format on */

/* Begin, with a first address. The dialogue's endpoint, service, user and offline are set.
 * WF_CONFIG, WF_INTERNAL. No request is sent. */
enum wf_reason wf_dialogue_begin(struct wf_dialogue *dialogue, struct wf_err *err) WF_MUST_USE;
/* Wipes, and ends the door. */
void wf_dialogue_done(struct wf_dialogue *dialogue);

/* The whole prompt. qr: resolved. Borrowed until the next call; NULL if memory is short. */
const char *wf_dialogue_prompt_borrow(struct wf_dialogue *dialogue, enum wf_qr qr);

/* Have tokens for a code: wf_provider_redeem. One request. */
enum wf_reason wf_dialogue_redeem(const struct wf_dialogue *dialogue, const struct wf_secret *code,
                                  struct wf_tokens *ret, struct wf_err *err) WF_MUST_USE;

/* True for a reason after which another answer may do better. */
bool wf_dialogue_is_mendable(enum wf_reason reason);
/* After an answer: open again, with a new address, if `again` and it was not the third. problem:
 * see above. */
void wf_dialogue_go_on(struct wf_dialogue *dialogue, bool again, const char *problem);

#endif
