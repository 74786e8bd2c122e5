"""Rewards of ArrowGEV computed by hand; an answer is a span "3-5" in seconds of a video that lasts 10, or "-"."""

import math
from typing import Any

import numpy as np
import pytest

from method_groups import close, transform_of
from retroflip.data.answers import Answer
from retroflip.data.answers.spans import spans_text
from retroflip.data.sample import Modality, ProblemType, Sample, TaskType
from retroflip.errors import DataError
from retroflip.rl.methods.arrowgev import ArrowGev, ArrowGevSettings
from retroflip.rl.methods.base import Group, Rewards, Rollout
from retroflip.video.transforms import Transform

MOVES = Sample(
    id="s1",
    video="v.mp4",
    question="When does it move left?",
    solution="[2, 5]",
    problem_type=ProblemType.GROUNDING,
    task_type=TaskType.TEMPORAL,
    source_clip="c1",
)
STAYS = MOVES.model_copy(update={"question": "When is it red?", "task_type": TaskType.STATIC})


def arrowgev(rollouts: int, **settings: Any) -> ArrowGev:
    return ArrowGevSettings(rollouts=rollouts, **{"iou": "plain", **settings}).method()


def rollout(text: str) -> Rollout:
    if text == "-":
        return Rollout(None, well_formed=False)
    start, end = map(float, text.split("-"))
    return Rollout(Answer("span", spans_text([(start, end)])), well_formed=True)


def rewards_of(sample: Sample, forward: str, backward: str, **settings: Any) -> Rewards:
    rollouts = [tuple(map(rollout, texts.split())) for texts in (forward, backward)]
    method = arrowgev(len(rollouts[0]), probes=len(rollouts[1]), **settings)
    branches = method.branches(sample, np.random.default_rng(0))
    gold = Answer("span", sample.solution)
    return method.rewards(Group(sample, gold, branches, tuple(rollouts), (0.0, 10.0)))


def test_a_trained_branch_and_one_response_on_the_reversed_video() -> None:
    original, probe = arrowgev(8).branches(MOVES, np.random.default_rng(0))
    assert (original.name, original.trained, original.rollouts) == ("original", True, 8)
    assert (probe.name, probe.trained, probe.rollouts) == ("reversed", False, 1)
    assert transform_of(probe.view) is Transform.REVERSE
    assert arrowgev(8).row_weight == 1 / 8


class TestRewards:
    def test_a_time_sensitive_event_must_not_be_found_where_it_would_lie_backwards(self) -> None:
        # On the reversed video [5, 8] is said: that is where [2, 5] would lie (10 - 5, 10 - 2).
        # 2-5: IoU 1, mirrored 5-8, S = 1. 0-5: IoU 3/5, mirrored 5-10, S = 3/5. 7-9: IoU 0, mirrored 1-3, S = 0.
        rewards = rewards_of(MOVES, "2-5 0-5 7-9 -", "5-8")
        close(rewards.components["correct"][0], [1, 0.6, 0, 0])
        close(rewards.components["temporal"][0], [0, 0.5 * 0.4, 0.5, 0])
        close(rewards.components["format"][0], [1, 1, 1, 0])
        close(rewards.totals[0], [2, 1.8, 1.5, 0])
        # where it would lie, found: 5-8
        close(rewards.components["correct"][1], [1])

    def test_one_that_is_the_same_both_ways_must_be_found_there(self) -> None:
        rewards = rewards_of(STAYS, "2-5 0-5 7-9 -", "5-8")
        close(rewards.components["temporal"][0], [0.5, 0.3, 0, 0])
        close(rewards.totals[0], [2.5, 1.9, 1, 0])

    def test_nothing_found_on_the_reversed_video_is_what_a_sensitive_event_wants(self) -> None:
        close(rewards_of(MOVES, "2-5 0-5", "-").components["temporal"][0], [0.5, 0.5])
        close(rewards_of(STAYS, "2-5 0-5", "-").components["temporal"][0], [0, 0])

    def test_an_unparsed_rollout_is_paid_in_the_codes_reading_alone(self) -> None:
        close(rewards_of(MOVES, "- 2-5", "5-8", literal_change=True).components["temporal"][0], [0.5, 0])
        close(rewards_of(STAYS, "- 2-5", "5-8", literal_change=True).components["temporal"][0], [0, 0.5])

    def test_compared_with_the_gold_span_all_earn_the_same(self) -> None:
        # mirrored gold 5-8 and 5-9 share 3 of 4 seconds
        close(rewards_of(MOVES, "2-5 7-9", "5-9", reference="gold").components["temporal"][0], [0.125, 0.125])

    def test_of_several_responses_on_the_reversed_video_the_mean_counts(self) -> None:
        close(rewards_of(STAYS, "2-5 2-5", "5-8 -").components["temporal"][0], [0.25, 0.25])

    def test_ends_that_lie_apart_cost_a_part_of_the_overlap(self) -> None:
        # IoU 3/5 with ends 2 and 0 seconds apart of 10: 0.6 * 0.8
        close(rewards_of(MOVES, "0-5 2-5", "-", iou="timestamp").components["correct"][0], [0.48, 1])

    def test_alpha_and_the_label_of_the_papers_file(self) -> None:
        labelled = STAYS.model_copy(update={"labels": {"sensitive": "yes"}})
        close(rewards_of(labelled, "2-5 7-9", "5-8", alpha=1.0).components["temporal"][0], [0, 1])

    def test_of_several_gold_spans_the_nearest_counts(self) -> None:
        several = STAYS.model_copy(update={"solution": "[2, 5]; [8, 9]"})
        rewards = rewards_of(several, "8-9 2-5", "1-2", reference="gold")
        close(rewards.components["correct"][0], [1, 1])
        close(rewards.components["correct"][1], [1])  # 10 - 9, 10 - 8


def test_advantages_are_of_the_video_alone() -> None:
    method = arrowgev(3)
    rewards = rewards_of(MOVES, "2-5 0-5 7-9", "5-8")
    # 2, 1.8, 1.5: mean 5.3/3
    values = [2 - 5.3 / 3, 1.8 - 5.3 / 3, 1.5 - 5.3 / 3]
    std = math.sqrt(sum(value**2 for value in values) / 2) + 1e-4
    ((original, probe),) = method.advantages([rewards.totals])
    close(original, [value / std for value in values])
    assert probe.tolist() == [0]


def test_other_questions_are_trained_as_grpo_trains_them() -> None:
    choice = MOVES.model_copy(
        update={
            "problem_type": ProblemType.MULTIPLE_CHOICE,
            "options": ("left", "right"),
            "solution": "A",
            "task_type": None,
        }
    )
    image = choice.model_copy(update={"modality": Modality.IMAGE})
    for sample in (choice, image):
        assert [one.name for one in arrowgev(4).branches(sample, np.random.default_rng(0))] == ["original"]
    group = Group(
        choice,
        Answer("option", "A"),
        arrowgev(2).branches(choice, np.random.default_rng(0)),
        ((Rollout(Answer("option", "A"), well_formed=True), Rollout(None, well_formed=False)),),
    )
    close(arrowgev(2).rewards(group).totals[0], [2, 0])


@pytest.mark.parametrize("labels", [{}, {"sensitive": "perhaps"}])
def test_an_event_that_may_be_sensitive_or_not_stops_the_run(labels: dict[str, str]) -> None:
    unknown = MOVES.model_copy(update={"task_type": None, "labels": labels})
    with pytest.raises(DataError, match="nothing says whether its event"):
        arrowgev(2).branches(unknown, np.random.default_rng(0))
