"""What the numbers say, in sentences. Every word depends on a number; none is written before the run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from retroflip.bench.metrics import was_measured
from retroflip.bench.metrics.answers import ACCURACY, MOST_UNPARSED, UNPARSED
from retroflip.bench.metrics.base import Measures, Rate
from retroflip.bench.metrics.pairs import PAIR_ACCURACY, SAME_ANSWER
from retroflip.bench.metrics.training import CORRECT, Rows
from retroflip.errors import counted
from retroflip.report.curves import series
from retroflip.report.learned import hardly_anything_learned, nothing_learned
from retroflip.train.task_types import by_task_type, remarks

_GLUE = "\N{NO-BREAK SPACE}"


_NAMES = {
    "base": "the start model",
    "sft": "SFT",
    "grpo": "GRPO",
    "dr_grpo": "Dr.GRPO",
    "st_dr_grpo": "ST-Dr.GRPO",
    "t_grpo": "T-GRPO",
    "arrow_rl": "ArrowRL",
    "arrowgev": "ArrowGEV",
    "crpo": "CRPO",
    "strive": "STRIVE",
}


class Verdict(StrEnum):
    """How a control came out, in the words of the page."""

    SOUND = "as it should"
    WRONG = "look here"
    EMPTY = "says nothing"


@dataclass(frozen=True)
class Check:
    """A control's verdict: whether it came out as a sound benchmark needs it to, and what was measured."""

    verdict: Verdict
    text: str


def model_name(name: str) -> str:
    """Return a method's name as it is written in papers; unknown names stay as they are."""
    return _NAMES.get(name, name)


def short_name(name: str) -> str:
    """Return a method's name for tables and charts."""
    return "Before RL" if name == "base" else model_name(name)


def percent(value: float | None) -> str:
    """Return a share as text: '41.2 %' (with a space that does not break), or a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f}{_GLUE}%"


def points(value: float) -> str:
    """Return a difference of shares in percentage points, signed: '+36.2 points'."""
    return f"{signed(value)}{_GLUE}points"


def signed(value: float) -> str:
    """Return a difference of shares times 100 with its sign: '+36.2'; what rounds to nothing is '+0.0'."""
    return f"{100 * value:+z.1f}"


def interval(bounds: Sequence[float] | None) -> str:
    """Return an interval of shares: '33.1 to 49.0 %', or '' where there is none."""
    return "" if bounds is None else f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f}{_GLUE}%"


def p_value(p: float | None) -> str:
    """Return a p-value: 'p = 0.012', 'p < 0.001'."""
    if p is None:
        return "–"
    return f"p{_GLUE}<{_GLUE}0.001" if p < 0.001 else f"p{_GLUE}={_GLUE}{p:.3f}"


def is_start(name: str) -> bool:
    """Whether a model is one that others were trained from: 'base', or 'FOLDER/base' among several folders."""
    return name.rpartition("/")[2] == "base"


def start_of(name: str, names: Iterable[str]) -> str | None:
    """Return which of the models `names` the model `name` was trained from.

    That is the start model of its own folder, or the only one there is; None without one, and for a start
    model itself.
    """
    starts = [one for one in names if is_start(one)]
    if is_start(name):
        return None
    folder, slash, _ = name.rpartition("/")
    own = f"{folder}{slash}base"
    return own if own in starts else starts[0] if len(starts) == 1 else None


def headline(summary: Mapping[str, Any], runs: Mapping[str, Rows]) -> list[str]:
    """Return the report's opening: what makes it worth little, the main result, then what qualifies it."""
    return [*_quick(summary.get("settings", {})), *_idle(runs), *_result(summary, runs)]


def _quick(settings: Mapping[str, Any]) -> list[str]:
    """Return what a quick demo's result is worth."""
    if not settings.get("quick"):
        return []
    return [
        f"This quick demo shows the machinery, not the difference: {settings['pairs']} pairs and short runs are too "
        "few to tell methods apart."
    ]


