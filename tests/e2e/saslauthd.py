"""saslauthd and saslpluginviewer with the plug-in in libsasl's own folder: unconfigured, where nobody may
notice it, and configured."""

import glob
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from harness import Suite, expect, within  # noqa: E402
from mail import Site, install  # noqa: E402
from sample import Exchange  # noqa: E402
from tlsserver import Reply  # noqa: E402
from world import HOME, UNIX_PASSWORD, main, run, write  # noqa: E402

suite = Suite()
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "conf")
FOLDER = HOME + "/saslauthd"
OPAQUE = "mt_ThisIsATokenOfAlice012345678901234567"
SECRET = "a-client-secret"


def setup(world):
    world.site = Site(world)
    os.unlink(world.conf)
    world.before = {side: viewer(side) for side in ("-s", "-c")}
    install(world.site)
    world.site.plugins = glob.glob("/usr/lib/*/sasl2")[0]
    os.makedirs("/etc/sasl2", exist_ok=True)
    write("/etc/sasl2/sample.conf", "pwcheck_method: saslauthd\nsaslauthd_path: %s/mux\nmech_list: PLAIN\n" % FOLDER, 0o644)
    with open("/etc/login.defs", "a", encoding="ascii") as file:
        file.write("FAIL_DELAY 0\n")


def viewer(*options):
    """(output, errors) of saslpluginviewer."""
    done = subprocess.run(["/usr/sbin/saslpluginviewer"] + list(options), capture_output=True, text=True, timeout=240,
                          check=False)
    expect(done.returncode == 0, done)
    return done.stdout, done.stderr


def unconfigured(world):
    if os.path.exists(world.conf):
        os.unlink(world.conf)
    world.mark = world.log.mark()


# -- saslpluginviewer ------------------------------------------------------------------------------

LISTED = {
    "-s": ("server", ", supports setpass: no"),
    "-c": ("client", ""),
}
PLUGIN = """Plugin "oauthbearer" [loaded], \tAPI version: 4
\tSASL mechanism: %s, best SSF: 0%s
\tsecurity flags: NO_ANONYMOUS|PASS_CREDENTIALS
\tfeatures: WANT_CLIENT_FIRST|PROXY_AUTHENTICATION
"""


def each_side(name):
    """Decorator: one case for servers and one for clients."""
    def keep(function):
        for side, (title, _) in LISTED.items():
            suite.add("saslpluginviewer %s (%s): %s" % (side, title, name), lambda world, s=side: function(world, s))
        return function
    return keep


@each_side("unconfigured, it says what it says without the plug-in, and so does the log")
def viewer_unconfigured(world, side):
    unconfigured(world)
    expect(viewer(side) == world.before[side], viewer(side), "instead of", world.before[side])
    expect(not world.log_lines(), world.log_lines())


@each_side("configured, it lists both mechanisms with what they can do")
def viewer_configured(world, side):
    world.site.reset()
    out, errors = viewer(side)
    for mechanism in ("OAUTHBEARER", "XOAUTH2"):
        expect(PLUGIN % (mechanism, LISTED[side][1]) in out, out)
    expect(not errors and not world.log_lines(), errors, world.log_lines())


@each_side("with a bad configuration it lists neither, and the log says why")
def viewer_misconfigured(world, side):
    write(world.conf, "[service imap]\nno_such_key = 1\n", 0o644)
    expect(viewer(side)[0] == world.before[side][0], viewer(side))
    lines = {line for line in world.log_lines() if "the mechanisms are not offered" in line}
    expect(len(lines) == 1 and "no_such_key" in lines.pop(), world.log_lines())


# -- saslauthd -------------------------------------------------------------------------------------

