"""STRIVE and ST-GRPO: rewards and advantages computed by hand, and what its variants are shown.

Groups as strings (`method_groups.py`).
"""

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from method_groups import close, group_of, rewards_of, rollouts_of, sample_of
from retroflip.rl.methods.grpo import GrpoSettings
from retroflip.rl.methods.scorer import ScorerSettings
from retroflip.rl.methods.strive import Strive, StriveSettings
from retroflip.video.frames import Frames
from retroflip.video.views import View

STRATEGIES = ("deterministic", "stochastic", "importance", "importance_spatial")


def strive(rollouts: int = 2, **settings: Any) -> Strive:
    return StriveSettings(rollouts=rollouts, **settings).method()


def views_of(**settings: Any) -> list[View]:
    return [branch.view for branch in strive(**settings).branches(sample_of(), np.random.default_rng(0))]


def pool_of(frames: int) -> Frames:
    """Return frames whose every pixel is their number."""
    pixels = np.broadcast_to(np.arange(frames, dtype=np.uint8)[:, None, None, None], (frames, 3, 8, 8))
    return Frames(np.ascontiguousarray(pixels), tuple(float(second) for second in range(frames)))


def shown(
    view: View, frames: int, count: int, *, scores: list[float] | None = None, seed: int = 0
) -> list[float]:
    """Return the seconds of the frames that a view chooses."""
    given = None if scores is None else np.array(scores)
    return list(view.apply(pool_of(frames), count, np.random.default_rng(seed), given).seconds)


class TestRewardsAndAdvantages:
    def test_one_mean_and_one_std_over_all_variants(self) -> None:
        method = strive()
        rewards = rewards_of(method, rollouts_of("AB", malformed=(1,)), "AA")
        close(rewards.components["correct"][0], [1, 0])
        close(rewards.components["correct"][1], [1, 1])
        close(rewards.components["format"][0], [1, 0])
        close(rewards.totals[0], [2, 0])
        close(rewards.totals[1], [2, 2])
        ((first, second),) = method.advantages([rewards.totals])
        # mean 1.5: centred 0.5, -1.5, 0.5, 0.5; squares 3 * 0.25 + 2.25 = 3 over 3
        close(first, [0.5 / 1.0001, -1.5 / 1.0001])
        close(second, [0.5 / 1.0001, 0.5 / 1.0001])

    def test_variants_that_differ_teach_where_no_variant_does_alone(self) -> None:
        # figure 1: within each variant the rewards are equal
        method = strive()
        ((first, second),) = method.advantages([rewards_of(method, "AA", "BB").totals])
        std = math.sqrt(4 * 0.25 / 3) + 1e-4
        close(first, [0.5 / std, 0.5 / std])
        close(second, [-0.5 / std, -0.5 / std])

    @pytest.mark.parametrize("normalise", ["group", "batch", "none"])
    @pytest.mark.parametrize("answers", [("AA", "AA"), ("BB", "CB"), ("--", "B-")])
    def test_all_right_and_all_wrong_teach_nothing(self, answers: tuple[str, str], normalise: str) -> None:
        method = strive(normalise=normalise)
        (advantages,) = method.advantages([rewards_of(method, *answers).totals])
        assert [branch.tolist() for branch in advantages] == [[0, 0], [0, 0]]

    def test_without_the_standard_deviation_it_is_st_dr_grpo(self) -> None:
        method = strive(normalise="none")
        ((first, second),) = method.advantages(
            [rewards_of(method, rollouts_of("AB", malformed=(1,)), "AA").totals]
        )
        close(first, [0.5, -1.5])
        close(second, [0.5, 0.5])

    def test_one_rollout_of_each_variant_is_enough(self) -> None:
        method = strive(rollouts=1, variants=3)
        (advantages,) = method.advantages([rewards_of(method, "A", "B", "B").totals])
        # 2, 1, 1: 2/3 and twice -1/3; squares 4/9 + 2/9 = 2/3 over 2
        std = math.sqrt(1 / 3) + 1e-4
        for variant, expected in zip(advantages, (2 / 3, -1 / 3, -1 / 3), strict=True):
            close(variant, [expected / std])

    def test_a_rollout_weighs_one_of_all(self) -> None:
        # ST-GRPO, equation 3: 1/G 1/M
        assert strive(rollouts=4, variants=2).row_weight == 1 / 8

    def test_groups_are_normalised_apart(self) -> None:
        method = strive()
        totals = [rewards_of(method, *answers).totals for answers in (("AB", "AA"), ("BB", "BA"))]
        together = method.advantages(totals)
        apart = [method.advantages([group])[0] for group in totals]
        assert all(
            a.equal(b) for x, y in zip(together, apart, strict=True) for a, b in zip(x, y, strict=True)
        )


