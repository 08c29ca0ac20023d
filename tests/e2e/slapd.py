"""slapd with the plug-in, asked by a client of our own, by ldapsearch and ldapwhoami; ten thousand binds."""

import base64
import glob
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import ldap  # noqa: E402
from bearer import Key  # noqa: E402
from directory import LDAP, LDAPS, PEOPLE, PLAIN, TLS, Slapd, example, without_freelocale  # noqa: E402
from harness import Suite, expect, show, within  # noqa: E402
from mail import Site, message  # noqa: E402
from person import environment  # noqa: E402
from world import DOMAIN, HOME, main, run, write  # noqa: E402

suite = Suite()
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")


def setup(world):
    if world.sanitized:
        without_freelocale()
    world.site = Site(world)
    world.slapd = Slapd(world.site)
    # What each case begins with
    world.configure = world.site.configure


def raw(mechanism, token, user=None):
    """The message as LDAP carries it."""
    return base64.b64decode(message(mechanism, token, user))


def dn(name):
    return "dn:uid=%s,%s" % (name, PEOPLE)


# -- on the wire -----------------------------------------------------------------------------------

def accepts(mechanism):
    def case(world):
        with world.slapd.connect() as connection:
            answer, error = connection.bind(mechanism, raw(mechanism, world.site.token()))
            expect(answer.code == ldap.SUCCESS and error is None, answer, error)
            expect(connection.whoami() == dn("alice"), connection.whoami())
        line = world.decision("accept", action="token")
        expect(line["service"] == "ldap" and line["user"] == "alice" and line["rhost"] == "127.0.0.1", line["line"])

    return case


def refuses(mechanism, row, reason):
    def case(world):
        site = world.site
        name, token, oauthbearer, xoauth2 = site.refusals()[row]
        with world.slapd.connect() as connection:
            # What was bound before is not left over
            connection.bind(mechanism, raw(mechanism, site.token()))
            world.mark = world.log.mark()
            answer, error = connection.bind(mechanism, raw(mechanism, token))
            expect(error is not None, name, answer)
            site.expect_error(mechanism, xoauth2 if mechanism == "XOAUTH2" else oauthbearer, base64.b64encode(error))
            expect(answer.code == ldap.INVALID_CREDENTIALS, answer)
            expect(answer.text == REFUSED + WORDS[oauthbearer], answer)
            expect(connection.whoami() == "", connection.whoami())
        world.decision("refuse", reason, action="token")
        expect(token[-40:] not in "\n".join(world.log_lines()), "the token stands in the log")

    return case


REFUSED = "SASL(-13): authentication failure: the token was refused: "
WORDS = {"invalid_token": "the token is expired, revoked or of another service; get a new one",
         "insufficient_scope": "the token may not be used for this service; get one with its scope"}
REASONS = ("expired", "audience", "scope", "signature", "signature")
for MECHANISM in MECHANISMS:
    suite.add("%s: a valid token names the entry by authz-regexp" % MECHANISM, accepts(MECHANISM))
    for ROW, NAME in enumerate(("expired", "another audience", "without the scope", "forged", "signed by somebody")):
        suite.add("%s: %s: the error and why in the log" % (MECHANISM, NAME), refuses(MECHANISM, ROW, REASONS[ROW]))


@suite.case("without an initial response, and with an empty one")
def no_initial_response(world):
    for mechanism in MECHANISMS:
        for first in (None, b""):
            with world.slapd.connect() as connection:
                answer = connection.step(mechanism, first)
                expect(answer.code == ldap.BIND_IN_PROGRESS and not answer.credentials, answer)
                answer = connection.step(mechanism, raw(mechanism, world.site.token()))
                expect(answer.code == ldap.SUCCESS and connection.whoami() == dn("alice"), mechanism, first, answer)


@suite.case("no message, and a good token behind a refused one: no way in")
def no_way_in(world):
    good = raw("OAUTHBEARER", world.site.token())
    bad = raw("OAUTHBEARER", world.site.token(aud="urn:web"))
    with world.slapd.connect() as connection:
        for junk in (b"n,,", b"\0" * 10, good[:-1], good + b"x", b"p=tls-unique" + good[1:]):
            answer, error = connection.bind("OAUTHBEARER", junk)
            expect(answer.code == ldap.INVALID_CREDENTIALS, junk, answer)
            world.site.expect_error("OAUTHBEARER", "invalid_request", base64.b64encode(error))
        expect(connection.step("OAUTHBEARER", bad).code == ldap.BIND_IN_PROGRESS)
        answer = connection.step("OAUTHBEARER", good)
        expect(answer.code not in (ldap.SUCCESS, ldap.BIND_IN_PROGRESS) and connection.whoami() == "", answer)
        # The connection is none the worse for it
        answer, _ = connection.bind("OAUTHBEARER", good)
        expect(answer.code == ldap.SUCCESS and connection.whoami() == dn("alice"), answer)


