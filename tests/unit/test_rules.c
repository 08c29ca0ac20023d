#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "mint.h"
#include "rules.h"

#define NOW INT64_C(1800000000)
#define LEEWAY 60
#define MAX_AGE 900

/* clang-format off */
#define WORDS(...) {(const char *const[]){__VA_ARGS__}, \
                    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)}
/* clang-format on */

/* What every accepted row is but for what it names. */
#define GOOD                                                                                       \
    "{\"iss\":\"https://sso.example\",\"sub\":\"1\",\"aud\":\"urn:mail\",\"exp\":1800000300,"      \
    "\"iat\":1799999990}"

struct row {
    const char *name;
    const char *claims;
    enum wf_reason reason;
    const char *why; /* refused: what the message has */
    const char *typ;
    enum wf_source source;
    struct wf_words scope;
    struct wf_words clients;
    struct wf_words audience; /* none: urn:mail */
    unsigned max_age;
    bool unbound;
    bool no_audience;
    int64_t until; /* accepted: 0: of GOOD */
};

static const char *with(const char *name, const char *value)
{
    return mint_change(GOOD, name, value, NULL);
}

static const char *date(const char *name, int64_t seconds)
{
    return with(name, mint_text("%lld", (long long)(NOW + seconds)));
}

static enum wf_reason judge(const struct row *row, int64_t *ret_until, struct wf_err *err)
{
    static const char *const ours[] = {"urn:mail"};
    const struct wf_provider_conf provider = {
        .name = "mail", .leeway = LEEWAY, .allowed_clients = row->clients};
    const struct wf_policy policy = {
        .service = "imap",
        .audience = row->no_audience          ? (struct wf_words){NULL, 0}
                    : row->audience.count > 0 ? row->audience
                                              : (struct wf_words){ours, 1},
        .required_scope = row->scope,
        .max_age = row->max_age,
        .accept_unbound = row->unbound,
    };
    struct json_t *claims = NULL;
    struct wf_case c = {
        .source = row->source, .policy = &policy, .provider = &provider, .now = NOW};

    if (row->typ != NULL)
        c.typ = (struct wf_span){row->typ, strlen(row->typ)};
    assert_int_equal(wf_json_parse(row->claims, strlen(row->claims), &claims, NULL), WF_OK);
    c.claims = claims;
    enum wf_reason reason = wf_rules_check_types(claims, err);
    if (reason == WF_OK)
        reason = wf_rules_judge(&c, ret_until, err);
    wf_json_free(claims);
    return reason;
}

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct wf_err err = WF_ERR_INIT;
        int64_t until = 4711;
        int64_t expected = rows[i].until != 0 ? rows[i].until : NOW + 300 + LEEWAY;
        enum wf_reason reason = judge(&rows[i], &until, &err);
        if (reason != rows[i].reason)
            fail_msg("%s: %s (%s), expected %s", rows[i].name, wf_reason_name(reason), err.text,
                     wf_reason_name(rows[i].reason));
        if (until != (reason == WF_OK ? expected : 4711))
            fail_msg("%s: until %lld", rows[i].name, (long long)until);
        if (rows[i].why != NULL && strstr(err.text, rows[i].why) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].name, err.text, rows[i].why);
    }
}

