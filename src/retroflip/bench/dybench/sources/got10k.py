"""GOT-10k: one object a sequence, boxed in every frame; which way it moves, and how the camera does.

Root: {train,val}/list.txt with a sequence's name a line, and of each sequence 00000001.jpg ..., groundtruth.txt (a line
"x,y,w,h" in pixels a frame), absence.label, cover.label and cut_by_image.label (a number a frame), and meta_info.ini,
whose first line is a heading and whose others are "key: value". Frames are no video: their rate, 10 a second as
meta_info.ini states it, is a setting and goes into the pair. The test split has one box a sequence, and no answer.

Taken is the longest run of frames in which the object is there, hardly covered and not cut by the picture's edge. On
the picture the object's box moves with the camera too, so a way is asked about only where the camera stands still, or
where the object goes the same way before the background. A clip's other side gets its answer from its own boxes,
mirrored or in reverse order, and so does the camera's move.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retroflip.bench.dybench import camera, directions
from retroflip.bench.dybench.asking import Asked, Asker, SourceSettings
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
from retroflip.bench.dybench.camera import Box, Camera, CameraDoubt, Move, Shift
from retroflip.bench.dybench.directions import EIGHT, FOUR, Doubt, Margins, Track, Way
from retroflip.bench.dybench.looks import looked
from retroflip.bench.dybench.settings import checked_settings
from retroflip.data.frame_folder import FrameFolder
from retroflip.data.image import read_image
from retroflip.data.root import resolve
from retroflip.draws import draw
from retroflip.errors import DataError, MediaError, PathEscapeError

LICENCE = "CC BY-NC-SA 4.0"
_LABELS = ("absence", "cover", "cut_by_image")
_DOMAINS = {"animal": "animal", "person": "human", "plant": "plant"}
"""by `root_class`; everything else is an object"""
_LOOK = "camera 1"
_PARTS = 8
"""of a run, in each of which the camera's motion is measured"""
_PANS = (Move.LEFT, Move.RIGHT, Move.UP, Move.DOWN)
_DOLLIES = (Move.TOWARD, Move.AWAY, Move.LEFT, Move.RIGHT)

Boxes = NDArray[np.float64]
"""(T, 4): left, top, width, height in pixels"""
_Axes = Annotated[tuple[Literal["flip", "reversal"], ...], Field(strict=False, min_length=1)]


class Settings(SourceSettings):
    """sequences: how many are looked at, drawn evenly; None for all. fps: of the frames. axes: what may be done to a
    clip. seconds: the shortest run of good frames. cover: the least share of the object that is seen, in eighths as
    cover.label has it. path, cone, straight: see `directions.Margins`.
    """

    split: Literal["train", "val"] = "val"
    sequences: int | None = Field(default=None, ge=1)
    fps: float = Field(default=10.0, gt=0, le=240)
    axes: _Axes = ("flip", "reversal")
    seconds: float = Field(default=1.0, gt=0)
    cover: int = Field(default=6, ge=0, le=8)
    path: float = Field(default=0.15, gt=0, le=1)
    cone: float = Field(default=20.0, gt=0, le=22)
    straight: float = Field(default=0.8, gt=0, le=1)
    eight_ways: bool = True
    camera: bool = True

    @property
    def margins(self) -> Margins:
        """What a direction must leave no doubt by."""
        return Margins(self.path, self.cone, self.straight)


@dataclass(frozen=True)
class Annotation:
    """A sequence as annotated. boxes, and each of the labels: one row a frame."""

    name: str
    path: str
    folder: FrameFolder
    boxes: Boxes
    labels: Mapping[str, NDArray[np.float64]]
    meta: Mapping[str, str]


class Run(NamedTuple):
    """Frames first to last of a sequence, without last, and the pictures' size."""

    first: int
    last: int
    height: int
    width: int
    boxes: Boxes

    def box(self, frame: int) -> Box:
        """Return the box of a frame of the sequence, in shares of the picture's width."""
        return Box(*(self.boxes[frame - self.first] / self.width).tolist())

    @property
    def track(self) -> Track:
        """The boxes' centres, in shares of the picture's width."""
        return (self.boxes[:, :2] + self.boxes[:, 2:] / 2) / self.width


