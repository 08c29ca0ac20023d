"""What the suites of silent sign-ins share: sessions that stay open, in which a person types."""

import glob
import json
import os
import re
import shutil

from cases import sign_in
from harness import expect, within
from person import code_of, environment  # noqa: F401
from world import HOME, run, write

# An sshd and a sudo whose service files have every phase
STACK = ("auth required MODULE", "account required MODULE", "account required pam_unix.so",
         "session required pam_permit.so", "session optional MODULE", "password required pam_deny.so")
SUDOERS = ("Defaults pam_service=wfsudo, pam_login_service=wfsudo, pam_askpass_service=wfsudo\n"
           "Defaults timestamp_timeout=0, passwd_tries=1, !lecture, !fqdn\n%s"
           "root ALL=(ALL:ALL) ALL\nalice ALL=(ALL:ALL) ALL\nbob ALL=(ALL:ALL) ALL\n")
MAY_BE_SILENT = {"flow": "refresh, code", "max_age": "10m"}
KEY_FIRST = {"PubkeyAuthentication": "yes", "AuthenticationMethods": "publickey,keyboard-interactive"}
BY_KEY = {"PubkeyAuthentication": "yes"}


def setup(world):
    write_sudoers()
    os.makedirs("/var/lib/sudo/lectured", exist_ok=True)
    world.ports = {}


def write_sudoers(more="Defaults noninteractive_auth\n"):
    write("/etc/sudoers", SUDOERS % more, 0o440)


def begin(world, services, **provider):
    """The configuration of a case: {service: {key: value}}. Every service has all phases."""
    more = "".join("\n[service %s]\n%s" % (name, "".join("%s = %s\n" % pair for pair in keys.items()))
                   for name, keys in services.items())
    world.configure(provider=provider, more=more)
    for service in ("wfsshd", "wfsudo", "su"):
        world.pam(service, *STACK)


def port(world, **options):
    """An sshd with these options; it is started once, for all cases."""
    kind = json.dumps(options, sort_keys=True)
    if kind not in world.ports:
        world.ports[kind] = world.sshd(**options)
    return world.ports[kind]


def key_of(name):
    """A key pair; the file of its private half."""
    path = HOME + "/key-" + name
    if not os.path.exists(path):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
    return path


def with_key(user="alice"):
    """Options of ssh with a key that is accepted for this user."""
    folder = "/home/%s/.ssh" % user
    os.makedirs(folder, exist_ok=True)
    shutil.copyfile(key_of(user) + ".pub", folder + "/authorized_keys")
    return ("-i", key_of(user), "-o", "PreferredAuthentications=publickey,keyboard-interactive")


class Shell:
    """A shell that goes on, in a terminal of its own."""

    def __init__(self, world, terminal, user):
        self.world = world
        self.terminal = terminal
        self.user = user
        self.lines = 0

    def ready(self):
        """It answers, as this user."""
        found = self.run("id -un")
        expect(found.split()[-1] == self.user, "the shell is", found)
        learn(self.world)
        return self

    def type(self, line):
        self.lines += 1
        self.terminal.answer('%s; echo "END-%d-$?-"' % (line, self.lines))

    def ended(self, status=0):
        """What was shown until the line's end."""
        before = self.terminal.wait(r"END-%d-(\d+)-" % self.lines)
        found = int(self.terminal.child.match.group(1))
        expect(status is None or found == status, "it ended with", found, before)
        learn(self.world)
        # What was typed is shown, too
        return before.replace("\r", "").split('-%d-$?-"' % self.lines)[-1]

    def interrupt(self, by="sudo"):
        """Ctrl-C at a prompt of this program: the shell is back."""
        self.terminal.interrupt(by)
        self.terminal.wait(r"\$ ")

    def run(self, line, status=0):
        self.type(line)
        return self.ended(status)

    def sudo(self, *options):
        """sudo asks nothing and works."""
        text = self.run("sudo %s sh -c 'echo I-AM-$(id -un)'" % " ".join(options))
        expect("I-AM-root" in text and "Open this address" not in text, text)

    def sudo_asks(self, by=None):
        """sudo asks. Nobody answers, or `by` does and is let in."""
        self.type("sudo sh -c 'echo I-AM-$(id -un)'")
        prompt = self.terminal.prompt()
        if by is None:
            self.interrupt()
            return prompt
        self.terminal.answer(code_of(sign_in(self.world, prompt, by)))
        expect("I-AM-root" in self.ended(), "not in")
        return prompt

    def sudo_refused(self):
        """sudo refuses without a question; what it said."""
        text = self.run("sudo sh -c 'echo I-AM-$(id -un)'", None)
        expect("I-AM-" not in text and "Open this address" not in text, text)
        return text

    def leave(self):
        self.terminal.answer("exit")
        self.terminal.end()


