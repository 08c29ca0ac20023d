#include "config.h"

#include "conf_resolve.h"

#include <string.h>

#include "url.h"

/* What every step below needs. */
struct resolver {
    struct wf_conf *conf;
    const struct wf_conf_sections *sections;
    struct wf_conf_mistakes *mistakes;
    struct wf_conf_value defaults[WF_CONF_KEY_COUNT];
    const struct wf_conf_section *star; /* [service *]; NULL: not there */
    /* Stands for [service *] where the file has no service section at all */
    struct wf_conf_section implied;
};

struct wf_conf_section *wf_conf_section_find(const struct wf_conf_sections *sections,
                                             enum wf_conf_section_kind kind, const char *name)
{
    for (size_t i = 0; i < sections->count; i++) {
        if (sections->items[i]->kind == kind && strcmp(sections->items[i]->name, name) == 0)
            return sections->items[i];
    }
    return NULL;
}

/* Where a mistake in a value of a section is. */
static struct wf_conf_place at(const struct wf_conf_section *section, enum wf_conf_key_id id)
{
    unsigned line = section->values[id].line;

    return (struct wf_conf_place){line == 0 ? section->line : line, section->title,
                                  wf_conf_key(id)->name};
}

/* The first of the sections (NULL ones are passed over) in which the key stands, NULL if none. */
static const struct wf_conf_section *holder(const struct wf_conf_section *const sections[3],
                                            enum wf_conf_key_id id)
{
    for (size_t i = 0; i < 3; i++) {
        if (sections[i] != NULL && sections[i]->values[id].line != 0)
            return sections[i];
    }
    return NULL;
}

/* True if the key is absent from those sections or has a value that was not refused. */
static bool is_good(const struct wf_conf_section *const sections[3], enum wf_conf_key_id id)
{
    const struct wf_conf_section *holds = holder(sections, id);

    return holds == NULL || holds->values[id].good;
}

/* What stands before the provider's section for a service: [service *] never does. */
static const struct wf_conf_section *own(const struct resolver *r,
                                         const struct wf_conf_section *service)
{
    return service == r->star ? NULL : service;
}

/* Fill all keys of an owner's struct from those sections and the defaults. */
static void fill(const struct resolver *r, const struct wf_conf_section *const sections[3],
                 enum wf_conf_owner owner, void *ret)
{
    for (unsigned i = 0; i < WF_CONF_KEY_COUNT; i++) {
        const struct wf_conf_key *key = wf_conf_key((enum wf_conf_key_id)i);
        if (key->owner != owner)
            continue;
        const struct wf_conf_section *from = holder(sections, (enum wf_conf_key_id)i);
        const struct wf_conf_value *value = from == NULL ? &r->defaults[i] : &from->values[i];
        if (value->good)
            wf_conf_key_store(key, value, ret);
    }
}

static void parse_defaults(struct resolver *r)
{
    for (unsigned i = 0; i < WF_CONF_KEY_COUNT; i++) {
        const struct wf_conf_key *key = wf_conf_key((enum wf_conf_key_id)i);
        struct wf_conf_value *value = &r->defaults[i];
        if (key->standard == NULL)
            continue;
        value->text = wf_conf_copy(&r->conf->pool, key->standard, strlen(key->standard));
        value->good = value->text != NULL && key->kind(&r->conf->pool, &key->range, value);
        if (!value->good)
            r->conf->pool.failed = true;
    }
}

/* Plain http was let through while allow_http_loopback was not known yet. */
static void check_url(struct resolver *r, const struct wf_conf_section *section,
                      enum wf_conf_key_id id, bool http_loopback)
{
    const struct wf_conf_value *value = &section->values[id];

    if (value->good && wf_url_check(value->text, http_loopback, NULL) != WF_OK)
        wf_conf_mistake(r->mistakes, at(section, id), "found \"%.100s\", expected %s", value->text,
                        wf_conf_key(id)->expected);
}

static void resolve_provider(struct resolver *r, const struct wf_conf_section *section,
                             struct wf_provider_conf *ret)
{
    const struct wf_conf_section *const from[3] = {section, NULL, NULL};