def flipped_boxes(boxes: Boxes, width: float) -> Boxes:
    """Return the boxes of the mirrored clip: x' = W - x - w."""
    return np.stack([width - boxes[:, 0] - boxes[:, 2], *boxes[:, 1:].T], axis=1)


def reversed_boxes(boxes: Boxes) -> Boxes:
    """Return the boxes of the clip played backwards."""
    return boxes[::-1]


def _parts_of(root: Path, values: Mapping[str, Any]) -> list[Part]:
    settings = checked_settings(Settings, values, SOURCE.name)
    listed = root / settings.split / "list.txt"
    try:
        names = list(dict.fromkeys(listed.read_text("utf-8").split()))
    except FileNotFoundError as error:
        raise AbsentError(f"{listed}: there is no such list of sequences. Unpack GOT-10k there.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{listed}: the list of sequences cannot be read ({error}). Unpack GOT-10k there."
        ) from error
    if settings.sequences is not None and settings.sequences < len(names):
        order = draw(settings.seed, SOURCE.name, "sequences").permutation(len(names))[: settings.sequences]
        names = [names[index] for index in sorted(order.tolist())]
    return [Part(name, partial(_of_sequence, root, settings, name)) for name in names]


def _of_sequence(root: Path, settings: Settings, name: str) -> Iterator[Candidate | Refused]:
    try:
        filmed = _filmed(root, settings, name)
    except UnfitError as error:
        yield Refused(name, error.reason, error.detail)
        return
    except (MediaError, PathEscapeError) as error:
        yield Refused(name, "its frames cannot be read", str(error))
        return
    wanted = {"object": True, "object-8": settings.eight_ways, "camera": settings.camera}
    for what in (what for what, is_wanted in wanted.items() if is_wanted):
        try:
            yield (
                filmed.camera_pair()
                if what == "camera"
                else filmed.object_pair(FOUR if what == "object" else EIGHT)
            )
        except UnfitError as error:
            yield Refused(f"{name}/{what}", error.reason, error.detail)


def _filmed(root: Path, settings: Settings, name: str) -> "Filmed":
    sequence = _read(root, settings, name)
    run = _run(settings, sequence)
    return Filmed(settings, sequence, run, _camera(sequence, run))


def _read(root: Path, settings: Settings, name: str) -> Annotation:
    path = f"{settings.split}/{name}"
    place = resolve(root, path)
    if not place.is_dir():
        raise UnfitError("its folder is missing", path)
    folder = FrameFolder.of(place, settings.fps)
    boxes = _numbers(place / "groundtruth.txt", ",")
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(boxes) != len(folder.names):
        raise UnfitError(
            "it has not one box a frame", f"{len(folder.names)} frames, {len(boxes)} lines of groundtruth.txt"
        )
    labels = {label: _numbers(place / f"{label}.label", None).reshape(-1) for label in _LABELS}
    if any(len(values) != len(boxes) for values in labels.values()):
        raise UnfitError("it has not one label a frame")
    meta = _meta(place / "meta_info.ini")
    stated = meta.get("anno_fps", "").lower().removesuffix("hz").removesuffix("fps")
    if stated and stated != f"{settings.fps:g}":
        raise UnfitError("its frames have another rate than the setting 'fps'", f"{meta['anno_fps']}")
    return Annotation(name, path, folder, boxes, labels, meta)


def _numbers(path: Path, delimiter: str | None) -> NDArray[np.float64]:
    """Return the numbers of a file, a row a line."""
    try:
        lines = path.read_text("utf-8").splitlines()
        return np.array([line.split(delimiter) for line in lines if line.strip()], dtype=np.float64)
    except OSError as error:
        raise UnfitError("a file of its annotation is missing", f"{path.name} ({error.strerror})") from error
    except ValueError as error:
        raise UnfitError("a file of its annotation cannot be read", f"{path.name}: {error}") from error


