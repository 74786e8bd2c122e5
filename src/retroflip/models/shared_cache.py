"""A cache that holds a prompt once, however many rows go on behind it, and each row's own tokens.

Every prompt's rows look at the one copy of it together, in one matrix product, and at their own tokens each for
itself; one softmax is taken over both. What a row goes on with may itself be read several tokens at a time: a question
behind a video, which all its answers then have in common.

Shapes: R prompts, N rows that are still written, H key heads, Q query heads of each, T tokens of a row in one call (Q
stands for Q * T where there are several), P tokens of the longest prompt, S of a row's own, D the width of a head, B
places for the rows of one prompt, Y = B * Q; X is any width.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin

_ROOM = 64
"""tokens that a row has room for at first; then as many again whenever the room is used up"""


def room_of(tokens: int) -> int:
    """Return how many tokens a row has room for when it has been given so many."""
    room = _ROOM
    while room < tokens:
        room *= 2
    return room


@dataclass(frozen=True)
class _Groups:
    """Which rows belong together. Prompts lie one below the other with B places each, for the rows of each.

    place_N: each row's place, None where no place is empty. unseen_R11P: 0, and minus infinity at a prompt's padding;
    None where there is none.
    """

    prompts: int
    places: int
    place_N: Tensor | None
    unseen_R11P: Tensor | None

    @classmethod
    def of(cls, prompt_N: Tensor, mask_RP: Tensor) -> "_Groups":
        """prompt_N: the prompt of every row, in rising order, none left out. mask_RP: 1 at a prompt's tokens."""
        prompts = len(mask_RP)
        count_R = torch.bincount(prompt_N, minlength=prompts)
        places = int(count_R.max())
        first_R = count_R.cumsum(0) - count_R
        number_N = torch.arange(len(prompt_N), device=prompt_N.device) - first_R[prompt_N]
        place_N = None if places * prompts == len(prompt_N) else prompt_N * places + number_N
        hidden_RP = mask_RP == 0
        unseen = torch.zeros(hidden_RP.shape, device=mask_RP.device).masked_fill(hidden_RP, -torch.inf)
        return cls(prompts, places, place_N, unseen[:, None, None] if bool(hidden_RP.any()) else None)

    def together(self, x_NHQX: Tensor) -> Tensor:
        """Return the rows of each prompt one below the other, (R, H, Y, X); zeros where there is none."""
        if self.place_N is not None:
            empty = x_NHQX.new_zeros(self.prompts * self.places, *x_NHQX.shape[1:])
            x_NHQX = empty.index_copy(0, self.place_N, x_NHQX)
        stacked: Tensor = x_NHQX.unflatten(0, (self.prompts, self.places)).transpose(1, 2).flatten(2, 3)
        return stacked

    def apart(self, x_RHYX: Tensor) -> Tensor:
        """Return the rows each for itself again, (N, H, Q, X)."""
        placed: Tensor = x_RHYX.unflatten(2, (self.places, -1)).transpose(1, 2).flatten(0, 1)
        return placed if self.place_N is None else placed.index_select(0, self.place_N)


