"""Scores of frames are computed once, kept safely, and never guessed."""

import json
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from half_size import HALF
from launched import launch
from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import build_manifest
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.errors import DataError, PathEscapeError, TooManyFailuresError
from retroflip.models import processes
from retroflip.models.scorers.base import Scores
from retroflip.progress import Silence
from retroflip.rl.frame_scores import FrameScores, score_all
from retroflip.rl.world import World
from retroflip.video.frames import Frames


def asked(name: str, video: str, question: str = "Which way?", modality: Modality = Modality.VIDEO) -> Sample:
    return Sample(
        id=name,
        modality=modality,
        video=video,
        question=question,
        options=("left", "right"),
        solution="B",
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source_clip=video,
    )


@dataclass
class Brightness:
    """A frame's brightness times a number that the question's text gives; `asked` are the questions in their order."""

    id: str = "brightness@1"
    asked: list[str] = field(default_factory=list)
    unfinite: str = "nothing"

    def scores(self, frames: Frames, question: str) -> Scores:
        self.asked.append(question)
        scores = frames.pixels_TCHW.mean(axis=(1, 2, 3)) * zlib.crc32(question.encode())
        return np.where(self.unfinite in question, np.inf, scores)

    def remark(self, questions: Sequence[str]) -> str | None:
        longest = max(len(question) for question in questions)
        return f"{len(questions)} questions of up to {longest} letters" if longest > 60 else None


@dataclass(frozen=True)
class Counted(VideoDataset):
    """A data set that keeps the names of the videos that it decodes."""

    decoded: list[str] = field(default_factory=list)

    def load_all(self, sample: Sample) -> tuple[Frames, ...]:
        self.decoded.append(sample.video)
        return super().load_all(sample)


