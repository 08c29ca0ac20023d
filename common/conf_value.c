#include "config.h"

#include "conf_value.h"

#include <regex.h>
#include <string.h>

#include "jwk.h"
#include "url.h"
#include "user.h"

static struct wf_span span_of(const char *text)
{
    return (struct wf_span){text, strlen(text)};
}

/* True if the text is not empty and every byte is of the set. */
static bool consists_of(struct wf_span text, const char *set)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0' || strchr(set, text.ptr[i]) == NULL)
            return false;
    }
    return text.len > 0;
}

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* True if the words between the commas are the same, whatever blanks are around them. */
static bool same_words(struct wf_span a, struct wf_span b)
{
    struct wf_span one;
    struct wf_span other;

    while (wf_text_next(&a, ',', &one)) {
        if (!wf_text_next(&b, ',', &other) || one.len != other.len ||
            memcmp(one.ptr, other.ptr, one.len) != 0)
            return false;
    }
    return b.ptr == NULL;
}

bool wf_conf_choice(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                    struct wf_conf_value *value)
{
    struct wf_span rest = span_of(range->choices);
    struct wf_span choice;

    (void)pool;
    for (uint64_t i = 0; wf_text_next(&rest, '|', &choice); i++) {
        if (same_words(choice, span_of(value->text))) {
            value->number = i;
            return true;
        }
    }
    return false;
}

bool wf_conf_number(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                    struct wf_conf_value *value)
{
    (void)pool;
    return wf_text_number(span_of(value->text), range->min, range->max, &value->number);
}

bool wf_conf_duration(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                      struct wf_conf_value *value)
{
    (void)pool;
    return wf_text_duration(span_of(value->text), range->min, range->max, &value->number);
}

static bool is_token(struct wf_span text, size_t max)
{
    return text.len > 0 && text.len <= max && wf_text_is_printable(text.ptr, text.len) &&
           memchr(text.ptr, ' ', text.len) == NULL;
}

bool wf_conf_token(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                   struct wf_conf_value *value)
{
    (void)pool;
    return is_token(span_of(value->text), range->max);
}

bool wf_conf_path(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                  struct wf_conf_value *value)
{
    (void)pool;
    (void)range;
    /* A folder's path is caught when the file is opened */
    return value->text[0] == '/';
}

/* Whether plain http to loopback is allowed stands in another key, so it is let through here and
 * judged when the provider is put together. */
bool wf_conf_url(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                 struct wf_conf_value *value)
{
    (void)pool;
    (void)range;
    return wf_url_check(value->text, true, NULL) == WF_OK;
}

bool wf_conf_is_host_url(const char *url, size_t *ret_len)
{
    const char *host = strstr(url, "://") + 3;
    size_t host_len = strcspn(host, "/?");

    *ret_len = (size_t)(host - url) + host_len;
    return host[host_len] == '\0' || strcmp(host + host_len, "/") == 0;
}

bool wf_conf_proxy(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                   struct wf_conf_value *value)
{
    char url[WF_CONF_LINE_MAX + sizeof("https://")] = "https://";
    size_t used = strlen(url);
    const char *rest = value->text + strlen("http://");

    (void)pool;
    (void)range;
    /* To the proxy itself no TLS: what goes through it has its own (http.c) */
    if (strncmp(value->text, "http://", strlen("http://")) != 0)
        return false;
    /* A proxy has nothing but a host and a port: judged like those of an https address */
    const char *port = strrchr(rest, ':');
    if (port == NULL || !consists_of(span_of(port + 1), DIGITS) ||
        strlen(rest) >= sizeof(url) - used)
        return false;
    memcpy(url + used, rest, strlen(rest) + 1);
    return wf_url_check(url, false, NULL) == WF_OK && strpbrk(rest, "/?") == NULL;
}

bool wf_conf_version(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                     struct wf_conf_value *value)
{
    struct wf_span rest = span_of(value->text);
    struct wf_span major;
    struct wf_span minor;

    (void)pool;
    (void)range;
    if (rest.len > 8 || rest.ptr[0] != 'v' || memchr(rest.ptr, ' ', rest.len) != NULL)
        return false;
    rest = (struct wf_span){rest.ptr + 1, rest.len - 1};
    return wf_text_next(&rest, '.', &major) && wf_text_next(&rest, '.', &minor) &&
           rest.ptr == NULL && consists_of(major, DIGITS) && consists_of(minor, DIGITS);
}

