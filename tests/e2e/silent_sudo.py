"""Silent sign-ins at sudo: in the very session in which the person has signed in, and nowhere else."""

import fcntl
import glob
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import silent  # noqa: E402
from cases import sign_in  # noqa: E402
from harness import Suite, expect, within  # noqa: E402
from person import code_of  # noqa: E402
from silent import (MAY_BE_SILENT, asked, begin, kept, last, local, port, saw, silent_lines, ssh_asks,  # noqa: E402
                    ssh_by_code, with_key, write_sudoers)
from world import HOME, LONG, SHORT, main, run, write  # noqa: E402

suite = Suite()
SEARCH = ("search", 200)
TOKEN = ("token", 200)


def setup(world):
    silent.setup(world)
    world.rotating, _ = world.sandbox.app("spa", "rotating", world.callback, "--rotation", "on")


def signed_in(world, **keys):
    """alice's SSH session, begun by code; nothing was asked since."""
    begin(world, {"wfsudo": dict(MAY_BE_SILENT, **keys), "su": MAY_BE_SILENT, "wfsshd": MAY_BE_SILENT})
    shell = ssh_by_code(world, port(world))
    asked(world)
    return shell


# -- the way it is meant ----------------------------------------------------------------------------

@suite.case("ssh by code, then sudo, sudo and sudo -n: no prompt, a look-up for each")
def whole_way(world):
    shell = signed_in(world)
    expect("scope=offline_access" in shell.prompt.url, shell.prompt.url)
    shell.sudo()
    shell.sudo()
    shell.sudo("-n")
    expect(asked(world) == [SEARCH] * 3, "not one look-up for each")
    expect(silent_lines(world) == [("accept", None)] * 3, silent_lines(world))
    line = world.audit("silent-sign-in")[0]
    for name, value in (("service", "wfsudo"), ("user", "alice"), ("provider", "acme")):
        expect(line.get(name) == value, name, "is", line.get(name), "in", line["line"])
    expect("WFAUTH" not in shell.run("env"), "the environment of the session")
    expect("WFAUTH" not in shell.run("sudo env"), "the environment of sudo")
    expect(len(kept(world)) == 1 and len(kept(world, "stamp")) == 1 and not kept(world, "pending"), os.listdir(world.state))


@suite.case("sudo with a terminal of its own for the command, and without")
def use_pty(world):
    for word in ("use_pty", "!use_pty"):
        write_sudoers("Defaults noninteractive_auth, %s\n" % word)
        signed_in(world).sudo()
    write_sudoers()


@suite.case("sudo -n without noninteractive_auth: sudo refuses by itself")
def sudo_says_no(world):
    shell = signed_in(world)
    write_sudoers("")
    text = shell.run("sudo -n true", 1)
    expect("a password is required" in text and not asked(world), text)
    write_sudoers()
    shell.sudo("-n")


@suite.case("flow = code at sudo: asked each time")
def code_alone(world):
    begin(world, {"wfsshd": MAY_BE_SILENT})
    ssh_by_code(world, port(world)).sudo_asks(by="alice")
    expect(not silent_lines(world), silent_lines(world))


@suite.case("an access token that has expired, or died: refreshed, and no refresh token is lost")
def refreshed(world):
    world.sandbox.restart("--session-lifetime", "60")
    begin(world, {"wfsudo": MAY_BE_SILENT}, client_id=world.rotating)
    shell = ssh_by_code(world, port(world))
    seen = []
    for known in (True, False, True, False):
        asked(world)
        if known:
            silent.change(kept(world)[0][0], access_expires=1)
        else:
            world.sandbox.clock("+2m")
        shell.sudo()
        found = asked(world)
        expect(found == ([TOKEN, SEARCH] if known else [("search", 401), TOKEN, SEARCH]), known, found)
        seen.append(kept(world)[0][1]["refresh_token"])
    expect(len(set(seen)) == 4, "the refresh token was not turned")
    world.sandbox.clock("reset")
    world.sandbox.restart()


