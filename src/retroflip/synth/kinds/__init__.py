"""The kinds of synthetic clips, by name."""

from collections.abc import Callable
from functools import partial

from retroflip.synth.clip import Clip
from retroflip.synth.kinds import direction, dynamics, events, static
from retroflip.synth.kinds.common import Rng

Kind = Callable[[Rng], Clip]

PAIRED: dict[str, Kind] = {
    "moving_direction": direction.make,
    "reversible_dynamics": dynamics.make,
    "event_sequence": events.make,
}
"""the kinds whose counterfactual has another answer, one for each DyBench sub-task"""

KINDS: dict[str, Kind] = {
    **PAIRED,
    "moving_direction_8": partial(direction.make, directions=direction.EIGHT),
    "static": static.make,
}
