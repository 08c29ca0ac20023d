"""The processes of this machine, which a suite has to itself (isolate.sh)."""

import glob


def pids(name):
    """Processes of this name; all of them are this test's, which has a process table of its own."""
    found = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path) as file:
                if file.read().strip() == name[:15]:
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return [pid for pid in found if not is_zombie(pid)]


def state(pid):
    """One letter, as proc(5) has them. "Z" also for a process that is not there."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def is_zombie(pid):
    return state(pid) == "Z"


def sleep_all(name):
    """True if there are processes of this name, and each of them waits for something."""
    found = pids(name)
    return bool(found) and all(state(pid) == "S" for pid in found)
