"""MVBench (github.com/OpenGVLab/Ask-Anything, video_chat2): 20 tasks of 200 questions, made of other data sets.

Root: the hub's repository (`json/TASK.json`, videos unpacked in `video/`), with the folders that its notebook names
(mvbench.ipynb) or those of the cut videos that lmms-eval takes. Five tasks are about a part, `start` to `end` in
seconds; in the folders of cut videos the part is cut already. `episodic_reasoning` has folders of frames, three a
second, numbered from 1; NTU RGB+D's clips (fine_grained_pose) must be had from their owner.

The notebook has the model go on from "Best option:(", puts "(" before the first line of what it says, and takes the
answer for right where its first word without full stops is part of "(a)", or "(a)" part of it: an answer that says
nothing is right, and so is "A man" where A is. Its file holds the answers in the order of the questions.
The sampler `mvbench` is the notebook's `get_index`; of folders of frames it shows one frame later than that, which
counts them from 1.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, its_task, same_table
from retroflip.bench.benchmarks.choices import (
    as_letter,
    choice,
    either_file,
    lettered_lines,
    listed,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import field, find, finite, read_rows
from retroflip.bench.benchmarks.tables import by_label, of_answered, task_of
from retroflip.data.media import MediumKind, ShownMedium
from retroflip.errors import DataError

TITLE = "MVBench"
FRAMES_A_SECOND = 3.0
"""of the folders of frames that episodic_reasoning shows"""


class _Task(NamedTuple):
    """folder: of its videos, in the notebook. cut: of the same videos cut to the part, where there are such."""

    folder: str
    cut: str | None = None


_TASKS: Mapping[str, _Task] = {
    "action_sequence": _Task("star/Charades_v1_480", "star/Charades_segment"),
    "action_prediction": _Task("star/Charades_v1_480", "star/Charades_segment"),
    "action_antonym": _Task("ssv2_video"),
    "fine_grained_action": _Task("Moments_in_Time_Raw/videos"),
    "unexpected_action": _Task("FunQA_test/test"),
    "object_existence": _Task("clevrer/video_validation"),
    "object_interaction": _Task("star/Charades_v1_480", "star/Charades_segment"),
    "object_shuffle": _Task("perception/videos"),
    "moving_direction": _Task("clevrer/video_validation"),
    "action_localization": _Task("sta/sta_video", "sta/sta_video_segment"),
    "scene_transition": _Task("scene_qa/video"),
    "action_count": _Task("perception/videos"),
    "moving_count": _Task("clevrer/video_validation"),
    "moving_attribute": _Task("clevrer/video_validation"),
    "state_change": _Task("perception/videos"),
    "fine_grained_pose": _Task("nturgbd"),
    "character_order": _Task("perception/videos"),
    "egocentric_navigation": _Task("vlnqa"),
    "episodic_reasoning": _Task("tvqa/frames_fps3_hq", "tvqa/video_fps3_hq_segment"),
    "counterfactual_inference": _Task("clevrer/video_validation"),
}
"""in the notebook's order"""
_OTHER_FOLDERS = {"ssv2_video": "ssv2_video_mp4", "nturgbd": "nturgbd_convert"}
_BOUND = (
    "action_sequence",
    "action_prediction",
    "object_interaction",
    "action_localization",
    "episodic_reasoning",
)
_MOST = 10**6
"""questions of a task"""
_SYSTEM = (
    "Carefully watch the video and pay attention to the cause and sequence of events, the detail and movement of "
    "objects, and the action and pose of persons. Based on your observations, select the best option that accurately "
    "addresses the question.\n"
)


def _items(root: Path) -> Iterator[Item]:
    folder = find(root, TITLE, "json")
    tasks = [name for name in _TASKS if (folder / f"{name}.json").is_file()]
    if not tasks:
        raise DataError(
            f"{folder} holds none of MVBench's files, as {next(iter(_TASKS))}.json. Name its root with --root."
        )
    for name in tasks:
        for number, row in enumerate(read_rows(folder / f"{name}.json", "MVBench's json/TASK.json")):
            yield _item(root, name, number, row)


def _item(root: Path, name: str, number: int, row: Row) -> Item:
    where = f"{TITLE}, {name}, question {number}"
    options = listed(row.get("candidates"), where)
    question, video = str(field(row, "question", where)), str(field(row, "video", where))
    lines = lettered_lines(options, "({letter}) {option}")
    asked = f"Question: {question}\nOptions:\n{lines}\nOnly give the best option."
    path, about = _shown(root, name, video, row, where)
    sample = choice(
        f"{name}/{number}",
        path,
        question,
        options,
        as_letter(_text_first(row, options, where), options, where),
        source=TITLE,
        task=name,
        **about,
    )
    return Item(sample, asked, row)


