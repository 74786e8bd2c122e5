"""Scores by source and label, by a benchmark's own rules beside ours, and identities that hold for all answers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from retroflip.bench.benchmarks import tempcompass
from retroflip.bench.parts import MOST, parts_of
from retroflip.bench.questions import bench_questions
from retroflip.bench.records import AnswerRecord, Control, answer_record, append_answers, failed_record
from retroflip.bench.score import score_records, score_run
from retroflip.cli.app import app
from retroflip.data.sample import ProblemType, Sample, option_letter
from retroflip.files.seals import SEAL
from retroflip.files.storage import write_json_atomic
from small_benchmark import write_tempcompass

FEW = 20
"""resamples: what is tested here is not the interval"""


def sample(pair: int, side: int, options: int = 2, **changes: Any) -> Sample:
    return Sample(
        id=f"p{pair}-{side}",
        video=f"{pair}-{side}.mp4",
        question="Which way?",
        options=tuple(f"way {number}" for number in range(options)),
        solution=option_letter(side),
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source_clip=f"clip{pair}",
        pair=f"p{pair}",
        side=side,
    ).model_copy(update=changes)


def answered(pair: int, letters: str, **changes: Any) -> list[AnswerRecord]:
    """Return the two answers of a pair, "?" for one from which nothing can be read."""
    said = ["I cannot say" if letter == "?" else rf"\boxed{{{letter}}}" for letter in letters]
    return [
        answer_record(sample(pair, side, **changes), response, Control.FULL)
        for side, response in enumerate(said)
    ]


class TestParts:
    def test_by_hand(self) -> None:
        records = [
            *answered(0, "AB", source="got10k", labels={"axis": "flip"}),
            *answered(1, "AA", source="got10k", labels={"axis": "reversal"}),
            *answered(2, "A?", source="clevrer", labels={"axis": "flip"}),
        ]
        parts = score_records(records, resamples=FEW)["parts"]
        assert list(parts) == ["source", "axis"]
        got10k, clevrer = parts["source"]["got10k"], parts["source"]["clevrer"]
        assert (got10k["acc"], got10k["p_acc"], got10k["n_answers"], got10k["n_pairs"]) == (0.75, 0.5, 4, 2)
        assert (clevrer["p_acc"], clevrer["unparsed_rate"]) == (0.0, 0.5)
        assert clevrer["p_acc_wilson"] is not None
        assert clevrer["p_acc_ci"] is not None
        assert parts["axis"]["flip"]["p_acc"] == 0.5
        assert parts["axis"]["reversal"]["same_answer_rate"] == 1.0

    def test_the_terminal_shows_those_that_say_more_than_the_tasks(self, tmp_path: Path) -> None:
        records = [
            *answered(0, "AB", task="x", source="s/x", labels={"axis": "flip"}),
            *answered(1, "AA", task="y", source="s/y", labels={"axis": "flip"}),
        ]
        append_answers(tmp_path / "answers.jsonl", records)
        shown = CliRunner().invoke(app, ["score", str(tmp_path)]).stdout
        assert f"{tmp_path.name} by axis" in shown
        assert "by source" not in shown
        assert "Were all answers independent (Wilson): Acc [30.1, 95.4], P-Acc [9.5, 90.5]." in shown
        assert "Letters chosen: A 3 (2 right), B 1 (2 right); bias 25.0." in shown
        assert "Always A: Acc 50.0, P-Acc 0.0." in shown

    def test_a_label_that_takes_pairs_apart_or_tells_questions_apart_is_no_part(self) -> None:
        sides = [one for pair in range(2) for one in answered(pair, "AB")]
        by_side = [replace(one, labels={"side": str(one.side)}) for one in sides]
        assert parts_of(by_side) == {}
        each = [
            replace(one, labels={"id": str(pair)}) for pair in range(MOST + 1) for one in answered(pair, "AB")
        ]
        assert parts_of(each) == {}
        assert list(parts_of(each[: 2 * MOST])) == ["id"]

    def test_answers_of_earlier_versions_have_none(self, tmp_path: Path) -> None:
        append_answers(tmp_path / "answers.jsonl", answered(0, "AB"))
        rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
        for row in rows:
            del row["source"], row["labels"], row[SEAL]
        (tmp_path / "answers.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        assert score_run(tmp_path)["parts"] == {}


LETTERS = st.sampled_from("AB")


@given(st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=12))
def test_with_two_options_and_all_parsed_accuracy_is_pairs_and_half_of_the_same(
    pairs: list[tuple[str, str]],
) -> None:
    records = [one for pair, letters in enumerate(pairs) for one in answered(pair, "".join(letters))]
    found = score_records(records, resamples=FEW)
    assert found["acc"] == pytest.approx(found["p_acc"] + found["same_answer_rate"] / 2)
    assert sum(found["outcomes"].values()) == found["n_pairs"] == len(pairs)
    assert found["outcomes"]["swapped"] / len(pairs) == pytest.approx(
        1 - found["p_acc"] - found["same_answer_rate"]
    )


@given(st.lists(st.text("ABC?", min_size=2, max_size=2), min_size=1, max_size=12))
def test_no_pair_beats_its_sides_and_every_outcome_is_counted_once(pairs: list[str]) -> None:
    records = [one for pair, letters in enumerate(pairs) for one in answered(pair, letters, options=3)]
    found = score_records(records, resamples=FEW)
    rounding = 1e-12
    assert found["p_acc"] - rounding <= found["acc"] <= (1 + found["p_acc"]) / 2 + rounding
    assert sum(found["outcomes"].values()) == len(pairs)
    assert found["outcomes"]["unparsed"] == sum("?" in letters for letters in pairs)


class TestTraps:
    def test_26_options(self) -> None:
        last = sample(0, 0, options=26).model_copy(update={"solution": "Z"})
        assert answer_record(last, r"\boxed{Z}", Control.FULL).correct
        assert answer_record(last, "Z", Control.FULL).correct
        assert not answer_record(last, r"\boxed{A}", Control.FULL).correct
        records = [*answered(1, "AB", options=26), answer_record(last, "Z", Control.FULL)]
        assert score_records(records, resamples=FEW)["chance"]["acc"] == pytest.approx(1 / 26)

    @pytest.mark.parametrize(
        "response", ["", " \n\t", "\x00", "?" * 2_000_000, "(" * 20_000, "A B " * 50_000]
    )
    def test_empty_and_huge_answers_are_unparsed_and_wrong(self, response: str, tmp_path: Path) -> None:
        records = [answer_record(sample(0, 0), response, Control.FULL), *answered(0, "AB")[1:]]
        append_answers(tmp_path / "answers.jsonl", records)
        found = score_run(tmp_path)
        assert (found["acc"], found["p_acc"], found["unparsed_rate"]) == (0.5, 0.0, 0.5)
        assert found["outcomes"]["unparsed"] == 1

    def test_a_missing_side_is_wrong(self) -> None:
        found = score_records([*answered(0, "AB"), *answered(1, "AB")[:1]], resamples=FEW)
        assert (found["p_acc"], found["n_pairs"], found["n_incomplete_pairs"]) == (0.5, 2, 1)


RUN = {"schema": 2, "kind": "answers", "bench": "tempcompass", "settings": {}}


class TestOfficial:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return write_tempcompass(tmp_path / "tempcompass")

    def folder(self, root: Path, said: list[str | None], where: str = "") -> Path:
        """Write a folder of answers to both questions about the clip, and then about its reverse."""
        out = root.parent / "answers"
        out.mkdir()
        samples = bench_questions("tempcompass", root).dataset.samples
        write_json_atomic(out / "run.json", {**RUN, "root": where or str(root)})
        append_answers(
            out / "answers.jsonl",
            [
                failed_record(one, Control.FULL, "down")
                if response is None
                else answer_record(one, response, Control.FULL)
                for one, response in zip(samples, said, strict=True)
            ],
        )
        return out

    def test_it_stands_beside_ours(self, root: Path) -> None:
        """multi-choice right by both, and a sentence that the official rules do not match; yes_no by the first word."""
        out = self.folder(root, ["A. to the right", "The answer is (B).", "Yes, it does.", "Nothing goes."])
        found = score_run(out)
        assert (found["official"]["acc"], found["official"]["ungraded"]) == (75.0, 1)
        assert found["acc"] == 0.75
        assert found["unparsed"] == 1
        assert found["disagreements"] == {"right by ours alone": 1, "right by the official alone": 1}
        shown = CliRunner().invoke(app, ["score", str(out)])
        assert "official" in shown.stdout
        assert "1 without an official grade" in shown.stdout

    def test_a_question_that_failed_is_wrong_by_both(self, root: Path) -> None:
        found = score_run(self.folder(root, ["A", None, "yes", "no"]))
        assert (found["official"]["acc"], found["acc"], found["unparsed"], found["n_failed"]) == (
            75.0,
            0.75,
            0,
            1,
        )

    def test_files_that_are_elsewhere_now_are_named(self, root: Path) -> None:
        out = self.folder(root, ["A", "B", "yes", "no"], where="/nowhere")
        found = score_run(out)
        assert found["official"] is None
        assert "--root" in found["official_fault"]
        assert "--root" in CliRunner().invoke(app, ["score", str(out)]).stdout
        there = json.loads(CliRunner().invoke(app, ["score", str(out), "--root", str(root), "--json"]).stdout)
        assert there["official"]["acc"] == 100.0

    def test_a_benchmarks_own_labels_are_read(self, root: Path) -> None:
        """'Option 1' is A where captions are matched, which our reader alone does not know."""
        question = "Which sentence fits the video?\nOption 1: It opens.\nOption 2: It closes."
        rows = {"1": {"direction": [{"question": question, "answer": "Option 1: It opens."}]}}
        for name in ("multi-choice", "yes_no"):
            (root / "questions" / f"{name}.json").unlink()
        (root / "questions" / "caption_matching.json").write_text(json.dumps(rows))
        assert [one.name for one in (tempcompass.BENCHMARK,)] == ["tempcompass"]
        found = score_run(self.folder(root, ["Option 1"]))
        assert (found["official"]["acc"], found["acc"], found["unparsed"]) == (100.0, 1.0, 0)