static void test_types(void **state)
{
    static const char *const texts[] = {"iss", "sub", "azp", "client_id", "jti", "typ",
                                        "token_use"};
    static const char *const dates[] = {"exp", "nbf", "iat", "auth_time"};
    static const char *const lists[] = {"aud", "scope", "scp"};
    static const char *const no_text[] = {"1", "[\"a\"]", "{}", "true"};
    static const char *const no_date[] = {"\"1800000300\"", "[1800000300]", "{}", "true", "1e300",
                                          "9007199254740993", "-9007199254740993"};
    static const char *const no_list[] = {"1", "{}", "true", "[1]", "[\"urn:mail\",1]", "[[]]",
                                          "[null]"};

    (void)state;
#define REFUSED(names, values)                                                                     \
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {                                             \
        for (size_t k = 0; k < WF_ARRAY_LEN(values); k++) {                                        \
            const struct row row = {.name = mint_text("%s is %s", (names)[i], (values)[k]),        \
                                    .claims = with((names)[i], (values)[k]),                       \
                                    .reason = WF_MALFORMED,                                        \
                                    .why = mint_text("\"%s\"", (names)[i])};                       \
            check(&row, 1);                                                                        \
        }                                                                                          \
    }
    REFUSED(texts, no_text)
    REFUSED(dates, no_date)
    REFUSED(lists, no_list)
#undef REFUSED
    const struct row rows[] = {
        {.name = "cnf a string", .claims = with("cnf", "\"a\""), .reason = WF_MALFORMED},
        {.name = "cnf a list", .claims = with("cnf", "[]"), .reason = WF_MALFORMED},
        {.name = "aud empty list", .claims = with("aud", "[]"), .reason = WF_AUDIENCE},
        {.name = "nulls", .claims = mint_change(GOOD, "azp", "null", "nbf", "null", "scope",
                                                "null", "cnf", "null", "jti", "null", NULL)},
        {.name = "foreign claims", .claims = with("acme", "{\"exp\":\"x\"}")},
    };
    check(rows, WF_ARRAY_LEN(rows));
}

static void test_type(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.name = "no typ", .claims = GOOD},
        {.name = "JWT", .claims = GOOD, .typ = "JWT"},
        {.name = "jwt", .claims = GOOD, .typ = "jwt"},
        {.name = "at+jwt", .claims = GOOD, .typ = "at+jwt"},
        {.name = "AT+JWT", .claims = GOOD, .typ = "AT+JWT"},
        {.name = "application/at+jwt", .claims = GOOD, .typ = "application/at+jwt"},
        {.name = "application/jwt", .claims = GOOD, .typ = "application/jwt", .reason = WF_TYPE},
        {.name = "empty", .claims = GOOD, .typ = "", .reason = WF_TYPE},
        {.name = "at+jwt and more", .claims = GOOD, .typ = "at+jwtx", .reason = WF_TYPE},
        {.name = "a blank", .claims = GOOD, .typ = "at+jwt ", .reason = WF_TYPE},
        {.name = "logout+jwt", .claims = GOOD, .typ = "logout+jwt", .reason = WF_TYPE},
        {.name = "secevent+jwt", .claims = GOOD, .typ = "secevent+jwt", .reason = WF_TYPE},
        {.name = "dpop+jwt", .claims = GOOD, .typ = "dpop+jwt", .reason = WF_TYPE},
        {.name = "id_token+jwt", .claims = GOOD, .typ = "id_token+jwt", .reason = WF_TYPE},
        {.name = "claim Bearer", .claims = with("typ", "\"Bearer\"")},
        {.name = "claim bearer", .claims = with("typ", "\"bearer\"")},
        {.name = "claim at+jwt", .claims = with("typ", "\"at+jwt\"")},
        {.name = "claim ID", .claims = with("typ", "\"ID\""), .reason = WF_TYPE,
         .why = "typ is not Bearer"},
        {.name = "claim Refresh", .claims = with("typ", "\"Refresh\""), .reason = WF_TYPE},
        {.name = "claim Offline", .claims = with("typ", "\"Offline\""), .reason = WF_TYPE},
        {.name = "claim Logout", .claims = with("typ", "\"Logout\""), .reason = WF_TYPE},
        {.name = "claim DPoP", .claims = with("typ", "\"DPoP\""), .reason = WF_TYPE},
        {.name = "claim empty", .claims = with("typ", "\"\""), .reason = WF_TYPE},
        {.name = "claim ID under at+jwt", .claims = with("typ", "\"ID\""), .typ = "at+jwt",
         .reason = WF_TYPE},
        {.name = "use access", .claims = with("token_use", "\"access\"")},
        {.name = "use access_token", .claims = with("token_use", "\"access_token\"")},
        {.name = "use id", .claims = with("token_use", "\"id\""), .reason = WF_TYPE,
         .why = "token_use"},
        {.name = "use refresh_token", .claims = with("token_use", "\"refresh_token\""),
         .reason = WF_TYPE},
        {.name = "use Access", .claims = with("token_use", "\"Access\""), .reason = WF_TYPE},
    };

    check(rows, WF_ARRAY_LEN(rows));
}

