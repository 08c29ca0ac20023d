#include "config.h"

#include "conf_keys.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
#define IN(owner, member) .offset = offsetof(struct owner, member)
#define ABSOLUTE_PATH "an absolute path"
#define HTTP_LOOPBACK " (http:// only to loopback and with allow_http_loopback = yes)"
#define RULES "CLAIM:VALUE with a claim of " WF_CONF_RULE_CLAIMS \
    " (any with type = oidc; display names, " WF_CONF_DISPLAY_CLAIMS ", stand in require_name alone)"
#define REGEX "a POSIX extended regular expression of printable ASCII"
#define REPETITION "little repetition (the product of all {counts} plus one, a + being 2, is at " \
    "most 1000)"
#define PLAIN "printable ASCII without blanks"
#define DAY 86400
#define ALGORITHMS "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"

static const struct wf_conf_key keys[] = {
    [WF_KEY_TYPE] = {
        .name = "type", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_choice, .range = {.choices = "workfront|oidc"}, .required = true,
        .expected = "workfront or oidc",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_provider_conf, type)},
    [WF_KEY_URL] = {
        .name = "url", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_url, .required = true,
        .expected = "https://HOST or https://HOST:PORT, with type = oidc the issuer, which may have "
                    "a path, without query and fragment" HTTP_LOOPBACK,
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, url)},
    [WF_KEY_CLIENT_ID] = {
        .name = "client_id", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_token, .range = {.max = 128},
        .expected = "the application's client ID, 1 to 128 bytes of printable ASCII without blanks",
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, client_id)},
    [WF_KEY_CLIENT_SECRET_FILE] = {
        .name = "client_secret_file", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_path, .hidden = true,
        .expected = ABSOLUTE_PATH " of a file that holds the client secret",
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, client_secret_file)},
    [WF_KEY_REDIRECT_URI] = {
        .name = "redirect_uri", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_url,
        .expected = "a redirect URL of the application, https:// and without fragment"
                    HTTP_LOOPBACK,
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, redirect_uri)},
    [WF_KEY_API_VERSION] = {
        .name = "api_version", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_version, .standard = "v20.0", .only = WF_CONF_FOR_WORKFRONT,
        .expected = "a version of Workfront's API, such as v20.0",
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, api_version)},
    [WF_KEY_SCOPE] = {
        .name = "scope", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_scope,
        .expected = "words of printable ASCII without \" and \\, one blank between them",
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, scope)},
    [WF_KEY_CA_FILE] = {
        .name = "ca_file", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_path,
        .expected = ABSOLUTE_PATH " of a file of PEM certificates",
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, ca_file)},
    [WF_KEY_PROXY] = {
        .name = "proxy", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_proxy,
        .expected = "http://HOST:PORT and nothing else",
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, proxy)},
    [WF_KEY_TIMEOUT] = {
        .name = "timeout", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_duration, .range = {.min = 1, .max = 60}, .standard = "10s",
        .expected = "1s to 60s",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_provider_conf, timeout)},
    [WF_KEY_REFRESH_SKEW] = {
        .name = "refresh_skew", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_duration, .range = {.max = 3600}, .standard = "60s",
        .expected = "0s to 3600s",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_provider_conf, refresh_skew)},
    [WF_KEY_REFRESH_ABSOLUTE] = {
        .name = "refresh_absolute", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_duration, .range = {.min = 1, .max = 3650 * DAY},
        .expected = "1s to 3650d, as the application has it",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_provider_conf, refresh_absolute)},
    [WF_KEY_REFRESH_INACTIVITY] = {
        .name = "refresh_inactivity", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_duration, .range = {.min = 1, .max = 3650 * DAY},
        .expected = "1s to 3650d, as the application has it",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_provider_conf, refresh_inactivity)},
    [WF_KEY_ALLOW_HTTP_LOOPBACK] = {
        .name = "allow_http_loopback", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_choice, .range = {.choices = "no|yes"}, .standard = "no",
        .expected = "yes or no",
        .store = WF_CONF_STORE_BOOL, IN(wf_provider_conf, allow_http_loopback)},
    [WF_KEY_HELPER_USER] = {
        .name = "helper_user", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_user, .standard = WF_HELPER_USER,
        .expected = "a local user name, such as " WF_HELPER_USER,
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, helper_user)},
    [WF_KEY_JWKS_FILE] = {
        .name = "jwks_file", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_path, .only = WF_CONF_FOR_OIDC,
        .expected = ABSOLUTE_PATH " of a file that holds the provider's public keys",
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, jwks_file)},
    [WF_KEY_ALGORITHMS] = {
        .name = "algorithms", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_algorithms, .standard = ALGORITHMS, .only = WF_CONF_FOR_OIDC,
        .expected = "a list of " ALGORITHMS " (HMAC, such as HS256, and none are never accepted: "
                    "whoever can check such a token can forge it)",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_provider_conf, algorithms)},
    [WF_KEY_LEEWAY] = {
        .name = "leeway", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_duration,
        .range = {.max = 300}, .standard = "60s", .only = WF_CONF_FOR_OIDC,
        .expected = "0s to 300s",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_provider_conf, leeway)},
    [WF_KEY_STALE_KEYS] = {
        .name = "stale_keys", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_duration,
        .range = {.max = 7 * DAY}, .standard = "1h", .only = WF_CONF_FOR_OIDC,
        .expected = "0s to 7d",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_provider_conf, stale_keys)},
    [WF_KEY_ALLOWED_CLIENTS] = {
        .name = "allowed_clients", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_word_list, .only = WF_CONF_FOR_OIDC,
        .expected = "a list of client IDs of printable ASCII without blanks",
        .store = WF_CONF_STORE_WORDS, IN(wf_provider_conf, allowed_clients)},
    [WF_KEY_TOKEN_PATTERN] = {
        .name = "token_pattern", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_pattern,
        .expected = REGEX ", no back-reference, and " REPETITION,
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, token_pattern)},
    [WF_KEY_INTROSPECTION] = {
        .name = "introspection", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_choice,
        .range = {.choices = "no|yes"}, .standard = "no", .only = WF_CONF_FOR_OIDC,
        .expected = "yes or no",
        .store = WF_CONF_STORE_BOOL, IN(wf_provider_conf, introspection)},
    [WF_KEY_USERINFO] = {
        .name = "userinfo", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_choice,
        .range = {.choices = "no|yes"}, .standard = "no", .only = WF_CONF_FOR_OIDC,
        .expected = "yes or no",
        .store = WF_CONF_STORE_BOOL, IN(wf_provider_conf, userinfo)},
    [WF_KEY_CLIENT_AUTH] = {
        .name = "client_auth", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_choice,
        .range = {.choices = "basic|body|private_key_jwt"}, .standard = "basic",
        .only = WF_CONF_FOR_OIDC, .expected = "basic, body or private_key_jwt",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_provider_conf, client_auth)},
    [WF_KEY_PRIVATE_KEY_FILE] = {
        .name = "private_key_file", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_path, .hidden = true,
        .expected = ABSOLUTE_PATH " of a file that holds the private key in PEM",
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, private_key_file)},
    [WF_KEY_CUSTOMER_ID] = {
        .name = "customer_id", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_token, .range = {.max = 128}, .only = WF_CONF_FOR_WORKFRONT,
        .expected = "the organisation's Customer ID, 1 to 128 bytes of " PLAIN,
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, customer_id)},
    [WF_KEY_USER_ID] = {
        .name = "user_id", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_token, .range = {.max = 128}, .only = WF_CONF_FOR_WORKFRONT,
        .expected = "the ID of the user as whom this host acts, 1 to 128 bytes of " PLAIN,
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, user_id)},
    [WF_KEY_GRANT] = {
        .name = "grant", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_choice,
        .range = {.choices = "none|jwt_bearer"}, .standard = "none", .only = WF_CONF_FOR_OIDC,
        .expected = "none or jwt_bearer",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_provider_conf, grant)},
    [WF_KEY_ASSERTION_ISSUER] = {
        .name = "assertion_issuer", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_token, .range = {.max = 160}, .only = WF_CONF_FOR_OIDC,
        .expected = "who asserts (iss), 1 to 160 bytes of " PLAIN,
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, assertion_issuer)},
    [WF_KEY_ASSERTION_SUBJECT] = {
        .name = "assertion_subject", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_token, .range = {.max = 160}, .only = WF_CONF_FOR_OIDC,
        .expected = "as whom this host acts (sub), 1 to 160 bytes of " PLAIN,
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, assertion_subject)},
    [WF_KEY_ASSERTION_AUDIENCE] = {
        .name = "assertion_audience", .owner = WF_CONF_OF_PROVIDER,
        .kind = wf_conf_token, .range = {.max = 160}, .only = WF_CONF_FOR_OIDC,
        .expected = "whom the provider takes itself for (aud), 1 to 160 bytes of " PLAIN,
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, assertion_audience)},
    [WF_KEY_ASSERTION_ALGORITHM] = {
        .name = "assertion_algorithm", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_choice,
        .range = {.choices = "RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA"},
        .only = WF_CONF_FOR_OIDC, .expected = "one of " ALGORITHMS,
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, assertion_algorithm)},
    [WF_KEY_CACHE_DIR] = {
        .name = "cache_dir", .owner = WF_CONF_OF_PROVIDER, .kind = wf_conf_path,
        .expected = ABSOLUTE_PATH " of a directory",
        .store = WF_CONF_STORE_TEXT, IN(wf_provider_conf, cache_dir)},

    [WF_KEY_USERNAME] = {
        .name = "username", .owner = WF_CONF_OF_NAMING,
        .kind = wf_conf_word_list, .fits_workfront = wf_conf_is_name_claim,
        .standard = "username, emailAddr", .standard_oidc = "preferred_username",
        .expected = "a list of claims of " WF_CONF_NAME_CLAIMS " (any with type = oidc)",
        .store = WF_CONF_STORE_WORDS, IN(wf_naming, username)},
    [WF_KEY_STRIP_DOMAIN] = {
        .name = "strip_domain", .owner = WF_CONF_OF_NAMING, .kind = wf_conf_domain,
        .expected = "a domain without @, such as acme.example",
        .store = WF_CONF_STORE_TEXT, IN(wf_naming, strip_domain)},
    [WF_KEY_USERNAME_REGEX] = {
        .name = "username_regex", .owner = WF_CONF_OF_NAMING, .kind = wf_conf_regex,
        .expected = REGEX " with at most one (group), no back-reference, and " REPETITION,
        .store = WF_CONF_STORE_TEXT, IN(wf_naming, username_regex)},
    [WF_KEY_MAP_FILE] = {
        .name = "map_file", .owner = WF_CONF_OF_NAMING, .kind = wf_conf_path,
        .expected = ABSOLUTE_PATH " of a map file",
        .store = WF_CONF_STORE_TEXT, IN(wf_naming, map_file)},

    [WF_KEY_PROVIDER] = {
        .name = "provider", .owner = WF_CONF_OF_POLICY, .kind = wf_conf_providers,
        .expected = "names of [provider NAME] sections, each once",
        .store = WF_CONF_STORE_NOTHING},
    [WF_KEY_FLOW] = {
        .name = "flow", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_choice, .range = {.choices = "code|token|refresh, code"},
        .standard = "code",
        .expected = "code, token, or \"refresh, code\" (silently from the session that is kept, "
                    "where the host has proven the person, else by code)",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, flow)},
    [WF_KEY_AUDIENCE] = {
        .name = "audience", .owner = WF_CONF_OF_POLICY, .kind = wf_conf_word_list,
        .expected = "a list of audiences of printable ASCII without blanks",
        .store = WF_CONF_STORE_WORDS, IN(wf_policy, audience)},
    [WF_KEY_REQUIRED_SCOPE] = {
        .name = "required_scope", .owner = WF_CONF_OF_POLICY, .kind = wf_conf_scope_list,
        .expected = "a list of scopes, with commas between them, of printable ASCII without "
                    "blanks, \" and \\",
        .store = WF_CONF_STORE_WORDS, IN(wf_policy, required_scope)},
    [WF_KEY_MAX_AGE] = {
        .name = "max_age", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_duration, .range = {.min = 1, .max = 3650 * DAY},
        .expected = "1s to 3650d",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, max_age)},
    [WF_KEY_ACCOUNT_CHECK] = {
        .name = "account_check", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_choice, .range = {.choices = "no|known|yes"}, .standard = "no",
        .expected = "no, known or yes",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, account_check)},
    [WF_KEY_GRACE] = {
        .name = "grace", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_duration, .range = {.min = 1, .max = 7 * DAY},
        .expected = "1s to 7d",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, grace)},
    [WF_KEY_TOKEN_EXPORT] = {
        .name = "token_export", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_choice, .range = {.choices = "no|yes"}, .standard = "no",
        .expected = "yes or no",
        .store = WF_CONF_STORE_BOOL, IN(wf_policy, token_export)},
    [WF_KEY_ACCEPT_UNBOUND] = {
        .name = "accept_unbound", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_choice, .range = {.choices = "no|yes"}, .standard = "no",
        .expected = "yes or no",
        .store = WF_CONF_STORE_BOOL, IN(wf_policy, accept_unbound)},
    [WF_KEY_MAX_TOKEN] = {
        .name = "max_token", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_number, .range = {.min = 256, .max = 65536}, .standard = "16384",
        .expected = "a number of bytes, 256 to 65536",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, max_token)},
    [WF_KEY_QR] = {
        .name = "qr", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_choice, .range = {.choices = "auto|no|utf8|ascii"}, .standard = "auto",
        .expected = "auto, no, utf8 or ascii",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, qr)},
    [WF_KEY_MIN_UID] = {
        .name = "min_uid", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_number, .range = {.max = 4294967294}, .standard = "1000",
        .expected = "a user id, 0 to 4294967294",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, min_uid)},
    [WF_KEY_MAX_UID] = {
        .name = "max_uid", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_number, .range = {.max = 4294967294}, .standard = "60000",
        .expected = "a user id, 0 to 4294967294",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, max_uid)},
    [WF_KEY_ALLOW_USERS] = {
        .name = "allow_users", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_users, .fits_workfront = wf_conf_is_user_or_rule,
        .expected = "a list of local user names or " RULES,
        .store = WF_CONF_STORE_WORDS, IN(wf_policy, allow_users)},
    [WF_KEY_DENY_USERS] = {
        .name = "deny_users", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_users, .fits_workfront = wf_conf_is_user_or_rule,
        .expected = "a list of local user names or " RULES,
        .store = WF_CONF_STORE_WORDS, IN(wf_policy, deny_users)},
    [WF_KEY_REQUIRE] = {
        .name = "require", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_rules, .fits_workfront = wf_conf_is_rule,
        .expected = "a list of " RULES,
        .store = WF_CONF_STORE_WORDS, IN(wf_policy, require)},
    [WF_KEY_REQUIRE_NAME] = {
        .name = "require_name", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_display_rules, .fits_workfront = wf_conf_is_display_rule,
        .expected = "a list of CLAIM:VALUE with a claim of " WF_CONF_DISPLAY_CLAIMS
                    " (any with type = oidc)",
        .store = WF_CONF_STORE_WORDS, IN(wf_policy, require_name)},

    [WF_KEY_HOST] = {
        .name = "host", .owner = WF_CONF_OF_POLICY, .kind = wf_conf_domain,
        .expected = "the host name by which clients know this server, such as imap.acme.example",
        .store = WF_CONF_STORE_TEXT, IN(wf_policy, host)},
    [WF_KEY_PORT] = {
        .name = "port", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_number, .range = {.min = 1, .max = 65535},
        .expected = "a port, 1 to 65535",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, port)},
    [WF_KEY_CLIENT] = {
        .name = "client", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_choice, .range = {.choices = "no|yes"}, .standard = "yes",
        .expected = "yes or no",
        .store = WF_CONF_STORE_BOOL, IN(wf_policy, client.enabled)},
    [WF_KEY_CLIENT_MARKERS] = {
        .name = "client_markers", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_choice, .range = {.choices = "no|file|provider|both"}, .standard = "no",
        .expected = "no, file, provider or both",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, client.markers)},
    [WF_KEY_CLIENT_AUTHZID] = {
        .name = "client_authzid", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_choice, .range = {.choices = "auto|always|no"}, .standard = "auto",
        .expected = "auto, always or no",
        .store = WF_CONF_STORE_UNSIGNED, IN(wf_policy, client.authzid)},
    [WF_KEY_CLIENT_HOST] = {
        .name = "client_host", .owner = WF_CONF_OF_POLICY,
        .kind = wf_conf_choice, .range = {.choices = "no|yes"}, .standard = "yes",
        .expected = "yes or no",
        .store = WF_CONF_STORE_BOOL, IN(wf_policy, client.host)},
};
/* clang-format on */
_Static_assert(WF_ARRAY_LEN(keys) == WF_CONF_KEY_COUNT, "every key has its row");
_Static_assert(sizeof(enum wf_qr) == sizeof(unsigned) && sizeof(enum wf_flow) == sizeof(unsigned) &&
                   sizeof(enum wf_provider_type) == sizeof(unsigned) &&
                   sizeof(enum wf_client_auth) == sizeof(unsigned) &&
                   sizeof(enum wf_markers) == sizeof(unsigned) &&
                   sizeof(enum wf_authzid) == sizeof(unsigned) &&
                   sizeof(enum wf_grant_kind) == sizeof(unsigned) &&
                   sizeof(enum wf_account_check) == sizeof(unsigned) &&
                   sizeof(uint32_t) == sizeof(unsigned),
               "WF_CONF_STORE_UNSIGNED fits them all");

