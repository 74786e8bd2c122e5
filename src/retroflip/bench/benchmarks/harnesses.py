"""Answers as toolkits log them, to whatever benchmark: lmms-eval's samples, VLMEvalKit's tables, Video-R1's results.

lmms-eval writes a JSONL file for each task, with doc_id, input, target and filtered_resps (and doc, before 0.5), and a
metric's own fields; VLMEvalKit a table (xlsx, TSV, CSV or JSON) with index, question, prediction and the columns of its
data set. Both number the questions of a task from 0 on. Video-R1's `eval_bench.py`, and the many programs that derive
from it, write {"results": [{problem, options, path, output, prediction, reward}]}; its rewards are official grades.

An answer is matched to its question by the name that the benchmark gives it, where the log has that; else by video and
question; else by its number within one of the benchmark's parts, all of whose questions must then be those that were
asked. What a toolkit writes for a call that failed is no answer.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.benchmarks import time_r1
from retroflip.bench.benchmarks.base import (
    NOT_READ,
    Grade,
    Graded,
    Item,
    Recorded,
    its_task,
    recorded_of,
)
from retroflip.bench.benchmarks.choices import bare
from retroflip.bench.benchmarks.published import YES_NO, is_one_object, mark, response_text
from retroflip.bench.benchmarks.workbook import MAGIC, workbook_rows
from retroflip.data.forms import beginning, rows
from retroflip.data.forms.base import Spot
from retroflip.data.forms.json_records import entries
from retroflip.errors import DataError

Named = Callable[[Mapping[str, Any]], str | None]
"""the benchmark's name of the question that a logged row answers; None where it has none"""
_FAILED = ("[LMMS_EVAL_REQUEST_FAILED", "Failed to obtain answer via API", "<answer>error</answer>")
_WHOLE = re.compile(r"(\d{1,12})(?:\.0*)?")
"""a whole number, as tables write it"""
_OF_VIDEO_R1 = {"problem", "path", "output"}
_LOOKED_AT = 100
"""records of a file by which its form is told"""


class Logged(NamedTuple):
    """A logged answer. number: of its question, in its task. text: the question as it was asked, plain. fields: all of
    it. options: in the order in which they were shown, where that is known. reward: what the toolkit itself gave."""

    number: int
    text: str
    video: str
    response: str | None
    fields: Mapping[str, Any]
    options: tuple[str, ...] = ()
    reward: float | None = None

    def graded(self, item: Item, grade: Grade) -> Graded:
        """Return it with its official grade: its own reward, else by the benchmark's rules; 0 for no answer."""
        if self.reward is not None or self.response is None:
            return Graded(item, self.response, self.reward or 0.0)
        return Graded(item, self.response, grade(item, self.response))


def also(
    own: Callable[[Path, Path], Sequence[Graded]],
    items: Callable[[Path], Iterable[Item]],
    grade: Grade,
    *,
    named: Named = lambda _: None,
    key: Callable[[Item], str] = lambda item: item.sample.id,
    part: Callable[[Item], str] = its_task,
    kept: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    qids: time_r1.Qids | None = None,
) -> Callable[[Path, Path], Recorded]:
    """Return a reader of a benchmark's own result format and of the two toolkits' logs.

    named: the question's name in a logged row, and key: the same of an item. part: in which of the toolkits' tasks an
    item would be. kept: whether a logged row is to a question of the benchmark as it is read here; what is not is
    counted and passed over. qids: Time-R1's names of the questions, where it asks the benchmark.
    """

    def read(root: Path, file: Path) -> Recorded:
        if qids is not None and time_r1.is_time_r1(file):
            return _some(time_r1.recorded(qids(list(items(root))), file), file)
        found = logged(file) if file.is_file() else None
        if found is None:
            return _some(recorded_of(own(root, file)), file)
        logs = [log for log in found if kept(log.fields)]
        asked = list(items(root))
        matched = (
            _by_name(logs, {key(item): item for item in asked}, named)
            or _by_video(logs, asked)
            or _by_number(logs, asked, part)
        )
        if matched is None:
            raise DataError(
                f"{file}: its {len(logs)} answers cannot be matched to the {len(asked)} questions under --root: not "
                "by their names, nor by video and question, nor by their numbers. Name the root of the version that "
                "was asked."
            )
        graded = [log.graded(item, grade) for item, log in zip(matched, logs, strict=True)]
        return _some(Recorded(graded, passed_over(len(found) - len(logs)), asked), file)

    return read