/* scope = scope-token *( SP scope-token ), scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
 * (RFC 6749 §3.3) */
bool wf_conf_scope(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                   struct wf_conf_value *value)
{
    (void)pool;
    (void)range;
    return value->text[0] != '\0' && wf_text_is_printable(value->text, strlen(value->text)) &&
           strpbrk(value->text, "\"\\") == NULL && strstr(value->text, "  ") == NULL;
}

bool wf_conf_user(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                  struct wf_conf_value *value)
{
    (void)pool;
    (void)range;
    return wf_user_is_valid(span_of(value->text));
}

bool wf_conf_domain(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                    struct wf_conf_value *value)
{
    struct wf_span rest = span_of(value->text);
    struct wf_span label;

    (void)pool;
    (void)range;
    if (!consists_of(rest, LOWER UPPER DIGITS "-."))
        return false;
    while (wf_text_next(&rest, '.', &label)) {
        if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' ||
            label.ptr[label.len - 1] == '-')
            return false;
    }
    wf_text_fold(value->text, strlen(value->text));
    return true;
}

/* What "{m,n}" at text multiplies the compiled program by; *ret_len: bytes of it that were read. */
static uint64_t repeat_factor(const char *text, uint64_t limit, size_t *ret_len)
{
    uint64_t largest = 0;
    uint64_t count = 0;
    size_t i = 1;

    for (; text[i] != '\0' && strchr(DIGITS ",", text[i]) != NULL && largest <= limit; i++) {
        count = text[i] == ',' ? 0 : count * 10 + (uint64_t)(text[i] - '0');
        largest = count > largest ? count : largest;
    }
    *ret_len = i;
    return largest + 1;
}

/* glibc copies the repeated part once for each count in braces, and once for '+', so nested
 * repetition takes memory by the product: "((a{255}){255}){255}" would take gigabytes.
 * Back-references make matching exponential, on a text that comes from outside. */
#define REPEAT_MAX 1000
static bool is_cheap(const char *regex)
{
    uint64_t product = 1;
    size_t len;

    for (size_t i = 0; regex[i] != '\0'; i += len) {
        len = 1;
        if (regex[i] == '\\' && regex[i + 1] != '\0') {
            len = 2;
            if (regex[i + 1] >= '0' && regex[i + 1] <= '9')
                return false;
        } else if (regex[i] == '+') {
            product *= 2;
        } else if (regex[i] == '{') {
            product *= repeat_factor(regex + i, REPEAT_MAX, &len);
        }
        if (product > REPEAT_MAX)
            return false;
    }
    return true;
}

static bool is_regex(const char *text, size_t *ret_groups)
{
    regex_t compiled;

    if (text[0] == '\0' || !wf_text_is_printable(text, strlen(text)) || !is_cheap(text) ||
        regcomp(&compiled, text, REG_EXTENDED) != 0)
        return false;
    *ret_groups = compiled.re_nsub;
    regfree(&compiled);
    return true;
}

bool wf_conf_regex(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                   struct wf_conf_value *value)
{
    size_t groups;

    (void)pool;
    (void)range;
    return is_regex(value->text, &groups) && groups <= 1;
}

bool wf_conf_pattern(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                     struct wf_conf_value *value)
{
    size_t groups;

    (void)pool;
    (void)range;
    return is_regex(value->text, &groups);
}

/* Split at commas into value->words, each of which must fit. */
static bool split(struct wf_conf_pool *pool, struct wf_conf_value *value, wf_conf_fit *fits)
{
    struct wf_span rest = span_of(value->text);
    struct wf_span word;
    size_t count = 0;

    while (wf_text_next(&rest, ',', &word)) {
        if (!fits(word))
            return false;
        count++;
    }
    const char **items = wf_conf_alloc(pool, count * sizeof(*items));
    if (items == NULL)
        return false;
    rest = span_of(value->text);
    for (size_t i = 0; i < count && wf_text_next(&rest, ',', &word); i++) {
        items[i] = wf_conf_copy(pool, word.ptr, word.len);
        if (items[i] == NULL)
            return false;
    }
    value->words = (struct wf_words){items, count};
    return true;
}

