/* What the tests of bounds share: who gets in at a second of the test's own, and a folder. */
#ifndef WF_TEST_BOUNDSCASE_H
#define WF_TEST_BOUNDSCASE_H

#include "bounds.h"
#include "keycase.h"

#define NOW 1700000000
#define PATIENCE 31

static char folder[64];
static struct wf_cachedir *dir;

static inline int set_up(void **state)
{
    (void)state;
    key_folder_make(folder, sizeof(folder));
    return wf_cachedir_open(folder, NULL, &dir, NULL) != WF_OK;
}

static inline int tear_down(void **state)
{
    (void)state;
    wf_cachedir_free(dir);
    key_folder_empty(folder);
    return rmdir(folder);
}

static inline bool enter(struct wf_bounds *bounds, const char *rhost, int64_t now)
{
    struct wf_bounds_pass pass;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_bounds_enter(bounds, rhost, now, &pass, &err);

    if (reason != WF_OK && (reason != WF_UNREACHABLE || err.text[0] == '\0'))
        fail_msg("%s: %s", wf_reason_name(reason), err.text);
    return reason == WF_OK;
}

/* How many of `tries` get in. */
static inline unsigned entered(struct wf_bounds *bounds, const char *rhost, int64_t now,
                               unsigned tries)
{
    unsigned n = 0;

    for (unsigned i = 0; i < tries; i++)
        n += enter(bounds, rhost, now);
    return n;
}

static inline struct wf_bounds_pass get_pass(struct wf_bounds *bounds, int64_t now)
{
    struct wf_bounds_pass pass = {0, 0};

    assert_int_equal(wf_bounds_enter(bounds, "192.0.2.9", now, &pass, NULL), WF_OK);
    return pass;
}

#endif
