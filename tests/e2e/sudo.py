"""sudo: alice, a person of the local machine, proves herself by signing in. Her environment is hers."""

import os
import re
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cases  # noqa: E402
from cases import log_in, refused, sign_in, verdicts, welcome  # noqa: E402
from harness import Suite, expect, within  # noqa: E402
from person import code_of  # noqa: E402
from world import HOME, SHORT, leftovers, main, run, write  # noqa: E402

suite = Suite()
SHELL = ("/bin/sh", "-c", "echo WELCOME-$(id -un)")


class Sudo:
    service = "wfsudo"
    hides = False
    # Debian's sudo sets PAM_SILENT (pam_silent)
    silent = True

    @staticmethod
    def open(world, user, *options, env=()):
        return world.as_user(user, "/usr/bin/env", *env, "/usr/bin/sudo", *options, *SHELL)

    @staticmethod
    def greeting(user):
        del user
        return "WELCOME-root"


door = Sudo()


def setup(world):
    del world
    sudoers = ("Defaults pam_service=wfsudo, pam_login_service=wfsudo, pam_askpass_service=wfsudo\n"
               "Defaults timestamp_timeout=0, passwd_tries=1, !lecture, !fqdn\n"
               "root ALL=(ALL:ALL) ALL\nalice ALL=(ALL:ALL) ALL\nbob ALL=(ALL:ALL) NOPASSWD: ALL\n")
    write("/etc/sudoers", sudoers, 0o440)
    os.makedirs("/var/lib/sudo/lectured", exist_ok=True)


@suite.case("the first prompt says who signs in where")
def first_prompt(world):
    prompt = door.open(world, "alice").prompt()
    for word in ("alice", "wfhost", "wfsudo"):
        expect(word in prompt.head, word, "is not in", repr(prompt.head))
    expect(prompt.url in prompt.text.splitlines(), "the address does not stand alone:", prompt.text)


@suite.case("PKCE, and again for the next command")
def pkce(world):
    log_in(world, door)
    world.decision("accept")
    log_in(world, door)


@suite.case("web application with a secret")
def with_secret(world):
    world.configure({"client_id": world.web, "client_secret_file": world.secret_file})
    log_in(world, door)


@suite.case("another target user: it is the caller who signs in")
def target(world):
    terminal = world.as_user("alice", "/usr/bin/sudo", "-u", "bob", *SHELL)
    prompt = terminal.prompt()
    expect("Sign in as alice" in prompt.head, prompt.head)
    terminal.answer(code_of(sign_in(world, prompt)))
    terminal.wait("WELCOME-bob")
    terminal.end()


@suite.case("sudo -n never prompts and asks nobody")
def never_prompts(world):
    text = refused(door, door.open(world, "alice", "-n"))
    expect("Open this address" not in text, "a prompt:", text)
    expect(not world.sandbox.requests(), "requests:", world.sandbox.requests())


@suite.case("NOPASSWD: the account phase runs without a sign-in and has no opinion")
def nopasswd(world):
    welcome(door, door.open(world, "bob"))
    expect(not world.audit("account"), world.audit("account"))


@suite.case("NOPASSWD, but the service denies the user")
def nopasswd_denied(world):
    world.configure(service={"deny_users": "bob"})
    refused(door, door.open(world, "bob"))
    world.decision("refuse", "denied", action="account")


@suite.case("three wrong answers are all")
def three(world):
    terminal = door.open(world, "alice")
    for i in range(3):
        terminal.prompt()
        terminal.answer("wrong-%d" % i)
    refused(door, terminal)
    expect(verdicts(world) == [("refuse", "expired")] * 3, verdicts(world))


def in_pieces(world, terminal, prompt):
    """The sign-in goes on in pieces and works."""
    redirect = sign_in(world, prompt)
    terminal.wait("Piece: ")
    for at in range(0, len(redirect), 250):
        terminal.answer(redirect[at:at + 250])
        terminal.wait("Next piece [^:]*: ")
    terminal.answer("")
    welcome(door, terminal)
    world.decision("accept")


for length in (511, 512, 600, 1023, 1500, 5000):
    def long_answer(world, length=length):
        terminal = door.open(world, "alice")
        prompt = terminal.prompt()
        terminal.answer("x" * length)
        in_pieces(world, terminal, prompt)
    suite.add("%d bytes fill sudo's line: asked again in pieces" % length, long_answer)


@suite.case("500 bytes that are no code: an ordinary wrong answer")
def five_hundred(world):
    terminal = door.open(world, "alice")
    terminal.prompt()
    terminal.answer("x" * 500)
    second = terminal.prompt()
    terminal.answer(code_of(sign_in(world, second)))
    welcome(door, terminal)


