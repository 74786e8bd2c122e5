"""How the trained branches of a step become the passes that TRL takes its loss of.

Shapes: N rows of a pass, one per trained rollout; C tokens of the longest completion; G rollouts of a branch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from retroflip.rl.generation import BranchRollouts, Generation, GroupRollouts, Written
from retroflip.rl.world import World

MEAN_OF_ROWS = frozenset({"grpo", "dr_grpo", "sapo", "luspo"})
"""loss types that are a mean over a pass's rows, and then over passes; the others count a step's tokens"""

MEAN_OF_OWN_TOKENS = frozenset({"bnpo"})
"""loss types that are a mean over the tokens of a pass, and then over passes"""

OF_SEQUENCES = frozenset({"luspo"})
"""loss types whose probability ratio is that of a whole response, and not of each token"""

Rows: TypeAlias = dict[str, Any]
"""a pass as TRL's loss takes it: tensors of N rows by TRL's names, and under "pass" the branches they came from"""


@dataclass(frozen=True)
class Pass:
    """The branches that one backward pass learns from.

    advantages: (G,) per branch; none where the branches are only there to keep processes in step. rows: how many rows
    TRL is given, as many on every process, the last ones blank. scale: what TRL's loss is multiplied by.
    """

    branches: tuple[BranchRollouts, ...]
    advantages: tuple[Tensor, ...]
    rows: int
    scale: float

    @property
    def completions(self) -> list[list[list[int]]]:
        """Token ids of every branch's rollouts."""
        return [[list(one.ids) for one in branch.written.completions] for branch in self.branches]

    @property
    def weighted(self) -> bool:
        """Whether anything is learned from it."""
        return bool(self.advantages)


def cut(
    rolled: Generation, world: World, *, passes: int, tokens: int, loss_type: str, row_weight: float
) -> list[Pass]:
    """Deal this process's trained branches out to the passes of a step.

    tokens: of all trained rollouts of the step. loss_type: TRL's. row_weight: the method's.

    The objective is the mean over questions of their rollouts' losses, each times `row_weight`. TRL
    takes means over a pass's rows (over a step's tokens in dapo), over passes and over processes; `scale` undoes
    them, so that neither the cut nor the number of processes changes the step.
    """
    groups = rolled.groups
    trained = [place for place in sorted(rolled.own) if rolled.own[place].written.branch.trained]
    everyone = sum(len(written.completions) for group in groups for written in trained_in(group))
    each = -(-len(trained) // passes)
    dealt = []
    for number in range(passes):
        places = trained[number * each : (number + 1) * each]
        branches = tuple(rolled.own[place] for place in places)
        advantages = tuple(groups[place.question].advantages[place.branch] for place in places)
        rows = max(world.most(sum(len(one) for one in advantages)), 1)
        shares = passes * world.size
        counted: float = rows * shares if loss_type in MEAN_OF_ROWS else everyone
        if loss_type in MEAN_OF_OWN_TOKENS:
            own = sum(len(one.ids) for branch in branches for one in branch.written.completions)
            counted *= own * shares / tokens
        scale = counted * row_weight / len(groups)
        dealt.append(Pass(branches or (rolled.spare,), advantages, rows, scale))
    return dealt


def rows_of(one: Pass, *, tokens: int, pad: int, device: torch.device) -> Rows:
    """Return prompts (padded left), completions (padded right) and advantages, one row per trained rollout."""
    prompts, completions = [], []
    for branch, written in zip(one.branches, one.completions, strict=True):
        prompts += [branch.prompt.input_ids_L.flip(0)] * len(written)
        completions += [torch.tensor(ids) for ids in written]
    blank = torch.empty(0, dtype=torch.long)
    filled = len(prompts) if one.weighted else 0
    prompt_ids, prompt_mask = _padded(prompts[:filled] + [blank] * (one.rows - filled), pad)
    completion_ids, completion_mask = _padded(completions[:filled] + [blank] * (one.rows - filled), pad)
    advantages = torch.cat([*one.advantages, torch.zeros(one.rows - filled)])
    return {
        "pass": one,
        "prompt_ids": prompt_ids.flip(1).to(device),
        "prompt_mask": prompt_mask.flip(1).to(device),
        "completion_ids": completion_ids.to(device),
        "completion_mask": completion_mask.to(device),
        "advantages": advantages.to(device),
        "num_items_in_batch": torch.tensor(tokens, device=device),
    }


def trained_in(group: GroupRollouts) -> Iterator[Written]:
    """Return what was written on the branches that enter the loss."""
    return (written for written in group.branches if written.branch.trained)


def _padded(rows: Sequence[Tensor], pad: int) -> tuple[Tensor, Tensor]:
    """Return the rows padded on the right, to one token at least, and their mask."""
    width = max(1, *(len(row) for row in rows))
    ids = torch.stack([torch.nn.functional.pad(row, (0, width - len(row)), value=pad) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, (torch.arange(width)[None] < lengths[:, None]).long()
