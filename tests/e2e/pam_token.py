"""A password that is a token: su, sudo, ssh and saslauthd with flow = token."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from bearer import AUDIENCE, Key, Provider  # noqa: E402
from harness import Suite, expect, show, within  # noqa: E402
from tlsserver import Reply  # noqa: E402
from world import HOME, UNIX_PASSWORD, main, run, write  # noqa: E402

suite = Suite()
CACHE = HOME + "/cache"
PROMPT = "Access token: "
PIECE = "(Piece|Next piece[^:]*): "
OPAQUE = "mt_ThisIsATokenOfAlice012345678901234567"
REST = ("account required MODULE", "account required pam_unix.so", "session required pam_permit.so")

CONF = """
[provider staff]
type = oidc
url = %(url)s
ca_file = %(ca)s
cache_dir = %(cache)s
timeout = 30s
client_id = mail-server
client_secret_file = %(secret)s
introspection = yes
token_pattern = mt_[A-Za-z0-9]{37}

[service *]
flow = token
audience = %(audience)s
"""


def setup(world):
    world.provider = Provider(HOME + "/provider")
    world.token_secret = HOME + "/token-secret"
    write(world.token_secret, "a-client-secret\n", 0o600)
    with open("/etc/login.defs", "a", encoding="ascii") as file:
        file.write("FAIL_DELAY 0\n")
    write("/etc/sudoers", "Defaults pam_service=wfsudo, timestamp_timeout=0, passwd_tries=1, !lecture, !fqdn\n"
                          "root ALL=(ALL:ALL) ALL\nalice ALL=(ALL:ALL) ALL\n", 0o440)
    os.makedirs("/var/lib/sudo/lectured", exist_ok=True)
    world.reset()
    world.port = world.sshd(PasswordAuthentication="yes")
    start_saslauthd(world)


def fresh(world):
    shutil.rmtree(CACHE, ignore_errors=True)
    os.makedirs(CACHE, mode=0o700)
    provider = world.provider
    provider.reset()
    write(world.conf, CONF % {"url": provider.url, "ca": provider.ca, "cache": CACHE, "secret": world.token_secret,
                              "audience": AUDIENCE}, 0o644)
    return provider


def token(world, **changes):
    """A token that must never stand in a log."""
    text = world.provider.token(**changes)
    world.sandbox.secrets.append(text)
    return text


def padded(world, length, **changes):
    """A good token of this many bytes, or one or two more."""
    bare = len(token(world, pad="", **changes))
    return token(world, pad="x" * ((length - bare + 1) * 3 // 4 + 1), **changes)


def su(world, user="alice"):
    return world.as_user("bob", "/usr/bin/su", user, "-c", "echo WELCOME-$(id -un)")


def sudo(world):
    return world.as_user("alice", "/usr/bin/sudo", "/bin/sh", "-c", "echo WELCOME-$(id -un)")


def ssh(world, user="alice", method="keyboard-interactive"):
    return world.ssh(world.port, user, "echo WELCOME-$(id -un)", "-o", "PreferredAuthentications=" + method)


def give(terminal, text, prompt=PROMPT):
    terminal.wait(prompt)
    terminal.answer(text)


def give_pieces(terminal, text, first):
    """Fill the line with what is at hand, then give the token in pieces."""
    give(terminal, first)
    for at in range(0, len(text), 250):
        terminal.wait(PIECE)
        terminal.answer(text[at:at + 250])
    terminal.wait("Next piece[^:]*: ")
    terminal.answer("")


def welcome(terminal, user="alice"):
    terminal.wait("WELCOME-" + user)
    status, text = terminal.end()
    expect(status == 0, "ended with", status, text)


def refused(terminal):
    status, text = terminal.end()
    expect("WELCOME-" not in text.replace("WELCOME-$", "") and status != 0, "not refused:", status, text)
    return text


def judged(world, verdict, reason=None):
    return world.decision(verdict, reason, action="token")


# -- su --------------------------------------------------------------------------------------------

@suite.case("su: in with a token, which is not echoed; the audit line says who and where")
def in_with_token(world):
    provider = fresh(world)
    text = token(world)
    terminal = su(world)
    give(terminal, text)
    welcome(terminal)
    expect(text[:20] not in terminal.text, "the token was echoed")
    line = judged(world, "accept")
    for name, value in (("service", "su"), ("user", "alice"), ("provider", "staff"), ("subject", "s-1")):
        expect(line.get(name) == value, name, "is", line.get(name), "in", line["line"])
    expect([r.path for r in provider.record] == [provider.DISCOVERY, "/keys"], [r.path for r in provider.record])


@suite.case("su: the next process finds the keys on disk and makes no request")
def no_request(world):
    provider = fresh(world)
    for _ in range(2):
        terminal = su(world)
        give(terminal, token(world))
        welcome(terminal)
    expect(len(provider.record) == 2, [r.path for r in provider.record])


@suite.case("su: nothing of the token in the log, not even with debug")
def debug(world):
    fresh(world)
    world.pam("su", "auth required MODULE debug", *REST)
    for text in (token(world), token(world, aud="urn:other"), OPAQUE):
        terminal = su(world)
        give(terminal, text)
        terminal.end()
    whole = "\n".join(world.log_lines())
    for secret in world.sandbox.secrets + [OPAQUE]:
        expect(secret not in whole and secret[-40:] not in whole, "the log holds a token")


# name, changes of the good token, reason
REFUSED = [
    ("another user's", {"preferred_username": "bob"}, "identity"),
    ("nobody's here", {"preferred_username": "ghost"}, "identity"),
    ("root's", {"preferred_username": "root"}, "identity"),
    ("expired", {"exp": 1000000000}, "expired"),
    ("not yet valid", {"nbf": 4000000000}, "not-yet-valid"),
    ("of another audience", {"aud": "urn:other"}, "audience"),
    ("without an audience", {"aud": None}, "audience"),
    ("of another issuer", {"iss": "https://other.example"}, "issuer"),
    ("bound to its sender", {"cnf": {"jkt": "x"}}, "type"),
    ("of an unknown key", {"key": Key("unknown")}, "key"),
    ("of a false key", {"key": Key("first")}, "signature"),
    ("too long", {"pad": "x" * 12500}, "too-large"),
]


def refusal(changes, reason):
    def case(world):
        fresh(world)
        terminal = su(world)
        text = token(world, **changes)
        if reason == "too-large":
            give_pieces(terminal, text, "x" * 4095)
        else:
            give(terminal, text)
        refused(terminal)
        line = judged(world, "refuse", reason)
        expect(text[-40:] not in line["line"], "the token stands in the log")

    return case


for NAME, CHANGES, REASON in REFUSED:
    suite.add("su: a token %s: %s" % (NAME, REASON), refusal(CHANGES, REASON))


@suite.case("su: root and system accounts never get in, whatever the token says")
def special(world):
    fresh(world)
    for user in ("root", "daemon", "young"):
        world.mark = world.log.mark()
        terminal = su(world, user)
        give(terminal, token(world, preferred_username=user))
        refused(terminal)
        judged(world, "refuse", "identity")


@suite.case("su: behind pam_unix with use_first_pass the token is the password that it refused")
def use_first_pass(world):
    provider = fresh(world)
    world.pam("su", "auth sufficient pam_unix.so", "auth required MODULE use_first_pass", *REST)
    terminal = su(world)
    give(terminal, token(world), "Password: ")
    welcome(terminal)
    expect(PROMPT not in terminal.text, "asked twice")
    judged(world, "accept")
    provider.clear()
    terminal = su(world)
    give(terminal, "not the password", "Password: ")
    refused(terminal)
    expect(not provider.record, "a password travelled")


@suite.case("su: use_first_pass with nothing to use asks nobody")
def no_first_pass(world):
    fresh(world)
    world.pam("su", "auth required MODULE use_first_pass", *REST)
    text = refused(su(world))
    expect(PROMPT not in text, "asked:", text)


@suite.case("su: before pam_unix with try_first_pass an ordinary password gets in, and travels nowhere")
def try_first_pass(world):
    provider = fresh(world)
    world.pam("su", "auth sufficient MODULE", "auth required pam_unix.so try_first_pass", *REST)
    terminal = su(world)
    give(terminal, UNIX_PASSWORD)
    welcome(terminal)
    expect("Password" not in terminal.text, "asked twice:", terminal.text)
    judged(world, "refuse", "malformed")
    expect(not provider.record, "a password travelled:", [r.path for r in provider.record])
    expect(UNIX_PASSWORD not in "\n".join(world.log_lines()), "the password stands in the log")
    terminal = su(world)
    give(terminal, token(world))
    welcome(terminal)


@suite.case("su: try_first_pass of ours: what came before is judged, else we ask")
def our_try_first_pass(world):
    fresh(world)
    world.pam("su", "auth required MODULE try_first_pass", *REST)
    terminal = su(world)
    give(terminal, token(world))
    welcome(terminal)


@suite.case("su: an opaque token is looked up once, then known")
def opaque(world):
    provider = fresh(world)
    seen = introspected(provider)
    for _ in range(2):
        terminal = su(world)
        give(terminal, OPAQUE)
        welcome(terminal)
    expect(seen == [OPAQUE], seen)


@suite.case("su: the provider is not there: the next module gets its turn")
def not_there(world):
    provider = fresh(world)
    world.pam("su", "auth [success=done authinfo_unavail=ignore default=die] MODULE", "auth required pam_unix.so", *REST)
    provider.stop()
    try:
        terminal = su(world)
        give(terminal, token(world))
        give(terminal, UNIX_PASSWORD, "Password: ")
        welcome(terminal)
    finally:
        provider.start()
    judged(world, "refuse", "unreachable")


@suite.case("su: 3000 bytes in a line, 6000 in pieces")
def long_tokens(world):
    fresh(world)
    terminal = su(world)
    give(terminal, padded(world, 3000))
    welcome(terminal)
    terminal = su(world)
    text = padded(world, 6000)
    give_pieces(terminal, text, text[:4095])
    welcome(terminal)


@suite.case("su: Ctrl-C instead of a token")
def interrupt(world):
    fresh(world)
    terminal = su(world)
    terminal.wait(PROMPT)
    terminal.interrupt()
    terminal.end()


@suite.case("the account phase refuses whom the service denies, however they came")
def account(world):
    fresh(world)
    with open(world.conf, "a", encoding="utf-8") as file:
        file.write("deny_users = alice\n")
    world.pam("su", "auth required pam_permit.so", *REST)
    refused(su(world))
    world.decision("refuse", "denied", action="account")


# -- sudo ------------------------------------------------------------------------------------------

@suite.case("sudo: under 511 bytes in a line, above in pieces")
def sudo_lengths(world):
    fresh(world)
    short = token(world)
    expect(len(short) < 511, len(short))
    terminal = sudo(world)
    give(terminal, short)
    welcome(terminal, "root")
    text = padded(world, 1400)
    terminal = sudo(world)
    give_pieces(terminal, text, text[:511])
    welcome(terminal, "root")


# -- ssh -------------------------------------------------------------------------------------------

@suite.case("ssh: keyboard-interactive, in a line and in pieces")
def ssh_interactive(world):
    fresh(world)
    terminal = ssh(world)
    give(terminal, token(world))
    welcome(terminal)
    line = judged(world, "accept")
    expect(line.get("rhost") == "127.0.0.1", line["line"])
    text = padded(world, 2000)
    terminal = ssh(world)
    give_pieces(terminal, text, text)
    welcome(terminal)


@suite.case("ssh: the password method takes up to 1022 bytes; a longer one is refused as cut")
def ssh_password(world):
    fresh(world)
    for length in (400, 1000):
        terminal = ssh(world, method="password")
        give(terminal, padded(world, length), "password: ")
        welcome(terminal)
    world.mark = world.log.mark()
    terminal = ssh(world, method="password")
    give(terminal, padded(world, 1500), "password: ")
    refused(terminal)
    judged(world, "refuse", "too-large")


def refusals(world):
    """[(user, seconds, text)] of bad tokens, at a known user's door, an unknown one's and root's."""
    seen = []
    for user, changes in (("alice", {"aud": "urn:other"}), ("alice", {"preferred_username": "bob"}), ("ghost", {}),
                          ("ghost", {"preferred_username": "ghost"}), ("root", {"preferred_username": "root"})):
        terminal = ssh(world, user)
        terminal.wait(PROMPT)
        started = time.monotonic()
        terminal.answer(token(world, **changes))
        text = refused(terminal)
        seen.append((user, time.monotonic() - started, text.replace(user, "USER")))
    return seen


