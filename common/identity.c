#include "config.h"

#include "identity.h"

#include <regex.h>
#include <string.h>

#include "json.h"
#include "mapfile.h"

/* The account that has no rights, by custom of all systems; and the value that chown(2) and
 * setresuid(2) take for "leave it", which no account may have. */
#define UID_NOBODY ((uid_t)65534)
#define UID_NONE ((uid_t)-1)

/* What the claim becomes on its way: it only ever gets shorter. */
struct value {
    char text[WF_CLAIM_MAX + 1];
    size_t len;
};

static struct wf_span span_of(const char *text)
{
    return (struct wf_span){text, strlen(text)};
}

static struct wf_span value_span(const struct value *value)
{
    return (struct wf_span){value->text, value->len};
}

static enum wf_reason check_email(const struct json_t *claims, struct wf_err *err)
{
    bool verified = false;
    const struct wf_json_field field = {"email_verified", WF_JSON_BOOL, &verified, false};

    if (wf_json_read(claims, &field, 1, NULL) != WF_OK || !verified)
        return wf_fail(err, WF_IDENTITY, "claim email counts only with email_verified = true");
    return WF_OK;
}

/* Judge the present claim `name` and copy it, folded. */
static enum wf_reason take_claim(const struct json_t *claims, const char *name,
                                 struct wf_span found, struct value *ret, struct wf_err *err)
{
    if (found.ptr == NULL)
        return wf_fail(err, WF_IDENTITY, "claim %.64s is not a string", name);
    if (found.len > WF_CLAIM_MAX)
        return wf_fail(err, WF_IDENTITY, "claim %.64s has %zu bytes, more than %d", name, found.len,
                       WF_CLAIM_MAX);
    if (!wf_text_is_printable(found.ptr, found.len))
        return wf_fail(err, WF_IDENTITY, "claim %.64s is not printable ASCII: \"%.64s\"", name,
                       found.ptr);
    if (strcmp(name, "email") == 0) {
        enum wf_reason reason = check_email(claims, err);
        if (reason != WF_OK)
            return reason;
    }
    memcpy(ret->text, found.ptr, found.len);
    ret->text[found.len] = '\0';
    ret->len = found.len;
    wf_text_fold(ret->text, ret->len);
    return WF_OK;
}

static enum wf_reason first_claim(const struct wf_naming *naming, const struct json_t *claims,
                                  struct value *ret, struct wf_err *err)
{
    for (size_t i = 0; i < naming->username.count; i++) {
        const char *name = naming->username.items[i];
        struct wf_span found = wf_json_text(claims, name);
        bool empty = found.ptr != NULL && found.len == 0;
        if (wf_json_present(claims, name) && !empty)
            return take_claim(claims, name, found, ret, err);
    }
    return wf_fail(err, WF_IDENTITY, "none of the claims that may name a user is there (%.64s%s)",
                   naming->username.count == 0 ? "none is configured" : naming->username.items[0],
                   naming->username.count > 1 ? ", …" : "");
}

/* *ret_mapped: whether the map file had a line, and *value is now its name. */
static enum wf_reason apply_map(const char *path, struct value *value, bool *ret_mapped,
                                struct wf_err *err)
{
    struct wf_mapfile *map = NULL;
    struct wf_span name = {NULL, 0};
    enum wf_reason reason = wf_mapfile_load(path, &map, err);

    if (reason != WF_OK)
        goto out;
    *ret_mapped = wf_mapfile_find(map, value_span(value), &name);
    if (*ret_mapped && name.len == 0) {
        reason = wf_fail(err, WF_IDENTITY, "%s maps \"%.64s\" to nobody", path, value->text);
    } else if (*ret_mapped) {
        memcpy(value->text, name.ptr, name.len);
        value->text[name.len] = '\0';
        value->len = name.len;
    }
out:
    wf_mapfile_free(map);
    return reason;
}

static enum wf_reason strip_domain(const char *domain, struct value *value, struct wf_err *err)
{
    const char *at = strchr(value->text, '@');

    if (at == NULL || at == value->text || !wf_span_equals_fold(span_of(at + 1), domain))
        return wf_fail(err, WF_IDENTITY, "\"%.64s\" is not somebody@%.64s (strip_domain)",
                       value->text, domain);
    value->len = (size_t)(at - value->text);
    value->text[value->len] = '\0';
    return WF_OK;
}

/* The expression is compiled as it stands, not as "^(…)$": that would turn "a)|(b" into something
 * else and move the groups. POSIX takes the leftmost match and of these the longest, so if any
 * alternative matches the whole value, the match that is returned does. */
