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

/* The keys that sign, and with what. Of several rows that fit a key the first is what suits it. */
static const struct kind {
    const char *alg;
    int type;
    const char *group; /* EC: OpenSSL's name of the curve */
    const char *crv;   /* RFC 7518 §6.2.1.1, RFC 8037 §2; NULL: RSA */
    int width;         /* bytes of a coordinate (RFC 7518 §6.2.1.2) */
    const char *what;  /* what such a key is called */
} kinds[] = {
    {"RS256", EVP_PKEY_RSA, NULL, NULL, 0, "an RSA key"},
    {"RS384", EVP_PKEY_RSA, NULL, NULL, 0, "an RSA key"},
    {"RS512", EVP_PKEY_RSA, NULL, NULL, 0, "an RSA key"},
    {"PS256", EVP_PKEY_RSA, NULL, NULL, 0, "an RSA key"},
    {"PS384", EVP_PKEY_RSA, NULL, NULL, 0, "an RSA key"},
    {"PS512", EVP_PKEY_RSA, NULL, NULL, 0, "an RSA key"},
    {"ES256", EVP_PKEY_EC, "prime256v1", "P-256", 32, "an EC key on P-256"},
    {"ES384", EVP_PKEY_EC, "secp384r1", "P-384", 48, "an EC key on P-384"},
    {"ES512", EVP_PKEY_EC, "secp521r1", "P-521", 66, "an EC key on P-521"},
    {"EdDSA", EVP_PKEY_ED25519, NULL, "Ed25519", 32, "an Ed25519 key"},
};

/* What people put there for a private key, by its first line. OpenSSL would only say that it does
 * not read it. */
static const struct {
    const char *mark;
    const char *told;
} others[] = {
    {"-----BEGIN ENCRYPTED PRIVATE KEY-----",
     "it is encrypted, and nobody is there to type its password: openssl pkey -in KEY -out PLAIN"},
    {"Proc-Type: 4,ENCRYPTED",
     "it is encrypted, and nobody is there to type its password: openssl pkey -in KEY -out PLAIN"},
    {"PUBLIC KEY-----", "it is a public key: the private key of the pair belongs here"},
    {"-----BEGIN CERTIFICATE-----",
     "it is a certificate: it goes to the provider, and its private key belongs here"},
    {"-----BEGIN OPENSSH PRIVATE KEY-----",
     "it is in OpenSSH's own format: ssh-keygen -p -m PEM -f KEY makes PEM of it"},
};

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
    return wf_buf_ok(out);
}

