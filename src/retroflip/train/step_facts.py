"""What a terminal says of a step beside its one number: rewards by term, accuracy by task type, time and memory."""

import math
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from retroflip.data.sample import TaskType
from retroflip.train.machine import GIB
from retroflip.train.task_types import PREFIX

UPDATE = "update"
"""what is left of a step: the passes that learn, and the optimizer"""
_REWARD = "reward/"
_ALL_RIGHT = "reward/correct"
"""over all branches, which the stage's own number says"""
_ZERO = "zero_advantage"
_PROCESS = Path("/proc/self/statm")


def facts(
    logs: Mapping[str, Any], phases: Mapping[str, float], seconds: float, memory: int
) -> dict[str, str]:
    """Return what there is to say of a step, by its name; what was not logged is left out.

    logs: as a trainer logs them. phases: seconds of a step by its parts, within `seconds` of all of it. memory: bytes.
    """
    found = {
        "rewards": _rewards(logs),
        "right by task type": _by_type(logs),
        "no signal": f"{logs[_ZERO]:.0%}" if _is_number(logs.get(_ZERO)) else "",
        "a step": _times(phases, seconds),
        "memory": f"{memory / GIB:.1f} GiB" if memory else "",
    }
    return {name: text for name, text in found.items() if text}


def _rewards(logs: Mapping[str, Any]) -> str:
    """Return the mean of each reward term on each branch."""
    terms: dict[str, list[str]] = {}
    for name, value in logs.items():
        branch, _, term = name.removeprefix(_REWARD).partition("/")
        if name.startswith(_REWARD) and name != _ALL_RIGHT and term and _is_number(value):
            terms.setdefault(branch, []).append(f"{term} {value:.2f}")
    return "; ".join(f"{branch}: {', '.join(told)}" for branch, told in terms.items())


def _by_type(logs: Mapping[str, Any]) -> str:
    rights = {kind.value: logs.get(f"{PREFIX}/{kind.value}/correct") for kind in TaskType}
    return ", ".join(f"{name} {value:.0%}" for name, value in rights.items() if _is_number(value))


def _times(phases: Mapping[str, float], seconds: float) -> str:
    """Return how long a step took, and its parts."""
    rest = seconds - sum(phases.values())
    parts = {**phases, UPDATE: rest} if phases and rest > 0 else phases
    told = ", ".join(f"{name} {value:.1f}" for name, value in parts.items() if value >= 0.05)
    return f"{seconds:.1f} s{f' ({told})' if told else ''}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def memory_used() -> int:
    """Return the bytes that this process holds at most of a GPU's memory, or now of the machine's where there is none;
    0 where the platform does not say."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    try:
        return int(_PROCESS.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
