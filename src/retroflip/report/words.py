"""What the numbers say, in sentences. Every word depends on a number; none is written before the run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from retroflip.report.curves import METRICS, Rows, series
from retroflip.report.learned import hardly_anything_learned, nothing_learned

Measures = Mapping[str, Any]
_GLUE = "\N{NO-BREAK SPACE}"


MOST_UNPARSED = 0.2
"""share of unparsed answers above which a control that found nothing says nothing"""


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
    return {"base": "the start model", "grpo": "GRPO", "crpo": "CRPO"}.get(name, name)


def short_name(name: str) -> str:
    """Return a method's name for tables and charts."""
    return "Before RL" if name == "base" else model_name(name)


def percent(value: float | None) -> str:
    """Return a share as text: '41.2 %' (with a space that does not break), or a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f}{_GLUE}%"


def points(value: float) -> str:
    """Return a difference of shares in percentage points, signed: '+36.2 points'."""
    return f"{100 * value:+.1f}{_GLUE}points"


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
    """Return what is to be said of runs that learned nothing, or hardly anything."""
    verdicts = {name: nothing_learned(rows) or hardly_anything_learned(rows) for name, rows in runs.items()}
    named = len(runs) > 1
    return [f"{model_name(name)}: {text}" if named else text for name, text in verdicts.items() if text]


def _result(summary: Mapping[str, Any], runs: Mapping[str, Rows]) -> list[str]:
    methods: Mapping[str, Measures] = summary.get("methods", {})
    scored = {name: m for name, m in methods.items() if m.get("p_acc") is not None}
    if not scored:
        return _training_only(runs)
    trained = [name for name in scored if not is_start(name)]
    best = max(trained, key=lambda name: scored[name]["p_acc"], default=None)
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

    A handicapped model that wrote little that can be read is no control: it is at 0 without having been asked.
    """
    found = []
    for name, measures in summary.get("controls", {}).items():
        if name == "oracle" and measures.get("acc") is not None:
            found.append(_oracle(measures))
        if name == "random" and measures.get("p_acc_ci") is not None:
            found.append(_random(measures))
    for name, measures in summary.get("methods", {}).items():
        for control, handicapped in measures.get("controls", {}).items():
            if handicapped.get("p_acc_ci") is not None:
                found.append(_handicapped(name, control, handicapped))
    return found


def chance_of(measures: Measures, rate: str) -> float | None:
    """Return the chance level of `rate` that was measured along with it."""
    value = measures.get("chance", {}).get(rate)
    return None if value is None else float(value)


def _level(name: str, before: str | None, scored: Mapping[str, Measures]) -> str:
    what = "The start model" if name == "base" else model_name(name)
    value = scored[name]["p_acc"]
    if before is None:
        return f"{what} answers both videos right in {percent(value)} of pairs."
    start = scored[before]["p_acc"]
    way = "up from" if value > start else "down from" if value < start else "as before RL:"
    ending = "" if value == start else " before RL"
    return f"{what} answers both videos right in {percent(value)} of pairs, {way} {percent(start)}{ending}."


def _certainty(measures: Measures) -> str:
    parts = [f"{measures['n_pairs']} pairs" if measures.get("n_pairs") else "Pairs"]
    if measures.get("p_acc_ci"):
        parts.append(f"95{_GLUE}% interval {interval(measures['p_acc_ci'])}")
    chance = chance_of(measures, "p_acc")
    if chance is not None:
        parts.append(f"guessing would reach {percent(chance)}")
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
    numbers = (
        f"{points(value)}, 95{_GLUE}% interval {100 * low:+.1f} to {100 * high:+.1f}, McNemar {p_value(p)}"
    )
    if low > 0:
        return f"That is a measurable gain over {against} ({numbers})."
    if high < 0:
        return f"That is a measurable loss against {against} ({numbers})."
    return f"Against {against} no difference can be told from noise ({numbers})."


def _same_answers(best: str, before: str | None, scored: Mapping[str, Measures]) -> str:
    shown = [n for n in scored if n not in (best, before) and scored[n].get("same_answer_rate") is not None]
    others = [f"{percent(scored[n]['same_answer_rate'])} with {model_name(n)}" for n in shown]
    if before is not None:
        others.insert(0, f"{percent(scored[before].get('same_answer_rate'))} before RL")
    compared = f", against {' and '.join(others)}" if others else ""
    rate = percent(scored[best].get("same_answer_rate"))
    return (
        f"The mark of a shortcut, one answer for both videos, shows in {rate} of pairs with "
        f"{model_name(best)}{compared}."
    )


def _training_only(runs: Mapping[str, Rows]) -> list[str]:
    sentences = []
    for name, rows in runs.items():
        line = series(rows, METRICS[0].name, name, 0)
        if line.values:
            smooth = line.smoothed()
            sentences.append(
                f"In {len(line.steps)} steps of {model_name(name)} the correctness reward went from "
                f"{smooth[0]:.2f} to {smooth[-1]:.2f}."
            )
    return [*sentences, "No pairs were evaluated, so whether the model sees motion is not known."]


def _oracle(measures: Measures) -> Check:
    return Check(
        Verdict.SOUND if measures["acc"] == 1.0 else Verdict.WRONG,
        f"The oracle, which writes the gold answers, scores {percent(measures['acc'])}; "
        f"sound scoring gives {percent(1.0)}.",
    )


def _random(measures: Measures) -> Check:
    chance, bounds = chance_of(measures, "p_acc"), measures["p_acc_ci"]
    inside = chance is not None and bounds[0] <= chance <= bounds[1]
    return Check(
        Verdict.SOUND if inside else Verdict.WRONG,
        f"Random answers reach a pair accuracy of {percent(measures['p_acc'])} ({interval(bounds)}); "
        f"chance is {percent(chance)}.",
    )


def _handicapped(name: str, control: str, measures: Measures) -> Check:
    chance = chance_of(measures, "p_acc") or 0.0
    unparsed = measures.get("unparsed_rate") or 0.0
    if measures["p_acc_ci"][0] > chance:
        verdict, end = Verdict.WRONG, "above chance, so some pairs give themselves away"
    elif unparsed > MOST_UNPARSED:
        verdict, end = (
            Verdict.EMPTY,
            "but who writes nothing readable cannot be right, so this is no control; chance",
        )
    else:
        verdict, end = Verdict.SOUND, "not above chance"
    return Check(
        verdict,
        f"{short_name(name)}, {control.replace('_', ' ')}: pair accuracy {percent(measures['p_acc'])} "
        f"({interval(measures['p_acc_ci'])}), {percent(unparsed)} unparsed; {end} ({percent(chance)}).",
    )
