"""LVBench (github.com/THUDM/LVBench): questions about videos of up to two hours.

Root: the repository with `data/video_info.meta.jsonl`, a line a video: `key` (its name on YouTube), `qa` (uid,
question with the options "(A) ..." in its text, answer, question_type as a list, time_reference); videos as `KEY.mp4`
in `all_videos/`, `videos/` or `scripts/videos/`, or as video2dataset numbers them.

Its own file of answers is {uid: letter}; `compute_accuracy` takes each as it is, so that "B." is wrong, counts an
answer under every one of its question types, and leaves out what is not answered. For texts its `polish_answer` is
used: what stands before the first ")" and behind a "(" in it, and of that the first character, so that "The answer is
B" is "T".
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, same_table
from retroflip.bench.benchmarks.choices import (
    as_letter,
    choice,
    video_file,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import choices_in, field, find, read_rows
from retroflip.bench.benchmarks.tables import by_label, of_answered
from retroflip.errors import DataError

TITLE = "LVBench"
_FILES = ("data/video_info.meta.jsonl", "video_info.meta.jsonl")
_FOLDERS = ("all_videos", "videos", "scripts/videos", "video")
_ASKS = "Answer the question with the option letter"
_BETWEEN = "; "


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, *_FILES)
    for row in read_rows(path, "LVBench's video_info.meta.jsonl"):
        key = str(field(row, "key", TITLE))
        for asked in field(row, "qa", f"{TITLE}, video {key}"):
            yield _item(root, key, row, asked)


def _item(root: Path, key: str, row: Row, asked: Row) -> Item:
    identity = str(field(asked, "uid", f"{TITLE}, video {key}"))
    where = f"{TITLE}, question {identity}"
    text = str(field(asked, "question", where))
    found = choices_in(text)
    if not found.options:
        raise DataError(f"{where}: no options stand in its question. Restore the published file.")
    kinds = asked.get("question_type") or []
    sample = choice(
        identity,
        video_file(root, _FOLDERS, key),
        found.stem,
        found.options,
        as_letter(field(asked, "answer", where), found.options, where),
        source=TITLE,
        task=str(kinds[0]) if len(kinds) == 1 else _BETWEEN.join(map(str, kinds)),
        source_clip=key,
        labels={"type": str(row["type"])} if row.get("type") else {},
    )
    return Item(sample, f"{text}\n{_ASKS}", asked)


def _grade(item: Item, said: str) -> float:
    """answer_util.py, polish_answer."""
    said = said.strip().split(")")[0].strip()
    said = said.split("(")[1].strip() if "(" in said else said
    return float(said.split(" ")[0][:1] == item.sample.solution)


def _own(_: Path, rows: list[dict[str, Any]]) -> Iterable[Row]:
    """Yield the answers of a file {uid: letter} as rows; other rows as they are."""
    for row in rows:
        if row and all(key.isdecimal() for key in row):
            yield from ({"uid": uid, "response": said, "exact": said} for uid, said in row.items())
        else:
            yield row


def _identity(row: Row) -> str | None:
    return str(row["uid"]) if row.get("uid") is not None else None


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    kinds = by_label(lambda one: map(str, one.item.row.get("question_type") or []), graded)
    return {"acc": accuracy(graded), "n": len(graded), "by_question_type": kinds}


def _as_it_stands(item: Item, row: Row) -> float | None:
    """compute_accuracy.py compares the letters of its own file without reading them."""
    return float(row["exact"] == item.sample.solution) if "exact" in row else None


BENCHMARK = Benchmark(
    name="lvbench",
    title=TITLE,
    home="huggingface.co/datasets/THUDM/LVBench",
    needs=(
        Need(_FILES[0], elsewhere=_FILES[1:]),
        Need("all_videos/", annotation=False, licence="CC BY-NC-SA 4.0", elsewhere=_FOLDERS[1:]),
    ),
    items=_items,
    grade=_grade,
    recorded=recorder(_items, _grade, Form(identity=_identity, own=_own, judged=_as_it_stands)),
    summary=of_answered(_table),
    ours=same_table(_table),
    sampler="lmms-eval",
    max_tokens=16,
)
