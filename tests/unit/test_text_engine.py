"""Language models that see nothing: what they read, batches, draws, and a question that fails among others."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.errors import UsageError
from retroflip.inference.base import Answer, Engine, Medium, Question, Reply, Request, Sampling, Wanted
from retroflip.inference.registry import load_engine
from retroflip.inference.shared import SharedEngine
from retroflip.inference.texts import TextEngine

WORDS = (
    "<unk>", "</s>", "what", "is", "a", "of", "red", "blue", "one", "two", "three", "four", "five", "Think",
    "system", ":",
)  # fmt: skip
TEMPLATE = "{% for m in messages %}{{ m.role }} : {{ m.content }} {% endfor %}a :"
GREEDY, DRAWN = Sampling(6, 0.0), Sampling(6, 1.0)


def sample(words: str) -> Sample:
    return Sample(
        id=words, modality=Modality.TEXT, video="", question=words, solution="red",
        problem_type=ProblemType.FREE_FORM, source_clip=words,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    vocabulary = {word: place for place, word in enumerate(WORDS)}
    special = {"unk_token": "<unk>", "eos_token": "</s>"}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=special["unk_token"]))
    tokenizer.pre_tokenizer = Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=TEMPLATE, **special)
    fast.save_pretrained(tmp_path)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        bos_token_id=0, eos_token_id=1, initializer_range=1.0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    return tmp_path


def engine_of(folder: Path, **more: Any) -> TextEngine:
    engine = load_engine(Wanted(str(folder), system_prompt="", **more), "text").engine
    assert isinstance(engine, TextEngine)
    return engine


def ask(
    engine: TextEngine, *words: str, sampling: Sampling = GREEDY, seeds: tuple[int, ...] = (0,)
) -> list[Reply]:
    requests = [Request((), (Question(sample(text), seeds),)) for text in words]
    answers = list(engine.answer(requests, sampling))
    assert [one[:3] for one in answers] == [(n, 0, d) for n in range(len(words)) for d in range(len(seeds))]
    return [one.reply for one in answers]


def test_answers_are_those_of_the_models_own_generate(folder: Path) -> None:
    engine = engine_of(folder)
    (reply,) = ask(engine, "what is red")
    ids = engine.tokenizer("user : what is red a :", return_tensors="pt", add_special_tokens=False)[
        "input_ids"
    ]
    row = engine.model.generate(ids, max_new_tokens=6, do_sample=False, pad_token_id=1)[0, ids.shape[1] :]
    assert reply.text == engine.tokenizer.decode(row, skip_special_tokens=True)
    assert reply.finish == ("stop" if 1 in row.tolist() else "length")


@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_a_batch_says_what_each_question_alone_does(folder: Path, at_once: int) -> None:
    words = ["what", "one two three four five", "what is blue", "red red red red red red red red"]
    alone = [ask(engine_of(folder), one)[0] for one in words]
    assert ask(engine_of(folder, at_once=at_once), *words) == alone


def test_draws_repeat_with_their_seeds_and_differ_between_them(folder: Path) -> None:
    engine = engine_of(folder)
    first = ask(engine, "what is red", "of a", sampling=DRAWN, seeds=(1, 2, 3))
    assert ask(engine, "what is red", "of a", sampling=DRAWN, seeds=(1, 2, 3)) == first
    assert len({reply.text for reply in first[:3]}) > 1


def test_the_system_prompt_stands_before_the_question(folder: Path) -> None:
    engine = engine_of(folder)
    assert engine._prompt(Question(sample("what"))) == "user : what a :"
    engine.system_prompt = "Think"
    assert engine._prompt(Question(sample("what"))) == "system : Think user : what a :"
    engine.tokenizer.chat_template = None
    assert engine._prompt(Question(sample("what"))) == "Think\n\nwhat\n\n"


def test_a_conversation_goes_on(folder: Path) -> None:
    engine = engine_of(folder)
    asked = Question(sample("what"), turns=("red", "is a"))
    assert engine._prompt(asked) == "user : what assistant : red user : is a a :"
    engine.tokenizer.chat_template = None
    assert engine._prompt(asked) == "what\n\nred\n\nis a\n\n"


class Counting:
    """A text engine that notes how many requests it got at a time, is not done with the first before it may, and fails
    where it is asked about blue."""

    def __init__(self, engine: TextEngine) -> None:
        self.engine, self.batches, self.may_go_on = engine, list[int](), threading.Event()

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        self.batches.append(len(requests))
        self.may_go_on.wait(30)
        if any("blue" in request.questions[0].sample.question for request in requests):
            raise ValueError("no blue")
        yield from self.engine.answer(requests, sampling)


def wait_until(shared: SharedEngine, count: int) -> None:
    """Wait until so many threads wait for the engine."""
    deadline = time.monotonic() + 30
    while len(shared._waiting) < count and time.monotonic() < deadline:
        time.sleep(0.01)


def test_many_threads_are_answered_together_and_as_each_alone(folder: Path) -> None:
    counted = Counting(engine_of(folder))
    shared = SharedEngine(cast(Engine, counted))
    words = ["what is " + " ".join(["red"] * number) for number in range(8)]
    requests = [Request((), (Question(sample(text)),)) for text in words]
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(shared.ask, one, GREEDY) for one in requests]
        wait_until(shared, 7)
        counted.may_go_on.set()
        assert [one.result() for one in found] == ask(counted.engine, *words)
    assert counted.batches == [1, 7]


def test_an_error_that_one_thread_meets_leaves_none_waiting(folder: Path) -> None:
    counted = Counting(engine_of(folder))
    shared = SharedEngine(cast(Engine, counted))
    requests = [Request((), (Question(sample(text)),)) for text in ("what", "red", "blue")]

    def asked(request: Request) -> str:
        try:
            return str(shared.ask(request, GREEDY).error)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(asked, one) for one in requests]
        wait_until(shared, 2)
        counted.may_go_on.set()
        told = [one.result() for one in found]
    assert told[2] == "no blue"
    assert set(told[:2]) <= {"None", "no blue"}
    assert asked(requests[0]) == "None"


@pytest.mark.parametrize("at_once", [1, 8])
def test_a_question_that_fails_is_a_reply_among_others(folder: Path, at_once: int) -> None:
    engine = engine_of(folder, at_once=at_once)
    engine.tokenizer.chat_template = (
        "{% for m in messages %}{% if 'blue' in m.content %}{{ raise_exception('no blue') }}{% endif %}"
        "{{ m.content }}{% endfor %}"
    )
    good, bad, again = ask(engine, "what", "blue", "what")
    assert bad.error is not None
    assert "no blue" in bad.error
    assert good == again
    assert good.error is None


def test_what_is_shown_something_is_refused_and_what_is_no_text_model_is_named(
    folder: Path, tmp_path: Path
) -> None:
    shown = Request((Medium(file=Path("v.mp4")),), (Question(sample("what")),))
    with pytest.raises(UsageError, match="takes frames and no files"):
        list(engine_of(folder).answer([shown], GREEDY))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="No text model can be loaded"):
        engine_of(tmp_path / "empty")
