"""Scores and comparisons as the terminal shows them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.terminal import print_table
from retroflip.errors import counted

if TYPE_CHECKING:
    from retroflip.bench.metrics.base import Family, Rate

Resamples = Annotated[
    int,
    typer.Option(metavar="N", min=1, help="Resamples behind every interval; 10,000 steady its last digit."),
]


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print what summary.json says about methods, controls and comparisons."""
    parts = (summary.get(part, {}) for part in ("methods", "controls"))
    _print_rates("Models and controls", [named for part in parts for named in part.items()])
    for comparison in summary.get("comparisons", []):
        print_comparison(comparison)


def print_side_by_side(scores: Mapping[str, Mapping[str, Any]]) -> None:
    """Print one row for every folder, with no chance beside it: folders may be of different benchmarks. A folder
    without answers to full videos has the name of the control that was scored beside its own."""
    rows = [
        (name if one["scored"] == "full" else f"{name}, {one['scored']}", one) for name, one in scores.items()
    ]
    _print_rates("All folders", rows, chance=False)


def print_scores(name: str, scores: Mapping[str, Any]) -> None:
    """Print the scores of one answerer, and what stands behind them."""
    tasks = [(f"  {task}", measured) for task, measured in scores["tasks"].items()]
    _print_rates(name, [(f"{scores['scored']}, all tasks", scores), *tasks, *scores["controls"].items()])
    for label, by_value in scores["parts"].items():
        if not _are_the_same(by_value, scores["tasks"]):
            _print_rates(f"{name} by {label}", list(by_value.items()), chance=False)
    for line in (*_counted(scores), *_behind(scores), *_gaps(scores)):
        print(line)
    if scores.get("official"):
        print_official(f"{name} by the benchmark's own rules and by ours", scores)
    elif fault := scores.get("official_fault"):
        print(f"There is no score by the benchmark's own rules: {fault}")


