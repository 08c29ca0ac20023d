/* What http_helper.c keeps, for its test alone, which looks the helper up in /proc. */
#ifndef WF_HTTP_HELPER_INTERNAL_H
#define WF_HTTP_HELPER_INTERNAL_H

#include <sys/types.h>

#include "http.h"

struct wf_http_helper {
    struct wf_http base;
    char *path;
    char *user;
    /* The helper that runs, if fd is not -1 */
    int fd;       /* our end of the socket pair */
    ino_t socket; /* its inode: a host may close descriptors that are not its own */
    int pidfd;    /* -1 where the kernel has none */
    pid_t pid;
    pid_t owner; /* the process that started it */
};

#endif