def passed_over(count: int) -> dict[str, int]:
    """Return how many answers are to questions that are not read here, by that reason; nothing of none."""
    return {NOT_READ: count} if count else {}


def _some(graded: Recorded, file: Path) -> Recorded:
    if not graded.graded:
        raise DataError(f"{file}: it holds no answer to a question under --root.")
    return graded


def logged(file: Path) -> list[Logged] | None:
    """Return the answers of a toolkit's log; None for a file of any other form."""
    if beginning(file).startswith(MAGIC):
        sheet = workbook_rows(file)
        names = {name: "" for row in sheet for name in row}
        return [_of_table({**names, **row}) for row in sheet] if _is_table(names) else None
    found = _records(file)
    head = list(islice(found, _LOOKED_AT))  # the first may lack its answer, and with it the column
    readers = (_reader(row) for row in head if isinstance(row, Mapping))
    read = next((one for one in readers if one is not None), None)
    return None if read is None else [read(_sound(row, file), file) for row in chain(head, found)]


def _reader(first: Mapping[str, Any]) -> Callable[[Mapping[str, Any], Path], Logged] | None:
    """Return what reads the records of a log that begins with this one; None where it is no log of a toolkit."""
    if "doc_id" in first and {"filtered_resps", "resps"} & first.keys():
        return _of_samples
    if first.keys() >= _OF_VIDEO_R1:
        return _of_video_r1
    return (lambda row, _: _of_table(row)) if _is_table(first) else None


def _sound(row: Any, file: Path) -> Mapping[str, Any]:
    """Return a record. Raises DataError for what is none, as the end of a file that was cut: no answer is dropped."""
    if isinstance(row, Mapping):
        return row
    what = str(row) if isinstance(row, DataError) else f"{row!r:.60} stands where a record should."
    raise DataError(f"{file}: {what}") from (row if isinstance(row, DataError) else None)


def _records(file: Path) -> Iterator[Any]:
    """Yield the records of a file one by one: of one JSON object those under `logs`, as lmms-eval wrote them at first,
    or under `results`, as Video-R1 does. Of a file that is none of these, nothing."""
    if is_one_object(file):
        under = records_under(file, "logs", "results")
        first = next(under, None)
        if first is not None:
            yield from chain([first], under)
            return
    try:
        yield from (_placed(spot, row) for spot, row in rows(file))
    except DataError:
        return


def records_under(file: Path, *keys: str) -> Iterator[Any]:
    """Yield the records in a list of one JSON object, one by one; nothing of another one.

    Of a record that is broken a DataError is yielded; one is raised where the file breaks off behind the first.
    """
    found = (one for one in entries(file) if one.listed and one.key in keys)
    begun = False
    try:
        for one in found:
            begun = True
            yield _placed(Spot(0, one.line), one.value)
    except DataError:
        if begun:
            raise


def _placed(spot: Spot, row: Any) -> Any:
    return DataError(f"{spot}: {row}") if isinstance(row, DataError) else row


def _is_table(row: Mapping[str, Any]) -> bool:
    return {"index", "question", "prediction"} <= row.keys()


def _of_samples(row: Mapping[str, Any], file: Path) -> Logged:
    if not isinstance(row.get("doc_id"), int):
        raise DataError(
            f"{file}: a line of it is no sample of lmms-eval, which has a number doc_id. Take it out."
        )
    doc = row.get("doc") if isinstance(row.get("doc"), Mapping) else {}
    nested = [value for value in row.values() if isinstance(value, Mapping)]
    fields = {key: value for one in (*nested, doc or {}, row) for key, value in one.items()}
    text = response_text(row.get("input")) or str((doc or {}).get("question", ""))
    said = response_text(row.get("filtered_resps", row.get("resps")))
    return Logged(row["doc_id"], _plain(text), _stem(fields), answered(said), fields)


