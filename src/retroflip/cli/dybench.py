"""`retroflip dybench`: build a benchmark of counterfactual pairs, attack it, release what raters accepted."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retroflip.cli.synth import EngineName
from retroflip.cli.terminal import AsJson, HelpfulGroup, example, print_json, print_table, shown_progress
from retroflip.errors import counted

if TYPE_CHECKING:
    from retroflip.bench.dybench.card import Summary
    from retroflip.bench.dybench.recipe import DyBenchRecipe
    from retroflip.bench.dybench.survey import Survey
    from retroflip.synth.engines import Engine

SHOWN_REASONS = 20


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(cls=HelpfulGroup, no_args_is_help=True, rich_markup_mode=None)
    command = "retroflip dybench build recipes/dybench/synthetic.yaml --out data/dybench --workers 2"
    group.command(epilog=example(command))(build)
    app.add_typer(group, name="dybench", help="Build a paired benchmark, attack it, and release it.")


def build(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe with `kind: dybench`.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings in place of the recipe's.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="New folder of the benchmark; a rerun goes on in it.")
    ] = None,
    root: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE=DIR", help="Where a source's files are.")
    ] = None,
    candidates: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="candidates.jsonl of another build: exactly these pairs again."),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Build without the sources that are missing.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes that decode and encode.")] = 1,
    engine: Annotated[EngineName, typer.Option(help="This machine, or a Ray cluster.")] = EngineName.LOCAL,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what the sources hold and lack, and build nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Build counterfactual pairs from local copies of the sources that a recipe names.

    Both sides of a pair are cut before anything is done to them, hold all frames, and are written alike. Given again
    after an interruption, the same command writes what is missing.
    """
    from retroflip.bench.dybench.build import build as built
    from retroflip.bench.dybench.recipe import load_dybench_recipe, parse_roots
    from retroflip.bench.dybench.survey import require_whole, survey
    from retroflip.errors import UsageError
    from retroflip.synth.engines import LocalEngine, RayEngine

    if out is None and not dry_run:
        raise UsageError("--out is needed: say where to write, or ask with --dry-run what the sources hold.")
    read = load_dybench_recipe(recipe, overrides or [])
    roots = parse_roots(root or [], read)
    with shown_progress() as progress:
        found = survey(read, roots, progress, candidates)
        if not dry_run and not partial:
            require_whole(found)
        if out is not None and not dry_run:
            where: Engine = LocalEngine(workers) if engine is EngineName.LOCAL else RayEngine()
            made = built(read, roots, found, out, where, progress)
    if dry_run or out is None:
        _show_survey(read, found, json)
        return
    if json:
        print_json({**made.summary.as_json(), "records": out / "records.jsonl", "card": out / "README.md"})
    else:
        _show(made.summary, out)


def _show_survey(recipe: "DyBenchRecipe", found: "Survey", json: bool) -> None:
    counts = {quota: len(queue) for quota, queue in found.queues.items()}
    if json:
        print_json(
            {
                "quotas": [
                    {
                        "sub_task": task,
                        "source": name,
                        "wanted": recipe.wanted[task, name],
                        "candidates": count,
                    }
                    for (task, name), count in counts.items()
                ],
                "missing": [one._asdict() for one in found.missing],
                "refused": _reasons(found),
                "not_asked": found.not_asked,
                "recipe": recipe.portable(),
            }
        )
        return
    rows = [
        [task, name, _wanted(recipe.wanted[task, name]), str(count)] for (task, name), count in counts.items()
    ]
    print_table("What the sources hold", ["sub-task", "source", "wanted", "candidates"], rows, numbers=False)
    for one in found.missing:
        print(f"Missing: {one.source}: {one.what}.")
    _show_reasons(_reasons(found))


def _wanted(count: int | None) -> str:
    return "all" if count is None else str(count)


def _reasons(found: "Survey") -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in found.refused:
        reason = f"{one.key.partition('/')[0]}: {one.reason}"
        counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda one: -one[1]))


def _show_reasons(reasons: "dict[str, int]") -> None:
    for reason, count in list(reasons.items())[:SHOWN_REASONS]:
        print(f"Refused: {count} of {reason}")
    if len(reasons) > SHOWN_REASONS:
        print(f"... and {counted(len(reasons) - SHOWN_REASONS, 'more reason')}.")


def _show(summary: "Summary", out: Path) -> None:
    rows = [
        [part.sub_task, part.source, _wanted(part.wanted), str(part.made), str(part.candidates)]
        for part in summary.parts
    ]
    header = ["sub-task", "source", "wanted", "pairs", "candidates"]
    print_table("Pairs by sub-task and source", header, rows, numbers=False)
    for source, what in summary.missing.items():
        print(f"Missing: {source}: {what}.")
    _show_reasons(dict(summary.refused))
    short = sum(part.short for part in summary.parts)
    lacking = f" {counted(short, 'pair')} short of the recipe;" if short else ""
    print(f"{counted(summary.pairs, 'pair')}:{lacking} {out / 'records.jsonl'}, card {out / 'README.md'}")
