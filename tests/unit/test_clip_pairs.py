"""Pairs from a user's own clips: which answers are known, and files that differ in nothing but what was done."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retroflip.bench.clip_pairs import Known, Spatiotemporal, Unmade, decide, make_pairs, summary
from retroflip.bench.selfcheck import check_rewards
from retroflip.data.manifest import build_manifest, manifest_beside, write_manifest
from retroflip.data.records import parse_record, read_samples
from retroflip.data.sample import Sample
from retroflip.errors import DataError, UsageError
from retroflip.progress import Silence
from retroflip.video.decode import all_frames, probe
from retroflip.video.encode import encode, encode_i420

ANY, MIRROR, REVERSE = Spatiotemporal


def record(identity: str, gold: str, *options: str, **more: Any) -> dict[str, Any]:
    return {
        "problem_id": identity,
        "problem": "Which way does it move?",
        "problem_type": "multiple choice",
        "options": options or ("left", "right", "up", "down"),
        "solution": gold,
        "path": "clip.mp4",
        "task_type": "spatiotemporal",
        **more,
    }


def sample(*options: str, gold: str = "A", **more: Any) -> Sample:
    fields = {"id": "q", "video": "x.mp4", "question": "Which way does it move?", "source_clip": "x"}
    return Sample.model_validate(
        {
            **fields,
            "options": options or ("left", "right", "up", "down"),
            "solution": gold,
            "problem_type": "multiple choice",
            "task_type": "spatiotemporal",
            **more,
        }
    )


class TestDecide:
    @pytest.mark.parametrize(
        ("one", "setting", "done", "answer"),
        [
            (sample(), ANY, "mirror", "B"),
            (sample(), REVERSE, "reverse", "B"),
            (sample(gold="C"), ANY, "reverse", "D"),
            (sample("up-left", "up-right", "down-right"), MIRROR, "mirror", "B"),
            (sample("up-left", "up-right", "down-right"), REVERSE, "reverse", "C"),
            (sample(task_type="spatial"), REVERSE, "mirror", "B"),
            (sample("opens it", "closes it", task_type="temporal"), MIRROR, "reverse", "B"),
            (sample("Yes", "No", counterfactual_solution="B"), ANY, "mirror", "B"),
            (sample("Yes", "No", counterfactual_solution="B"), REVERSE, "reverse", "B"),
            # Given is 'down': that is what playing backwards makes of 'up', and a mirror does not.
            (sample(gold="C", counterfactual_solution="D"), ANY, "reverse", "D"),
            (
                sample(problem_type="numerical", options=(), solution="3", counterfactual_solution="4"),
                ANY,
                "mirror",
                "4",
            ),
        ],
    )
    def test_known(self, one: Sample, setting: Spatiotemporal, done: str, answer: str) -> None:
        assert decide(one, setting) == Known(one, done, answer)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("one", "reason"),
        [
            (sample(task_type="static"), "It is static"),
            (sample(task_type=None), "no 'task_type'"),
            (sample(pair="p", side=0), "a side of a pair already"),
            (sample(gold="C", task_type="spatial"), "'up' says the same of the mirrored clip"),
            (sample("left", "up"), "No single other option says 'right'"),
            (sample("red", "blue", task_type="temporal"), "'red' says the same of the reversed clip"),
            (sample(question="Where does the left car go?"), "speaks of a side"),
            (sample(question="Which way first?", task_type="temporal"), "speaks of a moment or a way"),
            (sample("he left the room", "he came", task_type="spatial"), "may be no side"),
            (sample(counterfactual_solution="A"), "is its own solution"),
            (sample(options=(), problem_type="free-form", solution="left"), "It has no options"),
        ],
    )
    def test_unknown(self, one: Sample, reason: str) -> None:
        found = decide(one)
        assert isinstance(found, Unmade)
        assert reason in found.reason


@pytest.fixture
def data(tmp_path: Path, clip: Path) -> Path:
    """A folder with two clips: one of 12 frames a second, in which a bar moves right, and one with an odd name."""
    pixels_TCHW = np.zeros((9, 3, 48, 64), dtype=np.uint8)
    for index in range(9):
        pixels_TCHW[index, :, :, 7 * index : 7 * index + 7] = np.array([200, 190, 180])[:, None, None]
    encode(tmp_path / "clip.mp4", pixels_TCHW, 12)
    shutil.copy(clip, tmp_path / "ünder the sea.mp4")
    return tmp_path


def write(data: Path, *rows: dict[str, Any]) -> Path:
    path = data / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def pixels(path: Path) -> np.ndarray[Any, Any]:
    return np.stack([picture for picture, _ in all_frames(path)]).astype(int)


def test_both_sides_are_written_alike_and_validate(data: Path) -> None:
    path = write(
        data,
        record("../a/1", "B", task_type="spatial", process="<think>x</think>\\boxed{B}"),
        record("2", "B", task_type="temporal", problem="How does it move?"),
        record("3", "C", path="ünder the sea.mp4"),
        record("4", "A", task_type="static"),
    )

    made = make_pairs(path, data, data / "out", ANY, 1, Silence())

    samples = read_samples(data / "out" / "records.jsonl")
    assert samples == made.samples
    assert check_rewards(samples) == (6, 3, [])
    assert [
        (one.id, one.pair, one.side, one.solution, one.counterfactual_solution) for one in samples[:2]
    ] == [
        ("../a/1-0", "../a/1", 0, "B", "A"),
        ("../a/1-1", "../a/1", 1, "A", "B"),
    ]
    assert (samples[0].trace is None, samples[1].trace) == (False, None)
    assert samples[0].source_clip == samples[1].source_clip == "clip.mp4"
    assert summary(made)["pairs"] == 3
    assert (summary(made)["mirrored"], summary(made)["reversed"], summary(made)["unknown"]) == (1, 2, 1)
    original, mirrored, reversed_ = (data / "out" / samples[index].video for index in (0, 1, 3))
    assert samples[2].video == samples[0].video  # written once for both questions
    assert [probe(one).frames for one in (original, mirrored, reversed_)] == [9, 9, 9]
    assert (probe(original).width, probe(original).height) == (64, 48)
    assert np.abs(pixels(mirrored) - pixels(original)[..., ::-1]).mean() < 1
    assert np.abs(pixels(reversed_) - pixels(original)[::-1]).mean() < 1
    assert np.abs(pixels(original) - pixels(data / "clip.mp4")).mean() < 2
    assert [seconds for _, seconds in all_frames(reversed_)] == [
        seconds for _, seconds in all_frames(original)
    ]
    manifest = manifest_beside(data / "out")
    assert manifest is not None
    assert set(manifest.files) == {"README.md", "records.jsonl", *(one.video for one in samples)}
    assert all(path.parent == data / "out" / "videos" for path in data.rglob("*-original.mp4"))


def test_a_clip_of_odd_size_grows_by_a_pixel_on_both_sides(data: Path, clips: Path) -> None:
    shutil.copy(clips / "odd_size.webm", data / "clip.mp4")
    source = pixels(data / "clip.mp4")
    height, width = source.shape[2:]
    assert height % 2
    assert width % 2
    samples = make_pairs(write(data, record("1", "A")), data, data / "out", ANY, 1, Silence()).samples
    original, mirrored = (pixels(data / "out" / one.video) for one in samples)
    assert original.shape[2:] == mirrored.shape[2:] == (height + 1, width + 1)
    assert np.abs(original[..., :height, :width] - source).mean() < 3
    assert np.abs(mirrored - original[..., ::-1]).mean() < 3


def test_a_frame_that_stands_longer_stands_as_long_in_both(data: Path, clips: Path) -> None:
    shutil.copy(clips / "variable_rate.mp4", data / "clip.mp4")
    seconds = [second for _, second in all_frames(data / "clip.mp4")]
    samples = make_pairs(write(data, record("1", "C")), data, data / "out", ANY, 18, Silence()).samples
    forward, backward = (pixels(data / "out" / one.video) for one in samples)
    assert len(forward) == len(backward) >= len(seconds)
    assert np.abs(backward - forward[::-1]).mean() < 2
    made = [second for _, second in all_frames(data / "out" / samples[0].video)]
    gap = float(np.median(np.diff(seconds)))
    assert made[-1] == pytest.approx(seconds[-1], abs=gap * len(seconds) / 2)


def test_a_rerun_writes_what_is_missing_and_nothing_else(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(
        data, record("1", "A"), record("2", "A", path="ünder the sea.mp4"), record("3", "A", path="gone.mp4")
    )
    made = make_pairs(path, data, data / "out", ANY, 18, Silence())
    assert [one.id for one in made.failed] == ["3"]
    assert "no such video file" in made.failed[0].reason
    first = {one: one.read_bytes() for one in (data / "out").rglob("*.mp4")}
    assert len(first) == 4

    damaged = data / "out" / made.samples[0].video
    damaged.write_bytes(b"x")
    (data / "out" / "records.jsonl").unlink()
    written: list[Path] = []

    def recorded(path: Path, *arguments: Any, **more: Any) -> None:
        written.append(path)
        encode_i420(path, *arguments, **more)

    monkeypatch.setattr("retroflip.bench.clip_pairs.encode_i420", recorded)
    again = make_pairs(path, data, data / "out", ANY, 18, Silence())

    assert again == made
    assert {path.name for path in written} == {Path(one.video).name for one in made.samples[:2]}
    assert {one: one.read_bytes() for one in (data / "out").rglob("*.mp4")} == first
    with pytest.raises(UsageError, match="spatiotemporal"):
        make_pairs(path, data, data / "out", REVERSE, 18, Silence())


def test_nothing_to_make_says_why(data: Path) -> None:
    path = write(data, record("1", "A", task_type="static"), record("2", "A", task_type="static"))
    with pytest.raises(DataError, match=r"any of its 2 questions.*for 2 of them: It is static"):
        make_pairs(path, data, data / "out", ANY, 18, Silence())
    assert len((data / "out" / "unknown.jsonl").read_text().splitlines()) == 2


def test_a_single_frame_and_a_file_that_is_not_its_manifests_are_failures(data: Path) -> None:
    encode(data / "still.mp4", np.zeros((1, 3, 16, 16), dtype=np.uint8), 8)
    write_manifest(data / "manifest.json", build_manifest(data, ["clip.mp4"]))
    moving_TCHW = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.full(
        (3, 3, 16, 16), 60, dtype=np.uint8
    )
    encode(data / "clip.mp4", moving_TCHW, 8)
    path = write(
        data, record("1", "A", path="still.mp4"), record("2", "A"), record("3", "A", path="ünder the sea.mp4")
    )
    made = make_pairs(path, data, data / "out", ANY, 18, Silence())
    assert [(one.id, "single frame" in one.reason, "SHA-256" in one.reason) for one in made.failed] == [
        ("1", True, False),
        ("2", False, True),
    ]
    assert len(made.samples) == 2


def test_a_clip_that_is_the_same_backwards_is_a_failure(data: Path) -> None:
    """Two files of the same bytes and two answers would be a pair that nobody can get right."""
    encode(data / "still.mp4", np.full((6, 3, 16, 16), 90, dtype=np.uint8), 8)
    path = write(data, record("1", "A", path="still.mp4"), record("2", "A"))
    made = make_pairs(path, data, data / "out", ANY, 18, Silence())
    assert [(one.id, "shows the same, picture for picture" in one.reason) for one in made.failed] == [
        ("1", True)
    ]
    assert {one.id for one in made.samples} == {"2-0", "2-1"}


@pytest.mark.parametrize(
    ("question", "options", "known"),
    [
        ("Does the ball roll left or right?", ["left", "right"], True),
        ("Does it open or close?", ["it opens", "it closes"], True),
        ("Is the red car faster or slower than the blue car?", ["faster", "slower"], False),
        ("Is the man facing left or right?", ["left", "right"], False),
        ("Which side of the table is the cup on?", ["left", "right"], False),
    ],
)
def test_what_a_reversed_clip_shows_all_the_same_has_no_other_answer(
    question: str, options: list[str], known: bool
) -> None:
    asked = parse_record(record("1", "A", problem=question, options=options, task_type="temporal"))
    found = decide(asked)
    assert isinstance(found, Known) is known
    if isinstance(found, Unmade):
        assert "leaves its answer as it is" in found.reason
        assert "Give 'counterfactual_solution'" in found.reason
