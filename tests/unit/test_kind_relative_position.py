"""Relative position: rounds of the four sides by hand, both transformations, and what frames without order hold."""

from collections import Counter

import numpy as np
import pytest

from retroflip.synth.checks import relative_position as check
from retroflip.synth.episode import Episode
from retroflip.synth.settings import PRESETS, SceneSettings
from retroflip.synth.short.relative_position import KIND, SIDES, after, in_words, mirrored, offset
from retroflip.video.sampling import uniform_indices
from retroflip.video.transforms import Transform
from temporal_pairs import on_disk, pair_of

LEFT, RIGHT = "to the left of", "to the right of"
ROUND = ["above", LEFT, RIGHT, "below"]


def test_the_sides_after_the_first_visit_by_hand() -> None:
    visits = [*ROUND, *ROUND, "above"]
    assert after(visits, LEFT) == (RIGHT, "below", "above")
    assert after(visits[::-1], LEFT) == ("above", "below", RIGHT)
    assert after(mirrored(visits), LEFT) == ("below", "above", RIGHT)


def test_the_visitor_rests_at_each_side_and_crosses_the_middle_half_way_to_the_next() -> None:
    places_T2 = offset(ROUND, 20, 0.2)
    assert len(places_T2) == 61
    for index, side in enumerate(ROUND):
        np.testing.assert_allclose(places_T2[20 * index], 0.2 * np.array(SIDES[side]), atol=1e-12)
    np.testing.assert_allclose(places_T2[[10, 30, 50]], 0.0, atol=1e-12)
    np.testing.assert_allclose(places_T2[:5], places_T2[0] * np.ones((5, 1)), atol=1e-12)
    assert (np.abs(places_T2).min(axis=1) < 1e-12).all()


def between(episode: Episode) -> np.ndarray:
    """From the visited to the visitor, (T, 2)."""
    by_id = {one.id: one for one in episode.animation.actors}
    one, two = by_id["o1"], by_id["o2"]
    return np.stack([one.x_T - two.x_T, one.y_T - two.y_T], axis=1)


@pytest.mark.parametrize("turn", range(24))
@pytest.mark.parametrize("difficulty", [1, 5])
def test_the_answer_is_what_the_places_show_and_changes_as_said(turn: int, difficulty: int) -> None:
    pair = pair_of(KIND, 7, turn, SceneSettings(difficulty=difficulty))
    for side in pair[:2]:
        metadata = on_disk(side)
        assert check.answer(metadata) == side.question.answer
        states = metadata["states"]
        backwards = {**metadata, "states": states[::-1]}
        flipped = {
            **metadata,
            "states": [
                {"positions": {name: [1.0 - x, y] for name, (x, y) in state["positions"].items()}}
                for state in states
            ],
        }
        changed = {Transform.REVERSE: backwards, Transform.FLIP: flipped}
        assert side.question.changed_by == {
            how for how, told in changed.items() if check.answer(told) != side.question.answer
        }


def test_every_side_is_seen_in_as_many_of_the_frames_shown() -> None:
    """So a set of frames without their order tells nothing of the order."""
    for turn in range(12):
        clip = pair_of(KIND, 3, turn).first
        near_T2 = between(clip)[uniform_indices(clip.animation.frames, 33)[:-1]]
        sides = Counter(
            max(SIDES, key=lambda side, away=away: float(away @ SIDES[side]))  # type: ignore[misc]
            for away in near_T2
            if np.hypot(*away) > 0.02
        )
        assert max(sides.values()) - min(sides.values()) <= 1


@pytest.mark.parametrize("moment", [0.0, 0.5, 1.0])
def test_the_side_seen_in_one_frame_says_nothing_of_the_answer(moment: float) -> None:
    """Guess that the side seen is the one asked for next, wherever that can be: a third is chance."""
    hits = chances = 0
    for turn in range(400):
        side = pair_of(KIND, 21, turn).first
        away = between(side)[round(moment * (side.animation.frames - 1))]
        seen = max(SIDES, key=lambda one: float(away @ np.array(SIDES[one])))
        if seen != side.question.parameters["side"]:
            chances += 1
            hits += side.question.answer.startswith(seen)
    assert abs(hits / chances - 1.0 / 3.0) < 0.09


def test_options_are_places_in_relation_to_the_object_that_the_question_ends_on() -> None:
    assert in_words(["above", LEFT]) == "above it, then to the left of it"
    for turn in range(24):
        question = pair_of(KIND, 8, turn).first.question
        assert {part for option in question.options for part in option.split(", then ")} == {
            f"{side} it" for side in SIDES if side != question.parameters["side"]
        }


@pytest.mark.parametrize("difficulty", [1, 5])
def test_the_second_round_has_more_visits_and_each_is_seen_at_rest_or_just_beside(difficulty: int) -> None:
    counts = []
    for name in sorted(PRESETS):
        settings = SceneSettings.model_validate({**PRESETS[name], "difficulty": difficulty})
        side = pair_of(KIND, 4, 1, settings).first
        counts.append(len(side.events))
        away_T2 = between(side)
        shown = np.array(uniform_indices(side.animation.frames, settings.viewed_frames))
        stay = (side.animation.frames - 1) / (len(side.events) - 1)
        for index, event in enumerate(side.events):
            near = shown[np.abs(shown - index * stay) <= 0.27 * stay]
            assert len(near)
            towards_2 = np.array(SIDES[event.facts["side"]])
            assert (away_T2[near] @ towards_2 > 0.9 * np.hypot(*away_T2.T).max()).any()
    assert counts == [9, 17]