static enum wf_reason match_regex(const char *expression, struct value *value, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    regex_t compiled;
    regmatch_t match[2] = {{-1, -1}, {-1, -1}};

    int rc = regcomp(&compiled, expression, REG_EXTENDED);
    if (rc == REG_ESPACE)
        return wf_fail(err, WF_INTERNAL, "out of memory compiling username_regex");
    if (rc != 0)
        return wf_fail(err, WF_CONFIG,
                       "username_regex \"%.64s\" is no POSIX extended regular expression",
                       expression);
    rc = regexec(&compiled, value->text, WF_ARRAY_LEN(match), match, 0);
    if (rc == REG_ESPACE) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory matching username_regex");
        goto out;
    }
    if (rc != 0 || match[0].rm_so != 0 || (size_t)match[0].rm_eo != value->len) {
        reason = wf_fail(err, WF_IDENTITY, "\"%.64s\" does not match username_regex as a whole",
                         value->text);
        goto out;
    }
    if (match[1].rm_so >= 0) {
        size_t len = (size_t)(match[1].rm_eo - match[1].rm_so);
        memmove(value->text, value->text + match[1].rm_so, len);
        value->text[len] = '\0';
        value->len = len;
    }
    reason = WF_OK;
out:
    regfree(&compiled);
    return reason;
}

/* The locale is the thread's for as long as that takes: [a-z] means the same whoever calls su. */
static enum wf_reason apply_regex(const char *expression, struct value *value, struct wf_err *err)
{
    locale_t plain = wf_text_locale();

    if (plain == (locale_t)0)
        return wf_fail(err, WF_INTERNAL, "out of memory for a locale");
    locale_t before = uselocale(plain);
    enum wf_reason reason = match_regex(expression, value, err);
    (void)uselocale(before);
    return reason;
}

/* From the claims to a valid name that they may give. */
static enum wf_reason derive_name(const struct wf_naming *naming, const struct json_t *claims,
                                  struct value *value, bool *ret_mapped, struct wf_err *err)
{
    bool mapped = false;
    enum wf_reason reason = first_claim(naming, claims, value, err);

    if (reason == WF_OK && naming->map_file != NULL)
        reason = apply_map(naming->map_file, value, &mapped, err);
    if (reason == WF_OK && !mapped && naming->strip_domain != NULL)
        reason = strip_domain(naming->strip_domain, value, err);
    if (reason == WF_OK && !mapped && naming->username_regex != NULL)
        reason = apply_regex(naming->username_regex, value, err);
    if (reason != WF_OK)
        return reason;
    if (!wf_user_is_valid(value_span(value)))
        return wf_fail(err, WF_IDENTITY, "\"%.64s\" is no valid local user name", value->text);
    if (!mapped && wf_user_is_special(value->text))
        return wf_fail(err, WF_IDENTITY,
                       "\"%.64s\" is a special name, which needs a line in map_file", value->text);
    *ret_mapped = mapped;
    return WF_OK;
}

static enum wf_reason check_bounds(const struct wf_policy *policy, const char *user, uid_t uid,
                                   struct wf_err *err)
{
    if (uid == UID_NOBODY || uid == UID_NONE)
        return wf_fail(err, WF_IDENTITY, "user \"%.64s\" has uid %u, which never signs in", user,
                       (unsigned)uid);
    if (uid < policy->min_uid || uid > policy->max_uid)
        return wf_fail(err, WF_IDENTITY,
                       "user \"%.64s\" has uid %u, outside min_uid..max_uid (%u..%u)", user,
                       (unsigned)uid, (unsigned)policy->min_uid, (unsigned)policy->max_uid);
    return WF_OK;
}

static enum wf_reason check_account(const struct wf_policy *policy, const char *user,
                                    bool must_exist, bool may_be_root, struct wf_err *err)
{
    bool known = false;
    uid_t uid = UID_NONE;
    enum wf_reason reason = wf_user_find(user, &known, &uid, err);

    if (reason != WF_OK)
        return reason;
    if (!known && must_exist)
        return wf_fail(err, WF_IDENTITY, "there is no local user \"%.64s\"", user);
    if (!known)
        return WF_OK;
    /* By uid, not by name: whatever an account with uid 0 is called, it is root */
    if (uid == 0 && !may_be_root)
        return wf_fail(err, WF_IDENTITY, "user \"%.64s\" has uid 0, which needs a line in map_file",
                       user);
    return check_bounds(policy, user, uid, err);
}

/* Whether one item of a list fits. claims NULL: nothing is known of the person, and *ret_claim
 * tells that the item would ask for it. */
static enum wf_reason item_fits(const char *item, const struct json_t *claims, const char *user,
                                bool *ret_fits, bool *ret_claim, struct wf_err *err)
{
    char name[WF_CONF_LINE_MAX + 1];
    struct wf_span claim;
    struct wf_span value;

    if (!wf_text_split_claim(span_of(item), &claim, &value)) {
        if (!wf_user_is_valid(span_of(item)))
            return wf_fail(err, WF_CONFIG, "\"%.64s\" is neither a local user name nor CLAIM:VALUE",
                           item);
        *ret_fits = strcmp(item, user) == 0;
        *ret_claim = false;
        return WF_OK;
    }
    if (claim.len == 0 || value.len == 0 || claim.len >= sizeof(name))
        return wf_fail(err, WF_CONFIG, "\"%.64s\" lacks its CLAIM or VALUE, or is too long", item);
    memcpy(name, claim.ptr, claim.len);
    name[claim.len] = '\0';
    *ret_fits = claims != NULL && wf_json_has(claims, name, value);
    *ret_claim = true;
    return WF_OK;
}