def _of_table(row: Mapping[str, Any]) -> Logged:
    number = _WHOLE.fullmatch(str(row.get("index")))
    text = f"{row.get('question')}\n{row.get('candidates', '')}"
    return Logged(
        int(number[1]) if number else -1,
        _plain(text),
        _stem(row),
        answered(response_text(row.get("prediction"))),
        row,
    )


def _of_video_r1(row: Mapping[str, Any], file: Path) -> Logged:
    if not row.keys() >= _OF_VIDEO_R1:
        raise DataError(
            f"{file}: a record of it is no result of Video-R1 (problem, path, output). Take it out."
        )
    written = row.get("options")
    options = bare([str(one) for one in written]) if isinstance(written, list) else ()
    return Logged(
        -1,
        _plain("\n".join([str(row["problem"]), *options])),
        Path(str(row["path"])).stem,
        answered(response_text(row["output"])),
        row,
        tuple(map(_plain, options)),
        mark(row.get("reward")),
    )


def _stem(fields: Mapping[str, Any]) -> str:
    named = (fields.get(key) for key in ("video", "video_name", "video_path", "video_id"))
    return next((Path(value).stem for value in named if isinstance(value, str) and value), "")


def answered(said: str | None) -> str | None:
    """Return what was said; None for what the toolkits write in place of an answer when a call failed."""
    return None if said is None or said.startswith(_FAILED) else said


def _by_name(logs: Sequence[Logged], items: Mapping[str, Item], named: Named) -> list[Item] | None:
    names = [named(log.fields) for log in logs]
    found = [items[name] for name in names if name is not None and name in items]
    return found if len(found) == len(logs) else None


class _Wanted(NamedTuple):
    """What a text holds that asks a question: its prompt, or what of it is no instruction, question and options."""

    item: Item
    prompt: str
    parts: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        return len(self.parts), sum(map(len, self.parts))

    def is_in(self, text: str) -> bool:
        return self.prompt in text or (
            self.parts[0] in self.prompt and all(part in text for part in self.parts)
        )

    def is_in_order(self, shown: tuple[str, ...]) -> bool:
        """Whether options are the question's, in its order: a letter says something else in another one."""
        own = tuple(map(_plain, self.item.sample.options))
        return (
            not shown
            or shown == own
            or [one.rstrip(".") for one in shown] == [one.rstrip(".") for one in own]
        )


def _wanted(item: Item) -> _Wanted:
    options = () if item.sample.options == YES_NO else item.sample.options
    return _Wanted(item, _plain(item.prompt), tuple(map(_plain, (item.sample.question, *options))))


def _by_video(logs: Sequence[Logged], items: list[Item]) -> list[Item] | None:
    """Match by video and question; questions that share both are taken in their order, if all were answered once."""
    asked: dict[str, list[_Wanted]] = defaultdict(list)
    for item in items:
        asked[Path(item.sample.video).stem].append(_wanted(item))
    found: list[Item] = []
    taken: dict[tuple[str, ...], int] = defaultdict(int)
    for log in logs:
        fitting = _closest(log, asked.get(log.video, []))
        alike = tuple(item.sample.id for item in fitting)
        if not fitting:
            return None
        found.append(fitting[taken[alike] % len(fitting)])
        taken[alike] += 1
    return found if all(len(alike) in (1, count) for alike, count in taken.items()) else None


def _closest(log: Logged, asked: Sequence[_Wanted]) -> list[Item]:
    """Return the questions that a log's text holds, with the most options and then the most words: a question of yes or
    no may repeat one with options, or stand at the end of a longer one."""
    fitting = [one for one in asked if one.is_in(log.text) and one.is_in_order(log.options)]
    most = max((one.size for one in fitting), default=(0, 0))
    return [one.item for one in fitting if one.size == most]


def _by_number(logs: Sequence[Logged], items: list[Item], part: Callable[[Item], str]) -> list[Item] | None:
    parts: dict[str | None, list[_Wanted]] = {None: [_wanted(item) for item in items]}
    for one in parts[None]:
        parts.setdefault(part(one.item), []).append(one)
    fitting = [
        [listed[log.number].item for log in logs]
        for listed in parts.values()
        if all(
            0 <= log.number < len(listed) and log.text and listed[log.number].is_in(log.text) for log in logs
        )
    ]
    alike = {tuple(item.sample.id for item in found) for found in fitting}
    return fitting[0] if len(alike) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
