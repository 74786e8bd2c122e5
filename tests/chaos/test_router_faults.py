"""The language model as Task Router: a server with faults, stopped runs, votes, and responses that stammer."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from misbehaving_server import CUT, EMPTY, GARBAGE, RESET, TRUNCATED, MisbehavingServer, status
from retroflip.cli.app import app
from retroflip.data.records import read_samples
from retroflip.data.sample import TaskType
from retroflip.files.storage import read_jsonl
from retroflip.router.prompt import read_label

COUNT = 40
QUICK = ("backoff_seconds=0.01", "max_wait_seconds=0.05", "timeout_seconds=5", "retries=4")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [
        {
            "problem_id": f"q{index}",
            "problem": "Which way does it move?" if index % 2 else "What colour is it?",
            "problem_type": "multiple choice",
            "options": ["left", "right"] if index % 2 else ["red", "blue"],
            "solution": "A",
            "path": f"{index}.mp4",
        }
        for index in range(COUNT)
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def told(request: dict[str, Any]) -> str:
    """Return what a sensible model says, which sees the question and no video."""
    prompt = request["messages"][0]["content"]
    assert isinstance(prompt, str)
    return f"Thinking.\n\n{'Spatiotemporal' if 'Which way' in prompt else 'Static'}"


def route(file: Path, url: str, *more: str, router: str = "llm") -> Result:
    settings = [f"--endpoint={one}" for one in (f"base_url={url}", "model=scripted", "concurrency=4", *QUICK)]
    out = file.with_name("routed.jsonl")
    return CliRunner().invoke(
        app, ["route", str(file), "--router", router, "--out", str(out), *settings, *more]
    )


def labels(file: Path) -> Counter[TaskType | None]:
    return Counter(sample.task_type for sample in read_samples(file.with_name("routed.jsonl")))


def calls(file: Path) -> list[dict[str, Any]]:
    return read_jsonl(file.with_name("routed.jsonl.calls.jsonl"))


HALF = Counter({TaskType.SPATIOTEMPORAL: COUNT // 2, TaskType.STATIC: COUNT // 2})


def test_faults_lose_nothing_and_nothing_is_paid_twice(file: Path) -> None:
    faults = [
        status(429, retry_after="0.01"),
        RESET,
        GARBAGE,
        status(500),
        TRUNCATED,
        CUT,
        EMPTY,
        status(503),
    ] * 2
    # One call may meet them all: which does is the threads' affair.
    asked = ("--votes", "2", f"--endpoint=retries={len(faults)}")
    with MisbehavingServer(told, faults, wait=0.01) as server:
        result = route(file, server.url, *asked)
        assert result.exit_code == 0, result.output
        assert len(server.answered) == 2 * COUNT
        first = file.with_name("routed.jsonl").read_bytes()
        assert route(file, server.url, *asked).exit_code == 0
        assert len(server.answered) == 2 * COUNT
    assert file.with_name("routed.jsonl").read_bytes() == first
    assert labels(file) == HALF
    sample = read_samples(file.with_name("routed.jsonl"))[1]
    assert sample.routing is not None
    assert (sample.routing.router, sample.routing.reason) == ("scripted", "2 of 2 votes")


def test_as_many_calls_are_made_at_once_as_may_be(file: Path) -> None:
    at_once, most, lock = 0, 0, threading.Lock()
    full = threading.Barrier(4, timeout=10)

    def answer(request: dict[str, Any]) -> str:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        full.wait()
        with lock:
            at_once -= 1
        return told(request)

    with MisbehavingServer(answer) as server:
        assert route(file, server.url).exit_code == 0
    assert most == 4


def test_questions_that_wait_to_be_asked_again_hold_no_place(file: Path) -> None:
    """Four calls at once, and the first four fail: the others are made while these wait."""
    rows = [
        {**json.loads(line), "problem": f"What colour is number {n}?"}
        for n, line in enumerate(file.read_text().splitlines())
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    faults = [status(503, retry_after="3")] * 4
    with MisbehavingServer(lambda _: "Static", faults) as server:
        assert route(file, server.url, "--endpoint=max_wait_seconds=3").exit_code == 0
        prompts = [request["messages"][0]["content"] for request in server.requests]
    again = [index for index, prompt in enumerate(prompts) if prompt in prompts[:index]]
    assert len(again) == 4
    assert min(again) > COUNT // 2


def test_a_run_that_stops_in_its_middle_goes_on_where_it_was(file: Path) -> None:
    with MisbehavingServer(told) as server:
        limit = 15

        def stop_after(request: dict[str, Any]) -> str:
            if len(server.answered) >= limit:
                raise ConnectionError
            return told(request)

        server.answer = stop_after
        stopped = route(file, server.url)
        assert stopped.exit_code == 1
        assert not file.with_name("routed.jsonl").exists()
        kept = len(calls(file))
        assert limit <= kept < COUNT
        server.answer = told
        before = len(server.answered)
        assert route(file, server.url).exit_code == 0
        assert len(server.answered) - before == COUNT - kept
    assert labels(file) == HALF


@pytest.mark.parametrize(
    ("second", "failed"), [(lambda _: "Static", 0), (lambda _: "I would say Static, or Temporal.", COUNT)]
)
def test_a_response_that_cannot_be_read_is_asked_for_once_more(
    file: Path, second: Callable[[dict[str, Any]], str], failed: int
) -> None:
    def answer(request: dict[str, Any]) -> str:
        again = "did not end in one of the four words" in request["messages"][0]["content"]
        return second(request) if again else "Hard to say"

    with MisbehavingServer(answer) as server:
        result = route(file, server.url)
        assert len(server.answered) == 2 * COUNT
    assert result.exit_code == (1 if failed else 0)
    assert labels(file)[None] == failed
    if failed:
        assert f"could not be read: {COUNT}." in result.output


def test_votes_decide_and_their_share_is_the_confidence(file: Path) -> None:
    said: Counter[str] = Counter()
    lock = threading.Lock()

    def answer(request: dict[str, Any]) -> str:
        with lock:
            said[request["messages"][0]["content"]] += 1
            return "Temporal" if said.total() % 3 else "Static"

    file.write_text(file.read_text().splitlines()[0] + "\n")
    with MisbehavingServer(answer) as server:
        assert route(file, server.url, "--votes", "3").exit_code == 0
    (sample,) = read_samples(file.with_name("routed.jsonl"))
    assert sample.routing is not None
    assert sample.task_type is TaskType.TEMPORAL
    assert sample.routing.confidence == pytest.approx(2 / 3)


def test_two_routers_agree_or_their_conflict_is_named(file: Path) -> None:
    with MisbehavingServer(lambda _: "Static") as server:
        result = route(file, server.url, "--router", "rules", "--json")
    assert json.loads(result.stdout)["conflicts"] == COUNT // 2
    colour, way = read_samples(file.with_name("routed.jsonl"))[:2]
    assert colour.routing is not None
    assert way.routing is not None
    assert (colour.routing.router, colour.labels) == ("scripted+rules", {})
    assert way.labels == {"router_conflict": "scripted: static, rules: spatiotemporal"}
    assert (way.task_type, way.routing.confidence, way.counterfactual_solution) == (TaskType.STATIC, 0, None)


def test_the_cost_is_told_before_and_nothing_is_called(file: Path) -> None:
    with MisbehavingServer(told) as server:
        more = [
            "--votes",
            "3",
            "--endpoint",
            "price_output=2.0",
            "--endpoint",
            "max_tokens=100",
            "--dry-run",
            "--json",
        ]
        ahead = json.loads(route(file, server.url, *more).stdout)
        assert not server.requests
    assert (ahead["calls"], ahead["completion_tokens"]) == (3 * COUNT, 300 * COUNT)
    assert ahead["cost"] == pytest.approx(300 * COUNT * 2.0 / 1e6)
    assert not file.with_name("routed.jsonl").exists()


def test_a_journal_that_is_none_and_an_endpoint_that_is_none_are_named(file: Path) -> None:
    file.with_name("routed.jsonl.calls.jsonl").write_text('{"key": "zz"}\n')
    with MisbehavingServer(told) as server:
        assert "line 1: not a row of a journal of calls" in route(file, server.url).output
    assert "--endpoint base_url" in route(file, "nowhere").output


@pytest.mark.parametrize(
    ("response", "label"),
    [
        ("Static", TaskType.STATIC),
        ("x\n**Temporal**\n", TaskType.TEMPORAL),
        ("SPATIOTEMPORAL.", TaskType.SPATIOTEMPORAL),
        ("Spatial\nbecause", None),
        ("Label: Spatial", None),
        ("", None),
        ("Static or not", None),
    ],
)
def test_the_last_line_is_read_strictly(response: str, label: TaskType | None) -> None:
    assert read_label(response) is label
