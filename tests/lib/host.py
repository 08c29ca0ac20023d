"""The host of the README's test: on it an administrator carries the recipes out, and people sign in.

Runs as root inside tests/lib/isolate.sh alone. What the recipes write outside /etc is private here, too.
"""

import glob
import os
import re
import shlex
import shutil
import subprocess

from bearer import Provider
from collector import Collector
from harness import expect, within
from person import Terminal, code_of, environment
from readme import Readme, put
from sandbox import Sandbox, wait_listening
from world import find_program, run

SOURCES = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
HOME = "/run/wf"
COPY = HOME + "/sources"
DOMAIN = "acme.example"
UNIX_PASSWORD = "a local Unix password"


class Host:
    """A Debian host on which an administrator follows the README."""

    # In a recipe -> what stands there instead, and why
    SUBSTITUTES = {
        # The organisation's Workfront is the sandbox
        "https://acme.my.workfront.com": lambda host: host.sandbox.url,
        # And another provider a test's own
        "https://sso.acme.example/realms/staff": lambda host: host.sso.url,
        # What Workfront would show
        "2f1c0c5c4d7a4f6a8f1d2b3c4d5e6f70": lambda host: host.client_id,
        "4c78821c0000d6fa8d5e52f07a1d54d0": lambda host: host.operators,
        "60c0c5d7a4f6a8f1d2b3c4d5e6f70aaa": lambda host: host.customer,
        "5d89932d0000e7fb9e6f63f18b2e65e1": lambda host: host.robot,
        # No network here: are these the names, and is all installed?
        "apt-get install": lambda host: "dpkg-query -W",
        # No init here; Host.sshd() starts the daemon that reads the files anew
        "systemctl reload ssh": lambda host: "true",
        # A person's part is played; the build is already there
        "sudo examples/demo": lambda host: "WFAUTH_DEMO_BUILD=%s examples/demo --auto" % host.build,
        # This test is a part of it: it names its parts
        "sudo tests/run": lambda host: "! tests/run no-such-part",
    }

    def __init__(self, build):
        self.build = build
        self.readme = Readme(SOURCES + "/README")
        self.log = Collector()
        self.mark = 0
        self.terminals = []
        self.daemon = None
        self.client_id = self.secret = self.operators = self.customer = self.robot = "not made yet"
        os.makedirs(HOME, exist_ok=True)
        pamdir = os.path.dirname(glob.glob("/usr/lib/*/security/pam_unix.so")[0])
        private_parent("/var/lib")
        for path in ("/usr/local", "/srv", "/var/lib/nginx"):
            run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", path)
        for path in (pamdir, "/usr/share/pam-configs", "/var/lib/pam"):
            private_copy(path)
        private_copy("/var/cache/debconf", hide="/var/cache")
        sasldir = os.path.join(os.path.dirname(pamdir), "sasl2")
        private_copy(sasldir)
        self.pamdir = pamdir
        run("bash", "-c", ". %s/tests/lib/sources.sh && sources_copy %s %s" % (
            shlex.quote(SOURCES), shlex.quote(SOURCES), COPY))
        self.make_people()
        self.start_workfront()
        self.sso = Provider(HOME + "/sso")
        self.trust(self.sso.ca, "sso.pem")

    def make_people(self):
        for name, uid in (("alice", 1501), ("bob", 1502), ("carol", 1503)):
            run("useradd", "--create-home", "--shell", "/bin/bash", "--uid", str(uid), "--groups", "sudo", name)
        run("chpasswd", "-c", "SHA256", "-s", "1000", stdin="alice:%s\nroot:%s\n" % (UNIX_PASSWORD, UNIX_PASSWORD))
        run("userdel", "_wfauth", may_fail=True)
        run("ssh-keygen", "-A")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", HOME + "/id")
        os.makedirs("/home/alice/.ssh", mode=0o700)
        shutil.copyfile(HOME + "/id.pub", "/home/alice/.ssh/authorized_keys")
        run("chown", "-R", "alice:alice", "/home/alice/.ssh")

    def start_workfront(self):
        """The sandbox, trusted by this host as Workfront's authority is."""
        self.sandbox = Sandbox(find_program(self.build, "wfauth-sandbox"), HOME + "/workfront", "--domain", "acme")
        self.trust(self.sandbox.directory + "/ca.pem", "sandbox.pem")
        self.operators = self.sandbox.group("group", "Operators")
        for name, options in (("alice", ["--group-id", self.operators]), ("carol", []), ("alice.miller", []), ("bob", [])):
            self.sandbox.user("%s@%s" % (name, DOMAIN), *options)
        self.sandbox.user("alice@elsewhere.example")

    @staticmethod
    def trust(certificate, name):
        """Make an authority one of the system's."""
        path = "/etc/ssl/certs/" + name
        shutil.copyfile(certificate, path)
        os.symlink(name, "/etc/ssl/certs/%s.0" % run("openssl", "x509", "-noout", "-subject_hash", "-in", path).strip())

    # -- Suite's wishes --------------------------------------------------------------------------

    def reset(self):
        self.terminals = []
        self.sandbox.clear()
        self.mark = self.log.mark()

    def check_leftovers(self):
        for terminal in self.terminals:
            terminal.close()

    def log_lines(self):
        return self.log.since(self.mark)

    def transcript(self):
        return "\n".join(terminal.text for terminal in self.terminals)

    # -- recipes ---------------------------------------------------------------------------------

    def substitute(self, text):
        for old, new in self.SUBSTITUTES.items():
            text = text.replace(old, new(self))
        return text

    def files(self, section):
        return self.put(self.readme.take(section))

    def put(self, block):
        for path, how, mark, lines in block.files():
            put(path, how, mark, self.substitute("\n".join(lines)).split("\n"))
        return block

    def command(self, line, stdin=""):
        """One command, typed by root in the sources; its output."""
        done = subprocess.run(["/bin/bash", "-c", self.substitute(line)], cwd=COPY, input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env=environment(MAKEFLAGS="-j2"), timeout=1800)
        expect(done.returncode == 0, line, "ended with", done.returncode, done.stdout[-2000:])
        return done.stdout

    def commands(self, section, stdin=""):
        return "".join(self.command(line, stdin) for line in self.readme.take(section).commands())

    # -- doors -----------------------------------------------------------------------------------

    def sshd(self):
        """(Re)start the host's own sshd with its own configuration."""
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait(240)
        self.daemon = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-o", "ListenAddress=127.0.0.1"], stdin=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        wait_listening(22)

    def terminal(self, *argv, **more):
        terminal = Terminal(list(argv), env=environment(TERM="dumb"), **more)
        self.terminals.append(terminal)
        return terminal

    def ssh(self, user, *options):
        return self.terminal("/usr/bin/ssh", "-F", "none", "-o", "NoHostAuthenticationForLocalhost=yes", "-o",
                             "LogLevel=ERROR", "-o", "NumberOfPasswordPrompts=1", *options, user + "@127.0.0.1",
                             "echo WELCOME-$(id -un)")

    def sudo(self, user, *options):
        return self.terminal("/usr/bin/setpriv", "--reuid", user, "--regid", user, "--init-groups", "--", "/usr/bin/sudo",
                             "-k", *(options or ("sh", "-c", "echo WELCOME-$(id -un)")))

    def su(self, caller, user):
        return self.terminal("/usr/bin/setpriv", "--reuid", caller, "--regid", caller, "--init-groups", "--",
                             "/usr/bin/su", user, "-c", "echo WELCOME-$(id -un)")

    def sign_in(self, terminal, account):
        """From the prompt to the pasted code; the prompt."""
        prompt = terminal.prompt()
        account = account if "@" in account else "%s@%s" % (account, DOMAIN)
        terminal.answer(code_of(self.sandbox.sign_in(prompt.url, account)))
        return prompt

    @staticmethod
    def welcome(terminal, user):
        terminal.wait("WELCOME-" + user)
        status, text = terminal.end()
        expect(status == 0, "welcome, but ended with", status, text[-300:])

    @staticmethod
    def refused(terminal):
        status, text = terminal.end()
        expect("WELCOME-" not in text.replace("WELCOME-$", "") and status != 0, "not refused:", status, text[-400:])
        return text

    def saw(self, pattern):
        """A line of the log of this case."""
        return within(5, lambda: next((line for line in self.log_lines() if re.search(pattern, line)), None),
                      "in the log: " + pattern)


def private_parent(path):
    """What is made in this folder is the test's own; the folders that are there are those of before."""
    new = HOME + "/parent" + path.replace("/", "-")
    os.makedirs(new)
    for name in os.listdir(path):
        if os.path.isdir(path + "/" + name) and not os.path.islink(path + "/" + name):
            os.mkdir(new + "/" + name)
            run("mount", "--rbind", path + "/" + name, new + "/" + name)
    run("mount", "--rbind", new, path)


def private_copy(path, hide=None):
    """A copy in its place, and nothing else in the folder `hide`."""
    copy = HOME + "/copy" + path.replace("/", "-")
    shutil.copytree(path, copy, symlinks=True)
    if hide:
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", hide)
        os.makedirs(path)
    run("mount", "--bind", copy, path)


def type_password(terminal, password=UNIX_PASSWORD):
    terminal.wait(r"assword[^:\n]*: ?")
    terminal.answer(password)
