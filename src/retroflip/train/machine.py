"""The machine that a run is for: this one, or one that a user describes."""

import re
from dataclasses import dataclass

import torch

from retroflip.errors import UsageError
from retroflip.files.memory import host_memory

GIB = 2**30
FREE = 0.1
"""share of a device's memory that no plan counts on: what an allocator cannot use, and CUDA keeps"""


@dataclass(frozen=True)
class Machine:
    """So many devices of so many bytes each; `gpus` is False for processors that share the machine's memory.

    said: the size as a user wrote it; "" for one that was measured.
    """

    devices: int
    bytes: int
    gpus: bool = True
    said: str = ""

    @property
    def usable(self) -> float:
        """Bytes of a device that a plan may count on."""
        return (1 - FREE) * self.bytes

    def __str__(self) -> str:
        size = self.said or f"{round(self.bytes / GIB)} GiB"
        return (
            f"{self.devices} x {size}"
            if self.gpus
            else f"this machine, which has no GPU and {size} of memory"
        )


def here() -> Machine:
    """Return this machine's GPUs, or its processors where it has none."""
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return Machine(count, min(torch.cuda.get_device_properties(i).total_memory for i in range(count)))
    return Machine(1, host_memory() or 0, gpus=False)


def parse(text: str) -> Machine:
    """Return what '8x80GB' describes: GB are 10^9 bytes, GiB 2^30. Raises UsageError.

    Many GPUs have somewhat more than their maker's GB (nvidia-smi says 79.6 GiB of an H100 with 80 GB).
    """
    found = re.fullmatch(r"\s*(\d+)\s*[xX*]\s*(\d+(?:\.\d+)?)\s*(GB|GiB|G)?\s*", text)
    if found is None or int(found[1]) < 1 or float(found[2]) <= 0:
        raise UsageError(
            f"--gpus {text!r} is not of the form COUNTxSIZE. Write, say, --gpus 8x80GB, or GiB as nvidia-smi counts."
        )
    unit = "GiB" if found[3] == "GiB" else "GB"
    size = int(float(found[2]) * (GIB if unit == "GiB" else 10**9))
    return Machine(int(found[1]), size, said=f"{found[2]} {unit}")
