/* Sets of keys, from a provider (first byte even) or as an entry of the cache folder: what is taken
 * can be used and written, and what is written is read back. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "jws.h"
#include "keyring_entry.h"

static const struct wf_provider_conf conf = {
    .name = "mail", .type = WF_PROVIDER_OIDC, .url = "https://sso.example", .timeout = 1};

static void use(const struct wf_jwks *set)
{
    static const uint8_t signature[256];
    struct wf_jws jws = {.signing_input = {"a.b", 3}, .signature_len = sizeof(signature)};

    for (unsigned alg = 0; alg < WF_ALG_COUNT; alg++) {
        const struct wf_jws_header header = {.alg = (enum wf_alg)alg};
        if (wf_jwks_fits(set, &header))
            FUZZ_CLAIM(wf_jwks_verify(set, &header, &jws, NULL) != WF_OK);
        else
            FUZZ_CLAIM(wf_jwks_verify(set, &header, &jws, NULL) == WF_KEY);
    }
}

static void use_keys(const struct wf_keys *keys)
{
    struct wf_buf entry = WF_BUF_INIT(1024 * 1024);
    struct wf_keys *again = NULL;

    use(keys->set);
    FUZZ_CLAIM(wf_keys_write(keys, &conf, &entry));
    FUZZ_CLAIM(wf_keys_read(&conf, (struct wf_span){(const char *)entry.data, entry.len}, keys,
                            &again, NULL) == WF_OK);
    FUZZ_CLAIM(again->set == keys->set && again->fetched == keys->fetched &&
               again->fresh_until == keys->fresh_until && strcmp(again->etag, keys->etag) == 0 &&
               strcmp(again->jwks_uri, keys->jwks_uri) == 0);
    wf_keys_free(again);
    wf_buf_done(&entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_span text = {NULL, 0};
    struct wf_entry failure = {.reason = WF_OK};
    struct wf_err err = WF_ERR_INIT;
    struct wf_keys *keys = NULL;
    enum wf_reason reason = WF_MALFORMED;

    if (size == 0)
        return 0;
    text = (struct wf_span){(const char *)data + 1, size - 1};
    if (data[0] % 2 == 0) {
        const struct wf_keys_parts parts = {
            .text = text, .jwks_uri = {"https://x/", 10}, .fetched = 0, .fresh_until = 60};
        reason = wf_keys_new(&parts, NULL, &keys, NULL, &err);
    } else {
        reason = wf_keys_read(&conf, text, NULL, &keys, &err);
        if (wf_keys_failure_read(&conf, text, &failure, NULL) == WF_OK)
            FUZZ_CLAIM((failure.reason == WF_UNREACHABLE || failure.reason == WF_CONFIG) &&
                       failure.until - failure.fetched <= WF_KEYS_REST_MAX &&
                       wf_text_is_clean(failure.text, strlen(failure.text)));
    }
    FUZZ_CLAIM(reason == WF_OK || reason == WF_MALFORMED || reason == WF_EXPIRED);
    FUZZ_CLAIM((reason == WF_OK) == (keys != NULL));
    FUZZ_CLAIM(wf_text_is_clean(err.text, strlen(err.text)));
    if (keys != NULL)
        use_keys(keys);
    wf_keys_free(keys);
    return 0;
}
