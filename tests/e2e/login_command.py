"""`wfauth login`, `token` and `logout`: a person's own session, from the first address to the last
word, at the sandbox; `pins` and `unpin`: root's."""

import hashlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from bearer import Verdict, command  # noqa: E402
from cases import sign_in  # noqa: E402
from harness import Suite, expect, show, within  # noqa: E402
from own import STORE, bad, begin, costs_little, environment, good, login, records, refreshes, wfauth  # noqa: E402
from person import code_of  # noqa: E402
from world import DOMAIN, HOME, SHORT, main, run, write  # noqa: E402

suite = Suite()


def sign_in_denied(world, prompt):
    return world.sandbox.sign_in(prompt.url, "alice@" + DOMAIN, "--deny")


# -- login -----------------------------------------------------------------------------------------

@suite.case("login, token: a person's own session, in a folder of theirs alone")
def whole_way(world):
    terminal = begin(world)
    for word in ("Sign in as alice on ", "(wfauth)", "scope=offline_access", "Asking the provider"):
        expect(word in terminal.text, word, "is not in", terminal.text)
    found = records()
    expect(len(found) == 1, found)
    for path, mode in ((STORE, 0o700), (found[0], 0o600)):
        info = os.stat(path)
        expect(info.st_mode & 0o777 == mode and info.st_uid == 1501, path, info)
    token = good(wfauth(world, "token"))
    expect(good(wfauth(world, "token", "acme")) == token, "another token")
    expect(refreshes(world) == [], "a request where none was needed:", world.sandbox.requests())
    expect(token not in terminal.text, "the terminal shows a token")
    said = wfauth(world, "token", "--list")
    expect(re.fullmatch(r"acme alice \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ signed in\n", said.out), said)
    bad(wfauth(world, "token", user="bob"), "expired", 1, "bob has no session", "wfauth login acme")


@suite.case("login as root: by the helper, in root's own store")
def as_root(world):
    begin(world, user="root", person="bob")
    expect(len(records(world.root + "/var/lib/wfauth")) == 1, "it is not in root's folder")
    good(wfauth(world, "token", user="root"))
    expect("root" in wfauth(world, "token", "--list", user="root").out, "no list")
    bad(wfauth(world, "token"), "expired", 1, "alice has no session")
    expect("Signed out" in wfauth(world, "logout", "-u", "root", "acme", user="root").out, "not signed out")
    bad(wfauth(world, "token", user="root"), "expired", 1, "root has no session")


@suite.case("login: the whole address, a wrong code first, and three wrong ones")
def tries(world):
    shutil.rmtree(STORE, ignore_errors=True)
    terminal = login(world, "acme")
    terminal.prompt()
    terminal.answer("wrong")
    # What is said stands above the new address, and the one above it is of no use any more
    expect("Open the new address" in terminal.prompt().head, terminal.text)
    terminal.answer("no code")
    prompt = terminal.prompt()
    expect("That is not a code" in prompt.head and "Open the new address" in prompt.head, terminal.text)
    terminal.answer(sign_in(world, prompt))
    expect(terminal.end()[0] == 0, terminal.text)
    before = good(wfauth(world, "token"))
    terminal = login(world)
    for _ in range(3):
        terminal.prompt()
        terminal.answer("wrong")
    status, text = terminal.end()
    expect(status == 1 and "expired: " in text, status, text)
    expect(good(wfauth(world, "token")) == before, "the session of before is lost")


@suite.case("login: another session in place of the one before")
def again(world):
    begin(world)
    first = good(wfauth(world, "token"))
    terminal = login(world)
    terminal.answer(code_of(sign_in(world, terminal.prompt(), "bob")))
    expect(terminal.end()[0] == 0, terminal.text)
    expect(good(wfauth(world, "token")) != first and len(records()) == 1, records())


