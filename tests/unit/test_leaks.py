"""Leaks: every way in which a training set may have a benchmark's clips and questions, and what was not compared."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from made_clips import moving
from retroflip.bench.leaks import Place, asked, data_sets, find_leaks, recordings
from retroflip.cli.app import app
from retroflip.data.sample import ProblemType, Sample
from retroflip.progress import Silence
from retroflip.video.encode import encode


def record(name: str, path: str, question: str = "Which way?", **more: Any) -> dict[str, Any]:
    return {"problem_id": name, "problem": question, "problem_type": "multiple choice", "options": ["left", "right"],
            "solution": "A", "path": path, **more}  # fmt: skip


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of three clips, and a training set with one of them as it is, one mirrored and re-encoded, one played
    backwards, and with a clip of its own."""
    root = tmp_path_factory.mktemp("leaks")
    for folder in ("bench/videos", "train/c"):
        (root / folder).mkdir(parents=True)
    clips = {name: moving(seed) for seed, name in enumerate(("ball_kick", "door_shut", "car_turn"))}
    for name, pixels_TCHW in clips.items():
        encode(root / f"bench/videos/{name}.mp4", pixels_TCHW, 12)
    lines(
        root / "bench/records.jsonl",
        [record(name, f"videos/{name}.mp4", f"What does the {name} do?") for name in clips]
        + [record("ball_kick2", "videos/ball_kick.mp4", "How fast is it?")],
    )
    train = root / "train"
    encode(train / "c/mirrored.mp4", clips["door_shut"][:, :, ::2, ::-2], 6, crf=30)
    encode(train / "c/backwards.mp4", clips["car_turn"][::-1], 12)
    encode(train / "c/own_clip.mp4", moving(9), 12)
    shutil.copy(root / "bench/videos/ball_kick.mp4", train / "c/renamed.mp4")
    (train / "c/broken.mp4").write_bytes(b"no video")
    lines(
        train / "train.jsonl",
        [
            record("t1", "c/renamed.mp4", "what does the BALL_KICK do"),
            record("t2", "c/mirrored.mp4"),
            record("t3", "c/backwards.mp4"),
            record("t4", "c/own_clip.mp4"),
            record("t5", "c/broken.mp4"),
            record("t6", "gone/ball_kick_reverse.mp4", "Anything?"),
        ],
    )
    return root


def leaks(root: Path, *more: str) -> dict[str, Any]:
    ran = CliRunner().invoke(
        app, ["leaks", str(root / "train/train.jsonl"), str(root / "bench"), "--json", *more]
    )
    assert ran.exit_code == 0, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_every_way_is_found_and_a_clip_of_its_own_is_not(folders: Path) -> None:
    found = leaks(folders)
    assert (found["records"], found["questions"]) == (6, 4)
    # Both questions about the copied file are affected.
    assert (found["file"]["train"], found["file"]["bench"]) == (1, 2)
    assert found["file"]["examples"][0]["what"] == "c/renamed.mp4"
    ways = {one["train"]: one["how"] for one in found["look"]["examples"]}
    assert ways == {"t1": "same", "t2": "mirrored", "t3": "reversed"}
    assert found["look"]["ways"] == {"same": 1, "mirrored": 1, "reversed": 1}
    assert (found["question"]["train"], found["question_and_options"]["train"]) == (1, 1)
    assert [one["train"] for one in found["recording"]["examples"]] == ["t6"]
    assert (found["affected"], found["affected_share"]) == (4, 1.0)


def test_both_sides_of_a_pair_and_its_twins_are_affected_by_one_training_file(tmp_path: Path) -> None:
    clip, bench, train = moving(4), tmp_path / "bench", tmp_path / "train"
    for folder in (bench, train):
        folder.mkdir()
    encode(bench / "first.mp4", clip, 12)
    encode(bench / "second.mp4", clip[::-1], 12)
    shutil.copy(bench / "first.mp4", bench / "twin.mp4")
    encode(bench / "other.mp4", moving(7), 12)
    shutil.copy(bench / "first.mp4", train / "copy.mp4")
    encode(train / "again.mp4", clip[::-1, :, :, ::-1], 12, crf=30)
    lines(bench / "records.jsonl", [record(n, f"{n}.mp4") for n in ("first", "second", "twin", "other")])
    lines(train / "train.jsonl", [record(n, f"{n}.mp4", "Why?") for n in ("copy", "again")])
    found = leaks(tmp_path)
    # One training file is one, of however many files of the benchmark it is a copy.
    assert (found["file"]["train"], found["file"]["bench"]) == (1, 2)
    assert (found["look"]["train"], found["look"]["bench"]) == (2, 3)
    assert (found["affected"], found["affected_share"]) == (3, 0.75)


