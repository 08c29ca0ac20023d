"""The cases that hold at every door: sshd, sudo and su differ in how one knocks, not in who gets in.

A door has: service, hides (every refusal looks the same), silent (it shows no texts but prompts),
open(world, user) -> Terminal, and greeting(user), what is shown once the person is in.
"""

import json
import time
import urllib.parse

from harness import expect
from person import code_of
from world import DOMAIN, SHORT, UNIX_PASSWORD

# pam_unix's own prompt, and sudo's in its place
PASSWORD = "assword[^:]*: ?"
HIDDEN = "That did not sign you in: the code was wrong, used, older than two minutes, or not for this"
ADVICE = {
    "expired": "The code is wrong, used or older than two minutes.",
    "malformed": "That is not a code of this sign-in.",
    "issuer": "The answer comes from another sign-in service",
    "too-large": "What you entered is too long.",
    "identity": "You signed in as somebody else than the user asked for.",
    "inactive": "This account is not active.",
    "denied": "You are not allowed to use this service.",
}
# After these another answer may do better; elsewhere the sign-in is over (but not where all look alike).
MENDABLE = ("expired", "malformed", "issuer", "too-large", "identity")
# "The next module gets its turn" for PAM_AUTHINFO_UNAVAIL alone: anything else ends the stack.
FALLBACK = ("auth [success=done authinfo_unavail=ignore default=die] MODULE", "auth required pam_unix.so",
            "account required MODULE", "account required pam_unix.so", "session required pam_permit.so")


# -- what a person does --------------------------------------------------------------------------

def welcome(door, terminal, user="alice"):
    """The person is in."""
    terminal.wait(door.greeting(user))
    status, text = terminal.end()
    expect(status == 0, "signed in, but the program ended with", status, text[-300:])


def refused(door, terminal, user="alice"):
    """The program ends, and nothing of the greeting was shown. Returns all that was."""
    status, text = terminal.end()
    expect(door.greeting(user) not in text, "let in:", text[-400:])
    expect(status != 0, "refused, but the program ended with 0:", text[-400:])
    return text


def sign_in(world, prompt, user="alice"):
    return world.sandbox.sign_in(prompt.url, account_of(user))


def account_of(user):
    return user if "@" in user else "%s@%s" % (user, DOMAIN)


def log_in(world, door, user="alice", answer=code_of):
    """A whole sign-in with the answer made of the redirect; the first prompt."""
    terminal = door.open(world, user)
    prompt = terminal.prompt()
    terminal.answer(answer(sign_in(world, prompt, user)))
    welcome(door, terminal, user)
    return prompt


# -- answers ---------------------------------------------------------------------------------------

GOOD_ANSWERS = [
    ("the code", code_of),
    ("the whole address", lambda redirect: redirect),
    ("the code with blanks around", lambda redirect: "  \t " + code_of(redirect) + "  "),
    ("the address with blanks around", lambda redirect: "  " + redirect + " "),
    ("the query alone", lambda redirect: redirect.split("?", 1)[1]),
    ("the address with iss", lambda redirect: redirect + "&iss=" + urllib.parse.quote(
        "https://" + urllib.parse.urlsplit(redirect).netloc, safe="")),
]


def with_parameter(address, name, value):
    """The address with one parameter replaced; None removes it."""
    parts = urllib.parse.urlsplit(address)
    query = [pair for pair in urllib.parse.parse_qsl(parts.query, keep_blank_values=True) if pair[0] != name]
    if value is not None:
        query.append((name, value))
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))


def other_login(world, door, prompt):
    del prompt
    other = door.open(world, "alice")
    redirect = sign_in(world, other.prompt())
    other.close()
    return code_of(redirect)


def other_address(world, door, prompt):
    del prompt
    other = door.open(world, "alice")
    redirect = sign_in(world, other.prompt())
    other.close()
    return redirect


def expired_code(world, door, prompt):
    del door
    world.sandbox.restart("--code-lifetime", "1")
    redirect = sign_in(world, prompt)
    time.sleep(2.1)
    world.sandbox.restart()
    return code_of(redirect)


