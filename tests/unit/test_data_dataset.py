import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from half_size import HALF
from retroflip.data.dataset import VideoDataset, check
from retroflip.data.manifest import (
    Manifest,
    build_manifest,
    manifest_beside,
    read_manifest,
    write_manifest,
)
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.errors import (
    DataError,
    HashMismatchError,
    ImageError,
    MissingVideoError,
    PathEscapeError,
    TooManyFailuresError,
)
from retroflip.progress import NOTHING, Facts


def sample(name: str, video: str, modality: Modality = Modality.VIDEO) -> Sample:
    return Sample(
        id=name,
        modality=modality,
        video=video,
        question="Which way?",
        options=("left", "right"),
        solution="B",
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source_clip=video,
    )


@pytest.fixture
def root(tmp_path: Path, clip: Path) -> Path:
    """A root with the videos good.mp4, other.mp4 and damaged.mp4 (the first with one byte changed)."""
    root = tmp_path / "root"
    root.mkdir()
    shutil.copy(clip, root / "good.mp4")
    shutil.copy(clip, root / "other.mp4")
    content = bytearray(clip.read_bytes())
    content[-40] ^= 1
    (root / "damaged.mp4").write_bytes(content)
    return root


@pytest.fixture
def picture(root: Path) -> Sample:
    """A question about an image of the root: red on the left, green on the right, 20 x 10."""
    pixels = np.zeros((10, 20, 3), dtype=np.uint8)
    pixels[:, :10, 0] = pixels[:, 10:, 1] = 255
    Image.fromarray(pixels).save(root / "picture.png")
    return sample("picture", "picture.png", Modality.IMAGE)


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []

    def stage(self, name: str, total: int, unit: str) -> None:
        self.said.append((name, total, unit))

    def advance(self, done: int, note: str = "", facts: Facts = NOTHING) -> None:  # noqa: ARG002
        self.said.append((done, note))


