"""Contracts with TRL's private parts: what the trainers replace is still there, and called where they count on it.

TRL promises none of this, so its version is pinned. When one of these tests fails after an upgrade, the trainers may
still run and train on something else than they should.
"""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trl
from transformers import Trainer
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.sft_trainer import SFTTrainer

from retroflip.inference import rollout
from retroflip.rl import generation, shared_prefix
from retroflip.rl import trainer as rl_trainer
from retroflip.rl.methods.registry import METHODS
from retroflip.rl.passes import MEAN_OF_ROWS
from retroflip.rl.trainer import VideoGRPOTrainer
from retroflip.sft.trainer import VideoSFTTrainer
from retroflip.train import sample_order

WHAT_TO_DO = (
    f"TRL {trl.__version__} differs from the one that retroflip was written for. Read the method that is named here in "
    "trl/trainer/grpo_trainer.py (or sft_trainer.py), adapt src/retroflip/rl/trainer.py (or sft/trainer.py) to it, "
    "then this test; tests/numerics/test_trainer.py must pass unchanged. Until then keep trl pinned in pyproject.toml."
)


def code_of(method: Callable[..., Any]) -> Any:
    """Return a method's own code, without its decorators."""
    return inspect.unwrap(method).__code__


def calls(method: Callable[..., Any], name: str) -> bool:
    """Return whether a method names an attribute or function."""
    return name in code_of(method).co_names


def texts_in(method: Callable[..., Any]) -> set[str]:
    """Return the strings that a method holds, such as the keys it reads."""
    return {constant for constant in code_of(method).co_consts if isinstance(constant, str)}


@pytest.mark.parametrize(
    ("base", "ours", "name", "parameters"),
    [
        (GRPOTrainer, VideoGRPOTrainer, "get_train_dataloader", ["self"]),
        (GRPOTrainer, VideoGRPOTrainer, "_prepare_inputs", ["self", "generation_batch"]),
        (GRPOTrainer, VideoGRPOTrainer, "_compute_loss", ["self", "model", "inputs"]),
        (
            GRPOTrainer,
            VideoGRPOTrainer,
            "_get_per_token_logps_and_entropies",
            ["self", "model", "input_ids", "attention_mask", "logits_to_keep"],
        ),
        (GRPOTrainer, VideoGRPOTrainer, "training_step", ["self", "model", "inputs", "num_items_in_batch"]),
        (GRPOTrainer, VideoGRPOTrainer, "create_model_card", ["self"]),
        (SFTTrainer, VideoSFTTrainer, "_get_train_sampler", ["self"]),
    ],
)
def test_what_is_replaced_is_still_there(
    base: type[Trainer], ours: type[Trainer], name: str, parameters: list[str]
) -> None:
    assert hasattr(base, name), f"{base.__name__}.{name} is gone. {WHAT_TO_DO}"
    found = list(inspect.signature(getattr(base, name)).parameters)
    assert found[: len(parameters)] == parameters, f"{base.__name__}.{name} takes {found}. {WHAT_TO_DO}"
    assert name in vars(ours)


@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        (Trainer.training_step, "_prepare_inputs"),
        (Trainer._inner_training_loop, "get_train_dataloader"),
        (GRPOTrainer.training_step, "_step"),
        (GRPOTrainer.compute_loss, "_compute_loss"),
        (GRPOTrainer._compute_loss, "_get_per_token_logps_and_entropies"),
    ],
)
def test_what_is_replaced_is_still_called(caller: Callable[..., Any], callee: str) -> None:
    assert calls(caller, callee), f"{caller.__qualname__} no longer uses {callee}. {WHAT_TO_DO}"


def test_generation_alone_asks_for_rewards() -> None:
    """So that the stand-in for a reward function is never called."""
    users = [
        name
        for name, method in inspect.getmembers(GRPOTrainer, inspect.isfunction)
        if method.__qualname__.startswith("GRPOTrainer.") and calls(method, "_calculate_rewards")
    ]
    assert users == ["_generate_and_score_completions"], WHAT_TO_DO


def test_the_loss_reads_the_rows_that_are_given() -> None:
    keys = {
        "prompt_ids", "prompt_mask", "completion_ids", "completion_mask", "advantages", "old_per_token_logps",
        "ref_per_token_logps", "num_items_in_batch", "importance_sampling_ratio", "sampling_per_token_logps",
    }  # fmt: skip
    missing = keys - texts_in(GRPOTrainer._compute_loss)
    assert not missing, f"_compute_loss does not read {sorted(missing)}. {WHAT_TO_DO}"


@pytest.mark.parametrize(
    "name",
    [
        "_step", "_metrics", "_tokenizer", "eos_token_ids", "num_iterations", "ref_model", "temperature", "loss_type",
        "use_vllm", "vllm_importance_sampling_mode", "vllm_importance_sampling_clip_max",
        "vllm_importance_sampling_clip_min",
    ],
)  # fmt: skip
def test_attributes_are_still_set(name: str) -> None:
    assert calls(GRPOTrainer.__init__, name), f"GRPOTrainer sets no {name}. {WHAT_TO_DO}"


def test_losses_average_as_the_scale_of_a_pass_counts_on() -> None:
    """A mean over rows, over passes: what `Pass.scale` undoes for these losses and not for those that count tokens."""
    source = inspect.getsource(GRPOTrainer._compute_loss)
    for name in sorted(MEAN_OF_ROWS):
        assert f'"{name}"' in source, WHAT_TO_DO
    assert "normalizer = self.current_gradient_accumulation_steps" in source, WHAT_TO_DO
    assert "per_token_loss.size(0) * self.max_completion_length" in source, WHAT_TO_DO
    assert 'inputs["num_items_in_batch"].clamp(min=1.0) / self.accelerator.num_processes' in source, (
        WHAT_TO_DO
    )


def test_a_supervised_loss_divides_by_the_tokens_of_the_whole_step() -> None:
    assert calls(Trainer._get_num_items_in_batch, "model_accepts_loss_kwargs"), WHAT_TO_DO
    parameters = inspect.signature(SFTTrainer.compute_loss).parameters
    assert "num_items_in_batch" in parameters, WHAT_TO_DO


@pytest.mark.parametrize("module", [rl_trainer, generation, rollout, shared_prefix, sample_order])
def test_no_method_is_named_outside_its_file(module: Any) -> None:
    """A new method touches its own file and the registry. TRL's class names (GRPOTrainer) are words of their own."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    names = [*METHODS, *(settings.__name__ for settings in METHODS.values())]
    named = [name for name in names if re.search(rf"\b{re.escape(name)}\b", source, re.IGNORECASE)]
    assert named == []
