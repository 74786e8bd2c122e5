r"""NExT-GQA: multiple choice, and the spans of the video that show the answer.

As published, a table `video_id, question, answer, qid, type, a0..a4` (the answer is a text), the spans in gsub_val.json
or gsub_test.json beside it, and the videos' places in map_vid_vidorID.json. Its train.csv has no spans. VideoAuto-R1's
nextgqa_train.json has some: `{"video", "question", "options": ["A. ..."], "answer": "A", "timestamps": [[1.2, 5.8]]}`.
A question may have several spans, of which an answer gives one, and some go on behind the video's end: they are cut off
there. Where there are spans, both are asked for, in VideoAuto-R1's words: "\boxed{A <> [1.2, 5.8]}".
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retroflip.data.answers.spans import Span, spans_text
from retroflip.data.columns import options_listed
from retroflip.data.sources.base import (
    Entry,
    Place,
    Record,
    RejectedError,
    Source,
    Wanted,
    entries,
    lettered_texts,
    one_file_of,
    place_among,
    text,
)
from retroflip.data.sources.moments import seconds, spans_of
from retroflip.files.storage import read_json_object

_PATTERNS = ("nextgqa_train.json", "train.csv", "*.csv", "*.json", "*.jsonl", "*.parquet")
_ASK = (
    "{}\nPlease answer the question, and then provide the video segment that best supports your answer. The start and "
    "end timestamps must be in seconds with exactly one decimal place.\nOutput format: \\boxed{{answer <> [start, "
    "end]}}. For example: \\boxed{{A <> [20.3, 30.8]}}."
)


def _read(wanted: Wanted) -> Iterator[Entry]:
    file = one_file_of(wanted, _PATTERNS)
    spans, places = _beside(file, f"gsub_{file.stem}.json"), _beside(file, "map_vid_vidorID.json")

    def records(row: Record, _: Place) -> Iterator[Record]:
        yield _of_table(row, spans, places) if "a0" in row else _of_json(row)

    return entries([file], records)


def _beside(file: Path, name: str) -> dict[str, Any]:
    """Return the object in the file of this name beside another one; an empty one without it."""
    path = file.with_name(name)
    return read_json_object(path) if path.is_file() else {}


def _of_json(row: Record) -> Record:
    found = None if row.get("timestamps") is None else spans_of(row["timestamps"])
    return {
        **_asked(text(row, "question"), options_listed(row.get("options")), text(row, "answer"), found),
        "path": text(row, "video"),
        "data_source": "NExT-GQA",
    }


def _of_table(row: Record, spans: dict[str, Any], places: dict[str, Any]) -> Record:
    video, number = text(row, "video_id"), text(row, "qid")
    texts = [row[key] for key in ("a0", "a1", "a2", "a3", "a4") if row.get(key) is not None]
    letter = place_among(text(row, "answer"), texts)
    return {
        "problem_id": f"{video}-{number}",
        **_asked(text(row, "question"), lettered_texts(texts), letter, _spans(spans.get(video), number)),
        "path": f"{places.get(video, video)}.mp4",
        "data_source": "NExT-GQA",
        "task": str(row.get("type") or ""),
    }


def _spans(video: Any, number: str) -> list[Span] | None:
    """Return a question's spans, None where the file of spans has none of it."""
    if video is None:
        return None
    try:
        pairs, duration = video["location"].get(number), seconds(video["duration"])
    except (AttributeError, KeyError, TypeError) as error:
        raise RejectedError("span", f"its entry in the file of spans is {video!r:.60}.") from error
    return None if pairs is None else spans_of(pairs, duration)


def _asked(question: str, options: Any, answer: str, spans: list[Span] | None) -> Record:
    if spans is None:
        return {
            "problem": question,
            "problem_type": "multiple choice",
            "options": options,
            "solution": answer,
        }
    return {
        "problem": _ASK.format(question),
        "problem_type": "grounded multiple choice",
        "options": options,
        "solution": f"{answer} <> {spans_text(spans)}",
    }


SOURCE = Source(
    name="nextgqa",
    title="NExT-GQA: multiple choice with the spans of the video that show the answer",
    get="NeXT-GQA/ of huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data; or datasets/nextgqa/ of "
    "github.com/doc-doc/NExT-GQA",
    root="the folder of NExT-QA's videos (of VideoAuto-R1: nextgqa_train)",
    licence="MIT, by its repository; the videos are VidOR's",
    read=_read,
)
