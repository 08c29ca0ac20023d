"""A provider that is not ours: Debian's glewlwyd. Its tokens, got as applications get them, judged by
discovery and keys, by introspection and by userinfo."""

import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from jwcrypto import jwk  # noqa: E402

from bearer import accepted, refused, verify  # noqa: E402
from glewlwyd import AUDIENCE, OTHER_AUDIENCE, SECRET, Glewlwyd  # noqa: E402
from harness import Suite, expect  # noqa: E402
from world import HOME, main, write  # noqa: E402

suite = Suite()
CACHE = HOME + "/cache"
# A JWT with other signs between its parts: how the front spells what it hands out as a reference
PATTERN = r"[A-Za-z0-9_-]+~[A-Za-z0-9_-]+~[A-Za-z0-9_-]+"

CONF = """
[provider rs]
type = oidc
url = %(rs)s
ca_file = %(ca)s
cache_dir = %(cache)s

[provider es]
type = oidc
url = %(es)s
ca_file = %(ca)s
cache_dir = %(cache)s
username = preferred_username

[provider asked]
type = oidc
url = %(rs)s
ca_file = %(ca)s
cache_dir = %(cache)s
client_id = mailer
client_secret_file = %(secret)s
introspection = yes
token_pattern = %(pattern)s
username = username

[provider person]
type = oidc
url = %(rs)s
ca_file = %(ca)s
cache_dir = %(cache)s
userinfo = yes
token_pattern = %(pattern)s

[service imap]
provider = rs
audience = %(audience)s
required_scope = mail

[service imap-es]
provider = es
audience = %(audience)s
required_scope = mail

[service files]
provider = rs
audience = %(audience)s
required_scope = files

[service introspected]
provider = asked
audience = %(audience)s

[service introspected-by-client]
provider = asked
audience = somebody-else

[service person]
provider = person
accept_unbound = yes

[service person-bound]
provider = person
audience = %(audience)s
"""


def setup(world):
    keys = {"rs": jwk.JWK.generate(kty="RSA", size=2048, kid="rs-1", alg="RS256"),
            "es": jwk.JWK.generate(kty="EC", crv="P-256", kid="es-1", alg="ES256")}
    world.glewlwyd = Glewlwyd(HOME + "/glewlwyd", {
        name: json.dumps({"keys": [key.export(as_dict=True)]}) for name, key in keys.items()})
    world.glewlwyd_secret = HOME + "/glewlwyd-secret"
    write(world.glewlwyd_secret, SECRET + "\n", 0o600)


def forget():
    """Nothing is known of before."""
    shutil.rmtree(CACHE, ignore_errors=True)
    os.makedirs(CACHE, mode=0o700)


def fresh(world, pattern=PATTERN):
    """Our configuration, and nothing known of before."""
    box = world.glewlwyd
    forget()
    box.front.clear()
    write(world.conf, CONF % {"rs": box.issuer("rs"), "es": box.issuer("es"), "ca": box.front.ca, "cache": CACHE,
                              "secret": world.glewlwyd_secret, "pattern": pattern, "audience": AUDIENCE}, 0o644)
    return box


def opaque(token):
    return token.replace(".", "~")


@suite.case("its JWT by discovery and keys, RS256: two requests, and none for the next one")
def by_keys(world):
    box = fresh(world)
    accepted(world, box.token("rs"))
    paths = [request.path for request in box.front.record]
    expect(len(paths) == 2 and "openid-configuration" in paths[0] and "jwks" in paths[1], paths)
    accepted(world, box.token("rs", user="bob"), name="bob")
    expect(len(box.front.record) == 2, "asked again:", [request.path for request in box.front.record])


@suite.case("its JWT, ES256")
def by_keys_es(world):
    box = fresh(world)
    accepted(world, box.token("es"), service="imap-es")


@suite.case("with -u and as JSON")
def as_json(world):
    box = fresh(world)
    token = box.token("rs")
    verdict = verify(world, token, "-u", "alice", "--json")
    said = json.loads(verdict.out)
    expect(verdict.status == 0 and said["verdict"] == "accept" and said["user"] == "alice" and said["provider"] == "rs",
           verdict)
    expect(said["claims"]["client_id"] == "mailer" and said["subject"] == said["claims"]["sub"], said)
    refused(world, token, "identity", "-u", "bob")


@suite.case("one issuer's token is no other's")
def other_issuer(world):
    box = fresh(world)
    refused(world, box.token("es"), "issuer")
    refused(world, box.token("rs"), "issuer", service="imap-es")


@suite.case("its ID token and its refresh token are refused")
def other_kinds(world):
    box = fresh(world)
    got = box.tokens("rs")
    refused(world, got["id_token"], "type")
    refused(world, got["refresh_token"], "malformed")


@suite.case("an audience and a scope that are not ours")
def not_ours(world):
    box = fresh(world)
    accepted(world, box.token("rs"))
    refused(world, box.token("rs", resource=OTHER_AUDIENCE), "audience")
    # By a password the scopes are its audience, in one string
    refused(world, box.tokens_by_password("rs")["access_token"], "audience")
    refused(world, box.token("rs"), "scope", service="files")


