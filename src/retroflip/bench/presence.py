"""Whether the files of a benchmark are there, told before a model is loaded."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from retroflip.bench.benchmarks.base import Benchmark
from retroflip.data.media import MediumKind, ShownMedium
from retroflip.data.root import resolve
from retroflip.data.sample import Sample
from retroflip.errors import DataError

NAMED = 5
"""missing files that are named"""


class NeedFound(NamedTuple):
    """Something that a benchmark's root must hold, and whether it is there."""

    path: str
    annotation: bool
    licence: str
    there: bool


class MediaFound(NamedTuple):
    """How many distinct files of one kind questions show, how many are missing, and the first of these."""

    kind: str
    needed: int
    missing: int
    first: tuple[str, ...]


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
        return questions and all(one.there for one in self.needs) and not any(m.missing for m in self.media)


def presence(bench: Benchmark, root: Path) -> Presence:
    """Return what is there of a benchmark under a root; no file of media is opened."""
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
    return tuple(
        NeedFound(need.path, need.annotation, need.licence, need.is_in(root)) for need in bench.needs
    )


def _counted(needs: tuple[NeedFound, ...], samples: Iterable[Sample], root: Path) -> Presence:
    seen: set[bytes] = set()
    pairs: Counter[str] = Counter()
    needed = dict.fromkeys(MediumKind, 0)
    missing: dict[MediumKind, list[str]] = {kind: [] for kind in MediumKind}
    absent = dict.fromkeys(MediumKind, 0)
    questions = 0
    for sample in samples:
        questions += 1
        pairs.update([sample.pair] if sample.pair else ())
        for medium in sample.shown:
            if (key := _key(medium)) in seen:
                continue
            seen.add(key)
            needed[medium.kind] += 1
            if not _is_there(root, medium):
                absent[medium.kind] += 1
                missing[medium.kind] += [medium.path] if absent[medium.kind] <= NAMED else []
    media = tuple(
        MediaFound(kind.value, needed[kind], absent[kind], tuple(missing[kind]))
        for kind in MediumKind
        if needed[kind]
    )
    lone = sum(sides == 1 for sides in pairs.values())
    return Presence(needs, questions, len(pairs), media, lone_pairs=lone)


def _key(medium: ShownMedium) -> bytes:
    return hashlib.blake2b(f"{medium.kind.value} {medium.path}".encode(), digest_size=12).digest()


def _is_there(root: Path, medium: ShownMedium) -> bool:
    path = resolve(root, medium.path)
    return path.is_dir() if medium.kind is MediumKind.FRAMES else path.is_file()
