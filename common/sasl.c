#include "config.h"

#include <string.h>
#include <unistd.h>

#include "context.h"
#include "identity.h"
#include "oidc.h"
#include "wfauth.h"

/* A text that does not fit is left out: half of one would be wrong. */
static void copy(char *ret, size_t size, struct wf_buf *text)
{
    const char *borrowed = wf_buf_text_borrow(text);

    ret[0] = '\0';
    if (borrowed != NULL && text->len < size)
        memcpy(ret, borrowed, text->len + 1);
}

static void describe_scope(const struct wf_policy *policy, struct wf_sasl *ret)
{
    struct wf_buf text = WF_BUF_INIT(sizeof(ret->scope));

    for (size_t i = 0; i < policy->required_scope.count; i++) {
        if (i > 0)
            wf_buf_append_byte(&text, ' ');
        wf_buf_append_text(&text, policy->required_scope.items[i]);
    }
    copy(ret->scope, sizeof(ret->scope), &text);
    wf_buf_done(&text);
}

static void describe_configuration(const struct wf_policy *policy, struct wf_sasl *ret)
{
    struct wf_buf text = WF_BUF_INIT(sizeof(ret->configuration));
    const struct wf_provider_conf *provider = NULL;

    for (size_t i = 0; i < policy->accepted_count && provider == NULL; i++) {
        if (policy->accepted[i].provider->type == WF_PROVIDER_OIDC)
            provider = policy->accepted[i].provider;
    }
    if (provider != NULL)
        wf_oidc_address(provider, &text);
    copy(ret->configuration, sizeof(ret->configuration), &text);
    wf_buf_done(&text);
}

enum wf_reason wf_sasl_describe(const struct wf_context *context, const char *service,
                                struct wf_sasl *ret, struct wf_err *err)
{
    const struct wf_policy *policy = NULL;
    enum wf_reason reason = wf_conf_policy(wf_context_conf_borrow(context), service, &policy, err);

    if (reason != WF_OK)
        return reason;
    describe_scope(policy, ret);
    describe_configuration(policy, ret);
    ret->host = policy->host;
    ret->port = policy->port;
    ret->client = policy->client;
    return WF_OK;
}

bool wf_sasl_has_clients(const struct wf_context *context)
{
    const struct wf_policy *policy = NULL;
    bool any = false;

    for (size_t i = 0; (policy = wf_conf_policy_at(wf_context_conf_borrow(context), i)) != NULL;
         i++)
        any = any || policy->client.enabled;
    return any;
}

bool wf_sasl_is_same_user(const struct wf_context *context, const char *service,
                          const struct wf_result *result, const char *name, size_t len)
{
    const struct wf_policy *policy = NULL;

    if (result->reason != WF_OK ||
        wf_conf_policy(wf_context_conf_borrow(context), service, &policy, NULL) != WF_OK)
        return false;
    for (size_t i = 0; i < policy->accepted_count; i++) {
        const struct wf_accepted *accepted = &policy->accepted[i];
        if (strcmp(accepted->provider->name, result->provider) == 0)
            return wf_identity_is_alias(&accepted->naming, (struct wf_span){name, len},
                                        result->user);
    }
    return false;
}

enum wf_reason wf_sasl_token(const struct wf_context *context, enum wf_markers markers,
                             const char *given, size_t len, struct wf_secret **ret,
                             char ret_provider[WF_NAME_SIZE], struct wf_err *err)
{
    struct wf_span name;

    ret_provider[0] = '\0';
    if (!wf_marker_is_provider(markers, given, len, &name))
        return wf_marker_token(markers, given, len, ret, err);
    if (name.len == 0 || name.len >= WF_NAME_SIZE || !wf_text_is_printable(name.ptr, name.len))
        return wf_fail(err, WF_CONFIG, "provider:NAME has no name of a [provider NAME] section");
    memcpy(ret_provider, name.ptr, name.len);
    ret_provider[name.len] = '\0';
    enum wf_reason reason = wf_token(context, ret_provider, ret, err);
    /* What Postfix's smtp is in, unless master.cf says no */
    if (reason == WF_CONFIG && geteuid() != 0 && access(WF_HELPER_PATH, F_OK) != 0)
        wf_err_context(err, "there is no %s here (chroot?), and", WF_HELPER_PATH);
    return reason;
}

void wf_sasl_audit(const struct wf_context *context, const struct wf_request *request,
                   enum wf_reason reason, const struct wf_err *err)
{
    const struct wf_result nobody = {.reason = reason};

    wf_context_audit(context, "token", request, &nobody, reason, err);
}
