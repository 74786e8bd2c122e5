"""Foreign data files: read by a column map from JSON, CSV and Parquet, without code; bad maps are named."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from retroflip.cli.app import app
from retroflip.data import records
from retroflip.data.columns import TARGETS, Columns
from retroflip.data.records import read_records, read_samples, survey_records
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError, RecipeError
from retroflip.jobs.recipes import load_recipe

COLUMNS: dict[str, str | tuple[str, ...]] = {
    "problem": "q", "options": "choices", "solution": "label", "path": "clip", "problem_id": "key",
}  # fmt: skip
FOREIGN = [
    {"key": "a1", "q": "Which way?", "choices": ["left", "right"], "label": "B", "clip": "v/a.mp4"},
    {"key": "a2", "q": "How many?", "choices": ["one", "two", "three"], "label": "three", "clip": "v/b.mp4"},
]
READ = [("a1", "Which way?", ("left", "right"), "B", "v/a.mp4"),
        ("a2", "How many?", ("one", "two", "three"), "C", "v/b.mp4")]  # fmt: skip


def as_json(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def as_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in rows), encoding="utf-8")


def as_csv(path: Path, rows: list[dict[str, Any]], cell: Any = json.dumps, delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(rows[0])
        writer.writerows(
            [cell(value) if isinstance(value, list | dict) else value for value in record.values()]
            for record in rows
        )


def as_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def told(samples: list[Sample]) -> list[tuple[Any, ...]]:
    return [(one.id, one.question, one.options, one.solution, one.video) for one in samples]


def test_every_key_that_is_read_can_be_mapped() -> None:
    assert {*records._READ_KEYS, "start", "end"} == {*TARGETS} - {"solution_index"}


@pytest.mark.parametrize("write", [as_json, as_lines, as_csv, as_parquet])
def test_a_foreign_file_is_read_in_every_form(tmp_path: Path, write: Any) -> None:
    """The name says nothing of the form."""
    write(tmp_path / "data.txt", FOREIGN)
    samples = read_samples(tmp_path / "data.txt", columns=COLUMNS)
    assert told(samples) == READ
    assert {sample.problem_type for sample in samples} == {ProblemType.MULTIPLE_CHOICE}


@pytest.mark.parametrize(("cell", "delimiter"), [(json.dumps, ";"), (repr, "\t"), (repr, ",")])
def test_tables_of_other_tools(tmp_path: Path, cell: Any, delimiter: str) -> None:
    """pandas writes lists as Python does, spreadsheets separate by semicolons or tabs."""
    as_csv(tmp_path / "data.csv", FOREIGN, cell, delimiter)
    assert told(read_samples(tmp_path / "data.csv", columns=COLUMNS)) == READ


def test_a_table_with_our_own_keys_needs_no_map(tmp_path: Path) -> None:
    record = {"problem": 'He says "how many, then?"\nHow many?', "problem_type": "numerical", "solution": "3",
              "path": "v.mp4", "start": "1.5", "options": "", "data_type": ""}  # fmt: skip
    as_csv(tmp_path / "data.csv", [record])
    (sample,) = read_samples(tmp_path / "data.csv")
    assert (sample.question, sample.solution, sample.start) == (record["problem"], "3", 1.5)


def one(record: dict[str, Any], folder: Path, **columns: str | tuple[str, ...]) -> Sample:
    as_json(folder / "data.json", [record])
    (sample,) = read_samples(folder / "data.json", columns=columns)
    return sample


BASE = {"problem": "Which?", "path": "v.mp4"}


def test_options_in_other_forms(tmp_path: Path) -> None:
    several = one(
        {**BASE, "a": "left", "b": "right", "c": None, "solution": "B"}, tmp_path, options=("a", "b", "c")
    )
    assert (several.options, several.solution) == (("left", "right"), "B")
    with pytest.raises(DataError, match="its column 'b' is empty and 'c' is not"):
        one({**BASE, "a": "left", "b": None, "c": "up", "solution": "B"}, tmp_path, options=("a", "b", "c"))
    by_letter = one({**BASE, "o": {"A": "left", "B": "right"}, "solution": "right"}, tmp_path, options="o")
    assert (by_letter.options, by_letter.solution) == (("left", "right"), "B")
    as_text = one({**BASE, "o": '["left", "right"]', "solution": "A"}, tmp_path, options="o")
    assert as_text.options == ("left", "right")


def test_a_right_option_that_is_counted_from_0(tmp_path: Path) -> None:
    record = {**BASE, "options": ["2", "1", "0"], "gt": 0}
    assert one(record, tmp_path, solution_index="gt").solution == "A"
    gap = {**BASE, "options": ["A. left", "C. right", "D. up"], "gt": 1}
    assert one(gap, tmp_path, solution_index="gt").solution == "C"
    assert one({**record, "gt": "1.0"}, tmp_path, solution_index="gt").solution == "B"
    for wrong in (3, -1, 0.5, "0.5", "nan", "inf", "B", None, True):
        with pytest.raises(DataError, match="whole number from 0 to 2"):
            one({**record, "gt": wrong}, tmp_path, solution_index="gt")
    with pytest.raises(DataError, match="mapped as solution_index"):
        one({**BASE, "options": ["left", "right"], "gt": 0}, tmp_path, solution="gt")


def test_the_same_for_all_records(tmp_path: Path) -> None:
    sample = one({**BASE, "answer": 4}, tmp_path, solution="answer", problem_type="=numerical")
    assert (sample.problem_type, sample.solution) == (ProblemType.NUMERICAL, "4")


def test_two_columns_can_swap_their_names(tmp_path: Path) -> None:
    sample = one({"problem": "4", "solution": "How many?", "path": ["v.mp4"]}, tmp_path, problem="solution",
                 solution="problem", problem_type="=numerical")  # fmt: skip
    assert (sample.question, sample.solution, sample.video) == ("How many?", "4", "v.mp4")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"question": "q"}, "'question', which is nothing that is read"),
        ({"optoins": "choices"}, "Did you mean options"),
        ({"problem": "qq"}, "reads problem from 'qq', and no record has that. Did you mean q"),
        ({"solution": ("q", "label")}, "only options have several"),
        ({"solution": "label", "solution_index": "label"}, "Keep one"),
        ({"options": ()}, "names no column for 'options'"),
        ({"problem": ""}, "names no column for 'problem'"),
    ],
)
def test_bad_maps_are_named(tmp_path: Path, columns: Columns, said: str) -> None:
    as_json(tmp_path / "data.json", FOREIGN)
    with pytest.raises(DataError, match=said):
        survey_records(tmp_path / "data.json", columns=columns)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "q,label\nWhy?,A\nWhy, then?,B\n",
            "line 3, row 2: it has 3 cells, and the first line names 2 columns",
        ),
        ('q,label\n"a\nb",A\nx\n', "line 4, row 2: it has 1 cells"),
        ('q,label\n"open,A\n', "not a table"),
        ("q,q\n1,2\n", "two columns are called 'q'"),
        ("problem,label\nWhy?,A\n", "line 2, row 1: 'problem_type', 'solution', 'path' are missing"),
        (
            "q,,label\nWhy?,x,A\n",
            "line 1: column 2 of 3 has no name. The first line of a table names its columns",
        ),
        (
            ",q,label\nx,Why?,A\n",
            "line 1: the first column has no name, and 'x' in it is no number of the row",
        ),
        (",,q\n0,0,Why?\n", "line 1: column 2 of 3 has no name"),
        ('"q""",label\nWhy?\n', "line 2, row 1: it has 1 cells, and the first line names 2 columns"),
        ('{q},"open\n', "not a table"),
        ("problem\nWhy?\n", "line 2, row 1: 'problem_type', 'solution', 'path' are missing"),
    ],
)
def test_faults_of_tables_are_named_by_their_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "data.csv").write_text(content)
    try:
        read = survey_records(tmp_path / "data.csv")
        found = " ".join(f"{fault.spot}: {fault.error}" for fault in read.faults)
    except DataError as error:
        found = str(error)
    assert said in found