@suite.case("login: an account that is not active, an answer of 'no', an outage: nothing is kept")
def refused(world):
    shutil.rmtree(STORE, ignore_errors=True)
    for person, fault, status, word in (("alice", ("search", "503"), 3, "unreachable: "),
                                        ("alice", ("token", "hang"), 3, "unreachable: ")):
        world.configure(provider={"timeout": SHORT} if "hang" in fault else None)
        terminal = login(world)
        answer = code_of(sign_in(world, terminal.prompt(), person))
        world.sandbox.fault(*fault)
        terminal.answer(answer)
        said = terminal.end()
        expect(said[0] == status and word in said[1], said)
        world.sandbox.clear()
        world.configure()
        expect(not records(), records())
    terminal = login(world)
    answer = code_of(sign_in(world, terminal.prompt(), "carol"))
    world.sandbox.run("user", "edit", "carol@" + DOMAIN, "--inactive")
    terminal.answer(answer)
    terminal.prompt()
    terminal.interrupt()
    gone(terminal)
    world.sandbox.run("user", "edit", "carol@" + DOMAIN, "--active")
    terminal = login(world)
    terminal.answer(sign_in_denied(world, terminal.prompt()))
    status, text = terminal.end()
    expect(status == 1 and "denied: " in text and not records(), status, text)


@suite.case("login without a terminal, and at providers where nobody signs in")
def no_terminal(world):
    shutil.rmtree(STORE, ignore_errors=True)
    said = wfauth(world, "login")
    expect(said.status == 2 and "must be a terminal" in said.err and said.out == "", said)
    expect(not os.path.exists(STORE), "a folder was made")
    for more, name, word in (("", "nobody", "no section [provider nobody]"),
                             ("[provider two]\ntype = workfront\nurl = https://two.example\n", None,
                              "There are: acme, two"),
                             ("[provider two]\ntype = workfront\nurl = https://two.example\n", "two", "no client_id"),
                             ("[provider two]\ntype = oidc\nurl = https://two.example\n", "two",
                              "not available in this version")):
        world.configure(more=more)
        status, text = login(world, *([name] if name else [])).end()
        expect(status == 2 and "config: " in text and word in text, word, status, text)
    expect(not records(), records())


# -- Ctrl-C ----------------------------------------------------------------------------------------

def gone(terminal, signal_number=signal.SIGINT):
    status, text = terminal.end()
    expect(status == -signal_number, "ended with", status, text)
    expect(not records(), "a record is left", records())
    if os.path.isdir(STORE):
        expect(not [n for n in os.listdir(STORE) if "tmp" in n or "new" in n], os.listdir(STORE))


@suite.case("Ctrl-C at the prompt and while the provider is asked: no record, no process, no session")
def interrupted(world):
    shutil.rmtree(STORE, ignore_errors=True)
    for user in ("alice", "root"):
        terminal = login(world, user=user)
        terminal.prompt()
        modes = termios.tcgetattr(terminal.child.fileno())[3]
        expect(modes & termios.ECHO and modes & termios.ICANON, "the terminal's settings are changed")
        terminal.interrupt()
        gone(terminal)
    terminal = login(world)
    answer = code_of(sign_in(world, terminal.prompt()))
    world.sandbox.fault("token", "delay", "--arg", "5000")
    terminal.answer(answer)
    terminal.wait("Asking the provider")
    within(5, lambda: "token" in [r["endpoint"] for r in world.sandbox.requests()], "the request")
    terminal.interrupt()
    gone(terminal)
    found = [r["endpoint"] for r in world.sandbox.requests()]
    expect("logout" in found, "the session was left open:", found)
    expect("interrupted: signed out again" in terminal.text, terminal.text)
    expect(re.search(r"Asking the provider \.\.\.+\^C\.", terminal.text), "no progress is shown:", terminal.text)


