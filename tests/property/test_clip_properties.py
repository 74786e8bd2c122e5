"""Synthetic clips: the scene's arrays, its pixels and its answers must tell the same story, mirrored and reversed."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retroflip.data.sample import TaskType
from retroflip.draws import draw
from retroflip.lab.clip import Clip
from retroflip.lab.clip_sets import seated
from retroflip.lab.kinds import KINDS, PAIRED
from retroflip.lab.render import render
from retroflip.lab.scene import COLOURS, Scene
from retroflip.video.frames import Pixels
from retroflip.video.sampling import uniform_indices
from retroflip.video.transforms import Transform, flip, reverse

KIND_NAMES = st.sampled_from(sorted(KINDS))
PAIRED_NAMES = st.sampled_from([*sorted(PAIRED), "moving_direction_8"])
SEEDS = st.integers(0, 2**32)
SIZES = st.sampled_from([32, 45, 64])
CHANGES = st.sampled_from([Transform.FLIP, Transform.REVERSE])
quickly = settings(max_examples=40, deadline=None)


def clip_of(kind: str, seed: int) -> Clip:
    return KINDS[kind](draw(seed, kind))


def pixels_of(scene: Scene, size: int) -> Pixels:
    return render(scene, size).pixels_TCHW


def moved(scene: Scene) -> str:
    """The direction in which the object's centre ends up, read off its coordinates."""
    track = scene.tracks[0]
    dx, dy = track.x_T[-1] - track.x_T[0], track.y_T[-1] - track.y_T[0]
    vertical = "" if abs(dy) < 1e-9 else "down" if dy > 0 else "up"
    horizontal = "" if abs(dx) < 1e-9 else "right" if dx > 0 else "left"
    return "-".join(word for word in (vertical, horizontal) if word)


def changed(scene: Scene) -> str:
    """Which of size, gap and opacity ends up higher or lower."""
    track = scene.tracks[0]
    quantities = {
        ("grows", "shrinks"): track.radius_T,
        ("opens", "closes"): track.gap_T,
        ("appears", "disappears"): track.opacity_T,
    }
    (answer,) = [
        more if values_T[-1] > values_T[0] else less
        for (more, less), values_T in quantities.items()
        if values_T[0] != values_T[-1]
    ]
    return answer


def acted(scene: Scene) -> str:
    """What varies in the first half and what in the second, without a look at the scene's phases."""
    track, half = scene.tracks[0], len(scene) // 2

    def event(part: slice) -> str:
        spans = {
            "jumps": np.ptp(track.y_T[part]),
            "swells": np.ptp(track.radius_T[part]),
            "blinks": np.ptp(track.opacity_T[part]),
        }
        (name,) = [name for name, span in spans.items() if span > 0]
        return name

    return f"{event(slice(half))} then {event(slice(half, None))}"


def static_answer(clip: Clip) -> str:
    first = clip.scene.tracks[0]
    for word, answer in (("colour", first.colour), ("shape", first.shape)):
        if word in clip.question:
            return answer
    return str(len(clip.scene.tracks))


RULES: dict[str, Callable[[Clip], str]] = {
    "moving_direction": lambda clip: moved(clip.scene),
    "reversible_dynamics": lambda clip: changed(clip.scene),
    "event_sequence": lambda clip: acted(clip.scene),
    "static": static_answer,
}


@quickly
@given(KIND_NAMES, SEEDS, SIZES)
def test_a_transformed_scene_renders_as_the_transformed_pixels(kind: str, seed: int, size: int) -> None:
    scene = clip_of(kind, seed).scene
    frames = render(scene, size)
    assert np.array_equal(pixels_of(scene.flipped(), size), flip(frames).pixels_TCHW)
    assert np.array_equal(pixels_of(scene.reversed(), size), reverse(frames).pixels_TCHW)


@quickly
@given(SEEDS)
@example(41185)  # blinks through an opacity at which a pixel lies half-way between two values
def test_reversing_two_events_swaps_the_two_halves_of_the_clip(seed: int) -> None:
    scene = clip_of("event_sequence", seed).scene
    pixels_TCHW, half = pixels_of(scene, 48), len(scene) // 2
    swapped = np.concatenate([pixels_TCHW[half:], pixels_TCHW[:half]])
    assert np.array_equal(pixels_of(scene.reversed(), 48), swapped)
    assert scene.reversed().phases == scene.phases[half:] + scene.phases[:half]


@quickly
@given(KIND_NAMES, SEEDS, CHANGES)
def test_a_transformation_twice_gives_the_clip_back(kind: str, seed: int, transform: Transform) -> None:
    clip = clip_of(kind, seed)
    back = clip.transformed(transform).transformed(transform)
    assert (back.answer, back.task_type, back.scene.phases) == (
        clip.answer,
        clip.task_type,
        clip.scene.phases,
    )
    assert np.array_equal(pixels_of(back.scene, 32), pixels_of(clip.scene, 32))