# name, answer(world, door, prompt), reason
BAD_ANSWERS = [
    ("a wrong code", lambda w, d, p: "0123456789abcdef0123456789abcdef", "expired"),
    ("nothing", lambda w, d, p: "", "malformed"),
    ("blanks", lambda w, d, p: "   ", "malformed"),
    ("a blank inside the code", lambda w, d, p: code_of(sign_in(w, p)).replace("", " ", 2).strip(), "malformed"),
    ("an expired code", expired_code, "expired"),
    ("the code of another login", other_login, "expired"),
    ("the address of another login", other_address, "malformed"),
    ("a changed state", lambda w, d, p: with_parameter(sign_in(w, p), "state", "x" * 40), "malformed"),
    ("no state", lambda w, d, p: with_parameter(sign_in(w, p), "state", None), "malformed"),
    ("two codes", lambda w, d, p: sign_in(w, p) + "&code=1", "malformed"),
    ("another issuer", lambda w, d, p: with_parameter(sign_in(w, p), "iss", "https://evil.example"), "issuer"),
    ("no code", lambda w, d, p: with_parameter(sign_in(w, p), "code", None), "malformed"),
    ("another error", lambda w, d, p: with_parameter(with_parameter(
        sign_in(w, p), "code", None), "error", "temporarily_unavailable"), "expired"),
    ("access denied", lambda w, d, p: w.sandbox.sign_in(p.url, account_of("alice"), "--deny"), "denied"),
    ("a format string", lambda w, d, p: "%s%s%n%n", "expired"),
    ("the Unix password", lambda w, d, p: UNIX_PASSWORD, "malformed"),
]


def check_next_prompt(door, first, second, reason):
    """What the prompt after a refused answer says."""
    wanted = HIDDEN if door.hides else ADVICE[reason]
    lines = [line for line in second.head.splitlines() if line.strip()]
    expect(any(wanted in line for line in lines[:2]), "the next prompt begins with", repr(second.head[:200]))
    expect(second.url != first.url, "the next prompt shows the same address")
    expect(second.parameter("state") != first.parameter("state"), "the same state twice")
    expect(second.parameter("code_challenge") != first.parameter("code_challenge"), "the same verifier twice")


def bad_then_good(door, answer, reason):
    def case(world):
        terminal = door.open(world, "alice")
        first = terminal.prompt()
        terminal.answer(answer(world, door, first))
        if reason in MENDABLE or door.hides:
            second = terminal.prompt()
            check_next_prompt(door, first, second, reason)
            expect(verdicts(world)[-1:] == [("refuse", reason)], "decisions:", verdicts(world))
            terminal.answer(code_of(sign_in(world, second)))
            welcome(door, terminal)
            expect(verdicts(world)[-1] == ("accept", None), "decisions:", verdicts(world))
        else:
            text = refused(door, terminal)
            expect(door.silent or ADVICE[reason] in text, "the person reads", repr(text[-300:]))
            world.decision("refuse", reason)
    return case


def verdicts(world, action="sign-in"):
    return [(line["verdict"], line.get("reason")) for line in world.audit(action)
            if line.get("reason") != "pending"]


def add_answers(suite, door):
    for name, answer in GOOD_ANSWERS:
        def case(world, answer=answer):
            log_in(world, door, answer=answer)
            world.decision("accept")
        suite.add("pasted: " + name, case)
    for name, answer, reason in BAD_ANSWERS:
        suite.add("pasted: %s, then the right code" % name, bad_then_good(door, answer, reason))


# -- people ----------------------------------------------------------------------------------------

def person(**members):
    """What the user look-up answers, as the argument of `fault set search json --arg`."""
    row = {"ID": "u-1", "username": "alice@" + DOMAIN, "emailAddr": "alice@" + DOMAIN, "isActive": True,
           "homeGroupID": "g-1", "homeGroup": {"name": "Staff"}, "roles": [{"ID": "r-1", "name": "Operator"}]}
    row.update(members)
    return json.dumps({"data": [{name: value for name, value in row.items() if value is not None}]})


def named(name):
    return person(username=name, emailAddr=name)


