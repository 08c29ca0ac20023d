/*
 * What a server says to a SASL client whose token it refuses (RFC 7628 §3.2.2; XOAUTH2 has a form
 * of its own).
 */
#ifndef WF_CHALLENGE_H
#define WF_CHALLENGE_H

#include "err.h"

/* Bytes, with the NUL, that each text may have; longer ones are cut. */
#define WF_CHALLENGE_TEXT_SIZE 256

/* The members, sanitised; "" where absent. Plain data. */
struct wf_challenge {
    char status[WF_CHALLENGE_TEXT_SIZE];        /* "invalid_token"; of XOAUTH2: "401" */
    char scope[WF_CHALLENGE_TEXT_SIZE];         /* what a token needs */
    char configuration[WF_CHALLENGE_TEXT_SIZE]; /* where to get one: openid-configuration */
};

/* Read a server's text. WF_MALFORMED: it is no JSON object, or a member is of the wrong type; then
 * *ret is all empty. WF_INTERNAL if memory is short. Never blocks. Any thread. */
enum wf_reason wf_challenge_read(const char *text, size_t len, struct wf_challenge *ret,
                                 struct wf_err *err) WF_MUST_USE;

/* What a status means to the person who presented the token, and what to do. Never NULL; static
 * storage. Any thread. */
const char *wf_challenge_advice(const char *status);

#endif