@suite.case("hung up, stopped, and the end of the input")
def other_ends(world):
    shutil.rmtree(STORE, ignore_errors=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        terminal = login(world)
        terminal.prompt()
        os.kill(terminal.child.pid, number)
        gone(terminal, number)
    terminal = login(world)
    terminal.prompt()
    terminal.child.sendeof()
    status, text = terminal.end()
    expect(status == 1 and "pending: no answer was given" in text, status, text)
    expect(not records(), records())


# -- the browser -----------------------------------------------------------------------------------

def fake_browser(case):
    """A folder with an xdg-open that says where it was sent, in a file `opened`. Each case has its own: a browser outlives
    the command that opens it."""
    folder = HOME + "/browser-" + case
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    write(folder + "/xdg-open", '#!/bin/sh\necho "$1" >%s/opened.new; mv %s/opened.new %s/opened\n'
          'ls /proc/self/fd | wc -l >%s/files\n' % ((folder,) * 4), 0o755)
    return folder, {"PATH": folder + ":" + os.environ["PATH"]}


@suite.case("the address is opened in a browser where there is a screen; never root's")
def browser(world):
    shutil.rmtree(STORE, ignore_errors=True)
    folder, path = fake_browser("screen")
    opened = folder + "/opened"
    terminal = login(world, env=dict(path, WAYLAND_DISPLAY="wayland-0"))
    prompt = terminal.prompt()
    within(10, lambda: os.path.exists(opened), "a browser")
    with open(opened, encoding="utf-8") as file:
        expect(file.read().strip() == prompt.url, "another address")
    expect("browser is being opened" in terminal.text, terminal.text)
    terminal.interrupt()
    gone(terminal)
    os.unlink(opened)
    for user, words, env in (("root", (), {"DISPLAY": ":0"}), ("alice", (), {"DISPLAY": ""}),
                             ("alice", ("--no-browser",), {"DISPLAY": ":0"})):
        terminal = login(world, *words, user=user, env=dict(env, **path))
        terminal.prompt()
        time.sleep(0.3)
        terminal.interrupt()
        gone(terminal)
        expect(not os.path.exists(opened), user, words, "a browser was opened")


@suite.case("a QR code where it would be one: in a terminal of 80 columns that shows UTF-8")
def code_shown(world):
    shutil.rmtree(STORE, ignore_errors=True)
    _, path = fake_browser("code")
    for qr, columns, env, shown in (
            (None, 80, {"LANG": "C.UTF-8"}, True), (None, 79, {"LANG": "C.UTF-8"}, False),
            (None, 0, {"LANG": "de_DE.utf8"}, True), (None, 200, {"LANG": "C"}, False),
            (None, 200, {"LANG": "C.UTF-8", "LC_ALL": "POSIX"}, False),
            (None, 200, {"LANG": "C", "LC_ALL": "", "LC_CTYPE": "C.UTF-8"}, True), (None, 200, {"LANG": ""}, False),
            (None, 200, dict(path, LANG="C.UTF-8", DISPLAY=":0"), False), ("no", 200, {"LANG": "C.UTF-8"}, False),
            ("utf8", 40, {"LANG": "C"}, True)):
        world.configure(service={"qr": qr})
        argv = command(world, "login", user="alice")
        # The terminal's maker gives it a size of its own, and is done with it when the line is typed
        terminal = world.terminal(["/bin/sh", "-c", 'read go; stty cols %d; exec "$@"' % columns, "sh"] + argv,
                                  env=environment(**env))
        terminal.answer("")
        prompt = terminal.prompt()
        expect(("\u2588" in prompt.text) == shown, qr, columns, env, prompt.text)
        terminal.interrupt()
        gone(terminal)


def is_secure(pid):
    """True if the kernel has told the process that its ids are not its caller's (AT_SECURE)."""
    with open("/proc/%d/auxv" % pid, "rb") as file:
        values = dict(struct.iter_unpack("@LL", file.read()))
    return values[23] == 1


@suite.case("a set-user-id process opens no browser, whatever the screen")
def browser_set_user_id(world):
    if world.sanitized:
        show("not with sanitizers, whose libraries such a process does not load")
        return
    folder, path = fake_browser("set-user-id")
    for mode, opens in ((0o755, True), (0o4755, False)):
        program = folder + "/wfauth"
        shutil.copyfile(world.root + "/bin/wfauth", program)
        shutil.chown(program, "erin")
        os.chmod(program, mode)
        argv = command(world, "login", user="alice")
        argv[argv.index(world.root + "/bin/wfauth")] = program
        terminal = world.terminal(argv, env=environment(**path, DISPLAY=":0"))
        prompt = terminal.prompt()
        expect(is_secure(terminal.child.pid) != opens, "no such process")
        expect(("Sign in as erin" in prompt.head) != opens, prompt.head)
        if opens:
            within(10, lambda: os.path.exists(folder + "/opened"), "a browser")
            os.unlink(folder + "/opened")
        time.sleep(0.3)
        expect(not os.path.exists(folder + "/opened"), "a browser was opened")
        terminal.interrupt()
        gone(terminal)


# -- token -----------------------------------------------------------------------------------------

@suite.case("token: rotation, --new, and 20 processes at once")
def rotation(world):
    begin(world)
    seen = [good(wfauth(world, "token"))]
    for count in (1, 2, 3):
        seen.append(good(wfauth(world, "token", "--new")))
        expect(refreshes(world) == [200] * count, refreshes(world))
        expect(good(wfauth(world, "token")) == seen[-1], "the new one was not kept")
    expect(len(set(seen)) == 4, "a token came twice")
    world.sandbox.run("requests", "--clear")
    # A token of unknown life is refreshed after half an hour; here it is made old on the disk
    with open(records()[0], encoding="utf-8") as file:
        text = re.sub(r'"obtained":\s*\d+', '"obtained":1', file.read())
    with open(records()[0], "w", encoding="utf-8") as file:
        file.write(re.sub(r'"access_expires":\s*\d+', '"access_expires":2', text))
    argv = command(world, "token", user="alice")
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(argv, env=environment(), **pipes) for _ in range(20)]
    done = [process.communicate(timeout=240) + (process.returncode,) for process in running]
    world.sandbox.secrets.extend(out.strip() for out, _, _ in done)
    expect(all(status == 0 for _, _, status in done) and len({out for out, _, _ in done}) == 1, done)
    expect(refreshes(world) == [200], refreshes(world))


