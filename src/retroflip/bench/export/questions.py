"""The questions of a folder as every export takes them: records, their files, and what no toolkit could show."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.presence import MISSING, fault_of
from retroflip.bench.questions import RECORDS
from retroflip.data.media import MediumKind
from retroflip.data.records import stream_samples
from retroflip.data.root import resolve
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError, counted

_CLOSING = "Answer with the option's letter from the given choices directly."


class Exported(NamedTuple):
    """What was written: the files' folder, and how many questions and pairs are in it."""

    folder: Path
    questions: int
    pairs: int


def read_questions(folder: Path) -> list[Sample]:
    """Return a folder's questions. Raises DataError for a folder without records or with such as toolkits cannot ask:
    other than multiple choice, parts of videos, or folders of frames.
    """
    records = folder / RECORDS
    if not records.is_file():
        raise DataError(
            f"{folder} has no {RECORDS}. Name the folder of a benchmark, as 'retroflip dybench build' writes it."
        )
    samples = list(stream_samples(records))
    if not samples:
        raise DataError(f"{records} holds no questions.")
    for sample in samples:
        if (fault := _fault(sample)) is not None:
            raise DataError(f"{records}, question {sample.id!r}: {fault}")
    return samples


def _fault(sample: Sample) -> str | None:
    if sample.problem_type is not ProblemType.MULTIPLE_CHOICE:
        return f"it is a {sample.problem_type.value} problem, and only multiple choice is exported. Leave it out."
    if not sample.shown:
        return "it shows no video. Leave it out."
    if any(medium.kind is MediumKind.FRAMES for medium in sample.shown):
        return "it shows a folder of frames, which the toolkits do not read. Encode it as a video."
    if any(medium.window is not None for medium in sample.shown):
        return "it is about a part of its video, and the toolkits show whole files. Cut the part out into a file."
    return None


def check_files(folder: Path, samples: Iterable[Sample]) -> None:
    """Raise DataError where a toolkit could not open files that the questions show, with their number and the first of
    them, and PathEscapeError for one outside the folder."""
    shown = {medium.path: medium for sample in samples for medium in sample.shown}
    for path in shown:
        resolve(folder, path)
    faults = {path: fault for path, medium in shown.items() if (fault := fault_of(folder, medium))}
    if not faults:
        return
    path, fault = next(iter(faults.items()))
    what = "no such video" if fault == MISSING else f"it cannot be shown ({fault})"
    raise DataError(
        f"{folder / path}: {what}, the first of {len(faults)} among {counted(len(shown), 'file')}. Restore the "
        "benchmark's folder before it is exported."
    )


def asked(sample: Sample) -> str:
    """Return a question as it is put: its text, its options with their letters, and that a letter is wanted."""
    lines = [f"{letter}. {option}" for letter, option in sample.lettered.items()]
    return "\n".join([sample.question, *lines, _CLOSING])


def row(sample: Sample) -> dict[str, Any]:
    """Return a question as a record without retroflip's own forms."""
    return {
        "id": sample.id,
        "question": sample.question,
        "prompt": asked(sample),
        "options": sample.lettered,
        "answer": sample.solution,
        "videos": [medium.path for medium in sample.shown],
        "pair": sample.pair,
        "side": sample.side,
        "task": sample.task,
        "source": sample.source,
        "source_clip": sample.source_clip,
    }


def pairs(samples: Iterable[Sample]) -> int:
    """Return how many whole pairs the questions form."""
    sides = Counter(sample.pair for sample in samples if sample.pair is not None)
    return sum(count > 1 for count in sides.values())
