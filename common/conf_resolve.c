#include "config.h"

#include "conf_resolve.h"

#include <string.h>

#include "conf_flow.h"
#include "url.h"

/* What every step below needs. */
struct resolver {
    struct wf_conf *conf;
    const struct wf_conf_sections *sections;
    struct wf_conf_mistakes *mistakes;
    struct wf_conf_value defaults[WF_PROVIDER_TYPE_COUNT][WF_CONF_KEY_COUNT];
    struct wf_conf_section *star; /* [service *]; NULL: not there */
    /* Stands for [service *] where the file has no service section at all */
    struct wf_conf_section implied;
};

/* What stands before the provider's section for a service: [service *] never does. */
static struct wf_conf_section *own(const struct resolver *r, struct wf_conf_section *service)
{
    return service == r->star ? NULL : service;
}

/* Fill all keys of an owner's struct from those sections and the defaults, which for some keys
 * differ by the provider's type. */
static void fill(const struct resolver *r, struct wf_conf_section *const sections[3],
                 enum wf_conf_owner owner, enum wf_provider_type type, void *ret)
{
    for (unsigned i = 0; i < WF_CONF_KEY_COUNT; i++) {
        const struct wf_conf_key *key = wf_conf_key((enum wf_conf_key_id)i);
        if (key->owner != owner)
            continue;
        const struct wf_conf_section *from =
            wf_conf_section_holder(sections, (enum wf_conf_key_id)i);
        const struct wf_conf_value *value = from == NULL ? &r->defaults[type][i] : &from->values[i];
        if (value->good)
            wf_conf_key_store(key, value, ret);
    }
}

static void parse_default(struct resolver *r, const struct wf_conf_key *key, const char *text,
                          struct wf_conf_value *ret)
{
    if (text == NULL)
        return;
    ret->text = wf_conf_copy(&r->conf->pool, text, strlen(text));
    ret->good = ret->text != NULL && key->kind(&r->conf->pool, &key->range, ret);
    if (!ret->good)
        r->conf->pool.failed = true;
}

static void parse_defaults(struct resolver *r)
{
    for (unsigned i = 0; i < WF_CONF_KEY_COUNT; i++) {
        const struct wf_conf_key *key = wf_conf_key((enum wf_conf_key_id)i);
        parse_default(r, key, key->standard, &r->defaults[WF_PROVIDER_WORKFRONT][i]);
        parse_default(r, key, key->standard_oidc != NULL ? key->standard_oidc : key->standard,
                      &r->defaults[WF_PROVIDER_OIDC][i]);
    }
}

/* Plain http was let through while allow_http_loopback was not known yet, and a path while the type
 * was not. */
static void check_url(struct resolver *r, struct wf_conf_section *section, enum wf_conf_key_id id,
                      bool http_loopback)
{
    struct wf_conf_value *value = &section->values[id];
    size_t len = 0;

    if (!value->good)
        return;
    if (wf_url_check(value->text, http_loopback, NULL) != WF_OK) {
        wf_conf_section_refuse(section, id, r->mistakes);
    } else if (id == WF_KEY_URL && wf_conf_section_is_of_type(section, WF_PROVIDER_WORKFRONT)) {
        if (wf_conf_is_host_url(value->text, &len))
            value->text[len] = '\0';
        else
            wf_conf_section_refuse(section, id, r->mistakes);
    } else if (id == WF_KEY_URL && wf_conf_section_is_of_type(section, WF_PROVIDER_OIDC) &&
               strchr(value->text, '?') != NULL) {
        /* OpenID Connect Discovery §3, RFC 8414 §2: an issuer has neither query nor fragment */
        wf_conf_section_refuse(section, id, r->mistakes);
    }
}

/* The words of a list, where Workfront is asked. */
static void check_words(struct resolver *r, struct wf_conf_section *section, enum wf_conf_key_id id)
{
    const struct wf_conf_value *value = &section->values[id];
    wf_conf_fit *fits = wf_conf_key(id)->fits_workfront;

    for (size_t i = 0; fits != NULL && value->good && i < value->words.count; i++) {
        const char *word = value->words.items[i];
        if (!fits((struct wf_span){word, strlen(word)}))
            wf_conf_section_refuse(section, id, r->mistakes);
    }
}

