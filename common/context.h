/* What an operation needs to know of its context. */
#ifndef WF_CONTEXT_H
#define WF_CONTEXT_H

#include <stdint.h>

#include "conf.h"
#include "judge.h"
#include "refresh.h"
#include "wfauth.h"

const struct wf_conf *wf_context_conf_borrow(const struct wf_context *context);
const struct wf_log *wf_context_log_borrow(const struct wf_context *context);

/* A new door for one sign-in at this provider. WF_INTERNAL. *ret: wf_http_free. */
enum wf_reason wf_context_http_new(const struct wf_context *context,
                                   const struct wf_provider_conf *provider, struct wf_http **ret,
                                   struct wf_err *err) WF_MUST_USE;

/* Open the folder of sessions, pins and time stamps: wf_store_open of what the host said, or of the
 * default. *ret: new, wf_store_free; it borrows the context. */
enum wf_reason wf_context_store(const struct wf_context *context, struct wf_store **ret,
                                struct wf_err *err) WF_MUST_USE;

/* Fill in what a refresh needs of the context: log, clock and configuration; the rest is empty. */
void wf_context_refresh(const struct wf_context *context, struct wf_refresh *ret);

/* The audit line of a verdict: who asked for what, and what is known of whom it is about. */
void wf_context_audit(const struct wf_context *context, const char *action,
                      const struct wf_request *request, const struct wf_result *result,
                      enum wf_reason reason, const struct wf_err *err);

/* Seconds since 1970, UTC. */
int64_t wf_context_now(const struct wf_context *context);

/* What judges bearer tokens, made at the first call. Borrowed as long as the context lives.
 * WF_CONFIG, WF_INTERNAL. Any thread. */
enum wf_reason wf_context_judge(struct wf_context *context, struct wf_judge **ret,
                                struct wf_err *err) WF_MUST_USE;

#endif
