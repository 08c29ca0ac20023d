"""`wfauth keygen`, `assert` and `token`: sessions of a Machine to Machine application, from the
sandbox, and tokens by RFC 7523's grant, with no person present."""

import base64
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from bearer import Provider, Verdict, command  # noqa: E402
from harness import Suite, expect  # noqa: E402
from own import costs_little  # noqa: E402
from preload import Clock  # noqa: E402
from tlsserver import Reply  # noqa: E402
from world import DOMAIN, HOME, main, run, write  # noqa: E402

suite = Suite()

CONF = """
[provider relay]
type = workfront
url = %(url)s
ca_file = %(ca)s
cache_dir = %(folder)s/cache
timeout = 30s
client_id = %(client)s
client_secret_file = %(folder)s/relay.secret
private_key_file = %(folder)s/relay.key.pem
customer_id = %(customer)s
user_id = %(user)s
"""
GRANT = """
[provider sso]
type = oidc
url = %(url)s
ca_file = %(ca)s
cache_dir = %(folder)s/cache
timeout = 30s
client_id = relay
client_auth = private_key_jwt
private_key_file = %(folder)s/relay.key.pem
grant = jwt_bearer
assertion_subject = relay@acme.example
scope = mail
"""


def wfauth(world, *words, user=None, env=None, wrap=list):
    """What the command says; its environment is clean but for `env`. wrap: makes another command line of it."""
    env = dict({"PATH": os.environ["PATH"], "HOME": "/home/" + user if user else "/root"}, **(env or {}))
    return Verdict(subprocess.run(wrap(command(world, *words, user=user)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, env=env, timeout=240, check=False))


class Place:
    """A folder with a key pair, the secret and a configuration that belong to one user."""

    def __init__(self, world, name, user=None, kind="rsa2048"):
        self.user = user
        self.folder = HOME + "/" + name
        self.key = self.folder + "/relay.key.pem"
        self.secret = self.folder + "/relay.secret"
        self.conf = self.folder + "/wfauth.conf"
        os.makedirs(self.folder, mode=0o755)
        self.own(self.folder)
        said = wfauth(world, "keygen", "-p", "relay", "-o", self.folder, "-t", kind, user=user)
        expect(said.status == 0, said)
        self.said = said.out

    def own(self, *paths):
        for path in paths:
            if self.user:
                shutil.chown(path, self.user, self.user)

    def configure(self, world, text, client, secret, customer, user_id):
        write(self.secret, secret + "\n", 0o600)
        self.text = text % {"url": world.sandbox.url, "ca": world.ca, "folder": self.folder, "client": client,
                            "customer": customer, "user": user_id}
        write(self.conf, self.text, 0o644)
        self.own(self.secret, self.conf)

    def use(self, world):
        """Make it the configuration; nothing is kept, nothing was asked."""
        world.conf = self.conf
        write(self.conf, self.text, 0o644)
        self.own(self.conf)
        shutil.rmtree(self.folder + "/cache", ignore_errors=True)
        world.sandbox.run("requests", "--clear")

    def token(self, world, *options, **how):
        said = wfauth(world, "token", *options, "relay", user=self.user, **how)
        if said.status == 0:
            world.sandbox.secrets.append(said.out.strip())
        return said


def setup(world):
    world.relay_user = json.loads(world.sandbox.run("user", "show", "bob@" + DOMAIN, "--json"))["id"]
    world.root_place = Place(world, "relay")
    found = world.sandbox.machine("relay", world.root_place.folder + "/relay.cert.pem")
    world.relay = found[0]
    world.root_place.configure(world, CONF, *found, world.relay_user)
    world.alice_place = Place(world, "relay-of-alice", "alice")
    found = world.sandbox.machine("relay of alice", world.alice_place.folder + "/relay.cert.pem")
    world.alice_place.configure(world, CONF, *found, world.relay_user)
    world.provider = Provider(HOME + "/provider")


def exchanges(world):
    return [r for r in world.sandbox.requests() if r["endpoint"] == "jwt"]


def good(said):
    """The token that was printed, and nothing else was."""
    expect(said.status == 0 and said.err == "", "no token:", said)
    expect(said.out.endswith("\n") and said.out.count("\n") == 1 and " " not in said.out, "more than a token:", said)
    return said.out.strip()


def bad(said, reason, status, *words):
    expect(said.reason == reason and said.status == status and said.out == "", "not", reason, said)
    for word in words:
        expect(word in said.err, "no word of", word, said)
    return said


def whose(world, session):
    """Whom a session acts as, asked of the sandbox's API."""
    query = urllib.parse.urlencode({"ID": "$$USER.ID", "ID_Mod": "eq", "fields": "ID,username"})
    request = urllib.request.Request(world.sandbox.url + "/attask/api/v20.0/user/search?" + query, None,
                                     {"sessionID": session})
    context = ssl.create_default_context(cafile=world.ca)
    with urllib.request.urlopen(request, context=context, timeout=240) as answer:
        return json.load(answer)["data"][0]["ID"]


def parts(jwt):
    """Header and claims."""
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in jwt.split(".")[:2]]


