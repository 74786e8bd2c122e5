"""The cast of a short video: ids, roles and events by hand, and what an event is in the clip played backwards."""

import numpy as np

from retroflip.synth.cast import Cast
from retroflip.synth.episode import Draw, Event, backwards
from retroflip.synth.objects import Look
from retroflip.synth.settings import SceneSettings

CAST = Cast([Look("star", "red"), Look("tee", "blue"), Look("cross", "pink")], targets=2, role="mover")


def drawn(**settings: int) -> Draw:
    return Draw(0, "none", 0, SceneSettings.model_validate(settings), np.random.default_rng(0))


def test_objects_are_numbered_and_the_last_ones_distract() -> None:
    assert CAST.ids == ["o1", "o2", "o3"]
    assert (CAST.name, CAST.names) == ("red star", ["red star", "blue T"])
    assert [one["role"] for one in CAST.objects()] == ["mover", "mover", "distractor"]
    assert list(CAST.distractors) == [2]


def test_there_are_as_many_distractors_as_settings_want() -> None:
    cast = Cast.drawn(drawn(distractors=3), 2)
    assert [one["role"] for one in cast.objects()] == ["target"] * 2 + ["distractor"] * 3
    crossing = cast.crossing(drawn(), 20, 0.05)
    assert [(one.id, len(one)) for one in crossing] == [("o3", 20), ("o4", 20), ("o5", 20)]


def test_an_object_looks_as_the_cast_says_and_goes_its_way() -> None:
    one = CAST.moving((np.array([0.1, 0.2]), np.array([0.3, 0.4])), 0.05, 2)
    assert (one.id, one.shape, one.x_T.tolist(), one.y_T.tolist()) == ("o3", "cross", [0.1, 0.2], [0.3, 0.4])
    assert one.half_width_T.tolist() == one.half_height_T.tolist() == [0.05, 0.05]


def test_an_event_is_told_of_its_object() -> None:
    event = CAST.event("hop", (3, 9), "hops twice", who=1, side="left")
    assert event == Event("hop", 3, 9, "the blue T hops twice", {"object": "o2", "side": "left"})


def test_events_played_backwards_end_where_they_began_and_come_in_the_other_order() -> None:
    first, second = CAST.event("hop", (0, 3), "hops"), CAST.event("hop", (5, 8), "hops", 1)
    turned = backwards([first, second], 10)
    assert [(one.facts["object"], one.start_frame, one.end_frame) for one in turned] == [
        ("o2", 1, 4),
        ("o1", 6, 9),
    ]
    assert backwards(turned, 10) == [first, second]
