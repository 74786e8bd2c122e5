"""What the verifier makes of sentences without a time, of denials and of ranges, on timelines written by hand."""

from typing import Any

import pytest

from cot_samples import CUPS, HITS, TURN, event, look, metadata_of, sample
from retroflip.cot.verify import verify

Metadata = dict[str, Any]
BEYOND = metadata_of(
    [
        event("move", 0, 1500, "the blue square moves up", object="o1", direction="up"),
        event("move", 1500, 3000, "the blue square moves left", object="o1", direction="left"),
        event(
            "return", 2300, 2333, "the blue square leaves the screen going left and comes back in at the opposite edge",
            object="o1", direction="left",
        ),
    ],
    question="Which way does the blue square move?",
    options=["first up, then left", "first right, then down", "first up, then right", "first left, then down"],
    answer="first up, then left",
    derivation=["It goes up and then left, so the answer is: first up, then left."],
    objects=[look("o1", "blue", "square")],
    seconds=3.0,
)  # fmt: skip
PILE = metadata_of(
    [
        event("reveal", 0, 1900, "the case is open and shows 81, 21, 52 from top to bottom", pile=[81, 21, 52]),
        event("put", 2100, 3000, "card 68 is put on top of the pile", end="top", card=68, face="up"),
        event(
            "take", 3200, 4200, "a face-down card is taken from the top of the pile", end="top", card=68, face="down"
        ),
        event("put", 4400, 5300, "card 51 is put at the bottom of the pile", end="bottom", card=51, face="up"),
    ],
    question="Which card lies third from the top at the end?",
    options=["card 81", "card 52", "card 51", "card 68"],
    answer="card 52",
    derivation=[
        "From top to bottom the pile starts as 81, 21, 52.",
        "Card 68 goes to the top: 68, 81, 21, 52.",
        "The card taken from the top is 68: 81, 21, 52 are left.",
        "Card 51 goes to the bottom: 81, 21, 52, 51.",
        "So the answer is: card 52.",
    ],
    objects=[
        {"id": f"c{n}", "shape": "rectangle", "colour": "white", "name": f"card {n}"} for n in (21, 51, 52, 68, 81)
    ],
    states=[
        {"ms": 2000, "frame": 60, "done": 0, "pile": [81, 21, 52]},
        {"ms": 3100, "frame": 93, "done": 1, "pile": [68, 81, 21, 52]},
        {"ms": 4300, "frame": 129, "done": 2, "pile": [81, 21, 52]},
        {"ms": 5400, "frame": 162, "done": 3, "pile": [81, 21, 52, 51]},
    ],
)  # fmt: skip
SHELLS = metadata_of(
    [
        event("reveal", 0, 1900, "the objects are shown: the red star in row 1, column 1; the pink cross in row 2, "
              "column 2"),
        event("swap", 2100, 3000, "the covers of (row 1, column 1) and (row 1, column 2) swap places",
              cells=[[1, 1], [1, 2]]),
        event("swap", 3200, 4100, "the covers of (row 1, column 2) and (row 2, column 2) swap places",
              cells=[[1, 2], [2, 2]]),
        event("blank", 4300, 5900, "all cells stay covered"),
    ],
    question="Where is the red star at the end? Rows are counted from the top.",
    options=["row 1, column 1", "row 1, column 2", "row 2, column 2", "row 2, column 1"],
    answer="row 2, column 2",
    derivation=[
        "The red star is in row 1, column 1, then row 1, column 2, then row 2, column 2.",
        "So the answer is: row 2, column 2.",
    ],
    objects=[look("o1", "red", "star"), look("o2", "pink", "cross")],
    states=[
        {"ms": 2000, "frame": 60, "cells": {"o1": [1, 1], "o2": [2, 2]}},
        {"ms": 3100, "frame": 93, "cells": {"o1": [1, 2], "o2": [2, 2]}},
        {"ms": 4200, "frame": 126, "cells": {"o1": [2, 2], "o2": [1, 2]}},
    ],
)  # fmt: skip
SPEEDS = metadata_of(
    [
        event("move", 0, 3000, "the blue cross covers 0.09 of the screen a second", object="o1", speed=0.09),
        event("move", 0, 3000, "the pink star covers 0.26 of the screen a second", object="o2", speed=0.26),
        event("move", 3000, 6000, "the blue cross covers 0.31 of the screen a second", object="o1", speed=0.31),
        event("move", 3000, 6000, "the pink star covers 0.15 of the screen a second", object="o2", speed=0.15),
    ],
    question="How do the pink star and the blue cross rank in the second half of the video, from slowest to fastest?",
    options=["blue cross, pink star", "pink star, blue cross"],
    answer="pink star, blue cross",
    derivation=["The speeds in the second half: blue cross 0.31, pink star 0.15.",
                "So the order from slowest to fastest is: pink star, blue cross."],
    objects=[look("o1", "blue", "cross"), look("o2", "pink", "star")],
)  # fmt: skip

