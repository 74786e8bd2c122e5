"""Video-MME (github.com/MME-Benchmarks/Video-MME): 900 videos, three questions each, without subtitles.

Root: the hub's repository (`videomme/test-00000-of-00001.parquet`, videos unpacked in `data/` or `video/`), or
VLMEvalKit's `Video-MME.tsv`. A video is named by its `videoID`, which is not `video_id`.

Recorded answers are those of the repository's own form (`output_test_template.json`: videos with their `questions`,
each with a `response`), or of a toolkit. Its scorer (eval_your_results.py of thanku-all/parse_answer) takes out
phrases that announce an answer and then the first of the letters A to D in what is left, an article too; an answer
without one leaves the denominator, and so do videos marked as `missing`. Two pairs of its phrases are joined by a
forgotten comma and match nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, same_table
from retroflip.bench.benchmarks.choices import (
    as_letter,
    bare,
    choice,
    first_letter,
    listed,
    video_file,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import field, find, read_rows
from retroflip.bench.benchmarks.tables import by_label, label_of
from retroflip.errors import DataError

TITLE = "Video-MME"
_FILES = (
    "videomme/test-00000-of-00001.parquet",
    "test-00000-of-00001.parquet",
    "Video-MME.tsv",
    "videomme.jsonl",
    "videomme.json",
)
_ASKS = (
    "Select the best answer to the following multiple-choice question based on the video. Respond with only the letter "
    "(A, B, C, or D) of the correct option."
)
_PREFIXES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option isThe correct option is",
    "Best answer:Best option:",
    "Answer:",
    "Option:",
    "The correct answer",
    "The correct option",
)
_LABELS = ("duration", "domain", "sub_category", "task_type")


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, *_FILES)
    for number, row in enumerate(read_rows(path, "Video-MME's own file")):
        yield _item(root, number, row)


def _item(root: Path, number: int, row: Row) -> Item:
    identity = str(row.get("question_id", row.get("index", number)))
    where = f"{TITLE}, question {identity}"
    video = str(row.get("videoID") or field(row, "video", where))
    options = listed(row.get("options", row.get("candidates")), where)
    question = str(field(row, "question", where))
    texts = bare(options)
    sample = choice(
        identity,
        video_file(root, ("data", "video", "videos"), video),
        question,
        texts,
        as_letter(field(row, "answer", where), texts, where),
        source=TITLE,
        task=str(row.get("task_type", "")),
        source_clip=video,
        labels={key: str(row[key]) for key in _LABELS if row.get(key)},
    )
    prompt = "\n".join([_ASKS, question, *options, "The best answer is:"])
    return Item(sample, prompt, row)


def _extracted(said: str) -> str:
    """eval_your_results.py, extract_characters_regex."""
    return first_letter(said, _PREFIXES, "ABCD")


def _grade(item: Item, said: str) -> float:
    return float(_extracted(said) == item.sample.solution)


def _own(file: Path, rows: list[dict[str, Any]]) -> Iterable[Row]:
    """Yield the questions of the repository's own form one by one; other rows as they are."""
    for row in rows:
        if isinstance(row.get("questions"), list):
            if not all(isinstance(question, Mapping) for question in row["questions"]):
                raise DataError(
                    f"{file}: something under 'questions' is no question. Give {TITLE}'s own form."
                )
            yield from ({**question, "missing": row.get("missing")} for question in row["questions"])
        else:
            yield row


def _identity(row: Row) -> str | None:
    return str(row["question_id"]) if row.get("question_id") is not None else None


def _qids(items: Sequence[Item]) -> Mapping[str, Item]:
    """Return the questions by Time-R1's names."""
    return {f"videomme_{item.sample.id}": item for item in items}


def _part(item: Item) -> str:
    return item.sample.labels.get("duration", "")


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the table of eval_your_results.py: what it can read a letter in."""
    return _table([one for one in graded if one.response is not None and _extracted(one.response)])


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    tables = {f"by_{name}": by_label(label_of(name), graded) for name in _LABELS}
    return {"acc": accuracy(graded), "n": len(graded), **tables}


BENCHMARK = Benchmark(
    name="videomme",
    title=TITLE,
    home="huggingface.co/datasets/lmms-lab/Video-MME",
    needs=(
        Need(_FILES[0], elsewhere=_FILES[1:]),
        Need("data/", annotation=False, licence="academic research only", elsewhere=("video", "videos")),
    ),
    items=_items,
    grade=_grade,
    recorded=recorder(
        _items,
        _grade,
        Form(_identity, part=_part, own=_own, qids=_qids),
    ),
    part=_part,
    summary=_summary,
    ours=same_table(_table),
    sampler="lmms-eval",
    max_tokens=16,
)
