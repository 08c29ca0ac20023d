/*
 * From sections as they stand in the file to what conf.h promises: providers, and one policy for
 * each service with everything looked up in the right order.
 */
#ifndef WF_CONF_RESOLVE_H
#define WF_CONF_RESOLVE_H

#include "conf_section.h"

/* Fill conf's providers and policies; what is wrong goes to mistakes. Afterwards conf is complete
 * if there is no mistake and conf->pool has not failed, else only good for freeing. */
void wf_conf_resolve(struct wf_conf *conf, const struct wf_conf_sections *sections,
                     struct wf_conf_mistakes *mistakes);

#endif
