"""What packed rows are compared with: every completion alone behind its prompt, in the model's ordinary forward."""

from typing import Any

import numpy as np
import torch

from retroflip.lab.kinds import KINDS
from retroflip.lab.render import render
from retroflip.lab.samples import sample_of
from retroflip.models.encoding import Encoder, Prompt, batch_prompts, visual_inputs
from retroflip.video.sampling import uniform_indices

KIND_NAMES = ("moving_direction", "static", "event_sequence")


def prompts_of(encoder: Encoder, sizes: tuple[int, ...] = (64, 96, 64)) -> list[Prompt]:
    """Return prompts of different lengths about clips of different sizes."""
    prompts = []
    for number, (kind, size) in enumerate(zip(KIND_NAMES, sizes, strict=True)):
        clip = KINDS[kind](np.random.default_rng(number))
        frames = render(clip.scene, size, uniform_indices(len(clip.scene), 8 - 2 * (number % 2)))
        prompts.append(encoder.encode(sample_of(clip, identity=kind, video=kind, source_clip=kind), frames))
    return prompts


def separate(model: Any, prompt: Prompt, completion: list[int], pad: int, temperature: float) -> torch.Tensor:
    """Return a completion's log-probabilities from the model's ordinary forward over [prompt | completion]."""
    answer = torch.tensor(completion)
    ids = torch.cat([prompt.input_ids_L, answer])[None]
    batch = batch_prompts(model, [prompt], pad)
    following = batch.next_position_R[0] + torch.arange(len(completion))
    positions = torch.cat([batch.positions_3RL, following.expand(3, 1, -1)], dim=2)
    logits: torch.Tensor = model(
        input_ids=ids,
        position_ids=positions,
        **visual_inputs([prompt]),
        use_cache=False,
    ).logits[0]
    predicted = logits[len(prompt.input_ids_L) - 1 : -1] / temperature
    return predicted.log_softmax(-1).gather(-1, answer[:, None])[:, 0]


def gradients(model: Any, loss: torch.Tensor) -> torch.Tensor:
    """Return all gradients of a loss as one vector."""
    model.zero_grad()
    loss.backward()
    return held_gradients(model)


def held_gradients(model: Any) -> torch.Tensor:
    """Return the gradients that a model's parameters hold as one vector."""
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
