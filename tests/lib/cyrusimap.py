"""Cyrus IMAP: its master and servers, and sign-ins by the protocols that they speak."""

import base64
import glob
import os
import shutil
import signal
import socket
import ssl
import subprocess

import mail
from harness import expect, within
from sandbox import wait_listening
from world import DOMAIN, HOME, write

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "conf")
CYRUS = HOME + "/cyrus"
BIN = "/usr/lib/cyrus/bin"
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
# Beside ours, those of the system
SASL_PATH = "".join(":" + path for path in glob.glob("/usr/lib/*/sasl2"))

# What a running system has in its imapd.conf already; the example's lines follow
IMAPD = """configdirectory: %(home)s/lib
proc_path: %(home)s/proc
mboxname_lockpath: %(home)s/lock
defaultpartition: default
partition-default: %(home)s/spool
syslog_prefix: cyrus
autocreate_quota: 0
failedloginpause: 0
imapx_sasl_mech_list: XOAUTH2
many_allowplaintext: yes
"""

# A process for each connection, so that each case has its own; `many` has eight that stay.
SERVICES = """START {
    recover cmd="%(bin)s/ctl_cyrusdb -C %(conf)s -r"
}
SERVICES {
    imap  cmd="imapd -C %(conf)s -U 1"    listen="127.0.0.1:1143"
    imapx cmd="imapd -C %(conf)s -s -U 1" listen="127.0.0.1:1994"
    imaps cmd="imapd -C %(conf)s -s -U 1" listen="127.0.0.1:1993"
    pop3s cmd="pop3d -C %(conf)s -s -U 1" listen="127.0.0.1:1995"
    lmtp  cmd="lmtpd -C %(conf)s -U 1"    listen="127.0.0.1:2003"
    many  cmd="imapd -C %(conf)s -U 500"  listen="127.0.0.1:2143" prefork=8 maxchild=8
}
"""


class Master:
    """Cyrus's master and its servers, all of them the user cyrus's. more: lines of imapd.conf beside the example's."""

    def __init__(self, site, more=""):
        self.site = site
        self.process = None
        os.makedirs("/run/cyrus/proc", exist_ok=True)
        for name in ("", "/lib", "/lib/db", "/lib/socket", "/spool", "/proc", "/lock"):
            os.makedirs(CYRUS + name, exist_ok=True)
            shutil.chown(CYRUS + name, "cyrus", "mail")
        text = example("imapd.conf", {"/etc/ssl/certs/mail.pem": site.cert, "/etc/ssl/private/mail.key": site.key})
        write(CYRUS + "/imapd.conf", IMAPD % {"home": CYRUS} + text + more, 0o644)
        write(CYRUS + "/cyrus.conf", SERVICES % {"bin": BIN, "conf": CYRUS + "/imapd.conf"}, 0o644)

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/sbin/cyrmaster", "-C", CYRUS + "/imapd.conf", "-M", CYRUS + "/cyrus.conf", "-p", CYRUS + "/pid"],
            stdin=subprocess.DEVNULL, env=dict(os.environ, SASL_PATH=self.site.plugins + SASL_PATH))
        wait_listening(2143)

    def stop(self):
        """It waits for its servers; those that end with a preloaded sanitizer may not (see World.plain)."""
        self.process.terminate()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid), encoding="ascii") as file:
                for child in file.read().split():
                    os.kill(int(child), signal.SIGKILL)
            self.process.wait(240)

    def restart(self):
        """Those that stay, too, begin anew with what is configured now."""
        self.stop()
        self.start()


def example(name, changes):
    """The file that users copy, with what differs here."""
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
        text = file.read()
    for old, new in changes.items():
        expect(old in text, name, "has no", old)
        text = text.replace(old, new)
    return text


class Line:
    """A connection in lines."""

    def __init__(self, port, cert=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=240)
        self.cert = cert
        if cert:
            self.encrypt()
        self.file = self.socket.makefile("rb")

    def encrypt(self):
        context = ssl.create_default_context(cafile=self.cert)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.file.close()
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def read(self):
        return self.file.readline().decode().rstrip("\r\n")

    def ask(self, text):
        self.send(text)
        return self.read()


