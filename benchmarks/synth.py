"""How fast temporal videos are drawn, beside the encoder's own speed and the usual Matplotlib writers.

    python benchmarks/synth.py --json

The scene: 448 x 448 pixels, 30 frames a second, five moving shapes of which four turn (half as wide as `--radius` says,
as a share of the picture), and a 20 pixel label whose text changes every frame. All runs are on one core and take
turns; the best round of each counts, by the wall clock and by processor time. Matplotlib's writers are `FuncAnimation`
and `FFMpegWriter` as they come (the `ffmpeg` program, x264's preset medium), one with artists made once, one that
clears and draws anew. Needs the `dev` extra and `ffmpeg`.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from retroflip.synth.animation import PALETTE, Actor, Animation, Background, actor
from retroflip.synth.raster import i420_frames, render_rgb, write_mp4
from retroflip.video.encode import encode_i420

SIZE = 448
FPS = 30
CRF = 23
SHAPES = ("circle", "square", "triangle", "star", "hexagon")
COLOURS = ("red", "green", "blue", "yellow", "purple")
RADIUS = 0.08
LABEL = (0.2, 0.06)
LABEL_PIXELS = 20
TRAINING_FRAMES = 32


def scene(frames: int, radius: float = RADIUS) -> Animation:
    """Return the clip; a label whose text changes is one actor for each text, seen in one frame."""
    seconds_T = np.arange(frames) / FPS
    actors: list[Actor] = []
    for index, (shape, colour) in enumerate(zip(SHAPES, COLOURS, strict=True)):
        actors.append(
            actor(
                shape,
                shape,
                PALETTE[colour],
                frames=frames,
                x=0.5 + 0.35 * np.sin(0.7 * seconds_T + 1.3 * index),
                y=0.5 + 0.35 * np.cos(0.9 * seconds_T + 1.7 * index),
                half_width=radius,
                angle=0.0 if shape == "circle" else seconds_T * (1.0 + 0.2 * index),
            )
        )
    for frame in range(frames):
        actors.append(
            actor(
                f"label{frame}",
                "text",
                (240, 240, 240),
                frames=frames,
                x=LABEL[0],
                y=LABEL[1],
                half_width=0.1,
                half_height=LABEL_PIXELS / 2 / SIZE,
                opacity=np.arange(frames) == frame,
                text=f"frame {frame:03d}",
            )
        )
    return Animation(tuple(actors), Background(), FPS, frames)


class Matplotlib:
    """The same clip drawn by Matplotlib, as a function of the frame."""

    def __init__(self, clip: Animation, radius: float) -> None:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        self.clip, self.radius = clip, radius
        self.shapes = [one for one in clip.actors if one.shape != "text"]
        self.texts = [one.text for one in clip.actors if one.shape == "text"]
        self.figure = pyplot.figure(figsize=(SIZE / 100, SIZE / 100), dpi=100)
        self.axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self.ground = "#{:02x}{:02x}{:02x}".format(*clip.background.colour)
        self.figure.set_facecolor(self.ground)

    def prepare(self) -> None:
        """Set up the axes, which clearing them undoes."""
        self.axes.set_xlim(0.0, 1.0)
        self.axes.set_ylim(1.0, 0.0)
        self.axes.set_facecolor(self.ground)
        self.axes.set_axis_off()

    def patch(self, one: Actor, frame: int) -> Any:
        """Return a new artist for an actor as it is in a frame."""
        from matplotlib.patches import Circle
        from matplotlib.patches import Polygon as Patch

        colour = one.colour_T3[frame] / 255
        if one.shape == "circle":
            return Circle((one.x_T[frame], one.y_T[frame]), self.radius, color=colour, linewidth=0)
        return Patch(self.corners(one, frame), closed=True, color=colour, linewidth=0)

    def corners(self, one: Actor, frame: int) -> Any:
        """Return the corners of a turned polygon."""
        count = {"square": 4, "triangle": 3, "star": 10, "hexagon": 6}[one.shape]
        turns = one.angle_T[frame] + 2 * np.pi * np.arange(count) / count + (np.pi / 4 if count == 4 else 0.0)
        reach = self.radius * (np.where(np.arange(count) % 2, 0.382, 1.0) if count == 10 else 1.0)
        reach = reach * (np.sqrt(2.0) if count == 4 else 1.0)
        return np.stack(
            [one.x_T[frame] + reach * np.sin(turns), one.y_T[frame] - reach * np.cos(turns)], axis=1
        )

    def write_text(self, frame: int) -> Any:
        """Add the label of a frame."""
        points = LABEL_PIXELS * 0.8 * 72 / 100
        return self.axes.text(
            *LABEL, self.texts[frame], color="white", fontsize=points, ha="center", va="center"
        )

    def tuned(self) -> Callable[[int], list[Any]]:
        """Return what updates artists made once."""
        self.prepare()
        patches = [self.axes.add_patch(self.patch(one, 0)) for one in self.shapes]
        label = self.write_text(0)

        def update(frame: int) -> list[Any]:
            for one, patch in zip(self.shapes, patches, strict=True):
                if one.shape == "circle":
                    patch.set(center=(one.x_T[frame], one.y_T[frame]))
                else:
                    patch.set(xy=self.corners(one, frame))
            label.set_text(self.texts[frame])
            return [*patches, label]

        return update

    def naive(self) -> Callable[[int], list[Any]]:
        """Return what clears the axes and draws everything anew."""

        def update(frame: int) -> list[Any]:
            self.axes.clear()
            self.axes.set_xlim(0.0, 1.0)
            self.axes.set_ylim(1.0, 0.0)
            self.axes.set_facecolor(self.ground)
            patches = [self.axes.add_patch(self.patch(one, frame)) for one in self.shapes]
            return [*patches, self.write_text(frame)]

        return update

    def write(self, path: Path, update: Callable[[int], list[Any]]) -> None:
        """Write the clip as `FuncAnimation` does with an `FFMpegWriter`."""
        from matplotlib import pyplot
        from matplotlib.animation import FFMpegWriter, FuncAnimation

        writer = FFMpegWriter(fps=FPS, codec="libx264")
        FuncAnimation(self.figure, update, frames=self.clip.frames, blit=False).save(path, writer=writer)
        pyplot.close(self.figure)


def best_of(rounds: int, works: dict[str, Callable[[], object]]) -> dict[str, dict[str, float]]:
    """Run the works in turns; return the least seconds of each, by the wall clock and of the processor.

    The processor's include those of a program that a work starts and waits for.
    """
    best = {name: {"wall": float("inf"), "cpu": float("inf")} for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            wall, cpu = time.perf_counter(), processor_seconds()
            work()
            spent = {"wall": time.perf_counter() - wall, "cpu": processor_seconds() - cpu}
            best[name] = {clock: min(best[name][clock], spent[clock]) for clock in spent}
    return best


def processor_seconds() -> float:
    """Return what this process and the programs that it waited for have used."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(frames: int, rounds: int, naive_frames: int, radius: float) -> dict[str, Any]:
    """Return all speeds and their ratios."""
    clip, short = scene(frames, radius), scene(naive_frames, radius)
    drawn = [planes.copy() for planes in i420_frames(clip, SIZE)]
    step = max(1, frames // TRAINING_FRAMES)
    chosen = list(range(0, frames, step))[:TRAINING_FRAMES]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"

        def tuned() -> None:
            writer = Matplotlib(clip, radius)
            writer.write(path, writer.tuned())

        def naive() -> None:
            writer = Matplotlib(short, radius)
            writer.write(path, writer.naive())

        fast = best_of(
            rounds,
            {
                "encoder": lambda: encode_i420(path, iter(drawn), FPS, (SIZE, SIZE), crf=CRF),
                "retroflip": lambda: write_mp4(path, clip, SIZE, crf=CRF),
                "drawing": lambda: sum(1 for _ in i420_frames(clip, SIZE)),
                "training": lambda: render_rgb(clip, SIZE, chosen),
            },
        )
        slow = best_of(max(2, rounds // 4), {"tuned": tuned, "naive": naive})
    return summary(fast | slow, frames, naive_frames)


def summary(best: dict[str, dict[str, float]], frames: int, naive_frames: int) -> dict[str, Any]:
    """Return frames a second and ratios, by either clock."""
    counts = {"training": TRAINING_FRAMES, "naive": naive_frames}
    result: dict[str, Any] = {}
    for clock in ("wall", "cpu"):
        speed = {name: counts.get(name, frames) / seconds[clock] for name, seconds in best.items()}
        result[clock] = {
            "share_of_encoder": round(speed["retroflip"] / speed["encoder"], 3),
            "vs_matplotlib_tuned": round(speed["retroflip"] / speed["tuned"], 1),
            "vs_matplotlib_naive": round(speed["retroflip"] / speed["naive"], 1),
            "frames_ms": round(1000 * best["training"][clock], 1),
            "frames_per_second": {name: round(value) for name, value in speed.items()},
        }
    return {**result["wall"], "cpu": result["cpu"]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=300, help="of the clip")
    parser.add_argument(
        "--naive-frames", type=int, default=60, help="of the clip that is cleared and drawn anew"
    )
    parser.add_argument("--radius", type=float, default=RADIUS, help="half the width of a shape, as a share")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--core", type=int, default=None, help="which core to run on (default: the last)")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[-1] if arguments.core is None else arguments.core})
    result = measure(arguments.frames, arguments.rounds, arguments.naive_frames, arguments.radius)
    result["versions"] = {name: version(name) for name in ("numpy", "av", "pillow", "matplotlib")}
    result["scene"] = {
        "size": SIZE,
        "frames": arguments.frames,
        "radius": arguments.radius,
        "crf": CRF,
        "preset": "veryfast",
    }
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    for name, value in result.items():
        sys.stdout.write(f"{name}: {value}\n")


if __name__ == "__main__":
    main()
