"""NExT-GQA (github.com/doc-doc/NExT-GQA): a question with five options, and the spans of the video that show the
answer.

Root: the repository's `datasets/nextgqa/`: `test.csv` (video_id, question, answer as text, qid, a0 to a4),
`gsub_test.json` ({video: {"duration", "location": {qid: [[start, end], ...]}}}), `map_vid_vidorID.json`; where there
is no test.csv, the same of val. Videos lie as `videos/` or `NExTVideo/` and the mapped name. Several spans may be
right: the best one counts. Spans that end behind their video are cut to it.

Every question is asked twice: for its answer, and for the span that shows it. Its models are no language models, so
that it has no prompt; the two here are ours.

Answers are recorded in its own files: {"VIDEO_QID": [start, end]}, of which one with `gs` in its name has shares of
the duration, and {"VIDEO_QID": {"prediction", "answer"}} in `SPLIT-res.json` beside it. Its score (eval_ground.py)
takes spans as they are, leaves what was not answered out of every mean, and has no recall at 0.7. A span without
length has no overlap, but lies in a gold span as a whole. Acc@GQA: right, and at least half of the span in a gold one.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, Recorded, accuracy, its_task
from retroflip.bench.benchmarks.choices import (
    choice,
    lettered_lines,
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
from retroflip.bench.benchmarks.published import field, find, finite, read_json, read_rows
from retroflip.bench.metrics.grounding import precision
from retroflip.bench.records import AnswerRecord
from retroflip.data.answers.spans import Span
from retroflip.data.sample import option_letter
from retroflip.errors import DataError

TITLE = "NExT-GQA"
_SPLITS = ("test", "val")
_INSIDE = ("", "datasets/nextgqa/", "nextgqa/")
_FOLDERS = ("videos", "NExTVideo", "video")
_OPTIONS = 5
_ASKS_WHEN = (
    "When does the video show what answers this question? Reply with the start and the end in seconds, as in "
    "'12.5 - 20.0 seconds'."
)
_ASKS_WHAT = "Answer with the option's letter from the given choices directly."
_HALF = 0.5


def _places(*names: str) -> tuple[str, ...]:
    """Return where files of these names may lie."""
    return tuple(f"{place}{name}" for name in names for place in _INSIDE)


def _items(root: Path) -> Iterator[Item]:
    split = next(
        (name for name in _SPLITS if any((root / f"{place}{name}.csv").is_file() for place in _INSIDE)),
        "test",
    )
    yield from _of_split(root, split)


def _of_split(root: Path, split: str) -> Iterator[Item]:
    path = find(root, TITLE, *(f"{place}{split}.csv" for place in _INSIDE))
    spans = read_json(path.with_name(f"gsub_{split}.json"), "NExT-GQA's gsub file")
    names = path.with_name("map_vid_vidorID.json")
    places = read_json(names, "NExT-GQA's map") if names.is_file() else {}
    if not isinstance(spans, Mapping) or not isinstance(places, Mapping):
        raise DataError(
            f"{path.parent}: gsub_{split}.json or map_vid_vidorID.json is no object of videos. Restore it."
        )
    for row in read_rows(path, "NExT-GQA's table"):
        yield from _both(root, row, spans, places)


def _both(root: Path, row: Row, spans: Mapping[str, Any], places: Mapping[str, Any]) -> Iterator[Item]:
    """Yield a question as one for a span, where it has gold spans, and as one for an answer."""
    video, number = str(field(row, "video_id", TITLE)), str(field(row, "qid", TITLE))
    where = f"{TITLE}, question {video}_{number}"
    question = str(field(row, "question", where)).strip()
    path = video_file(root, _FOLDERS, str(places.get(video, video)))
    about = spans.get(video)
    located = about.get("location") if isinstance(about, Mapping) else None
    if about is None or not isinstance(located, Mapping) or number not in located:
        raise DataError(f"{where}: its gsub file has no span for it. Take both files from one version.")
    golds = as_published(located[number], where)
    duration = finite(field(about, "duration", where), where)
    shared: dict[str, Any] = {
        "source": TITLE,
        "source_clip": video,
        "labels": {"type": str(row.get("type", ""))},
    }
    published = {**row, "golds": golds, "duration": duration}
    when = span_question(
        f"{video}_{number}/{GROUNDING}", question, inside(golds, duration, where), path, **shared
    )
    yield Item(when, f"{question}\n{_ASKS_WHEN}", published)
    options = [str(row.get(f"a{index}", "")).strip() for index in range(_OPTIONS)]
    answer = str(field(row, "answer", where)).strip()
    if answer not in options:
        raise DataError(f"{where}: the right answer {answer!r:.60} is none of a0 to a4.")
    right = option_letter(options.index(answer))
    what = choice(f"{video}_{number}/{ANSWER}", path, question, options, right, task=ANSWER, **shared)
    yield Item(what, f"{question}\n{lettered_lines(options)}\n{_ASKS_WHAT}", published)


def _grade(item: Item, said: str) -> float:
    """Return the IoU of eval_ground.py for a span; whether the first letter is the right one for an answer."""
    if not is_span(item):
        return float(said.strip().lstrip("(")[:1].upper() == item.sample.solution)
    span = told_span(said, item.row["duration"])
    return 0.0 if span is None else _best(item, span)[0]


def _best(item: Item, span: Span) -> tuple[float, float]:
    """Return the largest IoU and the largest IoP with any gold span, of eval_ground.py's get_tIoU."""
    found = [_overlaps(gold, span) for gold in item.row["golds"]]
    return max(0.0, *(iou for iou, _ in found)), max(0.0, *(iop for _, iop in found))


