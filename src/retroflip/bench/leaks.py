"""What a training set shares with a benchmark: data sets, recordings, questions, files, and looks.

The benchmark is held in memory, and the training set is read past it record by record, so that its size does not
matter. Media that are not there, or cannot be decoded, are counted: what was not compared is said, and never taken for
clean.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from retroflip.bench.recording_names import Names, data_sets, names_of
from retroflip.data.manifest import Manifest
from retroflip.data.media import MediumKind
from retroflip.data.root import resolve
from retroflip.data.sample import Sample
from retroflip.errors import MediaError, PathEscapeError, RetroflipError, counted
from retroflip.progress import Progress
from retroflip.video.fingerprint import NEAR, Fingerprint, Known, fingerprint_file
from retroflip.video.hashing import sha256_file

SHOWN = 20
"""examples that a report holds of each kind"""


class Place(NamedTuple):
    """Samples, and where their files lie. manifest: that of the root, by which a file's hash is known unread."""

    samples: Iterable[Sample]
    root: Path
    manifest: Manifest | None = None


class Match(NamedTuple):
    """A record of the training set and one of the benchmark that share something. how: in which way, where several."""

    train: str
    bench: str
    what: str
    how: str = ""
    distance: float | None = None


@dataclass
class Shared:
    """What was found of one kind. n: matching records of the training set, or files of it; bench: the questions they
    are to, by their ids.
    """

    n: int = 0
    bench: set[str] = field(default_factory=set)
    matches: list[Match] = field(default_factory=list)
    ways: Counter[str] = field(default_factory=Counter)

    def add(self, match: Match) -> None:
        """Count a match, and keep it where there are few."""
        self.n += 1
        self.bench.add(match.bench)
        if match.how:
            self.ways[match.how] += 1
        if len(self.matches) < SHOWN:
            self.matches.append(match)

    def as_json(self) -> dict[str, Any]:
        """Return the counts and the examples."""
        named = [one._asdict() for one in self.matches]
        shown = [{key: value for key, value in one.items() if value not in ("", None)} for one in named]
        ways = {"ways": dict(self.ways)} if self.ways else {}
        return {"train": self.n, "bench": len(self.bench), **ways, "examples": shown}


@dataclass
class Media:
    """What became of the media of one side, each file counted once.

    untold: records none of whose names tells a recording. first_untold: the first of these names. drawn: records of
    synthetic videos, whose names are the same in every corpus.
    """

    files: int = 0
    compared: int = 0
    missing: int = 0
    unreadable: int = 0
    folders: int = 0
    first: str = ""
    untold: int = 0
    first_untold: str = ""
    drawn: int = 0

    def note(self, names: Names) -> None:
        """Count a record whose names tell no recording."""
        self.untold += bool(names.untold)
        self.drawn += names.drawn
        self.first_untold = self.first_untold or names.untold

    def as_json(self) -> dict[str, Any]:
        """Return the counts."""
        return dict(vars(self))


@dataclass
class Leaks:
    """What a training set shares with a benchmark.

    data_sets: by name, how many records of each side are of it. The rest are matches: recordings by their names,
    questions without and with their options, files by their bytes, looks by fingerprints. looked: whether videos were
    decoded.
    """

    train: Media
    bench: Media
    records: int = 0
    questions: int = 0
    looked: bool = True
    data_sets: dict[str, tuple[int, int]] = field(default_factory=dict)
    recordings: Shared = field(default_factory=Shared)
    asked: Shared = field(default_factory=Shared)
    asked_with_options: Shared = field(default_factory=Shared)
    same_files: Shared = field(default_factory=Shared)
    looks: Shared = field(default_factory=Shared)

    @property
    def affected(self) -> set[str]:
        """The questions of the benchmark whose recording, file or look the training set has."""
        return self.recordings.bench | self.same_files.bench | self.looks.bench

    @property
    def not_compared(self) -> list[str]:
        """What is said of what could not be compared, a sentence each."""
        said = []
        for name, media in (("training set", self.train), ("benchmark", self.bench)):
            if media.untold:
                said.append(
                    f"names of {counted(media.untold, 'record')} of the {name}, which are too short or too common "
                    f"({media.first_untold!r:.60}): by their whole paths alone."
                )
            if media.drawn:
                said.append(
                    f"names of {counted(media.drawn, 'record')} of the {name}, whose videos are synthetic and numbered "
                    "anew in every corpus: by their bytes and looks alone."
                )
            if media.missing:
                said.append(
                    f"{media.missing} of {counted(media.files, 'file')} of the {name}, which are missing: by name "
                    "alone."
                )
            if media.unreadable:
                said.append(
                    f"{media.unreadable} of {counted(media.files, 'file')} of the {name}, which cannot be decoded: "
                    "not by their "
                    f"looks. The first: {media.first}"
                )
            if media.folders:
                said.append(f"{counted(media.folders, 'folder')} of frames of the {name}: by name alone.")
        if not self.looked:
            said.append("Looks: videos were not decoded (--no-look).")
        return said

    def as_json(self) -> dict[str, Any]:
        """Return the report."""
        kinds = {
            "recording": self.recordings,
            "question": self.asked,
            "question_and_options": self.asked_with_options,
            "file": self.same_files,
            "look": self.looks,
        }
        return {
            "records": self.records,
            "questions": self.questions,
            "affected": len(self.affected),
            "affected_share": round(len(self.affected) / self.questions, 4) if self.questions else None,
            "data_set": {name: {"train": a, "bench": b} for name, (a, b) in sorted(self.data_sets.items())},
            **{name: shared.as_json() for name, shared in kinds.items()},
            "media": {"train": self.train.as_json(), "bench": self.bench.as_json()},
            "not_compared": self.not_compared,
        }


