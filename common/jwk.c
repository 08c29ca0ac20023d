#include "config.h"

#include "jwk.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base64.h"
#include "buf.h"
#include "json.h"

/* Bytes of a kid: it is compared, never used as a name of anything. */
#define KID_MAX 1024
/* P-521: 66 bytes each of r and s, in DER with two headers of 2 and one of 3 and sign bytes */
#define ECDSA_HALF_MAX 66
#define ECDSA_DER_MAX (2 * (ECDSA_HALF_MAX + 3) + 3)

enum family { FAMILY_RSA_PKCS1, FAMILY_RSA_PSS, FAMILY_ECDSA, FAMILY_EDDSA };

static const struct {
    const char *name;
    enum family family;
    const char *digest; /* NULL: the algorithm hashes by itself */
    size_t half;        /* ECDSA: bytes of r and of s */
} algs[] = {
    [WF_ALG_RS256] = {"RS256", FAMILY_RSA_PKCS1, "SHA256", 0},
    [WF_ALG_RS384] = {"RS384", FAMILY_RSA_PKCS1, "SHA384", 0},
    [WF_ALG_RS512] = {"RS512", FAMILY_RSA_PKCS1, "SHA512", 0},
    [WF_ALG_PS256] = {"PS256", FAMILY_RSA_PSS, "SHA256", 0},
    [WF_ALG_PS384] = {"PS384", FAMILY_RSA_PSS, "SHA384", 0},
    [WF_ALG_PS512] = {"PS512", FAMILY_RSA_PSS, "SHA512", 0},
    [WF_ALG_ES256] = {"ES256", FAMILY_ECDSA, "SHA256", 32},
    [WF_ALG_ES384] = {"ES384", FAMILY_ECDSA, "SHA384", 48},
    [WF_ALG_ES512] = {"ES512", FAMILY_ECDSA, "SHA512", 66},
    [WF_ALG_EDDSA] = {"EdDSA", FAMILY_EDDSA, NULL, 0},
};
_Static_assert(WF_ARRAY_LEN(algs) == WF_ALG_COUNT, "every algorithm has its row");

#define BIT(alg) (1U << (alg))
#define RSA_ALGS                                                                                   \
    (BIT(WF_ALG_RS256) | BIT(WF_ALG_RS384) | BIT(WF_ALG_RS512) | BIT(WF_ALG_PS256) |               \
     BIT(WF_ALG_PS384) | BIT(WF_ALG_PS512))

struct wf_jwk {
    EVP_PKEY *pkey;
    unsigned algs;
    char *kid;
    size_t kid_len;
    /* Made ready once and copied for each token: 13 % of an RS256 verification is setting up */
    EVP_MD_CTX *ready[WF_ALG_COUNT];
};

bool wf_alg_find(struct wf_span name, enum wf_alg *ret)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(algs); i++) {
        if (wf_span_equals(name, algs[i].name)) {
            *ret = (enum wf_alg)i;
            return true;
        }
    }
    if (!wf_span_equals(name, "Ed25519"))
        return false;
    *ret = WF_ALG_EDDSA;
    return true;
}

const char *wf_alg_name(enum wf_alg alg)
{
    return algs[alg].name;
}

/* A member as bytes. */
static enum wf_reason read_bytes(const struct json_t *json, const char *name, struct wf_buf *out,
                                 struct wf_err *err)
{
    struct wf_span text = {NULL, 0};
    const struct wf_json_field field = {name, WF_JSON_TEXT, &text, true};

    if (wf_json_read(json, &field, 1, err) != WF_OK)
        return WF_KEY;
    enum wf_reason reason = wf_base64url_decode(out, text.ptr, text.len);
    if (reason == WF_MALFORMED)
        reason = wf_fail(err, WF_KEY, "\"%s\" is not base64url", name);
    /* A buffer that did not try to grow is still in order */
    else if (reason != WF_OK && wf_buf_ok(out))
        reason = wf_fail(err, WF_KEY, "\"%s\" is too long", name);
    else if (reason != WF_OK)
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
    return reason;
}