TOLD: dict[str, tuple[Metadata, str]] = {
    "turn": (TURN, "At 0.0s the purple diamond moves up. At 2.2s it moves left."),
    "beyond": (BEYOND, "At 0.0s the square heads up. At 1.5s it turns left. At 2.3s it exits at the left edge and "
                       "re-enters on the opposite side."),
    "hits": (HITS, "The circle hits the ceiling at 0.5s, the left wall at 1.5s, the ceiling at 2.6s and the right wall "
                   "at 3.6s."),
    "cups": (CUPS, "At 0.0s the cups are see-through. At 2.1s chip 23 is put into cup B. At 3.9s B is poured into "
                   "A. At "
                   "5.0s the cups turn opaque."),
    "pile": (PILE, "At 0.0s the open case shows 81, 21, 52. At 2.1s card 68 is laid on top. At 3.2s a face-down card "
                   "is removed from the top. At 4.4s card 51 is put at the bottom."),
    "shells": (SHELLS, "At 0.0s the red star is shown in row 1, column 1. At 2.1s (row 1, column 1) and (row 1, "
                       "column 2) are exchanged. At 3.2s (row 1, column 2) and (row 2, column 2) are exchanged. At "
                       "4.3s all cells stay covered."),
    "speeds": (SPEEDS, "At 0.0s the blue cross covers 0.09 of the screen a second and the pink star 0.26. At 3.0s the "
                       "blue cross covers 0.31 of the screen a second and the pink star 0.15."),
}  # fmt: skip


def faults(metadata: Metadata, reasoning: str) -> list[str]:
    trace = f"<think>{reasoning}</think>\n\\boxed{{{metadata['question']['answer']}}}"
    return [problem.sentence for problem in verify(trace, metadata, sample(metadata)).problems]


