"""`retroflip dybench`: build a benchmark of counterfactual pairs, attack it, release what raters accepted."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retroflip.cli import hub
from retroflip.cli.hub import Push
from retroflip.cli.terminal import AsJson, HelpfulGroup, example, print_json, print_table, shown_progress
from retroflip.cli.workers import EngineName, EngineNameOption, engine_of
from retroflip.errors import counted

if TYPE_CHECKING:
    from retroflip.bench.dybench.card import Summary
    from retroflip.bench.dybench.recipe import DyBenchRecipe
    from retroflip.bench.dybench.survey import Survey

SHOWN_REASONS = 20


class RuleName(StrEnum):
    """When a pair is released."""

    MAJORITY = "majority"
    UNANIMOUS = "unanimous"


class Toolkit(StrEnum):
    """What a benchmark is written for."""

    LMMS_EVAL = "lmms-eval"
    VLMEVALKIT = "vlmevalkit"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(cls=HelpfulGroup, no_args_is_help=True, rich_markup_mode=None)
    command = "retroflip dybench build recipes/dybench/synthetic.yaml --out data/dybench --workers 2"
    group.command(epilog=example(command))(build)
    group.command(epilog=example("retroflip dybench audit data/dybench --json"))(audit)
    command = "retroflip dybench release data/dybench --labels labels.jsonl --out data/dybench-1.0"
    group.command(epilog=example(command))(release)
    command = "retroflip dybench export lmms-eval data/dybench --out tasks"
    group.command(epilog=example(command))(export)
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
    engine: EngineNameOption = EngineName.LOCAL,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what the sources hold and lack, and build nothing.")
    ] = False,
    push: Push = None,
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

    if out is None and not dry_run:
        raise UsageError("--out is needed: say where to write, or ask with --dry-run what the sources hold.")
    if not dry_run:
        hub.require(push)
    read = load_dybench_recipe(recipe, overrides or [])
    roots = parse_roots(root or [], read)
    where = engine_of(engine, workers, apart=True)
    with shown_progress() as progress:
        found = survey(read, roots, progress, candidates, where)
        if not dry_run and not partial:
            require_whole(found)
        if out is not None and not dry_run:
            made = built(read, roots, found, out, where, progress)
    if dry_run or out is None:
        _show_survey(read, found, json)
        return
    if json:
        files = {"records": out / "records.jsonl", "card": out / "README.md"}
        pushed = hub.sent(out, push, out)
        print_json({**made.summary.as_json(), **files, "push": pushed})
    else:
        _show(made.summary, out)
        pushed = hub.sent(out, push, out)
    hub.conclude(pushed, json=json)


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


def audit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A benchmark's folder, with records.jsonl.")],
    json: AsJson = False,
) -> None:
    """Attack a benchmark: try to tell a pair's sides apart, or to answer, without watching.

    Exit code 1 where metadata, sizes or GOPs tell the sides apart; where one frame, frames in no order or the text
    tell which of the pair's answers is right, above chance by more than luck over recordings explains; or where the
    sides do not ask the same. How well playing forward is told from playing backwards, and distractors from right
    answers, is reported and fails nothing.
    """
    from retroflip.bench.dybench.audit.sides import read_pairs
    from retroflip.bench.dybench.audit.verdict import audit as audited

    with shown_progress() as progress:
        found = audited(read_pairs(folder, progress), progress)
    if json:
        print_json(found.as_json())
    else:
        rows = [
            [
                cell,
                one.attack,
                "must fail" if one.judged else "reported",
                str(one.pairs),
                f"{one.attempt.accuracy:.1%}",
                f"{one.attempt.low:.1%} to {one.attempt.high:.1%}",
                f"{one.attempt.chance:.1%}" + (f" (at most {one.most:.0%})" if one.most < 1.0 else ""),
            ]
            for cell, tried in found.tried.items()
            for one in tried
        ]
        header = ["pairs of", "attack", "", "pairs", "right", "95 %", "chance"]
        print_table("Answering without watching", header, rows, numbers=False)
        for name, count in found.unlike.items():
            print(f"Pairs whose sides differ in {name}: {count} of {found.pairs}")
        for cell, count in found.small.items():
            print(f"Too few to judge: {cell} ({counted(count, 'pair')})")
        print("\n".join([*found.notes, *found.faults, f"{counted(len(found.faults), 'fault')}."]))
    if found.faults:
        raise typer.Exit(1)


def release(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `dybench build` wrote.")],
    labels: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Verdicts, one JSON object a line: rater, pair, verdict (accept, reject), criteria.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder of the pairs that are kept.")],
    rule: Annotated[RuleName, typer.Option(help="When a pair is kept.")] = RuleName.MAJORITY,
    raters: Annotated[int, typer.Option(min=1, help="Raters who must have seen a pair.")] = 1,
    push: Push = None,
    json: AsJson = False,
) -> None:
    """Keep the pairs that raters accepted, and say how far the raters agree."""
    from retroflip.bench.dybench.labels import Rule
    from retroflip.bench.dybench.release import release as released

    hub.require(push)
    with shown_progress() as progress:
        found = released(folder, labels, out, Rule(rule.value), raters, progress)
    if json:
        pushed = hub.sent(out, push, out)
        print_json(
            {
                **found.summary.as_json(),
                "rejected": found.rejected,
                "unseen": found.unseen,
                "unknown": found.unknown,
                "agreement": found.agreement,
                "records": out / "records.jsonl",
                "push": pushed,
            }
        )
        hub.conclude(pushed, json=True)
        return
    verdict = found.agreement["verdict"]
    alpha = verdict["krippendorff_alpha"]
    print(
        "Agreement: not known, no pair has two verdicts."
        if alpha is None
        else f"Agreement on {counted(verdict['pairs'], 'pair')}: Krippendorff's alpha {alpha:.2f} "
        f"({verdict['interval'][0]:.2f} to {verdict['interval'][1]:.2f})."
    )
    for two in verdict["cohen_kappa"]:
        print(
            f"{' and '.join(two['raters'])}: Cohen's kappa {two['kappa']:.2f} on {counted(two['pairs'], 'pair')}"
        )
    print(
        f"{counted(found.summary.pairs, 'pair')} kept, {found.rejected} rejected, {found.unseen} seen by too few, "
        f"{found.unknown} labelled that are not here: {out / 'records.jsonl'}"
    )
    hub.conclude(hub.sent(out, push, out), json=False)


def export(
    toolkit: Annotated[Toolkit, typer.Argument(metavar="TOOLKIT", help="lmms-eval, or vlmevalkit.")],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A benchmark's folder: records.jsonl and its videos.")
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Where the task's folder goes; for vlmevalkit a TSV file, too."),
    ],
    json: AsJson = False,
) -> None:
    """Write a benchmark as a task of lmms-eval, or as a table of VLMEvalKit.

    The task scores answers and pairs by itself and needs no retroflip. Videos stay where they are; if their folder
    moves, the variable RETROFLIP_BENCH_ROOT says where it is.
    """
    from retroflip.bench.export.lmms_eval import export_lmms_eval
    from retroflip.bench.export.vlmevalkit import export_vlmevalkit

    written = (export_lmms_eval if toolkit is Toolkit.LMMS_EVAL else export_vlmevalkit)(folder, out)
    if json:
        print_json({"written": written.folder, "questions": written.questions, "pairs": written.pairs})
        return
    print(f"{counted(written.questions, 'question')}, {counted(written.pairs, 'pair')}: {written.folder}")
    if toolkit is Toolkit.LMMS_EVAL:
        print(
            f"Run it with: python -m lmms_eval eval --include_path {out} --tasks {written.folder.name} --model ..."
        )
