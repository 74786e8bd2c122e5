"""`retroflip cot` with models that lie, stammer and fall silent, and killed in the middle of its work."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from misbehaving_server import CUT, GARBAGE, RESET, SLOW, TRUNCATED, MisbehavingServer, status
from retroflip.cli.app import app
from retroflip.cot.trace_sets import read_tasks
from retroflip.cot.verify import verify
from retroflip.data.records import read_samples
from retroflip.files.storage import read_jsonl
from retroflip.progress import Silence
from retroflip.synth.corpus import CorpusSettings, write_corpus
from retroflip.synth.names import Split
from retroflip.synth.settings import SceneSettings
from retroflip.workers import LocalEngine
from scripted_models import AGREED, Models, draft, narrated, shifted, text_of, trace_asked_about, write_recipe

SAMPLES = 4
CALLS = 4 * SAMPLES
"""each sample generated, judged, polished and its claims extracted once"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cot") / "data"
    scene = SceneSettings(size=64, fps=15)
    settings = CorpusSettings(
        kinds=("direction", "collision_count"), per_task=1, seed=5, split=Split.COT, scene=scene
    )
    write_corpus(folder, settings, engine=LocalEngine(1), progress=Silence())
    return folder


def run(data: Path, recipe: Path, out: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["cot", str(data), str(recipe), *more, "--out", str(out)])


def stats_of(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "stats.json").read_text())
    return found


def assert_all_true(data: Path, out: Path, count: int = SAMPLES) -> None:
    tasks = {task.sample.id: task for task in read_tasks(data)}
    samples = read_samples(out / "records.jsonl")
    assert len(samples) == count
    for sample in samples:
        task = tasks[sample.id]
        assert verify(sample.trace or "", task.metadata, task.sample).is_true


