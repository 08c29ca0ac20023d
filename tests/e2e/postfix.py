"""Postfix: smtpd with and without its chroot; its client as a relay; curl, msmtp and nodemailer."""

import glob
import json
import os
import pwd
import re
import shutil
import smtplib
import subprocess
import sys
import time

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib")
sys.path.insert(0, LIB)

from bearer import Key  # noqa: E402
from harness import Suite, expect, within  # noqa: E402
from mail import DUMMY, Site, encode, message  # noqa: E402
from smtpd import Postfix, Session, example  # noqa: E402
from world import DOMAIN, HOME, main, run, write  # noqa: E402

suite = Suite()
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
JAIL, FREE, NARROW, XOAUTH2, RELAY = 10587, 10588, 10589, 10590, 10591
FROM, TO = "alice@acme.example", "bob@elsewhere.example"
PORTS = {JAIL: "in its chroot", FREE: "without chroot"}


def setup(world):
    world.site = site = Site(world)
    world.npm = os.path.dirname(os.path.abspath(sys.argv[2])) + "/npm"
    service = example("master.cf")
    narrow = "".join(line for line in service.splitlines(True) if "_limit" not in line)
    services = [text.replace("submission inet", "127.0.0.1:%d inet" % port) for text, port in
                ((service, JAIL), (service.replace("-       y  ", "-       n  "), FREE), (narrow, NARROW),
                 (service + "  -o smtpd_sasl_mechanism_filter=xoauth2\n", XOAUTH2))]
    text = example("main.cf", **{"/etc/ssl/certs/mail.pem": site.cert, "/etc/ssl/private/mail.key": site.key})
    world.postfix = Postfix(site, "submit", text + "default_transport = discard\n", "\n".join(services),
                            example("smtpd.conf"))


def fresh(world, more="", **changes):
    """A provider without faults, nothing known of before, and new processes. The site."""
    world.site.reset(more, **changes)
    world.postfix.fresh()
    return world.site


def session(world, port):
    return Session(port, world.site.cert)


def sign_in(world, port, token, mechanism="OAUTHBEARER", initial=True, user=None):
    """The answer of a new connection to a token."""
    with session(world, port) as smtp:
        return smtp.auth(mechanism, message(mechanism, token, user), initial)


def check_log(world):
    """Neither a token nor a message with one, base64, is in the log."""
    text = "\n".join(world.log_lines())
    for begin in ("eyJ", "biw", "dXNlcj1"):
        expect(begin not in text, "the log holds a token:", text)


# -- verdicts --------------------------------------------------------------------------------------

def accepts(port, mechanism):
    def case(world):
        site = fresh(world)
        for initial in (True, False):
            with session(world, port) as smtp:
                expect("\nAUTH OAUTHBEARER XOAUTH2\n" in smtp.features or
                       "\nAUTH XOAUTH2 OAUTHBEARER\n" in smtp.features, "offered:", smtp.features)
                answer = smtp.auth(mechanism, message(mechanism, site.token()), initial)
                expect(answer == (235, "2.7.0 Authentication successful"), answer)
                expect(smtp.say("MAIL FROM:<%s>" % FROM)[0] == 250, "MAIL is refused")
                expect(smtp.say("RCPT TO:<%s>" % TO)[0] == 250, "RCPT is refused")
        lines = world.audit("token")
        expect([line["verdict"] for line in lines] == ["accept", "accept"], lines)
        for name, value in (("service", "smtp"), ("user", "alice"), ("rhost", "127.0.0.1"), ("subject", "s-1")):
            expect(lines[0].get(name) == value, name, "is", lines[0].get(name), "in", lines[0]["line"])
        expect(len(site.provider.record) == 2, [r.path for r in site.provider.record])
        check_log(world)
    return case


