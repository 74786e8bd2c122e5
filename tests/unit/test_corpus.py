"""Temporal data sets on disk: whole, repeatable, resumable, apart from each other."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from retroflip.data.answers import credit, gold_answer, is_well_formed, parse_answer
from retroflip.data.answers.spans import read_spans
from retroflip.data.manifest import read_manifest
from retroflip.data.records import read_samples
from retroflip.data.sample import ProblemType, Sample, TaskType
from retroflip.errors import DataError, RecipeError, UsageError
from retroflip.files.storage import read_json_object, write_json_atomic
from retroflip.progress import Silence
from retroflip.synth.checks import recomputed_answer
from retroflip.synth.corpus import (
    CorpusSettings,
    Job,
    contents_of,
    described,
    produce,
    read_metadata,
    sample_from,
    write_corpus,
)
from retroflip.synth.drawn import read_settings
from retroflip.synth.episode import Draw, Pair, Redraw
from retroflip.synth.names import Form, Split, Traces
from retroflip.synth.registry import TEMPORAL_KINDS
from retroflip.synth.settings import SceneSettings
from retroflip.video.decode import decode, probe
from retroflip.video.hashing import sha256_file
from retroflip.workers import LocalEngine

SMALL = SceneSettings(size=64)


def settings(**changes: Any) -> CorpusSettings:
    return CorpusSettings(**{"kinds": ("direction",), "per_task": 2, "seed": 3, "scene": SMALL, **changes})


def write(out: Path, asked: CorpusSettings | None = None, **more: Any) -> list[Any]:
    return write_corpus(out, asked or settings(), engine=LocalEngine(1), progress=Silence(), **more)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Killed(BaseException):
    """Stands for a kill: nothing in the library may catch it."""


class DyingEngine(LocalEngine):
    """Runs jobs in this process, and dies behind the first."""

    def run(
        self,
        function: Callable[[Any], Any],
        jobs: Iterable[Any],
        crashed: Callable[[Any], Any] | None = None,  # noqa: ARG002 - the protocol's
    ) -> Iterator[Any]:
        yield function(next(iter(jobs)))
        raise Killed


def test_a_data_set_has_videos_truth_records_and_manifest_that_agree(tmp_path: Path) -> None:
    samples = write(tmp_path / "data")
    assert read_samples(tmp_path / "data" / "records.jsonl") == samples
    manifest = read_manifest(tmp_path / "data" / "manifest.json")
    assert [sample.id for sample in samples] == [
        f"direction-0000{n}-{side}" for n in (0, 1) for side in (0, 1)
    ]
    for sample in samples:
        truth = read_metadata(tmp_path / "data", sample.id)
        info = probe(tmp_path / "data" / sample.video)
        assert (info.frames, truth["video"]["fps"]) == (truth["video"]["frames"], 30)
        assert manifest.sha256_of(sample.video) == truth["video"]["sha256"]
        assert recomputed_answer("direction", truth) == sample.options[ord(sample.solution) - ord("A")]
        assert sample.labels == {
            "category": "direction",
            "term": "short",
            "domain": "spatial",
            "form": "choice",
            "mode": "perception",
        }


def test_equal_settings_give_equal_bytes_whatever_the_number_of_workers(tmp_path: Path) -> None:
    write(tmp_path / "one")
    write_corpus(tmp_path / "two", settings(), engine=LocalEngine(2), progress=Silence())
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    write(tmp_path / "whole")
    with pytest.raises(Killed):
        write_corpus(tmp_path / "data", settings(), engine=DyingEngine(1), progress=Silence())
    assert not (tmp_path / "data" / "records.jsonl").exists()
    first = tmp_path / "data" / "videos" / "direction-00000-0.mp4"
    kept = first.stat().st_mtime_ns
    write(tmp_path / "data")
    assert first.stat().st_mtime_ns == kept
    assert content(tmp_path / "data") == content(tmp_path / "whole")


def test_a_damaged_video_is_written_again(tmp_path: Path) -> None:
    write(tmp_path / "data")
    whole = content(tmp_path / "data")
    (tmp_path / "data" / "videos" / "direction-00001-1.mp4").write_bytes(b"damaged")
    write(tmp_path / "data")
    assert content(tmp_path / "data") == whole


def test_another_data_set_in_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "data")
    with pytest.raises(UsageError, match="seed 3, not 4"):
        write(tmp_path / "data", settings(seed=4))


def test_answers_and_letters_are_dealt_out_evenly(tmp_path: Path) -> None:
    samples = write(tmp_path / "data", settings(per_task=24))
    for side in (0, 1):
        letters = Counter(sample.solution for sample in samples if sample.side == side)
        assert set(letters.values()) == {6}
    answers = Counter(
        sample.options[ord(sample.solution) - ord("A")] for sample in samples if sample.side == 0
    )
    assert set(answers.values()) == {3}


def test_splits_share_no_question_and_no_content(tmp_path: Path) -> None:
    asked: dict[Split, set[Any]] = {}
    for split in Split:
        samples = write(tmp_path / split.value, settings(per_task=8, split=split))
        asked[split] = {(sample.question, tuple(sorted(sample.options))) for sample in samples}
    assert not asked[Split.RL] & asked[Split.COT]
    assert not asked[Split.RL] & asked[Split.TEST]
    shown = [contents_of(tmp_path / split.value) for split in Split]
    assert len(set.union(*shown)) == sum(len(one) for one in shown)


def test_content_of_another_data_set_is_drawn_anew(tmp_path: Path) -> None:
    write(tmp_path / "first")
    write(tmp_path / "second", apart_from=[tmp_path / "first"])
    assert not contents_of(tmp_path / "first") & contents_of(tmp_path / "second")
    assert read_metadata(tmp_path / "second", "direction-00000-0")["salt"] == 1


def test_a_run_stopped_between_the_sides_of_a_new_draw_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    first = settings(per_task=4)
    write(tmp_path / "first", first)
    apart = {"apart_from": [tmp_path / "first"]}
    write(tmp_path / "whole", first, **apart)
    write(tmp_path / "data", first, **apart)
    (tmp_path / "data" / "records.jsonl").unlink()
    (other,) = [one for one in described(Job(first, "direction", 1)) if one[1]["side"] == 1]
    other[1]["video"]["sha256"] = sha256_file(tmp_path / "first" / "videos" / "direction-00001-1.mp4")
    shutil.copy(tmp_path / "first" / "videos" / "direction-00001-1.mp4", tmp_path / "data" / "videos")
    write_json_atomic(tmp_path / "data" / "metadata" / "direction-00001-1.json", other[1])
    write(tmp_path / "data", first, **apart)
    assert content(tmp_path / "data") == content(tmp_path / "whole")


def test_a_finished_data_set_says_what_it_was_kept_apart_from(tmp_path: Path) -> None:
    write(tmp_path / "first")
    write(tmp_path / "data", settings(seed=9))
    with pytest.raises(UsageError, match="apart_from None, not"):
        write(tmp_path / "data", settings(seed=9), apart_from=[tmp_path / "first"])


def test_a_folder_without_temporal_videos_cannot_be_kept_apart_from(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no data set of temporal videos"):
        write(tmp_path / "data", apart_from=[tmp_path])


def test_single_videos_have_no_pair(tmp_path: Path) -> None:
    samples = write(tmp_path / "data", settings(per_task=4, paired=False))
    assert [(sample.id, sample.pair, sample.side) for sample in samples] == [
        (f"direction-0000{n}", None, None) for n in range(4)
    ]


EVEN = (
    "direction", "acceleration", "velocity_ranking", "relative_position", "distance", "collision_count",
    "trajectory_shape", "speed", "motion_count", "attribute_change",
)  # fmt: skip
"""kinds whose questions all have four options"""


def alone(kind: str, turns: int, **changes: Any) -> list[Sample]:
    """Return single videos' questions."""
    asked = settings(kinds=(kind,), per_task=turns, paired=False, **changes)
    return [sample_from(truth) for turn in range(turns) for _, truth in described(Job(asked, kind, turn))]


