"""The HTTP side of a client: no redirects, and no response longer than its tokens can be."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.request import getproxies

from retroflip.errors import UsageError
from retroflip.llm.settings import Endpoint

if TYPE_CHECKING:
    import openai

BYTES_PER_TOKEN = 64
"""of a response, escapes included"""
BYTES_BESIDE = 2 << 20
"""of a response, for all that is not the answer"""


class ResponseRefusedError(Exception):
    """A response that is longer than it may be, or packed although that was not asked for."""


def connect(
    endpoint: Endpoint, key: str | None, bytes_per_token: int = BYTES_PER_TOKEN
) -> "openai.AsyncOpenAI":
    """Return the connection to an endpoint. Raises UsageError where the package for it is not installed."""
    if find_spec("openai") is None:
        raise UsageError(
            "Calls of a model behind an endpoint need the package openai, which is not installed. Install it with: "
            "uv pip install 'retroflip[llm]'"
        )
    import httpx2
    import openai

    from retroflip.llm.transport import Bounded, Lanes

    limit = BYTES_BESIDE + bytes_per_token * endpoint.max_tokens

    async def bound(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise ResponseRefusedError("the response is packed, although that was not asked for")
        response.stream = Bounded(response.stream, limit)

    return openai.AsyncOpenAI(
        api_key=key or "none",
        base_url=endpoint.base_url,
        timeout=endpoint.timeout_seconds,
        max_retries=0,
        # A few bytes can be packed gigabytes; and a redirect would send the videos of a request somewhere else.
        default_headers={"Accept-Encoding": "identity"},
        http_client=openai.DefaultAsyncHttpxClient(
            base_url=endpoint.base_url,
            follow_redirects=False,
            event_hooks={"response": [bound]},
            # A client with a transport of its own passes over the proxies that the environment names.
            transport=None if getproxies() else Lanes(),
        ),
    )


def omitted_headers(*, has_key: bool) -> "Mapping[str, openai.Omit]":
    """Return the headers to leave out: those that the package fills from the environment."""
    import openai

    names = ["OpenAI-Organization", "OpenAI-Project", *([] if has_key else ["Authorization"])]
    return {name: openai.Omit() for name in names}
