/* The words behind pam_workfront.so in a PAM service file. */
#ifndef WF_ARGS_H
#define WF_ARGS_H

#include <stdbool.h>

#include "wfauth.h"

struct wf_args {
    const char *config;  /* config=PATH: absolute; NULL: the default */
    const char *state;   /* state=PATH: absolute; NULL: the default (store.h) */
    const char *service; /* service=NAME instead of PAM's service name; NULL: that one */
    bool debug;
    /* For bearer tokens, which come as a password. Signing in by code never looks at a password
     * that another module asked for: it must not travel to a provider. */
    bool use_first_pass;
    bool try_first_pass;
};

/* WF_CONFIG for an unknown word or a bad value. *ret borrows from argv. */
enum wf_reason wf_args_parse(int argc, const char **argv, struct wf_args *ret,
                             struct wf_err *err) WF_MUST_USE;

#endif
