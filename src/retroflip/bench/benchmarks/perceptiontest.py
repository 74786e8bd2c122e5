"""Perception Test, multiple-choice video question answering (github.com/google-deepmind/perception_test), split valid.

Root: `mc_question_valid.json` or `all_valid.json` ({video: {"metadata", "mc_question": [{id, question, options,
answer_id, area, reasoning, tag}]}}), `cut_frame_mapping_valid.json` and `videos/VIDEO.mp4`.

Where the end of a video gives the answer away (where the cup is lifted at last) it must be cut at a frame, which the
mapping has; the test split is cut already, and so its README asks for it. Tools that do not cut have other numbers.

Its own file of answers is {video: [{"id", "answer_id", "answer"}]}, and its score the share of right `answer_id`s.
Texts are read as lmms-eval does: the first capital A to D that is a word, the article "A" too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, same_table
from retroflip.bench.benchmarks.choices import (
    choice,
    lettered_lines,
    listed,
    numbered,
    video_file,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import field, find, finite, read_json
from retroflip.bench.benchmarks.tables import by_label, label_of, of_answered
from retroflip.data.sample import MAX_OPTIONS, option_letter
from retroflip.errors import DataError

TITLE = "PerceptionTest"
_FILES = (
    "mc_question_valid.json",
    "all_valid.json",
    "annotations/mc_question_valid.json",
    "annotations/all_valid.json",
)
_CUTS = ("cut_frame_mapping_valid.json", "annotations/cut_frame_mapping_valid.json")
_FOLDERS = ("videos", ".")
_ASKS = "Answer with the option's letter from the given choices directly."
_LABELS = ("area", "reasoning")
MOST_FRAMES_A_SECOND = 10_000
"""of any video; a rate above it is none"""


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, *_FILES)
    videos = _objects(path)
    cuts = _objects(find(root, TITLE, *_CUTS))
    for name, video in videos.items():
        where = f"{path}, video {name}"
        if not isinstance(video, Mapping):
            raise DataError(f"{where}: no record of a video. Restore the published file.")
        bounds = _bounds(video, cuts.get(name), where)
        asked = video.get("mc_question") or []
        if not isinstance(asked, list):
            raise DataError(f"{where}: its mc_question is no list of questions. Restore the published file.")
        for row in asked:
            yield _item(root, name, row, bounds, where)


def _objects(path: Path) -> Mapping[str, Any]:
    found = read_json(path, "the published file")
    if not isinstance(found, Mapping):
        raise DataError(f"{path}: not an object with a record for each video. Restore the published file.")
    return found


def _bounds(video: Row, cut: Any, where: str) -> dict[str, float]:
    """Return where the shown part ends: half a frame before the frame of the cut; nothing where there is no cut."""
    frame = 0 if cut is None else int(finite(cut, where))
    if frame <= 0:
        return {}
    about = video.get("metadata")
    rate = about.get("frame_rate") if isinstance(about, Mapping) else None
    if not isinstance(rate, int | float) or not 0 < rate < MOST_FRAMES_A_SECOND:
        raise DataError(
            f"{where}: it must be cut at frame {cut}, and its metadata have no frame_rate. Restore the file."
        )
    return {"end": (frame - 0.5) / rate}


def _item(root: Path, name: str, row: Row, bounds: Mapping[str, float], where: str) -> Item:
    options = listed(field(row, "options", where), where)
    question = str(field(row, "question", where))
    sample = choice(
        f"{name}/{field(row, 'id', where)}",
        video_file(root, _FOLDERS, name),
        question,
        options,
        numbered(field(row, "answer_id", where), options, where),
        source=TITLE,
        task=str(row.get("area", "")),
        source_clip=name,
        labels={key: str(row[key]) for key in _LABELS if row.get(key)} | {"cut": "yes" if bounds else "no"},
        **bounds,
    )
    return Item(sample, "\n".join([question, lettered_lines(options), _ASKS]), row)


def _grade(item: Item, said: str) -> float:
    found = re.search(r"\b([A-D])\b", said.strip())
    return float(found is not None and found[1] == item.sample.solution)


def _own(file: Path, rows: list[dict[str, Any]]) -> Iterable[Row]:
    """Yield the answers of the benchmark's own file; other rows as they are."""
    for row in rows:
        if row and all(isinstance(answers, list) for answers in row.values()):
            yield from (_chosen(name, answer, file) for name, answers in row.items() for answer in answers)
        else:
            yield row


def _chosen(name: str, answer: Any, file: Path) -> Row:
    """Return an answer of the benchmark's own file, which is a number, as a row."""
    where, option = f"{file}, video {name}", None
    identity = field(answer, "id", where)
    if isinstance(chosen := answer.get("answer_id"), int) and 0 <= chosen < MAX_OPTIONS:
        option = option_letter(chosen)
    return {"video_name": name, "question_id": identity, "response": option}


def _identity(row: Row) -> str | None:
    name, number = row.get("video_name"), row.get("question_id")
    return None if name is None or number is None else f"{name}/{number}"


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    tables = {f"by_{name}": by_label(label_of(name), graded) for name in _LABELS}
    tags = by_label(lambda one: map(str, one.item.row.get("tag") or []), graded)
    return {"acc": accuracy(graded), "n": len(graded), **tables, "by_tag": tags}


BENCHMARK = Benchmark(
    name="perceptiontest",
    title=TITLE,
    home="github.com/google-deepmind/perception_test",
    needs=(
        Need(_FILES[0], elsewhere=_FILES[1:]),
        Need(_CUTS[0], elsewhere=_CUTS[1:]),
        Need("videos/", annotation=False, licence="CC BY 4.0"),
    ),
    items=_items,
    grade=_grade,
    recorded=recorder(_items, _grade, Form(identity=_identity, own=_own)),
    summary=of_answered(_table),
    ours=same_table(_table),
    sampler="lmms-eval",
    max_tokens=16,
)
