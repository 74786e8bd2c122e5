"""`retroflip demo`, `retroflip doctor` and `retroflip tiny`."""

import inspect
import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import AsJson, HelpfulGroup, example, print_json, print_table, shown_progress
from retroflip.errors import UsageError
from retroflip.models import tiny as packaged

REBUILT = Path("runs") / packaged.NAME


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog=example("retroflip demo --quick --out runs/first"))(demo)
    app.command(epilog=example("retroflip doctor --json"))(doctor)
    embedded = typer.Typer(
        cls=HelpfulGroup, no_args_is_help=True, epilog=example("retroflip tiny build --out runs/tiny")
    )
    embedded.callback()(_tiny)
    embedded.command(epilog=example("retroflip tiny build --out runs/tiny --steps 500"))(build)
    app.add_typer(embedded, name="tiny")


def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of everything the demo makes.",
            show_default="runs/demo, with -quick and -seed-N behind it for --quick and another seed than 0",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the videos, the training and its rollouts.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="The same steps with less of everything.")] = False,
    json: AsJson = False,
) -> None:
    """Go the whole way, from nothing to a report.

    Renders videos, trains on them with SFT, GRPO and CRPO, judges the models on pairs and writes a report. Started
    again after an interruption, it goes on where it stopped.
    """
    quiet(packaged.NAME)
    from retroflip.cli.scores import print_summary

    folder = out or demo_folder(seed, quick=quick)
    with shown_progress() as progress:
        progress.stage("loading libraries", 0, "")
        from retroflip.study.demo import run_demo

        report = run_demo(folder, seed=seed, quick=quick, progress=progress)
    summary = json_format.loads((folder / "summary.json").read_text(encoding="utf-8"))
    if json:
        print_json({**summary, "report": str(report)})
    else:
        print_summary(summary)
        print(f"The report: {report}")


def demo_folder(seed: int, *, quick: bool) -> Path:
    """Return where a demo goes by itself: demos that make other things do not share a folder.

    >>> demo_folder(3, quick=True).as_posix()
    'runs/demo-quick-seed-3'
    """
    return Path("runs") / f"demo{'-quick' if quick else ''}{f'-seed-{seed}' if seed else ''}"


def doctor(json: AsJson = False) -> None:
    """Say what this machine lacks, and how to mend it."""
    quiet(packaged.NAME)
    from retroflip.train.doctor import collect

    found = collect()
    if json:
        print_json(found)
    else:
        rows = [(check["name"], check["status"], check["value"]) for check in found["checks"]]
        print_table("This machine", ("", "", "found"), rows, numbers=False)
        for check in found["checks"]:
            if check["fix"]:
                print(f"{check['name']}: {check['fix']}")
    if not found["ok"]:
        raise typer.Exit(1)


def _tiny() -> None:
    """The embedded model."""


def build(
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the model.",
            show_default=f"the package where its weights are missing or damaged, else {REBUILT}",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Training steps.", show_default="the shipped model's")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the weights and the clips.")] = 0,
    json: AsJson = False,
) -> None:
    """Make retroflip-tiny again, from nothing.

    Its tokenizer, its model and its training take under 45 minutes on two cores.
    """
    quiet(packaged.NAME)
    from retroflip.lab.tiny_model import build as train_anew
    from retroflip.train.doctor import tiny_model

    folder = out or (REBUILT if tiny_model(packaged.WEIGHTS).status == "ok" else packaged.WEIGHTS)
    _check_replaceable(folder)
    total = steps or inspect.signature(train_anew).parameters["steps"].default
    with shown_progress() as progress:
        progress.stage(f"building {packaged.NAME}", total, "steps")
        train_anew(
            folder,
            lambda step, _, loss: progress.advance(step, f"loss {loss:.3f}"),
            steps=total,
            seed=seed,
        )
    if json:
        print_json({"model": str(folder), "steps": total, "seed": seed})
    else:
        print(f"The model: {folder}. Use it with --model {folder}.")


def _check_replaceable(folder: Path) -> None:
    """Refuse a folder with anything but an earlier build. The package's own weights may be damaged, and are made again.

    A build's manifest lists its files, and these are all that is there.
    """
    from retroflip.data.manifest import MANIFEST_NAME, manifest_beside

    if not folder.exists() or folder.resolve() == packaged.WEIGHTS.resolve():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file, and a model needs a folder. Name another one with --out.")
    if (folder.parent / "run.json").is_file():
        raise UsageError(f"{folder} is the model of a run. Name a new or empty folder with --out.")
    there = {entry.name for entry in folder.iterdir()}
    manifest = manifest_beside(folder) if there else None
    built = {*manifest.files, MANIFEST_NAME} if manifest else set()
    foreign = sorted(there - built) or (sorted(there) if "model.safetensors" not in built else [])
    if foreign:
        raise UsageError(
            f"{folder} holds something else than an earlier build of {packaged.NAME} ({foreign[0]}), which a build "
            "could overwrite. Name a new or empty folder with --out."
        )
