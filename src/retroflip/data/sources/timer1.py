"""Time-R1's training set of moments (train_2k5.json).

`{"video": "./dataset/timer1/videos/timerft_data/x.mp4", "duration": 45.7, "timestamp": [34.9, 41.9], "sentence": ...,
"qid": ..., "video_start": 39.0, "video_end": 84.7, "difficulty": 41.0}`. `video_start` and `video_end` say where the
file was once cut from: the file is that part already and the span counts from its beginning, so they bound nothing.
Some spans go on behind the video's end, a few begin there; `difficulty` is the IoU of a model's answer in percent.
"""

from collections.abc import Iterator
from typing import Any

from retroflip.data.sources.base import Entry, Place, Record, Source, Wanted, entries, files_of, text
from retroflip.data.sources.moments import duration_of, moment, spans_of


def _records(row: Record, _: Place) -> Iterator[Record]:
    spans = spans_of(row.get("timestamp", row.get("timestamps")), duration_of(row))
    yield {
        **({"problem_id": text(row, "qid")} if row.get("qid") else {}),
        **moment(text(row, "sentence", "description"), spans),
        "path": text(row, "video"),
        "data_source": "Time-R1",
        **_difficulty(row.get("difficulty")),
    }


def _difficulty(value: Any) -> Record:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
    return {"labels": {"iou_percent": f"{value:.1f}"}} if known else {}


def _read(wanted: Wanted) -> Iterator[Entry]:
    return entries(files_of(wanted, ("train_2k5.json", "*.json", "*.jsonl", "*.parquet")), _records)


SOURCE = Source(
    name="timer1",
    title="Time-R1: 2,500 moments of graded difficulty, as spans in seconds",
    get="dataset/timer1/annotations/train_2k5.json of github.com/xiaomi-research/time-r1 and the videos of "
    "huggingface.co/datasets/Boshenxx/TimeR1-Dataset; or TimeR1/ of "
    "huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data",
    root="the folder that the paths in the file start from (Time-R1's: its repository)",
    licence="not checked; the videos are those of the sets that it draws on",
    read=_read,
)