class Imap:
    """IMAP (RFC 9051, SASL-IR)."""
    name, service, user = "imap", "imap", "alice"
    command, more, good, bad = "a AUTHENTICATE ", "+ ", "a OK ", "a NO "

    def __init__(self, port=1993, tls=True):
        self.port, self.tls = port, tls

    def connect(self, site):
        line = Line(self.port, site.cert if self.tls else None)
        line.read()
        return line


class Pop:
    """POP3 (RFC 5034)."""
    name, service, user = "pop3", "pop", "alice"
    command, more, good, bad = "AUTH ", "+ ", "+OK ", "-ERR "

    @staticmethod
    def connect(site):
        line = Line(1995, site.cert)
        line.read()
        return line


class Lmtp:
    """LMTP (RFC 2033, RFC 4954). Its server takes administrators alone, and has one code for all that fails."""
    name, service, user = "lmtp", "lmtp", "postman"
    command, more, good, bad = "AUTH ", "334 ", "235 ", "501 5.5.4 "

    @classmethod
    def connect(cls, site):
        line = Line(2003)
        line.read()
        line.cert = site.cert
        cls.greet(line)
        expect(line.ask("STARTTLS").startswith("220 "), "no STARTTLS")
        line.encrypt()
        cls.greet(line)
        return line

    @staticmethod
    def greet(line):
        text = line.ask("LHLO localhost")
        while text.startswith("250-"):
            text = line.read()


PROTOCOLS = (Imap(), Pop(), Lmtp())


class Answer:
    """What a server said: its JSON in base64, if any, and how it ended."""

    def __init__(self, protocol, error, last):
        self.error = error
        self.last = last
        self.accepted = last.startswith(protocol.good)
        self.refused = last.startswith(protocol.bad)

    def __repr__(self):
        return "%r, at last %r" % (self.error and base64.b64decode(self.error), self.last)


def exchange(line, protocol, mechanism, message, initial=True, then=mail.DUMMY):
    """Sign in on a connection. `then` answers an error."""
    if initial:
        said = line.ask("%s%s %s" % (protocol.command, mechanism, message))
    else:
        said = line.ask(protocol.command + mechanism)
        expect(said == protocol.more, protocol.name, "asked for the message, and the server said", said)
        said = line.ask(message)
    error = None
    if said.startswith(protocol.more):
        error = said[len(protocol.more):]
        said = line.ask(then)
    return Answer(protocol, error, said)


def token_for(world, protocol, **claims):
    """A good one, of whom the protocol lets in."""
    return world.site.token(preferred_username="%s@%s" % (protocol.user, DOMAIN), **claims)


def sign_in(world, protocol, mechanism, token, user=None, **how):
    world.sandbox.secrets.append(token)
    if mechanism == "XOAUTH2":
        user = user or protocol.user
    with protocol.connect(world.site) as line:
        return exchange(line, protocol, mechanism, mail.message(mechanism, token, user), **how)


def accepted(world, protocol, mechanism, token, user=None, name=None, **how):
    """In, as `name`: the server's own log says so."""
    mark = world.log.mark()
    answer = sign_in(world, protocol, mechanism, token, user, **how)
    expect(answer.accepted and answer.error is None, protocol.name, mechanism, how, "not accepted:", answer)
    if protocol.name != "lmtp":
        wanted = " %s %s" % (name or protocol.user, mechanism)
        within(3, lambda: [t for t in world.log.since(mark) if "login: " in t and wanted in t and "logged in" in t],
               "a line of the login")


def refused(world, protocol, mechanism, token, status, user=None, **how):
    """status None: without JSON."""
    answer = sign_in(world, protocol, mechanism, token, user, **how)
    expect(answer.refused, protocol.name, mechanism, how, "not refused:", answer)
    if status is None:
        expect(answer.error is None, protocol.name, mechanism, "JSON is none of this:", answer)
    else:
        world.site.expect_error(mechanism, status, answer.error)
    return answer


def setup(world):
    """For a suite's main()."""
    world.site = mail.Site(world)
    world.master = Master(world.site)
    world.master.start()