def find_leaks(train: Place, bench: Place, *, look: bool, progress: Progress) -> Leaks:
    """Compare a training set with a benchmark. look: whether videos are decoded, which takes by far the most time.

    Raises as the iteration over the samples does.
    """
    found = Leaks(Media(), Media(), looked=look)
    known = _Benchmark(bench, found.bench, look=look, progress=progress)
    found.questions = len(known.samples)
    sources: Counter[str] = Counter()
    seen: set[int] = set()
    progress.stage("training set", 0, "records")
    for sample in train.samples:
        found.records += 1
        sources.update(data_sets(sample))
        known.compare_words(sample, found)
        for path in _new(sample, seen, found.train):
            known.compare_file(sample, path, train, found)
        progress.advance(found.records)
    found.data_sets = {
        name: (sources[name], known.sources[name]) for name in sources.keys() & known.sources.keys()
    }
    return found


_Index: TypeAlias = dict[str, list[str]]
"""the ids of questions by what may be shared"""


class _Alike(NamedTuple):
    """Something that a record shares with questions, by their ids, and in which way."""

    how: str
    what: str
    questions: list[str]


class _Benchmark:
    """The benchmark by everything that a record may share with it."""

    def __init__(self, place: Place, media: Media, *, look: bool, progress: Progress) -> None:
        self.samples = list(place.samples)
        self.sources = Counter(name for sample in self.samples for name in data_sets(sample))
        self._recordings = _Recordings(self.samples, media)
        self._asked = _by(self.samples, lambda sample: [asked(sample.question)])
        self._with_options = _by(self.samples, _with_options)
        self._look = look
        self._askers = _by(self.samples, lambda sample: [medium.path for medium in sample.shown])
        self._files: dict[int, list[tuple[str, Path]]] = defaultdict(list)
        self._hashes: dict[Path, str] = {}
        self._looks = Known()
        seen: set[int] = set()
        progress.stage("benchmark", len(self.samples), "questions")
        for number, sample in enumerate(self.samples, start=1):
            for relative in _new(sample, seen, media):
                self._keep(relative, place, media)
            progress.advance(number)

    def _keep(self, relative: str, place: Place, media: Media) -> None:
        path = _file(place.root, relative, media)
        if path is None:
            return
        self._files[path.stat().st_size].append((relative, path))
        if self._look and (looks := _fingerprint(path, media)) is not None:
            self._looks.add(relative, looks)

    def compare_words(self, sample: Sample, found: Leaks) -> None:
        """Look a record's recording and question up."""
        names = names_of(sample)
        found.train.note(names)
        _share(sample, found.recordings, self._recordings.alike(names))
        for shared, index, keys in (
            (found.asked, self._asked, [asked(sample.question)]),
            (found.asked_with_options, self._with_options, _with_options(sample)),
        ):
            _share(sample, shared, _looked_up("", index, keys))

    def compare_file(self, sample: Sample, relative: str, train: Place, found: Leaks) -> None:
        """Look a file of the training set up by its bytes, and by its look."""
        path = _file(train.root, relative, found.train)
        if path is None:
            return
        alike_in_size = self._files.get(path.stat().st_size, ())
        if alike_in_size:
            listed = train.manifest.sha256_of(relative) if train.manifest else None
            digest = listed or sha256_file(path)
            equal = [named for named, other in alike_in_size if self._hash(other) == digest]
            self._add(found.same_files, equal, Match(sample.id, "", relative))
        if self._look and (looks := _fingerprint(path, found.train)) is not None:
            alike = self._looks.within(looks, NEAR)
            if alike:
                near = alike[0][1]
                match = Match(sample.id, "", relative, near.way.value, round(near.distance, 4))
                self._add(found.looks, [named for named, _ in alike], match)

    def _add(self, shared: Shared, files: Sequence[str], match: Match) -> None:
        """Count once what is shared with files of the benchmark, for all questions about each of them: the two sides of
        a pair are one recording, and so may files of several pairs be."""
        if files:
            shared.add(match._replace(bench=self._askers[files[0]][0]))
            shared.bench.update(*(self._askers[one] for one in files))

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = sha256_file(path)
        return self._hashes[path]


