"""The whole loop in one command: videos, supervised start, RL with GRPO and CRPO, paired evaluation, report.

Every step is an ordinary command on an ordinary file: the recipes are those under `recipes/tiny`, the videos are MP4
files on disk, and each run directory can be looked at, resumed or run again by hand. A killed demo goes on where it
stopped when it is started again with the same arguments.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.records import Control, read_answers
from retroflip.bench.score import compare_all, score_records
from retroflip.data.prompts import with_null_option
from retroflip.data.records import read_samples
from retroflip.data.sample import Sample
from retroflip.files import locks
from retroflip.files.storage import read_jsonl, write_json_atomic
from retroflip.lab.laboratory import LabSettings, write_laboratory
from retroflip.progress import Progress, numbered
from retroflip.report.build import report_directories
from retroflip.study.stages import (
    FRAMES,
    FULL,
    MAX_TOKENS,
    Size,
    evaluate,
    lab_settings,
    rl_recipe,
    supervised,
    trained,
)

METHODS = ("grpo", "crpo")
CONTROLS = (Control.FULL, Control.TEXT_ONLY, Control.SINGLE_FRAME, Control.SHUFFLED_FRAMES)
QUICK = Size(sft_samples=280, train_samples=100, pairs_per_task=8, sft_steps=110, rl_steps=16)


def run_demo(
    out: Path,
    *,
    seed: int,
    quick: bool,
    progress: Progress,
    laboratory: Mapping[str, Any] = MappingProxyType({}),
) -> Path:
    """Run the demo in the directory `out` and return the report's path.

    laboratory: settings of `LabSettings` that replace the demo's, for a study of what the result depends on.

    What is there already is used again if it is what this demo would make. Raises UsageError for other videos, and
    RunDirectoryError for runs of other recipes, data or models, for answers made with other settings, and while
    another process has the directory.
    """
    size = QUICK if quick else FULL
    settings = lab_settings(size, seed, laboratory)
    out.mkdir(parents=True, exist_ok=True)
    locks.hold(out)
    parts = numbered(
        progress,
        ["videos", "supervised start", *METHODS, *(f"answers of {name}" for name in ("base", *METHODS))],
    )
    lab = write_laboratory(out / "data", settings, next(parts))
    start = supervised(out / "sft", lab, size, seed, next(parts)).model
    models = {"base": start}
    for method in METHODS:
        recipe = rl_recipe(method, start, lab, size, seed)
        models[method] = trained(recipe, out / method, next(parts)).model
    pairs = read_samples(lab.pairs / "records.jsonl")
    for name, model in models.items():
        evaluate(out / "eval" / name, model, lab, pairs, CONTROLS, next(parts))
    write_json_atomic(out / "summary.json", summarise(out, list(models), pairs, settings, quick=quick))
    return report_directories([out], out / "report.html")


def summarise(
    out: Path, names: Sequence[str], pairs: Sequence[Sample], laboratory: LabSettings, *, quick: bool
) -> dict[str, Any]:
    """Return summary.json: every model's measures, the model-free controls, and every two models compared."""
    answers = {name: read_answers(out / "eval" / name / "answers.jsonl").records for name in names}
    asked = [with_null_option(sample) for sample in pairs]
    return {
        "schema": 1,
        "methods": {name: score_records(records) for name, records in answers.items()},
        "controls": {
            "oracle": score_records(oracle_answers(asked)),
            "random": score_records(random_answers(asked, laboratory.seed)),
        },
        "comparisons": compare_all(answers),
        "settings": {
            "seed": laboratory.seed,
            "frames": FRAMES,
            "max_tokens": MAX_TOKENS,
            "pairs": len(pairs) // 2,
            "quick": quick,
            "laboratory": laboratory.model_dump(),
        },
        "failures": {name: _failed(out / name) for name in ("sft", *METHODS)},
    }


def _failed(run: Path) -> int:
    return len(read_jsonl(run / "failures.jsonl"))
