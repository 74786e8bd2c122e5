"""The size in which a model sees pictures, held against Qwen's own tools and against the processors themselves.

T frames, H and W in pixels.
"""

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from random_models import FAMILIES, OTHER_FAMILIES, random_encoder
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.errors import MediaError, UsageError
from retroflip.models.budget import ProcessorFit, fits_of, set_budget
from retroflip.models.encoding import Encoder
from retroflip.video.budget import PixelBudget
from retroflip.video.frames import MAX_ASPECT, Frames

ALL_FAMILIES = (*FAMILIES, *OTHER_FAMILIES)
CRPO = PixelBudget(min_pixels=16 * 32 * 32, max_pixels=768 * 32 * 32, total_pixels=2048 * 32 * 32)
"""table 7"""

sides = st.one_of(st.integers(32, 400), st.integers(32, 8192))
frame_counts = st.integers(1, 48).map(lambda count: 2 * count)


def fitted(family: str, budget: PixelBudget, frames: int) -> tuple[Any, ProcessorFit, ProcessorFit]:
    """Return a family's processor with this budget, and how it resizes videos and images."""
    processor = copy.copy(random_encoder(family).processor)
    processor.video_processor = copy.deepcopy(processor.video_processor)
    processor.image_processor = copy.deepcopy(processor.image_processor)
    set_budget(processor, budget, frames)
    fits = fits_of(processor, frames)
    assert isinstance(fits.video, ProcessorFit)
    assert isinstance(fits.image, ProcessorFit)
    return processor, fits.video, fits.image


def qwen_vl_utils_size(
    ele: Mapping[str, int], frames: int, height: int, width: int, factor: int
) -> tuple[int, int]:
    """Return what qwen_vl_utils 0.0.14 makes of a video's frames (`fetch_video` and `smart_resize`)."""
    share = max(min(768 * factor**2, ele["total_pixels"] / frames * 2), int(ele["min_pixels"] * 1.05))
    least, most = ele["min_pixels"], min(ele["max_pixels"], share)
    rows, columns = (max(factor, round(side / factor) * factor) for side in (height, width))
    if rows * columns > most:
        beta = math.sqrt(height * width / most)
        rows, columns = (math.floor(side / beta / factor) * factor for side in (height, width))
    elif rows * columns < least:
        beta = math.sqrt(least / (height * width))
        rows, columns = (math.ceil(side * beta / factor) * factor for side in (height, width))
    return rows, columns


@given(
    height=sides,
    width=sides,
    frames=frame_counts,
    family=st.sampled_from(["qwen3_vl", "qwen2_5_vl", "qwen2_vl"]),
)
@settings(max_examples=150, deadline=None)
def test_sizes_are_those_of_qwens_own_tools(height: int, width: int, frames: int, family: str) -> None:
    factor = 32 if family == "qwen3_vl" else 28
    stated = {"min_pixels": 16 * factor**2, "max_pixels": 768 * factor**2, "total_pixels": 2048 * factor**2}
    expected = qwen_vl_utils_size(stated, frames, height, width, factor)
    assume(0 not in expected and max(height, width) <= MAX_ASPECT * min(height, width))
    _, video, _ = fitted(family, PixelBudget(**stated), frames)
    assert video.size(height, width) == expected


