"""Features of a batch are those of each video and image alone, and a pass is never given another number than it has
room for."""

from typing import Any

import numpy as np
import pytest
import torch

from random_models import FAMILIES, OTHER_FAMILIES, random_encoder, random_model
from rendered import drawn, rendered
from retroflip.data.sample import Modality
from retroflip.errors import BlindnessError
from retroflip.models.encoding import Encoder, Prompt, batch_prompts, visual_inputs
from retroflip.models.features import (
    Finished,
    Pixels,
    bytes_per_patch,
    encode_visuals,
    encoder_outputs,
    sighted_inputs,
    takes_features,
    tower_runs,
)
from retroflip.models.vision_counter import patches_of
from retroflip.video.frames import Frames
from separate_rows import gradients, prompts_of
from without_features import without_features

(QUESTION,) = rendered(drawn("static", 1)).samples
ALL = (*FAMILIES, *OTHER_FAMILIES)
ABOUT_IMAGE = QUESTION.model_copy(update={"modality": Modality.IMAGE})


def model_of(family: str) -> tuple[Any, Encoder]:
    """Return a random model and its encoder."""
    return random_model(family)[0], random_encoder(family)


def of_image(encoder: Encoder, seed: int, height: int = 64, width: int = 64) -> Prompt:
    """Return a prompt about a picture of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (1, 3, height, width), dtype=np.uint8)
    return encoder.encode(ABOUT_IMAGE, Frames(pixels, (0.0,)))


def mixed_prompts(encoder: Encoder) -> list[Prompt]:
    """Return prompts about an image, a video, nothing, another image, two more videos."""
    first, second, third = prompts_of(encoder)
    return [
        of_image(encoder, 0),
        first,
        encoder.encode(QUESTION, None),
        of_image(encoder, 1, 40, 90),
        second,
        third,
    ]


def logits(model: Any, prompts: list[Prompt]) -> list[torch.Tensor]:
    """Return each prompt's logits (L, V) from one pass over all of them, given their features."""
    batch = batch_prompts(model, prompts, 0)
    with torch.no_grad():
        inputs = sighted_inputs(model, batch.input_ids_RL, encode_visuals(model, prompts))
        output = model(
            input_ids=batch.input_ids_RL,
            attention_mask=batch.mask_RL,
            position_ids=batch.positions_3RL,
            **inputs,
        ).logits
    return [row[-len(prompt.input_ids_L) :] for row, prompt in zip(output, prompts, strict=True)]


@pytest.mark.parametrize("family", ALL)
def test_features_of_a_batch_are_those_of_each_alone(family: str) -> None:
    model, encoder = model_of(family)
    prompts = mixed_prompts(encoder)

    together = encode_visuals(model, prompts)

    assert together[2] is None
    for prompt, features in zip(prompts, together, strict=True):
        (alone,) = encode_visuals(model, [prompt])
        if features is None or alone is None:
            assert features is alone
            continue
        assert isinstance(features, Finished)
        assert isinstance(alone, Finished)
        assert features.is_image == alone.is_image == prompt.is_image
        token = model.config.image_token_id if prompt.is_image else model.config.video_token_id
        assert len(features.pooled_ND) == int((prompt.input_ids_L == token).sum())
        torch.testing.assert_close(features.pooled_ND, alone.pooled_ND, atol=1e-5, rtol=1e-4)
        assert len(features.deepstack_ND) == (1 if family.startswith("qwen3_vl") else 0)
        for layer, layer_alone in zip(features.deepstack_ND, alone.deepstack_ND, strict=True):
            torch.testing.assert_close(layer, layer_alone, atol=1e-5, rtol=1e-4)


def runs_seen(model: Any) -> list[int]:
    """Return a list that grows, with every run of the vision tower, by its number of videos or images."""
    seen: list[int] = []
    model.model.visual.register_forward_pre_hook(
        lambda _, __, named: seen.append(len(named["grid_thw"])), with_kwargs=True
    )
    return seen


def test_the_vision_tower_runs_once_for_all_videos_and_once_for_all_images_that_fit() -> None:
    model, encoder = model_of("qwen3_vl")
    seen = runs_seen(model)
    encode_visuals(model, mixed_prompts(encoder))
    assert seen == [3, 2]
    assert encode_visuals(model, [encoder.encode(QUESTION, None)] * 2) == [None, None]
    assert seen == [3, 2]


def test_a_patch_takes_every_linear_layers_input_and_output() -> None:
    """The embedded model's block: width 64 to 3 x 64 (queries, keys, values), 64 to 64, 64 to 128 and back, float32."""
    model, _ = model_of("qwen3_vl")
    assert bytes_per_patch(model.model.visual) == 4 * ((64 + 192) + (64 + 64) + (64 + 128) + (128 + 64))


