"""The command line as users meet it: commands, files, exit codes, and what is said where."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from misbehaving_server import MisbehavingServer, status
from random_models import save_random_model
from retroflip.cli import app
from retroflip.cli.machine import demo_folder
from retroflip.data.manifest import MANIFEST_NAME, build_manifest, write_manifest
from retroflip.data.prompts import SYSTEM_PROMPT
from retroflip.files.storage import append_jsonl, read_jsonl
from retroflip.jobs.recipes import load_recipe
from retroflip.models.tiny import WEIGHTS
from retroflip.train.run_directory import RunDirectory
from retroflip.video.encode import encode

COMMANDS = (
    "demo",
    "doctor",
    "train",
    "sft",
    "synth",
    "synth audit",
    "synth sheets",
    "validate",
    "pairs",
    "dybench build",
    "dybench audit",
    "dybench release",
    "generate",
    "score",
    "report",
    "push",
    "tiny",
    "tiny build",
    "study",
    "study methods",
    "study synrl",
    "cot",
)
RECIPE = {
    "kind": "rl",
    "model": {"path": "MODEL"},
    "data": {"records": "data/records.jsonl", "frames": 4},
    "method": {"name": "crpo", "rollouts": 2},
    "train": {
        "steps": 3,
        "samples_per_step": 1,
        "learning_rate": 1e-4,
        "beta": 0.01,
        "epsilon": 0.2,
        "temperature": 1.0,
        "max_completion_length": 8,
        "loss_type": "grpo",
    },
}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_model("qwen3_vl", tmp_path_factory.mktemp("model"))


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with a pair of clips: a bright bar moves right, and the same played backwards."""
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path / "data", ["right.mp4", "left.mp4"])
    return tmp_path


