"""The trainer: TRL's loss on the same tensors, videos in every pass, and refusal to train blindly."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from trl.trainer.grpo_config import GRPOConfig

from random_models import FAMILIES, random_model
from rendered import RenderedDataset, drawn, rendered
from retroflip.errors import BlindnessError, NonFiniteLossError
from retroflip.models.encoding import Encoder, Prompt
from retroflip.rl.generation import Generator, GroupRollouts
from retroflip.rl.methods.base import Group, Rewards
from retroflip.rl.methods.crpo import Crpo, CrpoSettings
from retroflip.rl.rollout import Sampling
from retroflip.rl.run import trained_rollouts
from retroflip.rl.trainer import VideoGRPOTrainer
from separate_rows import gradients, held_gradients, separate

SAMPLES = 2


@dataclass(frozen=True)
class ArbitraryRewards(Crpo):
    """CRPO with rewards that differ between rollouts, since a random model earns none."""

    def rewards(self, group: Group) -> Rewards:
        """Return rewards that depend on the rollout's place alone."""
        totals = tuple(torch.arange(branch.rollouts) ** 1.5 for branch in group.branches)
        return Rewards({"correct": totals}, totals)


def make_trainer(
    folder: Path,
    settings: CrpoSettings,
    *,
    family: str = "qwen3_vl",
    dataset: RenderedDataset | None = None,
    accumulation: int = 1,
    beta: float = 0.05,
    vision_trained: bool = False,
    seen: list[GroupRollouts] | None = None,
) -> VideoGRPOTrainer:
    """Return a trainer of a random model over a few rendered clips, two questions a step."""
    model, processor = random_model(family)
    start = folder / "start"
    model.save_pretrained(start)
    model = type(model).from_pretrained(start)
    model.train().model.visual.requires_grad_(vision_trained)
    method = ArbitraryRewards(settings)
    dataset = dataset or rendered(drawn("moving_direction", 4))
    rollouts = trained_rollouts(method, dataset.samples)
    trainer = VideoGRPOTrainer(
        model=model,
        args=GRPOConfig(
            output_dir=str(folder / "checkpoints"),
            max_steps=2,
            per_device_train_batch_size=SAMPLES * rollouts // accumulation,
            gradient_accumulation_steps=accumulation,
            steps_per_generation=accumulation,
            num_generations=rollouts,
            max_completion_length=12,
            temperature=0.9,
            beta=beta,
            loss_type="grpo",
            use_bias_correction_kl=False,
            learning_rate=1e-3,
            activation_checkpointing=False,
            bf16=False,
            use_cpu=True,
            report_to=[],
            disable_tqdm=True,
            save_strategy="no",
            logging_steps=1,
            remove_unused_columns=False,
        ),
        generator=Generator(dataset, Encoder(processor), method, Sampling(12, 0.9), seed=0),
        samples_per_step=SAMPLES,
        vision_trained=vision_trained,
        on_step=lambda _, groups: seen.extend(groups) if seen is not None else None,
    )
    trainer.current_gradient_accumulation_steps = accumulation
    return trainer


def rows_of(trainer: VideoGRPOTrainer) -> list[dict[str, Any]]:
    """Return what TRL's loader gives for one step: every sample once per trained rollout."""
    return [{"index": index} for index in range(SAMPLES) for _ in range(trainer.rollouts_per_sample)]


def models_of(trainer: VideoGRPOTrainer) -> tuple[Any, Any]:
    """Return the policy and the reference."""
    return trainer.model, trainer.ref_model


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_is_equation_6_on_separately_scored_rows(tmp_path: Path, family: str) -> None:
    """Sum of the branches' means of min(rho A, clip(rho) A) - beta KL, averaged over prompts; on policy, rho is 1."""
    seen: list[GroupRollouts] = []
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), family=family, seen=seen)
    policy_model, reference_model = models_of(trainer)
    with torch.no_grad():
        for parameter in reference_model.model.language_model.parameters():
            parameter.mul_(0.98)  # so that the KL term is not zero
    inputs = trainer._prepare_inputs(rows_of(trainer))
    loss = trainer.compute_loss(policy_model, inputs)

    pad = trainer.generator.encoder.tokenizer.pad_token_id
    per_prompt = []
    for group in seen:
        objective = torch.zeros(())
        for branch, advantages in zip(group.branches, group.advantages, strict=True):
            terms = []
            for completion, advantage in zip(branch.completions, advantages, strict=True):
                ids = list(completion.ids)
                policy = separate(policy_model, branch.prompt, ids, pad, 0.9)
                reference = separate(reference_model, branch.prompt, ids, pad, 0.9)
                kl = (reference - policy).exp() - (reference - policy) - 1
                ratio = (policy - policy.detach()).exp()
                terms.append((ratio * advantage - 0.05 * kl).mean())
            objective = objective + torch.stack(terms).mean()
        per_prompt.append(objective)
    expected = -torch.stack(per_prompt).mean()

    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)
    loss_gradient = gradients(policy_model, loss)
    expected_gradient = gradients(policy_model, expected)
    assert (loss_gradient - expected_gradient).norm() / expected_gradient.norm() < 1e-5


