"""Cyrus IMAP, with its POP3 and LMTP servers: both mechanisms, proxies, outages, long tokens, a rotation,
sessions of Workfront."""

import base64
import concurrent.futures
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import mail  # noqa: E402
from bearer import Key  # noqa: E402
from cyrusimap import (MECHANISMS, PROTOCOLS, Imap, Lmtp, Pop, accepted, exchange, refused, setup, sign_in,  # noqa: E402
                       token_for)
from harness import Suite, expect, show  # noqa: E402
from session import session  # noqa: E402
from world import DOMAIN, main, write  # noqa: E402

suite = Suite()


# -- servers ---------------------------------------------------------------------------------------

def valid(protocol, mechanism, initial):
    def case(world):
        world.site.reset()
        accepted(world, protocol, mechanism, token_for(world, protocol), initial=initial)
        line = world.decision("accept", action="token")
        for name, value in (("service", protocol.service), ("user", protocol.user), ("rhost", "127.0.0.1")):
            expect(line.get(name) == value, name, "is", line.get(name), "in", line["line"])

    return case


def refusals(protocol, mechanism):
    def case(world):
        world.site.reset()
        for number, (_, token, bearer, xoauth2) in enumerate(world.site.refusals()):
            world.mark = world.log.mark()
            status = xoauth2 if mechanism == "XOAUTH2" else bearer
            refused(world, protocol, mechanism, token, status, initial=number % 2 == 0)
            line = world.decision("refuse", action="token")
            expect(line.get("service") == protocol.service, line["line"])
        accepted(world, protocol, mechanism, token_for(world, protocol))

    return case


for PROTOCOL in PROTOCOLS:
    for MECHANISM in MECHANISMS:
        suite.add("%s: %s with an initial response" % (PROTOCOL.name, MECHANISM), valid(PROTOCOL, MECHANISM, True))
        suite.add("%s: %s without one" % (PROTOCOL.name, MECHANISM), valid(PROTOCOL, MECHANISM, False))
        suite.add("%s: %s refuses, and says why" % (PROTOCOL.name, MECHANISM), refusals(PROTOCOL, MECHANISM))



@suite.case("imap: before TLS nothing is offered, and nothing is taken")
def before_tls(world):
    world.site.reset()
    token = world.site.token()
    with Imap(1143, tls=False).connect(world.site) as line:
        said = line.ask("c CAPABILITY")
        expect(" STARTTLS" in said and " AUTH=" not in said, said)
        line.read()
        said = line.ask("a AUTHENTICATE OAUTHBEARER " + mail.oauthbearer(token))
        expect(said.startswith("a NO ") and not world.audit("token"), said)


@suite.case("imap: an empty initial response stands for none")
def empty_initial(world):
    world.site.reset()
    with Imap().connect(world.site) as line:
        expect(line.ask("a AUTHENTICATE OAUTHBEARER =") == "+ ", "no question for the message")
        said = line.ask(mail.oauthbearer(world.site.token()))
        expect(said.startswith("a OK "), said)


@suite.case("imap: after the JSON neither a good token nor a cancellation lets in; the next try does")
def after_the_error(world):
    world.site.reset()
    token, good = world.site.token(aud="urn:web"), world.site.token()
    world.sandbox.secrets += [token, good]
    imap = Imap()
    with imap.connect(world.site) as line:
        for mechanism in MECHANISMS:
            for then, end in ((mail.message(mechanism, good, "alice"), "a NO "), ("", "a NO "), ("*", "a BAD ")):
                answer = exchange(line, imap, mechanism, mail.message(mechanism, token, "alice"), then=then)
                expect(answer.error and answer.last.startswith(end), mechanism, "and then", then[:20], answer)
        answer = exchange(line, imap, "OAUTHBEARER", mail.oauthbearer(good))
        expect(answer.accepted, answer)


# whose token, whom to act as, who that is, or None: denied
PROXIES = [
    ("the user's own name", "alice", "alice", "alice"),
    ("the own name with the domain", "alice", "alice@" + DOMAIN, "alice"),
    ("the own name in capitals", "alice", "ALICE", "alice"),
    ("a proxy server for alice", "webmail", "alice", "alice"),
    ("alice for bob", "alice", "bob", None),
    ("bob for webmail", "bob", "webmail", None),
    ("alice for her namesake elsewhere", "alice", "alice@elsewhere.example", None),
]


