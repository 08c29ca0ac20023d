"""Postfix on loopback ports, with configuration, queue and data of its own; and who speaks SMTP to it."""

import base64
import glob
import os
import re
import socket
import ssl
import threading

from harness import expect, within
from sandbox import wait_listening
from world import HOME, run, write

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "conf")

# What an instance needs beside the example: its own folders, nothing that resolves or slows down
MAIN = """
compatibility_level = 3.6
queue_directory = %(home)s/spool
data_directory = %(home)s/data
syslog_name = %(name)s
myhostname = mail.acme.example
mydestination =
alias_maps =
local_recipient_maps =
mynetworks_style = host
inet_interfaces = loopback-only
inet_protocols = ipv4
smtp_host_lookup = native
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
service_throttle_time = 1s
import_environment = MAIL_CONFIG SASL_PATH=%(plugins)s
"""

MASTER = """
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
anvil     unix  -       -       n       -       1       anvil
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
"""


def example(name, **paths):
    """A file of examples/conf, with each of its paths and names replaced that stands in `paths`."""
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
        text = file.read()
    for old, new in paths.items():
        expect(old in text, old, "is not in", name)
        text = text.replace(old, str(new))
    return text


class Postfix:
    """One instance. services: lines of master.cf."""

    def __init__(self, site, name, main, services, sasl=None):
        self.log = site.world.log
        self.name = name
        self.home = HOME + "/" + name
        # Debian's Postfix reads SASL options there, whatever cyrus_sasl_config_path says
        os.makedirs(self.home + "/conf/sasl")
        for folder in ("spool", "data"):
            os.mkdir(self.home + "/" + folder)
        run("chown", "postfix", self.home + "/data")
        values = {"home": self.home, "name": name, "plugins": site.plugins}
        write(self.home + "/conf/main.cf", MAIN % values + main, 0o644)
        write(self.home + "/conf/master.cf", MASTER + services, 0o644)
        if sasl:
            write(self.home + "/conf/sasl/smtpd.conf", sasl, 0o644)
        run("postfix", "-c", self.home + "/conf", "start")
        self.master = within(5, self.read_pid, "Postfix's master")
        for port in re.findall(r"^(?:127\.0\.0\.1:)?(\d+)\s+inet", services, re.M):
            wait_listening(int(port))

    def read_pid(self):
        try:
            with open(self.home + "/spool/pid/master.pid", encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return None

    def smtpds(self):
        """Process ids of this instance's smtpd processes."""
        found = []
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    text = file.read()
            except OSError:
                continue
            pid = int(path.split("/")[2])
            if "(smtpd)" in text and int(text[text.rindex(")") + 2:].split()[1]) == self.master:
                found.append(pid)
        return found

    def fresh(self):
        """The next client is served by a new process, which initialises SASL as root once more."""
        old = self.smtpds()
        mark = self.log.mark()
        run("postfix", "-c", self.home + "/conf", "reload")
        within(10, lambda: any("reload -- version" in line for line in self.log.since(mark)), "reloading")
        within(10, lambda: not set(old) & set(self.smtpds()), "the old smtpd processes end")

    def stop(self):
        run("postfix", "-c", self.home + "/conf", "stop", may_fail=True)


class Session:
    """A connection to an SMTP server, inside TLS."""

    def __init__(self, port, ca):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=240)
        self.file = self.socket.makefile("rb")
        self.banner = self.answer()
        expect(self.banner[0] == 220, "the server greets with", self.banner)
        self.say("EHLO client.example")
        expect(self.say("STARTTLS")[0] == 220, "no STARTTLS")
        self.file.close()
        context = ssl.create_default_context(cafile=ca)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")
        self.features = self.say("EHLO client.example")[1]

    def answer(self):
        lines = []
        while True:
            line = self.file.readline().decode().rstrip("\r\n")
            expect(line, "the server has closed the connection after", lines)
            lines.append(line[4:])
            if line[3:4] != "-":
                return int(line[:3]), "\n".join(lines)

    def say(self, line):
        """One line to the server; (code, text) of its answer."""
        self.socket.sendall(line.encode() + b"\r\n")
        return self.answer()

    def auth(self, mechanism, message, initial=True):
        """(code, text) of the answer to a message, sent with the command or behind it."""
        if initial:
            return self.say("AUTH %s %s" % (mechanism, message))
        code, text = self.say("AUTH " + mechanism)
        expect((code, text) == (334, ""), "instead of an empty challenge:", code, text)
        return self.say(message)

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Stranger:
    """A server of our own: it offers what it likes, and remembers all that clients say.
    cert: a pair of files, for STARTTLS. error: what it answers to a token."""

    def __init__(self, cert=None, error=""):
        self.cert = cert
        self.error = error
        self.said = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            try:
                self.talk(client)
            except OSError:
                client.close()

    def talk(self, client):
        client.settimeout(10)
        client.sendall(b"220 stranger\r\n")
        file = client.makefile("rb")
        while True:
            line = file.readline()
            if not line:
                break
            self.said.append(line.decode("latin-1").strip())
            word = line.split()[0].upper()
            if word == b"EHLO":
                client.sendall(b"250-stranger\r\n250-STARTTLS\r\n" if self.cert else b"250-stranger\r\n")
                client.sendall(b"250 AUTH OAUTHBEARER XOAUTH2 PLAIN LOGIN\r\n")
            elif word == b"STARTTLS":
                client.sendall(b"220 go\r\n")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.cert)
                client = context.wrap_socket(client, server_side=True)
                file = client.makefile("rb")
            elif word == b"AUTH":
                client.sendall(b"334 %s\r\n" % base64.b64encode(self.error.encode()))
                file.readline()
                client.sendall(b"535 no\r\n")
            elif word == b"QUIT":
                break
            else:
                client.sendall(b"250 ok\r\n")
        client.close()

    def close(self):
        # Ends accept(), which would serve one more
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
