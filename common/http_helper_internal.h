/* What http_helper.c keeps, for its test alone, which looks the helper up in /proc. */
#ifndef WF_HTTP_HELPER_INTERNAL_H
#define WF_HTTP_HELPER_INTERNAL_H

#include "child.h"
#include "http.h"

struct wf_http_helper {
    struct wf_http base;
    char *path;
    char *user;
    struct wf_child child; /* the helper that runs, if any */
};

#endif
