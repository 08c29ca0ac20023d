"""Dovecot, whose OAUTHBEARER and XOAUTH2 are not ours: clients with the plug-in sign in there. mbsync and
imtest load it from libsasl's own folder."""

import base64
import glob
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: E402

from bearer import Key, encode  # noqa: E402
from harness import Suite, expect, within  # noqa: E402
from mail import Site, install  # noqa: E402
from sandbox import wait_listening  # noqa: E402
from world import DOMAIN, HOME, main, run, write  # noqa: E402

suite = Suite()
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "conf")
DOVECOT = HOME + "/dovecot"
IMTEST = "/usr/lib/cyrus/bin/imtest"
PORT = 1143
TLS_PORT = 1993
USER = "alice@" + DOMAIN
PASSWORD = "a-password-of-IMAP"
SUBJECT = "Minutes of Tuesday"
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")

CONF = """
protocols = imap
listen = 127.0.0.1
base_dir = %(folder)s/run
state_dir = %(folder)s/run
log_path = %(folder)s/log
auth_verbose = yes
# Sanitizers take a lot of addresses; and imap-login 2.3.19 itself reads what it has freed, when a
# response was too long
default_vsz_limit = 0
import_environment = ASAN_OPTIONS=poison_heap=0
auth_failure_delay = 0
auth_mechanisms = oauthbearer xoauth2 plain
ssl = required
ssl_cert = <%(cert)s
ssl_key = <%(key)s
# No delays after failures
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %(port)d
  }
  inet_listener imaps {
    port = %(tls_port)d
    ssl = yes
  }
}
passdb {
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = %(folder)s/oauth2.conf
}
passdb {
  driver = static
  mechanisms = plain
  args = password=%(password)s
}
userdb {
  driver = static
  args = uid=alice gid=alice home=%(folder)s/mail/%%u
}
mail_location = maildir:~/Maildir
"""

OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=%(folder)s/keys/
username_attribute = preferred_username
issuers = %(url)s
scope = mail
openid_configuration_url = %(url)s/.well-known/openid-configuration
"""


def setup(world):
    site = world.site = Site(world)
    unpacked = os.path.dirname(sys.argv[2].rstrip("/")) + "/unpacked"
    install(site, unpacked + "/dovecot-imapd", unpacked + "/dovecot-core")
    for name in ("dovecot", "dovenull"):
        run("useradd", "--system", "--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", name,
            may_fail=True)
    # Dovecot takes JWTs of the type JWT alone
    world.key = Key("dovecot")
    world.key.header = encode(json.dumps({"typ": "JWT", "alg": "ES256", "kid": "dovecot"}))
    keys = DOVECOT + "/keys/default/ES256"
    os.makedirs(keys)
    pem = world.key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write(keys + "/dovecot", pem.decode(), 0o644)
    values = {"folder": DOVECOT, "url": site.provider.url, "cert": site.cert, "key": site.key, "port": PORT,
              "tls_port": TLS_PORT, "password": PASSWORD}
    write(DOVECOT + "/oauth2.conf", OAUTH2 % values, 0o644)
    write(DOVECOT + "/dovecot.conf", CONF % values, 0o644)
    inbox = "%s/mail/%s/Maildir/" % (DOVECOT, USER)
    for part in ("new", "cur", "tmp"):
        os.makedirs(inbox + part)
    write(inbox + "new/1.M1.wfhost", "From: bob@%s\nSubject: %s\n\nNothing new.\n" % (DOMAIN, SUBJECT), 0o644)
    run("chown", "-R", "alice", DOVECOT + "/mail")
    with open(HOME + "/dovecot.log", "wb") as log:
        world.dovecot = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", DOVECOT + "/dovecot.conf"],
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    wait_listening(PORT)


def token(world, **claims):
    text = world.site.token(key=world.key, **claims)
    world.sandbox.secrets.append(text)
    return text


def fresh(world, options="client_authzid = always"):
    world.site.reset("\n[service imap]\n%s\n" % options)
    return world


class Imtest:
    """A session, and what was said in its AUTHENTICATE."""

    def __init__(self, mechanism, password, user=""):
        argv = [IMTEST, "-t", "", "-a", USER, "-u", user, "-w", password, "-p", str(PORT), "127.0.0.1"]
        done = subprocess.run(argv[:1] + (["-m", mechanism] if mechanism else []) + argv[1:], input=". LOGOUT\n",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
        self.text = done.stdout
        found = re.search(r"^C: A01 AUTHENTICATE (\S+)(?: (\S+))?$", self.text, re.M)
        self.mechanism = found and found.group(1)
        self.sent = base64.b64decode(found.group(2)) if found and found.group(2) else None
        found = re.search(r"^S: \+ (\S+)$", self.text, re.M)
        self.challenge = json.loads(base64.b64decode(found.group(1))) if found else None

    def accepted(self):
        expect(re.search("^S: A01 OK", self.text, re.M) and "Authenticated." in self.text, self.text)

    def refused(self):
        expect(re.search("^S: A01 NO", self.text, re.M) and "Authenticated." not in self.text, self.text)


def each(name):
    """Decorator: one case for each mechanism."""
    def keep(function):
        for mechanism in MECHANISMS:
            suite.add("%s: %s" % (mechanism, name), lambda world, m=mechanism: function(fresh(world), m))
        return function
    return keep


@each("imtest gets in with a token")
def good(world, mechanism):
    text = token(world)
    session = Imtest(mechanism, text)
    session.accepted()
    begin = "user=" + USER if mechanism == "XOAUTH2" else "n,a=%s,\x01host=127.0.0.1\x01port=%d" % (USER, PORT)
    expect(session.sent == (begin + "\x01auth=Bearer %s\x01\x01" % text).encode(), session.sent)


@each("what Dovecot refuses is answered as it wants it, and the log says what it means")
def refused(world, mechanism):
    for claims in ({"exp": 1000000000}, {"scope": "openid"}, {"iss": "https://other.example"}):
        world.mark = world.log.mark()
        session = Imtest(mechanism, token(world, **claims))
        session.refused()
        expect(session.challenge["status"] == ("401" if mechanism == "XOAUTH2" else "invalid_token"),
               session.challenge)
        expect(re.search(r"^C: AQ==$", session.text, re.M), session.text)
        lines = [line for line in world.log_lines() if "imtest" in line]
        expect(len(lines) == 1 and "get a new one (server: %s)" % session.challenge["status"] in lines[0], lines)


@each("mbsync fetches the mail; the token is asked for anew at each run")
def mbsync(world, mechanism):
    run_mbsync(world, mechanism, token(world, exp=1000000000), False)
    near = run_mbsync(world, mechanism, token(world), True)
    found = [read(path) for path in glob.glob(near + "/Inbox/*/*") if os.path.isfile(path)]
    expect(len(found) == 1 and SUBJECT in found[0], found)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def run_mbsync(world, mechanism, text, good):
    """The example, as a person would use it; the folder of mail."""
    home = HOME + "/mbsync"
    if not good:
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home + "/Mail")
    write(home + "/.mail-token", text + "\n", 0o600)
    rc = read(EXAMPLES + "/mbsyncrc").replace("imap.acme.example", "localhost\nPort %d\nCertificateFile %s" % (
        TLS_PORT, world.site.cert)).replace("User alice", "User " + USER)
    write(home + "/.mbsyncrc", rc.replace("AuthMechs OAUTHBEARER", "AuthMechs " + mechanism), 0o600)
    done = subprocess.run(["/usr/bin/mbsync", "mail"], env=dict(os.environ, HOME=home), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
    expect((done.returncode == 0) == good, "mbsync ended with", done.returncode, done.stdout)
    return home + "/Mail"


@suite.case("client_authzid = auto sends no a=, which Dovecot refuses")
def without_authzid(world):
    fresh(world, "client_authzid = auto")
    session = Imtest("OAUTHBEARER", token(world))
    expect(session.sent.startswith(b"n,,\x01"), session.sent)
    session.refused()


@suite.case("client_markers = file: the token is read from a file")
def marker(world):
    fresh(world, "client_authzid = always\nclient_markers = file")
    write(HOME + "/token", token(world) + "\n", 0o600)
    Imtest("OAUTHBEARER", "file:" + HOME + "/token").accepted()
    fresh(world)
    Imtest("OAUTHBEARER", "file:" + HOME + "/token").refused()


@suite.case("mbsync: tokens of 2 and 4 KB get in; what has 8 KB is too long for Dovecot")
def lengths(world):
    fresh(world)
    short = len(token(world, pad=""))
    for mechanism in MECHANISMS:
        for kilobytes in (2, 4, 8):
            text = token(world, pad="x" * ((kilobytes * 1024 - short) * 3 // 4))
            run_mbsync(world, mechanism, text, kilobytes < 8)
    # By way of a process of its own
    within(10, lambda: read(DOVECOT + "/log").count("Authentication response too large") == 2, "the reason in its log")


@suite.case("unconfigured: imtest signs in with a password, and there is not a word of ours")
def unconfigured(world):
    world.site.reset()
    os.unlink(world.conf)
    world.mark = world.log.mark()
    session = Imtest(None, PASSWORD)
    session.accepted()
    expect(session.mechanism == "PLAIN", session.text)
    expect("oauth" not in session.text.split("C: A01")[1].lower(), session.text)
    expect(not world.log_lines(), world.log_lines())


if __name__ == "__main__":
    sys.exit(main(suite, setup))