# -- keygen ----------------------------------------------------------------------------------------

@suite.case("keygen: a private key for its owner alone, a certificate, and where both go")
def keygen(world):
    place = world.root_place
    expect(os.stat(place.key).st_mode & 0o7777 == 0o600, oct(os.stat(place.key).st_mode))
    for word in ("Add a public key", "private_key_file = " + place.key, "client_secret_file = " + place.secret,
                 "[provider relay]", place.folder + "/relay.cert.pem"):
        expect(word in place.said, "no word of", word, place.said)
    expect("PRIVATE" not in place.said, place.said)
    with open(place.folder + "/relay.cert.pem", "rb") as file:
        cert = x509.load_pem_x509_certificate(file.read())
    with open(place.key, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    expect(key.public_key().public_numbers() == cert.public_key().public_numbers(), "another key")
    expect(key.key_size == 2048, key.key_size, "bits")
    expect(os.stat(world.alice_place.key).st_uid == 1501, "alice's key is not hers")


@suite.case("keygen: nothing is overwritten, and nothing half-made stays")
def keygen_again(world):
    folder = HOME + "/half"
    os.makedirs(folder)
    with open(world.root_place.key, "rb") as file:
        before = file.read()
    bad(wfauth(world, "keygen", "-p", "relay", "-o", world.root_place.folder), "config", 2, "is there already")
    with open(world.root_place.key, "rb") as file:
        expect(file.read() == before, "the key was changed")
    write(folder + "/x.cert.pem", "", 0o644)
    bad(wfauth(world, "keygen", "-p", "x", "-o", folder), "config", 2, "x.cert.pem is there already")
    expect(os.listdir(folder) == ["x.cert.pem"], os.listdir(folder))
    os.symlink("/run/elsewhere", folder + "/y.key.pem")
    bad(wfauth(world, "keygen", "-p", "y", "-o", folder), "config", 2)
    expect(not os.path.exists("/run/elsewhere"), "a link was followed")
    bad(wfauth(world, "keygen", "-o", folder + "/none"), "config", 2, "No such file")
    bad(wfauth(world, "keygen", "-o", folder, "-t", "rsa1024"), "config", 2, "rsa2048")
    for name in ("../z", "a/b", "", ".z"):
        said = wfauth(world, "keygen", "-p", name, "-o", folder)
        expect(said.status == 2 and "provider's name" in said.err, name, said)
    expect(len(os.listdir(folder)) == 2, os.listdir(folder))


# -- Workfront -------------------------------------------------------------------------------------

def fetches(place_of):
    def case(world):
        place = place_of(world)
        place.use(world)
        session = good(place.token(world))
        expect(whose(world, session) == world.relay_user, "somebody else's session")
        found = exchanges(world)
        expect(len(found) == 1 and found[0]["status"] == 200, found)
        expect(sorted(found[0]["parameters"]) == ["client_id", "client_secret", "jwt_token"], found)
        for _ in range(3):
            expect(good(place.token(world)) == session, "another token")
        expect(len(exchanges(world)) == 1, "asked again:", exchanges(world))
        for name in os.listdir(place.folder + "/cache"):
            mode = os.stat(place.folder + "/cache/" + name).st_mode & 0o7777
            expect(mode == 0o600, name, oct(mode))
        fresh = good(place.token(world, "--new"))
        expect(fresh != session and len(exchanges(world)) == 2, exchanges(world))
        expect(good(place.token(world)) == fresh, "the new one was not kept")

    return case


suite.add("token: root's, by the helper; a second process asks nobody", fetches(lambda world: world.root_place))
suite.add("token: a person's, in this process", fetches(lambda world: world.alice_place))


def at_once(world, place, count):
    """So many processes; what each says."""
    argv = command(world, "token", "relay", user=place.user)
    env = {"PATH": os.environ["PATH"], "HOME": "/root"}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(argv, env=env, **pipes) for _ in range(count)]
    done = [process.communicate(timeout=240) + (process.returncode,) for process in running]
    world.sandbox.secrets.extend(out.strip() for out, _, status in done if status == 0)
    return done


