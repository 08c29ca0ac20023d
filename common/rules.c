#include "config.h"

#include "rules.h"

#include <stdbool.h>
#include <string.h>

#include "json.h"

/* What the rules share: read once, since a claim that is read twice may be read in two ways. */
struct view {
    const struct wf_case *c;
    int64_t exp, nbf, iat, auth_time; /* NONE: absent */
    int64_t leeway;
    int64_t until;
};
#define NONE INT64_MIN

enum wf_reason wf_rules_check_types(const struct json_t *claims, struct wf_err *err)
{
    static const char *const lists[] = {"aud", "scope", "scp"};
    struct wf_span text;
    int64_t date;
    const struct json_t *object;
    const struct wf_json_field fields[] = {
        {"iss", WF_JSON_TEXT, &text, false},        {"sub", WF_JSON_TEXT, &text, false},
        {"azp", WF_JSON_TEXT, &text, false},        {"client_id", WF_JSON_TEXT, &text, false},
        {"jti", WF_JSON_TEXT, &text, false},        {"typ", WF_JSON_TEXT, &text, false},
        {"token_use", WF_JSON_TEXT, &text, false},  {"exp", WF_JSON_DATE, &date, false},
        {"nbf", WF_JSON_DATE, &date, false},        {"iat", WF_JSON_DATE, &date, false},
        {"auth_time", WF_JSON_DATE, &date, false},  {"cnf", WF_JSON_OBJECT, &object, false},
    };
    enum wf_reason reason = wf_json_read(claims, fields, WF_ARRAY_LEN(fields), err);

    for (size_t i = 0; reason == WF_OK && i < WF_ARRAY_LEN(lists); i++) {
        if (!wf_json_is_text_or_list(claims, lists[i]))
            reason = wf_fail(err, WF_MALFORMED, "\"%s\" is neither a string nor a list of strings",
                             lists[i]);
    }
    return reason;
}

/* RFC 9068 §2.1; RFC 7515 §4.1.9 lets "application/" be left out; media types ignore case. */
static bool is_access_token_typ(struct wf_span typ)
{
    return wf_span_equals_fold(typ, "at+jwt") || wf_span_equals_fold(typ, "application/at+jwt");
}

static bool has_scope(const struct json_t *claims)
{
    return wf_json_present(claims, "scope") || wf_json_present(claims, "scp");
}

/* What only other kinds of token hold. A provider that writes at+jwt says itself what it is. */
static const char *other_kind(const struct view *v)
{
    const struct json_t *claims = v->c->claims;
    struct wf_span typ = wf_json_text(claims, "typ");
    struct wf_span use = wf_json_text(claims, "token_use");

    /* Keycloak: "Bearer" against "ID", "Refresh", "Offline", "Logout" */
    if (typ.ptr != NULL && !wf_span_equals_fold(typ, "Bearer") && !is_access_token_typ(typ))
        return "its claim typ is not Bearer";
    /* Amazon Cognito: "access" against "id" */
    if (use.ptr != NULL && !wf_span_equals(use, "access") && !wf_span_equals(use, "access_token"))
        return "its claim token_use is not access";
    /* OpenID Connect Back-Channel Logout §2.4; RFC 8417 */
    if (wf_json_present(claims, "events"))
        return "it is a logout or event token (events)";
    if (v->c->source != WF_SOURCE_JWT || is_access_token_typ(v->c->typ))
        return NULL;
    /* OpenID Connect Core §3.1.3.6, §3.3.2.11 */
    if (wf_json_present(claims, "at_hash") || wf_json_present(claims, "c_hash"))
        return "it is an ID token (at_hash, c_hash)";
    /* Keycloak before 24 wrote nonce into access tokens, too: those have a scope */
    if (wf_json_present(claims, "nonce") && !has_scope(claims))
        return "it is an ID token (nonce and no scope)";
    return NULL;
}

static enum wf_reason rule_type(struct view *v, struct wf_err *err)
{
    struct wf_span typ = v->c->typ;

