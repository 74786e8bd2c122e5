"""Answers in benchmarks' own forms: which row is to which question, what is missing, and what is none."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from retroflip.bench.benchmarks.base import Item
from retroflip.bench.benchmarks.choices import choice
from retroflip.bench.benchmarks.own_form import Form, Row, joined, recorder, records, said
from retroflip.bench.benchmarks.published import is_one_object
from retroflip.errors import DataError


def item(number: int, video: str) -> Item:
    return Item(
        choice(f"q{number}", f"{video}.mp4", f"Which {number}?", ("left", "right"), "A"), f"Which {number}?"
    )


ITEMS = [item(0, "a"), item(1, "b"), item(2, "b")]


def lines(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def identity(row: Row) -> str | None:
    return row.get("id")


def test_what_was_not_answered_has_no_answer_and_other_parts_are_left_out() -> None:
    rows = [{"id": "q2", "response": "B"}]
    found = joined(ITEMS, Path("x"), rows, identity, lambda one: one.sample.video)
    assert [(one.item.sample.id, one.response) for one in found] == [("q1", None), ("q2", "B")]
    assert [one.response for one in joined(ITEMS, Path("x"), rows, identity)] == [None, None, "B"]


def test_an_answer_without_its_question_is_no_guess() -> None:
    with pytest.raises(DataError, match="names no question"):
        joined(ITEMS, Path("x"), [{"response": "A"}], identity)
    with pytest.raises(DataError, match="an answer is to 'q9', and must be to one of the 3"):
        joined(ITEMS, Path("x"), [{"id": "q9", "response": "A"}], identity)


def test_forms_of_files(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    about = {"final_acc": [{"mean_acc": 1.0}]}
    path.write_text(json.dumps({"results": [{"output": "A"}, {"output": "B"}], **about}, indent=1))
    assert [said(row) for row in records(path)] == ["A", "B"]
    path.write_text(json.dumps({"1": "A", "2": "B"}))
    assert records(path) == [{"1": "A", "2": "B"}]
    path.write_text('{"a": 1}\n{"a": 2}\n')
    assert records(path) == [{"a": 1}, {"a": 2}]
    path.write_text(json.dumps([{"a": 1}]))
    assert records(path) == [{"a": 1}]
    path.write_text(json.dumps({"results": ["A"]}))
    with pytest.raises(DataError, match="are no records"):
        records(path)
    path.write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        records(path)
    with pytest.raises(DataError, match="cannot be read"):
        records(tmp_path / "missing")


def test_records_under_results_are_read_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    wordy = {"id": "q0", "response": "A", "trace": "x" * 300_000}
    path.write_text(json.dumps({"model": "m", "results": [wordy] * 60, "final_acc": 1}, ensure_ascii=False))
    tracemalloc.start()
    found = records(path)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [wordy] * 60
    assert peak - held < path.stat().st_size / 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"results": [{"id": "q0"}, {"id": ', "r.json: .*cannot be read to its end"),
        ('{"results": [{"id": "q0"}, {"id": 1, "id": 2}]}', "r.json: .*'id' stands twice"),
        ('{"results": [{"id": "q0"}, 3]}', "are no records"),
        ('{"results": [{"id": "q0"}, null]}', "are no records"),
        ('{"results": [{"id": "q0"}]', "does not end with '}'"),
    ],
)
def test_a_file_of_results_that_breaks_off_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        records(path)


def test_results_that_are_none_or_no_list(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    for value, expected in (({"results": []}, []), ({"results": {"q0": "A"}}, [{"results": {"q0": "A"}}])):
        path.write_text(json.dumps(value))
        assert records(path) == expected


def test_what_a_model_said() -> None:
    assert said({"resps": [["<think>x</think>B"]]}) == "<think>x</think>B"
    assert said({"prediction": 3}) == "3"
    assert said({"response": "", "prediction": "A"}) == ""
    assert said({"response": "[LMMS_EVAL_REQUEST_FAILED after 3 retries] D"}) is None
    assert said({"answer": "A"}) is None


def test_the_reader_grades_keeps_grades_of_judges_and_counts_repeats(tmp_path: Path) -> None:
    form = Form(identity, judged=lambda _, row: row.get("mark"), kept=lambda row: row["id"] != "open")
    read = recorder(lambda _: ITEMS, lambda one, text: float(text == one.sample.solution), form)
    rows = (
        {"id": "q0", "response": "B", "mark": 0.5},
        {"id": "q0", "response": "A"},
        {"id": "open", "response": "A"},
    )
    found = read(tmp_path, lines(tmp_path, *rows))
    assert [(one.item.sample.id, one.response, one.official) for one in found] == [
        ("q0", "B", 0.5), ("q0", "A", 1.0), ("q1", None, 0.0), ("q2", None, 0.0),
    ]  # fmt: skip
    with pytest.raises(DataError, match="no answer to a question under --root is in it"):
        read(tmp_path, lines(tmp_path, rows[2]))


def test_samples_of_lmms_eval_are_told_by_their_words(tmp_path: Path) -> None:
    read = recorder(lambda _: ITEMS, lambda one, text: float(text == one.sample.solution), Form(identity))
    rows = [
        {"doc_id": n, "input": f"Which {n}? left right", "target": "A", "filtered_resps": "A"}
        for n in range(3)
    ]
    assert [one.official for one in read(tmp_path, lines(tmp_path, *rows))] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ('{"a": 1}', True),
        ('\n{"a": 1}\n', True),
        ('{\n"a": {"b": 1}\n}\n', True),
        ('{"a": 1}  \n {"a": 2}', False),
        (f'{{"a": "{"x" * 2**20}"}}{" " * 2**20}\r\n{{"a": 2}}', False),
        (f'{{"a": "{"x" * 2**21}",\n{{', True),
        ('[{"a": 1}]', False),
    ],
)
def test_one_object_is_told_from_lines(tmp_path: Path, text: str, is_one: bool) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    assert is_one_object(path) is is_one
