"""What becomes of secrets in our own programs' memory, while they run and when they give it back."""

import base64
import functools
import json
import os
import re
import subprocess
import sys
import urllib.parse

from cryptography.hazmat.primitives import serialization

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from bearer import Verdict, command  # noqa: E402
from harness import Suite, expect, show, within  # noqa: E402
from own import environment  # noqa: E402
from preload import HeapWatch  # noqa: E402
from processes import pids  # noqa: E402
from tlsserver import Reply, Server  # noqa: E402
from world import HOME, main, run, write  # noqa: E402

suite = Suite()
# Parts of every secret of their kind
CODE, ACCESS = "c0de-0f-the-per5on", "acce55-0f-the-se55ion"
REFRESH, SECRET = "refre5h-0f-the-se55ion", "client-5ecret-0f-the-app"

CONF = """
[provider acme]
type = workfront
url = %(url)s
ca_file = %(ca)s
client_id = web
client_secret_file = %(folder)s/secret
redirect_uri = %(url)s/code
timeout = 30

[provider relay]
type = workfront
url = %(url)s
ca_file = %(ca)s
cache_dir = %(folder)s/cache
client_id = m2m
client_secret_file = %(folder)s/secret
private_key_file = %(folder)s/key.pem
customer_id = customer
user_id = user
timeout = 30

[provider sso]
type = oidc
url = %(url)s
ca_file = %(ca)s
cache_dir = %(folder)s/cache
client_id = relay
client_auth = private_key_jwt
private_key_file = %(folder)s/key.pem
grant = jwt_bearer
assertion_subject = relay@acme.example
timeout = 30

[service *]
provider = acme
"""


class Marked(Server):
    """A provider all of whose secrets can be told from anything else."""

    def __init__(self, directory):
        self.number = 0
        super().__init__(directory, self.look_up)

    def tokens(self):
        self.number += 1
        return Reply(200, json.dumps({
            "token_type": "sessionID", "access_token": "%d.%s.%d" % (self.number, ACCESS, self.number),
            "refresh_token": "%d.%s.%d" % (self.number, REFRESH, self.number), "expires_in": 3600}))

    def look_up(self, request):
        path = urllib.parse.urlsplit(request.path).path
        if path == "/.well-known/openid-configuration":
            return Reply(200, json.dumps({"issuer": self.url, "jwks_uri": self.url + "/keys",
                                          "token_endpoint": self.url + "/token"}))
        if path.endswith("/user/search"):
            return Reply(200, '{"data":[{"ID":"5f0e","username":"al@acme.example","isActive":true}]}')
        if path.endswith("/logout"):
            return Reply(200, '{"data":{"success":true}}')
        return self.tokens()


