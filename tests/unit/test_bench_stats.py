"""Statistics against hand-computed and published numbers."""

import numpy as np
import pytest

from retroflip.bench import stats
from retroflip.bench.stats import (
    Column,
    cluster_interval,
    cluster_intervals,
    drawn,
    mcnemar,
    paired_interval,
    seed_difference,
    t_quantile,
)


def test_mcnemar_by_hand() -> None:
    # 6 pairs only b got right, 1 only a: p = 2 * (C(7,0) + C(7,1)) / 2^7 = 16 / 128.
    a = [True] + [False] * 6 + [True] * 3
    b = [False] + [True] * 6 + [True] * 3
    assert mcnemar(a, b) == (1, 6, 0.125)


def test_mcnemar_without_discordant_pairs_is_one() -> None:
    assert mcnemar([True, False], [True, False]).p == 1.0
    assert mcnemar([], []).p == 1.0


def test_mcnemar_with_even_split_is_capped_at_one() -> None:
    assert mcnemar([True, False], [False, True]).p == 1.0


def test_mcnemar_survives_thousands_of_discordant_pairs() -> None:
    assert mcnemar([False] * 3000, [True] * 3000).p == 0.0
    assert 0 < mcnemar([False] * 1050, [True] * 1050).p < 1e-300


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (9, 2.2622), (30, 2.0423)],
)
def test_t_quantiles_of_the_printed_table(freedom: int, quantile: float) -> None:
    """NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2, column 0.975."""
    assert t_quantile(0.975, freedom) == pytest.approx(quantile, abs=6e-5)


def test_seed_difference_by_hand() -> None:
    # Differences 0.1, 0.2, 0.3, 0.2, 0.2: mean 0.2, s = sqrt(0.02 / 4), half = 2.7764 s / sqrt(5) = 0.0878.
    found = seed_difference([0.1, 0.1, 0.0, 0.1, 0.2], [0.2, 0.3, 0.3, 0.3, 0.4])
    assert found.n == 5
    assert found.mean == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.1122, 0.2878), abs=1e-4)


def test_one_seed_has_no_interval() -> None:
    assert seed_difference([0.1], [0.4]).interval is None


def test_no_values_have_no_interval() -> None:
    assert cluster_interval([], []) is None


def test_one_cluster_says_next_to_nothing() -> None:
    low, high = cluster_interval([1.0, 0.0, 1.0, 0.0], ["a"] * 4) or (1.0, 0.0)
    assert low == pytest.approx(0.0125)
    assert high == pytest.approx(0.9875)


def test_none_right_is_bounded_as_clopper_and_pearson_do() -> None:
    # 0 of 10: the upper limit solves (1 - p)^10 = 0.025, so p = 0.30850.
    assert cluster_interval([0.0] * 10, [str(i) for i in range(10)]) == pytest.approx((0, 0.3085), abs=1e-4)


def test_clusters_and_not_answers_count() -> None:
    # 40 answers from 4 clips, each clip all right or all wrong, are no more certain than 4 answers.
    clips = [name for name in "abcd" for _ in range(10)]
    hits = [float(name in "ab") for name in clips]
    clustered = cluster_interval(hits, clips)
    independent = cluster_interval(hits, [str(i) for i in range(40)])
    assert clustered == cluster_interval([1.0, 1.0, 0.0, 0.0], list("abcd"))
    assert clustered is not None
    assert independent is not None
    assert clustered.high - clustered.low > 2 * (independent.high - independent.low)


def test_bootstrap_interval_is_close_to_the_binomial_one() -> None:
    # 50 of 100 independent answers: standard error 0.05, so 0.402 to 0.598.
    found = cluster_interval([1.0] * 50 + [0.0] * 50, [str(i) for i in range(100)])
    assert found == pytest.approx((0.402, 0.598), abs=0.012)


def test_the_seed_decides_the_resamples() -> None:
    values = [i / 99 for i in range(100)]
    clips = [str(i) for i in range(100)]
    assert cluster_interval(values, clips, seed=1) == cluster_interval(values, clips, seed=1)
    assert cluster_interval(values, clips, seed=1) != cluster_interval(values, clips, seed=2)


def test_a_paired_interval_is_narrower_than_the_two_alone() -> None:
    # b is right wherever a is, and on one pair in five more.
    clips = [str(i) for i in range(50)]
    a = [float(i % 2 == 0) for i in range(50)]
    b = [float(i % 2 == 0 or i % 5 == 1) for i in range(50)]
    paired, alone = paired_interval(a, b, clips), cluster_interval(a, clips)
    assert paired is not None
    assert alone is not None
    assert paired.low > 0
    assert paired.high - paired.low < alone.high - alone.low


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="cluster names"):
        cluster_interval([1.0], [])


class TestOneProduct:
    VALUES = ([1.0, 0, 0, 1, 1, 0, 1], [0.0, 1, 1, 1, 0, 0, 1], [1.0] * 7, [0.25, 0.5, 1, 0, 0.75, 0, 1])
    CLIPS = ("a", "a", "b", "c", "c", "d", "e")

    def test_every_column_is_what_it_is_alone(self) -> None:
        columns = [Column(values, self.CLIPS) for values in self.VALUES]
        columns += [Column(values[:5], self.CLIPS[:5]) for values in self.VALUES]
        columns.append(Column([], []))
        together = cluster_intervals(columns, seed=3)
        alone = [cluster_interval(column.values, column.clusters, seed=3) for column in columns]
        assert together[-1] is None
        for one, other in zip(together[:-1], alone[:-1], strict=True):
            assert one == pytest.approx(other, rel=1e-12)

    def test_is_the_mean_of_drawn_clips(self) -> None:
        """The same draws, resample by resample and clip by clip."""
        clips = sorted(set(self.CLIPS))
        rng = np.random.default_rng(3)
        means = []
        for _ in range(500):
            drawn = [
                value
                for place in rng.integers(len(clips), size=len(clips), dtype=np.uint32)
                for value, own in zip(self.VALUES[0], self.CLIPS, strict=True)
                if own == clips[place]
            ]
            means.append(sum(drawn) / len(drawn))
        found = cluster_interval(self.VALUES[0], self.CLIPS, seed=3, resamples=500)
        assert found == pytest.approx(np.quantile(means, [0.025, 0.975]))

    def test_counts_that_are_not_kept_are_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kept = cluster_interval(self.VALUES[0], self.CLIPS)
        monkeypatch.setattr(stats, "_KEPT", 0)
        assert cluster_interval(self.VALUES[0], self.CLIPS) == kept

    def test_many_models_draw_once(self) -> None:
        drawn.cache_clear()
        for values in self.VALUES:
            cluster_interval(values, self.CLIPS)
        assert drawn.cache_info().misses == 1

    def test_counts_how_often_each_clip_is_drawn(self) -> None:
        rng = np.random.default_rng(3)
        expected = [
            [list(row).count(clip) for clip in range(7)]
            for size in (256, 256, 88)
            for row in rng.integers(7, size=(size, 7), dtype=np.uint32)
        ]
        assert np.concatenate(drawn(7, 600, 3)).tolist() == expected
