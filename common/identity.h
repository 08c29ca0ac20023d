/*
 * From a provider's claims to a local user name, and whether that user may use the service.
 *
 * The order of judgement is the closed list's: who it is (WF_IDENTITY) before whether they may
 * (WF_DENIED). Nothing here touches the network; passwd is asked through getpwnam_r, which may
 * block on the host's name service.
 */
#ifndef WF_IDENTITY_H
#define WF_IDENTITY_H

#include <stdbool.h>

#include "conf.h"
#include "err.h"

struct json_t;

/* Bytes of a local user name: what useradd and utmp hold. */
#define WF_USER_MAX 32
/* Bytes of a claim that may become a name: an e-mail address (RFC 5321 §4.5.3.1) fits. */
#define WF_CLAIM_MAX 320

/* Map the claims to a local name and judge it: first present claim of the naming's list, printable
 * ASCII up to WF_CLAIM_MAX bytes, folded to lower case; then map_file if it has a line for the
 * value; else strip_domain (a value without exactly @domain is refused), then username_regex
 * (matches the whole value; group 1 if there is one is the name). The result must be a valid name
 * ([a-z_][a-z0-9_.-]*, at most WF_USER_MAX bytes) and, unless a line of the map file gave it, no
 * name that daemons treat as special (root, nobody, daemon, cyrus, admin, anyone, anonymous, …).
 * Where requested_user is given: equal to it, byte by byte. `ask_passwd`: the account must exist;
 * where passwd knows the name min_uid..max_uid hold in any case. Then deny_users, allow_users,
 * require and require_name of the policy.
 * ret_user: the name, written as soon as it is known to be valid and the requested one, even where
 * the verdict then is WF_DENIED; else "". WF_OK, WF_IDENTITY, WF_DENIED, WF_CONFIG (map file),
 * WF_UNREACHABLE (name service does not answer), WF_INTERNAL. Any thread. */
enum wf_reason wf_identity_judge(const struct wf_policy *policy, const struct wf_naming *naming,
                                 const struct json_t *claims, const char *requested_user,
                                 bool ask_passwd, char ret_user[WF_USER_MAX + 1],
                                 struct wf_err *err) WF_MUST_USE;

/* Whether a requested user could sign in at all, before anything is known of the person: a valid
 * name; known to passwd; uid in bounds (so root and system accounts never, unless the policy's
 * bounds are set for it). WF_OK, WF_IDENTITY, WF_UNREACHABLE, WF_INTERNAL. Any thread. */
enum wf_reason wf_identity_check_user(const struct wf_policy *policy, const char *user,
                                      struct wf_err *err) WF_MUST_USE;

/* Judge a local name by those rules alone that need no claims: deny_users by name, and allow_users
 * where it holds nothing but names. For the account phase of somebody who came in another way.
 * WF_OK or WF_DENIED. Any thread. */
enum wf_reason wf_identity_check_name(const struct wf_policy *policy, const char *user,
                                      struct wf_err *err) WF_MUST_USE;

#endif
