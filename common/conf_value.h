/*
 * What the values of the configuration may look like: one function for each kind of value. A key
 * of the table in conf_keys.c names one of them, with its range.
 */
#ifndef WF_CONF_VALUE_H
#define WF_CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf_internal.h"

/* One value as it stands in a section. line is 0 where the key is absent. */
struct wf_conf_value {
    unsigned line;
    bool good;   /* parsed, and not refused since: what its kind fills is set */
    bool missed; /* its absence has been told */
    char *text;
    uint64_t number; /* numbers, seconds, the index of a choice */
    struct wf_words words;
};

/* The bounds of one key; what they bound, the kind says. */
struct wf_conf_range {
    uint64_t min;
    uint64_t max;
    const char *choices; /* "auto|no|utf8": its index is the number; of words with commas between
                          * them the order counts and blanks do not */
};

/* Judge value->text (valid UTF-8 without control characters, blanks trimmed) and set the rest of
 * *value. What is allocated belongs to pool. False if the text is not of this kind, or memory is
 * short (pool->failed). */
typedef bool wf_conf_kind(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                          struct wf_conf_value *value);

wf_conf_kind wf_conf_choice;
wf_conf_kind wf_conf_number;   /* min..max */
wf_conf_kind wf_conf_duration; /* min..max seconds */
wf_conf_kind wf_conf_token;    /* printable ASCII without blanks, at most max bytes */
wf_conf_kind wf_conf_path;     /* absolute */
wf_conf_kind wf_conf_url;      /* wf_url_check */
wf_conf_kind wf_conf_proxy;    /* http:// or https://, host:port */
wf_conf_kind wf_conf_version;  /* v20.0 */
wf_conf_kind wf_conf_scope;    /* RFC 6749 §3.3 */
wf_conf_kind wf_conf_user;     /* a local user name */
wf_conf_kind wf_conf_domain;   /* folded to lower case */
wf_conf_kind wf_conf_regex;    /* POSIX extended, at most one group, bounded repetition */
wf_conf_kind wf_conf_pattern;  /* the same with as many groups as it likes */

/* Lists, separated by commas, no word empty */
wf_conf_kind wf_conf_providers;     /* names of provider sections, each once */
wf_conf_kind wf_conf_algorithms;    /* names of enum wf_alg; the number is their set */
wf_conf_kind wf_conf_word_list;     /* printable ASCII without blanks: claims, audiences, clients */
wf_conf_kind wf_conf_scope_list;    /* scope-tokens of RFC 6749 §3.3 */
wf_conf_kind wf_conf_users;         /* local names or rules on claims */
wf_conf_kind wf_conf_rules;         /* CLAIM:VALUE, neither with a blank */
wf_conf_kind wf_conf_display_rules; /* CLAIM:VALUE, whose value may have blanks inside */

/* An OIDC provider's claims have whatever name it gives them; Workfront's are known, so a rule on
 * one that does not exist, or on a display name in the wrong key, is a mistake. What a word of such
 * a list must be where one of the service's providers is Workfront: */
typedef bool wf_conf_fit(struct wf_span word);
wf_conf_fit wf_conf_is_name_claim;   /* a claim that may become a local name */
wf_conf_fit wf_conf_is_rule;         /* on a claim that nobody can forge */
wf_conf_fit wf_conf_is_user_or_rule; /* a local name or such a rule */
wf_conf_fit wf_conf_is_display_rule; /* on a display name */

/* True if an address, good for wf_conf_url, has no path; one slash at the end may stand, *ret_len
 * does not count it. */
bool wf_conf_is_host_url(const char *url, size_t *ret_len);

/* True if the span may name a section: letters, digits, '-', '_' and '.', not '-' or '.' first. */
bool wf_conf_is_section_name(struct wf_span name);

/* The claims, as the texts of expected values list them. */
#define WF_CONF_NAME_CLAIMS "ID, username, emailAddr"
#define WF_CONF_RULE_CLAIMS WF_CONF_NAME_CLAIMS ", accessLevelID, homeGroupID, homeTeamID, roleIDs"
#define WF_CONF_DISPLAY_CLAIMS "accessLevel, homeGroup, homeTeam, roles"

#endif
