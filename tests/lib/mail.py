"""What all suites of the SASL plug-in share: its configuration, messages of both mechanisms, and a
table of tokens with what a server must say to them."""

import base64
import glob
import json
import os
import shutil
import subprocess
import time

from bearer import AUDIENCE, Key, Provider, keep_resting
from harness import expect
from world import DOMAIN, HOME, run, write

SERVICES = ("imap", "pop", "smtp", "ldap", "lmtp", "sieve", "sample")

CONF = """
[provider staff]
type = oidc
url = %(url)s
ca_file = %(ca)s
timeout = 30s
stale_keys = 1h
username = preferred_username
strip_domain = %(domain)s

[service *]
provider = staff
audience = %(audience)s
required_scope = mail
"""


class Site:
    """A host with the plug-in, and the provider of its people."""

    def __init__(self, world):
        self.world = world
        self.provider = Provider(HOME + "/sso")
        self.plugin = glob.glob(world.root + "/**/liboauthbearer.so", recursive=True)[0]
        self.plugins = os.path.dirname(self.plugin)
        self.key, self.cert = self.make_certificate()
        # Other suites run at the same time with the same prefix
        self.cache = world.root + "/var/cache/wfauth"
        os.makedirs(self.cache, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "mode=711", "tmpfs", self.cache)
        self.reset()

    @staticmethod
    def make_certificate():
        """Of the servers under test: 127.0.0.1 and localhost."""
        base = HOME + "/server"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", base + "-key.pem", "-out", base + "-cert.pem")
        os.chmod(base + "-key.pem", 0o644)
        return base + "-key.pem", base + "-cert.pem"

    def reset(self, more="", **changes):
        """The configuration, `more` behind it, a provider without faults, and nothing known of before."""
        self.provider.reset()
        self.forget()
        self.configure(more, **changes)

    def configure(self, more="", **changes):
        values = {"url": self.provider.url, "ca": self.provider.ca, "audience": AUDIENCE, "domain": DOMAIN}
        values.update(changes)
        write(self.world.conf, CONF % values + more, 0o644)

    def forget(self):
        """The folders of keys and answers, one for each user that a daemon may be."""
        for name in os.listdir(self.cache):
            path = self.cache + "/" + name
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for user in ("cyrus", "openldap", "Debian-exim", "postfix", "alice", "archive"):
            if subprocess.run(["id", user], capture_output=True, check=False).returncode == 0:
                os.mkdir(self.cache + "/" + user, 0o700)
                shutil.chown(self.cache + "/" + user, user)

    def age(self, seconds):
        """As if all keys on disk had been fetched so many seconds ago."""
        for path in glob.glob(self.cache + "/*/keys-*"):
            with open(path, encoding="utf-8") as file:
                entry = json.load(file)
            entry["fetched"] -= seconds
            entry["until"] -= seconds
            with open(path, "w", encoding="utf-8") as file:
                json.dump(entry, file)

    def rest(self):
        """As if requests had failed so often that a minute passes before the next one."""
        keep_resting(glob.glob(self.cache + "/down-*") + glob.glob(self.cache + "/*/down-*"))

    def token(self, **claims):
        """A good token for alice, or one with claims changed."""
        values = {"preferred_username": "alice@" + DOMAIN}
        values.update(claims)
        return self.provider.token(**values)

    def long_token(self, size):
        """A good one of about so many bytes."""
        short = len(self.token(pad=""))
        return self.token(pad="x" * ((size - short) * 3 // 4))

    def refusals(self):
        """(name, token, status of OAUTHBEARER's JSON, status of XOAUTH2's)."""
        now = int(time.time())
        good = self.token()
        return [
            ("expired", self.token(exp=now - 3600, iat=now - 7200), "invalid_token", "401"),
            ("another audience", self.token(aud="urn:web"), "invalid_token", "401"),
            ("without the scope", self.token(scope="openid"), "insufficient_scope", "403"),
            ("forged", good[:-8] + ("A" * 8), "invalid_token", "401"),
            ("signed by somebody", self.provider.token(key=Key("first"), preferred_username="alice@" + DOMAIN),
             "invalid_token", "401"),
        ]

    def error(self, mechanism, status):
        """The JSON that a server must send."""
        if mechanism == "XOAUTH2":
            return {"status": status, "schemes": "bearer", "scope": "mail"}
        return {"status": status, "scope": "mail",
                "openid-configuration": self.provider.url + "/.well-known/openid-configuration"}

    def expect_error(self, mechanism, status, data):
        """data: what came over the wire, base64."""
        said = json.loads(base64.b64decode(data))
        expect(said == self.error(mechanism, status), mechanism, "the server said", said)


def install(site, *packages):
    """The plug-in in libsasl's own folder, where every program finds it, and the files of unpacked packages
    below /usr: as if installed. One layer over all: where / is an overlay, too, there may be no third."""
    layer = HOME + "/usr"
    folder = layer + glob.glob("/usr/lib/*/sasl2")[0][len("/usr"):]
    os.makedirs(folder)
    shutil.copy(site.plugin, folder)
    layers = [layer] + [package + "/usr" for package in packages] + ["/usr"]
    run("mount", "-t", "overlay", "overlay", "-o", "lowerdir=" + ":".join(layers), "/usr")


def trust(cert):
    """The clients trust the servers as any other: by the system's certificates, of which we have a copy."""
    name = run("openssl", "x509", "-noout", "-subject_hash", "-in", cert).strip()
    shutil.copyfile(cert, "/etc/ssl/certs/%s.0" % name)
    with open(cert, encoding="ascii") as source, open("/etc/ssl/certs/ca-certificates.crt", "a", encoding="ascii") as bundle:
        bundle.write(source.read())


def oauthbearer(token, authzid=None, **pairs):
    """RFC 7628's message, base64."""
    text = "n,%s,\x01" % ("a=" + authzid if authzid else "")
    text += "".join("%s=%s\x01" % pair for pair in pairs.items())
    return encode(text + "auth=Bearer %s\x01\x01" % token)


def xoauth2(token, user="alice"):
    return encode("user=%s\x01auth=Bearer %s\x01\x01" % (user, token))


def message(mechanism, token, user=None):
    """Of either mechanism."""
    return xoauth2(token, user or "alice") if mechanism == "XOAUTH2" else oauthbearer(token, user)


def encode(text):
    return base64.b64encode(text.encode()).decode()


DUMMY = encode("\x01")
