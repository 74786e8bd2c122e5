"""`retroflip study`: tables that take many runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import AsJson, HelpfulGroup, example, print_json, print_table, shown_progress
from retroflip.errors import UsageError
from retroflip.models import tiny as packaged
from retroflip.progress import Progress

SEEDS = "0,1,2"
ONE_SEED = "0"


Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of all runs and of the tables.",
        show_default="runs/ and the study's name, with -quick behind it for --quick",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(help="Seeds, comma-separated.", show_default=f"{SEEDS}; with --quick {ONE_SEED}"),
]
Arms = Annotated[str | None, typer.Option(help="Arms by name, comma-separated.", show_default="all")]
Quick = Annotated[
    bool, typer.Option("--quick", help="A few steps an arm: shows that every step works, and no more.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    studies = typer.Typer(
        cls=HelpfulGroup, no_args_is_help=True, epilog=example("retroflip study methods --quick")
    )
    studies.callback()(_study)
    studies.command(epilog=example("retroflip study methods --arms base,grpo,crpo --out runs/methods"))(
        methods
    )
    studies.command(epilog=example("retroflip study synrl --arms base,rl,sft,sft_rl --out runs/synrl"))(synrl)
    app.add_typer(studies, name="study")


def _study() -> None:
    """Tables that take many runs."""


def methods(
    out: Out = None, seeds: Seeds = None, arms: Arms = None, quick: Quick = False, json: AsJson = False
) -> None:
    """Train every method and ablation on the tiny laboratory, and compare them as the papers do.

    Takes hours. The tables, study.md and study.json, are there from the first arm on and cover what is done. Started
    again after an interruption, it goes on where it stopped. An arm that fails is recorded and the others go on; the
    exit code is then 1.
    """
    with _shown() as progress:
        from retroflip.study.run import run_study

        folder = _folder(out, "methods", quick)
        numbers, names = _numbers(seeds, quick), _names(arms or "")
        study = run_study(folder, seeds=numbers, names=names, quick=quick, progress=progress)
    _finish(study, [study], "p_acc", "P-Acc %", folder, json)


def synrl(
    out: Out = None, seeds: Seeds = None, arms: Arms = None, quick: Quick = False, json: AsJson = False
) -> None:
    """Train the embedded model in SynRL's stages, and compare them as its tables 5, 7, 9 and 11 do.

    Takes hours, most of them for table 9's arms: untaught, full, spatial, temporal, short and long, each after its
    supervised start. Tables, interruptions and failures are as with `retroflip study methods`.
    """
    with _shown() as progress:
        from retroflip.study.synrl.run import run_study

        folder = _folder(out, "synrl", quick)
        numbers, names = _numbers(seeds, quick), _names(arms or "")
        study = run_study(folder, seeds=numbers, names=names, quick=quick, progress=progress)
    _finish(study, study["courses"], "acc", "accuracy %", folder, json)


@contextmanager
def _shown() -> Iterator[Progress]:
    quiet(packaged.NAME)
    with shown_progress() as progress:
        progress.stage("loading libraries", 0, "")
        yield progress


def _folder(out: Path | None, name: str, quick: bool) -> Path:
    return out or Path("runs") / f"{name}{'-quick' if quick else ''}"


def _finish(
    study: dict[str, Any],
    parts: Sequence[dict[str, Any]],
    measure: str,
    heading: str,
    folder: Path,
    as_json: bool,
) -> None:
    """Print a study's results, and exit with 1 where an arm failed."""
    from retroflip.study.workplace import PAGE

    if as_json:
        print_json(study)
    else:
        for part in parts:
            _print(part, measure, heading)
        print(f"All of it, beside the papers' numbers: {folder / PAGE}")
    if study["cells"]["failed"]:
        raise typer.Exit(1)


def _print(study: dict[str, Any], measure: str, heading: str) -> None:
    from retroflip.study.markdown import headline

    rows = [(arm["name"], *headline(arm, measure)) for arm in study["arms"]]
    print_table(study["study"].capitalize(), ("", heading, f"minus {study['baseline']}", "seeds"), rows)
    for arm in study["arms"]:
        for seed, cell in arm["cells"].items():
            if cell["failure"]:
                print(f"{arm['name']}, seed {seed}: {cell['failure']}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(seeds: str | None, quick: bool) -> list[int]:
    text = seeds or (ONE_SEED if quick else SEEDS)
    names = _names(text)
    if not names or not all(name.isdecimal() for name in names):
        raise UsageError(
            f"--seeds is {text!r}, which is no list of whole numbers. Write, say, --seeds {SEEDS}."
        )
    return list(dict.fromkeys(int(name) for name in names))
