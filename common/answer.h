/*
 * An answer of a provider that all processes of this user share: of many that need it at once one
 * asks, and keeps in the cache folder what came of it. That there was none, or a refusal, is kept
 * for a short while, too: who has waited for one time-out does not wait for the next. An entry that is
 * no good is not used, and the log says so.
 */
#ifndef WF_ANSWER_H
#define WF_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "cachedir.h"
#include "conf.h"
#include "entry.h"
#include "err.h"
#include "log.h"

struct json_t;

/* A kind of answer: what `value` is only these functions know. */
struct wf_answer_kind {
    const char *what;  /* "token": for the log */
    size_t max;        /* bytes of an entry */
    int64_t life;      /* seconds for which one is kept at most */
    int64_t rest;      /* seconds for which a failure is kept */
    unsigned grace_ms; /* that who asks may take beyond the provider's wf_endpoint_budget_ms */
    /* Ask, and fill in value, which is empty. *hold, which is `life`, may be made shorter: seconds
     * for which the result holds, a value's from the begin of asking, a failure's, `rest` at most,
     * from its end. 0: it is nobody else's, as lack of memory (WF_INTERNAL) never is. */
    enum wf_reason (*ask)(void *value, int64_t *hold, struct wf_err *err);
    /* Add the members that say what value is. False if memory is short. */
    bool (*write)(const void *value, struct json_t *entry);
    /* Fill in value, which is empty, and stays so if there is anything wrong. */
    enum wf_reason (*read)(void *value, const struct json_t *entry, struct wf_err *err);
};

/* One that is wanted. All borrowed. */
struct wf_answer {
    const struct wf_answer_kind *kind;
    const struct wf_provider_conf *conf;
    struct wf_cachedir *dir; /* may be NULL: every call asks */
    const struct wf_log *log; /* may be NULL */
    const char *name;         /* of the entry, and of the lock */
    const char *bound;        /* what must be as it was, 1.. bytes: another's is not used */
    int64_t now;              /* seconds since 1970 */
};

/* Fill in value: from the folder, or by asking. WF_OK, or the reason, asked or kept, for which
 * there is none: WF_EXPIRED, WF_UNREACHABLE, WF_CONFIG; what `ask` fails with. Blocks for another
 * one's requests up to wf_endpoint_budget_ms and grace_ms, and for its own. Any thread. */
enum wf_reason wf_answer_get(const struct wf_answer *answer, void *value,
                             struct wf_err *err) WF_MUST_USE;

/* True, and value filled in, if there is one that is kept and holds. Never asks; any thread. */
bool wf_answer_kept(const struct wf_answer *answer, void *value) WF_MUST_USE;

/* What both are made of, for tests and fuzzing: read an entry. WF_OK: it holds; *ret says whether
 * there is a value, or why there is none. WF_EXPIRED: it does not hold any more, or not for this
 * `bound`, or comes from a wrong clock's time. WF_MALFORMED, WF_INTERNAL. */
enum wf_reason wf_answer_read(const struct wf_answer *answer, struct wf_span text, void *value,
                              struct wf_entry *ret, struct wf_err *err) WF_MUST_USE;

#endif
