/*
 * Errors: one value decides, two texts explain.
 *
 * Every fallible function of the core returns an enum wf_reason, from one closed list that logs,
 * the command line, the tables of the plug-ins and the tests share. Beside it a struct wf_err,
 * which the caller owns, receives the administrator's text: what was attempted and what was
 * found. The person's text is wf_reason_advice(): it comes from a fixed table, so nothing foreign
 * can get into it.
 */
#ifndef WF_ERR_H
#define WF_ERR_H

#include <stdbool.h>

#include "macros.h"

/* In order of judgement: where several reasons apply, the first counts. */
enum wf_reason {
    WF_OK = 0,
    WF_TOO_LARGE,
    WF_MALFORMED,
    WF_ALGORITHM,
    WF_ISSUER,
    WF_KEY,
    WF_SIGNATURE,
    WF_TYPE,
    WF_EXPIRED,
    WF_NOT_YET_VALID,
    WF_AUDIENCE,
    WF_SCOPE,
    WF_INACTIVE,
    WF_IDENTITY,
    WF_DENIED,
    WF_PENDING,
    WF_UNREACHABLE,
    WF_CONFIG,
    WF_INTERNAL,
};
#define WF_REASON_COUNT (WF_INTERNAL + 1)

/* Bytes of the administrator's text, its NUL included: fits one syslog line beside the audit
 * fields. Longer texts are cut. */
#define WF_ERR_TEXT_MAX 512

/* The administrator's text. Plain data on the caller's stack; initialise with WF_ERR_INIT. */
struct wf_err {
    char text[WF_ERR_TEXT_MAX];
};
/* clang-format off */
#define WF_ERR_INIT {{0}}
/* clang-format on */

/* Set the text and yield the reason, so that `return wf_fail(…)` is one expression. The result is
 * sanitised: whatever a provider or a person sent, only printable ASCII and UTF-8 text remains.
 * err may be NULL. reason must not be WF_OK (WF_INTERNAL is returned then). Any thread. */
enum wf_reason wf_fail(struct wf_err *err, enum wf_reason reason, const char *fmt, ...)
    WF_PRINTF(3, 4);

/* Put "WHERE: " in front of the text; the end of the text is cut if it does not fit. err may be
 * NULL. Any thread. */
void wf_err_context(struct wf_err *err, const char *fmt, ...) WF_PRINTF(2, 3);

/* The reason's name as logs, the command line and tests show it ("not-yet-valid"). Never NULL;
 * static storage. */
const char *wf_reason_name(enum wf_reason reason);

/* One sentence for the person at the keyboard that says what to do. Never NULL; static storage;
 * no foreign text. */
const char *wf_reason_advice(enum wf_reason reason);

/* True for a reason that speaks of the machinery, not of the person: WF_UNREACHABLE, WF_CONFIG,
 * WF_INTERNAL. It is the same for every user, and never "wrong password". */
bool wf_reason_is_outage(enum wf_reason reason);

/* What an errno value means, in English whatever the locale ("No such file or directory"). Never
 * NULL; static storage; any thread. */
const char *wf_errno_text(int number);

#endif
