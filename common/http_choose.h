/* Which door a process uses: the helper program where privileges are about, else libcurl in this
 * process, loaded from a module of ours when the first request is due. */
#ifndef WF_HTTP_CHOOSE_H
#define WF_HTTP_CHOOSE_H

#include "http.h"

/* A door that decides at its first request. With effective user id 0, or in a set-user-id program,
 * it is the helper (an environment and an address space that no network code should share); else
 * the module WF_CURL_MODULE, or, where that cannot be loaded, the helper as well. NULL if memory
 * is short. helper_user is copied. As thread-safe as any door. */
struct wf_http *wf_http_choose_new(const char *helper_user);

#endif
