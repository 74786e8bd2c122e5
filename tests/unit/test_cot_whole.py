"""What a sentence makes of pieces that are true each: after which card, which approach, both of which swaps."""

from typing import Any

import pytest

from cot_samples import event, look, metadata_of, sample
from retroflip.cot.telling import Licence, Teller
from retroflip.cot.truth.proof import Truth
from retroflip.cot.truth.when import When
from retroflip.cot.truth.whole import Whole
from retroflip.cot.verify import verify
from retroflip.cot.world import World
from traced_videos import videos

PILE = metadata_of(
    [
        event("reveal", 0, 1900, "the case is open and shows 81, 21 from top to bottom", pile=[81, 21]),
        event("put", 2100, 3000, "card 68 is put on top of the pile", end="top", card=68, face="up"),
        event(
            "put", 3200, 4200, "card 51 is put at the bottom of the pile", end="bottom", card=51, face="up"
        ),
    ],
    question="How many cards are in the pile at the end?",
    options=["2", "3", "4", "5"],
    answer="4",
    derivation=["The pile starts as 81, 21.", "So the answer is: 4."],
    objects=[
        {"id": f"c{n}", "shape": "rectangle", "colour": "white", "name": f"card {n}"}
        for n in (21, 51, 68, 81)
    ],
    states=[
        {"ms": 2000, "frame": 60, "done": 0, "pile": [81, 21]},
        {"ms": 3100, "frame": 93, "done": 1, "pile": [68, 81, 21]},
        {"ms": 4300, "frame": 129, "done": 2, "pile": [68, 81, 21, 51]},
    ],
)
QUIET = metadata_of(
    [
        event("move", 0, 1000, "the blue square moves up", object="o1", direction="up"),
        event("move", 3000, 4000, "the blue square moves left", object="o1", direction="left"),
    ],
    question="Which way does the blue square move?",
    options=["first up, then left", "first right, then down"],
    answer="first up, then left",
    derivation=["So the answer is: first up, then left."],
    objects=[look("o1", "blue", "square")],
    seconds=5.0,
)


def _is_taken(metadata: dict[str, Any], sentence: str, answer: str) -> bool:
    """Return whether no fault quotes a sentence that stands between the events and the answer."""
    told = (
        "At 2.1 s card 68 is put on top. At 3.2 s card 51 is put at the bottom."
        if metadata is PILE
        else "At 0.0 s the blue square moves up. At 3.0 s it moves left."
    )
    text = f"<think>{told} {sentence} So the answer is {answer}.</think>\n\\boxed{{{answer}}}"
    report = verify(text, metadata, sample(metadata))
    return not any(problem.quote == sentence for problem in report.problems)


@pytest.mark.parametrize(
    ("sentence", "is_true"),
    [
        ("So after card 51 is put in, the pile has 4 cards.", True),
        ("So after card 68 is put in, the pile has 3 cards.", True),
        ("So after card 68 is put in, the pile has 4 cards.", False),
        ("So before card 51 is put in, the pile has 4 cards.", False),
        ("So before card 51 is put in, the pile has 3 cards.", True),
        ("So after card 81 is put in, the pile has 4 cards.", False),
    ],
)
def test_a_pile_has_so_many_cards_after_the_card_that_is_named(sentence: str, is_true: bool) -> None:
    assert _is_taken(PILE, sentence, "4") == is_true


@pytest.mark.parametrize(
    ("sentence", "is_true"),
    [
        ("Nothing happens between 1.0 s and 3.0 s.", True),
        ("Nothing happens between 0.0 s and 3.0 s.", False),
    ],
)
def test_nothing_happens_where_no_event_lasts(sentence: str, is_true: bool) -> None:
    assert _is_taken(QUIET, sentence, "first up, then left") == is_true


def _is_refuted(video: str, told: list[int], sentence: str) -> bool:
    """Return whether a sentence behind these events, told in this order, is refuted as a whole."""
    world = World(videos()[video])
    return Whole(Truth(world, 250.0)).is_refuted(world.reader.tokens(sentence), told, When())


@pytest.mark.parametrize(
    ("told", "sentence", "is_true"),
    [
        ([2, 3], "Neither of them touches its cell.", False),
        ([1, 4], "None of these swaps involves the orange circle.", True),
        ([1, 2], "None of these swaps involves the orange circle.", False),
        ([1, 2], "Both swaps leave it alone.", False),
        ([4, 6], "Both swaps leave it alone.", True),
        ([1, 4], "Both swaps involve it.", False),
        ([2, 3], "Both swaps involve it.", True),
        ([1, 4], "One of these swaps moves it.", False),
        ([2, 4], "One of these swaps moves it.", True),
        ([4], "The fourth swap comes next and moves it.", False),
        ([3], "The third swap comes next and moves it.", True),
    ],
)
def test_groups_of_swaps_that_move_something_or_leave_it(
    told: list[int], sentence: str, is_true: bool
) -> None:
    assert _is_refuted("shell_game", told, sentence) != is_true


