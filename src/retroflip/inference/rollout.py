"""Sample completions: every prompt is read once, and all its rollouts look at the one copy of it in the cache.

Shapes: R prompts, G rollouts of each, N = R * G rows, V vocabulary, C completion tokens.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from retroflip.errors import BlindnessError
from retroflip.inference.base import Sampling
from retroflip.models.attention import use_layouts
from retroflip.models.encoding import Prompt, PromptBatch, batch_prompts
from retroflip.models.features import VisualFeatures, sighted_inputs
from retroflip.models.shared_cache import SharedCache


@dataclass(frozen=True)
class Completion:
    """One rollout: its tokens with the end-of-turn token when it came, and whether the limit cut it off."""

    ids: tuple[int, ...]
    truncated: bool


class Writer(Protocol):
    """Writes completions; `Roller` is the one that needs nothing but the model."""

    def roll(
        self,
        prompts: Sequence[Prompt],
        features: Sequence[VisualFeatures | None],
        rollouts: Sequence[int],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[list[Completion]]:
        """Return `rollouts[r]` completions of each prompt r."""


class Roller:
    """Draws completions from a model, never a special token other than the end of its turn.

    goes_on: told whether this process still writes, says whether any does. Processes that share one sharded model must
    take every step together; the one that is done repeats itself until the last is.
    """

    def __init__(
        self,
        model: Any,
        *,
        pad_token: int,
        end_tokens: Collection[int],
        special_tokens: Collection[int],
        goes_on: Callable[[bool], bool] = bool,
    ) -> None:
        self.model = model
        self.pad_token = pad_token
        self.goes_on = goes_on
        self._ends = frozenset(end_tokens)
        self.end_tokens = torch.tensor(sorted(end_tokens), device=model.device)
        self.forbidden = torch.tensor(sorted(set(special_tokens) - set(end_tokens)), device=model.device)

    @torch.no_grad()
    def roll(
        self,
        prompts: Sequence[Prompt],
        features: Sequence[VisualFeatures | None],
        rollouts: Sequence[int],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[list[Completion]]:
        """Return `rollouts[r]` completions of each prompt r, drawn with the noise of `seeds[r]` alone.

        What a prompt's rollouts are does not depend on the prompts beside it (but for rounding), so neither on how
        many processes share the work. The model reads in evaluation mode and is put back: with gradient
        checkpointing, layers in training mode drop the cache, and every token would be written without a look at the
        prompt.
        """
        with in_evaluation(self.model):
            batch = batch_prompts(self.model, prompts, self.pad_token)
            logits_RV, cache = self.read(batch, features)
            device = self.model.device
            row_of_N = torch.arange(len(prompts), device=device).repeat_interleave(
                torch.tensor(list(rollouts), device=device)
            )
            cache.branch(row_of_N, batch.mask_RL)
            state = Decoding(cache, batch.next_position_R[row_of_N])
            return self.write(logits_RV[row_of_N], state, rollouts, sampling, seeds)

    def read(
        self, batch: PromptBatch, features: Sequence[VisualFeatures | None]
    ) -> tuple[Tensor, SharedCache]:
        """Read prompts, and return the logits behind them (R, V) and their cache, in which rows can begin."""
        use_layouts(self.model)
        cache = SharedCache()
        output = self.model(
            input_ids=batch.input_ids_RL,
            attention_mask=batch.mask_RL,
            position_ids=batch.positions_3RL,
            **sighted_inputs(self.model, batch.input_ids_RL, features),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        read, written = batch.input_ids_RL.shape[1], cache.get_seq_length()
        if written != read:
            raise BlindnessError(
                f"The model kept {written} of a prompt's {read} tokens, so its rollouts would not see the prompt. This "
                "is a defect of retroflip or of the model's class; nothing was trained."
            )
        return output.logits[:, -1], cache

    def write(
        self,
        logits_NV: Tensor,
        state: "Decoding",
        rollouts: Sequence[int],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[list[Completion]]:
        """Return the completions of rows that begin with these logits, `rollouts[r]` with the noise of `seeds[r]`."""
        noise = _Noise(rollouts, seeds, logits_NV.device)
        tokens_NC = self._decode(logits_NV, state, sampling, noise)
        completions = iter(self._finished(row) for row in tokens_NC.tolist())
        return [[next(completions) for _ in range(count)] for count in rollouts]

    def _decode(self, logits_NV: Tensor, state: "Decoding", sampling: Sampling, noise: "_Noise") -> Tensor:
        """Return the drawn tokens (N, C), padding after a row's end; a finished row leaves the batch at once."""
        total = len(state.rows)
        columns: list[Tensor] = []
        done = False
        for _ in range(sampling.max_tokens):
            tokens = self._draw(logits_NV, state.rows, sampling, noise)
            column = torch.full((total,), self.pad_token, device=tokens.device)
            if not done:
                column[state.rows] = tokens
            columns.append(column)
            alive = ~torch.isin(tokens, self.end_tokens)
            done = done or not bool(alive.any())
            if len(columns) == sampling.max_tokens or not self.goes_on(not done):
                break
            if done:
                alive = torch.zeros_like(alive).index_fill(
                    0, torch.zeros(1, dtype=torch.long, device=alive.device), True
                )
            if not bool(alive.all()):
                state.keep(alive.nonzero()[:, 0])
            logits_NV = self.advance(tokens[alive, None], state.position[:, None], state.cache)
            state.position = state.position + 1
        return torch.stack(columns, dim=1)

    def advance(self, ids_NT: Tensor, positions_NT: Tensor, cache: SharedCache) -> Tensor:
        """Feed every row of a cache its next tokens, words alone, and return the logits behind the last (N, V)."""
        output = self.model(
            input_ids=ids_NT,
            attention_mask=None,
            attention_layout=cache,
            position_ids=positions_NT.expand(3, -1, -1),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits_NV: Tensor = output.logits[:, -1]
        return logits_NV

    def _draw(self, logits_NV: Tensor, rows: Tensor, sampling: Sampling, noise: "_Noise") -> Tensor:
        """Draw one token a row, by the Gumbel-max trick."""
        logits_NV = logits_NV.float().index_fill(1, self.forbidden, -torch.inf)
        if sampling.temperature == 0.0:
            return logits_NV.argmax(dim=-1)
        logits_NV = _nucleus(logits_NV / sampling.temperature, sampling.top_p)
        return (logits_NV - noise.draw(logits_NV.shape[1], rows).log()).argmax(dim=-1)

    def _finished(self, row: list[int]) -> Completion:
        ends = [index for index, token in enumerate(row) if token in self._ends]
        if not ends:
            return Completion(tuple(row), truncated=True)
        return Completion(tuple(row[: ends[0] + 1]), truncated=False)


@contextmanager
def in_evaluation(model: Any) -> Iterator[None]:
    """Put a model into evaluation mode, and then back."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


class _Noise:
    """Each prompt's own stream of exponential waits.

    At every token a prompt draws for all the rows it ever had, so that the end of one never changes the tokens of
    another.
    """

    def __init__(self, rollouts: Sequence[int], seeds: Sequence[int], device: torch.device) -> None:
        self.rollouts = rollouts
        self.device = device
        self.streams = [torch.Generator(device=device).manual_seed(seed) for seed in seeds]

    def draw(self, vocabulary: int, rows: Tensor) -> Tensor:
        """Return the next waits (len(rows), vocabulary) of these rows."""
        waits_NV = torch.cat(
            [
                torch.empty(count, vocabulary, device=self.device).exponential_(generator=stream)
                for count, stream in zip(self.rollouts, self.streams, strict=True)
            ]
        )
        return waits_NV[rows]


class Decoding:
    """The rows still being written: their cache, where they stand, which rows they are."""

    def __init__(self, cache: SharedCache, position: Tensor) -> None:
        self.cache, self.position = cache, position
        self.rows = torch.arange(len(position), device=position.device)

    def keep(self, index: Tensor) -> None:
        """Go on with these rows alone, in rising order."""
        self.cache.keep(index)
        self.position, self.rows = self.position[index], self.rows[index]

    def branched(self, index: Tensor) -> "Decoding":
        """Return rows that go on from these, in rising order; one that is named several times has as many."""
        self.cache.keep(index)
        return Decoding(self.cache, self.position[index])


def _nucleus(logits_NV: Tensor, top_p: float) -> Tensor:
    """Return the logits with everything outside the smallest set of probability `top_p` at minus infinity."""
    if top_p >= 1.0:
        return logits_NV
    ordered, order = logits_NV.sort(dim=-1, descending=True)
    before = ordered.softmax(dim=-1).cumsum(dim=-1) - ordered.softmax(dim=-1)
    ordered = ordered.masked_fill(before >= top_p, -torch.inf)
    return torch.empty_like(logits_NV).scatter_(-1, order, ordered)
