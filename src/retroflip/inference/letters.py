"""How likely a model thinks each option: the log-probability of its letter as the first token of the response."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor


def letter_log_probs(
    tokenizer: Any, letters: Sequence[str], first: Tensor | Mapping[int, float]
) -> Mapping[str, float] | None:
    """Return log-probabilities by letter, out of those of tokens: of all (V,), or of the likely ones by their ids.

    None where no letter is among them, and where one is several tokens to the model.
    """
    tokens = [tokenizer.encode(letter, add_special_tokens=False) for letter in letters]
    if any(len(ids) != 1 for ids in tokens):
        return None
    of_token = dict(zip(letters, (ids[0] for ids in tokens), strict=True))
    if isinstance(first, Tensor):
        return {letter: float(first[token]) for letter, token in of_token.items()} or None
    return {letter: first[token] for letter, token in of_token.items() if token in first} or None