def refuses(port, mechanism):
    def case(world):
        site = fresh(world)
        reasons = {"expired": "expired", "another audience": "audience", "without the scope": "scope",
                   "forged": "signature", "signed by somebody": "signature"}
        for row, (name, token, *statuses) in enumerate(site.refusals()):
            mark = world.log.mark()
            with session(world, port) as smtp:
                code, text = smtp.auth(mechanism, message(mechanism, token), initial=row % 2 == 0)
                expect(code == 334, name, "the answer is", code, text)
                site.expect_error(mechanism, statuses[mechanism == "XOAUTH2"], text)
                # XOAUTH2's clients answer with nothing
                answer = smtp.say("" if mechanism == "XOAUTH2" else DUMMY)
                expect(answer == (535, "5.7.8 Error: authentication failed: authentication failure"), name, answer)
                expect(smtp.say("MAIL FROM:<a@b.example>")[0] == 250 and smtp.say("RCPT TO:<c@d.example>")[0] == 554,
                       name, "may send mail")
            said = [line for line in world.log.since(mark) if "verdict=refuse reason=" + reasons[name] in line]
            expect(len(said) == 1, name, "the log says", world.log.since(mark))
        check_log(world)
    return case


for _port, _where in PORTS.items():
    for _mechanism in MECHANISMS:
        suite.add("%s: %s accepts a token, with and without an initial response" % (_where, _mechanism),
                  accepts(_port, _mechanism))
        suite.add("%s: %s refuses with the JSON on the wire" % (_where, _mechanism), refuses(_port, _mechanism))


@suite.case("after the JSON nothing succeeds: another token, nothing at all, the exchange given up")
def after_failure(world):
    site = fresh(world)
    good = message("OAUTHBEARER", site.token())
    bad = message("OAUTHBEARER", site.token(aud="urn:web"))
    for said, expected in ((good, 535), (encode("\x01\x01"), 535), ("", 535), ("*", 501)):
        with session(world, JAIL) as smtp:
            expect(smtp.auth("OAUTHBEARER", bad)[0] == 334, "no JSON")
            answer = smtp.say(said)
            expect(answer[0] == expected, said[:20], "is answered by", answer)
            # The same connection may try again
            expect(smtp.auth("OAUTHBEARER", good)[0] == 235, "the next exchange fails")


@suite.case("who else one may be: nobody, but the same name may be written otherwise")
def other_user(world):
    site = fresh(world)
    for mechanism in MECHANISMS:
        for user in ("alice", "alice@" + DOMAIN, "Alice@ACME.example"):
            with session(world, JAIL) as smtp:
                answer = smtp.auth(mechanism, message(mechanism, site.token(), user))
                expect(answer[0] == 235, mechanism, user, answer)
                mark = world.log.mark()
                expect(smtp.say("MAIL FROM:<%s>" % FROM)[0] == 250 and smtp.say("RCPT TO:<%s>" % TO)[0] == 250, user)
                # What smtpd_sender_login_maps goes by
                expect("sasl_username=alice\n" in "\n".join(world.log.since(mark)) + "\n", world.log.since(mark))
        for user in ("bob", "alice@elsewhere.example", "root", "alice2"):
            mark = world.log.mark()
            answer = sign_in(world, JAIL, site.token(), mechanism, user=user)
            expect(answer[0] == 535, mechanism, user, answer)
            expect("Requested identity not authenticated identity" in "".join(world.log.since(mark)),
                   world.log.since(mark))


# -- the jail --------------------------------------------------------------------------------------

@suite.case("in its chroot: nothing to fetch keys with; many processes have fetched them once, before")
def jail(world):
    site = fresh(world)
    spool = world.postfix.home + "/spool"
    for folder in ("etc", "usr", "lib", "run", "dev", "tmp", "var"):
        expect(not os.path.exists(spool + "/" + folder), "the jail has a folder", folder)
    sessions = [session(world, JAIL) for _ in range(8)]
    pids = world.postfix.smtpds()
    expect(len(pids) == 8, pids)
    for pid in pids:
        expect(os.readlink("/proc/%d/root" % pid) == spool, pid, "has the root", os.readlink("/proc/%d/root" % pid))
    with open("/proc/%d/status" % pids[0], encoding="ascii") as file:
        expect(re.search(r"^Uid:(\s+%d){4}$" % pwd.getpwnam("postfix").pw_uid, file.read(), re.M), "the user")
    for smtp in sessions:
        expect(smtp.auth("OAUTHBEARER", message("OAUTHBEARER", site.token()))[0] == 235, "not accepted")
        smtp.close()
    expect([r.path for r in site.provider.record] == [site.provider.DISCOVERY, "/keys"], len(site.provider.record))
    lines = [line for line in world.log_lines() if "wfauth" in line or "keys" in line or "oauthbearer: " in line]
    expect(all("verdict=accept" in line for line in lines), "the log says", lines)


