"""What a source is: a published data set, whose files as they are published become records, one after the other."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from retroflip.data.answers.mathematics import read_math
from retroflip.data.answers.strict import boxed_text
from retroflip.data.columns import Columns
from retroflip.data.forms import rows
from retroflip.data.forms.base import Spot
from retroflip.data.sample import ProblemType, option_letter
from retroflip.errors import DataError, UsageError
from retroflip.files.names import why_missing

Record: TypeAlias = dict[str, Any]
_WORDS = re.compile(r"[^\W\d_][^\d\\]*")
_PLACEHOLDER = re.compile(r"<(?:image|video)>\s*")
_SHOWN = 5


class RejectedError(DataError):
    """A row becomes no record. reason: a word or two, by which such rows are counted."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type["RejectedError"], tuple[str, str]]:
        """Go to another process whole."""
        return RejectedError, (self.reason, str(self))


class Place(NamedTuple):
    """Where a row stands."""

    file: Path
    spot: Spot


Entry: TypeAlias = tuple[Place, Record | DataError]
"""a record, in the keys of `data/records.py`, or why the row is none"""
Convert: TypeAlias = Callable[[Record, Place], Iterable[Record]]
"""the records that a row becomes. Raises RejectedError"""


@dataclass(frozen=True)
class Wanted:
    """What is to be read.

    path: the data set's file or folder. columns: of a file with keys of its own. split: of a data set that has several.
    whole: whether videos are shown whole where a question is about a part of them.
    """

    path: Path
    columns: Columns = field(default_factory=dict)
    split: str | None = None
    whole: bool = False


@dataclass(frozen=True)
class Source:
    """A published data set.

    get: what to download, and from where. root: which folder the records' paths start from. licence: as its own page
    or repository says; where it could not be seen there, that. read: raises DataError and UsageError where nothing can
    be read. takes: which of `Wanted`'s settings beside the path it knows. ids_of_content: whether its ids are made of
    the questions, so that an id that stood there before is the question again.
    """

    name: str
    title: str
    get: str
    root: str
    licence: str
    read: Callable[[Wanted], Iterator[Entry]]
    takes: frozenset[str] = frozenset()
    ids_of_content: bool = False


def files_of(wanted: Wanted, patterns: Sequence[str]) -> list[Path]:
    """Return the files to read: the one that is named, or those of the first pattern that the folder has, in order.

    Raises UsageError where there is none.
    """
    path = wanted.path
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such file or folder. Check its path.{why_missing(path)}")
    for pattern in patterns:
        if found := sorted(one for one in path.glob(pattern) if one.is_file()):
            return found
    raise UsageError(f"{path}: the folder holds none of {', '.join(patterns)}. Name the file itself.")


def files_of_folder(path: Path) -> list[Path]:
    """Return a file, or all files of a folder, in order."""
    return [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())


def one_file_of(wanted: Wanted, patterns: Sequence[str]) -> Path:
    """Return the one file to read. Raises UsageError as `files_of` does, and where a folder has several."""
    found = files_of(wanted, patterns)
    if len(found) > 1:
        names = ", ".join(one.name for one in found[:_SHOWN])
        raise UsageError(
            f"{wanted.path}: the folder holds several files: {names}. Name the one that is meant."
        )
    return found[0]


def entries(files: Iterable[Path], convert: Convert) -> Iterator[Entry]:
    """Yield the records of files in any form of `data/forms/`, in their order."""
    for file in files:
        for spot, row in rows(file, with_bytes=True):
            place = Place(file, spot)
            if isinstance(row, DataError):
                yield place, row
            else:
                yield from converted(row, place, convert)


def converted(row: Record, place: Place, convert: Convert) -> Iterator[Entry]:
    """Yield the records that one row becomes."""
    try:
        for record in convert(row, place):
            yield place, record
    except DataError as error:
        yield place, error


def text(row: Mapping[str, Any], *names: str) -> str:
    """Return the text under the first of these keys that the row has. Raises RejectedError where there is none."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return str(value)
    raise RejectedError("key", f"it has no text under {' or '.join(map(repr, names))}.")


def listed(row: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list under a key. Raises RejectedError where there is none."""
    value = row.get(name)
    if not isinstance(value, list | tuple) or not value:
        raise RejectedError("key", f"it has no list under {name!r}, found {value!r:.60}.")
    return list(value)


def lettered_texts(texts: Sequence[Any]) -> list[str]:
    """Return options with the letters A, B, C ... before them, so that what a text begins with is taken for none.

    Raises RejectedError for too many.
    """
    if len(texts) > option_count():
        raise RejectedError("options", f"it has {len(texts)} options, more than there are letters.")
    return [f"{option_letter(index)}. {one}" for index, one in enumerate(texts)]


def option_count() -> int:
    """Return how many options a record may have: the last letter is kept for the null option."""
    return ord("Z") - ord("A")


def place_among(answer: str, texts: Sequence[Any]) -> str:
    """Return the letter of the option that an answer's text is. Raises RejectedError where it is none, or two."""
    found = [index for index, one in enumerate(texts) if str(one).strip() == answer.strip()]
    if len(found) != 1:
        many = "is several" if found else "is none"
        raise RejectedError("answer", f"the answer {answer!r:.60} {many} of the options.")
    return option_letter(found[0])


def unboxed(answer: str) -> str:
    r"""Return what stands in the last \boxed{} of an answer, or all of it. Raises RejectedError for an empty box."""
    if "\\boxed" not in answer:
        return answer.strip()
    inside = (boxed_text(answer) or "").strip()
    if not inside:
        raise RejectedError("answer", f"the box in {answer!r:.60} is empty or never closes.")
    return inside


def type_of_answer(answer: str) -> ProblemType:
    """Return how an answer without options is compared: as mathematics where it is some, and otherwise as text.

    Words and single letters are text (VideoAuto-R1's loader, which asks math-verify).
    """
    if _WORDS.fullmatch(answer):
        return ProblemType.FREE_FORM
    return ProblemType.MATH if read_math(answer) is not None else ProblemType.FREE_FORM


def without_placeholders(question: str) -> str:
    """Return a question without <image> and <video>: what is shown then stands before it."""
    return _PLACEHOLDER.sub("", question).strip()
