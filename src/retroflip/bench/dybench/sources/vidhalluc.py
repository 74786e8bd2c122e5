"""VidHalluc (huggingface.co/datasets/chaoyuli/VidHalluc): clips of two actions, spliced, which are spliced again in the
other order; and, if wanted, pairs of clips of one recording with another action in each.

Root: tsh.json, {number: {"video", "Question", "Correct Answer": "AB"}}, whose answers A and B alone are refused, for
then one of the two actions is not there; ach_binaryqa.json, {group: [{"q", "a": {"<vid>_clip_1": "Yes", "<vid>_clip_2":
"No"}}]}; and data/{TSH,ACH}/<name>.mp4, which an archive may put under data/VidHalluc/data/.

A clip is taken where exactly one splice is found. CRPO finds it by cached DINO features; here it is a setting: by
histograms of luma; by files of features, <features>/<video>.npy with a row a frame; or by a DINO model.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from retroflip.bench.benchmarks import vidhalluc
from retroflip.bench.benchmarks.base import Item
from retroflip.bench.dybench import splices
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
from retroflip.bench.dybench.looks import looked
from retroflip.bench.dybench.media import first_there
from retroflip.bench.dybench.sequences import ask_order
from retroflip.bench.dybench.settings import checked_settings
from retroflip.bench.dybench.splices import Detector
from retroflip.data.root import resolve
from retroflip.errors import MediaError
from retroflip.video.decode import all_frames

LICENCE = "not stated here: see the data set's page (clips of ActivityNet, YouCook2 and VALOR-32K)"
_LOOK = "splices 1"
BAD_CLIPS = frozenset({"eXMF6Skt2To_clip_3", "KVaTsulE5Z0_clip_2", "KVaTsulE5Z0_clip_3"})
"""that are known to be damaged"""
_ACTION = re.compile(
    r"\baction\s+(?P<letter>[AB])\b\W*(?P<text>[^\n]*?)\W*(?=\baction\s+[AB]\b|\n|$)", re.IGNORECASE
)
_ARTICLE = re.compile(r"(?:A|An|The) ")


class Settings(SourceSettings):
    """tsh, ach: which of its tasks are taken. detector: what finds the splice. features: the folder of files under the
    root. model: DINO's name or folder. least, times: see `splices.cuts`.
    """

    tsh: bool = True
    ach: bool = False
    detector: Literal["luma", "files", "model"] = "luma"
    features: str = "features"
    model: str = "facebook/dinov2-base"
    least: float | None = Field(default=None, gt=0)
    times: float = Field(default=4.0, ge=1)


def _parts_of(root: Path, values: Mapping[str, Any]) -> list[Part]:
    settings = checked_settings(Settings, values, SOURCE.name)
    wanted = {"tsh": settings.tsh, "ach_binaryqa": settings.ach}
    files = [f"{name}.json" for name, is_wanted in wanted.items() if is_wanted]
    if lacking := [name for name in files if not (root / name).is_file()]:
        raise AbsentError(
            f"{root}: {' and '.join(lacking)} of VidHalluc is not there. Put it there, or leave its task out."
        )
    items: dict[str, list[Item]] = defaultdict(list)
    for item in vidhalluc.BENCHMARK.items(root):
        items[item.sample.task].append(item)
    orders = [Part(one.sample.id, partial(_order_of, root, settings, one)) for one in items["tsh"]]
    actions = [Part("ach_binaryqa", partial(_actions, root, settings, items["ach_binaryqa"]))]
    return [*(orders if settings.tsh else []), *(actions if settings.ach else [])]


def _video(root: Path, path: str) -> str:
    name = path.removeprefix("data/")
    found = first_there(root, [path, f"data/VidHalluc/{path}", name, f"data/{name.partition('/')[0]}/{name}"])
    if found is None:
        raise UnfitError("its video is missing", path)
    return found


def _order_of(root: Path, settings: Settings, item: Item) -> Iterator[Candidate | Refused]:
    try:
        yield _order(root, settings, _detector(settings), item)
    except UnfitError as error:
        yield Refused(item.sample.id, error.reason, error.detail)


def _order(root: Path, settings: Settings, detect: "Detect", item: Item) -> Candidate:
    order = item.sample.lettered[item.sample.solution]
    if len(order) != 2:
        raise UnfitError("only one of its two actions is seen", order)
    video = _video(root, item.sample.video)
    asked = _asked(Asker(settings.seed, SOURCE.name, item.sample.id), item.sample.question, order)
    second = detect(root, video)
    return Candidate(
        id=item.sample.id,
        sub_task=SubTask.SEQUENCE,
        axis=Axis.ORDER,
        parts=(Clip(video, None, second), Clip(video, second, None)),
        **asked._asdict(),
        source_clip=f"vidhalluc/{item.sample.source_clip}",
        licence=LICENCE,
        domain="human",
        labels={"detector": settings.detector},
    )


def _asked(asker: Asker, question: str, order: str) -> Asked:
    """Return the question about the order of both actions. Raises UnfitError for one that names no two."""
    found = [(one["letter"].upper(), _named(one["text"])) for one in _ACTION.finditer(question)]
    named = dict(found)
    if (
        sorted(letter for letter, _ in found) != ["A", "B"]
        or not all(named.values())
        or "?" in "".join(named.values())
    ):
        raise UnfitError("its question does not name two actions", question[:200])
    first, second = (named[letter] for letter in order)
    if first.casefold() == second.casefold():
        raise UnfitError("its question does not name two actions", question[:200])
    return ask_order(asker, first, second)


def _named(action: str) -> str:
    """Return an action as it is named within a sentence."""
    text = " ".join(action.split())
    return text[:1].lower() + text[1:] if _ARTICLE.match(text) else text


class Distances(NamedTuple):
    """A video's frames: the seconds at which they are shown (T,), and how far each is from the next one (T - 1,)."""

    seconds: tuple[float, ...]
    apart: NDArray[np.float64]


