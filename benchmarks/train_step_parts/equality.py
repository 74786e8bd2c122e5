"""How far packed rows are from separate ones: same weights, video and completions, in float32.

Shapes: G rollouts, C tokens of a completion.
"""

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from retroflip.data.prompts import SYSTEM_PROMPT
from retroflip.models.encoding import Encoder
from retroflip.models.features import encode_visuals
from retroflip.models.loading import load_model
from retroflip.rl.shared_prefix import score
from train_step_parts.separate import score_separately
from train_step_parts.worker import redirect_output
from train_step_parts.workload import Workload, completions_GC, dataset, processor


def work_equality(workload: Workload, folder: Path, connection: Connection) -> None:
    """Compare in a process of its own, and send the result."""
    redirect_output(folder / "equality.log")
    torch.set_num_threads(workload.threads)
    connection.send(compare(workload, folder))


def compare(workload: Workload, folder: Path) -> dict[str, float]:
    """Return logprob_max_diff, over all tokens, and grad_rel_diff, |packed - separate| / |separate|.

    The gradient is that of a loss that weighs every rollout differently, in all weights of the language model.
    """
    model = load_model(str(folder / "model"), dtype="float32").to(workload.device).eval()
    model.model.visual.requires_grad_(False)
    encoder = Encoder(processor(), SYSTEM_PROMPT)
    asked = dataset(workload, folder, first=0)
    sample = asked.samples[1]
    prompt = encoder.encode(sample, asked.load(sample))
    completions = completions_GC(workload, encoder.tokenizer).to(workload.device)
    weights_G = torch.randn(len(completions), generator=torch.Generator().manual_seed(1)).to(workload.device)
    pad = encoder.tokenizer.pad_token_id

    seen = encode_visuals(model, [prompt])
    packed_GC = score(model, [prompt], seen, [completions.tolist()], pad_token=pad).log_probs_NC
    (weights_G[:, None] * packed_GC).mean().backward()
    packed = _taken_gradients(model)

    rows = []
    for completion, weight in zip(completions, weights_G, strict=True):
        row = score_separately(model, prompt, completion[None], pad_token=pad, temperature=1.0).log_probs_NC
        ((weight * row).mean() / len(completions)).backward()
        rows.append(row.detach())
    separate = _taken_gradients(model)
    return {
        "logprob_max_diff": float((packed_GC.detach() - torch.cat(rows)).abs().max()),
        "grad_rel_diff": float((packed - separate).norm() / separate.norm()),
    }


def _taken_gradients(model: Any) -> torch.Tensor:
    """Return the gradients that the parameters hold as one vector in double precision, and clear them."""
    held = torch.cat([p.grad.flatten().double() for p in model.parameters() if p.grad is not None])
    model.zero_grad()
    return held
