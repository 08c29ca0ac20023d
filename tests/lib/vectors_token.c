/* Vectors of what surrounds the claims: form, algorithm, key, signature. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "mint.h"
#include "vectors_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void vectors_good(void)
{
    static const struct {
        const char *alg;
        enum mint_key key;
        const char *kid;
    } keys[] = {
        {"RS256", MINT_RSA, "rsa"},   {"RS384", MINT_RSA, "rsa"},   {"RS512", MINT_RSA, "rsa"},
        {"PS256", MINT_RSA, "rsa"},   {"PS384", MINT_RSA, "rsa"},   {"PS512", MINT_RSA, "rsa"},
        {"ES256", MINT_P256, "p256"}, {"ES384", MINT_P384, "p384"}, {"ES512", MINT_P521, "p521"},
        {"EdDSA", MINT_ED25519, "ed"}, {"PS256", MINT_RSA_3072, "ps"},
        {"RS256", MINT_RSA, "twice"}, {"RS256", MINT_RSA_OTHER, "twice"},
    };

    for (size_t i = 0; i < COUNT(keys); i++)
        add(mint_text("good %s by %s", keys[i].alg, keys[i].kid), "imap",
            mint_token(keys[i].alg, keys[i].key,
                       mint_text("{\"alg\":\"%s\",\"kid\":\"%s\"}", keys[i].alg, keys[i].kid),
                       payload()),
            "accept");
    add("good Ed25519", "imap",
        mint_token("EdDSA", MINT_ED25519, "{\"alg\":\"Ed25519\",\"kid\":\"ed\"}", payload()),
        "accept");
    add("good without kid", "imap", rs256("{\"alg\":\"RS256\"}", payload()), "accept");
    add("good ES256 without kid", "imap",
        mint_token("ES256", MINT_P256, "{\"alg\":\"ES256\"}", payload()), "accept");
    add("good typ JWT", "imap", rs256(header_with("typ", "\"JWT\""), payload()), "accept");
    add("good without typ", "imap", rs256(header_with("typ", NULL), payload()), "accept");
    add("good with foreign members", "imap", rs256(header_with("acme", "[1]"), payload()),
        "accept");
    add("good with blanks in its JSON", "imap",
        rs256("{ \"alg\" :\n\"RS256\" }", mint_text("\r\n\t %s \n", payload())), "accept");
}

static void form_json(void)
{
    const struct {
        const char *name;
        const char *token;
    } rows[] = {
        {"form: header no JSON", rs256("RS256", payload())},
        {"form: header an array", rs256("[]", payload())},
        {"form: payload no JSON", rs256(HEADER, "ann")},
        {"form: payload an array", rs256(HEADER, "[]")},
        {"form: payload null", rs256(HEADER, "null")},
        {"form: something behind the payload", rs256(HEADER, mint_text("%s{}", payload()))},
        {"form: alg twice", rs256("{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"rsa\"}",
                                  payload())},
        {"form: a claim twice", rs256(HEADER, mint_text("{\"sub\":\"a\",%s", payload() + 1))},
        {"form: a claim twice, escaped",
         rs256(HEADER, mint_text("{\"\\u0073ub\":\"a\",%s", payload() + 1))},
        {"form: deep", rs256(HEADER, mint_repeat("{\"a\":", "[", 500, "1"))},
        {"form: deep and closed",
         rs256(HEADER, mint_text("{\"a\":%s,%s",
                                 mint_repeat("", "[", 16, mint_repeat("", "]", 16, "")),
                                 payload() + 1))},
        {"form: UTF-8 overlong", rs256(HEADER, mint_text("{\"a\":\"\xc0\xaf\",%s",
                                                         payload() + 1))},
        {"form: UTF-8 of half a pair", rs256(HEADER, mint_text("{\"a\":\"\\ud800\",%s",
                                                               payload() + 1))},
        {"form: NUL in a claim", rs256(HEADER, mint_text("{\"a\":\"\\u0000\",%s",
                                                         payload() + 1))},
        {"form: a huge number", rs256(HEADER, mint_text("{\"a\":1e999,%s", payload() + 1))},
        {"form: crit", rs256(header_with("crit", "[\"exp\"]"), payload())},
        {"form: crit empty", rs256(header_with("crit", "[]"), payload())},
        {"form: b64", rs256(header_with("b64", "false"), payload())},
        {"form: zip", rs256(header_with("zip", "\"DEF\""), payload())},
        {"form: enc", rs256(header_with("enc", "\"A128GCM\""), payload())},
        {"form: nested", rs256(header_with("cty", "\"JWT\""), payload())},
        {"form: kid a number", rs256(header_with("kid", "1"), payload())},
        {"form: alg a list", rs256(header_with("alg", "[\"RS256\"]"), payload())},
        {"form: typ a number", rs256(header_with("typ", "1"), payload())},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        add(rows[i].name, "imap", rows[i].token, "malformed");
}

void vectors_form(void)
{
    const char *good = rs256(HEADER, payload());
    const char *input = mint_input(HEADER, payload());
    const char *signature = good + strlen(input) + 1;
    static const char nul[] = "eyJhbGciOiJSUzI1NiJ9.\0.AAAA";
    const struct {
        const char *name;
        const char *token;
    } rows[] = {
        {"form: a word", "hunter2"},
        {"form: one part", mint_base64url_text(HEADER)},
        {"form: two parts", input},
        {"form: an empty signature", mint_text("%s.", input)},
        {"form: four parts", mint_text("%s.AAAA", good)},
        {"form: five parts", mint_text("%s.AAAA.AAAA", good)},
        {"form: six parts", mint_text("%s.AAAA.AAAA.AAAA", good)},
        {"form: a dot behind", mint_text("%s.", good)},
        {"form: a dot in front", mint_text(".%s", good)},
        {"form: dots alone", ".."},
        {"form: no header", strchr(good, '.')},
        {"form: no payload", mint_text("%s..%s", mint_base64url_text(HEADER), signature)},
        {"form: padded", mint_text("%s==", good)},
        {"form: a blank inside", mint_text("%s. %s", input, signature)},
        {"form: a plus inside", mint_text("%s.+%s", input, signature + 1)},
        {"form: loose bits", mint_text("%.*sB", (int)strlen(good) - 1, good)},
        {"form: a scheme in front", mint_text("Bearer %s", good)},
        {"form: quoted", mint_text("\"%s\"", good)},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        add(rows[i].name, "imap", rows[i].token, "malformed");
    form_json();
    add_bytes("form: NUL inside", "imap", nul, sizeof(nul) - 1, "malformed");
    add_bytes("form: nothing", "imap", "", 0, "malformed");
    add("form: at most 8192", "imap", mint_repeat("", "a", 8192, ""), "malformed");
    add("form: 8193", "imap", mint_repeat("", "a", 8193, ""), "too-large");
    add("form: 1 MB", "imap", mint_repeat(mint_text("%s.", input), "AAAA", 250000, ""),
        "too-large");
    add("form: 9 KB, good", "imap",
        rs256(HEADER, payload_with("a", mint_repeat("\"", "a", 9000, "\""))), "too-large");
    add("form: 9 KB, good, where it may be", "smtp",
        rs256(HEADER, mint_change(payload(), "a", mint_repeat("\"", "a", 9000, "\""), "scope",
                                  "\"mail send\"", NULL)),
        "accept");
    add("form: 17 KB", "smtp", mint_repeat("", "a", 16385, ""), "too-large");
}

void vectors_algorithm(void)
{
    static const char *const names[] = {"none",  "None",  "NONE",   "nOnE",   "none ",    "",
                                        "HS256", "HS384", "HS512",  "rs256",  "RS256 ",   "RS1",
                                        "ES256K", "RSA1_5", "RSA-OAEP", "dir", "A128KW", "null"};
    static const char *const macs[] = {"HS256", "HS384", "HS512"};
    const char *ec_header = "{\"alg\":\"HS256\",\"kid\":\"p256\"}";
    struct mint_bytes nothing = {(const uint8_t *)"", 0};

    for (size_t i = 0; i < COUNT(names); i++)
        add(mint_text("alg \"%s\"", names[i]), "imap",
            rs256(header_with("alg", mint_text("\"%s\"", names[i])), payload()), "algorithm");
    add("alg missing", "imap", rs256(header_with("alg", NULL), payload()), "algorithm");
    add("alg null", "imap", rs256(header_with("alg", "null"), payload()), "algorithm");
    add("alg none, unsigned", "imap",
        mint_join(mint_input("{\"alg\":\"none\"}", payload()), nothing), "malformed");
    for (size_t i = 0; i < COUNT(macs); i++) {
        const char *input =
            mint_input(header_with("alg", mint_text("\"%s\"", macs[i])), payload());
        struct mint_bytes jwk = mint_copy(mint_jwk(MINT_RSA, ""), strlen(mint_jwk(MINT_RSA, "")));
        const struct {
            const char *name;
            struct mint_bytes key;
        } keys[] = {{"the PEM", mint_pem(MINT_RSA)},
                    {"the DER", mint_der(MINT_RSA)},
                    {"the JWK", jwk},
                    {"the modulus", mint_unbase64url(mint_jwk_member(MINT_RSA, "n"))},
                    {"nothing", nothing}};
        for (size_t k = 0; k < COUNT(keys); k++)
            add(mint_text("%s keyed with %s", macs[i], keys[k].name), "imap",
                mint_join(input, mint_hmac(macs[i], keys[k].key, input)), "algorithm");
    }
    const char *ec_input = mint_input(ec_header, payload());
    add("HS256 keyed with the curve's PEM", "imap",
        mint_join(ec_input, mint_hmac("HS256", mint_pem(MINT_P256), ec_input)), "algorithm");
    const char *oct = mint_input("{\"alg\":\"HS256\",\"kid\":\"oct\"}", payload());
    add("HS256 keyed with the set's own", "imap",
        mint_join(oct, mint_hmac("HS256", mint_unbase64url("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"),
                                 oct)),
        "algorithm");
    const char *mac = mint_input(HEADER, payload());
    add("RS256, but a MAC by the PEM", "imap",
        mint_join(mac, mint_hmac("HS256", mint_pem(MINT_RSA), mac)), "signature");
}

static const char *by(const char *alg, enum mint_key key, const char *kid)
{
    return mint_token(alg, key, mint_text("{\"alg\":\"%s\",\"kid\":\"%s\"}", alg, kid), payload());
}

/* A key that the token brings along. */
static const char *injected(const char *kid, const char *member, const char *value)
{
    return mint_token("RS256", MINT_RSA_3072,
                      mint_change("{\"alg\":\"RS256\"}", "kid", mint_text("\"%s\"", kid), member,
                                  value, NULL),
                      payload());
}