const struct wf_conf_key *wf_conf_key(enum wf_conf_key_id id)
{
    return &keys[id];
}

bool wf_conf_key_find(const char *name, enum wf_conf_key_id *ret)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++) {
        if (strcmp(keys[i].name, name) == 0) {
            *ret = (enum wf_conf_key_id)i;
            return true;
        }
    }
    return false;
}

bool wf_conf_key_fits(const struct wf_conf_key *key, enum wf_conf_section_kind kind)
{
    return key->owner == WF_CONF_OF_NAMING ||
           (key->owner == WF_CONF_OF_PROVIDER) == (kind == WF_CONF_PROVIDER);
}

bool wf_conf_key_is_for(const struct wf_conf_key *key, enum wf_provider_type type)
{
    switch (key->only) {
    case WF_CONF_FOR_ALL:
        return true;
    case WF_CONF_FOR_WORKFRONT:
        return type == WF_PROVIDER_WORKFRONT;
    case WF_CONF_FOR_OIDC:
        return type == WF_PROVIDER_OIDC;
    }
    return false;
}

void wf_conf_refuse(struct wf_conf_mistakes *mistakes, struct wf_conf_place place,
                    const struct wf_conf_key *key, const char *text)
{
    bool address_of_somebody = strstr(text, "://") != NULL && strchr(text, '@') != NULL;

    if (text[0] != '\0' && (key->hidden || address_of_somebody))
        wf_conf_mistake(mistakes, place, "found something else (not shown here), expected %s",
                        key->expected);
    else
        wf_conf_mistake(mistakes, place, "found \"%.100s\", expected %s", text, key->expected);
}

