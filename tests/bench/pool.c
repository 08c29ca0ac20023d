/* Tokens as Keycloak writes them, thousands at a time. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base64.h"
#include "bench.h"
#include "buf.h"

#define TOKEN_MAX ((size_t)65536)
#define LIFETIME 36000

/* Sign text into the token: as OpenSSL takes it there, as JWS has it in raw. */
static size_t sign(const struct bench_pool *pool, const char *text, size_t len,
                   struct bench_token *token, uint8_t raw[sizeof(token->signature)])
{
    const EVP_MD *digest = pool->key == MINT_ED25519 ? NULL : EVP_sha256();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *inner = NULL;
    size_t n = sizeof(token->signature);

    bench_need(ctx != NULL &&
                   EVP_DigestSignInit(ctx, &inner, digest, NULL, mint_key(pool->key)) == 1 &&
                   (pool->alg[0] != 'P' ||
                    (EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1 &&
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
                   EVP_DigestSign(ctx, token->signature, &n, (const uint8_t *)text, len) == 1,
               "cannot sign");
    EVP_MD_CTX_free(ctx);
    token->signature_len = n;
    memcpy(raw, token->signature, n);
    if (pool->key != MINT_P256)
        return n;
    const uint8_t *der = token->signature;
    ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, (long)n);
    bench_need(parts != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(parts), raw, 32) == 32 &&
                   BN_bn2binpad(ECDSA_SIG_get0_s(parts), raw + 32, 32) == 32,
               "cannot take a signature apart");
    ECDSA_SIG_free(parts);
    return 64;
}

/* The claims, with groups until the payload has `wanted` bytes. */
static void write_payload(struct wf_buf *out, uint64_t number, size_t wanted)
{
    static time_t now;
    char text[512];

    if (now == 0)
        now = time(NULL);
    (void)snprintf(text, sizeof(text),
                   "{\"exp\":%lld,\"iat\":%lld,\"jti\":\"%012llx\",\"iss\":\"%s\","
                   "\"aud\":\"urn:mail\",\"sub\":\"4711-%llx\",\"azp\":\"mail\","
                   "\"scope\":\"openid mail\",\"preferred_username\":\"ann\"",
                   (long long)now + LIFETIME, (long long)now - 10, (unsigned long long)number,
                   bench_issuer, (unsigned long long)number % 997);
    wf_buf_append_text(out, text);
    if (out->len + 30 < wanted) {
        wf_buf_append_text(out, ",\"groups\":[\"/staff\"");
        for (unsigned i = 0; out->len + 30 < wanted; i++) {
            (void)snprintf(text, sizeof(text), ",\"/department-%03u\"", i);
            wf_buf_append_text(out, text);
        }
        wf_buf_append_text(out, "]");
    }
    wf_buf_append_text(out, "}");
}

static size_t signature_chars(const struct bench_pool *pool)
{
    return pool->alg[0] == 'R' || pool->alg[0] == 'P' ? 342 : 86;
}

void bench_pool_mint(struct bench_pool *pool, size_t i, uint64_t number)
{
    struct bench_token *token = &pool->tokens[i];
    struct wf_buf text = WF_BUF_INIT(TOKEN_MAX);
    struct wf_buf payload = WF_BUF_INIT(TOKEN_MAX);
    uint8_t raw[sizeof(token->signature)];

    wf_base64url_encode(&text, pool->header, strlen(pool->header));
    wf_buf_append_text(&text, ".");
    size_t used = text.len + 1 + signature_chars(pool);
    write_payload(&payload, number, pool->wanted > used ? (pool->wanted - used) * 3 / 4 : 0);
    wf_base64url_encode(&text, payload.data, payload.len);
    token->signed_len = text.len;
    size_t n = sign(pool, (const char *)text.data, text.len, token, raw);
    wf_buf_append_text(&text, ".");
    wf_base64url_encode(&text, raw, n);
    free(token->text);
    token->text = wf_buf_steal(&text, &token->len);
    bench_need(token->text != NULL, "no memory for a token");
    wf_buf_done(&payload);
}

void bench_pool_init(struct bench_pool *pool, const char *alg, enum mint_key key, size_t wanted,
                     size_t count)
{
    *pool = (struct bench_pool){.alg = alg, .key = key, .wanted = wanted, .count = count};
    pool->header =
        mint_text("{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"" BENCH_KID "\"}", alg);
    pool->tokens = calloc(count, sizeof(pool->tokens[0]));
    bench_need(pool->tokens != NULL, "no memory for tokens");
    for (size_t i = 0; i < count; i++)
        bench_pool_mint(pool, i, i);
}

void bench_pool_done(struct bench_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        free(pool->tokens[i].text);
    free(pool->tokens);
    *pool = (struct bench_pool){.count = 0};
}