@suite.case("50 processes at once: one exchange, the same token for all")
def together(world):
    for place in (world.root_place, world.alice_place):
        place.use(world)
        done = at_once(world, place, 50)
        expect(all(status == 0 and not err for _, err, status in done), done)
        expect(len({out for out, _, _ in done}) == 1, "several tokens")
        expect(len(exchanges(world)) == 1, len(exchanges(world)), "exchanges")


@suite.case("logout: the token is forgotten, and what is said is so")
def logged_out(world):
    place = world.root_place
    place.use(world)
    session = good(place.token(world))
    said = wfauth(world, "logout", "relay")
    expect(said.status == 0 and said.out == "No token of relay is kept any more; it ends there by itself.\n", said)
    expect(good(place.token(world)) != session, "the old one")


@suite.case("a token that cannot be forgotten is not printed as a new one")
def not_forgotten(world):
    place = world.alice_place
    place.use(world)
    session = good(place.token(world))
    cache = place.folder + "/cache"
    run("mount", "--bind", cache, cache)
    run("mount", "-o", "remount,bind,ro", cache)
    try:
        expect(good(place.token(world)) == session, "another token")
        bad(place.token(world, "--new"), "config", 2, "cannot be removed", "Read-only file system")
    finally:
        run("umount", cache)
    expect(good(place.token(world, "--new")) != session, "the old token")


@suite.case("a key that was removed: clear words, one request for 20 who ask, and the old token is gone")
def removed(world):
    place = world.root_place
    place.use(world)
    session = good(place.token(world))
    keys = json.loads(world.sandbox.run("app", "key", "list", world.relay, "--json"))
    key_id = keys[0].get("key_id") or keys[0].get("id")
    world.sandbox.run("app", "key", "delete", world.relay, key_id)
    try:
        said = bad(place.token(world, "--new"), "expired", 1, "refuses the assertion signed with " + place.key,
                   "invalid_grant", "public key")
        expect(session not in said.err and "eyJ" not in said.err, said)
        count = len(exchanges(world))
        for _, err, status in at_once(world, place, 20):
            expect(status == 1 and err.startswith("expired: "), status, err)
        expect(len(exchanges(world)) == count, "asked again:", exchanges(world))
    finally:
        world.sandbox.run("app", "key", "add", world.relay, place.folder + "/relay.cert.pem")
    expect(good(place.token(world, "--new")) != session, "the old one")


@suite.case("a user who is not active any more, an unknown customer, a wrong secret")
def refusals(world):
    place = world.root_place
    place.use(world)
    world.sandbox.run("user", "edit", "bob@" + DOMAIN, "--inactive")
    try:
        bad(place.token(world), "expired", 1, "refuses the assertion", world.relay_user)
    finally:
        world.sandbox.run("user", "edit", "bob@" + DOMAIN, "--active")
    write(place.conf, place.text.replace("customer_id = ", "customer_id = 0"), 0o644)
    bad(place.token(world), "expired", 1, "refuses the assertion")
    place.use(world)
    with open(place.secret, encoding="utf-8") as file:
        secret = file.read()
    write(place.secret, "wrong\n", 0o600)
    try:
        said = bad(place.token(world), "config", 2, "refuses this client", "invalid_client", "client_secret_file")
        expect("wrong" not in said.err, said)
    finally:
        write(place.secret, secret, 0o600)
    good(place.token(world))


FAULTS = [
    ("500", "unreachable", 3), ("429", "unreachable", 3), ("hang", "unreachable", 3), ("drop", "unreachable", 3),
    ("truncated", "unreachable", 3), ("oversized", "unreachable", 3), ("not-json", "unreachable", 3),
    ("empty", "unreachable", 3), ("redirect", "unreachable", 3), ("json", "unreachable", 3), ("401", "config", 2),
]