@pytest.mark.parametrize(
    ("video", "told", "sentence", "is_true"),
    [
        ("distance", [3], "The longest is 49 percent, in the second parting.", True),
        ("distance", [3], "The longest is 49 percent, in the third parting.", False),
        ("distance", [3], "The shortest distance is that of the third time.", True),
        ("distance", [3], "The shortest distance is that of the last time.", False),
        ("event_order", [2], "The circle fades before the pentagon fades and after the diamond fades.", True),
        ("event_order", [2], "The circle fades after the diamond fades and after the pentagon fades.", False),
        ("speed", [3], "The purple star takes far longer.", False),
        ("event_order", [2], "The purple circle takes longer.", False),
        ("seventh/sliding_puzzle-00001-1", [1], "It is now in row 2, column 3.", True),
        ("seventh/sliding_puzzle-00001-1", [1, 2], "It stays in row 2, column 3.", True),
        ("seventh/sliding_puzzle-00001-1", [1, 2], "It stays in row 1, column 2 for now.", False),
        ("seventh/sliding_puzzle-00001-1", [1, 2], "Our tile is in row 2, column 2.", False),
    ],
)
def test_ranks_orders_lengths_and_places(video: str, told: list[int], sentence: str, is_true: bool) -> None:
    assert _is_refuted(video, told, sentence) != is_true


def _passes(video: str, told: list[str], sentence: str) -> bool:
    """Return whether nothing is at fault with a sentence behind others."""
    world = World(videos()[video])
    teller = Teller(Truth(world, 250.0), Licence())
    for one in told:
        assert teller.fault(world.reader.tokens(one), is_last=False) is None
    return teller.fault(world.reader.tokens(sentence), is_last=False) is None


@pytest.mark.parametrize(
    ("sentence", "is_true"),
    [
        ("Before card 51 was put in the pile was 68, 81, 21.", True),
        ("Before card 51 was put in it was 68, 81, 21, 51.", False),
        ("Before 3.2 s it was 68, 81, 21.", True),
        ("Before 3.2 s it was 68, 81, 21, 51.", False),
        ("After card 68 was put in, the pile was 68, 81, 21.", True),
        ("After card 68 was put in, the pile was 81, 21.", False),
        ("There were 3 cards before card 51 was put in.", True),
        ("There were 4 cards before card 51 was put in.", False),
        ("The cards are put in in the order 68, 51.", True),
        ("The cards are put in in the order 51, 68.", False),
        ("The final pile is 68, 81, 21, 51.", True),
        ("The starting pile is 68, 81, 21, 51.", False),
        ("The pile is 68, 81, 21, 51, read from the top.", True),
        ("The pile is 68, 81, 21, 51, read from the bottom.", False),
        ("The pile then has 5 cards.", False),
    ],
)
def test_what_a_pile_was_before_and_after(sentence: str, is_true: bool) -> None:
    assert _is_taken(PILE, sentence, "4") == is_true


@pytest.mark.parametrize(
    ("sentence", "is_true"),
    [
        ("Then nothing happens for two seconds.", False),
        ("Nothing changes until 3.0 s.", False),
        ("After that nothing else changes.", True),
        ("The question asks only for the way of the blue square.", True),
        ("The move begins at 3.0 s and ends at 4.0 s.", True),
        ("The move begins at 3.0 s and is over at 4.6 s.", False),
    ],
)
def test_quiet_questions_and_spans(sentence: str, is_true: bool) -> None:
    assert _is_taken(QUIET, sentence, "first up, then left") == is_true


@pytest.mark.parametrize(
    ("video", "told", "sentence", "is_true"),
    [
        ("shell_game", [], "Two of the six swaps move the orange circle.", True),
        ("shell_game", [], "Three of the six swaps move the orange circle.", False),
        ("distance", ["At 2.3 s they move apart."], "It is the longest of all.", True),
        ("distance", ["At 3.3 s they move apart."], "It is the longest of all.", False),
        ("distance", ["At 1.2 s they move apart."], "A second one follows at 2.3 s.", True),
        ("distance", ["At 1.2 s they move apart."], "A third one follows at 2.3 s.", False),
    ],
)
def test_shares_and_ranks_of_what_was_told(video: str, told: list[str], sentence: str, is_true: bool) -> None:
    assert _passes(video, told, sentence) == is_true