@suite.case("token: the refresh token has expired; an account that was deactivated; an outage")
def ends(world):
    begin(world)
    world.sandbox.fault("token", "503")
    bad(wfauth(world, "token", "--new"), "unreachable", 3)
    world.sandbox.clear()
    time.sleep(5.1)
    good(wfauth(world, "token"))
    for expiry in ("--absolute-expiry", "--inactivity-expiry"):
        world.sandbox.run("app", "edit", world.spa, expiry, "30d")
        begin(world)
        world.sandbox.clock("+29d")
        good(wfauth(world, "token", "--new"))
        world.sandbox.clock("+31d")
        bad(wfauth(world, "token", "--new"), "expired", 1, "ended", "wfauth login acme")
        bad(wfauth(world, "token"), "expired", 1, "sign in again")
        expect(" ended: " in wfauth(world, "token", "--list").out, "no tombstone")
        world.sandbox.run("app", "edit", world.spa, expiry, "none")
    begin(world, person="carol")
    world.sandbox.run("user", "edit", "carol@" + DOMAIN, "--inactive")
    for _ in range(2):
        bad(wfauth(world, "token", "--new"), "expired", 1, "wfauth login acme")
    world.sandbox.run("user", "edit", "carol@" + DOMAIN, "--active")
    bad(wfauth(world, "token"), "expired", 1)
    said = wfauth(world, "logout")
    expect(said.status == 0 and "Signed out at acme." in said.out and not records(), said)


