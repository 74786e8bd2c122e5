"""What holds for Qwen3-VL and Qwen2.5-VL holds for other families, and for models that take no finished features."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from trl.trainer.utils import add_fused_lm_head

import training_runs
from random_models import FAMILIES, OTHER_FAMILIES, random_model
from rendered import drawn, rendered
from retroflip.errors import UsageError
from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Completion, Roller
from retroflip.models.encoding import Encoder, Prompt, visual_inputs
from retroflip.models.features import announce_repeats, encode_visuals, require_features
from retroflip.models.lora import merged
from retroflip.models.scorers.gradient import GradientScorer
from retroflip.recipes.schema import LoraSection, ModelSection
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.rl.shared_prefix import score
from retroflip.train.loop import choose_trained
from retroflip.video.frames import Frames
from separate_rows import gradients, prompts_of, separate
from training_runs import make_trainer
from without_features import without_features

(QUESTION,) = rendered(drawn("static", 1)).samples
COMPLETIONS = [[[11, 12, 13], [14]], [[15, 16]], [[17, 18, 19, 20], [21, 22], [23]]]
"""token ids of ordinary characters"""
WEIGHTS = torch.linspace(-1.0, 1.0, 6)


def scored(model: Any, prompts: list[Prompt], **options: Any) -> torch.Tensor:
    """Return the log-probabilities of COMPLETIONS in packed rows, (N, C)."""
    features = encode_visuals(model, prompts)
    return score(model, prompts, features, COMPLETIONS, pad_token=0, temperature=0.7, **options).log_probs_NC


def rolled(model: Any, encoder: Encoder, prompts: list[Prompt], sampling: Sampling) -> list[list[Completion]]:
    """Return two completions of each prompt."""
    tokenizer = encoder.tokenizer
    roller = Roller(
        model,
        pad_token=tokenizer.pad_token_id,
        end_tokens=[tokenizer.eos_token_id],
        special_tokens=encoder.special_tokens,
    )
    with torch.no_grad():
        features = encode_visuals(model, prompts)
    return roller.roll(prompts, features, [2] * len(prompts), sampling, seeds=[7, 8, 9])


def unchanged(model: Any) -> Any:
    """Return the model."""
    return model


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said of models that take no features."""
    return [one.getMessage() for one in caplog.records if one.name == "retroflip.models.features"]


