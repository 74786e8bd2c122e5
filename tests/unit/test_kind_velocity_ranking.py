"""Velocity ranking: speeds by hand, lanes, halves that change places backwards, places that tell nothing."""

import numpy as np
import pytest

from retroflip.draws import draw
from retroflip.synth.checks import velocity_ranking as check
from retroflip.synth.episode import Draw, Episode
from retroflip.synth.settings import PRESETS, SceneSettings
from retroflip.synth.short.velocity_ranking import KIND, LEAST_RATIO, distances, orders
from retroflip.video.transforms import Transform
from temporal_pairs import pair_of


def drawn(seed: int) -> Draw:
    return Draw(seed, "velocity_ranking", 0, SceneSettings(), draw(seed))


def way_of(episode: Episode, identity: str, low: float, high: float) -> float:
    """How far the object goes in a part of the clip: its longest step, which no bounce shortens, each time."""
    (actor,) = (one for one in episode.animation.actors if one.id == identity)
    steps_T = np.hypot(np.diff(actor.x_T), np.diff(actor.y_T))
    part = steps_T[round(low * len(steps_T)) : round(high * len(steps_T))]
    return float(part.max() * len(part))


def second_opinion(episode: Episode) -> str:
    asked = episode.question.parameters
    part, parts = asked["part"]
    low, high = part / parts, (part + 1) / parts
    names = {one["id"]: one["name"] for one in episode.objects}
    ways = [(way_of(episode, one, low, high), names[one]) for one in asked["objects"]]
    return ", ".join(name for _, name in sorted(ways, reverse=not asked["slowest_first"]))


def test_each_object_goes_the_ratio_times_as_far_as_the_next_slower_one() -> None:
    assert distances((2, 0, 1), 0.2, 1.5) == pytest.approx([0.3, 0.2, 0.45])


@pytest.mark.parametrize("count", [3, 4, 5, 8])
def test_four_different_rankings_are_offered(count: int) -> None:
    for seed in range(20):
        offered = orders(drawn(seed), count)
        assert len(set(offered)) == 4
        assert all(sorted(one) == list(range(count)) for one in offered)


def test_of_four_objects_the_rankings_differ_by_two_swaps_made_or_not() -> None:
    one, two, three, four = orders(drawn(1), 4)
    assert two == (one[1], one[0], one[2], one[3])
    assert three == (one[0], one[1], one[3], one[2])
    assert four == (one[1], one[0], one[3], one[2])


@pytest.mark.parametrize("turn", range(24))
@pytest.mark.parametrize("difficulty", [1, 5])
def test_the_answer_is_the_order_of_the_ways_gone(turn: int, difficulty: int) -> None:
    for side in pair_of(KIND, 8, turn, SceneSettings(difficulty=difficulty))[:2]:
        assert side.question.answer == second_opinion(side)


@pytest.mark.parametrize("objects", [1, 3, 5, 8])
def test_neighbours_differ_by_the_least_ratio_however_many_there_are(objects: int) -> None:
    pair = pair_of(KIND, 3, 0, SceneSettings(objects=objects, viewed_frames=64))
    asked = pair.first.question.parameters["objects"]
    ways = sorted(way_of(pair.first, one, 0.0, 0.5) for one in asked)
    assert len(ways) == max(3, objects)
    assert (np.array(ways[1:]) / np.array(ways[:-1]) > LEAST_RATIO - 1e-6).all()


@pytest.mark.parametrize("turn", range(16))
def test_reversal_changes_halves_and_nothing_else(turn: int) -> None:
    pair = pair_of(KIND, 6, turn)
    _, parts = pair.first.question.parameters["part"]
    assert pair.how == ("operations" if parts == 1 else "reverse")
    assert pair.first.question.changed_by == (set() if parts == 1 else {Transform.REVERSE})


def test_the_checker_looks_at_the_half_asked_for_and_at_the_end_named_first() -> None:
    """Object a goes 1 and then 3 a frame, b 2 throughout."""
    states = [
        {
            "frame": frame,
            "positions": {"a": [frame if frame <= 4 else 4 + 3 * (frame - 4), 0], "b": [0, 2 * frame]},
        }
        for frame in range(9)
    ]
    objects = [{"id": "a", "name": "red star"}, {"id": "b", "name": "blue cross"}]
    answers = {}
    for part in (0, 1):
        for rising in (False, True):
            asked = {"objects": ["a", "b"], "part": [part, 2], "slowest_first": rising}
            metadata = {"question": {"parameters": asked}, "objects": objects, "states": states}
            answers[part, rising] = check.answer(metadata)
    assert answers == {
        (0, False): "blue cross, red star",
        (0, True): "red star, blue cross",
        (1, False): "red star, blue cross",
        (1, True): "blue cross, red star",
    }


def test_a_viewer_of_more_frames_is_asked_of_quarters() -> None:
    scene = SceneSettings.model_validate(PRESETS["round2"])
    asked = set()
    for turn in range(16):
        pair = pair_of(KIND, 6, turn, scene)
        for side in pair[:2]:
            assert side.question.answer == second_opinion(side)
            asked.add(tuple(side.question.parameters["part"]))
        assert len(pair.first.events) == 3 * 4
    assert asked == {(0, 1), (0, 4), (1, 4), (2, 4), (3, 4)}


@pytest.mark.parametrize("frame", [0, -1])
def test_the_fastest_object_is_anywhere_in_its_lane(frame: int) -> None:
    far = []
    for turn in range(300):
        side = pair_of(KIND, 12, turn).first
        asked = side.question.parameters
        ways = {one: way_of(side, one, 0.0, 0.5) for one in asked["objects"]}
        fastest = max(ways, key=ways.__getitem__)
        (actor,) = (one for one in side.animation.actors if one.id == fastest)
        along_T = actor.x_T if np.ptp(actor.x_T) > 0.0 else actor.y_T
        far.append((along_T[frame] - 0.06) / 0.88)
    quarters = np.histogram(far, bins=4, range=(0.0, 1.0))[0]
    assert float(((quarters - 75.0) ** 2 / 75.0).sum()) < 16.3  # chi-square, 3 degrees of freedom, 0.1 %
