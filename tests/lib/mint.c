#include "config.h"

#include "mint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "mint_primes.h"

struct kept {
    struct kept *next;
    uint8_t data[];
};

static struct kept *kept;
static EVP_PKEY *keys[MINT_KEY_COUNT];

static void need(int condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "the mint cannot make %s\n", what);
    exit(2);
}

static uint8_t *keep(size_t size)
{
    struct kept *block = malloc(sizeof(*block) + size + 1);

    need(block != NULL, "room");
    block->next = kept;
    kept = block;
    block->data[size] = 0;
    return block->data;
}

struct mint_bytes mint_copy(const void *data, size_t len)
{
    uint8_t *copy = keep(len);

    if (len > 0)
        memcpy(copy, data, len);
    return (struct mint_bytes){copy, len};
}

const char *mint_text(const char *fmt, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    need(n >= 0, "a text");
    struct mint_bytes copy = mint_copy(text, (size_t)n);
    free(text);
    return (const char *)copy.ptr;
}

const char *mint_repeat(const char *before, const char *unit, size_t count, const char *after)
{
    size_t len = strlen(unit);
    uint8_t *text = keep(strlen(before) + count * len + strlen(after));
    uint8_t *at = (uint8_t *)mempcpy(text, before, strlen(before));

    for (size_t i = 0; i < count; i++)
        at = (uint8_t *)mempcpy(at, unit, len);
    memcpy(at, after, strlen(after));
    return (const char *)text;
}

const char *mint_base64url(const void *data, size_t len)
{
    char *text = (char *)keep(len / 3 * 4 + 8);
    int n = EVP_EncodeBlock((unsigned char *)text, data, (int)len);

    while (n > 0 && text[n - 1] == '=')
        n--;
    text[n] = '\0';
    for (int i = 0; i < n; i++)
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    return text;
}

const char *mint_base64url_text(const char *text)
{
    return mint_base64url(text, strlen(text));
}

struct mint_bytes mint_unbase64url(const char *text)
{
    size_t len = strlen(text);
    char *padded = (char *)keep(len + 4);
    uint8_t *bytes = keep(len + 4);

    for (size_t i = 0; i < len; i++)
        padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    for (size_t i = len; i % 4 != 0; i++)
        padded[i] = '=';
    int n = EVP_DecodeBlock(bytes, (unsigned char *)padded, (int)((len + 3) / 4 * 4));
    need(n >= 0, "bytes of base64url");
    return (struct mint_bytes){bytes, (size_t)n - (4 - len % 4) % 4};
}

