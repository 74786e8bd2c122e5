"""`retroflip study`: tables that take many runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from retroflip.cli.quiet import quiet
from retroflip.cli.terminal import AsJson, HelpfulGroup, example, print_json, print_table, shown_progress
from retroflip.errors import UsageError
from retroflip.models import tiny as packaged

if TYPE_CHECKING:
    from retroflip.bench.metrics.base import Measure

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


class _Asked(NamedTuple):
    """A study's options."""

    out: Path | None
    seeds: str | None
    arms: str | None
    quick: bool
    json: bool


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
    studies.command("label-flips", epilog=example("retroflip study label-flips --seeds 0 --out runs/labels"))(
        label_flips
    )
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
    _run("methods", _Asked(out, seeds, arms, quick, json))


def synrl(
    out: Out = None, seeds: Seeds = None, arms: Arms = None, quick: Quick = False, json: AsJson = False
) -> None:
    """Train the embedded model in SynRL's stages, and compare them as its tables 5, 7, 9 and 11 do.

    Takes hours, most of them for table 9's arms: untaught, full, spatial, temporal, short and long, each after its
    supervised start. Tables, interruptions and failures are as with `retroflip study methods`.
    """
    _run("synrl", _Asked(out, seeds, arms, quick, json))


def label_flips(
    out: Out = None, seeds: Seeds = None, arms: Arms = None, quick: Quick = False, json: AsJson = False
) -> None:
    """Train CRPO on the tiny laboratory with 0, 6, 20 and 50 % of its task types wrong, as a router's would be.

    Tables, interruptions and failures are as with `retroflip study methods`.
    """
    _run("labels", _Asked(out, seeds, arms, quick, json))


def _run(name: str, asked: _Asked) -> None:
    """Run a study, print its results, and exit with 1 where an arm failed."""
    quiet(packaged.NAME)
    with shown_progress() as progress:
        progress.stage("loading libraries", 0, "")
        from retroflip.study.directory import PAGE, REPORT
        from retroflip.study.loop import run_study
        from retroflip.study.registry import STUDIES

        folder = asked.out or Path("runs") / f"{name}{'-quick' if asked.quick else ''}"
        seeds, arms = _numbers(asked.seeds, asked.quick), _names(asked.arms or "")
        plan = STUDIES[name](asked.quick)
        study = run_study(plan, folder, seeds=seeds, names=arms, progress=progress)
    if asked.json:
        print_json(study)
    else:
        for table in study["tables"]:
            _print(table, plan.headline)
        print(f"All of it, beside the papers' numbers: {folder / PAGE}")
        print(f"To look at it: {folder / REPORT}")
    if study["cells"]["failed"]:
        raise typer.Exit(1)


def _print(table: dict[str, Any], measure: "Measure") -> None:
    from retroflip.study.markdown import headline

    rows = [(arm["name"], *headline(arm, measure)) for arm in table["arms"]]
    header = ("", f"{measure.label} %", f"minus {table['baseline']}", "seeds")
    print_table(table["table"].capitalize(), header, rows)
    for arm in table["arms"]:
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
