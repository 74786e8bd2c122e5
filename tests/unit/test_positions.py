"""Where tokens stand to a model: by hand, by a count token by token, and by transformers where it counts the same."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_encoding import ABOUT_IMAGE, QUESTION, frames_at
from torch import Tensor

from random_models import FAMILIES, OTHER_FAMILIES, random_encoder, random_model
from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Roller
from retroflip.models.encoding import batch_prompts, pad_prompts, visual_grids, visual_inputs
from retroflip.models.features import encode_visuals
from retroflip.models.positions import IMAGE, TEXT, VIDEO, positions, untold_times

WHOLE_VIDEOS = ("qwen2_vl", "qwen2_5_vl")

Part = tuple[int, int, int, int, float]
"""a piece of a row: its type, steps (tokens of a text), rows and columns after merging, seconds between steps"""


def config_of(model_type: str, tokens_per_second: float = 2) -> Any:
    vision: dict[str, float] = {"spatial_merge_size": 2}
    if model_type == "qwen2_5_vl":
        vision["tokens_per_second"] = tokens_per_second
    return SimpleNamespace(model_type=model_type, vision_config=SimpleNamespace(**vision))


def row_of(parts: Sequence[Part], model_type: str) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the types of a row's tokens and what is seen in it; where text stands between steps, it is one token."""
    types: list[int] = []
    grids: dict[str, list[list[int]]] = {"image_grid_thw": [], "video_grid_thw": []}
    seconds = []
    for kind, steps, rows, columns, apart in parts:
        if kind == TEXT:
            types += [TEXT] * steps
            continue
        grids["image_grid_thw" if kind == IMAGE else "video_grid_thw"].append([steps, 2 * rows, 2 * columns])
        if kind == VIDEO:
            seconds.append(apart)
        between = [] if model_type in WHOLE_VIDEOS else [TEXT]
        types += (
            [*between, *([kind] * (rows * columns))] * steps if between else [kind] * (steps * rows * columns)
        )
        types.append(TEXT)
    seen = {name: torch.tensor(found) for name, found in grids.items() if found}
    if seconds and model_type == "qwen2_5_vl":
        seen["second_per_grid_ts"] = torch.tensor(seconds)
    return torch.tensor(types), seen


def counted(parts: Sequence[Part], model_type: str, tokens_per_second: float) -> list[tuple[int, int, int]]:
    """Count token by token, as the release's rule reads: what follows goes on behind the largest position so far."""
    found: list[tuple[int, int, int]] = []

    def text(tokens: int) -> None:
        for _ in range(tokens):
            found.append((1 + max((max(place) for place in found), default=-1),) * 3)

    for kind, steps, rows, columns, apart in parts:
        if kind == TEXT:
            text(steps)
            continue
        scale = (apart, tokens_per_second) if (kind, model_type) == (VIDEO, "qwen2_5_vl") else (1.0, 1.0)
        start = 1 + max((max(place) for place in found), default=-1)
        for step in range(steps):
            if model_type not in WHOLE_VIDEOS:
                text(1)
                start = found[-1][0] + 1
            late = step if model_type in WHOLE_VIDEOS else 0
            time = int(np.float32(np.float32(late) * np.float32(scale[0])) * np.float32(scale[1]))
            for row in range(rows):
                for column in range(columns):
                    found.append((start + time, start + row, start + column))
        text(1)
    return found


TEXTS = st.tuples(st.just(TEXT), st.integers(1, 5), st.just(1), st.just(1), st.just(1.0))
IMAGES = st.tuples(st.just(IMAGE), st.just(1), st.integers(1, 4), st.integers(1, 4), st.just(1.0))
SECONDS = st.integers(1, 9_000).map(lambda milliseconds: milliseconds / 1000)
VIDEOS = st.tuples(st.just(VIDEO), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), SECONDS)


