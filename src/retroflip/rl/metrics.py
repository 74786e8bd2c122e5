"""What a batch of groups says about training, as plain numbers for `metrics.jsonl`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

import torch

from retroflip.data.answers import same_answer
from retroflip.rl.methods.base import Group, Rewards, Rollout

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
    A branch's means are over the groups that have it: a sample without a video has the original alone. Names that
    nothing was observed for are left out. Raises ValueError where the sequences differ in length.
    """
    observed: defaultdict[str, list[float]] = defaultdict(list)
    for group, reward, advantage in zip(groups, rewards, advantages, strict=True):
        for name, value in _observations(group, reward, advantage):
            observed[name].append(value)
    return {name: fmean(values) for name, values in sorted(observed.items())}


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


def _agreements(first: Sequence[Rollout], second: Sequence[Rollout]) -> Iterable[float]:
    return (float(same_answer(a.answer, b.answer)) for a in first for b in second)
