"""A benchmark of pairs as a task of lmms-eval: what its YAML file calls. Written by `retroflip dybench export`.

It needs nothing but Python. The videos are looked for in the folder that was exported, or in $RETROFLIP_BENCH_ROOT. An
answer is a letter that is marked, stands alone, or begins the text; what is none is unparsed, which is wrong, and never
taken for a letter. A pair counts when both sides are right; one with a side missing, as under --limit, is wrong.
"""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]
Item = Mapping[str, Any]
HERE = Path(__file__).parent
_MARKED = re.compile(
    r"\\boxed\{\s*(?:\\text\{\s*)?\(?([A-Z])(?:\)?[.:]?\s*\}|[.:)][^{}]*\})"
    r"|<answer>\s*\(?([A-Z])\)?[.:]?[^<]*</answer>"
)
_ALONE = re.compile(r"\(?([A-Z])\)?[.:]?")
_BEGINS = re.compile(r"\(([A-Z])\)|([A-Z])[.:)](?:\s|$)")
_SAID = re.compile(r"(?i:answer|option|choice)\s*(?:is|:)\s*:?\s*(?i:option\s+)?\(?([A-Z])\)?(?![\w'])")


def doc_to_visual(doc: Document) -> list[str]:
    """Return the paths of a question's videos."""
    root = Path(
        os.environ.get("RETROFLIP_BENCH_ROOT") or (HERE / "root.txt").read_text(encoding="utf-8").strip()
    )
    paths = [root / video for video in doc["videos"]]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{missing[0]}: no such video. Set RETROFLIP_BENCH_ROOT to the benchmark's folder."
        )
    return [str(path) for path in paths]


def doc_to_text(doc: Document, lmms_eval_specific_kwargs: Mapping[str, str] | None = None) -> str:
    """Return a question with its options, between the texts that a model asks for."""
    around = lmms_eval_specific_kwargs or {}
    return f"{around.get('pre_prompt', '')}{doc['prompt']}{around.get('post_prompt', '')}"


def process_results(doc: Document, results: Sequence[Any]) -> dict[str, Item]:
    """Return what every metric takes of an answer."""
    letters = list(json.loads(doc["options"]))
    said = read_letter(str(results[0]) if results else "", letters)
    item = {
        "id": doc["id"],
        "pair": doc["pair"],
        "side": doc["side"],
        "task": doc["task"],
        "said": said,
        "score": float(said == doc["answer"]),
    }
    return dict.fromkeys(("acc", "p_acc", "same_answer_rate", "unparsed_rate"), item)


def read_letter(text: str, letters: Sequence[str]) -> str | None:
    """Return the letter that a response gives, None where that is not sure."""
    text = text.rpartition("</think>")[2].replace("**", "").strip()
    marked = [one or two for one, two in _MARKED.findall(text)]
    if "\\boxed" in text or "<answer>" in text:
        return marked[-1] if marked and marked[-1] in letters else None
    lines = [line.strip().strip("*") for line in text.splitlines() if line.strip()]
    for found in [_ALONE.fullmatch(text.strip("*")), *(_BEGINS.match(line) for line in lines[:1])]:
        letter = next((one for one in found.groups() if one), None) if found else None
        if letter in letters:
            return letter
    said = set(_SAID.findall(text)) & set(letters)
    return said.pop() if len(said) == 1 else None


def acc(items: Sequence[Item]) -> float:
    """Return the share of right answers."""
    return _mean([item["score"] for item in items])


def p_acc(items: Sequence[Item]) -> float:
    """Return the share of pairs with both sides right; questions of no pair are passed over."""
    return _mean([float(len(sides) == 2 and all(one["score"] for one in sides)) for sides in _pairs(items)])


def same_answer_rate(items: Sequence[Item]) -> float:
    """Return the share of whole pairs whose sides have one and the same letter."""
    whole = [sides for sides in _pairs(items) if len(sides) == 2]
    return _mean([float(a["said"] is not None and a["said"] == b["said"]) for a, b in whole])


def unparsed_rate(items: Sequence[Item]) -> float:
    """Return the share of answers from which no letter could be read."""
    return _mean([float(item["said"] is None) for item in items])


def _pairs(items: Sequence[Item]) -> list[list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        if item["pair"] is not None:
            found.setdefault(item["pair"], []).append(item)
    return list(found.values())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