class _Layer(CacheLayerMixin):
    """One layer's keys and values: the prompts' (R, H, P, D), and the rows' own in buffers (N, H, room, D).

    branched: whether rows are written behind the prompts by now, of which `written` tokens each are in the buffers.
    """

    def __init__(self, **_: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.prompt_keys = self.prompt_values = torch.empty(0)
        self.written = 0
        self.branched = False

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Keep the prompts, in the type that attention computes in."""
        self.prompt_keys, self.prompt_values = _kept(key_states), _kept(value_states)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Take the prompts and return them; later, take each row's next token and return all that are its own."""
        if not self.branched:
            self.lazy_initialization(key_states, value_states)
            return key_states, value_states
        end = self.written + key_states.shape[2]
        if self.keys is None or self.values is None or end > self.keys.shape[2]:
            room = max(_ROOM, 2 * self.written, end)
            self.keys = _roomier(self.keys, key_states, self.prompt_keys.dtype, room)
            self.values = _roomier(self.values, value_states, self.prompt_values.dtype, room)
        self.keys[:, :, self.written : end] = key_states
        self.values[:, :, self.written : end] = value_states
        self.written = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def select(self, rows: Tensor, prompts: Tensor | None) -> None:
        """Keep these rows alone, and these prompts, or all prompts."""
        self.batch_select_indices(rows)
        if prompts is not None:
            self.prompt_keys, self.prompt_values = self.prompt_keys[prompts], self.prompt_values[prompts]

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows alone."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[indices], self.values[indices]

    def get_seq_length(self) -> int:
        """Return how many tokens a row is behind."""
        return self.prompt_keys.shape[2] + self.written if self.is_initialized else 0

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return how many tokens a mask would cover, and from which on."""
        return self.get_seq_length() + query_length, 0

    def get_max_length(self) -> int:
        """Return infinity: a cache that grows has no limit."""
        return -1


class SharedCache(Cache):
    """The cache of prompts that are read once and of the rows that are written behind each.

    First the prompts are read with it (`past_key_values`, with their mask). Then `branch` says how many rows each has,
    and every further call gives each row a token, or several, with the cache as `attention_layout` as well (`Layout`).
    """

    def __init__(self) -> None:
        super().__init__(layer_class_to_replicate=_Layer)
        self._mask_RP = self._prompt_N = torch.empty(0)
        self._padding_N: Tensor | None = None
        self._groups: _Groups

    @property
    def _own(self) -> list[_Layer]:
        return cast(list[_Layer], self.layers)

    def fork(self) -> "SharedCache":
        """Return a cache of the same prompts, not copied, in which other rows can begin."""
        twin = SharedCache()
        for layer in self._own:
            own = _Layer()
            own.lazy_initialization(layer.prompt_keys, layer.prompt_values)
            twin.layers.append(own)
        return twin

    def branch(self, prompt_N: Tensor, mask_RP: Tensor, padding_N: Tensor | None = None) -> None:
        """Begin a row for each entry of prompt_N, its prompt's number, in rising order. mask_RP: 1 at prompts' tokens.

        Prompts without a row are dropped. padding_N: how many of the first tokens that each row will be given are
        padding.
        """
        self._mask_RP, self._prompt_N, self._padding_N = mask_RP, prompt_N, padding_N
        for layer in self._own:
            layer.branched = True
        self.keep(torch.arange(len(prompt_N), device=prompt_N.device))

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone, in rising order; prompts that have no row left are dropped.

        A row that is named several times is continued so many times.
        """
        left, prompt_N = self._prompt_N[rows].unique(return_inverse=True)
        if self._padding_N is not None:
            self._padding_N = self._padding_N[rows]
        dropped = len(left) < len(self._mask_RP)
        for layer in self._own:
            layer.select(rows, left if dropped else None)
        self._mask_RP, self._prompt_N = self._mask_RP[left], prompt_N
        self._groups = _Groups.of(prompt_N, self._mask_RP)

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
        """Return one layer's results for the last tokens of each row (`Layout.attend`)."""
        del dropout  # a model that writes is in evaluation mode
        layer, groups = self._own[cast(int, module.layer_idx)], self._groups
        rows, heads, tokens, width = query.shape
        query_NHQD = (query * scaling).reshape(rows, key.shape[1], -1, width)
        seen = groups.together(query_NHQD) @ layer.prompt_keys.transpose(2, 3)
        if groups.unseen_R11P is not None:
            seen = seen + groups.unseen_R11P
        own = groups.together(self._hide(query_NHQD @ key.transpose(2, 3), tokens))
        weights = torch.cat([seen, own], dim=3).softmax(dim=3, dtype=torch.float32).to(value.dtype)
        of_prompt, of_own = weights.split([seen.shape[3], own.shape[3]], dim=3)
        result = groups.apart(of_prompt @ layer.prompt_values) + groups.apart(of_own) @ value
        return result.reshape(rows, heads, tokens, width).transpose(1, 2)

    def _hide(self, scores_NHQS: Tensor, tokens: int) -> Tensor:
        """Return how each row's last tokens look at its own, minus infinity at padding and at what comes later."""
        if tokens == 1 and self._padding_N is None:
            return scores_NHQS
        own_S = torch.arange(scores_NHQS.shape[3], device=scores_NHQS.device)
        hidden_NTS = (own_S > own_S[-tokens:, None])[None]
        if self._padding_N is not None:
            hidden_NTS = hidden_NTS | (own_S < self._padding_N[:, None, None])
        heads = scores_NHQS.shape[2] // tokens
        return scores_NHQS.masked_fill(hidden_NTS[:, None].repeat(1, 1, heads, 1), -torch.inf)


def _kept(x: Tensor) -> Tensor:
    """Return a copy that lies as matrix products read it, in the type that autocast computes them in."""
    kind = x.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
    return x.to(dtype).contiguous()


def _roomier(buffer: Tensor | None, like: Tensor, dtype: torch.dtype, room: int) -> Tensor:
    """Return a buffer with room for so many tokens, which begins with what is in the old one."""
    rows, heads, _, width = like.shape
    larger = like.new_empty(rows, heads, room, width, dtype=dtype)
    if buffer is not None:
        larger[:, :, : buffer.shape[2]] = buffer
    return larger