/* Longer names are no key's neighbour: the longest key has 19 bytes. */
#define NAME_MAX_BYTES 24

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* How many bytes must be added, dropped or replaced to make b of a (Levenshtein). Both at most
 * NAME_MAX_BYTES long. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_BYTES + 1];
    size_t width = strlen(b);

    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t above = row[j + 1];
            row[j + 1] = least(above + 1, row[j] + 1, corner + (a[i] == b[j] ? 0 : 1));
            corner = above;
        }
    }
    return row[width];
}

const char *wf_conf_key_nearest(const char *name, enum wf_conf_section_kind kind)
{
    const char *nearest = NULL;
    size_t len = strlen(name);
    /* One slip in three bytes still looks like the word that was meant */
    size_t best = len / 3 + 1;

    if (len < 2 || len > NAME_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < WF_ARRAY_LEN(keys); i++) {
        if (!wf_conf_key_fits(&keys[i], kind))
            continue;
        /* "client_secret" means client_secret_file, however far that is in bytes */
        size_t far =
            len > 4 && strncmp(keys[i].name, name, len) == 0 ? 0 : distance(name, keys[i].name);
        if (far < best) {
            best = far;
            nearest = keys[i].name;
        }
    }
    return nearest;
}

void wf_conf_key_store(const struct wf_conf_key *key, const struct wf_conf_value *value,
                       void *owner)
{
    char *place = (char *)owner + key->offset;
    const char *text = value->text;
    unsigned number = (unsigned)value->number;
    bool yes = value->number != 0;

    switch (key->store) {
    case WF_CONF_STORE_NOTHING:
        break;
    case WF_CONF_STORE_TEXT:
        memcpy(place, &text, sizeof(text));
        break;
    case WF_CONF_STORE_UNSIGNED:
        memcpy(place, &number, sizeof(number));
        break;
    case WF_CONF_STORE_BOOL:
        memcpy(place, &yes, sizeof(yes));
        break;
    case WF_CONF_STORE_WORDS:
        memcpy(place, &value->words, sizeof(value->words));
        break;
    }
}
