"""The size in which a model sees frames and images: its own processor's arithmetic, within a recipe's pixel budget.

Frames are resized once, one by one as they are decoded, by the very function that the processor would use on all of
them: a video of 64 frames in 4K never stands in memory whole, and what the model sees is to the last bit what
transformers shows it elsewhere.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from transformers.image_processing_backends import TorchvisionBackend
from transformers.image_utils import SizeDict

from retroflip.errors import MediaError, UsageError
from retroflip.models.families import family_of
from retroflip.video.budget import PixelBudget
from retroflip.video.frames import Fits, Pixels

Bounds: TypeAlias = dict[str, dict[str, int]]
"""the `size` of a processor's parts, "video" and "image", as its family counts pixels"""


@dataclass(frozen=True)
class ProcessorFit:
    """How a processor's part for videos, or for images, resizes what it is given.

    frames: of the videos that the model is shown, on whose number some families make their size depend; None for
    images.
    """

    part: Any
    frames: int | None = None

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width at which the model sees a picture that is shown in this size.

        No side is less than a token wide, whatever the budget.

        Raises MediaError for proportions that the processor refuses.
        """
        part = self.part
        shape = (1, 3, height, width) if self.frames is None else (1, self.frames, 3, height, width)
        try:
            # A tensor without memory shows what becomes of its shape.
            resized = part.resize(
                torch.empty(shape, dtype=torch.uint8, device="meta"),
                size=SizeDict(**dict(part.size)),
                resample=part.resample,
                factor=part.patch_size * part.merge_size,
                temporal_factor=part.temporal_patch_size,
                cap_pixels_per_frame=getattr(part, "cap_pixels_per_frame", None),
            )
        except ValueError as error:
            raise MediaError(f"the model takes no pictures of {width} x {height} pixels: {error}.") from error
        return resized.shape[-2], resized.shape[-1]

    def resize(self, picture_HWC: Pixels, size: tuple[int, int]) -> Pixels:
        """Return a picture in this height and width."""
        if picture_HWC.shape[:2] == size:
            return picture_HWC
        # Torch warns of an array that cannot be written, though nothing is written here.
        image_CHW = torch.from_numpy(np.require(picture_HWC, requirements=["C", "W"])).permute(2, 0, 1)
        resized_CHW = TorchvisionBackend.resize(
            self.part, image_CHW[None], SizeDict(height=size[0], width=size[1]), resample=self.part.resample
        )[0]
        resized_HWC: Pixels = resized_CHW.permute(1, 2, 0).numpy()
        return resized_HWC

    @property
    def key(self) -> str:
        """What sizes and pixels depend on, for the keys of what is computed from them."""
        part = self.part
        token = part.patch_size * part.merge_size
        return f"{type(part).__name__} {_stated(part.size)} {token} {part.resample} {self.frames}"


def fits_of(processor: Any, frames: int) -> Fits:
    """Return how this processor resizes images, and videos of which so many frames are shown."""
    video = processor.video_processor
    return Fits(ProcessorFit(video, _whole(video, frames)), ProcessorFit(processor.image_processor))


def bounds_of(processor: Any) -> Bounds:
    """Return what a processor bounds pixels by."""
    return {
        "video": _stated(processor.video_processor.size),
        "image": _stated(processor.image_processor.size),
    }


def _stated(size: Any) -> dict[str, int]:
    return {name: value for name, value in dict(size).items() if value is not None}


def set_budget(processor: Any, budget: PixelBudget, frames: int, own: Bounds | None = None) -> None:
    """Write a budget for videos of which so many frames are shown into a processor, in its family's own terms.

    A processor that is saved then shows its model the same elsewhere. own: the bounds that hold where the budget states
    none, by default those that the processor has; a saved one has those of another budget. Raises UsageError where the
    budget contradicts itself or what it leaves to the processor, or is smaller than a visual token.
    """
    if budget == PixelBudget():
        return
    if own is not None:
        processor.video_processor.size = SizeDict(**own["video"])
        processor.image_processor.size = SizeDict(**own["image"])
    try:
        budget.check(_whole(processor.video_processor, frames))
    except ValueError as error:
        raise UsageError(f"The pixel budget cannot be kept: {error}.") from error
    video, image, family = processor.video_processor, processor.image_processor, family_of(processor)
    whole, most = _whole(video, frames), budget.max_pixels
    share = budget.share(whole)
    _check_token(video, {"max_pixels": most, "a frame's share of total_pixels": share})
    if family.bounds_videos:
        _set_size(video, budget.min_pixels, most, share, counted=whole, own=share is None)
    else:
        _set_size(video, budget.min_pixels, most, share, counted=1, own=most is None)
    # Where a step of a video is an image to the model, its processor counts an image as such a step.
    of_image = image.temporal_patch_size if family.steps_are_images else 1
    _set_size(image, budget.min_pixels, most, counted=of_image, own=most is None)


def _check_token(part: Any, bounds: dict[str, int | None]) -> None:
    """Raise UsageError for an upper bound of a frame's pixels that one visual token exceeds."""
    side = part.patch_size * part.merge_size
    for name, bound in bounds.items():
        if bound is not None and bound < side * side:
            raise UsageError(
                f"The pixel budget cannot be kept: {name} is {bound}, and one visual token of this "
                f"model is {side} x {side} = {side * side} pixels. Raise it."
            )


def _set_size(part: Any, least: int | None, *most: int | None, counted: int, own: bool) -> None:
    """Bound the pictures that a part of a processor resizes, of which it counts the pixels of `counted` together.

    own: whether the upper bound that the processor has holds as well.
    """
    size = dict(part.size)
    bounds = [one * counted for one in most if one is not None] + [size["longest_edge"]] * own
    lower = min(size["shortest_edge"], *bounds) if least is None else least * counted
    if lower > min(bounds):
        raise UsageError(
            f"The pixel budget cannot be kept: min_pixels is {least}, and the model's own processor allows a picture "
            f"{min(bounds) // counted}. State max_pixels and total_pixels too."
        )
    part.size = SizeDict(shortest_edge=lower, longest_edge=min(bounds))
    if hasattr(part, "cap_pixels_per_frame"):
        part.cap_pixels_per_frame = False  # the size says all


def _whole(part: Any, frames: int) -> int:
    """Return how many frames make whole steps of so many."""
    step = int(part.temporal_patch_size)
    return -(-frames // step) * step