def ssh(world, at, user="alice", *options):
    """A client in a terminal, and a shell at the other end."""
    return Shell(world, world.ssh(at, user, "exec sh -i", "-tt", *options), user)


def ssh_by_code(world, at, user="alice", *options, by=None):
    """Signed in by code."""
    shell = ssh(world, at, user, *options)
    shell.prompt = shell.terminal.prompt()
    shell.terminal.answer(code_of(sign_in(world, shell.prompt, by or user)))
    return shell.ready()


def ssh_silently(world, at, user="alice", *options):
    """In without a question."""
    shell = ssh(world, at, user, *options).ready()
    expect("Open this address" not in shell.terminal.text, shell.terminal.text)
    return shell


def ssh_refused(world, at, user="alice", *options):
    """Neither a question nor a shell."""
    terminal = world.ssh(at, user, "echo WELCOME", *options)
    status, text = terminal.end()
    expect(status != 0 and "WELCOME" not in text, "let in:", text)
    expect("Open this address" not in text, "asked:", text)
    return text


def ssh_asks(world, at, user="alice", *options):
    """It asks, and nobody answers."""
    terminal = world.ssh(at, user, "echo WELCOME", *options)
    prompt = terminal.prompt()
    terminal.close()
    return prompt


def local(world, user="alice"):
    """A shell in a terminal of the machine's own, as a graphical session has them."""
    return Shell(world, world.as_user(user, "/bin/sh", "-i"), user).ready()


# -- what is kept, and what was asked ---------------------------------------------------------------

def kept(world, kind="session"):
    """[(path, what is in it)]"""
    found = []
    for path in sorted(glob.glob("%s/%s-*" % (world.state, kind))):
        try:
            with open(path, encoding="utf-8") as file:
                found.append((path, json.load(file)))
        except FileNotFoundError:
            pass  # replaced or removed just now
    return found


def learn(world):
    """Tokens that are kept may stand in no log."""
    for _path, record in kept(world):
        for name in ("access_token", "refresh_token"):
            if record.get(name) and record[name] not in world.sandbox.secrets:
                world.sandbox.secrets.append(record[name])


def change(path, **members):
    """Something else in a file that is kept."""
    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    record.update(members)
    write(path, json.dumps(record), 0o600)


def asked(world):
    """The requests since the last call: their endpoints and statuses."""
    found = [(r["endpoint"], r["status"]) for r in world.sandbox.requests()
             if r["endpoint"] in ("token", "search", "logout")]
    world.sandbox.run("requests", "--clear")
    return found


def silent_lines(world, action="silent-sign-in"):
    return [(line["verdict"], line.get("reason")) for line in world.audit(action)]


def last(world, action="silent-sign-in"):
    """The last decision of this kind, once it is written."""
    within(5, lambda: silent_lines(world, action), "an audit line")
    return silent_lines(world, action)[-1]


def saw(world, pattern):
    """A line of the log of this case."""
    return within(5, lambda: next((line for line in world.log_lines() if re.search(pattern, line)), None),
                  "in the log: " + pattern)
