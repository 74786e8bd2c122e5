"""The trainer: TRL's loss on the same tensors, videos in every pass, and refusal to train blindly."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from random_models import FAMILIES, OTHER_FAMILIES, random_model
from rendered import drawn, of_all_kinds, rendered
from retroflip.data.record_notes import Notes
from retroflip.data.sample import Sample
from retroflip.errors import BlindnessError, NonFiniteLossError
from retroflip.files.storage import read_jsonl
from retroflip.inference.rollout import Writer
from retroflip.models.encoding import Encoder, Prompt
from retroflip.rl.generation import Generation, Generator, GroupRollouts
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.rl.passes import Pass
from retroflip.rl.trainer import VideoGRPOTrainer
from retroflip.video.frames import Frames
from separate_rows import gradients, held_gradients, separate
from training_runs import SAMPLES, NothingTeaches, SomeTeach, make_trainer

STEP = [{"index": index} for index in range(SAMPLES)]
"""what the loader gives for one step"""


def models_of(trainer: VideoGRPOTrainer) -> tuple[Any, Any]:
    """Return the policy and the reference."""
    return trainer.model, trainer.ref_model


def equation_6(
    groups: list[GroupRollouts], shown: Pass, policy: Any, old: Any, reference: Any, pad: int
) -> torch.Tensor:
    """Return minus CRPO's objective with every completion scored alone: epsilon 0.2, beta 0.05, temperature 0.9.

    Sum of the branches' means of min(rho A, clip(rho) A) - beta KL, averaged over prompts, with rho = policy / old.
    """
    per_prompt = []
    prompts = (branch.prompt for branch in shown.branches)
    for group in groups:
        objective = torch.zeros(())
        for branch, advantages in zip(group.branches, group.advantages, strict=True):
            prompt, terms = next(prompts), []
            for completion, advantage in zip(branch.completions, advantages, strict=True):
                scored = [
                    separate(model, prompt, list(completion.ids), pad, 0.9)
                    for model in (policy, old, reference)
                ]
                now, before, start = scored[0], scored[1].detach(), scored[2].detach()
                kl = (start - now).exp() - (start - now) - 1
                rho = (now - before).exp()
                surrogate = torch.minimum(rho * advantage, rho.clamp(0.8, 1.2) * advantage)
                terms.append((surrogate - 0.05 * kl).mean())
            objective = objective + torch.stack(terms).mean()
        per_prompt.append(objective)
    return -torch.stack(per_prompt).mean()


def scale(model: Any, factor: float) -> None:
    """Multiply a language model's weights in place."""
    with torch.no_grad():
        for parameter in model.model.language_model.parameters():
            parameter.mul_(factor)


def assert_equal_loss_and_gradient(policy: Any, loss: torch.Tensor, expected: torch.Tensor) -> None:
    """Assert equality up to rounding."""
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)
    found, wanted = gradients(policy, loss), gradients(policy, expected)
    assert (found - wanted).norm() / wanted.norm() < 1e-5


@pytest.mark.parametrize("family", [*FAMILIES, *OTHER_FAMILIES])
def test_the_loss_is_equation_6_on_separately_scored_rows(tmp_path: Path, family: str) -> None:
    seen: list[GroupRollouts] = []
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), family=family, seen=seen)
    policy, reference = models_of(trainer)
    scale(reference, 0.98)  # so that the KL term is not zero
    inputs = trainer._prepare_inputs(STEP)
    loss = trainer.compute_loss(policy, inputs)

    expected = equation_6(seen, inputs["pass"], policy, policy, reference, trainer._tokenizer.pad_token_id)
    assert_equal_loss_and_gradient(policy, loss, expected)


def test_a_second_step_on_the_same_rollouts_is_clipped_against_the_policy_that_wrote_them(
    tmp_path: Path,
) -> None:
    seen: list[GroupRollouts] = []
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), iterations=2, seen=seen)
    policy, reference = models_of(trainer)
    scale(reference, 0.98)
    inputs = trainer._prepare_inputs(STEP)
    old = type(policy).from_pretrained(tmp_path / "start")
    scale(policy, 1.1)
    loss = trainer.compute_loss(policy, inputs)

    expected = equation_6(seen, inputs["pass"], policy, old, reference, trainer._tokenizer.pad_token_id)
    assert_equal_loss_and_gradient(policy, loss, expected)
    clipped = {name: values[-1] for name, values in trainer._metrics["train"].items() if "clip" in name}
    assert clipped["clip_ratio/region_mean"] > 0


def test_the_reference_of_adapters_is_the_model_without_them(tmp_path: Path) -> None:
    seen: list[GroupRollouts] = []
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), lora=True, seen=seen)
    assert trainer.ref_model is None
    inputs = trainer._prepare_inputs(STEP)
    loss = trainer.compute_loss(trainer.model, inputs)

    start, _ = random_model("qwen3_vl")
    pad = trainer._tokenizer.pad_token_id
    expected = equation_6(seen, inputs["pass"], trainer.policy, trainer.policy, start, pad)
    assert_equal_loss_and_gradient(trainer.policy, loss, expected)
    assert trainer._metrics["train"]["kl"][0] > 1e-3


