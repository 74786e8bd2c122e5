"""Each view on pools whose frames are told apart by their level; augmentations by hand and against torchvision."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional

from retroflip.video.frames import Frames
from retroflip.video.transforms import Transform
from retroflip.video.views import (
    Augmentation,
    Important,
    Scores,
    Spatial,
    Stochastic,
    Strided,
    Transformed,
    View,
)

NO_CHANGE = Spatial(jitter=0, degrees=0, translation=0, scale=(1, 1))


def pool_of(count: int) -> Frames:
    """Frame t holds t everywhere; shown at 0, 1, 3, 6, 10, ... seconds."""
    pixels_TCHW = np.broadcast_to(
        np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 3, 2, 3)
    ).copy()
    return Frames(pixels_TCHW, tuple(float(t * (t + 1) // 2) for t in range(count)))


def shown(
    view: View, pool: Frames, count: int, seed: int = 0, scores: list[float] | None = None
) -> list[int]:
    """Return which frames the view shows; their time stamps must be theirs."""
    given = None if scores is None else np.array(scores)
    frames = view.apply(pool, count, np.random.default_rng(seed), given)
    indices = [int(level) for level in frames.pixels_TCHW[:, 0, 0, 0]]
    assert frames.seconds == tuple(pool.seconds[index] for index in indices)
    return indices


def noise(count: int, height: int, width: int) -> Frames:
    pixels = np.random.default_rng(7).integers(256, size=(count, 3, height, width), dtype=np.uint8)
    return Frames(pixels, tuple(float(t) for t in range(count)))


def row(*levels: int) -> Frames:
    """One frame of one row of grey pixels."""
    return Frames(np.broadcast_to(np.array(levels, dtype=np.uint8), (1, 3, 1, len(levels))).copy(), (0.0,))


def levels(frames: Frames) -> list[int]:
    return [int(level) for level in frames.pixels_TCHW[0, 0, 0]]


class TestTransformed:
    def test_spreads_frames_evenly(self) -> None:
        assert shown(Transformed(Transform.IDENTITY), pool_of(9), 3) == [0, 4, 8]

    def test_repeats_no_frame_of_a_small_pool(self) -> None:
        assert shown(Transformed(Transform.IDENTITY), pool_of(3), 16) == [0, 1, 2]

    def test_reverses_what_it_chose(self) -> None:
        frames = Transformed(Transform.REVERSE).apply(pool_of(9), 3, np.random.default_rng(0), None)
        assert frames.pixels_TCHW[:, 0, 0, 0].tolist() == [8, 4, 0]
        assert frames.seconds == (0, 26, 36)  # shown at 0, 10 and 36: the pauses 10 and 26 turn round

    def test_is_named_after_its_transform(self) -> None:
        view = Transformed(Transform.FLIP)
        assert (view.label, view.needs_scores) == ("flip", False)


class TestStrided:
    def test_takes_every_third_frame_from_the_second_on(self) -> None:
        assert shown(Strided(1, 3), pool_of(9), 16) == [1, 4, 7]

    def test_spreads_what_is_asked_for_over_them(self) -> None:
        assert shown(Strided(1, 2), pool_of(10), 3) == [1, 5, 9]

    def test_two_variants_show_every_second_frame(self) -> None:
        assert shown(Strided(0, 2), pool_of(5), 16) == [0, 2, 4]
        assert shown(Strided(1, 2), pool_of(5), 16) == [1, 3]

    def test_counts_variants_from_one(self) -> None:
        view = Strided(0, 2)
        assert (view.label, view.needs_scores) == ("strided 1/2", False)

    @pytest.mark.parametrize(("offset", "stride"), [(-1, 2), (2, 2), (0, 0)])
    def test_refuses_other_offsets(self, offset: int, stride: int) -> None:
        with pytest.raises(ValueError, match="offset"):
            Strided(offset, stride)

    def test_refuses_a_pool_without_its_frames(self) -> None:
        with pytest.raises(ValueError, match="pool of 2 frames"):
            shown(Strided(2, 3), pool_of(2), 16)


class TestStochastic:
    def test_without_changes_spreads_frames_evenly(self) -> None:
        assert shown(Stochastic(0, 0), pool_of(9), 3) == [0, 4, 8]

    def test_draws_every_part_of_60_to_90_percent_at_every_stride(self) -> None:
        drawn = {tuple(shown(Stochastic(1, 0), pool_of(10), 16, seed)) for seed in range(1500)}
        possible = {
            tuple(range(start, start + length, stride))
            for length in (6, 7, 8, 9)
            for start in range(10 - length + 1)
            for stride in (1, 2, 3)
        }
        assert drawn == possible

    def test_draws_strides_evenly(self) -> None:
        steps: Counter[int] = Counter()
        for seed in range(1200):
            first, second, *_ = shown(Stochastic(1, 0), pool_of(10), 16, seed)
            steps[second - first] += 1
        assert all(330 < steps[stride] < 470 for stride in (1, 2, 3))  # 400 expected, standard deviation 16

    def test_spreads_what_is_asked_for_over_the_part(self) -> None:
        part = shown(Stochastic(1, 0), pool_of(40), 40, seed=3)
        ends_and_middle = [part[0], part[(len(part) - 1) // 2], part[-1]]
        assert shown(Stochastic(1, 0), pool_of(40), 3, seed=3) == ends_and_middle

    @pytest.mark.parametrize(
        ("total", "possible"),
        [
            (1, {(0,)}),
            (2, {(0, 1)}),  # 1.2 to 1.8 frames: the two that are needed
            (3, {(0, 1), (1, 2)}),  # 1.8 to 2.7
            (4, {(0, 1, 2), (1, 2, 3), (0, 2), (1, 3)}),  # 2.4 to 3.6; a stride of 3 would leave one frame
        ],
    )
    def test_leaves_two_frames_of_small_pools(self, total: int, possible: set[tuple[int, ...]]) -> None:
        drawn = {tuple(shown(Stochastic(1, 0), pool_of(total), 16, seed)) for seed in range(100)}
        assert drawn == possible

    def test_a_least_stride_gives_way_to_a_small_pool(self) -> None:
        view = Stochastic(1, 0, crop=(1, 1), strides=(5, 9))
        assert {tuple(shown(view, pool_of(3), 16, seed)) for seed in range(20)} == {(0, 2)}

    def test_changes_are_as_likely_as_asked_for(self) -> None:
        view = Stochastic(0.25, 0.75, spatial=Spatial(jitter=0, degrees=0, scale=(1, 1), translation=0.5))
        counts: Counter[tuple[bool, bool]] = Counter()
        pool = noise(10, 8, 8)
        for seed in range(800):
            frames = view.apply(pool, 10, np.random.default_rng(seed), None)
            whole = np.array_equal(frames.pixels_TCHW, pool.pixels_TCHW[[int(t) for t in frames.seconds]])
            counts[len(frames) < 10, not whole] += 1
        # A move by no pixel at all, one in 64, is no change to see.
        for cut, moved in [(False, False), (False, True), (True, False), (True, True)]:
            p = (0.25 if cut else 0.75) * (0.75 if moved else 0.25)
            assert counts[cut, moved] == pytest.approx(800 * p, abs=4 * math.sqrt(800 * p * (1 - p)) + 9)

    def test_has_one_name(self) -> None:
        view = Stochastic(0.5, 0.5)
        assert (view.label, view.needs_scores) == ("stochastic", False)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: Stochastic(1.1, 0),
            lambda: Stochastic(0, -0.1),
            lambda: Stochastic(0, math.nan),
            lambda: Stochastic(1, 1, crop=(0.9, 0.6)),
            lambda: Stochastic(1, 1, crop=(0.5, 1.1)),
            lambda: Stochastic(1, 1, strides=(0, 3)),
        ],
    )
    def test_refuses_ranges_that_are_none(self, make: Callable[[], Stochastic]) -> None:
        with pytest.raises(ValueError, match="need"):
            make()


class TestImportant:
    def test_takes_the_best_of_each_segment(self) -> None:
        scores = [0.1, 0.3, 0.2, 0.5, 0.4, 0.6, 0.7]  # seven frames in three segments: 0-2, 3-4, 5-6
        assert shown(Important(3, top=True), pool_of(7), 16, scores=scores) == [1, 3, 6]

    def test_takes_the_first_of_equals(self) -> None:
        assert shown(Important(2, top=True), pool_of(6), 16, scores=[0, 1, 1, 2, 2, 2]) == [1, 3]

    def test_has_as_many_segments_as_frames_are_asked_for(self) -> None:
        assert shown(Important(top=True), pool_of(8), 4, scores=[0, 1, 1, 0, 0, 1, 1, 0]) == [1, 2, 5, 6]

    @pytest.mark.parametrize("segments", [None, 9, (7, 9)])
    def test_shows_all_of_a_pool_with_fewer_frames_than_segments(
        self, segments: int | tuple[int, int] | None
    ) -> None:
        assert shown(Important(segments), pool_of(3), 16, scores=[0, 0, 0]) == [0, 1, 2]

    def test_has_no_more_segments_than_frames_are_asked_for(self) -> None:
        assert len(shown(Important(8), pool_of(16), 4, scores=[0.0] * 16)) == 4

    def test_draws_the_number_of_segments_evenly(self) -> None:
        numbers = Counter(
            len(shown(Important((2, 6)), pool_of(12), 16, seed, [0.0] * 12)) for seed in range(1000)
        )
        assert sorted(numbers) == [2, 3, 4, 5, 6]
        assert all(140 < number < 260 for number in numbers.values())  # 200 expected, standard deviation 13

    @pytest.mark.parametrize(("temperature", "expected"), [(1.0, 2 / 3), (0.5, 4 / 5), (2.0, 0.5858)])
    def test_draws_frames_by_equation_4(self, temperature: float, expected: float) -> None:
        """Scores 0 and log 2: weights 1 and 2 under temperature 1, 1 and 4 under 1/2, 1 and root 2 under 2."""
        view, pool, rng = Important(1, temperature), pool_of(2), np.random.default_rng(0)
        scores = np.array([0, math.log(2)])
        second = sum(view.apply(pool, 1, rng, scores).seconds == (1.0,) for _ in range(4000))
        assert second / 4000 == pytest.approx(expected, abs=0.03)  # four standard deviations

    def test_bears_scores_of_any_size(self) -> None:
        assert shown(Important(1, 1e-300), pool_of(3), 1, scores=[-1e308, 1e308, 0]) == [1]
        assert shown(Important(1, 1e300), pool_of(1), 1, scores=[1e308]) == [0]

    def test_changes_pixels_if_asked_to(self) -> None:
        pool, scores = noise(6, 9, 12), np.zeros(6)
        plain = Important(3).apply(pool, 3, np.random.default_rng(5), scores)
        changed = Important(3, spatial=Spatial()).apply(pool, 3, np.random.default_rng(5), scores)
        never = Important(3, spatial=Spatial(), spatial_probability=0)
        unchanged = never.apply(pool, 3, np.random.default_rng(5), scores)
        assert plain.seconds == changed.seconds == unchanged.seconds
        assert np.array_equal(plain.pixels_TCHW, unchanged.pixels_TCHW)
        assert not np.array_equal(plain.pixels_TCHW, changed.pixels_TCHW)

    def test_is_named_after_its_choice_and_changes(self) -> None:
        views = {
            "important": Important(),
            "important top": Important(top=True),
            "important+spatial": Important(spatial=Spatial()),
            "important top+spatial": Important(top=True, spatial=Spatial()),
        }
        assert [view.label for view in views.values()] == list(views)
        assert all(view.needs_scores for view in views.values())

    @pytest.mark.parametrize(
        "scores", [None, np.zeros(3), np.zeros((4, 1)), np.array([0, 1, math.nan, 0]), np.full(4, -math.inf)]
    )
    @pytest.mark.parametrize("top", [False, True])
    def test_refuses_other_scores(self, scores: Scores | None, top: bool) -> None:
        with pytest.raises(ValueError, match="finite score for each of 4 frames"):
            Important(2, top=top).apply(pool_of(4), 2, np.random.default_rng(0), scores)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: Important(0),
            lambda: Important((0, 3)),
            lambda: Important((4, 3)),
            lambda: Important(temperature=0),
            lambda: Important(temperature=math.nan),
            lambda: Important(spatial_probability=1.5),
        ],
    )
    def test_refuses_settings_that_are_none(self, make: Callable[[], Important]) -> None:
        with pytest.raises(ValueError, match="need"):
            make()


@pytest.mark.parametrize(
    "view",
    [Transformed(Transform.IDENTITY), Strided(0, 2), Stochastic(1, 1), Important(), Important((2, 6))],
    ids=lambda view: view.label,
)
def test_no_view_shows_no_frame(view: View) -> None:
    with pytest.raises(ValueError, match=r"."):
        view.apply(pool_of(4), 0, np.random.default_rng(0), np.zeros(4))


class TestColours:
    def test_brightness_multiplies_and_cuts(self) -> None:
        assert levels(Augmentation(brightness=1.2).apply(row(0, 51, 100, 250))) == [0, 61, 120, 255]

    def test_contrast_turns_about_the_mean_of_the_whole_video(self) -> None:
        """Greys of 100 and 200 count as 99 and 199 (the weights add up to 0.9999, and are cut): their mean is 149."""
        two = Frames(np.repeat(np.array([100, 200], dtype=np.uint8), 12).reshape(2, 3, 2, 2), (0.0, 1.0))
        changed = Augmentation(contrast=0.5).apply(two).pixels_TCHW
        assert changed[0].min() == changed[0].max() == 124  # (100 + 149) / 2 = 124.5
        assert changed[1].min() == changed[1].max() == 174

    def test_without_saturation_all_is_grey(self) -> None:
        red_green_blue = (np.eye(3, dtype=np.uint8) * 255).reshape(1, 3, 1, 3)
        grey = Augmentation(saturation=0).apply(Frames(red_green_blue, (0.0,)))
        assert grey.pixels_TCHW[0, :, 0].tolist() == [[76, 149, 29]] * 3  # 255 times 0.2989, 0.587, 0.114

    @pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
    def test_all_three_are_torchvisions_on_the_frames_as_one_picture(
        self, order: tuple[int, int, int]
    ) -> None:
        frames = noise(3, 20, 30)
        tall = torch.from_numpy(np.concatenate(list(frames.pixels_TCHW), axis=1))
        steps = (
            lambda picture: functional.adjust_brightness(picture, 1.3137),
            lambda picture: functional.adjust_contrast(picture, 0.7071),
            lambda picture: functional.adjust_saturation(picture, 1.3793),
        )
        for step in order:
            tall = steps[step](tall)
        expected_TCHW = np.stack(np.split(tall.numpy(), 3, axis=1))
        changed = Augmentation(order, brightness=1.3137, contrast=0.7071, saturation=1.3793).apply(frames)
        difference = np.abs(changed.pixels_TCHW.astype(int) - expected_TCHW)
        # Where a channel equals the grey, one value in 256, the exact result is a whole number: rounding in another
        # order (torch fuses product and sum) may fall just below it, and later steps may enlarge the difference.
        assert difference.max() <= 2
        assert (difference > 0).mean() < 1 / 128


class TestPosition:
    def test_a_shift_repeats_the_edge(self) -> None:
        assert levels(Augmentation(shift=(1, 0)).apply(row(10, 20, 30))) == [10, 10, 20]
        assert levels(Augmentation(shift=(-2, 0)).apply(row(10, 20, 30))) == [30, 30, 30]

    def test_a_shift_down_moves_rows(self) -> None:
        moved = Augmentation(shift=(0, 1)).apply(noise(2, 4, 3)).pixels_TCHW
        assert np.array_equal(moved[:, :, 1:], noise(2, 4, 3).pixels_TCHW[:, :, :-1])
        assert np.array_equal(moved[:, :, 0], noise(2, 4, 3).pixels_TCHW[:, :, 0])

    def test_a_scale_interpolates_about_the_centre(self) -> None:
        """Columns 0 to 3 twice as large come from 0.75, 1.25, 1.75 and 2.25; half as large from -1.5, 0.5, 2.5, 4.5."""
        assert levels(Augmentation(scale=2).apply(row(0, 40, 80, 120))) == [30, 50, 70, 90]
        assert levels(Augmentation(scale=0.5).apply(row(0, 40, 80, 120))) == [0, 20, 100, 120]

    def test_a_quarter_turn_is_clockwise(self) -> None:
        frames = noise(2, 5, 5)
        turned = Augmentation(degrees=90).apply(frames)
        assert np.array_equal(turned.pixels_TCHW, np.rot90(frames.pixels_TCHW, k=-1, axes=(2, 3)))

    def test_all_are_torchvisions_away_from_the_edge(self) -> None:
        frames = noise(2, 40, 60)
        moved = Augmentation(degrees=4.2, shift=(3, -2), scale=1.04).apply(frames)
        expected_TCHW = functional.affine(
            torch.from_numpy(frames.pixels_TCHW),
            angle=4.2,
            translate=[3, -2],
            scale=1.04,
            shear=[0, 0],
            interpolation=functional.InterpolationMode.BILINEAR,
        ).numpy()
        inner = np.s_[:, :, 8:-8, 8:-8]
        difference = np.abs(moved.pixels_TCHW.astype(int) - expected_TCHW)[inner]
        assert difference.max() <= 1
        assert (difference > 0).mean() < 0.01


class TestSpatial:
    def test_draws_from_the_papers_ranges(self) -> None:
        rng = np.random.default_rng(0)
        drawn = [Spatial().draw(100, 200, rng) for _ in range(2000)]
        ranges: list[tuple[list[float], float, float]] = [
            ([each.brightness for each in drawn], 0.6, 1.4),
            ([each.contrast for each in drawn], 0.6, 1.4),
            ([each.saturation for each in drawn], 0.6, 1.4),
            ([each.degrees for each in drawn], -5, 5),
            ([each.shift[0] for each in drawn], -10, 10),
            ([each.shift[1] for each in drawn], -5, 5),
            ([each.scale for each in drawn], 0.95, 1.05),
        ]
        for values, low, high in ranges:
            span = high - low
            assert low <= min(values) < low + 0.01 * span
            assert high - 0.01 * span < max(values) <= high
            assert np.mean(values) == pytest.approx(
                (low + high) / 2, abs=0.03 * span
            )  # 4 standard deviations
        assert len({each.order for each in drawn}) == 6

    def test_narrow_ranges_change_nothing(self) -> None:
        frames = noise(2, 6, 7)
        assert np.array_equal(
            NO_CHANGE.apply(frames, np.random.default_rng(0)).pixels_TCHW, frames.pixels_TCHW
        )

    @pytest.mark.parametrize(
        "make",
        [
            lambda: Spatial(jitter=1.5),
            lambda: Spatial(degrees=-1),
            lambda: Spatial(translation=math.nan),
            lambda: Spatial(scale=(1.05, 0.95)),
            lambda: Spatial(scale=(0, 1)),
        ],
    )
    def test_refuses_ranges_that_are_none(self, make: Callable[[], Spatial]) -> None:
        with pytest.raises(ValueError, match="need shares"):
            make()


def test_what_rests_still_rests() -> None:
    """A bright square crosses a resting background: the background must not change from frame to frame."""
    background = noise(1, 30, 40).pixels_TCHW // 2
    pixels_TCHW = np.repeat(background, 4, axis=0)
    for time in range(4):
        pixels_TCHW[time, :, 20:24, 8 * time : 8 * time + 8] = 255
    pixels_TCHW[0, :, 20:24] = 0  # and is away at first, so that the frames differ in mean
    frames = Frames(pixels_TCHW, (0.0, 1.0, 2.0, 3.0))
    for seed in range(20):
        changed = Spatial().apply(frames, np.random.default_rng(seed)).pixels_TCHW
        assert (changed[:, :, :12] == changed[:1, :, :12]).all()
