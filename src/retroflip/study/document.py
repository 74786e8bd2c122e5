"""A study's numbers as one JSON object: every cell, means over seeds, differences, and the papers' orders."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from retroflip.bench.metrics.training import REWARD_SPREAD, ZERO_ADVANTAGE
from retroflip.bench.stats import SeedDifference
from retroflip.study.cells import RIGHT_AT_THE_END, SAMPLED, Cell, State
from retroflip.study.compare import BySeed, Verdict, check_claim, difference, judge, over_seeds, tally
from retroflip.study.papers import Reference
from retroflip.study.plan import Arm, ArmT, Plan, Table

SCHEMA = 2

Cells = Mapping[str, Mapping[int, Cell]]
"""cells by arm and seed"""


def document(plan: Plan[ArmT], cells: Cells, seeds: Sequence[int]) -> dict[str, Any]:
    """Return study.json. Rates are in 0..1 and their differences too; a paper's points are in per cent."""
    tables = [_table(table, {arm.name: cells[arm.name] for arm in table.arms}) for table in plan.tables]
    verdicts = [
        Verdict(claim["verdict"])
        for table in tables
        for paper in table["papers"]
        for claim in paper["claims"]
    ]
    states = Counter(cell.state for of_arm in cells.values() for cell in of_arm.values())
    return {
        "schema": SCHEMA,
        "study": plan.name,
        "title": plan.title,
        "command": plan.command,
        "settings": dict(plan.settings),
        "headline": plan.headline.key,
        "measures": _measures(plan),
        "seeds": list(seeds),
        "cells": {state.value: states[state] for state in State},
        "tables": tables,
        "verdicts": tally(verdicts),
    }


def _measures(plan: Plan[ArmT]) -> dict[str, dict[str, Any]]:
    """Return how the numbers of the tables are called, by their keys, so that a report needs no plan."""
    of_tables = (measure for table in plan.tables for measure in table.measures)
    training = (ZERO_ADVANTAGE, REWARD_SPREAD, RIGHT_AT_THE_END, SAMPLED)
    return {
        one.key: {"label": one.label, "title": one.title, "note": one.caption, "share": one.share}
        for one in (plan.headline, *of_tables, *plan.others, *training)
    }


def _table(table: Table[ArmT], cells: Cells) -> dict[str, Any]:
    values = by_measure(cells)
    return {
        "table": table.name,
        "about": table.about,
        "training": table.training,
        "baseline": table.baseline,
        "arms": [_arm(table, arm, cells[arm.name], values) for arm in table.arms],
        "papers": [_reference(one, values.get(one.measure.key, {})) for one in table.references],
    }


def by_measure(cells: Cells) -> dict[str, dict[str, dict[int, float]]]:
    """Return what was measured: by measure, arm and seed."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    for arm, of_arm in cells.items():
        for seed, cell in of_arm.items():
            for measure, value in cell.measures.items():
                found.setdefault(measure, {}).setdefault(arm, {})[seed] = value
    return found


def _arm(
    table: Table[ArmT], arm: Arm, cells: Mapping[int, Cell], values: Mapping[str, Mapping[str, BySeed]]
) -> dict[str, Any]:
    own = {measure: arms[arm.name] for measure, arms in values.items() if arm.name in arms}
    differences = {
        measure: _interval(difference(values[measure].get(table.baseline, {}), of_seed))
        for measure, of_seed in own.items()
        if arm.name != table.baseline
    }
    budget = table.budgets.get(arm.name)
    return {
        "name": arm.name,
        "title": arm.title,
        "recipe": arm.recipe,
        "replaced": dict(arm.settings),
        "rollouts": budget and {**asdict(budget), "per_step": budget.per_step},
        "cells": {
            str(seed): {"state": cell.state.value, "failure": cell.failure, **cell.measures}
            for seed, cell in cells.items()
        },
        "means": {measure: _interval(over_seeds(of_seed)) for measure, of_seed in own.items()},
        "minus_baseline": differences,
        "papers": {
            reference.source: reference.values[arm.name]
            for reference in table.references
            if arm.name in reference.values
        },
    }


def _reference(reference: Reference, values: Mapping[str, BySeed]) -> dict[str, Any]:
    claims = []
    for claim in reference.claims():
        found = check_claim(claim, values)
        claims.append({**asdict(claim), "found": _interval(found), "verdict": judge(found).value})
    return {
        "source": reference.source,
        "shows": reference.shows,
        "measure": reference.measure.key,
        "note": reference.note,
        "claims": claims,
    }


def _interval(found: SeedDifference | None) -> dict[str, Any] | None:
    return found and {"mean": found.mean, "ci": found.interval and list(found.interval), "n": found.n}
