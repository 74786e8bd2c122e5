"""What a text says of the options of its question is computed: each statement has a false twin that is refused."""

import time

import pytest

from retroflip.cot.truth.options import Options
from retroflip.cot.world import World
from traced_videos import of_fourteenth

TRUE = {
    "direction-00001": [
        "It never moves up or right, so options B, C and D are out.",
        "B and D end with up, so they are out.",
        "Only A ends with left.",
        "That leaves only option A.",
        "So A and C are left, and since it ends with left, it is A.",
        "Two of the four options begin with down.",
        "That rules out B and D.",
        "So it must be A, first down, then left.",
        "That is option A, not C.",
        "Option C has right instead of left, which is wrong.",
        "The other three options are wrong.",
        "B, C and D cannot be right.",
        "No option begins with up.",
        "Every option with up is out.",
        "The options that begin with left or right are out, which leaves A and C.",
        "The answer is A.",
        "The answer is not B.",
        "Neither B nor D fits.",
        "A says first down, then left.",
        "Since it moves left at 2.2 s, only A fits.",
    ],
    "acceleration-00002": [
        "A is only half of the story, and B has the order the wrong way round.",
        "D is incomplete, so it is out.",
        "B is the reverse of that.",
        "Option B has the two in the wrong order.",
        "The answer must be C, it first slows down, then speeds up.",
    ],
    "attribute_change-00002": [
        "B, C and D begin with another change.",
        "B and C begin orange, so they are out.",
        "B and C begin with orange and D begins with purple, so they are out.",
        "Only A puts yellow first.",
        "A and C have purple in the middle.",
        "D has purple before yellow.",
        "Only option A begins with yellow, so that is the answer.",
        "D has purple first, which is wrong, and B and C have orange first.",
        "It turns yellow first, so A.",
    ],
    "card_stack-00001": [
        "Option A leaves out 73, and B and C do not begin with 50.",
        "A has 22, so it is out.",
        "Every option with 22 is out, so only D is left.",
        "That is option D.",
    ],
    "chip_cups-00001": [
        "Options A, B and D are out because they have a 5.",
        "Every option with a 5 is out.",
        "Only option C has no 5.",
    ],
    "event_order-00002": [
        "A begins with the swelling, B and D begin with the shrinking, so they are wrong.",
        "Only C begins with the fading.",
        "A ends with the shrinking as well, but it starts with the swelling.",
        "C is the only one that begins with the fading.",
        "D puts the fading before the swelling, but it begins with the shrinking.",
    ],
    "file_system-00002": [
        "Of the four options, touch data/memo.txt is the third and mv pics/* home/ is the last.",
    ],
    "relative_position-00002": [
        "Options B and D begin with above, which is wrong, and A begins with left, which is wrong as well.",
    ],
    "shell_game-00002": [
        "The swap of (row 1, column 1) and (row 2, column 2) comes before it, so it is out.",
    ],
    "shell_game-00001": [
        "That is row 2, column 1, so D is right.",
        "B is in row 3 and A is in column 3, so they are out.",
    ],
    "trajectory_shape-00002": [
        "A and D start with the line, so they are out, and B has the square clockwise.",
        "So the answer is C, first a square counter-clockwise, then a line and back.",
    ],
    "velocity_ranking-00002": [
        "That is D, not C, which has the hexagon in the middle.",
        "A and B do not begin with the star, so C and D remain.",
        "Both C and D begin with the star.",
        "B is exactly the reverse order.",
    ],
    "speed-00001": [
        "The orange cross is the rightmost, so the answer is D.",
    ],
    "distance-00001": [
        "So A, B and C are wrong, and D is right.",
    ],
    "collision_count-00001": [
        "A and B are too small, and D is too large.",
    ],
}
FALSE = {
    "direction-00001": [
        "It never moves up or right, so options A, C and D are out.",
        "B and C end with up, so they are out.",
        "Only C ends with left.",
        "That leaves only option C.",
        "So B and C are left.",
        "Three of the four options begin with down.",
        "That rules out A and D.",
        "So it must be C, first down, then right.",
        "So it must be A, first down, then right.",
        "That is option C, not A.",
        "Option A has left instead of right, which is wrong.",
        "Option B has right instead of left, which is wrong.",
        "A, C and D cannot be right.",
        "No option begins with right.",
        "Every option with down is out.",
        "The answer is B.",
        "The answer is not A.",
        "Neither A nor D fits.",
        "A says first left, then down.",
        "Since it moves left at 2.2 s, only B fits.",
        "A has the order the wrong way round.",
    ],
    "acceleration-00002": [
        "B is only half of the story, and A has the order the wrong way round.",
        "C is only half of the story.",
        "Option C has the two in the wrong order.",
        "The answer must be B, it first slows down, then speeds up.",
    ],
    "acceleration-00001": [
        "Option B, the same speed, is out.",
        "Option C, it first speeds up, then slows down, is out.",
    ],
    "attribute_change-00002": [
        "A begins with another change.",
        "C and D end with another change.",
        "A and B begin orange.",
        "B and D begin with orange and C begins with purple, so they are out.",
        "A and C begin with orange, so they are out.",
        "Only B puts yellow first.",
        "A and B have purple in the middle.",
        "D has yellow before purple.",
        "A has yellow first, which is wrong.",
        "It turns yellow first, so B.",
    ],
    "card_stack-00001": [
        "Option D leaves out 73.",
        "D has 22, so it is out.",
        "That is option C.",
        "A, C and D all contain 22, which is not in the pile at the end.",
    ],
    "chip_cups-00001": [
        "Options A, B and C are out because they have a 5.",
        "Every option with a 9 is out.",
        "Only option B has no 5.",
    ],
    "event_order-00002": [
        "A begins with the shrinking, B and D begin with the swelling, so they are wrong.",
        "C begins with the fading, so it is wrong.",
        "A is the only one that begins with the fading.",
    ],
    "file_system-00002": [
        "Of the four options, touch data/memo.txt is the second and mv pics/* home/ is the last.",
    ],
    "relative_position-00002": [
        "Options B and C begin with above, which is wrong, and A begins with left, which is wrong as well.",
        "Options B and D begin with above, which is wrong, and C begins with below, which is wrong as well.",
        "Options B and D begin with above, which is right.",
    ],
    "shell_game-00002": [
        "The swap of (row 1, column 1) and (row 2, column 1) comes after it, so it is out.",
    ],
    "shell_game-00001": [
        "B is in row 2 and A is in column 3, so they are out.",
    ],
    "trajectory_shape-00002": [
        "A and B start with the line, so they are out.",
        "A and D start with the line, so they are out, and B has the square counter-clockwise.",
    ],
    "velocity_ranking-00002": [
        "That is D, not C, which has the star in the middle.",
        "That is D, not B, which has the hexagon in the middle.",
        "That is C, not D, which has the pentagon in the middle.",
        "A and B do not begin with the star, so A and B remain.",
    ],
    "speed-00001": [
        "The orange cross is the rightmost, so the answer is C.",
    ],
    "distance-00001": [
        "So A, B and D are wrong, and C is right.",
    ],
}


