"""DyBench on disk: what becomes of every candidate, both sides alike, and the same bytes however it was built."""

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml
from huggingface_hub import DatasetCard

from made_clips import moving, write_folder
from retroflip.bench.dybench import build as building
from retroflip.bench.dybench.base import Axis, Candidate, Clip, SubTask, UnfitError
from retroflip.bench.dybench.build import Built, build
from retroflip.bench.dybench.card import Summary, metadata
from retroflip.bench.dybench.footage import filmed
from retroflip.bench.dybench.making import Job, Outcome, equal_in_size, make
from retroflip.bench.dybench.recipe import ClipSection, DyBenchRecipe, load_dybench_recipe, parse_roots
from retroflip.bench.dybench.records import seated
from retroflip.bench.dybench.survey import require_whole, survey
from retroflip.bench.selfcheck import check_rewards
from retroflip.data.manifest import first_changed
from retroflip.data.records import read_samples
from retroflip.errors import DataError, RecipeError, UsageError
from retroflip.files.storage import append_jsonl, read_jsonl
from retroflip.progress import Silence
from retroflip.recipes.shipped import recipe_file
from retroflip.video.decode import all_frames
from retroflip.video.encode import encode
from retroflip.workers import LocalEngine

ROWS = [
    ("a.mp4", "opening a door", "", "", "human", "CC BY 4.0", "https://example.org/a"),
    ("b.mp4", "picking up the cup", "0.5", "1.5", "human", "CC BY 4.0"),
    ("odd.mp4", "unfolding a sheet", "", "", "object"),
    ("copy.mp4", "raising an arm", "", "", "human"),
    ("turned.mp4", "lifting a box", "", "", "human"),
    ("still.mp4", "opening a box"),
    ("cut.mp4", "opening a drawer"),
    ("none.mp4", "opening a drawer"),
    ("a.mp4", "dancing"),
    ("../a.mp4", "opening a drawer"),
    ("b.mp4", "opening a drawer", "5", "9"),
    ("b.mp4", "opening a drawer", "nan", "9"),
    ("a.mp4", "opening a door", "", "", "human"),
    ("b.mp4", "opening a drawer", "0", "0.1"),
]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clips that will do, and of clips with every fault."""
    folder = write_folder(
        tmp_path_factory.mktemp("clips"),
        ROWS,
        a=moving(1),
        b=moving(2),
        odd=moving(3, height=71, width=95),
        copy=moving(1),
        turned=moving(1)[::-1, ..., ::-1],
        still=moving(4, speed=0),
    )
    (folder / "cut.mp4").write_bytes((folder / "a.mp4").read_bytes()[:900])
    return folder


def recipe_of(folder: Path, clips: Path, **more: Any) -> DyBenchRecipe:
    values = {
        "kind": "dybench",
        "quotas": {"reversible_dynamics": {"mine": None}},
        "sources": {"mine": {"source": "folder", "root": str(clips)}},
        **more,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values))
    return load_dybench_recipe(folder / "recipe.yaml")


def made(
    recipe: DyBenchRecipe, out: Path, workers: int = 1, listed: Path | None = None, **roots: Path
) -> Built:
    found = survey(recipe, roots, Silence(), listed)
    return build(recipe, roots, found, out, LocalEngine(workers), Silence())


@pytest.fixture(scope="module")
def built(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is built of the folder."""
    folder = tmp_path_factory.mktemp("built")
    made(recipe_of(folder, clips), folder / "out")
    return folder / "out"


def content(folder: Path) -> dict[str, bytes]:
    """Return every file but the journal, whose order is that in which workers finish."""
    names = (
        path for path in folder.rglob("*") if path.is_file() and path.name not in ("journal.jsonl", ".lock")
    )
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in names}


def pixels(path: Path) -> np.ndarray[Any, Any]:
    return np.stack([picture for picture, _ in all_frames(path)]).astype(int)


