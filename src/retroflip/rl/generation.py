"""One step's rollouts: branches drawn, videos decoded and encoded once, completions sampled, answers rewarded.

Shapes: S samples, B branches of a sample, G rollouts of a branch, C tokens of a completion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import Sample
from retroflip.draws import draw, draw_seed
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.features import VisualFeatures, encode_videos
from retroflip.rl.answers import gold_answer, is_well_formed, parse_answer
from retroflip.rl.methods.base import Branch, Group, Method, Rewards, Rollout
from retroflip.rl.rollout import Completion, Roller, Sampling
from retroflip.video.transforms import apply


@dataclass(frozen=True)
class BranchRollouts:
    """One branch with what the model was shown and what it wrote."""

    branch: Branch
    prompt: Prompt
    features: VisualFeatures | None
    completions: tuple[Completion, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class GroupRollouts:
    """One sample's branches, rewarded. advantages: (G,) per branch."""

    group: Group
    branches: tuple[BranchRollouts, ...]
    rewards: Rewards
    advantages: tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Generator:
    """Everything a step's rollouts depend on besides the step itself."""

    dataset: VideoDataset
    encoder: Encoder
    method: Method
    sampling: Sampling
    seed: int

    def generate(
        self, model: Any, roller: Roller, samples: Sequence[Sample], *, epoch: int, step: int
    ) -> list[GroupRollouts]:
        """Roll out and reward every sample. Random choices depend on (seed, sample, epoch, branch) and the step."""
        asked = [with_null_option(sample) if self.method.null_option else sample for sample in samples]
        branches = [
            self.method.branches(sample, draw(self.seed, "branches", sample.id, epoch)) for sample in asked
        ]
        prompts = [self._prompts(*pair, epoch) for pair in zip(asked, branches, strict=True)]
        flat = [prompt for row in prompts for prompt in row]
        with torch.no_grad():
            features = encode_videos(model, flat)
        counts = [branch.rollouts for row in branches for branch in row]
        completions = self._roll(roller, flat, features, counts, step)
        rolled = iter(
            BranchRollouts(
                branch, prompt, seen, tuple(written), tuple(self.encoder.decode(one.ids) for one in written)
            )
            for branch, prompt, seen, written in zip(
                (branch for row in branches for branch in row), flat, features, completions, strict=True
            )
        )
        return [
            self._rewarded(sample, [next(rolled) for _ in row])
            for sample, row in zip(asked, branches, strict=True)
        ]

    def _prompts(self, sample: Sample, branches: Sequence[Branch], epoch: int) -> list[Prompt]:
        """Decode the sample's video once and encode every branch's view of it."""
        frames = self.dataset.load(sample)
        views = [
            apply(branch.transform, frames, draw(self.seed, "view", sample.id, epoch, branch.name))
            for branch in branches
        ]
        return [self.encoder.encode(sample, view) for view in views]

    def _roll(
        self,
        roller: Roller,
        prompts: Sequence[Prompt],
        features: Sequence[VisualFeatures | None],
        counts: Sequence[int],
        step: int,
    ) -> list[list[Completion]]:
        """Sample each prompt's number of completions; prompts with equal numbers share a batch."""
        completions: list[list[Completion]] = [[] for _ in prompts]
        for count in sorted(set(counts)):
            chosen = [index for index, wanted in enumerate(counts) if wanted == count]
            rolled = roller.roll(
                [prompts[index] for index in chosen],
                [features[index] for index in chosen],
                count,
                self.sampling,
                seed=draw_seed(self.seed, "rollouts", step, count),
            )
            for index, written in zip(chosen, rolled, strict=True):
                completions[index] = written
        return completions

    def _rewarded(self, sample: Sample, branches: Sequence[BranchRollouts]) -> GroupRollouts:
        rollouts = tuple(
            tuple(Rollout(parse_answer(text, sample), is_well_formed(text)) for text in branch.texts)
            for branch in branches
        )
        kinds = tuple(branch.branch for branch in branches)
        group = Group(sample, gold_answer(sample), sample.task_type, kinds, rollouts)
        rewards = self.method.rewards(group)
        return GroupRollouts(group, tuple(branches), rewards, self.method.advantages(rewards.totals))