@given(
    height=st.integers(1, 8192),
    width=st.integers(1, 8192),
    frames=frame_counts,
    family=st.sampled_from(ALL_FAMILIES),
)
@settings(max_examples=150, deadline=None)
def test_the_papers_budget_is_kept_by_every_shape(height: int, width: int, frames: int, family: str) -> None:
    # No side is less than a token wide, so a strip may be more than its budget: here 42 tokens and more for a frame.
    assume(max(height, width) <= 30 * min(height, width))
    processor, video, image = fitted(family, CRPO, frames)
    token = processor.video_processor.patch_size * 2
    for fit, most in ((video, min(768 * 32 * 32, 2 * 2048 * 32 * 32 // frames)), (image, 768 * 32 * 32)):
        rows, columns = fit.size(height, width)
        assert rows % token == columns % token == 0
        assert 16 * 32 * 32 <= rows * columns <= most


@pytest.mark.parametrize("family", ALL_FAMILIES)
@given(
    height=st.integers(5, 150),
    width=st.integers(5, 150),
    frames=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=15, deadline=None)
def test_pictures_resized_one_by_one_are_the_processors_own_pixels(
    family: str, height: int, width: int, frames: int, seed: int
) -> None:
    """Resized as they come, and not once more: to the last bit what the processor makes of all of them together."""
    budget = PixelBudget(min_pixels=2 * 32 * 32, max_pixels=6 * 32 * 32, total_pixels=12 * 32 * 32)
    processor, video, image = fitted(family, budget, frames)
    encoder = Encoder(processor)
    pixels_TCHW = np.random.default_rng(seed).integers(0, 256, (frames, 3, height, width), dtype=np.uint8)
    for modality, fit, count in ((Modality.VIDEO, video, frames), (Modality.IMAGE, image, 1)):
        sample = Sample(
            id="x",
            question="?",
            problem_type=ProblemType.FREE_FORM,
            solution="?",
            video="x",
            source_clip="x",
            modality=modality,
        )
        native = Frames(pixels_TCHW[:count], tuple(map(float, range(count))))
        size = fit.size(height, width)
        seen_TCHW = np.stack(
            [fit.resize(one.transpose(1, 2, 0), size).transpose(2, 0, 1) for one in native.pixels_TCHW]
        )
        once = encoder.encode(sample, Frames(seen_TCHW, native.seconds, fitted=True))
        by_processor = encoder.encode(sample, native)
        assert once.grid_thw is not None
        assert by_processor.grid_thw is not None
        assert once.grid_thw.tolist() == by_processor.grid_thw.tolist()
        assert torch.equal(once.input_ids_L, by_processor.input_ids_L)
        assert once.pixels_PD is not None
        assert by_processor.pixels_PD is not None
        assert torch.equal(once.pixels_PD, by_processor.pixels_PD)


def test_frames_of_a_videos_size_are_not_resized_again() -> None:
    """Two of 32 frames alone would be enlarged by a processor that has all frames' bounds to fill."""
    processor, video, _ = fitted("qwen3_vl", CRPO, 32)
    size = video.size(1080, 1920)
    assert size == (256, 480)
    two = Frames(np.zeros((2, 3, *size), dtype=np.uint8), (0.0, 1.0), fitted=True)
    sample = Sample(
        id="x", question="?", problem_type=ProblemType.FREE_FORM, solution="?", video="x", source_clip="x"
    )
    grid = Encoder(processor).encode(sample, two).grid_thw
    assert grid is not None
    assert grid.tolist() == [[1, 256 // 16, 480 // 16]]
    tokens = 16 * 8 * 15
    assert tokens <= 2048


@pytest.mark.parametrize("family", ALL_FAMILIES)
def test_a_budget_that_states_nothing_leaves_the_processor_as_it_is(family: str) -> None:
    processor, _, _ = fitted(family, PixelBudget(), 8)
    own = random_encoder(family).processor
    assert dict(processor.video_processor.size) == dict(own.video_processor.size)
    assert dict(processor.image_processor.size) == dict(own.image_processor.size)


def test_what_is_not_stated_is_the_processors() -> None:
    bounds = []
    for family in ("qwen3_vl", "qwen2_5_vl"):
        processor, _, _ = fitted(family, PixelBudget(max_pixels=2048), 8)
        bounds.append(dict(processor.video_processor.size))
    assert [(one["shortest_edge"], one["longest_edge"]) for one in bounds] == [
        (2 * 64 * 64, 8 * 2048),
        (2048, 2048),
    ]
    processor, _, _ = fitted("qwen3_vl", PixelBudget(max_pixels=64 * 64), 32)
    assert processor.video_processor.size["longest_edge"] == 8 * 64 * 64, "its own bound on the video"
    processor, _, _ = fitted("qwen3_vl", PixelBudget(max_pixels=64 * 64, total_pixels=64 * 64 * 16), 32)
    assert processor.video_processor.size["longest_edge"] == 32 * 64 * 64


def test_budgets_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(
        UsageError, match="total_pixels is 2097152, which leaves each of 512 frames 8192 pixels"
    ):
        fitted("qwen3_vl", CRPO, 512)
    with pytest.raises(UsageError, match="max_pixels is 100, fewer than min_pixels"):
        fitted("qwen3_vl", PixelBudget(min_pixels=200, max_pixels=100), 8)
    with pytest.raises(
        UsageError, match="min_pixels is 16384, and the model's own processor allows a picture 4096"
    ):
        fitted("qwen3_vl", PixelBudget(min_pixels=16384), 8)
    with pytest.raises(UsageError, match="max_pixels is 783, and one visual token of this model is 28 x 28"):
        fitted("qwen2_5_vl", PixelBudget(max_pixels=783), 8)
    with pytest.raises(UsageError, match=r"share of total_pixels is 512, and one visual token .* 32 x 32"):
        fitted("qwen3_vl", PixelBudget(total_pixels=2048), 8)


def test_a_shape_that_a_processor_refuses_is_the_files_fault() -> None:
    _, video, _ = fitted("qwen2_5_vl", CRPO, 8)
    with pytest.raises(MediaError, match="the model takes no pictures of 2010 x 10 pixels"):
        video.size(10, 2010)
