"""What a machine can run out of during training, told in a paragraph: memory, and room on the disk."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

from retroflip.errors import DiskFullError, TooLittleMemoryError
from retroflip.inference.batches import is_short_of_memory
from retroflip.models import processes
from retroflip.train.run_directory import RunDirectory

MEMORY_HINTS = (
    "A pass holds less with a larger train.gradient_accumulation, train.gradient_checkpointing=true, fewer data.frames "
    "or a smaller data.max_pixels; gradients and optimizer hold less with model.lora; and weights with "
    "model.dtype=bfloat16, which passes can take too (train.precision=bfloat16)."
)

_FULL = {errno.ENOSPC: "no space left", errno.EDQUOT: "quota exceeded", errno.EFBIG: "file too large"}
_GIB = 2**30


@contextmanager
def explained(run: RunDirectory, hints: Callable[[], str]) -> Iterator[None]:
    """Raise TooLittleMemoryError or DiskFullError where memory or the disk ends; other errors pass as they are.

    hints: which settings would fit, asked for only when memory was short.
    """
    try:
        yield
    except (MemoryError, OSError, SafetensorError, RuntimeError) as error:
        if is_short_of_memory(error):
            raise _too_little_memory(run, error, hints()) from error
        cause = _disk_cause(error)
        if cause is None:
            raise
        raise _disk_full(run, cause) from error


def _too_little_memory(run: RunDirectory, error: BaseException, hints: str) -> TooLittleMemoryError:
    first = (str(error).strip() or "no memory could be allocated").splitlines()[0].rstrip(".")
    return TooLittleMemoryError(
        f"Memory did not suffice for the run in {run.path}: {first}. {hints} Other settings make another run: start it "
        f"with another --out. {_kept(run)}"
    )


def _disk_cause(error: BaseException) -> str | None:
    """Return why nothing more could be written, None where that is not what went wrong.

    safetensors and torch tell it in words alone: the first gives the system's number, the second only where it failed.
    """
    if isinstance(error, OSError):
        return _FULL.get(error.errno or 0)
    for number, words in _FULL.items():
        if f"(os error {number})" in str(error):
            return words
    torn = "inline_container.cc" in str(error) or "iostream error" in str(error)
    return "a file could not be written to its end" if torn else None


def _disk_full(run: RunDirectory, cause: str) -> DiskFullError:
    if processes.is_main():
        run.drop_incomplete_checkpoints()
    free = shutil.disk_usage(run.path).free / _GIB
    return DiskFullError(
        f"The run could not be written to {run.path}: {cause}; {free:.2f} GiB are free there. {_kept(run)} Make room, "
        "for instance by deleting the checkpoints of other runs, and go on by the same command with --resume."
    )


def _kept(run: RunDirectory) -> str:
    last = run.last_checkpoint()
    if last is None:
        return "No checkpoint was complete yet."
    return f"What is kept goes up to step {last[0]} ({last[1].relative_to(run.path)}{os.sep})."