@pytest.mark.parametrize("kind", EVEN)
def test_letters_of_single_videos_are_dealt_out_evenly(kind: str) -> None:
    assert Counter(sample.solution for sample in alone(kind, 24)) == dict.fromkeys("ABCD", 6)


@pytest.mark.parametrize("kind", ["collision_count", "motion_count"])
def test_numbers_of_single_videos_are_dealt_out_evenly(kind: str) -> None:
    found = Counter(sample.solution for sample in alone(kind, 24, form=Form.NUMERIC))
    assert sorted(found.values()) == [6, 6, 6, 6]


@pytest.mark.parametrize("kind", TEMPORAL_KINDS)
def test_a_single_video_is_the_first_of_a_pair(kind: str) -> None:
    """What a kind deals out, it deals to the first; that of the second depends on it."""
    for turn, sample in enumerate(alone(kind, 4)):
        (_, first), _ = described(Job(settings(), kind, turn))
        own = {
            "id": sample.id,
            "video": sample.video,
            "source_clip": sample.source_clip,
            "pair": None,
            "side": None,
        }
        assert sample == sample_from(first).model_copy(update=own)


@pytest.mark.parametrize(("paired", "before", "now"), [(True, 3, 4), (False, 4, 5)])
def test_a_data_set_from_before_equal_settings_meant_these_videos_is_another_one(
    tmp_path: Path, paired: bool, before: int, now: int
) -> None:
    one = settings(per_task=1, paired=paired)
    write(tmp_path / "data", one)
    path = tmp_path / "data" / "dataset.json"
    write_json_atomic(path, {**read_json_object(path), "generator": before})
    with pytest.raises(UsageError, match=f"generator {before}, not {now}"):
        write(tmp_path / "data", one)


