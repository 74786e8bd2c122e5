"""Hand-made roots of DyBench's sources, in the real form of each data set, with small videos that decode."""

import json
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retroflip.bench.dybench.base import Candidate, Refused
from retroflip.bench.dybench.sources import SOURCES
from retroflip.video.encode import encode

SIZE = (180, 320)
"""height and width of the frames of GOT-10k's sequences"""
META = {
    "url": "https://youtu.be/x: 1",
    "begin": "00:00:01",
    "end": "00:00:10",
    "anno_fps": "10Hz",
    "object_class": "kart",
    "motion_class": "driving",
    "major_class": "wheeled vehicle",
    "root_class": "vehicle",
    "motion_adverb": "quickly",
    "resolution": "(320, 180)",
}
CLIPS = Path(__file__).parent / "fixtures" / "clips"


def candidates_of(source: str, root: Path, **settings: Any) -> tuple[list[Candidate], dict[str, str]]:
    """Return what a source makes of a root: its candidates, and the reason for everything refused, by id."""
    found = list(SOURCES[source].candidates(root, settings))
    made = [one for one in found if isinstance(one, Candidate)]
    refused = {one.id: one.reason for one in found if isinstance(one, Refused)}
    assert len(made) + len(refused) == len(found), "an id stands twice"
    assert len({one.id for one in made}) == len(made), "an id stands twice"
    for one in made:
        assert one.gold != one.other_gold
        assert len(set(one.options)) == len(one.options)
    return made, refused


def written(path: Path, value: Any) -> Path:
    """Write JSON, or a text as it is, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


def put_video(path: Path, clip: str = "h264.mp4") -> None:
    """Put a small video at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CLIPS / clip, path)


def ssv2_row(identity: str, template: str, *things: str) -> dict[str, Any]:
    """Return a record of Something-Something v2."""
    label = template
    for thing in things:
        start, end = label.index("["), label.index("]")
        label = f"{label[:start]}{thing}{label[end + 1 :]}"
    return {"id": identity, "label": label.lower(), "template": template, "placeholders": list(things)}


def ssv2(root: Path, rows: Sequence[Mapping[str, Any]], labels: str = "labels/validation.json") -> Path:
    """Write Something-Something v2 with these records and a video for each."""
    written(root / labels, list(rows))
    for row in rows:
        put_video(root / f"20bn-something-something-v2/{row['id']}.webm", "vp9.webm")
    return root


@cache
def texture(height: int, width: int, seed: int) -> Image.Image:
    """Return a grey picture as rough at every scale as photographs are."""
    noise = np.fft.rfft2(np.random.default_rng(seed).normal(size=(height, width)))
    rough = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    found = np.fft.irfft2(noise / np.maximum(rough, 1 / max(height, width)), s=(height, width))
    return Image.fromarray(np.clip(128 + 45 * (found - found.mean()) / found.std(), 0, 255).astype(np.uint8))


def views(frames: int, right: float = 0.0, down: float = 0.0, growth: float = 1.0) -> list[Image.Image]:
    """Return frames of a background whose content moves by so many pixels in all, and grows by a factor."""
    height, width = SIZE
    wide, shown = texture(4 * height, 4 * width, 1), []
    for share in np.linspace(0.0, 1.0, frames):
        scale = growth**share
        left = 2 * width - right * share - width / scale / 2
        top = 2 * height - down * share - height / scale / 2
        placed = (1 / scale, 0, left, 0, 1 / scale, top)
        shown.append(
            wide.transform((width, height), Image.Transform.AFFINE, placed, Image.Resampling.BICUBIC)
        )
    return shown


def boxes(frames: int, start: tuple[float, float], end: tuple[float, float]) -> NDArray[np.float64]:
    """Return boxes of 40 x 30 pixels whose corner goes from one place to another, a row a frame."""
    share = np.linspace(0.0, 1.0, frames)[:, None]
    corners = (1 - share) * np.array(start) + share * np.array(end)
    return np.concatenate([corners, np.tile([40.0, 30.0], (frames, 1))], axis=1)


