"""YAML as recipes hold it: scalars that mean what they look like, and texts that would never end refused at once."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from retroflip.errors import RecipeError
from retroflip.recipes.reading import MAX_BYTES, dumped, parse_override, read_mapping

BOMB = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)
LAUGHS = "a: &a [x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


def read(text: str) -> Any:
    return parse_override(f"x={text}")[1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5), ("1E5", 1e5), ("+1.5e-3", 1.5e-3), (".5", 0.5), ("1.", 1.0), ("-0.0", 0.0),
        ("8", 8), ("08", 8), ("010", 10), ("-3", -3), ("0x1f", 31),
        ("true", True), ("False", False), ("on", "on"), ("off", "off"), ("yes", "yes"), ("No", "No"), ("y", "y"),
        ("null", None), ("~", None), ("", None), ("none", "none"),
        ("2026-11-29", "2026-11-29"), ("2026-13-45", "2026-13-45"), ("1:30", "1:30"), ("12:30:45.5", "12:30:45.5"),
        ("1_000", "1_000"), ("0o17", "0o17"), ("0b1", "0b1"), ("=", "="), ("'1e-5'", "1e-5"), ('"on"', "on"),
        (".inf", float("inf")), ("-.INF", float("-inf")), ("1e400", float("inf")),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = read(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_read_as_that() -> None:
    assert read(".nan") != read(".nan")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOMB, "more than 20000 values, counting what aliases stand for"),
        (LAUGHS, "more than 20000 values, counting what aliases stand for"),
        ("a: &a [*a]", r"the alias \*a stands in itself"),
        ("a: &a {<<: *a}", r"the alias \*a stands in itself"),
        ("a: *b", "undefined alias"),
        ("[" * 100_000, "nested more than 32 deep"),
        ("a: " + "{b: " * 33, "nested more than 32 deep"),
        ("- " * 100_000, "nested more than 32 deep"),
        ("".join(f"{' ' * depth}k:\n" for depth in range(400)), "nested more than 32 deep"),
        ("a: [" + "1," * 50_000 + "1]", "more than 20000 values"),
        ("a: " + "9" * 6000, "a number of 6000 digits"),
        ("a: !!python/object/apply:os.system [ls]", "the tag tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: !!int x", "the tag tag:yaml.org,2002:int"),
        ("a: !mine x", "the tag !mine"),
        ("a: 1\na: 2", "line 2: not valid YAML: the key 'a' is given twice"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a: \x07", "unacceptable character"),
        ("a: [1", "line 1"),
        ("? [a]\n: b", "unhashable key"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_paragraph_at_once(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(RecipeError, match=problem) as raised:
        read_mapping(path)
    assert time.process_time() - began < 5
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.yaml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(RecipeError, match="it is no recipe"):
        read_mapping(path)


def test_anchors_and_merges_of_an_ordinary_size_work() -> None:
    text = "{base: &base {a: 1, b: 2}, one: {<<: *base, b: 3}, two: [*base, *base]}"
    base = {"a": 1, "b": 2}
    assert read(text) == {"base": base, "one": {"a": 1, "b": 3}, "two": [base, base]}


def test_an_override_that_is_no_override_is_named_in_short() -> None:
    with pytest.raises(RecipeError) as raised:
        parse_override("x" * 10_000)
    assert len(str(raised.value)) < 300


SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False)
TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"])) | st.sampled_from(
    [
        "08",
        "010",
        "1e5",
        "on",
        "off",
        "No",
        "2026-11-29",
        "1:30",
        "1_000",
        "0o17",
        "0x1f",
        ".inf",
        "~",
        "=",
        "<<",
        "-",
        "1.",
    ]
)


@given(st.dictionaries(TEXTS, SCALARS | TEXTS | st.lists(TEXTS | SCALARS), max_size=5))
def test_what_is_written_is_read_as_it_was(values: dict[str, Any]) -> None:
    assert read(dumped(values)) == values
    assert yaml.safe_load(dumped({"x": "08"})) == {"x": "08"}
