/* Whether a bearer token is genuine and meant for this service: the way from a string to claims
 * that have passed every rule. Whose it is, is not judged here. */
#ifndef WF_JUDGE_H
#define WF_JUDGE_H

#include <stdint.h>

#include "conf.h"
#include "err.h"
#include "log.h"
#include "verdict.h"

struct wf_http;

/* One per context: for each provider its keys and look-ups, and the verdicts of all. */
struct wf_judge;

/* All borrowed as long as the judge lives. */
struct wf_judge_host {
    const struct wf_conf *conf;
    const struct wf_log *log;
    struct wf_http *(*http_new)(const char *helper_user);
};

/* Opens the folders on disk; sends nothing. *ret: new, wf_judge_free. WF_CONFIG, WF_INTERNAL. */
enum wf_reason wf_judge_new(const struct wf_judge_host *host, struct wf_judge **ret,
                            struct wf_err *err) WF_MUST_USE;
void wf_judge_free(struct wf_judge *judge);

/* Read or fetch the keys of every provider, so that they are in memory. What fails is logged.
 * Blocks as wf_keyring_find does, for each. */
void wf_judge_prepare(struct wf_judge *judge, int64_t now);

/* Judge a token (1..any bytes) for a policy of the same configuration at the second `now`, in the
 * order of the closed list. rhost: who presents it, for the bound on look-ups; NULL: local. *ret:
 * new reference, wf_verdict_unref. Every reason but WF_IDENTITY (save where a look-up finds not
 * one user) and WF_DENIED. Blocks where keys or answers must be fetched, else never. Any thread. */
enum wf_reason wf_judge_token(struct wf_judge *judge, const struct wf_policy *policy,
                              const char *rhost, const char *token, size_t len, int64_t now,
                              struct wf_verdict **ret, struct wf_err *err) WF_MUST_USE;

#endif
