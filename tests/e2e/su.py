"""su: bob becomes alice by signing in as alice. The fastest door, so the full tables run here, and in
su_people.py."""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cases  # noqa: E402
from cases import log_in, refused, sign_in, verdicts, welcome  # noqa: E402
from harness import Suite, expect, within  # noqa: E402
from person import code_of  # noqa: E402
from world import DOMAIN, UNIX_PASSWORD, leftovers, main, write  # noqa: E402

suite = Suite()


class Su:
    service = "su"
    hides = False
    silent = False

    @staticmethod
    def open(world, user):
        return world.as_user("bob", "/usr/bin/su", user, "-c", "echo WELCOME-$(id -un)")

    @staticmethod
    def greeting(user):
        return "WELCOME-" + user


door = Su()


def setup(world):
    del world
    # Else su waits a second after each refusal
    with open("/etc/login.defs", "a", encoding="ascii") as file:
        file.write("FAIL_DELAY 0\n")


@suite.case("the first prompt says who signs in where, and the address")
def first_prompt(world):
    prompt = door.open(world, "alice").prompt()
    for word in ("alice", "wfhost", "su", "Workfront"):
        expect(word in prompt.head, word, "is not in", repr(prompt.head))
    lines = prompt.text.splitlines()
    expect(prompt.url in lines, "the address does not stand alone on its line:", repr(prompt.text))
    expect("2 minutes" in prompt.text, "the prompt does not say how long the code lives")
    expect(prompt.url.startswith(world.sandbox.url + "/integrations/oauth2/authorize?"), prompt.url)
    wanted = {"client_id": world.spa, "redirect_uri": world.callback, "response_type": "code",
              "code_challenge_method": "S256"}
    for name, value in wanted.items():
        expect(prompt.parameter(name) == value, name, "is", prompt.parameter(name))
    expect(len(prompt.parameter("code_challenge")) == 43, "code_challenge:", prompt.parameter("code_challenge"))
    expect(len(prompt.parameter("state")) >= 22, "state:", prompt.parameter("state"))


@suite.case("PKCE without a secret: two requests on one connection, none before the answer")
def two_requests(world):
    terminal = door.open(world, "alice")
    prompt = terminal.prompt()
    redirect = sign_in(world, prompt)
    world.sandbox.run("requests", "--clear")
    terminal.answer(code_of(redirect))
    welcome(door, terminal)
    record = world.sandbox.requests()
    expect([r["endpoint"] for r in record] == ["token", "search"], "requests:", record)
    expect(len({r["connection"] for r in record}) == 1, "more than one connection:", record)


@suite.case("web application with a secret")
def with_secret(world):
    world.configure({"client_id": world.web, "client_secret_file": world.secret_file})
    log_in(world, door)
    world.decision("accept")


@suite.case("web application with a wrong secret: refused, and the log names the cause")
def wrong_secret(world):
    wrong = world.secret_file + ".wrong"
    write(wrong, "not-the-secret\n", 0o600)
    world.configure({"client_id": world.web, "client_secret_file": wrong})
    terminal = door.open(world, "alice")
    terminal.answer(code_of(sign_in(world, terminal.prompt())))
    refused(door, terminal)
    line = world.decision("refuse", "config")
    expect("client_secret_file" in line["line"], "the log does not name the key:", line["line"])
    expect("not-the-secret" not in line["line"], "the log holds the secret")


@suite.case("a secret file that others can read: refused, and the log says what to type")
def open_secret(world):
    for mode, allowed in ((0o640, False), (0o604, False), (0o400, True)):
        world.mark = world.log.mark()
        os.chmod(world.secret_file, mode)
        world.configure({"client_id": world.web, "client_secret_file": world.secret_file})
        try:
            if allowed:
                log_in(world, door)
                continue
            os.chown(world.secret_file, 0, 12)
            terminal = door.open(world, "alice")
            refused(door, terminal)
            expect("Open this address" not in terminal.text, "a prompt in spite of it")
            expect(any("chmod" in line and world.secret_file in line for line in world.log_lines()),
                   "the log does not say what to type:", world.log_lines())
            expect(not world.sandbox.requests(), "requests:", world.sandbox.requests())
        finally:
            os.chown(world.secret_file, 0, 0)
            os.chmod(world.secret_file, 0o600)


@suite.case("a used code, of an application that binds no code to a verifier")
def used_code(world):
    world.configure({"client_id": world.loose, "client_secret_file": world.loose_secret_file})
    terminal = door.open(world, "alice")
    code = code_of(sign_in(world, terminal.prompt()))
    terminal.answer(code)
    welcome(door, terminal)
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.answer(code)
    second = terminal.prompt()
    expect(cases.ADVICE["expired"] in second.head, "the next prompt begins with", second.head)
    expect(verdicts(world) == [("accept", None), ("refuse", "expired")], verdicts(world))