/* What must be there, and what must not because of the type. */
static void check_keys(struct resolver *r, struct wf_conf_section *section)
{
    const struct wf_conf_value *type = &section->values[WF_KEY_TYPE];

    for (unsigned i = 0; i < WF_CONF_KEY_COUNT; i++) {
        enum wf_conf_key_id id = (enum wf_conf_key_id)i;
        const struct wf_conf_key *key = wf_conf_key(id);
        if (section->values[i].line == 0) {
            if (key->required)
                wf_conf_mistake(r->mistakes, wf_conf_section_place(section, id),
                                "missing, expected %s", key->expected);
            continue;
        }
        if (type->good && !wf_conf_key_is_for(key, (enum wf_provider_type)type->number))
            wf_conf_mistake(r->mistakes, wf_conf_section_place(section, id),
                            "found with type = %s, expected with type = %s alone", type->text,
                            key->only == WF_CONF_FOR_OIDC ? "oidc" : "workfront");
        else if (wf_conf_section_is_of_type(section, WF_PROVIDER_WORKFRONT))
            check_words(r, section, id);
    }
}

/* Opaque tokens: what is taken for one, who is asked whose it is, and as whom we ask. */
static void check_opaque(struct resolver *r, struct wf_conf_section *section,
                         const struct wf_provider_conf *provider)
{
    static const char introspects[] = "introspection = yes";

    if (!wf_conf_section_is_settled(section, WF_KEY_INTROSPECTION) ||
        !wf_conf_section_is_settled(section, WF_KEY_USERINFO))
        return;
    if (provider->introspection && provider->userinfo)
        wf_conf_mistake(r->mistakes, wf_conf_section_place(section, WF_KEY_USERINFO),
                        "found beside introspection = yes, expected one of the two");
    else if (provider->introspection || provider->userinfo)
        wf_conf_section_need(section, WF_KEY_TOKEN_PATTERN,
                             provider->introspection ? introspects : "userinfo = yes", r->mistakes);
    else if (section->values[WF_KEY_TOKEN_PATTERN].good)
        wf_conf_mistake(r->mistakes, wf_conf_section_place(section, WF_KEY_TOKEN_PATTERN),
                        "found without introspection = yes and userinfo = yes, expected one of "
                        "them, to ask whose such a token is");
    if (!provider->introspection)
        return;
    wf_conf_section_need(section, WF_KEY_CLIENT_ID, introspects, r->mistakes);
    /* RFC 7662 §2.1: the endpoint must not answer just anybody */
    if (wf_conf_section_is_settled(section, WF_KEY_CLIENT_AUTH) &&
        provider->client_auth != WF_CLIENT_AUTH_PRIVATE_KEY_JWT)
        wf_conf_section_need(section, WF_KEY_CLIENT_SECRET_FILE, introspects, r->mistakes);
}

static void need_all(struct resolver *r, struct wf_conf_section *section,
                     const enum wf_conf_key_id *ids, size_t n, const char *why)
{
    for (size_t i = 0; i < n; i++)
        wf_conf_section_need(section, ids[i], why, r->mistakes);
}

/* Workfront's JWT exchange takes all of it. */
static void check_exchange(struct resolver *r, struct wf_conf_section *section)
{
    static const enum wf_conf_key_id ids[] = {WF_KEY_CLIENT_ID, WF_KEY_CLIENT_SECRET_FILE,
                                              WF_KEY_PRIVATE_KEY_FILE, WF_KEY_CUSTOMER_ID,
                                              WF_KEY_USER_ID};

    if (wf_conf_section_is_machine(section))
        need_all(r, section, ids, WF_ARRAY_LEN(ids),
                 "private_key_file, customer_id and user_id make this a Machine to Machine "
                 "application");
}

/* True if the libjwt that this was built with signs with the algorithm. */
static bool signs(const char *algorithm)
{
#ifdef HAVE_JWT_BUILDER_NEW
    (void)algorithm;
    return true;
#else
    return strncmp(algorithm, "PS", 2) != 0 && strcmp(algorithm, "EdDSA") != 0;
#endif
}

