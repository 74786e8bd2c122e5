"""A study's cells and tables from numbers written down by a test."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from retroflip.study.cells import Cell, State
from retroflip.study.document import Cells, document
from retroflip.study.methods.arms import ARMS
from retroflip.study.methods.plan import plan

Done: TypeAlias = Mapping[str, Mapping[int, Mapping[str, float] | str]]
"""by arm and seed: what was measured, or what stopped it"""
METHODS = plan(quick=False)


def cells_of(seeds: Sequence[int], done: Done) -> Cells:
    """Return cells for all arms: measures where `done` has some, a failure where it has words, else not run."""
    return {arm.name: {seed: _cell(done.get(arm.name, {}).get(seed)) for seed in seeds} for arm in ARMS}


def study_of(seeds: Sequence[int], done: Done) -> dict[str, Any]:
    """Return study.json of these cells."""
    return document(METHODS, cells_of(seeds, done), seeds)


def arm_of(study: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return one arm of study.json."""
    (arm,) = [arm for table in study["tables"] for arm in table["arms"] if arm["name"] == name]
    return dict(arm)


def _cell(found: Mapping[str, float] | str | None) -> Cell:
    if found is None:
        return Cell(State.MISSING)
    return Cell(State.FAILED, failure=found) if isinstance(found, str) else Cell(State.DONE, found)
