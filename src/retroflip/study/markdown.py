"""A study's numbers as Markdown, for people: results, training, and the papers' orders beside what was found."""

from collections.abc import Sequence
from typing import Any

from retroflip.bench.metrics.base import Measure
from retroflip.bench.metrics.training import REWARD_SPREAD, ZERO_ADVANTAGE
from retroflip.errors import counted
from retroflip.files.markdown import cell as as_text
from retroflip.files.markdown import written
from retroflip.study.cells import RIGHT_AT_THE_END, SAMPLED, State
from retroflip.study.papers import Reference
from retroflip.study.plan import ArmT, Plan, Table

NOTHING = "–"


def markdown(plan: Plan[ArmT], study: dict[str, Any]) -> str:
    """Return study.md from study.json."""
    parts = [_head(plan, study)]
    for table, found in zip(plan.tables, study["tables"], strict=True):
        parts += [f"## Results: {table.name}", table.about, _results(plan, table, found)]
        if table.training:
            parts += ["## Training", table.training, _training(found)]
        parts += failures(found["arms"])
    if any(table.references for table in plan.tables):
        parts += ["## Order in the papers", verdicts(study["verdicts"])]
    for table, found in zip(plan.tables, study["tables"], strict=True):
        parts += map(_paper, table.references, found["papers"])
    return "\n\n".join(parts) + "\n"


def headline(arm: dict[str, Any], measure: Measure) -> tuple[str, str, str]:
    """Return an arm's rate, its difference to the baseline and how many seeds are behind it, as text."""
    return mean(arm, measure, interval=True), minus_baseline(arm, measure), _seeds(arm)


def _head(plan: Plan[ArmT], study: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in study["cells"].items())
    return f"""# {plan.title}

Seeds {", ".join(map(str, study["seeds"]))}; of {counted(sum(study["cells"].values()), "run")} {counts}.

Rates are in per cent, differences in points. [a, b] is the 95 % interval over seeds (Student's t), of a difference \
paired by seed; {NOTHING} stands for what is not there. With three seeds an interval reaches 2.5 standard deviations \
of the seeds to either side, so only large effects can be told from none."""


def _results(plan: Plan[ArmT], table: Table[ArmT], found: dict[str, Any]) -> str:
    others = (*table.measures, *plan.others)
    header = [
        "arm",
        "what it is",
        *(["rollouts a step"] if table.budgets else []),
        plan.headline.label,
        "by seed",
        f"minus {table.baseline}",
        *(measure.label for measure in others),
        "in the papers",
    ]
    rows = []
    for arm in found["arms"]:
        rate, against, _ = headline(arm, plan.headline)
        rows.append(
            [
                f"`{arm['name']}`",
                arm["title"],
                *([_rollouts(arm)] if table.budgets else []),
                rate,
                " ".join(cell_text(cell, plan.headline) for cell in arm["cells"].values()),
                against,
                *(mean(arm, measure) for measure in others),
                _printed(arm["papers"]),
            ]
        )
    return written(header, rows)


def _training(found: dict[str, Any]) -> str:
    minus = f"minus {found['baseline']}"
    header = [
        "arm",
        ZERO_ADVANTAGE.label,
        minus,
        REWARD_SPREAD.label,
        minus,
        RIGHT_AT_THE_END.label,
        SAMPLED.label,
    ]
    rows = [
        [
            f"`{arm['name']}`",
            mean(arm, ZERO_ADVANTAGE),
            minus_baseline(arm, ZERO_ADVANTAGE),
            mean(arm, REWARD_SPREAD),
            minus_baseline(arm, REWARD_SPREAD),
            mean(arm, RIGHT_AT_THE_END),
            mean(arm, SAMPLED),
        ]
        for arm in found["arms"]
        if arm["recipe"] is not None
    ]
    return written(header, rows)


def failures(arms: Sequence[dict[str, Any]]) -> list[str]:
    """Return a section about what failed, if anything did."""
    failed = [
        f"- `{arm['name']}`, seed {seed}: {as_text(cell['failure'])}"
        for arm in arms
        for seed, cell in arm["cells"].items()
        if cell["state"] == State.FAILED.value
    ]
    return ["## Failed", "\n".join(failed)] if failed else []


