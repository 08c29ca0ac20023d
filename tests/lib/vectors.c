#include "config.h"

#include "vectors.h"

#include <string.h>

#include "mint.h"
#include "vectors_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct vectors made;

void add_bytes(const char *name, const char *service, const char *token, size_t len,
               const char *reason)
{
    if (made.count == COUNT(made.list))
        return; /* test_verify asserts that there is room */
    made.list[made.count++] = (struct vector){
        .name = name,
        .service = service,
        .token = token,
        .len = len,
        .reason = reason,
        .user = strcmp(reason, "accept") == 0 ? "ann" : NULL,
    };
}

void add(const char *name, const char *service, const char *token, const char *reason)
{
    add_bytes(name, service, token, strlen(token), reason);
}

const char *payload(void)
{
    return mint_text("{\"iss\":\"" ISSUER "\",\"sub\":\"4711\",\"aud\":\"urn:mail\",\"exp\":%lld,"
                     "\"iat\":%lld,\"preferred_username\":\"ann\",\"scope\":\"openid mail\"}",
                     (long long)made.now + 300, (long long)made.now - 10);
}

const char *payload_with(const char *name, const char *value)
{
    return mint_change(payload(), name, value, NULL);
}

const char *seconds(int64_t from_now)
{
    return mint_text("%lld", (long long)(made.now + from_now));
}

const char *rs256(const char *header, const char *payload_text)
{
    return mint_token("RS256", MINT_RSA, header, payload_text);
}

const char *header_with(const char *name, const char *value)
{
    return mint_change(HEADER, name, value, NULL);
}

const char *vectors_config(const char *folder)
{
    return mint_text("[provider mail]\n"
                     "type = oidc\n"
                     "url = " ISSUER "\n"
                     "jwks_file = %s/mail.json\n"
                     "cache_dir = %s\n"
                     "username = preferred_username\n"
                     "\n"
                     "[provider strict]\n"
                     "type = oidc\n"
                     "url = " STRICT_ISSUER "\n"
                     "jwks_file = %s/strict.json\n"
                     "cache_dir = %s\n"
                     "username = preferred_username\n"
                     "algorithms = ES256\n"
                     "allowed_clients = app, other\n"
                     "leeway = 0\n"
                     "\n"
                     "[service *]\n"
                     "provider = mail\n"
                     "\n"
                     "[service imap]\n"
                     "audience = urn:mail\n"
                     "max_token = 8192\n"
                     "\n"
                     "[service smtp]\n"
                     "audience = urn:smtp, urn:mail\n"
                     "required_scope = send, mail\n"
                     "\n"
                     "[service sudo]\n"
                     "audience = urn:mail\n"
                     "max_age = 15m\n"
                     "\n"
                     "[service ldap]\n"
                     "provider = mail, strict\n"
                     "audience = urn:mail\n",
                     folder, folder, folder, folder);
}

static const char *kid(enum mint_key key, const char *name)
{
    return mint_jwk(key, mint_text("\"kid\":\"%s\"", name));
}

/* What real sets have, and what they should not. */
const char *vectors_mail_jwks(void)
{
    return mint_jwks(
        kid(MINT_RSA, "rsa"), mint_jwk(MINT_P256, "\"kid\":\"p256\",\"alg\":\"ES256\""),
        kid(MINT_P384, "p384"), kid(MINT_P521, "p521"), kid(MINT_ED25519, "ed"),
        mint_jwk(MINT_RSA_3072, "\"kid\":\"ps\",\"alg\":\"PS256\",\"use\":\"sig\""),
        kid(MINT_RSA_OTHER, "twice"), kid(MINT_RSA, "twice"), kid(MINT_RSA_1024, "short"),
        mint_jwk(MINT_RSA, "\"kid\":\"enc\",\"use\":\"enc\""),
        mint_jwk(MINT_RSA, "\"kid\":\"ops\",\"key_ops\":[\"encrypt\"]"),
        mint_jwk(MINT_RSA, mint_text("\"kid\":\"private\",\"d\":\"%s\"",
                                     mint_jwk_member(MINT_RSA, "d"))),
        "{\"kty\":\"oct\",\"kid\":\"oct\",\"k\":\"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0\"}",
        mint_change(kid(MINT_P256, "off"), "y",
                    mint_text("\"%s\"", mint_jwk_member(MINT_P256, "x")), NULL),
        kid(MINT_SECP256K1, "k1"), NULL);
}

const char *vectors_strict_jwks(void)
{
    return mint_jwks(kid(MINT_P256_OTHER, "p256"), kid(MINT_RSA, "rsa"), NULL);
}

const struct vector *vectors_make(int64_t now, size_t *ret_count)
{
    made.now = now;
    made.count = 0;
    vectors_good();
    vectors_form();
    vectors_algorithm();
    vectors_key();
    vectors_signature();
    vectors_claims();
    vectors_dates();
    vectors_several();
    vectors_order();
    *ret_count = made.count;
    return made.list;
}