@suite.case("tokens of 2, 4, 8 and 16 KB pass; one above max_token does not, nor do 300 KB")
def sizes(world):
    for mechanism in MECHANISMS:
        for size in (2048, 4096, 8192, 16380):
            with world.slapd.connect() as connection:
                token = world.site.long_token(size)
                answer, _ = connection.bind(mechanism, raw(mechanism, token))
                expect(answer.code == ldap.SUCCESS, mechanism, len(token), answer)
        with world.slapd.connect() as connection:
            answer, error = connection.bind(mechanism, raw(mechanism, world.site.long_token(17000)))
            expect(answer.code == ldap.INVALID_CREDENTIALS and error is not None, answer)
    with world.slapd.connect() as connection:
        try:
            answer = connection.step("OAUTHBEARER", b"x" * 300000)
        except (AssertionError, OSError):
            return
        expect(False, "300 KB got", answer)


# -- what is offered -------------------------------------------------------------------------------

def offered(world, url):
    said = run("ldapsearch", "-x", "-LLL", "-H", url, "-o", "tls_cacert=" + world.site.cert, "-b", "", "-s", "base",
               "supportedSASLMechanisms")
    return [line.split(": ")[1] for line in said.splitlines() if line.startswith("supportedSASLMechanisms")]


@suite.case("offered over TLS alone; in the clear a token is not even looked at")
def offer(world):
    expect(set(MECHANISMS) <= set(offered(world, LDAPS)), offered(world, LDAPS))
    expect(not set(MECHANISMS) & set(offered(world, LDAP)), offered(world, LDAP))
    with ldap.Connection(PLAIN) as connection:
        answer = connection.step("OAUTHBEARER", raw("OAUTHBEARER", world.site.token()))
        expect(answer.code not in (ldap.SUCCESS, ldap.BIND_IN_PROGRESS) and connection.whoami() == "", answer)
    expect(not world.audit("token"), world.audit("token"))


@suite.case("without wfauth.conf slapd runs as before, silent; with a faulty one it says what is wrong")
def unconfigured(world):
    world.slapd.stop()
    world.replace_conf(None)
    world.mark = world.log.mark()
    world.slapd.start()
    expect(not set(MECHANISMS) & set(offered(world, LDAPS)), offered(world, LDAPS))
    expect("oauthbearer" not in "\n".join(world.log_lines()), world.log_lines())
    world.slapd.stop()
    write(world.conf, "[provider staff]\ntype = oidc\nnonsense = 1\n", 0o644)
    world.slapd.start()
    expect(not set(MECHANISMS) & set(offered(world, LDAPS)), offered(world, LDAPS))
    expect("wfauth.conf:3: [provider staff] nonsense" in "\n".join(world.log_lines()), world.log_lines())
    world.slapd.stop()
    world.site.configure()
    world.slapd.start()


# -- acting as somebody else -----------------------------------------------------------------------

def acts_as(world, user, authzid, **claims):
    """The result of a bind with this a=, and who it made us."""
    claims.setdefault("preferred_username", "%s@%s" % (user, DOMAIN))
    with world.slapd.connect() as connection:
        answer, error = connection.bind("OAUTHBEARER", raw("OAUTHBEARER", world.site.token(**claims), authzid))
        expect(error is None, error)
        return answer.code, connection.whoami()


@suite.case("proxy authorization: as authzTo says, and no other way")
def proxy(world):
    for authzid in ("u:bob", dn("bob").replace("=", "=3D").replace(",", "=2C")):
        said = acts_as(world, "alice", authzid)
        expect(said == (ldap.SUCCESS, dn("bob")), authzid, said)
    for authzid in ("alice", "u:alice", "alice@" + DOMAIN):
        said = acts_as(world, "alice", authzid)
        expect(said == (ldap.SUCCESS, dn("alice")), authzid, said)
    for user, authzid in (("alice", "u:carol"), ("bob", "u:alice"), ("carol", "u:bob"), ("alice", "bob")):
        code, who = acts_as(world, user, authzid)
        expect(code == ldap.INSUFFICIENT_ACCESS and who == "", user, "as", authzid, code, who)


# -- the provider's keys ---------------------------------------------------------------------------

