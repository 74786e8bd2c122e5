"""A benchmark is asked in its own words, whatever the engine; other words are asked for, and its options stay."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from misbehaving_server import MisbehavingServer
from random_chat_models import random_chat_model
from random_models import qwen_processor, random_tokenizer
from retroflip.bench.asking import Asking
from retroflip.bench.benchmarks import tempcompass
from retroflip.bench.benchmarks.base import Item
from retroflip.bench.manner import Manner, manner_of
from retroflip.bench.questions import Questions, asked_samples, bench_questions, recorded_questions
from retroflip.bench.records import question_digest
from retroflip.data.media import MediumKind, ShownMedium
from retroflip.data.prompt_modes import PromptMode
from retroflip.data.prompts import DIRECT_PROMPT, SYSTEM_PROMPT, interleaved, user_parts, user_text
from retroflip.data.records import write_samples
from retroflip.data.sample import Sample
from retroflip.errors import DataError, UsageError
from retroflip.inference.base import Medium, Question, Request, Sampling
from retroflip.inference.endpoint import EndpointEngine
from retroflip.inference.plain import PlainEngine
from retroflip.llm.settings import Endpoint
from retroflip.models.encoding import Encoder
from retroflip.train.conditions import Conditions, Trained
from retroflip.video.frames import Frames
from small_benchmark import NATIVE, QUESTION, write_tempcompass

GREEDY = Sampling(4, temperature=0.0)
TRAINED = Trained(
    asked=Conditions(frames=6, system_prompt="Look.", null_option=True), own_bounds={}, base="x", lessons=()
)


@pytest.fixture
def questions(tmp_path: Path) -> Questions:
    return bench_questions("tempcompass", write_tempcompass(tmp_path / "tempcompass"))


@pytest.fixture
def sample(questions: Questions) -> Sample:
    return questions.dataset.samples[0]


def frames(count: int = 4) -> Frames:
    pixels = np.full((count, 3, 32, 32), 80, dtype=np.uint8)
    return Frames(pixels, tuple(0.5 * number for number in range(count)))


class TestWords:
    def test_a_benchmarks_own_words_stand_in_place_of_question_and_options(self, sample: Sample) -> None:
        assert user_text(sample) == NATIVE
        assert user_parts(sample) == [NATIVE]

    def test_their_white_space_is_kept(self, sample: Sample) -> None:
        asked = sample.model_copy(update={"asked_as": "\nBest option: ("})
        assert interleaved(asked, [["V"]], lambda text: text) == ["V", "\nBest option: ("]
        assert user_text(asked) == "\nBest option: ("

    def test_they_say_where_each_of_several_media_stands(self, sample: Sample) -> None:
        media = tuple(ShownMedium(kind=MediumKind.VIDEO, path=f"{name}.mp4") for name in "ab")
        update = {"media": media, "asked_as": "One: <video>\nOther: <video>\nWhich?"}
        asked = sample.model_copy(update=update)
        assert interleaved(asked, [["a"], ["b"]], lambda text: text) == [
            *("One: ", "a", "\nOther: ", "b", "\nWhich?")
        ]
        assert user_text(asked) == "One: \nOther: \nWhich?"

    def test_they_are_part_of_what_was_asked(self, sample: Sample) -> None:
        other = sample.model_copy(update={"asked_as": "Which way?"})
        plain = sample.model_copy(update={"asked_as": None})
        assert len({question_digest(one) for one in (sample, other, plain)}) == 3


class TestModes:
    def asked(self, sample: Sample, mode: PromptMode, *, null_option: bool = False) -> Sample:
        return Asking(GREEDY, prompt=mode, null_option=null_option).as_asked(sample)

    def test_other_modes_ask_question_and_options(self, sample: Sample) -> None:
        for mode in (PromptMode.THINK, PromptMode.DIRECT):
            assert user_text(self.asked(sample, mode)) == (
                "What way does the bar go?\nOptions:\nA. to the right\nB. to the left"
            )
        assert user_text(self.asked(sample, PromptMode.NATIVE)) == NATIVE
        assert user_text(self.asked(sample, PromptMode.THINK, null_option=True)).endswith(
            "C. None of the above"
        )

    def test_a_foreign_model_is_asked_as_the_benchmark_asks(self, questions: Questions) -> None:
        mode, conditions = manner_of({}, questions, None)
        assert mode is PromptMode.NATIVE
        assert conditions.asked == Conditions(
            frames=8, sampler="uniform", system_prompt="", null_option=False, max_tokens=512
        )
        assert conditions.origins["frames"] == conditions.origins["system_prompt"] == "benchmark"

    def test_a_model_that_was_trained_here_is_asked_as_it_was_but_for_the_options(
        self, questions: Questions
    ) -> None:
        mode, conditions = manner_of({}, questions, TRAINED)
        assert mode is PromptMode.THINK
        assert (conditions.asked.system_prompt, conditions.asked.frames) == ("Look.", 6)
        assert not conditions.asked.null_option

    @pytest.mark.parametrize(
        ("mode", "system"),
        [
            (PromptMode.NATIVE, "You watch videos."),
            (PromptMode.THINK, None),
            (PromptMode.DIRECT, DIRECT_PROMPT),
        ],
    )
    def test_a_mode_that_is_asked_for_brings_its_system_prompt(
        self, questions: Questions, mode: PromptMode, system: str | None
    ) -> None:
        bench = replace(tempcompass.BENCHMARK, system="You watch videos.")
        found = manner_of({}, questions._replace(bench=bench), TRAINED, mode=mode)
        assert found.prompt is mode
        assert found.conditions.asked.system_prompt == system
        assert found.conditions.origins["system_prompt"] == "flag"

    def test_options_go_before_a_preset_and_that_before_the_benchmark(self, questions: Questions) -> None:
        preset = {"prompt": "direct", "sampler": "qwen-vl-utils", "fps": 2.0, "frames": 64}
        mode, conditions = manner_of({"frames": 16}, questions, None, preset=preset)
        assert mode is PromptMode.DIRECT
        asked = conditions.asked
        assert (asked.frames, asked.sampler, asked.fps) == (16, "qwen-vl-utils", 2.0)
        assert asked.system_prompt == DIRECT_PROMPT
        assert conditions.origins["sampler"] == conditions.origins["system_prompt"] == "preset"
        uniform = manner_of({"sampler": "uniform"}, questions, None, preset=preset).conditions.asked
        assert (uniform.sampler, uniform.fps) == ("uniform", None)

    def test_the_null_option_has_no_place_in_a_benchmarks_own_words(self, questions: Questions) -> None:
        with pytest.raises(UsageError, match="Leave --null-option out"):
            manner_of({"null_option": True}, questions, None)
        found = manner_of({"null_option": True}, questions, None, mode=PromptMode.THINK)
        assert found.conditions.asked.null_option

    def test_records_are_asked_as_the_model_was_trained(self, questions: Questions, tmp_path: Path) -> None:
        write_samples(tmp_path / "records.jsonl", questions.dataset.samples)
        recorded = recorded_questions(tmp_path / "records.jsonl", None, {})
        built = bench_questions(str(tmp_path), None)
        null_options = {
            Manner(*manner_of({}, some, trained)).conditions.asked.null_option
            for some, trained in ((recorded, None), (built, None), (built, TRAINED))
        }
        assert null_options == {False}
        assert manner_of({}, recorded, TRAINED).conditions.asked.null_option
        assert manner_of({}, recorded, None).prompt is PromptMode.THINK


class TestEngines:
    """Every engine reads the very words, and no system prompt where there is none."""

    def test_ours(self, sample: Sample) -> None:
        encoder = Encoder(qwen_processor("qwen3_vl", random_tokenizer()), "")
        read = encoder.tokenizer.decode(encoder.encode(sample, frames()).input_ids_L)
        assert read.count(NATIVE) == 1
        assert "system" not in read
        assert SYSTEM_PROMPT not in read

    def test_transformers(self, sample: Sample) -> None:
        engine = PlainEngine(*random_chat_model("llava_onevision"), "")
        rendered = engine._render(Question(sample), [[{"type": "video"}]])
        assert rendered.count(NATIVE) == 1
        assert SYSTEM_PROMPT not in rendered
        assert engine.settings()["system_prompt"] == ""

    def test_a_server(self, sample: Sample) -> None:
        with MisbehavingServer(lambda _: "B") as server:
            engine = EndpointEngine(Endpoint(base_url=server.url, model="m"), "")
            list(engine.answer([Request((Medium(frames()),), (Question(sample),))], GREEDY))
        (message,) = server.requests[0]["messages"]
        assert message["role"] == "user"
        assert message["content"][-1] == {"type": "text", "text": NATIVE}


class TestNames:
    def test_a_benchmark_needs_its_files(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"--root DIR.*questions/multi-choice\.json.*github"):
            bench_questions("tempcompass", None)
        with pytest.raises(UsageError, match="is not a folder"):
            bench_questions("tempcompass", tmp_path / "absent")

    def test_of_a_missing_file_the_file_is_told_and_not_its_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"absent.mine\.jsonl: the data file cannot be read"):
            recorded_questions(tmp_path / "absent" / "mine.jsonl", None, {})
        with pytest.raises(UsageError, match=r"--root .*nowhere is not a folder"):
            recorded_questions(tmp_path / "mine.jsonl", tmp_path / "nowhere", {})

    def test_what_is_neither_a_name_nor_a_built_one_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="neither the name of a benchmark nor a folder"):
            bench_questions(str(tmp_path), None)
        with pytest.raises(UsageError, match=r"did you mean tempcompass\?"):
            bench_questions("TempCompas", tmp_path)

    def test_a_built_one_is_a_folder_with_its_videos(self, questions: Questions, tmp_path: Path) -> None:
        write_samples(tmp_path / "records.jsonl", questions.dataset.samples)
        built = bench_questions(str(tmp_path), None)
        assert built.dataset.root == tmp_path
        assert len(built.dataset) == 4
        assert built.about["bench"] == str(tmp_path.absolute())

    def test_two_questions_of_one_id_are_refused(self, sample: Sample) -> None:
        def item(**changed: Any) -> Item:
            return Item(sample.model_copy(update=changed), QUESTION)

        with pytest.raises(DataError, match="two questions with the id"):
            list(asked_samples(tempcompass.BENCHMARK, [item(), item(id="other"), item(question="Where?")]))
