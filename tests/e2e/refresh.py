"""Refresh under fire: whoever asks, and what refreshes, is killed at any moment; many ask at once.

The provider is one of the test's own, which rotates: a refresh token is good once, and whoever uses
an old one has ended the session. WFAUTH_KILL_ROUNDS says how many rounds are played (else a few).
"""

import fcntl
import glob
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from harness import Suite, expect, show, within  # noqa: E402
from processes import pids  # noqa: E402
from sandbox import busy  # noqa: E402
from tlsserver import Reply, Server  # noqa: E402
from world import HOME, find_program, main, run, write  # noqa: E402

suite = Suite()
ALL_ROUNDS = os.environ.get("WFAUTH_KILL_ROUNDS")
ROUNDS = int(ALL_ROUNDS or "40")
FOLDER = HOME + "/sessions"


class Rotating(Server):
    """A token endpoint. `current` is the refresh token that is good; None: the session is over."""

    def __init__(self, directory):
        self.lock = threading.Lock()
        self.number = 0
        self.long = ""
        self.begin()
        super().__init__(directory, self.look_up)

    def begin(self):
        self.number += 1
        self.current, self.access = "r%d%s" % (self.number, self.long), "a%d" % self.number
        self.broken = False

    def look_up(self, request):
        if self.broken:
            return None
        form = urllib.parse.parse_qs(request.body.decode())
        with self.lock:
            if form.get("refresh_token") != [self.current]:
                self.current = None
                return Reply(400, '{"error":"invalid_grant"}')
            self.begin()
            return Reply(200, json.dumps({"token_type": "sessionID", "access_token": self.access,
                                          "refresh_token": self.current, "expires_in": 3600}))


