"""A packed row gives the numbers of separate rows: log-probabilities, entropies and gradients."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention.flex_attention import flex_attention
from trl.trainer.utils import add_fused_lm_head

from random_models import FAMILIES, random_model
from retroflip.models.block_attention import use_blocks
from retroflip.models.encoding import Encoder
from retroflip.models.features import encode_visuals
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

    scores = score(
        model, prompts, encode_visuals(model, prompts), completions, pad_token=pad, temperature=0.7
    )
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


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_that_are_computed_again_see_what_they_saw(family: str) -> None:
    """Gradient checkpointing, with another batch scored between a pass and its way back."""
    model, processor = random_model(family)
    encoder = Encoder(processor)
    prompts, completions = prompts_of(encoder), random_completions(encoder)
    pad, found = encoder.tokenizer.pad_token_id, []
    for checkpointing in (False, True):
        if checkpointing:
            model.train()
            model.activation_checkpointing_enable()
        scores = score(model, prompts, encode_visuals(model, prompts), completions, pad_token=pad)
        score(model, prompts[:1], encode_visuals(model, prompts[:1]), completions[2:], pad_token=pad)
        found.append(gradients(model, scores.log_probs_NC.square().sum()))
    assert (found[0] - found[1]).norm() / found[0].norm() < 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_in_mixed_precision_packed_rows_are_as_close_as_separate_ones(family: str) -> None:
    model, processor = random_model(family)
    encoder = Encoder(processor)
    prompts, completions = prompts_of(encoder), random_completions(encoder)
    pad = encoder.tokenizer.pad_token_id
    seen = encode_visuals(model, prompts)
    exact = score(model, prompts, seen, completions, pad_token=pad).log_probs_NC
    with torch.autocast("cpu", torch.bfloat16):
        packed = score(
            model, prompts, encode_visuals(model, prompts), completions, pad_token=pad
        ).log_probs_NC
        rows = [
            separate(model, prompt, completion, pad, 1.0).float()
            for prompt, branch in zip(prompts, completions, strict=True)
            for completion in branch
        ]
    alone = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    assert (alone - exact).abs().mean() > 0
    assert (packed - exact).abs().mean() < 1.5 * (alone - exact).abs().mean()


@pytest.mark.parametrize("family", FAMILIES)
def test_trl_s_fused_head_gives_the_same_numbers_and_gradients(family: str) -> None:
    model, processor = random_model(family)
    encoder = Encoder(processor)
    prompts, completions = prompts_of(encoder), random_completions(encoder)
    pad, features = encoder.tokenizer.pad_token_id, encode_visuals(model, prompts)
    plain = score(model, prompts, features, completions, pad_token=pad, temperature=0.7)
    expected = gradients(model, plain.log_probs_NC.square().sum())

    add_fused_lm_head(model, temperature=0.7, outputs=("log_probs", "entropy"))
    features = encode_visuals(model, prompts)
    fused = score(model, prompts, features, completions, pad_token=pad, temperature=0.7, fused=True)
    torch.testing.assert_close(fused.log_probs_NC, plain.log_probs_NC, atol=1e-5, rtol=0)
    torch.testing.assert_close(fused.entropies_NC, plain.entropies_NC, atol=1e-5, rtol=0)
    found = gradients(model, fused.log_probs_NC.square().sum())
    assert (found - expected).norm() / expected.norm() < 1e-5


def uncompiled_flex_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, training: bool, **options: Any
) -> Any:
    """Return what transformers' wrapper does, without its compiler."""
    del training
    return flex_attention(query, key, value, **options)


@pytest.mark.parametrize("family", FAMILIES)
def test_block_masks_give_the_same_numbers(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gradients: FlexAttention has no backward pass on a processor. Not compiled, which would take minutes."""
    monkeypatch.setattr(
        "transformers.integrations.flex_attention.compile_friendly_flex_attention", uncompiled_flex_attention
    )
    monkeypatch.setattr("torch.nn.attention.flex_attention._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)
    model, processor = random_model(family)
    encoder = Encoder(processor)
    prompts, completions = prompts_of(encoder), random_completions(encoder)
    pad = encoder.tokenizer.pad_token_id
    with torch.no_grad():
        features = encode_visuals(model, prompts)
        dense = score(model, prompts, features, completions, pad_token=pad)
        use_blocks(model)
        blocks = score(model, prompts, features, completions, pad_token=pad)
    torch.testing.assert_close(blocks.log_probs_NC, dense.log_probs_NC, atol=1e-5, rtol=0)


@pytest.mark.gpu
@pytest.mark.parametrize("family", FAMILIES)
def test_block_masks_give_the_same_gradients_on_a_gpu(family: str) -> None:
    model, processor = random_model(family)
    model.cuda()
    encoder = Encoder(processor)
    prompts, completions = prompts_of(encoder), random_completions(encoder)
    pad, found = encoder.tokenizer.pad_token_id, []
    for blocks in (False, True):
        if blocks:
            use_blocks(model)
        scores = score(model, prompts, encode_visuals(model, prompts), completions, pad_token=pad)
        found.append(gradients(model, scores.log_probs_NC.square().sum()))
    assert (found[0] - found[1]).norm() / found[0].norm() < 1e-4
