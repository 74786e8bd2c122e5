"""A packed row gives the numbers of separate rows: log-probabilities, entropies and gradients."""

import numpy as np
import pytest
import torch

from random_models import FAMILIES, random_model
from retroflip.models.encoding import Encoder
from retroflip.models.features import encode_videos
from retroflip.rl.shared_prefix import score
from separate_rows import gradients, prompts_of, separate


def random_completions(encoder: Encoder, counts: tuple[int, ...] = (3, 2, 4)) -> list[list[list[int]]]:
    """Return token ids of completions of lengths 1 to 9."""
    rng = np.random.default_rng(5)
    ordinary = [token for token in range(len(encoder.tokenizer)) if token not in encoder.special_tokens]
    return [
        [[int(token) for token in rng.choice(ordinary, size=int(rng.integers(1, 10)))] for _ in range(count)]
        for count in counts
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_packed_rows_equal_separate_rows(family: str) -> None:
    model, processor = random_model(family)
    encoder = Encoder(processor)
    prompts, completions = prompts_of(encoder), random_completions(encoder)
    pad = encoder.tokenizer.pad_token_id
    weights = torch.linspace(-1.0, 1.0, sum(len(row) for row in completions))

    scores = score(model, prompts, encode_videos(model, prompts), completions, pad_token=pad, temperature=0.7)
    packed_gradient = gradients(model, (scores.log_probs_NC.sum(dim=1) * weights).sum())

    rows = [
        separate(model, prompt, completion, pad, 0.7)
        for prompt, branch in zip(prompts, completions, strict=True)
        for completion in branch
    ]
    weighted = [row.sum() * weight for row, weight in zip(rows, weights, strict=True)]
    separate_gradient = gradients(model, torch.stack(weighted).sum())

    for packed, row in zip(scores.log_probs_NC, rows, strict=True):
        torch.testing.assert_close(packed[: len(row)], row, atol=1e-5, rtol=0)
        assert not packed[len(row) :].any()
    assert (packed_gradient - separate_gradient).norm() / separate_gradient.norm() < 1e-5