class Stage:
    """The provider, its configuration, and alice's session there."""

    def __init__(self, world):
        self.refresher = find_program(sys.argv[2], "refresher")
        self.program = glob.glob(world.root + "/**/wfauth-refresh", recursive=True)[0]
        self.conf = HOME + "/refresh.conf"
        self.server = Rotating(HOME + "/rotating")
        self.idle = threading.active_count()
        write(self.conf, "[provider acme]\ntype = workfront\nurl = %s\nclient_id = client\nredirect_uri = %s/code\n"
              "ca_file = %s\ntimeout = 30\n" % (self.server.url, self.server.url, self.server.ca), 0o644)

    def begin(self):
        """A new session, and a folder with nothing else in it."""
        run("rm", "-rf", FOLDER)
        os.mkdir(FOLDER, 0o700)
        self.server.begin()
        self.server.clear()
        run(*self.argv("keep", self.server.current, self.server.access, "3600"))

    def argv(self, *more):
        return [self.refresher, self.conf, FOLDER, "acme", "alice"] + list(more)

    def start(self, threads=1, prefix=(), token=None):
        """Somebody to whom the provider has just refused the access token, or has refused an older one."""
        return subprocess.Popen(list(prefix) + self.argv("get", str(threads), token or self.record()["access_token"]),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def get(self, *prefix):
        process = self.start(prefix=prefix)
        out, err = process.communicate(timeout=240)
        return process.returncode, out.strip(), err

    @staticmethod
    def record():
        """What is kept; a file that cannot be read raises."""
        names = glob.glob(FOLDER + "/session-*")
        expect(len(names) == 1, "not one record:", names)
        with open(names[0]) as file:
            return json.load(file)

    def settle(self):
        """A request whose sender is dead may still be on its way to the provider."""
        within(20, lambda: not pids("wfauth-http"), "the helper ends")
        within(20, lambda: not busy(self.server.port), "the provider has read all")
        within(20, lambda: threading.active_count() <= self.idle, "the provider has answered all")

    def measure(self):
        """Seconds that an undisturbed refresh takes."""
        self.begin()
        started = time.monotonic()
        for _ in range(5):
            status, out, err = self.get()
            expect(status == 0 and out == "token " + self.server.access, status, out, err)
        return (time.monotonic() - started) / 5

    def is_lost(self):
        """False if the newest token is kept. True if it is not, which is allowed where an answer was on
        its way: then the record says so, the next refresh fails, and the tombstone names the cause."""
        self.settle()
        kept = self.record()
        if "ended" in kept:
            # The provider turned the token after all, when the round before this one was over
            expect("was lost" in kept["why"], kept)
            return True
        if kept["refresh_token"] == self.server.current:
            return False
        expect("refreshing" in kept, "a token is lost, and the record does not say that it may be:", kept)
        status, out, err = self.get()
        expect(status == 1 and out.startswith("expired: ") and "was lost" in out, status, out, err)
        kept = self.record()
        expect("ended" in kept and "refresh_token" not in kept and "access_token" not in kept, kept)
        return True


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def stage(world):
    if not hasattr(world, "refresh_stage"):
        world.refresh_stage = Stage(world)
    return world.refresh_stage


@suite.case("whoever asks is killed at random: nothing is lost")
def asker_killed(world):
    here = stage(world)
    usual = here.measure()
    here.begin()
    turned = 0
    for number in range(ROUNDS):
        before = here.server.current
        process = here.start()
        time.sleep(random.uniform(0, 1.2 * usual))
        process.kill()
        process.communicate()
        within(20, lambda: not pids("wfauth-refresh"), "the refresh ends by itself")
        kept = here.record()
        expect(kept["refresh_token"] == here.server.current, "round", number, kept, here.server.current)
        turned += here.server.current != before
    show("%d rounds: in %d the token was turned; 0 dead sessions" % (ROUNDS, turned))
    expect(turned > 0, "no round reached the provider")
    status, out, err = here.get()
    expect(status == 0, status, out, err)


@suite.case("what refreshes is killed at random: lost is only an answer on its way")
def refresher_killed(world):
    here = stage(world)
    usual = here.measure()
    here.begin()
    lost = killed = 0
    for _round in range(ROUNDS):
        process = here.start()
        time.sleep(random.uniform(0, 1.2 * usual))
        for pid in pids("wfauth-refresh"):
            killed += 1
            kill(pid, signal.SIGKILL)
        out, err = process.communicate(timeout=240)
        expect(process.returncode in (0, 1), process.returncode, out, err)
        if here.is_lost():
            lost += 1
            here.begin()
    show("%d rounds: killed in %d; %d dead sessions, each with its answer on the way" % (ROUNDS, killed, lost))


def run_under(here, *prefix):
    """wfauth-refresh under another program, with the lock and a socket as its caller would give them."""
    lock = os.open(glob.glob(FOLDER + "/.lock-*")[0], os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    ours, theirs = socket.socketpair()
    argv = list(prefix) + ["/bin/sh", "-c", 'exec 3<&%d; exec "$0" "$@"' % lock, here.program, here.conf, FOLDER,
                           "acme", "alice"]
    subprocess.run(argv, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={},
                   pass_fds=[lock], timeout=300, check=False)
    theirs.close()
    ours.close()
    os.close(lock)
    here.settle()


def run_traced(here, trace, *options):
    """Under strace."""
    run_under(here, "/usr/bin/strace", "-qq", "-o", trace, "-a0", "-s0", *options)
    with open(trace) as file:
        lines = file.read().splitlines()
    calls = [re.match(r"(\w+)\(", line) for line in lines]
    # Those of the shell do not count, but strace counts them
    return [match.group(1) if match else "" for match in calls], lines


def position(lines, wanted, number=1):
    """The line of the number-th call that begins so and was done; None."""
    for i, line in enumerate(lines):
        if line.startswith(wanted) and "= -1" not in line and "= ?" not in line and " = " in line:
            number -= 1
            if number == 0:
                return i
    return None


@suite.case("what refreshes is killed at each system call: lost is only an answer on its way")
def killed_at_each_call(world):
    if world.sanitized:
        show("not with sanitizers, which make system calls of their own")
        return
    here = stage(world)
    here.begin()
    trace = HOME + "/trace"
    calls, lines = run_traced(here, trace)
    expect(here.record()["refresh_token"] == here.server.current, lines[-20:])
    first = max(i for i, line in enumerate(lines) if line.startswith("execve(")) + 1
    points = [(calls[i], calls[:i + 1].count(calls[i])) for i in range(first, len(calls)) if calls[i]]
    step = 1 if ALL_ROUNDS else 3
    lost = 0
    for name, number in points[random.randrange(step)::step]:
        _, lines = run_traced(here, trace, "-e", "inject=%s:signal=KILL:when=%d" % (name, number))
        kept = here.record()
        asked = position(lines, "sendto(") is not None
        renamed = position(lines, "renameat(", 2) is not None
        if renamed and "ended" not in kept:
            expect(kept["refresh_token"] == here.server.current, name, number, "renamed, and not kept")
        if here.is_lost():
            expect(asked and not renamed, name, number, "lost outside the window:", lines[-5:])
            lost += 1
            here.begin()
    show("%d system calls, every %d. of them: %d dead sessions, all between the request and the rename" %
         (len(points), step, lost))


@suite.case("what refreshes is clean in valgrind: a new token, a refusal, no answer")
def in_valgrind(world):
    if world.sanitized:
        show("not with sanitizers, which do not run in it")
        return
    here = stage(world)
    logs = HOME + "/valgrind"
    for how in ("new", "refused", "none"):
        here.begin()
        if how == "refused":
            here.server.current = "another"
        here.server.broken = how == "none"
        run_under(here, "/usr/bin/valgrind", "--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite",
                  "--trace-children=yes", "--trace-children-skip=*/wfauth-http", "--log-file=%s.%%p" % logs)
        kept = here.record()
        expect({"new": kept.get("refresh_token") == here.server.current, "refused": "ended" in kept,
                "none": kept.get("failed")}[how], how, kept)
        paths = glob.glob(logs + ".*")
        expect(paths, "it did not run in valgrind")
        found = []
        for path in paths:
            with open(path) as file:
                # What begins with "--" is valgrind's own trouble, with a system call newer than it
                found += [line for line in file if line.startswith("==")]
            os.unlink(path)
        expect(not found, how, "".join(found))


@suite.case("all are told to end while an answer is on its way: it is kept")
def all_told_to_end(world):
    here = stage(world)
    here.begin()
    before = here.server.current
    here.server.gate.clear()
    process = here.start()
    within(5, lambda: here.server.record, "the request")
    for name in ("wfauth-refresh", "wfauth-http", "refresher"):
        expect(pids(name), "no process", name)
        for pid in pids(name):
            kill(pid, signal.SIGTERM)
    process.wait()
    here.server.gate.set()
    process.communicate()
    expect(process.returncode == -signal.SIGTERM, process.returncode)
    within(10, lambda: not pids("wfauth-refresh"), "the refresh ends by itself")
    expect(here.server.current != before and here.record()["refresh_token"] == here.server.current)


@suite.case("50 processes, one of 8 threads, at once: one request, and the same token for all")
def fifty_at_once(world):
    here = stage(world)
    here.begin()
    here.server.gate.clear()
    before = here.server.access
    processes = [here.start(8 if i == 0 else 1, token=before) for i in range(50)]
    within(5, lambda: here.server.record, "the request")
    # So that many are waiting by then
    time.sleep(0.5)
    here.server.gate.set()
    answers = [process.communicate(timeout=240) for process in processes]
    tokens = [line for out, _ in answers for line in out.splitlines()]
    expect(len(tokens) == 57 and set(tokens) == {"token " + here.server.access}, set(tokens), answers[0])
    expect(len(here.server.record) == 1, len(here.server.record), "requests")


@suite.case("a local user refreshes without the helper, and nobody looks into the process")
def local_user(world):
    here = stage(world)
    here.begin()
    run("chown", "-R", "alice:alice", FOLDER)
    here.server.gate.clear()
    before = here.server.access
    process = subprocess.Popen(["/usr/bin/setpriv", "--reuid", "alice", "--regid", "alice", "--init-groups", "--"] +
                               here.argv("get", "1", before), stdout=subprocess.PIPE, text=True)
    within(5, lambda: here.server.record, "the request")
    found = pids("wfauth-refresh")
    expect(len(found) == 1 and not pids("wfauth-http"), found, pids("wfauth-http"))
    with open("/proc/%d/status" % found[0]) as file:
        expect(re.search(r"^Uid:\t1501\t1501\t1501\t", file.read(), re.M), "another user's")
    # What may not be dumped belongs to root in /proc, whoever's process it is
    expect(os.stat("/proc/%d/mem" % found[0]).st_uid == 0, "it could be traced and dumped")
    here.server.gate.set()
    out, _ = process.communicate(timeout=240)
    expect(out == "token " + here.server.access + "\n", out)


@suite.case("no answer: the session stays, and nobody storms the provider")
def no_answer(world):
    here = stage(world)
    here.begin()
    before = here.server.current
    here.server.broken = True
    here.server.gate.clear()
    processes = [here.start() for _ in range(10)]
    within(5, lambda: here.server.record, "the request")
    here.server.gate.set()
    answers = [process.communicate(timeout=240)[0] for process in processes]
    expect(all(answer.startswith("unreachable: ") for answer in answers), answers)
    expect(len(here.server.record) == 1, len(here.server.record), "requests")
    kept = here.record()
    expect(kept["refresh_token"] == before and kept["failed"], kept)


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 1024)
        except OSError:
            pass


@suite.case("a full disk or a read-only folder: no token is used up")
def no_room(world):
    here = stage(world)
    for how in ("full", "read-only"):
        here.begin()
        with open(glob.glob(FOLDER + "/session-*")[0]) as file:
            text = file.read()
        name = os.path.basename(glob.glob(FOLDER + "/session-*")[0])
        run("mount", "-t", "tmpfs", "-o", "mode=700,size=64k", "tmpfs", FOLDER)
        try:
            write(FOLDER + "/" + name, text, 0o600)
            if how == "full":
                status, _, _ = here.get()
                expect(status == 0, "not before it is full")
                fill(FOLDER + "/ballast")
            else:
                run("mount", "-o", "remount,ro", FOLDER)
            here.server.clear()
            status, out, err = here.get()
            expect(status == 1 and out.startswith("config: "), how, status, out, err)
            expect(not here.server.record, how, "and still a request")
        finally:
            run("umount", FOLDER)


AS_ALICE = ("/usr/bin/setpriv", "--reuid", "alice", "--regid", "alice", "--init-groups", "--")
SU = ("/usr/bin/setpriv", "--ruid", "alice", "--")  # what su is while it asks PAM


def under(*ulimit):
    """A shell that has set a limit. bash counts files in KiB."""
    return ("/bin/bash", "-c", 'ulimit %s; exec "$0" "$@"' % " ".join(ulimit))


def limits(world):
    """Each too low for an answer, and high enough for whoever asks."""
    more = () if world.sanitized else (("-s", "64"), ("-v", "60000"), ("-d", "4000"))
    return (("-f", "1"), ("-f", "0"), ("-n", "12"), ("-t", "1")) + more


def long_answers(here):
    """A record that fits into a KiB, and whose next one does not."""
    here.server.long = ""
    here.begin()
    here.server.long = "-" + 2000 * "x"


def may_raise():
    """Whether root may raise hard limits: in a container it may lack CAP_SYS_RESOURCE."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"^CapEff:\s*(\w+)", file.read(), re.M).group(1), 16) >> 24 & 1 == 1


def under_limits(world, owner, prefix, may):
    """What becomes of a refresh under each limit, soft and hard."""
    here = stage(world)
    for limit in limits(world):
        for kind in ("-S", "-H -S"):
            long_answers(here)
            before = here.server.current
            run("chown", "-R", owner, FOLDER)
            here.server.clear()
            status, out, err = here.get(*under(kind, *limit), *prefix)
            if kind == "-S" or may:
                expect(status == 0 and out == "token " + here.server.access, limit, status, out, err)
                expect(here.record()["refresh_token"] == here.server.current != before, limit, "lost")
            else:
                expect(status == 1 and out.startswith("config: ") and "raise ulimit" in out, limit, status, out, err)
                expect(not here.server.record, limit, "and still a request")
                expect(here.record()["refresh_token"] == before, limit)
    here.server.long = ""


@suite.case("limits of whoever asks at su: raised, and no answer is lost")
def limits_at_su(world):
    under_limits(world, "root:root", SU, may_raise())


@suite.case("limits of a person's own: soft ones are raised; hard ones refuse before anything is asked")
def limits_of_person(world):
    under_limits(world, "alice:alice", AS_ALICE, False)


@suite.case("who sits at su cannot end what refreshes for somebody else")
def person_at_su(world):
    here = stage(world)
    here.begin()
    before = here.server.current
    here.server.delay = 1
    process = here.start(prefix=SU)
    within(5, lambda: here.server.record, "the request")
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
        done = subprocess.run(AS_ALICE + ("/bin/kill", "-%d" % number, str(pids("wfauth-refresh")[0])), check=False,
                              stderr=subprocess.DEVNULL)
        expect(done.returncode != 0, "alice could send", number)
    out, _ = process.communicate(timeout=30)
    expect(out == "token " + here.server.access + "\n", out)
    expect(here.record()["refresh_token"] == here.server.current != before, "lost")


sys.exit(main(suite))
