"""CLEVRER (clevrer.csail.mit.edu): rendered solids that roll and collide; which way one of them moves.

Root: annotation_<index>.json in any folders, as unpacked from annotation_train.zip and annotation_validation.zip, with
object_property (object_id, color, material, shape) and motion_trajectory, 128 frames of objects of which object_id,
location and inside_camera_view are relied on; and video_<index>.mp4, in any folders too. An index below 10000 is of the
training split, from there to 14999 of the validation split; what counts is `video_filename`, for an annotation's place
among those of its split is no index. The test split has no annotations.

Locations are in the world: +y is to the right on the picture, +x toward the viewer and so downward. The camera never
moves, and a linear fit stands for it (u = 0.0589 x + 0.2286 y + 0.4850, v = 0.1562 x + 0.0105 y + 0.4506, in shares of
the picture's width and height), which is somebody's and rough. Better is one of your own: with the project's proposals
below the root (proposal_<index>.json or sim_<index>.json, whose frames have objects with a mask) the setting
`proposals` fits the camera to so many scenes. In either case a way is said only within 20 degrees of its axis on the
fitted picture, the cones of the data set's own program, and where the world's axes agree.

Overlap: MVBench's moving_direction and four more of its tasks are made of validation clips, and Video-R1's CLEVRER part
of training clips, so neither split is unseen; each pair says which.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retroflip.bench.dybench import directions
from retroflip.bench.dybench.asking import Asker, SourceSettings
from retroflip.bench.dybench.base import (
    ALSO_IN,
    AbsentError,
    Axis,
    Candidate,
    Clip,
    Need,
    Refused,
    Source,
    SubTask,
    UnfitError,
)
from retroflip.bench.dybench.directions import FOUR, Doubt, Margins, Track, Way
from retroflip.bench.dybench.masks import Fit, Place, centre, fitted
from retroflip.bench.dybench.media import videos_by_name
from retroflip.bench.dybench.settings import checked_settings
from retroflip.errors import DataError
from retroflip.files.storage import read_json_object

LICENCE = "CC0"
OVERLAPS = {
    "train": "the CLEVRER part of Video-R1 (training clips)",
    "validation": "MVBench (CLEVRER's validation clips)",
}
FIT: Fit = ((0.0589, 0.2286, 0.4850), (0.1562, 0.0105, 0.4506))
SECONDS = 5.12
"""of the 128 frames"""
_SHAPE = 320 / 480
"""the picture's height in shares of its width"""
_FIRST_OF_VALIDATION, _FIRST_OF_TEST = 10_000, 15_000
_WORLD = {Way.RIGHT: (0.0, 1.0), Way.LEFT: (0.0, -1.0), Way.DOWN: (1.0, 0.0), Way.UP: (-1.0, 0.0)}
"""the axis (x, y) of each way in the world"""
_WORLD_CONE = 35.0
_ILL_FORMED = (AttributeError, KeyError, TypeError, ValueError, OverflowError)
"""what reading JSON of another form raises"""
_NUMBER = re.compile(r"video_(\d+)(?:\.mp4)?")
_Row = Annotated[tuple[float, float, float], Field(strict=False)]


class Settings(SourceSettings):
    """path, cone, straight: see `directions.Margins`. speed: in the world's units a second, below which a thing stands.
    fit: the camera. proposals: of how many scenes the masks are taken to fit it; 0 takes `fit`.
    """

    split: Literal["train", "validation"] = "validation"
    axes: Annotated[tuple[Literal["flip", "reversal"], ...], Field(strict=False, min_length=1)] = (
        "flip",
        "reversal",
    )
    path: float = Field(default=0.15, gt=0, le=1)
    cone: float = Field(default=20.0, gt=0, le=22)
    straight: float = Field(default=0.9, gt=0, le=1)
    speed: float = Field(default=0.1, ge=0)
    fit: Annotated[tuple[_Row, _Row], Field(strict=False)] = FIT
    proposals: int = Field(default=0, ge=0)

    @property
    def margins(self) -> Margins:
        """What a direction must leave no doubt by."""
        return Margins(self.path, self.cone, self.straight)


