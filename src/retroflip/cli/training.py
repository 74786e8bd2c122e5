"""`retroflip train` and `retroflip sft`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli import hub
from retroflip.cli.hub import Push
from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import AsJson, example, main_progress, print_json
from retroflip.errors import OtherProcessError, RunStoppedError, UsageError, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from retroflip.data.sample import TaskType
    from retroflip.jobs.recipes import AnyRecipe
    from retroflip.train.task_types import TypeInTraining

RecipeFile = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="YAML file, or the run.json of an earlier run.")
]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings to replace: train.steps=200.")
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Run directory.", show_default="runs/ and the recipe's name"),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print the resolved recipe, which runs as it is, the cost and whether it fits; train nothing.",
    ),
]
Gpus = Annotated[
    str | None,
    typer.Option(
        "--gpus",
        metavar="COUNTxSIZE",
        help="With --dry-run, the machine that the run is for: 8x80GB, or 8x79.6GiB as nvidia-smi counts.",
        show_default="this one",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run in the run directory.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=example("retroflip train recipes/tiny/crpo.yaml train.steps=50 --out runs/crpo"))(
        train
    )
    app.command(epilog=example("retroflip sft recipes/tiny/sft.yaml data.records=mine.jsonl --dry-run"))(sft)


def train(
    recipe: RecipeFile,
    overrides: Overrides = None,
    out: Out = None,
    dry_run: DryRun = False,
    gpus: Gpus = None,
    resume: Resume = False,
    push: Push = None,
    json: AsJson = False,
) -> None:
    """Train a model by reinforcement learning.

    The recipe names the method, the data and every setting.
    """
    _run("rl", recipe, overrides or [], out, dry_run=dry_run, gpus=gpus, resume=resume, push=push, json=json)


def sft(
    recipe: RecipeFile,
    overrides: Overrides = None,
    out: Out = None,
    dry_run: DryRun = False,
    gpus: Gpus = None,
    resume: Resume = False,
    push: Push = None,
    json: AsJson = False,
) -> None:
    """Fine-tune a model on reasoning traces."""
    _run("sft", recipe, overrides or [], out, dry_run=dry_run, gpus=gpus, resume=resume, push=push, json=json)


def _run(
    kind: str,
    file: Path,
    overrides: list[str],
    out: Path | None,
    *,
    dry_run: bool,
    gpus: str | None,
    resume: bool,
    push: str | None,
    json: bool,
) -> None:
    from retroflip.jobs.recipes import load_recipe

    recipe = load_recipe(file, overrides)
    if recipe.kind != kind:
        right = {"rl": "train", "sft": "sft"}[recipe.kind]
        raise UsageError(f"{file} is a recipe of kind '{recipe.kind}': run it with `retroflip {right}`.")
    quiet(recipe.model.path, online=push is not None)
    if dry_run:
        _show(recipe, gpus, json=json)
        return
    hub.require(push)
    if gpus is not None:
        raise UsageError(
            "--gpus describes the machine of a dry run; a run takes the GPUs that it finds. Add --dry-run."
        )
    from retroflip.models import processes

    directory = out or Path("runs") / file.stem
    try:
        before = _train(recipe, directory, resume=resume)
    except OtherProcessError as error:
        raise typer.Exit(error.exit_code) from error
    except RunStoppedError as stopped:
        processes.leave()
        if processes.is_main():
            print_json({"out": str(directory), "stopped_behind_step": stopped.step}) if json else print(
                stopped
            )
        return
    if processes.is_main():
        _conclude(directory, finished_before=before, push=push, json=json)


def _train(recipe: "AnyRecipe", out: Path, *, resume: bool) -> bool:
    """Train, unless the run is to be resumed and was finished before; return whether it was.

    A finished run that is to be resumed with more steps goes on.
    """
    from retroflip.models import processes
    from retroflip.train.run_directory import RunDirectory

    with main_progress() as progress:
        if resume:
            processes.join()
            before = processes.from_main(lambda: RunDirectory.lengthen(out, recipe.resolved()))
            if before is not None:
                progress.stage(f"going on behind step {before}, to {recipe.train.steps}", 0, "")
            if RunDirectory.is_finished(out, recipe.resolved()):
                return True
        progress.stage("loading libraries", 0, "")
        from retroflip.jobs import running

        running.run(recipe, out, resume=resume, progress=progress)
        processes.leave()
    return False


def _conclude(out: Path, *, finished_before: bool, push: str | None, json: bool) -> None:
    """Write the report, which a kill after the last step leaves out, say what there is now, and push the model.

    Exits with 1 where the push failed.
    """
    from retroflip.files.storage import read_jsonl
    from retroflip.report.build import report_directories
    from retroflip.report.learned import hardly_anything_learned, nothing_learned
    from retroflip.train.conditions import read_trained
    from retroflip.train.task_types import by_task_type, remarks

    report = report_directories([out], out / "report.html")
    rows = read_jsonl(out / "metrics.jsonl")
    verdict = nothing_learned(rows) or hardly_anything_learned(rows)
    types = by_task_type(rows)
    result = {"out": str(out), "model": str(out / "model"), "report": str(report)}
    fallen = _fallen_trackers(out)
    if json:
        named = {kind.value: one._asdict() for kind, one in types.items()}
        told = {
            "warning": verdict,
            "task_types": named,
            "notes": list(remarks(types)),
            "trackers_failed": fallen,
        }
        found = hub.sent(out / "model", push, out)
        print_json({**result, **told, "push": found})
        hub.conclude(found, json=True)
        return
    for line in _by_type(types):
        print(line)
    lost = [
        f"{one['tracker']} failed at step {one['step']} ({one['message']}) and was told nothing from then on."
        for one in fallen
    ]
    for text in [*([verdict] if verdict else []), *remarks(types), *lost]:
        print(text)
    begun = "The run was finished already." if finished_before else "The run is finished."
    print(f"{begun} The model: {result['model']}, the report: {report}. Judge it on pairs:")
    words = ["--model", result["model"], "--data", "PAIRS.jsonl", "--out", f"{out}-answers"]
    print(f"  {shlex.join(['retroflip', 'generate', *words])}")
    if trained := read_trained(result["model"]):
        print(f"It is then asked as it was trained, unless an option says otherwise: {trained.asked.told()}.")
    hub.conclude(hub.sent(out / "model", push, out), json=False)


def _fallen_trackers(out: Path) -> "list[dict[str, Any]]":
    """Return what this start's logs say of trackers that failed."""
    from retroflip.files.storage import read_jsonl
    from retroflip.train.run_directory import newest_logs
    from retroflip.train.trackers import RECORD

    logs = newest_logs(out)
    return read_jsonl(logs / RECORD) if logs and (logs / RECORD).is_file() else []


