"""Services of this host that sign in with no person present, by key pairs of their own, and servers that take
their tokens."""

import glob
import json
import os
import re
import shutil
import subprocess

import mail
from bearer import AUDIENCE, Verdict, command
from harness import expect
from session import call
from smtpd import Postfix, example
from world import DOMAIN, HOME, run, write

SUBMIT = 10588
# Of the servers, as if they ran on another host
SERVER = HOME + "/server.conf"
SERVER_CONF = """
[provider acme]
type = workfront
url = %(workfront)s
ca_file = %(workfront_ca)s
timeout = 30s
token_pattern = [0-9a-f]{32}
username = username
strip_domain = %(domain)s

[provider staff]
type = oidc
url = %(staff)s
ca_file = %(staff_ca)s
timeout = 30s
username = preferred_username
strip_domain = %(domain)s

[service smtp]
provider = acme
flow = token
audience = %(audience)s
accept_unbound = yes
%(smtp)s

[service imap]
provider = acme
flow = token
audience = %(audience)s
accept_unbound = yes

[service ldap]
provider = acme, staff
flow = token
audience = %(audience)s
accept_unbound = yes
"""



class Account:
    """A service of this host: a user who owns a key pair and a client secret, and a provider's section."""

    def __init__(self, world, name, user):
        self.name = name
        self.user = user
        self.folder = "/etc/wfauth/" + name
        self.key = "%s/%s.key.pem" % (self.folder, name)
        self.cert = "%s/%s.cert.pem" % (self.folder, name)
        self.secret = "%s/%s.secret" % (self.folder, name)
        os.makedirs(self.folder, mode=0o700)
        shutil.chown(self.folder, user)
        self.keygen(world)
        self.client, secret, self.customer = world.sandbox.machine(name, self.cert)
        write(self.secret, secret + "\n", 0o600)
        shutil.chown(self.secret, user)

    def keygen(self, world):
        said = self.wfauth(world, "keygen", "-p", self.name, "-o", self.folder)
        expect(said.status == 0, said)

    def wfauth(self, world, *words, env=None):
        env = dict({"PATH": os.environ["PATH"], "HOME": "/"}, **(env or {}))
        return Verdict(subprocess.run(command(world, *words, user=self.user), stdin=subprocess.DEVNULL, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, timeout=240, check=False))

    def token(self, world, *options):
        said = self.wfauth(world, "token", *options, self.name)
        expect(said.status == 0 and not said.err, said)
        world.sandbox.secrets.append(said.out.strip())
        return said.out.strip()

    def section(self, world):
        text = example("wfauth.conf.service", **{
            "[provider relay]": "[provider %s]" % self.name, "https://acme.my.workfront.com": world.sandbox.url,
            "2f1c0c5c4d7a4f6a8f1d2b3c4d5e6f70": self.client, "/etc/wfauth/relay/relay.secret": self.secret,
            "/etc/wfauth/relay/relay.key.pem": self.key, "60c0c5d7a4f6a8f1d2b3c4d5e6f70aaa": self.customer,
            "5d89932d0000e7fb9e6f63f18b2e65e1": world.robot, "\n[service smtp]\nclient_markers = provider\n": ""})
        return text + "ca_file = %s\ntimeout = 30s\n\n" % world.ca

    def kept(self, world):
        """What is kept of its tokens."""
        return [path for path in glob.glob("%s/%s/token-*" % (world.site.cache, self.user))]

    def age(self, world, seconds):
        """As if what is kept had been fetched so many seconds ago."""
        for path in self.kept(world):
            with open(path, encoding="utf-8") as file:
                entry = json.load(file)
            entry["fetched"] -= seconds
            entry["until"] -= seconds
            with open(path, "w", encoding="utf-8") as file:
                json.dump(entry, file)

    def keys(self, world):
        return [key.get("key_id") or key["id"] for key in
                json.loads(world.sandbox.run("app", "key", "list", self.client, "--json"))]

    def renew_key(self, world):
        """A new pair in the place of the old one, as an administrator makes it."""
        for path in (self.key, self.cert):
            os.rename(path, path + ".old")
        self.keygen(world)
        world.sandbox.run("app", "key", "add", self.client, self.cert)

    def remove_key(self, world):
        for key in self.keys(world):
            world.sandbox.run("app", "key", "delete", self.client, key)


def setup(world):
    """For a suite's main(): the services postfix and archive, who are robot elsewhere."""
    run("useradd", "--system", "--create-home", "--home-dir", "/home/archive", "--shell", "/usr/sbin/nologin", "archive")
    world.sandbox.user("robot@" + DOMAIN)
    world.robot = json.loads(world.sandbox.run("user", "show", "robot@" + DOMAIN, "--json"))["id"]
    world.site = mail.Site(world)
    mail.trust(world.site.cert)
    world.relay = Account(world, "relay", "postfix")
    world.archive = Account(world, "archive", "archive")
    world.configure = lambda: configure(world)
    configure(world)
    serve(world)
    start_submission(world)


def configure(world, markers="provider", more=""):
    """Of the services that sign in. Nothing is known of before."""
    services = "".join("[service %s]\nclient_markers = %s\n\n" % (name, markers) for name in ("smtp", "imap", "ldap"))
    text = world.relay.section(world) + world.archive.section(world)
    write(world.conf, text + "[service *]\nprovider = relay\n\n" + services + more, 0o644)
    world.site.forget()


def serve(world, smtp=""):
    """Of the servers."""
    provider = world.site.provider
    write(SERVER, SERVER_CONF % {"workfront": world.sandbox.url, "workfront_ca": world.ca, "staff": provider.url,
                                 "staff_ca": provider.ca, "domain": DOMAIN, "audience": AUDIENCE, "smtp": smtp}, 0o644)


def start_submission(world):
    """Postfix, as the server."""
    site = world.site
    text = example("main.cf", **{"/etc/ssl/certs/mail.pem": site.cert, "/etc/ssl/private/mail.key": site.key})
    # No chroot: sessions are looked up
    service = example("master.cf", **{"submission inet n       -       y": "127.0.0.1:%d inet n - n" % SUBMIT})
    world.submit = Postfix(site, "submit", text + "default_transport = discard\n", service,
                           example("smtpd.conf") + "oauthbearer_config: %s\n" % SERVER)


def exchanges(world):
    return [r for r in world.sandbox.requests() if r["endpoint"] == "jwt"]


def no_secrets(world):
    """In the log of this case."""
    text = "\n".join(world.log_lines())
    for begin in ("eyJ", "biw", "dXNlcj1", "PRIVATE"):
        expect(begin not in text, "the log holds a token:", text)


def arrived(world, mark):
    """By which mechanism and as whom messages came in."""
    return set(re.findall(r"postfix/submission/smtpd\[.*sasl_method=(\w+), sasl_username=(\w+)",
                          "\n".join(world.log.since(mark))))


def end_session(world, session):
    """As an administrator, or Workfront itself, ends one."""
    call(world, "/attask/api/v20.0/logout", headers={"sessionID": session})
