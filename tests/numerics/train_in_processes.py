"""Train a random model for two steps, in however many processes this was started, and write down what came out.

python train_in_processes.py FOLDER METHOD ACCUMULATION
torchrun --nproc_per_node 2 train_in_processes.py FOLDER METHOD ACCUMULATION
"""

import json
import os
import sys
from pathlib import Path

from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from rendered import drawn, rendered
from retroflip.models import processes
from retroflip.rl.generation import GroupRollouts
from retroflip.rl.methods.crpo import CrpoSettings
from training_runs import make_trainer


def main(folder: Path, samples: int, accumulation: int, loss_type: str) -> None:
    """Train, and let the first process write."""
    seen: list[GroupRollouts] = []
    own = folder / f"process-{os.environ.get('RANK', '0')}"
    trainer = make_trainer(
        own,
        CrpoSettings(rollouts=3),
        samples=samples,
        accumulation=accumulation,
        loss_type=loss_type,
        dataset=rendered(drawn("moving_direction", 6)),
        seen=seen,
    )
    trainer.train()
    if not trainer.accelerator.is_main_process:
        return
    rows = [
        {
            "sample": group.group.sample.id,
            "texts": [list(written.texts) for written in group.branches],
            "rewards": [total.tolist() for total in group.rewards.totals],
            "advantages": [advantages.tolist() for advantages in group.advantages],
        }
        for group in seen
    ]
    norms = [row["grad_norm"] for row in trainer.state.log_history if "grad_norm" in row]
    (folder / "run.json").write_text(json.dumps({"groups": rows, "gradient_norms": norms}))
    weights = {name: value.contiguous() for name, value in trainer.policy.state_dict().items()}
    save_file({name: value.clone() for name, value in weights.items()}, folder / "weights.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    # Without a parting, one process's threads can be torn down while the other's still write to them.
    processes.leave()
