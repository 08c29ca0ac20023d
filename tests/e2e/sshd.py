"""sshd with a real OpenSSH client in a terminal. Nobody may learn here which users exist."""

import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pexpect

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cases  # noqa: E402
from cases import HIDDEN, log_in, refused, sign_in, verdicts, welcome  # noqa: E402
from harness import Suite, expect, show, within  # noqa: E402
from person import code_of  # noqa: E402
from world import DOMAIN, HOME, SHORT, UNIX_PASSWORD, leftovers, main, run, write  # noqa: E402

suite = Suite()


class Sshd:
    service = "wfsshd"
    hides = True
    silent = False
    port = None

    def open(self, world, user, *options, port=None):
        return world.ssh(port or self.port, user, "echo WELCOME-$(id -un)", *options)

    @staticmethod
    def greeting(user):
        return "WELCOME-" + user


door = Sshd()


def setup(world):
    world.reset()
    door.port = world.sshd()


@suite.case("the client sees who, where and the address in the first prompt")
def first_prompt(world):
    terminal = door.open(world, "alice")
    prompt = terminal.prompt()
    for word in ("alice", "wfhost", "wfsshd", "Workfront"):
        expect(word in prompt.head, word, "is not in", repr(prompt.head))
    expect(prompt.url in prompt.text.splitlines(), "the address does not stand alone:", prompt.text)
    expect(all(ord(c) < 127 for c in prompt.text), "not ASCII over ssh:", prompt.text)


@suite.case("PKCE: in as the mapped user, by two requests")
def pkce(world):
    log_in(world, door)
    line = world.decision("accept")
    for name, value in (("service", "wfsshd"), ("user", "alice"), ("rhost", "127.0.0.1"), ("provider", "acme")):
        expect(line.get(name) == value, name, "is", line.get(name), "in", line["line"])
    record = [r["endpoint"] for r in world.sandbox.requests() if r["endpoint"] in ("token", "search")]
    expect(record == ["token", "search"], "requests:", record)


@suite.case("web application with a secret")
def with_secret(world):
    world.configure({"client_id": world.web, "client_secret_file": world.secret_file})
    log_in(world, door)


@suite.case("a login shell in a terminal")
def shell(world):
    terminal = world.ssh(door.port, "alice", "", "-tt")
    terminal.answer(code_of(sign_in(world, terminal.prompt())))
    terminal.wait(r"\$ ")
    terminal.answer("id -un; pwd; exit 3")
    status, text = terminal.end()
    expect("alice\n/home/alice" in text, text[-300:])
    expect(status == 3, "exit status", status)


@suite.case("three wrong answers are all")
def three(world):
    terminal = door.open(world, "alice")
    for i in range(3):
        terminal.prompt()
        terminal.answer("wrong-%d" % i)
    text = refused(door, terminal)
    expect("Permission denied" in text, text[-300:])
    expect(verdicts(world) == [("refuse", "expired")] * 3, verdicts(world))


@suite.case("every bad answer gets the same text")
def same_text(world):
    def second_prompt(user, answer):
        terminal = door.open(world, user)
        first = terminal.prompt()
        text = answer(first)
        terminal.answer(text)
        second = terminal.prompt()
        terminal.close()
        # The client repeats the answer, since it is visible, and names the user itself
        return first.head.replace(user, "USER"), second.head.replace(text, "").replace(user, "USER").strip()

    kinds = [
        ("alice", lambda p: "no-code"),
        ("alice", lambda p: "with blanks inside"),
        ("alice", lambda p: code_of(sign_in(world, p, "bob"))),
        ("ghost", lambda p: "no-code"),
        ("ghost", lambda p: code_of(sign_in(world, p))),
        ("root", lambda p: "no-code"),
        ("root", lambda p: code_of(sign_in(world, p))),
        ("daemon", lambda p: code_of(sign_in(world, p))),
        ("young", lambda p: code_of(sign_in(world, p))),
    ]
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda kind: second_prompt(*kind), kinds))
    for kind, texts in zip(kinds, seen):
        expect(texts == seen[0], kind[0], "sees", repr(texts), "where alice sees", repr(seen[0]))


@suite.case("unknown users, root and system accounts: the same duration, never a success")
def same_duration(world):
    # A person of the same organisation who has a right code of their own, at everybody's door
    kinds = {
        "a wrong code": ("alice", lambda p: "0123456789abcdef0123456789abcdef"),
        "nothing": ("alice", lambda p: ""),
        "somebody else's": ("alice", lambda p: code_of(sign_in(world, p, "bob"))),
        "unknown user": ("ghost", lambda p: code_of(sign_in(world, p))),
        "unknown user, nothing": ("ghost", lambda p: ""),
        "root": ("root", lambda p: code_of(sign_in(world, p))),
        "system account": ("daemon", lambda p: "0123456789abcdef0123456789abcdef"),
    }

    def once(name):
        user, answer = kinds[name]
        terminal = door.open(world, user)
        text = answer(terminal.prompt())
        start = time.monotonic()
        terminal.answer(text)
        terminal.prompt()
        seconds = time.monotonic() - start
        expect(door.greeting(user) not in terminal.text, name, "was let in")
        terminal.close()
        return name, seconds

    # What other programs do meanwhile differs from round to round; what the module does would not.
    for _ in range(4):
        tries = [name for _ in range(20) for name in kinds]
        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(once, tries))
        medians = {name: statistics.median(s for n, s in done if n == name) for name in kinds}
        show(" ".join("%s %.3f" % pair for pair in medians.items()))
        if max(medians.values()) < 1.1 * min(medians.values()):
            return
    expect(False, "medians differ by more than a tenth, in each of four rounds:", medians)