def test_every_candidate_is_a_pair_or_refused_by_reason(built: Path) -> None:
    refused = Counter(row["reason"] for row in read_jsonl(built / "refused.jsonl"))
    samples = read_samples(built / "records.jsonl")
    assert len(samples) == 2 * 3
    assert refused == {
        "its media cannot be used (DecodeError)": 1,
        "its media cannot be used (MissingVideoError)": 1,
        "nothing moves": 1,
        "its part lies behind the end of its video": 1,
        "shorter than clips.min_seconds": 1,
        "the action's reverse is not known: give it in a column `reverse`": 1,
        "a row with a wrong path, time or axis": 2,
        "the same clip, part and axis twice": 1,
        "the same files as another pair": 1,
        "nearly the same as another pair": 1,
    }
    assert len(samples) // 2 + refused.total() == len(ROWS)


def crashing(job: Job) -> Outcome:
    """Make a pair, but crash at one part of a clip as a decoder may."""
    if job.planned.plan.parts == (Clip("b.mp4", 0.5, 1.5),):  # type: ignore[union-attr]
        os.kill(os.getpid(), signal.SIGSEGV)
    return make(job)


class Crashing(LocalEngine):
    """Processes that crash at one clip."""

    def run(self, function: Any, jobs: Any, crashed: Any = None) -> Any:  # noqa: ARG002
        return super().run(crashing, jobs, crashed)


def test_a_clip_at_which_the_decoder_crashes_is_refused_and_the_build_goes_on(
    clips: Path, built: Path, tmp_path: Path
) -> None:
    recipe = recipe_of(tmp_path, clips)
    build(recipe, {}, survey(recipe, {}, Silence()), tmp_path / "out", Crashing(1, apart=True), Silence())
    reasons = {row["key"]: row for row in read_jsonl(tmp_path / "out/refused.jsonl")}
    (crashed,) = (row for row in reasons.values() if row["reason"] == "its media cannot be used (a crash)")
    assert crashed["detail"] == "the decoder crashes at one of b.mp4"
    whole, left = (read_samples(folder / "records.jsonl") for folder in (built, tmp_path / "out"))
    assert [one.id for one in left] == [one.id for one in whole if one.source_clip != "b.mp4"]
    assert len(left) == len(whole) - 2


def test_nothing_but_the_benchmark_lies_in_a_finished_folder(built: Path) -> None:
    assert not (built / ".lock").exists()


def test_records_are_pairs_that_score(built: Path) -> None:
    samples = read_samples(built / "records.jsonl")
    checked = check_rewards(samples)
    assert (checked.pairs, checked.faults) == (3, [])
    for one, other in zip(samples[::2], samples[1::2], strict=True):
        assert (one.pair, one.side, other.side) == (other.pair, 0, 1)
        assert (one.question, one.options, one.task) == (other.question, other.options, "reversible_dynamics")
        assert one.counterfactual_solution == other.solution
        assert one.labels["axis"] == "reversal"
    assert {one.licence for one in samples} == {"CC BY 4.0", "not stated"}


def test_both_sides_are_written_alike_and_one_is_the_other_backwards(built: Path) -> None:
    for one, other in zip(*[iter(read_samples(built / "records.jsonl"))] * 2, strict=True):
        first, second = (built / side.video for side in (one, other))
        assert first.stat().st_size == second.stat().st_size
        assert layout(first) == layout(second)
        assert np.abs(pixels(first) - pixels(second)[::-1]).mean() < 3


