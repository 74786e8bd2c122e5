"""What a model reads: a placeholder for every feature, the time of every frame, and the same alone or in a batch."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from random_models import FAMILIES, random_encoder, random_model
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import BlindnessError
from retroflip.models.encoding import Encoder, Prompt, batch_prompts
from retroflip.models.tiny.architecture import PADDING, REASONING_TOKENS, SPECIAL_TOKENS
from retroflip.video.frames import Frames
from separate_rows import prompts_of

QUESTION = Sample(
    id="q",
    video="q.mp4",
    question="Where does it go?",
    options=("left", "right"),
    solution="A",
    problem_type=ProblemType.MULTIPLE_CHOICE,
    source_clip="q",
)


def frames_at(seconds: Sequence[float], height: int = 64, width: int = 64) -> Frames:
    """Return frames of noise shown at these seconds."""
    pixels = np.random.default_rng(0).integers(0, 256, (len(seconds), 3, height, width), dtype=np.uint8)
    return Frames(pixels, tuple(seconds))


def text_of(prompt: Prompt) -> str:
    """Return the prompt as text, special tokens too."""
    return str(random_encoder("qwen3_vl").tokenizer.decode(prompt.input_ids_L))


def stamps_of(prompt: Prompt) -> list[float]:
    """Return the time stamps that the prompt names."""
    return [float(stamp) for stamp in re.findall(r"<(\d+\.\d) seconds>", text_of(prompt))]


def milliseconds(count: tuple[int, int]) -> st.SearchStrategy[list[int]]:
    """Return times that never decrease, of a first frame at 0."""
    gaps = st.lists(st.integers(0, 5_000), min_size=count[0] - 1, max_size=count[1] - 1)
    return gaps.map(lambda steps: np.cumsum([0, *steps]).tolist())


class TestVisualTokens:
    @pytest.mark.parametrize("family", FAMILIES)
    @pytest.mark.parametrize(
        ("count", "height", "width"), [(8, 64, 64), (4, 48, 96), (5, 200, 40), (2, 33, 47)]
    )
    def test_there_is_one_placeholder_for_every_feature(
        self, family: str, count: int, height: int, width: int
    ) -> None:
        encoder = random_encoder(family)
        prompt = encoder.encode(QUESTION, frames_at([0.5 * i for i in range(count)], height, width))
        assert prompt.grid_thw is not None
        assert prompt.pixels_PD is not None
        steps, rows, columns = prompt.grid_thw[0].tolist()
        placeholders = prompt.input_ids_L == encoder.processor.video_token_id
        assert steps == -(-count // 2)
        assert int(placeholders.sum()) == steps * (rows // 2) * (columns // 2)
        assert len(prompt.pixels_PD) == steps * rows * columns
        assert torch.equal(placeholders, prompt.token_types_L == 2)

    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_single_frame_is_shown_twice(self, family: str) -> None:
        encoder = random_encoder(family)
        once = frames_at([1.5])
        twice = Frames(np.repeat(once.pixels_TCHW, 2, axis=0), (1.5, 1.5))
        alone, doubled = encoder.encode(QUESTION, once), encoder.encode(QUESTION, twice)
        assert torch.equal(alone.input_ids_L, doubled.input_ids_L)
        assert alone.pixels_PD is not None
        assert doubled.pixels_PD is not None
        assert torch.equal(alone.pixels_PD, doubled.pixels_PD)
        assert stamps_of(alone) == ([1.5] if family == "qwen3_vl" else [])

    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_prompt_of_text_has_nothing_to_see(self, family: str) -> None:
        encoder = random_encoder(family)
        prompt = encoder.encode(QUESTION, None)
        assert (prompt.pixels_PD, prompt.grid_thw, prompt.seconds_per_grid) == (None, None, None)
        assert not prompt.token_types_L.any()
        assert "vision" not in text_of(prompt)
        assert "seconds" not in text_of(prompt)
        seeing = text_of(encoder.encode(QUESTION, frames_at([0.0, 1.0])))
        for part in (
            "Where does it go?",
            "\nA. left\nB. right",
            "<|im_start|>assistant\n",
            encoder.system_prompt,
        ):
            assert part in text_of(prompt)
            assert part in seeing

    @pytest.mark.parametrize("frames", [None, frames_at([0.0, 1.0])], ids=["text only", "video"])
    def test_a_placeholder_in_the_question_is_refused(self, frames: Frames | None) -> None:
        sample = QUESTION.model_copy(update={"question": "What does <|video_pad|> mean?"})
        with pytest.raises((BlindnessError, ValueError), match="video_pad"):
            random_encoder("qwen3_vl").encode(sample, frames)


class TestTime:
    @given(milliseconds((2, 9)))
    def test_qwen3_reads_the_seconds_of_its_frames_averaged_in_twos(self, times: list[int]) -> None:
        prompt = random_encoder("qwen3_vl").encode(
            QUESTION, frames_at([time / 1000 for time in times], 32, 32)
        )
        even = times + times[-1:] * (len(times) % 2)  # an odd last frame is shown twice
        means = [(first + second) / 2000 for first, second in zip(even[::2], even[1::2], strict=True)]
        assert stamps_of(prompt) == pytest.approx(means, abs=0.05 + 1e-9)
        assert prompt.seconds_per_grid is None

    def test_every_stamp_stands_before_its_two_frames(self) -> None:
        prompt = random_encoder("qwen3_vl").encode(
            QUESTION, frames_at([0.0, 1.0, 3.0, 7.0, 7.5, 8.5], 32, 32)
        )
        step = r"<(\d\.\d) seconds><\|vision_start\|>(?:<\|video_pad\|>){4}<\|vision_end\|>"
        assert re.findall(step, text_of(prompt)) == ["0.5", "5.0", "8.0"]

    @given(milliseconds((2, 9)).filter(lambda times: times[-1] >= len(times)))
    def test_qwen2_5_takes_the_mean_spacing_of_two_frames(self, times: list[int]) -> None:
        prompt = random_encoder("qwen2_5_vl").encode(
            QUESTION, frames_at([time / 1000 for time in times], 56, 56)
        )
        assert prompt.seconds_per_grid == pytest.approx(2 * times[-1] / (len(times) - 1) / 1000, abs=2e-3)
        assert stamps_of(prompt) == []

    def test_qwen2_5_counts_its_positions_in_seconds(self) -> None:
        """2 tokens a second, here 2 frames of 0.5 s to a step: steps stand 2 apart."""
        model, _ = random_model("qwen2_5_vl")
        encoder = random_encoder("qwen2_5_vl")
        prompt = encoder.encode(QUESTION, frames_at([0.5 * i for i in range(8)], 56, 56))
        assert prompt.seconds_per_grid == pytest.approx(1.0)
        time_L = batch_prompts(model, [prompt], 0).positions_3RL[0, 0]
        visual = time_L[prompt.input_ids_L == encoder.processor.video_token_id]
        assert (visual.unique() - visual[0]).tolist() == [0, 2, 4, 6]


class TestTokens:
    def test_special_tokens_are_qwens_and_reasoning_marks_are_not_among_them(self) -> None:
        encoder = random_encoder("qwen3_vl")
        ids = encoder.tokenizer.get_vocab()
        assert encoder.special_tokens == {ids[token] for token in SPECIAL_TOKENS}
        assert not encoder.special_tokens & {ids[token] for token in REASONING_TOKENS}

    def test_decoding_leaves_out_the_end_and_padding_alone(self) -> None:
        encoder = random_encoder("qwen3_vl")
        text = "<think>it goes left</think>\n\\boxed{left}<|im_start|>"
        ids = encoder.tokenizer(f"{text}<|im_end|>{PADDING}{PADDING}")["input_ids"]
        assert encoder.decode(ids) == text
        assert encoder.decode(torch.tensor(ids)) == text


class TestBatches:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_padded_prompt_stands_where_it_stands_alone(self, family: str) -> None:
        model, _ = random_model(family)
        encoder = random_encoder(family)
        prompts = [*prompts_of(encoder), encoder.encode(QUESTION, None)]
        pad = encoder.tokenizer.pad_token_id
        batch = batch_prompts(model, prompts, pad)
        longest = max(len(prompt.input_ids_L) for prompt in prompts)
        assert batch.input_ids_RL.shape == batch.mask_RL.shape == (len(prompts), longest)
        assert len({len(prompt.input_ids_L) for prompt in prompts}) > 1
        for row, prompt in enumerate(prompts):
            length = len(prompt.input_ids_L)
            assert batch.mask_RL[row].tolist() == [0] * (longest - length) + [1] * length
            assert batch.input_ids_RL[row, : longest - length].eq(pad).all()
            assert torch.equal(batch.input_ids_RL[row, longest - length :], prompt.input_ids_L)
            alone = batch_prompts(model, [prompt], pad)
            assert torch.equal(batch.positions_3RL[:, row, longest - length :], alone.positions_3RL[:, 0])
            assert batch.next_position_R[row] == alone.next_position_R[0]

    def test_text_is_counted_from_zero(self) -> None:
        model, _ = random_model("qwen3_vl")
        prompt = random_encoder("qwen3_vl").encode(QUESTION, None)
        batch = batch_prompts(model, [prompt], 0)
        length = len(prompt.input_ids_L)
        assert torch.equal(batch.positions_3RL[:, 0], torch.arange(length).expand(3, -1))
        assert batch.next_position_R.tolist() == [length]


def test_a_thought_that_the_chat_template_opens_is_part_of_the_response(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, processor = random_model("qwen3_vl")
    ids = processor.tokenizer("it moves</think>")["input_ids"]
    assert Encoder(processor).decode(ids) == "it moves</think>"
    opening = "{%- if add_generation_prompt -%}{{ '<think>\\n' }}{%- endif -%}"
    monkeypatch.setattr(processor, "chat_template", processor.chat_template + opening)
    assert Encoder(processor).decode(ids) == "<think>it moves</think>"