/* Claims that only other kinds of token hold. */
static void test_kind(void **state)
{
    (void)state;
    const char *hash = "\"AAAA\"";
    const char *nonce_scope = mint_change(GOOD, "nonce", hash, "scope", "\"mail\"", NULL);
    const char *nonce_scp = mint_change(GOOD, "nonce", hash, "scp", "[\"mail\"]", NULL);
    const struct row rows[] = {
        {.name = "events", .claims = with("events", "{\"http://schemas.openid.net/event/"
                                                    "backchannel-logout\":{}}"),
         .reason = WF_TYPE, .why = "events"},
        {.name = "events under at+jwt", .claims = with("events", "{}"), .typ = "at+jwt",
         .reason = WF_TYPE},
        {.name = "events of introspection", .claims = with("events", "{}"),
         .source = WF_SOURCE_INTROSPECTION, .reason = WF_TYPE},
        {.name = "at_hash", .claims = with("at_hash", hash), .reason = WF_TYPE, .why = "at_hash"},
        {.name = "c_hash", .claims = with("c_hash", hash), .reason = WF_TYPE, .why = "c_hash"},
        {.name = "at_hash under at+jwt", .claims = with("at_hash", hash), .typ = "at+jwt"},
        {.name = "at_hash under JWT", .claims = with("at_hash", hash), .typ = "JWT",
         .reason = WF_TYPE},
        {.name = "at_hash of introspection", .claims = with("at_hash", hash),
         .source = WF_SOURCE_INTROSPECTION},
        {.name = "nonce", .claims = with("nonce", hash), .reason = WF_TYPE, .why = "nonce"},
        {.name = "nonce under at+jwt", .claims = with("nonce", hash), .typ = "at+jwt"},
        {.name = "nonce and scope", .claims = nonce_scope},
        {.name = "nonce and scp", .claims = nonce_scp},
        {.name = "cnf", .claims = with("cnf", "{\"jkt\":\"AAAA\"}"), .reason = WF_TYPE,
         .why = "cnf"},
        {.name = "cnf empty", .claims = with("cnf", "{}"), .reason = WF_TYPE},
        {.name = "cnf under at+jwt", .claims = with("cnf", "{\"x5t#S256\":\"AAAA\"}"),
         .typ = "at+jwt", .reason = WF_TYPE},
        {.name = "cnf of introspection", .claims = with("cnf", "{\"jkt\":\"AAAA\"}"),
         .source = WF_SOURCE_INTROSPECTION, .reason = WF_TYPE},
    };

    check(rows, WF_ARRAY_LEN(rows));
}

/* Each edge from both sides. */
static void test_dates(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.name = "exp ahead", .claims = date("exp", 1), .until = NOW + 1 + LEEWAY},
        {.name = "exp now", .claims = date("exp", 0), .until = NOW + LEEWAY},
        {.name = "exp within the leeway", .claims = date("exp", 1 - LEEWAY), .until = NOW + 1},
        {.name = "exp at the leeway", .claims = date("exp", -LEEWAY), .reason = WF_EXPIRED,
         .why = "expired 60 s ago"},
        {.name = "exp long ago", .claims = with("exp", "1"), .reason = WF_EXPIRED},
        {.name = "exp 0", .claims = with("exp", "0"), .reason = WF_EXPIRED},
        {.name = "exp negative", .claims = with("exp", "-1"), .reason = WF_EXPIRED},
        {.name = "exp most negative", .claims = with("exp", "-9007199254740992"),
         .reason = WF_EXPIRED},
        {.name = "exp missing", .claims = with("exp", NULL), .reason = WF_EXPIRED,
         .why = "no exp"},
        {.name = "exp null", .claims = with("exp", "null"), .reason = WF_EXPIRED, .why = "no exp"},
        {.name = "exp missing, introspection", .claims = with("exp", NULL),
         .source = WF_SOURCE_INTROSPECTION, .until = INT64_MAX},
        {.name = "exp missing, userinfo", .claims = with("exp", NULL),
         .source = WF_SOURCE_USERINFO, .unbound = true, .until = INT64_MAX},
        {.name = "exp past, introspection", .claims = date("exp", -LEEWAY),
         .source = WF_SOURCE_INTROSPECTION, .reason = WF_EXPIRED},
        {.name = "exp huge", .claims = with("exp", "9007199254740992"),
         .until = INT64_C(9007199254740992) + LEEWAY},
        {.name = "exp with a fraction", .claims = with("exp", "1800000300.99")},
        {.name = "exp with an exponent", .claims = with("exp", "1.8000003e9")},
        {.name = "exp with a fraction, at the edge", .claims = with("exp", "1799999940.999"),
         .reason = WF_EXPIRED},
        {.name = "nbf past", .claims = date("nbf", -1)},
        {.name = "nbf at the leeway", .claims = date("nbf", LEEWAY)},
        {.name = "nbf beyond", .claims = date("nbf", LEEWAY + 1), .reason = WF_NOT_YET_VALID,
         .why = "nbf"},
        {.name = "nbf negative", .claims = with("nbf", "-5")},
        {.name = "nbf 0", .claims = with("nbf", "0")},
        {.name = "nbf huge", .claims = with("nbf", "9007199254740992"), .reason = WF_NOT_YET_VALID},
        {.name = "iat missing", .claims = with("iat", NULL)},
        {.name = "iat at the leeway", .claims = date("iat", LEEWAY)},
        {.name = "iat beyond", .claims = date("iat", LEEWAY + 1), .reason = WF_NOT_YET_VALID,
         .why = "iat"},
        {.name = "iat long ago", .claims = with("iat", "1")},
        {.name = "auth_time ahead, nobody asks", .claims = date("auth_time", 5000)},
    };

    check(rows, WF_ARRAY_LEN(rows));
}

