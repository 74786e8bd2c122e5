"""Exports: a built benchmark as a task of lmms-eval, which its own command line runs, and as a table of VLMEvalKit."""

import csv
import importlib.util
import json
import math
import os
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from made_clips import moving
from retroflip.cli.app import app
from retroflip.data.prompts import SYSTEM_PROMPT
from retroflip.models.tiny import WEIGHTS
from retroflip.video.encode import encode

ENVIRONMENT = os.environ.get("RETROFLIP_LMMS_EVAL")
"""where lmms-eval 0.7.3 is installed, for the test that runs it"""
VLMEVALKIT = os.environ.get("RETROFLIP_VLMEVALKIT")
"""an environment in which VLMEvalKit 0.2rc1 can be imported, for the test that runs it"""


def records() -> list[dict[str, Any]]:
    """Three pairs, and a question of no pair."""
    sides = [(pair, side) for pair in ("p0", "p1", "p2") for side in (0, 1)]
    rows = [
        {"problem_id": f"{pair}-{side}", "problem": 'Which way,\t"it" moves?', "options": ["left", "right", "up"],
         "problem_type": "multiple choice", "solution": "AB"[side], "path": f"videos/{pair}-{side}.mp4", "pair": pair,
         "side": side, "task": "moving_direction", "data_source": "x", "source_clip": pair}
        for pair, side in sides
    ]  # fmt: skip
    return [*rows, {**rows[0], "problem_id": "alone", "pair": None, "side": None, "path": "other/p0-0.mp4"}]


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    folder = tmp_path / "My Bench é"
    for row in records():
        path = folder / str(row["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a video")
    write(folder, records())
    return folder


def write(folder: Path, rows: list[dict[str, Any]]) -> None:
    kept = [{key: value for key, value in row.items() if value is not None} for row in rows]
    (folder / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["dybench", "export", *map(str, arguments)])


def loaded(task: Path) -> ModuleType:
    """The task's code, as lmms-eval loads it."""
    spec = importlib.util.spec_from_file_location("utils", task / "utils.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def task(bench: Path, tmp_path: Path) -> Path:
    ran = run("lmms-eval", bench, "--out", tmp_path / "tasks", "--json")
    assert ran.exit_code == 0, ran.output
    written: dict[str, Any] = json.loads(ran.stdout)
    assert (written["questions"], written["pairs"]) == (7, 3)
    return Path(written["written"])


def test_the_task_names_its_file_and_its_functions(task: Path) -> None:
    text = (task / f"{task.name}.yaml").read_text().replace("!function ", "")
    read = yaml.safe_load(text)
    assert read["task"] == task.name == "retroflip_my_bench"
    assert json.loads(Path(read["dataset_kwargs"]["data_files"]["test"]).read_text())[1]["answer"] == "B"
    called = loaded(task)
    names = [read[key] for key in ("doc_to_visual", "doc_to_text", "process_results")]
    names += [metric["aggregation"] for metric in read["metric_list"]]
    assert all(callable(getattr(called, name.removeprefix("utils."))) for name in names)
    assert "retroflip." not in (task / "utils.py").read_text()


def test_the_task_shows_whole_files_and_asks_for_a_letter(
    task: Path, bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called, docs = loaded(task), json.loads((task / "questions.json").read_text())
    assert called.doc_to_visual(docs[0]) == [str(bench.resolve() / "videos/p0-0.mp4")]
    assert called.doc_to_text(docs[0], {"pre_prompt": "", "post_prompt": "!"}) == (
        'Which way,\t"it" moves?\nA. left\nB. right\nC. up\n'
        "Answer with the option's letter from the given choices directly.!"
    )
    moved = bench.rename(tmp_path / "moved")
    with pytest.raises(FileNotFoundError, match="RETROFLIP_BENCH_ROOT"):
        called.doc_to_visual(docs[0])
    monkeypatch.setenv("RETROFLIP_BENCH_ROOT", str(moved))
    assert called.doc_to_visual(docs[0]) == [str(moved / "videos/p0-0.mp4")]


def test_the_tasks_numbers_by_hand(task: Path) -> None:
    called, docs = loaded(task), json.loads((task / "questions.json").read_text())
    # p0 both right, p1 says A twice, p2 one side right and one unread, and the one alone wrong.
    said = ["A", "(B) right", "A.", "The answer is A", "A man goes left", "<think>A?</think>\\boxed{B}", "C"]
    results = [called.process_results(doc, [one]) for doc, one in zip(docs, said, strict=True)]
    items = {metric: [one[metric] for one in results] for metric in results[0]}
    assert called.acc(items["acc"]) == pytest.approx(4 / 7)
    assert called.p_acc(items["p_acc"]) == pytest.approx(1 / 3)
    assert called.same_answer_rate(items["same_answer_rate"]) == pytest.approx(1 / 3)
    assert called.unparsed_rate(items["unparsed_rate"]) == pytest.approx(1 / 7)
    # A pair that misses a side is wrong: --limit 3 leaves half of p1 out.
    assert called.p_acc(items["p_acc"][:3]) == 0.5
    assert called.same_answer_rate(items["p_acc"][:3]) == 0.0
    assert math.isnan(called.p_acc([]))  # no pairs are no pairs wrong


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("A", "A"), ("(b)", None), ("**C**", "C"), ("B) right", "B"), ("Answer: B", "B"), ("It is B or C", None),
        ("The answer is B. The answer is C.", None), ("<answer>A. left</answer>", "A"), ("\\boxed{D}", None),
        ("\\boxed{A} no, \\boxed{B}", "B"), ("A man", None), ("", None), ("[LMMS_EVAL_REQUEST_FAILED] D", None),
        ("Z", None), ("answer is A's", None),
        ("The answer is **B**.", "B"), ("The correct answer is: **B**", "B"), ("**B.** left", "B"),
        ("The answer is option B.", "B"), ("\\boxed{B. left}", "B"), ("\\boxed{\\text{A}}", "A"),
    ],
)  # fmt: skip
def test_letters_are_read_where_they_are_sure(task: Path, text: str, letter: str | None) -> None:
    assert loaded(task).read_letter(text, ["A", "B", "C"]) == letter


def test_the_table_of_vlmevalkit_has_one_name_for_one_video(bench: Path, tmp_path: Path) -> None:
    assert run("vlmevalkit", bench, "--out", tmp_path / "t.tsv").exit_code == 0
    with (tmp_path / "t.tsv").open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert len(rows) == 7
    # Two files are called p0-0.mp4, and frames are kept by the name alone.
    assert [rows[0]["video"], rows[1]["video"], rows[6]["video"]] == [
        "videos__p0-0.mp4",
        "p0-1",
        "other__p0-0.mp4",
    ]
    first = rows[0]
    assert (first["question"], first["answer"], first["B"]) == ('Which way,\t"it" moves?', "A", "right")
    assert first["candidates"] == "['A. left', 'B. right', 'C. up']"
    assert (first["pair"], first["side"], rows[6]["pair"], rows[6]["side"]) == ("p0", "0", "", "")
    assert run("vlmevalkit", bench, "--out", tmp_path / "folder").exit_code == 0
    assert (tmp_path / "folder" / "My Bench é.tsv").is_file()


def test_no_video_is_named_by_what_pandas_reads_as_a_number(bench: Path, tmp_path: Path) -> None:
    paths = ["videos/0417.mp4", "videos/NA.mp4", "videos/1e5.mp4", "True.mp4", "videos/clip 7.mp4"]
    rows = [{**records()[0], "problem_id": path, "pair": None, "side": None, "path": path} for path in paths]
    write(bench, rows)
    for path in paths:
        (bench / path).write_bytes(b"a video")
    assert run("vlmevalkit", bench, "--out", tmp_path / "t.tsv").exit_code == 0
    with (tmp_path / "t.tsv").open(newline="") as stream:
        found = [row["video"] for row in csv.DictReader(stream, delimiter="\t")]
    assert found == ["videos__0417.mp4", "videos__NA.mp4", "videos__1e5.mp4", "True.mp4", "clip 7"]


@pytest.mark.parametrize("toolkit", ["lmms-eval", "vlmevalkit"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"start": 1.0, "end": 2.0}, "Cut the part out"),
        ({"problem_type": "numerical", "solution": "3", "options": None}, "only multiple choice"),
        ({"path": "videos/gone.mp4"}, "no such video, the first of 1 among 1 file."),
        ({"path": "../x.mp4"}, "stay inside"),
    ],
)
def test_what_a_toolkit_could_not_ask_is_refused(
    bench: Path, tmp_path: Path, change: dict[str, Any], told: str, toolkit: str
) -> None:
    rows = records()
    write(bench, [{**rows[0], "pair": None, "side": None, **change}])
    ran = run(toolkit, bench, "--out", tmp_path / "tasks")
    assert ran.exit_code == 1
    assert told in " ".join(ran.output.split())
    assert not (tmp_path / "tasks").exists()


