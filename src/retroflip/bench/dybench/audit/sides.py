"""What the audit looks at: every pair's two sides, as files, as frames in and out of order, and as questions.

Shapes: V = VIEWED frames of a side, S single ones, thumbnails of H = W = THUMBNAIL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retroflip.bench.dybench.audit.container import Container, container_of
from retroflip.data.folder import RECORDS_NAME
from retroflip.data.manifest import manifest_beside
from retroflip.data.records import read_samples
from retroflip.data.root import resolve
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError, UsageError
from retroflip.progress import Progress
from retroflip.synth.audit.classifier import Floats
from retroflip.synth.audit.items import DECODED_SIDE, VIEWED, Item, seen, thumbnails
from retroflip.video.decode import decode
from retroflip.video.hashing import sha256_file


@dataclass(frozen=True)
class Side:
    """One side of a pair. stills_SHW3, heap_4HW3: as an Item of the audit of temporal videos has them.

    course: numbers about the order of its frames.
    """

    sample: Sample
    container: Container
    stills_SHW3: Floats
    heap_4HW3: Floats
    course: Floats
    sha256: str


Pair = tuple[Side, Side]


def read_pairs(folder: Path, progress: Progress) -> list[Pair]:
    """Read the pairs of a benchmark, whatever built it.

    Raises UsageError for a folder without records, DataError for records that cannot be read or are no pairs of
    multiple-choice questions, and as `decode` does.
    """
    if not (folder / RECORDS_NAME).is_file():
        raise UsageError(
            f"{folder}: holds no {RECORDS_NAME}. Name a folder that `retroflip dybench build` wrote."
        )
    sides: dict[str, dict[int, Sample]] = {}
    for sample in read_samples(folder / RECORDS_NAME):
        if sample.pair is not None and sample.side is not None:
            sides.setdefault(sample.pair, {})[sample.side] = sample
    both = [(named[0], named[1]) for named in sides.values() if len(named) == 2]
    if not both or len(both) < len(sides):
        lacking = len(sides) - len(both)
        raise DataError(
            f"{folder / RECORDS_NAME}: holds {len(both)} whole pairs and {lacking} with one side. Attacks are made on "
            "pairs; restore the missing sides, or leave the others out."
        )
    if other := [
        one.id for pair in both for one in pair if one.problem_type is not ProblemType.MULTIPLE_CHOICE
    ]:
        raise DataError(
            f"{folder / RECORDS_NAME}: {other[0]} is no multiple-choice question, and {len(other) - 1} others."
        )
    manifest = manifest_beside(folder)
    progress.stage("looking at pairs", len(both), "pairs")
    pairs = []
    for done, (first, second) in enumerate(both, start=1):
        digests = [manifest.sha256_of(one.video) if manifest else None for one in (first, second)]
        pairs.append(
            (_side(folder, first, digests[0]), _side(folder, second, digests[1])),
        )
        progress.advance(done)
    return pairs


def _side(folder: Path, sample: Sample, digest: str | None) -> Side:
    path = resolve(folder, sample.video)
    frames = decode(path, VIEWED, sha256=digest, max_side=DECODED_SIDE)
    pictures_VHW3 = thumbnails(frames.pixels_TCHW)
    stills_SHW3, heap_4HW3 = seen(pictures_VHW3)
    return Side(
        sample,
        container_of(path),
        stills_SHW3,
        heap_4HW3,
        course(pictures_VHW3),
        digest or sha256_file(path),
    )


def course(pictures_VHW3: Floats) -> Floats:
    """Return numbers that playing a video backwards changes: when how much changes, whether changes come suddenly and
    fade slowly, how brightness and detail go, and where the last frame differs from the first."""
    grey_VHW = pictures_VHW3.mean(axis=3)
    steps_VHW = np.diff(grey_VHW, axis=0)
    energy_V = np.abs(steps_VHW).mean(axis=(1, 2))
    jumps = np.diff(np.abs(steps_VHW), axis=0)
    skew = (jumps**3).mean() / max(float((np.abs(jumps) ** 3).mean()), 1e-9)
    spread_V = grey_VHW.std(axis=(1, 2))
    return np.concatenate(
        [
            energy_V / max(float(energy_V.mean()), 1e-9),
            [skew, float((steps_VHW**3).mean()) * 1e3],
            grey_VHW.mean(axis=(1, 2))[::4],
            spread_V[::4],
            (grey_VHW[-1] - grey_VHW[0]).ravel(),
        ]
    )


def cell_of(sample: Sample) -> str:
    """Return the group in which a pair is judged: its sub-task, and its kind where the sub-task has several."""
    kind = sample.labels.get("kind")
    task = sample.task or "all"
    return task if kind in (None, task) else f"{task}/{kind}"


def items_of(pairs: Sequence[Pair], *, ask: str) -> list[Item]:
    """Return two items a pair for the classifier. ask: "answer", which of the two right answers is this side's; "side",
    which side it is; "all", which of all options is right."""
    return [_item(side, pair, ask) for pair in pairs for side in pair]


def _item(side: Side, pair: Pair, ask: str) -> Item:
    sample = side.sample
    golds = [one.sample.lettered[one.sample.solution] for one in pair]
    place = 0 if side is pair[0] else 1
    options: Mapping[str, tuple[str, ...]] = {
        "answer": tuple(sorted(golds)),
        "side": ("first", "second"),
        "all": sample.options,
    }
    right = {"answer": golds[place], "side": ("first", "second")[place], "all": golds[place]}[ask]
    return Item(
        id=sample.id,
        kind=cell_of(sample),
        group=sample.source_clip,
        question=sample.question,
        options=options[ask],
        right=options[ask].index(right),
        stills_SHW3=side.stills_SHW3,
        heap_4HW3=side.heap_4HW3,
        facts={},
        places=(),
        sha256=side.sha256,
        truth=None,
    )
