/*
 * The configuration: /etc/wfauth/wfauth.conf to immutable structs.
 *
 * Immutable after loading, so threads share it without a lock. Every mistake is found in one
 * reading and reported as FILE:LINE: section, key, what was found and what was expected.
 * wfauth.conf.5 is the manual; the table of keys in conf_keys.c is its source of truth and a test
 * compares the two.
 */
#ifndef WF_CONF_H
#define WF_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "marker.h"
#include "err.h"
#include "secret.h"
#include "text.h"

/* Whole file: a hundred providers and services fit. */
#define WF_CONF_FILE_MAX ((size_t)256 * 1024)
/* One line: Debian's libinih cuts lines at 198 bytes, so longer ones are refused before it sees
 * them. */
#define WF_CONF_LINE_MAX 190
/* One section name, "provider acme" included: libinih cuts at 49. */
#define WF_CONF_SECTION_MAX 48
/* A private key in PEM: RSA of 8192 bits, the longest in use, has 6.5 KB. */
#define WF_CONF_PRIVATE_KEY_MAX 16384
/* Mistakes that are listed one by one; further ones are counted. */
#define WF_CONF_MISTAKES_MAX 20

enum wf_provider_type {
    WF_PROVIDER_WORKFRONT,
    WF_PROVIDER_OIDC, /* any OpenID Connect provider */
};
#define WF_PROVIDER_TYPE_COUNT (WF_PROVIDER_OIDC + 1)

/* How we say who we are to a provider's own endpoints (RFC 6749 §2.3.1, RFC 7523 §2.2). */
enum wf_client_auth {
    WF_CLIENT_AUTH_BASIC, /* client_secret_basic */
    WF_CLIENT_AUTH_BODY,  /* client_secret_post */
    WF_CLIENT_AUTH_PRIVATE_KEY_JWT,
};

/* How this host gets an access token of its own from an OIDC provider, with nobody present. */
enum wf_grant_kind {
    WF_GRANT_NONE,
    WF_GRANT_JWT_BEARER, /* RFC 7523 §2.1 */
};

/* How a person may sign in at a service. */
enum wf_flow {
    WF_FLOW_CODE,         /* authorization code, pasted */
    WF_FLOW_TOKEN,        /* the password is a bearer token */
    WF_FLOW_REFRESH_CODE, /* silently from a kept session where the host has proven the person, else
                           * by code; comes with a max_age of the service's own */
};

/* Whether the account phase asks the provider about a person who came in another way. */
enum wf_account_check {
    WF_ACCOUNT_CHECK_NO,
    WF_ACCOUNT_CHECK_KNOWN, /* only about those who have ever signed in here */
    WF_ACCOUNT_CHECK_YES,   /* who never has is refused */
};

enum wf_qr {
    WF_QR_AUTO, /* in a UTF-8 terminal; not over SSH */
    WF_QR_NO,
    WF_QR_UTF8,
    WF_QR_ASCII,
};

/* A list of words from one value, "a, b, c": trimmed, none empty, in order. The length of a line
 * bounds it: 95 words at most. */
struct wf_words {
    const char *const *items;
    size_t count;
};

struct wf_provider_conf {
    const char *name; /* "acme" of [provider acme] */
    enum wf_provider_type type;
    /* Checked by wf_url_check, no query. Workfront: no path, no trailing slash. OIDC: the issuer,
     * as it was written, to be compared byte by byte. */
    const char *url;
    /* NULL: none. Both are there at the first provider of a service where people sign in by code,
     * or which has account_check or token_export, unless that is an oidc provider or
     * wf_conf_is_machine, where wf_provider_authorize_url refuses; client_id is with introspection,
     * too, and where wf_conf_is_machine. */
    const char *client_id;
    const char *redirect_uri;
    const char *client_secret_file; /* NULL: a public client, PKCE alone */
    const char *api_version;        /* "v20.0"; Workfront's alone */
    const char *scope;              /* NULL: none is asked for */
    const char *ca_file;            /* NULL: the system's */
    const char *proxy;              /* NULL: none; never from the environment */
    unsigned timeout;      /* seconds for one request, connection included: 1..60, default 10 */
    unsigned refresh_skew; /* seconds before its expiry from which on an access token counts as
                            * expired: 0..3600, default 60 */
    /* Seconds for which a refresh token is good, from the sign-in on and from its last use on, as
     * the administrator chose for the application: 1..315360000; 0: never ends, or not known. */
    unsigned refresh_absolute;
    unsigned refresh_inactivity;
    bool allow_http_loopback;
    const char *helper_user; /* default WF_HELPER_USER */

