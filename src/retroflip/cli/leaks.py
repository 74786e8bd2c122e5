"""`retroflip leaks`: what a training set shares with a benchmark."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retroflip.cli.columns import Columns, column_map
from retroflip.cli.terminal import AsJson, example, print_json, print_table, shown_progress
from retroflip.errors import counted

if TYPE_CHECKING:
    from retroflip.bench.leaks import Leaks


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command(epilog=example("retroflip leaks data/train.jsonl data/dybench --json"))(leaks)


def leaks(
    train: Annotated[
        Path, typer.Argument(metavar="TRAIN", help="Training records, or a folder that holds records.jsonl.")
    ],
    bench: Annotated[
        str, typer.Argument(metavar="BENCH", help="A benchmark by its name, or the folder of one built here.")
    ],
    train_root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the training records' paths start.", show_default="their folder"
        ),
    ] = None,
    root: Annotated[Path | None, typer.Option(metavar="DIR", help="The benchmark's own files.")] = None,
    look: Annotated[
        bool, typer.Option("--look/--no-look", help="Decode videos to find those that look alike.")
    ] = True,
    columns: Columns = None,
    json: AsJson = False,
) -> None:
    """Say what a training set shares with a benchmark, and what could not be compared.

    Compared are source data sets, recordings by name, questions, files by their bytes, and videos by their looks:
    re-encoded, mirrored, played backwards, or both.
    """
    from retroflip.bench.leaks import Place, find_leaks
    from retroflip.bench.questions import RECORDS, bench_questions
    from retroflip.data.manifest import manifest_beside
    from retroflip.data.records import stream_samples

    records = train / RECORDS if train.is_dir() else train
    asked = bench_questions(bench, root)
    place = train_root or records.parent
    with shown_progress() as progress:
        found = find_leaks(
            Place(stream_samples(records, column_map(columns)), place, manifest_beside(place)),
            Place(asked.dataset.samples, asked.dataset.root),
            look=look,
            progress=progress,
        )
    if json:
        print_json(found.as_json())
    else:
        _show(found)


def _show(found: "Leaks") -> None:
    kinds = {
        "recordings by name": found.recordings,
        "questions": found.asked,
        "questions with options": found.asked_with_options,
        "files by their bytes": found.same_files,
        "videos by their looks": found.looks,
    }
    rows = [[name, str(shared.n), str(len(shared.bench)), _first(shared)] for name, shared in kinds.items()]
    rows += [[f"data set {name}", str(a), str(b), ""] for name, (a, b) in sorted(found.data_sets.items())]
    titles = ["shared", "training records", "questions", "the first"]
    print_table("What the training set has of the benchmark", titles, rows, numbers=False)
    print(
        f"{counted(found.records, 'training record')}, {counted(found.questions, 'question')}; {len(found.affected)} "
        "of these are about a "
        "recording that is in the training set."
    )
    for sentence in found.not_compared:
        print(f"Not compared: {sentence}")


def _first(shared: object) -> str:
    matches = getattr(shared, "matches", [])
    if not matches:
        return ""
    one = matches[0]
    return f"{one.train} = {one.bench}" + (f", {one.how}" if one.how else "")
