"""Chat models of families that retroflip does not know, asked through transformers alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from random_chat_models import CHAT_MODELS, random_chat_model
from random_models import random_model
from retroflip.bench.asking import Asking
from retroflip.bench.generate import generate
from retroflip.bench.records import read_answers
from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import SYSTEM_PROMPT
from retroflip.data.sample import ProblemType, Sample
from retroflip.inference.base import Medium, Question, Reply, Request, Sampling, Wanted
from retroflip.inference.ours import OurEngine
from retroflip.inference.plain import PlainEngine
from retroflip.inference.registry import load_engine
from retroflip.models.encoding import Encoder
from retroflip.progress import Silence
from retroflip.video.budget import PixelBudget
from retroflip.video.frames import Frames

SAMPLE = Sample(
    id="a",
    video="h264.mp4",
    question="Which way?",
    options=("left", "right"),
    solution="B",
    problem_type=ProblemType.MULTIPLE_CHOICE,
    source_clip="c",
)
ASKED = Question(SAMPLE)
GREEDY = Sampling(5, 0.0)


def frames(seed: int = 0, count: int = 5) -> Frames:
    pixels = np.random.default_rng(seed).integers(0, 255, (count, 3, 64, 64)).astype(np.uint8)
    return Frames(pixels, tuple(0.5 * number for number in range(count)))


@pytest.fixture(autouse=True)
def _words_for_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """SmolVLM's processor writes the number of frames in words, by a package that is not among the pins."""
    monkeypatch.setattr("transformers.models.smolvlm.processing_smolvlm.num2words", str)


@pytest.fixture(params=CHAT_MODELS)
def engine(request: pytest.FixtureRequest) -> PlainEngine:
    return PlainEngine(*random_chat_model(request.param))


def ask(one: PlainEngine, media: tuple[Medium, ...], sampling: Sampling = GREEDY, *seeds: int) -> list[Reply]:
    request = Request(media, (Question(SAMPLE, seeds or (0,)),))
    return [answer.reply for answer in one.answer([request], sampling)]


def test_answers_are_those_of_the_models_own_generate(engine: PlainEngine) -> None:
    """The model's configuration may hold other ways of drawing, which nobody asked for here."""
    video = frames()
    (reply,) = ask(engine, (Medium(video),))
    inputs = engine._encode((Medium(video),), ASKED)
    read = inputs["input_ids"].shape[1]
    with torch.no_grad():
        logits = engine.model(**inputs).logits[0, -1]
        written = engine.model.generate(**inputs, max_new_tokens=5, do_sample=False)[0, read:]
    tokenizer = engine.processor.tokenizer
    letters = [tokenizer.encode(letter)[0] for letter in "AB"]
    assert reply.error is None
    assert reply.text == tokenizer.decode(written, skip_special_tokens=True)
    assert (reply.tokens, reply.truncated) == (5, True)
    assert reply.log_probs is not None
    np.testing.assert_allclose(
        list(reply.log_probs.values()), logits.log_softmax(-1)[letters].tolist(), atol=1e-5
    )
    engine.model.generation_config.repetition_penalty = 9.0
    assert ask(engine, (Medium(video),)) == [reply]


def test_every_frame_is_seen_and_draws_repeat_with_their_seeds(engine: PlainEngine) -> None:
    video = frames()
    other = Frames(np.concatenate([video.pixels_TCHW[:-1], frames(1).pixels_TCHW[-1:]]), video.seconds)
    first, changed = ask(engine, (Medium(video),))[0], ask(engine, (Medium(other),))[0]
    assert first.log_probs != changed.log_probs
    drawn = ask(engine, (Medium(video),), Sampling(5, 1.3), 1, 2, 1)
    assert drawn[0] == drawn[2] != drawn[1]
    image = (Medium(Frames(video.pixels_TCHW[:1], (0.0,)), is_image=True),)
    for media in (image, ()):
        (reply,) = ask(engine, media)
        assert (reply.error, reply.tokens) == (None, 5)


def test_a_processor_without_videos_is_shown_images() -> None:
    model, processor = random_chat_model("llava_onevision")
    processor.video_processor = None
    engine = PlainEngine(model, processor)
    assert engine.settings()["videos_as"] == "images"
    inputs = engine._encode((Medium(frames()),), ASKED)
    assert inputs["pixel_values"].shape[:2].numel() >= 5
    (reply,) = ask(engine, (Medium(frames()),))
    assert reply.error is None


def test_what_a_processor_or_template_loses_is_an_error_of_the_question() -> None:
    mixed = (Medium(Frames(frames().pixels_TCHW[:1], (0.0,)), is_image=True), Medium(frames()))
    (reply,) = ask(PlainEngine(*random_chat_model("smolvlm")), mixed)
    assert "keeps 5 of 6 frames" in str(reply.error)
    model, processor = random_chat_model("internvl")
    processor.chat_template = "{{ messages[0]['content'][0]['text'] }}"
    replies = ask(PlainEngine(model, processor), (Medium(frames()),), Sampling(5, 1.0), 1, 2)
    assert ["leaves out the question" in str(reply.error) for reply in replies] == [True, True]