/* What OpenSSL says of a point that is not on its curve, or not in its field. All else that it
 * says of a curve that it knows comes from a lack of memory, which must not look like a bad key:
 * the rest of the set would be kept without it. */
static bool is_bad_point(unsigned long code)
{
    return ERR_GET_LIB(code) == ERR_LIB_EC &&
           (ERR_GET_REASON(code) == EC_R_POINT_IS_NOT_ON_CURVE ||
            ERR_GET_REASON(code) == EC_R_INVALID_ENCODING);
}

/* EVP_PKEY of parameters. OpenSSL looks whether a point lies on its curve when it reads it. Its
 * check of a finished public key is left out: for RSA it is a test of primality, 3 ms for 2048
 * bits, for which a fresh process would wait with every key of the set; check_rsa sees to what
 * makes a key weak by its form. */
static enum wf_reason from_params(const char *type, OSSL_PARAM_BLD *build, EVP_PKEY **ret,
                                  struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params != NULL && make != NULL && EVP_PKEY_fromdata_init(make) == 1 &&
        EVP_PKEY_fromdata(make, ret, EVP_PKEY_PUBLIC_KEY, params) == 1)
        reason = WF_OK;
    else if (is_bad_point(ERR_peek_last_error()))
        reason = wf_fail(err, WF_KEY, "its point is not on the curve");
    else
        reason = wf_fail(err, WF_INTERNAL, "OpenSSL cannot make a key of type %s", type);
    EVP_PKEY_CTX_free(make);
    OSSL_PARAM_free(params);
    return reason;
}

static enum wf_reason check_rsa(const BIGNUM *n, const BIGNUM *e, struct wf_err *err)
{
    int bits = BN_num_bits(n);

    if (bits < WF_RSA_BITS_MIN || bits > WF_RSA_BITS_MAX)
        return wf_fail(err, WF_KEY, "the RSA modulus has %d bits, expected %d to %d", bits,
                       WF_RSA_BITS_MIN, WF_RSA_BITS_MAX);
    if (!BN_is_odd(n))
        return wf_fail(err, WF_KEY, "the RSA modulus is even");
    /* 1 makes every signature its own message; an even one has no inverse; a long one is slow */
    if (!BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > 64)
        return wf_fail(err, WF_KEY, "the RSA exponent is even, 1 or over 64 bits");
    return WF_OK;
}

static enum wf_reason read_rsa(const struct json_t *json, EVP_PKEY **ret, unsigned *ret_algs,
                               struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    /* Zero bytes in front are tolerated by some encoders; a few more than the modulus may have */
    struct wf_buf n_bytes = WF_BUF_INIT(WF_RSA_BITS_MAX / 8 + 1);
    struct wf_buf e_bytes = WF_BUF_INIT(16);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;

    reason = read_bytes(json, "n", &n_bytes, err);
    if (reason != WF_OK)
        goto out;
    reason = read_bytes(json, "e", &e_bytes, err);
    if (reason != WF_OK)
        goto out;
    n = BN_bin2bn(n_bytes.data, (int)n_bytes.len, NULL);
    e = BN_bin2bn(e_bytes.data, (int)e_bytes.len, NULL);
    if (build == NULL || n == NULL || e == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
        goto out;
    }
    reason = check_rsa(n, e, err);
    if (reason != WF_OK)
        goto out;
    if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
        goto out;
    }
    reason = from_params("RSA", build, ret, err);
    *ret_algs = RSA_ALGS;
out:
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    wf_buf_done(&n_bytes);
    wf_buf_done(&e_bytes);
    return reason;
}

static const struct {
    const char *crv;
    const char *group;
    enum wf_alg alg;
} curves[] = {
    {"P-256", "prime256v1", WF_ALG_ES256},
    {"P-384", "secp384r1", WF_ALG_ES384},
    {"P-521", "secp521r1", WF_ALG_ES512},
};

