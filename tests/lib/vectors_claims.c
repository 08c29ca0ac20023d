/* Vectors of claims, of several providers, and of two faults at once. */
#include "config.h"

#include "mint.h"
#include "vectors_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct change {
    const char *name;
    const char *service;
    const char *claim;
    const char *value; /* NULL: removed */
    const char *reason;
};

static void add_changes(const struct change *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add(rows[i].name, rows[i].service, rs256(HEADER, payload_with(rows[i].claim,
                                                                      rows[i].value)),
            rows[i].reason);
}

static void add_issuers(void)
{
    static const struct change rows[] = {
        {"iss missing", "imap", "iss", NULL, "issuer"},
        {"iss null", "imap", "iss", "null", "issuer"},
        {"iss empty", "imap", "iss", "\"\"", "issuer"},
        {"iss a number", "imap", "iss", "1", "malformed"},
        {"iss a list", "imap", "iss", "[\"" ISSUER "\"]", "malformed"},
        {"iss another", "imap", "iss", "\"https://evil.example\"", "issuer"},
        {"iss and a slash", "imap", "iss", "\"" ISSUER "/\"", "issuer"},
        {"iss in capitals", "imap", "iss", "\"https://SSO.example/realms/staff\"", "issuer"},
        {"iss a beginning", "imap", "iss", "\"https://sso.example/realms/staf\"", "issuer"},
        {"iss a longer one", "imap", "iss", "\"" ISSUER "x\"", "issuer"},
        {"iss with a port", "imap", "iss", "\"https://sso.example:443/realms/staff\"", "issuer"},
        {"iss by http", "imap", "iss", "\"http://sso.example/realms/staff\"", "issuer"},
        {"iss with an escape", "imap", "iss", "\"https://sso.example/realms%2fstaff\"", "issuer"},
        {"iss escaped in JSON", "imap", "iss", "\"https:\\/\\/sso.example/realms/staff\"",
         "accept"},
        {"iss another provider's", "imap", "iss", "\"" STRICT_ISSUER "\"", "issuer"},
    };

    add_changes(rows, COUNT(rows));
}

static void add_kinds(void)
{
    static const struct change rows[] = {
        {"type: claim Bearer", "imap", "typ", "\"Bearer\"", "accept"},
        {"type: claim ID", "imap", "typ", "\"ID\"", "type"},
        {"type: claim Refresh", "imap", "typ", "\"Refresh\"", "type"},
        {"type: claim Offline", "imap", "typ", "\"Offline\"", "type"},
        {"type: claim Logout", "imap", "typ", "\"Logout\"", "type"},
        {"type: token_use id", "imap", "token_use", "\"id\"", "type"},
        {"type: events", "imap", "events", "{}", "type"},
        {"type: cnf", "imap", "cnf", "{\"jkt\":\"AAAA\"}", "type"},
        {"type: cnf a string", "imap", "cnf", "\"AAAA\"", "malformed"},
    };
    static const struct {
        const char *typ;
        const char *reason;
    } typs[] = {{"at+JWT", "accept"},   {"application/at+jwt", "accept"}, {"jwt", "accept"},
                {"logout+jwt", "type"}, {"id_token+jwt", "type"},         {"", "type"},
                {"JWE", "type"},        {"secevent+jwt", "type"},         {"at+jwt2", "type"}};

    add_changes(rows, COUNT(rows));
    for (size_t i = 0; i < COUNT(typs); i++)
        add(mint_text("type: typ \"%s\"", typs[i].typ), "imap",
            rs256(header_with("typ", mint_text("\"%s\"", typs[i].typ)), payload()),
            typs[i].reason);
    add("type: ID token by at_hash", "imap",
        rs256(header_with("typ", "\"JWT\""), payload_with("at_hash", "\"AAAA\"")), "type");
    add("type: ID token by nonce", "imap",
        rs256(header_with("typ", NULL),
              mint_change(payload(), "nonce", "\"a\"", "scope", NULL, NULL)),
        "type");
}