@pytest.mark.parametrize("refusal", ["{{ raise_exception('System role not supported') }}", ""])
def test_a_template_without_system_prompts_has_it_in_the_users_words(refusal: str) -> None:
    model, processor = random_chat_model("llava_onevision")
    turns = processor.chat_template
    processor.chat_template = (
        f"{{% if messages[0]['role'] == 'system' %}}{refusal}{{% else %}}{turns}{{% endif %}}"
    )
    engine = PlainEngine(model, processor)
    (reply,) = ask(engine, (Medium(frames()),))
    assert reply.error is None
    read = processor.tokenizer.decode(engine._encode((Medium(frames()),), ASKED)["input_ids"][0])
    assert read.startswith(f"<|im_start|>user\n{SYSTEM_PROMPT}\n<video>")
    assert PlainEngine(model, processor, "")._render(ASKED, []).startswith("<|im_start|>user\nWhich way?")


def test_a_conversation_goes_on(engine: PlainEngine) -> None:
    read = engine._render(Question(SAMPLE, turns=("Left.", "Sure? Again.")), [[{"type": "video"}]])
    assert read.index("Which way?") < read.index("Left.") < read.index("Sure? Again.")
    assert read.casefold().count("assistant") == 2
    (reply,) = [
        answer.reply
        for answer in engine.answer(
            [Request((Medium(frames()),), (Question(SAMPLE, turns=("Left.", "Again.")),))], GREEDY
        )
    ]
    assert reply.error is None
    assert reply.prompt_sha256 != ask(engine, (Medium(frames()),))[0].prompt_sha256


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl", "glm4v"])
def test_our_own_engine_reads_a_conversation_as_transformers_does(name: str) -> None:
    model, processor = random_model(name, seed=3)
    said = ("At <1.0 seconds> it goes left.", "Which way at <2.0 seconds>?")
    request = Request((Medium(frames(count=4)),), (ASKED, Question(SAMPLE, turns=said)))
    ours, plain = (
        [answer.reply for answer in one.answer([request], Sampling(1, 0.0))]
        for one in (OurEngine(model, Encoder(processor)), PlainEngine(model, processor))
    )
    assert [reply.error for reply in (*ours, *plain)] == [None] * 4
    assert [reply.prompt_sha256 for reply in ours] == [reply.prompt_sha256 for reply in plain]


def test_a_family_that_is_known_is_answered_as_by_our_own_engine() -> None:
    """But for its special tokens, which our own never draws."""
    model, processor = random_model("qwen3_vl", seed=3)
    request = Request((Medium(frames(count=4)),), (Question(SAMPLE),))
    (ours,) = OurEngine(model, Encoder(processor)).answer([request], Sampling(1, 0.0))
    (theirs,) = PlainEngine(model, processor).answer([request], Sampling(1, 0.0))
    assert theirs.reply.error is None
    assert theirs.reply.prompt_sha256 == ours.reply.prompt_sha256
    assert theirs.reply.log_probs == pytest.approx(ours.reply.log_probs, abs=1e-5)


def test_a_model_of_an_unknown_family_is_loaded_and_asked(tmp_path: Path, clips: Path) -> None:
    folder, data = tmp_path / "model", tmp_path / "data"
    for part in random_chat_model("llava_onevision"):
        part.save_pretrained(folder)
    data.mkdir()
    (data / "h264.mp4").write_bytes((clips / "h264.mp4").read_bytes())
    wanted = Wanted(str(folder), frames=4, budget=PixelBudget(max_pixels=32 * 32))
    loaded = load_engine(wanted)
    assert isinstance(loaded.engine, PlainEngine)
    dataset = VideoDataset([SAMPLE], data, frames=4, fits=loaded.fits)
    shown = dataset.load(SAMPLE)
    assert shown is not None
    assert shown.pixels_TCHW[0, 0].size <= 32 * 32
    counts = generate(loaded.engine, dataset, tmp_path / "out", Asking(GREEDY), progress=Silence())
    assert counts.answers == 1
    (record,) = read_answers(tmp_path / "out" / "answers.jsonl").records
    assert (record.engine, record.given, record.tokens) == ("transformers", "frames", 5)
    assert set(record.logprobs or ()) == {"A", "B", "C"}


def any_error(*_: Any, **__: Any) -> None:
    raise torch.OutOfMemoryError("no memory")


def test_short_memory_is_no_fault_of_a_question(engine: PlainEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.model, "generate", any_error)
    with pytest.raises(torch.OutOfMemoryError):
        ask(engine, (Medium(frames()),))
