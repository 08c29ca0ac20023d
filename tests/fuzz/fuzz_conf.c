/* The configuration: whatever the text, it is refused with lines that say where, or every promise
 * of conf.h about its structs holds. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "conf.h"
#include "jwk.h"
#include "url.h"

static void count_line(void *ctx, const char *line)
{
    unsigned *count = ctx;

    (*count)++;
    FUZZ_CLAIM(strncmp(line, "fuzz:", 5) == 0);
    FUZZ_CLAIM(wf_text_is_clean(line, strlen(line)));
}

static void check_words(const struct wf_words *words)
{
    FUZZ_CLAIM(words->count <= WF_CONF_LINE_MAX / 2);
    for (size_t i = 0; i < words->count; i++) {
        size_t len = strlen(words->items[i]);
        FUZZ_CLAIM(len > 0);
        FUZZ_CLAIM(wf_text_is_clean(words->items[i], len));
        FUZZ_CLAIM(strchr(words->items[i], ',') == NULL);
    }
}

static void check_oidc(const struct wf_provider_conf *provider)
{
    bool opaque = provider->introspection || provider->userinfo;

    FUZZ_CLAIM(strpbrk(provider->url, "?#") == NULL);
    FUZZ_CLAIM(!provider->introspection || !provider->userinfo);
    FUZZ_CLAIM(opaque == (provider->token_pattern != NULL));
    FUZZ_CLAIM(!provider->introspection || provider->client_id != NULL);
    switch (provider->client_auth) {
    case WF_CLIENT_AUTH_BASIC:
    case WF_CLIENT_AUTH_BODY:
        FUZZ_CLAIM(!provider->introspection || provider->client_secret_file != NULL);
        break;
    case WF_CLIENT_AUTH_PRIVATE_KEY_JWT:
        FUZZ_CLAIM(provider->private_key_file != NULL);
        break;
    }
    FUZZ_CLAIM(provider->algorithms != 0 && (provider->algorithms & ~WF_ALG_ALL) == 0);
    FUZZ_CLAIM(provider->leeway <= 300 && provider->stale_keys <= 7 * 86400);
    check_words(&provider->allowed_clients);
}

static void check_provider(const struct wf_conf *conf, const struct wf_provider_conf *provider)
{
    bool http = provider->allow_http_loopback;

    FUZZ_CLAIM(wf_conf_provider(conf, provider->name) == provider);
    FUZZ_CLAIM(wf_url_check(provider->url, http, NULL) == WF_OK);
    FUZZ_CLAIM(provider->redirect_uri == NULL ||
               wf_url_check(provider->redirect_uri, http, NULL) == WF_OK);
    FUZZ_CLAIM(provider->client_id == NULL || provider->client_id[0] != '\0');
    FUZZ_CLAIM(provider->timeout >= 1 && provider->timeout <= 60);
    FUZZ_CLAIM(provider->api_version[0] == 'v');
    FUZZ_CLAIM(provider->helper_user[0] != '\0');
    FUZZ_CLAIM(provider->client_secret_file == NULL || provider->client_secret_file[0] == '/');
    FUZZ_CLAIM(provider->ca_file == NULL || provider->ca_file[0] == '/');
    FUZZ_CLAIM(provider->jwks_file == NULL || provider->jwks_file[0] == '/');
    FUZZ_CLAIM(provider->cache_dir == NULL || provider->cache_dir[0] == '/');
    FUZZ_CLAIM(provider->private_key_file == NULL || provider->private_key_file[0] == '/');
    switch (provider->type) {
    case WF_PROVIDER_WORKFRONT:
        FUZZ_CLAIM(strpbrk(strstr(provider->url, "://") + 3, "/?#") == NULL);
        FUZZ_CLAIM(!provider->introspection && !provider->userinfo);
        FUZZ_CLAIM(provider->jwks_file == NULL && provider->allowed_clients.count == 0);
        break;
    case WF_PROVIDER_OIDC:
        check_oidc(provider);
        break;
    }
}

static void check_flow(const struct wf_policy *policy)
{
    const struct wf_provider_conf *first = policy->accepted[0].provider;

    switch (policy->flow) {
    case WF_FLOW_CODE:
        FUZZ_CLAIM(first->type == WF_PROVIDER_OIDC ||
                   (first->client_id != NULL && first->redirect_uri != NULL));
        break;
    case WF_FLOW_TOKEN:
        FUZZ_CLAIM(policy->audience.count > 0 || policy->required_scope.count > 0);
        break;
    case WF_FLOW_REFRESH_CODE:
        FUZZ_CLAIM(policy->max_age > 0 && strcmp(policy->service, "*") != 0);
        FUZZ_CLAIM(first->type == WF_PROVIDER_WORKFRONT && !wf_conf_is_machine(first));
        FUZZ_CLAIM(first->client_id != NULL && first->redirect_uri != NULL);
        break;
    }
}

/* What asks about people, or gives them tokens, where nobody has signed in. */
static void check_silent(const struct wf_conf *conf, const struct wf_policy *policy)
{
    const struct wf_provider_conf *first = policy->accepted[0].provider;
    bool named = strcmp(policy->service, "*") != 0;

    FUZZ_CLAIM(policy->account_check <= WF_ACCOUNT_CHECK_YES);
    FUZZ_CLAIM(policy->grace <= 7U * 86400);
    FUZZ_CLAIM(policy->grace == 0 || (named && (policy->flow == WF_FLOW_REFRESH_CODE ||
                                                policy->account_check != WF_ACCOUNT_CHECK_NO)));
    FUZZ_CLAIM(!policy->token_export ||
               (named && first->client_id != NULL && first->redirect_uri != NULL));
    FUZZ_CLAIM((policy->account_check == WF_ACCOUNT_CHECK_NO && !policy->token_export) ||
               wf_conf_keeps_sessions(conf, first));
}