static void test_max_age(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.name = "fresh", .claims = date("auth_time", -10), .max_age = MAX_AGE},
        {.name = "now", .claims = date("auth_time", 0), .max_age = MAX_AGE},
        {.name = "missing", .claims = GOOD, .max_age = MAX_AGE, .reason = WF_EXPIRED,
         .why = "no auth_time"},
        {.name = "null", .claims = with("auth_time", "null"), .max_age = MAX_AGE,
         .reason = WF_EXPIRED, .why = "no auth_time"},
        {.name = "iat is not asked", .claims = date("iat", -10), .max_age = MAX_AGE,
         .reason = WF_EXPIRED},
        {.name = "the last second", .claims = date("auth_time", 1 - MAX_AGE - LEEWAY),
         .max_age = MAX_AGE, .until = NOW + 1},
        {.name = "too old", .claims = date("auth_time", -MAX_AGE - LEEWAY), .max_age = MAX_AGE,
         .reason = WF_EXPIRED, .why = "more than max_age"},
        {.name = "ends before exp", .claims = date("auth_time", -800), .max_age = MAX_AGE,
         .until = NOW + 100 + LEEWAY},
        {.name = "ends with exp", .claims = date("auth_time", -600), .max_age = MAX_AGE},
        {.name = "ends after exp", .claims = date("auth_time", -599), .max_age = MAX_AGE},
        {.name = "ends a second before exp", .claims = date("auth_time", -601), .max_age = MAX_AGE,
         .until = NOW + 299 + LEEWAY},
        {.name = "1 s", .claims = date("auth_time", -60), .max_age = 1, .until = NOW + 1},
        {.name = "1 s, over", .claims = date("auth_time", -61), .max_age = 1,
         .reason = WF_EXPIRED},
        {.name = "ahead, at the leeway", .claims = date("auth_time", LEEWAY), .max_age = MAX_AGE},
        {.name = "ahead", .claims = date("auth_time", LEEWAY + 1), .max_age = MAX_AGE,
         .reason = WF_NOT_YET_VALID, .why = "auth_time"},
        {.name = "0", .claims = with("auth_time", "0"), .max_age = MAX_AGE, .reason = WF_EXPIRED,
         .why = "more than max_age"},
        {.name = "negative", .claims = with("auth_time", "-9007199254740992"), .max_age = MAX_AGE,
         .reason = WF_EXPIRED, .why = "more than max_age"},
        {.name = "userinfo", .claims = with("exp", NULL), .source = WF_SOURCE_USERINFO,
         .unbound = true, .max_age = MAX_AGE, .reason = WF_EXPIRED, .why = "no auth_time"},
    };

    check(rows, WF_ARRAY_LEN(rows));
}

