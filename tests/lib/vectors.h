/*
 * Tokens, good and bad, and what each must come to: one list for the core, the command, PAM and
 * SASL, which must all agree. Made anew for each run, for the second at which it is judged.
 */
#ifndef WF_TEST_VECTORS_H
#define WF_TEST_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vector {
    const char *name;
    const char *service;
    const char *token;
    size_t len;
    const char *reason; /* as `wfauth verify` says it; "accept" */
    const char *user;   /* accepted: the local name; else NULL */
    bool exact;         /* holds only at the very second that it was made for */
};

/* All of them, for the second `now`. They live until mint_done(). */
const struct vector *vectors_make(int64_t now, size_t *ret_count);

/* The configuration that they are made for, with mail.json and strict.json in this folder; and
 * these sets of keys. */
const char *vectors_config(const char *folder);
const char *vectors_mail_jwks(void);
const char *vectors_strict_jwks(void);

#endif