bool wf_conf_is_section_name(struct wf_span name)
{
    return consists_of(name, LOWER UPPER DIGITS "-_.") && name.ptr[0] != '-' && name.ptr[0] != '.';
}

bool wf_conf_providers(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                       struct wf_conf_value *value)
{
    (void)range;
    if (!split(pool, value, wf_conf_is_section_name))
        return false;
    for (size_t i = 0; i < value->words.count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(value->words.items[i], value->words.items[j]) == 0)
                return false;
        }
    }
    return true;
}

bool wf_conf_algorithms(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                        struct wf_conf_value *value)
{
    struct wf_span rest = span_of(value->text);
    struct wf_span name;
    enum wf_alg alg;

    (void)pool;
    (void)range;
    while (wf_text_next(&rest, ',', &name)) {
        if (!wf_alg_find(name, &alg))
            return false;
        value->number |= 1U << alg;
    }
    return true;
}

static bool is_word(struct wf_span word)
{
    return is_token(word, word.len);
}

bool wf_conf_word_list(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                       struct wf_conf_value *value)
{
    (void)range;
    return split(pool, value, is_word);
}

/* scope-token: see wf_conf_scope */
static bool is_scope(struct wf_span word)
{
    return is_word(word) && memchr(word.ptr, '"', word.len) == NULL &&
           memchr(word.ptr, '\\', word.len) == NULL;
}

bool wf_conf_scope_list(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                        struct wf_conf_value *value)
{
    (void)range;
    return split(pool, value, is_scope);
}

/* What Workfront's user look-up yields. Display names can be taken by whoever may rename a group
 * or a team, so they are kept apart from IDs; and what many people share names nobody. */
static const struct {
    const char *name;
    bool names_person;
    bool display;
} claims[] = {
    {"ID", true, false},          {"username", true, false},
    {"emailAddr", true, false},   {"accessLevelID", false, false},
    {"accessLevel", false, true}, {"homeGroupID", false, false},
    {"homeGroup", false, true},   {"homeTeamID", false, false},
    {"homeTeam", false, true},    {"roleIDs", false, false},
    {"roles", false, true},
};

bool wf_conf_is_name_claim(struct wf_span word)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(claims); i++) {
        if (claims[i].names_person && wf_span_equals(word, claims[i].name))
            return true;
    }
    return false;
}

static bool is_rule_on(struct wf_span word, bool display)
{
    struct wf_span claim;
    struct wf_span wanted;

    if (!wf_text_split_claim(word, &claim, &wanted))
        return false;
    for (size_t i = 0; i < WF_ARRAY_LEN(claims); i++) {
        if (wf_span_equals(claim, claims[i].name))
            return claims[i].display == display;
    }
    return false;
}

bool wf_conf_is_rule(struct wf_span word)
{
    return is_rule_on(word, false);
}

bool wf_conf_is_display_rule(struct wf_span word)
{
    return is_rule_on(word, true);
}

bool wf_conf_is_user_or_rule(struct wf_span word)
{
    return wf_user_is_valid(word) || wf_conf_is_rule(word);
}

static bool split_rule(struct wf_span word, struct wf_span *ret_wanted)
{
    struct wf_span claim;

    return wf_text_split_claim(word, &claim, ret_wanted) && is_word(claim) && ret_wanted->len > 0 &&
           ret_wanted->ptr[0] != ' ';
}

static bool is_any_display_rule(struct wf_span word)
{
    struct wf_span wanted;

    return split_rule(word, &wanted);
}

/* No ID, name or address has a blank: a rule with one would never match, and in deny_users that
 * lets somebody in */
static bool is_any_rule(struct wf_span word)
{
    struct wf_span wanted;

    return split_rule(word, &wanted) && is_word(wanted);
}

static bool is_user_or_any_rule(struct wf_span word)
{
    return wf_user_is_valid(word) || is_any_rule(word);
}

bool wf_conf_users(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                   struct wf_conf_value *value)
{
    (void)range;
    return split(pool, value, is_user_or_any_rule);
}

bool wf_conf_rules(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                   struct wf_conf_value *value)
{
    (void)range;
    return split(pool, value, is_any_rule);
}

bool wf_conf_display_rules(struct wf_conf_pool *pool, const struct wf_conf_range *range,
                           struct wf_conf_value *value)
{
    (void)range;
    return split(pool, value, is_any_display_rule);
}
