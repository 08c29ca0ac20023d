/* Discovery documents: whatever is believed names our issuer, and only places that may be
 * connected to. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "oidc.h"
#include "url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wf_provider_conf conf = {
        .name = "mail", .type = WF_PROVIDER_OIDC, .url = "https://sso.example", .timeout = 1};
    struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_oidc_parse(&conf, (const char *)data, size, &metadata, &err);
    const char *const endpoints[] = {metadata.jwks_uri, metadata.introspection_endpoint,
                                     metadata.userinfo_endpoint, metadata.token_endpoint};

    FUZZ_CLAIM(reason == WF_OK || reason == WF_MALFORMED || reason == WF_CONFIG);
    FUZZ_CLAIM(wf_text_is_clean(err.text, strlen(err.text)));
    FUZZ_CLAIM((reason == WF_OK) == (err.text[0] == '\0'));
    for (size_t i = 0; i < WF_ARRAY_LEN(endpoints); i++)
        FUZZ_CLAIM(endpoints[i] == NULL ||
                   (reason == WF_OK && wf_url_check(endpoints[i], false, NULL) == WF_OK));
    wf_oidc_metadata_done(&metadata);
    return 0;
}
