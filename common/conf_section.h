/*
 * The sections of a configuration as they stand in the file, before anything is looked up in the
 * right order: how a key is found in them, and how what is wrong with one is told.
 */
#ifndef WF_CONF_SECTION_H
#define WF_CONF_SECTION_H

#include "conf_keys.h"

/* More than any host has services; bounds the work of one loading. */
#define WF_CONF_SECTIONS_MAX 200

struct wf_conf_section {
    enum wf_conf_section_kind kind;
    const char *name;  /* "acme" */
    const char *title; /* "provider acme" */
    unsigned line;
    struct wf_conf_value values[WF_CONF_KEY_COUNT];
};

/* The file as it stands. */
struct wf_conf_sections {
    struct wf_conf_section *items[WF_CONF_SECTIONS_MAX];
    size_t count;
    unsigned lines; /* of the whole file */
};

/* The section of this kind and name, NULL if there is none. */
struct wf_conf_section *wf_conf_section_find(const struct wf_conf_sections *sections,
                                             enum wf_conf_section_kind kind, const char *name);

/* The first of the sections (NULL ones are passed over) in which the key stands, NULL if none. */
struct wf_conf_section *wf_conf_section_holder(struct wf_conf_section *const sections[3],
                                               enum wf_conf_key_id id);
/* True if the key is absent from those sections or has a value that was not refused. */
bool wf_conf_section_is_good(struct wf_conf_section *const sections[3], enum wf_conf_key_id id);
/* True if the key's value is known, be it the default: what follows from it can be judged. */
bool wf_conf_section_is_settled(const struct wf_conf_section *section, enum wf_conf_key_id id);

/* True if the provider's type is known and is this one. */
bool wf_conf_section_is_of_type(const struct wf_conf_section *provider, enum wf_provider_type type);
/* True if the section speaks of a Machine to Machine application of Workfront's. */
bool wf_conf_section_is_machine(const struct wf_conf_section *provider);

/* Where a mistake in a value of a section is. */
struct wf_conf_place wf_conf_section_place(const struct wf_conf_section *section,
                                           enum wf_conf_key_id id);
/* Refuse a value that did parse. Told once, however many services look it up. */
void wf_conf_section_refuse(struct wf_conf_section *section, enum wf_conf_key_id id,
                            struct wf_conf_mistakes *mistakes);
/* A key that has to be there because of another one. Told once, too. */
void wf_conf_section_need(struct wf_conf_section *section, enum wf_conf_key_id id, const char *why,
                          struct wf_conf_mistakes *mistakes);

#endif