def test_what_was_not_compared_is_said(folders: Path) -> None:
    found = leaks(folders)
    media = found["media"]["train"]
    assert [media[key] for key in ("files", "compared", "missing", "unreadable")] == [6, 4, 1, 1]
    assert any("1 of 6 files of the training set, which are missing" in one for one in found["not_compared"])
    assert any("cannot be decoded" in one and "broken.mp4" in one for one in found["not_compared"])
    quick = leaks(folders, "--no-look")
    assert (quick["look"]["train"], quick["file"]["train"]) == (0, 1)
    assert any("not decoded" in one for one in quick["not_compared"])


def test_the_table_says_the_same(folders: Path) -> None:
    ran = CliRunner().invoke(app, ["leaks", str(folders / "train/train.jsonl"), str(folders / "bench")])
    assert ran.exit_code == 0, ran.output
    assert "t1 = ball_kick, same" in " ".join(ran.stdout.split())
    assert "4 of these are about a recording that is in the training set" in " ".join(ran.stdout.split())


def test_a_benchmark_without_its_videos_is_compared_by_words(folders: Path, tmp_path: Path) -> None:
    shutil.copy(folders / "bench/records.jsonl", tmp_path / "records.jsonl")
    ran = CliRunner().invoke(app, ["leaks", str(folders / "train/train.jsonl"), str(tmp_path), "--json"])
    found = json.loads(ran.stdout)
    assert found["media"]["bench"]["missing"] == 3
    assert (found["recording"]["bench"], found["look"]["train"]) == (2, 0)


def sample(source: str, path: str, clip: str = "x") -> Sample:
    return Sample(id="1", video=path, question="?", solution="1", problem_type=ProblemType.NUMERICAL, source=source,
                  source_clip=clip)  # fmt: skip


@pytest.mark.parametrize(
    ("source", "path", "expected"),
    [
        ("CLEVRER", "a.mp4", {"CLEVRER"}),
        ("MVBench", "video/clevrer/video_validation/video_10000.mp4", {"MVBench", "CLEVRER"}),
        ("LLaVA-Video-178K", "./something_something_v2/1.webm", {"Something-Something v2"}),
        ("MVBench", "video/star/Charades_v1_480/ZS9XR.mp4", {"MVBench", "Charades"}),
        ("", "anet/v_ZMTi498qnPc.mp4", {"ActivityNet"}),
        ("my clips", "starfish/coined.mp4", {"my clips"}),
        ("", "plain.mp4", set()),
    ],
)
def test_data_sets_are_told_by_source_and_path(source: str, path: str, expected: set[str]) -> None:
    assert data_sets(sample(source, path)) == expected


def test_names_of_recordings_and_questions_as_they_are_compared() -> None:
    assert recordings(sample("", "videos/AB12_reverse.mp4", "AB12")) == {"ab12_reverse", "ab12"}
    assert recordings(sample("", "a/1.mp4", "12345")) == set()
    assert recordings(sample("", "a/1234567.mp4", "1")) == {"1234567"}
    assert asked("What's  the MAN\ndoing?") == asked("what s the man doing")


def test_of_several_names_all_questions_count_and_the_longest_is_shown(tmp_path: Path) -> None:
    bench = [
        sample("", f"{name}.mp4", name).model_copy(update={"id": name}) for name in ("ab12", "ab12_reverse")
    ]
    train = [sample("", "AB12_reverse.mp4", "AB12")]
    places = (Place(train, tmp_path), Place(bench, tmp_path))
    found = find_leaks(*places, look=False, progress=Silence()).recordings
    assert found.bench == {"ab12", "ab12_reverse"}
    assert [one.what for one in found.matches] == ["ab12_reverse"]
