"""ArrowGEV's training set of events (train_2k5.json), which says of each whether it is time-sensitive.

`{"video": "x.mp4", "video_reverse_path": "x_reverse.mp4", "timestamp": [3.0, 7.5], "sentence": "a man puts down a
bag.", "duration": 30.0, "sensitive": "yes", "qid": ...}` (docs/DATA.md of its repository; its loader takes the sentence
in small letters and without the full stop). The reversed copies are not needed: reversal is a view of the video here.
What is time-sensitive stands in the label "sensitive", which the method `arrowgev` reads.
"""

from collections.abc import Iterator

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
from retroflip.data.sources.moments import duration_of, moment, spans_of


def _records(row: Record, _: Place) -> Iterator[Record]:
    sensitive = str(row.get("sensitive")).strip().lower()
    if sensitive not in ("yes", "no"):
        raise RejectedError(
            "sensitive", f"'sensitive' is {row.get('sensitive')!r:.40}, and must be 'yes' or 'no'."
        )
    event = text(row, "sentence").strip().lower().removesuffix(".")
    yield {
        **({"problem_id": text(row, "qid")} if row.get("qid") is not None else {}),
        **moment(event, spans_of(row.get("timestamp"), duration_of(row))),
        "path": text(row, "video"),
        "data_source": "ArrowGEV",
        "labels": {"sensitive": sensitive},
    }


def _read(wanted: Wanted) -> Iterator[Entry]:
    return entries(files_of(wanted, ("train_2k5.json", "*.json", "*.jsonl")), _records)


SOURCE = Source(
    name="arrowgev",
    title="ArrowGEV: 2,500 events, time-sensitive or not, as spans in seconds",
    get="annotations/train_2k5.json and the videos of huggingface.co/datasets/ParadiseYu/ArrowGEV-Data",
    root="the folder that the paths in the file start from",
    licence="not checked; the videos are those of the sets that it draws on",
    read=_read,
)
