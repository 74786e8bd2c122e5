"""Direction: two legs, exact steps, a screen without walls, and places that give nothing away."""

import numpy as np
import pytest

from retroflip.synth.checks import direction as check
from retroflip.synth.episode import Episode
from retroflip.synth.settings import SceneSettings
from retroflip.synth.short import direction, speed
from retroflip.synth.ways import mirrored, played_back
from temporal_pairs import on_disk, pair_of

UNITS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}


def steps_of(episode: Episode, identity: str = "o1") -> np.ndarray:
    """What the object goes from frame to frame, (T - 1, 2), with returns at the other edge taken out."""
    (actor,) = (one for one in episode.animation.actors if one.id == identity)
    steps_T2 = np.diff(np.stack([actor.x_T, actor.y_T], axis=1), axis=0)
    around = direction.period(direction.RADIUS)
    return steps_T2 - around * np.round(steps_T2 / around)


def words(steps_T2: np.ndarray, legs: int) -> str:
    """The path by the units nearest to the sums of its parts, found apart from the generator's own rule."""
    named = []
    for leg_T2 in np.split(steps_T2, legs):
        towards = {word: float(leg_T2.sum(axis=0) @ unit) for word, unit in UNITS.items()}
        named.append(max(towards, key=towards.__getitem__))
    return "first " + ", then ".join(named)


@pytest.mark.parametrize("turn", range(40))
def test_the_answer_is_the_path_that_the_object_takes(turn: int) -> None:
    for side in pair_of(direction.KIND, 5, turn)[:2]:
        assert side.question.answer == words(steps_of(side), 2)


@pytest.mark.parametrize(("operations", "viewed", "legs"), [(3, 32, 3), (4, 32, 4), (6, 64, 6), (6, 9, 4)])
def test_longer_paths_turn_where_the_object_is_seen(operations: int, viewed: int, legs: int) -> None:
    scene = SceneSettings(operations=operations, viewed_frames=viewed)
    for turn in range(12):
        for side in pair_of(direction.KIND, 5, turn, scene)[:2]:
            assert side.question.answer == words(steps_of(side), legs)
            (target,) = (one for one in side.animation.actors if one.id == "o1")
            length = (side.animation.frames - 1) // legs
            for corner in range(1, legs):
                for course_T in (target.x_T, target.y_T):
                    assert 0.0 < course_T[corner * length] < 1.0


def test_paths_by_hand() -> None:
    assert len(direction.paths(2)) == 4 * 2
    assert len(direction.paths(4)) == 4 * 2**3
    # "left, up, right" played backwards is "left, down, right": its mirror images are "right, up, left" and so on.
    assert len(direction.orbit(("left", "up", "right"))) == 4
    # "up, left, down" played backwards is "up, right, down", which is what a mirror shows of it.
    assert len(direction.orbit(("up", "left", "down"))) == 2
    assert ("up", "left", "down") not in direction.paths(3)


def test_the_path_of_the_clip_played_backwards_and_mirrored_by_hand() -> None:
    assert played_back(("left", "up")) == ("down", "right")
    assert mirrored(("left", "up")) == ("right", "up")
    assert mirrored(("down", "right")) == ("down", "left")


def test_an_object_moves_along_one_axis_at_a_time_and_evenly() -> None:
    pair = pair_of(direction.KIND, 1)
    steps_T2 = steps_of(pair.first)
    assert (np.abs(steps_T2).min(axis=1) < 1e-9).all()
    lengths = np.abs(steps_T2).max(axis=1)
    moving = lengths[lengths > 1e-9]
    np.testing.assert_allclose(moving[: len(moving) // 2 - 1], moving[0], rtol=1e-9)


def test_the_checker_reads_positions_and_passes_over_a_return_at_the_other_edge() -> None:
    places = [[0.9, 0.5], [1.0, 0.5], [0.01, 0.5], [0.1, 0.5], [0.1, 0.4], [0.1, 0.3]]
    metadata = {
        "question": {"parameters": {"object": "o1"}},
        "states": [{"positions": {"o1": place}} for place in places],
    }
    assert check.answer(metadata) == "first right, then up"


def test_what_comes_back_at_the_other_edge_is_told_as_an_event() -> None:
    told = 0
    for turn in range(60):
        side = pair_of(direction.KIND, 2, turn).first
        (target,) = (one for one in side.animation.actors if one.id == "o1")
        jumps = np.flatnonzero(np.abs(np.diff(target.x_T)) + np.abs(np.diff(target.y_T)) > 0.5)
        returns = [event for event in side.events if event.type == "return"]
        assert [event.start_frame for event in returns] == jumps.tolist()
        told += len(returns)
    assert told > 5


def test_objects_are_as_large_as_set_as_far_as_there_is_room() -> None:
    for kind, scale, radius in (
        (direction.KIND, 0.5, 0.0225),
        (direction.KIND, 1.0, 0.045),
        (direction.KIND, 3.5, 0.1575),
        (speed.KIND, 3.5, 0.1),
    ):
        side = pair_of(kind, 3, 0, SceneSettings(difficulty=1, object_scale=scale)).first
        (target,) = (one for one in side.animation.actors if one.id == "o1")
        assert target.half_width_T == pytest.approx(radius)


def test_other_objects_move_too() -> None:
    side = pair_of(direction.KIND, 3, 0, SceneSettings(distractors=3)).first
    for identity in ("o2", "o3", "o4"):
        assert np.abs(steps_of(side, identity)).sum() > 0.3
    assert "o2" in on_disk(side)["states"][0]["positions"]


@pytest.mark.parametrize("scale", [1.0, 2.6])
@pytest.mark.parametrize("moment", [0, "middle", -1])
def test_where_the_object_is_in_one_frame_says_little_of_where_it_goes(
    moment: int | str, scale: float
) -> None:
    """Guess each leg by the half of the frame that the object is in: what goes left would start on the right."""
    places, answers = [], []
    for turn in range(600):
        pair = pair_of(direction.KIND, 11, turn, SceneSettings(difficulty=1, object_scale=scale))
        side = pair.first if turn // 8 % 2 else pair.second
        (target,) = (one for one in side.animation.actors if one.id == "o1")
        frame = side.animation.frames // 2 if moment == "middle" else int(moment)
        places.append((target.x_T[frame], target.y_T[frame]))
        answers.append(side.question.answer.replace("first ", "").replace(" then ", "").split(","))
    sideways = np.array([("left" in words) for words in answers])
    upwards = np.array([("up" in words) for words in answers])
    on_right, below = (np.array(places) > 0.5).T
    for guess, truth in ((on_right, sideways), (below, upwards)):
        share = float(np.mean(guess == truth))
        assert abs(share - 0.5) < 0.08
