"""What runs every minute and needs a token: an hour and more of it, at the sandbox with rotation on
and a short life of everything. The time of day is moved; half a minute of it passes in truth."""

import math
import os
import sys
import threading
import time
import urllib.error

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from harness import Suite, expect, show  # noqa: E402
from own import bad, begin, good, records, refreshes, wfauth  # noqa: E402
from preload import Clock  # noqa: E402
from session import call  # noqa: E402
from world import DOMAIN, main  # noqa: E402

suite = Suite()
MINUTE = 60


def setup(world):
    world.clock = Clock(world.sandbox)


def serve(world, *options, inactivity="none"):
    """A new session where the sandbox serves with these options."""
    world.sandbox.restart(*options)
    world.sandbox.run("app", "edit", world.spa, "--rotation", "on", "--inactivity-expiry", inactivity)
    world.clock.reset()
    begin(world)


def is_good(world, token):
    """True if the sandbox takes it at this moment."""
    try:
        found = call(world, "/attask/api/v20.0/user/search?ID=$$USER.ID&fields=username", None, {"sessionID": token})
    except urllib.error.HTTPError:
        return False
    return found["data"][0]["username"].startswith("alice@")


def job(world):
    """One run of it; the token."""
    token = good(wfauth(world, "token", wrap=world.clock.argv))
    expect(is_good(world, token), "the sandbox does not take", token)
    return token


def play(world, minutes, step, due):
    """So many minutes with a run every `step` of them; a refresh has to come `due` minutes after the
    one before, and only then."""
    expected = 0
    last = 0
    tokens = [job(world)]
    for minute in range(step, minutes + 1, step):
        world.clock.move(step * MINUTE)
        if minute - last >= due:
            expected += 1
            last = minute
        tokens.append(job(world))
        expect((tokens[-1] != tokens[-2]) == (last == minute), "minute", minute, "another token, or the same")
        expect(len(records()) == 1, minute, records())
    found = refreshes(world)
    expect(found == [200] * expected, len(found), "refreshes instead of", expected, found)
    expect(len(set(tokens)) == expected + 1, "a token came twice")
    show("%d runs in %d minutes, %d refreshes, not one failure" % (len(tokens), minutes, expected))


@suite.case("an hour and a quarter, every minute: tokens of 5 minutes, which nobody uses for 10 are over")
def five_minutes(world):
    serve(world, "--bearer-style", "--session-lifetime", "5m", inactivity="10m")
    # 60 s before its end a token is renewed, in its fourth minute
    play(world, 75, 1, 4)
    world.clock.move(11 * MINUTE)
    bad(wfauth(world, "token", wrap=world.clock.argv), "expired", 1, "wfauth login acme")


@suite.case("tokens of a minute: every run gets its own")
def one_minute(world):
    serve(world, "--bearer-style", "--session-lifetime", "1m", inactivity="2m")
    play(world, 20, 1, 1)


@suite.case("two hours of sessions whose life nobody tells: renewed after half an hour")
def unknown_life(world):
    serve(world, inactivity="45m")
    play(world, 120, 5, 30)


@suite.case("an hour of outages, one run in three: those go on with the token that they have")
def outages(world):
    serve(world, "--bearer-style", "--session-lifetime", "5m", inactivity="10m")
    warned = 0
    for minute in range(60):
        # A token that is due in its fourth minute can serve until the fifth
        if minute % 3 == 2:
            world.sandbox.fault("token", "503")
        said = wfauth(world, "token", wrap=world.clock.argv)
        expect(said.status == 0, minute, said)
        warned += "going on with the access token of before" in said.err
        expect(is_good(world, said.out.strip()), "minute", minute, said)
        world.sandbox.run("fault", "clear")
        world.clock.move(MINUTE)
    found = refreshes(world)
    expect(found.count(503) == warned > 0 and set(found) == {200, 503}, warned, found)


@suite.case("this host's clock jumps, ahead and back: a token each time, no session lost, nothing asked twice")
def jumps(world):
    serve(world, "--bearer-style", "--session-lifetime", "1h")
    token = job(world)
    # Seconds that this clock alone is ahead, and whether what is kept can be believed then
    for ahead, good_for in ((301, True), (0, True), (7200, False), (7300, True), (6999, True), (0, False), (0, True),
                            (86400, False), (3600, False), (3600, True), (0, False)):
        world.clock.set(ahead)
        world.sandbox.run("requests", "--clear")
        now = job(world)
        expect((now == token) == good_for, ahead, "s ahead: another token, or the same")
        expect(refreshes(world) == ([] if good_for else [200]), ahead, refreshes(world))
        token = now
    # An end that was written by a clock ahead of its time is one
    world.clock.set(86400)
    world.sandbox.run("user", "edit", "alice@" + DOMAIN, "--inactive")
    try:
        bad(wfauth(world, "token", "--new", wrap=world.clock.argv), "expired", 1, "wfauth login acme")
    finally:
        world.sandbox.run("user", "edit", "alice@" + DOMAIN, "--active")
    world.clock.set(0)
    bad(wfauth(world, "token", wrap=world.clock.argv), "expired", 1, "ended 0 s ago", "wfauth login acme")


class Caller(threading.Thread):
    """Asks again and again, until the time is over."""

    def __init__(self, world, end):
        super().__init__()
        self.world = world
        self.end = end
        self.runs = self.slow = 0
        self.problem = None

    def run(self):
        try:
            while time.monotonic() < self.end and self.problem is None:
                self.once()
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem

    def once(self):
        started = time.monotonic()
        token = good(wfauth(self.world, "token"))
        # It is good for a second at least; a machine that is too slow for that says nothing
        if not is_good(self.world, token):
            expect(time.monotonic() - started > 0.9, "the sandbox does not take", token)
            self.slow += 1
        self.runs += 1


@suite.case("half a minute in real time: tokens of 3 seconds, and four callers at once")
def real_time(world):
    serve(world, "--bearer-style", "--session-lifetime", "3s", inactivity="20s")
    seconds = 30
    started = time.time()
    callers = [Caller(world, time.monotonic() + seconds) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(240)
    for caller in callers:
        expect(caller.problem is None and caller.runs > 0, caller.problem, caller.runs)
    found = refreshes(world)
    # Renewed when a second of three is left; the times are whole seconds
    most = math.ceil((time.time() - started) / 2) + 1
    expect(set(found) == {200} and 3 <= len(found) <= most, found, most)
    show("%d runs, %d refreshes, %d runs too slow to be judged" %
         (sum(c.runs for c in callers), len(found), sum(c.slow for c in callers)))
    expect(sum(c.runs - c.slow for c in callers) > 3, "too slow a machine")


if __name__ == "__main__":
    sys.exit(main(suite, setup))
