"""Arithmetic: expressions by hand, glyphs told apart by two frames, and what both sides of a pair share."""

from collections import Counter
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.synth.checks.arithmetic import answer
from retroflip.synth.episode import Episode, Mode, Pair
from retroflip.synth.long.arithmetic import (
    KIND,
    SEEN,
    Tokens,
    filled,
    in_words,
    missing,
    value,
)
from retroflip.synth.long.strokes import BALL_RADIUS, DIGITS, EXPOSED, SIGNS, STROKES, stroke
from retroflip.synth.settings import PRESETS, SceneSettings
from temporal_pairs import on_disk, pair_of

PAIRS = [pair_of(KIND, 5, turn, SceneSettings(difficulty=3)) for turn in range(36)]
SIDES = [side for pair in PAIRS for side in pair[:2]]
EXPRESSIONS = st.integers(2, 6).flatmap(
    lambda operands: st.tuples(
        st.lists(st.sampled_from(DIGITS), min_size=operands, max_size=operands),
        st.lists(st.sampled_from(SIGNS), min_size=operands - 1, max_size=operands - 1),
    )
)


def tokens_of(side: Episode) -> Tokens:
    return tuple(event.facts["symbol"] for event in side.events if "symbol" in event.facts)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("8-3*2", 2),
        ("2*3-8", None),
        ("8/4+5", 7),
        ("8/3*3", None),
        ("3*8/6", 4),
        ("6/0+1", None),
        ("0/6+1", 1),
        ("9-8+7", 8),
        ("2-5+9", 6),
        ("9*9+9*9", None),
        ("9*9+9", 90),
        ("8/4/2", 1),
        ("1+2*3-8/4", 5),
    ],
)
def test_expressions_come_to_what_they_do_by_hand(expression: str, result: int | None) -> None:
    assert value(tuple(expression)) == result


@given(EXPRESSIONS)
def test_a_result_is_what_exact_fractions_give(drawn: tuple[list[str], list[str]]) -> None:
    tokens = tuple(one for two in zip(drawn[0], [*drawn[1], ""], strict=True) for one in two if one)
    if (result := value(tokens)) is not None:
        events = [{"type": "glyph", "symbol": one, "start_frame": at} for at, one in enumerate(tokens)]
        assert answer({"question": {"parameters": {"ask": "result"}}, "events": events}) == str(result)


def test_the_missing_number_is_the_only_one_that_fits() -> None:
    assert missing(tuple("8-?*2"), 2) == 3
    assert missing(tuple("?/4+1"), 3) == 8
    assert missing(tuple("0*?+1"), 1) is None
    assert missing(tuple("?+1+1"), 50) is None
    assert filled(tuple("8-?*2"), 3) == tuple("8-3*2")


def test_an_expression_is_told_in_words() -> None:
    assert in_words(tuple("8-3*2+4/1")) == "8 minus 3 times 2 plus 4 divided by 1"


def pieces(glyph: str, start: float, *, backwards: bool) -> np.ndarray:
    """What evenly spread frames show of the stroke, as points."""
    middles = start + np.arange(SEEN) / SEEN
    shares = np.concatenate([np.linspace(middle - EXPOSED, middle + EXPOSED, 40) for middle in middles])
    return stroke(glyph, np.clip(shares, 0.0, 1.0), backwards=backwards)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """How far a point of one set is from the other set, at the most (Hausdorff's distance)."""
    distances = np.linalg.norm(one[:, None] - other, axis=-1)
    return float(max(distances.min(axis=0).max(), distances.min(axis=1).max()))


@pytest.mark.parametrize("kin", [DIGITS, SIGNS])
def test_two_frames_tell_any_two_glyphs_of_a_colour_apart(kin: str) -> None:
    seen = {
        glyph: [
            pieces(glyph, start, backwards=backwards)
            for start in np.linspace(0.0, 1.0 / SEEN, 5)
            for backwards in (False, True)
        ]
        for glyph in kin
    }
    for one, other in combinations(kin, 2):
        assert min(apart(first, second) for first in seen[one] for second in seen[other]) > 0.25, (one, other)


@pytest.mark.parametrize("glyph", DIGITS + SIGNS)
def test_strokes_are_centred_and_end_where_they_should(glyph: str) -> None:
    corners = np.array(STROKES[glyph])
    assert np.abs(corners[:, 0]).max() <= 0.53
    assert np.abs(corners[:, 1]).max() <= 0.81
    ends = stroke(glyph, np.array([0.0, 1.0]))
    np.testing.assert_allclose(ends, corners[[0, -1]])
    np.testing.assert_allclose(stroke(glyph, np.array([1.0, 0.0]), backwards=True), ends)


