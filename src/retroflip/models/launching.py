"""Several processes of one command on this machine, each with a processor's share or a GPU of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import cycle
from time import sleep

import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]

POLL_SECONDS = 0.1
LAUNCHERS_STORE = "TORCHELASTIC_USE_AGENT_STORE"
"""set where the launcher serves the store at which its processes meet"""


def is_launched() -> bool:
    """Return whether this process is one of several that torchrun, accelerate or `launch` has started."""
    return "RANK" in os.environ


class MeetingPlace:
    """The store at which several processes meet: theirs for as long as this object is there.

    As under torchrun, the launcher serves it and its processes are clients. The system chooses its port when it is
    opened: one that is only told to the first process could be anybody's by the time that process opens it.
    """

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)

    def environment(self, rank: int) -> dict[str, str]:
        """Return by which variables a process finds the others, all of which are on this machine."""
        return {
            "RANK": str(rank),
            "WORLD_SIZE": str(self.processes),
            "LOCAL_WORLD_SIZE": str(self.processes),
            "MASTER_ADDR": self._store.host,
            "MASTER_PORT": str(self._store.port),
            LAUNCHERS_STORE: "True",
        }


def launch(arguments: Sequence[str], processes: int) -> int:
    """Run `retroflip` with these arguments in so many processes, and return the exit code.

    Where one fails or this one is interrupted, the others are ended: they would wait for it.
    """
    command = [sys.executable, "-m", "retroflip", *arguments]
    place = MeetingPlace(processes)
    started = [subprocess.Popen(command, env=one) for one in _environments(place)]  # noqa: S603 - this command
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


def _environments(place: MeetingPlace) -> list[Mapping[str, str]]:
    gpus = torch.cuda.device_count()
    threads = max(1, (os.cpu_count() or 1) // place.processes)
    common = {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
        "LOCAL_RANK": "0",
    }
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(number) for number in range(gpus)]
    shared = zip(range(place.processes), cycle(devices or [""]), strict=False)
    return [
        {
            **os.environ,
            **common,
            **place.environment(rank),
            **({"CUDA_VISIBLE_DEVICES": device} if gpus else {}),
        }
        for rank, device in shared
    ]
