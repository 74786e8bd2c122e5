"""MMVU (github.com/yale-nlp/MMVU), its 625 multiple-choice questions of the validation split.

Root: the repository's `data/validation.json`, or the hub's; videos as `videos/SUBJECT/NUMBER.mp4`, which is what the
address in a record's `video` ends in (lmms-eval's copy has `video_path`). The 375 open questions, whose `choices` are
all empty, are judged by a language model and left out.

The repository has GPT-4o judge every answer; a file that it graded (`acc_evaluation.py`: `response`,
`extracted_answer`, `correct`) keeps its grades. Other answers are graded by the rules of lmms-eval's copy: the first
word that is a letter A to E in either case, "a" in "a man" too, or else the right option's letter or words anywhere.
"""

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, Recorded, accuracy, same_table
from retroflip.bench.benchmarks.choices import (
    as_letter,
    choice,
    either_file,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import field, find, read_rows
from retroflip.bench.benchmarks.tables import by_label, label_of, of_answered
from retroflip.errors import DataError

TITLE = "MMVU"
_FILES = (
    "data/validation.json",
    "validation.json",
    "validation-00000-of-00001.parquet",
    "mmvu.jsonl",
    "mmvu.json",
)
_CHOSEN = "multiple-choice"
_DISCIPLINES: Mapping[str, Sequence[str]] = {
    "Science": (
        *(
            "Biology",
            "Chemistry",
            "Modern Physics",
            "Astronomy",
            "Geography",
            "Materials Science",
            "Neurobiology",
        ),
        *("Electromagnetism", "Thermodynamics", "Mechanics"),
    ),
    "Engineering": (
        *("Civil Engineering", "Electrical Engineering", "Mechanical Engineering", "Biomedical Engineering"),
        *("Electronics and Communication", "Computer Science"),
    ),
    "Healthcare": ("Clinical Medicine", "Basic Medicine", "Preventive Medicine", "Pharmacy", "Dentistry"),
    "Humanities and Social Science": ("Art", "Literature", "History", "Law", "Economics", "Management"),
}
_DISCIPLINE = {subject: name for name, subjects in _DISCIPLINES.items() for subject in subjects}
_ASKS = (
    "Do not generate any intermediate reasoning process. Answer directly with the option letter from the given "
    "choices.\n"
)


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, *_FILES)
    for row in read_rows(path, "MMVU's validation.json"):
        if row.get("question_type") == _CHOSEN:
            yield _item(root, row)


def _item(root: Path, row: Row) -> Item:
    identity = str(field(row, "id", TITLE))
    where = f"{TITLE}, question {identity}"
    choices = field(row, "choices", where)
    if not isinstance(choices, Mapping):
        raise DataError(
            f"{where}: its choices are no object of letters and texts. Restore the published file."
        )
    options = [str(text).strip() for text in choices.values()]
    path = str(row.get("video_path") or field(row, "video", where)).partition("/resolve/main/")[2] or str(
        row.get("video_path") or row["video"]
    )
    subject = str((row.get("metadata") or {}).get("subject") or path.split("/")[-2].replace("_", " "))
    question = str(field(row, "question", where))
    sample = choice(
        identity,
        either_file(root, path, f"videos/{path.removeprefix('videos/')}"),
        question,
        options,
        as_letter(field(row, "answer", where), options, where),
        source=TITLE,
        task=subject,
        source_clip=path,
        labels={"discipline": _DISCIPLINE[subject]} if subject in _DISCIPLINE else {},
    )
    lines = [f"{letter}: {text}" for letter, text in choices.items()]
    prompt = "\n".join(["", f"Question: {question}", *lines, "", _ASKS])
    return Item(sample, prompt, row)


def _grade(item: Item, said: str) -> float:
    """lmms_eval/tasks/mmvu/utils.py, evaluate_with_rule_based."""
    said, right = said.strip(), item.sample.solution
    found = re.search(r"\b([A-E])\b", said, re.IGNORECASE)
    if found and found[1].upper() == right:
        return 1.0
    if re.search(rf"\b{right}\b", said, re.IGNORECASE):
        return 1.0
    text, lowered = item.sample.lettered[right].strip().lower(), said.lower()
    if text in lowered:
        return 1.0
    words = [
        word.strip(string.punctuation) for word in text.split() if len(word.strip(string.punctuation)) > 2
    ]
    return float(right in said.upper() and any(word in lowered for word in words))


def _judged(_: Item, row: Row) -> float | None:
    known = "extracted_answer" in row and isinstance(row.get("correct"), bool)
    return float(row["correct"]) if known else None


def _identity(row: Row) -> str | None:
    found = row.get("id", row.get("question_id"))
    return None if found is None else str(found)


def _recorded(root: Path, file: Path) -> Recorded:
    """Read answers without those to open questions."""
    rows = read_rows(find(root, TITLE, *_FILES), "MMVU's validation.json")
    opened = {str(row.get("id")) for row in rows if row.get("question_type") != _CHOSEN}
    form = Form(_identity, judged=_judged, kept=lambda row: _identity(row) not in opened)
    return recorder(_items, _grade, form)(root, file)


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    return {
        "acc": accuracy(graded),
        "n": len(graded),
        "by_discipline": by_label(label_of("discipline"), graded),
    }


BENCHMARK = Benchmark(
    name="mmvu",
    title=TITLE,
    home="github.com/yale-nlp/MMVU",
    needs=(Need(_FILES[0], elsewhere=_FILES[1:]), Need("videos/", annotation=False)),
    items=_items,
    grade=_grade,
    recorded=_recorded,
    summary=of_answered(_table),
    ours=same_table(_table),
    max_tokens=1024,
)