/* What must be there for assertions, and what is there in vain. */
static void check_assertions(struct resolver *r, struct wf_conf_section *section,
                             const struct wf_provider_conf *provider)
{
    static const enum wf_conf_key_id ids[] = {WF_KEY_CLIENT_ID, WF_KEY_PRIVATE_KEY_FILE,
                                              WF_KEY_ASSERTION_SUBJECT};
    static const enum wf_conf_key_id only[] = {WF_KEY_ASSERTION_ISSUER, WF_KEY_ASSERTION_SUBJECT,
                                               WF_KEY_ASSERTION_AUDIENCE};
    const struct wf_conf_value *algorithm = &section->values[WF_KEY_ASSERTION_ALGORITHM];

    if (provider->client_auth == WF_CLIENT_AUTH_PRIVATE_KEY_JWT)
        wf_conf_section_need(section, WF_KEY_PRIVATE_KEY_FILE, "client_auth = private_key_jwt",
                             r->mistakes);
    if (provider->grant == WF_GRANT_JWT_BEARER)
        need_all(r, section, ids, WF_ARRAY_LEN(ids), "grant = jwt_bearer");
    for (size_t i = 0; i < WF_ARRAY_LEN(only); i++) {
        if (section->values[only[i]].line != 0 &&
            wf_conf_section_is_settled(section, WF_KEY_GRANT) && provider->grant == WF_GRANT_NONE)
            wf_conf_mistake(r->mistakes, wf_conf_section_place(section, only[i]),
                            "found without grant = jwt_bearer, expected it in the same section");
    }
    if (algorithm->good && !signs(algorithm->text))
        wf_conf_mistake(r->mistakes, wf_conf_section_place(section, WF_KEY_ASSERTION_ALGORITHM),
                        "found \"%s\", which this wfauth cannot sign with, since it was built with "
                        "a libjwt older than version 3; expected RS256, RS384, RS512, ES256, ES384 "
                        "or ES512",
                        algorithm->text);
}

static void resolve_provider(struct resolver *r, struct wf_conf_section *section,
                             struct wf_provider_conf *ret)
{
    struct wf_conf_section *const from[3] = {section, NULL, NULL};

    check_keys(r, section);
    fill(r, from, WF_CONF_OF_PROVIDER,
         wf_conf_section_is_of_type(section, WF_PROVIDER_OIDC) ? WF_PROVIDER_OIDC
                                                               : WF_PROVIDER_WORKFRONT,
         ret);
    ret->name = section->name;
    if (wf_conf_section_is_settled(section, WF_KEY_ALLOW_HTTP_LOOPBACK)) {
        check_url(r, section, WF_KEY_URL, ret->allow_http_loopback);
        check_url(r, section, WF_KEY_REDIRECT_URI, ret->allow_http_loopback);
    }
    if (wf_conf_section_is_of_type(section, WF_PROVIDER_WORKFRONT))
        check_exchange(r, section);
    if (!wf_conf_section_is_of_type(section, WF_PROVIDER_OIDC))
        return;
    check_opaque(r, section, ret);
    check_assertions(r, section, ret);
}

static void resolve_providers(struct resolver *r)
{
    struct wf_conf *conf = r->conf;

    conf->providers = wf_conf_alloc(&conf->pool, r->sections->count * sizeof(*conf->providers));
    for (size_t i = 0; conf->providers != NULL && i < r->sections->count; i++) {
        if (r->sections->items[i]->kind == WF_CONF_PROVIDER)
            resolve_provider(r, r->sections->items[i], &conf->providers[conf->provider_count++]);
    }
    if (conf->provider_count == 0 && conf->providers != NULL)
        wf_conf_mistake(r->mistakes, (struct wf_conf_place){r->sections->lines, NULL, NULL},
                        "found no section [provider NAME], expected at least one");
}

/* Where several providers stand behind one service, each must say by itself how its claims become
 * names: what is inherited from a service section would let one provider name the people of
 * another. */
static void check_own_naming(struct resolver *r, struct wf_conf_section *service,
                             struct wf_conf_section *provider)
{
    struct wf_conf_section *const from[3] = {own(r, service), provider, r->star};
    struct wf_conf_place place = wf_conf_section_place(service, WF_KEY_PROVIDER);

