"""`retroflip push`: a model or a benchmark on the Hugging Face hub."""

from pathlib import Path
from typing import Annotated

import typer

from retroflip.cli.quiet import set_environment
from retroflip.cli.terminal import AsJson, example, print_json, shown_progress

_MEGABYTE = 1e6


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command(epilog=example("retroflip push runs/crpo/model --to me/sees-motion --dry-run"))(push)


def push(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A run's model/, a benchmark, or a data set with its card.")
    ],
    to: Annotated[str, typer.Option(metavar="OWNER/NAME", help="The repository, made where it is missing.")],
    public: Annotated[
        bool, typer.Option("--public", help="For everybody to see; without it, the repository is private.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be sent; send nothing and need no token.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Put a model or a benchmark on the Hugging Face hub, with its card.

    The token is read from the environment's HF_TOKEN alone. Files that are there already are not sent again, so the
    same command goes on after an interruption. See that you may pass on what is in the folder: the card names licences.
    """
    set_environment()
    from retroflip.data import hub

    upload = hub.planned(folder, to, public=public)
    told = {
        "repository": to,
        "kind": upload.kind.value,
        "public": public,
        "bytes": upload.bytes,
        "files": [{"path": name, "bytes": size} for name, size in upload.files],
    }
    seen = "public" if public else "private"
    if dry_run:
        if json:
            print_json({**told, "sent": False})
            return
        for name, size in upload.files:
            print(f"{size / _MEGABYTE:10.3f} MB  {name}")
        amount = f"{len(upload.files)} files, {upload.bytes / _MEGABYTE:.1f} MB"
        print(f"{amount}, to the {seen} {upload.kind} {to}. Nothing is sent.")
        return
    with shown_progress() as progress:
        address = hub.push(upload, progress)
    if json:
        print_json({**told, "sent": True, "address": address})
        return
    print(f"{len(upload.files)} files are in the {seen} {upload.kind} {to}: {address}")