void vectors_claims(void)
{
    static const struct change rows[] = {
        {"aud missing", "imap", "aud", NULL, "audience"},
        {"aud null", "imap", "aud", "null", "audience"},
        {"aud empty", "imap", "aud", "\"\"", "audience"},
        {"aud an empty list", "imap", "aud", "[]", "audience"},
        {"aud a list", "imap", "aud", "[\"urn:x\",\"urn:mail\"]", "accept"},
        {"aud a number", "imap", "aud", "1", "malformed"},
        {"aud a list with a number", "imap", "aud", "[\"urn:mail\",1]", "malformed"},
        {"aud another", "imap", "aud", "\"urn:web\"", "audience"},
        {"aud and a slash", "imap", "aud", "\"urn:mail/\"", "audience"},
        {"aud in capitals", "imap", "aud", "\"URN:MAIL\"", "audience"},
        {"aud a beginning", "imap", "aud", "\"urn:mai\"", "audience"},
        {"aud another service's", "imap", "aud", "\"urn:smtp\"", "audience"},
        {"aud, none configured", "other", "aud", "\"urn:mail\"", "audience"},
        {"aud missing, none configured", "other", "aud", NULL, "audience"},
        {"scope of two", "smtp", "scope", "\"send mail\"", "accept"},
        {"scope a list", "smtp", "scope", "[\"mail\",\"send\"]", "accept"},
        {"scope one missing", "smtp", "scope", "\"mail\"", "scope"},
        {"scope missing", "smtp", "scope", NULL, "scope"},
        {"scope empty", "smtp", "scope", "\"\"", "scope"},
        {"scope part of a word", "smtp", "scope", "\"mail sender\"", "scope"},
        {"scope in capitals", "smtp", "scope", "\"Mail Send\"", "scope"},
        {"scope with commas", "smtp", "scope", "\"mail,send\"", "scope"},
        {"scope a number", "smtp", "scope", "1", "malformed"},
        {"scp beside it", "smtp", "scp", "[\"send\"]", "accept"},
        {"name missing", "imap", "preferred_username", NULL, "identity"},
        {"name empty", "imap", "preferred_username", "\"\"", "identity"},
        {"name special", "imap", "preferred_username", "\"root\"", "identity"},
        {"name with a slash", "imap", "preferred_username", "\"../ann\"", "identity"},
        {"name with a newline", "imap", "preferred_username", "\"ann\\n\"", "identity"},
        {"name a list", "imap", "preferred_username", "[\"ann\"]", "identity"},
        {"sub a number", "imap", "sub", "4711", "malformed"},
        {"jti a number", "imap", "jti", "1", "malformed"},
        {"azp is not asked", "imap", "azp", "\"anybody\"", "accept"},
    };

    add_issuers();
    add_kinds();
    add_changes(rows, COUNT(rows));
}

/* Edges hold for one second only: what is judged later is over them. */
static void add_exact(const char *name, const char *service, const char *claim, int64_t from_now,
                      const char *reason)
{
    add(name, service, rs256(HEADER, payload_with(claim, seconds(from_now))), reason);
    made.list[made.count - 1].exact = true;
}

void vectors_dates(void)
{
    const struct change rows[] = {
        {"exp missing", "imap", "exp", NULL, "expired"},
        {"exp null", "imap", "exp", "null", "expired"},
        {"exp a string", "imap", "exp", mint_text("\"%s\"", seconds(300)), "malformed"},
        {"exp a list", "imap", "exp", "[1]", "malformed"},
        {"exp with a fraction", "imap", "exp", mint_text("%s.5", seconds(300)), "accept"},
        {"exp with an exponent", "imap", "exp", "4e9", "accept"},
        {"exp 0", "imap", "exp", "0", "expired"},
        {"exp negative", "imap", "exp", "-1", "expired"},
        {"exp in milliseconds", "imap", "exp", mint_text("%s000", seconds(-90)), "accept"},
        {"exp huge", "imap", "exp", "9007199254740992", "accept"},
        {"exp too huge", "imap", "exp", "9007199254740993", "malformed"},
        {"exp of 2^63", "imap", "exp", "9223372036854775807", "malformed"},
        {"exp an hour ago", "imap", "exp", seconds(-3600), "expired"},
        {"nbf in an hour", "imap", "nbf", seconds(3600), "not-yet-valid"},
        {"nbf a string", "imap", "nbf", "\"1\"", "malformed"},
        {"nbf long ago", "imap", "nbf", "1", "accept"},
        {"iat in an hour", "imap", "iat", seconds(3600), "not-yet-valid"},
        {"iat missing", "imap", "iat", NULL, "accept"},
        {"iat true", "imap", "iat", "true", "malformed"},
        {"auth_time missing", "sudo", "auth_time", NULL, "expired"},
        {"auth_time recent", "sudo", "auth_time", seconds(-100), "accept"},
        {"auth_time an hour ago", "sudo", "auth_time", seconds(-3600), "expired"},
        {"auth_time in an hour", "sudo", "auth_time", seconds(3600), "not-yet-valid"},
        {"auth_time a string", "sudo", "auth_time", "\"1\"", "malformed"},
        {"auth_time in an hour, nobody asks", "imap", "auth_time", seconds(3600), "accept"},
    };

    add_changes(rows, COUNT(rows));
    add_exact("exp at the leeway", "imap", "exp", -60, "expired");
    add_exact("exp a second within", "imap", "exp", -59, "accept");
    add_exact("nbf at the leeway", "imap", "nbf", 60, "accept");
    add_exact("nbf a second beyond", "imap", "nbf", 61, "not-yet-valid");
    add_exact("iat at the leeway", "imap", "iat", 60, "accept");
    add_exact("iat a second beyond", "imap", "iat", 61, "not-yet-valid");
    add_exact("auth_time at max_age", "sudo", "auth_time", -960, "expired");
    add_exact("auth_time a second within", "sudo", "auth_time", -959, "accept");
    add_exact("auth_time at the leeway", "sudo", "auth_time", 60, "accept");
    add_exact("auth_time a second beyond", "sudo", "auth_time", 61, "not-yet-valid");
}

