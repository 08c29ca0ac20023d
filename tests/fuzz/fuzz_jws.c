/*
 * A token: what is taken apart makes the same token when it is put together again, and no key
 * verifies but what its owner has signed.
 */
#include "config.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "json.h"
#include "jwks.h"
#include "jws.h"
#include "rules.h"

/* RFC 7515 §A.3, RFC 8037 §A.4: the seeds have what these two have signed. */
static const char keys_text[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvR"
    "VEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},{\"kty\":\"OKP\",\"crv\":"
    "\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
static const char signed_input[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN"
    "vbS9pc19yb290Ijp0cnVlfQ";

static void claim_same(const struct wf_jws *jws, const uint8_t *data, size_t size)
{
    struct wf_buf again = WF_BUF_INIT(size + 3);

    wf_buf_append(&again, jws->signing_input.ptr, jws->signing_input.len);
    wf_buf_append_byte(&again, '.');
    wf_base64url_encode(&again, jws->signature, jws->signature_len);
    FUZZ_CLAIM(wf_buf_ok(&again) && again.len == size && memcmp(again.data, data, size) == 0);
    FUZZ_CLAIM(jws->header_text.ptr[jws->header_text.len] == '.');
    wf_buf_done(&again);
}

static void claim_json(const struct json_t *json)
{
    struct json_t *again = NULL;
    char *text = wf_json_dump(json);

    FUZZ_CLAIM(text != NULL && wf_json_parse(text, strlen(text), &again, NULL) == WF_OK);
    wf_json_free(again);
    free(text);
}

static void claim_verdict(const struct wf_jwks *keys, const struct wf_jws *jws,
                          const struct wf_jws_header *header)
{
    enum wf_reason reason = wf_jwks_verify(keys, header, jws, NULL);

    if (reason == WF_OK)
        FUZZ_CLAIM(jws->signing_input.len == sizeof(signed_input) - 1 &&
                   memcmp(jws->signing_input.ptr, signed_input, sizeof(signed_input) - 1) == 0);
    else
        FUZZ_CLAIM(reason == (wf_jwks_fits(keys, header) ? WF_SIGNATURE : WF_KEY));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wf_jwks *keys;
    struct wf_jws jws;
    struct wf_jws_header header;

    if (keys == NULL)
        FUZZ_CLAIM(wf_jwks_parse(keys_text, sizeof(keys_text) - 1, &keys, NULL, NULL) == WF_OK);
    bool plausible = wf_jws_is_plausible((const char *)data, size);
    enum wf_reason reason = wf_jws_parse((const char *)data, size, &jws, NULL);
    FUZZ_CLAIM(reason == WF_OK || reason == WF_MALFORMED);
    if (reason != WF_OK)
        return 0;
    /* Blanks before the header's brace are legal, and not plausible */
    FUZZ_CLAIM(plausible || data[0] != 'e');
    claim_same(&jws, data, size);
    claim_json(jws.header);
    claim_json(jws.payload);
    reason = wf_rules_check_types(jws.payload, NULL);
    FUZZ_CLAIM(reason == WF_OK || reason == WF_MALFORMED);
    reason = wf_jws_header(&jws, &header, NULL);
    FUZZ_CLAIM(reason == WF_OK || reason == WF_ALGORITHM);
    if (reason == WF_OK)
        claim_verdict(keys, &jws, &header);
    wf_jws_done(&jws);
    return 0;
}
