#include "config.h"

#include "conf_section.h"

#include <string.h>

struct wf_conf_section *wf_conf_section_find(const struct wf_conf_sections *sections,
                                             enum wf_conf_section_kind kind, const char *name)
{
    for (size_t i = 0; i < sections->count; i++) {
        if (sections->items[i]->kind == kind && strcmp(sections->items[i]->name, name) == 0)
            return sections->items[i];
    }
    return NULL;
}

struct wf_conf_section *wf_conf_section_holder(struct wf_conf_section *const sections[3],
                                               enum wf_conf_key_id id)
{
    for (size_t i = 0; i < 3; i++) {
        if (sections[i] != NULL && sections[i]->values[id].line != 0)
            return sections[i];
    }
    return NULL;
}

bool wf_conf_section_is_good(struct wf_conf_section *const sections[3], enum wf_conf_key_id id)
{
    const struct wf_conf_section *holds = wf_conf_section_holder(sections, id);

    return holds == NULL || holds->values[id].good;
}

bool wf_conf_section_is_settled(const struct wf_conf_section *section, enum wf_conf_key_id id)
{
    return section->values[id].line == 0 || section->values[id].good;
}

bool wf_conf_section_is_of_type(const struct wf_conf_section *provider, enum wf_provider_type type)
{
    const struct wf_conf_value *value = &provider->values[WF_KEY_TYPE];

    return value->good && value->number == type;
}

bool wf_conf_section_is_machine(const struct wf_conf_section *section)
{
    return section->values[WF_KEY_PRIVATE_KEY_FILE].line != 0 ||
           section->values[WF_KEY_CUSTOMER_ID].line != 0 ||
           section->values[WF_KEY_USER_ID].line != 0;
}

struct wf_conf_place wf_conf_section_place(const struct wf_conf_section *section,
                                           enum wf_conf_key_id id)
{
    unsigned line = section->values[id].line;

    return (struct wf_conf_place){line == 0 ? section->line : line, section->title,
                                  wf_conf_key(id)->name};
}

void wf_conf_section_refuse(struct wf_conf_section *section, enum wf_conf_key_id id,
                            struct wf_conf_mistakes *mistakes)
{
    struct wf_conf_value *value = &section->values[id];

    wf_conf_refuse(mistakes, wf_conf_section_place(section, id), wf_conf_key(id), value->text);
    value->good = false;
}

void wf_conf_section_need(struct wf_conf_section *section, enum wf_conf_key_id id, const char *why,
                          struct wf_conf_mistakes *mistakes)
{
    struct wf_conf_value *value = &section->values[id];

    if (value->line == 0 && !value->missed)
        wf_conf_mistake(mistakes, wf_conf_section_place(section, id),
                        "missing, expected %s, since %s", wf_conf_key(id)->expected, why);
    value->missed = true;
}
