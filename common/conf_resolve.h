/*
 * From sections as they stand in the file to what conf.h promises: providers, and one policy for
 * each service with everything looked up in the right order.
 */
#ifndef WF_CONF_RESOLVE_H
#define WF_CONF_RESOLVE_H

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

/* Fill conf's providers and policies; what is wrong goes to mistakes. Afterwards conf is complete
 * if there is no mistake and conf->pool has not failed, else only good for freeing. */
void wf_conf_resolve(struct wf_conf *conf, const struct wf_conf_sections *sections,
                     struct wf_conf_mistakes *mistakes);

#endif
