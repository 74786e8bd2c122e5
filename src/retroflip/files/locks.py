"""One process at a time per directory: a lock that the operating system takes back, whatever kills the process.

The file `LOCK_NAME` says who has the directory; it stays there afterwards, and then means nothing, unless `release`
removes it from what is finished. It is locked as
POSIX describes it (fcntl), which fits a run better than flock: the lock belongs to the process and not to a descriptor,
so a process that a run forks, a loader's worker, neither has it nor keeps it alive after the run was killed. Windows
has no such lock and gets none; nor have some network file systems.
"""

import errno
import os
import platform
import sys
from pathlib import Path

from retroflip.errors import RunDirectoryError
from retroflip.files.storage import LOCK_NAME, drop_unfinished

_TAKEN = {errno.EACCES, errno.EAGAIN}
_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


def hold(folder: Path, *, tidy: bool = True) -> None:
    """Keep an existing folder for this process until it ends; a process may hold a folder again that it has.

    tidy: remove what a killed process left half written in it; not for a folder that may be anybody's.

    Raises RunDirectoryError, which names the other process, when another one has it.
    """
    if sys.platform == "win32":
        return
    import fcntl

    # The descriptor stays open on purpose: the first one of this file that is closed gives the lock up.
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
        os.close(descriptor)
        if error.errno in _NO_LOCKS_HERE:
            return
        if error.errno not in _TAKEN:
            raise
        raise RunDirectoryError(
            f"{folder} is in use by {holder}, and two at once would spoil it. Wait until that one ends, end it, or "
            "name another directory with --out."
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode())
    if tidy:
        drop_unfinished(folder)


def release(folder: Path) -> None:
    """Remove the lock from a folder that is finished, which `hold` gave to this process: nobody writes in it again."""
    (folder / LOCK_NAME).unlink(missing_ok=True)