def age(site, seconds):
    """The keys on disk were fetched so long ago."""
    [path] = glob.glob(site.cache + "/keys-*")
    with open(path, encoding="utf-8") as file:
        entry = json.load(file)
    for name in ("fetched", "until"):
        entry[name] -= seconds
    write(path, json.dumps(entry), 0o600)


@suite.case("a key rotation: later processes know the new key, and not the old one")
def rotation(world):
    for port in PORTS:
        site = fresh(world)
        old = site.token()
        expect(sign_in(world, port, old)[0] == 235, "the old key is not known")
        site.provider.keys = [Key("second")]
        new = site.token()
        age(site, 40)
        world.postfix.fresh()
        answer = sign_in(world, port, new)
        expect(answer[0] == 235, PORTS[port], "the new key:", answer)
        expect(sign_in(world, port, old)[0] == 334, PORTS[port], "the old key still counts")


@suite.case("stale keys serve while nobody can be asked")
def stale(world):
    site = fresh(world)
    session(world, JAIL).close()
    site.provider.stop()
    try:
        age(site, 3700)
        world.postfix.fresh()
        for port in PORTS:
            expect(sign_in(world, port, site.token())[0] == 235, PORTS[port])
        lines = [line for line in world.log_lines() if "stale keys of provider staff are used" in line]
        expect(lines, "the log says", world.log_lines())
    finally:
        site.provider.start()


@suite.case("nobody can be asked: 454, at once, in each process; the log says why; then it goes on")
def outage(world):
    site = fresh(world)
    good = site.token()
    site.provider.stop()
    try:
        world.postfix.fresh()
        waiting = {port: session(world, port) for port in PORTS}
        site.rest()
        began = time.monotonic()
        for port in PORTS:
            for mechanism in MECHANISMS:
                for initial in (True, False):
                    answer = sign_in(world, port, good, mechanism, initial)
                    expect(answer[0] == 454, PORTS[port], mechanism, "answer", answer)
        expect(time.monotonic() - began < 25, "it took", time.monotonic() - began)
        # When the rest is over they ask once more: from the jail, nobody
        time.sleep(5.2)
        for port, smtp in waiting.items():
            answer = smtp.auth("OAUTHBEARER", message("OAUTHBEARER", good))
            expect(answer[0] == 454, PORTS[port], "after the rest:", answer)
            smtp.close()
    finally:
        site.provider.start()
    lines = world.audit("token")
    expect(len(lines) == 10 and all(line["reason"] == "unreachable" for line in lines), lines)
    expect(sum("cannot connect" in line["line"] for line in lines) == 9, lines)
    expect(sum("nobody can be asked from here" in line["line"] for line in lines) == 1, lines)
    expect("chown" not in "".join(world.log_lines()), world.log_lines())
    # The rest is over for whoever comes now
    site.forget()
    world.postfix.fresh()
    for port in PORTS:
        expect(sign_in(world, port, good)[0] == 235, PORTS[port], "it does not go on")


@suite.case("a provider that hangs: the old keys serve; a client waits for its greeting, the next one does not")
def hangs(world):
    site = fresh(world)
    with open(world.conf, encoding="utf-8") as file:
        write(world.conf, file.read().replace("timeout = 30s", "timeout = 1s"), 0o644)
    session(world, JAIL).close()
    age(site, 40)
    site.provider.delay = 20
    asked = []
    for _ in range(2):
        site.provider.record = []
        world.postfix.fresh()
        began = time.monotonic()
        with session(world, JAIL) as smtp:
            # Twice the time-out at most, on a busy machine
            expect(time.monotonic() - began < 15, "greeted after", time.monotonic() - began)
            expect(smtp.auth("OAUTHBEARER", message("OAUTHBEARER", site.token()))[0] == 235, "refused")
        asked.append(len(site.provider.record))
        site.rest()
    expect(asked == [1, 0], "requests:", asked)


