"""`retroflip push`: a model or a benchmark on the Hugging Face hub; and `--push` of the commands that make them."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from retroflip.cli.quiet import set_environment
from retroflip.cli.terminal import AsJson, example, print_json, shown_progress
from retroflip.errors import RetroflipError, counted

Push = Annotated[
    str | None,
    typer.Option(
        "--push",
        metavar="OWNER/NAME",
        help="When it is done, put it into this private repository of the Hugging Face hub, as `retroflip push` does.",
    ),
]
"""the option of a command that makes what one would push"""
_MEGABYTE = 1e6
PUSHED = "push.json"
"""what came of the push at the end of a command, beside what the command made"""


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command(epilog=example("retroflip push runs/crpo/model --to me/sees-motion --dry-run"))(push)


def require(repository: str | None) -> None:
    """Raise UsageError where a push that is asked for could not begin."""
    if repository is not None:
        from retroflip.data import hub

        hub.require(repository)


def sent(folder: Path, repository: str | None, beside: Path) -> dict[str, Any] | None:
    """Push what was made, if it is asked for, and return what came of it, which is written into a folder too.

    A push that fails raises nothing: what was made is whole, and the command for another try comes with the error.
    """
    if repository is None:
        return None
    from retroflip.data import hub
    from retroflip.files.storage import write_json_atomic

    found: dict[str, Any] = {"repository": repository, "folder": str(folder)}
    try:
        upload = hub.planned(folder, repository, public=False)
        with shown_progress() as progress:
            found |= {"sent": True, "address": hub.push(upload, progress)}
    except RetroflipError as error:
        again = shlex.join(["retroflip", "push", str(folder), "--to", repository])
        found |= {"sent": False, "error": str(error), "again": again}
    write_json_atomic(beside / PUSHED, found)
    return found


def conclude(found: dict[str, Any] | None, *, json: bool) -> None:
    """Say what came of a push, if there was one, unless the JSON has it already; exit with 1 where it failed."""
    if found is None:
        return
    if found["sent"]:
        if not json:
            print(f"It is in the private repository {found['repository']}: {found['address']}")
        return
    told = f"{found['folder']} is whole, and is not on the hub. {found['error']} Try again with:\n  {found['again']}"
    print(told, file=sys.stderr)
    raise typer.Exit(1)


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
        amount = f"{counted(len(upload.files), 'file')}, {upload.bytes / _MEGABYTE:.1f} MB"
        print(f"{amount}, to the {seen} {upload.kind} {to}. Nothing is sent.")
        return
    with shown_progress() as progress:
        address = hub.push(upload, progress)
    if json:
        print_json({**told, "sent": True, "address": address})
        return
    print(f"{counted(len(upload.files), 'file')} in the {seen} {upload.kind} {to}: {address}")
