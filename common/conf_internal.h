/*
 * What loading the configuration stands on: the memory that a configuration owns, its inside, and
 * the list of the mistakes found in the file.
 */
#ifndef WF_CONF_INTERNAL_H
#define WF_CONF_INTERNAL_H

#include <stdbool.h>

#include "conf.h"
#include "crypto.h"
#include "err.h"

struct wf_conf_block;

/* Memory that is freed all at once. Plain data; WF_CONF_POOL_INIT. A failed allocation sticks, so
 * that a loader checks once, at its end. */
struct wf_conf_pool {
    struct wf_conf_block *blocks;
    bool failed;
};
/* clang-format off */
#define WF_CONF_POOL_INIT {NULL, false}
/* clang-format on */

/* size bytes of zeros, aligned for any type; NULL, and pool->failed, if memory is short. */
void *wf_conf_alloc(struct wf_conf_pool *pool, size_t size);
/* A copy of len bytes with a NUL behind them, NULL like wf_conf_alloc. */
char *wf_conf_copy(struct wf_conf_pool *pool, const char *text, size_t len);
/* Free everything. */
void wf_conf_pool_done(struct wf_conf_pool *pool);

struct wf_conf {
    struct wf_conf_pool pool; /* owns all that the others point to */
    struct wf_provider_conf *providers;
    size_t provider_count;
    struct wf_policy *policies;
    size_t policy_count;
    uint8_t digest[WF_SHA256_LEN]; /* of the text */
};

/* The mistakes of one file: the first WF_CONF_MISTAKES_MAX by line, and how many there are. */
struct wf_conf_mistakes {
    const char *path; /* how the file is called in messages; borrowed */
    unsigned count;   /* all, kept or not */
    struct {
        unsigned line;
        struct wf_err text;
    } kept[WF_CONF_MISTAKES_MAX];
};

/* Where in the file a mistake is. section and key are NULL where they make no sense. */
struct wf_conf_place {
    unsigned line;
    const char *section; /* "provider acme", without brackets */
    const char *key;
};

/* Note "PATH:LINE: [SECTION] KEY: TEXT", sanitised. */
void wf_conf_mistake(struct wf_conf_mistakes *mistakes, struct wf_conf_place place, const char *fmt,
                     ...) WF_PRINTF(3, 4);

/* Hand the kept mistakes to report (may be NULL), one line each and one more if some were not
 * kept; err gets the first and the count. WF_CONFIG, or WF_OK where there is no mistake. */
enum wf_reason wf_conf_mistakes_report(const struct wf_conf_mistakes *mistakes,
                                       void (*report)(void *ctx, const char *line), void *ctx,
                                       struct wf_err *err) WF_MUST_USE;

#endif
