"""Claims that relate facts: comparisons, counts, orders, ranks and denials, true ones and false twins."""

from typing import Any

import pytest

from retroflip.cot.claims import ClaimError, read_claim
from retroflip.cot.truth.claims import borne_out
from retroflip.cot.truth.proof import Truth
from retroflip.cot.truth.relations import Relations
from retroflip.cot.verify import verify
from retroflip.cot.world import World
from retroflip.synth.corpus import sample_from
from traced_videos import videos

CLAIMS: dict[str, list[tuple[bool, dict[str, Any]]]] = {
    "card_stack-00001-1": [
        (True, {"event": "take", "property": "order", "value": [89, 83, 51, 24, 47]}),
        (False, {"event": "take", "property": "order", "value": [89, 51, 83, 24, 47]}),
        (True, {"event": "take", "property": "count", "value": 5}),
        (True, {"event": "take top", "property": "count", "value": 4}),
        (True, {"event": "take", "property": "end", "value": "top", "relation": "count 4"}),
        (False, {"event": "put", "property": "card", "value": [51, 24]}),
        (True, {"object": "pile", "property": "count", "value": 3, "relation": "at the end"}),
        (True, {"object": "pile", "property": "top", "value": 25, "relation": "at the end"}),
        (
            True,
            {
                "object": "card 25",
                "property": "place",
                "value": "third from the top",
                "relation": "at the start",
            },
        ),
        (
            False,
            {
                "object": "card 24",
                "property": "place",
                "value": "third from the top",
                "relation": "at the start",
            },
        ),
        (True, {"object": "card 25", "property": "place", "value": "third", "relation": "at the start"}),
        (
            True,
            {
                "object": "pile",
                "property": "holds",
                "value": [24, 25, 48, 88],
                "time": 5.5,
                "relation": "before",
            },
        ),
        (
            False,
            {
                "object": "pile",
                "property": "holds",
                "value": [89, 24, 25, 48, 88],
                "time": 3.0,
                "relation": "before",
            },
        ),
        (
            False,
            {
                "object": "pile",
                "property": "holds",
                "value": [24, 89, 25, 48, 88],
                "time": 3.0,
                "relation": "before",
            },
        ),
    ],
    "chip_cups-00001-1": [
        (True, {"object": "B", "property": "count", "relation": "more than", "value": "A", "time": 2.8}),
        (False, {"object": "A", "property": "count", "relation": "more than", "value": "B", "time": 2.8}),
        (True, {"object": "B", "property": "count", "relation": "more than", "value": "C", "time": 2.8}),
        (True, {"event": "swap", "property": "count", "value": 2}),
        (True, {"event": "pour", "property": "count", "value": 3}),
        (True, {"event": "put", "property": "count", "value": 2}),
        (True, {"event": "put", "property": "order", "value": [12, 22]}),
        (True, {"object": "A", "property": "empty", "value": True, "time": 2.8}),
        (False, {"object": "B", "property": "count", "value": 5, "time": 2.8}),
        (True, {"object": "chip 22", "relation": "in", "value": "A", "time": 8.0}),
        (True, {"object": "chip 22", "property": "cup", "value": "A", "relation": "at the end"}),
        (True, {"event": "swap", "time": 4.6, "object": "B", "relation": "not"}),
    ],
    "collision_count-00001-1": [
        (True, {"event": "hit left wall", "relation": "more often than", "value": "hit right wall"}),
        (False, {"event": "hit right wall", "relation": "more often than", "value": "hit left wall"}),
        (True, {"event": "hit right wall", "property": "count", "value": 3}),
        (True, {"event": "hit", "property": "count", "value": 10}),
        (True, {"event": "hit", "property": "wall", "value": "left", "relation": "first"}),
        (True, {"event": "first hit", "property": "wall", "value": "left"}),
        (False, {"event": "first hit", "property": "wall", "value": "right"}),
        (True, {"event": "hit", "property": "order", "value": ["left", "lower", "right"]}),
        (True, {"event": "hit", "property": "order", "value": ["left", "right", "lower"]}),
        (True, {"event": "hit upper wall", "relation": "once"}),
        (True, {"event": "hit left wall", "property": "count", "relation": "more than", "value": 3}),
        (True, {"event": "hit right wall", "time": [1.5, 2.6, 3.7]}),
    ],
    "direction-00001-1": [
        (True, {"object": "yellow hexagon", "property": "order", "value": ["left", "down"]}),
        (False, {"object": "yellow hexagon", "property": "order", "value": ["down", "left"]}),
        (True, {"object": "yellow hexagon", "property": "direction", "value": ["left", "down"]}),
        (False, {"object": "yellow hexagon", "property": "direction", "value": ["down", "left"]}),
        (True, {"object": "yellow hexagon", "property": "direction", "relation": "not", "value": "right"}),
        (True, {"event": "return", "property": "count", "value": 1}),
        (True, {"event": "move left", "relation": "before", "value": "move down"}),
        (True, {"event": "move down", "relation": "last"}),
    ],
    "distance-00001-1": [
        (True, {"event": "fourth approach", "relation": "closest"}),
        (True, {"event": "fourth approach", "relation": "closer than", "value": "third approach"}),
        (
            True,
            {
                "event": ["first approach", "second approach", "third approach"],
                "property": "distance",
                "value": 25,
            },
        ),
        (
            False,
            {
                "event": ["first approach", "second approach", "fourth approach"],
                "property": "distance",
                "value": 25,
            },
        ),
        (True, {"event": "first approach", "relation": "as close as", "value": "second approach"}),
        (False, {"event": "first approach", "relation": "as close as", "value": "fourth approach"}),
        (True, {"event": "fourth approach", "relation": "10 percent closer than", "value": "third approach"}),
        (True, {"event": "approach", "property": "order", "value": [25, 25, 25, 15]}),
        (True, {"event": "approach", "property": "count", "value": 4}),
        (True, {"property": "ranking", "value": ["fourth approach", "first approach"]}),
        (
            False,
            {
                "property": "ranking",
                "value": ["fourth approach", "first approach", "second approach", "fourth approach"],
            },
        ),
    ],
    "event_order-00001-1": [
        (True, {"event": "flash", "relation": "first"}),
        (False, {"event": "flash", "relation": "last"}),
        (True, {"event": "shrink", "relation": "not", "value": "first"}),
        (False, {"event": "flash", "relation": "not", "value": "first"}),
        (True, {"property": "order", "value": ["flash", "sway", "shrink"]}),
        (False, {"property": "order", "value": ["flash", "shrink", "sway"]}),
        (True, {"event": "sway", "relation": "between", "value": ["flash", "shrink"]}),
        (False, {"event": "shrink", "relation": "between", "value": ["flash", "sway"]}),
        (True, {"event": "shrink", "relation": "after", "value": "sway"}),
        (
            True,
            {"event": "orange square shrinks", "relation": "2.4 s after", "value": "orange square flashes"},
        ),
        (True, {"event": "flash", "property": "duration", "value": 0.8}),
        (True, {"event": "action", "property": "order", "value": ["flashes", "sways", "shrinks"]}),
        (True, {"event": "sway", "relation": "1.2 seconds after", "value": "flash"}),
        (False, {"event": "sway", "relation": "2.2 seconds after", "value": "flash"}),
        (True, {"event": "sway", "time": 2.7, "relation": "1.2 seconds after", "value": "flash"}),
    ],
    "motion_count-00001-1": [
        (True, {"event": "tilt right", "relation": "more often than", "value": "tilt left"}),
        (True, {"event": "tilt right", "property": "count", "value": 3}),
        (True, {"event": "tilt", "property": "order", "value": ["right", "left", "right", "left", "right"]}),
        (False, {"event": "tilt", "property": "order", "value": ["right", "right", "left", "left", "right"]}),
        (True, {"event": "fourth tilt", "relation": "longest"}),
        (True, {"event": "fourth tilt", "relation": "longer than", "value": "first tilt"}),
        (True, {"event": "tilt", "property": "count", "value": 5}),
    ],
    "relative_position-00001-1": [
        (True, {"event": "visit", "property": "order", "value": ["above", "left", "right", "below"]}),
        (False, {"event": "visit", "property": "order", "value": ["above", "right", "left", "below"]}),
        (
            True,
            {
                "object": "blue square",
                "property": "order",
                "value": ["left", "right", "below"],
                "relation": "after the first visit above",
            },
        ),
        (True, {"event": "visit above", "property": "count", "value": 2}),
        (True, {"event": "first visit", "property": "side", "value": "below"}),
    ],
    "rotation-00001-1": [
        (True, {"event": "spin clockwise", "property": "count", "value": 3}),
        (True, {"event": "spin clockwise", "relation": "more often than", "value": "spin counter-clockwise"}),
        (True, {"event": "spin", "property": "order", "value": ["clockwise", "counter-clockwise"]}),
        (False, {"event": "spin", "property": "order", "value": ["counter-clockwise", "clockwise"]}),
        (True, {"event": "spin clockwise", "relation": "before", "value": "spin counter-clockwise"}),
        (True, {"event": "spin", "property": "sense", "value": "clockwise", "relation": "first three"}),
    ],
    "shell_game-00001-1": [
        (True, {"event": "swap", "property": "count", "value": 6}),
        (False, {"object": "blue diamond", "event": "swap", "property": "count", "value": 4}),
        (True, {"object": "blue diamond", "property": "cell", "value": [1, 2], "relation": "at the end"}),
        (
            True,
            {
                "object": ["blue diamond", "yellow triangle"],
                "property": "cell",
                "relation": "other than",
                "value": "first",
            },
        ),
        (True, {"object": "blue diamond", "property": "moved", "value": True}),
        (True, {"event": "third swap", "object": "blue diamond", "relation": "not"}),
        (
            True,
            {"object": "yellow triangle", "property": "cell", "value": [1, 2], "relation": "at the start"},
        ),
    ],
    "speed-00001-1": [
        (True, {"object": "blue triangle", "relation": "slowest"}),
        (True, {"object": "blue triangle", "relation": "slower than", "value": "red diamond"}),
        (False, {"object": "blue triangle", "relation": "faster than", "value": "red diamond"}),
        (True, {"object": "red diamond", "relation": "as fast as", "value": "green circle"}),
        (
            True,
            {
                "object": ["red diamond", "orange hexagon", "green circle"],
                "property": "duration",
                "value": 0.7,
            },
        ),
        (True, {"object": "blue triangle", "relation": "rightmost"}),
        (True, {"object": "blue triangle", "property": "place", "value": "rightmost"}),
        (True, {"object": "red diamond", "relation": "almost twice as fast as", "value": "blue triangle"}),
        (True, {"object": "blue triangle", "relation": "0.6 seconds longer than", "value": "red diamond"}),
        (
            True,
            {
                "property": "order",
                "value": ["orange hexagon", "red diamond", "green circle", "blue triangle"],
                "relation": "from left to right",
            },
        ),
        (
            False,
            {
                "property": "order",
                "value": ["red diamond", "orange hexagon", "green circle", "blue triangle"],
                "relation": "from left to right",
            },
        ),
    ],
    "trajectory_shape-00001-1": [
        (True, {"object": "green hexagon", "property": "order", "value": ["triangle", "zigzag"]}),
        (False, {"object": "green hexagon", "property": "order", "value": ["zigzag", "triangle"]}),
        (True, {"event": "trace triangle", "relation": "before", "value": "trace zigzag"}),
        (True, {"event": "trace", "property": "count", "value": 2}),
    ],
    "velocity_ranking-00001-1": [
        (True, {"object": "cyan hexagon", "relation": "fastest", "value": "first half"}),
        (True, {"object": "cyan hexagon", "relation": "faster than", "value": "blue square"}),
        (False, {"object": "blue square", "relation": "faster than", "value": "cyan hexagon"}),
        (True, {"property": "ranking", "value": ["red pentagon", "blue square", "cyan hexagon"]}),
        (False, {"property": "ranking", "value": ["blue square", "red pentagon", "cyan hexagon"]}),
        (True, {"object": "cyan hexagon", "relation": "45 percent farther than", "value": "red pentagon"}),
    ],
}


