"""The rollout loop draws what the model's distribution says, and nothing that it must not."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from random_models import FAMILIES, random_model
from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Completion, Roller, _nucleus
from retroflip.models.encoding import Encoder
from retroflip.models.features import encode_visuals
from separate_rows import prompts_of, separate


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
    """About quick videos, behind which transformers counts as the models' release does."""
    model, processor = random_model(family, seed=3)
    encoder = Encoder(processor)
    prompts = [
        prompt if prompt.seconds_per_grid is None else replace(prompt, seconds_per_grid=0.2)
        for prompt in prompts_of(encoder)
    ]
    roller = roller_of(model, encoder)

    sampling = Sampling(max_tokens=12, temperature=0.0)
    rolled = roller.roll(prompts, encode_visuals(model, prompts), [2, 1, 3], sampling, seeds=[0, 1, 2])
    assert [len(completions) for completions in rolled] == [2, 1, 3]

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
    features = encode_visuals(model, prompts)
    sampling = Sampling(max_tokens=20, temperature=1.3, top_p=0.95)

    first = roller.roll(prompts, features, [6, 4, 6], sampling, seeds=[11, 12, 13])
    again = roller.roll(prompts, features, [6, 4, 6], sampling, seeds=[11, 12, 13])
    alone = [
        roller.roll([prompt], [seen], [count], sampling, seeds=[seed])[0]
        for prompt, seen, count, seed in zip(prompts, features, (6, 4, 6), (11, 12, 13), strict=True)
    ]
    other = roller.roll(prompts, features, [6, 4, 6], sampling, seeds=[11, 12, 14])

    assert first == again == alone
    assert other[:2] == first[:2]
    assert other[2] != first[2]
    drawn = {token for row in first for completion in row for token in completion.ids}
    assert not drawn & (encoder.special_tokens - {encoder.tokenizer.eos_token_id})
    for completion in (completion for row in first for completion in row):
        ended = completion.ids[-1] == encoder.tokenizer.eos_token_id
        assert completion.truncated == (not ended)
        assert encoder.tokenizer.eos_token_id not in completion.ids[:-1]


class ListeningRoller(Roller):
    """Keeps the logits that every row's tokens were drawn from."""

    def roll(self, *args: Any) -> list[list[Completion]]:
        """Write completions."""
        self.heard: defaultdict[int, list[torch.Tensor]] = defaultdict(list)
        return super().roll(*args)

    def _draw(self, logits_NV: torch.Tensor, rows: torch.Tensor, *args: Any) -> torch.Tensor:
        for row, logits_V in zip(rows.tolist(), logits_NV, strict=True):
            self.heard[row].append(logits_V)
        return super()._draw(logits_NV, rows, *args)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_token_is_drawn_from_what_the_whole_row_read_anew_says(family: str) -> None:
    """Prompts of several lengths, rows that end at several tokens, and more tokens than the cache has room for."""
    model, processor = random_model(family, seed=3)
    encoder = Encoder(processor)
    prompts, tokenizer = prompts_of(encoder), encoder.tokenizer
    roller = ListeningRoller(
        model,
        pad_token=tokenizer.pad_token_id,
        end_tokens=[tokenizer.eos_token_id, *range(40, 50)],
        special_tokens=encoder.special_tokens,
    )
    written = roller.roll(
        prompts, encode_visuals(model, prompts), [3, 1, 4], Sampling(70, temperature=1.2), [5, 6, 7]
    )
    rows = [(prompt, one) for prompt, branch in zip(prompts, written, strict=True) for one in branch]
    lengths = [len(one.ids) for _, one in rows]
    assert len(set(lengths)) > 3
    assert max(lengths) == 70
    for row, (prompt, completion) in enumerate(rows):
        pad = tokenizer.pad_token_id
        expected = separate(model, prompt, list(completion.ids), pad, 1.0)
        logits_CV = torch.stack(roller.heard[row][: len(completion.ids)])
        found = logits_CV.log_softmax(-1).gather(-1, torch.tensor(completion.ids)[:, None])[:, 0]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_in_mixed_precision_rollouts_see_their_prompt(family: str) -> None:
    """Under autocast a token's logits are as close to the exact ones as those of the whole row read anew."""
    model, processor = random_model(family, seed=3)
    encoder = Encoder(processor)
    prompts, pad = prompts_of(encoder), encoder.tokenizer.pad_token_id
    settings = {"pad_token": pad, "end_tokens": [encoder.tokenizer.eos_token_id]}
    roller = ListeningRoller(model, **settings, special_tokens=encoder.special_tokens)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        features = encode_visuals(model, prompts)
        written = roller.roll(prompts, features, [2, 1, 2], Sampling(20), [5, 6, 7])
    rows = [(prompt, one) for prompt, branch in zip(prompts, written, strict=True) for one in branch]
    errors = []
    for row, (prompt, completion) in enumerate(rows):
        ids = torch.tensor(completion.ids)[:, None]
        heard = torch.stack(roller.heard[row][: len(ids)]).float().log_softmax(-1).gather(-1, ids)[:, 0]
        exact = separate(model, prompt, list(completion.ids), pad, 1.0)
        with torch.autocast("cpu", torch.bfloat16):
            anew = separate(model, prompt, list(completion.ids), pad, 1.0).float()
        errors.append([float((x - exact).abs().mean().detach()) for x in (heard, anew)])
    heard_error, anew_error = np.mean(errors, axis=0)
    assert 0 < heard_error < 1.5 * anew_error


