"""Attacks that once worked, or that only real programs can show to fail."""

import json
import os
import sys
import time

import pexpect

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cases  # noqa: E402
from cases import sign_in  # noqa: E402
from harness import Suite, expect, within  # noqa: E402
from person import code_of  # noqa: E402
from world import DOMAIN, HOME, main, write  # noqa: E402

suite = Suite()

# A PAM host. argv: WHAT USER…; one thread and one handle for each USER, prompts one after the other.
HOST = r'''
import ctypes, sys, threading
what, users = sys.argv[1], sys.argv[2:]
pam, libc = ctypes.CDLL("libpam.so.0"), ctypes.CDLL(None)
libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]
class Answer(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]
CONV = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Message)),
                        ctypes.POINTER(ctypes.POINTER(Answer)), ctypes.c_void_p)
class Conversation(ctypes.Structure):
    _fields_ = [("function", CONV), ("data", ctypes.c_void_p)]
lock, gate = threading.Lock(), threading.Barrier(len(users))
def run(user):
    handle = ctypes.c_void_p()
    def converse(n, messages, answers, data):
        made = libc.calloc(n, ctypes.sizeof(Answer))
        answers[0] = ctypes.cast(made, ctypes.POINTER(Answer))
        for i in range(n):
            if messages[i].contents.style == 2:
                with lock:
                    line = input(messages[i].contents.text.decode())
                gate.wait()
                answers[0][i].text = libc.strdup(line.encode())
                if what == "rename":
                    pam.pam_set_item(handle, 2, b"root")
        return 0
    conversation = Conversation(CONV(converse), None)
    pam.pam_start(b"su", user.encode(), ctypes.byref(conversation), ctypes.byref(handle))
    code = pam.pam_authenticate(handle, 0)
    pam.pam_end(handle, code)
    with lock:
        print("\n%s ENDS WITH %d" % (user, code), flush=True)
threads = [threading.Thread(target=run, args=(user,)) for user in users]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
'''


def host(world, *arguments):
    write(HOME + "/host.py", HOST, 0o644)
    return world.terminal(["/usr/bin/python3", "-B", HOME + "/host.py", *arguments])


@suite.case("control: a host that leaves PAM_USER alone")
def keep(world):
    terminal = host(world, "keep", "alice")
    terminal.answer(code_of(sign_in(world, terminal.prompt())))
    terminal.wait("alice ENDS WITH 0")


@suite.case("PAM_USER becomes root while alice answers rightly: nobody is signed in")
def rename(world):
    terminal = host(world, "rename", "alice")
    terminal.answer(code_of(sign_in(world, terminal.prompt())))
    terminal.wait("alice ENDS WITH 7")
    within(5, lambda: any("PAM_USER has become" in line for line in world.log_lines()), "the log line")


@suite.case("two threads with a handle each: each gets the verdict on its own person")
def two_threads(world):
    terminal = host(world, "keep", "alice", "bob")
    for _ in range(2):
        prompt = terminal.prompt()
        user = "alice" if "Sign in as alice" in prompt.head else "bob"
        terminal.answer(code_of(sign_in(world, prompt, user)))
    text = terminal.end()[1]
    for user in ("alice", "bob"):
        expect(user + " ENDS WITH 0" in text, text[-300:])
    expect(sorted(line["user"] for line in world.audit()) == ["alice", "bob"], world.audit())


def under(limit):
    """bob's limits decide whether he gets in, never that a password will do instead."""
    def case(world):
        if world.sanitized:
            return  # a sanitizer needs more memory than any of these limits leaves
        world.pam("su", *cases.FALLBACK)
        terminal = world.as_user("bob", "/bin/bash", "-c",
                                 "ulimit %s; exec /usr/bin/su alice -c 'echo WELCOME-$(id -un)'" % limit)
        found = terminal.child.expect_exact(["end at: ", pexpect.EOF], timeout=240)
        if found == 0:
            terminal.answer("a-wrong-code")
            terminal.child.expect_exact(["Open this address", pexpect.EOF], timeout=240)
        expect("assword:" not in terminal.text, "a password is asked for", terminal.text[-200:])
        expect("WELCOME" not in terminal.text, "let in", terminal.text[-200:])
    return case


for bound in ("-n 5", "-n 6", "-v 10000", "-v 14000", "-v 18000", "-d 800", "-d 1000", "-u 0", "-s 32", "-t 1"):
    suite.add("ulimit %s does not make the provider unreachable" % bound, under(bound))


@suite.case("a look-up with thousands of roles: judged in time")
def many_roles(world):
    world.configure(service={"require": "roleIDs:the-last"})
    row = {"ID": "u-1", "username": "alice@" + DOMAIN, "isActive": True,
           "roles": [{"ID": "r%d" % i} for i in range(5000)] + [{"ID": "the-last"}]}
    world.sandbox.fault("search", "json", "--arg", json.dumps({"data": [row]}, separators=(",", ":")))
    terminal = host(world, "keep", "alice")
    answer = code_of(sign_in(world, terminal.prompt()))
    started = time.monotonic()
    terminal.answer(answer)
    terminal.wait("alice ENDS WITH 0")
    expect(time.monotonic() - started < 20, "it took", time.monotonic() - started, "s")


if __name__ == "__main__":
    sys.exit(main(suite))
