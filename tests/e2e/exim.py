"""Exim's server with driver = cyrus_sasl, which begins and ends SASL anew for every AUTH."""

import os
import shutil
import smtplib
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from harness import Suite, expect, show, within  # noqa: E402
from mail import DUMMY, Site, encode, message, oauthbearer, xoauth2  # noqa: E402
from sandbox import wait_listening  # noqa: E402
from world import DOMAIN, HOME, main, run, write  # noqa: E402

suite = Suite()
CONF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "conf")
SPOOL = HOME + "/exim"
PORT = 2525
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")

MAIN = """
exim_path = %(program)s
spool_directory = %(spool)s
log_file_path = %(spool)s/log/%%slog
pid_file_path = %(spool)s/pid
primary_hostname = wfhost
local_interfaces = 127.0.0.1
daemon_smtp_ports = %(port)d
keep_environment = SASL_PATH
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 0
tls_advertise_hosts = *
tls_certificate = %(cert)s
tls_privatekey = %(key)s
acl_smtp_rcpt = who

begin acl
who:
  deny authenticated = *
       message = signed in as $authenticated_id
  deny message = nobody

begin authenticators
.include %(conf)s
"""


def setup(world):
    run("groupadd", "--system", "Debian-exim", may_fail=True)
    run("useradd", "--system", "--no-create-home", "-g", "Debian-exim", "--shell", "/usr/sbin/nologin", "Debian-exim",
        may_fail=True)
    world.site = Site(world)
    world.program = os.path.dirname(sys.argv[2].rstrip("/")) + "/unpacked/exim4-daemon-heavy/usr/sbin/exim4"
    os.makedirs(SPOOL + "/log")
    for path in (SPOOL, SPOOL + "/log"):
        shutil.chown(path, "Debian-exim", "Debian-exim")
    with open(CONF + "/sasl2-exim.conf", encoding="ascii") as file:
        text = file.read()
    os.makedirs("/etc/sasl2", exist_ok=True)
    write("/etc/sasl2/exim.conf", text.replace("/etc/wfauth/wfauth.conf", world.conf), 0o644)
    write(HOME + "/exim.conf", MAIN % {"program": world.program, "spool": SPOOL, "port": PORT, "cert": world.site.cert,
                                       "key": world.site.key, "conf": os.path.realpath(CONF + "/exim.conf")}, 0o644)
    env = dict(os.environ, SASL_PATH=world.site.plugins)
    # strlen() in Exim 4.96 itself runs beyond a block of its own, before the first command is read
    env["ASAN_OPTIONS"] = "intercept_strlen=0:replace_str=0"
    with open(HOME + "/exim.log", "wb") as log:
        world.exim = subprocess.Popen([world.program, "-C", HOME + "/exim.conf", "-bdf"], stdin=subprocess.DEVNULL,
                                      stdout=log, stderr=log, env=env)
    try:
        wait_listening(PORT)
    except AssertionError:
        show(read(HOME + "/exim.log"))
        raise


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


class Client(smtplib.SMTP):
    """One connection, secured."""

    def __init__(self, world, tls=True):
        super().__init__("127.0.0.1", PORT, timeout=240)
        self.ehlo()
        if tls:
            self.starttls(context=ssl.create_default_context(cafile=world.site.cert))
            self.ehlo()

    def begin(self, mechanism, data, initial=True):
        """AUTH, with or without an initial response. (code, text)."""
        if initial:
            return self.docmd("AUTH", mechanism + " " + data)
        code, text = self.docmd("AUTH", mechanism)
        expect(code == 334 and text == b"", "instead of an empty challenge:", code, text)
        return self.docmd(data)

    def who(self):
        self.docmd("MAIL", "FROM:<>")
        return self.docmd("RCPT", "TO:<a@b.example>")[1].decode()


def sign_in(world, mechanism, token, user=None, initial=True):
    """(code, name, text)."""
    world.sandbox.secrets.append(token)
    with Client(world) as client:
        code, text = client.begin(mechanism, message(mechanism, token, user), initial)
        return code, client.who(), text


def accepted(world, *args, name="alice", **how):
    code, said, text = sign_in(world, *args, **how)
    expect(code == 235 and said == "signed in as " + name, code, text, said)


def refused(world, mechanism, token, status, initial=True):
    """The JSON on the wire, then the failure; and nothing that comes after it helps."""
    world.sandbox.secrets.append(token)
    with Client(world) as client:
        code, text = client.begin(mechanism, message(mechanism, token), initial)
        expect(code == 334, "no challenge:", code, text)
        world.site.expect_error(mechanism, status, text)
        code, text = client.docmd(DUMMY)
        expect(code == 535, code, text)
        expect(client.who() == "nobody", "signed in after all")


# -- both mechanisms -------------------------------------------------------------------------------

def each(name):
    """Decorator: one case for each mechanism."""
    def keep(function):
        for mechanism in MECHANISMS:
            suite.add("%s: %s" % (mechanism, name), lambda world, m=mechanism: function(fresh(world), m))
        return function
    return keep


def fresh(world):
    world.site.reset()
    return world


@each("in with a token, with and without an initial response")
def good(world, mechanism):
    token = world.site.token()
    accepted(world, mechanism, token)
    line = world.decision("accept", action="token")
    for key, value in (("service", "smtp"), ("user", "alice"), ("rhost", "127.0.0.1")):
        expect(line.get(key, value) == value, key, line["line"])
    accepted(world, mechanism, token, initial=False)
    accepted(world, mechanism, token, user="alice")
    accepted(world, mechanism, token, user="alice@" + DOMAIN)


