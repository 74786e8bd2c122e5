"""`retroflip view`: runs, answers, benchmarks and synthetic videos in a browser."""

import secrets
import socket
from pathlib import Path
from typing import Annotated

import typer

from retroflip.cli.terminal import example
from retroflip.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command(epilog=example("retroflip view runs/demo"))(view)


def view(
    directories: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR...]", help="Folders that hold them.", show_default="this folder"),
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

    folders = Folders(tuple(directories or [Path.cwd()]))
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
