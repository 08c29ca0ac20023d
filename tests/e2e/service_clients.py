"""Programs of a service, with no person present: mbsync, msmtp and ldapsearch, with tokens that this host obtains by a
key of its own, at servers that take them."""

import concurrent.futures
import glob
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import account  # noqa: E402
import cyrusimap  # noqa: E402
import directory  # noqa: E402
import mail  # noqa: E402
from account import SERVER, SUBMIT, arrived, configure, end_session, exchanges, no_secrets  # noqa: E402
from cyrusimap import MECHANISMS, SASL_PATH, Imap, Master, exchange  # noqa: E402
from harness import Suite, expect, within  # noqa: E402
from smtpd import example  # noqa: E402
from tlsserver import Reply  # noqa: E402
from world import DOMAIN, main, write  # noqa: E402

suite = Suite()
TO = "bob@elsewhere.example"
SUBJECT = "Nightly report"


def setup(world):
    if world.sanitized:
        directory.without_freelocale()
    account.setup(world)
    world.slapd = directory.Slapd(world.site, "oauthbearer_config: %s\n" % SERVER)
    world.master = Master(world.site, "sasl_oauthbearer_config: %s\n" % SERVER)
    world.master.start()
    deliver(world)


def deliver(world):
    """A letter in the robot's mailbox."""
    imap, token = Imap(), world.archive.token(world)
    with imap.connect(world.site) as line:
        answer = exchange(line, imap, "OAUTHBEARER", mail.oauthbearer(token, "robot"))
        expect(answer.accepted, answer)
        letter = "From: Bob <bob@localhost>\r\nSubject: %s\r\n\r\nAll is well.\r\n" % SUBJECT
        expect(line.ask("b APPEND INBOX {%d}" % len(letter)).startswith("+ "), "no APPEND")
        said = line.ask(letter)
        while not said.startswith("b "):
            said = line.read()
        expect(said.startswith("b OK "), said)


def program(world, *argv, user="archive", plain=False):
    """(status, what it said) of a program of a service's. plain: it loads nothing of ours."""
    argv = ["/usr/bin/setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"] + list(argv)
    argv = world.plain(*argv) if plain else argv
    env = {"PATH": world.root + "/bin:" + os.environ["PATH"], "HOME": "/home/" + user, "LANG": "C.UTF-8",
           "SASL_PATH": world.site.plugins + SASL_PATH, "LDAPTLS_CACERT": world.site.cert}
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=env, cwd="/home/" + user, timeout=240, check=False)
    return done.returncode, done.stdout


def mbsync(world, **changes):
    """(status, output, letters in the folder). A change is of the example's words."""
    shutil.rmtree("/home/archive/Mail", ignore_errors=True)
    os.mkdir("/home/archive/Mail")
    shutil.chown("/home/archive/Mail", "archive", "archive")
    text = cyrusimap.example("mbsyncrc.service", {"Host imap.acme.example": "Host localhost\nPort 1993"})
    for old, new in changes.values():
        expect(old in text, "no", old)
        text = text.replace(old, new)
    write("/home/archive/.mbsyncrc", text, 0o644)
    status, text = program(world, "/usr/bin/mbsync", "-a")
    letters = ""
    for path in glob.glob("/home/archive/Mail/Inbox/new/*"):
        with open(path, encoding="utf-8") as file:
            letters += file.read()
    return status, text, letters


BY_COMMAND, BY_MARKER = 'PassCmd "wfauth token archive"', "Pass provider:archive"


@suite.case("mbsync fetches: by a command, and by our client itself; one token request for all")
def mbsync_fetches(world):
    for mechanism in MECHANISMS:
        for password in (BY_COMMAND, BY_MARKER):
            status, text, letters = mbsync(world, mechs=("AuthMechs OAUTHBEARER", "AuthMechs " + mechanism),
                                           password=(BY_COMMAND, password))
            expect(status == 0 and SUBJECT in letters, mechanism, password, status, text)
    expect(len(exchanges(world)) == 1, exchanges(world))
    no_secrets(world)


@suite.case("mbsync: a token that the server refuses is forgotten, and the next run fetches")
def mbsync_refused(world):
    end_session(world, world.archive.token(world))
    status, text, letters = mbsync(world, password=(BY_COMMAND, BY_MARKER))
    expect(status != 0 and not letters, status, text)
    status, text, letters = mbsync(world, password=(BY_COMMAND, BY_MARKER))
    expect(status == 0 and SUBJECT in letters and len(exchanges(world)) == 2, status, text, exchanges(world))


def msmtp(world):
    """(status, output)"""
    text = example("msmtprc.service", **{"host mail.acme.example": "host localhost", "port 587": "port %d" % SUBMIT,
                                         "/etc/ssl/certs/ca-certificates.crt": world.site.cert})
    write("/home/archive/.msmtprc", text, 0o600)
    shutil.chown("/home/archive/.msmtprc", "archive")
    write("/home/archive/letter", "Subject: x\n\nx\n", 0o644)
    return program(world, "/bin/sh", "-c", "msmtp %s <letter" % TO, plain=True)


