"""`wfauth verify`: keys that are kept, changed and lost; a provider with every fault; sessions of
Workfront; a hundred thousand tokens."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from bearer import AUDIENCE, Key, Provider, accepted, command, keep_resting, refused, verify  # noqa: E402
from harness import Suite, expect, show  # noqa: E402
from session import call, session  # noqa: E402
from tlsserver import Reply  # noqa: E402
from world import DOMAIN, HOME, LONG, SHORT, main, write  # noqa: E402

suite = Suite()
CACHE = HOME + "/cache"
SESSION = "[0-9a-f]{32}"

CONF = """
[provider staff]
type = oidc
url = %(url)s
ca_file = %(ca)s
cache_dir = %(cache)s
timeout = %(timeout)s
stale_keys = 1h

[provider acme]
type = workfront
url = %(workfront)s
ca_file = %(workfront_ca)s
cache_dir = %(cache)s
timeout = %(timeout)s
token_pattern = %(session)s
username = username
strip_domain = %(domain)s

[service imap]
provider = staff
audience = %(audience)s
required_scope = mail

[service bound]
provider = acme
flow = token
audience = %(audience)s

[service session]
provider = acme
flow = token
audience = %(audience)s
accept_unbound = yes
"""


def setup(world):
    world.provider = Provider(HOME + "/provider")


def forget():
    shutil.rmtree(CACHE, ignore_errors=True)
    os.makedirs(CACHE, mode=0o700)


def fresh(world, **changes):
    """Our configuration, a provider without faults, and nothing known of before."""
    forget()
    world.provider.reset()
    values = {"url": world.provider.url, "ca": world.provider.ca, "cache": CACHE, "audience": AUDIENCE,
              "workfront": world.sandbox.url, "workfront_ca": world.ca, "session": SESSION, "domain": DOMAIN,
              "timeout": LONG}
    values.update(changes)
    write(world.conf, CONF % values, 0o644)
    return world.provider


def age(seconds, fresh_for=None):
    """As if the keys had been fetched so many seconds ago, and been good for so long."""
    for name in os.listdir(CACHE):
        if name.startswith("down-"):
            os.unlink(CACHE + "/" + name)
        if not re.fullmatch("keys-[0-9a-f]+", name):
            continue
        with open(CACHE + "/" + name, encoding="utf-8") as file:
            entry = json.load(file)
        entry["fetched"] -= seconds
        entry["until"] = entry["until"] - seconds if fresh_for is None else entry["fetched"] + fresh_for
        with open(CACHE + "/" + name, "w", encoding="utf-8") as file:
            json.dump(entry, file)


def rest():
    """As if requests had failed so often that a minute passes before the next one."""
    keep_resting(glob.glob(CACHE + "/down-*"))


def paths(server):
    return [request.path for request in server.record]


# -- keys ------------------------------------------------------------------------------------------

@suite.case("the keys are fetched once: by root's helper, kept, and not asked for again")
def fetched_once(world):
    provider = fresh(world)
    accepted(world, provider.token())
    expect(paths(provider) == [provider.DISCOVERY, "/keys"], paths(provider))
    accepted(world, provider.token(preferred_username="bob"), name="bob")
    expect(len(provider.record) == 2, paths(provider))
    names = sorted(os.listdir(CACHE))
    expect(all(os.stat(CACHE + "/" + name).st_mode & 0o77 == 0 for name in names), names)


@suite.case("a local user has a cache of their own, and asks without the helper")
def own_cache(world):
    provider = fresh(world)
    folder = "/home/alice/.cache/wfauth"
    shutil.rmtree(folder, ignore_errors=True)
    with open(world.conf, encoding="utf-8") as file:
        text = file.read()
    write(world.conf, text.replace("cache_dir = %s\n" % CACHE, ""), 0o644)
    accepted(world, provider.token(), user="alice")
    accepted(world, provider.token(), user="alice")
    expect(paths(provider) == [provider.DISCOVERY, "/keys"], paths(provider))
    expect(os.stat(folder).st_uid == 1501 and os.stat(folder).st_mode & 0o777 == 0o700, os.stat(folder))


@suite.case("the provider stops: known keys still serve, the log says stale; after the bound they do not")
def stale(world):
    provider = fresh(world)
    token = provider.token()
    accepted(world, token)
    provider.stop()
    try:
        verdict = accepted(world, token)
        expect("stale" not in verdict.err, verdict)
        age(600, fresh_for=300)
        verdict = accepted(world, token)
        expect("stale keys of provider staff are used" in verdict.err, verdict)
        age(3300)
        verdict = refused(world, token, "unreachable", status=3)
        expect("older than stale_keys" in verdict.err, verdict)
    finally:
        provider.start()
    # It rests for some seconds after the last failure; then all is well again
    rest()
    refused(world, token, "unreachable", status=3)
    age(0)
    accepted(world, token)


@suite.case("keys that have run out are asked for by their tag, and 304 is enough")
def by_tag(world):
    provider = fresh(world)
    body = json.dumps({"keys": [provider.keys[0].jwk()]})
    tags = []

    def answer(request):
        tags.append(request.headers.get("If-None-Match"))
        if tags[-1] == '"v1"':
            return Reply(304, b"", ETag='"v1"', Cache_Control="max-age=60")
        return Reply(200, body, ETag='"v1"', Cache_Control="max-age=60")

    provider.answers["/keys"] = answer
    accepted(world, provider.token())
    age(100)
    accepted(world, provider.token())
    accepted(world, provider.token())
    expect(tags == [None, '"v1"'], tags)


@suite.case("a new key is seen by a process that goes on; unknown kids ask once, then not for a while")
def rotation(world):
    provider = fresh(world)
    accepted(world, provider.token())
    # Made before, so that they come in the time in which nobody asks again
    strangers = [provider.token(Key("unknown-%d" % number)) for number in range(51)]
    age(60)
    provider.clear()
    with Lines(world) as lines:
        expect(lines.ask(provider.token()) == "accept alice", "the first token")
        expect(not provider.record, paths(provider))
        new = Key("second")
        provider.keys = [new, provider.keys[0]]
        expect(lines.ask(provider.token(new)) == "accept alice", "a token of the new key")
        expect(paths(provider) == ["/keys"], paths(provider))
        expect(lines.ask(provider.token(provider.keys[1])) == "accept alice", "a token of the old key")
        for text in strangers:
            said = lines.ask(text)
            expect(said.startswith("refuse key "), said)
        expect(provider.count("/keys") == 1, "whoever sends tokens makes us ask:", paths(provider))
    refused(world, strangers.pop(), "key")
    expect(provider.count("/keys") == 1, "another process asked:", paths(provider))


@suite.case("a key that was withdrawn lets nobody in once the new set is known")
def withdrawn(world):
    provider = fresh(world)
    old, new = provider.keys[0], Key("second")
    accepted(world, provider.token())
    age(60)
    with Lines(world) as lines:
        token = provider.token(old)
        expect(lines.ask(token) == "accept alice", "before")
        provider.keys = [new]
        expect(lines.ask(provider.token(new)) == "accept alice", "the new key")
        expect(lines.ask(token).startswith("refuse key "), "a verdict outlived its key")


@suite.case("100 processes start cold: one fetch")
def cold(world):
    provider = fresh(world)
    # So that many are waiting by then
    provider.delay = 0.3
    token = provider.token()
    started = []
    for _ in range(100):
        process = subprocess.Popen(command(world, "verify", "-s", "imap"), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write(token)
        process.stdin.close()
        started.append(process)
    for process in started:
        out, err = process.stdout.read(), process.stderr.read()
        expect(process.wait(240) == 0 and out == "alice\n", process.returncode, out, err)
    expect(paths(provider) == [provider.DISCOVERY, "/keys"], paths(provider))


# -- faults ----------------------------------------------------------------------------------------

def discovery(answer):
    return lambda provider: provider.answers.update({
        provider.DISCOVERY: answer(provider) if callable(answer) else answer})


def keys(answer):
    return lambda provider: provider.answers.update({"/keys": answer})


def metadata(**changes):
    return discovery(lambda provider: Reply(200, provider.metadata(**changes)))


def redirect(provider):
    provider.answers[provider.DISCOVERY] = Reply(302, "", Location=provider.url + "/elsewhere")
    provider.answers["/elsewhere"] = Reply(200, provider.metadata())


def redirect_keys(provider):
    provider.answers["/keys"] = Reply(307, "", Location=provider.url + "/elsewhere")
    provider.answers["/elsewhere"] = Reply(200, json.dumps({"keys": [provider.keys[0].jwk()]}))


def slow(provider):
    provider.delay = 8


def symmetric(provider):
    provider.answers["/keys"] = Reply(200, json.dumps({"keys": [{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}]}))


def encryption_only(provider):
    provider.answers["/keys"] = Reply(200, json.dumps({"keys": [dict(provider.keys[0].jwk(), use="enc")]}))


# name, fault, reason
FAULTS = [
    ("no discovery document", discovery(Reply(404, "{}")), "unreachable"),
    ("discovery: 500", discovery(Reply(500, "{}")), "unreachable"),
    ("discovery: 429", discovery(Reply(429, "{}")), "unreachable"),
    ("discovery: a redirect", redirect, "unreachable"),
    ("discovery: nothing", discovery(None), "unreachable"),
    ("discovery: empty", discovery(Reply(200, "")), "unreachable"),
    ("discovery: HTML", discovery(Reply(200, "<html>", "text/html")), "unreachable"),
    ("discovery: cut short", discovery(lambda provider: Reply(200, provider.metadata()[:-9])), "unreachable"),
    ("discovery: 100 KB", discovery(lambda provider: Reply(200, provider.metadata(more="x" * 100000))), "unreachable"),
    ("discovery: another issuer", metadata(issuer="https://other.example"), "config"),
    ("discovery: the issuer with a slash", discovery(
        lambda provider: Reply(200, provider.metadata(issuer=provider.url + "/"))), "config"),
    ("discovery: no issuer", metadata(issuer=None), "unreachable"),
    ("discovery: no jwks_uri", metadata(jwks_uri=None), "config"),
    ("discovery: keys at http", metadata(jwks_uri="http://127.0.0.1:9/keys"), "config"),
    ("discovery: keys at a file", metadata(jwks_uri="file:///etc/passwd"), "config"),
    ("too slow", slow, "unreachable"),
    ("keys: 500", keys(Reply(500, "{}")), "unreachable"),
    ("keys: a redirect", redirect_keys, "unreachable"),
    ("keys: nothing", keys(None), "unreachable"),
    ("keys: not JSON", keys(Reply(200, "{")), "unreachable"),
    ("keys: 304 unasked", keys(Reply(304, "")), "unreachable"),
    ("keys: 1 MB", keys(Reply(200, '{"keys":[],"x":"%s"}' % ("x" * 1000000))), "unreachable"),
    ("keys: none", keys(Reply(200, '{"keys":[]}')), "key"),
    ("keys: symmetric alone", symmetric, "key"),
    ("keys: for encryption alone", encryption_only, "key"),
]
STATUS = {"unreachable": 3, "config": 2, "key": 1}
# Failures are kept for 5 s, of which the rounding of times takes one
REST = 4


def faulty(fault, reason):
    def case(world):
        provider = fresh(world, timeout=SHORT if fault is slow else LONG)
        fault(provider)
        started = time.monotonic()
        refused(world, provider.token(), reason, status=STATUS[reason])
        # Not the time-out of those that answer
        expect(time.monotonic() - started < 20, "it took", time.monotonic() - started, "s")
        expect(not provider.count("/elsewhere"), "a redirect was followed")
        # libcurl asks once more where a kept connection ends without a word
        expect(len(provider.record) <= 3, "requests:", paths(provider))
        not_at_once(world, provider, reason)

    return case


def not_at_once(world, provider, reason):
    """The next process does not ask again within REST seconds, if it comes to ask so soon: a busy machine
    may need several tries for that."""
    for _ in range(5):
        seen = len(provider.record)
        started = time.monotonic()
        refused(world, provider.token(), reason, status=STATUS[reason])
        if time.monotonic() - started < REST:
            expect(len(provider.record) == seen, "asked again at once:", paths(provider))
            return
    expect(False, "no process of five came within", REST, "s")


for NAME, FAULT, REASON in FAULTS:
    suite.add("fault: " + NAME, faulty(FAULT, REASON))


@suite.case("fault: a certificate of another authority")
def other_authority(world):
    provider = fresh(world, ca=world.other_ca())
    refused(world, provider.token(), "unreachable", status=3)
    expect(not provider.record, paths(provider))


# -- sessions of Workfront -------------------------------------------------------------------------

def look_ups(world):
    return [r["endpoint"] for r in world.sandbox.requests()]


@suite.case("a session is accepted where the service says accept_unbound, by one look-up that is kept")
def unbound(world):
    fresh(world)
    token = session(world)
    for _ in range(3):
        accepted(world, token, service="session")
    expect(look_ups(world) == ["search"], look_ups(world))


@suite.case("without accept_unbound it is refused")
def bound(world):
    fresh(world)
    refused(world, session(world), "audience", service="bound")


@suite.case("a session that has ended is inactive")
def logged_out(world):
    fresh(world)
    token = session(world)
    accepted(world, token, service="session")
    call(world, "/attask/api/v20.0/logout", None, {"sessionID": token})
    forget()
    refused(world, token, "inactive", service="session")
    world.sandbox.run("requests", "--clear")
    refused(world, token, "inactive", service="session")
    expect(not look_ups(world), "asked again at once:", look_ups(world))


@suite.case("a local password, and all that does not match token_pattern, goes nowhere")
def password(world):
    fresh(world)
    world.sandbox.run("requests", "--clear")
    for text in ("a local Unix password", "0123456789abcdef", "g" * 32, "0" * 33, "0" * 31 + " ", "a.b.c", ""):
        refused(world, text, "malformed", service="session")
    expect(not look_ups(world), look_ups(world))


@suite.case("Workfront does not answer: unreachable, and for a while nobody asks again")
def workfront_down(world):
    fresh(world)
    token = session(world)
    world.sandbox.fault("search", "503")
    refused(world, token, "unreachable", status=3, service="session")
    rest()
    count = len(look_ups(world))
    refused(world, token, "unreachable", status=3, service="session")
    expect(len(look_ups(world)) == count, look_ups(world))


# -- many tokens -----------------------------------------------------------------------------------

class Lines:
    """`wfauth verify --lines` that goes on."""

    def __init__(self, world):
        self.process = subprocess.Popen(command(world, "verify", "-s", "imap", "--lines"), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.process.stdin.close()
        self.process.stdout.close()
        status = self.process.wait(240)
        expect(problem[0] or status == 0, "ended with", status)

    def ask(self, token):
        self.process.stdin.write(token + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def peak(self):
        """The most memory so far, in kilobytes."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])


