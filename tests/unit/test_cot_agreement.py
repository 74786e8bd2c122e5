"""Sentences that the table of facts takes for true, against what their own claims say; and what both read together."""

from typing import Any

import pytest

from retroflip.cot.verify import verify
from retroflip.synth.corpus import sample_from
from traced_videos import faults, is_so, videos

APART, SPEED, SHELLS = (
    f"twenty-eighth/{one}-0000{n}-0" for one, n in (("distance", 1), ("speed", 1), ("shell_game", 0))
)
HOPS, SUMS, CUPS = (
    "thirtieth/motion_count-00000-0",
    "thirty-second/arithmetic-00000-1",
    "thirty-second/chip_cups-00001-1",
)
WAYS, PACES = "twenty-fifth/direction-00001-0", "thirty-second/acceleration-00001-1"
FIGURES = "twenty-fifth/trajectory_shape-00000-0"


def refused(video: str, sentence: str, claims: list[dict[str, Any]]) -> bool:
    """Return whether a sentence, told alone with its claims, is refused; what is missing besides is not asked."""
    metadata = videos()[video]
    trace = f"<think>{sentence}</think>\n\\boxed{{{metadata['question']['answer']}}}"
    problems = verify(trace, metadata, sample_from(metadata), claims=[claims]).problems
    return any(problem.reason.value != "missing" for problem in problems)


@pytest.mark.parametrize(
    ("video", "claims", "true", "false"),
    [
        (
            PACES,
            [{"event": "third move", "relation": "as far as", "value": "second move"}],
            "The third move goes as far as the second.",
            ["The third move goes half as far as the second.", "The third move goes farther than the second."],
        ),
        (
            PACES,
            [{"event": "second move", "relation": "half as far as", "value": "first move"}],
            "The second move goes half as far as the first move.",
            ["The second move goes as far as the first move.", "The second move goes farther than the first move."],
        ),
        (
            SHELLS,
            [
                {"event": "swap", "time": 4.2, "cells": [[2, 3], [3, 3]]},
                {"event": "swap", "time": 4.2, "object": "purple hexagon", "relation": "not"},
            ],
            "The swap at 4.2 s is of row 2, column 3 and row 3, column 3 and does not move the hexagon.",
            ["The swap at 4.2 s is of row 2, column 3 and row 3, column 3 and moves the hexagon."],
        ),
        (
            CUPS,
            [
                {"event": "pour", "time": 4.1, "object": "B", "value": "C"},
                {"object": "B", "property": "holds", "value": [], "time": 4.1},
            ],
            "At 4.1 s B is poured out into C, so B is empty.",
            ["At 4.1 s C is poured out into B, so B is empty."],
        ),
        (
            HOPS,
            [{"event": "hop", "property": "count", "value": 5}, {"event": "hop left", "property": "count", "value": 2}],
            "There are five hops, and two of them go to the left.",
            ["There are five hops, and three of them go to the left."],
        ),
        (
            HOPS,
            [{"event": "hop", "relation": "longest", "time": 2.7}],
            "The hop at 2.7 s is the longest.",
            ["The hop at 2.7 s is the shortest.", "The hop at 4.2 s is the longest."],
        ),
        (
            WAYS,
            [{"event": "nothing", "time": [3.4, 5.0]}],
            "After 3.4 s nothing moves.",
            ["After 1.7 s nothing moves.", "After 3.4 s it moves."],
        ),
    ],
)  # fmt: skip
def test_a_sentence_says_what_its_claims_say(
    video: str, claims: list[dict[str, Any]], true: str, false: list[str]
) -> None:
    assert not refused(video, true, claims)
    assert [one for one in false if not refused(video, one, claims)] == []


