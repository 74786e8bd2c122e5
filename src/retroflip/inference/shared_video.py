"""Answers to several questions about one video, which is read once: [video] - [questions behind it] - [draws of each].

What all prompts of a group begin with, its trunk, is read once into a cache. The rest of every prompt, its tail, is
read behind the one copy of it, and every draw goes on behind its question's tail. The numbers are those of each
prompt read alone, but for rounding.

Shapes: R groups, Q questions, N rows (one a draw), L tokens, T tokens of the longest tail, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Completion, Decoding, Roller, in_evaluation
from retroflip.models.encoding import Prompt, PromptBatch, batch_prompts
from retroflip.models.features import VisualFeatures
from retroflip.models.shared_cache import SharedCache

SCORES_BYTES = 2**28
"""what the attention of the tails' tokens to the trunks may take; tails are read so many tokens at a time"""


@dataclass(frozen=True)
class Group:
    """Prompts that show the same and begin alike. features: of what they show. seeds: of each prompt's draws."""

    prompts: Sequence[Prompt]
    features: VisualFeatures | None
    seeds: Sequence[Sequence[int]]


class Written(NamedTuple):
    """One draw: its group, question and number there, its tokens, and log-probabilities of its first token (V,)."""

    group: int
    question: int
    draw: int
    completion: Completion
    first_V: Tensor


class _Tail(NamedTuple):
    group: int
    ids_T: Tensor


class _Row(NamedTuple):
    group: int
    question: int
    draw: int
    seed: int


@torch.no_grad()
def write_groups(
    roller: Roller, groups: Sequence[Group], sampling: Sampling, at_once: int
) -> Iterator[Written]:
    """Yield every draw of every prompt. at_once: how many are written together.

    Raises ValueError where a group's prompts part before the end of what they show.
    """
    with in_evaluation(roller.model):
        lengths = [trunk_length(group.prompts) for group in groups]
        trunks = [_trunk(group.prompts[0], length) for group, length in zip(groups, lengths, strict=True)]
        batch = batch_prompts(roller.model, trunks, roller.pad_token)
        _, cache = roller.read(batch, [group.features for group in groups])
        for rows in _slices(list(_rows(groups)), at_once):
            asked = list(dict.fromkeys((row.group, row.question) for row in rows))
            tails = [
                _Tail(group, groups[group].prompts[question].input_ids_L[lengths[group] :])
                for group, question in asked
            ]
            logits_QV, state = _read_tails(roller, cache.fork(), batch, tails)
            number = {place: index for index, place in enumerate(asked)}
            tail_of_N = torch.tensor(
                [number[row.group, row.question] for row in rows], device=logits_QV.device
            )
            logits_NV = logits_QV[tail_of_N]
            written = roller.write(
                logits_NV, state.branched(tail_of_N), [1] * len(rows), sampling, [row.seed for row in rows]
            )
            first_NV = logits_NV.float().log_softmax(dim=-1)
            for row, (completion,), first_V in zip(rows, written, first_NV, strict=True):
                yield Written(row.group, row.question, row.draw, completion, first_V)


def trunk_length(prompts: Sequence[Prompt]) -> int:
    """Return how many tokens all prompts begin with; each has one more at least.

    Raises ValueError where they part before the end of what they show.
    """
    shortest = min(len(prompt.input_ids_L) for prompt in prompts) - 1
    first_L = prompts[0].input_ids_L[:shortest]
    same_L = torch.stack([prompt.input_ids_L[:shortest] == first_L for prompt in prompts]).all(dim=0)
    length = int(same_L.long().cumprod(dim=0).sum())
    if any(bool(prompt.token_types_L[length:].any()) for prompt in prompts):
        raise ValueError("prompts that show the same must not part before its end")
    return length


def _trunk(prompt: Prompt, length: int) -> Prompt:
    return replace(
        prompt, input_ids_L=prompt.input_ids_L[:length], token_types_L=prompt.token_types_L[:length]
    )


def _slices(rows: Sequence[_Row], size: int) -> Iterator[Sequence[_Row]]:
    return (rows[first : first + size] for first in range(0, len(rows), size))


def _rows(groups: Sequence[Group]) -> Iterator[_Row]:
    for number, group in enumerate(groups):
        for question, seeds in enumerate(group.seeds):
            yield from (_Row(number, question, draw, seed) for draw, seed in enumerate(seeds))


def _read_tails(
    roller: Roller, cache: SharedCache, trunks: PromptBatch, tails: Sequence[_Tail]
) -> tuple[Tensor, Decoding]:
    """Read tails behind their trunks; return the logits behind each (Q, V), and where it goes on."""
    device = roller.model.device
    trunk_Q = torch.tensor([tail.group for tail in tails], device=device)
    length_Q = torch.tensor([len(tail.ids_T) for tail in tails], device=device)
    longest = int(length_Q.max())
    padding_Q, begin_Q = longest - length_Q, trunks.next_position_R[trunk_Q]
    ids_QT = torch.stack(
        [pad(tail.ids_T, (longest - len(tail.ids_T), 0), value=roller.pad_token) for tail in tails]
    ).to(device)
    positions_QT = (begin_Q - padding_Q)[:, None] + torch.arange(longest, device=device)
    cache.branch(trunk_Q, trunks.mask_RL, padding_Q if bool(padding_Q.any()) else None)
    heads = roller.model.config.get_text_config().num_attention_heads
    at_once = max(1, SCORES_BYTES // (4 * len(tails) * heads * trunks.input_ids_RL.shape[1]))
    for first in range(0, longest, at_once):
        part = slice(first, first + at_once)
        logits_QV = roller.advance(ids_QT[:, part], positions_QT[:, part].clamp(min=0), cache)
    return logits_QV, Decoding(cache, begin_Q + length_Q)
