"""`retroflip view`: runs, answers, benchmarks and synthetic videos in a browser; `retroflip labels`."""

import csv
import io
import secrets
import socket
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from retroflip.cli.terminal import AsJson, example, print_json
from retroflip.errors import UsageError, counted

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command(epilog=example("retroflip view runs/demo"))(view)
    app.command(epilog=example("retroflip labels data/dybench --out labels.jsonl"))(labels)


def view(
    directories: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DIR...]",
            help="Folders that hold them, and routed files to audit.",
            show_default="this folder",
        ),
    ] = None,
    prefer: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Given twice: two files of traces, to be compared blindly."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's need a token.")
    ] = (LOOPBACK[0]),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8765,
) -> None:
    """Show training runs, answers, benchmarks and synthetic videos in a browser, while they grow.

    Only files in the folders given are read. Labels that people give are kept in labels.sqlite in the folder that they
    are about. On an address that other machines reach, the page's address holds a token, and nobody without it sees
    anything.
    """
    try:
        import uvicorn

        from retroflip.web.app import Settings, make_app
    except ImportError as error:
        raise UsageError(
            "retroflip view needs Starlette and uvicorn, of which one is not installed. Install them with: uv pip "
            "install 'retroflip[web]'"
        ) from error
    from retroflip.web.places import Folders

    folders = Folders(tuple(directories or ([] if prefer else [Path.cwd()])), tuple(prefer or ()))
    if not folders.places():
        raise UsageError(
            f"{', '.join(map(str, folders.given))}: no run, answers, benchmark or synthetic videos in it. Give the "
            "--out directory of a demo, train, generate, synth or dybench build."
        )
    private = host in LOOPBACK
    token = None if private else secrets.token_urlsafe(24)
    settings = Settings(frozenset({*LOOPBACK, "[::1]"}) if private else frozenset(), token)
    with _bound(host, port) as listening:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}/"
        print(f"{address}{f'?token={token}' if token else ''}\nCtrl-C ends it.", flush=True)
        server = uvicorn.Server(uvicorn.Config(make_app(folders, settings), log_level="warning"))
        server.run(sockets=[listening])


class Task(StrEnum):
    """What was labelled."""

    VERIFY = "verify"
    AUDIT = "audit"
    PREFERENCE = "preference"


def labels(
    place: Annotated[Path, typer.Argument(metavar="PATH", help="The folder, or file, that people labelled.")],
    task: Annotated[Task, typer.Option(help="What was labelled.")] = Task.VERIFY,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here: JSONL, or of an audit a table.")
    ] = None,
    rater: Annotated[str | None, typer.Option(help="One rater's alone.")] = None,
    json: AsJson = False,
) -> None:
    """Write down what people said in the viewer, as `dybench release` and `route audit` read it.

    Of an audit with several raters a sample's label is what most of them gave. Of preferences the share of the first
    file's traces that were preferred is printed.
    """
    from retroflip.web.labels import Labels, labels_file
    from retroflip.web.rating import preferred

    found = [one for one in Labels(place).all(task.value) if rater in (None, one["rater"])]
    if not found:
        raise UsageError(
            f"{labels_file(place)} holds no label of the kind {task.value}{f' by {rater}' if rater else ''}. Give "
            f"labels with: retroflip view {place}"
        )
    if out is not None:
        _write_labels(task, found, out)
    said: dict[str, Any] = {"labels": len(found), "raters": sorted({one["rater"] for one in found})}
    if task is Task.PREFERENCE:
        said |= preferred(found)
    if json:
        print_json(said)
        return
    print(f"{counted(len(found), 'label')} by {', '.join(said['raters'])}{f': {out}' if out else ''}")
    if task is Task.PREFERENCE and said["win_rate_a"] is not None:
        low, high = said["interval"]
        print(
            f"The first file's trace was preferred {said['a']} times, the second's {said['b']}, {said['ties']} ties: "
            f"{said['win_rate_a']:.1%} [{low:.1%}, {high:.1%}]."
        )


def _write_labels(task: Task, found: Sequence[Mapping[str, Any]], out: Path) -> None:
    from retroflip.files.storage import write_jsonl_atomic, write_text_atomic
    from retroflip.web.rating import agreed_table

    if task is not Task.AUDIT:
        name = "pair" if task is Task.VERIFY else "item"
        rows = ({name if key == "item" else key: value for key, value in one.items()} for one in found)
        write_jsonl_atomic(out, rows, seal=False)
        return
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(["id", "label"])
    table.writerows(agreed_table(found, None).items())
    write_text_atomic(out, text.getvalue())


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises UsageError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(
            f"{host}, port {port}: cannot be listened on ({error.strerror}). Name another with --port, 0 for any "
            "that is free."
        ) from error
