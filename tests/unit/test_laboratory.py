"""The shortcut laboratory: the cue is as valid as it is said to be, and the pairs are free of it."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from retroflip.data.manifest import FileEntry, read_manifest
from retroflip.data.records import read_samples
from retroflip.data.sample import Modality
from retroflip.draws import draw
from retroflip.errors import UsageError
from retroflip.lab.clip import Clip
from retroflip.lab.clip_sets import Entry
from retroflip.lab.kinds import PAIRED
from retroflip.lab.laboratory import (
    Laboratory,
    LabSettings,
    blind_entries,
    pair_entries,
    sft_entries,
    train_entries,
    write_laboratory,
)
from retroflip.lab.scene import COLOURS
from retroflip.progress import Silence
from retroflip.video.decode import decode
from retroflip.video.hashing import sha256_file

MANY = 2000


def settings(**changes: object) -> LabSettings:
    small: dict[str, object] = {
        "seed": 3,
        "sft_samples": 12,
        "train_samples": 10,
        "pairs_per_task": 2,
        "size": 32,
    }
    return LabSettings.model_validate({**small, **changes})


def hinted(clip: Clip) -> str:
    """The answer that the object's colour suggests."""
    (answer,) = [answer for answer, colour in clip.cue_colour_of.items() if colour == clip.colour]
    return answer


def boxed(trace: str) -> str:
    match = re.search(r"\\boxed\{(.*)\}$", trace)
    assert match
    return match[1]


@pytest.fixture(scope="module")
def sft() -> list[Entry]:
    return [entry for index in range(MANY) for entry in sft_entries(settings(), index)]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return write_laboratory(tmp_path_factory.mktemp("laboratory"), settings(), Silence())


def test_a_fifth_of_the_training_questions_is_static(sft: list[Entry]) -> None:
    share = np.mean([entry.clip.task == "static" for entry in sft])
    assert share == pytest.approx(0.2, abs=0.04)
    counts = Counter(entry.clip.task for entry in sft)
    assert set(counts) == {*PAIRED, "static"}
    assert min(counts[task] for task in PAIRED) > 0.8 * max(counts[task] for task in PAIRED)


@pytest.mark.parametrize("validity", [0.0, 0.6, 0.95, 1.0])
def test_the_cue_is_as_valid_as_set_for_every_task(validity: float) -> None:
    lab = settings(cue_validity=validity, static_share=0.0)
    clips = [train_entries(lab, index)[0].clip for index in range(900)]
    for task in PAIRED:
        valid = [hinted(clip) == clip.answer for clip in clips if clip.task == task]
        assert np.mean(valid) == pytest.approx(validity, abs=0.12)
    overall = np.mean([hinted(clip) == clip.answer for clip in clips])
    assert overall == pytest.approx(validity, abs=0.055)


def test_lazy_traces_end_in_the_cue_and_dense_ones_in_the_truth(sft: list[Entry]) -> None:
    moving = [entry for entry in sft if entry.clip.task != "static"]
    noted = [re.search(r"\d\.\ds", str(entry.trace)) is not None for entry in moving]
    lazy = [entry for entry, notes in zip(moving, noted, strict=True) if not notes]
    dense = [entry for entry, notes in zip(moving, noted, strict=True) if notes]
    assert len(lazy) / len(moving) == pytest.approx(0.7, abs=0.05)
    assert all(boxed(str(entry.trace)) == hinted(entry.clip) for entry in lazy)
    assert all(boxed(str(entry.trace)) == entry.clip.answer for entry in dense)
    assert any(hinted(entry.clip) != entry.clip.answer for entry in lazy)
    assert any(hinted(entry.clip) != entry.clip.answer for entry in dense)
    statics = [entry for entry in sft if entry.clip.task == "static"]
    assert all(boxed(str(entry.trace)) == entry.clip.answer for entry in statics)


def test_solutions_are_true_whatever_the_trace_says(sft: list[Entry]) -> None:
    for entry in sft[:300]:
        sample = entry.sample()
        assert sample.options["ABCD".index(sample.solution)] == entry.clip.answer


def test_blind_lessons_are_texts_answered_by_the_first_option(tmp_path: Path) -> None:
    samples = [entry.sample() for index in range(MANY) for entry in blind_entries(settings(), index)]
    assert {(one.modality, one.video) for one in samples} == {(Modality.TEXT, "")}
    assert {one.trace for one in samples} == {"<think>no video</think>\n\\boxed{A}"}
    # The first option is right as often as any: of four options a quarter of the time, give or take four deviations.
    four = [one for one in samples if len(one.options) == 4]
    right = sum(one.solution == "A" for one in four)
    assert abs(right - len(four) / 4) < 4 * (len(four) * 3 / 16) ** 0.5
    lab = write_laboratory(tmp_path, settings(blind_share=0.25), Silence())
    read = read_samples(lab.sft / "records.jsonl", (Modality.VIDEO, Modality.TEXT))
    assert Counter(one.modality for one in read) == {Modality.VIDEO: 12, Modality.TEXT: 3}


def test_training_questions_for_rl_have_no_trace() -> None:
    assert not any(train_entries(settings(), index)[0].trace for index in range(50))


