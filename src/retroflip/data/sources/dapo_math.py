r"""DAPO-Math: as published (verl's rows), de-duplicated by others (prompt and solution), VideoAuto-R1's selection.

`{"prompt": "...", "solution": "34"}`, or as published `prompt=[{"role": "user", "content": ...}]` and
`reward_model={"ground_truth": "34"}`. The published table holds its 17,000 problems about a hundred times each: an id
is made of the problem, and every import takes a question once. The frame that asks for "Answer: ..." is taken off: a
training prompt asks for a box.
"""

import hashlib
import re
from collections.abc import Iterator
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
    listed,
    text,
    unboxed,
)

_PATTERNS = ("dapo_math_filter-6k.json", "data/*.parquet", "*.parquet", "*.json", "*.jsonl")
_FRAME = re.compile(
    r"Solve the following math problem step by step\. The last line of your response should be of the form Answer: "
    r"\$Answer \(without quotes\) where \$Answer is the answer to the problem\.\s*(.+?)\s*"
    r'Remember to put your answer on its own line after "Answer:"\.',
    re.DOTALL,
)


def _records(row: Record, _: Place) -> Iterator[Record]:
    problem, answer = _problem(row), unboxed(_answer(row))
    digest = hashlib.sha256(problem.encode("utf-8", "surrogatepass")).digest()[:8]
    yield {
        "problem_id": f"dapo-{digest.hex()}",
        "problem": problem,
        "data_type": "text",
        "problem_type": "math",
        "solution": answer,
        "data_source": "DAPO-Math",
    }


def _read(wanted: Wanted) -> Iterator[Entry]:
    return entries(files_of(wanted, _PATTERNS), _records)


def _problem(row: Record) -> str:
    prompt: Any = row.get("prompt")
    if isinstance(prompt, list):
        turns = [
            turn for turn in listed(row, "prompt") if isinstance(turn, dict) and turn.get("role") == "user"
        ]
        if len(turns) != 1:
            raise RejectedError("turns", f"its prompt has {len(turns)} turns of a user, and one is expected.")
        content = text(turns[0], "content")
    else:
        content = text(row, "prompt")
    framed = _FRAME.fullmatch(content.strip())
    return framed[1] if framed else content.strip()


def _answer(row: Record) -> str:
    judged = row.get("reward_model")
    return text(judged, "ground_truth") if isinstance(judged, dict) else text(row, "solution")


SOURCE = Source(
    name="dapo-math",
    title="DAPO-Math: 17k mathematical problems with an answer that can be checked, text alone",
    get="the Parquet file of huggingface.co/datasets/BytedTsinghua-SIA/DAPO-Math-17k; or DAPO-Math/"
    "dapo_math_filter-6k.json of huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data",
    root="none: it shows nothing",
    licence="not checked; see its page",
    read=_read,
    ids_of_content=True,
)
