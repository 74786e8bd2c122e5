"""How likely a model thinks each option: the log-probability of its letter as the first token of the response."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor


def letter_log_probs(tokenizer: Any, letters: Sequence[str], first_V: Tensor) -> Mapping[str, float] | None:
    """Return log-probabilities by letter, out of those of all tokens (V,).

    None without letters, and where one is several tokens to the model.
    """
    tokens = [tokenizer.encode(letter, add_special_tokens=False) for letter in letters]
    if not tokens or any(len(ids) != 1 for ids in tokens):
        return None
    return {letter: float(first_V[ids[0]]) for letter, ids in zip(letters, tokens, strict=True)}