def proxy(whose, user, name):
    def case(world):
        world.site.reset()
        token = world.site.token(preferred_username="%s@%s" % (whose, DOMAIN))
        for protocol in (Imap(), Pop()):
            for mechanism in MECHANISMS:
                if name:
                    accepted(world, protocol, mechanism, token, user, name)
                else:
                    refused(world, protocol, mechanism, token, None, user)
        forged = token[:-8] + "A" * 8
        refused(world, Imap(), "OAUTHBEARER", forged, "invalid_token", user)

    return case


for NAME, WHOSE, USER, WHO in PROXIES:
    suite.add("acting as: " + NAME, proxy(WHOSE, USER, WHO))


@suite.case("the provider is down: unavailable, no JSON, never a wrong password; known keys still serve")
def outage(world):
    site = world.site
    site.reset()
    good = {protocol: token_for(world, protocol) for protocol in PROTOCOLS}
    site.provider.stop()
    try:
        for protocol in PROTOCOLS:
            for mechanism in MECHANISMS:
                world.mark = world.log.mark()
                answer = refused(world, protocol, mechanism, good[protocol], None)
                # lmtpd has the same words for whatever fails
                expect(protocol.name == "lmtp" or answer.last.endswith("remote authentication server unavailable"),
                       protocol.name, answer)
                world.decision("refuse", "unreachable", action="token")
    finally:
        site.provider.start()
    site.forget()
    for protocol in PROTOCOLS:
        accepted(world, protocol, "OAUTHBEARER", good[protocol])
    site.provider.stop()
    try:
        for protocol in PROTOCOLS:
            accepted(world, protocol, "OAUTHBEARER", good[protocol])
    finally:
        site.provider.start()


@suite.case("without wfauth.conf nothing is offered and nothing logged; a faulty one is logged")
def unconfigured(world):
    site = world.site
    site.reset()
    os.unlink(world.conf)
    for offered in (False, False, True):
        mark = world.log.mark()
        with Imap().connect(site) as line:
            said = line.ask("c CAPABILITY")
            expect(("AUTH=OAUTHBEARER" in said) == offered, said)
        lines = [text for text in world.log.since(mark) if "oauthbearer" in text]
        if os.path.exists(world.conf):
            expect(offered == (not lines), lines)
            site.reset()
        else:
            expect(not lines, lines)
            write(world.conf, "[provider staff]\ntype = oidc\nurl = nowhere\n", 0o644)


# -- long tokens -----------------------------------------------------------------------------------

# protocol, with an initial response, the longest that passes. pop3d takes lines of 8 KB and lmtpd of 4 KB,
# of which base64 leaves three quarters; what a client sends when asked for it has no such bound.
SIZES = (2000, 4000, 8000, 16000)
LONGEST = [(Imap(), True, 16000), (Imap(), False, 16000), (Pop(), True, 4000), (Pop(), False, 16000),
           (Lmtp(), True, 2000), (Lmtp(), False, 16000)]


