"""Charades-STA (github.com/jiyanggao/TALL): when in a video of half a minute what a sentence says happens.

Root: `charades_sta_test.txt` (`VIDEO START END##SENTENCE`), `Charades_v1_test.csv` of Charades for the videos'
lengths, and the videos in `Charades_v1_480/` or `Charades_v1/`. Spans that end behind their video are cut to it.

Prompt and official score are lmms-eval's (tasks/charades_sta): the first two times that its patterns find ("24.3 -
30.4", or in words with "to"), overlap 0 where there are not two; recall at IoU of at least 0.3, 0.5 and 0.7, and the
mean. Its file of answers is {"VIDEO>>>SENTENCE>>>[START, END]": response}: what stands in the annotation twice is one
answer. Its gold spans are not cut. Of Time-R1's answers the official score is its own, which wants more than the bound.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, Recorded
from retroflip.bench.benchmarks.choices import video_file
from retroflip.bench.benchmarks.grounding import (
    accuracy_of_answers,
    inside,
    percent,
    recalls,
    shares_in_seconds,
    span_question,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder, records
from retroflip.bench.benchmarks.published import find, finite, read_rows
from retroflip.bench.benchmarks.time_r1 import TIME_R1
from retroflip.data.answers.spans import Span
from retroflip.errors import DataError

TITLE = "Charades-STA"
_FILE = "charades_sta_test.txt"
_LENGTHS = "Charades_v1_test.csv"
_FOLDERS = ("Charades_v1_480", "Charades_v1", "videos")
_LINE = re.compile(r"(\S+) (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)##(.+)")
_BEGINS = (
    "Please find the visual event described by a sentence in the video, determining its starting and ending times. The "
    "format should be: 'The event happens in the start time - end time'. For example, The event 'person turn a light "
    "on' happens in the 24.3 - 30.4 seonds. Now I will give you the textual sentence: "
)
_ENDS = "Please return its start time and end time."
_BOUNDS = (0.3, 0.5, 0.7)
_BETWEEN = ">>>"


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, _FILE, f"annotations/{_FILE}")
    lengths = _lengths(root)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Restore the published file.") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _item(root, number, line.strip(), lengths, f"{path}, line {number}")


def _lengths(root: Path) -> Mapping[str, float]:
    path = find(root, TITLE, _LENGTHS, f"annotations/{_LENGTHS}", f"Charades/{_LENGTHS}")
    rows = read_rows(path, "Charades's own table")
    try:
        return {str(row["id"]): finite(row["length"], str(path)) for row in rows if row.get("length")}
    except KeyError as error:
        raise DataError(f"{path}: a row has no 'id'. Restore Charades's own table.") from error


def _item(root: Path, number: int, line: str, lengths: Mapping[str, float], where: str) -> Item:
    found = _LINE.fullmatch(line)
    if found is None:
        raise DataError(
            f"{where}: {line!r:.80} is not 'VIDEO START END##SENTENCE'. Restore the published file."
        )
    video, start, end, sentence = found[1], float(found[2]), float(found[3]), found[4].strip()
    duration = lengths.get(video)
    sample = span_question(
        f"{video}/{number}",
        sentence,
        inside([(start, end)], duration, where),
        video_file(root, _FOLDERS, video),
        source=TITLE,
        source_clip=video,
        labels={} if duration is None else {"duration": f"{duration:g}"},
    )
    row = {"video": f"{video}.mp4", "caption": sentence, "timestamp": [start, end]}
    return Item(sample, f"{_BEGINS}{sentence}. {_ENDS}", row)


def _duration(item: Item) -> float | None:
    said = item.sample.labels.get("duration")
    return None if said is None else float(said)


def _grade(item: Item, said: str) -> float:
    """tasks/charades_sta/utils.py, _temporal_grounding_compute_metrics: the IoU with the published span."""
    span = _extracted(said)
    return 0.0 if span is None else _overlap(item.row["timestamp"], span)


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    whole = max(a[1], b[1]) - min(a[0], b[0])
    return 0.0 if whole <= 0 else max(min(a[1], b[1]) - max(a[0], b[0]), 0.0) / whole


_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_CLOCKS = re.compile(rf"\b({_CLOCK})\s*[–-]\s*({_CLOCK})\b")
_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*[–-]\s*(\d+(?:\.\d+)?)")
_ONE_CLOCK = re.compile(rf"\b({_CLOCK})\b")
_ONE_NUMBER = re.compile(r"\b(\d+(?:\.\d+)?)\b")
_SPACED_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*s?\s*[–-]\s*(\d+(?:\.\d+)?)\s*s?")
_KEYWORDS = ("starts", "ends", "happens in", "start time", "end time", "start", "end", "happen")


def _extracted(said: str) -> Span | None:
    """Return the first span of extract_time, the earlier second first; None where it finds none."""
    said = said.lower().replace("a specific example is : 20.8 - 30.0 seconds", "").replace("to", "-")
    sentences = re.split(r"[!?\n]", said)
    told = [one for one in sentences if any(word in one for word in _KEYWORDS)] or sentences
    clocks = [_seconds(clock) for one in told for clock in _ONE_CLOCK.findall(one)]
    numbers = [float(match[1]) for one in told if (match := _ONE_NUMBER.search(one))]
    found = (
        _first(_CLOCKS, told, _seconds)
        or _first(_RANGE, told, float)
        or _two(clocks)
        or _two(numbers)
        or _first(_SPACED_RANGE, told, float)
    )
    return None if found is None else (min(found), max(found))


def _first(pattern: re.Pattern[str], sentences: Iterable[str], read: Any) -> Span | None:
    found = next((match for one in sentences if (match := pattern.search(one))), None)
    return None if found is None else (read(found[1]), read(found[2]))


def _two(times: Sequence[float]) -> Span | None:
    return (times[0], times[1]) if len(times) > 1 else None


def _seconds(clock: str) -> float:
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60.0 * seconds + float(part)
    return seconds


def _own(_: Path, rows: list[dict[str, Any]]) -> Iterable[Row]:
    """Yield the answers of lmms-eval's file of all answers, or of its samples; other rows as they are."""
    for row in rows:
        keyed = {key: value for key, value in row.items() if _BETWEEN in key}
        inner = [value for value in row.values() if isinstance(value, Mapping)]
        nested = {key: value for one in inner for key, value in one.items() if _BETWEEN in str(key)}
        if keyed:
            yield from ({"key": key, "response": value} for key, value in keyed.items())
        elif nested:
            yield from (
                {"key": key, "response": row.get("filtered_resps", value)} for key, value in nested.items()
            )
        else:
            yield row


