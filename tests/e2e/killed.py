"""`wfauth token` at the sandbox with rotation on, with what refreshes killed at random: the record is
readable after each round, and whoever comes next either gets a token by the newest refresh token that
was received, or hears that an answer was lost. refresh.py has the same with a provider whose tokens the
test knows, and at each system call. WFAUTH_KILL_ROUNDS says how many rounds are played (else a few).
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from bearer import command  # noqa: E402
from harness import Suite, expect, show, within  # noqa: E402
from own import bad, begin, environment, good, records, refreshes, wfauth  # noqa: E402
from processes import pids  # noqa: E402
from sandbox import busy  # noqa: E402
from world import main  # noqa: E402

suite = Suite()
ROUNDS = int(os.environ.get("WFAUTH_KILL_ROUNDS") or "40")


def record():
    """What is kept; a file that cannot be read raises."""
    paths = records()
    expect(len(paths) == 1, "not one record:", paths)
    with open(paths[0], encoding="utf-8") as file:
        return json.load(file)


def start(world):
    return subprocess.Popen(command(world, "token", "--new", "acme", user="alice"), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())


def usual_time(world):
    """Seconds that an undisturbed refresh takes."""
    started = time.monotonic()
    for _ in range(5):
        good(wfauth(world, "token", "--new", "acme"))
    return (time.monotonic() - started) / 5


def is_dead(world):
    """False if the next refresh works. True if the session is over, and says that an answer was lost."""
    kept = record()
    if "ended" not in kept:
        said = wfauth(world, "token", "--new", "acme")
        if said.status == 0:
            good(said)
            return False
        expect("refreshing" in kept, "nothing says that an answer is missing:", kept, said)
        bad(said, "expired", 1, "was lost", "wfauth login acme")
        kept = record()
    expect("was lost" in kept["why"] and "refresh_token" not in kept, kept)
    return True


@suite.case("what refreshes is killed at random: a session dies of an answer that was on its way, and of nothing else")
def killed_at_random(world):
    world.sandbox.run("app", "edit", world.spa, "--rotation", "on")
    begin(world)
    usual = usual_time(world)
    hit = dead = turned = 0
    for _round in range(ROUNDS):
        world.sandbox.run("requests", "--clear")
        process = start(world)
        time.sleep(random.uniform(0, 1.2 * usual))
        found = pids("wfauth-refresh")
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        hit += len(found) > 0
        out, err = process.communicate(timeout=240)
        world.sandbox.secrets += out.split()
        expect(process.returncode in (0, 1, 2), process.returncode, err)
        within(20, lambda: not pids("wfauth-refresh"), "the refresh ends")
        # The request of one that is dead may still be on its way, and must not come second
        within(20, lambda: not busy(int(world.sandbox.port)), "the sandbox has read it")
        turned += 200 in refreshes(world)
        if is_dead(world):
            dead += 1
            # Only where the sandbox answered can an answer be lost
            expect(found and 200 in refreshes(world), "dead, and the sandbox had answered nothing:", refreshes(world))
            begin(world)
    show("%d rounds: killed in %d, the token was turned in %d; %d dead sessions" % (ROUNDS, hit, turned, dead))
    expect(hit > 0 and turned > 0, "hit nothing")


if __name__ == "__main__":
    sys.exit(main(suite))
