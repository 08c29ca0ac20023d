#!/usr/bin/python3
"""jwcrypto_mint.py FOLDER: tokens and keys by python3-jwcrypto, laid out as `forge` does it.

Somebody else's reading of the RFCs: what it signs must verify, and what is changed afterwards must
not.
"""
import json
import sys
import time

from jwcrypto import jwk, jws

ISSUER = "https://other.example/"
KEYS = [
    ("RSA", {"size": 2048}, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
    ("RSA", {"size": 4096}, ["RS256", "PS512"]),
    ("EC", {"crv": "P-256"}, ["ES256"]),
    ("EC", {"crv": "P-384"}, ["ES384"]),
    ("EC", {"crv": "P-521"}, ["ES512"]),
    ("OKP", {"crv": "Ed25519"}, ["EdDSA"]),
]

CONFIG = """[provider other]
type = oidc
url = %s
jwks_file = %s/jwks.json
cache_dir = %s
username = sub

[service imap]
provider = other
audience = urn:mail
"""


def sign(key, header, claims):
    token = jws.JWS(json.dumps(claims))
    token.allowed_algs = [header["alg"]]
    token.add_signature(key, protected=json.dumps(header))
    return token.serialize(compact=True)


def rows():
    """(name, token, reason), and the set of keys."""
    claims = {"iss": ISSUER, "sub": "ann", "aud": ["urn:mail"], "exp": int(time.time()) + 3000}
    result, public = [], []
    for number, (kty, options, algs) in enumerate(KEYS):
        key = jwk.JWK.generate(kty=kty, kid=str(number), **options)
        public.append(key.export_public(as_dict=True))
        for alg in algs:
            name = "%s %s %s" % (kty, " ".join(str(v) for v in options.values()), alg)
            header = {"alg": alg, "kid": str(number)}
            # More than one, since leading zeros of r and s come only now and then
            for turn in range(20 if kty == "EC" else 1):
                token = sign(key, header, claims)
                result.append((name, token, "accept"))
            head, body, signature = token.split(".")
            bare = sign(key, {"alg": alg}, claims)
            result.append((name + " without kid", bare, "accept"))
            root = sign(key, header, dict(claims, sub="root")).split(".")[1]
            result.append((name + ", other claims", ".".join([head, root, signature]), "signature"))
            late = sign(key, header, dict(claims, exp=1))
            result.append((name + ", expired", late, "expired"))
            twin = jwk.JWK.generate(kty=kty, kid=str(number), **options) if kty != "RSA" else None
            if twin:
                result.append((name + ", another key", sign(twin, header, claims), "signature"))
    secret = jwk.JWK.generate(kty="oct", size=256, kid="9")
    result.append(("HS256", sign(secret, {"alg": "HS256", "kid": "9"}, claims), "algorithm"))
    public.append(secret.export(as_dict=True))
    return result, public


def main(folder):
    result, public = rows()
    with open(folder + "/wfauth.conf", "w") as file:
        file.write(CONFIG % (ISSUER, folder, folder))
    with open(folder + "/jwks.json", "w") as file:
        json.dump({"keys": public}, file)
    with open(folder + "/list", "w") as index:
        for number, (name, token, reason) in enumerate(result):
            with open("%s/%d" % (folder, number), "w") as file:
                file.write(token)
            user = "ann" if reason == "accept" else "-"
            index.write("%d\timap\t%s\t%s\t%s\n" % (number, reason, user, name))


main(sys.argv[1])