def layout(path: Path) -> Mapping[str, Any]:
    """Return what a container says of itself, and which frames are key frames or predicted from where."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        head = {
            "metadata": dict(container.metadata) | dict(stream.metadata),
            "streams": [one.type for one in container.streams],
            "frames": stream.frames,
            "rate": stream.average_rate,
            "size": (stream.width, stream.height),
            "duration": stream.duration,
        }
        return {**head, "types": [int(frame.pict_type) for frame in container.decode(stream)]}


def test_a_part_is_cut_before_it_is_played_backwards(built: Path, clips: Path) -> None:
    part = next(row for row in read_samples(built / "records.jsonl") if row.source_clip == "b.mp4")
    shown, whole = pixels(built / part.video), pixels(clips / "b.mp4")
    assert len(shown) == 12
    assert np.abs(shown - whole[6:18]).mean() < 6 < np.abs(shown - whole[:12]).mean()


def test_two_workers_and_another_day_give_the_same_bytes(built: Path, clips: Path, tmp_path: Path) -> None:
    made(recipe_of(tmp_path, clips), tmp_path / "out", workers=2)
    assert content(tmp_path / "out") == content(built)


def test_a_finished_folder_is_left_alone_and_another_recipe_refused(
    built: Path, clips: Path, tmp_path: Path
) -> None:
    before = content(built)
    again = made(recipe_of(tmp_path, clips), built)
    assert again.summary.pairs == 3
    assert content(built) == before
    with pytest.raises(UsageError, match="seed 0, not 5"):
        made(recipe_of(tmp_path, clips, seed=5), built)


def test_a_build_goes_on_where_it_stopped(
    built: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = recipe_of(tmp_path, clips), tmp_path / "out"
    rows = 0

    def stopping(path: Path, row: Mapping[str, Any]) -> None:
        nonlocal rows
        rows += 1
        if rows == 4:
            raise KeyboardInterrupt
        append_jsonl(path, row)

    monkeypatch.setattr(building, "append_jsonl", stopping)
    with pytest.raises(KeyboardInterrupt):
        made(recipe, out)
    monkeypatch.undo()
    before = read_jsonl(out / "journal.jsonl")
    damaged = out / next(name for row in before for name in row.get("files", ()))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    tried: list[str] = []

    def noted(job: Job) -> Outcome:
        tried.append(job.planned.key)
        return make(job)

    monkeypatch.setattr(building, "make", noted)
    made(recipe, out)
    assert content(out) == content(built)
    assert len({row["key"] for row in before} & set(tried)) == 1  # the pair of the damaged file


def test_another_machine_builds_the_same_from_the_list(built: Path, clips: Path, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    shutil.copytree(clips, there)
    (there / "clips.csv").unlink()
    recipe = load_dybench_recipe(built / "recipe.yaml")
    made(recipe, tmp_path / "out", listed=built / "candidates.jsonl", mine=there)
    for name, one in content(built).items():
        if name.startswith("videos/") or name in ("records.jsonl", "quality.jsonl", "candidates.jsonl"):
            assert content(tmp_path / "out")[name] == one, name
    shutil.copy(there / "b.mp4", there / "odd.mp4")
    again = made(recipe, tmp_path / "third", listed=built / "candidates.jsonl", mine=there)
    assert again.summary.refused == {"mine: its media are other files than the list's": 1}


def test_quotas_are_filled_from_what_will_do_and_what_is_short_is_said(clips: Path, tmp_path: Path) -> None:
    few = made(recipe_of(tmp_path, clips, quotas={"reversible_dynamics": {"mine": 2}}), tmp_path / "two")
    assert few.summary.pairs == 2
    many = made(recipe_of(tmp_path, clips, quotas={"reversible_dynamics": {"mine": 9}}), tmp_path / "nine")
    assert [part.short for part in many.summary.parts] == [6]
    assert "6 of 9 pairs missing" in (tmp_path / "nine" / "README.md").read_text()
    assert len(list((tmp_path / "two" / "videos").iterdir())) == 4


def test_the_manifest_covers_everything_but_the_journal(built: Path, tmp_path: Path) -> None:
    listed = json.loads((built / "manifest.json").read_text())["files"]
    assert set(listed) == set(content(built)) - {"manifest.json"}
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    assert first_changed(copy) is None
    video = next((copy / "videos").iterdir())
    video.write_bytes(video.read_bytes()[:-1] + b"x")
    assert first_changed(copy) == video


def test_the_card_has_the_papers_columns_and_no_claim(built: Path) -> None:
    card = (built / "README.md").read_text()
    assert (
        "| 6 / 6 | 2 s median, 2 s at most | human (2), object (1) | yes: every question is one of a pair |"
        in card
    )
    assert "| mine | CC BY 4.0 | 1 |" in card
    assert "No person's verdict is recorded" in card


def test_the_hub_reads_the_head_of_the_card(built: Path) -> None:
    card = DatasetCard((built / "README.md").read_text())
    expected = {
        "license": "other",
        "license_name": "as-the-sources-state",
        "license_link": "README.md#licences",
        "language": "en",
        "task_categories": ["video-text-to-text", "visual-question-answering", "multiple-choice"],
        "size_categories": "n<1K",
        "tags": ["retroflip", "video", "benchmark", "counterfactual-pairs", "reversible_dynamics"],
        "configs": [{"config_name": "default", "data_files": [{"split": "test", "path": "records.jsonl"}]}],
    }
    assert yaml.safe_load(str(card.data)) == expected
    assert yaml.safe_load((built / "README.md").read_text().split("---\n")[1]) == expected
    assert card.text.lstrip().startswith("# A paired benchmark of 3 pairs")
    assert "## Licences" in card.text  # where license_link leads
    assert "retroflip generate --model MODEL --bench DIR" in card.text
    assert "retroflip score answers" in card.text


@pytest.mark.parametrize(
    ("questions", "size"),
    [
        (2, "n<1K"),
        (998, "n<1K"),
        (1_000, "1K<n<10K"),
        (6_028, "1K<n<10K"),
        (10_000, "10K<n<100K"),
        (10**7, "n>1M"),
    ],
)
def test_the_size_of_a_benchmark_is_one_of_the_hubs(built: Path, questions: int, size: str) -> None:
    stored = json.loads((built / "summary.json").read_text())
    counted = Summary.of({name: stored[name] for name in Summary.__dataclass_fields__})
    assert yaml.safe_load(metadata(replace(counted, questions=questions)))["size_categories"] == size


def test_flags_are_for_raters(built: Path) -> None:
    rows = {row["pair"]: row for row in read_jsonl(built / "quality.jsonl")}
    flags = [[flag["flag"] for flag in row["flags"]] for row in rows.values()]
    assert sorted(flags) == [[], ["people"], ["people"]]
    assert set(rows) == {sample.pair for sample in read_samples(built / "records.jsonl")}


def test_missing_sources_are_named_and_can_be_left_out(clips: Path, tmp_path: Path) -> None:
    recipe = recipe_of(
        tmp_path,
        clips,
        quotas={"reversible_dynamics": {"mine": 1, "ssv2": 5, "gone": 1}},
        sources={
            "mine": {"source": "folder", "root": str(clips)},
            "ssv2": {},
            "gone": {"source": "folder", "root": "nowhere"},
        },
    )
    found = survey(recipe, {}, Silence())
    assert {lack.source for lack in found.missing} == {"ssv2", "gone"}
    with pytest.raises(UsageError, match="ssv2: no folder was given for Something-Something v2"):
        require_whole(found)
    built = build(recipe, {}, found, tmp_path / "out", LocalEngine(1), Silence())
    assert built.summary.pairs == 1
    assert set(built.summary.missing) == {"ssv2", "gone"}


def test_no_pair_at_all_is_an_error_that_says_why(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "clips", [("still.mp4", "opening a box")], still=moving(1, speed=0))
    with pytest.raises(DataError, match=r"nothing moves.*refused\.jsonl"):
        made(recipe_of(tmp_path, folder), tmp_path / "out")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"quotas": {"reversible": {"mine": 1}}}, "quotas.reversible .*no such sub-task"),
        ({"quotas": {"reversible_dynamics": {"your": 1}}}, "no section sources.your"),
        ({"quotas": {"reversible_dynamics": {"mine": 0}}}, "0 pairs are none"),
        ({"quotas": {}}, "ask for nothing"),
        ({"sources": {"mine": {"source": "foldr"}}}, "no source 'foldr'"),
        ({"sources": {"../mine": {}}}, "names of sources"),
        ({"encodr": {}}, "did you mean encoder"),
        ({"encoder": {"crf": 0}}, "crf"),
    ],
)
def test_recipes_are_checked(more: dict[str, Any], message: str, clips: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe_of(tmp_path, clips, **more)


def test_roots_of_unknown_sources_and_unknown_settings_are_refused(clips: Path, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, clips)
    assert parse_roots(["mine=/x=y"], recipe) == {"mine": Path("/x=y")}
    for text in ("mine", "mine=", "other=/x"):
        with pytest.raises(UsageError, match="NAME=DIR"):
            parse_roots([text], recipe)
    wrong = recipe_of(
        tmp_path,
        clips,
        sources={"mine": {"source": "folder", "root": str(clips), "settings": {"tabel": "x"}}},
    )
    with pytest.raises(RecipeError, match=r"source 'folder'.*tabel.*table"):
        survey(wrong, {}, Silence())


@pytest.mark.parametrize("name", ["synthetic", "laboratory", "paper"])
def test_shipped_recipes_load(name: str) -> None:
    recipe = load_dybench_recipe(recipe_file(f"dybench/{name}.yaml"))
    if name == "paper":
        sums = {task: sum(count or 0 for count in named.values()) for task, named in recipe.quotas.items()}
        assert sums == {"reversible_dynamics": 600, "moving_direction": 500, "event_sequence": 407}
        assert sum(sums.values()) == 1507


def test_seats_deal_both_answers_out_evenly() -> None:
    candidate = candidate_of(Axis.REVERSAL, options=("on", "off", "up"), gold=2, other_gold=0)
    seen = Counter((one.gold, one.other_gold) for one in (seated(candidate, turn) for turn in range(12)))
    assert set(seen.values()) == {2}
    assert len(seen) == 6
    one = seated(candidate, 3)
    assert (one.options[one.gold], one.options[one.other_gold]) == ("up", "on")
    assert sorted(one.options) == ["off", "on", "up"]


def candidate_of(axis: Axis, *clips: Clip, other: tuple[Clip, ...] = (), **more: Any) -> Candidate:
    asked = {"question": "What?", "options": ("one", "two"), "gold": 0, "other_gold": 1, **more}
    return Candidate(
        "id",
        SubTask.SEQUENCE,
        axis,
        clips or (Clip("a.mp4"),),
        source_clip="a",
        licence="",
        other=other,
        **asked,
    )


class TestFootage:
    """Both sides as they go to the encoder."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """Two clips of 24 frames, and what does not fit to them."""
        root = write_folder(
            tmp_path / "root", [], a=moving(1), b=moving(2), small=moving(3, height=64, width=64)
        )
        encode(root / "fast.mp4", moving(4), 30)
        encode(root / "long.mp4", moving(5, frames=26), 12)
        encode(root / "longer.mp4", moving(5, frames=40), 12)
        return root

    def both(self, root: Path, candidate: Candidate, **settings: Any) -> tuple[list[Any], list[Any]]:
        (root / "spool").mkdir(exist_ok=True)
        sides = filmed(candidate, root, ClipSection(**settings), root / "spool")
        one, other = ([frame.copy() for frame in side.frames] for side in sides)
        return one, other

    def test_order_joins_parts_both_ways(self, root: Path) -> None:
        parts = (Clip("a.mp4", 0.0, 1.0), Clip("a.mp4", 1.0, 1.5))
        one, other = self.both(root, candidate_of(Axis.ORDER, *parts))
        assert [len(one), len(other)] == [18, 18]
        assert np.array_equal(np.stack(one[:12]), np.stack(other[6:]))
        assert np.array_equal(np.stack(one[12:]), np.stack(other[:6]))

    def test_flip_mirrors_every_frame(self, root: Path) -> None:
        one, other = self.both(root, candidate_of(Axis.FLIP))
        assert np.array_equal(np.stack(one)[:, :72, ::-1], np.stack(other)[:, :72])

    def test_given_clips_are_cut_to_the_shorter(self, root: Path) -> None:
        one, other = self.both(root, candidate_of(Axis.GIVEN, other=(Clip("long.mp4"),)))
        assert [len(one), len(other)] == [24, 24]

    def test_frames_in_a_folder_are_a_clip(self, root: Path) -> None:
        from PIL import Image

        (root / "frames").mkdir()
        for index, picture_CHW in enumerate(moving(6, frames=10), start=1):
            Image.fromarray(picture_CHW.transpose(1, 2, 0)).save(root / "frames" / f"{index:08d}.png")
        candidate = candidate_of(Axis.REVERSAL, Clip("frames", 0.2, 0.9, fps=10.0))
        one, other = self.both(root, candidate)
        assert len(one) == 7
        assert np.array_equal(np.stack(one), np.stack(other[::-1]))
        smaller, _ = self.both(root, candidate, max_side=48)
        assert smaller[0].shape == (36 * 3 // 2, 48)

    @pytest.mark.parametrize(
        ("candidate", "settings", "reason"),
        [
            (candidate_of(Axis.ORDER), {}, "it has one part"),
            (candidate_of(Axis.ORDER, Clip("a.mp4"), Clip("small.mp4")), {}, "its parts have several sizes"),
            (candidate_of(Axis.ORDER, Clip("a.mp4"), Clip("fast.mp4")), {}, "its parts have several rates"),
            (
                candidate_of(Axis.GIVEN, other=(Clip("small.mp4"),)),
                {},
                "the two given clips have several sizes",
            ),
            (
                candidate_of(Axis.GIVEN, other=(Clip("fast.mp4"),)),
                {},
                "the two given clips have several rates",
            ),
            (candidate_of(Axis.GIVEN, other=(Clip("longer.mp4"),)), {}, "several lengths"),
            (candidate_of(Axis.GIVEN), {}, "it names no clip"),
            (candidate_of(Axis.FLIP, Clip("a.mp4", 1.0, 1.0)), {}, "its part ends before it begins"),
            (candidate_of(Axis.FLIP), {"max_seconds": 1.0}, "longer than clips.max_seconds"),
            (candidate_of(Axis.FLIP, Clip("a.mp4", 0.0, 9.0)), {"max_seconds": 5.0}, "longer than"),
            (candidate_of(Axis.ORDER, Clip("a.mp4"), Clip("b.mp4")), {"max_seconds": 3.0}, "longer than"),
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, root: Path, candidate: Candidate, settings: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(UnfitError, match=reason):
            self.both(root, candidate, **settings)


def test_files_are_made_equally_large_and_still_play(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", moving(1), 12)
    encode(tmp_path / "b.mp4", moving(2, frames=12), 12)
    contents = [(tmp_path / name).read_bytes() for name in ("a.mp4", "b.mp4")]
    padded = equal_in_size(*contents)
    assert len({len(one) for one in padded}) == 1
    for name, one, before in zip(("a.mp4", "b.mp4"), padded, contents, strict=True):
        (tmp_path / name).write_bytes(one)
        assert one.startswith(before)
        assert len(pixels(tmp_path / name)) == (24 if name == "a.mp4" else 12)


def test_questions_that_no_record_can_hold_are_refused(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"path": "a.mp4", "options": [str(index) for index in range(26)], "answer": "1", "other_answer": "2"},
        {
            "path": "ä é.mp4",
            "options": "left|right|up",
            "answer": "left",
            "other_answer": "right",
            "axis": "flip",
        },
        {"path": "b.mp4", "action": "<|video_pad|>", "reverse": "nothing", "distractor": "all"},
        {"path": "c.mp4", "options": ["x"], "answer": "x", "other_answer": "y"},
        {"path": "c.mp4", "action": ["a"], "start": 0.5},
    ]
    clips = {"a": moving(1), "ä é": moving(2), "b": moving(3), "c": moving(4)}
    folder = write_folder(tmp_path / "clips", [], **clips)
    (folder / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = recipe_of(
        tmp_path,
        folder,
        quotas={"reversible_dynamics": {"mine": None}, "moving_direction": {"mine": None}},
        sources={"mine": {"source": "folder", "root": str(folder), "settings": {"table": "clips.jsonl"}}},
    )
    built = made(recipe, tmp_path / "out")
    assert built.summary.refused == {
        "mine: its question cannot be a record": 2,
        "mine: its answer and other_answer are not two of its options": 1,
        "mine: the action's reverse is not known: give it in a column `reverse`": 1,
    }
    (one, _) = read_samples(tmp_path / "out" / "records.jsonl")
    assert (one.task, one.labels["axis"], one.source_clip) == ("moving_direction", "flip", "ä é.mp4")
    assert check_rewards(built.samples).faults == []
