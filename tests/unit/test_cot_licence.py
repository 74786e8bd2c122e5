"""Sentences read by their own claims: what they may say in other words, and what they may not."""

from typing import Any

import pytest

from retroflip.cot.claims import read_claim
from retroflip.cot.licence import Licensing
from retroflip.cot.stated import Statements
from retroflip.cot.truth.claims import borne_out
from retroflip.cot.truth.proof import Truth
from retroflip.cot.truth.relations import Relations
from retroflip.cot.verify import verify
from retroflip.cot.world import World
from retroflip.synth.corpus import sample_from
from traced_videos import videos

SPEED: list[dict[str, Any]] = [
    {"object": "blue triangle", "relation": "0.6 seconds longer than", "value": "red diamond"},
    {"object": "red diamond", "relation": "as long as", "value": "green circle"},
]
HITS: list[dict[str, Any]] = [
    {"event": "hit", "property": "count", "value": 10},
    {"event": "hit left wall", "property": "count", "value": 4},
    {"event": "hit right wall", "property": "count", "value": 3},
    {"event": "hit lower wall", "property": "count", "value": 2},
    {"event": "hit upper wall", "property": "count", "value": 1},
]
OFTEN: list[dict[str, Any]] = [
    {"event": "hit left wall", "relation": "more often than", "value": "hit right wall"},
]
TIMES: list[dict[str, Any]] = [
    {"event": "hit", "time": 1.5, "property": "wall", "value": "right"},
    {"event": "hit", "time": 2.6, "property": "wall", "value": "right"},
    {"event": "hit", "time": 3.7, "property": "wall", "value": "right"},
]
BETWEEN: list[dict[str, Any]] = [{"event": "sway", "relation": "between", "value": ["flash", "shrink"]}]
LAST: list[dict[str, Any]] = [
    {"event": "shrink", "relation": "last"},
    {"event": "action", "property": "count", "value": 3},
]
CARDS: list[dict[str, Any]] = [
    {"event": "take", "property": "count", "value": 5},
    {"event": "put", "property": "count", "value": 2},
]
TAKEN: list[dict[str, Any]] = [
    {"event": "take", "time": 2.1, "object": "card 89", "property": "end", "value": "top"},
    {"event": "take", "time": 3.0, "object": "card 83", "property": "end", "value": "bottom"},
]
APART: list[dict[str, Any]] = [
    {"event": "fourth approach", "relation": "10 percent closer than", "value": "third approach"},
    {"event": "first approach", "relation": "as far as", "value": "second approach"},
]
TILTS: list[dict[str, Any]] = [
    {"event": "tilt right", "property": "count", "value": 3},
    {"event": "fourth tilt", "relation": "longest"},
]
CASES: list[tuple[str, list[dict[str, Any]], str, list[str]]] = [
    (
        "speed-00001-1",
        SPEED,
        "The blue triangle takes 0.6 seconds longer than the red diamond, which takes as long as the green circle.",
        [
            "The blue triangle takes 1.6 seconds longer than the red diamond, which takes as long as the green circle.",
            "The red diamond takes 0.6 seconds longer than the blue triangle, which takes as long as the green circle.",
            "The blue triangle takes 0.6 seconds longer than the green circle, which is not the red diamond.",
            "The blue triangle takes 0.6 seconds less than the red diamond, which takes as long as the green circle.",
        ],
    ),
    (
        "collision_count-00001-1",
        HITS,
        "Of ten hits, four go to the left wall, three to the right one, two to the lower and one to the upper.",
        [
            "Of ten hits, three go to the left wall, four to the right one, two to the lower and one to the upper.",
            "Of nine hits, four go to the left wall, three to the right one, two to the lower and one to the upper.",
            "Of ten hits, four go to the left wall, three to the right one, two to the lower and two to the upper.",
            "Of ten hits, four go to the left wall, three to the right one, and none to the lower.",
        ],
    ),
    (
        "collision_count-00001-1",
        OFTEN,
        "The left wall gets hit more often than the right wall does.",
        [
            "The right wall gets hit more often than the left wall does.",
            "The left wall gets hit less often than the right wall does.",
            "The left wall gets hit as often as the right wall does.",
            "The left wall does not get hit more often than the right wall does.",
        ],
    ),
    (
        "collision_count-00001-1",
        TIMES,
        "All three times at which it meets the right wall are 1.5 s, 2.6 s and 3.7 s.",
        [
            "All three times at which it meets the right wall are 1.5 s, 2.6 s and 4.3 s.",
            "All three times at which it meets the left wall are 1.5 s, 2.6 s and 3.7 s.",
            "All four times at which it meets the right wall are 1.5 s, 2.6 s and 3.7 s.",
        ],
    ),
    (
        "event_order-00001-1",
        BETWEEN,
        "The swaying has its place between the flash and the shrinking.",
        [
            "The flash has its place between the swaying and the shrinking.",
            "The shrinking has its place between the flash and the swaying.",
            "The swaying has its place before the flash and the shrinking.",
        ],
    ),
    (
        "event_order-00001-1",
        LAST,
        "The shrinking is the last of these three actions.",
        [
            "The shrinking is the first of these three actions.",
            "The swaying is the last of these three actions.",
        ],
    ),
    (
        "card_stack-00001-1",
        CARDS,
        "Over the whole clip five cards were taken away while two were put in.",
        [
            "Over the whole clip two cards were taken away while five were put in.",
            "Over the whole clip four cards were taken away while two were put in.",
        ],
    ),
    (
        "card_stack-00001-1",
        TAKEN,
        "Two cards are removed, 89 at 2.1 s from the top and then 83 at 3.0 s from the bottom.",
        [
            "Two cards are removed, 83 at 2.1 s from the top and then 89 at 3.0 s from the bottom.",
            "Two cards are removed, 89 at 2.1 s from the bottom and then 83 at 3.0 s from the top.",
        ],
    ),
    (
        "distance-00001-1",
        APART,
        "The fourth approach ends 10 percent closer than the third, and the first gets just as far as the second.",
        [
            "The third approach ends 10 percent closer than the fourth, and the first gets just as far as the second.",
            "The fourth approach ends 20 percent closer than the third, and the first gets just as far as the second.",
            "The fourth approach ends 10 percent closer than the third, and the first gets just as far as the fourth.",
        ],
    ),
    (
        "motion_count-00001-1",
        TILTS,
        "With three tilts to the right counted, the fourth tilt is still the longest of all.",
        [
            "With three tilts to the left counted, the fourth tilt is still the longest of all.",
            "With three tilts to the right counted, the third tilt is still the longest of all.",
            "With three tilts to the right counted, the fourth tilt is still the shortest of all.",
        ],
    ),
    (
        "attribute_change-00001-1",
        [{"property": "option", "value": ["A", "D"], "relation": "not"}],
        "That rules out A and D.",
        ["That rules out A and B.", "That rules out A, C and D."],
    ),
]