def test_videos_that_cannot_be_shown_and_pairs_without_a_side(bench: Path, tmp_path: Path) -> None:
    write(bench, records()[1:])
    ran = run("lmms-eval", bench, "--out", tmp_path / "tasks", "--json")
    assert json.loads(ran.stdout)["pairs"] == 2
    (bench / "videos" / "p1-0.mp4").write_bytes(b"")
    (bench / "videos" / "p2-1.mp4").unlink()
    for toolkit in ("lmms-eval", "vlmevalkit"):
        ran = run(toolkit, bench, "--out", tmp_path / "more")
        assert ran.exit_code == 1
        told = "p1-0.mp4: it cannot be shown (empty), the first of 2 among 6 files."
        assert told in " ".join(ran.output.split())
        assert not (tmp_path / "more").exists()


def test_a_folder_without_records_is_told(tmp_path: Path) -> None:
    ran = run("lmms-eval", tmp_path, "--out", tmp_path / "tasks")
    assert (ran.exit_code, "records.jsonl" in ran.output) == (1, True)


def test_what_lmms_eval_logs_of_the_task_is_scored_here(task: Path, bench: Path, tmp_path: Path) -> None:
    called, docs = loaded(task), json.loads((task / "questions.json").read_text())
    said = ["A", "B", "A", "A", "I see a man", "B", "A"]
    samples = [
        {"doc_id": number, "input": called.doc_to_text(doc), "target": doc["answer"], "filtered_resps": one,
         **called.process_results(doc, [one])}
        for number, (doc, one) in enumerate(zip(docs, said, strict=True))
    ]  # fmt: skip
    file = tmp_path / "20261129_samples_retroflip_my_bench.jsonl"
    file.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    ran = CliRunner().invoke(app, ["score", "--bench", str(bench), "--recorded", str(file), "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert (found["ours"]["acc"], found["ours"]["p_acc"], found["unparsed"]) == (71.43, 33.33, 1)


def run_by_lmms_eval(task: Path, folder: Path, model: str, settings: str) -> dict[str, Any]:
    """The numbers that lmms-eval's own command line prints for a model; its samples lie in folder/out."""
    assert ENVIRONMENT is not None
    command = [str(Path(ENVIRONMENT) / "bin/python"), "-I", "-m", "lmms_eval", "eval", "--log_samples"]
    command += ["--model", model, "--model_args", settings, "--batch_size", "1"]
    command += [
        "--include_path",
        str(task.parent),
        "--tasks",
        task.name,
        "--output_path",
        str(folder / "out"),
    ]
    own = {"HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    ran = subprocess.run(
        command, env=os.environ | own, cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    (written,) = (folder / "out").rglob("*_results.json")
    found: dict[str, Any] = json.loads(written.read_text())["results"][task.name]
    return found


@pytest.mark.slow
@pytest.mark.skipif(ENVIRONMENT is None, reason="RETROFLIP_LMMS_EVAL names no environment of lmms-eval")
def test_lmms_evals_own_command_line_runs_the_task(task: Path, tmp_path: Path) -> None:
    found = run_by_lmms_eval(task, tmp_path, "dummy", "response=A,read_bytes=4")
    # A is right on the first side of every pair, and on the one alone.
    assert found["acc,none"] == pytest.approx(4 / 7)
    assert (found["p_acc,none"], found["same_answer_rate,none"], found["unparsed_rate,none"]) == (
        0.0,
        1.0,
        0.0,
    )


@pytest.mark.slow
@pytest.mark.skipif(ENVIRONMENT is None, reason="RETROFLIP_LMMS_EVAL names no environment of lmms-eval")
def test_lmms_eval_asks_a_model_of_transformers(tmp_path: Path) -> None:
    rows = records()[:2]
    for side, row in enumerate(rows):
        (tmp_path / "real/videos").mkdir(parents=True, exist_ok=True)
        encode(tmp_path / "real" / row["path"], moving(side)[:: 1 - 2 * side], 12)
    write(tmp_path / "real", rows)
    made = json.loads(run("lmms-eval", tmp_path / "real", "--out", tmp_path / "tasks", "--json").stdout)
    device = "device=cpu,device_map=cpu,max_num_frames=8,max_pixels=65536,min_pixels=1024"
    found = run_by_lmms_eval(Path(made["written"]), tmp_path, "qwen3_vl", f"pretrained={WEIGHTS},{device}")
    assert 0 <= found["acc,none"] <= 1
    (samples,) = (tmp_path / "out").rglob("*_samples_*.jsonl")
    said = [json.loads(line) for line in samples.read_text().splitlines()]
    assert [one["target"] for one in said] == ["A", "B"]
    assert all(one["token_counts"][0]["output_tokens"] > 0 for one in said)
    ran = CliRunner().invoke(
        app, ["score", "--bench", str(tmp_path / "real"), "--recorded", str(samples), "--json"]
    )
    assert json.loads(ran.stdout)["ours"]["n_answers"] == 2


def one_in_four(folder: Path) -> Path:
    """A benchmark that asks the same of two clips four times, and wants each of the four options once.

    Files and questions are called by numbers.
    """
    (folder / "videos").mkdir(parents=True)
    for side in (0, 1):
        encode(folder / f"videos/0{side}.mp4", moving(0)[:: 1 - 2 * side], 12)
    asked = {
        "problem": "In which direction does the square move?",
        "options": ["up", "down", "left", "right"],
    }
    rows = [
        {**records()[0], **asked, "problem_id": f"0{2 * turn + side}", "solution": "ABCDA"[turn + side],
         "pair": f"0{turn}", "side": side, "path": f"videos/0{side}.mp4"}
        for turn in range(4) for side in (0, 1)
    ]  # fmt: skip
    write(folder, rows)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(VLMEVALKIT is None, reason="RETROFLIP_VLMEVALKIT names no environment of VLMEvalKit")
def test_vlmevalkit_asks_a_model_and_scores_as_we_do(tmp_path: Path) -> None:
    assert VLMEVALKIT is not None
    folder, table, out = one_in_four(tmp_path / "real"), tmp_path / "table.tsv", tmp_path / "out"
    assert run("vlmevalkit", folder, "--out", table).exit_code == 0
    out.mkdir()
    command = [
        str(Path(VLMEVALKIT) / "bin/python"),
        "-I",
        str(Path(__file__).parents[1] / "by_vlmevalkit.py"),
    ]
    command += [str(table), str(folder), str(WEIGHTS), SYSTEM_PROMPT, str(out)]
    own = {"LMUData": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(command, env=os.environ | own, cwd=out, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    theirs = json.loads((out / "answers_rating.json").read_text())["overall"]["overall"]
    scored = CliRunner().invoke(
        app, ["score", "--bench", str(folder), "--recorded", str(out / "answers.xlsx"), "--json"]
    )
    assert scored.exit_code == 0, scored.output
    ours = json.loads(scored.stdout)["ours"]
    assert (ours["n_answers"], ours["n_pairs"], ours["unparsed_rate"]) == (8, 4, 0.0)
    # Whatever it says of a clip is right once in four.
    assert (theirs, ours["acc"]) == ("0.250", 25.0)
