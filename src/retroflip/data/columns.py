"""A column map: which of a foreign file's keys say what, so that it is read without code.

`{problem: q, options: choices, solution: label, path: clip}` has the question read from the key "q", and so on. Keys
that are not mapped are read under their own names. Beside a key's name there may stand

- a list of keys for `options`, one an option: `options: [option_a, option_b]`;
- a text behind "=", the same for all records: `problem_type: =numerical`;
- the target `solution_index`, for files that count the right option from 0.

A record with options and no `problem_type` is multiple choice. Options may be a list, a mapping of letters, or either
of them as text, and a path may be the only one of a list.
"""

import ast
import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from retroflip.data import labels
from retroflip.data.sample import ProblemType, lettered
from retroflip.errors import DataError

Columns: TypeAlias = Mapping[str, str | tuple[str, ...]]
TARGETS = (
    "problem", "problem_type", "options", "solution", "solution_index", "path", "media", "problem_id", "data_type",
    "data_source", "process", "start", "end", "task", "task_type", "source_clip", "pair", "side", "labels",
    "group", "cell", "counterfactual_solution", "routing", "pass_rate", "licence",
)  # fmt: skip
"""what can be mapped: the keys of a record, and the right option's number"""
_SHOWN = 20
_CONSTANT = "="
_LONGEST_LIST = 2**16
"""characters of a list that stands as text"""


def check_columns(columns: Columns) -> None:
    """Raise DataError for a map that maps something that is not read, or that contradicts itself."""
    for target, source in columns.items():
        if target not in TARGETS:
            raise DataError(
                f"the column map has {target!r}, which is nothing that is read.{_nearest(target, TARGETS)} Read are: "
                f"{', '.join(TARGETS)}. A map is written the other way round from a renaming: what it is, then the "
                "file's own name of it."
            )
        if not source or "" in _named(source):
            raise DataError(
                f"the column map names no column for {target!r}. Name one, or leave {target} out."
            )
        if not isinstance(source, str) and target != "options":
            raise DataError(
                f"the column map has a list of columns for {target!r}, and only options have several."
            )
    if {"solution", "solution_index"} <= columns.keys():
        raise DataError(
            "the column map has solution and solution_index, which both say the answer. Keep one."
        )


def check_present(columns: Columns, names: Iterable[str]) -> None:
    """Raise DataError for a mapped column that no record has. names: all keys of all records; without any there is
    another fault to tell of."""
    known = list(dict.fromkeys(names))
    if not known:
        return
    for target, source in columns.items():
        for name in _named(source):
            if name not in known:
                shown = ", ".join(known[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
                raise DataError(
                    f"the column map reads {target} from {name!r}, and no record has that.{_nearest(name, known)} The "
                    f"file's own: {shown}."
                )


def mapped(record: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """Return a record under the keys that are read. Raises DataError for options and an index that say nothing."""
    result = dict(record)
    for target, source in columns.items():
        result.pop(target, None)
        if (value := _value(record, source)) is not None:
            result[target] = value
    if isinstance(path := result.get("path"), list) and len(path) == 1:
        result["path"] = path[0]
    if result.get("options") is not None:
        result["options"] = options_listed(result["options"])
    if "solution_index" in columns:
        result["solution"] = _by_index(result.pop("solution_index", None), result.get("options"))
    if result.get("options") and result.get("problem_type") is None:
        result["problem_type"] = ProblemType.MULTIPLE_CHOICE.value
    return result


def columns_read(columns: Columns) -> set[str]:
    """Return the file's own keys that a map reads something from."""
    return {name for source in columns.values() for name in _named(source)}


def _named(source: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns that a target is read from."""
    if isinstance(source, str):
        return () if source.startswith(_CONSTANT) else (source,)
    return source


def _value(record: Mapping[str, Any], source: str | tuple[str, ...]) -> Any:
    if not isinstance(source, str):
        return _filled(record, source)
    return source.removeprefix(_CONSTANT) if source.startswith(_CONSTANT) else record.get(source)


def _filled(record: Mapping[str, Any], source: tuple[str, ...]) -> list[Any]:
    """Return what columns hold; a question with fewer options than the table has columns leaves the last ones empty.

    Raises DataError for an empty one before others: letters and indices would count past it.
    """
    values = [record.get(name) for name in source]
    while values and values[-1] is None:
        values.pop()
    if None in values:
        raise DataError(
            f"its column {source[values.index(None)]!r} is empty and {source[len(values) - 1]!r} is not. Fill it, or "
            "leave only the last columns of options empty: letters and indices count them."
        )
    return values


def options_listed(value: Any) -> Any:
    """Return options as a list of texts, as far as they can be told; anything else as it is.

    Raises DataError for a text that begins as a list and is none.
    """
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        value = _read(value)
    if isinstance(value, Mapping):
        return [f"{letter}. {text}" for letter, text in value.items()]
    return value


def _read(text: str) -> Any:
    """Return a list or mapping that stands as text, in JSON or, as tables are written by pandas, in Python."""
    if len(text) > _LONGEST_LIST:
        raise DataError(f"'options' is a text of {len(text)} characters, too long for a list of options.")
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    raise DataError(f"'options' is {text!r:.60}, but must be a list of texts.")


def _by_index(value: Any, options: Any) -> str:
    """Return the letter of the right option, counted from 0."""
    count = len(options) if isinstance(options, list) else 0
    try:
        # pandas writes 1.0 where another row has no number
        number = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not number.is_integer() or not 0 <= number < count:
        raise DataError(
            f"solution_index is {value!r:.40}, but must be a whole number from 0 to {count - 1}: the right one of "
            f"{count} options. Where the file has letters or texts, map solution to it."
            if count
            else "solution_index counts options, and the record has none. Map options too."
        )
    read = labels.read_options([str(option) for option in options])
    return list(lettered(read.texts, read.letters))[int(number)]


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""
