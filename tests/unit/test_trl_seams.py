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
import torch
import trl
from transformers import Trainer
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.sft_trainer import SFTTrainer
from trl.trainer.utils import shuffle_sequence_dict, split_tensor_dict

from retroflip import order
from retroflip.rl import generation, rollout, shared_prefix
from retroflip.rl import trainer as rl_trainer
from retroflip.rl.methods.registry import METHODS
from retroflip.rl.trainer import VideoGRPOTrainer
from retroflip.sft.trainer import VideoSFTTrainer

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
        (GRPOTrainer, VideoGRPOTrainer, "_get_train_sampler", ["self", "dataset"]),
        (GRPOTrainer, VideoGRPOTrainer, "_generate_and_score_completions", ["self", "inputs"]),
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
        ("_prepare_inputs", "_generate_and_score_completions"),
        ("_prepare_inputs", "_buffered_inputs"),
        ("_prepare_inputs", "shuffle_sequence_dict"),
        ("_prepare_inputs", "split_tensor_dict"),
        ("compute_loss", "_compute_loss"),
        ("_compute_loss", "_get_per_token_logps_and_entropies"),
        ("get_train_dataloader", "_get_train_sampler"),
    ],
)
def test_what_is_replaced_is_still_called(caller: str, callee: str) -> None:
    assert calls(getattr(GRPOTrainer, caller), callee), f"{caller} no longer uses {callee}. {WHAT_TO_DO}"


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
        "ref_per_token_logps", "num_items_in_batch",
    }  # fmt: skip
    missing = keys - texts_in(GRPOTrainer._compute_loss)
    assert not missing, f"_compute_loss does not read {sorted(missing)}. {WHAT_TO_DO}"


@pytest.mark.parametrize(
    "name",
    [
        "_step", "_metrics", "_tokenizer", "eos_token_ids", "num_generations", "num_iterations", "ref_model",
        "temperature",
    ],
)  # fmt: skip
def test_attributes_are_still_set(name: str) -> None:
    assert calls(GRPOTrainer.__init__, name), f"GRPOTrainer sets no {name}. {WHAT_TO_DO}"


def test_rows_keep_their_branches_when_they_are_shuffled_and_split() -> None:
    torch.manual_seed(0)
    rows: Any = {
        "prompt_ids": torch.arange(12)[:, None] * 10,
        "advantages": torch.arange(12.0),
        "branch": torch.arange(12),
        "num_items_in_batch": torch.tensor(77),
    }
    shuffled: Any = shuffle_sequence_dict(rows)
    parts: Any = split_tensor_dict(shuffled, 3)
    assert [len(part["branch"]) for part in parts] == [4, 4, 4]
    assert sorted(torch.cat([part["branch"] for part in parts]).tolist()) == list(range(12))
    for part in parts:
        assert torch.equal(part["prompt_ids"][:, 0], part["branch"] * 10), WHAT_TO_DO
        assert torch.equal(part["advantages"], part["branch"].float()), WHAT_TO_DO
        assert int(part["num_items_in_batch"]) == 77


def test_a_supervised_loss_divides_by_the_tokens_of_the_whole_step() -> None:
    assert calls(Trainer._get_num_items_in_batch, "model_accepts_loss_kwargs"), WHAT_TO_DO
    parameters = inspect.signature(SFTTrainer.compute_loss).parameters
    assert "num_items_in_batch" in parameters, WHAT_TO_DO


@pytest.mark.parametrize("module", [rl_trainer, generation, rollout, shared_prefix, order])
def test_no_method_is_named_outside_its_file(module: Any) -> None:
    """A new method touches its own file and the registry. TRL's class names (GRPOTrainer) are words of their own."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    names = [*METHODS, *(settings.__name__ for settings in METHODS.values())]
    named = [name for name in names if re.search(rf"\b{re.escape(name)}\b", source, re.IGNORECASE)]
    assert named == []
