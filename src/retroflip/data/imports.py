"""`retroflip data import`: the files of a published data set become one file of records, a list of rejects and a card.

Rows are read in blocks, which are converted here, on other cores or on other machines and written in the order of the
file, so that memory does not grow with the file but for the id of each record and hashes of what it asks. Every row
that becomes no record is counted by its reason. The three files appear when all is read, the records last: a kill
before that leaves the old ones, and the same command again writes the same bytes, wherever it runs.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from retroflip.data.answers import gold_answer
from retroflip.data.card import card_text
from retroflip.data.media import MediumKind
from retroflip.data.media_store import MediaStore, with_files
from retroflip.data.records import empty_cell, format_record, parse_record
from retroflip.data.repetitions import Asked, Repetitions
from retroflip.data.root import resolve
from retroflip.data.sample import Sample
from retroflip.data.sources.base import Entry, Place, Record, RejectedError, Source, Wanted
from retroflip.data.tally import Tally
from retroflip.errors import DataError, PathEscapeError, UsageError
from retroflip.files.seals import dumped
from retroflip.files.storage import drop_unfinished, replacing
from retroflip.progress import Progress
from retroflip.video.hashing import sha256_file
from retroflip.workers import Engine, LocalEngine, in_order

LISTED = 10_000
"""rejects of one reason that are listed; all are counted"""
SET = "set"
"""the label that holds a source's name"""
BLOCK = 1000
"""most rows of a block"""
BLOCK_BYTES = 2**24
"""bytes of files in a block's rows behind which it ends"""
_LONGEST = 1000
"""characters of what is said of a row, which may hold a whole solution"""
_KNOWN_FILES = 2**16
"""media of which it is remembered whether they are there"""
_KNOWN_FOLDERS = 2**10
"""folders whose files are remembered"""


class Outputs(NamedTuple):
    """The files that an import writes."""

    records: Path
    rejects: Path
    card: Path

    @classmethod
    def of(cls, out: Path) -> "Outputs":
        """Return the files that belong to a file of records."""
        return cls(out, out.with_name(f"{out.name}.rejects.jsonl"), out.with_name(f"{out.name}.md"))


@dataclass
class Imported:
    """What came of an import. first: what is wrong with the first row that became no record."""

    tally: Tally = field(default_factory=Tally)
    rejects: Counter[str] = field(default_factory=Counter)
    first: str = ""
    files: dict[Path, None] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    repetitions: Repetitions = field(default_factory=Repetitions)

    def as_json(self) -> dict[str, Any]:
        """Return the counts."""
        return {"rejected": dict(self.rejects.most_common()), **self.tally.as_json()}


def import_source(
    source: Source,
    wanted: Wanted,
    out: Path,
    progress: Progress,
    *,
    root: Path | None = None,
    media: Path | None = None,
    engine: Engine | None = None,
) -> Imported:
    """Write the records of a source's files to `out`, and what there is to say of them beside it.

    root: where media lie; each must be there. media: where images go that stand in the files as bytes; the records'
    paths start from `root`, or else from there. engine: where rows become records, on machines that share the folders;
    by default here.

    Raises UsageError for a setting that the source does not have and for places that cannot be used, and DataError
    where no row becomes a record or a file cannot be read.
    """
    _check(source, wanted, out, root)
    outputs, done = Outputs.of(out), Imported()
    drop_unfinished(out.parent, [path.name for path in outputs], dead_only=True)
    places = _Places(source.name, source.ids_of_content, root and root.absolute(), media and media.absolute())
    _converter(places)  # what is wrong with the places is told before anything is read
    progress.stage(f"importing {source.name}", 0, "records")
    blocks = (_Block(places, entries) for entries in _blocks(source.read(wanted)))
    with ExitStack() as stack:
        records, rejects, card = (stack.enter_context(_replaced(path)) for path in outputs)
        number = 0
        for block in in_order(engine or LocalEngine(1), _convert, blocks):
            for row in block:
                _note(row, records, rejects, done)
            number += len(block)
            progress.advance(number, f"{done.rejects.total()} rejected" if done.rejects else "")
        if not done.tally.samples:
            raise DataError(_nothing(wanted, done))
        card.write(
            card_text(
                source, done.tally, done.rejects, {path: sha256_file(path) for path in done.files}, out.name
            )
        )
    return done