    if (typ.ptr != NULL && !wf_span_equals_fold(typ, "JWT") && !is_access_token_typ(typ))
        return wf_fail(err, WF_TYPE, "the header's typ is \"%.*s\", expected at+jwt, JWT or none",
                       (int)(typ.len < 32 ? typ.len : 32), typ.ptr);
    const char *other = other_kind(v);
    if (other != NULL)
        return wf_fail(err, WF_TYPE, "not an access token: %s", other);
    /* RFC 7800: whoever presents it must prove a key, which a bearer cannot */
    if (wf_json_present(v->c->claims, "cnf"))
        return wf_fail(err, WF_TYPE, "the token is bound to its sender (cnf)");
    return WF_OK;
}

/* RFC 7519 §4.1.4: required here, though optional there; "on or after" it is no longer good. */
static enum wf_reason rule_expired(struct view *v, struct wf_err *err)
{
    if (v->exp == NONE) {
        if (v->c->source == WF_SOURCE_JWT)
            return wf_fail(err, WF_EXPIRED, "the token has no exp");
        return WF_OK;
    }
    if (v->c->now >= v->exp + v->leeway)
        return wf_fail(err, WF_EXPIRED, "the token expired %lld s ago",
                       (long long)(v->c->now - v->exp));
    v->until = v->exp + v->leeway;
    return WF_OK;
}

/* An absent date, NONE, lies in the past. */
static enum wf_reason rule_not_yet_valid(struct view *v, struct wf_err *err)
{
    if (v->nbf > v->c->now + v->leeway)
        return wf_fail(err, WF_NOT_YET_VALID, "the token is valid in %lld s only (nbf)",
                       (long long)(v->nbf - v->c->now));
    if (v->iat > v->c->now + v->leeway)
        return wf_fail(err, WF_NOT_YET_VALID, "the token was issued %lld s ahead (iat): check the "
                                              "clocks",
                       (long long)(v->iat - v->c->now));
    return WF_OK;
}

/* A refreshed token is new, but its sign-in is not: only auth_time tells. */
static enum wf_reason rule_max_age(struct view *v, struct wf_err *err)
{
    int64_t max_age = v->c->policy->max_age;

    if (max_age == 0)
        return WF_OK;
    if (v->auth_time == NONE)
        return wf_fail(err, WF_EXPIRED, "the token has no auth_time, which max_age needs");
    if (v->auth_time > v->c->now + v->leeway)
        return wf_fail(err, WF_NOT_YET_VALID, "the sign-in lies %lld s ahead (auth_time)",
                       (long long)(v->auth_time - v->c->now));
    if (v->c->now >= v->auth_time + max_age + v->leeway)
        return wf_fail(err, WF_EXPIRED, "the sign-in is %lld s old, more than max_age = %lld s",
                       (long long)(v->c->now - v->auth_time), (long long)max_age);
    if (v->auth_time + max_age + v->leeway < v->until)
        v->until = v->auth_time + max_age + v->leeway;
    return WF_OK;
}

static bool words_have(const struct wf_words *words, struct wf_span value)
{
    for (size_t i = 0; i < words->count; i++) {
        if (wf_span_equals(value, words->items[i]))
            return true;
    }
    return false;
}

static bool aud_is_ours(const struct view *v)
{
    const struct wf_words *ours = &v->c->policy->audience;

    for (size_t i = 0; i < ours->count; i++) {
        const char *name = ours->items[i];
        if (wf_json_has(v->c->claims, "aud", (struct wf_span){name, strlen(name)}))
            return true;
    }
    return false;
}

/* Each of azp and client_id that is there must be allowed, and one must be there. */
static enum wf_reason check_client(const struct view *v, struct wf_err *err)
{
    static const char *const names[] = {"azp", "client_id"};
    bool seen = false;

    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        struct wf_span client = wf_json_text(v->c->claims, names[i]);
        if (client.ptr == NULL)
            continue;
        if (!words_have(&v->c->provider->allowed_clients, client))
            return wf_fail(err, WF_AUDIENCE, "%s \"%.*s\" is not in allowed_clients", names[i],
                           (int)(client.len < 64 ? client.len : 64), client.ptr);
        seen = true;
    }
    if (!seen)
        return wf_fail(err, WF_AUDIENCE, "neither azp nor client_id says which client got the "
                                         "token, and allowed_clients is set");
    return WF_OK;
}

