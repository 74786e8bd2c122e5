"""STI-Bench, as published (a table) and VideoAuto-R1's selection of it (a JSON list).

`Video, Question, Candidates {A..E}, Answer, time_start, time_end`, and as published `ID, Task, Source, Scene` besides.
A row is only itself by (Video, ID, time_start, time_end). Every question is about a part of its video. The published
code and VideoAuto-R1 show the whole video and say "From 2 s to 5 s."; a reversed video contradicts that, so the part is
cut out here unless the whole is asked for. `Candidates` may be a mapping or its JSON text, with empty ones.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from retroflip.data.sources.base import (
    Entry,
    Place,
    Record,
    RejectedError,
    Source,
    Wanted,
    entries,
    files_of,
    text,
)

_PATTERNS = ("stibench-filter-1.5k.json", "qa.parquet", "*.parquet", "*.json", "*.jsonl")


def _read(wanted: Wanted) -> Iterator[Entry]:
    def records(row: Record, _: Place) -> Iterator[Record]:
        start, end = row.get("time_start"), row.get("time_end")
        question = text(row, "Question")
        whole = {"problem": f"From {start} s to {end} s. {question}"}
        part = {"problem": question, "start": start, "end": end}
        yield {
            **(whole if wanted.whole else part),
            "problem_type": "multiple choice",
            "options": _candidates(row.get("Candidates")),
            "solution": text(row, "Answer"),
            "path": text(row, "Video"),
            "data_source": "STI-Bench",
            **_of_a_published_row(row),
        }

    return entries(files_of(wanted, _PATTERNS), records)


def _of_a_published_row(row: Record) -> Record:
    """Return what only rows as published have: an id made of what makes them different, and their task."""
    found: Record = {}
    if row.get("ID") is not None:
        parts = (text(row, "Video"), row["ID"], row.get("time_start"), row.get("time_end"))
        found["problem_id"] = "-".join(map(str, parts))
    if isinstance(row.get("Task"), str):
        found["task"] = row["Task"]
    labels = {name.lower(): str(row[name]) for name in ("Scene", "Source") if row.get(name)}
    return {**found, **({"labels": labels} if labels else {})}


def _candidates(value: Any) -> list[str]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise RejectedError("options", f"'Candidates' is {value!r:.60}, which is no mapping.") from error
    if not isinstance(value, Mapping):
        raise RejectedError("options", f"'Candidates' is {value!r:.60}, which is no mapping.")
    return [f"{letter}. {value[letter]}" for letter in sorted(value) if _is_there(value[letter])]


def _is_there(candidate: Any) -> bool:
    """Return whether a cell says something: tables fill up short rows with nothing, or with NaN."""
    return candidate is not None and candidate == candidate and bool(str(candidate).strip())


SOURCE = Source(
    name="sti-bench",
    title="STI-Bench: multiple choice on distances, speeds and paths in a part of a video",
    get="qa.parquet and video.zip of STI-Bench; or STI-Bench/stibench-filter-1.5k.json and STI-Bench/videos of "
    "huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data",
    root="the folder that holds the videos",
    licence="not checked; see its page",
    read=_read,
    takes=frozenset({"whole"}),
)