class _Places(NamedTuple):
    """What rows of a source become depends on. ids_of_content: as the source has it. root, media: absolute paths."""

    source: str
    ids_of_content: bool
    root: Path | None
    media: Path | None


class _Block(NamedTuple):
    """Rows that are converted together, whole in themselves: they are handed to other processes and machines."""

    places: _Places
    entries: list[Entry]


class _Refused(NamedTuple):
    """Why a row becomes no record. reason: by which it is counted. id: its own, None where it has none."""

    reason: str
    message: str
    id: str | None


class _Converted(NamedTuple):
    """What became of a row. line: the sample as it is written. asked: as it is compared. has_id: whether its id is the
    row's own, and not made of its content."""

    place: Place
    found: Sample | _Refused
    line: str = ""
    asked: Asked | None = None
    has_id: bool = False


def _blocks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield rows in blocks, which are short where files stand in the rows."""
    block: list[Entry] = []
    size = 0
    for entry in entries:
        block.append(entry)
        size += _file_bytes(entry[1])
        if len(block) == BLOCK or size > BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _file_bytes(value: Any) -> int:
    """Return how many bytes of files stand in a record."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_file_bytes, value.values()))
    return sum(map(_file_bytes, value)) if isinstance(value, list) else 0


@lru_cache(maxsize=1)
def _converter(places: _Places) -> "_Converter":
    """Return what converts the rows of a source; it remembers which files are there, from block to block."""
    root, media = places.root, places.media
    return _Converter(places, None if media is None else MediaStore(media, root or media))


def _convert(block: _Block) -> list[_Converted]:
    """Return what becomes of a block's rows."""
    return [_row(_converter(block.places), place, found) for place, found in block.entries]


def _row(to_sample: "_Converter", place: Place, found: Record | DataError) -> _Converted:
    identity = found.get("problem_id") if isinstance(found, dict) else None
    try:
        sample = to_sample(found)
    except DataError as error:
        own = str(identity) if isinstance(identity, str | int) else None
        message = str(error)
        shown = message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"
        return _Converted(place, _Refused(_reason(error, found), shown, own))
    has_id = identity is not None and not to_sample.ids_of_content
    line = dumped(format_record(sample), indent=None) + "\n"
    return _Converted(place, sample, line, Asked.of(sample), has_id)


def _note(row: _Converted, records: TextIO, rejects: TextIO, done: Imported) -> None:
    """Write what became of a row where it belongs, and count it; what stood there before is refused here."""
    done.files[row.place.file] = None
    found = row.found
    if isinstance(found, Sample):
        refused = _stood_before(row, found, done)
        if refused is None:
            done.ids.add(found.id)
            records.write(row.line)
            done.tally.add(found)
            return
        found = refused
    _reject(found, row.place, rejects, done)


def _stood_before(row: _Converted, sample: Sample, done: Imported) -> _Refused | None:
    """Return why a record is none behind those before it: its id is taken, or its question was asked."""
    twice = _Refused("duplicate id", f"the id {sample.id!r:.60} stood there before.", sample.id)
    if row.has_id and sample.id in done.ids:
        return twice
    if row.asked is not None and (reason := done.repetitions.found(row.asked)):
        other = (
            "with another answer. The first is kept" if reason == "contradiction" else "with the same answer"
        )
        what = "the same was asked about the same file" if sample.shown else "the same was asked"
        return _Refused(reason, f"{what} before, {other}.", sample.id)
    return twice if sample.id in done.ids else None


def _check(source: Source, wanted: Wanted, out: Path, root: Path | None) -> None:
    for name in ("columns", "split", "whole"):
        if getattr(wanted, name) and name not in source.takes:
            raise UsageError(f"--{name} says nothing about {source.name}. Leave it out.")
    if root is not None and not root.is_dir():
        raise UsageError(f"--root {root} is not a folder. Name {source.root}.")
    if not out.absolute().parent.is_dir():
        raise UsageError(
            f"--out {out}: there is no folder {out.absolute().parent}. Make it, or choose another place."
        )
    if out.exists() and (not out.is_file() or (wanted.path.is_file() and out.samefile(wanted.path))):
        raise UsageError(
            f"--out {out} is {'the file that is read' if out.is_file() else 'no file'}. Name another one."
        )


