"""examples/demo from outside: what it shows, what it says when it fails, and that it leaves no trace.

Runs inside tests/lib/isolate.sh, where "the machine" is the private one; the demo makes its own inside.
"""

import hashlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from harness import Suite, expect, within  # noqa: E402
from person import Terminal, code_of, environment  # noqa: E402
from world import find_program, run  # noqa: E402

SOURCES = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
DEMO = SOURCES + "/examples/demo"
suite = Suite()


class Machine:
    """What the demo must leave as it was; the world of the cases."""

    def __init__(self, root, build):
        self.root = root
        self.build = build
        # Of our own: other suites run demos at the same time. _wfauth comes through it.
        self.tmp = tempfile.mkdtemp(prefix="wfauth-demo-test.", dir="/tmp")
        os.chmod(self.tmp, 0o755)
        self.terminals = []
        self.text = ""
        self.before = None

    def reset(self):
        self.terminals = []
        self.text = ""
        self.before = self.snapshot()

    def snapshot(self):
        found = {"mounts": lines_of("/proc/self/mountinfo"), "processes": processes(), "sockets": listeners()}
        for folder in ("/etc", "/home", "/root", "/run", "/var/log", "/var/lib/sudo", "/usr/sbin"):
            for path, digest in files_below(folder, contents=folder == "/etc"):
                found[path] = digest
        found[self.tmp] = os.listdir(self.tmp)
        return found

    def check_leftovers(self):
        for terminal in self.terminals:
            terminal.close()
        within(10, lambda: processes() == self.before["processes"], "all processes of the demo gone")
        after = self.snapshot()
        changed = [key for key in set(self.before) | set(after) if self.before.get(key) != after.get(key)]
        expect(not changed, "changed:", [(key, self.before.get(key), after.get(key)) for key in changed][:5])

    def log_lines(self):
        return self.text.splitlines()

    def transcript(self):
        return "\n".join(terminal.text for terminal in self.terminals)

    def env(self, **more):
        return environment(**{"WFAUTH_DEMO_BUILD": self.build, "TMPDIR": self.tmp, **more})

    def run(self, *options, status=0, argv=(DEMO,), **more):
        """The demo without a terminal; what it prints."""
        done = subprocess.run(list(argv) + list(options), env=self.env(**more), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
        self.text += done.stdout
        expect(done.returncode == status, "the demo ended with", done.returncode, "instead of", status,
               done.stdout[-500:])
        return done.stdout

    def start(self, *options):
        """The demo in a terminal."""
        terminal = Terminal([DEMO] + list(options), env=self.env(TERM="dumb"))
        self.terminals.append(terminal)
        return terminal


def lines_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def processes():
    return sorted(pid for pid in os.listdir("/proc") if pid.isdigit())


def listeners():
    return [line.split()[1] for line in lines_of("/proc/net/tcp")[1:] if line.split()[3] == "0A"]


def files_below(folder, contents):
    for where, folders, names in os.walk(folder):
        for name in folders + names:
            path = os.path.join(where, name)
            stat = os.lstat(path)
            digest = (stat.st_mode, stat.st_uid, stat.st_gid)
            if contents and os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    digest += (hashlib.sha256(file.read()).hexdigest(),)
            yield path, digest


# What the transcript must hold, in this order
TRANSCRIPT = [
    ("ssh", r"alice types: ssh -p \d+ alice@127\.0\.0\.1"),
    ("who, where, with what", r"Sign in as alice on \S+ \(wfdemosshd\) with Adobe Workfront"),
    ("the address", r"https://127\.0\.0\.1:\d+/integrations/oauth2/authorize\?client_id="),
    ("the sign-in", r"signs in as alice@acme\.example"),
    ("the redirect", r"/callback/\?code="),
    ("the code", r"pastes the code that the page there shows: \S+"),
    ("id", r"uid=\d+\(alice\)"),
    ("whoami", r"\| alice\n"),
    ("sudo", r"sudo id"),
    ("sudo's prompt", r"Sign in as alice on \S+ \(sudo\)"),
    ("the second address", r"https://127\.0\.0\.1:\d+/integrations/oauth2/authorize\?client_id="),
    ("the second code", r"pastes the code that the page there shows: \S+"),
    ("root", r"uid=0\(root\)"),
    ("the audit line of ssh", r'pam_workfront\(wfdemosshd:auth\): sign-in service="wfdemosshd" user="alice" '
     r'rhost="127\.0\.0\.1" provider="acme" subject="\w+" verdict=accept'),
    ("the audit line of sudo", r'sign-in service="sudo" user="alice" provider="acme" subject="\w+" verdict=accept'),
]


@suite.case("--auto: the whole way, shown")
def auto(machine):
    text = machine.run("--auto")
    at = 0
    for what, pattern in TRANSCRIPT:
        found = re.compile(pattern).search(text, at)
        expect(found, what, "is not in the rest of the transcript:", text[at:][:1500])
        at = found.end()
    expect("not seen" not in text and "\x1b" not in text, text)


@suite.case("--auto: not 0 where the sign-in fails")
def auto_fails(machine):
    helper = machine.root + "/libexec/wfauth/wfauth-http"
    run("mount", "--bind", "/dev/null", helper)
    try:
        text = machine.run("--auto", status=1)
    finally:
        run("umount", helper)
    expect("not seen: a shell as alice" in text and "not seen: sudo as root" in text, text)
    expect("not seen: the address for ssh" not in text, text)


@suite.case("what it tells a person to do works, and Ctrl-C then ends it well")
def by_hand(machine):
    demo = machine.start("--port", "2345")
    demo.wait(r"Below is what an administrator finds in the log\.")
    command = re.search(r" 1\. (ssh .*)", demo.text).group(1)
    account, password = re.search(r"Sign in there as (\S+) with the password (\S+) ", demo.text).groups()
    scratch = os.path.dirname(re.search(r"make it trust (\S+)", demo.text).group(1))
    expect("-p 2345 " in command, command)
    program = find_program(machine.build, "wfauth-sandbox")

    def answer(prompt):
        done = run(program, "-d", scratch + "/sandbox", "sign-in", "--url", prompt.url, "--username", account,
                   "--password", password)
        session.answer(code_of(done.strip()))

    session = Terminal(shlex.split(command), env=environment(TERM="dumb"))
    machine.terminals.append(session)
    answer(session.prompt())
    session.wait(r"alice@\S+:~\$ ")
    session.answer("sudo -i")
    answer(session.prompt())
    session.wait(r"root@\S+:~# ")
    demo.wait("Both sign-ins worked")
    demo.interrupt()
    status, text = demo.end()
    expect(status == 0, "Ctrl-C ended it with", status)
    expect(re.search(r'log: .*sign-in service="wfdemosshd" user="alice".* verdict=accept', text), text)


@suite.case("Ctrl-C before anybody signed in: not 0")
def early(machine):
    demo = machine.start()
    demo.wait("Ready")
    demo.interrupt()
    status, _ = demo.end()
    expect(status == 130, "Ctrl-C ended it with", status)


for number, name, wanted in ((signal.SIGTERM, "SIGTERM", 143), (signal.SIGHUP, "SIGHUP", 129)):
    def killed(machine, number=number, wanted=wanted):
        demo = machine.start()
        demo.wait("Ready")
        os.kill(demo.child.pid, number)
        status, _ = demo.end()
        expect(status == wanted, "ended with", status)
    suite.add("%s cleans up, too" % name, killed)


@suite.case("--keep leaves the scratch folder, and nothing else")
def keep(machine):
    text = machine.run("--auto", "--keep")
    scratch = re.search(r"^== kept: (/tmp/\S+)$", text, re.M).group(1)
    expect(os.path.exists(scratch + "/wfauth.conf") and os.path.exists(scratch + "/log"), os.listdir(scratch))
    run("rm", "-rf", scratch)


@suite.case("the default port is taken: another one")
def taken(machine):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 2222))
        other.listen()
        text = machine.run("--auto")
    expect("ssh -p 2223 " in text, text)