@suite.case("whoever signs in: root and unknown users never get in")
def never(world):
    for user in ("root", "ghost", "daemon"):
        world.sandbox.fault("search", "json", "--arg", cases.named("%s@%s" % (user, DOMAIN)))
        terminal = door.open(world, user)
        for _ in range(3):
            terminal.answer(code_of(sign_in(world, terminal.prompt(), "alice")))
        text = refused(door, terminal, user)
        expect("Permission denied" in text, text[-200:])
        # Their codes are not redeemed: whoever holds one keeps it
        expect(not [r for r in world.sandbox.requests() if r["endpoint"] == "search"], "a look-up was made")
    world.sandbox.clear()
    log_in(world, door)


@suite.case("root with PermitRootLogin yes: still never")
def root_permitted(world):
    port = world.sshd("wfsshd", PermitRootLogin="yes")
    terminal = door.open(world, "root", port=port)
    for _ in range(3):
        terminal.answer(code_of(sign_in(world, terminal.prompt(), "alice")))
    refused(door, terminal, "root")


@suite.case("an account that sshd refuses (DenyUsers): the same dialogue")
def denied_by_sshd(world):
    port = world.sshd("wfsshd", DenyUsers="carol")
    terminal = door.open(world, "carol", port=port)
    terminal.answer(code_of(sign_in(world, terminal.prompt(), "carol")))
    second = terminal.prompt()
    expect(HIDDEN in second.head, second.head)


for user in ("x" * 200, "a b", "-oProxyCommand=x", "al%sice", "alice\x1b[31m", "ali\u0441e", "../alice", "alice\n"):
    def strange_user(world, user=user):
        terminal = world.ssh(door.port, "127", "true", "-l", user)
        found = terminal.child.expect(["Paste the code", "[Dd]enied|[Ii]nvalid|closed|remote username",
                                       pexpect.EOF])
        if found == 0:
            expect("\x1b[31m" not in terminal.text, "an escape sequence comes back:", repr(terminal.text))
            terminal.answer("wrong")
            terminal.prompt()
    suite.add("user name %r" % user[:20], strange_user)


# -- long answers ------------------------------------------------------------------------------------

@suite.case("500 bytes that are no code: an ordinary wrong answer")
def five_hundred(world):
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.answer("x" * 500)
    second = terminal.prompt()
    expect(HIDDEN in second.head, second.head)
    terminal.answer(code_of(sign_in(world, second)))
    welcome(door, terminal)


for length in (1023, 1024, 1500, 4095, 5000):
    def long_answer(world, length=length):
        terminal = door.open(world, "alice")
        prompt = terminal.prompt()
        terminal.answer("x" * length)
        redirect = sign_in(world, prompt)
        terminal.wait("Piece: ")
        for at in range(0, len(redirect), 250):
            terminal.answer(redirect[at:at + 250])
            terminal.wait("Next piece [^:]*: ")
        terminal.answer("")
        welcome(door, terminal)
        world.decision("accept")
    suite.add("%d bytes fill the client's line: asked again in pieces" % length, long_answer)


# -- the next module ---------------------------------------------------------------------------------

@suite.case("the provider is not there: pam_unix gets its turn")
def not_there(world):
    world.configure({"url": "https://127.0.0.1:9"})
    world.pam("wfsshd", *cases.FALLBACK)
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.answer("a-code")
    cases.fall_through(door, terminal)
    world.decision("refuse", "unreachable")


@suite.case("the provider is not there: unknown users see the same")
def not_there_unknown(world):
    world.configure({"url": "https://127.0.0.1:9"})
    world.pam("wfsshd", *cases.FALLBACK)
    for user in ("ghost", "root"):
        terminal = door.open(world, user)
        terminal.prompt()
        terminal.answer("a-code")
        terminal.wait(cases.PASSWORD)
        terminal.answer(UNIX_PASSWORD)
        refused(door, terminal, user)


@suite.case("sufficient, then pam_unix: a wrong code leaves the password")
def sufficient(world):
    world.pam("wfsshd", "auth sufficient MODULE", "auth required pam_unix.so", "account required MODULE",
              "account required pam_unix.so", "session required pam_permit.so")
    terminal = door.open(world, "alice")
    for _ in range(3):
        terminal.prompt()
        terminal.answer("wrong")
    terminal.wait(cases.PASSWORD)
    terminal.answer("not it")
    refused(door, terminal)
    log_in(world, door)


