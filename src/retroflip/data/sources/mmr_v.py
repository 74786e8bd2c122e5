"""MMR-V, as published and VideoAuto-R1's selection of it: multiple choice with up to twelve options.

`{"video": "x.mp4", "question": ..., "options": ["(A) ...", "", "(C) ..."], "correctAnswer": "(C)"}`. Empty options are
left out and the others keep their letters: counted anew, the answer would be another option.
"""

import re
from collections.abc import Iterator
from typing import Any

from retroflip.data.labels import read_options
from retroflip.data.sample import lettered
from retroflip.data.sources.base import (
    Entry,
    Place,
    Record,
    RejectedError,
    Source,
    Wanted,
    entries,
    files_of,
    listed,
    text,
)

_OPTION = re.compile(r"\(([A-Z])\)\s*(.*)", re.DOTALL)
_LETTER = re.compile(r"\(?([A-Z])\)?\s*\.?")


def _records(row: Record, _: Place) -> Iterator[Record]:
    options = _options(listed(row, "options"))
    answer = _LETTER.fullmatch(text(row, "correctAnswer").strip())
    if answer is None or answer[1] not in options:
        raise RejectedError("answer", f"'correctAnswer' {row['correctAnswer']!r:.60} is no option's letter.")
    written = [f"{letter}. {option}" for letter, option in options.items()]
    read = read_options(written)
    if lettered(read.texts, read.letters) != options:
        raise RejectedError(
            "letters", f"the letters {', '.join(options)} leave out too many to be told from initials."
        )
    labels = {"video_type": row.get("videoType"), "ability": row.get("abilityType_L3")}
    yield {
        "problem": text(row, "question"),
        "problem_type": "multiple choice",
        "options": written,
        "solution": answer[1],
        "path": text(row, "video"),
        "data_source": "MMR-V",
        "task": str(row.get("abilityType_L2") or ""),
        "labels": {name: value for name, value in labels.items() if isinstance(value, str) and value},
    }


def _options(values: list[Any]) -> dict[str, str]:
    """Return the options that say something, by the letters that they carry."""
    found: dict[str, str] = {}
    for value in values:
        if value is None or not str(value).strip():
            continue
        option = _OPTION.fullmatch(str(value).strip())
        if option is None or option[1] in found:
            raise RejectedError("letters", f"the option {value!r:.60} has no letter of its own before it.")
        if option[2].strip():
            found[option[1]] = option[2].strip()
    return found


def _read(wanted: Wanted) -> Iterator[Entry]:
    return entries(files_of(wanted, ("mmrv-filter-0.5k.json", "*.json", "*.jsonl", "*.parquet")), _records)


SOURCE = Source(
    name="mmr-v",
    title="MMR-V: multiple choice that needs several distant moments of a video",
    get="the JSON file and the video parts of MMR-V; or MMR-VBench/mmrv-filter-0.5k.json and MMR-VBench/videos of "
    "huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data",
    root="the folder that holds the videos",
    licence="not checked; see its page",
    read=_read,
)