static enum wf_reason check_deny(const struct wf_words *list, const struct json_t *claims,
                                 const char *user, struct wf_err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        bool fits = true;
        bool by_claim = false;
        enum wf_reason reason = item_fits(list->items[i], claims, user, &fits, &by_claim, err);
        if (reason != WF_OK)
            return reason;
        if (fits)
            return wf_fail(err, WF_DENIED, "deny_users has \"%.64s\", which fits user \"%.64s\"",
                           list->items[i], user);
    }
    return WF_OK;
}

static enum wf_reason check_allow(const struct wf_words *list, const struct json_t *claims,
                                  const char *user, struct wf_err *err)
{
    bool allowed = list->count == 0;

    for (size_t i = 0; i < list->count; i++) {
        bool fits = false;
        bool by_claim = false;
        enum wf_reason reason = item_fits(list->items[i], claims, user, &fits, &by_claim, err);
        if (reason != WF_OK)
            return reason;
        allowed = allowed || fits || (by_claim && claims == NULL);
    }
    if (!allowed)
        return wf_fail(err, WF_DENIED, "nothing in allow_users fits user \"%.64s\"", user);
    return WF_OK;
}

static enum wf_reason check_require(const char *key, const struct wf_words *list,
                                    const struct json_t *claims, const char *user,
                                    struct wf_err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        bool fits = false;
        bool by_claim = false;
        enum wf_reason reason = item_fits(list->items[i], claims, user, &fits, &by_claim, err);
        if (reason != WF_OK)
            return reason;
        if (!fits)
            return wf_fail(err, WF_DENIED, "%s has \"%.64s\", which user \"%.64s\" lacks", key,
                           list->items[i], user);
    }
    return WF_OK;
}

static enum wf_reason check_rules(const struct wf_policy *policy, const struct json_t *claims,
                                  const char *user, struct wf_err *err)
{
    enum wf_reason reason = check_deny(&policy->deny_users, claims, user, err);

    if (reason == WF_OK)
        reason = check_allow(&policy->allow_users, claims, user, err);
    if (reason == WF_OK)
        reason = check_require("require", &policy->require, claims, user, err);
    if (reason == WF_OK)
        reason = check_require("require_name", &policy->require_name, claims, user, err);
    return reason;
}

enum wf_reason wf_identity_judge(const struct wf_policy *policy, const struct wf_naming *naming,
                                 const struct json_t *claims, const char *requested_user,
                                 enum wf_passwd passwd, char ret_user[WF_USER_MAX + 1],
                                 struct wf_err *err)
{
    struct value name = {.len = 0};
    bool mapped = false;

    ret_user[0] = '\0';
    enum wf_reason reason = derive_name(naming, claims, &name, &mapped, err);
    if (reason != WF_OK)
        return reason;
    if (requested_user != NULL && strcmp(name.text, requested_user) != 0)
        return wf_fail(err, WF_IDENTITY, "the person is \"%.64s\", but \"%.64s\" was asked for",
                       name.text, requested_user);
    if (passwd != WF_PASSWD_IGNORE)
        reason = check_account(policy, name.text, passwd == WF_PASSWD_REQUIRED, mapped, err);
    if (reason == WF_OK)
        reason = check_rules(policy, claims, name.text, err);
    if (reason == WF_OK || reason == WF_DENIED)
        memcpy(ret_user, name.text, name.len + 1);
    return reason;
}

bool wf_identity_is_alias(const struct wf_naming *naming, struct wf_span text, const char *user)
{
    struct value value = {.len = text.len};

    if (text.len > WF_CLAIM_MAX || !wf_text_is_printable(text.ptr, text.len))
        return false;
    memcpy(value.text, text.ptr, text.len);
    wf_text_fold(value.text, value.len);
    if (strcmp(value.text, user) == 0)
        return true;
    return naming->strip_domain != NULL &&
           strip_domain(naming->strip_domain, &value, NULL) == WF_OK &&
           strcmp(value.text, user) == 0;
}

enum wf_reason wf_identity_check_user(const struct wf_policy *policy, const char *user,
                                      struct wf_err *err)
{
    if (!wf_user_is_valid(span_of(user)))
        return wf_fail(err, WF_IDENTITY, "\"%.64s\" is no valid local user name", user);
    return check_account(policy, user, true, true, err);
}

enum wf_reason wf_identity_check_name(const struct wf_policy *policy, const char *user,
                                      struct wf_err *err)
{
    enum wf_reason reason = check_deny(&policy->deny_users, NULL, user, err);

    return reason == WF_OK ? check_allow(&policy->allow_users, NULL, user, err) : reason;
}
