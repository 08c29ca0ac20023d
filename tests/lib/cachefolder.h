/* A cache folder (cachedir.h) for the tests of what keeps entries in it: `folder` is its path. */
#ifndef WF_TEST_CACHEFOLDER_H
#define WF_TEST_CACHEFOLDER_H

#include <unistd.h>

#include "cachedir.h"
#include "keycase.h"

static char folder[64];
static struct wf_cachedir *dir;

static inline int cache_set_up(void **state)
{
    (void)state;
    key_folder_make(folder, sizeof(folder));
    return wf_cachedir_open(folder, &key_log_sink, &dir, NULL) == WF_OK && dir != NULL ? 0 : -1;
}

static inline int cache_tear_down(void **state)
{
    (void)state;
    key_folder_empty(folder);
    wf_cachedir_free(dir);
    return rmdir(folder);
}

#endif
