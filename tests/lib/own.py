"""`wfauth login`, `token` and `logout` as a person runs them: sessions of their own, at the sandbox."""

import glob
import os
import re
import shutil
import statistics
import subprocess
import time

from bearer import Verdict, command
from cases import sign_in
from harness import expect, show
from person import code_of
from world import DOMAIN

STORE = "/home/alice/.local/state/wfauth"


def environment(user="alice", **more):
    home = "/root" if user == "root" else "/home/" + user
    return dict({"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", "TERM": "xterm"}, **more)


def wfauth(world, *words, user="alice", wrap=list):
    """What the command says. wrap: makes another command line of its own."""
    argv = wrap(command(world, *words, user=None if user == "root" else user))
    said = Verdict(subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, env=environment(user), timeout=240, check=False))
    if said.status == 0 and words[0] == "token" and "--list" not in words:
        world.sandbox.secrets.append(said.out.strip())
    return said


def login(world, *words, user="alice", env=None):
    """The command in a terminal, at its first prompt."""
    argv = command(world, "login", *words, user=None if user == "root" else user)
    return world.terminal(argv, env=environment(user, **(env or {})))


def costs_little(world, argv):
    """A command of root's takes milliseconds. The least of many counts: other suites run beside this one.
    A slow machine is slow in doing nothing, too."""
    times = {}
    for name, words in (("nothing", ["/bin/true"]), ("all", argv)):
        times[name] = []
        for _ in range(100):
            started = time.monotonic()
            subprocess.run(words, env=environment("root"), stdout=subprocess.DEVNULL, check=True)
            times[name].append(1000 * (time.monotonic() - started))
    least = {name: min(times[name]) for name in times}
    show("%s: %.1f ms, median %.1f; /bin/true: %.1f ms, median %.1f" % (
        argv[-1], least["all"], statistics.median(times["all"]), least["nothing"], statistics.median(times["nothing"])))
    expect(world.sanitized or least["all"] < max(5, 10 * least["nothing"]), least)


def records(folder=STORE):
    return glob.glob(folder + "/session-*")


def begin(world, user="alice", person="alice", **provider):
    """A new session and nothing else; the terminal of its sign-in."""
    shutil.rmtree(STORE, ignore_errors=True)
    world.sandbox.clock("reset")
    world.configure(provider=provider)
    terminal = login(world, user=user)
    terminal.answer(code_of(sign_in(world, terminal.prompt(), person)))
    status, text = terminal.end()
    expect(status == 0 and "Signed in at acme as %s@%s." % (person, DOMAIN) in text, status, text)
    world.sandbox.run("requests", "--clear")
    return terminal


def refreshes(world):
    found = [r for r in world.sandbox.requests() if r["endpoint"] == "token"]
    return [r["status"] for r in found]


def good(said):
    """The token, and nothing else was printed."""
    expect(said.status == 0 and said.err == "", "no token:", said)
    expect(re.fullmatch(r"\S+\n", said.out), "more than a token:", said)
    return said.out.strip()


def bad(said, reason, status, *words):
    expect(said.reason == reason and said.status == status and said.out == "", "not", reason, said)
    for word in words:
        expect(word in said.err, "no word of", word, said)
    return said
