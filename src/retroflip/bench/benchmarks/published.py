"""What the files of published benchmarks share: where they lie, how they are read, and options inside questions."""

import json
import math
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from retroflip.bench.benchmarks.base import Item
from retroflip.data.forms import beginning, rows
from retroflip.data.forms.text_stream import PIECE
from retroflip.data.sample import MAX_OPTIONS, Sample, option_letter, option_letters
from retroflip.errors import DataError, first_fault
from retroflip.files.names import why_missing

YES_NO = ("yes", "no")
"""the options of a question that is answered by either; their letters are A and B"""
_OPTION = re.compile(r"\s*\(?([A-Z])(?:[.:]|\))\s+(.*\S)\s*")
_INLINE = re.compile(r"(?:(?<=\s)|^)\(?([A-Z])(?:[.:]|\))\s+")
_Key = TypeVar("_Key", bound=Hashable)


class Choices(NamedTuple):
    """A question without the options that stand in its text, and these, without their letters."""

    stem: str
    options: tuple[str, ...]


def find(root: Path, title: str, *places: str) -> Path:
    """Return the first of these files or folders that the root holds. Raises DataError where it holds none."""
    for place in places:
        if (root / place).exists():
            return root / place
    raise DataError(
        f"{root}: {title}'s {' or '.join(places)} is not in it. Name the folder that holds it with --root."
        f"{why_missing(root / places[0])}"
    )


def files_of(file: Path, pattern: str, form: str) -> list[Path]:
    """Return a file of recorded answers, or all of a folder that match. Raises DataError for a folder without any."""
    found = sorted(file.glob(pattern)) if file.is_dir() else [file]
    if not found:
        raise DataError(f"{file}: no file of answers ({pattern}) is in it. Give {form}.")
    return found


def read_json(path: Path, form: str) -> Any:
    """Return what a JSON file holds. Raises DataError, saying which form is wanted, for one that cannot be read."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({error}). Give {form}.") from error


def is_one_object(file: Path) -> bool:
    """Whether a file begins with an object, and does not hold one in each of its first two lines."""
    if not beginning(file).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    end = b""
    with file.open("rb") as stream:
        while piece := stream.readline(PIECE):
            end = piece.rstrip()[-1:] or end
            if piece.endswith(b"\n"):
                break
        return end != b"}" or not stream.readline(PIECE).lstrip().startswith(b"{")


def read_rows(path: Path, form: str) -> list[dict[str, Any]]:
    """Return the records of a JSONL, JSON, CSV, TSV or Parquet file; a JSON object is one record.

    Raises DataError, saying which form is wanted, for a file or a record that cannot be read.
    """
    found = []
    for line, row in rows(path):
        if isinstance(row, DataError):
            raise DataError(f"{path}, {line}: {row} Give {form}.") from row
        if not isinstance(row, Mapping):
            raise DataError(f"{path}, {line}: {row!r:.60} is no record. Give {form}.")
        found.append(dict(row))
    return found


def field(row: Mapping[str, Any], key: str, where: str) -> Any:
    """Return a field of a record. Raises DataError where it is missing, and for what is no record."""
    if not isinstance(row, Mapping):
        raise DataError(f"{where}: {row!r:.60} stands where a record with {key!r} should.")
    if row.get(key) is None:
        raise DataError(f"{where}: the record {str(dict(row))!r:.120} has no {key!r}.")
    return row[key]


def finite(value: Any, where: str) -> float:
    """Return a finite number, which a table may hold as a text. Raises DataError for what is none."""
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise DataError(f"{where}: {value!r:.60} stands where a number should.")
    return found


def mark(value: Any) -> float | None:
    """Return a grade as a record holds it, from -1 to 1; None for what is none."""
    return float(value) if isinstance(value, int | float) and abs(value) <= 1 else None


def texts(row: Mapping[str, Any], key: str, where: str) -> list[str]:
    """Return a field that is a list of two texts at least. Raises DataError for any other."""
    found = field(row, key, where)
    if not isinstance(found, list) or not 2 <= len(found) <= MAX_OPTIONS:
        raise DataError(f"{where}: {key} {found!r:.60} is no list of 2 to {MAX_OPTIONS} texts.")
    return [str(text) for text in found]


def sample_of(where: str, **fields: Any) -> Sample:
    """Return a sample. Raises DataError, naming where its record stands, for fields that it cannot have."""
    try:
        return Sample(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise DataError(
            f"{where}: the record {str(fields.get('id'))!r:.60} is not of the published form "
            f"({'.'.join(map(str, first['loc']))}: {first_fault(error)})."
        ) from error


def response_text(value: Any) -> str | None:
    """Return a recorded response as text; the first one of a list, as some writers keep several draws or just one."""
    if isinstance(value, list):
        return response_text(value[0]) if value else None
    return value if value is None or isinstance(value, str) else json.dumps(value)


def choices_in(question: str) -> Choices:
    """Return a question's text and its options: lines "A. ...", "(A) ..." or "A: ..." that go on from A.

    What follows them, as a closing instruction, belongs to neither. Without such lines, options inside the running text
    are taken ("Is it A. open or B. shut?"); without these there are none.
    """
    lines = question.splitlines()
    first = next((i for i, line in enumerate(lines) if _letter(line) == "A"), None)
    if first is not None:
        behind = enumerate(lines[first:])
        listed = [line for _, line in takewhile(lambda at: _letter(at[1]) == option_letter(at[0]), behind)]
        if len(listed) > 1:
            return Choices("\n".join(lines[:first]).strip(), tuple(map(_bare, listed)))
    return _inline(question)


def _letter(line: str) -> str | None:
    found = _OPTION.fullmatch(line)
    return found[1] if found else None


def _bare(line: str) -> str:
    found = _OPTION.fullmatch(line)
    return found[2] if found else line


def _inline(question: str) -> Choices:
    marks = list(_INLINE.finditer(question))
    letters = [mark[1] for mark in marks]
    if len(marks) < 2 or letters != list(option_letters(min(len(marks), MAX_OPTIONS))):
        return Choices(question.strip(), ())
    ends = [mark.start() for mark in marks[1:]] + [len(question)]
    texts = [question[mark.end() : end].strip(" \t\n,;") for mark, end in zip(marks, ends, strict=True)]
    return Choices(question[: marks[0].start()].strip(), tuple(_without_or(text) for text in texts))


def _without_or(text: str) -> str:
    return re.sub(r"[,;]?\s+or$", "", text).rstrip("?").strip()


def by_key(items: Iterable[Item], key: Callable[[Item], _Key]) -> dict[_Key, Item]:
    """Return items by what tells them apart. Raises DataError where two have the same."""
    found: dict[_Key, Item] = {}
    for item in items:
        other = found.setdefault(key(item), item)
        if other is not item:
            raise DataError(
                f"the questions {other.sample.id!r} and {item.sample.id!r} have the same key {key(item)!r}. Give each "
                "question once."
            )
    return found


def asked(items: Mapping[_Key, Item], key: _Key, file: Path) -> Item:
    """Return the question that a recorded answer is to. Raises DataError where there is none of that key."""
    if key not in items:
        raise DataError(
            f"{file}: an answer is to {key!r}, which is none of the {len(items)} questions under --root. Name the root "
            "of the version that was answered, or take that answer out."
        )
    return items[key]
