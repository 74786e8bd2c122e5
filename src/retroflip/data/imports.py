"""`retroflip data import`: the files of a published data set become one file of records, a list of rejects and a card.

Rows are read, converted and written one after the other, so that memory does not grow with the file but for the id of
each record. Every row that becomes no record is counted by its reason. The three files appear when all is read, the
records last: a kill before that leaves the old ones, and the same command again writes the same bytes.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from retroflip.data.answers import gold_answer
from retroflip.data.card import card_text
from retroflip.data.media import MediumKind
from retroflip.data.media_store import MediaStore, with_files
from retroflip.data.records import format_record, parse_record
from retroflip.data.root import resolve
from retroflip.data.sample import Sample
from retroflip.data.sources.base import Place, Record, RejectedError, Source, Wanted
from retroflip.data.tally import Tally
from retroflip.errors import DataError, PathEscapeError, UsageError
from retroflip.files.seals import dumped
from retroflip.files.storage import drop_unfinished, replacing
from retroflip.progress import Progress
from retroflip.video.hashing import sha256_file

LISTED = 10_000
"""rejects of one reason that are listed; all are counted"""
SET = "set"
"""the label that holds a source's name"""
_STEP = 2000
"""rows between two signs of progress"""
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
) -> Imported:
    """Write the records of a source's files to `out`, and what there is to say of them beside it.

    root: where media lie; each must be there. media: where images go that stand in the files as bytes; the records'
    paths start from `root`, or else from there.

    Raises UsageError for a setting that the source does not have and for places that cannot be used, and DataError
    where no row becomes a record or a file cannot be read.
    """
    _check(source, wanted, out, root)
    outputs, done = Outputs.of(out), Imported()
    drop_unfinished(out.parent, [path.name for path in outputs], dead_only=True)
    to_sample = _Converter(source, root, None if media is None else MediaStore(media, root or media))
    progress.stage(f"importing {source.name}", 0, "records")
    with ExitStack() as stack:
        records, rejects, card = (stack.enter_context(_replaced(path)) for path in outputs)
        for number, (place, found) in enumerate(source.read(wanted), start=1):
            done.files[place.file] = None
            try:
                sample = to_sample(found, done.ids)
            except DataError as error:
                _reject(error, found, place, rejects, done)
            else:
                records.write(dumped(format_record(sample), indent=None) + "\n")
                done.tally.add(sample)
            if number % _STEP == 0:
                progress.advance(number, f"{done.rejects.total()} rejected" if done.rejects else "")
        if not done.tally.samples:
            raise DataError(_nothing(wanted, done))
        card.write(
            card_text(source, done.tally, done.rejects, {path: sha256_file(path) for path in done.files})
        )
    return done


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

    def __init__(self, source: Source, root: Path | None, store: MediaStore | None) -> None:
        self._source, self._store = source, store
        self._is_there = None if root is None else _finder(root)

    def __call__(self, found: Record | DataError, ids: set[str]) -> Sample:
        """Return the sample of a record that can be read and has an answer, its files, and an id not among `ids`.

        Raises RejectedError and other kinds of DataError where it is none.
        """
        if isinstance(found, DataError):
            raise found
        sample = parse_record(self._labelled(with_files(found, self._store)))
        try:
            gold_answer(sample)
        except DataError as error:
            raise RejectedError("answer", str(error)) from error
        if self._is_there is not None:
            _require_files(sample, self._is_there)
        if sample.id in ids:
            raise RejectedError("duplicate id", f"the id {sample.id!r:.60} stood there before.")
        ids.add(sample.id)
        return sample

    def _labelled(self, record: Record) -> Record:
        """Return a record with the source's name among its labels; one whose labels are none as it is."""
        labels = record.get("labels") or {}
        return (
            {**record, "labels": {SET: self._source.name, **labels}} if isinstance(labels, dict) else record
        )


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


def _reject(
    error: DataError, found: Record | DataError, place: Place, rejects: TextIO, done: Imported
) -> None:
    """Count a row that becomes no record, and list it."""
    reason = _reason(error, found)
    done.rejects[reason] += 1
    done.first = done.first or f"{place.file}, line {place.line}: {error}"
    if done.rejects[reason] > LISTED:
        return
    identity = found.get("problem_id") if isinstance(found, dict) else None
    row = {
        "file": place.file.name,
        "line": place.line,
        **({"id": str(identity)} if isinstance(identity, str | int) else {}),
        "reason": reason,
        "message": str(error),
    }
    rejects.write(json.dumps(row) + "\n")


def _nothing(wanted: Wanted, done: Imported) -> str:
    if not done.rejects:
        return f"{wanted.path}: holds no rows, so there is nothing to import."
    counts = ", ".join(f"{count} ({reason})" for reason, count in done.rejects.most_common())
    return (
        f"{wanted.path}: no row becomes a record: {counts}. The first: {done.first} Is it the right source?"
    )
