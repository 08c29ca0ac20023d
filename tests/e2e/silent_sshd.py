"""Silent sign-ins at sshd: as a second factor behind a key, and the account check of who comes by key."""

import glob
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import silent  # noqa: E402
from bearer import command  # noqa: E402
from cases import sign_in  # noqa: E402
from harness import Suite, expect, within  # noqa: E402
from person import code_of, environment  # noqa: E402
from session import call  # noqa: E402
from silent import (BY_KEY, KEY_FIRST, MAY_BE_SILENT, asked, begin, kept, last, port, saw, silent_lines,  # noqa: E402
                    ssh_asks, ssh_by_code, ssh_refused, ssh_silently, with_key, write_sudoers)
from world import DOMAIN, HOME, SHORT, main, run, write  # noqa: E402

suite = Suite()
ALICE = "alice@" + DOMAIN
SEARCH = ("search", 200)
WRONG_KEY = ("-i", HOME + "/key-nobody", "-o", "PreferredAuthentications=publickey,keyboard-interactive")


def setup(world):
    silent.setup(world)
    silent.key_of("nobody")
    world.rotating, _ = world.sandbox.app("spa", "rotating", world.callback, "--rotation", "on")


def account(world, *options):
    world.sandbox.run("user", "edit", ALICE, *options)


class Deactivated:
    """A while in which alice's account is not active."""

    def __init__(self, world):
        self.world = world

    def __enter__(self):
        account(self.world, "--inactive")

    def __exit__(self, *problem):
        account(self.world, "--active")


# -- a key, and then the sign-in --------------------------------------------------------------------

def second_factor(world, **keys):
    begin(world, {"wfsshd": dict(MAY_BE_SILENT, **keys), "wfsudo": MAY_BE_SILENT})
    return port(world, **KEY_FIRST)


@suite.case("key and code; then the key alone, and a sudo in that session; after max_age asked")
def key_then_code(world):
    at = second_factor(world)
    first = ssh_by_code(world, at, "alice", *with_key())
    asked(world)
    second = ssh_silently(world, at, "alice", *with_key())
    expect(asked(world) == [SEARCH], "not one look-up")
    line = world.audit("silent-sign-in")[0]
    for name, value in (("service", "wfsshd"), ("user", "alice"), ("rhost", "127.0.0.1"), ("verdict", "accept")):
        expect(line.get(name) == value, name, "is", line.get(name), "in", line["line"])
    second.sudo()
    first.sudo()
    expect("WFAUTH" not in second.run("env; cat /proc/self/environ"), "the environment")
    time.sleep(1.1)
    second_factor(world, max_age="1s")
    ssh_asks(world, at, "alice", *with_key())
    expect(silent_lines(world) == [("accept", None)] * 3, silent_lines(world))


@suite.case("a silent login makes no sign-in younger")
def not_younger(world):
    at = second_factor(world)
    ssh_by_code(world, at, "alice", *with_key())
    time.sleep(3)
    second = ssh_silently(world, at, "alice", *with_key())
    begin(world, {"wfsshd": MAY_BE_SILENT, "wfsudo": dict(MAY_BE_SILENT, max_age="3s")})
    second.sudo_asks()


@suite.case("no key, a wrong key, another's key: refused without a question")
def wrong_key(world):
    at = second_factor(world)
    ssh_by_code(world, at, "alice", *with_key())
    with_key("bob")
    for options in ((), WRONG_KEY, ("-i", silent.key_of("bob"), *WRONG_KEY[2:])):
        ssh_refused(world, at, "alice", *options)
    expect(not silent_lines(world), silent_lines(world))


@suite.case("a key that was refused, where the sign-in alone is enough: asked")
def refused_key(world):
    at = second_factor(world)
    ssh_by_code(world, at, "alice", *with_key())
    ssh_asks(world, port(world, PubkeyAuthentication="yes"), "alice", *WRONG_KEY)
    ssh_asks(world, port(world), "alice")
    expect(not silent_lines(world), silent_lines(world))


@suite.case("another's key and session: asked for their own sign-in")
def anothers(world):
    at = second_factor(world)
    ssh_by_code(world, at, "alice", *with_key())
    prompt = ssh_asks(world, at, "bob", *with_key("bob"))
    expect("Sign in as bob" in prompt.head, prompt.head)


