"""What the folders and files given to the viewer hold, and the fence around them: no other file is ever read."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from retroflip.data.root import resolve
from retroflip.errors import PathEscapeError, UsageError

MAX_DEPTH = 4
"""folders below a given one that are looked into"""
_PASSED_OVER = frozenset({"checkpoints", "model", "videos", "metadata", "logs", "node_modules"})


class Kind(StrEnum):
    """What a folder is, by the file that marks it; or what a file is, or two, that were given by themselves."""

    RUN = "run"
    ANSWERS = "answers"
    SYNTHETIC = "synthetic"
    BENCHMARK = "benchmark"
    ROUTED = "routed"
    """a file of questions with their task types"""
    TRACES = "traces"
    """two files of reasoning traces about the same questions, to be compared blindly"""


MARKS = {
    Kind.RUN: "metrics.jsonl",
    Kind.ANSWERS: "answers.jsonl",
    Kind.SYNTHETIC: "dataset.json",
    Kind.BENCHMARK: "records.jsonl",
}
"""the first of them that is there decides; of synthetic videos METADATA is there as well"""
METADATA = "metadata"
_READ = (
    *MARKS.values(),
    "run.json",
    "rollouts.jsonl",
    "scores.json",
    "manifest.json",
    "labels.sqlite",
    "metadata",
)
"""what is read in such a folder, or written: none of them may be a link to somewhere else"""


@dataclass(frozen=True)
class Place:
    """What can be shown. name: as the page calls it, one for each place. path: a folder, or the file that was given.
    other: the second file of traces."""

    name: str
    kind: Kind
    path: Path
    other: Path | None = None

    @property
    def folder(self) -> Path:
        """Where paths in it start."""
        return self.path if self.path.is_dir() else self.path.parent


@dataclass(frozen=True)
class Folders:
    """The folders and files that the user gave. prefer: no file, or two of traces. Raises UsageError for others."""

    given: tuple[Path, ...]
    prefer: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        for path in self.given:
            if not path.exists():
                raise UsageError(
                    f"{path} is not there. Give folders of runs, answers or benchmarks, or a routed file: retroflip "
                    "view DIR..."
                )
        if len(self.prefer) not in (0, 2) or not all(path.is_file() for path in self.prefer):
            raise UsageError(
                "--prefer takes two files of traces about the same questions: --prefer A --prefer B."
            )

    def places(self) -> list[Place]:
        """Return everything there is to show now; a run that has just begun is there at the next call."""
        found: dict[str, Place] = {}
        for place in self._each():
            name = place.name
            while name in found:
                name += "'"
            found[name] = replace(place, name=name)
        return list(found.values())

    def _each(self) -> Iterator[Place]:
        for root in self.given:
            if root.is_file():
                yield Place(root.name, Kind.ROUTED, root)
                continue
            for kind, path in _below(root, MAX_DEPTH):
                if not self._is_fenced(path):
                    continue
                yield Place("/".join([root.resolve().name, *path.relative_to(root).parts]), kind, path)
        if self.prefer:
            first, second = self.prefer
            yield Place(f"{first.name} and {second.name}", Kind.TRACES, first, second)

    def place(self, name: str) -> Place | None:
        """Return the place of this name."""
        return next((place for place in self.places() if place.name == name), None)

    def has(self, place: Place) -> bool:
        """Whether a place that was there before still is, without a look into other folders."""
        if place.kind not in MARKS:
            return place.path.is_file()
        return kind_of(place.path) is place.kind and self._is_fenced(place.path)

    def _is_fenced(self, folder: Path) -> bool:
        """Whether nothing that is read in a folder is a link that leads out of the folders given."""
        return all(self.holds(folder / name) for name in _READ if (folder / name).is_symlink())

    def file(self, root: Path, relative: str) -> Path | None:
        """Return a file under `root`; None where it is not there, or outside the folders that the user gave."""
        try:
            path = resolve(root, relative)
        except PathEscapeError:
            return None
        return path if path.is_file() and self.holds(path) else None

    def holds(self, path: Path) -> bool:
        """Return whether a path, links followed, lies in a folder that the user gave. What is no path lies nowhere, and
        neither does one whose links lead in a circle."""
        roots = [one if one.is_dir() else one.parent for one in (*self.given, *self.prefer)]
        try:
            found = path.resolve()
        except (
            OSError,
            RuntimeError,
            ValueError,
        ):  # a circle is a RuntimeError to Python 3.11, NUL a ValueError
            return False
        return any(found.is_relative_to(root.resolve()) for root in roots)


def _below(folder: Path, depth: int) -> Iterator[tuple[Kind, Path]]:
    kind = kind_of(folder)
    if kind is not None:
        yield kind, folder
    if depth:
        for inner in _folders_in(folder):
            yield from _below(inner, depth - 1)


def kind_of(folder: Path) -> Kind | None:
    """Return what a folder is; None where there is nothing to show of it itself."""
    found = [kind for kind, mark in MARKS.items() if (folder / mark).is_file()]
    if found[:1] == [Kind.SYNTHETIC] and not (folder / METADATA).is_dir():
        found = found[1:]
    return next(iter(found), None)


def _folders_in(folder: Path) -> Sequence[Path]:
    """Return the folders in one, without links; none where this user may not look."""
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
    except PermissionError:
        return []
    return [folder / name for name in sorted(names) if name not in _PASSED_OVER and name[0] != "."]