@suite.case("no keys and no provider: unavailable, at once; the token is good as soon as it is back")
def outage(world):
    world.slapd.stop()
    world.site.forget()
    world.slapd.start()
    token = raw("OAUTHBEARER", world.site.token())
    world.site.provider.stop()
    try:
        with world.slapd.connect() as connection:
            for _ in range(3):
                answer, error = connection.bind("OAUTHBEARER", token)
                expect(answer.code == ldap.UNAVAILABLE and error is None, answer, error)
                expect("tokens cannot be checked at the moment" in answer.text, answer)
        done = client(world, "ldapwhoami", "-U", "alice", "-w", world.site.token())
        expect(done.returncode == ldap.UNAVAILABLE, done)
        expect([line["reason"] for line in world.audit("token")] == ["unreachable"] * 4, world.audit("token"))
    finally:
        world.site.provider.start()
    within(15, lambda: bound(world, token), "a bind with the provider back")


def bound(world, token):
    with world.slapd.connect() as connection:
        return connection.bind("OAUTHBEARER", token)[0].code == ldap.SUCCESS


def known(world, fetched, fresh_for):
    """slapd starts anew with keys that were fetched so many seconds ago, and are fresh for so long."""
    world.slapd.stop()
    world.site.provider.reset()
    world.site.forget()
    world.slapd.start()
    expect(bound(world, raw("OAUTHBEARER", world.site.token())), "no bind")
    world.slapd.stop()
    date_keys(world, fetched, fresh_for)
    world.site.provider.clear()
    world.slapd.start()
    expect(bound(world, raw("OAUTHBEARER", world.site.token())), "no bind")
    expect(not world.site.provider.record, "asked for known keys")


def kept(world, kind):
    """The file of the folder that holds the keys, or that they could not be had; None: there is none."""
    found = [path for path in glob.glob(world.site.cache + "/openldap/" + kind + "-*") if not path.endswith("lock")]
    return found[0] if found else None


def together(count, function):
    """function(number) in so many threads at the same time; what they returned."""
    results = [None] * count
    barrier = threading.Barrier(count)

    def go(number):
        barrier.wait()
        results[number] = function(number)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def date_keys(world, fetched, fresh_for):
    path = kept(world, "keys")
    with open(path, encoding="utf-8") as file:
        entry = json.load(file)
    now = int(time.time())
    entry.update(fetched=now - fetched, until=now + fresh_for)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(entry, file)


@suite.case("a new key: sixteen threads wait for one fetch, and none of those with a known key")
def rotation(world):
    provider = world.site.provider
    known(world, fetched=100, fresh_for=3600)
    second = Key("second")
    provider.keys = [provider.first, second]
    new, old = raw("OAUTHBEARER", world.site.token(key=second)), raw("OAUTHBEARER", world.site.token())
    provider.gate.clear()
    waited = []

    def bind(number):
        if number < 15:
            good = bound(world, new)
            waited.append(provider.gate.is_set())
            return good
        within(5, lambda: provider.count("/keys"), "the fetch")
        # Whoever waited with this one, too, waited until the time-out
        good = bound(world, old)
        provider.gate.set()
        return good

    good = together(16, bind)
    expect(all(good) and all(waited), good, waited)
    expect(provider.count("/keys") == 1, [request.path for request in provider.record])


# -- ten thousand binds ----------------------------------------------------------------------------

CONNECTIONS = 16
GOOD, BAD, UNKNOWN = (ldap.SUCCESS,), (ldap.INVALID_CREDENTIALS,), (ldap.INVALID_CREDENTIALS, ldap.UNAVAILABLE)
# FALSE: another key by the name of the good one
FALSE, STRANGE = Key("false"), Key("strange")
# Seconds after which an unknown key's name may make the plug-in ask again
COOL_DOWN = 30
# What a bind tries: claims, expected results, and whom it makes us; three of four are good
KINDS = [
    ({}, GOOD, "alice"), ({"preferred_username": "bob@" + DOMAIN}, GOOD, "bob"), ({"aud": "urn:web"}, BAD, None),
    ({}, GOOD, "alice"), ({"pad": "x" * 1500}, GOOD, "alice"), ({"exp": 1000000000}, BAD, None),
    ({"preferred_username": "carol@" + DOMAIN}, GOOD, "carol"), ({"groups": ["a"] * 30}, GOOD, "alice"),
    ({"key": FALSE}, BAD, None), ({}, GOOD, "alice"), ({"key": STRANGE}, UNKNOWN, None), ({}, GOOD, "alice"),
]