@suite.case("Ctrl-C at the prompt ends it at once")
def interrupt(world):
    terminal = door.open(world, "alice")
    terminal.prompt()
    start = time.monotonic()
    terminal.interrupt("sudo")
    status, text = terminal.end()
    expect(time.monotonic() - start < 20, "it took", time.monotonic() - start, "s")
    expect(status != 0 and "WELCOME" not in text, status, text)
    expect("Piece:" not in text, "asked for pieces after Ctrl-C")
    within(3, lambda: not leftovers(), "no process left")


@suite.case("Ctrl-C while the provider hangs: it ends within the time-out")
def interrupt_hanging(world):
    world.configure({"timeout": SHORT})
    world.sandbox.fault("token", "hang")
    terminal = door.open(world, "alice")
    terminal.prompt()
    start = time.monotonic()
    terminal.answer("a-code")
    time.sleep(0.3)
    terminal.interrupt()
    terminal.end()
    expect(time.monotonic() - start < 20, "it took", time.monotonic() - start, "s")
    within(3, lambda: not leftovers(), "no process left")


EVIL = HOME + "/evil"


def evil_library():
    """A library that leaves a file when it is loaded."""
    path = EVIL + ".so"
    if not os.path.exists(path):
        write(EVIL + ".c", '#include <fcntl.h>\n__attribute__((constructor)) static void f(void)\n'
              '{ open("%s/loaded", O_CREAT | O_WRONLY, 0666); }\n' % EVIL, 0o644)
        run("gcc", "-shared", "-fPIC", "-o", path, EVIL + ".c")
    return path


def evil_environment(port):
    library = evil_library()
    write(EVIL + ".cnf", "openssl_conf = init\n[init]\nproviders = list\n[list]\nevil = evil\n[evil]\n"
          "module = %s\nactivate = 1\n" % library, 0o644)
    proxy = "http://127.0.0.1:%d" % port
    return {
        "SSLKEYLOGFILE": "SSLKEYLOGFILE=%s/keys" % EVIL,
        "https_proxy": "https_proxy=" + proxy,
        "HTTPS_PROXY": "HTTPS_PROXY=" + proxy,
        "ALL_PROXY": "ALL_PROXY=" + proxy,
        "LD_PRELOAD": "LD_PRELOAD=" + library,
        "LD_AUDIT": "LD_AUDIT=" + library,
        "LD_LIBRARY_PATH": "LD_LIBRARY_PATH=" + EVIL + ".lib",
        "LD_DEBUG_OUTPUT": "LD_DEBUG_OUTPUT=%s/debug" % EVIL,
        "LD_DEBUG": "LD_DEBUG=all",
        "OPENSSL_CONF": "OPENSSL_CONF=" + EVIL + ".cnf",
        "OPENSSL_MODULES": "OPENSSL_MODULES=" + EVIL + ".lib",
        "OPENSSL_ENGINES": "OPENSSL_ENGINES=" + EVIL + ".lib",
        "SSL_CERT_FILE": "SSL_CERT_FILE=/dev/null",
        "SSL_CERT_DIR": "SSL_CERT_DIR=/dev",
        "CURL_CA_BUNDLE": "CURL_CA_BUNDLE=/dev/null",
        "GCONV_PATH": "GCONV_PATH=" + EVIL + ".lib",
        "LOCPATH": "LOCPATH=" + EVIL + ".lib",
        "RES_OPTIONS": "RES_OPTIONS=debug",
        "HOSTALIASES": "HOSTALIASES=" + EVIL + ".cnf",
        "TZ": "TZ=" + EVIL + ".cnf",
        "TMPDIR": "TMPDIR=" + EVIL,
    }


