"""What surrounds a run of answers: presets, what is there of a benchmark, its cost, suites, several processes."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from launched import launch
from random_models import save_random_model
from retroflip.bench.asking import Asking
from retroflip.bench.benchmarks import tempcompass
from retroflip.bench.catalogue import Catalogue, shares
from retroflip.bench.job import Call, costs, prepare, run
from retroflip.bench.presence import fault_of, presence
from retroflip.bench.presets import Preset, preset_of, read_presets
from retroflip.bench.questions import bench_questions
from retroflip.bench.records import Control, read_answers
from retroflip.bench.sources import Sources
from retroflip.cli.app import app
from retroflip.data.manifest import build_manifest, write_manifest
from retroflip.data.media import MediumKind, ShownMedium
from retroflip.data.prompt_modes import PromptMode
from retroflip.errors import RecipeError
from retroflip.inference.base import Sampling
from retroflip.models import processes
from retroflip.progress import Silence
from retroflip.video.samplers import SAMPLERS
from small_benchmark import write_tempcompass

SEEN = (Control.FULL, Control.TEXT_ONLY, Control.SHUFFLED_FRAMES)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tempcompass(tmp_path / "tempcompass")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_model("qwen3_vl", tmp_path_factory.mktemp("model"))


def cli(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


class TestPresets:
    def test_every_shipped_one_can_be_asked(self, root: Path) -> None:
        questions = bench_questions("tempcompass", root)
        for name, preset in read_presets().items():
            call = Call(name, preset)
            prepared = prepare(call, questions)
            assert prepared.manner.conditions.asked.sampler in SAMPLERS
            assert costs(call, prepared, None)["answers"] == 4
            assert preset.revision is None  # none is known for certain

    def test_it_says_what_no_option_says(self, root: Path) -> None:
        call = Call("q", read_presets()["qwen2.5-vl-7b"], flags={"frames": 8})
        prepared = prepare(call, bench_questions("tempcompass", root))
        asked = prepared.manner.conditions.asked
        assert (asked.frames, asked.sampler, asked.total_pixels) == (8, "vlmevalkit", 24576 * 28 * 28)
        assert (prepared.manner.prompt, prepared.wanted.dtype) == (PromptMode.NATIVE, "bfloat16")
        assert prepared.wanted.model == "Qwen/Qwen2.5-VL-7B-Instruct"

    def test_a_file_of_ones_own_goes_before(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.yaml"
        file.write_text("qwen3-vl-8b: {model: here, prompt: direct, max_pixels: 16 x 32 x 32}\n")
        presets = read_presets(file)
        assert presets["qwen3-vl-8b"] == Preset(
            model="here", prompt=PromptMode.DIRECT, max_pixels=16 * 32 * 32
        )
        assert "gpt-5.1" in presets
        assert preset_of("some/model", presets) == Preset(model="some/model")

    def test_a_wrong_key_is_named(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.yaml"
        file.write_text("m: {model: here, promt: direct}\n")
        with pytest.raises(RecipeError, match="promt"):
            read_presets(file)


class TestPresence:
    def test_everything_is_there(self, root: Path) -> None:
        found = presence(tempcompass.BENCHMARK, root)
        (media,) = found.media
        assert (found.questions, found.pairs, media.needed, media.missing) == (4, 2, 2, 0)
        missing = [need.path for need in found.needs if not need.there]
        assert missing == ["questions/caption_matching.json", "questions/captioning.json"]

    def test_a_pair_without_its_other_side_is_told(self, tmp_path: Path) -> None:
        record = {"problem_id": "a", "problem": "Which?", "problem_type": "multiple choice", "options": ["x", "y"],
                  "solution": "A", "path": "a.mp4", "pair": "p", "side": 0}  # fmt: skip
        (tmp_path / "records.jsonl").write_text(json.dumps(record))
        (tmp_path / "a.mp4").touch()
        done = cli("bench", "check", tmp_path, "--json")
        found = json.loads(done.stdout)
        assert (done.exit_code, found["pairs"], found["lone_pairs"], found["complete"]) == (1, 1, 1, False)
        assert "Of 1 pair one side is MISSING" in cli("bench", "check", tmp_path).stdout

    def test_missing_videos_are_counted_and_the_first_named(self, root: Path) -> None:
        (root / "videos" / "1.mp4").unlink()
        done = cli("bench", "check", "tempcompass", "--root", root, "--json")
        assert done.exit_code == 1
        found = json.loads(done.stdout)
        assert found["media"] == [
            {
                "kind": "video", "needed": 2, "missing": 1, "first": ["videos/1.mp4"], "unusable": {},
                "first_unusable": [],
            },
        ]  # fmt: skip
        assert not found["complete"]
        assert (
            "1 missing; the first: videos/1.mp4"
            in cli("bench", "check", "tempcompass", "--root", root).stdout
        )

    def test_what_is_there_and_cannot_be_shown_is_named(self, root: Path, tmp_path: Path) -> None:
        whole = (root / "videos" / "1.mp4").read_bytes()
        places = {
            "whole.mp4": whole, "empty.mp4": b"", "cut.mp4": whole[:-40], "head.mp4": whole[:20],
            "lfs.mp4": b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "page.mp4": b"<!doctype html>",
        }  # fmt: skip
        for name, content in places.items():
            (tmp_path / name).write_bytes(content)
        (tmp_path / "folder.mp4").mkdir()
        (tmp_path / "nowhere.mp4").symlink_to(tmp_path / "gone.mp4")
        (tmp_path / "outside.mp4").symlink_to("/etc/hostname")
        names = [*places, "folder.mp4", "nowhere.mp4", "outside.mp4", "missing.mp4"]
        rows = [
            {"problem_id": name, "problem": "Which?", "problem_type": "multiple choice", "options": ["x", "y"],
             "solution": "A", "path": name} for name in names
        ]  # fmt: skip
        (tmp_path / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        done = cli("bench", "check", tmp_path, "--json")
        (media,) = json.loads(done.stdout)["media"]
        assert (done.exit_code, media["needed"], media["missing"]) == (1, 10, 1)
        assert media["unusable"] == {
            "empty": 1, "cut short": 2, "a pointer of Git LFS and not the file itself": 1, "a page of HTML or XML": 1,
            "a folder where a file should be": 1, "a link that leads nowhere": 1, "outside of the root": 1,
        }  # fmt: skip
        assert media["first_unusable"][:2] == ["empty.mp4 (empty)", "cut.mp4 (cut short)"]
        assert "9 of 10 there, 1 missing; the first: missing.mp4" in cli("bench", "check", tmp_path).stdout
        assert "UNUSABLE: 1 empty, 2 cut short" in cli("bench", "check", tmp_path).stdout

    def test_annotations_that_are_empty_and_links_that_lead_nowhere(self, root: Path) -> None:
        (root / "questions" / "captioning.json").touch()
        (root / "questions" / "caption_matching.json").symlink_to(root / "gone.json")
        done = cli("bench", "check", "tempcompass", "--root", root)
        assert done.exit_code == 1
        assert "EMPTY: questions/captioning.json (annotations)" in done.stdout
        assert "A LINK THAT LEADS NOWHERE: questions/caption_matching.json" in done.stdout

    def test_folders_of_frames(self, tmp_path: Path) -> None:
        for name in ("full", "bare"):
            (tmp_path / name).mkdir()
        (tmp_path / "full" / "1.jpg").touch()
        (tmp_path / "file").touch()
        shown = [ShownMedium(kind=MediumKind.FRAMES, path=name, fps=1.0) for name in ("full", "bare", "file")]
        assert [fault_of(tmp_path, one) for one in shown] == [
            "", "a folder without frames", "a file where a folder of frames should be",
        ]  # fmt: skip

    def test_questions_that_cannot_be_read_are_told(self, tmp_path: Path) -> None:
        done = cli("bench", "check", "tempcompass", "--root", tmp_path)
        assert done.exit_code == 1
        assert "MISSING: questions/multi-choice.json (annotations)" in done.stdout
        assert "cannot be read" in done.stdout
        refused = cli(
            "generate", "--model", "m", "--bench", "tempcompass", "--root", tmp_path, "--out", tmp_path / "o"
        )
        assert refused.exit_code == 1
        assert "retroflip bench check tempcompass --root" in refused.stderr

    def test_videos_are_missed_before_a_model_is_loaded(self, root: Path) -> None:
        (root / "videos" / "1.mp4").unlink()
        done = cli(
            "generate",
            "--model",
            root / "nowhere",
            "--bench",
            "tempcompass",
            "--root",
            root,
            "--out",
            root / "o",
        )
        assert done.exit_code == 1
        assert "2 of 4 samples are not there" in done.stderr

    def test_benchmarks_suites_and_presets_are_listed(self) -> None:
        found = json.loads(cli("bench", "list", "--json").stdout)
        assert "tempcompass" in [one["name"] for one in found["benchmarks"]]
        assert found["suites"]["crpo"][0] == "dybench"
        assert "tempcompass" in cli("bench", "list").stdout
        assert json.loads(cli("bench", "models", "--json").stdout)["retroflip-tiny"]["prompt"] == "think"


class TestCost:
    def cost(self, root: Path, controls: tuple[Control, ...], **changed: Any) -> dict[str, Any]:
        preset = Preset(model="m", patch=32, merge=2, parameters=1.0, **changed)
        call = Call("m", preset, controls, flags={"max_tokens": 10, "frames": 8}, mode=PromptMode.DIRECT)
        return costs(call, prepare(call, bench_questions("tempcompass", root)), (2.0, 10.0), 1)

    def test_by_hand(self, root: Path) -> None:
        """Two videos of 64 x 64 in 8 frames, merged in twos: 2 x 2 tokens, four times."""
        found = self.cost(root, (Control.FULL, Control.TEXT_ONLY, Control.SHUFFLED_FRAMES, Control.ORACLE))
        assert (found["tokens_per_video"], found["videos"], found["answers"]) == (16, 2, 16)
        words, loads = found["tokens_per_question"], found["controls"]
        assert loads["full"]["read"] == pytest.approx(2 * 16 + 4 * words, abs=4)
        assert loads["full"]["sent"] == pytest.approx(4 * (16 + words), abs=4)
        assert loads["shuffled_frames"]["read"] == pytest.approx(4 * (16 + words), abs=4)
        assert loads["text_only"] == {
            "answers": 4,
            "read": pytest.approx(2 * words, abs=4),
            "sent": pytest.approx(2 * words, abs=4),
            "written": 20,
        }
        assert loads["oracle"]["written"] == 0
        assert found["tokens_out_at_most"] == 40 + 20 + 40
        sent = sum(load["sent"] for load in loads.values())
        assert found["money_at_most"] == pytest.approx((2 * sent + 10 * 100) / 1e6, abs=0.01)

    def test_a_server_is_sent_a_video_with_every_question(self, root: Path) -> None:
        found = self.cost(root, (Control.FULL,), endpoint="http://localhost:1/v1")
        assert found["tokens_in"] == found["controls"]["full"]["sent"]
        assert found["hours_at_most"] is None

    def test_a_dry_run_of_a_suite_names_what_is_missing(self, root: Path) -> None:
        done = cli("generate", "--model", "qwen3-vl-8b", "--suite", "crpo", "--root", root.parent, "--out", root / "o",
                   "--dry-run", "--json")  # fmt: skip
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)["benchmarks"]
        assert list(found) == ["dybench", "timeblind", "tempcompass", "videomme", "mvbench"]
        assert found["tempcompass"]["conditions"]["frames"]["value"] == 32
        assert "missing" in found["dybench"]
        assert not (root / "o").exists()

    def test_a_dry_run_of_a_suite_of_which_nothing_is_there_fails(self, tmp_path: Path) -> None:
        asked: list[str | Path] = [
            "generate",
            "--model",
            "qwen3-vl-8b",
            "--suite",
            "crpo",
            "--root",
            tmp_path,
            "--out",
            "o",
            "--dry-run",
        ]
        done = cli(*asked, "--json")
        assert done.exit_code == 1
        assert all("missing" in one for one in json.loads(done.stdout)["benchmarks"].values())
        assert "No benchmark of the suite can be asked, of 5 (dybench, timeblind" in done.stderr
        said = cli(*asked)
        assert said.exit_code == 1
        assert "tempcompass: cannot be asked: " in said.stdout

    def test_a_suite_that_is_not_all_there_is_refused_before_the_first_is_asked(self, root: Path) -> None:
        done = cli("generate", "--model", root, "--suite", "crpo", "--root", root.parent, "--out", root / "o")
        assert done.exit_code == 2
        assert f"{root.parent / 'dybench'}, {root.parent / 'timeblind'}, " in done.stderr
        assert "tempcompass" not in done.stderr


class TestSuite:
    def test_each_benchmark_is_answered_into_its_folder(self, root: Path, model: Path) -> None:
        suite = root.parent / "mine.yaml"
        suite.write_text(
            "title: Mine\npaper: none\nframes: 4\n"
            "members:\n  choices: {bench: tempcompass, where: {task: [direction]}}\n"
        )
        out = root.parent / "answers"
        done = cli("generate", "--model", model, "--suite", suite, "--root", root.parent, "--out", out,
                   "--max-tokens", "4", "--json")  # fmt: skip
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["benchmarks"]["tempcompass"]["answers"] == 4
        run = json.loads((out / "tempcompass" / "run.json").read_text())
        assert (run["settings"]["frames"], run["settings"]["prompt"], run["bench"]) == (
            4,
            "native",
            "tempcompass",
        )


def answer(root: Path, model: Path, out: Path, **settings: Any) -> None:
    processes.join()
    call = Call("m", Preset(model=str(model)), SEEN, flags={"max_tokens": 4, "frames": 4}, **settings)
    run(call, prepare(call, bench_questions("tempcompass", root)), out, Silence())
    processes.leave()


class TestRecordsOfOtherKinds:
    def test_they_are_left_out_and_told_everywhere(self, tmp_path: Path, model: Path, clip: Path) -> None:
        row = {
            "problem": "Left?",
            "problem_type": "multiple choice",
            "options": ["yes", "no"],
            "solution": "A",
        }
        shown = [("image", 3, "a.png"), ("text", 2, ""), ("video", 1, clip.name)]
        rows = [row | {"problem_id": f"{kind}{number}", "data_type": kind, "path": path}
                for kind, count, path in shown for number in range(count)]  # fmt: skip
        file = tmp_path / "mixed.jsonl"
        file.write_text("".join(json.dumps(one) + "\n" for one in rows))
        asked: list[str | Path] = ["generate", "--model", model, "--data", file, "--root", clip.parent]
        asked += ["--max-tokens", "4"]
        said = "5 of 6 records are left out: 3 of data_type image, 2 of data_type text."
        counts = {"data_type image": 3, "data_type text": 2}
        done = cli(*asked, "--out", tmp_path / "o")
        assert done.exit_code == 0, done.output
        assert "1 answer in" in done.stdout
        assert said in done.stdout
        assert json.loads((tmp_path / "o" / "run.json").read_text())["left_out"] == counts
        assert said in cli(*asked, "--out", tmp_path / "o", "--dry-run").stdout
        for more in ((), ("--dry-run",)):
            assert (
                json.loads(cli(*asked, "--out", tmp_path / "o", "--json", *more).stdout)["left_out"] == counts
            )


class TestFaults:
    def test_a_file_that_is_not_its_manifests_is_a_failure_and_no_answer(
        self, root: Path, model: Path
    ) -> None:
        names = ["videos/1.mp4", "videos/1_reverse.mp4"]
        write_manifest(root / "manifest.json", build_manifest(root, names))
        swapped = (root / names[1]).read_bytes()
        (root / names[0]).write_bytes(swapped)
        asked: list[str | Path] = ["generate", "--model", model, "--bench", "tempcompass", "--root", root]
        asked += ["--out", root / "o"]
        refused = cli(*asked, "--controls", "full,text_only,oracle", "--max-tokens", "4")
        assert refused.exit_code == 1
        assert "2 of 4 samples (50.0%) cannot be used" in refused.stderr
        done = cli(
            *asked, "--controls", "full,text_only,oracle", "--max-tokens", "4", "--max-failed-share", "0.5"
        )
        assert done.exit_code == 0, done.output
        records = read_answers(root / "o" / "answers.jsonl").records
        failed = {(one.id.split("/")[1], one.control.value) for one in records if one.error is not None}
        assert failed == {("1", "full"), ("1", "text_only")}
        assert all(one.answer is None and not one.response for one in records if one.error is not None)
        assert sum(one.control is Control.ORACLE and one.correct for one in records) == 4

    def test_questions_that_stand_twice_are_refused(self, root: Path, model: Path) -> None:
        """TempCompass numbers its rows, so two of one id are two videos of one name: here with and without ending."""
        file = root / "questions" / "multi-choice.json"
        rows = json.loads(file.read_text())
        file.write_text(json.dumps({**rows, "1.mp4": rows["1"]}))
        done = cli(
            "generate", "--model", model, "--bench", "tempcompass", "--root", root, "--out", root / "o"
        )
        assert done.exit_code == 1
        assert "two questions with the id" in done.stderr

    def test_a_suite_says_how_often_where_answers_are_drawn(self) -> None:
        sources = Sources({}, draws=8)
        call = Call("m", Preset(model="m"))
        assert sources.call(call, None).draws == 1
        assert sources.call(replace(call, temperature=0.7), None).draws == 8
        assert sources.call(replace(call, temperature=0.7), 2).draws == 2


class TestProcesses:
    def test_two_leave_the_bytes_of_one(self, root: Path, model: Path, tmp_path: Path) -> None:
        answer(root, model, tmp_path / "one")
        assert launch(2, answer, root, model, tmp_path / "two") == [0, 0]
        one, two = ((tmp_path / name / "answers.jsonl").read_bytes() for name in ("one", "two"))
        assert len(one.splitlines()) == 12
        assert one == two
        assert sorted(path.name for path in (tmp_path / "two").iterdir() if path.name != ".lock") == [
            *("answers.jsonl", "failures.jsonl", "run.json")
        ]

    def test_what_a_killed_one_wrote_is_taken_over(self, root: Path, model: Path, tmp_path: Path) -> None:
        """A row that is in both files, as after a kill in the middle of putting them together, counts once."""
        answer(root, model, tmp_path / "out")
        file = tmp_path / "out" / "answers.jsonl"
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(lines[:5]))
        (tmp_path / "out" / "answers.process-3.jsonl").write_bytes(b"".join(lines[:3:-2]) + lines[6][:40])
        answer(root, model, tmp_path / "out")
        assert file.read_bytes() == b"".join(lines)
        assert not list((tmp_path / "out").glob("*process*"))

    def test_every_video_is_in_one_share(self, root: Path) -> None:
        samples = bench_questions("tempcompass", root).dataset.samples
        catalogue = Catalogue(samples, Asking(Sampling(1), null_option=False))
        groups = catalogue.videos()
        assert [numbers.tolist() for numbers in groups] == [[0, 2], [1, 3]]
        for count in (1, 2, 3, 5):
            dealt = [
                numbers.tolist()
                for rank in range(count)
                for share in shares(groups, rank, count)
                for numbers in share
            ]
            assert sorted(dealt) == [[0, 2], [1, 3]]


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 1.5])
def test_a_run_of_two_processes_that_is_killed_goes_on(
    root: Path, model: Path, tmp_path: Path, seconds: float
) -> None:
    """SIGKILL at several moments: among the checks, among the answers, when they are put together, behind the end."""
    answer(root, model, tmp_path / "whole")
    fixed = [sys.executable, "-m", "retroflip", "generate", "--model", str(model), "--bench", "tempcompass"]
    command = [*fixed, "--root", str(root), "--controls", ",".join(SEEN), "--max-tokens", "4"]
    command += ["--frames", "4", "--processes", "2", "--out", str(tmp_path / "out")]
    out = tmp_path / "out"
    with subprocess.Popen(command, start_new_session=True) as killed:
        started = time.monotonic()
        while not (out / "run.json").exists() and time.monotonic() - started < 120:
            time.sleep(0.05)
        time.sleep(seconds)
        os.killpg(killed.pid, signal.SIGKILL)
    subprocess.run(command, check=True)
    assert (out / "answers.jsonl").read_bytes() == (tmp_path / "whole" / "answers.jsonl").read_bytes()
    assert len(read_answers(out / "answers.jsonl").records) == 12
