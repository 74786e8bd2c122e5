"""A model behind an endpoint: what is sent, what is made of the responses, and what fails."""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from misbehaving_server import MisbehavingServer, completion, status
from retroflip.bench.asking import Asking
from retroflip.bench.generate import generate
from retroflip.bench.records import AnswerRecord, Control, read_answers
from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import SYSTEM_PROMPT, user_text
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import TooManyFailuresError, UsageError
from retroflip.inference.base import Medium, Question, Reply, Request, Sampling, Wanted
from retroflip.inference.endpoint import EndpointEngine
from retroflip.inference.registry import load_engine
from retroflip.llm.client import EndpointError
from retroflip.llm.settings import Endpoint
from retroflip.progress import Silence
from retroflip.video.frames import Frames

GREEDY = Sampling(16, 0.0)


def sample(identity: str, question: str = "Which way?", **more: Any) -> Sample:
    asked = {
        "id": identity,
        "video": "h264.mp4",
        "question": question,
        "options": ("left", "right"),
        "solution": "B",
        "problem_type": ProblemType.MULTIPLE_CHOICE,
        "source_clip": "clip",
    }
    return Sample(**{**asked, **more})


def frames(count: int = 3) -> Frames:
    pixels = np.full((count, 3, 16, 24), 200, dtype=np.uint8)
    return Frames(pixels, tuple(0.5 * number for number in range(count)))


def engine(server: MisbehavingServer, **more: Any) -> EndpointEngine:
    settings = {"backoff_seconds": 0.01, "timeout_seconds": 30.0, "retries": 2, **more}
    return EndpointEngine(Endpoint(base_url=server.url, model="m", **settings))


def replies(
    one: EndpointEngine, requests: Sequence[Request], sampling: Sampling = GREEDY
) -> dict[tuple[int, ...], Reply]:
    return {answer[:3]: answer.reply for answer in one.answer(requests, sampling)}


def question_in(request: dict[str, Any]) -> str:
    return str(request["messages"][-1]["content"][-1]["text"])


def scored(request: dict[str, Any]) -> str:
    """Answer with B, and log-probabilities where they are asked for."""
    body = json.loads(completion("B"))
    if request.get("logprobs"):
        top = [
            {"token": "B", "logprob": -0.1},
            {"token": " A", "logprob": -3.0},
            {"token": "The", "logprob": -4.0},
        ]
        body["choices"][0]["logprobs"] = {"content": [{"token": "B", "logprob": -0.1, "top_logprobs": top}]}
    return json.dumps(body)


