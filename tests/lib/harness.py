"""Cases and how they report: one line per case, PASS, FAIL or SKIP, which tests/run counts.

A case is a function of the world that raises where it sees something wrong; assertions carry what
was seen. A table of cases becomes one case per row, each with its own name.
"""

import sys
import time
import traceback

# How many times longer than on a machine with nothing else to do whatever is waited for may take:
# suites run side by side, and beside whatever else the machine does. What comes sooner is not
# waited for any longer, so this costs time only where a test fails.
PATIENCE = 8


class Suite:
    """The cases of one daemon, run in the order in which they were declared."""

    def __init__(self):
        self.cases = []

    def case(self, name):
        """Decorator: the function below is the case of this name."""

        def keep(function):
            self.add(name, function)
            return function

        return keep

    def add(self, name, function):
        assert name not in [n for n, _ in self.cases], "two cases are named %s" % name
        self.cases.append((name, function))

    def run(self, world, wanted):
        """Run all cases, or those whose name contains one of `wanted`. True if none failed."""
        good = True
        for name, function in self.cases:
            if wanted and not any(word in name for word in wanted):
                continue
            good = self.run_one(world, name, function) and good
        return good

    @staticmethod
    def run_one(world, name, function):
        started = time.monotonic()
        try:
            world.reset()
            function(world)
            world.check_leftovers()
        except Exception as problem:  # pylint: disable=broad-except
            text = str(problem).strip() or type(problem).__name__
            show(traceback.format_exc())
            show("log of the case:\n" + "\n".join(world.log_lines()))
            show(world.transcript())
            print("FAIL %s: %s" % (name, text.splitlines()[0][:200]), flush=True)
            return False
        print("PASS %s" % name, flush=True)
        seconds = time.monotonic() - started
        if seconds > 5:
            show("%s took %.1f s" % (name, seconds))
        return True


def show(text):
    """Findings are indented: tests/run repeats them where a case failed."""
    for line in text.splitlines():
        print("    " + line)
    sys.stdout.flush()


def expect(condition, *seen):
    """Like assert, with what was seen in the message."""
    if not condition:
        raise AssertionError(" ".join(str(part) for part in seen))


def within(seconds, probe, what):
    """Wait until probe() is true, which takes at most so many seconds on a machine of its own; PATIENCE
    times as many are waited. Returns its value."""
    end = time.monotonic() + PATIENCE * seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("%s: not within %s s" % (what, PATIENCE * seconds))
        time.sleep(0.02)