@settings(max_examples=300, deadline=None)
@given(KIND_NAMES, SEEDS)
def test_answers_follow_from_the_scene_by_a_second_rule(kind: str, seed: int) -> None:
    clip = clip_of(kind, seed)
    rule = RULES[clip.task]
    assert clip.answer == rule(clip)
    for transform in (Transform.FLIP, Transform.REVERSE):
        assert clip.answer_after(transform) == rule(clip.transformed(transform))


@quickly
@given(st.sampled_from(["moving_direction", "moving_direction_8"]), SEEDS)
def test_the_pixels_move_where_the_answer_says(kind: str, seed: int) -> None:
    clip = clip_of(kind, seed)
    background = np.asarray(clip.scene.background)[None, :, None, None]
    weight_THW = np.abs(pixels_of(clip.scene, 48).astype(float) - background).sum(axis=1)
    total_T = weight_THW.sum(axis=(1, 2))
    x_T = (weight_THW.sum(axis=1) * np.arange(48)).sum(axis=1) / total_T
    y_T = (weight_THW.sum(axis=2) * np.arange(48)).sum(axis=1) / total_T
    dx, dy = x_T[-1] - x_T[0], y_T[-1] - y_T[0]
    vertical = "" if abs(dy) < 8 else "down" if dy > 0 else "up"
    horizontal = "" if abs(dx) < 8 else "right" if dx > 0 else "left"
    assert "-".join(word for word in (vertical, horizontal) if word) == clip.answer


@settings(max_examples=300, deadline=None)
@given(PAIRED_NAMES, SEEDS, st.integers(0, 1000))
def test_options_hold_both_answers_exactly_once_wherever_they_are_seated(
    kind: str, seed: int, turn: int
) -> None:
    clip = clip_of(kind, seed)
    other = next(
        answer
        for transform in (Transform.REVERSE, Transform.FLIP)
        if (answer := clip.answer_after(transform)) != clip.answer
    )
    placed = seated(clip, turn, other)
    assert sorted(placed.options) == sorted(clip.options)
    assert len(set(placed.options)) == len(placed.options)
    assert placed.options.count(clip.answer) == placed.options.count(other) == 1
    assert placed.options[turn % len(placed.options)] == clip.answer


@quickly
@given(PAIRED_NAMES, SEEDS)
def test_every_answer_has_a_cue_colour_of_its_own_where_there_are_four_at_most(kind: str, seed: int) -> None:
    clip = clip_of(kind, seed)
    assert {clip.answer, clip.answer_after(Transform.REVERSE)} <= set(clip.cue_colour_of) <= set(clip.options)
    assert set(clip.cue_colour_of.values()) <= set(COLOURS)
    if len(clip.cue_colour_of) <= len(COLOURS):
        assert len(set(clip.cue_colour_of.values())) == len(clip.cue_colour_of)


@quickly
@given(PAIRED_NAMES, SEEDS, st.sampled_from([2, 4, 8]))
def test_a_reversed_clip_shows_the_same_frames_at_mirrored_times(kind: str, seed: int, count: int) -> None:
    """So no frame alone says in which order they come; in a clip of odd length the middle one is the very same."""
    scene = clip_of(kind, seed).scene
    forward, backward = pixels_of(scene, 32), pixels_of(scene.reversed(), 32)
    chosen = uniform_indices(len(scene), count)
    assert np.array_equal(backward[chosen], forward[chosen][::-1])
    if len(scene) % 2:
        middle = uniform_indices(len(scene), 1)
        assert np.array_equal(backward[middle], forward[middle])


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        ("moving_direction", {"left": "spatiotemporal", "right": "spatiotemporal", "up": "temporal"}),
        ("moving_direction_8", {"up-left": "spatiotemporal", "down-right": "spatiotemporal", "up": "temporal"}),
        ("reversible_dynamics", {"opens": "temporal", "shrinks": "temporal", "appears": "temporal"}),
        ("event_sequence", {"jumps then blinks": "temporal", "swells then jumps": "temporal"}),
        ("static", {"red": "static", "circle": "static", "3": "static"}),
    ],
)  # fmt: skip
def test_task_types_say_which_transformations_change_the_answer(kind: str, types: dict[str, str]) -> None:
    found = {}
    for index in range(150):
        clip = KINDS[kind](draw(0, kind, index))
        found[clip.answer] = clip.task_type
    assert {answer: found[answer] for answer in types} == {
        answer: TaskType(name) for answer, name in types.items()
    }
