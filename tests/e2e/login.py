"""login: the console. The person signs in at another device and types the code here."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cases  # noqa: E402
from cases import sign_in, verdicts  # noqa: E402
from harness import Suite, expect  # noqa: E402
from person import code_of  # noqa: E402
from world import main  # noqa: E402

suite = Suite()


def knock(world, user="alice"):
    world.pam_default("login")
    return world.terminal(["/usr/bin/login", user])


def shell(terminal, user):
    """Signed in: a shell of this user's. It ends with the terminal."""
    terminal.wait(r"\$ ")
    terminal.answer("echo I-AM-$(id -un)")
    terminal.wait("I-AM-" + user)
    terminal.answer("exit")
    terminal.end()


@suite.case("the address in the first prompt, a shell after the code")
def whole_way(world):
    terminal = knock(world)
    prompt = terminal.prompt()
    for word in ("alice", "wfhost", "login"):
        expect(word in prompt.head, word, "is not in", repr(prompt.head))
    terminal.answer(code_of(sign_in(world, prompt)))
    shell(terminal, "alice")
    expect(world.decision("accept").get("service") == "login", world.log_lines())


@suite.case("a wrong code, then the right one")
def wrong_then_right(world):
    terminal = knock(world)
    terminal.prompt()
    terminal.answer("wrong")
    second = terminal.prompt()
    expect(cases.ADVICE["expired"] in second.head, second.head)
    terminal.answer(code_of(sign_in(world, second)))
    shell(terminal, "alice")
    expect(verdicts(world) == [("refuse", "expired"), ("accept", None)], verdicts(world))


@suite.case("a QR code of the address, unless the configuration says no")
def qr_code(world):
    world.configure(service={"qr": None})
    expect("\u2588" in knock(world).prompt().text, "no QR code on a UTF-8 console")
    world.configure(service={"qr": "no"})
    expect("\u2588" not in knock(world).prompt().text, "a QR code in spite of qr = no")


@suite.case("root on the console: no code helps")
def root(world):
    terminal = knock(world, "root")
    terminal.answer(code_of(sign_in(world, terminal.prompt(), "alice")))
    second = terminal.prompt()
    expect(cases.ADVICE["expired"] in second.head, second.head)
    world.decision("refuse", "identity")


if __name__ == "__main__":
    sys.exit(main(suite))