def test_empty_names_of_kinds_mean_nothing() -> None:
    assert settings(kinds=("direction", "")).kinds == ("direction",)
    with pytest.raises(ValueError, match="kinds name nothing"):
        settings(kinds=("", ""))


def test_open_questions_have_no_options_and_the_answer_in_words(tmp_path: Path) -> None:
    sample = write(tmp_path / "data", settings(per_task=1, form=Form.OPEN))[0]
    assert (sample.problem_type, sample.options) == (ProblemType.FREE_FORM, ())
    assert sample.solution == read_metadata(tmp_path / "data", sample.id)["question"]["answer"]


def test_a_question_without_a_number_falls_back_on_options(tmp_path: Path) -> None:
    samples = write(tmp_path / "data", settings(kinds=("rotation",), per_task=6, form=Form.NUMERIC))
    forms = Counter((sample.problem_type, sample.labels["form"]) for sample in samples)
    assert set(forms) == {(ProblemType.MULTIPLE_CHOICE, "choice"), (ProblemType.NUMERICAL, "numeric")}
    for sample in samples:
        assert (sample.options == ()) == (sample.problem_type is ProblemType.NUMERICAL)


def test_a_question_that_needs_its_options_keeps_them(tmp_path: Path) -> None:
    samples = write(tmp_path / "data", settings(kinds=("card_stack",), per_task=4, form=Form.OPEN))
    for sample in samples:
        is_open = sample.problem_type is ProblemType.FREE_FORM
        assert is_open == (sample.options == ())
        assert sample.labels["form"] == ("open" if is_open else "choice")


def test_a_form_that_no_kind_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="None of the kinds named has numeric questions"):
        write(tmp_path / "data", settings(form=Form.NUMERIC))


def test_spans_are_those_of_an_event_that_the_positions_bear_out(tmp_path: Path) -> None:
    """Every move asked for is seen, on the snapshots inside of its span, and no other way of moving is."""
    samples = write(tmp_path / "data", settings(per_task=8, form=Form.SPAN, paired=False))
    ways = {"left": (0, -1), "right": (0, 1), "up": (1, -1), "down": (1, 1)}
    for sample in samples:
        assert (sample.problem_type, sample.options) == (ProblemType.GROUNDING, ())
        way = sample.question.split("moves ")[1].split("?")[0]
        axis, sign = ways[way]
        sideways = way in ("left", "right")
        assert sample.task_type is (TaskType.SPATIOTEMPORAL if sideways else TaskType.TEMPORAL)
        ((start, end),) = read_spans(sample.solution)
        states = read_metadata(tmp_path / "data", sample.id)["states"]
        inside = [one for one in states if 1000 * start <= one["ms"] <= 1000 * end]
        places = [one["positions"]["o1"] for one in inside]
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(places)]
        assert len(steps) >= 3
        assert sum(step[axis] * sign > 0 and abs(step[1 - axis]) < 1e-6 for step in steps) >= len(steps) - 1
    assert len({sample.question.split("moves ")[1] for sample in samples}) > 1


def test_events_that_look_the_same_backwards_are_static(tmp_path: Path) -> None:
    wanted = settings(kinds=("distance",), per_task=4, form=Form.SPAN, paired=False)
    for sample in write(tmp_path / "data", wanted):
        assert sample.task_type is TaskType.STATIC
        truth = read_metadata(tmp_path / "data", sample.id)
        ((start, end),) = read_spans(sample.solution)
        (event,) = (event for event in truth["events"] if event["note"] in sample.question)
        assert (event["start_ms"], event["end_ms"]) == pytest.approx((1000 * start, 1000 * end))


