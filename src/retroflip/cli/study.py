"""`retroflip study`: tables that take many runs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import AsJson, print_json, print_table, shown_progress
from retroflip.errors import UsageError
from retroflip.models import tiny as packaged

SEEDS = "0,1,2"
ONE_SEED = "0"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    studies = typer.Typer(no_args_is_help=True, epilog="Example: retroflip study methods --quick")
    studies.callback()(_study)
    studies.command(epilog="Example: retroflip study methods --arms base,grpo,crpo --out runs/methods")(
        methods
    )
    app.add_typer(studies, name="study")


def _study() -> None:
    """Tables that take many runs."""


def methods(
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of all runs and of the tables.",
            show_default="runs/methods, with -quick behind it for --quick",
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Seeds, comma-separated.", show_default=f"{SEEDS}; with --quick {ONE_SEED}"),
    ] = None,
    arms: Annotated[
        str | None, typer.Option(help="Arms by name, comma-separated.", show_default="all")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few steps an arm: shows that every step works, and no more.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Train every method and ablation on the tiny laboratory, and compare them as the papers do.

    Takes hours. The tables, study.md and study.json, are there from the first arm on and cover what is done. Started
    again after an interruption, it goes on where it stopped. An arm that fails is recorded and the others go on; the
    exit code is then 1.
    """
    quiet(packaged.NAME)
    folder = out or Path("runs") / f"methods{'-quick' if quick else ''}"
    numbers = _numbers(seeds or (ONE_SEED if quick else SEEDS))
    with shown_progress() as progress:
        progress.stage("loading libraries", 0, "")
        from retroflip.study.run import run_study
        from retroflip.study.workplace import PAGE

        study = run_study(folder, seeds=numbers, names=_names(arms or ""), quick=quick, progress=progress)
    if json:
        print_json(study)
    else:
        _print(study)
        print(f"All of it, beside the papers' numbers: {folder / PAGE}")
    if study["cells"]["failed"]:
        raise typer.Exit(1)


def _print(study: dict[str, Any]) -> None:
    from retroflip.study.markdown import headline

    rows = [(arm["name"], *headline(arm)) for arm in study["arms"]]
    print_table("Methods", ("", "P-Acc %", f"minus {study['baseline']}", "seeds"), rows)
    for arm in study["arms"]:
        for seed, cell in arm["cells"].items():
            if cell["failure"]:
                print(f"{arm['name']}, seed {seed}: {cell['failure']}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str) -> list[int]:
    names = _names(text)
    if not names or not all(name.isdecimal() for name in names):
        raise UsageError(
            f"--seeds is {text!r}, which is no list of whole numbers. Write, say, --seeds {SEEDS}."
        )
    return list(dict.fromkeys(int(name) for name in names))
