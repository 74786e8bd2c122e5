"""Every rollout in a row of its own, with its own prompt and its own run of the vision tower.

Shapes: N rollouts, L prompt tokens, C completion tokens (the same for all), V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

from retroflip.models.encoding import Prompt, batch_prompts
from retroflip.rl.shared_prefix import Scores


def score_separately(
    model: Any, prompt: Prompt, completions_NC: Tensor, *, pad_token: int, temperature: float
) -> Scores:
    """Return log-probabilities and entropies (N, C) from the model's ordinary forward over N rows."""
    rows, length = completions_NC.shape
    batch = batch_prompts(model, [prompt], pad_token)
    following = batch.next_position_R[0] + torch.arange(length, device=completions_NC.device)
    positions = torch.cat([batch.positions_3RL, following.expand(3, 1, -1)], dim=2)
    seen = {}
    if prompt.pixels_PD is not None and prompt.grid_thw is not None:
        seen = {
            "pixel_values_videos": prompt.pixels_PD.to(model.device).repeat(rows, 1),
            "video_grid_thw": prompt.grid_thw.to(model.device).repeat(rows, 1),
        }
    logits_NCV = model(
        input_ids=torch.cat([batch.input_ids_RL.expand(rows, -1), completions_NC], dim=1),
        position_ids=positions.expand(-1, rows, -1),
        **seen,
        use_cache=False,
        logits_to_keep=length + 1,
    ).logits[:, :-1]
    log_softmax = (logits_NCV.float() / temperature).log_softmax(dim=-1)
    picked = log_softmax.gather(-1, completions_NC[:, :, None])[:, :, 0]
    kept = log_softmax.detach()
    return Scores(picked, -(kept.exp() * kept).sum(dim=-1))
