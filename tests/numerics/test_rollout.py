"""The rollout loop draws what the model's distribution says, and nothing that it must not."""

import numpy as np
import pytest
import torch

from random_models import FAMILIES, random_model
from retroflip.models.encoding import Encoder
from retroflip.models.features import encode_videos
from retroflip.rl.rollout import Roller, Sampling, _nucleus
from separate_rows import prompts_of


def roller_of(model: object, encoder: Encoder) -> Roller:
    tokenizer = encoder.tokenizer
    return Roller(
        model,
        pad_token=tokenizer.pad_token_id,
        end_tokens=[tokenizer.eos_token_id],
        special_tokens=encoder.special_tokens,
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_rollouts_equal_transformers_generate(family: str) -> None:
    model, processor = random_model(family, seed=3)
    encoder = Encoder(processor)
    prompts = prompts_of(encoder)
    roller = roller_of(model, encoder)

    rolled = roller.roll(prompts, encode_videos(model, prompts), 2, Sampling(max_tokens=12, temperature=0.0))

    for prompt, completions in zip(prompts, rolled, strict=True):
        timing = (
            {}
            if prompt.seconds_per_grid is None
            else {"second_per_grid_ts": torch.tensor([prompt.seconds_per_grid])}
        )
        generated = model.generate(
            input_ids=prompt.input_ids_L[None],
            attention_mask=torch.ones_like(prompt.input_ids_L)[None],
            mm_token_type_ids=prompt.token_types_L[None],
            pixel_values_videos=prompt.pixels_PD,
            video_grid_thw=prompt.grid_thw,
            **timing,
            do_sample=False,
            max_new_tokens=12,
            suppress_tokens=roller.forbidden.tolist(),
        )[0, len(prompt.input_ids_L) :]
        for completion in completions:
            assert list(completion.ids) == generated.tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_rollout_does_not_depend_on_its_neighbours_and_avoids_special_tokens(family: str) -> None:
    model, processor = random_model(family)
    encoder = Encoder(processor)
    prompts = prompts_of(encoder)
    roller = roller_of(model, encoder)
    features = encode_videos(model, prompts)
    sampling = Sampling(max_tokens=20, temperature=1.3, top_p=0.95)

    first = roller.roll(prompts, features, 6, sampling, seed=11)
    again = roller.roll(prompts, features, 6, sampling, seed=11)
    other = roller.roll(prompts, features, 6, sampling, seed=12)

    assert first == again
    assert first != other
    drawn = {token for row in first for completion in row for token in completion.ids}
    assert not drawn & (encoder.special_tokens - {encoder.tokenizer.eos_token_id})
    for completion in (completion for row in first for completion in row):
        ended = completion.ids[-1] == encoder.tokenizer.eos_token_id
        assert completion.truncated == (not ended)
        assert encoder.tokenizer.eos_token_id not in completion.ids[:-1]


def test_sampled_frequencies_follow_the_softmax() -> None:
    model, processor = random_model("qwen3_vl")
    encoder = Encoder(processor)
    prompts = prompts_of(encoder)[:1]
    roller = roller_of(model, encoder)
    features = encode_videos(model, prompts)
    drawn = roller.roll(prompts, features, 4000, Sampling(max_tokens=1, temperature=0.5), seed=0)[0]
    counts = np.bincount(
        [completion.ids[0] for completion in drawn], minlength=model.config.text_config.vocab_size
    )

    logits = (
        model(
            input_ids=prompts[0].input_ids_L[None],
            mm_token_type_ids=prompts[0].token_types_L[None],
            pixel_values_videos=prompts[0].pixels_PD,
            video_grid_thw=prompts[0].grid_thw,
        )
        .logits[0, -1]
        .index_fill(0, roller.forbidden, -torch.inf)
    )
    expected = (logits / 0.5).softmax(-1).detach().numpy()
    assert np.abs(counts / 4000 - expected).sum() < 4 * np.sqrt(expected * (1 - expected) / 4000).sum()


def test_nucleus_keeps_the_smallest_set_of_the_mass() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    kept = _nucleus(logits, 0.7).isfinite()
    assert kept.tolist() == [[True, True, False, False]]
    assert _nucleus(logits, 1.0) is logits


@pytest.mark.parametrize("family", FAMILIES)
def test_rollouts_in_training_mode_with_gradient_checkpointing_see_their_prompt(family: str) -> None:
    model, processor = random_model(family, seed=3)
    encoder = Encoder(processor)
    prompts = prompts_of(encoder)
    features = encode_videos(model, prompts)
    sampling = Sampling(max_tokens=10, temperature=0.0)
    expected = roller_of(model, encoder).roll(prompts, features, 1, sampling)

    model.train()
    model.activation_checkpointing_enable()
    assert roller_of(model, encoder).roll(prompts, features, 1, sampling) == expected
    assert model.training
