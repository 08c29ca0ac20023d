/*
 * Access tokens for services with no person present: this host signs an assertion and the provider
 * gives a token for it (Workfront's JWT exchange, RFC 7523 §2.1).
 *
 * A token is kept in the cache folder, for all processes of this user, until shortly before it
 * expires, so that a mail relay that signs in a hundred times a minute makes one request an hour.
 * Of many that need a new one, one asks. What is kept is bound to the very key, client secret and
 * configuration that it was got with: with another key, or none, it is not used.
 */
#ifndef WF_MACHINE_H
#define WF_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "cachedir.h"
#include "endpoint.h"
#include "err.h"
#include "log.h"

/* Seconds for which a token is kept whose provider does not say how long it lives: Workfront
 * answers 0, "as long as a session". Asking whether it is still alive costs as much as a new one,
 * and any longer time would outlive sessions that an administrator ends. */
#define WF_MACHINE_KEEP_UNKNOWN 300
/* Seconds that a token handed out still lives at least; of one that lives for less than twice as
 * long, half its life. */
#define WF_MACHINE_MARGIN 60
/* Seconds for which a token is kept at most, however long it lives: a key that was removed at the
 * provider then stops this host within the hour. */
#define WF_MACHINE_LIFE 3600
/* Seconds for which nobody asks again after a refusal or an answer that did not come, unless the
 * provider wants to be left alone for longer: WF_ENDPOINT_REST_MAX at most. */
#define WF_MACHINE_REST 5

/* Sign the assertion that the provider's configuration describes: of a Machine to Machine
 * application, of grant = jwt_bearer, or of client_auth = private_key_jwt. now: seconds, its iat;
 * it is good for 2 minutes. Appends to out, which is secret. WF_CONFIG: there is no
 * private_key_file, or it cannot be read, or is no key for this. Else as wf_http_sign. No request
 * is sent. */
enum wf_reason wf_machine_sign(const struct wf_endpoint *endpoint, int64_t now, struct wf_buf *out,
                               struct wf_err *err) WF_MUST_USE;

/* A token of a provider that wf_conf_is_machine: the kept one, or a new one. dir and log may be
 * NULL. now: seconds. *ret: new, wf_secret_free.
 * WF_EXPIRED: the provider does not take the assertion; a token that was kept is gone. WF_CONFIG:
 * files or the client are wrong. WF_UNREACHABLE, WF_INTERNAL. A refusal holds for WF_MACHINE_REST
 * seconds, or as long as the provider said. Blocks for another one's requests up to wf_endpoint_budget_ms and 7 s, and as long for
 * its own: discovery and the exchange. */
enum wf_reason wf_machine_token(const struct wf_endpoint *endpoint, struct wf_cachedir *dir,
                                const struct wf_log *log, int64_t now, struct wf_secret **ret,
                                struct wf_err *err) WF_MUST_USE;

/* Forget the kept token and refusal: the next wf_machine_token gets a new one. dir may be NULL.
 * WF_CONFIG if they cannot be removed, WF_INTERNAL. */
enum wf_reason wf_machine_forget(const struct wf_provider_conf *conf, struct wf_cachedir *dir,
                                 struct wf_err *err) WF_MUST_USE;
/* The same, if this is the token that is kept: of many whose token is refused at once only the
 * first makes the others get a new one. Blocks for a lock up to 0.2 s. */
void wf_machine_refused(const struct wf_provider_conf *conf, struct wf_cachedir *dir, int64_t now,
                        const struct wf_secret *token);

#endif
