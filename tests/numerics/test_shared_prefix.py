"""A packed row gives the numbers of separate rows: log-probabilities, entropies and gradients."""

from typing import Any

import numpy as np
import pytest
import torch
from random_models import FAMILIES, random_model

from retroflip.models.encoding import Encoder, Prompt, batch_prompts
from retroflip.models.features import encode_videos
from retroflip.rl.shared_prefix import score
from retroflip.synth.kinds import KINDS
from retroflip.synth.render import render
from retroflip.synth.samples import sample_of
from retroflip.video.sampling import uniform_indices

KIND_NAMES = ("moving_direction", "static", "event_sequence")


def prompts_of(encoder: Encoder, sizes: tuple[int, ...] = (64, 96, 64)) -> list[Prompt]:
    """Return prompts of different lengths about clips of different sizes."""
    prompts = []
    for number, (kind, size) in enumerate(zip(KIND_NAMES, sizes, strict=True)):
        clip = KINDS[kind](np.random.default_rng(number))
        frames = render(clip.scene, size, uniform_indices(len(clip.scene), 8 - 2 * (number % 2)))
        prompts.append(encoder.encode(sample_of(clip, identity=kind, video="", source_clip=kind), frames))
    return prompts


def random_completions(encoder: Encoder, counts: tuple[int, ...] = (3, 2, 4)) -> list[list[list[int]]]:
    """Return token ids of completions of lengths 1 to 9."""
    rng = np.random.default_rng(5)
    ordinary = [token for token in range(len(encoder.tokenizer)) if token not in encoder.special_tokens]
    return [
        [[int(token) for token in rng.choice(ordinary, size=int(rng.integers(1, 10)))] for _ in range(count)]
        for count in counts
    ]


def separate(model: Any, prompt: Prompt, completion: list[int], pad: int, temperature: float) -> torch.Tensor:
    """Return a completion's log-probabilities from the model's ordinary forward over [prompt | completion]."""
    answer = torch.tensor(completion)
    ids = torch.cat([prompt.input_ids_L, answer])[None]
    batch = batch_prompts(model, [prompt], pad)
    following = batch.next_position_R[0] + torch.arange(len(completion))
    positions = torch.cat([batch.positions_3RL, following.expand(3, 1, -1)], dim=2)
    logits = model(
        input_ids=ids,
        position_ids=positions,
        pixel_values_videos=prompt.pixels_PD,
        video_grid_thw=prompt.grid_thw,
        use_cache=False,
    ).logits[0]
    predicted = logits[len(prompt.input_ids_L) - 1 : -1] / temperature
    return predicted.log_softmax(-1).gather(-1, answer[:, None])[:, 0]


def gradients(model: Any, loss: torch.Tensor) -> torch.Tensor:
    """Return all gradients of a loss as one vector."""
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


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
    separate_gradient = gradients(model, sum(row.sum() * w for row, w in zip(rows, weights, strict=True)))  # type: ignore[arg-type]

    for packed, row in zip(scores.log_probs_NC, rows, strict=True):
        torch.testing.assert_close(packed[: len(row)], row, atol=1e-5, rtol=0)
        assert not packed[len(row) :].any()
    assert (packed_gradient - separate_gradient).norm() / separate_gradient.norm() < 1e-5
