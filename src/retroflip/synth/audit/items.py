"""What an audit looks at: questions as options with a right one, thumbnails of frames, facts about the clip.

Shapes: V = VIEWED frames, S = len(STILLS) of them, H = W = THUMBNAIL.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from retroflip.data.folder import RECORDS_NAME
from retroflip.data.manifest import manifest_beside
from retroflip.data.records import read_samples
from retroflip.data.root import resolve
from retroflip.data.sample import ProblemType, Sample, option_letters
from retroflip.errors import UsageError
from retroflip.files.storage import file_name, read_json_object
from retroflip.progress import Progress
from retroflip.synth.corpus import METADATA
from retroflip.synth.episode import FORMAT
from retroflip.video.decode import decode
from retroflip.video.hashing import sha256_file

Floats = npt.NDArray[np.float64]
VIEWED = 32
"""evenly spread frames of a clip that are looked at: as many as a model is shown, and the same ones"""
STILLS = {"first": 0, "middle": VIEWED // 2, "last": VIEWED - 1}
"""which of them are looked at alone"""
THUMBNAIL = 16
"""side in pixels to which they are shrunk"""
DECODED_SIDE = 4 * THUMBNAIL
"""of the longer side: the decoder shrinks to it by averaging, faster than it hands out whole pictures"""
MOST_ANSWERS = 12
"""different answers up to which a question without options or metadata is audited as a choice among its kind's"""


@dataclass(frozen=True)
class Item:
    """One question. `group` is shared by both sides of a pair, which must not stand in different folds.

    right: index of the right option. stills_SHW3: thumbnails of single frames, 0 to 1. heap_4HW3: mean, least, most and
    standard deviation of every pixel over all VIEWED frames, which their order does not change. facts: numbers about
    the whole clip that do not need watching, by name. places: where objects are in the first, middle and last snapshot
    of the metadata, or empty.
    """

    id: str
    kind: str
    group: str
    question: str
    options: tuple[str, ...]
    right: int
    stills_SHW3: Floats
    heap_4HW3: Floats
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
    """A data set to be audited. unread: how many questions of each kind are left out, for want of a choice.

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
    truths = {sample.id: _truth(folder, sample) for sample in samples}
    choices, unread = _as_choices(samples, truths)
    manifest = manifest_beside(folder)
    progress.stage("looking at videos", len(choices), "videos")
    items = []
    for done, (sample, options, right) in enumerate(choices, start=1):
        digest = manifest.sha256_of(sample.video) if manifest else None
        items.append(_item(resolve(folder, sample.video), digest, sample, options, right, truths[sample.id]))
        progress.advance(done)
    return Folder(items, unread, samples)


def _item(
    path: Path,
    digest: str | None,
    sample: Sample,
    options: tuple[str, ...],
    right: int,
    truth: Mapping[str, Any] | None,
) -> Item:
    frames = decode(path, VIEWED, sha256=digest, max_side=DECODED_SIDE)
    height, width = _size(path)
    stills_SHW3, heap_4HW3 = seen(thumbnails(frames.pixels_TCHW))
    return Item(
        id=sample.id,
        kind=kind_of(sample),
        group=sample.source_clip,
        question=sample.question,
        options=options,
        right=right,
        stills_SHW3=stills_SHW3,
        heap_4HW3=heap_4HW3,
        facts={"seconds": frames.seconds[-1], "height": height, "width": width, **_counted(truth)},
        places=_places(truth),
        sha256=digest or sha256_file(path),
        truth=truth,
    )


def _size(path: Path) -> tuple[float, float]:
    """Return a video's height and width as stored. The file has been decoded, so that it is known to be one."""
    with av.open(str(path.absolute()), metadata_errors="replace") as container:
        stream = container.streams.video[0]
        return float(stream.height), float(stream.width)


def seen(pictures_VHW3: Floats) -> tuple[Floats, Floats]:
    """Return what is kept of a clip's thumbnails: `stills_SHW3` and `heap_4HW3` of an Item."""
    heap = [getattr(pictures_VHW3, how)(axis=0) for how in ("mean", "min", "max", "std")]
    return pictures_VHW3[list(STILLS.values())], np.stack(heap)


def kind_of(sample: Sample) -> str:
    """Return the group in which a question is audited."""
    return sample.task or sample.source or "all"


def _as_choices(
    samples: Sequence[Sample], truths: Mapping[str, Mapping[str, Any] | None]
) -> tuple[list[tuple[Sample, tuple[str, ...], int]], dict[str, int]]:
    """Return each question with its options, and how many of each kind have none.

    A question that is asked without options gets those of its video's metadata, or, where there are no metadata, all
    answers to questions of its kind. A span of time is no choice.
    """
    answers: dict[str, set[str]] = {}
    for sample in samples:
        if sample.problem_type is not ProblemType.MULTIPLE_CHOICE:
            answers.setdefault(kind_of(sample), set()).add(sample.solution)
    chosen = []
    unread: Counter[str] = Counter()
    for sample in samples:
        kind = kind_of(sample)
        if sample.problem_type is ProblemType.MULTIPLE_CHOICE:
            right = list(option_letters(len(sample.options))).index(sample.solution)
            chosen.append((sample, sample.options, right))
        elif sample.problem_type.has_span:
            unread[kind] += 1
        elif known := _known_choice(sample.solution, truths[sample.id]):
            chosen.append((sample, *known))
        elif 2 <= len(answers[kind]) <= MOST_ANSWERS:
            options = tuple(sorted(answers[kind]))
            chosen.append((sample, options, options.index(sample.solution)))
        else:
            unread[kind] += 1
    return chosen, dict(unread)


def _known_choice(solution: str, truth: Mapping[str, Any] | None) -> tuple[tuple[str, ...], int] | None:
    """Return the options that the metadata has for a question, and the right one; None where they lack its answer."""
    if truth is None:
        return None
    question = truth["question"]
    options = tuple(question["options"])
    numeric = question.get("numeric")
    answer = question["answer"] if numeric is not None and f"{numeric:g}" == solution else solution
    return (options, options.index(answer)) if answer in options else None


def _truth(folder: Path, sample: Sample) -> Mapping[str, Any] | None:
    """Return the metadata of a video that `retroflip synth` wrote; None for any other."""
    path = folder / METADATA / f"{sample.id}.json"
    if file_name(sample.id) != sample.id or not path.is_file():
        return None
    found = read_json_object(path)
    is_ours = found.get("format") == FORMAT and found.get("kind") == sample.task
    return found if is_ours else None


def thumbnails(pixels_TCHW: npt.NDArray[np.uint8]) -> Floats:
    """Return frames shrunk by averaging, each (THUMBNAIL, THUMBNAIL, 3), 0 to 1."""
    height, width = pixels_TCHW.shape[2:]
    rows = np.linspace(0, height, THUMBNAIL + 1).astype(int)[:-1]
    columns = np.linspace(0, width, THUMBNAIL + 1).astype(int)[:-1]
    sums = np.add.reduceat(
        np.add.reduceat(pixels_TCHW, rows, axis=2, dtype=float), columns, axis=3, dtype=float
    )
    # Where there are fewer pixels than cells, `reduceat` repeats a pixel.
    tall, wide = np.maximum(1, np.diff([*rows, height])), np.maximum(1, np.diff([*columns, width]))
    areas = tall[:, None] * wide[None, :]
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
