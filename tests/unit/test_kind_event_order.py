"""Event order: what actions look like, read back off the actors; timings; what the middle frame holds."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from retroflip.synth.animation import Actor
from retroflip.synth.episode import Episode
from retroflip.synth.settings import PRESETS, SceneSettings
from retroflip.synth.short.event_order import ACTIONS, KIND
from retroflip.synth.wording import phrasings, wordings
from temporal_pairs import pair_of


def seen_acts(actor: Actor) -> dict[str, np.ndarray]:
    """When each course of the actor is away from where it began, by the action that would take it there."""
    courses = {
        "jumps": actor.y_T,
        "sways": actor.x_T,
        "fades": actor.opacity_T,
        "flashes": actor.colour_T3.sum(axis=1),
    }
    width_T = actor.half_width_T
    courses |= {"swells": np.maximum(width_T, width_T[0]), "shrinks": np.minimum(width_T, width_T[0])}
    away = {name: np.flatnonzero(np.abs(course_T - course_T[0]) > 1e-6) for name, course_T in courses.items()}
    return {name: frames for name, frames in away.items() if len(frames)}


def second_opinion(episode: Episode) -> str:
    """The answer from the actors' courses, without the metadata's events."""
    names = {one["id"]: one["name"] for one in episode.objects if one["role"] == "target"}
    found = [
        (int(frames[0]), f"the {names[actor.id]} {action}", (actor.id, action))
        for actor in episode.animation.actors
        if actor.id in names
        for action, frames in seen_acts(actor).items()
    ]
    words = [text for _, text, _ in sorted(found)]
    asked = episode.question.parameters
    if asked["form"] == "relation":
        began = {key: frame for frame, _, key in found}
        one, other = ((event["object"], event["action"]) for event in asked["events"])
        return "before" if began[one] < began[other] else "after"
    return {"order": ", then ".join(words), "first": words[0], "last": words[-1]}[asked["form"]]


@pytest.mark.parametrize("turn", range(36))
def test_the_answer_can_be_read_off_what_the_actors_do(turn: int) -> None:
    for side in pair_of(KIND, 9, turn, SceneSettings(distractors=turn % 3))[:2]:
        assert side.question.answer == second_opinion(side)


@pytest.mark.parametrize("turn", range(12))
def test_actions_are_as_long_as_each_other_and_end_as_they_began(turn: int) -> None:
    side = pair_of(KIND, 4, turn).first
    lengths = {event.end_frame - event.start_frame for event in side.events}
    gaps = {two.start_frame - one.end_frame for one, two in pairwise(side.events)}
    assert len(lengths) == len(gaps) == 1
    assert gaps.pop() / side.animation.fps >= 0.3
    for actor in side.animation.actors:
        assert actor.x_T[0] == pytest.approx(actor.x_T[-1])
        assert actor.y_T[0] == pytest.approx(actor.y_T[-1])
        assert actor.opacity_T[0] == actor.opacity_T[-1] == pytest.approx(1.0)


def test_every_action_is_used_and_stays_in_the_frame() -> None:
    used: Counter[str] = Counter()
    for turn in range(60):
        side = pair_of(KIND, 2, turn, SceneSettings(difficulty=1, distractors=4)).first
        for actor in side.animation.actors:
            assert (actor.x_T - actor.half_width_T).min() > 0.0
            assert (actor.x_T + actor.half_width_T).max() < 1.0
            assert (actor.y_T - actor.half_height_T).min() > 0.0
            assert (actor.y_T + actor.half_height_T).max() < 1.0
            used.update(seen_acts(actor))
    assert set(used) == set(ACTIONS)


def test_what_the_middle_frame_shows_is_as_often_the_first_as_the_second_or_the_third() -> None:
    ranks: Counter[int] = Counter()
    for turn in range(600):
        side = pair_of(KIND, 31, turn).first
        middle = side.animation.frames // 2
        ranks.update(
            rank for rank, event in enumerate(side.events) if event.start_frame < middle < event.end_frame
        )
    total = sum(ranks.values())
    assert total > 250
    assert sum((ranks[rank] - total / 3) ** 2 / (total / 3) for rank in range(3)) < 13.8  # 2 degrees, 0.1 %


@pytest.mark.parametrize(
    ("operations", "viewed", "expected"),
    [(2, 32, 3), (6, 32, 4), (4, 26, 4), (4, 25, 3), (3, 19, 3), (6, 64, 6), (30, 128, 8)],
)
def test_as_many_things_happen_as_the_viewer_can_tell(operations: int, viewed: int, expected: int) -> None:
    side = pair_of(KIND, 2, 0, SceneSettings(operations=operations, viewed_frames=viewed)).first
    assert len(side.events) == expected


def test_the_second_round_has_more_happen_to_the_usual_viewer() -> None:
    one, two = (
        pair_of(KIND, 2, 0, SceneSettings.model_validate(PRESETS[name])).first for name in sorted(PRESETS)
    )
    assert len(two.events) > len(one.events)


def test_no_question_is_of_all_that_happens_while_distractors_act_too() -> None:
    """What a distractor does may come first: asked is which comes first of what the question or its options name."""
    earlier = 0
    for turn in range(36):
        side = pair_of(KIND, 5, turn, SceneSettings(distractors=3)).first
        strays = {one["id"] for one in side.objects if one["role"] == "distractor"}
        earlier += side.events[0].facts["object"] in strays
    assert earlier
    for form in ("order", "first", "last"):
        assert all(
            re.search(r"\b[Tt]hese (things|events)?\b", one)
            for template in phrasings("event_order")[form]
            for one in wordings(template)
        )


@pytest.mark.parametrize("settings", [SceneSettings(), SceneSettings(operation_scale=2.0)])
def test_every_action_looks_the_same_backwards(settings: SceneSettings) -> None:
    looked = set()
    for turn in range(24):
        side = pair_of(KIND, 6, turn, settings).first
        for event in side.events:
            one = next(actor for actor in side.animation.actors if actor.id == event.facts["object"])
            span = slice(event.start_frame, event.end_frame + 1)
            looked.add(event.facts["action"])
            for course_T in (one.x_T, one.y_T, one.half_width_T, one.opacity_T, one.colour_T3):
                np.testing.assert_allclose(course_T[span], course_T[span][::-1], atol=1e-9)
    assert looked == set(ACTIONS)
