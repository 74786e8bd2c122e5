"""Leaks: every way in which a training set may have a benchmark's clips and questions, and what was not compared."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from made_clips import moving
from retroflip.bench.leaks import Leaks, Place, asked, find_leaks
from retroflip.bench.recording_names import data_sets, names_of
from retroflip.cli.app import app
from retroflip.data.sample import Modality, ProblemType, Sample
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


def own(path: str, clip: str = "x") -> set[str]:
    return set(names_of(sample("", path, clip)).own)


def test_names_of_recordings_and_questions_as_they_are_compared() -> None:
    assert own("videos/AB12_reverse.mp4", "AB12") == {"ab12_reverse", "ab12"}
    assert own("a/1.mp4", "12345") == set()
    assert own("a/1234567.mp4", "1") == {"1234567"}
    assert asked("What's  the MAN\ndoing?") == asked("what s the man doing")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/kick_3.mp4", {"kick_3"}),
        ("a/moving_direction-00001-0.mp4", {"moving_direction-00001-0"}),
        ("a/kick_10_20.mp4", {"kick_10_20", "kick"}),
        ("a/kick_20_10.mp4", {"kick_20_10"}),
        ("a/walk_2024_05_17.mp4", {"walk_2024_05_17"}),
        ("a/ab-CdeFgh1k_000012_000022_flipped.mp4",
         {"ab-cdefgh1k_000012_000022_flipped", "ab-cdefgh1k_000012_000022", "ab-cdefgh1k"}),
        ("qvh/NUsG9BgSes0_60.0_210.0.mp4", {"nusg9bgses0_60.0_210.0", "nusg9bgses0"}),
        ("data/ACH/eXMF6Skt2To_clip_3.mp4", {"exmf6skt2to_clip_3", "exmf6skt2to"}),
        ("a/moving_left_clip_3.mp4", {"moving_left_clip_3"}),
        ("v/1059072773_1059718130_1.mp4", {"1059072773_1059718130_1", "1059072773", "1059718130"}),
        ("v/1034419625_concat_1.mp4", {"1034419625_concat_1", "1034419625"}),
        ("a/video_12.mp4", set()),
        ("a/clip_0001_reverse.mp4", set()),
        ("12/video.mp4", set()),
        ("clevrer/video_10000.mp4", {"video_10000"}),
        ("ssv2/417.webm", {"Something-Something v2: 417"}),
    ],
)  # fmt: skip
def test_a_number_is_a_part_of_a_recording_where_something_says_so(path: str, expected: set[str]) -> None:
    assert own(path) == expected


def by_name(tmp_path: Path, train: list[Sample], bench: list[Sample]) -> Leaks:
    for number, one in enumerate(bench):
        bench[number] = one.model_copy(update={"id": f"{number}: {one.video}"})
    places = (Place(train, tmp_path), Place(bench, tmp_path))
    return find_leaks(*places, look=False, progress=Silence())


def own_clips(*paths: str) -> list[Sample]:
    """Samples about files that are recordings of their own, as those without a source clip are."""
    return [sample("", path, path) for path in paths]


@pytest.mark.parametrize("form", ["{}/video_{}.mp4", "{}/kick_{:02}.mp4", "{}/my_clip_{}.mp4"])
def test_running_numbers_are_no_parts_of_one_recording(tmp_path: Path, form: str) -> None:
    train = own_clips(*(form.format("tr", number) for number in range(1, 5)))
    bench = own_clips(*(form.format("be", number) for number in range(1001, 1005)))
    found = by_name(tmp_path, train, bench)
    assert (found.recordings.n, found.affected) == (0, set())


def test_a_whole_path_is_found_however_short_its_name_is(tmp_path: Path) -> None:
    train = own_clips("tr/0001.mp4", "tr/c3.mp4", "tr/video_7.mp4", "tr/0002.mp4", "tr/kick.mp4")
    bench = [
        *(sample("", f"videos/{number}-original.mp4", clip) for number, clip in
          enumerate(("tr/0001.mp4", "./tr/c3.mp4", "tr/video_7.mp4", "other/0002.mp4"))),
        *own_clips("be/kick.mp4"),
    ]  # fmt: skip
    found = by_name(tmp_path, train, bench)
    assert [(one.what, one.how) for one in found.recordings.matches] == [
        ("tr/0001.mp4", "path"), ("tr/c3.mp4", "path"), ("tr/video_7.mp4", "path"), ("kick", "name"),
    ]  # fmt: skip
    assert len(found.affected) == 4
    said = [one for one in found.not_compared if "too short or too common" in one]
    assert [one.partition(", which")[0] for one in said] == [
        "names of 4 records of the training set", "names of 4 records of the benchmark",
    ]  # fmt: skip
    assert "'0001'" in said[0]


def test_a_part_is_of_a_recording_that_the_other_side_names(tmp_path: Path) -> None:
    cut = [sample("", "be/match_1.mp4", "raw/match.mkv"), sample("", "be/match_2.mp4", "raw/match.mkv")]
    for train, bench in ((own_clips("tr/match_7.mp4"), cut), (cut, own_clips("tr/match_7.mp4"))):
        found = by_name(tmp_path, train, list(bench)).recordings
        assert {(one.what, one.how) for one in found.matches} == {("match", "part")}
        assert (found.n, len(found.bench)) == (len(train), len(bench))


def test_the_names_of_synthetic_videos_tell_nothing(tmp_path: Path) -> None:
    """Corpora of two seeds have the same names for other videos."""
    drawn = [sample("retroflip/temporal", "videos/direction-00000-0.mp4", "direction-00000")]
    found = by_name(tmp_path, drawn, drawn)
    assert found.affected == set()
    assert [one.partition(", whose")[0] for one in found.not_compared if "synthetic" in one] == [
        "names of 1 record of the training set",
        "names of 1 record of the benchmark",
    ]


def test_a_text_has_no_recording(tmp_path: Path) -> None:
    text = sample("", "", "ball_kick").model_copy(update={"modality": Modality.TEXT})
    assert by_name(tmp_path, [text], own_clips("be/ball_kick.mp4")).recordings.n == 0


def test_clips_that_pairs_were_made_of_are_found_by_their_paths(tmp_path: Path) -> None:
    train = tmp_path / "train"
    (train / "tr").mkdir(parents=True)
    for number in (1, 2, 3):
        encode(train / f"tr/000{number}.mp4", moving(number), 12)
    rows = [record(f"q{number}", f"tr/000{number}.mp4", task_type="spatial") for number in (1, 2, 3)]
    lines(train / "train.jsonl", rows)
    lines(train / "held.jsonl", rows[:2])
    made = CliRunner().invoke(
        app, ["pairs", str(train / "held.jsonl"), "--out", str(tmp_path / "bench"), "--json"]
    )
    assert made.exit_code == 0, made.output
    found = leaks(tmp_path, "--no-look")
    assert (found["recording"]["train"], found["affected"], found["questions"]) == (2, 4, 4)
    assert found["recording"]["ways"] == {"path": 2}


def test_of_several_names_all_questions_count_and_the_longest_is_shown(tmp_path: Path) -> None:
    bench = [
        sample("", f"{name}.mp4", name).model_copy(update={"id": name}) for name in ("ab12", "ab12_reverse")
    ]
    train = [sample("", "AB12_reverse.mp4", "AB12")]
    places = (Place(train, tmp_path), Place(bench, tmp_path))
    found = find_leaks(*places, look=False, progress=Silence()).recordings
    assert found.bench == {"ab12", "ab12_reverse"}
    assert [one.what for one in found.matches] == ["ab12_reverse"]