@suite.case("three wrong answers are all")
def three(world):
    terminal = door.open(world, "alice")
    seen = set()
    for i in range(3):
        seen.add(terminal.prompt().url)
        terminal.answer("wrong-%d" % i)
    text = refused(door, terminal)
    expect(len(seen) == 3, "addresses:", seen)
    expect(text.count("Open this address") == 3, "prompts:", text.count("Open this address"))
    expect(verdicts(world) == [("refuse", "expired")] * 3, verdicts(world))


@suite.case("another person's code is no good at the next prompt either, the right one is")
def mend_identity(world):
    terminal = door.open(world, "alice")
    terminal.answer(code_of(sign_in(world, terminal.prompt(), "bob")))
    second = terminal.prompt()
    expect(cases.ADVICE["identity"] in second.head, second.head)
    terminal.answer(code_of(sign_in(world, second)))
    welcome(door, terminal)
    expect(verdicts(world) == [("refuse", "identity"), ("accept", None)], verdicts(world))


@suite.case("an account made inactive between code and answer")
def inactive(world):
    """Workfront's documentation does not say where that shows; both ways are refused."""
    for options, reason in (((), "expired"), (("--lenient-inactive",), "inactive")):
        world.mark = world.log.mark()
        world.sandbox.restart(*options)
        world.sandbox.run("user", "edit", "carol@" + DOMAIN, "--active")
        terminal = door.open(world, "carol")
        redirect = sign_in(world, terminal.prompt(), "carol")
        world.sandbox.run("user", "edit", "carol@" + DOMAIN, "--inactive")
        try:
            terminal.answer(code_of(redirect))
            terminal.wait(re.escape(cases.ADVICE[reason]))
            world.decision("refuse", reason)
            expect(door.greeting("carol") not in terminal.text, "let in")
        finally:
            world.sandbox.run("user", "edit", "carol@" + DOMAIN, "--active")
            world.sandbox.restart()


@suite.case("an inactive account does not come in by its Unix password either")
def inactive_by_password(world):
    world.pam("su", "auth sufficient MODULE", "auth sufficient pam_unix.so", "account required MODULE",
              "account required pam_permit.so", "session required pam_permit.so")
    world.sandbox.fault("search", "json", "--arg", cases.person(isActive=False))
    terminal = door.open(world, "alice")
    terminal.answer(code_of(sign_in(world, terminal.prompt())))
    terminal.wait(cases.PASSWORD)
    terminal.answer(UNIX_PASSWORD)
    refused(door, terminal)
    world.decision("refuse", "inactive", action="account")


@suite.case("root and system accounts: the same dialogue, and no code helps")
def special(world):
    for user, uid in (("root", 0), ("daemon", 1), ("young", 900)):
        world.mark = world.log.mark()
        world.sandbox.fault("search", "json", "--arg", cases.named("%s@%s" % (user, DOMAIN)))
        terminal = door.open(world, user)
        prompt = terminal.prompt()
        terminal.answer(code_of(sign_in(world, prompt, "alice")))
        second = terminal.prompt()
        expect(cases.ADVICE["expired"] in second.head, user, uid, "reads", repr(second.head))
        world.decision("refuse", "identity")
        world.sandbox.clear()


@suite.case("Ctrl-C ends it at once and leaves no process")
def interrupt(world):
    terminal = door.open(world, "alice")
    terminal.prompt()
    start = time.monotonic()
    terminal.interrupt()
    terminal.end()
    expect(time.monotonic() - start < 20, "it took", time.monotonic() - start, "s")
    within(3, lambda: not leftovers(), "no process left")


@suite.case("the terminal goes away in the middle: no process is left")
def hang_up(world):
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.child.close(force=True)
    within(5, lambda: not leftovers(), "no process left")


@suite.case("an end of file is no answer")
def end_of_file(world):
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.child.sendeof()
    # Programs report it as they report a line that is too long, so it is asked for a few times more.
    for _ in range(5):
        if terminal.child.expect(["Piece: ", "su: "]):
            break
        terminal.child.sendeof()
    refused(door, terminal)
    expect(not [r for r in world.sandbox.requests() if r["endpoint"] == "token"], "a request was made")


