"""What holds for every kind of temporal video, whatever the seed: one right option, true pairs, no tell-tale text."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.draws import draw
from retroflip.synth.animation import Animation
from retroflip.synth.checks import recomputed_answer
from retroflip.synth.episode import Draw, Episode, Kind, Mode, Pair, Question, Redraw, fits_view
from retroflip.synth.names import Form, Term
from retroflip.synth.registry import TEMPORAL_KINDS
from retroflip.synth.sentence import Sentence
from retroflip.synth.settings import PRESETS, SceneSettings
from retroflip.video.transforms import Transform
from temporal_pairs import on_disk, pair_of

SEEDS = st.integers(0, 2**32)
TURNS = st.integers(0, 200)
SCENES = st.builds(
    SceneSettings,
    difficulty=st.integers(1, 5),
    distractors=st.integers(0, 4),
    object_scale=st.sampled_from([0.5, 1.0, 1.7, 3.5]),
    fps=st.sampled_from([15, 30, 60]),
    noise=st.sampled_from([0.0, 4.0]),
    backgrounds=st.sampled_from([("plain",), ("checks", "speckle")]),
)
every_kind = pytest.mark.parametrize("kind", TEMPORAL_KINDS.values(), ids=TEMPORAL_KINDS)
quickly = settings(max_examples=15, deadline=None)

STATISTICS_PAIRS = 120
STATISTICS_SEED = 20260317


def same_form(text: str) -> str:
    """A text as comparisons of answers see it."""
    return re.sub(r"\W+", " ", text).strip().casefold()


def assert_is_asked_well(question: Question, kind: Kind) -> None:
    assert question.text.endswith(("?", ".", ")"))
    assert 2 <= len(question.options) <= 8
    assert len({same_form(option) for option in question.options}) == len(question.options)
    assert question.answer in question.options
    assert question.parameters
    assert (question.mode is Mode.PERCEPTION) is (kind.term is Term.SHORT)
    assert not question.is_open or Form.OPEN in kind.forms
    if question.numeric is not None:
        assert Form.NUMERIC in kind.forms
        assert math.isfinite(question.numeric)
        assert f"{question.numeric:g}" in question.answer
    if question.ordered:
        values = [
            float(found.group()) for option in question.options if (found := re.search(r"-?\d+", option))
        ]
        assert len(values) == len(question.options)
        assert values == sorted(set(values))


def assert_is_well_told(episode: Episode) -> None:
    frames = episode.animation.frames
    assert episode.events
    assert episode.states
    for event in episode.events:
        assert 0 <= event.start_frame <= event.end_frame < frames
        assert event.note
        assert not event.note.endswith(".")
        assert not {"type", "start_ms", "end_ms", "start_frame", "end_frame", "note"} & set(event.facts)
    assert all(0 <= state.frame < frames for state in episode.states)
    assert all(one.frame <= two.frame for one, two in pairwise(episode.states))
    assert episode.question.answer in Sentence.of(episode.derivation[-1]).text
    identities = [one["id"] for one in episode.objects]
    assert len(set(identities)) == len(identities)
    assert all({"id", "name"} <= set(one) for one in episode.objects)


def assert_can_be_drawn(clip: Animation) -> None:
    assert clip.frames >= 2
    assert len({one.id for one in clip.actors}) == len(clip.actors)
    for one in clip.actors:
        for values in (one.x_T, one.y_T, one.angle_T, one.half_width_T, one.half_height_T, one.colour_T3):
            assert np.isfinite(values).all()
        assert (one.half_width_T >= 0.0).all()
        assert (one.half_height_T >= 0.0).all()
        assert ((one.opacity_T >= 0.0) & (one.opacity_T <= 1.0)).all()
        assert ((one.colour_T3 >= 0.0) & (one.colour_T3 <= 255.0)).all()


def assert_are_equal(one: Animation, two: Animation) -> None:
    assert (one.fps, one.frames, one.background) == (two.fps, two.frames, two.background)
    assert [actor.id for actor in one.actors] == [actor.id for actor in two.actors]
    for first, second in zip(one.actors, two.actors, strict=True):
        assert (first.shape, first.text, first.text_colour) == (second.shape, second.text, second.text_colour)
        for name in ("x_T", "y_T", "angle_T", "half_width_T", "half_height_T", "opacity_T", "colour_T3"):
            np.testing.assert_allclose(getattr(first, name), getattr(second, name), atol=1e-12)


def assert_is_solvable(episode: Episode, kind: Kind, scene: SceneSettings) -> None:
    assert_is_asked_well(episode.question, kind)
    assert_is_well_told(episode)
    assert_can_be_drawn(episode.animation)
    assert episode.min_fps > 0.0
    assert fits_view(episode.animation, episode.min_fps, scene)
    assert recomputed_answer(kind.name, on_disk(episode)) == episode.question.answer
    hidden = [one for one in episode.objects if one.get("role") == "distractor"]
    assert len(hidden) in (0, scene.distractors)


def assert_is_a_pair(pair: Pair) -> None:
    one, two = (side.question for side in pair[:2])
    assert (one.text, one.mode, one.options, one.ordered) == (two.text, two.mode, two.options, two.ordered)
    assert one.answer != two.answer
    assert (pair.first.animation.fps, pair.first.animation.frames) == (
        pair.second.animation.fps,
        pair.second.animation.frames,
    )
    assert {item["name"] for item in pair.first.objects} == {item["name"] for item in pair.second.objects}
    if pair.how == "operations":
        return
    turned = pair.first.animation.reversed() if pair.how == "reverse" else pair.first.animation.flipped()
    assert_are_equal(turned, pair.second.animation)
    assert Transform(pair.how) in one.changed_by
    assert Transform(pair.how) in two.changed_by


@every_kind
@quickly
@given(seed=SEEDS, turn=TURNS, scene=SCENES)
def test_any_seed_and_setting_gives_a_pair_of_solvable_questions(
    kind: Kind, seed: int, turn: int, scene: SceneSettings
) -> None:
    pair = pair_of(kind, seed, turn, scene)
    assert_is_a_pair(pair)
    for side in pair[:2]:
        assert_is_solvable(side, kind, scene)


@every_kind
@settings(max_examples=5, deadline=None)
@given(seed=SEEDS, turn=TURNS, preset=st.sampled_from(sorted(PRESETS)))
def test_both_rounds_of_the_paper_can_be_drawn_for_the_usual_viewer(
    kind: Kind, seed: int, turn: int, preset: str
) -> None:
    scene = SceneSettings.model_validate(PRESETS[preset])
    pair = pair_of(kind, seed, turn, scene)
    assert_is_a_pair(pair)
    for side in pair[:2]:
        assert_is_solvable(side, kind, scene)


@every_kind
@settings(max_examples=5, deadline=None)
@given(seed=SEEDS, turn=TURNS, difficulty=st.integers(1, 5))
def test_a_viewer_of_more_frames_gets_the_longest_clips_at_any_difficulty(
    kind: Kind, seed: int, turn: int, difficulty: int
) -> None:
    scene = SceneSettings(difficulty=difficulty, duration_scale=2.0, operation_scale=2.0, viewed_frames=128)
    pair = pair_of(kind, seed, turn, scene)
    assert_is_a_pair(pair)
    for side in pair[:2]:
        assert_is_solvable(side, kind, scene)


class Bounded(np.random.Generator):
    """A generator that refuses to be asked for ever."""

    MOST = 100_000
    asked = 0

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name not in ("asked", "MOST"):
            self.asked += 1
            assert self.asked <= self.MOST, "this draw would never end"
        return super().__getattribute__(name)


@every_kind
@pytest.mark.parametrize("viewed", [4, 8, 12, 16, 24])
@settings(max_examples=4, deadline=None)
@given(seed=SEEDS, turn=TURNS, difficulty=st.integers(1, 5), scale=st.sampled_from([1.0, 2.0]))
def test_a_draw_ends_however_little_the_viewer_sees(
    kind: Kind, viewed: int, seed: int, turn: int, difficulty: int, scale: float
) -> None:
    scene = SceneSettings(difficulty=difficulty, operation_scale=scale, viewed_frames=viewed)
    try:
        pair = kind.make(Draw(seed, kind.name, turn, scene, Bounded(np.random.PCG64(seed))))
    except Redraw:
        return
    assert_is_a_pair(pair)
    for side in pair[:2]:
        assert_is_solvable(side, kind, scene)


@pytest.mark.parametrize(
    "kind", [one for one in TEMPORAL_KINDS.values() if one.term is Term.LONG], ids=lambda one: one.name
)
def test_distractors_of_long_videos_lie_still_and_are_no_clock(kind: Kind) -> None:
    for turn in range(4):
        side = pair_of(kind, 12, turn, SceneSettings(distractors=3)).first
        hidden = {one["id"] for one in side.objects if one.get("role") == "distractor"}
        lying = [one for one in side.animation.actors if one.id in hidden]
        assert len(lying) == 3
        for one in lying:
            assert np.ptp(one.x_T) == np.ptp(one.y_T) == np.ptp(one.angle_T) == 0.0


@every_kind
@settings(max_examples=5, deadline=None)
@given(seed=SEEDS, turn=TURNS)
def test_the_same_draw_gives_the_same_pair(kind: Kind, seed: int, turn: int) -> None:
    one, two = pair_of(kind, seed, turn), pair_of(kind, seed, turn)
    assert one.how == two.how
    for first, second in zip(one[:2], two[:2], strict=True):
        assert_are_equal(first.animation, second.animation)
        assert first.metadata() == second.metadata()


@every_kind
@settings(max_examples=5, deadline=None)
@given(seed=SEEDS, turn=TURNS)
def test_metadata_is_the_same_after_a_round_trip_through_json(kind: Kind, seed: int, turn: int) -> None:
    for side in pair_of(kind, seed, turn)[:2]:
        assert on_disk(side) == side.metadata()


def test_every_name_is_its_kinds_own() -> None:
    assert all(name == kind.name for name, kind in TEMPORAL_KINDS.items())


def side_of(pair: Pair, turn: int) -> Episode:
    return pair.first if draw(STATISTICS_SEED, "side", turn).random() < 0.5 else pair.second


@cache
def sides_of(name: str) -> list[Episode]:
    """Many single samples of a kind: of every pair, one side."""
    kind = TEMPORAL_KINDS[name]
    return [side_of(pair_of(kind, STATISTICS_SEED, turn), turn) for turn in range(STATISTICS_PAIRS)]


@every_kind
def test_questions_are_put_in_many_ways(kind: Kind) -> None:
    """Of 300 questions 40 must differ; of these fewer do, and still some where names and numbers count for nothing."""
    assert len({side.question.text for side in sides_of(kind.name)}) >= 40
    shapes = set()
    for side in sides_of(kind.name):
        text = side.question.text
        for one in side.objects:
            text = text.replace(str(one["name"]), "X")
        shapes.add(re.sub(r"\d+", "N", text))
    assert len(shapes) >= 20


@every_kind
def test_no_video_comes_twice(kind: Kind) -> None:
    seen = Counter(str((side.metadata()["states"], side.question.text)) for side in sides_of(kind.name))
    assert max(seen.values()) == 1


def distance(one: str, two: str) -> int:
    """How many words two options do not share."""
    first, second = Counter(same_form(one).split()), Counter(same_form(two).split())
    return sum(((first - second) + (second - first)).values())


def centre(options: tuple[str, ...]) -> str:
    """The option that is closest to the others."""
    return min(sorted(options), key=lambda one: sum(distance(one, other) for other in options))


GUESSES: dict[str, Callable[[tuple[str, ...]], str]] = {
    "shortest": lambda options: min(sorted(options), key=len),
    "longest": lambda options: max(sorted(options), key=len),
    "first in order": lambda options: options[0],
    "second in order": lambda options: options[1],
    "first by the alphabet": min,
    "last by the alphabet": max,
    "closest to the others": centre,
}


@every_kind
@pytest.mark.parametrize("guess", GUESSES)
def test_text_alone_says_nothing(kind: Kind, guess: str) -> None:
    questions = [side.question for side in sides_of(kind.name)]
    chances = np.array([1.0 / len(question.options) for question in questions])
    right = sum(GUESSES[guess](question.options) == question.answer for question in questions)
    spread = math.sqrt(float((chances * (1.0 - chances)).sum()))
    assert abs(right - chances.sum()) < 3.5 * spread


@every_kind
def test_no_answer_is_right_more_often_than_it_is_offered(kind: Kind) -> None:
    offered: dict[str, float] = defaultdict(float)
    spread: dict[str, float] = defaultdict(float)
    right: Counter[str] = Counter()
    for side in sides_of(kind.name):
        names = sorted((str(one["name"]) for one in side.objects), key=len, reverse=True)
        for option in side.question.options:
            word = option
            for name in names:
                word = word.replace(name, "X")
            chance = 1.0 / len(side.question.options)
            offered[word] += chance
            spread[word] += chance * (1.0 - chance)
            right[word] += option == side.question.answer
    for word, expected in offered.items():
        assert abs(right[word] - expected) <= 3.5 * math.sqrt(spread[word]) + 1.0, word