def write_data(folder: Path, videos: Sequence[str]) -> None:
    """Write two clips, and one question about each of `videos`; odd ones are the pairs' other sides."""
    folder.mkdir(exist_ok=True)
    pixels_TCHW = np.zeros((8, 3, 64, 64), dtype=np.uint8)
    for index in range(8):
        pixels_TCHW[index, :, :, 8 * index : 8 * index + 8] = 255
    encode(folder / "right.mp4", pixels_TCHW, 8)
    encode(folder / "left.mp4", pixels_TCHW[::-1], 8)
    records = [record(index, video) for index, video in enumerate(videos)]
    (folder / "records.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))


def record(index: int, video: str) -> dict[str, Any]:
    return {
        "problem_id": f"q{index}",
        "problem": "Which way does the bar move?",
        "data_type": "video",
        "problem_type": "multiple choice",
        "options": ["A. right", "B. left"],
        "solution": f"<answer>{'AB'[index % 2]}</answer>",
        "path": f"./{video}",
        "data_source": "test",
        "process": f"<think>It moves.</think>\\boxed{{{'AB'[index % 2]}}}",
        "task_type": "spatiotemporal",
        "source_clip": f"clip{index // 2}",
        "pair": f"pair{index // 2}",
        "side": index % 2,
    }


def write_recipe(folder: Path, model: Path, **replaced: Any) -> Path:
    recipe = {**RECIPE, "model": {"path": str(model)}, **replaced}
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def generate(model: Path, out: str, *more: str) -> Result:
    arguments = ["--model", str(model), "--data", "data/records.jsonl", "--out", out, "--frames", "4"]
    return run("generate", *arguments, "--max-tokens", "5", *more)


def assert_one_paragraph(result: Result, *parts: str, code: int = 1) -> None:
    """The error is one line that says `parts`; nothing is on stdout, and no traceback anywhere."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in result.stderr
    for part in parts:
        assert part in line


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example_that_names_it(command: str) -> None:
    result = run(*command.split(), "--help")

    assert result.exit_code == 0
    assert f"Example: retroflip {command}" in result.stdout


@pytest.mark.parametrize("command", ["", "synth", "study", "tiny", "cot"])
def test_the_list_of_commands_says_whole_sentences(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    listed = run(*command.split(), "--help").stdout.partition("Commands:")[2].partition("Example:")[0]
    assert listed.strip()
    assert "..." not in listed
    assert len([line for line in listed.splitlines() if line.endswith(".")]) >= len(
        re.findall(r"^  \w+", listed, re.M)
    )


def test_every_example_parses() -> None:
    for command in COMMANDS:
        text = run(*command.split(), "--help").stdout
        example = text.partition("Example: ")[2].strip()
        assert "\n" not in example  # so that it can be copied whole
        if command not in {"tiny", "study"}:
            # With --help behind it an example is parsed as far as its options go, and does nothing.
            assert run(*shlex.split(example)[1:], "--help").exit_code == 0


def test_the_version_is_printed() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, "retroflip 0.1.0\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["genrate"], "No such command 'genrate'. Did you mean 'generate'?"),
        (["generate", "--model", "m"], "Missing option"),
        (["synth", "--out", "x", "--per-task", "none", "--seed", "0"], "Invalid value for '--per-task'"),
        (
            ["synth", "--out", "x", "--per-task", "1", "--seed", "0", "--kinds", "laboratory", "--single"],
            "--kinds laboratory takes no --single",
        ),
        (
            [
                "synth",
                "--out",
                "x",
                "--per-task",
                "1",
                "--seed",
                "0",
                "--kinds",
                "laboratory",
                "--traces",
                "told",
            ],
            "Ask for these with --traces stamped",
        ),
        (["synth", "--out", "x", "--per-task", "1", "--seed", "0", "--set", "fps"], "say what to set it to"),
        (["synth", "--out", "x", "--per-task", "1", "--seed", "0", "--size", "65"], "(scene.size=65)"),
        (["synth", "audit", "nowhere"], "holds no records.jsonl"),
        (["synth", "--out", "x"], "--out, --per-task and --seed are needed"),
        (
            ["synth", "--out", "x", "--per-task", "1", "--seed", "0", "--kinds", "nothing"],
            "is no kind of video",
        ),
        (
            ["synth", "--out", "x", "--per-task", "1", "--seed", "0", "--kinds", "laboratory,speed"],
            "laboratory stands alone",
        ),
        (["bench", "check", "nope"], "'nope' is neither the name of a benchmark nor a folder"),
        (
            ["synth", "--out", "x", "--per-task", "1", "--seed", "0", "--set", "dificulty=3"],
            "did you mean scene.difficulty",
        ),
        (["score", "a", "b", "a"], "The same folder was named twice"),
        (["compare", "a", "a"], "The same folder was named twice"),
        (["score"], "score takes folders of answers"),
        (["score", "a", "--recorded", "b.jsonl"], "not both: a would be left out"),
        (["score", "a", "--columns", "problem=q"], "--columns is for --recorded"),
        (
            [
                "generate",
                "--model",
                "retroflip-tiny",
                "--data",
                "x.jsonl",
                "--out",
                "o",
                "--engine",
                "no",
                "--dry-run",
            ],
            "There is no engine named 'no'",
        ),
        (["score", "--suite", "crpo"], "takes a folder or several"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_the_command_line_starts_without_heavy_libraries() -> None:
    heavy = "{'torch', 'transformers', 'numpy', 'av', 'rich.console', 'pydantic'}"
    code = f"import sys, retroflip.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_missing_file_is_one_paragraph(work: Path, model: Path) -> None:
    result = run("generate", "--model", model, "--data", "absent.jsonl", "--out", "out")
    assert_one_paragraph(result, "absent.jsonl")
    assert not (work / "out").exists()


def test_a_bad_line_is_named_by_its_number(work: Path, model: Path) -> None:
    with (work / "data" / "records.jsonl").open("a") as stream:
        stream.write('{"problem_id": \n')
    assert_one_paragraph(generate(model, "out"), "records.jsonl, line 3")


def test_an_empty_data_file_is_refused(work: Path, model: Path) -> None:
    (work / "data" / "records.jsonl").write_text("")
    assert_one_paragraph(generate(model, "out"), "records.jsonl", "no records")


def test_a_path_that_leaves_the_root_is_refused(work: Path, model: Path) -> None:
    write_data(work / "data", ["right.mp4", "../../etc/passwd"])
    assert_one_paragraph(generate(model, "out"), "records.jsonl, line 2", "'..'")


def test_an_unknown_control_is_refused_before_the_model_is_loaded(work: Path) -> None:
    result = generate(work / "no-such-model", "out", "--controls", "full,blind")
    assert_one_paragraph(result, "'blind'", "text_only", code=2)


def test_a_model_that_does_not_exist_is_one_paragraph(work: Path) -> None:
    (work / "empty").mkdir()
    assert_one_paragraph(generate(work / "empty", "out"), "empty", "retroflip-tiny", code=2)


def test_an_unknown_recipe_key_names_the_nearest(work: Path, model: Path) -> None:
    recipe = write_recipe(work, model)
    result = run("train", recipe, "train.learning_rat=0.1", "--dry-run")
    assert_one_paragraph(result, "train.learning_rat", "did you mean train.learning_rate?", code=2)


def test_a_recipe_of_the_other_kind_names_the_right_command(work: Path, model: Path) -> None:
    result = run("sft", write_recipe(work, model), "--dry-run")
    assert_one_paragraph(result, "kind 'rl'", "`retroflip train`", code=2)


def test_an_interrupted_run_says_how_to_go_on(
    work: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("retroflip.cli.training._train", interrupt)
    result = run("train", write_recipe(work, model), "train.steps=9", "--out", "runs/my run")

    assert result.exit_code == 130
    (line,) = result.stderr.splitlines()
    assert line.endswith(f"retroflip train {work / 'mine.yaml'} train.steps=9 --out 'runs/my run' --resume")

    monkeypatch.setattr("retroflip.bench.job.load_engine", interrupt)
    assert generate(model, "out").stderr.splitlines()[-1].endswith("--max-tokens 5")


def test_resuming_a_finished_run_writes_the_report_that_a_kill_left_out(work: Path, model: Path) -> None:
    recipe = write_recipe(work, model)
    finished = RunDirectory.open(work / "my run", load_recipe(recipe).resolved(), resume=False)
    append_jsonl(finished.metrics, {"step": 1, "loss": 0.5})
    finished.finish()

    refused = run("train", recipe, "--out", "my run")
    assert_one_paragraph(refused, "is finished", f"`retroflip report '{work / 'my run'}'`")

    done = run("train", recipe, "--out", "my run", "--resume")
    assert done.exit_code == 0, done.output
    assert "The run was finished already." in done.stdout
    assert "--model 'my run/model'" in done.stdout
    assert "<html" in finished.report.read_text()
    assert finished.metrics.read_text().count("\n") == 1

    other = run("train", recipe, "train.steps=2", "--out", "my run", "--resume")
    assert_one_paragraph(other, "train.steps (was 3, now 2)")


def test_a_model_is_asked_as_it_was_trained_by_the_command_that_is_printed(work: Path, model: Path) -> None:
    own = ["data.frames=6", "data.max_pixels=32 x 32", "prompt.system=Watch it.", "method.null_option=false"]
    trained = run("train", write_recipe(work, model), *own, "train.steps=1", "--out", "run")
    assert trained.exit_code == 0, trained.output
    assert (
        'frames=6, sampler="uniform", max_pixels=1024, system_prompt="Watch it.", null_option=false, max_tokens='
        in trained.stdout
    )
    (printed,) = [line for line in trained.stdout.splitlines() if line.startswith("  retroflip generate")]
    words = [word.replace("PAIRS.jsonl", "data/records.jsonl") for word in shlex.split(printed)[1:]]

    assert run(*words).exit_code == 0
    written = json.loads((work / "run-answers" / "run.json").read_text())
    settings = written["settings"]
    assert (settings["frames"], settings["null_option"], settings["system_prompt"]) == (6, False, "Watch it.")
    assert settings["max_tokens"] == 8
    assert settings["pixel_budget"]["video"]["longest_edge"] == 6 * 32 * 32
    assert {one["from"] for one in written["conditions"].values()} == {"model"}

    flags = [
        "--frames",
        "4",
        "--max-pixels",
        "64x64",
        "--system-prompt",
        "built-in",
        "--null-option",
        "--max-tokens",
        "5",
    ]
    other = run(*words[:-1], "other", *flags, "--json")
    assert other.exit_code == 0, other.output
    settings = json.loads((work / "other" / "run.json").read_text())["settings"]
    assert (settings["frames"], settings["null_option"], settings["max_tokens"]) == (4, True, 5)
    assert settings["system_prompt"] == SYSTEM_PROMPT
    assert settings["pixel_budget"]["video"]["longest_edge"] == 4 * 64 * 64
    origins = {name: one["from"] for name, one in json.loads(other.stdout)["conditions"].items()}
    kept = {name for name, origin in origins.items() if origin == "model"}
    assert kept == {"sampler", "fps", "min_pixels", "total_pixels"}


def test_a_start_that_failed_can_be_followed_by_the_advice_it_gave(work: Path, model: Path) -> None:
    (work / "data" / "left.mp4").write_bytes(b"no video")
    recipe = write_recipe(work, model)

    failed = run("train", recipe, "--out", "run")
    assert failed.exit_code == 1
    assert "data.max_failed_share to 0.5" in failed.stderr

    # Enough for the data, and the next check in line is met: a step that wants more samples than are left.
    again = run("train", recipe, "data.max_failed_share=0.5", "train.samples_per_step=2", "--out", "run")
    assert again.exit_code == 1
    assert "1 usable sample," in again.stderr
    assert json.loads((work / "run" / "run.json").read_text())["recipe"]["data"]["max_failed_share"] == 0.5


def test_a_report_replaces_reports_only(work: Path) -> None:
    write_answers(work / "a", right="AB")
    (work / "thesis.html").write_text("<title>my thesis</title>")

    assert_one_paragraph(run("report", "a", "--out", "thesis.html"), "no retroflip report", code=2)
    assert (work / "thesis.html").read_text() == "<title>my thesis</title>"
    assert_one_paragraph(run("report", "a", "--out", "data"), "--out data/report.html", code=2)
    for _ in range(2):
        assert run("report", "a", "--out", "report.html").exit_code == 0


def test_a_report_shows_foreign_videos_only_when_their_folder_is_named(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_answers(work / "given" / "a", right="AB", video="right.mp4")
    about = {"data": str(work / "data" / "records.jsonl"), "root": str(work / "data")}
    (work / "given" / "a" / "run.json").write_text(json.dumps(about))
    monkeypatch.chdir(work / "given")

    def videos(*named: str) -> int:
        assert run("report", "a", "--out", "r.html", *named).exit_code == 0
        return Path("r.html").read_text().count("data:video/mp4")

    assert videos() == 0
    assert videos("--root", "../data") == 4
    assert videos("--data", "../data/records.jsonl") == 4
    assert_one_paragraph(run("report", "a", "--root", "absent"), "--root absent", code=2)
    assert_one_paragraph(run("report", "a", "--data", "absent"), "--data absent", code=2)


def test_a_build_replaces_nothing_but_an_earlier_build(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Path] = []

    def build(out: Path, *_: Any, steps: int = 1, seed: int = 0) -> None:
        assert (steps, seed) == (1, 0)
        built.append(out)

    monkeypatch.setattr("retroflip.lab.tiny_model.build", build)
    model = work / "mine"
    model.mkdir()
    assert run("tiny", "build", "--out", model).exit_code == 0
    (model / "model.safetensors").write_bytes(b"weights")
    assert_one_paragraph(run("tiny", "build", "--out", model), "model.safetensors", code=2)
    write_manifest(model / MANIFEST_NAME, build_manifest(model, ["model.safetensors"]))
    assert run("tiny", "build", "--out", model).exit_code == 0
    (model / "notes.txt").touch()
    assert_one_paragraph(run("tiny", "build", "--out", model), "notes.txt", code=2)
    assert_one_paragraph(run("tiny", "build", "--out", model / "notes.txt"), "is a file", code=2)
    assert run("tiny", "build", "--out", WEIGHTS).exit_code == 0
    assert built == [model, model, WEIGHTS]


def test_demos_that_make_other_things_do_not_share_a_folder() -> None:
    folders = [demo_folder(seed, quick=quick).as_posix() for quick in (False, True) for seed in (0, 3)]
    assert folders == ["runs/demo", "runs/demo-seed-3", "runs/demo-quick", "runs/demo-quick-seed-3"]


WATCH_IMPORTS = """
import importlib.abc, os, runpy, sys

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in ("torch", "huggingface_hub"):
            print(name, os.environ.get("OMP_WAIT_POLICY"), os.environ.get("HF_HUB_OFFLINE"), flush=True)
        if name == "huggingface_hub":
            os._exit(0)

sys.meta_path.insert(0, Watch())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("program", ["command line", "benchmark"])
def test_libraries_are_loaded_after_their_environment_is_set(work: Path, model: Path, program: str) -> None:
    root = Path(__file__).parents[2]
    arguments: dict[str, list[str | Path]] = {
        "command line": [
            root / "src" / "retroflip" / "__main__.py", "train", write_recipe(work, model), "--dry-run"
        ],
        "benchmark": [root / "benchmarks" / "laboratory.py", "--out", work / "study"],
    }  # fmt: skip
    drop = ("OMP_WAIT_POLICY", "HF_HUB_OFFLINE")
    environment = {name: value for name, value in os.environ.items() if name not in drop}
    done = subprocess.run(
        [sys.executable, "-c", WATCH_IMPORTS, *arguments[program]],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[-1] == "huggingface_hub PASSIVE 1", done.stderr
    assert all(line.split()[1] == "PASSIVE" for line in lines)


def test_a_folder_that_cannot_be_written_is_one_paragraph(work: Path) -> None:
    (work / "file").touch()
    result = run("report", "data", "--out", "file/report.html")
    assert result.exit_code == 2  # nothing to report comes first
    write_answers(work / "a", right="AB")
    assert_one_paragraph(run("report", "a", "--out", "file/report.html"), "file", "File exists")


@pytest.mark.usefixtures("work")
def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retroflip.data.records.survey_records", lambda *_: 1 / 0)
    result = run("validate", "--data", "data/records.jsonl")
    assert isinstance(result.exception, ZeroDivisionError)


def test_answers_are_generated_scored_and_reported_without_the_network(
    work: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    write_manifest(work / "data" / MANIFEST_NAME, build_manifest(work / "data", ["right.mp4", "left.mp4"]))
    done = generate(model, "out", "--controls", "full, text_only,oracle", "--json")

    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    conditions = told.pop("conditions")
    counts = {"answers": 6, "failed": 0, "noted": 0, "truncated": 4}
    assert told == {"out": "out", "prompt": "think", **counts}
    written = json.loads((work / "out" / "run.json").read_text())
    settings = written["settings"]
    assert (settings["frames"], settings["max_tokens"]) == (4, 5)
    assert written["conditions"] == conditions
    assert conditions["frames"] == {"value": 4, "from": "flag"}
    assert conditions["null_option"] == {"value": False, "from": "default"}
    assert settings["manifest_sha256"]

    scored = run("score", "out", "--json")
    scores = json.loads(scored.stdout)
    assert scored.exit_code == 0
    assert scores["n_pairs"] == 1
    assert scores["controls"]["oracle"]["p_acc"] == 1.0
    assert scores["settings"]["settings"] == settings

    table = run("score", "out").stdout
    assert "oracle" in table
    assert "100.0 [" in table
    assert "From 100.0 % of the answers nothing can be read" in table

    page = run("report", "out", "--json")
    assert json.loads(page.stdout) == {"report": "out/report.html"}
    assert "<html" in (work / "out" / "report.html").read_text()


def test_generate_asks_a_server_by_its_address(work: Path) -> None:
    write_data(work / "data", ["right.mp4", "left.mp4"])
    with MisbehavingServer(lambda _: "The answer is (A).", [status(503)]) as server:
        asked = ["generate", "--endpoint", server.url, "--model", "m", "--data", "data/records.jsonl"]
        done = run(*asked, "--draws", "2", "--temperature", "0.5", "--out", "out", "--json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["answers"] == 4
        assert run(*asked, "--show", "file", "--out", "files").exit_code == 0
        refused = run(*asked, "--engine", "ours", "--out", "other")
    assert_one_paragraph(refused, "belong together", code=2)
    assert len(server.requests) == 1 + 4 + 2
    rows = read_jsonl(work / "out" / "answers.jsonl")
    assert {(row["engine"], row["given"], row["answer"]) for row in rows} == {("openai", "frames", "A")}
    assert json.loads(run("score", "out", "--json").stdout)["n_answers"] == 2
    nowhere = run("generate", "--endpoint", "here", *asked[3:], "--out", "more")
    assert_one_paragraph(nowhere, "http://HOST:PORT/v1", code=2)
    same_draws = run(*asked, "--draws", "2", "--out", "more")
    assert_one_paragraph(same_draws, "2 draws at temperature 0", code=2)


def test_generate_goes_on_where_it_stopped(work: Path, model: Path) -> None:
    assert generate(model, "whole", "--null-option").exit_code == 0
    answers = work / "whole" / "answers.jsonl"
    whole = answers.read_bytes()
    first, second = whole.splitlines(keepends=True)
    answers.write_bytes(first + second[:20])

    assert generate(model, "whole", "--null-option").exit_code == 0
    assert answers.read_bytes() == whole

    refused = generate(model, "whole")
    assert_one_paragraph(refused, "null_option (was true, now false)")


def test_a_corrupt_file_among_the_videos_is_recorded_counted_and_left_out(work: Path, model: Path) -> None:
    write_data(work / "data", ["right.mp4", "left.mp4", "broken.mp4"])
    (work / "data" / "broken.mp4").write_bytes((work / "data" / "left.mp4").read_bytes()[:400])

    assert_one_paragraph(generate(model, "out"), "1 of 3 samples", "failures.jsonl")
    done = generate(model, "out", "--max-failed-share", "0.4")

    assert done.exit_code == 0, done.output
    assert "Questions that miss an answer: 1;" in done.stdout
    (failure,) = (work / "out" / "failures.jsonl").read_text().splitlines()
    assert json.loads(failure)["path"] == "broken.mp4"
    assert json.loads(failure)["error"] == "DecodeError"


def write_answers(folder: Path, right: str, video: str = "x.mp4") -> None:
    """Write answers to two pairs, the letters in `right` for the first; the second is always wrong on side 1."""
    from retroflip.bench.records import AnswerRecord, append_answers

    folder.mkdir(parents=True)
    answers = [*right, "A", "A"]
    append_answers(
        folder / "answers.jsonl",
        [
            AnswerRecord(
                id=f"q{index}",
                pair=f"pair{index // 2}",
                side=index % 2,
                source_clip=f"clip{index // 2}",
                gold="AB"[index % 2],
                options=("right", "left"),
                response=rf"\boxed{{{answer}}}",
                answer=answer,
                correct=answer == "AB"[index % 2],
                video=video,
            )
            for index, answer in enumerate(answers)
        ],
    )


def test_two_runs_are_compared_on_their_pairs(work: Path) -> None:
    write_answers(work / "base", right="AA")
    write_answers(work / "crpo", right="AB")

    compared = json.loads(run("score", "base", "crpo", "--json").stdout)

    assert compared["scores"]["base"]["p_acc"] == 0.0
    assert compared["scores"]["crpo"]["p_acc"] == 0.5
    assert compared["comparison"]["p_acc_difference"] == 0.5
    assert (compared["comparison"]["only_a"], compared["comparison"]["only_b"]) == (0, 1)
    text = run("score", "base", "crpo").stdout
    assert "crpo against base: P-Acc +50.0 points" in text
    assert "exact McNemar p = 1." in text


def test_any_number_of_folders_is_scored_each_on_its_own(work: Path) -> None:
    for name, right in (("native", "AA"), ("think", "AB"), ("direct", "BB")):
        write_answers(work / name, right=right)

    found = json.loads(run("score", "native", "think", "direct", "--json").stdout)

    assert set(found) == {"scores"}
    assert {name: one["p_acc"] for name, one in found["scores"].items()} == {
        "native": 0.0,
        "think": 0.5,
        "direct": 0.0,
    }
    assert found["scores"]["think"] == json.loads(run("score", "think", "--json").stdout)
    assert all((work / name / "scores.json").is_file() for name in found["scores"])
    text = run("score", "native", "think", "direct").stdout
    assert "All folders" in text
    assert "McNemar" not in text


def test_a_damaged_answer_is_named(work: Path) -> None:
    write_answers(work / "base", right="AB")
    path = work / "base" / "answers.jsonl"
    path.write_text(path.read_text().replace('"gold": "B"', '"gild": "B"', 1))
    assert_one_paragraph(run("score", "base"), "answers.jsonl", "line 2")


def test_a_dry_run_prints_a_recipe_that_runs_as_it_is_and_its_cost(work: Path, model: Path) -> None:
    done = run("train", write_recipe(work, model), "train.steps=5", "--dry-run")

    assert done.exit_code == 0, done.output
    resolved = yaml.safe_load(done.stdout)
    assert resolved["train"]["steps"] == 5
    assert resolved["data"]["records"] == str(work / "data" / "records.jsonl")
    for line in (
        "# samples: 2",
        "# videos: 2",
        "# steps: 5",
        "# rollouts per step at most: 4",
        "# parameters: ",
    ):
        assert line in done.stdout
    assert "# completion tokens at most: 160\n" in done.stdout  # 5 steps x 4 rollouts x 8 tokens
    assert done.stdout.splitlines()[-1].startswith("# By this estimate it fits ")
    assert not (work / "runs").exists()

    elsewhere = work / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "again.yaml").write_text(done.stdout)
    again = json.loads(run("train", elsewhere / "again.yaml", "--dry-run", "--json").stdout)
    assert again["recipe"] == resolved
    assert again["cost"]["memory_estimate_gib"]["peak"] > 0.8


def test_a_dry_run_may_be_for_another_machine(work: Path, model: Path) -> None:
    recipe = write_recipe(work, model)
    done = run("train", recipe, "--dry-run", "--gpus", "8x80GB")
    assert done.stdout.splitlines()[-1].startswith("# By this estimate it fits 8 x 80 GB: ")
    assert_one_paragraph(run("train", recipe, "--dry-run", "--gpus", "lots"), "--gpus 8x80GB", code=2)
    assert_one_paragraph(run("train", recipe, "--gpus", "8x80GB"), "Add --dry-run", code=2)


def test_a_dry_run_of_supervised_training_counts_its_answer_tokens(work: Path, model: Path) -> None:
    train = {"steps": 2, "batch_size": 2, "learning_rate": 1e-3}
    recipe = {"kind": "sft", "model": {"path": str(model)}, "data": RECIPE["data"], "train": train}
    (work / "sft.yaml").write_text(yaml.safe_dump(recipe))

    cost = json.loads(run("sft", "sft.yaml", "--dry-run", "--json").stdout)["cost"]

    assert cost["records_per_step"] == 2
    assert cost["answer_tokens_of_longest_seen"] > 3
    assert cost["memory_estimate_gib"]["reference_weights"] == 0


@pytest.mark.usefixtures("work")
def test_synth_writes_data_that_validates() -> None:
    arguments = [
        "synth",
        "--out",
        "pairs",
        "--per-task",
        "1",
        "--seed",
        "3",
        "--size",
        "32",
        "--kinds",
        "laboratory",
    ]
    made = json.loads(run(*arguments, "--json").stdout)

    assert (made["samples"], made["pairs"]) == (7, 3)
    checked = run("validate", "--data", made["records"], "--json")
    assert checked.exit_code == 0
    found = json.loads(checked.stdout)
    assert found == {"questions": 7, "pairs": 3, "skipped": {}, "media": None, "faults": [], "notes": []}


@pytest.mark.usefixtures("work")
def test_temporal_videos_are_written_audited_and_shown() -> None:
    asked = [
        "--per-task",
        "10",
        "--seed",
        "3",
        "--size",
        "64",
        "--kinds",
        "direction",
        "--set",
        "difficulty=1",
    ]
    made = json.loads(run("synth", "--out", "pairs", *asked, "--json").stdout)
    assert (made["samples"], made["pairs"], made["kinds"]) == (20, 10, ["direction"])
    assert run("validate", "--data", made["records"]).exit_code == 0

    audited = run("synth", "audit", "pairs", "--json")
    found = json.loads(audited.stdout)
    assert (found["failed"], found["faults"]) == ([], [])
    assert audited.exit_code == 0
    assert found["kinds"]["direction"]["oracle"] == 1.0
    assert Path(found["report"]).read_text().startswith("<!doctype html>")

    records = Path(made["records"])
    few = records.read_text().splitlines(keepends=True)[:4]
    repeated = {**json.loads(few[0]), "problem_id": "another"}
    records.write_text("".join([*few, json.dumps(repeated)]))
    refused = run("synth", "audit", "pairs")
    assert (refused.exit_code, "not the file that" in refused.stderr) == (1, True)
    (records.parent / "manifest.json").unlink()
    audited = run("synth", "audit", "pairs", "--json")
    found = json.loads(audited.stdout)
    assert (audited.exit_code, found["failed"], len(found["faults"])) == (1, ["direction"], 2)
    assert all(fault.startswith("direction: ") for fault in found["faults"])

    riddles = [
        {**json.loads(few[0]), "problem_id": f"riddle-{one}", "problem_type": "free-form", "options": [],
         "solution": f"<answer>word {one}</answer>"}
        for one in range(13)
    ]  # fmt: skip
    records.write_text("".join([*few, *(json.dumps(one) + "\n" for one in riddles)]))
    audited = run("synth", "audit", "pairs")
    assert audited.exit_code == 1
    assert "13 questions left out (direction 13): no options" in audited.stdout

    sheets = json.loads(run("synth", "sheets", "pairs", "--out", "sheets", "--count", "2", "--json").stdout)
    assert [Path(sheet).name for sheet in sheets["sheets"]] == ["direction.jpg"]


def test_validate_finds_a_pair_that_needs_no_eyes(work: Path) -> None:
    path = work / "data" / "records.jsonl"
    path.write_text(
        path.read_text().replace("<answer>B</answer>", "<answer>A</answer>").replace("{B}", "{A}")
    )

    found = run("validate", "--data", path)

    assert found.exit_code == 1
    assert "line 1 (q0): the answer of its pair's other side (q1), 'right', is right here too" in found.stdout
    assert "2 questions and 1 pair checked: 2 faults." in found.stdout


def test_validate_names_every_fault_in_one_go(work: Path) -> None:
    good, other = (json.loads(line) for line in (work / "data" / "records.jsonl").read_text().splitlines())
    cut = (work / "data" / "left.mp4").read_bytes()[:900]
    (work / "data" / "cut.mp4").write_bytes(cut)
    rows = [
        good,
        {**good, "problem_id": "z", "solution": "Z"},
        {**other, "path": "cut.mp4"},
        {**other, "problem_id": "gone", "path": "gone.mp4", "pair": None, "side": None},
        {
            **good,
            "problem_id": "again",
            "path": "gone.mp4",
            "options": ["left", "left"],
            "pair": None,
            "side": None,
        },
    ]
    path = work / "data" / "records.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{oops\n")

    found = json.loads(run("validate", "--data", path, "--media", "--json").stdout)

    named = [(fault["line"], fault["id"], fault["message"]) for fault in found["faults"]]
    assert [name[:2] for name in named] == [(2, "z"), (3, "q1"), (4, "gone"), (5, "again"), (6, "")]
    parts = ("none of the options", "cut.mp4: ", "no such video file", "options A and B have", "not JSON")
    assert all(part in message for part, (*_, message) in zip(parts, named, strict=True))
    assert found["media"] == {"checked": 3, "failed": 2}
    shown = run("validate", "--data", path, "--media", "--workers", "1")
    assert (shown.exit_code, shown.stdout.splitlines()[-1]) == (
        1,
        "4 questions, 1 pair and 3 files checked: 5 faults.",
    )


def test_train_sft_and_generate_name_all_faults_of_a_file(work: Path, model: Path) -> None:
    path = work / "data" / "records.jsonl"
    path.write_text(path.read_text().replace("<answer>", "<answer>no "))
    recipe = write_recipe(work, model)
    for more in ([], ["--dry-run"]):
        told = ("records.jsonl, line 1: the solution 'no A'", "Line 2: the solution")
        assert_one_paragraph(run("train", recipe, *more), *told)
    assert_one_paragraph(generate(model, "out"), "2 of 2 records are faulty; `retroflip validate ")


def test_a_dry_run_of_generate_passes_over_a_file_that_is_no_video(work: Path, model: Path) -> None:
    (work / "data" / "left.mp4").write_text("version https://git-lfs.github.com/spec/v1")
    told = generate(model, "out", "--dry-run")
    assert (told.exit_code, told.stderr) == (0, "")


def test_pairs_of_own_clips_are_made_validated_answered_and_scored(work: Path, model: Path) -> None:
    own = {
        key: value
        for key, value in record(0, "right.mp4").items()
        if key not in ("pair", "side", "source_clip")
    }
    static = {**own, "problem_id": "s", "problem": "What moves?", "task_type": "static"}
    (work / "mine.jsonl").write_text(json.dumps(own) + "\n" + json.dumps(static) + "\n")

    made = run(
        "pairs", "mine.jsonl", "--out", "made", "--root", "data", "--spatiotemporal", "reverse", "--json"
    )

    found = json.loads(made.stdout)
    assert (found["pairs"], found["reversed"], found["unknown"]) == (1, 1, 1)
    assert run("validate", "--data", found["records"], "--media").exit_code == 0
    asked = [
        "--model",
        model,
        "--data",
        found["records"],
        "--out",
        "out",
        "--frames",
        "4",
        "--max-tokens",
        "5",
    ]
    assert run("generate", *asked, "--controls", "oracle").exit_code == 0
    scored = json.loads(run("score", "out", "--json").stdout)
    assert (scored["n_pairs"], scored["p_acc"]) == (1, 1.0)
    shown = run("pairs", "mine.jsonl", "--out", "made", "--root", "data", "--spatiotemporal", "reverse")
    assert shown.stdout.splitlines()[-1] == "1 pair, 0 mirrored and 1 reversed: made/records.jsonl"
    assert "1 without a pair: It is static" in shown.stdout


def test_what_data_calls_a_task_or_a_question_is_no_path(work: Path) -> None:
    path = work / "data" / "records.jsonl"
    path.write_text(path.read_text().replace('"test"', '"test", "task": "../../out/\\u0000x"'))
    sheets = json.loads(run("synth", "sheets", "data", "--out", "deep/sheets", "--json").stdout)
    (sheet,) = [Path(sheet) for sheet in sheets["sheets"]]
    assert sheet.parent == Path("deep/sheets")
    assert sheet.is_file()

    (work / "metadata.json").write_text("{}")
    (work / "data" / "metadata").mkdir()
    path.write_text(path.read_text().replace('"q0"', '"../../metadata"'))
    assert_one_paragraph(run("cot", "data", "--out", "traces.jsonl"), "no video is called '../../metadata'")


def test_doctor_prints_one_object_and_exits_by_what_it_found() -> None:
    done = run("doctor", "--json")

    found = json.loads(done.stdout)
    assert done.exit_code == (0 if found["ok"] else 1)
    assert {"Python", "memory"} <= {check["name"] for check in found["checks"]}
    assert "Python" in run("doctor").stdout


def test_validate_takes_one_file_by_its_place_or_by_the_name_of_other_commands(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("")
    path = str(tmp_path / "none.jsonl")
    assert run("validate", path).stdout == run("validate", "--data", path).stdout != ""
    for given in ((), (path, "--data", path)):
        assert_one_paragraph(run("validate", *given), "Name one file of records", code=2)


def test_the_console_script_exits_with_the_errors_code(tmp_path: Path) -> None:
    script = Path(sys.executable).parent / "retroflip"
    environment = {**os.environ, "COLUMNS": "80"}
    done = subprocess.run(
        [script, "validate", "--data", "absent.jsonl"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: absent.jsonl")
    assert len(done.stderr.splitlines()) == 1
