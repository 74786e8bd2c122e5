"""`retroflip data`: published training sets, what a file of records holds, and mixtures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retroflip.cli.columns import Columns, RecordsArgument, column_map
from retroflip.cli.terminal import AsJson, example, print_json, print_table, shown_progress
from retroflip.cli.workers import EngineName, EngineNameOption, WorkersOption, engine_of
from retroflip.errors import UsageError, counted

if TYPE_CHECKING:
    from retroflip.data.imports import Imported

_SHOWN = 12
_TABLES = {
    "by_modality": "Modality",
    "by_type": "Type of problem",
    "by_source": "Source",
    "by_task_type": "Task type",
    "options": "Options",
    "answers": "Right answer",
    "question_characters": "Characters of the question",
    "pass_rates": "Pass rate",
}


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Import published training sets, and look at what files of records hold.",
        epilog=example("retroflip data list"),
    )
    command = "retroflip data import video-r1 Video-R1-260k.json --out video-r1.jsonl --root media"
    group.command("import", epilog=example(command))(import_)
    group.command("stats", epilog=example("retroflip data stats video-r1.jsonl --json"))(stats)
    group.command("mix", epilog=example("retroflip data mix recipes/tiny/mixture.yaml --dry-run"))(mix)
    command = "retroflip data build recipes/paper/crpo_data.yaml --root VideoAuto-R1-Data --out crpo-data"
    group.command("build", epilog=example(command))(build)
    group.command("list", epilog=example("retroflip data list --json"))(list_)
    app.add_typer(group, name="data")


def import_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The source, as `data list` names it.")],
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="Its file as published, or the folder that holds it.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="New file of records (JSONL).")],
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the media lie: records of missing ones are rejected. Without it none is looked for.",
        ),
    ] = None,
    media: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where images go that stand in the files as bytes."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Show videos whole where a question is about a part of them.")
    ] = False,
    split: Annotated[str | None, typer.Option(help="Of a data set that has several: train, ...")] = None,
    columns: Columns = None,
    engine: EngineNameOption = EngineName.LOCAL,
    workers: WorkersOption = 1,
    json: AsJson = False,
) -> None:
    """Write a published data set as records that training reads.

    Rows that become no record are counted by their reason and listed in FILE.rejects.jsonl; FILE.md is a card that says
    what the file holds. The three files appear when all is read, and the same command writes the same bytes.
    """
    from retroflip.data.imports import Outputs, import_source
    from retroflip.data.sources import source_named
    from retroflip.data.sources.base import Wanted

    wanted = Wanted(path, column_map(columns), split, whole)
    source, where = source_named(name), engine_of(engine, workers)
    with shown_progress() as progress:
        done = import_source(source, wanted, out, progress, root=root, media=media, engine=where)
    outputs = Outputs.of(out)
    if json:
        places = {"out": out, "rejects": outputs.rejects, "card": outputs.card}
        print_json({"source": name, **places, **done.as_json()})
        return
    _told(done, outputs.rejects)
    print(f"{counted(done.tally.samples, 'record')}: {out}. What it holds: {outputs.card}")


def _told(done: "Imported", rejects: Path) -> None:
    for reason, count in done.rejects.most_common():
        print(f"{counted(count, 'row')} rejected: {reason}")
    if done.rejects:
        print(f"The first: {done.first}")
        print(f"All are in {rejects}.")


def stats(
    file: RecordsArgument,
    columns: Columns = None,
    json: AsJson = False,
) -> None:
    """Count what a file of records holds: by modality, type, source and task type, answers, lengths, pass rates."""
    from retroflip.data.records import stream_samples
    from retroflip.data.tally import tally_of

    counts = tally_of(stream_samples(file, column_map(columns))).as_json()
    if json:
        print_json({"file": file, **counts})
        return
    print(f"{counted(counts['samples'], 'record')} about {counted(counts['media_files'], 'file')}")
    for key, title in _TABLES.items():
        _print_counts(title, counts[key])


def _print_counts(title: str, counts: dict[str, Any]) -> None:
    if not counts:
        return
    total = sum(counts.values())
    rows = [[name, str(count), f"{count / total:.1%}"] for name, count in list(counts.items())[:_SHOWN]]
    if len(counts) > _SHOWN:
        rows.append([f"and {len(counts) - _SHOWN} more", "", ""])
    print_table(title, ["", "records", "share"], rows)


def list_(json: AsJson = False) -> None:
    """List the sources: what each is, what to download, and where its media lie."""
    from retroflip.data.sources import SOURCES

    if json:
        keys = ("title", "get", "root", "licence")
        found = [
            {
                "name": source.name,
                **{key: getattr(source, key) for key in keys},
                "takes": sorted(source.takes),
            }
            for source in SOURCES.values()
        ]
        print_json({"sources": found})
        return
    for source in SOURCES.values():
        print(f"{source.name}\n    {source.title}.\n    Download: {source.get}.\n    Root: {source.root}.")
        print(f"    Licence: {source.licence}.")


def mix(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe of `train` or `sft`.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Settings of the recipe, as `train` takes them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the ids of an epoch in their order, JSON lines."),
    ] = None,
    epoch: Annotated[int, typer.Option(min=0, help="Which epoch --out has.")] = 0,
    rank: Annotated[int, typer.Option(min=0, help="Of which process --out has the share.")] = 0,
    ranks: Annotated[int, typer.Option(min=1, help="Among how many processes.")] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report, which is all that happens without --out.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Report what a recipe's data comes to: shares of an epoch, lengths, balance of answers, tokens.

    The order of an epoch is a function of the recipe's seed, the epoch and the process, and of nothing else.
    """
    from retroflip.jobs.mixing import mix_report, write_order
    from retroflip.jobs.recipes import load_recipe

    if rank >= ranks:
        raise UsageError(
            f"--rank {rank} is none of {counted(ranks, 'process')}: they are numbered from 0 on."
        )
    loaded = load_recipe(recipe, overrides or [])
    with shown_progress() as progress:
        progress.stage("looking at the data", 0, "")
        report = mix_report(loaded)
        if out is not None and not dry_run:
            write_order(loaded, out, epoch, rank, ranks)
    if json:
        print_json(report)
        return
    rows = [
        [
            name,
            str(part["questions"]),
            str(part["of_an_epoch"]),
            f"{part['share']:.1%}",
            f"{part['laps_an_epoch']:g}",
            "?" if part["prompt_tokens"] is None else f"{part['prompt_tokens']:g}",
        ]
        for name, part in report["parts"].items()
    ]
    print_table("Parts", ["", "questions", "of an epoch", "share", "laps", "prompt tokens"], rows)
    for name, part in report["parts"].items():
        for key in ("by_modality", "answers"):
            _print_counts(f"{name}: {_TABLES[key].lower()}", part[key])
    tokens = report["tokens"]["prompts_an_epoch"]
    told = "not known, since files are missing" if tokens is None else f"about {tokens:,}"
    print(
        f"{report['epochs']:g} epochs of {counted(report['epoch'], 'question')}; tokens of an epoch's prompts: {told}."
    )


