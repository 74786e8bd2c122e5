"""Whether the files of a benchmark are there, told before a model is loaded."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from retroflip.bench.benchmarks.base import Benchmark, Need
from retroflip.data.foreign import no_medium
from retroflip.data.frame_folder import is_frame
from retroflip.data.media import MediumKind, ShownMedium
from retroflip.data.root import normalise, resolve
from retroflip.data.sample import Sample
from retroflip.errors import DataError, PathEscapeError
from retroflip.video.truncation import missing_bytes

NAMED = 5
"""missing files that are named, and unusable ones"""
MISSING, EMPTY, NOWHERE = "missing", "empty", "a link that leads nowhere"
_HEAD = 64
"""bytes that tell a pointer of Git LFS, or a page of HTML, from a video"""


class NeedFound(NamedTuple):
    """Something that a benchmark's root must hold, and whether it is there. fault: why not, "" where it is."""

    path: str
    annotation: bool
    licence: str
    there: bool
    fault: str = ""


class MediaFound(NamedTuple):
    """How many distinct files of one kind questions show, how many are missing, and the first of these.

    unusable: how many of those that are there cannot be shown, by the reason. first_unusable: the first of these, each
    with its reason.
    """

    kind: str
    needed: int
    missing: int
    first: tuple[str, ...]
    unusable: Mapping[str, int] = {}
    first_unusable: tuple[str, ...] = ()


class Presence(NamedTuple):
    """What is there of a benchmark.

    questions: None where they cannot be read, for the reason in `fault`. lone_pairs: those of which one side is there.
    """

    needs: tuple[NeedFound, ...]
    questions: int | None
    pairs: int
    media: tuple[MediaFound, ...]
    fault: str = ""
    lone_pairs: int = 0

    @property
    def complete(self) -> bool:
        """Whether everything is there."""
        questions = not self.fault and not self.lone_pairs
        media = not any(one.missing or one.unusable for one in self.media)
        return questions and media and all(one.there for one in self.needs)


def presence(bench: Benchmark, root: Path) -> Presence:
    """Return what is there of a benchmark under a root; of a file of media, its first bytes are read."""
    needs = needs_found(bench, root)
    try:
        return _counted(needs, (item.sample for item in bench.items(root)), root)
    except DataError as error:
        return Presence(needs, None, 0, (), str(error))


def presence_of(samples: Iterable[Sample], root: Path) -> Presence:
    """Return the same of questions that are read already."""
    return _counted((), samples, root)


def needs_found(bench: Benchmark, root: Path) -> tuple[NeedFound, ...]:
    """Return what the root must hold, and whether it is there."""
    faults = [(need, need_fault(need, root)) for need in bench.needs]
    return tuple(
        NeedFound(need.path, need.annotation, need.licence, not fault, fault) for need, fault in faults
    )


def need_fault(need: Need, root: Path) -> str:
    """Return why something that a root must hold is not there, at none of its places; "" where it is."""
    places = [root / path for path in (need.path, *need.elsewhere)]
    found = next((path for path in places if path.exists()), None)
    if found is None:
        return NOWHERE if any(path.is_symlink() for path in places) else MISSING
    try:
        is_empty = not any(os.scandir(found)) if found.is_dir() else found.stat().st_size == 0
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return EMPTY if is_empty else ""


@dataclass
class _Looked:
    """What was found of one kind of media so far."""

    needed: int = 0
    missing: int = 0
    first: list[str] = field(default_factory=list)
    unusable: Counter[str] = field(default_factory=Counter)
    first_unusable: list[str] = field(default_factory=list)

    def add(self, path: str, fault: str) -> None:
        """Count a file. fault: what is wrong with it, "" for nothing."""
        self.needed += 1
        if fault == MISSING:
            self.missing += 1
            self.first += [path] if self.missing <= NAMED else []
        elif fault:
            self.unusable[fault] += 1
            self.first_unusable += [f"{path} ({fault})"] if self.unusable.total() <= NAMED else []

    def found(self, kind: MediumKind) -> MediaFound:
        """Return it."""
        first, unusable = tuple(self.first), tuple(self.first_unusable)
        return MediaFound(kind.value, self.needed, self.missing, first, dict(self.unusable), unusable)


def _counted(needs: tuple[NeedFound, ...], samples: Iterable[Sample], root: Path) -> Presence:
    seen: set[bytes] = set()
    pairs: Counter[str] = Counter()
    looked = {kind: _Looked() for kind in MediumKind}
    questions = 0
    for sample in samples:
        questions += 1
        pairs.update([sample.pair] if sample.pair else ())
        for medium in sample.shown:
            if (key := _key(medium)) not in seen:
                seen.add(key)
                looked[medium.kind].add(medium.path, fault_of(root, medium))
    media = tuple(one.found(kind) for kind, one in looked.items() if one.needed)
    lone = sum(sides == 1 for sides in pairs.values())
    return Presence(needs, questions, len(pairs), media, lone_pairs=lone)


def _key(medium: ShownMedium) -> bytes:
    return hashlib.blake2b(f"{medium.kind.value} {medium.path}".encode(), digest_size=12).digest()


def fault_of(root: Path, medium: ShownMedium) -> str:
    """Return why a medium cannot be shown, as far as its name and first bytes tell; "" where nothing speaks against it.

    A video whose containers say that it is longer is cut short; nothing is decoded.
    """
    try:
        path = resolve(root, medium.path)
        if not path.exists():
            return NOWHERE if (root / normalise(medium.path)).is_symlink() else MISSING
        return _folder_fault(path) if medium.kind is MediumKind.FRAMES else _file_fault(path, medium.kind)
    except PathEscapeError:
        return "outside of the root"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _folder_fault(path: Path) -> str:
    if not path.is_dir():
        return "a file where a folder of frames should be"
    with os.scandir(path) as found:
        return "" if any(is_frame(one.name) for one in found) else "a folder without frames"


def _file_fault(path: Path, kind: MediumKind) -> str:
    if not path.is_file():
        return "a folder where a file should be" if path.is_dir() else "no file"
    if path.stat().st_size == 0:
        return EMPTY
    with path.open("rb") as stream:
        other = no_medium(stream.read(_HEAD))
    return other or ("cut short" if kind is MediumKind.VIDEO and missing_bytes(path) else "")
