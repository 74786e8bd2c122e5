"""Frame scorers against the papers' formulas, computed a second time from the models' parts."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from random_models import FAMILIES, random_model, save_random_model
from random_scorers import (
    SIDE,
    TEXT_LENGTH,
    random_llava_onevision,
    random_siglip2,
    random_siglip2_naflex,
    save_scorer,
)
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError, UsageError
from retroflip.models.loading import load_model, load_processor
from retroflip.models.positions import positions
from retroflip.models.scorers.base import FrameScorer, scorer_id, undisturbed
from retroflip.models.scorers.build import build
from retroflip.models.scorers.gradient import GradientScorer
from retroflip.models.scorers.llava_onevision import LlavaOnevisionEmbedder
from retroflip.models.scorers.policy import PolicyEmbedder
from retroflip.models.scorers.siglip2 import Siglip2Embedder
from retroflip.models.scorers.similarity import SimilarityScorer
from retroflip.video.frames import Frames

QUESTION = "Where does the ball go?"
SIDES = {"qwen3_vl": 64, "qwen2_5_vl": 112}
"""sides in pixels that the tiny processors leave as they are"""
SIGLIPS = {"fixed": random_siglip2, "naflex": random_siglip2_naflex}


def noise(count: int, height: int = 48, width: int = 64, seed: int = 0) -> Frames:
    """Return frames of noise, one a second."""
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 3, height, width), dtype=np.uint8)
    return Frames(pixels, tuple(float(second) for second in range(count)))


def cosine(first: Tensor, second: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the cosine of each row of the first and the second, in float64."""
    a, b = first.detach().double().numpy(), second.detach().double().numpy()
    return np.array([row @ b / np.sqrt((row @ row) * (b @ b)) for row in a])


