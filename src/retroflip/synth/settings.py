"""What a user may set of temporal videos, and the two presets of SynRL's rounds."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retroflip.synth.animation import BACKGROUNDS


class SceneSettings(BaseModel):
    """How videos look and how hard they are. A kind that has no use for a setting leaves it alone.

    difficulty: 1 to 5; more objects and operations, smaller differences, longer clips, always above the least that a
    viewer of 32 frames can tell. objects, operations: fixed numbers in place of what the difficulty means.
    object_scale: factor on the size of the objects of direction, speed, acceleration, velocity_ranking,
    attribute_change, rotation and collision_count; they become smaller, or larger as far as their scene has room: small
    videos for small models need large objects.
    duration_scale: factor on the length of videos. operation_scale: factor on how many operations a video has, each of
    which then takes `pace` times as long. distractors: extra objects that no question is about. viewed_frames: how
    many evenly spread frames a model is shown; a question that they cannot decide is not asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=448, ge=64, le=1920, multiple_of=2)
    fps: int = Field(default=30, ge=8, le=60)
    difficulty: int = Field(default=2, ge=1, le=5)
    objects: int | None = Field(default=None, ge=1, le=8)
    object_scale: float = Field(default=1.0, ge=0.5, le=3.5)
    operations: int | None = Field(default=None, ge=2, le=30)
    distractors: int = Field(default=0, ge=0, le=4)
    duration_scale: float = Field(default=1.0, gt=0.0, le=8.0)
    operation_scale: float = Field(default=1.0, gt=0.0, le=4.0)
    reveal_seconds: float = Field(default=2.0, ge=0.5, le=10.0)
    operation_seconds: tuple[float, float] = (0.5, 1.0)
    backgrounds: tuple[str, ...] = BACKGROUNDS
    noise: float = Field(default=0.0, ge=0.0, le=20.0)
    viewed_frames: int = Field(default=32, ge=4, le=512)

    @property
    def pace(self) -> float:
        """How long an operation takes, in times of its usual length: as long as ever where both scales are alike."""
        return self.duration_scale / self.operation_scale

    def wanted(self, usual: float) -> int:
        """Return how many operations a video is to have where it has `usual` of them by default."""
        return self.operations or round(usual * self.operation_scale)

    @model_validator(mode="after")
    def _are_known(self) -> Self:
        if not self.backgrounds or (unknown := set(self.backgrounds) - set(BACKGROUNDS)):
            raise ValueError(
                f"backgrounds are {', '.join(sorted(unknown)) if self.backgrounds else 'none'}; "
                f"choose from {', '.join(BACKGROUNDS)}"
            )
        low, high = self.operation_seconds
        if not 0.2 <= low <= high <= 10.0:
            raise ValueError(
                f"operation_seconds are {low} to {high}; give a range from 0.2 to 10 seconds, the shorter first"
            )
        return self


PRESETS: Mapping[str, Mapping[str, int | float]] = {
    "round1": {},
    "round2": {"duration_scale": 2.0, "operation_scale": 2.0, "viewed_frames": 64},
}
"""settings by the round of SynRL's training that they are for: the second doubles durations and operations (section 4,
finding 3), of which nobody can tell twice as many in the same number of frames"""
