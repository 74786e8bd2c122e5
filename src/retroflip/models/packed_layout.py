"""Who sees whom in packed rows: [prompt | c1 | c2 | ... | cG | padding].

The prompt attends to itself, causally and without a mask. The completions then stand side by side as G rows, each of
which attends to the prompt and to itself. What a mask over the packed row would close is never computed.

Shapes: R packed rows, K tokens of one; within one row G completions, C tokens of the longest, P of the prompt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers.integrations.sdpa_attention import sdpa_attention_forward


@dataclass(frozen=True)
class _Row:
    """One packed row.

    prompt: its tokens, at least one. place_X: where the completions' tokens lie in the row, completion by completion,
    each filled up to C with its last one (X = G * C). own_Y: which of those X are no filling. mask_CS: who sees whom in
    [prompt | completion] (S = P + C).
    """

    prompt: int
    completions: int
    place_X: Tensor
    own_Y: Tensor
    mask_CS: Tensor

    @classmethod
    def of(cls, prompt: int, lengths: Sequence[int], device: torch.device) -> "_Row":
        longest = max(lengths)
        step_C, length_G = torch.arange(longest), torch.tensor(lengths)
        start_G = torch.tensor(list(accumulate(lengths, initial=prompt)))[:-1]
        place_GC = start_G[:, None] + torch.minimum(step_C, length_G[:, None] - 1)
        own_Y = (step_C < length_G[:, None]).flatten().nonzero()[:, 0]
        mask_CS = torch.ones(longest, prompt + longest, dtype=torch.bool).tril(prompt)
        return cls(prompt, len(lengths), place_GC.flatten().to(device), own_Y.to(device), mask_CS.to(device))

    def attend(
        self,
        module: torch.nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        scaling: float,
        dropout: float,
    ) -> Iterator[Tensor]:
        """Yield the results (tokens, heads, width) of the prompt and of the completions; all of the row is given."""
        before = slice(0, self.prompt)
        prompt, _ = sdpa_attention_forward(
            module,
            query[:, :, before],
            key[:, :, before],
            value[:, :, before],
            None,
            scaling=scaling,
            dropout=dropout,
        )
        yield prompt[0]
        heads, shared = query.shape[1], key.shape[1]
        # Heads that share a key stand one below the other, so that keys need not be repeated.
        query_GHXD = self._side_by_side(query).unflatten(1, (shared, -1)).flatten(2, 3)
        completions = scaled_dot_product_attention(
            query_GHXD,
            self._behind_prompt(key),
            self._behind_prompt(value),
            attn_mask=self.mask_CS.repeat(heads // shared, 1),
            scale=scaling,
            dropout_p=dropout,
        )
        by_token = (
            completions.unflatten(2, (heads // shared, -1))
            .permute(0, 3, 1, 2, 4)
            .reshape(-1, heads, query.shape[3])
        )
        yield by_token.index_select(0, self.own_Y)

    def _side_by_side(self, x_1HKD: Tensor) -> Tensor:
        """Return the completions' part of a row as (G, heads, C, width)."""
        chosen_XHD = x_1HKD[0].transpose(0, 1).index_select(0, self.place_X)
        chosen_GHCD: Tensor = chosen_XHD.unflatten(0, (self.completions, -1)).transpose(1, 2)
        return chosen_GHCD

    def _behind_prompt(self, x_1HKD: Tensor) -> Tensor:
        """Return [prompt | completion] for every completion: (G, heads, S, width)."""
        prompt = x_1HKD[:, :, : self.prompt].expand(self.completions, -1, -1, -1)
        return torch.cat([prompt, self._side_by_side(x_1HKD)], dim=2)


@dataclass(frozen=True)
class PackedLayout:
    """The layout of packed rows, all as long as the longest; a completion's tokens follow one another without a gap."""

    rows: tuple[_Row, ...]

    @classmethod
    def of(
        cls, prompts: Sequence[int], completions: Sequence[Sequence[int]], device: torch.device
    ) -> "PackedLayout":
        """Return the layout of rows with prompts and completions of so many tokens, each one at least."""
        rows = zip(prompts, completions, strict=True)
        return cls(tuple(_Row.of(prompt, lengths, device) for prompt, lengths in rows))

    def attend(
        self,
        module: torch.nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        scaling: float,
        dropout: float,
    ) -> Tensor:
        """Return one layer's results, zeros at padding (`Layout.attend`)."""
        width = query.shape[2]
        parts: list[Tensor] = []
        for number, row in enumerate(self.rows):
            one = slice(number, number + 1)
            parts += row.attend(module, query[one], key[one], value[one], scaling=scaling, dropout=dropout)
            left = width - row.prompt - len(row.own_Y)
            parts.append(parts[-1].new_zeros(left, *parts[-1].shape[1:]))
        results: Tensor = torch.cat(parts).unflatten(0, (len(self.rows), width))
        return results