@pytest.mark.parametrize("pair", PAIRS)
def test_both_sides_draw_the_same_glyphs(pair: Pair) -> None:
    assert Counter(tokens_of(pair.first)) == Counter(tokens_of(pair.second))
    if pair.how == "reverse":
        assert tokens_of(pair.second) == tokens_of(pair.first)[::-1]


def test_every_option_is_the_answer_to_some_order_of_the_glyphs() -> None:
    for side in SIDES:
        tokens = tokens_of(side)
        orders = {
            tuple(np.array([[*digits], [*signs, ""]]).T.ravel()[:-1])
            for digits in permutations(tokens[::2])
            for signs in permutations(tokens[1::2])
        }
        shown = [event.facts["result"] for event in side.events if "result" in event.facts]
        found = {
            Mode.FORWARD: value,
            Mode.RETRODICTIVE: lambda order: missing(order, shown[0]),  # noqa: B023
            Mode.HISTORICAL: in_words,
        }[side.question.mode]
        assert set(side.question.options) <= {str(found(order)) for order in orders}


def test_expressions_to_choose_from_have_the_same_glyph_in_the_middle() -> None:
    for side in SIDES:
        if side.question.mode is Mode.HISTORICAL:
            told = [option.replace("divided by", "over").split() for option in side.question.options]
            assert len({words[len(words) // 2] for words in told}) == 1


def test_the_ball_is_seen_in_glyphs_alone_and_leaves_no_trail() -> None:
    for side in SIDES:
        (ball,) = (one for one in side.animation.actors if one.id == "ball")
        drawn = np.zeros(side.animation.frames)
        for event in side.events:
            if event.type == "glyph":
                drawn[event.start_frame : event.end_frame + 1] = 1.0
        np.testing.assert_array_equal(ball.opacity_T, drawn)
        inside = drawn > 0.0
        for course in (ball.x_T[inside], ball.y_T[inside]):
            assert course.min() > BALL_RADIUS
            assert course.max() < 1.0 - BALL_RADIUS


def test_the_ball_goes_over_its_glyph_at_an_even_speed() -> None:
    side = SIDES[0]
    (ball,) = (one for one in side.animation.actors if one.id == "ball")
    event = next(one for one in side.events if one.facts.get("symbol") in ("-", "/", "1", "7"))
    span = slice(event.start_frame, event.end_frame + 1)
    steps = np.hypot(np.diff(ball.x_T[span]), np.diff(ball.y_T[span]))
    assert np.median(steps) == pytest.approx(steps.max(), rel=1e-6)


def test_the_result_is_shown_at_the_end_alone_and_the_number_asked_for_never() -> None:
    for side in SIDES:
        texts = {one.text: one for one in side.animation.actors if one.text}
        assert bool(texts) is (side.question.mode is Mode.RETRODICTIVE)
        for text, actor in texts.items():
            assert text == "?" or (actor.opacity_T[0], actor.opacity_T[-1]) == (0.0, 1.0)
        if texts:
            assert value(filled(tokens_of(side), side.question.answer)) == next(
                event.facts["result"] for event in side.events if "result" in event.facts
            )


def test_longer_expressions_come_with_more_frames_to_see_them_in() -> None:
    scenes = (
        (SceneSettings(viewed_frames=24), 5),
        (SceneSettings(), 7),
        (SceneSettings(difficulty=5, viewed_frames=64), 9),
        (SceneSettings.model_validate(PRESETS["round2"]), 15),
    )
    for scene, length in scenes:
        assert {len(tokens_of(pair_of(KIND, 3, turn, scene).first)) for turn in range(6)} == {length}


def test_a_frame_shows_as_much_of_the_stroke_before_the_ball_as_behind_it() -> None:
    side = SIDES[0]
    by_name = {one.id: one for one in side.animation.actors}
    event = next(one for one in side.events if one.type == "glyph")
    moment = (event.start_frame + event.end_frame) // 2
    steps = event.end_frame - event.start_frame
    for share in (-EXPOSED, EXPOSED):
        trace, there = by_name[f"trace {share:+.2f}"], moment + round(share * steps)
        far = np.hypot(
            trace.x_T[moment] - by_name["ball"].x_T[there], trace.y_T[moment] - by_name["ball"].y_T[there]
        )
        assert far < 0.05


def test_most_questions_offer_four_answers() -> None:
    for scene in (
        SceneSettings(),
        SceneSettings(difficulty=1),
        SceneSettings.model_validate(PRESETS["round2"]),
    ):
        offered = [len(pair_of(KIND, 3, turn, scene).first.question.options) for turn in range(24)]
        assert offered.count(4) > 20


def test_the_checker_does_not_read_the_states() -> None:
    for side in SIDES:
        assert answer(on_disk(side) | {"states": []}) == side.question.answer