    /* Judging tokens. The first seven are OIDC's alone. */
    const char *jwks_file; /* absolute path, instead of fetching keys; NULL: they are fetched */
    unsigned algorithms;   /* which may sign: a set of enum wf_alg as in jwk.h, not empty */
    unsigned leeway;       /* seconds that clocks may differ: 0..300, default 60 */
    unsigned stale_keys;   /* seconds, behind their HTTP lifetime, that keys serve while the
                            * provider is down: 0..604800, default 3600 */
    struct wf_words allowed_clients; /* azp, client_id; empty: any */
    bool introspection;              /* ask RFC 7662's endpoint whose an opaque token is */
    bool userinfo;                   /* or OpenID Connect's; never both */
    /* What an opaque token looks like: POSIX extended, must match the whole; checked at loading.
     * With one of the two above, or for Workfront's look-up. NULL: opaque tokens are refused. */
    const char *token_pattern;
    const char *cache_dir; /* absolute path; NULL: wf_cachedir_open's defaults */
    /* OIDC: at introspection and token endpoints. Basic and body come with client_secret_file where
     * there is introspection, private_key_jwt with private_key_file. */
    enum wf_client_auth client_auth;
    const char *private_key_file; /* absolute path; wf_conf_read_private_key */

    /* Tokens of this host's own, see wf_conf_is_machine. Workfront: both or none. */
    const char *customer_id;
    const char *user_id;
    /* OIDC. The subject comes with jwt_bearer, issuer and audience may be NULL: client_id, url */
    enum wf_grant_kind grant;
    const char *assertion_issuer;
    const char *assertion_subject;
    const char *assertion_audience;
    const char *assertion_algorithm; /* "ES384"; NULL: what suits the key */
};

/* How a provider's claims become a local name. */
struct wf_naming {
    struct wf_words username;   /* claims in order; the first one present counts */
    const char *strip_domain;   /* lower case, no '@'; NULL: none */
    const char *username_regex; /* POSIX extended, at most one group; checked; NULL: none */
    const char *map_file;       /* absolute path; NULL: none */
};

/* One provider that a service accepts, with the naming that holds for this pair. */
struct wf_accepted {
    const struct wf_provider_conf *provider;
    struct wf_naming naming;
};

/* All that holds at one service: [service NAME] over the provider's section over [service *]. */
struct wf_policy {
    const char *service; /* the section's name: "sshd", or "*" where it has none of its own */
    const struct wf_accepted *accepted;
    size_t accepted_count; /* at least 1 */
    enum wf_flow flow;     /* WF_FLOW_TOKEN comes with an audience or required_scope of its own */
    enum wf_qr qr;
    struct wf_words audience;       /* one of them must be in `aud` */
    struct wf_words required_scope; /* scope words, all of which a token must have */
    /* Seconds since auth_time, with WF_FLOW_REFRESH_CODE since the person last signed in by
     * themselves: 1..315360000; 0: any */
    unsigned max_age;
    /* Sessions kept from sign-ins, see wf_conf_keeps_sessions */
    enum wf_account_check account_check;
    unsigned grace; /* seconds for which a provider's last word on a person holds while it does not
                     * answer: 0..604800; never from [service *] */
    bool
        token_export; /* write the access token to a file of the person's; never from [service *] */
    bool accept_unbound; /* take tokens that name no audience; never from [service *] */
    unsigned max_token;  /* bytes of a token: 256..65536, default 16384 */
    uint32_t min_uid;    /* default 1000 */
    uint32_t max_uid;    /* default 60000 */
    /* Local names, or CLAIM:VALUE by ID (wf_text_split_claim). allow_users: empty means all; else
     * one must fit. deny_users: none may fit. require: CLAIM:VALUE alone, each must fit. Display
     * names stand in require_name alone, each must fit. Where a provider of the service is
     * Workfront the claims are those that exist there, and `roleIDs` and `roles` are lists. */
    struct wf_words allow_users;
    struct wf_words deny_users;
    struct wf_words require;
    struct wf_words require_name;
    /* SASL. host, port: what OAUTHBEARER clients must say they have connected to, where they say
     * it; NULL, 0: anything */
    const char *host;
    unsigned port;
    struct wf_client_conf client;
};

