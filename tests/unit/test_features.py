"""Features of a batch are those of each video and image alone, and a pass is never given another number than it has
room for."""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from random_models import FAMILIES, random_encoder, random_model
from random_qwen2_vl import random_qwen2_vl
from rendered import drawn, rendered
from retroflip.data.sample import Modality
from retroflip.errors import BlindnessError, UsageError
from retroflip.models.encoding import Encoder, Prompt, batch_prompts, visual_inputs
from retroflip.models.features import (
    VisualFeatures,
    encode_visuals,
    encoder_outputs,
    require_features,
    sighted_inputs,
    takes_features,
)
from retroflip.video.frames import Frames
from separate_rows import prompts_of

(QUESTION,) = rendered(drawn("static", 1)).samples
ABOUT_IMAGE = QUESTION.model_copy(update={"modality": Modality.IMAGE})


def model_of(family: str) -> tuple[Any, Encoder]:
    """Return a random model and its encoder."""
    if family == "qwen2_vl":
        model, processor = random_qwen2_vl()
        return model, Encoder(processor)
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


@pytest.mark.parametrize("family", FAMILIES)
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
        assert features.is_image == alone.is_image == prompt.is_image
        token = model.config.image_token_id if prompt.is_image else model.config.video_token_id
        assert len(features.pooled_ND) == int((prompt.input_ids_L == token).sum())
        torch.testing.assert_close(features.pooled_ND, alone.pooled_ND, atol=1e-5, rtol=1e-4)
        assert len(features.deepstack_ND) == (1 if family == "qwen3_vl" else 0)
        for layer, layer_alone in zip(features.deepstack_ND, alone.deepstack_ND, strict=True):
            torch.testing.assert_close(layer, layer_alone, atol=1e-5, rtol=1e-4)


def test_the_vision_tower_runs_once_for_all_videos_and_once_for_all_images() -> None:
    model, encoder = model_of("qwen3_vl")
    seen: list[int] = []
    model.model.visual.register_forward_pre_hook(
        lambda _, __, named: seen.append(len(named["grid_thw"])), with_kwargs=True
    )
    encode_visuals(model, mixed_prompts(encoder))
    assert seen == [3, 2]
    assert encode_visuals(model, [encoder.encode(QUESTION, None)] * 2) == [None, None]
    assert seen == [3, 2]


@pytest.mark.parametrize("family", [*FAMILIES, "qwen2_vl"])
def test_given_features_answer_as_given_pixels_do(family: str) -> None:
    model, encoder = model_of(family)
    for prompt in (prompts_of(encoder)[0], of_image(encoder, 0, 50, 70)):
        with torch.no_grad():
            expected = model(
                input_ids=prompt.input_ids_L[None],
                mm_token_type_ids=prompt.token_types_L[None],
                **visual_inputs([prompt]),
            ).logits[0]
        torch.testing.assert_close(logits(model, [prompt])[0], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", [*FAMILIES, "qwen2_vl"])
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
    kept = [one.pooled_ND.clone() for one in features if one is not None]
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
    assert all(torch.equal(k, f.pooled_ND) for k, f in zip(kept, features, strict=True) if f is not None)


class TestMismatch:
    """`sighted_inputs` lets no pass run with more or fewer features than placeholders."""

    def test_every_wrong_number_of_features_fails(self) -> None:
        model, encoder = model_of("qwen3_vl")
        prompts = prompts_of(encoder)[::2]
        features = encode_visuals(model, prompts)
        ids = torch.cat([prompt.input_ids_L for prompt in prompts])
        assert sighted_inputs(model, ids, features)["mm_encoder_outputs"] is not None
        one = features[0]
        assert one is not None
        shorter = VisualFeatures(one.pooled_ND[:-1], tuple(layer[:-1] for layer in one.deepstack_ND))
        for wrong in ([], [None, None], features[:1], [*features, one], [shorter, features[1]]):
            with pytest.raises(BlindnessError, match="placeholder"):
                sighted_inputs(model, ids, wrong)

    def test_one_kind_does_not_make_up_for_the_other(self) -> None:
        model, encoder = model_of("qwen3_vl")
        prompts = [of_image(encoder, 0), prompts_of(encoder)[0]]
        image, video = encode_visuals(model, prompts)
        assert image is not None
        assert video is not None
        ids = torch.cat([prompt.input_ids_L for prompt in prompts])
        assert sighted_inputs(model, ids, [image, video])["mm_encoder_outputs"] is not None
        as_video = VisualFeatures(image.pooled_ND, image.deepstack_ND)
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


class TestWhichModels:
    @pytest.mark.parametrize("family", [*FAMILIES, "qwen2_vl"])
    def test_the_qwen_vl_family_takes_features(self, family: str) -> None:
        model, _ = model_of(family)
        assert takes_features(model)
        require_features(model, "it")

    def test_a_model_that_does_not_is_refused_by_name(self) -> None:
        config = Qwen2Config(
            vocab_size=8,
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            num_key_value_heads=1,
        )
        model = Qwen2ForCausalLM(config)
        assert not takes_features(model)
        with pytest.raises(UsageError, match="'somebody/text' is a Qwen2ForCausalLM, whose forward"):
            require_features(model, "somebody/text")
