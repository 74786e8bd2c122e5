"""Data in other forms than the one that is read, told apart so that a user hears what to do about it.

Nothing is converted here: a form that looks like another may mean something else by the same word.
"""

from collections.abc import Mapping
from typing import Any

READ = (
    "Read are Video-R1 records, one JSON object per line (JSONL), all in one JSON array, or the rows of a table (CSV, "
    "Parquet), with the keys problem, problem_type, options, solution and path."
)

_BEGINNINGS = {
    b"ARROW1": "an Arrow file",
    b"\x1f\x8b": "compressed with gzip",
    b"PK\x03\x04": "a ZIP archive or an Excel sheet",
    b"SQLite format 3": "an SQLite data base",
    b"\x80": "a Python pickle",
    b"version https://git-lfs": "a pointer of Git LFS and not the file itself",
    b"<": "a page of HTML or XML",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_MENDS = {
    "compressed with gzip": "Unpack it.",
    "a ZIP archive or an Excel sheet": "Unpack it, or write its rows as such records.",
    "UTF-16 text": "Save it as UTF-8.",
    "a pointer of Git LFS and not the file itself": "Get the file with `git lfs pull`.",
    "a page of HTML or XML": "Download the file itself.",
}
_CONVERSATIONS = {
    "conversations": "LLaVA, ShareGPT and VLM-R1",
    "conversation": "chats",
    "messages": "chats (OpenAI, TRL, ms-swift)",
    "prompt": "TRL and verl",
}
_ELSEWHERE = {
    "problem": ("question", "query", "Question", "prompt", "instruction"),
    "solution": ("answer", "Answer", "gt", "ground_truth", "ans", "gold", "label", "correct_answer"),
    "path": (
        "video",
        "videos",
        "video_path",
        "video_name",
        "Video",
        "vid",
        "image",
        "images",
        "image_path",
        "file",
    ),
    "options": ("candidates", "Candidates", "choices", "option"),
    "problem_type": ("question_type", "answer_type"),
}
"""what other data sets call a key; none of them says how an answer is to be judged"""

SAMPLING_KEYS = frozenset({
    "fps", "nframes", "num_frames", "min_frames", "max_frames", "min_pixels", "max_pixels", "total_pixels",
    "resized_height", "resized_width",
})  # fmt: skip
"""keys by which qwen-vl-utils is told how to sample a video; here the recipe says it for all alike"""
PART_KEYS = frozenset({
    "bound", "clip", "clip_range", "segment", "segments", "span", "time_range", "time_span", "timestamp", "timestamps",
})  # fmt: skip
"""keys by which data sets name a part of a video, the answer itself or something else: what they mean is not known"""


def foreign_file(content: bytes) -> str | None:
    """Return, for a file that is no JSON text, what it is and what to do; None for one that may be."""
    kind = next((kind for start, kind in _BEGINNINGS.items() if content.startswith(start)), None)
    if kind is None:
        return None
    return f"it is {kind}, which is not read. {READ} {_MENDS.get(kind, 'Write its rows as such records.')}"


def no_medium(content: bytes) -> str | None:
    """Return what stands in a medium's place where a download went wrong, by its beginning; None for anything else."""
    wrong = (b"version https://git-lfs", b"<")
    return next((_BEGINNINGS[start] for start in wrong if content.lstrip().startswith(start)), None)


def foreign_object(found: Mapping[str, Any]) -> str:
    """Return, for one JSON object spread over a whole file, what it is and what to do.

    found: the object, of whose lists one item is enough.
    """
    return (
        _whole_file(found)
        or f"it is one JSON object over several lines. {READ} Write it on one line, or put it in [ ]."
    )


def _whole_file(found: Mapping[str, Any]) -> str | None:
    """Return, for an object that holds the records of a whole file, where they are and what to do; None for others."""
    lists = [
        key
        for key, value in found.items()
        if isinstance(value, list) and value and isinstance(value[0], dict)
    ]
    if "results" in lists and {"problem", "path", "output"} <= found["results"][0].keys():
        return (
            "it is what Video-R1's eval_bench.py writes: answers, and no records. Score them with: retroflip score "
            "--bench NAME --root DIR --recorded FILE"
        )
    if "problem" not in found and len(lists) == 1:
        return f"it is one JSON object with the records in {lists[0]!r}. {READ} Write that list alone."
    if "problem" not in found and found and all(isinstance(value, dict | list) for value in found.values()):
        return f"it is one JSON object with an entry for each of {len(found)} names. {READ} Write the entries alone."
    return None


def foreign_record(record: Mapping[str, Any], missing: list[str]) -> str:
    """Return what is wrong with a record that lacks the keys `missing`, and what to do."""
    lacking = f"{', '.join(map(repr, missing))} {'is' if len(missing) == 1 else 'are'} missing"
    talk = next((key for key in _CONVERSATIONS if isinstance(record.get(key), list)), None)
    if talk is not None and "problem" in missing:
        return (
            f"{lacking}: its {talk!r} is a conversation, the form of {_CONVERSATIONS[talk]}, which is not read. {READ} "
            "Write the question, its options and the answer under these keys."
        )
    absent = [*missing, *(["options"] if record.get("options") is None else [])]
    renamed = {key: own for key in absent for own in _ELSEWHERE.get(key, ()) if record.get(own) is not None}
    if renamed:
        names = ", ".join(f"{own!r} to {key!r}" for key, own in renamed.items())
        columns = ", ".join(f"{key}: {own}" for key, own in renamed.items())
        return (
            f"{lacking}, but must be there. {READ} Rename {names}, if that is what is meant, or have them read so: "
            f"data.columns: {{{columns}}} in the recipe, --columns '{{{columns}}}' for `retroflip validate`."
        )
    whole = _whole_file(record) if "problem" in missing else None
    return whole or f"{lacking}, but must be there.{f' {READ}' if 'problem' in missing else ''}"
