"""TRL settings that tests of training share: on the CPU, in memory, saying and saving nothing."""

from typing import Any

IN_MEMORY: dict[str, Any] = {
    "loss_type": "grpo",
    "learning_rate": 1e-3,
    "activation_checkpointing": False,
    "bf16": False,
    "use_cpu": True,
    "report_to": [],
    "disable_tqdm": True,
    "save_strategy": "no",
    "logging_steps": 1,
    "remove_unused_columns": False,
}
