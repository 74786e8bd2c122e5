"""Answers in the form of a benchmark's own tools: records that name their questions, joined with these.

Toolkits' logs are told first and read by `harnesses`. What is left are lists of records (JSON, JSONL, CSV, TSV,
Parquet; under `results` too) and objects, which the benchmark's file turns into records with an id each. A record to
no question is an error: answers are not dropped in silence. A question that was not answered is there without an
answer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Grade, Graded, Item, Recorded, all_of_it
from retroflip.bench.benchmarks.published import is_one_object, read_json, read_rows, response_text
from retroflip.bench.benchmarks.time_r1 import Qids
from retroflip.errors import DataError

Row: TypeAlias = Mapping[str, Any]
RESPONSES = ("response", "output", "model_output", "filtered_resps", "resps", "prediction", "pred")
"""the keys under which tools write what a model said, the first that is there counts"""
_FORM = "answers in the benchmark's own form, lmms-eval's samples, or a table of VLMEvalKit"


class Answer(NamedTuple):
    """What was recorded to a question. row: the record; empty where there is none. response: None without an answer."""

    item: Item
    row: Row
    response: str | None


def said(row: Row) -> str | None:
    """Return what the model said; None where the call failed or nothing is recorded."""
    found = next((row[key] for key in RESPONSES if row.get(key) is not None), None)
    return harnesses.answered(response_text(found))


def joined(
    items: Iterable[Item],
    file: Path,
    rows: Sequence[Row],
    identity: Callable[[Row], str | None],
    part: Callable[[Item], str] = all_of_it,
) -> list[Answer]:
    """Return every question of the parts that the rows answer, in the questions' order, with what was said to it.

    identity: the id of the question that a row is to. part: what one file may be about; a part to which no row belongs
    is left out. A question that was answered twice is there twice. Raises DataError for a row without its question.
    """
    known = {item.sample.id: item for item in items}
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        name = identity(row)
        if name not in known:
            what = (
                f"an answer ({str(dict(row))!r:.120}) names no question"
                if name is None
                else f"an answer is to {name!r}"
            )
            raise DataError(
                f"{file}: {what}, and must be to one of the {len(known)} questions under --root. Name the root of the "
                f"version that was answered, or take that answer out. Wanted are {_FORM}."
            )
        found[name].append(row)
    parts = {part(known[name]) for name in found}
    return [
        Answer(item, row, said(row))
        for name, item in known.items()
        if part(item) in parts
        for row in found.get(name, [{}])
    ]


class Form(NamedTuple):
    """How the benchmark's own form is read.

    identity, part: as for `joined`. own: its rows, given the records of a file. judged: the grade of a language model
    that a row holds. kept: whether a row is to a question that is read here; what is not is counted and passed over.
    qids: as `harnesses.also` takes them.
    """

    identity: Callable[[Row], str | None]
    part: Callable[[Item], str] = all_of_it
    own: Callable[[Path, list[dict[str, Any]]], Iterable[Row]] = lambda _, rows: rows
    judged: Callable[[Item, Row], float | None] = lambda _, __: None
    kept: Callable[[Row], bool] = lambda _: True
    qids: Qids | None = None

    def read(self, items: Iterable[Item], grade: Grade, file: Path) -> Recorded:
        """Return the graded answers of a file. Raises DataError for another form, and as `joined` does."""
        asked, found = list(items), list(self.own(file, records(file)))
        rows = [row for row in found if self.kept(row)]
        if not rows:
            raise DataError(f"{file}: no answer to a question under --root is in it. Give {_FORM}.")
        graded = [
            Graded(one.item, one.response, _official(one, grade, self.judged), missing=not one.row)
            for one in joined(asked, file, rows, self.identity, self.part)
        ]
        return Recorded(graded, harnesses.passed_over(len(found) - len(rows)), asked)


def recorder(
    items: Callable[[Path], Iterable[Item]], grade: Grade, form: Form
) -> Callable[[Path, Path], Recorded]:
    """Return the reader of a benchmark's recorded answers, in its own form or as toolkits log them."""
    return harnesses.also(
        lambda root, file: form.read(items(root), grade, file),
        items,
        grade,
        named=form.identity,
        part=form.part,
        kept=form.kept,
        qids=form.qids,
    )


def _official(one: Answer, grade: Grade, judged: Callable[[Item, Row], float | None]) -> float | None:
    by_model = judged(one.item, one.row)
    if by_model is not None:
        return by_model
    return 0.0 if one.response is None else grade(one.item, one.response)


def records(file: Path) -> list[dict[str, Any]]:
    """Return the records of a file, those under `results` of an object too; another object is one record.

    Raises DataError for a file of another form.
    """
    if not is_one_object(file):
        return read_rows(file, _FORM)
    try:
        found = list(harnesses.records_under(file, "results"))
    except DataError as error:
        raise DataError(f"{file}: {error} Give {_FORM}.") from error
    if not found:
        value = read_json(file, _FORM)
        return [] if value.get("results") == [] else [value]
    broken = [one for one in found if not isinstance(one, dict)]
    if broken:
        what = broken[0] if isinstance(broken[0], DataError) else "what is under 'results' are no records."
        raise DataError(f"{file}: {what} Give {_FORM}.")
    return found
