"""Denominators are the data's: what a stopped run never asked is wrong, and told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retroflip.bench.comparison import compare_runs
from retroflip.bench.controls import oracle_answers
from retroflip.bench.records import Control, append_answers
from retroflip.bench.score import counted_answers, score_run
from retroflip.bench.unanswered import unanswered
from retroflip.data.records import read_records
from retroflip.data.sample import Modality, Sample
from retroflip.files.storage import write_json_atomic, write_jsonl_atomic
from retroflip.report.load import load_run_directories


def row(pair: int, side: int) -> dict[str, Any]:
    return {
        "problem_id": f"{pair}-{side}",
        "problem": "Which way?",
        "problem_type": "multiple choice",
        "options": ["left", "right"],
        "solution": "AB"[side],
        "path": f"{pair}-{side}.mp4",
        "pair": f"p{pair}",
        "side": side,
        "source_clip": f"c{pair}",
    }


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    write_jsonl_atomic(tmp_path / "mine.jsonl", [row(pair, side) for pair in range(4) for side in range(2)])
    found: list[Sample] = []
    read_records(tmp_path / "mine.jsonl", (Modality.VIDEO,), {}, found.append)
    return found


def folder(tmp_path: Path, answered: list[Sample], **settings: Any) -> Path:
    out = tmp_path / "answers"
    out.mkdir()
    append_answers(out / "answers.jsonl", oracle_answers(answered))
    about = {"data": str(tmp_path / "mine.jsonl"), "root": str(tmp_path), "settings": {}}
    write_json_atomic(out / "run.json", {"schema": 2, "kind": "answers", **about, **settings})
    return out


def test_what_was_never_asked_is_wrong(tmp_path: Path, samples: list[Sample]) -> None:
    scores = score_run(folder(tmp_path, samples[:5]))
    assert (scores["n_answers"], scores["acc"], scores["unanswered"]) == (8, 5 / 8, {"oracle": 3})
    assert (scores["n_pairs"], scores["p_acc"], scores["n_incomplete_pairs"]) == (4, 2 / 4, 2)


def test_nothing_is_missing_where_all_was_asked(tmp_path: Path, samples: list[Sample]) -> None:
    scores = score_run(folder(tmp_path, samples))
    assert (scores["n_answers"], scores["acc"], scores["unanswered"]) == (8, 1.0, {})


@pytest.mark.parametrize("settings", [{"suite": "CRPO"}, {"data": "gone.jsonl"}, {"data": None}])
def test_of_a_part_and_of_questions_that_are_gone_nothing_is_known(
    tmp_path: Path, samples: list[Sample], settings: dict[str, Any]
) -> None:
    assert score_run(folder(tmp_path, samples[:5], **settings))["n_answers"] == 5


def test_other_questions_than_those_that_were_answered_say_nothing(
    tmp_path: Path, samples: list[Sample]
) -> None:
    other = [sample.model_copy(update={"id": f"other {sample.id}"}) for sample in samples[:2]]
    settings = {"data": str(tmp_path / "mine.jsonl"), "root": str(tmp_path)}
    assert unanswered(oracle_answers(other), settings, None) == []


def test_whatever_scores_a_folder_counts_the_same(tmp_path: Path, samples: list[Sample]) -> None:
    """The table of several models and a report have the numbers of `score`."""
    records = [replace(record, control=Control.FULL) for record in oracle_answers(samples[:4])]
    out = folder(tmp_path, [])
    append_answers(out / "answers.jsonl", records)
    scored = score_run(out)
    assert (scored["n_answers"], scored["p_acc"]) == (8, 2 / 4)
    compared = compare_runs({"mine": counted_answers(out).read})["scores"]["mine"]
    (reported,) = load_run_directories([out]).summary["methods"].values()
    for found in (compared, reported):
        assert (found["n_answers"], found["p_acc"]) == (8, 2 / 4)


def test_of_a_suite_those_that_it_wanted_are_missing(tmp_path: Path, samples: list[Sample]) -> None:
    out = folder(tmp_path, samples[:3], suite="CRPO")
    counted = counted_answers(out, wanted=lambda sample: sample.side == 0)
    assert [record.id for record in counted.missing] == []  # "0-1" was answered, and is none of the wanted
    counted = counted_answers(out, wanted=lambda sample: sample.pair in ("p0", "p1"))
    assert [record.id for record in counted.missing] == ["1-1"]