class Home:
    """A user's files: configuration, client secret, key."""

    def __init__(self, world, user):
        self.user = user
        self.folder = HOME + "/secrecy-" + user
        self.conf = self.folder + "/wfauth.conf"
        os.makedirs(self.folder, mode=0o755)
        write(self.folder + "/secret", SECRET + "\n", 0o600)
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.folder + "/key.pem")
        os.chmod(self.folder + "/key.pem", 0o600)
        write(self.conf, CONF % {"url": world.marked.url, "ca": world.marked.ca, "folder": self.folder}, 0o644)
        run("chown", "-R", "%s:%s" % (user, user), self.folder)

    def key_needles(self):
        """Parts of the private key, in each form in which it is stored or computed with."""
        with open(self.folder + "/key.pem", "rb") as file:
            pem = file.read()
        numbers = serialization.load_pem_private_key(pem, None).private_numbers()
        yield "key-pem", pem.splitlines()[12][:48]
        for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp"):
            value = getattr(numbers, name)
            data = value.to_bytes((value.bit_length() + 7) // 8, "big")
            yield "key-%s" % name, data[16:48]
            yield "key-%s-limbs" % name, data[::-1][16:48]
            # base64url at three places of a group, as a JWK has it
            yield "key-%s-jwk" % name, base64.urlsafe_b64encode(data)[24:64]


def setup(world):
    world.forgets = False
    world.marked = Marked(HOME + "/marked")
    world.homes = {user: Home(world, user) for user in ("alice", "root")}


def argv_of(world, home, *words):
    argv = command(world, *words, user=None if home.user == "root" else home.user)
    argv[argv.index("-c") + 1] = home.conf
    return argv


def sign_in(world, home, wrap=list):
    """The command in a terminal, to its end."""
    terminal = world.terminal(wrap(argv_of(world, home, "login", "acme")), env=environment(home.user))
    terminal.prompt()
    terminal.answer(CODE)
    status, text = terminal.end()
    expect(status == 0 and "Signed in" in text, status, text)


def say(world, home, *words, wrap=list, text=""):
    said = Verdict(subprocess.run(wrap(argv_of(world, home, *words)), input=text, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, env=environment(home.user), timeout=240, check=False))
    expect(said.status == 0 or words[0] == "verify", words, said)
    return said


# -- what is given back, and what is left ----------------------------------------------------------

ROWS = [("login",), ("token", "acme"), ("token", "--new", "acme"), ("logout", "acme"), ("token", "relay"),
        ("verify",), ("verify", "--json"), ("verify", "--lines"),
        ("token", "relay"), ("assert", "relay"), ("token", "sso"), ("assert", "sso"),
        ("keygen", "-p", "other", "-t", "rsa2048"), ("keygen", "-p", "other", "-t", "p256")]


def watch(world):
    if not hasattr(world, "watch"):
        needles = [(name, text.encode()) for name, text in
                   (("code", CODE), ("access", ACCESS), ("refresh", REFRESH), ("secret", SECRET))]
        for user in world.homes:
            needles += [("%s-%s" % (user, name), data) for name, data in world.homes[user].key_needles()]
        # The key that keygen makes is not known, but what its file begins with
        needles.append(("new-key", b"-----BEGIN PRIVATE KEY-----\nM"))
        world.watch = HeapWatch(needles)
    return world.watch


def is_a_library_own(frames, name):
    """What cannot be wiped from outside: libcurl's buffers of a request and an answer, what OpenSSL
    takes a PEM file apart in, and libjwt 3 a JWK and its numbers. They give it back themselves, and have
    no call for it; their allocators are the whole process's, which may be a host's."""
    by = giver(frames)
    if "-key-" in name:
        inside = "OSSL_DECODER_from_bio" in frames or "libjwt.so" in frames
        return inside and by.startswith(("libcrypto.so", "libjansson.so", "libjwt.so"))
    return by.startswith("libcurl.so")


def giver(frames):
    """Who called free()."""
    names = [frame.split("(")[0] for frame in frames.split()]
    return next((name for name in names if not name.startswith(("heapwatch", "["))), "")


def act(world, home, words, wrap):
    """The command; the kind of secret that it handles is in its memory then."""
    if words[0] == "login":
        return sign_in(world, home, wrap)
    if words[0] == "keygen":
        out = "%s/%s" % (home.folder, words[-1])
        run("install", "-d", "-o", home.user, out)
        words = words + ("-o", out)
    text = ACCESS + "\n" if words[0] == "verify" else ""
    return say(world, home, *words, wrap=wrap, text=text)


def check_memory(world, user, words):
    found = watch(world)
    found.take()
    world.marked.clear()
    act(world, world.homes[user], words, found.argv)
    # Who was started may end a moment later
    within(10, lambda: not pids("wfauth-refresh") and not pids("wfauth-http"), "all have ended")
    bad = []
    kept = set()
    for program, where, name, frames in found.take():
        if where == "freed" and is_a_library_own(frames, name):
            kept.add("%s, by %s in %s" % (name, giver(frames), program))
        else:
            bad.append("%s %s %s: %s" % (program, where, name, frames))
    if kept:
        show("libraries leave: " + "; ".join(sorted(kept)))
    expect(not bad, "\n".join(bad))


def add_rows():
    for i, words in enumerate(ROWS):
        again = ", again" if words in ROWS[:i] else ""
        for user in ("alice", "root"):
            def case(world, user=user, words=words):
                if world.sanitized:
                    show("not with sanitizers, which have an allocator of their own")
                    return
                check_memory(world, user, words)
            suite.add("%s%s, by %s: no secret is given back or left behind" % (" ".join(words), again, user), case)


@suite.case("what looks finds them where a program does not wipe")
def control(world):
    if world.sanitized:
        return
    found = watch(world)
    subprocess.run(found.argv(["/bin/sed", "s/nothing/at all/"]), input=ACCESS + "\n" + CODE + "\n", text=True, check=True,
                   stdout=subprocess.DEVNULL)
    names = {name for _, _, name, _ in found.take()}
    expect({"access", "code"} <= names, names)


add_rows()


# -- while they run --------------------------------------------------------------------------------

# Both sides without what lets root look into everybody
WITHOUT = ["/usr/bin/setpriv", "--bounding-set", "-sys_ptrace,-perfmon,-sys_admin", "--inh-caps", "-all", "--"]


def can_look(pid, uid):
    """True if another program of that user may read the process's memory and environment."""
    done = subprocess.run(WITHOUT + ["/usr/bin/setpriv", "--reuid", str(uid), "--clear-groups", "--", "/bin/cat",
                                     "/proc/%d/environ" % pid], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode == 0


SHUT = ({0}, ("0", "0"), False)


def look_at(pid):
    """Whose its files are, its limits of core files, whether it can be looked into; None where it has ended meanwhile, as
    a child does that had the name until it became another program."""
    try:
        with open("/proc/%d/status" % pid, encoding="utf-8") as file:
            own = int(re.search(r"^Uid:\t(\d+)", file.read(), re.M).group(1))
        with open("/proc/%d/limits" % pid, encoding="utf-8") as file:
            core = re.search(r"^Max core file size +(\d+|unlimited) +(\d+|unlimited)", file.read(), re.M).groups()
        files = {os.stat("/proc/%d/%s" % (pid, n)).st_uid for n in ("mem", "environ", "maps")}
        return files, core, can_look(pid, own)
    except (FileNotFoundError, ProcessLookupError):
        return None


def check_shut(name):
    """Every process of that name, of which there is one at least."""
    def seen():
        return {pid: found for pid in pids(name) for found in [look_at(pid)] if found is not None}

    def all_shut():
        found = seen()
        return found and all(each == SHUT for each in found.values())
    # It was started a moment ago
    within(10, all_shut, "%s is shut off: %s" % (name, seen()))


class Held:
    """A command that does not end before it is let go: nobody takes what it prints."""

    def __init__(self, world, user, *words, text=None):
        self.reader, writer = os.pipe()
        os.set_blocking(writer, False)
        self.filled = 0
        try:
            while True:
                self.filled += os.write(writer, b"x" * 512)
        except BlockingIOError:
            os.set_blocking(writer, True)
        argv = WITHOUT + argv_of(world, world.homes[user], *words)
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.DEVNULL,
                                        env=environment(user))
        os.close(writer)
        if text:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.process.kill()
        self.process.wait()
        os.close(self.reader)

    def end(self):
        """Let it go; what it prints."""
        self.process.stdin.close()
        data = b""
        while True:
            piece = os.read(self.reader, 65536)
            if not piece:
                break
            data += piece
        self.process.wait(240)
        return data[self.filled:].decode()


@suite.case("a process that is not shut off can be looked into")
def open_process(_world):
    for uid in (1501, 0):
        process = subprocess.Popen(WITHOUT + ["/usr/bin/setpriv", "--reuid", str(uid), "--clear-groups", "--",
                                              "/bin/sleep", "60"], env={"A": "b"})
        within(5, lambda: pids("sleep"), "a process")
        expect(can_look(process.pid, uid), uid)
        process.kill()
        process.wait()


def add_running():
    for user in ("alice", "root"):
        helpers = ["wfauth-http"] if user == "root" else []

        def login(world, user=user, helpers=helpers):
            terminal = world.terminal(WITHOUT + argv_of(world, world.homes[user], "login", "acme"), env=environment(user))
            terminal.prompt()
            check_shut("wfauth")
            world.marked.clear()
            world.marked.gate.clear()
            terminal.answer(CODE)
            within(5, lambda: world.marked.record, "the request")
            for name in ["wfauth"] + helpers:
                check_shut(name)
            world.marked.gate.set()
            expect(terminal.end()[0] == 0, terminal.text)
        suite.add("login, by %s: nobody looks into it, before the answer and after" % user, login)

        def asking(world, user=user, helpers=helpers, words=(), programs=()):
            home = world.homes[user]
            sign_in(world, home)
            run("rm", "-rf", home.folder + "/cache")
            world.marked.clear()
            world.marked.gate.clear()
            with Held(world, user, *words) as held:
                within(5, lambda: world.marked.record, "the request")
                for name in list(programs) + helpers:
                    check_shut(name)
                world.marked.gate.set()
                expect(ACCESS in held.end(), "no token")

        for words, programs in ((("token", "--new", "acme"), ("wfauth", "wfauth-refresh")),
                                (("token", "relay"), ("wfauth",))):
            suite.add("%s, by %s: nobody looks into it while it asks" % (" ".join(words), user),
                      functools.partial(asking, words=words, programs=programs))

        def printing(world, user=user, words=(), text=None):
            home = world.homes[user]
            if words[0] == "keygen":
                words = words + ("-o", home.folder)
            sign_in(world, home)
            with Held(world, user, *words, text=text) as held:
                check_shut("wfauth")
                expect(len(held.end()) > 20, "nothing was printed")

        for words, text in ((("token", "acme"), None), (("assert", "relay"), None), (("keygen", "-p", "held"), None),
                            (("verify", "--lines"), ACCESS)):
            suite.add("%s, by %s: nobody looks into it while it has one" % (" ".join(words), user),
                      functools.partial(printing, words=words, text=text))


add_running()


if __name__ == "__main__":
    sys.exit(main(suite, setup))