def verdicts(counts: dict[str, int]) -> str:
    """Return how the papers' orders fare, and what a verdict means."""
    total = sum(counts.values())
    listed = ", ".join(f"{verdict}: {count}" for verdict, count in counts.items())
    return f"""Every two rows of a table that differ, the one ahead first, and orders that figures show. {total} in \
all; {listed}. An order agrees, or disagrees, only where the interval of the difference found here excludes 0; one \
that includes it shows no equality. Each verdict stands alone: where nothing differs, one in twenty would exclude 0 by \
chance. The papers report single runs without intervals, of other models on other benchmarks, so orders can be \
compared and sizes cannot."""


def _paper(reference: Reference, paper: dict[str, Any]) -> str:
    rows = [
        (
            f"`{claim['greater']}` > `{claim['lesser']}`",
            NOTHING if claim["points"] is None else f"{claim['points']:.1f}",
            number(claim["found"], reference.measure, signed=True),
            claim["verdict"],
        )
        for claim in paper["claims"]
    ]
    what = f" ({reference.measure.note})" if reference.measure.note else ""
    about = (
        f"There: {reference.shows}. Here: {reference.measure.title.lower()}{what}. {reference.note}".rstrip()
    )
    table = written(("order", "there, by", "here, by", "verdict"), rows)
    return f"### {reference.source}\n\n{about}\n\n{table}"


def _rollouts(arm: dict[str, Any]) -> str:
    budget = arm["rollouts"]
    if budget is None:
        return NOTHING
    probed = f" + {budget['probed']} probed" if budget["probed"] else ""
    steps = f", {budget['rounds']} x the steps" if budget["rounds"] > 1 else ""
    return f"{budget['per_step']} = {budget['questions']} x ({budget['trained']}{probed}){steps}"


def _seeds(arm: dict[str, Any]) -> str:
    done = sum(cell["state"] == State.DONE.value for cell in arm["cells"].values())
    failed = sum(cell["state"] == State.FAILED.value for cell in arm["cells"].values())
    return f"{done} of {len(arm['cells'])}" + (f", {failed} failed" if failed else "")


def cell_text(cell: dict[str, Any], measure: Measure) -> str:
    """Return what one seed measured."""
    if cell["state"] == State.FAILED.value:
        return "failed"
    value = cell.get(measure.key)
    return number(None if value is None else {"mean": value, "ci": None}, measure)


def _printed(values: dict[str, float]) -> str:
    """Return a paper's numbers, those of its tables that agree together: "STRIVE 57.0 (tables 2, 3)"."""
    places: dict[tuple[str, float], list[str]] = {}
    for source, value in values.items():
        paper, _, table = source.partition(", table ")
        places.setdefault((paper, value), []).append(table)
    return (
        "; ".join(
            f"{paper} {value:.1f} (table{'s' if len(tables) > 1 else ''} {', '.join(tables)})"
            for (paper, value), tables in places.items()
        )
        or NOTHING
    )


def mean(arm: dict[str, Any], measure: Measure, *, interval: bool = False) -> str:
    """Return an arm's mean of a measure over seeds."""
    found = arm["means"].get(measure.key)
    return number(found if interval else found and {**found, "ci": None}, measure)


def minus_baseline(arm: dict[str, Any], measure: Measure) -> str:
    """Return how far an arm is ahead of the table's baseline, with its interval."""
    return number(arm["minus_baseline"].get(measure.key), measure, signed=True)


def number(found: dict[str, Any] | None, measure: Measure, *, signed: bool = False) -> str:
    """Return a mean with its interval, where there are any; a share in per cent."""
    if found is None:
        return NOTHING
    scale, digits = (100, 1) if measure.share else (1, 2)
    sign = "+" if signed else ""
    interval = found["ci"] and ", ".join(f"{scale * bound:{sign}.{digits}f}" for bound in found["ci"])
    return f"{scale * found['mean']:{sign}.{digits}f}" + (f" [{interval}]" if interval else "")
