"""A process of this package's own code that answers what it is sent, for work that may hang, crash or take all memory.

It starts by a command of its own. `multiprocessing` would first run the main script of its parent again, and so die in
every script without `if __name__ == "__main__"`, and behind `python -`.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

_SOURCE = str(Path(__file__).parents[2])


def start(
    program: Sequence[str], *arguments: str
) -> tuple[subprocess.Popen[bytes], "Connection[bytes, bytes]"]:
    """Start Python with `program` ("-m" and a module, or "-c" and code), and return it with this end of its line.

    Its arguments are the number of the file that is the line's other end, and `arguments`.
    """
    line, other = Pipe()
    paths = [_SOURCE, *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(  # noqa: S603 - this package's own code
        [sys.executable, "-P", *program, str(other.fileno()), *arguments],
        pass_fds=[other.fileno()],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        process_group=0,  # a Ctrl-C is for the one who asks, and who ends this process
    )
    other.close()
    return process, line
