"""One changed byte of a sealed file is noticed wherever it is, and files without seals are still read."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from retroflip.errors import DataError
from retroflip.files.seals import sealed, unsealed
from retroflip.files.storage import (
    append_jsonl,
    read_json_object,
    read_jsonl,
    write_json_atomic,
    write_jsonl_atomic,
)

ROWS: tuple[dict[str, Any], ...] = (
    {"step": 1, "loss": 1e-05, "text": 'é "\\boxed{A}"\n'},
    {"step": 2, "loss": None, "nested": {"b": [1, 2.5], "a": "deadbeefdeadbeef"}},
    {"step": 3, "loss": -0.0, "text": ""},
)


def changes(content: bytes) -> Iterator[bytes]:
    """Yield the content with each of its bytes changed: in one bit, to a line end, a quote and no letter."""
    for place, old in enumerate(content):
        for new in {old ^ 1, ord("\n"), ord('"'), 0xFF} - {old}:
            yield content[:place] + bytes([new]) + content[place + 1 :]


def test_every_changed_byte_of_rows_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for row in ROWS:
        append_jsonl(path, row)
    assert read_jsonl(path) == list(ROWS)
    content = path.read_bytes()
    for changed in changes(content):
        path.write_bytes(changed)
        with pytest.raises(DataError, match=r"rows\.jsonl, line [1-4]: damaged"):
            read_jsonl(path)


def test_every_changed_byte_of_an_object_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_json_atomic(path, {"rows": ROWS, "seed": 7})
    assert read_json_object(path) == {"rows": list(ROWS), "seed": 7}
    content = path.read_bytes()
    for changed in changes(content):
        path.write_bytes(changed)
        with pytest.raises(DataError, match=r"run\.json: damaged"):
            read_json_object(path)


def test_nothing_is_added_behind_a_damaged_line_end(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    append_jsonl(path, ROWS[0])
    path.write_bytes(path.read_bytes()[:-1] + b",")
    with pytest.raises(DataError, match="line 1: damaged"):
        append_jsonl(path, ROWS[1])


@pytest.mark.parametrize(
    "torn", [b"", b'{"step": 9', b'{"step": 9, "loss": 1.0}', b'{"st\0\0\0\0', b"\0\0\0"]
)
def test_what_a_kill_leaves_is_no_damage(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    append_jsonl(path, ROWS[0])
    path.write_bytes(path.read_bytes() + torn)
    assert read_jsonl(path) == [ROWS[0]]
    append_jsonl(path, ROWS[1])
    assert read_jsonl(path) == list(ROWS[:2])


@pytest.mark.parametrize("write", [json.dumps, lambda row: json.dumps(row, separators=(",", ":"))])
def test_rows_and_objects_without_a_seal_are_read(tmp_path: Path, write: Callable[[Any], str]) -> None:
    path = tmp_path / "old"
    path.write_text("".join(write(row) + "\n" for row in ROWS))
    assert read_jsonl(path) == list(ROWS)
    path.write_text(write(ROWS[1]))
    assert read_json_object(path) == ROWS[1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'{"a": "\ud800"}', {"a": "\ud800"}),
        (r'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}),
        ('{"a": NaN, "b": -0.0, "c": 1e400}', {"a": math.nan, "b": -0.0, "c": math.inf}),
        (
            '{"a": 1, "b": 2, "a": 123456789012345678901234567890}',
            {"a": 123456789012345678901234567890, "b": 2},
        ),
        ('{"a": ' + "[" * 300 + "]" * 300 + "}", None),
        ("{}", {}),
    ],
)
def test_all_that_json_reads_is_read_as_it_does(text: str, value: dict[str, Any] | None) -> None:
    read = unsealed(text, None)
    assert repr(read) == repr(json.loads(text))
    assert value is None or repr(read) == repr(value)


@pytest.mark.parametrize("text", ["", '{"a": 1,}', '{"a": 01}', '{"a": "\t"}', "{'a': 1}", '{"a": 1} {}'])
def test_what_is_no_json_is_named_in_the_words_of_json(text: str) -> None:
    with pytest.raises(ValueError, match="it is not JSON") as refused:
        unsealed(text, None)
    with pytest.raises(json.JSONDecodeError) as known:
        json.loads(text)
    assert str(refused.value) == f"it is not JSON ({known.value})"


EARLIER = (
    ('{"a": 1, "t": "é", "check": "2d3abc0d49d33c7f"}', {"a": 1, "t": "é"}, None),
    (
        '{\n  "b": [\n    1,\n    {\n      "c": 2.5\n    }\n  ],\n  "a": null,\n  "check": "428db8e55bde0426"\n}',
        {"b": [1, {"c": 2.5}], "a": None},
        2,
    ),
)
"""as earlier versions sealed them"""


@pytest.mark.parametrize(("text", "value", "indent"), EARLIER)
def test_seals_of_earlier_versions_hold(text: str, value: dict[str, Any], indent: int | None) -> None:
    assert unsealed(text, indent) == value
    for changed in changes(text.encode()):
        with pytest.raises(ValueError, match=r"fit the hash|not JSON|is a hash|expected|codec"):
            unsealed(changed.decode(), indent)


def test_an_entry_of_the_seals_own_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for its seal"):
        sealed({"check": "mine", "a": 1}, None)


def test_rows_for_other_programs_have_no_seal(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_jsonl_atomic(path, ROWS, seal=False)
    assert [json.loads(line) for line in path.read_text().splitlines()] == list(ROWS)