def _meta(path: Path) -> dict[str, str]:
    """Return what meta_info.ini says; its first line is a heading."""
    try:
        lines = path.read_text("utf-8").strip().split("\n")[1:]
    except (OSError, UnicodeDecodeError):
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _run(settings: Settings, sequence: Annotation) -> Run:
    """Return the longest run of good frames."""
    boxes = sequence.boxes
    faults = {
        "the object is absent": sequence.labels["absence"] != 0,
        "the object is covered": ~(sequence.labels["cover"] >= settings.cover),
        "the object is cut by the picture's edge": sequence.labels["cut_by_image"] != 0,
        "its boxes are empty": ~(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)),
    }
    good = ~np.any(list(faults.values()), axis=0)
    first, last = _longest(good)
    if last - first < max(3, settings.seconds * settings.fps):
        cause = Counter({reason: int(bad.sum()) for reason, bad in faults.items()}).most_common(1)[0]
        reason = cause[0] if cause[1] else "it is too short"
        raise UnfitError(reason, f"{last - first} good frames of {len(good)} in a row")
    (picture_CHW,) = read_image(sequence.folder.path / sequence.folder.names[first]).pixels_TCHW
    _, height, width = picture_CHW.shape
    return Run(first, last, height, width, boxes[first:last])


def _longest(good: NDArray[np.bool_]) -> tuple[int, int]:
    """Return where the longest run of true values begins and ends; of equal ones the first."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
    runs = edges.reshape(-1, 2).tolist()
    first, last = max(runs, key=lambda run: run[1] - run[0], default=(0, 0))
    return int(first), int(last)


def _camera(sequence: Annotation, run: Run) -> Camera | None:
    """Return what the background does over the run; None where half of its parts tell nothing."""
    folder = sequence.folder.path
    files = [
        folder,
        folder / "groundtruth.txt",
        *(folder / sequence.folder.names[at] for at in (run.first, run.last - 1)),
    ]
    found = looked(_LOOK, files, [run.first, run.last], lambda: {"parts": _parts(sequence, run)})
    parts = [Shift(*part) for part in found["parts"] if part is not None]
    return Camera.of(parts) if len(parts) > len(found["parts"]) / 2 else None


def _parts(sequence: Annotation, run: Run) -> list[Shift | None]:
    """Return what the background does in each part of the run, as if it went on over the whole."""

    @cache
    def grey_of(frame: int) -> camera.Grey:
        (picture_CHW,) = read_image(sequence.folder.path / sequence.folder.names[frame]).pixels_TCHW
        return camera.grey(picture_CHW)

    edges = np.unique(np.linspace(run.first, run.last - 1, _PARTS + 1).round().astype(int)).tolist()
    found: list[Shift | None] = []
    for first, last in pairwise(edges):
        shift = camera.part_shift(grey_of, run.box, first, last)
        found.append(shift and shift.times((run.last - 1 - run.first) / (last - first)))
    return found


@dataclass(frozen=True)
class Filmed:
    """A run of a sequence, and what the camera does in it (None where that cannot be told)."""

    settings: Settings
    sequence: Annotation
    run: Run
    camera: Camera | None

    def object_pair(self, ways: tuple[Way, ...]) -> Candidate:
        """Return the pair about the object's way, one of four or eight. Raises UnfitError."""
        named = self.sequence.meta.get("object_class")
        if not named:
            raise UnfitError("its meta_info.ini names no object")
        way = _certain(self._way_of(self.run.boxes))
        if way not in ways:
            raise UnfitError("the object moves diagonally, which four ways do not name")
        self._check_camera(way)
        others = {
            Axis(axis): _certain(self._way_of(_done(self.run, Axis(axis)))) for axis in self.settings.axes
        }
        axis = self._drawn_axis({axis: other is not way for axis, other in others.items()})
        asker = self._asker("object" if ways is FOUR else "object-8")
        asked = asker.ask("direction", ways, ways.index(way), ways.index(others[axis]), object=named)
        task = SubTask.DIRECTION if ways is FOUR else SubTask.DIRECTION_8
        return self._candidate(asker.identity, task, axis, asked, action=way)

    def camera_pair(self) -> Candidate:
        """Return the pair about the camera's move. Raises UnfitError."""
        moving = self._seen_camera()
        move = _certain_move(moving.move())
        done = {Axis.FLIP: moving.mirrored(), Axis.REVERSAL: moving.backwards()}
        others = {Axis(axis): _certain_move(done[Axis(axis)].move()) for axis in self.settings.axes}
        axis = self._drawn_axis({axis: other is not move for axis, other in others.items()})
        moves = _PANS if move in _PANS else _DOLLIES
        asker = self._asker("camera")
        asked = asker.ask("camera", moves, moves.index(move), moves.index(others[axis]))
        return self._candidate(asker.identity, SubTask.CAMERA, axis, asked, action=move.name.lower())

    def _way_of(self, boxes: Boxes) -> Way | Doubt:
        return directions.way_of(self.run._replace(boxes=boxes).track, self.settings.margins)

    def _seen_camera(self) -> Camera:
        if self.camera is None:
            raise UnfitError("its background does not show whether the camera moves")
        return self.camera

    def _check_camera(self, way: Way) -> None:
        """Raise UnfitError where the camera moves, or may move, unless the object goes the same way before it."""
        moving = self._seen_camera()
        if moving.is_still():
            return
        track = before_background(self.run, moving.whole)
        if directions.way_of(track, self.settings.margins) is not way:
            raise UnfitError("the camera moves, and the object goes another way before the background")

    def _drawn_axis(self, changes: Mapping[Axis, bool]) -> Axis:
        """Return one of the axes on which the answer changes."""
        among = [axis for axis, is_other in changes.items() if is_other]
        if not among:
            raise UnfitError("none of the setting 'axes' changes its answer")
        return Axis(self._asker("axis").one_of(among, "axis"))

    def _asker(self, what: str) -> Asker:
        return Asker(self.settings.seed, SOURCE.name, f"{self.sequence.name}/{what}")

    def _clip(self) -> Clip:
        """Return the run as a part of the folder, bounded between frames: no rounding then adds one or loses one."""
        run, fps = self.run, self.settings.fps
        start = None if run.first == 0 else (run.first - 0.5) / fps
        end = None if run.last == len(self.sequence.boxes) else (run.last - 0.5) / fps
        return Clip(self.sequence.path, start, end, fps)

    def _candidate(
        self, identity: str, sub_task: SubTask, axis: Axis, asked: Asked, **labels: str
    ) -> Candidate:
        meta, still = self.sequence.meta, self.camera is not None and self.camera.is_still()
        named = {key: meta[key] for key in ("object_class", "motion_class") if key in meta}
        shot = {"camera": "still" if still else "moving", "fps": f"{self.settings.fps:g}"}
        return Candidate(
            id=identity,
            sub_task=sub_task,
            axis=axis,
            parts=(self._clip(),),
            **asked._asdict(),
            source_clip=f"got10k/{self.sequence.path}",
            licence=LICENCE,
            domain=_DOMAINS.get(meta.get("root_class", ""), "object"),
            labels={**named, **labels, **shot, "split": self.settings.split},
        )


def _certain(found: Way | Doubt) -> Way:
    if isinstance(found, Doubt):
        raise UnfitError(found)
    return found


def _certain_move(found: Move | CameraDoubt) -> Move:
    if isinstance(found, CameraDoubt):
        raise UnfitError(found)
    return found


def _done(run: Run, axis: Axis) -> Boxes:
    """Return the boxes of the clip's other side."""
    return flipped_boxes(run.boxes, run.width) if axis is Axis.FLIP else reversed_boxes(run.boxes)


def before_background(run: Run, whole: Shift) -> Track:
    """Return a run's track as it is before a background that moves evenly by `whole` in the run's time."""
    shares = np.linspace(0.0, 1.0, len(run.track))[:, None]
    middle = np.array([0.5, 0.5 * run.height / run.width])
    moved = middle + np.array([whole.right, whole.down]) * shares
    track: Track = middle + (run.track - moved) / np.exp(whole.growth * shares)
    return track


SOURCE = Source(
    name="got10k",
    title="GOT-10k",
    home="http://got-10k.aitestunion.com/downloads",
    licence=LICENCE,
    needs=(Need("val", "the sequences of a split, and its list.txt", also=("train",)),),
    candidates=all_of(_parts_of),
    parts=_parts_of,
)