def test_the_numbers_that_pandas_writes_before_rows_are_passed_over(tmp_path: Path) -> None:
    mapped: Columns = {"problem": "q", "options": ("a", "b"), "solution_index": "ans", "path": "=v.mp4"}
    plain, numbered = tmp_path / "plain.csv", tmp_path / "numbered"
    plain.write_text("q,a,b,ans\nWhy?,x,y,1.0\nHow?,x,y,0.0\n")
    numbered.write_text(",q,a,b,ans\n0,Why?,x,y,1.0\n7,How?,x,y,0.0\n")
    read = read_records(numbered, columns=mapped)
    assert [one.solution for one in read.samples] == ["B", "A"]
    assert told(read.samples) == told(read_samples(plain, columns=mapped))
    assert read.note == "The first column has no name and numbers the rows: it is passed over."


def test_names_of_columns_may_hold_brackets_and_colons(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("problem: text,start [s],<clip>\nHow many?,1.5,v.mp4\n")
    columns = {"problem": "problem: text", "start": "start [s]", "path": "<clip>", "solution": "=3"}
    (sample,) = read_samples(path, columns={**columns, "problem_type": "=numerical"})
    assert (sample.question, sample.start, sample.video) == ("How many?", 1.5, "v.mp4")


@pytest.mark.parametrize("head", ["q", "[q]", '"q"', "\n\nq", "q: text"])
def test_a_table_of_one_column_is_told_by_its_files_name(tmp_path: Path, head: str) -> None:
    path = tmp_path / "data.CSV"
    path.write_text(f"{head}\nHow many?\n")
    columns = {"problem": head.strip().strip('"'), "solution": "=3", "path": "=v.mp4"}
    (sample,) = read_samples(path, columns={**columns, "problem_type": "=numerical"})
    assert sample.question == "How many?"


@pytest.mark.parametrize(
    "content", ['[{"problem": 1,\n', "{'problem': 1, 'path': 2}\n", "[1, 2]\n", "[\n  {}, 3\n"]
)
def test_what_begins_as_json_is_json_whatever_its_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(content)
    with pytest.raises(DataError, match="JSON"):
        read_samples(path)


def test_pictures_in_a_parquet_file_are_passed_over(tmp_path: Path) -> None:
    image = {"bytes": b"\x89PNG", "path": "x.png"}
    as_parquet(tmp_path / "x", [{**FOREIGN[0], "image": image, "seconds": np.float32(2.5), "raw": b"x"}])
    assert told(read_samples(tmp_path / "x", columns=COLUMNS)) == READ[:1]
    with pytest.raises(DataError, match="The file's own: key, q, choices, label, clip, seconds"):
        read_samples(tmp_path / "x", columns={"path": "image"})


def test_a_key_that_is_read_by_the_map_is_not_said_to_be_passed_over(tmp_path: Path) -> None:
    rows = [{"q": "Which?", "options": ["left", "right"], "solution": "A", "clip": "v.mp4", "segment": "1"}]
    as_json(tmp_path / "x", rows)
    read = survey_records(tmp_path / "x", columns={"problem": "q", "path": "clip"})
    assert read.passed_over == {"segment": 1}


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    as_parquet(tmp_path / "x", FOREIGN)
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="this Parquet file cannot be read"):
        read_samples(tmp_path / "x")