@suite.case("ten at once with an expired access token: one refresh, and all are in")
def ten_at_once(world):
    begin(world, {"wfsudo": MAY_BE_SILENT}, client_id=world.rotating)
    shell = ssh_by_code(world, port(world))
    silent.change(kept(world)[0][0], access_expires=1)
    asked(world)
    text = shell.run("for i in 1 2 3 4 5 6 7 8 9 10; do sudo -n echo I-AM-IN & done; wait")
    found = asked(world)
    expect(text.count("I-AM-IN") == 10, text)
    expect(found.count(TOKEN) == 1 and found.count(SEARCH) == 10, found)
    shell.sudo()


def with_max_age(world, seconds):
    """The same session, under another max_age."""
    begin(world, {"wfsudo": dict(MAY_BE_SILENT, max_age=seconds), "wfsshd": MAY_BE_SILENT})


@suite.case("after max_age: asked; the answer counts in this terminal")
def max_age(world):
    shell = signed_in(world)
    shell.sudo()
    time.sleep(1.1)
    with_max_age(world, "1s")
    shell.sudo_asks(by="alice")
    with_max_age(world, "10m")
    shell.sudo()
    expect(sorted(stamp["kind"] for _path, stamp in kept(world, "stamp")) == ["process", "terminal"], kept(world, "stamp"))
    time.sleep(1.1)
    with_max_age(world, "1s")
    shell.sudo_asks()


@suite.case("the console: login by code, then sudo without a prompt in that session")
def console(world):
    begin(world, {"wfsudo": MAY_BE_SILENT})
    world.pam("login", *silent.STACK)
    terminal = world.terminal(["/bin/login", "alice"], env=silent.environment(TERM="dumb"))
    shell = silent.Shell(world, terminal, "alice")
    terminal.answer(code_of(sign_in(world, terminal.prompt())))
    terminal.wait(r"\$ ")
    shell.type("exec sh -i")
    shell.ready()
    asked(world)
    shell.sudo()
    expect(asked(world) == [SEARCH] and kept(world, "stamp")[0][1]["kind"] == "process", kept(world, "stamp"))
    expect("WFAUTH" not in shell.run("env"), "the environment")


@suite.case("a local terminal: by code once, then silent there, and in no other")
def local_terminal(world):
    begin(world, {"wfsudo": MAY_BE_SILENT})
    first = local(world)
    first.sudo_asks(by="alice")
    first.sudo()
    expect(kept(world, "stamp")[0][1]["kind"] == "terminal", kept(world, "stamp"))
    local(world).sudo_asks()
    first.sudo()
    # Nobody's session was opened
    expect(not kept(world, "pending"), os.listdir(world.state))


def left_behind(world, shell, leave=False):
    """What sudo -n says to a process that the session leaves behind, and, with leave, outlives."""
    os.chmod(HOME, 0o1777)
    path, go = HOME + "/left", HOME + "/go"
    shell.run("(setsid sh -c 'until test -e %s; do sleep 0.05; done; sudo -n id >%s.new 2>&1; mv %s.new %s' "
              ">/dev/null 2>&1 &)" % (go, path, path, path))
    if leave:
        shell.leave()
        # The client has gone; sshd ends the session when it has heard of that
        within(5, lambda: not kept(world, "stamp"), "the session's end")
    write(go, "", 0o644)
    within(10, lambda: os.path.exists(path), "the process's end")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    os.unlink(path)
    os.unlink(go)
    return text


@suite.case("a session that ends takes its sign-in with it")
def session_ends(world):
    shell = signed_in(world)
    text = left_behind(world, shell, leave=True)
    expect("uid=0" not in text and not asked(world), text)


# -- nobody gets in because the owner has signed in -------------------------------------------------

def nobody(name):
    """A case in which alice has signed in by ssh, and somebody, or something, else knocks."""
    def keep(function):
        def case(world):
            shell = signed_in(world)
            function(world, shell)
            # And the owner goes on
            asked(world)
            shell.sudo()
            expect(asked(world) == [SEARCH], "the owner's sudo")
        suite.add("nobody: " + name, case)
        return function
    return keep