@suite.case("deactivated: refused at once and again, then asked by nobody's key; back by a new sign-in")
def deactivated(world):
    for options in ((), ("--lenient-inactive",)):
        world.sandbox.restart(*options)
        at = second_factor(world)
        ssh_by_code(world, at, "alice", *with_key())
        ssh_silently(world, at, "alice", *with_key())
        with Deactivated(world):
            ssh_refused(world, at, "alice", *with_key())
            expect(last(world) == ("refuse", "inactive"), options, silent_lines(world))
            # The session is over: only a person can begin another, and this one cannot
            terminal = world.ssh(at, "alice", "echo WELCOME", *with_key())
            prompt = terminal.prompt()
            if options:
                terminal.answer(code_of(sign_in(world, prompt)))
                terminal.prompt()
                expect(last(world, "sign-in") == ("refuse", "inactive"), silent_lines(world, "sign-in"))
            terminal.close()
        ssh_by_code(world, at, "alice", *with_key())
        ssh_silently(world, at, "alice", *with_key())
        world.close_terminals()
        world.forget()
    world.sandbox.restart()


@suite.case("the provider is down: refused as unreachable, not asked; with grace let in, and the log says so")
def down(world):
    at = second_factor(world)
    ssh_by_code(world, at, "alice", *with_key())
    begin(world, {"wfsshd": MAY_BE_SILENT}, timeout=SHORT)
    for kind in ("503", "hang"):
        world.sandbox.fault("search", kind)
        ssh_refused(world, at, "alice", *with_key())
        expect(last(world) == ("refuse", "unreachable"), silent_lines(world))
        world.sandbox.run("fault", "clear")
    at = second_factor(world, grace="1h")
    ssh_silently(world, at, "alice", *with_key())
    world.sandbox.fault("search", "503")
    ssh_silently(world, at, "alice", *with_key())
    saw(world, "grace goes by what provider acme said")


# -- the account check ------------------------------------------------------------------------------

def checked(world, check, **keys):
    """An sshd that takes keys alone, and one for sign-ins."""
    begin(world, {"wfsshd": dict({"account_check": check}, **keys)})
    return port(world, **BY_KEY)


def known(world):
    """alice has signed in once."""
    ssh_by_code(world, port(world)).leave()
    asked(world)


@suite.case("account_check: the active pass, one look-up each")
def check_active(world):
    for check in ("yes", "known"):
        at = checked(world, check)
        known(world)
        ssh_silently(world, at, "alice", *with_key())
        expect(asked(world) == [SEARCH], "not one look-up")
        line = world.audit("account")[-1]
        expect(line["verdict"] == "accept" and line["service"] == "wfsshd" and "subject" in line, line["line"])
        world.forget()


@suite.case("account_check: who has never signed in is refused by yes, passes by known, is not asked about by no")
def check_unknown(world):
    ssh_refused(world, checked(world, "yes"), "alice", *with_key())
    expect(last(world, "account") == ("refuse", "denied"), silent_lines(world, "account"))
    for check in ("known", "no"):
        ssh_silently(world, checked(world, check), "alice", *with_key())
    expect(not asked(world) and len(silent_lines(world, "account")) == 1, silent_lines(world, "account"))


@suite.case("account_check: deactivated: refused at once and again; back by a new sign-in")
def check_deactivated(world):
    for options in ((), ("--lenient-inactive",)):
        for check in ("yes", "known"):
            world.sandbox.restart(*options)
            at = checked(world, check)
            known(world)
            with Deactivated(world):
                for _ in range(2):
                    ssh_refused(world, at, "alice", *with_key())
                    expect(last(world, "account") == ("refuse", "inactive"), silent_lines(world, "account"))
            # Nobody is asked about who is over
            asked(world)
            ssh_refused(world, at, "alice", *with_key())
            expect(not asked(world), "asked")
            known(world)
            ssh_silently(world, at, "alice", *with_key())
            world.forget()
    world.sandbox.restart()


