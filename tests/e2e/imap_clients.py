"""Clients at Cyrus IMAP: curl, mbsync with our plug-in, mutt and neomutt."""

import glob
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cyrusimap  # noqa: E402
import mail  # noqa: E402
from cyrusimap import MECHANISMS, SASL_PATH, Imap, Lmtp, accepted, example, exchange, token_for  # noqa: E402
from harness import Suite, expect  # noqa: E402
from person import environment  # noqa: E402
from world import HOME, main, write  # noqa: E402

suite = Suite()
SIZES = (2000, 4000, 8000, 16000)
SUBJECT = "Minutes of Tuesday"


def setup(world):
    cyrusimap.setup(world)
    mail.trust(world.site.cert)


def deliver(world):
    """A letter to alice, by LMTP. Her first sign-in makes her mailbox."""
    world.site.reset()
    accepted(world, Imap(), "OAUTHBEARER", world.site.token())
    token = token_for(world, Lmtp())
    with Lmtp.connect(world.site) as line:
        answer = exchange(line, Lmtp(), "OAUTHBEARER", mail.oauthbearer(token))
        expect(answer.accepted, answer)
        letter = "From: Bob <bob@localhost>\r\nTo: alice@localhost\r\nSubject: %s\r\nMessage-ID: <%d@localhost>\r\n" \
                 "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\nNobody came.\r\n." % (SUBJECT, time.time_ns())
        for text, code in (("MAIL FROM:<bob@localhost>", "250"), ("RCPT TO:<alice>", "250"), ("DATA", "354"),
                           (letter, "250")):
            said = line.ask(text)
            expect(said.startswith(code), text[:20], said)


def keep_token(world, token, text="%s\n", name=".mail-token"):
    """In alice's file, mode 0600."""
    world.sandbox.secrets.append(token)
    path = "/home/alice/" + name
    write(path, text % token, 0o600)
    shutil.chown(path, "alice", "alice")
    return path


def as_alice(*argv):
    return ["/usr/bin/setpriv", "--reuid", "alice", "--regid", "alice", "--init-groups", "--", *argv]


def run_as_alice(world, argv):
    """(status, output) of a client of alice's."""
    env = {"PATH": os.environ["PATH"], "HOME": "/home/alice", "USER": "alice", "LANG": "C.UTF-8",
           "SASL_PATH": world.site.plugins + SASL_PATH}
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=env, cwd="/home/alice", timeout=240, check=False)
    return done.returncode, done.stdout


def curl(world, token, port=1993):
    path = HOME + "/curlrc"
    write(path, example("curlrc", {"imap.acme.example": "localhost:%d" % port}), 0o644)
    secret = keep_token(world, token, 'oauth2-bearer = "%s"\n', ".curl")
    return run_as_alice(world, world.plain(*as_alice("/usr/bin/curl", "-K", path, "-K", secret)))


def client_signed_in(world, mechanism):
    lines = world.log_lines()
    expect([t for t in lines if " alice %s+TLS User logged in" % mechanism in t], "no such sign-in:", lines)


@suite.case("curl: signs in by either mechanism, and fetches")
def curl_signs_in(world):
    deliver(world)
    for port, mechanism in ((1993, "OAUTHBEARER"), (1994, "XOAUTH2")):
        world.mark = world.log.mark()
        status, text = curl(world, world.site.token(), port)
        expect(status == 0 and SUBJECT in text, status, text)
        client_signed_in(world, mechanism)
    for size in SIZES:
        status, text = curl(world, world.site.long_token(size))
        expect(status == 0 and SUBJECT in text, size, "bytes:", status, text)


@suite.case("curl: a refused token is a denied login")
def curl_refused(world):
    world.site.reset()
    for port in (1993, 1994):
        status, text = curl(world, world.site.token(aud="urn:web"), port)
        expect(status == 67, status, text)