static void test_audience(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.name = "a string", .claims = GOOD},
        {.name = "a list", .claims = with("aud", "[\"urn:mail\"]")},
        {.name = "in a list", .claims = with("aud", "[\"urn:x\",\"urn:mail\",\"urn:y\"]")},
        {.name = "two of ours, the second", .claims = GOOD, .audience = WORDS("urn:x", "urn:mail")},
        {.name = "two of ours, neither", .claims = GOOD, .audience = WORDS("urn:x", "urn:y"),
         .reason = WF_AUDIENCE},
        {.name = "none of ours is set", .claims = GOOD, .no_audience = true,
         .reason = WF_AUDIENCE, .why = "service [imap] has no audience"},
        {.name = "none of ours, none in it", .claims = with("aud", NULL), .no_audience = true,
         .reason = WF_AUDIENCE},
        {.name = "missing", .claims = with("aud", NULL), .reason = WF_AUDIENCE,
         .why = "aud does not have"},
        {.name = "null", .claims = with("aud", "null"), .reason = WF_AUDIENCE},
        {.name = "empty", .claims = with("aud", "\"\""), .reason = WF_AUDIENCE},
        {.name = "an empty list", .claims = with("aud", "[]"), .reason = WF_AUDIENCE},
        {.name = "an empty string in a list", .claims = with("aud", "[\"\"]"),
         .reason = WF_AUDIENCE},
        {.name = "another", .claims = with("aud", "\"urn:web\""), .reason = WF_AUDIENCE},
        {.name = "a slash behind", .claims = with("aud", "\"urn:mail/\""), .reason = WF_AUDIENCE},
        {.name = "in capitals", .claims = with("aud", "\"urn:Mail\""), .reason = WF_AUDIENCE},
        {.name = "a beginning", .claims = with("aud", "\"urn:mai\""), .reason = WF_AUDIENCE},
        {.name = "a longer one", .claims = with("aud", "\"urn:mail2\""), .reason = WF_AUDIENCE},
        {.name = "a blank", .claims = with("aud", "\"urn:mail \""), .reason = WF_AUDIENCE},
        {.name = "two in one string", .claims = with("aud", "\"urn:x urn:mail\""),
         .reason = WF_AUDIENCE},
        {.name = "a pattern", .claims = with("aud", "\"*\""), .reason = WF_AUDIENCE},
        {.name = "azp is no audience", .claims = mint_change(GOOD, "aud", NULL, "azp",
                                                             "\"urn:mail\"", NULL),
         .reason = WF_AUDIENCE},
        {.name = "JWT is never unbound", .claims = with("aud", NULL), .unbound = true,
         .reason = WF_AUDIENCE},
    };

    check(rows, WF_ARRAY_LEN(rows));
}

