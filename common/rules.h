/*
 * The rules that judge an access token's claims: one ordered table, one loop, one place for JWTs,
 * introspection and userinfo alike (RFC 7519, RFC 8725, RFC 9068). Whose token it is and what they
 * may do is identity's.
 */
#ifndef WF_RULES_H
#define WF_RULES_H

#include <stdint.h>

#include "conf.h"
#include "err.h"

struct json_t;

/* Where the claims come from: some rules hold for some sources alone. */
enum wf_source {
    WF_SOURCE_JWT,           /* a verified signature */
    WF_SOURCE_INTROSPECTION, /* RFC 7662 */
    WF_SOURCE_USERINFO,      /* OpenID Connect Core §5.3: names no audience, no expiry */
    WF_SOURCE_SESSION,       /* Workfront's look-up: the same */
};

struct wf_case {
    enum wf_source source;
    const struct json_t *claims;
    struct wf_span typ; /* of a JWT's header; ptr NULL: none */
    const struct wf_policy *policy;
    const struct wf_provider_conf *provider;
    int64_t now; /* seconds since 1970, UTC */
};

/* Judge the types of the claims that any rule reads, before any rule reads them. WF_MALFORMED,
 * naming the claim. Any thread. */
enum wf_reason wf_rules_check_types(const struct json_t *claims, struct wf_err *err) WF_MUST_USE;

/* Judge by every rule, in the order of the closed list: type, expired, not-yet-valid, audience,
 * scope. *ret_until: the second from which on the verdict no longer holds (exp and max_age with
 * their leeway; INT64_MAX where the claims set no end). WF_OK, WF_TYPE, WF_EXPIRED,
 * WF_NOT_YET_VALID, WF_AUDIENCE, WF_SCOPE. The claims' types have been checked. Any thread. */
enum wf_reason wf_rules_judge(const struct wf_case *c, int64_t *ret_until,
                              struct wf_err *err) WF_MUST_USE;

#endif