@suite.case("ssh: unknown and special users: the same text and time as a known one with a bad token")
def ssh_unknown(world):
    fresh(world)
    # What other programs do meanwhile differs from round to round; what the module does would not.
    for _ in range(4):
        seen = refusals(world)
        times = [seconds for _, seconds, _ in seen]
        show("seconds: " + ", ".join("%s %.2f" % (user, seconds) for user, seconds, _ in seen))
        expect(len({text for _, _, text in seen}) == 1, "texts:", seen)
        expect(min(times) >= 2, times)
        if max(times) - min(times) < 2.5 and statistics.median(times) < 3.5:
            return
    expect(False, "in each of four rounds not the same time:", times)


# -- saslauthd -------------------------------------------------------------------------------------

def start_saslauthd(world):
    """Cyrus's daemon for PLAIN, by PAM, without its cache."""
    folder = HOME + "/saslauthd"
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/log", "ab") as log:
        world.saslauthd = subprocess.Popen(["/usr/sbin/saslauthd", "-d", "-a", "pam", "-n", "2", "-m", folder],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    world.mux = folder + "/mux"
    within(10, lambda: os.path.exists(world.mux), "saslauthd's socket")


def sasl(world, password, user="alice", service="imap"):
    world.pam(service, "auth required MODULE", "account required MODULE", "account required pam_permit.so")
    said = run("/usr/sbin/testsaslauthd", "-u", user, "-p", password, "-s", service, "-f", world.mux, may_fail=True)
    return said.split('"')[0].strip()


def introspected(provider):
    """From here on the provider knows OPAQUE; the tokens that it was asked about."""
    seen = []

    def answer(request):
        asked = urllib.parse.parse_qs(request.body.decode())["token"][0]
        seen.append(asked)
        if asked != OPAQUE:
            return Reply(200, '{"active":false}')
        return Reply(200, json.dumps({"active": True, "preferred_username": "alice", "sub": "s-1", "aud": AUDIENCE,
                                      "exp": int(time.time()) + 600, "token_type": "Bearer"}))

    provider.answers["/introspect"] = answer
    return seen


@suite.case("saslauthd: a short opaque token gets in, a password goes nowhere")
def saslauthd(world):
    provider = fresh(world)
    seen = introspected(provider)
    expect(sasl(world, OPAQUE).startswith("0: OK"), "not in with an opaque token")
    line = judged(world, "accept")
    expect(line.get("service") == "imap" and line.get("user") == "alice", line["line"])
    expect(sasl(world, OPAQUE.replace("Alice", "Nobod")).startswith("0: NO"), "in with an unknown token")
    expect(sasl(world, OPAQUE, user="bob").startswith("0: NO"), "in as somebody else")
    asked = len(seen)
    expect(sasl(world, UNIX_PASSWORD).startswith("0: NO"), "in with a password")
    expect(len(seen) == asked and UNIX_PASSWORD not in seen, "a password travelled:", seen)


@suite.case("saslauthd: it passes 256 bytes, so that a JWT does not get through")
def saslauthd_length(world):
    fresh(world)
    short = token(world)
    expect(len(short) > 256, len(short))
    said = sasl(world, short)
    expect("0: OK" not in said and not world.audit("token"), "it got through:", said, world.audit("token"))
    expect("0: OK" not in sasl(world, "x" * 257) and not world.audit("token"), "257 bytes got through")
    expect("0: OK" not in sasl(world, "x" * 256), "in with nonsense")
    judged(world, "refuse", "malformed")


# -- pamtester -------------------------------------------------------------------------------------

@suite.case("any PAM program: authentication and account with a token on standard input")
def pamtester(world):
    fresh(world)
    world.pam_default("ftp")
    done = subprocess.run(["/usr/bin/pamtester", "ftp", "alice", "authenticate", "acct_mgmt"], input=token(world) + "\n",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
    expect(done.returncode == 0 and re.search("successfully authenticated", done.stdout), done.stdout)
    judged(world, "accept")


if __name__ == "__main__":
    sys.exit(main(suite, setup))