def test_models_that_behave(data: Path, tmp_path: Path) -> None:
    with MisbehavingServer(Models(data)) as server:
        recipe = write_recipe(
            tmp_path / "r.yaml", server.url, judge={"price_input": 2.0, "price_output": 4.0}
        )
        result = run(data, recipe, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert_all_true(data, tmp_path / "out")
    stats = stats_of(tmp_path / "out")
    assert (stats["accepted"], stats["polished"], stats["accepted_in_round"]) == (
        SAMPLES,
        SAMPLES,
        {"1": SAMPLES},
    )
    assert stats["calls"]["judge"]["finished"] == 2 * SAMPLES
    assert stats["calls"]["judge"]["prompt_tokens"] == 100 * 2 * SAMPLES
    assert stats["cost"] == pytest.approx(2 * SAMPLES * (100 * 2.0 + 10 * 4.0) / 1e6)
    assert len(server.requests) == CALLS


def test_only_the_generator_sees_the_video(data: Path, tmp_path: Path) -> None:
    with MisbehavingServer(Models(data)) as server:
        run(data, write_recipe(tmp_path / "r.yaml", server.url), tmp_path / "out")
        run(data, write_recipe(tmp_path / "v.yaml", server.url, video={"form": "video"}), tmp_path / "out2")
    by_model = [(request["model"], json.dumps(request)) for request in server.requests]
    assert all(("base64" in text) is (model == "generator") for model, text in by_model)
    assert sum("data:image/jpeg" in text for _, text in by_model) == SAMPLES
    assert sum("data:video/mp4" in text for _, text in by_model) == SAMPLES
    first = server.requests[0]["messages"][0]["content"]
    assert [part["type"] for part in first] == ["text", "image_url", "text", "image_url", "text"]
    assert first[0]["text"] == "Frame at 0.0 s:"


def test_every_passing_fault_is_survived(data: Path, tmp_path: Path) -> None:
    faults = [status(429, Retry_After="0.05"), status(500), RESET, GARBAGE, TRUNCATED, CUT, SLOW, status(503)]
    spread = [fault for pair in zip(faults, faults, strict=True) for fault in pair]
    with MisbehavingServer(Models(data), spread, slow_seconds=6.0) as server:
        quick = {"retries": 20, "timeout_seconds": 2.0}
        recipe = write_recipe(tmp_path / "r.yaml", server.url, generator=quick, judge=quick, polisher=quick)
        result = run(data, recipe, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert_all_true(data, tmp_path / "out")
    counted = Counter(stats_of(tmp_path / "out")["calls"]["generator"]["faults_before"])
    assert counted == {
        "rate limit": 2,
        "status 500": 2,
        "status 503": 2,
        "connection": 4,
        "garbage": 4,
        "time-out": 2,
    }
    assert len(server.requests) == CALLS + len(spread)


def test_fluent_and_wrong_is_refused_and_written_again(data: Path, tmp_path: Path) -> None:
    models = Models(data)
    models.generate = lambda request, truth: (
        draft(narrated(truth)) if len(request["messages"]) > 1 else shifted(truth)
    )
    with MisbehavingServer(models) as server:
        result = run(data, write_recipe(tmp_path / "r.yaml", server.url), tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert_all_true(data, tmp_path / "out")
    stats = stats_of(tmp_path / "out")
    assert stats["accepted_in_round"] == {"2": SAMPLES}
    assert stats["refused_texts_by_round"]["1"]["verify: unproven"] == SAMPLES
    again = next(one for one in server.requests if len(one["messages"]) > 1)
    roles = [message["role"] for message in again["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert "is not borne out by the video; " in text_of(again["messages"][2])


def test_a_generator_that_never_gets_it_right_is_left_out(data: Path, tmp_path: Path) -> None:
    models = Models(data)
    models.generate = lambda _, truth: shifted(truth) if truth["side"] else draft(narrated(truth))
    with MisbehavingServer(models) as server:
        result = run(
            data, write_recipe(tmp_path / "r.yaml", server.url), tmp_path / "out", "pipeline.rounds=3"
        )
    assert result.exit_code == 0, result.output
    assert_all_true(data, tmp_path / "out", SAMPLES // 2)
    stats = stats_of(tmp_path / "out")
    assert (stats["accepted"], stats["rejected"], stats["failed"]) == (2, 2, 0)
    assert stats["lost_samples"]["unproven"] == 2
    assert [stats["refused_texts_by_round"][number]["verify: unproven"] for number in ("1", "2", "3")] == [
        2,
        2,
        2,
    ]


def test_the_judge_is_heard_and_its_words_reach_the_generator(data: Path, tmp_path: Path) -> None:
    models, heard = Models(data), []
    objection = {**AGREED, "times_aligned": False, "feedback": "The second event comes too early."}

    def judge(request: dict[str, Any]) -> str:
        heard.append(request)
        return json.dumps(objection if len(heard) == 1 else AGREED)

    models.judge = judge
    with MisbehavingServer(models) as server:
        run(data, write_recipe(tmp_path / "r.yaml", server.url), tmp_path / "out")
    assert stats_of(tmp_path / "out")["refused_texts"] == {"judge: time": 1}
    again = [request for request in server.requests if len(request["messages"]) > 1]
    assert ["The second event comes too early." in text_of(one["messages"][2]) for one in again] == [True]


@pytest.mark.parametrize(
    "words", ["", "It is fine.", '{"final_answer_correct": true, "event_or', '{"verdict": "yes"}']
)
def test_a_judge_that_stammers_is_asked_again_and_then_given_up(
    words: str, data: Path, tmp_path: Path
) -> None:
    models = Models(data)
    models.judge = lambda _: words
    with MisbehavingServer(models) as server:
        result = run(data, write_recipe(tmp_path / "r.yaml", server.url), tmp_path / "out")
    assert result.exit_code == 1
    assert "None of the 4 traces was accepted" in result.output
    stats = stats_of(tmp_path / "out")
    assert (stats["rejected"], stats["lost_samples"]) == (SAMPLES, {"garbled verdict": SAMPLES})
    assert sum(request["model"] == "judge" for request in server.requests) == 3 * SAMPLES


def test_a_judge_that_lies_does_not_get_falsehood_past_the_verifier(data: Path, tmp_path: Path) -> None:
    models = Models(data)
    models.generate = lambda _, truth: shifted(truth)
    with MisbehavingServer(models) as server:
        result = run(data, write_recipe(tmp_path / "r.yaml", server.url), tmp_path / "out")
    assert result.exit_code == 1
    assert not (tmp_path / "out" / "records.jsonl").exists()
    assert Counter(request["model"] for request in server.requests) == {"generator": 5 * SAMPLES}


@pytest.mark.parametrize("keep", [True, False])
def test_a_polisher_that_changes_what_is_said_is_not_believed(keep: bool, data: Path, tmp_path: Path) -> None:
    models = Models(data)
    models.polish = lambda request: trace_asked_about(request).replace("00:0", "00:1")
    with MisbehavingServer(models) as server:
        recipe = write_recipe(tmp_path / "r.yaml", server.url, pipeline={"keep_unpolished": keep})
        result = run(data, recipe, tmp_path / "out")
    stats = stats_of(tmp_path / "out")
    assert result.exit_code == (0 if keep else 1)
    assert (stats["accepted"], stats["polished"]) == (SAMPLES if keep else 0, 0)
    assert stats["refused_texts"]["polish: unproven"] == 2 * SAMPLES
    if keep:
        assert_all_true(data, tmp_path / "out")


def test_a_call_that_fails_for_good_is_made_again_by_the_next_run(data: Path, tmp_path: Path) -> None:
    too_long = status(413, '{"error": {"message": "too long"}}')
    with MisbehavingServer(Models(data), [too_long]) as server:
        recipe = write_recipe(tmp_path / "r.yaml", server.url)
        first = run(data, recipe, tmp_path / "out")
        failed = stats_of(tmp_path / "out")
        second = run(data, recipe, tmp_path / "out")
    assert (first.exit_code, failed["failed"], failed["lost_samples"]) == (0, 1, {"refused": 1})
    assert (second.exit_code, stats_of(tmp_path / "out")["accepted"]) == (0, SAMPLES)
    assert len(server.requests) == 1 + CALLS


def test_a_wrong_key_is_one_paragraph_and_leaks_nowhere(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COT_KEY", "sk-0123456789abcdef")
    denied = status(401, '{"error": {"message": "Incorrect API key: sk-0123456789abcdef"}}')
    with MisbehavingServer(Models(data)) as server:
        recipe = write_recipe(tmp_path / "r.yaml", server.url, generator={"api_key_env": "COT_KEY"})
        assert run(data, recipe, tmp_path / "out").exit_code == 0
        server.faults.append(denied)
        result = run(data, recipe, tmp_path / "other")
    assert result.exit_code == 1
    assert "does not accept the key" in result.output
    assert "Traceback" not in result.output
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"0123456789abcdef" not in written + result.output.encode()


def asked(request: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def test_a_killed_run_repeats_no_finished_call_and_ends_as_an_unbroken_one(
    data: Path, tmp_path: Path
) -> None:
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    with MisbehavingServer(Models(data), wait=0.1) as server:
        recipe = write_recipe(tmp_path / "r.yaml", server.url)
        command = [sys.executable, "-m", "retroflip", "cot", str(data), str(recipe), "--out", str(broken)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(server.answered) < CALLS // 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.2)  # the server ends what it was asked before
        journal = broken / "journal.jsonl"
        finished = len(read_jsonl(journal))
        with journal.open("ab") as stream:
            stream.write(b'{"key": "torn')
        before = len(server.requests)
        server.wait = 0.0
        result = run(data, recipe, broken)
        assert result.exit_code == 0, result.output
        assert not (broken / "records.jsonl").read_bytes().startswith(b"\0")
        again = Counter(map(asked, server.requests[:before]))
        repeated = [request for request in server.requests[before:] if asked(request) in again]
        assert run(data, recipe, whole).exit_code == 0
    assert CALLS // 2 - 1 <= finished < CALLS
    assert before - finished in (0, 1)
    assert len(repeated) == before - finished
    assert (broken / "records.jsonl").read_bytes() == (whole / "records.jsonl").read_bytes()
    names = {json.dumps(row["key"]) for row in read_jsonl(journal)}
    assert len(names) == len(read_jsonl(journal)) == CALLS


def test_a_finished_run_given_again_calls_nobody(data: Path, tmp_path: Path) -> None:
    with MisbehavingServer(Models(data)) as server:
        recipe = write_recipe(tmp_path / "r.yaml", server.url)
        run(data, recipe, tmp_path / "out")
        written = (tmp_path / "out" / "records.jsonl").read_bytes()
        result = run(data, recipe, tmp_path / "out")
    assert result.exit_code == 0
    assert len(server.requests) == CALLS
    assert (tmp_path / "out" / "records.jsonl").read_bytes() == written


def test_another_recipe_asks_anew_what_it_changes_and_nothing_else(data: Path, tmp_path: Path) -> None:
    with MisbehavingServer(Models(data)) as server:
        recipe = write_recipe(tmp_path / "r.yaml", server.url)
        run(data, recipe, tmp_path / "out")
        run(data, recipe, tmp_path / "out", "polisher.temperature=0.5")
    assert Counter(request["model"] for request in server.requests[CALLS:]) == {"polisher": SAMPLES}