@suite.case("an exchange that is out of order: unreachable in time, and all of it mends by itself")
def faults(world):
    place = world.alice_place
    for kind, reason, status in FAULTS:
        place.use(world)
        world.sandbox.fault("jwt", kind)
        if kind == "hang":
            write(place.conf, place.text.replace("timeout = 30s", "timeout = 2s"), 0o644)
        started = time.monotonic()
        bad(place.token(world), reason, status)
        # Not the time-out of those that answer
        expect(time.monotonic() - started < 20, kind, "took", time.monotonic() - started, "s")
        world.sandbox.run("fault", "clear")
        write(place.conf, place.text, 0o644)
        good(place.token(world, "--new"))


# -- assert ----------------------------------------------------------------------------------------

@suite.case("assert: signed by this key, for 2 minutes and once")
def assertion(world):
    place = world.root_place
    place.use(world)
    jwt = good(wfauth(world, "assert", "relay"))
    header, claims = parts(jwt)
    expect(header["alg"] == "RS256", header)
    expect(claims["sub"] == world.relay_user and claims["exp"] - claims["iat"] == 120, claims)
    expect("aud" not in claims and len(claims["jti"]) == 32 and abs(claims["iat"] - time.time()) < 60, claims)
    expect(not world.sandbox.requests(), world.sandbox.requests())
    with open(place.secret, encoding="utf-8") as file:
        fields = {"client_id": world.relay, "client_secret": file.read().strip(), "jwt_token": jwt}
    statuses = []
    for _ in range(2):
        request = urllib.request.Request(world.sandbox.url + "/integrations/oauth2/api/v1/jwt/exchange",
                                         urllib.parse.urlencode(fields).encode())
        try:
            context = ssl.create_default_context(cafile=world.ca)
            with urllib.request.urlopen(request, context=context, timeout=240) as answer:
                statuses.append(answer.status)
        except urllib.error.HTTPError as refusal:
            statuses.append(refusal.code)
    expect(statuses == [200, 400], statuses)


# -- keys that do not fit --------------------------------------------------------------------------

def openssl(*argv):
    return run("openssl", *argv)


def bad_keys(place):
    """name, what makes it at this path, a word of the complaint"""
    key = place.key
    pair = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
    locked = ["genpkey", "-algorithm", "RSA", "-aes128", "-pass", "pass:secret"]
    numbers = ["genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024"]
    return [
        ("missing", lambda: None, "No such file"),
        ("empty", lambda: write(key, "", 0o600), "private_key_file"),
        ("readable by all", lambda: (openssl("genrsa", "-out", key, "2048"), os.chmod(key, 0o644)), "chmod"),
        ("encrypted", lambda: openssl(*locked, "-out", key), "it is encrypted"),
        ("a certificate", lambda: openssl(*pair, "-keyout", key + ".x", "-out", key), "it is a certificate"),
        ("public", lambda: openssl("rsa", "-in", key + ".good", "-pubout", "-out", key), "it is a public key"),
        ("1024 bits", lambda: openssl("genrsa", "-out", key, "1024"), "RSA key of 1024 bits"),
        ("EC, where Workfront takes RSA",
         lambda: openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key), "RS256 needs an RSA key"),
        ("DSA", lambda: (openssl(*numbers, "-out", key + ".p"),
                         openssl("genpkey", "-paramfile", key + ".p", "-out", key)),
         "type DSA"),
        ("random bytes", lambda: write(key, "\x7f" * 2000, 0o600), "no private key in PEM"),
    ]


@suite.case("keys that are missing, open, encrypted, public, short, of another type")
def unfit(world):
    place = world.root_place
    place.use(world)
    good(place.token(world))
    shutil.copy2(place.key, place.key + ".good")
    try:
        for name, make, word in bad_keys(place):
            if os.path.exists(place.key):
                os.unlink(place.key)
            make()
            if os.path.exists(place.key) and name != "readable by all":
                os.chmod(place.key, 0o600)
            said = wfauth(world, "token", "relay")
            expect(said.status == 2 and word in said.err and said.out == "", name, said)
    finally:
        os.replace(place.key + ".good", place.key)
    good(place.token(world))