static void test_clients(void **state)
{
    (void)state;
    const char *both = mint_change(GOOD, "azp", "\"app\"", "client_id", "\"app\"", NULL);
    const char *azp_bad = mint_change(GOOD, "azp", "\"evil\"", "client_id", "\"app\"", NULL);
    const char *id_bad = mint_change(GOOD, "azp", "\"app\"", "client_id", "\"evil\"", NULL);
    const char *wrong_aud = mint_change(GOOD, "azp", "\"app\"", "aud", "\"urn:web\"", NULL);
    const struct row rows[] = {
        {.name = "anybody", .claims = with("azp", "\"evil\"")},
        {.name = "azp", .claims = with("azp", "\"app\""), .clients = WORDS("app")},
        {.name = "client_id", .claims = with("client_id", "\"app\""), .clients = WORDS("app")},
        {.name = "both", .claims = both, .clients = WORDS("app")},
        {.name = "the second of two", .claims = both, .clients = WORDS("web", "app")},
        {.name = "neither", .claims = GOOD, .clients = WORDS("app"), .reason = WF_AUDIENCE,
         .why = "neither azp nor client_id"},
        {.name = "azp null", .claims = with("azp", "null"), .clients = WORDS("app"),
         .reason = WF_AUDIENCE},
        {.name = "azp another", .claims = with("azp", "\"evil\""), .clients = WORDS("app"),
         .reason = WF_AUDIENCE, .why = "azp \"evil\""},
        {.name = "azp empty", .claims = with("azp", "\"\""), .clients = WORDS("app"),
         .reason = WF_AUDIENCE},
        {.name = "azp in capitals", .claims = with("azp", "\"App\""), .clients = WORDS("app"),
         .reason = WF_AUDIENCE},
        {.name = "azp a beginning", .claims = with("azp", "\"ap\""), .clients = WORDS("app"),
         .reason = WF_AUDIENCE},
        {.name = "azp another, client_id ours", .claims = azp_bad, .clients = WORDS("app"),
         .reason = WF_AUDIENCE, .why = "azp"},
        {.name = "azp ours, client_id another", .claims = id_bad, .clients = WORDS("app"),
         .reason = WF_AUDIENCE, .why = "client_id \"evil\""},
        {.name = "client ours, audience not", .claims = wrong_aud, .clients = WORDS("app"),
         .reason = WF_AUDIENCE, .why = "aud does not have"},
        {.name = "JWT without aud", .claims = mint_change(both, "aud", NULL, NULL),
         .clients = WORDS("app"), .reason = WF_AUDIENCE, .why = "aud does not have"},
        {.name = "introspection without aud", .claims = mint_change(both, "aud", NULL, NULL),
         .clients = WORDS("app"), .source = WF_SOURCE_INTROSPECTION},
        {.name = "introspection without aud, no audience set", .no_audience = true,
         .claims = mint_change(both, "aud", NULL, NULL), .clients = WORDS("app"),
         .source = WF_SOURCE_INTROSPECTION},
        {.name = "introspection with another aud", .claims = wrong_aud, .clients = WORDS("app"),
         .source = WF_SOURCE_INTROSPECTION, .reason = WF_AUDIENCE},
        {.name = "introspection without aud, another client", .clients = WORDS("app"),
         .claims = mint_change(azp_bad, "aud", NULL, NULL), .source = WF_SOURCE_INTROSPECTION,
         .reason = WF_AUDIENCE, .why = "azp"},
        {.name = "introspection without aud and clients", .claims = with("aud", NULL),
         .source = WF_SOURCE_INTROSPECTION, .reason = WF_AUDIENCE},
        {.name = "introspection with aud", .claims = GOOD, .source = WF_SOURCE_INTROSPECTION},
    };

    check(rows, WF_ARRAY_LEN(rows));
}

static void test_unbound(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.name = "userinfo", .claims = GOOD, .source = WF_SOURCE_USERINFO, .reason = WF_AUDIENCE,
         .why = "accept_unbound"},
        {.name = "session", .claims = GOOD, .source = WF_SOURCE_SESSION, .reason = WF_AUDIENCE,
         .why = "accept_unbound"},
        {.name = "userinfo, accepted", .claims = with("aud", NULL), .source = WF_SOURCE_USERINFO,
         .unbound = true},
        {.name = "session, accepted", .claims = with("aud", NULL), .source = WF_SOURCE_SESSION,
         .unbound = true},
        {.name = "introspection is bound all the same", .claims = with("aud", NULL),
         .source = WF_SOURCE_INTROSPECTION, .unbound = true, .reason = WF_AUDIENCE},
    };

    check(rows, WF_ARRAY_LEN(rows));
}

