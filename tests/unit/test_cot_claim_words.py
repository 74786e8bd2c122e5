"""Claims in the ways in which a writer would guess their keys and words, and a false twin of many."""

from typing import Any

import pytest

from retroflip.cot.claims import read_claim
from retroflip.cot.truth.claims import borne_out
from retroflip.cot.truth.proof import Truth
from retroflip.cot.truth.relations import Relations
from retroflip.cot.world import World
from traced_videos import of_fourteenth

TRUE: list[tuple[str, dict[str, Any]]] = [
    ("arithmetic-00001", {"event": "reveal", "time": 8.9, "property": "result", "value": 0}),
    ("arithmetic-00001", {"event": "reveal", "time": 8.9, "value": 0}),
    ("arithmetic-00001", {"event": "result shown", "time": 8.9, "value": 0}),
    ("arithmetic-00001", {"event": "unknown", "time": 6.0, "property": "symbol", "value": "?"}),
    ("arithmetic-00001", {"event": "question mark", "time": 6.0}),
    ("arithmetic-00001", {"event": "draws a question mark", "time": 6.0, "object": "ball"}),
    (
        "arithmetic-00001",
        {"event": "glyph", "time": 6.0, "object": "ball", "property": "symbol", "value": "?"},
    ),
    (
        "arithmetic-00001",
        {"event": "glyph", "time": 6.0, "object": "ball", "property": "symbol", "value": "question mark"},
    ),
    (
        "arithmetic-00001",
        {"event": "draw", "time": 2.1, "object": "ball", "property": "symbol", "value": "2"},
    ),
    ("arithmetic-00001", {"event": "draws", "time": 3.1, "property": "sign", "value": "minus"}),
    ("card_stack-00002", {"event": "reveal", "time": 8.7, "property": "pile", "value": [80, 54, 25]}),
    (
        "card_stack-00002",
        {"event": "reveal", "time": 8.7, "object": "pile", "property": "holds", "value": [80, 54, 25]},
    ),
    ("card_stack-00002", {"event": "opens", "time": 8.7, "object": "case"}),
    ("card_stack-00002", {"object": "pile", "property": "holds", "value": [68, 80, 54], "time": 5.9}),
    ("card_stack-00002", {"object": "pile", "property": "holds", "value": [68, 80, 54], "time": 6.5}),
    ("card_stack-00002", {"object": "pile", "property": "holds", "value": [68, 80, 54], "time": 6.4}),
    ("card_stack-00002", {"object": "pile", "property": "holds", "value": [80, 54], "time": 6.8}),
    ("card_stack-00002", {"object": "pile", "property": "holds", "value": [80, 54], "time": 7.4}),
    (
        "card_stack-00002",
        {
            "object": "pile",
            "property": "holds",
            "value": [68, 80, 54],
            "relation": "before",
            "event": "take",
            "time": 6.8,
        },
    ),
    (
        "card_stack-00002",
        {"object": "pile", "property": "holds", "value": [68, 80, 54], "relation": "before", "time": 6.8},
    ),
    (
        "card_stack-00002",
        {"object": "pile", "property": "holds", "value": [80, 54], "relation": "after", "time": 6.8},
    ),
    ("file_system-00001", {"event": "mv --exchange pics work", "time": 2.1}),
    (
        "file_system-00001",
        {"event": "run", "time": 2.1, "property": "command", "value": "mv --exchange pics work"},
    ),
    (
        "file_system-00001",
        {"event": "command", "time": 5.1, "property": "command", "value": "touch work/poem.txt"},
    ),
    ("file_system-00001", {"event": "touch", "time": 5.1, "object": "work/poem.txt"}),
    (
        "file_system-00001",
        {"event": "touch", "time": 5.1, "object": "poem.txt", "property": "folder", "value": "work"},
    ),
    ("file_system-00001", {"event": "command", "time": 5.1, "value": "touch work/poem.txt"}),
    ("file_system-00001", {"event": "rm work/*", "time": 5.8}),
    (
        "file_system-00001",
        {"object": "docs", "property": "folders", "value": ["list.txt"], "relation": "at the end"},
    ),
    (
        "file_system-00001",
        {"object": "docs", "property": "files", "value": ["list.txt"], "relation": "at the end"},
    ),
    (
        "rotation-00001",
        {"event": "spin", "time": 0.0, "object": "red T", "property": "sense", "value": "counter-clockwise"},
    ),
    ("rotation-00001", {"event": "spin", "time": 0.0, "object": "red T", "property": "sense", "value": -1}),
    (
        "rotation-00001",
        {
            "event": "turn",
            "time": 0.0,
            "object": "red T",
            "property": "direction",
            "value": "counter-clockwise",
        },
    ),
    ("rotation-00001", {"event": "spin clockwise", "property": "count", "value": 3}),
    ("rotation-00001", {"event": "spin counter-clockwise", "property": "count", "value": 2}),
    ("motion_count-00002", {"event": "hop left", "property": "count", "value": 3}),
    (
        "motion_count-00002",
        {"event": "hops to the left", "property": "count", "value": 3, "object": "green pentagon"},
    ),
    ("relative_position-00002", {"event": "visit right", "property": "count", "value": 2}),
    ("relative_position-00002", {"event": "visit left", "property": "count", "value": 3}),
    (
        "relative_position-00002",
        {"event": "visit", "time": 1.4, "object": "green pentagon", "property": "side", "value": "right"},
    ),
    (
        "relative_position-00002",
        {"object": "green pentagon", "time": 1.4, "relation": "to the right of", "value": "red hexagon"},
    ),
    (
        "relative_position-00002",
        {"event": "is to the right", "time": 1.4, "object": "green pentagon", "value": "red hexagon"},
    ),
    ("shell_game-00001", {"event": "swap", "time": 2.1, "property": "cells", "value": [[2, 1], [3, 1]]}),
    ("shell_game-00001", {"event": "swap", "time": 2.1, "object": ["row 2, column 1", "row 3, column 1"]}),
    ("shell_game-00001", {"event": "swap", "time": 2.1, "object": [[2, 1], [3, 1]]}),
    ("shell_game-00001", {"event": "swap", "time": 2.1, "value": [[2, 1], [3, 1]]}),
    ("shell_game-00001", {"event": "swap", "time": 2.1, "value": "(row 2, column 1) and (row 3, column 1)"}),
    (
        "speed-00001",
        {"property": "ranking", "value": ["orange cross", "pink triangle", "blue square", "purple circle"]},
    ),
    (
        "speed-00001",
        {"property": "ranking", "value": ["purple circle", "blue square", "pink triangle", "orange cross"]},
    ),
    ("speed-00001", {"event": "goes down", "time": 2.3, "object": "pink triangle"}),
    (
        "speed-00001",
        {"event": "move", "time": 2.3, "object": "pink triangle", "property": "direction", "value": "down"},
    ),
    (
        "speed-00001",
        {"event": "cross", "time": 2.3, "object": "pink triangle", "property": "duration", "value": 1.7},
    ),
    (
        "trajectory_shape-00002",
        {"event": "draws", "time": 0.0, "object": "red star", "property": "figure", "value": "square"},
    ),
    (
        "trajectory_shape-00002",
        {"event": "goes along", "time": 0.0, "object": "red star", "property": "figure", "value": "square"},
    ),
    (
        "trajectory_shape-00002",
        {"event": "trace", "time": 0.0, "property": "sense", "value": "counter-clockwise"},
    ),
    ("trajectory_shape-00002", {"event": "trace", "time": 2.8, "property": "sense", "value": 0}),
    (
        "velocity_ranking-00002",
        {
            "property": "ranking",
            "value": ["cyan star", "green pentagon", "yellow hexagon"],
            "relation": "slowest",
        },
    ),
    (
        "sliding_puzzle-00001",
        {"event": "slide", "time": 2.1, "object": "tile 7", "property": "to", "value": [2, 1]},
    ),
    ("sliding_puzzle-00001", {"object": "row 3", "property": "holds", "value": [7, 3, 5], "time": 7.8}),
    ("sliding_puzzle-00001", {"object": "row 3", "property": "holds", "value": [7, 3, 5], "time": 8.6}),
    ("sliding_puzzle-00001", {"object": "row 3", "property": "holds", "value": [7, 3, 5], "time": 9.5}),
]
FALSE: list[tuple[str, dict[str, Any]]] = [
    ("arithmetic-00001", {"event": "reveal", "time": 8.9, "property": "result", "value": 2}),
    (
        "arithmetic-00001",
        {"event": "glyph", "time": 6.0, "object": "ball", "property": "symbol", "value": "+"},
    ),
    ("card_stack-00002", {"event": "reveal", "time": 8.7, "property": "pile", "value": [54, 80, 25]}),
    ("card_stack-00002", {"object": "pile", "property": "holds", "value": [80, 54], "time": 8.2}),
    (
        "card_stack-00002",
        {"object": "pile", "property": "holds", "value": [80, 54], "relation": "before", "time": 6.8},
    ),
    (
        "file_system-00001",
        {"event": "run", "time": 2.1, "property": "command", "value": "mv --exchange docs work"},
    ),
    (
        "rotation-00001",
        {"event": "spin", "time": 0.0, "object": "red T", "property": "sense", "value": "clockwise"},
    ),
    ("rotation-00001", {"event": "spin", "time": 0.0, "object": "red T", "property": "sense", "value": 1}),
    ("rotation-00001", {"event": "spin clockwise", "property": "count", "value": 2}),
    ("motion_count-00002", {"event": "hop left", "property": "count", "value": 2}),
    ("relative_position-00002", {"event": "visit left", "property": "count", "value": 1}),
    (
        "relative_position-00002",
        {"object": "green pentagon", "time": 1.4, "relation": "to the left of", "value": "red hexagon"},
    ),
    ("shell_game-00001", {"event": "swap", "time": 2.1, "property": "cells", "value": [[2, 1], [3, 2]]}),
    (
        "speed-00001",
        {"property": "ranking", "value": ["pink triangle", "orange cross", "blue square", "purple circle"]},
    ),
    ("trajectory_shape-00002", {"event": "trace", "time": 0.0, "property": "sense", "value": "clockwise"}),
    (
        "sliding_puzzle-00001",
        {"event": "slide", "time": 2.1, "object": "tile 7", "property": "to", "value": [2, 2]},
    ),
]


def is_true(video: str, claim: dict[str, Any]) -> bool:
    world = World(of_fourteenth(video))
    return borne_out(read_claim(claim, world), Relations(Truth(world, 250.0))) is not None


@pytest.mark.parametrize(("video", "claim"), TRUE)
def test_true_claims_are_borne_out(video: str, claim: dict[str, Any]) -> None:
    assert is_true(video, claim)


@pytest.mark.parametrize(("video", "claim"), FALSE)
def test_false_claims_are_not(video: str, claim: dict[str, Any]) -> None:
    assert not is_true(video, claim)
