"""What models answered, indexed as the files grow: of each answer its verdict, and where it stands in the file.

A list of pairs takes verdicts as they were written down. The answers to a pair that is looked at are read again with
today's reader, as `score` reads all of them.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from retroflip.bench.alike import FRAMES, stated
from retroflip.bench.benchmarks.registry import BENCHMARKS
from retroflip.bench.metrics.training import is_number
from retroflip.bench.records import AnswerRecord, as_record, option_text, read_again
from retroflip.bench.score import ANSWERS, read_settings
from retroflip.data.manifest import MANIFEST_NAME
from retroflip.errors import DataError, first_fault
from retroflip.files.seals import SEAL
from retroflip.files.storage import part, read_json_object
from retroflip.video.samplers import UNIFORM, Sampler
from retroflip.web.lines import LineIndex, Row
from retroflip.web.places import MARKS, Folders, Kind, Place

_MOST_LINE = 2**24
"""bytes of an answer that are read to see which question it is to"""
AnswerKey = tuple[str, str]
"""a question's id, and the control under which it was asked"""


class Said(NamedTuple):
    """An answer in short: as text, with the right one. failed: whether there is none, since the video or the call
    failed."""

    text: str | None
    gold: str
    correct: bool
    failed: bool


AnswerIndex = LineIndex[AnswerKey, Said]
Reading = Callable[[Sequence[AnswerRecord]], Sequence[AnswerRecord]]
"""answers as the benchmark that was asked reads them"""


def index_of(folder: Path, reading: Reading | None = None) -> AnswerIndex:
    """Return an index of a folder's answers, of which nothing is read yet; of several draws the first counts."""
    return LineIndex(folder / ANSWERS, _key, lambda _, row: _said(_as_read(folder / ANSWERS, row, reading)))


def _as_read(path: Path, row: Row, reading: Reading | None) -> Row:
    """Return a row with its response as a benchmark reads it; one that is no answer, or without a reading, as it is."""
    try:
        found = reading([record_of(path, row)]) if reading else []
    except DataError:
        return row
    return {**row, "answer": found[0].answer, "correct": found[0].correct} if found else row


def records_of(index: AnswerIndex, keys: Iterable[AnswerKey]) -> dict[AnswerKey, AnswerRecord]:
    """Return answers as they are read today. Raises DataError for a row that is none."""
    rows = index.rows(list(keys))
    found = (read_again(record_of(index.path, row)) for row in rows)
    return {(record.id, record.control.value): record for record in found}


def about(answers: Place, records: Path, ids: Collection[str]) -> bool:
    """Whether answers are to the questions of these records: by the file that they name, or by the videos' hashes, and
    where neither tells by the first answer. ids: of the questions."""
    settings = read_settings(answers.path)
    named = settings.get("data")
    if str(settings.get("bench")) in BENCHMARKS:
        return False
    if isinstance(named, str) and Path(named).is_file():
        return Path(named).resolve() == records.resolve()
    asked = part(settings, "settings").get("manifest_sha256")
    known = _digest(records.with_name(MANIFEST_NAME))
    return _first_id(answers.path / ANSWERS) in ids if asked is None or known is None else asked == known


def _first_id(path: Path) -> str | None:
    """Return which question the first answer is to; None where there is none yet."""
    with path.open("rb") as stream:
        line = stream.readline(_MOST_LINE)
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    name = row.get("id") if isinstance(row, Mapping) else None
    return name if isinstance(name, str) else None


def questions_of(answers: Place, folders: Folders) -> Path | None:
    """Return the records that answers are to, where they lie in the folders given."""
    settings = read_settings(answers.path)
    named = settings.get("data")
    if isinstance(named, str) and Path(named).is_file():
        return Path(named) if folders.holds(Path(named)) else None
    asked = part(settings, "settings").get("manifest_sha256")
    kinds = (Kind.SYNTHETIC, Kind.BENCHMARK)
    places = [one.path / MARKS[Kind.BENCHMARK] for one in folders.places() if one.kind in kinds]
    return next((path for path in places if asked and _digest(path.with_name(MANIFEST_NAME)) == asked), None)


class Asked(NamedTuple):
    """Which frames of a video a model was shown. seed: what single frames and shuffled orders were drawn from. itself:
    whether it took frames of the file by itself, so that these are others."""

    frames: int
    sampler: Sampler
    seed: int = 0
    itself: bool = False


EVENLY = Asked(8, UNIFORM)


def asked_with(answers: Place) -> Asked:
    """Return what run.json says of the frames shown. Raises DataError where it names a sampler that there is not."""
    settings = read_settings(answers.path)
    asking = part(settings, "settings")
    frames, name, fps = (stated(settings, one) for one in FRAMES)
    sampler = Sampler(str(name or UNIFORM.name), float(fps) if is_number(fps) else None)
    try:
        sampler.check()
    except ValueError as error:
        raise DataError(f"{answers.path / 'run.json'}: {error}.") from error
    count, seed = (frames if isinstance(frames, int) else EVENLY.frames), asking.get("seed")
    return Asked(count, sampler, seed if isinstance(seed, int) else 0, asking.get("frames", 0) is None)


def _digest(manifest: Path) -> str | None:
    return _read_digest(manifest, manifest.stat().st_mtime_ns) if manifest.is_file() else None


@lru_cache(64)
def _read_digest(manifest: Path, _: int) -> str | None:
    found = read_json_object(manifest).get("sha256")
    return found if isinstance(found, str) else None


def _key(row: Row) -> AnswerKey | None:
    name, control = row.get("id"), row.get("control", "full")
    if not (isinstance(name, str) and isinstance(control, str)) or row.get("draw", 0) != 0:
        return None
    return name, control


def _said(row: Row) -> Said:
    answer, failed = row.get("answer"), row.get("error") is not None
    text = None if answer is None else _option(row, str(answer))
    return Said(text, _option(row, str(row.get("gold", ""))), row.get("correct") is True, failed)


def _option(row: Row, answer: str) -> str:
    """Return the option that an answer names; the answer itself where it names none, or the row has no such options."""
    found = (row.get(name) or () for name in ("options", "letters"))
    options, letters = (tuple(map(str, one)) if isinstance(one, list) else () for one in found)
    try:
        return option_text(answer, options, letters)
    except ValueError:
        return answer


def record_of(path: Path, row: Row) -> AnswerRecord:
    """Return a row of a file of answers as it was written. Raises DataError for one that is none."""
    values: Mapping[str, Any] = {name: value for name, value in row.items() if name != SEAL}
    try:
        return as_record(values)
    except ValidationError as error:
        raise DataError(f"{path}, {row.get('id')!r:.80}: {first_fault(error)}.") from error
