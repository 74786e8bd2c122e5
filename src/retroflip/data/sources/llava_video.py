r"""LLaVA-Video-178K: conversations about a video, in files of multiple choice (mc), open questions (oe) and captions.

`{"id": ..., "video": "academic_source/.../x.mp4", "data_source": "0_30_s_academic_v0_1", "conversations": [
{"from": "human", "value": "<image>\nWhat ...?\nA. ...\nB. ...\nPlease ..."}, {"from": "gpt", "value": "B. ..."}]}`.
A folder of the data set, or all of it, has files of three splits (its card's names): `multi_choice` (*mc*.json),
`open_ended` (*oe*.json) and `caption` (*cap*.json). `--split` says which; without it a folder's questions of multiple
choice are read where it has some, and each file that is passed over for that is listed among the rejects.

Each question with its answer is a record. One with lettered lines and an answer that is one of them is multiple choice;
others are free-form, whose long answers are for supervised fine-tuning rather than for a reward.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from retroflip.data.forms.base import Spot
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
from retroflip.errors import UsageError

_SPLITS = {"multi_choice": "*mc*.json", "open_ended": "*oe*.json", "caption": "*cap*.json"}
_OTHERS = ("*.json", "*.jsonl", "*.parquet")
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
    if wanted.split is None:
        first = _anywhere(_SPLITS["multi_choice"])
        files = files_of(wanted, (*first, *_OTHERS))
        yield from entries(files, _records)
        yield from _passed_over(wanted.path, files)
    elif wanted.split not in _SPLITS or not wanted.path.is_dir():
        raise UsageError(
            f"--split {wanted.split!r:.40}: name one of {', '.join(_SPLITS)}, and a folder of the data set that has it."
        )
    else:
        yield from entries(files_of(wanted, _anywhere(_SPLITS[wanted.split])), _records)


def _anywhere(pattern: str) -> tuple[str, str]:
    """Return the patterns of a file in the folder itself, and in one of its folders."""
    return pattern, f"*/{pattern}"


def _passed_over(folder: Path, read: Sequence[Path]) -> Iterator[Entry]:
    """Yield for each file of a folder that holds another split why it is not read."""
    for split, pattern in _SPLITS.items():
        found = {path for each in _anywhere(pattern) for path in folder.glob(each)}
        for path in sorted(found.difference(read)):
            reason = f"the file holds the split {split}, which --split {split} reads."
            yield Place(path, Spot(1)), RejectedError("other split", reason)


SOURCE = Source(
    name="llava-video",
    title="LLaVA-Video-178K: captions, open questions and multiple choice on 178k videos",
    get="a file such as 0_30_s_academic_v0_1/0_30_s_academic_mc_v0_1_qa_processed.json and the archives beside it of "
    "huggingface.co/datasets/lmms-lab/LLaVA-Video-178K",
    root="the folder that the archives were unpacked in",
    licence="not checked; the videos are those of the sets that it draws on",
    read=_read,
    takes=frozenset({"split"}),
)
