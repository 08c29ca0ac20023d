"""A service that sends mail with no person present: Postfix relays with tokens that this host obtains by a key of
its own, at a server that takes them."""

import glob
import json
import os
import re
import shutil
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import account  # noqa: E402
from account import SUBMIT, arrived, configure, end_session, exchanges, no_secrets, serve  # noqa: E402
from bearer import Verdict, command  # noqa: E402
from harness import Suite, expect, within  # noqa: E402
from smtpd import Postfix, Stranger, example  # noqa: E402
from world import HOME, main, run, write  # noqa: E402

suite = Suite()
RELAY = 10591
FROM, TO = "robot@acme.example", "bob@elsewhere.example"


def setup(world):
    account.setup(world)
    start_relay(world)


def start_relay(world):
    """Postfix, which hands all mail to the server."""
    swap = {"mail.acme.example]:587": "localhost]:%d" % SUBMIT}
    world.passwords = HOME + "/sasl_passwd"
    write(world.passwords, example("sasl_passwd.service", **swap), 0o600)
    text = example("main.cf.relay", **swap, **{"/etc/ssl/certs/ca-certificates.crt": world.site.cert,
                                               "/etc/postfix/sasl_passwd": world.passwords})
    services = "127.0.0.1:%d inet n - n - - smtpd\n" % RELAY + example("master.cf.relay")
    world.postfix = Postfix(world.site, "relay", text + "smtp_mx_address_limit = 1\nsmtp_connection_cache_on_demand = no\n", services)


def fresh(world, **how):
    """New processes, an empty queue, and nothing known of before."""
    configure(world, **how)
    run("postsuper", "-c", world.postfix.home + "/conf", "-d", "ALL")
    world.postfix.fresh()
    world.submit.fresh()
    world.sandbox.clear()


def hand_over(count=1):
    """Give the relay so many messages."""
    with smtplib.SMTP("127.0.0.1", RELAY, timeout=240) as smtp:
        for number in range(count):
            smtp.sendmail(FROM, [TO], "From: %s\nTo: %s\nSubject: %d\n\nGood morning.\n" % (FROM, TO, number))


def relayed(world, mark, status, count=1):
    """What the relay's log says of so many messages."""
    def seen():
        found = re.findall(r"relay/smtp\[.*to=<%s>.*status=%s(.*)" % (re.escape(TO), status),
                           "\n".join(world.log.since(mark)))
        return found if len(found) >= count else None
    return within(20, seen, "%d times the relay's %s" % (count, status))


def attempt(world, status, count=1):
    mark = world.log.mark()
    hand_over(count)
    return relayed(world, mark, status, count), mark


def flush(world):
    mark = world.log.mark()
    run("postfix", "-c", world.postfix.home + "/conf", "flush")
    return mark


def queue(world):
    """Messages that wait."""
    return [path for path in glob.glob(world.postfix.home + "/spool/deferred/**", recursive=True) if os.path.isfile(path)]


def words(world, mark):
    """Our client's own, in the relay's log."""
    return [line for line in world.log.since(mark) if "relay/smtp[" in line and "oauthbearer: " in line]


@suite.case("keygen, the certificate uploaded, `wfauth token`: as the service's own user")
def token(world):
    fresh(world)
    first = world.relay.token(world)
    expect(world.relay.token(world) == first and len(exchanges(world)) == 1, exchanges(world))
    [path] = [p for p in world.relay.kept(world)]
    stat = os.stat(path)
    expect(stat.st_mode & 0o7777 == 0o600, oct(stat.st_mode))


@suite.case("many messages, one token request")
def relays(world):
    fresh(world)
    _, mark = attempt(world, "sent", 8)
    expect(arrived(world, mark) == {("OAUTHBEARER", "robot")}, arrived(world, mark))
    world.postfix.fresh()
    attempt(world, "sent", 2)
    expect(len(exchanges(world)) == 1, exchanges(world))
    no_secrets(world)


