"""Breakfast and 50 Salads: cooking in one take, labelled frame by frame; two of its events, joined in both orders.

Root, as bundled for MS-TCN (github.com/yabufarha/ms-tcn): groundTruth/<name>.txt with a label a line and frame, at 15
frames a second for Breakfast and 30 for 50 Salads, whatever rate features were taken at; and the videos, under the
data sets' own names. Breakfast's own coarse labels are read too: segmentation_coarse/**/<name>.txt with lines "31-150
take_bowl", frames from 1 on, the last included.

Breakfast: P03_cam01_P03_cereals is BreakfastII_15fps_qvga_sync/P03/cam01/P03_cereals.avi; its stereo camera has
P03/stereo/P03_cereals_ch0.avi and _ch1.avi. Several cameras saw a trial: one of them is taken. 50 Salads: rgb-01-1 is
rgb-01-1.avi, in any folder. Labels and video must be about equally long, or they are of two time bases.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from retroflip.bench.dybench.asking import Asker, SourceSettings
from retroflip.bench.dybench.base import (
    AbsentError,
    Axis,
    Candidate,
    Clip,
    Need,
    Part,
    Refused,
    Source,
    SubTask,
    UnfitError,
    all_of,
)
from retroflip.bench.dybench.media import first_there, seconds_of, videos_by_name
from retroflip.bench.dybench.sequences import (
    Limits,
    Segment,
    ask_order,
    events,
    in_order,
    named,
    of_frames,
    pairs,
)
from retroflip.bench.dybench.settings import checked_settings
from retroflip.data.root import resolve
from retroflip.draws import draw
from retroflip.errors import MediaError

_BUNDLE, _COARSE = "groundTruth", "segmentation_coarse"
_VIDEOS = "BreakfastII_15fps_qvga_sync"
_VIEW = re.compile(r"(?P<person>P\d+)_(?P<camera>(?:web)?cam\d+|stereo\d*)_(?P=person)_(?P<activity>\w+)")
_SPAN = re.compile(r"(\d+)-(\d+)\s+(\S+)")
_APART = 0.1
"""share by which the lengths of labels and video may differ, beside two seconds"""


class Settings(SourceSettings):
    """per_trial: pairs of a recording. least, most: seconds of an event."""

    per_trial: int = Field(default=1, ge=1)
    least: float = Field(default=1.0, gt=0)
    most: float = Field(default=30.0, gt=0)


class Recording(NamedTuple):
    """A labelled recording. trial: what it shows; recordings of one trial show the same. videos: where its video may
    lie, in this order."""

    name: str
    labels: Path
    trial: str
    activity: str
    videos: tuple[str, ...]


class DataSet(NamedTuple):
    """What is a data set's own. recordings: of a root, in an order that puts the views of a trial behind each other."""

    name: str
    fps: float
    licence: str
    recordings: Callable[[Path], list[Recording]]


def _parts_of(data: DataSet, root: Path, values: Mapping[str, Any]) -> list[Part]:
    settings = checked_settings(Settings, values, data.name)
    recordings = data.recordings(root)
    if not recordings:
        raise AbsentError(
            f"{root}: holds no labels of {data.name} ({_BUNDLE}/<name>.txt). Unpack the bundle of MS-TCN there."
        )
    return [
        Part(trial, partial(_of_trial, data, root, settings, list(views)))
        for trial, views in groupby(recordings, key=lambda one: one.trial)
    ]


def _of_trial(
    data: DataSet, root: Path, settings: Settings, views: Sequence[Recording]
) -> Iterator[Candidate | Refused]:
    """Yield a trial's pairs, of the first view that has any."""
    made: list[Candidate] = []
    for one in views:
        if made:
            yield Refused(one.name, "another camera's view of a trial that is there already", one.trial)
            continue
        try:
            made = _pairs(data, root, settings, one)
        except UnfitError as error:
            yield Refused(one.name, error.reason, error.detail)
            continue
        yield from made


def _pairs(data: DataSet, root: Path, settings: Settings, one: Recording) -> list[Candidate]:
    video = first_there(root, one.videos)
    if video is None:
        raise UnfitError("its video is missing", one.videos[0] if one.videos else one.name)
    segments = _segments(one.labels, data.fps)
    _check_lengths(resolve(root, video), segments)
    found = pairs(events(segments), Limits(settings.least, settings.most))
    if not found:
        raise UnfitError(
            "it has no two events with another between them",
            f"of {settings.least:g} to {settings.most:g} s and with different names",
        )
    order = draw(settings.seed, data.name, one.trial, "pairs").permutation(len(found))[: settings.per_trial]
    return [_pair(data, settings, one, video, *found[index]) for index in sorted(order.tolist())]