@contextmanager
def _replaced(path: Path) -> Iterator[TextIO]:
    """Give a text file that is put at `path` when it is whole."""
    with replacing(path) as unfinished, unfinished.open("x", encoding="utf-8", newline="\n") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


class _Converter:
    """Makes samples of a source's records, and proves that each can be used."""

    def __init__(self, places: _Places, store: MediaStore | None) -> None:
        self._source, self._store = places.source, store
        self.ids_of_content = places.ids_of_content
        self._is_there = None if places.root is None else _finder(places.root)

    def __call__(self, found: Record | DataError) -> Sample:
        """Return the sample of a record that can be read and has an answer and its files.

        Raises RejectedError and other kinds of DataError where it is none.
        """
        if isinstance(found, DataError):
            raise found
        sample = parse_record(self._labelled(with_files(found, self._store)))
        try:
            gold_answer(sample)
        except DataError as error:
            raise RejectedError("answer", str(error)) from error
        if empty := empty_cell(sample):
            raise RejectedError("record", f"its {empty} is 'nan', an empty cell of a table.")
        if self._is_there is not None:
            _require_files(sample, self._is_there)
        return sample

    def _labelled(self, record: Record) -> Record:
        """Return a record with the source's name among its labels; one whose labels are none as it is."""
        labels = record.get("labels") or {}
        return {**record, "labels": {SET: self._source, **labels}} if isinstance(labels, dict) else record


def _require_files(sample: Sample, is_there: Callable[[str, bool], bool]) -> None:
    for medium in sample.shown:
        if not is_there(medium.path, medium.kind is MediumKind.FRAMES):
            raise RejectedError("missing file", f"there is no file {medium.path!r:.200} under the root.")


def _finder(root: Path) -> Callable[[str, bool], bool]:
    """Return what tells whether a file, or a folder, is under the root."""

    @lru_cache(maxsize=_KNOWN_FOLDERS)
    def files(parent: str) -> frozenset[str]:
        """Return the files of a folder that are no links: of these a look at the folder says that they are there."""
        folder = resolve(root, parent) if parent else root.resolve()
        if not folder.is_dir():
            return frozenset()
        with os.scandir(folder) as found:
            return frozenset(one.name for one in found if one.is_file(follow_symlinks=False))

    @lru_cache(maxsize=_KNOWN_FILES)
    def is_there(path: str, folder: bool) -> bool:
        parent, _, name = path.rpartition("/")
        if not folder and name in files(parent):
            return True
        found = resolve(root, path)
        return found.is_dir() if folder else found.is_file()

    return is_there


def _reason(error: DataError, found: Record | DataError) -> str:
    """Return in a word or two why a row is rejected."""
    if isinstance(error, RejectedError):
        return error.reason
    if isinstance(error, PathEscapeError):
        return "path"
    return "unreadable" if error is found else "record"


def _reject(refused: _Refused, place: Place, rejects: TextIO, done: Imported) -> None:
    """Count a row that becomes no record, and list it."""
    done.rejects[refused.reason] += 1
    done.first = done.first or f"{place.file}, {place.spot}: {refused.message}"
    if done.rejects[refused.reason] > LISTED:
        return
    row = {
        "file": place.file.name,
        **({} if place.spot.line is None else {"line": place.spot.line}),
        "record": place.spot.record,
        **({} if refused.id is None else {"id": refused.id}),
        "reason": refused.reason,
        "message": refused.message,
    }
    rejects.write(json.dumps(row) + "\n")


def _nothing(wanted: Wanted, done: Imported) -> str:
    if not done.rejects:
        return f"{wanted.path}: holds no rows, so there is nothing to import."
    counts = ", ".join(f"{count} ({reason})" for reason, count in done.rejects.most_common())
    return (
        f"{wanted.path}: no row becomes a record: {counts}. The first: {done.first} Is it the right source?"
    )