static const char *strict(const char *kid, enum mint_key key, const char *claims)
{
    return mint_token("ES256", key, mint_text("{\"alg\":\"ES256\",\"kid\":\"%s\"}", kid), claims);
}

void vectors_several(void)
{
    const char *claims =
        mint_change(payload(), "iss", "\"" STRICT_ISSUER "\"", "client_id", "\"app\"", NULL);
    const char *late = mint_change(claims, "exp", seconds(0), NULL);
    const char *azp = mint_change(claims, "client_id", NULL, "azp", "\"other\"", NULL);
    const struct {
        const char *name;
        const char *token;
        const char *reason;
    } rows[] = {
        {"the first's", rs256(HEADER, payload()), "accept"},
        {"the second's", strict("p256", MINT_P256_OTHER, claims), "accept"},
        {"the first's key under the second's name", strict("p256", MINT_P256, claims),
         "signature"},
        {"the second's key under the first's name", strict("p256", MINT_P256_OTHER, payload()),
         "signature"},
        {"an algorithm that the second does not allow", rs256(HEADER, claims), "algorithm"},
        {"no client", strict("p256", MINT_P256_OTHER, mint_change(claims, "client_id", NULL, NULL)),
         "audience"},
        {"another client",
         strict("p256", MINT_P256_OTHER, mint_change(claims, "client_id", "\"evil\"", NULL)),
         "audience"},
        {"azp", strict("p256", MINT_P256_OTHER, azp), "accept"},
        {"azp another, client_id ours",
         strict("p256", MINT_P256_OTHER, mint_change(claims, "azp", "\"evil\"", NULL)),
         "audience"},
        {"the second's leeway is 0", strict("p256", MINT_P256_OTHER, late), "expired"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        add(mint_text("several: %s", rows[i].name), "ldap", rows[i].token, rows[i].reason);
}

/* Each has a fault and the next one of the closed list: the first counts. */
void vectors_order(void)
{
    const char *evil = payload_with("iss", "\"https://evil.example\"");
    const char *input = mint_input(HEADER, payload_with("cnf", "{}"));
    static const struct {
        const char *name;
        const char *first, *first_value;
        const char *second, *second_value;
        const char *reason;
    } pairs[] = {
        {"type, expired", "cnf", "{}", "exp", "1", "type"},
        {"type, audience", "cnf", "{}", "aud", NULL, "type"},
        {"expired, not yet valid", "exp", "1", "nbf", "9999999999", "expired"},
        {"expired, audience", "exp", "1", "aud", NULL, "expired"},
        {"not yet valid, audience", "nbf", "9999999999", "aud", NULL, "not-yet-valid"},
        {"not yet valid, scope", "nbf", "9999999999", "scope", NULL, "not-yet-valid"},
        {"audience, scope", "aud", "\"urn:web\"", "scope", NULL, "audience"},
        {"audience, identity", "aud", NULL, "preferred_username", NULL, "audience"},
        {"scope, identity", "scope", "\"openid\"", "preferred_username", NULL, "scope"},
    };

    add("order: too large, malformed", "imap", mint_repeat("", "=", 9000, ""), "too-large");
    add("order: malformed, algorithm", "imap", rs256(header_with("alg", "\"none\""), "[]"),
        "malformed");
    add("order: a claim's type, algorithm", "imap",
        rs256(header_with("alg", "\"none\""), payload_with("exp", "\"1\"")), "malformed");
    add("order: algorithm, issuer", "imap", rs256(header_with("alg", "\"none\""), evil),
        "algorithm");
    add("order: issuer, key", "imap", rs256(header_with("kid", "\"nobody\""), evil), "issuer");
    add("order: issuer, signature", "imap", mint_join(mint_input(HEADER, evil),
                                                      mint_copy("\1\2\3", 3)),
        "issuer");
    add("order: key, signature", "imap",
        mint_join(mint_input(header_with("kid", "\"nobody\""), payload()), mint_copy("\1\2\3", 3)),
        "key");
    add("order: signature, type", "imap", mint_join(input, mint_copy("\1\2\3", 3)), "signature");
    for (size_t i = 0; i < COUNT(pairs); i++)
        add(mint_text("order: %s", pairs[i].name), "smtp",
            rs256(HEADER, mint_change(payload(), pairs[i].first, pairs[i].first_value,
                                      pairs[i].second, pairs[i].second_value, NULL)),
            pairs[i].reason);
}
