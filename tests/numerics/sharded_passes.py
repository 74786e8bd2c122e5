"""Roll out and score with a model whose weights are sharded over two processes, and alone, and compare.

torchrun --nproc_per_node 2 sharded_passes.py

accelerate shards on GPUs only, so the sharding here is PyTorch's own, as accelerate's FSDP2 does it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from random_models import random_model
from retroflip.data.sample import Modality
from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Roller
from retroflip.lab.kinds import KINDS
from retroflip.lab.samples import sample_of
from retroflip.models import features
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.features import encode_in_step
from retroflip.rl.sharding import tell_shards
from retroflip.rl.shared_prefix import score
from retroflip.rl.world import World
from separate_rows import prompts_of


def compare(alone: Any, sharded: Any, encoder: Encoder, prompts: Sequence[Prompt], world: World) -> None:
    """Write about the prompts and score them with both models; every process has prompts of its own."""
    found = []
    for model, goes_on in ((alone, bool), (sharded, world.any)):
        roller = Roller(
            model,
            pad_token=encoder.tokenizer.pad_token_id,
            end_tokens=range(0, 400, 2),
            special_tokens=encoder.special_tokens,
            goes_on=goes_on,
        )
        model.zero_grad()  # now, while all weights are sharded: a forward pass leaves the last group of them whole
        with torch.no_grad():
            seen = encode_in_step(model, prompts, world.idle)[: len(prompts)]
        completions = roller.roll(
            prompts, seen, [3] * len(prompts), Sampling(10, 1.0), [world.rank] * len(prompts)
        )
        written = [[list(one.ids) for one in row] for row in completions]
        scores = score(model, prompts, seen, written, pad_token=roller.pad_token)
        scores.log_probs_NC.sum().backward()
        found.append((written, scores.log_probs_NC.detach()))
    assert found[0][0] == found[1][0], (found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1], atol=1e-5, rtol=0)
    for (name, mine), (_, theirs) in zip(alone.named_parameters(), sharded.named_parameters(), strict=True):
        if mine.grad is None:
            continue
        dist.all_reduce(mine.grad)
        mean = mine.grad / world.size
        torch.testing.assert_close(theirs.grad.full_tensor(), mean, atol=1e-5, rtol=1e-4, msg=name)


def main() -> None:
    """Fail where anything differs."""
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    world = World(dist.get_rank(), dist.get_world_size(), sharded=True)
    alone, processor = random_model("qwen3_vl", seed=3)
    sharded, _ = random_model("qwen3_vl", seed=3)
    encoder = Encoder(processor)
    video = prompts_of(encoder)[world.rank]
    asked = sample_of(
        KINDS["static"](np.random.default_rng(0)), identity="text", video="", source_clip="text"
    )
    text = encoder.encode(asked.model_copy(update={"modality": Modality.TEXT}), None)

    for layer in (*sharded.model.language_model.layers, *sharded.model.visual.blocks):
        fully_shard(layer, mesh=mesh)
    fully_shard(sharded, mesh=mesh)
    tell_shards(sharded)
    told = sharded.get_video_features
    tell_shards(sharded)
    assert sharded.get_video_features == told  # once: wrapped at every step, it would grow without end

    compare(alone, sharded, encoder, [video], world)
    compare(alone, sharded, encoder, [text if world.rank else video], world)
    features.RUN_BYTES = 1  # every video in a run of its own, so one process has a run more than the other
    compare(alone, sharded, encoder, [video, text if world.rank else video], world)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
