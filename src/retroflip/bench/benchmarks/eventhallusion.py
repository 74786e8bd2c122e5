"""EventHallusion (github.com/Stevetich/EventHallusion): events that a model expects instead of those that it is shown.

Root: the repository with questions/{entire,interleave,misleading}_questions.json, and the videos as
videos/{entire,interleave,misleading}/ID.mp4. Recorded answers are predictions/*.json, {split: {video: {..., qa:
[{question, answer, prediction}], desc, judgement}}}; they repeat the questions, so that the root may lack them.

Questions are answered by yes or no. The official rule (eval.py, commit 7396e04) takes the first letters alone: "Not in
the video" is No, " Yes" with a blank before it, or "**Yes**", is nothing and wrong. The description of each video is
judged by GPT-4o; the share of its recorded judgements that begin with yes is `desc_acc`, None where there are none.
Every question of a split has the same right answer but for none, so that no pairs can be formed.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, its_task, same_table
from retroflip.bench.benchmarks.published import (
    YES_NO,
    asked,
    by_key,
    field,
    read_json,
    response_text,
    sample_of,
)
from retroflip.data.sample import ProblemType
from retroflip.errors import DataError

SPLITS = ("entire", "interleave", "misleading")
_CLOSING = "\nPlease answer yes or no:"
_FORM = "a file of predictions/, {split: {video: {qa: [{question, answer, prediction}]}}}"


def _items(root: Path) -> Iterator[Item]:
    for split, path in _files(root).items():
        rows = read_json(path, "EventHallusion's own file")
        if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            raise DataError(f"{path}: not a list of videos. Give EventHallusion's own file.")
        for row in rows:
            questions = row.get("questions", [])
            for number, asked_for in enumerate(questions if isinstance(questions, list) else [questions]):
                yield _item(split, str(field(row, "id", str(path))), number, asked_for, path)


def _files(root: Path) -> dict[str, Path]:
    found = {split: root / "questions" / f"{split}_questions.json" for split in SPLITS}
    there = {split: path for split, path in found.items() if path.is_file()}
    if not there:
        raise DataError(
            f"{root}: none of EventHallusion's questions/SPLIT_questions.json is in it. Name the repository with "
            "--root."
        )
    return there


def _item(split: str, video: str, number: int, row: dict[str, Any], path: Path) -> Item:
    question, answer = (str(field(row, key, str(path))) for key in ("question", "answer"))
    right = answer.strip(". ").lower()
    if right not in YES_NO:
        raise DataError(f"{path}: the answer {answer!r:.40} about {video} is neither yes nor no.")
    sample = sample_of(
        str(path),
        id=f"{split}/{video}/{number}",
        video=f"videos/{split}/{video}.mp4",
        question=question,
        options=YES_NO,
        solution="AB"[YES_NO.index(right)],
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="EventHallusion",
        task=split,
        source_clip=video,
    )
    return Item(sample, question + _CLOSING, {"answer": answer})


def _recorded(root: Path, file: Path) -> list[Graded]:
    found = read_json(file, _FORM)
    rows = list(_told(found, file)) if isinstance(found, dict) else []
    if not rows:
        raise DataError(f"{file}: not answers to EventHallusion. Give {_FORM}.")
    items = by_key(_items(root), lambda item: item.sample.id) if (root / "questions").is_dir() else None
    return [
        _graded(asked(items, item.sample.id, file)._replace(row=item.row) if items else item, said)
        for item, said in rows
    ]


def _told(found: dict[str, Any], file: Path) -> Iterator[tuple[Item, Any]]:
    """Yield the questions as a recorded file repeats them, with the responses; each with its video's judgement."""
    for split, videos in found.items():
        for video, row in videos.items() if isinstance(videos, dict) else ():
            answers = row.get("qa") if isinstance(row, dict) else None
            if not isinstance(answers, list) or not all(isinstance(one, dict) for one in answers):
                raise DataError(f"{file}: {split}, {video} has no list 'qa'. Give {_FORM}.")
            for number, one in enumerate(answers):
                item = _item(split, video, number, one, file)
                judged = {"video": f"{split}/{video}", "judgement": row.get("judgement")}
                yield item._replace(row={**item.row, **judged}), one.get("prediction")


def _graded(item: Item, said: Any) -> Graded:
    response = response_text(said)
    return Graded(item, response, 0.0 if response is None else _grade(item, response))


def _grade(item: Item, response: str) -> float:
    said = response.lower()
    read = "Yes." if said.startswith("yes") else "No." if said.startswith("no") else None
    return float(read == item.row["answer"])


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the accuracy of questions and of descriptions, over all and by split, in per cent."""
    splits: dict[str, list[Graded]] = defaultdict(list)
    for one in graded:
        splits[one.item.sample.task].append(one)
    return {**_accuracies(graded), "splits": {split: _accuracies(found) for split, found in splits.items()}}


def _accuracies(graded: Sequence[Graded]) -> dict[str, float | int | None]:
    judged = {one.item.row["video"]: one.item.row["judgement"] for one in graded if "video" in one.item.row}
    said = [str(verdict or "").replace("*", "").lower() for verdict in judged.values()]
    described = any(isinstance(verdict, str) and verdict for verdict in judged.values())
    return {
        "acc": accuracy(graded),
        "desc_acc": round(100.0 * fmean(text.startswith("yes") for text in said), 2) if described else None,
        "n_videos": len({one.item.sample.source_clip for one in graded}),
    }


BENCHMARK = Benchmark(
    name="eventhallusion",
    title="EventHallusion",
    home="https://github.com/Stevetich/EventHallusion",
    needs=(
        *(Need(f"questions/{split}_questions.json") for split in SPLITS),
        Need("videos", annotation=False),
    ),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(_recorded, _items, _grade),
    part=its_task,
    summary=_summary,
    ours=same_table(_summary),
    sampler="lmms-eval",
    frames=8,
    max_tokens=1024,
)
