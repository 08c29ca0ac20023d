#include "config.h"

#include "conf_flow.h"

#include <stdio.h>
#include <string.h>

/* The section in which the service finds the key, NULL: the default holds. */
static struct wf_conf_section *holder(const struct wf_conf_flow *flow, enum wf_conf_key_id id)
{
    struct wf_conf_section *const from[3] = {flow->service, NULL, flow->star};

    return wf_conf_section_holder(from, id);
}

/* True if it is known what the key says at the service. */
static bool is_known(const struct wf_conf_flow *flow, enum wf_conf_key_id id)
{
    const struct wf_conf_section *holds = holder(flow, id);

    return holds == NULL || holds->values[id].good;
}

/* What of a service supposes that people sign in by code at its first provider. */
static const struct {
    enum wf_conf_key_id key;
    const char *instead; /* the value that does not */
} by_code[] = {
    {WF_KEY_FLOW, "token"},
    {WF_KEY_ACCOUNT_CHECK, "no"},
    {WF_KEY_TOKEN_EXPORT, "no"},
};

static bool wants_code(const struct wf_policy *policy, enum wf_conf_key_id id)
{
    return (id == WF_KEY_FLOW && policy->flow != WF_FLOW_TOKEN) ||
           (id == WF_KEY_ACCOUNT_CHECK && policy->account_check != WF_ACCOUNT_CHECK_NO) ||
           (id == WF_KEY_TOKEN_EXPORT && policy->token_export);
}

/* People sign in by code at this provider, or nobody does: a service that has the default, or
 * inherits, may be one that has no flow, such as a mail server's, or none of this host's services
 * at all. */
static void check_code(const struct wf_conf_flow *flow, struct wf_conf_section *first, size_t i)
{
    char why[WF_CONF_SECTION_MAX + WF_CONF_LINE_MAX + sizeof("the  of [] is ")];
    enum wf_conf_key_id id = by_code[i].key;
    const struct wf_conf_section *holds = holder(flow, id);
    const struct wf_conf_key *key = wf_conf_key(id);
    const char *text = holds == NULL ? key->standard : holds->values[id].text;
    struct wf_conf_place place = wf_conf_section_place(flow->service, id);
    bool written = holds == flow->service;
    bool machine = wf_conf_section_is_machine(first);

    if (wf_conf_section_is_of_type(first, WF_PROVIDER_OIDC) && written) {
        wf_conf_mistake(flow->mistakes, place,
                        "%s = %s with an oidc provider is not available in this version", key->name,
                        text);
    } else if (wf_conf_section_is_of_type(first, WF_PROVIDER_WORKFRONT) && machine && written) {
        wf_conf_mistake(flow->mistakes, place,
                        "found %s, but nobody signs in at [%s], a Machine to Machine "
                        "application; expected another provider, a Web or Single Page Web "
                        "Application, or %s",
                        text, first->title, by_code[i].instead);
    } else if (wf_conf_section_is_of_type(first, WF_PROVIDER_WORKFRONT) && !machine) {
        (void)snprintf(why, sizeof(why), "the %s of [%s] is %s", key->name, flow->service->title,
                       text);
        wf_conf_section_need(first, WF_KEY_CLIENT_ID, why, flow->mistakes);
        wf_conf_section_need(first, WF_KEY_REDIRECT_URI, why, flow->mistakes);
    }
}

/* What the service supposes of the provider where people sign in, its first. */
static void check_first(const struct wf_conf_flow *flow)
{
    const struct wf_policy *policy = flow->policy;

    if (policy->accepted_count == 0 || policy->accepted[0].provider == NULL)
        return;
    struct wf_conf_section *first =
        wf_conf_section_find(flow->sections, WF_CONF_PROVIDER, policy->accepted[0].provider->name);
    for (size_t i = 0; i < WF_ARRAY_LEN(by_code); i++) {
        if (is_known(flow, by_code[i].key) && wants_code(policy, by_code[i].key))
            check_code(flow, first, i);
    }
}

/* What the way in supposes of the service's very own section. A flow that was refused is none of
 * the two. */
static void check_way(const struct wf_conf_flow *flow)
{
    struct wf_conf_section *service = flow->service;

    /* Of its own: an inherited one is that of other services, whose tokens travel to them */
    if (flow->policy->flow == WF_FLOW_TOKEN && service->values[WF_KEY_AUDIENCE].line == 0 &&
        service->values[WF_KEY_REQUIRED_SCOPE].line == 0)
        wf_conf_mistake(flow->mistakes, wf_conf_section_place(service, WF_KEY_FLOW),
                        "found token, and neither audience nor required_scope in [%s], "
                        "expected one of them in this very section: else a token for another "
                        "service opens this one",
                        service->title);
    /* In [service *] it is refused altogether, for whoever inherits it, too */
    if (flow->policy->flow == WF_FLOW_REFRESH_CODE && service != flow->star &&
        holder(flow, WF_KEY_FLOW) == service)
        wf_conf_section_need(service, WF_KEY_MAX_AGE,
                             "flow = refresh, code needs one in this very section", flow->mistakes);
}

/* Nobody asks a provider anew who is not asked at all. */
static void check_grace(const struct wf_conf_flow *flow)
{
    if (flow->service->values[WF_KEY_GRACE].good && is_known(flow, WF_KEY_FLOW) &&
        is_known(flow, WF_KEY_ACCOUNT_CHECK) && flow->policy->flow != WF_FLOW_REFRESH_CODE &&
        flow->policy->account_check == WF_ACCOUNT_CHECK_NO)
        wf_conf_mistake(flow->mistakes, wf_conf_section_place(flow->service, WF_KEY_GRACE),
                        "found without flow = refresh, code and without account_check, expected "
                        "one of them: nothing else asks the provider anew");
}

/* What no service may inherit. */
static void check_star(const struct wf_conf_flow *flow)
{
    static const struct {
        enum wf_conf_key_id key;
        uint64_t from; /* numbers from which on that holds */
        const char *why;
    } own[] = {
        {WF_KEY_FLOW, WF_FLOW_REFRESH_CODE, "lets people in without asking them anything"},
        {WF_KEY_ACCEPT_UNBOUND, 0,
         "opens a service to the tokens of every application of the organisation"},
        {WF_KEY_GRACE, 0, "lets people in of whom nobody knows whether they are active"},
        {WF_KEY_TOKEN_EXPORT, 0, "gives tokens to whatever runs in a session"},
        {WF_KEY_CLIENT_MARKERS, 0, "lets whoever types the password choose a token of this host"},
    };

    for (size_t i = 0; flow->service == flow->star && i < WF_ARRAY_LEN(own); i++) {
        const struct wf_conf_value *value = &flow->service->values[own[i].key];
        if (value->good && value->number >= own[i].from)
            wf_conf_mistake(flow->mistakes, wf_conf_section_place(flow->service, own[i].key),
                            "found in [service *], expected in a [service NAME] alone: it %s, "
                            "which no service may inherit",
                            own[i].why);
    }
}

void wf_conf_flow_check(const struct wf_conf_flow *flow)
{
    check_star(flow);
    check_first(flow);
    check_way(flow);
    /* In [service *] it is refused already */
    if (flow->service != flow->star)
        check_grace(flow);
}
