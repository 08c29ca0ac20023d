/*
 * A mint for tests: makes keys, their JWKs, and tokens, good ones and such as nobody should make.
 * It stands on OpenSSL and jansson alone and shares no code with what it tests.
 *
 * Keys and texts are made when first asked for and kept until mint_done(): tables hold them without
 * caring who frees. A failure ends the program: a mint that does not work tests nothing. One
 * thread.
 */
#ifndef WF_TEST_MINT_H
#define WF_TEST_MINT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct evp_pkey_st;

enum mint_key {
    MINT_RSA,       /* 2048 bits */
    MINT_RSA_OTHER, /* 2048 bits, too */
    MINT_RSA_1024,
    MINT_RSA_3072,
    MINT_P256,
    MINT_P256_OTHER,
    MINT_P384,
    MINT_P521,
    MINT_SECP256K1,
    MINT_ED25519,
    MINT_ED25519_OTHER,
    MINT_ED448,
    MINT_X25519,
};
#define MINT_KEY_COUNT (MINT_X25519 + 1)

/* A signature that fits RSA of 8192 bits, and more than fits. */
#define MINT_SIGNATURE_MAX 2048

struct mint_bytes {
    const uint8_t *ptr;
    size_t len;
};

/* Kept text. */
const char *mint_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same with `count` bytes c in the middle: long kids, deep nesting. */
const char *mint_repeat(const char *before, const char *unit, size_t count, const char *after);
/* Kept copy of bytes. */
struct mint_bytes mint_copy(const void *data, size_t len);

/* base64url without padding, strict, of bytes or text. */
const char *mint_base64url(const void *data, size_t len);
const char *mint_base64url_text(const char *text);
/* The bytes of strict base64url. */
struct mint_bytes mint_unbase64url(const char *text);

struct evp_pkey_st *mint_key(enum mint_key which);
/* One member of the public JWK, as base64url ("n", "e", "x", "y"), or of the private one ("d"). */
const char *mint_jwk_member(enum mint_key which, const char *member);
/* The public JWK: {"kty":…,MORE}. more: further members, "" for none. */
const char *mint_jwk(enum mint_key which, const char *more);
/* {"keys":[…]} of JWKs; the list ends in NULL. */
const char *mint_jwks(const char *first, ...) __attribute__((sentinel));
/* The public key as SubjectPublicKeyInfo. */
struct mint_bytes mint_pem(enum mint_key which);
struct mint_bytes mint_der(enum mint_key which);

/* The JWS signature over text with an algorithm's name as in JOSE, raw r || s for ES. The key need
 * not fit the algorithm's name where OpenSSL can sign with it at all: ES256 with P-384 is SHA-256
 * and 96 bytes. */
struct mint_bytes mint_sign(const char *alg, enum mint_key which, const char *text);
/* ECDSA as OpenSSL makes it. */
struct mint_bytes mint_sign_der(const char *alg, enum mint_key which, const char *text);
/* PS256 and so on with another length of salt. */
struct mint_bytes mint_sign_salt(const char *alg, enum mint_key which, const char *text, int salt);
/* HS256 and so on, keyed with any bytes. */
struct mint_bytes mint_hmac(const char *alg, struct mint_bytes key, const char *text);

/* header '.' payload, both base64url of the texts as they are. */
const char *mint_input(const char *header, const char *payload);
/* input '.' signature. */
const char *mint_join(const char *input, struct mint_bytes signature);
/* A whole token, signed. */
const char *mint_token(const char *alg, enum mint_key which, const char *header,
                       const char *payload);

/* A JSON object's text with members set to a JSON value, or removed where the value is NULL:
 * mint_change(good, "exp", "1", "aud", NULL, (char *)NULL)… the list of names ends in NULL. */
const char *mint_change(const char *object, ...) __attribute__((sentinel));

/* Free keys and texts. */
void mint_done(void);

#endif
