"""Run a command of retroflip that dies by SIGKILL as it is about to put a file in place, to open or to append to it.

    python die_at.py EVENT PATTERN TIMES COMMAND...

EVENT is put, read or append; the process dies when a file whose name fits PATTERN meets it for the TIMES-th time.
"""

import os
import signal
import sys
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from retroflip.cli import main

EVENTS: Mapping[str, tuple[str, int]] = {"put": ("os.rename", 1), "read": ("open", 0), "append": ("open", 0)}
"""Python's own name of each, and which of its arguments is the path"""


def die_at(event: str, pattern: str, times: int) -> None:
    """Die at the given meeting of a file and an event, before anything comes of it."""
    wanted, place = EVENTS[event]
    left = times

    def hook(name: str, args: tuple[Any, ...]) -> None:
        nonlocal left
        if name != wanted or not isinstance(args[place], str | os.PathLike):
            return
        adds = name == "open" and "a" in str(args[1] or "")
        if fnmatch(Path(args[place]).name, pattern) and adds == (event == "append"):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    die_at(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    sys.argv[1:] = sys.argv[4:]
    main()