def _idle(runs: Mapping[str, Rows]) -> list[str]:
    """Return what is to be said of runs that learned nothing, or hardly anything, or nothing from some task type."""
    verdicts = {name: [*_learned(rows), *remarks(by_task_type(rows))] for name, rows in runs.items()}
    named = len(runs) > 1
    return [
        f"{model_name(name)}: {text}" if named else text for name, texts in verdicts.items() for text in texts
    ]


def _learned(rows: Rows) -> list[str]:
    verdict = nothing_learned(rows) or hardly_anything_learned(rows)
    return [verdict] if verdict else []


def _result(summary: Mapping[str, Any], runs: Mapping[str, Rows]) -> list[str]:
    methods: Mapping[str, Measures] = summary.get("methods", {})
    rates = {name: PAIR_ACCURACY.read(measures) for name, measures in methods.items()}
    scored = {name: methods[name] for name, rate in rates.items() if rate.value is not None}
    if not scored:
        blind = bool(methods) and not any(map(was_measured, methods.values()))
        return _training_only(runs, "No answers to full videos" if blind else "No pairs")
    trained = [name for name in scored if not is_start(name)]
    best = max(trained, key=lambda name: _pairs_right(scored[name]), default=None)
    if best is None:
        only = next(iter(scored))
        return [_level(only, None, scored), _certainty(scored[only])]
    before = start_of(best, scored)
    sentences = [_level(best, before, scored), _certainty(scored[best])]
    for other in [name for name in scored if name != best]:
        sentences.append(_difference(summary.get("comparisons", []), other, best, before))
    sentences.append(_same_answers(best, before, scored))
    return [sentence for sentence in sentences if sentence]


def checks(summary: Mapping[str, Any]) -> list[Check]:
    """Judge the controls: the oracle at 100 %, random at chance, handicapped inputs not above chance.

    A handicapped model that wrote little that can be read is no control: it is at 0 without having been asked. Of clips
    that are played backwards nothing is judged: answers that reversal does not change stay right.
    """
    found = []
    for name, measures in summary.get("controls", {}).items():
        folder, _, control = name.rpartition("/")
        found.append(_check(folder, control, measures))
    for name, measures in summary.get("methods", {}).items():
        found += [_check(short_name(name), *one) for one in measures.get("controls", {}).items()]
    return [check for check in found if check is not None]


def _check(name: str, control: str, measures: Measures) -> Check | None:
    """Return the verdict of one control of the folder or model `name`; None where what it is judged by is not there."""
    asked = f" to the questions of {name}" if name else ""
    accuracy, found = ACCURACY.read(measures).value, PAIR_ACCURACY.read(measures)
    if control == "oracle":
        return None if accuracy is None else _oracle(asked, accuracy)
    if found.interval is None:
        return None
    if control == "random":
        return _random(asked, found, found.interval)
    told = (
        f"{name}, {control.replace('_', ' ')}: pair accuracy {percent(found.value)} ({interval(found.interval)}), "
        f"{percent(UNPARSED.read(measures).value)} unparsed;"
    )
    if control == "reversed":
        return Check(
            Verdict.EMPTY,
            f"{told} played backwards, a clip changes some answers and leaves others as they are, so there is no level "
            "that this should be at.",
        )
    return _handicapped(told, found, found.interval, UNPARSED.read(measures).value or 0.0)


def _pairs_right(measures: Measures) -> float:
    return PAIR_ACCURACY.read(measures).value or 0.0


def _level(name: str, before: str | None, scored: Mapping[str, Measures]) -> str:
    what = "The start model" if name == "base" else model_name(name)
    value = _pairs_right(scored[name])
    if before is None:
        return f"{what} answers both videos right in {percent(value)} of pairs."
    start = _pairs_right(scored[before])
    way = "up from" if value > start else "down from" if value < start else "as before RL:"
    ending = "" if value == start else " before RL"
    return f"{what} answers both videos right in {percent(value)} of pairs, {way} {percent(start)}{ending}."