def sizes(protocol, initial, longest):
    def case(world):
        world.site.reset()
        bare = len(token_for(world, protocol, pad=""))
        for size in SIZES:
            token = token_for(world, protocol, pad="x" * ((size - bare) * 3 // 4))
            world.mark = world.log.mark()
            answer = sign_in(world, protocol, "OAUTHBEARER", token, initial=initial)
            if size <= longest:
                expect(answer.accepted, len(token), "bytes:", answer)
            else:
                # The token did not arrive
                expect(answer.refused and not answer.error and not world.audit("token"), len(token), "bytes:", answer)

    return case


for PROTOCOL, INITIAL, SIZE in LONGEST:
    suite.add("%s: tokens of up to %d KB %s an initial response" % (
        PROTOCOL.name, SIZE // 1000, "with" if INITIAL else "without"), sizes(PROTOCOL, INITIAL, SIZE))


@suite.case("imap: a token above max_token is refused as too large")
def too_large(world):
    world.site.reset("max_token = 4096\n")
    accepted(world, Imap(), "OAUTHBEARER", world.site.long_token(4000))
    world.mark = world.log.mark()
    refused(world, Imap(), "OAUTHBEARER", world.site.long_token(4200), "invalid_token")
    world.decision("refuse", "too-large", action="token")


# -- processes that stay ---------------------------------------------------------------------------

MANY = Imap(2143, tls=False)
THREADS = 4


def sign_in_often(world, count, make):
    """So many sign-ins at the processes that stay, some at once: how many were accepted."""
    def one(number):
        token = make(number)
        with MANY.connect(world.site) as line:
            return exchange(line, MANY, "OAUTHBEARER", mail.oauthbearer(token)).accepted

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(one, range(count)))


def processes(lines):
    return {found.group(1) for found in (re.search(r"/many\[(\d+)\]: login: ", line) for line in lines) if found}


@suite.case("imap: processes that stay follow a rotation, with one fetch for all of them")
def rotation(world):
    site = world.site
    site.reset()
    old, new = site.provider.first, Key("second")
    accepted(world, Imap(), "OAUTHBEARER", site.token())
    site.age(60)
    world.master.restart()
    world.mark = world.log.mark()
    expect(sign_in_often(world, 48, lambda number: site.token(key=old)) == 48, "not all were accepted before")
    staying = processes(world.log_lines())
    expect(len(staying) > 1, "one process took them all", staying)
    site.provider.clear()
    site.provider.keys = [new]
    world.mark = world.log.mark()
    expect(sign_in_often(world, 96, lambda number: site.token(key=new)) == 96, "not all were accepted after")
    expect(processes(world.log_lines()) & staying, "others than before")
    fetched = site.provider.count("/keys")
    show("%d processes, %d fetch of the keys" % (len(processes(world.log_lines())), fetched))
    expect(fetched == 1, "fetches:", fetched)
    expect(sign_in_often(world, 48, lambda number: site.token(key=old)) == 0, "the old key still lets in")
    expect(site.provider.count("/keys") == 1, "whoever sends tokens makes us ask")


# -- sessions of Workfront -------------------------------------------------------------------------

WORKFRONT = """
[provider acme]
type = workfront
url = %(url)s
ca_file = %(ca)s
timeout = 30s
token_pattern = [0-9a-f]{32}
username = username
strip_domain = %(domain)s

[service imap]
provider = acme
flow = token
audience = urn:mail
%(more)s
"""


def opaque(world, more):
    world.site.reset()
    write(world.conf, WORKFRONT % {"url": world.sandbox.url, "ca": world.ca, "domain": DOMAIN, "more": more}, 0o644)
    return session(world)


@suite.case("imap: a session of Workfront is refused where the service does not say accept_unbound")
def bound(world):
    token = opaque(world, "")
    for mechanism in MECHANISMS:
        world.mark = world.log.mark()
        answer = sign_in(world, Imap(), mechanism, token)
        expect(answer.refused and answer.error, answer)
        said = json.loads(base64.b64decode(answer.error))
        expect(said["status"] == ("401" if mechanism == "XOAUTH2" else "invalid_token"), said)
        world.decision("refuse", "audience", action="token")


@suite.case("imap: with accept_unbound it is accepted: 1000 sign-ins of one user, few look-ups")
def unbound(world):
    token = opaque(world, "accept_unbound = yes")
    for mechanism in MECHANISMS:
        accepted(world, Imap(), mechanism, token)
    world.site.forget()
    world.sandbox.clear()
    world.master.restart()
    started = time.monotonic()
    world.mark = world.log.mark()
    expect(sign_in_often(world, 1000, lambda number: token) == 1000, "not all were accepted")
    logged = sum(" alice OAUTHBEARER User logged in" in line for line in world.log_lines())
    expect(logged == 1000, "lines of a login:", logged)
    asked = [request["endpoint"] for request in world.sandbox.requests()]
    show("1000 sign-ins, %d look-ups at Workfront, %.1f s" % (len(asked), time.monotonic() - started))
    expect(set(asked) == {"search"} and len(asked) <= THREADS, asked)


if __name__ == "__main__":
    sys.exit(main(suite, setup))
