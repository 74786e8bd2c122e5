"""Times of frames from stamps, by hand: `n` is a stamp that is not known, and a tick is a tenth of a second."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.video.clock import Stamp, timeline

n = None
TENTHS = Fraction(1, 10)


def tenths(
    pts: Sequence[int | None],
    dts: Sequence[int | None] | None = None,
    duration: int = 1,
    rate: int | None = 10,
    longest_step: float | None = None,
) -> list[int | float]:
    """The starts and the end, in tenths of a second."""
    decoding = [n] * len(pts) if dts is None else dts
    stamps = [Stamp(p, d, duration) for p, d in zip(pts, decoding, strict=True)]
    times = timeline(stamps, TENTHS, None if rate is None else Fraction(rate), longest_step)
    assert times is not None
    return [round(10 * second, 6) for second in (*times.starts, times.end)]


class TestPresentationStamps:
    def test_count_from_the_first(self) -> None:
        assert tenths([50, 51, 54, 54, 60], duration=2) == [0, 1, 4, 4, 10, 12]

    def test_a_length_that_is_not_known_is_the_usual_one(self) -> None:
        assert tenths([0, 2, 4, 9], duration=0) == [0, 2, 4, 9, 11]

    def test_a_lone_frame_lasts_as_long_as_the_rate_says(self) -> None:
        assert tenths([7], duration=0, rate=5) == [0, 2]

    def test_missing_ones_lie_evenly_between_their_neighbours(self) -> None:
        assert tenths([n, 4, n, 8, n], duration=2) == [0, 2, 4, 6, 8, 10]

    def test_that_run_backwards_give_way_to_decoding_stamps_that_do_not(self) -> None:
        assert tenths([1, 4, 3, 2, 5], [1, 2, 3, 4, 5]) == [0, 1, 2, 3, 4, 5]


class TestDecodingStamps:
    def test_stand_in_where_presentation_stamps_are_missing(self) -> None:
        assert tenths([n] * 5, [2, 3, 4, n, n]) == [0, 1, 2, 3, 4, 5]

    def test_are_even_where_they_are_one_frame_off(self) -> None:
        """XviD's packed B-frames: the third packet is empty, and every picture behind it has a stamp one too late."""
        assert tenths([n] * 6, [1, 2, 4, 5, 6, n]) == [0, 1, 2, 3, 4, 5, 6]

    def test_keep_longer_gaps(self) -> None:
        assert tenths([n] * 5, [0, 1, 6, 7, n]) == [0, 1, 6, 7, 8, 9]


class TestClocksSetAnew:
    def test_a_restart_goes_on_with_the_next_frame(self) -> None:
        assert tenths([14, 15, 16, 14, 15, 16], [12, 13, 14, 12, n, n]) == [0, 1, 2, 3, 4, 5, 6]

    def test_a_step_forward_is_real_time_unless_the_format_forbids_it(self) -> None:
        assert tenths([0, 1, 2, 500, 501]) == [0, 1, 2, 500, 501, 502]
        assert tenths([0, 1, 2, 500, 501], longest_step=10) == [0, 1, 2, 3, 4, 5]
        assert tenths([0, 1, 2, 102, 103], longest_step=10) == [0, 1, 2, 102, 103, 104]


class TestNoStamps:
    def test_lengths_come_before_the_rate_of_the_header(self) -> None:
        assert tenths([n, n, n], duration=2, rate=25) == [0, 2, 4, 6]
        assert tenths([n, n, n], duration=0, rate=5) == [0, 2, 4, 6]

    def test_equal_stamps_tell_nothing(self) -> None:
        assert tenths([0, 0, 0], duration=0, rate=10) == [0, 1, 2, 3]

    def test_nothing_at_all(self) -> None:
        assert timeline([Stamp(None, None, 0)] * 2, TENTHS, None) is None


@given(
    st.lists(
        st.tuples(st.none() | st.integers(0, 99), st.none() | st.integers(0, 99), st.integers(0, 3)),
        min_size=1,
    ),
    st.none() | st.just(10.0),
)
def test_whatever_the_stamps_time_begins_at_0_and_never_runs_back(
    stamps: list[tuple[int | None, int | None, int]], longest_step: float | None
) -> None:
    times = timeline([Stamp(*stamp) for stamp in stamps], TENTHS, Fraction(10), longest_step)
    assert times is not None
    assert len(times.starts) == len(stamps)
    assert times.starts[0] == 0
    assert list(times.starts) == sorted(times.starts)
    assert times.end >= times.starts[-1]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 1000), st.integers(0, 4), st.data())
def test_at_a_constant_rate_frame_i_is_at_i_over_fps(
    fps: int, frames: int, first: int, delay: int, data: st.DataObject
) -> None:
    """Whichever presentation stamps are lost, and with decoding stamps that lag behind and end early."""
    base = Fraction(1, 90_000)
    step = 90_000 // fps if 90_000 % fps == 0 else 90_000
    lost = data.draw(st.sets(st.integers(0, frames - 1)))
    ticks = [first + step * index for index in range(frames)]
    stamps = [
        Stamp(
            None if index in lost else tick,
            tick + delay * step if index < frames - delay else None,
            step,
        )
        for index, tick in enumerate(ticks)
    ]
    times = timeline(stamps, base, Fraction(90_000, step))
    assert times is not None
    assert times.starts == pytest.approx([index * step / 90_000 for index in range(frames)])
    assert times.end == pytest.approx(frames * step / 90_000)
