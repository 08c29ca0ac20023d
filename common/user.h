/*
 * Local user names: which are valid, which ones daemons treat as special, and what passwd knows.
 */
#ifndef WF_USER_H
#define WF_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"
#include "text.h"

/* Whether a local account is asked for. */
enum wf_passwd {
    WF_PASSWD_IGNORE,   /* names alone count; nothing on this host is asked */
    WF_PASSWD_IF_KNOWN, /* mail and LDAP users: where passwd knows the name, the uid bounds hold */
    WF_PASSWD_REQUIRED, /* PAM: the account must exist, in the uid bounds */
};

/* Bytes of a local user name: what useradd and utmp hold. */
#define WF_USER_MAX 32
/* Bytes of a claim that may become a name: an e-mail address (RFC 5321 §4.5.3.1) fits. */
#define WF_CLAIM_MAX 320

/* True if a name may be a local user's: [a-z_][a-z0-9_.-]*, 1..WF_USER_MAX bytes, with neither
 * '.' nor '-' at the end: chown reads "alice." as user alice with her group, and copies made by
 * editors and tools end so. No locale is consulted. Any thread. */
bool wf_user_is_valid(struct wf_span name);

/* True for names that open more than one person's door (root, cyrus, anyone, …): accounts of the
 * system, administrators of daemons, words of access lists. A provider's claim alone never
 * becomes one of them. Any thread. */
bool wf_user_is_special(const char *name);

/* Ask passwd. *ret_known: whether there is such an account; *ret_uid: its uid, written only then.
 * WF_OK also where there is none; WF_IDENTITY if passwd answers with another name, as
 * case-insensitive name services do; WF_UNREACHABLE if the name service fails; WF_INTERNAL if
 * memory is short. glibc reports some failures of a name service as "not found"; that refuses
 * too wherever the account must exist. Blocks as long as the host's name service does. Any
 * thread. */
enum wf_reason wf_user_find(const char *name, bool *ret_known, uid_t *ret_uid,
                            struct wf_err *err) WF_MUST_USE;

/* The name that passwd has for this user id. WF_CONFIG if none, or one of over WF_USER_MAX bytes;
 * WF_UNREACHABLE if the name service fails; WF_INTERNAL. Blocks as wf_user_find does. Any thread. */
enum wf_reason wf_user_name(uid_t uid, char ret[WF_USER_MAX + 1], struct wf_err *err) WF_MUST_USE;

#endif
