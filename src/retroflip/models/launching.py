"""Several processes of one command on this machine, each with a processor's share or a GPU of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import cycle
from time import sleep

import torch

POLL_SECONDS = 0.1


def is_launched() -> bool:
    """Return whether this process is one of several that torchrun, accelerate or `launch` has started."""
    return "RANK" in os.environ


def launch(arguments: Sequence[str], processes: int) -> int:
    """Run `retroflip` with these arguments in so many processes, and return the exit code.

    Where one fails or this one is interrupted, the others are ended: they would wait for it.
    """
    command = [sys.executable, "-m", "retroflip", *arguments]
    started = [subprocess.Popen(command, env=one) for one in _environments(processes)]  # noqa: S603 - this command
    try:
        return _watched(started)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def _watched(started: Sequence["subprocess.Popen[bytes]"]) -> int:
    while True:
        codes = [process.poll() for process in started]
        if failed := [code for code in codes if code]:
            return failed[0] if failed[0] > 0 else 1
        if all(code == 0 for code in codes):
            return 0
        sleep(POLL_SECONDS)


def _environments(processes: int) -> list[Mapping[str, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gpus = torch.cuda.device_count()
    threads = max(1, (os.cpu_count() or 1) // processes)
    common = {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "LOCAL_RANK": "0",
    }
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(number) for number in range(gpus)]
    shared = zip(range(processes), cycle(devices or [""]), strict=False)
    return [
        {**os.environ, **common, "RANK": str(rank), **({"CUDA_VISIBLE_DEVICES": device} if gpus else {})}
        for rank, device in shared
    ]