/* 0x04 x y, each of the curve's full length (RFC 7518 §6.2.1.2) */
static enum wf_reason read_point(const struct json_t *json, size_t half, struct wf_buf *out,
                                 struct wf_err *err)
{
    static const char *const members[] = {"x", "y"};

    /* If this fails, so does what follows */
    wf_buf_append_byte(out, 4);
    for (size_t i = 0; i < WF_ARRAY_LEN(members); i++) {
        size_t before = out->len;
        enum wf_reason reason = read_bytes(json, members[i], out, err);
        if (reason != WF_OK)
            return reason;
        if (out->len - before != half)
            return wf_fail(err, WF_KEY, "\"%s\" has %zu bytes, expected %zu", members[i],
                           out->len - before, half);
    }
    return WF_OK;
}

static enum wf_reason read_ec(const struct json_t *json, EVP_PKEY **ret, unsigned *ret_algs,
                              struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_span crv = wf_json_text(json, "crv");
    struct wf_buf point = WF_BUF_INIT(2 * ECDSA_HALF_MAX + 1);
    OSSL_PARAM_BLD *build = NULL;
    size_t c = 0;

    while (c < WF_ARRAY_LEN(curves) && !wf_span_equals(crv, curves[c].crv))
        c++;
    if (c == WF_ARRAY_LEN(curves))
        return wf_fail(err, WF_KEY, "crv \"%.*s\" is not P-256, P-384 or P-521",
                       (int)(crv.len < 32 ? crv.len : 32), crv.ptr == NULL ? "" : crv.ptr);
    reason = read_point(json, algs[curves[c].alg].half, &point, err);
    if (reason != WF_OK)
        goto out;
    build = OSSL_PARAM_BLD_new();
    if (build == NULL ||
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curves[c].group, 0) !=
            1 ||
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) !=
            1) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
        goto out;
    }
    reason = from_params("EC", build, ret, err);
    *ret_algs = BIT(curves[c].alg);
out:
    OSSL_PARAM_BLD_free(build);
    wf_buf_done(&point);
    return reason;
}

#define ED25519_SIZE 32
/* The y of every point of Ed25519 whose order is 8 or less, in both encodings where there are two.
 * OpenSSL takes them for keys, and anybody can sign for them: as RSA's exponent 1. */
static const uint8_t small_order[][ED25519_SIZE] = {
    {0}, /* y = 0, order 4 */
    {1}, /* y = 1, the neutral element */
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
     0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
     0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
     0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
     0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0x7f},
};

static bool has_small_order(const uint8_t x[ED25519_SIZE])
{
    for (size_t i = 0; i < WF_ARRAY_LEN(small_order); i++) {
        /* The top bit is the sign of the other coordinate */
        if (memcmp(x, small_order[i], ED25519_SIZE - 1) == 0 &&
            (x[ED25519_SIZE - 1] & 0x7f) == small_order[i][ED25519_SIZE - 1])
            return true;
    }
    return false;
}

static enum wf_reason read_okp(const struct json_t *json, EVP_PKEY **ret, unsigned *ret_algs,
                               struct wf_err *err)
{
    struct wf_span crv = wf_json_text(json, "crv");
    struct wf_buf x = WF_BUF_INIT(ED25519_SIZE);

    /* Ed448 is a legal EdDSA curve, but no provider is known to use it; X25519 cannot sign */
    if (!wf_span_equals(crv, "Ed25519"))
        return wf_fail(err, WF_KEY, "crv \"%.*s\" is not Ed25519",
                       (int)(crv.len < 32 ? crv.len : 32), crv.ptr == NULL ? "" : crv.ptr);
    enum wf_reason reason = read_bytes(json, "x", &x, err);
    if (reason == WF_OK && x.len != ED25519_SIZE)
        reason = wf_fail(err, WF_KEY, "\"x\" has %zu bytes, expected %d", x.len, ED25519_SIZE);
    else if (reason == WF_OK && has_small_order(x.data))
        reason = wf_fail(err, WF_KEY, "anybody can sign for its point");
    if (reason == WF_OK) {
        *ret = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x.data, x.len);
        if (*ret == NULL)
            reason = wf_fail(err, WF_INTERNAL, "OpenSSL cannot make an Ed25519 key");
        *ret_algs = BIT(WF_ALG_EDDSA);
    }
    wf_buf_done(&x);
    return reason;
}

