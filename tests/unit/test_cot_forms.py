"""Statements as docs/traces.md says that a text may make them, of videos whose metadata the repository holds."""

import pytest

from traced_videos import faults, videos

TRUE = {
    "direction-00001": [
        "From 0.0 s to 2.1 s the star moves down.", "At 2.1 s it turns right.", "It goes down until 2.1 s.",
        "It never moves left.",
    ],
    "collision_count-00000": [
        "It hits the left wall at 1.7 s, 2.9 s and 4.2 s.", "It hits the left wall three times.",
        "two upper, one lower",
        "Only the left wall is asked about.", "After 4.9 s there is no further hit.",
    ],
    "chip_cups-00000": [
        "At the start A holds 17, 23 and 26.", "At 3.2 s C is poured into B.", "C is empty.",
        "Chips 12 and 21 go into A at 5.4 s and 6.5 s.", "12 + 21 = 33",
    ],
    "distance-00000": ["Approach 2 (1.5 s) ends at 45 percent.", "The second parting is the widest."],
    "speed-00000": [
        "The pentagon goes down from 0.2 s to 3.1 s, in 2.8 seconds.", "The triangle is to the left of the pentagon.",
        "The diamond is the fastest and the pentagon is the slowest.", "The pentagon is not as fast as the diamond.",
        "The diamond does not take as long as the pentagon.", "The diamond is about twice as fast as the triangle.",
        "The pentagon takes four times as long as the diamond.", "The triangle is half as fast as the diamond.",
    ],
    "event_order-00000": ["At 1.0 s it flashes.", "1.2 seconds later, at 2.2 s, it fades."],
    "sliding_puzzle-00000": ["The bottom row reads gap, 5, 3 at the start.", "At 2.1 s the 5 comes from the right."],
    "arithmetic-00000": ["There are four numbers and three signs.", "At 3.2 s the ball draws a times sign."],
    "rotation-00000": ["The direction never changes.", "It takes the whole clip, about 5.3 seconds, to go round once."],
}  # fmt: skip
FALSE = {
    "direction-00001": "It never moves right.",
    "collision_count-00000": "three upper, one lower",
    "distance-00000": "Approach 3 (1.5 s) ends at 45 percent.",
    "speed-00000": "The triangle is to the right of the pentagon.",
    "event_order-00000": "At 1.0 s the cyan star flashes.",
    "sliding_puzzle-00000": "The bottom row reads gap, 3, 5 at the start.",
    "arithmetic-00000": "There are three numbers and four signs.",
    "rotation-00000": "There is a moment at which the T reverses.",
    "chip_cups-00000": "The last swap, A with C at 8.7 s, does not touch A.",
    "shell_game-00000": "The swap at 2.1 s brings the orange triangle to row 3, column 2.",
}


@pytest.mark.parametrize("video", TRUE)
def test_statements_of_the_page_are_read(video: str) -> None:
    assert faults(videos()[f"thirteenth/{video}"], TRUE[video]) == [None] * len(TRUE[video])


@pytest.mark.parametrize("video", FALSE)
def test_one_changed_word_refuses(video: str) -> None:
    assert faults(videos()[f"thirteenth/{video}"], [FALSE[video]]) != [None]


@pytest.mark.parametrize(
    "sentence",
    [
        "The diamond is not as fast as the pentagon.",
        "The pentagon does not take as long as the diamond.",
        "The pentagon is as fast as the diamond.",
        "The cross is twice as fast as the triangle.",
        "The pentagon is four times as fast as the diamond.",
        "The diamond is half as fast as the triangle.",
        "The pentagon takes as long as the diamond.",
    ],
)
def test_what_is_less_and_what_is_as_much_is_computed(sentence: str) -> None:
    assert faults(videos()["thirteenth/speed-00000"], [sentence]) != [None]


@pytest.mark.parametrize(
    ("sentence", "is_true"),
    [
        ("At 2.2 s it tilts to the right, which takes 1.3 s and is the longest of all.", True),
        ("At 2.2 s it tilts to the right, which takes 1.3 s and is the shortest of all.", False),
        ("At 1.3 s it tilts to the right; this is the longest.", False),
    ],
)
def test_what_was_told_with_its_time_is_the_longest_or_is_not(sentence: str, is_true: bool) -> None:
    assert (faults(videos()["motion_count"], [sentence]) == [None]) == is_true
