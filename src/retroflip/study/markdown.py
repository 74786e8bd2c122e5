"""A study's numbers as Markdown, for people: results, training, and the papers' orders beside what was found."""

from collections.abc import Iterable, Sequence
from typing import Any

from retroflip.lab.kinds import PAIRED
from retroflip.study.arms import BASELINE, QUESTIONS
from retroflip.study.cells import LAST_STEPS, State

NOTHING = "–"
NAMES = {
    "p_acc": "P-Acc",
    "acc": "accuracy on the held-out videos",
    "label/spatial": "accuracy on the spatial kinds",
    "label/temporal": "accuracy on the temporal kinds",
    "label/short": "accuracy on the short kinds",
    "label/long": "accuracy on the long kinds",
    "zero_advantage": "share of groups with zero advantage",
    "reward_std": "standard deviation of a group's rewards",
}
"""the measures that papers are compared on"""
IN_PER_CENT = NAMES.keys() - {"reward_std"}


def markdown(study: dict[str, Any]) -> str:
    """Return study.md from study.json."""
    parts = [
        _head(study),
        "## Results",
        _results(study["arms"]),
        "## Training",
        _training(study["arms"]),
        *failures(study["arms"]),
        "## Order in the papers",
        verdicts(study["verdicts"]),
        *papers(study),
    ]
    return "\n\n".join(parts) + "\n"


def headline(arm: dict[str, Any], measure: str = "p_acc") -> tuple[str, str, str]:
    """Return an arm's rate, its difference to the baseline and how many seeds are behind it, as text."""
    rate, against = arm["means"].get(measure), arm["minus_baseline"].get(measure)
    return number(rate, percent=True), number(against, percent=True, signed=True), _seeds(arm)


def _head(study: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in study["cells"].items())
    size = study["settings"]["size"]
    pairs = len(PAIRED) * size["pairs_per_task"]
    chance = next((a["means"]["chance_p_acc"] for a in study["arms"] if "chance_p_acc" in a["means"]), None)
    return f"""# Methods on the tiny laboratory

Seeds {", ".join(map(str, study["seeds"]))}; of {sum(study["cells"].values())} runs {counts}. {size["rl_steps"]} \
steps of {QUESTIONS} questions from the supervised start of each seed; {pairs} pairs a seed; chance is a P-Acc of \
{number(chance, percent=True)}.

Rates are in per cent, differences in points. [a, b] is the 95 % interval over seeds (Student's t), of a difference \
paired by seed; {NOTHING} stands for what is not there. With three seeds an interval reaches 2.5 standard deviations \
of the seeds to either side, so only large effects can be told from none."""


def _results(arms: Sequence[dict[str, Any]]) -> str:
    header = (
        "arm",
        "what it is",
        "rollouts a step",
        "P-Acc",
        "by seed",
        f"minus {BASELINE}",
        "Acc",
        "same answer",
        "unparsed",
        "P-Acc of a single frame",
        "in the papers",
    )
    return table(header, [_result(arm) for arm in arms])


def _result(arm: dict[str, Any]) -> tuple[str, ...]:
    p_acc, against, _ = headline(arm)
    others = ("acc", "same_answer_rate", "unparsed_rate", "single_frame_p_acc")
    return (
        f"`{arm['name']}`",
        arm["title"],
        _rollouts(arm),
        p_acc,
        " ".join(cell_text(cell) for cell in arm["cells"].values()),
        against,
        *(mean(arm, measure, percent=True) for measure in others),
        _printed(arm["papers"]),
    )


def _training(arms: Sequence[dict[str, Any]]) -> str:
    header = (
        "arm",
        "zero advantage",
        f"minus {BASELINE}",
        "reward std",
        f"minus {BASELINE}",
        f"right, last {LAST_STEPS} steps",
        "sampled a step",
    )
    rows = [
        (
            f"`{arm['name']}`",
            mean(arm, "zero_advantage", percent=True),
            number(arm["minus_baseline"].get("zero_advantage"), percent=True, signed=True),
            mean(arm, "reward_std"),
            number(arm["minus_baseline"].get("reward_std"), signed=True),
            mean(arm, "correct", percent=True),
            _sampled(arm),
        )
        for arm in arms
        if arm["recipe"] is not None
    ]
    return (
        "Zero advantage: the share of groups that no trained rollout learns from; reward std: of all trained rollouts "
        "of a group together. Both are means over a run's steps. Rewards differ between methods (CRPO adds relation "
        "rewards and halves the counterfactual's), so their spread compares only where rewards are the same: GRPO, "
        "Dr.GRPO and STRIVE.\n\n" + table(header, rows)
    )


def failures(arms: Sequence[dict[str, Any]]) -> list[str]:
    """Return a section about what failed, if anything did."""
    failed = [
        f"- `{arm['name']}`, seed {seed}: {cell['failure']}"
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


def papers(study: dict[str, Any]) -> list[str]:
    """Return a section for every table or figure of a paper."""
    return [text for paper in study["papers"] for text in _paper(paper)]


def _paper(paper: dict[str, Any]) -> list[str]:
    percent = paper["measure"] in IN_PER_CENT
    rows = [
        (
            f"`{claim['greater']}` > `{claim['lesser']}`",
            NOTHING if claim["points"] is None else f"{claim['points']:.1f}",
            number(claim["found"], percent=percent, signed=True),
            claim["verdict"],
        )
        for claim in paper["claims"]
    ]
    about = f"There: {paper['shows']}. Here: {NAMES[paper['measure']]}. {paper['note']}".rstrip()
    return [f"### {paper['source']}", about, table(("order", "there, by", "here, by", "verdict"), rows)]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rollouts(arm: dict[str, Any]) -> str:
    budget = arm["rollouts"]
    if budget is None:
        return NOTHING
    probed = f" + {budget['probed']} probed" if budget["probed"] else ""
    steps = f", {budget['rounds']} x the steps" if budget["rounds"] > 1 else ""
    return f"{budget['per_step']} = {QUESTIONS} x ({budget['trained']}{probed}){steps}"


def _sampled(arm: dict[str, Any]) -> str:
    found = arm["means"].get("rollouts_per_step")
    return NOTHING if found is None else f"{found['mean']:.1f}"


def _seeds(arm: dict[str, Any]) -> str:
    done = sum(cell["state"] == State.DONE.value for cell in arm["cells"].values())
    failed = sum(cell["state"] == State.FAILED.value for cell in arm["cells"].values())
    return f"{done} of {len(arm['cells'])}" + (f", {failed} failed" if failed else "")


def cell_text(cell: dict[str, Any], measure: str = "p_acc") -> str:
    """Return what one seed measured."""
    if cell["state"] == State.FAILED.value:
        return "failed"
    return f"{100 * cell[measure]:.1f}" if measure in cell else NOTHING


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


def mean(arm: dict[str, Any], measure: str, *, percent: bool = False) -> str:
    """Return the mean of a measure, without its interval."""
    found = arm["means"].get(measure)
    return NOTHING if found is None else number({**found, "ci": None}, percent=percent)


def number(found: dict[str, Any] | None, *, percent: bool = False, signed: bool = False) -> str:
    """Return a mean with its interval, where there are any."""
    if found is None:
        return NOTHING
    scale, digits = (100, 1) if percent else (1, 2)
    sign = "+" if signed else ""
    interval = found["ci"] and ", ".join(f"{scale * bound:{sign}.{digits}f}" for bound in found["ci"])
    return f"{scale * found['mean']:{sign}.{digits}f}" + (f" [{interval}]" if interval else "")
