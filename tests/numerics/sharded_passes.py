"""Roll out and score with a model whose weights are sharded over two processes, and alone, and compare.

torchrun --nproc_per_node 2 sharded_passes.py

accelerate shards on GPUs only, so the sharding here is PyTorch's own, as accelerate's FSDP2 does it.
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from random_models import random_model
from retroflip.models.encoding import Encoder
from retroflip.models.features import encode_visuals
from retroflip.rl.rollout import Roller, Sampling
from retroflip.rl.sharding import tell_shards
from retroflip.rl.shared_prefix import score
from retroflip.rl.world import World
from separate_rows import prompts_of


def main() -> None:
    """Fail where anything differs."""
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    world = World(dist.get_rank(), dist.get_world_size())
    alone, processor = random_model("qwen3_vl", seed=3)
    sharded, _ = random_model("qwen3_vl", seed=3)
    encoder = Encoder(processor)
    prompts = prompts_of(encoder)[world.rank : world.rank + 1]

    for layer in (*sharded.model.language_model.layers, *sharded.model.visual.blocks):
        fully_shard(layer, mesh=mesh)
    fully_shard(sharded, mesh=mesh)
    tell_shards(sharded)

    found = []
    for model, goes_on in ((alone, bool), (sharded, world.any)):
        roller = Roller(
            model,
            pad_token=encoder.tokenizer.pad_token_id,
            end_tokens=range(0, 400, 2),
            special_tokens=encoder.special_tokens,
            goes_on=goes_on,
        )
        with torch.no_grad():
            features = encode_visuals(model, prompts)
        completions = roller.roll(prompts, features, [3], Sampling(10, 1.0), [world.rank])
        written = [[list(one.ids) for one in row] for row in completions]
        scores = score(model, prompts, features, written, pad_token=roller.pad_token)
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
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