def normalised(frames: Frames, processor: Any) -> Tensor:
    """Return the frames' pixels as a processor that need not resize gives them to its model, (F, C, H, W)."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (processor.image_mean, processor.image_std))
    return (torch.from_numpy(frames.pixels_TCHW) / 255 - mean) / std


def all_scorers() -> dict[str, Callable[[int | None], FrameScorer]]:
    """Return makers of every similarity scorer, given how many frames (for the policy: patches) it takes at once."""

    def maker(embedder: Any, made: tuple[Any, Any]) -> Callable[[int | None], FrameScorer]:
        return lambda at_once: SimilarityScorer(embedder(*made, *([] if at_once is None else [at_once])))

    policies = {family: maker(PolicyEmbedder, random_model(family)) for family in FAMILIES}
    siglips = {name: maker(Siglip2Embedder, made()) for name, made in SIGLIPS.items()}
    return {**policies, **siglips, "llava": maker(LlavaOnevisionEmbedder, random_llava_onevision())}


ALL = all_scorers()


class TestPolicy:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_is_the_formula_on_each_frame_alone(self, family: str) -> None:
        model, processor = random_model(family)
        side = SIDES[family]
        frames = noise(4, side, side)
        image_FD = []
        for picture in frames.pixels_TCHW:
            encoded = processor.image_processor(
                images=[torch.from_numpy(picture)],
                size={"shortest_edge": side * side, "longest_edge": side * side},
                image_mean=processor.video_processor.image_mean,
                image_std=processor.video_processor.image_std,
                input_data_format="channels_first",
                return_tensors="pt",
            )
            output = model.model.visual(encoded["pixel_values"], grid_thw=encoded["image_grid_thw"])
            image_FD.append(output.pooler_output.mean(dim=0))
        ids = processor.tokenizer.encode(QUESTION)
        question_D = model.model.language_model.embed_tokens.weight[ids].mean(dim=0)
        found = SimilarityScorer(PolicyEmbedder(model, processor)).scores(frames, QUESTION)
        np.testing.assert_allclose(found, cosine(torch.stack(image_FD), question_D), atol=1e-6)

    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_frame_in_the_questions_direction_scores_one(self, family: str) -> None:
        model, processor = random_model(family)
        scorer = SimilarityScorer(PolicyEmbedder(model, processor))
        frames = noise(5)
        (token,) = processor.tokenizer.encode("?")
        with torch.no_grad():
            target = PolicyEmbedder(model, processor).frames(frames)[3]
            model.get_input_embeddings().weight[token] = 7.5 * target
        scores = scorer.scores(frames, "?")
        assert int(scores.argmax()) == 3
        assert scores[3] == pytest.approx(1.0, abs=1e-6)
        assert np.delete(scores, 3).max() < 1 - 1e-4

    def test_sees_every_size_and_number_of_frames(self) -> None:
        scorer = ALL["qwen3_vl"](None)
        for count, height, width in [(1, 64, 64), (2, 33, 47), (3, 200, 40), (16, 96, 64)]:
            assert scorer.scores(noise(count, height, width), QUESTION).shape == (count,)


class TestLlavaOnevision:
    def test_is_the_formula_over_all_projected_patches(self) -> None:
        model, processor = random_llava_onevision()
        frames = noise(3, SIDE, SIDE)
        pixels = normalised(frames, processor.video_processor)
        together = model.get_image_features(
            pixels, torch.tensor([[SIDE, SIDE]] * 3), batch_num_images=torch.tensor([3])
        ).pooler_output
        image_FD = torch.stack([features[:-1].mean(dim=0) for features in together])  # the last is a new line
        ids = processor.tokenizer.encode(QUESTION)
        question_D = model.model.language_model.embed_tokens.weight[ids].mean(dim=0)
        found = SimilarityScorer(LlavaOnevisionEmbedder(model, processor)).scores(frames, QUESTION)
        np.testing.assert_allclose(found, cosine(image_FD, question_D), atol=1e-6)

    def test_takes_the_layers_and_tokens_that_the_configuration_names(self) -> None:
        model, processor = random_llava_onevision()
        embedder = LlavaOnevisionEmbedder(model, processor)
        frames = noise(2, SIDE, SIDE)
        last = embedder.frames(frames)
        model.config.vision_feature_layer = [-2]
        assert not torch.allclose(embedder.frames(frames), last)
        model.config.vision_feature_layer = -1
        model.config.vision_feature_select_strategy = "default"
        pixels = normalised(frames, processor.video_processor)
        states = model.model.vision_tower(pixels, output_hidden_states=True).hidden_states[-1]
        expected = model.model.multi_modal_projector(states[:, 1:]).mean(dim=1)
        torch.testing.assert_close(embedder.frames(frames), expected)

    def test_long_questions_are_read_whole(self) -> None:
        scorer = ALL["llava"](None)
        frames = noise(2)
        long = "Does it go left? " * 40
        assert not np.allclose(scorer.scores(frames, long), scorer.scores(frames, long + " Or is it red?"))
        assert scorer.remark([long]) is None


class TestSiglip2:
    def test_is_the_cosine_that_the_model_itself_computes(self) -> None:
        model, processor = random_siglip2()
        frames = noise(3, SIDE, SIDE)
        vocabulary = processor.tokenizer.get_vocab()
        ids = [vocabulary[letter] for letter in "where▁to?"] + [vocabulary["<eos>"]]
        padded = torch.tensor([ids + [vocabulary["<pad>"]] * (TEXT_LENGTH - len(ids))])
        output = model(input_ids=padded, pixel_values=normalised(frames, processor.image_processor))
        expected = (output.logits_per_image[:, 0] - model.logit_bias) / model.logit_scale.exp()
        found = SimilarityScorer(Siglip2Embedder(model, processor)).scores(frames, "Where to?")
        np.testing.assert_allclose(found, expected.detach().double().numpy(), atol=1e-6)

    def test_pictures_keep_their_proportions_where_the_model_wants_it(self) -> None:
        model, processor = random_siglip2_naflex()
        frames = noise(3, 24, 72)
        images = processor.image_processor(
            images=[picture.transpose(1, 2, 0) for picture in frames.pixels_TCHW], return_tensors="pt"
        )
        assert images["spatial_shapes"].tolist() == [[2, 6]] * 3
        image_FD = model.vision_model(**images).pooler_output
        embedder = Siglip2Embedder(model, processor)
        torch.testing.assert_close(embedder.frames(frames), image_FD)

    @pytest.mark.parametrize("kind", SIGLIPS)
    def test_capitals_do_not_count(self, kind: str) -> None:
        scorer, frames = ALL[kind](None), noise(3)
        np.testing.assert_array_equal(scorer.scores(frames, "WHERE To?"), scorer.scores(frames, "where to?"))

    def test_what_is_cut_is_counted(self) -> None:
        scorer, frames = ALL["fixed"](None), noise(3)
        fits = "w" * (TEXT_LENGTH - 1)  # and the end token
        assert scorer.remark(["short", fits]) is None
        remark = scorer.remark(["short", fits, fits + "x", fits + "yyy"])
        assert remark is not None
        assert f"first {TEXT_LENGTH} tokens" in remark
        assert "2 of 4 questions" in remark
        cut = scorer.scores(frames, fits + "x")
        np.testing.assert_array_equal(cut, scorer.scores(frames, fits + "yyy"))
        np.testing.assert_array_equal(cut, scorer.scores(frames, fits))
        assert not np.array_equal(cut, scorer.scores(frames, fits[1:]))


class TestSimilarity:
    @pytest.mark.parametrize("name", ALL)
    def test_frames_are_seen_alone(self, name: str) -> None:
        scorer, frames = ALL[name](None), noise(5)
        scores = scorer.scores(frames, QUESTION)
        order = np.random.default_rng(1).permutation(5)
        mixed = Frames(frames.pixels_TCHW[order], frames.seconds)
        np.testing.assert_allclose(scorer.scores(mixed, QUESTION), scores[order], atol=1e-6)
        changed = frames.pixels_TCHW.copy()
        changed[2] = 0
        other = scorer.scores(Frames(changed, frames.seconds), QUESTION)
        np.testing.assert_allclose(np.delete(other, 2), np.delete(scores, 2), atol=1e-6)
        assert abs(other[2] - scores[2]) > 1e-3

    @pytest.mark.parametrize("name", ALL)
    def test_how_many_go_at_once_does_not_matter(self, name: str) -> None:
        frames = noise(7)
        whole = ALL[name](None).scores(frames, QUESTION)
        for at_once in (1, 3):
            np.testing.assert_allclose(ALL[name](at_once).scores(frames, QUESTION), whole, atol=1e-6)

    @pytest.mark.parametrize("name", ALL)
    def test_further_questions_about_a_video_do_not_encode_it_again(self, name: str) -> None:
        scorer, frames = ALL[name](None), noise(3)
        assert isinstance(scorer, SimilarityScorer)
        towers = [
            module for key, module in scorer.embedder.model.named_modules() if key.endswith("patch_embed")
        ]
        towers += [m for key, m in scorer.embedder.model.named_modules() if key.endswith("patch_embedding")]
        passes: list[int] = []
        hooks = [tower.register_forward_hook(lambda *_: passes.append(1)) for tower in towers]
        first = scorer.scores(frames, "What is it?")
        second = scorer.scores(frames, QUESTION)
        assert len(passes) == 1
        assert not np.allclose(first, second)
        copy = Frames(frames.pixels_TCHW.copy(), frames.seconds)
        np.testing.assert_array_equal(scorer.scores(copy, QUESTION), second)
        assert len(passes) == 2
        for hook in hooks:
            hook.remove()

    def test_no_direction_is_not_a_number(self) -> None:
        assert np.isnan(ALL["qwen3_vl"](None).scores(noise(2), "")).all()


def loss_on_question(model: Any, processor: Any, video_FCHW: Tensor) -> Tensor:
    """Return the mean loss of the question's tokens in the model's ordinary pass over the whole prompt.

    The video has one frame a second; an odd last frame fills its step a second time.
    """
    seconds = list(range(len(video_FCHW)))
    if len(seconds) % 2:
        seconds.append(seconds[-1])
    whole = video_FCHW[seconds]
    images = processor.video_processor
    patches, *grid = images.patchify(
        whole[None], images.patch_size, images.merge_size, images.temporal_patch_size
    )
    messages = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": QUESTION}]}]
    text = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    encoded = processor(
        text=[text],
        videos=[torch.zeros(whole.shape, dtype=torch.uint8)],
        video_metadata=[
            {"fps": 1.0, "frames_indices": seconds, "total_num_frames": len(whole), "duration": len(whole)}
        ],
        do_sample_frames=False,
        return_tensors="pt",
    )
    assert encoded["video_grid_thw"].tolist() == [grid]
    seen = {"video_grid_thw": encoded["video_grid_thw"]}
    if "second_per_grid_ts" in encoded:
        seen["second_per_grid_ts"] = torch.as_tensor(encoded["second_per_grid_ts"])
    ids = encoded["input_ids"][0]
    expected = processor.tokenizer.decode(ids)
    assert expected.count(QUESTION) == 1
    logits = model(
        input_ids=encoded["input_ids"],
        position_ids=positions(encoded["mm_token_type_ids"][0], seen, model.config)[:, None],
        pixel_values_videos=patches[0],
        **seen,
    ).logits[0]
    (ends,) = (ids == processor.tokenizer.convert_tokens_to_ids("<|im_end|>")).nonzero(as_tuple=True)
    end = int(ends[0])
    first = end - len(processor.tokenizer.encode(QUESTION))
    return nn.functional.cross_entropy(logits[first - 1 : end - 1], ids[first:end])


@pytest.mark.parametrize("family", FAMILIES)
class TestGradient:
    def made(self, family: str, count: int) -> tuple[Any, Any, GradientScorer, Frames, Tensor]:
        """Return (model in float64, processor, scorer, frames, the frames as the model gets them)."""
        model, processor = random_model(family)
        model.double()
        frames = noise(count, SIDES[family], SIDES[family])
        video = normalised(frames, processor.video_processor).double()
        return model, processor, GradientScorer(model, processor), frames, video

    @pytest.mark.parametrize("count", [2, 3, 4])
    def test_gradients_are_those_of_the_loss_by_the_frames(self, family: str, count: int) -> None:
        model, processor, scorer, frames, video = self.made(family, count)
        video.requires_grad_()
        loss = loss_on_question(model, processor, video)
        (expected,) = torch.autograd.grad(loss, video)
        found = scorer.gradients(frames, QUESTION)
        assert found.shape == frames.pixels_TCHW.shape
        torch.testing.assert_close(
            found.double(), expected, atol=1e-6 * float(expected.abs().max()), rtol=1e-4
        )

    def test_gradients_are_finite_differences_frame_by_frame(self, family: str) -> None:
        model, processor, scorer, frames, video = self.made(family, 4)
        gradients = scorer.gradients(frames, QUESTION).double()
        for frame in range(4):
            direction = torch.zeros_like(video)
            direction[frame] = torch.randn(
                video.shape[1:], generator=torch.Generator().manual_seed(frame), dtype=video.dtype
            )
            step = 1e-3
            with torch.no_grad():
                above, below = (
                    loss_on_question(model, processor, video + sign * step * direction) for sign in (1, -1)
                )
            slope = float(above - below) / (2 * step)
            assert float((gradients * direction).sum()) == pytest.approx(slope, rel=2e-2, abs=1e-6)

    def test_scores_are_logarithms_of_the_papers_weights(self, family: str) -> None:
        _, _, scorer, frames, _ = self.made(family, 3)
        gradients = scorer.gradients(frames, QUESTION).double().numpy()
        weights = [
            np.mean([[np.linalg.norm(g[:, y, x]) for x in range(g.shape[2])] for y in range(g.shape[1])])
            for g in gradients
        ]
        scores = scorer.scores(frames, QUESTION)
        np.testing.assert_allclose(np.exp(scores), np.array(weights) / sum(weights), rtol=1e-6)
        softmax = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        np.testing.assert_allclose(softmax, np.array(weights) / sum(weights), rtol=1e-6)

    def test_a_single_frame_has_all_the_weight(self, family: str) -> None:
        _, _, scorer, _, _ = self.made(family, 2)
        np.testing.assert_allclose(scorer.scores(noise(1, 64, 64), QUESTION), [0.0], atol=1e-12)

    def test_without_gradients_there_is_no_score(self, family: str) -> None:
        model, _, scorer, frames, _ = self.made(family, 2)
        with torch.no_grad():
            model.model.visual.patch_embed.proj.weight.zero_()
        assert np.isnan(scorer.scores(frames, QUESTION)).all()

    def test_frames_of_two_sizes_of_weight_stay_finite(self, family: str) -> None:
        _, _, scorer, frames, _ = self.made(family, 4)

        class Still(GradientScorer):
            def gradients(self, frames: Frames, question: str) -> Tensor:
                gradients = super().gradients(frames, question)
                gradients[1] = 0
                return gradients

        scores = Still(scorer.model, scorer.encoder.processor).scores(frames, QUESTION)
        assert np.isfinite(scores).all()
        assert scores[1] < -700
        np.testing.assert_allclose(np.exp(scores).sum(), 1.0)

    @pytest.mark.parametrize("question", ["assistant", "What is at <0.5 seconds>?", "left"])
    def test_finds_the_question_among_the_prompts_words(self, family: str, question: str) -> None:
        _, processor, scorer, frames, _ = self.made(family, 2)
        sample = Sample(
            id="q",
            video="v",
            question=question,
            solution="",
            problem_type=ProblemType.FREE_FORM,
            source_clip="v",
        )
        prompt = scorer.encoder.encode(sample, frames)
        first, end = scorer._place(question, prompt)
        assert processor.tokenizer.decode(prompt.input_ids_L[first:end]) == question
        assert processor.tokenizer.decode(prompt.input_ids_L[first - 1 : first]) == "<|vision_end|>"

    def test_a_question_without_words_is_refused(self, family: str) -> None:
        _, _, scorer, frames, _ = self.made(family, 2)
        with pytest.raises(DataError, match="choose the scorer policy"):
            scorer.scores(frames, "")


class TestLeftAsFound:
    @pytest.mark.parametrize("name", ["policy", "gradient"])
    def test_the_policy_is_as_it_was(self, name: str) -> None:
        model, processor = random_model("qwen3_vl")
        scorer = build(name, path=None, revision=None, policy=model, processor=processor)
        model.train()
        model.model.visual.eval()
        for index, parameter in enumerate(model.parameters()):
            parameter.requires_grad_(index % 3 > 0)
            parameter.grad = torch.full_like(parameter, 2.0) if index % 2 else None
        before = {key: value.clone() for key, value in model.state_dict().items()}
        with torch.no_grad():
            scorer.scores(noise(3), QUESTION)
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
        modes = {key: module.training for key, module in model.named_modules()}
        assert modes == {key: not key.startswith("model.visual") for key in modes}
        for index, parameter in enumerate(model.parameters()):
            assert parameter.requires_grad == (index % 3 > 0)
            assert (parameter.grad is not None) == bool(index % 2)
            assert parameter.grad is None or bool((parameter.grad == 2.0).all())

    @pytest.mark.parametrize("name", ["policy", "gradient"])
    def test_dropout_does_not_reach_the_scores(self, name: str) -> None:
        model, processor = random_model("qwen3_vl")
        for layer in model.model.language_model.layers:
            layer.mlp = nn.Sequential(layer.mlp, nn.Dropout(0.5))
        scorer = build(name, path=None, revision=None, policy=model.train(), processor=processor)
        frames = noise(3)
        np.testing.assert_array_equal(scorer.scores(frames, QUESTION), scorer.scores(frames, QUESTION))

    def test_an_error_inside_leaves_it_as_it_was_too(self) -> None:
        model = nn.Sequential(nn.Linear(1, 1), nn.Dropout()).train()

        def fail() -> None:
            with undisturbed(model):
                assert not model[1].training
                assert not model[0].weight.requires_grad
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert model[1].training
        assert model[0].weight.requires_grad


class TestId:
    def test_it_is_the_weights_and_not_where_they_lie(self, tmp_path: Path) -> None:
        model, processor = random_model("qwen3_vl")
        ids = {scorer_id("policy", model, processor.video_processor)}
        for folder in ("a", "b"):
            save_random_model("qwen3_vl", tmp_path / folder)
            place = str(tmp_path / folder)
            ids.add(scorer_id("policy", load_model(place), load_processor(place).video_processor))
        assert len(ids) == 1

    def test_every_difference_shows(self) -> None:
        model, processor = random_model("qwen3_vl")
        preparer = processor.video_processor
        ids = {scorer_id("policy", model, preparer), scorer_id("gradient", model, preparer)}
        ids.add(scorer_id("policy", random_model("qwen3_vl", seed=1)[0], preparer))
        with torch.no_grad():
            model.model.visual.merger.linear_fc1.bias[5] += 1e-6
        ids.add(scorer_id("policy", model, preparer))
        ids.add(scorer_id("policy", model.bfloat16(), preparer))
        preparer.size = {"shortest_edge": 4096, "longest_edge": 8192}
        ids.add(scorer_id("policy", model, preparer))
        assert len(ids) == 6


class TestBuild:
    def built(self, name: str, path: Path | str | None = None) -> FrameScorer:
        policy, processor = random_model("qwen3_vl")
        path = None if path is None else str(path)
        return build(name, path=path, revision=None, policy=policy, processor=processor)

    @pytest.mark.parametrize("kind", ["llava", *SIGLIPS])
    def test_a_saved_checkpoint_scores_as_the_model_that_was_saved(self, tmp_path: Path, kind: str) -> None:
        made = random_llava_onevision() if kind == "llava" else SIGLIPS[kind]()
        name = "llava_onevision" if kind == "llava" else "siglip2"
        scorer = self.built(name, save_scorer(made, tmp_path))
        frames = noise(4)
        expected = ALL[kind](None).scores(frames, QUESTION)
        np.testing.assert_allclose(scorer.scores(frames, QUESTION), expected, atol=1e-6)
        assert scorer.id == ALL[kind](None).id

    def test_weights_keep_their_type(self, tmp_path: Path) -> None:
        model, processor = random_llava_onevision()
        scorer = self.built("llava_onevision", save_scorer((model.half(), processor), tmp_path))
        assert isinstance(scorer, SimilarityScorer)
        assert scorer.embedder.model.dtype == torch.float16
        assert np.isfinite(scorer.scores(noise(2), QUESTION)).all()

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"nothing.*could not be loaded.*scorer\.path"):
            self.built("siglip2", tmp_path / "nothing")

    def test_another_model(self, tmp_path: Path) -> None:
        folder = save_scorer(random_siglip2_naflex(), tmp_path / "siglip")
        with pytest.raises(UsageError, match="llava_onevision"):
            self.built("llava_onevision", folder)
        folder = save_random_model("qwen3_vl", tmp_path / "policy")
        with pytest.raises(UsageError, match="Qwen3VL"):
            self.built("llava_onevision", folder)

    def test_missing_weights_are_not_made_up(self, tmp_path: Path) -> None:
        folder = save_scorer(random_siglip2(), tmp_path)
        weights = load_file(folder / "model.safetensors")
        del weights["text_model.head.weight"]
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(UsageError, match=r"1 is missing \(text_model\.head\.weight\)"):
            self.built("siglip2", folder)

    def test_pickled_weights_and_code_are_refused(self, tmp_path: Path) -> None:
        folder = save_scorer(random_siglip2(), tmp_path / "pickled")
        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
        with pytest.raises(UsageError, match="could not be loaded"):
            self.built("siglip2", folder)
        folder = save_scorer(random_siglip2(), tmp_path / "code")
        config = json.loads((folder / "config.json").read_text())
        config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine", "AutoModel": "mine.Mine"}}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
        with pytest.raises(UsageError, match="could not be loaded"):
            self.built("siglip2", folder)
        assert not (tmp_path / "ran").exists()
        shutil.rmtree(folder)

    def test_an_unknown_name(self) -> None:
        with pytest.raises(UsageError, match="no frame scorer 'clip'"):
            self.built("clip")


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["policy", "gradient", "llava_onevision", "siglip2"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_gpu_scores_as_a_processor_does(tmp_path: Path, family: str, name: str) -> None:
    own = {"llava_onevision": random_llava_onevision, "siglip2": random_siglip2}.get(name)
    path = None if own is None else str(save_scorer(own(), tmp_path))
    policy, processor = random_model(family)
    frames = noise(5)
    found = []
    ids = set()
    for device in ("cpu", "cuda"):
        scorer = build(name, path=path, revision=None, policy=policy.to(device), processor=processor)
        found.append(scorer.scores(frames, QUESTION))
        ids.add(scorer.id)
    assert len(ids) == 1
    np.testing.assert_allclose(found[1], found[0], atol=1e-3)