def binds(site, count, key):
    """What so many binds send and must come to; no two tokens are alike."""
    made = []
    false = Key(key.kid)
    for number in range(count):
        claims, codes, name = KINDS[number % len(KINDS)]
        if claims.get("key") is FALSE:
            claims = {"key": false}
        mechanism = MECHANISMS[number // len(KINDS) % 2]
        token = site.token(**{"key": key, "jti": "%s %d" % (key.kid, number), **claims})
        made.append((mechanism, raw(mechanism, token, name or "alice"), codes, name))
    return made


def perform(world, what, todo):
    """All of them, by sixteen connections that begin anew now and then."""
    wrong = []

    def work(number):
        mine = todo[number::CONNECTIONS]
        for at in range(0, len(mine), 50):
            with world.slapd.connect() as connection:
                for mechanism, text, codes, name in mine[at:at + 50]:
                    answer, _ = connection.bind(mechanism, text)
                    who = connection.whoami()
                    if answer.code not in codes or who != (dn(name) if name else ""):
                        wrong.append((mechanism, codes, name, answer, who))

    started = time.monotonic()
    together(CONNECTIONS, work)
    seconds = time.monotonic() - started
    show("%s: %d binds in %.1f s, slapd has %d KB" % (what, len(todo), seconds, world.slapd.memory()))
    expect(not wrong, len(wrong), "wrong in", what, wrong[:3])


def wait_for_rest(world):
    """Until slapd may ask the provider again."""
    with open(kept(world, "down"), encoding="utf-8") as file:
        failure = json.load(file)
    time.sleep(max(0, failure["until"] + 1 - time.time()))


@suite.case("10,000 binds by 16 connections: an outage in which keys go stale, a rotation, another outage")
def load(world):
    site, provider = world.site, world.site.provider
    first, second = provider.first, Key("second")
    old, new = binds(site, 5200, first), binds(site, 4900, second)
    known(world, fetched=100, fresh_for=3600)
    provider.stop()
    world.slapd.stop()
    date_keys(world, 100, 5)
    went_stale = time.monotonic() + 5.5
    world.slapd.start()
    # Unknown keys only later: whoever could not be asked is asked again after a longer time
    perform(world, "no provider, fresh keys", [entry for entry in old[:2600] if entry[2] is not UNKNOWN])
    time.sleep(max(0, went_stale - time.monotonic()))
    perform(world, "no provider, stale keys", old[2600:])
    expect(any("stale keys of provider staff are used" in line for line in world.log_lines()), "the log says nothing of it")
    # Now libcurl is there, and the table of verdicts is full
    before = world.slapd.memory()
    # It comes back with another key, and all threads need that at the same time
    wait_for_rest(world)
    provider.clear()
    provider.keys = [second]
    provider.delay = 0.3
    back = time.monotonic()
    provider.start()
    perform(world, "the new key", [entry for entry in new if entry[2] is GOOD][:CONNECTIONS])
    provider.delay = 0
    perform(world, "what the old key signed", [(mechanism, text, BAD, None) for mechanism, text, _, _ in old[:200]])
    perform(world, "fresh keys", new[:2450])
    most = 1 + int((time.monotonic() - back) / COOL_DOWN)
    expect(1 <= provider.count("/keys") <= most and len(provider.record) <= 1 + most, most,
           [request.path for request in provider.record])
    provider.stop()
    perform(world, "no provider once more", new[2450:])
    provider.start()
    grown = world.slapd.memory() - before
    show("slapd has grown by %d KB" % grown)
    expect(world.sanitized or grown < 4096, "slapd has grown by", grown, "KB")


# -- clients of libldap ----------------------------------------------------------------------------

ALICE = "/home/alice"
TOKEN_FILE = HOME + "/token"


def client(world, program, *options, token=None):
    """A client of alice's, who has the example's ~/.ldaprc, and this token in a file; what it ended with."""
    argv, env = command(world, program, *options, token=token)
    return subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=240, check=False)


def command(world, program, *options, token=None, mode=0o600):
    write(ALICE + "/.ldaprc", example("ldaprc", ("ldaps://ldap.acme.example", LDAPS)), 0o644)
    write(TOKEN_FILE, (token or world.site.token()) + "\n", mode)
    run("chown", "alice:alice", TOKEN_FILE)
    argv = ["/usr/bin/setpriv", "--reuid", "alice", "--regid", "alice", "--init-groups", "--", "/usr/bin/" + program]
    return argv + list(options), environment(HOME=ALICE, SASL_PATH=world.site.plugins, LDAPTLS_CACERT=world.site.cert)


