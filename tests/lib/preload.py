"""Programs under test with a library of the test's own in front of the C library.

The loader's own list does it, in a mount namespace of that program alone: it reaches what the
program starts, too, whose environment is empty. Set-user-id programs are no matter here: ours are not.
"""

import os
import socket
import threading

from harness import expect
from world import HOME, run, write


class Preload:
    """The library made of one C file beside this one."""

    def __init__(self, name, **macros):
        here = os.path.dirname(os.path.abspath(__file__))
        library = "%s/%s.so" % (HOME, name)
        values = ['-D%s="%s"' % pair for pair in macros.items()]
        run("gcc", "-shared", "-fPIC", "-O1", "-g", "-Wall", "-Werror", *values, "-o", library, "%s/%s.c" % (here, name))
        with open("/etc/ld.so.preload", encoding="utf-8") as file:
            before = file.read()
        self.list = "%s/%s.preload" % (HOME, name)
        write(self.list, before + library + "\n", 0o644)

    def argv(self, argv):
        return ["/usr/bin/unshare", "-m", "/bin/sh", "-c", 'mount --bind "$0" /etc/ld.so.preload && exec "$@"',
                self.list] + argv


class Clock(Preload):
    """Another time of day, for programs and for the sandbox at once."""

    def __init__(self, sandbox):
        self.file = HOME + "/ahead"
        self.sandbox = sandbox
        super().__init__("clock", AHEAD=self.file)
        self.reset()

    def reset(self):
        self.sandbox.clock("reset")
        self.set(0)

    def set(self, seconds):
        self.ahead = seconds
        write(self.file + ".new", "%d\n" % seconds, 0o644)
        os.rename(self.file + ".new", self.file)

    def move(self, seconds):
        self.sandbox.clock("+%d" % seconds)
        self.set(self.ahead + seconds)


class HeapWatch(Preload):
    """Looks for secrets in memory that programs give back or leave behind when they end."""

    def __init__(self, needles):
        self.path = HOME + "/heap.socket"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        write(HOME + "/needles", "".join("%s %s\n" % (name, data.hex()) for name, data in needles), 0o644)
        super().__init__("heapwatch", NEEDLES=HOME + "/needles", REPORTS=self.path)

        self.found = []
        self.reached = threading.Event()
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        # At once: few messages wait in a socket, and then programs wait
        while True:
            text = self.socket.recv(16384).decode()
            if text == "mark":
                self.reached.set()
                continue
            program, where, name, frames = (text + " ").split(" ", 3)
            self.found.append((program, where, name, frames.strip()))

    def take(self):
        """What was found since the last time: (program, where, name, frames)."""
        self.reached.clear()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(b"mark", self.path)
        expect(self.reached.wait(240), "nobody reads what is found")
        found, self.found = self.found, []
        return found