def told(video: str, sentence: str) -> tuple[list[str], str | None]:
    return Options(World(of_fourteenth(video))).read(sentence)


@pytest.mark.parametrize(("video", "sentence"), [(video, one) for video, own in TRUE.items() for one in own])
def test_what_is_so_of_the_options_is_read(video: str, sentence: str) -> None:
    assert told(video, sentence)[1] is None


@pytest.mark.parametrize(("video", "sentence"), [(video, one) for video, own in FALSE.items() for one in own])
def test_what_is_not_so_of_the_options_is_refused(video: str, sentence: str) -> None:
    assert told(video, sentence)[1] is not None


def test_an_expression_begins_and_ends_with_its_numbers() -> None:
    video = of_fourteenth("arithmetic-00001")
    options = ["4 times 5 minus 3", "3 minus 5 plus 4", "4 plus 3 minus 5", "3 plus 5 minus 4"]
    asked = World(video | {"question": video["question"] | {"options": options, "answer": options[1]}})
    for sentence in ("Only B and D begin with 3.", "B ends with 4.", "D begins with 3 plus 5."):
        assert Options(asked).read(sentence) == ([], None)
    for sentence in ("Only B begins with 3.", "A ends with 4.", "B begins with 3 plus 5."):
        assert Options(asked).read(sentence)[1] is not None


def test_what_a_sentence_says_besides_is_left_for_the_table_of_facts() -> None:
    assert told("direction-00001", "It never moves up or right, so B and D are out.") == (
        ["It never moves up or right"],
        None,
    )
    assert told("direction-00001", "At 2.2 s it turns left.") == (["At 2.2 s it turns left."], None)


def test_letters_that_name_cups_are_none_of_options() -> None:
    assert told("chip_cups-00001", "A and B swap, so B is empty.") == (["A and B swap, so B is empty."], None)


@pytest.mark.parametrize("words", ["the only ", "the right ", "that is only ", "so then ", "has the two "])
def test_words_over_and_over_are_looked_up_at_once(words: str) -> None:
    begun = time.monotonic()
    told("direction-00001", f"the option {words * (190 // len(words) - 2)}x")
    assert time.monotonic() - begun < 2.0