def signed_in(done, name="alice"):
    expect(done.returncode == 0 and dn(name) in done.stdout.splitlines(), done)


MARKERS = "\n[service ldap]\nclient_markers = file\n"


@suite.case("ldapsearch: the token at the prompt, in ~/.ldaprc the mechanism")
def at_the_prompt(world):
    token = world.site.token()
    expect(len(token) < 511, len(token))
    for mechanism in MECHANISMS:
        argv, env = command(world, "ldapsearch", "-Y", mechanism, "-LLL", "uid=alice", "dn")
        terminal = world.terminal(argv, env=env)
        terminal.wait("User name: ")
        terminal.answer("alice")
        terminal.wait("Access token: ")
        terminal.answer(token)
        status, _ = terminal.end()
        expect(status == 0 and "dn: uid=alice," + PEOPLE in terminal.text, status)
        expect(token not in terminal.text, "the token was shown")


@suite.case("a prompt cuts what is longer than 511 bytes; -y does not")
def lengths(world):
    token = world.site.long_token(700)
    argv, env = command(world, "ldapwhoami", "-W", "-U", "alice")
    terminal = world.terminal(argv, env=env)
    terminal.wait("Password: ")
    terminal.answer(token)
    status, _ = terminal.end()
    expect(status == ldap.INVALID_CREDENTIALS, status)
    world.decision("refuse", "malformed", action="token")
    for size in (700, 16300):
        signed_in(client(world, "ldapwhoami", "-U", "alice", "-y", TOKEN_FILE, token=world.site.long_token(size)))


@suite.case("ldapwhoami: file:PATH for a password, read anew at each bind; where the service allows it")
def from_file(world):
    world.site.configure(MARKERS)
    for mechanism in MECHANISMS:
        signed_in(client(world, "ldapwhoami", "-Y", mechanism, "-U", "alice", "-w", "file:" + TOKEN_FILE))
    done = client(world, "ldapwhoami", "-U", "bob", "-w", "file:" + TOKEN_FILE,
                  token=world.site.token(preferred_username="bob@" + DOMAIN))
    signed_in(done, "bob")
    for size in (2048, 4096, 8192, 16300):
        done = client(world, "ldapwhoami", "-U", "alice", "-w", "file:" + TOKEN_FILE, token=world.site.long_token(size))
        signed_in(done)
    argv, env = command(world, "ldapwhoami", "-U", "alice", "-w", "file:" + TOKEN_FILE, mode=0o644)
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=240, check=False)
    expect(done.returncode != 0 and TOKEN_FILE in done.stderr, "a file that others can read:", done)
    world.site.configure()
    done = client(world, "ldapwhoami", "-U", "alice", "-w", "file:" + TOKEN_FILE)
    expect(done.returncode != 0 and dn("alice") not in done.stdout, "read without being allowed to:", done)


@suite.case("a refused token: the reason in words, and no simple bind behind it")
def in_words(world):
    for mechanism in MECHANISMS:
        for changes, words in (({"aud": "urn:web"}, "get a new one"), ({"scope": "openid"}, "get one with its scope")):
            done = client(world, "ldapwhoami", "-Y", mechanism, "-U", "alice", "-w", world.site.token(**changes))
            expect(done.returncode == ldap.INVALID_CREDENTIALS and words in done.stdout, done.returncode, done.stdout)
    expect("method=128" not in "\n".join(world.log_lines()), "a simple bind:", world.log_lines())


@suite.case("-X: acting as bob, as authzTo says, and not as carol")
def acting_as(world):
    for mechanism in MECHANISMS:
        options = ("-Y", mechanism, "-U", "alice", "-w", world.site.token())
        signed_in(client(world, "ldapwhoami", *options, "-X", "u:bob"), "bob")
        signed_in(client(world, "ldapwhoami", *options, "-X", "dn:uid=bob," + PEOPLE), "bob")
        done = client(world, "ldapwhoami", *options, "-X", "u:carol")
        expect(done.returncode == ldap.INSUFFICIENT_ACCESS, done)


@suite.case("without TLS libldap keeps the token to itself, unless -O none says otherwise; then slapd refuses")
def in_the_clear(world):
    options = ("-H", LDAP, "-U", "alice", "-w", world.site.token())
    for more in ((), ("-O", "none")):
        world.mark = world.log.mark()
        done = client(world, "ldapwhoami", *options, *more)
        expect(done.returncode != 0 and not world.audit("token"), more, done)
        expect(("method=163" in "\n".join(world.log_lines())) == bool(more), more, world.log_lines())


if __name__ == "__main__":
    sys.exit(main(suite, setup))
