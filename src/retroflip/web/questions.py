"""The questions of a place: those of its records, those that answers are to, or what answers alone say of them.

Answers name what was asked in their run.json: a file of records, or a benchmark of the registry and the folder of its
own files. Either is read where it lies in the folders given, and nowhere else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from retroflip.bench.benchmarks.base import Benchmark
from retroflip.bench.benchmarks.registry import BENCHMARKS
from retroflip.bench.dybench.base import QUALITY
from retroflip.bench.official import Published
from retroflip.bench.questions import asked_samples
from retroflip.bench.records import AnswerRecord
from retroflip.bench.score import ANSWERS, read_settings
from retroflip.data.records import read_records
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.errors import DataError
from retroflip.files.storage import each_row
from retroflip.web.answered import AnswerIndex, Reading, about, index_of, questions_of, record_of
from retroflip.web.lines import LineIndex, Row, Stamp, stamped
from retroflip.web.pairs import Pairs, Shown
from retroflip.web.places import MARKS, Folders, Kind, Place
from retroflip.web.runs import WAIT

RECORDS = MARKS[Kind.BENCHMARK]


class Indices:
    """The answers that were opened, each read once however many pages show them."""

    def __init__(self) -> None:
        self._opened: dict[tuple[Path, Path | None], AnswerIndex] = {}
        self._asked: dict[Path, LineIndex[str, Sample | None]] = {}

    def of(self, place: Place, root: Path | None = None, reading: Reading | None = None) -> AnswerIndex:
        """Return the index of a place's answers. root: of the benchmark that reads them, where one does."""
        return self._opened.setdefault((place.path, root), index_of(place.path, reading))

    def questions(self, place: Place) -> list[Sample]:
        """Return what was asked, as far as a place's answers say it and were read by now."""
        path = place.path / ANSWERS
        index = self._asked.setdefault(
            place.path,
            LineIndex(
                path,
                lambda row: name if isinstance(name := row.get("id"), str) else None,
                lambda known, row: known or _question(path, row),
            ),
        )
        index.refresh(WAIT)
        return [sample for sample in index.known().values() if sample]


def pairs_of(place: Place, folders: Folders, indices: Indices, *, answers: bool = True) -> Pairs:
    """Return the pairs of a benchmark, with the answers to them of all folders given, or those that answers are to.

    answers: whether they are wanted. Raises DataError for damaged files.
    """
    settings = read_settings(place.path) if place.kind is Kind.ANSWERS else {}
    bench = BENCHMARKS.get(str(settings.get("bench")))
    if bench is not None:
        return _of_benchmark(bench, settings, place, folders, indices)
    records = questions_of(place, folders) if place.kind is Kind.ANSWERS else place.path / RECORDS
    if records is None or not records.is_file():
        return _without_records(place, indices, _lacking(settings.get("data")))
    shown = _pairs(*stamped(records))
    ids = {side.id for one in shown for side in one.sides} if answers else set()
    there = [one for one in _answers(place, folders) if about(one, records, ids)] if answers else []
    root = _root(settings, records, folders)
    lacking = "" if root else _lacking(settings.get("root"))
    named = {one.name: indices.of(one) for one in there}
    return Pairs(
        shown, named, root, lacking=lacking, flags=partial(_flags, records.with_name(QUALITY), folders)
    )


def _answers(place: Place, folders: Folders) -> list[Place]:
    """Return all places of answers, this one first."""
    there = [one for one in folders.places() if one.kind is Kind.ANSWERS]
    return sorted(there, key=lambda one: one.name != place.name)


def _root(settings: Mapping[str, Any], records: Path, folders: Folders) -> Path | None:
    """Return where the videos' paths start: as run.json says, else beside the records; None outside the folders."""
    said = settings.get("root")
    named = Path(said) if isinstance(said, str) and Path(said).is_dir() else records.parent
    return named if folders.holds(named) else None


def _lacking(named: Any) -> str:
    """Return what to give, so that the questions and their videos are shown."""
    where = f" too: {named}" if isinstance(named, str) and named else " of the data too"
    return f"Its videos are not in the folders given. Give retroflip view the folder{where}"


def _without_records(place: Place, indices: Indices, lacking: str) -> Pairs:
    """Return what answers alone say of the questions, whose texts and videos are not in the folders given."""
    if place.kind is not Kind.ANSWERS:
        return Pairs([])
    known = _joined(indices.questions(place))
    return Pairs(known, {place.name: indices.of(place)}, lacking=lacking)


class _Published(NamedTuple):
    """A benchmark's questions as they are shown, and what reads answers to them."""

    shown: Sequence[Shown]
    published: Published


