"""Frames on disk: what makes them others, what damage and concurrency do to them, and that nothing is decoded twice."""

import json
import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from half_size import HALF
from retroflip.cli.app import app
from retroflip.data.dataset import VideoDataset, check, failed_media
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DecodeError, DecodeLimitError, HashMismatchError, UsageError
from retroflip.progress import Silence
from retroflip.video import frame_cache as module
from retroflip.video.decode import decode
from retroflip.video.encode import encode
from retroflip.video.frame_cache import FrameCache, bytes_of, frame_cache, load, try_out
from retroflip.video.frames import Frames
from retroflip.video.hashing import sha256_file
from retroflip.video.isolated import ProbePool
from retroflip.video.take import Take
from retroflip.video.window import Window


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FrameCache:
    monkeypatch.setenv("RETROFLIP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RETROFLIP_FRAME_CACHE", raising=False)
    found = frame_cache()
    assert found is not None
    return found


@pytest.fixture
def video(tmp_path: Path, clip: Path) -> Path:
    """A clip that has been as it is for an hour."""
    path = tmp_path / "clip.mp4"
    shutil.copy(clip, path)
    settle(path)
    return path


def settle(path: Path) -> None:
    """Let a file's content be an hour old."""
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))


@pytest.fixture(autouse=True)
def settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a file's times for telling at once: that of the inode cannot be set."""
    monkeypatch.setattr(module, "_SETTLED", -1.0)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that this process decodes."""
    from retroflip.video.passes import Pass

    seen: list[Path] = []
    frames = Pass.frames

    def counted(self: Pass) -> Iterator[object]:
        seen.append(self.path)
        return frames(self)

    monkeypatch.setattr(Pass, "frames", counted)
    return seen


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose bytes the cache reads to know them."""
    seen: list[Path] = []

    def counted(path: Path) -> str:
        seen.append(path)
        return sha256_file(path)

    monkeypatch.setattr(module, "sha256_file", counted)
    return seen


def equal(one: Frames, other: Frames) -> bool:
    same = np.array_equal(one.pixels_TCHW, other.pixels_TCHW)
    return same and (one.seconds, one.fitted) == (other.seconds, other.fitted)


def entries(cache: FrameCache) -> list[Path]:
    return sorted(path for path in (cache.folder / "pixels").rglob("*") if path.is_file())


RECIPE = Path(__file__).parents[2] / "recipes" / "tiny" / "crpo.yaml"
TAKES = [Take(4), Take(3), Take(20), Take(4, Window(0.25, 0.75))]