class TestBranches:
    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_every_variant_is_trained(self, strategy: str) -> None:
        branches = strive(rollouts=4, variants=3, strategy=strategy).branches(
            sample_of(), np.random.default_rng(0)
        )
        assert [(b.name, b.trained, b.rollouts) for b in branches] == [
            ("variant1", True, 4),
            ("variant2", True, 4),
            ("variant3", True, 4),
        ]

    @pytest.mark.parametrize("strategy", STRATEGIES)
    def test_scores_are_asked_for_where_views_need_them(self, strategy: str) -> None:
        scored = strategy.startswith("importance")
        scorer = ScorerSettings(name="siglip2", path="some/siglip")
        assert strive(strategy=strategy, scorer=scorer).scorer == (scorer if scored else None)
        assert [view.needs_scores for view in views_of(strategy=strategy)] == [scored, scored]

    def test_one_deterministic_variant_is_grpo(self) -> None:
        method, grpo = strive(4, variants=1, strategy="deterministic"), GrpoSettings(rollouts=4).method()
        (branch,) = method.branches(sample_of(), np.random.default_rng(0))
        (original,) = grpo.branches(sample_of(), np.random.default_rng(0))
        for count in (5, 8, 13, 20):
            assert shown(branch.view, 13, count) == shown(original.view, 13, count)
        totals, expected = (
            rewards_of(m, rollouts_of("AAB-", malformed=(1, 3))).totals for m in (method, grpo)
        )
        assert totals[0].equal(expected[0])
        ((advantages,),) = method.advantages([totals])
        assert advantages.equal(grpo.advantages([expected])[0][0])
        assert method.row_weight == grpo.row_weight

    def test_deterministic_variants_interleave_and_cover_the_video(self) -> None:
        first, second = views_of(strategy="deterministic")
        assert shown(first, 8, 4) == [0, 2, 4, 6]
        assert shown(second, 8, 4) == [1, 3, 5, 7]

    def test_stochastic_variants_draw_apart_and_stay_in_order(self) -> None:
        view, _ = views_of(strategy="stochastic", temporal_probability=1, spatial_probability=0)
        drawn = [shown(view, 40, 8, seed=seed) for seed in range(30)]
        assert len({tuple(seconds) for seconds in drawn}) > 10
        assert all(seconds == sorted(set(seconds)) for seconds in drawn)

    def test_a_probability_of_zero_leaves_the_video_alone(self) -> None:
        view, _ = views_of(strategy="stochastic", temporal_probability=0, spatial_probability=0)
        (plain,) = GrpoSettings().method().branches(sample_of(), np.random.default_rng(0))
        assert shown(view, 20, 8) == shown(plain.view, 20, 8)

    def test_importance_takes_one_frame_of_each_segment(self) -> None:
        view, _ = views_of(strategy="importance")
        for seed in range(20):
            seconds = shown(view, 16, 4, scores=[0.0] * 16, seed=seed)
            assert [second // 4 for second in seconds] == [0, 1, 2, 3]

    def test_a_low_temperature_and_the_top_take_the_best(self) -> None:
        scores = [0, 0, 1, 0, 1, 0, 0, 0]
        for settings in ({"tau": 1e-3}, {"top": True}):
            view, _ = views_of(strategy="importance", **settings)
            assert shown(view, 8, 2, scores=list(map(float, scores))) == [2, 4]

    def test_the_temperature_is_equation_4s(self) -> None:
        view, _ = views_of(strategy="importance", tau=0.4)
        # two frames a segment, scores 0.2 apart: e^0.5 / (1 + e^0.5) = 0.6225
        drawn = [shown(view, 2, 1, scores=[0.0, 0.2], seed=seed) for seed in range(2000)]
        assert drawn.count([1.0]) / 2000 == pytest.approx(0.6225, abs=0.035)  # standard deviation 0.0108

    def test_the_number_of_segments_may_be_drawn_or_set(self) -> None:
        drawn, _ = views_of(strategy="importance", segments=[2, 6])
        lengths = [len(shown(drawn, 16, 16, scores=[0.0] * 16, seed=seed)) for seed in range(100)]
        assert set(lengths) == {2, 3, 4, 5, 6}
        fixed, _ = views_of(strategy="importance", segments=3)
        assert len(shown(fixed, 16, 16, scores=[0.0] * 16)) == 3

    def test_spatial_changes_are_importance_spatials_alone(self) -> None:
        rng = np.random.default_rng(3)
        pool = Frames(rng.integers(0, 256, (8, 3, 16, 16), dtype=np.uint8), tuple(map(float, range(8))))
        changed = {}
        for strategy in ("importance", "importance_spatial"):
            view, _ = views_of(strategy=strategy, spatial_probability=1, top=True)
            seen = view.apply(pool, 8, np.random.default_rng(0), np.zeros(8))
            changed[strategy] = not np.array_equal(seen.pixels_TCHW, pool.pixels_TCHW)
            assert seen.seconds == pool.seconds
        assert changed == {"importance": False, "importance_spatial": True}


class TestSettings:
    def test_defaults_are_the_papers(self) -> None:
        assert StriveSettings().model_dump() == {
            "name": "strive",
            "rollouts": 4,
            "format_weight": 1.0,
            "null_option": True,
            "span_share": 0.5,
            "variants": 2,
            "normalise": "group",
            "strategy": "importance_spatial",
            "tau": 0.4,
            "segments": None,
            "top": False,
            "temporal_probability": 0.5,
            "spatial_probability": 0.5,
            "scorer": {"name": "policy", "path": None, "revision": None},
        }

    @pytest.mark.parametrize(
        "wrong",
        [
            {"variants": 0},
            {"tau": 0},
            {"segments": 0},
            {"segments": [6, 2]},
            {"segments": [0, 2]},
            {"segments": [2, 4, 6]},
            {"spatial_probability": 1.1},
            {"temporal_probability": -0.1},
            {"strategy": "random"},
            {"scorer": {"name": "clip"}},
            {"scorer": "policy"},
            {"normalise": "branch"},
        ],
    )
    def test_wrong_values_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            StriveSettings.model_validate(wrong)


def test_a_group_must_hold_every_variants_rollouts() -> None:
    with pytest.raises(ValueError, match=r"\[2, 2\] rollouts, got \[4\]"):
        group_of(strive(), "AABB")
