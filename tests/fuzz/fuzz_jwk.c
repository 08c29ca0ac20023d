/* A JSON Web Key: what comes of it may verify what its type may, and nothing that nobody signed. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "json.h"
#include "jwk.h"

static void claim_key(const struct wf_jwk *key)
{
    static const char text[] = "e30.e30";
    static const uint8_t zeros[WF_RSA_BITS_MAX / 8];
    static const size_t lengths[] = {1, 64, 96, 132, 256, WF_RSA_BITS_MAX / 8};
    unsigned algs = wf_jwk_algs(key);

    FUZZ_CLAIM(algs != 0 && (algs & ~WF_ALG_ALL) == 0);
    FUZZ_CLAIM(wf_jwk_kid_borrow(key).len <= 1024);
    for (unsigned alg = 0; alg < WF_ALG_COUNT; alg++) {
        for (size_t i = 0; i < WF_ARRAY_LEN(lengths); i++) {
            enum wf_reason reason =
                wf_jwk_verify(key, (enum wf_alg)alg, (struct wf_span){text, sizeof(text) - 1},
                              zeros, lengths[i], NULL);
            FUZZ_CLAIM(reason == ((algs >> alg & 1) != 0 ? WF_SIGNATURE : WF_KEY));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_t *json = NULL;
    struct wf_jwk *key = NULL;

    if (wf_json_parse((const char *)data, size, &json, NULL) != WF_OK)
        return 0;
    enum wf_reason reason = wf_jwk_new(json, &key, NULL);
    FUZZ_CLAIM(reason == WF_OK || reason == WF_KEY);
    FUZZ_CLAIM((reason == WF_OK) == (key != NULL));
    if (key != NULL)
        claim_key(key);
    wf_jwk_free(key);
    wf_json_free(json);
    return 0;
}
