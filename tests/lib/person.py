"""The person at the terminal: reads the prompt of the sign-in, opens its address, pastes an answer."""

import os
import re
import signal
import time
import urllib.parse

import pexpect

from harness import PATIENCE, expect, within
from processes import sleep_all

QUESTION = "Paste the code or the address you end at: "
OPEN = "Open this address in a browser:"
# In a pty every newline becomes CR LF, and ssh adds "(user@host) " in front of a prompt.
ADDRESS = re.compile(r"%s\s+(https://\S+)" % re.escape(OPEN))


class Prompt:
    """One prompt of the module: its text and the address in it."""

    def __init__(self, text):
        self.text = text.replace("\r", "")
        found = ADDRESS.findall(self.text)
        expect(len(found) == 1, "not one address in the prompt:", repr(self.text))
        self.url = found[0]
        # What stands before the address: who signs in where, and what was wrong with the last answer
        self.head = self.text.split(OPEN)[0]

    def parameter(self, name):
        query = urllib.parse.urlsplit(self.url).query
        values = urllib.parse.parse_qs(query, keep_blank_values=True).get(name, [])
        expect(len(values) <= 1, name, "stands twice in", self.url)
        return values[0] if values else None


class Terminal:
    """A program in a terminal of its own, e.g. an ssh client."""

    def __init__(self, argv, env=None, preexec=None):
        self.child = pexpect.spawn(
            argv[0], argv[1:], env=env or environment(), encoding="utf-8", codec_errors="backslashreplace",
            timeout=240 * PATIENCE, dimensions=(60, 250), preexec_fn=preexec, echo=True)
        self.child.delaybeforesend = None
        # In canonical mode the terminal keeps 4095 bytes of a line.
        self.seen = []
        self.child.logfile_read = self

    # pexpect's log file is this object.
    def write(self, text):
        self.seen.append(text)

    def flush(self):
        pass

    @property
    def text(self):
        return "".join(self.seen).replace("\r", "")

    def prompt(self):
        """Wait for the module's next prompt."""
        found = self.child.expect_exact([QUESTION, pexpect.EOF, pexpect.TIMEOUT])
        expect(found == 0, "no sign-in prompt, but:", repr(self.text[-600:]))
        return Prompt(self.child.before + QUESTION)

    def wait(self, pattern):
        """Wait for a regular expression; returns what came before it."""
        found = self.child.expect([pattern, pexpect.EOF, pexpect.TIMEOUT])
        expect(found == 0, "no %r, but:" % pattern, repr(self.text[-600:]))
        return self.child.before

    def answer(self, text):
        """Type a line. Longer ones in pieces, so that no buffer on the way is the test's own limit."""
        for at in range(0, len(text), 512):
            self.child.send(text[at:at + 512])
            time.sleep(0.005 if len(text) > 512 else 0)
        self.child.send("\n")

    def interrupt(self, *readers):
        """Ctrl-C. readers: programs that show a prompt first and read then, and lose a signal between the
        two (sudo and ssh do, whatever they ask): it comes when all processes of these names wait."""
        for name in readers:
            within(5, lambda name=name: sleep_all(name), "%s reads" % name)
        self.child.sendintr()

    def end(self):
        """Wait until the program ends; (exit status, all that was shown). Signals are negative."""
        found = self.child.expect([pexpect.EOF, pexpect.TIMEOUT])
        expect(found == 0, "the program does not end:", repr(self.text[-600:]))
        self.child.close()
        status = self.child.exitstatus
        return (status if status is not None else -self.child.signalstatus), self.text

    def close(self):
        if self.child.isalive():
            self.child.kill(signal.SIGKILL)
        self.child.close(force=True)


def environment(**more):
    env = {"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8", "TERM": "xterm"}
    env.update(more)
    return env


def code_of(redirect):
    """The code in the address at which the browser ended."""
    query = urllib.parse.urlsplit(redirect).query
    return urllib.parse.parse_qs(query)["code"][0]