def licensed(video: str, claims: list[dict[str, Any]], sentence: str) -> bool:
    truth = Truth(World(videos()[f"seventeenth/{video}"]), 250.0)
    relations = Relations(truth)
    read = [read_claim(one, truth.world) for one in claims]
    proven = [(claim, borne_out(claim, relations)) for claim in read]
    assert all(facts is not None for _, facts in proven)
    stated = [Statements(relations).of(claim, facts or []) for claim, facts in proven]
    return Licensing(stated, truth).licensed(truth.world.reader.tokens(sentence)) is not None


@pytest.mark.parametrize(("video", "claims", "sentence", "twins"), CASES)
def test_a_sentence_says_what_its_claims_say(
    video: str, claims: list[dict[str, Any]], sentence: str, twins: list[str]
) -> None:
    assert licensed(video, claims, sentence)
    assert [one for one in twins if licensed(video, claims, one)] == []


HITTING = "The left wall is hit at 0.9 s. It hits the right wall at 1.5 s, 2.6 s and 3.7 s."
FIRST = [{"event": "hit", "time": 0.9, "property": "wall", "value": "left"}]
ACTING = "The orange square flashes at 1.5 s. At 2.7 s it sways, and at 3.9 s it shrinks."
FLASH = [{"event": "flashes", "time": 1.5, "object": "orange square"}]
OTHERS = [{"event": "sways", "time": 2.7}, {"event": "shrinks", "time": 3.9}]


def unlicensed(video: str, head: str, sentence: str, claims: Any) -> list[str]:
    """Return what is wrong with the last sentence of a trace, whose others are true."""
    metadata = videos()[f"seventeenth/{video}"]
    trace = f"<think>{head} {sentence}</think>\n\\boxed{{{metadata['question']['answer']}}}"
    found = verify(trace, metadata, sample_from(metadata), claims=claims).problems
    return [one.detail for one in found if one.quote == sentence]


def test_what_a_sentence_tells_stands_in_its_own_claims() -> None:
    lower = {"event": "hit lower wall", "property": "count", "value": 2}
    right = {"event": "hit right wall", "property": "count", "value": 3}
    told = "It hits the lower wall two times and the right wall three times."
    of_hits = "collision_count-00001-1", HITTING, told
    assert unlicensed(*of_hits, [FIRST, TIMES, [lower, right]]) == []
    assert unlicensed(*of_hits, [FIRST, TIMES, [lower]]) == ["none of its claims says 'right'"]
    assert unlicensed(*of_hits, [*FIRST, *TIMES, lower]) == []


def test_claims_are_those_of_sentences_only_in_a_list_for_each() -> None:
    of_actions = (
        "event_order-00001-1",
        ACTING,
        "The swaying has its place between the flash and the shrinking.",
    )
    assert unlicensed(*of_actions, [FLASH, OTHERS, BETWEEN]) == []
    assert unlicensed(*of_actions, [{"claims": one} for one in (FLASH, OTHERS, BETWEEN)]) == []
    assert len(unlicensed(*of_actions, [*FLASH, *OTHERS, *BETWEEN])) == 1


def test_claims_in_more_lists_than_there_are_sentences_are_told_of() -> None:
    metadata = videos()["seventeenth/event_order-00001-1"]
    trace = f"<think>{ACTING} The star explodes.</think>\n\\boxed{{{metadata['question']['answer']}}}"
    found = verify(trace, metadata, sample_from(metadata), claims=[FLASH, OTHERS]).problems
    assert found[-1].detail.endswith("; with 2 lists of claims and 3 sentences all are read as one")
    aligned = verify(trace, metadata, sample_from(metadata), claims=[FLASH, OTHERS, []]).problems
    assert "read as one" not in aligned[-1].detail
