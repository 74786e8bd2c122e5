"""Processes that work together as torchrun's do, forked from one that has imported everything once."""

import os
import socket
import time
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import torch

SECONDS = 120
"""how long processes may take together before they count as hanging"""

_processes = get_context("forkserver")
_processes.set_forkserver_preload([__name__, "retroflip.rl.run", "retroflip.sft.run"])


def launch(
    count: int, work: Callable[..., None], *arguments: Any, seconds: float = SECONDS
) -> list[int | None]:
    """Run `work(*arguments)` in so many processes; return their exit codes in the order of their ranks.

    A process that still runs after so many seconds is killed and has code None.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [
        _processes.Process(target=_ranked, args=(rank, count, port, work, arguments)) for rank in range(count)
    ]
    for process in started:
        process.start()
    deadline = time.monotonic() + seconds
    codes: list[int | None] = []
    for process in started:
        process.join(max(deadline - time.monotonic(), 0))
        codes.append(process.exitcode)
        process.kill()
    for process in started:
        process.join()
    return codes


def _ranked(rank: int, count: int, port: int, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "CUDA_VISIBLE_DEVICES": "",
    }
    # With more threads a sum can round differently in another process.
    torch.set_num_threads(1)
    work(*arguments)