@pytest.mark.parametrize(
    ("video", "true", "false"),
    [
        (
            APART,
            "The first approach is not closer than the second.",
            "The second approach is not closer than the first.",
        ),
        (
            APART,
            "Neither the first nor the third approach is closer than the second.",
            "Neither the first nor the fourth approach is closer than the second.",
        ),
        (
            SPEED,
            "Neither the red pentagon nor the orange circle is slower than the yellow triangle.",
            "Neither the red pentagon nor the cyan hexagon is slower than the yellow triangle.",
        ),
        (SHELLS, "No swap moves the purple hexagon.", "No swap moves the blue star."),
        (SHELLS, "None of the six swaps moves the hexagon.", "None of the six swaps moves the star."),
        (WAYS, "It never moves down, and it never moves to the right either.", "It never moves to the left either."),
        (SUMS, "0 - 4 - 3 = -7, and -7 + 8 = 1.", "0 - 4 - 3 = -6, and -7 + 8 = 1."),
        (
            FIGURES,
            "In the end it is first a triangle, then a circle.",
            "In the end it is first a circle, then a triangle.",
        ),
    ],
)  # fmt: skip
def test_denials_comparisons_and_sums_are_looked_up(video: str, true: str, false: str) -> None:
    assert faults(videos()[video], [true]) == [None]
    assert faults(videos()[video], [false]) != [None]


@pytest.mark.parametrize(
    ("video", "true", "false"),
    [
        (
            FIGURES,
            {"event": "trace", "time": 2.8, "property": "figure", "value": "circle", "sense": "clockwise"},
            {"event": "trace", "time": 2.8, "property": "figure", "value": "circle", "sense": "counter-clockwise"},
        ),
        (
            SHELLS,
            {"event": "swap", "time": 2.1, "cells": [[1, 1], [2, 1]]},
            {"event": "swap", "time": 2.1, "cells": [[1, 1], [3, 1]]},
        ),
        (
            HOPS,
            {"event": "hop right", "relation": "1 more than", "value": "hop left"},
            {"event": "hop right", "relation": "2 more than", "value": "hop left"},
        ),
        (
            HOPS,
            {"event": "hop left", "relation": "before", "value": "hop right"},
            {"event": "hop right", "relation": "before", "value": "hop left"},
        ),
        (
            SUMS,
            {"property": "sum", "value": "-7 + 8 = 1"},
            {"property": "sum", "value": "-7 + 8 = 15"},
        ),
        (
            SUMS,
            {"event": "glyph minus", "relation": "before", "value": "glyph 3"},
            {"event": "glyph 3", "relation": "before", "value": "glyph minus"},
        ),
        (
            WAYS,
            {"event": "move right", "relation": "not"},
            {"event": "move left", "relation": "not"},
        ),
    ],
)  # fmt: skip
def test_claims_in_other_forms(video: str, true: dict[str, Any], false: dict[str, Any]) -> None:
    assert is_so(video, true)
    assert not is_so(video, false)


def test_one_part_of_a_sentence_may_be_read_by_the_table_and_the_other_by_its_claims() -> None:
    claims: list[dict[str, Any]] = [
        {"event": "hop", "relation": "longest", "time": 2.7},
        {"event": "third hop", "relation": "0.3 seconds longer than", "value": "first hop"},
    ]
    told = "The hop at 2.7 s is the longest, 0.3 seconds longer than the first one."
    assert not refused(HOPS, told, claims)
    assert refused(HOPS, told.replace("0.3", "1.3"), claims)
    assert refused(HOPS, told.replace("longer", "shorter"), claims)


def test_several_things_are_compared_with_several_others_by_a_claim_for_each_pair() -> None:
    pairs: list[dict[str, Any]] = [
        {"event": f"{one} move", "relation": "farther than", "value": f"{other} move"}
        for one in ("first", "fourth")
        for other in ("second", "third")
    ]
    assert not refused(PACES, "The first and the fourth move go farther than the other two.", pairs)
    assert not refused(
        PACES, "The first and the fourth move go farther than the second and the third.", pairs
    )
    assert refused(PACES, "The first and the fourth move go farther than the other three.", pairs)
    assert refused(PACES, "The second and the third move go farther than the other two.", pairs)
    assert refused(PACES, "The first and the fourth move go farther than the other two.", pairs[:3])
