"""libsasl2's own sample server and client, both with the plug-in."""

import base64
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from harness import Suite, expect  # noqa: E402
from mail import Site, encode  # noqa: E402
from tlsserver import Reply  # noqa: E402
from world import DOMAIN, HOME, main, run, write  # noqa: E402

suite = Suite()
SERVER = "/usr/sbin/sasl-sample-server"
CLIENT = "/usr/bin/sasl-sample-client"
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
OPTIONS = "/etc/sasl2/sample.conf"
TOKEN_FILE = HOME + "/token"


class Program:
    """One side. Without a terminal it takes the password from its standard input."""

    def __init__(self, *argv):
        # A session of its own has no terminal; with whole lines nothing is held back
        self.process = subprocess.Popen(["/usr/bin/stdbuf", "-oL"] + list(argv), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.lines = []

    def type(self, *lines):
        try:
            self.process.stdin.write("".join(line + "\n" for line in lines).encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and said why

    def line(self, mark):
        """Its next message, base64; None where it has come to an end, good or bad."""
        for line in self.process.stdout:
            self.lines.append(line.decode(errors="backslashreplace").rstrip("\n"))
            if self.lines[-1].startswith(mark):
                return self.lines[-1][len(mark):]
            if self.lines[-1].startswith("SSF: "):
                return None
        return None

    def end(self):
        """No more comes; what it still has to say."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.line("none")
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def text(self):
        return "\n".join(self.lines)


class Exchange:
    """A whole one. wire: what the sides said, in turns, the server's list of mechanisms first.
    replies: what the client says instead, number -> base64."""

    def __init__(self, world, mechanism, password, user="", name="alice", replies=None, service="sample"):
        both = ["-p", world.site.plugins, "-s", service]
        self.wire = []
        self.server = Program(SERVER, *both, "-i", "local=127.0.0.1;143,remote=127.0.0.1;4000")
        self.client = Program(CLIENT, *both, "-m", mechanism, "-u", user, "-a", name, "-n", "localhost",
                              "-i", "local=127.0.0.1;4000,remote=127.0.0.1;143")
        typed = [password]
        while True:
            said = self.server.line("S: ")
            if said is None:
                break
            self.wire.append(base64.b64decode(said))
            self.client.type("S: " + said, *typed)
            typed = []
            said = (replies or {}).get(len(self.wire) // 2, self.client.line("C: "))
            if said is None:
                break
            self.wire.append(base64.b64decode(said))
            self.server.type("C: " + said)
        self.client.end()
        self.server.end()

    def accepted(self, name="alice"):
        expect("Username: " + name in self.server.lines, self.server.text, self.client.text)
        expect(len(self.wire) == 2, "more than a message was needed:", self.wire)

    def refused(self, why="authentication failure"):
        expect("Username" not in self.server.text and why in self.server.text, "not refused:", self.server.text,
               self.client.text)


def message_of(exchange, mechanism):
    """What the client sent, without the mechanism's name in front."""
    said = exchange.wire[1]
    expect(said.startswith(mechanism.encode() + b"\0"), said[:40])
    return said[len(mechanism) + 1:]


def setup(world):
    world.site = Site(world)
    os.makedirs("/etc/sasl2", exist_ok=True)


def fresh(world, more="", options=""):
    world.site.reset(more)
    write(OPTIONS, "oauthbearer_config: %s\n" % world.conf + options, 0o644)
    return world.site


def each(name):
    """Decorator: one case for each mechanism."""
    def keep(function):
        for mechanism in MECHANISMS:
            suite.add("%s: %s" % (mechanism, name), lambda world, m=mechanism: function(world, m))
        return function
    return keep


@each("in with a token at the prompt, which is sent once and shown nowhere")
def good(world, mechanism):
    token = fresh(world).token()
    exchange = Exchange(world, mechanism, token)
    exchange.accepted()
    expect(exchange.wire[0].decode().split() == list(MECHANISMS), exchange.wire[0])
    sent = message_of(exchange, mechanism)
    expect(sent == (b"n,,\x01host=localhost\x01port=143\x01auth=Bearer %s\x01\x01" if mechanism == "OAUTHBEARER" else
                    b"user=alice\x01auth=Bearer %s\x01\x01") % token.encode(), sent)
    line = world.decision("accept", action="token")
    for key, value in (("service", "sample"), ("user", "alice"), ("rhost", "127.0.0.1")):
        expect(line.get(key) == value, key, line["line"])
    expect(token not in exchange.server.text and token not in exchange.client.text, "shown")


@each("every refusal: its JSON, the empty answer, the failure; the client says what it means")
def refusals(world, mechanism):
    advice = {"invalid_token": "get a new one", "insufficient_scope": "get one with its scope"}
    for name, token, oauthbearer_status, xoauth2_status in fresh(world).refusals():
        exchange = Exchange(world, mechanism, token)
        exchange.refused()
        status = xoauth2_status if mechanism == "XOAUTH2" else oauthbearer_status
        world.site.expect_error(mechanism, status, base64.b64encode(exchange.wire[2]))
        expect(len(exchange.wire) == 4 and exchange.wire[3] == b"\x01", name, exchange.wire[3:])
        expect(advice[oauthbearer_status] in exchange.client.text, name, exchange.client.text)


@each("a second token in the place of the empty answer is refused")
def second_token(world, mechanism):
    site = fresh(world)
    again = encode("n,,\x01auth=Bearer %s\x01\x01" % site.token())
    exchange = Exchange(world, mechanism, site.token(aud="urn:web"), replies={1: again})
    exchange.refused("bad protocol")


@each("another way to write one's own name is no other user; another user is refused")
def proxy(world, mechanism):
    token = fresh(world).token()
    Exchange(world, mechanism, token, user="alice@" + DOMAIN).accepted()
    Exchange(world, mechanism, token, user="bob").refused("Requested identity not authenticated identity")


@each("no answer from the provider: no JSON, and not \"wrong password\"")
def outage(world, mechanism):
    site = fresh(world)
    token = site.token()
    site.provider.stop()
    try:
        exchange = Exchange(world, mechanism, token)
    finally:
        site.provider.start()
    exchange.refused("remote authentication server unavailable")
    expect(len(exchange.wire) == 2, exchange.wire[2:])
    world.decision("refuse", "unreachable", action="token")


@suite.case("OAUTHBEARER: a token for another host or port is refused")
def place(world):
    token = fresh(world, options="oauthbearer_host: mail.acme.example\n").token()
    Exchange(world, "OAUTHBEARER", token).refused()
    world.decision("refuse", "audience", action="token")
    fresh(world, options="oauthbearer_port: 993\n")
    Exchange(world, "OAUTHBEARER", token).refused()
    fresh(world, options="oauthbearer_host: LOCALHOST\noauthbearer_port: 143\n")
    Exchange(world, "OAUTHBEARER", token).accepted()


@suite.case("oauthbearer_service: the rules of another section")
def service(world):
    token = fresh(world, "\n[service imap]\naudience = urn:imap\n", "oauthbearer_service: imap\n").token()
    Exchange(world, "OAUTHBEARER", token).refused()
    Exchange(world, "OAUTHBEARER", world.site.token(aud="urn:imap")).accepted()


@suite.case("client_authzid, client_host: what the client says of itself")
def says(world):
    for options, begin in (("client_authzid = always", b"n,a=alice,\x01host=localhost\x01port=143\x01auth="),
                           ("client_authzid = no", b"n,,\x01host=localhost\x01port=143\x01auth="),
                           ("client_host = no", b"n,,\x01auth=")):
        token = fresh(world, "\n[service sample]\n%s\n" % options).token()
        exchange = Exchange(world, "OAUTHBEARER", token)
        exchange.accepted()
        sent = message_of(exchange, "OAUTHBEARER")
        expect(sent.startswith(begin), options, sent[:60])


@suite.case("client = no: the client does not use the mechanisms")
def no_client(world):
    exchange = Exchange(world, "OAUTHBEARER", fresh(world, "\n[service sample]\nclient = no\n").token())
    expect("client = no in wfauth.conf" in exchange.client.text and len(exchange.wire) == 1, exchange.client.text)


@suite.case("client_markers = file: the token is read from the file at each use")
def marker(world):
    site = fresh(world, "\n[service sample]\nclient_markers = file\n")
    for claims in ({}, {"preferred_username": "bob@" + DOMAIN}):
        write(TOKEN_FILE, site.token(**claims) + "\n", 0o600)
        Exchange(world, "OAUTHBEARER", "file:" + TOKEN_FILE).accepted("bob" if claims else "alice")
    os.chmod(TOKEN_FILE, 0o644)
    exchange = Exchange(world, "OAUTHBEARER", "file:" + TOKEN_FILE)
    expect(len(exchange.wire) == 1 and TOKEN_FILE in exchange.client.text, "others may read it:", exchange.client.text)


OWN = """
[service sample]
client_markers = provider

[provider own]
type = oidc
url = %(url)s
ca_file = %(ca)s
client_id = relay
private_key_file = %(key)s
client_auth = private_key_jwt
grant = jwt_bearer
assertion_subject = relay@acme.example
"""


@suite.case("client_markers = provider: a token that this host obtains with nobody present, and obtains anew when refused")
def own_token(world):
    key = HOME + "/own.key.pem"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    os.chmod(key, 0o600)
    provider = world.site.provider
    site = fresh(world, OWN % {"url": provider.url, "ca": provider.ca, "key": key})
    given = [site.token(aud="urn:web"), site.token()]

    def answer(_request):
        return Reply(200, json.dumps({"token_type": "Bearer", "access_token": given.pop(0), "expires_in": 600}))

    provider.answers[provider.DISCOVERY] = Reply(200, provider.metadata(token_endpoint=provider.url + "/token"))
    provider.answers["/token"] = answer
    Exchange(world, "OAUTHBEARER", "provider:own").refused()
    for _ in range(2):
        Exchange(world, "OAUTHBEARER", "provider:own").accepted()
    expect(provider.count("/token") == 2, [request.path for request in provider.record])
    exchange = Exchange(world, "OAUTHBEARER", "provider:nobody")
    expect(len(exchange.wire) == 1 and "[provider nobody]" in exchange.client.text, exchange.client.text)


@suite.case("without it \"file:PATH\" is a token like any other, and a bad one")
def no_marker(world):
    write(TOKEN_FILE, fresh(world).token() + "\n", 0o600)
    exchange = Exchange(world, "XOAUTH2", "file:" + TOKEN_FILE)
    expect(exchange.wire[1].endswith(b"Bearer file:%s\x01\x01" % TOKEN_FILE.encode()), exchange.wire[1])
    exchange.refused()
    world.decision("refuse", "malformed", action="token")


@suite.case("tokens as long as the sample's lines: 1400 bytes pass, 2 KB are the sample's limit")
def lengths(world):
    site = fresh(world)
    for mechanism in MECHANISMS:
        Exchange(world, mechanism, site.long_token(1400)).accepted()
        exchange = Exchange(world, mechanism, site.long_token(2048))
        expect("Username" not in exchange.server.text, exchange.server.text)
    expect(len(world.audit("token")) == 2, "not cut, but judged:", world.audit("token"))


if __name__ == "__main__":
    sys.exit(main(suite, setup))