def _is_keyed(row: Row) -> bool:
    """Whether a row's keys name their questions, as lmms-eval's do."""
    keys = [*row, *(key for value in row.values() if isinstance(value, Mapping) for key in value)]
    return any(_BETWEEN in str(key) for key in keys)


def _recorded(root: Path, file: Path) -> Recorded:
    known: dict[str, str] = {}
    items = list(_items(root))
    for item in items:
        known.setdefault(_key(**item.row), item.sample.id)
    twice = {item.sample.id for item in items} - set(known.values())

    def identity(row: Row) -> str | None:
        if "key" not in row:
            return None
        video, sentence, span = str(row["key"]).split(_BETWEEN)
        key = _key(video, sentence, _span_of(span))
        return known.get(key, str(row["key"]))

    form = Form(identity, own=_own, qids=_qids)
    if file.is_file() and any(_is_keyed(row) for row in records(file)):
        once = [item for item in items if item.sample.id not in twice]
        return form.read(once, _grade, file)
    return recorder(lambda _: items, _grade, form)(root, file)


def _qids(items: Sequence[Item]) -> Mapping[str, Item]:
    """Return the questions by Time-R1's names: it numbers them video by video, in the order in which these begin."""
    places = {
        video: place for place, video in enumerate(dict.fromkeys(one.sample.source_clip for one in items))
    }
    by_video = sorted(items, key=lambda one: places[one.sample.source_clip])
    return {f"charades_{number}": item for number, item in enumerate(by_video)}


def _span_of(text: str) -> Sequence[float]:
    try:
        start, end = ast.literal_eval(text)
        return [finite(start, text), finite(end, text)]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, DataError):
        return []


def _key(video: str, caption: str, timestamp: Sequence[float]) -> str:
    return f"{Path(video).stem}{_BETWEEN}{caption.strip().rstrip('.')}{_BETWEEN}{list(timestamp)}"


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    overlaps = [one.official or 0.0 for one in graded if one.response is not None]
    beyond = any(TIME_R1 in one.item.row for one in graded)
    return {
        "acc": None,
        "n": len(overlaps),
        **recalls(overlaps, _BOUNDS, beyond=beyond),
        "miou": percent(overlaps),
        **({"avg": _average(overlaps)} if beyond else {}),
    }


def _average(overlaps: Sequence[float]) -> float | None:
    """Return Time-R1's `avg` (calc_score): the mean of its mean overlap and its three recalls, in per cent."""
    return percent([fmean([one, *(float(one > bound) for bound in _BOUNDS)]) for one in overlaps])


BENCHMARK = Benchmark(
    name="charades",
    title=TITLE,
    home="github.com/jiyanggao/TALL",
    needs=(
        Need(_FILE, elsewhere=(f"annotations/{_FILE}",)),
        Need(_LENGTHS, elsewhere=(f"annotations/{_LENGTHS}", f"Charades/{_LENGTHS}")),
        Need(
            "Charades_v1_480/",
            annotation=False,
            licence="Charades: academic and non-commercial",
            elsewhere=_FOLDERS[1:],
        ),
    ),
    items=_items,
    grade=_grade,
    recorded=_recorded,
    summary=_summary,
    ours=lambda _, records: {"acc": accuracy_of_answers(records)},
    reading=shares_in_seconds(_duration),
    sampler="lmms-eval",
    max_tokens=50,
)