@nobody("a second ssh login is asked")
def second_login(world, shell):
    del shell
    ssh_asks(world, port(world))
    expect(not silent_lines(world), silent_lines(world))


@nobody("ssh to the same host from inside is asked")
def from_inside(world, shell):
    shell.type("ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p %d alice@127.0.0.1 id" % port(world))
    shell.terminal.prompt()
    shell.interrupt("ssh")


@nobody("another terminal of the same user is asked")
def other_terminal(world, shell):
    del shell
    local(world).sudo_asks()


@nobody("a process without a session, as cron starts them")
def like_cron(world, shell):
    del shell
    text = run("/usr/bin/setsid", "/usr/bin/setpriv", "--reuid", "alice", "--regid", "alice", "--init-groups", "--",
               "/usr/bin/sudo", "-n", "id", may_fail=True)
    expect("uid=0" not in text and not asked(world), text)


@nobody("a process of the session that has left it")
def left_session(world, shell):
    text = left_behind(world, shell)
    expect("uid=0" not in text and not asked(world), text)


@nobody("a session by key alone: its sudo is asked")
def by_key(world, shell):
    del shell
    world.pam("wfsshd", *silent.STACK)
    second = silent.ssh(world, port(world, **silent.BY_KEY), "alice", *with_key()).ready()
    second.sudo_asks()


@nobody("su by another user is asked")
def su_by_another(world, shell):
    del shell
    terminal = world.as_user("bob", "/usr/bin/su", "alice", "-c", "id")
    terminal.prompt()
    terminal.close()


@nobody("sudo by another user is asked for that one's sign-in")
def sudo_by_another(world, shell):
    del shell
    prompt = local(world, "bob").sudo_asks()
    expect("Sign in as bob" in prompt.head, prompt.head)


@nobody("another user's ssh session")
def anothers_session(world, shell):
    del shell
    bob = ssh_by_code(world, port(world), "bob")
    bob.sudo()
    expect(world.audit("silent-sign-in")[-1]["user"] == "bob", world.audit("silent-sign-in"))
    terminal = world.as_user("bob", "/usr/bin/su", "alice", "-c", "id")
    terminal.prompt()
    terminal.close()


@nobody("a time stamp of another boot, of another process, of another host")
def other_boot(world, shell):
    path, stamp = kept(world, "stamp")[0]
    for members in ({"boot": "0" * 8 + stamp["boot"][8:]}, {"start": stamp["start"] + 1}, {"pid": os.getpid()},
                    {"host": "0" * 16}, {"user": "bob"}, {"signed_in": 1}, {"subject": "somebody else"}):
        silent.change(path, **members)
        shell.sudo_asks()
        silent.change(path, **stamp)
    expect(not asked(world), "the provider was asked")


# -- what the person can write ----------------------------------------------------------------------

def spy(world):
    """Every mark that sshd brings to the session phase, before our module takes it."""
    path = HOME + "/spy"
    write(path, "#!/bin/sh\n[ -n \"$WFAUTH_SIGN_IN\" ] && echo $WFAUTH_SIGN_IN >>%s/marks\nexit 0\n" % HOME, 0o755)
    write(HOME + "/marks", "", 0o600)
    world.pam("wfsshd", *[line.replace("session required pam_permit.so",
                                       "session optional pam_exec.so type=open_session " + path)
                          for line in silent.STACK])


def marks(world):
    with open(HOME + "/marks", encoding="utf-8") as file:
        found = file.read().split()
    world.sandbox.secrets.extend(found)
    return found


@suite.case("a mark is in no environment and no log, and good once")
def mark(world):
    begin(world, {"wfsudo": MAY_BE_SILENT})
    spy(world)
    shell = ssh_by_code(world, port(world))
    found = marks(world)
    expect(len(found) == 1 and len(found[0]) == 32, found)
    expect(found[0] not in shell.run("env; cat /proc/self/environ"), "the mark is in the environment")
    expect(not any(found[0] in path for path, _ in kept(world, "")), "the mark is a file's name")
    shell.sudo()
    # Replayed in a session by key, by all ways that there are
    forge(found[0], "publickey x")
    second = forged_session(world)
    second.sudo_asks()
    shell.sudo()
    forget_forged()