def test_passes_in_bfloat16_score_what_was_rolled_out_and_leave_float32_weights(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), bfloat16=True, steps=2)
    trainer.train()
    assert {parameter.dtype for parameter in trainer.policy.parameters()} == {torch.float32}
    kl = [row["kl"] for row in trainer.state.log_history if "kl" in row]
    assert kl[0] == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("accumulation", [1, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_texts_and_images_are_trained_with_one_branch_beside_videos(
    tmp_path: Path, family: str, accumulation: int
) -> None:
    """A video with two branches, a text and an image with one each: the mean over the three questions."""
    seen: list[GroupRollouts] = []
    trainer = make_trainer(
        tmp_path,
        CrpoSettings(rollouts=3),
        family=family,
        dataset=of_all_kinds(drawn("moving_direction", 4)),
        samples=3,
        accumulation=accumulation,
        seen=seen,
    )
    policy, reference = models_of(trainer)
    losses, shown = [], []
    for _ in range(accumulation):
        inputs = trainer._prepare_inputs([{"index": index} for index in range(3)])
        losses.append(trainer.compute_loss(policy, inputs))
        shown += inputs["pass"].branches
        trainer._step += 1
    assert [len(group.branches) for group in seen] == [2, 1, 1]

    pad = trainer._tokenizer.pad_token_id
    expected = equation_6(
        seen, replace(inputs["pass"], branches=tuple(shown)), policy, policy, reference, pad
    )
    assert_equal_loss_and_gradient(policy, torch.stack(losses).sum(), expected)


@dataclass(frozen=True)
class EpochsSeen(Generator):
    """A generator that notes of which epoch and samples every generation was."""

    noted: list[tuple[int, frozenset[str]]] = field(default_factory=list)

    def generate(
        self,
        model: Any,
        writer: Writer,
        samples: Sequence[Sample],
        *,
        epoch: int,
        step: int,
        visits: Sequence[int] = (),
    ) -> Generation:
        """Note, and generate."""
        self.noted.append((epoch, frozenset(sample.id for sample in samples)))
        return super().generate(model, writer, samples, epoch=epoch, step=step, visits=visits)


@pytest.mark.parametrize("iterations", [1, 2])
def test_an_epoch_is_a_pass_over_the_data_however_often_rollouts_are_used(
    tmp_path: Path, iterations: int
) -> None:
    """Four clips, two a step: two generations to an epoch, each clip once in it."""
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=2), iterations=iterations, steps=4 * iterations)
    plain = trainer.generator
    noting = EpochsSeen(plain.dataset, plain.encoder, plain.method, plain.sampling, plain.seed)
    trainer.generator = noting
    trainer.train()
    assert [epoch for epoch, _ in noting.noted] == [0, 0, 1, 1]
    for first, second in (noting.noted[:2], noting.noted[2:]):
        assert first[1] | second[1] == {sample.id for sample in plain.dataset.samples}


@pytest.mark.parametrize("loss_type", ["grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"])
def test_accumulated_passes_give_the_gradient_of_one_pass(tmp_path: Path, loss_type: str) -> None:
    """Four branches in one pass, in two uneven ones, or with a pass left over that has none."""
    found = []
    for accumulation in (1, 3, 5):
        settings = CrpoSettings(rollouts=4)
        trainer = make_trainer(tmp_path, settings, accumulation=accumulation, loss_type=loss_type)
        policy, _ = models_of(trainer)
        for _ in range(accumulation):
            loss = trainer.compute_loss(policy, trainer._prepare_inputs(STEP))
            loss.backward()
            trainer._step += 1
        found.append(held_gradients(policy))
    for other in found[1:]:
        assert (found[0] - other).norm() / found[0].norm() < 1e-5


def test_a_video_is_decoded_and_encoded_once_per_step(tmp_path: Path) -> None:
    dataset = rendered(drawn("moving_direction", 4))
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), dataset=dataset, steps=1)
    calls: list[int] = []
    for model in models_of(trainer):
        model.model.visual.register_forward_hook(lambda *_: calls.append(1))
    trainer.train()
    assert len(dataset.loads) == len(set(dataset.loads)) == SAMPLES
    assert len(calls) == 1
    assert trainer.state.log_history[0]["vision/runs_per_branch"] == 1.0


def test_the_next_step_is_prepared_while_this_one_runs_and_nothing_is_decoded_twice(tmp_path: Path) -> None:
    dataset = rendered(drawn("moving_direction", 4))
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), dataset=dataset, steps=2)
    trainer._prepare_inputs(STEP)
    (coming,) = trainer.generator.ahead.waiting.values()
    assert len(coming.result()) == 2 * SAMPLES
    asked = len(dataset.loads)
    trainer._step, trainer.state.global_step = 1, 1
    trainer._prepare_inputs([{"index": index} for index in trainer.order.step_indices(1)])
    assert len(dataset.loads) == asked