static void check_policy(const struct wf_conf *conf, const struct wf_policy *policy)
{
    const struct wf_policy *found = NULL;

    FUZZ_CLAIM(wf_conf_policy(conf, policy->service, &found, NULL) == WF_OK && found == policy);
    FUZZ_CLAIM(policy->min_uid <= policy->max_uid && policy->max_uid != UINT32_MAX);
    FUZZ_CLAIM(policy->qr <= WF_QR_ASCII);
    FUZZ_CLAIM(policy->accepted_count > 0);
    FUZZ_CLAIM(policy->max_token >= 256 && policy->max_token <= 65536);
    FUZZ_CLAIM(policy->max_age <= 3650U * 86400);
    FUZZ_CLAIM(!policy->accept_unbound || strcmp(policy->service, "*") != 0);
    check_flow(policy);
    check_silent(conf, policy);
    unsigned patterns = 0;
    for (size_t i = 0; i < policy->accepted_count; i++) {
        const struct wf_naming *naming = &policy->accepted[i].naming;
        FUZZ_CLAIM(policy->accepted[i].provider != NULL);
        FUZZ_CLAIM(naming->username.count > 0);
        FUZZ_CLAIM(naming->map_file == NULL || naming->map_file[0] == '/');
        check_words(&naming->username);
        patterns += policy->accepted[i].provider->token_pattern != NULL ? 1 : 0;
    }
    FUZZ_CLAIM(patterns <= 1);
    check_words(&policy->audience);
    check_words(&policy->required_scope);
    check_words(&policy->allow_users);
    check_words(&policy->deny_users);
    check_words(&policy->require);
    check_words(&policy->require_name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_conf *conf = NULL;
    unsigned lines = 0;
    enum wf_reason reason =
        wf_conf_parse("fuzz", (const char *)data, size, count_line, &lines, &conf, &err);

    FUZZ_CLAIM(reason == WF_OK || reason == WF_CONFIG);
    if (reason == WF_CONFIG) {
        FUZZ_CLAIM(conf == NULL && err.text[0] != '\0' && lines <= WF_CONF_MISTAKES_MAX + 1);
        FUZZ_CLAIM(lines > 0 || size > WF_CONF_FILE_MAX);
        return 0;
    }
    FUZZ_CLAIM(lines == 0 && wf_conf_provider_at(conf, 0) != NULL);
    FUZZ_CLAIM(wf_conf_policy_at(conf, 0) != NULL);
    for (size_t i = 0; wf_conf_provider_at(conf, i) != NULL; i++)
        check_provider(conf, wf_conf_provider_at(conf, i));
    for (size_t i = 0; wf_conf_policy_at(conf, i) != NULL; i++)
        check_policy(conf, wf_conf_policy_at(conf, i));
    wf_conf_free(conf);
    return 0;
}