class TestFrames:
    @pytest.mark.parametrize("take", TAKES)
    def test_are_those_that_are_decoded(
        self, cache: FrameCache, video: Path, decoded: list[Path], take: Take
    ) -> None:
        for how in ({}, {"max_side": 32}, {"fit": HALF.video}):
            fresh = decode(video, take.frames, window=take.window, **how)
            decoded.clear()
            assert equal(load(video, take, **how), fresh)
            assert equal(load(video, take, **how), fresh)
            assert decoded == [video]
        assert len(entries(cache)) == 3

    def test_may_be_changed_without_changing_the_entry(self, cache: FrameCache, video: Path) -> None:
        load(video, Take(2)).pixels_TCHW[:] = 0
        load(video, Take(2)).pixels_TCHW[:] = 0
        assert load(video, Take(2)).pixels_TCHW.any()
        assert cache.counts.hits == 2

    @pytest.mark.usefixtures("cache")
    def test_of_a_copy_are_found_by_its_content(self, video: Path, decoded: list[Path]) -> None:
        shutil.copy(video, video.with_name("copy.mp4"))
        assert equal(load(video, Take(2)), load(video.with_name("copy.mp4"), Take(2)))
        assert decoded == [video]

    @pytest.mark.usefixtures("cache")
    def test_of_another_decoder_are_others(
        self, video: Path, decoded: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load(video, Take(2))
        monkeypatch.setattr(module, "decoder_version", lambda: ["other"])
        load(video, Take(2))
        assert decoded == [video, video]


class TestChanges:
    def test_a_changed_file_is_decoded_anew_even_with_its_old_size_and_date(
        self, cache: FrameCache, video: Path, tmp_path: Path
    ) -> None:
        load(video, Take(2))
        before = video.stat()
        content = bytearray(video.read_bytes())
        content[-40] ^= 1
        video.write_bytes(content)
        os.utime(video, ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(HashMismatchError):
            load(video, Take(2), sha256=sha256_file(tmp_path / "clip.mp4")[::-1])
        assert cache.identify(video, None).sha256 == sha256_file(video)

    def test_a_file_is_hashed_once_unless_nothing_is_to_be_trusted(
        self, cache: FrameCache, video: Path, hashed: list[Path]
    ) -> None:
        again = FrameCache(cache.folder, cache.most_bytes)
        assert {one.identify(video, None).sha256 for one in (cache, cache, again)} == {sha256_file(video)}
        assert len(hashed) == 1
        cache.identify(video, None, fresh=True)
        assert len(hashed) == 2

    def test_times_tell_nothing_of_a_file_that_was_just_written(
        self, cache: FrameCache, video: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_SETTLED", 2.0)
        cache.identify(video, None)
        assert not (cache.folder / "files").exists()

    def test_frames_of_a_file_that_changes_while_it_is_read_are_not_kept(
        self, cache: FrameCache, video: Path
    ) -> None:
        source = cache.identify(video, None)
        frames = decode(video, 2)
        video.touch()
        cache.put(video, source, Take(2), "side None", frames)
        assert not (cache.folder / "pixels").exists()


class TestDamage:
    @pytest.mark.parametrize("place", [0, 9, 30, 200, -1])
    def test_is_counted_and_the_video_decoded_again(
        self, cache: FrameCache, video: Path, decoded: list[Path], place: int
    ) -> None:
        frames = load(video, Take(2))
        (entry,) = entries(cache)
        content = bytearray(entry.read_bytes())
        content[place] ^= 1
        entry.write_bytes(content)
        with pytest.warns(UserWarning, match="damaged"):
            assert equal(load(video, Take(2)), frames)
        assert (cache.counts.damaged, len(decoded)) == (1, 2)
        assert equal(load(video, Take(2)), frames)
        assert len(decoded) == 2

    @pytest.mark.parametrize("length", [0, 5, 100, 9000])
    def test_an_entry_cut_short_is_damaged(self, cache: FrameCache, video: Path, length: int) -> None:
        frames = load(video, Take(2))
        (entry,) = entries(cache)
        entry.write_bytes(entry.read_bytes()[:length])
        with pytest.warns(UserWarning, match="damaged"):
            assert equal(load(video, Take(2)), frames)

    def test_an_entry_in_anothers_place_is_damaged(self, cache: FrameCache, video: Path) -> None:
        load(video, Take(2))
        (first,) = entries(cache)
        frames = load(video, Take(3))
        (second,) = set(entries(cache)) - {first}
        shutil.copy(first, second)
        with pytest.warns(UserWarning, match="damaged"):
            assert equal(load(video, Take(3)), frames)

    def test_a_damaged_verdict_is_found_anew(
        self, cache: FrameCache, video: Path, decoded: list[Path]
    ) -> None:
        info = try_out(video)
        (row,) = (cache.folder / "verdicts").rglob("*.json")
        row.write_text(row.read_text().replace("12", "13"))
        with pytest.warns(UserWarning, match="damaged"):
            assert try_out(video) == info
        assert len(decoded) == 2


class TestVerdicts:
    @pytest.mark.usefixtures("cache")
    def test_a_file_that_cannot_be_decoded_is_tried_once_under_any_name(self, video: Path) -> None:
        broken, copy = video.with_name("broken.mp4"), video.with_name("copy.mp4")
        broken.write_bytes(video.read_bytes()[:1500])
        shutil.copy(broken, copy)
        with pytest.raises(DecodeError, match=r"broken\.mp4: the file is cut short") as first:
            try_out(broken)
        with pytest.raises(DecodeError, match=r"copy\.mp4: the file is cut short") as second:
            load(copy, Take(2))
        assert str(second.value).removeprefix(str(copy)) == str(first.value).removeprefix(str(broken))

    def test_of_want_of_time_or_memory_nothing_is_kept(self, cache: FrameCache, video: Path) -> None:
        source = cache.identify(video, None)
        cache.keep_verdict(video, source, DecodeLimitError(f"{video}: takes too long."))
        assert cache.verdict(video, source) is None


class TestRoom:
    @pytest.fixture
    def fill(self, cache: FrameCache, tmp_path: Path) -> Callable[..., FrameCache]:
        """Puts so many different videos into a cache of 100 kB, which has room for three of them."""

        def fill(count: int, seed: int = 0) -> FrameCache:
            small = FrameCache(cache.folder, 100_000)
            rng = np.random.default_rng(seed)
            for number in range(count):
                path = tmp_path / f"{number}.mp4"
                encode(path, rng.integers(0, 255, (2, 3, 48, 64), dtype=np.uint8), 8)
                source = small.identify(path, None)
                small.put(path, source, Take(2), "side None", decode(path, 2))
                held = sum(max(4096, one.stat().st_size) for one in small.folder.rglob("*") if one.is_file())
                assert held <= 100_000
            return small

        return fill

    def test_never_more_is_kept_than_allowed(
        self, fill: Callable[..., FrameCache], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_REPLACED_SHARE", 1.0)
        small = fill(8)
        assert small.counts.stored == 8
        assert 0 < len(entries(small)) < 8

    def test_what_is_in_use_stays_and_what_is_not_makes_room(
        self, fill: Callable[..., FrameCache], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_REPLACED_SHARE", 0.0)
        before = entries(fill(8))
        assert entries(fill(8, seed=1)) == before
        for entry in before:
            settle(entry)
        monkeypatch.setattr(module, "_IN_USE", 60.0)
        after = entries(fill(8, seed=1))
        assert after
        assert set(after).isdisjoint(before)

    def test_a_use_is_noted(self, cache: FrameCache, video: Path) -> None:
        load(video, Take(2))
        (entry,) = entries(cache)
        settle(entry)
        load(video, Take(2))
        assert entry.stat().st_mtime > time.time() - 60

    def test_what_is_larger_than_all_room_is_not_kept(self, cache: FrameCache, video: Path) -> None:
        small = FrameCache(cache.folder, 10_000)
        source = small.identify(video, None)
        small.put(video, source, Take(4), "side None", decode(video, 4))
        assert (small.counts.stored, small.counts.refused) == (0, 1)

    def test_a_mapped_entry_outlives_its_deletion(self, cache: FrameCache, video: Path) -> None:
        load(video, Take(4))
        frames = load(video, Take(4))
        shutil.rmtree(cache.folder)
        assert equal(frames, decode(video, 4))

    def test_a_folder_that_cannot_be_written_is_said_once_and_done_without(
        self, tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("RETROFLIP_CACHE", str(tmp_path / "file"))
        with pytest.warns(UserWarning, match="Frames cannot be kept"):
            assert equal(load(video, Take(2)), decode(video, 2))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            load(video, Take(3))

    def test_what_a_kill_left_goes(self, cache: FrameCache, video: Path) -> None:
        left = cache.folder / "pixels" / "00" / ".abc.999999999-0a0a.tmp"
        left.parent.mkdir(parents=True)
        left.write_bytes(b"half")
        load(video, Take(2))
        assert not left.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("50GB", 50 * 10**9), ("1.5 TiB", 3 * 2**39), ("500m", 5 * 10**8), ("off", 0), ("0", 0), ("7", 7)],
)
def test_sizes(text: str, expected: int) -> None:
    assert bytes_of(text) == expected


def test_a_size_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFLIP_FRAME_CACHE", "plenty")
    with pytest.raises(UsageError, match="RETROFLIP_FRAME_CACHE is 'plenty'"):
        frame_cache()


def test_off_keeps_nothing(cache: FrameCache, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFLIP_FRAME_CACHE", "off")
    assert equal(load(video, Take(2)), decode(video, 2))
    with ProbePool(1) as pool:
        assert try_out(video, [Take(2)], pool).info.frames == 12
    assert not cache.folder.exists()


@pytest.fixture
def asked(video: Path) -> Callable[[], VideoDataset]:
    """Questions about a whole video and parts of it."""

    def make() -> VideoDataset:
        samples = [
            Sample(
                id=f"{start}",
                video=video.name,
                start=start,
                question="Which way?",
                options=("left", "right"),
                solution="A",
                problem_type=ProblemType.MULTIPLE_CHOICE,
                source_clip="clip",
            )
            for start in (None, 0.25, 0.5)
        ]
        return VideoDataset(samples, video.parent, frames=2, fits=HALF)

    return make


@pytest.mark.usefixtures("cache")
def test_loading_what_was_checked_decodes_nothing(
    asked: Callable[[], VideoDataset], decoded: list[Path], tmp_path: Path
) -> None:
    dataset = asked()
    check(dataset, log=tmp_path / "failures.jsonl")
    loaded = [dataset.load(sample) for sample in dataset]
    assert decoded == []  # once, and in a process of its own
    for sample, frames in zip(dataset, loaded, strict=True):
        fresh = decode(tmp_path / "clip.mp4", 2, fit=HALF.video, window=sample.window)
        assert frames is not None
        assert equal(frames, fresh)


@pytest.mark.usefixtures("cache")
def test_several_processes_and_threads_share_a_cache(video: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from retroflip.video.frame_cache import load; "
        "from retroflip.video.take import Take\n"
        "for turn in range(40): print(load(Path(sys.argv[1]), Take(2 + turn % 8)).pixels_TCHW.sum())"
    )
    environment = {**os.environ, "RETROFLIP_FRAME_CACHE": "120kB"}
    command = [sys.executable, "-c", script, str(video)]
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in running]
    sums = [int(decode(video, 2 + turn % 8).pixels_TCHW.sum()) for turn in range(40)]
    assert [[int(line) for line in output.split()] for output in outputs] == [sums] * 2
    with ThreadPoolExecutor(4) as threads:
        takes = [Take(2 + turn % 8) for turn in range(40)]
        assert [
            int(one.pixels_TCHW.sum()) for one in threads.map(lambda take: load(video, take), takes)
        ] == sums


COUNTING = """
import os
from retroflip.video import passes

def frames(self, original=passes.Pass.frames):
    with open(os.environ["DECODED"], "a") as log:
        log.write(f"{self.path.name}\\n")
    return original(self)

passes.Pass.frames = frames
"""


@pytest.fixture
def command(tmp_path: Path, decoded: list[Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Runs retroflip, and returns which videos any of its processes decoded."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(COUNTING)
    log = tmp_path / "decoded"
    paths = [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("DECODED", str(log))

    def run(*arguments: object) -> list[str]:
        log.write_text("")
        decoded.clear()
        result = CliRunner().invoke(app, [*map(str, arguments)])
        assert result.exit_code == 0, result.output
        return sorted([*log.read_text().split(), *(path.name for path in decoded)])

    return run


@pytest.mark.usefixtures("cache")
def test_no_command_decodes_a_video_twice(
    tmp_path: Path, clips: Path, command: Callable[..., list[str]]
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    videos = ["h264.mp4", "vp9.webm"]
    for name in videos:
        shutil.copy(clips / name, root / name)
    rows = [
        {
            "problem_id": f"{name}-{start}",
            "problem": "Which way does it move?",
            "problem_type": "multiple choice",
            "options": ["A. left", "B. right"],
            "solution": "B",
            "path": name,
            "start": start,
            "task_type": "spatial",
        }
        for name in videos
        for start in (0.0, 0.25)
    ]
    records = root / "records.jsonl"
    records.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = ("generate", "--data", records, "--model", "retroflip-tiny", "--max-tokens", 2, "--frames", 4)
    assert command("validate", "--data", records, "--media") == videos
    assert command("validate", "--data", records, "--media") == []
    assert command(*asked, "--out", tmp_path / "first") == sorted(
        videos * 2
    )  # each part once, when it is asked about
    assert command(*asked, "--out", tmp_path / "second") == []
    shutil.rmtree(tmp_path / "cache")
    assert command(*asked, "--out", tmp_path / "third") == videos
    short = ("train.steps=1", "train.samples_per_step=2", "train.max_completion_length=2", "data.frames=4")
    trained = ("train", "recipes/tiny/crpo.yaml", f"data.records={records}", *short)
    assert command(*trained, "--out", tmp_path / "run") == []
    shutil.rmtree(tmp_path / "cache")
    assert command(*trained, "--out", tmp_path / "again") == videos


@pytest.mark.usefixtures("cache")
def test_validation_reads_a_file_that_looks_unchanged(
    asked: Callable[[], VideoDataset], hashed: list[Path]
) -> None:
    dataset = asked()
    for _ in range(2):
        assert failed_media(dataset, Silence()) == []
    assert len(hashed) == 2
