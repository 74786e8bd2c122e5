"""ReXTime (github.com/ReXTime/ReXTime): questions across moments of a video, the span that answers them, and four
options.

Root: the repository's `data/rextime_val.jsonl` (qid, query, duration, vid, relevant_windows, ans), or the hub's file
of the validation split with `question`, `options` and `span`, which the questions for an answer need. Windows start
with the clip, not with the recording that it is from. Videos are ActivityNet's `v_*.mp4` and QVHighlights's
`ID_START_END.mp4`. Spans that end behind their video are cut to it. The answers of the test split are not public.

The prompt for a span is that of its demo, word for word. Its demo chooses an option by the loss, so that the prompt
for an answer is ours. Answers are recorded in its own form, a line each: {"qid", "pred_relevant_windows": [[start,
end, score], ...], "ans"}; the first window counts, its two seconds as they stand. Its score wants every question to be
answered and stops otherwise; here it is over those that are.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, Recorded, accuracy, its_task
from retroflip.bench.benchmarks.choices import (
    as_letter,
    bare,
    choice,
    lettered_lines,
    listed,
    video_file,
)
from retroflip.bench.benchmarks.grounding import (
    ANSWER,
    GROUNDING,
    acc_with_span,
    accuracy_of_answers,
    as_published,
    identity_of,
    inside,
    is_span,
    percent,
    question_of,
    recalls,
    shares_in_seconds,
    span_question,
    told_span,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import field, find, finite, read_rows
from retroflip.bench.records import AnswerRecord
from retroflip.data.answers.spans import Span

TITLE = "ReXTime"
_FILES = (
    "data/rextime_val.jsonl",
    "rextime_val.jsonl",
    "rextime_val.json",
    "data/validation-00000-of-00001.parquet",
    "validation-00000-of-00001.parquet",
)
_FOLDERS = ("videos", "ActivityNet", "QVHighlights", "activitynet", "qvhighlights")
_ASKS_WHEN = (
    "Please find a relevant span to answer in seconds to answer the question in the following format: From "
    "<start_time> to <end_time>. Quesetion: {question}"
)
_ASKS_WHAT = "Answer with the option's letter from the given choices directly."
_BOUNDS = (0.3, 0.5, 0.7)


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, *_FILES)
    for row in read_rows(path, "ReXTime's validation split"):
        yield from _both(root, row)


def _answered(root: Path) -> Iterator[Item]:
    """Yield the questions as they are scored: those whose options are not there, with their letters alone."""
    path = find(root, TITLE, *_FILES)
    for row in read_rows(path, "ReXTime's validation split"):
        yield from _both(root, {**row, "options": row.get("options") or list("ABCD")})


def _both(root: Path, row: Row) -> Iterator[Item]:
    """Yield a question as one for a span, and as one for an answer where its options are there."""
    name = str(field(row, "qid", TITLE))
    where = f"{TITLE}, question {name}"
    question = str(row.get("question") or field(row, "query", where)).strip()
    video, duration = str(field(row, "vid", where)), finite(field(row, "duration", where), where)
    path = video_file(root, _FOLDERS, video)
    golds = as_published(row.get("relevant_windows") or [field(row, "span", where)], where)
    shared: dict[str, Any] = {
        "source": TITLE,
        "source_clip": video,
        "labels": {"source": name.partition("_")[0]},
    }
    published = {**row, "golds": golds, "duration": duration}
    when = span_question(f"{name}/{GROUNDING}", question, inside(golds, duration, where), path, **shared)
    yield Item(when, _ASKS_WHEN.format(question=question), published)
    if row.get("options"):
        options = bare(listed(row["options"], where))
        right = as_letter(field(row, "ans", where), options, where)
        what = choice(f"{name}/{ANSWER}", path, question, options, right, task=ANSWER, **shared)
        yield Item(what, f"{question}\n{lettered_lines(options)}\n{_ASKS_WHAT}", published)


def _grade(item: Item, said: str) -> float:
    """Return the IoU of compute_temporal_iou_batch_paired for a span; whether an answer is the right letter."""
    if not is_span(item):
        return float(said.strip() == item.sample.solution)
    span = told_span(said, item.row["duration"])
    return 0.0 if span is None else max(_overlap(gold, span) for gold in item.row["golds"])


def _overlap(gold: Sequence[float], span: Span) -> float:
    both = max(0.0, min(gold[1], span[1]) - max(gold[0], span[0]))
    whole = max(gold[1], span[1]) - min(gold[0], span[0])
    return both / whole if whole else 0.0


def _recorded(root: Path, file: Path) -> Recorded:
    items = list(_answered(root))
    known = {item.sample.id for item in items}
    form = Form(identity_of, its_task, _own, kept=partial(_is_read, known))
    return recorder(lambda _: items, _grade, form)(root, file)


def _is_read(known: set[str], row: Row) -> bool:
    """Whether a row is no answer to a question whose options the root does not have."""
    name, _, task = str(row.get("identity")).rpartition("/")
    return task != ANSWER or f"{name}/{task}" in known or f"{name}/{GROUNDING}" not in known


def _own(_: Path, rows: list[dict[str, Any]]) -> Iterable[Row]:
    """Yield the window and the answer of every row of its own form; other rows as they are."""
    for row in rows:
        windows = row.get("pred_relevant_windows")
        if "qid" not in row or not (isinstance(windows, list) or "ans" in row) or "response" in row:
            yield row
            continue
        if isinstance(windows, list):
            first = windows[0][:2] if windows and isinstance(windows[0], list) else None
            yield {
                "identity": f"{row['qid']}/{GROUNDING}",
                "response": None
                if first is None
                else str([finite(one, f"{TITLE}, {row['qid']}") for one in first]),
            }
        if "ans" in row:
            yield {"identity": f"{row['qid']}/{ANSWER}", "response": row["ans"]}


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return rextime_eval.py's brief table and its recalls, of what was answered."""
    spans = {
        question_of(one): one.official or 0.0
        for one in graded
        if is_span(one.item) and one.response is not None
    }
    answers = [one for one in graded if not is_span(one.item) and one.response is not None]
    both = {
        f"vqa_miou@{bound:g}": percent(
            [float(one.official == 1.0 and spans.get(question_of(one), 0.0) >= bound) for one in answers]
        )
        for bound in _BOUNDS
        if answers and spans
    }
    overlaps = list(spans.values())
    found = {"acc": accuracy(answers), "n": len(spans) or len(answers), "miou": percent(overlaps)}
    return {**found, **recalls(overlaps, _BOUNDS), **both}


def _ours(graded: Sequence[Graded], records: Sequence[AnswerRecord]) -> dict[str, Any]:
    found = {bound: acc_with_span(graded, records, partial(_reaches, bound)) for bound in _BOUNDS}
    both = {f"vqa_miou@{bound:g}": value for bound, value in found.items() if value is not None}
    return {"acc": accuracy_of_answers(records), **both}


def _reaches(bound: float, record: AnswerRecord) -> bool:
    return record.score >= bound


BENCHMARK = Benchmark(
    name="rextime",
    title=TITLE,
    home="github.com/ReXTime/ReXTime",
    needs=(
        Need(_FILES[0], elsewhere=_FILES[1:]),
        Need(
            "videos/",
            annotation=False,
            licence="ActivityNet's and QVHighlights's own",
            elsewhere=_FOLDERS[1:],
        ),
    ),
    items=_items,
    grade=_grade,
    recorded=_recorded,
    part=its_task,
    summary=_summary,
    ours=_ours,
    reading=shares_in_seconds(lambda item: float(item.row["duration"])),
    max_tokens=64,
)