def failures(log: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


class TestManifest:
    def test_round_trip(self, root: Path) -> None:
        manifest = build_manifest(root, ["./other.mp4", "good.mp4"])
        write_manifest(root / "manifest.json", manifest)
        assert read_manifest(root / "manifest.json") == manifest
        assert manifest.files["good.mp4"].bytes == (root / "good.mp4").stat().st_size
        assert manifest.sha256_of("./good.mp4") == manifest.sha256_of("good.mp4") is not None
        assert manifest.sha256_of("unlisted.mp4") is None

    def test_equal_content_gives_equal_bytes(self, root: Path) -> None:
        for name, order in (("a.json", ["good.mp4", "other.mp4"]), ("b.json", ["other.mp4", "good.mp4"])):
            write_manifest(root / name, build_manifest(root, order))
        assert (root / "a.json").read_bytes() == (root / "b.json").read_bytes()

    def test_any_changed_byte_is_noticed(self, root: Path) -> None:
        path = root / "manifest.json"
        write_manifest(path, build_manifest(root, ["good.mp4"]))
        content = path.read_bytes()
        for place in range(len(content)):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(DataError, match=r"manifest\.json: "):
                read_manifest(path)

    def test_found_beside_the_data(self, root: Path) -> None:
        assert manifest_beside(root) is None
        write_manifest(root / "manifest.json", build_manifest(root, ["good.mp4"]))
        assert (
            manifest_beside(root)
            == manifest_beside(root / "data.jsonl")
            == build_manifest(root, ["good.mp4"])
        )

    def test_missing(self, root: Path) -> None:
        with pytest.raises(DataError, match="cannot be read"):
            read_manifest(root / "manifest.json")
        with pytest.raises(MissingVideoError, match=r"gone\.mp4"):
            build_manifest(root, ["gone.mp4"])


class TestLoad:
    def test_gives_the_frames_asked_for(self, root: Path) -> None:
        dataset = VideoDataset([sample("1", "./good.mp4")], root, frames=4, fits=HALF)
        loaded = [dataset.load(one) for one in dataset]
        assert [(one.pixels_TCHW.shape, one.fitted) for one in loaded if one is not None] == [
            ((4, 3, 24, 32), True)
        ]
        assert len(dataset) == 1

    def test_gives_a_pool_of_more_frames_where_one_is_set(self, root: Path) -> None:
        dataset = VideoDataset([], root, frames=4, pool=12)
        pool = dataset.load(sample("1", "good.mp4"))
        assert pool is not None
        assert len(pool) == 12
        shown = VideoDataset([], root, frames=12).load(sample("1", "good.mp4"))
        assert shown is not None
        assert pool.seconds == shown.seconds
        assert np.array_equal(pool.pixels_TCHW, shown.pixels_TCHW)

    def test_gives_an_image_as_one_frame(self, root: Path, picture: Sample) -> None:
        frames = VideoDataset([], root, frames=4, pool=8).load(picture)
        assert frames is not None
        assert frames.seconds == (0.0,)
        assert frames.pixels_TCHW[0, :, 5, 0].tolist() == [255, 0, 0]
        assert frames.pixels_TCHW[0, :, 5, 19].tolist() == [0, 255, 0]
        small = VideoDataset([], root, fits=HALF).load(picture)
        assert small is not None
        assert (frames.fitted, small.fitted) == (False, True)
        assert small.pixels_TCHW.shape == (1, 3, 5, 10)

    def test_gives_nothing_for_a_text(self, root: Path) -> None:
        assert VideoDataset([], root).load(sample("1", "", Modality.TEXT)) is None

    def test_an_image_has_its_hash_and_its_root_too(self, root: Path, picture: Sample, clip: Path) -> None:
        manifest = build_manifest(root, ["picture.png"])
        assert VideoDataset([], root, manifest).load(picture) is not None
        other = Manifest(files={"picture.png": build_manifest(root, ["good.mp4"]).files["good.mp4"]})
        with pytest.raises(ImageError, match="SHA-256"):
            VideoDataset([], root, other).load(picture)
        (root / "link.png").symlink_to(clip)
        with pytest.raises(PathEscapeError):
            VideoDataset([], root).load(picture.model_copy(update={"video": "link.png"}))

    def test_checks_the_hash_where_the_manifest_has_one(self, root: Path) -> None:
        good = build_manifest(root, ["good.mp4"])
        manifest = Manifest(files={"damaged.mp4": good.files["good.mp4"]})
        dataset = VideoDataset([], root, manifest, frames=2)
        good_frames = dataset.load(sample("1", "good.mp4"))
        assert good_frames is not None
        assert len(good_frames) == 2
        with pytest.raises(HashMismatchError):
            dataset.load(sample("2", "./damaged.mp4"))

    def test_stays_inside_the_root(self, root: Path, clip: Path) -> None:
        (root / "link.mp4").symlink_to(clip)
        with pytest.raises(PathEscapeError):
            VideoDataset([], root).load(sample("1", "link.mp4"))


class TestCheck:
    def test_all_good(self, root: Path, tmp_path: Path) -> None:
        samples = [sample("1", "good.mp4"), sample("2", "other.mp4"), sample("3", "good.mp4")]
        (tmp_path / "failures.jsonl").write_text("left by an earlier run\n")
        assert check(VideoDataset(samples, root), log=tmp_path / "failures.jsonl") == samples
        assert failures(tmp_path / "failures.jsonl") == []

    def test_leaves_out_and_lists_what_fails(self, root: Path, tmp_path: Path) -> None:
        (root / "empty.mp4").touch()
        samples = [
            sample("1", "good.mp4"),
            sample("2", "empty.mp4"),
            sample("3", "gone.mp4"),
            sample("4", "./empty.mp4"),
        ]
        log = tmp_path / "failures.jsonl"
        assert check(VideoDataset(samples, root), log=log, max_failed_share=0.75) == samples[:1]
        assert [(row["id"], row["path"], row["error"]) for row in failures(log)] == [
            ("2", "empty.mp4", "DecodeError"),
            ("3", "gone.mp4", "MissingVideoError"),
            ("4", "./empty.mp4", "DecodeError"),
        ]
        assert failures(log)[0]["message"].startswith(f"{root}/empty.mp4: the file is empty")

    def test_tells_how_far_it_is_by_videos_and_not_samples(self, root: Path, tmp_path: Path) -> None:
        videos = ("good.mp4", "gone.mp4", "./good.mp4")
        dataset = VideoDataset([sample(str(index), video) for index, video in enumerate(videos)], root)
        heard = Heard()
        check(dataset, log=tmp_path / "failures.jsonl", max_failed_share=0.5, progress=heard)
        assert heard.said == [("checking videos", 2, "videos"), (1, ""), (2, "1 failed")]

    def test_images_are_checked_as_videos_are_and_texts_cannot_fail(
        self, root: Path, tmp_path: Path, picture: Sample
    ) -> None:
        (root / "cut.png").write_bytes((root / "picture.png").read_bytes()[:50])
        samples = [
            sample("text", "", Modality.TEXT),
            picture,
            sample("cut", "cut.png", Modality.IMAGE),
            sample("good", "good.mp4"),
            sample("film as image", "./good.mp4", Modality.IMAGE),
            sample("gone", "gone.webp", Modality.IMAGE),
        ]
        log, heard = tmp_path / "failures.jsonl", Heard()
        good = check(VideoDataset(samples, root), log=log, max_failed_share=0.5, progress=heard)
        assert [one.id for one in good] == ["text", "picture", "good"]
        assert [(row["id"], row["path"], row["error"]) for row in failures(log)] == [
            ("cut", "cut.png", "ImageError"),
            ("film as image", "./good.mp4", "ImageError"),
            ("gone", "gone.webp", "ImageError"),
        ]
        assert heard.said[0] == ("checking videos and images", 5, "files")
        assert heard.said[-1] == (5, "3 failed")
        with pytest.raises(TooManyFailuresError, match=r"The files of 3 of 6 samples \(50.0%\)"):
            check(VideoDataset(samples, root), log=log, max_failed_share=0.49)

    def test_texts_alone_need_no_checking(self, root: Path, tmp_path: Path) -> None:
        samples = [sample("1", "", Modality.TEXT), sample("2", "", Modality.TEXT)]
        heard = Heard()
        assert check(VideoDataset(samples, root), log=tmp_path / "log", progress=heard) == samples
        assert heard.said == []

    def test_stops_over_the_limit_and_says_how_to_go_on(self, root: Path, tmp_path: Path) -> None:
        samples = [sample(str(index), "good.mp4") for index in range(29)] + [sample("29", "gone.mp4")]
        log = tmp_path / "failures.jsonl"
        with pytest.raises(TooManyFailuresError) as caught:
            check(VideoDataset(samples, root), log=log)
        message = str(caught.value)
        assert "1 of 30 samples (3.3%)" in message
        assert "the limit is 1.0%" in message
        assert str(log) in message
        assert f"{root}/gone.mp4: no such video file" in message
        assert "data.max_failed_share to 0.034 (" in message  # 1/30 rounded up, so that it suffices
        assert len(failures(log)) == 1
        assert len(check(VideoDataset(samples, root), log=log, max_failed_share=0.034)) == 29

    def test_the_limit_itself_is_allowed(self, root: Path, tmp_path: Path) -> None:
        samples = [sample(str(index), "good.mp4") for index in range(99)] + [sample("99", "gone.mp4")]
        assert len(check(VideoDataset(samples, root), log=tmp_path / "failures.jsonl")) == 99

    def test_nothing_to_use(self, root: Path, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="the data is empty"):
            check(VideoDataset([], root), log=tmp_path / "failures.jsonl")
        with pytest.raises(DataError, match="no sample is left"):
            check(
                VideoDataset([sample("1", "gone.mp4")], root),
                log=tmp_path / "failures.jsonl",
                max_failed_share=1,
            )

    def test_a_path_that_escapes_stops_the_run(self, root: Path, clip: Path, tmp_path: Path) -> None:
        (root / "link.mp4").symlink_to(clip)
        with pytest.raises(PathEscapeError):
            check(
                VideoDataset([sample("1", "link.mp4")], root),
                log=tmp_path / "failures.jsonl",
                max_failed_share=1,
            )
