"""Statements over several facts that texts make in many wordings: each in a true and in a false form."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from retroflip.cot.reading import Token, sentences
from retroflip.cot.telling import Licence, Teller
from retroflip.cot.truth.proof import Truth
from retroflip.cot.world import World

VIDEOS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/traces/videos.json").read_text())
FORMS = [
    ("acceleration", "Each stretch is shorter than the one before it.", "shorter", "longer"),
    ("acceleration", "It is slowest at the end.", "at the end", "at the beginning"),
    ("acceleration", "All four stretches last equally long.", "four", "five"),
    ("acceleration", "It slows down, and the options with a speed-up drop out.", "speed-up", "slow-down"),
    ("velocity_ranking", "The blue square is the fastest, followed by the green circle and then the red pentagon.",
     "green circle and then the red pentagon", "red pentagon and then the green circle"),
    ("velocity_ranking", "The square beats the circle.", "square beats the circle", "circle beats the square"),
    ("distance", "No approach is nearer than the second one.", "second", "first"),
    ("distance", "The third approach is 10 percent farther than the second.", "10", "25"),
    ("event_order", "The green pentagon comes between the blue circle and the purple diamond.",
     "green pentagon comes between the blue circle", "blue circle comes between the green pentagon"),
    ("collision_count", "The upper wall is hit more often than the left wall.",
     "upper wall is hit more often than the left", "left wall is hit more often than the upper"),
    ("collision_count", "Two of the ten hits are on the left wall.", "Two", "Three"),
    ("speed", "The orange triangle rises in 0.9 seconds and the purple hexagon in only 0.7.", "only 0.7", "only 0.9"),
    ("speed", "The cyan star takes 2.9 seconds, more than twice as long as any other.", "twice", "three times"),
    ("speed", "From left to right we see the red pentagon, the cyan star, the purple hexagon and the orange triangle.",
     "red pentagon, the cyan star", "cyan star, the red pentagon"),
    ("rotation", "Without changing its sense it goes round once more, until 5.0 s.", "once more", "three more times"),
    ("rotation", "It never turns the other way.", "never turns the other way", "turns the other way at 2.5 s"),
    ("trajectory_shape", "From 2.4 s to 4.9 s its path is a circle.", "a circle", "a triangle"),
    ("attribute_change", "Its size never changes.", "size", "shape"),
    ("card_stack", "At 2.1 s card 84 goes on top, which makes four.", "four", "five"),
    ("chip_cups", "Chips 2 and 11 fall into C at 3.6 s and 4.3 s.", "2 and 11", "11 and 2"),
    ("file_system", "The commands at 4.9 s (mkdir docs) and 6.3 s (mv --exchange data docs) leave logs alone.",
     "logs", "data"),
    ("shell_game", "At 7.8 s the star and the pentagon trade places, which puts the pentagon back where it started.",
     "puts the pentagon", "puts the star"),
    ("sliding_puzzle", "At 9.3 s the gap is in the top left corner.", "left", "right"),
]  # fmt: skip


def fault(kind: str, text: str) -> str | None:
    """Return what nothing bears out of a text about the ninth set's video of a kind."""
    world = World(VIDEOS[f"ninth/{kind}-00000"])
    teller = Teller(Truth(world, 250.0), Licence())
    told = [world.reader.tokens(one) for one in sentences(text)]
    assert not any(token.is_unknown for one in told for token in one)
    return next(filter(None, (teller.fault(one, is_last=False) for one in told)), None)


@pytest.mark.parametrize(("kind", "text", "right", "wrong"), FORMS)
def test_a_form_is_true_or_refused(kind: str, text: str, right: str, wrong: str) -> None:
    assert right in text
    assert fault(kind, text) is None
    assert fault(kind, text.replace(right, wrong)) is not None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("distance", "The third approach is 0 times as far as the second."),
        ("arithmetic", "More times the circle stays more than that."),
        ("velocity_ranking", "The blue square in the centre is quicker and the green circle."),
    ],
)
def test_odd_words_are_refused(kind: str, text: str) -> None:
    assert fault(kind, text) is not None


def test_the_ways_to_part_a_long_sentence_are_not_all_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Sequence[Token]] = []
    is_spread = Teller._is_spread

    def noted(teller: Teller, part: Sequence[Token]) -> bool:
        tried.append(part)
        return is_spread(teller, part)

    monkeypatch.setattr(Teller, "_is_spread", noted)
    hits = VIDEOS["ninth/collision_count-00000"]["events"][:6]
    told = [f"at {one['start_ms'] / 1000:.1f} s it hits the {one['wall']} wall" for one in hits]
    assert fault("collision_count", f"{' and '.join(told)} and at 0.1 s it hits the left wall.") is not None
    assert len(tried) < 100