    for (unsigned i = 0; i < WF_CONF_KEY_COUNT; i++) {
        const struct wf_conf_key *key = wf_conf_key((enum wf_conf_key_id)i);
        if (key->owner != WF_CONF_OF_NAMING)
            continue;
        const struct wf_conf_section *holds = wf_conf_section_holder(from, (enum wf_conf_key_id)i);
        if (holds != NULL && holds != provider)
            wf_conf_mistake(r->mistakes, place,
                            "found several providers, and %s in [%s], line %u; expected the keys "
                            "that make names in each provider's own section alone",
                            key->name, holds->title, holds->values[i].line);
        else if (holds == NULL && i == WF_KEY_USERNAME)
            wf_conf_mistake(r->mistakes, place,
                            "found several providers, and no username in [%s], line %u; expected "
                            "the keys that make names in each provider's own section",
                            provider->title, provider->line);
    }
}

/* The lists that hold for this service and this provider of type workfront. */
static void check_lists(struct resolver *r, struct wf_conf_section *service,
                        struct wf_conf_section *provider)
{
    struct wf_conf_section *const from[3] = {own(r, service), provider, r->star};

    for (unsigned i = 0; i < WF_CONF_KEY_COUNT; i++) {
        enum wf_conf_key_id id = (enum wf_conf_key_id)i;
        struct wf_conf_section *holds = wf_conf_section_holder(from, id);
        if (holds != NULL)
            check_words(r, holds, id);
    }
}

/* An opaque token does not say whose it is, and must not be shown to one provider after another. */
static void check_patterns(struct resolver *r, const struct wf_conf_section *service,
                           const struct wf_policy *policy)
{
    const struct wf_provider_conf *first = NULL;

    for (size_t i = 0; i < policy->accepted_count; i++) {
        const struct wf_provider_conf *provider = policy->accepted[i].provider;
        if (provider == NULL || provider->token_pattern == NULL)
            continue;
        if (first != NULL)
            wf_conf_mistake(r->mistakes, wf_conf_section_place(service, WF_KEY_PROVIDER),
                            "found %s and %s, which both have token_pattern, expected one such "
                            "provider at most: an opaque token does not say whose it is",
                            first->name, provider->name);
        first = provider;
    }
}

/* One provider that the service names. */
static void accept_provider(struct resolver *r, struct wf_conf_section *service,
                            struct wf_conf_section *provider, struct wf_accepted *ret)
{
    struct wf_conf_section *const naming[3] = {own(r, service), provider, r->star};

    ret->provider = wf_conf_provider(r->conf, provider->name);
    if (ret->provider != NULL)
        fill(r, naming, WF_CONF_OF_NAMING, ret->provider->type, &ret->naming);
    if (wf_conf_section_is_of_type(provider, WF_PROVIDER_WORKFRONT))
        check_lists(r, service, provider);
}

/* Who is meant where no provider is named: the only one, or the only one at which people sign in or
 * tokens are made for others: a Machine to Machine application of Workfront's is this host's own.
 * NULL if there are several. */
static const struct wf_provider_conf *only_provider(const struct wf_conf *conf)
{
    const struct wf_provider_conf *found = NULL;

    for (size_t i = 0; i < conf->provider_count; i++) {
        const struct wf_provider_conf *provider = &conf->providers[i];
        bool machine = provider->type == WF_PROVIDER_WORKFRONT && wf_conf_is_machine(provider);
        if (machine && conf->provider_count > 1)
            continue;
        if (found != NULL)
            return NULL;
        found = provider;
    }
    return found;
}

/* The providers of a service: those that it names, else the only one of the file. */
static void resolve_accepted(struct resolver *r, struct wf_conf_section *service,
                             struct wf_policy *ret)
{
    struct wf_conf_section *const from[3] = {service, NULL, r->star};
    const struct wf_conf_section *holds = wf_conf_section_holder(from, WF_KEY_PROVIDER);
    const struct wf_provider_conf *only = only_provider(r->conf);
    struct wf_words names = {NULL, 0};
    struct wf_accepted *accepted;