class Saslauthd:
    """Started as its manual and Debian's script do it, in a session of its own: it ends its process group."""

    def __init__(self, mechanism, *options, threads=2):
        os.makedirs(FOLDER, exist_ok=True)
        self.mux = FOLDER + "/mux"
        done = subprocess.run(["/usr/bin/setsid", "-w", "/usr/sbin/saslauthd", "-a", mechanism, "-n", str(threads)]
                              + list(options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
        self.said = done.stdout
        expect(done.returncode == 0, done)
        within(10, lambda: os.path.exists(self.mux), "saslauthd's socket")
        with open(FOLDER + "/saslauthd.pid", encoding="ascii") as file:
            self.pid = int(file.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGTERM)
        within(10, lambda: not os.path.exists("/proc/%d" % self.pid), "saslauthd's end")

    def check(self, password, user="alice", service="imap"):
        """True: in. What is no answer fails."""
        said = run("/usr/sbin/testsaslauthd", "-u", user, "-p", password, "-s", service, "-f", self.mux, may_fail=True)
        expect(re.match("0: (OK|NO)", said), said)
        return said.startswith("0: OK")


@suite.case("saslauthd, unconfigured: passwords as ever, and not a word of ours")
def plain_saslauthd(world):
    unconfigured(world)
    write("/etc/pam.d/imap", "auth required pam_unix.so\naccount required pam_unix.so\n", 0o644)
    run("/usr/sbin/saslpasswd2", "-c", "-p", "-u", "wfhost", "carol", stdin="a-password-of-SASL")
    for mechanism, user, password in (("pam", "alice", UNIX_PASSWORD), ("shadow", "alice", UNIX_PASSWORD),
                                      ("sasldb", "carol", "a-password-of-SASL")):
        with Saslauthd(mechanism, "-m", FOLDER) as daemon:
            expect(daemon.check(password, user), mechanism, "does not take the password")
            expect(not daemon.check("wrong", user), mechanism, "takes a wrong password")
            expect(not daemon.said, daemon.said)
            if mechanism == "pam":
                Exchange(world, "PLAIN", password, service="imap").accepted()
    lines = [line for line in world.log_lines() if re.search("oauth|wfauth|workfront", line)]
    expect(not lines, lines)


def example(name, **changes):
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
        text = file.read()
    for old, new in changes.values():
        expect(old in text, name, "has no", old)
        text = text.replace(old, new)
    return text


def start_example(world):
    """The example's files where they belong, and the daemon with the words of its settings."""
    site = world.site
    site.provider.reset()
    site.forget()
    write(HOME + "/mail-secret", SECRET + "\n", 0o600)
    write(world.conf, example("wfauth.conf.saslauthd",
                              url=("https://sso.acme.example/realms/staff", site.provider.url),
                              secret=("/etc/wfauth/mail-secret", HOME + "/mail-secret\nca_file = " + site.provider.ca),
                              ), 0o644)
    write("/etc/pam.d/imap", example("pam.d-imap", module=("pam_workfront.so", world.module)), 0o644)
    write(HOME + "/default", example("saslauthd", folder=("/var/run/saslauthd", FOLDER)), 0o644)
    words = run("/bin/sh", "-c", ". %s/default; echo $MECHANISMS $OPTIONS" % HOME).split()
    return Saslauthd(*words)


def introspected(provider):
    """The provider knows OPAQUE; the tokens that it was asked about."""
    seen = []

    def answer(request):
        seen.append(urllib.parse.parse_qs(request.body.decode())["token"][0])
        if seen[-1] != OPAQUE:
            return Reply(200, '{"active":false}')
        return Reply(200, json.dumps({"active": True, "preferred_username": "alice", "sub": "s-1", "aud": "urn:mail",
                                      "exp": int(time.time()) + 600, "token_type": "Bearer"}))

    provider.answers["/introspect"] = answer
    return seen


@suite.case("saslauthd as in the example: an opaque token is a password, and no password travels")
def token_saslauthd(world):
    with start_example(world) as daemon:
        seen = introspected(world.site.provider)
        expect(daemon.check(OPAQUE), "not in with a token")
        line = world.decision("accept", action="token")
        expect(line.get("service") == "imap" and line.get("user") == "alice", line["line"])
        expect(not daemon.check(OPAQUE, "bob"), "in as somebody else")
        expect(not daemon.check(OPAQUE.replace("Alice", "Nobod")), "in with an unknown token")
        asked = len(seen)
        expect(not daemon.check(UNIX_PASSWORD), "in with a password")
        expect(len(seen) == asked, "a password travelled:", seen)


@suite.case("saslauthd as in the example: a client without our mechanisms sends a token by PLAIN")
def by_plain(world):
    with start_example(world):
        introspected(world.site.provider)
        Exchange(world, "PLAIN", OPAQUE, service="imap").accepted()
        Exchange(world, "PLAIN", UNIX_PASSWORD, service="imap").refused()


@suite.case("saslauthd as in the example: a token that was withdrawn is refused, for there is no cache of its own")
def withdrawn(world):
    with start_example(world) as daemon:
        introspected(world.site.provider)
        expect(daemon.check(OPAQUE), "not in with a token")
        world.site.provider.answers["/introspect"] = Reply(200, '{"active":false}')
        world.site.forget()
        expect(not daemon.check(OPAQUE), "in with a withdrawn token")


@suite.case("saslauthd passes 256 bytes: a JWT is refused, whoever asks, and nobody judged it")
def too_long(world):
    with start_example(world) as daemon:
        token = world.site.token(preferred_username="alice")
        expect(len(token) > 256, len(token))
        said = run("/usr/sbin/testsaslauthd", "-u", "alice", "-p", token, "-s", "imap", "-f", daemon.mux, may_fail=True)
        expect("OK" not in said, said)
        expect(not world.audit("token"), world.audit("token"))


if __name__ == "__main__":
    sys.exit(main(suite, setup))