void vectors_key(void)
{
    const struct {
        const char *name;
        const char *token;
        const char *reason;
    } rows[] = {
        {"kid unknown", by("RS256", MINT_RSA, "nobody"), "key"},
        {"kid empty", by("RS256", MINT_RSA, ""), "key"},
        {"kid a path", by("RS256", MINT_RSA, "../../../../dev/null"), "key"},
        {"kid a path to the keys", by("RS256", MINT_RSA, "/etc/wfauth/jwks.json"), "key"},
        {"kid of SQL", by("RS256", MINT_RSA, "' OR '1'='1"), "key"},
        {"kid of a command", by("RS256", MINT_RSA, "|/usr/bin/id"), "key"},
        {"kid an address", by("RS256", MINT_RSA, "https://evil.example/jwks.json"), "key"},
        {"kid in capitals", by("RS256", MINT_RSA, "RSA"), "key"},
        {"kid of 5 KB", by("RS256", MINT_RSA, mint_repeat("", "k", 5120, "")), "key"},
        {"kid of terminal escapes", by("RS256", MINT_RSA, "\\u001b[2J"), "key"},
        {"kid of another key", by("RS256", MINT_RSA, "ps"), "key"},
        {"RS256 with a curve's kid", by("RS256", MINT_RSA, "p256"), "key"},
        {"ES256 with an RSA kid", by("ES256", MINT_P256, "rsa"), "key"},
        {"EdDSA with a curve's kid", by("EdDSA", MINT_ED25519, "p256"), "key"},
        {"ES256 by P-384", by("ES256", MINT_P384, "p384"), "key"},
        {"ES384 by P-256", by("ES384", MINT_P256, "p256"), "key"},
        {"ES512 by P-384", by("ES512", MINT_P384, "p384"), "key"},
        {"ES256 by secp256k1", by("ES256", MINT_SECP256K1, "k1"), "key"},
        {"RS256 by a key for PS256", by("RS256", MINT_RSA_3072, "ps"), "key"},
        {"PS384 by a key for PS256", by("PS384", MINT_RSA_3072, "ps"), "key"},
        {"RSA of 1024 bits", by("RS256", MINT_RSA_1024, "short"), "key"},
        {"a key for encryption", by("RS256", MINT_RSA, "enc"), "key"},
        {"a key without verify", by("RS256", MINT_RSA, "ops"), "key"},
        {"a private key", by("RS256", MINT_RSA, "private"), "key"},
        {"a point off the curve", by("ES256", MINT_P256, "off"), "key"},
        {"jwk, known kid", injected("rsa", "jwk", mint_jwk(MINT_RSA_3072, "\"kid\":\"rsa\"")),
         "signature"},
        {"jwk, unknown kid", injected("evil", "jwk", mint_jwk(MINT_RSA_3072, "\"kid\":\"evil\"")),
         "key"},
        {"jku", injected("evil", "jku", "\"https://evil.example/jwks.json\""), "key"},
        {"x5u", injected("evil", "x5u", "\"https://evil.example/cert.pem\""), "key"},
        {"x5c", injected("rsa", "x5c", "[\"MIIB\"]"), "signature"},
        {"x5t", injected("evil", "x5t", "\"AAAA\""), "key"},
        {"jwk beside a good signature",
         rs256(header_with("jwk", mint_jwk(MINT_RSA_3072, "")), payload()), "accept"},
        {"jku beside a good signature",
         rs256(header_with("jku", "\"https://evil.example/\""), payload()), "accept"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        add(mint_text("key: %s", rows[i].name), "imap", rows[i].token, rows[i].reason);
}

static struct mint_bytes filled(uint8_t byte, size_t len)
{
    uint8_t bytes[512];

    memset(bytes, byte, sizeof(bytes));
    return mint_copy(bytes, len);
}

void vectors_signature(void)
{
    const char *ec_header = "{\"alg\":\"ES256\",\"kid\":\"p256\"}";
    const char *rsa = mint_input(HEADER, payload());
    const char *ec = mint_input(ec_header, payload());
    const char *ed = mint_input("{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", payload());
    const char *root = mint_input(HEADER, payload_with("preferred_username", "\"root\""));
    const char *other_header = mint_input(header_with("typ", "\"JWT\""), payload());
    struct mint_bytes good = mint_sign("RS256", MINT_RSA, rsa);
    const struct {
        const char *name;
        const char *input;
        struct mint_bytes signature;
    } rows[] = {
        {"of other claims", root, good},
        {"of another header", other_header, good},
        {"of another key", rsa, mint_sign("RS256", MINT_RSA_3072, rsa)},
        {"of another algorithm", rsa, mint_sign("RS512", MINT_RSA, rsa)},
        {"PSS for PKCS 1", rsa, mint_sign("PS256", MINT_RSA, rsa)},
        {"of the payload alone", rsa, mint_sign("RS256", MINT_RSA, strchr(rsa, '.') + 1)},
        {"cut", rsa, {good.ptr, good.len - 1}},
        {"one byte", rsa, {good.ptr, 1}},
        {"RSA zeros", rsa, filled(0, 256)},
        {"RSA ones", rsa, filled(0xff, 256)},
        {"ECDSA zeros", ec, filled(0, 64)},
        {"ECDSA ones", ec, filled(0xff, 64)},
        {"ECDSA in DER", ec, mint_sign_der("ES256", MINT_P256, ec)},
        {"ECDSA zeros in DER", ec, mint_copy("\x30\x06\x02\x01\x00\x02\x01\x00", 8)},
        {"ECDSA of another key", ec, mint_sign("ES256", MINT_P256_OTHER, ec)},
        {"ECDSA cut", ec, filled(1, 63)},
        {"ECDSA of P-384", ec, mint_sign("ES384", MINT_P384, ec)},
        {"Ed25519 zeros", ed, filled(0, 64)},
        {"Ed25519 of another key", ed, mint_sign("EdDSA", MINT_ED25519_OTHER, ed)},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        add(mint_text("signature: %s", rows[i].name), "imap",
            mint_join(rows[i].input, rows[i].signature), "signature");
}
