"""The world of an end-to-end test: users, configuration, PAM services, sshd, sandbox and log.

Runs as root inside tests/lib/isolate.sh alone: it writes /etc, which is a copy there.
"""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from collector import Collector
from harness import expect, within
from person import Terminal, environment
from sandbox import Sandbox, wait_listening

HOME = "/run/wf"
DOMAIN = "acme.example"
UNIX_PASSWORD = "a local Unix password"
# A provider's time-out. Where an answer comes none is to be lost on a busy machine; where none comes
# it is waited for.
LONG, SHORT = "30s", "2s"
# Local accounts: name -> uid. All but the last have a password and a shell.
USERS = {"alice": 1501, "bob": 1502, "carol": 1503, "dave": 1504, "erin": 1505, "young": 900}


class World:
    """What every case starts from; reset() restores it."""

    def __init__(self, root, build):
        expect(os.environ.get("HOME") and os.path.exists("/dev/pts/ptmx"), "run by tests/lib/isolate.sh")
        self.root = root
        self.module = glob.glob(root + "/**/pam_workfront.so", recursive=True)[0]
        self.conf = root + "/etc/wfauth/wfauth.conf"
        # Sessions, pins and time stamps, in root's default folder; every case begins without any,
        # but where cases build on each other
        self.state = root + "/var/lib/wfauth"
        self.forgets = True
        self.log = Collector()
        self.mark = 0
        self.terminals = []
        self.daemons = {}
        self.sanitized = "asan" in os.path.basename(build)
        os.makedirs(HOME, mode=0o755, exist_ok=True)
        # Other suites run at the same time with the same prefix
        for path in (os.path.dirname(self.conf), root + "/var"):
            os.makedirs(path, exist_ok=True)
            run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", path)
        os.makedirs(os.path.dirname(self.state))
        os.chmod(HOME, 0o755)
        self.make_users()
        if self.sanitized:
            self.preload_sanitizers()
        self.sandbox = Sandbox(find_program(build, "wfauth-sandbox"), HOME + "/sandbox", "--domain", "acme")
        self.callback = self.sandbox.url + "/callback/"
        self.ca = HOME + "/ca.pem"
        shutil.copyfile(self.sandbox.directory + "/ca.pem", self.ca)
        self.make_provider()

    # -- users ---------------------------------------------------------------------------------

    def make_users(self):
        run("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "_wfauth", may_fail=True)
        for name, uid in USERS.items():
            run("useradd", "--create-home", "--shell", "/bin/bash", "--uid", str(uid), name)
        lines = "".join("%s:%s\n" % (name, UNIX_PASSWORD) for name in list(USERS) + ["root"])
        run("chpasswd", "-c", "SHA256", "-s", "1000", stdin=lines)

    def make_provider(self):
        box = self.sandbox
        self.staff = box.group("group", "Staff")
        self.guests = box.group("group", "Guests")
        self.role = box.group("role", "Operator")
        for name in ("alice", "bob", "carol"):
            box.user("%s@%s" % (name, DOMAIN), "--group-id", self.staff, "--role-id", self.role)
        box.user("dave@" + DOMAIN, "--inactive", "--group-id", self.staff)
        box.user("erin@elsewhere.example", "--group-id", self.guests)
        self.spa, _ = box.app("spa", "terminal", self.callback)
        self.web, secret = box.app("web", "terminal with a secret", self.callback)
        self.secret_file = HOME + "/secret"
        write(self.secret_file, secret + "\n", 0o600)
        # One whose codes are bound to no verifier: there only "used" and "expired" are wrong with a code
        self.loose, secret = box.app("web", "loose", self.callback, "--bind-pkce", "off")
        self.loose_secret_file = HOME + "/secret.loose"
        write(self.loose_secret_file, secret + "\n", 0o600)
        self.map_file = HOME + "/map"
        write(self.map_file, "boss@elsewhere.example alice\nother@elsewhere.example bob\n", 0o644)

    @staticmethod
    def other_ca():
        """A certificate of an authority that signed nothing here."""
        path = HOME + "/other-ca.pem"
        if not os.path.exists(path):
            run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-days", "2",
                "-keyout", HOME + "/other-key.pem", "-out", path)
            os.chmod(path, 0o644)
        return path

    # -- configuration ---------------------------------------------------------------------------

    def configure(self, provider=None, service=None, more="", path=None):
        """Write wfauth.conf; a value of None leaves the default key out."""
        keys = {"type": "workfront", "url": self.sandbox.url, "client_id": self.spa,
                "redirect_uri": self.callback, "ca_file": self.ca, "timeout": LONG}
        keys.update(provider or {})
        rules = {"provider": "acme", "username": "username, emailAddr", "strip_domain": DOMAIN, "qr": "no"}
        rules.update(service or {})
        text = "[provider acme]\n" + lines_of(keys) + "\n[service *]\n" + lines_of(rules) + more
        write(path or self.conf, text, 0o644)

    def replace_conf(self, made):
        """(text, mode) instead of the configuration; None: no file at all."""
        os.unlink(self.conf)
        if made:
            write(self.conf, *made)

    def pam(self, service, *lines):
        """Write /etc/pam.d/SERVICE. MODULE stands for the module, with its configuration and folder."""
        module = "%s config=%s state=%s" % (self.module, self.conf, self.state)
        text = "".join(line.replace("MODULE", module) + "\n" for line in lines)
        write("/etc/pam.d/" + service, text, 0o644)

    def pam_default(self, service):
        self.pam(service, "auth required MODULE", "account required MODULE", "account required pam_unix.so",
                 "session required pam_permit.so", "password required pam_deny.so")

    def close_terminals(self):
        for terminal in self.terminals:
            terminal.close()

    def reset(self):
        self.close_terminals()
        self.terminals = []
        self.sandbox.clear()
        self.configure()
        if self.forgets:
            self.forget()
        for service in ("wfsshd", "wfsudo", "su"):
            self.pam_default(service)
        self.mark = self.log.mark()

    def forget(self):
        """No session, no pin, no time stamp."""
        shutil.rmtree(self.state, ignore_errors=True)

    # -- programs --------------------------------------------------------------------------------

    def terminal(self, argv, **more):
        terminal = Terminal(argv, **more)
        self.terminals.append(terminal)
        return terminal

    def sshd(self, service="wfsshd", **options):
        """Start a private sshd whose PAM service has this name; its port."""
        key = HOME + "/hostkey"
        if not os.path.exists(key):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        program = "%s/%s" % (HOME, service)
        if not os.path.lexists(program):
            os.symlink("/usr/sbin/sshd", program)
        port = 2200 + len(self.daemons)
        settings = {"Port": port, "ListenAddress": "127.0.0.1", "HostKey": key, "PidFile": "none",
                    "UsePAM": "yes", "KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no",
                    "PubkeyAuthentication": "no", "LogLevel": "VERBOSE", "UseDNS": "no", "StrictModes": "no",
                    "MaxStartups": "100", "PrintMotd": "no", "PrintLastLog": "no"}
        settings.update(options)
        config = "%s.%d.conf" % (program, port)
        write(config, "".join("%s %s\n" % pair for pair in settings.items()), 0o600)
        with open("%s.%d.log" % (program, port), "wb") as log:
            daemon = subprocess.Popen([program, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL,
                                      stdout=log, stderr=log)
        self.daemons[port] = daemon
        wait_listening(port)
        return port

    def ssh(self, port, user, command="id -un", *options, **more):
        """An OpenSSH client in a terminal, keyboard-interactive alone unless options say else."""
        argv = ["/usr/bin/ssh", "-F", "none", "-p", str(port), "-o", "UserKnownHostsFile=%s/known" % HOME,
                "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes",
                "-o", "NumberOfPasswordPrompts=1"]
        if not any("PreferredAuthentications" in option for option in options):
            argv += ["-o", "PreferredAuthentications=keyboard-interactive"]
        return self.terminal(argv + list(options) + [user + "@127.0.0.1", command], **more)

    def as_user(self, user, *argv, env=None, **more):
        """A program run by a local user in a terminal."""
        setpriv = ["/usr/bin/setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"]
        env = environment(HOME="/home/" + user, USER=user, LOGNAME=user, **(env or {}))
        return self.terminal(setpriv + list(argv), env=env, **more)

    # -- what was seen ---------------------------------------------------------------------------

    def log_lines(self):
        return self.log.since(self.mark)

    def audit(self, action="sign-in"):
        """The audit lines of this case, each as a dict of its quoted values."""
        found = []
        for line in self.log_lines():
            if re.search(r"\b%s service=" % action, line):
                values = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line))
                values.update(dict(re.findall(r"\b(verdict|reason)=([\w-]+)", line)))
                values["line"] = line
                found.append(values)
        return found

    def decision(self, verdict, reason=None, action="sign-in"):
        """Exactly one decision was written, and it is this one. Returns its values."""
        def written():
            return self.audit(action)
        within(3, written, "an audit line")
        time.sleep(0.05)
        lines = self.audit(action)
        expect(len(lines) == 1, len(lines), "audit lines instead of one:", [a["line"] for a in lines])
        line = lines[0]
        expect(line.get("verdict") == verdict, "verdict", line.get("verdict"), "instead of", verdict,
               line["line"])
        if reason:
            expect(line.get("reason") == reason, "reason", line.get("reason"), "instead of", reason,
                   line["line"])
        return line

    def transcript(self):
        return "\n".join("terminal %d:\n%s" % (i, terminal.text) for i, terminal in enumerate(self.terminals))

    def check_leftovers(self):
        """What must hold after every case: no process left, nothing secret in the log."""
        self.close_terminals()
        within(5, lambda: not leftovers(), "no helper and no zombie left")
        expect(self.sandbox.alive(), "the sandbox has died")
        for port, daemon in self.daemons.items():
            expect(daemon.poll() is None, "the sshd on port", port, "has died")
        whole = "\n".join(self.log.messages)
        for secret in self.sandbox.secrets:
            expect(secret not in whole, "the log holds a secret:", secret)
        for message in self.log.raw:
            expect(not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", message.rstrip(b"\0\n")),
                   "the log holds a control byte:", message)
        reports = glob.glob(HOME + "/sanitizer.*")
        if reports:
            with open(reports[0], encoding="utf-8", errors="replace") as report:
                text = report.read()
            for path in reports:
                os.unlink(path)
            raise AssertionError("a sanitizer reports: " + text)

    # -- sanitizers ------------------------------------------------------------------------------

    def preload_sanitizers(self):
        """Host programs are not built with a sanitizer, and sshd and sudo clear their environment:
        the loader's own preload file, in our copy of /etc, brings the run-time library in."""
        options = "detect_leaks=0:verify_asan_link_order=0:log_path=%s/sanitizer:log_exe_name=0" % HOME
        source = HOME + "/options.c"
        text = "".join('const char *__%s_default_options(void);\nconst char *__%s_default_options(void)\n'
                       '{\n    return "%s";\n}\n' % (kind, kind, options) for kind in ("asan", "ubsan"))
        write(source, text, 0o644)
        run("gcc", "-shared", "-fPIC", "-o", HOME + "/options.so", source)
        libraries = [run("gcc", "-print-file-name=" + name).strip() for name in ("libasan.so", "libubsan.so")]
        os.chmod(HOME, 0o1777)
        # The run-time library looks for crypt() once, at the start, where pam_unix is not yet loaded.
        libraries += glob.glob("/lib/*/libcrypt.so.1")[:1]
        write("/etc/ld.so.preload", "\n".join([HOME + "/options.so"] + libraries) + "\n", 0o644)

    def plain(self, *argv):
        """argv for a program that loads nothing of ours, and that the sanitizers keep from starting."""
        if not self.sanitized:
            return list(argv)
        return ["unshare", "-m", "sh", "-c", 'mount --bind /dev/null /etc/ld.so.preload && exec "$@"', "sh"] + list(argv)

    def close(self):
        self.close_terminals()
        for daemon in self.daemons.values():
            daemon.terminate()
        self.sandbox.stop()


