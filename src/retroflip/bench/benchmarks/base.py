"""What a benchmark is: its questions as published, its own prompt, and its own way to grade and to sum up.

A benchmark is one file with one `BENCHMARK`, and a line in the registry. All of it is read from local copies of the
published files under a root; nothing is downloaded. Two scores come of it, side by side: the official one, as its own
scorer gives it, faults included, and ours, which `bench.metrics` measures from the samples and the raw responses.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from retroflip.bench.records import AnswerRecord
from retroflip.data.sample import Sample


class Item(NamedTuple):
    """One question of a benchmark.

    sample: as the rest of the code reads it; its paths start from the benchmark's root, its options stand in the
    official order. prompt: the user turn's text in the benchmark's own words, options and closing instruction included;
    <video> and <image> in it stand where a medium is shown, else all media stand before it. row: the published record,
    for the official grade.
    """

    sample: Sample
    prompt: str
    row: Mapping[str, Any] = {}


class Graded(NamedTuple):
    """One answer.

    response: None where the model gave none. official: its grade in 0..1 by the benchmark's own rules; None where these
    leave it to a language model and no grade of one was recorded. missing: the recorded file has none to this question,
    and the official scorer knows that it should. unknown: the benchmark has no such question; its own scorer counts the
    answer, as it looks at answers alone.
    """

    item: Item
    response: str | None
    official: float | None
    missing: bool = False
    unknown: bool = False


NOT_READ = "to a question that is not read here"
"""why a recorded answer that is in its benchmark's form is passed over"""


@dataclass(frozen=True)
class Recorded(Sequence[Graded]):
    """The answers of a recorded file.

    passed_over: why and how many others are in it that are read by neither score. asked: the benchmark's questions as
    this file could answer them, where these are not all that the root has.
    """

    graded: Sequence[Graded]
    passed_over: Mapping[str, int] = field(default_factory=dict)
    asked: Sequence[Item] | None = None

    def __len__(self) -> int:
        return len(self.graded)

    def __getitem__(self, place: Any) -> Any:
        return self.graded[place]


def recorded_of(graded: Sequence[Graded]) -> Recorded:
    """Return answers as those of a file, whatever was passed over with them."""
    return graded if isinstance(graded, Recorded) else Recorded(graded)


Grade = Callable[[Item, str], float | None]
"""the official grade of a response, in 0..1; None where the official rules leave it to a language model"""


class Need(NamedTuple):
    """A file or folder under the root. annotation: the questions cannot be read without it; else it holds media.
    licence: under which its owner gives it, "" where that is not known. elsewhere: other places where it may lie."""

    path: str
    annotation: bool = True
    licence: str = ""
    elsewhere: tuple[str, ...] = ()


def as_it_is(_: Item, response: str) -> str:
    """Return a response as it was written."""
    return response


def all_of_it(_: Item) -> str:
    """Return the one part of a benchmark that has no parts."""
    return ""


def its_task(item: Item) -> str:
    """Return the task of a question, as the part of a benchmark whose tasks are asked apart."""
    return item.sample.task


def accuracy(graded: Sequence[Graded]) -> float | None:
    """Return the mean grade in per cent; None of nothing."""
    return round(100.0 * fmean(one.official or 0.0 for one in graded), 2) if graded else None


def mean_grade(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the official score of a benchmark that takes the mean over all questions: acc in per cent, and n."""
    return {"acc": accuracy(graded), "n": len(graded)}


Ours = Callable[[Sequence[Graded], Sequence[AnswerRecord]], dict[str, Any]]
"""a benchmark's own table by our reading: of the answers, and of their records, which are as many"""


def no_table(_: Sequence[Graded], __: Sequence[AnswerRecord]) -> dict[str, Any]:
    """Return nothing: the measures of `bench.metrics` say all of it."""
    return {}


def same_table(summary: Callable[[Sequence[Graded]], dict[str, Any]]) -> Ours:
    """Return what makes the official table of our grades, for a summary that reads nothing but grades and items."""
    return lambda graded, records: summary(
        [one._replace(official=record.score) for one, record in zip(graded, records, strict=True)]
    )


@dataclass(frozen=True)
class Benchmark:
    """A benchmark, by its name on the command line.

    home: where its files are to be had. needs: what its root must hold. items: its questions, read lazily; raises
    DataError, naming file and record, for what cannot be read. grade: the official grade. recorded: answers in the
    benchmark's own result format, given the root and that file; raises DataError for another form. summary: the
    official table over all answers, names to numbers in per cent. ours: the same by our reading, where that is more
    than `bench.metrics` measures. reading: a response as our reader takes it, where the benchmark has answers of its
    own kind ("Option 2" for B). part: the file of answers that a question belongs to: what one of them lacks is
    missing, and says nothing of the others. system: the official system prompt. sampler, fps, frames: how the official
    code takes frames (`video.samplers`). max_tokens: of an answer.
    """

    name: str
    title: str
    home: str
    needs: tuple[Need, ...]
    items: Callable[[Path], Iterable[Item]]
    grade: Grade
    recorded: Callable[[Path, Path], Recorded]
    summary: Callable[[Sequence[Graded]], dict[str, Any]] = mean_grade
    ours: Ours = no_table
    reading: Callable[[Item, str], str] = as_it_is
    part: Callable[[Item], str] = all_of_it
    system: str | None = None
    sampler: str = "uniform"
    fps: float | None = None
    frames: int = 32
    max_tokens: int = 512