@suite.case("a token with a changed signature, and one signed for another person")
def forged(world):
    box = fresh(world)
    good, other = box.token("rs"), box.token("rs", user="bob")
    head, body, signature = good.split(".")
    turned = signature[:99] + ("A" if signature[99] != "A" else "B") + signature[100:]
    refused(world, ".".join((head, body, turned)), "signature")
    refused(world, ".".join((head, other.split(".")[1], signature)), "signature")


@suite.case("the same token taken as opaque, by introspection; revoked, it is inactive")
def by_introspection(world):
    box = fresh(world)
    token = box.token("rs")
    accepted(world, opaque(token), service="introspected")
    expect(box.front.count("/introspect") == 1, [request.path for request in box.front.record])
    accepted(world, opaque(token), service="introspected")
    expect(box.front.count("/introspect") == 1, "what is known was asked again")
    refused(world, opaque(token), "audience", service="introspected-by-client")
    box.revoke("rs", token)
    forget()
    refused(world, opaque(token), "inactive", service="introspected")
    # Nobody asks about a JWT: who judges those alone sees it until it expires
    accepted(world, token)


@suite.case("refresh and ID tokens that introspection calls active are refused")
def active_but_other(world):
    box = fresh(world, "[A-Za-z0-9_~-]+")
    got = box.tokens("rs")
    accepted(world, opaque(got["access_token"]), service="introspected")
    # glewlwyd takes token_type_hint for an order; RFC 7662 section 2.1 has it look further
    refused(world, opaque(got["id_token"]), "inactive", service="introspected")
    refused(world, got["refresh_token"], "inactive", service="introspected")
    expect(box.front.count("/introspect") == 3, [request.path for request in box.front.record])
    forget()
    box.drop_hint = True
    try:
        accepted(world, opaque(got["access_token"]), service="introspected")
        refused(world, opaque(got["id_token"]), "type", service="introspected")
        refused(world, got["refresh_token"], "type", service="introspected")
    finally:
        box.drop_hint = False


@suite.case("the same token taken as opaque, by userinfo: only where the service accepts it unbound")
def by_userinfo(world):
    box = fresh(world)
    token = box.token("rs")
    accepted(world, opaque(token), service="person")
    refused(world, opaque(token), "audience", service="person-bound")
    box.revoke("rs", token)
    forget()
    refused(world, opaque(token), "inactive", service="person")


@suite.case("what does not match token_pattern goes nowhere; nor does a JWT go to introspection")
def nowhere(world):
    box = fresh(world)
    refused(world, "a local password", "malformed", service="introspected")
    refused(world, "a local password", "malformed", service="person")
    expect(not box.front.record, "requests:", [request.path for request in box.front.record])
    refused(world, box.token("rs").replace(".", "~", 1), "malformed", service="introspected")
    expect(not box.front.count("/introspect") and not box.front.count("/userinfo"), "a look-up was made")


@suite.case("it stops: known keys still serve, opaque tokens are unreachable; it is back, and so are they")
def stopped(world):
    box = fresh(world)
    token, other = box.token("rs"), box.token("es")
    accepted(world, token)
    box.stop()
    try:
        accepted(world, token)
        refused(world, opaque(token), "unreachable", status=3, service="introspected")
        refused(world, other, "unreachable", status=3, service="imap-es")
    finally:
        box.start()
    forget()
    accepted(world, other, service="imap-es")
    accepted(world, opaque(token), service="introspected")


@suite.case("its keys change: the new one is fetched when a token names it, the old one still serves")
def rotated(world):
    box = fresh(world)
    old = box.token("es")
    accepted(world, old, service="imap-es")
    plugin = box.api("GET", "mod/plugin/es")
    keys = json.loads(plugin["parameters"]["jwks-private"])["keys"]
    new = jwk.JWK.generate(kty="EC", crv="P-256", kid="es-2", alg="ES256").export(as_dict=True)
    plugin["parameters"]["jwks-private"] = json.dumps({"keys": [new] + keys})
    box.api("PUT", "mod/plugin/es", plugin)
    box.api("PUT", "mod/plugin/es/reset")
    token = box.token("es")
    # It was fetched a moment ago, and nobody may make us ask again so soon
    refused(world, token, "key", service="imap-es")
    age_keys(CACHE, 60)
    accepted(world, token, service="imap-es")
    accepted(world, old, service="imap-es")


def age_keys(folder, seconds):
    """Date what is kept back."""
    for name in os.listdir(folder):
        if not name.startswith("keys-") or name.endswith(".lock"):
            continue
        path = folder + "/" + name
        with open(path, encoding="utf-8") as file:
            entry = json.load(file)
        entry["fetched"] -= seconds
        with open(path, "w", encoding="utf-8") as file:
            json.dump(entry, file)


if __name__ == "__main__":
    sys.exit(main(suite, setup))