static void test_scope(void **state)
{
    (void)state;
    const struct row rows[] = {
        {.name = "none asked, none there", .claims = GOOD},
        {.name = "one", .claims = with("scope", "\"mail\""), .scope = WORDS("mail")},
        {.name = "first", .claims = with("scope", "\"mail openid\""), .scope = WORDS("mail")},
        {.name = "last", .claims = with("scope", "\"openid mail\""), .scope = WORDS("mail")},
        {.name = "many blanks", .claims = with("scope", "\"  openid   mail  \""),
         .scope = WORDS("mail")},
        {.name = "a list", .claims = with("scope", "[\"openid\",\"mail\"]"),
         .scope = WORDS("mail")},
        {.name = "scp, a list", .claims = with("scp", "[\"mail\"]"), .scope = WORDS("mail")},
        {.name = "scp, a string", .claims = with("scp", "\"openid mail\""),
         .scope = WORDS("mail")},
        {.name = "two", .claims = with("scope", "\"a b c\""), .scope = WORDS("c", "a")},
        {.name = "one in each", .claims = mint_change(GOOD, "scope", "\"a\"", "scp", "[\"b\"]",
                                                      NULL),
         .scope = WORDS("a", "b")},
        {.name = "missing", .claims = GOOD, .scope = WORDS("mail"), .reason = WF_SCOPE,
         .why = "\"mail\""},
        {.name = "null", .claims = with("scope", "null"), .scope = WORDS("mail"),
         .reason = WF_SCOPE},
        {.name = "empty", .claims = with("scope", "\"\""), .scope = WORDS("mail"),
         .reason = WF_SCOPE},
        {.name = "blanks", .claims = with("scope", "\"   \""), .scope = WORDS("mail"),
         .reason = WF_SCOPE},
        {.name = "an empty list", .claims = with("scope", "[]"), .scope = WORDS("mail"),
         .reason = WF_SCOPE},
        {.name = "the second missing", .claims = with("scope", "\"a\""), .scope = WORDS("a", "b"),
         .reason = WF_SCOPE, .why = "\"b\""},
        {.name = "a part of a word", .claims = with("scope", "\"webmail mailbox\""),
         .scope = WORDS("mail"), .reason = WF_SCOPE},
        {.name = "in capitals", .claims = with("scope", "\"Mail\""), .scope = WORDS("mail"),
         .reason = WF_SCOPE},
        {.name = "a comma between", .claims = with("scope", "\"openid,mail\""),
         .scope = WORDS("mail"), .reason = WF_SCOPE},
        {.name = "a tab between", .claims = with("scope", "\"openid\\tmail\""),
         .scope = WORDS("mail"), .reason = WF_SCOPE},
        {.name = "two words in one element", .claims = with("scope", "[\"openid mail\"]"),
         .scope = WORDS("mail"), .reason = WF_SCOPE},
        {.name = "introspection, too", .claims = with("scope", "\"openid\""),
         .source = WF_SOURCE_INTROSPECTION, .scope = WORDS("mail"), .reason = WF_SCOPE},
        {.name = "userinfo, too", .claims = GOOD, .source = WF_SOURCE_USERINFO, .unbound = true,
         .scope = WORDS("mail"), .reason = WF_SCOPE},
    };

    check(rows, WF_ARRAY_LEN(rows));
}

/* Two faults: the first of the closed list counts. */
static void test_order(void **state)
{
    static const char *const faults[] = {"cnf", "{}",         "exp", "1", "nbf", "9999999999",
                                         "aud", "\"urn:web\""};
    static const enum wf_reason reasons[] = {WF_TYPE, WF_EXPIRED, WF_NOT_YET_VALID, WF_AUDIENCE};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(reasons); i++) {
        for (size_t k = i + 1; k < WF_ARRAY_LEN(reasons); k++) {
            const struct row row = {
                .name = mint_text("%s and %s", faults[2 * i], faults[2 * k]),
                .claims = mint_change(GOOD, faults[2 * i], faults[2 * i + 1], faults[2 * k],
                                      faults[2 * k + 1], NULL),
                .reason = reasons[i],
                .scope = WORDS("mail"),
            };
            check(&row, 1);
        }
    }
    const struct row rows[] = {
        {.name = "audience and scope", .claims = with("aud", "\"urn:web\""),
         .scope = WORDS("mail"), .reason = WF_AUDIENCE},
        {.name = "max_age and audience", .claims = with("aud", "\"urn:web\""),
         .max_age = MAX_AGE, .reason = WF_EXPIRED},
        {.name = "malformed and type", .claims = mint_change(GOOD, "cnf", "{}", "scp", "1", NULL),
         .reason = WF_MALFORMED},
    };
    check(rows, WF_ARRAY_LEN(rows));
}

static int done(void **state)
{
    (void)state;
    mint_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),    cmocka_unit_test(test_type),
        cmocka_unit_test(test_kind),     cmocka_unit_test(test_dates),
        cmocka_unit_test(test_max_age),
        cmocka_unit_test(test_audience), cmocka_unit_test(test_clients),
        cmocka_unit_test(test_unbound),  cmocka_unit_test(test_scope),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, done);
}
