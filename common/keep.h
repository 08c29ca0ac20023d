/*
 * What a sign-in through PAM leaves on this host, in the folder of sessions (store.h): the pin of
 * the name, the session at the provider, and the time stamp of the host's session.
 */
#ifndef WF_KEEP_H
#define WF_KEEP_H

#include "context.h"
#include "endpoint.h"
#include "wfauth.h"

struct json_t;

/* See that request->user belongs to the person of these claims (pin.h), where request->pins; else
 * WF_OK. The reasons of wf_pin_hold. A process without root's rights cannot read root's pins and
 * has its own; where it has no folder at all there is none, and the log says so. */
enum wf_reason wf_keep_pin(const struct wf_context *context, const struct wf_request *request,
                           const struct wf_provider_conf *provider, const struct json_t *claims,
                           struct wf_err *err) WF_MUST_USE;

/* See that record->user is the Unix account that it was when the person signed in, by its user id:
 * one that was deleted and made anew for somebody else inherits nothing. (With the same id it cannot
 * be told; a record of before ids were kept, or by a process that asks no passwd, has none.)
 * WF_EXPIRED if it is not; WF_UNREACHABLE where the name service fails, WF_IDENTITY, WF_INTERNAL.
 * Blocks as wf_user_find does. */
enum wf_reason wf_keep_check_account(const struct wf_record *record,
                                     struct wf_err *err) WF_MUST_USE;

/* Keep the tokens of a sign-in that was accepted, and stamp the session in which it happened;
 * ret_result->mark is set where that has yet to be opened. Only where the configuration has a use
 * for it. What fails is a line in the log: the person has signed in all the same. */
void wf_keep_sign_in(const struct wf_context *context, const struct wf_request *request,
                     const struct wf_provider_conf *provider, const struct wf_tokens *tokens,
                     const struct json_t *claims, struct wf_result *ret_result);

/* Keep what the provider has just said of the person of this session, for a service's grace; where
 * no service has any, nothing. What is too much to keep is not kept. Reasons: wf_refresh_confirm.
 */
enum wf_reason wf_keep_word(const struct wf_context *context, const struct wf_refresh *refresh,
                            const char *user, const char *subject, const struct json_t *claims,
                            struct wf_err *err) WF_MUST_USE;

/* Stamp the session of a sign-in, the person having last signed in by themselves at `signed_in`: as
 * above. */
enum wf_reason wf_keep_stamp(const struct wf_context *context, const struct wf_store *store,
                             const struct wf_request *request, int64_t signed_in,
                             struct wf_result *ret_result, struct wf_err *err) WF_MUST_USE;

#endif
