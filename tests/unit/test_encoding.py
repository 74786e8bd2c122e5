"""What a model reads: a placeholder for every feature, the time of every frame, and the same alone or in a batch."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from random_models import FAMILIES, random_encoder, random_model
from random_scorers import random_llava_onevision
from retroflip.data.record_notes import NOTES, Notes, gather_notes
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.errors import BlindnessError, UsageError
from retroflip.files.shards import shard
from retroflip.files.storage import read_jsonl
from retroflip.models.encoding import Encoder, Prompt, batch_prompts, visual_grids, visual_inputs
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
ABOUT_IMAGE = QUESTION.model_copy(update={"modality": Modality.IMAGE, "video": "q.png"})
TEXT = QUESTION.model_copy(update={"modality": Modality.TEXT, "video": ""})


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

    @pytest.mark.parametrize(
        ("asked", "frames"),
        [
            (QUESTION, None),
            (QUESTION, frames_at([0.0, 1.0])),
            (ABOUT_IMAGE, None),
            (ABOUT_IMAGE, frames_at([0.0])),
            (TEXT, None),
        ],
        ids=["text only", "video", "image's text only", "image", "text"],
    )
    @pytest.mark.parametrize("token", ["<|video_pad|>", "<|image_pad|>"])
    def test_a_placeholder_in_the_question_is_refused(
        self, asked: Sample, frames: Frames | None, token: str
    ) -> None:
        sample = asked.model_copy(update={"question": f"What does {token} mean?"})
        with pytest.raises((BlindnessError, ValueError), match=re.escape(token) + "|images|videos"):
            random_encoder("qwen3_vl").encode(sample, frames)


class TestImages:
    @pytest.mark.parametrize("family", FAMILIES)
    @pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 96), (200, 40), (33, 3), (1, 150)])
    def test_an_image_is_what_the_processor_makes_of_the_picture(
        self, family: str, height: int, width: int
    ) -> None:
        encoder = random_encoder(family)
        frame = frames_at([0.0], height, width)
        prompt = encoder.encode(ABOUT_IMAGE, frame)
        assert prompt.is_image
        assert prompt.seconds_per_grid is None
        assert prompt.grid_thw is not None
        assert prompt.pixels_PD is not None
        steps, rows, columns = prompt.grid_thw[0].tolist()
        placeholders = prompt.input_ids_L == encoder.processor.image_token_id
        assert steps == 1
        assert int(placeholders.sum()) == (rows // 2) * (columns // 2)
        assert torch.equal(placeholders, prompt.token_types_L == 1)
        assert not (prompt.input_ids_L == encoder.processor.video_token_id).any()
        picture = Image.fromarray(frame.pixels_TCHW[0].transpose(1, 2, 0))
        expected = encoder.processor.image_processor([picture], return_tensors="pt")
        assert torch.equal(prompt.grid_thw, expected["image_grid_thw"])
        assert torch.equal(prompt.pixels_PD, expected["pixel_values"])

    def test_it_stands_where_a_video_would_and_has_no_time(self) -> None:
        text = text_of(random_encoder("qwen3_vl").encode(ABOUT_IMAGE, frames_at([0.0], 64, 64)))
        assert re.search(
            r"<\|im_start\|>user\n<\|vision_start\|>(<\|image_pad\|>)+<\|vision_end\|>Where does it go\?",
            text,
        )
        assert "seconds" not in text

    def test_an_image_has_one_frame_and_a_text_has_none(self) -> None:
        encoder = random_encoder("qwen3_vl")
        with pytest.raises(ValueError, match="image and cannot have 2 frames"):
            encoder.encode(ABOUT_IMAGE, frames_at([0.0, 1.0]))
        with pytest.raises(ValueError, match="text and cannot have 1 frames"):
            encoder.encode(TEXT, frames_at([0.0]))

    def test_a_prompt_that_lost_part_of_its_image_is_refused(self) -> None:
        encoder = random_encoder("qwen3_vl")
        whole = encoder.encode(ABOUT_IMAGE, frames_at([0.0]))
        first = int((whole.input_ids_L == encoder.processor.image_token_id).nonzero()[0])
        short = torch.cat([whole.input_ids_L[:first], whole.input_ids_L[first + 1 :]])
        with pytest.raises(BlindnessError, match=r"3 visual placeholder tokens for 4 .* part of the image"):
            encoder.check(replace(whole, input_ids_L=short), ABOUT_IMAGE)
        with pytest.raises(BlindnessError, match="part of the video"):
            encoder.check(replace(whole, is_image=False), ABOUT_IMAGE)


class TestSystemPrompt:
    CASES = (
        (QUESTION, [0.0, 1.0], "Watch the video. First"),
        (ABOUT_IMAGE, [0.0], "Look at the image. First"),
    )

    @pytest.mark.parametrize(("sample", "seconds", "begins"), [*CASES, (TEXT, [], "First think")])
    def test_the_built_in_one_speaks_of_what_is_there(
        self, sample: Sample, seconds: list[float], begins: str
    ) -> None:
        prompt = random_encoder("qwen3_vl").encode(sample, frames_at(seconds) if seconds else None)
        assert text_of(prompt).startswith(f"<|im_start|>system\n{begins}")
        assert text_of(prompt).count("only the final answer inside \\boxed{}") == 1

    @pytest.mark.parametrize(("sample", "seconds", "begins"), [*CASES, (TEXT, [], "First think")])
    def test_a_stated_one_stands_before_everything(
        self, sample: Sample, seconds: list[float], begins: str
    ) -> None:
        encoder = Encoder(random_encoder("qwen3_vl").processor, "Answer at once.")
        text = text_of(encoder.encode(sample, frames_at(seconds) if seconds else None))
        assert text.startswith("<|im_start|>system\nAnswer at once.<|im_end|>")
        assert begins not in text


class TestOddCounts:
    """Models merge frames in twos; views may choose any number."""

    @pytest.mark.parametrize("family", FAMILIES)
    @pytest.mark.parametrize("count", [1, 3, 5])
    def test_the_last_frame_is_shown_twice_with_its_time(self, family: str, count: int) -> None:
        encoder = random_encoder(family)
        odd = frames_at([0.5 + 0.7 * index for index in range(count)], 100, 75)
        even = Frames(
            np.concatenate([odd.pixels_TCHW, odd.pixels_TCHW[-1:]]), (*odd.seconds, odd.seconds[-1])
        )
        filled, given_whole = encoder.encode(QUESTION, odd), encoder.encode(QUESTION, even)
        assert torch.equal(filled.input_ids_L, given_whole.input_ids_L)
        for one, other in (
            (filled.pixels_PD, given_whole.pixels_PD),
            (filled.grid_thw, given_whole.grid_thw),
        ):
            assert one is not None
            assert other is not None
            assert torch.equal(one, other)

    @pytest.mark.parametrize("count", [3, 5, 7])
    def test_the_pixel_budget_is_that_of_the_frames_shown(self, count: int) -> None:
        """The budget of the random model: eight frames of 64 x 64, in patches of 16 x 16."""
        prompt = random_encoder("qwen3_vl").encode(
            QUESTION, frames_at([float(i) for i in range(count)], 300, 300)
        )
        assert prompt.grid_thw is not None
        steps, rows, columns = prompt.grid_thw[0].tolist()
        assert steps == (count + 1) // 2
        assert 2 * steps * rows * columns * 16 * 16 <= 8 * 64 * 64

    def test_stamps_of_three_five_and_six_frames(self) -> None:
        encoder = random_encoder("qwen3_vl")
        seconds = [0.0, 1.0, 3.0, 4.0, 8.0, 9.0]
        stamps = {
            count: stamps_of(encoder.encode(QUESTION, frames_at(seconds[:count]))) for count in (3, 5, 6)
        }
        assert stamps == {3: [0.5, 3.0], 5: [0.5, 3.5, 8.0], 6: [0.5, 3.5, 8.5]}

    def test_qwen2_5_takes_the_spacing_of_the_frames_that_are_there(self) -> None:
        prompt = random_encoder("qwen2_5_vl").encode(QUESTION, frames_at([0.0, 1.0, 2.0], 56, 56))
        assert prompt.seconds_per_grid == pytest.approx(
            2.0
        )  # two frames a second apart, not 2 s over 4 frames


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


class TestNotes:
    """Records whose times a model is not told as they are."""

    def test_a_record_is_named_once_and_only_the_first_aloud(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path, processor = tmp_path / "notes.jsonl", random_encoder("qwen2_5_vl").processor
        quick, slow = (
            frames_at([0.1 * i for i in range(8)], 56, 56),
            frames_at([0.5 * i for i in range(8)], 56, 56),
        )
        encoder = Encoder(processor, notes=Notes(path))
        for name, frames in (("a", slow), ("b", quick), ("b", quick), ("c", quick), ("d", None)):
            encoder.encode(QUESTION.model_copy(update={"id": name}), frames)
        again = Encoder(processor, notes=Notes(path))
        for name in ("b", "e"):
            again.encode(QUESTION.model_copy(update={"id": name}), quick)
        assert [row["id"] for row in read_jsonl(path)] == ["b", "c", "e"]
        (warning,) = caplog.messages
        assert warning.startswith(
            "Sample b: 2 of its 4 steps, 0.20 s apart, stand at the moment of the step before"
        )
        assert str(path) in warning

    def test_those_of_several_processes_are_put_together(self, tmp_path: Path) -> None:
        for rank, names in enumerate((["a", "b"], ["b", "c"])):
            for name in names:
                Notes(shard(tmp_path, NOTES, rank)).add(name, "quick.")
        gather_notes(tmp_path)
        assert [row["id"] for row in read_jsonl(tmp_path / NOTES)] == ["a", "b", "c"]
        assert [path.name for path in tmp_path.iterdir()] == [NOTES]

    @pytest.mark.parametrize("family", ["qwen2_vl", "qwen3_vl", "glm46v"])
    def test_families_that_write_times_or_tell_none_need_no_note(self, tmp_path: Path, family: str) -> None:
        encoder = Encoder(random_encoder(family).processor, notes=Notes(tmp_path / "notes.jsonl"))
        encoder.encode(QUESTION, frames_at([0.1 * i for i in range(8)], 56, 56))
        assert not (tmp_path / "notes.jsonl").exists()


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
        picture = encoder.encode(ABOUT_IMAGE, frames_at([0.0], 90, 40))
        first, *others = prompts_of(encoder)
        prompts = [first, picture, *others, encoder.encode(QUESTION, None), picture]
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

    @pytest.mark.parametrize("family", FAMILIES)
    def test_an_image_takes_one_moment_and_a_row_and_column_for_each_of_its_tokens(self, family: str) -> None:
        """2 x 2 tokens that begin at position p: all at time p, rows and columns p and p + 1, and text from p + 2."""
        model, _ = random_model(family)
        encoder = random_encoder(family)
        prompt = encoder.encode(ABOUT_IMAGE, frames_at([0.0], 64, 64))
        batch = batch_prompts(model, [encoder.encode(QUESTION, frames_at([0.0, 9.0])), prompt], 0)
        row_3L = batch.positions_3RL[:, 1, -len(prompt.input_ids_L) :]
        places = (prompt.input_ids_L == encoder.processor.image_token_id).nonzero()[:, 0].tolist()
        start = places[0]
        assert places == list(range(start, start + 4))
        assert (row_3L[:, start : start + 4] - start).tolist() == [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]]
        assert row_3L[:, start + 4].tolist() == [start + 2] * 3
        assert batch.next_position_R[1] == len(prompt.input_ids_L) - 2

    def test_grids_and_pixels_are_told_by_kind_in_the_order_of_the_rows(self) -> None:
        encoder = random_encoder("qwen2_5_vl")
        films = [
            encoder.encode(QUESTION, frames_at([0.0, gap], 56, 56 * n)) for n, gap in ((1, 1.0), (2, 3.0))
        ]
        pictures = [encoder.encode(ABOUT_IMAGE, frames_at([0.0], 56, 28 * n)) for n in (1, 3)]
        mixed = [pictures[0], films[1], encoder.encode(TEXT, None), films[0], pictures[1]]
        inputs = visual_inputs(mixed)
        assert inputs.keys() == visual_grids(mixed).keys() | {"pixel_values", "pixel_values_videos"}
        assert inputs["second_per_grid_ts"].tolist() == pytest.approx([6.0, 2.0])
        for grids, pixels, prompts in (
            ("image_grid_thw", "pixel_values", pictures),
            ("video_grid_thw", "pixel_values_videos", films[::-1]),
        ):
            assert inputs[grids].tolist() == [
                p.grid_thw[0].tolist() for p in prompts if p.grid_thw is not None
            ]
            assert torch.equal(
                inputs[pixels], torch.cat([p.pixels_PD for p in prompts if p.pixels_PD is not None])
            )
        assert visual_inputs([encoder.encode(TEXT, None)]) == {}

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


@pytest.mark.parametrize(
    ("template", "text", "decoded"),
    [
        ("", "<think>one</think>two", "<think>one</think>two"),
        ("<think>\\n", "<think>one</think>two", "<think>one</think>two"),
        ("<think>\\n", "<think>\none</think>two", "<think>one</think>two"),
        ("<think>\\n", "two", "<think></think>two"),
    ],
)
def test_what_is_taught_is_what_is_read(
    monkeypatch: pytest.MonkeyPatch, template: str, text: str, decoded: str
) -> None:
    """A lesson for a model whose chat template opens the thought does not open it again."""
    _, processor = random_model("qwen3_vl")
    opening = f"{{%- if add_generation_prompt -%}}{{{{ '{template}' }}}}{{%- endif -%}}"
    monkeypatch.setattr(processor, "chat_template", processor.chat_template + opening)
    encoder = Encoder(processor)
    ids_C = encoder.response_ids(text)
    assert int(ids_C[-1]) == encoder.tokenizer.eos_token_id
    assert encoder.decode(ids_C) == decoded


GLM = ("glm4v", "glm46v")


def text_of_glm(family: str, prompt: Prompt) -> str:
    """Return a GLM prompt as text, special tokens too."""
    return str(random_encoder(family).tokenizer.decode(prompt.input_ids_L))


class TestGlm:
    """GLM-4V reads a video as one image per step, each with its second behind it."""

    TIMES = (0.0, 1.25, 3.0, 7.0, 7.5, 8.5)

    @pytest.mark.parametrize("family", GLM)
    def test_every_step_is_an_image_with_the_second_of_its_first_frame(self, family: str) -> None:
        prompt = random_encoder(family).encode(QUESTION, frames_at(self.TIMES, 56, 56))
        seconds = ["0.0 seconds", "3.0 seconds", "7.5 seconds"] if family == "glm46v" else ["0", "3", "7"]
        steps = "".join(f"<|begin_of_image|>{'<|image|>' * 4}<|end_of_image|>{second}" for second in seconds)
        assert f"<|begin_of_video|>{steps}<|end_of_video|>Where does it go?" in text_of_glm(family, prompt)
        assert prompt.is_image
        assert prompt.grid_thw is not None
        assert prompt.grid_thw.tolist() == [[1, 4, 4]] * 3
        assert prompt.pixels_PD is not None
        assert len(prompt.pixels_PD) == 3 * 16
        image = random_encoder(family).processor.image_token_id
        assert torch.equal(prompt.token_types_L, (prompt.input_ids_L == image).long())

    @pytest.mark.parametrize("family", GLM)
    def test_an_odd_last_frame_is_shown_twice(self, family: str) -> None:
        encoder, odd = random_encoder(family), frames_at(self.TIMES[:3])
        twice = Frames(np.concatenate([odd.pixels_TCHW, odd.pixels_TCHW[-1:]]), (*odd.seconds, 3.0))
        filled, whole = encoder.encode(QUESTION, odd), encoder.encode(QUESTION, twice)
        assert torch.equal(filled.input_ids_L, whole.input_ids_L)
        assert filled.pixels_PD is not None
        assert whole.pixels_PD is not None
        assert torch.equal(filled.pixels_PD, whole.pixels_PD)

    @pytest.mark.parametrize("family", GLM)
    def test_every_step_takes_one_moment_and_stands_behind_the_last_ones_text(self, family: str) -> None:
        """2 x 2 tokens from position p: all at time p, rows and columns p and p + 1, and text from p + 2."""
        model, _ = random_model(family)
        encoder = random_encoder(family)
        prompt = encoder.encode(QUESTION, frames_at(self.TIMES, 56, 56))
        batch = batch_prompts(model, [encoder.encode(QUESTION, frames_at([0.0])), prompt], 0)
        row_3L = batch.positions_3RL[:, 1, -len(prompt.input_ids_L) :]
        places = prompt.token_types_L.nonzero()[:, 0].view(3, 4)
        for number, place in enumerate(places.tolist()):
            start = place[0] - 2 * number  # each step before took 4 places and 2 positions
            assert row_3L[:, place].tolist() == [
                [start] * 4,
                [start, start, start + 1, start + 1],
                [start, start + 1, start, start + 1],
            ]
            assert row_3L[:, place[-1] + 1].tolist() == [start + 2] * 3
        assert batch.next_position_R[1] == len(prompt.input_ids_L) - 6

    @pytest.mark.parametrize("family", GLM)
    def test_what_was_lost_is_noticed(self, family: str) -> None:
        encoder = random_encoder(family)
        whole = encoder.encode(QUESTION, frames_at(self.TIMES))
        image = encoder.processor.image_token_id
        first = int((whole.input_ids_L == image).nonzero()[0])
        short = torch.cat([whole.input_ids_L[:first], whole.input_ids_L[first + 1 :]])
        with pytest.raises(BlindnessError, match="part of the image would be lost"):
            encoder.check(replace(whole, input_ids_L=short), QUESTION)
        end = int(
            (whole.input_ids_L == encoder.tokenizer.convert_tokens_to_ids("<|end_of_image|>")).nonzero()[1]
        )
        silent = torch.cat([whole.input_ids_L[: end + 1], whole.input_ids_L[end + 2 :]])
        if family == "glm46v":  # its stamps are of several tokens, the first one a digit
            assert encoder.tokenizer.decode(whole.input_ids_L[end + 1]) == "3"
        with pytest.raises(BlindnessError, match="each of its 3 steps of video a time stamp"):
            encoder.check(replace(whole, input_ids_L=silent), QUESTION)

    @pytest.mark.parametrize("frames", [None, frames_at([0.0, 1.0])], ids=["text only", "video"])
    def test_a_placeholder_in_the_question_is_refused(self, frames: Frames | None) -> None:
        sample = QUESTION.model_copy(update={"question": "What does <|image|> mean?"})
        with pytest.raises((BlindnessError, ValueError), match=r"<\|image\|>|images"):
            random_encoder("glm4v").encode(sample, frames)

    def test_the_next_turns_name_ends_a_response_and_is_no_part_of_it(self) -> None:
        encoder = random_encoder("glm4v")
        for end in ("<|user|>", "<|observation|>", "<|im_end|>"):
            ids = encoder.tokenizer(f"<think>it</think>\\boxed{{A}}{end}")["input_ids"]
            assert encoder.decode(ids) == "<think>it</think>\\boxed{A}"


def test_a_processor_of_another_family_is_refused() -> None:
    _, processor = random_llava_onevision()
    with pytest.raises(UsageError, match=r"LlavaOnevisionProcessor writes prompts .* Qwen3-VL and GLM-4V"):
        Encoder(processor)
