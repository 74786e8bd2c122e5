"""Video-R1-260k, its chain-of-thought file and VideoAuto-R1's selection of it (Video-R1-filter-17k).

`{"problem_id": 2, "problem": ..., "data_type": "video", "problem_type": "multiple choice", "options": ["A. ..."],
"solution": "<answer>A</answer>", "path": "./...mp4", "data_source": ...}`; the chain-of-thought file has `process`
besides, the reasoning alone: a trace of ours ends with the answer, so that it is added.
"""

import re
from collections.abc import Iterator

from retroflip.data.columns import options_listed
from retroflip.data.sources.base import Entry, Place, Record, Source, Wanted, entries, files_of, text

PATTERNS = ("Video-R1-filter-17k.json", "Video-R1-260k.json", "Video-R1-COT-165k.json")
_ANSWER = re.compile(r"\s*<answer>(.*?)</answer>\s*", re.DOTALL)
_KEYS = ("problem_id", "problem", "data_type", "problem_type", "solution", "path", "data_source")


def _records(row: Record, _: Place) -> Iterator[Record]:
    record = {key: row[key] for key in _KEYS if row.get(key) is not None}
    if row.get("options"):
        record["options"] = options_listed(row["options"])
    if isinstance(row.get("process"), str) and row["process"].strip():
        record["process"] = _trace(row["process"], text(row, "solution"))
    yield record


def _trace(process: str, solution: str) -> str:
    """Return a whole trace: the reasoning in its tags, and the answer in a box."""
    reasoning = _ANSWER.sub("", process).strip()
    if "<think>" not in reasoning:
        reasoning = f"<think>{reasoning}</think>"
    answer = _ANSWER.fullmatch(solution)
    return f"{reasoning}\\boxed{{{(answer[1] if answer else solution).strip()}}}"


def _read(wanted: Wanted) -> Iterator[Entry]:
    return entries(files_of(wanted, PATTERNS), _records)


SOURCE = Source(
    name="video-r1",
    title="Video-R1: 260k questions about videos and images, 165k with reasoning, or VideoAuto-R1's 17k of them",
    get="Video-R1-260k.json or Video-R1-COT-165k.json with the archives of media of huggingface.co/datasets/Video-R1/"
    "Video-R1-data; or Video-R1/ of huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data",
    root="the folder that holds LLaVA-Video-178K/, CLEVRER/ and so on (of VideoAuto-R1: Video-R1/videos)",
    licence="not checked; see the page of each part",
    read=_read,
)