@suite.case("account_check at sudo, which asks for no password: refused at once and again")
def check_sudo(world):
    begin(world, {"wfsudo": {"account_check": "yes"}})
    write_sudoers("Defaults !authenticate\n")
    shell = ssh_by_code(world, port(world))
    shell.sudo()
    with Deactivated(world):
        shell.sudo_refused()
        shell.sudo_refused()
    expect(silent_lines(world, "account")[-2:] == [("refuse", "inactive")] * 2, silent_lines(world, "account"))
    write_sudoers()


@suite.case("account_check: the provider is down: refused as unreachable; with grace let in; not beyond it")
def check_down(world):
    at = checked(world, "yes", grace="1h")
    known(world)
    ssh_silently(world, at, "alice", *with_key())
    world.sandbox.fault("search", "503")
    ssh_silently(world, at, "alice", *with_key())
    saw(world, "grace goes by what provider acme said")
    time.sleep(1.1)
    checked(world, "yes", grace="1s")
    ssh_refused(world, at, "alice", *with_key())
    expect(last(world, "account") == ("refuse", "unreachable"), silent_lines(world, "account"))
    checked(world, "yes")
    ssh_refused(world, at, "alice", *with_key())
    world.sandbox.run("fault", "clear")
    ssh_silently(world, at, "alice", *with_key())


# -- to whom a name belongs -------------------------------------------------------------------------

