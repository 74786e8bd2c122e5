"""What both sides of a pair share, and when a viewer of the frames shown cannot decide it."""

from dataclasses import replace

import numpy as np
import pytest

from retroflip.synth.animation import Animation, Background
from retroflip.synth.episode import ANEW, Asked, Draw, Event, Redraw, listed, paired
from retroflip.synth.settings import SceneSettings
from retroflip.video.transforms import Transform

CLIP = Animation((), Background(), fps=30, frames=300)
ASKED = Asked("How many?", [1, 2], {"ask": "count"}, [], min_fps=3.2)


def drawn(**settings: int) -> Draw:
    return Draw(0, "none", 0, SceneSettings.model_validate(settings), np.random.default_rng(0))


def test_both_sides_share_all_but_the_answer() -> None:
    one, two = (
        ASKED.episode(CLIP, answer, {Transform.FLIP}, events=[], states=[], derivation=[]).question
        for answer in ASKED.options
    )
    assert replace(two, answer="1") == one
    assert (one.options, one.answer, one.numeric, two.numeric) == (("1", "2"), "1", 1.0, 2.0)


@pytest.mark.parametrize("options", [["left", "right"], [(3, 1), (1, 3)], [(3,), (1,)]])
def test_options_that_are_no_numbers_have_no_order(options: list[object]) -> None:
    asked = replace(ASKED, options=options)
    question = asked.episode(CLIP, options[0], (), events=[], states=[], derivation=[]).question
    assert (question.ordered, question.numeric) == (False, None)
    assert question.options == tuple(map(listed, options))
    assert question.answer == listed(options[0])


@pytest.mark.parametrize(("viewed", "is_enough"), [(31, False), (32, True)])
def test_a_pair_is_drawn_again_where_the_frames_shown_lie_too_far_apart(viewed: int, is_enough: bool) -> None:
    """Ten seconds at 3.2 frames a second are 32 frames."""
    side = ASKED.episode(CLIP, "1", (), events=[], states=[], derivation=[])
    if is_enough:
        assert paired(drawn(viewed_frames=viewed), side, side, ANEW).how == "operations"
    else:
        with pytest.raises(Redraw, match="too far apart"):
            paired(drawn(viewed_frames=viewed), side, side, ANEW)


@pytest.mark.parametrize(("second", "differs"), [(31, False), (33, True)])
def test_events_that_begin_in_the_same_tenth_of_a_second_are_drawn_again(second: int, differs: bool) -> None:
    events = [Event("hit", frame, frame, "") for frame in (30, second)]
    side = ASKED.episode(CLIP, "1", (), events=events, states=[], derivation=[])
    sides = replace(side, events=[]), side
    assert paired(drawn(), *sides, Transform.FLIP)[:2] == sides
    if differs:
        assert paired(drawn(), *sides, Transform.FLIP, own_stamps=True)[:2] == sides
    else:
        with pytest.raises(Redraw):
            paired(drawn(), *sides, Transform.FLIP, own_stamps=True)


def test_a_table_is_read_by_difficulty() -> None:
    assert [drawn(difficulty=level).level("abcde") for level in (1, 3, 5)] == ["a", "c", "e"]