class Scene(NamedTuple):
    """An annotated video. names: of objects, by id. seen: (frame, x, y) in the world, of each object where it is seen.
    frames: how many there are."""

    number: int
    names: Mapping[int, str]
    seen: Mapping[int, Sequence[tuple[int, float, float]]]
    frames: int

    def path(self, identity: int) -> NDArray[np.float64] | None:
        """Return the places (T, 2) of an object; None unless it is seen without a break for a tenth of the video."""
        rows = self.seen[identity]
        if len(rows) < max(4, self.frames / 10) or rows[-1][0] - rows[0][0] + 1 != len(rows):
            return None
        found = np.array(rows, dtype=np.float64)[:, 1:]
        return found if np.isfinite(found).all() else None


def on_picture(path: NDArray[np.float64], fit: Fit = FIT) -> Track:
    """Return places (T, 2), x and y in the world, on the picture, in shares of its width."""
    u, v = (path @ np.array(row[:2]) + row[2] for row in fit)
    return np.stack([u, v * _SHAPE], axis=1)


def _candidates(root: Path, values: Mapping[str, Any]) -> Iterator[Candidate | Refused]:
    settings = checked_settings(Settings, values, SOURCE.name)
    files = sorted(root.rglob("annotation_*.json"), key=lambda path: (path.name, path))
    videos = videos_by_name(root)
    fit = _fit(root, settings, files)
    done: set[int] = set()
    for file in files:
        try:
            scene = _scene(read_json_object(file))
        except (DataError, *_ILL_FORMED) as error:
            yield Refused(file.stem, "its annotation cannot be read", str(error) or type(error).__name__)
            continue
        if _split(scene.number) != settings.split:
            continue
        if scene.number in done:
            yield Refused(file.stem, "its video is annotated twice", str(file.relative_to(root)))
            continue
        done.add(scene.number)
        yield from _of_scene(settings, fit, scene, videos.get(f"video_{scene.number:05d}"))
    if not done:
        raise AbsentError(
            f"{root}: holds no annotation of CLEVRER's {settings.split} split (annotation_<index>.json below it). "
            "Unpack annotation_train.zip or annotation_validation.zip there, or choose the other split."
        )


def _split(index: int) -> str:
    if index < _FIRST_OF_VALIDATION:
        return "train"
    return "validation" if index < _FIRST_OF_TEST else "test"


def _scene(found: Mapping[str, Any]) -> Scene:
    """Return what an annotation says. Raises KeyError, TypeError and ValueError for one of another form."""
    named = _NUMBER.fullmatch(found["video_filename"])
    if named is None:
        raise ValueError(f"its video_filename is {found['video_filename']!r:.60}")
    names = {
        int(one["object_id"]): f"{one['color']} {one['material']} {one['shape']}"
        for one in found["object_property"]
    }
    seen: dict[int, list[tuple[int, float, float]]] = {identity: [] for identity in names}
    for place, frame in enumerate(found["motion_trajectory"]):
        for one in frame["objects"]:
            if one["inside_camera_view"]:
                x, y, _ = one["location"]
                seen[int(one["object_id"])].append((place, float(x), float(y)))
    return Scene(int(named[1]), names, seen, len(found["motion_trajectory"]))


def _fit(root: Path, settings: Settings, files: Sequence[Path]) -> Fit:
    """Return the camera of the settings, or one fitted to masks. Raises DataError where these do not suffice."""
    if settings.proposals == 0:
        return settings.fit
    found = (file for kind in ("sim", "proposal") for file in sorted(root.rglob(f"{kind}_*.json")))
    masked = {_index(file): file for file in found}
    used = [file for file in files if _index(file) in masked][: settings.proposals]
    places: list[Place] = []
    for file in used:
        try:
            places += _places(_scene(read_json_object(file)), read_json_object(masked[_index(file)]))
        except (DataError, *_ILL_FORMED) as error:
            raise DataError(f"{file}: the camera cannot be fitted to its masks ({error!r}).") from error
    try:
        return fitted(places)
    except ValueError as error:
        raise DataError(
            f"{root}: {error}, of {len(used)} scenes with proposals. Put proposal_<index>.json there, or leave the "
            "setting 'proposals' out."
        ) from error


def _index(file: Path) -> str:
    return file.stem.rpartition("_")[2]