@suite.case("no session line: the mark still does not reach the environment")
def no_session_line(world):
    begin(world, {"wfsudo": MAY_BE_SILENT})
    world.pam("wfsshd", *[line for line in silent.STACK if line != "session optional MODULE"])
    shell = ssh_by_code(world, port(world))
    expect("WFAUTH" not in shell.run("env; cat /proc/self/environ"), "the mark is in the environment")
    shell.sudo_asks()


FORGED = {"AcceptEnv": "WFAUTH_SIGN_IN SSH_AUTH_INFO_0 WFAUTH_TOKEN_FILE", "PermitUserEnvironment": "yes"}


def forge(mark_text, info):
    """All that alice can write for her sessions to come."""
    os.makedirs("/home/alice/.ssh", exist_ok=True)
    write("/home/alice/.ssh/environment", "WFAUTH_SIGN_IN=%s\nSSH_AUTH_INFO_0=%s\n" % (mark_text, info), 0o644)
    write("/home/alice/.pam_environment", "WFAUTH_SIGN_IN DEFAULT=%s\nSSH_AUTH_INFO_0 DEFAULT=%s\n" %
          (mark_text, info.replace(" ", "_")), 0o644)
    forge.env = {"WFAUTH_SIGN_IN": mark_text, "SSH_AUTH_INFO_0": info}


def forget_forged():
    for path in ("/home/alice/.ssh/environment", "/home/alice/.pam_environment"):
        os.unlink(path)


def forged_stack(world):
    world.pam("wfsshd", "auth required pam_env.so user_readenv=1", *[
        line.replace("session required pam_permit.so", "session required pam_env.so user_readenv=1")
        for line in silent.STACK])


def forged_session(world):
    """A session by key with everything forged."""
    forged_stack(world)
    at = port(world, **silent.BY_KEY, **FORGED)
    terminal = world.ssh(at, "alice", "exec sh -i", "-tt", "-o", "SendEnv=WFAUTH_SIGN_IN SSH_AUTH_INFO_0",
                         *with_key(), env=silent.environment(**forge.env))
    return silent.Shell(world, terminal, "alice").ready()


@suite.case("a forged WFAUTH_SIGN_IN makes no session: SendEnv, ~/.ssh/environment, ~/.pam_environment")
def forged_mark(world):
    shell = signed_in(world)
    for text in ("0" * 32, "f" * 31, "", "x" * 500):
        forge(text, "publickey x")
        forged_session(world).sudo_asks()
    shell.sudo()
    forget_forged()


@suite.case("a forged SSH_AUTH_INFO_0 is no other method")
def forged_method(world):
    shell = signed_in(world)
    forge("0" * 32, "publickey ssh-ed25519 AAAA")
    forged_stack(world)
    at = port(world, **FORGED)
    for _ in range(2):
        terminal = world.ssh(at, "alice", "id", "-o", "SendEnv=WFAUTH_SIGN_IN SSH_AUTH_INFO_0",
                             env=silent.environment(**forge.env))
        terminal.prompt()
        terminal.close()
    shell.sudo()
    expect(silent_lines(world) == [("accept", None)], silent_lines(world))
    forget_forged()


@suite.case("sudo's own environment proves nothing")
def sudo_environment(world):
    begin(world, {"wfsudo": MAY_BE_SILENT})
    ssh_by_code(world, port(world))
    shell = local(world)
    shell.run("export SSH_AUTH_INFO_0='publickey x' WFAUTH_SIGN_IN=%s SUDO_USER=alice SSH_TTY=ssh" % ("0" * 32))
    shell.sudo_asks()


# -- when the answer is no --------------------------------------------------------------------------