def test_frames_stand_before_the_question_with_their_times() -> None:
    with MisbehavingServer(lambda _: "B") as server:
        asked = Request((Medium(frames()),), (Question(sample("a")), Question(sample("b", "Where to?"))))
        found = replies(engine(server), [asked])
    assert {reply.text for reply in found.values()} == {"B"}
    assert (found[0, 0, 0].tokens, found[0, 0, 0].finish, found[0, 0, 0].error) == (10, "stop", None)
    assert found[0, 0, 0].prompt_sha256 != found[0, 1, 0].prompt_sha256
    first, second = server.requests
    assert first["messages"][0] == {"role": "system", "content": SYSTEM_PROMPT}
    *shown, words = first["messages"][1]["content"]
    assert words == {"type": "text", "text": user_text(sample("a"))}
    assert [part["text"] for part in shown[::2]] == [f"Frame at {time} s:" for time in ("0.0", "0.5", "1.0")]
    head, data = shown[1]["image_url"]["url"].split(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (24, 16)
    assert second["messages"][1]["content"][:-1] == shown
    assert (first["temperature"], first["max_tokens"], first["model"]) == (0.0, 16, "m")


def test_files_images_and_several_media_are_sent_as_they_are(clips: Path) -> None:
    media = (Medium(file=clips / "vp9.webm"), Medium(frames(1), is_image=True), Medium(frames(2)))
    with MisbehavingServer(lambda _: "B") as server:
        replies(
            engine(server), [Request(media, (Question(sample("a")),)), Request((), (Question(sample("b")),))]
        )
    parts = server.requests[0]["messages"][1]["content"]
    assert parts[0] == {
        "type": "video_url",
        "video_url": {
            "url": "data:video/webm;base64," + base64.b64encode((clips / "vp9.webm").read_bytes()).decode()
        },
    }
    assert [part["type"] for part in parts[1:]] == [
        "image_url",
        "text",
        "image_url",
        "text",
        "image_url",
        "text",
    ]
    # Servers of models that see nothing may take no parts.
    assert server.requests[1]["messages"][1]["content"] == user_text(sample("b"))


def test_draws_have_seeds_of_their_own() -> None:
    with MisbehavingServer(lambda request: str(request["seed"])) as server:
        asked = Request((), (Question(sample("a"), (5, 6, 2**40 + 7)),))
        found = replies(engine(server), [asked], Sampling(8, 0.7, 0.9))
    assert [found[0, 0, draw].text for draw in range(3)] == ["5", "6", "7"]
    assert {(request["temperature"], request["top_p"]) for request in server.requests} == {(0.7, 0.9)}


def test_log_probabilities_of_letters_are_kept_where_the_server_gives_them() -> None:
    with MisbehavingServer(lambda _: "") as server:
        server.body = scored
        free = sample("c", options=(), problem_type=ProblemType.FREE_FORM, solution="left")
        found = replies(engine(server), [Request((), (Question(sample("a")), Question(free)))])
    assert found[0, 0, 0].log_probs == {"A": -3.0, "B": -0.1}
    assert found[0, 1, 0].log_probs is None
    assert [request.get("top_logprobs") for request in server.requests] == [20, None]


def test_a_server_that_refuses_log_probabilities_is_asked_without_from_then_on() -> None:
    refusal = status(400, '{"error": {"message": "logprobs is not supported"}}')
    asked = Request((), tuple(Question(sample(str(number))) for number in range(12)))
    with MisbehavingServer(lambda _: "B", [refusal]) as server:
        found = replies(engine(server, concurrency=8), [asked])
    assert {reply.text for reply in found.values()} == {"B"}
    assert {reply.log_probs for reply in found.values()} == {None}
    assert ["logprobs" in request for request in server.requests] == [True] + [False] * 12


def test_a_call_that_fails_for_good_is_a_reply_and_passing_faults_are_not() -> None:
    bad = status(400, '{"error": {"message": "too long"}}')
    asked = Request((), (Question(sample("a")), Question(sample("b")), Question(sample("c"))))
    with MisbehavingServer(lambda _: "B", [status(503), bad, bad]) as server:
        found = replies(engine(server, concurrency=1), [asked])
    assert [found[0, place, 0].error is None for place in range(3)] == [False, True, True]
    assert "too long" in str(found[0, 0, 0].error)
    assert found[0, 0, 0].text == ""


def test_a_wrong_key_ends_the_run() -> None:
    with MisbehavingServer(lambda _: "B", [status(401)]) as server, pytest.raises(EndpointError, match="key"):
        replies(engine(server), [Request((), (Question(sample("a")),))])


@pytest.fixture
def dataset(tmp_path: Path, clips: Path) -> VideoDataset:
    (tmp_path / "h264.mp4").write_bytes((clips / "h264.mp4").read_bytes())
    return VideoDataset(
        [sample(f"q{number}", f"Which way, {number}?") for number in range(3)], tmp_path, frames=4
    )


def records(folder: Path) -> list[AnswerRecord]:
    return read_answers(folder / "answers.jsonl").records


def test_generate_asks_a_server_and_records_what_it_was_given(dataset: VideoDataset, tmp_path: Path) -> None:
    asking = Asking(Sampling(16, 0.8), (Control.FULL, Control.TEXT_ONLY), draws=2, null_option=False)
    with MisbehavingServer(lambda _: "") as server:
        server.body = scored
        counts = generate(engine(server), dataset, tmp_path / "out", asking, progress=Silence())
        first = records(tmp_path / "out")
        assert (counts.answers, counts.failed, counts.truncated) == (12, 0, 0)
        asked = len(server.requests)
        more = generate(
            engine(server), dataset, tmp_path / "out", replace(asking, draws=3), progress=Silence()
        )
    assert asked == 12
    assert len(server.requests) == 18  # the third draws alone
    assert more.answers == 18
    assert {(record.control, record.given, record.engine) for record in first} == {
        (Control.FULL, "frames", "openai"),
        (Control.TEXT_ONLY, "nothing", "openai"),
    }
    full = next(record for record in first if record.control is Control.FULL)
    assert (full.answer, full.correct, full.tokens, full.logprobs) == ("B", True, 10, {"A": -3.0, "B": -0.1})
    assert full.frames_sha256
    assert {record.draw for record in first} == {0, 1}


def test_generate_shows_files(dataset: VideoDataset, tmp_path: Path) -> None:
    asking = Asking(GREEDY, null_option=False, file=True)
    with MisbehavingServer(lambda _: "B") as server:
        generate(engine(server), dataset, tmp_path / "out", asking, progress=Silence())
    assert {record.given for record in records(tmp_path / "out")} == {"file"}
    assert server.requests[0]["messages"][1]["content"][0]["type"] == "video_url"
    settings = json.loads((tmp_path / "out" / "run.json").read_text())["settings"]
    assert (settings["frames"], settings["sampler"]) == (None, "the engine's own, of the file")
    part = replace(dataset, samples=[sample("p", start=0.1, end=0.5)])
    with pytest.raises(UsageError, match="files are shown whole"):
        generate(engine(server), part, tmp_path / "other", asking, progress=Silence())
    with pytest.raises(UsageError, match="cannot be shown as shuffled_frames"):
        Asking(GREEDY, (Control.SHUFFLED_FRAMES,), file=True)


def test_failed_answers_are_recorded_counted_and_asked_again(dataset: VideoDataset, tmp_path: Path) -> None:
    bad = status(400, '{"error": {"message": "moderation"}}')
    asking = Asking(GREEDY, null_option=False)
    with MisbehavingServer(lambda _: "B", [bad, bad]) as server:
        with pytest.raises(TooManyFailuresError, match=r"1 of 3 answers failed, the last with: .*moderation"):
            generate(engine(server, concurrency=1), dataset, tmp_path / "out", asking, progress=Silence())
        found = {record.id: record for record in records(tmp_path / "out")}
        assert [found[f"q{number}"].error is None for number in range(3)] == [False, True, True]
        assert (found["q0"].engine, found["q0"].given) == ("openai", "frames")
        counts = generate(engine(server), dataset, tmp_path / "out", asking, progress=Silence())
    assert (counts.answers, counts.failed) == (3, 0)
    assert [record.error for record in records(tmp_path / "out")] == [None] * 3


def test_a_run_in_which_everything_fails_stops_early(dataset: VideoDataset, tmp_path: Path) -> None:
    many = replace(dataset, samples=[sample(f"q{number}") for number in range(40)])
    bad = status(400, '{"error": {"message": "no videos here"}}')
    asking = Asking(GREEDY, null_option=False)
    with (
        MisbehavingServer(lambda _: "B", [bad] * 100) as server,
        pytest.raises((TooManyFailuresError, EndpointError), match="no videos here"),
    ):
        generate(engine(server, concurrency=1), many, tmp_path / "out", asking, progress=Silence())
    assert len(server.requests) < 20


def test_engines_are_found_by_name_or_by_what_is_wanted() -> None:
    wanted = Wanted("m", endpoint="http://localhost:1/v1")
    loaded = load_engine(wanted)
    assert isinstance(loaded.engine, EndpointEngine)
    assert loaded.fits is not None
    assert loaded.fits.video.size(1080, 1920) == (581, 1034)
    assert loaded.fits.video.size(200, 300) == (200, 300)
    with pytest.raises(
        UsageError, match="no engine named 'x': choose from ours, transformers, text, vllm, openai"
    ):
        load_engine(wanted, "x")
    with pytest.raises(UsageError, match="belong together"):
        load_engine(wanted, "ours")
    with pytest.raises(UsageError, match="belong together"):
        load_engine(Wanted("m"), "openai")
    with pytest.raises(UsageError, match="2 draws at temperature 0"):
        Asking(GREEDY, draws=2)
