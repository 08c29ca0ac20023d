/*
 * The table of keys: name, where it may stand, kind, range, default and where the value goes. The
 * manual page wfauth.conf.5 says the same in words; tests/unit/test_conf_man.c compares them.
 */
#ifndef WF_CONF_KEYS_H
#define WF_CONF_KEYS_H

#include <stdbool.h>

#include "conf_value.h"

enum wf_conf_key_id {
    WF_KEY_TYPE,
    WF_KEY_URL,
    WF_KEY_CLIENT_ID,
    WF_KEY_CLIENT_SECRET_FILE,
    WF_KEY_REDIRECT_URI,
    WF_KEY_API_VERSION,
    WF_KEY_SCOPE,
    WF_KEY_CA_FILE,
    WF_KEY_PROXY,
    WF_KEY_TIMEOUT,
    WF_KEY_REFRESH_SKEW,
    WF_KEY_REFRESH_ABSOLUTE,
    WF_KEY_REFRESH_INACTIVITY,
    WF_KEY_ALLOW_HTTP_LOOPBACK,
    WF_KEY_HELPER_USER,
    WF_KEY_JWKS_FILE,
    WF_KEY_ALGORITHMS,
    WF_KEY_LEEWAY,
    WF_KEY_STALE_KEYS,
    WF_KEY_ALLOWED_CLIENTS,
    WF_KEY_TOKEN_PATTERN,
    WF_KEY_INTROSPECTION,
    WF_KEY_USERINFO,
    WF_KEY_CLIENT_AUTH,
    WF_KEY_PRIVATE_KEY_FILE,
    WF_KEY_CUSTOMER_ID,
    WF_KEY_USER_ID,
    WF_KEY_GRANT,
    WF_KEY_ASSERTION_ISSUER,
    WF_KEY_ASSERTION_SUBJECT,
    WF_KEY_ASSERTION_AUDIENCE,
    WF_KEY_ASSERTION_ALGORITHM,
    WF_KEY_CACHE_DIR,
    WF_KEY_USERNAME,
    WF_KEY_STRIP_DOMAIN,
    WF_KEY_USERNAME_REGEX,
    WF_KEY_MAP_FILE,
    WF_KEY_PROVIDER,
    WF_KEY_FLOW,
    WF_KEY_AUDIENCE,
    WF_KEY_REQUIRED_SCOPE,
    WF_KEY_MAX_AGE,
    WF_KEY_ACCOUNT_CHECK,
    WF_KEY_GRACE,
    WF_KEY_TOKEN_EXPORT,
    WF_KEY_ACCEPT_UNBOUND,
    WF_KEY_MAX_TOKEN,
    WF_KEY_QR,
    WF_KEY_MIN_UID,
    WF_KEY_MAX_UID,
    WF_KEY_ALLOW_USERS,
    WF_KEY_DENY_USERS,
    WF_KEY_REQUIRE,
    WF_KEY_REQUIRE_NAME,
    WF_KEY_HOST,
    WF_KEY_PORT,
    WF_KEY_CLIENT,
    WF_KEY_CLIENT_MARKERS,
    WF_KEY_CLIENT_AUTHZID,
    WF_KEY_CLIENT_HOST,
};
#define WF_CONF_KEY_COUNT (WF_KEY_CLIENT_HOST + 1)

enum wf_conf_section_kind {
    WF_CONF_PROVIDER,
    WF_CONF_SERVICE,
};

/* Which struct of conf.h holds the value. A naming key may stand in both kinds of section. */
enum wf_conf_owner {
    WF_CONF_OF_PROVIDER, /* struct wf_provider_conf */
    WF_CONF_OF_NAMING,   /* struct wf_naming */
    WF_CONF_OF_POLICY,   /* struct wf_policy */
};

/* The types of provider for which a key means something: in the section of another type it is
 * refused, so that nobody relies on a check that is never made. */
enum wf_conf_only {
    WF_CONF_FOR_ALL,
    WF_CONF_FOR_WORKFRONT,
    WF_CONF_FOR_OIDC,
};

enum wf_conf_store {
    WF_CONF_STORE_NOTHING,
    WF_CONF_STORE_TEXT,
    WF_CONF_STORE_UNSIGNED, /* unsigned, uint32_t, enums, sets of bits */
    WF_CONF_STORE_BOOL,
    WF_CONF_STORE_WORDS,
};

struct wf_conf_key {
    const char *name;
    enum wf_conf_owner owner;
    wf_conf_kind *kind;
    struct wf_conf_range range;
    const char *standard;      /* the default, as one would write it; NULL: none */
    const char *standard_oidc; /* that of an OIDC provider; NULL: the same */
    const char *expected;      /* completes "expected …" */
    enum wf_conf_only only;
    wf_conf_fit *fits_workfront; /* what words must be where Workfront is asked; NULL: any */
    bool required;               /* always; what depends on other keys, conf_resolve.c and
                                  * conf_flow.c know */
    bool hidden; /* a secret may stand here by mistake: a refused value is not shown */
    enum wf_conf_store store;
    size_t offset; /* in the owner's struct */
};

/* The key's row; id below WF_CONF_KEY_COUNT. */
const struct wf_conf_key *wf_conf_key(enum wf_conf_key_id id);

/* True, and its id, if there is a key of this name. */
bool wf_conf_key_find(const char *name, enum wf_conf_key_id *ret);

/* True if the key may stand in sections of this kind. */
bool wf_conf_key_fits(const struct wf_conf_key *key, enum wf_conf_section_kind kind);

/* Note that this text was found and what was expected. The text is not shown where it may be or
 * hold a secret. */
void wf_conf_refuse(struct wf_conf_mistakes *mistakes, struct wf_conf_place place,
                    const struct wf_conf_key *key, const char *text);

/* True if the key means something for providers of this type. */
bool wf_conf_key_is_for(const struct wf_conf_key *key, enum wf_provider_type type);

/* The name of the key that most resembles name among those of this kind of section; NULL if none
 * is near. */
const char *wf_conf_key_nearest(const char *name, enum wf_conf_section_kind kind);

/* Write a good value to its place in the owner's struct. */
void wf_conf_key_store(const struct wf_conf_key *key, const struct wf_conf_value *value,
                       void *owner);

#endif
