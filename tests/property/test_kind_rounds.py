"""SynRL's two rounds over all kinds: the second's videos are twice as long and twice as much happens in them."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from retroflip.synth.episode import Episode, Event, Kind
from retroflip.synth.names import Term
from retroflip.synth.registry import TEMPORAL_KINDS
from retroflip.synth.settings import PRESETS, SceneSettings
from temporal_pairs import pair_of

NO_OPERATION = {"reveal", "blank", "return"}
"""what is shown at an end, and where an object leaves the screen and comes back"""
TURNS = 12
every_kind = pytest.mark.parametrize("kind", TEMPORAL_KINDS.values(), ids=TEMPORAL_KINDS)


@cache
def drawn(name: str, preset: str) -> list[Episode]:
    scene = SceneSettings.model_validate(PRESETS[preset])
    return [pair_of(TEMPORAL_KINDS[name], 21, turn, scene).first for turn in range(TURNS)]


def operations(side: Episode) -> list[Event]:
    return [event for event in side.events if event.type not in NO_OPERATION]


def seconds(side: Episode) -> float:
    return side.animation.frames / side.animation.fps


def ratio(two: Sequence[float], one: Sequence[float]) -> float:
    return float(np.mean(two) / np.mean(one))


@every_kind
def test_the_second_round_doubles_durations_and_operations(kind: Kind) -> None:
    one, two = (drawn(kind.name, preset) for preset in ("round1", "round2"))
    assert 1.8 < ratio([*map(seconds, two)], [*map(seconds, one)]) < 2.25
    counts = [[len(operations(side)) for side in sides] for sides in (two, one)]
    assert 1.85 < ratio(*counts) < 2.2


@pytest.mark.parametrize("preset", ["round1", "round2"])
@pytest.mark.parametrize(
    "kind", [one for one in TEMPORAL_KINDS.values() if one.term is Term.LONG], ids=lambda one: one.name
)
def test_an_operation_of_a_long_video_takes_half_a_second_to_a_second(kind: Kind, preset: str) -> None:
    for side in drawn(kind.name, preset):
        for event in operations(side):
            assert 0.5 <= (event.end_frame - event.start_frame + 1) / side.animation.fps <= 1.0


@every_kind
@pytest.mark.parametrize("preset", ["round1", "round2"])
def test_no_two_events_share_a_time_stamp(kind: Kind, preset: str) -> None:
    for side in drawn(kind.name, preset):
        stamps = [round(event["start_ms"] / 100) for event in side.metadata()["events"]]
        assert all(one < two for one, two in pairwise(stamps))


@every_kind
def test_backgrounds_vary_by_default(kind: Kind) -> None:
    assert len({side.animation.background.pattern for side in drawn(kind.name, "round1")}) > 2