def leftovers():
    """Processes that should have gone: the helper, and zombies that nobody collects."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as stat:
                text = stat.read()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        state, parent = text[text.rindex(")") + 2:].split()[:2]
        ours = parent == str(os.getpid())
        if name.startswith("wfauth-http") or (state == "Z" and not ours):
            found.append((name, state, parent))
    return found


def find_program(build, name):
    for path in glob.glob(build + "/**/" + name, recursive=True):
        if os.access(path, os.X_OK) and os.path.isfile(path) and "/.libs/" not in path:
            return path
    raise AssertionError("no %s below %s" % (name, build))


def lines_of(keys):
    return "".join("%s = %s\n" % (key, value) for key, value in keys.items() if value is not None)


def write(path, text, mode):
    """The whole file, with this mode from its first byte on."""
    if os.path.lexists(path):
        os.unlink(path)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def run(*argv, stdin=None, may_fail=False):
    done = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    expect(may_fail or done.returncode == 0, " ".join(argv), "ended with", done.returncode, done.stdout)
    return done.stdout


def main(suite, setup=None):
    """Run a suite: PROGRAM ROOT BUILD [WORD…], cases whose names contain a word."""
    # Under nohup, and in the background of a script, every program of a case would ignore them, too
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    world = World(sys.argv[1], sys.argv[2])
    if setup:
        setup(world)
    good = suite.run(world, sys.argv[3:])
    world.close()
    return 0 if good else 1
