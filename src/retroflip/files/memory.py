"""How much memory the machine has for programs, how much of it is taken, and when Python looks for what it can free."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""where Linux says how much of a machine's memory a container may take"""
MEMORY = Path("/proc/meminfo")


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles meanwhile: in hundreds of thousands of records, which are in none, that takes
    a third of the time of reading and counting them. All else is freed as ever."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def host_memory() -> int | None:
    """Return how many bytes of memory programs may take here, None where the platform does not say."""
    try:
        found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):
        return None
    for limit in LIMITS:
        try:
            found.append(int(limit.read_text(encoding="ascii")))
        except (OSError, ValueError):  # absent, or the word 'max'
            continue
    return min(found)


def memory_taken() -> float:
    """Return which share of the memory is taken, by this process at its peak or by all that runs now, whichever is
    more; 1 where the platform does not say."""
    total = host_memory()
    if total is None or sys.platform == "win32":
        return 1.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return max(peak / total, _taken_by_all())


def _taken_by_all() -> float:
    """Return which share of the machine's memory programs have now, 0 where Linux does not say it."""
    try:
        rows = (line.split() for line in MEMORY.read_text(encoding="ascii").splitlines())
        found = {row[0]: int(row[1]) for row in rows if len(row) > 1}
        return 1 - found["MemAvailable:"] / found["MemTotal:"]
    except (OSError, ValueError, KeyError, ZeroDivisionError):
        return 0.0