def many(provider, count):
    """Tokens of all kinds, no two alike: three of four are good."""
    now = int(time.time())
    kinds = [{}, {"preferred_username": "bob"}, {"groups": ["g%d" % n for n in range(30)]}, {"exp": now - 100},
             {}, {"aud": ["urn:other", AUDIENCE]}, {"scope": "files mail"}, {"aud": "urn:other"}]
    return [provider.token(jti="%d" % number, **kinds[number % len(kinds)]) for number in range(count)]


@suite.case("100,000 tokens in one run: the rate, memory that stays, and the answers of single runs")
def hundred_thousand(world):
    provider = fresh(world)
    distinct = many(provider, 20000)
    with Lines(world) as lines:
        peaks, answers = [], []

        def feed():
            for _ in range(5):
                for token in distinct:
                    lines.process.stdin.write(token + "\n")
            lines.process.stdin.flush()

        started = time.monotonic()
        feeder = threading.Thread(target=feed)
        feeder.start()
        for number in range(5 * len(distinct)):
            answers.append(lines.process.stdout.readline().rstrip("\n"))
            if number % len(distinct) == len(distinct) - 1:
                peaks.append(lines.peak())
        feeder.join()
        seconds = time.monotonic() - started
    show("%d tokens, %d of them distinct, in %.1f s: %d a second; peaks of memory: %s KB" % (
        len(answers), len(distinct), seconds, len(answers) / seconds, peaks))
    for turn in range(1, 5):
        # How long ago a token expired is in the text
        expect(same(answers[:len(distinct)], answers[turn * len(distinct):(turn + 1) * len(distinct)]),
               "another answer in round", turn)
    # A sanitizer keeps freed memory for a while
    expect(world.sanitized or peaks[-1] - peaks[0] < 1024, "memory grows:", peaks)
    expect(len(provider.record) == 2, paths(provider))
    one_by_one(world, distinct, answers)


def plain(answer):
    return re.sub(r"expired \d+ s ago", "expired", answer)


def same(one, other):
    return [plain(answer) for answer in one] == [plain(answer) for answer in other]


def one_by_one(world, tokens, answers):
    """1000 of them, or 100 where a sanitizer makes each process slow."""
    count = 100 if world.sanitized else 1000
    for number in range(0, len(tokens), len(tokens) // count):
        verdict = verify(world, tokens[number])
        single = "accept " + verdict.out.strip() if verdict.status == 0 else "refuse " + verdict.err.strip().replace(": ", " ", 1)
        expect(plain(single) == plain(answers[number]), number, single, "alone, but among many", answers[number])


if __name__ == "__main__":
    sys.exit(main(suite, setup))
