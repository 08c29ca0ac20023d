"""How a person comes to each trouble that the README's table names."""

from host import DOMAIN
from world import run


def wrong(answer):
    def do(host, terminal):
        del host
        terminal.prompt()
        terminal.answer(answer)
        if len(answer) > 511:  # sudo's and su's line is full: what comes in pieces ends with an empty one
            terminal.wait("iece[^:]*: ")
            for at in range(0, len(answer), 500):
                terminal.answer(answer[at:at + 500])
                terminal.wait("iece[^:]*: ")
            terminal.answer("")
    return do


def as_somebody(account, **faults):
    def do(host, terminal):
        for endpoint, fault in faults.items():
            host.sandbox.fault(endpoint, fault)
        host.sign_in(terminal, account)
    return do


def other_issuer(host, terminal):
    prompt = terminal.prompt()
    terminal.answer(host.sandbox.sign_in(prompt.url, "alice@" + DOMAIN) + "&iss=https://other.example")


def not_allowed(host, terminal):
    prompt = terminal.prompt()
    terminal.answer(host.sandbox.sign_in(prompt.url, "alice@" + DOMAIN, "--deny"))


def gone(host, terminal):
    del host
    terminal.prompt()
    terminal.interrupt("sudo")


def no_helper(host, terminal):
    run("userdel", "_wfauth")
    try:
        host.sign_in(terminal, "alice")
        host.saw("reason=config")
    finally:
        run("systemd-sysusers", "wfauth.conf")


def inactive(host, terminal):
    host.sandbox.run("user", "edit", "alice@" + DOMAIN, "--inactive")
    try:
        # Workfront itself does not sign in an inactive account: it became so a moment ago
        host.sandbox.restart("--lenient-inactive")
        host.sign_in(terminal, "alice")
        host.saw("reason=inactive")
    finally:
        host.sandbox.run("user", "edit", "alice@" + DOMAIN, "--active")
        host.sandbox.restart()


# A reason of the table -> how alice's su or sudo comes to it; None: not to be had by a person
TROUBLES = {
    "expired": ("su", wrong("0123456789abcdef")),
    "malformed": ("su", wrong("not a code")),
    "issuer": ("su", other_issuer),
    "too-large": ("su", wrong("x" * 5000)),
    "identity": ("su", as_somebody("carol")),
    "inactive": ("su", inactive),
    "denied": ("su", not_allowed),
    "pending": ("sudo", gone),
    "unreachable": ("su", as_somebody("alice", token="503")),
    "config": ("su", no_helper),
    "internal": None,
}