def build(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe of kind data.")],
    root: Annotated[Path, typer.Option(metavar="DIR", help="The folder that holds the published files.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the corpus; a rerun goes on in it.")],
    workers: WorkersOption = 1,
    engine: EngineNameOption = EngineName.LOCAL,
    json: AsJson = False,
) -> None:
    """Make a training corpus of published files: import, label by the Task Router, mix, and check the paper's counts.

    OUT/mixture.yaml is what a training recipe names as data.records. OUT/report.json has all counts beside the paper's,
    and what is otherwise.
    """
    from retroflip.corpus.build import MIXTURE, REPORT
    from retroflip.corpus.build import build as make
    from retroflip.corpus.recipe import read_corpus

    elsewhere = engine is EngineName.RAY or workers > 1
    where = engine_of(engine, workers) if elsewhere else None
    with shown_progress() as progress:
        report = make(read_corpus(recipe), root, out, progress, where)
    if json:
        print_json({"mixture": out / MIXTURE, "report": out / REPORT, **report})
        return
    rows = [[name, str(one["found"]), str(one["expected"])] for name, one in report["counts"].items()]
    print_table(report["title"], ["", "records", "paper"], rows)
    for deviation in report["deviations"]:
        print(f"Otherwise: {deviation}")
    print(f"Train with data.records={out / MIXTURE}; all counts: {out / REPORT}")