@suite.case("what cannot be written is said, and is no success; a closed output is no other file")
def not_written(world):
    begin(world)
    token = good(wfauth(world, "token"))
    with open(world.conf, "rb") as file:
        before = file.read()
    for words in (("token",), ("token", "--new"), ("token", "--list"), ("logout",)):
        for shell, word in (('exec "$@" >/dev/full', "No space left"), ('exec "$@" >&-', "Bad file descriptor"),
                            ('exec "$@" <&- >&-', "Bad file descriptor")):
            said = wfauth(world, *words, wrap=lambda argv, shell=shell: ["sh", "-c", shell, "sh"] + argv)
            expect(said.status == 2 and "standard output could not be written: " + word in said.err, words, said)
            expect(token not in said.err, said)
        expect(words == ("logout",) or len(records()) == 1, words)
    said = wfauth(world, "token", wrap=lambda argv: ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"] + argv)
    expect(said.status == 1 and not said.out and not said.err, said)
    with open(world.conf, "rb") as file:
        expect(file.read() == before, "the configuration was written to")


@suite.case("what cannot be forgotten is not printed as a new token; what cannot be kept is not asked for")
def not_kept(world):
    begin(world)
    token = good(wfauth(world, "token"))
    run("mount", "--bind", STORE, STORE)
    run("mount", "-o", "remount,bind,ro", STORE)
    try:
        expect(good(wfauth(world, "token")) == token, "another token")
        bad(wfauth(world, "token", "--new"), "config", 2, "Read-only file system")
        status, text = login(world).end()
        expect(status == 2 and "config: " in text and "Read-only file system" in text, status, text)
    finally:
        run("umount", STORE)
    expect(refreshes(world) == [], refreshes(world))
    expect(good(wfauth(world, "token", "--new")) != token, "the old token")
    # Who cannot make it is not told that it is missing
    shutil.rmtree("/home/alice/.local")
    os.chmod("/home/alice", 0o555)
    try:
        status, text = login(world).end()
        expect(status == 2 and "cannot open folder /home/alice/.local: No such file or directory, and none can be made there: "
               "Permission denied" in text, status, text)
    finally:
        os.chmod("/home/alice", 0o755)
    begin(world)


@suite.case("token, logout: who waits in a terminal sees so, and nobody else")
def progress(world):
    begin(world, timeout="10")
    for words, endpoint in ((("token", "--new"), "token"), (("logout",), "logout")):
        world.sandbox.fault(endpoint, "delay", "--arg", "2500")
        if words[0] == "token":
            good(wfauth(world, *words))
        status, text = world.terminal(command(world, *words, user="alice"), env=environment()).end()
        expect(status == 0 and re.fullmatch(r"Asking the provider \.\.\.\.*\n\S[^\n]*\n", text), status, text)
        world.sandbox.clear()
        if words[0] == "token":
            world.sandbox.secrets.append(text.split()[-1])
    begin(world)
    status, text = world.terminal(command(world, "token", user="alice"), env=environment()).end()
    expect(status == 0 and re.fullmatch(r"\w+\n", text), status, text)
    world.sandbox.secrets.append(text.strip())


@suite.case("token: a configuration named from where one stands")
def relative(world):
    begin(world)
    argv = command(world, "token", "--new", user="alice")
    argv[argv.index("-c") + 1] = os.path.basename(world.conf)
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=environment(), cwd=os.path.dirname(world.conf), timeout=240, check=False)
    world.sandbox.secrets.append(good(Verdict(done)))


