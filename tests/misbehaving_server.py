"""A server of chat completions that behaves badly on purpose, on this machine alone."""

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self


class Fault(NamedTuple):
    """What is done in place of an answer: an HTTP status with headers, or one of the words of `MisbehavingServer`."""

    what: str
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    body: str = ""


SLOW, RESET, GARBAGE, TRUNCATED, CUT, EMPTY = map(
    Fault, ("slow", "reset", "garbage", "truncated", "cut", "empty")
)
DRIPPING, DRIPPING_HEADERS = Fault("drip"), Fault("drip headers")
ENDLESS = Fault("endless")


def status(number: int, body: str = '{"error": {"message": "no"}}', **headers: str) -> Fault:
    """Return the fault of an HTTP status."""
    return Fault("status", number, {name.replace("_", "-"): value for name, value in headers.items()}, body)


Answer = Callable[[dict[str, Any]], str]


class MisbehavingServer:
    """Answers POST /v1/chat/completions with `answer(request)`, after the faults planned for the first requests.

    body: makes the whole body of an answer, in place of `answer`, which makes its text.

    requests: the bodies received, in order; headers: theirs; answered: the bodies that got a whole answer;
    left: how many clients went while their answer dripped.
    """

    def __init__(
        self, answer: Answer, faults: Iterable[Fault] = (), slow_seconds: float = 5.0, wait: float = 0.0
    ) -> None:
        self.answer, self.faults, self.slow_seconds, self.wait = answer, deque(faults), slow_seconds, wait
        self.body: Answer = lambda request: completion(self.answer(request))
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.answered: list[dict[str, Any]] = []
        self.left = 0
        self.lock = threading.Lock()
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}


def completion(text: Any, finish: str = "stop", usage: Any = USAGE) -> str:
    """Return the body of a response. text: its content, which servers also send in parts."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return json.dumps({"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage})


def _handler(server: MisbehavingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with server.lock:
                server.requests.append(request)
                server.headers.append({name.lower(): value for name, value in self.headers.items()})
                server.times.append(time.monotonic())
                fault = server.faults.popleft() if server.faults else None
            if fault is not None:
                self.misbehave(fault)
                return
            server.over.wait(server.wait)
            self.respond(200, server.body(request))
            with server.lock:
                server.answered.append(request)

        def misbehave(self, fault: Fault) -> None:
            if fault.what == "slow":
                server.over.wait(server.slow_seconds)
                self.close_connection = True
            elif fault.what == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
            elif fault.what == "garbage":
                self.respond(200, "<html>Bad gateway</html>", kind="text/html")
            elif fault.what == "truncated":
                self.respond(200, completion("half")[:60])
            elif fault.what == "cut":
                self.respond(200, completion("half")[:60], length=500)
                self.close_connection = True
            elif fault.what.startswith("drip"):
                self.drip(b"X-Byte: " if fault.what == "drip headers" else b"Content-Length: 9999\r\n\r\n")
            elif fault.what == "endless":
                self.pour()
            elif fault.what == "empty":
                self.respond(200, '{"choices": []}')
            else:
                self.respond(fault.status, fault.body, headers=fault.headers)

        def pour(self) -> None:
            """Send a body that never ends, as fast as it is taken."""
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                while not server.over.is_set():
                    self.wfile.write(b" " * 65536)
            except ConnectionError:
                with server.lock:
                    server.left += 1
            self.close_connection = True

        def drip(self, begin: bytes) -> None:
            """Send a byte now and then, never all of them, until the client goes."""
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n" + begin)
                while not server.over.wait(0.05):
                    self.wfile.write(b" ")
            except ConnectionError:
                with server.lock:
                    server.left += 1
            self.close_connection = True

        def respond(
            self, code: int, body: str, kind: str = "application/json", length: int | None = None,
            headers: Mapping[str, str] | None = None,
        ) -> None:  # fmt: skip
            content = body.encode()
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length or len(content)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

        def finish(self) -> None:
            """Take it that a client has gone."""
            try:
                super().finish()
            except (ConnectionError, ValueError):
                self.close_connection = True

    return Handler
