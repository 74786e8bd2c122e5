"""Frame numbers by hand, by the formulas of the public tools that the samplers are named after."""

import math
from fractions import Fraction
from pathlib import Path
from typing import get_args

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from retroflip.cli.generation import SamplerOption
from retroflip.errors import DecodeError, RecipeError, UsageError
from retroflip.jobs.recipes import load_recipe
from retroflip.train.conditions import Conditions, Trained, chosen
from retroflip.video.decode import decode
from retroflip.video.samplers import SAMPLERS, Clip, Sampler
from retroflip.video.window import Window

NTSC = Fraction(30000, 1001)
TINY = Path(__file__).parents[2] / "recipes" / "tiny" / "grpo.yaml"


def clip(total: int, rate: Fraction | int = 12, window: Window | None = None) -> Clip:
    """A video of so many frames at a steady rate."""
    return Clip(
        [float(index / Fraction(rate)) for index in range(total)],
        float(total / Fraction(rate)),
        Fraction(rate),
        window,
    )


TABLES = [
    # 12 / 5 = 2.4; 7 / 4 = 1.75; 3 / 9 = 0.33
    ("vlmevalkit", None, clip(12), 4, [2, 4, 7, 9]),
    ("vlmevalkit", None, clip(7), 3, [1, 3, 5]),
    ("vlmevalkit", None, clip(3), 8, [0, 0, 1, 1, 1, 2, 2, 2]),
    # 10.01 s: 10 frames, every 29.97th, whatever the number of frames asked for
    ("vlmevalkit", 1.0, clip(300, NTSC), 4, [0, 29, 59, 89, 119, 149, 179, 209, 239, 269]),
    # a part of 3 s, of frames 60 to 149, is a video of 90 frames
    ("vlmevalkit", None, clip(300, NTSC, Window(2.0, 5.0)), 2, [90, 120]),
    # 11 / 4 = 2.75; cut to whole numbers
    ("lmms-eval", None, clip(12), 5, [0, 2, 5, 8, 11]),
    ("lmms-eval", None, clip(3), 8, [0, 1, 2]),
    ("lmms-eval", None, clip(12), 1, [0]),
    # int(10.01) = 10 frames: 299 / 9 = 33.22
    ("lmms-eval", 1.0, clip(300, NTSC), 32, [0, 33, 66, 99, 132, 166, 199, 232, 265, 299]),
    ("lmms-eval", 1.0, clip(300, NTSC), 3, [0, 149, 299]),
    ("lmms-eval", 0.05, clip(300, NTSC), 32, [0]),
    # 5 / 2 is rounded to 2 pairs; 11 / 3 = 3.67
    ("qwen-vl-utils", None, clip(12), 5, [0, 4, 7, 11]),
    # 7 / 2 is rounded to 4 pairs; 11 / 7 = 1.57
    ("qwen-vl-utils", None, clip(12), 7, [0, 2, 3, 5, 6, 8, 9, 11]),
    # 20.02 frames, cut to 20: 299 / 19 = 15.74
    (
        *("qwen-vl-utils", 2.0, clip(300, NTSC), 32),
        [0, 16, 31, 47, 63, 79, 94, 110, 126, 142, 157, 173, 189, 205, 220, 236, 252, 268, 283, 299],
    ),
    ("qwen-vl-utils", 2.0, clip(300, NTSC), 7, [0, 60, 120, 179, 239, 299]),  # at most 6: 299 / 5 = 59.8
    ("qwen-vl-utils", 0.1, clip(300, NTSC), 32, [0, 100, 199, 299]),  # at least 4: 99.67
    ("qwen-vl-utils", 2.0, clip(3), 32, [0, 2]),
    # 2 s is frame 59.94, rounded up; 5 s is frame 149.85, rounded down: 89 / 3 = 29.67
    ("qwen-vl-utils", None, clip(300, NTSC, Window(2.0, 5.0)), 4, [60, 90, 119, 149]),
    ("qwen-vl-utils", None, clip(300, NTSC, Window(2.0)), 2, [60, 299]),
    ("fps", 4.0, clip(12), 8, [0, 3, 6, 9]),
    ("fps", 12.0, clip(12), 4, [0, 4, 7, 11]),  # more than 4: evenly spread
    ("fps", 2.0, Clip([0.0, 0.1, 0.9, 1.0], 2.0, Fraction(2)), 8, [0, 1, 3, 3]),  # what is on screen
    ("fps", 4.0, clip(12, window=Window(0.3, 0.8)), 8, [4, 6]),  # at 0.3 s, and at 0.55 s
    ("fps", 1.0, clip(300, NTSC), 32, [0, 29, 59, 89, 119, 149, 179, 209, 239, 269, 299]),  # at 10 s too
    ("uniform", None, clip(12), 4, [0, 4, 7, 11]),
    # 11 / 4 = 2.75: 1.375 and 0, 3, 6, 8
    ("mvbench", None, clip(12), 4, [1, 4, 7, 9]),
    ("mvbench", None, clip(3), 8, [0, 0, 0, 1, 1, 1, 2, 2]),
    # from frame 59.94, rounded, to 149.85, rounded: 90 / 2 = 45
    ("mvbench", None, clip(300, NTSC, Window(2.0, 5.0)), 2, [82, 127]),
]


