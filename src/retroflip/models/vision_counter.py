"""Counts what passes through vision towers, so that a run's metrics can prove that no video does so twice."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from retroflip.models.encoding import Prompt


def patches_of(prompts: Sequence[Prompt]) -> int:
    """Return how many patches of videos and images these prompts hold."""
    return sum(len(prompt.pixels_PD) for prompt in prompts if prompt.pixels_PD is not None)


class VisionCounter:
    """Counts the patches that the towers it watches have encoded."""

    def __init__(self) -> None:
        self.seen = 0

    def watch(self, model: Any) -> None:
        """Count from now on what this model's vision tower encodes."""
        model.model.visual.register_forward_pre_hook(self._count, with_kwargs=True)

    def take(self) -> int:
        """Return the count, and start again from 0."""
        seen, self.seen = self.seen, 0
        return seen

    def _count(self, _: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        grids = named["grid_thw"] if "grid_thw" in named else arguments[1]
        self.seen += int(grids.prod(-1).sum())