struct wf_conf;

/* Read and check the file (wf_file_read's rules), and the files of client secrets and private keys
 * that it names. A secret that a process without root's rights may not read is no mistake, nor is
 * for root a file of a Machine to Machine provider that another user or group alone can read:
 * whoever needs it hears so from wf_conf_read_secret or wf_conf_read_private_key. WF_CONFIG with up to
 * WF_CONF_MISTAKES_MAX mistakes for report, in the order of lines, and one line more if there were
 * more; err holds the first and how many there are. report may be NULL; it gets one sanitised line
 * per mistake, and none where the file cannot be read at all. WF_INTERNAL if memory is short. *ret:
 * new, wf_conf_free. Blocks for the disk alone. Any thread. */
enum wf_reason wf_conf_load(const char *path, void (*report)(void *ctx, const char *line),
                            void *ctx, struct wf_conf **ret, struct wf_err *err) WF_MUST_USE;

/* The same from memory, at most WF_CONF_FILE_MAX bytes; path only names it in messages, and no
 * other file is looked at. What tests and fuzzing call. */
enum wf_reason wf_conf_parse(const char *path, const char *text, size_t len,
                             void (*report)(void *ctx, const char *line), void *ctx,
                             struct wf_conf **ret, struct wf_err *err) WF_MUST_USE;

/* NULL is fine. */
void wf_conf_free(struct wf_conf *conf);

/* The policy of a PAM or SASL service name, compared exactly: its section's, or that of
 * [service *], which is implied, with nothing but defaults, where the file has no service section
 * at all. WF_CONFIG if neither is there. Borrowed as long as conf lives. Any thread. */
enum wf_reason wf_conf_policy(const struct wf_conf *conf, const char *service,
                              const struct wf_policy **ret, struct wf_err *err) WF_MUST_USE;

/* True where this host gets access tokens of its own by signing assertions: a Machine to Machine
 * application of Workfront's (customer_id, user_id, client_id, client_secret_file and
 * private_key_file are there), or grant = jwt_bearer (client_id, assertion_subject and
 * private_key_file are). Any thread. */
bool wf_conf_is_machine(const struct wf_provider_conf *provider);

/* True where what people get at this provider when they sign in by code is kept: a service of which
 * it is the first provider has flow = refresh, code, account_check or token_export. Any thread. */
bool wf_conf_keeps_sessions(const struct wf_conf *conf, const struct wf_provider_conf *provider);

/* Read a provider's client secret (wf_file_read's rules for secrets): one line of 1..1024 bytes of
 * printable ASCII (RFC 6749 appendix A.2); a newline behind it is dropped. *ret: new,
 * wf_secret_free; NULL, and WF_OK, for a provider without client_secret_file (a public client).
 * WF_CONFIG, WF_INTERNAL. The secret is in no message. Blocks for the disk alone. Any thread. */
enum wf_reason wf_conf_read_secret(const struct wf_provider_conf *provider, struct wf_secret **ret,
                                   struct wf_err *err) WF_MUST_USE;

/* Read a provider's private key (wf_file_read's rules for secrets), PEM by intention and not parsed
 * here: 1..WF_CONF_PRIVATE_KEY_MAX bytes, as they are. *ret: new, wf_secret_free; NULL, and WF_OK,
 * for a provider without private_key_file. WF_CONFIG, WF_INTERNAL. Blocks for the disk alone. Any
 * thread. */
enum wf_reason wf_conf_read_private_key(const struct wf_provider_conf *provider,
                                        struct wf_secret **ret, struct wf_err *err) WF_MUST_USE;

/* SHA-256 (WF_SHA256_LEN bytes) of the text that was read: whatever is kept on disk under it dies
 * with any change of the configuration. Borrowed. */
const uint8_t *wf_conf_digest_borrow(const struct wf_conf *conf);

/* The provider of this name, NULL if there is none; and by index, NULL behind the last. Borrowed.
 */
const struct wf_provider_conf *wf_conf_provider(const struct wf_conf *conf, const char *name);
const struct wf_provider_conf *wf_conf_provider_at(const struct wf_conf *conf, size_t i);
/* The policy by index, one per [service …] section, NULL behind the last. Borrowed. */
const struct wf_policy *wf_conf_policy_at(const struct wf_conf *conf, size_t i);

#endif
