"""Synthetic pairs on disk: files, records and manifest agree, whatever happens on the way."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from retroflip.data.manifest import read_manifest
from retroflip.data.records import read_samples
from retroflip.data.sample import Sample
from retroflip.draws import draw
from retroflip.errors import UsageError
from retroflip.files.storage import read_json_object
from retroflip.lab.clip_sets import About, Entry, Lesson, draw_pair, seated, write_dataset, write_pairs
from retroflip.lab.kinds import KINDS, PAIRED
from retroflip.progress import NOTHING, Facts, Silence
from retroflip.video.decode import decode, probe
from retroflip.video.hashing import sha256_file

SIZE = 32
ABOUT = About("Clips", "Drawn for a test.")


class Killed(BaseException):
    """Stands for a kill: nothing in the library may catch it."""


class KilledAfter(Silence):
    """Stops the job once so many units are done, and counts them."""

    def __init__(self, units: int) -> None:
        self.units = units
        self.done = 0

    def advance(self, done: int, note: str = "", facts: Facts = NOTHING) -> None:  # noqa: ARG002
        self.done = done
        if done == self.units:
            raise Killed


def write(out: Path, **changes: object) -> list[Sample]:
    arguments: dict[str, object] = {"per_task": 2, "seed": 7, "size": SIZE, "progress": Silence()}
    return write_pairs(out, **{**arguments, **changes})  # type: ignore[arg-type]


def files_of(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): sha256_file(path) for path in sorted(out.rglob("*")) if path.is_file()
    }


def sides(samples: Sequence[Sample]) -> list[tuple[Sample, Sample]]:
    first = {sample.pair: sample for sample in samples if sample.side == 0}
    return [(first[sample.pair], sample) for sample in samples if sample.side == 1]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Sample]]:
    out = tmp_path_factory.mktemp("pairs") / "data"
    return out, write(out)


def test_a_data_set_has_pairs_of_every_task_and_as_many_static_questions(
    written: tuple[Path, list[Sample]],
) -> None:
    out, samples = written
    expected = [(task, side) for task in PAIRED for side in (0, 1)]
    assert Counter((sample.task, sample.side) for sample in samples) == Counter(
        2 * [*expected, ("static", None)]
    )
    assert read_samples(out / "records.jsonl") == samples
    assert all(sample.pair is None and sample.task_type == "static" for sample in samples[-2:])
    assert not any(sample.trace for sample in samples)


def test_both_sides_ask_the_same_and_differ_in_their_answer(written: tuple[Path, list[Sample]]) -> None:
    pairs = sides(written[1])
    assert len(pairs) == 6
    for one, other in pairs:
        assert (one.question, one.options, one.source_clip) == (
            other.question,
            other.options,
            other.source_clip,
        )
        assert one.solution != other.solution
        assert one.video != other.video


def test_the_manifest_holds_the_hash_of_every_video(written: tuple[Path, list[Sample]]) -> None:
    out, samples = written
    listed = read_manifest(out / "manifest.json").files
    assert set(listed) == files_of(out).keys() - {"manifest.json"}
    assert {sample.video for sample in samples} < set(listed)
    for name, entry in listed.items():
        assert entry.sha256 == sha256_file(out / name)
        assert entry.bytes == (out / name).stat().st_size
    assert len({entry.sha256 for entry in listed.values()}) == len(listed)


def test_videos_decode_at_the_size_asked_for(written: tuple[Path, list[Sample]]) -> None:
    out, samples = written
    for sample in samples:
        found = probe(out / sample.video)
        assert (found.width, found.height) == (SIZE, SIZE)
        assert 16 <= found.frames <= 20
        assert found.frames / 12 - 0.01 <= found.seconds <= found.frames / 8 + 0.01


def test_the_decoded_sides_of_a_reversed_pair_are_each_other_backwards(tmp_path: Path) -> None:
    """Up to what the codec loses: H.264 predicts forwards, so the two files are not exact mirrors."""
    samples = write(tmp_path / "a", per_task=1, size=64)
    for one, other in sides(samples):
        if one.task_type == "temporal":
            forward, backward = (decode(tmp_path / "a" / side.video, 8).pixels_TCHW for side in (one, other))
            errors = abs(forward[::-1].astype(int) - backward.astype(int))
            assert errors.mean() < 1.5


def test_equal_seeds_give_equal_files_and_others_do_not(
    tmp_path: Path, written: tuple[Path, list[Sample]]
) -> None:
    write(tmp_path / "again")
    write(tmp_path / "other", seed=8)
    assert files_of(tmp_path / "again") == files_of(written[0])
    assert not set(files_of(tmp_path / "other").values()) & set(files_of(written[0]).values())


def test_a_clip_does_not_depend_on_how_many_were_drawn_before(
    tmp_path: Path, written: tuple[Path, list[Sample]]
) -> None:
    write(tmp_path / "one", per_task=1)
    small = read_manifest(tmp_path / "one" / "manifest.json").files
    large = read_manifest(written[0] / "manifest.json").files
    assert {name: entry for name, entry in small.items() if "/" in name}.items() <= large.items()


def test_letters_are_balanced_on_both_sides() -> None:
    for name in [*PAIRED, "moving_direction_8"]:
        turns = {2: 2, 3: 6, 4: 12, 8: 56}
        total = len(KINDS[name](draw(0, name)).options)
        letters = [
            tuple(entry.sample().solution for entry in draw_pair(KINDS[name], draw(0, name, turn), "s", turn))
            for turn in range(turns[total])
        ]
        assert set(Counter(letters).values()) == {1}
        assert len(letters) == total * (total - 1)


def test_a_static_answer_visits_every_letter() -> None:
    letters = [
        Entry(seated(KINDS["static"](draw(0, turn)), turn), "s").sample().solution for turn in range(8)
    ]
    assert letters == ["A", "B", "C", "D"] * 2


def test_directions_take_turns_between_four_and_eight(written: tuple[Path, list[Sample]]) -> None:
    lengths = [len(one.options) for one, _ in sides(written[1]) if one.task == "moving_direction"]
    assert lengths == [4, 8]


def test_traces_are_written_when_asked_for_and_end_in_the_truth(tmp_path: Path) -> None:
    for sample in write(tmp_path / "traced", with_traces=True, directions=(8,)):
        truth = sample.options["ABCDEFGH".index(sample.solution)]
        assert sample.trace is not None
        assert sample.trace.endswith(f"\\boxed{{{truth}}}")


def test_colours_say_nothing_about_the_answer() -> None:
    """Every two of 4 colours and 4 directions come together about equally often: chi-squared under its 1e-6 tail."""
    clips = [
        draw_pair(KINDS["moving_direction"], draw(3, index), "s", index)[0].clip for index in range(1600)
    ]
    counts = Counter((clip.colour, clip.answer) for clip in clips)
    assert len(counts) == 16
    assert sum((count - 100) ** 2 / 100 for count in counts.values()) < 56.5


def test_a_finished_data_set_is_returned_as_it_is(tmp_path: Path) -> None:
    samples = write(tmp_path / "data", per_task=1)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")}
    assert write(tmp_path / "data", per_task=1) == samples
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")} == before


@pytest.mark.parametrize("units", [1, 5, 8])
def test_a_killed_job_lists_nothing_and_goes_on_to_the_same_files(
    tmp_path: Path, units: int, written: tuple[Path, list[Sample]]
) -> None:
    out = tmp_path / "data"
    with pytest.raises(Killed):
        write(out, progress=KilledAfter(units))
    assert not (out / "records.jsonl").exists()
    assert not (out / "manifest.json").exists()
    whole = files_of(written[0])
    partial = files_of(out)
    assert partial.items() < whole.items()
    write(out)
    assert files_of(out) == whole


def test_a_damaged_or_missing_video_is_written_again(
    tmp_path: Path, written: tuple[Path, list[Sample]]
) -> None:
    out, whole = tmp_path / "data", files_of(written[0])
    samples = write(out)
    damaged = bytearray((out / samples[0].video).read_bytes())
    damaged[100] ^= 1
    (out / samples[0].video).write_bytes(damaged)
    write(out)
    assert files_of(out) == whole
    (out / samples[1].video).unlink()
    write(out)
    assert files_of(out) == whole


def test_another_data_set_in_the_folder_is_refused_by_its_differences(tmp_path: Path) -> None:
    write(tmp_path / "data", per_task=1)
    before = files_of(tmp_path / "data")
    with pytest.raises(UsageError, match=r"written with per_task 1, not 3, seed 7, not 9\. Choose another"):
        write(tmp_path / "data", per_task=3, seed=9)
    assert files_of(tmp_path / "data") == before


@pytest.mark.parametrize("name", ["photo.jpg", "dataset.json"])
def test_a_folder_with_other_files_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("[]" if name == "dataset.json" else "mine")
    with pytest.raises(UsageError, match=r"Choose another folder"):
        write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="cannot be used as a folder"):
        write(tmp_path / "file")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"per_task": 0}, "at least 1 pair"),
        ({"size": 16}, "nothing can be told in videos under 32"),
        ({"directions": (4, 6)}, "4-way or 8-way"),
        ({"directions": ()}, "4-way or 8-way"),
    ],
)
def test_settings_out_of_range_start_nothing(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        write(tmp_path / "data", **changes)
    assert not (tmp_path / "data").exists()


def test_a_clip_that_repeats_another_is_drawn_again(tmp_path: Path) -> None:
    def lesson(name: str, firsts: int) -> tuple[Lesson, list[int]]:
        drawn: list[int] = []

        def entries(repeats: int) -> list[Entry]:
            drawn.append(repeats)
            clip = KINDS["static"](draw(0, "same" if repeats < firsts else name))
            return [Entry(clip, name)]

        return entries, drawn

    (first, first_draws), (second, second_draws) = lesson("one", 1), lesson("two", 2)
    write_dataset(tmp_path / "d", [first, second], {"seed": 0}, size=SIZE, about=ABOUT, progress=Silence())
    assert (first_draws, second_draws) == ([0], [0, 1, 2])
    videos = read_manifest(tmp_path / "d" / "manifest.json").files
    third, third_draws = lesson("three", 1)
    taken = [videos["videos/one.mp4"].sha256]
    write_dataset(
        tmp_path / "e", [third], {"seed": 0}, size=SIZE, about=ABOUT, taken=taken, progress=Silence()
    )
    assert third_draws == [0, 1]


def test_the_description_names_every_setting(written: tuple[Path, list[Sample]]) -> None:
    assert read_json_object(written[0] / "dataset.json") == {
        "generator": 1,
        "form": "pairs",
        "per_task": 2,
        "seed": 7,
        "size": SIZE,
        "directions": [4, 8],
        "with_traces": False,
    }