def _places(scene: Scene, proposals: Mapping[str, Any]) -> Iterator[Place]:
    """Yield where a scene's objects lie, by their masks; those that look alike are passed over."""
    looks = Counter(scene.names.values())
    at = {(scene.names[identity], row[0]): row[1:] for identity, rows in scene.seen.items() for row in rows}
    for place, frame in enumerate(proposals["frames"]):
        names = [f"{one['color']} {one['material']} {one['shape']}" for one in frame["objects"]]
        for name, one in zip(names, frame["objects"], strict=True):
            number = int(frame.get("frame_index", place))
            if looks[name] == 1 and names.count(name) == 1 and (name, number) in at:
                middle = centre(one["mask"])
                if middle is not None:
                    yield Place(*at[name, number], *middle)


def _of_scene(settings: Settings, fit: Fit, scene: Scene, video: str | None) -> Iterator[Candidate | Refused]:
    if video is None:
        yield Refused(f"{scene.number:05d}", "its video is missing", f"video_{scene.number:05d}.mp4")
        return
    for identity in scene.names:
        try:
            yield _pair(settings, fit, scene, identity, video)
        except UnfitError as error:
            yield Refused(f"{scene.number:05d}/{identity}", error.reason, error.detail)


def _pair(settings: Settings, fit: Fit, scene: Scene, identity: int, video: str) -> Candidate:
    name, path = scene.names[identity], scene.path(identity)
    if Counter(scene.names.values())[name] > 1:
        raise UnfitError("two objects of its video look alike", name)
    if path is None:
        raise UnfitError("the object is not seen, or leaves the picture and comes back", name)
    track = on_picture(_moving(path, settings.speed), fit)
    way = _certain(directions.way_of(track, settings.margins))
    _check_world(path, way)
    sides = {Axis.FLIP: directions.flipped(track), Axis.REVERSAL: directions.reversed_track(track)}
    others = {
        Axis(axis): _certain(directions.way_of(sides[Axis(axis)], settings.margins)) for axis in settings.axes
    }
    asker = Asker(settings.seed, SOURCE.name, f"{scene.number:05d}/{identity}")
    among = [axis for axis, other in others.items() if other is not way]
    if not among:
        raise UnfitError("none of the setting 'axes' changes its answer")
    axis = Axis(asker.one_of(among, "axis"))
    asked = asker.ask("direction", FOUR, FOUR.index(way), FOUR.index(others[axis]), object=name)
    return Candidate(
        id=asker.identity,
        sub_task=SubTask.DIRECTION,
        axis=axis,
        parts=(Clip(video),),
        **asked._asdict(),
        source_clip=f"clevrer/video_{scene.number:05d}",
        licence=LICENCE,
        domain="object",
        labels={"action": way, "split": settings.split, ALSO_IN: OVERLAPS[settings.split]},
    )


def _moving(path: NDArray[np.float64], speed: float) -> NDArray[np.float64]:
    """Return a path from where it begins to move to where it comes to rest. Raises UnfitError where it never moves."""
    ahead = np.minimum(np.arange(len(path)) + 2, len(path) - 1)
    behind = np.maximum(np.arange(len(path)) - 2, 0)
    seconds = (ahead - behind) * SECONDS / 128
    moves = np.flatnonzero(np.hypot(*(path[ahead] - path[behind]).T) / seconds > speed)
    if len(moves) == 0:
        raise UnfitError("the object stands still")
    return path[moves[0] : moves[-1] + 1]


def _certain(found: Way | Doubt) -> Way:
    if isinstance(found, Doubt):
        raise UnfitError(found)
    if found.is_diagonal:
        raise UnfitError("the object moves diagonally, which four ways do not name")
    return found


def _check_world(path: NDArray[np.float64], way: Way) -> None:
    """Raise UnfitError where the world's axes say another way than the fitted picture."""
    step = path[-1] - path[0]
    share = float(step @ np.array(_WORLD[way])) / max(float(np.hypot(*step)), 1e-9)
    if share < np.cos(np.radians(_WORLD_CONE)):
        raise UnfitError("the fitted camera and the world's axes disagree on its direction")


SOURCE = Source(
    name="clevrer",
    title="CLEVRER",
    home="http://clevrer.csail.mit.edu",
    licence=LICENCE,
    needs=(
        Need("**/annotation_*.json", "the annotations of a split"),
        Need("**/video_*.mp4", "its videos"),
    ),
    candidates=_candidates,
)
