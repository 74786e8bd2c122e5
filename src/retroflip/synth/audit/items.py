"""What an audit looks at: questions as options with a right one, thumbnails of a few frames, facts about the clip.

Shapes: V frames viewed, H = W = THUMBNAIL.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retroflip.data.manifest import manifest_beside
from retroflip.data.prompts import option_letter
from retroflip.data.records import read_samples
from retroflip.data.root import resolve
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError, UsageError
from retroflip.progress import Progress
from retroflip.synth.corpus import METADATA
from retroflip.synth.dataset import RECORDS_NAME
from retroflip.synth.episode import FORMAT
from retroflip.video.decode import decode
from retroflip.video.hashing import sha256_file

Floats = npt.NDArray[np.float64]
VIEWED = 9
"""frames of a clip that are looked at; odd, so that there is a middle one"""
THUMBNAIL = 16
"""side in pixels to which they are shrunk"""
_PLAIN_NAME = re.compile(r"[\w.-]+")
MOST_ANSWERS = 12
"""different answers up to which a question without options is audited as a choice among all of its kind's"""


@dataclass(frozen=True)
class Item:
    """One question. `group` is shared by both sides of a pair, which must not stand in different folds.

    right: index of the right option. pictures_VHW3: thumbnails, 0 to 1. facts: numbers about the whole clip that do not
    need watching, by name. places: where objects are in the first, middle and last snapshot of the metadata, or empty.
    """

    id: str
    kind: str
    group: str
    question: str
    options: tuple[str, ...]
    right: int
    pictures_VHW3: Floats
    facts: Mapping[str, float]
    places: tuple[Floats, ...]
    sha256: str
    truth: Mapping[str, Any] | None

    @property
    def answer(self) -> str:
        """The right option's text."""
        return self.options[self.right]


@dataclass(frozen=True)
class Folder:
    """A data set to be audited. unread: how many questions of each kind are left out, for want of options.

    samples: the records as they were read.
    """

    items: list[Item]
    unread: dict[str, int]
    samples: Sequence[Sample] = ()


def read_folder(folder: Path, progress: Progress) -> Folder:
    """Read the records, videos and, where there is any, metadata of a data set.

    Raises UsageError for a folder without records, DataError for records that cannot be read, and as `decode` does for
    a video that cannot.
    """
    if not (folder / RECORDS_NAME).is_file():
        raise UsageError(
            f"{folder}: holds no {RECORDS_NAME}. Name the folder of a data set, as `retroflip synth` writes it."
        )
    samples = read_samples(folder / RECORDS_NAME)
    choices, unread = _as_choices(samples)
    manifest = manifest_beside(folder)
    progress.stage("looking at videos", len(choices), "videos")
    items = []
    for done, (sample, options, right) in enumerate(choices, start=1):
        path = resolve(folder, sample.video)
        digest = manifest.sha256_of(sample.video) if manifest else None
        truth = _truth(folder, sample)
        frames = decode(path, VIEWED, sha256=digest)
        items.append(
            Item(
                id=sample.id,
                kind=kind_of(sample),
                group=sample.source_clip,
                question=sample.question,
                options=options,
                right=right,
                pictures_VHW3=_thumbnails(frames.pixels_TCHW),
                facts={
                    "seconds": frames.seconds[-1],
                    "height": float(frames.pixels_TCHW.shape[2]),
                    "width": float(frames.pixels_TCHW.shape[3]),
                    **_counted(truth),
                },
                places=_places(truth),
                sha256=digest or sha256_file(path),
                truth=truth,
            )
        )
        progress.advance(done)
    return Folder(items, unread, samples)


def kind_of(sample: Sample) -> str:
    """Return the group in which a question is audited."""
    return sample.task or sample.source or "all"


def _as_choices(
    samples: Sequence[Sample],
) -> tuple[list[tuple[Sample, tuple[str, ...], int]], dict[str, int]]:
    """Return each question with its options; one without chooses among all answers that its kind has."""
    answers: dict[str, set[str]] = {}
    for sample in samples:
        if sample.problem_type is not ProblemType.MULTIPLE_CHOICE:
            answers.setdefault(kind_of(sample), set()).add(sample.solution)
    chosen = []
    unread: Counter[str] = Counter()
    for sample in samples:
        kind = kind_of(sample)
        if sample.problem_type is ProblemType.MULTIPLE_CHOICE:
            letters = [option_letter(index) for index in range(len(sample.options))]
            chosen.append((sample, sample.options, letters.index(sample.solution)))
        elif 2 <= len(answers[kind]) <= MOST_ANSWERS:
            options = tuple(sorted(answers[kind]))
            chosen.append((sample, options, options.index(sample.solution)))
        else:
            unread[kind] += 1
    return chosen, dict(unread)


def _truth(folder: Path, sample: Sample) -> Mapping[str, Any] | None:
    """Return the metadata of a video that `retroflip synth` wrote; None for any other."""
    path = folder / METADATA / f"{sample.id}.json"
    if not _PLAIN_NAME.fullmatch(sample.id) or not path.is_file():
        return None
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(
            f"{path}: not JSON ({error}). Write the data set again; what is whole is kept."
        ) from error
    is_ours = isinstance(found, dict) and found.get("format") == FORMAT and found.get("kind") == sample.task
    return found if is_ours else None


def _thumbnails(pixels_TCHW: npt.NDArray[np.uint8]) -> Floats:
    """Return frames shrunk by averaging, each (THUMBNAIL, THUMBNAIL, 3), 0 to 1."""
    height, width = pixels_TCHW.shape[2:]
    rows = np.linspace(0, height, THUMBNAIL + 1).astype(int)[:-1]
    columns = np.linspace(0, width, THUMBNAIL + 1).astype(int)[:-1]
    sums = np.add.reduceat(
        np.add.reduceat(pixels_TCHW, rows, axis=2, dtype=float), columns, axis=3, dtype=float
    )
    areas = np.diff([*rows, height])[:, None] * np.diff([*columns, width])[None, :]
    thumbnails: Floats = (sums / areas / 255.0).transpose(0, 2, 3, 1)
    return thumbnails


def _counted(truth: Mapping[str, Any] | None) -> dict[str, float]:
    if truth is None:
        return {}
    return {"objects": float(len(truth["objects"]))}


def _places(truth: Mapping[str, Any] | None) -> tuple[Floats, ...]:
    """Return the objects' coordinates, in the order of their ids, in the first, middle and last snapshot."""
    states = [state for state in (truth or {}).get("states", []) if "positions" in state]
    if not states:
        return ()
    chosen = (states[0], states[len(states) // 2], states[-1])
    return tuple(
        np.array([place for _, place in sorted(state["positions"].items())], dtype=float).ravel()
        for state in chosen
    )