def test_a_question_that_comes_twice_in_a_step_is_answered_anew(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3))
    sample = trainer.generator.dataset.samples[0]

    def texts(visits: Sequence[int]) -> list[tuple[str, ...]]:
        rolled = trainer.generator.generate(
            trainer.policy, trainer._writer(), [sample] * len(visits), epoch=0, step=0, visits=visits
        )
        return [branch.texts for group in rolled.groups for branch in group.branches]

    first, second = texts([0, 1])[:2], texts([0, 1])[2:]
    assert not {text for branch in first for text in branch} & {text for branch in second for text in branch}
    assert texts([0]) == first
    assert texts([1]) == second


def test_a_clip_that_a_transform_leaves_as_it_is_is_noted(tmp_path: Path) -> None:
    """The first frame of two clips stands all the time: backwards they are the same."""
    dataset = rendered(drawn("moving_direction", 4))
    stills = {
        name: Frames(np.repeat(one.pixels_TCHW[:1], 8, axis=0), one.seconds)
        for name, one in dataset.pictures.items()
        if name in ("clip-0", "clip-2")
    }
    trainer = make_trainer(
        tmp_path,
        CrpoSettings(rollouts=2, flip=False),
        dataset=replace(dataset, pictures=dataset.pictures | stills),
    )
    trainer.generator.encoder.notes = Notes(tmp_path / "notes.jsonl")
    for _ in range(2):
        trainer.generator.generate(
            trainer.policy, trainer._writer(), trainer.generator.dataset.samples[:2], epoch=0, step=0
        )
    (row,) = read_jsonl(tmp_path / "notes.jsonl")
    assert row["id"] == "clip-0"
    assert "shows the same, picture for picture, under the transform 'reverse'" in row["note"]


def test_questions_that_teach_nothing_are_replaced(tmp_path: Path) -> None:
    """Two of four clips are asked; rewards differ on clips 2 and 3 alone."""
    seen: list[GroupRollouts] = []
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), seen=seen)
    trainer.generator = replace(trainer.generator, method=SomeTeach(CrpoSettings(rollouts=3)), refills=3)
    trainer._prepare_inputs(STEP)
    assert {group.group.sample.id for group in seen} == {"clip-2", "clip-3"}
    assert trainer._metrics["train"]["zero_advantage"] == [0.0]
    assert trainer._metrics["train"]["refilled"][0] >= 2
    passes = [branch.written for one in trainer._passes for branch in one["pass"].branches]
    assert passes == [written for group in seen for written in group.branches]


def test_a_question_that_taught_nothing_is_not_asked_again_in_its_step(tmp_path: Path) -> None:
    """Three idle clips, one a step: two replacements, and no clip twice."""
    trainer = make_trainer(
        tmp_path, CrpoSettings(rollouts=3), dataset=rendered(drawn("moving_direction", 3)), samples=1
    )
    asked: list[str] = []
    idle = NothingTeaches(CrpoSettings(rollouts=3), asked)
    trainer.generator = replace(trainer.generator, method=idle, refills=5)
    trainer._prepare_inputs([{"index": 0}])
    assert sorted(asked) == ["clip-0", "clip-1", "clip-2"]
    assert trainer._metrics["train"]["refilled"] == [2.0]


def test_gradients_reach_a_trained_vision_tower(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, CrpoSettings(rollouts=4), vision_trained=True)
    policy, _ = models_of(trainer)
    trainer.compute_loss(policy, trainer._prepare_inputs(STEP)).backward()
    reached = [p.grad is not None and bool(p.grad.any()) for p in policy.model.visual.parameters()]
    assert all(reached)


class TestNoSilentBlindness:
    """A pass whose video was dropped must fail; the same pass with it must not."""

    def test_scoring_without_features_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3))
        inputs = trainer._prepare_inputs(STEP)
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
            trainer._prepare_inputs(STEP)

    def test_scoring_other_rows_than_were_rolled_out_fails(self, tmp_path: Path) -> None:
        trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3))
        inputs = trainer._prepare_inputs(STEP)
        trainer.compute_loss(trainer.model, inputs)
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
        width = inputs["completion_ids"].shape[1]
        trainer._get_per_token_logps_and_entropies(trainer.model, ids, mask, width)
        with pytest.raises(BlindnessError, match="differ from those that were rolled out"):
            trainer._get_per_token_logps_and_entropies(trainer.model, ids.flip(0), mask.flip(0), width)

    def test_rows_without_branches_fail(self, tmp_path: Path) -> None:
        trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3))
        inputs = trainer._prepare_inputs(STEP)
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
        with pytest.raises(BlindnessError, match="without their branches"):
            trainer._get_per_token_logps_and_entropies(trainer.model, ids, ids, 1)

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
    with pytest.raises(NonFiniteLossError, match="nan at step 1"):
        trainer.train()
    assert all(torch.equal(before[name], value) for name, value in policy.state_dict().items())
