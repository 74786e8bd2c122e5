"""How requests go out: over as many connections as there are calls under way, and with an end to every response.

It imports httpx2, which comes with the extra `llm`.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx2

from retroflip.llm.connection import ResponseRefusedError


class Lanes(httpx2.AsyncBaseTransport):
    """Transports of one connection each: a request takes a free one, and keeps it until its response is closed.

    A pool looks at all of its idle connections, down to the socket, whenever a request comes or goes; with 32 of them
    that was a third of the processor time of a call.
    """

    def __init__(self) -> None:
        self._free: list[httpx2.AsyncHTTPTransport] = []
        self._tls = httpx2.create_ssl_context()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        lane = self._free.pop() if self._free else httpx2.AsyncHTTPTransport(verify=self._tls)
        try:
            response = await lane.handle_async_request(request)
        except BaseException:
            self._free.append(lane)
            raise
        response.stream = _Lent(response.stream, lane, self._free)
        return response

    async def aclose(self) -> None:
        """Close the connections, of which none may be in use."""
        for lane in self._free:
            await lane.aclose()


class _Passed(httpx2.AsyncByteStream):
    """A response's stream, passed on."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        """Close the stream itself."""
        await self._stream.aclose()


class _Lent(_Passed):
    """A stream whose transport is free again when it is closed."""

    def __init__(
        self, stream: Any, lane: httpx2.AsyncHTTPTransport, free: list[httpx2.AsyncHTTPTransport]
    ) -> None:
        super().__init__(stream)
        self._lane, self._free = lane, free

    async def aclose(self) -> None:
        """Close the stream and give its transport back."""
        try:
            await super().aclose()
        finally:
            self._free.append(self._lane)


class Bounded(_Passed):
    """A stream that ends with an error behind so many bytes."""

    def __init__(self, stream: Any, limit: int) -> None:
        super().__init__(stream)
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for chunk in super().__aiter__():
            length += len(chunk)
            if length > self._limit:
                raise ResponseRefusedError(f"the response is longer than {self._limit:,} bytes")
            yield chunk