# -- other ways in -----------------------------------------------------------------------------------

def keys(world):
    """A key pair of bob's, accepted for alice."""
    del world
    key = HOME + "/id"
    if not os.path.exists(key):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        os.makedirs("/home/alice/.ssh", exist_ok=True)
        with open(key + ".pub", encoding="ascii") as public:
            write("/home/alice/.ssh/authorized_keys", public.read(), 0o644)
    return ("-i", key, "-o", "PreferredAuthentications=publickey")


@suite.case("public key: no sign-in, and the account phase has no opinion")
def public_key(world):
    port = world.sshd("wfsshd", PubkeyAuthentication="yes")
    write("/etc/security/access.conf", "-:alice:ALL\n", 0o644)
    world.pam("wfsshd", "auth required pam_deny.so", "account sufficient MODULE", "account required pam_access.so",
              "session required pam_permit.so")
    refused(door, door.open(world, "alice", *keys(world), port=port))
    write("/etc/security/access.conf", "+:ALL:ALL\n", 0o644)
    welcome(door, door.open(world, "alice", *keys(world), port=port))
    expect(not world.audit("sign-in") and not world.audit("account"), world.log_lines())
    expect(not world.sandbox.requests(), world.sandbox.requests())


@suite.case("public key, but the service denies the user")
def public_key_denied(world):
    port = world.sshd("wfsshd", PubkeyAuthentication="yes")
    world.configure(service={"deny_users": "alice"})
    refused(door, door.open(world, "alice", *keys(world), port=port))
    world.decision("refuse", "denied", action="account")


@suite.case("public key and then the sign-in")
def both(world):
    port = world.sshd("wfsshd", PubkeyAuthentication="yes",
                      AuthenticationMethods="publickey,keyboard-interactive")
    terminal = door.open(world, "alice", *keys(world)[:2], "-o",
                         "PreferredAuthentications=publickey,keyboard-interactive", port=port)
    terminal.answer(code_of(sign_in(world, terminal.prompt())))
    welcome(door, terminal)


@suite.case("the password method cannot show a visible prompt: refused, nothing is sent")
def password_method(world):
    port = world.sshd("wfsshd", PasswordAuthentication="yes", KbdInteractiveAuthentication="no")
    terminal = door.open(world, "alice", "-o", "PreferredAuthentications=password", port=port)
    terminal.wait(cases.PASSWORD)
    terminal.answer(UNIX_PASSWORD)
    refused(door, terminal)
    expect(not world.sandbox.requests(), "a local password travelled:", world.sandbox.requests())


# -- ends --------------------------------------------------------------------------------------------

@suite.case("the client goes away at the prompt: nothing is left")
def goes_away(world):
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.close()
    within(5, lambda: not leftovers() and not sessions(), "no process left")


@suite.case("Ctrl-C at the prompt")
def interrupt(world):
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.interrupt("ssh")
    terminal.end()
    within(5, lambda: not leftovers() and not sessions(), "no process left")


@suite.case("the client goes away while the provider hangs: nothing is left")
def goes_away_hanging(world):
    world.configure({"timeout": SHORT})
    world.sandbox.fault("token", "hang")
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.answer("a-code")
    time.sleep(0.5)
    terminal.close()
    within(8, lambda: not leftovers() and not sessions(), "no process left")


@suite.case("LoginGraceTime ends a person who does not answer")
def grace(world):
    # As long as a busy machine needs to come to the prompt
    port = world.sshd("wfsshd", LoginGraceTime="8")
    terminal = door.open(world, "alice", port=port)
    terminal.prompt()
    expect(sessions(), "no process serves the person")
    # The client learns of it only when it has read an answer.
    within(6, lambda: not leftovers() and not sessions(), "no process left")
    terminal.answer("too-late")
    refused(door, terminal)


def sessions():
    """Processes of sshd that serve somebody."""
    found = []
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    title = file.read()
                if b"sshd: " in title and b"[listener]" not in title:
                    found.append(pid)
            except OSError:
                pass
    return found


@suite.case("twelve people at once")
def crowd(world):
    def one(number):
        user = ("alice", "bob", "carol")[number % 3]
        terminal = door.open(world, user)
        redirect = sign_in(world, terminal.prompt(), user)
        terminal.answer(redirect if number % 2 else code_of(redirect))
        welcome(door, terminal, user)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(12)))
    within(3, lambda: verdicts(world) == [("accept", None)] * 12, "twelve decisions")


@suite.case("a QR code where the configuration wants one")
def qr_code(world):
    for kind, mark in (("utf8", "\u2588"), ("ascii", "##")):
        world.configure(service={"qr": kind})
        prompt = door.open(world, "alice").prompt()
        expect(mark in prompt.text, "no QR code:", prompt.text)
    world.configure(service={"qr": "auto"})
    expect("##" not in door.open(world, "alice").prompt().text, "a QR code over ssh by default")


if __name__ == "__main__":
    sys.exit(main(suite, setup))