@suite.case("a faulty wfauth.conf: Postfix has no mechanism and says so, and the log names the line")
def faulty(world):
    site = fresh(world)
    write(world.conf, "[provider staff]\ntype = oidc\nurl = http://sso.example\n", 0o644)
    world.postfix.fresh()
    try:
        session(world, JAIL)
    except (AssertionError, OSError):
        pass
    else:
        raise AssertionError("it goes on behind STARTTLS")
    lines = "\n".join(world.log_lines())
    expect("wfauth.conf:3: [provider staff] url: found" in lines and "no SASL authentication mechanisms" in lines,
           lines)
    site.reset()
    world.postfix.fresh()
    within(20, lambda: can_greet(world), "a greeting, now that it is mended")


def can_greet(world):
    """Postfix's master waits before it starts a program again that has failed."""
    try:
        session(world, JAIL).close()
    except (AssertionError, OSError):
        return False
    return True


# -- long tokens -----------------------------------------------------------------------------------

@suite.case("tokens of 2, 4, 8 and 16 KB pass with the limits of examples/conf; max_token bounds them")
def long_tokens(world):
    site = fresh(world)
    for size in (2048, 4096, 8192, 16384):
        for mechanism in MECHANISMS:
            for initial in (True, False):
                answer = sign_in(world, JAIL, site.long_token(size), mechanism, initial)
                expect(answer[0] == 235, size, mechanism, initial, answer)
    mark = world.log.mark()
    expect(sign_in(world, JAIL, site.long_token(20000))[0] == 334, "20000 bytes pass")
    expect("reason=too-large" in "".join(world.log.since(mark)), world.log.since(mark))


@suite.case("Postfix's own limits: an initial response of 2 KB is cut, and 535; a response of 12 KB is 500")
def narrow(world):
    site = fresh(world)
    for size, initial, expected, said in (
            (1450, True, 235, "verdict=accept"), (2048, True, 535, "request longer than 2048"),
            (8192, False, 235, "verdict=accept"), (9216, False, 500, "request longer than 12288")):
        for mechanism in MECHANISMS:
            mark = world.log.mark()
            answer = sign_in(world, NARROW, site.long_token(size), mechanism, initial)
            expect(answer[0] == expected, size, mechanism, answer)
            expect(said in "\n".join(world.log.since(mark)), size, world.log.since(mark))


# -- clients ---------------------------------------------------------------------------------------

MAIL = "From: %s\nTo: %s\nSubject: %%s\n\nGood morning.\n" % (FROM, TO)


def curl(world, port, token, mechanism):
    """(exit status, what it said)."""
    path = HOME + "/mail"
    write(path, MAIL % "curl", 0o644)
    # The token not on the command line, where other users see it
    options = HOME + "/curlrc"
    write(options, 'oauth2-bearer = "%s"\n' % token, 0o600)
    argv = world.plain("curl", "-sSv", "-q", "-K", options, "--ssl-reqd", "--cacert", world.site.cert,
                       "--user", "alice", "--login-options", "AUTH=" + mechanism, "--mail-from", FROM,
                       "--mail-rcpt", TO, "-T", path, "smtp://localhost:%d" % port)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False)
    return done.returncode, done.stderr


def msmtp(world, port, token, mechanism):
    path = HOME + "/msmtprc"
    write(HOME + "/acme-token", token + "\n", 0o600)
    write(path, example("msmtprc", **{"host mail.acme.example": "host localhost", "port 587": "port %d" % port,
                                      "/etc/ssl/certs/ca-certificates.crt": world.site.cert,
                                      "~/.acme-token": HOME + "/acme-token",
                                      "auth oauthbearer": "auth " + mechanism.lower()}), 0o600)
    done = subprocess.run(world.plain("msmtp", "-C", path, TO), input=MAIL % "msmtp", capture_output=True, text=True,
                          timeout=240, check=False)
    return done.returncode, done.stderr


