"""A benchmark as a folder of lmms-eval, which its command line runs with `--include_path FOLDER --tasks NAME`.

lmms-eval needs an environment of its own (av below 16), so that nothing in the folder imports retroflip. Both sides of
a pair keep their one order of options, and a pair is scored as a whole.
"""

import json
import re
from importlib.resources import files as resources
from pathlib import Path

from retroflip.bench.export.questions import Exported, check_files, pairs, read_questions, row
from retroflip.files.storage import drop_unfinished, write_text_atomic
from retroflip.recipes.reading import dumped

QUESTIONS = "questions.json"
_METRICS = {"acc": True, "p_acc": True, "same_answer_rate": False, "unparsed_rate": False}
"""and whether more is better"""


def task_name(folder: Path) -> str:
    """Return the name of a benchmark's task: letters, digits and "_" alone."""
    plain = re.sub(r"\W+", "_", folder.resolve().name, flags=re.ASCII).strip("_").lower()
    return f"retroflip_{plain or 'benchmark'}"


def export_lmms_eval(folder: Path, out: Path) -> Exported:
    """Write the benchmark in `folder` as a task into `out`. Videos stay where they are.

    Raises DataError as `read_questions` and `check_files` do.
    """
    samples = read_questions(folder)
    check_files(folder, samples)
    name = task_name(folder)
    place = out / name
    place.mkdir(parents=True, exist_ok=True)
    drop_unfinished(place, dead_only=True)
    rows = [{**row(sample), "options": json.dumps(row(sample)["options"])} for sample in samples]
    write_text_atomic(place / QUESTIONS, json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    write_text_atomic(place / "root.txt", f"{folder.resolve()}\n")
    code = resources("retroflip.bench.export").joinpath("lmms_task.py").read_text(encoding="utf-8")
    write_text_atomic(place / "utils.py", code)
    write_text_atomic(place / f"{name}.yaml", _task(name, place.resolve() / QUESTIONS))
    return Exported(place, len(samples), pairs(samples))


def _task(name: str, questions: Path) -> str:
    """Return the YAML of the task. Its functions are named by a tag that only lmms-eval's reader knows."""
    plain = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(questions)}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_target": "answer",
        "generation_kwargs": {"max_new_tokens": 1024, "temperature": 0, "do_sample": False},
        "metadata": {"version": 1.0},
    }
    called = ("doc_to_visual", "doc_to_text", "process_results")
    lines = [f"{key}: !function utils.{key}" for key in called]
    metrics = [
        f"  - {{metric: {key}, aggregation: !function utils.{key}, higher_is_better: {str(better).lower()}}}"
        for key, better in _METRICS.items()
    ]
    return "\n".join([dumped(plain).rstrip(), *lines, "metric_list:", *metrics, ""])