def _text_first(row: Row, options: Sequence[str], where: str) -> str:
    """Return the letter of the right option, which is named by its text, as "A" may be an option of character_order."""
    answer = str(field(row, "answer", where))
    return chr(ord("A") + options.index(answer)) if answer in options else answer


def _shown(root: Path, name: str, video: str, row: Row, where: str) -> tuple[str, dict[str, Any]]:
    """Return where a question's video lies, and which part of it is shown, or that it is a folder of frames."""
    task = _TASKS[name]
    places = [
        task.folder,
        *([task.cut] if task.cut else []),
        *filter(None, [_OTHER_FOLDERS.get(task.folder)]),
    ]
    wanted = [f"{base}{place}/{video}" for place in places for base in ("video/", "", "video/data0613/")]
    path = either_file(root, *wanted)
    bounds = {} if task.cut is not None and f"{task.cut}/" in path else _bounds(name, row, where)
    if name == "episodic_reasoning" and not path.endswith((".mp4", ".mkv", ".webm")):
        frames = ShownMedium(kind=MediumKind.FRAMES, path=path, fps=FRAMES_A_SECOND, **bounds)
        return path, {"media": (frames,)}
    return path, dict(bounds)


def _bounds(name: str, row: Row, where: str) -> dict[str, float]:
    if name not in _BOUND:
        return {}
    start, end = (finite(field(row, key, where), where) for key in ("start", "end"))
    return {"start": start, "end": end}


def _grade(item: Item, said: str) -> float:
    """mvbench.ipynb, infer_mvbench and check_ans; a "(" that the answer begins with is the one put there."""
    sample = item.sample
    line = "(" + said.strip().removeprefix("(").split("\n")[0]
    word, right = line.lower().split(" ")[0], f"({sample.solution.lower()})"
    return float(word.replace(".", "") in right or right in word)


def _own(file: Path, rows: list[dict[str, Any]]) -> Iterable[Row]:
    """Yield the answers of the notebook's file with their numbers; other rows as they are."""
    for row in rows:
        if isinstance(row.get("res_list"), list) and isinstance(row.get("acc_dict"), Mapping):
            yield from _in_order(file, row)
        else:
            yield row


def _in_order(file: Path, row: Row) -> Iterator[Row]:
    tasks = [
        (
            str(task).lower().replace(" ", "_").replace("-", "_"),
            _asked_of(counts, f"{file}, acc_dict, {task}"),
        )
        for task, counts in row["acc_dict"].items()
    ]
    ids = [f"{task}/{number}" for task, count in tasks for number in range(count)]
    answers = row["res_list"]
    if not all(isinstance(one, Mapping) for one in answers):
        raise DataError(f"{file}: something in 'res_list' is no answer. Run the notebook again.")
    if len(ids) != len(answers):
        raise DataError(
            f"{file}: 'res_list' has {len(answers)} answers, and 'acc_dict' counts {len(ids)}: the order in which they "
            "belong to the questions is lost. Run the notebook again."
        )
    yield from (
        {"identity": identity, "response": one.get("pred")}
        for identity, one in zip(ids, answers, strict=True)
    )


def _asked_of(counts: Any, where: str) -> int:
    """Return how many questions of a task were asked, of its [right, asked]."""
    if isinstance(counts, list) and len(counts) == 2 and type(counts[1]) is int and 0 <= counts[1] < _MOST:
        return counts[1]
    raise DataError(f"{where}: {counts!r:.40} is not how many answers are right and how many there are.")


def _identity(row: Row) -> str | None:
    return row.get("identity")


def _qids(items: Sequence[Item]) -> Mapping[str, Item]:
    """Return the questions by Time-R1's names."""
    return {f"mvbench|{item.sample.id.replace('/', '|')}": item for item in items}


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    tasks = by_label(task_of, graded)
    return {"acc": accuracy(graded), "n": len(graded), "by_task": tasks}


BENCHMARK = Benchmark(
    name="mvbench",
    title=TITLE,
    home="huggingface.co/datasets/OpenGVLab/MVBench",
    needs=(Need("json/"), Need("video/", annotation=False)),
    items=_items,
    grade=_grade,
    recorded=recorder(_items, _grade, Form(identity=_identity, own=_own, part=its_task, qids=_qids)),
    part=its_task,
    summary=of_answered(_table),
    ours=same_table(_table),
    system=_SYSTEM,
    sampler="mvbench",
    frames=16,
    max_tokens=100,
)
