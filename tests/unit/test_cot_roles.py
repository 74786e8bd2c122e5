"""Sentences in which everything is claimed, but of something else: exchanged, turned round, or of another thing."""

from typing import Any

import pytest

from retroflip.cot.verify import verify
from retroflip.synth.corpus import sample_from
from traced_videos import is_so, videos


def refused(video: str, sentence: str, claims: list[dict[str, Any]]) -> bool:
    """Return whether a sentence, told alone with its claims, is refused; what is missing besides is not asked."""
    metadata = videos()[video]
    trace = f"<think>{sentence} Let me go on.</think>\n\\boxed{{{metadata['question']['answer']}}}"
    problems = verify(trace, metadata, sample_from(metadata), claims=[claims, []]).problems
    return any(problem.reason.value != "missing" for problem in problems)


def hit(time: float, wall: str) -> dict[str, Any]:
    return {"event": "hit", "time": time, "object": "blue diamond", "property": "wall", "value": wall}


def out(*letters: str) -> dict[str, Any]:
    return {"property": "option", "value": list(letters), "relation": "not"}


CASES = [
    (
        "forty-second/collision_count-00001-0",
        [hit(2.7, "right"), hit(3.0, "upper"), hit(3.3, "left")],
        "2.7 s: right wall, 3.0 s: upper wall, 3.3 s: left wall.",
        ["2.7 s: right wall, 3.0 s: left wall, 3.3 s: upper wall."],
    ),
    (
        "thirty-seventh/chip_cups-00001-1",
        [
            {"event": "pour", "time": 7.5, "object": "C", "value": "A"},
            {"object": "C", "property": "holds", "value": [], "time": 8.4},
        ],
        "At 7.5 s C is poured into A, so C is empty.",
        ["At 7.5 s A is poured into C, so C is empty."],
    ),
    (
        "forty-first/chip_cups-00001-1",
        [
            {"event": "swap", "time": 6.0, "object": ["A", "B"]},
            {"event": "swap", "time": 6.0, "object": "C", "relation": "not"},
        ],
        "The swap of A and B at 6.0 s does not move C.",
        ["The swap of A and C at 6.0 s does not move B.", "The swap of A and B at 6.0 s does not move A."],
    ),
    (
        "forty-first/velocity_ranking-00001-1",
        [
            {
                "event": "second move",
                "object": "green square",
                "relation": "slower than",
                "value": "first move",
            },
            {
                "event": "second move",
                "object": "purple diamond",
                "relation": "faster than",
                "value": "first move",
            },
        ],
        "The green square is slower than before, and the purple diamond is faster than before.",
        ["The green square is faster than before, and the purple diamond is slower than before."],
    ),
    (
        "thirty-ninth/acceleration-00000-1",
        [
            {
                "event": "move",
                "time": [1.0, 2.1],
                "object": "orange square",
                "property": "distance",
                "value": 40,
            },
            {
                "event": "second move",
                "object": "orange square",
                "relation": "twice as far as",
                "value": "first move",
            },
        ],
        "From 1.0 s to 2.1 s it goes 40 percent, twice as far as before.",
        ["From 1.0 s to 2.1 s it goes 40 percent, half as far as before."],
    ),
    (
        "thirty-ninth/event_order-00000-1",
        [{"event": "swell", "time": 4.2, "object": "pink triangle"}],
        "At 4.2 s it swells.",
        ["At 4.2 s it shrinks."],
    ),
    (
        "thirty-ninth/file_system-00001-0",
        [
            {"event": "command", "time": 4.1, "value": "mv pics/* data/"},
            {"object": "pics", "property": "holds", "value": [], "time": 4.1},
        ],
        "At 4.1 s mv pics/* data/ is run, so pics is empty.",
        ["At 4.1 s mv pics/* data/ is run, so data is empty."],
    ),
    (
        "forty-second/speed-00000-1",
        [
            {"object": "purple circle", "relation": "slower than", "value": "orange star"},
            {"object": "purple circle", "relation": "slower than", "value": "red square"},
            {"object": "purple circle", "relation": "slower than", "value": "blue triangle"},
            {"object": "blue triangle", "relation": "fastest"},
        ],
        "So the circle is slower than the star, the square and the triangle, and the triangle is the fastest.",
        [
            "So the circle is slower than the star, the square and the triangle, and the square is the fastest."
        ],
    ),
    (
        "forty-third/motion_count-00001-1",
        [
            {"event": "hop", "property": "count", "value": 3, "time": [0.0, 2.6]},
            {"event": "hop left", "relation": "not", "time": [0.0, 2.6]},
        ],
        "Until 2.6 s there are three hops, and none of them is to the left.",
        ["Until 2.6 s there are two hops, and none of them is to the left."],
    ),
    (
        "forty-eighth/sliding_puzzle-00001-1",
        [
            {"event": "slide", "time": 5.3, "object": "tile 8", "direction": "left"},
            {
                "object": "row 2",
                "property": "holds",
                "value": ["gap", 8, 2],
                "time": 5.3,
                "relation": "before",
            },
        ],
        "At 5.3 s tile 8 slides left, and before that row 2 was gap, 8, 2.",
        ["At 5.3 s tile 8 slides left, and before that row 2 was 8, gap, 2."],
    ),
    (
        "thirty-eighth/sliding_puzzle-00001-1",
        [
            {"event": "slide", "time": 6.7, "object": "tile 4", "direction": "up", "to": [1, 2]},
            {
                "object": "row 1",
                "property": "holds",
                "value": [5, "gap", 3],
                "time": 6.7,
                "relation": "before",
            },
        ],
        "The slide at 6.7 s moved tile 4 up into row 1, column 2, so before that row 1 was 5, gap, 3.",
        ["The slide at 6.7 s moved tile 2 up into row 1, column 2, so before that row 1 was 5, gap, 3."],
    ),
    (
        "forty-second/rotation-00001-0",
        [out("C", "D"), out("A")],
        "C and D have only one turn counter-clockwise, so they are out, and A has the numbers in the wrong order.",
        ["C and D have only one turn clockwise, so they are out, and A has the numbers in the wrong order."],
    ),
    (
        "thirty-seventh/event_order-00000-1",
        [out("A")],
        "A begins with the fading, so it is out as well.",
        ["A begins with the jump, so it is out as well.", "A ends with the flash, so it is out as well."],
    ),
    (
        "forty-ninth/file_system-00001-1",
        [
            {"event": "mv --exchange home pics", "relation": "before", "value": "mv --exchange docs pics"},
            {"event": "mv --exchange docs pics", "relation": "before", "value": "touch docs/note.txt"},
            {"event": "touch pics/code.txt", "relation": "before", "value": "mv --exchange home pics"},
        ],
        "So A is run before B, and B before C, but D is run before A.",
        ["So A is run before B, and C before B, but D is run before A.", "So A is run before D."],
    ),
    (
        "fifty-sixth/chip_cups-00001-0",
        [{"property": "count", "value": 1, "object": "A", "relation": "at the end"}, out("C", "D")],
        "At the end A holds one chip, so 44 and 47 are out.",
        ["At the end A holds one chip, so 1 is out.", "At the end A holds two chips, so 44 and 47 are out."],
    ),
    (
        "fifty-sixth/motion_count-00001-0",
        [{"property": "answer", "value": "3"}],
        "Therefore the answer is 3, not 2.",
        ["Therefore the answer is 2, not 3."],
    ),
]