def test_sampled_frequencies_follow_the_softmax() -> None:
    model, processor = random_model("qwen3_vl")
    encoder = Encoder(processor)
    prompts = prompts_of(encoder)[:1]
    roller = roller_of(model, encoder)
    features = encode_visuals(model, prompts)
    drawn = roller.roll(prompts, features, [4000], Sampling(max_tokens=1, temperature=0.5), seeds=[0])[0]
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
    features = encode_visuals(model, prompts)
    sampling = Sampling(max_tokens=10, temperature=0.0)
    expected = roller_of(model, encoder).roll(prompts, features, [1, 1, 1], sampling, seeds=[0, 0, 0])

    model.train()
    model.activation_checkpointing_enable()
    assert roller_of(model, encoder).roll(prompts, features, [1, 1, 1], sampling, seeds=[0, 0, 0]) == expected
    assert model.training


def test_a_process_that_is_done_keeps_step_with_the_others_and_writes_nothing_more() -> None:
    """Processes that share a sharded model go forward together: the one that is done repeats itself."""
    model, processor = random_model("qwen3_vl", seed=3)
    encoder = Encoder(processor)
    prompts = prompts_of(encoder)[:2]
    features = encode_visuals(model, prompts)
    sampling = Sampling(max_tokens=30, temperature=1.3)
    tokenizer = encoder.tokenizer
    ends = [token for token in range(0, len(tokenizer), 3) if token not in encoder.special_tokens]
    settings = {
        "pad_token": tokenizer.pad_token_id,
        "end_tokens": ends,
        "special_tokens": encoder.special_tokens,
    }
    written = Roller(model, **settings).roll(prompts, features, [3, 2], sampling, seeds=[0, 1])
    longest = max(len(completion.ids) for row in written for completion in row)
    assert longest < sampling.max_tokens

    asked: list[bool] = []
    forwards: list[int] = []

    def others_write_to_the_limit(writing: bool) -> bool:
        asked.append(writing)
        return True

    model.register_forward_hook(lambda *_: forwards.append(1))
    waiting = Roller(model, **settings, goes_on=others_write_to_the_limit)
    assert waiting.roll(prompts, features, [3, 2], sampling, seeds=[0, 1]) == written
    assert len(forwards) == sampling.max_tokens
    assert asked == [True] * (longest - 1) + [False] * (sampling.max_tokens - longest)
