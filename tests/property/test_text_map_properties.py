"""What a text says of the mirrored or reversed clip: hand-made pairs, and what must hold for every text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.data.text_maps import (
    MAPS,
    TextMap,
    mirror,
    names_what_changes,
    other_option,
    reverse,
    spelt,
)

MIRROR, REVERSE = TextMap
WORDS = (
    "left", "right", "up", "down", "forward", "clockwise", "counter-clockwise", "Anticlockwise", "to the left",
    "from left to right", "leftwards", "top-left", "the left hand", "opens the door", "picks up the cup", "zooms in",
    "faster", "speeding up", "away from the camera", "toward the door", "into the box", "the red ball", "unfolds",
    "stops", "it does not move", "→", "↖", "from red to blue", "turns on the lamp", "plugs in the lamp", "leaning back",
)  # fmt: skip
STEPS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)


@given(STEPS.map(", then ".join))
def test_each_map_undoes_itself(text: str) -> None:
    for one in MAPS.values():
        image = one(text)
        assert image is not None
        assert one(image) == one(one(one(image) or "") or "")
        assert one(image) == spelt(text)


@given(STEPS)
def test_a_reversed_sequence_is_the_reversed_steps_backwards(steps: list[str]) -> None:
    assert reverse(" then ".join(steps)) == ", then ".join(str(reverse(step)) for step in reversed(steps))


@given(STEPS)
def test_a_mirrored_sequence_is_its_mirrored_steps(steps: list[str]) -> None:
    assert mirror(", then ".join(steps)) == ", then ".join(str(mirror(step)) for step in steps)


@given(st.text(max_size=60))
def test_no_text_is_an_error(text: str) -> None:
    assert spelt(spelt(text)) == spelt(text)
    for text_map, one in MAPS.items():
        assert one(text) is None or isinstance(one(text), str)
        names_what_changes(text, text_map)


@pytest.mark.parametrize(
    ("text", "mirrored", "reversed_"),
    [
        ("Left", "right", "right"),
        ("up", "up", "down"),
        ("to the left.", "to the right", "to the right"),
        ("on the left", "on the right", "on the left"),
        ("left of the box", "right of the box", "left of the box"),
        ("His left hand", "his right hand", "his left hand"),
        ("counter-clockwise", "clockwise", "clockwise"),
        ("first left, then up", "first right, then up", "down, then right"),
        ("left then right", "right then left", "left, then right"),
        ("up and then down", "up and then down", "up, then down"),
        ("from left to right", "from right to left", "from right to left"),
        ("from a lump to a bowl", "from a lump to a bowl", "from a bowl to a lump"),
        ("red -> green -> blue", "red -> green -> blue", "blue, then green, then red"),
        ("the cup before the plate", "the cup before the plate", "the plate, then the cup"),
        ("opening the drawer", "opening the drawer", "closing the drawer"),
        ("put down", "put down", "pick up"),
        ("plugging in", "plugging in", "unplugging"),
        ("The car speeds up", "the car accelerates", "the car decelerates"),
        ("between left and right", "between right and left", "between left and right"),
        ("jumps up and down", "jumps up and down", "jumps up and down"),
        ("it does not move", "it does not move", "it does not move"),
        ("upper left corner", "upper-right corner", "upper-left corner"),
        ("in the box", "in the box", "in the box"),
        ("zooms in", "zooms in", "zooms out"),
        ("b", "d", "b"),
        ("He left the room", None, None),
        ("nothing is left", None, None),
        ("right away", None, None),
        ("the right answer", None, None),
        ("a bright light", "a bright light", "a bright light"),
    ],
)  # fmt: skip
def test_texts_by_hand(text: str, mirrored: str | None, reversed_: str | None) -> None:
    assert (mirror(text), reverse(text)) == (mirrored, reversed_)


@pytest.mark.parametrize(
    ("options", "mirrored", "reversed_"),
    [
        (["left", "right", "up", "down"], 1, 1),
        (["Up", "left", "down"], None, 2),
        (["clockwise", "Counter-Clockwise.", "it does not spin"], 1, 1),
        (["first left, then up", "first down, then right", "right then up"], 2, 1),
        (["up then down", "down then up"], None, None),  # reversed it is what it was
        (["left", "up"], None, None),  # nothing says what the other clip shows
        (["left", "Right", "right"], None, None),  # two do
        (["toward the camera", "away"], None, 1),
        (["he left the room", "he right the room"], None, None),
    ],
)
def test_the_answer_is_known_where_its_image_is_another_option(
    options: list[str], mirrored: int | None, reversed_: int | None
) -> None:
    assert (other_option(options, 0, MIRROR), other_option(options, 0, REVERSE)) == (mirrored, reversed_)


@pytest.mark.parametrize(
    ("question", "mirrored", "reversed_"),
    [
        ("In which direction does the ball move?", False, False),
        ("Which way does the ball roll?", False, False),
        ("Where does he roll the carpet?", False, True),
        ("Does the camera pan left or right?", False, False),
        ("Does it turn clockwise or counter-clockwise?", False, False),
        ("Is the door opening or closing?", False, False),
        ("Where does the car on the left go?", True, True),
        ("How often does the ball hit the right wall?", True, False),
        ("What does she do after she picks up the phone?", False, True),
        ("Which way does it go first?", False, True),
        ("From 0 s to 3 s, which way does the camera turn?", False, True),
        ("How does the man who enters move?", False, True),
        ("Which is the right tool?", True, True),
        ("What happens in the video?", False, False),
        ("What happens to the door?", False, False),
        ("What happens first?", False, True),
        ("What happens when he sits?", False, True),
        ("In which order do the colours light?", False, False),
        ("In which order does he first jump?", False, True),
    ],
)
def test_a_question_that_names_a_side_or_a_moment_asks_another_thing_of_the_other_clip(
    question: str, mirrored: bool, reversed_: bool
) -> None:
    assert names_what_changes(question, MIRROR) is mirrored
    assert names_what_changes(question, REVERSE) is reversed_
