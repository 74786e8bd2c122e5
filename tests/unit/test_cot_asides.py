"""Plans within sentences, and states as they were, are again or stay: each has a false twin that is refused."""

import pytest

from traced_videos import fault

TRUE = {
    "collision_count-00001": [
        "Only hits on the right wall count here, but I will follow the red circle all along.",
        "I will follow the circle, but only the right wall matters.",
        "I want to count the hits on the right wall, so I go through all hits one by one.",
        "I will follow the circle, and it hits the left wall at 1.9 s.",
    ],
    "event_order-00002": [
        "The only object here is the red square, so I just have to put what it does in order.",
        "There is only the red square, so I only need to note what it does and when.",
    ],
    "rotation-00001": [
        "The red T turns several times, and I only want the full turns counter-clockwise.",
        "I count all turns, but only the counter-clockwise ones matter.",
    ],
    "speed-00002": [
        "Four shapes go up or down here; which of them is the slowest?",
        "There are four shapes, and I want the slowest.",
    ],
    "arithmetic-00001": [
        "Multiplication comes first.",
        "Multiplication comes before addition and subtraction.",
    ],
    "motion_count-00002": [
        "I need the hops to the left, but I write down all of them.",
        "I write down all hops, and there are five of them.",
        "That leaves three to the left: 0.2 s, 2.5 s and 4.9 s.",
    ],
    "attribute_change-00002": [
        "At 0.3 s the cyan pentagon turns yellow. || At 1.2 s it is cyan again.",
        "At 0.3 s the cyan pentagon turns yellow, and at 1.2 s it is cyan again.",
        "At 0.3 s the cyan pentagon turns yellow and is back to cyan at 1.2 s. || "
        "After that, nothing changes until 3.2 s.",
    ],
    "relative_position-00002": [
        "At 1.4 s the pentagon is to the right of it for the first time.",
        "At 4.5 s the pentagon is to the right of it for the second time.",
    ],
    "file_system-00001": [
        "Then comes mv --exchange docs pics at 4.3 s, and docs is empty. || "
        "At 5.1 s touch work/poem.txt is run, and at 5.8 s rm work/* is run; docs stays empty.",
    ],
    "card_stack-00002": [
        "Card 68 is taken from the top at 6.8 s, and at 7.7 s a face-down card is put at the bottom. || "
        "Before 68 was taken it was 68, 80, 54.",
        "With 64 back on top and 14 back at the bottom, the pile was 64, 80, 34, 14.",
    ],
    "sliding_puzzle-00001": [
        "After that the 2 slides left at 8.9 s and the 3 slides up at 10.1 s, neither of which moves the 7.",
    ],
}
FALSE = {
    "collision_count-00001": [
        "Only hits on the left wall count here, but I will follow the red circle all along.",
        "I will follow the circle, but only the upper wall matters.",
        "I will follow the circle, and it hits the right wall at 1.9 s.",
    ],
    "event_order-00002": [
        "The only object here is the blue square, so I just have to put what it does in order.",
        "There is only the red circle, so I only need to note what it does and when.",
    ],
    "rotation-00001": [
        "I count all turns, but only the clockwise ones matter.",
    ],
    "speed-00002": [
        "Three shapes go up or down here; which of them is the slowest?",
        "Five shapes go up or down here; which of them is the slowest?",
        "There are three shapes, and I want the slowest.",
    ],
    "arithmetic-00001": [
        "Addition comes first.",
        "Subtraction is done before multiplication.",
        "Addition comes before multiplication.",
    ],
    "motion_count-00002": [
        "I write down all hops, and there are six of them.",
        "That leaves three to the left: 0.2 s, 0.9 s and 4.9 s.",
    ],
    "direction-00001": [
        "I follow the diamond, which first moves left.",
        "Let me follow the diamond, because it moves up at 0.0 s.",
    ],
    "attribute_change-00002": [
        "At 0.3 s the cyan pentagon turns yellow. || At 1.2 s it is orange again.",
        "At 0.3 s the cyan pentagon turns yellow, and at 0.3 s it is cyan again.",
        "At 0.3 s the cyan pentagon turns yellow and is back to cyan at 1.2 s. || "
        "After that, nothing changes until 4.7 s.",
    ],
    "relative_position-00002": [
        "At 1.4 s the pentagon is to the right of it for the second time.",
        "At 4.5 s the pentagon is to the right of it for the first time.",
    ],
    "file_system-00001": [
        "At 2.9 s mv pics/* docs/ is run. || At 3.6 s cp docs/logo.txt work/ is run; docs stays empty.",
    ],
    "card_stack-00002": [
        "Card 68 is taken from the top at 6.8 s, and at 7.7 s a face-down card is put at the bottom. || "
        "Before 68 was taken it was 80, 68, 54.",
        "With 64 back on top and 14 back at the bottom, the pile was 64, 34, 80, 14.",
        "With 64 back at the bottom and 14 back on top, the pile was 64, 80, 34, 14.",
    ],
    "sliding_puzzle-00001": [
        "At 7.8 s the 7 slides down and at 8.9 s the 2 slides left, neither of which moves the 7.",
    ],
}


@pytest.mark.parametrize(("video", "told"), [(video, one) for video, own in TRUE.items() for one in own])
def test_statements_that_hold_are_read(video: str, told: str) -> None:
    assert fault(video, told) is None


@pytest.mark.parametrize(("video", "told"), [(video, one) for video, own in FALSE.items() for one in own])
def test_statements_that_do_not_hold_are_refused(video: str, told: str) -> None:
    assert fault(video, told) is not None