/* n, e, d and what makes signing quick, from two primes. */
static EVP_PKEY *rsa_key(const char *p_hex, const char *q_hex)
{
    enum { P, Q, N, E, D, DP, DQ, QI, P1, Q1, PHI, COUNT };
    static const char *const names[] = {
        [P] = OSSL_PKEY_PARAM_RSA_FACTOR1,     [Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
        [N] = OSSL_PKEY_PARAM_RSA_N,           [E] = OSSL_PKEY_PARAM_RSA_E,
        [D] = OSSL_PKEY_PARAM_RSA_D,           [DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
        [DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,  [QI] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    BIGNUM *b[COUNT] = {NULL};
    BN_CTX *ctx = BN_CTX_new();
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;

    need(BN_hex2bn(&b[P], p_hex) > 0 && BN_hex2bn(&b[Q], q_hex) > 0, "primes");
    for (size_t i = N; i < COUNT; i++)
        need((b[i] = BN_new()) != NULL, "a number");
    need(BN_mul(b[N], b[P], b[Q], ctx) && BN_set_word(b[E], 65537) &&
             BN_sub(b[P1], b[P], BN_value_one()) && BN_sub(b[Q1], b[Q], BN_value_one()) &&
             BN_mul(b[PHI], b[P1], b[Q1], ctx) && BN_mod_inverse(b[D], b[E], b[PHI], ctx) &&
             BN_mod(b[DP], b[D], b[P1], ctx) && BN_mod(b[DQ], b[D], b[Q1], ctx) &&
             BN_mod_inverse(b[QI], b[Q], b[P], ctx),
         "RSA numbers");
    for (size_t i = P; i <= QI; i++)
        need(OSSL_PARAM_BLD_push_BN(build, names[i], b[i]), "RSA parameters");
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    need(EVP_PKEY_fromdata_init(make) == 1 &&
             EVP_PKEY_fromdata(make, &key, EVP_PKEY_KEYPAIR, params) == 1,
         "an RSA key");
    for (size_t i = 0; i < COUNT; i++)
        BN_free(b[i]);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(make);
    BN_CTX_free(ctx);
    return key;
}

static const struct {
    const char *type;  /* OpenSSL's; NULL: RSA, from primes */
    const char *group; /* OpenSSL's */
    const char *kty;
    const char *crv;
    size_t half; /* EC: bytes of a coordinate */
} kinds[] = {
    [MINT_RSA] = {NULL, NULL, "RSA", NULL, 0},
    [MINT_RSA_OTHER] = {NULL, NULL, "RSA", NULL, 0},
    [MINT_RSA_1024] = {NULL, NULL, "RSA", NULL, 0},
    [MINT_RSA_3072] = {NULL, NULL, "RSA", NULL, 0},
    [MINT_P256] = {"EC", "P-256", "EC", "P-256", 32},
    [MINT_P256_OTHER] = {"EC", "P-256", "EC", "P-256", 32},
    [MINT_P384] = {"EC", "P-384", "EC", "P-384", 48},
    [MINT_P521] = {"EC", "P-521", "EC", "P-521", 66},
    [MINT_SECP256K1] = {"EC", "secp256k1", "EC", "secp256k1", 32},
    [MINT_ED25519] = {"ED25519", NULL, "OKP", "Ed25519", 0},
    [MINT_ED25519_OTHER] = {"ED25519", NULL, "OKP", "Ed25519", 0},
    [MINT_ED448] = {"ED448", NULL, "OKP", "Ed448", 0},
    [MINT_X25519] = {"X25519", NULL, "OKP", "X25519", 0},
};

EVP_PKEY *mint_key(enum mint_key which)
{
    if (keys[which] != NULL)
        return keys[which];
    if (kinds[which].type == NULL)
        keys[which] = rsa_key(primes[which].p, primes[which].q);
    else if (kinds[which].group != NULL)
        keys[which] = EVP_PKEY_Q_keygen(NULL, NULL, kinds[which].type, kinds[which].group);
    else
        keys[which] = EVP_PKEY_Q_keygen(NULL, NULL, kinds[which].type);
    need(keys[which] != NULL, "a key");
    return keys[which];
}

static const char *number_member(EVP_PKEY *key, const char *param, size_t width)
{
    BIGNUM *number = NULL;
    uint8_t bytes[MINT_SIGNATURE_MAX];

    need(EVP_PKEY_get_bn_param(key, param, &number) == 1, param);
    int n = width == 0 ? BN_num_bytes(number) : (int)width;
    need(BN_bn2binpad(number, bytes, n) == n, param);
    BN_clear_free(number);
    return mint_base64url(bytes, (size_t)n);
}

const char *mint_jwk_member(enum mint_key which, const char *member)
{
    static const struct {
        const char *kty;
        const char *member;
        const char *param;
    } numbers[] = {
        {"RSA", "n", OSSL_PKEY_PARAM_RSA_N},      {"RSA", "e", OSSL_PKEY_PARAM_RSA_E},
        {"RSA", "d", OSSL_PKEY_PARAM_RSA_D},      {"EC", "x", OSSL_PKEY_PARAM_EC_PUB_X},
        {"EC", "y", OSSL_PKEY_PARAM_EC_PUB_Y},    {"EC", "d", OSSL_PKEY_PARAM_PRIV_KEY},
    };
    EVP_PKEY *key = mint_key(which);
    uint8_t raw[64];
    size_t len = sizeof(raw);

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(numbers[i].kty, kinds[which].kty) == 0 && strcmp(numbers[i].member, member) == 0)
            return number_member(key, numbers[i].param, kinds[which].half);
    }
    need(strcmp(kinds[which].kty, "OKP") == 0, member);
    need((strcmp(member, "d") == 0 ? EVP_PKEY_get_raw_private_key(key, raw, &len)
                                   : EVP_PKEY_get_raw_public_key(key, raw, &len)) == 1,
         "raw key");
    return mint_base64url(raw, len);
}

const char *mint_jwk(enum mint_key which, const char *more)
{
    const char *comma = more[0] == '\0' ? "" : ",";

    if (strcmp(kinds[which].kty, "RSA") == 0)
        return mint_text("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s%s}",
                         mint_jwk_member(which, "n"), mint_jwk_member(which, "e"), comma, more);
    if (strcmp(kinds[which].kty, "EC") == 0)
        return mint_text("{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"%s%s}",
                         kinds[which].crv, mint_jwk_member(which, "x"),
                         mint_jwk_member(which, "y"), comma, more);
    return mint_text("{\"kty\":\"OKP\",\"crv\":\"%s\",\"x\":\"%s\"%s%s}", kinds[which].crv,
                     mint_jwk_member(which, "x"), comma, more);
}

const char *mint_jwks(const char *first, ...)
{
    va_list args;
    const char *list = "";

    va_start(args, first);
    for (const char *jwk = first; jwk != NULL; jwk = va_arg(args, const char *))
        list = mint_text("%s%s%s", list, list[0] == '\0' ? "" : ",", jwk);
    va_end(args);
    return mint_text("{\"keys\":[%s]}", list);
}

static struct mint_bytes drain(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    struct mint_bytes copy = mint_copy(data, (size_t)len);

    BIO_free(bio);
    return copy;
}

struct mint_bytes mint_pem(enum mint_key which)
{
    BIO *bio = BIO_new(BIO_s_mem());

    need(PEM_write_bio_PUBKEY(bio, mint_key(which)) == 1, "PEM");
    return drain(bio);
}

struct mint_bytes mint_der(enum mint_key which)
{
    BIO *bio = BIO_new(BIO_s_mem());

    need(i2d_PUBKEY_bio(bio, mint_key(which)) == 1, "DER");
    return drain(bio);
}

static const char *digest_of(const char *alg)
{
    return strstr(alg, "256") != NULL   ? "SHA256"
           : strstr(alg, "384") != NULL ? "SHA384"
           : strstr(alg, "512") != NULL ? "SHA512"
                                        : NULL;
}

struct mint_bytes mint_sign_salt(const char *alg, enum mint_key which, const char *text, int salt)
{
    uint8_t signature[MINT_SIGNATURE_MAX];
    size_t len = sizeof(signature);
    EVP_PKEY_CTX *inner = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    need(EVP_DigestSignInit_ex(ctx, &inner, digest_of(alg), NULL, NULL, mint_key(which), NULL) == 1,
         alg);
    if (alg[0] == 'P')
        need(EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1 &&
                 EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, salt) == 1,
             alg);
    need(EVP_DigestSign(ctx, signature, &len, (const uint8_t *)text, strlen(text)) == 1, alg);
    EVP_MD_CTX_free(ctx);
    return mint_copy(signature, len);
}

