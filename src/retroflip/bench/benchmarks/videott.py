"""Video-TT (hub: lmms-lab/video-tt): questions about short videos, put as multiple choice (single_mc).

Root: the hub's repository (`data/test-00000-of-00001.parquet` of the configuration single_mc), or VLMEvalKit's
`Video-TT.tsv`; videos unpacked in `Benchmark-AllVideos-LQ/` or `video/`. The options stand in `question_prompt`. The
other configurations (leading questions, paraphrases) are open and judged.

lmms-eval's scorer takes out phrases that announce an answer and then the first of the letters A to E in what is left,
an article too; without one the answer is wrong. All questions weigh the same.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, same_table
from retroflip.bench.benchmarks.choices import (
    PREFIXES,
    as_letter,
    choice,
    first_letter,
    video_file,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import choices_in, field, find, read_rows
from retroflip.bench.benchmarks.tables import by_label, of_answered, task_of
from retroflip.errors import DataError

TITLE = "Video-TT"
_FILES = (
    "data/test-00000-of-00001.parquet",
    "single_mc/test-00000-of-00001.parquet",
    "test-00000-of-00001.parquet",
    "Video-TT.tsv",
    "video-tt.jsonl",
    "video-tt.json",
)
_FOLDERS = ("Benchmark-AllVideos-LQ", "video", "videos")


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, *_FILES)
    for number, row in enumerate(read_rows(path, "Video-TT's own file")):
        yield _item(root, number, row)


def _item(root: Path, number: int, row: Row) -> Item:
    identity = str(row.get("qid", row.get("question_id", number)))
    where = f"{TITLE}, question {identity}"
    question = str(field(row, "question", where))
    said = str(field(row, "question_prompt", where))
    found = choices_in(f"{question}\n{said}")
    if not found.options:
        raise DataError(
            f"{where}: no options stand in its question_prompt. Read are the questions of single_mc."
        )
    video = str(row.get("video_id") or field(row, "video", where))
    capability = str(row.get("capability") or "")
    sample = choice(
        identity,
        video_file(root, _FOLDERS, video),
        question,
        found.options,
        as_letter(field(row, "answer", where), found.options, where),
        source=TITLE,
        task=capability,
        source_clip=video,
    )
    return Item(sample, f"\n{question}\n{said}\n", row)


def _grade(item: Item, said: str) -> float:
    """lmms_eval/tasks/video-tt/utils.py, extract_characters_regex."""
    return float(first_letter(said, PREFIXES, "ABCDE") == item.sample.solution)


def _identity(row: Row) -> str | None:
    found = row.get("qid", row.get("question_id"))
    return None if found is None else str(found)


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    return {
        "acc": accuracy(graded),
        "n": len(graded),
        "by_capability": by_label(task_of, graded),
    }


BENCHMARK = Benchmark(
    name="videott",
    title=TITLE,
    home="huggingface.co/datasets/lmms-lab/video-tt",
    needs=(
        Need(_FILES[0], elsewhere=_FILES[1:]),
        Need("Benchmark-AllVideos-LQ/", annotation=False, elsewhere=_FOLDERS[1:]),
    ),
    items=_items,
    grade=_grade,
    recorded=recorder(_items, _grade, Form(identity=_identity)),
    summary=of_answered(_table),
    ours=same_table(_table),
    sampler="lmms-eval",
    max_tokens=16,
)
