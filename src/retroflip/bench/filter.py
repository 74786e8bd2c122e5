"""`retroflip filter`: questions that a model gets neither always right nor always wrong, with how often it does.

A group of rollouts that all earn the same has no advantage (GRPO), so such questions train nothing (CRPO, appendix B.1,
which draws 8). The answers are those of `generate`, in a folder beside the new file, which a rerun goes on with.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from retroflip.bench.records import Control, each_answer
from retroflip.bench.score import ANSWERS
from retroflip.data.columns import Columns
from retroflip.data.records import format_record, stream_samples
from retroflip.data.sample import Sample
from retroflip.data.tally import Tally
from retroflip.errors import UsageError
from retroflip.files.seals import dumped
from retroflip.files.storage import drop_unfinished, replacing
from retroflip.progress import Progress

KEPT, RIGHT, WRONG, LOW, HIGH, MISSING = (
    "kept",
    "always right",
    "always wrong",
    "below the bounds",
    "above the bounds",
    "answers missing",
)


class Bounds(NamedTuple):
    """Which pass rates are kept: more than 0 and less than 1, and from `least` to `most` where these are given."""

    least: float | None = None
    most: float | None = None

    def check(self) -> None:
        """Raise UsageError for bounds that keep nothing."""
        least, most = (0.0 if self.least is None else self.least), (1.0 if self.most is None else self.most)
        if least > most:
            raise UsageError(f"--min {least:g} is more than --max {most:g}, so no question would be kept.")

    def verdict(self, rate: float) -> str:
        """Return whether a question with this pass rate is kept, or why not."""
        if self.least is not None and rate < self.least:
            return LOW
        if self.most is not None and rate > self.most:
            return HIGH
        if rate <= 0.0 and self.least is None:
            return WRONG
        return RIGHT if rate >= 1.0 and self.most is None else KEPT


@dataclass
class _Drawn:
    """What a question's answers came to."""

    answers: int = 0
    earned: float = 0.0
    truncated: int = 0
    unparsed: int = 0


@dataclass
class Filtered:
    """What came of a filter."""

    verdicts: Counter[str] = field(default_factory=Counter)
    rates: Counter[str] = field(default_factory=Counter)
    by_source: dict[str, Counter[str]] = field(default_factory=dict)
    kept: Tally = field(default_factory=Tally)
    truncated: int = 0
    unparsed: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the counts."""
        return {
            "records": self.verdicts.total(),
            "kept": self.verdicts[KEPT],
            "verdicts": dict(self.verdicts.most_common()),
            "pass_rates": dict(sorted(self.rates.items(), key=lambda one: float(one[0]))),
            "by_source": {
                name: dict(counts.most_common()) for name, counts in sorted(self.by_source.items())
            },
            "truncated": self.truncated,
            "unparsed": self.unparsed,
        }


def write_filtered(
    file: Path,
    answers: Sequence[Path],
    out: Path,
    bounds: Bounds,
    draws: int,
    progress: Progress,
    columns: Columns | None = None,
) -> Filtered:
    """Write those of a file's records that are kept, with their pass rates, and beside it why the others are not.

    answers: the folders of the model's answers, `draws` to each question. A question that misses one is not kept, and
    counted apart. Raises DataError as `stream_samples` and `each_answer` do.
    """
    bounds.check()
    rejects = rejects_of(out)
    drop_unfinished(out.parent, [out.name, rejects.name], dead_only=True)
    progress.stage("reading the answers", 0, "answers")
    drawn, done = _drawn([folder / ANSWERS for folder in answers]), Filtered()
    with ExitStack() as stack:
        kept, left = stack.enter_context(_new(out)), stack.enter_context(_new(rejects))
        for sample in stream_samples(file, columns):
            _judge(sample, drawn.get(sample.id, _Drawn()), bounds, draws, (kept, left), done)
    return done


def rejects_of(out: Path) -> Path:
    """Return where it is listed which questions are not kept, and why."""
    return out.with_name(f"{out.name}.rejects.jsonl")


@contextmanager
def _new(path: Path) -> Iterator[TextIO]:
    with replacing(path) as unfinished, unfinished.open("x", encoding="utf-8", newline="\n") as stream:
        yield stream


def _judge(
    sample: Sample, drawn: _Drawn, bounds: Bounds, draws: int, files: tuple[TextIO, TextIO], done: Filtered
) -> None:
    """Write a question where it belongs, and count it."""
    whole = drawn.answers >= draws
    rate = drawn.earned / drawn.answers if whole else None
    verdict = MISSING if rate is None else bounds.verdict(rate)
    kept, left = files
    if verdict == KEPT:
        found = sample.model_copy(update={"pass_rate": rate})
        kept.write(dumped(format_record(found), indent=None) + "\n")
        done.kept.add(found)
    else:
        left.write(json.dumps({"id": sample.id, "reason": verdict, "pass_rate": rate}) + "\n")
    done.verdicts[verdict] += 1
    done.by_source.setdefault(sample.source or "(none)", Counter())[verdict] += 1
    done.truncated += drawn.truncated
    done.unparsed += drawn.unparsed
    if rate is not None:
        done.rates[f"{rate:.3f}"] += 1


def _drawn(paths: Sequence[Path]) -> dict[str, _Drawn]:
    """Return what the answers to each question came to; those that failed are none."""
    found: dict[str, _Drawn] = {}
    for record in chain.from_iterable(map(each_answer, paths)):
        if record.control is not Control.FULL or record.error is not None:
            continue
        one = found.setdefault(record.id, _Drawn())
        one.answers += 1
        one.earned += record.score
        one.truncated += record.truncated
        one.unparsed += record.answer is None
    return found
