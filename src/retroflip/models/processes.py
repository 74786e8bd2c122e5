"""The processes of one run, as `accelerate launch` or torchrun starts them; a run of one process needs nothing of this.

The first process, rank 0, writes everything that is written and says everything that is said. What only it may do, the
others wait for, however long it takes: they wait on a group of their own, whose time limit is not that of a step.
"""

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from accelerate import PartialState

from retroflip.errors import OtherProcessError, RetroflipError
from retroflip.models.launching import LAUNCHERS_STORE

T = TypeVar("T")

STEP_TIMEOUT = timedelta(minutes=30)
"""how long processes wait for one another inside a step before a run counts as hanging"""
WAIT_TIMEOUT = timedelta(days=7)
"""how long they wait for what the first process does alone: reading all videos can take hours"""


def rank() -> int:
    """Return this process's number, counted from 0, as the launcher set it."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """Return how many processes the run has."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Return whether this process is the one that writes."""
    return rank() == 0


def is_first_here() -> bool:
    """Return whether this process is the first on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0")) == 0


def share_weights() -> bool:
    """Return whether the launcher set the run up so that each process holds a part of the weights (FSDP, DeepSpeed)."""
    return any(os.environ.get(f"ACCELERATE_USE_{kind}", "") == "true" for kind in ("FSDP", "DEEPSPEED"))


def join() -> None:
    """Meet the other processes of the run; to be called by all of them, before anything else here."""
    if count() > 1:
        _group()


def leave() -> None:
    """Part from the other processes, when all have come this far."""
    if count() > 1:
        wait()
        dist.destroy_process_group()
        _group.cache_clear()


def wait() -> None:
    """Return when every process has called this."""
    if count() > 1:
        dist.barrier(group=_group())


def from_main(work: Callable[[], T]) -> T:
    """Do something in the first process alone, and return its result, which must be picklable, in all of them.

    An error of the first process is raised there, whatever it is, and OtherProcessError in the others.
    """
    if count() == 1:
        return work()
    result: list[Any] = [None]
    cause = "an unexpected error"
    try:
        if is_main():
            result = [work()]
            cause = ""
    except RetroflipError as error:
        cause = str(error)
        raise
    finally:
        told = [cause, result]
        dist.broadcast_object_list(told, src=0, group=_group())
    if told[0]:
        raise OtherProcessError(f"The first process of the run stopped: {told[0]}")
    done: T = told[1][0]
    return done


def gather(items: Sequence[T]) -> list[T]:
    """Return the items of all processes, in the order of their ranks."""
    if count() == 1:
        return list(items)
    lists: list[Any] = [None] * count()
    dist.all_gather_object(lists, list(items), group=_group())
    return [item for part in lists for item in part]


def agree(flag: bool) -> bool:
    """Return whether the flag is set in any process."""
    if count() == 1:
        return flag
    held = torch.tensor(int(flag))
    dist.all_reduce(held, op=dist.ReduceOp.MAX, group=_group())
    return bool(held)


@cache
def _group() -> Any:
    PartialState(cpu=not torch.cuda.is_available(), timeout=STEP_TIMEOUT)
    # Engines that this process starts have stores of their own, and torch would have them look for the launcher's.
    os.environ.pop(LAUNCHERS_STORE, None)
    return dist.new_group(backend="gloo", timeout=WAIT_TIMEOUT)