def test_accumulated_passes_give_the_gradient_of_one_pass(tmp_path: Path) -> None:
    found = []
    for accumulation in (1, 4):
        trainer = make_trainer(tmp_path, CrpoSettings(rollouts=4), accumulation=accumulation)
        policy, _ = models_of(trainer)
        for _ in range(accumulation):
            loss = trainer.compute_loss(policy, trainer._prepare_inputs(rows_of(trainer)))
            loss.backward()
            trainer._step += 1
        found.append(held_gradients(policy))
    assert (found[0] - found[1]).norm() / found[0].norm() < 1e-5


def test_a_video_is_decoded_and_encoded_once_per_step(tmp_path: Path) -> None:
    dataset = rendered(drawn("moving_direction", 4))
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), dataset=dataset)
    calls: list[int] = []
    for model in models_of(trainer):
        model.model.visual.register_forward_hook(lambda *_: calls.append(1))
    trainer.compute_loss(trainer.model, trainer._prepare_inputs(rows_of(trainer)))
    assert sorted(dataset.loads) == ["clip-0", "clip-1"]
    assert len(calls) == 1


def test_gradients_reach_a_trained_vision_tower(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=4), vision_trained=True)
    policy, _ = models_of(trainer)
    trainer.compute_loss(policy, trainer._prepare_inputs(rows_of(trainer))).backward()
    reached = [p.grad is not None and bool(p.grad.any()) for p in policy.model.visual.parameters()]
    assert all(reached)


class TestNoSilentBlindness:
    """A pass whose video was dropped must fail; the same pass with it must not."""

    def test_scoring_without_features_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3))
        inputs = trainer._prepare_inputs(rows_of(trainer))
        trainer.compute_loss(trainer.model, inputs)
        monkeypatch.setattr("retroflip.models.features.encoder_outputs", lambda _: None)
        with pytest.raises(BlindnessError, match="placeholder"):
            trainer.compute_loss(trainer.model, inputs)

    def test_rolling_out_without_features_fails(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3))
        monkeypatch.setattr("retroflip.models.features.encoder_outputs", lambda _: None)
        with pytest.raises(BlindnessError, match="placeholder"):
            trainer._prepare_inputs(rows_of(trainer))

    def test_scoring_other_prompts_than_were_rolled_out_fails(self, tmp_path: Path) -> None:
        trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3))
        inputs = trainer._prepare_inputs(rows_of(trainer))
        inputs["branch"] = inputs["branch"].flip(0)
        with pytest.raises(BlindnessError, match="differs from the one that was rolled out"):
            trainer.compute_loss(trainer.model, inputs)

    def test_rows_without_branches_fail(self, tmp_path: Path) -> None:
        trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3))
        inputs = trainer._prepare_inputs(rows_of(trainer))
        inputs["branch"] = inputs["branch"][:-1]
        with pytest.raises(BlindnessError, match="without their branches"):
            trainer.compute_loss(trainer.model, inputs)

    def test_a_placeholder_in_the_question_fails(self) -> None:
        _, processor = random_model("qwen3_vl")
        dataset = rendered(drawn("moving_direction", 1))
        sample = dataset.samples[0].model_copy(update={"question": "What is <|video_pad|> doing?"})
        with pytest.raises((BlindnessError, ValueError), match="video_pad"):
            Encoder(processor).encode(sample, dataset.load(dataset.samples[0]))

    def test_missing_time_stamps_fail(self) -> None:
        _, processor = random_model("qwen3_vl")
        encoder = Encoder(processor)
        dataset = rendered(drawn("moving_direction", 1))
        prompt = encoder.encode(dataset.samples[0], dataset.load(dataset.samples[0]))
        silent = [t for t in prompt.input_ids_L.tolist() if encoder.tokenizer.decode([t]) != " seconds"]
        blind = Prompt(torch.tensor(silent), prompt.token_types_L, prompt.pixels_PD, prompt.grid_thw)
        with pytest.raises(BlindnessError, match="time stamp"):
            encoder.check(blind, dataset.samples[0])


def test_a_broken_loss_stops_before_the_optimizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3))
    policy, _ = models_of(trainer)
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    real = trainer._compute_loss
    monkeypatch.setattr(trainer, "_compute_loss", lambda *arguments: real(*arguments) * float("nan"))
    with pytest.raises(NonFiniteLossError, match="clip-"):
        trainer.train()
    assert all(torch.equal(before[name], value) for name, value in policy.state_dict().items())