# name, what the look-up answers, reason; None: let in
PEOPLE = [
    ("the person", person(), None),
    ("upper case", named("ALICE@ACME.Example"), None),
    ("no user name, but an e-mail address", person(username=None), None),
    ("somebody else", named("bob@" + DOMAIN), "identity"),
    ("an inactive account", person(isActive=False), "inactive"),
    ("inactive and somebody else", person(isActive=False, username="bob@" + DOMAIN), "inactive"),
    ("another domain", named("alice@elsewhere.example"), "identity"),
    ("no domain", named("alice"), "identity"),
    ("the domain twice", named("alice@%s@%s" % (DOMAIN, DOMAIN)), "identity"),
    ("a longer domain", named("alice@%s.evil.example" % DOMAIN), "identity"),
    ("root", named("root@" + DOMAIN), "identity"),
    ("a newline", named("alice\n@" + DOMAIN), "identity"),
    ("a newline and another name", named("alice@%s\nroot" % DOMAIN), "identity"),
    ("a NUL", person(username="alice\0@" + DOMAIN), "unreachable"),
    ("a path", named("../alice@" + DOMAIN), "identity"),
    ("an escape sequence", named("\x1b[2Jalice@" + DOMAIN), "identity"),
    ("a direction mark", named("alice\u202e@" + DOMAIN), "identity"),
    ("a letter that looks alike", named("\u0430lice@" + DOMAIN), "identity"),
    ("a letter that folds to ASCII", named("al\u0131ce@" + DOMAIN), "identity"),
    ("an overlong name", named("a" * 300 + "@" + DOMAIN), "identity"),
    ("an overlong claim", named("a" * 5000 + "@" + DOMAIN), "identity"),
    ("a hyphen in front", named("-alice@" + DOMAIN), "identity"),
    ("a blank", named("alice @" + DOMAIN), "identity"),
    ("a colon", named("alice:x@" + DOMAIN), "identity"),
    ("an empty name", person(username="", emailAddr=""), "identity"),
    ("no name at all", person(username=None, emailAddr=None), "identity"),
    ("a number as name", person(username=7), "unreachable"),
    ("an array as name", person(username=["alice@" + DOMAIN]), "unreachable"),
    ("isActive as text", person(isActive="true"), "unreachable"),
    ("isActive as a number", person(isActive=1), "unreachable"),
    ("no isActive", person(isActive=None), "unreachable"),
    ("no ID", person(ID=None), "unreachable"),
    ("no row", '{"data":[]}', "identity"),
    ("two rows", json.dumps({"data": json.loads(person())["data"] * 2}), "identity"),
    ("a row that is no object", '{"data":["alice@%s"]}' % DOMAIN, "unreachable"),
    ("data as an object", '{"data":{}}', "unreachable"),
    ("no data", "{}", "unreachable"),
    ("an error class", '{"error":{"class":"com.attask.common.Evil\\u001b[31m","message":"no"}}', "unreachable"),
    ("isActive twice", person().replace('"isActive": true', '"isActive": true, "isActive": true'), "unreachable"),
]


def judged(door, reason, prepare, user="alice"):
    """A sign-in whose code is right; prepare(world) says what is special. reason None: let in."""
    def case(world):
        prepare(world)
        world.pam(door.service, *FALLBACK)
        terminal = door.open(world, user)
        prompt = terminal.prompt()
        terminal.answer(code_of(sign_in(world, prompt, "alice")))
        if reason is None:
            welcome(door, terminal, user)
            world.decision("accept")
            return
        if reason == "unreachable":
            fall_through(door, terminal, user)
        elif reason in MENDABLE or door.hides:
            second = terminal.prompt()
            check_next_prompt(door, prompt, second, reason)
            terminal.close()
        else:
            refused(door, terminal, user)
        expect(verdicts(world)[:1] == [("refuse", reason)], "decisions:", verdicts(world))
    return case


def fall_through(door, terminal, user="alice"):
    """pam_unix gets its turn, within a bounded time: that of a long time-out is none."""
    start = time.monotonic()
    terminal.wait(PASSWORD)
    expect(time.monotonic() - start < 20, "the next module waited", time.monotonic() - start, "s")
    terminal.answer(UNIX_PASSWORD)
    welcome(door, terminal, user)


def add_people(suite, door):
    for name, answer, reason in PEOPLE:
        suite.add("look-up: " + name, judged(
            door, reason, lambda world, answer=answer: world.sandbox.fault("search", "json", "--arg", answer)))


# -- faults ----------------------------------------------------------------------------------------

def token(**members):
    row = {"token_type": "sessionID", "access_token": "e2e-known-access-token", "expires_in": 0, "wid": "w",
           "refresh_token": "e2e-known-refresh-token"}
    row.update(members)
    return json.dumps({name: value for name, value in row.items() if value is not None})


