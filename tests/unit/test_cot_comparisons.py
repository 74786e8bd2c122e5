"""Comparisons of sizes, lengths, counts and speeds: each has a false twin that is refused."""

import pytest

from traced_videos import fault

TRUE = {
    "distance-00001": [
        "The second is five points wider than the third and ten points wider than the first.",
        "The third parting is as wide as the fourth.",
        "The first parting is 10 points narrower than the second.",
    ],
    "velocity_ranking-00002": [
        "The hexagon goes 25 points farther than the pentagon, and the pentagon goes 15 points farther than the star.",
        "The hexagon goes 25 points farther than the pentagon and 40 points farther than the star.",
        "The star goes 15 points less than the pentagon.",
        "The hexagon goes more than twice as far as the star.",
        "The star goes less than half as far as the hexagon.",
        "The star goes less far than the pentagon, which in turn goes less far than the hexagon.",
        "No object changes its speed.",
        "The speeds stay the same all the time.",
        "Each object keeps its speed.",
    ],
    "speed-00001": [
        "The cross takes less than half of the time of the triangle.",
        "The cross takes less than half the time of the square.",
        "The triangle takes about twice as long as the cross.",
        "The cross takes half as long as the triangle.",
        "The triangle takes longer than the cross, but less time than the square.",
        "The cross is faster than the triangle, the square and the circle.",
    ],
    "speed-00002": [
        "The circle takes more than twice as long as the star, so it is the slowest.",
        "The circle takes more than twice as long as the star and almost three times as long as the diamond.",
    ],
    "trajectory_shape-00002": [
        "At 2.8 s the second figure begins: a line and back. || "
        "It takes until 5.6 s, which is as long as the square took.",
        "The line takes as long as the square.",
        "Both figures take equally long.",
    ],
    "collision_count-00001": [
        "The left wall is hit more often, four times, and the lower wall only once.",
        "It hits the left wall four times, the upper wall twice and the lower wall once.",
        "The left wall is hit once more than the right wall.",
        "The right wall is hit more often than the upper wall, but less often than the left wall.",
    ],
    "acceleration-00001": [
        "At 0.0 s it goes 20 percent. || At 1.0 s it goes 45 percent, which is more than twice as far as before.",
        "The second way is 25 points longer than the first.",
        "The third way is as long as the second, and the last is as long as the first.",
    ],
    "acceleration-00002": [
        "At 00:00.0 it goes about 35 percent. || "
        "From 00:00.9 to 00:01.7 it goes only about 20 percent, so it is slower now. || "
        "The next way, at 00:01.7, is about 20 percent as well; the speed has not changed.",
        "At 00:02.6 the cross goes about 35 percent again, as far as at the start.",
    ],
}
FALSE = {
    "distance-00001": [
        "The second is five points wider than the third and fifteen points wider than the first.",
        "The second is ten points wider than the third and ten points wider than the first.",
        "The third parting is as wide as the second.",
        "The first parting is 5 points wider than the second.",
    ],
    "velocity_ranking-00002": [
        "The hexagon goes 25 points farther than the star, and the pentagon goes 15 points farther than the star.",
        "The hexagon goes 25 points farther than the pentagon, and the star goes 15 points farther than the pentagon.",
        "The hexagon goes 25 points farther than the pentagon and 15 points farther than the star.",
        "The hexagon goes more than three times as far as the star.",
        "The star goes as far as the pentagon.",
        "The star goes less than half as far as the pentagon.",
        "The star goes less far than the pentagon, which in turn goes farther than the hexagon.",
        "Each object changes its speed.",
        "The star changes its speed.",
    ],
    "speed-00001": [
        "The triangle takes less than half of the time of the cross.",
        "The cross takes less than a third of the time of the triangle.",
        "The triangle takes about three times as long as the cross.",
        "The square takes half as long as the circle.",
        "The square takes about as long as the cross.",
        "The triangle takes longer than the cross, but more time than the square.",
        "The triangle is faster than the cross, the square and the circle.",
    ],
    "speed-00002": [
        "The star takes more than twice as long as the circle, so it is the slowest.",
        "The circle takes more than three times as long as the star, so it is the slowest.",
        "The circle takes more than twice as long as the star, so it is the fastest.",
        "The circle takes more than twice as long as the star and almost four times as long as the star.",
    ],
    "trajectory_shape-00002": [
        "At 2.8 s the second figure begins: a line and back. || "
        "It takes until 5.6 s, which is longer than the square took.",
        "At 2.8 s the second figure begins: a line and back. || "
        "It takes until 5.6 s, which is twice as long as the square took.",
        "The line takes half as long as the square.",
    ],
    "collision_count-00001": [
        "The left wall is hit more often, five times, and the lower wall only once.",
        "The left wall is hit more often, four times, and the lower wall only twice.",
        "The upper wall is hit more often, two times, and the lower wall only once.",
        "It hits the left wall four times, the upper wall once and the lower wall twice.",
        "The left wall is hit twice more than the right wall.",
        "The right wall is hit more often than the upper wall, but less often than the lower wall.",
    ],
    "acceleration-00001": [
        "At 0.0 s it goes 20 percent. || "
        "At 1.0 s it goes 45 percent, which is more than three times as far as before.",
        "The second way is 15 points longer than the first.",
        "The third way is as long as the first, and the last is as long as the second.",
        "The star never changes its speed.",
        "The speed stays the same all the time.",
        "No object changes its speed.",
    ],
    "acceleration-00002": [
        "At 00:00.0 it goes about 35 percent. || "
        "From 00:00.9 to 00:01.7 it goes only about 20 percent; the speed has not changed.",
        "At 00:01.7 the cross goes about 20 percent again, as far as at the start.",
    ],
}


@pytest.mark.parametrize(("video", "told"), [(video, one) for video, own in TRUE.items() for one in own])
def test_comparisons_that_hold_are_read(video: str, told: str) -> None:
    assert fault(video, told) is None


@pytest.mark.parametrize(("video", "told"), [(video, one) for video, own in FALSE.items() for one in own])
def test_comparisons_that_do_not_hold_are_refused(video: str, told: str) -> None:
    assert fault(video, told) is not None
