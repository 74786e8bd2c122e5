"""The table of a suite: each member's number from the answers to its benchmark, and the means that the paper prints.

Answers lie in a folder for each benchmark, as `generate --suite` writes them. A number is given by our reading and by
the benchmark's own rules, in per cent; a member whose benchmark was not answered has none, and neither has a mean over
it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.metrics import measure
from retroflip.bench.official import Published
from retroflip.bench.outcomes import passes
from retroflip.bench.records import AnswerRecord, Control
from retroflip.bench.score import ANSWERS, counted_answers
from retroflip.bench.suite import Member, Suite, means
from retroflip.data.sample import Sample
from retroflip.errors import DataError


class Number(NamedTuple):
    """A member's number. n: answers that count. ours, official: in per cent, None for what was not measured. passes:
    pass@k by k, of several draws. missing: why there is no number."""

    n: int
    ours: float | None
    official: float | None
    passes: Mapping[str, float]
    missing: str = ""


def score_suite(suite: Suite, folder: Path, root: Path | None = None) -> dict[str, Any]:
    """Return the members' numbers and the means of ours, of the official ones, and of pass@k.

    root: a folder with one for each benchmark's own files; by default these are looked for where they were when it was
    asked. Raises DataError where no benchmark of the suite was answered.
    """
    if not any((folder / bench / ANSWERS).is_file() for bench in suite.benchmarks):
        raise DataError(
            f"{folder} holds no answers to any benchmark of the suite, as in {folder / suite.benchmarks[0] / ANSWERS}. "
            "Write them with: retroflip generate --suite NAME --root DIR --out DIR"
        )
    answered = {
        bench: _Answered.read(folder / bench, root and root / bench, partial(suite.counts, bench))
        for bench in suite.benchmarks
    }
    numbers = {name: answered[member.bench].number(member) for name, member in suite.members.items()}
    draws = sorted({k for one in numbers.values() for k in one.passes}, key=int)
    return {
        "suite": suite.title,
        "members": {
            name: {"title": suite.members[name].title, "metric": suite.members[name].metric, **one._asdict()}
            for name, one in numbers.items()
        },
        "means": {
            "ours": _means(suite, {name: one.ours for name, one in numbers.items()}),
            "official": _means(suite, {name: one.official for name, one in numbers.items()}),
            **{
                f"pass@{k}": _means(suite, {name: one.passes.get(k) for name, one in numbers.items()})
                for k in draws
            },
        },
    }


def _means(suite: Suite, scores: Mapping[str, float | None]) -> dict[str, Any]:
    return {
        name: {"value": None if one.value is None else round(one.value, 2), "missing": list(one.missing)}
        for name, one in means(suite, scores).items()
    }


class _Answered(NamedTuple):
    """The answers to one benchmark, to whole videos; a failed one for each question without. own: its files, where they
    can be had. missing: why there are no answers."""

    records: Sequence[AnswerRecord] = ()
    own: Published | None = None
    missing: str = ""

    @classmethod
    def read(cls, folder: Path, root: Path | None, wanted: Callable[[Sample], bool]) -> "_Answered":
        if not (folder / ANSWERS).is_file():
            return cls(missing=f"no {ANSWERS} in {folder}")
        counted = counted_answers(folder, root, wanted=wanted)
        return cls([one for one in counted.read if one.control is Control.FULL], counted.own)

    def number(self, member: Member) -> Number:
        """Return a member's number from those answers that it counts."""
        held = [one for one in self.records if member.holds(one)]
        first = [one for one in held if one.draw == 0]
        if not first:
            return Number(0, None, None, {}, self.missing or "no answer is to a question that it counts")
        scores = self.own.scores(first) if self.own else {}
        ours = _at(measure(first, resamples=1), member.metric)
        told = _at(scores.get("ours") or {}, member.metric)
        curve = (passes(held) or {}).get("pass", {})
        return Number(
            len(first),
            told if told is not None else ours and round(100.0 * ours, 2),
            _at(scores.get("official") or {}, member.metric.rpartition(".")[2]),
            {k: round(100.0 * share, 2) for k, share in curve.items() if share is not None},
        )


def _at(scores: Mapping[str, Any], dotted: str) -> float | None:
    """Return a number at a dotted key; None where there is none."""
    found: Any = scores
    for part in dotted.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) else None