def test_validate_reads_by_a_map_and_says_how_where_there_is_none(tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    as_json(data, [{"question": "Which?", "candidates": ["left", "right"], "answer": "A", "video": "v.mp4"}])
    done = CliRunner().invoke(app, ["validate", "--data", str(data)])
    assert done.exit_code == 1
    advised = done.stdout.split("--columns '")[1].split("'")[0]
    assert advised == "{problem: question, solution: answer, path: video, options: candidates}"
    assert CliRunner().invoke(app, ["validate", "--data", str(data), "--columns", advised]).exit_code == 0
    single = [part for pair in ("problem=question", "solution=answer", "path=video", "options=candidates")
              for part in ("--columns", pair)]  # fmt: skip
    assert CliRunner().invoke(app, ["validate", "--data", str(data), *single]).exit_code == 0
    wrong = CliRunner().invoke(app, ["validate", "--data", str(data), "--columns", "problem=3"])
    assert wrong.exit_code == 2


def test_a_recipe_names_the_columns(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("extends: tiny/crpo\ndata: {records: d.json, columns: {problem: q, options: [a, b]}}\n")
    assert load_recipe(recipe).data.columns == {"problem": "q", "options": ("a", "b")}
    assert load_recipe(recipe, ["data.columns.path=clip"]).data.columns["path"] == "clip"
    recipe.write_text("extends: tiny/crpo\ndata: {records: d.json, columns: {optoins: a}}\n")
    with pytest.raises(RecipeError, match=r"data\.columns in .*'optoins'.*Did you mean options"):
        load_recipe(recipe)