@pytest.mark.parametrize(("video", "claims", "true", "false"), CASES, ids=[case[0] for case in CASES])
def test_what_is_claimed_of_one_thing_is_not_told_of_another(
    video: str, claims: list[dict[str, Any]], true: str, false: list[str]
) -> None:
    assert not refused(video, true, claims)
    assert [one for one in false if not refused(video, one, claims)] == []


@pytest.mark.parametrize(
    ("video", "claim", "true", "false"),
    [
        (
            "forty-second/shell_game-00000-1",
            {"object": "orange cross", "property": "cell", "time": 2.9},
            [{"value": [3, 3]}, {"value": [2, 2], "relation": "before"}],
            [{"value": [2, 2]}, {"value": [3, 3], "relation": "before"}],
        ),
        (
            "forty-third/chip_cups-00001-0",
            {"property": "holds", "value": [4, 6, 21, 25], "time": 5.4},
            [{"object": "C", "relation": "before"}, {"object": "B"}],
            [{"object": "A", "relation": "before"}, {"object": "B", "relation": "before"}, {"object": "C"}],
        ),
        (
            "forty-seventh/chip_cups-00001-0",
            {"event": "put", "time": 2.1, "object": "chip 1"},
            [{"value": "B"}],
            [{"value": "A"}, {"value": "C"}],
        ),
        (
            "forty-seventh/shell_game-00000-0",
            {"event": "swap", "time": 5.1, "object": "purple diamond"},
            [{"property": "cells", "value": [[2, 1], [2, 2]]}, {"property": "cell", "value": [2, 2]}],
            [{"property": "cells", "value": [[2, 1], [2, 3]]}, {"property": "cell", "value": [2, 1]}],
        ),
    ],
)  # fmt: skip
def test_claims_of_places_and_contents_hold_from_one_operation_to_the_next(
    video: str, claim: dict[str, Any], true: list[dict[str, Any]], false: list[dict[str, Any]]
) -> None:
    is_behind = "event" not in claim
    assert [one for one in true if not is_so(video, {**claim, **one}, is_behind=is_behind)] == []
    assert [one for one in false if is_so(video, {**claim, **one}, is_behind=is_behind)] == []


@pytest.mark.parametrize(
    ("sentence", "is_harmless"),
    [
        ("Is there any clockwise turn later on?", True),
        ("Which way does it turn first?", True),
        ("Does it turn clockwise at 2.1 s?", False),
        ("There is no turn later on.", False),
    ],
)
def test_a_question_states_nothing(sentence: str, *, is_harmless: bool) -> None:
    assert refused("forty-third/rotation-00001-1", sentence, []) != is_harmless


@pytest.mark.parametrize(
    "claim",
    [
        {"object": "A", "property": "holds", "value": [1, 2], "relation": 5},
        {"event": ["take", "put"], "relation": "not"},
        {"event": {"a": 1}, "relation": "not"},
        {"event": "swap", "object": "A", "property": "cells", "value": {"x": [1]}},
        {"property": "order", "value": [["A"], 3], "relation": "from left to right"},
    ],
)
def test_claims_of_other_types_are_refused_or_read(claim: dict[str, Any]) -> None:
    assert refused("forty-third/chip_cups-00001-0", "At 2.1 s A trades places with the moon.", [claim])
