"""What the demo and the study over seeds use again: only what they would make themselves."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from retroflip.errors import RunDirectoryError
from retroflip.files.storage import jsonable
from retroflip.progress import Silence
from retroflip.rl import train as rl_run
from retroflip.sft import train as sft_run
from retroflip.sft.recipe import SftRecipe
from retroflip.study import demo
from retroflip.study.stages import FULL, Size, lab_settings
from retroflip.train.run_directory import RunDirectory

SMALL = Size(sft_samples=2, train_samples=2, pairs_per_task=1, sft_steps=3, rl_steps=2)


class ReachedRlError(Exception):
    """The supervised stage is behind."""


def test_a_finished_stage_is_used_again_only_if_it_is_the_one_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[SftRecipe] = []

    def train(recipe: SftRecipe, out: Path, *, resume: bool, **_: Any) -> None:
        trained.append(recipe)
        run = RunDirectory.open(out, recipe.resolved(), resume=resume)
        run.model.mkdir()
        run.finish()

    def reinforce(*_: Any, **__: Any) -> None:
        raise ReachedRlError

    def run_small() -> None:
        demo.run_demo(tmp_path, seed=0, quick=True, progress=Silence(), laboratory={"size": 32})

    monkeypatch.setattr(demo, "QUICK", SMALL)
    monkeypatch.setattr(sft_run, "train", train)
    monkeypatch.setattr(rl_run, "train", reinforce)
    for _ in range(2):
        with pytest.raises(ReachedRlError):
            run_small()
    assert [recipe.train.steps for recipe in trained] == [3]

    monkeypatch.setattr(demo, "QUICK", replace(SMALL, sft_steps=4))
    with pytest.raises(RunDirectoryError, match=r"train\.steps \(was 3, now 4\).*--out"):
        run_small()


def study() -> ModuleType:
    """Import the benchmark, which is a script and no part of the package."""
    file = Path(__file__).parents[2] / "benchmarks" / "laboratory.py"
    spec = importlib.util.spec_from_file_location("laboratory_study", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("place", ["summary.json", "data/pairs/dataset.json"])
def test_a_seed_is_used_again_only_if_it_is_of_the_laboratory_wanted(tmp_path: Path, place: str) -> None:
    made = jsonable(lab_settings(FULL, 1, {"strength": 0.5}).model_dump())
    (tmp_path / "data" / "pairs").mkdir(parents=True)
    kept = {"seed": 1} if place != "summary.json" else {"seed": 1, "laboratory": made}
    (tmp_path / "summary.json").write_text(json.dumps({"settings": kept}))
    (tmp_path / "data" / "pairs" / "dataset.json").write_text(json.dumps({"form": "laboratory", **made}))
    summary_of = study().summary_of

    assert summary_of(tmp_path, 1, {"strength": 0.5})["settings"]["seed"] == 1
    with pytest.raises(RunDirectoryError, match=r"strength \(was 0\.5, now 0\.25\)\."):
        summary_of(tmp_path, 1, {})
    with pytest.raises(RunDirectoryError, match=r"seed \(was 1, now 2\)"):
        summary_of(tmp_path, 2, {"strength": 0.5})