def is_so(video: str, claim: dict[str, Any]) -> bool:
    world = World(videos()[f"seventeenth/{video}"])
    return borne_out(read_claim(claim, world), Relations(Truth(world, 250.0))) is not None


@pytest.mark.parametrize(
    ("video", "is_true", "claim"), [(video, *one) for video, several in CLAIMS.items() for one in several]
)
def test_claims_that_relate_facts_are_computed(video: str, claim: dict[str, Any], *, is_true: bool) -> None:
    assert is_so(video, claim) is is_true


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ({"event": "first move", "relation": "a lot farther than", "value": "second move"}, "no amount"),
        ({"property": "option", "value": "the first", "relation": "not"}, "names no options"),
        ({"property": "option"}, "names no options"),
        ({"event": "first hop", "relation": "farther than", "value": "second hop"}, "cannot be compared"),
    ],
)
def test_what_cannot_be_computed_is_told(claim: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClaimError, match=reason):
        is_so("acceleration-00001-1", claim)


@pytest.mark.parametrize(
    "claim", [{"relation": "more than", "value": "B"}, {"relation": 5, "value": ["A"]}, {"event": ["x", 3]}]
)
def test_claims_of_nothing_are_no_traceback(claim: dict[str, Any]) -> None:
    metadata = videos()["seventeenth/chip_cups-00001-1"]
    trace = f"<think>A holds more.</think>\n\\boxed{{{metadata['question']['answer']}}}"
    assert not verify(trace, metadata, sample_from(metadata), claims=[[claim]]).is_true