@suite.case("a kept token costs milliseconds, and no library of the network's")
def cost(world):
    begin(world)
    argv = command(world, "token", user="alice")
    trace = subprocess.run(argv, env=environment(LD_DEBUG="files"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, check=True).stderr
    expect("libcrypto" in trace, "the trace shows nothing")
    for library in ("libcurl", "libjwt", "libssl", "wfauth-curl"):
        expect(library not in trace, library, "is loaded")
    begin(world, user="root")
    costs_little(world, command(world, "token"))


@suite.case("a home that hosts share: the session of another host is not used, which is said")
def other_host(world):
    begin(world)
    here = records()[0]
    there = here.rsplit("-", 1)[0] + "-" + "0" * len(here.rsplit("-", 1)[1])
    os.rename(here, there)
    said = bad(wfauth(world, "token"), "expired", 1, "is ignored: it was written on another host", "wfauth login acme")
    expect("alice has no session" in said.err, said)
    # It is the other host's, and stays so
    terminal = login(world)
    terminal.answer(code_of(sign_in(world, terminal.prompt())))
    expect(terminal.end()[0] == 0, terminal.text)
    good(wfauth(world, "token"))
    expect("Signed out" in wfauth(world, "logout").out and records() == [there], records())


# -- logout ----------------------------------------------------------------------------------------

@suite.case("logout: told and forgotten; forgotten when nobody answers; nothing to forget")
def logout(world):
    begin(world)
    said = wfauth(world, "logout", "acme")
    expect(said.status == 0 and said.out == "Signed out at acme.\n" and not records(), said)
    expect([r["endpoint"] for r in world.sandbox.requests()] == ["logout"], world.sandbox.requests())
    said = wfauth(world, "logout")
    expect(said.status == 0 and "No session at acme" in said.out, said)
    bad(wfauth(world, "token"), "expired", 1, "alice has no session")
    begin(world)
    world.sandbox.fault("logout", "503")
    said = wfauth(world, "logout")
    expect(said.status == 3 and not records(), said)
    expect("forgotten here, but acme was not told" in said.err, said)
    world.sandbox.clear()
    begin(world)
    world.configure(provider={"url": "https://127.0.0.1:9", "timeout": "1"})
    said = wfauth(world, "logout")
    expect(said.status == 3 and not records(), said)
    expect("another url" in said.err and "forgotten here, but acme was not told" in said.err, said)
    begin(world)
    write(world.conf, "[provider other]\ntype = oidc\nurl = https://other.example\n", 0o644)
    said = wfauth(world, "logout", "acme")
    expect(said.status == 3 and not records(), "a section that is gone", said)
    expect("no section [provider acme]" in said.err and "acme was not told" in said.err, said)
    said = wfauth(world, "logout", "acme")
    expect(said.status == 0 and said.out == "No session at acme is kept.\n" and not said.err, said)
    said = wfauth(world, "logout", "-u", "../x")
    expect(said.status == 2 and "no user's name" in said.err, said)


# -- pins -------------------------------------------------------------------------------------------

def pin_path(folder, user):
    name = "pin-" + hashlib.sha256(f"wfauth pin\0{user}\0".encode()).hexdigest()[:40]
    return os.path.join(folder, name)


def pin(folder, user, subject):
    """What a sign-in of this user's leaves there."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    url = "https://acme.example"
    text = json.dumps({"version": 1, "user": user, "provider": "acme", "url": url, "subject": subject,
                       "person": hashlib.sha256(f"{url}\0{subject}".encode()).hexdigest(), "since": 1700000000})
    write(pin_path(folder, user), text, 0o600)
    return pin_path(folder, user)


@suite.case("pins, unpin: root sees to whom names belong, and clears one; the system's log has it")
def pins(world):
    folder = world.root + "/var/lib/wfauth"
    # A name must be freed also while the configuration is wrong
    write(world.conf, "[nonsense\n", 0o644)
    pin(folder, "alice", "5f0e")
    said = wfauth(world, "pins", user="root")
    expect(said.status == 0 and said.out == "alice acme 5f0e 2023-11-14T22:13:20Z\n" and not said.err, said)
    for words in (("pins",), ("unpin", "alice"), ("unpin", "--state", folder, "alice")):
        said = wfauth(world, *words)
        expect(said.status == 2 and not said.out and len(said.err) > 20, words, said)
    for words in (("pins", "alice"), ("unpin",), ("unpin", "alice", "bob"), ("pins", "--all")):
        said = wfauth(world, *words, user="root")
        expect(said.status == 2 and "usage" in said.err, words, said)
    said = wfauth(world, "unpin", "alice", user="root")
    expect(said.status == 0 and said.out == "alice is pinned to nobody any more; it was to 5f0e at acme, "
           "since 2023-11-14T22:13:20Z.\n", said)
    line = 'unpin service="wfauth" user="alice" provider="acme" subject="5f0e" verdict=accept'
    within(5, lambda: any(line in found for found in world.log_lines()), "a line in the log")
    said = wfauth(world, "unpin", "ali\x1b[2J\nce", user="root")
    expect(said.status == 0 and said.out == "ali?[2J?ce is pinned to nobody.\n", said)
    expect(not any("ali?" in found for found in world.log_lines()), "a line about nothing", world.log_lines())
    # Whatever is in it
    os.chmod(pin(folder, "bob", "5f0e"), 0o644)
    said = wfauth(world, "pins", user="root")
    expect(said.status == 0 and not said.out and "lets nobody in: it is open to others" in said.err, said)
    said = wfauth(world, "unpin", "bob", user="root")
    expect(said.status == 0 and "could not be read" in said.out and not os.listdir(folder), said)
    # What cannot be cleared is no success
    os.mkdir(pin_path(folder, "carol"))
    said = wfauth(world, "unpin", "carol", user="root")
    expect(said.status == 2 and not said.out and "cannot remove" in said.err, said)
    within(5, lambda: any('user="carol" verdict=refuse reason=config' in found for found in world.log_lines()),
           "a line in the log")


if __name__ == "__main__":
    sys.exit(main(suite))