def assert_equal_gradients(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Assert equality up to rounding."""
    assert (found - expected).norm() / expected.norm() < 1e-5


class TestOtherFamilies:
    @pytest.mark.parametrize("family", OTHER_FAMILIES)
    def test_packed_rows_equal_separate_rows(self, family: str) -> None:
        model, processor = random_model(family)
        prompts = prompts_of(Encoder(processor))
        packed = scored(model, prompts)
        found = gradients(model, (packed.sum(dim=1) * WEIGHTS).sum())
        rows = [
            separate(model, prompt, completion, 0, 0.7)
            for prompt, branch in zip(prompts, COMPLETIONS, strict=True)
            for completion in branch
        ]
        for of_pack, row in zip(packed, rows, strict=True):
            torch.testing.assert_close(of_pack[: len(row)], row, atol=1e-5, rtol=0)
        separate_rows = torch.stack([row.sum() for row in rows])
        assert_equal_gradients(found, gradients(model, (separate_rows * WEIGHTS).sum()))
        assert all(bool(p.grad.any()) for p in model.model.visual.parameters() if p.grad is not None)

    @pytest.mark.parametrize("family", [family for family in OTHER_FAMILIES if family != "qwen2_vl"])
    def test_greedy_rollouts_equal_transformers_generate(self, family: str) -> None:
        """Qwen2-VL's text stands elsewhere to transformers: see `models/positions.py` and its tests."""
        model, processor = random_model(family, seed=3)
        encoder = Encoder(processor)
        prompts = prompts_of(encoder)
        forbidden = sorted(encoder.special_tokens - {encoder.tokenizer.eos_token_id})
        for prompt, completions in zip(
            prompts, rolled(model, encoder, prompts, Sampling(12, temperature=0.0)), strict=True
        ):
            generated = model.generate(
                input_ids=prompt.input_ids_L[None],
                attention_mask=torch.ones_like(prompt.input_ids_L)[None],
                mm_token_type_ids=prompt.token_types_L[None],
                **visual_inputs([prompt]),
                do_sample=False,
                max_new_tokens=12,
                suppress_tokens=forbidden,
            )[0, len(prompt.input_ids_L) :]
            assert [list(one.ids) for one in completions] == [generated.tolist()] * 2

    @pytest.mark.parametrize("family", OTHER_FAMILIES)
    def test_the_gradient_scorer_has_its_frames_from_the_patches(self, family: str) -> None:
        """Laying out the patches of frames that need no resizing gives the frames, normalised."""
        model, processor = random_model(family)
        scorer, video = GradientScorer(model, processor), processor.video_processor
        side = video.patch_size * 4
        pixels = np.random.default_rng(0).integers(0, 256, (4, 3, side, side), dtype=np.uint8)
        frames = Frames(pixels, (0.0, 0.5, 1.0, 1.5))
        prompt = scorer.encoder.encode(QUESTION, frames)
        assert prompt.pixels_PD is not None
        mean, std = (torch.tensor(values)[:, None, None] for values in (video.image_mean, video.image_std))
        expected = (torch.from_numpy(pixels) / 255 - mean) / std
        torch.testing.assert_close(scorer._unpatched(prompt.pixels_PD, prompt), expected, atol=1e-5, rtol=0)
        assert np.isfinite(scorer.scores(frames, "Where does it go?")).all()

    @pytest.mark.parametrize(("family", "last"), [("qwen3_vl_moe", "o_proj"), ("glm4v", "gate_up_proj")])
    def test_adapters_are_merged_as_they_compute(self, family: str, last: str) -> None:
        model, processor = random_model(family)
        (prompt, *_), answer = prompts_of(Encoder(processor)), [11, 12, 13]
        section = ModelSection(lora=LoraSection(rank=2, alpha=4, targets=("q_proj", last)))
        adapted = choose_trained(model, section)
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.data += 0.05 * torch.randn(parameter.shape)
        plain, _ = random_model(family)
        with torch.no_grad():
            before = separate(plain, prompt, answer, 0, 1.0)
            plain.load_state_dict(merged(adapted, adapted.state_dict()))
            expected = separate(adapted.get_base_model().eval(), prompt, answer, 0, 1.0)
            torch.testing.assert_close(separate(plain, prompt, answer, 0, 1.0), expected, atol=1e-5, rtol=0)
        assert not torch.allclose(before, expected, atol=1e-3)

    @pytest.mark.parametrize("family", ["qwen2_vl", "glm4v"])
    def test_a_step_of_training_sees_every_video_once(self, tmp_path: Path, family: str) -> None:
        trainer = make_trainer(tmp_path, CrpoSettings(rollouts=3), family=family, steps=1)
        trainer.train()
        assert trainer.state.log_history[0]["vision/runs_per_branch"] == 1.0
        assert trainer.state.log_history[0]["grad_norm"] > 0


class TestWithoutFeatures:
    """Pixels in every pass give the numbers of features computed once."""

    @pytest.mark.parametrize("fused", [False, True])
    @pytest.mark.parametrize("family", FAMILIES)
    def test_log_probs_and_gradients_of_all_parts_are_the_same(self, family: str, fused: bool) -> None:
        found = []
        for change in (unchanged, without_features):
            model, processor = random_model(family)
            model = change(model)
            if fused:
                add_fused_lm_head(model, temperature=0.7, outputs=("log_probs", "entropy"))
            log_probs_NC = scored(model, prompts_of(Encoder(processor)), fused=fused)
            gradient = gradients(model, (log_probs_NC.sum(dim=1) * WEIGHTS).sum())
            assert all(bool(p.grad.any()) for p in model.model.visual.parameters() if p.grad is not None)
            found.append((log_probs_NC.detach(), gradient))
        (expected, expected_gradient), (log_probs_NC, gradient) = found
        torch.testing.assert_close(log_probs_NC, expected, atol=1e-5, rtol=0)
        assert_equal_gradients(gradient, expected_gradient)

    @pytest.mark.parametrize("family", FAMILIES)
    def test_rollouts_are_the_same_from_pixels_at_the_first_pass_alone(self, family: str) -> None:
        model, processor = random_model(family)
        encoder = Encoder(processor)
        prompts, sampling = prompts_of(encoder), Sampling(12, temperature=1.1)
        expected = rolled(model, encoder, prompts, sampling)
        seen: list[int] = []
        model.model.visual.register_forward_pre_hook(lambda *_: seen.append(1))
        assert rolled(without_features(model), encoder, prompts, sampling) == expected
        assert seen == [1]

    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_run_is_the_same_and_warns_once_and_counts_what_it_costs(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        family: str,
    ) -> None:
        """Rollouts, reference and policy: three runs of the tower instead of one."""
        logs = []
        for folder, change in (("once", unchanged), ("again", without_features)):

            def changed(name: str, change: Any = change) -> tuple[Any, Any]:
                model, processor = random_model(name)
                return change(model), processor

            monkeypatch.setattr(training_runs, "random_model", changed)
            trainer = make_trainer(tmp_path / folder, CrpoSettings(rollouts=3), family=family, lora=True)
            assert len(warned(caplog)) == (folder == "again")
            trainer.train()
            logs.append(trainer.state.log_history[:2])
        (warning,) = warned(caplog)
        assert "the tower runs again" in warning
        for once, again in zip(*logs, strict=True):
            assert (once["vision/runs_per_branch"], again["vision/runs_per_branch"]) == (1.0, 3.0)
            for name in ("loss", "grad_norm", "kl"):
                assert again[name] == pytest.approx(once[name], rel=1e-4, abs=1e-6)

    def test_a_trained_vision_tower_is_reached(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        model, processor = random_model("qwen2_5_vl")
        monkeypatch.setattr(training_runs, "random_model", lambda _: (without_features(model), processor))
        trainer = make_trainer(tmp_path, CrpoSettings(rollouts=4), vision_trained=True, beta=0.0)
        trainer.compute_loss(trainer.model, trainer._prepare_inputs([{"index": 0}, {"index": 1}])).backward()
        reached = [
            p.grad is not None and bool(p.grad.any()) for p in trainer.policy.model.visual.parameters()
        ]
        assert all(reached)

    def test_weights_that_processes_share_are_refused(self, caplog: pytest.LogCaptureFixture) -> None:
        model, _ = random_model("qwen3_vl")
        require_features(model)
        announce_repeats(model)
        with pytest.raises(UsageError, match="cannot keep step"):
            require_features(without_features(model))
        assert not warned(caplog)
