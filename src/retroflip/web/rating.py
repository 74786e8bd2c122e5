"""What people rate besides pairs: samples of a router without its labels, and traces without their authors.

Which samples, and which trace stands on which side, are functions of ids and names alone: a page that is loaded again
shows the same, and no two raters have all sides alike.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.data.intervals import wilson
from retroflip.data.records import stream_samples
from retroflip.data.sample import Sample, TaskType
from retroflip.draws import draw_seed
from retroflip.errors import DataError
from retroflip.router import audit
from retroflip.web.lines import Stamp, stamped

AUDITED, COMPARED = 200, 50
"""samples that are drawn of a routed file, and questions whose traces are compared (SynRL, blind evaluation)"""
LEFT, RIGHT, TIE = "left", "right", "tie"


class Two(NamedTuple):
    """Two traces about one question."""

    sample: Sample
    a: str
    b: str


def audited(file: Path) -> list[dict[str, Any]]:
    """Return the samples that people label, without the router's label. Raises DataError as `audit.draw` does."""
    return [_asked(sample) for sample in _drawn(*stamped(file))]


@lru_cache(8)
def _drawn(file: Path, stamp: Stamp) -> Sequence[Sample]:  # noqa: ARG001 - a file that changed is read again
    return audit.draw(file, AUDITED, seed=0)


def compared(first: Path, second: Path) -> Sequence[Two]:
    """Return questions that both files have a trace of. Raises DataError where there is none."""
    return _compared(stamped(first), stamped(second))


@lru_cache(8)
def _compared(one: tuple[Path, Stamp], other: tuple[Path, Stamp]) -> Sequence[Two]:
    (first, _), (second, _) = one, other
    traces = dict(_traced(second))
    found = [
        Two(sample, trace, traces[name][1]) for name, (sample, trace) in _traced(first) if name in traces
    ]
    found = [two for two in found if two.a != two.b]
    if not found:
        raise DataError(
            f"{first} and {second}: no question has a trace ('process') in both that differs. Give two files of traces "
            "about the same questions."
        )
    return sorted(found, key=lambda two: draw_seed(0, "compared", two.sample.id))[:COMPARED]


def sided(two: Two, rater: str) -> dict[str, Any]:
    """Return the traces as one rater sees them."""
    texts = (two.b, two.a) if _turned(two.sample.id, rater) else (two.a, two.b)
    return {**_asked(two.sample), LEFT: texts[0], RIGHT: texts[1]}


def author(item: str, rater: str, side: str) -> str:
    """Return whose trace a rater preferred: "a" or "b", or "tie". Raises ValueError for no side."""
    if side == TIE:
        return TIE
    if side not in (LEFT, RIGHT):
        raise ValueError(f"{side!r} is no side")
    return "b" if (side == LEFT) is _turned(item, rater) else "a"


def preferred(labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how often each file's trace was preferred, and the share of the first with Wilson's interval; ties count
    half to neither and are told apart."""
    counts = Counter(str(label["verdict"]) for label in labels)
    decided = counts["a"] + counts["b"]
    return {
        "a": counts["a"],
        "b": counts["b"],
        "ties": counts[TIE],
        "win_rate_a": counts["a"] / decided if decided else None,
        "interval": wilson(counts["a"], decided),
        "raters": len({label["rater"] for label in labels}),
    }


def agreed_table(labels: Sequence[Mapping[str, Any]], rater: str | None) -> dict[str, TaskType]:
    """Return the label of each sample: one rater's, or what most raters gave; those without a majority are left out."""
    said: dict[str, Counter[str]] = {}
    for label in labels:
        if rater in (None, label["rater"]):
            said.setdefault(str(label["item"]), Counter())[str(label["verdict"])] += 1
    most = {item: counts.most_common(1)[0] for item, counts in said.items()}
    return {
        item: TaskType(verdict) for item, (verdict, count) in most.items() if 2 * count > said[item].total()
    }


def _turned(item: str, rater: str) -> bool:
    return draw_seed(0, "side", item, rater) % 2 == 1


def _traced(file: Path) -> Iterator[tuple[str, tuple[Sample, str]]]:
    for sample in stream_samples(file):
        if sample.trace:
            yield sample.id, (sample, sample.trace)


def _asked(sample: Sample) -> dict[str, Any]:
    return {
        "id": sample.id,
        "video": sample.video,
        "start": sample.start,
        "end": sample.end,
        "question": sample.question,
        "options": sample.lettered,
        "answer": sample.solution,
    }
