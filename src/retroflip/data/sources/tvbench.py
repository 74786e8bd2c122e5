"""TVBench, as published and VideoAuto-R1's selection of it: a JSON file a task, records as MVBench's.

`{"video": "x.mp4", "question": ..., "candidates": [...], "answer": one of them, "start": 1.0, "end": 4.5}`. The file's
name is the task, and the folder of its videos. Only action_sequence and action_localization ask about a part: other
tasks' start and end are not one. The answer is a text, and two candidates may be the same one.
"""

from collections.abc import Iterator

from retroflip.data.sources.base import (
    Entry,
    Place,
    Record,
    Source,
    Wanted,
    entries,
    files_of,
    lettered_texts,
    listed,
    place_among,
    text,
)

_OF_A_PART = ("action_sequence", "action_localization")


def _read(wanted: Wanted) -> Iterator[Entry]:
    def records(row: Record, place: Place) -> Iterator[Record]:
        task, candidates = place.file.stem, listed(row, "candidates")
        part = (
            {key: row.get(key) for key in ("start", "end")} if task in _OF_A_PART and not wanted.whole else {}
        )
        yield {
            "problem": text(row, "question"),
            "problem_type": "multiple choice",
            "options": lettered_texts(candidates),
            "solution": place_among(text(row, "answer"), candidates),
            "path": f"{task}/{text(row, 'video')}",
            "data_source": "TVBench",
            "task": task,
            **part,
        }

    return entries(files_of(wanted, ("filter_json/*.json", "json/*.json", "*.json")), records)


SOURCE = Source(
    name="tvbench",
    title="TVBench: ten temporal tasks of multiple choice (also a benchmark: training on it contaminates that)",
    get="json/ and video/ of huggingface.co/datasets/FunAILab/TVBench; or TVBench/filter_json and TVBench/videos of "
    "huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data",
    root="the folder that holds one folder a task: video/ (of VideoAuto-R1: TVBench/videos)",
    licence="not checked; the videos are those of the sets that it draws on",
    read=_read,
    takes=frozenset({"whole"}),
)