@each("every refusal has its JSON, then 535")
def refusals(world, mechanism):
    for index, (name, token, oauthbearer_status, xoauth2_status) in enumerate(world.site.refusals()):
        status = xoauth2_status if mechanism == "XOAUTH2" else oauthbearer_status
        try:
            refused(world, mechanism, token, status, initial=index % 2 == 0)
        except AssertionError as problem:
            raise AssertionError("%s: %s" % (name, problem)) from problem


@each("after a refusal a good token in its place is none; a new AUTH is")
def no_second_token(world, mechanism):
    site = world.site
    with Client(world) as client:
        client.begin(mechanism, message(mechanism, site.token(aud="urn:web")))
        code, text = client.docmd(message(mechanism, site.token()))
        expect(code // 100 == 5, code, text)
        expect(client.who() == "nobody", "signed in")
        client.rset()
        code, text = client.begin(mechanism, message(mechanism, site.token()))
        expect(code == 235, code, text)


@each("nobody acts as somebody else")
def proxy(world, mechanism):
    code, said, text = sign_in(world, mechanism, world.site.token(), user="bob")
    expect(code == 535 and said == "nobody", code, said, text)


@each("no answer from the provider: no JSON, no delay; the log tells it from a bad token")
def outage(world, mechanism):
    site = world.site
    token = site.token()
    site.provider.stop()
    try:
        started = time.monotonic()
        code, said, text = sign_in(world, mechanism, token)
        expect(time.monotonic() - started < 20, "it took", time.monotonic() - started)
    finally:
        site.provider.start()
    world.decision("refuse", "unreachable", action="token")
    # Exim asks for the user's name before it looks at SASL's result, and takes the lack of one for a
    # failure for good (4.96; where that is mended, 435)
    expect(code in (435, 535) and said == "nobody", code, said, text)
    within(5, lambda: code == 435 or "username fetch problem" in read(SPOOL + "/log/rejectlog"), "the reason in its log")


@each("messages that break the grammar are refused, and Exim lives on")
def broken(world, mechanism):
    token = world.site.token()
    good = message(mechanism, token)
    for data in ("AAAA", encode("n,,\x01auth=Basic %s\x01\x01" % token), encode("x" * 3000), DUMMY,
                 encode("user=alice\x01auth=Bearer \x01\x01"), encode("n,,\x01\x01"), encode("p=x,,\x01\x01")):
        with Client(world) as client:
            code, text = client.begin(mechanism, data)
            if code == 334:
                code, text = client.docmd(DUMMY)
            expect(code // 100 == 5, data[:60], code, text)
            expect(client.who() == "nobody", "signed in with", data[:60])
            client.rset()
            expect(client.begin(mechanism, good)[0] == 235, "no good sign-in after", data[:60])


@suite.case("neither is offered without TLS")
def no_tls(world):
    fresh(world)
    with Client(world, tls=False) as client:
        expect("auth" not in client.esmtp_features, client.esmtp_features)
    with Client(world) as client:
        expect(set(client.esmtp_features["auth"].split()) == set(MECHANISMS), client.esmtp_features)


@suite.case("200 sign-ins, 4 at a time, each in a process of its own: the keys are fetched once")
def one_fetch(world):
    site = fresh(world).site
    token = site.token()
    failed = []

    def some():
        for index in range(50):
            with Client(world) as client:
                data = oauthbearer(token) if index % 2 else xoauth2(token)
                code, text = client.begin(MECHANISMS[(index + 1) % 2], data)
                if code != 235:
                    failed.append((code, text))

    threads = [threading.Thread(target=some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not failed, failed)
    show("requests: " + " ".join(request.path for request in site.provider.record))
    expect(site.provider.count("/keys") == 1 and len(site.provider.record) == 2, "requests of 200 sign-ins:",
           [request.path for request in site.provider.record])


@suite.case("tokens of 2, 4, 8 and 12 KB pass with and without an initial response; Exim's line ends at 16 KB")
def lengths(world):
    site = fresh(world).site
    for mechanism in MECHANISMS:
        for kilobytes in (2, 4, 8, 12):
            for initial in (True, False):
                accepted(world, mechanism, site.long_token(kilobytes * 1000), initial=initial)
        for initial in (True, False):
            said = attempt(world, mechanism, site.long_token(16 * 1024 - 200), initial)
            show("16 KB, %s, %s: %s" % (mechanism, "initial response" if initial else "continuation", said))
            expect(said[:1] in "5c", said)


def attempt(world, mechanism, token, initial):
    """Exim's answer; it may end the connection, or take the rest of a line for commands."""
    client = Client(world)
    try:
        code, text = client.begin(mechanism, message(mechanism, token), initial)
        return "%d %s" % (code, text.decode())
    except smtplib.SMTPServerDisconnected:
        return "connection closed"
    finally:
        client.close()


@suite.case("nothing of a token in Exim's own logs")
def logs(world):
    whole = "".join(read(os.path.join(SPOOL, "log", name)) for name in os.listdir(SPOOL + "/log"))
    expect("authenticator failed" in whole, "the log is empty")
    for secret in world.sandbox.secrets:
        expect(secret[-60:] not in whole, "a token stands in the log")
    expect(world.exim.poll() is None, "Exim has ended")
    world.exim.terminate()
    world.exim.wait()


if __name__ == "__main__":
    sys.exit(main(suite, setup))