class Heard(Silence):
    """A listener that keeps the stages."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int, str]] = []

    def stage(self, name: str, total: int, unit: str) -> None:
        self.stages.append((name, total, unit))


@pytest.fixture
def dataset(tmp_path: Path, clips: Path) -> Counted:
    """Two videos, the first asked about twice, and an image and a text."""
    root = tmp_path / "data"
    root.mkdir()
    shutil.copy(clips / "h264.mp4", root / "one.mp4")
    shutil.copy(clips / "vp9.webm", root / "two.webm")
    samples = [
        asked("1", "one.mp4"),
        asked("2", "two.webm"),
        asked("3", "./one.mp4", "Where to?"),
        asked("image", "picture.png", modality=Modality.IMAGE),
        asked("text", "", modality=Modality.TEXT),
    ]
    return Counted(samples, root, frames=2, pool=4, fits=HALF)


def scored(
    dataset: Counted, folder: Path, scorer: Brightness | None = None
) -> tuple[FrameScores, Brightness]:
    """Return the scores, and the scorer with what it was asked."""
    scorer = scorer or Brightness()
    dataset.decoded.clear()
    return score_all(dataset, scorer, folder, Silence()), scorer


def only(folder: Path, name: str) -> Path:
    """Return the only file under a folder whose name begins like this."""
    (found,) = folder.rglob(f"{name}-*.jsonl")
    return found


def equal(first: FrameScores, second: FrameScores) -> bool:
    """Return whether both are the same numbers of the same samples, bit by bit."""
    return {name: scores.tobytes() for name, scores in first.by_id.items()} == {
        name: scores.tobytes() for name, scores in second.by_id.items()
    }


class TestScores:
    def test_are_the_scorers_for_the_question_as_it_is_asked(self, dataset: Counted, tmp_path: Path) -> None:
        scores, scorer = scored(dataset, tmp_path / "scores")
        assert sorted(scores.by_id) == ["1", "2", "3"]
        for sample in dataset.samples[:3]:
            frames = dataset.load(sample)
            assert frames is not None
            text = f"{sample.question}\nOptions:\nA. left\nB. right"
            expected = frames.pixels_TCHW.mean(axis=(1, 2, 3)) * zlib.crc32(text.encode())
            assert scores[sample].dtype == np.float64
            np.testing.assert_array_equal(scores[sample], expected)
        assert len(scorer.asked) == 3

    def test_are_those_of_the_part_in_question(self, dataset: Counted, tmp_path: Path) -> None:
        whole = dataset.samples[0]
        part = whole.model_copy(update={"id": "part", "start": 0.5})
        both, _ = scored(replace(dataset, samples=[whole, part]), tmp_path / "both")
        alone, _ = scored(replace(dataset, samples=[part]), tmp_path / "both")
        frames = dataset.load(part)
        assert frames is not None
        assert both[whole].tobytes() != both[part].tobytes()
        ratio = both[part] / frames.pixels_TCHW.mean(axis=(1, 2, 3))
        np.testing.assert_allclose(ratio, ratio[0])
        assert alone[part].tobytes() == both[part].tobytes()

    def test_a_video_is_decoded_once_for_all_its_questions(self, dataset: Counted, tmp_path: Path) -> None:
        _, scorer = scored(dataset, tmp_path / "scores")
        assert dataset.decoded == ["one.mp4", "two.webm"]
        assert [question.split("\n")[0] for question in scorer.asked] == [
            "Which way?",
            "Where to?",
            "Which way?",
        ]

    def test_a_sample_without_scores_is_an_error(self, dataset: Counted, tmp_path: Path) -> None:
        scores, _ = scored(dataset, tmp_path / "scores")
        with pytest.raises(KeyError):
            scores[dataset.samples[3]]

    def test_the_user_hears_the_scorers_remark_once(self, dataset: Counted, tmp_path: Path) -> None:
        heard = Heard()
        score_all(dataset, Brightness(), tmp_path / "scores", heard)
        assert heard.stages == [("scoring frames", 2, "videos")]
        long = replace(dataset, samples=[asked("1", "one.mp4", "W" * 60), asked("2", "one.mp4")])
        heard = Heard()
        score_all(long, Brightness(), tmp_path / "scores", heard)
        assert heard.stages == [("2 questions of up to 86 letters", 0, ""), ("scoring frames", 1, "videos")]

    def test_data_without_videos_needs_none(self, dataset: Counted, tmp_path: Path) -> None:
        texts = replace(dataset, samples=dataset.samples[3:])
        assert scored(texts, tmp_path / "scores", Brightness())[0].by_id == {}


class TestCache:
    def test_what_is_there_is_read(self, dataset: Counted, tmp_path: Path) -> None:
        first, _ = scored(dataset, tmp_path / "scores")
        again, scorer = scored(dataset, tmp_path / "scores")
        assert equal(first, again)
        assert scorer.asked == []
        assert dataset.decoded == []

    def test_it_goes_by_content_and_not_by_name(self, dataset: Counted, tmp_path: Path) -> None:
        scored(dataset, tmp_path / "scores")
        (dataset.root / "two.webm").rename(dataset.root / "moved.webm")
        moved = replace(
            dataset,
            samples=[asked("other", "moved.webm")],
            manifest=build_manifest(dataset.root, ["moved.webm"]),
        )
        _, scorer = scored(moved, tmp_path / "scores")
        assert scorer.asked == []

    @pytest.mark.parametrize("change", ["question", "option", "video", "pool", "size", "scorer"])
    def test_anything_that_scores_depend_on_makes_new_ones(
        self, dataset: Counted, tmp_path: Path, change: str
    ) -> None:
        one = dataset.samples[0]
        start = replace(dataset, samples=[one])
        scored(start, tmp_path / "scores")
        other = {
            "question": replace(start, samples=[one.model_copy(update={"question": "Whither?"})]),
            "option": replace(start, samples=[one.model_copy(update={"options": ("left", "up")})]),
            "pool": replace(start, pool=5),
            "size": replace(start, fits=None),
        }.get(change, start)
        if change == "video":
            shutil.copy(dataset.root / "two.webm", dataset.root / "one.mp4")
        scorer = Brightness(id="brightness@2" if change == "scorer" else "brightness@1")
        scored(other, tmp_path / "scores", scorer)
        assert len(scorer.asked) == 1
        scored(other, tmp_path / "scores", scorer)
        assert len(scorer.asked) == 1

    def test_the_pool_is_by_default_what_is_shown(self, dataset: Counted, tmp_path: Path) -> None:
        scored(replace(dataset, frames=4, pool=None), tmp_path / "scores")
        assert scored(dataset, tmp_path / "scores")[1].asked == []

    def test_after_a_kill_only_what_is_missing_is_computed(self, dataset: Counted, tmp_path: Path) -> None:
        first, _ = scored(dataset, tmp_path / "scores")
        file = only(tmp_path / "scores", "scores")
        content = file.read_bytes()
        rows = content.splitlines(keepends=True)
        for length in (len(content) - 1, len(rows[0] + rows[1]) + 7, len(rows[0] + rows[1]), 5, 0):
            file.write_bytes(content[:length])
            again, scorer = scored(dataset, tmp_path / "scores")
            assert equal(first, again)
            assert len(scorer.asked) == 3 - content[:length].count(b"\n")
            assert equal(first, scored(dataset, tmp_path / "scores")[0])
            for other in set(file.parent.iterdir()) - {file}:
                assert content.endswith(other.read_bytes())
                other.unlink()

    def test_another_run_that_still_writes_is_left_alone(self, dataset: Counted, tmp_path: Path) -> None:
        first, _ = scored(dataset, tmp_path / "scores")
        file = only(tmp_path / "scores", "scores")
        half = file.read_bytes()[:-20]
        file.write_bytes(half)
        assert equal(first, scored(dataset, tmp_path / "scores")[0])
        assert file.read_bytes() == half

    def test_a_changed_byte_is_noticed(self, dataset: Counted, tmp_path: Path) -> None:
        one = replace(dataset, samples=dataset.samples[1:3])
        scored(one, tmp_path / "scores")
        file = only(tmp_path / "scores", "scores")
        content = file.read_bytes()
        for place in range(len(content)):
            file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(DataError, match=r"scores-.*\.jsonl, line \d: damaged"):
                scored(one, tmp_path / "scores")


class TestFailures:
    def test_scores_that_are_not_finite_are_recorded_and_stop_the_run(
        self, dataset: Counted, tmp_path: Path
    ) -> None:
        scorer = Brightness(unfinite="Where")
        with pytest.raises(TooManyFailuresError, match=r"1 of 3 samples.*not a finite number") as caught:
            scored(dataset, tmp_path / "scores", scorer)
        log = only(tmp_path / "scores", "failures")
        assert str(log) in str(caught.value)
        (row,) = (json.loads(line) for line in log.read_text().splitlines())
        assert (row["id"], row["path"], row["error"]) == ("3", "./one.mp4", "DataError")
        assert "4 of 4 frames" in row["message"]
        _, scorer = scored(dataset, tmp_path / "scores")
        assert [question.split("\n")[0] for question in scorer.asked] == ["Where to?"]

    @pytest.mark.parametrize(("damage", "error"), [("cut", "DecodeError"), ("gone", "MissingVideoError")])
    def test_every_sample_of_a_video_that_fails_is_counted_and_the_others_are_kept(
        self, dataset: Counted, tmp_path: Path, damage: str, error: str
    ) -> None:
        broken = dataset.root / "one.mp4"
        whole = broken.read_bytes()
        broken.write_bytes(whole[:100])
        if damage == "gone":
            broken.unlink()
        with pytest.raises(TooManyFailuresError, match="2 of 3 samples"):
            scored(dataset, tmp_path / "scores")
        log = only(tmp_path / "scores", "failures")
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        assert [(row["id"], row["error"]) for row in rows] == [("1", error), ("3", error)]
        broken.write_bytes(whole)
        scored(dataset, tmp_path / "scores")
        assert dataset.decoded == ["one.mp4"]

    def test_a_path_that_escapes_stops_the_run(self, dataset: Counted, tmp_path: Path) -> None:
        with pytest.raises(PathEscapeError):
            scored(replace(dataset, samples=[asked("1", "../two.webm")]), tmp_path / "scores")

    def test_a_scorer_that_leaves_frames_out_is_a_defect(self, dataset: Counted, tmp_path: Path) -> None:
        class Short(Brightness):
            def scores(self, frames: Frames, question: str) -> Scores:
                return super().scores(frames, question)[:-1]

        with pytest.raises(ValueError, match="4 frames"):
            scored(dataset, tmp_path / "scores", Short())


def _in_process(dataset: Counted, folder: Path, broken: str) -> None:
    """Score as one of two processes, twice, and write down what it has and was asked."""
    rank = processes.rank()
    scorer = Brightness(unfinite=broken)
    report: dict[str, object] = {}
    try:
        for _ in range(2):
            scores = score_all(dataset, scorer, folder / "scores", Silence(), World(rank, 2))
            report["scores"] = {name: scores.by_id[name].tolist() for name in sorted(scores.by_id)}
    except TooManyFailuresError as error:
        report["error"] = str(error)
    (folder / f"{rank}.json").write_text(json.dumps({**report, "asked": scorer.asked}))
    processes.leave()


@pytest.mark.parametrize("broken", ["nothing", "Where"])
def test_two_processes_share_the_work_and_both_know_all(
    dataset: Counted, tmp_path: Path, broken: str
) -> None:
    assert launch(2, _in_process, dataset, tmp_path, broken) == [0, 0]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert [question.split("\n")[0] for question in first["asked"]] == ["Which way?", "Where to?"]
    assert [question.split("\n")[0] for question in second["asked"]] == ["Which way?"]
    if broken == "Where":
        assert first["error"] == second["error"]
        return
    assert first["scores"] == second["scores"]
    alone, scorer = scored(dataset, tmp_path / "scores")  # one process reads what two have written
    assert scorer.asked == []
    assert {name: scores.tolist() for name, scores in alone.by_id.items()} == first["scores"]