@suite.case("providers that are unknown, or have no such way")
def no_way(world):
    place = world.root_place
    place.use(world)
    bad(wfauth(world, "token", "nobody"), "config", 2, "no section [provider nobody]")
    bad(wfauth(world, "assert", "nobody"), "config", 2, "no section [provider nobody]")
    write(place.conf, "[provider acme]\ntype = workfront\nurl = %s\nclient_id = a\nredirect_uri = https://a.example/\n"
          % world.sandbox.url, 0o644)
    bad(wfauth(world, "token", "acme"), "expired", 1, "wfauth login acme")
    bad(wfauth(world, "assert", "acme"), "config", 2, "no private_key_file")
    for words in (["token", "a", "b"], ["token", "--list", "a"], ["token", "--list", "--new"], ["logout", "a", "b"], ["token", "-x", "a"], ["assert"], ["assert", "-x"], ["keygen", "x"]):
        said = wfauth(world, *words)
        expect(said.status == 2 and said.out == "" and "usage: " in said.err, words, said)


# -- cost ------------------------------------------------------------------------------------------

def loaded(world, place):
    """What the loader says of one `wfauth token`."""
    said = place.token(world, env={"LD_DEBUG": "files"})
    expect(said.status == 0, said)
    return said.err


@suite.case("a kept token costs milliseconds, and no library of the network's")
def cost(world):
    place = world.alice_place
    place.use(world)
    text = loaded(world, place)
    expect("libcurl" in text and "libjwt" in text, "the trace shows nothing")
    text = loaded(world, place)
    expect("libcrypto" in text, "the trace shows nothing")
    for library in ("libcurl", "libjwt", "libssl", "wfauth-curl"):
        expect(library not in text, library, "is loaded")
    place = world.root_place
    place.use(world)
    good(place.token(world))
    costs_little(world, command(world, "token", "relay"))


# -- RFC 7523 --------------------------------------------------------------------------------------

def es256(key, jwt):
    """Verify with the public key."""
    text, signature = jwt.rsplit(".", 1)
    raw = base64.urlsafe_b64decode(signature + "==")
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(der, text.encode(), ec.ECDSA(hashes.SHA256()))


@suite.case("grant = jwt_bearer: discovery, the grant, private_key_jwt; kept until shortly before it expires")
def bearer_grant(world):
    place = Place(world, "sso", kind="p256")
    provider = world.provider
    provider.reset()
    place.text = GRANT % {"url": provider.url, "ca": provider.ca, "folder": place.folder}
    place.use(world)
    seen = []

    def answer(request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        seen.append(form)
        return Reply(200, json.dumps({"token_type": "Bearer", "access_token": "t%d" % len(seen), "expires_in": 600}))

    provider.answers[provider.DISCOVERY] = Reply(200, provider.metadata(token_endpoint=provider.url + "/token"))
    provider.answers["/token"] = answer
    clock = Clock(world.sandbox)
    expect(good(wfauth(world, "token", "sso", wrap=clock.argv)) == "t1", seen)
    clock.set(500)
    expect(good(wfauth(world, "token", "sso", wrap=clock.argv)) == "t1", seen)
    with open(place.folder + "/relay.cert.pem", "rb") as file:
        key = x509.load_pem_x509_certificate(file.read()).public_key()
    form = seen[0]
    expect(form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer" and form["scope"] == "mail", form)
    for name in ("assertion", "client_assertion"):
        es256(key, form[name])
        expect(parts(form[name])[0]["alg"] == "ES256", parts(form[name]))
    claims = parts(form["assertion"])[1]
    expect((claims["iss"], claims["sub"], claims["aud"]) == ("relay", "relay@acme.example", provider.url), claims)
    claims = parts(form["client_assertion"])[1]
    expect((claims["iss"], claims["sub"], claims["aud"]) == ("relay", "relay", provider.url), claims)
    expect(parts(form["assertion"])[1]["jti"] != claims["jti"], "one jti for two")
    # 60 s before its end at the latest
    clock.set(545)
    expect(good(wfauth(world, "token", "sso", wrap=clock.argv)) == "t2", seen)
    clock.set(0)
    expect(provider.count(provider.DISCOVERY) == 1, "discovery was asked again")
    provider.answers["/token"] = Reply(400, json.dumps({"error": "invalid_grant"}))
    bad(wfauth(world, "token", "--new", "sso"), "expired", 1, "relay@acme.example", "invalid_grant")


if __name__ == "__main__":
    sys.exit(main(suite, setup))
