/* The variant of wf_http_curl_new() that the helper program uses. */
#ifndef WF_HTTP_CURL_H
#define WF_HTTP_CURL_H

#include "http.h"

/* libcurl in a process that has an empty environment and nothing to lose, so it is not refused
 * there even if the process was started with mixed ids. While a request is under way the
 * descriptor fd is watched: as soon as it becomes readable or its other side is closed, gone() is
 * called, which must not return. NULL if memory is short. */
struct wf_http *wf_http_curl_new_watching(int fd, void (*gone)(void));

#endif