struct mint_bytes mint_sign_der(const char *alg, enum mint_key which, const char *text)
{
    return mint_sign_salt(alg, which, text, RSA_PSS_SALTLEN_DIGEST);
}

struct mint_bytes mint_sign(const char *alg, enum mint_key which, const char *text)
{
    struct mint_bytes der = mint_sign_der(alg, which, text);
    size_t half = kinds[which].half;
    const uint8_t *at = der.ptr;
    uint8_t raw[2 * 66];

    if (half == 0)
        return der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    need(sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)half) > 0 &&
             BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, (int)half) > 0,
         alg);
    ECDSA_SIG_free(sig);
    return mint_copy(raw, 2 * half);
}

struct mint_bytes mint_hmac(const char *alg, struct mint_bytes key, const char *text)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    need(HMAC(EVP_get_digestbyname(digest_of(alg)), key.ptr, (int)key.len, (const uint8_t *)text,
              strlen(text), mac, &len) != NULL,
         alg);
    return mint_copy(mac, len);
}

const char *mint_input(const char *header, const char *payload)
{
    return mint_text("%s.%s", mint_base64url_text(header), mint_base64url_text(payload));
}

const char *mint_join(const char *input, struct mint_bytes signature)
{
    return mint_text("%s.%s", input, mint_base64url(signature.ptr, signature.len));
}

const char *mint_token(const char *alg, enum mint_key which, const char *header,
                       const char *payload)
{
    const char *input = mint_input(header, payload);

    return mint_join(input, mint_sign(alg, which, input));
}

const char *mint_change(const char *object, ...)
{
    va_list args;
    json_t *json = json_loads(object, 0, NULL);

    need(json != NULL, object);
    va_start(args, object);
    for (const char *name = va_arg(args, const char *); name != NULL;
         name = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);
        if (value == NULL)
            (void)json_object_del(json, name);
        else
            need(json_object_set_new(json, name, json_loads(value, JSON_DECODE_ANY, NULL)) == 0,
                 value);
    }
    va_end(args);
    char *dump = json_dumps(json, JSON_COMPACT);
    need(dump != NULL, "JSON");
    const char *text = mint_text("%s", dump);
    free(dump);
    json_decref(json);
    return text;
}

void mint_done(void)
{
    while (kept != NULL) {
        struct kept *next = kept->next;
        free(kept);
        kept = next;
    }
    for (size_t i = 0; i < MINT_KEY_COUNT; i++) {
        EVP_PKEY_free(keys[i]);
        keys[i] = NULL;
    }
}