def _overlaps(gold: Sequence[float], span: Span) -> tuple[float, float]:
    if span[0] == span[1]:
        return 0.0, float(gold[0] <= span[0] <= gold[1])
    both = min(gold[1], span[1]) - max(gold[0], span[0])
    whole = max(gold[1], span[1]) - min(gold[0], span[0])
    return both / whole if whole > 0 else 0.0, both / (span[1] - span[0]) if span[1] > span[0] else 0.0


def _recorded(root: Path, file: Path) -> Recorded:
    split = file.name.partition("_")[0].partition("-")[0]
    known = split in _SPLITS and any((root / f"{place}{split}.csv").is_file() for place in _INSIDE)
    items = list(_of_split(root, split) if known else _items(root))
    durations = {item.sample.id: item.row["duration"] for item in items}

    def own(_: Path, rows: list[dict[str, Any]]) -> Iterator[Row]:
        beside = file.with_name(f"{split}-res.json")
        extra = (
            [read_json(beside, "NExT-GQA's answers")] if known and beside.is_file() and beside != file else []
        )
        for row in [*rows, *extra]:
            yield from _own_rows(row, durations, scaled="gs" in file.stem.split("_"))

    def kept(row: Row) -> bool:
        """Whether eval_ground.py looks at a row: it passes over what is to no question of the gsub file."""
        return row.get("identity") is None or row["identity"] in durations

    form = Form(identity_of, its_task, own, _judged, kept)
    return recorder(lambda _: items, _grade, form)(root, file)


def _own_rows(row: Row, durations: Mapping[str, float], *, scaled: bool) -> Iterator[Row]:
    """Yield the answers of one of its own files; another row as it is."""
    spans = {
        key: [finite(one, f"NExT-GQA's span of {key}") for one in value]
        for key, value in row.items()
        if isinstance(value, list) and len(value) == 2
    }
    answers = {
        key: value for key, value in row.items() if isinstance(value, Mapping) and "prediction" in value
    }
    if len(spans) + len(answers) < len(row):
        yield row
        return
    for key, value in spans.items():
        identity = f"{key}/{GROUNDING}"
        times = [round(share * durations.get(identity, 1.0), 1) for share in value] if scaled else value
        yield {"identity": identity, "response": str(list(map(float, times)))}
    for key, said in answers.items():
        yield {"identity": f"{key}/{ANSWER}", "response": _letter(said["prediction"]), "qa": said}


def _letter(said: Any) -> str:
    """Return the letter of an option that is told by its number, and what is told otherwise as it is."""
    number = str(said)
    return (
        option_letter(int(number))
        if number.isdecimal() and len(number) < 9 and int(number) < _OPTIONS
        else number
    )


def _judged(_: Item, row: Row) -> float | None:
    found = row.get("qa")
    return float(found.get("answer") == found["prediction"]) if isinstance(found, Mapping) else None


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return eval_ground.py's line, of what was answered."""
    spans = {question_of(one): one for one in graded if is_span(one.item) and one.response is not None}
    answers = {question_of(one): one for one in graded if not is_span(one.item) and one.response is not None}
    overlaps = {name: _told(one) for name, one in spans.items()}
    ious, iops = [one for one, _ in overlaps.values()], [two for _, two in overlaps.values()]
    right = [
        name in answers and answers[name].official == 1.0 and iop >= _HALF
        for name, (_, iop) in overlaps.items()
    ]
    return {
        "acc": accuracy(list(answers.values())),
        "n": len(spans) or len(answers),
        "acc_gqa": percent([float(one) for one in right]) if answers else None,
        "miou": percent(ious),
        "miop": percent(iops),
        **recalls(ious, (0.3, 0.5)),
        **recalls(iops, (0.3, 0.5), "iop"),
    }


def _told(one: Graded) -> tuple[float, float]:
    span = told_span(one.response or "", one.item.row["duration"])
    return (0.0, 0.0) if span is None else _best(one.item, span)


def _ours(graded: Sequence[Graded], records: Sequence[AnswerRecord]) -> dict[str, Any]:
    found = acc_with_span(graded, records, lambda record: precision(record) >= _HALF)
    return {"acc": accuracy_of_answers(records), **({} if found is None else {"acc_gqa": found})}


BENCHMARK = Benchmark(
    name="nextgqa",
    title=TITLE,
    home="github.com/doc-doc/NExT-GQA",
    needs=(
        Need("test.csv", elsewhere=_places("test.csv", "val.csv")),
        Need("gsub_test.json", elsewhere=_places("gsub_test.json", "gsub_val.json")),
        Need("map_vid_vidorID.json", elsewhere=_places("map_vid_vidorID.json")),
        Need("videos/", annotation=False, elsewhere=_FOLDERS[1:]),
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
