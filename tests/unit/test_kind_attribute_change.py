"""Changes of looks: the four orders, what single frames show, and the checker by hand."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.synth.animation import PALETTE, Animation
from retroflip.synth.checks.attribute_change import answer
from retroflip.synth.episode import Draw
from retroflip.synth.settings import SceneSettings
from retroflip.synth.short.attribute_change import (
    KIND,
    RADIUS,
    Change,
    four_orders,
    in_words,
    numbers,
)
from temporal_pairs import pair_of

SEEDS = st.integers(0, 2**32)
TURNS = st.integers(0, 50)


def look(clip: Animation, frame: int) -> tuple[object, ...]:
    """What is to be seen of the object in a frame."""
    shown = sorted((one for one in clip.actors if one.id.startswith("o1")), key=lambda one: one.id)
    return tuple(
        (one.shape, tuple(np.round(one.colour_T3[frame], 6)), round(float(one.half_width_T[frame]), 9))
        for one in shown
        if one.opacity_T[frame] > 1e-9
    )


def order_seen(clip: Animation) -> list[Change]:
    """Read the changes off the actors' courses: at the height of a change it is complete."""
    base = next(one for one in clip.actors if one.id == "o1")
    by_colour: dict[tuple[int, ...], str] = {value: name for name, value in PALETTE.items()}
    found: list[Change] = []
    for frame in range(clip.frames):
        colour = by_colour.get(tuple(int(value) for value in np.round(base.colour_T3[frame])))
        others = [
            one.shape for one in clip.actors if one.id.startswith("o1 ") and one.opacity_T[frame] == 1.0
        ]
        width = float(base.half_width_T[frame])
        seen = None
        if others:
            seen = Change("shape", others[0])
        elif width > 1.49 * RADIUS:
            seen = Change("size", "large")
        elif width < 0.56 * RADIUS:
            seen = Change("size", "small")
        elif colour and tuple(base.colour_T3[0]) != PALETTE[colour]:
            seen = Change("colour", colour)
        if seen and (not found or found[-1] != seen):
            found.append(seen)
    return found


@pytest.mark.parametrize("number", [3, 4, 5, 6])
@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_any_of_the_four_orders_gives_the_others_by_the_same_rule(number: int, seed: int) -> None:
    changes = [Change("colour", name) for name in list(PALETTE)[:number]]
    orders = four_orders(Draw(seed, KIND.name, 0, SceneSettings(), np.random.default_rng(seed)), changes)
    assert len(set(orders)) == 4
    assert {order[::-1] for order in orders} == set(orders)

    def differences(one: tuple[Change, ...]) -> list[int]:
        return sorted(sum(a != b for a, b in zip(one, other, strict=True)) for other in orders)

    assert all(differences(one) == differences(orders[0]) for one in orders)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, turn=TURNS, difficulty=st.integers(1, 5))
def test_the_answer_is_the_order_seen(seed: int, turn: int, difficulty: int) -> None:
    for side in pair_of(KIND, seed, turn, SceneSettings(difficulty=difficulty))[:2]:
        theme = side.question.parameters["theme"]
        assert side.question.answer == in_words(theme, order_seen(side.animation))


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, turn=TURNS, difficulty=st.integers(1, 5))
def test_the_first_the_middle_and_the_last_frame_show_the_same(seed: int, turn: int, difficulty: int) -> None:
    clip = pair_of(KIND, seed, turn, SceneSettings(difficulty=difficulty)).first.animation
    assert look(clip, 0) == look(clip, clip.frames // 2) == look(clip, clip.frames - 1)
    assert len(look(clip, 0)) == 1


def test_as_many_changes_as_can_be_told() -> None:
    assert numbers(SceneSettings(difficulty=2)) == (3, 4)
    assert numbers(SceneSettings(difficulty=2, operation_scale=2.0, viewed_frames=64)) == (6, 8)
    assert numbers(SceneSettings(difficulty=5)) == (5, 6)
    assert numbers(SceneSettings(difficulty=5, operation_scale=2.0)) == (6, 6)
    assert numbers(SceneSettings(difficulty=5, operation_scale=2.0, viewed_frames=128)) == (6, 12)
    assert numbers(SceneSettings(operations=2)) == (3, 4)


@pytest.mark.parametrize("order", list(permutations(("red", "star", "large"))))
def test_the_checker_by_hand(order: tuple[str, ...]) -> None:
    rest = {"colour": "blue", "shape": "circle", "size": "medium"}
    changed = {"red": "colour", "star": "shape", "large": "size"}
    notes = {"red": "turns red", "star": "becomes a star", "large": "grows"}
    looks = [rest]
    for value in order:
        looks += [rest | {changed[value]: value}, rest, rest]
    metadata = {
        "question": {"parameters": {"object": "o1", "theme": "mixed"}},
        "states": [{"looks": {"o1": one}} for one in looks],
    }
    assert answer(metadata) == "it " + ", then ".join(notes[value] for value in order)
