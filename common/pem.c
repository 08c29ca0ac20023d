#include "config.h"

#include "pem.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base64.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

/* OpenSSL would ask on the terminal for an encrypted key's password. */
static int no_password(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)ctx;
    return -1;
}

/* One row of a JWK: the number `param` of the key as the member `name`. */
struct member {
    const char *name;
    const char *param;
};

/* ,"name":"base64url of the number", of width bytes at least (RFC 7518 §6.2.1.2: a coordinate is
 * as long as the field, whatever its value). */
static bool append_number(struct wf_buf *out, const EVP_PKEY *key, const struct member *member,
                          int width)
{
    BIGNUM *number = NULL;
    uint8_t bytes[RSA_BITS_MAX / 8];
    bool done = false;

    if (EVP_PKEY_get_bn_param(key, member->param, &number) != 1)
        return false;
    int len = BN_num_bytes(number);
    if (len < width)
        len = width;
    if (len <= (int)sizeof(bytes) && BN_bn2binpad(number, bytes, len) == len) {
        wf_buf_append_format(out, ",\"%s\":\"", member->name);
        wf_base64url_encode(out, bytes, (size_t)len);
        wf_buf_append_text(out, "\"");
        done = wf_buf_ok(out);
    }
    explicit_bzero(bytes, sizeof(bytes));
    BN_clear_free(number);
    return done;
}

static bool append_numbers(struct wf_buf *out, const EVP_PKEY *key, const struct member *members,
                           size_t n, int width)
{
    for (size_t i = 0; i < n; i++) {
        if (!append_number(out, key, &members[i], width))
            return false;
    }
    wf_buf_append_text(out, "}");
    return wf_buf_ok(out);
}

static enum wf_reason put_rsa(const EVP_PKEY *key, struct wf_buf *out, struct wf_err *err)
{
    static const struct member members[] = {
        {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
        {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
        {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
        {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
    int bits = EVP_PKEY_get_bits(key);

    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return wf_fail(err, WF_CONFIG, "an RSA key of %d bits, expected %d to %d", bits,
                       RSA_BITS_MIN, RSA_BITS_MAX);
    wf_buf_append_text(out, "{\"kty\":\"RSA\",\"alg\":\"RS256\"");
    if (!append_numbers(out, key, members, WF_ARRAY_LEN(members), 0))
        return wf_fail(err, WF_INTERNAL, "the RSA key cannot be taken apart");
    return WF_OK;
}

static enum wf_reason put_ec(const EVP_PKEY *key, struct wf_buf *out, struct wf_err *err)
{
    static const struct member members[] = {{"x", OSSL_PKEY_PARAM_EC_PUB_X},
                                            {"y", OSSL_PKEY_PARAM_EC_PUB_Y},
                                            {"d", OSSL_PKEY_PARAM_PRIV_KEY}};
    char group[64] = "";

    if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
        strcmp(group, "prime256v1") != 0)
        return wf_fail(err, WF_CONFIG, "an EC key on %s, expected P-256",
                       group[0] == '\0' ? "an unnamed curve" : group);
    wf_buf_append_text(out, "{\"kty\":\"EC\",\"alg\":\"ES256\",\"crv\":\"P-256\"");
    if (!append_numbers(out, key, members, WF_ARRAY_LEN(members), 32))
        return wf_fail(err, WF_INTERNAL, "the EC key cannot be taken apart");
    return WF_OK;
}

enum wf_reason wf_pem_to_jwk(struct wf_span pem, struct wf_buf *out, enum wf_pem_alg *ret_alg,
                             struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    EVP_PKEY *key = NULL;
    BIO *bio = NULL;

    if (pem.len == 0 || pem.len > INT_MAX)
        return wf_fail(err, WF_CONFIG, "no private key, but %zu bytes", pem.len);
    bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (bio == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for the private key");
        goto out;
    }
    key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    if (key == NULL) {
        reason = wf_fail(err, WF_CONFIG, "no unencrypted private key in PEM format");
        goto out;
    }
    int id = EVP_PKEY_get_base_id(key);
    if (id == EVP_PKEY_RSA)
        reason = put_rsa(key, out, err);
    else if (id == EVP_PKEY_EC)
        reason = put_ec(key, out, err);
    else
        reason = wf_fail(err, WF_CONFIG, "a private key of another type than RSA and EC");
    if (reason == WF_OK)
        *ret_alg = id == EVP_PKEY_RSA ? WF_PEM_RS256 : WF_PEM_ES256;
out:
    EVP_PKEY_free(key);
    BIO_free(bio);
    return reason;
}