def nodemailer(world, port, token, _):
    told = {"port": port, "ca": world.site.cert, "user": "alice", "token": token, "from": FROM, "to": TO,
            "subject": "nodemailer"}
    done = subprocess.run(world.plain("node", LIB + "/nodemailer.js", world.npm), input=json.dumps(told),
                          capture_output=True, text=True, timeout=240, check=False)
    return done.returncode, done.stdout + done.stderr


def arrived(world, mark, user="alice"):
    """A message of this user has been taken in and sent on (here: discarded)."""
    def seen():
        lines = "\n".join(world.log.since(mark))
        return re.search(r"submit/discard\[.*to=<%s>.*status=sent" % re.escape(TO), lines) and \
            re.search(r"sasl_method=(\w+), sasl_username=%s\b" % user, lines)
    return within(10, seen, "the message arrives").group(1)


CLIENTS = ((curl, "OAUTHBEARER", 16384), (curl, "XOAUTH2", 16384), (msmtp, "OAUTHBEARER", 2900),
           (msmtp, "XOAUTH2", 2900), (nodemailer, "XOAUTH2", 16384))


def client_case(client, mechanism, longest):
    def case(world):
        site = fresh(world)
        for token in (site.token(), site.long_token(2048), site.long_token(longest)):
            mark = world.log.mark()
            status, said = client(world, XOAUTH2 if mechanism == "XOAUTH2" else JAIL, token, mechanism)
            expect(status == 0, len(token), "bytes: it ends with", status, said)
            expect(arrived(world, mark) == mechanism, "another mechanism")
        check_log(world)
        mark = world.log.mark()
        status, said = client(world, JAIL, site.token(exp=int(time.time()) - 3600), mechanism)
        expect(status != 0, "an expired token passes:", said)
        expect("reason=expired" in "".join(world.log.since(mark)), world.log.since(mark))
    return case


for _client, _mechanism, _longest in CLIENTS:
    suite.add("%s, %s: sends a message with tokens of up to %d bytes; an expired one is refused" %
              (_client.__name__, _mechanism, _longest), client_case(_client, _mechanism, _longest))


@suite.case("curl says where it connected to: a token sent to another server and handed on is refused")
def place(world):
    for host, expected in (("localhost", 0), ("mail.acme.example", 67)):
        site = fresh(world, "\n[service smtp]\nhost = %s\nport = %d\n" % (host, JAIL))
        status, said = curl(world, JAIL, site.token(), "OAUTHBEARER")
        expect(status == expected, host, "curl ends with", status, said)
    lines = "\n".join(world.log_lines())
    expect('reason=audience text="the client connected to' in lines, lines)


# -- Postfix as the client -------------------------------------------------------------------------

TOKEN_FILE = HOME + "/relay-token"


def start_relay(world):
    """A second instance, which hands all mail to the first one."""
    swap = {"mail.acme.example]:587": "localhost]:%d" % JAIL}
    world.passwords = HOME + "/sasl_passwd"
    write(world.passwords, example("sasl_passwd", **swap, **{"/etc/postfix/token": TOKEN_FILE}), 0o600)
    text = example("main.cf.relay", **swap, **{"/etc/ssl/certs/ca-certificates.crt": world.site.cert,
                                               "/etc/postfix/sasl_passwd": world.passwords})
    services = "127.0.0.1:%d inet n - n - - smtpd\n" % RELAY + example("master.cf.relay")
    world.relay = Postfix(world.site, "relay", text + "smtp_mx_address_limit = 1\n", services)


def fresh_relay(world, markers="file"):
    site = fresh(world, "\n[service smtp]\nclient_markers = %s\n" % markers)
    write_token(site.token())
    run("postsuper", "-c", world.relay.home + "/conf", "-d", "ALL")
    world.relay.fresh()
    return site


def write_token(token, mode=0o600):
    write(TOKEN_FILE, token + "\n", mode)
    shutil.chown(TOKEN_FILE, "postfix")


def hand_over():
    """Give the relay a message."""
    with smtplib.SMTP("127.0.0.1", RELAY, timeout=240) as smtp:
        smtp.sendmail(FROM, [TO], MAIL % "relay")