def test_spans_have_no_pair_and_traces_that_end_in_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="which has no pair"):
        settings(form=Form.SPAN)
    (tmp_path / "paired.yaml").write_text("kinds: [direction]\nper_task: 1\nseed: 1\nform: span\n")
    with pytest.raises(RecipeError, match=r"form.*which has no pair: set paired to false"):
        read_settings(tmp_path / "paired.yaml")
    wanted = settings(form=Form.SPAN, paired=False, traces=Traces.STAMPED, per_task=1)
    (sample,) = write(tmp_path / "data", wanted)
    assert sample.trace is not None
    assert credit(parse_answer(sample.trace, sample), gold_answer(sample)) == 1
    assert is_well_formed(sample.trace)


def test_traces_end_in_the_answer(tmp_path: Path) -> None:
    for sample in write(tmp_path / "data", settings(traces=Traces.TOLD)):
        answer = sample.options[ord(sample.solution) - ord("A")]
        assert sample.trace is not None
        assert sample.trace.startswith("<think>")
        assert sample.trace.endswith(f"</think>\n\\boxed{{{answer}}}")


def test_a_kind_that_can_never_be_decided_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []

    def undecided(draw: Draw) -> Pair:
        attempts.append(draw.rng.random())
        raise Redraw("it is dark" if attempts[-1] < 0.6 else "")

    monkeypatch.setitem(TEMPORAL_KINDS, "direction", replace(TEMPORAL_KINDS["direction"], make=undecided))
    with pytest.raises(
        DataError, match=r"attempts: 1000, question: 0\): it is dark\. By trial, no other settings"
    ):
        produce(Job(settings(), "direction", 0))
    assert len(set(attempts[:1000])) == 1000


def test_a_refusal_in_which_no_draw_had_a_part_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Draw) -> Pair:
        raise Redraw

    monkeypatch.setitem(TEMPORAL_KINDS, "direction", replace(TEMPORAL_KINDS["direction"], make=never))
    with pytest.raises(DataError, match=r"attempts: 1, question: 0\): each was ambiguous, .* 32 frames"):
        produce(Job(settings(), "direction", 0))


@pytest.mark.parametrize(
    ("kind", "scene", "advice"),
    [
        ("rotation", {"duration_scale": 0.1}, r"duration_scale=1\.0"),
        ("collision_count", {"duration_scale": 0.1}, r"duration_scale=1\.0"),
        ("card_stack", {"reveal_seconds": 10.0}, r"reveal_seconds=2\.0; viewed_frames=64"),
        ("chip_cups", {"operation_seconds": (0.2, 0.2)}, r"operation_seconds=\[0\.5, 1\.0\]"),
        ("shell_game", {"viewed_frames": 8}, r"this mends it: viewed_frames=32"),
        (
            "file_system",
            {"operations": 30, "viewed_frames": 512},
            r"23 at most.* this mends it: operations=16",
        ),
    ],
)
def test_the_settings_that_would_do_are_told(kind: str, scene: dict[str, Any], advice: str) -> None:
    with pytest.raises(DataError, match=advice):
        produce(Job(settings(scene=SceneSettings(size=64, **scene)), kind, 0))


def test_reversed_pairs_show_the_same_frames_backwards(tmp_path: Path) -> None:
    write(tmp_path / "data", settings(per_task=4))
    folder = tmp_path / "data"
    for turn in range(4):
        name = f"direction-{turn:05d}"
        if read_metadata(folder, f"{name}-0")["counterfactual"] != "reverse":
            continue
        one, two = (decode(folder / "videos" / f"{name}-{side}.mp4", 8).pixels_TCHW for side in (0, 1))
        assert abs(one.astype(float) - two[::-1]).mean() < 2.0
        return
    pytest.fail("none of four pairs was reversed")


def test_damaged_metadata_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    write(tmp_path / "data")
    path = tmp_path / "data" / "metadata" / "direction-00000-0.json"
    path.write_text(json.dumps({"format": 0}))
    with pytest.raises(DataError, match="not the metadata of a temporal video"):
        read_metadata(tmp_path / "data", "direction-00000-0")
    shutil.rmtree(tmp_path / "data" / "metadata")
    with pytest.raises(DataError, match="cannot be read"):
        read_metadata(tmp_path / "data", "direction-00000-0")
