"""What the benchmarks of temporal grounding share: gold spans inside their videos, and recalls of overlaps."""

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from retroflip.bench.benchmarks.base import Graded, Item
from retroflip.bench.benchmarks.published import finite, sample_of
from retroflip.bench.records import AnswerRecord
from retroflip.data.answers.spans import Span, in_seconds, read_span, spans_text
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError

GROUNDING = "grounding"
"""the task of questions that ask for a span"""
ANSWER = "answer"
"""the task of questions that ask for one of several options"""


def as_published(spans: Any, where: str) -> list[list[float]]:
    """Return gold spans as they stand in a file. Raises DataError for what is none."""
    listed = spans if isinstance(spans, list | tuple) else [spans]
    for span in listed:
        if not isinstance(span, list | tuple) or len(span) != 2:
            raise DataError(f"{where}: {span!r:.60} is no span of two seconds. Restore the published file.")
    return [[finite(second, where) for second in span] for span in listed]


def inside(spans: Any, duration: float | None, where: str) -> list[Span]:
    """Return gold spans cut to the video, the earlier second first. Raises DataError for what is none of it."""
    found = []
    for span in as_published(spans, where):
        low, high = sorted(span)
        low, end = max(low, 0.0), high if duration is None else min(high, duration)
        if low > end:
            raise DataError(
                f"{where}: the span {low:g} to {high:g} s does not lie in its video of {duration:g} s."
            )
        found.append((low, end))
    if not found:
        raise DataError(f"{where}: it has no gold span. Restore the published file.")
    return found


def span_question(identity: str, question: str, golds: Sequence[Span], video: str, **more: Any) -> Sample:
    """Return a question that asks for a span of time, any of the golds."""
    return sample_of(
        str(more.get("source", "")),
        id=identity,
        video=video,
        question=question,
        solution=spans_text(golds),
        problem_type=ProblemType.GROUNDING,
        task=GROUNDING,
        **more,
    )


def told_span(said: str, duration: float | None = None) -> Span | None:
    """Return the span of a recorded answer: a list's two numbers as they stand, of a text what `read_span` reads."""
    try:
        start, end, *_ = json.loads(said)
        return finite(start, "the span"), finite(end, "the span")
    except (ValueError, TypeError, RecursionError, DataError):
        return read_span(said, duration)


def shares_in_seconds(duration: Callable[[Item], float | None]) -> Callable[[Item, str], str]:
    """Return how a benchmark's responses are read that tell spans in shares of their video ('20% to 45%').

    duration: how long a question's video is, in seconds. Where that is not known the shares stay, and are no span.
    """

    def read(item: Item, response: str) -> str:
        seconds = duration(item) if is_span(item) else None
        return response if seconds is None else in_seconds(response, seconds)

    return read


def acc_with_span(
    graded: Sequence[Graded], records: Sequence[AnswerRecord], fits: Callable[[AnswerRecord], bool]
) -> float | None:
    """Return how often, in per cent, an answer is right and its span fits, of the questions that were asked both.

    A question and its two tasks share the id before the last "/".
    """
    spans = {
        question_of(one): record for one, record in zip(graded, records, strict=True) if is_span(one.item)
    }
    answers = {
        question_of(one): record for one, record in zip(graded, records, strict=True) if not is_span(one.item)
    }
    both = [(answers[name], spans[name]) for name in answers if name in spans]
    return percent([float(answer.correct and fits(span)) for answer, span in both])


def accuracy_of_answers(records: Sequence[AnswerRecord]) -> float | None:
    """Return how many answers that are no spans are right, in per cent; None without any."""
    kinds = (ProblemType.GROUNDING,)
    return percent([float(record.correct) for record in records if record.problem_type not in kinds])


def is_span(item: Item) -> bool:
    """Whether a question asks for a span of time."""
    return item.sample.problem_type is ProblemType.GROUNDING


def question_of(one: Graded) -> str:
    """Return the name that a question shares between its two tasks."""
    return one.item.sample.id.rpartition("/")[0]


def identity_of(row: Mapping[str, Any]) -> str | None:
    """Return the question that a recorded answer is to, by the name that its own form was given here."""
    return row.get("identity")


def percent(values: Sequence[float]) -> float | None:
    """Return the mean in per cent; None of nothing."""
    return round(100.0 * fmean(values), 2) if values else None


def recalls(
    overlaps: Sequence[float], bounds: Sequence[float], name: str = "r", *, beyond: bool = False
) -> dict[str, float | None]:
    """Return the share of overlaps of at least each bound, in per cent. beyond: of more than it."""
    reaches = operator.gt if beyond else operator.ge
    return {f"{name}{bound:g}": percent([float(reaches(one, bound)) for one in overlaps]) for bound in bounds}
