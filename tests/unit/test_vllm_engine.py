"""Questions by vLLM: which requests it gets, and what is made of its answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from random_models import random_encoder, random_model
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import UsageError
from retroflip.inference.base import Medium, Question, Reply, Sampling, Wanted
from retroflip.inference.base import Request as Asked
from retroflip.inference.registry import load_engine
from retroflip.inference.vllm_engine import VLLMEngine
from retroflip.inference.vllm_rollouts import Answer, Drawn, Request, VLLMWriter
from retroflip.models import tiny
from retroflip.video.frames import Frames

SAMPLE = Sample(
    id="a",
    video="v",
    question="Which way?",
    options=("left", "right", "up"),
    solution="B",
    problem_type=ProblemType.MULTIPLE_CHOICE,
    source_clip="c",
)


@dataclass
class Letters:
    """Writes A, B, C ... to its requests in turn, and knows how likely A and B were."""

    ids: Sequence[int]
    end: int
    context: int = 4096
    weights: int = 0
    asked: list[Request] = field(default_factory=list)

    def write(self, requests: Sequence[Request]) -> Mapping[int, Answer]:
        """Answer every request."""
        self.asked += requests
        likely = {self.ids[0]: -1.5, self.ids[1]: -0.5}
        found = {}
        for number, request in enumerate(requests):
            drawn = self.ids[number % 3]
            others = {token: value for token, value in likely.items() if token != drawn}
            rollout = Drawn((drawn, self.end), (likely.get(drawn, -4.0), -0.1), others)
            found[number] = Answer(request.prompt_ids, (rollout,))
        return found


def test_questions_about_one_video_share_its_key_and_every_draw_has_its_seed() -> None:
    model, _ = random_model("qwen3_vl")
    encoder = random_encoder("qwen3_vl")
    tokenizer = encoder.tokenizer
    letters = Letters([tokenizer.encode(letter)[0] for letter in "ABC"], tokenizer.eos_token_id)
    writer = VLLMWriter(
        letters,
        SimpleNamespace(config=model.config),
        end_tokens={tokenizer.eos_token_id},
        special_tokens=encoder.special_tokens,
        likely=20,
    )
    engine = VLLMEngine(writer, encoder, {"model": "m"})
    pixels = np.random.default_rng(0).integers(0, 255, (4, 3, 64, 64)).astype(np.uint8)
    frames = Frames(pixels, (0.0, 0.5, 1.0, 1.5))
    other = SAMPLE.model_copy(update={"question": "Where to?"})
    lost = SAMPLE.model_copy(update={"question": "<|video_pad|>?"})
    asked = [
        Asked((Medium(frames),), (Question(SAMPLE, (7, 8)), Question(lost), Question(other, (9,)))),
        Asked((), (Question(SAMPLE, (10,)),)),
    ]
    found: dict[tuple[int, ...], Reply] = {
        answer[:3]: answer.reply for answer in engine.answer(asked, Sampling(4, 0.0))
    }
    assert [found[key].text for key in ((0, 0, 0), (0, 0, 1), (0, 2, 0), (1, 0, 0))] == ["A", "B", "C", "A"]
    assert found[0, 0, 0].log_probs == {"A": -1.5, "B": -0.5}
    assert found[0, 2, 0].log_probs == {"A": -1.5, "B": -0.5, "C": -4.0}
    assert (found[0, 0, 0].tokens, found[0, 0, 0].finish) == (2, "stop")
    assert "special token" in str(found[0, 1, 0].error)
    assert [request.arguments["seed"] for request in letters.asked] == [7, 8, 9, 10]
    assert {request.arguments["n"] for request in letters.asked} == {1}
    assert {request.arguments["logprobs"] for request in letters.asked} == {20}
    assert {request.arguments["temperature"] for request in letters.asked} == {0.0}
    of_video = [request.shown.key for request in letters.asked if request.shown is not None]
    assert len(of_video) == 3
    assert len(set(of_video)) == 1
    expected = encoder.encode(other, frames).input_ids_L.tolist()
    assert list(letters.asked[2].prompt_ids) == expected
    assert engine.settings()["model"] == "m"


def test_without_vllm_the_engine_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vllm", None)
    with pytest.raises(UsageError, match=r"retroflip\[vllm\]"):
        load_engine(Wanted(tiny.NAME), "vllm")