/* `use`, `key_ops` and private members: what the key is for (RFC 7517 §4.2, §4.3). */
static enum wf_reason check_purpose(const struct json_t *json, struct wf_err *err)
{
    static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

    for (size_t i = 0; i < WF_ARRAY_LEN(private_members); i++) {
        if (wf_json_present(json, private_members[i]))
            return wf_fail(err, WF_KEY, "it has the private member \"%s\": whoever publishes it "
                                        "has lost it", private_members[i]);
    }
    if (wf_json_present(json, "use") && !wf_span_equals(wf_json_text(json, "use"), "sig"))
        return wf_fail(err, WF_KEY, "its use is not sig");
    if (wf_json_present(json, "key_ops") &&
        !wf_json_has(json, "key_ops", (struct wf_span){"verify", 6}))
        return wf_fail(err, WF_KEY, "its key_ops have no verify");
    return WF_OK;
}

/* `alg` narrows what the type allows (RFC 7517 §4.4). */
static enum wf_reason narrow(const struct json_t *json, struct wf_jwk *key, struct wf_err *err)
{
    struct wf_span name = wf_json_text(json, "alg");
    enum wf_alg alg;

    if (!wf_json_present(json, "alg"))
        return WF_OK;
    if (!wf_alg_find(name, &alg) || (key->algs & BIT(alg)) == 0)
        return wf_fail(err, WF_KEY, "its alg \"%.*s\" is not for its type",
                       (int)(name.len < 32 ? name.len : 32), name.ptr == NULL ? "" : name.ptr);
    key->algs = BIT(alg);
    return WF_OK;
}

static enum wf_reason read_kid(const struct json_t *json, struct wf_jwk *key, struct wf_err *err)
{
    struct wf_span kid = wf_json_text(json, "kid");

    if (!wf_json_present(json, "kid"))
        return WF_OK;
    if (kid.ptr == NULL || kid.len > KID_MAX)
        return wf_fail(err, WF_KEY, "its kid is no string of at most %d bytes", KID_MAX);
    key->kid = malloc(kid.len + 1);
    if (key->kid == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory");
    memcpy(key->kid, kid.ptr, kid.len);
    key->kid[kid.len] = '\0';
    key->kid_len = kid.len;
    return WF_OK;
}

static enum wf_reason read_material(const struct json_t *json, struct wf_jwk *key,
                                    struct wf_err *err)
{
    static const struct {
        const char *kty;
        enum wf_reason (*read)(const struct json_t *json, EVP_PKEY **ret, unsigned *ret_algs,
                               struct wf_err *err);
    } types[] = {{"RSA", read_rsa}, {"EC", read_ec}, {"OKP", read_okp}};
    struct wf_span kty = wf_json_text(json, "kty");

    for (size_t i = 0; i < WF_ARRAY_LEN(types); i++) {
        if (wf_span_equals(kty, types[i].kty))
            return types[i].read(json, &key->pkey, &key->algs, err);
    }
    return wf_fail(err, WF_KEY, "kty \"%.*s\" is not RSA, EC or OKP",
                   (int)(kty.len < 32 ? kty.len : 32), kty.ptr == NULL ? "" : kty.ptr);
}

static enum wf_reason make_ready(struct wf_jwk *key, enum wf_alg alg, struct wf_err *err)
{
    EVP_PKEY_CTX *ctx = NULL; /* the digest context's own */
    EVP_MD_CTX *ready = EVP_MD_CTX_new();

