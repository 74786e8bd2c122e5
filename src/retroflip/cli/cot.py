"""`retroflip cot`: reasoning traces for temporal videos."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.terminal import AsJson, DefaultCommand, example, print_json, print_table, shown_progress
from retroflip.errors import UsageError, counted

if TYPE_CHECKING:
    from retroflip.cot.recipe import CotRecipe


class WritingByDefault(DefaultCommand):
    """A group in which arguments that begin with no command are those of `write`."""

    default = "write"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    command = example("retroflip cot data/temporal-cot --out data/temporal-cot/traces.jsonl")
    group = typer.Typer(
        cls=WritingByDefault,
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Reasoning traces for temporal videos: write them, or check given ones. `cot DIR` is `cot write DIR`.",
        epilog=command,
    )
    group.command("write", epilog=command)(cot)
    group.command(epilog=example("retroflip cot check data/temporal-cot --traces traces.jsonl --json"))(check)
    app.add_typer(group, name="cot")


def check(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The data set that the traces are about (`retroflip synth`)."),
    ],
    traces: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="A JSON object a line: id, process and, where there are any, claims."
        ),
    ],
    json: AsJson = False,
) -> None:
    """Check given reasoning traces and their claims against the metadata of their videos.

    Exit code 1 where one is refused.
    """
    from retroflip.cot.trace_sets import check_traces, read_tasks

    found = check_traces(read_tasks(folder, any_split=True), traces)
    if json:
        print_json(found)
    else:
        print(f"{len(found['accepted'])} traces accepted, {len(found['refused'])} refused.")
        for name, reason in found["refused"].items():
            print(f"  {name}: {reason}")
    if found["refused"]:
        raise typer.Exit(1)


def cot(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A data set that `retroflip synth --split cot` wrote.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE] [KEY=VALUE]...",
            help="A recipe (recipes/cot) with the models, and settings to replace; without one no model is needed.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR_OR_FILE", help="A new folder, or a FILE.jsonl: records, journal and statistics."
        ),
    ] = None,
    apart_from: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="A data set for RL; stop if it shares a question or a video."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the styles in which no model writes.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print how many calls and tokens it takes at most, and stop.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Write reasoning traces for sft: generate, verify, reflect, polish.

    Every trace is checked against its video's metadata: each time, event and answer. Without a recipe the traces are
    written from the metadata in several styles. Given again after an interruption, the same command repeats no call.
    """
    from retroflip.cot.trace_sets import Places, check_apart, read_tasks, write_by_models, write_embedded

    recipe = _recipe(settings or [])
    tasks = read_tasks(folder)
    check_apart(tasks, apart_from or [])
    if dry_run:
        _show_estimate(len(tasks), _estimate(tasks, recipe), json)
        return
    if out is None:
        raise UsageError(
            f"--out is needed: say where the traces go, for example --out {folder / 'traces.jsonl'}"
        )
    places = Places.of(out)
    with shown_progress() as progress:
        if recipe is None:
            stats = write_embedded(folder, tasks, places, seed, progress)
        else:
            stats = write_by_models(folder, tasks, places, recipe, progress)
    _report(stats, places.records, places.stats, json)


def _recipe(settings: list[str]) -> "CotRecipe | None":
    """Return the recipe among the arguments, with the settings behind it applied."""
    from retroflip.cot.recipe import load_cot_recipe

    if not settings:
        return None
    first, *rest = settings
    if "=" in first:
        raise UsageError(
            f"{first!r} is a setting of a recipe, and no recipe is named. Put one before it, for example "
            "recipes/cot/qwen3_vl.yaml"
        )
    return load_cot_recipe(Path(first), rest)


def _estimate(tasks: list[Any], recipe: "CotRecipe | None") -> dict[str, Any]:
    from retroflip.cot.trace_sets import estimate

    if recipe is None:
        return {"samples": len(tasks), "calls": 0, "tokens": 0, "cost": 0.0, "by_role": {}}
    return {**estimate(tasks, recipe), "recipe": recipe.resolved()}


def _show_estimate(samples: int, found: dict[str, Any], json: bool) -> None:
    if json:
        print_json(found)
        return
    rows = [
        [
            role,
            str(row["calls"]),
            str(row["prompt_tokens"]),
            str(row["completion_tokens"]),
            f"{row['cost']:.2f}",
        ]
        for role, row in found["by_role"].items()
    ]
    if rows:
        header = ["at most", "calls", "prompt tokens", "response tokens", "cost"]
        print_table(counted(samples, "sample"), header, rows)
    print(
        f"{counted(samples, 'sample')}, at most {counted(found['calls'], 'call')} and "
        f"{counted(found['tokens'], 'token')}."
    )


def _report(stats: dict[str, Any], records: Path, file: Path, json: bool) -> None:
    settings = [f"data.records={records}", *([f"data.root={stats['root']}"] if stats["root"] else [])]
    if json:
        print_json({**stats, "records": str(records), "stats": str(file), "sft": settings})
        return
    print(f"{stats['accepted']} of {stats['samples']} traces accepted ({stats['acceptance']:.1%}): {records}")
    for reason, count in stats["lost_samples"].items():
        print(f"  {count} lost by {reason}")
    if stats["failed"]:
        print("  Run the same command again to repeat the calls that failed.")
    print(f"Train on them with: retroflip sft RECIPE {shlex.join(settings)}")
