"""Packed rows and the shared cache attend as a softmax over what may be seen, written out in double precision."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from retroflip.models.packed_layout import PackedLayout
from retroflip.models.shared_cache import SharedCache

WIDTH = 4
SCALING = 0.4
LENGTHS = st.integers(1, 5)


class Layer(torch.nn.Module):
    """What an attention asks of the layer that it is of."""

    def __init__(self, groups: int, layer_idx: int = 0) -> None:
        super().__init__()
        self.num_key_value_groups = groups
        self.layer_idx = layer_idx
        self.is_causal = True


def written_out(query_HD: Tensor, key_SHD: Tensor, value_SHD: Tensor) -> Tensor:
    """Return what one token sees in these keys and values, each head by itself, (H, D)."""
    groups = len(query_HD) // key_SHD.shape[1]
    seen = []
    for head, query_D in enumerate(query_HD):
        weights_S = (key_SHD[:, head // groups] @ query_D * SCALING).softmax(0)
        seen.append(weights_S @ value_SHD[:, head // groups])
    return torch.stack(seen)


def drawn(rows: int, heads: int, tokens: int) -> Tensor:
    """Return random vectors (rows, heads, tokens, WIDTH)."""
    return torch.randn(rows, heads, tokens, WIDTH, dtype=torch.float64)


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 9), st.lists(LENGTHS, min_size=1, max_size=4)), min_size=1, max_size=3
    ),
    shared=st.integers(1, 2),
    groups=st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
def test_a_completion_in_a_packed_row_sees_its_prompt_and_itself(
    rows: list[tuple[int, list[int]]], shared: int, groups: int, seed: int
) -> None:
    torch.manual_seed(seed)
    prompts, completions = [prompt for prompt, _ in rows], [lengths for _, lengths in rows]
    width = max(prompt + sum(lengths) for prompt, lengths in rows)
    query, key, value = (
        drawn(len(rows), heads, width).requires_grad_() for heads in (shared * groups, shared, shared)
    )
    layout = PackedLayout.of(prompts, completions, torch.device("cpu"))
    found = layout.attend(Layer(groups), query, key, value, scaling=SCALING, dropout=0.0)

    expected = torch.zeros_like(found)
    for row, (prompt, lengths) in enumerate(rows):
        places = [list(range(place + 1)) for place in range(prompt)]
        start = prompt
        for length in lengths:
            places += [[*range(prompt), *range(start, start + n + 1)] for n in range(length)]
            start += length
        for place, seen in enumerate(places):
            keys, values = (x[row].transpose(0, 1)[seen] for x in (key, value))
            expected[row, place] = written_out(query[row, :, place], keys, values)
    torch.testing.assert_close(found, expected)

    towards = torch.randn_like(found)
    gradients = [torch.autograd.grad((x * towards).sum(), (query, key, value)) for x in (found, expected)]
    torch.testing.assert_close(*gradients)


@settings(deadline=None, max_examples=40)
@given(
    prompts=st.lists(st.tuples(LENGTHS, st.integers(0, 3)), min_size=1, max_size=4).filter(
        lambda prompts: any(rows for _, rows in prompts)
    ),
    shared=st.integers(1, 2),
    groups=st.integers(1, 3),
    tokens=st.sampled_from([1, 6, 70]),
    leaving=st.sampled_from([0.0, 0.03, 0.3]),
    seed=st.integers(0, 2**16),
)
def test_a_row_behind_the_shared_cache_sees_its_prompt_and_itself_whoever_leaves(
    prompts: list[tuple[int, int]], shared: int, groups: int, tokens: int, leaving: float, seed: int
) -> None:
    """prompts: (tokens, rows) of each. leaving: the chance of each row to end with a token, but never all do."""
    torch.manual_seed(seed)
    layer, longest = Layer(groups), max(length for length, _ in prompts)
    cache, keys, values = SharedCache(), *(drawn(len(prompts), shared, longest) for _ in "kv")
    torch.testing.assert_close(cache.update(keys, values, 0), (keys, values))
    owner = [number for number, (_, rows) in enumerate(prompts) for _ in range(rows)]
    mask = torch.stack([torch.arange(longest) >= longest - length for length, _ in prompts]).long()
    cache.branch(torch.tensor(owner), mask)

    own: list[tuple[list[Tensor], list[Tensor]]] = [([], []) for _ in owner]
    alive = list(range(len(owner)))
    for step in range(tokens):
        query, key, value = (drawn(len(alive), heads, 1) for heads in (shared * groups, shared, shared))
        own_keys, own_values = cache.update(key, value, 0)
        assert cache.get_seq_length() == longest + step + 1
        found = cache.attend(layer, query, own_keys, own_values, scaling=SCALING, dropout=0.0)
        for place, row in enumerate(alive):
            length = prompts[owner[row]][0]
            seen = []
            for mine, new, before in zip(own[row], (key, value), (keys, values), strict=True):
                mine.append(new[place, :, 0])
                prompt = before[owner[row], :, longest - length :].transpose(0, 1)
                seen.append(torch.cat([prompt, torch.stack(mine)]))
            expected = written_out(query[place, :, 0], *seen)
            torch.testing.assert_close(found[place, 0], expected, atol=1e-6, rtol=0)  # its softmax is float32
        staying = (torch.rand(len(alive)) >= leaving).nonzero()[:, 0].tolist() or [0]
        if len(staying) < len(alive):
            cache.keep(torch.tensor(staying))
            alive = [alive[place] for place in staying]