static bool put_rsa(const EVP_PKEY *key, struct wf_buf *out)
{
    static const struct member members[] = {
        {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
        {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
        {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
        {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};

    wf_buf_append_text(out, "{\"kty\":\"RSA\"");
    return append_numbers(out, key, members, WF_ARRAY_LEN(members), 0);
}

static bool put_ec(const EVP_PKEY *key, const struct kind *kind, struct wf_buf *out)
{
    static const struct member members[] = {{"x", OSSL_PKEY_PARAM_EC_PUB_X},
                                            {"y", OSSL_PKEY_PARAM_EC_PUB_Y},
                                            {"d", OSSL_PKEY_PARAM_PRIV_KEY}};

    wf_buf_append_format(out, "{\"kty\":\"EC\",\"crv\":\"%s\"", kind->crv);
    return append_numbers(out, key, members, WF_ARRAY_LEN(members), kind->width);
}

/* RFC 8037 §2 */
static bool put_okp(const EVP_PKEY *key, const struct kind *kind, struct wf_buf *out)
{
    uint8_t x[32];
    uint8_t d[32];
    size_t x_len = sizeof(x);
    size_t d_len = sizeof(d);
    bool done = EVP_PKEY_get_raw_public_key(key, x, &x_len) == 1 &&
                EVP_PKEY_get_raw_private_key(key, d, &d_len) == 1;

    wf_buf_append_format(out, "{\"kty\":\"OKP\",\"crv\":\"%s\",\"x\":\"", kind->crv);
    wf_base64url_encode(out, x, done ? x_len : 0);
    wf_buf_append_text(out, "\",\"d\":\"");
    wf_base64url_encode(out, d, done ? d_len : 0);
    wf_buf_append_text(out, "\"");
    explicit_bzero(d, sizeof(d));
    return done && wf_buf_ok(out);
}

static enum wf_reason put(const EVP_PKEY *key, const struct kind *kind, struct wf_buf *out,
                          struct wf_err *err)
{
    bool done = false;

    if (kind->type == EVP_PKEY_RSA)
        done = put_rsa(key, out);
    else if (kind->type == EVP_PKEY_EC)
        done = put_ec(key, kind, out);
    else
        done = put_okp(key, kind, out);
    wf_buf_append_format(out, ",\"alg\":\"%s\"}", kind->alg);
    if (!done || !wf_buf_ok(out))
        return wf_fail(err, WF_INTERNAL, "%s cannot be taken apart", kind->what);
    return WF_OK;
}

/* The first row that fits the key, and by which it signs. */
static enum wf_reason find_kind(const EVP_PKEY *key, const struct kind **ret, struct wf_err *err)
{
    int type = EVP_PKEY_get_base_id(key);
    int bits = EVP_PKEY_get_bits(key);
    char group[64] = "";

    if (type == EVP_PKEY_RSA && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX))
        return wf_fail(err, WF_CONFIG, "it is an RSA key of %d bits, expected %d to %d", bits,
                       RSA_BITS_MIN, RSA_BITS_MAX);
    if (type == EVP_PKEY_EC)
        (void)EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        if (kinds[i].type == type &&
            (kinds[i].group == NULL || strcmp(kinds[i].group, group) == 0)) {
            *ret = &kinds[i];
            return WF_OK;
        }
    }
    if (type == EVP_PKEY_EC)
        return wf_fail(err, WF_CONFIG, "it is an EC key on %s, expected P-256, P-384 or P-521",
                       group[0] == '\0' ? "an unnamed curve" : group);
    const char *name = EVP_PKEY_get0_type_name(key);
    return wf_fail(err, WF_CONFIG, "it is a key of type %s, expected RSA, EC or Ed25519",
                   name == NULL ? "unknown" : name);
}

/* The row of the wanted algorithm, if it fits the same key. */
static enum wf_reason choose(const char *wanted, const struct kind **kind, struct wf_err *err)
{
    const struct kind *suits = *kind;

    if (wanted == NULL)
        return WF_OK;
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].alg, wanted) != 0)
            continue;
        *kind = &kinds[i];
        if (strcmp(kinds[i].what, suits->what) == 0)
            return WF_OK;
        return wf_fail(err, WF_CONFIG, "it is %s, which signs with %s; %s needs %s", suits->what,
                       suits->alg, wanted, kinds[i].what);
    }
    return wf_fail(err, WF_CONFIG, "there is no algorithm \"%.20s\" for assertions", wanted);
}

static enum wf_reason read_key(struct wf_span pem, EVP_PKEY **ret, struct wf_err *err)
{
    if (pem.len == 0 || pem.len > INT_MAX)
        return wf_fail(err, WF_CONFIG, "it is no private key, but %zu bytes", pem.len);
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (bio == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for the private key");
    *ret = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    if (*ret != NULL)
        return WF_OK;
    for (size_t i = 0; i < WF_ARRAY_LEN(others); i++) {
        if (memmem(pem.ptr, pem.len, others[i].mark, strlen(others[i].mark)) != NULL)
            return wf_fail(err, WF_CONFIG, "%s", others[i].told);
    }
    return wf_fail(err, WF_CONFIG,
                   "it holds no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----");
}

enum wf_reason wf_pem_to_jwk(struct wf_span pem, const char *wanted, struct wf_buf *out,
                             const char **ret_alg, struct wf_err *err)
{
    EVP_PKEY *key = NULL;
    const struct kind *kind = NULL;
    enum wf_reason reason = read_key(pem, &key, err);

    if (reason == WF_OK)
        reason = find_kind(key, &kind, err);
    if (reason == WF_OK)
        reason = choose(wanted, &kind, err);
    if (reason == WF_OK)
        reason = put(key, kind, out, err);
    if (reason == WF_OK)
        *ret_alg = kind->alg;
    EVP_PKEY_free(key);
    return reason;
}
