/*
 * Ask a provider for its keys: where they are (oidc), then the keys themselves (RFC 7517), with
 * what is known already so that an unchanged set costs nothing (RFC 9110 §13.1.2). When to ask is
 * keyring.c's.
 */
#ifndef WF_KEYRING_FETCH_H
#define WF_KEYRING_FETCH_H

#include "endpoint.h"
#include "keyring_entry.h"

/* Three requests at most. old: what we had, however old; may be NULL. rediscover: the last fetch
 * failed, so what is known of where the keys are may be wrong. WF_OK: *ret new, wf_keys_free;
 * *ret_skipped keys were left out, and err says why the last one was. WF_UNREACHABLE: no answer,
 * or none of any worth: no JWKS, or one without usable keys where there were some. WF_CONFIG: as
 * wf_oidc_discover, or no jwks_uri. WF_INTERNAL. Blocks as wf_oidc_find for another
 * process's discovery, and for its own requests up to wf_endpoint_budget_ms. */
enum wf_reason wf_keys_fetch(const struct wf_provider_conf *conf,
                             const struct wf_endpoint_host *host, const struct wf_keys *old,
                             bool rediscover, int64_t now, struct wf_keys **ret,
                             size_t *ret_skipped, struct wf_err *err) WF_MUST_USE;

#endif
