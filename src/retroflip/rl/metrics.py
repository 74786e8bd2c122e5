"""What a batch of groups says about training, as plain numbers for `metrics.jsonl`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

import torch

from retroflip.data.answers import likeness, same_answer
from retroflip.data.sample import Modality
from retroflip.rl.methods.base import Group, Rewards, Rollout
from retroflip.rl.methods.counterfactual import moved
from retroflip.train.task_types import PREFIX
from retroflip.video.transforms import Transform
from retroflip.video.views import transform_of

Observation = tuple[str, float]


def group_metrics(
    groups: Sequence[Group], rewards: Sequence[Rewards], advantages: Sequence[tuple[torch.Tensor, ...]]
) -> dict[str, float]:
    """Return the means of a batch; the three sequences run in parallel, one entry per group.

    reward/BRANCH/COMPONENT, reward/BRANCH/total   mean over rollouts; components as `Rewards` defines them
    reward/correct               share of right rollouts, over all trained branches that are paid for being right
    reward_std                   mean over groups of the unbiased std of all their trained branches' totals together
    reward_std/BRANCH            mean over groups of the unbiased std of that branch's totals
    zero_advantage               share of groups in which no trained branch has an advantage other than 0
    zero_advantage/BRANCH        share of groups in which that branch, a trained one, has none
    unparsed, unparsed/BRANCH    share of rollouts without a parsed answer; of all trained branches, and of that one
    same_answer/BRANCH           share of (first branch, BRANCH) pairs of rollouts with the same answer
    task_type/TYPE/NAME          the same for each type of question about a video; `train/task_types.py` has the names
    A branch's means are over the groups that have it: a sample without a video has the original alone. Names that
    nothing was observed for are left out. Raises ValueError where the sequences differ in length.
    """
    observed: defaultdict[str, list[float]] = defaultdict(list)
    for group, reward, advantage in zip(groups, rewards, advantages, strict=True):
        for name, value in _observations(group, reward, advantage):
            observed[name].append(value)
    means = {name: fmean(values) for name, values in observed.items()}
    return dict(sorted((means | _of_types(groups, rewards)).items()))


def _observations(
    group: Group, rewards: Rewards, advantages: tuple[torch.Tensor, ...]
) -> Iterator[Observation]:
    trained = [index for index, branch in enumerate(group.branches) if branch.trained]
    zero = {index: not bool(advantages[index].any()) for index in trained}
    yield "zero_advantage", float(all(zero.values()))
    yield "reward_std", float(torch.cat([rewards.totals[index] for index in trained]).std())
    for index, branch in enumerate(group.branches):
        terms = {**rewards.components, "total": rewards.totals}
        for component, tensors in terms.items():
            yield from ((f"reward/{branch.name}/{component}", float(value)) for value in tensors[index])
            if component == "correct" and branch.trained:
                yield from (("reward/correct", float(value)) for value in tensors[index])
        if branch.rollouts > 1:
            yield f"reward_std/{branch.name}", float(rewards.totals[index].std())
        if branch.trained:
            yield f"zero_advantage/{branch.name}", float(zero[index])
        for rollout in group.rollouts[index]:
            yield f"unparsed/{branch.name}", float(rollout.answer is None)
            if branch.trained:
                yield "unparsed", float(rollout.answer is None)
        if index > 0:
            agreements = _agreements(group.rollouts[0], group.rollouts[index])
            yield from ((f"same_answer/{branch.name}", agreement) for agreement in agreements)


def _of_types(groups: Sequence[Group], rewards: Sequence[Rewards]) -> dict[str, float]:
    """Return what the names of `train/task_types.py` stand for in a batch."""
    observed: defaultdict[str, list[float]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for group, reward in zip(groups, rewards, strict=True):
        kind = group.sample.task_type
        if kind is None or group.sample.modality is not Modality.VIDEO:
            continue
        name = f"{PREFIX}/{kind.value}"
        same = _same_on_counterfactual(group)
        counts.update({f"{name}/questions": 1, f"{name}/compared": int(bool(same))})
        observed[f"{name}/reward"].append(float(reward.totals[0].mean()))
        if "correct" in reward.components and len(reward.components["correct"][0]):
            observed[f"{name}/correct"].append(float(reward.components["correct"][0].mean()))
        if same:
            observed[f"{name}/same_answer"].append(fmean(same))
    return {name: fmean(values) for name, values in observed.items()} | {
        name: float(count) for name, count in counts.items()
    }


def _same_on_counterfactual(group: Group) -> list[float]:
    """Return how far each answer on the video is that of each on its mirrored or reversed one, unparsed ones apart."""
    return [
        likeness(moved(a.answer, transform, group.between), b.answer)
        for branch, rollouts in zip(group.branches[1:], group.rollouts[1:], strict=True)
        if (transform := transform_of(branch.view)) in (Transform.FLIP, Transform.REVERSE)
        for a in group.rollouts[0]
        for b in rollouts
        if a.answer is not None and b.answer is not None
    ]


def _agreements(first: Sequence[Rollout], second: Sequence[Rollout]) -> Iterable[float]:
    return (float(same_answer(a.answer, b.answer)) for a in first for b in second)