@suite.case("the wanted port is taken: said, not 0")
def wanted_taken(machine):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 2345))
        other.listen()
        text = machine.run("--auto", "--port", "2345", status=1)
    expect("port 2345 is taken" in text, text)


@suite.case("no build where one was promised")
def no_build(machine):
    text = machine.run("--auto", status=1, WFAUTH_DEMO_BUILD="/nonexistent")
    expect("there is no build in /nonexistent" in text, text)
    text = machine.run("--auto", status=1, WFAUTH_DEMO_BUILD="/var/log")
    expect("the build has no sandbox" in text, text)


@suite.case("without root it says so")
def no_root(machine):
    copy = "/run/demo-sources"
    run("bash", "-c", ". %s/tests/lib/sources.sh && sources_copy %s %s && chmod -R go+rX %s" %
        (shlex.quote(SOURCES), shlex.quote(SOURCES), copy, copy))
    text = machine.run("--auto", status=1, argv=("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                                                  copy + "/examples/demo"))
    run("rm", "-rf", copy)
    expect("needs root" in text and "as root, type: %s/examples/demo --auto" % copy in text, text)


@suite.case("a root that may make no namespaces is told so")
def no_namespaces(machine):
    text = machine.run("--auto", status=1, argv=("setpriv", "--bounding-set=-sys_admin", DEMO))
    expect("does not permit the private copies" in text, text)


@suite.case("--help and mistakes in the options")
def options(machine):
    text = machine.run("--help")
    for word in ("--auto", "--port", "--keep", "WFAUTH_DEMO_BUILD"):
        expect(word in text, word, "is not in", text)
    for bad in (["--autp"], ["--port"], ["--port", "0"], ["--port", "65536"], ["--port", "22x"], ["alice"]):
        machine.run(*bad, status=2)


def main():
    machine = Machine(sys.argv[1], sys.argv[2])
    good = suite.run(machine, sys.argv[3:])
    os.rmdir(machine.tmp)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