@suite.case("the key is removed: the mail waits, and goes out with the next key")
def removed(world):
    fresh(world)
    attempt(world, "sent")
    world.relay.remove_key(world)
    # What is kept goes on to serve, for five minutes
    attempt(world, "sent")
    world.relay.age(world, 400)
    mark = world.log.mark()
    hand_over(3)
    said = relayed(world, mark, "deferred", 3)
    expect(all("cannot authenticate to server" in text and "authentication failure" in text for text in said), said)
    for word in ("refuses the assertion signed with " + world.relay.key, "public key", "invalid_grant"):
        expect(all(word in line for line in words(world, mark)), word, words(world, mark))
    expect(len(exchanges(world)) == 2, exchanges(world))
    within(5, lambda: len(queue(world)) == 3, "3 messages wait")
    expect("status=bounced" not in "\n".join(world.log_lines()), world.log_lines())
    world.relay.renew_key(world)
    mark = flush(world)
    relayed(world, mark, "sent", 3)
    within(5, lambda: not queue(world), "nothing waits")
    no_secrets(world)


@suite.case("a token that the server refuses is forgotten: the mail waits, and the next try has another")
def refused(world):
    fresh(world)
    end_session(world, world.relay.token(world))
    said, mark = attempt(world, "deferred")
    expect("server localhost[127.0.0.1] said: 535" in said[0], said)
    lines = words(world, mark)
    expect(len(lines) == 2 and "verdict=accept" in lines[0] and "get a new one" in lines[1], lines)
    expect(len(exchanges(world)) == 1 and not world.relay.kept(world), exchanges(world))
    relayed(world, flush(world), "sent")
    attempt(world, "sent", 2)
    expect(len(exchanges(world)) == 2, exchanges(world))


@suite.case("a server that refuses every token: one request for each try, and no more")
def refused_always(world):
    fresh(world)
    serve(world, "deny_users = robot")
    world.submit.fresh()
    try:
        attempt(world, "deferred")
        for _ in range(2):
            relayed(world, flush(world), "deferred")
        expect(len(exchanges(world)) == 3, len(exchanges(world)), "requests for 3 tries")
    finally:
        serve(world)
    world.submit.fresh()
    world.site.forget()
    relayed(world, flush(world), "sent")


@suite.case("Workfront does not answer: what is kept serves; without it the mail waits")
def outage(world):
    fresh(world)
    attempt(world, "sent")
    world.sandbox.fault("jwt", "503")
    attempt(world, "sent")
    world.relay.age(world, 400)
    said, _ = attempt(world, "deferred")
    expect("remote authentication server unavailable" in said[0], said)
    world.sandbox.run("fault", "clear")
    # The rest is over for whoever comes now
    world.relay.age(world, 10)
    relayed(world, flush(world), "sent")


# -- who may read what -----------------------------------------------------------------------------

def hold(world, owner, group, mode):
    """Key and secret, and the folder, belong to these."""
    for path, more in ((world.relay.key, 0), (world.relay.secret, 0), (world.relay.folder, 0o110 if mode & 0o40 else 0o100)):
        shutil.chown(path, owner, group)
        os.chmod(path, mode | more)


HOLDERS = [
    # owner, group, mode: what Postfix's log says; None: it relays
    ("postfix", "postfix", 0o600, None),
    ("root", "postfix", 0o640, None),
    ("root", "root", 0o600, "Permission denied"),
    ("postfix", "postfix", 0o604, "chmod o-rwx"),
    ("postfix", "postfix", 0o660, "chmod go-w"),
    ("archive", "postfix", 0o640, "expected root or user"),
]


@suite.case("the key is for Postfix's user or its group alone; root's programs do not mind")
def holders(world):
    try:
        for owner, group, mode, word in HOLDERS:
            hold(world, owner, group, mode)
            fresh(world)
            mark = world.log.mark()
            hand_over()
            relayed(world, mark, "deferred" if word else "sent")
            expect(not word or word in "\n".join(world.log.since(mark)), owner, group, oct(mode), words(world, mark))
            said = Verdict(subprocess.run(command(world, "verify", "-s", "smtp"), input="x", text=True,
                                          capture_output=True, check=False))
            expect(said.status == (2 if word and "chmod" in word else 1), owner, group, oct(mode), said)
    finally:
        hold(world, "postfix", "postfix", 0o600)


@suite.case("root, who is not the service, is told to be it")
def as_root(world):
    said = Verdict(subprocess.run(command(world, "token", "relay"), text=True, capture_output=True, check=False))
    expect(said.status == 2 and not said.out and "do this as that user" in said.err, said)