# name, what the token endpoint answers, reason; the look-up then answers well
TOKENS = [
    ("a session", token(), None),
    ("a bearer token", token(token_type="Bearer", expires_in=3600), None),
    ("expires_in absent", token(expires_in=None), None),
    ("expires_in negative", token(expires_in=-1), None),
    ("expires_in absurd", token(expires_in=10 ** 15), None),
    ("expires_in over 64 bits", token().replace('"expires_in": 0', '"expires_in": 1' + "0" * 30), "unreachable"),
    ("expires_in as text", token(expires_in="3600"), None),
    ("expires_in as a fraction", token(expires_in=0.5), None),
    ("no access token", token(access_token=None), "unreachable"),
    ("an empty access token", token(access_token=""), "unreachable"),
    ("a number as access token", token(access_token=1), "unreachable"),
    ("a newline in the access token", token(access_token="a\r\nsessionID: b"), "unreachable"),
    ("a NUL in the access token", token(access_token="a\0b"), "unreachable"),
    ("a huge access token", token(access_token="a" * 100000), "unreachable"),
    ("no token type", token(token_type=None), "unreachable"),
    ("another token type", token(token_type="mac"), "unreachable"),
    ("the access token twice", token().replace("{", '{"access_token": "x", ', 1), "unreachable"),
    ("an array", "[" + token() + "]", "unreachable"),
    ("text behind", token() + "x", "unreachable"),
    ("deep nesting", '{"a":' * 5000 + "1" + "}" * 5000, "unreachable"),
]

# endpoint, kind, options, reason
FAULTS = [
    ("token", "delay", ["--arg", "300"], None),
    ("search", "delay", ["--arg", "300"], None),
    ("token", "hang", [], "unreachable"),
    ("search", "hang", [], "unreachable"),
    ("token", "401", [], "config"),
    ("search", "401", [], "inactive"),
    ("token", "429", ["--arg", "7"], "unreachable"),
    ("search", "429", ["--arg", "none"], "unreachable"),
    ("token", "500", [], "unreachable"),
    ("search", "500", [], "unreachable"),
    ("token", "503", [], "unreachable"),
    ("search", "503", [], "unreachable"),
    ("token", "truncated", [], "unreachable"),
    ("search", "truncated", [], "unreachable"),
    ("token", "oversized", [], "unreachable"),
    ("search", "oversized", [], "unreachable"),
    ("token", "endless", [], "unreachable"),
    ("token", "drip", ["--arg", "200"], "unreachable"),
    ("token", "wrong-type", [], "unreachable"),
    ("search", "wrong-type", [], "unreachable"),
    ("token", "not-json", [], "unreachable"),
    ("search", "not-json", [], "unreachable"),
    ("token", "empty", [], "unreachable"),
    ("search", "empty", [], "unreachable"),
    ("token", "drop", [], "unreachable"),
    ("search", "drop", [], "unreachable"),
    ("token", "redirect", ["--arg", "https://127.0.0.1:1/"], "unreachable"),
    ("search", "redirect", ["--arg", "/"], "unreachable"),
]


def known_token(world, answer):
    world.sandbox.fault("token", "json", "--arg", answer)
    world.sandbox.fault("search", "json", "--arg", person())


def add_faults(suite, door, wanted=lambda endpoint, kind: True):
    for endpoint, kind, options, reason in FAULTS:
        def prepare(world, fault=(endpoint, kind, *options)):
            if fault[1] in ("hang", "drip"):
                world.configure({"timeout": SHORT})
            world.sandbox.fault(*fault)
        if wanted(endpoint, kind):
            suite.add("fault: %s %s" % (endpoint, kind), judged(door, reason, prepare))


def add_tokens(suite, door):
    for name, answer, reason in TOKENS:
        suite.add("token answer: " + name, judged(
            door, reason, lambda world, answer=answer: known_token(world, answer)))


# -- configuration ---------------------------------------------------------------------------------

BROKEN = [
    ("no file", lambda world, path: None),
    ("an empty file", lambda world, path: ("", 0o644)),
    ("not INI", lambda world, path: ("\x7fELF\x02\n", 0o644)),
    ("an unknown key", lambda world, path: (good_text(path) + "allow_everyone = yes\n", 0o644)),
    ("a bad value", lambda world, path: (good_text(path) + "min_uid = -1\n", 0o644)),
    ("a file others can write", lambda world, path: (good_text(path), 0o666)),
    ("no provider", lambda world, path: ("[service *]\nusername = username\n", 0o644)),
    ("an unknown provider", lambda world, path: (good_text(path).replace("= acme\n", "= other\n"), 0o644)),
    ("plain http", lambda world, path: (good_text(path).replace("url = https:", "url = http:"), 0o644)),
]


def good_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


STACKS = {
    "required": ("auth required MODULE", "auth required pam_permit.so"),
    "sufficient": ("auth sufficient MODULE", "auth required pam_deny.so"),
    "optional": ("auth optional MODULE",),
}