def _by_type(types: "Mapping[TaskType, TypeInTraining]") -> "Iterator[str]":
    """Yield a line on each task type: what its questions earned in the last steps."""
    for kind, one in types.items():
        values = (
            (one.reward, "reward", "{:.2f}"),
            (one.correct, "right", "{:.0%}"),
            (one.same_answer, "same answer on the counterfactual", "{:.0%}"),
        )
        told = [f"{name} {form.format(value)}" for value, name, form in values if value is not None]
        yield f"{kind.value}: {', '.join(told)} ({counted(one.questions, 'question')} in the last steps)"


def _show(recipe: "AnyRecipe", gpus: str | None, *, json: bool) -> None:
    from retroflip.jobs.cost import cost
    from retroflip.jobs.starting import require_start
    from retroflip.recipes.reading import dumped
    from retroflip.train import machine

    target = machine.here() if gpus is None else machine.parse(gpus)
    require_start(recipe, target)
    resolved = recipe.resolved()
    expected = cost(recipe, target)
    if json:
        print_json({"recipe": resolved, "cost": expected})
        return
    verdict, remark = expected.pop("verdict"), expected.pop("remark", "")
    for line in _lines(expected):
        print(f"# {line}")
    print(dumped(resolved), end="")
    print(f"# By this estimate it {verdict}")
    if remark:
        print(f"# {remark}")


def _lines(values: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, value in values.items():
        label = f"{indent}{name.replace('_', ' ')}:"
        if isinstance(value, dict):
            lines += [label, *_lines(value, f"{indent}  ")]
        else:
            lines.append(f"{label} {value:,}" if isinstance(value, int) else f"{label} {value}")
    return lines
