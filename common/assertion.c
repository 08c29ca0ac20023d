#include "config.h"

#include "assertion.h"

#include <stdlib.h>
#include <string.h>

#include <jwt.h>

#include "crypto.h"
#include "pem.h"

struct claims {
    const struct wf_assertion *what;
    char jti[33];
};

static enum wf_reason check_text(const char *name, const char *text, struct wf_err *err)
{
    size_t len = strlen(text);

    if (len == 0 || len > WF_ASSERTION_TEXT_MAX || !wf_text_is_printable(text, len))
        return wf_fail(err, WF_INTERNAL,
                       "the assertion's %s has %zu bytes, expected 1 to %zu of printable ASCII",
                       name, len, WF_ASSERTION_TEXT_MAX);
    return WF_OK;
}

static enum wf_reason check(const struct wf_assertion *assertion, struct wf_err *err)
{
    enum wf_reason reason = check_text("issuer", assertion->issuer, err);

    if (reason == WF_OK)
        reason = check_text("subject", assertion->subject, err);
    if (reason == WF_OK && assertion->audience != NULL)
        reason = check_text("audience", assertion->audience, err);
    if (reason == WF_OK &&
        (assertion->lifetime < 1 || assertion->lifetime > WF_ASSERTION_LIFETIME_MAX ||
         assertion->issued < 0 || assertion->issued > INT64_MAX / 2))
        reason = wf_fail(err, WF_INTERNAL, "the assertion's dates are out of range");
    return reason;
}

static enum wf_reason make_jti(char jti[33], struct wf_err *err)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];
    enum wf_reason reason = wf_crypto_random(bytes, sizeof(bytes), err);

    for (size_t i = 0; i < sizeof(bytes); i++) {
        jti[2 * i] = digits[bytes[i] >> 4];
        jti[2 * i + 1] = digits[bytes[i] & 15];
    }
    jti[32] = '\0';
    return reason;
}

/* The two versions of libjwt differ in everything but what they make. Both copy the key into
 * memory that they do not wipe; the process that does this is the helper, which lives for one
 * sign-in. The result is malloc'ed by a libjwt whose allocator nobody sets; NULL on failure. */
#ifdef HAVE_JWT_BUILDER_NEW

static bool add_text(jwt_builder_t *builder, const char *name, const char *text)
{
    jwt_value_t value;

    if (text == NULL)
        return true;
    jwt_set_SET_STR(&value, name, text);
    return jwt_builder_claim_set(builder, &value) == JWT_VALUE_ERR_NONE;
}

static bool add_number(jwt_builder_t *builder, const char *name, int64_t number)
{
    jwt_value_t value;

    jwt_set_SET_INT(&value, name, number);
    return jwt_builder_claim_set(builder, &value) == JWT_VALUE_ERR_NONE;
}

static char *sign(const struct claims *claims, struct wf_buf *jwk, jwt_alg_t alg)
{
    const struct wf_assertion *what = claims->what;
    jwk_set_t *set = jwks_create_strn((const char *)jwk->data, jwk->len);
    jwt_builder_t *builder = jwt_builder_new();
    char *text = NULL;

    /* Ours carries the caller's clock */
    if (builder != NULL && set != NULL && jwt_builder_enable_iat(builder, 0) >= 0 &&
        jwt_builder_setkey(builder, alg, jwks_item_get(set, 0)) == 0 &&
        add_text(builder, "iss", what->issuer) && add_text(builder, "sub", what->subject) &&
        add_text(builder, "aud", what->audience) && add_text(builder, "jti", claims->jti) &&
        add_number(builder, "iat", what->issued) &&
        add_number(builder, "exp", what->issued + what->lifetime))
        text = jwt_builder_generate(builder);
    jwt_builder_free(builder);
    jwks_free(set);
    return text;
}

#else

static char *sign(const struct claims *claims, struct wf_buf *jwk, jwt_alg_t alg)
{
    const struct wf_assertion *what = claims->what;
    jwt_t *jwt = NULL;
    char *text = NULL;

    (void)jwk;
    if (jwt_new(&jwt) != 0)
        return NULL;
    if (jwt_set_alg(jwt, alg, (const unsigned char *)what->key.ptr, (int)what->key.len) == 0 &&
        jwt_add_grant(jwt, "iss", what->issuer) == 0 &&
        jwt_add_grant(jwt, "sub", what->subject) == 0 &&
        (what->audience == NULL || jwt_add_grant(jwt, "aud", what->audience) == 0) &&
        jwt_add_grant(jwt, "jti", claims->jti) == 0 &&
        jwt_add_grant_int(jwt, "iat", (long)what->issued) == 0 &&
        jwt_add_grant_int(jwt, "exp", (long)(what->issued + what->lifetime)) == 0)
        text = jwt_encode_str(jwt);
    jwt_free(jwt);
    return text;
}

#endif

enum wf_reason wf_assertion_sign(const struct wf_assertion *assertion, struct wf_buf *out,
                                 struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct claims claims = {assertion, ""};
    struct wf_buf jwk = WF_BUF_INIT(WF_ASSERTION_KEY_MAX);
    const char *name = NULL;
    char *text = NULL;

    reason = check(assertion, err);
    if (reason != WF_OK)
        goto out;
    reason = wf_pem_to_jwk(assertion->key, assertion->algorithm, &jwk, &name, err);
    if (reason != WF_OK)
        goto out;
    jwt_alg_t alg = jwt_str_alg(name);
    if (alg == JWT_ALG_INVAL) {
        reason =
            wf_fail(err, WF_CONFIG,
                    "this wfauth was built with a libjwt that does not sign with %s, version 3 "
                    "does: take an RSA key with RS256, or an EC key",
                    name);
        goto out;
    }
    reason = make_jti(claims.jti, err);
    if (reason != WF_OK)
        goto out;
    text = sign(&claims, &jwk, alg);
    if (text == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "libjwt does not sign with this key and %s", name);
        goto out;
    }
    wf_buf_append_text(out, text);
    reason = wf_buf_ok(out) ? WF_OK : wf_fail(err, WF_INTERNAL, "no room for an assertion");
out:
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
    wf_buf_done(&jwk);
    return reason;
}