    /* A value that was refused yields no name, and no second mistake */
    if (holds != NULL && holds->values[WF_KEY_PROVIDER].good)
        names = holds->values[WF_KEY_PROVIDER].words;
    else if (holds == NULL && only != NULL)
        names = (struct wf_words){&only->name, 1};
    else if (holds == NULL && r->conf->provider_count > 1)
        wf_conf_mistake(r->mistakes, wf_conf_section_place(service, WF_KEY_PROVIDER),
                        "missing, expected %s, since there are several",
                        wf_conf_key(WF_KEY_PROVIDER)->expected);
    accepted = wf_conf_alloc(&r->conf->pool, names.count * sizeof(*accepted));
    if (accepted == NULL)
        return;
    for (size_t i = 0; i < names.count; i++) {
        struct wf_conf_section *provider =
            wf_conf_section_find(r->sections, WF_CONF_PROVIDER, names.items[i]);
        if (provider != NULL) {
            accept_provider(r, service, provider, &accepted[i]);
            if (names.count > 1)
                check_own_naming(r, service, provider);
        } else if (holds == service) {
            wf_conf_mistake(r->mistakes, wf_conf_section_place(service, WF_KEY_PROVIDER),
                            "found \"%.100s\", expected the name of a [provider NAME] section",
                            names.items[i]);
        }
    }
    ret->accepted = accepted;
    ret->accepted_count = names.count;
    if (holds == service)
        check_patterns(r, service, ret);
}

static void check_bounds(struct resolver *r, struct wf_conf_section *service,
                         const struct wf_policy *policy)
{
    struct wf_conf_section *const from[3] = {service, NULL, r->star};
    enum wf_conf_key_id own_key =
        service->values[WF_KEY_MIN_UID].line != 0 ? WF_KEY_MIN_UID : WF_KEY_MAX_UID;

    /* Inherited bounds are reported where they stand */
    if (service->values[own_key].line != 0 && wf_conf_section_is_good(from, WF_KEY_MIN_UID) &&
        wf_conf_section_is_good(from, WF_KEY_MAX_UID) && policy->min_uid > policy->max_uid)
        wf_conf_mistake(r->mistakes, wf_conf_section_place(service, own_key),
                        "found min_uid %u and max_uid %u, expected min_uid to be the lower one",
                        (unsigned)policy->min_uid, (unsigned)policy->max_uid);
}

static void resolve_policy(struct resolver *r, struct wf_conf_section *service,
                           struct wf_policy *ret)
{
    struct wf_conf_section *const from[3] = {service, NULL, r->star};

    ret->service = service->name;
    /* None of these has a default by type: a service may have providers of both */
    fill(r, from, WF_CONF_OF_POLICY, WF_PROVIDER_WORKFRONT, ret);
    check_bounds(r, service, ret);
    resolve_accepted(r, service, ret);
    wf_conf_flow_check(&(struct wf_conf_flow){
        .sections = r->sections,
        .mistakes = r->mistakes,
        .service = service,
        .star = r->star,
        .policy = ret,
    });
}

static void resolve_policies(struct resolver *r)
{
    struct wf_conf *conf = r->conf;

    conf->policies = wf_conf_alloc(&conf->pool, (r->sections->count + 1) * sizeof(*conf->policies));
    if (conf->policies == NULL)
        return;
    for (size_t i = 0; i < r->sections->count; i++) {
        if (r->sections->items[i]->kind == WF_CONF_SERVICE)
            resolve_policy(r, r->sections->items[i], &conf->policies[conf->policy_count++]);
    }
    if (conf->policy_count == 0)
        resolve_policy(r, &r->implied, &conf->policies[conf->policy_count++]);
}

void wf_conf_resolve(struct wf_conf *conf, const struct wf_conf_sections *sections,
                     struct wf_conf_mistakes *mistakes)
{
    struct resolver *r = wf_conf_alloc(&conf->pool, sizeof(*r));

    if (r == NULL)
        return;
    r->conf = conf;
    r->sections = sections;
    r->mistakes = mistakes;
    r->star = wf_conf_section_find(sections, WF_CONF_SERVICE, "*");
    r->implied = (struct wf_conf_section){
        .kind = WF_CONF_SERVICE, .name = "*", .title = "service *", .line = sections->lines};
    parse_defaults(r);
    resolve_providers(r);
    resolve_policies(r);
}