def add_broken(suite, door, refusal):
    """A faulty configuration lets nobody in and asks nobody anything, whatever the control word.
    refusal(world): knock and see the refusal."""
    rest = ("account required pam_permit.so", "session required pam_permit.so")
    for name, make in BROKEN:
        for control, stack in STACKS.items():
            def case(world, make=make, stack=stack):
                world.replace_conf(make(world, world.conf))
                world.pam(door.service, *stack, *rest)
                refusal(world)
                expect(any("config" in line for line in world.log_lines()), "the log says nothing of it")
            suite.add("configuration: %s (%s)" % (name, control), case)

    def account(world):
        world.replace_conf(None)
        world.pam(door.service, "auth required pam_permit.so", "account required MODULE",
                  "account required pam_permit.so", "session required pam_permit.so")
        refusal(world)
    suite.add("configuration: no file (account)", account)


# -- who may ---------------------------------------------------------------------------------------

# name, keys of [service *], what the look-up answers, reason. `unset`: the default key is left out.
POLICIES = [
    ("strip_domain missing: the whole address is no local name", {"strip_domain": None}, person(), "identity"),
    ("username_regex fits", {"strip_domain": None, "username_regex": "^([a-z]+)@acme[.]example$"}, person(), None),
    ("username_regex fits a part alone", {"strip_domain": None, "username_regex": "([a-z]+)@acme"}, person(),
     "identity"),
    ("username by e-mail", {"username": "emailAddr"}, person(username="x@elsewhere.example"), None),
    ("the first claim counts", {"username": "emailAddr, username"}, person(emailAddr="bob@" + DOMAIN), "identity"),
    ("map_file names the person", {"map_file": "MAP"}, named("boss@elsewhere.example"), None),
    ("map_file names somebody else", {"map_file": "MAP"}, named("other@elsewhere.example"), "identity"),
    ("allow_users names the user", {"allow_users": "bob, alice"}, person(), None),
    ("allow_users names others", {"allow_users": "bob, carol"}, person(), "denied"),
    ("allow_users by group", {"allow_users": "bob, homeGroupID:g-1"}, person(), None),
    ("allow_users by another group", {"allow_users": "homeGroupID:g-2"}, person(), "denied"),
    ("deny_users names the user", {"deny_users": "alice"}, person(), "denied"),
    ("deny_users names others", {"deny_users": "bob"}, person(), None),
    ("deny_users by group", {"deny_users": "homeGroupID:g-1"}, person(), "denied"),
    ("deny before allow", {"allow_users": "alice", "deny_users": "homeGroupID:g-1"}, person(), "denied"),
    ("require fits", {"require": "homeGroupID:g-1"}, person(), None),
    ("require another group", {"require": "homeGroupID:g-2"}, person(), "denied"),
    ("require, and the claim is absent", {"require": "homeGroupID:g-1"}, person(homeGroupID=None), "denied"),
    ("require a role by ID", {"require": "roleIDs:r-1"}, person(), None),
    ("require two, one is missing", {"require": "homeGroupID:g-1, roleIDs:r-2"}, person(), "denied"),
    ("a display name that looks like the ID", {"require": "homeGroupID:g-1"},
     person(homeGroupID="g-9", homeGroup={"name": "g-1"}), "denied"),
    ("require_name fits", {"require_name": "homeGroup:Staff"}, person(), None),
    ("require_name another", {"require_name": "homeGroup:Admins"}, person(), "denied"),
    ("min_uid above the user", {"min_uid": "1502"}, person(), "identity"),
    ("min_uid at the user", {"min_uid": "1501"}, person(), None),
    ("max_uid below the user", {"max_uid": "1500"}, person(), "identity"),
]


def add_policies(suite, door):
    for name, keys, answer, reason in POLICIES:
        def case(world, keys=keys, answer=answer, reason=reason):
            keys = {key: value.replace("MAP", world.map_file) if value else value for key, value in keys.items()}
            world.configure(service=keys)
            world.sandbox.fault("search", "json", "--arg", answer)
            terminal = door.open(world, "alice")
            terminal.answer(code_of(sign_in(world, terminal.prompt())))
            if reason is None:
                welcome(door, terminal)
                world.decision("accept")
            elif reason in MENDABLE:
                terminal.wait("(Open this address|failure)")
                world.decision("refuse", reason)
            else:
                refused(door, terminal)
                world.decision("refuse", reason)
        suite.add("policy: " + name, case)
