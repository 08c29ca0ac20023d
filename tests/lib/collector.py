"""A syslog daemon for one test: it collects what programs write to /dev/log."""

import os
import re
import socket
import threading

# No program writes this
MARKER = b"\0collector: here\0"
PRIORITY = re.compile(rb"^<(\d+)>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?")


class Collector:
    """Listens on /dev/log (in a private /dev) and keeps every message as text."""

    def __init__(self, path="/dev/log"):
        if os.path.lexists(path):
            os.unlink(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.messages = []
        self.raw = []
        self.path = path
        self.seen = threading.Event()
        self.reading = threading.Lock()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            data = self.socket.recv(65536)
            if data == MARKER:
                self.seen.set()
                continue
            self.raw.append(data)
            self.messages.append(PRIORITY.sub(b"", data).decode("utf-8", "backslashreplace").rstrip("\0\n"))

    def _catch_up(self):
        """Everything that was sent before now is kept: the socket has one queue, and our marker comes last."""
        with self.reading:
            self.seen.clear()
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(MARKER, self.path)
            if not self.seen.wait(240):
                raise AssertionError("the log does not answer")

    def mark(self):
        """A place in the log, for since()."""
        self._catch_up()
        return len(self.messages)

    def since(self, mark):
        self._catch_up()
        return self.messages[mark:]
