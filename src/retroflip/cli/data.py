"""`retroflip validate`."""

from pathlib import Path
from typing import Annotated

import typer

from retroflip.cli.terminal import AsJson, print_json

SHOWN_FAULTS = 20


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(epilog="Example: retroflip validate --data data/pairs/records.jsonl")(validate)


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
