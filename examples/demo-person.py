"""What examples/demo does in Python, inside its private world.

log FILE: be the syslog daemon, keep what programs say in FILE.
play LOG PORT ACCOUNT PASSWORD SANDBOX…: be the person, with a real ssh client in a terminal and the
sandbox's command line (SANDBOX…) as the browser, and show it all. Ends with 0 if all was seen.
"""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "lib"))

from collector import Collector  # noqa: E402
from harness import within  # noqa: E402
from person import Terminal, code_of, environment  # noqa: E402

SERVICE = "wfdemosshd"
QR_CODE = re.compile("(?:[ \u2580\u2584\u2588]{20,}\n)+")


def keep_log(path):
    collector = Collector()
    done = 0
    with open(path, "a", encoding="utf-8") as file:
        while True:
            for message in collector.since(done):
                file.write(message + "\n")
                done += 1
            file.flush()
            time.sleep(0.05)


class Person:
    """Alice, her terminal and her browser."""

    def __init__(self, log, port, account, password, sandbox):
        self.log = log
        self.account = account
        self.password = password
        self.sandbox = sandbox
        self.shown = 0
        self.seen = []
        argv = ["/usr/bin/ssh", "-F", "none", "-p", port, "-o", "NoHostAuthenticationForLocalhost=yes",
                "-o", "LogLevel=ERROR", "alice@127.0.0.1"]
        act("alice types: ssh -p %s alice@127.0.0.1" % port)
        self.terminal = Terminal(argv, env=environment(TERM="dumb"))

    def show(self):
        """What has come to the terminal since the last call."""
        text = QR_CODE.sub("(a QR code of the address)\n", self.terminal.text[self.shown:])
        for line in text.splitlines():
            print("    | " + line)
        sys.stdout.flush()
        self.shown = len(self.terminal.text)

    def saw(self, what):
        self.seen.append(what)

    def sign_in(self, service):
        """From the module's prompt to the pasted code."""
        prompt = self.terminal.prompt()
        self.show()
        self.saw("the address for " + service)
        act("alice opens the address, signs in as %s, allows, and is sent to" % self.account)
        done = subprocess.run(self.sandbox + ["sign-in", "--url", prompt.url, "--username", self.account,
                                              "--password", self.password],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, text=True, timeout=60)
        redirect = done.stdout.strip()
        print("    " + redirect)
        self.saw("the sign-in for " + service)
        act("alice pastes the code that the page there shows: " + code_of(redirect))
        self.saw("the code for " + service)
        self.terminal.answer(code_of(redirect))

    def play(self):
        self.sign_in("ssh")
        self.terminal.wait(r"(alice@\S+:~\$ )|Paste the code")
        if not self.terminal.child.match.group(1):
            raise AssertionError("the sign-in was refused")
        self.terminal.answer("id; whoami")
        self.terminal.wait(r"uid=\d+\(alice\) [^\n]*\n\s*alice\r?\n.*\$ ")
        self.saw("a shell as alice")
        self.show()
        self.terminal.answer("sudo id")
        self.sign_in("sudo")
        self.terminal.wait(r"uid=0\(root\)[^\n]*\n.*\$ ")
        self.saw("sudo as root")
        self.show()
        self.terminal.answer("exit")
        status, _ = self.terminal.end()
        self.show()
        if status == 0:
            self.saw("the end of the session")
        self.read_log()

    def read_log(self):
        act("the log says")
        for service in (SERVICE, "sudo"):
            wanted = re.compile(r'sign-in service="%s" user="alice" .*verdict=accept' % service)
            line = within(5, lambda: next(filter(wanted.search, lines_of(self.log)), None),
                          "the audit line of " + service)
            print("    " + line)
            self.saw("the audit line of " + service)


WANTED = ["the address for ssh", "the sign-in for ssh", "the code for ssh", "a shell as alice",
          "the address for sudo", "the sign-in for sudo", "the code for sudo", "sudo as root",
          "the end of the session", "the audit line of " + SERVICE, "the audit line of sudo"]


def act(text):
    print("--- " + text, flush=True)


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def play(log, port, account, password, *sandbox):
    person = Person(log, port, account, password, list(sandbox))
    try:
        person.play()
    except (AssertionError, OSError, subprocess.SubprocessError) as problem:
        person.show()
        print("\n".join(["examples/demo: %s" % problem, "the log:"] + lines_of(log)), file=sys.stderr)
    person.terminal.close()
    missing = [what for what in WANTED if what not in person.seen]
    for what in missing:
        print("not seen: " + what)
    if not missing:
        print("--- seen: " + ", ".join(WANTED))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit({"log": keep_log, "play": play}[sys.argv[1]](*sys.argv[2:]))
