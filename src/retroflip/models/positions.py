"""Where a prompt's tokens stand to a model: time, row and column of each (M-RoPE). One function, for every pass.

It counts as the release's own code does, by which the weights were trained, and as vLLM does. transformers is not
asked: since 5.3 it lets the text behind a video go on from the larger of the video's rows and columns alone, which puts
it among the times of a long video of Qwen2-VL or Qwen2.5-VL, and versions before that, 4.57 and 5.2 among them, cut the
seconds between the steps of Qwen2.5-VL down to whole ones.

Shapes: L tokens of a row, K visual tokens of one image, video or step, V videos.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

TEXT, IMAGE, VIDEO = 0, 1, 2
"""the types of tokens, as processors number them"""
IN_ONE_RUN = ("qwen2_vl", "qwen2_5_vl")
"""the model types whose videos are one run of placeholders; in all others text stands between the steps"""


def positions(token_types_L: Tensor, visual: Mapping[str, Tensor], config: Any) -> Tensor:
    """Return time, row and column of every token of a row without padding, (3, L).

    Whatever comes next goes on behind the largest position so far, in time as well as in space: a text's tokens one by
    one, an image's or video's in rows and columns, with long(index * seconds between steps * tokens per second) as the
    time of a step.

    visual: what `visual_grids` says of the row's images and videos: image_grid_thw and video_grid_thw (count, 3), and
    second_per_grid_ts (V,). config: the model's. Raises ValueError where tokens and grids do not match.

    Source: get_rope_index of Qwen2.5-VL in transformers 4.49.
    """
    grids = {IMAGE: _images(visual, config), VIDEO: _videos(visual, config)}
    parts: list[Tensor] = []
    start = 0
    for kind, length in zip(
        *(run.tolist() for run in token_types_L.unique_consecutive(return_counts=True)), strict=True
    ):
        part_3K = torch.arange(length).expand(3, -1) if kind == TEXT else next(grids[kind], torch.empty(3, 0))
        if part_3K.shape[1] != length:
            raise ValueError(f"{length} visual tokens stand where {part_3K.shape[1]} are to be seen")
        parts.append(part_3K + start)
        start = int(parts[-1].max()) + 1
    if any(next(left, None) is not None for left in grids.values()):
        raise ValueError("an image or video has no tokens in the row")
    return torch.cat(parts, dim=1)


def _images(visual: Mapping[str, Tensor], config: Any) -> Iterator[Tensor]:
    for grid in visual.get("image_grid_thw", ()):
        yield _inside(grid, 1.0, config)


def _videos(visual: Mapping[str, Tensor], config: Any) -> Iterator[Tensor]:
    grids = visual.get("video_grid_thw", ())
    for grid, seconds in zip(grids, visual.get("second_per_grid_ts", [1.0] * len(grids)), strict=True):
        if config.model_type in IN_ONE_RUN:
            yield _inside(grid, seconds, config)
        else:
            step = torch.tensor([1, *grid[1:]])
            yield from (_inside(step, 1.0, config) for _ in range(int(grid[0])))


def step_times(steps: int, seconds: Tensor | float, tokens_per_second: float) -> Tensor:
    """Return the positions in time of a video's steps, counted from the first, (steps,).

    The product is taken in float32 and from the left, as in the release: 5 steps of 1.4 s are 14 positions, not 13.
    """
    seconds = torch.as_tensor(seconds, dtype=torch.float32)
    return (torch.arange(steps) * seconds * tokens_per_second).long()


def untold_times(
    shown: Sequence[float], seconds: float, tokens_per_second: float, begins: float = 0.0
) -> str | None:
    """Return in a sentence what a model cannot know that is told the seconds between steps alone; None if nothing.

    That is steps which share a position in time although one is shown later, steps that are shown more than half a step
    away from where even steps would lie, and a part of a video that begins later than 0.

    shown: the second at which each step begins. begins: that at which the part in question does.
    """
    times = step_times(len(shown), seconds, tokens_per_second).tolist()
    steps = [second - shown[0] for second in shown]
    alike = sum(
        a == b and early < late
        for (a, b), (early, late) in zip(pairwise(times), pairwise(steps), strict=True)
    )
    if alike:
        return (
            f"{alike} of its {len(steps)} steps, {seconds:.2f} s apart, stand at the moment of the step before: the "
            f"model counts {tokens_per_second:g} moments a second. Show fewer frames (data.frames) or longer videos."
        )
    off, step = max((abs(second - step * seconds), step) for step, second in enumerate(steps))
    if steps[-1] > 0 and off > seconds / 2:
        return (
            f"its frames are not evenly spread, and the model is told that they are: step {step + 1} is shown at "
            f"{steps[step]:.2f} s and told as {step * seconds:.2f} s. Convert it to a constant frame rate."
        )
    if begins >= 1 / tokens_per_second:
        return (
            f"its part of the video begins at {begins:.2f} s, and at 0 to the model, which is told no times but the "
            "seconds between steps. Ask about times a model that reads them, or count them from the part's beginning."
        )
    return None


def _inside(grid: Tensor, seconds: Tensor | float, config: Any) -> Tensor:
    """Return the positions inside one image, video or step, (3, K). grid: steps, and rows and columns of patches."""
    vision = config.vision_config
    steps, rows, columns = (int(size) for size in grid)
    merge = vision.spatial_merge_size
    times = step_times(steps, seconds, getattr(vision, "tokens_per_second", 1))
    places = torch.meshgrid(times, torch.arange(rows // merge), torch.arange(columns // merge), indexing="ij")
    return torch.stack(places).flatten(1)