TRUE = [
    ("turn", "It never goes right. So it goes up first and left after that."),
    ("turn", "The diamond doesn't move down at any point, and the answer is not first left, then up."),
    ("beyond", "So the path is up first, left second."),
    ("hits", "Counting the hits of the upper wall only, the answer is 2."),
    ("cups", "Before B is poured into A: A holds 6, 10; B holds 23, 29. So cup A ends with 4 chips."),
    ("pile", "After card 68 is put on top: 68, 81, 21, 52. Once it is gone, 81, 21, 52 remain. Therefore the third "
             "card from the top is card 52."),
    ("shells", "The red star goes from row 1, column 1 to row 2, column 2. So it ends up in row 2, column 2."),
    ("shells", "Going backwards, the red star was in row 2, column 2, before that in row 1, column 2, and at first in "
               "row 1, column 1. The answer is row 2, column 2."),
    ("speeds", "In the second half the pink star is the slowest and the blue cross is the fastest. So from slowest to "
               "fastest: pink star, blue cross."),
    ("hits", "The circle hits the left edge once."),
    ("hits", "It hits the left edge."),
    ("turn", "The diamond moves left across the frame."),
    ("turn", "It drifts left in the frame."),
    ("beyond", "It has left the screen once."),
    ("turn", "It didn't go right."),
    ("turn", "It wasn't going right."),
    ("turn", "The diamond won't go right."),
    ("turn", "It can't go down."),
    ("turn", "It moves down at no point."),
    ("turn", "There is no movement to the right."),
    ("hits", "No hit of the lower wall happens."),
    ("hits", "The circle first hits the upper wall."),
    ("hits", "The last hit is on the right wall."),
    ("hits", "The left wall is hit only once."),
    ("hits", "There is just one hit of the left wall."),
    ("cups", "B is not empty at the start."),
    ("cups", "B is empty at the end."),
    ("cups", "Cup A ends with 4 chips."),
    ("cups", "Cup B ends up empty."),
    ("shells", "The red star moves 2 times."),
    ("shells", "The red star moves twice."),
    ("turn", "It goes up, which is easy to see."),
    ("hits", "Let me count the hits of the upper wall: there are 2."),
    ("hits", "I count 2 hits of the upper wall."),
    ("turn", "Which way does it go after that?"),
    ("turn", "To answer, I need to follow whether it goes left or right."),
    ("turn", "It doesn't go right, yet it goes left."),
    ("turn", "At 4.3s the video ends."),
    ("turn", "The answer isn't first left, then up."),
    ("turn", "The answer can't be A."),
    ("turn", "The pink cross stays still."),
    ("hits", "It hits the left wall once."),
    ("turn", "Let me see if it goes right: no."),
    ("turn", "The pink cross never moves."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ending"), [("turn", ""), ("hits", ""), ("pile", ""), ("shells", ""), *TRUE]
)
def test_what_is_true_passes_in_other_words(name: str, ending: str) -> None:
    metadata, told = TOLD[name]
    assert faults(metadata, f"{told} {ending}") == []


FALSE = [
    ("turn", "It does not go up and then left."),
    ("turn", "So the answer is not first up, then left."),
    ("turn", "It goes up and then up, so the answer is first up, then left."),
    ("beyond", "It goes left and then left."),
    ("hits", "Counting the hits of the left wall alone, the answer is 2."),
    ("hits", "So the left wall is struck twice."),
    ("hits", "The circle never hits the right wall."),
    ("cups", "At the end, A holds 6, 10; B holds 29."),
    ("cups", "Before chip 23 is dropped into cup B: A holds 6, 10; B holds 23, 29."),
    ("cups", "When chip 23 is dropped into the cup at A: A holds 6, 10; B holds 23, 29."),
    ("cups", "At the start, A does not hold 6, 10."),
    ("pile", "Card 68 goes to the bottom: 68, 81, 21, 52."),
    ("pile", "The card taken from the bottom is 68: 81, 21, 52 are left."),
    ("pile", "From top to bottom the pile starts as 81, 21, 52, 51."),
    ("pile", "Before card 51 is put in: 81, 21, 52, 51."),
    ("pile", "So the answer is card 51."),
    ("shells", "The red star is in row 1, column 1, then row 2, column 2, then row 1, column 2."),
    ("shells", "The red star goes from row 1, column 2 to row 1, column 1, then the answer is row 2, column 2."),
    ("shells", "So the answer is: row 2, column 1."),
    ("shells", "The pink cross is in row 1, column 1, then row 1, column 2, then row 2, column 2."),
    ("speeds", "In the first half: blue cross 0.31, pink star 0.15."),
    ("speeds", "So the order from slowest to fastest is: pink star, pink star."),
    ("speeds", "In the second half the blue cross is the slowest."),
    ("turn", "It can't go up."),
    ("turn", "It cannot go up."),
    ("turn", "It won't go up."),
    ("turn", "It didn't go left."),
    ("turn", "It fails to move up."),
    ("turn", "Nowhere does it move left."),
    ("turn", "At no point does it move left."),
    ("turn", "It moves up at no point."),
    ("turn", "There is no movement to the left."),
    ("turn", "It doesn't go up, yet it goes left."),
    ("turn", "It goes right, which is easy to see."),
    ("turn", "It is clear how it moves: down, then right."),
    ("turn", "The diamond stays still."),
    ("turn", "The diamond never moves."),
    ("turn", "The diamond doesn't move."),
    ("turn", "The diamond is motionless."),
    ("turn", "The diamond disappears."),
    ("turn", "The diamond vanishes."),
    ("turn", "It first moves left."),
    ("turn", "The answer isn't first up, then left."),
    ("turn", "The answer can't be B."),
    ("turn", "The answer cannot be first up, then left."),
    ("turn", "Let me see: it goes right."),
    ("turn", "Let me look and it goes right."),
    ("turn", "If I look closely, it goes right."),
    ("hits", "No hit of the left wall happens."),
    ("hits", "I count 4 hits of the upper wall."),
    ("hits", "The circle first hits the left wall."),
    ("hits", "The last hit is on the upper wall."),
    ("hits", "The first hit is on the left wall."),
    ("hits", "The upper wall is hit once."),
    ("hits", "The upper wall is hit only once."),
    ("hits", "There is just one hit of the upper wall."),
    ("hits", "There is one hit of the upper wall."),
    ("hits", "Let me count: 4 hits of the upper wall."),
    ("hits", "The circle hits the left edge twice."),
    ("hits", "There are 4 hits of the upper wall."),
    ("cups", "Cup A is empty at the end."),
    ("cups", "Cup B ends with 4 chips."),
    ("cups", "Cup A is not empty, and cup B is not empty at the end."),
    ("cups", "Cup A ends up empty."),
    ("cups", "Cup B is empty at the start."),
    ("cups", "B is not empty at the end."),
    ("shells", "The red star moves 3 times."),
    ("shells", "The pink cross never moves."),
    ("shells", "The red star moves once."),
    ("shells", "The pink cross stays still."),
    ("shells", "The pink cross doesn't move at all."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "ending"), FALSE)
def test_a_false_sentence_without_a_time_is_refused(name: str, ending: str) -> None:
    metadata, told = TOLD[name]
    assert faults(metadata, f"{told} {ending}")


SPOILT = {
    "a note denied": (TURN, "At 0.0s the purple diamond does not move up. At 2.2s it moves left."),
    "a denial beside a true note": (
        TURN, "At 0.0s the purple diamond moves up. At 2.2s it moves left, and it isn't moving to the left.",
    ),
    "a happening of another event": (
        BEYOND, "At 0.0s the blue square moves up. At 1.5s it exits the screen on the left and re-enters on the "
        "opposite side. At 2.3s it moves left.",
    ),
    "a range that ends with another event": (TURN, "From 0.0s to 4.3s it moves up. At 2.2s it moves left."),
    "two cells of two events": (
        SHELLS, TOLD["shells"][1].replace("At 3.2s (row 1, column 2) and", "At 3.2s (row 2, column 1) and"),
    ),
    "the cups closed": (CUPS, TOLD["cups"][1].replace("see-through", "opaque")),
    "a foreign clause with a word of the note": (
        HITS, TOLD["hits"][1] + " At 2.6s a mark appears beside the counter of the wall.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_note_is_refused(name: str) -> None:
    assert faults(*SPOILT[name])


UP, LEFT = "At 0.0s the purple diamond moves up.", "At 2.2s it moves left."


@pytest.mark.parametrize(
    "reasoning",
    [
        f"{UP} At 2.2s it moves left across the frame.",
        f"At 0.0s the video starts and the diamond moves up. {LEFT}",
        f"At 0.0s the video starts. {UP} {LEFT} At 4.3s the video is over, so it goes up first, then left.",
    ],
)
def test_what_is_told_at_an_edge_passes_where_it_is_true(reasoning: str) -> None:
    assert faults(TURN, reasoning) == []


@pytest.mark.parametrize(
    "reasoning",
    [
        f"{UP} At 0.0s the video starts and the diamond moves right. {LEFT}",
        f"{UP} At 0.0s the video starts and the diamond moves left. {LEFT}",
        f"{UP} {LEFT} At 4.3s the video ends, so it goes right.",
    ],
)
def test_what_is_told_beside_the_edge_of_the_video_is_checked(reasoning: str) -> None:
    assert faults(TURN, reasoning)


def test_only_a_question_about_what_was_before_is_told_backwards() -> None:
    retrodictive = {**TURN, "question": {**TURN["question"], "mode": "retrodictive"}}
    assert faults(retrodictive, f"I go backwards. {LEFT} {UP}") == []
    assert faults(retrodictive, f"I do not go backwards. {LEFT} {UP}")
    assert faults(TURN, f"I go backwards. {LEFT} {UP}")
