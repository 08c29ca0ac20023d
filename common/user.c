#include "config.h"

#include "user.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "buf.h"

/* One passwd entry: the first size holds nearly all of them; one that needs more than the last is
 * broken. */
#define ENTRY_FIRST ((size_t)1024)
#define ENTRY_MAX ((size_t)1 << 20)

static bool is_letter_digit_or_underscore(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool wf_user_is_valid(struct wf_span name)
{
    if (name.len == 0 || name.len > WF_USER_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_letter_digit_or_underscore(c) && c != '.' && c != '-')
            return false;
    }
    char first = name.ptr[0];
    char last = name.ptr[name.len - 1];
    return is_letter_digit_or_underscore(first) && !(first >= '0' && first <= '9') &&
           is_letter_digit_or_underscore(last);
}

bool wf_user_is_special(const char *name)
{
    static const char *const names[] = {
        "root",          /* uid 0 */
        "toor",          /* the other name of uid 0, by BSD's custom */
        "sudo",          /* group that sudo trusts on Debian; su and doas know users by it */
        "wheel",         /* the same elsewhere */
        "operator",      /* may dump disks and shut down, by BSD's custom */
        "daemon",        /* owner of what runs without an owner */
        "bin",           /* owner of programs on old systems */
        "sys",           /* owner of devices on old systems */
        "nobody",        /* what daemons become to have no rights; NFS maps root to it */
        "cyrus",         /* default of Cyrus imapd's "admins" */
        "admin",         /* administrator of many daemons; CAs send certificates to its address */
        "administrator", /* the same; root of Active Directory */
        "hostmaster",    /* CAs take its mail as proof of owning the domain */
        "webmaster",     /* the same */
        "postmaster",    /* the same; RFC 5321 §4.5.1 */
        "mail",          /* owner of the spool */
        "mailer-daemon", /* sender of bounces */
        "anyone",        /* everybody, in an IMAP access list (RFC 4314 §2) */
        "anonymous",     /* everybody, in Cyrus SASL and imapd */
        WF_HELPER_USER,  /* whoever is this user can speak for our network helper */
    };
    static const char *const prefixes[] = {
        "_",        /* service accounts of Debian and BSD */
        "systemd-", /* service accounts of systemd */
    };
    /* "group:…" and "*" of Cyrus's access lists are no valid names in the first place. */

    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(prefixes); i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

/* What getpwnam_r said; number is its result. */
static enum wf_reason judge_answer(const char *name, int number, const struct passwd *found,
                                   struct wf_err *err)
{
    if (number == ENOMEM)
        return wf_fail(err, WF_INTERNAL, "out of memory asking passwd for \"%.64s\"", name);
    if (number != 0 && number != ENOENT && number != ESRCH)
        return wf_fail(err, WF_UNREACHABLE, "the name service fails for user \"%.64s\": %s", name,
                       wf_errno_text(number));
    if (number == 0 && found != NULL && strcmp(found->pw_name, name) != 0)
        return wf_fail(err, WF_IDENTITY, "passwd answers with user \"%.64s\" for \"%.64s\"",
                       found->pw_name, name);
    return WF_OK;
}

enum wf_reason wf_user_find(const char *name, bool *ret_known, uid_t *ret_uid, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    /* Wipes what it held: some name services put the password's hash there */
    struct wf_buf buf = WF_BUF_INIT(ENTRY_MAX);
    struct passwd entry;
    struct passwd *found = NULL;
    int number = ERANGE;

    for (size_t size = ENTRY_FIRST; size <= ENTRY_MAX && number == ERANGE; size *= 2) {
        uint8_t *room = wf_buf_room(&buf, size);
        if (room == NULL) {
            reason = wf_fail(err, WF_INTERNAL, "out of memory asking passwd for \"%.64s\"", name);
            goto out;
        }
        number = getpwnam_r(name, &entry, (char *)room, size, &found);
    }
    reason = judge_answer(name, number, found, err);
    if (reason != WF_OK)
        goto out;
    *ret_known = number == 0 && found != NULL;
    if (*ret_known)
        *ret_uid = found->pw_uid;
out:
    wf_buf_done(&buf);
    return reason;
}

enum wf_reason wf_user_name(uid_t uid, char ret[WF_USER_MAX + 1], struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_buf buf = WF_BUF_INIT(ENTRY_MAX);
    struct passwd entry;
    struct passwd *found = NULL;
    int number = ERANGE;

    for (size_t size = ENTRY_FIRST; size <= ENTRY_MAX && number == ERANGE; size *= 2) {
        uint8_t *room = wf_buf_room(&buf, size);
        if (room == NULL) {
            reason = wf_fail(err, WF_INTERNAL, "out of memory asking passwd for a name");
            goto out;
        }
        number = getpwuid_r(uid, &entry, (char *)room, size, &found);
    }
    if (number != 0 && number != ENOENT && number != ESRCH) {
        reason = wf_fail(err, number == ENOMEM ? WF_INTERNAL : WF_UNREACHABLE,
                         "the name service fails for user id %u: %s", (unsigned)uid,
                         wf_errno_text(number));
        goto out;
    }
    size_t len = number != 0 || found == NULL ? 0 : strlen(found->pw_name);
    if (len == 0 || len > WF_USER_MAX) {
        reason = wf_fail(err, WF_CONFIG, "passwd has no name of 1..%d bytes for user id %u",
                         WF_USER_MAX, (unsigned)uid);
        goto out;
    }
    memcpy(ret, found->pw_name, len + 1);
    reason = WF_OK;
out:
    wf_buf_done(&buf);
    return reason;
}