@pytest.mark.parametrize(("name", "fps", "video", "frames", "expected"), TABLES)
def test_frames_by_hand(name: str, fps: float | None, video: Clip, frames: int, expected: list[int]) -> None:
    assert Sampler(name, fps).indices(video, frames) == expected


@given(first=st.integers(0, 5000), length=st.integers(1, 20000), pairs=st.integers(1, 384))
def test_qwens_linspace_is_torchs(first: int, length: int, pairs: int) -> None:
    total, count = first + length + 1, min(pairs * 2, (length + 1) // 2 * 2)
    assume(total * count < 2**21)  # beyond, torch's own numbers depend on the processor
    shown = Sampler("qwen-vl-utils").indices(clip(total, 1, Window(float(first), math.inf)), count)
    assert shown == torch.linspace(first, total - 1, count).round().long().tolist()


@given(
    name=st.sampled_from(sorted(SAMPLERS)),
    total=st.integers(4, 400),
    frames=st.integers(1, 64).map(lambda n: 2 * n),
)
def test_frames_are_there_and_in_order(name: str, total: int, frames: int) -> None:
    sampler = Sampler(name, 3.0 if name == "fps" else None)
    video = clip(total, NTSC)
    if name == "qwen-vl-utils" and frames > total:
        with pytest.raises(ValueError, match="qwen-vl-utils shows 2 to"):
            sampler.indices(video, frames)
        return
    shown = sampler.indices(video, frames)
    assert shown == sorted(shown)
    assert 0 <= shown[0] <= shown[-1] < total
    assert len(shown) <= frames


class TestOfAFile:
    """A clip of 12 frames, whose square's left edge is at 4 times the frame's number."""

    def shown(self, path: Path, frames: int, sampler: Sampler) -> list[int]:
        bright = decode(path, frames, sampler=sampler).pixels_TCHW[:, 0].max(axis=1) > 150
        return [int(row.nonzero()[0][0]) // 4 for row in bright]

    def test_shows_those_frames(self, clip: Path) -> None:
        assert self.shown(clip, 4, Sampler("vlmevalkit")) == [2, 4, 7, 9]
        assert self.shown(clip, 5, Sampler("lmms-eval")) == [0, 2, 5, 8, 11]
        assert self.shown(clip, 8, Sampler("fps", 3.0)) == [0, 4, 8]

    def test_a_video_too_short_for_a_sampler_is_its_failure(self, clip: Path) -> None:
        with pytest.raises(
            DecodeError, match=r"h264\.mp4: qwen-vl-utils shows 2 to 12 frames of this video, and 16"
        ):
            decode(clip, 16, sampler=Sampler("qwen-vl-utils"))


class TestNames:
    @pytest.mark.parametrize(
        ("overrides", "message"),
        [
            (
                ["data.sampler=qwen_vl_utils"],
                "no sampler 'qwen_vl_utils' \\(did you mean qwen-vl-utils\\?\\)",
            ),
            (["data.sampler=zebra"], "no sampler 'zebra': set sampler to one of uniform, fps,"),
            (["data.sampler=fps"], "set fps, to 2 for example"),
            (["data.fps=2"], "leave fps out, or set sampler to fps"),
            (["data.sampler=vlmevalkit", "data.pool=16"], "leave pool out"),
        ],
    )
    def test_what_a_recipe_cannot_mean_is_refused(self, overrides: list[str], message: str) -> None:
        with pytest.raises(RecipeError, match=message):
            load_recipe(TINY, ["data.records=x.jsonl", *overrides])

    def test_a_model_is_asked_with_the_sampler_of_its_run(self) -> None:
        run = load_recipe(TINY, ["data.records=x.jsonl", "data.sampler=qwen-vl-utils", "data.fps=2"])
        trained = Trained(asked=Conditions.of_run(run), own_bounds={}, base="", lessons=())
        assert chosen({}, trained).asked.sampling == Sampler("qwen-vl-utils", 2.0)
        assert chosen({"sampler": "uniform"}, trained).asked.sampling == Sampler()
        with pytest.raises(UsageError, match="did you mean lmms-eval"):
            chosen({"sampler": "lmms_eval"}, trained)


def test_the_help_of_the_option_names_every_sampler() -> None:
    _, option = get_args(SamplerOption)
    assert [name for name in SAMPLERS if name not in option.help] == []
