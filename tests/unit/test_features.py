"""Features of a batch are those of each video alone, and a pass is never given another number than it has room for."""

import pytest
import torch

from random_models import FAMILIES, random_encoder, random_model
from rendered import drawn, rendered
from retroflip.errors import BlindnessError
from retroflip.models.features import VisualFeatures, encode_visuals, sighted_inputs
from separate_rows import prompts_of

(QUESTION,) = rendered(drawn("static", 1)).samples


@pytest.mark.parametrize("family", FAMILIES)
def test_features_of_a_batch_are_those_of_each_video_alone(family: str) -> None:
    model, _ = random_model(family)
    encoder = random_encoder(family)
    first, second, third = prompts_of(encoder)
    prompts = [first, encoder.encode(QUESTION, None), second, third]

    together = encode_visuals(model, prompts)

    assert together[1] is None
    for prompt, features in zip(prompts, together, strict=True):
        (alone,) = encode_visuals(model, [prompt])
        if features is None or alone is None:
            assert features is alone
            continue
        assert len(features.pooled_ND) == int((prompt.input_ids_L == model.config.video_token_id).sum())
        torch.testing.assert_close(features.pooled_ND, alone.pooled_ND, atol=1e-5, rtol=1e-4)
        assert len(features.deepstack_ND) == (1 if family == "qwen3_vl" else 0)
        for layer, layer_alone in zip(features.deepstack_ND, alone.deepstack_ND, strict=True):
            torch.testing.assert_close(layer, layer_alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_given_features_answer_as_given_pixels_do(family: str) -> None:
    model, _ = random_model(family)
    prompt = prompts_of(random_encoder(family))[0]
    common = {"input_ids": prompt.input_ids_L[None], "mm_token_type_ids": prompt.token_types_L[None]}
    with torch.no_grad():
        pixels = {"pixel_values_videos": prompt.pixels_PD, "video_grid_thw": prompt.grid_thw}
        expected = model(**common, **pixels).logits
        inputs = sighted_inputs(model, prompt.input_ids_L, encode_visuals(model, [prompt]))
        found = model(**common, video_grid_thw=prompt.grid_thw, **inputs).logits
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


class TestMismatch:
    """`sighted_inputs` lets no pass run with more or fewer features than placeholders."""

    def test_every_wrong_number_of_features_fails(self) -> None:
        model, _ = random_model("qwen3_vl")
        prompts = prompts_of(random_encoder("qwen3_vl"))[::2]
        features = encode_visuals(model, prompts)
        ids = torch.cat([prompt.input_ids_L for prompt in prompts])
        assert sighted_inputs(model, ids, features)["mm_encoder_outputs"] is not None
        one = features[0]
        assert one is not None
        shorter = VisualFeatures(one.pooled_ND[:-1], tuple(layer[:-1] for layer in one.deepstack_ND))
        for wrong in ([], [None, None], features[:1], [*features, one], [shorter, features[1]]):
            with pytest.raises(BlindnessError, match="placeholder"):
                sighted_inputs(model, ids, wrong)

    def test_text_needs_no_features_and_takes_none(self) -> None:
        model, _ = random_model("qwen3_vl")
        encoder = random_encoder("qwen3_vl")
        text = encoder.encode(QUESTION, None)
        assert sighted_inputs(model, text.input_ids_L, [None]) == {"mm_encoder_outputs": None}
        with pytest.raises(BlindnessError, match="placeholder"):
            sighted_inputs(model, text.input_ids_L, encode_visuals(model, prompts_of(encoder)[:1]))
