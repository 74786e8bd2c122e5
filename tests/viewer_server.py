"""The viewer's server in this process, asked over HTTP."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

uvicorn = pytest.importorskip("uvicorn")

from retroflip.web.app import Settings, make_app  # noqa: E402 - only where there is a server
from retroflip.web.places import Folders  # noqa: E402

HOSTS = frozenset({"127.0.0.1", "localhost"})


@contextmanager
def serving(*given: Path, token: str | None = None, prefer: tuple[Path, ...] = ()) -> Iterator[int]:
    """Serve folders and files, and give the port."""
    app = make_app(Folders(given, prefer), Settings(HOSTS, token))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def asked(port: int, route: str, headers: dict[str, str] | None = None, **query: Any) -> HTTPResponse:
    """Return the response to a GET, read by the caller."""
    found = HTTPConnection("127.0.0.1", port, timeout=30)
    found.request("GET", f"{route}?{urlencode(query)}" if query else route, headers=headers or {})
    return found.getresponse()


def told(port: int, route: str, **query: Any) -> Any:
    """Return what is in a JSON response."""
    return json.loads(asked(port, route, **query).read())


def settled(port: int, route: str, **query: Any) -> Any:
    """Return what is in a JSON response once all files behind it are read."""
    while (found := told(port, route, **query))["read"] < 1:
        time.sleep(0.01)
    return found


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Add rows to a file of JSON lines."""
    with path.open("a") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