@suite.case("without a folder to keep it in each connection gets a token of its own, and the log says so")
def no_folder(world):
    fresh(world)
    shutil.rmtree(world.site.cache + "/postfix")
    for _ in range(2):
        _, mark = attempt(world, "sent")
        expect(any("not kept on disk" in line for line in words(world, mark)), words(world, mark))
    expect(len(exchanges(world)) == 2, exchanges(world))


@suite.case("in a chroot there is no key: said in the log, and the mail waits")
def jail(world):
    path, etc = world.postfix.home + "/conf/master.cf", world.postfix.home + "/spool/etc"
    with open(path, encoding="utf-8") as file:
        before = file.read()
    free = "smtp      unix  -       -       n "
    expect(free in before, before)
    os.mkdir(etc)
    for name in ("hosts", "nsswitch.conf"):
        shutil.copy("/etc/" + name, etc)
    write(path, before.replace(free, free[:-2] + "y "), 0o644)
    try:
        fresh(world)
        _, mark = attempt(world, "deferred")
        lines = words(world, mark)
        for word in ("chroot?", "cannot open " + world.relay.key, "No such file"):
            expect(word in lines[-1], word, lines)
    finally:
        write(path, before, 0o644)
        shutil.rmtree(etc)


# -- who has no business here ----------------------------------------------------------------------

@suite.case("a marker that no configuration allows is a bad token: none is got for it")
def not_allowed(world):
    for markers in ("no", "file"):
        fresh(world, markers=markers)
        attempt(world, "deferred")
        expect(not exchanges(world), markers, exchanges(world))



def meet(world, stranger, **settings):
    """The relay hands its mail to a stranger; what the log says. It knows a password for that one, too."""
    configuration = world.postfix.home + "/conf"
    before = {name: run("postconf", "-c", configuration, "-h", name).strip() for name in ["relayhost"] + list(settings)}
    swap = {"mail.acme.example]:587": "localhost]:%d" % stranger.port}
    text = example("sasl_passwd.service", **{"mail.acme.example]:587": "localhost]:%d" % SUBMIT})
    write(world.passwords, text + example("sasl_passwd.service", **swap), 0o600)
    settings["relayhost"] = "[localhost]:%d" % stranger.port
    try:
        run("postconf", "-c", configuration, *["%s=%s" % pair for pair in settings.items()])
        fresh(world)
        return attempt(world, "deferred")[0][0]
    finally:
        write(world.passwords, text, 0o600)
        run("postconf", "-c", configuration, *["%s=%s" % pair for pair in before.items()])
        stranger.close()


@suite.case("a server without TLS, with a certificate of nobody's, or with other mechanisms alone gets no token")
def strangers(world):
    pair = (HOME + "/other-cert.pem", HOME + "/other-key.pem")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost", "-days", "2", "-out", pair[0], "-keyout", pair[1])
    for cert, settings, word in (
            (None, {}, "TLS is required"), (pair, {}, "not verified"),
            # Careless: but in the clear nothing that can be read on the way is used
            (None, {"smtp_tls_security_level": "may", "smtp_sasl_mechanism_filter": ""}, "no mechanism available")):
        stranger = Stranger(cert)
        said = meet(world, stranger, **settings)
        expect(word in said, said)
        expect(not [line for line in stranger.said if line.upper().startswith("AUTH")], stranger.said)
        expect(not exchanges(world), exchanges(world))


@suite.case("a server that cannot check tokens now takes none away; one that says no does")
def unavailable(world):
    for status, left in (("temporarily_unavailable", 1), ("invalid_token", 0), ("", 0)):
        stranger = Stranger((world.site.cert, world.site.key), json.dumps({"status": status}))
        meet(world, stranger)
        expect(len([line for line in stranger.said if line.startswith("AUTH OAUTHBEARER ")]) == 1, stranger.port, stranger.said)
        expect(len(world.relay.kept(world)) == left, status, world.relay.kept(world))
        expect(len(exchanges(world)) == 1, exchanges(world))


@suite.case("client_host: a token says for which server it is sent, and another one that is named so refuses it")
def host(world):
    for name, status in (("localhost", "sent"), ("mail.acme.example", "deferred")):
        fresh(world)
        serve(world, "host = %s" % name)
        world.submit.fresh()
        try:
            _, mark = attempt(world, status)
        finally:
            serve(world)
    expect("the client connected to" in "\n".join(world.log.since(mark)), world.log.since(mark))


if __name__ == "__main__":
    sys.exit(main(suite, setup))
