"""The kinds of synthetic clips, by name."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from retroflip.lab.clip import Clip
from retroflip.lab.kinds import direction, dynamics, events, static
from retroflip.lab.kinds.common import Rng

Kind = Callable[[Rng], Clip]


class PairedKind(Protocol):
    """A kind whose counterfactual has another answer."""

    def __call__(self, rng: Rng, *, strength: float = 1.0) -> Clip:
        """Draw a clip whose motion is `strength` times as large as usual."""


PAIRED: dict[str, PairedKind] = {
    "moving_direction": direction.make,
    "reversible_dynamics": dynamics.make,
    "event_sequence": events.make,
}
"""one kind for each DyBench sub-task"""

KINDS: dict[str, Kind] = {
    **PAIRED,
    "moving_direction_8": partial(direction.make, directions=direction.EIGHT),
    "static": static.make,
}
