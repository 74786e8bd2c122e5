"""Which times a text tells, and which words go with them."""

from collections.abc import Sequence

import pytest

from retroflip.cot.reading import Reader, Token, clauses, sentences
from retroflip.cot.stamps import StampKind, find_stamps

FPS = 30.0
MOMENTS = {
    "At 00:02, it": [2000],
    "At 1:02.5 it": [62500],
    "at 00:02,5 it": [2500],
    "2.1s and 3 sec": [2100, 3000],
    "2.1 seconds in": [2100],
    "around the 2-second mark": [2000],
    "the two-second mark": [2000],
    "at three seconds": [3000],
    "t=2.1": [2100],
    "t = 2.1 s": [2100],
    "at second 4": [4000],
    "at frame 45": [1500],
    "2100 ms": [2100],
    "0.19 of the screen a second": [],
    "in the second half": [],
    "it makes two second moves": [],
    "card 53, 2 and 3": [],
    "1. [00:03.0] it": [3000],
}
RANGES = {
    "From 00:01.5 to 00:02.5": (1500, 2500),
    "between 2.1 s and 4 s": (2100, 4000),
    "from 0 to 2.2 seconds": (0, 2200),
    "0.0–2.1s": (0, 2100),
    "[00:00 - 00:02]": (0, 2000),
    "from 1.5s until 2s": (1500, 2000),
}


@pytest.mark.parametrize("text", MOMENTS)
def test_moments(text: str) -> None:
    found = find_stamps(text, FPS)
    assert [stamp.low.ms for stamp in found] == pytest.approx(MOMENTS[text])
    assert all(stamp.kind is StampKind.MOMENT for stamp in found)


@pytest.mark.parametrize("text", RANGES)
def test_ranges(text: str) -> None:
    (stamp,) = find_stamps(text, FPS)
    assert stamp.high is not None
    assert (stamp.low.ms, stamp.high.ms) == RANGES[text]


def test_lengths_and_distances_are_no_moments() -> None:
    kinds = [stamp.kind for stamp in find_stamps("It lasts 2 seconds; 1.5 seconds later it stops.", FPS)]
    assert kinds == [StampKind.LENGTH, StampKind.GAP]


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("00:02", (1500, 2000, 2999), (1499, 3000)),
        ("00:02.5", (2250, 2750), (2249, 2751)),
        ("2 s", (1500, 2500), (1499, 2501)),
        ("2.1 s", (1850, 2350), (1849, 2351)),
    ],
)
def test_a_time_stands_for_what_its_writing_rounds_to_it(
    text: str, near: tuple[int, ...], far: tuple[int, ...]
) -> None:
    (stamp,) = find_stamps(text, FPS)
    assert all(stamp.low.is_near(ms, 250.0) for ms in near)
    assert not any(stamp.low.is_near(ms, 250.0) for ms in far)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("At 00:01, X falls. 00:02: Y falls.", [(1000, "X falls"), (2000, "Y falls")]),
        ("X falls at 00:01 and Y falls at 00:02.", [(1000, "X falls"), (2000, "Y falls")]),
        ("1.0s X falls, 2.0s Y falls", [(1000, "X falls"), (2000, "Y falls")]),
        ("X falls until 00:01, then at 00:02 Y falls.", [(1000, "X falls"), (2000, "Y falls")]),
        ("1. [00:01] X falls\n2. [00:02] Y falls", [(1000, "X falls"), (2000, "Y falls")]),
        ("X falls (00:01), Y falls (00:02).", [(1000, "X falls"), (2000, "Y falls")]),
        ("X falls. At 00:02 Y falls.", [(None, "X falls"), (2000, "Y falls")]),
    ],
)
def test_words_go_with_their_time(text: str, told: list[tuple[int | None, str]]) -> None:
    reader = Reader(("X", "Y"), FPS)
    found = [
        part for one in sentences(text) for part in clauses(reader.tokens(one)) if any(t.says for t in part)
    ]
    assert [_time_of(part) for part in found] == [ms for ms, _ in told]
    assert [" ".join(t.text for t in part if t.says) for part in found] == [words for _, words in told]


def _time_of(part: Sequence[Token]) -> float | None:
    return next((token.stamp.low.ms for token in part if token.stamp), None)