@pytest.mark.parametrize("model_type", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
@given(
    parts=st.lists(st.one_of(TEXTS, IMAGES, VIDEOS), min_size=1, max_size=6),
    tokens=st.sampled_from([1, 2, 4, 25]),
)
def test_rows_of_texts_images_and_videos_are_counted_token_by_token(
    model_type: str, parts: list[Part], tokens: int
) -> None:
    types_L, seen = row_of(parts, model_type)
    found_3L = positions(types_L, seen, config_of(model_type, tokens))
    assert found_3L.T.tolist() == [list(place) for place in counted(parts, model_type, tokens)]


class TestByHand:
    """Two tokens of text, a video of 3 steps of 2 x 2 tokens, and text."""

    TYPES = torch.tensor([0, 0, *[2] * 12, 0, 0])
    GRID = torch.tensor([[3, 4, 4]])

    def of(self, model_type: str, seconds: float) -> Tensor:
        seen = {"video_grid_thw": self.GRID, "second_per_grid_ts": torch.tensor([seconds])}
        return positions(self.TYPES, seen, config_of(model_type))

    def test_the_text_goes_on_behind_the_last_moment_of_a_slow_video(self) -> None:
        """Two positions a second: steps of 3 s stand at 2, 8 and 14, and the text from 15 on."""
        time, row, column = self.of("qwen2_5_vl", 3.0).tolist()
        assert time == [0, 1, *[2] * 4, *[8] * 4, *[14] * 4, 15, 16]
        assert row == [0, 1, *[2, 2, 3, 3] * 3, 15, 16]
        assert column == [0, 1, *[2, 3, 2, 3] * 3, 15, 16]

    def test_the_seconds_are_cut_to_positions_only_after_they_are_multiplied(self) -> None:
        """Steps of 0.7 s stand at long(0, 1.4, 2.8) = 0, 1, 2."""
        assert self.of("qwen2_5_vl", 0.7)[0].tolist() == [0, 1, *[2] * 4, *[3] * 4, *[4] * 4, 5, 6]

    def test_a_quick_video_ends_in_its_rows_and_columns(self) -> None:
        assert self.of("qwen2_5_vl", 0.2)[0].tolist() == [0, 1, *[2] * 12, 4, 5]

    def test_qwen2_counts_the_steps_themselves(self) -> None:
        seen = {"video_grid_thw": self.GRID}
        found_3L = positions(self.TYPES, seen, config_of("qwen2_vl"))
        assert found_3L[0].tolist() == [0, 1, *[2] * 4, *[3] * 4, *[4] * 4, 5, 6]

    def test_products_are_rounded_as_in_the_release(self) -> None:
        """In float32, 5 steps of 1.4 s are 7 s and 14 positions; 1.4 there is a little less than 1.4."""
        seen = {"video_grid_thw": torch.tensor([[6, 2, 2]]), "second_per_grid_ts": torch.tensor([1.4])}
        found_3L = positions(torch.full((6,), 2), seen, config_of("qwen2_5_vl"))
        assert found_3L[0].tolist() == [0, 2, 5, 8, 11, 14]

    @pytest.mark.parametrize(
        ("types", "seen"),
        [
            ([0, 2, 2, 0], {"video_grid_thw": torch.tensor([[1, 2, 2]])}),
            ([0, 2, 0], {}),
            ([0, 0], {"image_grid_thw": torch.tensor([[1, 2, 2]])}),
        ],
    )
    def test_tokens_and_grids_that_do_not_match_are_refused(
        self, types: list[int], seen: dict[str, Tensor]
    ) -> None:
        with pytest.raises(ValueError, match=r"visual tokens|no tokens"):
            positions(torch.tensor(types), seen, config_of("qwen2_5_vl"))


class TestUntoldTimes:
    """Two positions a second."""

    @pytest.mark.parametrize(
        ("shown", "seconds", "said"),
        [
            ([0.0, 1.0, 2.0, 3.0], 1.0, None),
            ([5.0, 5.5, 6.0], 0.5, None),  # positions 0, 1, 2
            ([0.0, 0.4, 0.8, 1.2], 0.4, "1 of its 4 steps, 0.40 s apart"),  # positions 0, 0, 1, 2
            ([0.0, 0.064, 0.289, 0.625], 0.24, "2 of its 4 steps"),  # positions 0, 0, 0, 1
            ([0.0, 1.0, 2.0, 9.0], 3.0, "step 3 is shown at 2.00 s and told as 6.00 s"),
            ([0.0, 1.2, 1.8, 3.0], 1.0, None),  # told within half a step
            ([2.0, 2.0, 2.0], 0.002, None),  # one picture, shown again and again
            ([2.0], 0.002, None),
        ],
    )
    def test_by_hand(self, shown: list[float], seconds: float, said: str | None) -> None:
        note = untold_times(shown, seconds, 2)
        assert note is None if said is None else said in str(note)


@pytest.mark.parametrize("family", [*FAMILIES, *OTHER_FAMILIES])
def test_transformers_counts_the_same_where_no_time_lies_beyond_rows_and_columns(family: str) -> None:
    model, _ = random_model(family)
    encoder = random_encoder(family)
    prompts = [
        encoder.encode(QUESTION, frames_at([0.0, 0.1, 0.3, 0.4], 120, 200)),
        encoder.encode(ABOUT_IMAGE, frames_at([0.0], 90, 40)),
        encoder.encode(QUESTION, None),
    ]
    batch = pad_prompts(model.config, prompts, pad_token=0)
    types_RL = torch.stack(
        [
            torch.nn.functional.pad(p.token_types_L, (batch.mask_RL.shape[1] - len(p.token_types_L), 0))
            for p in prompts
        ]
    )
    theirs_3RL, deltas = model.model.get_rope_index(
        batch.input_ids_RL, mm_token_type_ids=types_RL, attention_mask=batch.mask_RL, **visual_grids(prompts)
    )
    assert torch.equal(batch.positions_3RL, theirs_3RL)
    assert torch.equal(batch.next_position_R, deltas[:, 0] + batch.mask_RL.sum(dim=1))


@pytest.mark.parametrize("family", WHOLE_VIDEOS)
def test_a_rollout_goes_on_behind_the_video_whatever_offset_the_model_keeps(family: str) -> None:
    """transformers keeps a row's offset in the model; a pass over the cache must not read that of another prompt."""
    model, _ = random_model(family, seed=3)
    encoder = random_encoder(family)
    prompt = encoder.encode(QUESTION, frames_at([3.0 * index for index in range(16)], 56, 56))
    model.model.rope_deltas = torch.tensor([[-1234]])
    end = encoder.tokenizer.eos_token_id
    roller = Roller(model, pad_token=0, end_tokens=[end], special_tokens=encoder.special_tokens)
    with torch.no_grad():
        features = encode_visuals(model, [prompt])
        ((completion,),) = roller.roll([prompt], features, [1], Sampling(10, temperature=0.0), [0])
        batch = batch_prompts(model, [prompt], 0)
        following = batch.next_position_R + torch.arange(len(completion.ids))
        logits = model(
            input_ids=torch.cat([prompt.input_ids_L, torch.tensor(completion.ids)])[None],
            position_ids=torch.cat([batch.positions_3RL, following.expand(3, 1, -1)], dim=2),
            **visual_inputs([prompt]),
            use_cache=False,
        ).logits[0, len(prompt.input_ids_L) - 1 : -1]
    forbidden = sorted(encoder.special_tokens - {end})
    assert logits.index_fill(1, torch.tensor(forbidden), -torch.inf).argmax(dim=1).tolist() == list(
        completion.ids
    )