def mbsync(world, token, **changes):
    """(status, output, letters in the folder). A change is of the example's words."""
    shutil.rmtree("/home/alice/Mail", ignore_errors=True)
    os.mkdir("/home/alice/Mail")
    shutil.chown("/home/alice/Mail", "alice", "alice")
    keep_token(world, token)
    text = example("mbsyncrc", {"Host imap.acme.example": "Host localhost\nPort 1993"})
    for old, new in changes.values():
        expect(old in text, "no", old)
        text = text.replace(old, new)
    write("/home/alice/.mbsyncrc", text, 0o644)
    status, text = run_as_alice(world, as_alice("/usr/bin/mbsync", "-a"))
    letters = ""
    for path in glob.glob("/home/alice/Mail/Inbox/new/*"):
        with open(path, encoding="utf-8") as file:
            letters += file.read()
    return status, text, letters


@suite.case("mbsync: signs in by either mechanism through our client, and fetches")
def mbsync_signs_in(world):
    deliver(world)
    for mechanism in MECHANISMS:
        world.mark = world.log.mark()
        status, text, letters = mbsync(world, world.site.token(), mechs=("AuthMechs OAUTHBEARER", "AuthMechs " + mechanism))
        expect(status == 0 and SUBJECT in letters, status, text, letters)
        client_signed_in(world, mechanism)
    # It takes 8191 bytes from a command, and cuts the rest
    for size in SIZES[:3]:
        status, text, letters = mbsync(world, world.site.long_token(size))
        expect(status == 0 and SUBJECT in letters, size, "bytes:", status, text)


@suite.case("mbsync: a token in a file, where the service allows that marker")
def mbsync_marker(world):
    deliver(world)
    marker = ('PassCmd "cat ~/.mail-token"', "Pass file:/home/alice/.mail-token")
    status, text, letters = mbsync(world, world.site.token(), password=marker)
    expect(status != 0 and not letters, status, text)
    world.site.reset("\n[service imap]\nclient_markers = file\n")
    status, text, letters = mbsync(world, world.site.token(), password=marker)
    expect(status == 0 and SUBJECT in letters, status, text, letters)


@suite.case("mbsync: a refused token fails, and our client logs what it means")
def mbsync_refused(world):
    deliver(world)
    for mechanism, code in (("OAUTHBEARER", "insufficient_scope"), ("XOAUTH2", "403")):
        world.mark = world.log.mark()
        status, text, letters = mbsync(world, world.site.token(scope="openid"),
                                       mechs=("AuthMechs OAUTHBEARER", "AuthMechs " + mechanism))
        expect(status != 0 and not letters, status, text)
        said = [line for line in world.log_lines() if line.startswith("mbsync: ")]
        expect(len(said) == 1 and code in said[0] and "scope wanted: mail" in said[0], said)
    world.site.reset()
    token = world.site.token()
    world.site.provider.stop()
    try:
        status, text, letters = mbsync(world, token)
        expect(status != 0 and "remote authentication server unavailable" in text, status, text[-200:])
    finally:
        world.site.provider.start()


def mutt(world, program, token):
    """Its folder, opened."""
    text = example("muttrc", {"imap.acme.example": "localhost:1993"})
    write("/home/alice/.muttrc", text, 0o644)
    keep_token(world, token)
    return world.terminal(world.plain(*as_alice("/usr/bin/" + program, "-F", "/home/alice/.muttrc")),
                          env=environment(HOME="/home/alice", USER="alice", LOGNAME="alice"))


@suite.case("mutt and neomutt: open the folder with what a command prints")
def mutt_signs_in(world):
    deliver(world)
    short = world.site.token()
    expect(len(short) < 512, len(short))
    tokens = [("neomutt", short)] + [("mutt", world.site.long_token(size)) for size in SIZES]
    for program, token in tokens:
        world.mark = world.log.mark()
        terminal = mutt(world, program, token)
        terminal.wait(SUBJECT)
        terminal.child.send("q")
        client_signed_in(world, "OAUTHBEARER")


@suite.case("mutt and neomutt: a refused token fails, and they say so")
def mutt_refused(world):
    world.site.reset()
    for program in ("mutt", "neomutt"):
        world.mark = world.log.mark()
        terminal = mutt(world, program, world.site.token(aud="urn:web"))
        terminal.wait("OAUTHBEARER authentication failed|No authenticators available")
        terminal.close()
        world.decision("refuse", "audience", action="token")


if __name__ == "__main__":
    sys.exit(main(suite, setup))
