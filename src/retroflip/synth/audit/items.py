"""What an audit looks at: questions as options with a right one, thumbnails of a few frames, facts about the clip.

Shapes: V frames viewed, H = W = THUMBNAIL.
"""

import json
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
from retroflip.errors import DataError
from retroflip.progress import Progress
from retroflip.synth.corpus import METADATA
from retroflip.synth.dataset import RECORDS_NAME
from retroflip.video.decode import decode
from retroflip.video.hashing import sha256_file

Floats = npt.NDArray[np.float64]
VIEWED = 9
"""frames of a clip that are looked at; odd, so that there is a middle one"""
THUMBNAIL = 16
"""side in pixels to which they are shrunk"""
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
    """A data set to be audited; `unread` are the questions left out, with the reason."""

    items: list[Item]
    unread: dict[str, str]


def read_folder(folder: Path, progress: Progress) -> Folder:
    """Read the records, videos and, where there is any, metadata of a data set.

    Raises DataError for records that cannot be read, and as `decode` does for a video that cannot.
    """
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
                kind=sample.task or sample.source or "all",
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
    return Folder(items, unread)


def _as_choices(
    samples: Sequence[Sample],
) -> tuple[list[tuple[Sample, tuple[str, ...], int]], dict[str, str]]:
    """Return each question with its options; one without chooses among all answers that its kind has."""
    answers: dict[str, set[str]] = {}
    for sample in samples:
        if sample.problem_type is not ProblemType.MULTIPLE_CHOICE:
            answers.setdefault(sample.task, set()).add(sample.solution)
    chosen, unread = [], {}
    for sample in samples:
        if sample.problem_type is ProblemType.MULTIPLE_CHOICE:
            letters = [option_letter(index) for index in range(len(sample.options))]
            chosen.append((sample, sample.options, letters.index(sample.solution)))
        elif 2 <= len(answers[sample.task]) <= MOST_ANSWERS:
            options = tuple(sorted(answers[sample.task]))
            chosen.append((sample, options, options.index(sample.solution)))
        else:
            unread[sample.id] = f"no options, and {len(answers[sample.task])} different answers in its kind"
    return chosen, unread


def _truth(folder: Path, sample: Sample) -> Mapping[str, Any] | None:
    path = resolve(folder, f"{METADATA}/{sample.id}.json")
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(
            f"{path}: not JSON ({error}). Write the data set again; what is whole is kept."
        ) from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: not the metadata of a video.")
    return found


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