def _are_the_same(parts: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Return whether two ways to break scores down come to the same numbers."""
    return sorted(map(str, parts.values())) == sorted(map(str, others.values()))


def _counted(scores: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is counted apart."""
    from retroflip.bench.metrics.answers import MOST_UNPARSED, UNPARSED

    unparsed = UNPARSED.read(scores).value or 0.0
    if unparsed > MOST_UNPARSED:
        yield (
            f"From {_percent(unparsed)} % of the answers nothing can be read, so the score says little of what was "
            "seen: look at some of them; a prompt that names the form helps (`generate --prompt`)."
        )
    if scores["truncated"]:
        yield f"{scores['truncated']} of {counted(scores['n_answers'], 'answer')} were cut off at the limit of tokens."
    if scores["n_failed"]:
        yield (
            f"Questions without an answer, as their video or the call failed: {scores['n_failed']}. They count as "
            "wrong."
        )
    if left := scores.get("unanswered"):
        told = ", ".join(f"{count} under {control}" for control, count in left.items())
        yield f"Among these are questions that were never asked: {told}. The same generate again asks them."
    if scores["n_incomplete_pairs"]:
        yield f"Pairs that miss a side: {scores['n_incomplete_pairs']}. They count as wrong."


def _behind(scores: Mapping[str, Any]) -> Iterator[str]:
    """Yield how pairs ended, which letters were chosen, what a blind answerer reaches, and what draws say."""
    rates = (("Acc", scores["acc_wilson"]), ("P-Acc", scores["p_acc_wilson"]))
    bounds = [f"{label} [{100 * low:.1f}, {100 * high:.1f}]" for label, (low, high) in _known(rates)]
    if bounds:
        yield f"Were all answers independent (Wilson): {', '.join(bounds)}."
    if scores["outcomes"]:
        ended = ", ".join(
            f"{count} {what.replace('_', ' ')}" for what, count in scores["outcomes"].items() if count
        )
        yield f"Pairs: {ended}."
    if scores["letters"]:
        letters = scores["letters"]["letters"].items()
        chosen = ", ".join(f"{letter} {one['chosen']} ({one['gold']} right)" for letter, one in letters)
        yield f"Letters chosen: {chosen}; bias {_percent(scores['letters']['bias'])}."
    if constant := scores["constant_chance"]:
        both = "" if constant["p_acc"] is None else f", P-Acc {_percent(constant['p_acc'])}"
        yield f"Always {constant['letter']}: Acc {_percent(constant['acc'])}{both}."
    if moved := scores["sensitivity"]:
        yield (
            f"Options' probabilities move by {moved['kl']:.3f} nats from one side of a pair to the other "
            f"({counted(moved['n_pairs'], 'pair')})."
        )
    if passes := scores["passes"]:
        for label, curve in (("Pass", passes["pass"]), ("Pair pass", passes["pair_pass"])):
            told = ", ".join(f"@{k} {_percent(share)}" for k, share in curve.items())
            yield f"{label} of {counted(passes['draws'], 'draw')}: {told}."


def _known(
    rates: Sequence[tuple[str, Sequence[float] | None]],
) -> Iterator[tuple[str, Sequence[float]]]:
    """Yield those that were measured."""
    return ((label, bounds) for label, bounds in rates if bounds)


def _gaps(scores: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is lost by each control, and how much of it was unparsed: one that wrote nothing shows nothing."""
    for control, measured in scores["controls"].items():
        if control not in ("oracle", "random") and (gap := measured["gap"]):
            low_high = gap["p_acc_difference_ci"]
            within = f" [{100 * low_high[0]:+z.1f}, {100 * low_high[1]:+z.1f}]" if low_high else ""
            yield (
                f"Gap to {control}: P-Acc {100 * gap['p_acc_difference']:+z.1f} points{within} on {gap['n_pairs']} "
                f"pairs; {_percent(measured['unparsed_rate'])} % of its answers unparsed."
            )


def _print_rates(title: str, named: Sequence[tuple[str, Mapping[str, Any]]], *, chance: bool = True) -> None:
    """Print a table for every family of metrics that was measured, and what guessing would reach on the first row."""
    from retroflip.bench.metrics import FAMILIES, metrics_of

    for family in FAMILIES:
        rows = [(name, measured) for name, measured in named if family.of(measured)]
        if not rows:
            continue
        metrics = metrics_of(family)
        cells = [
            (name, *(_rate(metric.read(measured)) for metric in metrics), *_numbers(family, measured))
            for name, measured in rows
        ]
        print_table(
            family.heading or title, ("", *(metric.label for metric in metrics), *_units(family)), cells
        )
        chances = {metric.label: metric.read(rows[0][1]).chance for metric in metrics}
        known = [f"{label} {_percent(chance)}" for label, chance in chances.items() if chance is not None]
        if known and chance:
            print(f"By chance: {', '.join(known)}.")


def _units(family: "Family") -> tuple[str, ...]:
    return ("answers", family.unit) if family.part is None else (family.unit,)


def _numbers(family: "Family", measured: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how many units stand behind a row, and how many answers, where these are not the units."""
    answers = (str(measured.get("n_answers", "")),) if family.part is None else ()
    return (*answers, family.counted(measured))


def _rate(rate: "Rate") -> str:
    bounds = rate.interval
    return _percent(rate.value) + (f" [{100 * bounds[0]:.1f}, {100 * bounds[1]:.1f}]" if bounds else "")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def print_comparison(difference: Mapping[str, Any]) -> None:
    """Print how two answerers differ."""
    a, b = difference["a"], difference["b"]
    if difference["p_acc_difference"] is None:
        print(f"{b} against {a}: not compared, since {difference['not_compared']}.")
        return
    interval = difference["p_acc_difference_ci"]
    within = f" [{100 * interval[0]:+z.1f}, {100 * interval[1]:+z.1f}]" if interval else ""
    print(
        f"{b} against {a}: P-Acc {100 * difference['p_acc_difference']:+z.1f} points{within} on "
        f"{counted(difference['n_pairs'], 'pair')}; only {b} right on {difference['only_b']}, only {a} on "
        f"{difference['only_a']}; exact McNemar p = {difference['mcnemar_p']:.3g}."
    )


def print_official(title: str, scores: Mapping[str, Any]) -> None:
    """Print a benchmark's own score beside ours."""
    official, ours = scores["official"], scores["ours"]
    rates = {
        "all": "acc",
        "pairs": "p_acc",
        **{key: key for key, rate in official.items() if _is_other(key, rate)},
    }
    rows = [
        *(
            [name, *(_two_places(_measured(one, key)) for one in (official, ours))]
            for name, key in rates.items()
        ),
        *(
            [task, _two_places(rate), _two_places(ours["by_task"].get(task))]
            for task, rate in official["by_task"].items()
        ),
    ]
    print_table(f"{title}, per cent", ["", "official", "ours"], rows)
    differing = ", ".join(f"{count} {what}" for what, count in scores["disagreements"].items())
    print(
        f"{counted(official['n'], 'answer')}, {counted(official['n_pairs'], 'pair')}; {scores['unparsed']} unparsed by "
        f"ours, {official['ungraded']} without an official grade; {differing}."
    )
    for line in _missing_and_unknown(scores):
        print(line)


def _missing_and_unknown(scores: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a recorded file lacks of its benchmark, and what of it belongs to no question."""
    if scores.get("missing"):
        answered, right = (scores["ours_of_answered"][key] for key in ("n", "acc"))
        yield (
            f"{counted(scores['missing'], 'question')} without any answer: wrong by ours, and counted officially as "
            f"the benchmark's own scorer does. Of the {answered} answered, {_two_places(right)} % are right by ours."
        )
    if fault := scores.get("missing_fault"):
        yield f"Whether answers are missing cannot be told: {fault}"
    if parts := scores.get("parts_without_answers"):
        named = ", ".join(f"{part} ({counted(number, 'question')})" for part, number in parts.items())
        yield f"No answer is to these parts of the benchmark, which are left out: {named}."
    for reason, number in scores.get("unknown_by_reason", {}).items():
        yield f"{counted(number, 'answer')} {reason}, and not counted by ours."


def _is_other(key: str, rate: Any) -> bool:
    """Whether this is a number that the benchmark's own table has besides accuracies."""
    return isinstance(rate, float) and key not in ("acc", "p_acc")


def _measured(measures: Mapping[str, Any], key: str) -> float | None:
    """Return a number of a score, which may be one of spans or numbers."""
    parts = (measures, *(measures.get(part, {}) for part in ("grounding", "nearness")))
    return next((part[key] for part in parts if part.get(key) is not None), None)


def _two_places(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.2f}"


def print_suite(scores: Mapping[str, Any], of: str = "") -> None:
    """Print the table of a suite, its means, and what is missing in it. of: whose it is, beside others'."""
    members, means = scores["members"], scores["means"]
    rows = [
        [
            one["title"] or name,
            one["metric"],
            str(one["n"]),
            _hundredths(one["ours"]),
            _hundredths(one["official"]),
        ]
        for name, one in members.items()
    ]
    rows += [
        [f"mean: {name}", "", "", *(_hundredths(means[kind][name]["value"]) for kind in ("ours", "official"))]
        for name in means["ours"]
    ]
    title = f"{of}: {scores['suite']}" if of else scores["suite"]
    print_table(f"{title}, per cent", ["", "measure", "answers", "ours", "official"], rows)
    for name, one in members.items():
        if one["missing"]:
            print(f"{name} has no number: {one['missing']}.")


def _hundredths(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
