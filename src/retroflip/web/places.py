"""What the folders given to the viewer hold, and the fence around them: no other file is ever read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from retroflip.data.root import resolve
from retroflip.errors import PathEscapeError, UsageError

MAX_DEPTH = 4
"""folders below a given one that are looked into"""
_PASSED_OVER = frozenset({"checkpoints", "model", "videos", "metadata", "logs", "node_modules"})


class Kind(StrEnum):
    """What a folder is, by the file that marks it."""

    RUN = "run"
    ANSWERS = "answers"
    SYNTHETIC = "synthetic"
    BENCHMARK = "benchmark"


MARKS = {
    Kind.RUN: "metrics.jsonl",
    Kind.ANSWERS: "answers.jsonl",
    Kind.SYNTHETIC: "dataset.json",
    Kind.BENCHMARK: "records.jsonl",
}
"""the first of them that is there decides"""


@dataclass(frozen=True)
class Place:
    """A folder that can be shown. name: as the page calls it, one for each place."""

    name: str
    kind: Kind
    path: Path


@dataclass(frozen=True)
class Folders:
    """The folders that the user gave. Raises UsageError for one that is not there."""

    given: tuple[Path, ...]

    def __post_init__(self) -> None:
        for folder in self.given:
            if not folder.is_dir():
                raise UsageError(
                    f"{folder} is not a folder. Give folders of runs, answers or benchmarks: retroflip view DIR..."
                )

    def places(self) -> list[Place]:
        """Return everything there is to show now; a run that has just begun is there at the next call."""
        found: dict[str, Place] = {}
        for root in self.given:
            for kind, path in _below(root, MAX_DEPTH):
                inside = path.relative_to(root)
                name = "/".join([root.resolve().name, *inside.parts])
                while name in found:
                    name += "'"
                found[name] = Place(name, kind, path)
        return list(found.values())

    def place(self, name: str) -> Place | None:
        """Return the place of this name."""
        return next((place for place in self.places() if place.name == name), None)

    def file(self, root: Path, relative: str) -> Path | None:
        """Return a file under `root`; None where it is not there, or outside the folders that the user gave."""
        try:
            path = resolve(root, relative)
        except PathEscapeError:
            return None
        return path if path.is_file() and self.holds(path) else None

    def holds(self, path: Path) -> bool:
        """Return whether a path, links followed, lies in a folder that the user gave."""
        return any(path.resolve().is_relative_to(folder.resolve()) for folder in self.given)


def _below(folder: Path, depth: int) -> Iterator[tuple[Kind, Path]]:
    kind = kind_of(folder)
    if kind is not None:
        yield kind, folder
    if depth:
        for inner in _folders_in(folder):
            yield from _below(inner, depth - 1)


def kind_of(folder: Path) -> Kind | None:
    """Return what a folder is; None where there is nothing to show of it itself."""
    return next((kind for kind, mark in MARKS.items() if (folder / mark).is_file()), None)


def _folders_in(folder: Path) -> Sequence[Path]:
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.is_symlink() and path.name not in _PASSED_OVER and path.name[0] != "."
    ]