def _pair(
    data: DataSet, settings: Settings, one: Recording, video: str, first: Segment, second: Segment
) -> Candidate:
    asker = Asker(settings.seed, data.name, f"{one.name}/{first.start:.3f}-{second.start:.3f}")
    asked = ask_order(asker, named(first.label), named(second.label))
    return Candidate(
        id=asker.identity,
        sub_task=SubTask.SEQUENCE,
        axis=Axis.ORDER,
        parts=tuple(Clip(video, part.start, part.end) for part in (first, second)),
        **asked._asdict(),
        source_clip=f"{data.name}/{one.trial}",
        licence=data.licence,
        domain="human",
        labels={"action": f"{first.label}, {second.label}", "activity": one.activity},
    )


def _segments(path: Path, fps: float) -> list[Segment]:
    """Return the segments of a file of either form. Raises UnfitError for one of neither."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UnfitError("its labels cannot be read", str(error)) from error
    spans = [_SPAN.fullmatch(line) for line in lines]
    if not lines or (any(spans) and not all(spans)):
        raise UnfitError("its labels cannot be read", f"{path.name} is empty or of two forms")
    found = [
        Segment(span[3], (int(span[1]) - 1) / fps, int(span[2]) / fps) for span in spans if span is not None
    ] or of_frames(lines, fps)
    if not in_order(found):
        raise UnfitError("its labels cannot be read", f"{path.name} is not in the order of time")
    return found


def _check_lengths(video: Path, segments: list[Segment]) -> None:
    """Raise UnfitError for labels of another length than their video's, which would be of another time base."""
    try:
        seconds = seconds_of(video)
    except MediaError as error:
        raise UnfitError("its video cannot be opened", str(error)) from error
    labelled = segments[-1].end
    if seconds is not None and abs(labelled - seconds) > max(2.0, _APART * seconds):
        raise UnfitError(
            "its labels and its video have not the same length", f"{labelled:.1f} and {seconds:.1f} s"
        )


def _breakfast(root: Path) -> list[Recording]:
    files = sorted(
        [*(root / _BUNDLE).glob("*.txt"), *(root / _COARSE).rglob("*.txt")], key=lambda path: path.stem
    )
    found = []
    for path in files:
        if view := _VIEW.fullmatch(path.stem):
            person, camera, activity = view.groups()
            at = f"{person}/{'stereo' if camera.startswith('stereo') else camera}/{person}_{activity}"
            names = [f"{at}_ch0", f"{at}_ch1"] if camera.startswith("stereo") else [at]
            places = tuple(f"{base}{name}.avi" for base in (f"{_VIDEOS}/", "") for name in names)
            found.append(Recording(path.stem, path, f"{person}_{activity}", activity, places))
    return sorted(found, key=lambda one: (one.trial, "stereo" in one.name, one.name))


def _salads(root: Path) -> list[Recording]:
    videos = videos_by_name(root)
    return [
        Recording(path.stem, path, path.stem, "salad", (videos[path.stem],) if path.stem in videos else ())
        for path in sorted((root / _BUNDLE).glob("*.txt"))
    ]


_BREAKFAST = DataSet("breakfast", 15.0, "CC BY 4.0", _breakfast)
_SALADS = DataSet("50salads", 30.0, "CC BY-NC-SA 4.0", _salads)

BREAKFAST = Source(
    name=_BREAKFAST.name,
    title="Breakfast",
    home="https://huggingface.co/datasets/Serrelab/breakfast-actions",
    licence=_BREAKFAST.licence,
    needs=(
        Need(_BUNDLE, "labels as bundled for MS-TCN, or Breakfast's own coarse ones", also=(_COARSE,)),
        Need(_VIDEOS, "the videos", also=("P[0-9]*",)),
    ),
    candidates=all_of(partial(_parts_of, _BREAKFAST)),
    parts=partial(_parts_of, _BREAKFAST),
)
SALADS = Source(
    name=_SALADS.name,
    title="50 Salads",
    home="https://cvip.computing.dundee.ac.uk/datasets/foodpreparation/50salads",
    licence=_SALADS.licence,
    needs=(
        Need(_BUNDLE, "labels as bundled for MS-TCN"),
        Need("**/rgb-*.avi", "the videos", also=("**/rgb-*.mp4",)),
    ),
    candidates=all_of(partial(_parts_of, _SALADS)),
    parts=partial(_parts_of, _SALADS),
)