@suite.case("a recycled user name does not inherit: by code, by sudo, by the account check; after unpin it does")
def recycled(world):
    begin(world, {"wfsshd": {"account_check": "yes"}, "wfsudo": MAY_BE_SILENT})
    shell = ssh_by_code(world, port(world))
    shell.sudo()
    account(world, "--rename", "old-alice@" + DOMAIN)
    world.sandbox.user(ALICE)
    try:
        # The old one is alice no more, and the new one is not the one whose name it was
        shell.sudo_refused()
        expect(last(world) == ("refuse", "identity"), silent_lines(world))
        ssh_refused(world, port(world, **BY_KEY), "alice", *with_key())
        expect(last(world, "account") == ("refuse", "identity"), silent_lines(world, "account"))
        terminal = world.ssh(port(world), "alice", "echo WELCOME")
        terminal.answer(code_of(sign_in(world, terminal.prompt())))
        terminal.prompt()
        terminal.close()
        saw(world, "sign-in service=.*verdict=refuse reason=identity .*wfauth unpin alice")
        done = subprocess.run(command(world, "unpin", "alice"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, env=environment(), check=False)
        expect(done.returncode == 0 and "alice" in done.stdout, done)
        # Even if the old one were alice again: their session must not take the name back
        ssh_refused(world, port(world, **BY_KEY), "alice", *with_key())
        expect(last(world, "account") == ("refuse", "inactive"), silent_lines(world, "account"))
        new = ssh_by_code(world, port(world))
        new.sudo()
        # The old one's session is another person's
        shell.sudo_asks()
        ssh_silently(world, port(world, **BY_KEY), "alice", *with_key())
    finally:
        world.sandbox.run("user", "delete", ALICE)
        world.sandbox.run("user", "edit", "old-alice@" + DOMAIN, "--rename", ALICE)


class MadeAnew:
    """A while in which alice's Unix account is another one, with its own id."""

    def __enter__(self):
        run("usermod", "-u", "1601", "alice")

    def __exit__(self, *problem):
        run("usermod", "-u", "1501", "alice")


@suite.case("a Unix account made anew inherits no session: asked, refused by the account check, no token")
def made_anew(world):
    at = second_factor(world)
    ssh_by_code(world, at, "alice", *with_key()).leave()
    ssh_silently(world, at, "alice", *with_key()).leave()
    with MadeAnew():
        ssh_asks(world, at, "alice", *with_key())
        for check in ("yes", "known"):
            begin(world, {"wfsshd": {"account_check": check}, "wfsudo": MAY_BE_SILENT})
            ssh_refused(world, port(world, **BY_KEY), "alice", *with_key())
            expect(last(world, "account") == ("refuse", "inactive"), silent_lines(world, "account"))
        saw(world, "of user id 1501, and alice has another one now")
        exporting(world)
        os.chown(RUNTIME + "/alice", 1601, 1501)
        shell = ssh_silently(world, port(world, **BY_KEY), "alice", *with_key())
        expect("WFAUTH" not in shell.run("env"), "a token of whoever had the name before")
        shell.leave()
    second_factor(world)
    ssh_silently(world, at, "alice", *with_key())


# -- a token for the person's tools -----------------------------------------------------------------

RUNTIME = "/run/user"
TOKEN_FILE = RUNTIME + "/alice/wfauth/acme"


def exporting(world, runtime=RUNTIME + "/@{PAM_USER}", **provider):
    """Two sshds that give a runtime directory as pam_systemd does: by key, by code."""
    for name, uid in (("alice", 1501), ("bob", 1502)):
        os.makedirs(RUNTIME + "/" + name, exist_ok=True)
        os.chmod(RUNTIME + "/" + name, 0o700)
        os.chown(RUNTIME + "/" + name, uid, uid)
    begin(world, {"wfsshd": {"token_export": "yes"}, "wfsudo": MAY_BE_SILENT, "su": MAY_BE_SILENT}, **provider)
    write(HOME + "/runtime.conf", "XDG_RUNTIME_DIR DEFAULT=%s\n" % runtime, 0o644)
    world.pam("wfsshd", *[line.replace("session required pam_permit.so",
                                       "session required pam_env.so readenv=0 conffile=%s/runtime.conf" % HOME)
                          for line in silent.STACK])


def whose(world, token):
    """Whose session it is, asked of the sandbox; None: nobody's."""
    query = urllib.parse.urlencode({"ID": "$$USER.ID", "ID_Mod": "eq", "fields": "ID,username"})
    try:
        found = call(world, "/attask/api/v20.0/user/search?" + query, None, {"sessionID": token})
    except urllib.error.HTTPError:
        return None
    return found["data"][0]["username"]


def token_in(world):
    with open(TOKEN_FILE, encoding="utf-8") as file:
        token = file.read().strip()
    world.sandbox.secrets.append(token)
    return token


def gone():
    within(10, lambda: not os.path.lexists(os.path.dirname(TOKEN_FILE)), "the token's file is gone")


@suite.case("token_export: a file of the person's; it goes with the last session, and so does the token")
def export(world):
    exporting(world)
    first = ssh_by_code(world, port(world))
    expect(TOKEN_FILE in first.run("echo $WFAUTH_TOKEN_FILE"), first.terminal.text[-200:])
    info, folder = os.stat(TOKEN_FILE), os.stat(os.path.dirname(TOKEN_FILE))
    expect(stat.S_IMODE(info.st_mode) == 0o600 and info.st_uid == 1501, oct(info.st_mode), info.st_uid)
    expect(stat.S_IMODE(folder.st_mode) == 0o700 and folder.st_uid == 1501, oct(folder.st_mode), folder.st_uid)
    token = token_in(world)
    expect(whose(world, token) == ALICE, "whose token is it?")
    expect(token in first.run("cat $WFAUTH_TOKEN_FILE"), "the person cannot read it")
    found = first.run("env")
    expect(token not in found and "WFAUTH_SIGN_IN" not in found, "a secret in the environment")
    second = ssh_silently(world, port(world, **BY_KEY), "alice", *with_key())
    expect(TOKEN_FILE in second.run("echo $WFAUTH_TOKEN_FILE"), "a login by key gets none")
    first.leave()
    time.sleep(1)
    asked(world)
    expect(os.path.exists(TOKEN_FILE) and whose(world, token) == ALICE, "it went with the first of two")
    world.sandbox.run("requests", "--clear")
    second.leave()
    gone()
    within(10, lambda: ("logout", 200) in [(r["endpoint"], r["status"]) for r in world.sandbox.requests()], "a log-out")
    within(10, lambda: whose(world, token) is None, "the token is over")
    # The session that is kept goes on
    world.sandbox.run("requests", "--clear")
    third = ssh_silently(world, port(world, **BY_KEY), "alice", *with_key())
    expect(whose(world, token_in(world)) == ALICE, "the next session's token")
    third.leave()
    gone()


def log_outs(world):
    return [r["status"] for r in world.sandbox.requests() if r["endpoint"] == "logout"]


def kill_session(shell):
    """sshd's two processes of this session, by SIGKILL; of the one with root's rights PAM's session is."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                title = file.read().strip("\0 ")
                if title.endswith(": %s [priv]" % shell.user) or ": %s@" % shell.user in title:
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    expect(len(found) == 2, "not one session of", shell.user, found)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    shell.terminal.end()


@suite.case("token_export: a session that was killed: the next one that ends, whoever's, does it in its stead")
def export_killed(world):
    exporting(world)
    alice = ssh_by_code(world, port(world))
    token = token_in(world)
    bob = silent.ssh(world, port(world, **BY_KEY), "bob", *with_key("bob")).ready()
    kill_session(alice)
    expect(os.path.exists(TOKEN_FILE) and whose(world, token) == ALICE, "it has gone by itself")
    world.sandbox.run("requests", "--clear")
    bob.leave()
    gone()
    within(10, lambda: log_outs(world) == [200], "one log-out")
    expect(whose(world, token) is None, "the token is not over")
    saw(world, "a session of alice has ended without a word")
    # The session that is kept goes on
    ssh_silently(world, port(world, **BY_KEY), "alice", *with_key()).leave()
    gone()


@suite.case("token_export: a session that was killed beside one that lives, whose file stays")
def export_killed_beside(world):
    exporting(world)
    alice = ssh_by_code(world, port(world))
    token = token_in(world)
    kill_session(alice)
    other = ssh_silently(world, port(world, **BY_KEY), "alice", *with_key())
    bob = silent.ssh(world, port(world, **BY_KEY), "bob", *with_key("bob")).ready()
    bob.leave()
    saw(world, "a session of alice has ended without a word")
    expect(token_in(world) == token and whose(world, token) == ALICE, "the token of one that lives")
    other.leave()
    gone()
    within(10, lambda: whose(world, token) is None, "the token is over")


@suite.case("a second sign-in by code: the session of before is logged out with the last of the person's")
def replaced(world):
    exporting(world)
    first = ssh_by_code(world, port(world))
    old = token_in(world)
    asked(world)
    second = ssh_by_code(world, port(world))
    new = token_in(world)
    expect(asked(world) == [("token", 200), SEARCH] and new != old, "more than two requests")
    second.leave()
    time.sleep(1)
    expect(whose(world, old) == ALICE and whose(world, new) == ALICE, "over, and the first one lives")
    world.sandbox.run("requests", "--clear")
    first.leave()
    gone()
    within(10, lambda: whose(world, old) is None and whose(world, new) is None, "both are over")
    expect(not kept(world, "past"), kept(world, "past"))
    # Without token_export the first end of a session tells of it
    begin(world, {"wfsudo": MAY_BE_SILENT})
    for _ in range(2):
        shell = ssh_by_code(world, port(world))
        token = kept(world)[0][1]["access_token"]
        shell.leave()
    within(10, lambda: not kept(world, "past"), "taken")
    expect(whose(world, token) == ALICE, "the session that is kept")


@suite.case("token_export with rotation: the sessions after are not lost")
def export_rotation(world):
    exporting(world, client_id=world.rotating)
    ssh_by_code(world, port(world)).leave()
    gone()
    for _ in range(3):
        shell = ssh_silently(world, port(world, **BY_KEY), "alice", *with_key())
        expect(whose(world, token_in(world)) == ALICE, "the token")
        shell.leave()
        gone()


@suite.case("token_export: nothing under sudo and su, nor in another's session")
def export_others(world):
    exporting(world)
    shell = ssh_by_code(world, port(world))
    shell.run("unset WFAUTH_TOKEN_FILE")
    expect("WFAUTH" not in shell.run("sudo env"), "sudo")
    world.pam("su", "auth sufficient pam_rootok.so", *silent.STACK)
    expect("WFAUTH_TOKEN_FILE" not in run("/usr/bin/su", "alice", "-c", "env"), "su")
    bob = silent.ssh(world, port(world, **BY_KEY), "bob", *with_key("bob")).ready()
    expect("WFAUTH" not in bob.run("env") and not os.listdir(RUNTIME + "/bob"), "bob")
    text = bob.run("cat %s; ls %s; rm %s" % (TOKEN_FILE, os.path.dirname(TOKEN_FILE), TOKEN_FILE), None)
    expect(text.count("ermission denied") == 3, text)
    shell.leave()
    gone()


@suite.case("token_export: a runtime directory that is somebody else's, a link, or not there: none, and the log says so")
def export_elsewhere(world):
    os.makedirs(RUNTIME, exist_ok=True)
    if not os.path.lexists(RUNTIME + "/link"):
        os.symlink(RUNTIME + "/alice", RUNTIME + "/link")
    for runtime in ("/run/user/bob", "/run/user/link", "/run/user/none", "/run", "relative"):
        exporting(world, runtime)
        before = len(world.log_lines())
        shell = ssh_by_code(world, port(world))
        expect("WFAUTH" not in shell.run("env"), runtime)
        within(5, lambda before=before: any("gets no token" in line for line in world.log_lines()[before:]), runtime)
        expect(not os.path.lexists(TOKEN_FILE) and not os.listdir(RUNTIME + "/bob"), runtime)
        # The session is bound all the same
        shell.sudo()
        shell.leave()
    os.unlink(RUNTIME + "/link")


@suite.case("token_export: what the person has put in its place is replaced or removed, and not followed")
def export_attacked(world):
    victim = HOME + "/victim"
    exporting(world)
    for trick in ("ln -s %s acme" % victim, "ln -s %s/missing acme" % HOME, "mkfifo acme", "echo old >acme; chmod 644 acme"):
        write(victim, "untouched", 0o644)
        run("rm", "-rf", os.path.dirname(TOKEN_FILE))
        run("/usr/bin/setpriv", "--reuid", "alice", "--regid", "alice", "--init-groups", "--", "/bin/sh", "-c",
            "umask 077; mkdir %s; cd %s; %s" % (os.path.dirname(TOKEN_FILE), os.path.dirname(TOKEN_FILE), trick))
        shell = ssh_by_code(world, port(world))
        info = os.lstat(TOKEN_FILE)
        expect(stat.S_ISREG(info.st_mode) and stat.S_IMODE(info.st_mode) == 0o600, trick, oct(info.st_mode))
        expect(whose(world, token_in(world)) == ALICE, trick)
        shell.leave()
        gone()
        with open(victim, encoding="utf-8") as file:
            expect(file.read() == "untouched", trick)
        expect(not os.path.exists(HOME + "/missing"), trick)
        world.forget()


# -- a disk that takes nothing ----------------------------------------------------------------------

def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 1024)
        except OSError:
            pass


@suite.case("a full disk, a read-only folder: who is pinned gets in by code, and the log warns; a new name does not")
def no_room(world):
    begin(world, {"wfsudo": MAY_BE_SILENT})
    for how in ("full", "read-only"):
        os.makedirs(world.state, mode=0o700, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "mode=700,size=64k", "tmpfs", world.state)
        try:
            ssh_by_code(world, port(world)).sudo()
            if how == "full":
                fill(world.state + "/ballast")
            else:
                run("mount", "-o", "remount,ro", world.state)
            shell = ssh_by_code(world, port(world))
            saw(world, "the sign-in of alice is good, but it is not kept")
            shell.sudo_asks(by="alice")
            terminal = world.ssh(port(world), "bob", "echo WELCOME")
            terminal.answer(code_of(sign_in(world, terminal.prompt(), "bob")))
            status, text = terminal.end()
            expect(status != 0 and "WELCOME" not in text, how, text)
            saw(world, 'sign-in service="wfsshd" user="bob" .*verdict=refuse reason=config')
            world.close_terminals()
        finally:
            run("umount", "-l", world.state)


@suite.case("a folder that others can read: nobody is let in silently, and the log says what to type")
def open_folder(world):
    begin(world, {"wfsudo": MAY_BE_SILENT})
    shell = ssh_by_code(world, port(world))
    os.chmod(world.state, 0o755)
    text = shell.sudo_refused()
    expect("I-AM" not in text, text)
    saw(world, "chmod 700")
    os.chmod(world.state, 0o700)
    shell.sudo()


if __name__ == "__main__":
    sys.exit(main(suite, setup))