def relayed(world, mark, status):
    """What the relay's log says of the message."""
    def seen():
        return re.search(r"relay/smtp\[.*to=<%s>.*status=%s(.*)" % (re.escape(TO), status),
                         "\n".join(world.log.since(mark)))
    return within(15, seen, "the relay's " + status).group(1)


def attempt(world, status):
    """One message: what the relay's log says of it in the end, and the mark of the log before."""
    mark = world.log.mark()
    hand_over()
    return relayed(world, mark, status), mark


def flush(world):
    """What waits is tried again, now."""
    mark = world.log.mark()
    run("postfix", "-c", world.relay.home + "/conf", "flush")
    return mark


@suite.case("Postfix as the client: the token of a file, of up to 16 KB, read anew for each connection")
def relay(world):
    start_relay(world)
    site = fresh_relay(world)
    for token in (site.token(), site.long_token(2048), site.long_token(4096), site.long_token(8192),
                  site.long_token(16384)):
        write_token(token)
        _, mark = attempt(world, "sent")
        expect(arrived(world, mark) == "OAUTHBEARER", "another mechanism")
    check_log(world)


@suite.case("Postfix as the client: an expired token defers the mail, which goes out with the next one")
def relay_renewed(world):
    site = fresh_relay(world)
    write_token(site.token(exp=int(time.time()) - 3600))
    said, mark = attempt(world, "deferred")
    expect("SASL authentication failed; server localhost[127.0.0.1] said: 535 5.7.8" in said, said)
    lines = world.log.since(mark)
    # Our client's own words, in the relay's log
    words = [line for line in lines if "relay/smtp[" in line and "oauthbearer: " in line]
    expect(len(words) == 1 and "invalid_token" in words[0] and "scope wanted: mail" in words[0], words)
    write_token(site.token())
    mark = flush(world)
    relayed(world, mark, "sent")
    expect(arrived(world, mark) == "OAUTHBEARER", "another mechanism")
    check_log(world)


@suite.case("Postfix as the client: while the server cannot ask anybody the mail waits")
def relay_outage(world):
    site = fresh_relay(world)
    site.provider.stop()
    try:
        world.postfix.fresh()
        said, _ = attempt(world, "deferred")
        expect("said: 454 " in said, said)
    finally:
        site.provider.start()
    # The rest is over for whoever comes now
    site.forget()
    world.postfix.fresh()
    relayed(world, flush(world), "sent")


@suite.case("Postfix as the client: a file that others read, or none, or no token in it: said in its log")
def relay_file(world):
    site = fresh_relay(world)
    good = site.token()
    for name, text, mode, expected in (("others read it", good, 0o644, "chmod"),
                                       ("two lines", good + "\n" + good, 0o600, "holds no token"),
                                       ("none", None, 0, "No such file")):
        os.unlink(TOKEN_FILE)
        if text:
            write_token(text, mode)
        mark = world.log.mark()
        hand_over()
        relayed(world, mark, "deferred")
        lines = [line for line in world.log.since(mark) if "relay/smtp[" in line and "oauthbearer: " in line]
        expect(len(lines) == 1 and expected in lines[0] and TOKEN_FILE in lines[0], name, "the log says",
               world.log.since(mark))
        run("postsuper", "-c", world.relay.home + "/conf", "-d", "ALL")
        write_token(good)


@suite.case("Postfix as the client: XOAUTH2, and a token in sasl_passwd itself; no markers unless allowed")
def relay_literal(world):
    site = fresh_relay(world, markers="no")
    said, mark = attempt(world, "deferred")
    expect("said: 535 " in said, said)
    expect(not [line for line in world.log.since(mark) if "reason=malformed" not in line and "verdict=" in line],
           world.log.since(mark))
    with open(world.passwords, encoding="utf-8") as file:
        before = file.read()
    write(world.passwords, before.replace("file:" + TOKEN_FILE, site.token()), 0o600)
    run("postconf", "-c", world.relay.home + "/conf", "-e", "smtp_sasl_mechanism_filter = xoauth2")
    world.relay.fresh()
    mark = flush(world)
    relayed(world, mark, "sent")
    expect(arrived(world, mark) == "XOAUTH2", "another mechanism")
    check_log(world)


if __name__ == "__main__":
    sys.exit(main(suite, setup))