def _of_benchmark(
    bench: Benchmark, settings: Mapping[str, Any], place: Place, folders: Folders, indices: Indices
) -> Pairs:
    """Return the questions of a benchmark of the registry; what the answers say where its files cannot be read."""
    root = _files_of(bench, settings, folders)
    if root is None:
        return _without_records(place, indices, _lacking(settings.get("root")))
    try:
        found = _published(bench.name, root, _state(bench, root))
    except (DataError, OSError) as error:
        return _without_records(place, indices, str(error))
    there = [one for one in _answers(place, folders) if read_settings(one.path).get("bench") == bench.name]
    reading = found.published.read
    named = {one.name: indices.of(one, root, reading) for one in there}
    return Pairs(found.shown, named, root, reading=reading)


def _files_of(bench: Benchmark, settings: Mapping[str, Any], folders: Folders) -> Path | None:
    """Return the folder of a benchmark's own files: where run.json says, or one that was given, or one of its name in
    that. None where there is none in the folders given, or where a file of it is a link that leads out of them."""
    said = settings.get("root")
    named = [Path(said)] if isinstance(said, str) and said else []
    given = [root for one in folders.given if one.is_dir() for root in (one / bench.name, one)]
    for root in (*named, *given):
        files = list(_annotations(bench, root)) if folders.holds(root) else []
        if files and all(folders.holds(path) for path in files):
            return root
    return None


def _annotations(bench: Benchmark, root: Path) -> Iterator[Path]:
    """Yield the files that the questions are read from, and their folders."""
    for need in bench.needs:
        for name in (need.path, *need.elsewhere) if need.annotation else ():
            if (root / name).exists():
                yield root / name
                yield from (root / name).rglob("*") if (root / name).is_dir() else ()


def _state(bench: Benchmark, root: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what tells that a file changed."""
    found = [(path, path.stat()) for path in _annotations(bench, root)]
    return tuple((str(path), known.st_size, known.st_mtime_ns) for path, known in found)


@lru_cache(4)
def _published(name: str, root: Path, state: tuple[tuple[str, int, int], ...]) -> _Published:  # noqa: ARG001 - as below
    bench = BENCHMARKS[name]
    items = list(bench.items(root))
    published = Published(bench, {item.sample.id: item for item in items})
    return _Published(_joined(asked_samples(bench, items)), published)


def _joined(samples: Iterable[Sample]) -> list[Shown]:
    """Return pairs, and questions that are in none, in the order in which they first occur."""
    found: dict[str, dict[int, Sample]] = {}
    for sample in samples:
        paired = sample.pair is not None and sample.side is not None
        name = f"pair {sample.pair}" if paired else sample.id
        found.setdefault(name, {})[sample.side if paired and sample.side is not None else 0] = sample
    return [_shown(tuple(both[side] for side in sorted(both))) for both in found.values()]


def _shown(sides: tuple[Sample, ...]) -> Shown:
    first = sides[0]
    return Shown(first.pair if len(sides) == 2 and first.pair is not None else first.id, sides)


@lru_cache(8)
def _pairs(path: Path, stamp: Stamp) -> Sequence[Shown]:  # noqa: ARG001 - a file that changed is read again
    return _joined(read_records(path, tuple(Modality)).samples)


def _flags(path: Path, folders: Folders) -> Mapping[str, Sequence[str]]:
    return _flagged(*stamped(path)) if path.is_file() and folders.holds(path) else {}


@lru_cache(8)
def _flagged(path: Path, stamp: Stamp) -> Mapping[str, Sequence[str]]:  # noqa: ARG001 - as above
    """Return what the checks of a built benchmark have for its raters to look at, by the pairs' names."""
    found = {}
    for row in each_row(path):
        flags = row.get("flags")
        told = [one for one in flags if isinstance(one, dict)] if isinstance(flags, list) else []
        if told:
            found[str(row.get("pair"))] = [
                f"{one.get('flag')} ({one.get('sure')}): {one.get('why')}" for one in told
            ]
    return found


def _question(path: Path, row: Row) -> Sample | None:
    """Return the question that a row of answers is to; None for a row that is no answer."""
    try:
        return _asked(record_of(path, row))
    except (DataError, ValidationError):
        return None


def _asked(record: AnswerRecord) -> Sample:
    return Sample(
        id=record.id,
        video=record.video,
        question="(The question is not stored with these answers.)",
        options=record.options,
        letters=record.letters,
        solution=record.gold,
        problem_type=record.problem_type or ProblemType.MULTIPLE_CHOICE,
        source_clip=record.source_clip,
        pair=record.pair,
        side=record.side,
        task=record.task,
    )