@suite.case("no terminal and no input")
def no_terminal(world):
    del world
    done = subprocess.run(["/usr/bin/setpriv", "--reuid=bob", "--regid=bob", "--init-groups", "/usr/bin/su", "alice",
                           "-c", "echo WELCOME"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
    expect(done.returncode != 0 and "WELCOME" not in done.stdout, done.returncode, done.stdout)


@suite.case("pieces: an answer of 4095 bytes fills the line")
def pieces(world):
    terminal = door.open(world, "alice")
    prompt = terminal.prompt()
    redirect = sign_in(world, prompt)
    terminal.answer("x" * 4095)
    terminal.wait("Piece: ")
    for at in range(0, len(redirect), 250):
        terminal.answer(redirect[at:at + 250])
        terminal.wait("Next piece [^:]*: ")
    terminal.answer("")
    welcome(door, terminal)
    world.decision("accept")


@suite.case("5000 bytes are refused as an answer, and the next one works")
def too_long(world):
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.answer("x" * 5000)
    terminal.wait("Piece: ")
    for _ in range(18):
        terminal.answer("y" * 250)
        terminal.wait("(Next piece [^:]*|Paste the code or the address you end at): ")
        if "Paste the code" in terminal.child.after:
            break
    else:
        terminal.answer("")
        terminal.prompt()
    expect(verdicts(world) == [("refuse", "too-large")], verdicts(world))


@suite.case("the known tokens and the code stand in no log, not even with debug")
def nothing_in_logs(world):
    world.pam("su", "auth required MODULE debug", "account required MODULE debug",
              "account required pam_permit.so", "session required pam_permit.so")
    cases.known_token(world, cases.token())
    terminal = door.open(world, "alice")
    prompt = terminal.prompt()
    terminal.answer(code_of(sign_in(world, prompt)))
    welcome(door, terminal)
    whole = "\n".join(world.log_lines())
    for secret in ("e2e-known-access-token", "e2e-known-refresh-token"):
        expect(secret not in whole, secret, "stands in the log")


@suite.case("an audit line says service, user, provider, subject and verdict")
def audit(world):
    world.sandbox.fault("search", "json", "--arg", cases.person(ID="subject-77"))
    log_in(world, door)
    line = world.decision("accept")
    wanted = {"service": "su", "user": "alice", "provider": "acme", "subject": "subject-77"}
    for name, value in wanted.items():
        expect(line.get(name) == value, name, "is", line.get(name), "in", line["line"])


@suite.case("the account phase has no opinion on somebody who came another way")
def no_opinion(world):
    # Where the module ended the phase by success, pam_access would not be asked.
    write("/etc/security/access.conf", "-:alice:ALL\n", 0o644)
    rest = ("account sufficient MODULE", "account required pam_access.so", "session required pam_permit.so")
    world.pam("su", "auth required pam_permit.so", *rest)
    refused(door, door.open(world, "alice"))
    expect(not world.audit("account"), "an audit line without an opinion:", world.audit("account"))
    write("/etc/security/access.conf", "+:ALL:ALL\n", 0o644)
    welcome(door, door.open(world, "alice"))


@suite.case("the account phase refuses a name that the service denies")
def account_denies(world):
    world.configure(service={"deny_users": "carol, alice"})
    world.pam("su", "auth required pam_permit.so", "account required MODULE", "account required pam_permit.so",
              "session required pam_permit.so")
    refused(door, door.open(world, "alice"))
    world.decision("refuse", "denied", action="account")


@suite.case("the provider is not there")
def not_there(world):
    world.configure({"url": "https://127.0.0.1:9", "redirect_uri": world.callback})
    world.pam("su", *cases.FALLBACK)
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.answer("a-code")
    cases.fall_through(door, terminal)
    world.decision("refuse", "unreachable")


@suite.case("a certificate of another authority")
def other_authority(world):
    world.configure({"ca_file": world.other_ca()})
    world.pam("su", *cases.FALLBACK)
    terminal = door.open(world, "alice")
    terminal.answer(code_of(sign_in(world, terminal.prompt())))
    cases.fall_through(door, terminal)
    expect(not [r for r in world.sandbox.requests() if r["endpoint"] == "token"], "the code was sent")
    world.decision("refuse", "unreachable")


@suite.case("the helper's user is missing: refused, and the log says what to type")
def no_helper_user(world):
    world.configure({"helper_user": "nosuchuser"})
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.answer("a-code")
    refused(door, terminal)
    text = "\n".join(world.log_lines())
    expect("nosuchuser" in text and "useradd" in text or "sysusers" in text, "the log says", text)


cases.add_answers(suite, door)
cases.add_faults(suite, door)
cases.add_broken(suite, door, lambda world: refused(door, door.open(world, "alice")))

if __name__ == "__main__":
    sys.exit(main(suite, setup))