class Listener:
    """Counts who connects to a proxy that nobody should use."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


def with_environment(world, settings):
    """A sign-in works, no file appears, nothing connects to the proxy."""
    os.makedirs(EVIL, exist_ok=True)
    os.makedirs(EVIL + ".lib", exist_ok=True)
    os.chmod(EVIL, 0o1777)
    for name in os.listdir(EVIL):
        os.unlink(EVIL + "/" + name)
    terminal = door.open(world, "alice", env=settings)
    prompt = terminal.prompt()
    redirect = sign_in(world, prompt)
    terminal.answer(code_of(redirect))
    # The program that sudo starts in the end is alice's own business; the sign-in is over then.
    welcome(door, terminal)
    expect(not os.listdir(EVIL), "files appeared:", os.listdir(EVIL))
    record = [r["endpoint"] for r in world.sandbox.requests() if r["endpoint"] in ("token", "search")]
    expect(record == ["token", "search"], "requests:", record)


@suite.case("control: the listener and the library do see what they are made to see")
def control(world):
    del world
    listener = Listener()
    socket.create_connection(("127.0.0.1", listener.port)).close()
    within(3, lambda: listener.connections == 1, "a connection")
    os.makedirs(EVIL, exist_ok=True)
    run("/usr/bin/env", "LD_PRELOAD=" + evil_library(), "/bin/true")
    expect(os.path.exists(EVIL + "/loaded"), "the library leaves no file")
    os.unlink(EVIL + "/loaded")


for variable in ("SSLKEYLOGFILE", "https_proxy", "LD_PRELOAD", "LD_LIBRARY_PATH", "OPENSSL_CONF", "all of them"):
    def hostile(world, variable=variable):
        listener = Listener()
        settings = evil_environment(listener.port)
        wanted = settings.values() if variable == "all of them" else [settings[variable]]
        with_environment(world, list(wanted))
        expect(listener.connections == 0, "the proxy saw", listener.connections, "connections")
        listener.socket.close()
    suite.add("the caller's environment: " + variable, hostile)


@suite.case("the caller's descriptors, limits and directory do not reach the helper")
def descriptors(world):
    script = ("exec 7</etc/passwd 8>%s/eight; cd /home/alice; ulimit -n 64; ulimit -c unlimited; umask 0; "
              "exec /usr/bin/sudo %s" % (EVIL, " ".join(["/bin/sh", "-c", "'echo WELCOME-$(id -un)'"])))
    os.makedirs(EVIL, exist_ok=True)
    os.chmod(EVIL, 0o1777)
    world.sandbox.fault("token", "delay", "--arg", "4000")
    terminal = world.as_user("alice", "/bin/bash", "-c", script)
    terminal.answer(code_of(sign_in(world, terminal.prompt())))
    # Until its request is out the helper may still be reading its libraries' configuration.
    within(10, lambda: any(r["endpoint"] == "token" for r in world.sandbox.requests()), "the helper's request")
    # And it waits for an answer until it has been looked at.
    world.sandbox.process.send_signal(signal.SIGSTOP)
    try:
        judge_helper(helpers()[0])
    finally:
        world.sandbox.process.send_signal(signal.SIGCONT)
    welcome(door, terminal)


def helpers():
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and command(pid).startswith("wfauth-http")]


def command(pid):
    try:
        with open("/proc/%s/comm" % pid, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def judge_helper(pid):
    """What the one process that speaks to the network may and has."""
    base = "/proc/%s/" % pid
    uid = run("id", "-u", "_wfauth").strip()
    gid = run("id", "-g", "_wfauth").strip()
    status = status_of(pid)
    expect(set(status["Uid"].split()) == {uid}, "Uid", status["Uid"])
    expect(set(status["Gid"].split()) == {gid}, "Gid", status["Gid"])
    expect(set(status["Groups"].split()) <= {gid}, "Groups", status["Groups"])
    expect(status["NoNewPrivs"] == "1", "NoNewPrivs", status["NoNewPrivs"])
    for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        expect(int(status[name], 16) == 0, name, status[name])
    with open(base + "environ", "rb") as file:
        expect(not file.read().strip(b"\0"), "the helper has an environment")
    with open(base + "cmdline", "rb") as file:
        expect(b"code" not in file.read(), "the command line tells")
    links = {name: os.readlink(base + "fd/" + name) for name in os.listdir(base + "fd")}
    strangers = [link for link in links.values()
                 if not link.startswith(("socket:", "/dev/null", "pipe:", "anon_inode:"))]
    expect(not strangers, "descriptors:", links)
    expect(os.stat(base + "environ").st_uid == 0, "the helper can be traced by its user (dumpable)")
    expect(re.search(r"Max core file size\s+0\s+0\s", limits(pid)), "core files are allowed:", limits(pid))


def status_of(pid):
    with open("/proc/%s/status" % pid, encoding="utf-8") as file:
        return {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in file}


def limits(pid):
    with open("/proc/%s/limits" % pid, encoding="utf-8") as file:
        return file.read()


cases.add_answers(suite, door)
cases.add_faults(suite, door, lambda endpoint, kind: kind in ("hang", "429", "500", "drop"))
cases.add_broken(suite, door, lambda world: refused(door, door.open(world, "alice")))

if __name__ == "__main__":
    sys.exit(main(suite, setup))
