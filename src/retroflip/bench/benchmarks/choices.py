"""What the adapters of multiple-choice benchmarks share: options, media that may lie in several places, and letters."""

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.published import sample_of
from retroflip.data.labels import read_options
from retroflip.data.root import normalise
from retroflip.data.sample import ProblemType, Sample, option_letter
from retroflip.errors import DataError

_LETTERED = re.compile(r"\s*\(?[A-Z][.):]\s+")
PREFIXES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option is",
    "The correct option is",
    "Best answer:",
    "Best option:",
)
"""what scorers derived from Video-MME's take out of a response before they look for a letter"""
VIDEO_ENDINGS = (".mp4", ".MP4", ".mkv", ".webm", ".mov", ".avi")


def listed(value: Any, where: str) -> list[str]:
    """Return options as a list: one, or the text of one in JSON or Python, as tables hold it.

    Raises DataError for what is none.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            try:
                value = ast.literal_eval(value)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                value = None
    if isinstance(value, Mapping):
        value = [f"{letter}. {text}" for letter, text in value.items() if str(text).strip()]
    if not isinstance(value, list | tuple) or not value:
        raise DataError(f"{where}: its options are no list of texts. Restore the published file.")
    return [str(one) for one in value]


def bare(options: Sequence[str]) -> tuple[str, ...]:
    """Return options without their letters, in their order, whatever is wrong with the letters."""
    try:
        found = read_options(options).texts
    except DataError:
        found = tuple(options)
    if all(_LETTERED.match(option) for option in found):
        found = tuple(_LETTERED.sub("", option) for option in found)
    return tuple(option.strip() for option in found)


def as_letter(answer: Any, options: Sequence[str], where: str) -> str:
    """Return the letter of the right option, which the data name by letter ("B", "(B)", "B.") or by its text.

    Raises DataError where it is none of them.
    """
    said = str(answer).strip()
    found = re.fullmatch(r"\(?([A-Z])\)?[.:]?", said)
    if found and ord(found[1]) - ord("A") < len(options):
        return found[1]
    folded = [option.strip().rstrip(".").casefold() for option in options]
    if folded.count(said.rstrip(".").casefold()) >= 1:
        return option_letter(folded.index(said.rstrip(".").casefold()))
    raise DataError(f"{where}: the right answer {said!r:.60} is none of its {len(options)} options.")


def numbered(answer: Any, options: Sequence[str], where: str) -> str:
    """Return the letter of the right option, which the data name by its number from 0 on, as a number or as digits.

    Raises DataError where there is no such option.
    """
    said = str(answer).strip()
    if not said.isdecimal() or len(said) > 9 or int(said) >= len(options):
        raise DataError(
            f"{where}: the right answer {said!r:.60} is the number of none of its {len(options)} options."
        )
    return option_letter(int(said))


def video_file(root: Path, folders: Sequence[str], stem: str, endings: Sequence[str] = VIDEO_ENDINGS) -> str:
    """Return where a video lies under the root, by its path without an ending; where it is not, where it should lie.

    Raises PathEscapeError for a name that leaves the root.
    """
    wanted = [normalise(f"{folder}/{stem}{ending}") for folder in folders for ending in endings]
    return next((path for path in wanted if (root / path).is_file()), wanted[0])


def either_file(root: Path, *paths: str) -> str:
    """Return the first of these paths that is under the root; where none is, the first. Raises PathEscapeError."""
    wanted = [normalise(path) for path in paths]
    return next((path for path in wanted if (root / path).exists()), wanted[0])


def choice(
    identity: str, video: str, question: str, options: Sequence[str], right: str, **more: Any
) -> Sample:
    """Return a multiple-choice question about one video. options: without letters. right: the letter of one."""
    return sample_of(
        str(more.get("source", "")),
        id=identity,
        video=video,
        question=question.strip(),
        options=tuple(options),
        solution=right,
        problem_type=ProblemType.MULTIPLE_CHOICE,
        **{"source_clip": video, **more},
    )


def lettered_lines(options: Iterable[str], form: str = "{letter}. {option}") -> str:
    """Return options a line each, with their letters."""
    return "\n".join(
        form.format(letter=option_letter(index), option=option) for index, option in enumerate(options)
    )


def first_letter(said: str, prefixes: Sequence[str], letters: str) -> str:
    """Return the first of these letters that stands in a response, "" where none does, as many public scorers read it.

    The prefixes are taken out wherever they stand. It finds the A in "An apple; B" too.
    """
    found = re.search(f"[{letters}]", without(prefixes, said.strip()))
    return found[0] if found else ""


def without(prefixes: Sequence[str], said: str) -> str:
    """Return a response without these phrases, taken out one after the other wherever they stand."""
    for prefix in prefixes:
        said = said.replace(prefix, "")
    return said