@pytest.mark.parametrize("family", ALL)
@pytest.mark.parametrize("together", [1, 2])
def test_more_videos_than_fit_are_encoded_in_several_runs_with_the_same_features_and_gradients(
    family: str, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, encoder = model_of(family)
    prompts = mixed_prompts(encoder)
    fitting = patches_of(prompts_of(encoder)[:together])

    def features_and_gradient() -> tuple[list[torch.Tensor], torch.Tensor]:
        found = [one for one in encode_visuals(model, prompts) if isinstance(one, Finished)]
        parts = [part for one in found for part in (one.pooled_ND, *one.deepstack_ND)]
        return parts, gradients(model, sum((part.pow(2).sum() for part in parts), torch.zeros(())))

    whole, whole_gradient = features_and_gradient()
    monkeypatch.setattr("retroflip.models.features.RUN_BYTES", fitting * bytes_per_patch(model.model.visual))
    seen = runs_seen(model)
    pieces, gradient = features_and_gradient()

    runs = [run.prompts for run in tower_runs(model, prompts)]
    assert seen == [sum(len(p.grid_thw) for p in run if p.grid_thw is not None) for run in runs]
    assert len(runs) > (2 if family.startswith("qwen") else 1)
    assert all(len(run) == 1 or patches_of(run) <= fitting for run in runs)
    for piece, part in zip(pieces, whole, strict=True):
        torch.testing.assert_close(piece, part, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(gradient, whole_gradient, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", ALL)
def test_given_features_answer_as_given_pixels_do(family: str) -> None:
    model, encoder = model_of(family)
    for prompt in (prompts_of(encoder)[0], of_image(encoder, 0, 50, 70)):
        with torch.no_grad():
            expected = model(
                input_ids=prompt.input_ids_L[None],
                position_ids=batch_prompts(model, [prompt], 0).positions_3RL,
                **visual_inputs([prompt]),
            ).logits[0]
        torch.testing.assert_close(logits(model, [prompt])[0], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", ALL)
def test_every_row_of_a_mixed_batch_is_as_it_is_alone(family: str) -> None:
    model, encoder = model_of(family)
    prompts = mixed_prompts(encoder)
    alone = [logits(model, [prompt])[0] for prompt in prompts]
    for order in ([0, 1, 2, 3, 4, 5], [5, 3, 0, 2, 1, 4], [1, 0], [2, 3]):
        together = logits(model, [prompts[index] for index in order])
        for found, index in zip(together, order, strict=True):
            torch.testing.assert_close(found, alone[index], atol=1e-5, rtol=0)
    assert not torch.allclose(alone[0][-1], logits(model, [of_image(encoder, 2)])[0][-1], atol=1e-3)


def test_a_pass_leaves_its_encoder_outputs_as_they_are() -> None:
    """Several passes are given the same features."""
    model, encoder = model_of("qwen3_vl")
    prompts = [of_image(encoder, 0), prompts_of(encoder)[0]]
    batch = batch_prompts(model, prompts, 0)
    features = encode_visuals(model, prompts)
    outputs = encoder_outputs(features)
    assert outputs is not None
    held = dict(outputs)
    finished = [one for one in features if isinstance(one, Finished)]
    kept = [one.pooled_ND.clone() for one in finished]
    passes = [
        model(
            input_ids=batch.input_ids_RL,
            attention_mask=batch.mask_RL,
            position_ids=batch.positions_3RL,
            mm_encoder_outputs=outputs,
        ).logits
        for _ in range(2)
    ]
    assert torch.equal(*passes)
    assert outputs == held
    assert all(torch.equal(k, one.pooled_ND) for k, one in zip(kept, finished, strict=True))


class TestMismatch:
    """`sighted_inputs` lets no pass run with more or fewer features than placeholders."""

    def test_every_wrong_number_of_features_fails(self) -> None:
        model, encoder = model_of("qwen3_vl")
        prompts = prompts_of(encoder)[::2]
        features = encode_visuals(model, prompts)
        ids = torch.cat([prompt.input_ids_L for prompt in prompts])
        assert sighted_inputs(model, ids, features)["mm_encoder_outputs"] is not None
        one = features[0]
        assert isinstance(one, Finished)
        shorter = Finished(one.pooled_ND[:-1], tuple(layer[:-1] for layer in one.deepstack_ND))
        for wrong in ([], [None, None], features[:1], [*features, one], [shorter, features[1]]):
            with pytest.raises(BlindnessError, match="placeholder"):
                sighted_inputs(model, ids, wrong)

    def test_one_kind_does_not_make_up_for_the_other(self) -> None:
        model, encoder = model_of("qwen3_vl")
        prompts = [of_image(encoder, 0), prompts_of(encoder)[0]]
        image, video = encode_visuals(model, prompts)
        assert isinstance(image, Finished)
        ids = torch.cat([prompt.input_ids_L for prompt in prompts])
        assert sighted_inputs(model, ids, [image, video])["mm_encoder_outputs"] is not None
        as_video = Finished(image.pooled_ND, image.deepstack_ND)
        with pytest.raises(BlindnessError, match="4 image placeholder tokens and 0 visual"):
            sighted_inputs(model, ids, [as_video, video])
        with pytest.raises(BlindnessError, match="video placeholder tokens and 0 visual"):
            sighted_inputs(model, ids, [image])

    def test_text_needs_no_features_and_takes_none(self) -> None:
        model, encoder = model_of("qwen3_vl")
        text = encoder.encode(QUESTION, None)
        assert sighted_inputs(model, text.input_ids_L, [None]) == {"mm_encoder_outputs": None}
        for seeing in (prompts_of(encoder)[0], of_image(encoder, 0)):
            with pytest.raises(BlindnessError, match="placeholder"):
                sighted_inputs(model, text.input_ids_L, encode_visuals(model, [seeing]))


@pytest.mark.parametrize("family", ["glm4v", "glm46v"])
def test_a_glm_video_is_to_the_model_what_its_processor_makes_of_it(family: str) -> None:
    """Prompts say it as one image per step; the processor's own words for the same are a video."""
    model, processor = random_model(family)
    frames = rendered(drawn("static", 1)).load(QUESTION)
    assert frames is not None
    prompt = Encoder(processor).encode(QUESTION, frames)
    text = processor.tokenizer.decode(prompt.input_ids_L)
    begin, end = text.index("<|begin_of_image|>"), text.index("<|end_of_video|>")
    encoded = processor(
        text=[text[:begin] + "<|video|>" + text[end:]],
        videos=[torch.from_numpy(frames.pixels_TCHW)],
        video_metadata=[
            {"fps": 1000.0, "frames_indices": [1000 * s for s in frames.seconds], "total_num_frames": 9000}
        ],
        do_sample_frames=False,
        return_tensors="pt",
    )
    assert torch.equal(encoded["input_ids"][0], prompt.input_ids_L)
    assert set(encoded["mm_token_type_ids"].unique().tolist()) == {0, 2}
    with torch.no_grad():
        expected = model(**{name: encoded[name] for name in encoded if name != "video_metadata"}).logits[0]
    torch.testing.assert_close(logits(model, [prompt])[0], expected, atol=1e-5, rtol=1e-4)


class TestPixels:
    """A model whose forward takes no finished features is given pixels."""

    @pytest.mark.parametrize("family", ALL)
    def test_every_row_of_a_mixed_batch_is_as_from_features(self, family: str) -> None:
        model, encoder = model_of(family)
        prompts = mixed_prompts(encoder)
        expected = logits(model, prompts)
        found = logits(without_features(model), prompts)
        for row, wanted in zip(found, expected, strict=True):
            torch.testing.assert_close(row, wanted, atol=1e-5, rtol=0)

    def test_they_are_kept_apart_from_features_and_text_has_none(self) -> None:
        model, encoder = model_of("qwen3_vl")
        assert takes_features(model)
        model = without_features(model)
        assert not takes_features(model)
        video, text = prompts_of(encoder)[0], encoder.encode(QUESTION, None)
        assert encode_visuals(model, [text, video]) == [None, Pixels(video)]
        assert sighted_inputs(model, text.input_ids_L, [None]) == {}
        assert sighted_inputs(model, video.input_ids_L, [Pixels(video)]).keys() == {
            "pixel_values_videos",
            "video_grid_thw",
        }

    def test_every_wrong_number_of_pixels_fails(self) -> None:
        model, encoder = model_of("qwen2_5_vl")
        model = without_features(model)
        first, second, _ = prompts_of(encoder)
        image = of_image(encoder, 0)
        ids = torch.cat([first.input_ids_L, image.input_ids_L])
        assert sighted_inputs(model, ids, [Pixels(first), Pixels(image)])
        for wrong in ([], [None, None], [first], [first, image, image], [second, image], [first, second]):
            with pytest.raises(BlindnessError, match="placeholder"):
                sighted_inputs(model, ids, [None if one is None else Pixels(one) for one in wrong])
