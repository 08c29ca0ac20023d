/*
 * What a service asks for and its provider must be able to give: people who sign in by code,
 * sessions that are kept, tokens of its own.
 */
#ifndef WF_CONF_FLOW_H
#define WF_CONF_FLOW_H

#include "conf_section.h"

/* One service; all borrowed for the call. */
struct wf_conf_flow {
    const struct wf_conf_sections *sections;
    struct wf_conf_mistakes *mistakes;
    struct wf_conf_section *service;
    struct wf_conf_section *star;   /* [service *]; may be the service itself; NULL: not there */
    const struct wf_policy *policy; /* of the service, filled and with its providers */
};

/* Note what does not go together. What is inherited is told where it stands. */
void wf_conf_flow_check(const struct wf_conf_flow *flow);

#endif
