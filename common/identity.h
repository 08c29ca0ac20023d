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
#include "user.h"

struct json_t;

/* Map the claims to a local name and judge it.
 *
 * Who it is, WF_IDENTITY if a step fails:
 * 1. The first present claim of the naming's list counts; absent, null and "" are not present. A
 *    present one that is no string (an array is none), not printable ASCII or longer than
 *    WF_CLAIM_MAX is refused, never passed over; so is "email" without email_verified = true
 *    (OpenID Connect Core §5.1). A-Z is folded to a-z and nothing else is normalised, so no two
 *    persons' values can become one by look or by Unicode's rules.
 * 2. If map_file has a line for the value, it gives the name ("-": refused). Else strip_domain (a
 *    value that is not LOCAL@domain with one '@' is refused), then username_regex, which must
 *    match the whole of what is left; its group 1, where it has one that took part, is the name.
 *    The ranges and classes of an expression follow the host's locale as regcomp(3) says, and no
 *    further: the value is ASCII.
 * 3. The name must be valid (wf_user_is_valid) and, unless a line of the map file gave it, not
 *    special (wf_user_is_special); where requested_user is given, equal to it byte by byte.
 * 4. passwd: WF_PASSWD_REQUIRED: the account must exist; WF_PASSWD_IGNORE: nobody
 * asks; else where passwd knows the name, its uid lies in
 *    min_uid..max_uid, is never 65534 (nobody) or (uid_t)-1, and is 0 only by a line of the map
 *    file, whatever the account is called.
 *
 * Whether they may, WF_DENIED if not: no item of deny_users fits; one of allow_users does, unless
 * the list is empty; all of require and require_name do. An item CLAIM:VALUE fits if the claim is
 * that string, or an array that holds it, byte by byte; any other item is a local user name. So
 * what is absent never fits.
 *
 * ret_user: the name where the verdict is WF_OK or WF_DENIED (an audit line names who was
 * denied), else "". WF_OK, WF_IDENTITY, WF_DENIED, WF_CONFIG (map file, regex, an item of a list),
 * WF_UNREACHABLE (the name service fails), WF_INTERNAL. Any thread. */
enum wf_reason wf_identity_judge(const struct wf_policy *policy, const struct wf_naming *naming,
                                 const struct json_t *claims, const char *requested_user,
                                 enum wf_passwd passwd, char ret_user[WF_USER_MAX + 1],
                                 struct wf_err *err) WF_MUST_USE;

/* Whether a requested user could sign in at all, before anything is known of the person: a valid
 * name; known to passwd; uid in bounds (so root and system accounts never, unless the policy's
 * bounds are set for it; whether the map file has a line for them is not known yet). WF_OK,
 * WF_IDENTITY, WF_UNREACHABLE, WF_INTERNAL. Any thread. */
enum wf_reason wf_identity_check_user(const struct wf_policy *policy, const char *user,
                                      struct wf_err *err) WF_MUST_USE;

/* Judge a local name by those rules alone that need no claims: deny_users by name, and allow_users
 * where it holds nothing but names. For the account phase of somebody who came in another way.
 * WF_OK, WF_DENIED, or WF_CONFIG for an item that is neither a name nor CLAIM:VALUE. Any
 * thread. */
enum wf_reason wf_identity_check_name(const struct wf_policy *policy, const char *user,
                                      struct wf_err *err) WF_MUST_USE;

/* True if `text` is another way to write the local name `user` that these claims' naming gives: the
 * same but for the case, or with the domain that strip_domain takes off. Any thread. */
bool wf_identity_is_alias(const struct wf_naming *naming, struct wf_span text, const char *user);

#endif