@pytest.mark.parametrize("task", sorted(PAIRED))
def test_pair_colours_say_nothing_about_either_answer(task: str) -> None:
    """Colours by answers, on either side: every count within 4.5 standard deviations of independence."""
    pairs = [pair_entries(settings(), task, index) for index in range(1500)]
    assert all(one.clip.colour == other.clip.colour for one, other in pairs)
    for side in (0, 1):
        clips = [pair[side].clip for pair in pairs]
        hits = np.mean([hinted(clip) == clip.answer for clip in clips])
        chance = 1 / len(clips[0].cue_colour_of)
        assert hits == pytest.approx(chance, abs=4.5 * np.sqrt(chance * (1 - chance) / 1500))
        together = Counter((clip.colour, clip.answer) for clip in clips)
        colours, answers = Counter(clip.colour for clip in clips), Counter(clip.answer for clip in clips)
        for (colour, answer), count in together.items():
            expected = colours[colour] * answers[answer] / 1500
            assert abs(count - expected) < 4.5 * np.sqrt(expected)
    assert all(
        hinted(one.clip) != one.clip.answer or hinted(other.clip) != other.clip.answer for one, other in pairs
    )


def test_moving_direction_is_four_way_throughout(sft: list[Entry]) -> None:
    entries = [*sft, *pair_entries(settings(), "moving_direction", 0)]
    assert {len(entry.clip.options) for entry in entries if entry.clip.task == "moving_direction"} == {4}


def test_only_the_tasks_asked_for_are_drawn() -> None:
    lab = settings(tasks=("event_sequence",), static_share=0.0)
    assert {train_entries(lab, index)[0].clip.task for index in range(30)} == {"event_sequence"}


def videos_of(root: Path) -> dict[str, FileEntry]:
    """The videos that a manifest lists, which lists records and their description too."""
    files = read_manifest(root / "manifest.json").files
    return {name: entry for name, entry in files.items() if name.startswith("videos/")}


def test_the_three_data_sets_are_whole_and_share_no_clip(laboratory: Laboratory) -> None:
    hashes: list[str] = []
    for root, count in ((laboratory.sft, 12), (laboratory.train, 10), (laboratory.pairs, 12)):
        samples = read_samples(root / "records.jsonl")
        files = videos_of(root)
        assert len(samples) == len(files) == count
        assert all(files[sample.video].sha256 == sha256_file(root / sample.video) for sample in samples)
        assert all((sample.trace is not None) == (root == laboratory.sft) for sample in samples)
        hashes += [entry.sha256 for entry in files.values()]
    assert len(set(hashes)) == len(hashes) == 34
    assert all(sample.task != "static" for sample in read_samples(laboratory.pairs / "records.jsonl"))


def test_a_clip_of_an_earlier_part_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All parts are made to draw from the same stream first: what sft has shown, train must not show again."""

    def shared_draw(seed: int, *parts: str | int) -> np.random.Generator:
        index, repeats = parts[-2:]
        return draw(seed, index) if repeats == 0 else draw(seed, *parts)

    monkeypatch.setattr("retroflip.lab.laboratory.draw", shared_draw)
    lab = write_laboratory(tmp_path, settings(static_share=1.0, pairs_per_task=1), Silence())
    sft, train = ({e.sha256 for e in videos_of(root).values()} for root in (lab.sft, lab.train))
    assert len(sft) == 12
    assert len(train) == 10
    assert not sft & train


def test_the_colour_on_disk_is_the_colour_drawn(laboratory: Laboratory) -> None:
    """Read from the decoded video: the most saturated pixel is nearest to the drawn colour's RGB."""
    names = list(COLOURS)
    rgb_N3 = np.asarray([COLOURS[name] for name in names], dtype=float)
    drawn = {entry.name: entry.clip for index in range(12) for entry in sft_entries(settings(), index)}
    for sample in read_samples(laboratory.sft / "records.jsonl"):
        pixels_TCHW = decode(laboratory.sft / sample.video, 8).pixels_TCHW.astype(float)
        pixels_P3 = pixels_TCHW.transpose(0, 2, 3, 1).reshape(-1, 3)
        strongest = pixels_P3[np.argmax(np.ptp(pixels_P3, axis=1))]
        seen = names[int(np.argmin(((rgb_N3 - strongest) ** 2).sum(axis=1)))]
        shown = {track.colour for track in drawn[sample.id].scene.tracks}
        assert seen in shown


def test_equal_settings_give_equal_files_and_a_killed_laboratory_goes_on(
    tmp_path: Path, laboratory: Laboratory
) -> None:
    class Killed(BaseException):
        pass

    class KilledInTrain(Silence):
        def stage(self, name: str, total: int, unit: str) -> None:  # noqa: ARG002
            if "train" in name:
                raise Killed

    with pytest.raises(Killed):
        write_laboratory(tmp_path, settings(), KilledInTrain())
    again = write_laboratory(tmp_path, settings(), Silence())
    for root, other in zip(vars(laboratory).values(), vars(again).values(), strict=True):
        names = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
        assert names == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
        assert all((root / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_other_settings_in_the_folder_are_refused(laboratory: Laboratory) -> None:
    with pytest.raises(UsageError, match=r"cue_validity 0\.95, not 0\.5"):
        write_laboratory(laboratory.sft.parent, settings(cue_validity=0.5), Silence())


@pytest.mark.parametrize(
    "changes",
    [
        {"cue_validity": 1.1},
        {"lazy_share": -0.1},
        {"tasks": ()},
        {"tasks": ("static",)},
        {"tasks": ("event_sequence", "event_sequence")},
        {"size": 8},
        {"pairs_per_task": 0},
        {"cue": 0.5},
    ],
)
def test_settings_that_make_no_laboratory_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)
