"""A study's cells and tables from numbers written down by a test."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from retroflip.study.arms import ARMS, METHODS, budget
from retroflip.study.cells import Cell, State
from retroflip.study.document import Cells, document

Done: TypeAlias = Mapping[str, Mapping[int, Mapping[str, float] | str]]
"""by arm and seed: what was measured, or what stopped it"""
SIZE = {"sft_samples": 800, "train_samples": 600, "pairs_per_task": 50, "sft_steps": 250, "rl_steps": 80}


def cells_of(seeds: Sequence[int], done: Done) -> Cells:
    """Return cells for all arms: measures where `done` has some, a failure where it has words, else not run."""
    return {arm.name: {seed: _cell(done.get(arm.name, {}).get(seed)) for seed in seeds} for arm in ARMS}


def study_of(seeds: Sequence[int], done: Done) -> dict[str, Any]:
    """Return study.json of these cells."""
    budgets = {arm.name: budget(arm) for arm in ARMS}
    return document(METHODS, cells_of(seeds, done), budgets, {"size": SIZE}, seeds)


def arm_of(study: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return one arm of study.json."""
    (arm,) = [arm for arm in study["arms"] if arm["name"] == name]
    return dict(arm)


def _cell(found: Mapping[str, float] | str | None) -> Cell:
    if found is None:
        return Cell(State.MISSING)
    return Cell(State.FAILED, failure=found) if isinstance(found, str) else Cell(State.DONE, found)
