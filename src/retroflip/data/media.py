"""What a question shows: video files, folders of frames, and images, and where in the question's text each stands."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retroflip.video.window import Window, part


class MediumKind(StrEnum):
    """What is read as a medium."""

    VIDEO = "video"
    """a video file"""
    FRAMES = "frames"
    """a folder of images, which are the frames of a video"""
    IMAGE = "image"


class ShownMedium(BaseModel):
    """One of the things that a question shows.

    path: relative to the data set's root, '/' between parts. start, end: bounds of the part that is shown, in seconds
    of the whole; None for its own. fps: frames per second of a folder of frames.

    Raises ValidationError for a folder without its rate, and for a rate or bounds of what has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: MediumKind
    path: str
    start: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    end: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    fps: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _has_what_its_kind_has(self) -> Self:
        if (self.kind is MediumKind.FRAMES) != (self.fps is not None):
            raise ValueError("a folder of frames has a rate, 'fps', and nothing else has one")
        if self.kind is MediumKind.IMAGE and (self.start is not None or self.end is not None):
            raise ValueError("an image has no parts, so neither 'start' nor 'end'")
        return self

    @property
    def window(self) -> Window | None:
        """The part that is shown; None for the whole."""
        return part(self.start, self.end)

    @property
    def is_image(self) -> bool:
        """Whether it is an image, and not a video or its frames."""
        return self.kind is MediumKind.IMAGE


_PLACEHOLDER = re.compile(r"<(image|video)>")


def placeholders(text: str) -> list[str]:
    """Return the placeholders of a text in their order: "image" for <image>, "video" for <video>."""
    return _PLACEHOLDER.findall(text)


def placed(text: str, media: Sequence[ShownMedium]) -> bool:
    """Return whether a text has a placeholder for each medium, of its kind and in their order."""
    return bool(media) and placeholders(text) == ["image" if one.is_image else "video" for one in media]


def around(text: str) -> list[str]:
    """Return what stands before, between and behind the placeholders of a text."""
    return _PLACEHOLDER.split(text)[::2]
