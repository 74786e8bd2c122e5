"""The whole loop in one command: videos, supervised start, RL with GRPO and CRPO, paired evaluation, report.

Every step is an ordinary command on an ordinary file: the recipes are those under `recipes/tiny`, the videos are MP4
files on disk, and each run directory can be looked at, resumed or run again by hand. A killed demo goes on where it
stopped when it is started again with the same arguments.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from retroflip import directory_lock
from retroflip.bench.controls import oracle_answers, random_answers
from retroflip.bench.generate import generate
from retroflip.bench.records import Control, read_answers
from retroflip.bench.score import compare_all, score_records, score_run
from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import read_manifest
from retroflip.data.prompts import with_null_option
from retroflip.data.records import read_samples
from retroflip.data.sample import Sample
from retroflip.files import read_jsonl, write_json_atomic
from retroflip.models.encoding import Encoder
from retroflip.models.loading import load_model, load_processor
from retroflip.progress import Progress
from retroflip.recipe import RlRecipe, SftRecipe, load_recipe
from retroflip.recipes import recipe_file
from retroflip.report.build import report_directories
from retroflip.rl import run as rl_run
from retroflip.run_directory import RunDirectory
from retroflip.sft import run as sft_run
from retroflip.synth.laboratory import Laboratory, LabSettings, write_laboratory

METHODS = ("grpo", "crpo")
CONTROLS = (Control.FULL, Control.TEXT_ONLY, Control.SINGLE_FRAME, Control.SHUFFLED_FRAMES)
FRAMES = 8
MAX_TOKENS = 80
BATCH = 64


@dataclass(frozen=True)
class Size:
    """How much of everything a demo does."""

    sft_samples: int
    train_samples: int
    pairs_per_task: int
    sft_steps: int
    rl_steps: int


FULL = Size(sft_samples=800, train_samples=600, pairs_per_task=50, sft_steps=250, rl_steps=80)
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
    directory_lock.hold(out)
    lab = write_laboratory(out / "data", settings, progress)
    start = _supervised(out / "sft", lab, size, seed, progress)
    models = {"base": start}
    for method in METHODS:
        models[method] = _reinforced(out / method, method, start, lab, size, seed, progress)
    pairs = read_samples(lab.pairs / "records.jsonl")
    for name, model in models.items():
        _evaluate(out / "eval" / name, model, lab, pairs, progress)
    write_json_atomic(out / "summary.json", summarise(out, list(models), pairs, settings))
    return report_directories([out], out / "report.html")


def lab_settings(size: Size, seed: int, replaced: Mapping[str, Any] = MappingProxyType({})) -> LabSettings:
    """Return the laboratory of a demo of this size, with these settings of `LabSettings` replaced."""
    own = {
        "seed": seed,
        "sft_samples": size.sft_samples,
        "train_samples": size.train_samples,
        "pairs_per_task": size.pairs_per_task,
    }
    return LabSettings.model_validate({**own, **replaced})


def _supervised(out: Path, lab: Laboratory, size: Size, seed: int, progress: Progress) -> Path:
    """Teach both habits; return the folder of the model that does."""
    settings: dict[str, Path | int] = {
        "data.records": lab.sft / "records.jsonl",
        "train.steps": size.sft_steps,
        "train.seed": seed,
    }
    recipe = _recipe(SftRecipe, "sft", settings)
    if not RunDirectory.is_finished(out, recipe.resolved()):
        sft_run.train(recipe, out, resume=True, progress=progress)
    return out / "model"


def _reinforced(
    out: Path, method: str, start: Path, lab: Laboratory, size: Size, seed: int, progress: Progress
) -> Path:
    """Reinforce the start model with a method; return the trained model's folder."""
    settings: dict[str, Path | int] = {
        "model.path": start,
        "data.records": lab.train / "records.jsonl",
        "train.steps": size.rl_steps,
        "train.seed": seed,
    }
    recipe = _recipe(RlRecipe, method, settings)
    if not RunDirectory.is_finished(out, recipe.resolved()):
        rl_run.train(recipe, out, resume=True, progress=progress)
    return out / "model"


RecipeT = TypeVar("RecipeT", RlRecipe, SftRecipe)


def _recipe(kind: type[RecipeT], name: str, settings: Mapping[str, Path | int]) -> RecipeT:
    """Return a shipped tiny recipe with these settings."""
    overrides = [f"{key}={json.dumps(value, default=str)}" for key, value in settings.items()]
    recipe = load_recipe(recipe_file(f"tiny/{name}.yaml"), overrides)
    if not isinstance(recipe, kind):
        raise TypeError(f"recipes/tiny/{name}.yaml is not a {kind.__name__}")
    return recipe


def _evaluate(out: Path, model: Path, lab: Laboratory, pairs: Sequence[Sample], progress: Progress) -> None:
    dataset = VideoDataset(pairs, lab.pairs, read_manifest(lab.pairs / "manifest.json"), FRAMES)
    generate(
        load_model(str(model)),
        Encoder(load_processor(str(model))),
        dataset,
        out,
        controls=CONTROLS,
        max_tokens=MAX_TOKENS,
        batch_size=BATCH,
        null_option=True,
        seed=0,
        progress=progress,
    )
    score_run(out)


def summarise(
    out: Path, names: Sequence[str], pairs: Sequence[Sample], laboratory: LabSettings
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
            "laboratory": laboratory.model_dump(),
        },
        "failures": {name: _failed(out / name) for name in ("sft", *METHODS)},
    }


def _failed(run: Path) -> int:
    return len(read_jsonl(run / "failures.jsonl"))
