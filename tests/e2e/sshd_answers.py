"""sshd: answers, faults and configurations as at every door (cases.py). Apart from sshd.py because each
refusal takes two seconds here: the two suites wait side by side."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cases  # noqa: E402
from cases import refused  # noqa: E402
from harness import Suite  # noqa: E402
from sshd import door, setup  # noqa: E402
from world import main  # noqa: E402

suite = Suite()

cases.add_answers(suite, door)
cases.add_faults(suite, door, lambda endpoint, kind: kind in ("hang", "429", "500", "delay"))
cases.add_broken(suite, door, lambda world: refused(door, door.open(world, "alice")))

if __name__ == "__main__":
    sys.exit(main(suite, setup))