    for (unsigned i = 0; i < WF_CONF_KEY_COUNT; i++) {
        const struct wf_conf_key *key = wf_conf_key((enum wf_conf_key_id)i);
        if (key->required && section->values[i].line == 0)
            wf_conf_mistake(r->mistakes, at(section, (enum wf_conf_key_id)i),
                            "missing, expected %s", key->expected);
    }
    fill(r, from, WF_CONF_OF_PROVIDER, ret);
    ret->name = section->name;
    check_url(r, section, WF_KEY_URL, ret->allow_http_loopback);
    check_url(r, section, WF_KEY_REDIRECT_URI, ret->allow_http_loopback);
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
static void check_own_naming(struct resolver *r, const struct wf_conf_section *service,
                             const struct wf_conf_section *provider)
{
    const struct wf_conf_section *const from[3] = {own(r, service), provider, r->star};
    struct wf_conf_place place = at(service, WF_KEY_PROVIDER);

    for (unsigned i = 0; i < WF_CONF_KEY_COUNT; i++) {
        const struct wf_conf_key *key = wf_conf_key((enum wf_conf_key_id)i);
        if (key->owner != WF_CONF_OF_NAMING)
            continue;
        const struct wf_conf_section *holds = holder(from, (enum wf_conf_key_id)i);
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

/* The providers of a service: those that it names, else the only one of the file. */
static void resolve_accepted(struct resolver *r, const struct wf_conf_section *service,
                             struct wf_policy *ret)
{
    const struct wf_conf_section *const from[3] = {service, NULL, r->star};
    const struct wf_conf_section *holds = holder(from, WF_KEY_PROVIDER);
    struct wf_words names = {NULL, 0};
    struct wf_accepted *accepted;

    /* A value that was refused yields no name, and no second mistake */
    if (holds != NULL && holds->values[WF_KEY_PROVIDER].good)
        names = holds->values[WF_KEY_PROVIDER].words;
    else if (holds == NULL && r->conf->provider_count == 1)
        names = (struct wf_words){&r->conf->providers[0].name, 1};
    else if (holds == NULL && r->conf->provider_count > 1)
        wf_conf_mistake(r->mistakes, at(service, WF_KEY_PROVIDER),
                        "missing, expected %s, since there are several",
                        wf_conf_key(WF_KEY_PROVIDER)->expected);
    accepted = wf_conf_alloc(&r->conf->pool, names.count * sizeof(*accepted));
    for (size_t i = 0; accepted != NULL && i < names.count; i++) {
        const struct wf_conf_section *provider =
            wf_conf_section_find(r->sections, WF_CONF_PROVIDER, names.items[i]);
        if (provider == NULL) {
            if (holds == service)
                wf_conf_mistake(r->mistakes, at(service, WF_KEY_PROVIDER),
                                "found \"%.100s\", expected the name of a [provider NAME] section",
                                names.items[i]);
            continue;
        }
        const struct wf_conf_section *const naming[3] = {own(r, service), provider, r->star};
        accepted[i].provider = wf_conf_provider(r->conf, names.items[i]);
        fill(r, naming, WF_CONF_OF_NAMING, &accepted[i].naming);
        if (names.count > 1)
            check_own_naming(r, service, provider);
    }
    ret->accepted = accepted;
    ret->accepted_count = names.count;
}

static void resolve_policy(struct resolver *r, const struct wf_conf_section *service,
                           struct wf_policy *ret)
{
    const struct wf_conf_section *const from[3] = {service, NULL, r->star};
    bool own_bounds =
        service->values[WF_KEY_MIN_UID].line != 0 || service->values[WF_KEY_MAX_UID].line != 0;

    ret->service = service->name;
    fill(r, from, WF_CONF_OF_POLICY, ret);
    /* Inherited bounds are reported where they stand */
    if (own_bounds && is_good(from, WF_KEY_MIN_UID) && is_good(from, WF_KEY_MAX_UID) &&
        ret->min_uid > ret->max_uid)
        wf_conf_mistake(r->mistakes,
                        at(service, service->values[WF_KEY_MIN_UID].line != 0 ? WF_KEY_MIN_UID
                                                                              : WF_KEY_MAX_UID),
                        "found min_uid %u and max_uid %u, expected min_uid to be the lower one",
                        (unsigned)ret->min_uid, (unsigned)ret->max_uid);
    resolve_accepted(r, service, ret);
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