/* A token that is bound to nobody could have been got by any application of the organisation. */
static enum wf_reason rule_audience(struct view *v, struct wf_err *err)
{
    bool clients = v->c->provider->allowed_clients.count > 0;
    bool ours = aud_is_ours(v);

    if (v->c->source == WF_SOURCE_USERINFO || v->c->source == WF_SOURCE_SESSION) {
        if (!v->c->policy->accept_unbound)
            return wf_fail(err, WF_AUDIENCE, "the token names no audience, and the service has no "
                                             "accept_unbound = yes");
        return WF_OK;
    }
    if (clients) {
        enum wf_reason reason = check_client(v, err);
        if (reason != WF_OK)
            return reason;
    }
    /* RFC 7662 leaves aud optional: an allowed client binds such a token as well */
    if (ours || (v->c->source == WF_SOURCE_INTROSPECTION && clients &&
                 !wf_json_present(v->c->claims, "aud")))
        return WF_OK;
    if (v->c->policy->audience.count == 0)
        return wf_fail(err, WF_AUDIENCE, "service [%s] has no audience: set it to what the "
                                         "provider writes into aud for this service",
                       v->c->policy->service);
    return wf_fail(err, WF_AUDIENCE, "aud does not have \"%s\"", v->c->policy->audience.items[0]);
}

static bool has_word(const struct json_t *claims, const char *claim, const char *word)
{
    size_t pos = 0;
    struct wf_span have = wf_json_next_word(claims, claim, &pos);

    while (have.ptr != NULL && !wf_span_equals(have, word))
        have = wf_json_next_word(claims, claim, &pos);
    return have.ptr != NULL;
}

/* Word by word, capitals count (RFC 6749 §3.3); `scp` is Microsoft's name for it. */
static enum wf_reason rule_scope(struct view *v, struct wf_err *err)
{
    const struct wf_words *required = &v->c->policy->required_scope;

    for (size_t i = 0; i < required->count; i++) {
        const char *word = required->items[i];
        if (!has_word(v->c->claims, "scope", word) && !has_word(v->c->claims, "scp", word))
            return wf_fail(err, WF_SCOPE, "the scope has no \"%s\"", word);
    }
    return WF_OK;
}

static enum wf_reason look(const struct wf_case *c, struct view *ret, struct wf_err *err)
{
    struct view v = {
        .c = c,
        .exp = NONE,
        .nbf = NONE,
        .iat = NONE,
        .auth_time = NONE,
        .leeway = c->provider->leeway,
        .until = INT64_MAX,
    };
    const struct wf_json_field dates[] = {
        {"exp", WF_JSON_DATE, &v.exp, false},
        {"nbf", WF_JSON_DATE, &v.nbf, false},
        {"iat", WF_JSON_DATE, &v.iat, false},
        {"auth_time", WF_JSON_DATE, &v.auth_time, false},
    };
    enum wf_reason reason = wf_json_read(c->claims, dates, WF_ARRAY_LEN(dates), err);

    if (reason == WF_OK)
        *ret = v;
    return reason;
}

enum wf_reason wf_rules_judge(const struct wf_case *c, int64_t *ret_until, struct wf_err *err)
{
    static enum wf_reason (*const rules[])(struct view *v, struct wf_err *err) = {
        rule_type, rule_expired, rule_not_yet_valid, rule_max_age, rule_audience, rule_scope,
    };
    struct view v;
    enum wf_reason reason = look(c, &v, err);

    for (size_t i = 0; reason == WF_OK && i < WF_ARRAY_LEN(rules); i++)
        reason = rules[i](&v, err);
    if (reason == WF_OK)
        *ret_until = v.until;
    return reason;
}