def got10k(
    root: Path,
    name: str,
    background: Sequence[Image.Image],
    boxed: NDArray[np.float64],
    labels: Mapping[str, Sequence[int]] | None = None,
    meta: Mapping[str, str] = META,
) -> Path:
    """Add a sequence to a validation split of GOT-10k: its object is a patch of another texture, over a background."""
    folder, patch = root / "val" / name, texture(60, 80, 2)
    folder.mkdir(parents=True)
    with (root / "val/list.txt").open("a", encoding="utf-8") as listed:
        listed.write(f"{name}\n")
    for number, (picture, box) in enumerate(zip(background, boxed, strict=True), start=1):
        shown = picture.copy()
        shown.paste(patch.resize((round(box[2]), round(box[3]))), (round(box[0]), round(box[1])))
        shown.convert("RGB").save(folder / f"{number:08d}.jpg", quality=90)
    written(folder / "groundtruth.txt", "".join(",".join(f"{x:.4f}" for x in box) + "\n" for box in boxed))
    given = {"absence": [0] * len(boxed), "cover": [8] * len(boxed), "cut_by_image": [0] * len(boxed)}
    for label, values in {**given, **(labels or {})}.items():
        written(folder / f"{label}.label", "".join(f"{value}\n" for value in values))
    lines = ["[METAINFO]", *(f"{key}: {value}" for key, value in meta.items())]
    written(folder / "meta_info.ini", "\n".join(lines) + "\n")
    return root


def clevrer_object(
    identity: int,
    look: str,
    start: tuple[float, float],
    end: tuple[float, float],
    seen: Sequence[int] = range(128),
) -> dict[str, Any]:
    """Return an object of CLEVRER that rolls evenly from one place of the world to another. seen: in which frames."""
    color, material, shape = look.split()
    share = np.linspace(0.0, 1.0, 128)[:, None]
    path = (1 - share) * np.array(start) + share * np.array(end)
    return {
        "property": {"object_id": identity, "color": color, "material": material, "shape": shape},
        "path": [[*place, 0.2] for place in path.tolist()],
        "seen": set(seen),
    }


def clevrer(root: Path, index: int, objects: Sequence[Mapping[str, Any]], **more: Any) -> Path:
    """Add a video of CLEVRER with its annotation, in the folders that the archives unpack to."""
    thousand = f"{index // 1000 * 1000:05d}-{index // 1000 * 1000 + 1000:05d}"
    frames = [
        {
            "frame_id": frame,
            "objects": [
                {
                    "object_id": one["property"]["object_id"],
                    "location": one["path"][frame],
                    "inside_camera_view": frame in one["seen"],
                }
                for one in objects
            ],
        }
        for frame in range(128)
    ]
    annotation = {
        "scene_index": index,
        "video_filename": f"video_{index:05d}.mp4",
        "object_property": [one["property"] for one in objects],
        "motion_trajectory": frames,
        "collision": [],
        **more,
    }
    written(root / f"annotation_{thousand}/annotation_{index:05d}.json", annotation)
    put_video(root / f"video_{thousand}/video_{index:05d}.mp4")
    return root


def filmed(path: Path, levels: Sequence[int], fps: int) -> None:
    """Write a video of one frame for each level: its grey, with a bar that moves on by a pixel a frame."""
    frames = np.empty((len(levels), 3, 32, 48), dtype=np.uint8)
    for index, level in enumerate(levels):
        frames[index] = level
        frames[index, :, 8:24, index % 40 : index % 40 + 6] = 255 - level
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(path, frames, fps)


def labelled(segments: Sequence[tuple[str, float]], fps: int) -> list[str]:
    """Return a label a frame, of segments with their seconds."""
    return [label for label, seconds in segments for _ in range(round(seconds * fps))]


def recording(labels: Path, video: Path, segments: Sequence[tuple[str, float]], fps: int) -> None:
    """Write a recording as MS-TCN's bundles have it: a label a line and frame, and the video."""
    lines = labelled(segments, fps)
    written(labels, "".join(f"{line}\n" for line in lines))
    known = sorted(set(lines))
    filmed(video, [40 + 25 * known.index(line) % 200 for line in lines], fps)