@suite.case("deactivated: refused at once and again, not asked; back by a new sign-in alone")
def deactivated(world):
    for options in ((), ("--lenient-inactive",)):
        world.sandbox.restart(*options)
        shell = signed_in(world)
        shell.sudo()
        world.sandbox.run("user", "edit", "alice@acme.example", "--inactive")
        shell.sudo_refused()
        expect(last(world) == ("refuse", "inactive"), silent_lines(world))
        text = shell.run("sudo -n id", None)
        expect("uid=0" not in text, text)
        world.sandbox.run("user", "edit", "alice@acme.example", "--active")
        # The session is over; a new one takes a person
        shell.sudo_asks(by="alice")
        shell.sudo()
        world.forget()
    world.sandbox.restart()


@suite.case("deactivated: the Unix password behind a sufficient line does not help")
def deactivated_password(world):
    shell = signed_in(world)
    world.pam("wfsudo", "auth sufficient MODULE", "auth required pam_permit.so", *silent.STACK[1:])
    shell.sudo()
    world.sandbox.run("user", "edit", "alice@acme.example", "--inactive")
    try:
        shell.sudo_refused()
        saw(world, r"account service=.*verdict=refuse reason=inactive")
    finally:
        world.sandbox.run("user", "edit", "alice@acme.example", "--active")


@suite.case("no longer allowed: refused, without a question")
def denied(world):
    shell = signed_in(world)
    shell.sudo()
    begin(world, {"wfsudo": dict(MAY_BE_SILENT, deny_users="alice")})
    shell.sudo_refused()
    begin(world, {"wfsudo": dict(MAY_BE_SILENT, require="homeGroupID:4c78821c0000d6fa8d5e52f07a1d54d0")})
    shell.sudo_refused()
    expect(last(world) == ("refuse", "denied"), silent_lines(world))
    begin(world, {"wfsudo": MAY_BE_SILENT})
    shell.sudo()


@suite.case("the provider is down: unreachable, and neither a prompt nor a wrong password")
def down(world):
    shell = signed_in(world)
    for kind in ("503", "429", "hang", "drop"):
        begin(world, {"wfsudo": MAY_BE_SILENT}, timeout=SHORT if kind == "hang" else LONG)
        world.sandbox.fault("search", kind)
        shell.sudo_refused()
        expect(last(world) == ("refuse", "unreachable"), kind, silent_lines(world))
        world.sandbox.run("fault", "clear")
        begin(world, {"wfsudo": MAY_BE_SILENT})
        shell.sudo()


@suite.case("the provider is down, with grace: in, and the log says so; not beyond it")
def grace(world):
    shell = signed_in(world, grace="1h")
    shell.sudo()
    world.sandbox.fault("search", "503")
    shell.sudo()
    saw(world, "grace goes by what provider acme said")
    time.sleep(1.1)
    begin(world, {"wfsudo": dict(MAY_BE_SILENT, grace="1s")})
    shell.sudo_refused()
    expect(last(world) == ("refuse", "unreachable"), silent_lines(world))
    # Who is denied by our own rules is so now, too
    begin(world, {"wfsudo": dict(MAY_BE_SILENT, grace="1h")})
    shell.sudo()
    begin(world, {"wfsudo": dict(MAY_BE_SILENT, grace="1h", deny_users="alice")})
    shell.sudo_refused()


@suite.case("grace: somebody who stops in the middle of a sign-in of theirs makes no outage")
def stopped(world):
    begin(world, {"wfsudo": dict(MAY_BE_SILENT, grace="1h")}, timeout="1s")
    shell = ssh_by_code(world, port(world))
    shell.sudo()
    path, record = kept(world)[0]
    silent.change(path, access_expires=record["obtained"])
    lock = os.open(glob.glob(world.state + "/.lock-session-*")[0], os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    asked(world)
    try:
        shell.sudo_refused()
    finally:
        os.close(lock)
    expect(last(world) == ("refuse", "unreachable") and not asked(world), silent_lines(world))
    expect(not any("grace goes by" in line for line in world.log_lines()), "grace")
    shell.sudo()


if __name__ == "__main__":
    sys.exit(main(suite, setup))
