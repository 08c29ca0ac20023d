/* Types that the protocol modules share: a provider with the door to it, and what a token
 * endpoint gives. */
#ifndef WF_ENDPOINT_H
#define WF_ENDPOINT_H

#include <stdint.h>

#include "cachedir.h"
#include "conf.h"
#include "http.h"
#include "log.h"
#include "secret.h"

/* A provider and the door through which it is reached. Both borrowed. */
struct wf_endpoint {
    const struct wf_provider_conf *conf;
    struct wf_http *http;
};

/* What those who ask providers need of their surroundings; all borrowed as long as they live. */
struct wf_endpoint_host {
    struct wf_cachedir *dir; /* where answers are kept; NULL: memory alone */
    const struct wf_log *log;
    /* A new door to the network: opened for one look-up, then freed */
    struct wf_http *(*http_new)(const char *helper_user);
};

/* Seconds: a provider that wants to be left alone for longer is asked again after an hour all the
 * same; a mistake of its own must not shut everybody out for a day. */
#define WF_ENDPOINT_REST_MAX 3600

/* What a token endpoint answered (RFC 6749 §5.1). */
struct wf_tokens {
    struct wf_secret *access;   /* never NULL after success */
    struct wf_secret *refresh;  /* NULL if none came */
    int64_t expires_in;         /* seconds; 0: the provider did not say (Workfront's 0 included) */
    int64_t refresh_expires_in; /* seconds; 0: the provider did not say (most do not) */
    /* After a failure alone, where the rest is untouched: seconds for which the provider wants to be
     * left alone (Retry-After, RFC 9110 §10.2.3), 0..WF_ENDPOINT_REST_MAX; 0: it did not say */
    int64_t rest;
};
/* clang-format off */
#define WF_TOKENS_INIT {NULL, NULL, 0, 0, 0}
/* clang-format on */

/* Wipe and free both; the struct is empty again. */
void wf_tokens_done(struct wf_tokens *tokens);

/* Fill in what every request to this provider has in common: method, address, time-out, size, CA,
 * proxy. The rest is zero. */
void wf_endpoint_prepare(const struct wf_endpoint *endpoint, const char *method, const char *url,
                         struct wf_http_request *ret_request);

/* Milliseconds that all requests of one look-up have together: twice the provider's time-out. */
uint32_t wf_endpoint_budget_ms(const struct wf_provider_conf *conf);

/* The answer of `what` ("the token endpoint") as a JSON object. WF_UNREACHABLE if it is none: a
 * broken provider is out of order, whoever is asking is not at fault. *ret: new, wf_json_free. */
struct json_t;
enum wf_reason wf_endpoint_json(const struct wf_http_response *response, const char *what,
                                struct json_t **ret, struct wf_err *err) WF_MUST_USE;

/* The verdict on a status that speaks of the service, not of the request: 429, 5xx, and redirects
 * and 1xx, which are never followed: WF_UNREACHABLE. WF_OK for 200 and all 4xx but 429. */
enum wf_reason wf_endpoint_status(const struct wf_http_response *response, const char *what,
                                  struct wf_err *err) WF_MUST_USE;

#endif