Detect = Callable[[Path, str], float]
"""of a root and a video under it, the second at which it is spliced; raises UnfitError unless there is one splice"""


def _detector(settings: Settings) -> Detect:
    """Return what finds the splice. Its model is loaded at the first video that it did not look at before."""
    if settings.detector == "luma":
        return lambda root, video: _spliced_at(_luma(root, video), splices.LUMA.least, settings)
    if settings.detector == "files":
        return lambda root, video: _spliced_at(
            _of_files(root, video, settings), splices.FEATURES_LEAST, settings
        )
    by_model = partial(_model_detector, settings.model)
    return lambda root, video: _spliced_at(
        _distances(root, video, ["model", settings.model], by_model), splices.FEATURES_LEAST, settings
    )


@cache
def _model_detector(name: str) -> Detector:
    """Return DINO as a detector. Raises UsageError where it cannot be loaded."""
    from retroflip.models.dino import load_dino  # brings transformers, which nothing else here needs

    model = load_dino(name)
    return Detector(
        lambda pixels_TCHW: model.features(pixels_TCHW).astype(np.float64),
        splices.features_apart,
        splices.FEATURES_LEAST,
    )


def _luma(root: Path, video: str) -> Distances:
    return _distances(root, video, ["luma"], lambda: splices.LUMA)


def _distances(root: Path, video: str, key: Sequence[str], detector: Callable[[], Detector]) -> Distances:
    """Return how far a video's frames are apart, as it was found at an earlier time or is found now."""

    def look() -> dict[str, Any]:
        by = detector()
        found = splices.seen(all_frames(path, max_side=splices.MAX_SIDE), by.rows)
        return {
            "seconds": list(found.seconds),
            "apart": by.apart(found.rows).tolist() if len(found.seconds) > 1 else [],
        }

    path = resolve(root, video)
    try:
        kept = looked(_LOOK, [path], key, look)
    except MediaError as error:
        raise UnfitError("its video cannot be read", str(error)) from error
    return Distances(tuple(kept["seconds"]), np.array(kept["apart"], dtype=np.float64))


def _of_files(root: Path, video: str, settings: Settings) -> Distances:
    path = resolve(root, f"{settings.features}/{Path(video).stem}.npy")
    try:
        rows = np.load(path, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError) as error:
        raise UnfitError("its file of features cannot be read", f"{path.name}: {error}") from error
    seconds = _luma(root, video).seconds
    if rows.ndim != 2 or len(rows) != len(seconds):
        raise UnfitError(
            "its file of features has not one row a frame", f"{rows.shape} for {len(seconds)} frames"
        )
    return Distances(seconds, splices.features_apart(rows))


def _spliced_at(found: Distances, least: float, settings: Settings) -> float:
    wanted = least if settings.least is None else settings.least
    cut = splices.only_cut(found.apart, wanted, settings.times)
    if cut is None:
        raise UnfitError("not exactly one splice is found", f"by {settings.detector}")
    return splices.parts_at(found.seconds, cut)


def _actions(root: Path, settings: Settings, items: list[Item]) -> Iterator[Candidate | Refused]:
    """Yield the questions that two clips of a recording answer differently."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[str(item.sample.group)].append(item)
    for name, found in groups.items():
        try:
            yield _action(root, settings, name, found)
        except UnfitError as error:
            yield Refused(name, error.reason, error.detail)


def _action(root: Path, settings: Settings, name: str, found: list[Item]) -> Candidate:
    clips = [Path(item.sample.video).stem for item in found]
    if bad := BAD_CLIPS.intersection(clips):
        raise UnfitError("one of its clips is known to be damaged", ", ".join(sorted(bad)))
    if any(item.sample.pair is None for item in found):
        raise UnfitError("it is not one question that two clips answer differently", ", ".join(clips))
    if len({clip.rpartition("_clip_")[0] for clip in clips}) > 1:
        raise UnfitError("its clips are of several recordings", ", ".join(clips))
    first, second = (item.sample for item in found)
    options = first.options
    golds = [options.index(sample.lettered[sample.solution]) for sample in (first, second)]
    asker = Asker(settings.seed, SOURCE.name, name)
    asked = asker.ask("as it is", options, golds[0], golds[1], question=first.question)
    return Candidate(
        id=name,
        sub_task=SubTask.OTHER,
        axis=Axis.GIVEN,
        parts=(Clip(_video(root, first.video)),),
        other=(Clip(_video(root, second.video)),),
        **asked._asdict(),
        source_clip=f"vidhalluc/{first.source_clip}",
        licence=LICENCE,
        domain="human",
    )


SOURCE = Source(
    name="vidhalluc",
    title="VidHalluc",
    home="https://huggingface.co/datasets/chaoyuli/VidHalluc",
    licence=LICENCE,
    needs=(
        Need(
            "tsh.json", "questions about orders (or actions, ach_binaryqa.json)", also=("ach_binaryqa.json",)
        ),
        Need("data", "the videos, TSH/<video>.mp4 and ACH/<clip>.mp4", also=("TSH", "ACH")),
    ),
    candidates=all_of(_parts_of),
    parts=_parts_of,
)
