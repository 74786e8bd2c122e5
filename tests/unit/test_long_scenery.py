"""The stage of long videos: which end shows the state, in events and in opacities, and what lies about."""

import numpy as np
import pytest

from retroflip.synth.episode import Draw, Mode
from retroflip.synth.long.orders import Query
from retroflip.synth.long.scenery import Stage, darker
from retroflip.synth.long.timeline import Timeline
from retroflip.synth.settings import SceneSettings

TIMELINE = Timeline(fps=10, reveal=20, operation=6, pause=2, operations=2)


def stage(*, opening: bool) -> Stage:
    draw = Draw(0, "none", 0, SceneSettings(distractors=2), np.random.default_rng(0))
    return Stage.drawn(draw, TIMELINE, opening=opening)


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        (True, [("reveal", 0, 19), ("put", 22, 27), ("take", 30, 35), ("blank", 38, 57)]),
        (False, [("blank", 0, 19), ("put", 22, 27), ("take", 30, 35), ("reveal", 38, 57)]),
    ],
)
def test_events_are_told_in_order_of_time(opening: bool, expected: list[tuple[str, int, int]]) -> None:
    operations = [("put", "card 3 is put in", {"card": 3}), ("take", "one is taken", {})]
    told = stage(opening=opening).told("the case is open", {"pile": [1]}, operations, "the case is closed")
    assert [(event.type, event.start_frame, event.end_frame) for event in told] == expected
    assert {event.type: event.facts for event in told}["reveal"] == {"pile": [1]}
    assert len(stage(opening=opening).told("", {}, operations)) == 3


def test_what_hides_the_state_is_there_whenever_the_state_is_not() -> None:
    for opening, frame in ((True, 0), (False, -1)):
        shown = stage(opening=opening)
        np.testing.assert_array_equal(shown.shown_T + shown.hidden_T, np.ones(TIMELINE.frames))
        assert shown.shown_T[frame] == 1.0
        assert shown.shown_of(["before", "between", "after"]) == ("before" if opening else "after")


def test_what_hides_the_state_is_gone_while_it_moves() -> None:
    """The operations are in the frames 22 to 27 and 30 to 35, and the state is shown until frame 19."""
    there_T = stage(opening=True).at_rest_T([1])
    np.testing.assert_array_equal(np.flatnonzero(there_T[20:] == 0.0) + 20, range(30, 36))
    assert set(there_T[20:].tolist()) == {0.0, 1.0}


def test_bystanders_are_in_the_clip_and_listed_behind_what_takes_part() -> None:
    shown = stage(opening=True)
    card = shown.actor(
        "card", "rectangle", (1, 2, 3), (0.5, 0.4), (0.1, 0.2), opacity=shown.shown_T, text="7"
    )
    assert [one.id for one in shown.animation([card]).actors] == ["d1", "d2", "card"]
    assert (card.text, card.y_T[0], card.half_height_T[0]) == ("7", 0.4, 0.2)
    np.testing.assert_array_equal(card.opacity_T, shown.shown_T)
    query = Query(Mode.FORWARD, "count", "end")
    asked = shown.asked(query, "How many?", [1, 2], [{"id": "card"}], seen=2, is_open=False)
    assert [one["id"] for one in asked.objects] == ["card", "d1", "d2"]
    assert [one.get("role") for one in asked.objects] == [None, "distractor", "distractor"]
    assert (asked.mode, asked.parameters, asked.min_fps) == (
        query.mode,
        query.parameters,
        TIMELINE.min_fps(2),
    )


def test_an_edge_is_darker_than_what_it_surrounds() -> None:
    assert darker((200, 100, 0)) == (110, 55, 0)
