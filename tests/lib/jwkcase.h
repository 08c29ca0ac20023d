/* What the tests of keys share: a key from its text, and which algorithms fit. */
#ifndef WF_TEST_JWKCASE_H
#define WF_TEST_JWKCASE_H

#include <string.h>

#include "json.h"
#include "jwk.h"

#define RSA_ALGS 0x3fU
#define ES256 (1U << WF_ALG_ES256)
#define ES384 (1U << WF_ALG_ES384)
#define ES512 (1U << WF_ALG_ES512)
#define EDDSA (1U << WF_ALG_EDDSA)

static inline enum wf_reason make(const char *text, struct wf_jwk **ret, struct wf_err *err)
{
    struct json_t *json = NULL;
    enum wf_reason reason = wf_json_parse(text, strlen(text), &json, err);

    if (reason == WF_OK)
        reason = wf_jwk_new(json, ret, err);
    wf_json_free(json);
    return reason;
}

/* A JWK that must be good. */
static inline struct wf_jwk *key_of(const char *text)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_jwk *key = NULL;

    if (make(text, &key, &err) != WF_OK)
        fail_msg("%s: %s", text, err.text);
    return key;
}

#endif
