r"""LLaVA-Video-178K: conversations about a video, in files of multiple choice (mc), open questions (oe) and captions.

`{"id": ..., "video": "academic_source/.../x.mp4", "data_source": "0_30_s_academic_v0_1", "conversations": [
{"from": "human", "value": "<image>\nWhat ...?\nA. ...\nB. ...\nPlease ..."}, {"from": "gpt", "value": "B. ..."}]}`.
Each question with its answer is a record. One with lettered lines and an answer that is one of them is multiple choice;
others are free-form, whose long answers are for supervised fine-tuning rather than for a reward.
"""

import re
from collections.abc import Iterator
from typing import Any

from retroflip.data.labels import split_label
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
    without_placeholders,
)

_PATTERNS = ("*_mc_*.json", "*mc*.json", "*.json", "*.jsonl", "*.parquet")
_OPTION = re.compile(r"\s*\(?[A-Z][.):]\s")
_INSTRUCTION = re.compile(r"\s*(?:Please|Answer with|Respond with|Provide)\b[^\n]*", re.IGNORECASE)


def _records(row: Record, _: Place) -> Iterator[Record]:
    turns = [_turn(turn) for turn in listed(row, "conversations")]
    questions = turns[::2]
    if (
        len(turns) % 2
        or any(who != "human" for who, _ in questions)
        or any(w == "human" for w, _ in turns[1::2])
    ):
        raise RejectedError("turns", "its turns are not a question and an answer by turns.")
    for number, (question, answer) in enumerate(zip(questions, turns[1::2], strict=True)):
        yield {
            "problem_id": f"{text(row, 'id')}-{text(row, 'video')}-{number}",
            **_asked(without_placeholders(question[1]), answer[1].strip()),
            "path": text(row, "video"),
            "data_source": str(row.get("data_source") or "LLaVA-Video-178K"),
        }


def _turn(turn: Any) -> tuple[str, str]:
    if not isinstance(turn, dict):
        raise RejectedError("turns", f"a turn is {turn!r:.60} and no object.")
    return text(turn, "from"), text(turn, "value")


def _asked(question: str, answer: str) -> Record:
    """Return a question with its options, if it has some, and its answer."""
    lines = question.split("\n")
    places = [number for number, line in enumerate(lines) if _OPTION.match(line)]
    if len(places) < 2 or places != list(range(places[0], places[0] + len(places))) or not places[0]:
        return {"problem": question, "problem_type": "free-form", "solution": answer}
    behind = [line for line in lines[places[-1] + 1 :] if line.strip() and not _INSTRUCTION.fullmatch(line)]
    options = lines[places[0] : places[-1] + 1]
    label = split_label(answer)
    return {
        "problem": "\n".join([*lines[: places[0]], *behind]),
        "problem_type": "multiple choice",
        "options": [option.strip() for option in options],
        "solution": label.label if label else answer.removesuffix("."),
    }


def _read(wanted: Wanted) -> Iterator[Entry]:
    return entries(files_of(wanted, _PATTERNS), _records)


SOURCE = Source(
    name="llava-video",
    title="LLaVA-Video-178K: captions, open questions and multiple choice on 178k videos",
    get="a file such as 0_30_s_academic_v0_1/0_30_s_academic_mc_v0_1_qa_processed.json and the archives beside it of "
    "huggingface.co/datasets/lmms-lab/LLaVA-Video-178K",
    root="the folder that the archives were unpacked in",
    licence="not checked; the videos are those of the sets that it draws on",
    read=_read,
)
