"""`retroflip synth` and `retroflip validate`."""

from pathlib import Path
from typing import Annotated

import typer

from retroflip.cli.terminal import AsJson, print_json, shown_progress

SHOWN_FAULTS = 20


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog="Example: retroflip synth --out data/pairs --per-task 50 --seed 1")(synth)
    app.command(epilog="Example: retroflip validate --data data/pairs/records.jsonl")(validate)


def synth(
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder of the data set.")],
    per_task: Annotated[int, typer.Option(min=1, help="Pairs of each task, and as many static questions.")],
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal files.")],
    size: Annotated[int, typer.Option(min=1, help="Side of the videos in pixels.")] = 128,
    traces: Annotated[
        bool, typer.Option("--traces", help="Give every question its reasoning, for sft.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Render synthetic counterfactual pairs.

    The folder gets MP4 files, the questions in records.jsonl, and a manifest of hashes.
    """
    from retroflip.data.manifest import MANIFEST_NAME
    from retroflip.synth.dataset import RECORDS_NAME, write_pairs

    with shown_progress() as progress:
        samples = write_pairs(
            out, per_task=per_task, seed=seed, size=size, with_traces=traces, progress=progress
        )
    pairs = len({sample.pair for sample in samples if sample.pair})
    files = {"records": str(out / RECORDS_NAME), "manifest": str(out / MANIFEST_NAME)}
    if json:
        print_json({"samples": len(samples), "pairs": pairs, **files})
    else:
        print(f"{len(samples)} questions, {pairs} pairs of them counterfactual: {files['records']}")


def validate(
    data: Annotated[Path, typer.Option(metavar="FILE", help="Records, JSONL or JSON.")],
    json: AsJson = False,
) -> None:
    """Check a data file's rewards, without a model.

    The right answer to every question must score 1, an empty answer 0, and the answer of a pair's other side 0.
    """
    from retroflip.bench.selfcheck import check_rewards
    from retroflip.data.records import read_samples

    result = check_rewards(read_samples(data))
    if json:
        faults = [fault._asdict() for fault in result.faults]
        print_json({"questions": result.questions, "pairs": result.pairs, "faults": faults})
    else:
        for fault in result.faults[:SHOWN_FAULTS]:
            print(f"{fault.id}: {fault.message}")
        if len(result.faults) > SHOWN_FAULTS:
            print(f"... and {len(result.faults) - SHOWN_FAULTS} more; --json lists all.")
        print(f"{result.questions} questions and {result.pairs} pairs checked: {len(result.faults)} faults.")
    if result.faults:
        raise typer.Exit(1)