@suite.case("msmtp sends, with what `wfauth token` prints")
def msmtp_sends(world):
    world.submit.fresh()
    for _ in range(2):
        mark = world.log.mark()
        status, text = msmtp(world)
        expect(status == 0, status, text)
        within(5, lambda m=mark: arrived(world, m) == {("OAUTHBEARER", "robot")}, "the message")
    expect(len(exchanges(world)) == 1, exchanges(world))


def ldapsearch(world, password, *options, user="archive"):
    path = "/home/%s/.ldaprc" % user
    if not os.path.exists(path):
        write(path, cyrusimap.example("ldaprc.service", {"ldaps://ldap.acme.example": directory.LDAPS}), 0o644)
    return program(world, "/usr/bin/ldapsearch", "-LLL", "-w", password, *options, "uid=robot", "dn", user=user)


@suite.case("ldapsearch binds with provider:NAME, a session of Workfront's, and with JWTs of another provider")
def ldap_binds(world):
    for mechanism in MECHANISMS:
        status, text = ldapsearch(world, "provider:archive", "-Y", mechanism)
        expect(status == 0 and "dn: uid=robot," + directory.PEOPLE in text, mechanism, status, text)
    expect(len(exchanges(world)) == 1, exchanges(world))
    provider = world.site.provider
    configure(world, more="""
[provider sso]
type = oidc
url = %s
ca_file = %s
client_id = archive
client_auth = private_key_jwt
private_key_file = %s
grant = jwt_bearer
assertion_subject = robot
""" % (provider.url, provider.ca, world.archive.key))
    provider.answers[provider.DISCOVERY] = Reply(200, provider.metadata(token_endpoint=provider.url + "/token"))
    provider.answers["/token"] = lambda request: Reply(200, json.dumps({
        "token_type": "Bearer", "access_token": provider.token(preferred_username="robot@" + DOMAIN), "expires_in": 600}))
    provider.clear()
    for mechanism in MECHANISMS:
        status, text = ldapsearch(world, "provider:sso", "-Y", mechanism)
        expect(status == 0 and "dn: uid=robot," + directory.PEOPLE in text, mechanism, status, text)
    expect(provider.count("/token") == 1, [request.path for request in provider.record])


@suite.case("many at once whose token is refused: one new token for all, and none of them takes it from the others")
def refused_together(world):
    end_session(world, world.archive.token(world))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for last in (False, True):
            said = list(pool.map(lambda _: ldapsearch(world, "provider:archive"), range(16)))
            expect(all(status == 0 for status, _ in said) or not last, [status for status, _ in said])
    expect(len(exchanges(world)) == 2, len(exchanges(world)), "token requests")


STOPS = [
    # How it goes on, how it stops, and in which words of its own
    ("wfauth token", lambda world: program(world, "wfauth", "token", "archive"), ""),
    ("mbsync", lambda world: mbsync(world), "PassCmd exited with status 1"),
    ("mbsync, by the marker", lambda world: mbsync(world, password=(BY_COMMAND, BY_MARKER)), "authentication failure"),
    ("msmtp", lambda world: msmtp(world), "cannot read output of 'wfauth token archive'"),
    ("ldapsearch", lambda world: ldapsearch(world, "provider:archive"), "authentication failure"),
]


@suite.case("the key is removed: each program stops, and says what to look at; with the next key each goes on")
def all_stop(world):
    world.submit.fresh()
    world.archive.remove_key(world)
    for name, act, word in STOPS:
        status, text, *letters = act(world)
        expect(status != 0 and letters in ([], [""]), name, status, text)
        for part in ("refuses the assertion signed with " + world.archive.key, "public key", "invalid_grant", word):
            expect(part in text, name, "does not say", part, text)
    expect(not world.audit("token"), "a server was shown something:", world.audit("token"))
    world.archive.renew_key(world)
    for name, act, _ in STOPS:
        status, text, *_ = act(world)
        expect(status == 0, name, status, text)


@suite.case("another user of this host reads neither key nor token, and no marker makes one for them")
def others(world):
    token = world.relay.token(world)
    for user in ("alice", "archive"):
        for path in [world.relay.key, world.relay.secret] + world.relay.kept(world):
            status, text = program(world, "/bin/cat", path, user=user)
            expect(status == 1 and "Permission denied" in text, user, path, text)
        for env in ({}, {"XDG_CACHE_HOME": world.site.cache}):
            status, text = program(world, "env", *["%s=%s" % pair for pair in env.items()], "wfauth", "token", "relay", user=user)
            expect(status == 2 and token not in text and "Permission denied" in text, user, text)
        status, text = ldapsearch(world, "provider:relay", user=user)
        expect(status != 0, user, text)
    expect(not world.audit("token"), "a server was shown something:", world.audit("token"))
    expect(len(exchanges(world)) == 1, exchanges(world))


@suite.case("a marker that no configuration allows is a bad token: none is got for it")
def not_allowed(world):
    for markers in ("no", "file"):
        configure(world, markers=markers)
        status, text = ldapsearch(world, "provider:archive")
        expect(status != 0 and not exchanges(world), markers, status, text)


if __name__ == "__main__":
    sys.exit(main(suite, setup))