class _Recordings:
    """The recordings of the benchmark by their names."""

    def __init__(self, samples: Sequence[Sample], media: Media) -> None:
        self._paths: _Index = defaultdict(list)
        self._own: _Index = defaultdict(list)
        self._wholes: _Index = defaultdict(list)
        for sample in samples:
            names = names_of(sample)
            media.note(names)
            for index, keys in (
                (self._paths, names.paths),
                (self._own, names.own),
                (self._wholes, names.wholes),
            ):
                for key in keys:
                    index[key].append(sample.id)

    def alike(self, names: Names) -> list[_Alike]:
        """Return the recordings that a record's names are of, those first that say so best."""
        return [
            *_looked_up("path", self._paths, names.paths),
            *_looked_up("name", self._own, names.own),
            *_looked_up("part", self._own, names.wholes),
            *_looked_up("part", self._wholes, names.own),
        ]


def _looked_up(how: str, index: _Index, keys: Collection[str]) -> list[_Alike]:
    """Return the keys that an index has, the longest first, which says the most."""
    there = sorted((key for key in keys if key in index), key=lambda key: (-len(key), key))
    return [_Alike(how, key, index[key]) for key in there]


def _share(sample: Sample, shared: Shared, alike: Sequence[_Alike]) -> None:
    """Count a record once that shares something, for all questions that it shares it with."""
    if alike:
        first = alike[0]
        shared.add(Match(sample.id, first.questions[0], first.what[:120], first.how))
        shared.bench.update(*(one.questions for one in alike))


def _by(samples: Sequence[Sample], keys: Callable[[Sample], Iterable[str]]) -> _Index:
    found: _Index = defaultdict(list)
    for sample in samples:
        for key in keys(sample):
            found[key].append(sample.id)
    return found


def _new(sample: Sample, seen: set[int], media: Media) -> Iterator[str]:
    """Yield the files that a sample shows and that were not seen before; folders of frames are counted alone."""
    for medium in sample.shown:
        key = hash((medium.path, medium.kind))
        if key in seen:
            continue
        seen.add(key)
        if medium.kind is MediumKind.FRAMES:
            media.folders += 1
        else:
            media.files += 1
            yield medium.path


def _file(root: Path, relative: str, media: Media) -> Path | None:
    """Return a file under a root; None, counted, where it is not there."""
    try:
        path = resolve(root, relative)
    except PathEscapeError:
        path = None
    if path is None or not path.is_file():
        media.missing += 1
        return None
    return path


def _fingerprint(path: Path, media: Media) -> Fingerprint | None:
    """Return how a video looks; None, counted, where it cannot be decoded."""
    try:
        looks = fingerprint_file(path)
    except MediaError as error:
        media.unreadable += 1
        media.first = media.first or _told(error)
        return None
    media.compared += 1
    return looks


def _told(error: RetroflipError) -> str:
    return str(error)[:300]


def asked(question: str) -> str:
    """Return a question as it is compared: letters and digits alone, in small letters."""
    plain = unicodedata.normalize("NFKC", question).casefold()
    return " ".join(re.findall(r"\w+", plain))


def _with_options(sample: Sample) -> list[str]:
    if not sample.options:
        return []
    return [" | ".join([asked(sample.question), *sorted(asked(option) for option in sample.options)])]
