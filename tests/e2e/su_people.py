"""su: whom the provider says that somebody is, and what follows (cases.py). Apart from su.py because the
tables are long: the two suites run side by side."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cases  # noqa: E402
from harness import Suite  # noqa: E402
from su import door, setup  # noqa: E402
from world import main  # noqa: E402

suite = Suite()

cases.add_people(suite, door)
cases.add_tokens(suite, door)
cases.add_policies(suite, door)

if __name__ == "__main__":
    sys.exit(main(suite, setup))