    if (ready == NULL ||
        EVP_DigestVerifyInit_ex(ready, &ctx, algs[alg].digest, NULL, NULL, key->pkey, NULL) != 1 ||
        (algs[alg].family == FAMILY_RSA_PSS &&
         (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
          EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1))) {
        EVP_MD_CTX_free(ready);
        return wf_fail(err, WF_INTERNAL, "OpenSSL does not set up %s", algs[alg].name);
    }
    key->ready[alg] = ready;
    return WF_OK;
}

enum wf_reason wf_jwk_new(const struct json_t *json, struct wf_jwk **ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_jwk *key = calloc(1, sizeof(*key));

    if (key == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory");
    /* The queue of errors is the thread's, and the host may be about to read its own */
    (void)ERR_set_mark();
    reason = check_purpose(json, err);
    if (reason != WF_OK)
        goto out;
    reason = read_material(json, key, err);
    if (reason != WF_OK)
        goto out;
    reason = narrow(json, key, err);
    if (reason != WF_OK)
        goto out;
    reason = read_kid(json, key, err);
    if (reason != WF_OK)
        goto out;
    for (unsigned alg = 0; alg < WF_ALG_COUNT; alg++) {
        if ((key->algs & BIT(alg)) == 0)
            continue;
        reason = make_ready(key, (enum wf_alg)alg, err);
        if (reason != WF_OK)
            goto out;
    }
    *ret = key;
    key = NULL;
out:
    wf_jwk_free(key);
    (void)ERR_pop_to_mark();
    return reason;
}

void wf_jwk_free(struct wf_jwk *key)
{
    if (key == NULL)
        return;
    for (size_t i = 0; i < WF_ARRAY_LEN(key->ready); i++)
        EVP_MD_CTX_free(key->ready[i]);
    EVP_PKEY_free(key->pkey);
    free(key->kid);
    free(key);
}

struct wf_span wf_jwk_kid_borrow(const struct wf_jwk *key)
{
    return (struct wf_span){key->kid, key->kid_len};
}

unsigned wf_jwk_algs(const struct wf_jwk *key)
{
    return key->algs;
}

/* r || s to the DER that OpenSSL takes. False if memory is short. */
static bool to_der(const uint8_t *raw, size_t half, uint8_t der[ECDSA_DER_MAX], size_t *ret_len)
{
    bool done = false;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)half, NULL);
    BIGNUM *s = BN_bin2bn(raw + half, (int)half, NULL);
    uint8_t *end = der;

    /* It takes no NULL, and it takes both or none */
    if (sig != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = NULL;
        s = NULL;
        int n = i2d_ECDSA_SIG(sig, &end);
        *ret_len = (size_t)n;
        done = n > 0;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return done;
}

enum wf_reason wf_jwk_verify(const struct wf_jwk *key, enum wf_alg alg, struct wf_span data,
                             const uint8_t *signature, size_t len, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    uint8_t der[ECDSA_DER_MAX];
    EVP_MD_CTX *ctx = NULL;

    if ((key->algs & BIT(alg)) == 0)
        return wf_fail(err, WF_KEY, "the key is not for %s", algs[alg].name);
    if (algs[alg].family == FAMILY_ECDSA && len != 2 * algs[alg].half)
        return wf_fail(err, WF_SIGNATURE, "the %s signature has %zu bytes, expected %zu",
                       algs[alg].name, len, 2 * algs[alg].half);
    (void)ERR_set_mark();
    if (algs[alg].family == FAMILY_ECDSA) {
        if (!to_der(signature, algs[alg].half, der, &len)) {
            reason = wf_fail(err, WF_INTERNAL, "out of memory");
            goto out;
        }
        signature = der;
    }
    ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_MD_CTX_copy_ex(ctx, key->ready[alg]) != 1)
        reason = wf_fail(err, WF_INTERNAL, "OpenSSL has no memory to verify");
    else if (EVP_DigestVerify(ctx, signature, len, (const unsigned char *)data.ptr, data.len) == 1)
        reason = WF_OK;
    else
        reason = wf_fail(err, WF_SIGNATURE, "the %s signature does not verify", algs[alg].name);
out:
    EVP_MD_CTX_free(ctx);
    (void)ERR_pop_to_mark();
    return reason;
}