def _certainty(measures: Measures) -> str:
    parts = [counted(measures["n_pairs"], "pair") if measures.get("n_pairs") else "Pairs"]
    found = PAIR_ACCURACY.read(measures)
    if found.interval:
        parts.append(f"95{_GLUE}% interval {interval(found.interval)}")
    if found.chance is not None:
        parts.append(f"guessing would reach {percent(found.chance)}")
    return f"{'; '.join(parts)}."


def _difference(comparisons: Sequence[Mapping[str, Any]], other: str, best: str, before: str | None) -> str:
    for entry in comparisons:
        if {entry.get("a"), entry.get("b")} == {other, best} and entry.get("p_acc_difference_ci"):
            sign = 1 if entry["b"] == best else -1
            low, high = sorted(sign * bound for bound in entry["p_acc_difference_ci"])
            against = "its start" if other == before else model_name(other)
            return _verdict(against, sign * entry["p_acc_difference"], low, high, entry.get("mcnemar_p"))
    return ""


def _verdict(against: str, value: float, low: float, high: float, p: float | None) -> str:
    numbers = f"{points(value)}, 95{_GLUE}% interval {signed(low)} to {signed(high)}, McNemar {p_value(p)}"
    if low > 0:
        return f"That is a measurable gain over {against} ({numbers})."
    if high < 0:
        return f"That is a measurable loss against {against} ({numbers})."
    return f"Against {against} no difference can be told from noise ({numbers})."


def _same_answers(best: str, before: str | None, scored: Mapping[str, Measures]) -> str:
    same = {name: SAME_ANSWER.read(measures).value for name, measures in scored.items()}
    others = [
        f"{percent(rate)} with {model_name(name)}"
        for name, rate in same.items()
        if name not in (best, before) and rate is not None
    ]
    if before is not None:
        others.insert(0, f"{percent(same[before])} before RL")
    compared = f", against {' and '.join(others)}" if others else ""
    return (
        f"The mark of a shortcut, one answer for both videos, shows in {percent(same[best])} of pairs with "
        f"{model_name(best)}{compared}."
    )


def _training_only(runs: Mapping[str, Rows], missing: str) -> list[str]:
    sentences = []
    for name, rows in runs.items():
        line = series(rows, CORRECT.key, name, 0)
        if line.values:
            smooth = line.smoothed()
            sentences.append(
                f"In {len(line.steps)} steps of {model_name(name)} the correctness reward went from "
                f"{smooth[0]:.2f} to {smooth[-1]:.2f}."
            )
    return [*sentences, f"{missing} were evaluated, so whether the model sees motion is not known."]


def _oracle(asked: str, accuracy: float) -> Check:
    return Check(
        Verdict.SOUND if accuracy == 1.0 else Verdict.WRONG,
        f"The oracle, which writes the gold answers{asked}, scores {percent(accuracy)}; "
        f"sound scoring gives {percent(1.0)}.",
    )


def _random(asked: str, found: Rate, bounds: tuple[float, float]) -> Check:
    inside = found.chance is not None and bounds[0] <= found.chance <= bounds[1]
    return Check(
        Verdict.SOUND if inside else Verdict.WRONG,
        f"Random answers{asked} reach a pair accuracy of {percent(found.value)} ({interval(bounds)}); "
        f"chance is {percent(found.chance)}.",
    )


def _handicapped(told: str, found: Rate, bounds: tuple[float, float], unparsed: float) -> Check:
    chance = found.chance or 0.0
    if bounds[0] > chance:
        verdict, end = Verdict.WRONG, "above chance, so some pairs give themselves away"
    elif unparsed > MOST_UNPARSED:
        verdict, end = (
            Verdict.EMPTY,
            "but who writes nothing readable cannot be right, so this is no control; chance",
        )
    else:
        verdict, end = Verdict.SOUND, "not above chance"
    return Check(verdict, f"{told} {end} ({percent(chance)}).")
